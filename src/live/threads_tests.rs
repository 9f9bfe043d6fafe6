//! The threads over scripted sources: what is shown when things go wrong.

use parking_lot::Mutex;

use super::*;
use crate::{
    alarm::SoundState,
    frame::Frame,
    infer::{Outcome, Provider, Tried},
    live::{
        Sighting, Stats, Vision, VisionInfo,
        fakes::{
            Step,
            faults::{Change, Changed, Fault, FaultySource, FaultySpeaker, Plan},
            options, seconds, world,
        },
    },
    vit::ModelKind,
};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

fn start(spec: &str, scripts: Vec<Vec<Step>>) -> Live {
    Live::start_with(options(spec), world(scripts, Duration::ZERO)).unwrap()
}

/// Waits until a snapshot fulfils a condition.
fn wait(live: &Live, what: &str, done: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
    for _ in 0..12_000 {
        let snapshot = live.snapshot();
        if done(&snapshot) {
            return snapshot;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{what} did not come; last: {:?}", live.snapshot());
}

/// A camera that delivers for a long time.
fn steady() -> Vec<Step> {
    seconds(Step::Open, 600.0)
}

#[test]
fn a_file_is_watched_to_its_end() {
    let script = [seconds(Step::Open, 5.0), seconds(Step::Closed, 2.0), seconds(Step::Open, 3.0)];
    let live = start("file.avi", vec![script.concat()]);
    let last = wait(&live, "the last frame", |s| s.ended && s.stats.frames == 300);
    // Who has just slept is not simply awake again.
    assert_eq!(last.judgement.state, State::Tiring);
    assert_eq!((last.stats.alarms, last.stats.dropped, last.problem.clone()), (1, 0, None));
    assert_eq!((last.provider.as_str(), last.source.name.as_str()), ("fake", "script"));
    assert_eq!(last.sounding, Level::None);
    let summary = live.stop();
    assert_eq!((summary.frames, summary.frames_with_face, summary.alarms), (300, 300, 1));
}

#[test]
fn the_newest_frame_wins_when_looking_is_slow() {
    let parts = world(vec![steady()], Duration::from_millis(30));
    let live = Live::start_with(options("webcam"), parts).unwrap();
    let shown = wait(&live, "twenty frames", |s| s.stats.frames >= 20);
    let Stats { frames, dropped, .. } = shown.stats;
    let index = shown.frame.as_ref().unwrap().index;
    assert!(index >= 2 * frames, "frame {index} of {:?}", shown.stats);
    // Every frame is judged, dropped, or still on its way.
    assert!(frames + dropped >= index, "frame {index} of {:?}", shown.stats);
    assert!(shown.stats.latency_ms >= 30.0 && shown.stats.fps > 0.0);
}

#[test]
fn a_camera_that_hangs_is_told_and_comes_back() {
    let script = [seconds(Step::Open, 1.0), vec![Step::Hang], steady()].concat();
    let live = start("webcam", vec![script]);
    let lost = wait(&live, "the loss", |s| s.judgement.state == State::CameraLost);
    assert!(lost.face.is_none() && lost.judgement.why.starts_with("no picture could be judged"));
    assert_eq!(lost.sounding, Level::Advisory);
    wait(&live, "the return", |s| s.judgement.state != State::CameraLost && s.face.is_some());
}

#[test]
fn a_camera_that_stalls_is_opened_again() {
    let live = start("webcam", vec![vec![Step::Open, Step::Open, Step::Stall], steady()]);
    let problem = wait(&live, "the problem", |s| s.problem.is_some()).problem.clone().unwrap();
    assert!(problem.contains("has not delivered a picture"), "{problem}");
    let back = wait(&live, "the return", |s| s.problem.is_none() && s.stats.frames > 10);
    assert!(back.frame.as_ref().unwrap().at > Duration::from_millis(900), "time goes on");
}

#[test]
fn a_missing_camera_is_a_problem_and_lost() {
    let live = start("webcam", vec![]);
    let shown = wait(&live, "the loss", |s| s.judgement.state == State::CameraLost);
    assert!(shown.problem.as_ref().unwrap().contains("no camera was found"));
    assert_eq!(shown.no_source, Some(crate::source::SourceError::NoCamera.to_string()));
    assert!(!shown.ended, "it is tried again");
}

#[test]
fn a_missing_file_is_a_problem_and_another_can_be_watched() {
    let live = start("missing.avi", vec![]);
    assert!(wait(&live, "the problem", |s| s.problem.is_some()).ended);
    let live = start("a.avi", vec![seconds(Step::Empty, 3.0), seconds(Step::Open, 5.0)]);
    wait(&live, "no driver", |s| s.ended && s.judgement.state == State::NoDriver);
    live.send(Command::Switch("b.avi".parse().unwrap()));
    let shown = wait(&live, "the other", |s| s.ended && s.stats.frames == 150);
    assert_eq!((shown.judgement.state, shown.stats.frames_with_face), (State::Awake, 150));
    assert_eq!(shown.no_source, None, "what came later is another problem");
    assert_eq!(live.stop().frames, 150);
}

#[test]
fn eyes_that_fail_are_told_and_recover() {
    for (bad, said) in [(Step::Broken, "no support for eyes"), (Step::Crash, "a model's panic")] {
        let script = [vec![Step::Open; 3], vec![bad; 2], steady()].concat();
        let seen = Arc::new(Mutex::new(String::new()));
        let (told, parts) = (seen.clone(), world(vec![script], Duration::ZERO));
        let live = Live::start_with(options("file.avi"), parts).unwrap();
        let shown = wait(&live, "the problem", |s| {
            if let Some(problem) = &s.problem {
                told.lock().clone_from(problem);
            }
            s.stats.frames > 50 && s.problem.is_none()
        });
        assert!(shown.face.is_some());
        // A failure that is over within milliseconds may fall between two looks.
        let problem = seen.lock();
        assert!(problem.is_empty() || problem.contains(said), "{problem}");
    }
}

#[test]
fn eyes_that_go_on_failing_stay_told_and_count_as_blind() {
    for (bad, said) in [(Step::Broken, "no support for eyes"), (Step::Crash, "a model's panic")] {
        let script = [vec![Step::Open; 3], vec![bad; 100_000]].concat();
        // Each look takes its time, so that the file does not end before the loss is due.
        let parts = world(vec![script], Duration::from_millis(1));
        let live = Live::start_with(options("file.avi"), parts).unwrap();
        let shown = wait(&live, "blindness", |s| s.judgement.state == State::CameraLost);
        let problem = shown.problem.as_ref().unwrap();
        assert!(problem.contains(said), "{problem}");
        assert_eq!(shown.judgement.level, Level::Advisory);
    }
}

#[test]
fn a_source_that_panics_is_told_and_opened_again() {
    let live = start("webcam", vec![vec![Step::Open, Step::Panic], steady()]);
    let problem = wait(&live, "the problem", |s| s.problem.is_some()).problem.clone().unwrap();
    assert!(problem.contains("a driver's panic"), "{problem}");
    wait(&live, "the return", |s| s.problem.is_none() && s.stats.frames > 10);
}

#[test]
fn a_judge_that_crashes_warns_says_so_and_judges_again() {
    let mut options = options("webcam");
    let crash = Arc::new(AtomicBool::new(false));
    let armed = crash.clone();
    options.waker = Some(Arc::new(move || assert!(!armed.swap(false, SeqCst), "a window's panic")));
    let live = Live::start_with(options, world(vec![steady()], Duration::ZERO)).unwrap();
    wait(&live, "frames", |s| s.stats.frames > 3);
    for _ in 0..2 {
        crash.store(true, SeqCst);
        let shown = wait(&live, "the crash", |s| s.judgement.level == Level::Warning);
        assert!(shown.problem.as_ref().unwrap().contains("a window's panic"));
        assert_eq!((shown.sounding, shown.judgement.state), (Level::Warning, State::CameraLost));
        let again = wait(&live, "the return", |s| s.face.is_some() && s.sounding == Level::None);
        assert!(again.problem.as_ref().unwrap().contains("was restarted"), "it stays told");
        assert!(!again.ended);
    }
}

#[test]
fn a_judge_that_is_stuck_is_told_by_the_alarm() {
    let mut options = options("webcam");
    let stuck = Arc::new(AtomicBool::new(false));
    let held = stuck.clone();
    options.waker = Some(Arc::new(move || {
        while held.load(SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }));
    let live = Live::start_with(options, world(vec![steady()], Duration::ZERO)).unwrap();
    wait(&live, "frames", |s| s.stats.frames > 3);
    stuck.store(true, SeqCst);
    let shown = wait(&live, "the warning", |s| s.sounding == Level::Warning);
    assert!(shown.problem.as_ref().unwrap().contains("nothing has been judged"), "{shown:?}");
    assert_eq!(shown.judgement.state, State::CameraLost);
    stuck.store(false, SeqCst);
    wait(&live, "the return", |s| s.sounding == Level::None && s.face.is_some());
}

#[test]
fn a_frozen_camera_is_lost_and_opened_again() {
    let frozen = [seconds(Step::Open, 1.0), vec![Step::Same; 100_000]].concat();
    let live = start("webcam", vec![frozen, steady()]);
    let lost = wait(&live, "the loss", |s| s.judgement.state == State::CameraLost);
    assert_eq!(lost.sounding, Level::Advisory);
    let told = wait(&live, "the cause", |s| s.problem.is_some()).problem.clone().unwrap();
    assert!(told.contains("the same picture"), "{told}");
    wait(&live, "the return", |s| s.problem.is_none() && s.stats.frames > 40);
}

#[test]
fn a_picture_that_is_repeated_now_and_then_is_no_frozen_camera() {
    let script = [[Step::Open; 2], [Step::Same; 2]].concat().repeat(60);
    let live = start("webcam", vec![script]);
    let shown = wait(&live, "the new pictures", |s| s.stats.frames + s.stats.dropped >= 120);
    assert_eq!((shown.problem.clone(), shown.judgement.state), (None, shown.judgement.state));
    assert_ne!(shown.judgement.state, State::CameraLost);
}

#[test]
fn a_covered_camera_is_told_as_such() {
    let script = [seconds(Step::Open, 1.0), seconds(Step::Black, 20.0), steady()].concat();
    let live = start("webcam", vec![script]);
    let shown = wait(&live, "no driver", |s| s.judgement.state == State::NoDriver);
    assert_eq!((shown.judgement.level, shown.sounding), (Level::Advisory, Level::Advisory));
    let told = wait(&live, "the cause", |s| s.problem.is_some()).problem.clone().unwrap();
    assert!(told.contains("black"), "{told}");
    wait(&live, "the return", |s| s.problem.is_none() && s.face.is_some());
}

#[test]
fn a_camera_that_never_opens_is_told() {
    let (end, never) = crossbeam_channel::bounded::<()>(0);
    let mut parts = world(vec![], Duration::ZERO);
    parts.open_source = Box::new(move |_| {
        let _ = never.recv();
        Err(crate::source::SourceError::NoCamera)
    });
    let live = Live::start_with(options("webcam"), parts).unwrap();
    let lost = wait(&live, "the loss", |s| s.judgement.state == State::CameraLost);
    assert_eq!(lost.sounding, Level::Advisory);
    drop(end);
    wait(&live, "its words", |s| s.problem.is_some());
}

/// A faster provider is found after some frames.
struct Quickening {
    begun: Arc<AtomicUsize>,
    frames: u32,
    found: Option<VisionInfo>,
}

impl Change for Quickening {
    fn process(&mut self, vision: &mut dyn Vision, frame: &Frame) -> Result<Sighting, LiveError> {
        self.frames += 1;
        vision.process(frame)
    }

    fn info(&self, vision: &dyn Vision) -> VisionInfo {
        self.found.clone().unwrap_or_else(|| vision.info())
    }

    fn try_faster(&mut self, _: &mut dyn Vision) {
        assert_eq!(self.frames, 1, "after the first frame");
        self.begun.fetch_add(1, SeqCst);
    }

    fn news(&mut self, vision: &mut dyn Vision) -> Option<VisionInfo> {
        (self.frames == 20).then(|| {
            let tried = Tried {
                model: ModelKind::Landmarks,
                provider: Provider::Cuda,
                outcome: Outcome::Failed("no card".into()),
                measured: None,
            };
            let (provider, problem) = ("CPU + CUDA".into(), Some(tried.to_string()));
            let found = VisionInfo { provider, problem, tried: vec![tried], ..vision.info() };
            self.found.insert(found).clone()
        })
    }
}

#[test]
fn what_proved_faster_is_shown_and_tried_again_with_other_models() {
    let mut parts = world(vec![steady()], Duration::ZERO);
    let (mut open, begun) = (parts.open_vision, Arc::new(AtomicUsize::new(0)));
    let counted = begun.clone();
    parts.open_vision = Box::new(move || {
        let quickening = Quickening { begun: counted.clone(), frames: 0, found: None };
        Ok(Box::new(Changed::new(open()?, quickening)))
    });
    let live = Live::start_with(options("webcam"), parts).unwrap();
    assert_eq!(live.snapshot().provider, "fake");
    for times in 1..=2 {
        let shown = wait(&live, "the news", |s| s.provider == "CPU + CUDA");
        assert_eq!((shown.tried.len(), begun.load(SeqCst)), (1, times));
        assert!(shown.problem.as_ref().unwrap().contains("no card"), "{:?}", shown.problem);
        let frames = shown.stats.frames;
        wait(&live, "more frames", |s| s.stats.frames > frames + 30 && s.face.is_some());
        if times == 1 {
            live.send(Command::Reload);
            wait(&live, "the other models", |s| s.provider == "fake" && s.tried.is_empty());
        }
    }
}

#[test]
fn models_that_go_on_failing_are_loaded_again() {
    let mut parts = world(vec![steady()], Duration::ZERO);
    let (mut open, mut opened) = (parts.open_vision, 0);
    // Those that were opened first fail for good, as when a graphics card is lost.
    parts.open_vision = Box::new(move || {
        opened += 1;
        match opened {
            1 => Ok(Box::new(Changed::new(open()?, Plan::lost_card()))),
            _ => open(),
        }
    });
    let live = Live::start_with(options("webcam"), parts).unwrap();
    let told = wait(&live, "the problem", |s| s.problem.is_some()).problem.clone().unwrap();
    assert!(told.contains("a lost graphics card"), "{told}");
    wait(&live, "the return", |s| s.problem.is_none() && s.stats.frames > 30);
}

#[cfg(feature = "train")]
#[test]
fn a_picture_of_any_size_is_looked_at() {
    if !crate::infer::fixtures::runtime_is_here() {
        return;
    }
    let options = crate::source::OpenOptions::default();
    let mut demo = crate::source::demo::Demo::open("alert", &options).unwrap();
    let mut pipeline = crate::live::Pipeline::open(&Default::default()).unwrap();
    let sizes = [[640, 480], [1, 1], [640, 480], [1, 480], [640, 1], [320, 240], [1280, 720]];
    for size in sizes {
        for _ in 0..3 {
            let mut frame = crate::source::Source::next_frame(&mut demo).unwrap().unwrap();
            let image = image::imageops::thumbnail(&*frame.image, size[0], size[1]);
            frame.image = Arc::new(image);
            let seen = crate::live::Vision::process(&mut pipeline, &frame).unwrap();
            let [width, height] = [size[0] as f32, size[1] as f32];
            if let Some(face) = &seen.face {
                let [x, y] = [face.bbox.x, face.bbox.y];
                assert!(x > -width && x < width && y > -height && y < height, "{size:?}");
            }
        }
    }
}

#[test]
fn a_model_that_never_returns_is_blindness_and_told() {
    let script = [seconds(Step::Open, 1.0), vec![Step::Stuck], steady()].concat();
    let live = start("webcam", vec![script]);
    let lost = wait(&live, "the loss", |s| s.judgement.state == State::CameraLost);
    assert_eq!((lost.sounding, lost.face.is_none()), (Level::Advisory, true));
    wait(&live, "the return", |s| s.judgement.state != State::CameraLost && s.face.is_some());
}

#[test]
fn looking_too_slowly_is_told() {
    let parts = world(vec![steady()], Duration::from_millis(300));
    let live = Live::start_with(options("webcam"), parts).unwrap();
    let shown = wait(&live, "slow", |s| s.judgement.state == State::Slow);
    assert_eq!(shown.judgement.level, Level::Advisory);
    assert!(shown.judgement.why.contains("too few"), "{}", shown.judgement.why);
}

#[test]
fn a_laptop_that_was_asleep_neither_alarms_nor_keeps_an_alarm() {
    use Step::{Closed, Open, Wake};
    let asleep = [seconds(Open, 5.0), seconds(Closed, 2.0), vec![Wake], seconds(Open, 5.0)];
    let awake = [seconds(Open, 5.0), seconds(Closed, 1.0), vec![Wake, Closed], seconds(Open, 5.0)];
    for (script, alarms) in [(asleep.concat(), 1), (awake.concat(), 0)] {
        let live = start("file.avi", vec![script]);
        let shown = wait(&live, "the end", |s| s.ended && s.stats.frames >= 300);
        assert!(shown.judgement.level < Level::Warning, "{:?}", shown.judgement);
        assert_eq!(shown.stats.alarms, alarms);
    }
}

#[test]
fn models_that_cannot_be_loaded_again_stay_told_until_they_can() {
    let mut parts = world(vec![steady()], Duration::ZERO);
    let (mut open, whole) = (parts.open_vision, Arc::new(AtomicBool::new(true)));
    let can = whole.clone();
    parts.open_vision = Box::new(move || match can.load(SeqCst) {
        true => open(),
        false => Err(LiveError::GivenBack),
    });
    let live = Live::start_with(options("webcam"), parts).unwrap();
    wait(&live, "frames", |s| s.stats.frames > 3);
    whole.store(false, SeqCst);
    live.send(Command::Reload);
    let frames = wait(&live, "the problem", |s| s.problem.is_some()).stats.frames;
    let shown = wait(&live, "more frames", |s| s.stats.frames > frames + 20);
    assert!(shown.problem.is_some() && shown.face.is_some(), "those before go on, and it is told");
    whole.store(true, SeqCst);
    live.send(Command::Reload);
    wait(&live, "the other models", |s| s.problem.is_none());
}

#[test]
fn every_fault_passes_while_the_watch_goes_on() {
    let faults = Fault::ALL.iter().zip(1..).map(|(fault, nth)| (60 * nth, *fault));
    let plan = Plan::new(faults.collect());
    let mut parts = world(vec![steady(); 40], Duration::ZERO);
    let (mut open_source, mut open_vision) = (parts.open_source, parts.open_vision);
    let (breaks, fails) = (plan.clone(), plan.clone());
    parts.open_source = Box::new(move |spec| {
        breaks.open()?;
        Ok(Box::new(FaultySource::new(open_source(spec)?, breaks.clone())))
    });
    parts.open_vision = Box::new(move || Ok(Box::new(Changed::new(open_vision()?, fails.clone()))));
    parts.speaker = Ok(Box::new(FaultySpeaker(plan.clone())));
    let live = Live::start_with(options("webcam"), parts).unwrap();
    wait(&live, "all faults", |_| plan.is_over());
    let frames = live.snapshot().stats.frames;
    let shown = wait(&live, "the watch after them", |s| {
        s.stats.frames > frames + 60
            && s.face.is_some()
            && s.problem.is_none()
            && s.sound == SoundState::Ready
            && s.sounding == Level::None
    });
    assert!(!shown.ended);
}

#[test]
fn commands_are_obeyed_and_shown() {
    let script = [seconds(Step::Open, 1.0), seconds(Step::Closed, 600.0)].concat();
    let mut quiet = options("file.avi");
    quiet.volume = 0.5;
    let live = Live::start_with(quiet, world(vec![script], Duration::from_millis(2))).unwrap();
    wait(&live, "the alarm", |s| s.sounding == Level::Critical && s.volume == 0.5);
    live.send(Command::Mute);
    wait(&live, "the mute", |s| s.muted_until.is_some() && s.sounding == Level::None);
    live.send(Command::Unmute);
    wait(&live, "the end of the mute", |s| s.muted_until.is_none() && s.sounding > Level::None);
    live.send(Command::Volume(0.25));
    wait(&live, "the volume", |s| s.volume == 0.25);
    let alarms = live.snapshot().stats.alarms;
    live.send(Command::Acknowledge);
    wait(&live, "a new alarm for eyes that are still closed", |s| s.stats.alarms > alarms);
    live.send(Command::Stop);
    wait(&live, "the stop", |s| s.ended && s.sounding == Level::None);
    assert!(live.stop().frames > 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_log_that_fails_is_a_problem_and_the_watch_goes_on() {
    let mut options = options("file.avi");
    options.events = Some("/dev/full".into());
    let live = Live::start_with(options, world(vec![steady()], Duration::ZERO)).unwrap();
    let shown = wait(&live, "frames", |s| s.stats.frames > 100 && s.problem.is_some());
    assert!(shown.problem.as_ref().unwrap().contains("/dev/full"));
}

#[test]
fn a_log_that_cannot_be_opened_keeps_nobody_from_being_watched() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, log) = (folder.path().join("disk"), folder.path().join("disk/events.jsonl"));
    let mut options = options("webcam");
    options.events = Some(log.clone());
    let script = [seconds(Step::Open, 3.0), seconds(Step::Closed, 3.0)].concat().repeat(100);
    let live = Live::start_with(options, world(vec![script], Duration::ZERO)).unwrap();
    let shown = wait(&live, "the alarm", |s| s.stats.alarms > 0);
    assert!(shown.problem.as_ref().unwrap().contains("events.jsonl"), "{:?}", shown.problem);
    // The disk comes, and the log is written.
    std::fs::create_dir(&missing).unwrap();
    wait(&live, "the log", |s| s.problem.is_none());
    live.stop();
    let text = std::fs::read_to_string(log).unwrap();
    assert!(text.lines().count() > 1, "{text}");
}

#[test]
fn every_thread_ends_with_the_watch_even_after_a_crash() {
    for crashes in [false, true] {
        let mut options = options("webcam");
        let armed = Arc::new(AtomicBool::new(false));
        let (crash, alive) = (armed.clone(), Arc::new(()));
        let held = [alive.clone(), alive.clone(), alive.clone()];
        let [waker, source, vision] = held;
        options.waker = Some(Arc::new(move || {
            let _ = &waker;
            assert!(!crash.swap(false, SeqCst), "a window's panic");
        }));
        // The source's thread and the models' each hold on to their opener.
        let mut parts = world(vec![steady()], Duration::ZERO);
        let (mut open_source, mut open_vision) = (parts.open_source, parts.open_vision);
        parts.open_source = Box::new(move |spec| {
            let _ = &source;
            open_source(spec)
        });
        parts.open_vision = Box::new(move || {
            let _ = &vision;
            open_vision()
        });
        let live = Live::start_with(options, parts).unwrap();
        wait(&live, "frames", |s| s.stats.frames > 3);
        armed.store(crashes, SeqCst);
        if crashes {
            wait(&live, "the crash", |s| s.problem.is_some());
        }
        drop(live);
        assert_eq!(Arc::strong_count(&alive), 1, "after a crash: {crashes}");
    }
}
