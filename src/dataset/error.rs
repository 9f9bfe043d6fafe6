//! What can be wrong with a list, a picture of it or a folder of crops.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::face::FaceError;

/// Data that cannot be used.
#[derive(Debug, Error)]
pub enum DatasetError {
    /// A file or folder cannot be read or written.
    #[error("{path} cannot be {what} ({source}); check the path and its rights", path = .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried: "read", "written".
        what: &'static str,
        /// The system's own words.
        source: std::io::Error,
    },
    /// A list of blinks cannot be used.
    #[error("{path} is no list of blinks ({why}); it needs one JSON object a line with fold, subject, label (0, 5 or 10) and blinks of four numbers each", path = .path.display())]
    Blinks {
        /// The list.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// A list is not of the expected form.
    #[error("{path} is no labelled list ({why}); it needs a first line `file,label,subject`", path = .path.display())]
    Form {
        /// The list.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// A line of a list cannot be used.
    #[error("{path}, line {line}: {why}", path = .path.display())]
    Line {
        /// The list.
        path: PathBuf,
        /// Line number, from 1.
        line: u64,
        /// What is wrong and the way out.
        why: String,
    },
    /// There is nothing in it.
    #[error("{path} lists no picture; add lines `file,label,subject`, or choose another", path = .0.display())]
    Empty(PathBuf),
    /// A folder holds none of the collections.
    #[error("{path} holds none of the research collections ({known}); check the path", path = .path.display())]
    NoCollection {
        /// The folder.
        path: PathBuf,
        /// The collections there are.
        known: String,
    },
    /// A crop of a prepared folder is not one.
    #[error("the crop {path} cannot be used ({why}); prepare the folder again", path = .path.display())]
    Crop {
        /// The crop.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The face network cannot be loaded or run.
    #[error(transparent)]
    Face(#[from] FaceError),
}

impl DatasetError {
    /// For `map_err`: names what was done to which path.
    pub(crate) fn io(path: &Path, what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, what, source }
    }
}
