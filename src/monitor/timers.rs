//! The three small state machines that the policy is made of. Each is told how much
//! known time has passed, so that none depends on the frame rate.

use std::time::Duration;

/// How long something has lasted, with hysteresis: it is on from `after` on, and it is
/// off again when the opposite has lasted a quarter of that. The opposite counts down
/// twice as fast instead of at once, so that a flicker neither hides nor ends it.
#[derive(Clone, Debug, Default)]
pub(super) struct Persistence {
    lasted: Duration,
    on: bool,
}

impl Persistence {
    /// Adds `step` in which it held or did not; says whether it is on.
    pub(super) fn step(&mut self, holds: bool, step: Duration, after: Duration) -> bool {
        self.lasted = if holds {
            (self.lasted + step).min(after)
        } else {
            self.lasted.saturating_sub(step * 2)
        };
        if self.lasted >= after {
            self.on = true;
        } else if self.lasted <= after / 2 {
            self.on = false;
        }
        self.on
    }

    pub(super) fn is_on(&self) -> bool {
        self.on
    }
}

/// An exponential mean over time with a known time constant. Its weight says how much
/// of the mean is filled: 0 = nothing is known, towards 1 = several constants of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Smoother {
    sum: f32,
    weight: f32,
}

impl Smoother {
    /// Adds a value that held for `step` seconds.
    pub(super) fn add(&mut self, value: f32, step: f32, constant: f32) {
        let keep = (-step / constant.max(f32::EPSILON)).exp();
        self.sum = self.sum * keep + value * (1.0 - keep);
        self.weight = self.weight * keep + 1.0 - keep;
    }

    /// Lets `step` seconds pass of which nothing is known: the mean stays, its weight fades.
    pub(super) fn fade(&mut self, step: f32, constant: f32) {
        let keep = (-step / constant.max(f32::EPSILON)).exp();
        self.sum *= keep;
        self.weight *= keep;
    }

    /// The mean, if its weight is that of `settle` seconds at least.
    pub(super) fn mean(&self, settle: f32, constant: f32) -> Option<f32> {
        let needed = 1.0 - (-settle / constant.max(f32::EPSILON)).exp();
        (self.weight + 1e-4 >= needed && self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

/// How long the eyes have been closed, and open again.
#[derive(Clone, Debug, Default)]
pub(super) struct Closure {
    /// Time closed, holes left out.
    pub(super) closed: Duration,
    /// Time open since.
    pub(super) open: Duration,
    /// Time in which it could not be told since.
    paused: Duration,
}

impl Closure {
    /// Adds a readable frame, `step` of known time after the one before. Only time between
    /// two frames that agree counts: what happened between two that differ is not known.
    pub(super) fn see(
        &mut self,
        closed: bool,
        was: Option<bool>,
        step: Duration,
        reopen: Duration,
    ) {
        self.paused = Duration::ZERO;
        match (was, closed) {
            (Some(true), true) => {
                self.closed += step;
                self.open = Duration::ZERO;
            }
            (_, true) => self.open = Duration::ZERO,
            (Some(false), false) => self.open += step,
            (_, false) => {}
        }
        if !closed && self.open >= reopen {
            self.closed = Duration::ZERO;
        }
    }

    /// Lets time pass of which nothing is known: the closure waits, up to `longest`.
    ///
    /// It neither counts, since a face turned away is not asleep, nor ends at once,
    /// since a sleeper's head that drops out of sight for a moment is.
    pub(super) fn pause(&mut self, step: Duration, longest: Duration) {
        self.paused += step;
        if self.paused > longest {
            *self = Self { paused: self.paused, ..Self::default() };
        }
    }
}
