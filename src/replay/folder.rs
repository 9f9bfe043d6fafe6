//! The folder of a run: `run.json` (with what it is made), and of each video
//! `results/NAME.json`, `frames/NAME.parquet` and `events/NAME.jsonl`. Shards write into
//! the same folder side by side, since no two write the same file; [`merge`] joins their
//! results to `results.jsonl`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{Collection, ReplayError, ReplayOptions, Video, VideoResult, digest};
use crate::{infer::ModelSource, live::Pipeline, os::write_whole, vit::ModelKind};

/// What a run is made with, so that parts of two runs are never mixed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    /// Version of the program.
    pub version: String,
    /// Name of the classifier.
    pub model: String,
    /// SHA-256 of the classifier's file.
    pub model_digest: String,
    /// SHA-256 of the face detector's file.
    pub detector_digest: String,
    /// SHA-256 of the landmark network's file.
    pub landmarks_digest: String,
    /// Digest of the videos, see [`digest::of_files`].
    pub data_digest: String,
    /// The monitor's settings, those that it is compared with, and the models' mask.
    pub settings: serde_json::Value,
    /// The names of all videos with the names of their files, in order.
    pub videos: Vec<(String, String)>,
    /// What was found and cannot be used.
    pub left_out: Vec<(String, String)>,
}

impl RunFacts {
    /// The facts of a run.
    ///
    /// # Errors
    /// When a model or video cannot be read.
    pub fn of(collection: &Collection, options: &ReplayOptions) -> Result<Self, ReplayError> {
        let pipeline = &options.pipeline;
        let model = |source: &ModelSource, kind| digest::of_model(source, kind);
        let mut settings = serde_json::json!({
            "monitor": options.monitor,
            "mask": pipeline.mask.map(|mask| format!("{mask:?}").to_lowercase()),
            "mounting": options.open.mounting,
            "seat": pipeline.seat,
        });
        if let Some(settings) = settings.as_object_mut().filter(|_| !options.versus.is_empty()) {
            settings.insert("versus".into(), serde_json::json!(options.versus));
        }
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").into(),
            model: Pipeline::open(pipeline)?.classifier().card().name.clone(),
            model_digest: model(&pipeline.classifier, ModelKind::Drowsiness)?,
            detector_digest: model(&pipeline.faces.detector, ModelKind::Detector)?,
            landmarks_digest: model(&pipeline.faces.landmarks, ModelKind::Landmarks)?,
            data_digest: collection.digest()?,
            settings,
            videos: collection.videos.iter().map(|v| (v.name.clone(), v.slug.clone())).collect(),
            left_out: collection.left_out.clone(),
        })
    }

    /// What differs between two runs, if something does.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        [
            (self.version != other.version, "the program's version"),
            (self.model_digest != other.model_digest, "the classifier"),
            (self.detector_digest != other.detector_digest, "the face detector"),
            (self.landmarks_digest != other.landmarks_digest, "the landmark network"),
            (self.data_digest != other.data_digest, "the videos"),
            (self.settings != other.settings, "the settings"),
            (self.videos != other.videos, "the list of videos"),
        ]
        .into_iter()
        .find_map(|(differs, what)| differs.then_some(what))
    }
}

/// The folder of a run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    root: PathBuf,
    /// What it is made with.
    pub facts: RunFacts,
}

impl RunFolder {
    /// Opens a folder for a run, or begins it.
    ///
    /// # Errors
    /// When it cannot be written, or holds another run.
    pub fn begin(root: &Path, facts: RunFacts) -> Result<Self, ReplayError> {
        for folder in ["results", "frames", "events"] {
            let path = root.join(folder);
            fs::create_dir_all(&path).map_err(ReplayError::io(&path, "written"))?;
        }
        if root.join(RUN).exists() {
            let found = Self::open(root)?;
            return match found.facts.difference(&facts) {
                None => Ok(found),
                Some(what) => Err(ReplayError::Another { path: root.into(), what }),
            };
        }
        write_json(&root.join(RUN), &facts)?;
        Ok(Self { root: root.into(), facts })
    }

    /// Opens the folder of a run.
    ///
    /// # Errors
    /// When it is none.
    pub fn open(root: &Path) -> Result<Self, ReplayError> {
        Ok(Self { root: root.into(), facts: read_json(&root.join(RUN))? })
    }

    /// Whether a folder holds a run.
    pub fn is_one(root: &Path) -> bool {
        root.join(RUN).is_file()
    }

    /// The result of a video, if it has one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn result(&self, video: &Video) -> Result<Option<VideoResult>, ReplayError> {
        self.result_of(&video.slug)
    }

    fn result_of(&self, slug: &str) -> Result<Option<VideoResult>, ReplayError> {
        let path = self.root.join("results").join(format!("{slug}.json"));
        if path.is_file() { read_json(&path).map(Some) } else { Ok(None) }
    }

    /// Keeps a result, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, video: &Video, result: &VideoResult) -> Result<(), ReplayError> {
        write_json(&self.root.join("results").join(format!("{}.json", video.slug)), result)
    }

    /// Where events and frames of a video are written. An event log is continued where
    /// there is one, so that of a run that was killed is removed.
    pub(super) fn logs(&self, video: &Video) -> Result<(PathBuf, PathBuf), ReplayError> {
        let events = self.root.join("events").join(format!("{}.jsonl", video.slug));
        match fs::remove_file(&events) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(ReplayError::io(&events, "written")(error))
            }
            _ => Ok((events, self.root.join("frames").join(format!("{}.parquet", video.slug)))),
        }
    }

    /// The results of all videos, in the order of the collection.
    ///
    /// # Errors
    /// When one is missing or cannot be read.
    pub fn results(&self) -> Result<Vec<VideoResult>, ReplayError> {
        let videos = &self.facts.videos;
        let found: Vec<Option<VideoResult>> = videos
            .iter()
            .map(|(_, slug)| self.result_of(slug))
            .collect::<Result<_, ReplayError>>()?;
        let mut missing = videos.iter().zip(&found).filter(|(_, result)| result.is_none());
        match missing.next() {
            None => Ok(found.into_iter().flatten().collect()),
            Some((first, _)) => Err(ReplayError::Missing {
                path: self.root.clone(),
                missing: 1 + missing.count(),
                all: videos.len(),
                first: first.0.clone(),
            }),
        }
    }
}

/// Name of the file with the facts.
const RUN: &str = "run.json";
/// Name of the file with the joined results.
const RESULTS: &str = "results.jsonl";

/// Joins the results of a run's shards to `results.jsonl`; results that lie in other
/// folders are brought over first, with their frames and events.
///
/// # Errors
/// When the folders are of different runs, or a video has no result yet.
pub fn merge(root: &Path, others: &[PathBuf]) -> Result<Vec<VideoResult>, ReplayError> {
    let first = others.first().filter(|_| !RunFolder::is_one(root));
    let run = RunFolder::begin(root, RunFolder::open(first.map_or(root, |f| f))?.facts)?;
    for other in others {
        let other_run = RunFolder::open(other)?;
        if let Some(what) = run.facts.difference(&other_run.facts) {
            return Err(ReplayError::Another { path: other.clone(), what });
        }
        for (_, slug) in &run.facts.videos {
            if run.result_of(slug)?.is_some() || other_run.result_of(slug)?.is_none() {
                continue;
            }
            // The result last: where it stands, the rest is there.
            for (folder, ending) in
                [("frames", "parquet"), ("events", "jsonl"), ("results", "json")]
            {
                let name = format!("{slug}.{ending}");
                let (from, to) = (other.join(folder).join(&name), root.join(folder).join(&name));
                if from.is_file() {
                    fs::copy(&from, &to).map_err(ReplayError::io(&to, "written"))?;
                }
            }
        }
    }
    let results = run.results()?;
    let mut lines = Vec::new();
    for result in &results {
        let line = serde_json::to_vec(result).map_err(std::io::Error::from);
        lines.extend(line.map_err(ReplayError::io(root, "written"))?);
        lines.push(b'\n');
    }
    let path = root.join(RESULTS);
    write_whole(&path, &lines).map_err(ReplayError::io(&path, "written"))?;
    Ok(results)
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), ReplayError> {
    let json = serde_json::to_vec_pretty(value).map_err(std::io::Error::from);
    json.and_then(|json| write_whole(path, &json)).map_err(ReplayError::io(path, "written"))
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, ReplayError> {
    let text = fs::read(path).map_err(ReplayError::io(path, "read"))?;
    serde_json::from_slice(&text)
        .map_err(|error| ReplayError::Form { path: path.into(), why: error.to_string() })
}
