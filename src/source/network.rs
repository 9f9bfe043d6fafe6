//! Cameras in the local network: an IP camera by `rtsp://`, a phone or the like by
//! `http://`. This is the only place of the program that opens a socket, and it does so
//! only for an address that the user has named. Whatever else that address leads to
//! (another server, the world outside) is refused.

mod address;
mod http;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ffmpeg::{codec, format, frame, media, util::log};
use ffmpeg_next as ffmpeg;
use image::metadata::Orientation;
use parking_lot::Mutex;

use super::{
    Source, SourceError,
    capture::{Device, Grab, Named, Webcam},
    video::Painter,
    without_password,
};
use address::Address;

/// What a server may send by HTTP.
const BY_HTTP: &str = "mpjpeg,mjpeg,mpegts,matroska,flv,ogg,mov,h264,hevc,asf,nut";
/// Longest wait for the camera to answer at all.
const OPENING: Duration = Duration::from_secs(8);
/// Longest wait for more of the stream.
const READING: Duration = Duration::from_secs(2);
/// Longer side of the pictures given, pixels.
const MAX_SIDE_PX: u32 = 1280;

/// Opens a camera in the local network.
///
/// # Errors
/// When it does not answer, is not in the local network, or sends no video.
pub(super) fn open(url: &str) -> Result<Box<dyn Source>, SourceError> {
    let named = Named { name: without_password(url), key: without_password(url), remote: true };
    let url = url.to_owned();
    Ok(Box::new(Webcam::start(&named, move || Stream::open(&url))?))
}

/// What comes from a camera in the network.
struct Stream {
    input: format::context::Input,
    index: usize,
    decoder: codec::decoder::Video,
    painter: Painter,
    fps: f32,
    /// Until when ffmpeg may wait for the network.
    patience: Arc<Mutex<Instant>>,
}

impl Stream {
    fn open(url: &str) -> Result<Self, String> {
        let address = Address::parse(url)?;
        let server = address.resolve()?;
        ffmpeg::init().map_err(|error| error.to_string())?;
        log::set_level(log::Level::Quiet);
        let patience = Arc::new(Mutex::new(Instant::now() + OPENING));
        let input = match address.rtsp {
            true => {
                http::not_elsewhere(&address, server)?;
                by_rtsp(&address.at(server), &patience)
            }
            false => by_http(http::get(&address, server)?),
        };
        let input = input.map_err(|error| match error {
            ffmpeg::Error::Exit => "it does not answer".into(),
            // The second is said of a format that is not among those that are read.
            ffmpeg::Error::InvalidData
            | ffmpeg::Error::Eof
            | ffmpeg::Error::Other { errno: ffmpeg::error::EINVAL } => {
                "what it sends is no video".to_owned()
            }
            error => error.to_string(),
        })?;
        let stream = input.streams().best(media::Type::Video).ok_or("it sends no video")?;
        let (index, rate) = (stream.index(), f64::from(stream.avg_frame_rate()) as f32);
        let context = codec::context::Context::from_parameters(stream.parameters());
        let decoder = context.and_then(|context| context.decoder().video());
        let decoder = decoder.map_err(|error| format!("its video cannot be decoded: {error}"))?;
        let fps = if (1.0..=240.0).contains(&rate) { rate } else { 25.0 };
        let painter = Painter::new(MAX_SIDE_PX, Orientation::NoTransforms);
        Ok(Self { input, index, decoder, painter, fps, patience })
    }
}

/// Opens a stream by RTSP; ffmpeg speaks it, and gives up when told so.
fn by_rtsp(
    url: &str,
    patience: &Arc<Mutex<Instant>>,
) -> Result<format::context::Input, ffmpeg::Error> {
    let options = [
        ("format_whitelist", "rtsp"),
        ("protocol_whitelist", "rtsp,rtp,udp,tcp"),
        ("rtsp_flags", "prefer_tcp"),
        ("fflags", "nobuffer"),
        ("analyzeduration", "2000000"),
    ];
    let until = patience.clone();
    let over = move || Instant::now() > *until.lock();
    format::input_with_interrupt_and_dictionary(url, over, options.into_iter().collect())
}

/// Opens what a server sends; ffmpeg itself opens no connection.
fn by_http(body: http::Body) -> Result<format::context::Input, ffmpeg::Error> {
    let options = [
        ("format_whitelist", BY_HTTP),
        ("protocol_whitelist", "none"),
        ("fflags", "nobuffer"),
        ("analyzeduration", "1000000"),
        ("probesize", "1000000"),
    ];
    let io = format::context::StreamIo::from_read(body)?;
    format::input_from_stream(io, None, Some(options.into_iter().collect()))
}

impl Device for Stream {
    fn grab(&mut self) -> Result<Grab, String> {
        *self.patience.lock() = Instant::now() + READING;
        let mut decoded = frame::Video::empty();
        loop {
            match self.decoder.receive_frame(&mut decoded) {
                Ok(()) => {
                    return Ok(match self.painter.paint(&decoded) {
                        Ok(picture) => Grab::Picture(Arc::unwrap_or_clone(picture)),
                        Err(why) => Grab::Broken(why),
                    });
                }
                Err(ffmpeg::Error::Other { errno: ffmpeg::error::EAGAIN }) => {}
                Err(error) => return Ok(Grab::Broken(error.to_string())),
            }
            let mut packet = ffmpeg::Packet::empty();
            match packet.read(&mut self.input) {
                Ok(()) if packet.stream() != self.index => {}
                Ok(()) => {
                    if let Err(error) = self.decoder.send_packet(&packet) {
                        return Ok(Grab::Broken(error.to_string()));
                    }
                }
                Err(ffmpeg::Error::InvalidData) => {
                    return Ok(Grab::Broken("a part of the stream is damaged".into()));
                }
                Err(ffmpeg::Error::Eof) => {
                    return Ok(Grab::Ended("it has ended the stream".into()));
                }
                Err(error) => return Ok(Grab::Ended(format!("the stream broke off: {error}"))),
            }
        }
    }

    fn fps(&self) -> f32 {
        self.fps
    }
}
