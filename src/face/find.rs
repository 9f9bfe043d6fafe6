//! Finds the face of a single picture, thoroughly: tight crops, small, dark, tilted and
//! upside-down faces take several tries, and one picture may cost what a hundred frames do.

use image::RgbImage;

use super::{
    Detection, Face, FaceError, FaceTracker, Region, Search,
    driver::is_same,
    landmarks::{ROUGHLY_STEADY, STEADY},
    upright::is_turn_told,
};
use crate::{frame::Turn, stats::log_odds};

/// Fewer pixels than this show no face.
const LEAST_PX: u32 = 16;
/// Pictures longer than this are also searched in parts, in pixels.
const LARGE_PX: u32 = 400;
/// Confidence from which a picture is believed to be one face that the detector does not see.
const DOUBTFUL: f32 = 0.97;
/// Boxes of a lower score are not looked at.
const LEAST_SCORE: f32 = 0.25;
/// From which [`belief`] on a box is a face. Of masked faces of 40 pixels and more 75% have a
/// box that is believed then, and one of 362 pictures without a face (2026-11-28).
const BELIEVED: f32 = 3.5;
/// The same in a picture that is turned, where most have no face at all. Of faces that are
/// upside down the belief is 11 and more.
const BELIEVED_TURNED: f32 = 8.0;
/// No score is surer than this of either answer.
const SURE: f32 = 1e-3;
/// Boxes of one search that are looked at: time stays bounded in a picture full of faces.
const MOST_BOXES: usize = 64;

/// How far the detector, by its score, and the network, by its confidence (0..1 each), say
/// together that a box shows a face: the log-odds of both, the detector's twice, since it has
/// seen more that is no face.
fn belief(score: f32, confidence: f32) -> f32 {
    2.0 * log_odds(score, SURE) + log_odds(confidence, SURE)
}

/// The ways to look at a single picture, cheap and likely ones first. What the searches of
/// one way find counts together.
fn ways(image: &RgbImage) -> Vec<Vec<Search>> {
    let plain = Search { least_score: LEAST_SCORE, ..Search::default() };
    let mut first = vec![Search { padding: 0.1, ..plain }];
    if image.width().max(image.height()) > LARGE_PX {
        first.extend(Search::tiles(image).map(|tile| Search { window: tile.window, ..plain }));
    }
    vec![first, vec![Search { padding: 0.35, ..plain }]]
}

impl FaceTracker {
    /// The driver's face in a single picture, or `None` when there is none: the largest one
    /// on the driver's side of the picture, or else the largest. It may be upside down, which
    /// its [`turn`](super::Landmarks::turn) says. The followed face of a video is left alone.
    ///
    /// # Errors
    /// When detector or network fail; a picture without a face is no error.
    pub fn find(&mut self, image: &RgbImage) -> Result<Option<Face>, FaceError> {
        Ok(self.find_all(image)?.into_iter().next())
    }

    /// The faces of a single picture that the first search to find any finds, the driver's
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
            let faces = self.believed(image, &found, BELIEVED)?;
            if !faces.is_empty() {
                return Ok(faces);
            }
        }
        // The picture itself may be turned.
        for turn in [Turn::Half, Turn::Quarter, Turn::ThreeQuarters] {
            for padding in [0.1, 0.35] {
                let roll = turn.back().radians();
                let found = self.ask(image, &Search { roll, padding, ..Search::default() })?;
                let faces = self.believed(image, &found, BELIEVED_TURNED)?;
                if !faces.is_empty() {
                    return Ok(faces);
                }
            }
        }
        Ok(self.whole(image)?.into_iter().collect())
    }

    /// Of what the detector found, the faces of which `least` is [believed](belief).
    fn believed(
        &mut self,
        image: &RgbImage,
        found: &[Detection],
        least: f32,
    ) -> Result<Vec<Face>, FaceError> {
        let mut faces: Vec<(Region, Face)> = Vec::new();
        let mut all = None;
        for detection in found.iter().take(MOST_BOXES) {
            let region = Region::from_detection(detection);
            let looks = self.net.look_often(image, &region)?;
            let acquire = self.settings.acquire;
            let believes =
                |confidence| confidence >= acquire && belief(detection.score, confidence) >= least;
            if !believes(looks.confidence) || looks.moved > ROUGHLY_STEADY {
                continue;
            }
            let looks = match is_turn_told(detection, &looks) {
                true => looks,
                false => self.surely_upright(image, looks, &mut all)?,
            };
            let face = looks.believed(ROUGHLY_STEADY);
            if !believes(face.confidence) {
                continue;
            }
            let region = Region::from_landmarks(&face.landmarks);
            if !faces.iter().any(|(known, _)| is_same(known, &region)) {
                faces.push((region, face));
            }
        }
        let order = |region: &Region| self.order_of(region, image.width());
        faces.sort_by(|(one, _), (other, _)| {
            order(one).cmp(&order(other)).then(other.side_px.total_cmp(&one.side_px))
        });
        Ok(faces.into_iter().map(|(_, face)| face).collect())
    }

    /// Last, takes the picture for a tight crop: the whole of it is one face.
    fn whole(&mut self, image: &RgbImage) -> Result<Option<Face>, FaceError> {
        let (width, height) = (image.width() as f32, image.height() as f32);
        let (mut best, mut all): (Option<Face>, _) = (None, None);
        for scale in [1.0, 1.3] {
            let side_px = scale * width.min(height);
            let region = Region { center: [width / 2.0, height / 2.0], side_px, roll: 0.0 };
            let looks = self.net.look_often(image, &region)?;
            let least = self.settings.acquire.max(DOUBTFUL);
            if looks.confidence < least || looks.moved > STEADY {
                continue;
            }
            let face = self.surely_upright(image, looks, &mut all)?.believed(STEADY);
            if face.confidence < least {
                continue;
            }
            if best.as_ref().is_none_or(|best| face.confidence > best.confidence) {
                best = Some(face);
            }
        }
        Ok(best)
    }
}
