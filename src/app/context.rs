//! What the screens are told: what there is to show of the watch, and the world around it.

use std::sync::Arc;

use super::text;
use crate::{
    frame::Mounting,
    live::{LiveError, PipelineOptions, Snapshot},
    monitor::Settings,
    source::{SourceError, SourceSpec},
};

/// What there is to show of the watch.
#[derive(Clone, Debug)]
pub(crate) enum Page {
    /// Camera and models are being opened.
    Opening,
    /// Nothing is watched, because cameras are looked at to choose one.
    Resting,
    /// They could not be.
    Failed(Failure),
    /// The latest of the running session.
    Watching(Arc<Snapshot>),
}

/// Why nothing can be watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// There is no camera: nothing is broken, it only needs one.
    pub no_camera: bool,
    /// The error's sentence.
    pub why: String,
}

impl Failure {
    /// Why a session did not open.
    pub(crate) fn of(error: &LiveError) -> Self {
        let no_camera = matches!(error, LiveError::Source(SourceError::NoCamera));
        Self { no_camera, why: text::sentence(&error.to_string()) }
    }

    /// Why a session that has opened shows nothing: its source could not be opened.
    pub(crate) fn to_begin(snapshot: &Snapshot) -> Option<Self> {
        let why = snapshot.no_source.as_deref()?;
        let no_camera = why == SourceError::NoCamera.to_string();
        Some(Self { no_camera, why: text::sentence(why) })
    }
}

/// What the screens are told of the world around them.
#[derive(Clone, Debug)]
pub(crate) struct AppContext {
    /// What is watched, or was asked for.
    pub source: SourceSpec,
    /// The thresholds that count.
    pub monitor: Settings,
    /// They come from a file that was named at the start, not from the settings.
    pub monitor_from_file: bool,
    /// The models, for screens that look at recordings.
    pub pipeline: PipelineOptions,
    /// How recordings are brought upright, as the command line says: what the user has
    /// chosen is said of the watched picture alone.
    pub mounting: Mounting,
    /// What is wrong with the settings, one sentence.
    pub notice: Option<String>,
}

impl Default for AppContext {
    /// The webcam, judged as usual by the models in use.
    fn default() -> Self {
        Self {
            source: SourceSpec::Webcam(0),
            monitor: Settings::default(),
            monitor_from_file: false,
            pipeline: PipelineOptions::default(),
            mounting: Mounting::default(),
            notice: None,
        }
    }
}
