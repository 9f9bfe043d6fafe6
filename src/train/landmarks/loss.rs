//! What the landmark network is punished for.

use burn::tensor::{Device, Tensor, activation::relu};

use super::{
    IMAGE_PX, LandmarkOutput,
    sampler::{Sample, Weights},
};

/// Below this error in pixels of the 96x96 cut the wing loss turns logarithmic
/// (Feng et al. 2018, "Wing loss").
const WING_PX: f32 = 6.0;
/// Curvature of its logarithmic part, in pixels.
const WING_EPSILON_PX: f32 = 1.5;
/// Pairs of upper and lower lid points, then of inner lip points: their distances decide
/// whether eyes and mouth are open, so the differences are learned beside the points.
const OPENINGS: [(usize, usize); 7] =
    [(37, 41), (38, 40), (43, 47), (44, 46), (61, 67), (62, 66), (63, 65)];
/// Weight of the openings against the points.
const OPENING_WEIGHT: f32 = 0.6;
/// Weight of the confidence.
const CONFIDENCE_WEIGHT: f32 = 4.0;
/// Weight of the visibilities.
const VISIBLE_WEIGHT: f32 = 2.0;

/// Weight of a point: eyelids count most, the jaw, which nobody can place exactly, least.
fn point_weight(index: usize) -> f32 {
    match index {
        36..48 => 3.0,
        0..17 => 0.5,
        17..27 => 0.7,
        _ => 1.0,
    }
}

/// A batch as tensors.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `[batch, 1, 96, 96]`.
    pub image: Tensor<4>,
    points: Tensor<2>,
    weights: Tensor<2>,
    opening_weights: Tensor<2>,
    face: Tensor<2>,
    visible: Tensor<2>,
    /// `[136, 14]`: points to openings.
    openings: Tensor<2>,
}

impl Batch {
    /// Puts samples on a device.
    pub fn new(samples: &[Sample], device: &Device) -> Self {
        let n = samples.len();
        let tensor = |values: Vec<f32>, width: usize| {
            Tensor::<1>::from_floats(values.as_slice(), device).reshape([n, width])
        };
        let gather = |row: &dyn Fn(&Sample, &mut Vec<f32>)| {
            let mut all = Vec::new();
            samples.iter().for_each(|sample| row(sample, &mut all));
            all
        };
        let weights = gather(&|sample, all| {
            for index in 0..68 {
                let Weights { points, eyes, .. } = sample.weights;
                let trust = if (36..48).contains(&index) { eyes } else { points };
                all.extend([sample.face * trust * point_weight(index); 2]);
            }
        });
        let opening_weights = gather(&|sample, all| {
            for (index, _) in OPENINGS {
                let Weights { points, lids, .. } = sample.weights;
                let weight = if index < 48 { 2.0 * lids } else { points };
                all.extend([sample.face * weight; 2]);
            }
        });
        let mut openings = vec![0.0; 136 * 2 * OPENINGS.len()];
        for (column, (upper, lower)) in OPENINGS.into_iter().enumerate() {
            for axis in 0..2 {
                openings[(2 * lower + axis) * 2 * OPENINGS.len() + 2 * column + axis] = 1.0;
                openings[(2 * upper + axis) * 2 * OPENINGS.len() + 2 * column + axis] = -1.0;
            }
        }
        Self {
            image: tensor(gather(&|s, all| all.extend(&s.image)), IMAGE_PX * IMAGE_PX)
                .reshape([n, 1, IMAGE_PX, IMAGE_PX]),
            points: tensor(gather(&|s, all| all.extend(s.points.as_flattened())), 136),
            weights: tensor(weights, 136),
            opening_weights: tensor(opening_weights, 2 * OPENINGS.len()),
            face: tensor(gather(&|s, all| all.push(s.face)), 1),
            visible: tensor(gather(&|s, all| all.extend(s.visible)), 3),
            openings: Tensor::<1>::from_floats(openings.as_slice(), device)
                .reshape([136, 2 * OPENINGS.len()]),
        }
    }
}

/// Wing loss of errors in the unit square, averaged with weights.
fn wing(error: Tensor<2>, weights: Tensor<2>) -> Tensor<1> {
    let pixels = error.abs().mul_scalar(IMAGE_PX as f32);
    let near = pixels.clone().div_scalar(WING_EPSILON_PX).log1p().mul_scalar(WING_PX);
    let offset = WING_PX - WING_PX * (1.0 + WING_PX / WING_EPSILON_PX).ln();
    let far = pixels.clone().sub_scalar(offset);
    let loss = far.mask_where(pixels.lower_elem(WING_PX), near);
    let total = weights.clone().sum().clamp_min(1e-3);
    (loss * weights).sum() / total
}

/// Binary cross entropy from logits, each element.
fn cross_entropy(logits: Tensor<2>, truth: Tensor<2>) -> Tensor<2> {
    relu(logits.clone()) - logits.clone() * truth + logits.abs().neg().exp().log1p()
}

/// The loss of a batch, `[1]`.
pub fn loss(output: &LandmarkOutput, batch: &Batch) -> Tensor<1> {
    let error = output.points.clone() - batch.points.clone();
    let openings = error.clone().matmul(batch.openings.clone());
    let points = wing(error, batch.weights.clone());
    let openings = wing(openings, batch.opening_weights.clone());
    let confidence = cross_entropy(output.confidence.clone(), batch.face.clone()).mean();
    let faces = batch.face.clone().sum().clamp_min(1e-3);
    let visible = cross_entropy(output.visible.clone(), batch.visible.clone());
    let visible = (visible * batch.face.clone()).sum() / faces.mul_scalar(3.0);
    points
        + openings.mul_scalar(OPENING_WEIGHT)
        + confidence.mul_scalar(CONFIDENCE_WEIGHT)
        + visible.mul_scalar(VISIBLE_WEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    fn sample(face: f32, shift: f32) -> Sample {
        Sample {
            image: vec![0.5; IMAGE_PX * IMAGE_PX],
            points: std::array::from_fn(|i| [i as f32 / 68.0 + shift, 0.5]),
            face,
            visible: [face; 3],
            weights: Weights { points: 1.0, eyes: 1.0, lids: 1.0 },
        }
    }

    fn output(of: &Sample, logit: f32, device: &Device) -> LandmarkOutput {
        let points = Tensor::<1>::from_floats(of.points.as_flattened(), device);
        LandmarkOutput {
            points: points.reshape([1, 136]),
            confidence: Tensor::full([1, 1], logit, device),
            visible: Tensor::full([1, 3], logit, device),
        }
    }

    #[test]
    fn being_right_costs_nothing_and_a_non_face_has_no_points() {
        let device = Device::flex();
        let (truth, off) = (sample(1.0, 0.0), sample(1.0, 0.1));
        let cost = |truth: &Sample, said: &Sample, logit| {
            let batch = Batch::new(std::slice::from_ref(truth), &device);
            loss(&output(said, logit, &device), &batch).into_scalar::<f32>()
        };
        assert_abs_diff_eq!(cost(&truth, &truth, 30.0), 0.0, epsilon = 1e-4);
        assert!(cost(&truth, &off, 30.0) > 1.0);
        assert!(cost(&truth, &truth, -5.0) > 5.0);
        assert_abs_diff_eq!(cost(&sample(0.0, 0.0), &off, -30.0), 0.0, epsilon = 1e-4);
    }

    #[test]
    fn the_two_parts_of_the_wing_meet() {
        let device = Device::flex();
        let at = |pixels: f32| {
            let error = Tensor::full([1, 1], pixels / IMAGE_PX as f32, &device);
            wing(error, Tensor::ones([1, 1], &device)).into_scalar::<f32>()
        };
        assert_abs_diff_eq!(at(WING_PX - 1e-3), at(WING_PX + 1e-3), epsilon = 1e-2);
        assert!(at(1.0) < at(2.0) && at(10.0) < at(11.0));
    }
}
