//! Cameras of Linux that give none of the formats that nokhwa decodes, as virtual ones do
//! (DroidCam, OBS, v4l2loopback: I420 and the like). Their raw pictures are read directly,
//! and painted by ffmpeg's scaler.

use std::time::Duration;

use ffmpeg::{format::Pixel, frame};
use ffmpeg_next as ffmpeg;
use image::metadata::Orientation;
use v4l::{
    Device as Camera, Format, FourCC, buffer::Type, io::mmap::Stream, io::traits::CaptureStream,
    video::Capture,
};

use crate::source::{
    OpenOptions,
    capture::{Device, Grab},
    video::Painter,
};

/// What is read: the driver's name of a format, ffmpeg's, and whether the second and third
/// plane are in the other order. Colour before grey, and the usual before the rare.
const FORMATS: [(&[u8; 4], Pixel, bool); 16] = [
    (b"YU12", Pixel::YUV420P, false),
    (b"YV12", Pixel::YUV420P, true),
    (b"YUYV", Pixel::YUYV422, false),
    (b"UYVY", Pixel::UYVY422, false),
    (b"YVYU", Pixel::YVYU422, false),
    (b"NV12", Pixel::NV12, false),
    (b"NV21", Pixel::NV21, false),
    (b"422P", Pixel::YUV422P, false),
    (b"RGB3", Pixel::RGB24, false),
    (b"BGR3", Pixel::BGR24, false),
    (b"BGR4", Pixel::BGRA, false),
    (b"XR24", Pixel::BGRA, false),
    (b"AR24", Pixel::BGRA, false),
    (b"RGB4", Pixel::ARGB, false),
    (b"RGBP", Pixel::RGB565LE, false),
    (b"GREY", Pixel::GRAY8, false),
];
/// What nokhwa decodes itself.
const BY_NOKHWA: [&[u8; 4]; 6] = [b"MJPG", b"YUYV", b"NV12", b"GRAY", b"RGB3", b"BGR3"];
/// Buffers that the driver fills in turn.
const BUFFERS: u32 = 4;
/// Longest wait for a picture.
const WAIT: Duration = Duration::from_secs(2);

/// A camera that is read as it is.
pub(super) struct RawCamera {
    stream: Stream<'static>,
    layout: Layout,
    painter: Painter,
    fps: f32,
}

/// How the bytes of a picture lie.
struct Layout {
    width: u32,
    height: u32,
    /// Bytes of a line of the first plane.
    line: usize,
    pixel: Pixel,
    swapped: bool,
}

/// Whether a camera gives formats, and none that nokhwa decodes: asked for one of those
/// blindly, some drivers say yes and give another.
pub(super) fn is_needed(index: u32) -> bool {
    let offered = Camera::new(index as usize).and_then(|camera| camera.enum_formats());
    let known = |format: &v4l::format::Description| BY_NOKHWA.contains(&&format.fourcc.repr);
    offered.is_ok_and(|offered| !offered.is_empty() && !offered.iter().any(known))
}

impl RawCamera {
    /// Opens a camera near the wished size in the first format that it and we know.
    pub(super) fn open(index: u32, options: &OpenOptions) -> Result<Self, String> {
        let said = |error: std::io::Error| error.to_string();
        ffmpeg::init().map_err(|error| error.to_string())?;
        let camera = Camera::new(index as usize).map_err(said)?;
        let offered = camera.enum_formats().map_err(said)?;
        let known = FORMATS
            .iter()
            .find(|(name, ..)| offered.iter().any(|format| format.fourcc.repr == **name));
        let Some((name, pixel, swapped)) = known else {
            let names: Vec<String> =
                offered.iter().map(|format| format.fourcc.to_string()).collect();
            return Err(format!("it only gives {}, which is not read", names.join(", ")));
        };
        let wished = Format::new(options.width, options.height, FourCC::new(name));
        let got = camera.set_format(&wished).map_err(said)?;
        if got.fourcc.repr != **name {
            return Err(format!("it gives {} where {} was asked for", got.fourcc, wished.fourcc));
        }
        let interval = camera.params().map(|params| params.interval);
        let fps = interval.map_or(0.0, |time| time.denominator as f32 / time.numerator as f32);
        let fps = if (1.0..=240.0).contains(&fps) { fps } else { 30.0 };
        let mut stream =
            Stream::with_buffers(&camera, Type::VideoCapture, BUFFERS).map_err(said)?;
        stream.set_timeout(WAIT);
        let layout = Layout {
            width: got.width,
            height: got.height,
            line: got.stride as usize,
            pixel: *pixel,
            swapped: *swapped,
        };
        tracing::info!(index, format = %got.fourcc, got.width, got.height, "camera opened raw");
        Ok(Self { stream, layout, painter: Painter::new(1280, Orientation::NoTransforms), fps })
    }
}

impl Device for RawCamera {
    fn grab(&mut self) -> Result<Grab, String> {
        let (bytes, facts) = self.stream.next().map_err(|error| error.to_string())?;
        let used = bytes.get(..facts.bytesused as usize).filter(|used| !used.is_empty());
        let painted = match self.layout.frame(used.unwrap_or(bytes)) {
            Some(frame) => self.painter.paint(&frame),
            None => Err("the picture is cut short".into()),
        };
        Ok(painted.map_or_else(Grab::Broken, |picture| {
            Grab::Picture(std::sync::Arc::unwrap_or_clone(picture))
        }))
    }

    fn fps(&self) -> f32 {
        self.fps
    }
}

impl Layout {
    /// The picture as ffmpeg has it; `None` where bytes are missing.
    fn frame(&self, bytes: &[u8]) -> Option<frame::Video> {
        let mut frame = frame::Video::new(self.pixel, self.width, self.height);
        let planes = frame.planes();
        let mut rest = bytes;
        for number in 0..planes {
            let place = if self.swapped && number > 0 { planes - number } else { number };
            let rows = frame.plane_height(place) as usize;
            let stride = frame.stride(place);
            // The colours of planar formats have half the width, of the others the same.
            let halved = planes == 3 && number > 0;
            let line = if halved { self.line / 2 } else { self.line };
            let wanted = line.min(stride);
            if line == 0 || rest.len() < line * (rows - 1) + wanted {
                return None;
            }
            let (plane, after) = rest.split_at(rest.len().min(line * rows));
            let to = frame.data_mut(place).chunks_mut(stride);
            for (to, from) in to.zip(plane.chunks(line)) {
                let wanted = wanted.min(from.len()).min(to.len());
                to[..wanted].copy_from_slice(&from[..wanted]);
            }
            rest = after;
        }
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ffmpeg::software::scaling;

    /// The bytes that a driver would give of a picture that is red left and blue right.
    fn driver(layout: &Layout) -> Vec<u8> {
        let (width, height) = (layout.width, layout.height);
        let mut rgb = frame::Video::new(Pixel::RGB24, width, height);
        let stride = rgb.stride(0);
        for line in rgb.data_mut(0).chunks_mut(stride) {
            for (x, pixel) in line.chunks_exact_mut(3).enumerate() {
                let red = x < width as usize / 2;
                pixel.copy_from_slice(if red { &[220, 20, 20] } else { &[20, 20, 220] });
            }
        }
        let flags = scaling::Flags::BILINEAR;
        let mut scaler =
            scaling::Context::get(Pixel::RGB24, width, height, layout.pixel, width, height, flags)
                .unwrap();
        let mut out = frame::Video::empty();
        scaler.run(&rgb, &mut out).unwrap();
        let mut order: Vec<usize> = (0..out.planes()).collect();
        if layout.swapped {
            order[1..].reverse();
        }
        let mut bytes = Vec::new();
        for (number, place) in order.into_iter().enumerate() {
            let halved = out.planes() == 3 && number > 0;
            let line = if halved { layout.line / 2 } else { layout.line };
            for row in
                out.data(place).chunks(out.stride(place)).take(out.plane_height(place) as usize)
            {
                let mut row = row.to_vec();
                row.resize(line, 0);
                bytes.extend(row);
            }
        }
        bytes
    }

    #[test]
    fn every_raw_format_gives_the_colours_that_went_in() {
        ffmpeg::init().unwrap();
        for (name, pixel, swapped) in FORMATS {
            let bytes = match name {
                b"YU12" | b"YV12" | b"NV12" | b"NV21" | b"422P" | b"GREY" => 1,
                b"RGB3" | b"BGR3" => 3,
                b"BGR4" | b"XR24" | b"AR24" | b"RGB4" => 4,
                _ => 2,
            };
            // Drivers pad their lines.
            let layout = Layout { width: 64, height: 48, line: 64 * bytes + 32, pixel, swapped };
            let given = driver(&layout);
            let frame = layout.frame(&given).unwrap();
            let mut painter = Painter::new(1280, Orientation::NoTransforms);
            let picture = painter.paint(&frame).unwrap();
            let name = String::from_utf8_lossy(name);
            let (left, right) = (picture.get_pixel(10, 20).0, picture.get_pixel(50, 20).0);
            if name == "GREY" {
                assert!(left[0] > right[0] && left[0] == left[2], "{name}: {left:?} {right:?}");
            } else {
                assert!(left[0] > 180 && left[2] < 70, "{name}: {left:?}");
                assert!(right[2] > 180 && right[0] < 70, "{name}: {right:?}");
            }
            assert!(layout.frame(&given[..given.len() / 2]).is_none(), "{name}: cut short");
        }
    }
}
