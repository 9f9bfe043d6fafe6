//! A hand with something in it, at the face or on the way there: food, a cigarette, the
//! fingers alone, a telephone in the lap.

use super::{
    driver::Driver,
    math::{Vec3, add, clouds, cross, mix, mix3, noise, scale, step, sub, unit},
    raster::{Canvas, Sides, VALUES},
    shape::{Expression, YAWN},
    view::{Light, Sheet, View, blob, lit},
};

/// What lies over the face.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cover {
    /// Sunglasses, 0 none, 1 on the nose.
    pub(super) sunglasses: bool,
    /// A medical mask.
    pub(super) mask: bool,
    /// A hand before the mouth, 0 away, 1 on it.
    pub(super) hand: f32,
    /// A hand with something in it.
    pub(super) held: Option<Held>,
}

/// What a hand holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thing {
    /// Something between two halves of a bun.
    Food,
    /// A cigarette between two fingers.
    Cigarette,
    /// Nothing: the fingers scratch the cheek.
    Fingers,
    /// A telephone in the lap; its upper edge is in the picture.
    Phone,
}

/// A hand and what it holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Held {
    pub(super) thing: Thing,
    /// 0 out of the picture, 1 where it is used.
    pub(super) near: f32,
    /// Movement of the fingers, 0 to 1.
    pub(super) stir: f32,
    /// Smoke before the face, 0 to 1.
    pub(super) breath: f32,
}

impl Held {
    /// No mouth is to be seen.
    pub(super) fn before_the_mouth(&self) -> bool {
        matches!(self.thing, Thing::Food | Thing::Cigarette) && self.near > 0.85
    }
}

/// A rounded rod from one place to another, with the radius at either end.
fn limb(from: Vec3, to: Vec3, radii: [f32; 2]) -> Sheet {
    const ROWS: usize = 12;
    const AROUND: usize = 14;
    let axis = sub(to, from);
    let across = unit(cross(unit(axis), [0.1, 0.05, 1.0]));
    let third = cross(across, unit(axis));
    let mut sheet = Sheet { columns: AROUND + 1, ..Sheet::default() };
    for row in 0..=ROWS {
        // Close together at the ends, which are round.
        let t = 0.5 - 0.5 * (std::f32::consts::PI * row as f32 / ROWS as f32).cos();
        let radius = mix(radii[0], radii[1], t) * (1.0 - (2.0 * t - 1.0).abs().powi(7)).sqrt();
        for column in 0..=AROUND {
            let (s, c) = (std::f32::consts::TAU * column as f32 / AROUND as f32).sin_cos();
            let out = add(scale(across, radius * c), scale(third, radius * s));
            sheet.points.push(add(add(from, scale(axis, t)), out));
        }
    }
    sheet
}

fn moved(place: Vec3, by: Vec3) -> Vec3 {
    add(place, by)
}

/// Draws parts in one colour by place.
fn draw_parts(
    canvas: &mut Canvas,
    view: &View,
    light: &Light,
    parts: &[Sheet],
    wet: f32,
    color: &impl Fn(&[f32; VALUES]) -> Vec3,
) {
    for sheet in parts {
        let corners = sheet.lit(view, light);
        sheet.draw(canvas, &corners, Sides::Both, &mut |values| {
            (lit(color(values), wet, values), 1.0)
        });
    }
}

/// Draws the hand and what it holds.
pub(super) fn draw(
    canvas: &mut Canvas,
    view: &View,
    light: &Light,
    driver: &Driver,
    face: &Expression,
    held: &Held,
) {
    let away = 1.0 - held.near;
    let drop = 0.30 * YAWN * face.mouth;
    let by = match held.thing {
        Thing::Phone => [0.0, 1.2 * away, 0.0],
        Thing::Fingers => [-0.5 * away, 2.3 * away, -0.1 * away],
        Thing::Food => [-0.42 * away, drop + 1.9 * away - 0.09, 0.06 - 0.10 * away],
        Thing::Cigarette => [-0.42 * away, drop + 1.9 * away, -0.10 * away],
    };
    let rod = |from: Vec3, to: Vec3, radii: [f32; 2]| limb(moved(from, by), moved(to, by), radii);
    let finger = |from: Vec3, to: Vec3| rod(from, to, [0.070, 0.054]);
    let flesh = scale(driver.skin, 0.93);
    let skin = |_: &[f32; VALUES]| flesh;
    let sleeve = |_: &[f32; VALUES]| driver.clothes;
    match held.thing {
        Thing::Food => {
            let bread = food(by);
            let eaten = |values: &[f32; VALUES]| layers(values[2], values[3]);
            draw_parts(canvas, view, light, &[bread], 0.25, &eaten);
            let hand = [
                rod([-0.72, 1.20, -1.20], [-0.32, 1.00, -1.36], [0.15, 0.19]),
                finger([-0.46, 0.92, -1.44], [-0.06, 0.86, -1.61]),
                finger([-0.46, 1.00, -1.46], [-0.03, 0.96, -1.63]),
                finger([-0.46, 1.08, -1.46], [-0.06, 1.06, -1.60]),
                finger([-0.50, 1.00, -1.22], [-0.20, 0.74, -1.36]),
                rod([-0.66, 1.16, -1.20], [-1.02, 1.80, -1.05], [0.135, 0.155]),
            ];
            draw_parts(canvas, view, light, &hand, 0.25, &skin);
            let arm = [rod([-0.94, 1.66, -1.06], [-1.50, 2.90, -0.75], [0.21, 0.27])];
            draw_parts(canvas, view, light, &arm, 0.05, &sleeve);
        }
        Thing::Cigarette => {
            let paper = [rod([0.13, 0.785, -1.20], [0.33, 0.86, -1.62], [0.027; 2])];
            draw_parts(canvas, view, light, &paper, 0.05, &|_| [0.72, 0.71, 0.68]);
            let filter = [rod([0.10, 0.77, -1.12], [0.18, 0.80, -1.30], [0.0275; 2])];
            draw_parts(canvas, view, light, &filter, 0.05, &|_| [0.50, 0.28, 0.11]);
            let ember = [rod([0.322, 0.857, -1.60], [0.345, 0.866, -1.65], [0.029; 2])];
            draw_parts(canvas, view, light, &ember, 0.0, &|_| [1.9, 0.42, 0.08]);
            let hand = [
                rod([-0.70, 1.26, -1.22], [-0.32, 1.04, -1.34], [0.14, 0.175]),
                // The two that hold it, and those that are bent.
                finger([-0.36, 0.95, -1.38], [0.20, 0.755, -1.34]),
                finger([-0.34, 1.03, -1.42], [0.22, 0.875, -1.40]),
                finger([-0.40, 1.12, -1.42], [-0.14, 1.10, -1.50]),
                finger([-0.42, 1.20, -1.40], [-0.20, 1.19, -1.46]),
                finger([-0.42, 1.18, -1.24], [-0.08, 1.13, -1.30]),
                rod([-0.66, 1.22, -1.22], [-0.98, 1.80, -1.05], [0.13, 0.15]),
            ];
            draw_parts(canvas, view, light, &hand, 0.25, &skin);
            let arm = [rod([-0.92, 1.68, -1.06], [-1.45, 2.90, -0.75], [0.20, 0.26])];
            draw_parts(canvas, view, light, &arm, 0.05, &sleeve);
        }
        Thing::Fingers => {
            let up = 0.11 * (held.stir - 0.5);
            let bent = |base: Vec3, tip: Vec3| {
                // Two joints: out from the knuckle, then in to the cheek.
                let middle = [
                    mix(base[0], tip[0], 0.5) - 0.03,
                    mix(base[1], tip[1], 0.52) + 0.5 * up,
                    mix(base[2], tip[2], 0.5) - 0.07,
                ];
                let tip = [tip[0], tip[1] + up, tip[2]];
                [rod(base, middle, [0.068, 0.062]), rod(middle, tip, [0.062, 0.052])]
            };
            let mut hand = vec![
                rod([-0.90, 1.16, -0.92], [-0.72, 0.76, -1.00], [0.15, 0.185]),
                rod([-0.74, 0.98, -1.04], [-0.46, 0.70, -1.04], [0.080, 0.058]),
                rod([-0.86, 1.08, -0.92], [-1.14, 1.80, -0.88], [0.135, 0.155]),
            ];
            hand.extend(bent([-0.62, 0.66, -1.04], [-0.36, 0.34, -1.04]));
            hand.extend(bent([-0.70, 0.64, -1.03], [-0.45, 0.31, -1.01]));
            hand.extend(bent([-0.78, 0.64, -1.00], [-0.54, 0.34, -0.95]));
            hand.extend(bent([-0.85, 0.68, -0.96], [-0.63, 0.42, -0.88]));
            draw_parts(canvas, view, light, &hand, 0.25, &skin);
            let arm = [rod([-1.10, 1.66, -0.88], [-1.58, 2.90, -0.70], [0.20, 0.26])];
            draw_parts(canvas, view, light, &arm, 0.05, &sleeve);
        }
        Thing::Phone => phone(canvas, view, light, driver, held, by),
    }
    if held.breath > 0.0 {
        smoke(canvas, view, light, held.breath);
    }
}

fn food(by: Vec3) -> Sheet {
    let center = moved([0.10, 0.90, -1.43], by);
    let axes = [[0.31, -0.01, -0.02], [0.0, 0.185, 0.03], [0.0, -0.03, 0.20]];
    let mut sheet = blob(center, axes, 22, 28);
    sheet.places = sheet.points.iter().map(|&[x, y, _]| [0.0, 0.0, x - by[0], y - by[1]]).collect();
    sheet
}

/// Bun, salad, meat, bun, from above to below.
fn layers(x: f32, y: f32) -> Vec3 {
    let y = y - 0.90 + 0.018 * noise(14.0 * x, 1.0, 61);
    let mut color = scale([0.50, 0.27, 0.09], 1.0 + 0.12 * clouds(9.0 * x, 9.0 * y, 62));
    let seeds = step(0.62, 0.75, noise(26.0 * x, 26.0 * y, 63)) * step(-0.03, -0.06, y);
    color = mix3(color, [0.75, 0.62, 0.40], seeds);
    color = mix3(color, [0.10, 0.26, 0.04], step(-0.045, -0.035, y) * step(0.0, -0.01, y));
    color = mix3(color, [0.42, 0.06, 0.03], step(-0.01, 0.0, y) * step(0.022, 0.015, y));
    mix3(color, [0.075, 0.035, 0.02], step(0.015, 0.024, y) * step(0.075, 0.065, y))
}

/// The back of a telephone, a hand round it, and the thumb.
fn phone(canvas: &mut Canvas, view: &View, light: &Light, driver: &Driver, held: &Held, by: Vec3) {
    let mut sheet = Sheet { columns: 9, ..Sheet::default() };
    for row in 0..13 {
        let t = row as f32 / 12.0;
        for column in 0..9 {
            let s = column as f32 / 8.0 - 0.5;
            let place = [0.10 + 0.50 * s, mix(1.62, 2.56, t), mix(-1.72, -1.44, t)];
            sheet.points.push(moved(place, by));
            sheet.places.push([0.0, 0.0, s, t]);
        }
        sheet.follow.push(0.0);
    }
    let corners = sheet.lit(view, light);
    sheet.draw(canvas, &corners, Sides::Both, &mut |values| {
        let [s, t] = [values[2], values[3]];
        let edge = step(0.44, 0.48, s.abs()).max(step(0.03, 0.01, t));
        let lens = step(0.05, 0.04, (s + 0.30).hypot(1.9 * (t - 0.09))).max(step(
            0.05,
            0.04,
            (s + 0.30).hypot(1.9 * (t - 0.17)),
        ));
        let color = mix3([0.035, 0.037, 0.045], [0.32, 0.33, 0.35], edge);
        let round = step(0.0, 0.012, 0.5 - s.abs()) * step(0.0, 0.006, t);
        (lit(mix3(color, [0.004; 3], lens), 0.9, values), round)
    });
    let flesh = scale(driver.skin, 0.93);
    let tap = 0.05 * held.stir;
    let fingers = [0.0, 0.13, 0.26, 0.38].map(|lower| {
        (
            [0.62, 2.06 + lower, -1.56 + 0.25 * lower],
            [0.06 + 0.10 * lower, 2.00 + lower, -1.74 + 0.27 * lower],
        )
    });
    let mut parts: Vec<Sheet> = fingers
        .iter()
        .map(|&(from, to)| limb(moved(from, by), moved(to, by), [0.072, 0.060]))
        .collect();
    let rod = |from: Vec3, to: Vec3, radii: [f32; 2]| limb(moved(from, by), moved(to, by), radii);
    parts.push(rod([0.58, 2.20, -1.44], [0.40, 1.78 + tap, -1.52], [0.08, 0.062]));
    parts.push(rod([0.52, 2.05, -1.40], [0.62, 2.70, -1.30], [0.19, 0.16]));
    for sheet in &mut parts {
        sheet.follow = vec![0.0; sheet.points.len() / sheet.columns];
    }
    draw_parts(canvas, view, light, &parts, 0.25, &|_| flesh);
}

/// Breath with smoke in it, thin at its edges.
fn smoke(canvas: &mut Canvas, view: &View, light: &Light, breath: f32) {
    let grown = mix(0.5, 1.15, breath);
    let puff = |center: Vec3, size: f32| {
        blob(center, [[size, 0.0, 0.0], [0.0, 0.8 * size, 0.0], [0.0, 0.0, 0.3 * size]], 12, 18)
    };
    for (i, (center, size)) in
        [([0.12, 1.02, -1.75], 0.36), ([0.34, 1.16, -1.85], 0.46), ([0.02, 1.26, -1.95], 0.40)]
            .into_iter()
            .enumerate()
    {
        let mut sheet = puff(center, grown * size);
        let size = grown * size;
        sheet.places = sheet
            .points
            .iter()
            .map(|&[x, y, _]| [0.0, 0.0, (x - center[0]) / size, (y - center[1]) / size])
            .collect();
        let corners = sheet.lit(view, light);
        sheet.draw(canvas, &corners, Sides::Outer, &mut |values| {
            let [x, y] = [values[2], values[3]];
            let thin = (1.0 - x.hypot(1.25 * y)).max(0.0);
            let veil = 0.5 + 0.5 * clouds(3.0 * x + i as f32, 3.0 * y, 64);
            ([0.50, 0.51, 0.53], (0.75 * breath * thin.sqrt() * veil).min(0.45))
        });
    }
}
