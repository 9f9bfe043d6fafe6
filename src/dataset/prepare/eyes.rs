//! A picture of a single eye as the stored crop of a face: the eye lies in the place of
//! the left eye and, mirrored, in that of the right one, as large as in a face. Around it
//! its own border goes on, so that nothing of a face is made up and there is no edge that
//! a network could learn.

use image::{RgbImage, imageops};

use crate::{
    dataset::crops::{MARGIN, halves},
    face::{
        Similarity,
        align::{self, CANONICAL},
    },
};

/// Share of the picture's width that the eye fills, from corner to corner.
const EYE_OF_PICTURE: f32 = 2.0 / 3.0;
/// Width of an eye, from corner to corner, over the distance between the middles of both.
const EYE_OF_DISTANCE: f32 = 0.45;

/// The eye in both places of a crop of `crop_px`, with [`MARGIN`] around it.
pub(super) fn lay(eye: &RgbImage, crop_px: usize) -> RgbImage {
    let [left, right, ..] = CANONICAL;
    let distance = right[0] - left[0];
    let other = place(&imageops::flip_horizontal(eye), right, distance, crop_px);
    halves(place(eye, left, distance, crop_px), &other)
}

/// The eye alone at a place, everything else filled with its border; places and the
/// distance of the eyes in crops (0..1).
fn place(eye: &RgbImage, at: [f32; 2], distance: f32, crop_px: usize) -> RgbImage {
    let side = crop_px as f32;
    let stored = (side * MARGIN).round();
    let edge = (stored - side) / 2.0;
    let (width, height) = (eye.width().max(1) as f32, eye.height().max(1) as f32);
    let scale = EYE_OF_DISTANCE * distance / EYE_OF_PICTURE * side / width;
    let to_crop = Similarity {
        a: scale,
        b: 0.0,
        tx: edge + at[0] * side - scale * width / 2.0,
        ty: edge + at[1] * side - scale * height / 2.0,
    };
    align::cut(eye, &to_crop.inverse(), stored as usize)
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use image::Rgb;

    use super::*;

    /// A grey eye with a dark disc in its middle and a red one at its left corner.
    fn drawn(width: u32, height: u32) -> RgbImage {
        let (middle, corner) = ([0.5, 0.5], [1.0 / 6.0, 0.5]);
        RgbImage::from_fn(width, height, |x, y| {
            let away = |[px, py]: [f32; 2]| {
                let dx = x as f32 + 0.5 - px * width as f32;
                dx.hypot(y as f32 + 0.5 - py * height as f32) / width as f32
            };
            match (away(middle) < 0.1, away(corner) < 0.1) {
                (true, _) => Rgb([0; 3]),
                (_, true) => Rgb([255, 120, 120]),
                _ => Rgb([120; 3]),
            }
        })
    }

    /// Middle of what differs from grey in one half of the crop, in aligned crops.
    fn middle(crop: &RgbImage, right: bool, weight: fn(&Rgb<u8>) -> f32) -> [f32; 2] {
        let (side, edge) = (144.0, 24.0);
        let (mut x, mut y, mut sum) = (0.0, 0.0, 0.0);
        for (px, py, pixel) in crop.enumerate_pixels().filter(|(x, ..)| (*x >= 96) == right) {
            let weight = weight(pixel);
            x += weight * (px as f32 + 0.5 - edge) / side;
            y += weight * (py as f32 + 0.5 - edge) / side;
            sum += weight;
        }
        assert!(sum > 0.0, "the eye is not there");
        [x / sum, y / sum]
    }

    #[test]
    fn an_eye_lies_at_both_canonical_places_the_right_one_mirrored() {
        let dark = |pixel: &Rgb<u8>| f32::from(u8::from(pixel.0[0] < 60));
        let red = |pixel: &Rgb<u8>| f32::from(u8::from(pixel.0[0] > 180));
        // Larger and smaller than in the crop, and not square.
        for (width, height) in [(80, 80), (120, 90), (30, 24)] {
            let crop = lay(&drawn(width, height), 144);
            assert_eq!(crop.dimensions(), (192, 192));
            for (at, right) in [(CANONICAL[0], false), (CANONICAL[1], true)] {
                let [x, y] = middle(&crop, right, dark);
                assert_abs_diff_eq!(x, at[0], epsilon = 0.012);
                assert_abs_diff_eq!(y, at[1], epsilon = 0.012);
                // The corner is half an eye away, 0.45 / 2 of the eyes' distance, outwards.
                let outwards = if right { 0.1035 } else { -0.1035 };
                let [x, y] = middle(&crop, right, red);
                assert_abs_diff_eq!(x, at[0] + outwards, epsilon = 0.012);
                assert_abs_diff_eq!(y, at[1], epsilon = 0.012);
            }
            for (x, y) in [(0, 0), (191, 0), (95, 96), (96, 96), (0, 191), (100, 180)] {
                assert_eq!(crop.get_pixel(x, y).0, [120; 3], "the border goes on at {x}, {y}");
            }
        }
    }
}
