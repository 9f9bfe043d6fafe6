//! A driver drawn by the program itself: every sign is known to the millisecond, and the
//! detector and the networks see the pictures exactly as they see a camera's. What there
//! is without a camera, and what the tests of the whole path are played on.
//!
//! ```text
//! scenario ──Cue──▶ play ──Act──▶ scene ──Canvas──▶ camera ──Frame──▶
//! or script         at a time     head, props,      blur, tone,
//!                   └──Truth      cabin, light      noise
//! ```

mod behaviour;
mod cabin;
mod camera;
mod driver;
mod features;
mod hats;
mod head;
mod held;
mod lens;
mod light;
mod math;
mod person;
mod play;
mod points;
mod portrait;
mod props;
mod raster;
mod scenario;
mod scene;
mod script;
#[cfg(test)]
mod script_tests;
mod shape;
mod skin;
#[cfg(test)]
mod tests;
mod truth;
mod view;

pub use behaviour::Doing;
pub use driver::{Beard, Glasses, Hat};
pub use light::{LightKind, Lighting};
pub use portrait::{Portrait, portraits};
pub use scenario::{TOUR, scenarios};
pub use script::{Person, Script, ScriptCue, ScriptSign};
pub use truth::{Pose, Truth, script_truths, truths, write_truth};

use std::{borrow::Cow, sync::Arc, time::Duration};

use self::{
    driver::{DRIVERS, Driver},
    play::Player,
    scenario::SCENARIOS,
    scene::Painter,
};
use super::{OpenOptions, Source, SourceError, SourceInfo};
use crate::frame::Frame;

/// Number of drivers that can be named after an `@`, from 0.
pub const DRIVERS_KNOWN: usize = DRIVERS.len();

/// A word or two on who a driver is; those after the last begin again with the first.
pub fn about_driver(driver: usize) -> &'static str {
    DRIVERS[driver % DRIVERS.len()].about
}

/// What is played: `NAME[@DRIVER][+SECONDS]`, or a script.
#[derive(Clone, Debug)]
struct Play {
    name: &'static str,
    player: Player,
    /// Among the known drivers.
    number: usize,
    driver: Driver,
    frames: u64,
    fps: f64,
}

impl Play {
    fn parse(text: &str, options: &OpenOptions) -> Result<Self, SourceError> {
        let unknown = || SourceError::Scenario { name: text.into(), known: scenarios().join(", ") };
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
        let player = Player { seconds: scenario.seconds, cues: Cow::Borrowed(scenario.cues), seed };
        Ok(Self {
            name: scenario.name,
            player,
            number: driver,
            driver: DRIVERS[driver],
            frames: (seconds * fps).round() as u64,
            fps,
        })
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
        Ok(Self::of(Play::parse(name, options)?, options))
    }

    /// Opens a script. Of the options, size, rate and seed matter.
    ///
    /// # Errors
    /// When a field of the script is out of its range.
    pub fn play(script: &Script, options: &OpenOptions) -> Result<Self, SourceError> {
        Ok(Self::of(script.play(options)?, options))
    }

    fn of(play: Play, options: &OpenOptions) -> Self {
        let (seed, size) = (play.player.seed, [options.width, options.height]);
        let painter = Painter::new(size, play.number, play.driver, seed);
        Self { play, painter, index: 0 }
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
            name: format!("demo: {}", self.play.name),
            live: false,
            fps: Some(self.play.fps as f32),
            frames: Some(self.play.frames),
        }
    }
}
