//! A pair of glasses from the front: frame, lenses, and what mirrors in them.

use super::{
    driver::Glasses,
    math::{Vec3, hill, mix3, scale, step},
    raster::VALUES,
    view::{Light, View, line, lit},
};

/// The glasses of a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lens {
    kind: Glasses,
    pixel: f32,
    /// How far the head's turn moves what mirrors, in half lenses: right, down.
    moved: [f32; 2],
    lamp: bool,
}

impl Lens {
    pub(super) fn new(kind: Glasses, view: &View, light: &Light) -> Self {
        let [x, y, _] = view.turned([0.0, 0.0, -1.0]);
        Self { kind, pixel: 1.0 / view.scale_px(), moved: [-2.4 * x, -2.4 * y], lamp: light.lamp }
    }

    /// Colour and cover at a point of the front: frame, lens, or nothing.
    pub(super) fn seen(&self, frame: Vec3, values: &[f32; VALUES]) -> (Vec3, f32) {
        let [x, y] = [values[2], values[3]];
        let dark = self.kind == Glasses::Dark;
        let (half, high) = if dark { (0.300, 0.190) } else { (0.272, 0.158) };
        let (dx, dy) = ((x.abs() - 0.352) / half, (y - 0.022) / high);
        let round = (dx.abs().powi(3) + dy.abs().powi(3)).cbrt();
        // Distance to the rim, in units, roughly.
        let rim = (round - 1.0) * high * 1.1;
        let width = if dark { 0.018 } else { 0.013 };
        let soft = (0.7 * self.pixel).max(0.004);
        let mut framed = line(rim.abs(), width, soft);
        let bridge = line((y + 0.055 - 0.3 * x * x).abs(), 0.014, soft) * step(0.11, 0.09, x.abs());
        let hinge = line((y + 0.045).abs(), 0.018, soft)
            * step(0.62, 0.635, x.abs())
            * step(0.70, 0.69, x.abs());
        framed = framed.max(bridge).max(hinge);
        let lens = step(soft, -soft, rim);
        let light = [values[4], values[5], values[6]];
        let (mut color, mut cover) = self.glass(dx, dy, x.signum(), light);
        if self.lamp && self.kind != Glasses::None {
            // The lamp mirrors as a spot.
            let [right, down] = self.moved;
            let (sx, sy) = (x.signum() * dx - 0.5 * right - 0.12, dy - 0.5 * down + 0.22);
            let spot = hill((sx * sx + sy * sy).sqrt() / 0.16);
            color = mix3(color, [2.6; 3], spot);
            cover = cover.max(spot.min(0.97));
        }
        let frame = lit(frame, 0.9, values);
        let covered = lens * cover;
        let all = framed + (1.0 - framed) * covered;
        (mix3(color, frame, if all > 0.0 { framed / all } else { 0.0 }), all)
    }

    /// The glass alone. `side` is -1 on the left of the picture.
    fn glass(&self, dx: f32, dy: f32, side: f32, light: Vec3) -> (Vec3, f32) {
        // The windscreen mirrors in it, in a slanted band.
        let band = hill((dx + 0.6 * dy + 0.15) / 0.28) + 0.5 * hill((dx + 0.6 * dy - 0.5) / 0.10);
        let tinted = |color: Vec3| [0, 1, 2].map(|i| color[i] * light[i]);
        match self.kind {
            Glasses::Dark => {
                let shade = 1.0 + 2.2 * step(0.5, -1.0, dy) + 1.8 * band;
                (tinted(scale([0.028, 0.030, 0.034], shade)), 0.965)
            }
            Glasses::Tinted => {
                let cover = 0.74 - 0.16 * step(-0.6, 0.9, dy);
                (tinted(scale([0.050, 0.034, 0.018], 1.0 + 1.2 * band)), cover)
            }
            Glasses::Reflecting => {
                // Sky over a dark dashboard, cut by the pillar; the head's turn moves it.
                let [right, down] = self.moved;
                let (sx, sy) = (side * dx - right, dy - down);
                let sky = step(0.22, 0.02, sy + 0.25 * sx)
                    * (1.0 - 0.9 * step(0.10, 0.06, (sx + 0.45 * sy - 0.42).abs()));
                let clouded = scale([0.80, 0.90, 1.0], 0.85 + 0.25 * step(0.0, -0.9, sy));
                (scale(clouded, (light[0] + light[1] + light[2]) / 3.0 * 1.15), 0.06 + 0.60 * sky)
            }
            Glasses::None | Glasses::Clear => (scale(light, 0.55), 0.03 + 0.10 * band),
        }
    }
}
