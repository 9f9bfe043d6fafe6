//! One picture of the driver and when it was taken: the plain struct that every
//! source makes and everything downstream reads.

mod turn;

use std::{sync::Arc, time::Duration};

use image::RgbImage;

pub use turn::{Mounting, NoTurn, Turn};

/// A picture from a [`Source`](crate::source::Source).
#[derive(Clone, Debug)]
pub struct Frame {
    /// The pixels, RGB, 8 bits a channel, upright (a video's rotation is already applied).
    pub image: Arc<RgbImage>,
    /// Media time: since the first frame of the source, not since the program's start.
    pub at: Duration,
    /// Counts frames of this source from 0; a gap means that frames were dropped.
    pub index: u64,
}

/// No camera's black is darker than this, of 255: limited range and some noise.
const BLACK: u8 = 24;
/// About so many pixels are looked at.
const LOOKS: usize = 1024;

/// Whether a picture shows nothing at all: a covered lens, or a cabin without any light.
pub fn is_black(image: &RgbImage) -> bool {
    let step = (image.as_raw().len() / (3 * LOOKS)).max(1);
    let (mut dark, mut seen) = (0, 0);
    for pixel in image.pixels().step_by(step) {
        dark += usize::from(pixel.0.iter().all(|value| *value < BLACK));
        seen += 1;
    }
    // A lamp on the dashboard or a hot pixel is no light to see by.
    seen > 0 && dark * 100 >= seen * 99
}

/// Pictures that are kept; more than the threads and the window hold at a time.
const KEPT: usize = 8;

/// Pictures that are used again: the judge and the window hold one for a frame or two,
/// then nobody does, and the next is drawn into it instead of into new memory.
#[derive(Debug, Default)]
pub(crate) struct PicturePool {
    pictures: Vec<Arc<RgbImage>>,
}

impl PicturePool {
    /// A picture of this width and height that `draw` has filled; what `draw` leaves out
    /// is left from before. It is one that nobody holds any more, or else a new one.
    pub(crate) fn fill(
        &mut self,
        [width, height]: [u32; 2],
        draw: impl FnOnce(&mut RgbImage),
    ) -> Arc<RgbImage> {
        // Other sizes have no use any more: a source keeps its own.
        self.pictures.retain(|picture| picture.dimensions() == (width, height));
        for picture in &mut self.pictures {
            if let Some(image) = Arc::get_mut(picture) {
                draw(image);
                return picture.clone();
            }
        }
        let mut image = RgbImage::new(width, height);
        draw(&mut image);
        let picture = Arc::new(image);
        if self.pictures.len() < KEPT {
            self.pictures.push(picture.clone());
        }
        picture
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_black_picture_is_one_in_which_nothing_can_be_seen() {
        let mut image = RgbImage::from_pixel(64, 48, image::Rgb([16, 18, 17]));
        image.put_pixel(5, 5, image::Rgb([255; 3]));
        assert!(is_black(&image), "noise and a hot pixel are no light");
        for x in 0..64 {
            image.put_pixel(x, 7, image::Rgb([60; 3]));
        }
        assert!(!is_black(&image));
        assert!(!is_black(&RgbImage::new(0, 0)));
    }

    #[test]
    fn a_picture_that_is_held_is_never_drawn_over() {
        let mut pool = PicturePool::default();
        let held: Vec<_> =
            (0..KEPT as u8 + 4).map(|grey| pool.fill([8, 6], |image| image.fill(grey))).collect();
        for (grey, picture) in held.iter().enumerate() {
            assert!(picture.iter().all(|&value| usize::from(value) == grey), "picture {grey}");
        }
        let first = Arc::as_ptr(&held[0]);
        drop(held);
        assert_eq!(Arc::as_ptr(&pool.fill([8, 6], |_| {})), first, "it is used again");
        assert_eq!(pool.fill([9, 9], |_| {}).dimensions(), (9, 9));
        assert_eq!(pool.pictures.len(), 1, "what is of no use is given up");
    }
}
