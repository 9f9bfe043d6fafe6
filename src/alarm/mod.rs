//! The sound that wakes: three clearly different alarms, synthesised ([`sound`]), the rules
//! of volume, mute and test tone ([`control`]), and the thread that owns the sound device
//! ([`thread`], with rodio behind it in `player`). A missing device is a visible state
//! and is tried again; a mute ends by itself and is broken by anything more urgent.
//!
//! Without the feature `audio` all of this exists but the device: the state says so.

mod control;
#[cfg(feature = "audio")]
mod player;
pub mod sound;
mod thread;

pub use control::{Control, MUTE};
#[cfg(feature = "audio")]
pub use player::RodioSpeaker;
pub use thread::{Alarm, Playing, Speaker, default_speaker};

use std::time::Instant;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::monitor::Level;

/// Whether an alarm could be heard now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SoundState {
    /// The device is being opened.
    #[default]
    Opening,
    /// The device plays.
    Ready,
    /// There is no device, or it has gone; it is tried again every few seconds.
    NoSound(String),
    /// The program was started without sound.
    Off,
    /// This build has no sound (feature `audio`).
    NotBuilt,
}

impl std::fmt::Display for SoundState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SoundState::Opening => f.write_str("opening the sound device"),
            SoundState::Ready => f.write_str("sound ready"),
            SoundState::NoSound(why) => write!(f, "no sound: {why}"),
            SoundState::Off => f.write_str("sound is off"),
            SoundState::NotBuilt => f.write_str("this build has no sound"),
        }
    }
}

/// What the alarm is doing, for the window.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmStatus {
    /// Whether it could be heard.
    pub sound: SoundState,
    /// The level whose sound is playing, test tone included; `None` = silence.
    pub sounding: Level,
    /// Until when it is muted, if it is.
    pub muted_until: Option<Instant>,
    /// Volume, 0..1.
    pub volume: f32,
}

impl Default for AlarmStatus {
    fn default() -> Self {
        Self { sound: SoundState::Opening, sounding: Level::None, muted_until: None, volume: 1.0 }
    }
}

/// An order to the alarm's thread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AlarmCommand {
    /// Sound this level until told otherwise; [`Level::None`] is silence.
    Level(Level),
    /// The same for eyes off the road, whose warning has its own sound.
    OffRoad(Level),
    /// Be silent for [`MUTE`], or until something more urgent comes.
    Mute,
    /// End the mute now.
    Unmute,
    /// Set the volume, 0..1; other values are clamped.
    Volume(f32),
    /// Play the sound of this level once, even when muted.
    TestTone(Level),
}

/// A sound device that cannot be used.
#[derive(Debug, Error)]
pub enum AlarmError {
    /// The device cannot be opened.
    #[error(
        "the sound device cannot be opened ({0}); plug one in or choose one in the system's settings"
    )]
    Open(String),
    /// The thread cannot be started.
    #[error("the alarm's thread cannot be started ({0}); close other programs and start again")]
    Thread(#[source] std::io::Error),
}
