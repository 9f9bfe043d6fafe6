//! How good the landmark network is on people it has not seen, plain and under the
//! conditions that drivers meet.

use std::{collections::BTreeMap, path::PathBuf};

use burn::tensor::{Device, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    IMAGE_PX, LandmarkNet,
    data::{Annotated, Trust, load},
    sampler::{anchors_of, negative_region},
};
use crate::{
    evaluate::landmarks::{CLOSED_BELOW, OPEN_ABOVE, auc, errors},
    face::{Landmarks, Region},
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
}

/// The prepared pictures.
#[derive(Debug)]
pub struct Validation {
    cases: Vec<Case>,
    negatives: Vec<Vec<f32>>,
}

impl Validation {
    /// Prepares the faces, each cut as a tracker would (slightly off), the precise ones
    /// also turned by 35 degrees, dark, masked and with dark glasses.
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
                use Condition::{Dark, DarkGlasses, Mask, Plain, Turned};
                &[Plain, Turned, Dark, Mask, DarkGlasses]
            } else {
                &[Condition::Coarse]
            };
            let exact = Region::from_landmarks(&face.landmarks);
            for &condition in conditions {
                let mut off = |share: f32| share * normal(rng);
                let mut region = Region {
                    center: exact.center.map(|v| v + off(0.03) * exact.side_px),
                    side_px: exact.side_px * off(0.05).exp(),
                    roll: exact.roll + off(4.0).to_radians(),
                };
                if condition == Condition::Turned {
                    let side = if rng.random_bool(0.5) { 1.0 } else { -1.0 };
                    region.roll += side * 35f32.to_radians();
                }
                let points = face.landmarks.points.map(|point| region.to_unit(point));
                let mut picture = Picture::grey(IMAGE_PX, region.sample_grey(&image, IMAGE_PX));
                match condition {
                    Condition::Dark => {
                        for value in &mut picture.data {
                            let dim = *value * 0.15 + 0.015 * normal(rng);
                            *value = (dim.clamp(0.0, 1.0) * 255.0).round() / 255.0;
                        }
                    }
                    Condition::Mask => {
                        Cover::Mask.draw(&mut picture, &anchors_of(&points), rng);
                    }
                    Condition::DarkGlasses => {
                        Cover::DarkGlasses.draw(&mut picture, &anchors_of(&points), rng);
                    }
                    Condition::Plain | Condition::Turned | Condition::Coarse => {}
                }
                cases.push(Case { condition, image: picture.data, points });
            }
        }
        let mut negatives = Vec::new();
        for index in 0..if nonfaces.is_empty() { 0 } else { NEGATIVES } {
            let image = load(&nonfaces[index * nonfaces.len() / NEGATIVES])?;
            negatives.push(negative_region(&image, rng).sample_grey(&image, IMAGE_PX));
        }
        Ok(Self { cases, negatives })
    }

    /// Measures the network. Errors are means over points divided by the distance of
    /// the outer eye corners: `error_NAME` for every condition, `eye_error_NAME` over the
    /// eye points; `ear_auc`: closed against open by our eye aspect ratio on the plain
    /// precise faces; `found_NAME`: share with a confidence above one half;
    /// `false_faces`: the share of squares without a face that have one;
    /// `covered_auc_eyes`, `covered_auc_mouth`: uncovered against drawn-over parts.
    ///
    /// # Errors
    /// When a tensor cannot be read.
    pub fn measure(
        &self,
        net: &LandmarkNet,
        device: &Device,
    ) -> Result<BTreeMap<String, f64>, TrainError> {
        let images: Vec<&[f32]> = self.cases.iter().map(|case| case.image.as_slice()).collect();
        let said = look(net, &images, device)?;
        let mut sums: BTreeMap<Condition, [f64; 4]> = BTreeMap::new();
        let (mut closed, mut open) = (Vec::new(), Vec::new());
        let mut eyes = [Vec::new(), Vec::new()];
        let mut mouths = [Vec::new(), Vec::new()];
        for (case, said) in self.cases.iter().zip(&said) {
            let truth = Landmarks { points: case.points };
            let [all, eye] = errors(&truth, &said.landmarks);
            let sum = sums.entry(case.condition).or_default();
            let found = f64::from(u8::from(said.confidence > 0.5));
            for (sum, value) in sum.iter_mut().zip([all, eye, found, 1.0]) {
                *sum += value;
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
            metrics.insert(format!("error_{name}"), all / count);
            metrics.insert(format!("eye_error_{name}"), eye / count);
            metrics.insert(format!("found_{name}"), found / count);
        }
        let aucs = [
            ("ear_auc", auc(&closed, &open)),
            ("covered_auc_eyes", auc(&eyes[0], &eyes[1])),
            ("covered_auc_mouth", auc(&mouths[0], &mouths[1])),
        ];
        for (name, auc) in aucs {
            metrics.extend(auc.map(|auc| (name.to_owned(), auc)));
        }
        let images: Vec<&[f32]> = self.negatives.iter().map(Vec::as_slice).collect();
        if !images.is_empty() {
            let said = look(net, &images, device)?;
            let wrong = said.iter().filter(|said| said.confidence > 0.5).count();
            metrics.insert("false_faces".into(), wrong as f64 / images.len() as f64);
        }
        Ok(metrics)
    }
}

/// What the network says about one picture, with logits turned into 0..1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    /// In the unit square.
    pub(super) landmarks: Landmarks,
    pub(super) confidence: f32,
    visible: [f32; 3],
}

pub(super) fn look(
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
