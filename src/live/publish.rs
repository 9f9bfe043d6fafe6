//! The publisher: keeps the snapshot, its rates and its problems, and puts a copy where
//! the window finds it.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::{Snapshot, Summary, pipeline::VisionInfo, snapshot::Shared, vision::Seen};
use crate::{alarm::AlarmStatus, background::Waker, monitor::Judgement, source::SourceInfo};

/// The frame rate is counted over so long.
const RATE_WINDOW: Duration = Duration::from_secs(2);

/// Makes snapshots.
pub(super) struct Publisher {
    shared: Shared,
    waker: Option<Waker>,
    dropped: Arc<AtomicU64>,
    dropped_before: u64,
    snapshot: Snapshot,
    problems: Problems,
    judged: VecDeque<Instant>,
    changed: bool,
}

/// Who says that something is wrong; they are told in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProblemSource {
    /// The source cannot be opened or read.
    Source,
    /// What can be seen in the picture: nothing, or that it is turned.
    Picture,
    /// Frames cannot be looked at.
    Vision,
    /// Other models were asked for and cannot be had; those before go on.
    Models,
    /// The judge has crashed and begun anew.
    Judge,
    /// A log is not written.
    Log,
    /// A provider that was tried and failed, or differed.
    Fallback,
}

/// What is wrong, by who said it.
type Problems = [Option<String>; ProblemSource::Fallback as usize + 1];

impl Publisher {
    pub(super) fn new(
        shared: Shared,
        waker: Option<Waker>,
        dropped: Arc<AtomicU64>,
        info: VisionInfo,
    ) -> Self {
        let mut publisher = Self {
            shared,
            waker,
            dropped,
            dropped_before: 0,
            snapshot: Snapshot::default(),
            problems: Problems::default(),
            judged: VecDeque::new(),
            changed: true,
        };
        publisher.vision(info);
        publisher
    }

    /// Another source begins: what was seen of the one before is taken off.
    pub(super) fn begin(&mut self) {
        let old = std::mem::take(&mut self.snapshot);
        self.snapshot = Snapshot {
            provider: old.provider,
            model: old.model,
            grid: old.grid,
            tried: old.tried,
            sound: old.sound,
            sounding: old.sounding,
            muted_until: old.muted_until,
            volume: old.volume,
            ..Snapshot::default()
        };
        self.judged.clear();
        self.problem(ProblemSource::Picture, None);
        self.dropped_before = self.dropped.load(Relaxed);
        self.changed = true;
    }

    pub(super) fn source(&mut self, info: SourceInfo) {
        self.snapshot.source = info;
        self.changed = true;
    }

    /// Other models see from now on.
    pub(super) fn vision(&mut self, info: VisionInfo) {
        let VisionInfo { provider, model, grid, problem, tried } = info;
        let shown = &mut self.snapshot;
        (shown.provider, shown.model, shown.grid) = (provider, model, grid);
        shown.tried = tried.into();
        self.problem(ProblemSource::Fallback, problem);
        self.changed = true;
    }

    pub(super) fn ended(&mut self, ended: bool) {
        self.snapshot.ended = ended;
        self.changed = true;
    }

    pub(super) fn sighting(&mut self, seen: Seen, judgement: Judgement, sums: &Summary) {
        let now = Instant::now();
        let latency_ms = 1e3 * now.duration_since(seen.taken).as_secs_f32();
        let shown = &mut self.snapshot;
        let smoothed = shown.stats.latency_ms;
        shown.stats.latency_ms = if shown.frame.is_none() {
            latency_ms
        } else {
            smoothed + 0.1 * (latency_ms - smoothed)
        };
        let sighting = seen.sighting;
        shown.frame = Some(sighting.frame);
        shown.face = sighting.face;
        shown.unreadable = sighting.observation.face.and_then(|face| face.unreadable);
        shown.others = sighting.scene.others;
        shown.crop = sighting.crop;
        shown.keep = sighting.keep;
        shown.reading = sighting.reading;
        shown.judgement = judgement;
        self.judged.push_back(now);
        self.sums(sums);
    }

    /// Nothing is seen any more: an old face must not look like a new one.
    pub(super) fn lost(&mut self, judgement: Judgement, sums: &Summary) {
        self.problem(ProblemSource::Picture, None);
        let shown = &mut self.snapshot;
        (shown.face, shown.crop, shown.reading) = (None, None, None);
        shown.unreadable = None;
        shown.others = 0;
        shown.judgement = judgement;
        self.sums(sums);
    }

    fn sums(&mut self, sums: &Summary) {
        let stats = &mut self.snapshot.stats;
        stats.frames = sums.frames;
        stats.frames_with_face = sums.frames_with_face;
        stats.detector_calls = sums.detector_calls;
        stats.alarms = sums.alarms;
        self.changed = true;
    }

    pub(super) fn alarm(&mut self, status: AlarmStatus) {
        let AlarmStatus { sound, sounding, muted_until, volume } = status;
        let shown = &mut self.snapshot;
        let same = shown.sound == sound
            && shown.sounding == sounding
            && shown.muted_until == muted_until
            && shown.volume == volume;
        if !same {
            (shown.sound, shown.sounding) = (sound, sounding);
            (shown.muted_until, shown.volume) = (muted_until, volume);
            self.changed = true;
        }
    }

    /// Keeps what is wrong until it is said that it is not any more.
    pub(super) fn problem(&mut self, of: ProblemSource, problem: Option<String>) {
        let known = &mut self.problems[of as usize];
        self.changed |= *known != problem;
        *known = problem;
    }

    pub(super) fn has_problem(&self, of: ProblemSource) -> bool {
        self.problems[of as usize].is_some()
    }

    /// Puts a copy where the window finds it, if anything has changed.
    pub(super) fn publish(&mut self) {
        let now = Instant::now();
        while self.judged.front().is_some_and(|at| now.duration_since(*at) > RATE_WINDOW) {
            self.judged.pop_front();
        }
        let fps = rate(&self.judged, now);
        self.changed |= self.judged.is_empty() && self.snapshot.stats.fps != fps;
        if !std::mem::take(&mut self.changed) {
            return;
        }
        self.snapshot.stats.fps = fps;
        self.snapshot.stats.dropped =
            self.dropped.load(Relaxed).saturating_sub(self.dropped_before);
        let told: Vec<&str> = self.problems.iter().flatten().map(String::as_str).collect();
        self.snapshot.problem = (!told.is_empty()).then(|| told.join("; "));
        let source = self.problems[ProblemSource::Source as usize].clone();
        self.snapshot.no_source = source.filter(|_| self.snapshot.frame.is_none());
        *self.shared.lock() = Arc::new(self.snapshot.clone());
        if let Some(waker) = &self.waker {
            waker();
        }
    }
}

/// Frames a second, from when the last ones were judged.
fn rate(judged: &VecDeque<Instant>, now: Instant) -> f32 {
    let Some(first) = judged.front() else { return 0.0 };
    let span = now.duration_since(*first).as_secs_f32();
    if judged.len() < 2 || span <= 0.0 { 0.0 } else { (judged.len() - 1) as f32 / span }
}
