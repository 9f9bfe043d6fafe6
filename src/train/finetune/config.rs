//! The settings of a fine-tuning, with their defaults and what makes no sense.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    dataset::split::HoldOut,
    train::{
        TrainError,
        draw::Shares,
        pretrain::stem,
        samples::Augmentation,
        settings::{Training, check_shares, setting},
    },
    vit::{Preset, QMask, VitConfig},
};

/// Settings of a fine-tuning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinetuneConfig {
    /// The prepared folder, or its list.
    pub crops: PathBuf,
    /// The folder for checkpoints, log and effective settings.
    pub out: PathBuf,
    /// The folder of the pretraining to start from; its shape and normalisation are used.
    #[serde(default)]
    pub pretrained: Option<PathBuf>,
    /// The folder of a fine-tuning whose weights, shape and normalisation are gone on from,
    /// with other crops or settings.
    #[serde(default)]
    pub weights: Option<PathBuf>,
    /// What the weights were learned from, in words, for the model card.
    #[serde(default)]
    pub trained_on: String,
    /// Under which licence the weights may be used, as far as that of the pictures allows;
    /// for the model card.
    #[serde(default)]
    pub licence: String,
    /// The network's shape, where there is no pretraining.
    #[serde(default = "stem")]
    pub preset: Preset,
    /// A shape of your own instead of the preset.
    #[serde(default)]
    pub network: Option<VitConfig>,
    /// Share that is taken from the right label and spread over both.
    #[serde(default = "label_smoothing")]
    pub label_smoothing: f32,
    /// Weight of the losses of the signs (eyes closed, yawning).
    #[serde(default = "half")]
    pub signs_weight: f32,
    /// Weight of the losses of the aspect ratios.
    #[serde(default = "half")]
    pub aspects_weight: f32,
    /// Weight of the losses of the heads on the eyes, where the shape has them.
    #[serde(default = "half")]
    pub eyes_weight: f32,
    /// Share (0..1) of a batch that shows nothing but eyes: crops whose list says
    /// `eyes_only`. The heads on the eyes alone learn from them.
    #[serde(default)]
    pub eyes_only: f64,
    /// Share (0..1) of the crops with a face that are faces whose eyes nobody can read:
    /// their list says that `eyes_readable` is 0. They need no label.
    #[serde(default)]
    pub unreadable: f64,
    /// Which patches may be attended to; without it that of the shape.
    #[serde(default)]
    pub q_mask: Option<QMask>,
    /// Parameter of the beta distribution by which crops are mixed in pairs (mixup); 0 =
    /// not at all.
    #[serde(default)]
    pub mixup: f32,
    /// Chance that the deepest block's branches are left out for a crop (drop path), 0..1.
    #[serde(default)]
    pub drop_path: f32,
    /// Learning rate of a layer over that of the one above it; 1 = the same for all.
    #[serde(default = "one")]
    pub layer_decay: f64,
    /// How long and how fast.
    #[serde(default)]
    pub training: Training,
    /// Which crops validate.
    #[serde(default)]
    pub hold_out: HoldOut,
    /// Collections whose labels are too noisy to choose temperature, threshold and the best
    /// weights by. They are learned from and measured like the others.
    #[serde(default)]
    pub noisy: Vec<String>,
    /// How crops are changed.
    #[serde(default)]
    pub augmentation: Augmentation,
    /// Share (0..1) of the drowsy crops of a batch that are awake ones with their lids drawn
    /// shut; collections by `awake_shares`.
    #[serde(default)]
    pub shut_lids: f64,
    /// Chance (0..1) that the lids of a crop with open eyes are drawn partly down; it stays
    /// awake.
    #[serde(default)]
    pub low_lids: f64,
    /// Shares of the collections among the drowsy crops of a batch; none = as many as
    /// there are.
    #[serde(default)]
    pub drowsy_shares: BTreeMap<String, f64>,
    /// Shares of the collections among the awake crops of a batch.
    #[serde(default)]
    pub awake_shares: BTreeMap<String, f64>,
}

fn label_smoothing() -> f32 {
    0.05
}

fn half() -> f32 {
    0.5
}

fn one() -> f64 {
    1.0
}

impl FinetuneConfig {
    /// What a batch is made of.
    pub(super) fn shares(&self) -> Shares {
        let Self { shut_lids, eyes_only, unreadable, .. } = *self;
        Shares { shut_lids, eyes_only, unreadable }
    }

    pub(super) fn validate(&self) -> Result<(), TrainError> {
        self.training.validate()?;
        self.augmentation.validate()?;
        let smoothing = self.label_smoothing;
        setting(
            "label_smoothing",
            smoothing,
            (0.0..1.0).contains(&smoothing),
            "it must lie in 0..1",
        )?;
        for (field, weight) in [
            ("signs_weight", self.signs_weight),
            ("aspects_weight", self.aspects_weight),
            ("eyes_weight", self.eyes_weight),
        ] {
            setting(field, weight, weight >= 0.0 && weight.is_finite(), "it cannot be negative")?;
        }
        let (mixup, drop_path, layer_decay) = (self.mixup, self.drop_path, self.layer_decay);
        setting("mixup", mixup, (0.0..=10.0).contains(&mixup), "it must lie in 0..10")?;
        let share = (0.0..1.0).contains(&drop_path);
        setting("drop_path", drop_path, share, "it must lie in 0..1")?;
        let share = layer_decay > 0.0 && layer_decay <= 1.0;
        setting("layer_decay", layer_decay, share, "it must lie in 0..1 and not be 0")?;
        for (field, chance) in [
            ("shut_lids", self.shut_lids),
            ("low_lids", self.low_lids),
            ("eyes_only", self.eyes_only),
            ("unreadable", self.unreadable),
        ] {
            setting(field, chance, (0.0..=1.0).contains(&chance), "a chance must lie in 0..1")?;
        }
        if self.pretrained.is_some() && self.weights.is_some() {
            return setting("weights", "both", false, "give either it or pretrained, not both");
        }
        check_shares("drowsy_shares", &self.drowsy_shares)?;
        check_shares("awake_shares", &self.awake_shares)
    }
}
