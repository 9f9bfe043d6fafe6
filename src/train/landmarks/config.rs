//! The settings of a landmark training.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::train::{TrainError, augment::Photometric, schedule::Schedule};

/// Settings of a landmark training, as read from TOML; what is left out has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LandmarkTrainConfig {
    /// JSON lines of `{"file", "points": [[x, y] x 68]}`, pixels; paths relative to the
    /// list's folder or the one above.
    pub faces: PathBuf,
    /// A folder of pictures without faces.
    #[serde(default)]
    pub nonfaces: Option<PathBuf>,
    /// A checkpoint (a folder `best` or `last`) whose averaged weights are the start.
    #[serde(default)]
    pub start_from: Option<PathBuf>,
    /// A folder of tightly cropped faces, all with closed eyes and without points: the
    /// network of `start_from` guesses the points, and the lids are drawn together.
    #[serde(default)]
    pub closed_faces: Option<PathBuf>,
    /// Faces that the demo driver's painter draws beside the photographs, of people whom
    /// the demo never shows.
    #[serde(default)]
    pub drawn: usize,
    /// The folder for checkpoints, log, effective settings and the exported model.
    pub out: PathBuf,
    /// Random weights, samples and validation follow from it.
    #[serde(default = "seed")]
    pub seed: u64,
    /// Number of batches.
    #[serde(default = "steps")]
    pub steps: usize,
    /// Samples of a batch.
    #[serde(default = "batch_size")]
    pub batch_size: usize,
    /// The highest learning rate.
    #[serde(default = "learning_rate")]
    pub learning_rate: f64,
    /// Batches until it is reached.
    #[serde(default = "warmup_steps")]
    pub warmup_steps: usize,
    /// Decoupled weight decay.
    #[serde(default = "weight_decay")]
    pub weight_decay: f32,
    /// Longest gradient; larger ones are scaled down.
    #[serde(default = "clip_norm")]
    pub clip_norm: f32,
    /// Share of the averaged weights that is kept at each step.
    #[serde(default = "ema_decay")]
    pub ema_decay: f32,
    /// Batches between two validations, each of which also saves a checkpoint.
    #[serde(default = "validate_every")]
    pub validate_every: usize,
    /// Chance of something drawn over a face, 0..1.
    #[serde(default = "cover")]
    pub cover: f64,
    /// Share of samples without a face, 0..1.
    #[serde(default = "negatives")]
    pub negatives: f64,
    /// Share of faces with precise (HELEN) points, 0..1.
    #[serde(default = "precise_share")]
    pub precise_share: f64,
    /// Share of faces that come from `closed_faces`, 0..1.
    #[serde(default = "known_closed_share")]
    pub known_closed_share: f64,
    /// Chance that a photo is cropped tightly around the face first, 0..1.
    #[serde(default = "tight")]
    pub tight: f64,
    /// How much likelier than others a precise face with nearly closed eyes is drawn.
    #[serde(default = "closed_weight")]
    pub closed_weight: f64,
    /// Light, lens and sensor.
    #[serde(default)]
    pub photometric: Photometric,
}

fn seed() -> u64 {
    1
}
fn steps() -> usize {
    5_000
}
fn batch_size() -> usize {
    32
}
fn learning_rate() -> f64 {
    3e-3
}
fn warmup_steps() -> usize {
    200
}
fn weight_decay() -> f32 {
    0.02
}
fn clip_norm() -> f32 {
    5.0
}
fn ema_decay() -> f32 {
    0.997
}
fn validate_every() -> usize {
    250
}
fn cover() -> f64 {
    0.35
}
fn negatives() -> f64 {
    0.15
}
fn precise_share() -> f64 {
    0.5
}
fn known_closed_share() -> f64 {
    0.12
}
fn tight() -> f64 {
    0.25
}
fn closed_weight() -> f64 {
    5.0
}

impl LandmarkTrainConfig {
    /// Reads and checks a TOML file.
    ///
    /// # Errors
    /// When it cannot be read, has unknown or ill-typed fields, or values that make no
    /// sense.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let text = fs::read_to_string(path).map_err(TrainError::io(path, "read"))?;
        let config: Self = toml::from_str(&text)
            .map_err(|error| TrainError::Config { path: path.into(), why: error.to_string() })?;
        config.validate()?;
        Ok(config)
    }

    /// Says whether the values make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn validate(&self) -> Result<(), TrainError> {
        let bad = |field, value: String, why| Err(TrainError::Setting { field, value, why });
        for (field, value) in [
            ("steps", self.steps),
            ("batch_size", self.batch_size),
            ("validate_every", self.validate_every),
        ] {
            if value == 0 {
                return bad(field, value.to_string(), "it must be at least 1");
            }
        }
        if self.batch_size > 4096 {
            return bad("batch_size", self.batch_size.to_string(), "4096 is the most");
        }
        if !(self.learning_rate > 0.0 && self.learning_rate < 1.0) {
            let value = self.learning_rate.to_string();
            return bad("learning_rate", value, "it must lie between 0 and 1");
        }
        for (field, value) in [
            ("ema_decay", f64::from(self.ema_decay)),
            ("cover", self.cover),
            ("negatives", self.negatives),
            ("precise_share", self.precise_share),
            ("known_closed_share", self.known_closed_share),
            ("tight", self.tight),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return bad(field, value.to_string(), "it must lie between 0 and 1");
            }
        }
        if let (Some(folder), None) = (&self.closed_faces, &self.start_from) {
            let value = folder.display().to_string();
            return bad("closed_faces", value, "their points are guessed, so start_from is needed");
        }
        Ok(())
    }

    /// The learning rate over the steps.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            peak: self.learning_rate,
            floor: 0.01,
            warmup_steps: self.warmup_steps,
            steps: self.steps,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_fill_what_is_left_out_and_unknown_fields_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.toml");
        fs::write(&path, "faces = \"a.jsonl\"\nout = \"run\"\n").unwrap();
        let config = LandmarkTrainConfig::read(&path).unwrap();
        assert_eq!((config.steps, config.batch_size), (5_000, 32));
        fs::write(&path, "faces = \"a.jsonl\"\nout = \"run\"\nstep = 3\n").unwrap();
        let error = LandmarkTrainConfig::read(&path).unwrap_err().to_string();
        assert!(error.contains("`step`") && error.contains("train.toml"), "{error}");
        fs::write(&path, "faces = \"a.jsonl\"\nout = \"run\"\ncover = 3.0\n").unwrap();
        let error = LandmarkTrainConfig::read(&path).unwrap_err().to_string();
        assert!(error.contains("cover = 3"), "{error}");
    }
}
