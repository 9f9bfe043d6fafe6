//! Words of the replay screen.

use std::path::Path;

use crate::replay::review::{Judging, Speed};

/// Heading while nothing is replayed.
pub(crate) const NOTHING: &str = "Replay a recording";
/// What can be replayed.
pub(crate) const NOTHING_SAYS: &str = "A video, a folder of pictures or an event log (.jsonl). \
    Drop it on the window, or open it here; it is judged while you watch.";
/// The button that opens a recording.
pub(crate) const OPEN: &str = "Open a recording";
/// The button for a folder.
pub(crate) const DEMO: &str = "Replay the demo driver";
/// Names the choice of the demo's scenario.
pub(crate) const CHOOSE_DEMO: &str = "Scenario of the demo driver";
/// Endings of what can be opened.
pub(crate) const ENDINGS: &[&str] = &crate::source::formats::SHOWN;
/// Goes on.
pub(crate) const PLAY: &str = "Play";
/// Stops.
pub(crate) const PAUSE: &str = "Pause";
/// One frame back.
pub(crate) const BACK: &str = "Frame back";
/// One frame on.
pub(crate) const ON: &str = "Frame on";
/// To the alarm before.
pub(crate) const LAST_ALARM: &str = "Alarm before";
/// To the next alarm.
pub(crate) const NEXT_ALARM: &str = "Next alarm";
/// Names the choice of speed.
pub(crate) const SPEED: &str = "Speed";
/// Names the bar.
pub(crate) const TIME: &str = "Time";
/// The lane of judgements.
pub(crate) const JUDGED: &str = "Judged";
/// The lane of what is known.
pub(crate) const TRUTH: &str = "Known";
/// Nothing is known.
pub(crate) const NO_TRUTH: &str = "What really happens is not known.";
/// Heading of what is judged now.
pub(crate) const HERE: &str = "Judged here";
/// Nothing has been judged at this time.
pub(crate) const NOT_YET: &str = "This moment is being judged.";
/// An event log has no pictures.
pub(crate) const NO_PICTURES: &str = "An event log holds judgements, no pictures.";
/// No alarm.
pub(crate) const NO_ALARM: &str = "No alarm so far";
/// Exports frames.
pub(crate) const EXPORT_FRAMES: &str = "Export frames";
/// Exports a picture.
pub(crate) const EXPORT_PICTURE: &str = "Export timeline";
/// The proposed name of the frames' file.
pub(crate) const FRAMES_FILE: &str = "frames.csv";
/// The proposed name of the picture's file.
pub(crate) const PICTURE_FILE: &str = "timeline.png";

/// A speed.
pub(crate) fn speed(speed: Speed) -> String {
    match speed {
        Speed::Times(times) => format!("{times} ×"),
        Speed::Fast => "Fastest".into(),
    }
}

/// Where in the recording one is.
pub(crate) fn time(at: f64, of: f64) -> String {
    format!("{at:.2} s of {of:.1} s")
}

/// How far the judging has come.
pub(crate) fn judging(judging: &Judging, seconds: f64) -> String {
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
pub(crate) fn alarms(count: usize) -> String {
    match count {
        0 => NO_ALARM.into(),
        1 => "1 alarm".into(),
        _ => format!("{count} alarms"),
    }
}

/// What is known to happen.
pub(crate) fn known(state: &str) -> String {
    let words = state.replace('_', " ");
    let mut letters = words.chars();
    letters
        .next()
        .map_or(String::new(), |first| format!("{}{}", first.to_uppercase(), letters.as_str()))
}

/// What is known to happen at this time.
pub(crate) fn truth_here(state: Option<&str>) -> String {
    match state {
        Some(state) => format!("Known: {}", known(state)),
        None => "Known: awake".into(),
    }
}

/// Something was written.
pub(crate) fn written(path: &Path) -> String {
    format!("Written to {}.", path.display())
}
