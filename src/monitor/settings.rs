//! Every threshold of the monitor, in one place, with its unit and where it comes from.

use serde::{Deserialize, Serialize};

/// Thresholds of the [`Monitor`](super::Monitor). Every field has a default, so that a
/// settings file names only what it changes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Time constant of the smoothed probability of drowsy, seconds. Longer than any blink
    /// and most glances down; a yawn (3.5-6 s) is left out altogether. Our choice.
    pub drowsy_smoothing_s: f32,
    /// Smoothed probability from which the driver counts as drowsy, 0..1
    /// (openpilot's hysteresis 0.37 / 0.63).
    pub drowsy_enter: f32,
    /// Smoothed probability below which they count as awake again, 0..1 (same source).
    pub drowsy_leave: f32,
    /// Readable face time before the smoothed probability is believed, seconds. Our choice.
    pub settle_s: f32,

    /// Probability of closed eyes that is believed even against the eye aspect ratio,
    /// 0..1. Our choice.
    pub closed_sure: f32,
    /// Probability of closed eyes that is believed when the eye aspect ratio agrees, 0..1
    /// (openpilot's gate 0.5).
    pub closed_likely: f32,
    /// Once closed, the eyes count as closed until the probability falls below this, 0..1
    /// (openpilot's hysteresis).
    pub closed_leave: f32,
    /// Eye aspect ratio below which the lids look closed (Soukupova and Cech 2016: 0.2;
    /// 300-W points: closed below 0.15, open above 0.22).
    pub closed_aspect: f32,
    /// Eyes closed for so long are asleep, seconds (microsleep lasts 1-2 s, warn at 1.5 s:
    /// Euro NCAP driver state monitoring).
    pub asleep_s: f32,
    /// The same while yawning, seconds: a yawn squeezes the eyes shut for a second or two
    /// and never warns alone; from 3 s it is sleep, whatever the mouth does (Euro NCAP).
    pub asleep_yawning_s: f32,
    /// Probability from which the driver counts as yawning, 0..1. Our choice.
    pub yawning: f32,
    /// Eyes that open for less than this do not end a closure, seconds: one misread frame
    /// at 10 Hz. Our choice; two blinks are further apart.
    pub reopen_s: f32,
    /// Eyes open for so long end the alarm, seconds: longer than the flutter of a sleeper.
    /// Our choice.
    pub awake_s: f32,
    /// An interrupted closure is forgotten after so long without a readable frame,
    /// seconds. Our choice.
    pub pause_max_s: f32,

    /// No face for so long is no driver, seconds. Our choice.
    pub no_driver_s: f32,
    /// Eyes unreadable for so long are told, seconds (Euro NCAP: within 10 s; a mirror
    /// check takes about 1 s).
    pub unreadable_s: f32,
    /// Frames further apart than this leave a hole in which nothing is known, seconds:
    /// two frames missing at 10 Hz, the lowest rate at which blinks can be told.
    pub gap_s: f32,
    /// Frames further apart than this are too few, seconds: 10 Hz and some jitter
    /// (PERCLOS needs 10 frames a second; blinks are half missed below).
    pub slow_interval_s: f32,
    /// So long with too few frames is told, seconds. Our choice.
    pub slow_s: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            drowsy_smoothing_s: 5.0,
            drowsy_enter: 0.63,
            drowsy_leave: 0.37,
            settle_s: 3.0,
            closed_sure: 0.75,
            closed_likely: 0.5,
            closed_leave: 0.37,
            closed_aspect: 0.2,
            asleep_s: 1.5,
            asleep_yawning_s: 3.0,
            yawning: 0.5,
            reopen_s: 0.15,
            awake_s: 1.0,
            pause_max_s: 2.0,
            no_driver_s: 2.0,
            unreadable_s: 4.0,
            gap_s: 0.35,
            slow_interval_s: 0.13,
            slow_s: 4.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settings_file_names_only_what_it_changes() {
        let settings: Settings = toml::from_str("asleep_s = 2.0").unwrap();
        assert_eq!(settings, Settings { asleep_s: 2.0, ..Settings::default() });
        assert!(toml::from_str::<Settings>("asleep_sec = 2.0").is_err(), "a typo is told");
    }
}
