//! Finds the face of a single picture, thoroughly: tight crops, small, dark and tilted
//! faces take several tries, and one picture may cost what a hundred frames do.

use image::RgbImage;

use super::{
    Detection, Face, FaceError, FaceTracker, Region, Search,
    detect::SURE_SCORE,
    landmarks::{ROUGHLY_STEADY, STEADY},
    track::SURE,
};

/// Fewer pixels than this show no face.
const LEAST_PX: u32 = 16;
/// Least score of a detection when all else failed: the network must then be surer.
const LEAST_SCORE: f32 = 0.15;
/// Pictures longer than this are also searched in parts, in pixels.
const LARGE_PX: u32 = 400;
/// Boxes of one search that are looked at.
const MOST_BOXES: usize = 64;

/// The ways to look at a single picture, cheap and likely ones first. What the searches of
/// one way find counts together.
fn ways(image: &RgbImage) -> Vec<Vec<Search>> {
    let plain = Search::default();
    let mut first = vec![Search { padding: 0.1, ..plain }];
    if image.width().max(image.height()) > LARGE_PX {
        first.extend(Search::tiles(image));
    }
    let padded = |padding| Search { padding, ..plain };
    let keen = |padding| Search { least_score: LEAST_SCORE, ..padded(padding) };
    vec![first, vec![padded(0.35)], vec![keen(0.1), keen(0.35)]]
}

impl FaceTracker {
    /// The largest face of a single picture, or `None` when there is none. The followed
    /// face of a video is left alone.
    ///
    /// # Errors
    /// When detector or network fail; a picture without a face is no error.
    pub fn find(&mut self, image: &RgbImage) -> Result<Option<Face>, FaceError> {
        Ok(self.find_all(image)?.into_iter().next())
    }

    /// The faces of a single picture that the first search to find any finds, the largest
    /// first. That of a passenger may be among them.
    ///
    /// # Errors
    /// When detector or network fail; a picture without a face is no error.
    pub fn find_all(&mut self, image: &RgbImage) -> Result<Vec<Face>, FaceError> {
        if image.width().min(image.height()) < LEAST_PX {
            return Ok(Vec::new());
        }
        for way in ways(image) {
            let mut found = Vec::new();
            for search in &way {
                found.extend(self.ask(image, search)?);
            }
            let faces = self.believed(image, &found)?;
            if !faces.is_empty() {
                return Ok(faces);
            }
        }
        Ok(self.whole(image)?.into_iter().collect())
    }

    /// Of what the detector found, the faces that the network believes in.
    fn believed(&mut self, image: &RgbImage, found: &[Detection]) -> Result<Vec<Face>, FaceError> {
        let mut faces = Vec::new();
        for detection in found.iter().take(MOST_BOXES) {
            let (steady, least) = match detection.score < SURE_SCORE {
                true => (STEADY, self.settings.acquire.max(SURE)),
                false => (ROUGHLY_STEADY, self.settings.acquire),
            };
            let region = Region::from_detection(detection);
            let face = self.net.locate_surely(image, &region, steady)?;
            if face.confidence >= least {
                faces.push(face);
            }
        }
        let side = |face: &Face| Region::from_landmarks(&face.landmarks).side_px;
        faces.sort_by(|one, other| side(other).total_cmp(&side(one)));
        Ok(faces)
    }

    /// Last, takes the picture for a tight crop: the whole of it is one face.
    fn whole(&mut self, image: &RgbImage) -> Result<Option<Face>, FaceError> {
        let (width, height) = (image.width() as f32, image.height() as f32);
        let mut best: Option<Face> = None;
        for scale in [1.0, 1.3] {
            let side_px = scale * width.min(height);
            let region = Region { center: [width / 2.0, height / 2.0], side_px, roll: 0.0 };
            let face = self.net.locate_surely(image, &region, STEADY)?;
            let surer = best.as_ref().is_none_or(|best| face.confidence > best.confidence);
            if face.confidence >= self.settings.acquire.max(SURE) && surer {
                best = Some(face);
            }
        }
        Ok(best)
    }
}
