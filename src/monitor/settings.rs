//! Every threshold of the monitor, in one place, with its unit and where it comes from.

use serde::{Deserialize, Serialize};

/// How readily the monitor warns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// Fewer warnings: for who is often warned while awake.
    Low,
    /// The figures of the field.
    #[default]
    Normal,
    /// Earlier warnings: for long drives at night.
    High,
}

/// Thresholds of the [`Monitor`](super::Monitor). Every field has a default, so that a
/// settings file names only what it changes; [`Settings::of`] gives the three sensitivities.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    // -- Eyes closed, in one frame --
    /// Probability of closed eyes that is believed even against the eye aspect ratio,
    /// 0..1. Our choice.
    pub closed_sure: f32,
    /// Probability of closed eyes that is believed when the eye aspect ratio agrees, 0..1
    /// (openpilot's gate 0.5).
    pub closed_likely: f32,
    /// Share of the person's own open eye aspect ratio below which the lids look closed,
    /// 0..1 (Soukupova and Cech 2016: 0.2, of a population's 0.3).
    pub closed_share: f32,
    /// Share of it above which they look open again, 0..1 (300-W points: open above 0.22,
    /// of a population's 0.3). Not more: who squints after a blink is not asleep.
    pub open_share: f32,

    // -- Baseline --
    /// Eye aspect ratio of open eyes until the person's own is known (mean of HELEN's
    /// points).
    pub open_aspect: f32,
    /// Bounds of a person's own open eye aspect ratio, so that who starts sleepy does not
    /// become the norm (300-W points: below 0.22 is not open; our choice above).
    pub open_aspect_bounds: [f32; 2],
    /// Valid alert driving from which the baseline is learned, seconds (the first minute,
    /// then frozen: a running one adapts the drowsiness away).
    pub baseline_s: f32,

    // -- Closures --
    /// Eyes closed for so long are a microsleep, seconds (1-2 s: Euro NCAP driver state
    /// monitoring).
    pub microsleep_s: f32,
    /// Eyes closed for so long must be woken, seconds (warn at about 1.5 s: same source).
    pub alarm_s: f32,
    /// The same after a yawn or a glance aside began, seconds: a yawn squeezes the eyes
    /// shut for a second or two, lids sink with a look down; from 3 s it is sleep,
    /// whatever else is done (Euro NCAP).
    pub alarm_excused_s: f32,
    /// Eyes closed for so long are asleep, seconds (Euro NCAP).
    pub asleep_s: f32,
    /// Eyes closed for so long are unresponsive, seconds (Euro NCAP).
    pub unresponsive_s: f32,
    /// Eyes that open for less than this do not end a closure, seconds: a few misread
    /// frames (openpilot's low-pass of 0.25 s); two blinks are further apart.
    pub reopen_s: f32,
    /// Eyes open for so long end the alarm, seconds: longer than the flutter of a sleeper.
    /// Our choice.
    pub awake_s: f32,
    /// An interrupted closure is forgotten after so long without a readable frame,
    /// seconds. Our choice.
    pub pause_max_s: f32,

    // -- Signs --
    /// A closure shorter than this is a blink and counts nothing for PERCLOS, seconds
    /// (blinks under 250 ms are excluded).
    pub blink_s: f32,
    /// A closure from this on is drowsy, seconds (field boundary: 500 ms).
    pub long_closure_s: f32,
    /// Readable time within the last minute before PERCLOS is told, seconds. Our choice.
    pub perclos_valid_s: f32,
    /// PERCLOS from which awareness begins to fall, 0..1 (field trial: 0.08 advisory).
    pub perclos_advisory: f32,
    /// PERCLOS at which it falls at its fastest, 0..1 (above 0.15 drowsy).
    pub perclos_drowsy: f32,
    /// Probability from which the driver counts as yawning, 0..1. Our choice.
    pub yawning: f32,
    /// A wide open mouth for so long is a yawn, seconds (a yawn lasts 3.5-6 s, of which
    /// the mouth is wide open for the middle; a laugh or a vowel is shorter).
    pub yawn_s: f32,
    /// Drop of the head that begins a nod, degrees (12-20).
    pub nod_deg: f32,
    /// The head is up again within so long, seconds. Our choice: longer is a look down.
    pub nod_max_s: f32,

    // -- Looking away --
    /// Turn to the side from the usual beyond which the driver looks away, degrees. Our
    /// choice: twice the pose's error beyond a wide mirror.
    pub away_yaw_deg: f32,
    /// Drop of the head below the usual beyond which they do, degrees. Our choice.
    pub away_pitch_deg: f32,
    /// Drop of the head with which the lids sink to look down, degrees: less than a nod is
    /// within the pose's error. Our choice.
    pub glance_deg: f32,
    /// So long is looking away, seconds (a mirror check takes about 1 s).
    pub away_s: f32,
    /// Not longer than this ago must a look aside have begun to excuse sunken lids,
    /// seconds. Our choice.
    pub glance_s: f32,

    // -- Drowsy by the look of single frames --
    /// Time constant of the smoothed probability of drowsy, seconds. Longer than any blink
    /// and most glances down; a yawn (3.5-6 s) is left out altogether. Our choice.
    pub drowsy_smoothing_s: f32,
    /// Smoothed probability from which the driver looks drowsy, 0..1 (openpilot's
    /// hysteresis 0.37 / 0.63).
    pub drowsy_enter: f32,
    /// Smoothed probability below which they look awake again, 0..1 (same source).
    pub drowsy_leave: f32,
    /// Readable face time before the smoothed probability is believed, seconds. Our choice.
    pub settle_s: f32,

    // -- Awareness, 1 = all, 0 = none; the costs are our choice, see the scenarios --
    /// Awareness lost a second while the driver looks drowsy.
    pub looks_cost: f32,
    /// Awareness lost a second at [`Settings::perclos_drowsy`].
    pub perclos_cost: f32,
    /// Awareness lost by a long closure, for each second of it.
    pub closure_cost: f32,
    /// The most that one closure costs: one alone does not make drowsy.
    pub closure_cost_max: f32,
    /// Awareness lost by a yawn; supporting evidence.
    pub yawn_cost: f32,
    /// Awareness lost by a nod; supporting evidence.
    pub nod_cost: f32,
    /// Supporting evidence alone takes awareness no lower than this: never a warning.
    pub support_floor: f32,
    /// Awareness regained a second while nothing is wrong (openpilot regains faster, but
    /// of distraction; sleepiness does not pass in seconds).
    pub recovery: f32,
    /// Awareness below which the driver is tiring, and above which no more.
    pub tiring: [f32; 2],
    /// Awareness below which the driver is drowsy, and above which no more.
    pub drowsy: [f32; 2],

    // -- Rest --
    /// So many warnings within [`Settings::rest_within_s`] suggest a rest. Our choice.
    pub rest_warnings: u32,
    /// See above, seconds; the suggestion stays for as long after the last warning.
    pub rest_within_s: f32,

    // -- Sight --
    /// No face for so long is no driver, seconds. Our choice.
    pub no_driver_s: f32,
    /// Eyes unreadable for so long are told, seconds (Euro NCAP: within 10 s; a mirror
    /// check takes about 1 s).
    pub unreadable_s: f32,
    /// The same while the head is turned away, seconds (same source: a driver who looks
    /// aside knows it).
    pub turned_s: f32,
    /// A head that hangs for so long while the eyes are hidden is warned of, seconds. Our
    /// choice.
    pub head_down_s: f32,
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
            closed_sure: 0.75,
            closed_likely: 0.5,
            closed_share: 0.67,
            open_share: 0.75,
            open_aspect: 0.3,
            open_aspect_bounds: [0.22, 0.38],
            baseline_s: 60.0,
            microsleep_s: 1.0,
            alarm_s: 1.5,
            alarm_excused_s: 3.0,
            asleep_s: 3.0,
            unresponsive_s: 6.0,
            reopen_s: 0.25,
            awake_s: 1.0,
            pause_max_s: 2.0,
            blink_s: 0.25,
            long_closure_s: 0.5,
            perclos_valid_s: 30.0,
            perclos_advisory: 0.08,
            perclos_drowsy: 0.15,
            yawning: 0.5,
            yawn_s: 2.0,
            nod_deg: 12.0,
            nod_max_s: 3.0,
            away_yaw_deg: 25.0,
            away_pitch_deg: 18.0,
            glance_deg: 12.0,
            away_s: 2.0,
            glance_s: 10.0,
            drowsy_smoothing_s: 5.0,
            drowsy_enter: 0.63,
            drowsy_leave: 0.37,
            settle_s: 3.0,
            looks_cost: 1.0 / 6.0,
            perclos_cost: 1.0 / 30.0,
            closure_cost: 0.25,
            closure_cost_max: 0.5,
            yawn_cost: 0.12,
            nod_cost: 0.1,
            support_floor: 0.6,
            recovery: 1.0 / 120.0,
            tiring: [0.7, 0.8],
            drowsy: [0.4, 0.5],
            rest_warnings: 3,
            rest_within_s: 600.0,
            no_driver_s: 2.0,
            unreadable_s: 4.0,
            turned_s: 8.0,
            head_down_s: 4.0,
            gap_s: 0.35,
            slow_interval_s: 0.13,
            slow_s: 4.0,
        }
    }
}

impl Settings {
    /// The settings of a sensitivity. Sight and what is told about it are the same in all:
    /// only how long eyes may be closed and how fast awareness is lost differ.
    pub fn of(sensitivity: Sensitivity) -> Self {
        let normal = Self::default();
        // Euro NCAP's microsleep spans 1-2 s; the sensitive end leaves a glance down its
        // second, the calm end is where sight of the road has been lost for 2 s.
        let (alarm_s, share) = match sensitivity {
            Sensitivity::Low => (2.0, 0.6),
            Sensitivity::Normal => return normal,
            Sensitivity::High => (1.2, 1.6),
        };
        Self {
            alarm_s,
            looks_cost: normal.looks_cost * share,
            perclos_cost: normal.perclos_cost * share,
            closure_cost: normal.closure_cost * share,
            yawn_cost: normal.yawn_cost * share,
            nod_cost: normal.nod_cost * share,
            ..normal
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settings_file_names_only_what_it_changes() {
        let settings: Settings = toml::from_str("alarm_s = 2.0").unwrap();
        assert_eq!(settings, Settings { alarm_s: 2.0, ..Settings::default() });
        assert!(toml::from_str::<Settings>("alarm_sec = 2.0").is_err(), "a typo is told");
    }

    #[test]
    fn a_higher_sensitivity_is_stricter_in_all_that_it_changes() {
        let all = [Sensitivity::Low, Sensitivity::Normal, Sensitivity::High].map(Settings::of);
        assert_eq!(all[1], Settings::default());
        for pair in all.windows(2) {
            assert!(pair[1].alarm_s < pair[0].alarm_s);
            assert!(pair[1].closure_cost > pair[0].closure_cost);
            assert!(pair[1].perclos_cost > pair[0].perclos_cost);
            assert_eq!(pair[1].unreadable_s, pair[0].unreadable_s);
        }
    }
}
