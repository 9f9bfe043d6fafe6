//! Recorded videos, many at once, much faster than they were recorded: a [`Collection`]
//! is listed, each of its videos is watched on a core of its own, and what is left of it
//! is one [`VideoResult`]. A run may be split over machines ([`Shard`]) that share nothing
//! but a folder ([`RunFolder`]); what has been done there is never done again.

#[cfg(feature = "video")]
pub(crate) mod copy;
pub(crate) mod digest;
mod film;
mod folder;
mod list;
pub mod review;
mod shard;
mod truth;
mod watch;

pub use film::{Change, FRAME_MOST_S, Film, Told, Tuning};
pub use folder::{RunFacts, RunFolder, merge};
pub use list::{Collection, Video};
pub use shard::Shard;
pub use truth::{Span, TRUTH_ENDING};
pub use watch::{AlarmSpan, Problem, ProblemKind, ReplayOptions, VideoResult, VideoSigns, run};

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::{dataset::DatasetError, infer::ModelError, live::LiveError};

/// A run that cannot be made or joined.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The collection cannot be listed.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The models cannot be loaded or run, or a log not be written.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// A model cannot be read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A file cannot be read or written.
    #[error("{path} cannot be {what} ({why}); check the path and its rights", path = .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried: "read", "written".
        what: &'static str,
        /// The system's own words.
        why: std::io::Error,
    },
    /// There is no video.
    #[error("{path} holds no video ({known}); choose another folder", path = .path.display(), known = crate::source::formats::RECORDINGS_READ)]
    NoVideos {
        /// The folder.
        path: PathBuf,
    },
    /// A file of a run is not one.
    #[error("{path} is not a run file ({why}); remove it and watch the videos again", path = .path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// The folder belongs to another run.
    #[error("{path} holds another run ({what} differs); choose another folder, or give the same models, settings and videos", path = .path.display())]
    Another {
        /// The folder.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// Shards are missing.
    #[error("{path}: {missing} of {all} videos have not been watched yet, the first is {first}; let the other shards end, then merge again", path = .path.display())]
    Missing {
        /// The folder.
        path: PathBuf,
        /// Videos without a result.
        missing: usize,
        /// Videos there are.
        all: usize,
        /// One of the missing.
        first: String,
    },
    /// Somebody interrupted.
    #[error("the run was interrupted; give the same command again to go on")]
    Stopped,
}

impl ReplayError {
    /// For `map_err`: names what was done to which path.
    pub(crate) fn io(path: &Path, what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |why| Self::Io { path, what, why }
    }
}
