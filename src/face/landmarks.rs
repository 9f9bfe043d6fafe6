//! Our own landmark network: a small grey square of the frame in, 68 points, the surety
//! that they lie on a face, and what of it is uncovered out.

use image::RgbImage;

use super::{Detection, Face, FaceError, Landmarks, Region, Visibility};
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

impl Region {
    /// Where the landmark network should look for the face that a detector found.
    pub fn from_detection(detection: &Detection) -> Self {
        let middle = Self { roll: detection.roll, ..Self::from_box(&detection.bbox, 1.0) };
        Self {
            center: middle.to_frame([0.5, 0.5 + BOX_TO_REGION_DOWN]),
            side_px: BOX_TO_REGION * middle.side_px,
            ..middle
        }
    }
}

/// Places the landmarks.
#[derive(Debug)]
pub struct LandmarkNet {
    model: LoadedModel,
}

impl LandmarkNet {
    /// Loads and checks a landmark model.
    ///
    /// # Errors
    /// When the model cannot be loaded; see [`LoadedModel::load`].
    pub fn load(source: &ModelSource, options: &RuntimeOptions) -> Result<Self, FaceError> {
        Ok(Self { model: LoadedModel::load(source, ModelKind::Landmarks, options)? })
    }

    /// The face in a region, whether there is one or not: its confidence tells.
    ///
    /// # Errors
    /// When the model fails to run.
    pub fn locate(&mut self, image: &RgbImage, region: &Region) -> Result<Face, FaceError> {
        let side = self.model.card.image_px;
        let grey = region.sample_grey(image, side);
        let outputs = self.model.run(&[("image", &[1, 1, side, side], &grey)])?;
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

    /// What the model says of itself.
    pub fn card(&self) -> &ModelCard {
        &self.model.card
    }

    /// What it runs on.
    pub fn provider(&self) -> Provider {
        self.model.provider
    }

    /// Why a better provider was not taken although the library has it, if so.
    pub fn fallback(&self) -> Option<&str> {
        self.model.fallback.as_deref()
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
    fn a_turned_box_is_lowered_along_the_face() {
        let bbox = BBox { x: 0.0, y: 0.0, width: 100.0, height: 100.0 };
        let roll = std::f32::consts::FRAC_PI_2;
        let region = Region::from_detection(&Detection { bbox, score: 1.0, roll });
        // A head lying on its right cheek has its chin to the left.
        assert_abs_diff_eq!(region.center[0], 50.0 - 17.0, epsilon = 1e-3);
        assert_abs_diff_eq!(region.center[1], 50.0, epsilon = 1e-3);
    }
}
