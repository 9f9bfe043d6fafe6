//! Where a head points, from eleven landmarks that no expression moves: a rigid model of
//! them is fitted under weak perspective (scaled orthography).

use super::Landmarks;

/// Landmarks of the rigid part of a face: eye corners, bridge and base of the nose.
const RIGID: [usize; 11] = [36, 39, 42, 45, 27, 28, 29, 30, 31, 33, 35];

/// Their places on a face seen from the front, in distances of the outer eye corners: x
/// right and y down of the picture, z away from the viewer; mean zero. Factorised
/// (Tomasi and Kanade 1992) from the 4,332 faces of HELEN and YouTube Faces with points,
/// then made symmetric; the three dimensions explain all but 2% of them.
const MODEL: [[f32; 3]; 11] = centred([
    [-0.500, 0.000, 0.000],
    [-0.220, 0.017, -0.042],
    [0.220, 0.017, -0.042],
    [0.500, 0.000, 0.000],
    [0.000, 0.020, -0.180],
    [0.000, 0.166, -0.235],
    [0.000, 0.305, -0.296],
    [0.000, 0.425, -0.306],
    [-0.145, 0.502, -0.140],
    [0.000, 0.541, -0.180],
    [0.145, 0.502, -0.140],
]);

const fn centred(mut points: [[f32; 3]; 11]) -> [[f32; 3]; 11] {
    let mut axis = 0;
    while axis < 3 {
        let (mut sum, mut index) = (0.0, 0);
        while index < points.len() {
            sum += points[index][axis];
            index += 1;
        }
        index = 0;
        while index < points.len() {
            points[index][axis] -= sum / 11.0;
            index += 1;
        }
        axis += 1;
    }
    points
}

/// Where a head points, in degrees; all 0 when it faces the camera upright. Good to some
/// five degrees: a cue, not a measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HeadPose {
    /// Positive: turned to the right of the picture.
    pub yaw: f32,
    /// Positive: nodding down.
    pub pitch: f32,
    /// Positive: tilted clockwise on the screen.
    pub roll: f32,
}

impl Landmarks {
    /// Where the head points.
    pub fn pose(&self) -> HeadPose {
        let mut middle = [0.0; 2];
        for index in RIGID {
            for (sum, part) in middle.iter_mut().zip(self.points[index]) {
                *sum += part / RIGID.len() as f32;
            }
        }
        // Least squares: picture = affine * model, by the normal equations.
        let (mut gram, mut mixed) = ([[0.0; 3]; 3], [[0.0; 3]; 2]);
        for (index, place) in RIGID.into_iter().zip(MODEL) {
            for i in 0..3 {
                for j in 0..3 {
                    gram[i][j] += place[i] * place[j];
                }
                for (axis, row) in mixed.iter_mut().enumerate() {
                    row[i] += (self.points[index][axis] - middle[axis]) * place[i];
                }
            }
        }
        let [right, down] = mixed.map(|row| solve(&gram, row));
        let (Some(right), Some(down)) = (unit(right), unit(down)) else {
            return HeadPose::default();
        };
        // Under weak perspective the two rows are at right angles; noise is shared out.
        let skew = dot(right, down) / 2.0;
        let straight = |row: [f32; 3], other: [f32; 3]| {
            unit([0, 1, 2].map(|i| row[i] - skew * other[i])).unwrap_or(row)
        };
        let (right, down) = (straight(right, down), straight(down, right));
        let away = cross(right, down);
        // The face looks along -z of the model; yaw and pitch are told as the head itself
        // would tell them, with its tilt taken out.
        let roll = down[0].atan2(right[0]);
        let (sin, cos) = roll.sin_cos();
        let [x, y, z] = [-right[2], -down[2], -away[2]];
        let [x, y] = [cos * x + sin * y, cos * y - sin * x];
        HeadPose {
            yaw: x.atan2(-z).to_degrees(),
            pitch: y.atan2(x.hypot(z)).to_degrees(),
            roll: roll.to_degrees(),
        }
    }
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn unit(a: [f32; 3]) -> Option<[f32; 3]> {
    let length = dot(a, a).sqrt();
    (length.is_finite() && length > f32::EPSILON).then(|| a.map(|part| part / length))
}

/// Cramer's rule; the matrix is the model's own and never singular.
fn solve(rows: &[[f32; 3]; 3], right: [f32; 3]) -> [f32; 3] {
    let [a, b, c] = *rows;
    // Symmetric: rows are columns.
    let whole = dot(a, cross(b, c));
    [dot(right, cross(b, c)), dot(a, cross(right, c)), dot(a, cross(b, right))]
        .map(|part| part / whole)
}

#[cfg(test)]
pub(super) mod tests {
    use approx::assert_abs_diff_eq;

    use super::*;

    /// The model, turned (yaw, then pitch, then roll, degrees) and seen by the camera.
    pub(in crate::face) fn seen(yaw: f32, pitch: f32, roll: f32) -> Landmarks {
        let ((ys, yc), (ps, pc), (rs, rc)) =
            (yaw.to_radians().sin_cos(), pitch.to_radians().sin_cos(), roll.to_radians().sin_cos());
        let mut points = [[0.0; 2]; 68];
        for (index, [x, y, z]) in RIGID.into_iter().zip(MODEL) {
            // The nose, at negative z, moves down with the pitch and right with the yaw.
            let (y, z) = (pc * y - ps * z, ps * y + pc * z);
            let (x, _) = (yc * x - ys * z, ys * x + yc * z);
            points[index] = [200.0 + 80.0 * (rc * x - rs * y), 150.0 + 80.0 * (rs * x + rc * y)];
        }
        Landmarks { points }
    }

    #[test]
    fn a_turned_head_is_read_back() {
        for (yaw, pitch, roll) in [
            (0.0, 0.0, 0.0),
            (30.0, 0.0, 0.0),
            (-45.0, 0.0, 0.0),
            (0.0, 20.0, 0.0),
            (0.0, -15.0, 25.0),
            (20.0, 10.0, 0.0),
        ] {
            let pose = seen(yaw, pitch, roll).pose();
            assert_abs_diff_eq!(pose.yaw, yaw, epsilon = 0.5);
            assert_abs_diff_eq!(pose.pitch, pitch, epsilon = 0.5);
            assert_abs_diff_eq!(pose.roll, roll, epsilon = 0.5);
        }
    }

    #[test]
    fn points_in_one_place_have_no_pose() {
        assert_eq!(Landmarks { points: [[3.0; 2]; 68] }.pose(), HeadPose::default());
    }
}
