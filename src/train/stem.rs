//! How a patch becomes a token: one matrix over its pixels, or a small convolutional
//! stem. Either way each patch is embedded on its own, so that what is masked cannot
//! leak into its neighbours, and without statistics of the batch, so that replicas that
//! each see a part of a batch compute what one network would.

use burn::{
    module::Module,
    nn::{Initializer, Linear, LinearConfig},
    tensor::{Device, Tensor, activation::gelu},
};

use crate::vit::{Embedding, VitConfig};

/// Added under the root of the patch norm.
pub(crate) const PATCH_NORM_EPSILON: f64 = 1e-5;

/// Turns patches into tokens.
#[derive(Module, Debug)]
pub struct PatchEmbedding {
    /// The stride-2 3x3 convolutions of a stem, each a matrix `[9 * inputs, outputs]` over
    /// the neighbourhood (row, column, channel); none for the linear embedding.
    pub convolutions: Vec<Linear>,
    /// What is left of the patch to the token, `[side * side * channels, dim]`; the whole
    /// embedding where there is no stem.
    pub project: Linear,
    /// Width and height of a patch in pixels.
    patch_px: usize,
}

impl PatchEmbedding {
    /// An untrained embedding.
    pub fn new(config: &VitConfig, device: &Device) -> Self {
        let xavier = Initializer::XavierUniform { gain: 1.0 };
        let linear = |inputs, outputs| {
            LinearConfig::new(inputs, outputs).with_initializer(xavier.clone()).init(device)
        };
        let (mut side, mut channels, mut convolutions) = (config.patch_px, 3, Vec::new());
        if let Embedding::Stem { widths } = &config.embedding {
            for &width in widths {
                convolutions.push(linear(9 * channels, width));
                (side, channels) = (side / 2, width);
            }
        }
        let project = linear(side * side * channels, config.dim);
        Self { convolutions, project, patch_px: config.patch_px }
    }

    /// Patches `[batch, patches, patch_px * patch_px * 3]` (row, column, channel;
    /// normalised) to tokens `[batch, patches, dim]`.
    pub fn forward(&self, patches: Tensor<3>) -> Tensor<3> {
        let [batch, count, values] = patches.dims();
        let (mut side, mut channels) = (self.patch_px, 3);
        let mut x = patches.reshape([batch * count, values]);
        for convolution in &self.convolutions {
            let columns = neighbourhoods(x.reshape([batch * count, side, side, channels]));
            let y = gelu(convolution.forward(columns));
            channels = y.dims()[1];
            side /= 2;
            x = patch_norm(y.reshape([batch * count, side * side * channels]));
        }
        let tokens = self.project.forward(x);
        let dim = tokens.dims()[1];
        tokens.reshape([batch, count, dim])
    }
}

/// Divides each row by the root of its mean square. It stands behind an activation and
/// before a linear map that can take up any gain, so it has no weights of its own.
fn patch_norm(x: Tensor<2>) -> Tensor<2> {
    let scale = x.clone().square().mean_dim(1).add_scalar(PATCH_NORM_EPSILON).sqrt().recip();
    x * scale
}

/// The 3x3 neighbourhoods at every second row and column of `[n, side, side, channels]`,
/// zeros beyond the upper and left border: `[n * (side/2)^2, 9 * channels]`, ordered
/// (row, column, channel).
///
/// With this a convolution is one matrix product, forward and backward; burn's own
/// convolution spends its time in layout changes on pictures this small. `side` is even.
fn neighbourhoods(x: Tensor<4>) -> Tensor<2> {
    let [n, side, _, channels] = x.dims();
    let half = side / 2;
    let rows = with_previous(x.reshape([n, half, 2 * side * channels]));
    let columns = with_previous(rows.reshape([n * half * 3, half, 2 * channels]));
    columns
        .reshape([n, half, 3, half, 3 * channels])
        .swap_dims(2, 3)
        .reshape([n * half * half, 9 * channels])
}

/// Pairs `[n, pairs, 2 * width]` with the second half of the pair before them in front
/// (zeros before the first): `[n, pairs, 3 * width]`.
fn with_previous(pairs: Tensor<3>) -> Tensor<3> {
    let [n, count, double] = pairs.dims();
    let width = double / 2;
    let zeros = Tensor::zeros([n, 1, width], &pairs.device());
    let before = pairs.clone().slice([0..n, 0..count - 1, width..double]);
    Tensor::cat(vec![Tensor::cat(vec![zeros, before], 1), pairs], 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbourhoods_are_what_a_stride_two_convolution_sees() {
        let device = Device::default();
        let x = Tensor::<1, burn::tensor::Int>::arange(0..16, &device).float();
        let columns =
            neighbourhoods(x.reshape([1, 4, 4, 1])).into_data().try_to_vec::<f32>().unwrap();
        let rows: Vec<&[f32]> = columns.chunks(9).collect();
        assert_eq!(rows[0], [0., 0., 0., 0., 0., 1., 0., 4., 5.]);
        assert_eq!(rows[3], [5., 6., 7., 9., 10., 11., 13., 14., 15.]);
    }
}
