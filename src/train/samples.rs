//! From a stored crop to what the network is shown: another scale, turn and place within
//! the margin, covers over parts of the face, worse light and lenses, and some patches
//! dropped; then cut into normalised patches.

use image::{RgbImage, codecs::jpeg::JpegEncoder};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{
    TrainError,
    augment::{Anchors, Cover, Covered, Lids, Photometric, Picture, normal},
    graph::Normalisation,
    settings::setting,
};
use crate::{
    dataset::crops::MARGIN,
    face::align::CANONICAL,
    vit::{Cell, PatchGrid, VitConfig},
};

/// How crops are changed. Chances are 0..1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augmentation {
    /// Chance to exchange left and right.
    pub flip: f64,
    /// Largest change of scale, as a share: 0.13 = 0.88 to 1.13 times.
    pub scale: f32,
    /// Largest change of the width alone, as a share: what a turned head or a face that was
    /// aligned by wrong points looks like.
    pub stretch: f32,
    /// Deviation of the turn in degrees; three of them at most.
    pub turn_deg: f32,
    /// Deviation of the shift as a share of the crop's side.
    pub shift: f32,
    /// Chance of opaque glasses, where they hide no label.
    pub dark_glasses: f64,
    /// Chance of glasses that the eyes are seen through.
    pub clear_glasses: f64,
    /// Chance of glasses that are dark, but not too dark to see the eyes through.
    pub tinted_glasses: f64,
    /// Chance of spots or bright fields that mirror in glasses; the eyes are seen beside or
    /// through them, but not where they hide no label.
    pub reflections: f64,
    /// Chance of a mask or a hand over the mouth, where it hides no label.
    pub mouth_cover: f64,
    /// Chance of a hand or hair over one eye.
    pub eye_cover: f64,
    /// Chance of a small patch anywhere.
    pub patch: f64,
    /// Chance that the crop is compressed as JPEG, quality 30 to 95.
    pub jpeg: f64,
    /// Chance that patches are dropped from the mask, where they hide no label.
    pub drop_patches: f64,
    /// Light, lens and sensor.
    pub photometric: Photometric,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self {
            flip: 0.5,
            scale: 0.13,
            stretch: 0.0,
            turn_deg: 5.0,
            shift: 0.025,
            dark_glasses: 0.08,
            clear_glasses: 0.06,
            tinted_glasses: 0.0,
            reflections: 0.0,
            mouth_cover: 0.06,
            eye_cover: 0.05,
            patch: 0.25,
            jpeg: 0.5,
            drop_patches: 0.15,
            photometric: Photometric::default(),
        }
    }
}

impl Augmentation {
    /// Says whether these settings make sense.
    ///
    /// # Errors
    /// The first that does not, with what would.
    pub fn validate(&self) -> Result<(), TrainError> {
        for (field, chance) in [
            ("augmentation.flip", self.flip),
            ("augmentation.dark_glasses", self.dark_glasses),
            ("augmentation.clear_glasses", self.clear_glasses),
            ("augmentation.tinted_glasses", self.tinted_glasses),
            ("augmentation.reflections", self.reflections),
            ("augmentation.mouth_cover", self.mouth_cover),
            ("augmentation.eye_cover", self.eye_cover),
            ("augmentation.patch", self.patch),
            ("augmentation.jpeg", self.jpeg),
            ("augmentation.drop_patches", self.drop_patches),
        ] {
            setting(field, chance, (0.0..=1.0).contains(&chance), "a chance must lie in 0..1")?;
        }
        for (field, size, most) in [
            ("augmentation.scale", self.scale, 0.5),
            ("augmentation.stretch", self.stretch, 0.5),
            ("augmentation.turn_deg", self.turn_deg, 30.0),
            ("augmentation.shift", self.shift, 0.2),
        ] {
            setting(field, size, (0.0..=most).contains(&size), "it is negative or too large")?;
        }
        Ok(())
    }
}

/// What may not be hidden, because the label says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needed {
    /// The eyes: without one of them nobody can tell that they are closed.
    pub eyes: bool,
    /// The mouth: without it nobody can tell a yawn.
    pub mouth: bool,
}

/// A crop as the network is shown it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The pixels, RGB, of the aligned crop's size.
    pub picture: Picture,
    /// Which patches may be attended to, `[patches]`.
    pub keep: Vec<bool>,
    /// What cannot be seen: covered, or its patch dropped.
    pub hidden: Covered,
    /// What is drawn over, before any exchange of left and right; a dropped patch still shows
    /// its pixels to a head on its token.
    pub covered: Covered,
    /// Left and right have been exchanged.
    pub flipped: bool,
}

/// The aligned crop in the middle of a stored one, unchanged. `visible` says which
/// landmark cells are uncovered, see [`PatchGrid::keep`].
pub fn plain(stored: &RgbImage, visible: [bool; 4], config: &VitConfig) -> Sample {
    let view = View { scale: [1.0; 2], turn: 0.0, shift: [0.0; 2] };
    Sample {
        picture: view.sample(stored, config.image_px),
        keep: config.grid().keep(config.q_mask, visible),
        hidden: Covered::default(),
        covered: Covered::default(),
        flipped: false,
    }
}

/// A crop changed at random, with its `lids` lowered if there are any. What is drawn over a
/// part of the face leaves the visible mask, as the landmark network would say.
pub fn changed(
    stored: &RgbImage,
    visible: [bool; 4],
    needed: Needed,
    lids: Option<Lids>,
    config: &VitConfig,
    by: &Augmentation,
    rng: &mut impl Rng,
) -> Sample {
    let px = config.image_px as f32;
    let limit = 3.0 * by.turn_deg;
    let scale = (1.0 + by.scale).powf(rng.random_range(-1.0..=1.0));
    let stretch = (1.0 + by.stretch).powf(rng.random_range(-1.0..=1.0));
    let view = View {
        scale: [scale * stretch, scale],
        turn: (by.turn_deg * normal(rng)).clamp(-limit, limit).to_radians(),
        shift: [normal(rng), normal(rng)].map(|n| by.shift * px * n.clamp(-3.0, 3.0)),
    };
    let mut picture = view.sample(stored, config.image_px);
    let anchors = view.anchors(px);
    if let Some(lids) = lids {
        lids.draw(&mut picture, &anchors, rng);
    }
    let hidden = cover(&mut picture, &anchors, needed, by, rng);
    by.photometric.apply(&mut picture, rng);
    if rng.random_bool(by.jpeg) {
        compress(&mut picture, rng.random_range(30..=95));
    }
    let drawn_over = [hidden.left_eye, hidden.right_eye, false, hidden.mouth];
    let mut seen = visible;
    seen.iter_mut().zip(drawn_over).for_each(|(seen, over)| *seen &= !over);
    let keep = config.grid().keep(config.q_mask, seen);
    let mut sample = Sample { picture, keep, hidden, covered: hidden, flipped: false };
    if rng.random_bool(by.drop_patches) {
        drop_patches(&mut sample, config.grid(), needed, rng);
    }
    if rng.random_bool(by.flip) {
        flip(&mut sample, config.grid().side);
    }
    sample
}

/// Where the aligned crop is looked for in the stored one.
struct View {
    /// Of the width and of the height.
    scale: [f32; 2],
    turn: f32,
    shift: [f32; 2],
}

impl View {
    /// Samples `[3, px, px]` between the stored pixels, whatever the size that they were
    /// prepared for; the border repeats.
    fn sample(&self, stored: &RgbImage, px: usize) -> Picture {
        let (width, height) = (stored.width() as usize, stored.height() as usize);
        let (sin, cos) = self.turn.sin_cos();
        // Stored pixels a pixel of the sample.
        let step = width as f32 / (px as f32 * MARGIN).round();
        let middle =
            [width as f32 / 2.0 + step * self.shift[0], height as f32 / 2.0 + step * self.shift[1]];
        let raw = stored.as_raw();
        let mut data = vec![0.0; 3 * px * px];
        let limit = [(width.max(1) - 1) as f32, (height.max(1) - 1) as f32];
        for at in 0..px * px {
            let u = step * ((at % px) as f32 + 0.5 - px as f32 / 2.0) / self.scale[0];
            let v = step * ((at / px) as f32 + 0.5 - px as f32 / 2.0) / self.scale[1];
            let x = (middle[0] + cos * u - sin * v - 0.5).clamp(0.0, limit[0]);
            let y = (middle[1] + sin * u + cos * v - 0.5).clamp(0.0, limit[1]);
            let (x0, y0) = (x as usize, y as usize);
            let (x1, y1) = ((x0 + 1).min(width - 1), (y0 + 1).min(height - 1));
            let (fx, fy) = (x - x0 as f32, y - y0 as f32);
            let corners =
                [(x0, y0), (x1, y0), (x0, y1), (x1, y1)].map(|(x, y)| 3 * (y * width + x));
            let weights = [(1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy];
            for channel in 0..3 {
                let mut sum = 0.0;
                for (corner, weight) in corners.iter().zip(weights) {
                    sum += weight * f32::from(raw[corner + channel]);
                }
                data[channel * px * px + at] = sum / 255.0;
            }
        }
        Picture { channels: 3, height: px, width: px, data }
    }

    /// Where the parts of an aligned face lie in this view.
    fn anchors(&self, px: f32) -> Anchors {
        let (sin, cos) = self.turn.sin_cos();
        let [left_eye, right_eye, nose, mouth] = CANONICAL.map(|[x, y]| {
            let (dx, dy) = ((x - 0.5) * px - self.shift[0], (y - 0.5) * px - self.shift[1]);
            [
                px / 2.0 + self.scale[0] * (cos * dx + sin * dy),
                px / 2.0 + self.scale[1] * (cos * dy - sin * dx),
            ]
        });
        Anchors { left_eye, right_eye, nose, mouth }
    }
}

/// Share of the reflections that hide the eyes.
const HIDING: f64 = 0.3;

/// Draws covers that hide no label.
fn cover(
    picture: &mut Picture,
    anchors: &Anchors,
    needed: Needed,
    by: &Augmentation,
    rng: &mut impl Rng,
) -> Covered {
    let mut hidden = Covered::default();
    let mut draw = |cover: Cover, rng: &mut _| {
        hidden |= cover.draw(picture, anchors, rng);
    };
    let [dark, clear, eye, mouth, patch] =
        [by.dark_glasses, by.clear_glasses, by.eye_cover, by.mouth_cover, by.patch]
            .map(|chance| rng.random_bool(chance));
    // Drawn only where asked for: a seed then gives what it gave before.
    let mut asked = |chance: f64| chance > 0.0 && rng.random_bool(chance);
    let (tinted, mirrors) = (asked(by.tinted_glasses), asked(by.reflections));
    // By chance and not by the label, or what mirrors would tell of shut eyes.
    let hiding = mirrors && asked(HIDING);
    if dark && !needed.eyes {
        draw(Cover::DarkGlasses, rng);
    } else if hiding && !needed.eyes {
        draw(Cover::Mirrors, rng);
    } else if mirrors && !hiding {
        draw(Cover::Reflections, rng);
    } else if tinted {
        draw(Cover::TintedGlasses, rng);
    } else if clear {
        draw(Cover::ClearGlasses, rng);
    } else if eye {
        let side = if rng.random() { Cover::OverLeftEye } else { Cover::OverRightEye };
        draw(side, rng);
    }
    if mouth && !needed.mouth {
        draw(if rng.random() { Cover::Mask } else { Cover::OverMouth }, rng);
    }
    if patch {
        draw(Cover::Patch, rng);
    }
    hidden
}

/// Share of the patches outside the landmark cells that go where patches are dropped.
const DROPPED_OTHERS: f64 = 0.3;

/// Drops one or two landmark cells from the mask, never what the label needs and never
/// all of them, and some of the other patches where the mask keeps any.
fn drop_patches(sample: &mut Sample, grid: PatchGrid, needed: Needed, rng: &mut impl Rng) {
    for (patch, keep) in sample.keep.iter_mut().enumerate() {
        if *keep && grid.cell_of(patch).is_none() {
            *keep = !rng.random_bool(DROPPED_OTHERS);
        }
    }
    for _ in 0..rng.random_range(1..=2) {
        let cell = Cell::ALL[rng.random_range(0..Cell::ALL.len())];
        let hidden = &mut sample.hidden;
        let allowed = match cell {
            Cell::LeftEye => !needed.eyes || !hidden.right_eye,
            Cell::RightEye => !needed.eyes || !hidden.left_eye,
            Cell::Nose => true,
            Cell::Mouth => !needed.mouth,
        };
        let of_cell: Vec<usize> =
            (0..grid.patches()).filter(|&patch| grid.cell_of(patch) == Some(cell)).collect();
        let left = (0..grid.patches())
            .filter(|patch| sample.keep[*patch] && !of_cell.contains(patch))
            .any(|patch| grid.cell_of(patch).is_some_and(|cell| cell != Cell::Nose));
        if !allowed || !left {
            continue;
        }
        for patch in of_cell {
            sample.keep[patch] = false;
        }
        match cell {
            Cell::LeftEye => hidden.left_eye = true,
            Cell::RightEye => hidden.right_eye = true,
            Cell::Mouth => hidden.mouth = true,
            Cell::Nose => {}
        }
    }
}

/// Exchanges left and right, in the pixels and in the mask.
fn flip(sample: &mut Sample, side: usize) {
    sample.picture.mirror();
    for row in sample.keep.chunks_mut(side.max(1)) {
        row.reverse();
    }
    sample.flipped = !sample.flipped;
    let hidden = &mut sample.hidden;
    (hidden.left_eye, hidden.right_eye) = (hidden.right_eye, hidden.left_eye);
}

/// Through JPEG and back. A picture that cannot be encoded stays as it is.
fn compress(picture: &mut Picture, quality: u8) {
    let (width, height) = (picture.width, picture.height);
    let plane = width * height;
    let image = RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let at = y as usize * width + x as usize;
        image::Rgb([0, 1, 2].map(|c| (picture.data[c * plane + at] * 255.0).round() as u8))
    });
    let mut bytes = Vec::new();
    let written = JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(&image);
    if written.is_ok()
        && let Ok(back) = image::load_from_memory_with_format(&bytes, image::ImageFormat::Jpeg)
    {
        *picture = Picture::from_rgb(&back.into_rgb8());
    }
}

/// Appends patch `at` of a planar crop `[3, S, S]` (0..1), normalised, by row, column and
/// channel.
pub fn push_patch(
    crop: &[f32],
    at: usize,
    config: &VitConfig,
    by: &Normalisation,
    to: &mut Vec<f32>,
) {
    let (px, patch, side) = (config.image_px, config.patch_px, config.grid().side);
    let (top, left) = (at / side * patch, at % side * patch);
    for y in top..top + patch {
        for x in left..left + patch {
            to.extend((0..3).map(|c| (crop[(c * px + y) * px + x] - by.mean[c]) / by.std[c]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vit::{Preset, QMask};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    const STORED: u32 = 96;

    /// A stored crop with a bright dot at each canonical place.
    fn dotted() -> RgbImage {
        let mut image = RgbImage::new(STORED, STORED);
        for [x, y] in CANONICAL {
            let at = |v: f32| (v * 72.0 + 12.0) as i32;
            for (dx, dy) in (0..9).map(|i| (i % 3 - 1, i / 3 - 1)) {
                image.put_pixel((at(x) + dx) as u32, (at(y) + dy) as u32, image::Rgb([255; 3]));
            }
        }
        image
    }

    #[test]
    fn the_plain_view_is_the_middle_of_the_stored_crop() {
        let config = Preset::Stem.config();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let stored = RgbImage::from_fn(STORED, STORED, |_, _| image::Rgb(rng.random()));
        let sample = plain(&stored, [true; 4], &config);
        for (x, y) in [(0, 0), (71, 0), (30, 50), (71, 71)] {
            let pixel = stored.get_pixel(x + 12, y + 12).0;
            for (c, value) in pixel.into_iter().enumerate() {
                let found = sample.picture.data[(c * 72 + y as usize) * 72 + x as usize];
                approx::assert_abs_diff_eq!(found, f32::from(value) / 255.0, epsilon = 1e-5);
            }
        }
    }

    #[test]
    fn a_crop_stored_for_another_size_shows_the_same_face() {
        let half = Preset::Stem.config();
        let large = RgbImage::from_fn(192, 192, |x, y| image::Rgb([x as u8, y as u8, 0]));
        let sample = plain(&large, [true; 4], &half);
        // Pixel 0 covers the stored pixels 24 and 25, whose mean is 24.5.
        approx::assert_abs_diff_eq!(sample.picture.data[0], 24.5 / 255.0, epsilon = 1e-5);
        let last = sample.picture.data[71];
        approx::assert_abs_diff_eq!(last, (24.5 + 142.0) / 255.0, epsilon = 1e-5);
    }

    #[test]
    fn anchors_follow_the_view() {
        let stored = dotted();
        for (scale, turn, shift) in [([1.1, 1.0], 0.1, [3.0, -2.0]), ([0.9, 0.9], -0.2, [0.0, 4.0])]
        {
            let view = View { scale, turn, shift };
            let picture = view.sample(&stored, 72);
            let a = view.anchors(72.0);
            for [x, y] in [a.left_eye, a.right_eye, a.nose, a.mouth] {
                let value = picture.data[y as usize * 72 + x as usize];
                assert!(value > 0.5, "no dot at {x}, {y}: {value}");
            }
        }
    }

    #[test]
    fn what_a_label_needs_is_never_hidden() {
        let config = Preset::Stem.config();
        let by = Augmentation {
            dark_glasses: 0.5,
            eye_cover: 0.5,
            mouth_cover: 0.5,
            drop_patches: 0.9,
            ..Augmentation::default()
        };
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let (mut dropped, mut hidden) = (0, 0);
        for _ in 0..200 {
            let needed = Needed { eyes: rng.random(), mouth: rng.random() };
            let sample = changed(&dotted(), [true; 4], needed, None, &config, &by, &mut rng);
            let Covered { left_eye, right_eye, mouth } = sample.hidden;
            assert!(!needed.mouth || (!mouth && sample.keep[7]));
            assert!(!(needed.eyes && left_eye && right_eye));
            assert!(!needed.eyes || sample.keep[0] || sample.keep[2]);
            assert!([0, 2, 7].iter().any(|&at| sample.keep[at]));
            assert!(sample.picture.data.iter().all(|v| (0.0..=1.0).contains(v)));
            dropped += usize::from(sample.keep.iter().filter(|k| **k).count() < 4);
            hidden += usize::from(left_eye || right_eye || mouth);
        }
        assert!(dropped > 100 && hidden > 100, "{dropped} {hidden}");
    }

    #[test]
    fn each_mask_mode_keeps_its_own_patches() {
        let none = VitConfig { q_mask: QMask::None, ..Preset::Stem.config() };
        let visible = VitConfig { q_mask: QMask::Visible, ..none.clone() };
        let kept = |sample: &Sample| -> Vec<usize> {
            (0..9).filter(|&at| sample.keep[at]).map(|at| at + 1).collect()
        };
        let covered_mouth = [true, true, true, false];
        assert_eq!(kept(&plain(&dotted(), covered_mouth, &none)).len(), 9);
        assert_eq!(kept(&plain(&dotted(), covered_mouth, &visible)), [1, 3, 5]);
        // What is drawn over leaves the visible mask, and only that one.
        let by = Augmentation {
            flip: 0.0,
            mouth_cover: 1.0,
            drop_patches: 0.0,
            ..Augmentation::default()
        };
        let free = Needed { eyes: true, mouth: false };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut changed = |config| changed(&dotted(), [true; 4], free, None, config, &by, &mut rng);
        assert!(!kept(&changed(&visible)).contains(&8));
        assert_eq!(kept(&changed(&none)).len(), 9);
        // Dropping thins out the other patches, too.
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let mut least = 9;
        for _ in 0..50 {
            let mut sample = plain(&dotted(), [true; 4], &none);
            drop_patches(&mut sample, none.grid(), Needed { eyes: true, mouth: true }, &mut rng);
            // One eye is enough to tell open from closed.
            let eye = sample.keep[0] || sample.keep[2];
            assert!(eye && sample.keep[7], "{:?}", sample.keep);
            least = least.min(kept(&sample).len());
        }
        assert!(least < 9, "nothing was ever dropped");
    }

    #[test]
    fn a_flip_exchanges_the_eyes_everywhere() {
        let config = Preset::Stem.config();
        let mut sample = plain(&dotted(), [true; 4], &config);
        sample.keep[0] = false;
        sample.hidden.left_eye = true;
        let before = sample.picture.clone();
        flip(&mut sample, 3);
        assert!(sample.keep[0] && !sample.keep[2]);
        assert!(sample.hidden.right_eye && !sample.hidden.left_eye);
        assert_ne!(sample.picture, before);
    }

    #[test]
    fn a_patch_is_cut_by_row_column_and_channel() {
        let config = VitConfig { image_px: 4, patch_px: 2, ..Preset::Reference.config() };
        let crop: Vec<f32> = (0..48).map(|i| i as f32).collect();
        let by = Normalisation { mean: [0.0, 16.0, 32.0], std: [1.0, 2.0, 1.0] };
        let mut values = Vec::new();
        push_patch(&crop, 1, &config, &by, &mut values);
        // Row 0, columns 2 and 3, then row 1; green is halved.
        assert_eq!(values, [2., 1., 2., 3., 1.5, 3., 6., 3., 6., 7., 3.5, 7.]);
    }
}
