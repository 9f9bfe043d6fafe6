//! The signs of drowsiness in time: blinks with their shape, PERCLOS, yawns and nods. Each
//! is told with its certainty, or why it is missing, since "not seen" is never "not there".

use std::{collections::VecDeque, time::Duration};

use serde::{Deserialize, Serialize};

use super::{FaceSigns, Settings, timers::Persistence};
/// Why a sign is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Too little has been seen yet.
    #[default]
    TooEarly,
    /// No face is seen.
    NoFace,
    /// The eyes cannot be read.
    EyesUnreadable,
    /// Too few pictures are judged a second.
    TooSlow,
    /// The head's direction is not measured.
    NoPose,
    /// The network that scores the blinks failed.
    ModelFailed,
}

/// A sign of drowsiness: its value and how far it can be relied on, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// It is known.
    Known {
        /// In the sign's own unit.
        value: f32,
        /// 0..1.
        certainty: f32,
    },
    /// It is not.
    Missing(Missing),
}

impl Default for Sign {
    fn default() -> Self {
        Self::Missing(Missing::TooEarly)
    }
}

impl Sign {
    /// The value, if it is known.
    pub fn value(&self) -> Option<f32> {
        match self {
            Self::Known { value, .. } => Some(*value),
            Self::Missing(_) => None,
        }
    }
}

/// The signs of the last minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Signs {
    /// Share of readable time with the eyes closed, blinks left out, 0..1.
    pub perclos: Sign,
    /// Blinks a minute.
    pub blink_rate: Sign,
    /// Mean time that the eyes were closed in a blink or long closure, seconds.
    pub closure_s: Sign,
    /// Closures of half a second or more.
    pub long_closures: Sign,
    /// Yawns.
    pub yawns: Sign,
    /// Nods.
    pub nods: Sign,
    /// Drowsiness by how the driver blinks beside their own first blinks, 0 (alert) to 10
    /// (drowsy). It may make a driver tiring only if its model measured about equally good
    /// by alert, low and drowsy norms ([`BlinkScore`](super::blinks::BlinkScore)).
    pub blinking: Sign,
}

/// One blink or closure, when it is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Blink {
    /// When the lids began to fall.
    pub start: Duration,
    /// From there until they were up again, seconds.
    pub duration_s: f32,
    /// For how long the eyes were closed, seconds.
    pub closed_s: f32,
    /// Mean of the drop and the rise of the eye aspect ratio.
    pub depth: f32,
    /// Rise of the eye aspect ratio while opening, a second.
    pub opening_per_s: f32,
}

/// What happened in a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Happened {
    pub(super) blink: Option<Blink>,
    pub(super) yawn: bool,
    /// How long the head was down, seconds.
    pub(super) nod: Option<f32>,
}

/// What is known of the moment, for the signs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment<'a> {
    pub(super) at: Duration,
    /// Known time since the frame before.
    pub(super) step: Duration,
    /// Usual time between frames, seconds.
    pub(super) interval_s: f32,
    /// Whether the eyes are closed; `None` = not readable.
    pub(super) closed: Option<bool>,
    /// A yawn or a look explains that they are closed: no sign of sleep.
    pub(super) excused: bool,
    /// The face, readable or not.
    pub(super) face: Option<&'a FaceSigns>,
    /// Turn of the head from the usual, to the side and down, degrees.
    pub(super) turn: Option<[f32; 2]>,
}

/// Watches for all signs.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    minute: Minute,
    lids: Lids,
    /// How long the closure of now has lasted, seconds.
    closed_s: f32,
    yawn: Persistence,
    nod: Nod,
}

impl Watch {
    /// Takes a frame.
    pub(super) fn see(&mut self, now: &Moment<'_>, s: &Settings) -> Happened {
        let step_s = now.step.as_secs_f32();
        self.minute.advance(now.at);
        let mut happened = Happened::default();

        if let Some(closed) = now.closed {
            let cell = self.minute.now();
            cell.valid_s += step_s;
            // A blink is left out until it has proved to be none, then it counts whole;
            // its length is known to a frame only.
            let blink_s = s.blink_s + now.interval_s;
            let before = self.closed_s;
            self.closed_s = if closed { before + step_s } else { 0.0 };
            if self.closed_s > blink_s && !now.excused {
                cell.closed_s += if before > blink_s { step_s } else { self.closed_s };
            }
        } else {
            self.closed_s = 0.0;
        }

        happened.blink = self.lids.see(now);
        if let Some(blink) = happened.blink {
            let cell = self.minute.now();
            cell.closures += 1;
            cell.closures_s += blink.closed_s;
            cell.long_closures += u16::from(blink.closed_s >= s.long_closure_s);
        }

        // The mouth is seen whether or not the eyes are.
        if let Some(face) = now.face.filter(|face| face.yawn.is_finite()) {
            self.minute.now().mouth_s += step_s;
            let was = self.yawn.is_on();
            let lasts = Duration::try_from_secs_f32(s.yawn_s).unwrap_or_default();
            happened.yawn = self.yawn.step(Self::is_yawn(face, s), now.step, lasts) && !was;
            self.minute.now().yawns += u16::from(happened.yawn);
        }
        if let Some([_, down]) = now.turn {
            self.minute.now().pose_s += step_s;
            happened.nod = self.nod.step(down, self.closed_s, step_s, s);
            self.minute.now().nods += u16::from(happened.nod.is_some());
        }
        happened
    }

    /// Whether classifier and landmarks agree on a yawn in this frame.
    pub(super) fn is_yawn(face: &FaceSigns, s: &Settings) -> bool {
        face.yawn >= s.yawning && face.mouth_aspect >= s.yawn_mouth
    }

    /// Whether a yawn goes on.
    pub(super) fn is_yawning(&self) -> bool {
        self.yawn.is_on()
    }

    /// PERCLOS of the last minute, 0..1, if enough of it was seen.
    pub(super) fn perclos(&self, s: &Settings) -> Option<f32> {
        let sum = self.minute.sum();
        (sum.valid_s >= s.perclos_valid_s).then(|| sum.closed_s / sum.valid_s.max(1.0))
    }

    /// The signs of the last minute, `missing` being why nothing is read now.
    pub(super) fn signs(&self, missing: Option<Missing>, interval_s: f32, s: &Settings) -> Signs {
        let sum = self.minute.sum();
        let too_slow = missing == Some(Missing::TooSlow);
        let missing = missing.unwrap_or_default();
        let known = |value: f32, certainty: f32, enough: bool| match enough && !too_slow {
            true => Sign::Known { value, certainty: certainty.clamp(0.0, 1.0) },
            false => Sign::Missing(missing),
        };
        let share = sum.valid_s / 60.0;
        let enough = sum.valid_s >= s.perclos_valid_s;
        // Blink detection finds 51% of blinks at 10 Hz and 95% at 30 Hz.
        let hz = 1.0 / interval_s.max(1e-3);
        let found = (0.51 + (hz - 10.0) / 20.0 * 0.44).clamp(0.0, 0.95);
        let count = f32::from(sum.closures);
        let mouth_s = sum.mouth_s;
        let pose = if sum.mouth_s > 0.0 && sum.pose_s == 0.0 { Missing::NoPose } else { missing };
        Signs {
            perclos: known(sum.closed_s / sum.valid_s.max(1.0), share, enough),
            blink_rate: known(60.0 * count / sum.valid_s.max(1.0), found * share, enough),
            closure_s: known(sum.closures_s / count.max(1.0), found * share, sum.closures > 0),
            long_closures: known(f32::from(sum.long_closures), share, enough),
            // Half of all yawns are hidden by a hand.
            yawns: known(f32::from(sum.yawns), 0.5 * mouth_s / 60.0, mouth_s >= s.perclos_valid_s),
            // The latest and weakest cue, of a pose that is good to five degrees.
            nods: match sum.pose_s >= s.perclos_valid_s {
                true => Sign::Known {
                    value: f32::from(sum.nods),
                    certainty: 0.3 * sum.pose_s.min(60.0) / 60.0,
                },
                false => Sign::Missing(pose),
            },
            blinking: Sign::default(),
        }
    }
}

/// Sums over one second.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    valid_s: f32,
    closed_s: f32,
    mouth_s: f32,
    pose_s: f32,
    closures_s: f32,
    closures: u16,
    long_closures: u16,
    yawns: u16,
    nods: u16,
}

/// Sums over the last minute, in cells of a second of media time.
#[derive(Clone, Debug)]
struct Minute {
    cells: [Cell; 60],
    second: u64,
}

impl Default for Minute {
    fn default() -> Self {
        Self { cells: [Cell::default(); 60], second: 0 }
    }
}

impl Minute {
    /// Goes to a time; a clock that jumps back or a minute ahead leaves nothing.
    fn advance(&mut self, at: Duration) {
        let second = at.as_secs();
        match second.checked_sub(self.second) {
            Some(passed) if passed < 60 => {
                for ago in 0..passed {
                    self.cells[((second - ago) % 60) as usize] = Cell::default();
                }
            }
            _ => self.cells = [Cell::default(); 60],
        }
        self.second = second;
    }

    fn now(&mut self) -> &mut Cell {
        &mut self.cells[(self.second % 60) as usize]
    }

    fn sum(&self) -> Cell {
        self.cells.iter().fold(Cell::default(), |a, b| Cell {
            valid_s: a.valid_s + b.valid_s,
            closed_s: a.closed_s + b.closed_s,
            mouth_s: a.mouth_s + b.mouth_s,
            pose_s: a.pose_s + b.pose_s,
            closures_s: a.closures_s + b.closures_s,
            closures: a.closures.saturating_add(b.closures),
            long_closures: a.long_closures.saturating_add(b.long_closures),
            yawns: a.yawns.saturating_add(b.yawns),
            nods: a.nods.saturating_add(b.nods),
        })
    }
}

/// The lids may take so long to fall before the eyes count as closed, and to rise after.
const LIDS_MOVE: Duration = Duration::from_millis(300);
/// The most frames of that time that are kept.
const LIDS_MOST: usize = 32;

/// Follows the lids through one blink after the other.
#[derive(Clone, Debug, Default)]
struct Lids {
    /// Time and aspect of the last open frames.
    recent: VecDeque<(Duration, f32)>,
    fall: Option<Fall>,
}

/// A blink that is under way.
#[derive(Clone, Copy, Debug)]
struct Fall {
    start: Duration,
    from: f32,
    /// Between the last open frame and the first closed one.
    closed_at: Duration,
    bottom: f32,
    bottom_at: Duration,
    last_closed: Duration,
    /// Between the last closed frame and the first open one, with the highest rise since.
    opened: Option<(Duration, Duration, f32)>,
}

impl Lids {
    fn see(&mut self, now: &Moment<'_>) -> Option<Blink> {
        let (Some(closed), Some(face)) = (now.closed, now.face) else {
            *self = Self::default();
            return None;
        };
        if now.step.is_zero() {
            // A hole: what the lids did in it is not known.
            *self = Self::default();
        }
        let (at, aspect) = (now.at, face.mean_aspect());
        let done = match (&mut self.fall, closed) {
            (None, true) => {
                self.fall = self.begin(at, aspect);
                None
            }
            (Some(fall), true) if fall.opened.is_none() => {
                fall.last_closed = at;
                if aspect < fall.bottom {
                    (fall.bottom, fall.bottom_at) = (aspect, at);
                }
                None
            }
            // Closed again before the lids were up: one blink ends, the next begins.
            (Some(fall), true) => {
                let done = fall.end();
                self.fall = self.begin(at, aspect);
                done
            }
            (Some(fall), false) => {
                let middle = (fall.last_closed + at) / 2;
                let (opened, top_at, top) = *fall.opened.get_or_insert((middle, at, aspect));
                if aspect > top {
                    fall.opened = Some((opened, at, aspect));
                }
                let over = at.saturating_sub(opened) >= LIDS_MOVE || at > top_at && aspect <= top;
                over.then(|| fall.end()).flatten()
            }
            (None, false) => None,
        };
        if done.is_some() && !closed {
            self.fall = None;
        }
        if !closed {
            if self.recent.len() == LIDS_MOST {
                self.recent.pop_front();
            }
            self.recent.push_back((at, aspect));
        }
        done
    }

    /// A blink begins at the top from which the lids have come down. Without an open
    /// frame before it, its beginning is not known and it is none.
    fn begin(&mut self, at: Duration, aspect: f32) -> Option<Fall> {
        let (last_open, mut from) = self.recent.pop_back()?;
        let mut start = last_open;
        while let Some((earlier, higher)) = self.recent.pop_back() {
            if higher <= from || at.saturating_sub(earlier) > LIDS_MOVE {
                break;
            }
            (start, from) = (earlier, higher);
        }
        self.recent.clear();
        let closed_at = (last_open + at) / 2;
        Some(Fall {
            start,
            from,
            closed_at,
            bottom: aspect,
            bottom_at: at,
            last_closed: at,
            opened: None,
        })
    }
}

impl Fall {
    fn end(&self) -> Option<Blink> {
        let (opened, top_at, top) = self.opened?;
        let rise_s = top_at.saturating_sub(self.bottom_at).as_secs_f32();
        Some(Blink {
            start: self.start,
            duration_s: top_at.saturating_sub(self.start).as_secs_f32(),
            closed_s: opened.saturating_sub(self.closed_at).as_secs_f32(),
            depth: ((self.from - self.bottom) + (top - self.bottom)) / 2.0,
            opening_per_s: (top - self.bottom) / rise_s.max(1e-3),
        })
    }
}

/// A head that falls after the eyes have closed, and jerks up again.
#[derive(Clone, Copy, Debug, Default)]
struct Nod {
    down_s: f32,
    /// The eyes had closed before.
    begun: bool,
}

/// Eyes closed for so long before the head falls make a nod, seconds: lids that sink with
/// a look down are no earlier than the head. Our choice.
const NOD_CLOSED_S: f32 = 0.2;

impl Nod {
    fn step(&mut self, down_deg: f32, closed_s: f32, step_s: f32, s: &Settings) -> Option<f32> {
        if down_deg >= s.nod_deg {
            if self.down_s == 0.0 {
                self.begun = closed_s >= NOD_CLOSED_S;
            }
            self.down_s += step_s;
            return None;
        }
        if down_deg > s.nod_deg / 2.0 {
            return None;
        }
        let nod = std::mem::take(self);
        (nod.begun && nod.down_s <= s.nod_max_s).then_some(nod.down_s)
    }
}
