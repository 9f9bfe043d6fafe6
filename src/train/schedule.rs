//! The learning rate over a training: a linear warm-up, then half a cosine down.

use std::f64::consts::PI;

/// Warm-up and cosine, a step at a time (He et al. 2022, per iteration).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The highest learning rate, reached at the end of the warm-up.
    pub peak: f64,
    /// The share of `peak` that is left at the last step, 0..1.
    pub floor: f64,
    /// Steps of the warm-up.
    pub warmup_steps: usize,
    /// Steps of the whole training.
    pub steps: usize,
}

impl Schedule {
    /// The learning rate for `step`, counted from 0.
    pub fn at(&self, step: usize) -> f64 {
        if step < self.warmup_steps {
            return self.peak * (step + 1) as f64 / self.warmup_steps as f64;
        }
        let length = self.steps.saturating_sub(self.warmup_steps).max(1);
        let done = ((step - self.warmup_steps) as f64 / length as f64).min(1.0);
        self.peak * (self.floor + (1.0 - self.floor) * 0.5 * (1.0 + (PI * done).cos()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn rises_to_the_peak_and_falls_to_the_floor() {
        let schedule = Schedule { peak: 1e-3, floor: 0.01, warmup_steps: 10, steps: 110 };
        assert_abs_diff_eq!(schedule.at(0), 1e-4, epsilon = 1e-12);
        assert_abs_diff_eq!(schedule.at(9), 1e-3, epsilon = 1e-12);
        assert_abs_diff_eq!(schedule.at(10), 1e-3, epsilon = 1e-12);
        assert_abs_diff_eq!(schedule.at(60), 0.505e-3, epsilon = 1e-9);
        assert_abs_diff_eq!(schedule.at(110), 1e-5, epsilon = 1e-12);
        assert_abs_diff_eq!(schedule.at(500), 1e-5, epsilon = 1e-12);
    }

    #[test]
    fn a_training_of_nothing_but_warm_up_has_a_rate() {
        let schedule = Schedule { peak: 1.0, floor: 0.0, warmup_steps: 0, steps: 0 };
        assert_abs_diff_eq!(schedule.at(0), 1.0, epsilon = 1e-12);
    }
}
