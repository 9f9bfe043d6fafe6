//! The table of the face room: detection, landmarks, tracking and their time, measured on
//! real pictures that users do not have. `make bench-faces` runs it, with `WAKEWATCH_DATA`
//! naming the folder that holds them; without it, it is skipped with a message.
#![cfg(all(feature = "train", feature = "video"))]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "it is a table to be read")]

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use image::{Rgb, RgbImage};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use wakewatch::{
    evaluate::landmarks::LandmarkScore,
    face::{Detector, FaceDetector, FaceTracker, Landmarks, Region, align},
    infer::{Device, ModelSource, RuntimeOptions, runtime},
    source::{self, OpenOptions, SourceSpec},
    train::{
        augment::{Anchors, Cover, Picture, normal},
        landmarks::data::{Annotated, Faces, Trust, pictures_of},
    },
};

mod wild;

/// Held-out faces of YouTube Faces that are looked at, spread over all people.
const COARSE_FACES: usize = 200;
/// Pictures of closed eyes that are looked at.
const CLOSED_FACES: usize = 300;
/// Every how many frames of a clip the detector is asked where the face is.
const CLIP_TRUTH_EVERY: u64 = 10;

#[derive(Clone, Copy, PartialEq)]
enum Condition {
    Upright,
    Turned(f32),
    Dark,
    Mask,
    DarkGlasses,
}

/// A photograph with its points, changed as the condition says.
fn changed(
    image: &RgbImage,
    truth: &Landmarks,
    condition: Condition,
    rng: &mut ChaCha8Rng,
) -> (RgbImage, Landmarks) {
    match condition {
        Condition::Upright => (image.clone(), *truth),
        Condition::Turned(degrees) => turned(image, truth, degrees.to_radians()),
        Condition::Dark => {
            let mut dark = image.clone();
            for value in dark.iter_mut() {
                let light = f32::from(*value) / 255.0 * 0.15 + 0.015 * normal(rng);
                *value = (light.clamp(0.0, 1.0) * 255.0).round() as u8;
            }
            (dark, *truth)
        }
        Condition::Mask => (covered(image, truth, Cover::Mask, rng), *truth),
        Condition::DarkGlasses => (covered(image, truth, Cover::DarkGlasses, rng), *truth),
    }
}

fn covered(image: &RgbImage, truth: &Landmarks, cover: Cover, rng: &mut ChaCha8Rng) -> RgbImage {
    let anchors = Anchors {
        left_eye: truth.left_eye(),
        right_eye: truth.right_eye(),
        nose: truth.nose(),
        mouth: truth.mouth(),
    };
    let mut picture = Picture::from_rgb(image);
    cover.draw(&mut picture, &anchors, rng);
    let plane = picture.width * picture.height;
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let at = (y * image.width() + x) as usize;
        Rgb([0, 1, 2].map(|c| (picture.data[c * plane + at].clamp(0.0, 1.0) * 255.0) as u8))
    })
}

/// The picture turned clockwise about its middle, on a grey ground that holds all of it.
fn turned(image: &RgbImage, truth: &Landmarks, angle: f32) -> (RgbImage, Landmarks) {
    let (sin, cos) = angle.sin_cos();
    let (w, h) = (image.width() as f32, image.height() as f32);
    let (wide, high) = (w * cos.abs() + h * sin.abs(), w * sin.abs() + h * cos.abs());
    let to_new = |[x, y]: [f32; 2]| {
        let (dx, dy) = (x - w / 2.0, y - h / 2.0);
        [cos * dx - sin * dy + wide / 2.0, sin * dx + cos * dy + high / 2.0]
    };
    let out = RgbImage::from_fn(wide as u32, high as u32, |x, y| {
        let (dx, dy) = (x as f32 + 0.5 - wide / 2.0, y as f32 + 0.5 - high / 2.0);
        let (x, y) = (cos * dx + sin * dy + w / 2.0, cos * dy - sin * dx + h / 2.0);
        if !(0.0..w).contains(&x) || !(0.0..h).contains(&y) {
            return Rgb([110; 3]);
        }
        let (x, y) = ((x - 0.5).clamp(0.0, w - 1.0), (y - 0.5).clamp(0.0, h - 1.0));
        let pixel = |x: f32, y: f32| image.get_pixel(x as u32, y as u32).0.map(f32::from);
        let (x1, y1) = ((x + 1.0).min(w - 1.0), (y + 1.0).min(h - 1.0));
        let (fx, fy) = (x.fract(), y.fract());
        let [a, b, c, d] = [pixel(x, y), pixel(x1, y), pixel(x, y1), pixel(x1, y1)];
        Rgb([0, 1, 2].map(|i| {
            let top = a[i] * (1.0 - fx) + b[i] * fx;
            let bottom = c[i] * (1.0 - fx) + d[i] * fx;
            (top * (1.0 - fy) + bottom * fy).round() as u8
        }))
    });
    (out, Landmarks { points: truth.points.map(to_new) })
}

fn tracker(model: &ModelSource) -> FaceTracker {
    FaceTracker::open(&options(), model).unwrap()
}

fn options() -> RuntimeOptions {
    RuntimeOptions { device: Device::Cpu, threads: 1 }
}

fn photographs(data: &Path, model: &ModelSource) {
    let list = data.join("landmarks68/points.jsonl");
    if !list.exists() {
        println!("skipped: {} is not here", list.display());
        return;
    }
    let held_out = Faces::read(&list).unwrap().validation;
    let precise: Vec<_> = held_out.iter().filter(|f| f.trust == Trust::Precise).collect();
    let coarse: Vec<_> = held_out.iter().filter(|f| f.trust == Trust::Coarse).collect();
    let coarse: Vec<&Annotated> =
        coarse.iter().step_by(coarse.len().div_ceil(COARSE_FACES).max(1)).copied().collect();
    println!("{:<30} {:>4} {:>7} {:>7} {:>7} {:>7}", "", "n", "found", "nme", "eyes", "ear auc");
    let worst = std::env::var_os("WAKEWATCH_WORST").map(PathBuf::from);
    let mut cases = Vec::new();
    for (collection, faces) in [("HELEN", &precise), ("YouTube Faces", &coarse)] {
        for (name, condition) in [
            ("upright", Condition::Upright),
            ("turned 35 degrees", Condition::Turned(35.0)),
            ("turned -35 degrees", Condition::Turned(-35.0)),
            ("dark", Condition::Dark),
            ("mask", Condition::Mask),
            ("dark glasses", Condition::DarkGlasses),
        ] {
            let mut tracker = tracker(model);
            let mut rng = ChaCha8Rng::seed_from_u64(5);
            let mut score = LandmarkScore::default();
            for face in faces {
                let image = image::open(&face.file).unwrap().into_rgb8();
                let (image, truth) = changed(&image, &face.landmarks, condition, &mut rng);
                let found = tracker.find_all(&image).unwrap();
                let error = score.add(&truth, &found);
                if worst.is_some() {
                    let first = found.first();
                    let points = first.map(|face| face.landmarks.points.to_vec());
                    cases.push((error, name, face.file.clone(), image, truth, points));
                }
            }
            let report = score.report();
            let figure = |value: Option<f64>| value.map_or("-".into(), |v| format!("{v:.4}"));
            println!(
                "{:<30} {:>4} {:>6.1}% {:>7} {:>7} {:>7}",
                format!("{collection}, {name}"),
                report.n,
                100.0 * report.found as f64 / report.n.max(1) as f64,
                figure(report.nme),
                figure(report.nme_eyes),
                figure(report.ear_auc)
            );
        }
    }
    // Pictures of people are written only where somebody asks for them.
    if let Some(folder) = worst {
        std::fs::create_dir_all(&folder).unwrap();
        cases.sort_by(|a, b| b.0.unwrap_or(9.0).total_cmp(&a.0.unwrap_or(9.0)));
        for (rank, (error, name, file, mut image, truth, points)) in
            cases.into_iter().take(40).enumerate()
        {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            println!("worst {rank}: {error:?} {name} {stem}");
            let mut dot = |[x, y]: [f32; 2], colour| {
                if x >= 0.0 && y >= 0.0 && (x as u32) < image.width() && (y as u32) < image.height()
                {
                    image.put_pixel(x as u32, y as u32, Rgb(colour));
                }
            };
            truth.points.into_iter().for_each(|point| dot(point, [0, 255, 0]));
            points.into_iter().flatten().for_each(|point| dot(point, [255, 0, 0]));
            image.save(folder.join(format!("{rank:02}.png"))).unwrap();
        }
    }
}

fn counted(data: &Path, model: &ModelSource) {
    for (folder, name, most) in [
        ("cew_closed", "closed eyes, found", CLOSED_FACES),
        ("nonfaces", "no face, but found", 9999),
    ] {
        let Ok(files) = pictures_of(&data.join(folder)) else {
            println!("skipped: {folder} is not here");
            continue;
        };
        let mut tracker = tracker(model);
        let (mut found, mut n) = (0, 0);
        for file in files.iter().step_by(files.len().div_ceil(most).max(1)) {
            let image = image::open(file).unwrap().into_rgb8();
            n += 1;
            if let Some(face) = tracker.find(&image).unwrap() {
                found += 1;
                if folder == "nonfaces" {
                    let name = file.file_name().unwrap_or_default().to_string_lossy();
                    println!("  false face {:.3} in {name}", face.confidence);
                }
            }
        }
        println!("{name:<30} {n:>4} {:>6.1}% ({found})", 100.0 * f64::from(found) / f64::from(n));
    }
}

fn clips(data: &Path, model: &ModelSource) {
    let Ok(folder) = std::fs::read_dir(data.join("videos")) else {
        println!("skipped: videos is not here");
        return;
    };
    let mut clips: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    clips.sort();
    for clip in clips {
        let name = clip.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let spec = SourceSpec::Path(clip);
        let mut source = source::open(&spec, &OpenOptions::default()).unwrap();
        let mut tracker = tracker(model);
        let mut judge = FaceDetector::load(&ModelSource::Embedded, &options()).unwrap();
        let (mut frames, mut found, mut asked, mut right) = (0u64, 0u64, 0u64, 0u64);
        let mut times = Vec::new();
        while let Some(frame) = source.next_frame().unwrap() {
            let calls = tracker.detector_calls();
            let began = Instant::now();
            let face = tracker.step(&frame).unwrap();
            if let Some(face) = &face {
                std::hint::black_box(align::crop(&frame.image, &face.landmarks, 96));
            }
            if face.is_some() && tracker.detector_calls() == calls {
                times.push(began.elapsed());
            }
            frames += 1;
            found += u64::from(face.is_some());
            if frame.index.is_multiple_of(CLIP_TRUTH_EVERY) {
                let boxes = judge.detect(&frame.image).unwrap();
                let Some(largest) =
                    boxes.iter().max_by(|a, b| a.bbox.width.total_cmp(&b.bbox.width))
                else {
                    continue;
                };
                asked += 1;
                let truth = Region::from_detection(largest);
                right += u64::from(face.is_some_and(|face| {
                    let [x, y] = truth.to_unit(Region::from_landmarks(&face.landmarks).center);
                    (0.25..0.75).contains(&x) && (0.25..0.75).contains(&y)
                }));
            }
        }
        times.sort();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "{name}: {frames} frames, a face in {:.1}%, where the detector sees it in {right} of \
             {asked}, detector asked in {:.1}%; tracked frame {:.2} ms (fastest tenth), {:.2} ms (median)",
            100.0 * found as f64 / frames as f64,
            100.0 * tracker.detector_calls() as f64 / frames as f64,
            ms(at(0.1)),
            ms(at(0.5)),
        );
    }
}

#[test]
#[ignore = "a measurement; `make bench-faces`"]
fn faces_are_measured() {
    let Some(data) = std::env::var_os("WAKEWATCH_DATA").map(PathBuf::from) else {
        println!("skipped: WAKEWATCH_DATA does not name the folder with the pictures");
        return;
    };
    if let Err(error) = runtime::init() {
        println!("skipped: {error}");
        return;
    }
    let model = std::env::var_os("WAKEWATCH_LANDMARKS")
        .map_or(ModelSource::Embedded, |path| ModelSource::File(path.into()));
    wild::films(&data, &model);
    wild::wild(&data, &model);
    clips(&data, &model);
    counted(&data, &model);
    photographs(&data, &model);
}
