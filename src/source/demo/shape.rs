//! The form of a head: a profile of rings from crown to collar, the hills and hollows of
//! a face on it, and how jaw, lips and brows move. Unit of length: the distance of the
//! outer eye corners (some 92 mm); the origin lies between them, in the plane of the ears.

use super::{
    driver::{Beard, Driver, Hair},
    math::{Vec3, along, hill, mix, mound, spline, step, unit},
};

/// What the face does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Expression {
    /// 1 wide open, 0 shut: the eyes on the left and the right of the picture.
    pub(super) eyes: [f32; 2],
    /// Where the eyes look, radians: right and down of the picture, as the head sees it.
    pub(super) gaze: [f32; 2],
    /// 0 shut, 1 as far as a yawn goes.
    pub(super) mouth: f32,
    /// Width of the mouth, 1 at rest.
    pub(super) mouth_wide: f32,
    /// Raised brows, 0..1, and drawn down below 0.
    pub(super) brows: f32,
    /// Raised corners of the mouth and cheeks, 0..1.
    pub(super) smile: f32,
}

impl Default for Expression {
    fn default() -> Self {
        Self { eyes: [1.0; 2], gaze: [0.0; 2], mouth: 0.0, mouth_wide: 1.0, brows: 0.0, smile: 0.0 }
    }
}

/// Opening of the mouth at 1, in units: some 40 mm.
pub(super) const YAWN: f32 = 0.44;
/// Half the width of the slit between the lips.
pub(super) const SLIT_HALF: f32 = 0.262;
/// The ring on which the lips meet.
pub(super) const SLIT_RING: usize = 10;
/// The ring from which the neck begins, which turns less than the head.
pub(super) const NECK_RING: f32 = 14.0;
/// Number of rings of the profile.
pub(super) const RINGS: usize = 19;

/// Rings from crown to collar: height of the front, half width, depth of the front and
/// of the back, and how much the ring rises toward the ears (the line of the jaw). The
/// heights and widths of the front are the mean of 136 frontal faces of HELEN.
const PROFILE: [[f32; 5]; RINGS] = [
    [-1.23, 0.03, 0.03, 0.03, 0.00],
    [-1.17, 0.32, 0.35, 0.33, 0.00],
    [-1.03, 0.55, 0.59, 0.56, 0.00],
    [-0.82, 0.69, 0.75, 0.72, 0.00],
    [-0.55, 0.755, 0.85, 0.81, 0.00],
    [-0.28, 0.785, 0.905, 0.85, 0.00],
    [-0.02, 0.775, 0.915, 0.86, 0.00],
    [0.22, 0.765, 0.915, 0.84, 0.00],
    [0.42, 0.745, 0.905, 0.80, 0.02],
    [0.60, 0.725, 0.905, 0.74, 0.07],
    [0.737, 0.712, 0.905, 0.66, 0.13],
    [0.90, 0.705, 0.895, 0.60, 0.25],
    [1.05, 0.70, 0.885, 0.56, 0.39],
    [1.18, 0.69, 0.85, 0.53, 0.53],
    [1.23, 0.62, 0.72, 0.50, 0.50],
    [1.21, 0.54, 0.53, 0.48, 0.38],
    [1.28, 0.47, 0.40, 0.45, 0.16],
    [1.60, 0.45, 0.36, 0.42, 0.00],
    [2.30, 0.52, 0.40, 0.45, 0.00],
];

/// A place on the head at rest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// Where it is, in units, with the driver's own proportions.
    pub(super) at: Vec3,
    /// The same seen from the front on an average face: the plane in which all features
    /// are told, `[x, y]`.
    pub(super) plane: [f32; 2],
    /// The ring, fractional.
    pub(super) ring: f32,
    /// On the front half.
    pub(super) front: bool,
}

fn ring_value(column: usize, ring: f32) -> f32 {
    let mut knots = [0.0; RINGS];
    for (knot, row) in knots.iter_mut().zip(PROFILE) {
        *knot = row[column];
    }
    spline(&knots, ring)
}

/// A ring of the head, worked out once for many angles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ring {
    ring: f32,
    y: f32,
    width: f32,
    front: f32,
    back: f32,
    lift: f32,
}

/// How square the head is from above: 2 is an ellipse.
const SQUARE: f32 = 2.35;

impl Ring {
    pub(super) fn new(driver: &Driver, ring: f32) -> Self {
        let mut width = ring_value(1, ring);
        // The jaw alone is wider or narrower.
        width *= mix(1.0, driver.jaw, step(7.5, 11.0, ring) * step(15.5, 13.5, ring));
        Self {
            ring,
            y: ring_value(0, ring),
            width,
            front: ring_value(2, ring),
            back: ring_value(3, ring),
            lift: ring_value(4, ring),
        }
    }

    /// Where an angle lies in the plane of the face, `[x, y]`.
    pub(super) fn plane(&self, angle: f32) -> [f32; 2] {
        let u = angle.sin();
        [self.width * u, self.y - self.lift * u.abs().powf(2.1)]
    }

    /// The place at an angle from the front, radians, positive to the right of the picture.
    pub(super) fn place(&self, driver: &Driver, angle: f32) -> Place {
        let u = angle.sin();
        let front = angle.cos() >= 0.0;
        let away = (1.0 - u.abs().powf(SQUARE)).max(0.0).powf(1.0 / SQUARE);
        let [x, y] = self.plane(angle);
        let mut z = if front { -self.front * away } else { self.back * away };
        if front && self.ring < NECK_RING + 1.0 {
            z -= relief(driver, x, y) * step(0.0, 0.35, away);
        }
        let mut at = [x, y, z];
        let cover = hair_thickness(driver, x, y, angle) + beard_thickness(driver, x, y, angle);
        if cover > 0.0 {
            let out = unit([x, 0.9 * (y + 0.1), z]);
            at = [at[0] + cover * out[0], at[1] + cover * out[1], at[2] + cover * out[2]];
        }
        let shaped = step(NECK_RING + 3.0, NECK_RING, self.ring);
        at[0] *= mix(1.0, driver.wide, shaped);
        if at[1] < 1.0 || self.ring < NECK_RING {
            at[1] *= driver.long;
        } else {
            at[1] += 1.2 * (driver.long - 1.0);
        }
        Place { at, plane: [x, y], ring: self.ring, front }
    }
}

/// The angle at which a place of the plane lies on its ring, and the ring.
pub(super) fn find(driver: &Driver, x: f32, y: f32) -> (f32, f32) {
    // The ring rises to the sides: step until its height at this angle is the one wanted.
    let (mut low, mut high) = (1.0, 13.0);
    let mut angle = 0.0;
    for _ in 0..24 {
        let middle = (low + high) / 2.0;
        let ring = Ring::new(driver, middle);
        angle = (x / ring.width).clamp(-1.0, 1.0).asin();
        let height = ring.y - ring.lift * angle.sin().abs().powf(2.1);
        if height < y { low = middle } else { high = middle }
    }
    (angle, (low + high) / 2.0)
}

/// Height of the features above the plain head, at a place of the plane.
fn relief(driver: &Driver, x: f32, y: f32) -> f32 {
    const RIDGE: [[f32; 2]; 11] = [
        [-0.22, 0.0],
        [-0.10, 0.035],
        [0.0, 0.085],
        [0.12, 0.155],
        [0.255, 0.235],
        [0.34, 0.275],
        [0.40, 0.295],
        [0.45, 0.245],
        [0.50, 0.13],
        [0.54, 0.05],
        [0.60, 0.0],
    ];
    const THIN: [[f32; 2]; 5] =
        [[-0.1, 0.10], [0.05, 0.082], [0.25, 0.105], [0.40, 0.135], [0.5, 0.16]];
    let side = x.abs();
    let mut height = 0.0;
    if (-0.25..0.62).contains(&y) && side < 0.4 {
        let soft =
            |y: f32| (along(&RIDGE, y - 0.025) + along(&RIDGE, y) + along(&RIDGE, y + 0.025)) / 3.0;
        let width = along(&THIN, y) * driver.nose_wide;
        height += driver.nose * soft(y) * hill(x / width);
        let wing = [0.118 * driver.nose_wide, 0.435];
        height += 0.10 * mound(side, y, wing, [0.052, 0.062]);
    }
    // Sockets, the ball in them, and the ridge above.
    height -= 0.085 * mound(side, y, [0.33, 0.0], [0.20, 0.135]);
    height -= 0.055 * mound(side, y, [0.185, -0.01], [0.075, 0.11]);
    height += 0.075 * mound(side, y, [0.352, 0.0], [0.125, 0.11]);
    height += 0.050 * mound(side, y, [0.34, -0.21], [0.26, 0.085]);
    height += 0.030 * mound(x, y, [0.0, -0.22], [0.14, 0.10]);
    height += 0.035 * mound(side, y, [0.47, 0.26], [0.17, 0.15]);
    height -= (0.02 + 0.03 * driver.age) * mound(side, y, [0.50, 0.60], [0.14, 0.18]);
    // The muzzle and the lips.
    height += 0.055 * mound(x, y, [0.0, 0.74], [0.26, 0.17]);
    height -= 0.018 * mound(x, y, [0.0, 0.61], [0.035, 0.06]);
    let lips = driver.lips;
    height += 0.042 * lips * hill(x / 0.20) * hill((y - 0.700) / (0.034 * lips));
    height += 0.048 * lips * hill(x / 0.17) * hill((y - 0.79) / (0.046 * lips));
    height -= 0.03 * hill(x / 0.21) * hill((y - 0.737 + 0.25 * x * x) / 0.018);
    height -= 0.045 * mound(x, y, [0.0, 0.925], [0.19, 0.06]);
    height + 0.055 * mound(x, y, [0.0, 1.07], [0.17, 0.11])
}

/// The line where the hair begins: lowest height that is skin, over the angle from the
/// front in radians.
fn hairline(driver: &Driver, angle: f32) -> f32 {
    let up = driver.receding;
    let tied = driver.hair == Hair::Tied || driver.hair == Hair::Long;
    // Sideburns reach lower on short hair.
    let burn = if tied { -0.15 } else { 0.08 };
    let knots = [
        [0.0, -0.74 - 0.6 * up],
        [0.40, -0.75 - up],
        [0.70, -0.69 - 1.4 * up],
        [0.92, -0.55 - 0.8 * up],
        [1.06, -0.36],
        [1.16, -0.16],
        [1.28, burn],
        [1.42, burn],
        [1.50, -0.15],
        [1.80, -0.10],
        [2.00, 0.45],
        [3.2, 0.60],
    ];
    along(&knots, angle.abs())
}

/// How surely a place is covered with hair, 0..1.
pub(super) fn haired(driver: &Driver, y: f32, angle: f32) -> f32 {
    if driver.hair == Hair::Bald {
        return 0.0;
    }
    let line = hairline(driver, angle);
    step(line + 0.02, line - 0.05, y)
}

fn hair_thickness(driver: &Driver, x: f32, y: f32, angle: f32) -> f32 {
    let most = match driver.hair {
        Hair::Bald => return 0.0,
        Hair::Short => 0.09,
        Hair::Tied => 0.06,
        Hair::Long => 0.13,
    };
    let line = hairline(driver, angle);
    // It rises from the skin over a hand's breadth.
    let parting = 0.03 * hill((x - 0.22) / 0.06) * step(-0.5, -0.9, y);
    most * step(line, line - 0.3, y) - parting
}

/// How densely the beard grows at a place, 0..1.
pub(super) fn bearded(driver: &Driver, x: f32, y: f32, angle: f32) -> f32 {
    let side = x.abs();
    // Where a beard grows: below a line from the ear to the corner of the mouth.
    let cheek = along(
        &[[0.0, 0.565], [0.12, 0.575], [0.30, 0.70], [0.52, 0.60], [0.68, 0.20], [0.9, 0.0]],
        side,
    );
    let jaw = step(cheek - 0.03, cheek + 0.08, y) * step(1.75, 1.55, angle.abs());
    // Not on the lips.
    let lip = mound(x, y, [0.0, 0.755], [0.19, 0.062 * driver.lips.max(0.9)]);
    let jaw = jaw * (1.0 - step(0.25, 0.6, lip));
    let mouth = mound(x, y, [0.0, 0.80], [0.23, 0.26]);
    match driver.beard {
        Beard::None => 0.0,
        Beard::Stubble | Beard::Full => jaw,
        Beard::Moustache => jaw * step(0.70, 0.66, y - 0.25 * side) * step(0.36, 0.28, side),
        Beard::Goatee => jaw * step(0.15, 0.5, mouth),
    }
}

fn beard_thickness(driver: &Driver, x: f32, y: f32, angle: f32) -> f32 {
    let most = match driver.beard {
        Beard::None | Beard::Stubble => return 0.0,
        Beard::Moustache | Beard::Goatee => 0.03,
        Beard::Full => 0.05,
    };
    if angle.cos() < -0.2 || y > 1.3 { 0.0 } else { most * bearded(driver, x, y, angle) }
}

/// Which lip a place on the slit belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Of the face above the slit between the lips.
    Upper,
    /// Below.
    Lower,
}

/// Where a place goes with an expression, in units of the head.
pub(super) fn moved(place: &Place, side: Side, face: &Expression, driver: &Driver) -> Vec3 {
    let [mut x, mut y, mut z] = place.at;
    let [px, py] = place.plane;
    if !place.front || place.ring > 16.0 {
        return place.at;
    }
    let open = YAWN * face.mouth;
    let within = (1.0 - (px / SLIT_HALF).powi(2)).max(0.0);
    let slit = 0.737 - 0.13 * (px / 0.71).abs().powf(2.1);
    let gap = within.powf(0.55);
    // The corners of the mouth sink, so that it opens to an oval.
    let corner = 0.36 * open;
    if side == Side::Upper {
        let near = step(slit - 0.24, slit, py);
        let sunk = corner * (1.0 - gap) * step(slit - 0.42, slit, py) * step(0.62, 0.24, px.abs());
        y += sunk - 0.16 * open * near * gap;
    } else {
        let far = step(0.0, 0.30, py - slit);
        let chin = (1.0 - (px / 0.74).powi(2)).max(0.0).sqrt() * step(17.0, 14.5, place.ring);
        let sunk = corner * step(0.62, 0.24, px.abs());
        let lip = mix(sunk, open, gap);
        y += mix(lip, open * chin, far);
        z += 0.32 * open * mix(gap, chin, far);
    }
    let mouth = mound(px, py, [0.0, 0.75], [0.30, 0.22]);
    x *= 1.0 + (face.mouth_wide - 1.0) * mouth;
    z += 0.10 * (face.mouth_wide - 1.0) * mouth;
    if face.smile > 0.0 {
        let corner = mound(px.abs(), py, [0.27, 0.73], [0.14, 0.13]);
        y -= 0.085 * face.smile * corner;
        let cheek = mound(px.abs(), py, [0.42, 0.33], [0.20, 0.19]);
        y -= 0.045 * face.smile * cheek;
        z -= 0.055 * face.smile * cheek;
    }
    if face.brows != 0.0 {
        let brow = mound(px.abs(), py, [0.36, -0.24], [0.34, 0.17]);
        y -= 0.085 * face.brows * brow * driver.long;
    }
    [x, y, z]
}

/// The glasses' front at a place of the plane: depth.
pub(super) fn glasses_depth(x: f32) -> f32 {
    -1.045 + 0.34 * x * x
}
