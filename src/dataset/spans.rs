//! What happens in a film, as a person annotated it: spans in seconds of the film's own
//! time, one JSON object a film and line (`truth.jsonl` of a folder of films).
//!
//! Blinks are not annotated one by one, only about how many there are
//! ([`FilmTruth::blinks_about`]): outside the closures a single frame may lie in a blink
//! and is still told as open.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::DatasetError;
use crate::os::Bounded;

/// Name of the list in a folder of films.
pub const TRUTH: &str = "truth.jsonl";
/// So near to the border of a closure or of a yawn nothing is said of it, seconds: lids and
/// mouths take that long, and people who annotate differ by as much.
pub const BORDER_S: f64 = 0.15;
/// A span that begins or ends so near to the film's own ends goes on outside of it: there
/// is no border there, seconds.
const FILM_END_S: f64 = 0.05;
/// Largest list that is read, bytes.
const MAX_BYTES: u64 = 64 << 20;
/// Longest line of a list, bytes.
const MAX_LINE_BYTES: u64 = 1 << 20;
/// Words of a film's conditions that mean dark lenses.
const DARK_LENSES: [&str; 3] = ["sunglasses", "tinted", "dark_glasses"];

/// A span `[start, end]` of a film, seconds from its beginning.
pub type Span = [f64; 2];

/// How surely a person could read the eyes of a film.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Hardly: closures of such a film are a guess.
    Low,
    /// Well enough, but for single moments.
    Medium,
    /// Well.
    #[default]
    High,
}

/// What is known of a film. Spans that are not written are none.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct FilmTruth {
    /// The film, relative to its list.
    pub file: PathBuf,
    /// How long it is, seconds.
    pub seconds: f64,
    /// Frames a second; 0 = not known.
    #[serde(default)]
    pub fps: f64,
    /// Who is in it.
    pub person: String,
    /// How it was taken, and what is in the way: `ir`, `glasses`, `sunglasses`, ...
    #[serde(default)]
    pub conditions: Vec<String>,
    /// Both eyes are shut, longer than a blink.
    #[serde(default)]
    pub closures: Vec<Span>,
    /// About how many blinks there are, where they were counted.
    #[serde(default)]
    pub blinks_about: Option<f64>,
    /// Yawns.
    #[serde(default)]
    pub yawns: Vec<Span>,
    /// The eyes are open and look down.
    #[serde(default)]
    pub looking_down: Vec<Span>,
    /// The head or the eyes are turned to a side.
    #[serde(default)]
    pub looking_away: Vec<Span>,
    /// Laughing or smiling so that the eyes are narrow.
    #[serde(default)]
    pub laughing: Vec<Span>,
    /// There is no face.
    #[serde(default)]
    pub no_face: Vec<Span>,
    /// Nothing in it is drowsy.
    #[serde(default)]
    pub awake_only: bool,
    /// Nobody can tell; counts neither way.
    #[serde(default)]
    pub uncertain: Vec<Span>,
    /// The mouth is wide open without a yawn.
    #[serde(default)]
    pub mouth_open_not_yawn: Vec<Span>,
    /// How surely the eyes could be read.
    #[serde(default)]
    pub confidence: Confidence,
}

/// What is known of one moment of a film.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Whether both eyes are shut. `None`: at the border of a closure, where the truth is
    /// uncertain or there is no face, and in the whole of a film whose confidence is low.
    /// `Some(false)` may be a single blink, see the module.
    pub shut: Option<bool>,
    /// Whether the person yawns. `None`: at the border of a yawn, where the truth is
    /// uncertain, or there is no face.
    pub yawn: Option<bool>,
    /// Whether the eyes look down.
    pub looking_down: bool,
    /// Whether the person laughs.
    pub laughing: bool,
    /// Whether the person looks to a side.
    pub looking_away: bool,
    /// Whether the annotation says that nobody can tell.
    pub uncertain: bool,
    /// Whether the annotation says that there is no face.
    pub no_face: bool,
}

impl FilmTruth {
    /// What is known of the frame at this time of the film, seconds.
    pub fn at(&self, seconds: f64) -> Moment {
        let within = |spans: &[Span]| spans.iter().any(|[a, b]| (*a..=*b).contains(&seconds));
        let (uncertain, no_face) = (within(&self.uncertain), within(&self.no_face));
        let told = !uncertain && !no_face;
        let eyes = told && self.confidence != Confidence::Low;
        Moment {
            shut: eyes.then(|| self.sign(&self.closures, seconds)).flatten(),
            yawn: told.then(|| self.sign(&self.yawns, seconds)).flatten(),
            looking_down: within(&self.looking_down),
            laughing: within(&self.laughing),
            looking_away: within(&self.looking_away),
            uncertain,
            no_face,
        }
    }

    /// Whether a person can read the eyes of this film at all: not behind dark lenses
    /// where the annotation was a guess, surely where it was sure, else not known.
    pub fn eyes_readable(&self) -> Option<bool> {
        match self.confidence {
            Confidence::High => Some(true),
            Confidence::Low if self.dark_lenses() => Some(false),
            Confidence::Low | Confidence::Medium => None,
        }
    }

    /// Whether the conditions name dark lenses.
    pub fn dark_lenses(&self) -> bool {
        self.conditions.iter().any(|said| DARK_LENSES.iter().any(|dark| said.contains(dark)))
    }

    /// Whether a moment lies in one of the spans; nothing at their borders.
    fn sign(&self, spans: &[Span], at: f64) -> Option<bool> {
        let border = |[start, end]: &Span| {
            let begins = *start > FILM_END_S && (at - start).abs() < BORDER_S;
            let ends = *end < self.seconds - FILM_END_S && (at - end).abs() < BORDER_S;
            begins || ends
        };
        // A last frame may lie after the length that was written.
        let inside = |[start, end]: &Span| {
            at >= *start && (at <= *end || *end >= self.seconds - FILM_END_S)
                || (*start <= FILM_END_S && at < *start)
        };
        match spans.iter().any(border) {
            true => None,
            false => Some(spans.iter().any(inside)),
        }
    }
}

/// Reads what is known of the films of a folder: one JSON object a line, blank lines aside.
///
/// # Errors
/// When the list cannot be read, is too large or names no film, a line is of another form,
/// names a film again, or has a time that is none or a span that ends before it begins.
pub fn read(path: &Path) -> Result<Vec<FilmTruth>, DatasetError> {
    let file = File::open(path).map_err(DatasetError::io(path, "read"))?;
    let reader = BufReader::new(Bounded::new(file, MAX_BYTES, MAX_LINE_BYTES));
    let (mut films, mut named) = (Vec::new(), BTreeSet::new());
    for (text, line) in reader.lines().zip(1..) {
        let text = text.map_err(DatasetError::io(path, "read"))?;
        if text.trim().is_empty() {
            continue;
        }
        let at = |why: String| DatasetError::Line { path: path.into(), line, why };
        let film: FilmTruth = serde_json::from_str(&text).map_err(|error| {
            at(format!("it is no object with file, seconds, person and spans ({error})"))
        })?;
        check(&film).map_err(at)?;
        if !named.insert(film.file.clone()) {
            let file = film.file.display();
            return Err(at(format!("{file} is named a second time; keep one of the lines")));
        }
        films.push(film);
    }
    match films.is_empty() {
        true => Err(DatasetError::Empty(path.into())),
        false => Ok(films),
    }
}

/// What is wrong with the times of a film, and the way out.
fn check(film: &FilmTruth) -> Result<(), String> {
    if !(film.seconds.is_finite() && film.seconds > 0.0) {
        return Err(format!("seconds is {}; write how long the film is", film.seconds));
    }
    if !(film.fps.is_finite() && film.fps >= 0.0) {
        return Err(format!("fps is {}; write frames a second, or leave it out", film.fps));
    }
    if film.person.trim().is_empty() {
        return Err("person is empty; write who is in the film".into());
    }
    let all = [
        ("closures", &film.closures),
        ("yawns", &film.yawns),
        ("looking_down", &film.looking_down),
        ("looking_away", &film.looking_away),
        ("laughing", &film.laughing),
        ("no_face", &film.no_face),
        ("uncertain", &film.uncertain),
        ("mouth_open_not_yawn", &film.mouth_open_not_yawn),
    ];
    for (name, spans) in all {
        for [start, end] in spans {
            let good = start.is_finite() && end.is_finite() && *start >= 0.0 && end > start;
            if !good {
                return Err(format!(
                    "{name} holds [{start}, {end}]; a span is [start, end] in seconds from the \
                     film's beginning, the start first"
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film(more: &str) -> FilmTruth {
        let line = format!("{{\"file\": \"a.mp4\", \"seconds\": 10.0, \"person\": \"p\"{more}}}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(TRUTH);
        std::fs::write(&path, format!("{line}\n\n")).unwrap();
        read(&path).unwrap().remove(0)
    }

    fn error(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(TRUTH);
        std::fs::write(&path, text).unwrap();
        read(&path).unwrap_err().to_string()
    }

    #[test]
    fn nothing_is_said_at_the_borders_of_a_closure_or_a_yawn() {
        let film =
            film(", \"closures\": [[2, 4]], \"yawns\": [[6, 8]], \"looking_down\": [[5, 6]]");
        let shut = |at: f64| film.at(at).shut;
        for (at, expected) in [
            (0.0, Some(false)),
            (1.84, Some(false)),
            (1.9, None),
            (2.1, None),
            (2.2, Some(true)),
            (3.8, Some(true)),
            (3.9, None),
            (4.1, None),
            (4.2, Some(false)),
            (11.0, Some(false)),
        ] {
            assert_eq!(shut(at), expected, "at {at} s");
        }
        assert_eq!([5.8, 5.9, 7.0].map(|at| film.at(at).yawn), [Some(false), None, Some(true)]);
        assert_eq!([4.9, 5.0, 6.1].map(|at| film.at(at).looking_down), [false, true, false]);
        let at = film.at(5.5);
        assert_eq!((at.shut, at.yawn, at.laughing), (Some(false), Some(false), false));
    }

    #[test]
    fn the_ends_of_the_film_are_no_borders() {
        let film = film(", \"closures\": [[0, 1], [9, 10]]");
        assert_eq!([0.0, 0.1].map(|at| film.at(at).shut), [Some(true); 2]);
        assert_eq!([9.95, 10.0, 10.03].map(|at| film.at(at).shut), [Some(true); 3]);
        assert_eq!([1.0, 9.0].map(|at| film.at(at).shut), [None; 2]);
    }

    #[test]
    fn what_nobody_can_tell_is_not_told() {
        let doubtful = film(
            ", \"closures\": [[2, 4]], \"uncertain\": [[3, 5]], \"no_face\": [[7, 8]], \
             \"laughing\": [[0, 1]], \"looking_away\": [[6, 7]]",
        );
        let (sure, unsure, gone) = (doubtful.at(2.5), doubtful.at(3.5), doubtful.at(7.5));
        assert_eq!((sure.shut, sure.uncertain), (Some(true), false));
        assert_eq!((unsure.shut, unsure.yawn, unsure.uncertain), (None, None, true));
        assert_eq!((gone.shut, gone.yawn, gone.no_face), (None, None, true));
        assert!(doubtful.at(0.5).laughing && doubtful.at(6.5).looking_away);
        assert_eq!(doubtful.eyes_readable(), Some(true));

        let dark = film(
            ", \"closures\": [[2, 4]], \"conditions\": [\"ir\", \"round_tinted_glasses\"], \
             \"confidence\": \"low\"",
        );
        assert_eq!((dark.at(3.0).shut, dark.at(3.0).yawn), (None, Some(false)));
        assert_eq!(dark.eyes_readable(), Some(false));
        assert_eq!(film(", \"confidence\": \"low\"").eyes_readable(), None);
        let seen = film(", \"confidence\": \"medium\", \"conditions\": [\"sunglasses\"]");
        assert_eq!((seen.eyes_readable(), seen.at(1.0).shut), (None, Some(false)));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let good = "{\"file\": \"a.mp4\", \"seconds\": 3, \"person\": \"p\"}\n";
        let line = |more: &str| {
            let second = good.trim_end().trim_end_matches('}').replace("a.mp4", "b.mp4");
            error(&format!("{good}{second}, {more}}}\n"))
        };
        for (text, words) in [
            (line("\"closures\": [[2, 1]]"), ["line 2", "closures", "[2, 1]"]),
            (line("\"yawns\": [[-1, 1]]"), ["line 2", "yawns", "[-1, 1]"]),
            (line("\"laughing\": [[0, NaN]]"), ["line 2", "no object", "seconds"]),
            (line("\"laughing\": [[0]]"), ["line 2", "no object", "seconds"]),
            (line("\"confidence\": \"perhaps\""), ["line 2", "no object", "perhaps"]),
            (line("\"fps\": -1"), ["line 2", "fps", "-1"]),
            (error(&good.replace("3", "0")), ["line 1", "seconds is 0", "film"]),
            (error(&good.replace("\"p\"", "\" \"")), ["line 1", "person", "empty"]),
            (error(&format!("{good}{good}")), ["line 2", "a.mp4", "second time"]),
            (error("no json"), ["line 1", "no object", "person"]),
            (error("\n"), ["truth.jsonl", "no picture", ""]),
        ] {
            for word in words {
                assert!(text.contains(word), "{word:?} is missing in {text:?}");
            }
        }
    }
}
