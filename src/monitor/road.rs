//! Eyes off the road: a head turned aside or down, or lids lowered in a look. One long look
//! and many short ones are warned of; neither is sleep.

use std::time::Duration;

use super::{Settings, timers::Persistence};
use crate::face::HeadPose;

/// Short glances are summed over so many seconds (Euro NCAP 2026: within 30 s).
const WITHIN: usize = 30;
/// So long back on the road is a glance back; less is a flicker of the readings. Our choice.
const BACK: Duration = Duration::from_millis(300);
/// A look that lasts so long is none: the camera or the seat was moved. Our choice.
const MOVED: Duration = Duration::from_secs(15);
/// The head's usual place follows so many times as fast then: a warning ends within
/// another ten seconds.
const FASTER: u32 = 8;
/// The lids take so long to fall, and the landmarks jump with them: what the head does
/// meanwhile is not known.
const LIDS_FALL: Duration = Duration::from_millis(300);
/// Time constants of where the head is and of where it was, seconds: a head that moves is
/// told from one that lies still with a pose that is good to five degrees.
const IS_S: f32 = 0.2;
const WAS_S: f32 = 1.0;

/// Why a driver is warned of looking away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Off {
    /// One look that lasts.
    Long,
    /// Many short ones.
    Often,
}

/// Adds up the time that the eyes are off the road.
#[derive(Clone, Debug)]
pub(super) struct Road {
    told: Persistence,
    /// One look has lasted too long, until the eyes have been back.
    long: bool,
    /// Seconds off the road in each of the last seconds of media time.
    cells: [f32; WITHIN],
    second: u64,
    /// Too many glances, until the eyes have been back.
    often: bool,
    back: Duration,
    /// How long the eyes have been off the road.
    off: Duration,
}

impl Default for Road {
    fn default() -> Self {
        Self {
            told: Persistence::default(),
            long: false,
            cells: [0.0; WITHIN],
            second: 0,
            often: false,
            back: Duration::ZERO,
            off: Duration::ZERO,
        }
    }
}

impl Road {
    /// Takes `step` of known time that ends at `at`, in which the eyes were off the road or
    /// on it.
    pub(super) fn step(&mut self, at: Duration, off: bool, step: Duration, s: &Settings) {
        let seconds = |value: f32| Duration::try_from_secs_f32(value).unwrap_or_default();
        self.told.step(off, step, seconds(s.away_s));
        self.advance(at.as_secs());
        if off {
            (self.off, self.back) = (self.off + step, Duration::ZERO);
            self.cells[(self.second % WITHIN as u64) as usize] += step.as_secs_f32();
            self.long |= self.off >= seconds(s.off_road_s);
            self.often |= self.cells.iter().sum::<f32>() >= s.glances_s;
        } else {
            self.back += step;
            if self.back >= BACK {
                self.off = Duration::ZERO;
            }
        }
        if self.long {
            // What is warned of once is not added up for the next warning.
            (self.often, self.cells) = (false, [0.0; WITHIN]);
        }
        if (self.long || self.often) && self.back >= seconds(s.back_s) {
            (self.long, self.often, self.cells) = (false, false, [0.0; WITHIN]);
        }
    }

    /// Goes to a second; a clock that jumps leaves nothing.
    fn advance(&mut self, second: u64) {
        match second.checked_sub(self.second) {
            Some(passed) if passed < WITHIN as u64 => {
                for ago in 0..passed {
                    self.cells[((second - ago) % WITHIN as u64) as usize] = 0.0;
                }
            }
            _ => self.cells = [0.0; WITHIN],
        }
        self.second = second;
    }

    /// The driver looks away, for longer than into a mirror.
    pub(super) fn is_off(&self) -> bool {
        self.told.is_on()
    }

    /// What is to be warned of.
    pub(super) fn warned(&self) -> Option<Off> {
        match (self.long, self.often) {
            (true, _) => Some(Off::Long),
            (false, true) => Some(Off::Often),
            (false, false) => None,
        }
    }

    /// How much of `step` the head's usual place is to follow by: none in a look, which would
    /// become the usual, and more once it has lasted longer than any look.
    pub(super) fn follows(&self, step: Duration) -> Duration {
        match self.off {
            Duration::ZERO => step,
            off if off < MOVED => Duration::ZERO,
            _ => step * FASTER,
        }
    }

    /// The driver answers: everything counts anew.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// Signs of life under lids that are down: a head that moves. One that only sinks is a nod.
#[derive(Clone, Debug, Default)]
pub(super) struct Life {
    /// Yaw and pitch, as they are and as they were, degrees.
    means: Option<[[f32; 2]; 2]>,
}

impl Life {
    /// Takes a frame in which the lids have been down for `down`, `step` after the one
    /// before; says whether the head has moved.
    pub(super) fn see(
        &mut self,
        pose: Option<HeadPose>,
        down: Duration,
        step: Duration,
        s: &Settings,
    ) -> bool {
        let pose = pose.map(|pose| [pose.yaw, pose.pitch]);
        let Some(now) = pose.filter(|pose| pose.iter().all(|part| part.is_finite())) else {
            return false;
        };
        if down < LIDS_FALL {
            self.means = None;
            return false;
        }
        let [is, was] = self.means.get_or_insert([now; 2]);
        for (mean, constant) in [(&mut *is, IS_S), (&mut *was, WAS_S)] {
            let share = 1.0 - (-step.as_secs_f32() / constant).exp();
            for (mean, now) in mean.iter_mut().zip(now) {
                *mean += share * (now - *mean);
            }
        }
        let [aside, down] = [is[0] - was[0], is[1] - was[1]];
        let lives = aside.abs() >= s.life_deg || -down >= s.life_deg;
        if lives {
            // One movement is one sign, however far it goes.
            *was = *is;
        }
        lives
    }
}
