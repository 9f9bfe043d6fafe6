//! The network that places the 68 points of a face. A small residual CNN looks at the
//! whole face at half the resolution and lets every cell of a 10x10 grid vote for every
//! point ([`Votes`](super::blocks::Votes)); a second one ([`EyeNet`](super::eyes::EyeNet)) then looks at each eye
//! at the full resolution and places its lids. 20 million multiply-adds together. Batch
//! normalisations are folded into the convolutions on export.

use burn::{
    module::{Initializer, Module},
    nn::{
        Linear, LinearConfig,
        conv::{Conv2d, Conv2dConfig},
    },
    tensor::{
        Device, Tensor,
        activation::{relu, sigmoid},
    },
};

use super::{
    blocks::{Layer, Stage, Votes, doubled, normalised},
    eyes::EyeNet,
};

/// Width and height of the input in pixels.
pub const IMAGE_PX: usize = 160;
/// What the first network sees: the input at half the resolution.
pub(super) const FACE_PX: usize = IMAGE_PX / 2;
/// Channels after each of its five stride-2 convolutions.
const WIDTHS: [usize; 5] = [16, 24, 64, 96, 128];
/// The stage whose cells vote, and the two above that give it context.
pub(super) const VOTING: usize = 2;
/// Width of the layers before the confidence and before the visibilities.
const HIDDEN: usize = 64;

/// What the network says about a batch.
#[derive(Clone, Debug)]
pub struct LandmarkOutput {
    /// `[batch, 136]`: x, y of the 68 points in the unit square of the region.
    pub points: Tensor<2>,
    /// `[batch, 136]`: where the voting cells of each point lie on average.
    pub voters: Tensor<2>,
    /// `[batch, 1]`: logit of "this is a face".
    pub confidence: Tensor<2>,
    /// `[batch, 3]`: logits of "is uncovered" for left eye, right eye, mouth.
    pub visible: Tensor<2>,
}

/// The landmark network.
#[derive(Module, Debug)]
pub struct LandmarkNet {
    pub(super) stages: Vec<Stage>,
    /// What the last two stages tell the voting one, `[channels, wider, 1, 1]`.
    pub(super) context: Vec<Conv2d>,
    pub(super) join: Layer,
    pub(super) votes: Votes,
    /// What is covered, `[features, 64]` and `[64, 3]`.
    pub(super) visible: [Linear; 2],
    /// Whether it is a face, `[features, 64]` and `[64, 1]`.
    pub(super) confidence: [Linear; 2],
    pub(super) eyes: EyeNet,
}

impl LandmarkNet {
    /// A network with random weights (seed the device first) whose points start near
    /// `mean`, the mean shape in the unit square, `[68][x, y]`.
    pub fn new(mean: &[[f32; 2]; 68], device: &Device) -> Self {
        let root2 = std::f64::consts::SQRT_2;
        let mut inputs = 1;
        let mut side = FACE_PX;
        let mut sides = Vec::with_capacity(WIDTHS.len());
        let mut stages = Vec::with_capacity(WIDTHS.len());
        for (index, width) in WIDTHS.into_iter().enumerate() {
            stages.push(Stage::new([inputs, width], (1..4).contains(&index), device));
            inputs = width;
            side = side.div_ceil(2);
            sides.push(side);
        }
        let width = WIDTHS[VOTING];
        let context = WIDTHS[VOTING + 1..]
            .iter()
            .map(|&wider| {
                Conv2dConfig::new([wider, width], [1, 1])
                    .with_initializer(Initializer::KaimingNormal { gain: 1.0, fan_out_only: false })
                    .init(device)
            })
            .collect();
        let linear = |inputs, outputs, gain| {
            LinearConfig::new(inputs, outputs)
                .with_initializer(Initializer::KaimingNormal { gain, fan_out_only: false })
                .init(device)
        };
        Self {
            stages,
            context,
            join: Layer::new([width; 2], 1, device),
            votes: Votes::new(width, sides[VOTING], mean, device),
            visible: [linear(inputs * side * side, HIDDEN, root2), linear(HIDDEN, 3, 0.3)],
            confidence: [linear(inputs * side * side, HIDDEN, root2), linear(HIDDEN, 1, 0.3)],
            eyes: EyeNet::new(mean, device),
        }
    }

    /// What each stage makes of `[batch, 1, 160, 160]`, grey 0..1.
    fn levels(&self, image: Tensor<4>) -> Vec<Tensor<4>> {
        let [batch, ..] = image.dims();
        let small = image
            .reshape([batch, 1, FACE_PX, 2, FACE_PX, 2])
            .mean_dim(5)
            .mean_dim(3)
            .reshape([batch, 1, FACE_PX, FACE_PX]);
        let mut x = normalised(small);
        let mut levels = Vec::with_capacity(self.stages.len());
        for stage in &self.stages {
            x = stage.forward(x);
            levels.push(x.clone());
        }
        levels
    }

    /// What the last stage makes of `[batch, 1, 160, 160]`, grey 0..1: `[batch, features]`.
    pub(super) fn features(&self, image: Tensor<4>) -> Tensor<2> {
        let last = self.levels(image).swap_remove(self.stages.len() - 1);
        last.flatten(1, 3)
    }

    /// The logit of "this is a face", `[batch, 1]`, from `[batch, features]`.
    pub(super) fn judge(&self, features: Tensor<2>) -> Tensor<2> {
        let [hidden, judge] = &self.confidence;
        judge.forward(relu(hidden.forward(features)))
    }

    /// The first network alone: looks at `[batch, 1, 160, 160]`, grey 0..1, without the
    /// second look at the eyes.
    pub fn face(&self, image: Tensor<4>) -> LandmarkOutput {
        let levels = self.levels(image);
        let (mut joined, x) = (levels[VOTING].clone(), levels[levels.len() - 1].clone());
        if let [near, wide] = self.context.as_slice() {
            joined = joined + doubled(near.forward(levels[VOTING + 1].clone()));
            // The whole face at once: the mean over its cells.
            joined = joined + wide.forward(x.clone().mean_dim(3).mean_dim(2));
        }
        let joined = relu(joined);
        let [points, voters] = self.votes.forward(self.join.forward(joined.clone()) + joined);
        let features = x.flatten::<2>(1, 3);
        let [hidden, visible] = &self.visible;
        let visible = visible.forward(relu(hidden.forward(features.clone())));
        LandmarkOutput { points, voters, confidence: self.judge(features), visible }
    }

    /// Looks at `[batch, 1, 160, 160]`, grey 0..1, and once more at the eyes, whose points
    /// are then the second network's as far as the eyes are uncovered.
    pub fn forward(&self, image: &Tensor<4>) -> LandmarkOutput {
        let face = self.face(image.clone());
        let visible = sigmoid(face.visible.clone());
        let points = self.eyes.refine(image, face.points.clone(), &visible);
        LandmarkOutput { points, ..face }
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
        LandmarkNet::new(&super::super::eyes::tests::mean_shape(), &device)
    }

    #[test]
    fn contrast_and_brightness_do_not_move_the_points() {
        let net = random_net();
        let shape = [2, 1, IMAGE_PX, IMAGE_PX];
        let image = Tensor::<4>::random(shape, Distribution::Uniform(0.2, 0.8), &Device::flex());
        let dim = image.clone().mul_scalar(0.5).add_scalar(0.1);
        let (a, b) = (net.forward(&image).points, net.forward(&dim).points);
        let difference = (a - b).abs().max().into_scalar::<f32>();
        // What is added to the variance shows in the weak contrast of noise; the random
        // weights differ between runs, since tests share the device's generator.
        assert!(difference < 0.02, "{difference}");
    }

    #[test]
    fn the_first_guess_is_near_the_mean_shape() {
        // As a training begins: the normalisations go by the batch.
        let device = Device::flex().autodiff();
        device.seed(3);
        let net = LandmarkNet::new(&super::super::eyes::tests::mean_shape(), &device);
        let shape = [8, 1, IMAGE_PX, IMAGE_PX];
        let image = Tensor::<4>::random(shape, Distribution::Default, &device);
        let out = net.forward(&image);
        assert_eq!((out.confidence.dims(), out.visible.dims()), ([8, 1], [8, 3]));
        let points = values(&out.points).unwrap();
        let mean = super::super::eyes::tests::mean_shape();
        for (point, mean) in points.chunks(2).zip(mean.into_iter().cycle()) {
            let off = (point[0] - mean[0]).hypot(point[1] - mean[1]);
            assert!(off < 0.3, "{point:?} for {mean:?}");
        }
    }
}
