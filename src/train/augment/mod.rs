//! Makes training pictures worse in the ways a cabin camera does ([`photometric`]),
//! covers parts of the face ([`cover`]) and lowers its eyelids ([`lids`]). Works on planar pictures of any number of
//! channels, grey being the case of one; deterministic for a given random generator.

pub(crate) mod cover;
pub(crate) mod lids;
pub(crate) mod photometric;

use image::RgbImage;
use rand::Rng;

pub use cover::{Anchors, Cover, Covered};
pub use lids::Lids;
pub use photometric::Photometric;

/// A planar picture, `[channels, height, width]`, values 0..1.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// 1 (grey) or 3 (RGB).
    pub channels: usize,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// Row-major planes.
    pub data: Vec<f32>,
}

impl Picture {
    /// A grey picture of `size` x `size` from row-major values.
    pub fn grey(size: usize, data: Vec<f32>) -> Self {
        Self { channels: 1, height: size, width: size, data }
    }

    /// An RGB picture.
    pub fn from_rgb(image: &RgbImage) -> Self {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let mut data = vec![0.0; 3 * width * height];
        for (at, pixel) in image.pixels().enumerate() {
            for (channel, value) in pixel.0.into_iter().enumerate() {
                data[channel * width * height + at] = f32::from(value) / 255.0;
            }
        }
        Self { channels: 3, height, width, data }
    }

    /// The picture with left and right exchanged.
    pub fn mirror(&mut self) {
        for row in self.data.chunks_mut(self.width.max(1)) {
            row.reverse();
        }
    }

    /// The colour at a point between the pixel centres; grey is repeated, and so is the
    /// border.
    fn between(&self, x: f32, y: f32) -> [f32; 3] {
        let place = |v: f32, size: usize| {
            let v = (v - 0.5).clamp(0.0, size.max(1) as f32 - 1.0);
            (v as usize, (v as usize + 1).min(size.max(1) - 1), v.fract())
        };
        let ((x0, x1, fx), (y0, y1, fy)) = (place(x, self.width), place(y, self.height));
        [0, 1, 2].map(|channel: usize| {
            let plane = channel.min(self.channels - 1) * self.height;
            let at = |x: usize, y: usize| self.data[(plane + y) * self.width + x];
            let row = |y| at(x0, y) * (1.0 - fx) + at(x1, y) * fx;
            row(y0) * (1.0 - fy) + row(y1) * fy
        })
    }

    fn planes(&mut self) -> impl Iterator<Item = &mut [f32]> {
        self.data.chunks_mut((self.width * self.height).max(1))
    }

    /// Mixes `colour(x, y)` over the picture where `alpha(x, y)` (0..1) is above zero;
    /// `x` and `y` are pixel centres, colours are grey or RGB values 0..1.
    fn paint(
        &mut self,
        bounds: [f32; 4],
        alpha: impl Fn(f32, f32) -> f32,
        colour: impl Fn(f32, f32) -> [f32; 3],
    ) {
        let (width, height, channels) = (self.width, self.height, self.channels);
        let clamp = |value: f32, limit: usize| value.clamp(0.0, limit as f32) as usize;
        for row in clamp(bounds[1].floor(), height)..clamp(bounds[3].ceil(), height) {
            for col in clamp(bounds[0].floor(), width)..clamp(bounds[2].ceil(), width) {
                let (x, y) = (col as f32 + 0.5, row as f32 + 0.5);
                let alpha = alpha(x, y).clamp(0.0, 1.0);
                if alpha == 0.0 {
                    continue;
                }
                let colour = colour(x, y);
                for (channel, colour) in colour.into_iter().take(channels).enumerate() {
                    let value = &mut self.data[(channel * height + row) * width + col];
                    *value += alpha * (colour - *value);
                }
            }
        }
    }
}

/// A value of the normal distribution with mean 0 and deviation 1 (Box and Muller). By
/// hand, as another way to draw would shift every training's stream of random numbers.
pub fn normal(rng: &mut impl Rng) -> f32 {
    let u: f32 = rng.random_range(f32::EPSILON..1.0);
    let v: f32 = rng.random_range(0.0..std::f32::consts::TAU);
    (-2.0 * u.ln()).sqrt() * v.cos()
}

/// Nearly the same, ten times as fast: the sum of four even draws (Irwin and Hall), at most
/// 3.5 from 0. For noise, which takes three values a pixel.
pub fn roughly_normal(rng: &mut impl Rng) -> f32 {
    /// Half of the largest sum of four draws of 16 bits.
    const MEAN: f32 = 2.0 * 65_535.0;
    /// The deviation of a draw is the range over the root of 12, that of four twice as much.
    const DEVIATION: f32 = 65_535.0 * 0.577_350_26;
    let bits: u64 = rng.random();
    let sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
    (sum as f32 - MEAN) / DEVIATION
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn rough_draws_have_mean_0_and_deviation_1() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let values: Vec<f32> = (0..20_000).map(|_| roughly_normal(&mut rng)).collect();
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let square = values.iter().map(|value| value * value).sum::<f32>() / values.len() as f32;
        assert!(mean.abs() < 0.03 && (square - 1.0).abs() < 0.03, "{mean} {square}");
        assert!(values.iter().all(|value| value.abs() < 3.5));
    }

    #[test]
    fn rgb_becomes_planar_and_mirrors() {
        let image = RgbImage::from_fn(2, 1, |x, _| image::Rgb([255 * x as u8, 0, 51]));
        let mut picture = Picture::from_rgb(&image);
        assert_eq!(picture.data, [0.0, 1.0, 0.0, 0.0, 0.2, 0.2]);
        picture.mirror();
        assert_eq!(picture.data[..2], [1.0, 0.0]);
    }
}
