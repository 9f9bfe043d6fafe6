//! The masked autoencoder (He et al. 2022): the encoder sees the kept patches only, a
//! light decoder with mask tokens rebuilds the pixels, and the loss counts the hidden
//! patches alone.

use burn::{
    module::{Module, Param},
    nn::{LayerNorm, LayerNormConfig, Linear},
    tensor::{Device, Distribution, Tensor},
};
use rand::{Rng, seq::SliceRandom};

use super::vit::{Block, Encoder, linear, positions};
use crate::vit::VitConfig;

/// Encoder, bridge and decoder.
#[derive(Module, Debug)]
pub struct Mae {
    /// The encoder that the classifier takes over.
    pub encoder: Encoder,
    /// Encoder tokens to decoder tokens, `[dim, decoder_dim]`.
    pub bridge: Linear,
    /// Stands for a hidden patch, `[1, decoder_dim]`.
    pub mask_token: Param<Tensor<2>>,
    /// The decoder.
    pub decoder: Vec<Block>,
    /// The last norm.
    pub norm: LayerNorm,
    /// Tokens to the normalised pixels of a patch, `[decoder_dim, patch_values]`.
    pub to_pixels: Linear,
    /// Patches along one side.
    pub side: usize,
}

impl Mae {
    /// An untrained autoencoder; `config` has been validated.
    pub fn new(config: &VitConfig, device: &Device) -> Self {
        let wide = config.decoder_dim;
        let mask_token = Tensor::random([1, wide], Distribution::Normal(0.0, 0.02), device);
        Self {
            encoder: Encoder::new(config, device),
            bridge: linear(config.dim, wide, device),
            mask_token: Param::from_tensor(mask_token),
            decoder: (0..config.decoder_depth)
                .map(|_| Block::new(wide, config.decoder_heads, 4 * wide, device))
                .collect(),
            norm: LayerNormConfig::new(wide).init(device),
            to_pixels: linear(wide, config.patch_values(), device),
            side: config.grid().side,
        }
    }

    /// Rebuilds the hidden patches from the kept ones `[batch, kept, values]`:
    /// `[batch, hidden, values]`, normalised like the input, in the order of
    /// `masking.hidden`. A transformer does not mind the order of its tokens, so nothing
    /// needs to be put back in place.
    pub fn forward(&self, kept: Tensor<3>, masking: &Masking) -> Tensor<3> {
        let device = kept.device();
        let wide = self.mask_token.dims()[1];
        let dim = self.bridge.weight.dims()[0];
        let places = |rows: &[Vec<usize>], dim| positions(self.side, dim, rows, &device);

        let encoded = self.encoder.forward(kept, places(&masking.kept, dim), None);
        let [batch, kept, _] = encoded.tokens.dims();
        let seen = self
            .bridge
            .forward(Tensor::cat(vec![encoded.cls.reshape([batch, 1, dim]), encoded.tokens], 1));
        let cls = seen.clone().slice([0..batch, 0..1]);
        let seen = seen.slice([0..batch, 1..kept + 1]) + places(&masking.kept, wide);
        let hidden_places = places(&masking.hidden, wide);
        let hidden = hidden_places.dims()[1];
        let token = self.mask_token.val().unsqueeze_dim::<3>(0).expand([batch, hidden, wide]);
        let x = self.decode(Tensor::cat(vec![cls, seen, token + hidden_places], 1));
        self.to_pixels.forward(x.slice([0..batch, kept + 1..kept + 1 + hidden]))
    }

    /// Rebuilds all patches `[batch, patches, values]` from those where `keep`
    /// `[batch, patches]` is 1: the form that is exported, equal to
    /// [`forward`](Self::forward) on the hidden patches.
    pub fn reconstruct(&self, patches: Tensor<3>, keep: Tensor<2>) -> Tensor<3> {
        let device = patches.device();
        let [batch, count, _] = patches.dims();
        let [dim, wide] = self.bridge.weight.dims();
        let all = [(0..count).collect::<Vec<_>>()];
        let places = |dim| positions(self.side, dim, &all, &device);

        let encoded = self.encoder.forward(patches, places(dim), Some(keep.clone()));
        let cls = self.bridge.forward(encoded.cls.reshape([batch, 1, dim]));
        let seen = self.bridge.forward(encoded.tokens);
        let keep = keep.reshape([batch, count, 1]);
        let token = self.mask_token.val().unsqueeze_dim::<3>(0);
        let tokens = seen * keep.clone() + token * (keep.mul_scalar(-1.0).add_scalar(1.0));
        let x = self.decode(Tensor::cat(vec![cls, tokens + places(wide)], 1));
        self.to_pixels.forward(x.slice([0..batch, 1..count + 1]))
    }

    fn decode(&self, tokens: Tensor<3>) -> Tensor<3> {
        let out = self.decoder.iter().fold(tokens, |x, block| block.forward(x, None, None).0);
        self.norm.forward(out)
    }
}

/// Which patches of each crop are seen and which must be rebuilt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masking {
    /// Indices of the kept patches, one row a crop, all rows of one length.
    pub kept: Vec<Vec<usize>>,
    /// Indices of the others.
    pub hidden: Vec<Vec<usize>>,
}

impl Masking {
    /// Draws a masking of `batch` crops: `ratio` of the patches hidden (rounded), at
    /// least one hidden and one kept.
    pub fn random(batch: usize, patches: usize, ratio: f32, rng: &mut impl Rng) -> Self {
        let mut masking = Self { kept: Vec::new(), hidden: Vec::new() };
        for _ in 0..batch {
            masking.push(patches, ratio, rng);
        }
        masking
    }

    /// Draws the masking of one more crop.
    pub fn push(&mut self, patches: usize, ratio: f32, rng: &mut impl Rng) {
        let hidden = ((patches as f32 * ratio).round() as usize).clamp(1, patches.max(2) - 1);
        let mut order: Vec<usize> = (0..patches).collect();
        order.shuffle(rng);
        self.kept.push(order.split_off(hidden));
        self.hidden.push(order);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{TensorData, Tolerance};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn a_masking_parts_the_patches_by_the_ratio() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for (ratio, hidden) in [(0.33, 3), (0.5, 5), (0.75, 7), (0.0, 1), (1.0, 8)] {
            let masking = Masking::random(4, 9, ratio, &mut rng);
            for (kept, gone) in masking.kept.iter().zip(&masking.hidden) {
                assert_eq!(gone.len(), hidden, "ratio {ratio}");
                let mut all: Vec<_> = kept.iter().chain(gone).copied().collect();
                all.sort_unstable();
                assert_eq!(all, (0..9).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn what_is_exported_rebuilds_hidden_patches_like_what_is_trained() {
        let device = Device::default();
        let config = crate::train::tests::small(false);
        let mae = Mae::new(&config, &device);
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let values = config.patch_values();
        let patches = Tensor::<3>::random([1, 9, values], Distribution::Normal(0.0, 1.0), &device);
        let masking = Masking::random(1, 9, 0.5, &mut rng);
        let keep: Vec<f32> =
            (0..9).map(|i| f32::from(u8::from(masking.kept[0].contains(&i)))).collect();
        let pick = |rows: &[usize], from: &Tensor<3>| {
            let parts = rows.iter().map(|&i| from.clone().narrow(1, i, 1)).collect();
            Tensor::cat(parts, 1)
        };
        let trained = mae.forward(pick(&masking.kept[0], &patches), &masking);
        let keep = Tensor::<2>::from_data(TensorData::new(keep, [1, 9]), &device);
        let exported = pick(&masking.hidden[0], &mae.reconstruct(patches, keep));
        trained
            .into_data()
            .assert_approx_eq::<f32>(&exported.into_data(), Tolerance::absolute(1e-4));
    }
}
