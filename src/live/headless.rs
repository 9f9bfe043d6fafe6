//! Watching without a window, frame after frame in order: every frame is judged, and a
//! log that was asked for is complete. For files, folders and the demo at the pace of
//! the media or as fast as can be, and for cameras on machines without a screen.

use std::{
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use super::{Event, LiveError, LiveOptions, Pace, Parts, Summary, judge::Judge};
use crate::{
    alarm::{Alarm, AlarmCommand},
    frame::Frame,
};

/// Pause before a lost camera is opened again.
const REOPEN: Duration = Duration::from_secs(1);
/// How long a wait lasts before it looks whether to stop.
const SLICE: Duration = Duration::from_millis(50);

/// Watches until the source ends or `options.stop` is set, and hands every change of
/// state or level to `tell`, the first judgement included.
///
/// # Errors
/// When the source or the models cannot be opened, a file cannot be read on, or a model
/// fails. A log that cannot be written any more does not end the watch, it is told at
/// its end. A camera that is lost is a judgement, and it is opened again.
pub fn run(options: &LiveOptions, tell: &mut dyn FnMut(Event)) -> Result<Summary, LiveError> {
    run_with(options, Parts::system(options), tell)
}

/// The same with other parts of the world.
///
/// # Errors
/// As [`run`].
pub fn run_with(
    options: &LiveOptions,
    mut parts: Parts,
    tell: &mut dyn FnMut(Event),
) -> Result<Summary, LiveError> {
    let source = (parts.open_source)(&options.source)?;
    let mut vision = (parts.open_vision)()?;
    if let Some(problem) = vision.info().problem {
        tracing::warn!("{problem}");
    }
    let mut judge = Judge::new(options)?;
    let alarm = Alarm::start(parts.speaker)?;
    alarm.order(AlarmCommand::Volume(options.volume));
    let mut clock = Clock::new(options.pace, source.info().live);
    let mut offset = Offset::default();
    let mut source = Some(source);
    let stopped = || options.stop.load(Relaxed);

    while !stopped() {
        let (judgement, event) = match source.as_mut().map(|source| source.next_frame()) {
            Some(Ok(None)) => break,
            Some(Ok(Some(mut frame))) => {
                offset.apply(&mut frame);
                clock.wait(frame.at, &stopped);
                let seen = vision.process(&frame)?;
                clock.seen = Instant::now();
                judge.see(&seen, vision.detector_calls())
            }
            Some(Err(error)) if options.source.is_camera() => {
                tracing::warn!("{error}");
                source = None;
                judge.lost(clock.seen.elapsed())
            }
            Some(Err(error)) => return Err(error.into()),
            None => {
                pause(REOPEN, &stopped);
                source = (parts.open_source)(&options.source).ok();
                offset.restart(clock.started.elapsed());
                judge.lost(clock.seen.elapsed())
            }
        };
        alarm.order(AlarmCommand::Level(judgement.level));
        if let Some(event) = event {
            tell(event);
        }
    }
    judge.close();
    match judge.take_failure() {
        Some(failure) => Err(failure.into()),
        None => Ok(judge.summary()),
    }
}

/// Sleeps in slices until the time is over or it is time to stop.
fn pause(time: Duration, stopped: &dyn Fn() -> bool) {
    let until = Instant::now() + time;
    while !stopped()
        && let Some(left) = until.checked_duration_since(Instant::now()).filter(|d| !d.is_zero())
    {
        std::thread::sleep(left.min(SLICE));
    }
}

/// Holds frames back until they are due.
pub(super) struct Clock {
    /// Media seconds a second; `None` = no holding back.
    speed: Option<f64>,
    started: Instant,
    seen: Instant,
}

impl Clock {
    pub(super) fn new(pace: Pace, live: bool) -> Self {
        let speed = match pace {
            Pace::Speed(speed) if !live && speed.is_finite() && speed > 0.0 => Some(speed.into()),
            _ => None,
        };
        Self { speed, started: Instant::now(), seen: Instant::now() }
    }

    /// How long a frame with this media time is still to be held back.
    pub(super) fn early(&self, at: Duration) -> Duration {
        self.speed.map_or(Duration::ZERO, |speed| {
            let due = Duration::try_from_secs_f64(at.as_secs_f64() / speed).unwrap_or_default();
            due.saturating_sub(self.started.elapsed())
        })
    }

    fn wait(&self, at: Duration, stopped: &dyn Fn() -> bool) {
        pause(self.early(at), stopped);
    }
}

/// Keeps time and index rising over a camera that is opened again and counts from zero.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offset {
    at: Duration,
    index: u64,
    next: u64,
}

impl Offset {
    /// The source begins anew at this time since its first beginning.
    pub(super) fn restart(&mut self, at: Duration) {
        (self.at, self.index) = (at, self.next);
    }

    pub(super) fn apply(&mut self, frame: &mut Frame) {
        frame.at += self.at;
        frame.index += self.index;
        self.next = frame.index + 1;
    }
}

#[cfg(test)]
#[path = "headless_tests.rs"]
mod tests;
