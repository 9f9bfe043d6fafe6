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
/// Share of the contrast around the eyes that lies between neighbouring samples (a 48th
/// of 1.5 eye distances apart), below which it is blurred.
const BLURRED_BELOW: f32 = 0.0035;
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
    /// Mean square difference of neighbours over twice the variance, 0..1: small when
    /// the picture is blurred.
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
        let steps = band.chunks_exact(SAMPLES).flat_map(|row| row.windows(2));
        let (mut energy, mut pairs) = (0.0, 0.0f32);
        for pair in steps {
            energy += (pair[1] - pair[0]).powi(2);
            pairs += 1.0;
        }
        let sharpness = energy / pairs.max(1.0) / (2.0 * variance).max(f32::EPSILON);
        EyeLight { mean, deviation: variance.sqrt(), sharpness }
    }
}
