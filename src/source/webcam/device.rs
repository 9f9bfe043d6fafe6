//! The real device: nokhwa's camera, its formats and its decoders.

use nokhwa::{
    Camera,
    pixel_format::RgbFormat,
    utils::{
        ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType,
    },
};

use super::CameraInfo;
use crate::source::{
    OpenOptions, SourceError,
    capture::{Device, Grab},
};

/// The formats that are decoded, best first: MJPEG and YUYV are what web cameras do well.
const FORMATS: [FrameFormat; 6] = [
    FrameFormat::MJPEG,
    FrameFormat::YUYV,
    FrameFormat::NV12,
    FrameFormat::RAWRGB,
    FrameFormat::RAWBGR,
    FrameFormat::GRAY,
];

/// Formats tried until one is accepted.
const MAX_TRIES: usize = 8;

pub(super) fn list() -> Result<Vec<CameraInfo>, SourceError> {
    permit();
    let found = nokhwa::query(ApiBackend::Auto)
        .map_err(|error| SourceError::Camera { camera: "list".into(), why: error.to_string() })?;
    let mut cameras: Vec<_> = found
        .iter()
        .filter_map(|camera| {
            let index = camera.index().as_index().ok()?;
            Some(CameraInfo { index, name: camera.human_name() })
        })
        .filter(|camera| takes_pictures(camera.index))
        .collect();
    cameras.sort_by_key(|camera| camera.index);
    Ok(cameras)
}

/// False for the second device node that Linux makes for a camera's metadata.
fn takes_pictures(index: u32) -> bool {
    let path = format!("/sys/class/video4linux/video{index}/index");
    std::fs::read_to_string(path).map_or(true, |text| text.trim() == "0")
}

/// Asks the user for the camera where the system wants that (macOS).
fn permit() {
    if !nokhwa::nokhwa_check() {
        let (answer, answered) = crossbeam_channel::bounded(1);
        nokhwa::nokhwa_initialize(move |_| {
            let _ = answer.try_send(());
        });
        // Unanswered, opening will fail with the system's own words.
        let _ = answered.recv_timeout(std::time::Duration::from_secs(60));
    }
}

pub(super) struct NokhwaDevice(Camera);

impl NokhwaDevice {
    pub(super) fn open(index: u32, options: &OpenOptions) -> Result<Self, String> {
        let open = |request| {
            let request = RequestedFormat::with_formats(request, &FORMATS);
            Camera::new(CameraIndex::Index(index), request)
        };
        // The first format only serves to ask for all of them. Where nokhwa cannot
        // resolve even that, the usual ones are tried blindly.
        let mut formats = match open(RequestedFormatType::None) {
            Ok(mut camera) => camera.compatible_camera_formats().unwrap_or_default(),
            Err(error) => {
                tracing::debug!(index, %error, "the camera does not tell its formats");
                Vec::new()
            }
        };
        if formats.is_empty() {
            let (width, height, fps) = (options.width, options.height, options.fps as u32);
            formats =
                FORMATS.map(|format| CameraFormat::new_from(width, height, format, fps)).into();
        }
        rank(&mut formats, options);
        let mut why = "it has no format that can be read".to_string();
        for format in formats.into_iter().take(MAX_TRIES) {
            let mut camera = match open(RequestedFormatType::Exact(format)) {
                Ok(camera) => camera,
                Err(error) => {
                    why = format!("{format}: {error}");
                    continue;
                }
            };
            match camera.open_stream() {
                Ok(()) => {
                    tracing::info!(index, format = %camera.camera_format(), "camera opened");
                    return Ok(Self(camera));
                }
                Err(error) => why = format!("{format}: {error}"),
            }
        }
        Err(why)
    }
}

impl Device for NokhwaDevice {
    fn grab(&mut self) -> Result<Grab, String> {
        let buffer = self.0.frame().map_err(|error| error.to_string())?;
        // The decoder fills the missing end of a JPEG with grey instead of saying so.
        if buffer.source_frame_format() == FrameFormat::MJPEG
            && !buffer.buffer().windows(2).rev().any(|pair| pair == [0xff, 0xd9])
        {
            return Ok(Grab::Broken("the end of the JPEG is missing".into()));
        }
        Ok(match buffer.decode_image::<RgbFormat>() {
            Ok(image) => Grab::Picture(image),
            Err(error) => Grab::Broken(error.to_string()),
        })
    }

    fn fps(&self) -> f32 {
        self.0.frame_rate() as f32
    }
}

/// Puts what can be decoded and lies nearest to the wish first.
///
/// The highest frame rate or resolution is never the aim: cameras reach them with tiny
/// or raw formats.
fn rank(formats: &mut Vec<CameraFormat>, options: &OpenOptions) {
    formats.retain(|format| FORMATS.contains(&format.format()) && format.frame_rate() > 0);
    let cost = |format: &CameraFormat| {
        let side = |have: u32, wish: u32| {
            let ratio = have as f32 / wish as f32;
            // Too small loses detail that nothing brings back; too large only costs time.
            if ratio < 1.0 { 2.0 * (1.0 / ratio - 1.0) } else { ratio - 1.0 }
        };
        let rate = format.frame_rate() as f32 / options.fps;
        let rate = if rate < 1.0 { 2.0 * (1.0 / rate - 1.0) } else { 0.1 * (rate - 1.0) };
        let kind = FORMATS.iter().position(|known| *known == format.format()).unwrap_or(0);
        side(format.width(), options.width)
            + side(format.height(), options.height)
            + rate
            + 0.05 * kind as f32
    };
    formats.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(formats: &[(u32, u32, FrameFormat, u32)]) -> CameraFormat {
        let mut formats: Vec<_> = formats
            .iter()
            .map(|&(width, height, format, fps)| CameraFormat::new_from(width, height, format, fps))
            .collect();
        rank(&mut formats, &OpenOptions::default());
        formats[0]
    }

    #[test]
    fn the_format_near_the_wish_is_taken_not_the_fastest() {
        use FrameFormat::{GRAY, MJPEG, YUYV};
        let usual = [
            (320, 180, GRAY, 330),
            (1920, 1080, MJPEG, 30),
            (640, 480, YUYV, 30),
            (640, 480, MJPEG, 60),
            (640, 480, MJPEG, 30),
        ];
        assert_eq!(best(&usual), CameraFormat::new_from(640, 480, MJPEG, 30));
        let slow_at_vga = [(640, 480, YUYV, 5), (1280, 720, MJPEG, 30)];
        assert_eq!(best(&slow_at_vga).width(), 1280, "rate counts before size");
        let no_vga = [(352, 288, MJPEG, 30), (800, 600, MJPEG, 30), (2592, 1944, MJPEG, 15)];
        assert_eq!(best(&no_vga).width(), 800);
    }

    #[test]
    fn a_machine_without_a_camera_says_so() {
        let cameras = list().unwrap();
        if !cameras.is_empty() {
            eprintln!("skipped: this machine has a camera");
            return;
        }
        let error = super::super::open(0, &OpenOptions::default()).err().unwrap();
        assert!(matches!(error, SourceError::NoCamera), "{error}");
    }
}
