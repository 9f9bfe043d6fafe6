//! One picture, or one video frame by frame: found, measured, stored and noted.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use image::{RgbImage, codecs::jpeg::JpegEncoder, imageops};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::{
    Input, PrepareOptions, eyes,
    journal::{End, Found, Journal, Outcome, THUMB, Thumb},
    report::{NO_FACE, TURNED, UNREADABLE},
    with_margin,
};
use crate::{
    dataset::{
        DatasetError,
        videos::{Picker, is_video},
    },
    face::FaceTracker,
    frame::Turn,
    source::{self, OpenOptions, SourceSpec, images::load_image},
};

/// Quality at which all crops are stored: the same for every collection, so that a
/// network cannot tell them by their compression.
const JPEG_QUALITY: u8 = 95;

/// What all workers share.
pub(super) struct Shared<'a> {
    pub(super) options: &'a PrepareOptions,
    pub(super) stop: &'a AtomicBool,
    pub(super) progress: &'a (dyn Fn(u64, u64) + Sync),
    pub(super) journal: Mutex<Journal>,
    /// Pictures and frames done.
    pub(super) done: AtomicU64,
    /// Pictures and frames there are, as far as known.
    pub(super) all: AtomicU64,
}

impl Shared<'_> {
    fn note(&self, outcome: Outcome) -> Result<(), DatasetError> {
        self.journal.lock().note(outcome)?;
        let done = 1 + self.done.fetch_add(1, Ordering::Relaxed);
        // An estimate may have been short.
        let all = self.all.fetch_max(done, Ordering::Relaxed).max(done);
        (self.progress)(done, all);
        Ok(())
    }
}

/// Whether nothing is left to do for an input.
pub(super) fn is_done(journal: &Journal, input: &Input<'_>) -> bool {
    match is_video(&input.item.file) {
        true => journal.ends.contains_key(&input.key),
        false => journal.outcomes.contains_key(&input.key),
    }
}

/// How many outcomes an input will have, as far as its header tells.
pub(super) fn expected(input: &Input<'_>, rate: f64) -> u64 {
    if !is_video(&input.item.file) {
        return 1;
    }
    let opened = source::open(&SourceSpec::Path(input.item.file.clone()), &OpenOptions::default());
    let info = opened.map(|source| source.info()).unwrap_or_default();
    match (info.frames, info.fps) {
        (Some(frames), Some(fps)) if fps > 0.0 => {
            let picked = (frames as f64 / f64::from(fps) * rate).ceil() as u64;
            picked.clamp(1, frames.max(1))
        }
        _ => 1,
    }
}

/// Prepares a picture or a video.
pub(super) fn work(
    shared: &Shared<'_>,
    input: &Input<'_>,
    tracker: &mut FaceTracker,
) -> Result<(), DatasetError> {
    if is_video(&input.item.file) {
        return video(shared, input, tracker);
    }
    let outcome = match load_image(&input.item.file) {
        Ok(image) => {
            let image = shared.options.mounting.apply(image);
            look(shared, input, None, &image, tracker)?
        }
        Err(error) => {
            tracing::warn!("{error}");
            Outcome {
                file: input.key.clone(),
                why: Some(UNREADABLE.into()),
                detail: Some(error.to_string()),
                ..Outcome::default()
            }
        }
    };
    shared.note(outcome)
}

/// Frames of a video at the chosen rate, from where an earlier run stopped.
fn video(
    shared: &Shared<'_>,
    input: &Input<'_>,
    tracker: &mut FaceTracker,
) -> Result<(), DatasetError> {
    let before = {
        let journal = shared.journal.lock();
        journal.outcomes.get(&input.key).and_then(|done| done.last()?.time_s)
    };
    let spec = SourceSpec::Path(input.item.file.clone());
    let mut picker = Picker::new(shared.options.rate);
    let (mut seconds, mut step) = (0.0, 0.0);
    let mounting = shared.options.mounting;
    let broke = match source::open(&spec, &OpenOptions { mounting, ..OpenOptions::default() }) {
        Err(error) => Some(error.to_string()),
        Ok(mut source) => {
            step = source.info().fps.filter(|fps| *fps > 0.0).map_or(0.0, |fps| 1.0 / fps);
            loop {
                if shared.stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let frame = match source.next_frame() {
                    Ok(Some(frame)) => frame,
                    Ok(None) => break None,
                    // What came before is as good as that of a whole file.
                    Err(error) => break Some(error.to_string()),
                };
                seconds = frame.at.as_millis() as f64 / 1000.0;
                if picker.picks(frame.at) && before.is_none_or(|before| seconds > before) {
                    shared.note(look(shared, input, Some(seconds), &frame.image, tracker)?)?;
                }
            }
        }
    };
    if let Some(why) = &broke {
        tracing::warn!("{why}");
    }
    let end = End { file: input.key.clone(), seconds: seconds + f64::from(step), broke };
    shared.journal.lock().end(end)
}

/// Finds, measures and stores the face of a picture, or stores the eye that it is.
fn look(
    shared: &Shared<'_>,
    input: &Input<'_>,
    time_s: Option<f64>,
    image: &RgbImage,
    tracker: &mut FaceTracker,
) -> Result<Outcome, DatasetError> {
    let outcome = Outcome { file: input.key.clone(), time_s, ..Outcome::default() };
    let (name, crop_px) = (crop_name(&input.key, time_s), shared.options.crop_px);
    if input.item.eyes_only {
        let crop = eyes::lay(image, crop_px);
        store(&crop, &shared.options.out.join(&name))?;
        // Nothing was measured; the eyes are all there is to see.
        let (seen, thumb) = ([1.0, 1.0, 0.0], thumb(&crop));
        let found = Found { crop: name, seen, thumb, ..Found::default() };
        return Ok(Outcome { found: Some(found), ..outcome });
    }
    let Some(face) = tracker.find(image)? else {
        return Ok(Outcome { why: Some(NO_FACE.into()), ..outcome });
    };
    // A network must not learn from faces that are upside down.
    let turn = face.landmarks.turn();
    if turn != Turn::None {
        let rotate = shared.options.mounting.corrected(turn).rotate.degrees();
        let detail = Some(format!("it is upright with --rotate {rotate}"));
        return Ok(Outcome { why: Some(TURNED.into()), detail, ..outcome });
    }
    let crop = with_margin(image, &face, crop_px);
    store(&crop, &shared.options.out.join(&name))?;
    let [left, right] = face.landmarks.eye_aspect();
    let seen = face.visibility;
    let found = Found {
        crop: name,
        eye_aspect: (left + right) / 2.0,
        mouth_aspect: face.landmarks.mouth_aspect(),
        quality: face.confidence,
        seen: [seen.left_eye, seen.right_eye, seen.mouth],
        thumb: thumb(&crop),
    };
    Ok(Outcome { found: Some(found), ..outcome })
}

/// The inner part of a crop in small.
fn thumb(crop: &RgbImage) -> Thumb {
    let side = (crop.width() as f32 / crate::dataset::crops::MARGIN) as u32;
    let edge = (crop.width() - side) / 2;
    let inner = imageops::crop_imm(crop, edge, edge, side, side).to_image();
    let small = imageops::thumbnail(&inner, THUMB as u32, THUMB as u32);
    Thumb::new(image::DynamicImage::ImageRgb8(small).into_luma8().as_raw())
}

fn store(crop: &RgbImage, path: &Path) -> Result<(), DatasetError> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .encode_image(crop)
        .map_err(|error| DatasetError::Crop { path: path.into(), why: error.to_string() })?;
    std::fs::write(path, bytes).map_err(DatasetError::io(path, "written"))
}

/// The file of a crop: short, and the same at every run.
fn crop_name(key: &str, time_s: Option<f64>) -> String {
    let short = hex::encode(&Sha256::digest(key)[..8]);
    match time_s {
        None => format!("crops/{short}.jpg"),
        Some(time_s) => format!("crops/{short}_{:08}.jpg", (time_s * 1000.0).round() as u64),
    }
}
