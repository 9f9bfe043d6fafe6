//! The parts that the networks of this room, and the detector's, are built of.

use burn::{
    module::{Initializer, Module, Param},
    nn::{
        BatchNorm, BatchNormConfig, PaddingConfig2d,
        conv::{Conv2d, Conv2dConfig},
    },
    tensor::{
        Device, Tensor,
        activation::{relu, softmax},
    },
};

/// Added to the variance of the input before its root is taken: a deviation of 0.01.
pub(in crate::train) const EPSILON: f32 = 1e-4;
/// Votes are given in tenths of the square: about how far they stray, so that one
/// learning rate suits them and the logits.
pub(super) const POINT_SCALE: f32 = 0.1;
/// Deviation of the first guess where the cells that know a point lie, in squares.
const FIRST_SPREAD: f32 = 0.15;

/// A 3x3 convolution, batch normalisation, ReLU.
#[derive(Module, Debug)]
pub(in crate::train) struct Layer {
    pub(in crate::train) convolution: Conv2d,
    pub(in crate::train) norm: BatchNorm,
}

impl Layer {
    pub(in crate::train) fn new(
        [inputs, outputs]: [usize; 2],
        stride: usize,
        device: &Device,
    ) -> Self {
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
    pub(in crate::train) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        relu(self.norm.forward(self.convolution.forward(x)))
    }
}

/// Halves the resolution, then refines at the new one.
#[derive(Module, Debug)]
pub(in crate::train) struct Stage {
    pub(in crate::train) down: Layer,
    pub(in crate::train) refine: Option<Layer>,
}

impl Stage {
    pub(in crate::train) fn new(channels: [usize; 2], refine: bool, device: &Device) -> Self {
        let refine = refine.then(|| Layer::new([channels[1]; 2], 1, device));
        Self { down: Layer::new(channels, 2, device), refine }
    }

    pub(in crate::train) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.down.forward(x);
        match &self.refine {
            Some(refine) => refine.forward(x.clone()) + x,
            None => x,
        }
    }
}

/// Every cell of a grid says where each point lies as seen from it, and how much its word
/// counts for that point; the answer is the weighted mean (Xiong et al. 2019, "A2J").
#[derive(Module, Debug)]
pub(super) struct Votes {
    /// `[3 * points, channels, 1, 1]`: weights (logits), then offsets x, then y.
    pub(super) project: Conv2d,
    /// `[points, cells]`: logits that do not depend on the picture.
    pub(super) prior: Param<Tensor<2>>,
}

/// Middles of the cells of a `side` x `side` grid in its unit square, row-major `[x, y]`.
pub(super) fn cell_middles(side: usize) -> Vec<[f32; 2]> {
    let middle = |i: usize| (i as f32 + 0.5) / side as f32;
    (0..side * side).map(|cell| [middle(cell % side), middle(cell / side)]).collect()
}

impl Votes {
    /// Votes for as many points as `mean` has, near which the first answers lie.
    pub(super) fn new(channels: usize, side: usize, mean: &[[f32; 2]], device: &Device) -> Self {
        let project = Conv2dConfig::new([channels, 3 * mean.len()], [1, 1])
            .with_initializer(Initializer::KaimingNormal { gain: 0.3, fan_out_only: false })
            .init(device);
        let near = |[x, y]: [f32; 2], [cx, cy]: [f32; 2]| {
            -((x - cx).powi(2) + (y - cy).powi(2)) / (2.0 * FIRST_SPREAD.powi(2))
        };
        let cells = cell_middles(side);
        let prior: Vec<f32> = mean
            .iter()
            .flat_map(|&point| cells.iter().map(move |&cell| near(point, cell)))
            .collect();
        let prior = Tensor::<1>::from_floats(prior.as_slice(), device);
        let prior = Param::from_tensor(prior.reshape([mean.len(), cells.len()]));
        Self { project, prior }
    }

    /// `[batch, channels, side, side]` to the points and the mean places of their voters,
    /// both `[batch, 2 * points]` in the unit square.
    pub(super) fn forward(&self, x: Tensor<4>) -> [Tensor<2>; 2] {
        let [batch, _, side, _] = x.dims();
        let [points, cells] = self.prior.dims();
        let middles = Tensor::<1>::from_floats(cell_middles(side).as_flattened(), &x.device());
        let said = self.project.forward(x).reshape([batch, 3 * points, cells]);
        let part = |at: usize| said.clone().slice([0..batch, at * points..(at + 1) * points]);
        let weights = softmax(part(0) + self.prior.val().unsqueeze(), 2);
        let voters = weights
            .clone()
            .reshape([batch * points, cells])
            .matmul(middles.reshape([cells, 2]))
            .reshape([batch, points, 2]);
        let offset = |at: usize| (weights.clone() * part(at)).sum_dim(2);
        let offsets = Tensor::cat(vec![offset(1), offset(2)], 2).mul_scalar(POINT_SCALE);
        let flat = |x: Tensor<3>| x.reshape([batch, 2 * points]);
        [flat(voters.clone() + offsets), flat(voters)]
    }
}

/// Subtracts the mean of each picture and divides by its deviation.
pub(in crate::train) fn normalised(image: Tensor<4>) -> Tensor<4> {
    let shape = image.dims();
    let flat = image.reshape([shape[0], shape[1] * shape[2] * shape[3]]);
    let centred = flat.clone() - flat.mean_dim(1);
    let deviation = centred.clone().powi_scalar(2).mean_dim(1).add_scalar(EPSILON).sqrt();
    (centred / deviation).reshape(shape)
}

/// Each cell four times: `[batch, channels, h, w]` to `[batch, channels, 2 h, 2 w]`.
pub(in crate::train) fn doubled(x: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    x.reshape([batch, channels, height, 1, width, 1])
        .expand([batch, channels, height, 2, width, 2])
        .reshape([batch, channels, 2 * height, 2 * width])
}
