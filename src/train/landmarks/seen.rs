//! What the detector that ships takes for a face, in pictures in which it is known where the
//! faces are: those that the landmark network must believe, and those that it must not.

use std::{
    f32::consts::{FRAC_PI_2, PI},
    path::PathBuf,
    sync::Arc,
};

use image::RgbImage;

use super::{
    IMAGE_PX,
    data::{Annotated, Trust},
    places::{Around, mean_face},
};
use crate::{
    dataset::boxes::{MarkedFace, MarkedPicture, Mask},
    face::{Detection, Detector, FaceDetector, Region, Search},
    infer::{Device, ModelSource, RuntimeOptions},
    source::images::load_image,
    train::{TrainError, augment::Covered},
};

/// Boxes of a lower score are never looked at.
const LEAST_SCORE: f32 = 0.25;
/// Share of the picture's longer side that is added around it, as single pictures and lost
/// faces are looked for.
const PADDINGS: [f32; 3] = [0.0, 0.1, 0.35];
/// What is kept of a picture around a square, in sides of it, and the square's side there in
/// pixels.
const KEPT_AROUND: f32 = 1.25;
const KEPT_SIDE_PX: f32 = 1.5 * IMAGE_PX as f32;
/// Squares smaller than this show nothing, pixels.
const LEAST_PX: f32 = 24.0;
/// A box shows a marked face where its middle lies in that and it is so much as large.
const AS_LARGE: std::ops::Range<f32> = 0.5..2.0;

/// A square that shows no face although a detector thought so.
#[derive(Clone, Debug)]
pub(crate) struct Mistaken {
    /// What lies around it.
    pub(crate) image: Arc<RgbImage>,
    /// The square in that.
    pub(crate) region: Region,
}

/// Looks at pictures as the program does.
pub(crate) struct Spotter(FaceDetector);

impl Spotter {
    /// With the detector that ships.
    ///
    /// # Errors
    /// When ONNX Runtime is missing.
    pub(crate) fn new() -> Result<Self, TrainError> {
        let options = RuntimeOptions { device: Device::Cpu, threads: 1 };
        Ok(Self(FaceDetector::load(&ModelSource::default(), &options)?))
    }

    /// All boxes of a picture, upright, in its parts, and with `turned` also in the other
    /// three turns.
    fn boxes(&mut self, image: &RgbImage, turned: bool) -> Result<Vec<Detection>, TrainError> {
        let plain = Search { least_score: LEAST_SCORE, ..Search::default() };
        let mut ways: Vec<Search> = PADDINGS.map(|padding| Search { padding, ..plain }).into();
        ways.extend(Search::tiles(image).map(|tile| Search { least_score: LEAST_SCORE, ..tile }));
        if turned {
            let rolls = [FRAC_PI_2, PI, -FRAC_PI_2];
            ways.extend(rolls.map(|roll| Search { padding: 0.1, roll, ..plain }));
        }
        let mut all = Vec::new();
        for way in &ways {
            all.extend(self.0.search(image, way)?);
        }
        all.retain(|found| Region::from_detection(found).side_px >= LEAST_PX);
        Ok(all)
    }

    /// The marked faces that the detector sees, once for each box of it.
    ///
    /// # Errors
    /// When a picture cannot be read.
    pub(crate) fn marked(
        &mut self,
        pictures: &[MarkedPicture],
        mean: &[[f32; 2]; 68],
    ) -> Result<Vec<Annotated>, TrainError> {
        let mut faces = Vec::new();
        for picture in pictures {
            let image = load_image(&picture.file)?;
            for found in self.boxes(&image, false)? {
                let marked = picture.faces.iter().find(|face| shows(&found, face));
                let (Some(face), Some(five)) = (marked, found.points) else { continue };
                let region = Region::from_detection(&found);
                let around = Around::new(&image, &region, KEPT_AROUND, KEPT_SIDE_PX);
                let five = five.map(|point| around.here(point));
                let mouth = face.mask != Mask::None;
                faces.push(Annotated {
                    file: picture.file.clone(),
                    landmarks: mean_face(mean, &five),
                    person: picture.name.display().to_string(),
                    trust: Trust::Marked,
                    held: Some(Arc::new(around.image)),
                    covered: Covered { mouth, ..Covered::default() },
                    five: Some(five),
                });
            }
        }
        Ok(faces)
    }

    /// What it takes for faces in pictures that have none.
    ///
    /// # Errors
    /// When a picture cannot be read.
    pub(crate) fn mistaken(&mut self, files: &[PathBuf]) -> Result<Vec<Mistaken>, TrainError> {
        let mut all = Vec::new();
        for file in files {
            let image = load_image(file)?;
            for found in self.boxes(&image, true)? {
                let region = Region::from_detection(&found);
                let around = Around::new(&image, &region, KEPT_AROUND, KEPT_SIDE_PX);
                let region = around.region(&region);
                all.push(Mistaken { image: Arc::new(around.image), region });
            }
        }
        Ok(all)
    }
}

/// Whether a box is of this face.
fn shows(found: &Detection, face: &MarkedFace) -> bool {
    let [x, y] = found.bbox.center();
    let marked = &face.bbox;
    let inside = (marked.x..marked.x + marked.width).contains(&x)
        && (marked.y..marked.y + marked.height).contains(&y);
    let scale = found.bbox.width.max(found.bbox.height) / marked.width.max(marked.height);
    inside && AS_LARGE.contains(&scale)
}
