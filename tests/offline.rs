//! The offline mode through the program itself: a folder in the form of UTA-RLDD, made of
//! the demo driver with every trap that real copies have, is prepared (killed in the
//! middle, and gone on with), pretrained, fine-tuned, exported, and read by `classify`.
#![cfg(all(feature = "video", feature = "train"))]
#![allow(clippy::unwrap_used, reason = "a panic is the test's message")]

#[path = "common/encode.rs"]
mod encode;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use assert_cmd::cargo::cargo_bin;
use image::{RgbImage, imageops};
use need::has_runtime;
use wakewatch::source::{OpenOptions, SourceSpec, open};

#[path = "common/need.rs"]
mod need;

/// Frames a second of the clips.
const FPS: i64 = 10;

/// `count` pictures of a drawn driver, from the middle of the tour.
fn driver(number: usize, count: usize) -> Vec<RgbImage> {
    let options = OpenOptions { fps: FPS as f32, width: 480, height: 360, ..Default::default() };
    let spec = SourceSpec::Demo(Some(format!("tour@{number}")));
    let mut source = open(&spec, &options).unwrap();
    let mut pictures = Vec::new();
    while pictures.len() < count {
        let frame = source.next_frame().unwrap().unwrap();
        pictures.push((*frame.image).clone());
    }
    pictures
}

fn clip(path: &Path, pictures: &[RgbImage]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let steady = pictures.iter().enumerate().map(|(at, image)| (at as i64 * 100, image.clone()));
    encode::write(path, 1000, &steady.collect::<Vec<_>>());
}

/// Four people in two folds, with every trap.
fn tree(root: &Path) {
    let at = |name: &str| root.join(name);
    let [one, two, three, four] = [1, 2, 3, 4].map(|number| driver(number, 40));
    // Endings in capitals.
    clip(&at("Fold1_part1/01/0.mp4"), &one[..16]);
    clip(&at("Fold1_part1/01/x.mp4"), &one[12..28]);
    fs::rename(at("Fold1_part1/01/x.mp4"), at("Fold1_part1/01/10.MP4")).unwrap();
    clip(&at("Fold1_part1/01/5.mov"), &one[24..36]);
    // A phone held upright: the pictures lie on their side and the header says so.
    let lying: Vec<RgbImage> = two[..16].iter().map(imageops::rotate270).collect();
    clip(&at("Fold1_part1/02/0.m4v"), &lying);
    encode::turn(&at("Fold1_part1/02/0.m4v"), lying[0].height());
    // A video in two parts.
    clip(&at("Fold1_part1/02/10_1.mov"), &two[16..26]);
    clip(&at("Fold1_part1/02/10_2.mov"), &two[26..36]);
    // A folder unpacked into itself, and a rate that varies.
    let uneven = [0, 40, 80, 300, 340, 900, 1400, 1420, 1440, 2600];
    let uneven: Vec<_> =
        uneven.into_iter().zip(&three).map(|(at, image)| (at, image.clone())).collect();
    let doubled = at("Fold2_part1/Fold2_part1/03");
    fs::create_dir_all(&doubled).unwrap();
    encode::write(&doubled.join("0.mov"), 1000, &uneven);
    clip(&doubled.join("10.mov"), &three[12..28]);
    clip(&at("Fold2_part1/Fold2_part1/04/10.mov"), &four[..16]);
    // A file that was cut off, and the litter of a Mac.
    clip(&at("Fold2_part1/Fold2_part1/04/0.mov"), &four[16..32]);
    let cut = at("Fold2_part1/Fold2_part1/04/0.mov");
    let bytes = fs::read(&cut).unwrap();
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    fs::write(at("Fold1_part1/01/._0.mp4"), "litter").unwrap();
    fs::write(at("Fold1_part1/readme.txt"), "no video").unwrap();
}

struct Done {
    code: Option<i32>,
    out: String,
    err: String,
}

fn program(folder: &Path) -> Command {
    let mut command = Command::new(cargo_bin("wakewatch"));
    command.current_dir(folder).env("WAKEWATCH_MODELS", folder.join("promoted"));
    command
}

fn wakewatch(folder: &Path, arguments: &[&str]) -> Done {
    let output = program(folder).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Done { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

fn succeed(folder: &Path, arguments: &[&str]) -> Done {
    let done = wakewatch(folder, arguments);
    assert_eq!(done.code, Some(0), "{}", done.err);
    done
}

/// Starts the program, waits until `enough`, and kills it as nothing can refuse.
fn kill_when(folder: &Path, arguments: &[&str], enough: impl Fn() -> bool) {
    let mut child = program(folder)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !enough() {
        assert!(begun.elapsed() < Duration::from_secs(300), "it does not come so far");
        if child.try_wait().unwrap().is_some() {
            // It was faster than we are; then there was nothing to interrupt.
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// The rows of a CSV, by column.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

fn config(folder: &Path, name: &str, more: &str) -> PathBuf {
    let path = folder.join(name);
    let text = format!(
        "crops = 'crops'\n{more}\n[network]\nimage_px = 72\npatch_px = 24\nembedding = 'linear'\n\
         dim = 32\ndepth = 2\nheads = 2\nmlp_dim = 64\nq_mask = 'visible'\ndecoder_dim = 32\n\
         decoder_depth = 1\ndecoder_heads = 2\n\
         [training]\nsteps = 12\nbatch = 16\nthreads = 1\nlog_every = 2\nvalidate_every = 4\n\
         [hold_out]\nfold = 2\n"
    );
    fs::write(&path, text).unwrap();
    path
}

/// All weights of the averaged model of a checkpoint, as bits.
fn weights(run: &Path) -> Vec<u32> {
    use burn::{
        module::{Module, ModuleVisitor, Param},
        tensor::{Device, Tensor},
    };
    use wakewatch::train::{
        checkpoint::load_average, classifier::Classifier, record::RunRecord, weights::values,
    };
    struct Bits(Vec<u32>);
    impl ModuleVisitor for Bits {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.extend(values(&param.val()).unwrap().iter().map(|value| value.to_bits()));
        }
    }
    let vit = RunRecord::load(run).unwrap().vit.unwrap();
    let model = Classifier::new(&vit, &Device::flex());
    let model = load_average(&run.join("last"), model).unwrap();
    let mut bits = Bits(Vec::new());
    model.visit(&mut bits);
    bits.0
}

#[test]
fn from_folders_of_videos_to_a_model_that_classifies() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    tree(&root.join("uta"));

    // Prepared, killed in the middle, and gone on with.
    let prepare = ["prepare", "--uta", "uta", "--out", "crops", "--rate", "4"];
    let journal = root.join("crops/journal.jsonl");
    kill_when(root, &prepare, || lines(&journal) >= 10);
    // One broken file does not end the others, and is told by the exit code, too.
    let but_one = || {
        let done = wakewatch(root, &prepare);
        assert_eq!(done.code, Some(1), "{}", done.err);
        assert!(done.err.contains("04/0.mov"), "the broken file is named: {}", done.err);
        assert!(done.err.contains("1 file(s) could not be used"), "{}", done.err);
    };
    but_one();
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(root.join("crops/report.json")).unwrap()).unwrap();
    assert!(report["done_before"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(report["unusable"].as_array().unwrap().len(), 1, "{report}");
    let index = rows(&root.join("crops/index.csv"));
    assert!(index.len() >= 30, "{} crops", index.len());
    let videos: BTreeSet<_> = index.iter().map(|row| row["video"].as_str()).collect();
    // Video and time name the frame in that very file, not in the joined series.
    let (first, second) = ("Fold1_part1/", "Fold2_part1/Fold2_part1/");
    let named = ["01/0.mp4", "01/10.MP4", "01/5.mov", "02/0.m4v", "02/10_1.mov", "02/10_2.mov"]
        .map(|name| format!("{first}{name}"));
    let doubled = ["03/0.mov", "03/10.mov", "04/10.mov"].map(|name| format!("{second}{name}"));
    let expected: BTreeSet<&str> = named.iter().chain(&doubled).map(String::as_str).collect();
    assert_eq!(videos, expected);
    let of = |end: &str| -> Vec<&BTreeMap<String, String>> {
        index.iter().filter(|row| row["video"].ends_with(&format!("/{end}"))).collect()
    };
    assert!(of("01/5.mov").iter().all(|row| row["label"].is_empty() && row["fold"] == "1"));
    assert!(of("03/0.mov").iter().all(|row| row["label"] == "awake" && row["fold"] == "2"));
    let times = |video: &str| -> Vec<f64> {
        of(video).iter().map(|row| row["time_s"].parse().unwrap()).collect()
    };
    for part in ["02/10_1.mov", "02/10_2.mov"] {
        let times = times(part);
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{part}: {times:?}");
        assert!(*times.last().unwrap() < 1.0, "{part}: {times:?}");
    }
    assert!(times("03/0.mov").iter().all(|time| [0.0, 0.3, 0.9, 1.4, 2.6].contains(time)));
    // The same again does nothing more and changes nothing.
    let before = fs::read(root.join("crops/index.csv")).unwrap();
    but_one();
    assert_eq!(fs::read(root.join("crops/index.csv")).unwrap(), before);
    let refused = wakewatch(root, &["prepare", "--uta", "uta", "--out", "crops", "--rate", "2"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("rate = 4, not 2"), "{}", refused.err);

    // Pretrained, and fine-tuned from it: once whole, once killed and gone on with.
    config(root, "pretrain.toml", "out = 'mae'");
    succeed(root, &["train", "pretrain", "--config", "pretrain.toml"]);
    for name in ["curves.png", "reconstruction.png"] {
        assert!(image::open(root.join("mae").join(name)).is_ok(), "{name}");
    }
    let tune = |out: &str| {
        let more = format!(
            "out = '{out}'\npretrained = 'mae'\nlicence = 'CC0 1.0'\nmixup = 0.2\n\
             drop_path = 0.1\nlayer_decay = 0.75"
        );
        config(root, &format!("{out}.toml"), &more);
    };
    tune("whole");
    succeed(root, &["train", "finetune", "--config", "whole.toml"]);
    tune("parts");
    let log = root.join("parts/log.jsonl");
    let validated = || fs::read_to_string(&log).is_ok_and(|log| log.contains("auc_"));
    let saved = || root.join("parts/last/progress.json").exists();
    let train = ["train", "finetune", "--config", "parts.toml"];
    kill_when(root, &train, || validated() && saved());
    succeed(root, &[&train[..], &["--resume"]].concat());
    let (whole, parts) = (weights(&root.join("whole")), weights(&root.join("parts")));
    assert!(whole.len() > 10_000);
    assert!(whole == parts, "a run that was killed and resumed has other weights");
    let log = fs::read_to_string(root.join("parts/log.jsonl")).unwrap();
    let steps: Vec<u64> = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| line.get("loss").is_some())
        .map(|line| line["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, [2, 4, 6, 8, 10, 12], "no step twice, none missing");
    assert!(log.contains("\"confusion\":{\"all\":{\"true_positive\":"));

    // Exported in both precisions, and read by the program.
    let export = ["export", "--checkpoint", "parts", "--out", "mine.onnx"];
    succeed(root, &export);
    let whole = fs::metadata(root.join("mine.onnx")).unwrap().len();
    succeed(root, &[&export[..], &["--fp16", "--promote"]].concat());
    assert!(fs::metadata(root.join("mine.onnx")).unwrap().len() < whole);
    let card = fs::read_to_string(root.join("mine.md")).unwrap();
    assert!(card.contains("CC0 1.0") && card.contains("fold 2 held out"), "{card}");
    driver(1, 1)[0].save(root.join("face.png")).unwrap();
    for more in [&["--model", "mine.onnx"][..], &[]] {
        let done = succeed(root, &[&["classify", "face.png"][..], more].concat());
        let read: serde_json::Value = serde_json::from_str(done.out.trim()).unwrap();
        assert!(read["face"].is_object(), "{read}");
        let drowsy = read["drowsy"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&drowsy), "{read}");
    }

    // A broken promoted model is an error that says how to get rid of it.
    fs::write(root.join("promoted/drowsiness.onnx"), "no model").unwrap();
    let done = wakewatch(root, &["classify", "face.png"]);
    assert_eq!(done.code, Some(1));
    assert!(done.err.contains("promoted") && done.err.contains("remove"), "{}", done.err);
    assert_eq!(done.err.matches("is no ONNX model").count(), 1, "{}", done.err);
}

/// A folder of collections: a film of a drawn driver with spans, and drawn eyes.
fn collections(root: &Path, truth: &str) {
    if !root.join("drivers/film.mp4").exists() {
        clip(&root.join("drivers/film.mp4"), &driver(1, 30));
    }
    fs::write(root.join("drivers/truth.jsonl"), truth).unwrap();
    fs::create_dir_all(root.join("mrl_eyes")).unwrap();
    for (name, lid) in [("o.png", 90), ("s.png", 200)] {
        let eye = RgbImage::from_fn(80, 60, |x, y| {
            let iris = (x as f32 - 39.5).hypot(y as f32 - 29.5) < 12.0;
            image::Rgb([if iris { lid - 60 } else { 120 }; 3])
        });
        eye.save(root.join("mrl_eyes").join(name)).unwrap();
    }
    let rows = "file,subject,eyes,glasses\no.png,s1,open,0\ns.png,s2,shut,0\n";
    fs::write(root.join("mrl_eyes/labels.csv"), rows).unwrap();
}

#[test]
fn frames_of_films_are_labelled_by_their_spans_and_eyes_need_no_face() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let film = |more: &str| {
        format!("{{\"file\": \"film.mp4\", \"seconds\": 3, \"person\": \"ann\"{more}}}\n")
    };
    let data = root.join("data");
    collections(
        &data,
        &film(
            ", \"closures\": [[0, 0.75]], \"looking_down\": [[1.2, 1.6]], \
             \"uncertain\": [[2.05, 3]]",
        ),
    );
    let prepare = ["prepare", "--collections", "data", "--out", "crops", "--rate", "5"];
    succeed(root, &prepare);
    let index = rows(&root.join("crops/index.csv"));
    let frames: Vec<_> = index.iter().filter(|row| row["collection"] == "drivers").collect();
    assert!(frames.len() >= 5, "{} frames", frames.len());
    for row in &frames {
        assert_eq!((row["video"].as_str(), row["subject"].as_str()), ("drivers/film.mp4", "ann"));
        let at: f64 = row["time_s"].parse().unwrap();
        assert!(at <= 2.05, "a frame of an uncertain span is listed");
        let closed = match at {
            at if at <= 0.6 => "1",
            at if at >= 0.9 => "0",
            _ => "",
        };
        assert_eq!(row["eyes_closed"], closed, "at {at} s");
        let label = match closed {
            "1" => "drowsy",
            "0" => "awake",
            _ => "",
        };
        assert_eq!((row["label"].as_str(), row["yawn"].as_str()), (label, "0"), "at {at} s");
        let down = if (1.2..=1.6).contains(&at) { "1" } else { closed_or(closed, "0") };
        assert_eq!(row["looking_down"], down, "at {at} s");
        assert_eq!((row["eyes_only"].as_str(), row["eyes_readable"].as_str()), ("", "1"));
    }
    let dropped = fs::read_to_string(root.join("crops/dropped.csv")).unwrap();
    assert!(dropped.contains("the truth is uncertain there"), "{dropped}");

    let eyes: Vec<_> = index.iter().filter(|row| row["collection"] == "mrl_eyes").collect();
    let told = |row: &BTreeMap<String, String>| {
        ["subject", "label", "eyes_closed", "eyes_only", "yawn", "eye_aspect", "quality"]
            .map(|name| row[name].clone())
    };
    assert_eq!(told(eyes[0]), ["s1", "", "0", "1", "", "", ""]);
    assert_eq!(told(eyes[1]), ["s2", "", "1", "1", "", "", ""]);
    let crop = image::open(root.join("crops").join(&eyes[0]["file"])).unwrap().into_luma8();
    assert_eq!(crop.dimensions(), (96, 96));
    // The canonical places of both eyes, and between them.
    let grey = |x: f32| crop.get_pixel((12.0 + 72.0 * x) as u32, 12 + 18).0[0];
    assert!(grey(0.27) < 60 && grey(0.73) < 60 && grey(0.5).abs_diff(120) < 8);

    // Another truth makes another list of the same crops; nothing is looked at again.
    let written = |row: &BTreeMap<String, String>| {
        fs::metadata(root.join("crops").join(&row["file"])).unwrap().modified().unwrap()
    };
    let before: Vec<_> = index.iter().map(written).collect();
    collections(&data, &film(", \"yawns\": [[0, 3]]"));
    let done = succeed(root, &prepare);
    let report: serde_json::Value = serde_json::from_str(done.out.trim()).unwrap();
    assert_eq!(report["done_before"], report["pictures"]);
    let again = rows(&root.join("crops/index.csv"));
    assert!(again.len() > index.len(), "what was uncertain is listed");
    assert!(again[..frames.len()].iter().all(|row| row["yawn"] == "1"));
    assert_eq!(index.iter().map(written).collect::<Vec<_>>(), before);
}

/// Nothing is said of where eyes look that nobody saw.
fn closed_or(closed: &str, other: &'static str) -> &'static str {
    if closed.is_empty() { "" } else { other }
}
