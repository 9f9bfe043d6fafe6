//! Cameras, by nokhwa: listed, opened with an explicit resolution and format, and read
//! on a thread of their own, because a driver may block for ever. The newest picture
//! wins; one that is late is told as [`SourceError::Stalled`].

#[cfg(feature = "webcam")]
mod capture;
#[cfg(feature = "webcam")]
mod device;

use super::{OpenOptions, Source, SourceError};

/// A camera of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraInfo {
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
pub fn list() -> Result<Vec<CameraInfo>, SourceError> {
    device::list()
}

/// Opens camera `index` near the wished resolution and rate.
///
/// # Errors
/// When there is no such camera or it cannot be used.
#[cfg(feature = "webcam")]
pub fn open(index: u32, options: &OpenOptions) -> Result<Box<dyn Source>, SourceError> {
    let cameras = list()?;
    if cameras.is_empty() {
        return Err(SourceError::NoCamera);
    }
    let Some(camera) = cameras.iter().find(|camera| camera.index == index) else {
        let known: Vec<_> =
            cameras.iter().map(|camera| format!("{} is {}", camera.index, camera.name)).collect();
        return Err(SourceError::Camera {
            camera: index.to_string(),
            why: format!("it is not there; {}", known.join(", ")),
        });
    };
    let options = *options;
    Ok(Box::new(capture::Webcam::start(camera, move || {
        device::NokhwaDevice::open(index, &options)
    })?))
}

/// Says that this build has no support for cameras.
///
/// # Errors
/// Always.
#[cfg(not(feature = "webcam"))]
pub fn list() -> Result<Vec<CameraInfo>, SourceError> {
    Err(SourceError::NotBuilt("cameras"))
}

/// Says that this build has no support for cameras.
///
/// # Errors
/// Always.
#[cfg(not(feature = "webcam"))]
pub fn open(_index: u32, _options: &OpenOptions) -> Result<Box<dyn Source>, SourceError> {
    Err(SourceError::NotBuilt("cameras"))
}
