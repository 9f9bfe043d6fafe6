//! The judgement: the eyes, the signs and the awareness of the moment, then one ordered
//! list of what matters most.

mod verdict;

use std::{collections::VecDeque, time::Duration};

use super::{
    FaceSigns, Judgement, Level, Missing, Observation, Settings, State,
    awareness::Awareness,
    baseline::Baseline,
    blinks::{BlinkScore, Blinks, FEATURES},
    eyes,
    happened::{Diary, Happening, Now},
    mouth::Mouth,
    rate::Rate,
    road::{Life, Road},
    signs::{Happened, Moment, Watch},
    timers::{Closure, Persistence, Smoother},
};
use crate::face::Unreadable;

/// A mean that has faded to the weight of so many seconds is forgotten.
const REMEMBERED_S: f32 = 0.2;

/// A look aside that begins so soon after the lids sank went with them.
const TOGETHER: Duration = Duration::from_millis(300);

/// Judges a driver from one observation after the other.
#[derive(Clone, Debug)]
pub struct Monitor {
    settings: Settings,
    /// Media time of the observation before; `None` at first.
    last: Option<Duration>,
    rate: Rate,
    no_driver: Persistence,
    unreadable: Persistence,
    why_unreadable: Option<Unreadable>,
    /// Why no eyes are read now.
    missing: Option<Missing>,

    baseline: Baseline,
    /// Whether the eyes were closed in the observation before; `None` = not readable.
    closed: Option<bool>,
    closure: Closure,
    /// When the lids last sank.
    shut_at: Option<Duration>,
    /// What explains the closure of now, if anything does.
    excuse: Option<Excuse>,
    life: Life,
    /// How long the sleep that is being alarmed of has lasted, seconds.
    asleep_s: Option<f32>,
    mouth: Mouth,
    /// Since when the head is turned from its usual place.
    turned_since: Option<Duration>,
    road: Road,
    head_down: Persistence,
    watch: Watch,
    diary: Diary,
    blinks: u32,
    yawns: u32,
    blinking: Blinks,
    /// The blinks as described since the last was over, until they are scored.
    described: Option<[f32; FEATURES]>,
    /// When they were last scored, and how; or that this failed.
    score: Option<(Duration, Result<BlinkScore, Missing>)>,

    drowsy: Smoother,
    /// Enough has been seen to tell, and not been forgotten since.
    is_known: bool,
    looks_drowsy: bool,
    awareness: Awareness,
    level: Level,
    warnings: VecDeque<Duration>,
    rest_until: Option<Duration>,
}

/// What explains closed eyes that are not asleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Excuse {
    /// A yawn, seen or behind a hand.
    Yawn,
    /// A look down or aside, with how long the eyes had been closed when the driver last
    /// gave a sign of life.
    Look(Duration),
}

/// What the head does.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    /// Turned from its usual place.
    is_turned: bool,
    /// So far that the eyes are off the road.
    is_off: bool,
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
            rate: Rate::default(),
            no_driver: Persistence::default(),
            unreadable: Persistence::default(),
            why_unreadable: None,
            missing: None,
            baseline: Baseline::default(),
            closed: None,
            closure: Closure::default(),
            shut_at: None,
            excuse: None,
            life: Life::default(),
            asleep_s: None,
            mouth: Mouth::default(),
            turned_since: None,
            road: Road::default(),
            head_down: Persistence::default(),
            watch: Watch::default(),
            diary: Diary::default(),
            blinks: 0,
            yawns: 0,
            blinking: Blinks::default(),
            described: None,
            score: None,
            drowsy: Smoother::default(),
            is_known: false,
            looks_drowsy: false,
            awareness: Awareness::default(),
            level: Level::None,
            warnings: VecDeque::new(),
            rest_until: None,
        }
    }

    /// Judges by other thresholds from now on; what has been learned of the driver stays.
    pub fn retune(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Takes one observation and judges.
    ///
    /// Observations come in the order of their time, at 10 to 60 a second. A time that
    /// jumps back or far ahead is a hole in which nothing is known, no more.
    pub fn step(&mut self, seen: &Observation) -> Judgement {
        let s = self.settings;
        if self.last.is_some_and(|last| seen.at < last) {
            self.turn_back();
        }
        let passed = self.last.map_or(Duration::ZERO, |last| seen.at.saturating_sub(last));
        self.last = Some(seen.at);
        let hole = passed > seconds(s.gap_s);
        let known = if hole { Duration::ZERO } else { passed };
        self.rate.step(passed, &s);

        let face = seen.face.as_ref();
        let readable = face.filter(|face| face.unreadable.is_none() && eyes::is_sound(face));
        self.watch_sight(face, readable.is_some(), known);
        let closed = readable
            .map(|face| eyes::are_closed(face, self.closed, self.baseline.open_aspect(&s), &s));
        let turn = face.and_then(|face| self.baseline.turn(face.pose));
        let head = self.watch_head(seen.at, face, turn, readable.is_some(), known);

        let moment = Moment {
            at: seen.at,
            step: known,
            interval_s: self.rate.interval_s,
            closed,
            excused: self.excuse.is_some(),
            face,
            turn,
        };
        let happened = self.watch.see(&moment, &s);
        self.blinks = self.blinks.saturating_add(u32::from(happened.blink.is_some()));
        self.yawns = self.yawns.saturating_add(u32::from(happened.yawn));
        if let Some(blink) = happened.blink {
            let learning = self.baseline.progress(&s) < 1.0;
            self.described = self.blinking.add(&blink, learning, &s);
        }
        if let Some(face) = face {
            self.mouth.see(seen.at, face, &s);
        }

        if hole {
            self.pause(passed);
        }
        match (readable, closed) {
            (Some(face), Some(closed)) => {
                self.watch_closure(seen.at, face, closed, known);
                self.watch_look(seen.at, face, head, known);
                self.baseline.follow(face.pose, self.road.follows(known));
                let is_yawning = self.mouth.is_yawning(seen.at);
                if !(closed || head.is_turned || is_yawning || self.looks_drowsy) {
                    self.baseline.add(face.mean_aspect(), face.pose, known, &s);
                }
            }
            _ => self.pause(known),
        }
        self.closed = closed;
        let off_road = head.is_off || closed == Some(true) && self.looks();
        if face.is_some() {
            self.road.step(seen.at, off_road, known, &s);
        }
        self.watch_alarm(passed);
        self.sum_up(happened, known);
        let now = Now {
            at: seen.at,
            passed,
            closed: self.closure.closed,
            is_closed: closed == Some(true),
            shut: readable.map(FaceSigns::shut),
            yawn: face.map(|face| (face.yawn, Watch::is_yawn(face, &s))),
            is_yawn: self.watch.is_yawning(),
            nod: happened.nod,
            off_road,
        };
        self.diary.see(&now, &s);
        let judgement = self.judge(seen.at);
        self.count_warnings(seen.at, judgement)
    }

    /// What the last observation brought to an end: blinks, yawns, glances and the like.
    pub fn happened(&self) -> &[Happening] {
        self.diary.told()
    }

    /// The watch is over: what goes on is told of by [`Monitor::happened`] as far as it came.
    pub fn end(&mut self) {
        self.diary.end(&self.settings);
    }

    /// The source has not delivered for too long: nothing is known, and that is told.
    ///
    /// `at` is the media time by which a frame was due.
    pub fn lost(&mut self, at: Duration) -> Judgement {
        self.closed = None;
        let since = at.saturating_sub(self.last.unwrap_or_default()).as_secs_f32();
        let (level, then) = if self.asleep_s.is_some() {
            (Level::Critical, ", and the driver was asleep")
        } else {
            (Level::Advisory, "")
        };
        let why = format!("no picture could be judged for {since:.1} s{then}");
        Judgement { state: State::CameraLost, level, why, ..self.judge(at) }
    }

    /// The driver says that they are awake: ends the alarm for closed eyes and the warning
    /// of drowsiness. Should the eyes still be closed, they are timed anew.
    pub fn acknowledge(&mut self) {
        self.asleep_s = None;
        self.closure = Closure::default();
        self.drowsy = Smoother::default();
        self.looks_drowsy = false;
        self.road.forget();
        self.awareness.restore(self.settings.tiring[0], &self.settings);
    }

    /// The last blinks as [`features`](super::blinks::features), once after each blink
    /// when there are enough; what the network makes of them is for [`Monitor::score`].
    pub fn described(&mut self) -> Option<[f32; FEATURES]> {
        self.described.take()
    }

    /// How drowsy the blinks look, or `None` when that could not be told. It is shown from
    /// the next observation on, and takes awareness only if it holds without knowing how the
    /// driver's norm was taken: who starts sleepy is measured by sleepy blinks.
    pub fn score(&mut self, score: Option<BlinkScore>) {
        let (s, at) = (self.settings, self.last.unwrap_or_default());
        let sound = |score: &BlinkScore| score.value.is_finite() && score.certainty.is_finite();
        let score = score.filter(sound).ok_or(Missing::ModelFailed);
        let score = score.map(|score| BlinkScore { value: score.value.clamp(0.0, 10.0), ..score });
        self.score = Some((at, score));
        let tires = |score: BlinkScore| score.holds && score.value >= s.blinking_drowsy;
        if score.is_ok_and(tires) && !self.rate.is_slow() {
            self.awareness.support(s.blinking_cost * self.blinking.share(), &s);
        }
    }

    /// Another driver, or another seat: the baseline is learned anew.
    pub fn relearn(&mut self) {
        self.baseline = Baseline::default();
        self.blinking = Blinks::default();
        (self.described, self.score) = (None, None);
    }

    /// The clock has jumped back: times that were kept lie in the future.
    fn turn_back(&mut self) {
        (self.turned_since, self.shut_at) = (None, None);
        self.mouth.forget();
        self.diary.turn_back();
        self.score = None;
        self.warnings.clear();
        self.rest_until = None;
    }

    /// Watches over whether there is a face with eyes that can be read.
    fn watch_sight(&mut self, face: Option<&FaceSigns>, is_readable: bool, known: Duration) {
        let s = self.settings;
        self.no_driver.step(face.is_none(), known, seconds(s.no_driver_s));
        // No face is not an unreadable one: that timer rests meanwhile.
        if let Some(face) = face {
            self.why_unreadable = face.unreadable.or(self.why_unreadable);
            let turned = self.why_unreadable == Some(Unreadable::Turned);
            let after = if turned { s.turned_s } else { s.unreadable_s };
            self.unreadable.step(!is_readable, known, seconds(after));
        }
        self.missing = match face {
            None => Some(Missing::NoFace),
            Some(_) if !is_readable => Some(Missing::EyesUnreadable),
            Some(_) if self.rate.is_slow() => Some(Missing::TooSlow),
            Some(_) => None,
        };
    }

    /// Watches where the head points.
    fn watch_head(
        &mut self,
        at: Duration,
        face: Option<&FaceSigns>,
        turn: Option<[f32; 2]>,
        is_readable: bool,
        known: Duration,
    ) -> Head {
        let s = self.settings;
        let Some(face) = face else { return Head::default() };
        let too_far = face.unreadable == Some(Unreadable::Turned);
        let is_down = turn.is_some_and(|[_, down]| down >= s.away_pitch_deg);
        let is_aside = too_far || turn.is_some_and(|[yaw, _]| yaw >= s.away_yaw_deg);
        let is_turned = is_aside || turn.is_some_and(|[_, down]| down >= s.glance_deg);
        // Whether a head that hangs behind dark glasses looks or sleeps cannot be told.
        let hangs = is_down && !is_readable && !too_far;
        self.head_down.step(hangs, known, seconds(s.head_down_s));
        self.turned_since = is_turned.then(|| self.turned_since.unwrap_or(at));
        Head { is_turned, is_off: is_aside || is_down && is_readable }
    }

    /// Whether the lids are down in a look.
    fn looks(&self) -> bool {
        matches!(self.excuse, Some(Excuse::Look(_)))
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
            self.looks_drowsy = false;
        }
    }

    /// Times the closure of eyes that can be read, and alarms.
    fn watch_closure(&mut self, at: Duration, face: &FaceSigns, closed: bool, known: Duration) {
        let s = self.settings;
        // Kept until the next closure: a blink is told of a little after its end.
        if closed && self.closure.closed.is_zero() && self.closed != Some(true) {
            self.excuse = None;
        }
        self.closure.see(closed, self.closed, known, seconds(s.reopen_s));
        if closed && self.closed != Some(true) {
            self.shut_at = Some(at);
        }
        if closed && self.asleep_s.is_none() {
            self.excuse(at, face, known);
        }
        let closed_for = self.closure.closed;
        let (since, limit) = match self.excuse {
            None => (closed_for, s.alarm_s),
            Some(Excuse::Yawn) => (closed_for, s.alarm_excused_s),
            Some(Excuse::Look(life)) => (closed_for.saturating_sub(life), s.still_s),
        };
        if since >= seconds(limit) && closed {
            if self.asleep_s.is_none() {
                self.asleep_s = Some(closed_for.as_secs_f32());
                self.awareness.change(-s.closure_cost_max, &s);
            }
            // Nothing explains it any more.
            self.excuse = None;
        } else if self.closure.open >= seconds(s.awake_s) {
            self.asleep_s = None;
        }
    }

    /// Looks for what explains that the eyes are closed.
    ///
    /// | what | explains closed eyes |
    /// |---|---|
    /// | a yawn is read, now or half a second ago | for 3 s in all |
    /// | the mouth opened before the lids sank, a hand or not | for 3 s in all |
    /// | the mouth has since been clearly shut for a second | no more |
    /// | the lids sank with a head that turned aside or down | until 3 s without a sign of life |
    /// | the head moves aside or up under the lids | the same, from then |
    /// | the head only sinks, after the lids | not at all: a nod |
    fn excuse(&mut self, at: Duration, face: &FaceSigns, known: Duration) {
        let s = self.settings;
        let closed_for = self.closure.closed;
        let lives = self.life.see(face.pose, closed_for, known, &s);
        let glanced =
            self.turned_since.is_some_and(|since| at.saturating_sub(since) <= seconds(s.glance_s));
        // A blink may come just before: lids that then sink with a look are still a look.
        let sank_now = closed_for <= TOGETHER * 2
            && self.shut_at.is_some_and(|shut| at.saturating_sub(shut) <= TOGETHER);
        let yawns = self.mouth.is_yawning(at)
            || self.shut_at.is_some_and(|sank| self.mouth.is_open_since(at, sank));
        self.excuse = match self.excuse {
            _ if lives => Some(Excuse::Look(closed_for)),
            None if glanced && sank_now => Some(Excuse::Look(Duration::ZERO)),
            None if yawns => Some(Excuse::Yawn),
            Some(Excuse::Yawn) if self.mouth.is_over(at) => None,
            excuse => excuse,
        };
    }

    /// An alarm that nothing answers becomes worse, seen or unseen.
    fn watch_alarm(&mut self, passed: Duration) {
        if let Some(asleep_s) = &mut self.asleep_s {
            let lasted = if self.closed == Some(true) {
                self.closure.closed.as_secs_f32()
            } else if self.closed == Some(false) {
                0.0
            } else {
                *asleep_s + passed.min(Duration::from_secs(1)).as_secs_f32()
            };
            *asleep_s = asleep_s.max(lasted);
        }
    }

    /// Smooths how drowsy single frames look.
    fn watch_look(&mut self, at: Duration, face: &FaceSigns, head: Head, known: Duration) {
        let s = self.settings;
        // "Drowsy" of a single picture means closed eyes or a yawn; a yawn alone must not
        // warn, nor lids that sink with a look, so that their frames tell nothing.
        let (step, constant) = (known.as_secs_f32(), s.drowsy_smoothing_s);
        let excused = self.closure.closed > Duration::ZERO && self.excuse.is_some();
        if self.mouth.is_yawning(at) || excused || head.is_off {
            self.drowsy.fade(step, constant);
            self.forget();
        } else {
            self.drowsy.add(face.drowsy.clamp(0.0, 1.0), step, constant);
        }
        // Only a mean of full weight changes the state: after a pause the first frames
        // weigh too much.
        if let Some(mean) = self.drowsy.mean(s.settle_s, constant) {
            self.is_known = true;
            self.looks_drowsy =
                mean >= if self.looks_drowsy { s.drowsy_leave } else { s.drowsy_enter };
        }
    }

    /// Takes from the awareness what has happened, or gives back.
    fn sum_up(&mut self, happened: Happened, known: Duration) {
        let s = self.settings;
        if let Some(blink) = happened.blink {
            let alarmed = blink.closed_s >= s.alarm_s;
            if blink.closed_s >= s.long_closure_s && self.excuse.is_none() && !alarmed {
                let cost = (s.closure_cost * blink.closed_s).min(s.closure_cost_max);
                self.awareness.change(-cost, &s);
            }
        }
        if happened.yawn {
            self.awareness.support(s.yawn_cost, &s);
        }
        if happened.nod.is_some() {
            self.awareness.support(s.nod_cost, &s);
        }
        let step_s = known.as_secs_f32();
        let heavy = match self.perclos() {
            Some(perclos) if perclos > s.perclos_advisory => {
                let span = (s.perclos_drowsy - s.perclos_advisory).max(f32::EPSILON);
                s.perclos_cost * ((perclos - s.perclos_advisory) / span).min(1.0)
            }
            _ => 0.0,
        };
        let looks = if self.looks_drowsy { s.looks_cost } else { 0.0 };
        let by = if heavy.max(looks) > 0.0 {
            -heavy.max(looks)
        } else {
            match self.closed {
                // A yawn is no rest.
                Some(false) if !self.watch.is_yawning() => s.recovery,
                Some(_) => 0.0,
                // Half of it: what cannot be seen is not known to be well.
                None if self.missing == Some(Missing::EyesUnreadable) => s.recovery / 2.0,
                None => 0.0,
            }
        };
        self.awareness.change(by * step_s, &s);
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
