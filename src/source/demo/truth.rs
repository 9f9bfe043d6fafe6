//! What is true of a drawn frame, known because it was drawn so.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    time::Duration,
};

use serde::{Serialize, Serializer};

use super::{Play, behaviour::Doing, points::Points, scene::Act, script::Script};
use crate::source::{OpenOptions, SourceError};

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
    /// Its mouth is: no mask or hand before it.
    pub mouth_visible: bool,
    /// What the driver does.
    pub state: Doing,
    /// The 68 points of the 300-W scheme, `[68][x, y]` in pixels; none when not visible.
    pub points: Vec<[f32; 2]>,
}

impl Truth {
    /// The truth of a moment.
    pub(super) fn of(act: &Act, at: Duration, state: Doing, points: &[[f32; 2]]) -> Self {
        let [yaw, pitch, roll] = act.turn;
        let visible = act.present;
        Self {
            at,
            eye_openness: (act.face.eyes[0] + act.face.eyes[1]) / 2.0,
            mouth_open: act.face.mouth,
            pose: Pose { yaw, pitch, roll },
            visible,
            eyes_visible: visible && !act.cover.sunglasses,
            mouth_visible: visible
                && !act.cover.mask
                && act.cover.hand < 0.5
                && !act.cover.held.is_some_and(|held| held.before_the_mouth()),
            state,
            points: if visible { points.to_vec() } else { Vec::new() },
        }
    }
}

/// The truth of each frame of a scenario, as [`Demo::open`](super::Demo::open) plays it.
///
/// # Errors
/// When there is no such scenario or driver.
pub fn truths(
    name: &str,
    options: &OpenOptions,
) -> Result<impl Iterator<Item = Truth> + use<>, SourceError> {
    Ok(of_play(Play::parse(name, options)?, options))
}

/// The truth of each frame of a script, as [`Demo::play`](super::Demo::play) plays it.
///
/// # Errors
/// When a field of the script is out of its range.
pub fn script_truths(
    script: &Script,
    options: &OpenOptions,
) -> Result<impl Iterator<Item = Truth> + use<>, SourceError> {
    Ok(of_play(script.play(options)?, options))
}

fn of_play(play: Play, options: &OpenOptions) -> impl Iterator<Item = Truth> + use<> {
    let size = [options.width as usize, options.height as usize];
    let points = Points::new(&play.driver);
    (0..play.frames).map(move |index| {
        let at = play.time(index);
        let (act, doing) = play.player.at(at.as_secs_f64());
        Truth::of(&act, at, doing, &points.seen(&act.view(size), &act.face))
    })
}

/// Writes the truth of each frame of a scenario as JSON lines; gives their number.
///
/// # Errors
/// When there is no such scenario or driver, or the file cannot be written.
pub fn write_truth(name: &str, options: &OpenOptions, path: &Path) -> Result<u64, SourceError> {
    let failed =
        |error: std::io::Error| SourceError::Truth { path: path.into(), why: error.to_string() };
    let truths = truths(name, options)?;
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    let mut lines = 0;
    for truth in truths {
        serde_json::to_writer(&mut file, &truth).map_err(|error| failed(error.into()))?;
        file.write_all(b"\n").map_err(failed)?;
        lines += 1;
    }
    file.flush().map_err(failed)?;
    Ok(lines)
}

fn seconds<S: Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(at.as_secs_f64())
}
