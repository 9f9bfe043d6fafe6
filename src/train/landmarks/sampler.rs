//! Draws training samples: faces cut through jittered [`Region`]s straight out of the
//! photo, covered and augmented, and squares without a face. Sample `n` of a seed is
//! always the same.

use std::path::PathBuf;

use image::RgbImage;
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use super::{
    IMAGE_PX,
    data::{Annotated, load, mirrored},
};
use crate::{
    face::{Landmarks, Region},
    train::{
        TrainError,
        augment::{Anchors, Cover, Covered, Photometric, Picture, normal},
    },
};

/// How samples are made.
#[derive(Clone, Debug)]
pub struct SampleOptions {
    /// Light, lens and sensor.
    pub photometric: Photometric,
    /// Chance of a cover, 0..1.
    pub cover: f64,
    /// Share of samples that show no face, 0..1.
    pub negatives: f64,
    /// Share of the faces that come from precise annotations, 0..1.
    pub precise_share: f64,
    /// How much likelier than others a precise face with nearly closed eyes is drawn.
    pub closed_weight: f64,
}

/// One training sample.
#[derive(Clone, Debug)]
pub struct Sample {
    /// `[96, 96]` grey 0..1.
    pub image: Vec<f32>,
    /// The points in the unit square of the region.
    pub points: [[f32; 2]; 68],
    /// 1 for a face, 0 for none: nothing but the confidence is learned then.
    pub face: f32,
    /// 1 = uncovered: left eye, right eye, mouth.
    pub visible: [f32; 3],
    /// Weight of the eye points: less where the annotation is coarse.
    pub eye_weight: f32,
}

/// Draws samples.
#[derive(Debug)]
pub struct Sampler {
    faces: Vec<Annotated>,
    nonfaces: Vec<PathBuf>,
    precise: Vec<usize>,
    coarse: Vec<usize>,
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
        let (precise, coarse) = (0..faces.len()).partition(|&index| faces[index].precise);
        Self { faces, nonfaces, precise, coarse, options, seed }
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
        let face = self.choose(rng);
        let image = load(&face.file)?;
        Ok(self.positive(face, &image, rng))
    }

    fn choose(&self, rng: &mut ChaCha8Rng) -> &Annotated {
        let precise = !self.precise.is_empty()
            && (self.coarse.is_empty() || rng.random_bool(self.options.precise_share));
        let pool = if precise { &self.precise } else { &self.coarse };
        // Closed eyes are rare: a draw that shows open ones is drawn again at times.
        let again = 1.0 - 1.0 / self.options.closed_weight.max(1.0);
        loop {
            let index = pool.choose(rng).copied().unwrap_or_default();
            let face = &self.faces[index];
            let [left, right] = face.landmarks.eye_aspect();
            let closed = precise && (left + right) / 2.0 < 0.2;
            if closed || !precise || !rng.random_bool(again) {
                return face;
            }
        }
    }

    fn positive(&self, face: &Annotated, image: &RgbImage, rng: &mut ChaCha8Rng) -> Sample {
        let region = jitter(&Region::from_landmarks(&face.landmarks), rng);
        let mut picture = Picture::grey(IMAGE_PX, region.sample_grey(image, IMAGE_PX));
        let mut points = face.landmarks.points.map(|point| region.to_unit(point));
        if rng.random_bool(0.5) {
            picture.mirror();
            let source = points;
            for (index, point) in points.iter_mut().enumerate() {
                let [x, y] = source[mirrored(index)];
                *point = [1.0 - x, y];
            }
        }
        let covered = self.cover(&mut picture, &points, rng);
        self.options.photometric.apply(&mut picture, rng);
        let visible =
            [covered.left_eye, covered.right_eye, covered.mouth].map(|c| if c { 0.0 } else { 1.0 });
        let eye_weight = if face.precise { 1.0 } else { 0.5 };
        Sample { image: picture.data, points, face: 1.0, visible, eye_weight }
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
            let new = cover.draw(picture, &anchors, rng);
            covered.left_eye |= new.left_eye;
            covered.right_eye |= new.right_eye;
            covered.mouth |= new.mouth;
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
        let (image, region) = match self.nonfaces.choose(rng) {
            Some(file) if rng.random_bool(0.65) => {
                let image = load(file)?;
                let region = negative_region(&image, rng);
                (image, region)
            }
            _ => {
                let face = self.choose(rng);
                let image = load(&face.file)?;
                let region = off_face(&Region::from_landmarks(&face.landmarks), rng);
                (image, region)
            }
        };
        let mut picture = Picture::grey(IMAGE_PX, region.sample_grey(&image, IMAGE_PX));
        self.options.photometric.apply(&mut picture, rng);
        Ok(Sample {
            image: picture.data,
            points: [[0.5; 2]; 68],
            face: 0.0,
            visible: [0.0; 3],
            eye_weight: 0.0,
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

/// Where a tracker or a detector may think the face is: usually nearly right, at times
/// off by as much as a first detection, and turned by up to 40 degrees.
fn jitter(exact: &Region, rng: &mut ChaCha8Rng) -> Region {
    let wide = rng.random_bool(0.35);
    let (shift, scale) = if wide { (0.09, 0.16) } else { (0.035, 0.06) };
    let turn = if rng.random_bool(0.3) {
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
