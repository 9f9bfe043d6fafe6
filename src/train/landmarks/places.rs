//! Where the network is made to look: nearly right, wrong, or the wrong way up; and how a
//! face looks that is narrowed to one side.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use image::{
    RgbImage,
    imageops::{self, FilterType},
};
use rand::Rng;

use crate::{
    face::{Landmarks, Region},
    train::augment::normal,
};

/// What lies around a face in a picture, perhaps reduced.
#[derive(Clone, Debug)]
pub(super) struct Around {
    /// That part of the picture.
    pub(super) image: RgbImage,
    /// Its corner in the picture.
    corner: [f32; 2],
    /// Its pixels for one of the picture.
    scale: [f32; 2],
}

impl Around {
    /// What lies within `sides` sides of the middle of a region, whose side has then
    /// `side_px` pixels at most.
    pub(super) fn new(image: &RgbImage, region: &Region, sides: f32, side_px: f32) -> Self {
        let far = sides * region.side_px;
        let span = |at: f32, length: u32| {
            let most = length.saturating_sub(1) as f32;
            let (low, high) = ((at - far).clamp(0.0, most), (at + far).clamp(0.0, most));
            (low as u32, high.ceil() as u32 - low as u32 + 1)
        };
        let (left, width) = span(region.center[0], image.width());
        let (top, height) = span(region.center[1], image.height());
        let scale = (side_px / region.side_px.max(1.0)).min(1.0);
        let part = imageops::crop_imm(image, left, top, width, height);
        let [wide, high] =
            [width, height].map(|length| ((length as f32 * scale).round() as u32).max(1));
        let image = match scale < 1.0 {
            true => imageops::resize(&*part, wide, high, FilterType::Triangle),
            false => part.to_image(),
        };
        let corner = [left as f32, top as f32];
        Self { image, corner, scale: [wide as f32 / width as f32, high as f32 / height as f32] }
    }

    /// A square of the picture in it.
    pub(super) fn region(&self, region: &Region) -> Region {
        let center = self.here(region.center);
        Region { center, side_px: region.side_px * self.scale[0], ..*region }
    }

    /// Where a point of the picture lies in it.
    pub(super) fn here(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        [(x - self.corner[0]) * self.scale[0], (y - self.corner[1]) * self.scale[1]]
    }
}

/// A mean face about five points.
pub(super) fn mean_face(mean: &[[f32; 2]; 68], five: &[[f32; 2]; 5]) -> Landmarks {
    let region = Region::from_five(five);
    Landmarks { points: mean.map(|point| region.to_frame(point)) }
}

/// Where a tracker or a detector may think the face is: usually nearly right, at times
/// off by as much as a first detection, and turned by up to 25, at times 45 degrees.
pub(super) fn jitter(exact: &Region, rng: &mut impl Rng) -> Region {
    let wide = rng.random_bool(0.35);
    let (shift, scale) = if wide { (0.09, 0.16) } else { (0.035, 0.06) };
    let turn = if rng.random_bool(0.25) {
        rng.random_range(-45f32..45.0).to_radians()
    } else {
        (8.0 * normal(rng)).clamp(-25.0, 25.0).to_radians()
    };
    let mut off = || (shift * normal(rng)).clamp(-0.18, 0.18) * exact.side_px;
    let center = [exact.center[0] + off(), exact.center[1] + off()];
    let scale = (scale * normal(rng)).clamp(-0.3, 0.35).exp();
    Region { center, side_px: exact.side_px * scale, roll: exact.roll + turn }
}

/// Any square of a picture without a face.
pub(crate) fn negative_region(image: &RgbImage, rng: &mut impl Rng) -> Region {
    let (width, height) = (image.width() as f32, image.height() as f32);
    let side_px = width.min(height) * rng.random_range(0.15..0.9f32);
    let mut place = |length: f32| rng.random_range(0.0..length.max(1.0));
    let center = [place(width), place(height)];
    Region { center, side_px, roll: rng.random_range(-0.7..0.7) }
}

/// A square that misses the face, or is much too large or too small for it.
pub(super) fn off_face(exact: &Region, rng: &mut impl Rng) -> Region {
    let (angle, roll) = (rng.random_range(0.0..TAU), rng.random_range(-0.7..0.7));
    let (far, scale) = match rng.random_range(0..3) {
        0 => (rng.random_range(0.55..1.0), rng.random_range(0.6..1.4)),
        1 => (rng.random_range(0.0..0.3), rng.random_range(0.2..0.42)),
        _ => (rng.random_range(0.1..0.5), rng.random_range(2.2..3.5)),
    };
    let far: f32 = far * exact.side_px;
    let center = [exact.center[0] + far * angle.cos(), exact.center[1] + far * angle.sin()];
    Region { center, side_px: exact.side_px * scale, roll: exact.roll + roll }
}

/// A square in which the face lies on its side or on its head.
pub(super) fn wrong_way(exact: &Region, rng: &mut impl Rng) -> Region {
    let placed = jitter(exact, rng);
    let (middle, most) = match rng.random_range(0..4) {
        0 => (FRAC_PI_2, 15f32),
        1 => (-FRAC_PI_2, 15.0),
        _ => (PI, 30.0),
    };
    let roll = exact.roll + middle + rng.random_range(-most..most).to_radians();
    Region { roll, ..placed }
}

/// A square seen as if its middle line stood nearer or farther than one of its sides, and
/// narrower: what a turned head does to a face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Narrowed {
    /// Width that is squeezed into the square, in sides.
    width: f32,
    /// How much nearer the left side is than the middle, in the distance of the middle.
    lean: f32,
}

/// How much more than the square must be cut out for it, in sides.
pub(super) const NARROWED_FROM: f32 = 2.0;

impl Narrowed {
    pub(super) fn new(rng: &mut impl Rng) -> Self {
        Self { width: rng.random_range(1.0..1.5), lean: rng.random_range(-0.55..0.55) }
    }

    /// Where a point of the narrowed square comes from, both in unit squares.
    pub(super) fn source(&self, [u, v]: [f32; 2]) -> [f32; 2] {
        let (x, y) = (u - 0.5, v - 0.5);
        let nearer = 1.0 + self.lean * x;
        [0.5 + self.width * x / nearer, 0.5 + y / nearer]
    }

    /// Where a point of the plain square goes.
    pub(super) fn place(&self, [u, v]: [f32; 2]) -> [f32; 2] {
        let (x, y) = (u - 0.5, v - 0.5);
        let x = x / (self.width - self.lean * x).max(0.1);
        [0.5 + x, 0.5 + y * (1.0 + self.lean * x)]
    }

    /// The region as grey values 0..1, `[size, size]`, narrowed.
    pub(super) fn sample_grey(&self, region: &Region, image: &RgbImage, size: usize) -> Vec<f32> {
        let wide = Region { side_px: NARROWED_FROM * region.side_px, ..*region };
        let around = (NARROWED_FROM * size as f32) as usize;
        let grey = wide.sample_grey(image, around);
        let last = (around - 1) as f32;
        let at = |[u, v]: [f32; 2]| {
            let [x, y] = [u, v].map(|v| {
                let place = (v - 0.5) / NARROWED_FROM + 0.5;
                (place * around as f32 - 0.5).clamp(0.0, last)
            });
            let (x0, y0) = (x as usize, y as usize);
            let (x1, y1) = ((x0 + 1).min(around - 1), (y0 + 1).min(around - 1));
            let (fx, fy) = (x.fract(), y.fract());
            let row = |y: usize| grey[y * around + x0] * (1.0 - fx) + grey[y * around + x1] * fx;
            row(y0) * (1.0 - fy) + row(y1) * fy
        };
        let middle = |i: usize| (i as f32 + 0.5) / size as f32;
        (0..size * size)
            .map(|index| at(self.source([middle(index % size), middle(index / size)])))
            .collect()
    }
}

/// How far the head is turned to a side by its five points: 0.5 is straight ahead, 0 and 1
/// are where the tip of the nose lies under an eye.
pub(super) fn nose_between_eyes(five: &[[f32; 2]; 5]) -> f32 {
    let [left, right, nose, ..] = *five;
    let across = [right[0] - left[0], right[1] - left[1]];
    let square = across[0] * across[0] + across[1] * across[1];
    let along = (nose[0] - left[0]) * across[0] + (nose[1] - left[1]) * across[1];
    along / square.max(f32::EPSILON)
}

/// How surely the left and the right eye can be seen past the nose, 0..1: the far eye of a
/// head that is turned by 40 degrees and more cannot. The tip of the nose then lies at
/// 0.83 between the eyes (by the rigid model of a head that the pose is measured with).
pub(super) fn seen_past_the_nose(five: &[[f32; 2]; 5]) -> [f32; 2] {
    let at = nose_between_eyes(five);
    let seen = |toward: f32| ((0.88 - toward) / 0.1).clamp(0.0, 1.0);
    [seen(1.0 - at), seen(at)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn a_narrowed_square_and_its_source_are_inverse() {
        let rng = &mut ChaCha8Rng::seed_from_u64(3);
        for _ in 0..20 {
            let narrowed = Narrowed::new(rng);
            for point in [[0.5, 0.5], [0.2, 0.7], [0.9, 0.1], [0.0, 1.0]] {
                let back = narrowed.place(narrowed.source(point));
                assert_abs_diff_eq!(back[..], point[..], epsilon = 1e-4);
            }
        }
    }

    #[test]
    fn what_is_drawn_narrowed_lies_where_its_point_goes() {
        // A white square about (0.62, 0.4) of the region, on black.
        let image = RgbImage::from_fn(200, 200, |x, y| {
            let inside = (122..127).contains(&x) && (78..83).contains(&y);
            image::Rgb([if inside { 255 } else { 0 }; 3])
        });
        let region = Region { center: [100.0, 100.0], side_px: 200.0, roll: 0.0 };
        let narrowed = Narrowed { width: 1.3, lean: 0.4 };
        let grey = narrowed.sample_grey(&region, &image, 160);
        let brightest = (0..grey.len()).max_by(|a, b| grey[*a].total_cmp(&grey[*b])).unwrap();
        let expected = narrowed.place([124.5 / 200.0, 80.5 / 200.0]);
        assert_abs_diff_eq!((brightest % 160) as f32 / 160.0, expected[0], epsilon = 0.02);
        assert_abs_diff_eq!((brightest / 160) as f32 / 160.0, expected[1], epsilon = 0.02);
    }

    #[test]
    fn the_far_eye_of_a_turned_head_is_not_seen() {
        let mut five = [[0.0, 0.0], [60.0, 0.0], [30.0, 30.0], [10.0, 60.0], [50.0, 60.0]];
        assert_eq!(seen_past_the_nose(&five), [1.0, 1.0]);
        five[2][0] = 58.0;
        assert_eq!(seen_past_the_nose(&five), [1.0, 0.0]);
        five[2][0] = 2.0;
        assert_eq!(seen_past_the_nose(&five), [0.0, 1.0]);
    }

    #[test]
    fn the_wrong_way_is_a_quarter_turn_at_least() {
        let rng = &mut ChaCha8Rng::seed_from_u64(3);
        let exact = Region { center: [0.0; 2], side_px: 1.0, roll: 0.3 };
        for _ in 0..100 {
            let turn = (wrong_way(&exact, rng).roll - exact.roll).rem_euclid(TAU).to_degrees();
            assert!((74.0..=286.0).contains(&turn), "{turn}");
            let right = (jitter(&exact, rng).roll - exact.roll).to_degrees();
            assert!(right.abs() <= 45.0, "{right}");
        }
    }

    #[test]
    fn what_lies_around_a_face_has_the_points_where_they_are() {
        let five = [[370.0, 280.0], [430.0, 280.0], [400.0, 310.0], [378.0, 342.0], [422.0, 342.0]];
        let image = RgbImage::from_fn(800, 600, |x, y| {
            let near = |[px, py]: [f32; 2]| (x as f32 + 0.5 - px).hypot(y as f32 + 0.5 - py) < 6.0;
            image::Rgb([if five.into_iter().any(near) { 250 } else { 20 }; 3])
        });
        let around = Around::new(&image, &Region::from_five(&five), 0.9, 100.0);
        let part = &around.image;
        assert!(part.width() < 200, "{}", part.width());
        for [x, y] in five.map(|point| around.here(point)) {
            assert!(part.get_pixel(x as u32, y as u32).0[0] > 150, "{x} {y}");
        }
        let (whole, here) = (Region::from_five(&five), around.region(&Region::from_five(&five)));
        let [u, v] = whole.to_unit(five[2]);
        let [x, y] = here.to_frame([u, v]);
        assert!(part.get_pixel(x as u32, y as u32).0[0] > 150, "{x} {y}");
    }
}
