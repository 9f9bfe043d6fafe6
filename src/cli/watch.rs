//! `watch`: the window, or the same without one.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
};

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::{
    WrongUse, answer, replay,
    shared::{CameraArgs, ModelArgs},
};
#[cfg(feature = "gui")]
use crate::app::{actions::Tab, setup::Step};
#[cfg(feature = "video")]
use crate::replay::copy::AnnotatedCopy;
use crate::{
    live::{
        Entry, LiveError, LiveOptions, Pace, Parts, Summary,
        headless::{self, Watched},
    },
    monitor::Settings,
    replay::{Collection, Shard},
    source::{Note, OpenOptions, SourceSpec, demo},
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
    /// What to watch: the webcam where nothing was named.
    fn source(&self) -> SourceSpec {
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

/// Watches.
///
/// # Errors
/// When the source, a model, a log or the window cannot be had.
pub fn run(args: WatchArgs) -> anyhow::Result<()> {
    let args = WatchArgs { source: args.source.map(SourceSpec::or_camera), ..args };
    let source = args.source();
    if source.is_camera() && (args.fast || args.speed.is_some()) {
        let only = "a camera sets its own pace; leave --fast and --speed away, or watch a file";
        return Err(WrongUse(only.into()).into());
    }
    if let SourceSpec::Path(path) = &source
        && (args.out.is_some() || Collection::is_one(path))
    {
        if args.headless {
            return replay::watch(&args, path);
        }
        let only = "a collection of videos is watched without a window; add --headless";
        return Err(WrongUse(only.into()).into());
    }
    #[cfg(feature = "video")]
    if args.out.is_some() && args.video.is_some() {
        let only = "a copy is made of one recording; leave --out or --video away";
        return Err(WrongUse(only.into()).into());
    }
    if args.out.is_some() {
        let only = "--out is for video files; use --events and --frames here";
        return Err(WrongUse(only.into()).into());
    }
    let options = live_options(&args)?;
    if let Some(path) = &args.truth {
        write_truth(&source, &options.open, path)?;
    }
    #[cfg(feature = "video")]
    if let Some(path) = &args.video {
        if source.is_camera() {
            let only = "a copy is made of a recording; leave --video away, or watch a file";
            return Err(WrongUse(only.into()).into());
        }
        if let SourceSpec::Path(source) = &source
            && source.canonicalize().is_ok_and(|source| path.canonicalize().ok() == Some(source))
        {
            let only = "the copy would take the place of the recording; give it another name";
            return Err(WrongUse(only.into()).into());
        }
        return with_copy(&options, path, args.all_events);
    }
    if args.headless {
        return without_window(&options, args.all_events, |options, tell| {
            headless::run_all(options, Parts::system(options), tell)
        });
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

/// How the source is opened.
pub(super) fn open_options(args: &WatchArgs) -> OpenOptions {
    OpenOptions {
        width: args.width,
        height: args.height,
        fps: args.fps.unwrap_or(OpenOptions::default().fps),
        seed: args.seed,
        stampless_fps: args.fps,
        stream: args.stream,
        mounting: args.camera.mounting(),
    }
}

fn live_options(args: &WatchArgs) -> anyhow::Result<LiveOptions> {
    let monitor = monitor_settings(args.settings.as_deref())?;
    let pace = match (args.fast, args.speed) {
        (true, _) => Pace::Fast,
        (false, speed) => Pace::Speed(speed.unwrap_or(1.0)),
    };
    Ok(LiveOptions {
        source: args.source(),
        open: open_options(args),
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

/// The same as [`without_window`], with a copy in which everything is drawn.
#[cfg(feature = "video")]
fn with_copy(options: &LiveOptions, path: &Path, all_events: bool) -> anyhow::Result<()> {
    let mut copy = AnnotatedCopy::create(path)?;
    let mut failed = None;
    let watched = without_window(options, all_events, |options, tell| {
        headless::run_seen(options, Parts::system(options), tell, &mut |seen, judged| {
            // A copy that cannot be written does not end the watch.
            if failed.is_none() {
                failed = copy.add(seen, judged).err();
            }
        })
    });
    let finished = failed.map_or_else(|| copy.finish(), Err);
    watched?;
    Ok(finished?)
}

/// Prints judgements until the source ends or somebody interrupts, and with `all_events`
/// what happened, too.
fn without_window(
    options: &LiveOptions,
    all_events: bool,
    watch: impl FnOnce(&LiveOptions, &mut dyn FnMut(Entry)) -> Result<Watched, LiveError>,
) -> anyhow::Result<()> {
    end_on_interrupt(&options.stop)?;
    let mut printed = Ok(());
    let watched = watch(options, &mut |entry: Entry| {
        if printed.is_ok() && (all_events || matches!(entry, Entry::Change(_))) {
            printed = answer(&entry);
            // Nobody reads any more: a recording is not watched for nothing. A driver is
            // watched on, and heard.
            let ends = printed.is_err() && !options.source.is_camera();
            options.stop.fetch_or(ends, Ordering::Relaxed);
        }
    })?;
    printed?;
    let Watched { summary, notes, broke_off } = watched;
    answer(&Outcome { summary, complete: broke_off.is_none(), notes: &notes })?;
    let missing = notes.iter().filter(|note| note.kind.is_problem()).map(|note| note.text.clone());
    let problems: Vec<String> =
        broke_off.map(|why| why.to_string()).into_iter().chain(missing).collect();
    if problems.is_empty() { Ok(()) } else { anyhow::bail!("{}", problems.join("; ")) }
}

/// The last line of a watch.
#[derive(Serialize)]
struct Outcome<'a> {
    #[serde(flatten)]
    summary: Summary,
    /// Whether the recording was watched to its end.
    complete: bool,
    /// What is to be told of the source.
    #[serde(skip_serializing_if = "<[Note]>::is_empty")]
    notes: &'a [Note],
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
        source_given: args.source.is_some(),
        setup: args.setup,
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
