//! Measures the shipped detector and landmark network on photographs whose 68 points are
//! known: how many faces are found, how far the points are off, and whether the eye
//! aspect ratio tells closed eyes from open ones.

use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::metrics::{self, Scored};
use crate::{
    dataset::{DatasetError, points},
    face::{Face, FaceError, FaceTracker, Landmarks, Region},
};

/// Eye aspect ratio of the annotated points below which eyes count as closed.
pub const CLOSED_BELOW: f32 = 0.15;
/// The ratio above which they count as open.
pub const OPEN_ABOVE: f32 = 0.22;
/// A face whose middle is off by more than this share of the annotated face is another
/// face, and the annotated one was not found.
const SAME_FACE: f32 = 0.35;

/// A measurement that cannot be made.
#[derive(Debug, Error)]
pub enum LandmarkEvalError {
    /// The list or a picture of it cannot be used.
    #[error(transparent)]
    List(#[from] DatasetError),
    /// The face cannot be looked for.
    #[error(transparent)]
    Face(#[from] FaceError),
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LandmarkReport {
    /// Faces on the list.
    pub n: usize,
    /// Pictures in which the annotated face is among those that were found.
    pub found: usize,
    /// Mean distance of the 68 points from the annotated ones over the distance of the
    /// annotated outer eye corners (300-W), over the found faces.
    pub nme: Option<f64>,
    /// The same over the twelve points of the eyes.
    pub nme_eyes: Option<f64>,
    /// The chance that a face with annotated closed eyes (aspect ratio below
    /// [`CLOSED_BELOW`]) measures a smaller eye aspect ratio than one with open eyes
    /// (above [`OPEN_ABOVE`]), over the found faces; nothing where one kind is missing.
    pub ear_auc: Option<f64>,
}

/// Collects single faces into a [`LandmarkReport`].
#[derive(Clone, Debug, Default)]
pub struct LandmarkScore {
    n: usize,
    errors: Vec<[f64; 2]>,
    closed: Vec<f32>,
    open: Vec<f32>,
}

impl LandmarkScore {
    /// Adds a face of which the points are known, and the faces found in its picture, of
    /// which other people's do not count.
    /// Returns the error over all points where it was found.
    pub fn add(&mut self, truth: &Landmarks, found: &[Face]) -> Option<f64> {
        self.n += 1;
        let here = Region::from_landmarks(truth);
        let said = &found.iter().map(|face| &face.landmarks).find(|said| {
            let there = Region::from_landmarks(said);
            let off = (here.center[0] - there.center[0]).hypot(here.center[1] - there.center[1]);
            let scale = there.side_px / here.side_px.max(f32::EPSILON);
            off <= SAME_FACE * here.side_px && (0.5..=2.0).contains(&scale)
        })?;
        let errors = errors(truth, said);
        self.errors.push(errors);
        let mean = |landmarks: &Landmarks| landmarks.eye_aspect().iter().sum::<f32>() / 2.0;
        match mean(truth) {
            ratio if ratio < CLOSED_BELOW => self.closed.push(mean(said)),
            ratio if ratio > OPEN_ABOVE => self.open.push(mean(said)),
            _ => {}
        }
        Some(errors[0])
    }

    /// What it came to.
    pub fn report(&self) -> LandmarkReport {
        let count = self.errors.len();
        let mean = |part: usize| {
            let sum: f64 = self.errors.iter().map(|error| error[part]).sum();
            (count > 0).then(|| sum / count as f64)
        };
        LandmarkReport {
            n: self.n,
            found: count,
            nme: mean(0),
            nme_eyes: mean(1),
            ear_auc: auc(&self.closed, &self.open),
        }
    }
}

/// Looks for the face in every picture of a list of faces with 68 points
/// ([`points::read`]). `tell` hears of every picture that is done: how many, of how many.
///
/// # Errors
/// When the list or a picture cannot be read, or the detector or the network fail.
pub fn run(
    list: &Path,
    tracker: &mut FaceTracker,
    tell: &dyn Fn(u64, u64),
) -> Result<LandmarkReport, LandmarkEvalError> {
    let faces = points::read(list)?;
    let mut score = LandmarkScore::default();
    for face in &faces {
        score.add(&face.landmarks, &tracker.find_all(&face.picture()?)?);
        tell(score.n as u64, faces.len() as u64);
    }
    Ok(score.report())
}

/// Mean distance over the distance of the true outer eye corners: all points, eye points.
pub fn errors(truth: &Landmarks, said: &Landmarks) -> [f64; 2] {
    let unit = f64::from(truth.interocular_px()).max(1e-9);
    let mean = |range: std::ops::Range<usize>| {
        let count = range.len() as f64;
        let sum: f64 = range
            .map(|i| {
                let ([ax, ay], [bx, by]) = (truth.points[i], said.points[i]);
                f64::from((ax - bx).hypot(ay - by))
            })
            .sum();
        sum / count / unit
    };
    [mean(0..68), mean(36..48)]
}

/// The chance that a value of `low` is below one of `high` (ties count half); `None`
/// where one of them is empty.
pub fn auc(low: &[f32], high: &[f32]) -> Option<f64> {
    let scored = [(low, true), (high, false)].map(|(values, drowsy)| {
        values.iter().map(move |value| Scored { drowsy, probability: -f64::from(*value) })
    });
    metrics::auc(&scored.into_iter().flatten().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::Visibility;
    use approx::assert_abs_diff_eq;

    /// A face of 100 px at a place, with lids `lid` px from the middle of the eye.
    fn face(x: f32, lid: f32) -> Landmarks {
        let mut points = std::array::from_fn(|i| [x + (i % 17) as f32 * 6.0, 100.0]);
        points[8] = [x + 50.0, 140.0];
        for (start, middle) in [(36, 27.0), (42, 73.0)] {
            let corners =
                [(-10.0, 0.0), (-3.0, -lid), (3.0, -lid), (10.0, 0.0), (3.0, lid), (-3.0, lid)];
            for (offset, (dx, dy)) in corners.into_iter().enumerate() {
                points[start + offset] = [x + middle + dx, 65.0 + dy];
            }
        }
        Landmarks { points }
    }

    fn found(landmarks: &Landmarks) -> Face {
        let visibility = Visibility { left_eye: 1.0, right_eye: 1.0, mouth: 1.0 };
        Face { bbox: landmarks.bbox(), confidence: 0.9, landmarks: *landmarks, visibility }
    }

    #[test]
    fn another_face_is_not_found_and_the_rest_is_averaged() {
        let mut score = LandmarkScore::default();
        assert_eq!(score.report().nme, None);
        let shifted = |by: f32, lid| {
            let mut face = face(0.0, lid);
            face.points.iter_mut().for_each(|point| point[0] += by);
            found(&face)
        };
        // 66 px between the outer corners: 3.3 px are 0.05.
        score.add(&face(0.0, 4.0), &[shifted(3.3, 4.0)]);
        // The passenger's face is passed over.
        score.add(&face(0.0, 0.5), &[shifted(120.0, 4.0), shifted(0.0, 1.0)]);
        score.add(&face(0.0, 4.0), &[shifted(120.0, 4.0)]);
        score.add(&face(0.0, 4.0), &[]);
        let report = score.report();
        assert_eq!((report.n, report.found), (4, 2));
        assert_abs_diff_eq!(report.nme.unwrap(), 0.026, epsilon = 2e-3);
        assert_eq!(report.ear_auc, Some(1.0));
    }

    #[test]
    fn errors_are_in_units_of_the_outer_eye_corners() {
        let truth = Landmarks { points: std::array::from_fn(|i| [i as f32, 0.0]) };
        let said = Landmarks { points: truth.points.map(|[x, y]| [x, y + 0.9]) };
        let [all, eyes] = errors(&truth, &said);
        assert_abs_diff_eq!(all, 0.1, epsilon = 1e-6);
        assert_abs_diff_eq!(eyes, 0.1, epsilon = 1e-6);
    }

    #[test]
    fn auc_counts_ordered_pairs() {
        assert_eq!(auc(&[0.1, 0.2], &[0.3, 0.4]), Some(1.0));
        assert_eq!(auc(&[0.1, 0.5], &[0.3]), Some(0.5));
        assert_eq!(auc(&[0.3], &[0.3]), Some(0.5));
        assert_eq!(auc(&[], &[0.3]), None);
    }
}
