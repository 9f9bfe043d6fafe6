//! Watches the videos of a collection, one a core, and sums each up.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    Collection, Film, ReplayError, RunFolder, Shard, Span, Tuning, Video, digest, film::Onlooker,
    truth,
};
use crate::{
    alarm::SoundState,
    dataset::spans,
    frame::{Frame, Turn},
    live::{
        LiveError, LiveOptions, Pace, Parts, PipelineOptions, PipelinePool, Sighting, headless,
    },
    monitor::{Judgement, Level, Settings, State},
    source::{self, Note, OpenOptions, Source, SourceError, SourceInfo, SourceSpec},
};

/// How a collection is watched.
#[derive(Clone, Debug, Default)]
pub struct ReplayOptions {
    /// The models.
    pub pipeline: PipelineOptions,
    /// The thresholds.
    pub monitor: Settings,
    /// Other thresholds, by which films with spans beside them are judged as well.
    pub versus: Vec<Tuning>,
    /// How each video is opened, and how its pictures are brought upright.
    pub open: OpenOptions,
    /// Which part; `None` = everything.
    pub shard: Option<Shard>,
    /// Set to true from anywhere to end early.
    pub stop: Arc<AtomicBool>,
}

/// What is wrong with a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// Not one frame of it can be read.
    Unreadable,
    /// It breaks off before its end.
    Truncated,
    /// No face is seen in it.
    NoFace,
    /// Its pictures change their size.
    SizeChanges,
    /// Its spans lie beyond its end.
    Spans,
}

/// The same, said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind.
    pub kind: ProblemKind,
    /// One sentence.
    pub text: String,
}

/// A time during which the driver was warned or woken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmSpan {
    /// When it began, seconds of media time.
    pub from: f64,
    /// When it ended, seconds.
    pub to: f64,
    /// The highest level reached.
    pub level: Level,
    /// The state that began it.
    pub state: State,
    /// The cause that began it.
    pub why: String,
}

/// What a video's frames come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VideoSigns {
    /// Mean of the awareness that was lost, 0 = none, 1 = all.
    pub lost_awareness: f64,
    /// Share of the frames with a face in which the eyes were likelier closed than open.
    pub eyes_closed: f64,
    /// Mean smoothed probability of drowsy, 0..1.
    pub drowsy: f64,
    /// Yawns a minute.
    pub yawns_per_min: f64,
    /// Blinks a minute.
    pub blinks_per_min: f64,
}

/// One result a video; equal for equal files, models and settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoResult {
    /// The video's name in its collection.
    pub video: String,
    /// Its files, relative to the collection.
    pub files: Vec<String>,
    /// Who is in it.
    pub subject: String,
    /// The collection's own fold.
    pub fold: Option<u32>,
    /// Its label: 0 alert, 5 low vigilance, 10 drowsy.
    pub label: Option<u32>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    /// What else is to be told of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// Media time from the first judged frame to the last, seconds.
    pub seconds: f64,
    /// Frames judged.
    pub frames: u64,
    /// Of these, frames with a face.
    pub frames_with_face: u64,
    /// Calls of the face detector.
    pub detector_calls: u64,
    /// Share of the frames judged to be in each state.
    pub states: BTreeMap<String, f64>,
    /// Sums of the signs; `None` without a face.
    pub signs: Option<VideoSigns>,
    /// Every alarm.
    pub alarms: Vec<AlarmSpan>,
    /// What is known to happen in it, if it is known.
    pub truth: Option<Vec<Span>>,
    /// What was told of it beside its spans, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub film: Option<Film>,
}

/// Watches a collection, or the shard that was asked for, on all cores; the results come in
/// the collection's order. With a folder, each result is kept there as soon as it is
/// there, with the frames and events of the video, and what it holds already is not made
/// again. `progress` is told how many are done, of how many.
///
/// # Errors
/// When a model or log fails or somebody interrupts. A video that cannot be read is no
/// error but a [`Problem`] in its result.
pub fn run(
    collection: &Collection,
    options: &ReplayOptions,
    folder: Option<&RunFolder>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Vec<VideoResult>, ReplayError> {
    let pool = PipelinePool::new(options.pipeline.clone());
    let chosen: Vec<&Video> = collection
        .videos
        .iter()
        .enumerate()
        .filter(|(index, _)| options.shard.is_none_or(|shard| shard.holds(*index)))
        .map(|(_, video)| video)
        .collect();
    let done = AtomicU64::new(0);
    progress(0, chosen.len() as u64);
    let results = chosen.par_iter().with_max_len(1).map(|video| {
        let known = folder.map(|folder| folder.result(video)).transpose()?.flatten();
        let result = match known {
            Some(result) => result,
            None => {
                let result = watch(&collection.root, video, options, &pool, folder)?;
                if let Some(folder) = folder {
                    folder.keep(video, &result)?;
                }
                result
            }
        };
        progress(1 + done.fetch_add(1, Relaxed), chosen.len() as u64);
        Ok(result)
    });
    results.collect()
}

/// What is summed while a video runs.
#[derive(Default)]
struct Sums {
    frames: u64,
    with_face: u64,
    detector_calls: u64,
    first_at: Option<Duration>,
    last_at: Duration,
    states: BTreeMap<String, u64>,
    lost: f64,
    closed: u64,
    drowsy: f64,
    drowsy_known: u64,
    blinks: u32,
    yawns: u32,
    alarms: Vec<AlarmSpan>,
    alarmed: bool,
    /// The turn that its pictures seem to need.
    turn: Turn,
    size: Option<(u32, u32)>,
    sizes: u64,
}

impl Sums {
    fn add(&mut self, seen: &Sighting, judged: &Judgement) {
        self.frames += 1;
        self.with_face += u64::from(seen.face.is_some());
        if seen.scene.turn != Turn::None {
            self.turn = seen.scene.turn;
        }
        self.first_at.get_or_insert(seen.frame.at);
        self.last_at = seen.frame.at;
        *self.states.entry(word(&judged.state)).or_default() += 1;
        self.lost += f64::from(1.0 - judged.awareness);
        let closed = seen.observation.face.as_ref().is_some_and(|face| face.eyes_closed > 0.5);
        self.closed += u64::from(closed);
        if let Some(drowsy) = judged.drowsy {
            self.drowsy += f64::from(drowsy);
            self.drowsy_known += 1;
        }
        (self.blinks, self.yawns) = (judged.blinks, judged.yawns);
        let size = seen.frame.image.dimensions();
        self.sizes += u64::from(self.size.is_some_and(|before| before != size));
        self.size = Some(size);
        self.alarm(judged);
    }

    fn alarm(&mut self, judged: &Judgement) {
        // Eyes off the road are warned of, but no sleep.
        let alarming = judged.level >= Level::Warning && judged.state != State::EyesOffRoad;
        match self.alarms.last_mut().filter(|_| self.alarmed) {
            Some(running) => {
                running.to = judged.at;
                running.level = running.level.max(judged.level);
            }
            None if alarming => self.alarms.push(AlarmSpan {
                from: judged.at,
                to: judged.at,
                level: judged.level,
                state: judged.state,
                why: judged.why.clone(),
            }),
            None => {}
        }
        self.alarmed = alarming;
    }

    fn seconds(&self) -> f64 {
        self.last_at.saturating_sub(self.first_at.unwrap_or_default()).as_secs_f64()
    }

    /// When the last frame ends, by the mean distance of frames, seconds.
    fn end(&self) -> f64 {
        let steps = self.frames.saturating_sub(1).max(1);
        self.last_at.as_secs_f64() + self.seconds() / steps as f64
    }

    fn signs(&self) -> Option<VideoSigns> {
        let minutes = self.seconds() / 60.0;
        let a_minute = |count: u32| if minutes > 0.0 { f64::from(count) / minutes } else { 0.0 };
        (self.with_face > 0).then(|| VideoSigns {
            lost_awareness: self.lost / self.frames as f64,
            eyes_closed: self.closed as f64 / self.with_face as f64,
            drowsy: self.drowsy / self.drowsy_known.max(1) as f64,
            yawns_per_min: a_minute(self.yawns),
            blinks_per_min: a_minute(self.blinks),
        })
    }
}

/// Watches one video.
fn watch(
    root: &Path,
    video: &Video,
    options: &ReplayOptions,
    pool: &PipelinePool,
    folder: Option<&RunFolder>,
) -> Result<VideoResult, ReplayError> {
    let spec = SourceSpec::Path(video.files.first().cloned().unwrap_or_default());
    let (events, frames) = match folder {
        Some(folder) => {
            let (events, frames) = folder.logs(video)?;
            (Some(events), Some(frames))
        }
        None => (None, None),
    };
    let live = LiveOptions {
        source: spec,
        open: options.open,
        pipeline: options.pipeline.clone(),
        monitor: options.monitor,
        pace: Pace::Fast,
        sound: false,
        stop: options.stop.clone(),
        events,
        frames,
        ..LiveOptions::default()
    };
    let (files, pool, open) = (video.files.clone(), pool.clone(), options.open);
    let parts = Parts {
        open_source: Box::new(move |_| Ok(Box::new(Joined::open(files.clone(), open)?))),
        open_vision: Box::new(move || Ok(Box::new(pool.lend()?))),
        speaker: Err(SoundState::Off),
    };
    let (mut sums, mut onlooker) = (Sums::default(), None);
    if let Some(spans) = &video.spans {
        onlooker = Some(Onlooker::new(spans.clone(), &options.monitor, &options.versus)?);
    }
    let ran = headless::run_seen(&live, parts, &mut |_| {}, &mut |seen, judged| {
        sums.add(seen, judged);
        if let Some(onlooker) = &mut onlooker {
            onlooker.see(seen, judged);
        }
    });
    if options.stop.load(Relaxed) {
        return Err(ReplayError::Stopped);
    }
    let (mut problems, mut notes) = (Vec::new(), Vec::new());
    let broke_off = match ran {
        Ok(watched) => {
            sums.detector_calls = watched.summary.detector_calls;
            notes = watched.notes;
            watched.broke_off
        }
        Err(LiveError::Source(why)) => Some(why),
        Err(other) => return Err(other.into()),
    };
    if let Some(why) = broke_off {
        let kind = if sums.frames > 0 { ProblemKind::Truncated } else { ProblemKind::Unreadable };
        // Names only: where the collection lies is nobody's business but this machine's.
        let place = format!("{}/", root.display());
        problems.push(Problem { kind, text: why.to_string().replace(&place, "") });
    }
    if sums.frames > 0 && sums.with_face == 0 {
        let mut text = format!("no face is seen in any of its {} frames", sums.frames);
        if sums.turn != Turn::None {
            let rotate = options.open.mounting.corrected(sums.turn).rotate.degrees();
            text += &format!("; they seem to be turned, start with --rotate {rotate}");
        }
        problems.push(Problem { kind: ProblemKind::NoFace, text });
    }
    if sums.sizes > 0 {
        let text = format!("its pictures change their size {} times", sums.sizes);
        problems.push(Problem { kind: ProblemKind::SizeChanges, text });
    }
    let mut film = onlooker.filter(|_| sums.frames > 0).map(Onlooker::film);
    if let Some(Err(why)) = film.as_ref().map(|film| spans::check_end(&film.truth, sums.end())) {
        problems.push(Problem { kind: ProblemKind::Spans, text: format!("its spans: {why}") });
        film = None;
    }
    let truth = match video.files.as_slice() {
        [file] => truth::beside(file)?,
        // Times of a part do not count from the video's beginning.
        _ => None,
    };
    let share = |count: u64| count as f64 / sums.frames as f64;
    Ok(VideoResult {
        video: video.name.clone(),
        files: video.files.iter().map(|file| digest::name_below(root, file)).collect(),
        subject: video.subject.clone(),
        fold: video.fold,
        label: video.label,
        problems,
        notes,
        seconds: sums.seconds(),
        frames: sums.frames,
        frames_with_face: sums.with_face,
        detector_calls: sums.detector_calls,
        states: sums.states.iter().map(|(state, n)| (state.clone(), share(*n))).collect(),
        signs: sums.signs(),
        alarms: sums.alarms,
        truth,
        film,
    })
}

/// The word that serde writes for a value without fields.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The parts of a video, one after the other.
struct Joined {
    current: Box<dyn Source>,
    options: OpenOptions,
    /// What was told of the parts before.
    notes: Vec<Note>,
    rest: std::vec::IntoIter<std::path::PathBuf>,
    /// Added to the time and index of the current part.
    offset: (Duration, u64),
    /// Where the next frame would be.
    next: (Duration, u64),
}

impl Joined {
    fn open(files: Vec<std::path::PathBuf>, options: OpenOptions) -> Result<Self, SourceError> {
        let mut rest = files.into_iter();
        let current = source::open(&SourceSpec::Path(rest.next().unwrap_or_default()), &options)?;
        let (offset, next) = ((Duration::ZERO, 0), (Duration::ZERO, 0));
        Ok(Self { current, options, notes: Vec::new(), rest, offset, next })
    }
}

impl Source for Joined {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        loop {
            if let Some(mut frame) = self.current.next_frame()? {
                frame.at += self.offset.0;
                frame.index += self.offset.1;
                let fps = f64::from(self.current.info().fps.unwrap_or(25.0).max(1.0));
                self.next = (frame.at + Duration::from_secs_f64(1.0 / fps), frame.index + 1);
                return Ok(Some(frame));
            }
            let Some(part) = self.rest.next() else { return Ok(None) };
            self.offset = self.next;
            self.notes.append(&mut self.current.notes());
            self.current = source::open(&SourceSpec::Path(part), &self.options)?;
        }
    }

    fn info(&self) -> SourceInfo {
        self.current.info()
    }

    fn notes(&self) -> Vec<Note> {
        self.notes.iter().cloned().chain(self.current.notes()).collect()
    }

    fn others(&self) -> Vec<(usize, Box<dyn Source>)> {
        self.current.others()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(at: f64, level: Level) -> Judgement {
        Judgement { at, level, state: State::Drowsy, why: "yawns".into(), ..Judgement::default() }
    }

    #[test]
    fn an_alarm_lasts_from_its_rise_to_its_end_with_its_highest_level() {
        let mut sums = Sums::default();
        for (at, level) in [
            (1.0, Level::Advisory),
            (2.0, Level::Warning),
            (3.0, Level::Critical),
            (4.0, Level::None),
            (5.0, Level::None),
            (6.0, Level::Warning),
        ] {
            sums.alarm(&judged(at, level));
        }
        let spans: Vec<_> = sums.alarms.iter().map(|a| (a.from, a.to, a.level)).collect();
        assert_eq!(spans, [(2.0, 4.0, Level::Critical), (6.0, 6.0, Level::Warning)]);
    }
}
