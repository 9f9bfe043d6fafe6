//! Makes video files with ffmpeg's own encoders, so that none lies in the repository.
#![allow(unreachable_pub, dead_code, reason = "each test takes what it needs")]

use std::{fs, path::Path};

use ffmpeg::{ChannelLayout, Rational, codec, encoder, format, frame, software::scaling};
use ffmpeg_next as ffmpeg;
use image::RgbImage;

/// Pictures with their stamps.
pub type Film = Vec<(i64, RgbImage)>;

/// How films are written.
#[derive(Clone, Copy)]
pub struct How {
    /// The codec.
    pub codec: codec::Id,
    /// The muxer; `None` = by the name's ending.
    pub format: Option<&'static str>,
    /// Units of a second in which pictures are stamped.
    pub rate: i32,
    /// Seconds of silence from time 0 on, beside the pictures.
    pub sound_s: Option<u32>,
}

impl How {
    /// MPEG-4 by the name's ending.
    pub fn new(rate: i32) -> Self {
        Self { codec: codec::Id::MPEG4, format: None, rate, sound_s: None }
    }
}

/// Writes an MPEG-4 video of `pictures` (all of one size) that are stamped in units of
/// 1/`rate` s.
pub fn write(path: &Path, rate: i32, pictures: &[(i64, RgbImage)]) {
    assert!(write_as(path, How::new(rate), &[pictures]), "there is no MPEG-4 encoder");
}

/// Writes one video stream for each of `films`. False where ffmpeg has no such encoder.
pub fn write_as(path: &Path, how: How, films: &[&[(i64, RgbImage)]]) -> bool {
    ffmpeg::init().unwrap();
    let Some(codec) = encoder::find(how.codec) else { return false };
    let mut file = match how.format {
        Some(format) => format::output_as(path, format).unwrap(),
        None => format::output(path).unwrap(),
    };
    let header = file.format().flags().contains(format::Flags::GLOBAL_HEADER);
    let base = Rational(1, how.rate);
    let mut encoders = Vec::new();
    for film in films {
        let (width, height) = film[0].1.dimensions();
        let mut video = codec::context::Context::new_with_codec(codec).encoder().video().unwrap();
        video.set_width(width);
        video.set_height(height);
        video.set_format(pixels(how.codec));
        video.set_time_base(base);
        // Finer units are those of stamps, not of frames.
        if how.rate <= 60 {
            video.set_frame_rate(Some(base.invert()));
        }
        video.set_bit_rate(2_000_000);
        if header {
            video.set_flags(codec::Flags::GLOBAL_HEADER);
        }
        let video = video.open().unwrap();
        let mut stream = file.add_stream(codec).unwrap();
        stream.set_time_base(base);
        if how.rate <= 60 {
            stream.set_avg_frame_rate(base.invert());
        }
        stream.set_parameters(&video);
        encoders.push(video);
    }
    let sound = how.sound_s.map(|seconds| (silence(&mut file), seconds));
    file.write_header().unwrap();
    if let Some((mut audio, seconds)) = sound {
        for second in 0..i64::from(seconds) {
            let (kind, layout) = (audio.format(), audio.channel_layout());
            let mut block = frame::Audio::new(kind, SOUND_RATE as usize, layout);
            block.set_rate(SOUND_RATE);
            block.set_pts(Some(second * i64::from(SOUND_RATE)));
            block.data_mut(0).fill(0);
            audio.send_frame(&block).unwrap();
            let mut packet = ffmpeg::Packet::empty();
            while audio.receive_packet(&mut packet).is_ok() {
                packet.set_stream(films.len());
                let to = file.stream(films.len()).unwrap().time_base();
                packet.rescale_ts(Rational(1, SOUND_RATE as i32), to);
                packet.write_interleaved(&mut file).unwrap();
            }
        }
    }
    for (index, (film, video)) in films.iter().zip(&mut encoders).enumerate() {
        let to = file.stream(index).unwrap().time_base();
        let mut write = |mut packet: ffmpeg::Packet| {
            packet.set_stream(index);
            packet.set_duration(1);
            packet.rescale_ts(base, to);
            packet.write_interleaved(&mut file).unwrap();
        };
        encode(video, film, &mut write);
    }
    file.write_trailer().unwrap();
    true
}

const SOUND_RATE: u32 = 8000;

fn silence(file: &mut format::context::Output) -> encoder::Audio {
    let codec = encoder::find(codec::Id::PCM_S16LE).unwrap();
    let mut audio = codec::context::Context::new_with_codec(codec).encoder().audio().unwrap();
    audio.set_rate(SOUND_RATE as i32);
    audio.set_channels(1);
    audio.set_channel_layout(ChannelLayout::MONO);
    audio.set_format(format::Sample::I16(format::sample::Type::Packed));
    audio.set_time_base(Rational(1, SOUND_RATE as i32));
    let audio = audio.open().unwrap();
    let mut stream = file.add_stream(codec).unwrap();
    stream.set_time_base(Rational(1, SOUND_RATE as i32));
    stream.set_parameters(&audio);
    audio
}

/// The pixels that an encoder takes.
fn pixels(codec: codec::Id) -> format::Pixel {
    match codec {
        codec::Id::MJPEG => format::Pixel::YUVJ420P,
        codec::Id::GIF => format::Pixel::RGB8,
        codec::Id::JPEG2000 => format::Pixel::RGB24,
        _ => format::Pixel::YUV420P,
    }
}

fn encode(
    video: &mut encoder::Video,
    film: &[(i64, RgbImage)],
    write: &mut dyn FnMut(ffmpeg::Packet),
) {
    let (width, height) = film[0].1.dimensions();
    let (rgb, to) = (format::Pixel::RGB24, video.format());
    let bilinear = scaling::Flags::BILINEAR;
    let mut scaler =
        scaling::Context::get(rgb, width, height, to, width, height, bilinear).unwrap();
    let mut drain = |video: &mut encoder::Video| {
        let mut packet = ffmpeg::Packet::empty();
        while video.receive_packet(&mut packet).is_ok() {
            write(std::mem::replace(&mut packet, ffmpeg::Packet::empty()));
        }
    };
    for (stamp, picture) in film {
        let mut frame = frame::Video::new(rgb, width, height);
        let stride = frame.stride(0);
        let rows = picture.chunks(width as usize * 3);
        for (line, row) in frame.data_mut(0).chunks_mut(stride).zip(rows) {
            line[..row.len()].copy_from_slice(row);
        }
        let mut out = frame::Video::empty();
        scaler.run(&frame, &mut out).unwrap();
        out.set_pts(Some(*stamp));
        video.send_frame(&out).unwrap();
        drain(video);
    }
    video.send_eof().unwrap();
    drain(video);
}

/// The bytes of a picture as an encoder of ffmpeg gives them, without a file around them;
/// `None` where it has no such encoder.
pub fn bytes_of(codec: codec::Id, picture: &RgbImage) -> Option<Vec<u8>> {
    ffmpeg::init().unwrap();
    let found = encoder::find(codec)?;
    let mut video = codec::context::Context::new_with_codec(found).encoder().video().unwrap();
    video.set_width(picture.width());
    video.set_height(picture.height());
    video.set_format(pixels(codec));
    video.set_time_base(Rational(1, 25));
    let mut video = video.open().unwrap();
    let mut bytes = Vec::new();
    let mut write = |packet: ffmpeg::Packet| bytes.extend(packet.data().unwrap_or_default());
    encode(&mut video, &[(0, picture.clone())], &mut write);
    Some(bytes)
}

/// Turns a file of the MP4 family by a quarter, as a phone held upright does: only the
/// header says so. `height` is that of the stored
/// pictures.
pub fn turn(path: &Path, height: u32) {
    let mut bytes = fs::read(path).unwrap();
    // The matrix stands 40 bytes into the body of the track header.
    let header = bytes.windows(4).position(|name| name == b"tkhd").unwrap() + 4;
    let shift = (height as i32) << 16;
    let matrix: [i32; 9] = [0, 1 << 16, 0, -1 << 16, 0, 0, shift, 0, 1 << 30];
    for (at, entry) in matrix.iter().enumerate() {
        bytes[header + 40 + 4 * at..][..4].copy_from_slice(&entry.to_be_bytes());
    }
    fs::write(path, bytes).unwrap();
}
