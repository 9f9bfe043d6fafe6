//! Small vectors, easing and value noise: all that the drawing needs.

/// A place or a direction, `[x, y, z]`: x right, y down, z away from the camera.
pub(super) type Vec3 = [f32; 3];

pub(super) fn add(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

pub(super) fn sub(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(super) fn scale(a: Vec3, by: f32) -> Vec3 {
    [a[0] * by, a[1] * by, a[2] * by]
}

/// Part by part.
pub(super) fn times(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] * b[0], a[1] * b[1], a[2] * b[2]]
}

pub(super) fn dot(a: Vec3, b: Vec3) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub(super) fn unit(a: Vec3) -> Vec3 {
    let length = dot(a, a).sqrt();
    if length > 1e-9 { scale(a, 1.0 / length) } else { [0.0, 0.0, -1.0] }
}

/// From `a` to `b`.
pub(super) fn mix(a: f32, b: f32, by: f32) -> f32 {
    a + (b - a) * by
}

/// From `a` to `b`, part by part.
pub(super) fn mix3(a: Vec3, b: Vec3, by: f32) -> Vec3 {
    [mix(a[0], b[0], by), mix(a[1], b[1], by), mix(a[2], b[2], by)]
}

/// 0 below `from`, 1 above `to`, smooth in between; `from` may be the larger.
pub(super) fn step(from: f32, to: f32, at: f32) -> f32 {
    let t = ((at - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A smooth hill of height 1 at 0 that has all but gone at 2.
pub(super) fn hill(distance: f32) -> f32 {
    let square = distance * distance;
    // A cheap bell: compact, so that most of the face skips it.
    if square >= 4.0 { 0.0 } else { (1.0 - square / 4.0).powi(4) }
}

/// A hill over an ellipse.
pub(super) fn mound(x: f32, y: f32, center: [f32; 2], radii: [f32; 2]) -> f32 {
    let (dx, dy) = ((x - center[0]) / radii[0], (y - center[1]) / radii[1]);
    let square = dx * dx + dy * dy;
    if square >= 4.0 { 0.0 } else { (1.0 - square / 4.0).powi(4) }
}

/// A well-mixed number of a number.
pub(super) fn hash(value: u64) -> u64 {
    // SplitMix64 (Steele, Lea and Flood 2014).
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// 0..1 from a number.
pub(super) fn chance(value: u64) -> f32 {
    (hash(value) >> 40) as f32 / (1u64 << 24) as f32
}

/// Smooth noise in one dimension, -1..1, features one unit apart.
pub(super) fn wander(at: f32, seed: u64) -> f32 {
    let cell = at.floor();
    let value = |i: i64| 2.0 * chance(hash(seed) ^ i as u64) - 1.0;
    mix(value(cell as i64), value(cell as i64 + 1), step(0.0, 1.0, at - cell))
}

/// Smooth noise in two dimensions, -1..1, features one unit apart.
pub(super) fn noise(x: f32, y: f32, seed: u32) -> f32 {
    let (cx, cy) = (x.floor(), y.floor());
    let value = |i: i32, j: i32| {
        let mut mixed = (cx as i32 + i) as u32;
        mixed = mixed.wrapping_mul(0x9e37_79b1) ^ ((cy as i32 + j) as u32).wrapping_mul(0x85eb_ca77);
        mixed = (mixed ^ seed.wrapping_mul(0xc2b2_ae3d)).wrapping_mul(0x27d4_eb2f);
        mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x2c1b_3c6d);
        (mixed ^ (mixed >> 13)) as f32 / (u32::MAX / 2) as f32 - 1.0
    };
    let (tx, ty) = (step(0.0, 1.0, x - cx), step(0.0, 1.0, y - cy));
    mix(mix(value(0, 0), value(1, 0), tx), mix(value(0, 1), value(1, 1), tx), ty)
}

/// Noise of three sizes, -1..1.
pub(super) fn clouds(x: f32, y: f32, seed: u32) -> f32 {
    (noise(x, y, seed) * 4.0 + noise(2.1 * x, 2.1 * y, seed + 1) * 2.0
        + noise(4.3 * x, 4.3 * y, seed + 2))
        / 7.0
}

/// A value over knots that are one unit apart (Catmull-Rom).
pub(super) fn spline(knots: &[f32], at: f32) -> f32 {
    let last = knots.len() - 1;
    let at = at.clamp(0.0, last as f32);
    let i = (at as usize).min(last - 1);
    let t = at - i as f32;
    let (b, c) = (knots[i], knots[i + 1]);
    let a = if i == 0 { b } else { knots[i - 1] };
    let d = if i + 2 > last { c } else { knots[i + 2] };
    let (m, n) = ((c - a) / 2.0, (d - b) / 2.0);
    let (t2, t3) = (t * t, t * t * t);
    (2.0 * t3 - 3.0 * t2 + 1.0) * b
        + (t3 - 2.0 * t2 + t) * m
        + (3.0 * t2 - 2.0 * t3) * c
        + (t3 - t2) * n
}

/// A value over knots `[place, value]` in order, straight between them.
pub(super) fn along(knots: &[[f32; 2]], at: f32) -> f32 {
    let mut before = knots[0];
    for &knot in knots {
        if at <= knot[0] {
            let width = (knot[0] - before[0]).max(1e-6);
            return mix(before[1], knot[1], ((at - before[0]) / width).clamp(0.0, 1.0));
        }
        before = knot;
    }
    before[1]
}
