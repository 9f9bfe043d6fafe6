//! The settings of a landmark training.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::train::{
    TrainError,
    augment::Photometric,
    settings::{Training, setting},
};

/// Settings of a landmark training, as read from TOML; what is left out has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LandmarkTrainConfig {
    /// Faces with 68 points, as [`points::read`](crate::dataset::points::read) reads them.
    pub faces: PathBuf,
    /// The folder for checkpoints, log and effective settings.
    pub out: PathBuf,
    /// A folder of pictures without faces.
    #[serde(default)]
    pub nonfaces: Option<PathBuf>,
    /// What the weights begin as: a checkpoint (a folder `best` or `last`), or a landmark
    /// model that was exported.
    #[serde(default)]
    pub start_from: Option<PathBuf>,
    /// A folder of tightly cropped faces, all with closed eyes and without points: the
    /// network of `start_from` guesses the points, and the lids are drawn together.
    #[serde(default)]
    pub closed_faces: Option<PathBuf>,
    /// Faces with five points, as
    /// [`points::read_five`](crate::dataset::points::read_five) reads them: turned, bowed,
    /// small and infra-red ones. Where the network of `start_from` agrees with the five
    /// points, its 68 are learned from; elsewhere the five are.
    #[serde(default)]
    pub turned_faces: Option<PathBuf>,
    /// Pictures in which each face is marked by a box, as
    /// [`boxes::read`](crate::dataset::boxes::read) reads them. The detector that ships looks
    /// at them and at `nonfaces`: what it takes for a face is learned as one where it is
    /// marked, and in a picture without a face as none.
    #[serde(default)]
    pub marked_faces: Option<PathBuf>,
    /// Only what says whether a square shows a face learns, and the points and all else stay
    /// as they are in `start_from`.
    #[serde(default)]
    pub confidence_only: bool,
    /// Faces that the demo driver's painter draws beside the photographs, of people whom
    /// the demo never shows.
    #[serde(default)]
    pub drawn: usize,
    /// What the weights were learned from, in words, for the model card.
    #[serde(default)]
    pub trained_on: String,
    /// Under which licence the weights may be used, as far as that of the pictures allows;
    /// for the model card.
    #[serde(default)]
    pub licence: String,
    /// Which faces are shown, and how.
    #[serde(default)]
    pub samples: SampleOptions,
    /// Light, lens and sensor.
    #[serde(default)]
    pub photometric: Photometric,
    /// How long and how fast.
    #[serde(default)]
    pub training: Training,
}

/// How samples are made. All are shares or chances, 0..1, but `closed_weight`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SampleOptions {
    /// Chance of something drawn over a face.
    pub cover: f64,
    /// Chance that the photo is cropped tightly around the face first.
    pub tight: f64,
    /// Chance that the face is narrowed to one side, as one that is turned away looks.
    pub narrowed: f64,
    /// Share of samples that show no face, or one in a place where it cannot be read.
    pub negatives: f64,
    /// Of those, the share that shows a face lying on its side or on its head.
    pub wrong_way: f64,
    /// Of the others, the share that a detector took for a face, where `marked_faces` is given.
    pub mistaken: f64,
    /// Of all samples without a face, the share that is so dark that little but noise is left.
    pub noise: f64,
    /// Share of the faces that come from `marked_faces`.
    pub marked_share: f64,
    /// Share of the faces that come from `turned_faces`.
    pub turned_share: f64,
    /// Share of the faces that come from `closed_faces`.
    pub known_closed_share: f64,
    /// Of all other faces, the share with precise (HELEN) points.
    pub precise_share: f64,
    /// How much likelier than others a precise face with nearly closed eyes is drawn.
    pub closed_weight: f64,
}

impl Default for SampleOptions {
    fn default() -> Self {
        Self {
            cover: 0.35,
            tight: 0.25,
            narrowed: 0.2,
            negatives: 0.2,
            wrong_way: 0.35,
            mistaken: 0.5,
            noise: 0.1,
            marked_share: 0.1,
            turned_share: 0.4,
            known_closed_share: 0.12,
            precise_share: 0.5,
            closed_weight: 5.0,
        }
    }
}

impl LandmarkTrainConfig {
    /// Says whether the values make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.training.validate()?;
        let batch = self.training.batch;
        setting("training.batch", batch, batch <= 4096, "4096 is the most")?;
        let samples = &self.samples;
        for (field, value) in [
            ("samples.cover", samples.cover),
            ("samples.tight", samples.tight),
            ("samples.narrowed", samples.narrowed),
            ("samples.negatives", samples.negatives),
            ("samples.wrong_way", samples.wrong_way),
            ("samples.mistaken", samples.mistaken),
            ("samples.noise", samples.noise),
            ("samples.marked_share", samples.marked_share),
            ("samples.turned_share", samples.turned_share),
            ("samples.known_closed_share", samples.known_closed_share),
            ("samples.precise_share", samples.precise_share),
        ] {
            setting(field, value, (0.0..=1.0).contains(&value), "it must lie between 0 and 1")?;
        }
        let weight = samples.closed_weight;
        setting("samples.closed_weight", weight, weight >= 1.0, "it must be at least 1")?;
        if self.confidence_only && self.start_from.is_none() {
            let why = "it needs start_from, whose points it keeps";
            setting("confidence_only", true, false, why)?;
        }
        for (field, list) in
            [("closed_faces", &self.closed_faces), ("turned_faces", &self.turned_faces)]
        {
            if let (Some(list), None) = (list, &self.start_from) {
                let value = list.display().to_string();
                let why = "their points are guessed, so start_from is needed";
                setting(field, value.as_str(), false, why)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::train::settings;

    fn read(text: &str) -> Result<LandmarkTrainConfig, TrainError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.toml");
        std::fs::write(&path, format!("faces = \"a.jsonl\"\nout = \"run\"\n{text}")).unwrap();
        let config: LandmarkTrainConfig = settings::read(&path)?;
        config.validate().map(|()| config)
    }

    #[test]
    fn defaults_fill_what_is_left_out_and_what_makes_no_sense_is_named() {
        let config = read("[training]\nsteps = 7\n").unwrap();
        assert_eq!((config.training.steps, config.samples), (7, SampleOptions::default()));
        for (text, words) in [
            ("step = 3\n", "`step`"),
            ("[samples]\ncover = 3.0\n", "cover = 3"),
            ("[samples]\nclosed_weight = 0.0\n", "closed_weight = 0"),
            ("[training]\nbatch = 100000\n", "4096"),
            ("closed_faces = \"c\"\n", "start_from"),
            ("turned_faces = \"t.csv\"\n", "start_from"),
            ("confidence_only = true\n", "start_from"),
            ("[samples]\nnoise = -0.1\n", "noise = -0.1"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn the_configurations_of_the_shipped_model_can_be_used() {
        for name in ["landmarks-first.toml", "landmarks.toml", "landmarks-confidence.toml"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(name);
            let config: LandmarkTrainConfig = settings::read(&path).unwrap();
            config.validate().unwrap();
        }
    }
}
