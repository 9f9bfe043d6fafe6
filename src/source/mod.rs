//! Where pictures come from: a webcam, a video file, a folder of pictures, or a drawn
//! driver. Every source gives [`Frame`]s in order, stamped with media time, and knows
//! nothing of what is done with them.

use std::{path::PathBuf, str::FromStr, time::Duration};

use thiserror::Error;

use crate::frame::Frame;

/// Gives frames one after the other.
pub trait Source: Send {
    /// The next frame, or `None` at the end.
    ///
    /// A live source waits for the camera, never longer than its own time-out.
    ///
    /// # Errors
    /// When the source cannot be read; the sentence names it and the way out. After
    /// [`SourceError::Stalled`] the call may be repeated.
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError>;

    /// What the source is.
    fn info(&self) -> SourceInfo;
}

/// What a source is, for the window and the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceInfo {
    /// The camera's name, the file or the scenario.
    pub name: String,
    /// True for a camera: it sets its own pace and its picture is shown mirrored.
    pub live: bool,
    /// Nominal frames a second, where known.
    pub fps: Option<f32>,
    /// Number of frames to come, where known.
    pub frames: Option<u64>,
}

/// Which source to open, as written after `--source`:
/// `webcam[:N]`, `demo[:SCENARIO]`, a video file or a folder of pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceSpec {
    /// Camera number N.
    Webcam(u32),
    /// The drawn driver, with the name of a scenario or the tour.
    Demo(Option<String>),
    /// A video file, a picture, or a folder of pictures.
    Path(PathBuf),
}

impl SourceSpec {
    /// Whether it is a camera: it may come and go, and it sets its own pace.
    pub fn is_camera(&self) -> bool {
        matches!(self, Self::Webcam(_))
    }
}

impl FromStr for SourceSpec {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (head, tail) = match text.split_once(':') {
            Some((head, tail)) => (head, Some(tail)),
            None => (text, None),
        };
        match (head, tail) {
            ("webcam", None) => Ok(Self::Webcam(0)),
            ("webcam", Some(number)) => number
                .parse()
                .map(Self::Webcam)
                .map_err(|_| SourceError::CameraNumber(number.into())),
            ("demo", scenario) => Ok(Self::Demo(scenario.map(Into::into))),
            _ => Ok(Self::Path(text.into())),
        }
    }
}

/// A source that cannot be opened or read.
#[derive(Debug, Error)]
pub enum SourceError {
    /// `webcam:` is followed by something else than a number.
    #[error(
        "\"webcam:{0}\" does not name a camera; write webcam:0 for the first, webcam:1 for the second"
    )]
    CameraNumber(String),
    /// Nothing at this path.
    #[error("{path} does not exist; check the path", path = .0.display())]
    NotFound(PathBuf),
    /// The file is not a picture or video that can be read.
    #[error("{path} cannot be read as {what} ({why}); is it complete?", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What it was taken for: "a picture", "a video".
        what: &'static str,
        /// The reader's own words.
        why: String,
    },
    /// A folder without pictures.
    #[error("{path} holds no picture (.jpg, .jpeg, .png); choose another folder", path = .0.display())]
    NoPictures(PathBuf),
    /// No such demo scenario.
    #[error("there is no demo scenario \"{name}\"; choose one of: {known}")]
    Scenario {
        /// What was asked for.
        name: String,
        /// The scenarios there are.
        known: String,
    },
    /// No camera was found.
    #[error("no camera was found; plug one in, or try the demo driver with --source demo")]
    NoCamera,
    /// The camera is there but does not deliver.
    #[error(
        "camera {camera} cannot be used ({why}); close other programs that use it, or choose another with --source webcam:N"
    )]
    Camera {
        /// Name or number.
        camera: String,
        /// The driver's own words.
        why: String,
    },
    /// The camera has not delivered a frame for a while.
    #[error("the camera has not delivered a picture for {:.1} s; check its cable", .0.as_secs_f32())]
    Stalled(Duration),
    /// The program was built without this kind of source.
    #[error("this build has no support for {0}; build it with the default features")]
    NotBuilt(&'static str),
}
