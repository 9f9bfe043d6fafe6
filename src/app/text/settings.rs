//! Words of the settings.

use std::{io, path::Path};

use crate::monitor::{Sensitivity, Threshold};

/// Heading of how readily is warned.
pub(crate) const SENSITIVITY: &str = "Sensitivity";
/// What it does.
pub(crate) const SENSITIVITY_SAYS: &str =
    "How early you are warned. Normal has the figures of the field; your own thresholds stay.";
/// Heading of what is seen.
pub(crate) const LOOK: &str = "Look";
/// The theme.
pub(crate) const THEME: &str = "Theme";
/// The size of text.
pub(crate) const TEXT_SIZE: &str = "Text size";
/// Heading of what is heard.
pub(crate) const SOUND: &str = "Sound";
/// The alarm's volume.
pub(crate) const VOLUME: &str = "Volume of the alarm";
/// Below the volume.
pub(crate) const VOLUME_SAYS: &str =
    "An alarm cannot be turned off here. Mute it for a minute with M. Try how each sounds:";
/// Plays it once.
pub(crate) const TONE_ADVISORY: &str = "Play the hint";
/// Plays it once.
pub(crate) const TONE_WARNING: &str = "Play the warning";
/// Plays it once.
pub(crate) const TONE_CRITICAL: &str = "Play the alarm";
/// While nothing is watched, nothing can be played.
pub(crate) const NO_TONE: &str = "Sounds can be played while something is watched.";
/// Heading of the set-up.
pub(crate) const SETUP: &str = "Set-up";
/// Shows it again.
pub(crate) const SETUP_AGAIN: &str = "Set up camera, seat and alarm again";
/// Heading of what is kept.
pub(crate) const PRIVACY: &str = "Privacy";
/// What the program does with pictures.
pub(crate) const PRIVACY_SAYS: &str =
    "Nothing leaves this computer. Pictures are looked at and forgotten; none is ever written.";
/// Whether a log is written.
pub(crate) const KEEP_EVENTS: &str = "Keep a log of warnings: times, states and numbers";
/// Heading of the thresholds.
pub(crate) const THRESHOLDS: &str = "Thresholds";
/// How to use them.
pub(crate) const THRESHOLDS_SAYS: &str =
    "Point at a name to read what it does and where its figure comes from. Changes count at once.";
/// Names the field that filters thresholds.
pub(crate) const FILTER: &str = "Find a threshold";
/// No threshold has such a name.
pub(crate) const NOTHING_FOUND: &str = "No threshold has such a name.";
/// The thresholds of a file are used.
pub(crate) const FROM_FILE: &str =
    "Watching uses the thresholds of the file given with --settings; these are for the next start.";
/// Takes back one threshold.
pub(crate) const RESET: &str = "Reset";
/// Takes back all thresholds.
pub(crate) const RESET_THRESHOLDS: &str = "Reset all thresholds";
/// Takes back everything.
pub(crate) const RESET_ALL: &str = "Reset all settings";
/// Asks again before everything is taken back.
pub(crate) const RESET_SURE: &str = "Really reset everything";
/// Settings are not kept.
pub(crate) const NOWHERE: &str = "Settings are not kept: the system names no folder for them.";

/// Names a sensitivity.
pub(crate) fn sensitivity(sensitivity: Sensitivity) -> &'static str {
    match sensitivity {
        Sensitivity::Low => "Low",
        Sensitivity::Normal => "Normal",
        Sensitivity::High => "High",
    }
}

/// What a sensitivity is for.
pub(crate) fn sensitivity_says(sensitivity: Sensitivity) -> &'static str {
    match sensitivity {
        Sensitivity::Low => "Fewer warnings: for who is often warned while awake.",
        Sensitivity::Normal => "The figures of the field.",
        Sensitivity::High => "Earlier warnings: for long drives at night.",
    }
}

/// The name of a threshold for people: `alarm_excused_s` is "alarm excused".
pub(crate) fn threshold(threshold: &Threshold) -> String {
    let name = threshold.name;
    let name = name.strip_suffix("_s").or_else(|| name.strip_suffix("_deg")).unwrap_or(name);
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters
        .next()
        .map_or(String::new(), |first| format!("{}{}", first.to_uppercase(), letters.as_str()))
}

/// The two ends of a range.
pub(crate) fn end_of(name: &str, end: usize) -> String {
    match end {
        0 => format!("{name}, lower end"),
        _ => format!("{name}, upper end"),
    }
}

/// Names the button that takes back one threshold.
pub(crate) fn reset_of(name: &str) -> String {
    format!("{RESET} {name}")
}

/// How many thresholds are overridden: differ from those of the sensitivity.
pub(crate) fn changed(count: usize) -> String {
    match count {
        0 => "No threshold overridden.".into(),
        1 => "1 threshold overridden.".into(),
        _ => format!("{count} thresholds overridden."),
    }
}

/// Where the settings are kept.
pub(crate) fn kept_in(folder: &Path) -> String {
    format!("Kept in {}.", folder.display())
}

/// Where the log is kept.
pub(crate) fn log_in(file: &Path) -> String {
    format!("It is written to {}.", file.display())
}

/// A size of text.
pub(crate) fn scale(scale: f32) -> String {
    format!("{:.0} %", scale * 100.0)
}

/// A file of a newer program.
pub(crate) fn newer(version: u32) -> String {
    format!("it is of a newer program, version {version}")
}

/// A threshold that is none.
pub(crate) fn no_threshold(name: &str) -> String {
    format!("{name} is no threshold or has no such value")
}

/// A broken file was kept under another name.
pub(crate) fn set_aside(path: &Path, kept: &Path, why: &str) -> String {
    let name = kept.file_name().unwrap_or_default().to_string_lossy();
    format!(
        "The settings in {} could not be used ({why}). They were set aside as {name}, and the usual ones count.",
        path.display()
    )
}

/// A broken file could not be kept under another name.
pub(crate) fn not_set_aside(path: &Path, why: &str, error: &io::Error) -> String {
    format!(
        "The settings in {} could not be used ({why}) nor set aside ({error}). The usual ones count; check the file's rights.",
        path.display()
    )
}

/// The settings cannot be written.
pub(crate) fn not_kept(folder: &Path, error: &io::Error) -> String {
    format!(
        "The settings cannot be kept in {} ({error}). They count until you quit; check the folder's rights.",
        folder.display()
    )
}
