//! The window, used by its labels: what a screen reader finds, and what keys do.

mod paint;
mod pictures;
mod screens;
mod setup;
#[cfg(feature = "train")]
mod training;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use eframe::egui::{self, Key, Role, accesskit::Toggled, vec2};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use image::RgbImage;
use parking_lot::Mutex;

use super::{
    Failure, Opener, Session, Window, preferences::Preferences, text, theme, window::Start,
};
use crate::{
    alarm::SoundState,
    face::{BBox, Face, Landmarks, Seat, Visibility},
    frame::{Frame, Mounting},
    infer::{EyeReading, Measured, Outcome, Provider, Reading, Tried},
    live::{Command, LiveOptions, Snapshot, Stats},
    monitor::{Judgement, Level, State},
    source::{SourceError, SourceInfo, SourceSpec},
    vit::ModelKind,
};

/// What passed between the window and its session.
#[derive(Default)]
struct Log {
    opened: Mutex<Vec<SourceSpec>>,
    /// How the picture was brought upright and where the driver sat, at each opening.
    cameras: Mutex<Vec<(Mounting, Seat)>>,
    commands: Mutex<Vec<Command>>,
    stopped: Mutex<usize>,
}

struct Spy {
    snapshot: Arc<Snapshot>,
    log: Arc<Log>,
}

/// A session that shows nothing that can be drawn as often as this says.
struct Stumbling {
    spy: Spy,
    times: Mutex<u32>,
}

impl Session for Stumbling {
    fn snapshot(&self) -> Arc<Snapshot> {
        let mut times = self.times.lock();
        if *times > 0 {
            *times -= 1;
            panic!("a mistake in the drawing");
        }
        self.spy.snapshot()
    }

    fn send(&self, command: Command) {
        self.spy.send(command);
    }

    fn stop(self: Box<Self>) {
        Box::new(self.spy).stop();
    }
}

impl Session for Spy {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.clone()
    }

    fn send(&self, command: Command) {
        self.log.commands.lock().push(command);
    }

    fn stop(self: Box<Self>) {
        *self.log.stopped.lock() += 1;
    }
}

fn judged(state: State, level: Level) -> Snapshot {
    let points =
        std::array::from_fn(|i| [60.0 + (i % 9) as f32 * 10.0, 40.0 + (i / 9) as f32 * 10.0]);
    let landmarks = Landmarks { points };
    Snapshot {
        frame: Some(Frame {
            image: Arc::new(RgbImage::new(160, 120)),
            at: Duration::from_secs(1),
            index: 30,
        }),
        face: Some(Face {
            bbox: BBox { x: 60.0, y: 40.0, width: 80.0, height: 70.0 },
            confidence: 0.9,
            landmarks,
            visibility: Visibility { left_eye: 1.0, right_eye: 1.0, mouth: 1.0 },
        }),
        crop: Some(Arc::new(RgbImage::new(72, 72))),
        keep: (1..=9).map(|number| [1, 3, 5, 8].contains(&number)).collect(),
        reading: Some(Reading { drowsy: 0.2, attention: vec![0.1; 9], ..Reading::default() }),
        judgement: Judgement {
            at: 1.0,
            state,
            level,
            why: "eyes closed for 2.4 s".into(),
            drowsy: Some(0.25),
            eyes_closed_s: 2.4,
            ..Judgement::default()
        },
        stats: Stats {
            fps: 29.7,
            latency_ms: 21.0,
            frames: 30,
            frames_with_face: 30,
            ..Stats::default()
        },
        provider: "CPU".into(),
        model: "stem".into(),
        source: SourceInfo { name: "a camera".into(), live: true, ..SourceInfo::default() },
        sound: SoundState::Ready,
        ..Snapshot::default()
    }
}

/// A window of the smallest size on a session that shows `snapshot`, or that fails until
/// the demo driver is asked for.
fn window(
    snapshot: Snapshot,
    failure: Option<Failure>,
) -> (Harness<'static, Option<Window>>, Arc<Log>) {
    let (opener, log) = opener(snapshot, failure);
    let start = || Start { preferences: welcomed(), ..Start::default() };
    (harness(opener, super::MIN_SIZE, start), log)
}

/// What a user has chosen who has been here before.
fn welcomed() -> Preferences {
    Preferences { welcomed: true, ..Preferences::default() }
}

/// Opens sessions that show `snapshot`, or fails until the demo driver is asked for.
fn opener(snapshot: Snapshot, failure: Option<Failure>) -> (Arc<Opener>, Arc<Log>) {
    let log = Arc::new(Log::default());
    let (snapshot, seen) = (Arc::new(snapshot), log.clone());
    let opener: Arc<Opener> = Arc::new(move |options: &LiveOptions| {
        seen.opened.lock().push(options.source.clone());
        seen.cameras.lock().push((options.open.mounting, options.pipeline.seat));
        match (&failure, &options.source) {
            (Some(failure), SourceSpec::Webcam(_)) => Err(failure.clone()),
            _ => {
                let spy = Spy { snapshot: snapshot.clone(), log: seen.clone() };
                Ok(Box::new(spy) as Box<dyn Session>)
            }
        }
    });
    (opener, log)
}

/// A window of a size that begins as said.
fn harness(
    opener: Arc<Opener>,
    [width, height]: [f32; 2],
    start: impl Fn() -> Start + 'static,
) -> Harness<'static, Option<Window>> {
    let draw = move |ui: &mut egui::Ui, window: &mut Option<Window>| {
        let ctx = ui.ctx().clone();
        let window = window.get_or_insert_with(|| {
            theme::install(&ctx);
            Window::new(&ctx, opener.clone(), start())
        });
        window.pass(ui);
    };
    let builder = Harness::builder().with_size(vec2(width, height));
    builder.renderer(paint::Painter::default()).build_ui_state(draw, None)
}

/// Steps until `label` can be read; the session opens on a thread of its own.
#[track_caller]
fn wait_for(harness: &mut Harness<'_, Option<Window>>, label: &str) {
    for _ in 0..400 {
        harness.step();
        if harness.query_all_by_label_contains(label).next().is_some() {
            // Once more: what has just been placed is laid out for good.
            return harness.run_steps(2);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{label:?} never came: {harness:?}");
}

fn watching(snapshot: Snapshot) -> (Harness<'static, Option<Window>>, Arc<Log>) {
    let (mut harness, log) = window(snapshot, None);
    wait_for(&mut harness, text::watch::CROP);
    (harness, log)
}

#[test]
fn a_mistake_in_the_drawing_is_told_and_does_not_end_the_watch() {
    let log = Arc::new(Log::default());
    let seen = log.clone();
    let snapshot = Arc::new(judged(State::Awake, Level::None));
    let opener: Arc<Opener> = Arc::new(move |_: &LiveOptions| {
        let spy = Spy { snapshot: snapshot.clone(), log: seen.clone() };
        Ok(Box::new(Stumbling { spy, times: Mutex::new(3) }) as Box<dyn Session>)
    });
    let start = || Start { preferences: welcomed(), ..Start::default() };
    let mut harness = harness(opener, super::MIN_SIZE, start);
    wait_for(&mut harness, "a mistake in the drawing");
    // The screens come back on the same session.
    wait_for(&mut harness, text::watch::CROP);
    assert_eq!(*log.stopped.lock(), 0);
}

#[test]
fn each_eye_is_told_on_its_patch_where_the_network_reads_it() {
    let plain = judged(State::Awake, Level::None);
    let (harness, _) = watching(plain.clone());
    assert!(harness.query_by_label_contains("left eye").is_none());
    harness.get_by_label(text::watch::CROP_LEGEND);

    let [shut, hidden] = [(0.9, 1.0), (0.1, 0.2)].map(|(shut, seen)| EyeReading { shut, seen });
    let reading = Reading { eyes: Some([shut, hidden]), ..plain.reading.unwrap_or_default() };
    let reading = Some(reading);
    let (harness, _) = watching(Snapshot { reading, ..plain });
    harness.get_by_label_contains("left eye 90 % shut; right eye hidden");
    harness.get_by_label(text::watch::CROP_LEGEND_EYES);
}

#[test]
fn what_was_tried_in_place_of_the_cpu_is_told_over_the_device() {
    let tried = |model, outcome, provider_ms| {
        let measured = Measured { inputs: 30, cpu_ms: 1.3, provider_ms, difference: 0.0024 };
        Tried { model, provider: Provider::Cuda, outcome, measured: Some(measured) }
    };
    let snapshot = Snapshot {
        provider: "CPU + CUDA".into(),
        tried: [
            tried(ModelKind::Landmarks, Outcome::Slower, 1.95),
            tried(ModelKind::Drowsiness, Outcome::Taken, 0.71),
        ]
        .into(),
        ..judged(State::Awake, Level::None)
    };
    let (opener, _) = opener(snapshot, None);
    let start = || Start { preferences: welcomed(), ..Start::default() };
    let mut harness = harness(opener, [1280.0, 800.0], start);
    wait_for(&mut harness, text::watch::CROP);
    assert!(harness.query_by_label_contains("not faster by a fifth").is_none());
    harness.get_by_label("CPU + CUDA").hover();
    harness.run_steps(20);
    harness.get_by_label_contains("stays on CPU, since CUDA is not faster by a fifth");
    harness.get_by_label_contains("The drowsiness model runs on CUDA (median of 30 runs 0.71 ms");
}

const STATES: [(State, Level); 15] = [
    (State::Starting, Level::None),
    (State::Awake, Level::None),
    (State::Tiring, Level::Advisory),
    (State::Drowsy, Level::Warning),
    (State::Microsleep, Level::None),
    (State::Microsleep, Level::Critical),
    (State::Asleep, Level::Critical),
    (State::Unresponsive, Level::Critical),
    (State::NoDriver, Level::Advisory),
    (State::EyesUnreadable, Level::Advisory),
    (State::EyesUnreadable, Level::Warning),
    (State::EyesOffRoad, Level::None),
    (State::EyesOffRoad, Level::Warning),
    (State::CameraLost, Level::Advisory),
    (State::Slow, Level::Advisory),
];

#[test]
fn every_state_is_told_with_its_cause_and_what_to_do() {
    for (state, level) in STATES {
        let (harness, _) = watching(judged(state, level));
        let label = format!("{}.", text::state_word(state));
        let status = harness.get_by(|node| {
            node.role() == Role::Status && node.label().is_some_and(|text| text.starts_with(&label))
        });
        let told = status.accesskit_node().label().unwrap();
        assert!(told.contains(text::advice(state, level)), "{told}");
        assert!(told.ends_with("Eyes closed for 2.4 s."), "{told}");
    }
}

#[test]
fn figures_can_be_read_and_are_never_made_up() {
    let (harness, _) = watching(judged(State::Awake, Level::None));
    for label in ["Drowsy: 25 %", "Eyes closed for: 2.4 s", "30 fps", "21 ms", "CPU", "stem"] {
        harness.get_by_label(label);
    }
    let mut blind = judged(State::NoDriver, Level::Advisory);
    (blind.face, blind.crop, blind.reading, blind.judgement.drowsy) = (None, None, None, None);
    let (harness, _) = watching(blind);
    for label in
        ["Drowsy: –", "Eyes closed for: –", "Eyes closed, this frame: –", "Yawn, this frame: –"]
    {
        harness.get_by_label(label);
    }
    harness.get_by_label_contains("Awareness: –");
    harness.get_by_label(text::watch::NO_CROP);
}

#[test]
fn nothing_is_placed_outside_the_smallest_window() {
    let mut worst = judged(State::EyesUnreadable, Level::Advisory);
    worst.problem =
        Some("the camera has not delivered a picture for 3.0 s; check its cable".into());
    worst.sound = SoundState::NoSound("the sound device cannot be opened".into());
    worst.muted_until = Some(Instant::now() + Duration::from_secs(59));
    worst.source.name = "a camera with a name that is far too long to stand in one line ".repeat(3);
    for snapshot in [worst, judged(State::Asleep, Level::Critical)] {
        let (harness, _) = watching(snapshot);
        let [width, height] = super::MIN_SIZE;
        let window = egui::Rect::from_min_size(egui::Pos2::ZERO, vec2(width, height));
        let labelled: Vec<_> = harness
            .get_all_by(|node| node.label().is_some() || node.value().is_some())
            .map(|node| (node.rect(), format!("{:?}", node.accesskit_node().label())))
            .collect();
        assert!(labelled.len() > 30);
        for (rect, label) in labelled {
            assert!(window.expand(0.5).contains_rect(rect), "{label} at {rect:?}");
        }
    }
}

#[test]
fn mute_is_sent_by_button_and_key_and_ended_by_the_same() {
    let (mut harness, log) = watching(judged(State::Asleep, Level::Critical));
    harness.get_by_label(text::MUTE).click();
    harness.run_steps(2);
    harness.key_press(Key::M);
    harness.run_steps(2);
    assert_eq!(*log.commands.lock(), [Command::Mute, Command::Mute]);

    let mut muted = judged(State::Asleep, Level::Critical);
    muted.muted_until = Some(Instant::now() + Duration::from_secs(59));
    let (mut harness, log) = watching(muted);
    harness.get_by_label_contains("Unmute (").click();
    harness.run_steps(2);
    assert_eq!(*log.commands.lock(), [Command::Unmute]);
}

#[test]
fn space_acknowledges_wherever_the_focus_is() {
    let (mut harness, log) = watching(judged(State::Asleep, Level::Critical));
    harness.get_by_label(text::TEST_TONE).focus();
    harness.run_steps(2);
    harness.key_press(Key::Space);
    harness.run_steps(2);
    harness.get_by_label(text::ACKNOWLEDGE).click();
    harness.run_steps(2);
    assert_eq!(*log.commands.lock(), [Command::Acknowledge, Command::Acknowledge]);
}

#[test]
fn nothing_can_be_acknowledged_while_all_is_well() {
    let (mut harness, log) = watching(judged(State::Awake, Level::None));
    harness.get_by_label(text::ACKNOWLEDGE).click();
    harness.run_steps(2);
    assert_eq!(*log.commands.lock(), []);
}

#[test]
fn the_test_tone_is_the_loudest_alarm() {
    let (mut harness, log) = watching(judged(State::Awake, Level::None));
    harness.get_by_label(text::TEST_TONE).click();
    harness.run_steps(2);
    assert_eq!(*log.commands.lock(), [Command::TestTone(Level::Critical)]);
}

#[test]
fn without_a_camera_the_demo_driver_is_offered() {
    for by_key in [false, true] {
        let failure = Failure { no_camera: true, why: String::new() };
        let (mut harness, log) = window(judged(State::Awake, Level::None), Some(failure));
        wait_for(&mut harness, text::start::NO_CAMERA);
        harness.get_by_label(text::start::NO_CAMERA_ADVICE);
        if by_key {
            harness.key_press(Key::D);
        } else {
            harness.get_by_label(text::start::DEMO).click();
        }
        wait_for(&mut harness, text::watch::CROP);
        let opened = log.opened.lock();
        assert_eq!(*opened, [SourceSpec::Webcam(0), SourceSpec::Demo(None)]);
    }
}

#[test]
fn a_session_whose_source_does_not_open_offers_the_demo_driver_too() {
    let why = SourceError::NoCamera.to_string();
    let snapshot =
        Snapshot { problem: Some(why.clone()), no_source: Some(why), ..Snapshot::default() };
    let (mut harness, log) = window(snapshot, None);
    wait_for(&mut harness, text::start::NO_CAMERA);
    harness.get_by_label(text::start::DEMO).click();
    harness.run_steps(2);
    assert_eq!(*log.commands.lock(), [Command::Switch(SourceSpec::Demo(None))]);
}

#[test]
fn any_other_failure_is_told_in_its_own_words_and_can_be_tried_again() {
    let why = "camera 0 cannot be used (busy); close other programs that use it".to_owned();
    let failure = Failure { no_camera: false, why: why.clone() };
    let (mut harness, log) = window(judged(State::Awake, Level::None), Some(failure));
    wait_for(&mut harness, &why);
    harness.get_by_label(text::start::RETRY).click();
    harness.run_steps(3);
    wait_for(&mut harness, &why);
    assert_eq!(*log.opened.lock(), [SourceSpec::Webcam(0), SourceSpec::Webcam(0)]);
}

#[test]
fn the_question_mark_lists_every_key_and_escape_closes_the_list() {
    let (mut harness, _) = watching(judged(State::Awake, Level::None));
    harness.key_press(Key::Questionmark);
    harness.run_steps(4);
    for shortcut in super::actions::SHORTCUTS {
        harness.get_by_label(shortcut.says);
    }
    harness.key_press(Key::Escape);
    harness.run_steps(4);
    assert!(harness.query_by_label(super::actions::SHORTCUTS[0].says).is_none());
}

#[test]
fn nothing_covers_an_alarm() {
    let (mut harness, _) = watching(judged(State::Asleep, Level::Critical));
    harness.key_press(Key::Questionmark);
    harness.run_steps(4);
    assert!(harness.query_by_label(super::actions::SHORTCUTS[0].says).is_none());
}

#[test]
fn overlays_are_switched_by_key_and_the_button_says_so() {
    let (mut harness, _) = watching(judged(State::Awake, Level::None));
    let toggled = |harness: &Harness<'_, Option<Window>>| {
        harness.get_by_label(text::OVERLAYS).accesskit_node().toggled()
    };
    assert_eq!(toggled(&harness), Some(Toggled::True));
    harness.key_press(Key::O);
    harness.run_steps(2);
    assert_eq!(toggled(&harness), Some(Toggled::False));
}

#[test]
fn silence_and_problems_stand_in_a_banner() {
    let mut snapshot = judged(State::CameraLost, Level::Advisory);
    snapshot.problem = Some("the camera has stopped; check its cable".into());
    snapshot.sound = SoundState::NoSound("no device".into());
    let (harness, _) = watching(snapshot);
    harness.get_by_label("The camera has stopped; check its cable.");
    harness.get_by_label_contains("Alarms cannot be heard");
}

#[test]
fn closing_the_window_ends_the_session() {
    let (mut harness, log) = watching(judged(State::Awake, Level::None));
    harness.state_mut().as_mut().unwrap().close();
    assert_eq!(*log.stopped.lock(), 1);
}

#[test]
fn a_machine_without_a_display_is_told_what_to_do() {
    let none = |_: &str| None;
    assert_eq!(super::has_display(none), cfg!(not(all(unix, not(target_os = "macos")))));
    assert!(super::has_display(|name| (name == "WAYLAND_DISPLAY").then(|| "wayland-0".into())));
    assert!(super::AppError::NoDisplay.to_string().contains("watch --headless"));
}
