//! Films judged as films, through the program: drawn drivers rendered to video, spans written
//! beside them, two sets of thresholds compared, the report read again.
#![cfg(feature = "video")]
#![allow(clippy::unwrap_used, reason = "a panic is the test's message")]
#![allow(clippy::print_stderr, reason = "what is skipped is told")]

use std::{fs, path::Path};

use image::RgbImage;
use need::has_runtime;
use program::told;
use serde_json::Value;
use wakewatch::source::{OpenOptions, Source, demo};

#[path = "common/encode.rs"]
mod encode;
#[path = "common/need.rs"]
mod need;
#[path = "common/program.rs"]
mod program;

/// Rate of the films, frames a second.
const FPS: u32 = 15;
/// Length of the films, seconds.
const SECONDS: u32 = 18;
/// Eyes are shut below this share of wide open.
const SHUT: f32 = 0.5;

/// A drawn driver as a film; gives the span in which the eyes are shut for longest, seconds.
fn film(path: &Path, scenario: &str) -> [f64; 2] {
    let (width, height) = (320, 240);
    let options = OpenOptions { width, height, fps: FPS as f32, ..OpenOptions::default() };
    let name = format!("{scenario}+{SECONDS}");
    let mut driver = demo::Demo::open(&name, &options).unwrap();
    let mut pictures = Vec::new();
    while let Some(frame) = driver.next_frame().unwrap() {
        pictures.push((frame.index as i64, RgbImage::clone(&frame.image)));
    }
    encode::write(path, FPS as i32, &pictures);
    let (mut longest, mut since) = ([0.0, 0.0], None);
    for truth in demo::truths(&name, &options).unwrap() {
        let at = truth.at.as_secs_f64();
        since = (truth.eye_openness < SHUT).then(|| since.unwrap_or(at));
        if let Some(start) = since.filter(|start| at - start > longest[1] - longest[0]) {
            longest = [start, at];
        }
    }
    longest
}

fn figure<'v>(row: &'v Value, key: &str) -> &'v Value {
    &row["figures"][key]["value"]
}

#[test]
fn films_are_judged_by_their_spans_and_by_two_settings() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("films")).unwrap();
    let [start, end] = film(&at("films/asleep.mp4"), "asleep@0");
    assert!((4.0..5.5).contains(&(end - start)), "{start} to {end}");
    let spans = |person: &str, condition: &str, rest: &str| {
        format!("{{\"person\": \"{person}\", \"conditions\": [\"{condition}\"]{rest}}}")
    };
    let closure = format!(", \"closures\": [[{start}, {end}]]");
    fs::write(at("films/asleep.spans.json"), spans("ann", "night", &closure)).unwrap();
    film(&at("films/awake.mp4"), "alert@1");
    fs::write(at("films/awake.spans.json"), spans("bob", "day", ", \"awake_only\": true")).unwrap();
    // Eyes may be closed for as long as they like.
    let late = ["microsleep_s", "alarm_s", "alarm_excused_s", "asleep_s", "unresponsive_s"];
    let late: String = late.iter().map(|name| format!("{name} = 100.0\n")).collect();
    fs::write(at("late.toml"), late).unwrap();

    let args = [
        "evaluate",
        "--data",
        "films",
        "--versus",
        "late.toml",
        "--report",
        "report",
        "--draws",
        "50",
    ];
    let (code, lines, stderr) = told(folder.path(), &args);
    assert_eq!(code, 0, "{stderr}");
    let [usual, other] = [0, 1].map(|judge| &lines[0]["films"][judge]);
    eprintln!("{}", usual["rows"][0]);
    assert_eq!(
        (&usual["settings"], &other["settings"]),
        (&"usual settings".into(), &"late.toml".into())
    );
    let all = &usual["rows"][0];
    assert_eq!((&all["films"], &all["subjects"]), (&2.into(), &2.into()));
    assert_eq!(all["counts"]["closures"], serde_json::json!([1, 1, 1]));
    assert_eq!(figure(all, "found_3s"), 1.0);
    let delay = figure(all, "delay_3s_median").as_f64().unwrap();
    assert!((1.0..2.5).contains(&delay), "{delay}");
    assert_eq!(figure(all, "needless_criticals"), 0.0);
    assert_eq!(figure(&other["rows"][0], "found_3s"), 0.0);
    // Both films but the closure, its second afterwards, and what is before its beginning.
    let awake = all["counts"]["awake_s"].as_f64().unwrap();
    let wanted = 2.0 * f64::from(SECONDS) - (end - start) - 1.15;
    assert!((awake - wanted).abs() < 0.3, "{awake} of {wanted}");
    let names: Vec<&str> =
        usual["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["all", "ann", "bob", "day", "night"]);
    let less = &lines[0]["film_differences"][0];
    assert_eq!(less["difference"]["found_3s"]["value"], -1.0, "{less}");
    assert_eq!((&less["films"], &less["unpaired"]), (&2.into(), &0.into()));

    let page = fs::read_to_string(at("report/index.html")).unwrap();
    for words in ["Films judged as films", "person: ann", "condition: night", "late.toml against"] {
        assert!(page.contains(words), "{words} is missing");
    }
    // The run that was kept needs no film to be watched again, and says the same.
    let (code, again, stderr) =
        told(folder.path(), &["evaluate", "--data", "report/run", "--draws", "50"]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(again[0]["films"], lines[0]["films"]);
    assert_eq!(again[0]["film_differences"], lines[0]["film_differences"]);
    // And compared with itself nothing differs.
    let (code, same, stderr) = told(folder.path(), &["evaluate", "--compare", "report", "report"]);
    assert_eq!(code, 0, "{stderr}");
    let found = &same[0]["film_differences"][0]["difference"]["found_3s"]["value"];
    assert_eq!(found, 0.0, "{}", same[0]);
}

#[test]
fn films_that_cannot_be_judged_are_named() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("films")).unwrap();
    let bare = film(&at("films/a.mp4"), "alert@2");
    assert!(bare[1] - bare[0] < 1.0, "only blinks: {bare:?}");
    for name in ["b.mp4", "c.mp4"] {
        fs::copy(at("films/a.mp4"), at("films").join(name)).unwrap();
    }
    fs::write(at("films/a.spans.json"), "{\"closures\": [[2, 1]]}").unwrap();
    let args = ["evaluate", "--data", "films", "--draws", "20"];
    let (code, lines, stderr) = told(folder.path(), &args);
    assert_eq!((code, lines.len()), (1, 0), "before anything is watched: {stderr}");
    for words in ["a.spans.json", "closures holds [2, 1]", "the start first"] {
        assert!(stderr.contains(words), "{words}: {stderr}");
    }

    // One is judged, one has no spans, and those of one are another film's.
    fs::write(at("films/a.spans.json"), "{\"looking_down\": [[2, 3]]}").unwrap();
    fs::write(at("films/c.spans.json"), "{\"yawns\": [[30, 34]]}").unwrap();
    let (code, lines, stderr) = told(folder.path(), &args);
    assert_eq!((code, lines.len()), (1, 1), "{stderr}");
    assert_eq!(lines[0]["films"][0]["rows"][0]["films"], 1);
    let problems: Vec<(&str, &str)> = lines[0]["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["video"].as_str().unwrap(), p["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(problems, [("c.mp4", "spans"), ("b.mp4", "not_judged")]);
    for words in ["b.mp4 (not judged: ", "NAME.spans.json", "yawns holds [30, 34]", "18.0 s"] {
        assert!(stderr.contains(words), "{words}: {stderr}");
    }

    // Settings are compared on annotated films only.
    fs::write(at("late.toml"), "alarm_s = 9.0").unwrap();
    for name in ["a", "c"] {
        fs::remove_file(at("films").join(format!("{name}.spans.json"))).unwrap();
    }
    let args = ["evaluate", "--data", "films", "--versus", "late.toml"];
    let (code, lines, stderr) = told(folder.path(), &args);
    assert_eq!((code, lines.len()), (1, 0), "{stderr}");
    assert!(
        stderr.contains("no film with spans") && stderr.contains("docs/evaluate.md"),
        "{stderr}"
    );
}
