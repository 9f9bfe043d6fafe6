//! The same for the same seed, another for another, and each scenario's truth is what its
//! name says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is the test's message")]

use super::*;

fn options() -> OpenOptions {
    OpenOptions { width: 160, height: 120, fps: 10.0, ..OpenOptions::default() }
}

fn picture(name: &str, options: &OpenOptions, index: u64) -> Arc<image::RgbImage> {
    let mut demo = Demo::open(name, options).unwrap();
    demo.skip_to(index);
    demo.next_frame().unwrap().unwrap().image
}

fn truth(name: &str) -> Vec<Truth> {
    truths(name, &options()).unwrap().collect()
}

/// Seconds of a scenario in which something holds.
fn seconds(name: &str, holds: impl Fn(&Truth) -> bool) -> f64 {
    truth(name).iter().filter(|truth| holds(truth)).count() as f64 / f64::from(options().fps)
}

#[test]
fn the_same_seed_gives_the_same_picture_whatever_was_drawn_before() {
    let mut demo = Demo::open("alert@2", &options()).unwrap();
    for _ in 0..7 {
        demo.next_frame().unwrap();
    }
    let played = demo.next_frame().unwrap().unwrap();
    assert_eq!((played.index, played.at), (7, Duration::from_millis(700)));
    assert_eq!(played.image, picture("alert@2", &options(), 7));
    let other = OpenOptions { seed: 1, ..options() };
    assert_ne!(played.image, picture("alert@2", &other, 7));
    assert_ne!(played.image, picture("alert@3", &options(), 7));
}

#[test]
fn a_play_ends_with_its_scenario_or_after_the_seconds_asked_for() {
    for (name, frames) in [("microsleep", 200), ("microsleep+45", 450), ("microsleep@1+3", 30)] {
        let demo = Demo::open(name, &options()).unwrap();
        assert_eq!(demo.info().frames, Some(frames), "{name}");
        assert_eq!(truth(name).len() as u64, frames, "{name}");
    }
    let mut demo = Demo::open("alert+1", &options()).unwrap();
    demo.skip_to(10);
    assert!(demo.next_frame().unwrap().is_none());
}

#[test]
fn every_scenario_shows_what_its_name_says() {
    let shut = |truth: &Truth| truth.eye_openness < behaviour::SHUT;
    assert!((1.1..1.6).contains(&seconds("microsleep", |t| t.state == Doing::Microsleep)));
    assert!((4.4..5.1).contains(&seconds("asleep", |t| t.state == Doing::Asleep)));
    assert!(seconds("alert", shut) < 4.0, "blinks are short");
    assert!(seconds("drowsy", |t| t.eye_openness < 0.7) > 40.0, "heavy lids");
    assert!(seconds("yawns", |t| t.mouth_open > 0.6) > 5.0);
    assert!(seconds("hand-over-mouth", |t| t.mouth_open > 0.6) > 3.0);
    assert!(seconds("talking", |t| t.state == Doing::Talking) > 15.0);
    assert!(seconds("talking", |t| t.mouth_open > 0.5) == 0.0, "no yawns");
    assert!(seconds("looking-away", |t| t.pose.yaw.abs() > 25.0) > 5.0);
    assert!(seconds("mirror-check", |t| t.pose.yaw.abs() > 20.0) > 3.0);
    assert!(seconds("nodding", |t| t.pose.pitch > 10.0) > 3.0);
    assert!(seconds("sunglasses", |t| t.visible && !t.eyes_visible) == 30.0);
    assert!(seconds("no-driver", |t| !t.visible) == 20.0);
    assert!(seconds("leaving", |t| !t.visible) == 10.0);
    for name in ["sunglasses", "mask", "night", "glare", "two-faces", "far", "near"] {
        assert!(seconds(name, |t| t.state == Doing::Asleep) > 3.0, "{name}");
    }
}

#[test]
fn far_is_smaller_and_near_is_larger_than_usual() {
    let eyes = |name: &str| {
        let points = &truth(name)[0].points;
        (points[36][0] - points[45][0]).hypot(points[36][1] - points[45][1])
    };
    assert!(eyes("far") < 0.7 * eyes("alert") && 1.3 * eyes("alert") < eyes("near"));
}

#[test]
fn the_lids_of_the_true_points_follow_the_openness() {
    let opening = |truth: &Truth| {
        let apart = |a: usize, b: usize| {
            let (a, b) = (truth.points[a], truth.points[b]);
            (a[0] - b[0]).hypot(a[1] - b[1])
        };
        (apart(37, 41) + apart(38, 40)) / (2.0 * apart(36, 39))
    };
    let truths = truth("asleep");
    assert!(opening(&truths[130]) < 0.12, "shut: {}", opening(&truths[130]));
    let wide = truths.iter().filter(|truth| truth.eye_openness > 0.9);
    assert!(wide.clone().count() > 50);
    assert!(wide.map(opening).all(|opening| opening > 0.22));
}

#[test]
fn what_there_is_not_is_refused_with_what_there_is() {
    let told = |name: &str| Demo::open(name, &options()).err().unwrap().to_string();
    for name in ["dancing", "asleep+soon", ""] {
        assert!(scenarios().iter().all(|known| told(name).contains(known)), "{name}");
    }
    assert!(told("asleep@14").contains("0 to 13") && told("asleep@bob").contains("0 to 13"));
    let nowhere = tempfile::tempdir().unwrap().path().join("gone").join("truth.jsonl");
    assert!(write_truth("asleep", &options(), &nowhere).is_err());
}
