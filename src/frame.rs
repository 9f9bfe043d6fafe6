//! One picture of the driver and when it was taken: the plain struct that every
//! source makes and everything downstream reads.

use std::{sync::Arc, time::Duration};

use image::RgbImage;

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
