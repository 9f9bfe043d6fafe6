//! Takes the tremble out of a tracked face without touching its expression: place, size
//! and turn of the whole face are filtered, the shape inside passes through unchanged. A
//! blink of 100 ms therefore keeps its full depth.

use std::f32::consts::{PI, TAU};

use super::{Landmarks, Similarity, align};

/// One-Euro filter (Casiez et al. 2012): steady when the value rests, quick when it moves.
#[derive(Clone, Copy, Debug)]
struct OneEuro {
    value: f32,
    speed: f32,
}

/// Cut-off of a face at rest, in Hz.
const REST_HZ: f32 = 1.5;
/// How fast the cut-off rises with speed, Hz per (face side per second). A head turning
/// by half a face a second is followed at 20 Hz, a lag of 8 ms.
const RISE: f32 = 40.0;
/// Cut-off of the speed itself, in Hz.
const SPEED_HZ: f32 = 2.0;
/// After such a gap the filter starts afresh, in seconds.
const GAP_S: f32 = 0.5;

/// Share of the new value in a low-pass of `cutoff_hz`.
fn share(cutoff_hz: f32, dt_s: f32) -> f32 {
    let ratio = TAU * cutoff_hz * dt_s;
    ratio / (ratio + 1.0)
}

impl OneEuro {
    fn step(&mut self, value: f32, unit: f32, dt_s: f32) -> f32 {
        let speed = (value - self.value) / unit / dt_s;
        self.speed += share(SPEED_HZ, dt_s) * (speed - self.speed);
        self.value += share(REST_HZ + RISE * self.speed.abs(), dt_s) * (value - self.value);
        self.value
    }
}

/// Filters one face over time.
#[derive(Clone, Debug, Default)]
pub(super) struct PoseSmoother {
    /// Centre x, centre y, logarithm of the size, turn.
    parts: Option<[OneEuro; 4]>,
}

impl PoseSmoother {
    /// The landmarks with their place, size and turn filtered; `dt_s` seconds after the
    /// last.
    pub(super) fn step(&mut self, landmarks: &Landmarks, dt_s: f32) -> Landmarks {
        let to_face = align::similarity(landmarks, 1);
        let to_frame = to_face.inverse();
        let [x, y] = to_frame.apply([0.5; 2]);
        let (size, turn) = (to_frame.scale(), to_frame.turn());
        let raw = [x, y, size.max(f32::EPSILON).ln(), turn];
        let fresh = raw.map(|value| OneEuro { value, speed: 0.0 });
        let Some(parts) = self.parts.as_mut().filter(|_| dt_s > 0.0 && dt_s < GAP_S) else {
            self.parts = Some(fresh);
            return *landmarks;
        };
        // Turns are taken the short way round.
        let mut raw = raw;
        raw[3] = parts[3].value + (turn - parts[3].value + PI).rem_euclid(TAU) - PI;
        let units = [size, size, 1.0, 1.0];
        let mut smooth = [0.0; 4];
        for (index, part) in parts.iter_mut().enumerate() {
            smooth[index] = part.step(raw[index], units[index].max(f32::EPSILON), dt_s);
        }
        let [x, y, size, turn] = smooth;
        let (sin, cos) = turn.sin_cos();
        let (a, b) = (size.exp() * cos, size.exp() * sin);
        let placed = Similarity { a, b, tx: x - (a - b) / 2.0, ty: y - (b + a) / 2.0 };
        let moved = to_face.then(&placed);
        Landmarks { points: landmarks.points.map(|point| moved.apply(point)) }
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;

    use super::*;

    const DT: f32 = 1.0 / 30.0;

    /// A face of 100 px at a place, with eyes opened by `lid`.
    fn face(x: f32, y: f32, lid: f32) -> Landmarks {
        let mut points = [[x + 50.0, y + 55.0]; 68];
        for (start, middle) in [(36, 27.0), (42, 73.0)] {
            let corners =
                [(-8.0, 0.0), (-3.0, -lid), (3.0, -lid), (8.0, 0.0), (3.0, lid), (-3.0, lid)];
            for (offset, (dx, dy)) in corners.into_iter().enumerate() {
                points[start + offset] = [x + middle + dx, y + 25.0 + dy];
            }
        }
        points[48..68].fill([x + 50.0, y + 85.0]);
        Landmarks { points }
    }

    #[test]
    fn a_tremble_is_reduced_and_a_blink_is_not() {
        let mut smoother = PoseSmoother::default();
        let (mut raw_sway, mut sway) = (0.0f32, 0.0f32);
        for frame in 0..60 {
            let tremble = if frame % 2 == 0 { 0.5 } else { -0.5 };
            let lid = if (30..33).contains(&frame) { 0.2 } else { 2.4 };
            let raw = face(200.0 + tremble, 100.0, lid);
            let smooth = smoother.step(&raw, DT);
            for (one, other) in smooth.eye_aspect().into_iter().zip(raw.eye_aspect()) {
                assert_abs_diff_eq!(one, other, epsilon = 1e-3);
            }
            if frame > 10 {
                raw_sway = raw_sway.max((raw.nose()[0] - 250.0).abs());
                sway = sway.max((smooth.nose()[0] - 250.0).abs());
            }
        }
        assert!(sway < 0.6 * raw_sway, "{sway} of {raw_sway}");
    }

    #[test]
    fn a_moving_head_is_followed_closely() {
        let mut smoother = PoseSmoother::default();
        let mut late = 0.0f32;
        for frame in 0..40 {
            // 2 faces a second after a rest: a quick glance.
            let x = 100.0 + (frame as f32 - 10.0).max(0.0) * 200.0 * DT;
            let smooth = smoother.step(&face(x, 100.0, 2.0), DT);
            late = late.max((smooth.nose()[0] - x - 50.0).abs());
        }
        assert!(late < 4.0, "{late} px of a 100 px face");
    }

    #[test]
    fn a_gap_and_a_full_turn_start_no_drift() {
        let mut smoother = PoseSmoother::default();
        smoother.step(&face(0.0, 0.0, 2.0), DT);
        let far = face(400.0, 300.0, 2.0);
        assert_eq!(smoother.step(&far, 2.0), far);
        for frame in 0..200 {
            let (sin, cos) = (frame as f32 * 0.1).sin_cos();
            let spin = Similarity { a: cos, b: sin, tx: 300.0, ty: 300.0 };
            let raw = Landmarks { points: face(0.0, 0.0, 2.0).points.map(|p| spin.apply(p)) };
            let smooth = smoother.step(&raw, DT);
            if frame > 5 {
                let off =
                    (smooth.nose()[0] - raw.nose()[0]).hypot(smooth.nose()[1] - raw.nose()[1]);
                assert!(off < 6.0, "{off} px at frame {frame}");
            }
        }
    }
}
