//! Our own landmark network: a small grey square of the frame in, 68 points, the surety
//! that they lie on a face, and what of it is uncovered out.

use image::RgbImage;

use super::{Detection, Face, FaceError, GreySampler, Landmarks, Region, Visibility};
use crate::{
    infer::{LoadedModel, ModelSource, Provider, RuntimeOptions},
    vit::{ModelCard, ModelKind},
};

/// Side of the region over the side of a detector's box. Measured on 473 faces of HELEN
/// and YouTube Faces: 1.37, deviation 0.11.
pub(super) const BOX_TO_REGION: f32 = 1.37;
/// How far below the box's middle the region's middle lies, in sides of the box. Measured
/// as above: 0.17, deviation 0.045.
const BOX_TO_REGION_DOWN: f32 = 0.17;

/// From where a doubtful face is looked at again: shift right and down in sides of the
/// region, scale, turn in radians.
const SHAKES: [[f32; 4]; 2] = [[0.06, 0.05, 1.1, 0.14], [-0.06, -0.05, 0.92, -0.14]];
/// Below this confidence a further look is of no use.
const HOPELESS: f32 = 0.3;
/// How far the points may move between such looks, in sides of the region, on what the
/// detector only just takes for a face. Measured on 180 pictures without a face and 187
/// faces: of 132 squares that the network took for faces, 2 are steadier than this and
/// sure in all looks; of upright and turned faces all are, of masked ones 95%.
pub(super) const STEADY: f32 = 0.04;
/// The same on what the detector is sure of: faces in the dark tremble.
pub(super) const ROUGHLY_STEADY: f32 = 0.08;

impl Region {
    /// Where the landmark network should look for the face that a detector found.
    pub fn from_detection(detection: &Detection) -> Self {
        if let Some(points) = &detection.points {
            return Self::from_five(points);
        }
        let middle = Self { roll: detection.roll, ..Self::from_box(&detection.bbox, 1.0) };
        Self {
            center: middle.to_frame([0.5, 0.5 + BOX_TO_REGION_DOWN]),
            side_px: BOX_TO_REGION * middle.side_px,
            ..middle
        }
    }
}

/// What several looks at a face came to.
#[derive(Clone, Debug)]
pub(super) struct Looks {
    /// As the first look has it.
    pub(super) face: Face,
    /// The least confidence of all looks, 0..1.
    pub(super) confidence: f32,
    /// The most that the points moved between two looks: mean over the points, in sides of
    /// the region.
    pub(super) moved: f32,
}

impl Looks {
    /// How sure they are together, to compare them with looks at the same place in another
    /// turn.
    pub(super) fn surety(&self) -> f32 {
        self.confidence - 5.0 * self.moved
    }

    /// The face with the confidence of the least sure look, 0 when the points moved by more
    /// than `steady`.
    pub(super) fn believed(self, steady: f32) -> Face {
        let confidence = if self.moved > steady { 0.0 } else { self.confidence };
        Face { confidence, ..self.face }
    }
}

/// Places the landmarks.
#[derive(Debug)]
pub struct LandmarkNet {
    model: LoadedModel,
    sampler: GreySampler,
    looks: u64,
}

impl LandmarkNet {
    /// Loads and checks a landmark model.
    ///
    /// # Errors
    /// When the model cannot be loaded; see [`LoadedModel::load`].
    pub fn load(source: &ModelSource, options: &RuntimeOptions) -> Result<Self, FaceError> {
        let model = LoadedModel::load(source, ModelKind::Landmarks, options)?;
        Ok(Self { model, sampler: GreySampler::default(), looks: 0 })
    }

    /// The face in a region, whether there is one or not: its confidence tells.
    ///
    /// # Errors
    /// When the model fails to run.
    pub fn locate(&mut self, image: &RgbImage, region: &Region) -> Result<Face, FaceError> {
        self.looks += 1;
        let side = self.model.card.image_px;
        let grey = self.sampler.sample(region, image, side);
        let outputs = self.model.run(&[("image", &[1, 1, side, side], grey)])?;
        let (points, _) = outputs.get("points", &[1, 68, 2])?.as_chunks::<2>();
        let confidence = outputs.get("confidence", &[1, 1])?[0];
        let visible = outputs.get("visible", &[1, 3])?;
        let landmarks =
            Landmarks { points: std::array::from_fn(|index| region.to_frame(points[index])) };
        Ok(Face {
            bbox: landmarks.bbox(),
            confidence,
            landmarks,
            visibility: Visibility {
                left_eye: visible[0],
                right_eye: visible[1],
                mouth: visible[2],
            },
        })
    }

    /// The face in a roughly placed region: located twice, the second time in the region
    /// that the first points ask for, which is what the network is most exact in.
    ///
    /// # Errors
    /// When the model fails to run.
    pub fn locate_afresh(&mut self, image: &RgbImage, rough: &Region) -> Result<Face, FaceError> {
        let first = self.locate(image, rough)?;
        let region = Region::from_landmarks(&first.landmarks);
        // Points of something that is no face may lie anywhere, even all in one place.
        let [x, y] = rough.to_unit(region.center);
        let near = (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y);
        let scale = region.side_px / rough.side_px;
        if !near || !(0.4..=2.0).contains(&scale) {
            return Ok(Face { confidence: 0.0, ..first });
        }
        self.locate(image, &region)
    }

    /// The same, looked at twice more from slightly other regions. On a face the points
    /// stay where they are; on something that merely resembles one they wander with the
    /// region.
    ///
    /// # Errors
    /// When the model fails to run.
    pub(super) fn look_often(
        &mut self,
        image: &RgbImage,
        rough: &Region,
    ) -> Result<Looks, FaceError> {
        let face = self.locate_afresh(image, rough)?;
        let region = Region::from_landmarks(&face.landmarks);
        let mut looks = Looks { confidence: face.confidence, moved: 0.0, face };
        for [right, down, scale, turn] in SHAKES {
            if looks.confidence < HOPELESS {
                break;
            }
            let shaken = Region {
                center: region.to_frame([0.5 + right, 0.5 + down]),
                side_px: scale * region.side_px,
                roll: region.roll + turn,
            };
            let other = self.locate(image, &shaken)?;
            let pairs = looks.face.landmarks.points.iter().zip(other.landmarks.points);
            let moved: f32 = pairs.map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1])).sum();
            let moved = moved / (68.0 * region.side_px.max(f32::EPSILON));
            looks.moved = looks.moved.max(moved);
            looks.confidence = looks.confidence.min(other.confidence);
        }
        Ok(looks)
    }

    /// The face after such looks: its confidence is that of the least sure one, 0 when the
    /// points moved by more than `steady` (in sides of the region, mean over the points).
    ///
    /// # Errors
    /// When the model fails to run.
    pub fn locate_surely(
        &mut self,
        image: &RgbImage,
        rough: &Region,
        steady: f32,
    ) -> Result<Face, FaceError> {
        Ok(self.look_often(image, rough)?.believed(steady))
    }

    /// What the model says of itself.
    pub fn card(&self) -> &ModelCard {
        &self.model.card
    }

    /// How often it has looked so far.
    pub fn looks(&self) -> u64 {
        self.looks
    }

    /// What it runs on.
    pub fn provider(&self) -> Provider {
        self.model.provider
    }

    /// The model that places the points.
    pub(crate) fn model(&self) -> &LoadedModel {
        &self.model
    }

    /// The same, to try another provider for it.
    pub(crate) fn model_mut(&mut self) -> &mut LoadedModel {
        &mut self.model
    }
}

#[cfg(feature = "train")]
#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;

    use super::*;
    use crate::{face::BBox, infer::fixtures};

    #[test]
    fn points_of_a_turned_region_come_back_in_the_frame() {
        if !fixtures::runtime_is_here() {
            return;
        }
        let points = std::array::from_fn(|index| [index as f32 / 68.0, 0.25]);
        let model = fixtures::landmarks(&points, 2.0, [-9.0, 9.0, 0.0]);
        let source = ModelSource::Bytes(model.into());
        let mut net = LandmarkNet::load(&source, &RuntimeOptions::default()).unwrap();
        let region = Region { center: [50.0, 40.0], side_px: 60.0, roll: 0.7 };
        let face = net.locate(&RgbImage::new(100, 80), &region).unwrap();
        for (found, point) in face.landmarks.points.iter().zip(points) {
            let expected = region.to_frame(point);
            assert_abs_diff_eq!(found[..], expected[..], epsilon = 1e-3);
        }
        assert_abs_diff_eq!(face.confidence, 0.8808, epsilon = 1e-3);
        assert!(face.visibility.left_eye < 0.01 && face.visibility.right_eye > 0.99);
        assert_eq!(face.bbox, face.landmarks.bbox());
    }

    #[test]
    fn points_that_go_with_the_region_are_on_no_face() {
        if !fixtures::runtime_is_here() {
            return;
        }
        // This network always points to the same places of the region, whatever it sees.
        let mut points: [_; 68] = std::array::from_fn(|index| [index as f32 / 68.0, 0.25]);
        points[8] = [0.5, 0.8];
        let model = fixtures::landmarks(&points, 4.0, [9.0; 3]);
        let source = ModelSource::Bytes(model.into());
        let mut net = LandmarkNet::load(&source, &RuntimeOptions::default()).unwrap();
        let region = Region { center: [50.0, 40.0], side_px: 60.0, roll: 0.0 };
        let image = RgbImage::new(100, 80);
        assert!(net.locate_afresh(&image, &region).unwrap().confidence > 0.9);
        assert_eq!(net.locate_surely(&image, &region, STEADY).unwrap().confidence, 0.0);
    }

    #[test]
    fn a_turned_box_is_lowered_along_the_face() {
        let bbox = BBox { x: 0.0, y: 0.0, width: 100.0, height: 100.0 };
        let roll = std::f32::consts::FRAC_PI_2;
        let region = Region::from_detection(&Detection { bbox, score: 1.0, roll, points: None });
        // A head lying on its right cheek has its chin to the left.
        assert_abs_diff_eq!(region.center[0], 50.0 - 17.0, epsilon = 1e-3);
        assert_abs_diff_eq!(region.center[1], 50.0, epsilon = 1e-3);
    }
}
