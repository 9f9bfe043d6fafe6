//! What belongs to a driver beside the face: ears, long hair, shoulders and belt,
//! glasses, mask and hand.

use super::{
    driver::{Driver, Glasses, Hair},
    held::{self, Cover},
    lens::Lens,
    math::{Vec3, along, clouds, hill, mix, mix3, mound, noise, scale, step},
    raster::{Canvas, Sides},
    shape::{Expression, Place, YAWN, glasses_depth},
    view::{Light, Sheet, View, blob, line, lit},
};

/// Sheets that are made once a driver.
pub(super) struct Extras {
    ears: Vec<Sheet>,
    torso: Sheet,
    hair: Option<Sheet>,
    glasses: Sheet,
    temples: Vec<Sheet>,
}

/// Shoulders: height, half width, half depth.
const TORSO: [[f32; 3]; 10] = [
    [1.44, 0.46, 0.40],
    [1.56, 0.62, 0.45],
    [1.68, 0.92, 0.49],
    [1.80, 1.24, 0.53],
    [1.98, 1.52, 0.57],
    [2.25, 1.68, 0.61],
    [2.70, 1.74, 0.66],
    [3.40, 1.78, 0.70],
    [4.60, 1.80, 0.72],
    [9.00, 1.80, 0.72],
];

impl Extras {
    pub(super) fn new(driver: &Driver) -> Self {
        let ear = |side: f32| {
            let center = [side * 0.775 * driver.wide, 0.15 * driver.long, 0.04];
            blob(
                center,
                [[0.02 * side, 0.185, 0.03], [0.03 * side, -0.02, 0.105], [0.055, 0.0, 0.02]],
                10,
                14,
            )
        };
        // A blob's axes must be right-handed to be seen from outside.
        let ears = if driver.hair == Hair::Long {
            Vec::new()
        } else {
            vec![ear(1.0), mirrored(&ear(1.0))]
        };
        Self {
            ears,
            torso: torso(),
            hair: (driver.hair == Hair::Long).then(|| long_hair(driver)),
            glasses: glasses(driver),
            temples: vec![temple(driver, 1.0), temple(driver, -1.0)],
        }
    }

    pub(super) fn draw(
        &self,
        canvas: &mut Canvas,
        view: &View,
        light: &Light,
        driver: &Driver,
        face: &Expression,
        cover: &Cover,
    ) {
        let skin = scale(driver.skin, 0.86);
        for ear in &self.ears {
            let corners = ear.lit(view, light);
            let flesh = [skin[0], skin[1] * 0.90, skin[2] * 0.88];
            ear.draw(canvas, &corners, Sides::Outer, &mut |values| (lit(flesh, 0.2, values), 1.0));
        }
        let corners = self.torso.lit(view, light);
        self.torso.draw(canvas, &corners, Sides::Outer, &mut |values| {
            (lit(cloth(driver, values[2], values[3]), 0.05, values), 1.0)
        });
        if let Some(hair) = &self.hair {
            let corners = hair.lit(view, light);
            hair.draw(canvas, &corners, Sides::Both, &mut |values| {
                let strands = noise(34.0 * values[2] + 2.0 * values[3], 1.5 * values[3], 21)
                    + 0.5 * noise(90.0 * values[2], 2.0 * values[3], 22);
                let color = scale(driver.hair_color, 0.75 + 0.30 * strands);
                (lit(color, 0.35, values), 1.0)
            });
        }
        if cover.hand > 0.0 {
            draw_hand(canvas, view, light, driver, face, cover.hand);
        }
        if let Some(held) = &cover.held
            && held.near > 0.0
        {
            held::draw(canvas, view, light, driver, face, held);
        }
        let frame = if cover.sunglasses { Some([0.015; 3]) } else { driver.glasses };
        if let Some(frame) = frame {
            for temple in &self.temples {
                let corners = temple.lit(view, light);
                temple.draw(canvas, &corners, Sides::Both, &mut |values| {
                    (lit(frame, 0.4, values), 1.0)
                });
            }
            let lenses = if cover.sunglasses { Glasses::Dark } else { driver.lenses };
            let lens = Lens::new(lenses, view, light);
            let corners = self.glasses.lit(view, light);
            self.glasses
                .draw(canvas, &corners, Sides::Both, &mut |values| lens.seen(frame, values));
        }
    }
}

fn mirrored(sheet: &Sheet) -> Sheet {
    let mut other = sheet.clone();
    for row in other.points.chunks_exact_mut(sheet.columns) {
        row.reverse();
        for point in row {
            point[0] = -point[0];
        }
    }
    other
}

fn torso() -> Sheet {
    let columns = 41;
    let mut sheet = Sheet { columns, ..Sheet::default() };
    for (i, pair) in TORSO.windows(2).enumerate() {
        let steps = if i + 2 == TORSO.len() { 4 } else { 3 };
        for row in 0..steps {
            let t = row as f32 / 3.0;
            let [y, width, depth] = [0, 1, 2].map(|k| mix(pair[0][k], pair[1][k], t));
            for column in 0..columns {
                let angle = 1.75 * (2.0 * column as f32 / (columns - 1) as f32 - 1.0);
                let (s, c) = angle.sin_cos();
                let x = width * s.abs().powf(0.9) * s.signum();
                // The shoulders hang a little.
                let y = y + 0.06 * s * s;
                let point = [x, y, 0.15 - depth * c];
                sheet.points.push(point);
                sheet.places.push([0.0, 0.0, x, y]);
            }
            sheet.follow.push(0.0);
        }
    }
    sheet
}

fn cloth(driver: &Driver, x: f32, y: f32) -> Vec3 {
    let folds = clouds(1.7 * x + 0.8 * y, 1.1 * y - 0.9 * x.abs(), 31);
    let weave = 0.05 * noise(60.0 * x, 60.0 * y, 32);
    let mut color = scale(driver.clothes, 1.0 + 0.30 * folds + weave);
    let collar = hill((y - 1.53) / 0.035);
    color = scale(color, 1.0 - 0.35 * collar);
    // The belt, from the pillar side down across the chest.
    let belt = (x - 0.95 + 0.75 * (y - 1.7)).abs() / 1.25;
    let woven = 0.016 + 0.008 * noise(5.0 * x, 90.0 * y, 33);
    mix3(color, [woven; 3], line(belt, 0.085, 0.008))
}

fn long_hair(driver: &Driver) -> Sheet {
    let columns = 36;
    let mut sheet = Sheet { columns, ..Sheet::default() };
    let widths = [[-0.75, 0.70], [-0.3, 0.86], [0.2, 0.89], [0.7, 0.88], [1.2, 0.92], [1.62, 0.84]];
    for row in 0..32 {
        let y = mix(-0.70, 1.66, row as f32 / 31.0);
        let width = along(&widths, y) * driver.wide;
        // The hair leaves the face free.
        let opens = 1.16 + 0.05 * noise(2.0 * y, 1.0, 41) + 0.10 * step(0.2, -0.6, y);
        for column in 0..columns {
            let turn = column as f32 / (columns - 1) as f32;
            let angle = mix(opens, std::f32::consts::TAU - opens, turn);
            let (s, c) = angle.sin_cos();
            let ripple = 1.0 + 0.025 * noise(26.0 * turn, 1.5 * y, 42);
            sheet.points.push([width * ripple * s, y * driver.long, -0.82 * width * c * ripple]);
            sheet.places.push([0.0, 0.0, 5.0 * turn, y]);
        }
        sheet.follow.push(step(1.7, 0.9, y) * 0.7 + 0.3);
    }
    sheet
}

fn glasses(driver: &Driver) -> Sheet {
    let columns = 41;
    let mut sheet = Sheet { columns, ..Sheet::default() };
    for row in 0..9 {
        let y = mix(-0.25, 0.27, row as f32 / 8.0);
        for column in 0..columns {
            let x = mix(-0.72, 0.72, column as f32 / (columns - 1) as f32);
            let z = glasses_depth(x) - 0.05 * (y + 0.05);
            sheet.points.push([x * driver.wide, y * driver.long, z]);
            sheet.places.push([0.0, 0.0, x, y]);
        }
    }
    sheet
}

fn temple(driver: &Driver, side: f32) -> Sheet {
    let mut sheet = Sheet { columns: 2, ..Sheet::default() };
    for row in 0..8 {
        let t = row as f32 / 7.0;
        let x = mix(0.68, 0.82, t.powf(0.5)) * driver.wide * side;
        let z = mix(glasses_depth(0.68), 0.05, t);
        for y in [-0.062, -0.024] {
            sheet.points.push([x, (y + 0.02 * t) * driver.long, z]);
        }
    }
    sheet
}

/// The edges of a medical mask over the distance from the middle: top and bottom.
const MASK_TOP: [[f32; 2]; 5] =
    [[0.0, 0.13], [0.10, 0.19], [0.30, 0.29], [0.58, 0.38], [0.72, 0.46]];
const MASK_BOTTOM: [[f32; 2]; 5] =
    [[0.0, 1.25], [0.30, 1.15], [0.50, 0.99], [0.66, 0.76], [0.72, 0.62]];

fn mask_share(x: f32, y: f32) -> f32 {
    let side = x.abs();
    let (top, bottom) = (along(&MASK_TOP, side), along(&MASK_BOTTOM, side));
    step(top - 0.008, top + 0.008, y)
        * step(bottom + 0.01, bottom - 0.01, y)
        * step(0.715, 0.70, side)
}

/// Colour of the mask over the skin at a place of the plane and how much it hides.
pub(super) fn mask(x: f32, y: f32, _texture_row: f32) -> Option<(Vec3, f32)> {
    let side = x.abs();
    let share = mask_share(x, y);
    let strap = |a: [f32; 2], b: [f32; 2]| {
        let t = ((y - a[1]) / (b[1] - a[1])).clamp(0.0, 1.0);
        line((side - mix(a[0], b[0], t)).abs(), 0.010, 0.006)
            * step(a[1] + 0.02, a[1], y)
            * step(b[1], b[1] + 0.02, y)
    };
    let strap = strap([0.70, 0.47], [0.775, 0.10]).max(strap([0.69, 0.66], [0.775, 0.26]));
    let all = share.max(strap);
    if all <= 0.0 {
        return None;
    }
    let pleats: f32 =
        [0.50, 0.66, 0.82].iter().map(|&at| hill((y - at - 0.12 * x * x) / 0.014)).sum();
    let edge = hill((y - along(&MASK_TOP, side) - 0.02) / 0.012);
    let shade = 1.0 - 0.20 * pleats - 0.10 * edge + 0.03 * noise(70.0 * x, 70.0 * y, 51);
    Some((scale([0.40, 0.53, 0.58], shade), all))
}

/// Where a place of the head goes when a mask lies over it: nose and lips are smoothed
/// to a tent.
pub(super) fn under_mask(place: &Place, at: Vec3) -> Vec3 {
    let [x, y] = place.plane;
    if !place.front || place.ring > 15.0 {
        return at;
    }
    let inside = mask_share(x, y);
    if inside <= 0.0 {
        return at;
    }
    let away = (1.0 - (x / 0.75).powi(2)).max(0.0).sqrt();
    let tent = -(0.97 + 0.26 * mound(x, y, [0.0, 0.50], [0.34, 0.48])) * mix(away, 1.0, 0.15);
    [at[0], at[1], at[2].min(mix(at[2], tent, inside)) - 0.012 * inside]
}

/// A hand that covers a yawn: fingers across the mouth, the arm from below.
fn draw_hand(
    canvas: &mut Canvas,
    view: &View,
    light: &Light,
    driver: &Driver,
    face: &Expression,
    there: f32,
) {
    let skin = scale(driver.skin, 0.93);
    let drop = 0.35 * YAWN * face.mouth;
    let away = 1.0 - there;
    let shift = [-0.5 * away, drop + 2.4 * away, -0.10 * away];
    let part =
        |center: Vec3, axes: [Vec3; 3]| blob([0, 1, 2].map(|i| center[i] + shift[i]), axes, 14, 18);
    let mut parts = vec![
        // The back of the hand and the arm.
        part(
            [-0.52, 0.98, -1.13],
            [[0.10, -0.10, -0.06], [0.24, 0.10, 0.05], [0.0, 0.0, 0.11]].map(|a| scale(a, 1.25)),
        ),
        part([-0.52, 0.96, -1.10], [[0.34, -0.10, -0.08], [0.06, 0.26, 0.0], [0.02, 0.0, 0.13]]),
        part([-1.02, 1.75, -1.00], [[0.40, -0.75, -0.10], [0.17, 0.09, 0.0], [0.0, 0.0, 0.17]]),
    ];
    let fingers =
        [[0.02, 0.665, 0.40], [0.07, 0.785, 0.45], [0.05, 0.905, 0.43], [-0.02, 1.015, 0.36]];
    for (i, [x, y, reach]) in fingers.into_iter().enumerate() {
        let tilt = -0.10 + 0.05 * i as f32;
        parts.push(part(
            [x, y, -1.19],
            [[reach, tilt * reach, 0.05], [0.0, 0.066, 0.0], [0.0, 0.0, 0.066]],
        ));
    }
    for sheet in parts {
        let corners = sheet.lit(view, light);
        sheet.draw(canvas, &corners, Sides::Both, &mut |values| (lit(skin, 0.25, values), 1.0));
    }
}
