//! What is worn on the head, and the lock of hair that falls over an eye.

use super::{
    driver::{Driver, Hair, Hat},
    math::{Vec3, add, along, clouds, hill, mix, mix3, noise, scale, step, unit},
    raster::{Canvas, Sides},
    shape::{Place, Ring, find},
    view::{Light, Sheet, View, lit},
};

const AROUND: usize = 57;

/// The hat and the lock of one driver.
pub(super) struct Headwear {
    hat: Hat,
    crown: Option<Sheet>,
    /// The peak or the brim.
    shade: Option<Sheet>,
    lock: Option<Sheet>,
}

/// The ring on which a hat ends, over the angle from the front.
fn edge(hat: Hat, angle: f32) -> f32 {
    let knots = match hat {
        Hat::None => return 0.0,
        Hat::Cap => [[0.0, 4.12], [0.9, 4.25], [1.6, 4.75], [3.2, 5.1]],
        Hat::Beanie => [[0.0, 4.42], [0.8, 4.62], [1.45, 5.75], [3.2, 6.6]],
        Hat::Brim => [[0.0, 4.15], [0.9, 4.22], [1.6, 4.5], [3.2, 4.7]],
    };
    along(&knots, angle.abs())
}

/// How far the cloth lies from the skull, over the share of the way from the crown to the
/// edge.
fn thick(driver: &Driver, down: f32) -> f32 {
    let hair = match driver.hair {
        Hair::Bald => 0.02,
        Hair::Short | Hair::Tied => 0.07,
        Hair::Long => 0.10,
    };
    match driver.hat {
        Hat::None => 0.0,
        Hat::Cap => hair + mix(0.10, 0.055, step(0.5, 1.0, down)),
        // The fold at its edge is thicker.
        Hat::Beanie => hair + mix(0.14, 0.06, down) + 0.035 * step(0.70, 0.74, down),
        Hat::Brim => hair + mix(0.16, 0.05, step(0.55, 1.0, down)),
    }
}

fn on_skull(driver: &Driver, angle: f32, ring: f32, out: f32) -> Vec3 {
    let bare = Driver { hair: Hair::Bald, ..*driver };
    let Place { at, .. } = Ring::new(&bare, ring).place(&bare, angle);
    let [x, y, z] = at;
    add(at, scale(unit([x, 0.8 * (y + 0.35).min(0.0), z]), out))
}

fn crown(driver: &Driver) -> Sheet {
    let mut sheet = Sheet { columns: AROUND, ..Sheet::default() };
    let rows = 22;
    for row in 0..=rows {
        let down = row as f32 / rows as f32;
        for column in 0..AROUND {
            let angle = std::f32::consts::TAU * (column as f32 / (AROUND - 1) as f32 - 0.5);
            let ring = down * edge(driver.hat, angle);
            let mut at = on_skull(driver, angle, ring, thick(driver, down));
            if driver.hat == Hat::Cap {
                // Stiff in front.
                at[1] -= 0.10 * step(0.3, 0.6, down) * step(1.0, 0.7, down) * hill(angle / 0.6);
            }
            sheet.points.push(at);
            sheet.places.push([0.0, 0.0, angle, down]);
        }
    }
    sheet
}

fn peak(driver: &Driver) -> Sheet {
    let columns = 25;
    let mut sheet = Sheet { columns, ..Sheet::default() };
    for row in 0..8 {
        let out = row as f32 / 7.0;
        for column in 0..columns {
            let side = 2.0 * column as f32 / (columns - 1) as f32 - 1.0;
            let angle = 1.12 * side;
            let [x, y, z] = on_skull(driver, angle, edge(Hat::Cap, angle), thick(driver, 1.0));
            let long = 0.74 * (1.0 - side * side).max(0.0).powf(0.55);
            // Arched from side to side, and a little down.
            let arch = 0.10 * side * side;
            sheet.points.push([
                x * (1.0 + 0.06 * out),
                y - 0.02 + (0.27 + arch) * out,
                z - long * out,
            ]);
            sheet.places.push([0.0, 0.0, side, out]);
        }
    }
    sheet
}

fn brim(driver: &Driver) -> Sheet {
    let mut sheet = Sheet { columns: AROUND, ..Sheet::default() };
    for row in 0..7 {
        let out = row as f32 / 6.0;
        for column in 0..AROUND {
            let angle = std::f32::consts::TAU * (column as f32 / (AROUND - 1) as f32 - 0.5);
            let [x, y, z] = on_skull(driver, angle, edge(Hat::Brim, angle), thick(driver, 1.0));
            let (s, c) = angle.sin_cos();
            let wide = 0.50 * out;
            // Down before and behind, up at the sides.
            let bent = 0.10 * c.abs() - 0.10 * s * s;
            sheet.points.push([x + wide * s, y + bent * out * out - 0.01, z - 1.05 * wide * c]);
            sheet.places.push([0.0, 0.0, angle, out]);
        }
    }
    sheet
}

/// Hair that falls from the parting over the eye on the left of the picture.
fn lock(driver: &Driver) -> Sheet {
    let columns = 19;
    let mut sheet = Sheet { columns, ..Sheet::default() };
    for row in 0..26 {
        let t = row as f32 / 25.0;
        let y = mix(-0.80, 0.62, t);
        let inner =
            along(&[[0.0, 0.02], [0.45, -0.13], [0.62, -0.15], [0.8, -0.22], [1.0, -0.46]], t);
        let outer = along(&[[0.0, -0.44], [0.3, -0.62], [0.6, -0.70], [1.0, -0.71]], t);
        for column in 0..columns {
            let s = column as f32 / (columns - 1) as f32;
            let x = mix(outer, inner, s);
            let bare = Driver { hair: Hair::Bald, ..*driver };
            let (angle, ring) = find(&bare, x, y);
            let Place { at, .. } = Ring::new(&bare, ring).place(&bare, angle);
            let out = 0.10 + 0.05 * (std::f32::consts::PI * s).sin();
            let lifted = add(at, scale(unit([at[0], 0.0, at[2]]), out));
            // It hangs freely before the hollow of the eye.
            let free = -0.99 + 0.34 * x * x;
            let hangs = step(-0.35, -0.15, y);
            let z = mix(lifted[2], lifted[2].min(free), hangs);
            sheet.points.push([lifted[0], lifted[1], z]);
            sheet.places.push([0.0, 0.0, s, t]);
        }
    }
    sheet
}

impl Headwear {
    pub(super) fn new(driver: &Driver) -> Self {
        Self {
            hat: driver.hat,
            crown: (driver.hat != Hat::None).then(|| crown(driver)),
            shade: match driver.hat {
                Hat::None | Hat::Beanie => None,
                Hat::Cap => Some(peak(driver)),
                Hat::Brim => Some(brim(driver)),
            },
            lock: driver.lock.then(|| lock(driver)),
        }
    }

    pub(super) fn draw(&self, canvas: &mut Canvas, view: &View, light: &Light, driver: &Driver) {
        if let Some(lock) = &self.lock {
            let corners = lock.lit(view, light);
            lock.draw(canvas, &corners, Sides::Both, &mut |values| {
                let [s, t] = [values[2], values[3]];
                let strand =
                    noise(26.0 * s + 1.5 * t, 1.3 * t, 71) + 0.6 * noise(64.0 * s, 2.0 * t, 72);
                let color = scale(driver.hair_color, 0.85 + 0.34 * strand);
                // Single hairs at both edges and at the end.
                let ragged = 0.10 * noise(40.0 * s, 3.0 * t, 73);
                let edge = s.min(1.0 - s) + 0.05 * strand;
                let cover = step(0.0, 0.07, edge) * step(1.0, 0.86, t + ragged);
                (lit(color, 0.35, values), cover)
            });
        }
        let hat = self.hat;
        if let Some(crown) = &self.crown {
            let corners = crown.lit(view, light);
            crown.draw(canvas, &corners, Sides::Both, &mut |values| {
                (lit(cloth(hat, values[2], values[3]), 0.05, values), 1.0)
            });
        }
        if let Some(shade) = &self.shade {
            let corners = shade.lit(view, light);
            shade.draw(canvas, &corners, Sides::Both, &mut |values| {
                let [side, out] = [values[2], values[3]];
                let seam = hill((out - 0.90) / 0.03) + hill((out - 0.78) / 0.03);
                let color = match hat {
                    Hat::Brim => straw(3.0 * side, 2.0 * out),
                    // Mostly its underside is seen, in its own shade.
                    _ => mix3(scale(NAVY, 0.30), NAVY, 0.5 * seam + step(0.94, 0.99, out)),
                };
                (lit(scale(color, 0.85), 0.1, values), 1.0)
            });
        }
    }
}

const NAVY: Vec3 = [0.036, 0.060, 0.165];

fn straw(x: f32, y: f32) -> Vec3 {
    scale(
        [0.40, 0.30, 0.16],
        1.0 + 0.16 * noise(40.0 * x, 34.0 * y, 81) + 0.1 * clouds(5.0 * x, 4.0 * y, 82),
    )
}

fn cloth(hat: Hat, angle: f32, down: f32) -> Vec3 {
    match hat {
        Hat::None | Hat::Cap => {
            // Six pieces, with a badge in front.
            let piece = (angle / (std::f32::consts::PI / 3.0) + 0.5).fract();
            let seam = hill((piece - 0.5).abs() / 0.02 - 25.0) + hill((down - 0.93) / 0.02);
            let badge = step(0.17, 0.15, angle.hypot(2.2 * (down - 0.68)));
            let color = scale(
                NAVY,
                1.0 - 0.3 * seam.min(1.0) + 0.06 * noise(60.0 * angle, 60.0 * down, 83),
            );
            mix3(color, [0.55, 0.53, 0.48], badge)
        }
        Hat::Beanie => {
            let ribs = 0.5 + 0.5 * (46.0 * angle).cos();
            let fold = hill((down - 0.72) / 0.02);
            let stitch = 0.08 * noise(40.0 * angle, 90.0 * down, 84);
            scale([0.17, 0.060, 0.055], 0.72 + 0.4 * ribs + stitch - 0.35 * fold)
        }
        Hat::Brim => {
            let band = step(0.80, 0.82, down);
            mix3(straw(3.0 * angle, 3.0 * down), [0.03, 0.022, 0.018], band)
        }
    }
}
