//! From readings to a judgement about the driver, in time only: no clock, no thread, no
//! picture, no input or output. [`Monitor::step`] is given one [`Observation`] a frame
//! and says what state the driver is in, how urgent that is and why.
//!
//! Inside, one way again: [`eyes`] decides whether the eyes are closed, by the person's
//! own [`baseline`]; [`signs`] makes blinks, PERCLOS, yawns and nods of it; [`awareness`]
//! sums those up over minutes; [`blinks`] describes how the driver blinks, for a network
//! that scores it; [`policy`] says what matters most now.

mod awareness;
mod baseline;
pub mod blinks;
mod eyes;
mod happened;
mod mouth;
mod policy;
mod rate;
mod road;
mod settings;
mod signs;
mod timers;

pub use happened::{Counts, Happening, Kind};
pub use policy::Monitor;
pub use settings::{Sensitivity, Settings, Threshold};
pub use signs::{Blink, Missing, Sign, Signs};

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::{
    face::{HeadPose, Unreadable},
    stats::{log_odds, probability},
};

/// What was seen in one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Media time of the frame.
    pub at: Duration,
    /// The driver's face, or `None` when there is none.
    pub face: Option<FaceSigns>,
}

/// What is read from one eye's own patch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EyeSigns {
    /// Probability that this eye is shut, 0..1.
    pub shut: f32,
    /// Probability that this eye can be seen at all, 0..1: no hand, dark lens, reflection or
    /// frame lies over it.
    pub seen: f32,
}

/// The signs read from one face.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaceSigns {
    /// Probability of drowsy from the classifier, 0..1.
    pub drowsy: f32,
    /// Probability that the eyes are closed from the classifier, 0..1.
    pub eyes_closed: f32,
    /// Probability of a yawn from the classifier, 0..1.
    pub yawn: f32,
    /// The eyes on the left and on the right of the picture, each from its own patch;
    /// `None` = the classifier does not read them one by one.
    pub eyes: Option<[EyeSigns; 2]>,
    /// Probability that the driver looks down from the classifier, 0..1; `None` = it does
    /// not read that.
    pub looking_down: Option<f32>,
    /// Eye aspect ratio, left and right of the picture.
    pub eye_aspect: [f32; 2],
    /// Mouth aspect ratio.
    pub mouth_aspect: f32,
    /// Where the head points; `None` = not measured.
    pub pose: Option<HeadPose>,
    /// Why the eyes cannot be read; `None` = they can.
    pub unreadable: Option<Unreadable>,
}

/// No probability is surer than this: one head that is, and wrong, would outweigh the rest.
const SURE: f32 = 1e-3;
/// Sum of how surely both eyes are seen up to which they are not asked.
const LEAST_SEEN: f32 = 0.1;

impl FaceSigns {
    /// Probability that the eyes are shut, by all heads of the classifier, 0..1: the mean of
    /// the log-odds of \[CLS\] and of the two eyes, each eye as far as it is seen. Of the two
    /// readings neither is better everywhere, and their mean is never far behind the better
    /// one (`make bench-drivers`).
    pub fn shut(&self) -> f32 {
        let (Some(eyes), Some(seen)) = (self.eyes, self.seen()) else { return self.eyes_closed };
        let each = eyes.iter().zip(seen);
        let heads = each.map(|(eye, share)| share * log_odds(eye.shut, SURE)).sum::<f32>();
        probability((log_odds(self.eyes_closed, SURE) + heads) / 2.0)
    }

    /// Mean eye aspect ratio of both eyes, each as far as it is seen: the landmarks of an eye
    /// behind hair or a hand are guessed.
    pub fn mean_aspect(&self) -> f32 {
        let [left, right] = self.seen().unwrap_or([0.5; 2]);
        left * self.eye_aspect[0] + right * self.eye_aspect[1]
    }

    /// How much of what is seen of the eyes is each one's, in sum 1; `None` = neither is, or
    /// they are not read one by one.
    fn seen(&self) -> Option<[f32; 2]> {
        let [left, right] = self.eyes?.map(|eye| eye.seen);
        let both = left + right;
        // Not a number counts as not seen.
        (both > LEAST_SEEN).then(|| [left / both, right / both])
    }
}

/// The state of the driver, or of our sight of them.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, VariantArray,
)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Too little has been seen yet.
    #[default]
    Starting,
    /// Nothing is wrong.
    Awake,
    /// Signs of drowsiness have begun to add up.
    Tiring,
    /// They have added up to what must be warned of.
    Drowsy,
    /// The eyes have been closed for longer than any blink: 1 to 3 s.
    Microsleep,
    /// The eyes have been closed for 3 s or more.
    Asleep,
    /// Nothing has opened the eyes for 6 s or more.
    Unresponsive,
    /// No face is seen.
    NoDriver,
    /// A face is seen, its eyes are not.
    EyesUnreadable,
    /// The driver looks away from the road: aside or down, in one long look or in many
    /// short ones. Named `eyes_off_road`, in recordings of before `looking_away`.
    #[serde(alias = "looking_away")]
    EyesOffRoad,
    /// The source has stopped delivering.
    CameraLost,
    /// Too few pictures are judged a second.
    Slow,
}

impl State {
    /// Every state.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Nobody is being watched: what was known of the driver says nothing of now.
    pub fn is_blind(self) -> bool {
        matches!(self, State::NoDriver | State::EyesUnreadable | State::CameraLost)
    }
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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
    /// What is left of the driver's awareness, 1 = all of it, 0 = none.
    pub awareness: f32,
    /// How much of the personal baseline has been learned, 0..1; frozen at 1.
    pub baseline: f32,
    /// Blinks since the start.
    pub blinks: u32,
    /// Yawns since the start.
    pub yawns: u32,
    /// Warnings have repeated: a rest is due.
    pub rest: bool,
    /// The signs of the last minutes, each with its certainty or why it is missing.
    pub signs: Signs,
}

impl Default for Judgement {
    fn default() -> Self {
        Self {
            at: 0.0,
            state: State::Starting,
            level: Level::None,
            why: String::new(),
            drowsy: None,
            eyes_closed_s: 0.0,
            awareness: 1.0,
            baseline: 0.0,
            blinks: 0,
            yawns: 0,
            rest: false,
            signs: Signs::default(),
        }
    }
}

impl Judgement {
    /// PERCLOS of the last minute, 0..1, if enough of it was seen.
    pub fn perclos(&self) -> Option<f32> {
        self.signs.perclos.value()
    }
}

#[cfg(test)]
mod scenario_tests;
#[cfg(test)]
mod simulation_tests;
