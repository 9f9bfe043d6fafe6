//! The films, what is known of each of their moments, and what was read in it.

use std::{collections::HashMap, path::Path, time::Duration};

use serde::Deserialize;
use wakewatch::{
    dataset::spans::{self, FilmTruth, Moment},
    monitor::FaceSigns,
};

/// The blinks of the films, looked at one by one: in them the eyes are shut, which the list
/// of the films does not say.
const BLINKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/driver_blinks.csv");
/// Stamps of the same frame may differ by so much, seconds.
const SAME_S: f64 = 0.05;

/// Light, and what lies over the eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Visible,
    /// Infra-red from here on: no glasses.
    Plain,
    Glasses,
    Tinted,
    Sunglasses,
}

impl Group {
    fn of(truth: &FilmTruth) -> Self {
        let has = |word: &str| truth.conditions.iter().any(|said| said.contains(word));
        if !truth.conditions.iter().any(|said| said == "ir") {
            Self::Visible
        } else if has("sunglasses") || has("dark_glasses") {
            Self::Sunglasses
        } else if has("tinted") {
            Self::Tinted
        } else if has("glasses") {
            Self::Glasses
        } else {
            Self::Plain
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Visible => "visible",
            Self::Plain => "ir",
            Self::Glasses => "ir_glasses",
            Self::Tinted => "ir_tinted",
            Self::Sunglasses => "ir_sunglasses",
        }
    }
}

/// What the eyes do in a moment of which that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Shut,
    /// Open, and nothing else is told.
    Open,
    Down,
    Laughing,
    Away,
}

/// A film, watched.
pub(crate) struct Film {
    pub(crate) truth: FilmTruth,
    pub(crate) group: Group,
    pub(crate) rows: Vec<Row>,
}

impl Film {
    pub(crate) fn new(truth: FilmTruth, rows: Vec<Row>) -> Self {
        Self { group: Group::of(&truth), truth, rows }
    }

    pub(crate) fn name(&self) -> String {
        self.truth.file.display().to_string()
    }

    /// Made from another film of the list: the same pictures again.
    pub(crate) fn is_derived(&self) -> bool {
        self.truth.conditions.iter().any(|said| said == "derived")
    }
}

/// One frame of a film.
pub(crate) struct Row {
    pub(crate) frame: u64,
    pub(crate) at: Duration,
    pub(crate) moment: Moment,
    /// `None` = no face was found.
    pub(crate) face: Option<FaceSigns>,
    /// Median eye aspect ratio of this person's open eyes, over all films; by the truth, so
    /// that it is better than what a monitor can learn.
    pub(crate) own_aspect: Option<f32>,
    /// `None` = nothing is written of this frame.
    pub(crate) peer: Option<Peer>,
}

impl Row {
    /// `None` where nobody can tell.
    pub(crate) fn kind(&self) -> Option<Kind> {
        let moment = &self.moment;
        Some(match moment.shut? {
            true => Kind::Shut,
            false if moment.looking_down => Kind::Down,
            false if moment.laughing => Kind::Laughing,
            false if moment.looking_away => Kind::Away,
            false => Kind::Open,
        })
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.at.as_secs_f64()
    }
}

/// What MediaPipe says of a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// The frame's time by MediaPipe's reader, seconds.
    at: f64,
    pub(crate) has_face: bool,
    /// Probability that the eyes blink, 0..1; `None` without a face.
    pub(crate) blink: Option<f32>,
    /// Eye aspect ratio; `None` without a face.
    pub(crate) eye_aspect: Option<f32>,
}

#[derive(Deserialize)]
struct PeerLine {
    file: String,
    frame: u64,
    at: f64,
    face: u8,
    eye_aspect: Option<f32>,
    blink: Option<f32>,
}

impl PeerLine {
    fn peer(&self) -> Peer {
        let has_face = self.face != 0;
        let known = |value: Option<f32>| value.filter(|value| has_face && value.is_finite());
        let (blink, eye_aspect) = (known(self.blink), known(self.eye_aspect));
        Peer { at: self.at, has_face, blink, eye_aspect }
    }
}

/// What is known of the films, and what MediaPipe says of their frames.
pub(crate) struct Known {
    pub(crate) films: Vec<FilmTruth>,
    peer: HashMap<(String, u64), Peer>,
}

impl Known {
    pub(crate) fn peer(&self, truth: &FilmTruth, frame: u64) -> Option<Peer> {
        self.peer.get(&(truth.file.display().to_string(), frame)).copied()
    }
}

/// Reads both lists; tells what is not there.
pub(crate) fn known(data: &Path) -> Option<Known> {
    let list = data.join("drivers").join(spans::TRUTH);
    if !list.exists() {
        println!("skipped: {} is not here", list.display());
        return None;
    }
    let (mut films, peer) = (spans::read(&list).unwrap(), data.join("drivers_peer.csv"));
    // As the list has it, every blink counts as open eyes.
    match std::env::var_os("WAKEWATCH_BLINKS_ARE_OPEN") {
        Some(_) => println!("blinks count as open eyes, as the list of the films has it"),
        None => spans::add_blinks(&mut films, Path::new(BLINKS)).unwrap(),
    }
    if !peer.exists() {
        println!("without MediaPipe's word: {} is not here", peer.display());
        return Some(Known { films, peer: HashMap::new() });
    }
    let lines = csv::Reader::from_path(peer).unwrap().into_deserialize::<PeerLine>();
    let peer = lines.map(Result::unwrap).map(|line| {
        let said = line.peer();
        ((line.file, line.frame), said)
    });
    Some(Known { films, peer: peer.collect() })
}

/// Tells whether both have looked at the same frames.
pub(crate) fn check_peer(films: &[Film]) {
    let rows = || films.iter().flat_map(|film| &film.rows);
    let lacking = rows().filter(|row| row.peer.is_none()).count();
    let apart =
        rows().filter(|row| row.peer.is_some_and(|peer| (peer.at - row.seconds()).abs() > SAME_S));
    let apart = apart.count();
    if lacking + apart > 0 {
        println!(
            "MediaPipe: nothing is written of {lacking} frames; of {apart} the time differs by \
             more than {SAME_S} s"
        );
    }
}
