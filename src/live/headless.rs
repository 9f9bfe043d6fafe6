//! Watching without a window. Recordings, frame after frame in order: every frame is
//! judged, and a log that was asked for is complete; files, folders and the demo at the pace
//! of the media or as fast as can be. A camera on a machine without a screen is watched by
//! the same threads as beside a window, so that nothing that fails goes unnoticed.

use std::{
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use crossbeam_channel::{RecvTimeoutError, bounded};

use super::{
    Entry, Event, Live, LiveError, LiveOptions, Pace, Parts, Sighting, Summary, Vision,
    judge::Judge, recorder::Recorder,
};
use crate::{
    alarm::{Alarm, AlarmCommand},
    frame::Frame,
    monitor::{Judgement, Level, State},
    source::{Note, NoteKind, Source, SourceError},
};

/// Events that wait to be told; one comes every few seconds.
const EVENTS: usize = 256;
/// How long a wait lasts before it looks whether to stop.
const SLICE: Duration = Duration::from_millis(50);
/// A stream that shows no face for so long may be the wrong one of its recording.
const NO_FACE: Duration = Duration::from_secs(10);
/// How often another stream is looked at, and how often a face must be seen in it.
const LOOK: Duration = Duration::from_millis(500);
const LOOKS: usize = 2;

/// What a watch came to.
#[derive(Debug)]
pub struct Watched {
    /// What was seen.
    pub summary: Summary,
    /// What is to be told of the source.
    pub notes: Vec<Note>,
    /// Why the recording could not be watched to its end.
    pub broke_off: Option<SourceError>,
}

/// Watches until the source ends or `options.stop` is set, and hands every change of
/// state or level to `tell`, the first judgement included.
///
/// # Errors
/// When the source or the models cannot be opened, not one frame of a file can be read, or
/// a model fails on a recording. A log that cannot be written any more does not end the
/// watch, it is told at its end. A file that breaks off is told beside what was seen of it.
/// A camera that is lost is a judgement, and it is opened again.
pub fn run(options: &LiveOptions, tell: &mut dyn FnMut(Event)) -> Result<Watched, LiveError> {
    run_with(options, Parts::system(options), tell)
}

/// The same with other parts of the world.
///
/// # Errors
/// As [`run`].
pub fn run_with(
    options: &LiveOptions,
    parts: Parts,
    tell: &mut dyn FnMut(Event),
) -> Result<Watched, LiveError> {
    run_all(options, parts, &mut |entry| {
        if let Entry::Change(event) = entry {
            tell(*event);
        }
    })
}

/// The same, and `tell` is told of everything that happened, too: all that an event log has.
///
/// # Errors
/// As [`run`].
pub fn run_all(
    options: &LiveOptions,
    parts: Parts,
    tell: &mut dyn FnMut(Entry),
) -> Result<Watched, LiveError> {
    match options.source.is_camera() {
        true => watch_camera(options, parts, tell).map(|summary| Watched {
            summary,
            notes: Vec::new(),
            broke_off: None,
        }),
        false => run_seen(options, parts, tell, &mut |_, _| {}),
    }
}

/// Watches a camera until told to stop.
fn watch_camera(
    options: &LiveOptions,
    mut parts: Parts,
    tell: &mut dyn FnMut(Entry),
) -> Result<Summary, LiveError> {
    // One that is not there at the start is an error, not something to wait for.
    let mut first = Some((parts.open_source)(&options.source)?);
    let mut open = parts.open_source;
    parts.open_source = Box::new(move |spec| first.take().map_or_else(|| open(spec), Ok));
    let recorder = Recorder::beside_strictly(options)?;
    let (out, events) = bounded(EVENTS);
    let mut live = Live::start_recording(options.clone(), parts, recorder, Some(out))?;
    let (mut problem, mut lost) = (None, false);
    while !options.stop.load(Relaxed) {
        match events.recv_timeout(SLICE) {
            Ok(entry) => tell(entry),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let shown = live.snapshot();
        if shown.problem != problem {
            if let Some(problem) = &shown.problem {
                tracing::warn!("{problem}");
            }
            problem.clone_from(&shown.problem);
        }
        // What the snapshot says without the judge is an event of no log.
        let judgement = &shown.judgement;
        let before = lost;
        lost = judgement.state == State::CameraLost && judgement.level >= Level::Warning;
        if lost && !before {
            tell(Entry::Change(Box::new(Event {
                judgement: judgement.clone(),
                frame: shown.frame.as_ref().map_or(0, |frame| frame.index),
                ..Event::default()
            })));
        }
    }
    let (summary, failure) = live.finish();
    events.try_iter().for_each(tell);
    failure.map_or(Ok(summary), |failure| Err(failure.into()))
}

/// Watches a recording; `tell` is told what [`run_all`] tells, and `each` every sighting with
/// its judgement.
///
/// # Errors
/// As [`run`]; what was told before an error holds, and the logs are finished.
pub fn run_seen(
    options: &LiveOptions,
    mut parts: Parts,
    tell: &mut dyn FnMut(Entry),
    each: &mut dyn FnMut(&Sighting, &Judgement),
) -> Result<Watched, LiveError> {
    let mut source = (parts.open_source)(&options.source)?;
    let mut vision = (parts.open_vision)()?;
    if let Some(problem) = vision.info().problem {
        tracing::warn!("{problem}");
    }
    let mut judge = Judge::new(&options.monitor, options.open.mounting, Recorder::here(options)?);
    let alarm = Alarm::start(parts.speaker)?;
    alarm.order(AlarmCommand::Volume(options.volume));
    let clock = Clock::new(options.pace, source.info().live);
    let stopped = || options.stop.load(Relaxed);
    // Other streams are looked at once; what that costs the detector is not counted.
    let (mut others, mut elsewhere, mut began) = (Vec::new(), None, None);

    let ended = loop {
        if stopped() {
            break Ok(None);
        }
        let frame = match source.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => break Ok(None),
            // What came before holds.
            Err(error) if judge.summary().frames > 0 => break Ok(Some(error)),
            Err(error) => break Err(error.into()),
        };
        clock.wait(frame.at, &stopped);
        let seen = match vision.process(&frame) {
            Ok(seen) => seen,
            Err(error) => break Err(error),
        };
        let calls = vision.detector_calls() - elsewhere.unwrap_or(0);
        let (judgement, event) = judge.see(&seen, calls);
        each(&seen, &judgement);
        alarm.judged(&judgement);
        judge.happened().iter().copied().map(Entry::Happened).for_each(&mut *tell);
        if let Some(event) = event {
            tell(Entry::Change(Box::new(event)));
        }
        let long = frame.at.saturating_sub(*began.get_or_insert(frame.at)) >= NO_FACE;
        if elsewhere.is_none() && (long || judge.summary().frames_with_face > 0) {
            let before = vision.detector_calls();
            if judge.summary().frames_with_face == 0 {
                others = look_elsewhere(&*source, &mut *vision, &stopped);
            }
            elsewhere = Some(vision.detector_calls() - before);
        }
    };
    judge.finish();
    judge.happened().iter().copied().map(Entry::Happened).for_each(&mut *tell);
    let broke_off = ended?;
    if elsewhere.is_none() {
        others = look_elsewhere(&*source, &mut *vision, &stopped);
    }
    if let Some(failure) = judge.take_failure() {
        return Err(failure.into());
    }
    let notes = source.notes().into_iter().chain(others).collect();
    Ok(Watched { summary: judge.summary(), notes, broke_off })
}

/// Looks for a face in the other streams of a recording whose watched one shows none.
fn look_elsewhere(
    source: &dyn Source,
    vision: &mut dyn Vision,
    stopped: &dyn Fn() -> bool,
) -> Vec<Note> {
    let (mut notes, others) = (Vec::new(), source.others());
    if others.is_empty() {
        return notes;
    }
    for (number, mut other) in others {
        vision.reset(false);
        let (mut faces, mut next) = (0, Duration::ZERO);
        while let Ok(Some(frame)) = other.next_frame() {
            if stopped() || faces == LOOKS || frame.at > NO_FACE {
                break;
            }
            if frame.at >= next {
                next = frame.at + LOOK;
                faces += usize::from(vision.process(&frame).is_ok_and(|seen| seen.face.is_some()));
            }
        }
        if faces == LOOKS {
            let text = format!(
                "the stream that is watched shows no face and stream {number} does; watch that \
                 with --stream {number}"
            );
            notes.push(Note::new(NoteKind::OtherStream, text));
        }
    }
    vision.reset(false);
    notes
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
}

impl Clock {
    pub(super) fn new(pace: Pace, live: bool) -> Self {
        let speed = match pace {
            Pace::Speed(speed) if !live && speed.is_finite() && speed > 0.0 => Some(speed.into()),
            _ => None,
        };
        Self { speed, started: Instant::now() }
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
    last: Duration,
    next: u64,
}

impl Offset {
    /// The source begins anew at this time since its first beginning.
    ///
    /// Never before what it has given: whatever the clocks say, time does not run back.
    pub(super) fn restart(&mut self, at: Duration) {
        (self.at, self.index) = (at.max(self.last), self.next);
    }

    /// Frames that were given so far, or replaced.
    pub(super) fn given(&self) -> u64 {
        self.next
    }

    pub(super) fn apply(&mut self, frame: &mut Frame) {
        frame.at += self.at;
        frame.index += self.index;
        (self.last, self.next) = (frame.at, frame.index + 1);
    }
}

#[cfg(test)]
#[path = "headless_tests.rs"]
mod tests;
