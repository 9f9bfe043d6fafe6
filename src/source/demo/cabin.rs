//! What is behind the driver: seat, window, pillar and roof of a car, painted once and
//! out of focus.

use super::math::{Vec3, clouds, hash, hill, mix, mix3, noise, scale, step};

/// Paints the car in linear light, row by row. `day` is 0 at night, 1 by day.
pub(super) fn paint(width: usize, height: usize, day: f32, seed: u64) -> Vec<Vec3> {
    let seed = hash(seed) as u32;
    let mut pixels = Vec::with_capacity(width * height);
    for row in 0..height {
        for column in 0..width {
            // x from -1 to 1, y from -0.75 to 0.75.
            let x = (2.0 * column as f32 + 1.0) / width as f32 - 1.0;
            let y = ((2.0 * row as f32 + 1.0) / height as f32 - 1.0) * 0.75;
            pixels.push(spot(x, y, day, seed));
        }
    }
    pixels
}

fn spot(x: f32, y: f32, day: f32, seed: u32) -> Vec3 {
    let soft = 0.02;
    // Dark cloth all round.
    let mut color = scale([0.060, 0.060, 0.064], 1.0 + 0.18 * clouds(3.0 * x, 3.0 * y, seed));
    // The rear window, far behind, and the side window on the right.
    let rear = inside(x + 0.48, y + 0.22, 0.30, 0.14, soft) ;
    let edge = 0.40 + 0.22 * (y + 0.5);
    let side = step(edge - soft, edge + soft, x) * step(0.18 + soft, 0.18 - soft, y + 0.10 * x)
        * step(-0.66, -0.60, y + 0.06 * x);
    let outside = scenery(x, y, day, seed);
    color = mix3(color, scale(outside, 0.55), rear);
    color = mix3(color, outside, side);
    // The frame of the door and the pillar catch some light.
    let frame = hill((x - edge + 0.035) / 0.03) * step(0.3, 0.1, y);
    color = mix3(color, scale([0.12, 0.12, 0.125], mix(0.3, 1.0, day)), 0.6 * frame);
    // The roof.
    let roof = step(-0.56, -0.66, y + 0.05 * x);
    color = mix3(color, scale([0.20, 0.195, 0.185], mix(0.35, 1.0, day) * (1.0 + 0.04 * noise(40.0 * x, 40.0 * y, seed))), roof);
    // The seat with its head-rest, behind the driver.
    let back = inside(x, y - 0.66, 0.62, 0.50, 0.05);
    let rest = inside(x, y + 0.10, 0.345, 0.27, 0.04);
    let post = step(0.07, 0.05, (x.abs() - 0.12).abs()) * step(0.0, 0.05, y) * step(0.35, 0.3, y);
    let seat = scale([0.085, 0.080, 0.078], 1.0 + 0.25 * step(0.3, -0.4, y) + 0.12 * clouds(5.0 * x, 5.0 * y, seed + 3));
    color = mix3(color, scale(seat, 0.6), 0.6 * post);
    color = mix3(color, scale(seat, 1.25), back.max(rest));
    scale(color, mix(0.45, 1.0, day))
}

/// 1 inside a rounded box about the origin.
fn inside(x: f32, y: f32, half_width: f32, half_height: f32, soft: f32) -> f32 {
    let round = ((x / half_width).powi(4) + (y / half_height).powi(4)).powf(0.25);
    let distance = (round - 1.0) * half_width.min(half_height);
    step(soft, -soft, distance)
}

/// Sky, trees and a road's edge, blurred.
fn scenery(x: f32, y: f32, day: f32, seed: u32) -> Vec3 {
    let sky = mix3([0.62, 0.72, 0.86], [0.80, 0.83, 0.86], step(-0.7, -0.1, y));
    let trees = scale([0.10, 0.15, 0.07], 1.0 + 0.5 * clouds(9.0 * x, 9.0 * y, seed + 1));
    let line = -0.22 + 0.09 * clouds(4.0 * x, 0.0, seed + 2);
    let mut color = mix3(sky, trees, step(line - 0.03, line + 0.03, y));
    color = mix3(color, [0.25, 0.25, 0.24], step(0.06, 0.10, y));
    let night = mix3([0.004, 0.005, 0.008], [0.5, 0.38, 0.18], step(0.72, 0.9, noise(9.0 * x, 9.0 * y, seed + 6)));
    mix3(night, color, day)
}
