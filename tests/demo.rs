//! The drawn driver through the real path: found, measured and judged as it was drawn.
//!
//! The tests that run always look at a fair subset; those that are ignored, run by
//! `make test-demo`, at every driver in every scenario, and print what they find.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is the test's message")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what was measured is to be read")]

#[path = "demo/people.rs"]
mod people;
#[path = "demo/played.rs"]
mod played;

use need::has_runtime;
use played::{Row, Sight, Span, closed_scores, closings, every, first_at, pipeline, play};
use wakewatch::{
    evaluate::metrics::{Scored, auc},
    monitor::Level,
    source::{
        OpenOptions, Source,
        demo::{Demo, about_driver, scenarios},
    },
};

#[path = "common/need.rs"]
mod need;

/// Drivers of the matrix.
const DRIVERS: usize = 12;
/// Where the face is hard to see, fewer of them need to be found.
const HARD: [&str; 3] = ["sunglasses", "mask", "night"];
/// In these nobody sleeps, so that nothing may sound.
const HARMLESS: [&str; 4] = ["alert", "talking", "looking-away", "mirror-check"];
/// What the issue asks for.
const LEAST_FOUND: f64 = 0.98;
const LEAST_FOUND_HARD: f64 = 0.90;
const MOST_ERROR: f64 = 0.06;
const LEAST_AUC: f64 = 0.97;
/// From shut eyes to the alarm, seconds.
const IN_TIME: std::ops::RangeInclusive<f64> = 1.3..=1.8;

fn least_found(scenario: &str) -> f64 {
    if HARD.contains(&scenario) { LEAST_FOUND_HARD } else { LEAST_FOUND }
}

fn area(scores: &[(f32, bool)]) -> f64 {
    let scored: Vec<_> = scores
        .iter()
        .map(|&(score, shut)| Scored { drowsy: shut, probability: f64::from(score) })
        .collect();
    auc(&scored).unwrap()
}

/// Plays scenarios by drivers, about `looks` frames of each but three a second at least,
/// and says for each what falls short.
fn matrix(plays: impl Iterator<Item = (&'static str, usize)>, looks: u64) -> Vec<String> {
    let mut pipeline = pipeline();
    let (mut short, mut scores, mut all) = (Vec::new(), Vec::new(), Sight::default());
    for (scenario, driver) in plays {
        let name = format!("{scenario}@{driver}");
        let frames = Demo::open(&name, &OpenOptions::default()).unwrap().info().frames.unwrap();
        // A face that is gone is searched for by the clock: the share of frames that pass
        // until it is found again is only right at the camera's own rate.
        let stride = if scenario == "leaving" { 1 } else { (frames / looks).clamp(1, 10) };
        let rows = play(&mut pipeline, &name, &every(stride));
        let sight = Sight::of(&rows);
        let of_play = closed_scores(&rows);
        let both = [true, false].iter().all(|&shut| of_play.iter().any(|score| score.1 == shut));
        let eyes = if both { format!("{:.3}", area(&of_play)) } else { "-".into() };
        let line = format!(
            "{scenario}@{driver} ({}): found {:.3} of {}, elsewhere {}, error {:.3}, eyes {eyes}",
            about_driver(driver),
            sight.share(),
            sight.visible,
            sight.ghosts,
            sight.error(),
        );
        println!("{line}");
        let right = match sight.visible {
            0 => sight.ghosts == 0,
            _ => sight.share() >= least_found(scenario),
        };
        if !right {
            short.push(line);
        }
        scores.extend(of_play);
        all.add(sight);
    }
    let whole = format!(
        "all: found {:.3}, error {:.4}, eyes {:.4}",
        all.share(),
        all.error(),
        area(&scores)
    );
    println!("{whole}");
    if all.error() > MOST_ERROR || area(&scores) < LEAST_AUC {
        short.push(whole);
    }
    short
}

/// How long the alarm took in `asleep`, driver by driver; those that are too slow or
/// too quick. `from_s`: seconds that are left out before the eyes shut.
fn wakings(spans: &[Span]) -> Vec<String> {
    let mut pipeline = pipeline();
    let mut late = Vec::new();
    for driver in 0..DRIVERS {
        let rows = play(&mut pipeline, &format!("asleep@{driver}"), spans);
        let shut = closings(&rows)[0];
        let took = first_at(&rows, Level::Warning, 0.0).map(|at| at - shut);
        let line = format!("asleep@{driver} ({}): alarm after {took:.2?} s", about_driver(driver));
        println!("{line}");
        if !took.is_some_and(|took| IN_TIME.contains(&took)) {
            late.push(line);
        }
    }
    late
}

/// The alarms of a play that nobody sleeps in.
fn alarms(rows: &[Row]) -> Vec<String> {
    let rings = |rows: &[Row]| rows[0].level < Level::Warning && rows[1].level >= Level::Warning;
    let begins = rows.windows(2).filter(|rows| rings(rows)).map(|rows| &rows[1]);
    begins.map(|row| format!("{:?} at {:.1} s", row.state, row.truth.at.as_secs_f64())).collect()
}

fn false_alarms(seconds: u32, stride: u64) -> Vec<String> {
    let mut pipeline = pipeline();
    let mut rung = Vec::new();
    for (driver, scenario) in HARMLESS.iter().enumerate() {
        let rows = play(&mut pipeline, &format!("{scenario}@{driver}+{seconds}"), &every(stride));
        assert!(rows.last().unwrap().truth.at.as_secs_f64() > f64::from(seconds) - 1.0);
        let found = alarms(&rows);
        println!("{scenario}@{driver}, {seconds} s: {} alarms {found:?}", found.len());
        rung.extend(found.into_iter().map(|alarm| format!("{scenario}@{driver}: {alarm}")));
    }
    rung
}

#[test]
fn the_driver_is_found_and_read_in_every_scenario() {
    if !has_runtime() {
        return;
    }
    // A driver for each scenario, all of them in turn.
    let plays = scenarios().iter().enumerate().map(|(i, &name)| (name, (5 * i) % DRIVERS));
    let short = matrix(plays, 120);
    assert!(short.is_empty(), "fell short: {short:#?}");
}

#[test]
fn whoever_falls_asleep_is_woken_in_time() {
    if !has_runtime() {
        return;
    }
    // Slowly until the eyes shut at 10 s, which is when every frame counts.
    let spans =
        [Span { from_s: 0.0, to_s: 9.5, stride: 10 }, Span { from_s: 9.5, to_s: 12.5, stride: 1 }];
    let late = wakings(&spans);
    assert!(late.is_empty(), "not in time: {late:#?}");
}

#[test]
fn nothing_sounds_while_nobody_sleeps() {
    if !has_runtime() {
        return;
    }
    let rung = false_alarms(60, 5);
    assert!(rung.is_empty(), "rang for nothing: {rung:#?}");
}

#[test]
#[ignore = "every driver in every scenario takes long: make test-demo"]
fn every_driver_is_found_and_read_in_every_scenario() {
    let plays = scenarios().iter().flat_map(|&name| (0..DRIVERS).map(move |driver| (name, driver)));
    let short = matrix(plays, 180);
    assert!(short.is_empty(), "fell short: {short:#?}");
}

#[test]
#[ignore = "every frame of every driver takes long: make test-demo"]
fn whoever_falls_asleep_is_woken_in_time_at_every_frame() {
    let late = wakings(&every(1));
    assert!(late.is_empty(), "not in time: {late:#?}");
}

#[test]
#[ignore = "ten minutes of each take long: make test-demo"]
fn nothing_sounds_in_ten_minutes_while_nobody_sleeps() {
    let rung = false_alarms(600, 3);
    assert!(rung.is_empty(), "rang for nothing: {rung:#?}");
}

#[test]
#[ignore = "a measurement: make test-demo"]
fn a_core_draws_faster_than_a_camera_gives() {
    let (frames, mut slowest) = (300, f64::MAX);
    for scenario in ["alert", "asleep", "night", "glare", "two-faces", "near", "hand-over-mouth"] {
        let mut demo = Demo::open(scenario, &OpenOptions::default()).unwrap();
        let begin = cpu_time::ThreadTime::now();
        for _ in 0..frames {
            demo.next_frame().unwrap().unwrap();
        }
        let rate = f64::from(frames) / begin.elapsed().as_secs_f64();
        println!("{scenario}: {rate:.0} frames a second of one core's time");
        slowest = slowest.min(rate);
    }
    assert!(slowest > 30.0, "{slowest:.1} frames a second");
}
