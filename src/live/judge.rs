//! The judge: a monitor, the logs, and the sums of a watch. Threads and the headless
//! watch both judge with it, so that both count and record alike.

use std::time::Duration;

use super::{LiveError, LiveOptions, Sighting, Summary};
use crate::{
    monitor::{Judgement, Level, Monitor, Observation, Settings},
    record::{Event, EventLog, FrameLog, FrameRow, RecordError, SessionSummary},
};

/// Judges sightings and keeps the books.
#[derive(Debug)]
pub(super) struct Judge {
    settings: Settings,
    monitor: Monitor,
    recorder: Recorder,
    last: Option<Judgement>,
    first_at: Option<Duration>,
    last_at: Duration,
    frame: u64,
    summary: Summary,
    session: SessionSummary,
}

/// The logs; one that fails is closed and its failure kept.
#[derive(Debug, Default)]
struct Recorder {
    events: Option<EventLog>,
    frames: Option<FrameLog>,
    failure: Option<RecordError>,
}

impl Recorder {
    fn open(options: &LiveOptions) -> Result<Self, RecordError> {
        // The stricter one first, so that a refusal leaves no empty file behind.
        let frames = options.frames.as_deref().map(FrameLog::create).transpose()?;
        let events = options.events.as_deref().map(EventLog::open).transpose()?;
        Ok(Self { events, frames, failure: None })
    }

    fn event(&mut self, event: &Event) {
        if let Some(Err(why)) = self.events.as_mut().map(|log| log.write(event)) {
            tracing::error!("{why}");
            (self.events, self.failure) = (None, Some(why));
        }
    }

    fn session(&mut self, summary: &SessionSummary) {
        if let Some(Err(why)) = self.events.as_mut().map(|log| log.close_session(summary)) {
            tracing::error!("{why}");
            (self.events, self.failure) = (None, Some(why));
        }
    }

    fn frame(&mut self, row: &FrameRow) {
        if let Some(Err(why)) = self.frames.as_mut().map(|log| log.write(row)) {
            tracing::error!("{why}");
            (self.frames, self.failure) = (None, Some(why));
        }
    }
}

impl Judge {
    /// Opens the logs.
    pub(super) fn new(options: &LiveOptions) -> Result<Self, LiveError> {
        Ok(Self {
            settings: options.monitor,
            monitor: Monitor::new(options.monitor),
            recorder: Recorder::open(options)?,
            last: None,
            first_at: None,
            last_at: Duration::ZERO,
            frame: 0,
            summary: Summary::default(),
            session: SessionSummary::default(),
        })
    }

    /// Judges a sighting; the event is there when state or level has changed.
    pub(super) fn see(
        &mut self,
        seen: &Sighting,
        detector_calls: u64,
    ) -> (Judgement, Option<Event>) {
        let judgement = self.monitor.step(&seen.observation);
        self.frame = seen.frame.index;
        self.last_at = seen.frame.at;
        let first_at = *self.first_at.get_or_insert(seen.frame.at);
        self.summary.frames += 1;
        self.summary.frames_with_face += u64::from(seen.face.is_some());
        self.summary.detector_calls = detector_calls;
        self.summary.seconds = seen.frame.at.saturating_sub(first_at).as_secs_f64();
        let row = FrameRow::new(&seen.frame, seen.face.as_ref(), &seen.observation, &judgement);
        self.recorder.frame(&row);
        self.conclude(judgement, Some(&seen.observation))
    }

    /// The source has not delivered for `since`.
    pub(super) fn lost(&mut self, since: Duration) -> (Judgement, Option<Event>) {
        let judgement = self.monitor.lost(self.last_at + since);
        self.conclude(judgement, None)
    }

    fn conclude(
        &mut self,
        judgement: Judgement,
        seen: Option<&Observation>,
    ) -> (Judgement, Option<Event>) {
        let before = self.last.as_ref().map_or(Level::None, |before| before.level);
        if judgement.level >= Level::Warning && judgement.level > before {
            self.summary.alarms += 1;
            self.session.warn(judgement.at);
        }
        let event = Event::of_change(self.last.as_ref(), &judgement, self.frame, seen);
        if let Some(event) = &event {
            self.recorder.event(event);
        }
        self.last = Some(judgement.clone());
        (judgement, event)
    }

    /// The driver says that they are awake.
    pub(super) fn acknowledge(&mut self) {
        self.monitor.acknowledge();
    }

    /// Learns the driver's baseline anew.
    pub(super) fn relearn(&mut self) {
        self.monitor.relearn();
    }

    /// The session is over: its summary is written under its events, if anything was seen.
    pub(super) fn close(&mut self) {
        let mut session = std::mem::take(&mut self.session);
        if let Some(last) = self.last.as_ref().filter(|_| self.summary.frames > 0) {
            session.seconds = self.summary.seconds;
            session.frames = self.summary.frames;
            (session.blinks, session.yawns) = (last.blinks, last.yawns);
            self.recorder.session(&session);
        }
    }

    /// Another source begins: nothing that was seen counts for it. The logs go on.
    pub(super) fn begin(&mut self) {
        self.close();
        self.monitor = Monitor::new(self.settings);
        (self.last, self.first_at, self.last_at) = (None, None, Duration::ZERO);
        (self.frame, self.summary) = (0, Summary::default());
    }

    /// What has been seen so far.
    pub(super) fn summary(&self) -> Summary {
        self.summary
    }

    /// Why a log is not written any more.
    pub(super) fn failure(&self) -> Option<&RecordError> {
        self.recorder.failure.as_ref()
    }

    /// The same, taken out.
    pub(super) fn take_failure(&mut self) -> Option<RecordError> {
        self.recorder.failure.take()
    }
}
