//! What to watch and how, and the parts of the world that a watch is made of.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use super::{LiveError, Pipeline, Vision};
use crate::{
    alarm::{SoundState, Speaker, default_speaker},
    background::Waker,
    face::{FaceModels, Seat},
    infer::{ModelSource, RuntimeOptions},
    monitor::Settings,
    source::{self, OpenOptions, Source, SourceError, SourceSpec},
    vit::QMask,
};

/// How fast files are watched; a camera sets its own pace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// So many times as fast as they were recorded.
    Speed(f32),
    /// As fast as the machine can, every frame judged.
    Fast,
}

/// Which models make a sighting of a frame, and where they run.
#[derive(Clone, Debug, Default)]
pub struct PipelineOptions {
    /// Device and threads.
    pub runtime: RuntimeOptions,
    /// Face detector and landmark network.
    pub faces: FaceModels,
    /// The drowsiness classifier.
    pub classifier: ModelSource,
    /// Which patches may be attended to; `None` = as the classifier was trained.
    pub mask: Option<QMask>,
    /// On which side of the picture the driver sits.
    pub seat: Seat,
}

/// What to watch and how.
#[derive(Clone)]
pub struct LiveOptions {
    /// What to watch.
    pub source: SourceSpec,
    /// How to open it.
    pub open: OpenOptions,
    /// The models.
    pub pipeline: PipelineOptions,
    /// The thresholds.
    pub monitor: Settings,
    /// How fast files are watched.
    pub pace: Pace,
    /// Where events are written, as JSON lines.
    pub events: Option<PathBuf>,
    /// Where every frame is written, as CSV or Parquet by the name's ending.
    pub frames: Option<PathBuf>,
    /// Whether the alarm is heard.
    pub sound: bool,
    /// The alarm's volume, 0..1.
    pub volume: f32,
    /// Called after every new snapshot.
    pub waker: Option<Waker>,
    /// Set to true from anywhere to end a headless watch early.
    pub stop: Arc<AtomicBool>,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            source: SourceSpec::Webcam(0),
            open: OpenOptions::default(),
            pipeline: PipelineOptions::default(),
            monitor: Settings::default(),
            pace: Pace::Speed(1.0),
            events: None,
            frames: None,
            sound: true,
            volume: 1.0,
            waker: None,
            stop: Arc::default(),
        }
    }
}

impl fmt::Debug for LiveOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveOptions")
            .field("source", &self.source)
            .field("pace", &self.pace)
            .field("pipeline", &self.pipeline)
            .finish_non_exhaustive()
    }
}

/// Opens a source, again and again where a camera comes and goes.
pub type OpenSource = Box<dyn FnMut(&SourceSpec) -> Result<Box<dyn Source>, SourceError> + Send>;
/// Makes the vision, again after it has failed.
pub type OpenVision = Box<dyn FnMut() -> Result<Box<dyn Vision>, LiveError> + Send>;

/// The parts of the world that a watch is made of; tests put in others that fail.
pub struct Parts {
    /// Opens what is to be watched.
    pub open_source: OpenSource,
    /// Makes what sees.
    pub open_vision: OpenVision,
    /// What the alarm is played on, or why on nothing.
    pub speaker: Result<Box<dyn Speaker>, SoundState>,
}

impl Parts {
    /// The real ones.
    pub fn system(options: &LiveOptions) -> Self {
        let (open, pipeline) = (options.open, options.pipeline.clone());
        Self {
            open_source: Box::new(move |spec| source::open(spec, &open)),
            open_vision: Box::new(move || Ok(Box::new(Pipeline::open(&pipeline)?))),
            speaker: if options.sound { default_speaker() } else { Err(SoundState::Off) },
        }
    }
}
