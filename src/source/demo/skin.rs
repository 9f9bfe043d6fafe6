//! What is painted on a head once, before it moves: skin with its shades and folds,
//! brows, lips, beard and hair, as a texture over angle and ring.

use super::{
    driver::{Beard, Driver, Hair, Hat},
    math::{Vec3, along, clouds, hash, hill, mix, mix3, mound, noise, scale, step, times},
    shape::{self, RINGS, Ring},
};

/// Columns of the texture: the whole way round.
const COLUMNS: usize = 768;
/// Rows of the texture, crown to collar.
const ROWS: usize = 512;

/// The painted head.
pub(super) struct Skin {
    texels: Vec<Vec3>,
}

impl Skin {
    /// Paints a driver; `seed` moves the spots and the strands.
    pub(super) fn paint(driver: &Driver, seed: u64) -> Self {
        let seed = hash(seed) as u32;
        let mut texels = Vec::with_capacity(COLUMNS * ROWS);
        for row in 0..ROWS {
            let at = row as f32 / (ROWS - 1) as f32 * (RINGS - 1) as f32;
            let ring = Ring::new(driver, at);
            for column in 0..COLUMNS {
                let turn = (column as f32 + 0.5) / COLUMNS as f32 - 0.5;
                let angle = turn * std::f32::consts::TAU;
                let [x, y] = ring.plane(angle);
                texels.push(texel(driver, &Spot { x, y, angle, ring: at }, seed));
            }
        }
        Self { texels }
    }

    /// Texture place of an angle and a ring.
    pub(super) fn place(angle: f32, ring: f32) -> [f32; 2] {
        let turn = angle / std::f32::consts::TAU + 0.5;
        [turn * COLUMNS as f32, ring / (RINGS - 1) as f32 * (ROWS - 1) as f32]
    }

    /// The colour at a texture place, between its neighbours.
    pub(super) fn at(&self, u: f32, v: f32) -> Vec3 {
        let (u, v) =
            ((u - 0.5).clamp(0.0, COLUMNS as f32 - 1.01), v.clamp(0.0, ROWS as f32 - 1.01));
        let (i, j) = (u as usize, v as usize);
        let (s, t) = (u - i as f32, v - j as f32);
        let k = j * COLUMNS + i;
        let texels = &self.texels;
        let top = mix3(texels[k], texels[k + 1], s);
        let bottom = mix3(texels[k + COLUMNS], texels[k + COLUMNS + 1], s);
        mix3(top, bottom, t)
    }
}

/// Where on the head a texel lies.
struct Spot {
    x: f32,
    y: f32,
    angle: f32,
    ring: f32,
}

fn texel(driver: &Driver, spot: &Spot, seed: u32) -> Vec3 {
    let &Spot { x, y, angle, ring } = spot;
    let mut color = flesh(driver, spot, seed);
    if angle.abs() < 1.7 && ring < shape::NECK_RING {
        color = lips(driver, x, y, color, seed);
        color = scale(color, shade(driver, x, y, seed));
        color = brows(driver, x, y, color, seed);
    }
    // The neck lies in the shadow of the jaw.
    color = scale(color, mix(1.0, 0.52, step(13.1, 14.3, ring) * step(19.5, 16.0, ring)));
    color = beard(driver, spot, color, seed);
    color = hair(driver, spot, color, seed);
    if driver.hat == Hat::None || angle.abs() > 1.7 {
        return color;
    }
    scale(color, driver.shaded_by_hat(y))
}

fn flesh(driver: &Driver, spot: &Spot, seed: u32) -> Vec3 {
    let &Spot { x, y, angle, .. } = spot;
    let (px, py) = (angle * 0.77, y);
    let mut color = driver.skin;
    let mottled =
        1.0 + 0.07 * clouds(9.0 * px, 9.0 * py, seed) + 0.045 * noise(42.0 * px, 42.0 * py, seed);
    color = scale(color, mottled);
    let side = x.abs();
    // Blood under cheeks, nose and chin.
    let red = 0.8 * mound(side, y, [0.42, 0.38], [0.17, 0.16])
        + 0.9 * mound(x, y, [0.0, 0.41], [0.13, 0.10])
        + 0.4 * mound(x, y, [0.0, 1.08], [0.15, 0.1]);
    color = times(color, mix3([1.0; 3], [1.02, 0.86, 0.84], red.min(1.0)));
    // Thin skin round the eyes.
    let thin = mound(side, y, [0.34, 0.05], [0.20, 0.11]);
    color = times(color, mix3([1.0; 3], [0.90, 0.83, 0.84], 0.8 * thin));
    // Lighter forehead, darker jaw.
    color = scale(color, mix(1.04, 0.95, step(-0.5, 1.1, y)));
    let spots = step(0.62, 0.85, noise(26.0 * px, 26.0 * py, seed + 9));
    let freckled =
        if driver.hair_color[0] > 3.0 * driver.hair_color[1] { 0.8 } else { driver.age * 0.5 };
    color = times(color, mix3([1.0; 3], [0.82, 0.68, 0.58], spots * freckled * step(0.9, 0.4, y)));
    color
}

/// Distance of a place from a straight line, in units.
fn from_line(x: f32, y: f32, a: [f32; 2], b: [f32; 2]) -> f32 {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let t = (((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
    (x - a[0] - t * dx).hypot(y - a[1] - t * dy)
}

/// How much light reaches a place that folds and hollows keep from the sky.
fn shade(driver: &Driver, x: f32, y: f32, seed: u32) -> f32 {
    let side = x.abs();
    let wide = driver.nose_wide;
    let age = driver.age;
    let mut dark = 0.0;
    dark += 0.40 * mound(side, y, [0.175, 0.0], [0.065, 0.09]);
    dark += 0.20 * mound(side, y, [0.33, -0.105], [0.19, 0.05]);
    dark += 0.10 * mound(side, y, [0.35, 0.0], [0.20, 0.10]);
    // Bags under the eyes.
    let bag = 0.105 + 0.25 * (side - 0.36).powi(2);
    dark += (0.08 + 0.16 * age) * hill((y - bag) / 0.018) * hill((side - 0.33) / 0.13);
    // Round the wings of the nose, under its tip, and the nostrils.
    dark += 0.34 * mound(side, y, [0.178 * wide, 0.43], [0.026, 0.065]);
    dark += 0.14 * mound(side, y, [0.105 * wide, 0.25], [0.035, 0.17]);
    dark += 0.42 * mound(x, y, [0.0, 0.508], [0.145 * wide, 0.028]);
    dark += 0.72 * mound(side, y, [0.072 * wide, 0.487], [0.040, 0.019]);
    dark += 0.08 * mound(x, y, [0.0, 0.60], [0.022, 0.05]);
    // From the wing of the nose to the corner of the mouth.
    let fold = from_line(side, y, [0.20, 0.44], [0.335, 0.70]);
    dark += (0.10 + 0.24 * age) * hill(fold / 0.022);
    dark += 0.30 * mound(side, y, [0.292, 0.722], [0.030, 0.026]);
    dark += 0.27 * mound(x, y, [0.0, 0.905], [0.16, 0.035]);
    if age > 0.3 {
        let old = (age - 0.3) / 0.7;
        for (i, line) in [-0.40, -0.49, -0.58].into_iter().enumerate() {
            let wavy = line + 0.02 * noise(3.0 * x, i as f32 * 7.0, seed + 4) - 0.05 * side;
            dark += 0.16 * old * hill((y - wavy) / 0.012) * step(0.52, 0.30, side);
        }
        for end in [-0.07, 0.0, 0.07] {
            let line = from_line(side, y, [0.545, 0.25 * end + 0.01], [0.66, end + 0.01]);
            dark += 0.16 * old * hill(line / 0.009);
        }
        dark += 0.14 * old * hill((side - 0.055) / 0.012) * hill((y + 0.23) / 0.06);
        dark += 0.14 * old * hill(from_line(side, y, [0.31, 0.74], [0.33, 0.95]) / 0.016);
    }
    (1.0 - dark).max(0.08)
}

/// Heights of the outline of the lips at rest, over the distance from the middle (mean
/// of HELEN).
const LIP_TOP: [[f32; 2]; 4] = [[0.0, 0.681], [0.072, 0.663], [0.18, 0.682], [0.29, 0.716]];
const LIP_BOTTOM: [[f32; 2]; 4] = [[0.0, 0.850], [0.076, 0.843], [0.184, 0.803], [0.29, 0.722]];

fn lips(driver: &Driver, x: f32, y: f32, under: Vec3, seed: u32) -> Vec3 {
    let side = x.abs();
    let seam = 0.737 - 0.13 * (side / 0.71).powf(2.1);
    let top = seam + driver.lips * (along(&LIP_TOP, side) - seam);
    let bottom = seam + driver.lips * (along(&LIP_BOTTOM, side) - seam);
    let inside = step(top - 0.008, top + 0.010, y)
        * step(bottom + 0.012, bottom - 0.012, y)
        * step(0.295, 0.275, side);
    let lines = 1.0 + 0.10 * noise(60.0 * x, 9.0 * y, seed + 5);
    let mut color = scale(driver.lip_color, lines * if y < seam { 0.80 } else { 1.06 });
    // The line where they meet.
    color = scale(color, 1.0 - 0.72 * hill((y - seam) / 0.012));
    let mut mixed = mix3(under, color, 0.85 * inside);
    let line = hill((y - seam) / 0.011) * step(0.275, 0.25, side);
    mixed = scale(mixed, 1.0 - 0.35 * line);
    mixed
}

/// Middle line of a brow over the distance from the middle of the face.
pub(super) const BROW: [[f32; 2]; 6] = [
    [0.11, -0.175],
    [0.18, -0.205],
    [0.28, -0.232],
    [0.42, -0.247],
    [0.56, -0.213],
    [0.68, -0.135],
];

fn brows(driver: &Driver, x: f32, y: f32, under: Vec3, seed: u32) -> Vec3 {
    let side = x.abs();
    if !(0.06..0.74).contains(&side) || !(-0.40..-0.02).contains(&y) {
        return under;
    }
    let middle = along(&BROW, side);
    let half = 0.043
        * driver.brows
        * along(&[[0.08, 0.35], [0.14, 0.9], [0.3, 1.0], [0.5, 0.75], [0.68, 0.25]], side);
    // Hairs lie along the brow and a little up.
    let strands = noise(38.0 * side + 10.0 * y, 110.0 * (y - 0.5 * (side - 0.3)), seed + 7);
    let edge = (y - middle).abs() / half.max(0.004) + 0.25 * strands;
    let dense = step(1.15, 0.45, edge) * step(0.08, 0.15, side) * step(0.72, 0.62, side);
    let color = mix3(scale(driver.hair_color, 0.7), scale(driver.skin, 0.22), 0.25);
    mix3(
        under,
        color,
        (0.80 + 0.3 * strands).clamp(0.0, 1.0) * dense * driver.brows.clamp(0.85, 1.1) * 0.95,
    )
}

fn beard(driver: &Driver, spot: &Spot, under: Vec3, seed: u32) -> Vec3 {
    let &Spot { x, y, angle, ring } = spot;
    let grown = shape::bearded(driver, x, y, angle) * step(16.5, 14.5, ring);
    let hairs = noise(70.0 * x, 55.0 * y, seed + 11);
    // A shaved jaw is a little blue on men; those with lashes drawn have none.
    match driver.beard {
        Beard::None => under,
        Beard::Stubble => {
            let color = mix3(driver.hair_color, driver.skin, 0.25);
            mix3(under, color, grown * (0.38 + 0.16 * hairs))
        }
        Beard::Moustache | Beard::Goatee | Beard::Full => {
            let strands = noise(80.0 * x + 8.0 * y, 20.0 * y, seed + 12);
            let color = scale(driver.hair_color, 1.0 + 0.45 * strands);
            mix3(under, color, grown * (0.86 + 0.12 * hairs))
        }
    }
}

fn hair(driver: &Driver, spot: &Spot, under: Vec3, seed: u32) -> Vec3 {
    let &Spot { x, y, angle, ring } = spot;
    if ring > 14.5 || driver.hair == Hair::Bald {
        return under;
    }
    // A ragged edge of single strands.
    let ragged = 0.022 * noise(30.0 * angle, 3.0 * y, seed + 13)
        + 0.014 * noise(75.0 * angle, 5.0 * y, seed + 14);
    let grown = shape::haired(driver, y + ragged, angle);
    if grown <= 0.0 {
        return under;
    }
    let strands = noise(44.0 * angle + 9.0 * y, 4.0 * y + 5.0 * x, seed + 15)
        + 0.6 * noise(110.0 * angle, 6.0 * y, seed + 16);
    let depth = step(0.1, -0.25, y - hair_front(angle));
    let color = scale(driver.hair_color, (1.0 + 0.38 * strands) * mix(0.62, 1.0, depth));
    mix3(under, color, grown)
}

/// Rough height of the hairline, for the darkness at the roots.
fn hair_front(angle: f32) -> f32 {
    mix(-0.70, -0.1, step(0.7, 1.3, angle.abs()))
}
