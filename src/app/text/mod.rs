//! Every English word of the window, in one place: short, plain, and ready for a
//! translator. Sentences say what is so and what to do.

pub(crate) mod choose;
pub(crate) mod metrics;
pub(crate) mod protocol;
pub(crate) mod replay;
pub(crate) mod settings;
pub(crate) mod setup;
#[cfg(feature = "train")]
pub(crate) mod training;
pub(crate) mod watch;

use std::time::Duration;

use super::actions::Tab;
use crate::{
    alarm::SoundState,
    infer::Tried,
    monitor::{Level, Missing, State},
};

/// The program's name, as the window's title.
pub(crate) const TITLE: &str = "wakewatch";

/// The name of a screen.
pub(crate) fn tab(tab: Tab) -> &'static str {
    match tab {
        Tab::Watch => "Watch",
        Tab::Replay => "Replay",
        Tab::Metrics => "Metrics",
        Tab::Training => "Training",
        Tab::Settings => "Settings",
    }
}

/// The state of the driver, as one large word.
pub(crate) fn state_word(state: State) -> &'static str {
    match state {
        State::Starting => "Getting ready",
        State::Awake => "Awake",
        State::Tiring => "Tiring",
        State::Drowsy => "Drowsy",
        State::Microsleep => "Microsleep",
        State::Asleep => "Asleep",
        State::Unresponsive => "No response",
        State::NoDriver => "No driver",
        State::EyesUnreadable => "Eyes not visible",
        State::EyesOffRoad => "Eyes off road",
        State::CameraLost => "Camera lost",
        State::Slow => "Too slow",
    }
}

/// What the driver is to do now.
pub(crate) fn advice(state: State, level: Level) -> &'static str {
    match (state, level) {
        (State::Starting, _) => "Look ahead as you do when driving.",
        (State::Awake, _) => "All is well. Eyes on the road.",
        (State::Tiring, _) => "You seem to tire. Plan a stop.",
        (State::Drowsy, _) => "You are drowsy. Stop at the next safe place and rest.",
        (State::Microsleep, Level::None) => "Open your eyes.",
        (State::Microsleep | State::Asleep, _) => "Wake up. Stop at the next safe place and rest.",
        (State::Unresponsive, _) => "Wake the driver. Help to stop the car.",
        (State::NoDriver, _) => "Nobody is being watched. Turn the camera to your face.",
        (State::EyesUnreadable, Level::Warning) => {
            "You seem drowsy and cannot be watched. Stop and rest."
        }
        (State::EyesUnreadable, _) => "You are not being watched. Let the camera see your eyes.",
        (State::EyesOffRoad, _) => "Eyes on the road.",
        (State::Slow, _) => "You are watched too slowly. Close other programs.",
        (State::CameraLost, _) => "You are not being watched. Check the camera and its cable.",
    }
}

/// The same in five words at most, for the strip.
pub(crate) fn order(state: State, level: Level) -> &'static str {
    match (state, level) {
        (State::Starting, _) => "Look ahead as when driving.",
        (State::Awake, _) => "All is well.",
        (State::Tiring, _) => "Plan a stop soon.",
        (State::Drowsy, _) => "Stop safely and rest now.",
        (State::Microsleep, Level::None) => "Open your eyes.",
        (State::Microsleep | State::Asleep, _) => "Wake up! Stop and rest.",
        (State::Unresponsive, _) => "Wake the driver. Stop safely.",
        (State::NoDriver, _) => "Turn camera to your face.",
        (State::EyesUnreadable, Level::Warning) => "Stop safely and rest now.",
        (State::EyesUnreadable, _) => "Let camera see your eyes.",
        (State::EyesOffRoad, _) => "Eyes on the road.",
        (State::Slow, _) => "Close other programs.",
        (State::CameraLost, _) => "Check camera and its cable.",
    }
}

/// Names in the bar at the foot.
pub(crate) mod status {
    /// Where pictures come from.
    pub(crate) const SOURCE: &str = "Source";
    /// Frames judged a second.
    pub(crate) const RATE: &str = "Rate";
    /// From picture to judgement.
    pub(crate) const LATENCY: &str = "Latency";
    /// What runs the models.
    pub(crate) const PROVIDER: &str = "Runs on";
    /// The classifier's name.
    pub(crate) const MODEL: &str = "Model";
    /// Share of frames with a face.
    pub(crate) const FACES: &str = "Face seen";
    /// The alarm's sound.
    pub(crate) const SOUND: &str = "Sound";
    /// Blinks since the start.
    pub(crate) const BLINKS: &str = "Blinks";
    /// Yawns since the start.
    pub(crate) const YAWNS: &str = "Yawns";
}

/// Pages without a picture.
pub(crate) mod start {
    /// While camera and models are opened.
    pub(crate) const OPENING: &str = "Opening the camera and the models";
    /// What the program is, for who sees it first.
    pub(crate) const WHAT: &str = "wakewatch watches your face and wakes you before you sleep. \
        Nothing leaves this computer and no picture is kept. \
        It helps, but it is no substitute for rest.";
    /// Heading of the first start.
    pub(crate) const WELCOME: &str = "wakewatch keeps drivers awake";
    /// The first start, explained.
    pub(crate) const WELCOME_SAYS: [&str; 3] = [
        "Place the camera where it sees your face, and look ahead for a minute: it learns how \
         wide your eyes stand open.",
        "If your eyes close or you tire, it warns you, aloud; press Space when you are awake, \
         M to mute for a minute, and ? for every other key.",
        "Nothing leaves this computer and no picture is kept, but it is no substitute for rest.",
    ];
    /// The button that ends the explanation.
    pub(crate) const WELCOME_READ: &str = "Understood";
    /// Heading when there is no camera.
    pub(crate) const NO_CAMERA: &str = "No camera was found";
    /// What to do then.
    pub(crate) const NO_CAMERA_ADVICE: &str =
        "Plug one in and try again, or watch a drawn driver to see how it works.";
    /// Heading for every other failure.
    pub(crate) const FAILED: &str = "Watching could not start";
    /// When a page cannot be drawn; the watch goes on without it.
    pub(crate) fn not_drawn(why: &str) -> String {
        format!(
            "The window hit an error ({why}) and was restarted. Monitoring and the alarm keep \
             running."
        )
    }
    /// When the thread that opens them has gone.
    pub(crate) const NO_ANSWER: &str = "opening ended without an answer; try again";
    /// Name of the button that shows the drawn driver.
    pub(crate) const DEMO: &str = "Watch the demo driver";
    /// Name of that button.
    pub(crate) const RETRY: &str = "Try again";
}

/// The alarm's sound, as shown at the foot.
pub(crate) fn sound(state: &SoundState) -> &'static str {
    match state {
        SoundState::Opening => "opening",
        SoundState::Ready => "on",
        SoundState::NoSound(_) => "none",
        SoundState::Off => "off",
        SoundState::NotBuilt => "not built in",
    }
}

/// The banner while alarms cannot be heard; `None` while they can, or soon will be.
pub(crate) fn silent(state: &SoundState) -> Option<String> {
    match state {
        SoundState::Opening | SoundState::Ready => None,
        SoundState::NoSound(why) => Some(format!("Alarms cannot be heard: {why}.")),
        SoundState::Off => Some("Alarms cannot be heard: started without sound.".into()),
        SoundState::NotBuilt => Some("Alarms cannot be heard: this build has no sound.".into()),
    }
}

/// Why a sign is missing.
pub(crate) fn missing(why: Missing) -> &'static str {
    match why {
        Missing::TooEarly => "not enough seen yet",
        Missing::NoFace => "no face is seen",
        Missing::EyesUnreadable => "the eyes cannot be read",
        Missing::TooSlow => "too few pictures",
        Missing::NoPose => "the head is not measured",
        Missing::ModelFailed => "its network failed",
    }
}

/// The button that ends an alarm.
pub(crate) const ACKNOWLEDGE: &str = "I am awake";
/// The button that silences alarms for a while.
pub(crate) const MUTE: &str = "Mute";
/// The button for the light theme, shown in the dark one.
pub(crate) const LIGHT: &str = "Light";
/// The button for the dark theme, shown in the light one.
pub(crate) const DARK: &str = "Dark";
/// The button that plays the alarm once.
pub(crate) const TEST_TONE: &str = "Test tone";
/// The button that shows and hides what is drawn over the pictures.
pub(crate) const OVERLAYS: &str = "Overlays";
/// The same as a choice.
pub(crate) const OVERLAYS_SAY: &str = "Draw face, landmarks and patches over the pictures";
/// The button that shows what the autoencoder makes of the covered patches.
pub(crate) const IMAGINE: &str = "Fill in";
/// The same as a choice.
pub(crate) const IMAGINE_SAYS: &str = "Show what the network makes of the covered patches";
/// The button for the whole screen.
pub(crate) const FULL_SCREEN: &str = "Full screen";
/// The button that shrinks the window to a strip above all others.
pub(crate) const COMPACT: &str = "Strip";
/// The button that grows it back.
pub(crate) const GROW: &str = "Whole window";
/// Keys that are no action of the whole window, in the list of keys.
pub(crate) const MORE_KEYS: &[[&str; 2]] = &[
    ["K", "Replay: play or pause"],
    ["Left, Right", "Replay: one frame back or on"],
    ["N", "Replay: on to the next alarm"],
    ["Tab, Enter", "Go to the next button, press it"],
    ["Ctrl + / −", "Larger or smaller text"],
];
/// Heading of the list of keys, and the button that shows it.
pub(crate) const KEYS: &str = "Keys";
/// Closes the list of keys.
pub(crate) const CLOSE: &str = "Close";
/// A probability, `0..1`, as people read it.
pub(crate) fn percent(share: f32) -> String {
    format!("{:.0} %", share.clamp(0.0, 1.0) * 100.0)
}

/// Seconds, to a tenth.
pub(crate) fn seconds(seconds: f32) -> String {
    format!("{seconds:.1} s")
}

/// What is left of the silence, at the foot.
pub(crate) fn muted(left: Duration) -> String {
    format!("muted {} s", left.as_secs_f32().ceil())
}

/// The button that ends the silence, with what is left of it.
pub(crate) fn unmute(left: Duration) -> String {
    format!("Unmute ({} s)", left.as_secs_f32().ceil())
}

/// A cause, as the monitor words it, as a sentence.
pub(crate) fn sentence(cause: &str) -> String {
    let mut letters = cause.trim_end_matches('.').chars();
    letters
        .next()
        .map_or(String::new(), |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

/// How other providers did in place of the CPU, a line each.
pub(crate) fn tried(tried: &[Tried]) -> String {
    tried.iter().map(|one| sentence(&one.to_string())).collect::<Vec<_>>().join("\n")
}

/// A time on the bar of a recording.
pub(crate) fn replay_tick(seconds: f64) -> String {
    match seconds {
        ..60.0 => format!("{seconds:.0} s"),
        _ => format!("{}:{:02}", (seconds / 60.0) as u32, (seconds % 60.0) as u32),
    }
}

/// Frames a second.
pub(crate) fn rate(fps: f32) -> String {
    format!("{fps:.0} fps")
}

/// A time in milliseconds.
pub(crate) fn milliseconds(ms: f32) -> String {
    format!("{ms:.0} ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strip_says_what_to_do_in_five_words() {
        for &state in State::ALL {
            for level in [Level::None, Level::Advisory, Level::Warning, Level::Critical] {
                let told = order(state, level);
                assert!((1..=5).contains(&told.split_whitespace().count()), "{told}");
            }
        }
    }
}
