//! A copy of a recording with what was seen and judged drawn in: the face's box, the eyes,
//! the state, and a frame in the alarm's colour. It is only made when it is asked for,
//! since it shows a person.

use std::{
    io,
    path::{Path, PathBuf},
};

use ffmpeg::{Rational, codec, encoder, format, frame, software::scaling};
use ffmpeg_next as ffmpeg;
use image::{Rgb, RgbImage, imageops};
use imageproc::{drawing, rect::Rect};
use tempfile::NamedTempFile;

use super::ReplayError;
use crate::{
    chart::Letters,
    face::{BBox, Face},
    live::Sighting,
    monitor::{Judgement, Level},
};

/// Units of a second in which its frames are stamped.
const RATE: i32 = 60_000;
/// Height of the line of text over the height of the picture.
const LINE: f32 = 0.06;
/// The points of an eye, in the order around it.
const EYES: [std::ops::Range<usize>; 2] = [36..42, 42..48];

/// A copy that is being written. It takes its place when it is [finished](Self::finish).
pub(crate) struct AnnotatedCopy {
    path: PathBuf,
    file: NamedTempFile,
    letters: Letters,
    /// There from the first frame on, whose size it keeps.
    film: Option<Film>,
}

/// An open encoder.
struct Film {
    output: format::context::Output,
    video: encoder::Video,
    scaler: scaling::Context,
    rgb: frame::Video,
    size: (u32, u32),
    last: i64,
}

impl AnnotatedCopy {
    /// Begins a copy, as MP4.
    ///
    /// # Errors
    /// When its folder cannot be written, or its name does not end in .mp4.
    pub(crate) fn create(path: &Path) -> Result<Self, ReplayError> {
        let written = || ReplayError::io(path, "written");
        if !path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("mp4")) {
            return Err(written()(io::Error::other("its name does not end in .mp4")));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let file = NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(written())?;
        Ok(Self { path: path.into(), file, letters: Letters::new(), film: None })
    }

    /// Adds a frame with what was made of it.
    ///
    /// # Errors
    /// When it cannot be encoded or written.
    pub(crate) fn add(&mut self, seen: &Sighting, judged: &Judgement) -> Result<(), ReplayError> {
        let path = self.path.clone();
        let failed = |why: ffmpeg::Error| ReplayError::io(&path, "written")(io::Error::other(why));
        let mut picture = RgbImage::clone(&seen.frame.image);
        draw(&mut picture, seen.face.as_ref(), judged, &self.letters);
        if self.film.is_none() {
            let file = self.file.reopen().map_err(ReplayError::io(&self.path, "written"))?;
            self.film = Some(Film::open(file, picture.dimensions()).map_err(failed)?);
        }
        let stamp = (seen.frame.at.as_secs_f64() * f64::from(RATE)).round() as i64;
        match &mut self.film {
            Some(film) => film.add(&picture, stamp).map_err(failed),
            None => Ok(()),
        }
    }

    /// Ends the copy and puts it in its place. Without a frame there is none.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn finish(self) -> Result<(), ReplayError> {
        let Some(film) = self.film else { return Ok(()) };
        let written = || ReplayError::io(&self.path, "written");
        film.finish().map_err(|why| written()(io::Error::other(why)))?;
        self.file.persist(&self.path).map_err(|error| written()(error.error))?;
        Ok(())
    }
}

impl Film {
    fn open(file: std::fs::File, (width, height): (u32, u32)) -> Result<Self, ffmpeg::Error> {
        ffmpeg::init()?;
        // Encoders want even sides.
        let size = ((width + width % 2).max(2), (height + height % 2).max(2));
        let io = format::context::StreamIo::from_write_seek(file)?;
        let mut output = format::output_to_stream(io, None, Some("mp4"))?;
        let known = encoder::find_by_name("libx264").or_else(|| encoder::find(codec::Id::MPEG4));
        let codec = known.ok_or(ffmpeg::Error::EncoderNotFound)?;
        let mut video = codec::context::Context::new_with_codec(codec).encoder().video()?;
        video.set_width(size.0);
        video.set_height(size.1);
        video.set_format(format::Pixel::YUV420P);
        video.set_time_base(Rational(1, RATE));
        video.set_flags(codec::Flags::GLOBAL_HEADER);
        let options = match codec.id() {
            codec::Id::H264 => vec![("preset", "veryfast"), ("crf", "20")],
            _ => {
                video.set_bit_rate(4_000_000);
                vec![]
            }
        };
        let video = video.open_with(options.into_iter().collect())?;
        let mut stream = output.add_stream(codec)?;
        stream.set_time_base(Rational(1, RATE));
        stream.set_parameters(&video);
        output.write_header()?;
        let (rgb, yuv) = (format::Pixel::RGB24, format::Pixel::YUV420P);
        let flags = scaling::Flags::BILINEAR;
        let scaler = scaling::Context::get(rgb, size.0, size.1, yuv, size.0, size.1, flags)?;
        let rgb = frame::Video::new(rgb, size.0, size.1);
        Ok(Self { output, video, scaler, rgb, size, last: -1 })
    }

    fn add(&mut self, picture: &RgbImage, stamp: i64) -> Result<(), ffmpeg::Error> {
        let (width, height) = self.size;
        let resized;
        // One that changes its size midway is brought to that of the first.
        let picture = match picture.dimensions() == self.size {
            true => picture,
            false => {
                resized = imageops::resize(picture, width, height, imageops::FilterType::Triangle);
                &resized
            }
        };
        let (row, stride) = (width as usize * 3, self.rgb.stride(0));
        let lines = self.rgb.data_mut(0).chunks_mut(stride).zip(picture.chunks_exact(row));
        lines.for_each(|(to, from)| to[..row].copy_from_slice(from));
        let mut out = frame::Video::empty();
        self.scaler.run(&self.rgb, &mut out)?;
        self.last = stamp.max(self.last + 1);
        out.set_pts(Some(self.last));
        self.video.send_frame(&out)?;
        self.drain()
    }

    fn drain(&mut self) -> Result<(), ffmpeg::Error> {
        let to = self.output.stream(0).map_or(Rational(1, RATE), |stream| stream.time_base());
        let mut packet = ffmpeg::Packet::empty();
        while self.video.receive_packet(&mut packet).is_ok() {
            packet.set_stream(0);
            // Without one, the last picture of all would last no time, and not be shown.
            if packet.duration() <= 0 {
                packet.set_duration(i64::from(RATE / 30));
            }
            packet.rescale_ts(Rational(1, RATE), to);
            packet.write_interleaved(&mut self.output)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), ffmpeg::Error> {
        self.video.send_eof()?;
        self.drain()?;
        self.output.write_trailer()
    }
}

/// The colour of a level.
fn colour(level: Level) -> Rgb<u8> {
    Rgb(match level {
        Level::None => [0x2e, 0xc2, 0x7e],
        Level::Advisory => [0xf5, 0xc2, 0x11],
        Level::Warning => [0xff, 0x78, 0x00],
        Level::Critical => [0xed, 0x1c, 0x24],
    })
}

/// Draws what was seen and judged into a picture.
fn draw(picture: &mut RgbImage, face: Option<&Face>, judged: &Judgement, letters: &Letters) {
    let (width, height) = picture.dimensions();
    let (ink, line) = (colour(judged.level), (LINE * height as f32).max(12.0));
    let thick = (height / 240).clamp(1, 6);
    if let Some(face) = face {
        boxed(picture, face.bbox, thick, ink);
        for eye in EYES {
            let points = &face.landmarks.points[eye];
            for (from, to) in points.iter().zip(points.iter().cycle().skip(1)) {
                drawing::draw_line_segment_mut(picture, (from[0], from[1]), (to[0], to[1]), ink);
            }
        }
    }
    if judged.level >= Level::Warning {
        let whole = BBox { x: 0.0, y: 0.0, width: width as f32, height: height as f32 };
        boxed(picture, whole, 3 * thick, ink);
    }
    let band = Rect::at(0, 0).of_size(width.max(1), line.ceil() as u32);
    drawing::draw_filled_rect_mut(picture, band, Rgb([0x18; 3]));
    let state = serde_json::to_value(judged.state).ok();
    let state = state.as_ref().and_then(|word| word.as_str()).unwrap_or_default();
    let alarm = if judged.level >= Level::Warning { "  ALARM" } else { "" };
    let text = format!("{:.1} s  {}{alarm}  {}", judged.at, state.replace('_', " "), judged.why);
    letters.write(picture, (0.3 * line, 0.1 * line), 0.8 * line, ink, 0.0, &text);
}

/// Draws an empty box of this thickness.
fn boxed(picture: &mut RgbImage, area: BBox, thick: u32, ink: Rgb<u8>) {
    for inset in 0..thick.cast_signed() {
        let side = |length: f32| length as i32 - 2 * inset;
        let (width, height) = (side(area.width), side(area.height));
        if width > 0 && height > 0 {
            let place = Rect::at(area.x as i32 + inset, area.y as i32 + inset);
            let rect = place.of_size(width.cast_unsigned(), height.cast_unsigned());
            drawing::draw_hollow_rect_mut(picture, rect, ink);
        }
    }
}
