//! Triangles into pixels: a linear-light picture with a depth for each pixel.

use super::math::{Vec3, mix3};

/// Interpolated values of a vertex: texture place (2), place on the face (2), light (3),
/// shine (1).
pub(super) const VALUES: usize = 8;

/// A projected corner of a triangle.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Vertex {
    /// `[x, y]` in pixels, distance from the camera.
    pub(super) at: Vec3,
    /// What is interpolated over the triangle.
    pub(super) values: [f32; VALUES],
}

/// Marks a row in which nothing was drawn.
const UNTOUCHED: (usize, usize) = (usize::MAX, 0);

/// A picture in linear light, 0..1 and above.
#[derive(Clone, Debug)]
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) color: Vec<Vec3>,
    depth: Vec<f32>,
    /// First and last column + 1 that was drawn on in each row.
    touched: Vec<(usize, usize)>,
}

/// Corners in this order are seen from outside when they run clockwise on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sides {
    /// Only the outside is drawn.
    Outer,
    /// Both sides are drawn.
    Both,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            color: vec![[0.0; 3]; width * height],
            depth: vec![f32::MAX; width * height],
            touched: vec![UNTOUCHED; height],
        }
    }

    /// Starts again from a picture that is far away: the same as before, or all of it.
    pub(super) fn clear(&mut self, behind: &[Vec3], same: bool) {
        for row in 0..self.height {
            let (from, to) = if same { self.touched[row] } else { (0, self.width) };
            if from < to {
                let pixels = row * self.width + from..row * self.width + to;
                self.color[pixels.clone()].copy_from_slice(&behind[pixels.clone()]);
                self.depth[pixels].fill(f32::MAX);
            }
        }
        self.touched.fill(UNTOUCHED);
    }

    /// First and last column + 1 that was drawn on in a row.
    pub(super) fn touched(&self, row: usize) -> (usize, usize) {
        self.touched[row]
    }

    /// Draws a triangle. `shade` gives colour and cover (0..1) of a pixel from its
    /// interpolated values; pixels covered by half or more hide what is behind them.
    pub(super) fn triangle(
        &mut self,
        [a, b, c]: [&Vertex; 3],
        sides: Sides,
        shade: &mut impl FnMut(&[f32; VALUES]) -> (Vec3, f32),
    ) {
        let area = (b.at[0] - a.at[0]) * (c.at[1] - a.at[1])
            - (b.at[1] - a.at[1]) * (c.at[0] - a.at[0]);
        let seen = match sides {
            Sides::Outer => area > 1e-6,
            Sides::Both => area.abs() > 1e-6,
        };
        let near = a.at[2].min(b.at[2]).min(c.at[2]);
        if !seen || !area.is_finite() || near < 0.1 {
            return;
        }
        let low = |axis: usize| a.at[axis].min(b.at[axis]).min(c.at[axis]);
        let high = |axis: usize| a.at[axis].max(b.at[axis]).max(c.at[axis]);
        let span = |axis: usize, size: usize| {
            let from = (low(axis) - 0.5).ceil().max(0.0) as usize;
            let to = (high(axis) - 0.5).floor().min(size as f32 - 1.0);
            (from, if to < 0.0 { 0 } else { to as usize + 1 })
        };
        let ((left, right), (top, bottom)) = (span(0, self.width), span(1, self.height));
        let flip = 1.0 / area;
        if left >= right {
            return;
        }
        for y in top..bottom {
            let (from, to) = self.touched[y];
            self.touched[y] = (from.min(left), to.max(right));
            let py = y as f32 + 0.5;
            for x in left..right {
                let px = x as f32 + 0.5;
                let wb = ((px - a.at[0]) * (c.at[1] - a.at[1])
                    - (py - a.at[1]) * (c.at[0] - a.at[0]))
                    * flip;
                let wc = ((b.at[0] - a.at[0]) * (py - a.at[1])
                    - (b.at[1] - a.at[1]) * (px - a.at[0]))
                    * flip;
                let wa = 1.0 - wb - wc;
                // A hair's breadth over the edge, so that neighbours leave no crack.
                if wa < -1e-4 || wb < -1e-4 || wc < -1e-4 {
                    continue;
                }
                let depth = wa * a.at[2] + wb * b.at[2] + wc * c.at[2];
                let pixel = y * self.width + x;
                if depth >= self.depth[pixel] {
                    continue;
                }
                let mut values = [0.0; VALUES];
                for (i, value) in values.iter_mut().enumerate() {
                    *value = wa * a.values[i] + wb * b.values[i] + wc * c.values[i];
                }
                let (color, cover) = shade(&values);
                if cover >= 0.5 {
                    self.depth[pixel] = depth;
                }
                self.color[pixel] = if cover >= 0.999 {
                    color
                } else {
                    mix3(self.color[pixel], color, cover.max(0.0))
                };
            }
        }
    }
}
