//! What a run leaves beside its weights: everything that the export needs and that a
//! reader wants to know, as `run.json` in the run's folder.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};

use super::{TrainError, graph::Normalisation};
use crate::vit::{ModelKind, Preset, VitConfig};

/// Name of the file in the run's folder.
pub const RUN_FILE: &str = "run.json";
/// Name of the checkpoint with the best validation figure.
pub const BEST: &str = "best";
/// Name of the checkpoint of the last save, from which a run goes on.
pub const LAST: &str = "last";

/// A run's result, without the weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// What was trained.
    pub kind: ModelKind,
    /// A name for people.
    pub name: String,
    /// The shape of a vision transformer; nothing for a network that has but one shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vit: Option<VitConfig>,
    /// What pixels are normalised with.
    pub normalisation: Normalisation,
    /// Probability of drowsy from which a picture counts as drowsy; 0.5 for an
    /// autoencoder.
    pub threshold: f32,
    /// What a classifier's logits are divided by on export, fitted on validation; 1 where
    /// nothing was.
    #[serde(default = "one")]
    pub temperature: f32,
    /// What it was trained on, in words.
    pub trained_on: String,
    /// Under which licence the weights may be used, as the user said.
    #[serde(default)]
    pub licence: String,
    /// Which pictures validated, in words.
    #[serde(default)]
    pub split: String,
    /// Step of the best validation.
    #[serde(default)]
    pub steps: usize,
    /// SHA-256 over the training list and its crops, hexadecimal.
    pub data_digest: String,
    /// Figures on validation, by name.
    pub metrics: BTreeMap<String, f64>,
}

fn one() -> f32 {
    1.0
}

impl RunRecord {
    /// The record of a run that begins.
    pub(super) fn begin(
        kind: ModelKind,
        name: String,
        vit: Option<&VitConfig>,
        normalisation: Normalisation,
        data_digest: &str,
    ) -> Self {
        Self {
            kind,
            name,
            vit: vit.cloned(),
            normalisation,
            threshold: 0.5,
            temperature: 1.0,
            trained_on: String::new(),
            licence: String::new(),
            split: String::new(),
            steps: 0,
            data_digest: data_digest.into(),
            metrics: BTreeMap::new(),
        }
    }

    /// The shape of the vision transformer that was trained.
    ///
    /// # Errors
    /// When it was a network of another kind.
    pub fn vit(&self) -> Result<&VitConfig, TrainError> {
        self.vit.as_ref().ok_or(TrainError::OtherKind { kind: self.kind })
    }

    /// Writes the record into the folder `run`, whole or not at all.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn save(&self, run: &Path) -> Result<(), TrainError> {
        let json = serde_json::to_vec_pretty(self)?;
        write_whole(&run.join(RUN_FILE), &json)
    }

    /// Reads the record of the folder `run`.
    ///
    /// # Errors
    /// When the folder is not one of a run, or the record is of another form.
    pub fn load(run: &Path) -> Result<Self, TrainError> {
        let path = run.join(RUN_FILE);
        let json = fs::read(&path).map_err(TrainError::io(&path, "read"))?;
        serde_json::from_slice(&json).map_err(|error| TrainError::Config {
            path,
            why: format!("{error}; is it the run.json of a training?"),
        })
    }
}

/// The name of a run's network, for people.
pub(super) fn name(preset: Preset, own_shape: bool) -> String {
    match (own_shape, preset) {
        (true, _) => "own",
        (false, Preset::Stem) => "stem",
        (false, Preset::Eyes) => "eyes",
        (false, Preset::Reference) => "reference",
    }
    .into()
}

/// A new run takes no folder that holds the weights of another.
///
/// # Errors
/// When it holds some.
pub(super) fn claim(out: &Path, resume: bool) -> Result<(), TrainError> {
    let taken = !resume && [BEST, LAST].iter().any(|weights| out.join(weights).exists());
    if taken { Err(TrainError::Taken { path: out.into() }) } else { Ok(()) }
}

/// Writes a file beside its place first, so that a failure leaves the old one.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    crate::os::write_whole(path, bytes).map_err(TrainError::io(path, "written"))
}
