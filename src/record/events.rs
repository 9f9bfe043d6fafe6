//! The event log: one JSON object a line, for every change of state or level, and for
//! everything that happened with its time.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{LineFile, RecordError};
use crate::{
    face::Scene,
    frame::{Mounting, Turn},
    monitor::{Counts, FaceSigns, Happening, Judgement, Observation},
};

/// A line of an event log.
///
/// As JSON: the fields of what it is. A line with `kind` is a [`Happening`]: `kind`, `at`
/// (media time at which it began, in seconds), `seconds` and `certainty`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Entry {
    /// A change of what is judged.
    Change(Box<Event>),
    /// Something that has happened and is over.
    Happened(Happening),
}

/// A change of state or level, or of what is known of the picture: what is judged, and the
/// values it was judged from.
///
/// As JSON: the fields of a [`Judgement`] (`at`, media time in seconds, `state`, `level`,
/// `why`, ...), `frame`, `values` (`null` without a face) and the fields of [`Noted`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The judgement after the change.
    #[serde(flatten)]
    pub judgement: Judgement,
    /// Index of the frame that brought it; of the last one where none came.
    pub frame: u64,
    /// What was read in that frame; `None` = no face.
    pub values: Option<Values>,
    /// What is known of the picture beside the driver's face.
    #[serde(flatten)]
    pub noted: Noted,
}

/// What is known of the picture beside the driver's face, as it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Noted {
    /// Other faces in the picture.
    pub others: u32,
    /// The turn to start with, where the picture seems to be turned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotate: Option<Turn>,
    /// The same as sentences for people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Noted {
    /// What is to be told of pictures that were brought upright by `mounting`.
    pub fn of(scene: Scene, mounting: Mounting) -> Self {
        let turned = (scene.turn != Turn::None).then_some(scene.turn);
        let rotate = turned.map(|turn| mounting.corrected(turn).rotate);
        let others = match scene.others {
            0 => None,
            1 => Some("Another face is in the picture.".to_owned()),
            others => Some(format!("{others} other faces are in the picture.")),
        };
        let turned = rotate.map(Self::turned);
        Self { others: scene.others, rotate, notes: turned.into_iter().chain(others).collect() }
    }

    /// That the picture seems to be turned, with the way out.
    pub fn turned(rotate: Turn) -> String {
        let degrees = rotate.degrees();
        format!("The picture seems to be turned: start with --rotate {degrees}.")
    }
}

/// What a watch came to: the last line of its log, as `{"summary": {...}}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionSummary {
    /// Media time from the first judged frame to the last, seconds.
    pub seconds: f64,
    /// Frames judged.
    pub frames: u64,
    /// How often the level rose to warning or above.
    pub warnings: u64,
    /// Shortest, mean and longest media time between two warnings, seconds; `None` with
    /// fewer than two.
    pub distances_s: Option<[f64; 3]>,
    /// Blinks.
    pub blinks: u32,
    /// Yawns.
    pub yawns: u32,
    /// How often what happened, as far as it has lines of its own.
    #[serde(default)]
    pub happened: Counts,
    /// Media times of the first and the last warning.
    #[serde(skip)]
    between: Option<[f64; 2]>,
}

impl SessionSummary {
    /// Counts a warning at a media time, in seconds.
    pub fn warn(&mut self, at: f64) {
        if let Some([first, last]) = self.between {
            let [shortest, _, longest] = self.distances_s.unwrap_or([f64::INFINITY, 0.0, 0.0]);
            let mean = (at - first) / self.warnings as f64;
            self.distances_s = Some([shortest.min(at - last), mean, longest.max(at - last)]);
        }
        self.warnings += 1;
        self.between = Some([self.between.map_or(at, |between| between[0]), at]);
    }
}

/// The readings of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Values {
    /// Probability of drowsy, 0..1.
    pub drowsy: f32,
    /// Probability that the eyes are closed, 0..1.
    pub eyes_closed: f32,
    /// Probability of a yawn, 0..1.
    pub yawn: f32,
    /// Mean eye aspect ratio.
    pub eye_aspect: f32,
    /// Mouth aspect ratio.
    pub mouth_aspect: f32,
}

impl From<&FaceSigns> for Values {
    fn from(signs: &FaceSigns) -> Self {
        Self {
            drowsy: signs.drowsy,
            eyes_closed: signs.eyes_closed,
            yawn: signs.yawn,
            eye_aspect: signs.mean_aspect(),
            mouth_aspect: signs.mouth_aspect,
        }
    }
}

impl Event {
    /// The event of a judgement, if its state or level differs from the one before.
    pub fn of_change(
        before: Option<&Judgement>,
        judgement: &Judgement,
        frame: u64,
        seen: Option<&Observation>,
    ) -> Option<Self> {
        let same = before.is_some_and(|b| (b.state, b.level) == (judgement.state, judgement.level));
        (!same).then(|| Self::now(judgement, frame, seen))
    }

    /// The event of a judgement.
    pub fn now(judgement: &Judgement, frame: u64, seen: Option<&Observation>) -> Self {
        Self {
            judgement: judgement.clone(),
            frame,
            values: seen.and_then(|seen| seen.face.as_ref()).map(Values::from),
            noted: Noted::default(),
        }
    }
}

/// Appends events to a file. An existing log is continued: a program that was killed and
/// started again must not wipe out what led to it.
#[derive(Debug)]
pub struct EventLog(LineFile);

impl EventLog {
    /// Opens or creates a log.
    ///
    /// # Errors
    /// When the file cannot be opened for writing.
    pub fn open(path: &Path) -> Result<Self, RecordError> {
        LineFile::open(path, true).map(Self)
    }

    /// Writes an event.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn write(&mut self, event: &Event) -> Result<(), RecordError> {
        self.line(event)
    }

    /// Writes what happened.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn happened(&mut self, happening: &Happening) -> Result<(), RecordError> {
        self.line(happening)
    }

    /// Writes the summary of a session.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn close_session(&mut self, summary: &SessionSummary) -> Result<(), RecordError> {
        #[derive(Serialize)]
        struct Line<'a> {
            summary: &'a SessionSummary,
        }
        self.line(&Line { summary })
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), RecordError> {
        let mut line = serde_json::to_vec(value)
            .map_err(|why| RecordError::Write { path: self.0.path.clone(), why: why.into() })?;
        line.push(b'\n');
        self.0.append(&line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::{Kind, Level, State};

    fn judgement(at: f64, state: State, level: Level) -> Judgement {
        let why = "eyes closed for 1.6 s".into();
        let (drowsy, eyes_closed_s) = (Some(0.5), 1.6);
        Judgement { at, state, level, why, drowsy, eyes_closed_s, ..Judgement::default() }
    }

    fn event(at: f64, state: State, level: Level) -> Event {
        Event::of_change(None, &judgement(at, state, level), 7, None).unwrap()
    }

    #[test]
    fn only_a_change_of_state_or_level_is_an_event() {
        let awake = judgement(1.0, State::Awake, Level::None);
        let still = judgement(2.0, State::Awake, Level::None);
        let drowsy = judgement(3.0, State::Drowsy, Level::Warning);
        assert!(Event::of_change(None, &awake, 0, None).is_some());
        assert!(Event::of_change(Some(&awake), &still, 1, None).is_none());
        assert!(Event::of_change(Some(&still), &drowsy, 2, None).is_some());
    }

    #[test]
    fn a_line_carries_the_fields_that_readers_rely_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        EventLog::open(&path).unwrap().write(&event(2.5, State::Asleep, Level::Critical)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["at"], 2.5);
        assert_eq!((&value["state"], &value["level"]), (&"asleep".into(), &"critical".into()));
        assert_eq!(value["why"], "eyes closed for 1.6 s");
        assert_eq!(value["frame"], 7);
    }

    #[test]
    fn what_happened_is_a_short_line_with_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let yawn = Happening { kind: Kind::Yawn, at: 2.5, seconds: 4.25, certainty: 0.75 };
        EventLog::open(&path).unwrap().happened(&yawn).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let expected = "{\"kind\":\"yawn\",\"at\":2.5,\"seconds\":4.25,\"certainty\":0.75}\n";
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<Happening>(&text).unwrap(), yawn);
        assert!(serde_json::from_str::<Event>(&text).is_err(), "it is no change");
        let told = serde_json::to_string(&Entry::Happened(yawn)).unwrap();
        assert_eq!(told, text.trim_end(), "printed as it is logged");
    }

    #[test]
    fn a_log_of_before_can_be_read() {
        let line = r#"{"at":4.0,"state":"looking_away","level":"none","frame":7}"#;
        let event: Event = serde_json::from_str(line).unwrap();
        assert_eq!(event.judgement.state, State::EyesOffRoad);
        let now = serde_json::to_value(&event).unwrap();
        assert_eq!(now["state"], "eyes_off_road");
    }

    #[test]
    fn a_session_ends_with_the_distances_between_its_warnings() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut summary = SessionSummary::default();
        summary.warn(10.0);
        assert_eq!((summary.warnings, summary.distances_s), (1, None));
        summary.warn(20.0);
        summary.warn(50.0);
        EventLog::open(&path).unwrap().close_session(&summary).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["summary"]["warnings"], 3);
        assert_eq!(value["summary"]["distances_s"], serde_json::json!([10.0, 20.0, 30.0]));
    }

    #[test]
    fn a_log_is_continued_and_a_torn_line_stays_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let write = || {
            let mut log = EventLog::open(&path).unwrap();
            log.write(&event(1.0, State::Awake, Level::None)).unwrap();
        };
        write();
        let mut torn = std::fs::read(&path).unwrap();
        torn.extend(b"{\"at\":3.");
        std::fs::write(&path, torn).unwrap();
        write();
        let text = std::fs::read_to_string(&path).unwrap();
        let whole = text.lines().filter(|l| serde_json::from_str::<Event>(l).is_ok()).count();
        assert_eq!((text.lines().count(), whole), (3, 2));
    }

    #[cfg(unix)]
    #[test]
    fn a_log_is_its_users_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        EventLog::open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_told_in_a_sentence() {
        let error = EventLog::open(Path::new("/nowhere/at all/events.jsonl")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("events.jsonl") && text.contains("choose another place"), "{text}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_in_a_sentence() {
        let mut log = EventLog::open(Path::new("/dev/full")).unwrap();
        let error = log.write(&event(1.0, State::Awake, Level::None)).unwrap_err().to_string();
        assert!(error.contains("/dev/full") && error.contains("free some space"), "{error}");
    }
}
