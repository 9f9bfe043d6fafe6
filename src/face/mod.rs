//! From a picture to a measured, aligned face: a detector finds faces ([`detect`]), our
//! own network places 68 points ([`landmarks`]), a tracker follows them from frame to
//! frame so that the detector rests ([`track`]), and a similarity transform lays the
//! eyes into cells 1 and 3, the nose into 5 and the mouth into 8 of the crop
//! ([`align`]). Nothing here knows what drowsiness is.

pub mod align;
pub(crate) mod detect;
mod driver;
mod find;
mod grey;
pub(crate) mod landmarks;
mod measure;
mod pose;
mod region;
mod sample;
mod settings;
mod similarity;
mod smooth;
#[cfg(test)]
mod tests;
pub(crate) mod track;
mod upright;
mod window;

pub use align::{Crop, Cutter};
pub use detect::{Detector, FaceDetector, Search};
pub use grey::GreySampler;
pub use landmarks::LandmarkNet;
pub use measure::eyes_mirror;
pub use pose::HeadPose;
pub use region::{LANDMARK_MARGIN, Region};
pub use settings::{Seat, TrackSettings};
pub use similarity::Similarity;
pub use track::{FaceModels, FaceTiming, FaceTracker};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{frame::Turn, infer::ModelError};

/// A face that cannot be looked for.
#[derive(Debug, Error)]
pub enum FaceError {
    /// The detector's or the landmark network's model cannot be loaded or run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The detector does not work.
    #[error("the face detector cannot be used ({0}); please report it")]
    Detector(String),
}

/// An upright rectangle in pixels of the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BBox {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

impl BBox {
    /// The middle, `[x, y]`.
    pub fn center(&self) -> [f32; 2] {
        [self.x + self.width / 2.0, self.y + self.height / 2.0]
    }

    /// The box with the same middle and `by` times the sides.
    #[must_use]
    pub fn scaled(&self, by: f32) -> Self {
        let [x, y] = self.center();
        let (width, height) = (by * self.width, by * self.height);
        Self { x: x - width / 2.0, y: y - height / 2.0, width, height }
    }
}

/// What a detector returns: where a face may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// The face, from brow to chin.
    pub bbox: BBox,
    /// The detector's own score, 0..1, larger is surer.
    pub score: f32,
    /// Eye on the left of the picture, eye on the right, tip of the nose, corners of the
    /// mouth left and right, in pixels of the frame; `None` from a detector that gives boxes
    /// only.
    pub points: Option<[[f32; 2]; 5]>,
    /// Turn of the head in radians, clockwise on the screen, as far as the detector knows
    /// it; the box is upright all the same.
    pub roll: f32,
}

/// The 68 points of the 300-W scheme in pixels of the frame (x right, y down):
/// jaw 0-16, brows 17-26, nose 27-35, eyes 36-41 and 42-47, mouth 48-67.
///
/// "Left" is the left of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Landmarks {
    /// `[68][x, y]`.
    pub points: [[f32; 2]; 68],
}

impl Landmarks {
    /// Middle of the points `range`.
    fn middle(&self, range: std::ops::Range<usize>) -> [f32; 2] {
        let n = range.len() as f32;
        let sum = self.points[range].iter().fold([0.0; 2], |sum, p| [sum[0] + p[0], sum[1] + p[1]]);
        [sum[0] / n, sum[1] / n]
    }

    /// Centre of the eye on the left of the picture.
    pub fn left_eye(&self) -> [f32; 2] {
        self.middle(36..42)
    }

    /// Centre of the eye on the right of the picture.
    pub fn right_eye(&self) -> [f32; 2] {
        self.middle(42..48)
    }

    /// Tip of the nose.
    pub fn nose(&self) -> [f32; 2] {
        self.points[30]
    }

    /// Centre of the mouth.
    pub fn mouth(&self) -> [f32; 2] {
        self.middle(48..68)
    }

    /// Distance of the outer eye corners in pixels: the 300-W unit of landmark errors.
    pub fn interocular_px(&self) -> f32 {
        distance(self.points[36], self.points[45])
    }

    /// Eye aspect ratio, `[left, right]` of the picture: mean lid distance over width
    /// (Soukupova and Cech 2016). About 0.3 open, below 0.15 closed.
    pub fn eye_aspect(&self) -> [f32; 2] {
        [36, 42].map(|at| {
            let p = |i: usize| self.points[at + i];
            let lids = distance(p(1), p(5)) + distance(p(2), p(4));
            lids / (2.0 * distance(p(0), p(3))).max(f32::EPSILON)
        })
    }

    /// Mouth aspect ratio over the inner lips (points 60-67): mean opening over width.
    pub fn mouth_aspect(&self) -> f32 {
        let p = |i: usize| self.points[i];
        let lips = distance(p(61), p(67)) + distance(p(62), p(66)) + distance(p(63), p(65));
        lips / (3.0 * distance(p(60), p(64))).max(f32::EPSILON)
    }

    /// The box around all points.
    pub fn bbox(&self) -> BBox {
        let (mut low, mut high) = ([f32::MAX; 2], [f32::MIN; 2]);
        for point in self.points {
            for axis in 0..2 {
                low[axis] = low[axis].min(point[axis]);
                high[axis] = high[axis].max(point[axis]);
            }
        }
        BBox { x: low[0], y: low[1], width: high[0] - low[0], height: high[1] - low[1] }
    }
}

fn distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// How surely a part of the face is seen uncovered, each 0..1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Visibility {
    /// The eye on the left of the picture.
    pub left_eye: f32,
    /// The eye on the right of the picture.
    pub right_eye: f32,
    /// The mouth.
    pub mouth: f32,
}

/// What is known of a picture beside the driver's face.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scene {
    /// Other faces in it, when the detector looked last.
    pub others: u32,
    /// The turn that brings the picture upright, where no face has been found for a while
    /// but one is seen in the turned picture; no turn where that is not so.
    pub turn: Turn,
}

/// A part of the face counts as uncovered from this visibility on, 0..1.
const VISIBLE: f32 = 0.5;

impl Visibility {
    /// Which of left eye, right eye, nose and mouth are uncovered, the order of the
    /// landmark cells. Nothing says whether a nose is covered.
    pub fn uncovered(&self) -> [bool; 4] {
        [self.left_eye, self.right_eye, 1.0, self.mouth].map(|part| part >= VISIBLE)
    }
}

/// A face that was found and measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Face {
    /// Box around the landmarks.
    pub bbox: BBox,
    /// How sure the landmark network is that this is a face, 0..1.
    pub confidence: f32,
    /// The 68 points.
    pub landmarks: Landmarks,
    /// What of it is uncovered.
    pub visibility: Visibility,
}

/// Why the eyes cannot be read. Unreadable is never closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unreadable {
    /// Something lies over them.
    Covered,
    /// Too little light.
    Dark,
    /// The head is turned away.
    Turned,
    /// The face is too small in the picture.
    Small,
    /// The picture is blurred.
    Blurred,
}
