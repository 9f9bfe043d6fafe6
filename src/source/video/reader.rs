//! ffmpeg's demuxer, decoder and scaler behind one `next_frame`.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ffmpeg::{codec, format, frame, media, software::scaling, util::log};
use ffmpeg_next as ffmpeg;
use image::{DynamicImage, RgbImage, metadata::Orientation};

use crate::{
    frame::{Frame, PicturePool},
    source::{SourceError, SourceInfo},
};

/// Longer side of the frames given, pixels: larger videos are scaled down, since a face
/// that a driver's camera sees is large enough in this, and 4K only costs time.
const MAX_SIDE_PX: u32 = 1280;

/// Largest video that is decoded, pixels a frame (8K).
const MAX_PIXELS: u64 = 7680 * 4320;

/// Broken packets in a row after which the file is given up.
const MAX_BROKEN_PACKETS: usize = 500;

/// A file may end this much before its header says without being called truncated:
/// headers are rounded, and the last frames of some cameras are missing.
const END_SLACK: Duration = Duration::from_millis(500);

/// The sentence that says why a video cannot be read.
pub(super) fn unreadable(path: &Path, why: impl Into<String>) -> SourceError {
    SourceError::Unreadable { path: path.into(), what: "a video", why: why.into() }
}

/// An open file and where in it we are.
pub(super) struct Reader {
    path: PathBuf,
    info: SourceInfo,
    input: format::context::Input,
    stream: usize,
    decoder: codec::decoder::Video,
    scaler: Option<scaling::Context>,
    /// What the scaler last gave; its memory is used again.
    scaled: frame::Video,
    pictures: PicturePool,
    orientation: Orientation,
    /// Seconds of one unit of the stream's time stamps.
    time_base: f64,
    /// Nominal distance of two frames.
    step: Duration,
    /// Duration of the stream by its header.
    expected: Option<Duration>,
    clock: Clock,
    drained: bool,
    /// Whether the file is shorter than its own header says.
    cut: bool,
    /// Why the file could not be read to its end.
    broke_off: Option<String>,
    broken: usize,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let fail = |why: &str| unreadable(path, why);
        let data = fs::metadata(path).map_err(|error| fail(&error.to_string()))?;
        if !data.is_file() {
            return Err(fail("it is not a file"));
        }
        if data.len() == 0 {
            return Err(fail("the file is empty"));
        }
        ffmpeg::init().map_err(|error| fail(&error.to_string()))?;
        log::set_level(log::Level::Quiet);

        // The prefix keeps a colon in the name from being taken for a protocol, and the
        // list keeps a play-list from opening the network.
        let name = path.to_str().filter(|name| !name.contains('\0'));
        let url = format!("file:{}", name.ok_or_else(|| fail("its name is not UTF-8"))?);
        let options = [("protocol_whitelist", "file")].into_iter().collect();
        let input = format::input_with_dictionary(&url, options)
            .map_err(|error| fail(&error.to_string()))?;

        let stream = input
            .streams()
            .best(media::Type::Video)
            .filter(|stream| {
                !stream.disposition().contains(format::stream::Disposition::ATTACHED_PIC)
            })
            .ok_or_else(|| fail("it holds no video, perhaps only sound"))?;
        let decoder = codec::context::Context::from_parameters(stream.parameters())
            .and_then(open_decoder)
            .map_err(|error| fail(&error.to_string()))?;
        if let Some(why) = too_large(decoder.width(), decoder.height()) {
            return Err(fail(&why));
        }
        let time_base = f64::from(stream.time_base());
        if !(time_base.is_finite() && time_base > 0.0) {
            return Err(fail("it has no time base"));
        }
        let rate = [stream.avg_frame_rate(), stream.rate()]
            .into_iter()
            .filter(|rate| rate.numerator() > 0 && rate.denominator() > 0)
            .map(f64::from)
            .find(|rate| (0.1..=1000.0).contains(rate));
        let expected = (stream.duration() > 0).then(|| stream.duration() as f64 * time_base);
        let info = SourceInfo {
            name: path.display().to_string(),
            live: false,
            fps: rate.map(|rate| rate as f32),
            frames: u64::try_from(stream.frames()).ok().filter(|frames| *frames > 0),
        };
        let orientation = stream
            .side_data()
            .find(|data| data.kind() == codec::packet::side_data::Type::DisplayMatrix)
            .map_or(Orientation::NoTransforms, |data| orientation(data.data()));
        Ok(Self {
            path: path.into(),
            info,
            stream: stream.index(),
            decoder,
            scaler: None,
            scaled: frame::Video::empty(),
            pictures: PicturePool::default(),
            orientation,
            time_base,
            step: Duration::from_secs_f64(1.0 / rate.unwrap_or(25.0)),
            expected: expected.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            clock: Clock::default(),
            drained: false,
            cut: is_cut(path, data.len()),
            broke_off: None,
            broken: 0,
            input,
        })
    }

    pub(super) fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    /// Goes to the last frame before `at` that decoding can begin with. A file that cannot
    /// be searched stays where it is: it is read on to there.
    pub(super) fn seek(&mut self, at: Duration) {
        if at < Duration::from_secs(1) {
            return;
        }
        // The first stamp is what media time counts from.
        let origin = self.input.stream(self.stream).map_or(0, |stream| stream.start_time());
        let origin = if origin == i64::MIN { 0.0 } else { origin as f64 * self.time_base };
        let target = ((origin + at.as_secs_f64()) * f64::from(ffmpeg::ffi::AV_TIME_BASE)) as i64;
        if self.input.seek(target, ..target).is_ok() {
            self.decoder.flush();
            self.clock = Clock { origin: Some(origin), last: Duration::ZERO, frames: 0 };
        }
    }

    /// The next frame, `None` at the end. A file that ends before its header says, or
    /// that breaks off, gives the frames that there are and then the error.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        let mut decoded = frame::Video::empty();
        loop {
            match self.decoder.receive_frame(&mut decoded) {
                Ok(()) => return self.finish(&decoded).map(Some),
                Err(ffmpeg::Error::Eof) => return self.end(),
                Err(ffmpeg::Error::Other { errno: ffmpeg::error::EAGAIN }) => {}
                Err(error) => self.count_broken(error)?,
            }
            if self.drained {
                return self.end();
            }
            self.feed()?;
        }
    }

    /// Hands the next packet of our stream to the decoder, or the end of the file.
    fn feed(&mut self) -> Result<(), SourceError> {
        let mut packet = ffmpeg::Packet::empty();
        match packet.read(&mut self.input) {
            Ok(()) if packet.stream() != self.stream => Ok(()),
            Ok(()) => match self.decoder.send_packet(&packet) {
                Ok(()) => {
                    self.broken = 0;
                    Ok(())
                }
                Err(error) => self.count_broken(error),
            },
            Err(ffmpeg::Error::InvalidData) => self.count_broken(ffmpeg::Error::InvalidData),
            Err(error) => {
                if error != ffmpeg::Error::Eof {
                    tracing::warn!(file = %self.path.display(), %error, "the video breaks off");
                    self.broke_off = Some(error.to_string());
                }
                self.drained = true;
                match self.decoder.send_eof() {
                    Ok(()) | Err(ffmpeg::Error::Eof) => Ok(()),
                    Err(error) => Err(unreadable(&self.path, error.to_string())),
                }
            }
        }
    }

    /// A single broken packet is stepped over; hundreds in a row are a broken file.
    fn count_broken(&mut self, error: ffmpeg::Error) -> Result<(), SourceError> {
        self.broken += 1;
        tracing::debug!(file = %self.path.display(), %error, "a broken packet was skipped");
        match self.broken {
            0..=MAX_BROKEN_PACKETS => Ok(()),
            _ => Err(unreadable(&self.path, error.to_string())),
        }
    }

    /// What to say after the last frame.
    fn end(&self) -> Result<Option<Frame>, SourceError> {
        if self.clock.frames == 0 {
            return Err(unreadable(&self.path, "not one frame could be decoded"));
        }
        let reached = self.clock.last + self.step;
        let late = |expected: Duration| reached + END_SLACK.max(expected / 20) < expected;
        let few = |frames: u64| self.clock.frames + frames / 20 < frames;
        // Duration and count must agree: either alone is wrong in some whole files.
        let short = self.expected.is_some_and(late) && self.info.frames.is_none_or(few);
        let truncated = self.cut || short;
        let why = match &self.broke_off {
            Some(why) => format!(": {why}"),
            None if truncated => String::new(),
            None => return Ok(None),
        };
        let seconds = reached.as_secs_f32();
        Err(unreadable(&self.path, format!("it breaks off after {seconds:.1} s{why}")))
    }

    /// Scales a decoded frame to RGB, turns it upright and stamps it.
    fn finish(&mut self, decoded: &frame::Video) -> Result<Frame, SourceError> {
        let image = self.rgb_of(decoded)?;
        let stamp = decoded.timestamp().map(|stamp| stamp as f64 * self.time_base);
        let (at, index) = self.clock.tick(stamp, self.step);
        Ok(Frame { image: upright(image, self.orientation), at, index })
    }

    fn rgb_of(&mut self, decoded: &frame::Video) -> Result<Arc<RgbImage>, SourceError> {
        let (width, height, format) = (decoded.width(), decoded.height(), decoded.format());
        if width == 0 || height == 0 {
            return Err(unreadable(&self.path, "its frames are empty"));
        }
        if let Some(why) = too_large(width, height) {
            return Err(unreadable(&self.path, why));
        }
        let fail = |error: ffmpeg::Error| unreadable(&self.path, error.to_string());
        // Some files change their resolution midway: then the scaler is made anew.
        let from = scaling::context::Definition { format, width, height };
        let scaler = match &mut self.scaler {
            Some(scaler) if *scaler.input() == from => scaler,
            stale => {
                let (to_width, to_height) =
                    fitted(width, height, f64::from(decoded.aspect_ratio()));
                // What was scaled before may have had another size.
                self.scaled = frame::Video::empty();
                stale.insert(
                    scaling::Context::get(
                        format,
                        width,
                        height,
                        format::Pixel::RGB24,
                        to_width,
                        to_height,
                        scaling::Flags::BILINEAR | scaling::Flags::ACCURATE_RND,
                    )
                    .map_err(fail)?,
                )
            }
        };
        let rgb = &mut self.scaled;
        scaler.run(decoded, rgb).map_err(fail)?;
        let size = [rgb.width(), rgb.height()];
        let (row, stride) = (size[0] as usize * 3, rgb.stride(0));
        if row > stride || rgb.data(0).len() < stride * (size[1] as usize).saturating_sub(1) + row {
            return Err(unreadable(&self.path, "a frame came out short"));
        }
        Ok(self.pictures.fill(size, |picture| {
            let lines = rgb.data(0).chunks(stride).zip(picture.chunks_exact_mut(row));
            lines.for_each(|(from, to)| to.copy_from_slice(&from[..row]));
        }))
    }
}

/// Opens the decoder of a stream. It takes no memory for frames larger than are read,
/// whatever a header in the middle of the file says.
fn open_decoder(context: codec::context::Context) -> Result<codec::decoder::Video, ffmpeg::Error> {
    let most = MAX_PIXELS.to_string();
    let options = [("max_pixels", most.as_str())].into_iter().collect();
    let codec = codec::decoder::find(context.id()).ok_or(ffmpeg::Error::DecoderNotFound)?;
    context.decoder().open_as_with(codec, options)?.video()
}

fn too_large(width: u32, height: u32) -> Option<String> {
    (u64::from(width) * u64::from(height) > MAX_PIXELS)
        .then(|| format!("its frames are {width}x{height}, at most 7680x4320 are read"))
}

/// Whether a RIFF file (AVI) is shorter than its header says. ffmpeg guesses the duration of
/// such a file anew from what is there, so that nothing seems to be missing. Headers of
/// recordings that were never closed say 0 or the most there can be; they say nothing.
fn is_cut(path: &Path, length: u64) -> bool {
    let mut head = [0; 8];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut head));
    let [b'R', b'I', b'F', b'F', size @ ..] = head else { return false };
    let size = u32::from_le_bytes(size);
    read.is_ok() && size != 0 && size != u32::MAX && u64::from(size) + 8 > length
}

/// Size of the frames given for a video of `width` x `height` whose pixels are
/// `pixel_aspect` times as wide as high (0 = unknown): square pixels, at most
/// [`MAX_SIDE_PX`] on the longer side.
fn fitted(width: u32, height: u32, pixel_aspect: f64) -> (u32, u32) {
    let stretch = if (0.2..=5.0).contains(&pixel_aspect) { pixel_aspect } else { 1.0 };
    let (width, height) = (f64::from(width) * stretch, f64::from(height));
    let scale = (f64::from(MAX_SIDE_PX) / width.max(height)).min(1.0);
    let side = |length: f64| ((length * scale).round() as u32).max(1);
    (side(width), side(height))
}

fn upright(image: Arc<RgbImage>, orientation: Orientation) -> Arc<RgbImage> {
    if orientation == Orientation::NoTransforms {
        return image;
    }
    let mut image = DynamicImage::ImageRgb8(Arc::unwrap_or_clone(image));
    image.apply_orientation(orientation);
    Arc::new(image.into_rgb8())
}

/// What a display matrix does to the picture, in quarter turns and flips.
///
/// The nine 32-bit numbers `a b u c d v x y w` move a point `(x, y)`, y down, to
/// `(a x + c y, b x + d y)`; phones write `0 1 -1 0` for a picture held upright.
pub(super) fn orientation(matrix: &[u8]) -> Orientation {
    let entry = |at: usize| {
        let bytes = matrix.get(4 * at..4 * at + 4).and_then(|bytes| bytes.try_into().ok());
        i64::from(bytes.map_or(0, i32::from_ne_bytes))
    };
    let (a, b, c, d) = (entry(0), entry(1), entry(3), entry(4));
    if a.abs() + d.abs() >= b.abs() + c.abs() {
        match (a < 0, d < 0) {
            (false, false) => Orientation::NoTransforms,
            (true, true) => Orientation::Rotate180,
            (true, false) => Orientation::FlipHorizontal,
            (false, true) => Orientation::FlipVertical,
        }
    } else {
        match (b < 0, c < 0) {
            (false, true) => Orientation::Rotate90,
            (true, false) => Orientation::Rotate270,
            (false, false) => Orientation::Rotate90FlipH,
            (true, true) => Orientation::Rotate270FlipH,
        }
    }
}

/// Turns time stamps into media time that begins at 0 and only rises.
#[derive(Default)]
pub(super) struct Clock {
    /// Stamp that counts as time 0, seconds.
    origin: Option<f64>,
    pub(super) last: Duration,
    pub(super) frames: u64,
}

impl Clock {
    /// Time and index of the next frame, whose stamp is `stamp` seconds. A frame without
    /// a stamp follows one `step` later; where stamps jump back (joined files), time goes
    /// on from there.
    pub(super) fn tick(&mut self, stamp: Option<f64>, step: Duration) -> (Duration, u64) {
        let next = if self.frames == 0 { Duration::ZERO } else { self.last + step };
        let at = match stamp {
            None => next,
            Some(stamp) => {
                let origin = *self.origin.get_or_insert(stamp - next.as_secs_f64());
                match Duration::try_from_secs_f64(stamp - origin) {
                    Ok(at) if at > self.last || self.frames == 0 => at,
                    _ => {
                        self.origin = Some(stamp - next.as_secs_f64());
                        next
                    }
                }
            }
        };
        let index = self.frames;
        self.last = at;
        self.frames += 1;
        (at, index)
    }
}
