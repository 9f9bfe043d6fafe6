//! Closures of a film that must be found, the time in which nothing must be alarmed of, and
//! what was told in each.

use wakewatch::{
    dataset::spans::{BORDER_S, Confidence, Span},
    monitor::{Level, State},
};

use super::films::Film;

/// An alarm may come so long after the end of a closure, seconds.
pub(crate) const LATE_S: f64 = 1.0;
/// A frame stands for at most so much time, seconds.
const MOST_S: f64 = 0.5;

/// What was told in a frame.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Seconds.
    pub(crate) at: f64,
    pub(crate) state: State,
    pub(crate) level: Level,
    pub(crate) why: String,
}

impl Told {
    /// An alarm for closed eyes.
    pub(crate) fn is_closing(&self) -> bool {
        let closing = matches!(self.state, State::Microsleep | State::Asleep | State::Unresponsive);
        closing && self.level >= Level::Warning
    }

    /// A warning of eyes off the road.
    fn is_off_road(&self) -> bool {
        self.state == State::EyesOffRoad && self.level >= Level::Warning
    }

    /// Told of the driver, not of our sight of them.
    fn is_of_sleep(&self) -> bool {
        let early = matches!(self.state, State::Tiring | State::Drowsy);
        self.level > Level::None && (early || self.is_closing())
    }
}

/// A closure, and whether it was found.
pub(crate) struct Closure<'a> {
    pub(crate) film: &'a Film,
    pub(crate) span: Span,
    /// `None` = missed.
    pub(crate) found: Option<Found>,
}

impl Closure<'_> {
    pub(crate) fn length_s(&self) -> f64 {
        self.span[1] - self.span[0]
    }

    /// A person could read the eyes, if not in every moment.
    pub(crate) fn is_read(&self) -> bool {
        self.film.truth.confidence != Confidence::Low
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Found {
    /// The alarm for the closure before had not ended yet.
    StillAlarmed,
    /// Seconds from the lids' fall to the alarm.
    After(f64),
}

/// The closures of a film, each with the alarm for it.
pub(crate) fn closures<'a>(film: &'a Film, told: &[Told]) -> Vec<Closure<'a>> {
    let found = |[start, end]: Span| {
        let before = told.iter().take_while(|told| told.at < start).last();
        let mut during = told.iter().filter(|told| (start..=end + LATE_S).contains(&told.at));
        if before.is_some_and(Told::is_closing) && during.clone().next()?.is_closing() {
            return Some(Found::StillAlarmed);
        }
        during.find(|told| told.is_closing()).map(|told| Found::After(told.at - start))
    };
    let spans = film.truth.closures.iter();
    spans.map(|&span| Closure { film, span, found: found(span) }).collect()
}

/// Whether the driver is surely awake at this time: in no closure, no doubtful span, and not
/// right after either.
fn is_awake(film: &Film, at: f64) -> bool {
    let truth = &film.truth;
    let mut spans = truth.closures.iter().chain(&truth.uncertain);
    !spans.any(|[start, end]| (start - BORDER_S..=end + LATE_S).contains(&at))
}

/// Whether the driver looks away from the road at this time, or has just done so.
fn looks(film: &Film, at: f64) -> bool {
    let truth = &film.truth;
    let mut spans = truth.looking_away.iter().chain(&truth.looking_down);
    spans.any(|[start, end]| (start - BORDER_S..=end + LATE_S).contains(&at))
}

/// What was told in time awake.
#[derive(Default)]
pub(crate) struct Needless<'a> {
    /// Time awake, seconds.
    pub(crate) awake_s: f64,
    /// Whenever something began to be told of the driver, or became more urgent.
    pub(crate) alarms: Vec<(&'a Film, Told)>,
    /// The same of our sight of the driver: needed or not, nobody can say by the spans.
    pub(crate) of_sight: Vec<(State, Level)>,
}

impl<'a> Needless<'a> {
    /// Adds a film; one whose eyes a person could not read says nothing.
    pub(crate) fn add(&mut self, film: &'a Film, told: &[Told]) {
        if film.truth.confidence == Confidence::Low {
            return;
        }
        for pair in told.windows(2) {
            if is_awake(film, pair[0].at) {
                self.awake_s += (pair[1].at - pair[0].at).clamp(0.0, MOST_S);
            }
        }
        let mut before: Option<&Told> = None;
        for now in told {
            let more = before.is_none_or(|before| now.level > before.level);
            let other = before.is_some_and(|before| now.is_of_sleep() != before.is_of_sleep());
            if now.level > Level::None && (more || other) && is_awake(film, now.at) {
                match now.is_of_sleep() || now.is_off_road() && !looks(film, now.at) {
                    true => self.alarms.push((film, now.clone())),
                    false => self.of_sight.push((now.state, now.level)),
                }
            }
            before = Some(now);
        }
    }

    pub(crate) fn count(&self, level: Level) -> usize {
        self.alarms.iter().filter(|(_, told)| told.level == level).count()
    }

    /// So many, as a rate an hour of time awake.
    pub(crate) fn an_hour(&self, count: usize) -> f64 {
        3600.0 * count as f64 / self.awake_s.max(1.0)
    }
}
