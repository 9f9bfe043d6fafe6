//! Arguments and helpers that several commands share.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    evaluate::report::VideoProblem,
    face::{FaceModels, Seat},
    frame::{Mounting, Turn},
    infer::{Device, RuntimeOptions, Tried},
    live::PipelineOptions,
    monitor::Settings,
    os::read_text,
    vit::QMask,
};

/// Which models are used, and on what they run.
#[derive(Args, Clone, Debug, Default)]
pub struct ModelArgs {
    /// The classifier, instead of the built-in one.
    #[arg(long, value_name = "FILE.onnx")]
    pub model: Option<PathBuf>,
    /// The networks that find the face.
    #[command(flatten)]
    pub faces: FaceModelArgs,
    /// What the models run on.
    #[arg(long, value_enum, default_value_t)]
    pub device: Device,
    /// Threads of one model; 1 is enough for a camera.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: u16,
    /// The patches that may be attended to, instead of those the model was trained with.
    #[arg(long, value_enum)]
    pub mask: Option<Mask>,
}

/// Which networks find the face and its points.
#[derive(Args, Clone, Debug, Default)]
pub struct FaceModelArgs {
    /// The face detector, instead of the built-in one.
    #[arg(long, value_name = "FILE.onnx")]
    pub detector_model: Option<PathBuf>,
    /// The landmark network, instead of the built-in one.
    #[arg(long, value_name = "FILE.onnx")]
    pub landmarks_model: Option<PathBuf>,
}

impl FaceModelArgs {
    /// The same as the tracker wants it.
    pub fn models(&self) -> FaceModels {
        FaceModels {
            detector: self.detector_model.clone().into(),
            landmarks: self.landmarks_model.clone().into(),
        }
    }
}

/// A Q mask, as it is written on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Mask {
    /// Every patch.
    None,
    /// The patches of eyes, nose and mouth.
    Landmark,
    /// Those of them that are not covered.
    Visible,
}

impl From<Mask> for QMask {
    fn from(mask: Mask) -> Self {
        match mask {
            Mask::None => Self::None,
            Mask::Landmark => Self::Landmark,
            Mask::Visible => Self::Visible,
        }
    }
}

impl ModelArgs {
    /// The same as the pipeline wants it.
    pub fn pipeline(&self) -> PipelineOptions {
        PipelineOptions {
            runtime: RuntimeOptions {
                device: self.device,
                threads: usize::from(self.threads.max(1)),
            },
            faces: self.faces.models(),
            classifier: self.model.clone().into(),
            mask: self.mask.map(Into::into),
            seat: Seat::Any,
        }
    }
}

/// What came of [`try_faster`](crate::live::try_faster), for people.
pub(super) fn told(tried: Option<&[Tried]>, device: Device) -> String {
    match tried {
        None => format!("{device} was asked for by name, so nothing else is tried"),
        Some([]) => "no other provider here: the models run on CPU".into(),
        Some(tried) => tried.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    }
}

/// How the camera hangs and where the driver sits.
#[derive(Args, Clone, Debug, Default)]
pub struct CameraArgs {
    /// Turn every picture clockwise by so many degrees, for a camera that hangs upside down
    /// or on its side. A recording's own rotation comes first.
    #[arg(long, value_enum, value_name = "DEGREES")]
    pub rotate: Option<Turn>,
    /// Swap left and right of every picture, after it was turned.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub mirror: Option<bool>,
    /// The side of the picture on which the driver sits, as the window shows it: a camera's
    /// picture is shown as a mirror. Of several new faces, one on this side is the driver's.
    #[arg(long, value_enum, value_name = "SIDE")]
    pub seat: Option<Seat>,
}

impl CameraArgs {
    /// How pictures are brought upright.
    pub fn mounting(&self) -> Mounting {
        Mounting {
            rotate: self.rotate.unwrap_or_default(),
            mirror: self.mirror.unwrap_or_default(),
        }
    }

    /// These models, looking for the driver in the seat.
    pub fn pipeline(&self, models: &ModelArgs) -> PipelineOptions {
        PipelineOptions { seat: self.seat.unwrap_or_default(), ..models.pipeline() }
    }
}

/// Longest file of thresholds that is read, bytes.
const MOST_SETTINGS: u64 = 1 << 20;

/// The thresholds of a file, or the usual ones.
pub(super) fn monitor_settings(path: Option<&Path>) -> anyhow::Result<Settings> {
    let Some(path) = path else { return Ok(Settings::default()) };
    let name = || format!("{} cannot be used as settings", path.display());
    let text = read_text(path, MOST_SETTINGS).with_context(name)?;
    toml::from_str(&text).with_context(name)
}

/// Lets Ctrl-C and a request to terminate end what is running after its current step.
pub(super) fn end_on_interrupt(stop: &Arc<AtomicBool>) -> anyhow::Result<()> {
    let stop = stop.clone();
    ctrlc::set_handler(move || stop.store(true, Ordering::Relaxed))
        .context("interrupts cannot be caught; start the program again")
}

/// Ends with exit code 1, naming what had a problem, if something had.
pub(super) fn fail_with(problems: &[VideoProblem]) -> anyhow::Result<()> {
    /// So many are named in the sentence; the report holds all.
    const NAMED: usize = 5;
    if problems.is_empty() {
        return Ok(());
    }
    let mut named: Vec<String> = problems
        .iter()
        .take(NAMED)
        .map(|p| format!("{} ({}: {})", p.video, p.kind.replace('_', " "), p.text))
        .collect();
    if problems.len() > NAMED {
        named.push(format!("and {} more", problems.len() - NAMED));
    }
    bail!(
        "everything was done, but with {} problem(s) in the data: {}",
        problems.len(),
        named.join("; ")
    )
}

/// A bar on stderr with rate and time left; it hides itself where there is no terminal.
pub(super) fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len}  {per_sec}, {eta} left");
    let bar = ProgressBar::new(0);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
