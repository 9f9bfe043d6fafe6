//! What a driver can do beside driving and sleeping: how head, eyes, mouth and hands move
//! in each behaviour that a script can ask for.

use std::f32::consts::TAU;

use serde::Serialize;

use super::{
    held::{Held, Thing},
    math::{hash, mix, step, wander},
    scenario::{Cue, Sign},
    scene::Act,
};

/// Openness below which the eyes count as shut (PERCLOS P80: at least 80% closed).
pub(super) const SHUT: f32 = 0.2;
/// Closures shorter than this are microsleeps, seconds (Euro NCAP).
pub(super) const SLEEP_S: f32 = 3.0;

/// What the driver does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// Drives, blinks, glances.
    Awake,
    /// Blinks slowly under heavy lids.
    Drowsy,
    /// Has the eyes closed for less than three seconds, longer than a blink.
    Microsleep,
    /// Has the eyes closed for longer.
    Asleep,
    /// Yawns.
    Yawning,
    /// Talks.
    Talking,
    /// Looks away from the road.
    LookingAway,
    /// Is not there.
    Absent,
    /// Laughs.
    Laughing,
    /// Sings.
    Singing,
    /// Eats.
    Eating,
    /// Smokes.
    Smoking,
    /// Scratches the face.
    Scratching,
    /// Sneezes.
    Sneezing,
    /// Looks at a telephone in the lap.
    OnPhone,
}

/// 0 outside of a cue, 1 inside, with ramps of `rise` and `fall` seconds inside it.
pub(super) fn envelope(cue: &Cue, at: f32, rise: f32, fall: f32) -> f32 {
    step(cue.from, cue.from + rise, at) * step(cue.to, cue.to - fall, at)
}

/// Furthest that the eyes turn in the head, radians.
const FURTHEST: f32 = 0.62;
/// Seconds of a bite with its chewing, and of a draw on a cigarette with its rest.
const BITE_S: f32 = 5.0;
const DRAW_S: f32 = 6.5;
/// Seconds of a glance from the telephone to the road.
const GLANCE_S: f32 = 0.8;

/// A moment within, or close to, a cue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment<'a> {
    pub(super) cue: &'a Cue,
    /// Seconds in the table, and since the play began.
    pub(super) at: f32,
    pub(super) now: f32,
    pub(super) seed: u64,
}

/// The eyes before they are set: how far the lids rest open, and how far a blink or sleep
/// shuts them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Eyes {
    pub(super) lids: f32,
    pub(super) shut: f32,
}

impl Moment<'_> {
    fn envelope(&self, rise: f32, fall: f32) -> f32 {
        envelope(self.cue, self.at, rise, fall)
    }

    fn wander(&self, rate: f32, number: u64) -> f32 {
        wander(rate * self.now, self.seed ^ number)
    }

    /// Seconds in the present round of something that is done again and again.
    fn round(&self, long: f32) -> f32 {
        (self.at - self.cue.from).max(0.0) % long
    }

    /// 0 to 1 and back, so many times a second.
    fn beat(&self, rate: f32) -> f32 {
        0.5 - 0.5 * (TAU * (rate * self.now).fract()).cos()
    }

    /// Shows what the cue brings about; gives what the driver does, if it is to be told.
    pub(super) fn show(&self, act: &mut Act, eyes: &mut Eyes) -> Option<Doing> {
        match self.cue.sign {
            Sign::Narrow(share) => self.narrow(share, eyes),
            Sign::Toward(toward) => self.toward(toward, self.envelope(0.30, 0.32), act, eyes),
            Sign::Phone(toward, every) => self.phone(toward, every, act, eyes),
            Sign::NodOff(depth) => self.nod_off(depth, act, eyes),
            Sign::Laugh => self.laugh(act, eyes),
            Sign::Sing => self.sing(act, eyes),
            Sign::Eat => self.eat(act),
            Sign::Smoke => self.smoke(act, eyes),
            Sign::Scratch => self.scratch(act, eyes),
            Sign::Sneeze => self.sneeze(act, eyes),
            _ => None,
        }
    }

    fn narrow(&self, share: f32, eyes: &mut Eyes) -> Option<Doing> {
        let closed = self.envelope(0.22, 0.30);
        eyes.shut = mix(eyes.shut, share, closed).max(share * closed);
        let long = self.cue.to - self.cue.from;
        let doing = if long < SLEEP_S { Doing::Microsleep } else { Doing::Asleep };
        (share * closed > 1.0 - SHUT).then_some(doing)
    }

    /// The head makes its share of the turn, the eyes the rest; they go first.
    fn toward(
        &self,
        [yaw, pitch, share]: [f32; 3],
        turned: f32,
        act: &mut Act,
        eyes: &mut Eyes,
    ) -> Option<Doing> {
        let first = turned.sqrt();
        act.turn[0] = mix(act.turn[0], share * yaw, turned);
        act.turn[1] = mix(act.turn[1], share * pitch, turned);
        act.turn[2] += 0.06 * share * yaw * turned;
        let by_eye = |angle: f32, more: f32| {
            ((1.0 - share) * angle + more * share * angle).to_radians().clamp(-FURTHEST, FURTHEST)
        };
        act.face.gaze[0] = mix(act.face.gaze[0], by_eye(yaw, 0.28), first);
        act.face.gaze[1] = mix(act.face.gaze[1], by_eye(pitch, 0.4), first);
        // The upper lids follow the eyes down.
        eyes.lids -= 0.9 * by_eye(pitch, 0.4).max(0.0) * first;
        (turned > 0.5).then_some(Doing::LookingAway)
    }

    fn phone(
        &self,
        toward: [f32; 3],
        every: Option<f32>,
        act: &mut Act,
        eyes: &mut Eyes,
    ) -> Option<Doing> {
        let here = self.envelope(0.35, 0.35);
        let back = every.map_or(0.0, |every| {
            let left = every - self.round(every);
            step(GLANCE_S + 0.5, GLANCE_S + 0.2, left) * step(0.0, 0.3, left)
        });
        let near = self.envelope(0.6, 0.6);
        act.cover.held =
            Some(Held { thing: Thing::Phone, near, stir: self.beat(2.3), breath: 0.0 });
        let told = self.toward(toward, here * (1.0 - back), act, eyes);
        told.map(|_| Doing::OnPhone)
    }

    fn nod_off(&self, depth: f32, act: &mut Act, eyes: &mut Eyes) -> Option<Doing> {
        let Cue { from, to, .. } = *self.cue;
        let long = to - from;
        let falls = (0.35 * long).min(2.0);
        let closed =
            step(from, from + falls, self.at) * step(to, to - 0.2_f32.min(0.1 * long), self.at);
        // It sinks after the lids, and starts up before they are open.
        let sunk = step(from + 0.4 * falls, from + falls + 0.25 * long.min(4.0), self.at)
            * step(to + 0.15, to - 0.30_f32.min(0.15 * long), self.at);
        eyes.shut = eyes.shut.max(closed);
        act.turn[1] += depth * sunk;
        act.shift[1] += 0.006 * depth * sunk;
        let side = if hash(self.seed ^ 71) & 1 == 0 { 1.0 } else { -1.0 };
        act.turn[2] += 0.25 * depth * side * sunk;
        let asleep = if long - falls < SLEEP_S { Doing::Microsleep } else { Doing::Asleep };
        match closed {
            closed if closed > 1.0 - SHUT => Some(asleep),
            closed if closed > 0.25 => Some(Doing::Drowsy),
            _ => None,
        }
    }

    fn laugh(&self, act: &mut Act, eyes: &mut Eyes) -> Option<Doing> {
        let merry = self.envelope(0.35, 0.5);
        let ha = self.beat(4.2);
        let breath = 0.75 + 0.25 * self.wander(1.1, 72);
        act.face.mouth = act.face.mouth.max((0.20 + 0.13 * ha) * breath * merry);
        act.face.mouth_wide += 0.26 * merry;
        act.face.smile = act.face.smile.max(merry);
        act.face.brows += 0.18 * merry;
        // Narrow, and not shut: cheeks push the lids up.
        eyes.lids = mix(eyes.lids, 0.56, merry);
        eyes.shut *= 1.0 - 0.7 * merry;
        act.turn[1] += (2.4 * (ha - 0.5) - 6.0) * merry;
        act.turn[2] += 4.0 * self.wander(0.5, 73) * merry;
        act.shift[1] -= 0.02 * ha * merry;
        (merry > 0.5).then_some(Doing::Laughing)
    }

    fn sing(&self, act: &mut Act, eyes: &mut Eyes) -> Option<Doing> {
        let song = self.envelope(0.4, 0.4);
        let vowel = 0.5 + 0.5 * self.wander(1.8, 74);
        act.face.mouth = act.face.mouth.max((0.10 + 0.40 * vowel) * song);
        act.face.mouth_wide += (0.14 * self.wander(1.3, 75) - 0.08 * vowel) * song;
        act.face.brows += (0.25 + 0.35 * vowel) * song;
        eyes.lids = mix(eyes.lids, 0.80, song);
        eyes.shut *= 1.0 - 0.7 * song;
        act.turn[0] += 5.0 * self.wander(0.6, 76) * song;
        act.turn[1] -= (3.0 + 3.0 * vowel) * song;
        act.turn[2] += 5.0 * (TAU * (0.55 * self.now).fract()).sin() * song;
        (song > 0.5).then_some(Doing::Singing)
    }

    fn eat(&self, act: &mut Act) -> Option<Doing> {
        let meal = self.envelope(0.4, 0.4);
        let round = self.round(BITE_S);
        let near = step(0.0, 0.8, round) * step(2.1, 1.4, round);
        let bite = step(0.45, 0.8, round) * step(1.25, 0.95, round);
        let chews = step(1.3, 1.6, round)
            + step(0.5, 0.2, round) * f32::from(u8::from(self.at > self.cue.from + BITE_S));
        let chew = self.beat(1.6);
        act.face.mouth = act.face.mouth.max((0.42 * bite + 0.07 * chew * chews.min(1.0)) * meal);
        act.face.mouth_wide -= 0.09 * chew * chews.min(1.0) * meal;
        act.turn[1] += (5.0 * near + 1.2 * chew * chews.min(1.0)) * meal;
        act.cover.held = Some(Held {
            thing: Thing::Food,
            near: mix(0.25, 1.0, near) * meal,
            stir: 0.0,
            breath: 0.0,
        });
        (meal > 0.5).then_some(Doing::Eating)
    }

    fn smoke(&self, act: &mut Act, eyes: &mut Eyes) -> Option<Doing> {
        let here = self.envelope(0.4, 0.4);
        let round = self.round(DRAW_S);
        let near = step(0.0, 0.8, round) * step(2.6, 1.8, round);
        let draws = step(0.7, 1.0, round) * step(2.0, 1.7, round);
        let blows = step(2.6, 2.9, round) * step(4.6, 3.8, round);
        act.face.mouth = act.face.mouth.max((0.02 * draws + 0.07 * blows) * here);
        act.face.mouth_wide -= (0.16 * draws + 0.20 * blows) * here;
        act.turn[1] -= 3.0 * blows * here;
        eyes.lids -= 0.14 * draws * here;
        act.cover.held = Some(Held {
            thing: Thing::Cigarette,
            near: mix(0.35, 1.0, near) * here,
            stir: 0.0,
            breath: step(2.6, 3.3, round) * step(5.6, 3.6, round) * here,
        });
        (here > 0.5).then_some(Doing::Smoking)
    }

    fn scratch(&self, act: &mut Act, eyes: &mut Eyes) -> Option<Doing> {
        let near = self.envelope(0.5, 0.5);
        let stir = self.beat(3.4);
        act.cover.held = Some(Held { thing: Thing::Fingers, near, stir, breath: 0.0 });
        act.turn[2] -= 4.0 * near;
        act.turn[0] -= 2.0 * near;
        act.face.mouth_wide += 0.05 * near;
        eyes.lids -= 0.10 * near;
        (near > 0.5).then_some(Doing::Scratching)
    }

    fn sneeze(&self, act: &mut Act, eyes: &mut Eyes) -> Option<Doing> {
        let middle = (self.cue.from + self.cue.to) / 2.0;
        let at = self.at - middle;
        let inhales = step(-1.0, -0.35, at) * step(0.0, -0.15, at);
        let shut = step(-0.27, -0.17, at) * step(0.31, 0.20, at);
        let jerk = step(-0.16, 0.06, at) * step(0.9, 0.25, at);
        act.face.mouth = act.face.mouth.max(0.34 * inhales + 0.22 * jerk * step(0.3, 0.0, at));
        act.face.brows += 0.7 * inhales - 0.8 * shut;
        act.turn[1] += 17.0 * jerk - 9.0 * inhales;
        act.shift[1] += 0.10 * jerk;
        act.cover.hand = act.cover.hand.max(step(-0.55, -0.2, at) * step(1.0, 0.5, at));
        eyes.lids = mix(eyes.lids, 0.6, inhales);
        eyes.shut = mix(eyes.shut, 1.0, shut);
        (inhales.max(jerk).max(shut) > 0.3).then_some(Doing::Sneezing)
    }
}
