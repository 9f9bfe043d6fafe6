//! What moves inside a face and is therefore drawn anew for each picture: the eyes with
//! their lids, and the inside of the mouth.

use super::{
    driver::Driver,
    math::{Vec3, hill, mix, mix3, noise, scale, step},
    shape::SLIT_HALF,
};

/// Middle of an eye, its half width and the direction of its corners, in the plane.
const EYE: [f32; 2] = [0.355, 0.0125];
const EYE_HALF: f32 = 0.1455;
const EYE_AXIS: [f32; 2] = [0.9963, -0.0859];
/// Height of the upper and the lower lid over the line of the corners when wide open:
/// together the mean eye aspect ratio of HELEN, 0.33.
const UPPER: f32 = 0.078;
const LOWER: f32 = -0.040;
/// Where the lids meet.
const MEETING: f32 = -0.026;
const IRIS: f32 = 0.068;
/// Height of an eye over the average above which the crease does not rise with it.
const WIDE: f32 = 1.26;

/// The two lids of an eye over its width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lids {
    open: f32,
    upper: f32,
    lower: f32,
}

impl Lids {
    /// The lids of an eye that is open by 0..1.
    pub(super) fn new(driver: &Driver, open: f32) -> Self {
        let open = open.clamp(0.0, 1.15);
        Self {
            open,
            upper: mix(MEETING, UPPER * driver.eyes, open),
            lower: mix(MEETING - 0.002, LOWER * driver.eyes.min(1.05), open),
        }
    }

    /// Heights over the line of the corners at `a`, -1 (nose) to 1: `[upper, lower]`.
    fn at(&self, a: f32) -> [f32; 2] {
        let dome = (1.0 - a * a).max(0.0);
        // The upper lid peaks toward the nose, the lower one away from it.
        let shape = dome.powf(0.85);
        [self.upper * shape * (1.0 - 0.10 * a), self.lower * dome * (1.0 + 0.12 * a)]
    }

    /// A point of the upper or the lower lid at `a`, in the plane, on the side of +x.
    pub(super) fn point(&self, a: f32, upper: bool) -> [f32; 2] {
        let [top, bottom] = self.at(a);
        let b = if upper { top } else { bottom };
        let along = EYE_HALF * a;
        [
            EYE[0] + along * EYE_AXIS[0] + b * EYE_AXIS[1],
            EYE[1] + along * EYE_AXIS[1] - b * EYE_AXIS[0],
        ]
    }
}

/// True where [`eye`] may change the skin.
pub(super) fn near_eye(x: f32, y: f32) -> bool {
    (x.abs() - EYE[0]).abs() < 0.21 && (-0.15..0.12).contains(&y)
}

/// A lit thing: what it gives back and what it adds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matter {
    pub(super) color: Vec3,
    /// Wetness: how much of the shine it shows.
    pub(super) wet: f32,
}

/// Draws an eye over the skin at a place of the plane. `pixel` is the width of a pixel in
/// units; a `lamp` beside the camera shines back from the pupil.
pub(super) fn eye(
    driver: &Driver,
    lids: &Lids,
    gaze: [f32; 2],
    [x, y]: [f32; 2],
    pixel: f32,
    skin: Vec3,
    lamp: bool,
) -> Matter {
    let outward = x.signum();
    let (dx, dy) = (x.abs() - EYE[0], y - EYE[1]);
    let along = dx * EYE_AXIS[0] + dy * EYE_AXIS[1];
    let up = dx * EYE_AXIS[1] - dy * EYE_AXIS[0];
    let a = along / EYE_HALF;
    let [top, bottom] = lids.at(a);
    let dome = (1.0 - a * a).max(0.0);
    let soft = pixel.max(0.006);

    // The skin of the upper lid: a ball under it, a crease above.
    let mut color = skin;
    // A wide eye's crease has no more room to the brow.
    let mut high = driver.eyes.max(0.9);
    if high > WIDE {
        high = WIDE + 0.5 * (high - WIDE);
    }
    if driver.hooded > 0.0 {
        high *= 1.0 - driver.hooded * mix(0.22, 0.42, step(-0.6, 0.8, a));
    }
    let crease =
        mix(0.078, 0.112, lids.open.min(1.0)) * high * (1.0 - 0.85 * a * a).max(0.0).powf(0.6);
    let on_lid = step(crease + 0.01, crease - 0.012, up)
        * step(top - 0.01, top + 0.004, up)
        * step(1.25, 0.9, a.abs());
    let lid_height = (crease - top).max(0.02);
    let rise = ((up - top) / lid_height).clamp(0.0, 1.0);
    // Round: light on its crown, darker where it turns under.
    let rounded = 0.84
        + mix(0.40, 0.30, lids.open.min(1.0))
            * (std::f32::consts::PI * rise.powf(0.8)).sin()
            * (1.0 - 0.45 * a * a);
    let lid = scale([skin[0] * 0.98, skin[1] * 0.93, skin[2] * 0.92], rounded);
    color = mix3(color, lid, on_lid);
    let fold = hill((up - crease) / 0.010) * step(1.12, 0.8, a.abs());
    color = scale(color, 1.0 - fold * mix(0.10, 0.42, lids.open.min(1.0)));
    // The fold under the eye when it is shut.
    let under = hill((up - bottom + 0.035) / 0.02) * dome;
    color = scale(color, 1.0 - 0.10 * under * lids.open.min(1.0));

    // The eyeball.
    let inside = ((top - up) / soft + 0.5).clamp(0.0, 1.0)
        * ((up - bottom) / soft + 0.5).clamp(0.0, 1.0)
        * if a.abs() < 1.0 { 1.0 } else { 0.0 };
    let mut wet = mix(0.12, 0.35, lids.open.min(1.0));
    if inside > 0.0 {
        let mut ball = eyeball(driver, outward, gaze, along, up, soft);
        if lamp {
            ball = shining(ball, outward, gaze, along, up, soft);
        }
        // The upper lid throws a shadow on it, and it turns away to the corners.
        let shadow = (1.0 - 0.55 * hill((top - up) / 0.022)) * (1.0 - 0.38 * a * a);
        let corner = step(-0.80, -0.95, a);
        let ball = mix3(scale(ball, shadow), [0.34, 0.15, 0.13], corner);
        color = mix3(color, ball, inside);
        wet = mix(wet, 0.0, inside);
    }

    // Lashes: a dark line on the upper lid, a fringe below it once it is shut.
    let shut = (1.0 - lids.open).clamp(0.0, 1.0);
    let reach = step(1.10, 0.98, a) * step(-0.98, -0.80, a);
    let thick = (0.0085 + 0.004 * driver.lashes)
        * (1.0 + 0.55 * shut)
        * (0.65 + 0.35 * a.clamp(-1.0, 1.0).abs());
    let line = hill((up - top - 0.003) / thick.max(0.75 * soft)) * reach;
    let strands = 0.65 + 0.35 * noise(40.0 * a, 0.0, 3);
    let fringe =
        step(0.045, 0.0, top - up) * step(-0.004, 0.006, top - up) * reach * shut * strands;
    // Dark on dark skin, too.
    let lash = scale([0.022, 0.014, 0.011], (skin[0] / 0.4).clamp(0.2, 1.0));
    color = mix3(color, lash, (0.80 * driver.lashes.min(1.15) * line).min(0.95));
    color = mix3(color, lash, (0.50 * driver.lashes * fringe).min(0.8));
    // The wet edge of the lower lid and its thin lashes.
    let edge = hill((up - bottom + 0.002) / 0.008_f32.max(0.7 * soft)) * step(1.02, 0.9, a.abs());
    color = mix3(color, scale(skin, 0.45), 0.55 * edge * (1.0 - shut));
    Matter { color, wet }
}

/// White, iris and pupil, and the light in them, at a place of the eye.
fn eyeball(driver: &Driver, outward: f32, gaze: [f32; 2], along: f32, up: f32, soft: f32) -> Vec3 {
    let ix = 0.135 * gaze[0].sin() * outward;
    let iy = 0.016 - 0.135 * gaze[1].sin();
    let (dx, dy) = (along - ix, up - iy);
    let from = dx.hypot(dy);
    let white = scale([0.60, 0.545, 0.515], 1.0 + 0.05 * noise(30.0 * along, 30.0 * up, 5));
    let rays = 1.0 + 0.30 * noise(6.0 * dy.atan2(dx), 2.0, 8);
    let mut iris = scale(driver.iris, rays * mix(1.5, 0.9, from / IRIS));
    iris = scale(iris, 1.0 - 0.65 * step(0.048, IRIS, from));
    iris = mix3(iris, [0.006; 3], step(0.028 + soft, 0.028 - soft, from));
    let mut color = mix3(white, iris, step(IRIS + soft, IRIS - soft, from));
    let spark = step(0.020, 0.006, (dx * outward + 0.020).hypot(dy - 0.026));
    color = mix3(color, [1.1; 3], 0.75 * spark);
    color
}

/// The pupil in the light of a lamp beside the lens: bright, in a paler iris.
fn shining(ball: Vec3, outward: f32, gaze: [f32; 2], along: f32, up: f32, soft: f32) -> Vec3 {
    let (dx, dy) = (along - 0.135 * gaze[0].sin() * outward, up - 0.016 + 0.135 * gaze[1].sin());
    let from = dx.hypot(dy);
    let pale = mix3(ball, [0.20; 3], 0.55 * step(IRIS + soft, IRIS - soft, from));
    mix3(pale, [1.15; 3], step(0.036 + soft, 0.036 - soft, from))
}

/// The inside of the mouth. `x` across in the plane, `t` from the upper lip (0) to the
/// lower (1), `gap` the opening in the middle in units; a `smile` shows the upper teeth.
pub(super) fn mouth(driver: &Driver, x: f32, t: f32, gap: f32, smile: f32) -> Vec3 {
    let within = (1.0 - (x / SLIT_HALF).powi(2)).max(0.0);
    let here = gap * within.powf(0.55);
    let depth = t * here;
    let mut color = [0.016, 0.005, 0.0045];
    // The tongue fills the lower part.
    let tongue = step(0.55, 0.90, t) * step(0.05, 0.16, here) * step(0.20, 0.08, x.abs());
    color = mix3(color, [0.13, 0.040, 0.037], 0.75 * tongue);
    let teeth = |reach: f32, at: f32| {
        let shown = step(reach + 0.008, reach - 0.008, at) * step(0.17, 0.10, x.abs());
        let gaps = 1.0 - 0.22 * hill(((x * 17.0).fract().abs() - 0.5) / 0.10);
        shown * gaps
    };
    // Talking shows them, a yawn draws the lip over them.
    let shows = step(0.01, 0.05, gap) * mix(1.0, 0.55, step(0.1, 0.3, gap));
    let upper = teeth(0.045, depth);
    color = mix3(color, [0.38, 0.33, 0.27], 0.75 * upper * shows);
    if smile > 0.0 {
        let shown = step(0.070, 0.056, depth) * step(0.23, 0.17, x.abs());
        let gaps = 1.0 - 0.18 * hill(((x * 17.0).fract().abs() - 0.5) / 0.10);
        color = mix3(color, scale([0.66, 0.62, 0.55], gaps), 0.95 * smile * shown);
    }
    let lower = teeth(0.022, here - depth);
    color = mix3(color, [0.20, 0.17, 0.14], 0.4 * lower * step(0.06, 0.14, gap));
    // The wet inner lips.
    let lip = hill(t * here / 0.016).max(hill((1.0 - t) * here / 0.022));
    mix3(color, scale(driver.lip_color, 0.55), 0.8 * lip)
}
