//! Recordings, pictures and lists as people really have them, through the program: what is
//! printed, what is told, and the exit code. What is inside of each kind of recording is
//! tested beside its reader.
#![cfg(feature = "video")]
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

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use assert_cmd::Command;
use encode::{Film, How, write, write_as};
use ffmpeg_next::codec::Id;
use image::RgbImage;
use need::has_runtime;
use program::told;
use serde_json::Value;
use wakewatch::source::{OpenOptions, SourceSpec, open};

const FPS: i64 = 10;

/// The first pictures of a drawn driver, at ten a second.
fn driver(scenario: &str, count: usize) -> Vec<RgbImage> {
    let options = OpenOptions { fps: FPS as f32, width: 320, height: 240, ..Default::default() };
    let mut source = open(&SourceSpec::Demo(Some(scenario.into())), &options).unwrap();
    (0..count).map(|_| (*source.next_frame().unwrap().unwrap().image).clone()).collect()
}

/// A driver who falls asleep, once drawn.
fn sleeper() -> &'static [RgbImage] {
    static DRAWN: OnceLock<Vec<RgbImage>> = OnceLock::new();
    DRAWN.get_or_init(|| driver("asleep", 150))
}

/// Pictures stamped ten a second, in units of `rate`.
fn film(pictures: &[RgbImage], rate: i64) -> Film {
    let step = rate / FPS;
    pictures.iter().enumerate().map(|(at, image)| (at as i64 * step, image.clone())).collect()
}

fn watched(folder: &Path, source: &str, more: &[&str]) -> (i32, Vec<Value>, String) {
    told(folder, &[&["watch", "--headless", "--fast", "--source", source], more].concat())
}

/// The kinds of what is told in a summary.
fn kinds(summary: &Value) -> Vec<&str> {
    let notes = summary["notes"].as_array().into_iter().flatten();
    notes.map(|note| note["kind"].as_str().unwrap()).collect()
}

/// When the eyes were first said to be shut for too long, seconds.
fn alarm(lines: &[Value]) -> f64 {
    let alarm = lines.iter().find(|line| line["level"] == "critical");
    alarm.unwrap_or_else(|| panic!("no alarm in {lines:#?}"))["at"].as_f64().unwrap()
}

#[test]
fn the_alarm_comes_at_the_players_time_however_a_recording_is_stamped() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("plain.mp4"), 1000, &film(sleeper(), 1000));
    let (code, lines, stderr) = watched(folder.path(), "plain.mp4", &[]);
    assert_eq!(code, 0, "{stderr}");
    let wanted = alarm(&lines);
    let summary = lines.last().unwrap();
    assert_eq!((&summary["complete"], &summary["frames"]), (&true.into(), &150.into()));
    assert!(kinds(summary).is_empty(), "{summary}");

    // The same after two seconds of sound alone.
    let how = How { sound_s: Some(20), ..How::new(1000) };
    let late: Film =
        film(sleeper(), 1000).into_iter().map(|(t, image)| (t + 2000, image)).collect();
    assert!(write_as(&at("late.mov"), how, &[&late]));
    let (code, lines, stderr) = watched(folder.path(), "late.mov", &[]);
    assert_eq!(code, 0, "{stderr}");
    assert!((alarm(&lines) - wanted - 2.0).abs() < 1e-3, "{} {wanted}", alarm(&lines));
    assert_eq!(kinds(lines.last().unwrap()), ["late"]);

    // Without stamps: at the rate that is named, and told where it is not.
    let how = How { codec: Id::MJPEG, format: Some("mjpeg"), ..How::new(10) };
    assert!(write_as(&at("raw.mjpeg"), how, &[&film(sleeper(), 10)]));
    let (code, lines, stderr) = watched(folder.path(), "raw.mjpeg", &["--fps", "10"]);
    assert_eq!(code, 0, "{stderr}");
    assert!((alarm(&lines) - wanted).abs() < 0.15, "{} {wanted}", alarm(&lines));
    let summary = lines.last().unwrap();
    assert!((summary["seconds"].as_f64().unwrap() - 14.9).abs() < 1e-3, "{summary}");
    let (code, lines, _) = watched(folder.path(), "raw.mjpeg", &[]);
    let summary = lines.last().unwrap();
    assert_eq!((code, kinds(summary)), (0, vec!["rate"]));
    assert!(summary["notes"][0]["text"].as_str().unwrap().contains("guess"), "{summary}");
    assert!((summary["seconds"].as_f64().unwrap() - 149.0 / 25.0).abs() < 1e-3, "{summary}");

    // Two transport streams joined, an hour apart.
    let part = |name: &str, pictures: &[RgbImage], from: i64| {
        let how = How { codec: Id::MPEG4, format: Some("mpegts"), ..How::new(10) };
        let film: Film = film(pictures, 10).into_iter().map(|(t, i)| (t + from, i)).collect();
        assert!(write_as(&at(name), how, &[&film]));
        fs::read(at(name)).unwrap()
    };
    let (first, second) = sleeper().split_at(50);
    let joined = [part("a.ts", first, 72_000), part("b.ts", second, 10)].concat();
    fs::write(at("joined.ts"), joined).unwrap();
    let (code, lines, stderr) = watched(folder.path(), "joined.ts", &[]);
    assert_eq!(code, 0, "{stderr}");
    let summary = lines.last().unwrap();
    assert_eq!((kinds(summary), &summary["frames"]), (vec!["joined"], &150.into()));
    assert!((summary["seconds"].as_f64().unwrap() - 14.9).abs() < 2e-3, "{summary}");
    assert!((alarm(&lines) - wanted).abs() < 0.15, "{} {wanted}", alarm(&lines));
}

#[test]
fn a_recording_that_breaks_off_has_its_summary_all_the_same() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.avi");
    write(&path, 10, &film(sleeper(), 10));
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() * 2 / 3]).unwrap();
    let (code, lines, stderr) = watched(folder.path(), "cut.avi", &["--frames", "frames.csv"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("cut.avi") && stderr.contains("breaks off after"), "{stderr}");
    let summary = lines.last().unwrap();
    assert_eq!(summary["complete"], false);
    let frames = summary["frames"].as_u64().unwrap();
    assert!((60..140).contains(&frames), "{summary}");
    let seconds = summary["seconds"].as_f64().unwrap();
    assert!((seconds - (frames - 1) as f64 / 10.0).abs() < 1e-3, "{summary}");
    let logged = fs::read_to_string(folder.path().join("frames.csv")).unwrap().lines().count();
    assert_eq!(logged as u64, frames + 1, "the log is complete, too");
}

#[test]
fn the_stream_with_a_face_is_named_where_the_first_shows_none() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dashcam.mkv");
    let road: Film = driver("no-driver", 120)
        .into_iter()
        .enumerate()
        .map(|(at, image)| {
            (
                at as i64 * 100,
                image::imageops::resize(&image, 480, 360, image::imageops::FilterType::Nearest),
            )
        })
        .collect();
    let cabin = film(&driver("alert", 120), 1000);
    assert!(write_as(&path, How::new(1000), &[&road, &cabin]));
    let (code, lines, stderr) = watched(folder.path(), "dashcam.mkv", &[]);
    assert_eq!(code, 0, "{stderr}");
    let summary = lines.last().unwrap();
    assert_eq!(kinds(summary), ["streams", "other_stream"], "{summary}");
    assert_eq!((&summary["frames"], &summary["frames_with_face"]), (&120.into(), &0.into()));
    let text = summary["notes"][1]["text"].as_str().unwrap();
    assert!(text.contains("stream 1 does") && text.contains("--stream 1"), "{text}");
    let (code, lines, _) = watched(folder.path(), "dashcam.mkv", &["--stream", "1"]);
    let summary = lines.last().unwrap();
    assert_eq!((code, kinds(summary)), (0, vec!["streams"]));
    assert!(summary["frames_with_face"].as_u64().unwrap() > 110, "{summary}");
    let (code, lines, stderr) = watched(folder.path(), "dashcam.mkv", &["--stream", "2"]);
    assert_eq!((code, lines.len()), (1, 0));
    assert!(stderr.contains("no video stream 2"), "{stderr}");
}

#[test]
fn a_picture_folder_goes_on_past_a_bad_one_and_keeps_its_time() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let frames = folder.path().join("frames");
    fs::create_dir(&frames).unwrap();
    for (at, image) in sleeper().iter().enumerate() {
        let ending = ["jpg", "webp", "bmp", "png"][at % 4];
        image.save(frames.join(format!("frame_{at}.{ending}"))).unwrap();
    }
    let (_, lines, stderr) = watched(folder.path(), "frames", &["--fps", "10"]);
    let whole = lines.last().unwrap();
    assert_eq!((&whole["frames"], &whole["complete"]), (&150.into(), &true.into()), "{stderr}");
    let wanted = alarm(&lines);
    fs::write(frames.join("frame_3.png"), b"broken").unwrap();
    fs::write(frames.join("frame_5.webp"), b"").unwrap();
    fs::write(frames.join("notes.txt"), b"seen on Monday").unwrap();
    let (code, lines, stderr) = watched(folder.path(), "frames", &["--fps", "10"]);
    let summary = lines.last().unwrap();
    assert_eq!((code, &summary["frames"]), (1, &148.into()), "{stderr}");
    assert_eq!(kinds(summary), ["left_out", "unreadable", "unreadable"]);
    for name in ["notes.txt", "frame_3.png", "frame_5.webp"] {
        assert!(stderr.contains(name), "{name}: {stderr}");
    }
    assert!((alarm(&lines) - wanted).abs() < 1e-3, "its time is kept");
    assert_eq!(summary["seconds"], whole["seconds"]);
}

/// Pictures of drivers, awake and asleep, as files of a folder.
fn pictures(folder: &Path) -> Vec<(PathBuf, &'static str)> {
    fs::create_dir_all(folder).unwrap();
    let mut all = Vec::new();
    // Not at 1.0 s: there the driver blinks, and the eyes are shut.
    for (at, label) in [(15, "awake"), (20, "awake"), (120, "drowsy"), (130, "drowsy")] {
        let path = folder.join(format!("{at}.png"));
        sleeper()[at].save(&path).unwrap();
        all.push((path, label));
    }
    all
}

#[test]
fn an_evaluation_goes_on_past_what_is_bad_and_names_it() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    pictures(&at("img"));
    fs::write(at("img/broken.jpg"), b"\xff\xd8\xff\xe0broken").unwrap();
    write(&at("img/clip.mp4"), 10, &film(&sleeper()[..3], 10));
    let list = "Datei;x\n";
    fs::write(at("wrong.csv"), list).unwrap();
    // As a German spreadsheet on Windows writes it.
    let list = "File;Label;Subject\r\nimg\\15.png;Awake;Jörg\r\nimg\\20.png;alert;Ann\r\n\
        C:\\data\\img\\120.png;Drowsy;Jörg\r\nimg\\130.png;closed eyes;Ann\r\n;;\r\n\
        img\\broken.jpg;awake;Bob\r\nimg\\nowhere.jpg;awake;Bob\r\nimg\\clip.mp4;awake;Bob\r\n\
        img\\15.png;;Eve\r\n";
    fs::write(at("list.csv"), list.chars().map(|c| c as u32 as u8).collect::<Vec<u8>>()).unwrap();
    let args = ["evaluate", "--data", "list.csv", "--draws", "20", "--by", "subject"];
    let (code, lines, stderr) = told(folder.path(), &args);
    assert_eq!(code, 1, "{stderr}");
    let report = &lines[0];
    assert_eq!((&report["n"], &report["subjects"]), (&4.into(), &2.into()));
    let problems: Vec<(&str, &str)> = report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["kind"].as_str().unwrap(), p["video"].as_str().unwrap()))
        .collect();
    assert_eq!(
        problems.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
        ["unreadable", "unreadable", "unreadable", "unlabelled"]
    );
    for (index, name) in ["broken.jpg", "nowhere.jpg", "clip.mp4"].iter().enumerate() {
        assert!(problems[index].1.ends_with(name), "{problems:?}");
        assert!(stderr.contains(name), "{stderr}");
    }
    let rows = report["tasks"][0]["rows"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["by"] == "subject" && row["name"] == "Jörg"), "{rows:?}");

    // What is wrong with the list itself is named with line and column.
    fs::write(at("wrong.csv"), "file,label,subject\nimg/15.png,awake,ann\nimg/20.png,dozing,bob\n")
        .unwrap();
    let (code, _, stderr) = told(folder.path(), &["evaluate", "--data", "wrong.csv"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("line 3, column 2 (label)") && stderr.contains("dozing"), "{stderr}");
}

#[test]
fn folders_are_a_list_by_their_names() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (path, label) in pictures(&folder.path().join("all")) {
        let to =
            folder.path().join("set").join(if label == "awake" { "Non Drowsy" } else { "Drowsy" });
        fs::create_dir_all(&to).unwrap();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
    let (code, lines, stderr) =
        told(folder.path(), &["evaluate", "--data", "set", "--draws", "20"]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!((&lines[0]["n"], &lines[0]["auc"]), (&4.into(), &1.0.into()), "{}", lines[0]);
    fs::write(folder.path().join("set/Drowsy/notes.txt"), "by hand").unwrap();
    let (code, _, stderr) = told(folder.path(), &["evaluate", "--data", "set", "--draws", "20"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("notes.txt"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf_8_come_through_every_door() {
    use std::os::unix::ffi::OsStrExt;
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let name = |bytes: &[u8]| std::ffi::OsStr::from_bytes(bytes).to_owned();
    let sub = folder.path().join(name(b"f\xfcr"));
    fs::create_dir(&sub).unwrap();
    sleeper()[10].save(folder.path().join("a.png")).unwrap();
    fs::rename(folder.path().join("a.png"), sub.join(name(b"m\xe4de.png"))).unwrap();
    write(&folder.path().join("a.mp4"), 10, &film(&sleeper()[..5], 10));
    fs::rename(folder.path().join("a.mp4"), sub.join(name(b"latin\xe9.mp4"))).unwrap();
    let run = |first: &[&str], path: &Path| {
        let mut command = Command::cargo_bin("wakewatch").unwrap();
        command.current_dir(folder.path()).args(first).arg(path);
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), stderr)
    };
    let (code, stdout, stderr) = run(&["classify"], &sub.join(name(b"m\xe4de.png")));
    assert_eq!(code, Some(0), "{stderr}");
    let line: Value = serde_json::from_str(&stdout).unwrap();
    assert!(line["file"].as_str().unwrap().ends_with("f\\xfcr/m\\xe4de.png"), "{line}");
    let watch = ["watch", "--headless", "--fast", "--source"];
    let (code, stdout, stderr) = run(&watch, &sub.join(name(b"latin\xe9.mp4")));
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("\"frames\":5"), "{stdout}");
    // As a folder: the picture is left out and named, the recording watched.
    let (code, stdout, _) = run(&watch, &sub);
    assert_eq!(code, Some(1));
    assert!(stdout.contains("latin\\\\xe9.mp4") && stdout.contains("m\\\\xe4de.png"), "{stdout}");
    // A list written on the same disk.
    let mut list = b"file,label,subject\n".to_vec();
    list.extend(b"f\xfcr/m\xe4de.png,awake,J\xf6rg\n");
    fs::write(folder.path().join("list.csv"), list).unwrap();
    let (code, stdout, stderr) =
        run(&["evaluate", "--draws", "0", "--data"], Path::new("list.csv"));
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("\"n\":1"), "{stdout}");
}

#[test]
fn a_folder_of_recordings_names_what_else_it_holds() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let drives = folder.path().join("drives");
    fs::create_dir(&drives).unwrap();
    let clip = film(&sleeper()[..5], 10);
    write(&drives.join("a.mp4"), 10, &clip);
    write(&drives.join("b.avi"), 10, &clip);
    fs::rename(drives.join("b.avi"), drives.join("no ending")).unwrap();
    fs::write(drives.join("a.truth.jsonl"), "{\"at\": 0.0, \"state\": \"awake\"}\n").unwrap();
    let (code, lines, stderr) = watched(folder.path(), "drives", &[]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(lines.len(), 3);
    sleeper()[0].save(drives.join("cover.jpg")).unwrap();
    fs::write(drives.join("notes.txt"), "words").unwrap();
    let (code, lines, stderr) = watched(folder.path(), "drives", &[]);
    assert_eq!(code, 1, "{stderr}");
    let problems = lines.last().unwrap()["summary"]["problems"].as_array().unwrap().clone();
    let named: Vec<_> = problems.iter().map(|p| p["video"].as_str().unwrap()).collect();
    assert_eq!(named, ["cover.jpg", "notes.txt"]);
}

#[test]
fn an_annotated_copy_shows_what_was_judged() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let uneven: Film =
        film(sleeper(), 1000).into_iter().map(|(t, i)| (t + t % 300 / 5, i)).collect();
    write(&at("drive.mp4"), 1000, &uneven);
    let (code, lines, stderr) = watched(folder.path(), "drive.mp4", &["--video", "copy.mp4"]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "and nothing else");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(at("copy.mp4")).unwrap().permissions().mode() & 0o77, 0);
    }
    let frames = |name: &str| {
        let mut source = open(&SourceSpec::Path(at(name)), &OpenOptions::default()).unwrap();
        let mut all = Vec::new();
        while let Some(frame) = source.next_frame().unwrap() {
            all.push(frame);
        }
        all
    };
    let (before, after) = (frames("drive.mp4"), frames("copy.mp4"));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        let off = before.at.abs_diff(after.at).as_secs_f64();
        assert!(off < 1e-3, "{:?} {:?}", before.at, after.at);
    }
    // The edge of the picture is red while the alarm sounds, and as it was before.
    let edge = |at: f64| {
        let frame = after.iter().find(|frame| frame.at.as_secs_f64() >= at).unwrap();
        *frame.image.get_pixel(1, 150)
    };
    let (red, calm) = (edge(alarm(&lines) + 0.3), edge(2.0));
    assert!(red[0] > 150 && red[1] < 90, "{red:?}");
    assert!(calm[0] < 150 || calm[1] > 90, "{calm:?}");
    // The face's box is drawn where nobody is alarmed.
    let (plain, drawn) = (&before[20].image, &after[20].image);
    let green = drawn.pixels().zip(plain.pixels()).filter(|(new, old)| {
        let green =
            |pixel: &image::Rgb<u8>| pixel[1] > 120 && pixel[1] > pixel[0].saturating_add(60);
        green(new) && !green(old)
    });
    assert!(green.count() > 100, "a green box is there");
    for wrong in [["--video", "copy.avi"], ["--video", "no/such/copy.mp4"]] {
        let (code, lines, stderr) = watched(folder.path(), "drive.mp4", &wrong);
        assert_eq!((code, lines.len()), (1, 0), "{stderr}");
        assert!(stderr.contains(wrong[1]), "{stderr}");
    }
    let (code, ..) =
        told(folder.path(), &["watch", "--headless", "--source", "webcam", "--video", "c.mp4"]);
    assert_eq!(code, 2);
    let (code, lines, stderr) = watched(folder.path(), "drive.mp4", &["--video", "./drive.mp4"]);
    assert_eq!((code, lines.len()), (2, 0), "{stderr}");
    assert!(stderr.contains("take the place of the recording"), "{stderr}");
}
