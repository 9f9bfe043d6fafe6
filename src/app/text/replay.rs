//! Words of the replay screen.

use std::path::Path;

use crate::replay::review::{Judging, Speed};

/// Heading while nothing is replayed.
pub const NOTHING: &str = "Replay a recording";
/// What can be replayed.
pub const NOTHING_SAYS: &str = "A video, a folder of pictures or an event log (.jsonl). \
    Drop it on the window, or open it here; it is judged while you watch.";
/// The button that opens a recording.
pub const OPEN: &str = "Open a recording";
/// The button for a folder.
pub const DEMO: &str = "Replay the demo driver";
/// Names the choice of the demo's scenario.
pub const CHOOSE_DEMO: &str = "Scenario of the demo driver";
/// Endings of what can be opened.
pub const ENDINGS: &[&str] = &crate::source::formats::SHOWN;
/// Goes on.
pub const PLAY: &str = "Play";
/// Stops.
pub const PAUSE: &str = "Pause";
/// One frame back.
pub const BACK: &str = "Frame back";
/// One frame on.
pub const ON: &str = "Frame on";
/// To the alarm before.
pub const LAST_ALARM: &str = "Alarm before";
/// To the next alarm.
pub const NEXT_ALARM: &str = "Next alarm";
/// Names the choice of speed.
pub const SPEED: &str = "Speed";
/// Names the bar.
pub const TIME: &str = "Time";
/// The lane of judgements.
pub const JUDGED: &str = "Judged";
/// The lane of what is known.
pub const TRUTH: &str = "Known";
/// Nothing is known.
pub const NO_TRUTH: &str = "What really happens is not known.";
/// Heading of what is judged now.
pub const HERE: &str = "Judged here";
/// Nothing has been judged at this time.
pub const NOT_YET: &str = "This moment is being judged.";
/// An event log has no pictures.
pub const NO_PICTURES: &str = "An event log holds judgements, no pictures.";
/// No alarm.
pub const NO_ALARM: &str = "No alarm so far";
/// Exports frames.
pub const EXPORT_FRAMES: &str = "Export frames";
/// Exports a picture.
pub const EXPORT_PICTURE: &str = "Export timeline";
/// The proposed name of the frames' file.
pub const FRAMES_FILE: &str = "frames.csv";
/// The proposed name of the picture's file.
pub const PICTURE_FILE: &str = "timeline.png";

/// A speed.
pub fn speed(speed: Speed) -> String {
    match speed {
        Speed::Times(times) => format!("{times} ×"),
        Speed::Fast => "Fastest".into(),
    }
}

/// Where in the recording one is.
pub fn time(at: f64, of: f64) -> String {
    format!("{at:.2} s of {of:.1} s")
}

/// How far the judging has come.
pub fn judging(judging: &Judging, seconds: f64) -> String {
    match judging.done {
        true => format!("{} frames judged", judging.frames),
        false if seconds > 0.0 => {
            let share = (judging.until / seconds).clamp(0.0, 1.0) as f32;
            format!("{} judged", super::percent(share))
        }
        false => "Judging begins".into(),
    }
}

/// Alarms so far.
pub fn alarms(count: usize) -> String {
    match count {
        0 => NO_ALARM.into(),
        1 => "1 alarm".into(),
        _ => format!("{count} alarms"),
    }
}

/// What is known to happen.
pub fn known(state: &str) -> String {
    let words = state.replace('_', " ");
    let mut letters = words.chars();
    letters
        .next()
        .map_or(String::new(), |first| format!("{}{}", first.to_uppercase(), letters.as_str()))
}

/// What is known to happen at this time.
pub fn truth_here(state: Option<&str>) -> String {
    match state {
        Some(state) => format!("Known: {}", known(state)),
        None => "Known: awake".into(),
    }
}

/// Something was written.
pub fn written(path: &Path) -> String {
    format!("Written to {}.", path.display())
}
