//! The classifier: the encoder, a linear head on \[CLS\] for awake/drowsy, heads for the
//! signs behind it (eyes closed, yawning, looking down), and two that only training uses:
//! the eye and the mouth aspect ratio, which teach the network to measure (the probe in the
//! model card's recipe found this to matter second most, after the stem). A head on the token
//! of each eye, before attention, says whether it is shut and whether it can be seen; it can
//! also learn from pictures that show nothing but an eye.

use burn::{
    module::Module,
    nn::Linear,
    tensor::{Device, Tensor},
};

use super::vit::{Encoder, linear};
use crate::vit::VitConfig;

/// Names of the classes, in the order of the logits.
pub const LABELS: [&str; 2] = ["awake", "drowsy"];

/// Encoder and heads.
#[derive(Module, Debug)]
pub struct Classifier {
    /// The encoder.
    pub encoder: Encoder,
    /// \[CLS\] to the logits of [`LABELS`], `[dim, 2]`.
    pub head: Linear,
    /// \[CLS\] to the logits of eyes closed, yawning and, where there are heads on the eyes,
    /// looking down: `[dim, 2 or 3]`.
    pub signs: Linear,
    /// \[CLS\] to eye and mouth aspect ratio, `[dim, 2]`; not exported.
    pub aspects: Linear,
    /// The token of an eye to the logits of shut and seen, `[dim, 2]`, the same head for
    /// both; none for a shape without.
    pub eyes: Option<Linear>,
    /// Place of the left eye's token among those shown.
    left_eye: usize,
    /// Place of the right eye's token.
    right_eye: usize,
}

/// What the classifier says.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Logits of awake and drowsy, `[batch, 2]`.
    pub logits: Tensor<2>,
    /// Logits of eyes closed, yawning and, where there are heads on the eyes, looking down:
    /// `[batch, 2 or 3]`.
    pub signs: Tensor<2>,
    /// Eye and mouth aspect ratio, `[batch, 2]`.
    pub aspects: Tensor<2>,
    /// Attention of \[CLS\] on the patches, `[batch, patches]`.
    pub attention: Tensor<2>,
    /// Logits of shut and seen of the left eye, then of the right eye, `[batch, 4]`; none
    /// without heads on the eyes.
    pub eyes: Option<Tensor<2>>,
}

impl Classifier {
    /// An untrained classifier; `config` has been validated.
    pub fn new(config: &VitConfig, device: &Device) -> Self {
        let tokens = config.eye_tokens();
        let [left_eye, right_eye] = tokens.unwrap_or_default();
        Self {
            encoder: Encoder::new(config, device),
            head: linear(config.dim, 2, device),
            signs: linear(config.dim, if tokens.is_some() { 3 } else { 2 }, device),
            aspects: linear(config.dim, 2, device),
            eyes: tokens.map(|_| linear(config.dim, 2, device)),
            left_eye,
            right_eye,
        }
    }

    /// The same classifier with the logits of its two classes divided by `temperature`, so
    /// that their probabilities mean what they say (Guo et al. 2017).
    pub fn calibrated(mut self, temperature: f32) -> Self {
        let Linear { weight, bias, .. } = &mut self.head;
        *weight = weight.clone().map(|weight| weight.div_scalar(temperature));
        *bias = bias.take().map(|bias| bias.map(|bias| bias.div_scalar(temperature)));
        self
    }

    /// Judges patches `[batch, patches, values]` at `positions`, attending only to those
    /// where `keep` `[batch, patches]` is 1. The patches are those of
    /// [`VitConfig::shown_patches`], in that order; without heads on the eyes, others that
    /// are never kept may be among them and change nothing.
    pub fn forward(&self, patches: Tensor<3>, positions: Tensor<3>, keep: Tensor<2>) -> Answer {
        self.forward_dropping(patches, positions, keep, None)
    }

    /// The same with drop path, see [`Encoder::forward_dropping`].
    pub fn forward_dropping(
        &self,
        patches: Tensor<3>,
        positions: Tensor<3>,
        keep: Tensor<2>,
        paths: Option<&Tensor<2>>,
    ) -> Answer {
        let encoded = self.encoder.forward_dropping(patches, positions, Some(keep), paths);
        let [left, right] = [self.left_eye, self.right_eye];
        let eyes = self.eyes.as_ref().map(|head| read_eyes(head, &encoded.embedded, left, right));
        Answer {
            logits: self.head.forward(encoded.cls.clone()),
            signs: self.signs.forward(encoded.cls.clone()),
            aspects: self.aspects.forward(encoded.cls),
            attention: encoded.attention,
            eyes,
        }
    }

    /// Reads the patches of the left and of the right eye alone, `[batch, 2, values]`: logits
    /// of shut and seen of either, `[batch, 4]`; `None` without heads on the eyes.
    pub fn forward_eyes(&self, patches: Tensor<3>) -> Option<Tensor<2>> {
        let head = self.eyes.as_ref()?;
        Some(read_eyes(head, &self.encoder.embedding.forward(patches), 0, 1))
    }
}

/// The `head` on the tokens of the eyes `[batch, patches, dim]`, which lie at `left` and
/// `right`: `[batch, 4]`.
fn read_eyes(head: &Linear, tokens: &Tensor<3>, left: usize, right: usize) -> Tensor<2> {
    let [batch, _, dim] = tokens.dims();
    let of = |place| head.forward(tokens.clone().narrow(1, place, 1).reshape([batch, dim]));
    Tensor::cat(vec![of(left), of(right)], 1)
}
