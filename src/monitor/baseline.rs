//! What is usual for this driver: how wide their eyes stand open and where their head
//! points. The eyes are learned in the first minute of valid, alert driving and then
//! frozen, since a norm that follows the driver adapts the drowsiness away; bounds from
//! the population keep one who starts sleepy from becoming the norm. The head's usual
//! place does follow slowly: it says where the camera stands, not how awake they are.

use std::time::Duration;

use super::Settings;
use crate::{face::HeadPose, stats::median};

/// Least time between two samples: ten a second tell a median as well as sixty.
const STEP: Duration = Duration::from_millis(95);
/// The most samples that are kept.
const MOST: usize = 1200;
/// From so many samples on the head's usual place is believed: five seconds.
const POSE_FROM: usize = 50;
/// Time constant of the head's usual place once it is known, seconds.
const POSE_S: f32 = 120.0;

/// The baseline of one driver.
#[derive(Clone, Debug, Default)]
pub(super) struct Baseline {
    aspects: Vec<f32>,
    poses: Vec<[f32; 2]>,
    /// Valid time so far.
    seen: Duration,
    since: Duration,
    open_aspect: Option<f32>,
    /// Usual yaw and pitch, degrees.
    pose: Option<[f32; 2]>,
}

impl Baseline {
    /// Adds a frame of valid, alert driving: open eyes, looking ahead, `step` after the
    /// one before.
    pub(super) fn add(
        &mut self,
        aspect: f32,
        pose: Option<HeadPose>,
        step: Duration,
        s: &Settings,
    ) {
        self.since += step;
        if self.open_aspect.is_none() {
            self.seen += step;
        }
        if self.since < STEP {
            return;
        }
        self.since = Duration::ZERO;
        if self.pose.is_none()
            && let Some(pose) = pose
        {
            self.poses.push([pose.yaw, pose.pitch]);
            if self.poses.len() >= POSE_FROM {
                let part = |i: usize| median(self.poses.iter().map(|pose| pose[i]).collect());
                self.pose = part(0).zip(part(1)).map(|(yaw, pitch)| [yaw, pitch]);
                self.poses = Vec::new();
            }
        }
        if self.open_aspect.is_none() && aspect.is_finite() {
            if self.aspects.len() < MOST {
                self.aspects.push(aspect);
            }
            if self.seen.as_secs_f32() >= s.baseline_s {
                let [low, high] = s.open_aspect_bounds;
                let own = median(std::mem::take(&mut self.aspects)).unwrap_or(s.open_aspect);
                // Not `clamp`: bounds from a file may be the wrong way round.
                self.open_aspect = Some(own.max(low).min(high));
            }
        }
    }

    /// Lets the head's usual place follow, `step` after the frame before.
    pub(super) fn follow(&mut self, pose: Option<HeadPose>, step: Duration) {
        let Some((usual, pose)) = self.pose.as_mut().zip(pose) else { return };
        let share = 1.0 - (-step.as_secs_f32() / POSE_S).exp();
        for (usual, now) in usual.iter_mut().zip([pose.yaw, pose.pitch]) {
            if now.is_finite() {
                *usual += share * (now - *usual);
            }
        }
    }

    /// How much has been learned, 0..1.
    pub(super) fn progress(&self, s: &Settings) -> f32 {
        if self.open_aspect.is_some() {
            return 1.0;
        }
        let share = self.seen.as_secs_f32() / s.baseline_s.max(f32::EPSILON);
        if share.is_finite() { share.clamp(0.0, 0.99) } else { 0.0 }
    }

    /// Eye aspect ratio of open eyes: the person's own, or the population's.
    pub(super) fn open_aspect(&self, s: &Settings) -> f32 {
        self.open_aspect.unwrap_or(s.open_aspect)
    }

    /// How far the head is turned from its usual place: to the side, and down (positive);
    /// degrees. `None` until that is known.
    pub(super) fn turn(&self, pose: Option<HeadPose>) -> Option<[f32; 2]> {
        let (usual, pose) = self.pose.zip(pose)?;
        let turn = [(pose.yaw - usual[0]).abs(), pose.pitch - usual[1]];
        turn.iter().all(|part| part.is_finite()).then_some(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds of driving with the lids at an aspect, ten times a second.
    fn drive(baseline: &mut Baseline, aspect: f32, yaw: f32, seconds: u32) {
        let pose = HeadPose { yaw, ..HeadPose::default() };
        for _ in 0..seconds * 10 {
            let step = Duration::from_millis(100);
            baseline.add(aspect, Some(pose), step, &Settings::default());
            baseline.follow(Some(pose), step);
        }
    }

    #[test]
    fn it_fills_in_a_minute_and_is_frozen_then() {
        let (mut baseline, s) = (Baseline::default(), Settings::default());
        drive(&mut baseline, 0.34, 0.0, 30);
        assert!((baseline.progress(&s) - 0.5).abs() < 0.02);
        assert_eq!(baseline.open_aspect(&s), 0.3, "the population's, until it is full");
        drive(&mut baseline, 0.34, 0.0, 31);
        assert_eq!((baseline.progress(&s), baseline.open_aspect(&s)), (1.0, 0.34));
        drive(&mut baseline, 0.25, 0.0, 600);
        assert_eq!(baseline.open_aspect(&s), 0.34);
    }

    #[test]
    fn who_starts_sleepy_does_not_become_the_norm() {
        let (mut baseline, s) = (Baseline::default(), Settings::default());
        drive(&mut baseline, 0.15, 0.0, 61);
        assert_eq!(baseline.open_aspect(&s), 0.22);
    }

    #[test]
    fn the_heads_usual_place_is_known_soon_and_follows_a_moved_camera() {
        let mut baseline = Baseline::default();
        let ahead = Some(HeadPose::default());
        drive(&mut baseline, 0.3, 20.0, 4);
        assert_eq!(baseline.turn(ahead), None);
        drive(&mut baseline, 0.3, 20.0, 2);
        assert_eq!(baseline.turn(ahead).unwrap()[0], 20.0);
        drive(&mut baseline, 0.3, 0.0, 600);
        assert!(baseline.turn(ahead).unwrap()[0] < 1.0);
    }
}
