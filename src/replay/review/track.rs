//! What was judged of a recording, in the order of time, and the stretches of it.

use crate::{
    face::Face,
    infer::Reading,
    live::Sighting,
    monitor::{Judgement, Level, State},
};

/// What is known of a moment.
#[derive(Clone, Debug)]
pub struct Known {
    /// What was judged.
    pub judgement: Judgement,
    /// The face that was seen.
    pub face: Option<Face>,
    /// What was read in it; without its attention.
    pub reading: Option<Reading>,
}

/// A moment that was judged.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) known: Known,
}

/// A time in one state and level.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    /// When it began, seconds.
    pub from: f64,
    /// When it ended, seconds.
    pub to: f64,
    /// The state.
    pub state: State,
    /// The level.
    pub level: Level,
}

/// A time in which the driver was warned or woken.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// When it began, seconds.
    pub from: f64,
    /// When it ended, seconds.
    pub to: f64,
    /// The highest level reached.
    pub level: Level,
}

/// Everything that was judged so far.
#[derive(Clone, Debug, Default)]
pub struct Track {
    pub(super) seen: Vec<Seen>,
    /// Stretches of one state and level, in order, without holes.
    pub stretches: Vec<Stretch>,
    /// Alarms, in order.
    pub alarms: Vec<Alarm>,
}

impl Track {
    pub(super) fn push(&mut self, seen: &Sighting, judged: &Judgement) {
        self.judge(judged);
        let reading = seen
            .reading
            .as_ref()
            .map(|reading| Reading { attention: Vec::new(), ..reading.clone() });
        let known = Known { judgement: judged.clone(), face: seen.face.clone(), reading };
        self.seen.push(Seen { known });
    }

    pub(super) fn push_event(&mut self, judged: &Judgement) {
        self.judge(judged);
        let known = Known { judgement: judged.clone(), face: None, reading: None };
        self.seen.push(Seen { known });
    }

    /// What was judged last holds until then.
    pub(super) fn extend(&mut self, until: f64) {
        if let Some(last) = self.stretches.last_mut() {
            last.to = last.to.max(until);
            if last.level >= Level::Warning
                && let Some(alarm) = self.alarms.last_mut()
            {
                alarm.to = alarm.to.max(until);
            }
        }
    }

    fn judge(&mut self, judged: &Judgement) {
        let (at, state, level) = (judged.at, judged.state, judged.level);
        self.extend(at);
        let alarming = self.stretches.last().is_some_and(|last| last.level >= Level::Warning);
        match self.stretches.last() {
            Some(last) if (last.state, last.level) == (state, level) => {}
            _ => self.stretches.push(Stretch { from: at, to: at, state, level }),
        }
        if level >= Level::Warning {
            match self.alarms.last_mut().filter(|_| alarming) {
                Some(alarm) => alarm.level = alarm.level.max(level),
                None => self.alarms.push(Alarm { from: at, to: at, level }),
            }
        }
    }

    /// What was judged at a time: the last judgement not after it.
    pub fn at(&self, at: f64) -> Option<Known> {
        let after = self.seen.partition_point(|seen| seen.known.judgement.at <= at + 1e-6);
        let last = self.seen.get(after.checked_sub(1)?)?;
        // Beyond what has been judged nothing is known yet.
        let judged = self.stretches.last().is_some_and(|last| at <= last.to + 0.2);
        judged.then(|| last.known.clone())
    }

    /// The first alarm that begins after a time.
    pub fn next_alarm(&self, at: f64) -> Option<&Alarm> {
        self.alarms.iter().find(|alarm| alarm.from > at + 0.05)
    }

    /// The last alarm that began before a time.
    pub fn last_alarm(&self, at: f64) -> Option<&Alarm> {
        self.alarms.iter().rev().find(|alarm| alarm.from < at - 0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judgements_become_stretches_and_alarms() {
        let mut track = Track::default();
        for (at, state, level) in [
            (0.0, State::Awake, Level::None),
            (1.0, State::Awake, Level::None),
            (2.0, State::Microsleep, Level::Warning),
            (3.0, State::Asleep, Level::Critical),
            (4.0, State::Awake, Level::None),
        ] {
            track.push_event(&Judgement { at, state, level, ..Judgement::default() });
        }
        track.extend(6.0);
        let spans: Vec<_> = track.stretches.iter().map(|s| (s.from, s.to, s.state)).collect();
        let wanted = [
            (0.0, 2.0, State::Awake),
            (2.0, 3.0, State::Microsleep),
            (3.0, 4.0, State::Asleep),
            (4.0, 6.0, State::Awake),
        ];
        assert_eq!(spans, wanted);
        assert_eq!(track.alarms, [Alarm { from: 2.0, to: 4.0, level: Level::Critical }]);
        assert_eq!(track.at(2.5).unwrap().judgement.state, State::Microsleep);
        assert!(track.at(9.0).is_none(), "that has not been judged");
        assert_eq!(track.next_alarm(0.0).unwrap().from, 2.0);
        assert!(track.next_alarm(2.0).is_none());
        assert_eq!(track.last_alarm(5.0).unwrap().from, 2.0);
    }
}
