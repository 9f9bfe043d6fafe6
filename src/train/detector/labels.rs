//! The faces that the detector learns from: a table of boxes and five points in pictures
//! and in frames of films, read with its pictures, and split by person.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use image::{RgbImage, imageops};

use crate::{
    dataset::points::{self, FivePointFace},
    face::BBox,
    source::{self, OpenOptions, SourceSpec, images::load_image},
    train::{
        TrainError,
        landmarks::data::{person_held_out, person_of},
    },
    vit::cells::CanvasFace,
};

/// Pictures are kept reduced to this length of their longer side, in pixels.
const KEPT_PX: u32 = 400;
/// Pictures are kept up to this many bytes.
const KEPT_BYTES: usize = 4 << 30;
/// HELEN files at the end of the alphabet that are held out, as for the landmark network.
const HELEN_HELD_OUT: usize = 100;
/// Faces of a lower score of the labelling detector are doubtful.
const SURE_SCORE: f32 = 0.65;

/// A picture with its faces, in its own pixels; the score is 1 for a sure face and 0 for a
/// doubtful one.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) image: Arc<RgbImage>,
    pub(super) faces: Vec<CanvasFace>,
}

/// A picture of the table.
#[derive(Debug)]
pub(super) struct Entry {
    file: PathBuf,
    /// Its first folder, or the first two of `faces_wild`.
    pub(super) collection: String,
    /// Faces in pixels of the file.
    faces: Vec<CanvasFace>,
    kept: OnceLock<Shown>,
}

/// The pictures to learn from and those of other people.
#[derive(Debug, Default)]
pub(super) struct Labels {
    pub(super) train: Vec<Entry>,
    pub(super) validation: Vec<Entry>,
}

/// Whether nothing may be learned from a face: as the landmark network has it for HELEN and
/// YouTube Faces, else as its list says.
fn is_held_out(face: &FivePointFace, helen: &BTreeSet<PathBuf>) -> bool {
    match face.collection() {
        "landmarks68" if is_helen(&face.name) => helen.contains(&face.name),
        "landmarks68" => person_held_out(&person_of(&face.name)),
        _ => face.held_out(),
    }
}

fn is_helen(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "helen")
}

impl Labels {
    /// Reads the table `faces`, whose files lie beside it; see
    /// [`read_five`](points::read_five). Frames of films are decoded at once.
    ///
    /// # Errors
    /// When the table or a film cannot be read, or nothing is left on a side.
    pub(super) fn read(faces: &Path) -> Result<Self, TrainError> {
        let all = points::read_five(faces)?;
        let helen: BTreeSet<PathBuf> =
            all.iter().map(|face| &face.name).filter(|file| is_helen(file)).cloned().collect();
        let from = helen.len().saturating_sub(HELEN_HELD_OUT);
        let helen = helen.into_iter().skip(from).collect();
        let mut pictures: BTreeMap<(PathBuf, Option<u64>), (Entry, bool)> = BTreeMap::new();
        for face in all {
            let held_out = is_held_out(&face, &helen);
            let BBox { width, height, .. } = face.bbox;
            let on_picture = CanvasFace {
                score: f32::from(u8::from(face.score >= SURE_SCORE)),
                middle: face.bbox.center(),
                size: [width, height],
                points: face.points,
            };
            let entry = || Entry {
                file: face.file.clone(),
                collection: collection_of(&face.name),
                faces: Vec::new(),
                kept: OnceLock::new(),
            };
            let key = (face.file.clone(), face.frame);
            let (entry, _) = pictures.entry(key).or_insert_with(|| (entry(), held_out));
            entry.faces.push(on_picture);
        }
        let mut labels = Self::default();
        let mut films: BTreeMap<PathBuf, Vec<(u64, Entry, bool)>> = BTreeMap::new();
        for ((file, frame), (entry, held_out)) in pictures {
            match frame {
                Some(frame) => films.entry(file).or_default().push((frame, entry, held_out)),
                None => labels.side(held_out).push(entry),
            }
        }
        for (file, wanted) in films {
            labels.decode(&file, wanted)?;
        }
        if labels.train.is_empty() || labels.validation.is_empty() {
            let why = "it leaves no face to learn from or none to validate on".into();
            return Err(TrainError::Data { path: faces.into(), why });
        }
        Ok(labels)
    }

    fn side(&mut self, held_out: bool) -> &mut Vec<Entry> {
        if held_out { &mut self.validation } else { &mut self.train }
    }

    /// Decodes the wanted frames of a film, which come in their order.
    fn decode(&mut self, file: &Path, wanted: Vec<(u64, Entry, bool)>) -> Result<(), TrainError> {
        let bad = |why: String| TrainError::Data { path: file.into(), why };
        let spec = SourceSpec::Path(file.into());
        let mut film =
            source::open(&spec, &OpenOptions::default()).map_err(|error| bad(error.to_string()))?;
        let mut number = 0;
        for (frame, entry, held_out) in wanted {
            loop {
                let shown = film.next_frame().map_err(|error| bad(error.to_string()))?;
                let shown = shown.ok_or_else(|| bad(format!("it has no frame {frame}")))?;
                number += 1;
                if number == frame + 1 {
                    let image = Arc::unwrap_or_clone(shown.image);
                    // Nobody else knows of it yet.
                    let _ = entry.kept.set(reduced(image, &entry.faces));
                    break;
                }
            }
            self.side(held_out).push(entry);
        }
        Ok(())
    }
}

fn collection_of(file: &Path) -> String {
    let mut parts = file.components().map(|part| part.as_os_str().to_string_lossy());
    let first = parts.next().unwrap_or_default().into_owned();
    match parts.next() {
        Some(second) if first == "faces_wild" => format!("{first}/{second}"),
        _ => first,
    }
}

/// Reduces a picture with its faces.
fn reduced(image: RgbImage, faces: &[CanvasFace]) -> Shown {
    let scale = (KEPT_PX as f32 / image.width().max(image.height()).max(1) as f32).min(1.0);
    if scale == 1.0 {
        return Shown { image: Arc::new(image), faces: faces.to_vec() };
    }
    let [width, height] = [image.width(), image.height()]
        .map(|length| ((length as f32 * scale).round() as u32).max(1));
    let by = [width as f32 / image.width() as f32, height as f32 / image.height() as f32];
    let small = imageops::thumbnail(&image, width, height);
    let to = |v: [f32; 2]| [v[0] * by[0], v[1] * by[1]];
    let faces = faces.iter().map(|face| CanvasFace {
        middle: to(face.middle),
        size: to(face.size),
        points: face.points.map(to),
        ..*face
    });
    Shown { faces: faces.collect(), image: Arc::new(small) }
}

/// Keeps decoded pictures up to a limit.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    bytes: std::sync::atomic::AtomicUsize,
}

impl Shelf {
    /// The picture of an entry with its faces, reduced.
    ///
    /// # Errors
    /// When it is missing or no picture.
    pub(super) fn shown(&self, entry: &Entry) -> Result<Shown, TrainError> {
        use std::sync::atomic::Ordering::Relaxed;
        if let Some(shown) = entry.kept.get() {
            return Ok(shown.clone());
        }
        let image = load_image(&entry.file).map_err(|error| TrainError::Data {
            path: entry.file.clone(),
            why: error.to_string(),
        })?;
        let shown = reduced(image, &entry.faces);
        let bytes = shown.image.as_raw().len();
        if self.bytes.fetch_add(bytes, Relaxed) + bytes < KEPT_BYTES {
            // Another thread may have been first; its picture is the same.
            let _ = entry.kept.set(shown.clone());
        }
        Ok(shown)
    }

    /// Pictures without a face, as entries.
    pub(super) fn empty(files: Vec<PathBuf>) -> Vec<Entry> {
        let entry = |file| Entry {
            file,
            collection: String::new(),
            faces: Vec::new(),
            kept: OnceLock::new(),
        };
        files.into_iter().map(entry).collect()
    }
}
