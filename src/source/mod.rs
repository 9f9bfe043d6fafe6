//! Where pictures come from: a webcam, a video file, a folder of pictures, or a drawn
//! driver. Every source gives [`Frame`]s in order, stamped with media time, and knows
//! nothing of what is done with them.

pub mod demo;
mod fresh;
pub mod images;
mod turned;
#[cfg(feature = "video")]
pub mod video;
pub mod webcam;

use std::{path::PathBuf, str::FromStr, time::Duration};

use thiserror::Error;

pub(crate) use fresh::Fresh;

use crate::frame::{Frame, Mounting};
use turned::Turned;

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

/// How a source is opened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpenOptions {
    /// Wished width of a camera's picture and width of the demo's, pixels.
    pub width: u32,
    /// Wished height of a camera's picture and height of the demo's, pixels.
    pub height: u32,
    /// Wished rate of a camera, the demo's rate, and the nominal one of a folder of
    /// pictures, frames a second. A video keeps its own.
    pub fps: f32,
    /// Seed of the demo: which driver is drawn, when he blinks, the camera's noise.
    pub seed: u64,
    /// How pictures are brought upright, after a recording's own rotation.
    pub mounting: Mounting,
}

impl Default for OpenOptions {
    fn default() -> Self {
        let mounting = Mounting::default();
        Self { width: 640, height: 480, fps: 30.0, seed: 0, mounting }
    }
}

impl OpenOptions {
    /// Refuses what no source can keep.
    fn check(&self) -> Result<(), SourceError> {
        let sides = 64..=4096;
        if !sides.contains(&self.width) || !sides.contains(&self.height) {
            return Err(SourceError::Size(self.width, self.height));
        }
        if !(1.0..=240.0).contains(&self.fps) {
            return Err(SourceError::Rate(self.fps));
        }
        Ok(())
    }
}

/// Opens a source.
///
/// # Errors
/// When it does not exist, cannot be read, or this build has no support for it.
pub fn open(spec: &SourceSpec, options: &OpenOptions) -> Result<Box<dyn Source>, SourceError> {
    options.check()?;
    Ok(Turned::upright(as_it_comes(spec, options)?, options.mounting))
}

/// The source without the turn that was asked for.
fn as_it_comes(spec: &SourceSpec, options: &OpenOptions) -> Result<Box<dyn Source>, SourceError> {
    match spec {
        SourceSpec::Webcam(index) => webcam::open(*index, options),
        SourceSpec::Demo(scenario) => {
            Ok(Box::new(demo::Demo::open(scenario.as_deref().unwrap_or(demo::TOUR), options)?))
        }
        SourceSpec::Path(path) if !path.exists() => Err(SourceError::NotFound(path.clone())),
        SourceSpec::Path(path) if path.is_dir() => {
            Ok(Box::new(images::Pictures::open_folder(path, options.fps)?))
        }
        SourceSpec::Path(path) if images::is_picture(path) => {
            Ok(Box::new(images::Pictures::open_list(vec![path.clone()], options.fps)?))
        }
        #[cfg(feature = "video")]
        SourceSpec::Path(path) => Ok(Box::new(video::Video::open(path)?)),
        #[cfg(not(feature = "video"))]
        SourceSpec::Path(_) => Err(SourceError::NotBuilt("video files")),
    }
}

/// Opens a recording so that its next frame is the one at `at`, or one shortly before it.
/// A demo or a folder gets there at once, a video from the picture that its codec can begin
/// at.
///
/// # Errors
/// As [`open`]; a camera has no other time than now.
pub fn open_at(
    spec: &SourceSpec,
    options: &OpenOptions,
    at: Duration,
) -> Result<Box<dyn Source>, SourceError> {
    options.check()?;
    let index = |fps: f32| (at.as_secs_f64() * f64::from(fps)).floor() as u64;
    let source: Box<dyn Source> = match spec {
        SourceSpec::Demo(scenario) => {
            let mut demo = demo::Demo::open(scenario.as_deref().unwrap_or(demo::TOUR), options)?;
            let last = demo.info().frames.unwrap_or(1).saturating_sub(1);
            demo.skip_to(index(options.fps).min(last));
            Box::new(demo)
        }
        SourceSpec::Path(path) if path.is_dir() => {
            let mut pictures = images::Pictures::open_folder(path, options.fps)?;
            pictures.skip_to(index(options.fps));
            Box::new(pictures)
        }
        #[cfg(feature = "video")]
        SourceSpec::Path(path) if path.is_file() && !images::is_picture(path) => {
            Box::new(video::Video::open_at(path, at)?)
        }
        other => as_it_comes(other, options)?,
    };
    Ok(Turned::upright(source, options.mounting))
}

/// Which source to open, as written after `--source`:
/// `webcam[:N]`, `demo[:SCENARIO[@DRIVER][+SECONDS]]`, a video file or a folder of pictures.
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
    /// No such driver of the demo.
    #[error("the demo has no such driver; write a number from 0 to {last} after the @")]
    Driver {
        /// The last there is.
        last: usize,
    },
    /// The demo's truth cannot be written.
    #[error("the truth cannot be written to {path} ({why}); choose another file", path = .path.display())]
    Truth {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        why: String,
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
    /// The camera delivers, but always the same picture.
    #[error("the camera has given the same picture for {:.1} s; plug it in anew", .0.as_secs_f32())]
    Frozen(Duration),
    /// A picture size that no source can keep.
    #[error("a picture of {0}x{1} pixels cannot be asked for; choose sides between 64 and 4096")]
    Size(u32, u32),
    /// A frame rate that no source can keep.
    #[error("{0} frames a second cannot be asked for; choose between 1 and 240")]
    Rate(f32),
    /// The program was built without this kind of source.
    #[error("this build has no support for {0}; build it with the default features")]
    NotBuilt(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_is_a_camera_a_demo_or_a_path() {
        let parse = |text: &str| text.parse::<SourceSpec>().unwrap();
        assert_eq!(parse("webcam"), SourceSpec::Webcam(0));
        assert_eq!(parse("webcam:2"), SourceSpec::Webcam(2));
        assert_eq!(parse("demo"), SourceSpec::Demo(None));
        assert_eq!(parse("demo:asleep@3"), SourceSpec::Demo(Some("asleep@3".into())));
        assert_eq!(parse("C:\\clips\\a.mp4"), SourceSpec::Path("C:\\clips\\a.mp4".into()));
        let error = "webcam:front".parse::<SourceSpec>().unwrap_err().to_string();
        assert!(error.contains("webcam:front") && error.contains("webcam:0"), "{error}");
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        let spec = SourceSpec::Demo(None);
        let refused = |options: OpenOptions| open(&spec, &options).err().unwrap().to_string();
        assert!(refused(OpenOptions { width: 0, ..Default::default() }).contains("0x480"));
        assert!(refused(OpenOptions { fps: f32::NAN, ..Default::default() }).contains("NaN"));
        let missing = open(&SourceSpec::Path("no/such.mp4".into()), &OpenOptions::default());
        assert!(missing.err().unwrap().to_string().contains("no/such.mp4 does not exist"));
    }
}
