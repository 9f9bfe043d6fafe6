//! One recording, looked at closely: judged as fast as can be on one thread, played,
//! stopped and searched on another. Whoever shows it asks for the [`Shown`] picture and
//! for what was judged at its time; neither ever waits for the other, nor the asker for
//! them. A recorded event log can be reviewed too: it has judgements and no pictures.

mod play;
mod track;

pub use play::{Shown, Speed};
pub use track::{Alarm, Known, Stretch, Track};

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::JoinHandle,
};

use parking_lot::Mutex;

use self::{play::Player, track::Seen};
use super::{ReplayError, Span, truth};
use crate::{
    background::{self, Waker},
    chart::{self, Panel, Series},
    live::{LiveError, LiveOptions, Pace, Parts, PipelineOptions, headless},
    monitor::{Happening, Settings},
    record::{Event, FrameLog, FrameRow},
    source::{OpenOptions, SourceSpec, demo, without_password},
};

/// So many frames are kept, half an hour at 30 a second; longer recordings are watched by
/// `watch --headless`.
const MOST_FRAMES: usize = 54_000;
/// Points of a line in the exported picture.
const POINTS: usize = 1200;
/// Size of a panel of the exported picture, pixels.
const PANEL_PX: (u32, u32) = (1280, 300);

/// How a recording is reviewed.
#[derive(Clone, Debug, Default)]
pub struct ReviewOptions {
    /// The recording.
    pub source: Option<SourceSpec>,
    /// How a demo or folder is opened.
    pub open: OpenOptions,
    /// The models.
    pub pipeline: PipelineOptions,
    /// The thresholds.
    pub monitor: Settings,
}

/// How far the judging has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judging {
    /// Frames judged.
    pub frames: u64,
    /// Of so many, where that is known.
    pub of: Option<u64>,
    /// Media time that has been judged, seconds.
    pub until: f64,
    /// It is over.
    pub done: bool,
    /// What went wrong, or was left out, one sentence.
    pub problem: Option<String>,
}

/// What the judging thread shares.
#[derive(Debug, Default)]
struct Shared {
    track: Track,
    rows: Vec<FrameRow>,
    judging: Judging,
    truth: Vec<Span>,
    /// What is known to happen is known at all.
    truth_known: bool,
}

/// A recording that is being reviewed. Dropping it ends its threads.
#[derive(Debug)]
pub struct Review {
    name: String,
    shared: Arc<Mutex<Shared>>,
    stop: Arc<AtomicBool>,
    player: Option<Player>,
    judge: Option<JoinHandle<()>>,
}

impl Review {
    /// Begins to judge and to play a recording; what cannot be opened is told in
    /// [`judging`](Self::judging).
    pub fn start(options: ReviewOptions, waker: &Waker) -> Self {
        let source = options.source.clone().unwrap_or(SourceSpec::Demo(None));
        let (shared, stop) = (Arc::<Mutex<Shared>>::default(), Arc::<AtomicBool>::default());
        let name = match &source {
            SourceSpec::Demo(scenario) => {
                format!("demo: {}", scenario.as_deref().unwrap_or(demo::TOUR))
            }
            SourceSpec::Webcam(index) => format!("camera {index}"),
            SourceSpec::Network(url) => without_password(url),
            SourceSpec::Path(path) => path.display().to_string(),
        };
        let log = match &source {
            SourceSpec::Path(path) => Some(path.clone()).filter(|path| is_event_log(path)),
            _ => None,
        };
        let player = match log {
            Some(_) => None,
            None => Some(Player::start(source.clone(), options.open, waker.clone())),
        };
        let (told, halt, waker) = (shared.clone(), stop.clone(), waker.clone());
        let work = move || {
            let problem = match &log {
                Some(path) => read_log(path, &told),
                None => judge(&source, &options, &told, &halt, &waker),
            };
            let mut shared = told.lock();
            shared.judging.done = true;
            if let Err(why) = problem {
                shared.judging.problem = Some(why);
            }
            drop(shared);
            waker();
        };
        let judge = match background::thread("review", work) {
            Ok(thread) => Some(thread),
            Err(why) => {
                let problem = Some(why.to_string());
                let judging = Judging { done: true, problem, ..Judging::default() };
                shared.lock().judging = judging;
                None
            }
        };
        Self { name, shared, stop, player, judge }
    }

    /// What is reviewed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The player; `None` of an event log, which has no pictures.
    pub fn player(&self) -> Option<&Player> {
        self.player.as_ref()
    }

    /// How far the judging has come.
    pub fn judging(&self) -> Judging {
        self.shared.lock().judging.clone()
    }

    /// What was judged at a time, in seconds; `None` where nothing has been judged yet.
    pub fn at(&self, at: f64) -> Option<Known> {
        self.shared.lock().track.at(at)
    }

    /// Reads the track that was judged so far; keep it short, the judging waits.
    pub fn with_track<T>(&self, read: impl FnOnce(&Track) -> T) -> T {
        read(&self.shared.lock().track)
    }

    /// What is known to happen, apart from simply driving; `None` where nothing is known.
    pub fn truth(&self) -> Option<Vec<Span>> {
        let shared = self.shared.lock();
        shared.truth_known.then(|| shared.truth.clone())
    }

    /// Seconds that there are: judged, played or known from the recording's head.
    pub fn seconds(&self) -> f64 {
        let judged = self.shared.lock().judging.until;
        let played = self.player.as_ref().map_or(0.0, |player| player.shown().seconds);
        judged.max(played)
    }

    /// Writes what was judged of every frame, as CSV or Parquet by the name's ending.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn export_frames(&self, path: &Path) -> Result<u64, ReplayError> {
        let rows = self.shared.lock().rows.clone();
        let mut log = FrameLog::create(path).map_err(LiveError::from)?;
        for row in &rows {
            log.write(row).map_err(LiveError::from)?;
        }
        log.finish().map_err(LiveError::from)?;
        Ok(rows.len() as u64)
    }

    /// Draws the track into a PNG: probabilities above, awareness and level below.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn export_picture(&self, path: &Path) -> Result<(), ReplayError> {
        let panels = self.with_track(panels);
        let picture = chart::draw(&panels, PANEL_PX.0, PANEL_PX.1);
        let saved = picture.save_with_format(path, image::ImageFormat::Png);
        saved.map_err(|why| ReplayError::io(path, "written")(std::io::Error::other(why)))
    }
}

impl Drop for Review {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        self.player = None;
        // The frame at hand is finished first; nobody waits for that here.
        drop(self.judge.take());
    }
}

/// Whether a path is a log of events by its name.
pub fn is_event_log(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("jsonl"))
}

fn panels(track: &Track) -> [Panel; 2] {
    let line = |name: &str, value: &dyn Fn(&Seen) -> Option<f32>| {
        let step = (track.seen.len() / POINTS).max(1);
        let points = track.seen.iter().step_by(step);
        let points = points.filter_map(|seen| Some((seen.known.judgement.at, value(seen)?.into())));
        Series { name: name.into(), points: points.collect() }
    };
    let panel = |title: &str, series| Panel { title: title.into(), x_label: "s".into(), series };
    [
        panel(
            "What was read",
            vec![
                line("drowsy", &|seen| seen.known.judgement.drowsy),
                line("PERCLOS", &|seen| seen.known.judgement.perclos()),
            ],
        ),
        panel(
            "What was judged",
            vec![
                line("awareness", &|seen| Some(seen.known.judgement.awareness)),
                line("level (1 = alarm)", &|seen| {
                    Some(seen.known.judgement.level as u8 as f32 / 3.0)
                }),
            ],
        ),
    ]
}

/// Judges a recording into `shared`.
fn judge(
    source: &SourceSpec,
    options: &ReviewOptions,
    shared: &Mutex<Shared>,
    stop: &Arc<AtomicBool>,
    waker: &Waker,
) -> Result<(), String> {
    let truth = known_truth(source, &options.open)?;
    {
        let mut shared = shared.lock();
        shared.truth_known = truth.is_some();
        shared.truth = truth.unwrap_or_default();
    }
    let live = LiveOptions {
        source: source.clone(),
        open: options.open,
        pipeline: options.pipeline.clone(),
        monitor: options.monitor,
        pace: Pace::Fast,
        sound: false,
        stop: stop.clone(),
        ..LiveOptions::default()
    };
    let mut full = false;
    let ran = headless::run_seen(&live, Parts::system(&live), &mut |_| {}, &mut |seen, judged| {
        let row = FrameRow::new(&seen.frame, seen.face.as_ref(), &seen.observation, judged);
        let mut shared = shared.lock();
        full = shared.rows.len() >= MOST_FRAMES;
        if full {
            stop.store(true, Relaxed);
            return;
        }
        shared.rows.push(row);
        shared.track.push(seen, judged);
        shared.judging.frames += 1;
        shared.judging.until = judged.at;
        let news = shared.judging.frames.is_multiple_of(10);
        drop(shared);
        if news {
            waker();
        }
    });
    if full {
        let minutes = shared.lock().judging.until / 60.0;
        return Err(format!(
            "only the first {minutes:.0} minutes are judged here; `watch --headless` judges all"
        ));
    }
    let watched = ran.map_err(|why| why.to_string())?;
    let broke_off = watched.broke_off.map(|why| why.to_string());
    let told: Vec<String> =
        watched.notes.into_iter().map(|note| note.text).chain(broke_off).collect();
    if told.is_empty() { Ok(()) } else { Err(told.join("; ")) }
}

/// What is known to happen in a recording.
fn known_truth(source: &SourceSpec, open: &OpenOptions) -> Result<Option<Vec<Span>>, String> {
    match source {
        SourceSpec::Demo(scenario) => {
            let name = scenario.as_deref().unwrap_or(demo::TOUR);
            let truths = demo::truths(name, open).map_err(|why| why.to_string())?;
            let moments = truths.map(|truth| {
                let word = serde_json::to_value(truth.state).ok();
                let word = word.as_ref().and_then(|word| word.as_str()).unwrap_or_default();
                (truth.at.as_secs_f64(), word.to_owned())
            });
            Ok(Some(truth::spans(moments)))
        }
        SourceSpec::Path(path) => truth::beside(path).map_err(|why| why.to_string()),
        SourceSpec::Webcam(_) | SourceSpec::Network(_) => Ok(None),
    }
}

/// Longest event log that is read: some hundred thousand changes.
const MOST_LOG_BYTES: u64 = 256 << 20;

/// Reads an event log into `shared`: each judgement holds until the next.
fn read_log(path: &Path, shared: &Mutex<Shared>) -> Result<(), String> {
    let text = crate::os::read_text(path, MOST_LOG_BYTES)
        .map_err(|why| format!("{} cannot be read ({why}); check the path", path.display()))?;
    let mut shared = shared.lock();
    let mut left_out = 0;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match serde_json::from_str::<Event>(line) {
            // A log may hold several sessions, each from its own zero: the last counts.
            Ok(event) => {
                if event.judgement.at < shared.judging.until {
                    *shared = Shared::default();
                }
                shared.judging.frames += 1;
                shared.judging.until = event.judgement.at;
                shared.track.push_event(&event.judgement);
            }
            Err(_) => {
                let value: Option<serde_json::Value> = serde_json::from_str(line).ok();
                let seconds = value.as_ref().and_then(|v| v["summary"]["seconds"].as_f64());
                match seconds {
                    // What happened is in the judgements, too.
                    None if serde_json::from_str::<Happening>(line).is_ok() => {}
                    Some(seconds) => {
                        let until = shared.judging.until.max(seconds);
                        shared.judging.until = until;
                        shared.track.extend(until);
                    }
                    None => left_out += 1,
                }
            }
        }
    }
    match (shared.track.seen.is_empty(), left_out) {
        (true, _) => Err(format!(
            "{} holds no judgement; choose a log that `watch --events` wrote",
            path.display()
        )),
        (false, 0) => Ok(()),
        (false, _) => Err(format!("{left_out} lines of the log are torn and were left out")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        monitor::{Judgement, Level, State},
        record::EventLog,
    };
    use std::fs;

    fn wait(review: &Review) -> Judging {
        (0..2000)
            .find_map(|_| {
                std::thread::sleep(std::time::Duration::from_millis(10));
                Some(review.judging()).filter(|judging| judging.done)
            })
            .unwrap_or_else(|| panic!("{:?}", review.judging()))
    }

    #[test]
    fn an_event_log_is_reviewed_without_pictures() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut log = EventLog::open(&path).unwrap();
        let states = [
            (0.0, State::Awake, Level::None),
            (20.0, State::Asleep, Level::Critical),
            (24.0, State::Awake, Level::None),
        ];
        for (at, state, level) in states {
            let judgement = Judgement { at, state, level, ..Judgement::default() };
            log.write(&Event::of_change(None, &judgement, 0, None).unwrap()).unwrap();
        }
        let source = Some(SourceSpec::Path(path));
        let waker: Waker = Arc::new(|| {});
        let review = Review::start(ReviewOptions { source, ..Default::default() }, &waker);
        assert_eq!(wait(&review).problem, None);
        assert!(review.player().is_none());
        assert_eq!(review.at(21.5).unwrap().judgement.state, State::Asleep);
        let alarms = review.with_track(|track| track.alarms.clone());
        assert_eq!(alarms.len(), 1);
        assert_eq!((alarms[0].from, alarms[0].to), (20.0, 24.0));
        let picture = folder.path().join("timeline.png");
        review.export_picture(&picture).unwrap();
        assert!(image::open(&picture).unwrap().width() >= PANEL_PX.0);
    }

    #[test]
    fn what_is_no_log_and_what_is_not_there_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let waker: Waker = Arc::new(|| {});
        let path = folder.path().join("notes.jsonl");
        fs::write(&path, "{\"a\": 1}\n").unwrap();
        for (path, says) in [(path, "watch --events"), (folder.path().join("no.mp4"), "no.mp4")] {
            let source = Some(SourceSpec::Path(path));
            let review = Review::start(ReviewOptions { source, ..Default::default() }, &waker);
            let told = wait(&review).problem.unwrap();
            assert!(told.contains(says), "{told}");
        }
    }
}
