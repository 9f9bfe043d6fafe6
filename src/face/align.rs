//! Lays a face into a square crop so that the eyes fall into cells 1 and 3 of the 3x3
//! grid, the nose into 5 and the mouth into 8: the similarity transform (turn, scale,
//! shift; never a mirror) that brings four middles closest to their canonical places.

use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

use super::{Landmarks, similarity::Similarity, window::Window};

/// Where the left eye, the right eye, the tip of the nose and the mouth lie in the crop,
/// `[x, y]` in crops (0..1). The places that the classifier was probed and trained with.
pub const CANONICAL: [[f32; 2]; 4] = [[0.27, 0.25], [0.73, 0.25], [0.5, 0.55], [0.5, 0.85]];

/// An aligned face.
#[derive(Clone, Debug, PartialEq)]
pub struct Crop {
    /// The pixels, square.
    pub image: RgbImage,
    /// From pixels of the crop to pixels of the frame.
    pub to_frame: Similarity,
}

/// From pixels of the frame to pixels of a crop of `size_px`.
pub fn similarity(landmarks: &Landmarks, size_px: usize) -> Similarity {
    let from = [landmarks.left_eye(), landmarks.right_eye(), landmarks.nose(), landmarks.mouth()];
    Similarity::fit(&from, &CANONICAL.map(|place| place.map(|part| part * size_px as f32)))
}

/// Cuts the aligned face out of the frame, `size_px` x `size_px` (at least 1).
///
/// A face larger than the crop is filtered first, so that fine texture does not alias;
/// outside the frame the border repeats. What cuts again and again keeps a [`Cutter`].
pub fn crop(image: &RgbImage, landmarks: &Landmarks, size_px: usize) -> Crop {
    let size_px = size_px.clamp(1, 4096);
    let to_frame = similarity(landmarks, size_px).inverse();
    Crop { image: cut(image, &to_frame, size_px), to_frame }
}

/// Cuts a square of `size_px` (1 to 4096) out of the frame, `to_frame` telling where its
/// pixels lie; filtered and bordered as in [`crop`].
pub fn cut(image: &RgbImage, to_frame: &Similarity, size_px: usize) -> RgbImage {
    let side = size_px.clamp(1, 4096) as u32;
    let mut crop = RgbImage::new(side, side);
    Cutter::default().cut(image, to_frame, &mut crop);
    crop
}

/// Cuts crops; keeps its buffers, so that a frame allocates nothing.
#[derive(Debug, Default)]
pub struct Cutter {
    resizer: Resizer,
    shrunk: RgbImage,
    window: Window,
}

impl Cutter {
    /// Fills a square picture with the aligned face; see [`crop`].
    pub fn crop(&mut self, image: &RgbImage, landmarks: &Landmarks, crop: &mut RgbImage) {
        let to_frame = similarity(landmarks, crop.width() as usize).inverse();
        self.cut(image, &to_frame, crop);
    }

    /// Fills a square picture with what lies under it; see [`cut`].
    pub fn cut(&mut self, image: &RgbImage, to_frame: &Similarity, crop: &mut RgbImage) {
        let (source, to_source) = match self.shrink(image, to_frame, crop.width() as usize) {
            Some(to_shrunk) => (&self.shrunk, to_shrunk),
            None => (image, Similarity::IDENTITY),
        };
        let place = to_frame.then(&to_source);
        self.window.cover(source, &place, crop.width());
        let side = 3 * crop.width() as usize;
        if side == 0 {
            return;
        }
        for (row, line) in crop.chunks_exact_mut(side).enumerate() {
            self.window.line(&place, row as f32 + 0.5, line);
        }
    }

    /// Brings the part of the frame under the crop down (with filtering) to about the
    /// crop's own resolution, and gives the transform from the frame to it; `None` where
    /// the crop is no smaller than the face.
    fn shrink(
        &mut self,
        image: &RgbImage,
        to_frame: &Similarity,
        size_px: usize,
    ) -> Option<Similarity> {
        // Below this, bilinear sampling alone does not alias to speak of.
        const LEAST: f32 = 1.25;
        let factor = to_frame.scale();
        if factor.is_nan() || factor <= LEAST {
            return None;
        }
        let size = size_px as f32;
        let corners =
            [[0.0, 0.0], [size, 0.0], [0.0, size], [size, size]].map(|p| to_frame.apply(p));
        let (width, height) = (image.width() as f32, image.height() as f32);
        let bound = |axis: usize, most: f32| {
            // A border of two target pixels keeps the filter's own edge out of the crop.
            let values = corners.map(|corner| corner[axis]);
            let low = values.into_iter().fold(f32::MAX, f32::min) - 2.0 * factor;
            let high = values.into_iter().fold(f32::MIN, f32::max) + 2.0 * factor;
            (low.floor().clamp(0.0, most), high.ceil().clamp(0.0, most))
        };
        let ((left, right), (top, bottom)) = (bound(0, width), bound(1, height));
        let (w, h) = (right - left, bottom - top);
        if w < 1.0 || h < 1.0 {
            return None;
        }
        let target = [(w / factor).round().max(1.0), (h / factor).round().max(1.0)];
        reshape(&mut self.shrunk, target.map(|side| side as u32));
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
            .crop(f64::from(left), f64::from(top), f64::from(w), f64::from(h));
        self.resizer.resize(image, &mut self.shrunk, &options).ok()?;
        // Both sides shrink by nearly the same factor; the mean keeps it a similarity.
        let scale = (target[0] / w + target[1] / h) / 2.0;
        Some(Similarity { a: scale, b: 0.0, tx: -left * scale, ty: -top * scale })
    }
}

/// Gives a picture another size; what was in it is lost, its memory is used again.
pub(super) fn reshape(image: &mut RgbImage, [width, height]: [u32; 2]) {
    let mut pixels = std::mem::take(image).into_raw();
    pixels.resize(3 * width as usize * height as usize, 0);
    *image = RgbImage::from_raw(width, height, pixels).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use image::Rgb;

    use super::*;
    use crate::vit::{Cell, PatchGrid};

    /// A face whose four middles lie at `places`, every other point at the nose.
    pub(crate) fn face(places: [[f32; 2]; 4]) -> Landmarks {
        let [left, right, nose, mouth] = places;
        let mut points = [nose; 68];
        points[36..42].fill(left);
        points[42..48].fill(right);
        points[48..68].fill(mouth);
        Landmarks { points }
    }

    fn moved(by: &Similarity, px: f32) -> Landmarks {
        face(CANONICAL.map(|place| by.apply(place.map(|part| part * px))))
    }

    #[test]
    fn a_canonical_face_lands_on_its_places_however_it_is_turned_scaled_and_shifted() {
        for (turn, scale) in [(0.0f32, 1.0f32), (0.5, 2.7), (-2.0, 0.4), (3.1, 9.0)] {
            let (sin, cos) = turn.sin_cos();
            let by = Similarity { a: scale * cos, b: scale * sin, tx: 40.0, ty: -7.0 };
            let landmarks = moved(&by, 100.0);
            let found = similarity(&landmarks, 72);
            let places =
                [landmarks.left_eye(), landmarks.right_eye(), landmarks.nose(), landmarks.mouth()];
            for (place, canonical) in places.into_iter().zip(CANONICAL) {
                let [x, y] = found.apply(place);
                assert_abs_diff_eq!(x / 72.0, canonical[0], epsilon = 1e-3);
                assert_abs_diff_eq!(y / 72.0, canonical[1], epsilon = 1e-3);
            }
        }
    }

    #[test]
    fn the_canonical_places_lie_in_the_landmark_cells() {
        let grid = PatchGrid { side: 3, patch_px: 24 };
        for (place, cell) in CANONICAL.into_iter().zip(Cell::ALL) {
            let [x, y] = place.map(|part| (part * grid.side as f32) as usize);
            assert_eq!(grid.cell_of(y * grid.side + x), Some(cell));
        }
    }

    #[test]
    fn a_mirrored_face_is_not_mirrored_back() {
        let [left, right, nose, mouth] = CANONICAL;
        let found = similarity(&face([right, left, nose, mouth]), 1);
        // Best is to squeeze the eyes together, never a negative determinant.
        assert!(found.a * found.a + found.b * found.b >= 0.0 && found.scale() < 1.0);
        assert!(found.apply(right)[0] > found.apply(left)[0]);
    }

    #[test]
    fn inverse_and_composition_agree() {
        let first = Similarity { a: 0.8, b: -0.6, tx: 3.0, ty: 9.0 };
        let second = Similarity { a: -2.0, b: 0.5, tx: 1.0, ty: -4.0 };
        for point in [[0.0, 0.0], [5.0, -2.0], [100.0, 30.0]] {
            let (one, two) = (first.then(&second).apply(point), second.apply(first.apply(point)));
            assert_abs_diff_eq!(one[..], two[..], epsilon = 1e-3);
            let back = first.inverse().apply(first.apply(point));
            assert_abs_diff_eq!(back[..], point[..], epsilon = 1e-3);
        }
        assert_eq!(Similarity { a: 0.0, b: 0.0, tx: 1.0, ty: 1.0 }.inverse(), Similarity::IDENTITY);
    }

    /// A frame with a bright disc at each of four places of a turned face, and the face.
    fn drawn(side_px: f32, turn: f32) -> (RgbImage, Landmarks) {
        let (sin, cos) = turn.sin_cos();
        let around = [320.0, 240.0];
        let half = side_px / 2.0;
        let by = Similarity {
            a: cos,
            b: sin,
            tx: around[0] - (cos * half - sin * half),
            ty: around[1] - (sin * half + cos * half),
        };
        let landmarks = moved(&by, side_px);
        let places =
            [landmarks.left_eye(), landmarks.right_eye(), landmarks.nose(), landmarks.mouth()];
        let radius = side_px * 0.05;
        let image = RgbImage::from_fn(640, 480, |x, y| {
            let near = |p: &[f32; 2]| (x as f32 + 0.5 - p[0]).hypot(y as f32 + 0.5 - p[1]) < radius;
            Rgb(places.map(|p| if near(&p) { 255 } else { 0 })[..3].try_into().unwrap())
        });
        (image, landmarks)
    }

    #[test]
    fn the_pixels_of_a_crop_follow_the_transform() {
        // Faces larger and smaller than the crop take different ways through the code.
        for (side_px, turn) in [(400.0, 0.3), (300.0, -0.8), (90.0, 0.0), (60.0, 0.5)] {
            let (image, landmarks) = drawn(side_px, turn);
            let crop = crop(&image, &landmarks, 72);
            for (channel, place) in CANONICAL[..3].iter().enumerate() {
                let (mut x, mut y, mut sum) = (0.0, 0.0, 0.0);
                for (px, py, pixel) in crop.image.enumerate_pixels() {
                    let weight = f32::from(pixel.0[channel]);
                    x += weight * (px as f32 + 0.5) / 72.0;
                    y += weight * (py as f32 + 0.5) / 72.0;
                    sum += weight;
                }
                assert!(sum > 0.0, "disc {channel} of a face of {side_px} px is not in the crop");
                assert_abs_diff_eq!(x / sum, place[0], epsilon = 0.02);
                assert_abs_diff_eq!(y / sum, place[1], epsilon = 0.02);
            }
        }
    }

    #[test]
    fn fine_texture_is_averaged_not_aliased() {
        let checks =
            RgbImage::from_fn(640, 640, |x, y| Rgb([if (x + y) % 2 == 0 { 255 } else { 0 }; 3]));
        let to = Similarity { a: 1.0, b: 0.0, tx: 20.0, ty: 20.0 };
        let crop = crop(&checks, &moved(&to, 600.0), 72);
        assert!(crop.image.pixels().all(|p| p.0[0].abs_diff(127) < 12), "texture became a pattern");
    }

    #[test]
    fn a_face_outside_the_frame_or_without_extent_still_gives_a_crop() {
        let image = RgbImage::from_pixel(50, 40, Rgb([9; 3]));
        let far = moved(&Similarity { tx: 5000.0, ..Similarity::IDENTITY }, 300.0);
        assert_eq!(crop(&image, &far, 24).image.dimensions(), (24, 24));
        let point = face([[10.0, 10.0]; 4]);
        assert_eq!(crop(&image, &point, 24).image.dimensions(), (24, 24));
    }
}
