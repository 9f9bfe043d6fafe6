//! Drowsiness over minutes, from how a person blinks: blinks by the definitions of
//! UTA-RLDD (Ghoddoosian et al. 2019), measured against earlier blinks of the same person,
//! and what the last of them look like together. The same [`features`] describe a live
//! driver and a training video; a small network, elsewhere, makes a score of them.

use std::collections::VecDeque;

use super::{Blink, Settings};
use crate::stats::{deviation, mean, quantile};
pub use crate::vit::{BLINK_FEATURES as FEATURES, BlinkScore};

/// So many of the last blinks are described: some eight minutes, whatever came before. Half
/// as many told less by every norm.
pub const BLINKS: usize = 120;
/// Frames a second that the definitions count in.
const FRAMES_PER_S: f32 = 30.0;

/// One blink in deviations from the blinks that are the person's norm: frequency,
/// amplitude, duration, velocity.
pub type RelativeBlink = [f32; 4];

/// Compresses outliers: nearly linear around 0, logarithmic far from it.
fn squash(x: f64) -> f64 {
    x.signum() * x.abs().ln_1p()
}

/// Describes the last [`BLINKS`] of a person's blinks; `frame` is the length of a frame in
/// deviations of the norm's duration, so that durations can be told in frames. `None` of no
/// blinks, or of numbers that are none.
///
/// In order: mean and deviation of amplitude, duration, velocity and duration less amplitude
/// (all squashed); mean, deviation and five quantiles of three shapes (duration in frames,
/// duration less velocity, amplitude less velocity); shares of long, of flat and of slowly
/// opening blinks; the logarithm of `frame`.
///
/// Nothing tells how far the blinks are from the norm on either side: what is near the norm
/// comes from the recording that the norm was taken of, drowsy or not. Nor is the frequency
/// told, which is counted from a recording's start and which a drive has not.
pub fn features(blinks: &[RelativeBlink], frame: f32) -> Option<[f32; FEATURES]> {
    let last = &blinks[blinks.len().saturating_sub(BLINKS)..];
    let finite = last.iter().flatten().all(|value| value.is_finite());
    if last.is_empty() || !finite || !(frame.is_finite() && frame > 0.0) {
        return None;
    }
    let frame = f64::from(frame);
    let column = |i: usize| last.iter().map(move |blink| f64::from(blink[i]));
    let [amplitude, duration, velocity] =
        [1, 2, 3].map(|i| column(i).map(squash).collect::<Vec<f64>>());
    let less = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f64>>();
    let long = less(&duration, &amplitude);
    let slow = less(&duration, &velocity);
    let flat = less(&amplitude, &velocity);
    let frames: Vec<f64> = column(2).map(|x| x / frame).collect();
    let in_frames: Vec<f64> = frames.iter().map(|x| squash(x / 3.0)).collect();

    let mut told = Vec::with_capacity(FEATURES);
    for row in [&amplitude, &duration, &velocity, &long] {
        told.extend([mean(row), deviation(row)]);
    }
    for shape in [&in_frames, &slow, &flat] {
        let mut sorted = shape.clone();
        sorted.sort_by(f64::total_cmp);
        told.extend([mean(shape), deviation(shape)]);
        told.extend([0.05, 0.25, 0.5, 0.75, 0.95].map(|at| quantile(&sorted, at)));
    }
    let share = |held: usize| held as f64 / last.len() as f64;
    for longer in [2.0, 4.0, 8.0, 15.0, 30.0] {
        told.push(share(frames.iter().filter(|x| **x > longer).count()));
    }
    for i in [1, 3] {
        for below in [-2.0, -1.0, 1.0, 2.0] {
            told.push(share(column(i).filter(|x| *x < below).count()));
        }
    }
    told.push(frame.ln());
    let told: Vec<f32> = told.into_iter().map(|value| value as f32).collect();
    told.try_into().ok()
}

/// Mean and deviation of one measure over a person's alert blinks.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Usual {
    mean: f32,
    deviation: f32,
}

/// The least deviations of amplitude (aspect ratio), duration (frames) and velocity
/// (aspect ratio a frame), below which differences are noise of the landmarks. Our choice.
const LEAST_DEVIATION: [f32; 3] = [0.01, 0.4, 0.003];
/// The longest mean duration that is believed of alert blinks, frames: 0.4 s, so that who
/// starts sleepy does not become the norm. Our choice, from a population's 0.1 to 0.4 s.
const LONGEST_USUAL: f32 = 0.4 * FRAMES_PER_S;
/// Most blinks that the usual is learned from; more than are ever needed.
const MOST_ALERT: usize = 200;

/// A live driver's blinks.
#[derive(Clone, Debug, Default)]
pub(super) struct Blinks {
    alert: Vec<[f32; 3]>,
    usual: Option<[Usual; 3]>,
    relative: VecDeque<RelativeBlink>,
}

impl Blinks {
    /// Takes a blink and, once there are enough, describes them all. While the driver is
    /// `learning` (the baseline is not frozen, or too few alert blinks are known) blinks
    /// are what is usual; those that last are none of an alert driver.
    ///
    /// The frequency is left at nothing: nothing reads it.
    pub(super) fn add(
        &mut self,
        blink: &Blink,
        learning: bool,
        s: &Settings,
    ) -> Option<[f32; FEATURES]> {
        let measures =
            [blink.depth, blink.duration_s * FRAMES_PER_S, blink.opening_per_s / FRAMES_PER_S];
        if !measures.iter().all(|value| value.is_finite()) {
            return None;
        }
        let Some(usual) = self.usual else {
            if blink.closed_s < s.long_closure_s && self.alert.len() < MOST_ALERT {
                self.alert.push(measures);
            }
            if !learning && self.alert.len() >= s.alert_blinks as usize {
                self.usual = Some(self.learned());
                self.alert = Vec::new();
            }
            return None;
        };
        let relative =
            |i: usize| (measures[i] - usual[i].mean) / usual[i].deviation.max(f32::EPSILON);
        if self.relative.len() == BLINKS {
            self.relative.pop_front();
        }
        self.relative.push_back([0.0, relative(0), relative(1), relative(2)]);
        if self.relative.len() < s.scored_blinks as usize {
            return None;
        }
        features(self.relative.make_contiguous(), 1.0 / usual[1].deviation)
    }

    /// How much the last blinks tell, 0..1: all of it when the window is full.
    pub(super) fn share(&self) -> f32 {
        self.relative.len() as f32 / BLINKS as f32
    }

    fn learned(&self) -> [Usual; 3] {
        [0, 1, 2].map(|i| {
            let values: Vec<f64> = self.alert.iter().map(|blink| f64::from(blink[i])).collect();
            let mean = mean(&values) as f32;
            Usual {
                mean: if i == 1 { mean.min(LONGEST_USUAL) } else { mean },
                deviation: (deviation(&values) as f32).max(LEAST_DEVIATION[i]),
            }
        })
    }
}

#[cfg(test)]
#[path = "blinks_tests.rs"]
pub(crate) mod tests;
