//! Collections of videos as researchers use them: a tree of demo clips shaped like
//! UTA-RLDD, with known labels and events, watched, split, merged and measured; and videos
//! that cannot be used.
#![cfg(feature = "video")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is the test's message")]
#![allow(clippy::print_stderr, reason = "what is skipped is told")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command as Program,
    thread,
};

use image::{RgbImage, codecs::jpeg::JpegEncoder};
use need::has_runtime;
use program::told;
use serde_json::Value;
use wakewatch::{
    record::parquet::COLUMNS,
    source::{OpenOptions, Source, demo},
};

#[path = "common/encode.rs"]
mod encode;
#[path = "common/need.rs"]
mod need;
#[path = "common/program.rs"]
mod program;

/// Rate of the clips, frames a second.
const FPS: u32 = 15;
/// Length of the clips, seconds.
const SECONDS: u32 = 18;

fn open(scenario: &str, driver: usize, side: (u32, u32)) -> (demo::Demo, OpenOptions, String) {
    let (width, height) = side;
    let options = OpenOptions { width, height, fps: FPS as f32, ..OpenOptions::default() };
    let name = format!("{scenario}@{driver}+{SECONDS}");
    (demo::Demo::open(&name, &options).unwrap(), options, name)
}

/// A clip of the demo as a video, with its truth beside it.
fn clip(path: &Path, scenario: &str, driver: usize) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let (mut demo, options, name) = open(scenario, driver, (320, 240));
    let mut pictures = Vec::new();
    while let Some(frame) = demo.next_frame().unwrap() {
        pictures.push((frame.index as i64, RgbImage::clone(&frame.image)));
    }
    encode::write(path, FPS as i32, &pictures);
    demo::write_truth(&name, &options, &path.with_extension("truth.jsonl")).unwrap();
}

/// 5 folds, 10 people, 30 videos, as UTA-RLDD has them.
fn tree(root: &Path) {
    let mut clips: Vec<(PathBuf, &str, usize)> = Vec::new();
    for person in 0..10 {
        for (label, scenario) in [(0, "alert"), (5, "yawns"), (10, "asleep")] {
            let fold = 1 + person / 2;
            let folder = format!("Fold{fold}_part{}/{:02}", 1 + person % 2, person + 1);
            clips.push((root.join(folder).join(format!("{label}.mp4")), scenario, person));
        }
    }
    thread::scope(|scope| {
        for half in clips.chunks(clips.len() / 2) {
            scope
                .spawn(|| half.iter().for_each(|(path, scenario, who)| clip(path, scenario, *who)));
        }
    });
}

/// All files below a folder with what is in them, by their names.
fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                all.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    all.sort();
    all
}

fn assert_same(a: &Path, b: &Path) {
    let (a, b) = (content(a), content(b));
    let names = |files: &[(String, Vec<u8>)]| -> Vec<String> {
        files.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&a), names(&b));
    for ((name, a), (_, b)) in a.iter().zip(&b) {
        assert!(a == b, "{name} differs");
    }
}

#[test]
fn a_collection_is_measured_by_folds_and_shards_give_the_same() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    tree(&at("uta"));

    // Measured twice, in two places, by one command line.
    let args = ["evaluate", "--data", "../uta", "--report", "report", "--draws", "200"];
    for place in ["first", "again"] {
        fs::create_dir(at(place)).unwrap();
        let (code, _, stderr) = told(&at(place), &args);
        assert_eq!(code, 0, "{stderr}");
    }
    assert_same(&at("first"), &at("again"));

    // In three parts, of which one shares no folder with the others.
    for (shard, out) in [("1/3", "run"), ("2/3", "run"), ("3/3", "elsewhere")] {
        let args = ["watch", "--headless", "--source", "uta", "--out", out, "--shard", shard];
        let (code, lines, stderr) = told(folder.path(), &args);
        assert_eq!((code, lines.len()), (0, 11), "{stderr}");
    }
    let (code, _, stderr) = told(folder.path(), &["merge", "run"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("10 of 30 videos"), "{stderr}");
    let (code, lines, stderr) = told(folder.path(), &["merge", "run", "elsewhere"]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(lines[0]["summary"]["videos"], 30);
    let run = at("first/report/run");
    for part in ["results", "frames", "events"] {
        assert_same(&run.join(part), &at("run").join(part));
    }
    let (code, merged, stderr) =
        told(folder.path(), &["evaluate", "--data", "run", "--draws", "200"]);
    assert_eq!(code, 0, "{stderr}");

    // The table, by folds.
    let text = fs::read_to_string(at("first/report/report.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["tasks"], merged[0]["tasks"], "merged it is the same");
    assert_eq!(report["events"], merged[0]["events"]);
    let tasks = report["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 3);
    for task in tasks {
        let rows = task["rows"].as_array().unwrap();
        let folds: Vec<&Value> = rows.iter().filter(|row| row["by"] == "fold").collect();
        assert_eq!(folds.len(), 5, "{}", task["task"]);
        assert!(folds.iter().all(|row| row["subjects"] == 2));
        let all = &rows[0]["figures"];
        eprintln!("{}: accuracy {}, AUC {}", task["task"], all["accuracy"], all["auc"]);
        assert!(all["accuracy"]["low"].is_number(), "{all}");
    }
    // Who sleeps for five seconds is told from who is awake; a doze is acted, so no more
    // is asked of the three classes than that they are better than chance.
    let two = &tasks[1]["rows"][0]["figures"];
    assert!(two["accuracy"]["value"].as_f64().unwrap() >= 0.9, "{two}");
    assert!(tasks[2]["rows"][0]["figures"]["accuracy"]["value"].as_f64().unwrap() > 0.5);
    let events = &report["events"][0];
    eprintln!("{events}");
    assert_eq!(events["events"], 10, "one sleep in each of the drowsy clips");
    assert!(events["found"].as_u64().unwrap() >= 9, "{events}");
    let delay = events["delay_s"]["value"].as_f64().unwrap();
    assert!((0.5..4.0).contains(&delay), "{events}");

    // A report compared with itself differs in nothing.
    let args = ["evaluate", "--compare", "first/report", "again/report", "--draws", "50"];
    let (code, lines, stderr) = told(folder.path(), &args);
    assert_eq!(code, 0, "{stderr}");
    let difference = &lines[0]["differences"][0]["difference"]["accuracy"];
    assert_eq!((&difference["value"], &difference["high"]), (&0.0.into(), &0.0.into()));

    // Another model's part is not mixed in.
    let mask = ["watch", "--headless", "--source", "uta", "--out", "run", "--mask", "none"];
    let (code, _, stderr) = told(folder.path(), &mask);
    assert_eq!(code, 1);
    assert!(stderr.contains("another run"), "{stderr}");

    duckdb_opens(&run.join("frames"));
}

/// DuckDB as the set-up of the tests brings it, or as it is installed.
fn duckdb() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    let ours = cache.map(|cache| cache.join("wakewatch").join("duckdb-1.5.6").join("duckdb"));
    let candidates = ours.into_iter().chain([PathBuf::from("duckdb")]);
    candidates.into_iter().find(|path| {
        Program::new(path).arg("--version").output().is_ok_and(|out| out.status.success())
    })
}

fn duckdb_opens(frames: &Path) {
    let Some(program) = duckdb() else {
        eprintln!("skipped: DuckDB is not here; `TESTS=1 assets/setup.sh` brings it");
        return;
    };
    let ask = |sql: &str| -> Value {
        let out = Program::new(&program).current_dir(frames).args(["-json", "-c", sql]).output();
        let out = out.unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).unwrap()
    };
    let described = ask("DESCRIBE SELECT * FROM '*.parquet'");
    let columns: Vec<(&str, &str)> = described
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["column_name"].as_str().unwrap(), c["column_type"].as_str().unwrap()))
        .collect();
    let wanted: Vec<(&str, &str)> = COLUMNS
        .iter()
        .map(|column| {
            let kind = match (column.name, column.unit) {
                ("frame", _) => "BIGINT",
                ("at", _) => "DOUBLE",
                (_, "word") => "VARCHAR",
                _ => "FLOAT",
            };
            (column.name, kind)
        })
        .collect();
    assert_eq!(columns, wanted);
    let counted =
        ask("SELECT count(*) AS n, count(DISTINCT filename) AS files, max(\"at\") AS end_s, \
                       count(drowsy) AS faces, max(drowsy) AS most \
                       FROM read_parquet('*.parquet', filename = true)");
    let row = &counted[0];
    assert_eq!((&row["n"], &row["files"]), (&(30 * FPS * SECONDS).into(), &30.into()), "{row}");
    let last = row["end_s"].as_f64().unwrap();
    assert!((last - (f64::from(SECONDS) - 1.0 / f64::from(FPS))).abs() < 0.01, "{row}");
    assert!(row["faces"].as_u64().unwrap() > u64::from(30 * FPS * SECONDS) * 9 / 10, "{row}");
    assert!(row["most"].as_f64().unwrap() <= 1.0, "{row}");
    // The units stand in the file itself, and are those of the documentation.
    let about = ask("SELECT decode(value) AS columns FROM parquet_kv_metadata('01_0.parquet') \
                     WHERE decode(key) = 'columns'");
    let about: Value = serde_json::from_str(about[0]["columns"].as_str().unwrap()).unwrap();
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/evaluate.md"));
    let docs = docs.unwrap();
    for column in COLUMNS {
        assert_eq!(about[column.name]["unit"], column.unit);
        let line = format!("| `{}` | {} | {} |", column.name, column.unit, column.meaning);
        assert!(docs.contains(&line), "docs/evaluate.md lacks: {line}");
    }
}

#[test]
fn videos_that_cannot_be_used_are_named_and_the_others_go_on() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let person = folder.path().join("uta/Fold1_part1/01");
    fs::create_dir_all(&person).unwrap();
    let make = |name: &str, scenario: &str, frames: u64| {
        let (mut demo, ..) = open(scenario, 0, (320, 240));
        let mut pictures = Vec::new();
        while pictures.len() < frames as usize {
            let frame = demo.next_frame().unwrap().unwrap();
            pictures.push((frame.index as i64, RgbImage::clone(&frame.image)));
        }
        let path = person.join(name);
        encode::write(&path, FPS as i32, &pictures);
        path
    };
    // One video in two parts.
    make("0_1.mp4", "alert", 25);
    make("0_2.mp4", "alert", 20);
    let cut = make("5.avi", "alert", 60);
    let whole = fs::read(&cut).unwrap();
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    make("10.mp4", "no-driver", 30);
    let other = folder.path().join("uta/Fold1_part1/02");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("0.mov"), "").unwrap();
    // Motion JPEG whose pictures change their size, as some cameras write it.
    let mut bytes = Vec::new();
    for side in [(320, 240), (160, 120)] {
        let (mut demo, ..) = open("alert", 1, side);
        for _ in 0..20 {
            let frame = demo.next_frame().unwrap().unwrap();
            JpegEncoder::new(&mut bytes).encode_image(&*frame.image).unwrap();
        }
    }
    fs::write(other.join("10.mov"), bytes).unwrap();
    fs::write(other.join("7.mov"), "no name of the dataset").unwrap();

    let args = ["watch", "--headless", "--source", "uta", "--out", "run"];
    let (code, lines, stderr) = told(folder.path(), &args);
    assert_eq!(code, 1, "the exit code says so: {stderr}");
    assert_eq!(lines.len(), 6, "every video has its result, and a summary follows");
    let kinds: Vec<(&str, Vec<&str>)> = lines[..5]
        .iter()
        .map(|line| {
            let kinds = line["problems"].as_array().unwrap().iter();
            (line["video"].as_str().unwrap(), kinds.map(|p| p["kind"].as_str().unwrap()).collect())
        })
        .collect();
    assert_eq!(
        kinds,
        [
            ("01/0", vec![]),
            ("01/10", vec!["no_face"]),
            ("01/5", vec!["truncated"]),
            ("02/0", vec!["unreadable"]),
            ("02/10", vec!["size_changes"]),
        ]
    );
    assert_eq!((&lines[0]["frames"], lines[0]["files"].as_array().unwrap().len()), (&45.into(), 2));
    let seconds = lines[0]["seconds"].as_f64().unwrap();
    assert!(
        (seconds - 44.0 / f64::from(FPS)).abs() < 0.01,
        "its parts follow each other: {seconds}"
    );
    assert!(lines[2]["frames"].as_u64().unwrap() > 0, "what there is was watched");
    for name in ["01/10", "01/5", "02/0", "02/10", "7.mov"] {
        assert!(stderr.contains(name), "{name}: {stderr}");
    }
    assert!(!stderr.contains("panicked"), "{stderr}");

    let args = ["evaluate", "--data", "run", "--report", "report", "--draws", "20"];
    let (code, _, stderr) = told(folder.path(), &args);
    assert_eq!(code, 1, "{stderr}");
    let page = fs::read_to_string(folder.path().join("report/index.html")).unwrap();
    for words in ["truncated", "no face", "unreadable", "size changes", "left out", "02/10"] {
        assert!(page.contains(words), "{words} is missing in the report");
    }
    let place = folder.path().display().to_string();
    assert!(!page.contains(&place), "the report names no place on this machine");
}

/// The counts of the reference method's published matrix; the table beside it says 0.9544, which no
/// reading of these counts gives.
#[test]
fn a_published_matrix_gives_its_figures() {
    let (code, lines, stderr) = told(Path::new("."), &["evaluate", "--confusion", "169/5/3/196"]);
    assert_eq!(code, 0, "{stderr}");
    for (name, wanted) in
        [("accuracy", 0.9786), ("f1", 0.98), ("precision", 0.9751), ("recall", 0.9849)]
    {
        let got = lines[0][name].as_f64().unwrap();
        assert!((got - wanted).abs() < 5e-5, "{name}: {got}");
    }
    assert_eq!(told(Path::new("."), &["evaluate", "--confusion", "1/2/3"]).0, 2);
}

#[test]
fn wrong_use_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.mp4"), "no video").unwrap();
    let wrong: [&[&str]; 5] = [
        &["watch", "--headless", "--source", ".", "--shard", "1/2"],
        &["watch", "--headless", "--source", ".", "--out", "run", "--shard", "3/2"],
        &["watch", "--headless", "--source", ".", "--frames", "f.csv"],
        &["watch", "--headless", "--source", "demo", "--out", "run"],
        &["evaluate", "--data", ".", "--compare", "a", "b"],
    ];
    for args in wrong {
        let (code, lines, stderr) = told(folder.path(), args);
        assert_eq!((code, lines.len()), (2, 0), "{args:?}: {stderr}");
    }
    let failing: [&[&str]; 3] = [
        &["merge", "nothing"],
        &["evaluate", "--compare", "a", "b"],
        &["evaluate", "--data", "none"],
    ];
    for args in failing {
        let (code, _, stderr) = told(folder.path(), args);
        assert_eq!(code, 1, "{args:?}: {stderr}");
    }
}
