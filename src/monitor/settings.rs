//! Every threshold of the monitor, in one place, with its unit and where it comes from.

use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// What a threshold is, for who changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// To what it belongs.
    pub group: &'static str,
    /// Its name in [`Settings`] and in a settings file.
    pub name: &'static str,
    /// Its documentation: what it does, its unit, where its figure comes from.
    about: &'static str,
}

impl Threshold {
    /// What it does, its unit, where its figure comes from: sentences for people.
    pub fn about(&self) -> String {
        self.about.trim().replace("[`Settings::", "").replace("`]", "")
    }

    /// Its unit: "s", "°", "a second", or empty for shares and counts.
    pub fn unit(&self) -> &'static str {
        match self.name.rsplit('_').next() {
            Some("s") => "s",
            Some("deg") => "°",
            _ if self.about.contains("lost a second") => "a second",
            _ if self.about.contains("regained a second") => "a second",
            _ => "",
        }
    }
}

/// One table makes the struct, its defaults and [`Settings::THRESHOLDS`], so that what is
/// said of a threshold is said once.
macro_rules! thresholds {
    ($(#[$meta:meta])* $($group:literal {$(
        $(#[doc = $about:literal])+ $name:ident: $kind:ty = $value:expr;
    )+})+) => {
        $(#[$meta])*
        pub struct Settings {$($(
            $(#[doc = $about])+
            pub $name: $kind,
        )+)+}

        impl Default for Settings {
            fn default() -> Self {
                Self {$($($name: $value,)+)+}
            }
        }

        impl Settings {
            /// Every threshold, in the order of the struct.
            pub const THRESHOLDS: &[Threshold] = &[$($(Threshold {
                group: $group,
                name: stringify!($name),
                about: concat!($($about),+),
            },)+)+];
        }
    };
}

thresholds! {
    /// Thresholds of the [`Monitor`](super::Monitor). Every field has a default, so that a
    /// settings file names only what it changes; [`Settings::of`] gives the three sensitivities.
    #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]

    "Eyes closed, in one frame" {
        /// Probability of closed eyes that is believed even against the eye aspect ratio,
        /// 0..1. Our choice.
        closed_sure: f32 = 0.75;
        /// Probability of closed eyes that is believed when the eye aspect ratio agrees, 0..1
        /// (openpilot's gate 0.5).
        closed_likely: f32 = 0.5;
        /// Share of the person's own open eye aspect ratio below which the lids look closed,
        /// 0..1 (Soukupova and Cech 2016: 0.2, of a population's 0.3).
        closed_share: f32 = 0.67;
        /// Share of it above which they look open again, 0..1 (300-W points: open above 0.22,
        /// of a population's 0.3). Not more: who squints after a blink is not asleep.
        open_share: f32 = 0.75;
        /// Probability of closed eyes that keeps closed ones closed while the lids look shut,
        /// 0..1: in the dark single frames are misread. Our choice.
        held_likely: f32 = 0.25;
        /// Share of the open eye aspect ratio below which the lids look shut, 0..1: of shut
        /// lids on films the median is 0.25, of laughing eyes one in a hundred is below 0.38
        /// (`make bench-drivers`).
        held_share: f32 = 0.4;
    }

    "Baseline" {
        /// Eye aspect ratio of open eyes until the person's own is known (mean of HELEN's
        /// points).
        open_aspect: f32 = 0.3;
        /// Bounds of a person's own open eye aspect ratio, so that who starts sleepy does not
        /// become the norm (300-W points: below 0.22 is not open; our choice above).
        open_aspect_bounds: [f32; 2] = [0.22, 0.38];
        /// Valid alert driving from which the baseline is learned, seconds (the first minute,
        /// then frozen: a running one adapts the drowsiness away).
        baseline_s: f32 = 60.0;
    }

    "Closures" {
        /// Eyes closed for so long are a microsleep, seconds (1-2 s: Euro NCAP driver state
        /// monitoring).
        microsleep_s: f32 = 1.0;
        /// Eyes closed for so long must be woken, seconds (warn at about 1.5 s: same source).
        alarm_s: f32 = 1.5;
        /// The same in a yawn, seen or behind a hand, seconds: a yawn squeezes the eyes shut for
        /// a second or two; from 3 s it is sleep, whatever the mouth does (Euro NCAP).
        alarm_excused_s: f32 = 3.0;
        /// The same of lids that sank with a look, seconds without any sign of life: a glance
        /// back or a head that moves, sinking left out (Euro NCAP: no answer for 3 s).
        still_s: f32 = 3.0;
        /// Eyes closed for so long are asleep, seconds (Euro NCAP).
        asleep_s: f32 = 3.0;
        /// Eyes closed for so long are unresponsive, seconds (Euro NCAP).
        unresponsive_s: f32 = 6.0;
        /// Eyes that open for less than this do not end a closure, seconds: a few misread
        /// frames (openpilot's low-pass of 0.25 s); two blinks are further apart.
        reopen_s: f32 = 0.25;
        /// Eyes open for so long end the alarm, seconds: longer than the flutter of a sleeper.
        /// Our choice.
        awake_s: f32 = 1.0;
        /// An interrupted closure is forgotten after so long without a readable frame,
        /// seconds. Our choice.
        pause_max_s: f32 = 2.0;
    }

    "Signs" {
        /// A closure shorter than this is a blink and counts nothing for PERCLOS, seconds
        /// (blinks under 250 ms are excluded).
        blink_s: f32 = 0.25;
        /// A closure from this on is drowsy, seconds (field boundary: 500 ms).
        long_closure_s: f32 = 0.5;
        /// Readable time within the last minute before PERCLOS is told, seconds. Our choice.
        perclos_valid_s: f32 = 30.0;
        /// PERCLOS from which awareness begins to fall, 0..1 (field trial: 0.08 advisory).
        perclos_advisory: f32 = 0.08;
        /// PERCLOS at which it falls at its fastest, 0..1 (above 0.15 drowsy).
        perclos_drowsy: f32 = 0.15;
        /// Probability from which the driver counts as yawning, 0..1. Our choice.
        yawning: f32 = 0.5;
        /// Mouth aspect ratio from which the landmarks agree that the driver yawns. Our choice,
        /// by films: real yawns are above 0.3 most of the time, hands on the face below 0.2.
        yawn_mouth: f32 = 0.25;
        /// A yawn is read for so long before it counts, seconds (a yawn lasts 3.5-6 s, of which
        /// the mouth is wide open for the middle; a laugh or a vowel is shorter).
        yawn_s: f32 = 1.2;
        /// Mouth aspect ratio from which a mouth that was shut may be yawning behind a hand. Our
        /// choice, by films: sleepers are below 0.15.
        mouth_open: f32 = 0.2;
        /// Drop of the head that begins a nod, degrees (12-20).
        nod_deg: f32 = 12.0;
        /// The head is up again within so long, seconds. Our choice: longer is a look down.
        nod_max_s: f32 = 3.0;
    }

    "Blinks" {
        /// Blinks of alert driving that a person's later ones are measured by: the first
        /// minute's, and more where that had fewer. Our choice: a deviation needs so many.
        alert_blinks: u32 = 20;
        /// Blinks after those before they are scored (a window of the published protocol: 30).
        scored_blinks: u32 = 30;
        /// Score from which blinks look drowsy, 0..10 (UTA-RLDD's third class: 20/3).
        blinking_drowsy: f32 = 20.0 / 3.0;
        /// A score is told for so long after its blink, seconds. Our choice: who blinks less
        /// often is not seen.
        blinking_s: f32 = 60.0;
    }

    "Eyes off the road" {
        /// Turn to the side from the usual beyond which the driver looks away, degrees. Our
        /// choice: twice the pose's error beyond a wide mirror.
        away_yaw_deg: f32 = 25.0;
        /// Drop of the head below the usual beyond which they look down, degrees. Our choice.
        away_pitch_deg: f32 = 18.0;
        /// Drop of the head with which the lids sink to look down, degrees: less than a nod is
        /// within the pose's error. Our choice.
        glance_deg: f32 = 12.0;
        /// So long is looking away, and shown, seconds (a mirror check takes about 1 s).
        away_s: f32 = 2.0;
        /// So long is warned of, seconds (EU 2023/2590, 50 km/h and more).
        off_road_s: f32 = 3.5;
        /// Glances that add up to so much within half a minute are warned of, seconds (Euro
        /// NCAP 2026: repeated short glances, 10 s within 30 s).
        glances_s: f32 = 10.0;
        /// Eyes on the road for so long end that warning, seconds. Our choice.
        back_s: f32 = 1.0;
        /// Not longer than this ago must a look aside have begun to excuse sunken lids,
        /// seconds. Our choice.
        glance_s: f32 = 10.0;
        /// Movement of the head over its last second, to the side or up, that is a sign of
        /// life under sunken lids, degrees. Our choice, by films: sleepers stay below 4.
        life_deg: f32 = 5.0;
    }

    "Drowsy by the look of single frames" {
        /// Time constant of the smoothed probability of drowsy, seconds. Longer than any blink
        /// and most glances down; a yawn (3.5-6 s) is left out altogether. Our choice.
        drowsy_smoothing_s: f32 = 5.0;
        /// Smoothed probability from which the driver looks drowsy, 0..1 (openpilot's
        /// hysteresis 0.37 / 0.63).
        drowsy_enter: f32 = 0.63;
        /// Smoothed probability below which they look awake again, 0..1 (same source).
        drowsy_leave: f32 = 0.37;
        /// Readable face time before the smoothed probability is believed, seconds. Our choice.
        settle_s: f32 = 3.0;
    }

    "Awareness, 1 = all, 0 = none; the costs are our choice, see the scenarios" {
        /// Awareness lost a second while the driver looks drowsy.
        looks_cost: f32 = 1.0 / 6.0;
        /// Awareness lost a second at [`Settings::perclos_drowsy`].
        perclos_cost: f32 = 1.0 / 30.0;
        /// Awareness lost by a long closure, for each second of it.
        closure_cost: f32 = 0.25;
        /// The most that one closure costs: one alone does not make drowsy.
        closure_cost_max: f32 = 0.5;
        /// Awareness lost by a blink while the blinks look drowsy, times their certainty;
        /// supporting evidence, and more than is regained between two blinks of an average
        /// driver (one in four seconds).
        blinking_cost: f32 = 0.06;
        /// Awareness lost by a yawn; supporting evidence.
        yawn_cost: f32 = 0.12;
        /// Awareness lost by a nod; supporting evidence.
        nod_cost: f32 = 0.1;
        /// Supporting evidence alone takes awareness no lower than this: never a warning.
        support_floor: f32 = 0.6;
        /// Awareness regained a second while nothing is wrong (openpilot regains faster, but
        /// of distraction; sleepiness does not pass in seconds).
        recovery: f32 = 1.0 / 120.0;
        /// Awareness below which the driver is tiring, and above which no more.
        tiring: [f32; 2] = [0.7, 0.8];
        /// Awareness below which the driver is drowsy, and above which no more.
        drowsy: [f32; 2] = [0.4, 0.5];
    }

    "Rest" {
        /// So many warnings within [`Settings::rest_within_s`] suggest a rest. Our choice.
        rest_warnings: u32 = 3;
        /// See above, seconds; the suggestion stays for as long after the last warning.
        rest_within_s: f32 = 600.0;
    }

    "Sight" {
        /// No face for so long is no driver, seconds. Our choice.
        no_driver_s: f32 = 2.0;
        /// Eyes unreadable for so long are told, seconds (Euro NCAP: within 10 s; a mirror
        /// check takes about 1 s).
        unreadable_s: f32 = 4.0;
        /// The same while the head is turned away, seconds (same source: a driver who looks
        /// aside knows it).
        turned_s: f32 = 8.0;
        /// A head that hangs for so long while the eyes are hidden is warned of, seconds. Our
        /// choice.
        head_down_s: f32 = 4.0;
        /// Frames further apart than this leave a hole in which nothing is known, seconds:
        /// two frames missing at 10 Hz, the lowest rate at which blinks can be told.
        gap_s: f32 = 0.35;
        /// Frames a second below which they are too few, on the mean of five seconds (PERCLOS
        /// needs 10; blinks are half missed below). Exactly 10 is enough.
        least_hz: f32 = 10.0;
        /// Frames further apart than this are too few at once, seconds: 10 Hz and some jitter.
        slow_interval_s: f32 = 0.13;
        /// So long with too few frames is told, seconds: no blindness goes untold for three.
        slow_s: f32 = 2.5;
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
            blinking_cost: normal.blinking_cost * share,
            yawn_cost: normal.yawn_cost * share,
            nod_cost: normal.nod_cost * share,
            ..normal
        }
    }

    /// The values of a threshold by its name: one, or the two ends of a range.
    pub fn values(&self, name: &str) -> Option<Vec<f32>> {
        let number = |value: &Value| value.as_f64().map(|value| value as f32);
        match serde_json::to_value(self).ok()?.get(name)? {
            Value::Array(pair) => pair.iter().map(number).collect(),
            single => number(single).map(|value| vec![value]),
        }
    }

    /// The same settings with other values of a threshold; `None` where there is no such
    /// threshold, or it takes other values.
    #[must_use]
    pub fn with(&self, name: &str, values: &[f32]) -> Option<Self> {
        let mut all = serde_json::to_value(self).ok()?;
        let place = all.get_mut(name)?;
        let count = place.is_u64();
        let number = |value: &f32| match count {
            true => Value::from(value.max(0.0).round() as u32),
            false => Value::from(*value),
        };
        *place = match (place.is_array(), values) {
            (false, [value]) => number(value),
            (true, pair) => Value::Array(pair.iter().map(number).collect()),
            _ => return None,
        };
        serde_json::from_value(all).ok()
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
    fn every_threshold_can_be_read_and_changed_by_its_name() {
        let settings = Settings::default();
        let known = serde_json::to_value(settings).unwrap();
        assert_eq!(known.as_object().unwrap().len(), Settings::THRESHOLDS.len());
        for threshold in Settings::THRESHOLDS {
            let values = settings.values(threshold.name).unwrap();
            assert_eq!(settings.with(threshold.name, &values), Some(settings));
            let more: Vec<f32> = values.iter().map(|value| value + 1.0).collect();
            let changed = settings.with(threshold.name, &more).unwrap();
            assert_eq!(changed.values(threshold.name), Some(more), "{}", threshold.name);
            assert!(threshold.about().len() > 20, "{}", threshold.name);
        }
        assert_eq!(settings.with("alarm_s", &[]), None);
        assert_eq!(settings.with("nothing", &[1.0]), None);
        let alarm = Settings::THRESHOLDS.iter().find(|t| t.name == "alarm_s").unwrap();
        assert_eq!(alarm.unit(), "s");
        assert!(alarm.about().contains("seconds") && !alarm.about().contains('`'));
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
