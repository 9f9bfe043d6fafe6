//! Measures models on labelled data, with the definitions that scikit-learn uses
//! ([`metrics`]): whole photographs through the shipped detector, landmarks and
//! classifier ([`pictures`]), detector and landmarks on faces whose points are known
//! ([`landmarks`]), and blinks over minutes through the blink model ([`blinks`]). Nothing here is drawn or printed.

pub mod blinks;
pub mod landmarks;
pub mod metrics;
pub mod pictures;

use std::path::PathBuf;

use thiserror::Error;

use crate::{dataset::DatasetError, infer::InferError, live::LiveError, source::SourceError};

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
    /// A picture of the list has no label to measure against.
    #[error("{list} gives no label to {file}; write awake or drowsy, or take the line out", list = .list.display(), file = .file.display())]
    Unlabelled {
        /// The list.
        list: PathBuf,
        /// The picture.
        file: PathBuf,
    },
}
