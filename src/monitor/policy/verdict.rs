//! What matters most now, of all that the monitor knows, and why: one ordered list, and one
//! short sentence for people for each of its entries.

use std::time::Duration;

use super::{Monitor, REMEMBERED_S, seconds};
use crate::{
    face::Unreadable,
    monitor::{Judgement, Level, Missing, Sign, Signs, State, awareness::Stage, road::Off},
};

/// The most warnings that are remembered for the suggestion to rest.
const WARNINGS_MOST: usize = 32;

impl Monitor {
    /// What matters most now.
    pub(super) fn judge(&self, at: Duration) -> Judgement {
        let s = &self.settings;
        let mean = self.drowsy.mean(REMEMBERED_S, s.drowsy_smoothing_s);
        let drowsy = mean.filter(|_| self.is_known);
        let closed_s = self.closure.closed.as_secs_f32();
        let eyes_closed_s = if self.closed == Some(true) { closed_s } else { 0.0 };
        let stage = self.awareness.stage();
        // An alarm for closed eyes outlasts the sight of them: a sleeper's head drops.
        let (state, level, why) = if let Some(asleep_s) = self.asleep_s {
            (self.depth(asleep_s), Level::Critical, self.why_asleep(eyes_closed_s))
        } else if eyes_closed_s >= s.microsleep_s && self.excuse.is_none() {
            (State::Microsleep, Level::None, self.why_asleep(eyes_closed_s))
        } else if let Some(off) = self.road.warned().filter(|_| !self.no_driver.is_on()) {
            (State::EyesOffRoad, Level::Warning, self.why_off(off))
        } else if self.no_driver.is_on() {
            (State::NoDriver, Level::Advisory, "no face is seen".into())
        } else if self.unreadable.is_on() {
            let (level, why) = self.unseen(stage);
            (State::EyesUnreadable, level, why)
        } else if stage == Stage::Drowsy {
            (State::Drowsy, Level::Warning, self.why_tired(drowsy))
        } else if self.rate.is_slow() {
            let hz = 1.0 / self.rate.interval_s.max(f32::EPSILON);
            let why = format!("{hz:.1} pictures a second are too few, {} are needed", s.least_hz);
            (State::Slow, Level::Advisory, why)
        } else if stage == Stage::Tiring {
            (State::Tiring, Level::Advisory, self.why_tired(drowsy))
        } else if self.road.is_off() {
            (State::EyesOffRoad, Level::None, "the eyes are off the road".into())
        } else if drowsy.is_none() {
            (State::Starting, Level::None, "getting to know the face".into())
        } else {
            (State::Awake, Level::None, "eyes open, looks awake".into())
        };
        Judgement {
            at: at.as_secs_f64(),
            state,
            level,
            why,
            drowsy,
            eyes_closed_s,
            awareness: self.awareness.left(),
            baseline: self.baseline.progress(s),
            blinks: self.blinks,
            yawns: self.yawns,
            rest: self.rest_until.is_some_and(|until| at < until),
            signs: Signs {
                blinking: self.blinking_sign(at),
                ..self.watch.signs(self.missing, self.rate.interval_s, s)
            },
        }
    }

    /// The score as a sign, as long as it is fresh.
    fn blinking_sign(&self, at: Duration) -> Sign {
        let fresh =
            |scored: Duration| at.saturating_sub(scored) <= seconds(self.settings.blinking_s);
        match (self.missing, self.score) {
            (Some(Missing::TooSlow), _) => Sign::Missing(Missing::TooSlow),
            (_, Some((scored, Ok(score)))) if fresh(scored) => Sign::Known {
                value: score.value,
                certainty: (score.certainty * self.blinking.share()).clamp(0.0, 1.0),
            },
            (_, Some((_, Err(why)))) => Sign::Missing(why),
            (missing, _) => Sign::Missing(missing.unwrap_or_default()),
        }
    }

    /// Remembers warnings, and suggests a rest when they repeat.
    pub(super) fn count_warnings(&mut self, at: Duration, mut judgement: Judgement) -> Judgement {
        // Who looks away needs no rest.
        let tired = judgement.level >= Level::Warning && judgement.state != State::EyesOffRoad;
        if tired && self.level < Level::Warning {
            let within = seconds(self.settings.rest_within_s);
            self.warnings.retain(|warned| at.saturating_sub(*warned) <= within);
            if self.warnings.len() == WARNINGS_MOST {
                self.warnings.pop_front();
            }
            self.warnings.push_back(at);
            if self.warnings.len() as u64 >= u64::from(self.settings.rest_warnings) {
                self.rest_until = at.checked_add(within);
                judgement.rest = self.rest_until.is_some();
            }
        }
        self.level = if tired { judgement.level } else { Level::None };
        judgement
    }

    pub(super) fn perclos(&self) -> Option<f32> {
        self.watch.perclos(&self.settings)
    }

    /// What a sleep of this length is called.
    fn depth(&self, asleep_s: f32) -> State {
        if asleep_s >= self.settings.unresponsive_s {
            State::Unresponsive
        } else if asleep_s >= self.settings.asleep_s {
            State::Asleep
        } else {
            State::Microsleep
        }
    }

    fn why_asleep(&self, eyes_closed_s: f32) -> String {
        match self.closed {
            Some(true) => format!("eyes closed for {eyes_closed_s:.1} s"),
            Some(false) => "eyes were closed; waiting for them to stay open".into(),
            None => "eyes were closed when last seen".into(),
        }
    }

    /// What is told while the eyes cannot be read: what can still be seen counts.
    fn unseen(&self, stage: Stage) -> (Level, String) {
        let why = match self.why_unreadable {
            Some(Unreadable::Covered) => "the eyes are covered",
            Some(Unreadable::Dark) => "it is too dark to see the eyes",
            Some(Unreadable::Turned) => "the head is turned away",
            Some(Unreadable::Small) => "the face is too small in the picture",
            Some(Unreadable::Blurred) => "the picture is blurred",
            None => "the eyes cannot be read",
        };
        if self.head_down.is_on() {
            (Level::Warning, format!("{why}, and the head hangs"))
        } else if stage == Stage::Drowsy {
            (Level::Warning, format!("{why}, and the driver seemed drowsy"))
        } else {
            (Level::Advisory, why.into())
        }
    }

    /// What eyes off the road are told as.
    fn why_off(&self, off: Off) -> String {
        let s = &self.settings;
        match off {
            Off::Long => format!("eyes off the road for more than {:.1} s", s.off_road_s),
            Off::Often => format!("eyes off the road for {:.0} of the last 30 s", s.glances_s),
        }
    }

    /// The score of the blinks where they look drowsy, if it may count.
    fn tired_blinks(&self) -> Option<f32> {
        let holds = self.score.is_some_and(|(_, score)| score.is_ok_and(|score| score.holds));
        let value = self.blinking_sign(self.last.unwrap_or_default()).value();
        value.filter(|value| holds && *value >= self.settings.blinking_drowsy)
    }

    /// The strongest sign of the last minute.
    fn why_tired(&self, drowsy: Option<f32>) -> String {
        let signs = self.watch.signs(self.missing, self.rate.interval_s, &self.settings);
        let count = |sign: Sign| sign.value().unwrap_or_default() as u32;
        let (perclos, long) = (self.perclos().unwrap_or_default(), count(signs.long_closures));
        if let Some(mean) = drowsy.filter(|_| self.looks_drowsy) {
            format!("looks drowsy ({:.0}%)", 100.0 * mean)
        } else if perclos > self.settings.perclos_advisory {
            format!("eyes closed for {:.0}% of the last minute", 100.0 * perclos)
        } else if long > 1 {
            format!("eyes closed for long {long} times in the last minute")
        } else if let Some(score) = self.tired_blinks() {
            format!("blinks like a drowsy driver ({score:.1} of 10)")
        } else if self.watch.is_yawning() || count(signs.yawns) > 0 {
            format!("{} yawns in the last minute", count(signs.yawns).max(1))
        } else {
            "signs of drowsiness in the last minutes".into()
        }
    }
}
