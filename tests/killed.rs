//! Killed as nothing can refuse, at random moments: of a log only the last line may be torn,
//! a checkpoint is gone on from, and a model in its place is whole.
//!
//! A few kills are made always, 200 by `make test-long`.
#![cfg(all(unix, feature = "train"))]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may fail and says why")]

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::AtomicBool,
    time::Duration,
};

use burn::tensor::Device;
use image::{Rgb, RgbImage};
use need::has_runtime;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wakewatch::{
    dataset::{
        crops::INDEX,
        manifest::{Item, Label, Manifest},
    },
    infer::promoted,
    train::{
        Control,
        checkpoint::load_average,
        classifier::Classifier,
        finetune::{self, FinetuneConfig},
        landmarks::{self, LandmarkNet, LandmarkTrainConfig},
    },
    vit::{ModelKind, VitConfig},
};

#[path = "common/need.rs"]
mod need;

/// Names the folder in which a child works.
const WORK: &str = "WAKEWATCH_TEST_WORK";

/// This program again, to do one thing until it is killed.
fn child(work: &str, folder: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "--nocapture", work]).env(WORK, folder);
    command.env(promoted::FOLDER_VARIABLE, folder.join("models"));
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Lets a child work for a random time and kills it; it must not have ended by itself.
fn kill(mut child: Child, random: &mut ChaCha8Rng, most_ms: u64) {
    std::thread::sleep(Duration::from_millis(random.random_range(20..most_ms)));
    let ended = child.try_wait().unwrap();
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(ended, None, "{}", String::from_utf8_lossy(&output.stderr));
}

fn folder() -> std::path::PathBuf {
    std::env::var_os(WORK).unwrap().into()
}

/// The lines of a file that end, and what follows them.
fn lines(path: &Path) -> (Vec<String>, String) {
    let text = fs::read_to_string(path).unwrap_or_default();
    let (whole, torn) = text.rsplit_once('\n').unwrap_or(("", &text));
    (whole.lines().map(Into::into).collect(), torn.into())
}

fn record(kills: u32, seed: u64) {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (events, frames) = (folder.path().join("e.jsonl"), folder.path().join("f.csv"));
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut judged = 0;
    for _ in 0..kills {
        let before = lines(&events).0.len();
        let mut command = Command::new(env!("CARGO_BIN_EXE_wakewatch"));
        command.args(["watch", "--headless", "--fast", "--source", "demo:asleep+600"]);
        command.args(["--fps", "10", "--width", "320", "--height", "240"]);
        command.arg("--events").arg(&events).arg("--frames").arg(&frames);
        let _ = fs::remove_file(&frames);
        let mut running = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // From the first frame on: before it there is nothing to lose.
        while lines(&frames).0.is_empty() {
            assert_eq!(running.try_wait().unwrap(), None, "it has ended");
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(random.random_range(0..1500)));
        running.kill().unwrap();
        let told = String::from_utf8(running.wait_with_output().unwrap().stdout).unwrap();
        // Every frame up to the last, and no line that is not whole but the last.
        let rows = lines(&frames).0;
        let width = rows[0].split(',').count();
        for (number, row) in rows.iter().skip(1).enumerate() {
            let columns: Vec<&str> = row.split(',').collect();
            assert_eq!((columns.len(), columns[0]), (width, &*number.to_string()), "{row}");
        }
        judged += rows.len() - 1;
        // What was told is in the log: all of it, and at most the last line more.
        let (logged, _) = lines(&events);
        let new: Vec<&String> = logged[before..].iter().filter(|line| is_json(line)).collect();
        let told: Vec<&str> = told.lines().filter(|line| is_json(line)).collect();
        assert!(new.len() == told.len() || new.len() == told.len() + 1, "{new:?} {told:?}");
        assert!(told.iter().zip(&new).all(|(told, new)| told == new));
    }
    // One torn line a kill at most, and none in the middle of another.
    let torn = lines(&events).0.iter().filter(|line| !is_json(line)).count();
    assert!(torn <= kills as usize, "{torn} torn lines");
    eprintln!("recording: {kills} kills, {judged} frames in the logs, {torn} torn lines");
    assert!(judged > kills as usize);
}

fn is_json(line: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(line).is_ok()
}

/// Two models that are told apart by their first byte, and long enough to be cut.
fn models() -> [Vec<u8>; 2] {
    [vec![0xaa; 3_000_000], vec![0xbb; 5_000_001]]
}

#[test]
#[ignore = "killed by the others"]
fn promotes_until_killed() {
    let models = models();
    for model in models.iter().cycle() {
        promoted::promote(ModelKind::Drowsiness, model).unwrap();
    }
}

fn promote(kills: u32, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let models = models();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let place = folder.path().join("models");
    for _ in 0..kills {
        kill(child("promotes_until_killed", folder.path()), &mut random, 250);
        for name in ["drowsiness.onnx", "drowsiness.previous.onnx"] {
            if let Ok(bytes) = fs::read(place.join(name)) {
                assert!(models.contains(&bytes), "{name} of {} bytes is half written", bytes.len());
            }
        }
    }
    assert!(place.join("drowsiness.onnx").exists());
    // What the killed ones left does not pile up; other programs may be at work on what is
    // younger than a minute.
    #[allow(clippy::disallowed_methods, reason = "files carry the clock's time")]
    let hour_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
    for entry in fs::read_dir(&place).unwrap() {
        let file = fs::File::options().write(true).open(entry.unwrap().path()).unwrap();
        file.set_modified(hour_ago).unwrap();
    }
    promoted_here(&place, &models[0]);
    let left = fs::read_dir(&place).unwrap().count();
    assert!(left <= 2, "{left} files are left behind");
    eprintln!("promoting: {kills} kills, every model whole");
}

/// Promotes once, in a process of its own: the folder is named by its environment.
fn promoted_here(place: &Path, bytes: &[u8]) {
    fs::write(place.with_file_name("model"), bytes).unwrap();
    let work = place.parent().unwrap();
    assert!(child("promotes_once", work).wait().unwrap().success());
}

#[test]
#[ignore = "run by the others"]
fn promotes_once() {
    let bytes = fs::read(folder().join("model")).unwrap();
    promoted::promote(ModelKind::Drowsiness, &bytes).unwrap();
}

const NETWORK: &str = "image_px = 24\npatch_px = 8\nembedding = 'linear'\ndim = 16\ndepth = 1\n\
    heads = 2\nmlp_dim = 32\nq_mask = 'landmark'\ndecoder_dim = 16\ndecoder_depth = 1\n\
    decoder_heads = 2\n";

fn crops(folder: &Path) {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut items = Vec::new();
    for at in 0..24_u8 {
        let name = format!("{at}.png");
        let image = RgbImage::from_fn(32, 32, |_, _| Rgb(random.random()));
        image.save(folder.join(&name)).unwrap();
        let label = if at % 2 == 0 { Label::Drowsy } else { Label::Awake };
        let subject = format!("s{}", at / 2);
        items.push(Item { file: name.into(), label: Some(label), subject, ..Item::default() });
    }
    Manifest { items }.write(&folder.join(INDEX)).unwrap();
}

/// Whether the run in a child's folder was begun: a save that was killed between its
/// renamings is finished by the next.
fn begun(folder: &Path) -> bool {
    ["last", "last.old"].iter().any(|name| folder.join("run").join(name).exists())
}

#[test]
#[ignore = "killed by the others"]
fn trains_until_killed() {
    let folder = folder();
    let text = format!(
        "crops = '{}'\nout = '{}'\n[network]\n{NETWORK}[training]\nsteps = 1000000\nbatch = 8\n\
         threads = 1\nlog_every = 1\nvalidate_every = 2\n[hold_out]\nshare = 0.3\n",
        folder.display(),
        folder.join("run").display()
    );
    let config: FinetuneConfig = toml::from_str(&text).unwrap();
    let stop = AtomicBool::new(false);
    let mut control = Control { stop: &stop, say: &mut |_| {}, step: &mut |_| {} };
    finetune::run(&config, begun(&folder), &Device::flex(), &mut control).unwrap();
}

/// Faces of noise with 68 points: HELEN's and those of a few people of YouTube Faces.
fn faces(folder: &Path) {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let mut lines = String::new();
    for at in 0..12_u8 {
        let name = match at % 4 {
            0 => format!("helen/{at}_1.png"),
            _ => format!("ytfaces/Person_{at}_1.png"),
        };
        let file = folder.join(&name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        RgbImage::from_fn(48, 48, |_, _| Rgb(random.random())).save(file).unwrap();
        let points: Vec<[f32; 2]> =
            (0..68).map(|i| [10.0 + (i % 17) as f32, 10.0 + i as f32 / 3.0]).collect();
        lines += &format!("{}\n", serde_json::json!({ "file": name, "points": points }));
    }
    fs::write(folder.join("points.jsonl"), lines).unwrap();
}

#[test]
#[ignore = "killed by the others"]
fn places_points_until_killed() {
    let folder = folder();
    let text = format!(
        "faces = '{}'\nout = '{}'\n[training]\nsteps = 1000000\nbatch = 2\nthreads = 1\n\
         log_every = 1\nvalidate_every = 2\n",
        folder.join("points.jsonl").display(),
        folder.join("run").display()
    );
    let config: LandmarkTrainConfig = toml::from_str(&text).unwrap();
    let stop = AtomicBool::new(false);
    let mut control = Control { stop: &stop, say: &mut |_| {}, step: &mut |_| {} };
    landmarks::run(&config, begun(&folder), &Device::flex(), &mut control).unwrap();
}

/// Kills a training again and again; `whole` reads a checkpoint of it.
fn train(work: &str, make: fn(&Path), whole: fn(&Path), kills: u32, most_ms: u64, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path());
    let run = folder.path().join("run");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut steps, mut resumed) = (0, 0);
    for _ in 0..kills {
        kill(child(work, folder.path()), &mut random, most_ms);
        // Of the log, whole lines without a gap; only the last may be torn.
        let (log, _) = lines(&run.join("log.jsonl"));
        assert!(log.iter().all(|line| is_json(line)), "{log:?}");
        let numbers: Vec<u64> = log
            .iter()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .filter(|line| line.get("loss").is_some())
            .filter_map(|line| line["step"].as_u64())
            .collect();
        assert!(numbers.iter().zip(1..).all(|(step, must)| *step == must), "{numbers:?}");
        resumed += u32::from(numbers.len() > steps && steps > 0);
        steps = numbers.len();
        // A checkpoint that is there is whole.
        for name in ["last", "best"] {
            let path = run.join(name);
            let is_there = path.exists() || path.with_extension("old").exists();
            if is_there {
                whole(&path);
            }
        }
    }
    eprintln!("{work}: {kills} kills, {steps} steps, gone on with {resumed} times");
    assert!(steps > 0 && resumed > 0, "{steps} steps, gone on with {resumed} times");
}

fn train_classifier(kills: u32, seed: u64) {
    let whole = |path: &Path| {
        let vit: VitConfig = toml::from_str(NETWORK).unwrap();
        load_average(path, Classifier::new(&vit, &Device::flex())).unwrap();
    };
    train("trains_until_killed", crops, whole, kills, 1500, seed);
}

fn train_landmarks(kills: u32, seed: u64) {
    let whole = |path: &Path| {
        load_average(path, LandmarkNet::new(&[[0.5; 2]; 68], &Device::flex())).unwrap();
    };
    train("places_points_until_killed", faces, whole, kills, 4000, seed);
}

#[test]
fn ten_kills_lose_nothing() {
    record(3, 1);
    promote(3, 2);
    train_classifier(4, 3);
    train_landmarks(4, 7);
}

#[test]
#[ignore = "minutes; make test-long"]
fn two_hundred_kills_lose_nothing() {
    record(60, 4);
    promote(80, 5);
    train_classifier(40, 6);
    train_landmarks(20, 8);
}
