//! Video files, by ffmpeg: frames with the time stamps of the file (variable rates
//! included), turned upright by the file's display matrix, as RGB. Decoding runs on a
//! thread of its own, two frames ahead at most.

mod reader;

use std::{
    path::{Path, PathBuf},
    thread::JoinHandle,
    time::Duration,
};

use crossbeam_channel::{Receiver, bounded};

use super::{Source, SourceError, SourceInfo};
use crate::frame::Frame;
use reader::Reader;

/// Frames decoded ahead of the one asked for.
const AHEAD: usize = 2;

/// A video file.
pub struct Video {
    path: PathBuf,
    info: SourceInfo,
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
        Self::open_at(path, Duration::ZERO)
    }

    /// The same from the last picture before `at` that the codec can begin at.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_at(path: &Path, at: Duration) -> Result<Self, SourceError> {
        let (opened, when_opened) = bounded(1);
        let (sender, frames) = bounded(AHEAD);
        let file = path.to_path_buf();
        // ffmpeg's scaler may not change threads, so the reader is born on its own.
        let decode = move || {
            let mut reader = match Reader::open(&file) {
                Ok(reader) => reader,
                Err(error) => return drop(opened.send(Err(error))),
            };
            if opened.send(Ok(reader.info())).is_err() {
                return;
            }
            reader.seek(at);
            while let Some(next) = reader.next_frame().transpose() {
                let failed = next.is_err();
                if sender.send(next).is_err() || failed {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("video".into())
            .spawn(decode)
            .map_err(|error| reader::unreadable(path, error.to_string()))?;
        let info = when_opened.recv().map_err(|_| reader::unreadable(path, BROKEN))??;
        Ok(Self { path: path.into(), info, frames: Some(frames), thread: Some(thread) })
    }
}

/// Said when the decoder's thread ended by a panic.
const BROKEN: &str = "the decoder broke down";

impl Source for Video {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        if let Some(Ok(next)) = self.frames.as_ref().map(Receiver::recv) {
            return next.map(Some);
        }
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(_)) => Err(reader::unreadable(&self.path, BROKEN)),
            _ => Ok(None),
        }
    }

    fn info(&self) -> SourceInfo {
        self.info.clone()
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
mod tests;
