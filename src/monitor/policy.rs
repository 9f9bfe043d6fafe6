//! The judgement: the eyes, the signs and the awareness of the moment, then one ordered
//! list of what matters most.

use std::{collections::VecDeque, time::Duration};

use super::{
    FaceSigns, Judgement, Level, Missing, Observation, Settings, Sign, State,
    awareness::{Awareness, Stage},
    baseline::Baseline,
    blinks::{BlinkScore, Blinks, FEATURES},
    eyes,
    signs::{Happened, Moment, Watch},
    timers::{Closure, Persistence, Smoother},
};
use crate::face::Unreadable;

/// Below this rate blinks and closures cannot be told, frames a second (PERCLOS needs at
/// least 10; see the domain notes).
const LOWEST_HZ: u32 = 10;

/// A mean that has faded to the weight of so many seconds is forgotten.
const REMEMBERED_S: f32 = 0.2;

/// A yawn whose reading flickers goes on for so long: a few frames. Our choice.
const YAWN_FLICKER: Duration = Duration::from_millis(500);

/// A look aside that begins so soon after the lids sank went with them.
const TOGETHER: Duration = Duration::from_millis(300);

/// The most warnings that are remembered for the suggestion to rest.
const WARNINGS_MOST: usize = 32;

/// Judges a driver from one observation after the other.
#[derive(Clone, Debug)]
pub struct Monitor {
    settings: Settings,
    /// Media time of the observation before; `None` at first.
    last: Option<Duration>,
    /// Running mean of the time between frames, seconds.
    interval_s: f32,
    slow: Persistence,
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
    /// A yawn or a glance aside explains the closure of now.
    is_excused: bool,
    /// How long the sleep that is being alarmed of has lasted, seconds.
    asleep_s: Option<f32>,
    yawned: Option<Duration>,
    /// Since when the head is turned from its usual place.
    turned_since: Option<Duration>,
    away: Persistence,
    head_down: Persistence,
    watch: Watch,
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
            interval_s: 0.0,
            slow: Persistence::default(),
            no_driver: Persistence::default(),
            unreadable: Persistence::default(),
            why_unreadable: None,
            missing: None,
            baseline: Baseline::default(),
            closed: None,
            closure: Closure::default(),
            shut_at: None,
            is_excused: false,
            asleep_s: None,
            yawned: None,
            turned_since: None,
            away: Persistence::default(),
            head_down: Persistence::default(),
            watch: Watch::default(),
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
        self.watch_rate(passed);

        let face = seen.face.as_ref();
        let readable = face.filter(|face| face.unreadable.is_none() && eyes::is_sound(face));
        self.watch_sight(face, readable.is_some(), known);
        let closed = readable
            .map(|face| eyes::are_closed(face, self.closed, self.baseline.open_aspect(&s), &s));
        let turn = face.and_then(|face| self.baseline.turn(face.pose));
        let is_turned = self.watch_head(seen.at, face, turn, readable.is_some(), known);

        let moment =
            Moment { at: seen.at, step: known, interval_s: self.interval_s, closed, face, turn };
        let happened = self.watch.see(&moment, &s);
        self.blinks = self.blinks.saturating_add(u32::from(happened.blink.is_some()));
        self.yawns = self.yawns.saturating_add(u32::from(happened.yawn));
        if let Some(blink) = happened.blink {
            let learning = self.baseline.progress(&s) < 1.0;
            self.described = self.blinking.add(&blink, learning, &s);
        }
        if face.is_some_and(|face| face.yawn >= s.yawning) {
            self.yawned = Some(seen.at);
        }

        if hole {
            self.pause(passed);
        }
        match (readable, closed) {
            (Some(face), Some(closed)) => {
                self.watch_closure(seen.at, closed, known);
                self.watch_look(seen.at, face, known);
                self.baseline.follow(face.pose, known);
                if !(closed || is_turned || self.is_yawning(seen.at) || self.looks_drowsy) {
                    self.baseline.add(face.mean_aspect(), face.pose, known, &s);
                }
            }
            _ => self.pause(known),
        }
        self.closed = closed;
        self.watch_alarm(passed);
        self.sum_up(happened, known);
        let judgement = self.judge(seen.at);
        self.count_warnings(seen.at, judgement)
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
        if score.is_ok_and(tires) && !self.slow.is_on() {
            self.awareness.support(s.blinking_cost * self.blinking.share(), &s);
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

    /// Another driver, or another seat: the baseline is learned anew.
    pub fn relearn(&mut self) {
        self.baseline = Baseline::default();
        self.blinking = Blinks::default();
        (self.described, self.score) = (None, None);
    }

    /// The clock has jumped back: times that were kept lie in the future.
    fn turn_back(&mut self) {
        (self.yawned, self.turned_since, self.shut_at) = (None, None, None);
        self.score = None;
        self.warnings.clear();
        self.rest_until = None;
    }

    /// Watches over the time between frames.
    fn watch_rate(&mut self, passed: Duration) {
        // A single long hole (a suspended laptop) says little about the rate.
        let counted = passed.min(Duration::from_secs(1));
        let late = passed > seconds(self.settings.slow_interval_s);
        self.slow.step(late, counted, seconds(self.settings.slow_s));
        self.interval_s += 0.2 * (counted.as_secs_f32() - self.interval_s);
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
            Some(_) if self.slow.is_on() => Some(Missing::TooSlow),
            Some(_) => None,
        };
    }

    /// Watches where the head points; says whether it is turned from its usual place.
    fn watch_head(
        &mut self,
        at: Duration,
        face: Option<&FaceSigns>,
        turn: Option<[f32; 2]>,
        is_readable: bool,
        known: Duration,
    ) -> bool {
        let s = self.settings;
        let Some(face) = face else { return false };
        let too_far = face.unreadable == Some(Unreadable::Turned);
        let is_down = turn.is_some_and(|[_, down]| down >= s.away_pitch_deg);
        let is_aside = too_far || turn.is_some_and(|[yaw, _]| yaw >= s.away_yaw_deg);
        self.away.step(is_aside || is_down, known, seconds(s.away_s));
        let is_turned = is_aside || turn.is_some_and(|[_, down]| down >= s.glance_deg);
        let hangs = is_down && !is_readable && !too_far;
        self.head_down.step(hangs, known, seconds(s.head_down_s));
        self.turned_since = is_turned.then(|| self.turned_since.unwrap_or(at));
        is_turned
    }

    /// Whether a yawn goes on or has just been read.
    fn is_yawning(&self, at: Duration) -> bool {
        self.yawned.is_some_and(|yawned| at.saturating_sub(yawned) <= YAWN_FLICKER)
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
    fn watch_closure(&mut self, at: Duration, closed: bool, known: Duration) {
        let s = self.settings;
        // Kept until the next closure: a blink is told of a little after its end.
        if closed && self.closure.closed.is_zero() && self.closed != Some(true) {
            self.is_excused = false;
        }
        self.closure.see(closed, self.closed, known, seconds(s.reopen_s));
        let glanced =
            self.turned_since.is_some_and(|since| at.saturating_sub(since) <= seconds(s.glance_s));
        if closed && self.closed != Some(true) {
            self.shut_at = Some(at);
        }
        // A blink may come just before: lids that then sink with a look are still a look.
        let sank_now = self.closure.closed <= TOGETHER * 2
            && self.shut_at.is_some_and(|shut| at.saturating_sub(shut) <= TOGETHER);
        if closed && (glanced && sank_now || self.is_yawning(at)) {
            self.is_excused = true;
        }
        let limit = seconds(if self.is_excused { s.alarm_excused_s } else { s.alarm_s });
        if self.closure.closed >= limit && closed {
            if self.asleep_s.is_none() {
                self.asleep_s = Some(self.closure.closed.as_secs_f32());
                self.awareness.change(-s.closure_cost_max, &s);
            }
        } else if self.closure.open >= seconds(s.awake_s) {
            self.asleep_s = None;
        }
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
    fn watch_look(&mut self, at: Duration, face: &FaceSigns, known: Duration) {
        let s = self.settings;
        // "Drowsy" of a single picture means closed eyes or a yawn; a yawn alone must
        // not warn, so that its frames tell nothing.
        let (step, constant) = (known.as_secs_f32(), s.drowsy_smoothing_s);
        if self.is_yawning(at) {
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
            if blink.closed_s >= s.long_closure_s && !self.is_excused && !alarmed {
                let cost = (s.closure_cost * blink.closed_s).min(s.closure_cost_max);
                self.awareness.change(-cost, &s);
            }
        }
        if happened.yawn {
            self.awareness.support(s.yawn_cost, &s);
        }
        if happened.nod {
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

    fn perclos(&self) -> Option<f32> {
        self.watch.perclos(&self.settings)
    }

    /// What matters most now.
    fn judge(&self, at: Duration) -> Judgement {
        let s = &self.settings;
        let mean = self.drowsy.mean(REMEMBERED_S, s.drowsy_smoothing_s);
        let drowsy = mean.filter(|_| self.is_known);
        let closed_s = self.closure.closed.as_secs_f32();
        let eyes_closed_s = if self.closed == Some(true) { closed_s } else { 0.0 };
        let stage = self.awareness.stage();
        // An alarm for closed eyes outlasts the sight of them: a sleeper's head drops.
        let (state, level, why) = if let Some(asleep_s) = self.asleep_s {
            (self.depth(asleep_s), Level::Critical, self.why_asleep(eyes_closed_s))
        } else if eyes_closed_s >= s.microsleep_s && !self.is_excused {
            (State::Microsleep, Level::None, self.why_asleep(eyes_closed_s))
        } else if self.no_driver.is_on() {
            (State::NoDriver, Level::Advisory, "no face is seen".into())
        } else if self.unreadable.is_on() {
            let (level, why) = self.unseen(stage);
            (State::EyesUnreadable, level, why)
        } else if stage == Stage::Drowsy {
            (State::Drowsy, Level::Warning, self.why_tired(drowsy))
        } else if self.slow.is_on() {
            let hz = 1.0 / self.interval_s.max(f32::EPSILON);
            let why = format!("{hz:.1} pictures a second are too few, {LOWEST_HZ} are needed");
            (State::Slow, Level::Advisory, why)
        } else if stage == Stage::Tiring {
            (State::Tiring, Level::Advisory, self.why_tired(drowsy))
        } else if self.away.is_on() {
            (State::LookingAway, Level::None, "the head is turned away".into())
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
            signs: super::Signs {
                blinking: self.blinking_sign(at),
                ..self.watch.signs(self.missing, self.interval_s, s)
            },
        }
    }

    /// Remembers warnings, and suggests a rest when they repeat.
    fn count_warnings(&mut self, at: Duration, mut judgement: Judgement) -> Judgement {
        if judgement.level >= Level::Warning && self.level < Level::Warning {
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
        self.level = judgement.level;
        judgement
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

    /// The score of the blinks where they look drowsy, if it may count.
    fn tired_blinks(&self) -> Option<f32> {
        let holds = self.score.is_some_and(|(_, score)| score.is_ok_and(|score| score.holds));
        let value = self.blinking_sign(self.last.unwrap_or_default()).value();
        value.filter(|value| holds && *value >= self.settings.blinking_drowsy)
    }

    /// The strongest sign of the last minute.
    fn why_tired(&self, drowsy: Option<f32>) -> String {
        let signs = self.watch.signs(self.missing, self.interval_s, &self.settings);
        let count = |sign: super::Sign| sign.value().unwrap_or_default() as u32;
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

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
