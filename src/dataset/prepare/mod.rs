//! From whole pictures and videos to a folder of aligned crops: each face is found,
//! measured and laid into a crop with a margin, several files side by side; pictures of a
//! single eye are laid in without ([`eyes`]). Goes on where an earlier run stopped
//! ([`journal`]), makes the list of the crops anew from what is known by now ([`row`]), and
//! says what was dropped and why ([`report`]).

mod eyes;
mod journal;
mod report;
mod row;
mod work;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use image::RgbImage;
use parking_lot::Mutex;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    DatasetError, collections,
    crops::MARGIN,
    manifest::{Item, Manifest},
    spans::FilmTruth,
    uta,
};
use crate::{
    face::{Face, FaceModels, FaceTracker, Seat, TrackSettings, align},
    frame::{Mounting, Turn},
    infer::RuntimeOptions,
};
use journal::Journal;
pub(crate) use report::{PrepareReport, REPORT};
use work::Shared;

/// What became of each picture so far, one JSON object a line.
const JOURNAL: &str = "journal.jsonl";
/// How the folder was prepared.
const SETTINGS: &str = "prepared.json";
/// Frames a second that are looked at in a video, unless said otherwise.
pub(crate) const RATE: f64 = 1.0;

/// What to prepare.
#[derive(Clone, Debug)]
pub(crate) enum Pictures {
    /// A labelled list (CSV) of pictures, of videos, or of both; or a folder whose folders
    /// are called as labels.
    List(PathBuf),
    /// A folder that holds the research collections.
    Collections(PathBuf),
    /// A folder in the form of UTA-RLDD.
    Uta(PathBuf),
}

/// What to prepare, how and where to.
#[derive(Clone, Debug)]
pub(crate) struct PrepareOptions {
    /// The pictures or videos.
    pub pictures: Pictures,
    /// The folder to write.
    pub out: PathBuf,
    /// Width and height of the aligned crop; more is stored, see [`MARGIN`].
    pub crop_px: usize,
    /// Frames a second that are looked at in a video.
    pub rate: f64,
    /// Leaves out crops of a subject that differ by less than this from one that is kept
    /// (mean difference of their pixels as a share of white), and whose eyes and mouth
    /// are as open; `None` keeps all.
    pub thin: Option<f32>,
    /// The models that find the faces.
    pub faces: FaceModels,
    /// How pictures are brought upright, after their own rotation.
    pub mounting: Mounting,
    /// On which side of the picture the person to be cut out sits.
    pub seat: Seat,
    /// How it is run; each file has a thread of its own anyway.
    pub runtime: RuntimeOptions,
}

/// How a preparation is watched and stopped from outside.
pub(crate) struct Watch<'a> {
    /// Set to true to end early; what was done is kept, and its list written.
    pub stop: &'a AtomicBool,
    /// Is told how many pictures and frames are done, and of how many (an estimate
    /// until all videos have been read).
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// What two runs into one folder must have in common.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Settings {
    crop_px: usize,
    rate: f64,
    #[serde(default)]
    rotate: Turn,
    #[serde(default)]
    mirror: bool,
    #[serde(default)]
    seat: Seat,
}

/// A picture or video with the name that the journal knows it by.
struct Input<'i> {
    item: &'i Item,
    /// Its path relative to the list or the folder, so that data may be moved.
    key: String,
    /// What is known to happen when, of a film with annotated spans.
    truth: Option<&'i FilmTruth>,
}

/// Prepares the pictures and videos.
///
/// The folder holds `crops/`, `index.csv` (a labelled list of the crops), [`REPORT`],
/// [`DROPPED`](report::DROPPED) and a journal from which a later run goes on.
///
/// # Errors
/// When the pictures cannot be listed, the folder was prepared in another way before,
/// the landmark model cannot be run, or the folder cannot be written. A picture or video
/// that cannot be used is dropped and named, not an error.
pub(crate) fn run(
    options: &PrepareOptions,
    watch: &Watch<'_>,
) -> Result<PrepareReport, DatasetError> {
    check(options)?;
    let Listed { manifest, root, left_out, films } = list(&options.pictures)?;
    let crops = options.out.join("crops");
    fs::create_dir_all(&crops).map_err(DatasetError::io(&crops, "written"))?;
    settle(options)?;
    let journal = Journal::open(&options.out.join(JOURNAL))?;
    let inputs: Vec<Input<'_>> = manifest
        .items
        .iter()
        .map(|item| Input { key: key(&root, &item.file), truth: films.get(&item.file), item })
        .collect();
    let todo: Vec<&Input<'_>> =
        inputs.iter().filter(|input| !work::is_done(&journal, input)).collect();
    let before: usize = journal.outcomes.values().map(Vec::len).sum();

    let expected: u64 = todo.par_iter().map(|input| work::expected(input, options.rate)).sum();
    let begun: u64 = todo
        .iter()
        .filter_map(|input| journal.outcomes.get(&input.key))
        .map(|outcomes| outcomes.len() as u64)
        .sum();
    let shared = Shared {
        options,
        stop: watch.stop,
        progress: watch.progress,
        journal: Mutex::new(journal),
        done: AtomicU64::new(before as u64),
        all: AtomicU64::new(before as u64 + expected.saturating_sub(begun)),
    };
    // Trackers hold sessions, so each is made once and lent to whoever works.
    let idle: Mutex<Vec<FaceTracker>> = Mutex::new(Vec::new());
    let runtime = RuntimeOptions { threads: 1, ..options.runtime };
    let worked = todo.par_iter().with_max_len(1).try_for_each(|input| {
        if watch.stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        let lent = idle.lock().pop();
        let mut tracker = match lent {
            Some(tracker) => tracker,
            None => {
                let seat = TrackSettings { seat: options.seat, ..TrackSettings::default() };
                FaceTracker::open(&runtime, &options.faces)?.with_settings(seat)
            }
        };
        work::work(&shared, input, &mut tracker)?;
        idle.lock().push(tracker);
        Ok(())
    });
    let (done, all) = (shared.done.into_inner(), shared.all.into_inner());
    let kept = |source: DatasetError| match source {
        DatasetError::Io { .. } => DatasetError::Broken { source: Box::new(source), done, all },
        other => other,
    };
    worked.map_err(kept)?;
    let journal = shared.journal.into_inner();
    let stopped = watch.stop.load(Ordering::Relaxed);
    report::finish(&inputs, &journal, left_out, before, stopped, options).map_err(kept)
}

fn check(options: &PrepareOptions) -> Result<(), DatasetError> {
    let setting = |field, value: String, why| Err(DatasetError::Setting { field, value, why });
    if !(8..=512).contains(&options.crop_px) {
        let why = "a crop has 8 to 512 pixels a side";
        return setting("the crop's size", options.crop_px.to_string(), why);
    }
    if !(options.rate > 0.0 && options.rate <= 240.0) {
        return setting("rate", options.rate.to_string(), "choose frames a second up to 240");
    }
    match options.thin {
        Some(thin) if !(0.0..=1.0).contains(&thin) => {
            setting("thin", thin.to_string(), "a share of white lies in 0..1")
        }
        _ => Ok(()),
    }
}

/// What there is to prepare.
struct Listed {
    manifest: Manifest,
    /// What the names of the journal are relative to.
    root: PathBuf,
    /// Files that could not be listed, each with the reason.
    left_out: Vec<(PathBuf, String)>,
    /// The films with annotated spans, by their paths.
    films: BTreeMap<PathBuf, FilmTruth>,
}

fn list(pictures: &Pictures) -> Result<Listed, DatasetError> {
    let films = BTreeMap::new();
    match pictures {
        Pictures::List(list) => {
            let above = list.parent().unwrap_or(Path::new(""));
            let root = if list.is_dir() { list.as_path() } else { above };
            let listing = Manifest::listing(list)?;
            let (manifest, left_out) = (listing.manifest, listing.left_out);
            Ok(Listed { manifest, root: root.to_path_buf(), left_out, films })
        }
        Pictures::Collections(folder) => {
            let films = collections::films(folder)?;
            let manifest = collections::list(folder, &films)?;
            Ok(Listed { manifest, root: folder.clone(), left_out: Vec::new(), films })
        }
        Pictures::Uta(folder) => {
            let listing = uta::list(folder)?;
            let root = fs::canonicalize(folder).map_err(DatasetError::io(folder, "read"))?;
            let (manifest, left_out) = (listing.manifest, listing.left_out);
            Ok(Listed { manifest, root, left_out, films })
        }
    }
}

fn key(root: &Path, file: &Path) -> String {
    crate::os::escaped(file.strip_prefix(root).unwrap_or(file))
}

/// Notes how the folder is prepared, or refuses to mix two ways.
fn settle(options: &PrepareOptions) -> Result<(), DatasetError> {
    let path = options.out.join(SETTINGS);
    let Mounting { rotate, mirror } = options.mounting;
    let now = Settings {
        crop_px: options.crop_px,
        rate: options.rate,
        rotate,
        mirror,
        seat: options.seat,
    };
    let before: Option<Settings> =
        fs::read(&path).ok().and_then(|json| serde_json::from_slice(&json).ok());
    let Some(before) = before else {
        let io = || DatasetError::io(&path, "written");
        let json = serde_json::to_vec(&now).map_err(|error| io()(error.into()))?;
        return crate::os::write_whole(&path, &json).map_err(io());
    };
    let differs = |field, before: String, now: String| {
        Err(DatasetError::Prepared { path: options.out.clone(), field, before, now })
    };
    if before.crop_px != now.crop_px {
        return differs("the crop's size", before.crop_px.to_string(), now.crop_px.to_string());
    }
    if before.rate != now.rate {
        return differs("rate", before.rate.to_string(), now.rate.to_string());
    }
    if before.rotate != now.rotate {
        let [before, now] = [before.rotate, now.rotate].map(|turn| turn.degrees().to_string());
        return differs("rotate", before, now);
    }
    if before.mirror != now.mirror {
        return differs("mirror", before.mirror.to_string(), now.mirror.to_string());
    }
    if before.seat != now.seat {
        let [before, now] = [before.seat, now.seat].map(|seat| format!("{seat:?}").to_lowercase());
        return differs("seat", before, now);
    }
    Ok(())
}

/// The aligned crop at the scale of `crop_px`, with [`MARGIN`] around it.
pub(crate) fn with_margin(image: &RgbImage, face: &Face, crop_px: usize) -> RgbImage {
    let stored = (crop_px as f32 * MARGIN).round();
    let shift = (stored - crop_px as f32) / 2.0;
    let mut to_crop = align::similarity(&face.landmarks, crop_px);
    to_crop.tx += shift;
    to_crop.ty += shift;
    align::cut(image, &to_crop.inverse(), stored as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(out: &Path) -> PrepareOptions {
        PrepareOptions {
            pictures: Pictures::List("list.csv".into()),
            out: out.into(),
            crop_px: 72,
            rate: 1.0,
            thin: None,
            faces: FaceModels::default(),
            mounting: Mounting::default(),
            seat: Seat::Any,
            runtime: RuntimeOptions::default(),
        }
    }

    #[test]
    fn two_ways_of_preparing_are_not_mixed_in_one_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = options(folder.path());
        settle(&first).unwrap();
        settle(&first).unwrap();
        let other = PrepareOptions { rate: 2.0, ..first.clone() };
        let error = settle(&other).unwrap_err().to_string();
        assert!(error.contains("rate = 1, not 2"), "{error}");
        let mounting = Mounting { rotate: Turn::Half, mirror: false };
        let error = settle(&PrepareOptions { mounting, ..first }).unwrap_err().to_string();
        assert!(error.contains("rotate = 0, not 180"), "{error}");
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        let good = options(Path::new("out"));
        assert!(check(&good).is_ok());
        for bad in [
            PrepareOptions { rate: 0.0, ..good.clone() },
            PrepareOptions { rate: f64::NAN, ..good.clone() },
            PrepareOptions { thin: Some(-0.1), ..good.clone() },
            PrepareOptions { crop_px: 0, ..good },
        ] {
            assert!(check(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_stay_the_same_when_the_data_is_moved() {
        assert_eq!(key(Path::new("/a/b"), Path::new("/a/b/c/d.jpg")), "c/d.jpg");
        assert_eq!(key(Path::new("/a/b"), Path::new("/x/d.jpg")), "/x/d.jpg");
    }
}
