//! Names of the parts of the watch screen.

use crate::{
    face::Seat,
    frame::Turn,
    infer::Device,
    source::{SourceSpec, without_password},
};

/// The camera picture, for a screen reader.
pub(crate) const CAMERA: &str = "Camera picture";
/// While no frame has come.
pub(crate) const NO_PICTURE: &str = "Waiting for the first picture";
/// In place of the crop.
pub(crate) const NO_CROP: &str = "No face found";
/// Shown on the picture of a webcam.
pub(crate) const MIRRORED: &str = "mirrored";
/// Heading of the crop.
pub(crate) const CROP: &str = "What the network sees";
/// Under the crop: how to read it.
pub(crate) const CROP_LEGEND: &str = "Framed: read. Hatched: left out. Brighter: more attention.";
/// The same where the network reads each eye.
pub(crate) const CROP_LEGEND_EYES: &str =
    "Framed: read. Brighter: more attention. Bars: eyes shut.";
/// On the patch of an eye that cannot be seen.
pub(crate) const EYE_HIDDEN: &str = "hidden";
/// Heading of the figures.
pub(crate) const SIGNS: &str = "Signs";
/// Left end of the probability's bar.
pub(crate) const AWAKE: &str = "Awake";
/// Its right end, and its name.
pub(crate) const DROWSY: &str = "Drowsy";
/// Name of the closure time.
pub(crate) const CLOSED_FOR: &str = "Eyes closed for";
/// Name of the classifier's sign.
pub(crate) const CLOSED: &str = "Eyes closed, this frame";
/// Name of the classifier's sign.
pub(crate) const YAWN: &str = "Yawn, this frame";
/// Heading of the plot.
pub(crate) const TIMELINE: &str = "The last three minutes";
/// Legend of the plot: the marks, in the order of their kinds.
pub(crate) const MARKS: [&str; 4] = ["blink", "yawn", "warning", "alarm"];
/// Legend of the plot: how far the eyes are open.
pub(crate) const EYES: &str = "Eyes open";
/// Share of the last minute with closed eyes.
pub(crate) const PERCLOS: &str = "PERCLOS";
/// The upper end of the eyes' scale.
pub(crate) const EYES_OPEN: &str = "open";
/// Its lower end.
pub(crate) const EYES_SHUT: &str = "shut";
/// Name of the sign that the blinks make.
pub(crate) const BLINKING: &str = "Blinking";
/// What it means, under the pointer.
pub(crate) const BLINKING_HINT: &str = "How your last blinks look beside your first ones: 0 alert, \
    10 drowsy. If you start sleepy, your first blinks are sleepy too, and more is missed. It \
    may call you tiring only with a model that measured alike by alert and by sleepy first \
    blinks, and it never warns alone.";
/// Name of what is left of the driver's awareness.
pub(crate) const AWARENESS: &str = "Awareness";
/// The driver's own eyes are known.
pub(crate) const LEARNED: &str = "Your eyes are known.";
/// Instead of the cause, when warnings repeat.
pub(crate) const REST: &str = "Warnings repeat: take a rest.";
/// Heading of the crop with imagined patches.
pub(crate) const IMAGINED: &str = "What the network imagines";
/// Under it: how to read it.
pub(crate) const IMAGINED_LEGEND: &str = "Seen patches as they are, covered ones filled in.";
/// Names the choice of what is watched.
pub(crate) const CHOOSE_SOURCE: &str = "What is watched";
/// Names the choice of the picture's size.
pub(crate) const CHOOSE_SIZE: &str = "Size of the picture";
/// Names the choice of the device.
pub(crate) const CHOOSE_DEVICE: &str = "What the models run on";
/// Heading of the cameras.
pub(crate) const CAMERAS: &str = "Cameras";
/// While the system is asked for cameras.
pub(crate) const ASKING: &str = "Looking for cameras";
/// When it has none.
pub(crate) const NO_CAMERAS: &str = "No camera was found.";
/// Heading of how the camera hangs.
pub(crate) const PICTURE: &str = "The picture is turned by";
/// Left and right are swapped.
pub(crate) const MIRROR: &str = "Left and right are swapped";
/// Heading of the driver's side.
pub(crate) const SEAT: &str = "The driver sits";
/// Heading of the drawn driver's scenarios.
pub(crate) const DEMO: &str = "A drawn driver";
/// Right end of the plot's axis.
pub(crate) const NOW: &str = "now";
/// In place of a figure that cannot be told.
pub(crate) const NONE: &str = "–";
/// Beside the box around the face, before the confidence.
pub(crate) const FACE: &str = "face";
/// The source has come to its end.
pub(crate) const ENDED: &str = "The recording has ended. This is its last picture.";

/// Under the mark on the bar of the closure time.
pub(crate) fn alarm_from(seconds: f32) -> String {
    format!("alarm from {seconds} s")
}

/// The crop in words; `patches` is a list of numbers and shares.
pub(crate) fn patches_read(patches: &str) -> String {
    format!("Patches that the network reads, with their attention: {patches}")
}

/// One eye in words; `shut` is `None` where it cannot be seen.
pub(crate) fn eye_read(is_left: bool, shut: Option<f32>) -> String {
    let side = if is_left { "left" } else { "right" };
    match shut {
        Some(shut) => format!("{side} eye {} shut", super::percent(shut)),
        None => format!("{side} eye {EYE_HIDDEN}"),
    }
}

/// The plot in words.
pub(crate) fn timeline_in_words(alarms: usize, blinks: usize, yawns: usize) -> String {
    let many = |n: usize, what: &str| match n {
        0 => format!("no {what}"),
        1 => format!("1 {what}"),
        _ => format!("{n} {what}s"),
    };
    format!(
        "Plot of the last three minutes: {}, {}, {}",
        many(alarms, "alarm"),
        many(blinks, "blink"),
        many(yawns, "yawn")
    )
}

/// Minutes before now.
pub(crate) fn minutes(minutes: f64) -> String {
    format!("{minutes:.0} min")
}

/// A score of ten.
pub(crate) fn of_ten(score: f32) -> String {
    format!("{score:.1} of 10")
}

/// How far a sign can be relied on.
pub(crate) fn certain(certainty: f32) -> String {
    format!("{} certain", super::percent(certainty))
}

/// Under the mark on a bar.
pub(crate) fn drowsy_from(share: f32) -> String {
    format!("drowsy from {}", super::percent(share))
}

/// How far the driver's own eyes have been learned.
pub(crate) fn learning(share: f32) -> String {
    format!("Learning your eyes: {}", super::percent(share))
}

/// A turn, in the row of turns.
pub(crate) fn turn(turn: Turn) -> String {
    format!("{}°", turn.degrees())
}

/// The same alone.
pub(crate) fn turned_by(by: Turn) -> String {
    format!("{PICTURE} {}", turn(by))
}

/// A side of the picture, in the row of sides.
pub(crate) fn seat(seat: Seat) -> &'static str {
    match seat {
        Seat::Any => "anywhere",
        Seat::Left => "on the left",
        Seat::Right => "on the right",
    }
}

/// The same alone.
pub(crate) fn sits(on: Seat) -> String {
    format!("{SEAT} {}", seat(on))
}

/// How many other faces there are; `None` = no other.
pub(crate) fn others(others: u32) -> Option<String> {
    match others {
        0 => None,
        1 => Some("Another face is in the picture".into()),
        others => Some(format!("{others} other faces are in the picture")),
    }
}

/// A size of pictures.
pub(crate) fn size([width, height]: [u32; 2]) -> String {
    format!("{width} × {height}")
}

/// What the models may run on.
pub(crate) fn device(device: Device) -> &'static str {
    match device {
        Device::Auto => "Automatic",
        Device::Cpu => "CPU",
        Device::Cuda => "CUDA",
        Device::TensorRt => "TensorRT",
        Device::DirectMl => "DirectML",
        Device::CoreMl => "Core ML",
    }
}

/// A source that has not opened yet.
pub(crate) fn source(source: &SourceSpec) -> String {
    match source {
        SourceSpec::Webcam(index) => format!("Camera {index}"),
        SourceSpec::Network(url) => without_password(url),
        SourceSpec::Demo(None) => "The drawn driver".into(),
        SourceSpec::Demo(Some(scenario)) => format!("demo: {scenario}"),
        SourceSpec::Path(path) => path.display().to_string(),
    }
}
