//! Video files, by ffmpeg: frames with the time stamps of the file (variable rates
//! included), counted from the beginning of its container, turned upright by the file's
//! display matrix, as RGB. Decoding runs on a thread of its own, two frames ahead at most.

mod input;
mod reader;
mod turn;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use crossbeam_channel::{Receiver, bounded};
use image::RgbImage;

use super::{Note, OpenOptions, Source, SourceError, SourceInfo, formats::bytes::Kind};
use crate::{
    background::{NoThread, thread},
    frame::Frame,
};
use reader::{Notes, Reader};
pub(super) use turn::Painter;

/// Frames decoded ahead of the one asked for.
const AHEAD: usize = 2;
/// Largest video that is decoded, pixels a frame (8K).
const MAX_PIXELS: u64 = 7680 * 4320;

/// The sentence that says why a video cannot be read, and the way out.
fn unreadable(path: &Path, why: impl Into<String>, way: &'static str) -> SourceError {
    SourceError::Unreadable { path: path.into(), what: "a video", why: why.into(), way }
}

/// What a file is, asked of ffmpeg.
pub(super) fn kind(path: &Path) -> Kind {
    input::kind(path)
}

/// Reads a single picture of the kinds that the image library does not know: AVIF and JPEG
/// 2000.
///
/// # Errors
/// When it is broken; the sentence names it.
pub(super) fn picture(path: &Path) -> Result<RgbImage, SourceError> {
    let wrong = |error: SourceError| match error {
        SourceError::Unreadable { path, why, way, .. } => {
            SourceError::Unreadable { path, what: "a picture", why, way }
        }
        other => other,
    };
    let mut reader = Reader::open_picture(path).map_err(wrong)?;
    match reader.next_frame().map_err(wrong)? {
        Some(frame) => Ok(Arc::unwrap_or_clone(frame.image)),
        None => Err(wrong(unreadable(path, "it holds no picture", "fetch it again"))),
    }
}

/// A video file.
pub struct Video {
    path: PathBuf,
    options: OpenOptions,
    info: SourceInfo,
    notes: Notes,
    /// The other video streams, by their numbers.
    others: Vec<usize>,
    /// `None` once stopped, so that the decoder's next send fails and its thread ends.
    frames: Option<Receiver<Result<Frame, SourceError>>>,
    thread: Option<JoinHandle<()>>,
}

impl Video {
    /// Opens a file and starts decoding.
    ///
    /// # Errors
    /// When the file is empty, not a video, or holds no video stream.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        Self::open_with(path, Duration::ZERO, &OpenOptions::default())
    }

    /// The same from the last picture before `at` that the codec can begin at, with the
    /// video stream and the rate of `options`.
    ///
    /// # Errors
    /// As [`open`](Self::open), or when there is no such stream.
    pub fn open_with(
        path: &Path,
        at: Duration,
        options: &OpenOptions,
    ) -> Result<Self, SourceError> {
        let (opened, when_opened) = bounded(1);
        let (sender, frames) = bounded(AHEAD);
        let (file, chosen) = (path.to_path_buf(), *options);
        // ffmpeg's scaler may not change threads, so the reader is born on its own.
        let decode = move || {
            let mut reader = match Reader::open(&file, &chosen) {
                Ok(reader) => reader,
                Err(error) => return drop(opened.send(Err(error))),
            };
            let facts = (reader.info(), reader.notes(), reader.others());
            if opened.send(Ok(facts)).is_err() {
                return;
            }
            if let Err(error) = reader.seek(at) {
                return drop(sender.send(Err(error)));
            }
            while let Some(next) = reader.next_frame().transpose() {
                let failed = next.is_err();
                if sender.send(next).is_err() || failed {
                    return;
                }
            }
        };
        let failed = |why: String| unreadable(path, why, "close other programs and try again");
        let thread = thread("video", decode).map_err(|NoThread(why)| failed(why.to_string()))?;
        let (info, notes, others) =
            when_opened.recv().map_err(|_| unreadable(path, BROKEN, REPORT))??;
        let (path, options) = (path.to_path_buf(), *options);
        Ok(Self { path, options, info, notes, others, frames: Some(frames), thread: Some(thread) })
    }
}

/// Said when the decoder's thread ended by a panic.
const BROKEN: &str = "the decoder broke down";
/// What to do then.
const REPORT: &str = "convert it to MP4 first, and report this";

impl Source for Video {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        if let Some(Ok(next)) = self.frames.as_ref().map(Receiver::recv) {
            return next.map(Some);
        }
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(_)) => Err(unreadable(&self.path, BROKEN, REPORT)),
            _ => Ok(None),
        }
    }

    fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    fn notes(&self) -> Vec<Note> {
        self.notes.all()
    }

    fn others(&self) -> Vec<(usize, Box<dyn Source>)> {
        let opened = self.others.iter().filter_map(|number| {
            let options = OpenOptions { stream: Some(*number), ..self.options };
            match Self::open_with(&self.path, Duration::ZERO, &options) {
                Ok(video) => Some((*number, Box::new(video) as Box<dyn Source>)),
                Err(error) => {
                    tracing::warn!("{error}");
                    None
                }
            }
        });
        opened.collect()
    }
}

impl Drop for Video {
    fn drop(&mut self) {
        self.frames = None;
        if let Some(thread) = self.thread.take() {
            // A panic in there has nothing left to spoil.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod kinds_tests;
#[cfg(test)]
mod tests;
