//! What the last minute was like, kept by the window for its plot. Fed with snapshots,
//! bounded in length, and on media time, so that a paused or slow source draws no lies.

use std::collections::VecDeque;

use crate::monitor::{Judgement, Level};

/// Length of what is kept, in seconds.
pub const SPAN_S: f64 = 60.0;
/// Least distance of two samples in seconds: 20 a second are all that a plot can show.
const STEP_S: f64 = 0.05;

/// One judgement, as the plot needs it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Media time in seconds.
    pub at: f64,
    /// Smoothed probability of drowsy; `None` = cannot be told.
    pub drowsy: Option<f32>,
}

/// An alarm that began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alarm {
    /// Media time in seconds.
    pub at: f64,
    /// What it rose to: [`Level::Warning`] or [`Level::Critical`].
    pub level: Level,
}

/// The last [`SPAN_S`] seconds.
#[derive(Clone, Debug, Default)]
pub struct History {
    samples: VecDeque<Sample>,
    alarms: VecDeque<Alarm>,
    newest: Option<(f64, Level)>,
}

impl History {
    /// Adds a judgement. One that is not newer than the last is ignored; one that lies
    /// before it (another source, a video that began again) starts over.
    pub fn push(&mut self, judgement: &Judgement) {
        let at = judgement.at;
        let (last, level) = self.newest.unwrap_or((f64::NEG_INFINITY, Level::None));
        if !at.is_finite() || at == last {
            return;
        }
        if at < last {
            *self = Self::default();
            return self.push(judgement);
        }
        if judgement.level > level && judgement.level >= Level::Warning {
            self.alarms.push_back(Alarm { at, level: judgement.level });
        }
        self.newest = Some((at, judgement.level));
        if self.samples.back().is_none_or(|sample| at - sample.at >= STEP_S) {
            self.samples.push_back(Sample { at, drowsy: judgement.drowsy });
        }
        let oldest = at - SPAN_S;
        while self.samples.front().is_some_and(|sample| sample.at < oldest) {
            self.samples.pop_front();
        }
        while self.alarms.front().is_some_and(|alarm| alarm.at < oldest) {
            self.alarms.pop_front();
        }
    }

    /// Media time of the newest judgement in seconds, 0 before the first.
    pub fn now(&self) -> f64 {
        self.newest.map_or(0.0, |(at, _)| at)
    }

    /// The alarms that began, oldest first.
    pub fn alarms(&self) -> impl ExactSizeIterator<Item = &Alarm> {
        self.alarms.iter()
    }

    /// Runs of `[seconds before now, probability]` without a gap between them, oldest
    /// first. A time in which nothing could be told is a gap, never a zero.
    pub fn runs(&self) -> Vec<Vec<[f64; 2]>> {
        let now = self.now();
        let mut runs = vec![];
        let mut run = vec![];
        let mut last = None;
        for sample in &self.samples {
            let gap = last.is_some_and(|last| sample.at - last > 1.0);
            if (gap || sample.drowsy.is_none()) && !run.is_empty() {
                runs.push(std::mem::take(&mut run));
            }
            if let Some(drowsy) = sample.drowsy {
                run.push([sample.at - now, f64::from(drowsy)]);
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

    fn judgement(at: f64, drowsy: Option<f32>, level: Level) -> Judgement {
        Judgement { at, drowsy, level, ..Judgement::default() }
    }

    #[test]
    fn it_keeps_a_minute_and_no_more() {
        let mut history = History::default();
        for frame in 0..30 * 180 {
            history.push(&judgement(f64::from(frame) / 30.0, Some(0.5), Level::None));
        }
        let runs = history.runs();
        assert_eq!(runs.len(), 1);
        let (first, last) = (runs[0][0][0], runs[0][runs[0].len() - 1][0]);
        assert!((-60.0..-59.0).contains(&first), "{first}");
        assert!((-0.1..=0.0).contains(&last), "{last}");
        assert!(runs[0].len() <= (SPAN_S / STEP_S) as usize + 1);
    }

    #[test]
    fn what_cannot_be_told_is_a_gap() {
        let mut history = History::default();
        for tenth in 0..30 {
            let drowsy = (!(10..20).contains(&tenth)).then_some(0.2);
            history.push(&judgement(f64::from(tenth) / 10.0, drowsy, Level::None));
        }
        let lengths: Vec<_> = history.runs().iter().map(Vec::len).collect();
        assert_eq!(lengths, [10, 10]);
    }

    #[test]
    fn an_alarm_is_marked_where_it_began_and_where_it_grew() {
        let mut history = History::default();
        let levels = [Level::None, Level::Advisory, Level::Warning, Level::Warning];
        for (at, level) in levels.into_iter().chain([Level::Critical, Level::None]).enumerate() {
            history.push(&judgement(at as f64, Some(0.9), level));
        }
        let alarms: Vec<_> = history.alarms().map(|alarm| (alarm.at, alarm.level)).collect();
        assert_eq!(alarms, [(2.0, Level::Warning), (4.0, Level::Critical)]);
    }

    #[test]
    fn another_source_starts_over() {
        let mut history = History::default();
        history.push(&judgement(50.0, Some(0.9), Level::Critical));
        history.push(&judgement(0.0, Some(0.1), Level::None));
        assert_eq!(history.now(), 0.0);
        assert_eq!(history.alarms().len(), 0);
        assert_eq!(history.runs().len(), 1);
    }
}
