//! The network that places the 68 points of a face: a small residual CNN over a grey
//! 96x96 cut of [`Region`](crate::face::Region), 19 million multiply-adds. Its batch
//! normalisations are folded into the convolutions on export.

use burn::{
    module::{Initializer, Module, Param},
    nn::{
        BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d,
        conv::{Conv2d, Conv2dConfig},
    },
    tensor::{Device, Tensor, activation::relu},
};

/// Width and height of the input in pixels.
pub const IMAGE_PX: usize = 96;
/// Channels after each of the five stride-2 convolutions.
const WIDTHS: [usize; 5] = [16, 24, 64, 96, 128];
/// Width of the hidden layer.
const HIDDEN: usize = 192;
/// Added to the variance of the input before its root is taken: a deviation of 0.01.
pub(super) const EPSILON: f32 = 1e-4;
/// The head gives points in tenths of the square: about how far they stray from the mean
/// shape, so that one learning rate suits them and the logits.
pub(super) const POINT_SCALE: f32 = 0.1;
/// Outputs: 68 points, confidence, three visibilities.
const OUTPUTS: usize = 68 * 2 + 1 + 3;

/// What the network says about a batch.
#[derive(Clone, Debug)]
pub struct LandmarkOutput {
    /// `[batch, 136]`: x, y of the 68 points in the unit square of the region.
    pub points: Tensor<2>,
    /// `[batch, 1]`: logit of "this is a face".
    pub confidence: Tensor<2>,
    /// `[batch, 3]`: logits of "is uncovered" for left eye, right eye, mouth.
    pub visible: Tensor<2>,
}

/// A 3x3 convolution, batch normalisation, ReLU.
#[derive(Module, Debug)]
pub(super) struct Layer {
    pub(super) convolution: Conv2d,
    pub(super) norm: BatchNorm,
}

impl Layer {
    fn new([inputs, outputs]: [usize; 2], stride: usize, device: &Device) -> Self {
        let gain = std::f64::consts::SQRT_2;
        let convolution = Conv2dConfig::new([inputs, outputs], [3, 3])
            .with_stride([stride; 2])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .with_bias(false)
            .with_initializer(Initializer::KaimingNormal { gain, fan_out_only: false })
            .init(device);
        Self { convolution, norm: BatchNormConfig::new(outputs).init(device) }
    }

    /// `[batch, inputs, h, w]` to `[batch, outputs, h / stride, w / stride]`.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        relu(self.norm.forward(self.convolution.forward(x)))
    }
}

/// Halves the resolution, then refines at the new one.
#[derive(Module, Debug)]
pub(super) struct Stage {
    pub(super) down: Layer,
    pub(super) refine: Option<Layer>,
}

/// The landmark network.
#[derive(Module, Debug)]
pub struct LandmarkNet {
    pub(super) stages: Vec<Stage>,
    pub(super) hidden: Linear,
    pub(super) head: Linear,
}

impl LandmarkNet {
    /// A network with random weights (seed the device first) whose points start at
    /// `mean`, the mean shape in the unit square, `[68][x, y]`.
    pub fn new(mean: &[[f32; 2]; 68], device: &Device) -> Self {
        let root2 = std::f64::consts::SQRT_2;
        let mut inputs = 1;
        let mut stages = Vec::with_capacity(WIDTHS.len());
        for (index, width) in WIDTHS.into_iter().enumerate() {
            let down = Layer::new([inputs, width], 2, device);
            let refine = (1..4).contains(&index).then(|| Layer::new([width, width], 1, device));
            stages.push(Stage { down, refine });
            inputs = width;
        }
        let side = IMAGE_PX >> WIDTHS.len();
        let linear = |inputs, outputs, gain| {
            LinearConfig::new(inputs, outputs)
                .with_initializer(Initializer::KaimingNormal { gain, fan_out_only: false })
                .init(device)
        };
        let hidden = linear(inputs * side * side, HIDDEN, root2);
        let mut head = linear(HIDDEN, OUTPUTS, 0.3);
        let mut bias: Vec<f32> = mean.as_flattened().iter().map(|v| v / POINT_SCALE).collect();
        bias.resize(OUTPUTS, 0.0);
        head.bias = Some(Param::from_tensor(Tensor::from_floats(bias.as_slice(), device)));
        Self { stages, hidden, head }
    }

    /// Looks at `[batch, 1, 96, 96]`, grey 0..1.
    pub fn forward(&self, image: Tensor<4>) -> LandmarkOutput {
        let [batch, ..] = image.dims();
        let flat = image.reshape([batch, IMAGE_PX * IMAGE_PX]);
        let centred = flat.clone() - flat.mean_dim(1);
        let deviation = centred.clone().powi_scalar(2).mean_dim(1).add_scalar(EPSILON).sqrt();
        let mut x = (centred / deviation).reshape([batch, 1, IMAGE_PX, IMAGE_PX]);
        for stage in &self.stages {
            x = stage.down.forward(x);
            if let Some(refine) = &stage.refine {
                x = refine.forward(x.clone()) + x;
            }
        }
        let hidden = relu(self.hidden.forward(x.flatten::<2>(1, 3)));
        let out = self.head.forward(hidden);
        LandmarkOutput {
            points: out.clone().slice([0..batch, 0..136]).mul_scalar(POINT_SCALE),
            confidence: out.clone().slice([0..batch, 136..137]),
            visible: out.slice([0..batch, 137..140]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::weights::values;
    use burn::tensor::Distribution;

    fn random_net() -> LandmarkNet {
        let device = Device::flex();
        device.seed(3);
        LandmarkNet::new(&std::array::from_fn(|i| [i as f32 / 68.0, 0.5]), &device)
    }

    #[test]
    fn contrast_and_brightness_do_not_move_the_points() {
        let net = random_net();
        let image =
            Tensor::<4>::random([2, 1, 96, 96], Distribution::Uniform(0.2, 0.8), &Device::flex());
        let dim = image.clone().mul_scalar(0.5).add_scalar(0.1);
        let (a, b) = (net.forward(image).points, net.forward(dim).points);
        let difference = (a - b).abs().max().into_scalar::<f32>();
        assert!(difference < 0.01, "{difference}");
    }

    #[test]
    fn the_first_guess_is_near_the_mean_shape() {
        let net = random_net();
        let image = Tensor::<4>::random([1, 1, 96, 96], Distribution::Default, &Device::flex());
        let out = net.forward(image);
        assert_eq!((out.confidence.dims(), out.visible.dims()), ([1, 1], [1, 3]));
        let points = values(&out.points).unwrap();
        for (index, point) in points.chunks(2).enumerate() {
            assert!((point[0] - index as f32 / 68.0).abs() < 0.5, "{point:?}");
        }
    }
}
