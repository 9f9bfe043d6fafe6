//! The command line as users meet it: exit codes, what goes to stdout and what to
//! stderr, and one sentence for every input that cannot be used.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is the test's message")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use assert_cmd::Command;
use image::RgbImage;

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
        (vec!["classify", "text.jpg"], "text.jpg"),
        (vec!["classify", "empty.jpg"], "empty.jpg"),
        (vec!["classify", "truncated.jpg"], "truncated.jpg"),
        (vec!["classify", "nowhere.jpg"], "nowhere.jpg"),
        (vec!["classify", "whole.jpg", "--model", "random.onnx"], "random.onnx"),
        (vec!["classify", "whole.jpg", "--model", another.to_str().unwrap()], "landmarks"),
        (vec!["evaluate", "--data", "nowhere.csv"], "nowhere.csv"),
        (vec!["evaluate", "--data", "missing.csv"], "nowhere.jpg"),
        (vec!["evaluate", "--data", "label.csv"], "sleepy"),
        (vec!["evaluate", "--data", "columns.csv"], "columns.csv"),
        (vec!["evaluate", "--data", "torn.csv"], "truncated.jpg"),
        (vec!["evaluate", "--data", "unlabelled.csv"], "whole.jpg"),
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
fn wrong_use_is_exit_code_2() {
    let folder = broken_things();
    for args in [
        &["sing"][..],
        &["classify"],
        &["watch", "--source", "webcam:front"],
        &["watch", "--headless", "--fast", "--source", "webcam"],
        &["watch", "--headless", "--volume", "7", "--source", "demo"],
        &["evaluate"],
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
    for name in ["ONNX Runtime", "providers", "landmarks", "classifier", "cameras", "sound"] {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
    let broken = findings.as_array().unwrap().iter().any(|f| f["health"] == "broken");
    assert_eq!(code, i32::from(broken), "{stderr}");
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
