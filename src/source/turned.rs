//! Brings the pictures of any source upright as the [`Mounting`] says, after the
//! recording's own rotation.

use super::{Note, Source, SourceError, SourceInfo};
use crate::frame::{Frame, Mounting, PicturePool};

/// A source whose pictures are turned.
pub(super) struct Turned {
    source: Box<dyn Source>,
    mounting: Mounting,
    pictures: PicturePool,
}

impl Turned {
    /// The source itself where nothing is to be turned.
    pub(super) fn upright(source: Box<dyn Source>, mounting: Mounting) -> Box<dyn Source> {
        match mounting.is_plain() {
            true => source,
            false => Box::new(Self { source, mounting, pictures: PicturePool::default() }),
        }
    }
}

impl Source for Turned {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        let Some(frame) = self.source.next_frame()? else { return Ok(None) };
        let size = self.mounting.size([frame.image.width(), frame.image.height()]);
        let image = self.pictures.fill(size, |turned| self.mounting.draw(&frame.image, turned));
        Ok(Some(Frame { image, ..frame }))
    }

    fn info(&self) -> SourceInfo {
        self.source.info()
    }

    fn notes(&self) -> Vec<Note> {
        self.source.notes()
    }

    fn others(&self) -> Vec<(usize, Box<dyn Source>)> {
        let others = self.source.others().into_iter();
        others.map(|(number, other)| (number, Self::upright(other, self.mounting))).collect()
    }
}
