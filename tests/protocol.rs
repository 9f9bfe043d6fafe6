//! The road-safety tests as their users run them: a fixed part of the table through the
//! program, words that choose, tables of one's own, and the page.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is the test's message")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what was measured is to be read")]

use std::{fs, path::Path};

use assert_cmd::Command;
use need::has_runtime;
use program::told;
use serde_json::Value;

#[path = "common/need.rs"]
mod need;
#[path = "common/program.rs"]
mod program;

/// The part that is played each time: every fifth cell.
const FIFTH: &str = "2/5";
/// At least this share of it is right or told as unreadable.
const LEAST_RIGHT: f64 = 0.98;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The lines of the cells, and the summary.
fn split(mut lines: Vec<Value>) -> (Vec<Value>, Value) {
    let summary = lines.pop().unwrap()["summary"].clone();
    assert_eq!(summary["cells"], lines.len());
    (lines, summary)
}

#[test]
fn a_fifth_of_the_cells_is_right() {
    if !has_runtime() {
        return;
    }
    let (code, lines, stderr) = told(here(), &["protocol", "--part", FIFTH]);
    let (cells, summary) = split(lines);
    let failed = cells.iter().filter(|cell| cell["outcome"] == "failed");
    let failed: Vec<String> =
        failed.map(|cell| format!("{}: {}", cell["cell"], cell["cause"])).collect();
    println!("{summary}\n{}", failed.join("\n"));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(summary["promises_broken"], 0);
    assert!(cells.len() >= 40, "{} cells", cells.len());
    let right = 1.0 - failed.len() as f64 / cells.len() as f64;
    assert!(right >= LEAST_RIGHT, "{right:.3} are right: {failed:?}");
}

#[test]
fn the_same_command_gives_the_same_bytes_and_page() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = |page: &str| {
        let mut command = Command::cargo_bin("wakewatch").unwrap();
        let only = ["--only", "microsleep", "--only", "glasses"];
        command.current_dir(folder.path()).arg("protocol").args(only).args(["--report", page]);
        let output = command.output().unwrap();
        (output.stdout, fs::read(folder.path().join(page).join("index.html")).unwrap())
    };
    let (first, page) = run("page");
    let (second, again) = run("page");
    assert_eq!(first, second);
    assert!(page == again, "the page differs");
    let lines: Vec<Value> = String::from_utf8(first)
        .unwrap()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let (cells, _) = split(lines);
    let names: Vec<&str> = cells.iter().map(|cell| cell["cell"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["microsleep/clear", "microsleep/tinted", "microsleep/reflecting", "microsleep/dark"],
        "in the table's order"
    );
    assert_eq!(cells[3]["outcome"], "unreadable");
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("data:image/png;base64,") && !page.contains("<script"));
}

#[test]
fn cells_are_listed_and_words_that_name_none_say_what_there_is() {
    let (code, lines, _) = told(here(), &["protocol", "--list"]);
    assert_eq!(code, 0);
    assert!(lines.len() >= 200, "{} cells", lines.len());
    assert!(lines.iter().all(|line| line["source"].as_str().is_some_and(|s| !s.is_empty())));
    let (code, lines, stderr) = told(here(), &["protocol", "--only", "nonsense"]);
    assert_eq!((code, lines.len()), (2, 0));
    for word in ["nonsense", "microsleep", "glasses", "--list"] {
        assert!(stderr.contains(word), "{word} is missing: {stderr}");
    }
}

#[test]
fn a_table_of_ones_own_is_played_and_a_broken_promise_fails() {
    let folder = tempfile::tempdir().unwrap();
    let table = |name: &str, sign: &str| {
        let text = format!(
            "[play]\nwidth = 320\nheight = 240\nfps = 12.0\ntolerance_s = 0.2\n\
             unreadable_s = 10.0\n\
             [[requirement]]\nid = \"sleep\"\ntitle = \"Sleep\"\nsource = \"mine\"\n\
             seconds = 9.0\ncues = [{{ sign = \"{sign}\", from = 5.0, to = 7.5 }}]\n\
             tell = [{{ level = \"critical\", since = 5.15, after = 1.5, by = 1.8 }}]\n\
             variants = [\"all\"]\n\
             [[axis]]\nid = \"people\"\ntitle = \"People\"\nsource = \"mine\"\n\
             variant = [{{ id = \"one\", title = \"one\" }}]\n"
        );
        fs::write(folder.path().join(name), text).unwrap();
    };
    table("bad.toml", "wink");
    let (code, _, stderr) = told(folder.path(), &["protocol", "--table", "bad.toml"]);
    assert_eq!(code, 1);
    for word in ["bad.toml, line 12", "wink", "nod_off"] {
        assert!(stderr.contains(word), "{word} is missing: {stderr}");
    }
    if !has_runtime() {
        return;
    }
    table("right.toml", "close");
    let (code, lines, stderr) = told(folder.path(), &["protocol", "--table", "right.toml"]);
    assert_eq!((code, &lines[0]["outcome"]), (0, &Value::from("right")), "{stderr}");
    table("wrong.toml", "talk");
    let (code, lines, stderr) = told(folder.path(), &["protocol", "--table", "wrong.toml"]);
    assert_eq!((code, &lines[0]["outcome"]), (1, &Value::from("failed")));
    assert!(stderr.contains("sleep/one") && stderr.contains("not told"), "{stderr}");
}
