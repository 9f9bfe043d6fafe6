//! Cameras, by nokhwa: listed, opened with an explicit resolution and format, and read
//! on a thread of their own, because a driver may block for ever. The newest picture
//! wins; one that is late is told as [`SourceError::Stalled`].

#[cfg(feature = "webcam")]
mod device;
#[cfg(all(feature = "webcam", feature = "video", target_os = "linux"))]
mod raw;

#[cfg(feature = "webcam")]
use std::collections::BTreeMap;

#[cfg(feature = "webcam")]
use parking_lot::Mutex;

#[cfg(feature = "webcam")]
use super::capture::{Device, Named, Webcam};
use super::{OpenOptions, Source, SourceError};

/// A camera of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CameraInfo {
    /// The number after `webcam:`.
    pub index: u32,
    /// What the camera calls itself.
    pub name: String,
}

/// The cameras of this machine; none is an empty list.
///
/// # Errors
/// When the system cannot be asked, or this build has no support for cameras.
#[cfg(feature = "webcam")]
pub(crate) fn list() -> Result<Vec<CameraInfo>, SourceError> {
    device::list()
}

/// Opens camera `index` near the wished resolution and rate.
///
/// # Errors
/// When there is no such camera or it cannot be used.
#[cfg(feature = "webcam")]
pub(crate) fn open(index: u32, options: &OpenOptions) -> Result<Box<dyn Source>, SourceError> {
    let cameras = list()?;
    if cameras.is_empty() {
        return Err(SourceError::NoCamera);
    }
    let mut names = NAMES.lock();
    let Some(camera) = wanted(&cameras, index, names.get(&index)) else {
        let known: Vec<_> =
            cameras.iter().map(|camera| format!("{} is {}", camera.index, camera.name)).collect();
        return Err(SourceError::Camera {
            camera: index.to_string(),
            why: format!("it is not there; {}", known.join(", ")),
        });
    };
    names.insert(index, camera.name.clone());
    drop(names);
    let (options, index) = (*options, camera.index);
    let named = Named { name: camera.name.clone(), key: format!("webcam:{index}"), remote: false };
    Ok(Box::new(Webcam::start(&named, move || open_device(index, &options))?))
}

/// Opens the device by nokhwa, or, where that knows none of its formats, as it is.
#[cfg(feature = "webcam")]
fn open_device(index: u32, options: &OpenOptions) -> Result<Box<dyn Device>, String> {
    #[cfg(all(feature = "video", target_os = "linux"))]
    if raw::is_needed(index) {
        return Ok(Box::new(raw::RawCamera::open(index, options)?));
    }
    match device::NokhwaDevice::open(index, options) {
        Ok(device) => Ok(Box::new(device)),
        #[cfg(all(feature = "video", target_os = "linux"))]
        Err(why) => match raw::RawCamera::open(index, options) {
            Ok(device) => Ok(Box::new(device)),
            Err(raw) if why.contains(&raw) => Err(why),
            Err(raw) => Err(format!("{why}; {raw}")),
        },
        #[cfg(not(all(feature = "video", target_os = "linux")))]
        Err(why) => Err(why),
    }
}

/// The number of the camera of this name, or of the only one whose name begins so, whatever
/// the case of its letters.
pub(crate) fn named(cameras: &[CameraInfo], name: &str) -> Option<u32> {
    let name = name.trim().to_lowercase();
    let whole = cameras.iter().find(|camera| camera.name.to_lowercase() == name);
    let begins = |camera: &&CameraInfo| camera.name.to_lowercase().starts_with(&name);
    let mut beginning = cameras.iter().filter(begins);
    let only = beginning.next().filter(|_| !name.is_empty() && beginning.next().is_none());
    whole.or(only).map(|camera| camera.index)
}

/// What the cameras that were opened by a number call themselves.
#[cfg(feature = "webcam")]
static NAMES: Mutex<BTreeMap<u32, String>> = Mutex::new(BTreeMap::new());

/// The camera of a number. One that was plugged in anew may have another number, as long
/// as the system still holds on to the old one: then it is known by its name.
#[cfg(feature = "webcam")]
fn wanted<'c>(
    cameras: &'c [CameraInfo],
    index: u32,
    name: Option<&String>,
) -> Option<&'c CameraInfo> {
    let numbered = cameras.iter().find(|camera| camera.index == index);
    numbered.or_else(|| cameras.iter().find(|camera| Some(&camera.name) == name))
}

/// Says that this build has no support for cameras.
///
/// # Errors
/// Always.
#[cfg(not(feature = "webcam"))]
pub(crate) fn list() -> Result<Vec<CameraInfo>, SourceError> {
    Err(SourceError::NotBuilt("cameras"))
}

/// Says that this build has no support for cameras.
///
/// # Errors
/// Always.
#[cfg(not(feature = "webcam"))]
pub(crate) fn open(_index: u32, _options: &OpenOptions) -> Result<Box<dyn Source>, SourceError> {
    Err(SourceError::NotBuilt("cameras"))
}

#[cfg(feature = "webcam")]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_is_known_by_its_name() {
        let camera = |index, name: &str| CameraInfo { index, name: name.into() };
        let cameras =
            [camera(0, "Integrated Camera: Integrated C"), camera(2, "OBS"), camera(4, "OBS 2")];
        assert_eq!(named(&cameras, "integrated camera"), Some(0));
        assert_eq!(named(&cameras, "OBS"), Some(2), "the whole name counts first");
        assert_eq!(named(&cameras, "ob"), None, "two begin so");
        assert_eq!((named(&cameras, ""), named(&cameras, "clip.mp4")), (None, None));
    }

    #[test]
    fn a_camera_that_was_plugged_in_anew_is_known_by_its_name() {
        let camera = |index, name: &str| CameraInfo { index, name: name.into() };
        let cameras = [camera(1, "Mine"), camera(2, "Other")];
        let index = |index, name: Option<&str>| {
            wanted(&cameras, index, name.map(String::from).as_ref()).map(|camera| camera.index)
        };
        assert_eq!(index(2, Some("Mine")), Some(2), "the number counts first");
        assert_eq!(index(0, Some("Mine")), Some(1));
        assert_eq!(index(0, Some("Gone")), None);
        assert_eq!(index(0, None), None, "one that was never open is not guessed");
    }
}
