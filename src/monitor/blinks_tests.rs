//! A trace of eye openness frame by frame through the monitor, and the same blinks measured
//! by their definitions, as a list for training has them.

use std::time::Duration;

use super::*;
use crate::{
    face::HeadPose,
    monitor::{FaceSigns, Level, Missing, Monitor, Observation, Sign, State},
};

const OPEN: f32 = 0.30;

/// A blink of the trace: frames to fall, closed and to rise, and its drop.
#[derive(Clone, Copy)]
pub(crate) struct Drawn {
    fall: u32,
    closed: u32,
    rise: u32,
    drop: f32,
}

impl Drawn {
    pub(crate) fn nth(i: u32, tired: u32) -> Self {
        Self {
            fall: 2 + i % 2,
            closed: i % 3 + tired,
            rise: 2 + i % 5 + tired,
            drop: 0.16 + 0.01 * (i % 4) as f32,
        }
    }

    /// The aspect ratio in each of its frames, from the first below open to the last.
    fn trace(self) -> Vec<f32> {
        let part = |done: u32, of: u32| OPEN - self.drop * done as f32 / of as f32;
        let fall = (1..=self.fall).map(|i| part(i, self.fall));
        let closed = (0..self.closed).map(|_| OPEN - self.drop);
        let rise = (1..self.rise).map(|i| part(self.rise - i, self.rise));
        fall.chain(closed).chain(rise).collect()
    }

    /// Amplitude, duration in frames and velocity by UTA-RLDD's definitions: from the last
    /// open frame over the first lowest one to the first open one.
    fn measures(self) -> [f64; 3] {
        let drop = f64::from(self.drop);
        let (fall, closed, rise) = (self.fall, self.closed, self.rise);
        [drop, f64::from(fall + closed + rise), drop / f64::from(closed + rise)]
    }
}

fn see(monitor: &mut Monitor, frame: u32, aspect: f32) -> crate::monitor::Judgement {
    let closed = if aspect < 0.2 { 0.95 } else { 0.05 };
    let face = FaceSigns {
        drowsy: closed,
        eyes_closed: closed,
        yawn: 0.0,
        eye_aspect: [aspect; 2],
        mouth_aspect: 0.0,
        pose: Some(HeadPose::default()),
        unreadable: None,
        ..FaceSigns::default()
    };
    let at = Duration::from_secs(1) * frame / 30;
    monitor.step(&Observation { at, face: Some(face) })
}

/// A driver who blinks every three seconds, first alert, then tired.
pub(crate) struct Driver {
    pub(crate) monitor: Monitor,
    frame: u32,
    blinks: Vec<Drawn>,
    /// The blinks that the monitor takes for usual.
    usual: usize,
}

impl Driver {
    pub(crate) fn new() -> Self {
        let monitor = Monitor::new(Settings::default());
        let mut driver = Self { monitor, frame: 0, blinks: vec![], usual: 0 };
        while driver.frame < 30 {
            see(&mut driver.monitor, driver.frame, OPEN);
            driver.frame += 1;
        }
        driver
    }

    /// One blink and open eyes for the rest of three seconds; the last judgement.
    pub(crate) fn blink(&mut self, blink: Drawn) -> crate::monitor::Judgement {
        let mut trace = blink.trace();
        trace.resize(90, OPEN);
        let mut last = None;
        for aspect in trace {
            last = Some(see(&mut self.monitor, self.frame, aspect));
            self.frame += 1;
        }
        self.blinks.push(blink);
        let last = last.unwrap();
        // The baseline is full after this blink: the next is the last usual one.
        if last.baseline >= 1.0 && self.usual == 0 {
            self.usual = self.blinks.len() + 1;
        }
        last
    }

    /// All blinks after the usual ones as a training list would hold them.
    pub(crate) fn as_listed(&self) -> Vec<[f64; 4]> {
        let all: Vec<[f64; 3]> = self.blinks.iter().map(|blink| blink.measures()).collect();
        let (alert, later) = all.split_at(self.usual);
        let by: Vec<(f64, f64)> = (0..3)
            .map(|i| {
                let values: Vec<f64> = alert.iter().map(|blink| blink[i]).collect();
                (mean(&values), deviation(&values).max(f64::from(LEAST_DEVIATION[i])))
            })
            .collect();
        let rounded = |x: f64| (x * 1e4).round() / 1e4;
        let relative = |blink: &[f64; 3], i: usize| rounded((blink[i] - by[i].0) / by[i].1);
        later.iter().map(|b| [0.0, relative(b, 0), relative(b, 1), relative(b, 2)]).collect()
    }
}

#[test]
fn blinks_are_described_only_after_enough_of_them() {
    let mut driver = Driver::new();
    let s = Settings::default();
    let mut first = None;
    for i in 0..80 {
        driver.blink(Drawn::nth(i, 0));
        if first.is_none() && driver.monitor.described().is_some() {
            first = Some(driver.blinks.len());
        }
    }
    assert!(driver.usual >= s.alert_blinks as usize, "{}", driver.usual);
    assert_eq!(first, Some(driver.usual + s.scored_blinks as usize));
    driver.monitor.relearn();
    driver.blink(Drawn::nth(0, 0));
    assert_eq!(driver.monitor.described(), None, "another driver is learned anew");
}

#[test]
fn drowsy_blinks_are_tiring_and_never_a_warning_alone() {
    let mut driver = Driver::new();
    let told = driver.blink(Drawn::nth(0, 0)).signs.blinking;
    assert_eq!(told, Sign::Missing(Missing::TooEarly));
    let score = |value: f32, holds: bool| Some(BlinkScore { value, certainty: 0.6, holds });
    let mut scored = |score: Option<BlinkScore>, times: u32| {
        let mut last = None;
        for i in 0..times {
            let judgement = driver.blink(Drawn::nth(i, 0));
            if driver.monitor.described().is_some() {
                driver.monitor.score(score);
            }
            assert!(judgement.level < Level::Warning, "{judgement:?}");
            last = Some(judgement);
        }
        last.unwrap()
    };
    let alert = scored(score(2.0, true), 90);
    let Sign::Known { value, certainty } = alert.signs.blinking else { panic!("{alert:?}") };
    assert_eq!((value, alert.state), (2.0, State::Awake));
    // Some seventy of 120 blinks.
    assert!((0.3..0.4).contains(&certainty), "{certainty}");
    // What may read the recording is shown and counts nothing.
    let shown = scored(score(12.0, false), 60);
    assert_eq!(shown.signs.blinking.value(), Some(10.0));
    assert_eq!((shown.state, shown.awareness), (State::Awake, 1.0), "{shown:?}");
    let drowsy = scored(score(12.0, true), 60);
    assert_eq!((drowsy.state, drowsy.level), (State::Tiring, Level::Advisory), "{drowsy:?}");
    assert!(drowsy.why.contains("10.0 of 10"), "{}", drowsy.why);
    let awake = scored(score(3.0, true), 60);
    assert_eq!(awake.state, State::Awake, "{awake:?}");
    for nothing in [None, score(f32::NAN, true)] {
        let failed = scored(nothing, 2).signs.blinking;
        assert_eq!(failed, Sign::Missing(Missing::ModelFailed));
    }
}

#[test]
fn a_score_is_forgotten_when_no_blink_follows_it() {
    let mut driver = Driver::new();
    for i in 0..60 {
        driver.blink(Drawn::nth(i, 0));
    }
    driver.monitor.score(Some(BlinkScore { value: 9.0, certainty: 0.5, holds: true }));
    let known = |sign: Sign| sign.value().is_some();
    let mut told = Vec::new();
    for _ in 0..70 * 30 {
        told.push(known(see(&mut driver.monitor, driver.frame, OPEN).signs.blinking));
        driver.frame += 1;
    }
    assert!(told[59 * 30] && !told[61 * 30]);
}

#[test]
fn who_starts_sleepy_does_not_become_the_norm() {
    let blink = |frames: f32, closed_s: f32| Blink {
        start: Duration::ZERO,
        duration_s: frames / FRAMES_PER_S,
        closed_s,
        depth: 0.2,
        opening_per_s: 1.0,
    };
    let s = Settings::default();
    let mut blinks = Blinks::default();
    for i in 0..40 {
        blinks.add(&blink(20.0 + (i % 3) as f32, 0.3), i < 30, &s);
        // A closure that lasts is nothing usual.
        blinks.add(&blink(60.0, 1.5), true, &s);
    }
    assert_eq!(blinks.usual.unwrap()[1].mean, LONGEST_USUAL);
    for i in 0..s.scored_blinks {
        blinks.add(&blink(20.0 + (i % 3) as f32, 0.3), false, &s);
    }
    assert!(blinks.relative.iter().all(|blink| blink[2] > 1.0), "long by any norm");
}

#[test]
fn numbers_that_are_none_are_not_described() {
    assert_eq!(features(&[], 0.5), None);
    assert_eq!(features(&[[0.0; 4]], 0.0), None);
    assert_eq!(features(&[[0.0, f32::NAN, 0.0, 0.0]], 0.5), None);
    let told = features(&[[1e30, -1e30, 1e30, 0.0]; 3], 1e-6).unwrap();
    assert!(told.iter().all(|value| value.is_finite()));
    // Only the last count.
    let mut many = vec![[5.0, 5.0, 5.0, 5.0]; 500];
    many.extend([[0.5; 4]; BLINKS]);
    assert_eq!(features(&many, 0.5), features(&[[0.5; 4]; BLINKS], 0.5));
}

#[test]
fn neither_the_frequency_nor_the_side_of_the_norm_is_hidden_in_a_distance() {
    let blinks: Vec<RelativeBlink> =
        (0..90).map(|i| [0.0, 0.3, 0.5 * (i % 5) as f32, -0.2]).collect();
    let told = features(&blinks, 0.5).unwrap();
    let moved: Vec<RelativeBlink> = blinks.iter().map(|[_, a, d, v]| [9.0, *a, *d, *v]).collect();
    assert_eq!(features(&moved, 0.5), Some(told), "the frequency is not heard");
    // Means change their sign with the side of the norm that the blinks are on.
    let mirrored: Vec<RelativeBlink> = blinks.iter().map(|b| b.map(|value| -value)).collect();
    let mirrored = features(&mirrored, 0.5).unwrap();
    for mean in [0, 2, 4, 6, 8, 15, 22] {
        assert!((told[mean] + mirrored[mean]).abs() < 1e-5 && told[mean] != 0.0, "value {mean}");
    }
}
