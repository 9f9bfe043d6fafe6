//! Finds the face of a single picture, thoroughly: tight crops, small, dark, tilted and
//! upside-down faces take several tries, and one picture may cost what a hundred frames do.

use image::RgbImage;

use super::{
    Detection, Face, FaceError, FaceTracker, Region, Search,
    detect::SURE_SCORE,
    driver::is_same,
    landmarks::{ROUGHLY_STEADY, STEADY},
    upright::AllTurns,
};
use crate::frame::Turn;

/// Fewer pixels than this show no face.
const LEAST_PX: u32 = 16;
/// Pictures longer than this are also searched in parts, in pixels.
const LARGE_PX: u32 = 400;
/// Confidence from which a face is believed that the detector is not sure of, or only sees
/// in the turned picture. At 0.8, 18 of 362 pictures without a face have one.
const DOUBTFUL: f32 = 0.97;
/// Least score of a box when all else failed; the network must then be surer. Of 161 masked
/// faces of 40 pixels and more the detector gives 79% a score of 0.5, 93% one of 0.25.
const KEEN_SCORE: f32 = 0.25;
/// Boxes of one search that are looked at: time stays bounded in a picture full of faces.
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
    let keen = |padding| Search { least_score: KEEN_SCORE, ..padded(padding) };
    vec![first, vec![padded(0.35)], vec![keen(0.1), keen(0.35)]]
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
            let faces = self.believed(image, &found, self.settings.acquire)?;
            if !faces.is_empty() {
                return Ok(faces);
            }
        }
        // The picture itself may be turned.
        for turn in [Turn::Half, Turn::Quarter, Turn::ThreeQuarters] {
            for padding in [0.1, 0.35] {
                let roll = turn.back().radians();
                let turned = Search { roll, padding, least_score: SURE_SCORE, ..Search::default() };
                let found = self.ask(image, &turned)?;
                let faces = self.believed(image, &found, DOUBTFUL)?;
                if !faces.is_empty() {
                    return Ok(faces);
                }
            }
        }
        Ok(self.whole(image)?.into_iter().collect())
    }

    /// Of what the detector found, the faces that the network believes in, with at least
    /// this confidence.
    fn believed(
        &mut self,
        image: &RgbImage,
        found: &[Detection],
        least: f32,
    ) -> Result<Vec<Face>, FaceError> {
        let mut faces: Vec<(Region, Face)> = Vec::new();
        let mut all = None;
        for detection in found.iter().take(MOST_BOXES) {
            let (steady, least) = match detection.score < SURE_SCORE {
                true => (STEADY, least.max(DOUBTFUL)),
                false => (ROUGHLY_STEADY, least),
            };
            let region = Region::from_detection(detection);
            let face = self.surely_upright(image, &region, steady, least, &mut all)?;
            let Some(face) = face else { continue };
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

    /// The face in a region, the way up in which the network is surest of it, if it is sure
    /// enough of one. What the detector sees in each turn is asked for once.
    fn surely_upright(
        &mut self,
        image: &RgbImage,
        region: &Region,
        steady: f32,
        least: f32,
        all: &mut Option<AllTurns>,
    ) -> Result<Option<Face>, FaceError> {
        let looks = self.net.look_often(image, region)?;
        if looks.confidence < least || looks.moved > steady {
            return Ok(None);
        }
        let all = match all {
            Some(all) => all,
            none => none.insert(self.all_turns(image, None)?),
        };
        let face = self.surest_turn(image, looks, all)?.believed(steady);
        Ok((face.confidence >= least).then_some(face))
    }

    /// Last, takes the picture for a tight crop: the whole of it is one face.
    fn whole(&mut self, image: &RgbImage) -> Result<Option<Face>, FaceError> {
        let (width, height) = (image.width() as f32, image.height() as f32);
        let (mut best, mut all): (Option<Face>, _) = (None, None);
        for scale in [1.0, 1.3] {
            let side_px = scale * width.min(height);
            let region = Region { center: [width / 2.0, height / 2.0], side_px, roll: 0.0 };
            let least = self.settings.acquire.max(DOUBTFUL);
            let face = self.surely_upright(image, &region, STEADY, least, &mut all)?;
            let Some(face) = face else { continue };
            if best.as_ref().is_none_or(|best| face.confidence > best.confidence) {
                best = Some(face);
            }
        }
        Ok(best)
    }
}
