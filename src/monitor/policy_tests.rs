//! Scenarios: what a driver does, in seconds, and what must be judged when. Each runs at
//! 10, 30 and 60 Hz; times have the tolerance of Euro NCAP's tests, 0.2 s.

use super::*;
use Sign::{Closed, Covered, Missing, NoFace, Open, Squint, Talk, Unsure, Yawn, YawnShut};

/// What the networks read while the driver does something.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sign {
    Open,
    Closed,
    /// The classifier leans to closed, the landmarks say open.
    Unsure,
    /// Half closed in the sun, all the time.
    Squint,
    Yawn,
    /// A yawn that squeezes the eyes shut.
    YawnShut,
    /// The mouth opens and closes.
    Talk,
    /// Sunglasses.
    Covered,
    NoFace,
    /// No frame is delivered.
    Missing,
    /// Every frame looks drowsy with the eyes open.
    Drowsy,
}

fn observation(at: Duration, sign: Sign) -> Option<Observation> {
    let face = |drowsy, eyes_closed, yawn, aspect, unreadable| FaceSigns {
        drowsy,
        eyes_closed,
        yawn,
        eye_aspect: [aspect; 2],
        mouth_aspect: yawn,
        unreadable,
    };
    let talking = (at.as_millis() / 200).is_multiple_of(2);
    let face = match sign {
        Missing => return None,
        NoFace => None,
        Open => Some(face(0.05, 0.02, 0.02, 0.30, None)),
        Closed => Some(face(0.95, 0.97, 0.02, 0.10, None)),
        Unsure => Some(face(0.45, 0.60, 0.02, 0.28, None)),
        Squint => Some(face(0.50, 0.45, 0.02, 0.17, None)),
        Yawn => Some(face(0.97, 0.30, 0.95, 0.24, None)),
        YawnShut => Some(face(0.99, 0.95, 0.95, 0.10, None)),
        Talk => Some(face(
            if talking { 0.6 } else { 0.1 },
            0.05,
            if talking { 0.4 } else { 0.0 },
            0.29,
            None,
        )),
        Covered => Some(face(0.90, 0.95, 0.02, 0.10, Some(Unreadable::Covered))),
        Sign::Drowsy => Some(face(0.85, 0.20, 0.02, 0.22, None)),
    };
    Some(Observation { at, face })
}

/// Plays a script at a frame rate; one judgement a delivered frame.
fn play(script: &[(f32, Sign)], hz: u32) -> Vec<Judgement> {
    let mut monitor = Monitor::new(Settings::default());
    let total: f32 = script.iter().map(|part| part.0).sum();
    let mut judgements = Vec::new();
    for index in 0..(total * hz as f32) as u32 {
        let at = Duration::from_secs(1) * index / hz;
        let mut end = 0.0;
        let sign = script.iter().find(|(length, _)| {
            end += length;
            at.as_secs_f32() < end - 1e-4
        });
        if let Some(seen) = sign.and_then(|part| observation(at, part.1)) {
            judgements.push(monitor.step(&seen));
        }
    }
    judgements
}

fn at(judgements: &[Judgement], seconds: f64) -> &Judgement {
    judgements.iter().rev().find(|j| j.at <= seconds).unwrap()
}

struct Scenario {
    name: &'static str,
    script: Vec<(f32, Sign)>,
    /// State at a time, with 0.2 s of tolerance included in the times.
    states: Vec<(f64, State)>,
    worst: Level,
}

fn scenario(
    name: &'static str,
    script: &[(f32, Sign)],
    states: &[(f64, State)],
    worst: Level,
) -> Scenario {
    Scenario { name, script: script.into(), states: states.into(), worst }
}

fn repeat(times: usize, part: &[(f32, Sign)]) -> Vec<(f32, Sign)> {
    part.iter().copied().cycle().take(times * part.len()).collect()
}

#[rustfmt::skip]
fn scenarios() -> Vec<Scenario> {
    use State::{Asleep, Awake, Drowsy, EyesUnreadable, NoDriver, Starting};
    vec![
        scenario("starts, then awake", &[(10.0, Open)],
            &[(0.0, Starting), (2.8, Starting), (3.3, Awake)], Level::None),
        scenario("microsleep of 1.0 s", &[(10.0, Open), (1.0, Closed), (5.0, Open)],
            &[(11.0, Awake), (12.0, Awake)], Level::None),
        scenario("closed for 1.6 s", &[(10.0, Open), (1.6, Closed), (5.0, Open)],
            &[(11.3, Awake), (11.6, Asleep), (12.2, Asleep), (13.0, Awake)], Level::Critical),
        scenario("closed for 3.0 s", &[(10.0, Open), (3.0, Closed), (5.0, Open)],
            &[(11.7, Asleep), (13.8, Asleep), (14.3, Awake)], Level::Critical),
        scenario("asleep from the first frame", &[(4.0, Closed)],
            &[(1.3, Starting), (1.7, Asleep)], Level::Critical),
        scenario("a blink does not end the alarm",
            &[(10.0, Open), (2.0, Closed), (0.5, Open), (0.3, Closed), (2.0, Open)],
            &[(12.4, Asleep), (13.5, Asleep), (14.1, Awake)], Level::Critical),
        scenario("one misread open frame does not end a closure",
            &[(10.0, Open), (0.9, Closed), (0.1, Open), (1.0, Closed), (3.0, Open)],
            &[(12.0, Asleep)], Level::Critical),
        scenario("two long blinks are no sleep",
            &[(10.0, Open), (1.0, Closed), (0.4, Open), (1.0, Closed), (5.0, Open)],
            &[(12.4, Awake)], Level::None),
        scenario("the classifier alone, unsure, closes no eyes", &[(10.0, Open), (10.0, Unsure)],
            &[(20.0, Awake)], Level::None),
        scenario("squinting in the sun", &[(5.0, Open), (300.0, Squint)],
            &[(300.0, Awake)], Level::None),
        Scenario {
            name: "40 blinks a minute for ten minutes",
            script: repeat(400, &[(1.25, Open), (0.25, Closed)]),
            states: vec![(60.0, Awake), (590.0, Awake)], worst: Level::None,
        },
        scenario("a yawn alone", &[(10.0, Open), (6.0, Yawn), (5.0, Open)],
            &[(15.9, Awake), (20.0, Awake)], Level::None),
        scenario("a yawn with the eyes squeezed shut",
            &[(10.0, Open), (1.5, Yawn), (2.5, YawnShut), (1.5, Yawn), (5.0, Open)],
            &[(13.9, Awake), (20.0, Awake)], Level::None),
        scenario("asleep with the mouth open", &[(10.0, Open), (4.0, YawnShut)],
            &[(12.7, Awake), (13.3, Asleep)], Level::Critical),
        scenario("yawn after yawn", &[(10.0, Open), (5.0, Yawn), (3.0, Open), (5.0, Yawn), (3.0, Open)],
            &[(25.0, Awake)], Level::None),
        scenario("talking", &[(120.0, Talk)], &[(100.0, Awake)], Level::None),
        scenario("sunglasses all along", &[(60.0, Covered)],
            &[(3.7, Starting), (4.3, EyesUnreadable), (59.0, EyesUnreadable)], Level::Advisory),
        scenario("a glance into the mirror", &[(10.0, Open), (1.2, Covered), (5.0, Open)],
            &[(11.1, Awake), (13.0, Awake)], Level::None),
        scenario("sunglasses put on and off", &[(10.0, Open), (10.0, Covered), (10.0, Open)],
            &[(13.7, Awake), (14.3, EyesUnreadable), (20.7, EyesUnreadable), (21.3, Awake)], Level::Advisory),
        scenario("no driver, then one", &[(10.0, NoFace), (10.0, Open)],
            &[(1.7, Starting), (2.3, NoDriver), (10.2, NoDriver), (14.0, Awake)], Level::Advisory),
        scenario("a face lost for a second", &[(10.0, Open), (1.0, NoFace), (5.0, Open)],
            &[(10.9, Awake), (12.0, Awake)], Level::None),
        scenario("half a second missing in a closure",
            &[(10.0, Open), (1.0, Closed), (0.5, Missing), (1.0, Closed), (3.0, Open)],
            &[(11.9, Awake), (12.4, Asleep)], Level::Critical),
        scenario("missing frames are not closed eyes",
            &[(10.0, Open), (0.8, Closed), (0.5, Missing), (0.4, Closed), (3.0, Open)],
            &[(12.0, Awake)], Level::None),
        scenario("half a second missing while awake", &[(10.0, Open), (0.5, Missing), (5.0, Open)],
            &[(10.6, Awake)], Level::None),
        scenario("the head of a sleeper drops out of sight",
            &[(10.0, Open), (2.0, Closed), (30.0, NoFace)],
            &[(12.0, Asleep), (40.0, Asleep)], Level::Critical),
        scenario("a closure interrupted for long is forgotten",
            &[(10.0, Open), (1.2, Closed), (3.0, Covered), (1.2, Closed), (2.0, Open)],
            &[(15.3, Awake)], Level::None),
        scenario("looks drowsy for long", &[(10.0, Open), (20.0, Sign::Drowsy), (15.0, Open)],
            &[(12.0, Awake), (25.0, Drowsy), (31.0, Drowsy), (40.0, Awake)], Level::Warning),
        scenario("drowsy and yawning stays drowsy",
            &[(10.0, Open), (20.0, Sign::Drowsy), (6.0, Yawn)],
            &[(29.0, Drowsy), (35.9, Drowsy)], Level::Warning),
    ]
}

#[test]
fn scenarios_are_judged_right_at_every_rate() {
    for scenario in scenarios() {
        for hz in [10, 30, 60] {
            let judgements = play(&scenario.script, hz);
            let name = format!("{} at {hz} Hz", scenario.name);
            for (seconds, state) in &scenario.states {
                let judgement = at(&judgements, *seconds);
                assert_eq!(judgement.state, *state, "{name}, {seconds} s: {judgement:?}");
            }
            let worst = judgements.iter().max_by_key(|j| j.level).unwrap();
            assert_eq!(worst.level, scenario.worst, "{name}: {worst:?}");
        }
    }
}

#[test]
fn the_cause_names_how_long_the_eyes_were_closed() {
    let judgements = play(&[(5.0, Open), (1.75, Closed)], 60);
    let alarm = judgements.iter().find(|j| j.level == Level::Critical).unwrap();
    assert_eq!(alarm.why, "eyes closed for 1.5 s");
    assert_eq!(at(&judgements, 6.6).why, "eyes closed for 1.6 s");
    assert!((at(&judgements, 6.6).eyes_closed_s - 1.6).abs() < 0.05);
    assert_eq!(at(&play(&[(5.0, Open), (5.0, Covered)], 30), 9.5).why, "the eyes are covered");
}

#[test]
fn unreadable_eyes_never_count_as_closed() {
    for judgement in play(&[(5.0, Open), (30.0, Covered), (5.0, NoFace)], 30) {
        assert_eq!(judgement.eyes_closed_s, 0.0);
        assert!(judgement.level <= Level::Advisory);
    }
}

#[test]
fn too_few_pictures_are_told_and_never_called_awake() {
    for (hz, told) in [(2, true), (5, true), (10, false)] {
        let last = play(&[(30.0, Open)], hz).pop().unwrap();
        assert_eq!(last.state == State::Starting, told, "{hz} Hz: {last:?}");
        assert_eq!(last.level == Level::Advisory, told);
        assert_eq!(last.why.contains(&format!("{hz}.0 pictures a second are too few")), told);
    }
    // At 5 Hz a sleeper is still woken.
    let asleep = play(&[(10.0, Open), (2.5, Closed)], 5);
    assert_eq!(asleep.last().unwrap().level, Level::Critical);
}

#[test]
fn a_clock_that_jumps_wakes_nobody_and_hides_nobody() {
    for jump_s in [-3600.0, -5.0, 0.7, 60.0, 1e7_f64] {
        let mut monitor = Monitor::new(Settings::default());
        let mut see = |from_s: f64, length_s: f64, sign| {
            let mut level = Level::None;
            for i in 0..(length_s * 30.0) as u32 {
                let at = Duration::from_secs_f64(from_s + f64::from(i) / 30.0);
                level = monitor.step(&observation(at, sign).unwrap()).level.max(level);
            }
            level
        };
        assert_eq!(see(4000.0, 10.0, Open), Level::None);
        assert_eq!(see(4010.0, 0.8, Closed), Level::None);
        assert_eq!(see(4010.8 + jump_s, 0.5, Closed), Level::None, "jump of {jump_s} s");
        assert_eq!(see(4011.3 + jump_s, 5.0, Open), Level::None);
        assert_eq!(see(4016.3 + jump_s, 1.7, Closed), Level::Critical);
    }
}

#[test]
fn a_lost_camera_is_told_and_keeps_a_sleepers_alarm() {
    let mut monitor = Monitor::new(Settings::default());
    let at = Duration::from_secs_f64;
    assert_eq!(monitor.lost(at(2.0)).level, Level::Advisory, "before the first frame too");
    for i in 0..60 {
        monitor.step(&observation(at(2.0 + f64::from(i) / 30.0), Closed).unwrap());
    }
    let lost = monitor.lost(at(6.0));
    assert_eq!((lost.state, lost.level, lost.at), (State::CameraLost, Level::Critical, 6.0));
    monitor.acknowledge();
    assert_eq!(monitor.lost(at(7.0)).level, Level::Advisory);
    let back = monitor.step(&observation(at(8.0), Open).unwrap());
    assert_ne!(back.state, State::CameraLost);
}

#[test]
fn an_acknowledged_alarm_ends_and_closed_eyes_are_timed_anew() {
    let mut monitor = Monitor::new(Settings::default());
    let mut levels = Vec::new();
    for i in 0..150_u32 {
        if i == 75 {
            monitor.acknowledge();
        }
        let at = Duration::from_secs(1) * i / 30;
        levels.push(monitor.step(&observation(at, Closed).unwrap()).level);
    }
    assert_eq!(levels[74], Level::Critical);
    assert!(levels[75..115].iter().all(|level| *level < Level::Critical));
    assert_eq!(levels[125], Level::Critical);
}

#[test]
fn readings_that_are_no_numbers_are_unreadable_and_leave_no_trace() {
    let mut monitor = Monitor::new(Settings::default());
    for i in 0..600_u32 {
        let at = Duration::from_secs(1) * i / 30;
        let mut seen = observation(at, Open).unwrap();
        if let Some(face) = seen.face.as_mut().filter(|_| (100..300).contains(&i)) {
            (face.drowsy, face.eyes_closed) = (f32::NAN, f32::INFINITY);
        }
        let judgement = monitor.step(&seen);
        assert!(judgement.level <= Level::Advisory);
        assert!(judgement.drowsy.is_none_or(f32::is_finite));
        // Told after 4 s, gone after 1 s, with 0.1 s of tolerance.
        let told = judgement.state == State::EyesUnreadable;
        assert!(told || !(223..=325).contains(&i), "frame {i}");
        assert!(!told || (217..=332).contains(&i), "frame {i}");
    }
}

#[test]
fn senseless_settings_do_not_panic() {
    let settings = Settings {
        drowsy_smoothing_s: 0.0,
        gap_s: f32::NAN,
        asleep_s: -1.0,
        no_driver_s: f32::INFINITY,
        ..Settings::default()
    };
    let mut monitor = Monitor::new(settings);
    for i in 0..100_u32 {
        let sign = if i % 7 == 0 { NoFace } else { Open };
        monitor.step(&observation(Duration::from_millis(33) * i, sign).unwrap());
    }
}
