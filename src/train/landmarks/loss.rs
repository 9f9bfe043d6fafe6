//! What the landmark network is punished for.

use burn::tensor::{Device, Tensor, activation::relu};

use super::{
    IMAGE_PX, LandmarkOutput,
    eyes::EYE_PX,
    sampler::{Sample, Weights},
};

/// Errors of the face are counted in this many parts of the region, those of an eye in as
/// many of its cut: about a pixel of what each network sees.
const PARTS: [f32; 2] = [96.0, 64.0];
/// Below this error in those parts the wing loss turns logarithmic (Feng et al. 2018,
/// "Wing loss").
const WING: f32 = 6.0;
/// Curvature of its logarithmic part.
const WING_EPSILON: f32 = 1.5;
/// Pairs of upper and lower lid points, then of inner lip points: their distances decide
/// whether eyes and mouth are open, so the differences are learned beside the points.
const OPENINGS: [(usize, usize); 7] =
    [(37, 41), (38, 40), (43, 47), (44, 46), (61, 67), (62, 66), (63, 65)];
/// The same for the six points of an eye.
const EYE_OPENINGS: [(usize, usize); 2] = [(1, 5), (2, 4)];
/// Which points are about one of the five: middle of the left and the right eye, tip of the
/// nose, corners of the mouth.
const FIVE: [std::ops::Range<usize>; 5] = [36..42, 42..48, 30..31, 48..49, 54..55];
/// Weight of the five points where nothing else is known.
const FIVE_WEIGHT: f32 = 1.0;
/// Weight of the openings against the points.
const OPENING_WEIGHT: f32 = 0.6;
/// Weight of the places of the voters: cells near a point know it best.
const VOTERS_WEIGHT: f32 = 0.1;
/// Weight of the second look at the eyes.
const EYES_WEIGHT: f32 = 1.0;
/// What is learned from the points of a covered eye, against those of a seen one.
const COVERED_EYE: f32 = 0.1;
/// Weight of the confidence.
const CONFIDENCE_WEIGHT: f32 = 4.0;
/// Weight of the visibilities.
const VISIBLE_WEIGHT: f32 = 2.0;

/// Weight of a point: the eyes count most, the jaw, which nobody can place exactly, least.
fn point_weight(index: usize) -> f32 {
    match index {
        36..48 => 2.0,
        0..17 => 0.7,
        _ => 1.0,
    }
}

/// What the eyes of a batch are to be: both eyes of each sample one after the other.
#[derive(Clone, Debug)]
struct Eyes {
    points: Tensor<2>,
    weights: Tensor<2>,
    opening_weights: Tensor<2>,
    openings: Tensor<2>,
}

/// How much there is to learn in a batch: its losses are divided by these, so that each part
/// of a batch has its share of the whole batch's loss.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Totals {
    /// Samples.
    pub samples: f32,
    /// Those with a face.
    pub faces: f32,
    points: f32,
    openings: f32,
    five: f32,
    eyes: f32,
    lids: f32,
}

impl std::iter::Sum for Totals {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            samples: a.samples + b.samples,
            faces: a.faces + b.faces,
            points: a.points + b.points,
            openings: a.openings + b.openings,
            five: a.five + b.five,
            eyes: a.eyes + b.eyes,
            lids: a.lids + b.lids,
        })
    }
}

impl Totals {
    /// What there is to learn from these samples.
    pub(crate) fn of(samples: &[Sample]) -> Self {
        samples.iter().map(Self::of_one).sum()
    }

    fn of_one(sample: &Sample) -> Self {
        let sum = |values: &mut dyn Iterator<Item = f32>| values.sum::<f32>();
        let both = |part: fn([f32; 2]) -> f32, each: usize| {
            sum(&mut (0..2).map(|eye| part(eye_trust(sample, eye)) * each as f32))
        };
        Self {
            samples: 1.0,
            faces: sample.face,
            points: sum(&mut (0..68).map(|index| 2.0 * trust(sample, index))),
            openings: sum(&mut OPENINGS.iter().map(|pair| 2.0 * opening_trust(sample, pair.0))),
            // Of all faces: where few have nothing but five points, these are not to count
            // as much as all the others.
            five: sample.face * 2.0 * FIVE.len() as f32,
            eyes: both(|[points, _]| points, 12),
            lids: both(|[_, lids]| lids, 2 * EYE_OPENINGS.len()),
        }
    }
}

/// How much is learned from a point of a sample.
fn trust(sample: &Sample, index: usize) -> f32 {
    let Weights { points, eyes, .. } = sample.weights;
    let trust = if (36..48).contains(&index) { eyes } else { points };
    sample.face * trust * point_weight(index)
}

/// How much is learned from an opening, by its first point.
fn opening_trust(sample: &Sample, index: usize) -> f32 {
    let Weights { points, lids, .. } = sample.weights;
    sample.face * if index < 48 { 2.0 * lids } else { points }
}

/// How much is learned from the points and from the lids of an eye.
fn eye_trust(sample: &Sample, eye: usize) -> [f32; 2] {
    let seen = COVERED_EYE + (1.0 - COVERED_EYE) * sample.visible[eye];
    [sample.weights.eyes, sample.weights.lids].map(|weight| sample.face * seen * weight)
}

/// A batch as tensors.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// `[batch, 1, 160, 160]`.
    pub image: Tensor<4>,
    /// `[2 * batch, 1, 40, 40]`.
    pub cuts: Tensor<4>,
    points: Tensor<2>,
    weights: Tensor<2>,
    opening_weights: Tensor<2>,
    face: Tensor<2>,
    visible: Tensor<2>,
    /// `[136, 14]`: points to openings.
    openings: Tensor<2>,
    five: Tensor<2>,
    five_weights: Tensor<2>,
    /// `[136, 10]`: points to the five.
    to_five: Tensor<2>,
    eyes: Eyes,
    totals: Totals,
}

/// `[136, 10]`: from the points to the means that the five are.
fn means(device: &Device) -> Tensor<2> {
    let mut matrix = vec![0.0f32; 136 * 10];
    for (one, points) in FIVE.into_iter().enumerate() {
        let share = 1.0 / points.len() as f32;
        for point in points {
            for axis in 0..2 {
                matrix[(2 * point + axis) * 10 + 2 * one + axis] = share;
            }
        }
    }
    Tensor::<1>::from_floats(matrix.as_slice(), device).reshape([136, 10])
}

/// `[2 * points, 2 * pairs]`: from points to the differences of pairs.
fn differences(points: usize, pairs: &[(usize, usize)], device: &Device) -> Tensor<2> {
    let mut matrix = vec![0.0f32; 2 * points * 2 * pairs.len()];
    for (pair, &(upper, lower)) in pairs.iter().enumerate() {
        for axis in 0..2 {
            let column = 2 * pair + axis;
            matrix[(2 * upper + axis) * 2 * pairs.len() + column] = 1.0;
            matrix[(2 * lower + axis) * 2 * pairs.len() + column] = -1.0;
        }
    }
    Tensor::<1>::from_floats(matrix.as_slice(), device).reshape([2 * points, 2 * pairs.len()])
}

impl Batch {
    /// Puts samples on a device, as a whole batch.
    pub(crate) fn new(samples: &[Sample], device: &Device) -> Self {
        Self::part(samples, Totals::of(samples), device)
    }

    /// The same as a part of a batch in which there is as much to learn as `totals` says.
    pub(crate) fn part(samples: &[Sample], totals: Totals, device: &Device) -> Self {
        let n = samples.len();
        let tensor = |values: Vec<f32>| {
            let width = values.len() / n.max(1);
            Tensor::<1>::from_floats(values.as_slice(), device).reshape([n, width])
        };
        let gather = |row: &dyn Fn(&Sample, &mut Vec<f32>)| {
            let mut all = Vec::new();
            samples.iter().for_each(|sample| row(sample, &mut all));
            all
        };
        let weights = gather(&|sample, all| {
            (0..68).for_each(|index| all.extend([trust(sample, index); 2]));
        });
        let opening_weights = gather(&|sample, all| {
            OPENINGS.iter().for_each(|pair| all.extend([opening_trust(sample, pair.0); 2]));
        });
        let five_weights = gather(&|sample, all| {
            all.extend([sample.face * sample.weights.five; 2 * FIVE.len()]);
        });
        let eye_weights = gather(&|sample, all| {
            (0..2).for_each(|eye| all.extend([eye_trust(sample, eye)[0]; 12]));
        });
        let lid_weights = gather(&|sample, all| {
            (0..2).for_each(|eye| all.extend([eye_trust(sample, eye)[1]; 2 * EYE_OPENINGS.len()]));
        });
        let eye_points = gather(&|sample, all| {
            sample.eyes.iter().for_each(|eye| all.extend(eye.points.as_flattened()));
        });
        let cuts = gather(&|sample, all| {
            sample.eyes.iter().for_each(|eye| all.extend(&eye.image));
        });
        let rows = |values: Vec<f32>, width: usize| tensor(values).reshape([2 * n, width]);
        Self {
            image: tensor(gather(&|s, all| all.extend(&s.image)))
                .reshape([n, 1, IMAGE_PX, IMAGE_PX]),
            cuts: tensor(cuts).reshape([2 * n, 1, EYE_PX, EYE_PX]),
            points: tensor(gather(&|s, all| all.extend(s.points.as_flattened()))),
            weights: tensor(weights),
            opening_weights: tensor(opening_weights),
            face: tensor(gather(&|s, all| all.push(s.face))),
            visible: tensor(gather(&|s, all| all.extend(s.visible))),
            openings: differences(68, &OPENINGS, device),
            five: tensor(gather(&|s, all| all.extend(s.five.as_flattened()))),
            five_weights: tensor(five_weights),
            to_five: means(device),
            totals,
            eyes: Eyes {
                points: rows(eye_points, 12),
                weights: rows(eye_weights, 12),
                opening_weights: rows(lid_weights, 2 * EYE_OPENINGS.len()),
                openings: differences(6, &EYE_OPENINGS, device),
            },
        }
    }
}

/// Wing loss of errors in the unit square, counted in `parts` of it, averaged with
/// weights, whose sum over the whole batch is `total`.
fn wing(error: Tensor<2>, weights: Tensor<2>, total: f32, parts: f32) -> Tensor<1> {
    let error = error.abs().mul_scalar(parts);
    let near = error.clone().div_scalar(WING_EPSILON).log1p().mul_scalar(WING);
    let offset = WING - WING * (1.0 + WING / WING_EPSILON).ln();
    let far = error.clone().sub_scalar(offset);
    let loss = far.mask_where(error.lower_elem(WING), near);
    (loss * weights).sum().div_scalar(total.max(1e-3))
}

/// Binary cross entropy from logits, each element.
fn cross_entropy(logits: Tensor<2>, truth: Tensor<2>) -> Tensor<2> {
    relu(logits.clone()) - logits.clone() * truth + logits.abs().neg().exp().log1p()
}

/// The loss of what was said of whether each sample of a batch is a face, `[1]`, from logits
/// `[batch, 1]`.
pub(crate) fn confidence_loss(logits: &Tensor<2>, batch: &Batch) -> Tensor<1> {
    let all = cross_entropy(logits.clone(), batch.face.clone()).sum();
    all.div_scalar(batch.totals.samples.max(1.0))
}

/// The loss of a batch, `[1]`: of what was said of the faces, and of what
/// [`EyeNet::forward`](super::eyes::EyeNet::forward) said of the cuts of their eyes.
pub(crate) fn loss(output: &LandmarkOutput, eyes: &[Tensor<2>; 2], batch: &Batch) -> Tensor<1> {
    let totals = &batch.totals;
    let error = output.points.clone() - batch.points.clone();
    let openings = error.clone().matmul(batch.openings.clone());
    let five = output.points.clone().matmul(batch.to_five.clone()) - batch.five.clone();
    let points = wing(error, batch.weights.clone(), totals.points, PARTS[0]);
    let openings = wing(openings, batch.opening_weights.clone(), totals.openings, PARTS[0]);
    let five = wing(five, batch.five_weights.clone(), totals.five, PARTS[0]);
    let voters = output.voters.clone() - batch.points.clone();
    let voters = wing(voters, batch.weights.clone(), totals.points, PARTS[0]);
    let confidence = confidence_loss(&output.confidence, batch);
    let visible = cross_entropy(output.visible.clone(), batch.visible.clone());
    let visible = (visible * batch.face.clone()).sum().div_scalar(3.0 * totals.faces.max(1e-3));

    let [said, eye_voters] = eyes;
    let truth = &batch.eyes;
    let error = said.clone() - truth.points.clone();
    let lids = error.clone().matmul(truth.openings.clone());
    let eye_voters = eye_voters.clone() - truth.points.clone();
    let eyes = wing(error, truth.weights.clone(), totals.eyes, PARTS[1])
        + wing(lids, truth.opening_weights.clone(), totals.lids, PARTS[1])
            .mul_scalar(OPENING_WEIGHT)
        + wing(eye_voters, truth.weights.clone(), totals.eyes, PARTS[1]).mul_scalar(VOTERS_WEIGHT);
    points
        + five.mul_scalar(FIVE_WEIGHT)
        + openings.mul_scalar(OPENING_WEIGHT)
        + voters.mul_scalar(VOTERS_WEIGHT)
        + confidence.mul_scalar(CONFIDENCE_WEIGHT)
        + visible.mul_scalar(VISIBLE_WEIGHT)
        + eyes.mul_scalar(EYES_WEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        face::Landmarks,
        train::landmarks::{cuts::EyeCut, data::five_of, eyes::eye_point},
    };
    use approx::assert_abs_diff_eq;

    fn sample(face: f32, shift: f32) -> Sample {
        let points = std::array::from_fn(|i| [i as f32 / 68.0 + shift, 0.5]);
        let eye = |right| EyeCut {
            image: vec![0.5; EYE_PX * EYE_PX],
            points: std::array::from_fn(|index| points[eye_point(right, index)]),
        };
        Sample {
            image: vec![0.5; IMAGE_PX * IMAGE_PX],
            points,
            five: five_of(&Landmarks { points }),
            eyes: [eye(false), eye(true)],
            face,
            visible: [face; 3],
            weights: Weights { points: 1.0, eyes: 1.0, lids: 1.0, five: 0.0 },
        }
    }

    fn output(of: &Sample, logit: f32, device: &Device) -> (LandmarkOutput, [Tensor<2>; 2]) {
        let points = Tensor::<1>::from_floats(of.points.as_flattened(), device);
        let points = points.reshape([1, 136]);
        let face = LandmarkOutput {
            points: points.clone(),
            voters: points,
            confidence: Tensor::full([1, 1], logit, device),
            visible: Tensor::full([1, 3], logit, device),
        };
        let eyes: Vec<f32> =
            of.eyes.iter().flat_map(|eye| eye.points.as_flattened().to_vec()).collect();
        let eyes = Tensor::<1>::from_floats(eyes.as_slice(), device).reshape([2, 12]);
        (face, [eyes.clone(), eyes])
    }

    #[test]
    fn being_right_costs_nothing_and_a_non_face_has_no_points() {
        let device = Device::flex();
        let (truth, off) = (sample(1.0, 0.0), sample(1.0, 0.1));
        let cost = |truth: &Sample, said: &Sample, logit| {
            let batch = Batch::new(std::slice::from_ref(truth), &device);
            let (face, eyes) = output(said, logit, &device);
            loss(&face, &eyes, &batch).into_scalar::<f32>()
        };
        assert_abs_diff_eq!(cost(&truth, &truth, 30.0), 0.0, epsilon = 1e-4);
        assert!(cost(&truth, &off, 30.0) > 1.0);
        assert!(cost(&truth, &truth, -5.0) > 5.0);
        assert_abs_diff_eq!(cost(&sample(0.0, 0.0), &off, -30.0), 0.0, epsilon = 1e-4);
    }

    #[test]
    fn of_a_face_with_five_points_only_those_count() {
        let device = Device::flex();
        let five = Weights { five: 1.0, ..Weights::default() };
        let mut truth = sample(1.0, 0.0);
        truth.weights = five;
        let cost = |said: &Sample| {
            let batch = Batch::new(std::slice::from_ref(&truth), &device);
            let (face, eyes) = output(said, 30.0, &device);
            loss(&face, &eyes, &batch).into_scalar::<f32>()
        };
        let mut said = sample(1.0, 0.0);
        // The jaw may lie anywhere, and the lids as far apart as they like.
        said.points[8] = [0.9, 0.9];
        (said.points[37][1], said.points[41][1]) = (0.4, 0.6);
        assert_abs_diff_eq!(cost(&said), 0.0, epsilon = 1e-4);
        said.points[30] = [0.9, 0.9];
        assert!(cost(&said) > 1.0);
    }

    #[test]
    fn the_parts_of_a_batch_sum_to_the_whole() {
        let device = Device::flex();
        let mut samples = vec![sample(1.0, 0.0), sample(0.0, 0.0), sample(1.0, 0.05)];
        samples[2].weights = Weights { points: 0.2, eyes: 0.5, lids: 0.3, five: 1.0 };
        let totals = Totals::of(&samples);
        let cost = |samples: &[Sample]| {
            let batch = Batch::part(samples, totals, &device);
            let said: Vec<_> =
                samples.iter().map(|_| output(&sample(1.0, 0.1), 0.5, &device)).collect();
            let all = |part: fn(&LandmarkOutput) -> &Tensor<2>| {
                Tensor::cat(said.iter().map(|(face, _)| part(face).clone()).collect(), 0)
            };
            let eyes =
                |at: usize| Tensor::cat(said.iter().map(|(_, e)| e[at].clone()).collect(), 0);
            let face = LandmarkOutput {
                points: all(|face| &face.points),
                voters: all(|face| &face.voters),
                confidence: all(|face| &face.confidence),
                visible: all(|face| &face.visible),
            };
            loss(&face, &[eyes(0), eyes(1)], &batch).into_scalar::<f32>()
        };
        let parts = cost(&samples[..1]) + cost(&samples[1..]);
        assert_abs_diff_eq!(parts, cost(&samples), epsilon = 1e-3);
    }

    #[test]
    fn the_two_parts_of_the_wing_meet() {
        let device = Device::flex();
        let at = |parts: f32| {
            let error = Tensor::full([1, 1], parts / PARTS[0], &device);
            wing(error, Tensor::ones([1, 1], &device), 1.0, PARTS[0]).into_scalar::<f32>()
        };
        assert_abs_diff_eq!(at(WING - 1e-3), at(WING + 1e-3), epsilon = 1e-2);
        assert!(at(1.0) < at(2.0) && at(10.0) < at(11.0));
    }
}
