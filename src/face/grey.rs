//! Cuts a turned square of the frame into a small grey picture: what the landmark network
//! looks at. Training and tracking cut the same way, so this is the one place that says
//! how. Half of a tracked frame's time once went here: now the square's surroundings are
//! made grey once, with the frame's border already repeated around them, and samples are
//! read some at a time, without a test or a conversion each.

use std::ops::Range;

use image::RgbImage;

use super::{Region, sample};

/// Most samples averaged along one side of a pixel.
const MOST_TAPS: usize = 4;
/// How far apart, about, samples lie in what the landmark network sees, pixels of the frame.
/// Each reads between two pixels, so that hardly any is left out; with samples a pixel apart
/// it places its points no better (docs/performance.md).
const APART: f32 = 1.5;
/// The same where the sharpness of the picture itself is measured.
const CLOSE: f32 = 1.0;
/// Samples looked up together.
const LANES: usize = 8;

/// No picture reaches so far, pixels.
const FAR: f32 = 1e5;

/// Cuts regions out of frames; keeps its buffers, so that a frame allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct GreySampler {
    pub(super) values: Vec<f32>,
    /// A row of samples.
    fine: Vec<f32>,
    plane: Plane,
}

/// A part of the frame as luma 0..255. What lies outside the frame repeats its border.
#[derive(Clone, Debug, Default)]
struct Plane {
    luma: Vec<f32>,
    left: i64,
    top: i64,
    width: usize,
}

impl GreySampler {
    /// The region as grey values 0..1, `[size, size]` row-major; see
    /// [`Region::sample_grey`]. They stay until the next call.
    pub fn sample(&mut self, region: &Region, image: &RgbImage, size: usize) -> &[f32] {
        self.walk(image, &Walk::new(region, size, 0..size, APART))
    }

    /// The same, each sample looked up in the frame for itself: slow and simple, what the
    /// quick way is measured against.
    #[doc(hidden)]
    pub fn sample_plainly(region: &Region, image: &RgbImage, size: usize) -> Vec<f32> {
        let mut values = vec![0.0; size * size];
        let line = |begin, step, fine: &mut [f32]| line_of(image, begin, step, fine);
        Walk::new(region, size, 0..size, APART).sum(&mut values, &mut Vec::new(), line);
        values
    }

    /// Some rows of the same, `[rows, size]`, with samples a pixel apart.
    pub(super) fn sample_rows(
        &mut self,
        region: &Region,
        image: &RgbImage,
        size: usize,
        rows: Range<usize>,
    ) -> &[f32] {
        self.walk(image, &Walk::new(region, size, rows, CLOSE))
    }

    fn walk(&mut self, image: &RgbImage, walk: &Walk<'_>) -> &[f32] {
        self.values.clear();
        self.values.resize(walk.rows.len() * walk.size, 0.0);
        if self.plane.cover(image, walk) {
            let line = |begin, step, fine: &mut [f32]| self.plane.line(begin, step, fine);
            walk.sum(&mut self.values, &mut self.fine, line);
        } else {
            let line = |begin, step, fine: &mut [f32]| line_of(image, begin, step, fine);
            walk.sum(&mut self.values, &mut self.fine, line);
        }
        &self.values
    }
}

/// The samples of some rows of a region.
struct Walk<'r> {
    region: &'r Region,
    size: usize,
    taps: usize,
    rows: Range<usize>,
}

impl<'r> Walk<'r> {
    /// Samples that lie about `apart` pixels of the frame from each other.
    fn new(region: &'r Region, size: usize, rows: Range<usize>, apart: f32) -> Self {
        let taps = (region.side_px / (size as f32 * apart)).round() as usize;
        Self { region, size, taps: taps.clamp(1, MOST_TAPS), rows }
    }

    fn samples(&self) -> usize {
        self.rows.len() * self.size * self.taps * self.taps
    }

    /// Where a row of samples begins, and the way from one of them to the next.
    fn row(&self, row: usize) -> ([f32; 2], [f32; 2]) {
        let fine = (self.size * self.taps) as f32;
        let (first, down) = (0.5 / fine, (row as f32 + 0.5) / fine);
        let [x, y] = self.region.to_frame([first, down]);
        let [right_x, right_y] = self.region.to_frame([first + 1.0, down]);
        ([x, y], [(right_x - x) / fine, (right_y - y) / fine])
    }

    /// Averages the samples of each pixel; `line` gives the luma of a row of samples by
    /// its begin and the step from one to the next.
    fn sum(
        &self,
        values: &mut [f32],
        fine: &mut Vec<f32>,
        mut line: impl FnMut([f32; 2], [f32; 2], &mut [f32]),
    ) {
        let taps = self.taps;
        let add = match taps {
            1 => add_up::<1>,
            2 => add_up::<2>,
            3 => add_up::<3>,
            _ => add_up::<MOST_TAPS>,
        };
        fine.resize(self.size * taps, 0.0);
        let share = 1.0 / (255.0 * (taps * taps) as f32);
        for (row, values) in self.rows.clone().zip(values.chunks_exact_mut(self.size)) {
            for row in row * taps..(row + 1) * taps {
                let (begin, step) = self.row(row);
                line(begin, step, fine);
                add(fine, values);
            }
            values.iter_mut().for_each(|value| *value *= share);
        }
    }

    /// The smallest and largest coordinate of the samples along an axis.
    fn reach(&self, axis: usize) -> (f32, f32) {
        let rows = [self.rows.start * self.taps, self.rows.end * self.taps];
        let along = (self.size * self.taps) as f32;
        let ends = rows.map(|row| {
            let (begin, step) = self.row(row);
            [begin[axis], begin[axis] + along * step[axis]]
        });
        let ends = ends.as_flattened();
        let low = ends.iter().copied().fold(f32::MAX, f32::min);
        (low, ends.iter().copied().fold(f32::MIN, f32::max))
    }
}

/// Adds `TAPS` samples to each value.
fn add_up<const TAPS: usize>(fine: &[f32], values: &mut [f32]) {
    let (fine, _) = fine.as_chunks::<TAPS>();
    for (value, fine) in values.iter_mut().zip(fine) {
        *value += fine.iter().sum::<f32>();
    }
}

/// The luma of a row of samples, each looked up in the frame.
fn line_of(image: &RgbImage, [x, y]: [f32; 2], [dx, dy]: [f32; 2], fine: &mut [f32]) {
    for (at, value) in fine.iter_mut().enumerate() {
        let at = at as f32;
        *value = sample::grey(image, [x + at * dx, y + at * dy]);
    }
}

impl Plane {
    /// Fills it with what the samples need; false where looking at each sample alone is
    /// less work, as in a large picture, or there is nothing to see.
    fn cover(&mut self, image: &RgbImage, walk: &Walk<'_>) -> bool {
        let (image_width, image_height) = (i64::from(image.width()), i64::from(image.height()));
        // Pixels that a sample lies between, and one more for what rounding does.
        let span = |(low, high): (f32, f32)| {
            let low = (low - 0.5).floor() as i64 - 1;
            let high = (high - 0.5).floor() as i64 + 3;
            (low, usize::try_from(high - low).unwrap_or_default())
        };
        let reach = [walk.reach(0), walk.reach(1)];
        // Also where a coordinate is no number.
        if !reach.iter().all(|(low, high)| *low > -FAR && *high < FAR && low <= high) {
            return false;
        }
        let [(left, width), (top, height)] = reach.map(span);
        // A sample looked up alone costs what eight pixels made grey do.
        let few = width.saturating_mul(height) <= 8 * walk.samples();
        if !few || image_width == 0 || image_height == 0 {
            return false;
        }
        (self.left, self.top, self.width) = (left, top, width);
        self.luma.clear();
        self.luma.reserve(width * height + 1);
        let right = left + width as i64;
        let inside = left.clamp(0, image_width - 1)..right.clamp(1, image_width);
        let before = (inside.start - left).clamp(0, width as i64) as usize;
        let row_bytes = 3 * image.width() as usize;
        for y in top..top + height as i64 {
            let y = y.clamp(0, image_height - 1) as usize;
            let line = &image.as_raw()[y * row_bytes..][..row_bytes];
            let inside = &line[3 * inside.start as usize..3 * inside.end as usize];
            let begin = self.luma.len();
            let (pixels, _) = inside.as_chunks::<3>();
            let luma = |&[r, g, b]: &[u8; 3]| sample::luma([r, g, b].map(f32::from));
            let first = pixels.first().map_or(0.0, luma);
            let last = pixels.last().map_or(0.0, luma);
            self.luma.resize(begin + before, first);
            self.luma.extend(pixels.iter().map(luma));
            self.luma.resize(begin + width, last);
        }
        true
    }

    /// The luma of a row of samples.
    fn line(&self, [x, y]: [f32; 2], [dx, dy]: [f32; 2], fine: &mut [f32]) {
        // Begin in pixels of the plane from the middle of its first.
        let [x, y] = [x - self.left as f32 - 0.5, y - self.top as f32 - 0.5];
        let columns = self.width;
        // Some at a time: only the pixels are looked up one by one, the rest are vectors.
        for (part, fine) in fine.chunks_mut(LANES).enumerate() {
            let begin = (part * LANES) as i32 as f32;
            let (mut xs, mut ys) = ([0.0; LANES], [0.0; LANES]);
            for lane in 0..LANES {
                let step = begin + lane as i32 as f32;
                (xs[lane], ys[lane]) = (x + step * dx, y + step * dy);
            }
            let (column, row) = (sample::split(&mut xs), sample::split(&mut ys));
            let mut near = [[0.0; LANES]; 4];
            for lane in 0..LANES {
                let at = row[lane] as usize * columns + column[lane] as usize;
                if let (Some([a, b]), Some([c, d])) =
                    (sample::pair(&self.luma, at), sample::pair(&self.luma, at + columns))
                {
                    (near[0][lane], near[1][lane]) = (*a, *b);
                    (near[2][lane], near[3][lane]) = (*c, *d);
                }
            }
            let mut luma = [0.0; LANES];
            for lane in 0..LANES {
                let [a, b, c, d] = near.map(|near| near[lane]);
                let (top, bottom) = (a + xs[lane] * (b - a), c + xs[lane] * (d - c));
                luma[lane] = top + ys[lane] * (bottom - top);
            }
            fine.copy_from_slice(&luma[..fine.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;

    use super::*;

    fn noise(width: u32, height: u32) -> RgbImage {
        let mut state = 1_u32;
        RgbImage::from_fn(width, height, |_, _| {
            image::Rgb([0; 3].map(|_: u8| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            }))
        })
    }

    #[test]
    fn both_ways_to_sample_see_the_same() {
        let image = noise(160, 120);
        let mut sampler = GreySampler::default();
        for (center, side_px, roll) in [
            ([80.0, 60.0], 70.0, 0.0),
            ([80.0, 60.0], 118.0, 0.3),
            ([80.0, 60.0], 31.0, -2.5),
            // Over every edge, and wholly outside.
            ([3.0, 117.0], 90.0, 0.7),
            ([158.0, 2.0], 90.0, -0.2),
            ([-300.0, 60.0], 64.0, 0.1),
            ([80.0, 900.0], 64.0, 1.6),
        ] {
            let region = Region { center, side_px, roll };
            let plain = GreySampler::sample_plainly(&region, &image, 32);
            assert!(
                sampler.plane.cover(&image, &Walk::new(&region, 32, 0..32, APART)),
                "{region:?}"
            );
            let quick = sampler.sample(&region, &image, 32);
            assert_abs_diff_eq!(quick, &plain[..], epsilon = 1e-4);
            let mut plain = vec![0.0; 16 * 32];
            let line = |begin, step, fine: &mut [f32]| line_of(&image, begin, step, fine);
            Walk::new(&region, 32, 8..24, CLOSE).sum(&mut plain, &mut Vec::new(), line);
            let band = sampler.sample_rows(&region, &image, 32, 8..24);
            assert_abs_diff_eq!(band, &plain[..], epsilon = 1e-4);
        }
    }

    #[test]
    fn odd_regions_and_pictures_are_no_trouble() {
        let mut sampler = GreySampler::default();
        let region = Region { center: [5.0, 5.0], side_px: 1e9, roll: 0.0 };
        assert!(sampler.sample(&region, &noise(20, 20), 8).iter().all(|v| v.is_finite()));
        let region = Region { center: [5.0, 5.0], side_px: 9.0, roll: 0.0 };
        assert_eq!(sampler.sample(&region, &RgbImage::new(0, 0), 8), [0.0; 64]);
        assert_eq!(sampler.sample(&region, &RgbImage::new(1, 1), 8), [0.0; 64]);
        for broken in [f32::NAN, f32::INFINITY] {
            let region = Region { center: [broken, 5.0], side_px: 9.0, roll: 0.0 };
            assert_eq!(sampler.sample(&region, &noise(20, 20), 8).len(), 64);
        }
    }
}
