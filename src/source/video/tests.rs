//! Videos are made here by ffmpeg's own encoders, so that none lies in the repository.

use std::{fs, path::Path, time::Duration};

use image::{Rgb, RgbImage, codecs::jpeg::JpegEncoder, metadata::Orientation};

use super::{Video, turn::orientation};
use crate::{
    frame::Frame,
    source::{OpenOptions, Source, SourceError, SourceSpec, open, open_at},
};

// Shared by path: a crate for it would need ffmpeg where the feature `video` is off, too.
#[path = "../../../tests/common/encode.rs"]
pub(super) mod encode;

/// Red on the left, blue on the right, brighter by the frame.
fn picture(width: u32, height: u32, index: usize) -> RgbImage {
    let level = 100 + (index * 10 % 150) as u8;
    RgbImage::from_fn(width, height, |x, _| {
        if x < width / 2 { Rgb([level, 0, 0]) } else { Rgb([0, 0, level]) }
    })
}

/// Writes an MPEG-4 video whose frames are stamped in units of 1/`rate` s.
fn write(path: &Path, (width, height): (u32, u32), rate: i32, stamps: &[i64]) {
    let pictures: Vec<_> = stamps
        .iter()
        .enumerate()
        .map(|(index, stamp)| (*stamp, picture(width, height, index)))
        .collect();
    encode::write(path, rate, &pictures);
}

fn all(path: &Path) -> (Vec<Frame>, Option<SourceError>) {
    let mut video = match Video::open(path) {
        Ok(video) => video,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut frames = Vec::new();
    loop {
        match video.next_frame() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error)),
        }
    }
}

#[test]
fn frames_come_with_the_stamps_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a:b variable.mp4");
    // A phone's variable rate, with a first stamp that is not 0.
    let stamps = [500, 533, 600, 617, 900, 933, 1000];
    write(&path, (96, 64), 1000, &stamps);
    let (frames, error) = all(&path);
    assert!(error.is_none(), "{error:?}");
    let got: Vec<_> = frames.iter().map(|frame| frame.at.as_millis() as i64).collect();
    assert_eq!(got, stamps.map(|stamp| stamp - 500));
    for (index, frame) in frames.iter().enumerate() {
        assert_eq!(frame.index, index as u64);
        let wanted = picture(96, 64, index);
        for (x, y) in [(20, 30), (80, 30)] {
            let (got, wanted) = (frame.image.get_pixel(x, y), wanted.get_pixel(x, y));
            assert!(
                got.0.iter().zip(wanted.0).all(|(a, b)| a.abs_diff(b) < 16),
                "{got:?} {wanted:?}"
            );
        }
    }
}

#[test]
fn the_display_matrix_turns_the_picture_upright() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portrait.mp4");
    write(&path, (96, 64), 25, &[0, 1, 2]);
    encode::turn(&path, 64);
    let (frames, error) = all(&path);
    assert!(error.is_none(), "{error:?}");
    let image = &frames[0].image;
    assert_eq!(image.dimensions(), (64, 96));
    assert!(image.get_pixel(32, 10)[0] > 60, "left has become top");
    assert!(image.get_pixel(32, 86)[2] > 60, "right has become bottom");
}

#[test]
fn every_display_matrix_is_a_turn_or_a_flip() {
    use Orientation::{
        FlipHorizontal, FlipVertical, NoTransforms, Rotate90, Rotate90FlipH, Rotate180, Rotate270,
        Rotate270FlipH,
    };
    let cases = [
        ([1, 0, 0, 1], NoTransforms),
        ([0, 1, -1, 0], Rotate90),
        ([-1, 0, 0, -1], Rotate180),
        ([0, -1, 1, 0], Rotate270),
        ([-1, 0, 0, 1], FlipHorizontal),
        ([1, 0, 0, -1], FlipVertical),
        ([0, 1, 1, 0], Rotate90FlipH),
        ([0, -1, -1, 0], Rotate270FlipH),
    ];
    for ([a, b, c, d], wanted) in cases {
        let matrix = [a, b, 0, c, d, 0, 0, 0, 1 << 14].map(|entry: i32| entry << 16);
        let bytes: Vec<u8> = matrix.iter().flat_map(|entry| entry.to_ne_bytes()).collect();
        assert_eq!(orientation(&bytes), wanted, "{a} {b} {c} {d}");
    }
    assert_eq!(orientation(&[1, 2, 3]), NoTransforms, "a short matrix is none");
}

#[test]
fn a_resolution_that_changes_midway_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("camera.mjpeg");
    let mut bytes = Vec::new();
    for (width, height) in [(96, 64), (96, 64), (64, 96), (32, 32)] {
        let image = picture(width, height, 3);
        JpegEncoder::new(&mut bytes).encode_image(&image).unwrap();
    }
    fs::write(&path, bytes).unwrap();
    let (frames, error) = all(&path);
    assert!(error.is_none(), "{error:?}");
    let sizes: Vec<_> = frames.iter().map(|frame| frame.image.dimensions()).collect();
    assert_eq!(sizes, [(96, 64), (96, 64), (64, 96), (32, 32)]);
}

#[test]
fn a_large_video_is_scaled_down_in_proportion() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.avi");
    write(&path, (1600, 800), 25, &[0, 1]);
    let (frames, error) = all(&path);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(frames[0].image.dimensions(), (1280, 640));
}

#[test]
fn what_is_no_video_is_named_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drive.mp4");
    let sentence = |path: &Path| {
        let (frames, error) = all(path);
        assert!(frames.is_empty());
        error.unwrap().to_string()
    };
    fs::write(&path, b"").unwrap();
    assert!(sentence(&path).contains("drive.mp4 cannot be read as a video (the file is empty)"));
    fs::write(&path, "not a video, only words. ".repeat(200)).unwrap();
    assert!(sentence(&path).contains("drive.mp4 cannot be read as a video"));
    fs::write(&path, [0x5a; 5000]).unwrap();
    assert!(sentence(&path).contains("drive.mp4"));
    // A play-list must not make the program open other files or the network.
    fs::write(&path, "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n").unwrap();
    assert!(sentence(&path).contains("drive.mp4"));
    assert!(sentence(folder.path()).contains("not a file"));
    let wave = folder.path().join("sound.wav");
    let mut bytes = b"RIFF\x2c\x10\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\x10\0\0".to_vec();
    bytes.extend([0; 4096]);
    fs::write(&wave, bytes).unwrap();
    assert!(sentence(&wave).contains("sound.wav") && sentence(&wave).contains("only sound"));
}

#[test]
fn a_truncated_video_gives_what_it_has_and_then_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.avi");
    let stamps: Vec<_> = (0..100).collect();
    write(&path, (96, 64), 25, &stamps);
    let whole = fs::read(&path).unwrap();
    assert_eq!(all(&path).0.len(), 100);
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let (frames, error) = all(&path);
    assert!((20..80).contains(&frames.len()), "{} frames", frames.len());
    let error = error.unwrap().to_string();
    assert!(error.contains("cut.avi") && error.contains("it breaks off after 1."), "{error}");
    // An MP4 without its index has nothing to give.
    let path = folder.path().join("cut.mp4");
    write(&path, (96, 64), 25, &stamps);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() * 3 / 4]).unwrap();
    let (frames, error) = all(&path);
    assert!(frames.is_empty() && error.unwrap().to_string().contains("cut.mp4"));
}

#[test]
fn a_video_may_be_left_in_the_middle() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.avi");
    write(&path, (96, 64), 25, &(0..50).collect::<Vec<_>>());
    let mut video = open(&SourceSpec::Path(path), &OpenOptions::default()).unwrap();
    assert_eq!(video.info().fps, Some(25.0));
    assert!(video.next_frame().unwrap().is_some());
    // Its thread waits with a full channel now; dropping the source must end it.
    drop(video);
}

#[test]
fn a_video_is_sought_to_shortly_before_and_goes_on_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("four seconds.mp4");
    // A first stamp that is not 0, as a phone writes it.
    let stamps: Vec<i64> = (0..100).map(|index| 7 + index).collect();
    write(&path, (96, 64), 25, &stamps);
    let (frames, error) = all(&path);
    assert!(error.is_none() && frames.len() == 100, "{error:?}");
    let wanted = Duration::from_secs(3);
    let spec: SourceSpec = path.to_str().unwrap().parse().unwrap();
    let mut video = open_at(&spec, &OpenOptions::default(), wanted).unwrap();
    let first = video.next_frame().unwrap().unwrap();
    assert!(first.at <= wanted && first.at > Duration::from_secs(2), "{:?}", first.at);
    let near = |a: Duration, b: Duration| a.abs_diff(b) < Duration::from_millis(2);
    let from = frames.iter().position(|frame| near(frame.at, first.at)).unwrap();
    let mut after = Some(first);
    for known in &frames[from..] {
        let frame = after.unwrap();
        assert!(near(frame.at, known.at), "{:?} instead of {:?}", frame.at, known.at);
        assert_eq!(frame.image, known.image, "at {:?}", frame.at);
        after = video.next_frame().unwrap();
    }
    assert!(after.is_none());
}
