//! What the user has chosen, kept as TOML in the platform's folder for configurations:
//! written whole or not at all, with a version, on a thread of its own. A file that cannot
//! be used is set aside under another name, never overwritten, and that is said.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use directories::BaseDirs;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::text;
use crate::{
    background,
    face::Seat,
    frame::{Mounting, Turn},
    infer::Device,
    monitor::{Sensitivity, Settings},
    os::{private_folder, read_text, write_whole},
    source::{
        SourceSpec,
        webcam::{self, CameraInfo},
    },
};

/// Environment variable that names another folder for the settings.
pub const FOLDER_VARIABLE: &str = "WAKEWATCH_CONFIG";
/// The form of the file; one with a higher number is of a newer program.
const VERSION: u32 = 2;
/// Name of the file in its folder.
const FILE: &str = "settings.toml";
/// Longest file that is read.
const MOST_BYTES: u64 = 1 << 20;
/// So many broken files are kept beside each other.
const MOST_BROKEN: u32 = 99;

/// Text is scaled by no less and no more.
pub const TEXT_SCALES: [f32; 5] = [0.9, 1.0, 1.25, 1.5, 2.0];
/// The alarm is never softer than this: who wants silence mutes, which ends by itself.
pub const LEAST_VOLUME: f32 = 0.2;
/// Sizes of a camera's picture that can be asked for, pixels.
pub const CAMERA_SIZES: [[u32; 2]; 4] = [[320, 240], [640, 480], [1280, 720], [1920, 1080]];

/// Everything that the user can choose and that outlasts the program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Preferences {
    /// The form of the file.
    pub version: u32,
    /// The first start has explained itself.
    pub welcomed: bool,
    /// The set-up of the first start was finished or skipped.
    pub setup_done: bool,
    /// The light theme instead of the dark one.
    pub light: bool,
    /// Size of all text, 1 = as designed; one of [`TEXT_SCALES`].
    pub text_scale: f32,
    /// Draw face, landmarks and patches over the pictures.
    pub overlays: bool,
    /// Show what the autoencoder makes of the covered patches.
    pub imagine: bool,
    /// How readily the monitor warns.
    pub sensitivity: Sensitivity,
    /// The alarm's volume, [`LEAST_VOLUME`]..1.
    pub volume: f32,
    /// Write changes of judgement to a log: numbers and words, never a picture.
    pub keep_events: bool,
    /// Wished size of a camera's picture, and the demo's, pixels.
    pub camera_size: [u32; 2],
    /// What the models run on.
    pub device: Device,
    /// How far the picture is turned clockwise, degrees.
    pub rotate: Turn,
    /// Left and right of the picture are swapped.
    pub mirror: bool,
    /// On which side of the picture the driver sits.
    pub seat: Seat,
    /// The camera that is watched when no source is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera: Option<KeptCamera>,
    /// Thresholds that differ from those of the sensitivity, by name.
    pub thresholds: toml::Table,
}

/// A camera as it is remembered: by its number, and by its name, since numbers change when
/// cameras are plugged in anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptCamera {
    /// The number after `webcam:` when it was chosen.
    pub number: u32,
    /// What it calls itself.
    pub name: String,
}

impl KeptCamera {
    /// Remembers a camera.
    pub(crate) fn of(camera: &CameraInfo) -> Self {
        Self { number: camera.index, name: camera.name.clone() }
    }

    /// Where it is among the cameras of today; where it is not, the one with its number.
    pub(crate) fn source(&self, cameras: &[CameraInfo]) -> SourceSpec {
        let same = |camera: &&CameraInfo| camera.index == self.number && camera.name == self.name;
        let number = match cameras.iter().find(same) {
            Some(_) => self.number,
            None => webcam::named(cameras, &self.name).unwrap_or(self.number),
        };
        SourceSpec::Webcam(number)
    }
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            version: VERSION,
            welcomed: false,
            setup_done: false,
            light: false,
            text_scale: 1.0,
            overlays: true,
            imagine: false,
            sensitivity: Sensitivity::Normal,
            volume: 1.0,
            keep_events: false,
            camera_size: [640, 480],
            device: Device::Auto,
            rotate: Turn::None,
            mirror: false,
            seat: Seat::Any,
            camera: None,
            thresholds: toml::Table::new(),
        }
    }
}

impl Preferences {
    /// How pictures are brought upright.
    pub fn mounting(&self) -> Mounting {
        Mounting { rotate: self.rotate, mirror: self.mirror }
    }

    /// The thresholds of the monitor: the sensitivity's with the user's own over them.
    /// A name or value that is none is left out; [`load`] does not let one in.
    pub fn monitor(&self) -> Settings {
        let base = Settings::of(self.sensitivity);
        self.thresholds.iter().fold(base, |settings, (name, value)| {
            numbers(value).and_then(|values| settings.with(name, &values)).unwrap_or(settings)
        })
    }

    /// Chooses a threshold's values; those of the sensitivity are no choice.
    pub fn choose(&mut self, name: &str, values: &[f32]) {
        let base = Settings::of(self.sensitivity);
        if base.with(name, values).is_none() {
            return;
        }
        if base.values(name).as_deref() == Some(values) {
            self.thresholds.remove(name);
            return;
        }
        let value = match values {
            [single] => float(*single),
            pair => toml::Value::Array(pair.iter().copied().map(float).collect()),
        };
        self.thresholds.insert(name.into(), value);
    }

    /// Chooses a sensitivity; the user's own thresholds stay where they differ from it.
    pub fn choose_sensitivity(&mut self, sensitivity: Sensitivity) {
        self.sensitivity = sensitivity;
        for (name, value) in std::mem::take(&mut self.thresholds) {
            if let Some(values) = numbers(&value) {
                self.choose(&name, &values);
            }
        }
    }

    /// Brings numbers back to what can be drawn and heard; says what is none of ours.
    fn checked(mut self) -> Result<Self, String> {
        if self.version > VERSION {
            return Err(text::settings::newer(self.version));
        }
        for (name, value) in &self.thresholds {
            let fits = numbers(value)
                .filter(|values| values.iter().all(|value| value.is_finite()))
                .and_then(|values| Settings::default().with(name, &values));
            if fits.is_none() {
                return Err(text::settings::no_threshold(name));
            }
        }
        let nearest = |scale: f32| {
            let off = |known: &f32| (known - scale).abs();
            TEXT_SCALES.into_iter().min_by(|a, b| off(a).total_cmp(&off(b)))
        };
        self.text_scale = nearest(self.text_scale).unwrap_or(1.0);
        let volume = if self.volume.is_finite() { self.volume } else { 1.0 };
        self.volume = volume.clamp(LEAST_VOLUME, 1.0);
        self.camera_size = self.camera_size.map(|side| side.clamp(64, 4096));
        // Who has used an older program knows where the camera hangs.
        self.setup_done |= self.version < 2 && self.welcomed;
        self.version = VERSION;
        Ok(self)
    }
}

/// As people write it: 1.2, not 1.2000000476837158.
fn float(value: f32) -> toml::Value {
    toml::Value::Float(value.to_string().parse().unwrap_or(f64::from(value)))
}

fn numbers(value: &toml::Value) -> Option<Vec<f32>> {
    let number = |value: &toml::Value| match value {
        toml::Value::Float(value) => Some(*value as f32),
        toml::Value::Integer(value) => Some(*value as f32),
        _ => None,
    };
    match value {
        toml::Value::Array(pair) => pair.iter().map(number).collect(),
        single => number(single).map(|value| vec![value]),
    }
}

/// The folder of the settings; `None` where the system names none.
pub fn folder() -> Option<PathBuf> {
    match std::env::var_os(FOLDER_VARIABLE) {
        Some(folder) if !folder.is_empty() => Some(folder.into()),
        _ => Some(BaseDirs::new()?.config_dir().join("wakewatch")),
    }
}

/// Where the log of judgements is written, if the user wants one.
pub fn events_file() -> Option<PathBuf> {
    Some(BaseDirs::new()?.data_dir().join("wakewatch").join("events.jsonl"))
}

/// The same, and its folder is there. That it cannot be made is told with the log.
pub(super) fn events_file_to_write() -> Option<PathBuf> {
    let file = events_file()?;
    if let Some(Err(error)) = file.parent().map(private_folder) {
        tracing::warn!("{}: {error}", file.display());
    }
    Some(file)
}

/// Reads the settings of a folder. What stands in the way of using them is said as a
/// sentence, and a file that is none has been set aside by then.
pub fn load(folder: &Path) -> (Preferences, Option<String>) {
    let path = folder.join(FILE);
    let why = match read_text(&path, MOST_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Default::default(),
        Err(error) => error.to_string(),
        Ok(text) => match toml::from_str::<Preferences>(&text).map_err(|why| why.to_string()) {
            Err(why) => why.lines().last().unwrap_or_default().to_owned(),
            Ok(read) => match read.checked() {
                Ok(preferences) => return (preferences, None),
                Err(why) => why,
            },
        },
    };
    let notice = match set_aside(&path) {
        Ok(kept) => text::settings::set_aside(&path, &kept, &why),
        Err(error) => text::settings::not_set_aside(&path, &why, &error),
    };
    tracing::warn!("{notice}");
    (Preferences::default(), Some(notice))
}

/// What is kept in the usual folder, or the defaults where that cannot be read; unlike
/// [`load`], it leaves a broken file where it is.
pub fn kept() -> Preferences {
    let text = folder().and_then(|folder| read_text(&folder.join(FILE), MOST_BYTES).ok());
    text.and_then(|text| toml::from_str(&text).ok()).unwrap_or_default()
}

/// Gives a broken file a name of its own.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let names = std::iter::once("settings.broken.toml".to_owned())
        .chain((2..=MOST_BROKEN).map(|n| format!("settings.broken-{n}.toml")));
    let free = names.map(|name| path.with_file_name(name)).find(|kept| !kept.exists());
    let kept = free.unwrap_or_else(|| path.with_file_name("settings.broken.toml"));
    fs::rename(path, &kept)?;
    Ok(kept)
}

/// Writes settings on a thread of its own; the newest win. Dropping it waits until they
/// are written.
#[derive(Debug, Default)]
pub struct Store {
    out: Option<Sender<Preferences>>,
    /// The other end of `out`, to take back what is old.
    stale: Option<Receiver<Preferences>>,
    thread: Option<JoinHandle<()>>,
    failed: Arc<Mutex<Option<String>>>,
}

impl Store {
    /// Writes into `folder`; `None` = nowhere.
    pub fn new(folder: Option<PathBuf>) -> Self {
        let Some(folder) = folder else { return Self::default() };
        let (out, newest) = bounded::<Preferences>(1);
        let (stale, failed) = (newest.clone(), Arc::new(Mutex::new(None)));
        let told = failed.clone();
        let write = move || {
            while let Ok(preferences) = newest.recv() {
                let why = write(&folder, &preferences).err().map(|error| {
                    let why = text::settings::not_kept(&folder, &error);
                    tracing::error!("{why}");
                    why
                });
                *told.lock() = why;
            }
        };
        match background::thread("settings", write) {
            Ok(thread) => Self { out: Some(out), stale: Some(stale), thread: Some(thread), failed },
            Err(error) => {
                let why = error.to_string();
                Self {
                    out: None,
                    stale: None,
                    thread: None,
                    failed: Arc::new(Mutex::new(Some(why))),
                }
            }
        }
    }

    /// Keeps `preferences`; never waits.
    pub fn keep(&self, preferences: &Preferences) {
        if let (Some(out), Some(stale)) = (&self.out, &self.stale) {
            let _ = stale.try_recv();
            // There is room: nobody else sends.
            let _ = out.try_send(preferences.clone());
        }
    }

    /// Why they could not be kept the last time.
    pub fn problem(&self) -> Option<String> {
        self.failed.lock().clone()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // The thread's receiver ends when no sender is left; what is in the channel is
        // still written.
        (self.out, self.stale) = (None, None);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write(folder: &Path, preferences: &Preferences) -> io::Result<()> {
    private_folder(folder)?;
    let text = toml::to_string_pretty(preferences).map_err(io::Error::other)?;
    write_whole(&folder.join(FILE), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut chosen = Preferences {
            light: true,
            volume: 0.6,
            rotate: Turn::ThreeQuarters,
            mirror: true,
            seat: Seat::Left,
            ..Preferences::default()
        };
        chosen.choose_sensitivity(Sensitivity::High);
        chosen.choose("alarm_s", &[1.7]);
        chosen.choose("tiring", &[0.6, 0.75]);
        chosen.choose("scored_blinks", &[40.0]);
        let store = Store::new(Some(folder.path().join("new")));
        store.keep(&Preferences::default());
        store.keep(&chosen);
        drop(store);
        let (found, notice) = load(&folder.path().join("new"));
        assert_eq!((found, notice), (chosen.clone(), None));
        let monitor = chosen.monitor();
        assert_eq!((monitor.alarm_s, monitor.scored_blinks), (1.7, 40));
        assert_eq!(monitor.looks_cost, Settings::of(Sensitivity::High).looks_cost);
        let text = fs::read_to_string(folder.path().join("new").join(FILE)).unwrap();
        assert!(text.contains("alarm_s = 1.7\n"), "only what differs, as people write it: {text}");
        assert!(!text.contains("asleep_s"), "{text}");
    }

    #[test]
    fn what_the_sensitivity_says_anyway_is_no_choice_of_the_users() {
        let mut preferences = Preferences::default();
        preferences.choose("alarm_s", &[2.0]);
        assert_eq!(preferences.thresholds.len(), 1);
        preferences.choose_sensitivity(Sensitivity::Low);
        assert!(preferences.thresholds.is_empty());
        preferences.choose("nothing_s", &[2.0]);
        preferences.choose("alarm_s", &[1.0, 2.0]);
        assert!(preferences.thresholds.is_empty());
    }

    #[test]
    fn a_broken_file_is_set_aside_and_said_so() {
        let broken = [
            "volume = ",
            "volume = 'loud'",
            "colour = 1",
            "version = 99",
            "rotate = 45",
            "seat = 'back'",
            "[thresholds]\nalarm_sec = 1.0",
            "[thresholds]\nalarm_s = nan",
        ];
        for text in broken {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(FILE), text).unwrap();
            let (found, notice) = load(folder.path());
            assert_eq!(found, Preferences::default(), "{text}");
            assert!(notice.unwrap().contains("settings.broken.toml"), "{text}");
            let kept = fs::read_to_string(folder.path().join("settings.broken.toml")).unwrap();
            assert_eq!(kept, text, "nothing that was written is lost");
            assert_eq!(load(folder.path()), (Preferences::default(), None));
        }
    }

    #[test]
    fn numbers_that_cannot_be_drawn_or_heard_are_brought_back() {
        let folder = tempfile::tempdir().unwrap();
        let text = "text_scale = 40.0\nvolume = 0.0\ncamera_size = [1, 99999]";
        fs::write(folder.path().join(FILE), text).unwrap();
        let (found, notice) = load(folder.path());
        assert_eq!(notice, None);
        assert_eq!((found.text_scale, found.volume), (2.0, LEAST_VOLUME));
        assert_eq!(found.camera_size, [64, 4096]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let store = Store::new(Some(file.join("below")));
        store.keep(&Preferences::default());
        let told = (0..200).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            store.problem()
        });
        assert!(told.unwrap().contains("below"));
    }
}
