//! The 68 points of the 300-W scheme on a drawn head: where a careful person would click.

use super::{
    driver::Driver,
    features::Lids,
    shape::{Expression, Place, Ring, SLIT_HALF, Side, find, moved},
    view::View,
};

/// Jaw, left half of the picture: places in the plane (mean of HELEN, made symmetric).
const JAW: [[f32; 2]; 9] = [
    [-0.773, 0.017],
    [-0.762, 0.216],
    [-0.730, 0.418],
    [-0.691, 0.608],
    [-0.608, 0.785],
    [-0.489, 0.948],
    [-0.341, 1.069],
    [-0.180, 1.150],
    [0.0, 1.175],
];
const BROWS: [[f32; 2]; 5] =
    [[-0.671, -0.140], [-0.567, -0.213], [-0.422, -0.250], [-0.275, -0.233], [-0.128, -0.188]];
const NOSE: [[f32; 2]; 9] = [
    [0.0, -0.020],
    [0.0, 0.119],
    [0.0, 0.255],
    [0.0, 0.395],
    [-0.150, 0.485],
    [-0.080, 0.507],
    [0.0, 0.525],
    [0.080, 0.507],
    [0.150, 0.485],
];
/// Outer lips from the left corner over the top, clockwise.
const LIPS: [[f32; 2]; 12] = [
    [-0.285, 0.719],
    [-0.180, 0.682],
    [-0.072, 0.663],
    [0.0, 0.681],
    [0.072, 0.663],
    [0.180, 0.682],
    [0.285, 0.719],
    [0.184, 0.801],
    [0.076, 0.842],
    [0.0, 0.850],
    [-0.076, 0.842],
    [-0.184, 0.801],
];
/// Places of the inner lips across, points 60 to 67.
const INNER: [f32; 8] = [-SLIT_HALF, -0.085, 0.0, 0.085, SLIT_HALF, 0.085, 0.0, -0.085];

/// Angles from the front at which the outline of a cheek may lie, degrees.
const OUTLINE_DEG: std::ops::Range<u16> = 20..83;

fn place(driver: &Driver, [x, y]: [f32; 2], side: Side) -> (Place, Side) {
    let (angle, ring) = find(driver, x, y);
    (Ring::new(driver, ring).place(driver, angle), side)
}

fn seam(x: f32) -> f32 {
    0.737 - 0.13 * (x.abs() / 0.71).powf(2.1)
}

/// The points of one driver.
pub(super) struct Points {
    driver: Driver,
    /// For each of the points but the eyes' the places where it may lie; the outermost
    /// seen one is it. The eyes' lists are empty: they move.
    candidates: Vec<Vec<(Place, Side)>>,
}

fn candidates(driver: &Driver) -> Vec<Vec<(Place, Side)>> {
    let mut all = Vec::with_capacity(68);
    for i in 0..17 {
        let mirrored = i > 8;
        let [x, y] = JAW[if mirrored { 16 - i } else { i }];
        let x = if mirrored { -x } else { x };
        let jaw_side = if y > 0.75 { Side::Lower } else { Side::Upper };
        if y > 0.9 {
            all.push(vec![place(driver, [x * driver.jaw.sqrt(), y], Side::Lower)]);
            continue;
        }
        let outline = OUTLINE_DEG.step_by(3).map(|degrees| {
            let angle = f32::from(degrees).to_radians() * x.signum();
            let ring = ring_at(driver, angle, y);
            (Ring::new(driver, ring).place(driver, angle), jaw_side)
        });
        all.push(outline.collect());
    }
    let single = |at| vec![place(driver, at, Side::Upper)];
    all.extend(BROWS.map(single));
    all.extend(BROWS.iter().rev().map(|&[x, y]| single([-x, y])));
    for [x, y] in NOSE {
        all.push(single([if y > 0.48 { x * driver.nose_wide } else { x }, y]));
    }
    all.extend((0..12).map(|_| Vec::new()));
    for [x, y] in LIPS {
        let y = seam(x) + driver.lips * (y - seam(x));
        let side = if y > seam(x) { Side::Lower } else { Side::Upper };
        all.push(vec![place(driver, [x, y], side)]);
    }
    for (i, x) in INNER.into_iter().enumerate() {
        let side = if i > 4 { Side::Lower } else { Side::Upper };
        all.push(vec![place(driver, [x, seam(x)], side)]);
    }
    all
}

/// The ring that passes through a height at an angle.
fn ring_at(driver: &Driver, angle: f32, y: f32) -> f32 {
    let (mut low, mut high) = (1.0, 13.0);
    for _ in 0..20 {
        let middle = (low + high) / 2.0;
        if Ring::new(driver, middle).plane(angle)[1] < y { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

impl Points {
    pub(super) fn new(driver: &Driver) -> Self {
        Self { driver: *driver, candidates: candidates(driver) }
    }

    /// The points as the camera sees them, in pixels.
    pub(super) fn seen(&self, view: &View, face: &Expression) -> [[f32; 2]; 68] {
        let driver = &self.driver;
    let pixel = |place: &Place, side: Side| {
        let at = view.projected(view.placed(moved(place, side, face, driver), 1.0));
        [at[0], at[1]]
    };
    // The head's own right, on the screen.
    let right = view.turned([1.0, 0.0, 0.0]);
    let mut points = [[0.0; 2]; 68];
    for (i, (point, places)) in points.iter_mut().zip(&self.candidates).enumerate() {
        let outward = if i < 9 { -1.0 } else { 1.0 };
        let out = |p: [f32; 2]| outward * (p[0] * right[0] + p[1] * right[1]);
        let seen = places.iter().map(|(place, side)| pixel(place, *side));
        if let Some(outermost) = seen.max_by(|a, b| out(*a).total_cmp(&out(*b))) {
            *point = outermost;
        }
    }
    for (first, eye, mirrored) in [(36, 0, true), (42, 1, false)] {
        let lids = Lids::new(driver, face.eyes[eye]);
        // From the corner on the left over the upper lid, clockwise; `a` is 1 outside.
        let across = [1.0, 0.37, -0.37, -1.0, -0.37, 0.37];
        for (i, a) in across.into_iter().enumerate() {
            let (a, upper) = (if mirrored { a } else { -a }, i == 1 || i == 2);
            let [x, y] = lids.point(a, upper);
            let (place, side) = place(driver, [if mirrored { -x } else { x }, y], Side::Upper);
            points[first + i] = pixel(&place, side);
        }
    }
    points
}
}
