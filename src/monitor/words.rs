//! What is judged, in words: the cause of each state, one short sentence for people.

use super::{Level, Sign, State, awareness::Stage, policy::Monitor, road::Off};
use crate::face::Unreadable;

impl Monitor {
    /// What a sleep of this length is called.
    pub(super) fn depth(&self, asleep_s: f32) -> State {
        if asleep_s >= self.settings.unresponsive_s {
            State::Unresponsive
        } else if asleep_s >= self.settings.asleep_s {
            State::Asleep
        } else {
            State::Microsleep
        }
    }

    pub(super) fn why_asleep(&self, eyes_closed_s: f32) -> String {
        match self.closed {
            Some(true) => format!("eyes closed for {eyes_closed_s:.1} s"),
            Some(false) => "eyes were closed; waiting for them to stay open".into(),
            None => "eyes were closed when last seen".into(),
        }
    }

    /// What is told while the eyes cannot be read: what can still be seen counts.
    pub(super) fn unseen(&self, stage: Stage) -> (Level, String) {
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
    pub(super) fn why_off(&self, off: Off) -> String {
        let s = &self.settings;
        match off {
            Off::Long => format!("eyes off the road for more than {:.1} s", s.off_road_s),
            Off::Often => format!("eyes off the road for {:.0} of the last 30 s", s.glances_s),
        }
    }

    /// The score of the blinks where they look drowsy.
    fn tired_blinks(&self) -> Option<f32> {
        let score = self.blinking_sign(self.last.unwrap_or_default()).value();
        score.filter(|score| *score >= self.settings.blinking_drowsy)
    }

    /// The strongest sign of the last minute.
    pub(super) fn why_tired(&self, drowsy: Option<f32>) -> String {
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
