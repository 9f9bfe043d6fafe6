//! Faces as they come: films of drivers, masks in streets, tiny turned heads, pictures upside
//! down, and the detector for itself. Where something was learned from a collection, people
//! whom nothing was learned from have a row of their own.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Instant,
};

use image::{RgbImage, imageops};
use serde::Deserialize;
use wakewatch::{
    dataset::{boxes, points},
    face::{BBox, Detector, Face, FaceDetector, Search},
    infer::ModelSource,
    source::{self, OpenOptions, SourceSpec},
    train::landmarks::data::pictures_of,
};

use super::tracker;

/// A face that fills so much of the longer side of its picture is as near as a driver's.
const NEAR: f32 = 0.125;
/// Faces of masks smaller than this are not asked for, pixels of the file.
const LEAST_MASK_PX: f32 = 40.0;
/// AFLW comes at 80 px; it is enlarged to this.
const AFLW_PX: u32 = 240;
/// Pictures of AFLW, and of drivers upside down, that are looked at.
const MOST: usize = 600;
const UPSIDE_DOWN: usize = 60;

#[derive(Deserialize)]
struct Film {
    file: String,
    person: String,
    conditions: Vec<String>,
    no_face: Vec<[f64; 2]>,
}

/// A row of the table: people learned from, and people that are not.
#[derive(Default)]
struct Row {
    found: [u64; 2],
    n: [u64; 2],
}

impl Row {
    fn add(&mut self, new: bool, found: u64, n: u64) {
        self.found[usize::from(new)] += found;
        self.n[usize::from(new)] += n;
    }

    fn print(&self, name: &str) {
        let share = |at: usize| 100.0 * self.found[at] as f64 / self.n[at].max(1) as f64;
        println!(
            "{name:<40} people held out {:>6} {:>6.2}%   learned from {:>6} {:>6.2}%",
            self.n[1],
            share(1),
            self.n[0],
            share(0)
        );
    }
}

/// Films of drivers: the share of frames, outside of what is marked as no face, in which the
/// tracker has one.
pub(super) fn films(data: &Path, model: &ModelSource) {
    let list = data.join("drivers/truth.jsonl");
    let Ok(text) = std::fs::read_to_string(&list) else {
        println!("skipped: {} is not here", list.display());
        return;
    };
    let mut rows = [Row::default(), Row::default()];
    let (mut frames, mut calls) = (0, 0);
    let mut worst = Vec::new();
    for line in text.lines() {
        let film: Film = serde_json::from_str(line).unwrap();
        let spec = SourceSpec::Path(data.join("drivers").join(&film.file));
        let mut source = source::open(&spec, &OpenOptions::default()).unwrap();
        let mut tracker = tracker(model);
        let (mut found, mut n) = (0, 0);
        while let Some(frame) = source.next_frame().unwrap() {
            let face = tracker.step(&frame).unwrap();
            frames += 1;
            let at = frame.at.as_secs_f64();
            if film.no_face.iter().any(|[from, to]| (*from..=*to).contains(&at)) {
                continue;
            }
            n += 1;
            found += u64::from(face.is_some());
        }
        calls += tracker.detector_calls();
        let infrared = film.conditions.iter().any(|condition| condition == "ir");
        rows[usize::from(infrared)].add(points::held_out(&film.person), found, n);
        if found < n {
            worst.push((n - found, n, film.file));
        }
    }
    rows[0].print("films, visible light, frames");
    rows[1].print("films, infra-red, frames");
    println!("  detector asked in {:.2}% of {frames} frames", 100.0 * calls as f64 / frames as f64);
    worst.sort_by(|a, b| b.cmp(a));
    for (lost, n, file) in worst.into_iter().take(12) {
        println!("  lost {lost} of {n} in {file}");
    }
}

/// Whether a face lies in a box.
fn lies_in(face: &Face, marked: &BBox) -> bool {
    let [x, y] = face.bbox.center();
    let scale = face.bbox.width.max(face.bbox.height) / marked.width.max(marked.height);
    (marked.x..=marked.x + marked.width).contains(&x)
        && (marked.y..=marked.y + marked.height).contains(&y)
        && (0.4..=2.2).contains(&scale)
}

pub(super) fn wild(data: &Path, model: &ModelSource) {
    let learned = learned_from(data);
    masks(data, model);
    aflw(data, model, &learned);
    upside_down(data, model);
    detector_alone(data);
}

/// The pictures that something was learned from, by their names below the data's folder.
fn learned_from(data: &Path) -> BTreeSet<PathBuf> {
    let faces = points::read_five(&data.join("faces5.csv.gz")).unwrap_or_default();
    faces.into_iter().filter(|face| !face.held_out()).map(|face| face.name).collect()
}

fn masks(data: &Path, model: &ModelSource) {
    let list = data.join("faces_wild/faces.jsonl");
    if !list.is_file() {
        println!("skipped: faces_wild is not here");
        return;
    }
    let (mut row, mut near) = (Row::default(), Row::default());
    let mut tracker = tracker(model);
    for picture in boxes::read(&list).unwrap() {
        let marked: Vec<BBox> = picture.faces.iter().map(|face| face.bbox).collect();
        let least = |bbox: &BBox| bbox.width.min(bbox.height);
        let marked: Vec<BBox> =
            marked.into_iter().filter(|bbox| least(bbox) >= LEAST_MASK_PX).collect();
        if marked.is_empty() {
            continue;
        }
        let image = image::open(&picture.file).unwrap().into_rgb8();
        let faces = tracker.find_all(&image).unwrap();
        let found = |marked: &[BBox]| {
            marked.iter().filter(|bbox| faces.iter().any(|face| lies_in(face, bbox))).count() as u64
        };
        row.add(picture.held_out(), found(&marked), marked.len() as u64);
        let driver = NEAR * image.width().max(image.height()) as f32;
        let close: Vec<BBox> = marked.into_iter().filter(|bbox| least(bbox) >= driver).collect();
        near.add(picture.held_out(), found(&close), close.len() as u64);
    }
    row.print("faces_wild/masks, faces of 40 px and more");
    near.print("those as large as a driver's (an eighth)");
}

fn aflw(data: &Path, model: &ModelSource, learned: &BTreeSet<PathBuf>) {
    let files = walk(&data.join("aflw"));
    if files.is_empty() {
        println!("skipped: aflw is not here");
        return;
    }
    let mut row = Row::default();
    let mut tracker = tracker(model);
    for file in files.iter().step_by(files.len().div_ceil(MOST).max(1)) {
        let image = image::open(file).unwrap().into_rgb8();
        let by = f64::from(AFLW_PX) / f64::from(image.width().max(image.height()));
        let size = [image.width(), image.height()].map(|v| (f64::from(v) * by) as u32);
        let image = imageops::resize(&image, size[0], size[1], imageops::FilterType::Triangle);
        let found = tracker.find(&image).unwrap().is_some();
        let new = !learned.contains(file.strip_prefix(data).unwrap());
        row.add(new, u64::from(found), 1);
    }
    row.print("AFLW, enlarged to 240 px");
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = pictures_of(folder).unwrap_or_default();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            files.extend(walk(&entry.path()));
        }
    }
    files.sort();
    files
}

/// One picture of each driver of YawDD, upright and upside down: how many are found, and how
/// many are read the wrong way round.
fn upside_down(data: &Path, model: &ModelSource) {
    let folders = std::fs::read_dir(data.join("yawdd")).into_iter().flatten().flatten();
    let mut folders: Vec<_> = folders.map(|entry| entry.path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    let pictures: Vec<RgbImage> = folders
        .iter()
        .take(UPSIDE_DOWN)
        .filter_map(|folder| walk(folder).into_iter().next())
        .map(|file| image::open(file).unwrap().into_rgb8())
        .collect();
    if pictures.is_empty() {
        println!("skipped: yawdd is not here");
        return;
    }
    let mut tracker = tracker(model);
    let down = |face: &Face| face.landmarks.mouth()[1] < face.landmarks.left_eye()[1];
    let (mut upright, mut found, mut wrong) = (0, 0, 0);
    for image in &pictures {
        upright += usize::from(tracker.find(image).unwrap().is_some_and(|face| !down(&face)));
        let face = tracker.find(&imageops::rotate180(image)).unwrap();
        found += usize::from(face.is_some());
        wrong += usize::from(face.is_some_and(|face| !down(&face)));
    }
    println!(
        "drivers upright: {upright} of {} found; upside down: {found} found, {wrong} read the wrong way round",
        pictures.len()
    );
}

/// The detector without the landmark network's veto: its false boxes and its time.
fn detector_alone(data: &Path) {
    let mut detector = FaceDetector::load(&super::detector(), &super::options()).unwrap();
    let files = pictures_of(&data.join("nonfaces")).unwrap_or_default();
    let (mut wrong, mut n) = ([0, 0], [0, 0]);
    for (number, file) in files.iter().enumerate() {
        let image = image::open(file).unwrap().into_rgb8();
        let new = usize::from(number % 7 == 0);
        n[new] += 1;
        wrong[new] += usize::from(!detector.detect(&image).unwrap().is_empty());
    }
    println!(
        "detector alone: a box in {} of {} pictures without a face that were held out, {} of {} learned from",
        wrong[1], n[1], wrong[0], n[0]
    );
    let image = RgbImage::from_fn(640, 480, |x, y| image::Rgb([(x / 3) as u8, (y / 2) as u8, 90]));
    let mut times: Vec<f64> = (0..200)
        .map(|_| {
            let began = Instant::now();
            detector.search(&image, &Search::default()).unwrap();
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!(
        "detector alone, 640x480, one thread: {:.2} ms (median), {:.2} ms (fastest tenth)",
        times[100], times[20]
    );
}
