//! What the window draws and what it may ask for: plain structs that cross the threads.

use std::{sync::Arc, time::Instant};

use image::RgbImage;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::{
    alarm::SoundState,
    face::{Face, Unreadable},
    frame::Frame,
    infer::{Reading, Tried},
    monitor::{Counts, Judgement, Level, Settings},
    source::{SourceInfo, SourceSpec},
    vit::PatchGrid,
};

/// The latest snapshot, shared by the judge and the window.
pub(super) type Shared = Arc<Mutex<Arc<Snapshot>>>;

/// The latest of everything, published after every judged frame and on every change;
/// get it with [`Live::snapshot`](super::Live::snapshot).
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The frame that was judged last; `None` before the first.
    pub frame: Option<Frame>,
    /// The driver's face in that frame.
    pub face: Option<Face>,
    /// Why the eyes of that face cannot be read, if so.
    pub unreadable: Option<Unreadable>,
    /// Other faces in the picture, when the detector looked last.
    pub others: u32,
    /// The aligned crop that the classifier saw.
    pub crop: Option<Arc<RgbImage>>,
    /// The Q mask over the patches, `[patches]`, true = may be attended to.
    pub keep: Vec<bool>,
    /// How the crop is cut into patches.
    pub grid: Option<PatchGrid>,
    /// What the classifier read.
    pub reading: Option<Reading>,
    /// What the monitor makes of it.
    pub judgement: Judgement,
    /// Counts and times since the source was opened.
    pub stats: Stats,
    /// Where the models run, for example "CPU".
    pub provider: String,
    /// How other providers did, or are doing, in place of the CPU.
    pub tried: Arc<[Tried]>,
    /// Name of the classifier.
    pub model: String,
    /// What is being watched.
    pub source: SourceInfo,
    /// True when the source has come to its end.
    pub ended: bool,
    /// Whether an alarm could be heard.
    pub sound: SoundState,
    /// The level whose sound is playing now.
    pub sounding: Level,
    /// Until when the alarm is muted, if it is.
    pub muted_until: Option<Instant>,
    /// The alarm's volume, 0..1.
    pub volume: f32,
    /// What is wrong, one sentence; `None` when all is well.
    pub problem: Option<String>,
    /// Why the source cannot be opened, if it has not shown anything yet.
    pub no_source: Option<String>,
}

/// Counts and times since the source was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stats {
    /// Judged frames a second, over the last two seconds.
    pub fps: f32,
    /// From capture to judgement, milliseconds, smoothed.
    pub latency_ms: f32,
    /// Frames judged.
    pub frames: u64,
    /// Of these, frames with a face.
    pub frames_with_face: u64,
    /// Frames that were replaced by newer ones before they could be judged.
    pub dropped: u64,
    /// Calls of the face detector.
    pub detector_calls: u64,
    /// How often the level rose to warning or above.
    pub alarms: u64,
}

/// What a session saw, at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Frames judged.
    pub frames: u64,
    /// Of these, frames with a face.
    pub frames_with_face: u64,
    /// Calls of the face detector.
    pub detector_calls: u64,
    /// How often the level rose to warning or above.
    pub alarms: u64,
    /// Media time from the first judged frame to the last, seconds.
    pub seconds: f64,
    /// How often what happened.
    #[serde(default)]
    pub happened: Counts,
}

/// What the window may ask for; see [`Live::send`](super::Live::send).
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Silence the alarm for a minute, or until something more urgent comes.
    Mute,
    /// End the mute.
    Unmute,
    /// The driver says that they are awake: ends a latched alarm.
    Acknowledge,
    /// Learn the driver's baseline anew.
    Relearn,
    /// Set the alarm's volume, 0..1.
    Volume(f32),
    /// Play the sound of a level once.
    TestTone(Level),
    /// Judge by other thresholds from now on; what was learned of the driver stays.
    Thresholds(Box<Settings>),
    /// Load the models again: another one has been promoted.
    Reload,
    /// Watch something else.
    Switch(SourceSpec),
    /// End the session; [`Live::stop`](super::Live::stop) also waits for it.
    Stop,
}
