//! What is true of a drawn frame, known because it was drawn so.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// Where the head points, degrees: to the right of the picture, nodding down, clockwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Pose {
    /// Positive: turned to the right of the picture.
    pub yaw: f32,
    /// Positive: nodding down.
    pub pitch: f32,
    /// Positive: tilted clockwise on the screen.
    pub roll: f32,
}

/// What the driver does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// Drives, blinks, glances.
    Awake,
    /// Blinks slowly under heavy lids.
    Drowsy,
    /// Has the eyes closed for less than three seconds, longer than a blink.
    Microsleep,
    /// Has the eyes closed for longer.
    Asleep,
    /// Yawns.
    Yawning,
    /// Talks.
    Talking,
    /// Looks away from the road.
    LookingAway,
    /// Is not there.
    Absent,
}

/// The truth of one frame.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Truth {
    /// Media time; seconds in JSON.
    #[serde(serialize_with = "seconds")]
    pub at: Duration,
    /// 1 wide open, 0 shut: the mean of both eyes. True also under sunglasses.
    pub eye_openness: f32,
    /// 0 shut, 1 as far as a yawn goes.
    pub mouth_open: f32,
    /// Where the head points.
    pub pose: Pose,
    /// A driver's face is in the picture.
    pub visible: bool,
    /// Its eyes are, too: no dark glasses before them.
    pub eyes_visible: bool,
    /// What the driver does.
    pub state: Doing,
    /// The 68 points of the 300-W scheme, `[68][x, y]` in pixels; none when not visible.
    pub points: Vec<[f32; 2]>,
}

fn seconds<S: Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(at.as_secs_f64())
}
