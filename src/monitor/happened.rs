//! What happened, each thing with its time: lines for an event log, and counts for its
//! summary. A thing is told of when it is over, since only then its length is known.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Settings;

/// Frames further apart than this are a gap that is told of.
const GAP: Duration = Duration::from_secs(1);
/// Eyes that cannot be read for less are no loss: a blink of the landmarks.
const LOST: Duration = Duration::from_secs(1);
/// What flickers goes on for so long.
const FLICKER: Duration = Duration::from_millis(500);

/// What it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A yawn.
    Yawn,
    /// A blink of half a second and more, not yet a closure.
    LongBlink,
    /// Closed eyes of a second and more.
    Closure,
    /// A head that fell after the eyes had closed, and jerked up again.
    Nod,
    /// Eyes off the road for two seconds and more.
    Glance,
    /// The eyes cannot be read any more, or no face is seen.
    EyesLost,
    /// They are read again.
    EyesBack,
    /// No frame came.
    Gap,
}

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Happening {
    /// What it was.
    pub kind: Kind,
    /// Media time at which it began, in seconds.
    pub at: f64,
    /// How long it lasted, in seconds: of [`Kind::EyesLost`] until it was told of, of
    /// [`Kind::EyesBack`] how long they had been lost.
    pub seconds: f32,
    /// How far it can be relied on, 0..1.
    pub certainty: f32,
}

/// How often what happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Yawns.
    pub yawns: u32,
    /// Blinks of half a second and more.
    pub long_blinks: u32,
    /// Closures of a second and more.
    pub closures: u32,
    /// Nods.
    pub nods: u32,
    /// Glances of two seconds and more.
    pub glances: u32,
    /// Losses of the eyes.
    pub losses: u32,
    /// Returns of the eyes.
    pub returns: u32,
    /// Gaps in the media time.
    pub gaps: u32,
}

impl Counts {
    /// Counts one more.
    pub fn add(&mut self, kind: Kind) {
        let count = match kind {
            Kind::Yawn => &mut self.yawns,
            Kind::LongBlink => &mut self.long_blinks,
            Kind::Closure => &mut self.closures,
            Kind::Nod => &mut self.nods,
            Kind::Glance => &mut self.glances,
            Kind::EyesLost => &mut self.losses,
            Kind::EyesBack => &mut self.returns,
            Kind::Gap => &mut self.gaps,
        };
        *count = count.saturating_add(1);
    }
}

/// What is known of a moment, for the diary.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    /// Media time.
    pub(super) at: Duration,
    /// Since the frame before.
    pub(super) passed: Duration,
    /// How long the eyes have been closed; zero once they are open again.
    pub(super) closed: Duration,
    /// Whether they are closed in this frame.
    pub(super) is_closed: bool,
    /// Probability of shut eyes, 0..1; `None` = not readable.
    pub(super) shut: Option<f32>,
    /// Probability of a yawn, 0..1, and whether one is read; `None` without a face.
    pub(super) yawn: Option<(f32, bool)>,
    /// Whether the yawn has lasted long enough to be one.
    pub(super) is_yawn: bool,
    /// How long a head that is up again was down, in a nod, seconds.
    pub(super) nod: Option<f32>,
    /// Whether the eyes are off the road.
    pub(super) off_road: bool,
}

/// Notes what happens; keeps what has not ended yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Diary {
    closure: Option<Span>,
    yawn: Option<Span>,
    /// The yawn has proved to be one.
    is_yawn: bool,
    glance: Option<Span>,
    /// Since when the eyes are not read, and whether that was told.
    lost: Option<(Duration, bool)>,
    /// What the last frame brought to an end.
    told: Vec<Happening>,
}

/// Something that goes on.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: Duration,
    /// When it was last so.
    last: Duration,
    /// Sum and number of readings.
    sum: f32,
    count: f32,
}

impl Span {
    fn new(from: Duration) -> Self {
        Self { from, last: from, sum: 0.0, count: 0.0 }
    }

    fn see(&mut self, at: Duration, reading: f32) {
        self.last = at;
        (self.sum, self.count) = (self.sum + reading, self.count + 1.0);
    }

    fn is_over(&self, at: Duration) -> bool {
        at.saturating_sub(self.last) > FLICKER
    }

    fn seconds(&self) -> f32 {
        self.last.saturating_sub(self.from).as_secs_f32()
    }

    fn told(&self, kind: Kind) -> Happening {
        let certainty = (self.sum / self.count.max(1.0)).clamp(0.0, 1.0);
        Happening { kind, at: self.from.as_secs_f64(), seconds: self.seconds(), certainty }
    }
}

/// A nod is the weakest cue, of a pose that is good to five degrees.
const NOD_CERTAINTY: f32 = 0.3;

impl Diary {
    /// What the last frame brought to an end, in the order of their kinds.
    pub(super) fn told(&self) -> &[Happening] {
        &self.told
    }

    /// Takes a frame.
    pub(super) fn see(&mut self, now: &Now, s: &Settings) {
        self.told.clear();
        if now.passed >= GAP {
            let at = now.at.saturating_sub(now.passed).as_secs_f64();
            let seconds = now.passed.as_secs_f32();
            self.told.push(Happening { kind: Kind::Gap, at, seconds, certainty: 1.0 });
        }
        self.see_lids(now, s);
        self.see_mouth(now);
        if let Some(seconds) = now.nod {
            let at = now.at.as_secs_f64() - f64::from(seconds);
            let certainty = NOD_CERTAINTY;
            self.told.push(Happening { kind: Kind::Nod, at, seconds, certainty });
        }
        self.see_road(now, s);
        self.see_eyes(now);
    }

    /// The clock has jumped back: what goes on began in the future.
    pub(super) fn turn_back(&mut self) {
        *self = Self::default();
    }

    /// Nothing comes any more.
    pub(super) fn end(&mut self, s: &Settings) {
        self.told.clear();
        self.end_closure(s);
        self.end_yawn();
        self.end_glance(s);
    }

    fn end_closure(&mut self, s: &Settings) {
        let Some(span) = self.closure.take() else { return };
        let kind = match span.seconds() {
            long if long >= s.microsleep_s => Kind::Closure,
            long if long >= s.long_closure_s => Kind::LongBlink,
            _ => return,
        };
        self.told.push(span.told(kind));
    }

    fn end_yawn(&mut self) {
        let proved = std::mem::take(&mut self.is_yawn);
        self.told.extend(self.yawn.take().filter(|_| proved).map(|span| span.told(Kind::Yawn)));
    }

    fn end_glance(&mut self, s: &Settings) {
        let long = self.glance.take().filter(|span| span.seconds() >= s.away_s);
        self.told.extend(long.map(|span| span.told(Kind::Glance)));
    }

    fn see_lids(&mut self, now: &Now, s: &Settings) {
        if now.closed.is_zero() {
            self.end_closure(s);
        } else if let Some(shut) = now.shut.filter(|shut| now.is_closed && shut.is_finite()) {
            let from = now.at.saturating_sub(now.closed);
            self.closure.get_or_insert(Span::new(from)).see(now.at, shut);
        }
    }

    fn see_mouth(&mut self, now: &Now) {
        if let Some((probability, true)) = now.yawn {
            self.yawn.get_or_insert(Span::new(now.at)).see(now.at, probability);
        }
        self.is_yawn |= now.is_yawn && self.yawn.is_some();
        if self.yawn.is_some_and(|span| span.is_over(now.at)) {
            self.end_yawn();
        }
    }

    fn see_road(&mut self, now: &Now, s: &Settings) {
        if let Some(span) = &mut self.glance {
            // Its certainty is the share of its frames that show it.
            span.count += 1.0;
        }
        if now.off_road {
            let span = self.glance.get_or_insert(Span { count: 1.0, ..Span::new(now.at) });
            (span.last, span.sum) = (now.at, span.sum + 1.0);
        }
        if self.glance.is_some_and(|span| span.is_over(now.at)) {
            self.end_glance(s);
        }
    }

    fn see_eyes(&mut self, now: &Now) {
        let (at, certainty) = (now.at, 1.0);
        match (now.shut, self.lost) {
            (None, None) => self.lost = Some((at, false)),
            (None, Some((since, false))) if at.saturating_sub(since) >= LOST => {
                self.lost = Some((since, true));
                let seconds = at.saturating_sub(since).as_secs_f32();
                let at = since.as_secs_f64();
                self.told.push(Happening { kind: Kind::EyesLost, at, seconds, certainty });
            }
            (Some(_), Some((since, told))) => {
                self.lost = None;
                let seconds = at.saturating_sub(since).as_secs_f32();
                let at = at.as_secs_f64();
                if told {
                    self.told.push(Happening { kind: Kind::EyesBack, at, seconds, certainty });
                }
            }
            _ => {}
        }
    }
}
