//! What the last minutes were like, kept by the window for its plot. Fed with snapshots,
//! bounded in length, and on media time, so that a paused or slow source draws no lies.

use std::collections::VecDeque;

use crate::{
    live::Snapshot,
    monitor::{Level, Settings, State},
};

/// Length of what is kept, in seconds.
pub(crate) const SPAN_S: f64 = 180.0;
/// Least distance of two samples in seconds: ten a second are all that a plot can show.
const STEP_S: f64 = 0.1;
/// Samples further apart than this leave a gap, seconds.
const GAP_S: f64 = 1.0;

/// A moment, as the plot needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    /// Media time in seconds.
    pub at: f64,
    /// Smoothed probability of drowsy; `None` = cannot be told.
    pub drowsy: Option<f32>,
    /// PERCLOS of the minute before, 0..1.
    pub perclos: Option<f32>,
    /// How far the eyes are open: their aspect ratio over that of open eyes, 0..1.
    pub open: Option<f32>,
}

/// What a mark on the plot stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mark {
    /// A blink ended.
    Blink,
    /// A yawn was counted.
    Yawn,
    /// The level rose to a warning.
    Warning,
    /// The level rose to an alarm.
    Alarm,
}

impl Mark {
    /// Every kind.
    pub(crate) const ALL: [Mark; 4] = [Mark::Blink, Mark::Yawn, Mark::Warning, Mark::Alarm];
}

/// The last [`SPAN_S`] seconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    samples: VecDeque<Sample>,
    marks: VecDeque<(f64, Mark)>,
    newest: Option<Newest>,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    at: f64,
    level: Level,
    blinks: u32,
    yawns: u32,
}

impl History {
    /// Adds a snapshot. One that is not newer than the last is ignored; one that lies
    /// before it (another source, a video that began again) starts over.
    pub(crate) fn push(&mut self, snapshot: &Snapshot, monitor: &Settings) {
        let judgement = &snapshot.judgement;
        let (at, level) = (judgement.at, judgement.level);
        let (blinks, yawns) = (judgement.blinks, judgement.yawns);
        let now = Newest { at, level, blinks, yawns };
        let before =
            self.newest.unwrap_or(Newest { at: f64::NEG_INFINITY, level: Level::None, ..now });
        if !at.is_finite() || at == before.at {
            return;
        }
        if at < before.at {
            *self = Self::default();
            return self.push(snapshot, monitor);
        }
        let rose = level > before.level;
        for (mark, happened) in [
            (Mark::Blink, blinks > before.blinks),
            (Mark::Yawn, yawns > before.yawns),
            (Mark::Warning, rose && level == Level::Warning),
            (Mark::Alarm, rose && level == Level::Critical),
        ] {
            if happened {
                self.marks.push_back((at, mark));
            }
        }
        self.newest = Some(now);
        if self.samples.back().is_none_or(|sample| at - sample.at > STEP_S - 1e-6) {
            let readable = judgement.state != State::EyesUnreadable;
            let face = snapshot.face.as_ref().filter(|_| readable);
            let open = face.map(|face| {
                let [left, right] = face.landmarks.eye_aspect();
                ((left + right) / 2.0 / monitor.open_aspect.max(0.01)).clamp(0.0, 1.0)
            });
            let (drowsy, perclos) = (judgement.drowsy, judgement.perclos());
            self.samples.push_back(Sample { at, drowsy, perclos, open });
        }
        let oldest = at - SPAN_S;
        while self.samples.front().is_some_and(|sample| sample.at < oldest) {
            self.samples.pop_front();
        }
        while self.marks.front().is_some_and(|(at, _)| *at < oldest) {
            self.marks.pop_front();
        }
    }

    /// Media time of the newest judgement in seconds, 0 before the first.
    pub(crate) fn now(&self) -> f64 {
        self.newest.map_or(0.0, |newest| newest.at)
    }

    /// What happened, as `(seconds before now, what)`, oldest first.
    pub(crate) fn marks(&self) -> impl Iterator<Item = (f64, Mark)> {
        let now = self.now();
        self.marks.iter().map(move |(at, mark)| (at - now, *mark))
    }

    /// How often something happened.
    pub(crate) fn count(&self, wanted: Mark) -> usize {
        self.marks.iter().filter(|(_, mark)| *mark == wanted).count()
    }

    /// Runs of `[seconds before now, value]` without a gap between them, oldest first. A
    /// time in which nothing could be told is a gap, never a zero.
    pub(crate) fn runs(&self, value: impl Fn(&Sample) -> Option<f32>) -> Vec<Vec<[f64; 2]>> {
        let now = self.now();
        let mut runs = vec![];
        let mut run = vec![];
        let mut last = None;
        for sample in &self.samples {
            let value = value(sample);
            let gap = last.is_some_and(|last| sample.at - last > GAP_S);
            if (gap || value.is_none()) && !run.is_empty() {
                runs.push(std::mem::take(&mut run));
            }
            if let Some(value) = value {
                run.push([sample.at - now, f64::from(value)]);
            }
            last = Some(sample.at);
        }
        if !run.is_empty() {
            runs.push(run);
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Judgement;

    fn push(history: &mut History, at: f64, drowsy: Option<f32>, level: Level) {
        let judgement = Judgement { at, drowsy, level, ..Judgement::default() };
        history.push(&Snapshot { judgement, ..Snapshot::default() }, &Settings::default());
    }

    fn drowsy(sample: &Sample) -> Option<f32> {
        sample.drowsy
    }

    #[test]
    fn it_keeps_three_minutes_and_no_more() {
        let mut history = History::default();
        for frame in 0..30 * 400 {
            push(&mut history, f64::from(frame) / 30.0, Some(0.5), Level::None);
        }
        let runs = history.runs(drowsy);
        assert_eq!(runs.len(), 1);
        let (first, last) = (runs[0][0][0], runs[0][runs[0].len() - 1][0]);
        assert!((-SPAN_S..1.0 - SPAN_S).contains(&first), "{first}");
        assert!((-0.1..=0.0).contains(&last), "{last}");
        assert!(runs[0].len() <= (SPAN_S / STEP_S) as usize + 1);
    }

    #[test]
    fn what_cannot_be_told_is_a_gap() {
        let mut history = History::default();
        for tenth in 0..30 {
            let drowsy = (!(10..20).contains(&tenth)).then_some(0.2);
            push(&mut history, f64::from(tenth) / 10.0, drowsy, Level::None);
        }
        let lengths: Vec<_> = history.runs(drowsy).iter().map(Vec::len).collect();
        assert_eq!(lengths, [10, 10]);
        assert!(history.runs(|sample| sample.open).is_empty(), "no face, no openness");
    }

    #[test]
    fn an_alarm_is_marked_where_it_began_and_where_it_grew() {
        let mut history = History::default();
        let levels = [Level::None, Level::Advisory, Level::Warning, Level::Warning];
        for (at, level) in levels.into_iter().chain([Level::Critical, Level::None]).enumerate() {
            push(&mut history, at as f64, Some(0.9), level);
        }
        let marks: Vec<_> = history.marks().collect();
        assert_eq!(marks, [(-3.0, Mark::Warning), (-1.0, Mark::Alarm)]);
    }

    #[test]
    fn blinks_and_yawns_are_marked_when_they_are_counted() {
        let mut history = History::default();
        for (at, blinks, yawns) in [(0.0, 3, 0), (1.0, 3, 0), (2.0, 4, 0), (3.0, 4, 1)] {
            let judgement = Judgement { at, blinks, yawns, ..Judgement::default() };
            let snapshot = Snapshot { judgement, ..Snapshot::default() };
            history.push(&snapshot, &Settings::default());
        }
        assert_eq!((history.count(Mark::Blink), history.count(Mark::Yawn)), (1, 1));
        assert_eq!(history.count(Mark::Alarm), 0);
    }

    #[test]
    fn another_source_starts_over() {
        let mut history = History::default();
        push(&mut history, 50.0, Some(0.9), Level::Critical);
        push(&mut history, 0.0, Some(0.1), Level::None);
        assert_eq!(history.now(), 0.0);
        assert_eq!(history.marks().count(), 0);
        assert_eq!(history.runs(drowsy).len(), 1);
    }
}
