//! Makes video files with ffmpeg's own encoders, so that none lies in the repository.
#![allow(unreachable_pub, dead_code, reason = "each test takes what it needs")]

use std::{fs, path::Path};

use ffmpeg::{Rational, codec, encoder, format, frame, software::scaling};
use ffmpeg_next as ffmpeg;
use image::RgbImage;

/// Writes an MPEG-4 video of `pictures` (all of one size) that are stamped in units of
/// 1/`rate` s.
pub fn write(path: &Path, rate: i32, pictures: &[(i64, RgbImage)]) {
    let (width, height) = pictures[0].1.dimensions();
    ffmpeg::init().unwrap();
    let mut file = format::output(path).unwrap();
    let codec = encoder::find(codec::Id::MPEG4).unwrap();
    let mut video = codec::context::Context::new_with_codec(codec).encoder().video().unwrap();
    video.set_width(width);
    video.set_height(height);
    video.set_format(format::Pixel::YUV420P);
    video.set_time_base(Rational(1, rate));
    video.set_bit_rate(2_000_000);
    if file.format().flags().contains(format::Flags::GLOBAL_HEADER) {
        video.set_flags(codec::Flags::GLOBAL_HEADER);
    }
    let mut video = video.open().unwrap();
    let mut stream = file.add_stream(codec).unwrap();
    stream.set_time_base(Rational(1, rate));
    stream.set_parameters(&video);
    file.write_header().unwrap();
    let base = file.stream(0).unwrap().time_base();
    let (rgb, yuv) = (format::Pixel::RGB24, format::Pixel::YUV420P);
    let bilinear = scaling::Flags::BILINEAR;
    let mut scaler =
        scaling::Context::get(rgb, width, height, yuv, width, height, bilinear).unwrap();
    let mut drain = |video: &mut encoder::Video| {
        let mut packet = ffmpeg::Packet::empty();
        while video.receive_packet(&mut packet).is_ok() {
            packet.set_stream(0);
            packet.set_duration(1);
            packet.rescale_ts(Rational(1, rate), base);
            packet.write_interleaved(&mut file).unwrap();
        }
    };
    for (stamp, picture) in pictures {
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
        drain(&mut video);
    }
    video.send_eof().unwrap();
    drain(&mut video);
    file.write_trailer().unwrap();
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
