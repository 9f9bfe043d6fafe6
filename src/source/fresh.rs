//! A camera that gives the same picture again and again sees nothing any more, and open
//! eyes in that picture would stay open for ever. No sensor gives the same noise twice, so
//! pictures that are equal to the last bit are not handed on, and a camera that gives no
//! other is told.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use image::RgbImage;

use super::{Note, Source, SourceError, SourceInfo};
use crate::frame::{Frame, is_black};

/// So long the same picture is a frozen camera. In weak light drivers repeat a picture to
/// keep their rate, a few times at most.
pub(crate) const FROZEN: Duration = Duration::from_millis(1500);

/// A live source whose pictures are all new.
pub(crate) struct Fresh {
    source: Box<dyn Source>,
    last: Option<Arc<RgbImage>>,
    /// When a picture came that differed from the one before.
    changed: Instant,
}

impl Fresh {
    /// Watches over a live source.
    pub(crate) fn new(source: Box<dyn Source>) -> Self {
        Self { source, last: None, changed: Instant::now() }
    }
}

impl Source for Fresh {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        loop {
            let Some(frame) = self.source.next_frame()? else { return Ok(None) };
            let same = self.last.as_ref() == Some(&frame.image);
            // A covered lens is told as such: cameras may make all of it the same black.
            if !same || is_black(&frame.image) {
                (self.last, self.changed) = (Some(frame.image.clone()), Instant::now());
                return Ok(Some(frame));
            }
            if self.changed.elapsed() >= FROZEN {
                return Err(SourceError::Frozen(self.changed.elapsed()));
            }
        }
    }

    fn info(&self) -> SourceInfo {
        self.source.info()
    }

    fn notes(&self) -> Vec<Note> {
        self.source.notes()
    }
}
