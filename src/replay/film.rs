//! What was told of a film of which it is known what happens in it: every change of what a
//! monitor said, by each of the settings that are compared. The film is decoded and seen
//! once; only the judging is done for each of them.

use serde::{Deserialize, Serialize};

use super::ReplayError;
use crate::{
    dataset::spans::{FilmTruth, Span},
    live::{Opinion, Sighting},
    monitor::{Judgement, Level, Settings, State},
};

/// A frame stands for at most so much time, seconds: where more passes until the next one,
/// nothing was seen of the rest.
pub const FRAME_MOST_S: f64 = 0.5;

/// Thresholds with a name to tell them by.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tuning {
    /// The name, for example that of their file.
    pub name: String,
    /// The thresholds.
    pub settings: Settings,
}

impl Tuning {
    /// The thresholds that everything is judged by.
    pub fn first(settings: Settings) -> Self {
        let usual = settings == Settings::default();
        let name = if usual { "usual settings" } else { "settings as given" };
        Self { name: name.into(), settings }
    }
}

/// What was told from a frame on, until the next change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Media time of the frame, seconds.
    pub at: f64,
    /// How urgent it is.
    pub level: Level,
    /// The state.
    pub state: State,
    /// Yawns since the film's beginning.
    pub yawns: u32,
    /// The cause, as it was told at first.
    pub why: String,
}

/// What was told of a film by one set of thresholds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// The name of the thresholds.
    pub settings: String,
    /// Media time of the first judged frame, seconds.
    pub from: f64,
    /// Media time of the last one, seconds.
    pub to: f64,
    /// Times in between of which nothing was seen, longer than [`FRAME_MOST_S`].
    pub gaps: Vec<Span>,
    /// The changes, in the order of time; the first frame is one.
    pub changes: Vec<Change>,
}

impl Told {
    /// Nothing yet, by the thresholds of this name.
    pub fn by(settings: &str) -> Self {
        Self { settings: settings.into(), ..Self::default() }
    }

    /// Adds the judgement of the next frame.
    pub fn add(&mut self, judged: &Judgement) {
        match self.changes.last() {
            None => self.from = judged.at,
            Some(_) if judged.at - self.to > FRAME_MOST_S => {
                self.gaps.push([self.to + FRAME_MOST_S, judged.at]);
            }
            Some(_) => {}
        }
        self.to = judged.at;
        let now = (judged.level, judged.state, judged.yawns);
        if self.changes.last().map(|last| (last.level, last.state, last.yawns)) != Some(now) {
            let (level, state, yawns) = now;
            self.changes.push(Change {
                at: judged.at,
                level,
                state,
                yawns,
                why: judged.why.clone(),
            });
        }
    }
}

/// A film, what is known of it, and what was told of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Film {
    /// What happens in it; `file` is its name in the collection.
    pub truth: FilmTruth,
    /// What was told, one for each set of thresholds, the first those of the whole run.
    pub told: Vec<Told>,
}

/// Keeps what is told of a film while it is watched.
pub(super) struct Onlooker {
    truth: FilmTruth,
    first: Told,
    others: Vec<(Opinion, Told)>,
}

impl Onlooker {
    /// Of a film, judged by the first thresholds elsewhere, and by the others here.
    pub(super) fn new(
        truth: FilmTruth,
        first: &Settings,
        others: &[Tuning],
    ) -> Result<Self, ReplayError> {
        let mut beside = Vec::new();
        for other in others {
            beside.push((Opinion::new(other.settings)?, Told::by(&other.name)));
        }
        let first = Told::by(&Tuning::first(*first).name);
        Ok(Self { truth, first, others: beside })
    }

    /// A frame was seen, and judged by the first thresholds.
    pub(super) fn see(&mut self, seen: &Sighting, judged: &Judgement) {
        self.first.add(judged);
        for (opinion, told) in &mut self.others {
            told.add(&opinion.judge(seen));
        }
    }

    /// The film is over.
    pub(super) fn film(self) -> Film {
        let others = self.others.into_iter().map(|(_, told)| told);
        Film { truth: self.truth, told: std::iter::once(self.first).chain(others).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_and_gaps_are_kept_and_nothing_else() {
        let mut told = Told::by("mine");
        let frames = [
            (1.0, Level::None, 0),
            (1.1, Level::None, 0),
            (1.2, Level::Warning, 0),
            (3.0, Level::Warning, 0),
            (3.1, Level::Warning, 1),
            (3.6, Level::None, 1),
        ];
        for (at, level, yawns) in frames {
            let why = format!("at {at}");
            told.add(&Judgement { at, level, yawns, why, ..Judgement::default() });
        }
        let kept: Vec<_> = told.changes.iter().map(|c| (c.at, c.level, c.yawns)).collect();
        assert_eq!(kept, [frames[0], frames[2], frames[4], frames[5]]);
        assert_eq!((told.from, told.to, told.changes[1].why.as_str()), (1.0, 3.6, "at 1.2"));
        assert_eq!(told.gaps, [[1.7, 3.0]], "half a second is no gap");
    }
}
