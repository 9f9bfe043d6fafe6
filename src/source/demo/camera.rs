//! The camera: from linear light to the 8 bits that a webcam gives, with its blur, its
//! exposure and its noise.

use image::RgbImage;

use super::{
    math::{Vec3, hash, scale},
    raster::Canvas,
};

/// Side of the tile of noise, a power of two.
const TILE: usize = 256;
/// Steps of the tone curve, and the light at its end.
const TONES: usize = 4096;
const BRIGHTEST: f32 = 4.0;

/// How the camera is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Setting {
    /// Factor of the light.
    pub(super) exposure: f32,
    /// Standard deviation of the noise, in steps of 255.
    pub(super) noise: f32,
    /// Infra-red: no colours.
    pub(super) grey: bool,
    /// Light scattered in the lens from the right of the picture, 0..1.
    pub(super) veil: f32,
}

/// Develops pictures.
pub(super) struct Camera {
    tones: Vec<u8>,
    noise: Vec<i8>,
    background: Vec<u8>,
    setting: Option<Setting>,
    rows: [Vec<Vec3>; 3],
}

/// Standard deviation of the stored noise, in its own steps.
const NOISE_STEPS: f32 = 24.0;

impl Camera {
    pub(super) fn new(seed: u64) -> Self {
        let tone = |i: usize| {
            let light = BRIGHTEST * i as f32 / (TONES - 1) as f32;
            // A soft shoulder, then the curve of sRGB.
            let light = light * (1.0 + light / 9.0) / (1.0 + 0.55 * light);
            let value = if light <= 0.003_130_8 {
                12.92 * light
            } else {
                1.055 * light.powf(1.0 / 2.4) - 0.055
            };
            (255.0 * value).round().clamp(0.0, 255.0) as u8
        };
        let mut state = hash(seed ^ 0xca11);
        let noise = (0..TILE * TILE).map(|_| {
            state = hash(state);
            // The sum of four even numbers is near enough to a bell.
            let sum: i32 = (0..4).map(|i| (state >> (16 * i)) as u16 as i32).sum();
            ((sum as f32 / 65_535.0 - 2.0) * 1.73 * NOISE_STEPS).clamp(-127.0, 127.0) as i8
        });
        Self {
            tones: (0..TONES).map(tone).collect(),
            noise: noise.collect(),
            background: Vec::new(),
            setting: None,
            rows: Default::default(),
        }
    }

    /// Takes the picture of an empty canvas, which shows wherever nothing is drawn; a
    /// no-op while neither it (`fresh`) nor the setting changes.
    pub(super) fn see_background(&mut self, canvas: &Canvas, setting: Setting, fresh: bool) {
        if fresh || self.setting != Some(setting) {
            let mut pixels = vec![0; 3 * canvas.width * canvas.height];
            self.blurred(canvas, setting, &mut pixels, |_| (0, canvas.width));
            (self.background, self.setting) = (pixels, Some(setting));
        }
    }

    /// The picture that a canvas gives. `number` changes the noise.
    pub(super) fn develop(&mut self, canvas: &Canvas, setting: Setting, number: u64) -> RgbImage {
        let (width, height) = (canvas.width, canvas.height);
        let mut pixels = self.background.clone();
        self.blurred(canvas, setting, &mut pixels, |row| {
            // The blur reaches one pixel further.
            let near = [row.saturating_sub(1), row, (row + 1).min(height - 1)];
            let from = near.iter().map(|&row| canvas.touched(row).0).min().unwrap_or(0);
            let to = near.iter().map(|&row| canvas.touched(row).1).max().unwrap_or(0);
            (from.saturating_sub(1), (to + 1).min(width))
        });
        self.add_noise(&mut pixels, width, setting, number);
        RgbImage::from_raw(width as u32, height as u32, pixels).unwrap_or_default()
    }

    /// Blurs by a pixel and sets the tones of the span that `span` names in each row.
    fn blurred(
        &mut self,
        canvas: &Canvas,
        setting: Setting,
        pixels: &mut [u8],
        span: impl Fn(usize) -> (usize, usize),
    ) {
        let (width, height) = (canvas.width, canvas.height);
        for row in 0..height {
            let (from, to) = span(row);
            if from >= to {
                continue;
            }
            let line = |row: usize| &canvas.color[row * width..(row + 1) * width];
            let (above, here, below) =
                (line(row.saturating_sub(1)), line(row), line((row + 1).min(height - 1)));
            let sum = &mut self.rows[0];
            sum.clear();
            let (left, right) = (from.saturating_sub(1), (to + 1).min(width));
            sum.extend(
                (left..right).map(|x| {
                    [0, 1, 2].map(|i| 0.25 * (above[x][i] + below[x][i]) + 0.5 * here[x][i])
                }),
            );
            for x in from..to {
                let i = x - left;
                let (a, b, c) = (sum[i.saturating_sub(1)], sum[i], sum[(i + 1).min(sum.len() - 1)]);
                let mut light = [0, 1, 2].map(|k| 0.25 * (a[k] + c[k]) + 0.5 * b[k]);
                if setting.veil > 0.0 {
                    let near = x as f32 / width as f32;
                    let veil =
                        setting.veil * near * near * (1.0 - 0.5 * row as f32 / height as f32);
                    light = [light[0] + veil, light[1] + 0.93 * veil, light[2] + 0.80 * veil];
                }
                light = scale(light, setting.exposure * (TONES - 1) as f32 / BRIGHTEST);
                if setting.grey {
                    light = [0.35 * light[0] + 0.40 * light[1] + 0.25 * light[2]; 3];
                }
                let at = 3 * (row * width + x);
                for k in 0..3 {
                    pixels[at + k] = self.tones[(light[k].max(0.0) as usize).min(TONES - 1)];
                }
            }
        }
    }

    fn add_noise(&self, pixels: &mut [u8], width: usize, setting: Setting, number: u64) {
        // In 256ths, as whole numbers: this touches every byte of every picture.
        let strength = (setting.noise / NOISE_STEPS * 256.0) as i32;
        if strength == 0 {
            return;
        }
        let shift = hash(number) as usize;
        let (line, byte) = if setting.grey { (width, 3) } else { (3 * width, 1) };
        for (row, values) in pixels.chunks_exact_mut(3 * width).enumerate() {
            let start = ((row + (shift >> 8)) % TILE) * TILE;
            // A row of noise begins anywhere in the tile.
            let begin = (hash((row as u64) << 32 ^ number) as usize) % TILE;
            let tile = &self.noise[start..start + TILE];
            for (i, value) in values.chunks_exact_mut(byte).enumerate().take(line) {
                let change = (i32::from(tile[(i + begin) % TILE]) * strength) >> 8;
                for value in value {
                    *value = (i32::from(*value) + change).clamp(0, 255) as u8;
                }
            }
        }
    }
}
