//! A driver drawn by the program itself.

use std::{sync::Arc, time::Duration};

use image::RgbImage;

use super::{OpenOptions, Source, SourceError, SourceInfo};
use crate::frame::Frame;

/// The scenario that shows everything, played when none is named.
pub const TOUR: &str = "tour";

/// The names of the scenarios.
pub fn scenarios() -> &'static [&'static str] {
    &[TOUR, "no-driver"]
}

/// The drawn driver.
pub struct Demo {
    options: OpenOptions,
    index: u64,
}

impl Demo {
    /// Opens a scenario, `NAME` or `NAME@DRIVER`.
    ///
    /// # Errors
    /// When there is no such scenario.
    pub fn open(_name: &str, options: &OpenOptions) -> Result<Self, SourceError> {
        Ok(Self { options: *options, index: 0 })
    }
}

impl Source for Demo {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        let index = self.index;
        if index == 300 {
            return Ok(None);
        }
        self.index += 1;
        let image = Arc::new(RgbImage::from_pixel(
            self.options.width,
            self.options.height,
            image::Rgb([90; 3]),
        ));
        let at = Duration::from_secs_f64(index as f64 / f64::from(self.options.fps));
        Ok(Some(Frame { image, at, index }))
    }

    fn info(&self) -> SourceInfo {
        SourceInfo {
            name: "demo".into(),
            live: false,
            fps: Some(self.options.fps),
            frames: Some(300),
        }
    }
}
