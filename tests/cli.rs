//! The command line as users meet it: exit codes, what goes to stdout and what to
//! stderr, and one sentence for every input that cannot be used.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is the test's message")]
#![allow(clippy::print_stderr, reason = "what is skipped is to be read")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use assert_cmd::Command;
use image::{RgbImage, imageops};
use need::has_runtime;
use wakewatch::{
    infer::Provider,
    source::{OpenOptions, Source, demo::Demo},
};

#[path = "common/need.rs"]
mod need;

fn wakewatch() -> Command {
    let mut command = Command::cargo_bin("wakewatch").unwrap();
    command.env_remove("RUST_LOG").env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command
}

/// A folder with one of everything that cannot be used.
fn broken_things() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    RgbImage::from_fn(64, 64, |x, y| image::Rgb([x as u8 * 3, y as u8 * 3, 90]))
        .save(at("whole.jpg"))
        .unwrap();
    let whole = fs::read(at("whole.jpg")).unwrap();
    fs::write(at("truncated.jpg"), &whole[..whole.len() / 2]).unwrap();
    fs::write(at("empty.jpg"), "").unwrap();
    fs::write(at("text.jpg"), "this is no picture").unwrap();
    fs::write(at("text.mp4"), "this is no video").unwrap();
    fs::write(at("empty.mp4"), "").unwrap();
    fs::create_dir(at("nothing")).unwrap();
    fs::write(at("missing.csv"), "file,label,subject\nnowhere.jpg,awake,ann\n").unwrap();
    fs::write(at("label.csv"), "file,label,subject\nwhole.jpg,sleepy,ann\n").unwrap();
    fs::write(at("columns.csv"), "picture,label\nwhole.jpg,awake\n").unwrap();
    fs::write(at("torn.csv"), "file,label,subject\ntruncated.jpg,awake,ann\n").unwrap();
    fs::write(at("unlabelled.csv"), "file,label,subject\nwhole.jpg,,ann\n").unwrap();
    fs::write(at("random.onnx"), [7; 4096]).unwrap();
    fs::write(at("bad.toml"), "asleep_sec = 2\n").unwrap();
    folder
}

/// Runs in the folder of broken things; gives exit code, stdout and stderr.
fn told(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let output = wakewatch().current_dir(folder).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn bad_input_is_one_sentence_that_names_it_and_exit_code_1() {
    let folder = broken_things();
    let models = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models");
    let another = models.join("landmarks.onnx");
    let watch = ["watch", "--headless", "--fast", "--source"];
    let with = |source: &'static str| [&watch[..], &[source]].concat();
    let cases: Vec<(Vec<&str>, &str)> = vec![
        (with("nowhere.mp4"), "nowhere.mp4"),
        (with("text.mp4"), "text.mp4"),
        (with("empty.mp4"), "empty.mp4"),
        (with("truncated.jpg"), "truncated.jpg"),
        (with("nothing"), "nothing"),
        (with("demo:dancing"), "dancing"),
        (with("demo:dancing"), "two-faces"),
        (with("demo:asleep@99"), "0 to 13"),
        (vec!["classify", "text.jpg"], "text.jpg"),
        (vec!["classify", "empty.jpg"], "empty.jpg"),
        (vec!["classify", "truncated.jpg"], "truncated.jpg"),
        (vec!["classify", "nowhere.jpg"], "nowhere.jpg"),
        (vec!["classify", "whole.jpg", "--model", "random.onnx"], "random.onnx"),
        (vec!["classify", "whole.jpg", "--model", another.to_str().unwrap()], "landmarks"),
        (vec!["evaluate", "--data", "nowhere.csv"], "nowhere.csv"),
        (vec!["evaluate", "--blinks", "nowhere.jsonl"], "nowhere.jsonl"),
        (vec!["evaluate", "--blinks", "columns.csv"], "columns.csv"),
        (vec!["evaluate", "--blinks", "columns.csv", "--norms"], "columns.csv"),
        (vec!["evaluate", "--data", "missing.csv"], "nowhere.jpg"),
        (vec!["evaluate", "--data", "label.csv"], "sleepy"),
        (vec!["evaluate", "--data", "columns.csv"], "columns.csv"),
        (vec!["evaluate", "--data", "torn.csv"], "truncated.jpg"),
        (vec!["evaluate", "--data", "unlabelled.csv"], "whole.jpg"),
        (vec!["evaluate", "--landmarks", "nowhere.jsonl"], "nowhere.jsonl"),
        (vec!["evaluate", "--landmarks", "missing.csv"], "missing.csv"),
        (vec!["watch", "--headless", "--source", "demo", "--settings", "bad.toml"], "bad.toml"),
    ];
    for (args, name) in cases {
        let (code, stdout, stderr) = told(folder.path(), &args);
        assert_eq!(code, 1, "{args:?}: {stderr}");
        assert_eq!(stdout, "", "{args:?} prints nothing half");
        assert!(stderr.contains(name), "{args:?} names {name}: {stderr}");
        assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
    }
}

#[test]
fn a_log_is_not_begun_for_a_source_that_cannot_be_read() {
    let folder = broken_things();
    let args = ["watch", "--headless", "--source", "text.mp4", "--frames", "out.csv"];
    assert_eq!(told(folder.path(), &args).0, 1);
    assert!(!folder.path().join("out.csv").exists());
}

#[test]
fn the_truth_of_the_demo_is_written_frame_by_frame() {
    let folder = tempfile::tempdir().unwrap();
    let source = ["--source", "demo:microsleep@3+12", "--fps", "10"];
    let args = [&["watch", "--headless", "--fast", "--truth", "truth.jsonl"], &source[..]].concat();
    let (code, stdout, stderr) = told(folder.path(), &args);
    let text = fs::read_to_string(folder.path().join("truth.jsonl")).unwrap();
    let truths: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(truths.len(), 120);
    let shut = |second: usize| truths[10 * second]["eye_openness"].as_f64().unwrap() < 0.2;
    assert!(!shut(8) && shut(11), "the eyes are shut from 10 s on");
    assert_eq!(truths[110]["state"], "microsleep");
    assert_eq!(truths[0]["points"].as_array().unwrap().len(), 68);
    // Without ONNX Runtime the watch cannot follow, but the truth is there.
    if code == 0 {
        assert!(stdout.contains("\"frames\":120"), "{stdout}");
    } else {
        assert!(stderr.contains("ONNX Runtime"), "{stderr}");
    }
}

#[test]
fn the_help_names_every_scenario() {
    let (_, stdout, _) = told(Path::new("."), &["watch", "--help"]);
    for scenario in wakewatch::source::demo::scenarios() {
        assert!(stdout.contains(scenario), "{scenario} is missing in {stdout}");
    }
}

#[test]
fn wrong_use_is_exit_code_2() {
    let folder = broken_things();
    for args in [
        &["sing"][..],
        &["classify"],
        &["watch", "--source", "webcam:front"],
        &["watch", "--headless", "--fast", "--source", "webcam"],
        &["watch", "--headless", "--volume", "7", "--source", "demo"],
        &["watch", "--headless", "--source", "whole.jpg", "--truth", "truth.jsonl"],
        &["watch", "--headless", "--source", "demo", "--rotate", "45"],
        &["watch", "--headless", "--source", "demo", "--seat", "back"],
        &["watch", "--headless", "--source", "demo", "--rotate", "90", "--truth", "truth.jsonl"],
        &["evaluate"],
        &["evaluate", "--data", "missing.csv", "--landmarks", "points.jsonl"],
        &["evaluate", "--data", "missing.csv", "--norms"],
    ] {
        let (code, stdout, stderr) = told(folder.path(), args);
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}: {stderr}");
        assert!(!stderr.is_empty(), "{args:?} says why");
    }
}

#[test]
fn help_and_version_are_answers() {
    for args in [&["--help"][..], &["--version"], &["watch", "--help"], &["evaluate", "--help"]] {
        let (code, stdout, _) = told(Path::new("."), args);
        assert_eq!(code, 0, "{args:?}");
        assert!(stdout.contains("wakewatch") || stdout.contains("--"), "{args:?}: {stdout}");
    }
}

#[test]
fn a_machine_without_a_screen_is_told_what_works_there() {
    let (code, _, stderr) = told(Path::new("."), &["watch", "--source", "demo"]);
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("--headless"), "{stderr}");
}

#[test]
fn the_doctor_names_everything_a_watch_needs() {
    let (code, stdout, stderr) = told(Path::new("."), &["doctor", "--json"]);
    let findings: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let names: Vec<_> =
        findings.as_array().unwrap().iter().map(|f| f["what"].as_str().unwrap()).collect();
    for name in [
        "ONNX Runtime",
        "providers",
        "landmarks",
        "classifier",
        "auto",
        "cameras",
        "picture",
        "sound",
    ] {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
    let broken = findings.as_array().unwrap().iter().any(|f| f["health"] == "broken");
    assert_eq!(code, i32::from(broken), "{stderr}");
}

#[test]
fn what_auto_tries_is_measured_at_once_and_told() {
    if !has_runtime() {
        return;
    }
    let cuda = Provider::Cuda.is_built_in().unwrap();
    let doctor = |device: &str| {
        let (_, stdout, _) = told(Path::new("."), &["doctor", "--json", "--device", device]);
        let findings: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        let of = findings.as_array().unwrap().iter().find(|f| f["what"] == "auto").unwrap();
        of["found"].as_str().unwrap().to_owned()
    };
    assert!(doctor("cpu").contains("cpu was asked for by name"));
    let words = if cuda { "CUDA" } else { "no other provider here" };
    assert!(doctor("auto").contains(words));

    let bench = ["bench", "--source", "demo:alert", "--frames", "30", "--json", "--device", "auto"];
    let (code, stdout, stderr) = told(Path::new("."), &bench);
    assert_eq!(code, 0, "{stderr}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["provider"], "CPU");
    let tried = report["tried"].as_array().unwrap();
    assert_eq!(tried.len(), if cuda { 2 } else { 0 }, "{stdout}");
    assert!(tried.iter().all(|one| one["provider"] == "cuda" && one["outcome"].is_string()));
}

#[test]
fn a_picture_without_a_face_is_null_and_counted_as_missed() {
    let folder = broken_things();
    let (code, stdout, stderr) = told(folder.path(), &["classify", "whole.jpg"]);
    assert_eq!(code, 0, "{stderr}");
    let line: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&line["file"], &line["face"]), (&"whole.jpg".into(), &serde_json::Value::Null));
    assert_eq!(line["drowsy"], serde_json::Value::Null);

    let list = folder.path().join("list.csv");
    fs::write(&list, "file,label,subject\nwhole.jpg,drowsy,ann\nwhole.jpg,awake,bob\n").unwrap();
    let (code, stdout, stderr) = told(folder.path(), &["evaluate", "--data", "list.csv"]);
    assert_eq!(code, 0, "{stderr}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&report["n"], &report["missed"]), (&2.into(), &2.into()));
    assert_eq!(report["accuracy"], 0.5);
    assert_eq!(report["confusion"]["false_negative"], 1);
}

/// A picture of the drawn driver.
fn drawn(play: &str, second: f32) -> RgbImage {
    let options = OpenOptions::default();
    let mut demo = Demo::open(play, &options).unwrap();
    demo.skip_to((second * options.fps) as u64);
    (*demo.next_frame().unwrap().unwrap().image).clone()
}

/// What `classify` says of these pictures, with more arguments; `None` without a runtime.
fn classified(pictures: &[RgbImage], more: &[&str]) -> Option<Vec<serde_json::Value>> {
    if !has_runtime() {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..pictures.len()).map(|index| format!("{index}.png")).collect();
    for (picture, name) in pictures.iter().zip(&names) {
        picture.save(folder.path().join(name)).unwrap();
    }
    let args = ["classify"].into_iter().chain(more.iter().copied());
    let args: Vec<&str> = args.chain(names.iter().map(String::as_str)).collect();
    let (code, stdout, stderr) = told(folder.path(), &args);
    assert_eq!(code, 0, "{stderr}");
    Some(stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn a_picture_says_whether_its_eyes_can_be_read_and_why_not() {
    let plain = drawn("alert@2", 1.0);
    let small = imageops::resize(&plain, 120, 90, imageops::FilterType::Triangle);
    let mut dark = plain.clone();
    dark.iter_mut().for_each(|value| *value /= 6);
    let pictures = [
        (plain.clone(), None),
        (drawn("sunglasses@2", 5.0), Some("covered")),
        (dark, Some("dark")),
        (small, Some("small")),
        (imageops::blur(&plain, 9.0), Some("blurred")),
        (drawn("looking-away@2", 28.0), Some("turned")),
    ];
    let images = pictures.each_ref().map(|(image, _)| image.clone());
    let Some(lines) = classified(&images, &[]) else { return };
    for (line, (_, why)) in lines.iter().zip(&pictures) {
        eprintln!("{why:?} {} {} {}", line["faces"], line["eyes_readable"], line["unreadable"]);
    }
    for (line, (_, why)) in lines.iter().zip(pictures) {
        assert_eq!((&line["faces"], &line["turn"]), (&1.into(), &0.into()), "{why:?}: {line}");
        assert_eq!(line["eyes_readable"], why.is_none(), "{why:?}: {line}");
        assert_eq!(line["unreadable"], serde_json::json!(why), "{line}");
    }
}

#[test]
fn a_turned_picture_is_read_the_right_way_up_and_says_how() {
    let upright = drawn("yawns@5", 8.0);
    let turned = [
        upright.clone(),
        imageops::rotate270(&upright),
        imageops::rotate180(&upright),
        imageops::rotate90(&upright),
    ];
    let Some(lines) = classified(&turned, &[]) else { return };
    for (line, degrees) in lines.iter().zip([0, 90, 180, 270]) {
        assert_eq!(line["turn"], degrees, "{line}");
        // The crop is cut from other pixels: of this yawn a probability moves by 0.1 between
        // neighbouring frames, too. What counts is that it stays a yawn.
        for key in ["yawn", "eyes_closed", "drowsy"] {
            let [turned, upright] = [line, &lines[0]].map(|line| line[key].as_f64().unwrap());
            let same = (turned > 0.5) == (upright > 0.5) && (turned - upright).abs() < 0.2;
            assert!(same, "{degrees}: {key} {turned}, upright {upright}");
        }
    }
    // With the switch that is told, the picture is upright.
    let Some(lines) = classified(&[turned[1].clone()], &["--rotate", "90"]) else { return };
    assert_eq!(lines[0]["turn"], 0);
    let flipped = imageops::flip_horizontal(&upright);
    let both = ["--mirror", "--seat", "left"];
    let Some(mirrored) = classified(&[upright, flipped], &both) else { return };
    assert_eq!(mirrored[1]["face"], classified(&[turned[0].clone()], &[]).unwrap()[0]["face"]);
    assert_ne!(mirrored[0]["face"], mirrored[1]["face"]);
}

#[test]
fn landmarks_are_measured_on_an_annotated_list() {
    let folder = broken_things();
    // A face that is annotated and not there: on the list, and not found.
    let points: Vec<[f32; 2]> = (0..68).map(|i| [10.0 + (i % 17) as f32, i as f32 / 2.0]).collect();
    let list = folder.path().join("points.jsonl");
    let line = serde_json::json!({ "file": "whole.jpg", "points": points });
    fs::write(&list, format!("{line}\n")).unwrap();
    let (code, stdout, stderr) = told(folder.path(), &["evaluate", "--landmarks", "points.jsonl"]);
    assert_eq!(code, 0, "{stderr}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&report["n"], &report["found"]), (&1.into(), &0.into()));
    for name in ["nme", "nme_eyes", "ear_auc"] {
        assert_eq!(report.get(name), Some(&serde_json::Value::Null), "{name}");
    }

    fs::write(&list, format!("{line}\n{{\"file\": \"whole.jpg\", \"points\": [[1, 2]]}}\n"))
        .unwrap();
    let (code, stdout, stderr) = told(folder.path(), &["evaluate", "--landmarks", "points.jsonl"]);
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(stderr.contains("points.jsonl, line 2"), "{stderr}");
}
