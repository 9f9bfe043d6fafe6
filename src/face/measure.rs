//! Says when the eyes of a face that was found cannot be read, and why. Unreadable is
//! never closed: the driver is told the one and woken for the other.

use image::RgbImage;

use super::{Face, GreySampler, Region, Unreadable, sample::luma};

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
/// Mean square difference two samples apart over that six apart, between the outer eye
/// corners and both along and across them, below which the eyes are blurred; a sample is a
/// 48th of 1.5 eye distances, and 1/9 is the least of a soft picture. Measured on 870 faces
/// of HELEN and 1500 of YouTube Faces: 0.0 and 0.3% of them as they are lie below; softened
/// by 0.04 of the eye distance 16 and 15%, by 0.06, where an open eye is as high as the
/// blur is wide, 70 and 62%, by 0.08 93 and 89%. Of 700 with closed eyes (CEW) none does.
const BLURRED_BELOW: f32 = 0.16;
/// The same along the rows of the whole square: a blur so strong that nothing is left between
/// the corners still shows in the edge of the face. 0.0 and 0.1% of the faces as they are lie
/// below.
const SMEARED_BELOW: f32 = 0.145;
/// The two distances, in samples.
const NEAR_AND_FAR: [usize; 2] = [2, 6];
/// Samples along a side of the square around the eyes.
const SAMPLES: usize = 48;
/// Side of that square over the distance of the outer eye corners.
const SQUARE: f32 = 1.5;
/// Columns of the square between the outer eye corners. Beyond them are hair and the edge of
/// the face, which stay dark and light side by side in any but the strongest blur.
const BETWEEN: std::ops::Range<usize> = SAMPLES / 6..SAMPLES * 5 / 6;

/// Brightness of both eyes over that of the skin beside them from which something mirrors
/// before them. Of 4,233 crops of eyes that can be read (eight collections, 2026-11-28) the
/// brightest has 0.97 and 99 in a hundred at most 0.89; drawn glasses in which the sky mirrors
/// have 1.16 and more.
const MIRRORS_ABOVE: f32 = 1.05;
/// Boxes of an aligned crop: centre and size, as shares of its side. An eye as wide as its
/// lids and as high as it opens; the skin of both cheeks and of the root of the nose, of which
/// a mask leaves one.
const EYE_BOXES: [[f32; 4]; 2] = [[0.27, 0.25, 0.24, 0.10], [0.73, 0.25, 0.24, 0.10]];
const SKIN_BOXES: [[f32; 4]; 3] =
    [[0.27, 0.52, 0.16, 0.12], [0.73, 0.52, 0.16, 0.12], [0.50, 0.22, 0.12, 0.12]];
/// Skin that is darker says nothing, 0..1.
const LEAST_SKIN: f32 = 0.02;

/// Whether something mirrors before both eyes of an aligned crop, so that they cannot be
/// read: eyes are darker than the skin beside them, open or shut.
pub fn eyes_mirror(crop: &RgbImage) -> bool {
    let mean = |share: [f32; 4]| mean_luma(crop, share);
    let skin = SKIN_BOXES.map(mean).into_iter().fold(LEAST_SKIN, f32::max);
    EYE_BOXES.map(mean).into_iter().all(|eye| eye > MIRRORS_ABOVE * skin)
}

/// Mean luma (ITU-R BT.601) of a box of a picture, 0..1.
fn mean_luma(picture: &RgbImage, [x, y, width, height]: [f32; 4]) -> f32 {
    let range = |centre: f32, size: f32, most: u32| {
        let at = |share: f32| ((share * most as f32) as u32).min(most);
        at(centre - size / 2.0)..at(centre + size / 2.0)
    };
    let columns = range(x, width, picture.width());
    let pixels = range(y, height, picture.height())
        .flat_map(|row| columns.clone().map(move |column| picture.get_pixel(column, row).0));
    let (sum, count) = pixels
        .fold((0.0, 0.0), |(sum, count), pixel| (sum + luma(pixel.map(f32::from)), count + 1.0));
    sum / f32::max(count, 1.0) / 255.0
}

/// What the light around the eyes is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct EyeLight {
    /// Mean luma, 0..1.
    pub(super) mean: f32,
    /// Deviation of the luma, 0..1.
    pub(super) deviation: f32,
    /// Mean square difference of near samples over that of far ones between the eye corners:
    /// small when the picture is blurred.
    pub(super) sharpness: f32,
    /// The same along the rows of the whole square.
    pub(super) sharpness_around: f32,
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
        } else if self.size_of_least() < 1.0 {
            Some(Unreadable::Small)
        } else if light.mean < DARK_MEAN && light.deviation < DARK_DEVIATION {
            Some(Unreadable::Dark)
        } else if self.visibility.left_eye.max(self.visibility.right_eye) < COVERED_BELOW {
            Some(Unreadable::Covered)
        } else if light.sharpness < BLURRED_BELOW || light.sharpness_around < SMEARED_BELOW {
            Some(Unreadable::Blurred)
        } else {
            None
        }
    }

    /// How large the face is beside the smallest whose eyes can be read; 1 = as large.
    pub fn size_of_least(&self) -> f32 {
        self.landmarks.interocular_px() / SMALL_PX
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
        let whole = || band.chunks_exact(SAMPLES);
        let rows = || whole().map(|row| &row[BETWEEN]);
        let between = NEAR_AND_FAR.map(|step| {
            let along = rows().flat_map(|row| row.iter().zip(&row[step..]));
            let across = rows().zip(rows().skip(step)).flat_map(|(a, b)| a.iter().zip(b));
            mean_square(along) + mean_square(across)
        });
        let around =
            NEAR_AND_FAR.map(|step| mean_square(whole().flat_map(|r| r.iter().zip(&r[step..]))));
        // Where there is no contrast at all, darkness and cover are the reasons.
        let ratio = |[near, far]: [f32; 2]| if far > 0.0 { near / far } else { 1.0 };
        let (sharpness, sharpness_around) = (ratio(between), ratio(around));
        EyeLight { mean, deviation: variance.sqrt(), sharpness, sharpness_around }
    }
}

/// Mean square difference of pairs.
fn mean_square<'a>(pairs: impl Iterator<Item = (&'a f32, &'a f32)>) -> f32 {
    let (sum, count) =
        pairs.fold((0.0, 0.0), |(sum, count), (a, b)| (sum + (a - b).powi(2), count + 1.0));
    sum / f32::max(count, 1.0)
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    /// A grey face: skin, eyes, and what the lower half shows.
    fn face(skin: u8, eyes: [u8; 2], below: u8) -> RgbImage {
        RgbImage::from_fn(144, 144, |x, y| {
            let value = match (x, y) {
                (20..58, 28..44) => eyes[0],
                (86..124, 28..44) => eyes[1],
                (_, 60..) => below,
                _ => skin,
            };
            Rgb([value; 3])
        })
    }

    #[test]
    fn eyes_mirror_where_both_are_brighter_than_all_skin() {
        assert!(eyes_mirror(&face(120, [150; 2], 120)));
        assert!(!eyes_mirror(&face(120, [70; 2], 120)), "eyes as they are");
        assert!(!eyes_mirror(&face(120, [150, 70], 120)), "one eye suffices to read");
        assert!(!eyes_mirror(&face(120, [90; 2], 10)), "a black mask is no skin");
        assert!(!eyes_mirror(&face(0, [4; 2], 0)), "noise in the dark");
        assert!(!eyes_mirror(&RgbImage::new(1, 1)));
    }
}
