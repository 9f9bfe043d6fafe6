//! The settings that all trainings share, with defaults after the recipe
//! that measured best in the project's probe.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{TrainError, record::write_whole, schedule::Schedule};
use crate::vit::{Preset, VitConfig};

/// Name of the effective configuration in a run's folder.
pub const CONFIG_FILE: &str = "config.toml";

/// How long and how fast to learn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Training {
    /// Random weights, batches and changes of the crops follow from it.
    pub seed: u64,
    /// Number of batches.
    pub steps: usize,
    /// Crops of a batch, shared out among the threads.
    pub batch: usize,
    /// Copies of the network that work side by side, each on one core; 0 = all cores.
    pub threads: usize,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// Share of the steps until it is reached, 0..1.
    pub warmup: f64,
    /// Share of the learning rate that is left at the end, 0..1.
    pub floor: f64,
    /// Decoupled weight decay; norms, biases and single tokens have none.
    pub weight_decay: f32,
    /// Memory of AdamW for the gradient and its square.
    pub betas: [f32; 2],
    /// Longest gradient of a weight matrix (its norm); longer ones are scaled down. 0 = as
    /// they are.
    pub clip_norm: f32,
    /// Share of the averaged weights that is kept at each step.
    pub ema_decay: f32,
    /// Batches between two lines of the log.
    pub log_every: usize,
    /// Batches between two validations, each of which also saves a checkpoint.
    pub validate_every: usize,
    /// Validations without a better figure after which the training ends; 0 = never.
    pub patience: usize,
}

impl Default for Training {
    fn default() -> Self {
        Self {
            seed: 1,
            steps: 4000,
            batch: 128,
            threads: 0,
            learning_rate: 1.5e-3,
            warmup: 0.06,
            floor: 0.01,
            weight_decay: 0.05,
            betas: [0.9, 0.98],
            clip_norm: 0.0,
            ema_decay: 0.995,
            log_every: 50,
            validate_every: 500,
            patience: 0,
        }
    }
}

impl Training {
    /// Says whether these settings make sense.
    ///
    /// # Errors
    /// The first that does not, with what would.
    pub fn validate(&self) -> Result<(), TrainError> {
        let at_least_one = [
            ("training.steps", self.steps),
            ("training.batch", self.batch),
            ("training.log_every", self.log_every),
            ("training.validate_every", self.validate_every),
        ];
        for (field, value) in at_least_one {
            setting(field, value, value > 0, "it must be at least 1")?;
        }
        let rate = self.learning_rate;
        setting("training.learning_rate", rate, rate > 0.0 && rate < 1.0, "it must lie in 0..1")?;
        for (field, share) in [
            ("training.warmup", self.warmup),
            ("training.floor", self.floor),
            ("training.weight_decay", f64::from(self.weight_decay)),
            ("training.betas", f64::from(self.betas[0])),
            ("training.betas", f64::from(self.betas[1])),
            ("training.ema_decay", f64::from(self.ema_decay)),
        ] {
            setting(field, share, (0.0..=1.0).contains(&share), "it must lie in 0..1")?;
        }
        let clip = self.clip_norm;
        setting("training.clip_norm", clip, clip >= 0.0, "it cannot be negative")?;
        Ok(())
    }

    /// The learning rate over the steps.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            peak: self.learning_rate,
            floor: self.floor,
            warmup_steps: (self.steps as f64 * self.warmup).round() as usize,
            steps: self.steps,
        }
    }
}

/// A setting that must fulfil a condition.
pub(super) fn setting(
    field: &'static str,
    value: impl std::fmt::Display + Copy,
    holds: bool,
    why: &'static str,
) -> Result<(), TrainError> {
    match holds {
        true => Ok(()),
        false => Err(TrainError::Setting { field, value: value.to_string(), why }),
    }
}

/// The shape of the network: a preset, or one written out.
///
/// # Errors
/// When it cannot be built.
pub(super) fn shape(preset: Preset, own: Option<&VitConfig>) -> Result<VitConfig, TrainError> {
    let config = own.cloned().unwrap_or_else(|| preset.config());
    config.validate()?;
    Ok(config)
}

/// Shares of collections must be finite, not negative and not all zero.
pub(super) fn check_shares(
    field: &'static str,
    shares: &BTreeMap<String, f64>,
) -> Result<(), TrainError> {
    for (name, share) in shares {
        let holds = share.is_finite() && *share >= 0.0;
        let value = format!("{name} = {share}");
        setting(field, value.as_str(), holds, "a share cannot be negative")?;
    }
    let holds = shares.is_empty() || shares.values().sum::<f64>() > 0.0;
    setting(field, "0", holds, "at least one share must be above 0")
}

/// Reads a configuration from a TOML file.
///
/// # Errors
/// When the file cannot be read or a field is unknown, missing or of another type.
pub fn read<C: DeserializeOwned>(path: &Path) -> Result<C, TrainError> {
    let text = fs::read_to_string(path).map_err(TrainError::io(path, "read"))?;
    toml::from_str(&text)
        .map_err(|error| TrainError::Config { path: path.into(), why: error.to_string() })
}

/// Writes the effective configuration into a run's folder.
///
/// # Errors
/// When the folder cannot be written.
pub(super) fn write<C: Serialize>(config: &C, run: &Path) -> Result<(), TrainError> {
    let path = run.join(CONFIG_FILE);
    let text = toml::to_string_pretty(config)
        .map_err(|error| TrainError::Config { path: path.clone(), why: error.to_string() })?;
    write_whole(&path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dataset::split::HoldOut,
        train::{finetune::FinetuneConfig, pretrain::PretrainConfig},
    };

    #[test]
    fn the_configurations_of_the_shipped_models_can_be_read() {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        let pretrain: PretrainConfig = read(&models.join("pretrain.toml")).unwrap();
        let finetune: FinetuneConfig = read(&models.join("finetune.toml")).unwrap();
        let more: FinetuneConfig = read(&models.join("finetune-more.toml")).unwrap();
        let films: FinetuneConfig = read(&models.join("finetune-films.toml")).unwrap();
        let glasses: FinetuneConfig = read(&models.join("finetune-glasses.toml")).unwrap();
        let tinted: FinetuneConfig = read(&models.join("finetune-tinted.toml")).unwrap();
        let sun: FinetuneConfig = read(&models.join("finetune-sun.toml")).unwrap();
        assert_eq!(more.weights, Some(finetune.out));
        assert_eq!(films.weights, Some(more.out));
        assert_eq!(glasses.weights, Some(films.out));
        assert_eq!(tinted.weights, Some(glasses.out));
        assert_eq!(sun.weights, Some(tinted.out));
        // Of the films all are held out at first, and some people then.
        let people = |hold_out: HoldOut| {
            let mut shares = hold_out.shares;
            shares.remove("drivers");
            (hold_out.seed, hold_out.share, shares, hold_out.last)
        };
        let first = people(finetune.hold_out);
        let later = [more.hold_out, films.hold_out, glasses.hold_out, tinted.hold_out];
        for later in later.into_iter().chain([sun.hold_out]) {
            assert_eq!(people(later), first, "nobody validates who was learned from");
        }
        let later = [more.training, films.training, glasses.training, tinted.training];
        let all = [pretrain.training, finetune.training, sun.training].into_iter().chain(later);
        for training in all {
            training.validate().unwrap();
        }
    }

    #[test]
    fn a_configuration_that_is_none_is_named_with_its_field() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.toml");
        fs::write(&path, "crops = 'c'\nout = 'o'\n[training]\nbatches = 3\n").unwrap();
        let error = read::<PretrainConfig>(&path).unwrap_err().to_string();
        assert!(error.contains("run.toml") && error.contains("batches"), "{error}");
    }
}
