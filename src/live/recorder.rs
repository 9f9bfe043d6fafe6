//! The logs of a watch: an event log and a frame log. One that fails never ends or delays a
//! watch; why it failed is kept, and an event log is tried again with the next event.
//!
//! Of recordings, every line is written before the next frame is looked at. Beside a
//! driver the logs are written on a thread of their own: a disk can take seconds.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::Duration,
};

use crossbeam_channel::{Sender, bounded};
use parking_lot::Mutex;

use super::{LiveError, LiveOptions};
use crate::{
    background::thread,
    monitor::Happening,
    os::join_within,
    record::{Event, EventLog, FrameLog, FrameRow, RecordError, SessionSummary},
};

/// Lines that may wait for the disk: half a minute of frames.
const WAITING: usize = 1024;
/// How long the disk is waited for at the end.
const JOIN: Duration = Duration::from_secs(3);

/// A line of a log.
enum Line {
    Event(Event),
    Happened(Happening),
    Session(SessionSummary),
    Frame(Box<FrameRow>),
}

/// Writes what is judged.
#[derive(Debug)]
pub(super) enum Recorder {
    /// At once.
    Here(Logs),
    /// On a thread of its own.
    Beside(Beside),
}

impl Recorder {
    /// Opens the logs of a recording.
    pub(super) fn here(options: &LiveOptions) -> Result<Self, RecordError> {
        Logs::open(options).map(Self::Here)
    }

    /// Opens the logs of a driver's watch. Logs that cannot be opened are a failure that is
    /// told: nobody's sleep is missed for a log.
    pub(super) fn beside(options: &LiveOptions) -> Result<Self, LiveError> {
        let logs = Logs::open(options).unwrap_or_else(|why| {
            tracing::error!("{why}");
            Logs { path: options.events.clone(), failure: Some(why), ..Logs::default() }
        });
        Beside::start(logs).map(Self::Beside)
    }

    /// The same, but for logs that cannot be opened: who named them wants to know at once.
    pub(super) fn beside_strictly(options: &LiveOptions) -> Result<Self, LiveError> {
        Beside::start(Logs::open(options)?).map(Self::Beside)
    }

    pub(super) fn event(&mut self, event: &Event) {
        match self {
            Self::Here(logs) => logs.event(event),
            Self::Beside(logs) => logs.give(Line::Event(event.clone())),
        }
    }

    pub(super) fn happened(&mut self, happening: &Happening) {
        match self {
            Self::Here(logs) => logs.happened(happening),
            Self::Beside(logs) => logs.give(Line::Happened(*happening)),
        }
    }

    pub(super) fn session(&mut self, summary: &SessionSummary) {
        match self {
            Self::Here(logs) => logs.session(summary),
            Self::Beside(logs) => logs.give(Line::Session(summary.clone())),
        }
    }

    pub(super) fn frame(&mut self, row: FrameRow) {
        match self {
            Self::Here(logs) => logs.frame(&row),
            Self::Beside(logs) => logs.give(Line::Frame(Box::new(row))),
        }
    }

    /// Closes the logs.
    pub(super) fn finish(&mut self) {
        match self {
            Self::Here(logs) => logs.finish(),
            Self::Beside(logs) => logs.finish(),
        }
    }

    /// What is wrong with a log now, one sentence.
    pub(super) fn problem(&self) -> Option<String> {
        match self {
            Self::Here(logs) => logs.failure.as_ref().map(ToString::to_string),
            Self::Beside(logs) => logs.shared.problem(),
        }
    }

    /// Why a log is not complete, if it is not.
    pub(super) fn take_failure(&mut self) -> Option<RecordError> {
        match self {
            Self::Here(logs) => logs.failure.take().or(logs.gap.take()),
            Self::Beside(logs) => {
                let failed = logs.shared.state.lock().failure.take();
                failed.or_else(|| logs.shared.lost())
            }
        }
    }
}

/// The open logs.
#[derive(Debug, Default)]
pub(super) struct Logs {
    events: Option<EventLog>,
    /// Where the events go, to try again.
    path: Option<PathBuf>,
    frames: Option<FrameLog>,
    /// Why a log is not written now.
    failure: Option<RecordError>,
    /// Why lines are missing from an event log that is written again.
    gap: Option<RecordError>,
}

impl Logs {
    fn open(options: &LiveOptions) -> Result<Self, RecordError> {
        // The stricter one first, so that a refusal leaves no empty file behind.
        let frames = options.frames.as_deref().map(FrameLog::create).transpose()?;
        let events = options.events.as_deref().map(EventLog::open).transpose()?;
        Ok(Self { events, path: options.events.clone(), frames, ..Self::default() })
    }

    fn write(&mut self, line: Line) {
        match line {
            Line::Event(event) => self.event(&event),
            Line::Happened(happening) => self.happened(&happening),
            Line::Session(summary) => self.session(&summary),
            Line::Frame(row) => self.frame(&row),
        }
    }

    fn event(&mut self, event: &Event) {
        self.log_events(|log| log.write(event));
    }

    fn happened(&mut self, happening: &Happening) {
        self.log_events(|log| log.happened(happening));
    }

    fn session(&mut self, summary: &SessionSummary) {
        self.log_events(|log| log.close_session(summary));
    }

    fn log_events(&mut self, write: impl FnOnce(&mut EventLog) -> Result<(), RecordError>) {
        let Some(path) = &self.path else { return };
        let written = match &mut self.events {
            Some(log) => write(log),
            None => EventLog::open(path).and_then(|mut log| {
                write(&mut log)?;
                self.events = Some(log);
                Ok(())
            }),
        };
        match written {
            Err(why) => {
                // Not for every event anew.
                if self.failure.is_none() {
                    tracing::error!("{why}");
                }
                (self.events, self.failure) = (None, Some(why));
            }
            // A frame log's failure stays: it is not tried again.
            Ok(()) if self.failure.as_ref().is_some_and(|why| why.path() == Some(path)) => {
                tracing::warn!("{} is written again; some events are missing", path.display());
                self.gap = self.failure.take();
            }
            Ok(()) => {}
        }
    }

    fn frame(&mut self, row: &FrameRow) {
        if let Some(Err(why)) = self.frames.as_mut().map(|log| log.write(row)) {
            tracing::error!("{why}");
            (self.frames, self.failure) = (None, Some(why));
        }
    }

    fn finish(&mut self) {
        if let Some(Err(why)) = self.frames.as_mut().map(FrameLog::finish) {
            tracing::error!("{why}");
            self.failure = Some(why);
        }
        (self.frames, self.events, self.path) = (None, None, None);
    }
}

/// Logs on a thread of their own. Dropping it waits for the lines that are on their way.
#[derive(Debug)]
pub(super) struct Beside {
    out: Option<Sender<Line>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Lines that found no room to wait.
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    problem: Option<String>,
    /// At the end.
    failure: Option<RecordError>,
}

impl Shared {
    fn lost(&self) -> Option<RecordError> {
        let lost = self.lost.load(Relaxed);
        (lost > 0).then_some(RecordError::Behind(lost))
    }

    fn problem(&self) -> Option<String> {
        let problem = self.state.lock().problem.clone();
        problem.or_else(|| self.lost().map(|lost| lost.to_string()))
    }
}

impl Beside {
    fn start(mut logs: Logs) -> Result<Self, LiveError> {
        let shared = Arc::new(Shared::default());
        shared.state.lock().problem = logs.failure.as_ref().map(ToString::to_string);
        if logs.path.is_none() && logs.frames.is_none() {
            return Ok(Self { out: None, thread: None, shared });
        }
        let (out, lines) = bounded(WAITING);
        let told = shared.clone();
        let work = move || {
            while let Ok(line) = lines.recv() {
                logs.write(line);
                let mut state = told.state.lock();
                let problem = logs.failure.as_ref().map(ToString::to_string);
                if state.problem != problem {
                    state.problem = problem;
                }
            }
            logs.finish();
            told.state.lock().failure = logs.failure.or(logs.gap);
        };
        let thread = thread("logs", work)?;
        Ok(Self { out: Some(out), thread: Some(thread), shared })
    }

    fn give(&self, line: Line) {
        let Some(out) = &self.out else { return };
        if out.try_send(line).is_err() {
            self.shared.lost.fetch_add(1, Relaxed);
        }
    }

    fn finish(&mut self) {
        self.out = None;
        let Some(thread) = self.thread.take() else { return };
        if join_within(thread, JOIN).is_none() {
            tracing::error!("the logs' disk does not come back; their last lines may be missing");
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(frame: u64) -> Event {
        Event { frame, ..Event::default() }
    }

    #[cfg(unix)]
    #[test]
    fn a_disk_that_does_not_answer_holds_up_nobody() {
        let folder = tempfile::tempdir().unwrap();
        // A pipe that nobody reads is full after a while, and then blocks who writes.
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        if !made.is_ok_and(|status| status.success()) {
            eprintln!("skipped: there is no mkfifo");
            return;
        }
        let options = LiveOptions { events: Some(pipe), ..LiveOptions::default() };
        let mut recorder = Recorder::beside(&options).unwrap();
        for frame in 0..4 * WAITING as u64 {
            recorder.event(&event(frame));
        }
        let problem = recorder.problem().unwrap();
        assert!(problem.contains("too slow"), "{problem}");
        recorder.finish();
        assert!(matches!(recorder.take_failure(), Some(RecordError::Behind(_))));
    }

    #[test]
    fn a_log_that_was_away_is_gone_on_with_and_its_gap_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let options = LiveOptions { events: Some(path.clone()), ..LiveOptions::default() };
        let mut logs = Logs::open(&options).unwrap();
        logs.event(&event(1));
        // The disk is taken out: the next line cannot be written, the one after it can.
        logs.events = None;
        let elsewhere = folder.path().join("elsewhere");
        std::fs::rename(&path, &elsewhere).unwrap();
        std::fs::create_dir(&path).unwrap();
        logs.event(&event(2));
        assert!(logs.failure.is_some());
        std::fs::remove_dir(&path).unwrap();
        std::fs::rename(&elsewhere, &path).unwrap();
        logs.event(&event(3));
        assert!(logs.failure.is_none() && logs.gap.is_some());
        let text = std::fs::read_to_string(path).unwrap();
        let frames: Vec<u64> =
            text.lines().map(|line| serde_json::from_str::<Event>(line).unwrap().frame).collect();
        assert_eq!(frames, [1, 3]);
    }
}
