//! A driver's head, ready to be drawn in any pose and with any expression, and the 68
//! points that it really has.

use super::{
    driver::{DRIVERS, Driver},
    features::{self, Lids},
    hats::Headwear,
    held::Cover,
    math::{mix, mix3, scale},
    points::Points,
    props,
    raster::{Canvas, Sides, VALUES},
    shape::{self, Expression, NECK_RING, Place, RINGS, Ring, SLIT_RING, Side, YAWN},
    skin::Skin,
    view::{Light, Sheet, View, lit, neck_follow, strip},
};

/// Corners across the front half, and across each quarter of the back.
const ACROSS: usize = 68;
const BEHIND: usize = 9;

/// Rows of corners between two rings of the profile.
fn rows_between(ring: usize) -> usize {
    match ring {
        0..4 => 4,
        4..8 => 8,
        8..10 => 7,
        10..12 => 7,
        12..14 => 5,
        _ => 3,
    }
}

/// A driver who can be drawn.
pub(super) struct Head {
    pub(super) driver: Driver,
    skin: Skin,
    sheet: Sheet,
    places: Vec<(Place, Side)>,
    extras: props::Extras,
    headwear: Headwear,
    points: Points,
    /// The driver by infra-red, and how much more light the skin gives back then.
    infrared: (Driver, f32),
}

impl Head {
    /// Makes a driver; those after the last begin again with the first.
    pub(super) fn new(number: usize, seed: u64) -> Self {
        Self::of(DRIVERS[number % DRIVERS.len()], seed)
    }

    /// Makes a head of this driver; `seed` moves spots and strands.
    pub(super) fn of(driver: Driver, seed: u64) -> Self {
        let mut rings: Vec<(f32, Side)> = Vec::new();
        for ring in 0..RINGS - 1 {
            let rows = rows_between(ring);
            if ring == SLIT_RING {
                rings.push((ring as f32, Side::Upper));
            }
            let side = if ring < SLIT_RING { Side::Upper } else { Side::Lower };
            for row in 0..rows {
                rings.push((ring as f32 + row as f32 / rows as f32, side));
            }
        }
        rings.push(((RINGS - 1) as f32, Side::Lower));
        let torn = rings.iter().position(|&(ring, _)| ring >= SLIT_RING as f32);

        let quarter = std::f32::consts::FRAC_PI_2;
        let mut angles = Vec::new();
        angles.extend((0..BEHIND).map(|i| -2.0 * quarter + quarter * i as f32 / BEHIND as f32));
        angles.extend((0..=ACROSS).map(|i| quarter * (2.0 * i as f32 / ACROSS as f32 - 1.0)));
        angles.extend((1..=BEHIND).map(|i| quarter * (1.0 + i as f32 / BEHIND as f32)));

        let mut sheet = Sheet { columns: angles.len(), torn, ..Sheet::default() };
        let mut places = Vec::new();
        for &(at, side) in &rings {
            let ring = Ring::new(&driver, at);
            sheet.follow.push(neck_follow(at, NECK_RING));
            for &angle in &angles {
                let place = ring.place(&driver, angle);
                let [u, v] = Skin::place(angle, at);
                sheet.places.push([u, v, place.plane[0], place.plane[1]]);
                sheet.points.push(place.at);
                places.push((place, side));
            }
        }
        let extras = props::Extras::new(&driver);
        let points = Points::new(&driver);
        let headwear = Headwear::new(&driver);
        let (skin, infrared) = (Skin::paint(&driver, seed), driver.infrared());
        Self { driver, skin, sheet, places, extras, headwear, points, infrared }
    }

    /// The 68 points as the camera sees them, in pixels.
    pub(super) fn landmarks(&self, view: &View, face: &Expression) -> [[f32; 2]; 68] {
        self.points.seen(view, face)
    }

    /// Draws the head, the body under it and what it wears.
    pub(super) fn draw(
        &mut self,
        canvas: &mut Canvas,
        view: &View,
        light: &Light,
        face: &Expression,
        cover: &Cover,
    ) {
        for (point, (place, side)) in self.sheet.points.iter_mut().zip(&self.places) {
            *point = shape::moved(place, *side, face, &self.driver);
            if cover.mask {
                *point = props::under_mask(place, *point);
            }
        }
        let corners = self.sheet.lit(view, light);
        let skin = &self.skin;
        let (driver, gain) = match &self.infrared {
            (fair, gain) if light.lamp => (fair, Some(*gain)),
            _ => (&self.driver, None),
        };
        let pixel = 1.0 / view.scale_px();
        let lids = face.eyes.map(|open| Lids::new(driver, open));
        let (front_from, front_to) = (Skin::place(-1.5, 0.0)[0], Skin::place(1.5, 0.0)[0]);
        let mut shade = |values: &[f32; VALUES]| {
            let &[u, v, x, y, ..] = values;
            let mut color = skin.at(u, v);
            if let Some(gain) = gain {
                color = scale(color, gain);
            }
            let mut wet = 0.30;
            if u > front_from && u < front_to {
                if features::near_eye(x, y) {
                    let lids = &lids[usize::from(x > 0.0)];
                    let matter =
                        features::eye(driver, lids, face.gaze, [x, y], pixel, color, light.lamp);
                    (color, wet) = (matter.color, matter.wet);
                }
                if cover.mask
                    && let Some((cloth, share)) = props::mask(x, y, v)
                {
                    color = mix3(color, cloth, share);
                    wet = mix(wet, 0.05, share);
                }
            }
            (lit(color, wet, values), 1.0)
        };
        self.sheet.draw(canvas, &corners, Sides::Outer, &mut shade);
        if let Some(row) = self.sheet.torn
            && face.mouth > 0.0
        {
            self.draw_mouth(canvas, corners, row, face, cover);
        }
        self.headwear.draw(canvas, view, light, driver);
        self.extras.draw(canvas, view, light, driver, face, cover);
    }

    /// The strip between the lips, which the two lips' rows bound.
    fn draw_mouth(
        &self,
        canvas: &mut Canvas,
        mut corners: Vec<super::raster::Vertex>,
        row: usize,
        face: &Expression,
        cover: &Cover,
    ) {
        let columns = self.sheet.columns;
        let strip_corners = &mut corners[row * columns..(row + 2) * columns];
        for (i, corner) in strip_corners.iter_mut().enumerate() {
            corner.values[3] = (i / columns) as f32;
            // Set back behind the lips.
            corner.at[2] += 0.02;
        }
        let (driver, gap) = (&self.driver, 1.14 * YAWN * face.mouth);
        let mut shade = |values: &[f32; VALUES]| {
            let inside = features::mouth(driver, values[2], values[3], gap, face.smile);
            // Light falls in from below the upper lip.
            let reach = 0.55 + 0.25 * values[3];
            match props::mask(values[2], 0.74, 0.0) {
                Some((cloth, _)) if cover.mask => (lit(cloth, 0.0, values), 1.0),
                _ => (scale(lit(inside, 0.0, values), reach), 1.0),
            }
        };
        strip(canvas, columns, strip_corners, 0, Sides::Both, &mut shade);
    }
}
