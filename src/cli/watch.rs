//! `watch`: the window, or the same without one.

use std::{path::Path, sync::atomic::Ordering};

use serde::Serialize;

use super::{
    WrongUse, answer, replay,
    shared::{end_on_interrupt, monitor_settings},
    watch_args::WatchArgs,
};
#[cfg(feature = "gui")]
use crate::app::actions::Tab;
#[cfg(feature = "video")]
use crate::replay::copy::AnnotatedCopy;
use crate::{
    live::{
        Entry, LiveError, LiveOptions, Pace, Parts, Summary,
        headless::{self, Watched},
    },
    replay::Collection,
    source::{Note, OpenOptions, SourceSpec, demo},
};

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

fn live_options(args: &WatchArgs) -> anyhow::Result<LiveOptions> {
    let monitor = monitor_settings(args.settings.as_deref())?;
    let pace = match (args.fast, args.speed) {
        (true, _) => Pace::Fast,
        (false, speed) => Pace::Speed(speed.unwrap_or(1.0)),
    };
    Ok(LiveOptions {
        source: args.source(),
        open: args.open(),
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
