//! The part of a picture that lies under a crop, as numbers: its pixels are made floats once
//! and then read between, a few places at a time, which takes half of what looking up each
//! place in the picture does.

use image::RgbImage;

use super::{sample, similarity::Similarity};

/// Places that are worked out together.
const LANES: usize = 8;
/// Red, green, blue and a zero, so that a pixel is as wide as a vector.
type Pixel = [f32; 4];

/// Some columns and rows of a picture, 0..255 a channel.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    pixels: Vec<Pixel>,
    /// Pixels of a row.
    columns: usize,
    /// The first column and row of the picture that are here.
    first: [f32; 2],
    /// The last place that can be read, from the middle of the first pixel here on; what lies
    /// beyond reads as it does.
    last: [f32; 2],
}

impl Window {
    /// Fills it with what the pixels of a square of `side` read, `place` bringing them into
    /// the picture. Whole numbers are pixel corners: the middle of the first pixel is
    /// (0.5, 0.5).
    pub(super) fn cover(&mut self, picture: &RgbImage, place: &Similarity, side: u32) {
        self.pixels.clear();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        if width == 0 || height == 0 {
            return;
        }
        let end = side as f32;
        let corners = [[0.0, 0.0], [end, 0.0], [0.0, end], [end, end]].map(|at| place.apply(at));
        let span = |axis: usize, size: usize| {
            let all = corners.map(|corner| corner[axis]);
            let low = all.into_iter().fold(f32::MAX, f32::min) - 1.5;
            let high = all.into_iter().fold(f32::MIN, f32::max) + 1.5;
            // What is no number becomes 0.
            let first = (low as usize).min(size - 1);
            first..(high as usize + 1).clamp(first + 1, size)
        };
        let (columns, rows) = (span(0, width), span(1, height));
        let line = 3 * width;
        for row in rows.clone() {
            let begin = row * line;
            let bytes = &picture.as_raw()[begin + 3 * columns.start..begin + 3 * columns.end];
            let (pixels, _) = bytes.as_chunks::<3>();
            let as_floats = |&[r, g, b]: &[u8; 3]| [f32::from(r), f32::from(g), f32::from(b), 0.0];
            self.pixels.extend(pixels.iter().map(as_floats));
        }
        self.columns = columns.len();
        // The last column and row have a neighbour, too, of which nothing is taken.
        self.pixels.resize(self.pixels.len() + self.columns + 2, Pixel::default());
        self.first = [columns.start as f32, rows.start as f32];
        self.last = [&columns, &rows].map(|span| (span.len() - 1) as f32);
    }

    /// Reads a row of places, `[x + 0.5, down]` brought into the picture by `place`, as RGB
    /// bytes; black where there is no picture.
    pub(super) fn line(&self, place: &Similarity, down: f32, line: &mut [u8]) {
        let Self { columns, first, last, .. } = *self;
        // From the middle of the picture's first pixel.
        let [left, top] = place.apply([0.0, down]).map(|at| at - 0.5);
        let within = |at: f32, limit: f32| {
            // What is no number becomes 0.
            let at = if at > 0.0 { at } else { 0.0 };
            if at < limit { at } else { limit }
        };
        for (part, bytes) in line.chunks_mut(3 * LANES).enumerate() {
            let begin = (part * LANES) as i32 as f32 + 0.5;
            let (mut x, mut y) = ([0.0; LANES], [0.0; LANES]);
            for lane in 0..LANES {
                let along = begin + lane as i32 as f32;
                x[lane] = within(left + place.a * along - first[0], last[0]);
                y[lane] = within(top + place.b * along - first[1], last[1]);
            }
            let (column, row) = (sample::split(&mut x), sample::split(&mut y));
            let (bytes, _) = bytes.as_chunks_mut::<3>();
            for (lane, rgb) in bytes.iter_mut().enumerate() {
                // Says that it is one of them, so that no bound is checked.
                let lane = lane % LANES;
                let at = row[lane] as usize * columns + column[lane] as usize;
                let pairs = [at, at + columns].map(|start| sample::pair(&self.pixels, start));
                let [Some([a, b]), Some([c, d])] = pairs else {
                    *rgb = [0; 3];
                    continue;
                };
                let mut value = [0.0; 4];
                for (channel, value) in value.iter_mut().enumerate() {
                    let mix =
                        |a: &Pixel, b: &Pixel| a[channel] + x[lane] * (b[channel] - a[channel]);
                    let (top, bottom) = (mix(a, b), mix(c, d));
                    *value = top + y[lane] * (bottom - top);
                }
                let [r, g, b, _] = value.map(sample::byte);
                *rgb = [r, g, b];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pixel of a square looked up for itself.
    fn plainly(picture: &RgbImage, place: &Similarity, side: u32) -> RgbImage {
        RgbImage::from_fn(side, side, |x, y| {
            let at = place.apply([x as f32 + 0.5, y as f32 + 0.5]);
            image::Rgb(sample::bilinear(picture, at).map(|value| (value + 0.5) as u8))
        })
    }

    #[test]
    fn a_window_reads_what_the_picture_reads_at_each_place() {
        let picture = |width, height| {
            RgbImage::from_fn(width, height, |x, y| {
                image::Rgb([(x * 37 + y * 11) as u8, (x * y) as u8, (x ^ y) as u8])
            })
        };
        let places = [
            Similarity { a: 0.9, b: 0.2, tx: 20.3, ty: 11.8 },
            Similarity { a: -0.4, b: 1.1, tx: 60.0, ty: -9.0 },
            // Beyond a corner, far beyond the picture, all in one place.
            Similarity { a: 1.2, b: 0.0, tx: 50.0, ty: 30.0 },
            Similarity { a: 1.0, b: 0.0, tx: 5e6, ty: -5e6 },
            Similarity { a: 0.0, b: 0.0, tx: 3.0, ty: 3.0 },
        ];
        let mut window = Window::default();
        for (width, height) in [(64, 48), (1, 48), (64, 1), (1, 1), (2, 2), (0, 0)] {
            let picture = picture(width, height);
            for place in &places {
                for side in [1, 13, 40] {
                    let mut square = RgbImage::new(side, side);
                    window.cover(&picture, place, side);
                    for (row, line) in square.chunks_exact_mut(3 * side as usize).enumerate() {
                        window.line(place, row as f32 + 0.5, line);
                    }
                    let plain = plainly(&picture, place, side);
                    // Halves may be rounded the other way.
                    let same = square.iter().zip(plain.iter()).all(|(a, b)| a.abs_diff(*b) <= 1);
                    assert!(same, "{width}x{height}, {place:?}, {side} px");
                }
            }
        }
    }

    #[test]
    fn a_place_that_is_no_number_reads_something() {
        let picture = RgbImage::from_pixel(5, 4, image::Rgb([9; 3]));
        let nowhere = Similarity { a: f32::NAN, b: 0.0, tx: 0.0, ty: f32::INFINITY };
        let (mut window, mut line) = (Window::default(), [0; 9]);
        window.cover(&picture, &nowhere, 3);
        window.line(&nowhere, 0.5, &mut line);
        assert_eq!(line, [9; 9]);
    }
}
