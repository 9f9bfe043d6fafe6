//! Whose sleep counts: two drawn people side by side, through the whole watch; and pictures
//! of a camera that hangs upside down or on its side.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is the test's message")]
#![allow(clippy::print_stderr, reason = "what is skipped is to be read")]

use std::{sync::Arc, time::Duration};

use image::{RgbImage, imageops};
use need::has_runtime;
use wakewatch::{
    alarm::SoundState,
    face::{FaceTracker, Seat},
    frame::{Frame, Mounting, Turn},
    live::{Event, LiveOptions, Pace, Parts, Pipeline, PipelineOptions, Summary, Vision, headless},
    monitor::{Level, State},
    source::{self, OpenOptions, Source, SourceError, SourceInfo, SourceSpec, demo::Demo},
};

#[path = "common/need.rs"]
mod need;

#[cfg(feature = "video")]
#[path = "common/encode.rs"]
mod encode;

/// Frames a second.
const FPS: f32 = 15.0;
const SIZE: [u32; 2] = [640, 480];

/// Seconds of a play of two people: who falls asleep is woken after 12.
const SECONDS: u32 = 14;

/// Someone in one half of the picture.
struct Sitting {
    demo: Demo,
    /// Size over that of a driver in front of the camera.
    scale: f32,
    /// From when on they are there, seconds.
    from_s: f64,
}

fn sitting(play: &str, scale: f32, from_s: f64) -> Sitting {
    let options = OpenOptions { fps: FPS, ..OpenOptions::default() };
    let play = format!("{play}+{SECONDS}");
    Sitting { demo: Demo::open(&play, &options).unwrap(), scale, from_s }
}

/// Two people, the first on the left.
struct Pair([Sitting; 2]);

impl Source for Pair {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        let [width, height] = SIZE;
        let mut both = RgbImage::new(width, height);
        let mut next = None;
        for (side, sitting) in self.0.iter_mut().enumerate() {
            let Some(frame) = sitting.demo.next_frame()? else { return Ok(None) };
            if frame.at.as_secs_f64() >= sitting.from_s {
                let [w, h] = SIZE.map(|side| (side as f32 * sitting.scale) as u32);
                let scaled = imageops::resize(&*frame.image, w, h, imageops::FilterType::Triangle);
                // The middle of the scaled picture into its half.
                let mut half = RgbImage::new(width / 2, height);
                let x = i64::from(width / 4) - i64::from(w / 2);
                let y = i64::from(height / 2) - i64::from(h / 2);
                imageops::replace(&mut half, &scaled, x, y);
                imageops::replace(&mut both, &half, side as i64 * i64::from(width / 2), 0);
            }
            next = Some(frame);
        }
        Ok(next.map(|frame| Frame { image: Arc::new(both), ..frame }))
    }

    fn info(&self) -> SourceInfo {
        SourceInfo { name: "two people".into(), ..SourceInfo::default() }
    }
}

/// A source whose pictures are turned as a camera's that hangs so.
struct Hung(Box<dyn Source>, Mounting);

impl Source for Hung {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        let frame = self.0.next_frame()?;
        Ok(frame.map(|frame| {
            let image = Arc::new(self.1.apply((*frame.image).clone()));
            Frame { image, ..frame }
        }))
    }

    fn info(&self) -> SourceInfo {
        self.0.info()
    }
}

fn watch(options: &LiveOptions, source: Box<dyn Source>) -> (Summary, Vec<Event>) {
    let (pipeline, mut source) = (options.pipeline.clone(), Some(source));
    let parts = Parts {
        open_source: Box::new(move |_| source.take().ok_or(SourceError::NoCamera)),
        open_vision: Box::new(move || Ok(Box::new(Pipeline::open(&pipeline)?))),
        speaker: Err(SoundState::Off),
    };
    let mut events = Vec::new();
    let options =
        LiveOptions { source: SourceSpec::Demo(None), pace: Pace::Fast, ..options.clone() };
    let watched = headless::run_with(&options, parts, &mut |event| events.push(event)).unwrap();
    let summary = watched.summary;
    (summary, events)
}

/// Watches two people with the driver in a seat.
fn seated(seat: Seat, left: Sitting, right: Sitting) -> (Summary, Vec<Event>) {
    let pipeline = PipelineOptions { seat, ..PipelineOptions::default() };
    let options = LiveOptions { pipeline, ..LiveOptions::default() };
    watch(&options, Box::new(Pair([left, right])))
}

/// The highest level, and whether anybody was seen asleep.
fn worst((summary, events): &(Summary, Vec<Event>)) -> Level {
    assert!(summary.frames_with_face * 100 >= 95 * summary.frames, "{summary:?}");
    events.iter().map(|event| event.judgement.level).max().unwrap()
}

#[test]
fn the_driver_stays_the_driver_when_a_larger_passenger_gets_in() {
    if !has_runtime() {
        return;
    }
    for (driver, passenger, level) in
        [("asleep@2", "alert@5", Level::Critical), ("alert@2", "asleep@5", Level::None)]
    {
        let watched = seated(Seat::Any, sitting(driver, 0.8, 0.0), sitting(passenger, 1.3, 3.0));
        let told = worst(&watched);
        if level == Level::None {
            assert!(told < Level::Warning, "{driver}, {passenger}: {:?}", watched.1);
        } else {
            assert_eq!(told, level, "{driver}, {passenger}: {:?}", watched.1);
        }
        // The passenger is told once, and not again and again.
        let others: Vec<u32> = watched.1.iter().map(|event| event.noted.others).collect();
        let mut changes = others.clone();
        changes.dedup();
        assert_eq!(changes, [0, 1], "{others:?}");
        let told = watched.1.iter().find(|event| event.noted.others == 1).unwrap();
        assert_eq!(told.noted.notes, ["Another face is in the picture."]);
        assert!((3.0..9.0).contains(&told.judgement.at), "{told:?}");
    }
}

#[test]
fn with_two_people_from_the_start_the_seat_says_whose_sleep_counts() {
    if !has_runtime() {
        return;
    }
    for (seat, left, right, sleeps) in [
        (Seat::Left, "asleep@2", "alert@5", true),
        (Seat::Left, "alert@2", "asleep@5", false),
        (Seat::Right, "alert@5", "asleep@2", true),
        (Seat::Right, "asleep@5", "alert@2", false),
    ] {
        // The passenger is the larger one.
        let scale = |side| if seat == side { 0.9 } else { 1.3 };
        let watched = seated(
            seat,
            sitting(left, scale(Seat::Left), 0.0),
            sitting(right, scale(Seat::Right), 0.0),
        );
        let told = worst(&watched);
        assert_eq!(told == Level::Critical, sleeps, "{seat:?} {left} {right}: {:?}", watched.1);
        assert!(sleeps || told < Level::Warning, "{seat:?} {left} {right}: {:?}", watched.1);
    }
}

#[test]
fn a_turned_picture_is_told_with_the_switch_to_use() {
    if !has_runtime() {
        return;
    }
    let demo = || {
        let options = OpenOptions { fps: FPS, ..OpenOptions::default() };
        source::open(&"demo:alert@2+9".parse().unwrap(), &options).unwrap()
    };
    // How it hangs, what was chosen, and what is to be chosen.
    let mirrored = Mounting { rotate: Turn::Quarter, mirror: true };
    for (hangs, chosen, degrees) in [
        (Mounting { rotate: Turn::Half, mirror: false }, Mounting::default(), 180),
        (Mounting { rotate: Turn::Quarter, mirror: false }, Mounting::default(), 270),
        (Mounting { rotate: Turn::ThreeQuarters, mirror: false }, Mounting::default(), 90),
        // As it would be seen with the wrong switches.
        (mirrored, mirrored, 0),
    ] {
        let mut options = LiveOptions::default();
        options.open.mounting = chosen;
        let (summary, events) = watch(&options, Box::new(Hung(demo(), hangs)));
        assert_eq!(summary.frames_with_face, 0, "{hangs:?}");
        let told = events.iter().find(|event| event.noted.rotate.is_some());
        let Some(told) = told else { panic!("{hangs:?}: {events:?}") };
        let sentence = format!("The picture seems to be turned: start with --rotate {degrees}.");
        assert_eq!(told.noted.notes, [sentence]);
        assert_eq!(told.judgement.state, State::NoDriver);
        assert!((5.0..8.0).contains(&told.judgement.at), "{told:?}");
        // Some 30 searches, and four calls more for each face that might be upright.
        assert!(summary.detector_calls < 150, "{summary:?}");
    }
}

#[test]
fn an_empty_seat_is_no_turned_picture() {
    if !has_runtime() {
        return;
    }
    let options = OpenOptions { fps: FPS, ..OpenOptions::default() };
    let demo = source::open(&"demo:no-driver+20".parse().unwrap(), &options).unwrap();
    let (summary, events) = watch(&LiveOptions::default(), demo);
    assert!(events.iter().all(|event| event.noted.rotate.is_none()), "{events:?}");
    assert!(summary.detector_calls < 80, "{summary:?}");
}

/// One picture of each of 60 drivers, upright and turned by 180 degrees: `cargo test --test
/// seats -- --ignored --nocapture` with `WAKEWATCH_DATA=FOLDER` prints how many are read the
/// wrong way round, which must be none, and how many are lost.
#[test]
#[ignore = "needs real pictures"]
fn pictures_of_drivers_upside_down() {
    let Some(data) = std::env::var_os("WAKEWATCH_DATA").map(std::path::PathBuf::from) else {
        eprintln!("skipped: WAKEWATCH_DATA does not name a folder");
        return;
    };
    let mut people: Vec<_> =
        std::fs::read_dir(data.join("yawdd")).unwrap().map(|entry| entry.unwrap().path()).collect();
    people.retain(|path| path.is_dir());
    people.sort();
    let mut tracker = FaceTracker::open(&Default::default(), &Default::default()).unwrap();
    let [mut upright, mut lost, mut turned, mut none, mut wrong] = [0; 5];
    for person in people.iter().take(60) {
        let mut pictures: Vec<_> =
            std::fs::read_dir(person).unwrap().map(|entry| entry.unwrap().path()).collect();
        pictures.sort();
        let image = source::images::load_image(&pictures[0]).unwrap();
        match tracker.find(&image).unwrap().map(|face| face.landmarks.turn()) {
            Some(Turn::None) => upright += 1,
            other => {
                lost += 1;
                eprintln!("{}: upright, {other:?}", pictures[0].display());
            }
        }
        let half = Mounting { rotate: Turn::Half, mirror: false };
        match tracker.find(&half.apply(image)).unwrap().map(|face| face.landmarks.turn()) {
            Some(Turn::Half) => turned += 1,
            None => none += 1,
            other => {
                wrong += 1;
                eprintln!("{}: upside down, {other:?}", pictures[0].display());
            }
        }
    }
    eprintln!(
        "upright: {upright} found, {lost} lost; upside down: {turned} found and told, {none} not \
         found, {wrong} read the wrong way round"
    );
    assert_eq!((wrong, lost), (0, 0));
}

#[cfg(feature = "video")]
mod film {
    use super::*;

    /// What a picture must be so that the mounting makes `upright` of it.
    fn stored(upright: &RgbImage, mounting: Mounting) -> RgbImage {
        let mirrored = Mounting { rotate: Turn::None, mirror: mounting.mirror };
        let back = Mounting { rotate: mounting.rotate.back(), mirror: false };
        back.apply(mirrored.apply(upright.clone()))
    }

    /// All eight ways a camera can hang, with and without a rotation of the recording's own.
    #[test]
    fn a_film_is_brought_upright_from_every_orientation() {
        let mut demo = source::open(&"demo:alert@2".parse().unwrap(), &OpenOptions::default());
        let demo = demo.as_mut().unwrap();
        let pictures: Vec<RgbImage> =
            (0..4).map(|_| (*demo.next_frame().unwrap().unwrap().image).clone()).collect();
        let mut pipeline = has_runtime().then(|| Pipeline::open(&PipelineOptions::default()));
        let folder = tempfile::tempdir().unwrap();
        for rotate in Turn::ALL {
            for mirror in [false, true] {
                for of_its_own in [false, true] {
                    let mounting = Mounting { rotate, mirror };
                    let path = folder.path().join(format!("{rotate:?}-{mirror}-{of_its_own}.mp4"));
                    let film: Vec<_> = pictures
                        .iter()
                        .enumerate()
                        .map(|(index, upright)| {
                            let stored = stored(upright, mounting);
                            let quarter = Mounting { rotate: Turn::ThreeQuarters, mirror: false };
                            let stored = if of_its_own { quarter.apply(stored) } else { stored };
                            (index as i64, stored)
                        })
                        .collect();
                    encode::write(&path, 25, &film);
                    if of_its_own {
                        encode::turn(&path, film[0].1.height());
                    }
                    let spec = SourceSpec::Path(path);
                    let options = OpenOptions { mounting, ..OpenOptions::default() };
                    let mut source = source::open(&spec, &options).unwrap();
                    for upright in &pictures {
                        let frame = source.next_frame().unwrap().unwrap();
                        let told = format!("{mounting:?}, own rotation {of_its_own}");
                        assert_eq!(frame.image.dimensions(), upright.dimensions(), "{told}");
                        assert!(difference(&frame.image, upright) < 6.0, "{told}");
                        if let Some(Ok(pipeline)) = &mut pipeline {
                            pipeline.reset(false);
                            let seen = pipeline.process(&frame).unwrap();
                            assert!(seen.face.is_some(), "{told}");
                        }
                    }
                    assert!(source.next_frame().unwrap().is_none());
                    let mut later = source::open_at(&spec, &options, Duration::ZERO).unwrap();
                    let frame = later.next_frame().unwrap().unwrap();
                    assert!(difference(&frame.image, &pictures[0]) < 6.0);
                }
            }
        }
    }

    /// Mean difference of the values.
    fn difference(one: &RgbImage, other: &RgbImage) -> f64 {
        let sum: u64 = one.iter().zip(other.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        sum as f64 / one.as_raw().len() as f64
    }
}
