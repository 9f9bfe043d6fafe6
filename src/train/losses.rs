//! What training minimises. Labels that are not known, or cannot be seen, have weight 0.
//! Every loss is a sum divided by `count`, which belongs to the whole batch: so the
//! shares of its parts add up to the loss of the whole.

use burn::tensor::{
    Tensor,
    activation::{log_softmax, relu},
};

/// Where the smooth L1 loss turns from square to straight, in scaled aspect ratios.
const SMOOTH: f32 = 0.1;

/// Cross entropy of `logits` `[crops, classes]` with the distributions `targets`
/// `[crops, classes]`, over `count` crops.
pub(crate) fn cross_entropy(logits: Tensor<2>, targets: Tensor<2>, count: f32) -> Tensor<1> {
    (log_softmax(logits, 1) * targets).sum().div_scalar(-count.max(1.0))
}

/// Binary cross entropy of `logits` with `targets` (0..1), by `weights` that sum to
/// `count` over the whole batch.
pub(crate) fn binary(
    logits: Tensor<2>,
    targets: Tensor<2>,
    weights: Tensor<2>,
    count: f32,
) -> Tensor<1> {
    // max(x, 0) - x t + log(1 + exp(-|x|)), which neither overflows nor loses precision.
    let each = relu(logits.clone()) - logits.clone() * targets
        + logits.abs().mul_scalar(-1.0).exp().add_scalar(1.0).log();
    (each * weights).sum().div_scalar(count.max(1.0))
}

/// Smooth L1 distance of `values` to `targets`, by `weights` that sum to `count` over the
/// whole batch.
pub(crate) fn smooth_l1(
    values: Tensor<2>,
    targets: Tensor<2>,
    weights: Tensor<2>,
    count: f32,
) -> Tensor<1> {
    let distance = (values - targets).abs();
    let near = distance.clone().clamp_max(SMOOTH);
    let far = relu(distance.sub_scalar(SMOOTH));
    let each = near.square().div_scalar(2.0 * SMOOTH) + far;
    (each * weights).sum().div_scalar(count.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use burn::tensor::Device;

    fn rows<const N: usize>(values: [[f32; 2]; N]) -> Tensor<2> {
        Tensor::from_data(values, &Device::flex())
    }

    fn value(loss: Tensor<1>) -> f32 {
        loss.into_scalar::<f32>()
    }

    #[test]
    fn losses_are_those_of_the_books() {
        let ce = cross_entropy(rows([[0.0, 2.0f32.ln()]]), rows([[0.25, 0.75]]), 1.0);
        assert_abs_diff_eq!(
            value(ce),
            -0.25 * (1.0f32 / 3.0).ln() - 0.75 * (2.0f32 / 3.0).ln(),
            epsilon = 1e-6
        );
        let bce = binary(rows([[0.0, 80.0]]), rows([[1.0, 0.0]]), rows([[1.0, 1.0]]), 2.0);
        assert_abs_diff_eq!(value(bce), (2.0f32.ln() + 80.0) / 2.0, epsilon = 1e-4);
        let l1 = smooth_l1(rows([[0.05, 1.0]]), rows([[0.0, 0.0]]), rows([[1.0, 1.0]]), 2.0);
        assert_abs_diff_eq!(value(l1), (0.0125 + 0.95) / 2.0, epsilon = 1e-6);
    }

    #[test]
    fn unknown_labels_count_for_nothing() {
        let known = binary(rows([[1.0, 9.0]]), rows([[1.0, 0.0]]), rows([[1.0, 0.0]]), 1.0);
        let other = binary(rows([[1.0, -5.0]]), rows([[1.0, 1.0]]), rows([[1.0, 0.0]]), 1.0);
        assert_abs_diff_eq!(value(known), value(other), epsilon = 1e-6);
        let none = smooth_l1(rows([[1.0, 1.0]]), rows([[0.0, 0.0]]), rows([[0.0, 0.0]]), 0.0);
        assert_eq!(value(none), 0.0);
    }
}
