//! The judgement: a few timers, then one ordered list of what matters most. Whether the
//! eyes are closed is decided here too, since the classifier and the landmarks must agree.

use std::time::Duration;

use super::{
    FaceSigns, Judgement, Level, Observation, Settings, State,
    timers::{Closure, Persistence, Smoother},
};
use crate::face::Unreadable;

/// Below this rate blinks and closures cannot be told, frames a second (PERCLOS needs at
/// least 10; see the domain notes).
const LOWEST_HZ: u32 = 10;

/// A mean that has faded to the weight of so many seconds is forgotten.
const REMEMBERED_S: f32 = 0.2;

/// Judges a driver from one observation after the other.
#[derive(Clone, Debug)]
pub struct Monitor {
    settings: Settings,
    /// Media time of the observation before; `None` at first.
    last: Option<Duration>,
    /// Whether the eyes were closed in the observation before; `None` = not readable.
    closed: Option<bool>,
    closure: Closure,
    drowsy: Smoother,
    /// Enough has been seen to tell, and not been forgotten since.
    is_known: bool,
    is_drowsy: bool,
    is_asleep: bool,
    no_driver: Persistence,
    unreadable: Persistence,
    why_unreadable: Option<Unreadable>,
    slow: Persistence,
    /// Running mean of the time between frames, seconds.
    interval_s: f32,
}

/// A setting in seconds as a duration; nonsense (negative, not a number) is zero.
fn seconds(value: f32) -> Duration {
    Duration::try_from_secs_f32(value).unwrap_or_default()
}

impl Monitor {
    /// A monitor that has seen nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            last: None,
            closed: None,
            closure: Closure::default(),
            drowsy: Smoother::default(),
            is_known: false,
            is_drowsy: false,
            is_asleep: false,
            no_driver: Persistence::default(),
            unreadable: Persistence::default(),
            why_unreadable: None,
            slow: Persistence::default(),
            interval_s: 0.0,
        }
    }

    /// Takes one observation and judges.
    ///
    /// Observations come in the order of their time, at 10 to 60 a second. A time that
    /// jumps back or far ahead is a hole in which nothing is known, no more.
    pub fn step(&mut self, seen: &Observation) -> Judgement {
        let passed = self.last.map_or(Duration::ZERO, |last| seen.at.saturating_sub(last));
        self.last = Some(seen.at);
        let hole = passed > seconds(self.settings.gap_s);
        let known = if hole { Duration::ZERO } else { passed };
        self.watch_rate(passed);

        let signs = seen.face.as_ref();
        let readable = signs.filter(|face| face.unreadable.is_none() && is_sound(face));
        self.no_driver.step(signs.is_none(), known, seconds(self.settings.no_driver_s));
        // No face is not an unreadable one: that timer rests meanwhile.
        if let Some(face) = signs {
            let after = seconds(self.settings.unreadable_s);
            self.unreadable.step(readable.is_none(), known, after);
            self.why_unreadable = face.unreadable.or(self.why_unreadable);
        }
        if hole {
            self.pause(passed);
        }
        match readable {
            Some(face) => self.read(face, known),
            None => {
                self.closed = None;
                self.pause(known);
            }
        }
        self.judge(seen.at)
    }

    /// The source has not delivered for too long: nothing is known, and that is told.
    ///
    /// `at` is the media time by which a frame was due.
    pub fn lost(&mut self, at: Duration) -> Judgement {
        self.closed = None;
        let since = at.saturating_sub(self.last.unwrap_or_default()).as_secs_f32();
        let (level, then) = if self.is_asleep {
            (Level::Critical, ", and the driver was asleep")
        } else {
            (Level::Advisory, "")
        };
        let why = format!("no picture could be judged for {since:.1} s{then}");
        Judgement { state: State::CameraLost, level, why, ..self.judge(at) }
    }

    /// The driver says that they are awake: ends the alarm for closed eyes. Should the
    /// eyes still be closed, they are timed anew.
    pub fn acknowledge(&mut self) {
        self.is_asleep = false;
        self.closure = Closure::default();
    }

    /// Watches over the time between frames.
    fn watch_rate(&mut self, passed: Duration) {
        // A single long hole (a suspended laptop) says little about the rate.
        let counted = passed.min(Duration::from_secs(1));
        let late = passed > seconds(self.settings.slow_interval_s);
        self.slow.step(late, counted, seconds(self.settings.slow_s));
        self.interval_s += 0.2 * (counted.as_secs_f32() - self.interval_s);
    }

    /// Nothing is known of this time.
    fn pause(&mut self, passed: Duration) {
        self.closed = None;
        self.closure.pause(passed, seconds(self.settings.pause_max_s));
        self.drowsy.fade(passed.as_secs_f32(), self.settings.drowsy_smoothing_s);
        self.forget();
    }

    /// Starts anew with the probability of drowsy when the last of it has faded.
    fn forget(&mut self) {
        if self.drowsy.mean(REMEMBERED_S, self.settings.drowsy_smoothing_s).is_none() {
            self.is_known = false;
            self.is_drowsy = false;
        }
    }

    /// Takes the signs of a face whose eyes can be read.
    fn read(&mut self, face: &FaceSigns, known: Duration) {
        let s = self.settings;
        let closed = self.eyes_closed(face);
        self.closure.see(closed, self.closed, known, seconds(s.reopen_s));
        self.closed = Some(closed);

        let yawning = face.yawn >= s.yawning;
        let limit = seconds(if yawning { s.asleep_yawning_s } else { s.asleep_s });
        if self.closure.closed >= limit {
            self.is_asleep = true;
        } else if self.closure.open >= seconds(s.awake_s) {
            self.is_asleep = false;
        }

        // "Drowsy" of a single picture means closed eyes or a yawn; a yawn alone must
        // not warn, so that its frames tell nothing.
        let (step, constant) = (known.as_secs_f32(), s.drowsy_smoothing_s);
        if yawning {
            self.drowsy.fade(step, constant);
            self.forget();
        } else {
            self.drowsy.add(face.drowsy.clamp(0.0, 1.0), step, constant);
        }
        // Only a mean of full weight changes the state: after a pause the first frames
        // weigh too much.
        if let Some(mean) = self.drowsy.mean(s.settle_s, constant) {
            self.is_known = true;
            self.is_drowsy = mean >= if self.is_drowsy { s.drowsy_leave } else { s.drowsy_enter };
        }
    }

    /// Whether the eyes are closed. The classifier leads: it sees the lids' texture, the
    /// ratio only six points. Where it is not sure, the ratio has to agree.
    fn eyes_closed(&self, face: &FaceSigns) -> bool {
        let s = &self.settings;
        if self.closed == Some(true) {
            return face.eyes_closed >= s.closed_leave;
        }
        let aspect = (face.eye_aspect[0] + face.eye_aspect[1]) / 2.0;
        face.eyes_closed >= s.closed_sure
            || face.eyes_closed >= s.closed_likely && aspect < s.closed_aspect
    }

    /// What matters most now.
    fn judge(&self, at: Duration) -> Judgement {
        let s = &self.settings;
        let mean = self.drowsy.mean(REMEMBERED_S, s.drowsy_smoothing_s);
        let drowsy = mean.filter(|_| self.is_known);
        let closed_s = self.closure.closed.as_secs_f32();
        let eyes_closed_s = if self.closed == Some(true) { closed_s } else { 0.0 };
        // An alarm for closed eyes outlasts the sight of them: a sleeper's head drops.
        let (state, level, why) = if self.is_asleep {
            (State::Asleep, Level::Critical, self.why_asleep(eyes_closed_s))
        } else if self.no_driver.is_on() {
            (State::NoDriver, Level::Advisory, "no face is seen".into())
        } else if self.unreadable.is_on() {
            (State::EyesUnreadable, Level::Advisory, self.why_unreadable().into())
        } else if self.is_drowsy {
            let percent = 100.0 * drowsy.unwrap_or_default();
            (State::Drowsy, Level::Warning, format!("looks drowsy ({percent:.0}%)"))
        } else if self.slow.is_on() {
            let hz = 1.0 / self.interval_s.max(f32::EPSILON);
            let why = format!("{hz:.1} pictures a second are too few, {LOWEST_HZ} are needed");
            (State::Starting, Level::Advisory, why)
        } else if drowsy.is_none() {
            (State::Starting, Level::None, "getting to know the face".into())
        } else {
            (State::Awake, Level::None, "eyes open, looks awake".into())
        };
        Judgement { at: at.as_secs_f64(), state, level, why, drowsy, eyes_closed_s }
    }

    fn why_asleep(&self, eyes_closed_s: f32) -> String {
        match self.closed {
            Some(true) => format!("eyes closed for {eyes_closed_s:.1} s"),
            Some(false) => "eyes were closed; waiting for them to stay open".into(),
            None => "eyes were closed when last seen".into(),
        }
    }

    fn why_unreadable(&self) -> &'static str {
        match self.why_unreadable {
            Some(Unreadable::Covered) => "the eyes are covered",
            Some(Unreadable::Dark) => "it is too dark to see the eyes",
            Some(Unreadable::Turned) => "the head is turned away",
            Some(Unreadable::Small) => "the face is too small in the picture",
            Some(Unreadable::Blurred) => "the picture is blurred",
            None => "the eyes cannot be read",
        }
    }
}

/// Whether all readings are numbers: a network that gives none has read nothing.
fn is_sound(face: &FaceSigns) -> bool {
    let [left, right] = face.eye_aspect;
    [face.drowsy, face.eyes_closed, face.yawn, left, right].iter().all(|v| v.is_finite())
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
