//! A long drive with everything that can go wrong: the drawn driver's tour through the real
//! pipeline and the real threads, as fast as they can, while sources, models and sound break
//! at random. Asserted: no missed sleep, no stuck alarm, no lost thread, and memory that
//! does not grow.
//!
//! The short form is played always. `make test-long` plays for ten minutes, `make soak`
//! eight hours of the driver's time; both draw the memory's curve.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may fail and says why")]
#![allow(clippy::panic, reason = "panics are among the faults")]

#[path = "common/faults.rs"]
mod faults;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use faults::{Change, Changed, Fault, FaultySource, FaultySpeaker, Plan};
use need::has_runtime;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wakewatch::{
    alarm,
    chart::{self, Panel, Series},
    frame::{self, Frame},
    live::{self, Live, LiveError, LiveOptions, Parts, Pipeline, Sighting, Vision},
    monitor::{Level, Settings},
    record::Event,
    source::{
        self, OpenOptions, Source, SourceError, SourceInfo,
        demo::{self, Demo, TOUR, Truth},
    },
};

#[path = "common/need.rs"]
mod need;

/// Frames a second: enough for blinks, and half the work of a camera's.
const FPS: f32 = 15.0;
/// Of the drawn picture, pixels: a face of the size that the networks take, and drawn in a
/// fraction of the time that a camera's 640x480 takes.
const SIZE: (u32, u32) = (320, 240);
/// Openness below which the drawn eyes count as shut (PERCLOS P80).
const SHUT: f32 = 0.2;
/// Closures at least so long must be alarmed of, seconds: the alarm comes at 1.5 s, and the
/// lids take their time. The tour has shorter ones, which are not counted.
const SLEEP_S: f64 = 2.2;
/// Eyes so long open end any alarm for closed ones, seconds.
const AWAKE_S: f64 = 4.0;
/// What a fault may hide before and after itself, seconds: an hour's sleep of the laptop or
/// a camera that is gone leave nothing to judge by.
const HIDES_S: f64 = 5.0;
/// The first minutes of simulated time, in which buffers still grow.
const WARM_S: f64 = 600.0;
/// So much more must have been played to tell a slope, seconds.
const LONG_S: f64 = 1800.0;
/// A model that is loaded again is warm after so long, seconds.
const RELOAD_S: f64 = 30.0;
/// No drive takes more memory than this, MB.
const MOST_MB: f64 = 180.0;
/// Memory may grow by so much an hour of simulated time.
const MOST_MB_AN_HOUR: f64 = 1.0;

/// What is true of the driver in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Eyes {
    Open,
    Shut,
    /// Behind dark glasses, or nobody is there.
    Hidden,
}

/// The eyes as they were drawn, by the watch's own count of frames; one entry a change.
type Drawn = Vec<(u64, Eyes)>;

/// What the soak keeps of a drive. All of it is small, or it would itself be the leak.
struct Drive {
    truths: Box<dyn Iterator<Item = Truth> + Send>,
    /// Of the frame that was given last.
    now: Eyes,
    drawn: Drawn,
    /// Frames at which a fault has come, and which.
    faults: Vec<(u64, Fault)>,
    /// The demo's next frame.
    position: u64,
}

/// The tour from where it was left, as a camera.
struct Tour {
    demo: Demo,
    drive: Arc<Mutex<Drive>>,
    /// Time and number of its first frame: a camera counts from its opening.
    first: Option<(Duration, u64)>,
}

impl Source for Tour {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        let Some(mut frame) = self.demo.next_frame()? else { return Ok(None) };
        let (at, index) = *self.first.get_or_insert((frame.at, frame.index));
        (frame.at, frame.index) = (frame.at - at, frame.index - index);
        let mut drive = self.drive.lock().unwrap();
        drive.position += 1;
        let truth = drive.truths.next().unwrap();
        drive.now = match (truth.visible && truth.eyes_visible, truth.eye_openness < SHUT) {
            (false, _) => Eyes::Hidden,
            (true, true) => Eyes::Shut,
            (true, false) => Eyes::Open,
        };
        Ok(Some(frame))
    }

    fn info(&self) -> SourceInfo {
        self.demo.info()
    }
}

/// Notes what was drawn beside what the watch calls the frame.
struct Noting(Arc<Mutex<Drive>>);

impl Change for Noting {
    fn process(&mut self, vision: &mut dyn Vision, frame: &Frame) -> Result<Sighting, LiveError> {
        {
            let mut drive = self.0.lock().unwrap();
            let now = drive.now;
            if drive.drawn.last().is_none_or(|(_, before)| *before != now) {
                drive.drawn.push((frame.index, now));
            }
        }
        vision.process(frame)
    }
}

/// Resident memory, MB.
fn memory_mb() -> f64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap() / 1024.0
}

/// The threads of this process, by name.
fn threads() -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    for task in fs::read_dir("/proc/self/task").unwrap().flatten() {
        if let Ok(name) = fs::read_to_string(task.path().join("comm")) {
            *names.entry(name.trim().to_owned()).or_default() += 1;
        }
    }
    names
}

/// The watch's own threads, which must all be there, once.
fn watching() -> BTreeMap<String, usize> {
    let ours = ["capture", "vision", "judge", "alarm", "logs"];
    threads().into_iter().filter(|(name, _)| ours.contains(&name.as_str())).collect()
}

/// Plays the tour until `over` says so, with faults at these frames.
fn drive(
    from_s: u64,
    faults: Vec<(u64, Fault)>,
    mut over: impl FnMut(f64) -> bool,
) -> (Judged, Vec<(f64, f64)>) {
    // Without the stack, whose names would take a hundred megabytes at the first panic.
    std::panic::set_hook(Box::new(|info| eprintln!("{info}")));
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("events.jsonl");
    let (width, height) = SIZE;
    let options = OpenOptions { fps: FPS, width, height, ..OpenOptions::default() };
    // Longer than any soak.
    let name = format!("{TOUR}@0+{}", 100 * 3600);
    let from = (from_s as f32 * FPS) as u64;
    let truths = demo::truths(&name, &options).unwrap().skip(from as usize);
    let noted = Arc::new(Mutex::new(Drive {
        truths: Box::new(truths),
        now: Eyes::Hidden,
        drawn: Vec::with_capacity(100_000),
        faults: faults.clone(),
        position: from,
    }));
    let plan = Plan::new(faults);
    let (of_source, of_vision) = (noted.clone(), noted.clone());
    let (breaks, fails) = (plan.clone(), plan.clone());
    let parts = Parts {
        open_source: Box::new(move |_| {
            breaks.open()?;
            let mut demo = Demo::open(&name, &options)?;
            demo.skip_to(of_source.lock().unwrap().position);
            let tour = Tour { demo, drive: of_source.clone(), first: None };
            Ok(Box::new(FaultySource::new(Box::new(tour), breaks.clone())))
        }),
        open_vision: Box::new(move || {
            let pipeline = Box::new(Pipeline::open(&Default::default())?);
            let noting = Changed::new(pipeline, Noting(of_vision.clone()));
            Ok(Box::new(Changed::new(Box::new(noting), fails.clone())))
        }),
        speaker: Ok(Box::new(FaultySpeaker(plan))),
    };
    let before = threads();
    let live = Live::start_with(
        LiveOptions {
            source: "webcam".parse().unwrap(),
            events: Some(log.clone()),
            ..LiveOptions::default()
        },
        parts,
    )
    .unwrap();
    let mut memory = Vec::with_capacity(10_000);
    let mut next_s = 0.0;
    loop {
        std::thread::sleep(Duration::from_millis(50));
        let frames = noted.lock().unwrap().position - from;
        let seconds = frames as f64 / f64::from(FPS);
        if seconds >= next_s {
            memory.push((seconds, memory_mb()));
            next_s = seconds + 10.0;
        }
        if over(seconds) {
            break;
        }
    }
    let names = ["alarm", "capture", "judge", "logs", "vision"].map(|name| (name.to_owned(), 1));
    assert_eq!(watching(), BTreeMap::from(names), "every thread is there, once");
    let summary = live.stop();
    let left = watching();
    assert!(left.is_empty(), "threads are left behind: {left:?} (before: {before:?})");
    let text = fs::read_to_string(&log).unwrap();
    let events = text.lines().filter_map(|line| serde_json::from_str::<Event>(line).ok());
    let levels = events.map(|event| (event.frame, event.judgement.level)).collect();
    let noted = noted.lock().unwrap();
    let judged = Judged {
        drawn: noted.drawn.clone(),
        faults: noted.faults.clone(),
        levels,
        frames: summary.frames,
    };
    (judged, memory)
}

/// What was drawn and what was judged, by the watch's count of frames.
struct Judged {
    drawn: Drawn,
    faults: Vec<(u64, Fault)>,
    levels: Vec<(u64, Level)>,
    frames: u64,
}

/// What the soak counts.
#[derive(Debug, Default)]
struct Count {
    sleeps: usize,
    wakings: usize,
    hidden: usize,
    missed: Vec<f64>,
    stuck: Vec<f64>,
    /// Times of open eyes in which an alarm began. The tour has a yawn behind a hand, with
    /// the eyes squeezed: how often that alarms is a matter of the judgement, not of faults.
    needless: usize,
}

impl Judged {
    /// Whether a fault may have hidden something between two frames.
    fn is_hidden(&self, from: u64, to: u64) -> bool {
        let around = (HIDES_S * f64::from(FPS)) as u64;
        self.faults
            .iter()
            .any(|(at, fault)| fault.blinds() && *at + 3 * around > from && *at < to + around)
    }

    /// Whether the level was critical at any frame from one to another.
    fn was_critical(&self, from: u64, to: u64) -> bool {
        let mut before = Level::None;
        for (frame, level) in &self.levels {
            let counts = *frame >= from && *frame <= to && *level == Level::Critical;
            if counts || *frame > from && before == Level::Critical {
                return true;
            }
            if *frame > to {
                return false;
            }
            before = *level;
        }
        before == Level::Critical
    }

    /// From which frame to which the eyes were how; blinks are open eyes.
    fn spans(&self) -> Vec<(u64, u64, Eyes)> {
        let blink = (0.6 * f64::from(FPS)) as u64;
        let mut spans: Vec<(u64, u64, Eyes)> = Vec::new();
        for pair in self.drawn.windows(2) {
            let ((from, mut eyes), to) = (pair[0], pair[1].0);
            if eyes == Eyes::Shut && to - from <= blink {
                eyes = Eyes::Open;
            }
            match spans.last_mut() {
                Some(last) if last.2 == eyes => last.1 = to,
                _ => spans.push((from, to, eyes)),
            }
        }
        spans
    }

    /// At which frame the critical alarm of this frame began, if there is one.
    fn critical_since(&self, frame: u64) -> Option<u64> {
        let mut since = None;
        for (at, level) in self.levels.iter().take_while(|(at, _)| *at <= frame) {
            since = (*level == Level::Critical).then(|| since.unwrap_or(*at));
        }
        since
    }

    fn count(&self) -> Count {
        let mut count = Count::default();
        let seconds = |frames: u64| frames as f64 / f64::from(FPS);
        for (from, to, eyes) in self.spans() {
            let long = seconds(to - from);
            match eyes {
                Eyes::Shut if long >= SLEEP_S => {
                    if self.is_hidden(from, to) {
                        count.hidden += 1;
                    } else {
                        count.sleeps += 1;
                        if !self.was_critical(from, to) {
                            count.missed.push(seconds(from));
                        }
                    }
                }
                Eyes::Open if long >= AWAKE_S && !self.is_hidden(from, to) => {
                    count.wakings += 1;
                    let late = from + (AWAKE_S * f64::from(FPS)) as u64;
                    match self.critical_since(late) {
                        Some(since) if since <= from => count.stuck.push(seconds(from)),
                        _ if self.was_critical(late, to) => count.needless += 1,
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        count
    }
}

/// Each fault once, and then a sleep that must not be missed.
#[test]
fn a_drive_with_every_fault_misses_no_sleep_and_loses_no_thread() {
    if !has_runtime() {
        return;
    }
    // One every second and a half of the driver's time, while he is awake; then the tour's
    // long sleep, at 28 s, with all of it behind.
    let every = (1.5 * FPS) as u64;
    let faults: Vec<_> =
        Fault::ALL.iter().zip(1..).map(|(fault, nth)| (nth * every, *fault)).collect();
    let until = Instant::now() + Duration::from_secs(400);
    // From 96 s of one round to 42 s of the next: the waking after the sleep ends with the
    // dark glasses at 38 s, and counts only when its end was seen, too.
    let (judged, _) = drive(120 - 24, faults, |seconds| seconds >= 66.0 || Instant::now() > until);
    let count = judged.count();
    assert!(judged.frames > 400, "{} frames were judged", judged.frames);
    assert!(count.sleeps >= 1 && count.wakings >= 1, "{count:?}");
    assert!(count.missed.is_empty() && count.stuck.is_empty(), "{count:?} {:?}", judged.levels);
}

/// A fault every half a minute to a minute and a half, drawn by lot.
fn random(seed: u64, frames: u64) -> Vec<(u64, Fault)> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut at, mut faults) = (0, Vec::new());
    while at < frames {
        at += (random.random_range(30.0..90.0) * FPS) as u64;
        faults.push((at, Fault::ALL[random.random_range(0..Fault::ALL.len())]));
    }
    faults
}

/// Slope of a line through the samples after the first minutes, MB an hour (Theil and Sen's).
/// Models that are loaded anew take memory that the allocator keeps: only samples with none
/// of it between them are compared, and [`loading_models_again_and_again`] sees that it ends.
fn slope_mb_an_hour(memory: &[(f64, f64)], faults: &[(u64, Fault)]) -> f64 {
    let reloads: Vec<f64> = faults
        .iter()
        .filter(|(_, fault)| matches!(fault, Fault::ModelFails | Fault::ModelPanic))
        .map(|(frame, _)| *frame as f64 / f64::from(FPS))
        .collect();
    // Loaded and warm again by then.
    let apart = |before: f64, at: f64| {
        reloads.iter().any(|reload| *reload + RELOAD_S > before && *reload - RELOAD_S < at)
    };
    let warm: Vec<_> = memory.iter().filter(|(at, _)| *at >= WARM_S).collect();
    let mut slopes = Vec::new();
    for (nth, (at, mb)) in warm.iter().enumerate() {
        let earlier = warm[..nth].iter().filter(|(before, _)| !apart(*before, *at));
        slopes.extend(earlier.map(|(before, was)| 3600.0 * (mb - was) / (at - before)));
    }
    slopes.sort_by(f64::total_cmp);
    slopes.get(slopes.len() / 2).copied().unwrap_or_default()
}

fn draw(memory: &[(f64, f64)], path: &Path) {
    let points = memory.iter().map(|(at, mb)| (at / 60.0, *mb)).collect();
    let panel = Panel {
        title: "Memory of a drive with faults at random (MB)".into(),
        x_label: "minutes of the driver's time".into(),
        series: vec![Series { name: "resident memory".into(), points }],
    };
    chart::draw(&[panel], 960, 420).save(path).unwrap();
}

/// Plays until so much of the driver's time or of ours has passed.
fn soak(seconds: f64, at_most: Duration) {
    let seed = 11;
    let until = Instant::now() + at_most;
    let faults = random(seed, (seconds * f64::from(FPS)) as u64);
    let mut played = 0.0;
    let (judged, memory) = drive(0, faults, |now| {
        played = now;
        now >= seconds || Instant::now() > until
    });
    let picture = std::env::var_os("SOAK_PNG").map_or("target/soak.png".into(), PathBuf::from);
    draw(&memory, &picture);
    let came = (played * f64::from(FPS)) as u64;
    let faults = judged.faults.iter().filter(|(at, _)| *at < came).count();
    let (count, slope) = (judged.count(), slope_mb_an_hour(&memory, &judged.faults));
    eprintln!(
        "seed {seed}, {:.0} minutes, {} frames, {faults} faults; {} sleeps alarmed of, {} hidden by a fault, {} wakings, {} needless alarms; memory {:.0} to {:.0} MB, {slope:+.2} MB an hour; curve in {}",
        played / 60.0,
        judged.frames,
        count.sleeps,
        count.hidden,
        count.wakings,
        count.needless,
        memory.first().unwrap().1,
        memory.last().unwrap().1,
        picture.display(),
    );
    assert!(count.sleeps > 0 && faults > 0, "{count:?}");
    assert!(count.missed.is_empty() && count.stuck.is_empty(), "{count:?}");
    assert!(memory.iter().all(|(_, mb)| *mb < MOST_MB), "{memory:?}");
    // A slope of a few minutes says nothing; a slow machine plays no more in ten of ours.
    match played >= WARM_S + LONG_S {
        true => assert!(slope < MOST_MB_AN_HOUR, "{slope} MB an hour: {memory:?}"),
        false => eprintln!("too short to tell how memory grows between faults"),
    }
    // The thresholds are those of the monitor that was watched by.
    assert!(f64::from(Settings::default().alarm_s) < SLEEP_S);
}

/// What the allocator keeps of models that were replaced must reach an end: the last third
/// of thirty takes no more than the third before.
#[test]
#[ignore = "some minutes; make test-long"]
fn loading_models_again_and_again() {
    if !has_runtime() {
        return;
    }
    let (times, every_s) = (30, 12.0);
    let fault = |nth: u64| match nth % 2 {
        0 => Fault::ModelFails,
        _ => Fault::ModelPanic,
    };
    let faults = (1..=times).map(|nth| ((nth as f32 * every_s * FPS) as u64, fault(nth)));
    let end = (times + 1) as f64 * f64::from(every_s);
    let (_, memory) = drive(0, faults.collect(), |seconds| seconds >= end);
    let most = |from: f64, to: f64| {
        let part = memory.iter().filter(|(at, _)| *at >= from * end && *at < to * end);
        part.map(|(_, mb)| *mb).fold(0.0, f64::max)
    };
    let thirds = [most(0.0, 1.0 / 3.0), most(1.0 / 3.0, 2.0 / 3.0), most(2.0 / 3.0, 2.0)];
    eprintln!("memory while models are loaded {times} times again, by thirds: {thirds:.0?} MB");
    assert!(thirds[2] < thirds[1] + 5.0, "{thirds:?} MB: {memory:?}");
    assert!(thirds[2] < MOST_MB, "{thirds:?} MB");
}

#[test]
#[ignore = "ten minutes; make test-long"]
fn ten_minutes() {
    if has_runtime() {
        soak(8.0 * 3600.0, Duration::from_secs(600));
    }
}

#[test]
#[ignore = "hours; make soak"]
fn eight_hours_of_the_drivers_time() {
    if has_runtime() {
        soak(8.0 * 3600.0, Duration::from_secs(24 * 3600));
    }
}
