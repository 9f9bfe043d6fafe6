//! The face detector: a small convolutional network over a grey canvas of any size (a
//! multiple of 32), whose three levels answer for small, middle and large faces without
//! anchors (Tian et al. 2019, "FCOS"). 95,000 weights; 38 million multiply-adds for 256x192.
//! Light is taken as its logarithm, so that a face in the dark in front of a bright window
//! has as much contrast as a lit one. Batch normalisations are folded into the convolutions
//! on export.

use burn::{
    module::{Initializer, Module, Param},
    nn::conv::{Conv2d, Conv2dConfig},
    tensor::{Device, Tensor, activation::relu},
};

use crate::{
    train::landmarks::blocks::{Layer, Stage, doubled, normalised},
    vit::cells::{STRIDES, VALUES},
};

/// Channels after each of the five stride-2 convolutions.
const WIDTHS: [usize; 5] = [16, 24, 32, 48, 48];
/// Which of them are refined by a second convolution.
const REFINED: [bool; 5] = [false, false, true, true, false];
/// The first stage that answers; the two after it answer as well.
pub(super) const FIRST: usize = 2;
/// Channels that all levels are brought to.
const JOINED: usize = 24;
/// Added to the light before its logarithm is taken.
pub(super) const LEAST_LIGHT: f32 = 0.04;
/// Logit of the score before anything is learned: 1 cell in 50 is part of a face.
const FIRST_SCORE: f32 = -4.0;

/// The detector.
#[derive(Module, Debug)]
pub(crate) struct DetectorNet {
    pub(super) stages: Vec<Stage>,
    /// Each answering level to the joined channels, `[JOINED, channels, 1, 1]`.
    pub(super) lateral: Vec<Conv2d>,
    /// What each level looks at before it answers. Levels do not share it: their statistics
    /// differ, and the running ones would fit none of them.
    pub(super) heads: Vec<Layer>,
    /// The answers of each level, `[VALUES, JOINED, 1, 1]`.
    pub(super) answers: Vec<Conv2d>,
}

fn pointwise([inputs, outputs]: [usize; 2], gain: f64, device: &Device) -> Conv2d {
    Conv2dConfig::new([inputs, outputs], [1, 1])
        .with_initializer(Initializer::KaimingNormal { gain, fan_out_only: false })
        .init(device)
}

impl DetectorNet {
    /// A network with random weights (seed the device first).
    pub(crate) fn new(device: &Device) -> Self {
        let mut inputs = 1;
        let mut stages = Vec::with_capacity(WIDTHS.len());
        for (width, refine) in WIDTHS.into_iter().zip(REFINED) {
            stages.push(Stage::new([inputs, width], refine, device));
            inputs = width;
        }
        let levels = FIRST..FIRST + STRIDES.len();
        let answer = || {
            let mut layer = pointwise([JOINED, VALUES], 0.3, device);
            let mut bias = [0.0; VALUES];
            bias[0] = FIRST_SCORE;
            layer.bias = Some(Param::from_tensor(Tensor::from_floats(bias, device)));
            layer
        };
        Self {
            stages,
            lateral: levels
                .clone()
                .map(|at| pointwise([WIDTHS[at], JOINED], 1.0, device))
                .collect(),
            heads: levels.clone().map(|_| Layer::new([JOINED; 2], 1, device)).collect(),
            answers: levels.map(|_| answer()).collect(),
        }
    }

    /// Looks at `[batch, 1, height, width]`, grey 0..1: `[batch, VALUES, cells]`, see
    /// [`cells`](crate::vit::cells); the score is a logit.
    pub(crate) fn forward(&self, image: Tensor<4>) -> Tensor<3> {
        let mut x = normalised(image.add_scalar(LEAST_LIGHT).log());
        let mut levels = Vec::with_capacity(STRIDES.len());
        for (at, stage) in self.stages.iter().enumerate() {
            x = stage.forward(x);
            if at >= FIRST {
                levels.push(x.clone());
            }
        }
        let mut wider: Option<Tensor<4>> = None;
        let mut answers = Vec::with_capacity(STRIDES.len());
        let parts = self.lateral.iter().zip(&self.heads).zip(&self.answers);
        for (x, ((lateral, head), answer)) in levels.into_iter().zip(parts).rev() {
            let own = lateral.forward(x);
            let joined = match wider {
                Some(wider) => own + doubled(wider),
                None => own,
            };
            wider = Some(joined.clone());
            let said = answer.forward(head.forward(relu(joined)));
            answers.push(said.flatten::<3>(2, 3));
        }
        answers.reverse();
        Tensor::cat(answers, 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vit::cells;

    #[test]
    fn every_cell_answers_and_few_say_face_before_learning() {
        let device = Device::flex();
        device.seed(1);
        let net = DetectorNet::new(&device);
        assert!((50_000..=100_000).contains(&net.num_params()), "{}", net.num_params());
        let image = Tensor::full([2, 1, 96, 128], 0.3, &device);
        let said = net.forward(image);
        assert_eq!(said.dims(), [2, VALUES, cells::count(128, 96)]);
    }
}
