//! How good the landmark network is on people it has not seen, plain and under the
//! conditions that drivers meet.

use std::{collections::BTreeMap, f32::consts::PI, path::PathBuf};

use burn::tensor::{Device, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    IMAGE_PX, LandmarkNet,
    data::{Annotated, Trust, five_of},
    places::negative_region,
    sampler::anchors_of,
    seen::Mistaken,
};
use crate::{
    evaluate::landmarks::{CLOSED_BELOW, OPEN_ABOVE, auc, errors},
    face::{Landmarks, Region},
    source::images::load_image,
    train::{
        TrainError,
        augment::{Cover, Picture, normal},
        weights::values,
    },
};

/// Faces of the coarse collection that are looked at, spread over all of them.
const COARSE_FACES: usize = 200;
/// Squares without a face that are looked at.
const NEGATIVES: usize = 150;

/// A way of looking at a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Condition {
    Coarse,
    Plain,
    Turned,
    Dark,
    Mask,
    DarkGlasses,
    /// On its side or on its head: no face that can be read.
    WrongWay,
    /// Of a detector, in pictures: only five points are known.
    Pictures,
    /// The same in films, many of them infra-red.
    Films,
    /// Of which only is known that they are faces; most wear masks.
    Marked,
}

impl Condition {
    fn name(self) -> &'static str {
        match self {
            Condition::Coarse => "coarse",
            Condition::Plain => "plain",
            Condition::Turned => "turned",
            Condition::Dark => "dark",
            Condition::Mask => "mask",
            Condition::DarkGlasses => "glasses",
            Condition::WrongWay => "wrong_way",
            Condition::Pictures => "pictures",
            Condition::Films => "films",
            Condition::Marked => "marked",
        }
    }
}

/// One prepared picture.
#[derive(Debug)]
struct Case {
    condition: Condition,
    image: Vec<f32>,
    /// In the unit square of the cut.
    points: [[f32; 2]; 68],
    five: [[f32; 2]; 5],
}

/// The prepared pictures.
#[derive(Debug)]
pub struct Validation {
    cases: Vec<Case>,
    negatives: Vec<Vec<f32>>,
    /// What a detector took for faces.
    mistaken: Vec<Vec<f32>>,
}

impl Validation {
    /// Prepares the faces, each cut as a tracker would (slightly off), the precise ones
    /// also turned by 35 degrees, dark, masked, with dark glasses, and the wrong way up.
    ///
    /// # Errors
    /// When a picture cannot be read.
    pub fn prepare(
        faces: &[Annotated],
        nonfaces: &[PathBuf],
        seed: u64,
    ) -> Result<Self, TrainError> {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
        let coarse: Vec<_> = faces.iter().filter(|face| face.trust == Trust::Coarse).collect();
        let stride = coarse.len().div_ceil(COARSE_FACES).max(1);
        let chosen = faces.iter().filter(|face| face.trust == Trust::Precise);
        let mut cases = Vec::new();
        for face in chosen.chain(coarse.into_iter().step_by(stride)) {
            let image = face.picture()?;
            let conditions: &[Condition] = if face.trust == Trust::Precise {
                use Condition::{Dark, DarkGlasses, Mask, Plain, Turned, WrongWay};
                &[Plain, Turned, Dark, Mask, DarkGlasses, WrongWay]
            } else {
                &[Condition::Coarse]
            };
            let exact = Region::from_landmarks(&face.landmarks);
            for &condition in conditions {
                let mut region = placed(&exact, rng);
                if condition == Condition::Turned {
                    let side = if rng.random_bool(0.5) { 1.0 } else { -1.0 };
                    region.roll += side * 35f32.to_radians();
                }
                if condition == Condition::WrongWay {
                    region.roll += [0.5, 1.0, 1.0, 1.5][rng.random_range(0..4)] * PI;
                }
                let points = face.landmarks.points.map(|point| region.to_unit(point));
                let five = five_of(&Landmarks { points });
                let mut picture = Picture::grey(IMAGE_PX, region.sample_grey(&image, IMAGE_PX));
                match condition {
                    Condition::Dark => {
                        for value in &mut picture.data {
                            let dim = *value * 0.15 + 0.015 * normal(rng);
                            *value = (dim.clamp(0.0, 1.0) * 255.0).round() / 255.0;
                        }
                    }
                    Condition::Mask => {
                        Cover::Mask.draw(&mut picture, &anchors_of(&five), rng);
                    }
                    Condition::DarkGlasses => {
                        Cover::DarkGlasses.draw(&mut picture, &anchors_of(&five), rng);
                    }
                    _ => {}
                }
                cases.push(Case { condition, image: picture.data, points, five });
            }
        }
        let mut negatives = Vec::new();
        for index in 0..if nonfaces.is_empty() { 0 } else { NEGATIVES } {
            let image = load_image(&nonfaces[index * nonfaces.len() / NEGATIVES])?;
            negatives.push(negative_region(&image, rng).sample_grey(&image, IMAGE_PX));
        }
        Ok(Self { cases, negatives, mistaken: Vec::new() })
    }

    /// Adds faces of a detector, cut where its five points say, slightly off.
    ///
    /// # Errors
    /// When a picture cannot be read.
    pub fn add_unseen(&mut self, faces: &[Annotated], seed: u64) -> Result<(), TrainError> {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed ^ 0xface);
        for face in faces {
            let condition = match (face.trust, face.held.is_some()) {
                (Trust::Marked, _) => Condition::Marked,
                (_, true) => Condition::Films,
                (_, false) => Condition::Pictures,
            };
            let region = placed(&Region::from_five(&face.five()), rng);
            let points = face.landmarks.points.map(|point| region.to_unit(point));
            let five = face.five().map(|point| region.to_unit(point));
            let image = region.sample_grey(&*face.picture()?, IMAGE_PX);
            self.cases.push(Case { condition, image, points, five });
        }
        Ok(())
    }

    /// Adds squares that a detector took for faces, slightly off.
    pub(crate) fn add_mistaken(&mut self, squares: &[Mistaken], seed: u64) {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed ^ 0xb0c5);
        let cuts = squares
            .iter()
            .map(|square| placed(&square.region, rng).sample_grey(&square.image, IMAGE_PX));
        self.mistaken.extend(cuts);
    }

    /// All pictures to look at, in the order in which [`measure`](Self::measure) takes what
    /// is said of them.
    pub fn images(&self) -> Vec<&[f32]> {
        let cases = self.cases.iter().map(|case| case.image.as_slice());
        cases.chain(self.negatives.iter().chain(&self.mistaken).map(Vec::as_slice)).collect()
    }

    /// Measures what was said of all [`images`](Self::images). Errors are means over points
    /// divided by the distance of the outer eye corners: `error_NAME` for every condition,
    /// `eye_error_NAME` over the eye points; of faces of which five points are known,
    /// `five_error_NAME` over these, divided by their size. `ear_auc`: closed against open by
    /// our eye aspect ratio on the plain precise faces; `found_NAME`: share with a confidence
    /// above one half, which `found_wrong_way` should not be; `false_faces`: the share of
    /// squares without a face that have one, `believed_boxes` of those that a detector took for
    /// one; `confidence_loss`: how wrong the confidence is, the mean cross entropy over faces
    /// and that over all else; `covered_auc_eyes`, `covered_auc_mouth`:
    /// uncovered against drawn-over parts.
    pub fn measure(&self, said: &[Said]) -> BTreeMap<String, f64> {
        let mut sums: BTreeMap<Condition, [f64; 4]> = BTreeMap::new();
        let (mut closed, mut open) = (Vec::new(), Vec::new());
        let mut eyes = [Vec::new(), Vec::new()];
        let mut mouths = [Vec::new(), Vec::new()];
        for (case, said) in self.cases.iter().zip(said) {
            let truth = Landmarks { points: case.points };
            let five = matches!(
                case.condition,
                Condition::Pictures | Condition::Films | Condition::Marked
            );
            let [all, eye] = match five {
                true => [five_error(&case.five, &said.landmarks), 0.0],
                false => errors(&truth, &said.landmarks),
            };
            let sum = sums.entry(case.condition).or_default();
            let found = f64::from(u8::from(said.confidence > 0.5));
            for (sum, value) in sum.iter_mut().zip([all, eye, found, 1.0]) {
                *sum += value;
            }
            if five || case.condition == Condition::WrongWay {
                continue;
            }
            let covers_eyes = case.condition == Condition::DarkGlasses;
            eyes[usize::from(!covers_eyes)].push(said.visible[0].min(said.visible[1]));
            mouths[usize::from(case.condition != Condition::Mask)].push(said.visible[2]);
            if case.condition == Condition::Plain {
                let mean = |l: &Landmarks| l.eye_aspect().iter().sum::<f32>() / 2.0;
                match mean(&truth) {
                    ratio if ratio < CLOSED_BELOW => closed.push(mean(&said.landmarks)),
                    ratio if ratio > OPEN_ABOVE => open.push(mean(&said.landmarks)),
                    _ => {}
                }
            }
        }
        let mut metrics = BTreeMap::new();
        for (condition, [all, eye, found, count]) in sums {
            let name = condition.name();
            metrics.insert(format!("found_{name}"), found / count);
            match condition {
                Condition::WrongWay | Condition::Marked => {}
                Condition::Pictures | Condition::Films => {
                    metrics.insert(format!("five_error_{name}"), all / count);
                }
                _ => {
                    metrics.insert(format!("error_{name}"), all / count);
                    metrics.insert(format!("eye_error_{name}"), eye / count);
                }
            }
        }
        let aucs = [
            ("ear_auc", auc(&closed, &open)),
            ("covered_auc_eyes", auc(&eyes[0], &eyes[1])),
            ("covered_auc_mouth", auc(&mouths[0], &mouths[1])),
        ];
        for (name, auc) in aucs {
            metrics.extend(auc.map(|auc| (name.to_owned(), auc)));
        }
        let (said, others) = said.split_at(self.cases.len().min(said.len()));
        let (negatives, mistaken) = others.split_at(self.negatives.len().min(others.len()));
        for (name, said) in [("false_faces", negatives), ("believed_boxes", mistaken)] {
            if !said.is_empty() {
                let wrong = said.iter().filter(|said| said.confidence > 0.5).count();
                metrics.insert(name.into(), wrong as f64 / said.len() as f64);
            }
        }
        let no_face = |case: &Case| case.condition == Condition::WrongWay;
        let mut entropy = [Vec::new(), Vec::new()];
        for (case, said) in self.cases.iter().zip(said) {
            entropy[usize::from(no_face(case))].push(said.confidence);
        }
        entropy[1].extend(others.iter().map(|said| said.confidence));
        entropy[1].iter_mut().for_each(|confidence| *confidence = 1.0 - *confidence);
        let loss = entropy.map(|right| {
            let sum: f64 = right.iter().map(|p| -f64::from(p.max(1e-6)).ln()).sum();
            sum / right.len().max(1) as f64
        });
        metrics.insert("confidence_loss".into(), loss[0] + loss[1]);
        metrics
    }

    /// What checkpoints are chosen by, smaller is better: the errors that users meet, twice
    /// the eyes, and faces that are missed or read the wrong way round.
    pub fn figure(metrics: &BTreeMap<String, f64>) -> f64 {
        let get = |name: &str| metrics.get(name).copied().unwrap_or(0.0);
        let errors: f64 = ["plain", "turned", "dark", "mask", "glasses", "coarse"]
            .iter()
            .map(|name| get(&format!("error_{name}")))
            .sum();
        let missed: f64 = ["plain", "turned", "dark", "mask", "glasses", "films", "pictures"]
            .iter()
            .filter_map(|name| metrics.get(&format!("found_{name}")))
            .map(|found| 1.0 - found)
            .sum();
        errors
            + 2.0 * get("eye_error_plain")
            + 0.1 * (1.0 - get("ear_auc"))
            + 0.5 * (get("five_error_pictures") + get("five_error_films"))
            + 0.1 * (missed + get("found_wrong_way") + get("false_faces"))
            + 0.1 * get("confidence_loss")
    }

    /// The figures that count, for people.
    pub fn words(metrics: &BTreeMap<String, f64>) -> String {
        let names = [
            ("error_plain", "error"),
            ("eye_error_plain", "eyes"),
            ("error_turned", "turned"),
            ("error_coarse", "coarse"),
            ("five_error_pictures", "five points in pictures"),
            ("five_error_films", "in films"),
            ("found_films", "found in films"),
            ("found_wrong_way", "the wrong way up"),
            ("found_marked", "marked faces"),
            ("believed_boxes", "false boxes"),
            ("confidence_loss", "confidence loss"),
            ("ear_auc", "closed eyes AUC"),
        ];
        let told = names.iter().filter_map(|(name, word)| {
            metrics.get(*name).map(|value| format!("{word} {value:.3}"))
        });
        told.collect::<Vec<_>>().join(", ")
    }
}

/// A region as a tracker gives it: slightly off.
fn placed(exact: &Region, rng: &mut ChaCha8Rng) -> Region {
    let mut off = |share: f32| share * normal(rng);
    Region {
        center: exact.center.map(|v| v + off(0.03) * exact.side_px),
        side_px: exact.side_px * off(0.05).exp(),
        roll: exact.roll + off(4.0).to_radians(),
    }
}

/// Mean distance of five points over their size (the distances of the eyes, and of their
/// middle to that of the mouth, as the sides of a right triangle).
pub fn five_error(truth: &[[f32; 2]; 5], said: &Landmarks) -> f64 {
    let far = |a: [f32; 2], b: [f32; 2]| f64::from((a[0] - b[0]).hypot(a[1] - b[1]));
    let middle = |a: [f32; 2], b: [f32; 2]| [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
    let [left, right, _, mouth_left, mouth_right] = *truth;
    let down = far(middle(left, right), middle(mouth_left, mouth_right));
    let size = far(left, right).hypot(down).max(1e-9);
    let pairs = truth.iter().zip(five_of(said));
    pairs.map(|(a, b)| far(*a, b)).sum::<f64>() / 5.0 / size
}

/// What the network says about one picture, with logits turned into 0..1.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    /// In the unit square.
    pub landmarks: Landmarks,
    /// How sure it is that this is a face, 0..1.
    pub confidence: f32,
    /// How surely left eye, right eye and mouth are seen, 0..1.
    pub visible: [f32; 3],
}

/// What the network says about pictures `[160, 160]`, grey 0..1.
///
/// # Errors
/// When a tensor cannot be read.
pub fn look(
    net: &LandmarkNet,
    images: &[&[f32]],
    device: &Device,
) -> Result<Vec<Said>, TrainError> {
    let sigmoid = |logit: f32| 1.0 / (1.0 + (-logit).exp());
    let mut all = Vec::with_capacity(images.len());
    for chunk in images.chunks(64) {
        let batch = Tensor::<1>::from_floats(chunk.concat().as_slice(), device);
        let out = net.forward(&batch.reshape([chunk.len(), 1, IMAGE_PX, IMAGE_PX]));
        let (points, confidence, visible) =
            (values(&out.points)?, values(&out.confidence)?, values(&out.visible)?);
        for index in 0..chunk.len() {
            let coordinate = |i: usize| points[index * 136 + i];
            all.push(Said {
                landmarks: Landmarks {
                    points: std::array::from_fn(|i| [coordinate(2 * i), coordinate(2 * i + 1)]),
                },
                confidence: sigmoid(confidence[index]),
                visible: std::array::from_fn(|i| sigmoid(visible[index * 3 + i])),
            });
        }
    }
    Ok(all)
}
