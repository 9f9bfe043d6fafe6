//! Measures models on labelled data, with the definitions that scikit-learn uses
//! ([`metrics`], [`classes`]): whole photographs through the shipped detector, landmarks
//! and classifier ([`pictures`]), recordings of people through the monitor ([`videos`]).
//! Both become a [`task`]: answers, with figures and their intervals over people
//! ([`bootstrap`]), by a [`protocol`], told in a [`report`]. Films of which it is annotated
//! what happens when are judged as films ([`films`]). Beside them detector and landmarks on
//! faces whose points are known ([`landmarks`]), and blinks over minutes through the blink
//! model ([`blinks`]), by every norm ([`norms`], whose folds are fitted by [`ridge`]); what
//! charts need draws [`chart`].

pub(crate) mod blinks;
pub(crate) mod bootstrap;
pub(crate) mod classes;
pub mod films;
#[cfg(feature = "gui")]
pub(crate) mod job;
pub mod landmarks;
pub(crate) mod measure;
pub mod metrics;
pub mod norms;
pub(crate) mod pictures;
pub(crate) mod protocol;
pub(crate) mod report;
pub(crate) mod ridge;
pub(crate) mod task;
pub(crate) mod videos;

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::{
    dataset::DatasetError, infer::InferError, live::LiveError, replay::ReplayError,
    source::SourceError,
};

/// A measurement that cannot be made.
#[derive(Debug, Error)]
pub enum EvaluateError {
    /// The list cannot be used.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A picture of the list cannot be read.
    #[error(transparent)]
    Picture(#[from] SourceError),
    /// A model cannot be had or run.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// The blink model cannot be had or run.
    #[error(transparent)]
    Infer(#[from] InferError),
    /// A collection of videos cannot be watched or read.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A report cannot be written.
    #[error("the report {path} cannot be written ({why}); choose another folder", path = .path.display())]
    Report {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        why: io::Error,
    },
    /// There is no report to compare with.
    #[error("{path} is no report ({why}); name a folder that `evaluate --report` wrote", path = .path.display())]
    NoReport {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A column that was asked for is not in the list.
    #[error("{list} has no column {column}; choose one of: {known}", list = .list.display())]
    NoColumn {
        /// The list.
        list: PathBuf,
        /// What was asked for.
        column: String,
        /// What there is.
        known: String,
    },
    /// Two settings are to be compared, and no film has spans.
    #[error("{path} holds no film with spans beside it, and only on those are settings compared; write NAME.spans.json beside a film (docs/evaluate.md)", path = .path.display())]
    NoSpans {
        /// The data.
        path: PathBuf,
    },
    /// Two reports have no question in common.
    #[error("the two reports have no answer in common; compare measurements on the same data")]
    NothingInCommon,
    /// A picture of the list has no label to measure against.
    #[error("{list} gives no label to {file}; write awake or drowsy, or take the line out", list = .list.display(), file = .file.display())]
    Unlabelled {
        /// The list.
        list: PathBuf,
        /// The picture.
        file: PathBuf,
    },
}
