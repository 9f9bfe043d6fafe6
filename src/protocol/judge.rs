//! Holds what was told against what had to be: in time, early, late, missed or needless,
//! or told as unreadable.

use serde::Serialize;

use super::{Cell, Eyes, Play, Tell};
use crate::monitor::{Level, State};

/// A change of what is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Change {
    /// When, seconds since the beginning of the cell.
    pub at: f64,
    /// The state from then on.
    pub state: State,
    /// How urgent it is.
    pub level: Level,
    /// The cause, as it is shown.
    pub why: String,
}

/// How an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Within its window, tolerance included.
    InTime,
    /// Before it.
    Early,
    /// After it.
    Late,
    /// Never.
    Missed,
}

/// What became of something that had to be told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Answer {
    /// How urgent it had to be.
    pub level: Level,
    /// The states of which it had to be one.
    pub states: Vec<State>,
    /// When it was told, seconds after it had become true.
    pub delay: Option<f64>,
    /// The window, seconds after that, without the tolerance.
    pub window: [f64; 2],
    /// How it came.
    pub verdict: Verdict,
}

/// Something above the level that may be told without cause.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Needless {
    /// When it began, or when it should have been over, seconds.
    pub at: f64,
    /// What it was called.
    pub state: State,
    /// How urgent it was.
    pub level: Level,
    /// Its cause, as it was shown.
    pub why: String,
}

/// What a cell comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// Everything was told in time, and nothing needlessly.
    Right,
    /// It was told in time that the eyes cannot be read, where they cannot be.
    Unreadable,
    /// Anything else.
    Failed,
}

/// A cell with what was told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Judged {
    /// What it comes to.
    pub outcome: Outcome,
    /// What had to be told.
    pub answers: Vec<Answer>,
    /// What had not.
    pub needless: Vec<Needless>,
    /// When it was first told that no eyes can be read, seconds.
    pub unreadable_at: Option<f64>,
}

/// What holds from a change until the next.
struct Spell<'c> {
    from: f64,
    to: f64,
    change: &'c Change,
}

impl Tell {
    fn is(&self, change: &Change) -> bool {
        change.level >= self.level && self.names(change.state)
    }

    fn names(&self, state: State) -> bool {
        self.states.is_empty() || self.states.contains(&state)
    }

    /// The first moment, tolerance included, at which it may be told, seconds.
    fn first(&self, play: &Play) -> f64 {
        self.since + self.after - play.tolerance_s
    }
}

/// Room for the rounding of times.
const ROUNDING_S: f64 = 1e-6;

impl Judged {
    /// Holds the changes of a cell, in order of time, against what it awaits.
    pub(crate) fn of(cell: &Cell, changes: &[Change], play: &Play) -> Self {
        let end = f64::from(cell.script.seconds);
        let ends = changes.iter().skip(1).map(|change| change.at).chain([end]);
        let spells: Vec<Spell<'_>> = changes
            .iter()
            .zip(ends)
            .map(|(change, to)| Spell { from: change.at, to, change })
            .collect();
        let answers: Vec<Answer> =
            cell.tells.iter().map(|tell| answer(tell, &spells, play)).collect();
        let needless = needless(cell, &spells, play);
        let blind = |spell: &&Spell<'_>| {
            let state = spell.change.state;
            spell.change.level >= Level::Advisory
                && matches!(state, State::EyesUnreadable | State::NoDriver)
        };
        let unreadable_at = spells.iter().find(blind).map(|spell| spell.from);
        let told = unreadable_at.is_some_and(|at| at <= play.unreadable_s + play.tolerance_s);
        let in_time = answers.iter().all(|answer| answer.verdict == Verdict::InTime);
        let early = answers.iter().any(|answer| answer.verdict == Verdict::Early);
        // Of hidden eyes nobody can say that they are open.
        let silent = cell.eyes == Eyes::Hidden && cell.tells.is_empty();
        let outcome = if in_time && needless.is_empty() && !silent {
            Outcome::Right
        } else if cell.eyes != Eyes::Seen && told && needless.is_empty() && !early {
            Outcome::Unreadable
        } else {
            Outcome::Failed
        };
        Self { outcome, answers, needless, unreadable_at }
    }

    /// How far an answer lies outside of its window, or inside of it (negative), at worst,
    /// seconds; what was missed or needless is infinitely far outside.
    pub(crate) fn worst(&self) -> f64 {
        if !self.needless.is_empty() {
            return f64::INFINITY;
        }
        let off = |answer: &Answer| match answer.delay {
            Some(delay) => (answer.window[0] - delay).max(delay - answer.window[1]),
            None => f64::INFINITY,
        };
        self.answers.iter().map(off).fold(f64::NEG_INFINITY, f64::max)
    }

    /// What is wrong, in words; empty where nothing is.
    pub(crate) fn cause(&self) -> String {
        let states = |states: &[State]| match states {
            [] => String::new(),
            states => {
                let words: Vec<String> = states.iter().map(word).collect();
                format!(" ({})", words.join(" or "))
            }
        };
        let answers = self.answers.iter().filter_map(|answer| {
            let what = format!("{}{}", word(&answer.level), states(&answer.states));
            let [after, by] = answer.window;
            let delay = answer.delay.unwrap_or_default();
            match answer.verdict {
                Verdict::InTime => None,
                Verdict::Missed => Some(format!("{what} is not told")),
                Verdict::Early => {
                    Some(format!("{what} after {delay:.2} s, not before {after:.2} s"))
                }
                Verdict::Late => Some(format!("{what} after {delay:.2} s, not within {by:.2} s")),
            }
        });
        let needless = self.needless.iter().map(|needless| {
            let Needless { at, state, level, why } = needless;
            format!("needless {} at {at:.1} s: {}, {why}", word(level), word(state))
        });
        let mut causes: Vec<String> = answers.chain(needless).collect();
        if causes.is_empty() && self.outcome == Outcome::Failed {
            causes.push("it is not told that the eyes cannot be read".into());
        }
        causes.join("; ")
    }
}

/// The word that serde writes for a value without fields, with spaces.
pub(super) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word.replace('_', " "),
        _ => String::new(),
    }
}

/// When it was told: the first spell that says it and is not over before it is true.
fn answer(tell: &Tell, spells: &[Spell<'_>], play: &Play) -> Answer {
    let told = spells.iter().find(|spell| tell.is(spell.change) && spell.to > tell.since);
    let delay = told.map(|spell| spell.from - tell.since);
    let verdict = match delay {
        None => Verdict::Missed,
        Some(delay) if delay < tell.after - play.tolerance_s - ROUNDING_S => Verdict::Early,
        Some(delay) if delay > tell.by + play.tolerance_s + ROUNDING_S => Verdict::Late,
        Some(_) => Verdict::InTime,
    };
    Answer {
        level: tell.level,
        states: tell.states.clone(),
        delay,
        window: [tell.after, tell.by],
        verdict,
    }
}

/// What was told above the level that may be, without anything that had to be told; each
/// thing once, with the highest level that it reached.
fn needless(cell: &Cell, spells: &[Spell<'_>], play: &Play) -> Vec<Needless> {
    let mut found: Vec<Needless> = Vec::new();
    let mut goes_on = false;
    for spell in spells {
        let Change { state, level, why, .. } = spell.change;
        let over = cell.over.map_or(f64::INFINITY, |over| over + play.tolerance_s + ROUNDING_S);
        let awaited = cell.tells.iter().any(|tell| {
            spell.from >= tell.first(play) - ROUNDING_S
                && *level <= tell.level
                && tell.names(*state)
        });
        // What is awaited and came early is told of as such.
        let early = cell.tells.iter().any(|tell| tell.is(spell.change) && spell.to > tell.since);
        let from = match awaited || early {
            false => spell.from,
            true => spell.from.max(over),
        };
        let is_needless = *level > cell.most && from < spell.to && !cell.also.contains(state);
        if is_needless && !goes_on {
            found.push(Needless { at: from, state: *state, level: *level, why: why.clone() });
        } else if let (true, Some(last)) = (is_needless, found.last_mut())
            && *level > last.level
        {
            (last.level, last.state, last.why) = (*level, *state, why.clone());
        }
        goes_on = is_needless;
    }
    found
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
