//! How many pictures are judged a second, and whether these are too few.

use std::{collections::VecDeque, time::Duration};

use super::{Settings, timers::Persistence};

/// The mean is taken over so long: 20 ms of jitter at its ends move it by less than
/// [`CLOSE`].
const WINDOW: Duration = Duration::from_secs(5);
/// From so much on it is believed.
const LEAST: Duration = Duration::from_millis(2500);
/// The most intervals that are kept: the window at 60 frames a second.
const MOST: usize = 300;
/// A rate so little below the least is still enough, as a share of it.
const CLOSE: f32 = 0.005;
/// A single long hole (a suspended laptop) says no more of the rate than this.
const HOLE: Duration = Duration::from_secs(1);

/// Watches over the time between frames.
#[derive(Clone, Debug, Default)]
pub(super) struct Rate {
    /// Running mean of the time between frames, seconds.
    pub(super) interval_s: f32,
    intervals: VecDeque<Duration>,
    /// Sum of the intervals.
    span: Duration,
    slow: Persistence,
}

impl Rate {
    /// Takes the time since the frame before.
    pub(super) fn step(&mut self, passed: Duration, s: &Settings) {
        let counted = passed.min(HOLE);
        self.interval_s += 0.2 * (counted.as_secs_f32() - self.interval_s);
        // A hole is told of by itself; the rate is that of the frames around it.
        if !passed.is_zero() && passed.as_secs_f32() <= s.gap_s {
            self.intervals.push_back(passed);
            self.span += passed;
        }
        while (self.span > WINDOW || self.intervals.len() > MOST)
            && let Some(oldest) = self.intervals.pop_front()
        {
            self.span = self.span.saturating_sub(oldest);
        }
        let too_few = self.hz().is_some_and(|hz| hz < s.least_hz * (1.0 - CLOSE));
        let late = passed.as_secs_f32() > s.slow_interval_s;
        let after = Duration::try_from_secs_f32(s.slow_s).unwrap_or_default();
        self.slow.step(late || too_few, counted, after);
    }

    /// Mean frames a second, holes left out.
    fn hz(&self) -> Option<f32> {
        let enough = self.span >= LEAST;
        enough.then(|| self.intervals.len() as f32 / self.span.as_secs_f32())
    }

    /// Whether too few pictures are judged.
    pub(super) fn is_slow(&self) -> bool {
        self.slow.is_on()
    }
}
