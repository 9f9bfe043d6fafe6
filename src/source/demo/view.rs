//! The camera, the turn of the head and the light: from a place on the head to a lit
//! corner of a triangle.

use super::{
    math::{Vec3, add, cross, dot, mix3, scale, step, sub, times, unit},
    raster::{Canvas, Sides, VALUES, Vertex},
};

/// The joint of neck and skull, about which the head turns.
const JOINT: Vec3 = [0.0, 0.75, 0.12];

/// Where the head is and what the camera sees of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    rows: [Vec3; 3],
    at: Vec3,
    focal_px: f32,
    center_px: [f32; 2],
}

impl View {
    /// A camera that sees `width` by `height` pixels; a head at `at` (units, the camera at
    /// the origin), turned by `[yaw, pitch, roll]` in degrees: positive is to the right of
    /// the picture, nodding down, and clockwise.
    pub(super) fn new(size: [usize; 2], at: Vec3, turn: Vec3) -> Self {
        let [(ys, yc), (ps, pc), (rs, rc)] = turn.map(|angle| angle.to_radians().sin_cos());
        // First the nod, then the turn, then the tilt.
        let nod = [[1.0, 0.0, 0.0], [0.0, pc, -ps], [0.0, ps, pc]];
        let turned = [[yc, 0.0, -ys], [0.0, 1.0, 0.0], [ys, 0.0, yc]];
        let tilt = [[rc, -rs, 0.0], [rs, rc, 0.0], [0.0, 0.0, 1.0]];
        let [width, height] = size.map(|side| side as f32);
        Self {
            rows: product(&tilt, &product(&turned, &nod)),
            at,
            // A webcam's 65 degrees across.
            focal_px: 0.8 * width.min(height * 4.0 / 3.0),
            center_px: [width / 2.0, height / 2.0],
        }
    }

    /// A direction of the head as the camera sees it.
    pub(super) fn turned(&self, direction: Vec3) -> Vec3 {
        self.rows.map(|row| dot(row, direction))
    }

    /// A place of the head, moved with the head by `follow` (1) or with the body (0), in
    /// the camera's space.
    pub(super) fn placed(&self, place: Vec3, follow: f32) -> Vec3 {
        let arm = sub(place, JOINT);
        let turned = self.turned(arm);
        let arm = if follow >= 1.0 { turned } else { mix3(arm, turned, follow) };
        add(add(arm, JOINT), self.at)
    }

    /// The pixel of a place in the camera's space, and its distance.
    pub(super) fn projected(&self, [x, y, z]: Vec3) -> Vec3 {
        let zoom = self.focal_px / z.max(0.1);
        [self.center_px[0] + x * zoom, self.center_px[1] + y * zoom, z]
    }

    /// Pixels of one unit at the head.
    pub(super) fn scale_px(&self) -> f32 {
        self.focal_px / self.at[2].max(0.1)
    }
}

fn product(a: &[Vec3; 3], b: &[Vec3; 3]) -> [Vec3; 3] {
    let column = |j: usize| [b[0][j], b[1][j], b[2][j]];
    [0, 1, 2].map(|i| [0, 1, 2].map(|j| dot(a[i], column(j))))
}

/// What shines on the driver; directions point to the light, in the camera's space.
#[derive(Clone, Copy, Debug)]
pub(super) struct Light {
    pub(super) key: Vec3,
    pub(super) key_color: Vec3,
    pub(super) side: Vec3,
    pub(super) side_color: Vec3,
    /// From above and from below, without direction.
    pub(super) sky: Vec3,
    pub(super) ground: Vec3,
    /// A lamp of infra-red beside the lens: pupils and glasses shine back, skin is fair.
    pub(super) lamp: bool,
}

impl Light {
    /// Light on a surface with this normal, and its shine.
    fn on(&self, normal: Vec3, to_eye: Vec3) -> (Vec3, f32) {
        let up = 0.5 - 0.5 * normal[1];
        let mut sum = mix3(self.ground, self.sky, up);
        let mut shine = 0.0;
        for (to, color) in [(self.key, self.key_color), (self.side, self.side_color)] {
            // Light creeps a little round the edge, as it does in skin.
            let lit = ((dot(normal, to) + 0.22) / 1.22).max(0.0);
            sum = add(sum, scale(color, lit));
            let half = unit(add(to, to_eye));
            let sharp = dot(normal, half).max(0.0);
            let sharp = sharp * sharp * sharp * sharp;
            let sharp = sharp * sharp;
            shine += sharp * sharp * (color[0] + color[1] + color[2]) / 3.0;
        }
        (sum, shine)
    }
}

/// A curved sheet of corners in rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Sheet {
    pub(super) columns: usize,
    pub(super) points: Vec<Vec3>,
    /// Texture place and place in the plane of the face.
    pub(super) places: Vec<[f32; 4]>,
    /// How much each row moves with the head, 0..1.
    pub(super) follow: Vec<f32>,
    /// The row after which the surface is torn: the slit between the lips.
    pub(super) torn: Option<usize>,
}

impl Sheet {
    /// The corners as the camera sees them, lit.
    pub(super) fn lit(&self, view: &View, light: &Light) -> Vec<Vertex> {
        let (columns, rows) = (self.columns, self.points.len() / self.columns.max(1));
        let mut corners = Vec::with_capacity(self.points.len());
        for row in 0..rows {
            let torn = self.torn;
            let above = if row == 0 || torn == Some(row - 1) { row } else { row - 1 };
            let below = if row + 1 == rows || torn == Some(row) { row } else { row + 1 };
            let follow = self.follow.get(row).copied().unwrap_or(1.0);
            for column in 0..columns {
                let point = |row: usize, column: usize| self.points[row * columns + column];
                let (left, right) = (column.saturating_sub(1), (column + 1).min(columns - 1));
                let across = sub(point(row, right), point(row, left));
                let down = sub(point(below, column), point(above, column));
                let normal = view.turned(unit(cross(down, across)));
                let at = view.placed(point(row, column), follow);
                let (lit, shine) = light.on(normal, unit(scale(at, -1.0)));
                let mut values = [0.0; VALUES];
                if let Some(place) = self.places.get(row * columns + column) {
                    values[..4].copy_from_slice(place);
                }
                values[4..7].copy_from_slice(&lit);
                values[7] = shine;
                corners.push(Vertex { at: view.projected(at), values });
            }
        }
        corners
    }

    /// Draws it, except the strip where it is torn.
    pub(super) fn draw(
        &self,
        canvas: &mut Canvas,
        corners: &[Vertex],
        sides: Sides,
        shade: &mut impl FnMut(&[f32; VALUES]) -> (Vec3, f32),
    ) {
        let rows = corners.len() / self.columns.max(1);
        for row in (0..rows.saturating_sub(1)).filter(|row| self.torn != Some(*row)) {
            strip(canvas, self.columns, corners, row, sides, shade);
        }
    }
}

/// Draws the triangles between a row and the next.
pub(super) fn strip(
    canvas: &mut Canvas,
    columns: usize,
    corners: &[Vertex],
    row: usize,
    sides: Sides,
    shade: &mut impl FnMut(&[f32; VALUES]) -> (Vec3, f32),
) {
    for column in 0..columns - 1 {
        let i = row * columns + column;
        let [a, b, c, d] = [i, i + 1, i + columns, i + columns + 1].map(|i| &corners[i]);
        canvas.triangle([a, b, c], sides, shade);
        canvas.triangle([b, d, c], sides, shade);
    }
}

/// An ellipsoid with its poles along its first axis; `axes` are the half axes.
pub(super) fn blob(center: Vec3, axes: [Vec3; 3], rows: usize, columns: usize) -> Sheet {
    let mut points = Vec::with_capacity((rows + 1) * (columns + 1));
    for row in 0..=rows {
        let (round, pole) = (std::f32::consts::PI * row as f32 / rows as f32).sin_cos();
        for column in 0..=columns {
            let around = std::f32::consts::TAU * column as f32 / columns as f32;
            let (s, c) = around.sin_cos();
            let mut point = center;
            for (axis, by) in axes.iter().zip([pole, round * c, round * s]) {
                point = add(point, scale(*axis, by));
            }
            points.push(point);
        }
    }
    Sheet { columns: columns + 1, points, ..Sheet::default() }
}

/// 1 near, falling to 0: how much a ring of the neck turns with the head.
pub(super) fn neck_follow(ring: f32, begins: f32) -> f32 {
    step(begins + 4.0, begins, ring)
}

/// Colour in the light that the corners carry.
pub(super) fn lit(color: Vec3, wet: f32, values: &[f32; VALUES]) -> Vec3 {
    let light = [values[4], values[5], values[6]];
    let shine = 0.20 * wet * values[7];
    add(times(color, light), [shine; 3])
}

/// Share of a line's width at a distance from it.
pub(super) fn line(distance: f32, half: f32, soft: f32) -> f32 {
    step(half + soft, half - soft, distance)
}
