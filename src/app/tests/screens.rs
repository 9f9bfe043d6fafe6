//! The screens, each used by its labels: reached, changed, replayed, measured.

use std::{path::Path, time::Duration};

use eframe::egui::{Key, Role, accesskit::Toggled};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use image::{Rgb, RgbImage};

use super::{Log, Window, harness, judged, opener, wait_for, watching, welcomed, window};
use crate::{
    app::{
        actions::Tab,
        preferences::{self, Preferences, Store},
        text,
        window::Start,
    },
    face::Seat,
    frame::{Mounting, Turn},
    infer::runtime,
    live::{Command, Snapshot},
    monitor::{Level, Sensitivity, Settings, Sign, State},
    source::SourceSpec,
};

pub(super) type Hands = Harness<'static, Option<Window>>;

/// Both themes in both sizes.
pub(super) const LOOKS: [(bool, [f32; 2]); 4] = [
    (false, [1024.0, 640.0]),
    (true, [1024.0, 640.0]),
    (false, [1600.0, 1000.0]),
    (true, [1600.0, 1000.0]),
];

/// A window that shows `tab` while `snapshot` is watched.
pub(super) fn on(
    tab: Tab,
    snapshot: Snapshot,
    light: bool,
    size: [f32; 2],
) -> (Hands, std::sync::Arc<Log>) {
    let (opener, log) = opener(snapshot, None);
    let start =
        move || Start { preferences: Preferences { light, ..welcomed() }, tab, ..Start::default() };
    let mut harness = harness(opener, size, start);
    // Mute is on every screen once the session, which opens on its own thread, is there.
    wait_for(&mut harness, text::MUTE);
    (harness, log)
}

#[track_caller]
pub(super) fn steps_until(harness: &mut Hands, seconds: u32, holds: impl Fn(&Hands) -> bool) {
    for _ in 0..seconds * 50 {
        harness.run_steps(1);
        if holds(harness) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it does not happen");
}

/// One label of each screen by which it is known.
fn sign_of(tab: Tab) -> &'static str {
    match tab {
        Tab::Watch => text::watch::CROP,
        Tab::Replay => text::replay::NOTHING,
        Tab::Metrics => text::metrics::NOTHING,
        #[cfg(feature = "train")]
        Tab::Training => text::training::NOTHING,
        #[cfg(not(feature = "train"))]
        Tab::Training => "",
        Tab::Settings => text::settings::SENSITIVITY,
    }
}

#[test]
fn each_screen_is_reached_by_button_and_by_key() {
    let (mut harness, _) = watching(judged(State::Awake, Level::None));
    for tab in Tab::ALL.iter().copied().chain([Tab::Watch]) {
        harness.get_by_role_and_label(Role::Tab, text::tab(tab)).click();
        harness.run_steps(3);
        harness.get_by_label(sign_of(tab));
        let button = harness.get_by_role_and_label(Role::Tab, text::tab(tab));
        assert_eq!(button.accesskit_node().toggled(), Some(Toggled::True), "{tab:?}");
    }
    for (key, tab) in [
        (Key::Num2, Tab::Replay),
        (Key::Num3, Tab::Metrics),
        (Key::Num5, Tab::Settings),
        (Key::Num1, Tab::Watch),
    ] {
        harness.key_press(key);
        harness.run_steps(3);
        harness.get_by_label(sign_of(tab));
    }
}

#[test]
fn every_screen_fits_in_both_themes_and_sizes_and_names_its_controls() {
    for (light, size) in LOOKS {
        for &tab in Tab::ALL {
            let (harness, _) = on(tab, judged(State::Tiring, Level::Advisory), light, size);
            harness.get_by_label(sign_of(tab));
            let bounds = eframe::egui::Rect::from_min_size(
                eframe::egui::Pos2::ZERO,
                eframe::egui::Vec2::from(size),
            );
            let controls = [Role::Button, Role::Tab, Role::CheckBox, Role::Slider, Role::ComboBox];
            for role in controls {
                for node in harness.query_all_by_role(role) {
                    let label = node.accesskit_node().label().unwrap_or_default();
                    let inner = node.accesskit_node().value().unwrap_or_default();
                    let named = !label.is_empty() || !inner.is_empty();
                    assert!(named, "{tab:?}: a {role:?} without a name at {:?}", node.rect());
                    // What a scroll area hides is reached by scrolling down.
                    let rect = node.rect();
                    let across = rect.left() >= -0.5 && rect.right() <= bounds.right() + 0.5;
                    assert!(across, "{tab:?} {size:?}: {label} at {rect:?}");
                }
            }
        }
    }
}

#[test]
fn letters_twice_as_large_leave_every_screen_in_reach() {
    // A window of 1024x640 has this many points then.
    let size = [512.0, 320.0];
    let bounds = eframe::egui::Rect::from_min_size(Default::default(), size.into());
    for &tab in Tab::ALL {
        let (harness, _) = on(tab, judged(State::Awake, Level::None), false, size);
        let names = Tab::ALL.iter().map(|&tab| text::tab(tab));
        let tools = [text::COMPACT, text::FULL_SCREEN, text::KEYS];
        let mut taken: Vec<eframe::egui::Rect> = Vec::new();
        for name in names.chain(tools) {
            let rect = harness.get_by_label(name).rect();
            assert!(bounds.contains_rect(rect), "{tab:?}: {name} at {rect:?}");
            let meets = taken.iter().any(|other| other.shrink(0.5).intersects(rect));
            assert!(!meets, "{tab:?}: {name} lies on another at {rect:?}");
            taken.push(rect);
        }
        if tab != Tab::Watch {
            assert!(bounds.contains_rect(harness.get_by_label(text::MUTE).rect()), "{tab:?}");
        }
    }
}

#[test]
fn the_driver_is_watched_and_muted_from_every_screen() {
    for &tab in Tab::ALL {
        let alarm = judged(State::Asleep, Level::Critical);
        let (mut harness, log) = on(tab, alarm, false, [1024.0, 640.0]);
        let state = text::state_word(State::Asleep);
        harness.get_by(|node| {
            node.role() == Role::Status && node.label().is_some_and(|said| said.contains(state))
        });
        harness.get_by_label(text::MUTE).click();
        harness.run_steps(2);
        harness.get_by_label(text::ACKNOWLEDGE).click();
        harness.run_steps(2);
        assert_eq!(*log.commands.lock(), [Command::Mute, Command::Acknowledge]);
    }
}

#[test]
fn the_first_start_explains_itself_once_in_three_sentences() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_path_buf();
    for first in [true, false] {
        let (opener, _) = opener(judged(State::Awake, Level::None), None);
        let path = path.clone();
        let start = move || {
            let (preferences, notice) = preferences::load(&path);
            let store = Store::new(Some(path.clone()));
            Start { preferences, notice, store, ..Start::default() }
        };
        let mut harness = harness(opener, [1024.0, 640.0], start);
        wait_for(&mut harness, text::watch::CROP);
        harness.run_steps(2);
        assert_eq!(harness.query_by_label(text::start::WELCOME).is_some(), first);
        if first {
            for sentence in text::start::WELCOME_SAYS {
                harness.get_by_label(sentence);
            }
            harness.get_by_label(text::start::WELCOME_READ).click();
            harness.run_steps(4);
            assert!(harness.query_by_label(text::start::WELCOME).is_none());
        }
        harness.state_mut().as_mut().unwrap().close();
    }
}

#[test]
fn a_setting_counts_at_once_and_is_found_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_path_buf();
    let begin = || {
        let (opener, log) = opener(judged(State::Awake, Level::None), None);
        let path = path.clone();
        let start = move || {
            let (mut preferences, notice) = preferences::load(&path);
            preferences.welcomed = true;
            let store = Store::new(Some(path.clone()));
            Start { preferences, notice, store, tab: Tab::Settings, ..Start::default() }
        };
        let mut harness = harness(opener, [1024.0, 640.0], start);
        wait_for(&mut harness, text::MUTE);
        (harness, log)
    };
    let high = text::settings::sensitivity(Sensitivity::High);
    let (mut harness, log) = begin();
    harness.get_by_label(high).click();
    harness.run_steps(3);
    harness.get_by_role_and_label(Role::RadioButton, text::LIGHT).click();
    harness.run_steps(3);
    let thresholds = Box::new(Settings::of(Sensitivity::High));
    assert_eq!(*log.commands.lock(), [Command::Thresholds(thresholds)]);
    harness.state_mut().as_mut().unwrap().close();
    drop(harness);

    let (mut harness, log) = begin();
    let toggled = |label| {
        let radio = harness.get_by_role_and_label(Role::RadioButton, label);
        radio.accesskit_node().toggled()
    };
    assert_eq!(toggled(high), Some(Toggled::True));
    assert_eq!(toggled(text::LIGHT), Some(Toggled::True));
    harness.get_by_label(text::settings::TONE_WARNING).click();
    harness.run_steps(2);
    assert_eq!(*log.commands.lock(), [Command::TestTone(Level::Warning)]);
    harness.state_mut().as_mut().unwrap().close();
}

#[test]
fn how_the_camera_hangs_and_the_seat_are_chosen_with_the_source_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_path_buf();
    let begin = || {
        let (opener, log) = opener(judged(State::Awake, Level::None), None);
        let path = path.clone();
        let start = move || {
            let (mut preferences, notice) = preferences::load(&path);
            preferences.welcomed = true;
            let store = Store::new(Some(path.clone()));
            Start { preferences, notice, store, ..Start::default() }
        };
        let mut harness = harness(opener, [1024.0, 640.0], start);
        wait_for(&mut harness, text::MUTE);
        (harness, log)
    };
    let (mut harness, log) = begin();
    let mut choose = |label: &str| {
        harness.get_by_label(text::watch::CHOOSE_SOURCE).click();
        harness.run_steps(3);
        harness.get_by_label(label).click();
        harness.run_steps(3);
        // The session is opened anew.
        wait_for(&mut harness, text::MUTE);
    };
    choose(&text::watch::turned_by(Turn::Half));
    choose(text::watch::MIRROR);
    choose(&text::watch::sits(Seat::Left));
    let half = Mounting { rotate: Turn::Half, mirror: false };
    let both = Mounting { mirror: true, ..half };
    let plain = Mounting::default();
    let all = [(plain, Seat::Any), (half, Seat::Any), (both, Seat::Any), (both, Seat::Left)];
    assert_eq!(*log.cameras.lock(), all);
    harness.state_mut().as_mut().unwrap().close();
    drop(harness);
    let (mut harness, log) = begin();
    assert_eq!(*log.cameras.lock(), [(both, Seat::Left)]);
    harness.state_mut().as_mut().unwrap().close();
}

#[test]
fn another_face_and_a_turned_picture_are_told() {
    let mut snapshot = judged(State::NoDriver, Level::Advisory);
    (snapshot.face, snapshot.others) = (None, 1);
    snapshot.problem = Some("The picture seems to be turned: start with --rotate 180".into());
    let (harness, _) = watching(snapshot);
    harness.get_by_label("The picture seems to be turned: start with --rotate 180.");
    harness.get_by_label("Camera picture: Another face is in the picture");
}

#[test]
fn a_broken_settings_file_is_said_on_the_screen() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("settings.toml"), "volume = 'loud'").unwrap();
    let (preferences, notice) = preferences::load(folder.path());
    let said = notice.clone().unwrap();
    let (opener, _) = opener(judged(State::Awake, Level::None), None);
    let preferences = Preferences { welcomed: true, ..preferences };
    let start = move || Start {
        preferences: preferences.clone(),
        notice: notice.clone(),
        ..Start::default()
    };
    let mut harness = harness(opener, [1024.0, 640.0], start);
    wait_for(&mut harness, &said);
    harness.get_by_label(text::CLOSE).click();
    harness.run_steps(3);
    assert!(harness.query_by_label(&said).is_none());
}

#[test]
fn every_threshold_is_there_by_name_and_letters_are_letters_while_one_types() {
    let (mut harness, log) =
        on(Tab::Settings, judged(State::Awake, Level::None), false, [1600.0, 1000.0]);
    for threshold in Settings::THRESHOLDS {
        let label = text::settings::threshold(threshold);
        assert!(harness.query_all_by_label(&label).next().is_some(), "{label}");
    }
    let field = harness.get_by_role_and_label(Role::TextInput, text::settings::FILTER);
    field.focus();
    harness.run_steps(2);
    harness.key_press(Key::M);
    harness.run_steps(2);
    assert_eq!(*log.commands.lock(), [], "an m in a field does not mute");
}

#[test]
fn the_strip_has_state_and_mute_and_grows_back() {
    let (mut harness, log) = watching(judged(State::Drowsy, Level::Warning));
    harness.key_press(Key::C);
    harness.run_steps(3);
    assert!(harness.query_by_label(text::watch::CROP).is_none());
    harness.get_by_label(text::MUTE).click();
    harness.run_steps(2);
    assert_eq!(*log.commands.lock(), [Command::Mute]);
    harness.get_by_label(text::GROW).click();
    harness.run_steps(3);
    harness.get_by_label(text::watch::CROP);
}

#[test]
fn awareness_blinking_and_what_is_missing_are_told() {
    let mut snapshot = judged(State::Awake, Level::None);
    snapshot.judgement.awareness = 0.72;
    snapshot.judgement.baseline = 0.4;
    snapshot.judgement.signs.blinking = Sign::Known { value: 3.4, certainty: 0.66 };
    let (harness, _) = watching(snapshot);
    harness.get_by_label("Awareness: 72 %. Learning your eyes: 40 %");
    harness.get_by_label("Blinking: 3.4 of 10");
    harness.get_by_label("PERCLOS: –");
    let drowsy = harness.get_by_label_contains("Plot of the last three minutes");
    assert!(drowsy.accesskit_node().label().unwrap().contains("no alarm"));
}

/// A demo is replayed, searched and searched for its alarm, with the real models.
#[test]
fn a_replay_is_sought_to_its_alarm() {
    if !runtime_is_here() {
        return;
    }
    let (opener, _) = opener(judged(State::Awake, Level::None), None);
    let start = || Start {
        preferences: welcomed(),
        tab: Tab::Replay,
        replay: Some(SourceSpec::Demo(Some("asleep".into()))),
        ..Start::default()
    };
    let mut harness = harness(opener, [1024.0, 640.0], start);
    harness.run_steps(2);
    harness.get_by_label(text::replay::TIME);
    harness.key_press(Key::K);
    steps_until(&mut harness, 240, |harness| {
        let next = harness.get_by_label(text::replay::NEXT_ALARM);
        !next.accesskit_node().is_disabled()
    });
    harness.get_by_label(text::replay::NEXT_ALARM).click();
    harness.run_steps(2);
    // Played on from there, the judgement that sounded is on the screen.
    harness.key_press(Key::K);
    steps_until(&mut harness, 60, |harness| {
        let words = [State::Microsleep, State::Asleep].map(text::state_word);
        words.iter().any(|word| harness.query_by_label(word).is_some())
    });
    let slider = harness.get_by_label(text::replay::TIME);
    let at = slider.accesskit_node().numeric_value().unwrap();
    assert!(at > 1.0, "{at}");
}

/// A demo scenario is watched to its alarm, with the real models and threads.
#[test]
fn a_demo_is_watched_to_its_alarm() {
    if !runtime_is_here() {
        return;
    }
    let opener: std::sync::Arc<super::Opener> = std::sync::Arc::new(|options| {
        let options = crate::live::LiveOptions { sound: false, ..options.clone() };
        match crate::live::Live::start(options) {
            Ok(live) => Ok(Box::new(live)),
            Err(error) => Err(super::Failure::of(&error)),
        }
    });
    let start = || Start {
        preferences: welcomed(),
        live: crate::live::LiveOptions {
            source: SourceSpec::Demo(Some("asleep".into())),
            pace: crate::live::Pace::Fast,
            ..Default::default()
        },
        ..Start::default()
    };
    let mut harness = harness(opener, [1024.0, 640.0], start);
    let alarmed = |harness: &Hands| {
        let word = text::state_word(State::Asleep);
        harness
            .query_by(|node| {
                node.role() == Role::Status && node.label().is_some_and(|l| l.starts_with(word))
            })
            .is_some()
    };
    steps_until(&mut harness, 240, alarmed);
    harness.state_mut().as_mut().unwrap().close();
}

/// Drawn faces are measured; pictures without a face count as missed.
#[test]
fn a_measurement_is_finished_and_its_threshold_moved() {
    if !runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let list = drawn_set(folder.path());
    let (mut harness, _) =
        on(Tab::Metrics, judged(State::Awake, Level::None), false, [1600.0, 1000.0]);
    harness.get_by_label(text::metrics::CHOOSE_DATA).click();
    harness.run_steps(3);
    harness.get_by_label(text::choose::CANCEL).click();
    harness.run_steps(3);
    harness.state_mut().as_mut().unwrap().screen.metrics.data = Some(list);
    harness.run_steps(2);
    harness.get_by_label(text::metrics::MEASURE).click();
    steps_until(&mut harness, 240, |harness| {
        harness.query_by_label(text::metrics::FIGURES).is_some()
    });
    let counts = |harness: &Hands| {
        let counts = harness.get_by_label_contains("awake called awake");
        counts.accesskit_node().label().unwrap()
    };
    let before = counts(&harness);
    let number = |part: &str| part.trim().split(' ').next().unwrap().parse::<u32>().unwrap();
    assert_eq!(before.split(',').map(number).sum::<u32>(), 6, "{before}");
    harness.get_by_label_contains("6 answers, 3 people");
    let slider = harness.get_by_role_and_label(Role::Slider, text::metrics::THRESHOLD);
    slider.focus();
    harness.run_steps(2);
    for _ in 0..200 {
        harness.key_press(Key::ArrowRight);
    }
    steps_until(&mut harness, 60, |harness| {
        counts(harness).contains("0 awake called drowsy")
            && counts(harness).contains("0 drowsy called drowsy")
    });
}

fn runtime_is_here() -> bool {
    let here = runtime::init().is_ok();
    if !here {
        tracing::warn!("ONNX Runtime is not here; the test is left out");
    }
    here
}

/// Six pictures of three people, drawn: four faces of the demo, two plain walls.
fn drawn_set(folder: &Path) -> std::path::PathBuf {
    use crate::source::{OpenOptions, Source, demo::Demo};
    let mut lines = String::from("file,label,subject\n");
    for (person, scenario) in [(0, "alert@0"), (1, "alert@1")] {
        let mut demo = Demo::open(scenario, &OpenOptions::default()).unwrap();
        for (index, label) in [(0, "awake"), (60, "drowsy")] {
            demo.skip_to(index);
            let frame = demo.next_frame().unwrap().unwrap();
            let name = format!("{person}-{label}.png");
            frame.image.save(folder.join(&name)).unwrap();
            lines.push_str(&format!("{name},{label},person {person}\n"));
        }
    }
    for label in ["awake", "drowsy"] {
        let name = format!("wall-{label}.png");
        RgbImage::from_pixel(160, 120, Rgb([90; 3])).save(folder.join(&name)).unwrap();
        lines.push_str(&format!("{name},{label},nobody\n"));
    }
    let list = folder.join("list.csv");
    std::fs::write(&list, lines).unwrap();
    list
}

#[test]
fn without_a_session_other_screens_still_work() {
    let failure = super::Failure { no_camera: true, why: String::new() };
    let (mut harness, _) = window(judged(State::Awake, Level::None), Some(failure));
    wait_for(&mut harness, text::start::NO_CAMERA);
    harness.key_press(Key::Num2);
    harness.run_steps(3);
    harness.get_by_label(text::replay::NOTHING);
    harness.get_by_label(text::replay::OPEN).click();
    harness.run_steps(3);
    harness.get_by_label(text::choose::PATH);
    harness.key_press(Key::Escape);
    harness.run_steps(3);
    assert!(harness.query_by_label(text::choose::PATH).is_none());
}
