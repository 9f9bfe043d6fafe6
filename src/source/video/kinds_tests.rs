//! Recordings as people really have them: joined, without stamps, late, with two cameras in
//! one file, broken off, wrongly sized and strangely named.

use std::{fs, path::Path, time::Duration};

use ffmpeg_next::codec::Id;
use image::{Rgb, RgbImage};

use super::{
    Video,
    tests::encode::{How, write_as},
};
use crate::source::{Note, NoteKind, OpenOptions, Source, SourceError};

/// What a recording gives: milliseconds of its frames, what is told, how it ends.
struct Read {
    times: Vec<u64>,
    notes: Vec<Note>,
    error: Option<String>,
    red: Vec<u8>,
}

impl Read {
    fn told(&self, kind: NoteKind) -> Vec<&str> {
        let of_kind = self.notes.iter().filter(|note| note.kind == kind);
        of_kind.map(|note| note.text.as_str()).collect()
    }
}

fn read_with(path: &Path, options: &OpenOptions) -> Read {
    let mut read = Read { times: vec![], notes: vec![], error: None, red: vec![] };
    let failed = |error: SourceError| Some(error.to_string());
    let mut video = match Video::open_with(path, Duration::ZERO, options) {
        Ok(video) => video,
        Err(error) => return Read { error: failed(error), ..read },
    };
    loop {
        match video.next_frame() {
            Ok(Some(frame)) => {
                read.times.push((frame.at.as_secs_f64() * 1000.0).round() as u64);
                read.red.push(frame.image.get_pixel(8, 8)[0]);
            }
            Ok(None) => break,
            Err(error) => {
                read.error = failed(error);
                break;
            }
        }
    }
    read.notes = video.notes();
    read
}

fn read(path: &Path) -> Read {
    read_with(path, &OpenOptions::default())
}

/// `count` pictures at 25 a second from `from` on, stamped in thousandths.
fn film(count: i64, from_ms: i64) -> Vec<(i64, RgbImage)> {
    let picture = |at: i64| RgbImage::from_pixel(96, 64, Rgb([(at % 10 * 20) as u8, 90, 160]));
    (0..count).map(|at| (from_ms + at * 40, picture(at))).collect()
}

fn steady(count: u64) -> Vec<u64> {
    (0..count).map(|at| at * 40).collect()
}

/// Writes with a codec, or says that it is skipped.
fn written(path: &Path, how: How, films: &[&[(i64, RgbImage)]]) -> bool {
    let there = write_as(path, how, films);
    if !there {
        eprintln!("skipped: ffmpeg has no encoder for {:?}", how.codec);
    }
    there
}

#[test]
fn joined_transport_streams_go_on_without_a_jump() {
    let folder = tempfile::tempdir().unwrap();
    let part = |name: &str, from_ms: i64| {
        let path = folder.path().join(name);
        let how = How { codec: Id::MPEG2VIDEO, format: Some("mpegts"), ..How::new(25) };
        let frames: Vec<_> =
            film(50, 0).into_iter().map(|(at, image)| ((at + from_ms) / 40, image)).collect();
        assert!(write_as(&path, how, &[&frames]));
        fs::read(path).unwrap()
    };
    let (early, late) = (part("a.ts", 1000), part("b.ts", 3_600_000));
    let path = folder.path().join("joined.ts");
    // One may be lost where the second part begins: its stamps look wrong to the demuxer.
    for (bytes, words) in
        [([&early[..], &late].concat(), "+3"), ([&late[..], &early].concat(), "+9")]
    {
        fs::write(&path, bytes).unwrap();
        let read = read(&path);
        assert_eq!(read.error, None);
        assert_eq!(read.times, steady(100), "{words}");
        let told = read.told(NoteKind::Joined);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("at 2.000 s") && told[0].contains(words), "{told:?}");
    }
    // A clock of 33 bits that begins anew.
    fs::write(&path, part("c.ts", 95_442_800)).unwrap();
    let read = read(&path);
    assert_eq!((read.error, read.times), (None, steady(50)));
    // In an MP4 an hour is an hour.
    let path = folder.path().join("lapse.mp4");
    let mut frames = film(4, 0);
    frames[2].0 = 3_600_000;
    frames[3].0 = 3_600_040;
    assert!(write_as(&path, How::new(1000), &[&frames]));
    assert_eq!(self::read(&path).times, [0, 40, 3_600_000, 3_600_040]);
}

#[test]
fn a_picture_that_begins_after_the_sound_is_late() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["late.mov", "late.mkv", "late.avi"] {
        for late_ms in [0, 700, 3000] {
            let path = folder.path().join(name);
            let how = How { sound_s: Some(5), ..How::new(1000) };
            if name.ends_with("avi") && late_ms > 0 {
                continue; // AVI knows no stamps: an empty picture stands for a late one.
            }
            assert!(write_as(&path, how, &[&film(10, late_ms)]));
            let read = read(&path);
            assert_eq!(read.error, None, "{name}");
            let wanted: Vec<u64> = steady(10).iter().map(|at| at + late_ms as u64).collect();
            assert_eq!(read.times, wanted, "{name}");
            let told = read.told(NoteKind::Late);
            assert_eq!(told.len(), usize::from(late_ms > 0), "{told:?}");
        }
    }
}

#[test]
fn the_rate_of_streams_without_stamps_is_named_or_told_as_a_guess() {
    let folder = tempfile::tempdir().unwrap();
    let frames: Vec<_> = film(20, 0).into_iter().map(|(at, image)| (at / 40, image)).collect();
    let kinds = [(Id::H264, "h264", true), (Id::HEVC, "hevc", true), (Id::MJPEG, "mjpeg", false)];
    for (codec, format, says) in kinds {
        let path = folder.path().join(format!("raw.{format}"));
        let how = How { codec, format: Some(format), ..How::new(10) };
        if !written(&path, how, &[&frames]) {
            continue;
        }
        let asked = OpenOptions { stampless_fps: Some(30.0), ..Default::default() };
        let read = read_with(&path, &asked);
        let wanted: Vec<u64> =
            (0..20).map(|at| (at as f64 * 1000.0 / 30.0).round() as u64).collect();
        assert_eq!((read.error.clone(), &read.times), (None, &wanted), "{format}");
        assert!(read.told(NoteKind::Rate)[0].contains("30 a second, as was asked for"));
        let read = self::read(&path);
        let told = read.told(NoteKind::Rate)[0];
        assert!(told.contains("--fps") && told.contains("guess") != says, "{format}: {told}");
        let step = if says { 100 } else { 40 };
        assert_eq!(read.times, (0..20).map(|at| at * step).collect::<Vec<u64>>(), "{format}");
    }
}

#[test]
fn every_video_stream_is_named_and_one_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two cameras.mkv");
    let road: Vec<_> =
        (0..10).map(|at| (at * 40, RgbImage::from_pixel(160, 120, Rgb([230, 40, 40])))).collect();
    let cabin: Vec<_> =
        (0..5).map(|at| (at * 80, RgbImage::from_pixel(96, 64, Rgb([20, 200, 40])))).collect();
    assert!(write_as(&path, How::new(1000), &[&road, &cabin]));
    let both = read(&path);
    assert_eq!((both.error.clone(), both.times.len()), (None, 10));
    assert!(both.red[0] > 180, "players show the larger one");
    let told = both.told(NoteKind::Streams);
    let words = ["2 video streams", "0 (160x120, mpeg4)", "1 (96x64, mpeg4)", "--stream N"];
    assert!(words.iter().all(|word| told[0].contains(word)), "{told:?}");
    let second = read_with(&path, &OpenOptions { stream: Some(1), ..Default::default() });
    assert_eq!(second.times, [0, 80, 160, 240, 320]);
    assert!(second.red[0] < 80);
    let third = read_with(&path, &OpenOptions { stream: Some(2), ..Default::default() });
    let error = third.error.unwrap();
    assert!(error.contains("no video stream 2, only 0 to 1"), "{error}");
    let others = Video::open(&path).unwrap().others();
    assert_eq!(others.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_wrong_size_in_the_header_is_no_loss_and_a_missing_half_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drive.avi");
    let frames: Vec<_> = film(100, 0).into_iter().map(|(at, image)| (at / 40, image)).collect();
    assert!(write_as(&path, How::new(25), &[&frames]));
    let whole = fs::read(&path).unwrap();
    let kept = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        read(&path)
    };
    // The size of the whole file, as some cameras write it, instead of what follows it.
    let mut sized = whole.clone();
    sized[4..8].copy_from_slice(&(whole.len() as u32).to_le_bytes());
    let read = kept(&sized);
    assert_eq!((read.error, read.times), (None, steady(100)));
    // Without its index.
    let index = whole.windows(4).rposition(|name| name == b"idx1").unwrap();
    let read = kept(&whole[..index]);
    assert_eq!((read.error, read.times), (None, steady(100)));
    let read = kept(&whole[..whole.len() / 2]);
    assert!((20..80).contains(&read.times.len()), "{}", read.times.len());
    assert_eq!(read.times, steady(read.times.len() as u64));
    assert!(read.error.unwrap().contains("it breaks off after"));
}

#[cfg(unix)]
#[test]
fn a_name_need_not_be_utf_8() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("a.mp4");
    assert!(write_as(&plain, How::new(1000), &[&film(5, 0)]));
    let path = folder.path().join(std::ffi::OsStr::from_bytes(b"f\xe4hrt %d \xff.mp4"));
    fs::rename(plain, &path).unwrap();
    let read = read(&path);
    assert_eq!((read.error, read.times), (None, steady(5)));
}

#[test]
fn each_wrong_file_has_its_own_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drive.mp4");
    let told = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        read(&path).error.unwrap()
    };
    let mut seen = Vec::new();
    assert!(write_as(&path, How::new(1000), &[&film(50, 0)]));
    let whole = fs::read(&path).unwrap();
    for (bytes, words) in [
        (&b""[..], "empty"),
        (b"only words, again and again", "it is a text"),
        (&[0x9c; 5000], "format is not known"),
        (b"PK\x03\x04 and more", "archive"),
        (&whole[..whole.len() * 3 / 4], "its index is missing"),
    ] {
        let error = told(bytes);
        assert!(error.contains("drive.mp4") && error.contains(words), "{error}");
        assert!(!error.contains('\n'), "{error}");
        seen.push(error);
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
    #[cfg(unix)]
    {
        let pipe = folder.path().join("pipe.mp4");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        if !made.is_ok_and(|status| status.success()) {
            return eprintln!("skipped: no pipe can be made here");
        }
        let error = read(&pipe).error.unwrap();
        assert!(error.contains("it is a pipe") && error.contains("to a file first"), "{error}");
    }
}
