//! The table of the face room: detection, landmarks, tracking and their time, measured on
//! real pictures that users do not have. `make bench-faces` runs it, with `WAKEWATCH_DATA`
//! naming the folder that holds them; without it, it is skipped with a message.
#![cfg(all(feature = "train", feature = "video"))]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "it is a table to be read")]

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use image::{Rgb, RgbImage, imageops};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use wakewatch::{
    dataset::points::{self, FivePointFace},
    evaluate::landmarks::LandmarkScore,
    face::{
        Detector, FaceDetector, FaceModels, FaceTracker, LandmarkNet, Landmarks, Region, align,
    },
    infer::{Device, ModelSource, RuntimeOptions, runtime},
    source::{self, OpenOptions, SourceSpec, images::load_image},
    train::{
        augment::{Anchors, Cover, Picture, normal},
        landmarks::{
            data::{Annotated, Faces, Trust, pictures_of},
            validate::five_error,
        },
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
    let models = FaceModels { detector: detector(), landmarks: model.clone() };
    FaceTracker::open(&options(), &models).unwrap()
}

/// The detector that is measured: what ships, or a file.
fn detector() -> ModelSource {
    std::env::var_os("WAKEWATCH_DETECTOR").map(PathBuf::from).into()
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
                let image = face.picture().unwrap();
                let (image, truth) = changed(&image, &face.landmarks, condition, &mut rng);
                let found = tracker.find_all(&image).unwrap();
                let error = score.add(&truth, &found);
                if worst.is_some() {
                    let stem = face.file.file_stem().unwrap_or_default().to_string_lossy();
                    let said = found.first().map_or(vec![], |face| face.landmarks.points.to_vec());
                    let (name, truth) = (format!("{name} {stem}"), truth.points.to_vec());
                    cases.push(Case { error, name, image, truth, said });
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
    if let Some(folder) = worst {
        write_worst(&folder, cases);
    }
}

/// A picture with known points, what was said of it, and how far off that is.
struct Case {
    /// Nothing where the face was not found.
    error: Option<f64>,
    name: String,
    image: RgbImage,
    truth: Vec<[f32; 2]>,
    said: Vec<[f32; 2]>,
}

/// Writes the 40 worst cases, the true points in green, those that were said in red.
/// Pictures of people are written only where somebody asks for them.
fn write_worst(folder: &Path, mut cases: Vec<Case>) {
    std::fs::create_dir_all(folder).unwrap();
    cases.sort_by(|a, b| b.error.unwrap_or(9.0).total_cmp(&a.error.unwrap_or(9.0)));
    for (rank, case) in cases.into_iter().take(40).enumerate() {
        let Case { error, name, mut image, truth, said } = case;
        println!("worst {rank}: {error:?} {name}");
        let mut dot = |[x, y]: [f32; 2], colour| {
            if x >= 0.0 && y >= 0.0 && (x as u32) < image.width() && (y as u32) < image.height() {
                image.put_pixel(x as u32, y as u32, Rgb(colour));
            }
        };
        truth.into_iter().for_each(|point| dot(point, [0, 255, 0]));
        said.into_iter().for_each(|point| dot(point, [255, 0, 0]));
        image.save(folder.join(format!("{rank:02}.png"))).unwrap();
    }
}

/// Faces of a detector of people whom nothing was learned from: their five points, looked at
/// from the region that a detector's points give.
struct Unseen {
    name: &'static str,
    of: fn(&FivePointFace) -> bool,
    faces: usize,
    found: usize,
    errors: Vec<f64>,
}

/// How far the nose lies beside the middle of the eyes, in distances of the eyes: 0.2 are some
/// 25 degrees, 0.33 some 40, 0.7 some 60.
fn aside(face: &FivePointFace) -> f32 {
    let [left, right, nose, ..] = face.points;
    let across = [right[0] - left[0], right[1] - left[1]];
    let along = (nose[0] - left[0]) * across[0] + (nose[1] - left[1]) * across[1];
    (along / (across[0].powi(2) + across[1].powi(2)).max(1e-6) - 0.5).abs()
}

fn is_infrared(face: &FivePointFace) -> bool {
    face.frame.is_some() && face.person.starts_with("ir")
}

/// The faces of the list that were held out, with their pictures, films but every tenth frame.
fn held_out(data: &Path, tell: &mut dyn FnMut(&FivePointFace, &RgbImage)) -> bool {
    let list = data.join("faces5.csv.gz");
    if !list.exists() {
        println!("skipped: {} is not here", list.display());
        return false;
    }
    let wanted = |face: &FivePointFace| {
        let known = ["drivers", "aflw", "faces_wild", "yawdd"].contains(&face.collection());
        let kept = face.frame.is_none_or(|frame| frame.is_multiple_of(10));
        let side = face.bbox.width.max(face.bbox.height);
        known && kept && face.held_out() && face.score >= 0.8 && side >= 40.0
    };
    let faces: Vec<_> = points::read_five(&list).unwrap().into_iter().filter(wanted).collect();
    for same in faces.chunk_by(|a, b| a.file == b.file) {
        if same[0].frame.is_none() {
            let image = load_image(&same[0].file).unwrap();
            same.iter().for_each(|face| tell(face, &image));
            continue;
        }
        let spec = SourceSpec::Path(same[0].file.clone());
        let mut film = source::open(&spec, &OpenOptions::default()).unwrap();
        while let Some(frame) = film.next_frame().unwrap() {
            let here = same.iter().filter(|face| face.frame == Some(frame.index));
            here.for_each(|face| tell(face, &frame.image));
        }
    }
    true
}

fn unseen(data: &Path, model: &ModelSource) {
    let options = RuntimeOptions { device: Device::Cpu, threads: 1 };
    let mut net = LandmarkNet::load(model, &options).unwrap();
    let mut tracker = tracker(model);
    let rows: [(&str, fn(&FivePointFace) -> bool); 7] = [
        ("films, infra-red", is_infrared),
        ("films, visible light", |face| face.frame.is_some() && !is_infrared(face)),
        ("AFLW", |face| face.collection() == "aflw"),
        ("faces_wild", |face| face.collection() == "faces_wild"),
        ("all, up to 25 degrees aside", |face| aside(face) < 0.2),
        ("all, 25 to 40 degrees aside", |face| (0.2..0.33).contains(&aside(face))),
        ("all, 40 to 60 degrees aside", |face| (0.33..0.7).contains(&aside(face))),
    ];
    let mut rows =
        rows.map(|(name, of)| Unseen { name, of, faces: 0, found: 0, errors: Vec::new() });
    // Heads on their side or on their head, as a detector that is not told might give them.
    let (mut over, mut doubted) = ([0usize; 2], [0usize; 2]);
    let (mut pictures, mut answered, mut sides) = (0, 0, 0);
    let mut eyes = [Vec::new(), Vec::new()];
    let worst = std::env::var_os("WAKEWATCH_WORST").map(PathBuf::from);
    let mut cases = Vec::new();
    let here = held_out(data, &mut |face, image| {
        let region = Region::from_five(&face.points);
        let said = net.locate_afresh(image, &region).unwrap();
        let error = five_error(&face.points, &said.landmarks);
        for row in rows.iter_mut().filter(|row| (row.of)(face)) {
            row.faces += 1;
            row.found += usize::from(said.confidence >= 0.5);
            row.errors.push(error);
        }
        if worst.is_some() {
            // The face as large as a hand, upright, for whoever looks at it.
            let wide = Region { side_px: 1.3 * region.side_px, ..region };
            let grey = wide.sample_grey(image, 256);
            let grey = RgbImage::from_fn(256, 256, |x, y| {
                Rgb([(255.0 * grey[(256 * y + x) as usize]) as u8; 3])
            });
            let here = |point: &[f32; 2]| wide.to_unit(*point).map(|v| 256.0 * v);
            cases.push(Case {
                error: Some(error),
                name: format!("{:.2} {} {:?}", said.confidence, face.name.display(), face.frame),
                image: grey,
                truth: face.points.iter().map(here).collect(),
                said: said.landmarks.points.iter().map(here).collect(),
            });
        }
        let [left, right] = [said.visibility.left_eye, said.visibility.right_eye];
        match aside(face) {
            0.4.. => {
                let far = if five_nose_right(face) { right } else { left };
                eyes[1].push(far);
            }
            0.0..0.1 => eyes[0].push(left.min(right)),
            _ => {}
        }
        for (at, turn) in
            [std::f32::consts::PI, std::f32::consts::FRAC_PI_2].into_iter().enumerate()
        {
            let wrong = Region { roll: region.roll + turn, ..region };
            over[at] += 1;
            let said = net.locate_afresh(image, &wrong).unwrap();
            // Points that came round by themselves are no error.
            let off = (Region::from_landmarks(&said.landmarks).roll - region.roll).cos();
            doubted[at] += usize::from(said.confidence < 0.5 || off > 0.7);
        }
        let whole = face.frame.is_some_and(|frame| frame % 60 == 0) || face.collection() == "yawdd";
        if whole && face.bbox.width >= 60.0 {
            pictures += 1;
            if let Some(said) = tracker.find(&imageops::rotate180(image)).unwrap() {
                answered += 1;
                sides += usize::from(said.landmarks.pose().roll.abs() < 90.0);
            }
        }
    });
    if !here {
        return;
    }
    if let Some(folder) = worst {
        write_worst(&folder.join("held_out"), cases);
    }
    println!("{:<30} {:>4} {:>7} {:>7} {:>7}", "five points, held out", "n", "sure", "mean", "90%");
    for Unseen { name, faces, found, mut errors, .. } in rows {
        errors.sort_by(f64::total_cmp);
        let mean = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
        let most = errors.get(errors.len() * 9 / 10).copied().unwrap_or_default();
        let sure = 100.0 * found as f64 / faces.max(1) as f64;
        println!("{name:<30} {faces:>4} {sure:>6.1}% {mean:>7.4} {most:>7.4}");
    }
    for (at, name) in ["on its head", "on its side"].into_iter().enumerate() {
        println!("region with the face {name}: {} of {} doubted", doubted[at], over[at]);
    }
    println!(
        "pictures turned by 180 degrees: {pictures}, answered {answered}, read the wrong way \
         round {sides}"
    );
    let seen = |eyes: &[f32]| eyes.iter().filter(|seen| **seen >= 0.5).count();
    println!(
        "eyes seen: both of {} of {} that look ahead, the far one of {} of {} turned by 45 degrees \
         and more",
        seen(&eyes[0]),
        eyes[0].len(),
        seen(&eyes[1]),
        eyes[1].len()
    );
}

fn five_nose_right(face: &FivePointFace) -> bool {
    let [left, right, nose, ..] = face.points;
    2.0 * nose[0] > left[0] + right[0]
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
            let image = load_image(file).unwrap();
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
        let mut judge = FaceDetector::load(&detector(), &options()).unwrap();
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
    unseen(&data, &model);
    wild::films(&data, &model);
    wild::wild(&data, &model);
    clips(&data, &model);
    counted(&data, &model);
    photographs(&data, &model);
}
