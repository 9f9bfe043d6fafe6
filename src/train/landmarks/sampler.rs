//! Draws training samples: faces cut through jittered [`Region`]s straight out of the
//! photo, narrowed, covered and augmented, and squares without a face or with one that lies
//! the wrong way. A sample follows from its random numbers.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use image::{RgbImage, imageops};
use rand::{
    Rng,
    distr::{Distribution, weighted::WeightedIndex},
    seq::IndexedRandom,
};
use rand_chacha::ChaCha8Rng;

use super::{
    IMAGE_PX,
    config::SampleOptions,
    cuts::EyeCut,
    data::{Annotated, Trust, mirrored},
    places::{
        Around, Narrowed, jitter, negative_region, nose_between_eyes, off_face, seen_past_the_nose,
        wrong_way,
    },
    seen::Mistaken,
};
use crate::{
    face::{Landmarks, Region},
    source::images::load_image,
    train::{
        TrainError,
        augment::{Anchors, Cover, Covered, Photometric, Picture, normal},
    },
};

/// Decoded photos are kept up to this many bytes.
const KEPT_BYTES: usize = 2 << 30;
/// Photos are kept reduced so that the face's region has about this side in pixels:
/// half as much again as the network sees.
const KEPT_SIDE_PX: f32 = 1.5 * IMAGE_PX as f32;
/// What is kept of a photo around the middle of its face's region, in sides of it.
const KEPT_AROUND: f32 = 1.75;

/// One training sample.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// `[160, 160]` grey 0..1.
    pub image: Vec<f32>,
    /// The points in the unit square of the region.
    pub points: [[f32; 2]; 68],
    /// Left eye, right eye, tip of the nose and corners of the mouth, likewise.
    pub five: [[f32; 2]; 5],
    /// Left and right eye, cut about where the first network would think that they are.
    pub eyes: [EyeCut; 2],
    /// 1 for a face, 0 for none: nothing but the confidence is learned then.
    pub face: f32,
    /// 1 = uncovered, and not behind the nose: left eye, right eye, mouth.
    pub visible: [f32; 3],
    /// How much is learned from which points.
    pub weights: Weights,
}

/// A decoded photo around its face, perhaps reduced, with the face's region and points in
/// its pixels.
#[derive(Debug)]
struct Photo {
    image: RgbImage,
    region: Region,
    landmarks: Landmarks,
    five: [[f32; 2]; 5],
}

impl Photo {
    fn load(face: &Annotated) -> Result<Self, TrainError> {
        let region = Region::from_landmarks(&face.landmarks);
        let around = Around::new(&*face.picture()?, &region, KEPT_AROUND, KEPT_SIDE_PX);
        let landmarks = Landmarks { points: face.landmarks.points.map(|p| around.here(p)) };
        let five = face.five().map(|point| around.here(point));
        let region = Region::from_landmarks(&landmarks);
        Ok(Self { image: around.image, region, landmarks, five })
    }
}

/// How much is learned from the points of a sample.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weights {
    /// All points but those of the eyes.
    pub points: f32,
    /// The points of the eyes.
    pub eyes: f32,
    /// How far the lids are apart.
    pub lids: f32,
    /// The five points.
    pub five: f32,
}

impl From<Trust> for Weights {
    fn from(trust: Trust) -> Self {
        let [points, eyes, lids, five] = match trust {
            Trust::Precise => [1.0, 1.0, 1.0, 0.0],
            Trust::Coarse => [1.0, 0.5, 0.5, 0.0],
            Trust::KnownClosed => [0.2, 0.5, 1.0, 0.0],
            // The five points were what the guess agreed with; a detector's nose lies a little
            // beside that of the 68, and would pull it along.
            Trust::Guessed => [0.6, 0.4, 0.3, 0.0],
            Trust::Five => [0.0, 0.0, 0.0, 1.0],
            Trust::Marked => [0.0; 4],
        };
        Self { points, eyes, lids, five }
    }
}

/// Draws samples.
#[derive(Debug)]
pub(crate) struct Sampler {
    faces: Vec<Annotated>,
    photos: Vec<OnceLock<Arc<Photo>>>,
    kept_bytes: AtomicUsize,
    nonfaces: Vec<(PathBuf, OnceLock<Arc<RgbImage>>)>,
    precise: Vec<usize>,
    coarse: Vec<usize>,
    known_closed: Vec<usize>,
    marked: Vec<usize>,
    mistaken: Vec<Mistaken>,
    /// Faces of a detector, and how likely each is: those that are turned more than others.
    turned: Option<(Vec<usize>, WeightedIndex<f32>)>,
    options: SampleOptions,
    photometric: Photometric,
}

impl Sampler {
    /// Over these faces, pictures without a face, and squares that a detector took for one.
    pub(crate) fn new(
        faces: Vec<Annotated>,
        nonfaces: Vec<PathBuf>,
        mistaken: Vec<Mistaken>,
        options: SampleOptions,
        photometric: Photometric,
    ) -> Self {
        let all = |trust| {
            let trusted = faces.iter().enumerate().filter(|(_, face)| face.trust == trust);
            trusted.map(|(index, _)| index).collect::<Vec<_>>()
        };
        let (precise, coarse) = (all(Trust::Precise), all(Trust::Coarse));
        let (known_closed, marked) = (all(Trust::KnownClosed), all(Trust::Marked));
        let turned = [all(Trust::Guessed), all(Trust::Five)].concat();
        let weights = turned.iter().map(|&index| likely(&faces[index]));
        let turned = WeightedIndex::new(weights).ok().map(|weights| (turned, weights));
        let photos = faces.iter().map(|_| OnceLock::new()).collect();
        let kept_bytes = AtomicUsize::new(0);
        let nonfaces = nonfaces.into_iter().map(|file| (file, OnceLock::new())).collect();
        Self {
            faces,
            photos,
            kept_bytes,
            nonfaces,
            precise,
            coarse,
            known_closed,
            marked,
            mistaken,
            turned,
            options,
            photometric,
        }
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
        let image = Arc::new(load_image(file)?);
        let bytes = image.as_raw().len();
        if self.kept_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes < KEPT_BYTES {
            let _ = kept.set(image.clone());
        }
        Ok(image)
    }

    /// A sample.
    ///
    /// # Errors
    /// When a picture cannot be read.
    pub(crate) fn sample(&self, rng: &mut ChaCha8Rng) -> Result<Sample, TrainError> {
        if rng.random_bool(self.options.negatives) {
            return self.negative(rng);
        }
        let index = self.choose(rng);
        let photo = self.photo(index)?;
        Ok(self.positive(&photo, &self.faces[index], rng))
    }

    /// A face to show, by its place in the list.
    fn choose(&self, rng: &mut ChaCha8Rng) -> usize {
        if !self.marked.is_empty() && rng.random_bool(self.options.marked_share) {
            return self.marked.choose(rng).copied().unwrap_or_default();
        }
        if let Some((turned, weights)) = &self.turned
            && rng.random_bool(self.options.turned_share)
        {
            return turned[weights.sample(rng)];
        }
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
        let narrowed = rng.random_bool(self.options.narrowed).then(|| Narrowed::new(rng));
        let grey = match &narrowed {
            Some(narrowed) => narrowed.sample_grey(&region, image, IMAGE_PX),
            None => region.sample_grey(image, IMAGE_PX),
        };
        let mut picture = Picture::grey(IMAGE_PX, grey);
        let place = |point: [f32; 2]| {
            let point = exact.to_unit(point);
            narrowed.map_or(point, |narrowed| narrowed.place(point))
        };
        let mut points = photo.landmarks.points.map(place);
        let mut five = photo.five.map(place);
        let mut past_nose = seen_past_the_nose(&photo.five);
        if rng.random_bool(0.5) {
            picture.mirror();
            std::mem::swap(&mut covered.left_eye, &mut covered.right_eye);
            past_nose.reverse();
            let flip = |[x, y]: [f32; 2]| [1.0 - x, y];
            let source = points;
            points = std::array::from_fn(|index| flip(source[mirrored(index)]));
            five = [1, 0, 2, 4, 3].map(|index: usize| flip(five[index]));
        }
        covered |= self.cover(&mut picture, &five, rng);
        self.photometric.apply(&mut picture, rng);
        let seen =
            [covered.left_eye, covered.right_eye, covered.mouth].map(|c| if c { 0.0 } else { 1.0 });
        let visible = [seen[0] * past_nose[0], seen[1] * past_nose[1], seen[2]];
        let eyes = EyeCut::both(&picture.data, &points, rng);
        let weights = trust.into();
        Sample { image: picture.data, points, five, eyes, face: 1.0, visible, weights }
    }

    fn cover(&self, picture: &mut Picture, five: &[[f32; 2]; 5], rng: &mut ChaCha8Rng) -> Covered {
        let mut covered = Covered::default();
        if !rng.random_bool(self.options.cover) {
            return covered;
        }
        let anchors = anchors_of(five);
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
        let mistaken = self.mistaken.choose(rng).filter(|_| rng.random_bool(self.options.mistaken));
        let nonface = self.nonfaces.choose(rng).filter(|_| rng.random_bool(0.65));
        let values = if rng.random_bool(self.options.wrong_way) {
            let index = self.choose(rng);
            let photo = self.photo(index)?;
            let region = wrong_way(&photo.region, rng);
            let mut picture = Picture::grey(IMAGE_PX, region.sample_grey(&photo.image, IMAGE_PX));
            let five = photo.five.map(|point| region.to_unit(point));
            self.cover(&mut picture, &five, rng);
            picture.data
        } else if let Some(Mistaken { image, region }) = mistaken {
            jitter(region, rng).sample_grey(image, IMAGE_PX)
        } else if let Some((file, kept)) = nonface {
            let image = self.nonface(file, kept)?;
            negative_region(&image, rng).sample_grey(&image, IMAGE_PX)
        } else {
            let photo = self.photo(self.choose(rng))?;
            off_face(&photo.region, rng).sample_grey(&photo.image, IMAGE_PX)
        };
        let mut picture = Picture::grey(IMAGE_PX, values);
        if rng.random_bool(0.5) {
            picture.mirror();
        }
        if rng.random_bool(self.options.noise) {
            drown(&mut picture, rng);
        }
        self.photometric.apply(&mut picture, rng);
        Ok(Sample {
            image: picture.data,
            points: [[0.5; 2]; 68],
            five: [[0.5; 2]; 5],
            eyes: [EyeCut::none(), EyeCut::none()],
            face: 0.0,
            visible: [0.0; 3],
            weights: Weights::default(),
        })
    }
}

/// So little light that a camera's noise hides what there is: the picture is dimmed below the
/// noise, whose grains are as large as a small square of a frame shows them enlarged.
fn drown(picture: &mut Picture, rng: &mut ChaCha8Rng) {
    let grains: u32 = rng.random_range(24..=2 * IMAGE_PX as u32);
    let noise = RgbImage::from_fn(grains, grains, |_, _| {
        image::Rgb([(128.0 + 40.0 * normal(rng)).clamp(0.0, 255.0) as u8; 3])
    });
    let side = grains as f32;
    let whole = Region { center: [side / 2.0; 2], side_px: side, roll: 0.0 };
    let (light, level) = (rng.random_range(0.0..0.08f32), rng.random_range(0.0..0.3f32));
    let grain = rng.random_range(0.01..0.15f32) / (40.0 / 255.0);
    for (value, noise) in picture.data.iter_mut().zip(whole.sample_grey(&noise, IMAGE_PX)) {
        *value = level + light * *value + grain * (noise - 0.5);
    }
}

/// How likely a detector's face is to be shown: heads that are turned, bowed or thrown back,
/// frames of films, and faces that the network did not know before, more than others.
fn likely(face: &Annotated) -> f32 {
    let five = face.five();
    let aside = (nose_between_eyes(&five) - 0.5).abs();
    let turned = match aside {
        0.25.. => 3.0,
        0.12.. => 1.5,
        _ => 0.7,
    };
    // Where the tip of the nose lies between the eyes (0) and the mouth (1).
    let region = Region::from_five(&five);
    let [eyes, nose, mouth] = [[0, 1], [2, 2], [3, 4]]
        .map(|[a, b]: [usize; 2]| (region.to_unit(five[a])[1] + region.to_unit(five[b])[1]) / 2.0);
    let between = (nose - eyes) / (mouth - eyes).max(f32::EPSILON);
    let bowed = if (0.4..0.72).contains(&between) { 1.0 } else { 2.0 };
    let film = if face.held.is_some() { 2.0 } else { 1.0 };
    let unknown = if face.trust == Trust::Five { 1.5 } else { 1.0 };
    turned * bowed * film * unknown
}

/// The parts of the face in pixels of the cut, from its five points in the unit square.
pub(crate) fn anchors_of(five: &[[f32; 2]; 5]) -> Anchors {
    let [left_eye, right_eye, nose, left, right] = five.map(|p| p.map(|v| v * IMAGE_PX as f32));
    let mouth = [(left[0] + right[0]) / 2.0, (left[1] + right[1]) / 2.0];
    Anchors { left_eye, right_eye, nose, mouth }
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use rand::SeedableRng;

    /// A face of noise, with the eyes where they belong.
    pub(in super::super) fn noise(seed: u64) -> Sample {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let image: Vec<f32> = (0..IMAGE_PX * IMAGE_PX).map(|_| rng.random()).collect();
        let points = super::super::eyes::tests::mean_shape();
        let eyes = EyeCut::both(&image, &points, &mut rng);
        let five = super::super::data::five_of(&Landmarks { points });
        let weights = Trust::Precise.into();
        Sample { image, points, five, eyes, face: 1.0, visible: [1.0; 3], weights }
    }

    /// A bright face on dark ground, its five points known.
    fn face(nose: f32, trust: Trust) -> Annotated {
        let five = [[70.0, 80.0], [130.0, 80.0], [nose, 110.0], [78.0, 142.0], [122.0, 142.0]];
        let image = RgbImage::from_fn(200, 200, |x, y| {
            let near = |[px, py]: [f32; 2]| (x as f32 - px).hypot(y as f32 - py) < 4.0;
            image::Rgb([if five.into_iter().any(near) { 250 } else { 20 }; 3])
        });
        let region = Region::from_five(&five);
        let mean = super::super::eyes::tests::mean_shape();
        Annotated {
            file: "face".into(),
            landmarks: Landmarks { points: mean.map(|point| region.to_frame(point)) },
            person: "nobody".into(),
            trust,
            held: Some(Arc::new(image)),
            covered: Covered::default(),
            five: Some(five),
        }
    }

    #[test]
    fn five_points_stay_on_what_they_mark_and_the_far_eye_is_not_seen() {
        let options = SampleOptions {
            cover: 0.0,
            tight: 0.0,
            negatives: 0.0,
            narrowed: 0.5,
            turned_share: 1.0,
            ..SampleOptions::default()
        };
        let plain: Photometric = toml::from_str(
            "gamma = 0.0\ndark = 0.0\ncontrast = 0.0\ngradient = 0.0\nblur = 0.0\nmotion = 0.0\n\
             low_resolution = 0.0\nnoise = 0.0",
        )
        .unwrap();
        let sampler = Sampler::new(vec![face(128.0, Trust::Five)], vec![], vec![], options, plain);
        let rng = &mut ChaCha8Rng::seed_from_u64(9);
        for _ in 0..40 {
            let sample = sampler.sample(rng).unwrap();
            for [x, y] in sample.five {
                if (0.02..0.98).contains(&x) && (0.02..0.98).contains(&y) {
                    let at = |v: f32| (v * IMAGE_PX as f32) as usize;
                    assert!(sample.image[at(y) * IMAGE_PX + at(x)] > 0.5, "{x} {y}");
                }
            }
            let mirrored = sample.five[2][0] < (sample.five[0][0] + sample.five[1][0]) / 2.0;
            assert_eq!(sample.visible, if mirrored { [0.0, 1.0, 1.0] } else { [1.0, 0.0, 1.0] });
            assert_eq!((sample.weights.points, sample.weights.five), (0.0, 1.0));
        }
    }

    #[test]
    fn turned_faces_are_likelier_than_others() {
        assert!(likely(&face(125.0, Trust::Five)) > 3.0 * likely(&face(100.0, Trust::Guessed)));
    }

    #[test]
    fn a_face_on_its_head_is_none() {
        let options = SampleOptions { negatives: 1.0, wrong_way: 1.0, ..SampleOptions::default() };
        let photometric = Photometric::default();
        let sampler =
            Sampler::new(vec![face(100.0, Trust::Guessed)], vec![], vec![], options, photometric);
        let sample = sampler.sample(&mut ChaCha8Rng::seed_from_u64(2)).unwrap();
        assert_eq!((sample.face, sample.visible), (0.0, [0.0; 3]));
    }
}
