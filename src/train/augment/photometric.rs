//! Light, lens and sensor: infra-red, gamma, contrast, a light gradient, a low sun, blur, motion
//! blur, low resolution, noise, a cheap webcam in a dim room. Each is applied with its own
//! chance.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{Picture, normal, roughly_normal};

/// Chance (0..1) of each change. Defaults after the probe recorded in the project's
/// notes, with more darkness since nights are when drivers sleep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Photometric {
    /// Shades become lighter or darker, by a power of e^±0.6.
    pub gamma: f64,
    /// Night: brightness falls to 8-40%, with noise.
    pub dark: f64,
    /// Contrast and brightness change.
    pub contrast: f64,
    /// Light comes from one side.
    pub gradient: f64,
    /// A low sun from one side: the other half of the face lies in shadow.
    pub low_sun: f64,
    /// Out of focus.
    pub blur: f64,
    /// Moved during the exposure.
    pub motion: f64,
    /// Taken from far away: scaled down and up again.
    pub low_resolution: f64,
    /// The lowest share of the resolution that is left.
    pub lowest_resolution: f32,
    /// Sensor noise.
    pub noise: f64,
    /// White balance shifts (RGB only).
    pub colour: f64,
    /// Colour is lost (RGB only).
    pub grey: f64,
    /// The look of an infra-red camera with its lamp beside it (RGB only).
    pub infrared: f64,
    /// The look of a cheap webcam in a dim room (RGB only).
    pub webcam: f64,
}

impl Default for Photometric {
    fn default() -> Self {
        Self {
            gamma: 0.5,
            dark: 0.15,
            contrast: 0.6,
            gradient: 0.25,
            low_sun: 0.0,
            blur: 0.25,
            motion: 0.1,
            low_resolution: 0.35,
            lowest_resolution: 0.35,
            noise: 0.35,
            colour: 0.35,
            grey: 0.3,
            infrared: 0.08,
            webcam: 0.0,
        }
    }
}

impl Photometric {
    /// Changes the picture.
    pub fn apply(&self, picture: &mut Picture, rng: &mut impl Rng) {
        let chance = |p: f64, rng: &mut _| Rng::random_bool(rng, p.clamp(0.0, 1.0));
        if picture.channels == 3 {
            if chance(self.infrared, rng) {
                infrared(picture, rng);
            } else if chance(self.grey, rng) {
                to_grey(picture);
            } else if chance(self.colour, rng) {
                for plane in picture.planes() {
                    let gain = (0.12 * normal(rng)).exp();
                    plane.iter_mut().for_each(|v| *v *= gain);
                }
            }
        }
        if chance(self.gamma, rng) {
            let power: f32 = rng.random_range(-0.6f32..0.6).exp();
            picture.data.iter_mut().for_each(|v| *v = v.max(0.0).powf(power));
        }
        if chance(self.contrast, rng) {
            let mean = picture.data.iter().sum::<f32>() / picture.data.len().max(1) as f32;
            let (gain, shift) = (rng.random_range(0.6..1.4), rng.random_range(-0.12..0.12));
            picture.data.iter_mut().for_each(|v| *v = (*v - mean) * gain + mean + shift);
        }
        if chance(self.gradient, rng) {
            gradient(
                picture,
                rng.random_range(0.0..std::f32::consts::TAU),
                rng.random_range(0.2..0.8),
            );
        }
        // Without it nothing is drawn, so that trainings from before there was one repeat.
        if self.low_sun > 0.0 && chance(self.low_sun, rng) {
            low_sun(picture, rng);
        }
        if chance(self.low_resolution, rng) {
            low_resolution(
                picture,
                rng.random_range(self.lowest_resolution.clamp(0.05, 0.9)..0.95),
            );
        }
        if chance(self.blur, rng) {
            blur(picture, rng.random_range(0.4..1.4));
        }
        if chance(self.motion, rng) {
            motion(
                picture,
                rng.random_range(0.0..std::f32::consts::PI),
                rng.random_range(2.0..6.0),
            );
        }
        if picture.channels == 3 && chance(self.webcam, rng) {
            webcam(picture, rng);
        }
        let mut noise = if chance(self.noise, rng) { rng.random_range(0.005..0.05) } else { 0.0 };
        if chance(self.dark, rng) {
            let light = rng.random_range(0.08..0.4);
            picture.data.iter_mut().for_each(|v| *v *= light);
            noise = rng.random_range(0.005..0.03);
        }
        if noise > 0.0 {
            picture.data.iter_mut().for_each(|v| *v += noise * roughly_normal(rng));
        }
        // An 8-bit camera: clipped and rounded.
        picture.data.iter_mut().for_each(|v| *v = (v.clamp(0.0, 1.0) * 255.0).round() / 255.0);
    }
}

/// Near infra-red, about 850-940 nm: skin is bright and even and lips lose their colour,
/// as in the red channel and more so; one lamp near the lens lights the middle and leaves
/// the border dark.
fn infrared(picture: &mut Picture, rng: &mut impl Rng) {
    let (width, height) = (picture.width, picture.height);
    let size = width * height;
    let power: f32 = rng.random_range(0.55..0.85);
    let spot = [rng.random_range(0.3..0.7f32), rng.random_range(0.25..0.6f32)];
    let (reach, least) = (rng.random_range(0.6..1.1f32), rng.random_range(0.15..0.5f32));
    for at in 0..size {
        let [r, g, b] = [0, 1, 2].map(|channel| picture.data[channel * size + at]);
        let near = (0.8 * r + 0.15 * g + 0.05 * b).max(0.0).powf(power);
        let x = (at % width) as f32 / width as f32 - spot[0];
        let y = (at / width) as f32 / height as f32 - spot[1];
        let light = least + (1.0 - least) * (-(x * x + y * y) / (reach * reach)).exp();
        (0..3).for_each(|channel| picture.data[channel * size + at] = near * light);
    }
}

/// A cheap webcam in a dim room: the lamp's colour, little light in a haze of stray light,
/// and amplified noise that its filter has smeared into coloured blotches.
fn webcam(picture: &mut Picture, rng: &mut impl Rng) {
    let (width, height) = (picture.width, picture.height);
    let (light, haze) = (rng.random_range(0.25..0.9f32), rng.random_range(0.0..0.15f32));
    let (blotchy, grainy) = (rng.random_range(0.01..0.06f32), rng.random_range(0.0..0.03f32));
    let step: usize = rng.random_range(2..=4);
    let (cols, rows) = (width / step + 2, height / step + 2);
    for plane in picture.planes() {
        let gain = light * (0.2 * normal(rng)).exp();
        let blotches: Vec<f32> = (0..cols * rows).map(|_| blotchy * roughly_normal(rng)).collect();
        for (at, value) in plane.iter_mut().enumerate() {
            let (row, col) = (at / width, at % width);
            let (fy, fx) = ((row % step) as f32 / step as f32, (col % step) as f32 / step as f32);
            let corner = (row / step) * cols + col / step;
            let mix = |at: usize| blotches[at] * (1.0 - fx) + blotches[at + 1] * fx;
            let blotch = mix(corner) * (1.0 - fy) + mix(corner + cols) * fy;
            *value = haze + (1.0 - haze) * *value * gain + blotch + grainy * roughly_normal(rng);
        }
    }
    blur(picture, rng.random_range(0.4..1.2));
}

fn to_grey(picture: &mut Picture) {
    let size = picture.width * picture.height;
    for at in 0..size {
        let [r, g, b] = [0, 1, 2].map(|channel| picture.data[channel * size + at]);
        let luma = 0.299 * r + 0.587 * g + 0.114 * b;
        (0..3).for_each(|channel| picture.data[channel * size + at] = luma);
    }
}

/// Multiplies by 1 ± `strength` / 2 along a direction.
fn gradient(picture: &mut Picture, angle: f32, strength: f32) {
    let (sin, cos) = angle.sin_cos();
    let (width, height) = (picture.width, picture.height);
    for plane in picture.planes() {
        for (row, line) in plane.chunks_mut(width).enumerate() {
            for (col, value) in line.iter_mut().enumerate() {
                let (x, y) = (col as f32 / width as f32 - 0.5, row as f32 / height as f32 - 0.5);
                *value *= 1.0 + strength * (cos * x + sin * y);
            }
        }
    }
}

/// A low sun from the left or right: an edge of shadow
/// runs down the face near the nose; the lit side is bright and warm, and stray light in the
/// lens takes contrast from it.
fn low_sun(picture: &mut Picture, rng: &mut impl Rng) {
    const WARM: [f32; 3] = [1.06, 1.0, 0.86];
    let (edge, slope) = (rng.random_range(0.3..0.7f32), rng.random_range(-0.3..0.3f32));
    let soft = rng.random_range(0.02..0.15f32);
    let (lit, shadow) = (rng.random_range(1.1..1.9f32), rng.random_range(0.35..0.9f32));
    let veil = rng.random_range(0.0..0.25f32);
    let from_right: bool = rng.random();
    let (width, height, channels) = (picture.width, picture.height, picture.channels);
    for (channel, plane) in picture.planes().enumerate() {
        let warm = if channels == 3 { WARM[channel] } else { 1.0 };
        for (at, value) in plane.iter_mut().enumerate() {
            let x = ((at % width) as f32 + 0.5) / width as f32;
            let y = ((at / width) as f32 + 0.5) / height as f32;
            let x = if from_right { x } else { 1.0 - x };
            let sun = ((x - edge - slope * (y - 0.5)) / soft + 0.5).clamp(0.0, 1.0);
            let gain = shadow + (lit * warm - shadow) * sun;
            *value = *value * gain + veil * warm * x * x;
        }
    }
}

/// Averages over boxes of the lower resolution and interpolates back.
fn low_resolution(picture: &mut Picture, share: f32) {
    let (width, height) = (picture.width, picture.height);
    let small_w = ((width as f32 * share) as usize).max(2);
    let small_h = ((height as f32 * share) as usize).max(2);
    for plane in picture.planes() {
        let mut small = vec![0.0; small_w * small_h];
        let mut counts = vec![0.0f32; small_w * small_h];
        for row in 0..height {
            for col in 0..width {
                let at = (row * small_h / height) * small_w + col * small_w / width;
                small[at] += plane[row * width + col];
                counts[at] += 1.0;
            }
        }
        small.iter_mut().zip(&counts).for_each(|(sum, count)| *sum /= count.max(1.0));
        for row in 0..height {
            let y = ((row as f32 + 0.5) * small_h as f32 / height as f32 - 0.5).max(0.0);
            let (y0, fy) = (y as usize, y.fract());
            let y1 = (y0 + 1).min(small_h - 1);
            for col in 0..width {
                let x = ((col as f32 + 0.5) * small_w as f32 / width as f32 - 0.5).max(0.0);
                let (x0, fx) = (x as usize, x.fract());
                let x1 = (x0 + 1).min(small_w - 1);
                let mix =
                    |y: usize| small[y * small_w + x0] * (1.0 - fx) + small[y * small_w + x1] * fx;
                plane[row * width + col] = mix(y0) * (1.0 - fy) + mix(y1) * fy;
            }
        }
    }
}

/// Averages along `steps` of `[dx, dy]` pixels with `weights`; the border repeats.
fn smear(picture: &mut Picture, steps: &[([f32; 2], f32)]) {
    let (width, height) = (picture.width as i32, picture.height as i32);
    let taps: Vec<(i32, i32, f32)> = steps
        .iter()
        .map(|([dx, dy], weight)| (dx.round() as i32, dy.round() as i32, *weight))
        .collect();
    let total: f32 = taps.iter().map(|tap| tap.2).sum();
    for plane in picture.planes() {
        let source = plane.to_vec();
        for row in 0..height {
            let line = &mut plane[(row * width) as usize..((row + 1) * width) as usize];
            line.fill(0.0);
            for &(dx, dy, weight) in &taps {
                let y = (row + dy).clamp(0, height - 1);
                let from = &source[(y * width) as usize..((y + 1) * width) as usize];
                let weight = weight / total;
                // Columns whose neighbour lies inside, then those at the border.
                let inside = (-dx).clamp(0, width)..(width - dx).clamp(0, width);
                if !inside.is_empty() {
                    let shifted = &from[(inside.start + dx) as usize..(inside.end + dx) as usize];
                    let to = &mut line[inside.start as usize..inside.end as usize];
                    to.iter_mut().zip(shifted).for_each(|(to, from)| *to += weight * from);
                }
                for col in (0..inside.start).chain(inside.end..width) {
                    let x = (col + dx).clamp(0, width - 1);
                    line[col as usize] += weight * from[x as usize];
                }
            }
        }
    }
}

/// Gaussian blur of `sigma` pixels.
fn blur(picture: &mut Picture, sigma: f32) {
    let weight = |i: i32| (-((i * i) as f32) / (2.0 * sigma * sigma)).exp();
    let reach = (2.5 * sigma).ceil() as i32;
    for axis in 0..2 {
        let steps: Vec<_> = (-reach..=reach)
            .map(|i| (if axis == 0 { [i as f32, 0.0] } else { [0.0, i as f32] }, weight(i)))
            .collect();
        smear(picture, &steps);
    }
}

/// Blur along a line of `length` pixels.
fn motion(picture: &mut Picture, angle: f32, length: f32) {
    let (sin, cos) = angle.sin_cos();
    let count = length.ceil() as i32;
    let steps: Vec<_> = (0..=count)
        .map(|i| {
            let at = length * (i as f32 / count as f32 - 0.5);
            ([cos * at, sin * at], 1.0)
        })
        .collect();
    smear(picture, &steps);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn checker(channels: usize) -> Picture {
        let data = (0..channels * 32 * 32).map(|i| ((i / 4 + i / 128) % 2) as f32).collect();
        Picture { channels, height: 32, width: 32, data }
    }

    #[test]
    fn the_same_seed_gives_the_same_picture_and_values_stay_in_range() {
        let all = Photometric {
            gamma: 1.0,
            dark: 1.0,
            contrast: 1.0,
            gradient: 1.0,
            blur: 1.0,
            motion: 1.0,
            low_resolution: 1.0,
            noise: 1.0,
            colour: 1.0,
            grey: 0.0,
            ..Default::default()
        };
        for channels in [1, 3] {
            let run = |seed| {
                let mut picture = checker(channels);
                all.apply(&mut picture, &mut ChaCha8Rng::seed_from_u64(seed));
                picture
            };
            assert_eq!(run(1), run(1));
            assert_ne!(run(1), run(2));
            assert!(run(3).data.iter().all(|v| (0.0..=1.0).contains(v)));
        }
    }

    #[test]
    fn infra_red_is_grey_and_darker_at_the_border() {
        let mut picture = Picture { channels: 3, height: 32, width: 32, data: vec![0.5; 3072] };
        infrared(&mut picture, &mut ChaCha8Rng::seed_from_u64(1));
        let (r, rest) = picture.data.split_at(1024);
        assert_eq!(r, &rest[..1024]);
        assert!(r[16 * 32 + 16] > r[0] + 0.1 && r[16 * 32 + 16] > r[1023] + 0.1);
    }

    #[test]
    fn a_dim_webcam_loses_light_and_contrast_and_gains_colour() {
        for seed in 0..20 {
            let data = (0..3072).map(|i| ((i / 4) % 2) as f32).collect();
            let mut picture = Picture { channels: 3, height: 32, width: 32, data };
            webcam(&mut picture, &mut ChaCha8Rng::seed_from_u64(seed));
            let means: Vec<f32> =
                picture.data.chunks(1024).map(|p| p.iter().sum::<f32>() / 1024.0).collect();
            assert!(means.iter().all(|mean| (0.02..0.9).contains(mean)), "{means:?}");
            assert!(means[0] != means[1] && means[1] != means[2]);
            let spread = picture.data[..1024].iter().map(|v| (v - means[0]).powi(2)).sum::<f32>();
            assert!(spread / 1024.0 < 0.25, "{spread}");
        }
    }

    #[test]
    fn a_low_sun_lights_one_side() {
        for seed in 0..20 {
            let mut picture = Picture { channels: 3, height: 32, width: 32, data: vec![0.4; 3072] };
            low_sun(&mut picture, &mut ChaCha8Rng::seed_from_u64(seed));
            let mean = |plane: usize, columns: std::ops::Range<usize>| {
                let rows = picture.data[1024 * plane..1024 * (plane + 1)].chunks(32);
                rows.flat_map(|row| &row[columns.clone()]).sum::<f32>() / 32.0
            };
            let [left, right] = [mean(0, 0..4), mean(0, 28..32)];
            assert!(left.max(right) > 1.15 * left.min(right), "{left} {right}");
            let lit = if left > right { 0..4 } else { 28..32 };
            assert!(mean(0, lit.clone()) > mean(2, lit), "the lit side is warm");
        }
    }

    #[test]
    fn blurs_keep_the_mean_and_lose_contrast() {
        let spread = |p: &Picture| p.data.iter().map(|v| (v - 0.5).powi(2)).sum::<f32>();
        let changes: [fn(&mut Picture); 3] =
            [|p| blur(p, 1.2), |p| motion(p, 0.3, 5.0), |p| low_resolution(p, 0.4)];
        for change in changes {
            let mut picture = checker(1);
            let before = spread(&picture);
            change(&mut picture);
            let mean = picture.data.iter().sum::<f32>() / 1024.0;
            assert!((mean - 0.5).abs() < 0.02, "mean {mean}");
            assert!(spread(&picture) < 0.8 * before);
        }
    }
}
