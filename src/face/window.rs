//! The part of a picture that lies under a crop, as numbers: its pixels are made floats once
//! and then read between, a few places at a time, which takes half of what looking up each
//! place in the picture does.

use image::RgbImage;

use super::Similarity;

/// Places that are worked out together.
const LANES: usize = 8;
/// Red, green, blue and a zero, so that a pixel is as wide as a vector.
type Pixel = [f32; 4];

/// Some columns and rows of a picture, 0..255 a channel.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    pixels: Vec<Pixel>,
    /// Pixels of a row; at least 2, as there are at least 2 rows, or none at all.
    columns: usize,
    /// The first column and row of the picture that are here.
    first: [usize; 2],
    /// The last column and row of the picture that have a neighbour here.
    last: [usize; 2],
    /// The middle of the picture's last pixel from that of its first; what lies beyond reads
    /// as it does.
    limit: [f32; 2],
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
            // A window of one column has it twice, so that every place has a neighbour.
            if columns.len() == 1 {
                self.pixels.extend(self.pixels.last().copied());
            }
        }
        if rows.len() == 1 {
            self.pixels.extend_from_within(..);
        }
        self.columns = columns.len().max(2);
        self.first = [columns.start, rows.start];
        self.last = [&columns, &rows].map(|span| (span.start + 1).max(span.end - 1) - 1);
        self.limit = [(width - 1) as f32, (height - 1) as f32];
    }

    /// Reads a row of places, `[x + 0.5, down]` brought into the picture by `place`, as RGB
    /// bytes; black where there is no picture.
    pub(super) fn line(&self, place: &Similarity, down: f32, line: &mut [u8]) {
        let Self { columns, first, last, limit, .. } = *self;
        for (part, bytes) in line.chunks_mut(3 * LANES).enumerate() {
            let (mut starts, mut shares) = ([0_usize; LANES], [[0.0_f32; 2]; LANES]);
            let begin = (part * LANES) as f32 + 0.5;
            for lane in 0..LANES {
                let [x, y] = place.apply([begin + lane as f32, down]);
                // f32::clamp would let through what is no number.
                let [x, y] = [x - 0.5, y - 0.5].map(|at| at.max(0.0));
                let [x, y] = [x.min(limit[0]), y.min(limit[1])];
                // Nothing is below zero, so that to cut off is to round down. The last column
                // and row are read as the whole of a second one.
                let column = (x as i32 as usize).max(first[0]).min(last[0]);
                let row = (y as i32 as usize).max(first[1]).min(last[1]);
                starts[lane] = (row - first[1]) * columns + (column - first[0]);
                shares[lane] = [x - column as i32 as f32, y - row as i32 as f32];
            }
            let (bytes, _) = bytes.as_chunks_mut::<3>();
            for ((rgb, start), [right, below]) in bytes.iter_mut().zip(starts).zip(shares) {
                let around = self.pixels.get(start..start + columns + 2);
                let Some(around) = around.filter(|around| around.len() > 2) else {
                    *rgb = [0; 3];
                    continue;
                };
                let value: [i32; 4] = std::array::from_fn(|channel| {
                    let mix = |a: Pixel, b: Pixel| a[channel] * (1.0 - right) + b[channel] * right;
                    let top = mix(around[0], around[1]);
                    let bottom = mix(around[columns], around[columns + 1]);
                    // No value is below zero: cutting off after a half is rounding.
                    (top * (1.0 - below) + bottom * below + 0.5) as i32
                });
                *rgb = [value[0] as u8, value[1] as u8, value[2] as u8];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::sample;

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
                    assert!(square == plain, "{width}x{height}, {place:?}, {side} px");
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
