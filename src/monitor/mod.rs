//! From readings to a judgement about the driver, in time only: no clock, no thread, no
//! picture, no input or output. [`Monitor::step`] is given one [`Observation`] a frame
//! and says what state the driver is in, how urgent that is and why.

mod policy;
mod settings;
mod timers;

pub use policy::Monitor;
pub use settings::Settings;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::face::Unreadable;

/// What was seen in one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Media time of the frame.
    pub at: Duration,
    /// The driver's face, or `None` when there is none.
    pub face: Option<FaceSigns>,
}

/// The signs read from one face.
#[derive(Clone, Debug, PartialEq)]
pub struct FaceSigns {
    /// Probability of drowsy from the classifier, 0..1.
    pub drowsy: f32,
    /// Probability that the eyes are closed from the classifier, 0..1.
    pub eyes_closed: f32,
    /// Probability of a yawn from the classifier, 0..1.
    pub yawn: f32,
    /// Eye aspect ratio, left and right of the picture.
    pub eye_aspect: [f32; 2],
    /// Mouth aspect ratio.
    pub mouth_aspect: f32,
    /// Why the eyes cannot be read; `None` = they can.
    pub unreadable: Option<Unreadable>,
}

/// The state of the driver, or of our sight of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Too little has been seen yet.
    #[default]
    Starting,
    /// Nothing is wrong.
    Awake,
    /// The smoothed probability of drowsy is high.
    Drowsy,
    /// The eyes have been closed for longer than a blink can last.
    Asleep,
    /// No face is seen.
    NoDriver,
    /// A face is seen, its eyes are not.
    EyesUnreadable,
    /// The source has stopped delivering.
    CameraLost,
}

/// How urgent a judgement is; ordered.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Say nothing.
    #[default]
    None,
    /// Tell quietly.
    Advisory,
    /// Warn.
    Warning,
    /// Wake.
    Critical,
}

/// What the monitor makes of the driver now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Media time of the observation, in seconds.
    pub at: f64,
    /// The state.
    pub state: State,
    /// How urgent it is.
    pub level: Level,
    /// The cause, one short sentence for people.
    pub why: String,
    /// Smoothed probability of drowsy, 0..1; `None` while it cannot be told.
    pub drowsy: Option<f32>,
    /// How long the eyes have been closed, in seconds; 0 while open or unreadable.
    pub eyes_closed_s: f32,
}
