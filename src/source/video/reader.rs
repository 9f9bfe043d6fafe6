//! ffmpeg's demuxer, decoder and scaler behind one `next_frame`.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ffmpeg::{codec, format, frame};
use ffmpeg_next as ffmpeg;
use image::metadata::Orientation;
use parking_lot::Mutex;

use super::{
    input::{As, Opened, open_decoder},
    turn::{Painter, orientation, too_large},
    unreadable,
};
use crate::{
    frame::Frame,
    source::{
        Note, NoteKind, OpenOptions, SourceError, SourceInfo,
        time::{Join, TimeKeeper},
    },
};

/// Longer side of the frames given, pixels: larger videos are scaled down, since a face
/// that a driver's camera sees is large enough in this, and 4K only costs time.
const MAX_SIDE_PX: u32 = 1280;
/// The same of a single picture, which is read as large as it is.
const MAX_PICTURE_PX: u32 = 16_384;

/// Broken packets in a row after which the file is given up.
const MAX_BROKEN_PACKETS: usize = 500;

/// A file may end this much before its header says without being called truncated:
/// headers are rounded, and the last frames of some cameras are missing.
const END_SLACK: Duration = Duration::from_millis(500);

/// Frames a second of a recording that names no rate.
const GUESSED_FPS: f64 = 25.0;
/// A picture that begins so much after the sound is told, seconds.
const LATE_S: f64 = 0.5;
/// So many joins are told one by one.
const MOST_JOINS: usize = 20;
/// A search in a file that may have been joined is believed when it leads so near.
const NEAR: Duration = Duration::from_secs(60);

/// What to do with a recording that ends too soon.
const CUT: &str = "what came before is judged; copy it again if it is whole on the camera";

/// What is told of a recording, shared with whoever watches it.
#[derive(Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Vec<Note>>>);

impl Notes {
    fn tell(&self, kind: NoteKind, text: String) {
        self.0.lock().push(Note::new(kind, text));
    }

    pub(super) fn all(&self) -> Vec<Note> {
        self.0.lock().clone()
    }
}

/// An open file and where in it we are.
pub(super) struct Reader {
    path: PathBuf,
    options: OpenOptions,
    info: SourceInfo,
    input: format::context::Input,
    stream: usize,
    /// The other video streams, by their numbers.
    others: Vec<usize>,
    decoder: codec::decoder::Video,
    painter: Painter,
    /// Seconds of one unit of the stream's time stamps.
    time_base: f64,
    /// Nominal distance of two frames.
    step: Duration,
    /// Stamp at which the container begins, seconds.
    origin: Option<f64>,
    /// The format has no time stamps.
    stampless: bool,
    /// Files of the format may be joined.
    joinable: bool,
    /// Duration of the stream by its header.
    expected: Option<Duration>,
    clock: TimeKeeper,
    /// Media time of the first frame.
    first_at: Duration,
    /// It was searched.
    searched: bool,
    /// A frame that was looked at after a search.
    ahead: Option<Frame>,
    drained: bool,
    /// Whether the file is shorter than its own header says.
    cut: bool,
    /// Why the file could not be read to its end.
    broke_off: Option<String>,
    /// Broken packets in a row, and in all.
    broken: usize,
    damaged: usize,
    joins: usize,
    notes: Notes,
}

impl Reader {
    /// Opens a recording.
    pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Self, SourceError> {
        Self::open_as(path, options, As::Recording)
    }

    /// Opens a single picture.
    pub(super) fn open_picture(path: &Path) -> Result<Self, SourceError> {
        Self::open_as(path, &OpenOptions::default(), As::Picture)
    }

    fn open_as(path: &Path, options: &OpenOptions, what: As) -> Result<Self, SourceError> {
        let fail = |why: String| unreadable(path, why, "convert it to MP4 or JPEG first");
        let opened = Opened::new(path, what)?;
        let (index, number) = opened.choose(path, options.stream)?;
        let Some(stream) = opened.input.stream(index) else {
            return Err(fail("its streams changed".into()));
        };
        let decoder = codec::context::Context::from_parameters(stream.parameters())
            .and_then(open_decoder)
            .map_err(|error| fail(error.to_string()))?;
        if let Some(why) = too_large(decoder.width(), decoder.height()) {
            return Err(fail(why));
        }
        let time_base = f64::from(stream.time_base());
        if !(time_base.is_finite() && time_base > 0.0) {
            return Err(fail("it has no time base".into()));
        }
        let (stampless, joinable) = (opened.stampless(), opened.joinable());
        let notes = Notes::default();
        let rate = rate(&stream, stampless, options, &notes);
        let expected = (stream.duration() > 0).then(|| stream.duration() as f64 * time_base);
        let info = SourceInfo {
            name: path.display().to_string(),
            live: false,
            fps: rate.map(|rate| rate as f32),
            frames: u64::try_from(stream.frames()).ok().filter(|frames| *frames > 0),
        };
        let turned = stream
            .side_data()
            .find(|data| data.kind() == codec::packet::side_data::Type::DisplayMatrix)
            .map_or(Orientation::NoTransforms, |data| orientation(data.data()));
        let others: Vec<usize> =
            (0..opened.pictures().len()).filter(|other| *other != number).collect();
        if !others.is_empty() {
            let all = opened.named();
            let text = format!(
                "it holds {} video streams: {all}; stream {number} is watched, --stream N \
                 chooses another",
                others.len() + 1
            );
            notes.tell(NoteKind::Streams, text);
        }
        let step = Duration::from_secs_f64(1.0 / rate.unwrap_or(GUESSED_FPS));
        let origin = opened.start();
        let most_px = if what == As::Picture { MAX_PICTURE_PX } else { MAX_SIDE_PX };
        Ok(Self {
            path: path.into(),
            options: *options,
            info,
            stream: index,
            others,
            decoder,
            painter: Painter::new(most_px, turned),
            time_base,
            step,
            origin,
            stampless,
            joinable,
            expected: expected.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            clock: TimeKeeper::new(origin, step, joinable),
            first_at: Duration::ZERO,
            searched: false,
            ahead: None,
            drained: false,
            cut: is_cut(path, opened.length),
            broke_off: None,
            broken: 0,
            damaged: 0,
            joins: 0,
            notes,
            input: opened.input,
        })
    }

    pub(super) fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    pub(super) fn notes(&self) -> Notes {
        self.notes.clone()
    }

    pub(super) fn others(&self) -> Vec<usize> {
        self.others.clone()
    }

    /// Goes to the last frame before `at` that decoding can begin with. A file that cannot
    /// be searched stays where it is: it is read on to there.
    pub(super) fn seek(&mut self, at: Duration) -> Result<(), SourceError> {
        if at < Duration::from_secs(1) || self.stampless {
            return Ok(());
        }
        let origin = self.origin.unwrap_or(0.0);
        let target = ((origin + at.as_secs_f64()) * f64::from(ffmpeg::ffi::AV_TIME_BASE)) as i64;
        if self.input.seek(target, ..target).is_err() {
            return Ok(());
        }
        self.decoder.flush();
        self.clock.searched();
        self.searched = true;
        if !self.joinable {
            return Ok(());
        }
        // Behind a join the stamps say something else: then it is read on to there.
        match self.next_frame() {
            Ok(Some(frame)) if frame.at <= at && at - frame.at < NEAR => {
                self.ahead = Some(frame);
                Ok(())
            }
            _ => {
                let notes = self.notes.clone();
                *self = Self::open(&self.path, &self.options)?;
                self.notes = notes;
                Ok(())
            }
        }
    }

    /// The next frame, `None` at the end. A file that ends before its header says, or
    /// that breaks off, gives the frames that there are and then the error.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        if let Some(frame) = self.ahead.take() {
            return Ok(Some(frame));
        }
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
                    Err(error) => Err(self.broken(error.to_string())),
                }
            }
        }
    }

    /// A single broken packet is stepped over; hundreds in a row are a broken file.
    fn count_broken(&mut self, error: ffmpeg::Error) -> Result<(), SourceError> {
        self.broken += 1;
        self.damaged += 1;
        tracing::debug!(file = %self.path.display(), %error, "a broken packet was skipped");
        match self.broken {
            0..=MAX_BROKEN_PACKETS => Ok(()),
            _ => Err(self.broken(error.to_string())),
        }
    }

    fn broken(&self, why: String) -> SourceError {
        unreadable(&self.path, why, CUT)
    }

    /// What to say after the last frame.
    fn end(&mut self) -> Result<Option<Frame>, SourceError> {
        let frames = self.clock.frames();
        if frames == 0 {
            let way = "copy it again; if it is so on the camera, it cannot be read";
            return Err(unreadable(&self.path, "not one frame could be decoded", way));
        }
        if self.damaged > 0 {
            let text = format!("{} damaged packets were stepped over", self.damaged);
            self.notes.tell(NoteKind::Damaged, text);
            self.damaged = 0;
        }
        let end = self.clock.last() + self.step;
        let reached = end.saturating_sub(self.first_at);
        let late = |expected: Duration| reached + END_SLACK.max(expected / 20) < expected;
        let few = |expected: u64| frames + expected / 20 < expected;
        // Duration and count must agree: either alone is wrong in some whole files. Of files
        // that may be joined, the duration is a guess.
        let short =
            !self.joinable && self.expected.is_some_and(late) && self.info.frames.is_none_or(few);
        // A wrong size in the header is no loss where every frame is there.
        let cut = self.cut
            && !self.searched
            && self.info.frames.is_none_or(|expected| frames + 1 < expected);
        let why = match &self.broke_off {
            Some(why) => format!(": {why}"),
            None if short || cut => String::new(),
            None => return Ok(None),
        };
        let seconds = end.as_secs_f32();
        Err(self.broken(format!("it breaks off after {seconds:.1} s{why}")))
    }

    /// Scales a decoded frame to RGB, turns it upright and stamps it.
    fn finish(&mut self, decoded: &frame::Video) -> Result<Frame, SourceError> {
        let painted = self.painter.paint(decoded);
        let image =
            painted.map_err(|why| unreadable(&self.path, why, "convert it to MP4 first"))?;
        let stamp = decoded.timestamp().filter(|_| !self.stampless);
        let (at, index, join) = self.clock.tick(stamp.map(|stamp| stamp as f64 * self.time_base));
        if index == 0 && !self.searched {
            self.first_at = at;
            let late_s = at.as_secs_f64();
            if late_s >= LATE_S {
                let text =
                    format!("its picture begins {late_s:.3} s after the beginning of the file");
                self.notes.tell(NoteKind::Late, text);
            }
        }
        if let Some(join) = join {
            self.note_join(join);
        }
        Ok(Frame { image, at, index })
    }

    fn note_join(&mut self, join: Join) {
        self.joins += 1;
        let (at, step) = (join.at.as_secs_f64(), join.step_s);
        match self.joins {
            ..=MOST_JOINS => {
                let text = format!(
                    "its time stamps jump by {step:+.1} s at {at:.3} s: parts were joined there, \
                     and time goes on without the jump"
                );
                self.notes.tell(NoteKind::Joined, text);
            }
            n if n == MOST_JOINS + 1 => {
                self.notes.tell(NoteKind::Joined, "and its time stamps jump more often".into());
            }
            _ => {}
        }
    }
}

/// Frames a second of a stream. Where frames have no time stamps, everything rests on it,
/// and what it was taken from is told.
fn rate(
    stream: &format::stream::Stream<'_>,
    stampless: bool,
    options: &OpenOptions,
    notes: &Notes,
) -> Option<f64> {
    let known = |rate: ffmpeg::Rational| {
        let fraction = rate.numerator() > 0 && rate.denominator() > 0;
        Some(f64::from(rate)).filter(|rate| fraction && (0.1..=1000.0).contains(rate))
    };
    if !stampless {
        return known(stream.avg_frame_rate()).or_else(|| known(stream.rate()));
    }
    let wished = options.stampless_fps.map(f64::from);
    let (rate, from) = match (wished, known(stream.avg_frame_rate())) {
        (Some(rate), _) => (rate, "as was asked for"),
        (None, Some(rate)) => (rate, "as its header says; --fps sets another rate"),
        (None, None) => (
            GUESSED_FPS,
            "which is a guess, and all times are wrong if it is; --fps sets the right rate",
        ),
    };
    let rounded = (rate * 1000.0).round() / 1000.0;
    let text =
        format!("it has no time stamps; its frames are taken for {rounded} a second, {from}");
    notes.tell(NoteKind::Rate, text);
    Some(rate)
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
