//! The vision transformer in burn: tokens from patches, sin-cos positions, a \[CLS\]
//! token and pre-norm blocks whose attention can be kept from patches by a mask, in
//! every layer. The classifier and the masked autoencoder are both built on it.

use burn::{
    module::{Module, Param},
    nn::{Initializer, LayerNorm, LayerNormConfig, Linear, LinearConfig},
    tensor::{
        Device, Distribution, Tensor, TensorData,
        activation::{gelu, softmax},
    },
};

use super::stem::PatchEmbedding;
use crate::vit::{VitConfig, sin_cos_positions};

/// Added to the attention scores of a masked patch: `exp` of it is exactly zero.
pub(crate) const MASKED_SCORE: f32 = -1e4;

/// A linear layer with Xavier weights.
pub(super) fn linear(inputs: usize, outputs: usize, device: &Device) -> Linear {
    LinearConfig::new(inputs, outputs)
        .with_initializer(Initializer::XavierUniform { gain: 1.0 })
        .init(device)
}

/// One pre-norm transformer block.
#[derive(Module, Debug)]
pub struct Block {
    /// Before the attention.
    pub norm_attention: LayerNorm,
    /// Query, key and value of all heads, `[dim, 3 * dim]`.
    pub qkv: Linear,
    /// Joins the heads, `[dim, dim]`.
    pub join: Linear,
    /// Before the MLP.
    pub norm_mlp: LayerNorm,
    /// Into the MLP's hidden layer, `[dim, mlp_dim]`.
    pub up: Linear,
    /// Out of it, `[mlp_dim, dim]`.
    pub down: Linear,
    /// Number of attention heads.
    pub heads: usize,
}

impl Block {
    /// An untrained block.
    pub fn new(dim: usize, heads: usize, mlp_dim: usize, device: &Device) -> Self {
        Self {
            norm_attention: LayerNormConfig::new(dim).init(device),
            qkv: linear(dim, 3 * dim, device),
            join: linear(dim, dim, device),
            norm_mlp: LayerNormConfig::new(dim).init(device),
            up: linear(dim, mlp_dim, device),
            down: linear(mlp_dim, dim, device),
            heads,
        }
    }

    /// Tokens `[batch, tokens, dim]` to tokens, and the attention
    /// `[batch, heads, tokens, tokens]` (query, key). `bias` `[batch, 1, 1, tokens]` is
    /// added to the scores of the keys; `paths` multiplies what attention and MLP add,
    /// `[batch, 1, 1]` each (drop path).
    pub fn forward(
        &self,
        x: Tensor<3>,
        bias: Option<Tensor<4>>,
        paths: Option<[Tensor<3>; 2]>,
    ) -> (Tensor<3>, Tensor<4>) {
        let [batch, tokens, dim] = x.dims();
        let width = dim / self.heads;
        let qkv = self
            .qkv
            .forward(self.norm_attention.forward(x.clone()))
            .reshape([batch, tokens, 3, self.heads, width])
            .permute([2, 0, 3, 1, 4]);
        let part =
            |i: usize| qkv.clone().narrow(0, i, 1).reshape([batch, self.heads, tokens, width]);
        let scale = (width as f64).sqrt().recip();
        let mut scores = part(0).mul_scalar(scale).matmul(part(1).swap_dims(2, 3));
        if let Some(bias) = bias {
            scores = scores + bias;
        }
        let attention = softmax(scores, 3);
        let heads = attention.clone().matmul(part(2)).swap_dims(1, 2);
        let joined = self.join.forward(heads.reshape([batch, tokens, dim]));
        let [first, second] = paths.map_or([None, None], |paths| paths.map(Some));
        let along = |branch: Tensor<3>, path: Option<Tensor<3>>| match path {
            Some(path) => branch * path,
            None => branch,
        };
        let x = x + along(joined, first);
        let hidden = gelu(self.up.forward(self.norm_mlp.forward(x.clone())));
        (x + along(self.down.forward(hidden), second), attention)
    }
}

/// What the encoder makes of a crop.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The patches as they were embedded, before positions and attention,
    /// `[batch, patches, dim]`.
    pub embedded: Tensor<3>,
    /// \[CLS\] after the last norm, `[batch, dim]`.
    pub cls: Tensor<2>,
    /// The patches after the last norm, `[batch, patches, dim]`.
    pub tokens: Tensor<3>,
    /// Attention of \[CLS\] on the patches in the last block, mean over the heads,
    /// `[batch, patches]`.
    pub attention: Tensor<2>,
}

/// The encoder.
#[derive(Module, Debug)]
pub struct Encoder {
    /// Patches to tokens.
    pub embedding: PatchEmbedding,
    /// The \[CLS\] token, `[1, dim]`.
    pub cls: Param<Tensor<2>>,
    /// The transformer.
    pub blocks: Vec<Block>,
    /// The last norm.
    pub norm: LayerNorm,
}

impl Encoder {
    /// An untrained encoder; `config` has been validated.
    pub fn new(config: &VitConfig, device: &Device) -> Self {
        let cls = Tensor::random([1, config.dim], Distribution::Normal(0.0, 0.02), device);
        Self {
            embedding: PatchEmbedding::new(config, device),
            cls: Param::from_tensor(cls),
            blocks: (0..config.depth)
                .map(|_| Block::new(config.dim, config.heads, config.mlp_dim, device))
                .collect(),
            norm: LayerNormConfig::new(config.dim).init(device),
        }
    }

    /// Encodes patches `[batch, patches, values]` at `positions`
    /// (`[batch or 1, patches, dim]`, see [`positions`]). The patches may be any subset
    /// in any order. `keep` `[batch, patches]` is 1 where a patch may be attended to.
    pub fn forward(
        &self,
        patches: Tensor<3>,
        positions: Tensor<3>,
        keep: Option<Tensor<2>>,
    ) -> Encoded {
        self.forward_dropping(patches, positions, keep, None)
    }

    /// The same with drop path: `paths` `[2 * depth, batch]` multiplies what the attention
    /// and the MLP of each block add (Huang et al. 2016).
    pub fn forward_dropping(
        &self,
        patches: Tensor<3>,
        positions: Tensor<3>,
        keep: Option<Tensor<2>>,
        paths: Option<&Tensor<2>>,
    ) -> Encoded {
        let [batch, count, _] = patches.dims();
        let embedded = self.embedding.forward(patches);
        let tokens = embedded.clone() + positions;
        let dim = tokens.dims()[2];
        let cls = self.cls.val().unsqueeze_dim::<3>(0).expand([batch, 1, dim]);
        let mut x = Tensor::cat(vec![cls, tokens], 1);
        let bias = keep.map(key_bias);
        let mut cls_attention = None;
        for (at, block) in self.blocks.iter().enumerate() {
            let paths = paths.map(|paths| {
                let row = |row: usize| paths.clone().narrow(0, row, 1).reshape([batch, 1, 1]);
                [row(2 * at), row(2 * at + 1)]
            });
            let (out, attention) = block.forward(x, bias.clone(), paths);
            x = out;
            cls_attention = Some(attention);
        }
        let x = self.norm.forward(x);
        let attention = cls_attention.map_or_else(
            || Tensor::zeros([batch, count], &x.device()),
            |all| {
                let heads = all.dims()[1];
                all.slice([0..batch, 0..heads, 0..1, 1..count + 1])
                    .mean_dim(1)
                    .reshape([batch, count])
            },
        );
        Encoded {
            embedded,
            cls: x.clone().slice([0..batch, 0..1]).reshape([batch, dim]),
            tokens: x.slice([0..batch, 1..count + 1]),
            attention,
        }
    }
}

/// `keep` `[batch, patches]` (1 or 0) as what is added to the scores of all keys,
/// `[batch, 1, 1, 1 + patches]`; \[CLS\] is always kept.
fn key_bias(keep: Tensor<2>) -> Tensor<4> {
    let [batch, count] = keep.dims();
    let patches = keep.sub_scalar(1.0).mul_scalar(-MASKED_SCORE);
    let cls = Tensor::zeros([batch, 1], &patches.device());
    Tensor::cat(vec![cls, patches], 1).reshape([batch, 1, 1, count + 1])
}

/// Positions of the patches `places` (a row of indices a crop), `[rows, patches, dim]`.
pub(crate) fn positions(
    side: usize,
    dim: usize,
    places: &[Vec<usize>],
    device: &Device,
) -> Tensor<3> {
    let table = sin_cos_positions(side, dim);
    let count = places.first().map_or(0, Vec::len);
    let values: Vec<f32> =
        places.iter().flatten().flat_map(|&at| &table[at * dim..(at + 1) * dim]).copied().collect();
    Tensor::from_data(TensorData::new(values, [places.len(), count, dim]), device)
}
