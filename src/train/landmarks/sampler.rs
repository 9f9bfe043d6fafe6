//! Draws training samples: faces cut through jittered [`Region`]s straight out of the
//! photo, covered and augmented, and squares without a face. Sample `n` of a seed is
//! always the same.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use image::{
    RgbImage,
    imageops::{self, FilterType},
};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use super::{
    IMAGE_PX,
    data::{Annotated, Trust, load, mirrored},
    eyes::{EYE_PX, EyeFrame, eye_point},
};
use crate::{
    face::{Landmarks, Region},
    train::{
        TrainError,
        augment::{Anchors, Cover, Covered, Photometric, Picture, normal},
    },
};

/// Decoded photos are kept up to this many bytes.
const KEPT_BYTES: usize = 1 << 30;
/// Photos are kept reduced so that the face's region has about this side in pixels:
/// half as much again as the network sees.
const KEPT_SIDE_PX: f32 = 1.5 * IMAGE_PX as f32;

/// How samples are made.
#[derive(Clone, Debug)]
pub struct SampleOptions {
    /// Light, lens and sensor.
    pub photometric: Photometric,
    /// Chance of a cover, 0..1.
    pub cover: f64,
    /// Chance that the photo is cropped tightly around the face first, 0..1.
    pub tight: f64,
    /// Share of samples that show no face, 0..1.
    pub negatives: f64,
    /// Share of the faces that come from precise annotations, 0..1.
    pub precise_share: f64,
    /// Share of the faces that come from pictures with closed eyes and guessed points.
    pub known_closed_share: f64,
    /// How much likelier than others a precise face with nearly closed eyes is drawn.
    pub closed_weight: f64,
}

/// One training sample.
#[derive(Clone, Debug)]
pub struct Sample {
    /// `[160, 160]` grey 0..1.
    pub image: Vec<f32>,
    /// The points in the unit square of the region.
    pub points: [[f32; 2]; 68],
    /// Left and right eye, cut about where the first network would think that they are.
    pub eyes: [EyeCut; 2],
    /// 1 for a face, 0 for none: nothing but the confidence is learned then.
    pub face: f32,
    /// 1 = uncovered: left eye, right eye, mouth.
    pub visible: [f32; 3],
    /// How much is learned from which points.
    pub weights: Weights,
}

/// An eye as the second network sees it.
#[derive(Clone, Debug)]
pub struct EyeCut {
    /// `[40, 40]` grey 0..1, the right eye mirrored.
    pub image: Vec<f32>,
    /// Its six points in the unit square of the cut, in the order of the left eye.
    pub points: [[f32; 2]; 6],
}

impl EyeCut {
    /// Cuts an eye out of a sample's picture.
    fn new(picture: &[f32], frame: &EyeFrame, points: &[[f32; 2]; 68], right: bool) -> Self {
        let last = (IMAGE_PX - 1) as f32;
        let middle = |i: usize| (i as f32 + 0.5) / EYE_PX as f32;
        let mut image = Vec::with_capacity(EYE_PX * EYE_PX);
        for at in 0..EYE_PX * EYE_PX {
            let [x, y] = frame
                .place([middle(at % EYE_PX), middle(at / EYE_PX)])
                .map(|v| (v * IMAGE_PX as f32 - 0.5).clamp(0.0, last));
            let (x0, y0) = (x as usize, y as usize);
            let (x1, y1) = ((x0 + 1).min(IMAGE_PX - 1), (y0 + 1).min(IMAGE_PX - 1));
            let (fx, fy) = (x.fract(), y.fract());
            let mix = |y: usize| {
                picture[y * IMAGE_PX + x0] * (1.0 - fx) + picture[y * IMAGE_PX + x1] * fx
            };
            image.push(mix(y0) * (1.0 - fy) + mix(y1) * fy);
        }
        let points = std::array::from_fn(|index| frame.to_unit(points[eye_point(right, index)]));
        Self { image, points }
    }

    /// Both eyes, cut as far off as the first network's points may be.
    fn both(picture: &[f32], points: &[[f32; 2]; 68], rng: &mut ChaCha8Rng) -> [Self; 2] {
        let frames = EyeFrame::of(points);
        [false, true].map(|right| {
            let mut off = |share: f32, most: f32| (share * normal(rng)).clamp(-most, most);
            let (shift, scale) = ([off(0.055, 0.16), off(0.055, 0.16)], off(0.08, 0.25).exp());
            let turn = off(0.09, 0.3);
            let frame = frames[usize::from(right)].shaken(shift, scale, turn);
            Self::new(picture, &frame, points, right)
        })
    }

    /// What stands in the place of the eyes where there is no face.
    fn none() -> Self {
        Self { image: vec![0.5; EYE_PX * EYE_PX], points: [[0.5; 2]; 6] }
    }
}

/// A decoded photo, perhaps reduced, with its face's region and points in its pixels.
#[derive(Debug)]
struct Photo {
    image: Arc<RgbImage>,
    region: Region,
    landmarks: Landmarks,
}

impl Photo {
    fn load(face: &Annotated) -> Result<Self, TrainError> {
        let image = face.picture()?;
        let side_px = Region::from_landmarks(&face.landmarks).side_px;
        let scale = (KEPT_SIDE_PX / side_px.max(1.0)).min(1.0);
        let [width, height] = [image.width(), image.height()]
            .map(|length| ((length as f32 * scale).round() as u32).max(1));
        let [sx, sy] = [width as f32 / image.width() as f32, height as f32 / image.height() as f32];
        let image = if scale < 1.0 {
            Arc::new(imageops::resize(&*image, width, height, FilterType::Triangle))
        } else {
            image
        };
        let landmarks = Landmarks { points: face.landmarks.points.map(|[x, y]| [x * sx, y * sy]) };
        Ok(Self { image, region: Region::from_landmarks(&landmarks), landmarks })
    }
}

/// How much is learned from the points of a sample.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weights {
    /// All points but those of the eyes.
    pub points: f32,
    /// The points of the eyes.
    pub eyes: f32,
    /// How far the lids are apart.
    pub lids: f32,
}

impl From<Trust> for Weights {
    fn from(trust: Trust) -> Self {
        let [points, eyes, lids] = match trust {
            Trust::Precise => [1.0, 1.0, 1.0],
            Trust::Coarse => [1.0, 0.5, 0.5],
            Trust::KnownClosed => [0.2, 0.5, 1.0],
        };
        Self { points, eyes, lids }
    }
}

/// Draws samples.
#[derive(Debug)]
pub struct Sampler {
    faces: Vec<Annotated>,
    photos: Vec<OnceLock<Arc<Photo>>>,
    kept_bytes: AtomicUsize,
    nonfaces: Vec<(PathBuf, OnceLock<Arc<RgbImage>>)>,
    precise: Vec<usize>,
    coarse: Vec<usize>,
    known_closed: Vec<usize>,
    options: SampleOptions,
    seed: u64,
}

impl Sampler {
    /// Over these faces and pictures without a face.
    pub fn new(
        faces: Vec<Annotated>,
        nonfaces: Vec<PathBuf>,
        options: SampleOptions,
        seed: u64,
    ) -> Self {
        let all = |trust| {
            let trusted = faces.iter().enumerate().filter(|(_, face)| face.trust == trust);
            trusted.map(|(index, _)| index).collect::<Vec<_>>()
        };
        let (precise, coarse) = (all(Trust::Precise), all(Trust::Coarse));
        let known_closed = all(Trust::KnownClosed);
        let photos = faces.iter().map(|_| OnceLock::new()).collect();
        let kept_bytes = AtomicUsize::new(0);
        let nonfaces = nonfaces.into_iter().map(|file| (file, OnceLock::new())).collect();
        Self { faces, photos, kept_bytes, nonfaces, precise, coarse, known_closed, options, seed }
    }

    fn photo(&self, index: usize) -> Result<Arc<Photo>, TrainError> {
        if let Some(photo) = self.photos[index].get() {
            return Ok(photo.clone());
        }
        let photo = Arc::new(Photo::load(&self.faces[index])?);
        let bytes = photo.image.as_raw().len();
        if self.kept_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes < KEPT_BYTES {
            // Another thread may have been first; its photo is the same.
            let _ = self.photos[index].set(photo.clone());
        }
        Ok(photo)
    }

    /// A picture without a face.
    fn nonface(
        &self,
        file: &Path,
        kept: &OnceLock<Arc<RgbImage>>,
    ) -> Result<Arc<RgbImage>, TrainError> {
        if let Some(image) = kept.get() {
            return Ok(image.clone());
        }
        let image = Arc::new(load(file)?);
        let bytes = image.as_raw().len();
        if self.kept_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes < KEPT_BYTES {
            let _ = kept.set(image.clone());
        }
        Ok(image)
    }

    /// Sample `number` of the endless stream.
    ///
    /// # Errors
    /// When a picture cannot be read.
    pub fn sample(&self, number: u64) -> Result<Sample, TrainError> {
        let rng = &mut ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(number);
        if rng.random_bool(self.options.negatives) {
            return self.negative(rng);
        }
        let index = self.choose(rng);
        let photo = self.photo(index)?;
        Ok(self.positive(&photo, &self.faces[index], rng))
    }

    /// A face to show, by its place in the list.
    fn choose(&self, rng: &mut ChaCha8Rng) -> usize {
        if !self.known_closed.is_empty() && rng.random_bool(self.options.known_closed_share) {
            return self.known_closed.choose(rng).copied().unwrap_or_default();
        }
        let precise = !self.precise.is_empty()
            && (self.coarse.is_empty() || rng.random_bool(self.options.precise_share));
        let pool = if precise { &self.precise } else { &self.coarse };
        // Closed eyes are rare: a draw that shows open ones is drawn again at times.
        let again = 1.0 - 1.0 / self.options.closed_weight.max(1.0);
        loop {
            let index = pool.choose(rng).copied().unwrap_or_default();
            let [left, right] = self.faces[index].landmarks.eye_aspect();
            let closed = precise && (left + right) / 2.0 < 0.2;
            if closed || !precise || !rng.random_bool(again) {
                return index;
            }
        }
    }

    fn positive(&self, photo: &Photo, face: &Annotated, rng: &mut ChaCha8Rng) -> Sample {
        let (trust, mut covered) = (face.trust, face.covered);
        let exact = jitter(&photo.region, rng);
        let mut region = exact;
        let tight;
        let image = if rng.random_bool(self.options.tight) {
            // Pictures of closed eyes are tight crops, and a border must not tell.
            let corner;
            (tight, corner) = tight_crop(&photo.image, &photo.landmarks, rng);
            region.center = [exact.center[0] - corner[0], exact.center[1] - corner[1]];
            &tight
        } else {
            &photo.image
        };
        let mut picture = Picture::grey(IMAGE_PX, region.sample_grey(image, IMAGE_PX));
        let region = exact;
        let mut points = photo.landmarks.points.map(|point| region.to_unit(point));
        if rng.random_bool(0.5) {
            picture.mirror();
            std::mem::swap(&mut covered.left_eye, &mut covered.right_eye);
            let source = points;
            for (index, point) in points.iter_mut().enumerate() {
                let [x, y] = source[mirrored(index)];
                *point = [1.0 - x, y];
            }
        }
        covered |= self.cover(&mut picture, &points, rng);
        self.options.photometric.apply(&mut picture, rng);
        let visible =
            [covered.left_eye, covered.right_eye, covered.mouth].map(|c| if c { 0.0 } else { 1.0 });
        let eyes = EyeCut::both(&picture.data, &points, rng);
        Sample { image: picture.data, points, eyes, face: 1.0, visible, weights: trust.into() }
    }

    fn cover(
        &self,
        picture: &mut Picture,
        points: &[[f32; 2]; 68],
        rng: &mut ChaCha8Rng,
    ) -> Covered {
        let mut covered = Covered::default();
        if !rng.random_bool(self.options.cover) {
            return covered;
        }
        let anchors = anchors_of(points);
        let cover = match rng.random_range(0..100) {
            0..18 => Cover::DarkGlasses,
            18..36 => Cover::ClearGlasses,
            36..56 => Cover::Mask,
            56..68 => Cover::OverMouth,
            68..75 => Cover::OverLeftEye,
            75..82 => Cover::OverRightEye,
            _ => Cover::Patch,
        };
        let mut draw = |cover: Cover, rng: &mut ChaCha8Rng| {
            covered |= cover.draw(picture, &anchors, rng);
        };
        draw(cover, rng);
        // Masks and glasses are worn together; small patches come in groups.
        let more = match cover {
            Cover::Mask if rng.random_bool(0.3) => Some(Cover::ClearGlasses),
            Cover::Mask if rng.random_bool(0.15) => Some(Cover::DarkGlasses),
            Cover::Patch => Some(Cover::Patch),
            _ => None,
        };
        if let Some(more) = more {
            draw(more, rng);
        }
        covered
    }

    /// A square without a face, or with one so badly placed that following it is wrong.
    fn negative(&self, rng: &mut ChaCha8Rng) -> Result<Sample, TrainError> {
        let values = match self.nonfaces.choose(rng) {
            Some((file, kept)) if rng.random_bool(0.65) => {
                let image = self.nonface(file, kept)?;
                negative_region(&image, rng).sample_grey(&image, IMAGE_PX)
            }
            _ => {
                let photo = self.photo(self.choose(rng))?;
                off_face(&photo.region, rng).sample_grey(&photo.image, IMAGE_PX)
            }
        };
        let mut picture = Picture::grey(IMAGE_PX, values);
        self.options.photometric.apply(&mut picture, rng);
        Ok(Sample {
            image: picture.data,
            points: [[0.5; 2]; 68],
            eyes: [EyeCut::none(), EyeCut::none()],
            face: 0.0,
            visible: [0.0; 3],
            weights: Weights::default(),
        })
    }
}

/// The parts of the face in pixels of the cut.
pub fn anchors_of(points: &[[f32; 2]; 68]) -> Anchors {
    let pixels = Landmarks { points: points.map(|p| p.map(|v| v * IMAGE_PX as f32)) };
    Anchors {
        left_eye: pixels.left_eye(),
        right_eye: pixels.right_eye(),
        nose: pixels.nose(),
        mouth: pixels.mouth(),
    }
}

/// The photo around the face and nothing more, and its corner in the photo.
fn tight_crop(
    image: &RgbImage,
    landmarks: &Landmarks,
    rng: &mut ChaCha8Rng,
) -> (RgbImage, [f32; 2]) {
    let bbox = landmarks.bbox();
    let mut margin = |size: f32| rng.random_range(-0.05..0.25f32) * size;
    let clamp = |v: f32, length: u32| v.clamp(0.0, length.saturating_sub(1) as f32) as u32;
    let left = clamp(bbox.x - margin(bbox.width), image.width());
    let top = clamp(bbox.y - margin(bbox.height), image.height());
    let right = clamp(bbox.x + bbox.width + margin(bbox.width), image.width());
    let bottom = clamp(bbox.y + bbox.height + margin(bbox.height), image.height());
    let (width, height) = (right.saturating_sub(left) + 1, bottom.saturating_sub(top) + 1);
    let crop = imageops::crop_imm(image, left, top, width, height).to_image();
    (crop, [left as f32, top as f32])
}

/// Where a tracker or a detector may think the face is: usually nearly right, at times
/// off by as much as a first detection, and turned by up to 40 degrees.
fn jitter(exact: &Region, rng: &mut ChaCha8Rng) -> Region {
    let wide = rng.random_bool(0.35);
    let (shift, scale) = if wide { (0.09, 0.16) } else { (0.035, 0.06) };
    let turn = if rng.random_bool(0.25) {
        rng.random_range(-40f32..40.0).to_radians()
    } else {
        (7.0 * normal(rng)).clamp(-20.0, 20.0).to_radians()
    };
    let mut off = || (shift * normal(rng)).clamp(-0.18, 0.18) * exact.side_px;
    let center = [exact.center[0] + off(), exact.center[1] + off()];
    let scale = (scale * normal(rng)).clamp(-0.3, 0.35).exp();
    Region { center, side_px: exact.side_px * scale, roll: exact.roll + turn }
}

/// Any square of a picture without a face.
pub fn negative_region(image: &RgbImage, rng: &mut impl Rng) -> Region {
    let (width, height) = (image.width() as f32, image.height() as f32);
    let side_px = width.min(height) * rng.random_range(0.15..0.9f32);
    let mut place = |length: f32| rng.random_range(0.0..length.max(1.0));
    let center = [place(width), place(height)];
    Region { center, side_px, roll: rng.random_range(-0.7..0.7) }
}

/// A square that misses the face, or is much too large or too small for it.
fn off_face(exact: &Region, rng: &mut ChaCha8Rng) -> Region {
    let (angle, roll) = (rng.random_range(0.0..std::f32::consts::TAU), rng.random_range(-0.7..0.7));
    let (far, scale) = match rng.random_range(0..3) {
        0 => (rng.random_range(0.55..1.0), rng.random_range(0.6..1.4)),
        1 => (rng.random_range(0.0..0.3), rng.random_range(0.2..0.42)),
        _ => (rng.random_range(0.1..0.5), rng.random_range(2.2..3.5)),
    };
    let far: f32 = far * exact.side_px;
    let center = [exact.center[0] + far * angle.cos(), exact.center[1] + far * angle.sin()];
    Region { center, side_px: exact.side_px * scale, roll: exact.roll + roll }
}
