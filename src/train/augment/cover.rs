//! Things that lie over a face: dark glasses, a mask, a hand over the mouth, a hand or
//! hair over an eye, and small cut-outs. What was drawn is known, so it gives the
//! labels of the visibility outputs for free.

use std::ops::BitOrAssign;

use rand::Rng;

use super::Picture;

/// Where the parts of the face are, in pixels of the picture (`[x, y]`).
#[derive(Clone, Copy, Debug)]
pub struct Anchors {
    /// The eye on the left of the picture.
    pub left_eye: [f32; 2],
    /// The eye on the right of the picture.
    pub right_eye: [f32; 2],
    /// Tip of the nose.
    pub nose: [f32; 2],
    /// Centre of the mouth.
    pub mouth: [f32; 2],
}

/// What is drawn over the face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// Opaque glasses over both eyes.
    DarkGlasses,
    /// Frames around the eyes with a faint reflection; the eyes stay readable.
    ClearGlasses,
    /// Glasses as dark as the eyes can still be seen through.
    TintedGlasses,
    /// What mirrors in glasses: the spots of a lamp, or a bright field over much of both
    /// lenses. The eyes stay readable.
    Reflections,
    /// A bright field in glasses that the eyes cannot be seen through.
    Mirrors,
    /// A medical mask over mouth, nose and chin.
    Mask,
    /// A hand or a cup over the mouth.
    OverMouth,
    /// A hand or hair over the eye on the left of the picture.
    OverLeftEye,
    /// A hand or hair over the eye on the right of the picture.
    OverRightEye,
    /// A small patch anywhere, too small to hide a part.
    Patch,
}

/// Which parts a cover hides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Covered {
    /// The eye on the left of the picture.
    pub left_eye: bool,
    /// The eye on the right of the picture.
    pub right_eye: bool,
    /// The mouth.
    pub mouth: bool,
}

impl BitOrAssign for Covered {
    /// What one or the other hides.
    fn bitor_assign(&mut self, other: Self) {
        self.left_eye |= other.left_eye;
        self.right_eye |= other.right_eye;
        self.mouth |= other.mouth;
    }
}

/// The axes of the face: origin between the eyes, one unit = the distance of the eyes.
struct Axes {
    origin: [f32; 2],
    right: [f32; 2],
    down: [f32; 2],
    unit: f32,
}

impl Axes {
    fn new(anchors: &Anchors) -> Self {
        let ([lx, ly], [rx, ry]) = (anchors.left_eye, anchors.right_eye);
        let span = (rx - lx).hypot(ry - ly);
        let origin = [(lx + rx) / 2.0, (ly + ry) / 2.0];
        let [mx, my] = [anchors.mouth[0] - origin[0], anchors.mouth[1] - origin[1]];
        let height = mx.hypot(my).max(1e-3);
        // A turned head brings the eyes together; the height of the face does not shrink.
        let unit = span.max(0.8 * height).max(1e-3);
        let right = if span > 1e-3 { [(rx - lx) / span, (ry - ly) / span] } else { [1.0, 0.0] };
        Self { origin, right, down: [mx / height, my / height], unit }
    }

    /// A point of the picture along `right` and `down`, in units, from `centre`.
    fn local(&self, centre: [f32; 2], x: f32, y: f32) -> [f32; 2] {
        let (dx, dy) = (x - centre[0], y - centre[1]);
        [
            (dx * self.right[0] + dy * self.right[1]) / self.unit,
            (dx * self.down[0] + dy * self.down[1]) / self.unit,
        ]
    }

    fn bounds(&self, centre: [f32; 2], reach: f32) -> [f32; 4] {
        let reach = reach * self.unit;
        [centre[0] - reach, centre[1] - reach, centre[0] + reach, centre[1] + reach]
    }
}

/// 1 inside the rounded rectangle of half-widths `w` and `h` (exponent 4), soft edge.
fn blob([x, y]: [f32; 2], w: f32, h: f32) -> f32 {
    (1.0 - ((x / w).powi(4) + (y / h).powi(4))) * 6.0
}

fn colour(rng: &mut impl Rng, low: f32, high: f32) -> [f32; 3] {
    let base = rng.random_range(low..high);
    [0; 3].map(|_| (base + rng.random_range(-0.08..0.08f32)).clamp(0.0, 1.0))
}

/// The colour of skin in this picture: what lies between the eyes and the nose.
fn skin(picture: &Picture, anchors: &Anchors) -> [f32; 3] {
    let x = (anchors.left_eye[0] + anchors.right_eye[0] + 2.0 * anchors.nose[0]) / 4.0;
    let y = (anchors.left_eye[1] + anchors.right_eye[1] + 2.0 * anchors.nose[1]) / 4.0;
    let col = (x.max(0.0) as usize).min(picture.width.saturating_sub(1));
    let row = (y.max(0.0) as usize).min(picture.height.saturating_sub(1));
    let plane = picture.width * picture.height;
    [0, 1, 2].map(|channel| {
        let channel = channel.min(picture.channels - 1);
        picture.data.get(channel * plane + row * picture.width + col).copied().unwrap_or(0.5)
    })
}

impl Cover {
    /// Draws the cover with random shape and colour; says what it hides.
    pub fn draw(self, picture: &mut Picture, anchors: &Anchors, rng: &mut impl Rng) -> Covered {
        let axes = Axes::new(anchors);
        match self {
            Cover::DarkGlasses => {
                glasses(picture, anchors, &axes, Some([0.9, 1.0]), rng);
                Covered { left_eye: true, right_eye: true, mouth: false }
            }
            Cover::TintedGlasses => {
                glasses(picture, anchors, &axes, Some([0.35, 0.72]), rng);
                Covered::default()
            }
            Cover::ClearGlasses => {
                glasses(picture, anchors, &axes, None, rng);
                Covered::default()
            }
            Cover::Reflections => {
                if rng.random_bool(GLINTS) {
                    glints(picture, anchors, &axes, rng);
                } else {
                    field(picture, anchors, &axes, false, rng);
                }
                Covered::default()
            }
            Cover::Mirrors => {
                field(picture, anchors, &axes, true, rng);
                Covered { left_eye: true, right_eye: true, mouth: false }
            }
            Cover::Mask => mask(picture, anchors, &axes, rng),
            Cover::OverMouth => {
                hand(picture, anchors, &axes, anchors.mouth, [0.55, 0.4], rng);
                Covered { mouth: true, ..Default::default() }
            }
            Cover::OverLeftEye => {
                hand(picture, anchors, &axes, anchors.left_eye, [0.42, 0.34], rng);
                Covered { left_eye: true, ..Default::default() }
            }
            Cover::OverRightEye => {
                hand(picture, anchors, &axes, anchors.right_eye, [0.42, 0.34], rng);
                Covered { right_eye: true, ..Default::default() }
            }
            Cover::Patch => patch(picture, rng),
        }
    }
}

/// Glasses that are clear or have a `tint`, from the lightest to the darkest, 0..1.
fn glasses(
    picture: &mut Picture,
    anchors: &Anchors,
    axes: &Axes,
    tint: Option<[f32; 2]>,
    rng: &mut impl Rng,
) {
    let dark = tint.is_some();
    let (w, h) = (rng.random_range(0.36..0.47), rng.random_range(0.22..0.36));
    let drop = rng.random_range(0.0..0.08) * axes.unit;
    let rim = colour(rng, 0.02, if dark { 0.3 } else { 0.6 });
    let glass = if dark { colour(rng, 0.0, 0.28) } else { colour(rng, 0.5, 1.0) };
    let [least, most] = tint.unwrap_or([0.0, 0.18]);
    let density = rng.random_range(least..most);
    let thick = rng.random_range(0.04..0.1);
    // A reflection runs across the glass.
    let shine = rng.random_range(0.0..0.5f32) * if dark { 0.5 } else { 1.0 };
    let (lean, place) = (rng.random_range(-1.0..1.0f32), rng.random_range(-0.3..0.3f32));
    for eye in [anchors.left_eye, anchors.right_eye] {
        let centre = [eye[0] + drop * axes.down[0], eye[1] + drop * axes.down[1]];
        let bounds = axes.bounds(centre, w + h);
        let inside = |x, y| blob(axes.local(centre, x, y), w - thick, h - thick);
        picture.paint(bounds, |x, y| inside(x, y).min(density), |_, _| glass);
        let streak = |x, y| {
            let [u, v] = axes.local(centre, x, y);
            let across = (u + lean * v - place) / 0.08;
            inside(x, y).clamp(0.0, 1.0) * shine * (-across * across).exp()
        };
        picture.paint(bounds, streak, |_, _| [1.0; 3]);
        let frame = |x, y| {
            let at = axes.local(centre, x, y);
            blob(at, w, h).clamp(0.0, 1.0) - blob(at, w - thick, h - thick).clamp(0.0, 1.0)
        };
        picture.paint(bounds, frame, |_, _| rim);
    }
    let bridge = |x, y| blob(axes.local(axes.origin, x, y), 0.2, thick / 2.0);
    picture.paint(axes.bounds(axes.origin, 0.3), bridge, |_, _| rim);
}

/// Share of the reflections that are spots; the others are fields.
const GLINTS: f64 = 0.6;

/// Spots of lamps, at nearly the same place of both lenses.
fn glints(picture: &mut Picture, anchors: &Anchors, axes: &Axes, rng: &mut impl Rng) {
    for _ in 0..rng.random_range(1..=3) {
        let place = [rng.random_range(-0.25..0.25f32), rng.random_range(-0.2..0.15f32)];
        let radius = rng.random_range(0.025..0.11f32);
        let density = rng.random_range(0.7..1.0f32);
        let white = rng.random_range(0.85..1.0f32);
        // Above 1 the spot is flat in its middle, as an overexposed one is.
        let strength = rng.random_range(1.0..4.0f32);
        for eye in [anchors.left_eye, anchors.right_eye] {
            let apart = [rng.random_range(-0.06..0.06f32), rng.random_range(-0.03..0.03f32)];
            let spot = |x, y| {
                let [u, v] = axes.local(eye, x, y);
                let (u, v) =
                    ((u - place[0] - apart[0]) / radius, (v - place[1] - apart[1]) / radius);
                (strength * (-(u * u + v * v) * 1.5).exp()).min(density)
            };
            picture.paint(axes.bounds(eye, 0.7), spot, |_, _| [white; 3]);
        }
    }
}

/// The sky or a window over much of both lenses, with a straight edge and a dark bar in it;
/// one that `hides` the eyes lies over all of them.
fn field(picture: &mut Picture, anchors: &Anchors, axes: &Axes, hides: bool, rng: &mut impl Rng) {
    let (w, h) = (rng.random_range(0.32..0.47f32), rng.random_range(0.2..0.34f32));
    let (density, edge) = if hides {
        (rng.random_range(0.66..0.98f32), rng.random_range(0.12..0.4f32))
    } else {
        (rng.random_range(0.2..0.55f32), rng.random_range(-0.1..0.3f32))
    };
    let [tone, rim] = [colour(rng, 0.5, 1.0), colour(rng, 0.02, 0.4)];
    // Of a field that hides, the lower edge alone is seen.
    let lean = if hides { 0.4 } else { 1.2f32 };
    let (sin, cos) = rng.random_range(-lean..lean).sin_cos();
    let soft = rng.random_range(0.02..0.15f32);
    let (bar, thick) = (rng.random_range(-0.5..0.5f32), rng.random_range(0.0..0.08f32));
    for eye in [anchors.left_eye, anchors.right_eye] {
        let inside = |x, y| {
            let [u, v] = axes.local(eye, x, y);
            let lit = ((edge - (cos * v + sin * u)) / soft).clamp(0.0, 1.0);
            let open = (((cos * u - sin * v - bar).abs() - thick) / 0.03).clamp(0.0, 1.0);
            blob([u, v], w, h).clamp(0.0, 1.0) * lit * open.max(0.3) * density
        };
        picture.paint(axes.bounds(eye, w + h), inside, |_, _| tone);
        let frame = |x, y| {
            let at = axes.local(eye, x, y);
            blob(at, w + 0.05, h + 0.05).clamp(0.0, 1.0) - blob(at, w, h).clamp(0.0, 1.0)
        };
        picture.paint(axes.bounds(eye, w + h), frame, |_, _| rim);
    }
}

fn mask(picture: &mut Picture, anchors: &Anchors, axes: &Axes, rng: &mut impl Rng) -> Covered {
    let top_share = rng.random_range(0.25..1.0);
    // From the bridge or the tip of the nose to under the chin.
    let nose = axes.local(axes.origin, anchors.nose[0], anchors.nose[1])[1];
    let mouth = axes.local(axes.origin, anchors.mouth[0], anchors.mouth[1])[1];
    let (top, bottom) = (nose * top_share, mouth + rng.random_range(0.55..0.85));
    let half = (bottom - top) / 2.0;
    let shift = (top + bottom) / 2.0 * axes.unit;
    let centre = [axes.origin[0] + shift * axes.down[0], axes.origin[1] + shift * axes.down[1]];
    let w = rng.random_range(0.75..1.05);
    let [bright, shade] = [colour(rng, 0.1, 1.0), colour(rng, -0.1, 0.1)];
    let pleats = rng.random_range(0.0..0.06f32);
    let cloth = |x: f32, y: f32| {
        let [u, v] = axes.local(centre, x, y);
        [0, 1, 2].map(|i| {
            (bright[i] + shade[i] * u + pleats * (v * 22.0).sin() - 0.12 * u * u).clamp(0.0, 1.0)
        })
    };
    let inside = |x, y| blob(axes.local(centre, x, y), w, half);
    picture.paint(axes.bounds(centre, 1.8), inside, cloth);
    Covered { mouth: true, ..Default::default() }
}

fn hand(
    picture: &mut Picture,
    anchors: &Anchors,
    axes: &Axes,
    part: [f32; 2],
    [w, h]: [f32; 2],
    rng: &mut impl Rng,
) {
    let grow = rng.random_range(0.95..1.35);
    let mut wobble = || rng.random_range(-0.08..0.08f32) * axes.unit;
    let centre = [part[0] + wobble(), part[1] + wobble()];
    // A hand has the face's own colour; hair, a cup or a sleeve any other.
    let tone = if rng.random_bool(0.6) {
        let gain = rng.random_range(0.75..1.2);
        skin(picture, anchors).map(|v| (v * gain).clamp(0.0, 1.0))
    } else {
        colour(rng, 0.0, 1.0)
    };
    let fingers = rng.random_range(0.0..0.12f32);
    let (sin, cos) = rng.random_range(-0.7..0.7f32).sin_cos();
    let turned = |x, y| {
        let [u, v] = axes.local(centre, x, y);
        [cos * u - sin * v, sin * u + cos * v]
    };
    let inside = |x, y| blob(turned(x, y), w * grow, h * grow);
    let shade = |x, y| {
        let stripe = fingers * (turned(x, y)[1] * 24.0).sin();
        tone.map(|v| (v + stripe).clamp(0.0, 1.0))
    };
    picture.paint(axes.bounds(centre, 1.6), inside, shade);
}

fn patch(picture: &mut Picture, rng: &mut impl Rng) -> Covered {
    let (width, height) = (picture.width as f32, picture.height as f32);
    let (w, h) = (width * rng.random_range(0.05..0.16), height * rng.random_range(0.05..0.16));
    let (x, y) = (rng.random_range(0.0..width), rng.random_range(0.0..height));
    let tone = colour(rng, 0.0, 1.0);
    picture.paint([x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0], |_, _| 1.0, |_, _| tone);
    Covered::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    const ANCHORS: Anchors = Anchors {
        left_eye: [32.0, 38.0],
        right_eye: [64.0, 38.0],
        nose: [48.0, 55.0],
        mouth: [48.0, 72.0],
    };

    fn changed(cover: Cover, at: [f32; 2], seed: u64) -> bool {
        let data: Vec<f32> = (0..96 * 96).map(|i| 0.35 + (i % 7) as f32 * 0.05).collect();
        let clean = Picture::grey(96, data);
        let mut picture = clean.clone();
        cover.draw(&mut picture, &ANCHORS, &mut ChaCha8Rng::seed_from_u64(seed));
        let around = (0..9).map(|i| (at[1] as usize - 1 + i / 3) * 96 + at[0] as usize - 1 + i % 3);
        around.filter(|&i| (picture.data[i] - clean.data[i]).abs() > 0.02).count() >= 5
    }

    #[test]
    fn covers_hide_what_they_say_and_nothing_else() {
        for seed in 0..20 {
            let left = ANCHORS.left_eye;
            assert!(changed(Cover::DarkGlasses, left, seed));
            assert!(changed(Cover::TintedGlasses, left, seed));
            assert!(changed(Cover::OverLeftEye, left, seed));
            assert!(!changed(Cover::OverLeftEye, ANCHORS.mouth, seed));
            assert!(changed(Cover::OverRightEye, ANCHORS.right_eye, seed));
            for cover in [Cover::Mask, Cover::OverMouth] {
                assert!(changed(cover, ANCHORS.mouth, seed), "{cover:?}");
                assert!(!changed(cover, left, seed), "{cover:?}");
            }
        }
    }

    #[test]
    fn reflections_brighten_both_lenses_and_say_whether_they_hide() {
        let clean = Picture::grey(96, vec![0.2; 96 * 96]);
        for (seed, cover, hides, least) in (0..20).flat_map(|seed| {
            [(seed, Cover::Reflections, false, 3), (seed, Cover::Mirrors, true, 60)]
        }) {
            let mut picture = clean.clone();
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let covered = cover.draw(&mut picture, &ANCHORS, &mut rng);
            assert_eq!(covered, Covered { left_eye: hides, right_eye: hides, mouth: false });
            let brighter = |columns: std::ops::Range<usize>| {
                let lens = columns.flat_map(|x| (24..52).map(move |y| y * 96 + x));
                lens.filter(|&i| picture.data[i] > 0.25).count()
            };
            let sides = [brighter(16..48), brighter(48..80)];
            assert!(sides.iter().all(|side| *side >= least), "{cover:?}, seed {seed}: {sides:?}");
        }
    }

    #[test]
    fn a_face_without_extent_does_not_break_the_drawing() {
        let point =
            Anchors { left_eye: [5.0; 2], right_eye: [5.0; 2], nose: [5.0; 2], mouth: [5.0; 2] };
        let mut picture = Picture::grey(16, vec![0.5; 256]);
        for cover in
            [Cover::DarkGlasses, Cover::Reflections, Cover::Mask, Cover::OverMouth, Cover::Patch]
        {
            cover.draw(&mut picture, &point, &mut ChaCha8Rng::seed_from_u64(1));
        }
        assert!(picture.data.iter().all(|v| v.is_finite()));
    }
}
