//! The table of the eyes: what is read of real drivers whom nobody here has met, frame by
//! frame and in time, beside MediaPipe's Face Landmarker. `make bench-drivers` runs it, with
//! `WAKEWATCH_DATA` naming the folder that holds `drivers` and `drivers_peer.csv`, which
//! users do not have; without it, it is skipped with a message.
//!
//! Each film is watched once by the pipeline that ships (source, tracker, classifier), frame
//! by frame; everything below is made of what was read then.
#![cfg(feature = "video")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "it is a table to be read")]

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use wakewatch::{
    face::FaceModels,
    infer::{Device, ModelSource, RuntimeOptions, runtime},
    live::PipelineOptions,
};

mod alarms;
mod export;
mod films;
mod play;
mod tables;

/// The word that stands for the classifier that ships, in the list of classifiers.
const SHIPS: &str = "ships";

/// The classifiers to measure, each with its name: those that `WAKEWATCH_DROWSINESS` lists,
/// or the one that ships.
fn classifiers() -> Vec<(String, ModelSource)> {
    let ships = || (SHIPS.to_owned(), ModelSource::Embedded);
    let Some(list) = std::env::var_os("WAKEWATCH_DROWSINESS") else { return vec![ships()] };
    let named = std::env::split_paths(&list).map(|path| {
        if path.as_os_str().is_empty() || path == Path::new(SHIPS) {
            return ships();
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (name, ModelSource::File(path))
    });
    named.collect()
}

/// What one classifier is watched with.
fn pipeline(classifier: ModelSource) -> PipelineOptions {
    let file = |name: &str| ModelSource::from(std::env::var_os(name).map(PathBuf::from));
    PipelineOptions {
        runtime: RuntimeOptions { device: Device::Cpu, threads: 1 },
        faces: FaceModels {
            detector: file("WAKEWATCH_DETECTOR"),
            landmarks: file("WAKEWATCH_LANDMARKS"),
        },
        classifier,
        ..PipelineOptions::default()
    }
}

/// Where the rows of a classifier go, if anywhere: from the second on with its number.
fn rows_file(number: usize) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("WAKEWATCH_ROWS")?);
    if number == 0 {
        return Some(path);
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    Some(path.with_file_name(format!("{stem}-{}.csv", number + 1)))
}

#[test]
#[ignore = "a measurement; `make bench-drivers`"]
fn drivers_are_measured() {
    let Some(data) = std::env::var_os("WAKEWATCH_DATA").map(PathBuf::from) else {
        println!("skipped: WAKEWATCH_DATA does not name the folder with the films");
        return;
    };
    if let Err(error) = runtime::init() {
        println!("skipped: {error}");
        return;
    }
    let Some(known) = films::known(&data) else { return };
    for (number, (name, classifier)) in classifiers().into_iter().enumerate() {
        let began = Instant::now();
        let films = play::all(&data, &known, &pipeline(classifier));
        let frames: usize = films.iter().map(|film| film.rows.len()).sum();
        let took_s = began.elapsed().as_secs_f64();
        println!("\n=== {name}: {} films, {frames} frames, {took_s:.0} s", films.len());
        if let Some(path) = rows_file(number) {
            export::write(&path, &films);
            println!("every frame stands in {}", path.display());
        }
        films::check_peer(&films);
        tables::by_part(&films);
        tables::by_person(&films);
        tables::readable(&films);
        alarms::print(&films);
    }
}
