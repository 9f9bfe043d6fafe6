//! The shape of a network and its presets.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Cell, PatchGrid, QMask};

/// How a patch of pixels becomes a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Embedding {
    /// One matrix over the flattened pixels: the reference method's.
    Linear,
    /// A small convolutional stem, applied to each patch on its own so that a masked
    /// patch cannot leak into its neighbours: one stride-2 3x3 convolution a width,
    /// then one that covers what is left of the patch.
    Stem {
        /// Channels after each stride-2 convolution.
        widths: Vec<usize>,
    },
}

/// A named network shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// The reference method's own shape (vit-masked-auto-encoder): 72x72, nine 24-pixel patches, linear
    /// embedding, dim 512, depth 12, 4 heads.
    #[serde(alias = "seed")]
    Reference,
    /// The same nine tokens from a convolutional stem, dim 128, depth 4.
    Stem,
    /// The stem over crops of twice the size, 144x144 with 48-pixel patches, and a head on
    /// the token of each eye: what ships. An eye behind glasses is 14 pixels wide in a crop
    /// of 72, which is too few to tell its lids.
    Eyes,
}

/// The shape of a vision transformer over an aligned face crop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VitConfig {
    /// Width and height of the crop in pixels.
    pub image_px: usize,
    /// Width and height of a patch in pixels.
    pub patch_px: usize,
    /// How a patch becomes a token.
    pub embedding: Embedding,
    /// Width of a token.
    pub dim: usize,
    /// Number of transformer blocks.
    pub depth: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of the hidden layer of each block's MLP.
    pub mlp_dim: usize,
    /// Which patches may be attended to in the classifier.
    pub q_mask: QMask,
    /// Width of the MAE decoder's tokens.
    pub decoder_dim: usize,
    /// Blocks of the MAE decoder.
    pub decoder_depth: usize,
    /// Heads of the MAE decoder.
    pub decoder_heads: usize,
    /// Whether the classifier has a head on the token of each eye, before attention (shut,
    /// and seen at all), and \[CLS\] one for looking down. It needs a grid of 3x3 patches.
    #[serde(default)]
    pub eye_heads: bool,
}

/// A network shape that cannot be built.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// The patches do not tile the crop.
    #[error(
        "the crop of {image_px} px cannot be cut into patches of {patch_px} px; choose a patch size that divides it"
    )]
    Patches {
        /// Crop size.
        image_px: usize,
        /// Patch size.
        patch_px: usize,
    },
    /// A token cannot be split among the heads, or not into sines and cosines.
    #[error(
        "a token width of {dim} must be divisible by 4 and by its {heads} heads; change dim or heads"
    )]
    Width {
        /// Token width.
        dim: usize,
        /// Number of heads.
        heads: usize,
    },
    /// The stem's convolutions shrink the patch to nothing or to a fraction.
    #[error(
        "a stem of {convolutions} stride-2 convolutions cannot halve patches of {patch_px} px that often; use fewer widths or larger patches"
    )]
    Stem {
        /// Number of stride-2 convolutions.
        convolutions: usize,
        /// Patch size.
        patch_px: usize,
    },
    /// A head on an eye's token needs one token an eye.
    #[error(
        "heads on the eyes' tokens need one patch an eye, a grid of 3x3, not {side}x{side}; change patch_px or leave out eye_heads"
    )]
    EyeHeads {
        /// Patches along one side.
        side: usize,
    },
    /// Something is zero that may not be.
    #[error("{field} must be at least 1")]
    Zero {
        /// The offending field.
        field: &'static str,
    },
}

impl Preset {
    /// The preset's shape.
    pub fn config(self) -> VitConfig {
        match self {
            Preset::Reference => VitConfig {
                image_px: 72,
                patch_px: 24,
                embedding: Embedding::Linear,
                dim: 512,
                depth: 12,
                heads: 4,
                mlp_dim: 2048,
                q_mask: QMask::Landmark,
                decoder_dim: 128,
                decoder_depth: 2,
                decoder_heads: 4,
                eye_heads: false,
            },
            Preset::Stem => VitConfig {
                image_px: 72,
                patch_px: 24,
                embedding: Embedding::Stem { widths: vec![24, 48, 96] },
                dim: 128,
                depth: 4,
                heads: 4,
                mlp_dim: 512,
                q_mask: QMask::Landmark,
                decoder_dim: 128,
                decoder_depth: 2,
                decoder_heads: 4,
                eye_heads: false,
            },
            Preset::Eyes => VitConfig {
                image_px: 144,
                patch_px: 48,
                embedding: Embedding::Stem { widths: vec![16, 32, 64, 128] },
                eye_heads: true,
                ..Preset::Stem.config()
            },
        }
    }
}

impl VitConfig {
    /// The patch grid over the crop.
    pub fn grid(&self) -> PatchGrid {
        PatchGrid { side: self.image_px / self.patch_px, patch_px: self.patch_px }
    }

    /// Number of pixel values of one patch, `patch_px * patch_px * 3`.
    pub fn patch_values(&self) -> usize {
        self.patch_px * self.patch_px * 3
    }

    /// The patches that a classifier computes, in rising order: those that the Q mask can
    /// ever keep. What is masked has no influence, so it need not be computed.
    pub fn shown_patches(&self) -> Vec<usize> {
        let keep = self.grid().keep(self.q_mask, [true; 4]);
        (0..keep.len()).filter(|&at| keep[at]).collect()
    }

    /// Where the patches of the eye on the left and of the one on the right of the picture
    /// stand among the [shown ones](Self::shown_patches), if the network has
    /// [heads on them](Self::eye_heads).
    pub fn eye_tokens(&self) -> Option<[usize; 2]> {
        let (grid, shown) = (self.grid(), self.shown_patches());
        let place = |cell| shown.iter().position(|&patch| grid.cell_of(patch) == Some(cell));
        let both = place(Cell::LeftEye).zip(place(Cell::RightEye));
        both.filter(|_| self.eye_heads).map(|(left, right)| [left, right])
    }

    /// The patches of the eye on the left and of the one on the right of the picture, where
    /// the network has [heads on them](Self::eye_heads).
    pub fn eye_patches(&self) -> Option<[usize; 2]> {
        let shown = self.shown_patches();
        self.eye_tokens().map(|tokens| tokens.map(|token| shown[token]))
    }

    /// Says whether the network can be built.
    ///
    /// # Errors
    /// The first thing that does not fit, as a sentence.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let sizes = [
            ("patch_px", self.patch_px),
            ("image_px", self.image_px),
            ("dim", self.dim),
            ("depth", self.depth),
            ("heads", self.heads),
            ("mlp_dim", self.mlp_dim),
            ("decoder_dim", self.decoder_dim),
            ("decoder_depth", self.decoder_depth),
            ("decoder_heads", self.decoder_heads),
        ];
        if let Some((field, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Err(ConfigError::Zero { field });
        }
        if !self.image_px.is_multiple_of(self.patch_px) {
            return Err(ConfigError::Patches { image_px: self.image_px, patch_px: self.patch_px });
        }
        for (dim, heads) in [(self.dim, self.heads), (self.decoder_dim, self.decoder_heads)] {
            if !dim.is_multiple_of(4) || !dim.is_multiple_of(heads) {
                return Err(ConfigError::Width { dim, heads });
            }
        }
        let side = self.image_px / self.patch_px;
        if self.eye_heads && side != 3 {
            return Err(ConfigError::EyeHeads { side });
        }
        if let Embedding::Stem { widths } = &self.embedding {
            let convolutions = widths.len();
            let shrink = 1usize.checked_shl(convolutions as u32).unwrap_or(0);
            if widths.contains(&0) {
                return Err(ConfigError::Zero { field: "embedding.stem.widths" });
            }
            if convolutions == 0 || shrink == 0 || !self.patch_px.is_multiple_of(shrink) {
                return Err(ConfigError::Stem { convolutions, patch_px: self.patch_px });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_can_be_built_and_survive_toml() {
        for preset in [Preset::Reference, Preset::Stem, Preset::Eyes] {
            let config = preset.config();
            config.validate().unwrap();
            assert_eq!(config.grid().patches(), 9);
            let text = toml::to_string(&config).unwrap();
            assert_eq!(toml::from_str::<VitConfig>(&text).unwrap(), config);
        }
    }

    #[test]
    fn configurations_of_before_still_name_the_reference_preset() {
        assert_eq!(serde_json::from_str::<Preset>("\"seed\"").unwrap(), Preset::Reference);
        assert_eq!(serde_json::to_string(&Preset::Reference).unwrap(), "\"reference\"");
    }

    #[test]
    fn eyes_have_a_token_each_where_there_are_heads_on_them() {
        assert_eq!(Preset::Stem.config().eye_tokens(), None);
        let eyes = Preset::Eyes.config();
        assert_eq!(eyes.shown_patches(), [0, 2, 4, 7]);
        assert_eq!(eyes.eye_tokens(), Some([0, 1]));
        assert_eq!(eyes.eye_patches(), Some([0, 2]));
        let all = VitConfig { q_mask: QMask::None, ..eyes };
        assert_eq!(all.eye_tokens(), Some([0, 2]));
    }

    #[test]
    fn a_shape_that_does_not_fit_is_named() {
        let stem = Preset::Stem.config();
        let bad = VitConfig { patch_px: 25, ..stem.clone() };
        assert_eq!(bad.validate(), Err(ConfigError::Patches { image_px: 72, patch_px: 25 }));
        let bad = VitConfig { heads: 3, ..stem.clone() };
        assert_eq!(bad.validate(), Err(ConfigError::Width { dim: 128, heads: 3 }));
        let bad = VitConfig { embedding: Embedding::Stem { widths: vec![8; 4] }, ..stem };
        assert!(matches!(bad.validate(), Err(ConfigError::Stem { .. })));
        let bad = VitConfig { patch_px: 24, ..Preset::Eyes.config() };
        assert_eq!(bad.validate(), Err(ConfigError::EyeHeads { side: 6 }));
    }
}
