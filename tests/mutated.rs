//! The same doors as the fuzzers', knocked at with mutated inputs: seeded, and short enough
//! to be run always. What a fuzzer finds is kept here as a seed.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may fail and says why")]

#[path = "common/encode.rs"]
#[cfg(feature = "video")]
mod encode;
#[path = "common/entries.rs"]
mod entries;

use std::{
    fs,
    io::Write,
    time::{Duration, Instant},
};

use entries::ENTRIES;
use image::RgbImage;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wakewatch::{
    dataset::manifest::Manifest,
    infer::{LoadedModel, ModelSource, RuntimeOptions, embedded, runtime},
    monitor::{Judgement, Settings},
    record::Event,
    source::images::load_image,
    vit::ModelKind,
};

/// What a fuzzer or `make mutated` once found, by the name of its target.
const FOUND: [(&str, &[u8]); 1] = [
    // Finite in double precision, written as "inf" in single precision, and then refused.
    ("csv", b"file,label,subject,quality\na.jpg,awake,ann,1e39\n"),
];

/// Inputs that are as they should be, and how many mutations of them are tried.
fn seeds(name: &str) -> (Vec<Vec<u8>>, usize) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let picture = |name: &str| {
        RgbImage::from_fn(48, 32, |x, y| image::Rgb([x as u8 * 5, y as u8 * 7, 99]))
            .save(at(name))
            .unwrap();
        fs::read(at(name)).unwrap()
    };
    match name {
        "csv" => {
            let list = "file,label,subject,eyes_closed,eye_aspect,video,time_s,fold,quality\n\
                a.jpg,awake,ann,0,0.31,v,1.5,2,0.9\nb.jpg,drowsy,bob,1,,,,,\n\"c,d.jpg\",,eve,,,,,,\n";
            let wide: Vec<u8> = list.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let semicolons = list.replace(',', ";").replace("c;d", "c,d");
            let latin =
                b"sep=;\n# by hand\r\nFile;Label;Subject\r\nimg\\m\xe4.jpg;Non Drowsy;J\xf6rg\r\n";
            (vec![list.into(), wide, semicolons.into(), latin.into()], 4000)
        }
        "settings" => {
            let all = toml::to_string(&Settings::default()).unwrap();
            (vec![all.into(), "alarm_s = 2.0\ndrowsy_enter = 0.5\n".into()], 1500)
        }
        "events" => {
            let judgement = Judgement { why: "eyes closed".into(), ..Judgement::default() };
            let event = Event { judgement, frame: 7, ..Event::default() };
            let line = serde_json::to_string(&event).unwrap();
            (vec![format!("{line}\n{line}\n").into(), format!("{line}\n{{\"at\":").into()], 1500)
        }
        "card" => {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/models/drowsiness.onnx");
            let model = fs::read(path).unwrap();
            let text = String::from_utf8_lossy(&model).into_owned();
            let from = text.find("{\"kind\"").unwrap();
            let card = text[from..].split('\u{fffd}').next().unwrap();
            let end = card.rfind('}').unwrap();
            (vec![card[..=end].into()], 3000)
        }
        "model" => (vec![embedded(ModelKind::Blinks).into()], 150),
        "image" => (vec![picture("p.png"), picture("p.jpg")], 1500),
        #[cfg(feature = "video")]
        "video" => {
            let frame = |index: u8| {
                RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8, y as u8, index * 20]))
            };
            let frames: Vec<_> = (0..8).map(|at| (i64::from(at) * 100, frame(at))).collect();
            let seeds = ["c.mp4", "c.avi"].map(|name| {
                encode::write(&at(name), 1000, &frames);
                fs::read(at(name)).unwrap()
            });
            (seeds.into(), 150)
        }
        "clock" => {
            let even =
                |index: u8| [[7, index, 0, 0, 0, 0, 0, 0, 0], [1, 0, index, 9, 0, 0, 0, 0, 0]];
            let stamps: Vec<u8> = (0..40).flat_map(even).flatten().collect();
            (vec![[&[3], &stamps[..]].concat(), [&[64], &stamps[90..]].concat()], 4000)
        }
        "policy" => {
            let awake = [1, 33, 10, 10, 0, 60, 20, 0].repeat(60);
            let asleep = [1, 33, 190, 195, 0, 10, 20, 5].repeat(90);
            (vec![[awake.clone(), asleep, awake].concat()], 400)
        }
        _ => (vec![], 0),
    }
}

/// Changes a few bytes, cuts, repeats or joins.
fn mutate(seeds: &[Vec<u8>], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = seeds[random.random_range(0..seeds.len())].clone();
    for _ in 0..random.random_range(1..6) {
        if bytes.is_empty() {
            break;
        }
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..7) {
            0 => bytes[at] = random.random(),
            1 => bytes[at] ^= 1 << random.random_range(0..8),
            2 => bytes.truncate(at),
            3 => {
                let to = random.random_range(at..bytes.len()).min(at + 64);
                let part = bytes[at..to].to_vec();
                bytes.splice(at..at, part);
            }
            4 => drop(bytes.drain(at..(at + random.random_range(1..16)).min(bytes.len()))),
            // What numbers in headers and text are most often broken with.
            5 => {
                let odd: [&[u8]; 8] = [
                    &[0xff; 4],
                    &[0; 4],
                    &[0x7f, 0xff, 0xff, 0xff],
                    b"-1",
                    b"nan",
                    b"1e999",
                    b"99999999999999999999",
                    &[0xed, 0xa0, 0x80],
                ];
                let odd = odd[random.random_range(0..odd.len())];
                let to = (at + odd.len()).min(bytes.len());
                bytes.splice(at..to, odd.iter().copied());
            }
            _ => {
                let other = &seeds[random.random_range(0..seeds.len())];
                bytes.extend(&other[random.random_range(0..=other.len())..]);
            }
        }
    }
    bytes
}

#[test]
fn mutated_inputs_are_read_or_refused_at_every_door() {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    for entry in ENTRIES {
        let (seeds, times) = seeds(entry.name);
        for seed in &seeds {
            (entry.enter)(seed);
        }
        for (_, bytes) in FOUND.iter().filter(|(name, _)| *name == entry.name) {
            (entry.enter)(bytes);
        }
        if seeds.is_empty() {
            continue;
        }
        for _ in 0..times {
            (entry.enter)(&mutate(&seeds, &mut random));
        }
        eprintln!("{}: {times} mutations", entry.name);
    }
}

/// The same for `SECONDS` (60) a door, those of `DOORS` or all, each time from another seed:
/// what to run where there is no fuzzer.
#[test]
#[ignore = "takes minutes; `make mutated`"]
fn mutated_inputs_for_a_while() {
    let of = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let seconds = of("SECONDS").map_or(60, |seconds| seconds.parse().unwrap());
    let doors = of("DOORS");
    let wanted = |name: &str| doors.iter().all(|all| all.split(' ').any(|door| door == name));
    let mut ran = 0;
    for entry in ENTRIES.iter().filter(|entry| wanted(entry.name)) {
        let (seeds, _) = seeds(entry.name);
        let (began, mut times) = (Instant::now(), 0u64);
        while !seeds.is_empty() && began.elapsed() < Duration::from_secs(seconds) {
            let mut random = ChaCha8Rng::seed_from_u64(times);
            let bytes = mutate(&seeds, &mut random);
            // Whoever has to look for a fault makes the input again from this number.
            if let Err(fault) = std::panic::catch_unwind(|| (entry.enter)(&bytes)) {
                eprintln!("{}: mutation {times} fails", entry.name);
                std::panic::resume_unwind(fault);
            }
            times += 1;
        }
        eprintln!("{}: {times} mutations in {seconds} s", entry.name);
        ran += 1;
    }
    assert!(ran > 0, "there is no door called so: {doors:?}");
}

/// Most memory that this process has had so far, MB.
#[cfg(target_os = "linux")]
fn peak_mb() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() / 1024
}

/// A JPEG whose header claims this size.
fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new(&mut bytes).encode_image(&RgbImage::new(16, 16)).unwrap();
    let frame = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

#[cfg(target_os = "linux")]
#[test]
fn a_header_cannot_make_the_program_take_memory_without_bound() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // A file of many gigabytes that takes no room on the disk.
    let huge = |name: &str, begins: &[u8]| {
        let mut file = fs::File::create(at(name)).unwrap();
        file.write_all(begins).unwrap();
        file.set_len(40 << 30).unwrap();
        at(name)
    };
    let before = peak_mb();

    fs::write(at("wide.jpg"), jpeg(65_535, 65_535)).unwrap();
    assert!(load_image(&at("wide.jpg")).unwrap_err().to_string().contains("wide.jpg"));
    let error = load_image(&huge("huge.png", b"\x89PNG\r\n\x1a\n")).unwrap_err().to_string();
    assert!(error.contains("huge.png") && error.contains("MiB"), "{error}");

    let model = ModelSource::File(huge("huge.onnx", b"\x08\x09"));
    if runtime::init().is_ok() {
        let loaded = LoadedModel::load(&model, ModelKind::Mae, &RuntimeOptions::default());
        let error = loaded.unwrap_err().to_string();
        assert!(error.contains("larger than"), "{error}");
    }
    let error = Manifest::read(&huge("huge.csv", b"file,label,subject\na.jpg,awake,")).unwrap_err();
    assert!(error.to_string().contains("huge.csv"), "{error}");

    // A video of 16 pixels whose header claims 32,000 on either side.
    #[cfg(feature = "video")]
    {
        use wakewatch::source::{Source, video::Video};
        let small = RgbImage::from_pixel(64, 48, image::Rgb([9, 99, 9]));
        encode::write(&at("v.avi"), 1000, &[(0, small.clone()), (100, small)]);
        let mut bytes = fs::read(at("v.avi")).unwrap();
        let size = [64_u32.to_le_bytes(), 48_u32.to_le_bytes()].concat();
        let large = [32_000_u32.to_le_bytes(), 32_000_u32.to_le_bytes()].concat();
        let mut changed = 0;
        for place in 0..bytes.len() - 8 {
            if bytes[place..place + 8] == size {
                bytes[place..place + 8].copy_from_slice(&large);
                changed += 1;
            }
        }
        assert!(changed > 0, "the header was found");
        fs::write(at("v.avi"), bytes).unwrap();
        let read = Video::open(&at("v.avi")).and_then(|mut video| video.next_frame());
        match read {
            // The codec's own header tells the truth.
            Ok(frame) => assert!(frame.is_none_or(|frame| frame.image.width() <= 1280)),
            Err(error) => assert!(error.to_string().contains("v.avi"), "{error}"),
        }
    }
    let taken = peak_mb() - before;
    assert!(taken < 1024, "{taken} MB were taken");
}
