//! `watch`: the window, or the same without one.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
};

use anyhow::Context;
use clap::Args;

use super::{
    WrongUse, answer, replay,
    shared::{CameraArgs, ModelArgs},
};
#[cfg(feature = "gui")]
use crate::app::actions::Tab;
use crate::{
    live::{Event, LiveOptions, Pace, headless},
    monitor::Settings,
    replay::{Collection, Shard},
    source::{OpenOptions, SourceSpec, demo},
};

/// What to watch and how.
#[derive(Args, Clone, Debug)]
pub struct WatchArgs {
    /// What to watch.
    #[arg(long, short, default_value = "webcam", value_name = "SOURCE", help = about_sources())]
    pub source: SourceSpec,
    /// No window: print one JSON object a change of judgement, and a summary at the end.
    #[arg(long)]
    pub headless: bool,
    /// Watch files and the demo as fast as can be, every frame judged.
    #[arg(long, conflicts_with = "speed")]
    pub fast: bool,
    /// Watch files and the demo so many times as fast as they were recorded.
    #[arg(long, value_name = "TIMES", value_parser = speed)]
    pub speed: Option<f32>,
    /// Append every change of judgement to this file, as JSON lines.
    #[arg(long, value_name = "FILE.jsonl")]
    pub events: Option<PathBuf>,
    /// Write the readings of every frame to this file (.csv or .parquet).
    #[arg(long, value_name = "FILE")]
    pub frames: Option<PathBuf>,
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
    /// Wished rate of a camera, and rate of the demo and of folders, frames a second.
    #[arg(long, default_value_t = OpenOptions::default().fps)]
    pub fps: f32,
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
    /// Show this recording on the replay screen: a video, a folder of pictures, an event
    /// log (.jsonl), or `demo:SCENARIO`.
    #[cfg(feature = "gui")]
    #[arg(long, value_name = "SOURCE", conflicts_with = "headless")]
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
            source: SourceSpec::Webcam(0),
            headless: false,
            fast: false,
            speed: None,
            events: None,
            frames: None,
            truth: None,
            out: None,
            shard: None,
            settings: None,
            silent: false,
            volume: None,
            width: open.width,
            height: open.height,
            fps: open.fps,
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

/// What can be named as a source.
fn about_sources() -> String {
    format!(
        "`webcam`, `webcam:N`, a video file, a picture, a folder of pictures, with --headless also a folder or a list (.csv) of videos (all cores, one result a video), or the drawn driver: \
         `demo[:SCENARIO[@DRIVER][+SECONDS]]` with a driver from 0 to {} and one of the scenarios {} \
         (without a name: {})",
        demo::DRIVERS_KNOWN - 1,
        demo::scenarios().join(", "),
        demo::TOUR,
    )
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

/// Watches.
///
/// # Errors
/// When the source, a model, a log or the window cannot be had.
pub fn run(args: WatchArgs) -> anyhow::Result<()> {
    if args.source.is_camera() && (args.fast || args.speed.is_some()) {
        let only = "a camera sets its own pace; leave --fast and --speed away, or watch a file";
        return Err(WrongUse(only.into()).into());
    }
    if let SourceSpec::Path(path) = &args.source
        && (args.out.is_some() || Collection::is_one(path))
    {
        if args.headless {
            return replay::watch(&args, path);
        }
        let only = "a collection of videos is watched without a window; add --headless";
        return Err(WrongUse(only.into()).into());
    }
    if args.out.is_some() {
        let only = "--out is for video files; use --events and --frames here";
        return Err(WrongUse(only.into()).into());
    }
    let options = live_options(&args)?;
    if let Some(path) = &args.truth {
        write_truth(&args.source, &options.open, path)?;
    }
    if args.headless {
        return without_window(&options);
    }
    #[cfg(feature = "gui")]
    return window(args, options);
    #[cfg(not(feature = "gui"))]
    Err(WrongUse("this build has no window; add --headless, or build it with gui".into()).into())
}

/// Longest file of thresholds that is read, bytes.
const MOST_SETTINGS: u64 = 1 << 20;

/// The thresholds of a file, or the usual ones.
pub(super) fn monitor_settings(path: Option<&Path>) -> anyhow::Result<Settings> {
    let Some(path) = path else { return Ok(Settings::default()) };
    let name = || format!("{} cannot be used as settings", path.display());
    let text = crate::os::read_text(path, MOST_SETTINGS).with_context(name)?;
    toml::from_str(&text).with_context(name)
}

fn live_options(args: &WatchArgs) -> anyhow::Result<LiveOptions> {
    let monitor = monitor_settings(args.settings.as_deref())?;
    let pace = match (args.fast, args.speed) {
        (true, _) => Pace::Fast,
        (false, speed) => Pace::Speed(speed.unwrap_or(1.0)),
    };
    Ok(LiveOptions {
        source: args.source.clone(),
        open: OpenOptions {
            width: args.width,
            height: args.height,
            fps: args.fps,
            seed: args.seed,
            mounting: args.camera.mounting(),
        },
        pipeline: args.camera.pipeline(&args.models),
        monitor,
        pace,
        events: args.events.clone(),
        frames: args.frames.clone(),
        // As fast as can be is no time to be heard in.
        sound: !(args.silent || args.headless && args.fast),
        volume: args.volume.unwrap_or(1.0),
        ..LiveOptions::default()
    })
}

/// Only what was drawn has a truth that is known.
fn write_truth(source: &SourceSpec, open: &OpenOptions, path: &Path) -> anyhow::Result<()> {
    let SourceSpec::Demo(scenario) = source else {
        let only =
            "only the drawn driver's truth is known; leave --truth away, or watch --source demo";
        return Err(WrongUse(only.into()).into());
    };
    if !open.mounting.is_plain() {
        let only =
            "the truth is that of the picture as it is drawn; leave --rotate and --mirror away";
        return Err(WrongUse(only.into()).into());
    }
    demo::write_truth(scenario.as_deref().unwrap_or(demo::TOUR), open, path)?;
    Ok(())
}

/// Prints judgements until the source ends or somebody interrupts.
fn without_window(options: &LiveOptions) -> anyhow::Result<()> {
    end_on_interrupt(&options.stop)?;
    let mut printed = Ok(());
    let summary = headless::run(options, &mut |event: Event| {
        if printed.is_ok() {
            printed = answer(&event);
            // Nobody reads any more: a recording is not watched for nothing. A driver is
            // watched on, and heard.
            let ends = printed.is_err() && !options.source.is_camera();
            options.stop.fetch_or(ends, Ordering::Relaxed);
        }
    })?;
    printed?;
    answer(&summary)
}

/// Lets Ctrl-C and a request to terminate end what is running after its current step.
pub(super) fn end_on_interrupt(stop: &Arc<AtomicBool>) -> anyhow::Result<()> {
    let stop = stop.clone();
    ctrlc::set_handler(move || stop.store(true, Ordering::Relaxed))
        .context("interrupts cannot be caught; start the program again")
}

#[cfg(feature = "gui")]
fn window(args: WatchArgs, live: LiveOptions) -> anyhow::Result<()> {
    use crate::app::{self, AppOptions};
    use std::time::Duration;

    let after = Duration::from_secs_f32(args.after);
    let tab = match args.screen {
        // A recording was named to be seen.
        Tab::Watch if args.replay.is_some() => Tab::Replay,
        Tab::Watch if args.measure.is_some() => Tab::Metrics,
        #[cfg(feature = "train")]
        Tab::Watch if args.train.is_some() => Tab::Training,
        tab => tab,
    };
    let options = AppOptions {
        live,
        monitor_from_file: args.settings.is_some(),
        volume_given: args.volume.is_some(),
        rotate: args.camera.rotate,
        mirror: args.camera.mirror,
        seat: args.camera.seat,
        light: args.light.then_some(true),
        size: args.window,
        tab,
        replay: args.replay,
        measure: args.measure,
        #[cfg(feature = "train")]
        train: args.train,
        hidden: args.hidden,
        screenshot: args.screenshot.map(|path| (path, after)),
    };
    // The windowing library's own error cannot cross threads, so its sentence goes on alone.
    app::run(options).map_err(|error| anyhow::anyhow!("{error}"))
}
