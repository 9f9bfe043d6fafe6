//! The table of `docs/formats.md`: a file of each row is made, and every door tries it.
#![cfg(all(feature = "video", feature = "train"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may fail and says why"
)]

#[path = "common/encode.rs"]
mod encode;
#[path = "common/need.rs"]
mod need;
#[path = "common/program.rs"]
mod program;

use std::{collections::BTreeSet, fs, path::Path};

use encode::{Film, How, bytes_of, write_as};
use ffmpeg_next::codec::Id;
use image::{ImageFormat, RgbImage};
use need::has_runtime;
use program::told;
use wakewatch::source::{OpenOptions, SourceSpec, open};

/// Frames of each recording, at 25 a second.
const FRAMES: usize = 6;

/// A row of the table.
struct Row {
    name: String,
    file: String,
    doors: [String; 4],
}

const DOORS: [&str; 4] = ["watch", "classify", "evaluate", "prepare"];

fn rows() -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/formats.md");
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| line.starts_with("| `."));
    let rows: Vec<Row> = lines
        .enumerate()
        .map(|(number, line)| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let ending = cells[0].split('`').nth(1).unwrap();
            let doors = [2, 3, 4, 5].map(|at| cells[at].to_owned());
            Row { name: cells[0].into(), file: format!("{number:02}{ending}"), doors }
        })
        .collect();
    assert!(rows.len() > 25, "the table is there");
    rows
}

/// Makes the file of a row. False where this ffmpeg cannot.
fn make(row: &Row, path: &Path, pictures: &[RgbImage]) -> bool {
    let film: Film =
        pictures.iter().enumerate().map(|(at, image)| (at as i64, image.clone())).collect();
    let still = |format: ImageFormat| {
        pictures[0].save_with_format(path, format).unwrap();
        true
    };
    let bytes = |bytes: Option<Vec<u8>>| match bytes {
        Some(bytes) => {
            fs::write(path, bytes).unwrap();
            true
        }
        None => false,
    };
    let moving = |codec, format| {
        let one = if format == Some("avif") { &film[..1] } else { &film[..] };
        write_as(path, How { codec, format, ..How::new(25) }, &[one])
    };
    let key: String = row.name.chars().filter(|c| !"`.".contains(*c)).collect();
    match key.as_str() {
        "jpg" => still(ImageFormat::Jpeg),
        "png" => still(ImageFormat::Png),
        "webp" => still(ImageFormat::WebP),
        "bmp" => still(ImageFormat::Bmp),
        "tif" => still(ImageFormat::Tiff),
        "gif" => still(ImageFormat::Gif),
        "ppm" => still(ImageFormat::Pnm),
        "jp2" => bytes(bytes_of(Id::JPEG2000, &pictures[0])),
        "avif" => moving(Id::AV1, Some("avif")),
        "heic" => bytes(Some(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec())),
        "mp4" | "mov" | "avi" | "mkv" | "3gp" => moving(Id::MPEG4, None),
        "webm" => moving(Id::VP8, None),
        "mpg" | "mpeg" => moving(Id::MPEG2VIDEO, Some("mpeg")),
        "ts" => moving(Id::MPEG2VIDEO, Some("mpegts")),
        "mts" => moving(Id::H264, Some("mpegts")),
        "flv" => moving(Id::FLV1, None),
        "ogv" => moving(Id::THEORA, Some("ogg")),
        "wmv" => moving(Id::WMV2, Some("asf")),
        "gif moving" => moving(Id::GIF, Some("gif")),
        "mjpeg" => moving(Id::MJPEG, Some("mjpeg")),
        "h264" => moving(Id::H264, Some("h264")),
        "hevc" => moving(Id::HEVC, Some("hevc")),
        "txt" => bytes(Some(b"Dear diary, today I slept well.".to_vec())),
        "wav" => {
            let head = b"RIFF\x2c\x10\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\x10\0\0";
            bytes(Some([&head[..], &[0; 4096]].concat()))
        }
        other => panic!("no file is made for the row {other:?}"),
    }
}

#[test]
fn every_row_of_the_table_is_so() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let options = OpenOptions { fps: 25.0, width: 320, height: 240, ..Default::default() };
    let mut source = open(&SourceSpec::Demo(Some("alert".into())), &options).unwrap();
    let pictures: Vec<RgbImage> =
        (0..FRAMES).map(|_| (*source.next_frame().unwrap().unwrap().image).clone()).collect();
    let rows: Vec<Row> = rows()
        .into_iter()
        .filter(|row| {
            let made = make(row, &folder.path().join(&row.file), &pictures);
            if !made {
                eprintln!("skipped: ffmpeg makes no {}", row.name);
            }
            made
        })
        .collect();
    // A list of each kind, since pictures and recordings are measured apart.
    let (mut films, mut stills) = (BTreeSet::new(), BTreeSet::new());
    for row in &rows {
        let file = row.file.as_str();
        let one = told(folder.path(), &["watch", "--headless", "--fast", "--source", file]);
        let (code, lines, stderr) = &one;
        match row.doors[0].as_str() {
            "yes" => {
                assert_eq!(*code, 0, "{}: {stderr}", row.name);
                let frames = lines.last().unwrap()["frames"].as_u64().unwrap() as usize;
                let films = if frames == 1 { &mut stills } else { &mut films };
                films.insert(file);
                assert!(frames == 1 || frames == FRAMES, "{}: {frames} frames", row.name);
                let seen = &lines.last().unwrap()["frames_with_face"];
                assert_eq!(seen, frames, "{}: its pictures are whole", row.name);
            }
            no => {
                assert_eq!((no, *code, lines.len()), ("no", 1, 0), "{}", row.name);
                assert!(stderr.contains(file), "{}: {stderr}", row.name);
            }
        }
        let (code, lines, stderr) = told(folder.path(), &["classify", file]);
        if row.doors[1] == "no" {
            assert_eq!((code, lines.len()), (1, 0), "{}: {stderr}", row.name);
            assert!(stderr.contains(file), "{}: {stderr}", row.name);
        } else {
            assert_eq!(code, 0, "{}: {stderr}", row.name);
            assert!(lines[0]["face"].is_object(), "{}: {lines:?}", row.name);
        }
    }
    let list = |name: &str, files: &BTreeSet<&str>| {
        let lines: String = files.iter().map(|file| format!("{file},awake,{file}\n")).collect();
        fs::write(folder.path().join(name), format!("file,label,subject\n{lines}")).unwrap();
    };
    let (pictures, recordings): (BTreeSet<&str>, BTreeSet<&str>) = {
        let of = |door: usize, set: &BTreeSet<&str>| {
            let yes = rows.iter().filter(|row| row.doors[door] == "yes");
            yes.map(|row| row.file.as_str()).filter(|file| set.contains(file)).collect()
        };
        (of(2, &stills), of(2, &films))
    };
    assert!(pictures.len() >= 7 && recordings.len() >= 12, "{pictures:?} {recordings:?}");
    list("pictures.csv", &pictures);
    list("recordings.csv", &recordings);
    let args = ["evaluate", "--draws", "0", "--data"];
    let (code, lines, stderr) = told(folder.path(), &[&args[..], &["pictures.csv"]].concat());
    assert_eq!((code, &lines[0]["n"]), (0, &pictures.len().into()), "{stderr}");
    let (code, lines, stderr) = told(folder.path(), &[&args[..], &["recordings.csv"]].concat());
    assert_eq!((code, &lines[0]["videos"]), (0, &recordings.len().into()), "{stderr}");
    // All files at once: what is no picture and no recording is named.
    let all: BTreeSet<&str> = rows.iter().map(|row| row.file.as_str()).collect();
    list("all.csv", &all);
    let (code, lines, stderr) =
        told(folder.path(), &["prepare", "--images", "all.csv", "--out", "crops"]);
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("could not be used"), "{stderr}");
    let unusable: BTreeSet<&str> = lines[0]["unusable"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| pair[0].as_str().unwrap())
        .collect();
    let no: BTreeSet<&str> =
        rows.iter().filter(|row| row.doors[3] == "no").map(|row| row.file.as_str()).collect();
    assert_eq!(unusable, no, "{lines:?}");
    for row in &rows {
        for (door, says) in DOORS.iter().zip(&row.doors) {
            assert!(["yes", "no", "first picture"].contains(&says.as_str()), "{door}: {says}");
        }
    }
}
