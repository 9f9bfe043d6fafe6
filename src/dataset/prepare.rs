//! From whole pictures to a folder of aligned crops: each picture's face is found,
//! measured and laid into a crop with a margin. Goes on where an earlier run stopped,
//! and says what was dropped and why.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use image::{RgbImage, codecs::jpeg::JpegEncoder};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    DatasetError, collections,
    crops::{INDEX, MARGIN},
    manifest::{Item, Manifest},
};
use crate::{
    face::{Face, FaceTracker, align},
    infer::{ModelSource, RuntimeOptions},
    source::images::load_image,
};

/// Quality at which all crops are stored: the same for every collection, so that a
/// network cannot tell them by their compression.
const JPEG_QUALITY: u8 = 95;
/// Pictures that are worked through between two writings of the journal.
const CHUNK: usize = 256;
/// What became of each picture so far, one JSON object a line.
const JOURNAL: &str = "journal.jsonl";

/// Which pictures to prepare.
#[derive(Clone, Debug)]
pub enum Pictures {
    /// A labelled list (CSV).
    List(PathBuf),
    /// A folder that holds the research collections.
    Collections(PathBuf),
}

/// What to prepare and where to.
#[derive(Clone, Debug)]
pub struct PrepareOptions {
    /// The pictures.
    pub pictures: Pictures,
    /// The folder to write.
    pub out: PathBuf,
    /// Width and height of the aligned crop; more is stored, see [`MARGIN`].
    pub crop_px: usize,
    /// The landmark model.
    pub landmarks: ModelSource,
    /// How it is run.
    pub runtime: RuntimeOptions,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PrepareReport {
    /// Pictures of the list.
    pub pictures: usize,
    /// Crops in the folder.
    pub crops: usize,
    /// Pictures that were already done by an earlier run.
    pub done_before: usize,
    /// Crops by collection, `[crops, pictures]`.
    pub by_collection: BTreeMap<String, [usize; 2]>,
    /// How many pictures were dropped, by reason.
    pub dropped: BTreeMap<String, usize>,
}

/// Why a picture was dropped.
const NO_FACE: &str = "no face was found";
const UNREADABLE: &str = "the picture could not be read";

/// What became of a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Outcome {
    /// The picture.
    file: PathBuf,
    /// Its crop, relative to the folder; `None` when it was dropped.
    crop: Option<String>,
    /// Why it was dropped.
    why: Option<String>,
    /// Measured eye aspect ratio, mean of both eyes.
    eye_aspect: f32,
    /// Measured mouth aspect ratio.
    mouth_aspect: f32,
}

/// Prepares the pictures; `progress` is told how many are done, of how many.
///
/// The folder holds `crops/`, `index.csv` (a labelled list of the crops) and a journal
/// from which a later run goes on.
///
/// # Errors
/// When the pictures cannot be listed, the landmark model cannot be run, or the folder
/// cannot be written. A single picture that cannot be used is dropped, not an error.
pub fn run(
    options: &PrepareOptions,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<PrepareReport, DatasetError> {
    let manifest = match &options.pictures {
        Pictures::List(list) => Manifest::read(list)?,
        Pictures::Collections(folder) => collections::list(folder)?,
    };
    let crops = options.out.join("crops");
    fs::create_dir_all(&crops).map_err(DatasetError::io(&crops, "written"))?;
    let journal = options.out.join(JOURNAL);
    let mut outcomes = read_journal(&journal)?;
    let todo: Vec<&Item> =
        manifest.items.iter().filter(|item| !outcomes.contains_key(&item.file)).collect();
    let before = manifest.items.len() - todo.len();
    let done = AtomicU64::new(before as u64);

    // Trackers hold sessions, so each is made once and lent to whoever works.
    let idle: Mutex<Vec<FaceTracker>> = Mutex::new(Vec::new());
    for chunk in todo.chunks(CHUNK) {
        let fresh = chunk
            .par_iter()
            .map(|item| {
                let lent = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let mut tracker = match lent {
                    Some(tracker) => tracker,
                    None => FaceTracker::open(&options.runtime, &options.landmarks)?,
                };
                let outcome = prepare(&mut tracker, &item.file, options)?;
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(tracker);
                let so_far = 1 + done.fetch_add(1, Ordering::Relaxed);
                progress(so_far, manifest.items.len() as u64);
                Ok(outcome)
            })
            .collect::<Result<Vec<_>, DatasetError>>()?;
        append_journal(&journal, &fresh)?;
        outcomes.extend(fresh.into_iter().map(|outcome| (outcome.file.clone(), outcome)));
    }
    finish(&manifest, &outcomes, &options.out, before)
}

/// Writes the list of crops and counts.
fn finish(
    manifest: &Manifest,
    outcomes: &BTreeMap<PathBuf, Outcome>,
    out: &Path,
    done_before: usize,
) -> Result<PrepareReport, DatasetError> {
    let mut report =
        PrepareReport { pictures: manifest.items.len(), done_before, ..Default::default() };
    let mut items = Vec::new();
    for item in &manifest.items {
        let Some(outcome) = outcomes.get(&item.file) else { continue };
        let of_it = report.by_collection.entry(item.collection.clone()).or_default();
        of_it[1] += 1;
        if let Some(crop) = &outcome.crop {
            of_it[0] += 1;
            items.push(item_of(item, outcome, crop));
        } else {
            let why = outcome.why.as_deref().unwrap_or(NO_FACE);
            *report.dropped.entry(why.into()).or_default() += 1;
        }
    }
    report.crops = items.len();
    Manifest { items }.write(&out.join(INDEX))?;
    Ok(report)
}

/// A crop's line: what the picture's list knows, filled up with what was measured.
fn item_of(item: &Item, outcome: &Outcome, crop: &str) -> Item {
    let eyes = outcome.eye_aspect;
    Item {
        file: crop.into(),
        // The landmark network misjudges some closed eyes; a label corrects it.
        eye_aspect: item.eye_aspect.or(match item.eyes_closed {
            Some(true) => Some(eyes.min(collections::EYES.0)),
            Some(false) => Some(eyes.max(collections::EYES.1)),
            None => None,
        }),
        mouth_aspect: item.mouth_aspect.or(Some(outcome.mouth_aspect)),
        // A mouth at rest is no yawn; an open one may be anything.
        yawn: item.yawn.or((outcome.mouth_aspect < collections::MOUTH_AT_REST).then_some(false)),
        ..item.clone()
    }
}

/// Finds, measures and crops the face of one picture.
fn prepare(
    tracker: &mut FaceTracker,
    file: &Path,
    options: &PrepareOptions,
) -> Result<Outcome, DatasetError> {
    let dropped = |why: &str| Outcome {
        file: file.into(),
        crop: None,
        why: Some(why.into()),
        eye_aspect: 0.0,
        mouth_aspect: 0.0,
    };
    let image = match load_image(file) {
        Ok(image) => image,
        Err(error) => {
            tracing::warn!("{error}");
            return Ok(dropped(UNREADABLE));
        }
    };
    let Some(face) = tracker.find(&image)? else { return Ok(dropped(NO_FACE)) };
    let name = format!("crops/{}.jpg", short_digest(file));
    store(&with_margin(&image, &face, options.crop_px), &options.out.join(&name))?;
    let [left, right] = face.landmarks.eye_aspect();
    Ok(Outcome {
        file: file.into(),
        crop: Some(name),
        why: None,
        eye_aspect: (left + right) / 2.0,
        mouth_aspect: face.landmarks.mouth_aspect(),
    })
}

/// The aligned crop at the scale of `crop_px`, with [`MARGIN`] around it.
pub fn with_margin(image: &RgbImage, face: &Face, crop_px: usize) -> RgbImage {
    let stored = (crop_px as f32 * MARGIN).round();
    let shift = (stored - crop_px as f32) / 2.0;
    let mut to_crop = align::similarity(&face.landmarks, crop_px);
    to_crop.tx += shift;
    to_crop.ty += shift;
    align::cut(image, &to_crop.inverse(), stored as usize)
}

fn store(crop: &RgbImage, path: &Path) -> Result<(), DatasetError> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .encode_image(crop)
        .map_err(|error| DatasetError::Crop { path: path.into(), why: error.to_string() })?;
    fs::write(path, bytes).map_err(DatasetError::io(path, "written"))
}

/// A name for the crop of a file: short, and the same at every run.
fn short_digest(file: &Path) -> String {
    let digest = Sha256::digest(file.as_os_str().as_encoded_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// What an earlier run noted. A torn last line, from a run that was killed, is left out.
fn read_journal(path: &Path) -> Result<BTreeMap<PathBuf, Outcome>, DatasetError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(DatasetError::io(path, "read")(error)),
    };
    let outcomes = text.lines().filter_map(|line| serde_json::from_str::<Outcome>(line).ok());
    Ok(outcomes.map(|outcome| (outcome.file.clone(), outcome)).collect())
}

fn append_journal(path: &Path, outcomes: &[Outcome]) -> Result<(), DatasetError> {
    use std::io::Write;
    let io = || DatasetError::io(path, "written");
    let mut text = String::new();
    for outcome in outcomes {
        let line = serde_json::to_string(outcome).map_err(|error| io()(error.into()))?;
        text.push_str(&line);
        text.push('\n');
    }
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path).map_err(io())?;
    file.write_all(text.as_bytes()).map_err(io())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(file: &str, crop: Option<&str>) -> Outcome {
        Outcome {
            file: file.into(),
            crop: crop.map(Into::into),
            why: crop.is_none().then(|| NO_FACE.into()),
            eye_aspect: 0.3,
            mouth_aspect: 0.1,
        }
    }

    #[test]
    fn a_journal_is_read_up_to_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(JOURNAL);
        assert!(read_journal(&path).unwrap().is_empty());
        append_journal(&path, &[outcome("a.jpg", Some("crops/a.jpg"))]).unwrap();
        append_journal(&path, &[outcome("b.jpg", None)]).unwrap();
        let mut torn = fs::read_to_string(&path).unwrap();
        torn.push_str("{\"file\":\"c.j");
        fs::write(&path, torn).unwrap();
        let read = read_journal(&path).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read[Path::new("a.jpg")], outcome("a.jpg", Some("crops/a.jpg")));
    }

    #[test]
    fn the_report_counts_what_was_dropped_and_the_list_holds_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let item = |file: &str| Item {
            file: file.into(),
            collection: "cew".into(),
            subject: file.into(),
            eyes_closed: Some(true),
            ..Item::default()
        };
        let manifest = Manifest { items: vec![item("a.jpg"), item("b.jpg")] };
        let outcomes = [outcome("a.jpg", Some("crops/1.jpg")), outcome("b.jpg", None)];
        let outcomes = outcomes.map(|o| (o.file.clone(), o)).into();
        let report = finish(&manifest, &outcomes, folder.path(), 0).unwrap();
        assert_eq!((report.pictures, report.crops), (2, 1));
        assert_eq!(report.by_collection["cew"], [1, 2]);
        assert_eq!(report.dropped[NO_FACE], 1);
        fs::create_dir(folder.path().join("crops")).unwrap();
        fs::write(folder.path().join("crops/1.jpg"), "").unwrap();
        let index = Manifest::read(&folder.path().join(INDEX)).unwrap();
        assert_eq!(index.items.len(), 1);
        assert_eq!(index.items[0].eye_aspect, Some(0.15), "the label corrects the measure");
        assert_eq!(index.items[0].yawn, Some(false), "the mouth was measured at rest");
    }
}
