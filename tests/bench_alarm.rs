//! From the camera to the sound, measured: a drawn driver falls asleep in front of the
//! whole watch, and a sound card that takes its samples at their pace listens. What is
//! told is the time from the frame in which the policy had seen enough until the first
//! sample that is not silence: how much later than the policy the driver hears it.
//! `cargo test --release --test bench_alarm -- --ignored --nocapture`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "it is a figure to be read")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use wakewatch::{
    alarm::{
        AlarmError, Playing, Speaker,
        sound::{Voice, VoiceControl},
    },
    frame::Frame,
    infer::runtime,
    live::{Live, LiveOptions, Parts},
    monitor::Level,
    source::{self, OpenOptions, Source, SourceError, SourceInfo, SourceSpec},
};

/// Samples that the card takes at a time, and its rate: 5 ms.
const BLOCK: usize = 240;
const RATE_HZ: u32 = 48_000;

type Stamps = Arc<Mutex<HashMap<Duration, Instant>>>;

/// Remembers when each frame was handed over.
struct Stamped(Box<dyn Source>, Stamps);

impl Source for Stamped {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        let frame = self.0.next_frame()?;
        if let Some(frame) = &frame {
            // A file is held back to its pace after it is read: a frame counts as taken
            // when it is due, or when it comes, whatever is later.
            let (now, mut stamps) = (Instant::now(), self.1.lock().unwrap());
            let first = *stamps.entry(Duration::ZERO).or_insert(now);
            stamps.insert(frame.at, now.max(first + frame.at));
        }
        Ok(frame)
    }

    fn info(&self) -> SourceInfo {
        self.0.info()
    }
}

/// A card on a thread.
struct Card(mpsc::Sender<Instant>);

struct Open(mpsc::Sender<()>);

impl Speaker for Card {
    fn open(&mut self, control: &Arc<VoiceControl>) -> Result<Box<dyn Playing>, AlarmError> {
        let mut voice = Voice::new(control.clone(), RATE_HZ);
        let (heard, (closed, is_closed)) = (self.0.clone(), mpsc::channel());
        std::thread::spawn(move || {
            let block = Duration::from_secs(1) * BLOCK as u32 / RATE_HZ;
            let mut due = Instant::now();
            while is_closed.try_recv() == Err(mpsc::TryRecvError::Empty) {
                if voice.by_ref().take(BLOCK).any(|sample| sample.abs() > 1e-3) {
                    let _ = heard.send(Instant::now());
                }
                due += block;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
            }
        });
        Ok(Box::new(Open(closed)))
    }
}

impl Playing for Open {
    fn failure(&self) -> Option<String> {
        let _ = &self.0;
        None
    }
}

/// Milliseconds from the deciding frame to the sound.
fn late(seed: u64) -> f64 {
    let stamps = Stamps::default();
    let (heard_out, heard) = mpsc::channel();
    let open = OpenOptions { seed, ..OpenOptions::default() };
    let source: SourceSpec = "demo:asleep".parse().unwrap();
    let options = LiveOptions { source, open, ..LiveOptions::default() };
    let parts = Parts::system(&options);
    let told = stamps.clone();
    let parts = Parts {
        open_source: Box::new(move |spec| {
            Ok(Box::new(Stamped(source::open(spec, &open)?, told.clone())))
        }),
        speaker: Ok(Box::new(Card(heard_out))),
        ..parts
    };
    let live = Live::start_with(options, parts).unwrap();
    let until = Instant::now() + Duration::from_secs(120);
    let at = loop {
        let judgement = live.snapshot().judgement.clone();
        if judgement.level > Level::None {
            break judgement.at;
        }
        assert!(Instant::now() < until, "no alarm came");
        std::thread::sleep(Duration::from_millis(1));
    };
    let sound = heard.recv_timeout(Duration::from_secs(5)).unwrap();
    live.stop();
    let stamps = stamps.lock().unwrap();
    let near = |frame: &Duration| (frame.as_secs_f64() - at).abs();
    let frame = stamps.keys().min_by(|a, b| near(a).total_cmp(&near(b))).unwrap();
    1e3 * sound.saturating_duration_since(stamps[frame]).as_secs_f64()
}

#[test]
#[ignore = "a measurement"]
fn the_sound_follows_the_eyes() {
    if let Err(error) = runtime::init() {
        println!("skipped: {error}");
        return;
    }
    let mut late: Vec<f64> = (0..5).map(late).collect();
    late.sort_by(f64::total_cmp);
    println!("ms from the deciding frame to the sound, five times: {late:.1?}");
}
