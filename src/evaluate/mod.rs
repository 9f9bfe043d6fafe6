//! Measures models on labelled data, with the definitions that scikit-learn uses
//! ([`metrics`]): whole photographs through the shipped detector, landmarks and
//! classifier ([`pictures`]); and draws what charts need ([`chart`]). Nothing here is
//! printed.

pub mod chart;
pub mod metrics;
pub mod pictures;

use std::path::PathBuf;

use thiserror::Error;

use crate::{dataset::DatasetError, live::LiveError, source::SourceError};

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
    /// A picture of the list has no label to measure against.
    #[error("{list} gives no label to {file}; write awake or drowsy, or take the line out", list = .list.display(), file = .file.display())]
    Unlabelled {
        /// The list.
        list: PathBuf,
        /// The picture.
        file: PathBuf,
    },
}
