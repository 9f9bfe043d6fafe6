//! A driver drawn by the program itself.

#![allow(dead_code, missing_docs)]
mod cabin;
mod camera;
mod driver;
mod features;
mod head;
mod math;
mod points;
mod portrait;
mod props;
mod raster;
mod scene;
mod shape;
mod skin;
mod truth;
mod view;

use std::{sync::Arc, time::Duration};

pub use portrait::{Portrait, portraits};
pub use truth::{Doing, Pose, Truth};
use super::{OpenOptions, Source, SourceError, SourceInfo};
use crate::frame::Frame;

/// The scenario that shows everything, played when none is named.
pub const TOUR: &str = "tour";

/// The names of the scenarios.
pub fn scenarios() -> &'static [&'static str] {
    &[TOUR, "no-driver"]
}

pub fn probe(driver: usize, p: &[f32]) -> (image::RgbImage, [[f32; 2]; 68]) {
    let g = |i: usize, d: f32| p.get(i).copied().unwrap_or(d);
    let mut act = scene::Act::default();
    act.turn = [g(0, 0.0), g(1, 0.0), g(2, 0.0)];
    act.face.eyes = [g(3, 1.0); 2];
    act.face.mouth = g(4, 0.0);
    act.face.mouth_wide = g(5, 1.0);
    act.distance = g(6, 5.6);
    act.weather = match g(7, 0.0) as i32 { 1 => scene::Weather::Night, 2 => scene::Weather::Glare, _ => scene::Weather::Day };
    act.cover.sunglasses = g(8, 0.0) == 1.0;
    act.cover.mask = g(8, 0.0) == 2.0;
    act.cover.hand = if g(8, 0.0) == 3.0 { 1.0 } else { 0.0 };
    act.face.brows = g(9, 0.0);
    act.face.gaze = [g(10, 0.0), g(11, 0.0)];
    let mut painter = scene::Painter::new(640, 480, driver, 0);
    let t = std::time::Instant::now();
    let image = painter.paint(&act, 0);
    let a = t.elapsed();
    let t = std::time::Instant::now();
    for i in 1..6 { painter.paint(&act, i); }
    if std::env::var("TIMES").is_ok() {
        eprintln!("first {a:?}, then {:?}", t.elapsed() / 5);
    }
    (image, painter.landmarks(&act))
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
use image::RgbImage;
