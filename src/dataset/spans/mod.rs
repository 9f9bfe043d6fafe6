//! What happens in a film, as a person annotated it: spans in seconds of the film's own
//! time, one JSON object a film: a line of `truth.jsonl` in a folder of films, or
//! `NAME.spans.json` beside a film ([`read()`] and [`beside`]).
//!
//! A blink is no closure, but the eyes are shut in it: where blinks are written down
//! ([`FilmTruth::blinks`], [`add_blinks`]), nothing is said of the lids in them. Where they
//! are not, a single frame outside the closures may lie in a blink and is told as open.

mod blinks;
mod read;

pub use blinks::add_blinks;
pub use read::{END_TOLERANCE_S, SPANS_ENDING, TRUTH, beside, check_end, read};

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// So near to the border of a closure or of a yawn nothing is said of it, seconds: lids and
/// mouths take that long, and people who annotate differ by as much.
pub const BORDER_S: f64 = 0.15;
/// A span that begins or ends so near to the film's own ends goes on outside of it: there
/// is no border there, seconds.
const FILM_END_S: f64 = 0.05;
/// Words of a film's conditions that mean dark lenses.
const DARK_LENSES: [&str; 3] = ["sunglasses", "tinted", "dark_glasses"];

/// A span `[start, end]` of a film, seconds from its beginning.
pub type Span = [f64; 2];

/// How surely a person could read the eyes of a film.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FilmTruth {
    /// The film, relative to its list.
    pub file: PathBuf,
    /// How long it is, seconds; 0 = not known.
    pub seconds: f64,
    /// Frames a second; 0 = not known.
    pub fps: f64,
    /// Who is in it; empty = not known.
    pub person: String,
    /// How it was taken, and what is in the way: `ir`, `glasses`, `sunglasses`, ...
    pub conditions: Vec<String>,
    /// Both eyes are shut, longer than a blink.
    pub closures: Vec<Span>,
    /// Single blinks, with their lids on the way down and up. Nothing is said of the lids
    /// there.
    pub blinks: Vec<Span>,
    /// About how many blinks there are, where they were counted.
    pub blinks_about: Option<f64>,
    /// Yawns.
    pub yawns: Vec<Span>,
    /// The eyes are open and look down.
    pub looking_down: Vec<Span>,
    /// The head or the eyes are turned to a side.
    pub looking_away: Vec<Span>,
    /// Laughing or smiling so that the eyes are narrow.
    pub laughing: Vec<Span>,
    /// There is no face.
    pub no_face: Vec<Span>,
    /// Nothing in it is drowsy.
    pub awake_only: bool,
    /// Nobody can tell; counts neither way.
    pub uncertain: Vec<Span>,
    /// The mouth is wide open without a yawn.
    pub mouth_open_not_yawn: Vec<Span>,
    /// How surely the eyes could be read.
    pub confidence: Confidence,
}

/// What is known of one moment of a film.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Whether both eyes are shut. `None`: at the border of a closure, where the truth is
    /// uncertain or there is no face, in a blink that is written down, and in the whole of a
    /// film whose confidence is low.
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
    /// Every list of spans with its key.
    pub fn lists(&self) -> [(&'static str, &[Span]); 9] {
        [
            ("closures", &self.closures),
            ("blinks", &self.blinks),
            ("yawns", &self.yawns),
            ("looking_down", &self.looking_down),
            ("looking_away", &self.looking_away),
            ("laughing", &self.laughing),
            ("no_face", &self.no_face),
            ("uncertain", &self.uncertain),
            ("mouth_open_not_yawn", &self.mouth_open_not_yawn),
        ]
    }

    /// What is known of the frame at this time of the film, seconds.
    pub fn at(&self, seconds: f64) -> Moment {
        let within = |spans: &[Span]| spans.iter().any(|[a, b]| (*a..=*b).contains(&seconds));
        let (uncertain, no_face) = (within(&self.uncertain), within(&self.no_face));
        let told = !uncertain && !no_face;
        let eyes = told && self.confidence != Confidence::Low && !within(&self.blinks);
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
    fn nothing_is_said_of_the_lids_in_a_blink() {
        let film = film(", \"closures\": [[2, 4]], \"blinks\": [[6, 6.4]]");
        let shut = |at: f64| film.at(at).shut;
        assert_eq!([5.9, 6.2, 6.5].map(shut), [Some(false), None, Some(false)]);
        assert_eq!((film.at(3.0).shut, film.at(6.2).yawn), (Some(true), Some(false)));
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
}
