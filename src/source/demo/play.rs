//! Plays a scenario: from a time to everything that the picture shows then. A moment
//! depends on nothing but the time and the seed, so that any can be asked for.

use std::borrow::Cow;

use super::{
    behaviour::{Doing, Eyes, Moment, SHUT, SLEEP_S, envelope},
    math::{chance, hash, mix, step, wander},
    scenario::{Cue, Sign},
    scene::{Act, Weather},
};

/// Openness of the lids of a rested driver.
pub(super) const RESTED: f32 = 0.95;
/// Usual distance from the camera, units.
const USUAL: f32 = 5.6;

/// Plays a scenario over and over.
#[derive(Clone, Debug)]
pub(super) struct Player {
    /// After which the cues begin again.
    pub(super) seconds: f32,
    pub(super) cues: Cow<'static, [Cue]>,
    pub(super) seed: u64,
}

impl Player {
    /// The moment at a time in seconds, and what the driver does in it.
    pub(super) fn at(&self, seconds: f64) -> (Act, Doing) {
        let all = f64::from(self.seconds);
        // The table begins again, the driver's own ways go on.
        let (at, now) = ((seconds % all) as f32, seconds as f32);
        let mut act = self.idle(now);
        let mut doing = Doing::Awake;
        let mut lids = RESTED + 0.04 * wander(0.4 * now, self.seed ^ 21);
        let mut shut = self.blinks(now);
        for cue in self.cues.iter() {
            if at < cue.from - 0.5 || at > cue.to + 0.5 {
                continue;
            }
            match cue.sign {
                Sign::Droop(open) => {
                    let heavy = envelope(cue, at, 3.0, 2.0);
                    lids = mix(lids, open + 0.06 * wander(0.3 * now, self.seed ^ 22), heavy);
                    shut = shut.max(heavy * self.slow_blinks(now));
                    act.turn[1] += 4.0 * heavy;
                    if heavy > 0.5 {
                        doing = Doing::Drowsy;
                    }
                }
                Sign::Close => {
                    let closed = envelope(cue, at, 0.22, 0.30);
                    // No blinks in there, and the lids stay down.
                    shut = mix(shut, 1.0, closed).max(closed);
                    let long = cue.to - cue.from;
                    let sunk = step(cue.from + 0.7, cue.from + 3.2, at)
                        * step(cue.to + 0.1, cue.to - 0.4, at);
                    act.turn[1] += 8.0 * sunk;
                    act.turn[2] += 3.5 * sunk * self.lean();
                    act.shift[1] += 0.05 * sunk;
                    if closed > 1.0 - SHUT {
                        doing = if long < SLEEP_S { Doing::Microsleep } else { Doing::Asleep };
                    }
                }
                Sign::Yawn => {
                    let long = cue.to - cue.from;
                    let gape = envelope(cue, at, 0.38 * long, 0.27 * long);
                    act.face.mouth = act.face.mouth.max(0.92 * gape);
                    act.face.mouth_wide -= 0.10 * gape;
                    act.face.brows += 0.55 * gape;
                    act.turn[1] -= 5.0 * gape;
                    // Squeezed, not shut.
                    lids = mix(lids, 0.34, step(0.45, 0.95, gape));
                    shut *= 1.0 - step(0.3, 0.8, gape);
                    if gape > 0.3 {
                        doing = Doing::Yawning;
                    }
                }
                Sign::Hand => act.cover.hand = act.cover.hand.max(envelope(cue, at, 0.45, 0.45)),
                Sign::Talk => {
                    let speech = envelope(cue, at, 0.25, 0.25);
                    self.speak(&mut act, now, speech);
                    if speech > 0.5 && doing == Doing::Awake {
                        doing = Doing::Talking;
                    }
                }
                Sign::Look(yaw, pitch) => {
                    let turned = envelope(cue, at, 0.30, 0.32);
                    // The eyes go first and further.
                    let eyes = envelope(cue, at, 0.12, 0.25);
                    act.turn[0] = mix(act.turn[0], yaw, turned);
                    act.turn[1] = mix(act.turn[1], pitch, turned);
                    act.turn[2] += 0.06 * yaw * turned;
                    act.face.gaze[0] = mix(act.face.gaze[0], (0.28 * yaw).to_radians(), eyes);
                    act.face.gaze[1] = mix(act.face.gaze[1], (0.4 * pitch).to_radians(), eyes);
                    lids -= 0.008 * pitch.max(0.0) * eyes;
                    if turned > 0.5 {
                        doing = Doing::LookingAway;
                    }
                }
                Sign::Nod(depth) => {
                    let long = cue.to - cue.from;
                    // Down slowly, up with a start.
                    let dropped = step(cue.from, cue.to - 0.25 * long, at)
                        * step(cue.to, cue.to - 0.16 * long, at);
                    act.turn[1] += depth * dropped;
                    act.shift[1] += 0.006 * depth * dropped;
                    lids = mix(lids, 0.25, dropped);
                }
                Sign::Leave => {
                    if (cue.from..cue.to).contains(&at) {
                        (act.present, doing) = (false, Doing::Absent);
                    }
                }
                Sign::Sunglasses => act.cover.sunglasses |= (cue.from..cue.to).contains(&at),
                Sign::Mask => act.cover.mask |= (cue.from..cue.to).contains(&at),
                Sign::Passenger => act.passenger = true,
                Sign::Light(weather) => {
                    if (cue.from..cue.to).contains(&at) {
                        act.weather = match weather {
                            Weather::Lit(lit) => Weather::Lit(lit.at(now)),
                            other => other,
                        };
                    }
                }
                Sign::Distance(times) => act.distance *= times,
                _ => {
                    let moment = Moment { cue, at, now, seed: self.seed };
                    let mut eyes = Eyes { lids, shut };
                    doing = moment.show(&mut act, &mut eyes).unwrap_or(doing);
                    (lids, shut) = (eyes.lids, eyes.shut);
                }
            }
        }
        act.face.eyes = [lids.max(0.0) * (1.0 - shut); 2];
        if act.weather == Weather::Glare {
            // The low sun comes and goes behind trees.
            act.sun = 0.75 + 0.45 * wander(0.8 * now, self.seed ^ 31);
        }
        if let Weather::Lit(lit) = act.weather
            && let Some(sun) = lit.sun(now, self.seed)
        {
            act.sun = sun;
        }
        (act, doing)
    }

    /// An awake driver looking at the road.
    fn idle(&self, now: f32) -> Act {
        let sway = |rate: f32, i: u64| wander(rate * now, self.seed ^ i);
        let mut act = Act { distance: USUAL, ..Act::default() };
        act.turn = [
            3.0 * sway(0.30, 1) + 0.5 * sway(1.7, 2),
            2.0 * sway(0.25, 3) + 0.4 * sway(1.9, 4),
            1.6 * sway(0.22, 5),
        ];
        // The road shakes the car a little.
        act.shift = [
            0.05 * sway(0.2, 6) + 0.004 * sway(9.0, 7),
            0.03 * sway(0.2, 8) + 0.007 * sway(8.0, 9),
        ];
        act.distance *= 1.0 + 0.02 * sway(0.15, 10);
        act.sun = 1.0 + 0.18 * sway(0.5, 11);
        // Glances between places on the road, a few tenths of a second each.
        let slot = (now / 0.8).floor();
        let place = |i: u64| 2.0 * chance(hash(self.seed ^ i) ^ slot as u64) - 1.0;
        act.face.gaze = [0.10 * place(12), 0.05 * place(13)];
        act.face.brows = 0.08 * sway(0.4, 14);
        act
    }

    /// How far natural blinks shut the eyes: one in each 3.6 s, up to 2.4 s apart from
    /// the beginning of it; a tenth of a second shut.
    fn blinks(&self, now: f32) -> f32 {
        self.closures(now, 3.6, 2.4, |luck| [0.08, 0.02 + 0.04 * luck, 0.15])
    }

    /// The long blinks of a tired driver, half a second and more.
    fn slow_blinks(&self, now: f32) -> f32 {
        self.closures(now + 1.8, 4.6, 2.6, |luck| [0.22, 0.25 + 0.45 * luck, 0.35])
    }

    fn closures(&self, now: f32, every: f32, spread: f32, times: impl Fn(f32) -> [f32; 3]) -> f32 {
        let slot = (now / every).floor();
        let luck = |i: u64| chance(hash(self.seed ^ i ^ every.to_bits() as u64) ^ slot as u64);
        let begins = slot * every + 0.1 + spread * luck(41);
        let [falls, rests, rises] = times(luck(42));
        step(begins, begins + falls, now)
            * step(begins + falls + rests + rises, begins + falls + rests, now)
    }

    /// Which way the head sinks.
    fn lean(&self) -> f32 {
        if chance(hash(self.seed ^ 51)) < 0.5 { -1.0 } else { 1.0 }
    }

    /// Syllables, five a second, and pauses between words.
    fn speak(&self, act: &mut Act, now: f32, speech: f32) {
        let syllable = wander(6.5 * now, self.seed ^ 61);
        let word = step(-0.5, 0.0, wander(1.1 * now, self.seed ^ 62));
        act.face.mouth = (0.20 * (syllable + 0.35).max(0.0) * word + 0.01) * speech;
        act.face.mouth_wide += 0.12 * wander(4.0 * now, self.seed ^ 63) * speech;
        act.face.brows += 0.25 * wander(0.9 * now, self.seed ^ 64).max(0.0) * speech;
        act.turn[0] += 3.0 * wander(0.7 * now, self.seed ^ 65) * speech;
        act.turn[1] += 2.0 * wander(1.0 * now, self.seed ^ 66) * speech;
    }
}
