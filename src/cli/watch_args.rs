//! What `watch` is told on the command line.

use std::path::PathBuf;

use clap::Args;

use super::shared::{CameraArgs, ModelArgs};
#[cfg(feature = "gui")]
use crate::app::{actions::Tab, setup::Step};
use crate::{
    replay::Shard,
    source::{OpenOptions, SourceSpec, demo},
};

/// What to watch and how.
#[derive(Args, Clone, Debug)]
pub struct WatchArgs {
    /// What to watch.
    #[arg(long, short, value_name = "SOURCE", value_parser = any_source(), help = about_sources())]
    pub source: Option<SourceSpec>,
    /// No window: print one JSON object a change of judgement, and a summary at the end.
    #[arg(long)]
    pub headless: bool,
    /// Watch files and the demo as fast as can be, every frame judged.
    #[arg(long, conflicts_with = "speed")]
    pub fast: bool,
    /// Watch files and the demo so many times as fast as they were recorded.
    #[arg(long, value_name = "TIMES", value_parser = speed)]
    pub speed: Option<f32>,
    /// Without a window: print everything that happened with its time, too: yawns, long
    /// blinks, closures, nods, glances, loss and return of the eyes, gaps.
    #[arg(long, requires = "headless")]
    pub all_events: bool,
    /// Append every change of judgement to this file, as JSON lines, and everything that
    /// happened with its time.
    #[arg(long, value_name = "FILE.jsonl")]
    pub events: Option<PathBuf>,
    /// Write the readings of every frame to this file (.csv or .parquet).
    #[arg(long, value_name = "FILE")]
    pub frames: Option<PathBuf>,
    /// Write a copy of the recording with the face, the eyes, the state and the alarms drawn
    /// in. It shows a person: nothing of it is written unless it is asked for.
    #[cfg(feature = "video")]
    #[arg(long, value_name = "OUT.mp4", requires = "headless")]
    pub video: Option<PathBuf>,
    /// Write what is true of every frame of the demo to this file: eyes, mouth, pose, state.
    #[arg(long, value_name = "FILE.jsonl")]
    pub truth: Option<PathBuf>,
    /// Of many videos: the folder for results, frames (Parquet) and events. What it holds
    /// already is not watched again.
    #[arg(long, value_name = "DIR", requires = "headless")]
    pub out: Option<PathBuf>,
    /// Of many videos: only part I of N, for job arrays; `merge` joins the parts.
    #[arg(long, value_name = "I/N", requires = "out")]
    pub shard: Option<Shard>,
    /// Thresholds of the monitor, as TOML; what is left out keeps its default.
    #[arg(long, value_name = "FILE.toml")]
    pub settings: Option<PathBuf>,
    /// No sound.
    #[arg(long)]
    pub silent: bool,
    /// Volume of the alarm, 0 to 1, instead of the chosen one.
    #[arg(long, value_parser = share)]
    pub volume: Option<f32>,
    /// Wished width of a camera's picture, and width of the demo's, in pixels.
    #[arg(long, default_value_t = OpenOptions::default().width)]
    pub width: u32,
    /// Wished height, in pixels.
    #[arg(long, default_value_t = OpenOptions::default().height)]
    pub height: u32,
    /// Wished rate of a camera, and rate of the demo, of folders and of recordings without
    /// time stamps, frames a second; 30 unless given, and of recordings what their header
    /// says.
    #[arg(long)]
    pub fps: Option<f32>,
    /// Which video stream of a recording with several, from 0.
    #[arg(long, value_name = "N")]
    pub stream: Option<usize>,
    /// Seed of the demo: who drives, when they blink, the camera's noise.
    #[arg(long, default_value_t = OpenOptions::default().seed)]
    pub seed: u64,
    /// Take a picture of the window (PNG), then quit.
    #[cfg(feature = "gui")]
    #[arg(long, value_name = "FILE.png", conflicts_with = "headless")]
    pub screenshot: Option<PathBuf>,
    /// Seconds of watching before the picture is taken.
    #[cfg(feature = "gui")]
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = seconds)]
    pub after: f32,
    /// A light window instead of a dark one.
    #[cfg(feature = "gui")]
    #[arg(long)]
    pub light: bool,
    /// The screen that is shown first.
    #[cfg(feature = "gui")]
    #[arg(long, value_enum, default_value_t, conflicts_with = "headless")]
    pub screen: Tab,
    /// Show the set-up of the first start again: camera, seat and light, alarm. With a page's
    /// name it begins there.
    #[cfg(feature = "gui")]
    #[arg(long, value_name = "PAGE", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "camera", conflicts_with = "headless")]
    pub setup: Option<Step>,
    /// Show this recording on the replay screen: a video, a folder of pictures, an event
    /// log (.jsonl), or `demo:SCENARIO`.
    #[cfg(feature = "gui")]
    #[arg(long, value_name = "SOURCE", value_parser = any_source(), conflicts_with = "headless")]
    pub replay: Option<SourceSpec>,
    /// Never show the window, to check that watching goes on without it.
    #[cfg(feature = "gui")]
    #[arg(long, hide = true, conflicts_with = "headless")]
    pub hidden: bool,
    /// Measure on this labelled set on the metrics screen.
    #[cfg(feature = "gui")]
    #[arg(long, value_name = "LIST.csv|DIR", conflicts_with = "headless")]
    pub measure: Option<PathBuf>,
    /// Train with these settings on the training screen.
    #[cfg(all(feature = "gui", feature = "train"))]
    #[arg(long, value_name = "FILE.toml", conflicts_with = "headless")]
    pub train: Option<PathBuf>,
    /// Width and height of the window in points, for example 1024x640.
    #[cfg(feature = "gui")]
    #[arg(long, value_name = "WxH", value_parser = size, conflicts_with = "headless")]
    pub window: Option<[f32; 2]>,
    /// How the camera hangs and where the driver sits.
    #[command(flatten)]
    pub camera: CameraArgs,
    /// The models.
    #[command(flatten)]
    pub models: ModelArgs,
}

impl Default for WatchArgs {
    /// The window on the webcam.
    fn default() -> Self {
        let open = OpenOptions::default();
        Self {
            source: None,
            headless: false,
            fast: false,
            speed: None,
            all_events: false,
            events: None,
            frames: None,
            #[cfg(feature = "video")]
            video: None,
            truth: None,
            out: None,
            shard: None,
            settings: None,
            silent: false,
            volume: None,
            width: open.width,
            height: open.height,
            fps: None,
            stream: None,
            seed: open.seed,
            #[cfg(feature = "gui")]
            screenshot: None,
            #[cfg(feature = "gui")]
            after: 5.0,
            #[cfg(feature = "gui")]
            light: false,
            #[cfg(feature = "gui")]
            screen: Tab::Watch,
            #[cfg(feature = "gui")]
            setup: None,
            #[cfg(feature = "gui")]
            replay: None,
            #[cfg(feature = "gui")]
            measure: None,
            #[cfg(all(feature = "gui", feature = "train"))]
            train: None,
            #[cfg(feature = "gui")]
            hidden: false,
            #[cfg(feature = "gui")]
            window: None,
            camera: CameraArgs::default(),
            models: ModelArgs::default(),
        }
    }
}

impl WatchArgs {
    /// How the source is opened.
    pub(super) fn open(&self) -> OpenOptions {
        OpenOptions {
            width: self.width,
            height: self.height,
            fps: self.fps.unwrap_or(OpenOptions::default().fps),
            seed: self.seed,
            stampless_fps: self.fps,
            stream: self.stream,
            mounting: self.camera.mounting(),
        }
    }

    /// What to watch: the webcam where nothing was named.
    pub(super) fn source(&self) -> SourceSpec {
        self.source.clone().unwrap_or(SourceSpec::Webcam(0))
    }
}

/// What can be named as a source.
fn about_sources() -> String {
    format!(
        "`webcam`, `webcam:N`, a camera's number, device or name, `rtsp://` or `http://` with the address of a camera in the local network, a video file, a picture, a folder of pictures, with --headless also a folder or a list (.csv) of videos (all cores, one result a video), or the drawn driver: \
         `demo[:SCENARIO[@DRIVER][+SECONDS]]` with a driver from 0 to {} and one of the scenarios {} \
         (without a name: {}). Without this option: `webcam`, and in the window the camera \
         that was chosen there",
        demo::DRIVERS_KNOWN - 1,
        demo::scenarios().join(", "),
        demo::TOUR,
    )
}

/// Reads a source whose name need not be UTF-8.
fn any_source() -> impl clap::builder::TypedValueParser<Value = SourceSpec> {
    use clap::builder::{OsStringValueParser, TypedValueParser};
    OsStringValueParser::new().try_map(SourceSpec::try_from)
}

fn within(text: &str, low: f32, high: f32) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if (low..=high).contains(&value) => Ok(value),
        _ => Err(format!("a number from {low} to {high} is needed")),
    }
}

fn speed(text: &str) -> Result<f32, String> {
    within(text, 0.01, 1000.0)
}

fn share(text: &str) -> Result<f32, String> {
    within(text, 0.0, 1.0)
}

#[cfg(feature = "gui")]
fn size(text: &str) -> Result<[f32; 2], String> {
    let sides = text.split_once('x').map(|(width, height)| [width, height].map(str::parse::<f32>));
    match sides {
        Some([Ok(width), Ok(height)]) if width >= 100.0 && height >= 50.0 => Ok([width, height]),
        _ => Err("a size such as 1024x640 is needed".into()),
    }
}

#[cfg(feature = "gui")]
fn seconds(text: &str) -> Result<f32, String> {
    within(text, 0.0, 3600.0)
}
