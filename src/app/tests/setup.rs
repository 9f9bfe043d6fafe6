//! The set-up at the first start, walked through by labels and keys.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use eframe::egui::{Key, Role, accesskit::Toggled};
use egui_kittest::kittest::{NodeT, Queryable};
use image::RgbImage;
use parking_lot::Mutex;

use super::screens::{Hands, LOOKS, on, steps_until};
use super::{Log, harness, judged, opener, text, text::setup as words, wait_for, welcomed};
use crate::{
    alarm::SoundState,
    app::{
        Failure, Tab,
        preferences::{self, KeptCamera, LEAST_VOLUME, Preferences, Store},
        setup::Step,
        window::Start,
    },
    frame::Frame,
    live::{Command, Snapshot},
    monitor::{Level, State},
    source::{Source, SourceError, SourceInfo, SourceSpec, preview::Cameras, webcam::CameraInfo},
};

/// The cameras of a machine that is made up: the third is used by another program. Which
/// of them are open is told.
#[derive(Clone, Default)]
struct Desk {
    names: Vec<&'static str>,
    open: Arc<Mutex<BTreeSet<u32>>>,
    most: Arc<Mutex<usize>>,
}

/// What cannot be opened.
const BUSY: &str = "Busy camera";

struct Still {
    image: Arc<RgbImage>,
    number: u32,
    began: Instant,
    open: Arc<Mutex<BTreeSet<u32>>>,
}

impl Source for Still {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        std::thread::sleep(Duration::from_millis(5));
        Ok(Some(Frame { image: self.image.clone(), at: self.began.elapsed(), index: 0 }))
    }

    fn info(&self) -> SourceInfo {
        SourceInfo { live: true, ..SourceInfo::default() }
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        self.open.lock().remove(&self.number);
    }
}

impl Desk {
    fn of(names: &[&'static str]) -> Self {
        Self { names: names.to_vec(), ..Self::default() }
    }

    fn cameras(&self) -> Cameras {
        let (names, desk) = (self.names.clone(), self.clone());
        // Drawn here, since it may take a while: cameras do not.
        (0..2).for_each(|number| drop(driver(number)));
        let camera = |(index, name): (usize, &&str)| CameraInfo {
            index: index as u32,
            name: (*name).to_owned(),
        };
        Cameras::new(
            Arc::new(move || Ok(names.iter().enumerate().map(camera).collect())),
            Arc::new(move |spec, _| match spec {
                SourceSpec::Webcam(number) if desk.names[*number as usize] != BUSY => {
                    let mut open = desk.open.lock();
                    open.insert(*number);
                    let mut most = desk.most.lock();
                    *most = (*most).max(open.len());
                    let (open, began) = (desk.open.clone(), Instant::now());
                    Ok(Box::new(Still { image: driver(*number), number: *number, began, open }))
                }
                _ => Err(SourceError::Camera { camera: "2".into(), why: "busy".into() }),
            }),
        )
    }
}

/// A drawn driver, as a camera would see them.
fn driver(number: u32) -> Arc<RgbImage> {
    static DRAWN: [OnceLock<Arc<RgbImage>>; 2] = [const { OnceLock::new() }; 2];
    let number = number as usize % 2;
    DRAWN[number].get_or_init(|| draw(number)).clone()
}

fn draw(number: usize) -> Arc<RgbImage> {
    use crate::source::{OpenOptions, demo::Demo};
    let options = OpenOptions { width: 320, height: 240, ..OpenOptions::default() };
    let mut demo = Demo::open(&format!("alert@{number}"), &options).unwrap();
    demo.next_frame().unwrap().unwrap().image
}

/// What is seen of a driver who sits well.
fn well() -> Snapshot {
    let mut snapshot = judged(State::Awake, Level::None);
    let image = driver(0);
    // As if it had been found in this picture.
    let face = snapshot.face.as_mut().unwrap();
    for (i, point) in face.landmarks.points.iter_mut().enumerate() {
        let turn = i as f32 / 68.0 * std::f32::consts::TAU;
        *point = [160.0 + 40.0 * turn.cos(), 120.0 + 50.0 * turn.sin()];
    }
    face.landmarks.points[36] = [130.0, 110.0];
    face.landmarks.points[45] = [190.0, 110.0];
    face.bbox = face.landmarks.bbox();
    snapshot.frame = Some(Frame { image, at: Duration::from_secs(1), index: 30 });
    snapshot
}

/// A window that begins with the set-up, or as its preferences say.
fn begin(
    desk: &Desk,
    snapshot: Snapshot,
    failure: Option<Failure>,
    start: impl Fn() -> Start + 'static,
) -> (Hands, Arc<Log>) {
    let (opener, log) = opener(snapshot, failure);
    let cameras = desk.cameras();
    let start = move || Start { cameras: cameras.clone(), ..start() };
    (harness(opener, super::super::MIN_SIZE, start), log)
}

fn at(step: Step) -> impl Fn() -> Start {
    move || Start { setup: Some(step), ..Start::default() }
}

fn place(harness: &Hands, step: Step) -> bool {
    harness.query_by_label(&words::place(step)).is_some()
}

/// Whether it is written or told anywhere: a check is both, a line and a status.
fn says(harness: &Hands, text: &str) -> bool {
    harness.query_all_by_label_contains(text).next().is_some()
}

#[track_caller]
fn walk(harness: &mut Hands, label: &str, to: Step) {
    harness.get_by_label(label).click();
    steps_until(harness, 10, |harness| place(harness, to));
}

fn is_off(harness: &Hands, label: &str) -> bool {
    harness.get_by_role_and_label(Role::Button, label).accesskit_node().is_disabled()
}

fn kept(folder: &Path) -> Preferences {
    preferences::load(folder).0
}

#[test]
fn a_driver_is_led_to_the_watch_and_never_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_path_buf();
    let desk = Desk::of(&["Laptop", "Dashboard"]);
    let store = path.clone();
    let (mut harness, log) = begin(&desk, well(), None, move || Start {
        setup: Some(Step::Camera),
        store: Store::new(Some(store.clone())),
        ..Start::default()
    });
    wait_for(&mut harness, "Camera: Dashboard");
    assert!(harness.query_by_label(text::MUTE).is_none(), "no screen shows behind it");
    steps_until(&mut harness, 10, |harness| !is_off(harness, words::NEXT));
    assert!(log.opened.lock().is_empty(), "the cameras are free while one is chosen");
    assert!(harness.query_by_label(text::start::WELCOME).is_none());
    harness.get_by_label("Camera: Dashboard").click();
    harness.run_steps(3);
    let chosen = harness.get_by_label("Camera: Dashboard").accesskit_node().toggled();
    assert_eq!(chosen, Some(Toggled::True));
    // Its own picture may still be on its way.
    steps_until(&mut harness, 10, |harness| !is_off(harness, words::NEXT));
    walk(&mut harness, words::NEXT, Step::Seat);
    steps_until(&mut harness, 10, |_| log.opened.lock().len() == 1);
    assert_eq!(*log.opened.lock(), [SourceSpec::Webcam(1)]);
    assert!(desk.open.lock().is_empty(), "each is closed before one is opened");

    // All is well: it goes on by itself, but not before two seconds have passed.
    wait_for(&mut harness, words::ALL_GOOD);
    let since = Instant::now();
    steps_until(&mut harness, 10, |harness| place(harness, Step::Alarm));
    assert!(since.elapsed() > Duration::from_millis(1500), "{:?}", since.elapsed());
    harness.get_by_label(words::PLAY).click();
    harness.run_steps(3);
    assert!(log.commands.lock().contains(&Command::TestTone(Level::Critical)));
    harness.get_by_label(words::HEARD);
    walk(&mut harness, words::NEXT, Step::Ready);
    harness.get_by_label(words::READY);
    harness.get_by_role_and_label(Role::Status, &format!("{}: Dashboard", words::WATCHED));
    harness.get_by_label(words::START).click();
    wait_for(&mut harness, text::watch::CROP);
    assert!(harness.query_by_label(text::start::WELCOME).is_none(), "it has been said");
    assert_eq!(log.opened.lock().len(), 1, "the watch goes on as it is");
    harness.state_mut().as_mut().unwrap().close();

    let kept = kept(&path);
    assert!(kept.setup_done && kept.welcomed);
    assert_eq!(kept.camera, Some(KeptCamera { number: 1, name: "Dashboard".into() }));
}

#[test]
fn keys_alone_lead_through_and_back() {
    let desk = Desk::of(&["Laptop"]);
    let (mut harness, log) = begin(&desk, well(), None, at(Step::Camera));
    wait_for(&mut harness, "Camera: Laptop");
    steps_until(&mut harness, 10, |harness| !is_off(harness, words::NEXT));
    // Screens have no keys here, and nothing is muted by mistake.
    for key in [Key::Num5, Key::C, Key::M, Key::Escape] {
        harness.key_press(key);
        harness.run_steps(2);
        assert!(place(&harness, Step::Camera), "{key:?}");
    }
    harness.key_press(Key::Enter);
    steps_until(&mut harness, 10, |harness| place(harness, Step::Alarm));
    harness.key_press(Key::T);
    harness.run_steps(2);
    assert!(log.commands.lock().contains(&Command::TestTone(Level::Critical)));
    harness.key_press(Key::Escape);
    steps_until(&mut harness, 10, |harness| place(harness, Step::Seat));
    // Who has come back is not led on again.
    wait_for(&mut harness, words::ALL_GOOD_STILL);
    let until = Instant::now() + Duration::from_millis(2500);
    steps_until(&mut harness, 10, |_| Instant::now() > until);
    assert!(place(&harness, Step::Seat));
    harness.key_press(Key::Escape);
    steps_until(&mut harness, 10, |harness| place(harness, Step::Camera));
    // What was watched has ended, and the camera is looked at again.
    wait_for(&mut harness, "Camera: Laptop");
    assert_eq!(*log.stopped.lock(), 1);
    steps_until(&mut harness, 10, |_| !desk.open.lock().is_empty());
}

#[test]
fn it_can_be_skipped_and_still_watches_a_camera_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_path_buf();
    let desk = Desk::of(&[BUSY, "Dashboard"]);
    let store = path.clone();
    let (mut harness, log) = begin(&desk, well(), None, move || Start {
        setup: Some(Step::Camera),
        store: Store::new(Some(store.clone())),
        ..Start::default()
    });
    wait_for(&mut harness, "Camera: Dashboard");
    steps_until(&mut harness, 10, |harness| !is_off(harness, words::NEXT));
    let busy = words::no_picture(&SourceError::Camera { camera: "0".into(), why: "busy".into() });
    wait_for(&mut harness, &busy);
    // One that fails can be chosen, but is not gone on with.
    harness.get_by_label(&words::choice(BUSY)).click();
    harness.run_steps(3);
    assert!(is_off(&harness, words::NEXT));
    harness.get_by_label("Camera: Dashboard").click();
    harness.run_steps(3);
    harness.get_by_label(words::SKIP).click();
    // The three sentences have not been said yet.
    wait_for(&mut harness, text::start::WELCOME);
    steps_until(&mut harness, 10, |_| !log.opened.lock().is_empty());
    assert_eq!(*log.opened.lock(), [SourceSpec::Webcam(1)]);
    harness.state_mut().as_mut().unwrap().close();
    assert!(kept(&path).setup_done && !kept(&path).welcomed);
}

#[test]
fn many_cameras_are_not_all_opened_at_once() {
    let desk = Desk::of(&["A", "B", "C", "D", "E", "F"]);
    let (mut harness, _) = begin(&desk, well(), None, at(Step::Camera));
    wait_for(&mut harness, "Camera: F");
    steps_until(&mut harness, 10, |_| desk.open.lock().len() == 4);
    harness.get_by_label("Camera: F").click();
    steps_until(&mut harness, 10, |_| *desk.open.lock() == BTreeSet::from([4, 5]));
    assert!(*desk.most.lock() <= 6);
    steps_until(&mut harness, 10, |harness| !is_off(harness, words::NEXT));
}

#[test]
fn without_a_camera_it_says_so_and_offers_the_drawn_driver() {
    for by_key in [false, true] {
        let (mut harness, log) = begin(&Desk::default(), well(), None, at(Step::Camera));
        wait_for(&mut harness, words::NO_CAMERA_SAYS);
        assert!(is_off(&harness, words::NEXT));
        if by_key {
            harness.key_press(Key::D);
        } else {
            harness.get_by_label(words::DRAWN).click();
        }
        steps_until(&mut harness, 10, |harness| place(harness, Step::Seat));
        steps_until(&mut harness, 10, |_| !log.opened.lock().is_empty());
        assert_eq!(*log.opened.lock(), [SourceSpec::Demo(None)]);
    }
}

#[test]
fn what_is_wrong_with_the_seat_is_said_and_can_be_passed_over() {
    let mut dark = well();
    dark.unreadable = Some(crate::face::Unreadable::Covered);
    let (mut harness, _) = begin(&Desk::default(), dark, None, at(Step::Seat));
    wait_for(&mut harness, words::FACE_GOOD);
    let covered = words::eyes(crate::face::Unreadable::Covered).unwrap();
    harness.get_by_role_and_label(Role::Status, &format!("{}: {covered}", words::EYES));
    harness.get_by_role_and_label(Role::Status, words::NOT_YET);
    let until = Instant::now() + Duration::from_millis(2500);
    steps_until(&mut harness, 10, |_| Instant::now() > until);
    assert!(place(&harness, Step::Seat), "it does not go on by itself");
    walk(&mut harness, words::NEXT_ANYWAY, Step::Alarm);
    walk(&mut harness, words::NEXT, Step::Ready);
    harness.get_by_label(words::READY_BUT);
    assert!(says(&harness, words::SEAT_SKIPPED));
}

#[test]
fn a_watch_that_cannot_start_is_told_on_every_page() {
    let why = "ONNX Runtime was not found; run assets/setup.sh".to_owned();
    let failure = Failure { no_camera: false, why: why.clone() };
    let desk = Desk::of(&["Laptop"]);
    let (mut harness, log) = begin(&desk, well(), Some(failure), at(Step::Camera));
    wait_for(&mut harness, "Camera: Laptop");
    steps_until(&mut harness, 10, |harness| !is_off(harness, words::NEXT));
    walk(&mut harness, words::NEXT, Step::Seat);
    wait_for(&mut harness, &why);
    harness.key_press(Key::R);
    steps_until(&mut harness, 10, |_| log.opened.lock().len() == 2);
    wait_for(&mut harness, &why);
    walk(&mut harness, words::NEXT_ANYWAY, Step::Alarm);
    assert!(is_off(&harness, words::PLAY));
    assert!(says(&harness, words::SOUND_NO_WATCH));
    walk(&mut harness, words::NEXT, Step::Ready);
    harness.get_by_label(words::NOT_READY);
    assert!(says(&harness, &why));
}

#[test]
fn without_sound_it_says_how_to_go_on_and_the_loudness_is_kept() {
    let mut silent = well();
    silent.sound = SoundState::NoSound("the sound device cannot be opened".into());
    let (mut harness, log) = begin(&Desk::default(), silent, None, at(Step::Alarm));
    wait_for(&mut harness, words::SOUND_NONE);
    assert!(is_off(&harness, words::PLAY));
    harness.key_press(Key::T);
    harness.run_steps(2);
    let slider = harness.get_by_role_and_label(Role::Slider, text::settings::VOLUME);
    slider.focus();
    harness.run_steps(2);
    for _ in 0..4 {
        harness.key_press(Key::ArrowLeft);
        harness.run_steps(2);
    }
    let chosen = harness.state().as_ref().unwrap().screen.preferences.volume;
    assert!((LEAST_VOLUME..0.99).contains(&chosen), "{chosen}");
    let commands = log.commands.lock().clone();
    assert!(commands.contains(&Command::Volume(chosen)), "{commands:?}");
    assert!(!commands.iter().any(|sent| matches!(sent, Command::TestTone(_))));
    walk(&mut harness, words::NEXT, Step::Ready);
    harness.get_by_label(words::READY_BUT);
}

#[test]
fn hints_are_silent_meanwhile_and_an_alarm_can_still_be_ended() {
    let (mut harness, log) =
        begin(&Desk::default(), judged(State::Asleep, Level::Critical), None, at(Step::Seat));
    wait_for(&mut harness, text::ACKNOWLEDGE);
    assert!(log.commands.lock().contains(&Command::Mute));
    harness.key_press(Key::Space);
    harness.run_steps(2);
    assert!(log.commands.lock().contains(&Command::Acknowledge));

    let mut muted = well();
    muted.muted_until = Some(Instant::now() + Duration::from_secs(59));
    let (mut harness, log) = begin(&Desk::default(), muted, None, at(Step::Ready));
    wait_for(&mut harness, words::WATCHED);
    harness.get_by_label(words::START).click();
    wait_for(&mut harness, text::watch::CROP);
    assert_eq!(*log.commands.lock(), [Command::Unmute], "and heard from then on");
}

#[test]
fn the_settings_show_it_again() {
    let (mut harness, log) = on(Tab::Settings, well(), false, [1600.0, 1000.0]);
    harness.get_by_label(text::settings::SETUP_AGAIN).click();
    steps_until(&mut harness, 10, |harness| place(harness, Step::Camera));
    // The camera is needed to be seen.
    steps_until(&mut harness, 10, |_| *log.stopped.lock() == 1);
}

#[test]
fn who_has_used_an_older_program_is_not_asked() {
    let folder = tempfile::tempdir().unwrap();
    for (text, done) in [
        ("version = 1\nwelcomed = true", true),
        ("version = 1\nwelcomed = false", false),
        ("version = 2\nwelcomed = true", false),
    ] {
        std::fs::write(folder.path().join("settings.toml"), text).unwrap();
        assert_eq!(kept(folder.path()).setup_done, done, "{text}");
    }
}

#[test]
fn a_kept_camera_is_found_by_its_name_when_numbers_have_changed() {
    let camera = |index, name: &str| CameraInfo { index, name: name.into() };
    let kept = KeptCamera { number: 1, name: "Dashboard".into() };
    let source = |cameras: &[CameraInfo]| kept.source(cameras);
    let both = [camera(0, "Laptop"), camera(1, "Dashboard")];
    assert_eq!(source(&both), SourceSpec::Webcam(1));
    let moved = [camera(1, "Laptop"), camera(2, "Dashboard")];
    assert_eq!(source(&moved), SourceSpec::Webcam(2));
    let twice = [camera(1, "Dashboard"), camera(3, "Dashboard")];
    assert_eq!(source(&twice), SourceSpec::Webcam(1));
    assert_eq!(source(&[]), SourceSpec::Webcam(1), "it may come back");
}

/// Every page in both themes and two sizes, and one in large letters, at rest.
pub(super) fn page(step: Step, light: bool, size: [f32; 2]) -> Hands {
    let desk = Desk::of(&["Laptop", "Dashboard", BUSY]);
    let (opener, _) = opener(well(), None);
    let cameras = desk.cameras();
    // The camera of last time is waited for, whichever shows its picture first.
    let camera = KeptCamera { number: 0, name: "Laptop".into() };
    let camera = (step == Step::Camera).then_some(camera);
    let start = move || Start {
        setup: Some(step),
        cameras: cameras.clone(),
        preferences: Preferences { light, camera: camera.clone(), ..welcomed() },
        ..Start::default()
    };
    let mut harness = harness(opener, size, start);
    if step == Step::Camera {
        let busy =
            words::no_picture(&SourceError::Camera { camera: "".into(), why: "busy".into() });
        wait_for(&mut harness, &busy);
        steps_until(&mut harness, 10, |harness| {
            let pictures = harness.query_all_by_label(text::watch::CAMERA).count();
            pictures == 2 && !is_off(harness, words::NEXT)
        });
    } else {
        let sign = match step {
            Step::Seat => words::ALL_GOOD_STILL,
            Step::Alarm => words::SOUND_GOOD,
            _ => words::SEAT_UNSEEN,
        };
        wait_for(&mut harness, sign);
    }
    harness.run_steps(2);
    harness
}

#[test]
fn every_page_fits_and_names_its_controls() {
    let small = [(false, [512.0, 320.0])];
    for (light, size) in LOOKS.into_iter().chain(small) {
        let bounds = eframe::egui::Rect::from_min_size(Default::default(), size.into());
        for step in Step::ALL {
            let harness = page(step, light, size);
            for role in [Role::Button, Role::RadioButton, Role::Slider] {
                for node in harness.query_all_by_role(role) {
                    let label = node.accesskit_node().label().unwrap_or_default();
                    assert!(!label.is_empty(), "{step:?}: a {role:?} at {:?}", node.rect());
                    let rect = node.rect();
                    let across = rect.left() >= -0.5 && rect.right() <= bounds.right() + 0.5;
                    assert!(across, "{step:?} {size:?}: {label} at {rect:?}");
                }
            }
            let go_on = if step == Step::Ready { words::START } else { words::NEXT };
            let next = harness.get_by_role_and_label(Role::Button, go_on);
            assert!(bounds.contains_rect(next.rect()), "{step:?} {size:?}: {:?}", next.rect());
        }
    }
}
