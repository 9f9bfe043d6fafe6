//! The cases of docs/monitor.md, frame by frame: what a driver does with eyes, mouth and
//! head, and what must be told of it when. The document's table is what is awaited.

use std::time::Duration;

use super::{FaceSigns, Judgement, Kind, Level, Monitor, Observation, Settings, State};
use crate::face::{HeadPose, Unreadable};

const DOCUMENT: &str = include_str!("../../docs/monitor.md");
/// Before a case the driver looks ahead, so that their usual place is known, seconds.
const BEFORE_S: f64 = 10.0;
/// After it, too, seconds.
const AFTER_S: f64 = 5.0;
/// Tolerance of the times: Euro NCAP's 0.2 s, and one picture at 10 Hz.
const TOLERANCE_S: f64 = 0.3;

/// What can be seen of a driver.
#[derive(Clone, Copy)]
struct Seen {
    /// Probability of shut eyes.
    shut: f32,
    aspect: f32,
    yaw: f32,
    /// Down is positive.
    pitch: f32,
    yawn: f32,
    mouth: f32,
    hidden: Option<Unreadable>,
}

const AHEAD: Seen =
    Seen { shut: 0.02, aspect: 0.3, yaw: 0.0, pitch: 0.0, yawn: 0.01, mouth: 0.01, hidden: None };
const SHUT: Seen = Seen { shut: 0.97, aspect: 0.06, ..AHEAD };
/// Lids that are low over a telephone on the knees.
const DOWN: Seen = Seen { shut: 0.9, aspect: 0.1, pitch: 25.0, ..AHEAD };
const ASIDE: Seen = Seen { yaw: 38.0, ..AHEAD };

/// What happens for how long: what is seen at a time since the case began, in seconds.
struct Case {
    name: &'static str,
    seconds: f64,
    seen: fn(f32) -> Seen,
}

const fn case(name: &'static str, seconds: f64, seen: fn(f32) -> Seen) -> Case {
    Case { name, seconds, seen }
}

/// A look down that turns a little to the side and back, every two seconds.
fn moving(t: f32) -> Seen {
    let yaw = if (t / 2.0).fract() < 0.5 { 0.0 } else { 14.0 };
    Seen { yaw, ..DOWN }
}

/// A little more than two seconds down, then a glance back of half a second.
fn glancing(t: f32) -> Seen {
    if t % 2.7 < 2.2 { DOWN } else { AHEAD }
}

/// A hand comes with the yawn: the mouth is seen to open, the yawn is not.
fn behind_a_hand(t: f32) -> Seen {
    let mouth = 0.32;
    if t < 0.6 { Seen { mouth, ..AHEAD } } else { Seen { mouth, ..SHUT } }
}

const CASES: &[Case] = &[
    case("looks down at a telephone for 2 s", 2.0, |_| DOWN),
    case("looks down at a telephone for 4 s, moves the head", 4.0, moving),
    case("looks down at a telephone for 4 s, one glance back", 4.0, glancing),
    case("looks down at a telephone for 8 s, glances back", 8.0, glancing),
    case("looks down at a telephone for 20 s, glances back", 20.0, glancing),
    case("looks down at a telephone for 8 s, moves the head", 8.0, moving),
    case("looks down at a telephone for 8 s, no sign of life", 8.0, |_| DOWN),
    case("reads on the knees with the lids seen open for 5 s", 5.0, |_| Seen {
        shut: 0.3,
        aspect: 0.2,
        ..DOWN
    }),
    case("looks down, and falls asleep over it", 8.0, |t| {
        if t < 2.0 { DOWN } else { Seen { yaw: 14.0, ..DOWN } }
    }),
    case("reads with low lids", 60.0, |_| Seen { shut: 0.45, aspect: 0.17, pitch: 8.0, ..AHEAD }),
    case("talks to the passenger for 5 s", 5.0, |_| ASIDE),
    case("glances aside for 1.5 s, every 4 s", 28.0, |t| if t % 4.0 < 1.5 { ASIDE } else { AHEAD }),
    case("looks into the mirror for 1 s, every 5 s", 60.0, |t| {
        if t % 5.0 < 1.0 { ASIDE } else { AHEAD }
    }),
    case("laughs for 6 s with narrow eyes", 6.0, |t| Seen {
        shut: if (t * 2.5).fract() < 0.5 { 0.7 } else { 0.4 },
        aspect: 0.18,
        mouth: 0.28,
        ..AHEAD
    }),
    case("laughs with the eyes squeezed shut for 2.5 s", 4.0, |t| {
        let mouth = 0.28;
        let squeezed = (0.8..3.3).contains(&t);
        Seen { mouth, ..if squeezed { SHUT } else { AHEAD } }
    }),
    case("sings", 30.0, |t| {
        let mouth = if (t * 1.5).fract() < 0.6 { 0.45 } else { 0.05 };
        let blinks = t % 5.0 < 0.3;
        Seen { mouth, yawn: 0.3, ..if blinks { SHUT } else { AHEAD } }
    }),
    case("sneezes", 1.2, |t| {
        let pitch = if (0.3..0.9).contains(&t) { 16.0 } else { 0.0 };
        if t < 0.7 { Seen { pitch, mouth: 0.3, ..SHUT } } else { Seen { pitch, ..AHEAD } }
    }),
    case("rubs the eyes for 2.5 s", 2.5, |_| Seen { hidden: Some(Unreadable::Covered), ..SHUT }),
    case("squints at the sun for 10 s", 10.0, |_| Seen { shut: 0.65, aspect: 0.235, ..AHEAD }),
    case("yawns, the eyes squeezed shut for 2.5 s", 5.0, |t| {
        let squeezed = (1.2..3.7).contains(&t);
        Seen { yawn: 0.95, mouth: 0.8, ..if squeezed { SHUT } else { AHEAD } }
    }),
    case("yawns behind a hand, the eyes squeezed shut for 2.6 s", 3.2, behind_a_hand),
    case("yawns behind a hand and falls asleep", 6.0, behind_a_hand),
    case("asleep behind a mask worn all along", 4.0, |_| SHUT),
    case("asleep, and the mouth falls open later", 4.0, |t| Seen {
        mouth: if t > 0.8 { 0.35 } else { 0.01 },
        ..SHUT
    }),
    case("nods with shut eyes", 4.0, |t| Seen {
        pitch: (25.0 * (t - 0.5)).clamp(0.0, 25.0),
        ..SHUT
    }),
    case("asleep, the head sinks slowly", 5.0, |t| Seen { pitch: 6.0 * t, ..SHUT }),
    case("asleep, the head rolls slowly to the side", 5.0, |t| Seen { yaw: 3.0 * t, ..SHUT }),
    case("the head sinks slowly, then the eyes close", 8.0, |t| Seen {
        pitch: (7.0 * t).min(16.0),
        ..if t < 2.0 { AHEAD } else { SHUT }
    }),
];

fn observation(at: f64, seen: Seen) -> Observation {
    let Seen { shut, aspect, yaw, pitch, yawn, mouth, hidden } = seen;
    let face = FaceSigns {
        drowsy: shut.max(yawn),
        eyes_closed: shut,
        yawn,
        eye_aspect: [aspect; 2],
        mouth_aspect: mouth,
        pose: Some(HeadPose { yaw: yaw - 6.0, pitch: pitch - 12.0, roll: 0.0 }),
        unreadable: hidden,
        ..FaceSigns::default()
    };
    Observation { at: Duration::from_secs_f64(at), face: Some(face) }
}

/// Plays a case at a frame rate, with the driver looking ahead before and after; `each` is
/// given every judgement, its time counted from the beginning of the case.
fn play(case: &Case, hz: u32, mut each: impl FnMut(f64, &Judgement, &Monitor)) {
    let mut monitor = Monitor::new(Settings::default());
    let masked = case.name.contains("mask");
    for index in 0..((BEFORE_S + case.seconds + AFTER_S) * f64::from(hz)) as u32 {
        let at = f64::from(index) / f64::from(hz);
        let since = at - BEFORE_S;
        let within = (-1e-6..case.seconds - 1e-6).contains(&since);
        let mut seen = if within { (case.seen)(since.max(0.0) as f32) } else { AHEAD };
        if masked {
            seen.mouth = 0.33;
        }
        let judged = monitor.step(&observation(at, seen));
        each(since, &judged, &monitor);
    }
}

/// When what is first told: of sleep, of the road.
fn told(case: &Case, hz: u32) -> [Option<f64>; 2] {
    let mut told = [None; 2];
    play(case, hz, |since, judged, _| {
        if judged.level >= Level::Warning {
            let of = usize::from(judged.state == State::EyesOffRoad);
            told[of].get_or_insert(since);
        }
    });
    told
}

/// The rows of the document's table of cases: name, and when what is to be told.
fn awaited() -> Vec<(&'static str, [Option<f64>; 2])> {
    let table = DOCUMENT.split_once("## Cases").unwrap().1.split_once("\n## ").unwrap().0;
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let read = |row: &'static str| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let (name, said) = (cells.next().unwrap(), cells.next().unwrap());
        let after = |what: &str| {
            let part = said.split("; ").find(|part| part.starts_with(what))?;
            Some(part.strip_suffix(" s").unwrap().rsplit(' ').next().unwrap().parse().unwrap())
        };
        let awaited = [after("of sleep"), after("of the road")];
        assert_eq!(said == "nothing", awaited == [None; 2], "{row}");
        (name, awaited)
    };
    rows.map(read).collect()
}

#[test]
fn every_case_of_the_document_is_told_of_as_it_says() {
    let awaited = awaited();
    let names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
    let rows: Vec<&str> = awaited.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, rows, "the document and the tests have the same cases");
    let mut wrong = Vec::new();
    for (case, (name, awaited)) in CASES.iter().zip(&awaited) {
        for hz in [10, 30, 60] {
            let found = told(case, hz);
            let right = found.iter().zip(awaited).all(|pair| match pair {
                (Some(found), Some(awaited)) => (found - awaited).abs() <= TOLERANCE_S,
                (found, awaited) => found.is_none() && awaited.is_none(),
            });
            if !right {
                wrong.push(format!("{name} at {hz} Hz: {found:?}, not {awaited:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "of sleep, of the road:\n{}", wrong.join("\n"));
}

#[test]
fn eyes_off_the_road_are_never_called_asleep_and_cost_no_awareness() {
    for case in CASES.iter().filter(|case| case.name.contains("telephone")) {
        let dead = case.name.contains("no sign of life");
        play(case, 30, |since, judged, _| {
            let asleep = matches!(judged.state, State::Microsleep | State::Asleep);
            assert!(dead || !asleep, "{} at {since:.1} s: {judged:?}", case.name);
            assert!(dead || judged.awareness > 0.8, "{} at {since:.1} s: {judged:?}", case.name);
        });
    }
}

/// Everything that happened in a case, by its kind, with time since its beginning.
fn happened(name: &str, hz: u32) -> Vec<(Kind, f64, f32)> {
    let case = CASES.iter().find(|case| case.name == name).unwrap();
    let mut all = Vec::new();
    play(case, hz, |_, _, monitor| {
        all.extend(monitor.happened().iter().map(|h| {
            assert!((0.0..=1.0).contains(&h.certainty), "{name}: {h:?}");
            (h.kind, h.at - BEFORE_S, h.seconds)
        }));
    });
    all
}

#[test]
fn what_happens_is_told_once_with_its_time_and_length() {
    for hz in [10, 30, 60] {
        for (name, kind, at, seconds) in [
            ("yawns, the eyes squeezed shut for 2.5 s", Kind::Yawn, 0.0, 5.0),
            ("yawns, the eyes squeezed shut for 2.5 s", Kind::Closure, 1.2, 2.5),
            ("sneezes", Kind::LongBlink, 0.0, 0.7),
            ("nods with shut eyes", Kind::Closure, 0.0, 4.0),
            ("talks to the passenger for 5 s", Kind::Glance, 0.0, 5.0),
            ("rubs the eyes for 2.5 s", Kind::EyesLost, 0.0, 1.0),
            ("rubs the eyes for 2.5 s", Kind::EyesBack, 2.5, 2.5),
        ] {
            let all = happened(name, hz);
            let found: Vec<_> = all.iter().filter(|(found, ..)| *found == kind).collect();
            let [(_, began, lasted)] = found[..] else { panic!("{name} at {hz} Hz: {all:?}") };
            assert!((began - at).abs() <= 0.21, "{name} at {hz} Hz: {kind:?} began at {began}");
            assert!((lasted - seconds).abs() <= 0.21, "{name} at {hz} Hz: {kind:?}, {lasted} s");
        }
    }
    assert_eq!(happened("reads with low lids", 30), []);
}

#[test]
fn a_gap_in_the_media_time_is_told() {
    let mut monitor = Monitor::new(Settings::default());
    let mut gaps = Vec::new();
    for at in [0.0, 0.1, 0.2, 1.0, 1.1, 3.6, 3.7] {
        monitor.step(&observation(at, AHEAD));
        gaps.extend(monitor.happened().iter().map(|h| (h.kind, h.at, h.seconds)));
    }
    assert_eq!(gaps, [(Kind::Gap, 1.1, 2.5)]);
}

#[test]
fn ten_pictures_a_second_are_enough_and_less_is_too_slow() {
    for (hz, slow) in [(8.0, true), (9.9, true), (10.0, false), (10.1, false), (30.0, false)] {
        let mut monitor = Monitor::new(Settings::default());
        let states = (0..(20.0 * hz) as u32).map(|i| {
            let at = f64::from(i) / hz;
            monitor.step(&observation(at, AHEAD)).state
        });
        let states: Vec<State> = states.collect();
        assert_eq!(states.contains(&State::Slow), slow, "{hz} Hz");
        assert_eq!(states.last() == Some(&State::Slow), slow, "{hz} Hz");
    }
}
