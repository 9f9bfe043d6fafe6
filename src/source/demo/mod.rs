//! A driver drawn by the program itself: every sign is known to the millisecond, and the
//! detector and the networks see the pictures exactly as they see a camera's. What there
//! is without a camera, and what the tests of the whole path are played on.
//!
//! ```text
//! scenario ──Cue──▶ play ──Act──▶ scene ──Canvas──▶ camera ──Frame──▶
//! tables            at a time     head, props,      blur, tone,
//!                   └──Truth      cabin, light      noise
//! ```

mod cabin;
mod camera;
mod driver;
mod features;
mod head;
mod math;
mod play;
mod points;
mod portrait;
mod props;
mod raster;
mod scenario;
mod scene;
mod shape;
mod skin;
mod truth;
mod view;

pub use portrait::{Portrait, portraits};
pub use scenario::{TOUR, scenarios};
pub use truth::{Doing, Pose, Truth, truths, write_truth};

use std::{sync::Arc, time::Duration};

use self::{driver::DRIVERS, play::Player, scenario::SCENARIOS, scene::Painter};
use super::{OpenOptions, Source, SourceError, SourceInfo};
use crate::frame::Frame;

/// Number of drivers that can be named after an `@`, from 0.
pub const DRIVERS_KNOWN: usize = DRIVERS.len();

/// What is played: `NAME[@DRIVER][+SECONDS]`.
#[derive(Clone, Copy, Debug)]
struct Play {
    player: Player,
    driver: usize,
    frames: u64,
    fps: f64,
}

impl Play {
    fn parse(text: &str, options: &OpenOptions) -> Result<Self, SourceError> {
        let unknown = || SourceError::Scenario {
            name: text.into(),
            known: scenarios().join(", "),
        };
        let (text, seconds) = match text.split_once('+') {
            Some((text, seconds)) => (text, Some(seconds.parse::<u32>().map_err(|_| unknown())?)),
            None => (text, None),
        };
        let (name, driver) = match text.split_once('@') {
            Some((name, driver)) => {
                let driver = driver.parse().ok().filter(|&driver: &usize| driver < DRIVERS.len());
                (name, driver.ok_or_else(|| SourceError::Driver { last: DRIVERS.len() - 1 })?)
            }
            None => (text, (options.seed % DRIVERS.len() as u64) as usize),
        };
        let scenario = SCENARIOS.iter().find(|known| known.name == name).ok_or_else(unknown)?;
        let fps = f64::from(options.fps);
        let seconds = seconds.map_or(f64::from(scenario.seconds), f64::from);
        let seed = math::hash(options.seed ^ (driver as u64) << 32);
        let player = Player { scenario, seed };
        Ok(Self { player, driver, frames: (seconds * fps).round() as u64, fps })
    }

    /// Media time of a frame.
    fn time(&self, index: u64) -> Duration {
        Duration::from_secs_f64(index as f64 / self.fps)
    }
}

/// The drawn driver.
pub struct Demo {
    play: Play,
    painter: Painter,
    index: u64,
}

impl Demo {
    /// Opens a scenario: `NAME`, `NAME@DRIVER`, and either with `+SECONDS` to be played
    /// over and over for so long. Without a driver the seed chooses one.
    ///
    /// # Errors
    /// When there is no such scenario or driver.
    pub fn open(name: &str, options: &OpenOptions) -> Result<Self, SourceError> {
        let play = Play::parse(name, options)?;
        let seed = play.player.seed;
        let painter = Painter::new(options.width, options.height, play.driver, seed);
        Ok(Self { play, painter, index: 0 })
    }

    /// Leaves out the frames before this one; the next is number `index`.
    pub fn skip_to(&mut self, index: u64) {
        self.index = index;
    }
}

impl Source for Demo {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        let index = self.index;
        if index >= self.play.frames {
            return Ok(None);
        }
        self.index += 1;
        let at = self.play.time(index);
        let (act, _) = self.play.player.at(at.as_secs_f64());
        let image = Arc::new(self.painter.paint(&act, index));
        Ok(Some(Frame { image, at, index }))
    }

    fn info(&self) -> SourceInfo {
        SourceInfo {
            name: format!("demo: {}", self.play.player.scenario.name),
            live: false,
            fps: Some(self.play.fps as f32),
            frames: Some(self.play.frames),
        }
    }
}

#[doc(hidden)]
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
    (painter.paint(&act, 0), painter.landmarks(&act))
}
