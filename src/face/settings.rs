//! When a face is believed, doubted and given up, and how often the detector is asked.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The side of the picture on which the driver sits, as the window shows it: a camera's
/// picture is shown as a mirror.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Seat {
    /// Either.
    #[default]
    Any,
    /// The left half.
    Left,
    /// The right half.
    Right,
}

/// Settings of the [`FaceTracker`](super::FaceTracker).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrackSettings {
    /// Confidence from which a detection is believed to be a face, 0..1.
    pub acquire: f32,
    /// Confidence below which a followed face is doubted, 0..1; less than
    /// [`acquire`](Self::acquire), so that a face at the edge does not flicker.
    pub keep: f32,
    /// How long a doubted face is looked for in its last place before it is given up.
    pub grace_s: f32,
    /// Time between two checks of a followed face by the detector. At 30 frames a second
    /// 5 s are 0.7% of the frames.
    pub check_every_s: f32,
    /// Shortest time between two searches while there is no face.
    pub search_every_s: f32,
    /// Longest time between two searches, reached when the seat has long been empty.
    pub search_seldom_s: f32,
    /// Where the driver sits.
    pub seat: Seat,
}

impl Default for TrackSettings {
    fn default() -> Self {
        Self {
            acquire: 0.6,
            keep: 0.4,
            grace_s: 0.5,
            check_every_s: 5.0,
            search_every_s: 0.1,
            search_seldom_s: 0.5,
            seat: Seat::Any,
        }
    }
}

impl TrackSettings {
    /// Time until the next search when the face has been gone for `lost`.
    pub(super) fn pause(&self, lost: Duration) -> Duration {
        let least = self.search_every_s.max(0.0);
        let pause = (lost.as_secs_f32() / 5.0).clamp(least, self.search_seldom_s.max(least));
        Duration::from_secs_f32(pause)
    }
}
