//! What is left of the driver's awareness: an integral that signs take from and that time
//! without them gives back, with hysteresis in what it is called.

use super::Settings;

/// What the awareness is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    #[default]
    Awake,
    Tiring,
    Drowsy,
}

/// Awareness never falls below this, so that it comes back within a minute or so.
const LEAST: f32 = 0.25;

/// The integral.
#[derive(Clone, Copy, Debug)]
pub(super) struct Awareness {
    left: f32,
    stage: Stage,
}

impl Default for Awareness {
    fn default() -> Self {
        Self { left: 1.0, stage: Stage::Awake }
    }
}

impl Awareness {
    /// What is left, 0..1.
    pub(super) fn left(&self) -> f32 {
        self.left
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// Changes by an amount, lost (negative) or regained, and names what is left.
    pub(super) fn change(&mut self, by: f32, s: &Settings) {
        if !by.is_finite() {
            return;
        }
        self.left = (self.left + by).clamp(LEAST, 1.0);
        let below = |[enter, leave]: [f32; 2], is_in: bool| {
            self.left < if is_in { enter.max(leave) } else { enter }
        };
        self.stage = if below(s.drowsy, self.stage == Stage::Drowsy) {
            Stage::Drowsy
        } else if below(s.tiring, self.stage >= Stage::Tiring) {
            Stage::Tiring
        } else {
            Stage::Awake
        };
    }

    /// Loses by supporting evidence, which never makes drowsy alone.
    pub(super) fn support(&mut self, cost: f32, s: &Settings) {
        let room = (self.left - s.support_floor).max(0.0);
        self.change(-cost.clamp(0.0, room), s);
    }

    /// The driver says that they are awake: at least so much is left.
    pub(super) fn restore(&mut self, at_least: f32, s: &Settings) {
        self.change((at_least - self.left).max(0.0), s);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_called_drowsy_late_and_for_long() {
        let (mut awareness, s) = (Awareness::default(), Settings::default());
        let mut stages = Vec::new();
        for by in [-0.29, -0.02, 0.1, -0.38, -0.02, 0.09, 0.02, 0.28, 0.02] {
            awareness.change(by, &s);
            stages.push(awareness.stage());
        }
        use Stage::{Awake, Drowsy, Tiring};
        let told = [Awake, Tiring, Tiring, Tiring, Drowsy, Drowsy, Tiring, Tiring, Awake];
        assert_eq!(stages, told);
    }

    #[test]
    fn supporting_evidence_alone_never_makes_drowsy() {
        let (mut awareness, s) = (Awareness::default(), Settings::default());
        for _ in 0..100 {
            awareness.support(0.1, &s);
        }
        assert_eq!((awareness.left(), awareness.stage()), (s.support_floor, Stage::Tiring));
        awareness.change(-0.3, &s);
        let left = awareness.left();
        awareness.support(0.1, &s);
        assert_eq!((awareness.left(), awareness.stage()), (left, Stage::Drowsy));
    }
}
