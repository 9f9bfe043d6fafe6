//! A recording's file as ffmpeg opens it: which formats it may take it for, which video
//! streams it holds, and when its time begins.

use std::{
    fs::{self, File},
    path::Path,
};

use ffmpeg::{codec, format, media, util::log};
use ffmpeg_next as ffmpeg;

use super::{MAX_PIXELS, unreadable};
use crate::source::{SourceError, formats::bytes, no_file};

/// ffmpeg's demuxers for recordings. Play-lists, which would open other files or the
/// network, and texts that are drawn as pictures are not among them.
const RECORDINGS: &str = "avi,mov,matroska,mpegts,mpeg,mpegvideo,flv,ogg,asf,gif,h264,hevc,m4v,\
    mjpeg,jpeg_pipe,mjpeg_2000,h261,h263,vc1,obu,ivf,dv,mxf,nut,rm,wtv,amv,dhav,nsv,apng,yuv4mpegpipe";
/// Those for sound alone, so that it can be told.
const SOUND: &str = "wav,w64,mp3,flac,aac,ac3,eac3,amr,aiff,caf,au,wv,ape,dsf";
/// Those for single pictures that the image library does not read.
const PICTURES: &str = "mov,j2k_pipe,jpeg2000_pipe";
/// Formats that hold pictures and no time stamps.
const STAMPLESS: [&str; 12] = [
    "h264",
    "hevc",
    "mjpeg",
    // The same where each picture is a file of its own (JFIF) by its bytes.
    "jpeg_pipe",
    "mjpeg_2000",
    "m4v",
    "mpegvideo",
    "h261",
    "h263",
    "vc1",
    "obu",
    "amv",
];
/// Formats whose files are whole when they are joined end to end.
const JOINABLE: [&str; 2] = ["mpegts", "mpeg"];
/// How a JPEG begins.
const JPEG: &[u8] = &[0xff, 0xd8, 0xff];
/// Bytes that are read at once.
const BUFFER: usize = 1 << 16;

/// What to do with a file that is broken.
const BROKEN: &str = "copy it again; if it is so on the camera, it cannot be read";

/// What a file is opened as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum As {
    /// A recording.
    Recording,
    /// A single picture.
    Picture,
}

/// An open file.
pub(super) struct Opened {
    pub(super) input: format::context::Input,
    /// Bytes of the file.
    pub(super) length: u64,
    /// ffmpeg's name of the format.
    format: String,
}

impl Opened {
    pub(super) fn new(path: &Path, what: As) -> Result<Self, SourceError> {
        let data = fs::metadata(path).map_err(|error| {
            unreadable(path, error.to_string(), "check the path and its rights")
        })?;
        if !data.is_file() {
            return Err(unreadable(path, no_file(&data), "name a file or a folder"));
        }
        if data.len() == 0 {
            return Err(unreadable(path, "the file is empty", BROKEN));
        }
        let file = File::open(path)
            .map_err(|error| unreadable(path, error.to_string(), "check its rights"))?;
        let input = open(file, path, what).map_err(|error| refused(path, error))?;
        let format = input.format().name().to_owned();
        Ok(Self { input, length: data.len(), format })
    }

    /// Whether the format has no time stamps.
    pub(super) fn stampless(&self) -> bool {
        STAMPLESS.contains(&self.format.as_str())
    }

    /// Whether files of the format may be joined end to end.
    pub(super) fn joinable(&self) -> bool {
        JOINABLE.contains(&self.format.as_str())
    }

    /// The indices of the streams of moving pictures, in order.
    pub(super) fn pictures(&self) -> Vec<usize> {
        let cover = format::stream::Disposition::ATTACHED_PIC;
        let moving = |stream: &format::stream::Stream<'_>| {
            medium(stream) == media::Type::Video && !stream.disposition().contains(cover)
        };
        self.input.streams().filter(moving).map(|stream| stream.index()).collect()
    }

    /// The stamp with which the container begins, seconds: that of its first picture or
    /// sound, as players count.
    pub(super) fn start(&self) -> Option<f64> {
        let starts = self.input.streams().filter_map(|stream| {
            let counts = matches!(medium(&stream), media::Type::Video | media::Type::Audio);
            let known = counts && stream.start_time() != i64::MIN;
            known.then(|| stream.start_time() as f64 * f64::from(stream.time_base()))
        });
        let start = starts.filter(|start| start.is_finite()).reduce(f64::min)?;
        // Sound may begin before 0 for its decoder to settle; no player shows that.
        Some(start.max(0.0))
    }

    /// The stream to watch: the wished one among those of moving pictures, or that which
    /// players show; and the number of it.
    pub(super) fn choose(
        &self,
        path: &Path,
        wished: Option<usize>,
    ) -> Result<(usize, usize), SourceError> {
        let all = self.pictures();
        if all.is_empty() {
            let sound = self.input.streams().any(|s| medium(&s) == media::Type::Audio);
            let why = if sound { "it holds no video, only sound" } else { "it holds no video" };
            return Err(unreadable(path, why, "name a recording with a picture"));
        }
        let best = self.input.streams().best(media::Type::Video).map(|stream| stream.index());
        let number = match wished {
            Some(wished) => wished,
            None => all.iter().position(|index| Some(*index) == best).unwrap_or(0),
        };
        match all.get(number) {
            Some(index) => Ok((*index, number)),
            None => {
                let last = all.len() - 1;
                let why = format!("it has no video stream {number}, only 0 to {last}");
                Err(unreadable(path, why, "choose one of these with --stream"))
            }
        }
    }

    /// The video streams, each with its number, for a sentence.
    pub(super) fn named(&self) -> String {
        let all = self.pictures();
        let one = |(number, index): (usize, &usize)| {
            let facts = self.input.stream(*index).and_then(|stream| {
                let context = codec::context::Context::from_parameters(stream.parameters()).ok()?;
                let codec = context.id().name();
                let video = context.decoder().video().ok()?;
                Some(format!("{number} ({}x{}, {codec})", video.width(), video.height()))
            });
            facts.unwrap_or_else(|| number.to_string())
        };
        all.iter().enumerate().map(one).collect::<Vec<_>>().join(", ")
    }
}

fn medium(stream: &format::stream::Stream<'_>) -> media::Type {
    codec::context::Context::from_parameters(stream.parameters())
        .map_or(media::Type::Unknown, |context| context.medium())
}

fn open(file: File, path: &Path, what: As) -> Result<format::context::Input, ffmpeg::Error> {
    ffmpeg::init()?;
    log::set_level(log::Level::Quiet);
    let formats = match what {
        As::Recording => format!("{RECORDINGS},{SOUND}"),
        As::Picture => PICTURES.into(),
    };
    // ffmpeg reads what it is given here and opens nothing itself: neither another file
    // that a header names, nor the network.
    let options = [("format_whitelist", formats.as_str()), ("protocol_whitelist", "none")];
    let io = format::context::StreamIo::from_read_seek_with_capacity(file, BUFFER)?;
    // Some raw formats are only told by the ending.
    let ending = path.extension().and_then(|ending| ending.to_str());
    let ending = ending.filter(|ending| ending.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    // One JPEG after the other is taken for a list of pictures unless its name says more.
    let ending = if bytes::head(path).starts_with(JPEG) { Some("mjpeg") } else { ending };
    let name = format!("recording.{}", ending.unwrap_or_default());
    format::input_from_stream(io, Some(&name), Some(options.into_iter().collect()))
}

/// Why a file was refused, and the way out.
fn refused(path: &Path, error: ffmpeg::Error) -> SourceError {
    let head = bytes::head(path);
    if let Some(what) = bytes::other(&head) {
        return unreadable(path, what, bytes::LIST);
    }
    if head.get(4..8) == Some(b"ftyp") {
        let why = format!("its index is missing or broken, as when recording is cut off: {error}");
        return unreadable(path, why, "copy it again, or repair it with a tool such as untrunc");
    }
    unreadable(path, format!("its format is not known: {error}"), bytes::LIST)
}

/// What a file is that neither bytes nor name tell.
pub(super) fn kind(path: &Path) -> bytes::Kind {
    let what = match Opened::new(path, As::Recording) {
        Ok(opened) if !opened.pictures().is_empty() => return bytes::Kind::Recording,
        Ok(_) => "it holds no video, only sound",
        Err(_) => "its format is not known",
    };
    bytes::Kind::Other(what.into())
}

/// Opens the decoder of a stream. It takes no memory for frames larger than are read,
/// whatever a header in the middle of the file says.
pub(super) fn open_decoder(
    context: codec::context::Context,
) -> Result<codec::decoder::Video, ffmpeg::Error> {
    let most = MAX_PIXELS.to_string();
    let options = [("max_pixels", most.as_str())].into_iter().collect();
    let codec = codec::decoder::find(context.id()).ok_or(ffmpeg::Error::DecoderNotFound)?;
    context.decoder().open_as_with(codec, options)?.video()
}
