//! Joins the rooms: a [`Pipeline`] makes a [`Sighting`] of a frame, a judge makes a
//! judgement of it. [`Live`] does so on threads, for the window, where the newest frame
//! wins; [`headless`] does so in order, for files and logs, where every frame counts.
//! Cameras that stall, threads that panic and logs that cannot be written are told in
//! the [`Snapshot`], never silently dropped.

mod capture;
#[cfg(test)]
mod fakes;
mod faster;
pub mod headless;
mod imagine;
mod judge;
mod opinion;
mod options;
mod pipeline;
mod pool;
mod publish;
mod recorder;
mod snapshot;
mod threads;
mod vision;

pub use crate::record::{Entry, Event};
#[cfg(feature = "gui")]
pub(crate) use capture::words_of;
pub use faster::try_faster;
pub use imagine::{Imagined, Imaginer};
pub use opinion::Opinion;
pub use options::{LiveOptions, OpenSource, OpenVision, Pace, Parts, PipelineOptions};
pub use pipeline::{Look, Pipeline, Sighting, Timing, Vision, VisionInfo};
pub use pool::{Lent, PipelinePool};
pub use snapshot::{Command, Snapshot, Stats, Summary};
pub use threads::Live;

use thiserror::Error;

use crate::{
    alarm::AlarmError, background::NoThread, face::FaceError, infer::InferError,
    record::RecordError, source::SourceError,
};

/// A watch that cannot start or go on.
#[derive(Debug, Error)]
pub enum LiveError {
    /// The source cannot be opened or read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The face cannot be looked for.
    #[error(transparent)]
    Face(#[from] FaceError),
    /// The classifier cannot be loaded or run.
    #[error(transparent)]
    Infer(#[from] InferError),
    /// A log cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The alarm cannot be started.
    #[error(transparent)]
    Alarm(#[from] AlarmError),
    /// A pipeline was used after it was given back.
    #[error("a face pipeline was used after it was given back; this is a mistake in the program")]
    GivenBack,
    /// A thread cannot be started.
    #[error(transparent)]
    Thread(#[from] NoThread),
}
