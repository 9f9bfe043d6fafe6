//! Where pictures come from: a webcam, a camera in the network, a video file, a folder of
//! pictures, or a drawn driver. Every source gives [`Frame`]s in order, stamped with media
//! time, and knows nothing of what is done with them.

#[cfg(any(feature = "webcam", feature = "video"))]
mod capture;
pub mod demo;
pub(crate) mod formats;
mod fresh;
pub mod images;
#[cfg(feature = "video")]
mod network;
mod note;
#[cfg(feature = "gui")]
pub(crate) mod preview;
pub mod time;
mod turned;
#[cfg(feature = "video")]
pub mod video;
pub(crate) mod webcam;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use thiserror::Error;

pub(crate) use fresh::{FROZEN, Fresh};
pub use note::{Note, NoteKind};

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

    /// What is to be told of it so far.
    fn notes(&self) -> Vec<Note> {
        Vec::new()
    }

    /// The other video streams of the same recording, each with its number and from its
    /// beginning.
    fn others(&self) -> Vec<(usize, Box<dyn Source>)> {
        Vec::new()
    }
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
    /// Rate of a recording without time stamps, frames a second; `None` = what its header
    /// says, or a guess.
    pub stampless_fps: Option<f32>,
    /// Which video stream of a recording, from 0; `None` = the one that players show.
    pub stream: Option<usize>,
    /// How pictures are brought upright, after a recording's own rotation.
    pub mounting: Mounting,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            width: 640,
            height: 480,
            fps: 30.0,
            seed: 0,
            stampless_fps: None,
            stream: None,
            mounting: Mounting::default(),
        }
    }
}

impl OpenOptions {
    /// Refuses what no source can keep.
    fn check(&self) -> Result<(), SourceError> {
        let sides = 64..=4096;
        if !sides.contains(&self.width) || !sides.contains(&self.height) {
            return Err(SourceError::Size(self.width, self.height));
        }
        let rates = [Some(self.fps), self.stampless_fps];
        match rates.into_iter().flatten().find(|fps| !(1.0..=240.0).contains(fps)) {
            Some(fps) => Err(SourceError::Rate(fps)),
            None => Ok(()),
        }
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
        #[cfg(feature = "video")]
        SourceSpec::Network(url) => network::open(url),
        #[cfg(not(feature = "video"))]
        SourceSpec::Network(_) => Err(SourceError::NotBuilt("cameras in the network")),
        SourceSpec::Path(path) if !path.exists() => Err(SourceError::NotFound(path.clone())),
        SourceSpec::Path(path) if path.is_dir() => {
            Ok(Box::new(images::Pictures::open_folder(path, options.fps)?))
        }
        SourceSpec::Path(path) if formats::is_picture(path) => {
            Ok(Box::new(images::Pictures::open_list(vec![path.clone()], options.fps)?))
        }
        #[cfg(feature = "video")]
        SourceSpec::Path(path) => {
            Ok(Box::new(video::Video::open_with(path, Duration::ZERO, options)?))
        }
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
        SourceSpec::Path(path) if path.is_file() && !formats::is_picture(path) => {
            Box::new(video::Video::open_with(path, at, options)?)
        }
        other => as_it_comes(other, options)?,
    };
    Ok(Turned::upright(source, options.mounting))
}

/// Which source to open, as written after `--source`: `webcam[:N]`, a camera's number, device
/// or name, `rtsp://` or `http://` with an address in the local network,
/// `demo[:SCENARIO[@DRIVER][+SECONDS]]`, a video file or a folder of pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceSpec {
    /// Camera number N.
    Webcam(u32),
    /// A camera in the local network: its address, `rtsp://` or `http://`.
    Network(String),
    /// The drawn driver, with the name of a scenario or the tour.
    Demo(Option<String>),
    /// A video file, a picture, or a folder of pictures.
    Path(PathBuf),
}

impl SourceSpec {
    /// Whether it is a camera: it may come and go, and it sets its own pace.
    pub fn is_camera(&self) -> bool {
        matches!(self, Self::Webcam(_) | Self::Network(_))
    }

    /// The same, but a name that is that of no file and of a camera of this machine is that
    /// camera.
    pub fn or_camera(self) -> Self {
        let Self::Path(path) = &self else { return self };
        let bare = path.components().count() == 1 && !path.exists();
        let cameras = if bare { webcam::list().unwrap_or_default() } else { Vec::new() };
        let named = webcam::named(&cameras, &path.to_string_lossy());
        named.map_or(self, Self::Webcam)
    }
}

/// An address without the name and password in it.
pub(crate) fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{}", &rest[end..])
}

/// The camera that a device file is, for example `/dev/video0`.
fn device(text: &str) -> Option<u32> {
    let path = Path::new(text).strip_prefix("/dev").ok()?;
    let number = |path: &Path| path.to_str()?.strip_prefix("video")?.parse().ok();
    // `/dev/v4l/by-id/...` are links to it.
    number(path).or_else(|| number(Path::new(text).canonicalize().ok()?.strip_prefix("/dev").ok()?))
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
            ("rtsp" | "http", Some(rest)) if rest.starts_with("//") => {
                Ok(Self::Network(text.into()))
            }
            (scheme, Some(rest)) if rest.starts_with("//") => {
                Err(SourceError::Scheme(scheme.into()))
            }
            _ => {
                // A folder may be called 0, too.
                let number = text.parse().ok().filter(|_| !Path::new(text).exists());
                let camera = number.or_else(|| device(text)).map(Self::Webcam);
                Ok(camera.unwrap_or_else(|| Self::Path(text.into())))
            }
        }
    }
}

impl TryFrom<OsString> for SourceSpec {
    type Error = SourceError;

    /// Of a name that need not be UTF-8.
    fn try_from(text: OsString) -> Result<Self, Self::Error> {
        text.to_str().map_or_else(|| Ok(Self::Path(PathBuf::from(&text))), str::parse)
    }
}

/// What is no file although it has a path, and the way out.
fn no_file(data: &std::fs::Metadata) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = data.file_type();
        if kind.is_fifo() {
            return "it is a pipe, not a file; write what comes out of it to a file first".into();
        }
        if kind.is_char_device() || kind.is_block_device() || kind.is_socket() {
            return "it is a device, not a file".into();
        }
    }
    if data.is_dir() { "it is a folder, not a file" } else { "it is not a file" }.into()
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
    #[error("{path} cannot be read as {what} ({why}); {way}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What it was taken for: "a picture", "a video".
        what: &'static str,
        /// The reader's own words.
        why: String,
        /// The way out.
        way: &'static str,
    },
    /// An address of a kind that is not read.
    #[error(
        "\"{0}://\" is no address that is read; write rtsp:// or http:// for a camera in the local network, or the path of a file"
    )]
    Scheme(String),
    /// A folder without pictures.
    #[error("{path} holds no picture ({known}); choose another folder", path = .0.display(), known = formats::PICTURES_READ)]
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
    /// A field of a script for the drawn driver is out of its range.
    #[error("{field} is {value}, and must be {allowed}")]
    Script {
        /// The field, with its place in the script.
        field: String,
        /// What it says.
        value: String,
        /// What it may say.
        allowed: String,
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
    /// The camera in the network does not deliver.
    #[error(
        "the camera at {camera} does not deliver ({why}); check that it is on, and its address"
    )]
    Remote {
        /// Its address, without a password.
        camera: String,
        /// What went wrong.
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
        assert_eq!(parse("0"), SourceSpec::Webcam(0));
        assert_eq!(parse("/dev/video2"), SourceSpec::Webcam(2));
        assert_eq!(parse("./0"), SourceSpec::Path("./0".into()));
        let url = "rtsp://192.168.1.7:554/live";
        assert_eq!(parse(url), SourceSpec::Network(url.into()));
        assert!(parse("http://phone:8080/video").is_camera() && !parse("a.mp4").is_camera());
        let error = "https://example.org/a.mp4".parse::<SourceSpec>().unwrap_err().to_string();
        assert!(error.contains("https://") && error.contains("rtsp://"), "{error}");
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
