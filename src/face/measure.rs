//! Says when the eyes of a face that was found cannot be read, and why. Unreadable is
//! never closed: the driver is told the one and woken for the other.

use image::RgbImage;

use super::{Face, GreySampler, Region, Unreadable};

/// Surety that an eye is uncovered below which it counts as covered. One eye suffices to
/// read.
const COVERED_BELOW: f32 = 0.35;
/// Turn to the side beyond which one eye hides behind the nose, degrees.
const TURNED_DEG: f32 = 50.0;
/// Distance of the outer eye corners below which lids are a pixel or less, in pixels.
const SMALL_PX: f32 = 20.0;
/// Mean luma around the eyes below which they are in the dark when the contrast is also
/// low, 0..1.
const DARK_MEAN: f32 = 0.10;
/// Deviation of the luma around the eyes below which lids and iris cannot be told apart
/// from noise, 0..1.
const DARK_DEVIATION: f32 = 0.025;
/// Mean square difference two samples apart over that six apart, below which the eyes are
/// blurred; a sample is a 48th of 1.5 eye distances, and 1/9 is the least of a soft picture.
/// Measured on 120 faces of HELEN and 120 of YouTube Faces: 99% of them as they are lie
/// above 0.168; softened by 0.12 of the eye distance, more than an open eye is high, three
/// quarters lie below 0.145.
const BLURRED_BELOW: f32 = 0.145;
/// The two distances, in samples.
const NEAR_AND_FAR: [usize; 2] = [2, 6];
/// Samples along a side of the square around the eyes.
const SAMPLES: usize = 48;
/// Side of that square over the distance of the outer eye corners.
const SQUARE: f32 = 1.5;

/// What the light around the eyes is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct EyeLight {
    /// Mean luma, 0..1.
    pub(super) mean: f32,
    /// Deviation of the luma, 0..1.
    pub(super) deviation: f32,
    /// Mean square difference of near samples over that of far ones: small when the
    /// picture is blurred.
    pub(super) sharpness: f32,
}

impl Face {
    /// Why the eyes cannot be read, or `None` when at least one can. The picture must be
    /// the one that the face was found in; the sampler is any that is at hand.
    pub fn eyes_unreadable(
        &self,
        image: &RgbImage,
        sampler: &mut GreySampler,
    ) -> Option<Unreadable> {
        let light = self.eye_light(image, sampler);
        if self.landmarks.pose().yaw.abs() > TURNED_DEG {
            Some(Unreadable::Turned)
        } else if self.landmarks.interocular_px() < SMALL_PX {
            Some(Unreadable::Small)
        } else if light.mean < DARK_MEAN && light.deviation < DARK_DEVIATION {
            Some(Unreadable::Dark)
        } else if self.visibility.left_eye.max(self.visibility.right_eye) < COVERED_BELOW {
            Some(Unreadable::Covered)
        } else if light.sharpness < BLURRED_BELOW {
            Some(Unreadable::Blurred)
        } else {
            None
        }
    }

    /// The light in the band across both eyes.
    pub(super) fn eye_light(&self, image: &RgbImage, sampler: &mut GreySampler) -> EyeLight {
        let ([lx, ly], [rx, ry]) = (self.landmarks.left_eye(), self.landmarks.right_eye());
        let region = Region {
            center: [(lx + rx) / 2.0, (ly + ry) / 2.0],
            side_px: SQUARE * self.landmarks.interocular_px().max(1.0),
            roll: (ry - ly).atan2(rx - lx),
        };
        // The middle half of the rows: brows to cheekbones.
        let rows = SAMPLES / 4..SAMPLES * 3 / 4;
        let band = sampler.sample_rows(&region, image, SAMPLES, rows);
        let count = band.len() as f32;
        let mean = band.iter().sum::<f32>() / count;
        let variance = band.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / count;
        let [near, far] = NEAR_AND_FAR.map(|step| {
            let rows = band.chunks_exact(SAMPLES);
            let pairs = rows.flat_map(|row| row.iter().zip(row.iter().skip(step)));
            let squares = pairs.map(|(a, b)| (a - b).powi(2)).sum::<f32>();
            squares / ((SAMPLES - step) * (SAMPLES / 2)) as f32
        });
        // Where there is no contrast at all, darkness and cover are the reasons.
        let sharpness = if far > 0.0 { near / far } else { 1.0 };
        EyeLight { mean, deviation: variance.sqrt(), sharpness }
    }
}
