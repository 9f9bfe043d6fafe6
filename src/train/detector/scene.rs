//! Draws the scenes that the detector learns from: a face of a drawn size somewhere on the
//! canvas, turned, dark, backlit, covered or half out of the picture, in its own picture or
//! pasted over another one; faces upside down and pictures without a face as what is none.
//! Scene `n` of a seed is always the same.

use std::{collections::BTreeMap, f32::consts::PI};

use rand::{Rng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::labels::{Entry, Shelf, Shown};
use crate::{
    face::Region,
    train::{
        TrainError,
        augment::{Anchors, Cover, Photometric, Picture, normal},
    },
    vit::cells::CanvasFace,
};

/// Smaller faces on a canvas are neither told nor missed, pixels.
const LEAST_PX: f32 = 9.0;
/// A face of which less than this lies on the canvas, along either axis, is doubtful.
const LEAST_SEEN: f32 = 0.55;
/// Turns up to here are told; radians.
const MOST_TOLD: f32 = 65.0 * PI / 180.0;
/// Turns from here on are no faces: up is up; radians.
const UPSIDE_DOWN: f32 = 110.0 * PI / 180.0;

/// How scenes are made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SceneOptions {
    /// Share of each collection among the scenes; relative.
    pub shares: BTreeMap<String, f64>,
    /// Share of scenes that show no face at all, 0..1.
    pub empty: f64,
    /// Sizes of the faces shown, canvas pixels.
    pub sizes_px: [f32; 2],
    /// Chance of a turn of up to 60 degrees, 0..1.
    pub turned: f64,
    /// Chance that the face is upside down and nothing is to be told, 0..1.
    pub upside_down: f64,
    /// Chance that a part of the face lies outside of the canvas, 0..1.
    pub cut_off: f64,
    /// Chance that what lies around a small picture is another picture, 0..1.
    pub pasted: f64,
    /// Chance of something drawn over a face, 0..1.
    pub cover: f64,
    /// Chance that the face is dark before a bright background, 0..1.
    pub backlit: f64,
    /// Chance of a lamp beside the camera: bright in its middle, dark around it, 0..1.
    pub lamp: f64,
    /// Light, lens and sensor.
    pub photometric: Photometric,
}

impl Default for SceneOptions {
    fn default() -> Self {
        Self {
            shares: BTreeMap::new(),
            empty: 0.14,
            sizes_px: [13.0, 170.0],
            turned: 0.3,
            upside_down: 0.07,
            cut_off: 0.12,
            pasted: 0.6,
            cover: 0.3,
            backlit: 0.12,
            lamp: 0.12,
            photometric: Photometric {
                dark: 0.15,
                gradient: 0.3,
                blur: 0.2,
                low_resolution: 0.25,
                ..Photometric::default()
            },
        }
    }
}

/// What is to be said of a face of a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// It is to be told.
    Face,
    /// Too small, too much cut off, or never sure: either answer will do.
    Doubtful,
    /// It is none: upside down.
    None,
}

/// A canvas and what is on it.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// `[side, side]`, grey 0..1.
    pub(super) image: Vec<f32>,
    pub(super) faces: Vec<(Goal, CanvasFace)>,
}

/// Draws scenes.
pub(super) struct Scenes<'a> {
    pub(super) side: usize,
    pub(super) options: &'a SceneOptions,
    pub(super) shelf: &'a Shelf,
    pub(super) empty: &'a [Entry],
    groups: Vec<(f64, Vec<&'a Entry>)>,
}

/// A turned view of a picture: grey canvas, how much of each pixel lies inside the picture,
/// and its faces in canvas pixels.
struct View {
    picture: Picture,
    inside: Option<Vec<f32>>,
    faces: Vec<CanvasFace>,
}

impl<'a> Scenes<'a> {
    /// Over these pictures with faces and without.
    pub(super) fn new(
        side: usize,
        options: &'a SceneOptions,
        shelf: &'a Shelf,
        entries: &'a [Entry],
        empty: &'a [Entry],
    ) -> Self {
        let mut groups: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for entry in entries {
            groups.entry(&entry.collection).or_default().push(entry);
        }
        let mut total = 0.0;
        let groups = groups.into_iter().map(|(name, members)| {
            total += match options.shares.is_empty() {
                true => members.len() as f64,
                false => options.shares.get(name).copied().unwrap_or(0.0),
            };
            (total, members)
        });
        Self { side, options, shelf, empty, groups: groups.collect() }
    }

    fn entry(&self, rng: &mut ChaCha8Rng) -> Option<&'a Entry> {
        let total = self.groups.last().map(|(total, _)| *total).filter(|total| *total > 0.0)?;
        let point = rng.random_range(0.0..total);
        let group = self.groups.partition_point(|(up_to, _)| *up_to <= point);
        self.groups.get(group)?.1.choose(rng).copied()
    }

    /// A scene.
    ///
    /// # Errors
    /// When a picture cannot be read.
    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> Result<Scene, TrainError> {
        let mut scene = match self.entry(rng) {
            Some(entry) if !rng.random_bool(self.options.empty) => self.with_face(entry, rng)?,
            _ => self.without(rng)?,
        };
        let mut picture = Picture::grey(self.side, std::mem::take(&mut scene.image));
        if rng.random_bool(0.5) {
            picture.mirror();
            scene.faces.iter_mut().for_each(|(_, face)| mirror(face, self.side as f32));
        }
        for (_, face) in scene.faces.iter().filter(|(goal, _)| *goal == Goal::Face) {
            self.cover(&mut picture, face, rng);
            if rng.random_bool(self.options.backlit) {
                backlight(&mut picture, face, rng);
            }
        }
        if rng.random_bool(self.options.lamp) {
            lamp(&mut picture, rng);
        }
        self.options.photometric.apply(&mut picture, rng);
        scene.image = picture.data;
        Ok(scene)
    }

    /// A picture without a face, or plain shades.
    fn without(&self, rng: &mut ChaCha8Rng) -> Result<Scene, TrainError> {
        let image = match self.empty.choose(rng) {
            Some(entry) if rng.random_bool(0.95) => {
                let Shown { image, .. } = self.shelf.shown(entry)?;
                let [width, height] = [image.width() as f32, image.height() as f32];
                let region = Region {
                    center: [rng.random_range(0.0..width), rng.random_range(0.0..height)],
                    side_px: width.max(height) * rng.random_range(0.3..1.3f32),
                    roll: rng.random_range(-PI..PI),
                };
                region.sample_grey(&image, self.side)
            }
            _ => {
                let (base, noise) = (rng.random_range(0.05..0.9f32), rng.random_range(0.0..0.1f32));
                (0..self.side * self.side).map(|_| base + noise * normal(rng)).collect()
            }
        };
        Ok(Scene { image, faces: Vec::new() })
    }

    fn with_face(&self, entry: &Entry, rng: &mut ChaCha8Rng) -> Result<Scene, TrainError> {
        let shown = self.shelf.shown(entry)?;
        let Some(chosen) = shown.faces.choose(rng) else { return self.without(rng) };
        let roll = match rng.random_range(0.0..1.0) {
            p if p < self.options.upside_down => PI + rng.random_range(-1.1..1.1f32),
            p if p < self.options.upside_down + self.options.turned => {
                rng.random_range(-60f32..60.0).to_radians()
            }
            _ => (9.0 * normal(rng)).clamp(-25.0, 25.0).to_radians(),
        };
        let region = self.region(chosen, roll, rng);
        let mut view = self.view(&shown, &region);
        let mut faces: Vec<_> =
            view.faces.iter().map(|face| (self.goal(face, roll), *face)).collect();
        if let Some(inside) = view.inside.take() {
            let border = !rng.random_bool(self.options.pasted);
            let behind = match (border, rng.random_bool(0.45)) {
                (true, _) => None,
                (false, true) => self.entry(rng),
                (false, false) => None,
            };
            let (other, more) = match behind {
                Some(behind) => {
                    let shown = self.shelf.shown(behind)?;
                    match shown.faces.choose(rng) {
                        Some(face) => {
                            let roll = (9.0 * normal(rng)).clamp(-25.0, 25.0).to_radians();
                            let view = self.view(&shown, &self.region(face, roll, rng));
                            (view.picture.data, view.faces)
                        }
                        None => (self.without(rng)?.image, Vec::new()),
                    }
                }
                None => (self.without(rng)?.image, Vec::new()),
            };
            if !border {
                // A picture over another: the edge is sometimes sharp and sometimes not.
                for ((value, other), inside) in view.picture.data.iter_mut().zip(other).zip(&inside)
                {
                    *value = other + (*value - other) * inside;
                }
                faces.extend(more.into_iter().map(|face| {
                    let goal = match self.hidden(&face, &inside) {
                        hidden if hidden < 0.15 => self.goal(&face, 0.0),
                        hidden if hidden < 0.9 => Goal::Doubtful,
                        _ => Goal::None,
                    };
                    (goal, face)
                }));
            }
        }
        Ok(Scene { image: view.picture.data, faces })
    }

    /// Where to look so that a face has a drawn size and place.
    fn region(&self, face: &CanvasFace, roll: f32, rng: &mut ChaCha8Rng) -> Region {
        let side = self.side as f32;
        let [low, high] = self.options.sizes_px;
        let size = (rng.random_range(0.0..1.0f32) * (high / low).ln()).exp() * low;
        // A small picture is not blown up to nothing but blur.
        let size = size.min(2.5 * face.side()).max(low);
        let scale = face.side() / size;
        let margin = match rng.random_bool(self.options.cut_off) {
            true => -0.3 * size,
            false => 0.45 * size,
        };
        let mut place = || match margin < side - margin {
            true => rng.random_range(margin..side - margin),
            false => side / 2.0,
        };
        let at = [place() / side, place() / side];
        let region = Region { center: [0.0; 2], side_px: scale * side, roll };
        let off = region.to_frame(at);
        Region { center: [face.middle[0] - off[0], face.middle[1] - off[1]], ..region }
    }

    fn view(&self, shown: &Shown, region: &Region) -> View {
        let side = self.side;
        let picture = Picture::grey(side, region.sample_grey(&shown.image, side));
        let [width, height] = [shown.image.width() as f32, shown.image.height() as f32];
        let corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]];
        let within = |[x, y]: [f32; 2]| x >= 0.0 && y >= 0.0 && x <= width && y <= height;
        let inside = (!corners.into_iter().all(|c| within(region.to_frame(c)))).then(|| {
            let step = region.side_px / side as f32;
            let middle = |i: usize| (i as f32 + 0.5) / side as f32;
            (0..side * side)
                .map(|at| {
                    let [x, y] = region.to_frame([middle(at % side), middle(at / side)]);
                    let depth = x.min(y).min(width - x).min(height - y) / step;
                    depth.clamp(0.0, 1.0)
                })
                .collect()
        });
        let scale = side as f32 / region.side_px;
        let (sin, cos) = region.roll.sin_cos();
        let place = |point: [f32; 2]| region.to_unit(point).map(|v| v * side as f32);
        let faces = shown.faces.iter().map(|face| {
            // The box around the turned ellipse.
            let [w, h] = face.size;
            let size = [(w * cos).hypot(h * sin) * scale, (w * sin).hypot(h * cos) * scale];
            CanvasFace { middle: place(face.middle), size, points: face.points.map(place), ..*face }
        });
        View { picture, inside, faces: faces.collect() }
    }

    /// What is to be said of a face whose picture was turned by `roll`.
    fn goal(&self, face: &CanvasFace, roll: f32) -> Goal {
        let [a, b] = [face.points[0], face.points[1]];
        let own = (b[1] - a[1]).atan2(b[0] - a[0]).abs();
        let turn = roll.abs().max(own);
        let seen = [0, 1].map(|axis| {
            let low = (face.middle[axis] - face.size[axis] / 2.0).max(0.0);
            let high = (face.middle[axis] + face.size[axis] / 2.0).min(self.side as f32);
            (high - low) / face.size[axis].max(1.0)
        });
        if seen.iter().any(|seen| *seen <= 0.0) || turn >= UPSIDE_DOWN {
            return Goal::None;
        }
        let doubtful = face.score < 0.5
            || face.side() < LEAST_PX
            || turn > MOST_TOLD
            || seen.iter().any(|seen| *seen < LEAST_SEEN);
        if doubtful { Goal::Doubtful } else { Goal::Face }
    }

    /// Share of a face's box that another picture lies over.
    fn hidden(&self, face: &CanvasFace, inside: &[f32]) -> f32 {
        let steps = [-0.4, -0.2, 0.0, 0.2, 0.4];
        let side = self.side as f32;
        let (mut sum, mut count) = (0.0, 0.0);
        for y in steps {
            for x in steps {
                let at = [face.middle[0] + x * face.size[0], face.middle[1] + y * face.size[1]];
                if at.iter().all(|v| (0.0..side).contains(v)) {
                    sum += inside[at[1] as usize * self.side + at[0] as usize];
                    count += 1.0;
                }
            }
        }
        sum / f32::max(count, 1.0)
    }

    fn cover(&self, picture: &mut Picture, face: &CanvasFace, rng: &mut ChaCha8Rng) {
        if !rng.random_bool(self.options.cover) {
            return;
        }
        let [left_eye, right_eye, nose, left, right] = face.points;
        let mouth = [(left[0] + right[0]) / 2.0, (left[1] + right[1]) / 2.0];
        let anchors = Anchors { left_eye, right_eye, nose, mouth };
        let cover = match rng.random_range(0..100) {
            0..20 => Cover::DarkGlasses,
            20..35 => Cover::ClearGlasses,
            35..65 => Cover::Mask,
            65..78 => Cover::OverMouth,
            78..86 => Cover::OverLeftEye,
            86..94 => Cover::OverRightEye,
            _ => Cover::Patch,
        };
        cover.draw(picture, &anchors, rng);
        if matches!(cover, Cover::Mask) && rng.random_bool(0.3) {
            Cover::DarkGlasses.draw(picture, &anchors, rng);
        }
    }
}

/// The face in the mirrored canvas.
fn mirror(face: &mut CanvasFace, side: f32) {
    face.middle[0] = side - face.middle[0];
    face.points.iter_mut().for_each(|point| point[0] = side - point[0]);
    face.points.swap(0, 1);
    face.points.swap(3, 4);
}

/// Darkens the head and lights what is behind it.
fn backlight(picture: &mut Picture, face: &CanvasFace, rng: &mut ChaCha8Rng) {
    let (dark, bright) = (rng.random_range(0.12..0.6f32), rng.random_range(0.0..0.7f32));
    let reach = [0.75 * face.size[0], 0.85 * face.size[1]];
    let width = picture.width;
    for (at, value) in picture.data.iter_mut().enumerate() {
        let off = [(at % width) as f32 + 0.5, (at / width) as f32 + 0.5];
        let [x, y] = [0, 1].map(|axis| (off[axis] - face.middle[axis]) / reach[axis].max(1.0));
        // The shoulders are dark as well.
        let y = if y > 0.0 { 0.5 * y } else { y };
        let head = (2.5 * (1.25 - x.hypot(y))).clamp(0.0, 1.0);
        let lit = *value + bright * (1.0 - *value);
        *value = head * *value * dark + (1.0 - head) * lit;
    }
}

/// The light of one lamp near the lens.
fn lamp(picture: &mut Picture, rng: &mut ChaCha8Rng) {
    let spot = [rng.random_range(0.2..0.8f32), rng.random_range(0.2..0.8f32)];
    let (reach, least) = (rng.random_range(0.3..0.9f32), rng.random_range(0.05..0.4f32));
    let (width, height) = (picture.width as f32, picture.height as f32);
    for (at, value) in picture.data.iter_mut().enumerate() {
        let x = (at % picture.width) as f32 / width - spot[0];
        let y = (at / picture.width) as f32 / height - spot[1];
        let light = least + (1.0 - least) * (-(x * x + y * y) / (reach * reach)).exp();
        *value = value.max(0.0).powf(0.7) * light;
    }
}
