//! The same blinks by another norm. A blink is told in deviations from blinks of the same
//! person, and what is near those comes from the same recording: the same light, seat and
//! camera. A score that is good by one norm may read which film the norm was taken of. Each
//! person's films are therefore measured by the alert, the low and the drowsy one in turn.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::blinks::BlinkVideo;
use crate::{
    monitor::blinks::{FEATURES, RelativeBlink, features},
    stats::{deviation, mean},
};

/// Fewest blinks that make a norm. Our choice.
const LEAST_BLINKS: usize = 5;
/// Deviations of the norm's blinks below which there is nothing to measure by.
const LEAST_DEVIATION: f64 = 1e-3;

/// The film of the same person that the blinks are measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// The alert one: the published norm, and that of the lists.
    Alert,
    /// The one of low vigilance.
    Low,
    /// The drowsy one.
    Drowsy,
}

impl Norm {
    /// All norms, in the order of sleepiness.
    pub const ALL: [Self; 3] = [Self::Alert, Self::Low, Self::Drowsy];

    /// What the person said of themselves in that film.
    fn label(self) -> u8 {
        match self {
            Self::Alert => 0,
            Self::Low => 5,
            Self::Drowsy => 10,
        }
    }
}

/// What is left out of the films.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The third that is the norm, and nothing else, as published.
    NormThird,
    /// The last third of every film, so that the blinks are the same by every norm and the
    /// length of a film cannot tell which one the norm was taken of.
    EveryThird,
}

/// One video by one norm.
#[derive(Clone, Debug)]
pub(crate) struct Normed<'a> {
    /// The video.
    pub video: &'a BlinkVideo,
    /// The film that its blinks are measured by.
    pub norm: Norm,
    /// Its blinks in deviations from that film's last third, in their order.
    pub blinks: Vec<RelativeBlink>,
    /// Length of a frame in deviations of the norm's duration.
    pub frame: f32,
}

impl Normed<'_> {
    /// What the last blinks look like together; `None` of a video without blinks.
    pub(crate) fn features(&self) -> Option<[f32; FEATURES]> {
        features(&self.blinks, self.frame)
    }
}

/// Mean and deviation of amplitude, duration and velocity; the frequency, which nothing
/// reads, stays as it is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scale([(f64, f64); 4]);

impl Scale {
    /// The scale that a list's blinks are told in.
    const LISTED: Self = Self([(0.0, 1.0); 4]);

    /// That of some blinks; `None` where there are too few, or they are all alike.
    fn of(blinks: &[RelativeBlink]) -> Option<Self> {
        if blinks.len() < LEAST_BLINKS {
            return None;
        }
        let mut scale = Self::LISTED;
        for (i, column) in scale.0.iter_mut().enumerate().skip(1) {
            let values: Vec<f64> = blinks.iter().map(|blink| f64::from(blink[i])).collect();
            *column = (mean(&values), deviation(&values));
        }
        let sound = |(mean, spread): &(f64, f64)| {
            mean.is_finite() && spread.is_finite() && *spread >= LEAST_DEVIATION
        };
        scale.0.iter().all(sound).then_some(scale)
    }

    fn tell(&self, blink: &RelativeBlink) -> RelativeBlink {
        let mut told = *blink;
        for (value, (mean, spread)) in told.iter_mut().zip(self.0) {
            *value = ((f64::from(*value) - mean) / spread) as f32;
        }
        told
    }
}

/// How many blinks are left before the last third.
fn before_last_third(blinks: usize) -> usize {
    blinks - blinks / 3
}

/// The videos by each of `norms` in turn. A person of whom the film of a norm is missing or
/// has too few blinks is left out of that norm; the alert norm is that of the list, whose
/// alert films lack their last third already.
pub(crate) fn by_norms<'a>(videos: &'a [BlinkVideo], norms: &[Norm], cut: Cut) -> Vec<Normed<'a>> {
    let mut people: BTreeMap<&str, Vec<&BlinkVideo>> = BTreeMap::new();
    for video in videos {
        people.entry(&video.subject).or_default().push(video);
    }
    let mut normed = Vec::new();
    for norm in norms.iter().copied() {
        for (subject, films) in &people {
            let film = films.iter().find(|film| film.label == norm.label());
            let film = film.filter(|_| norm != Norm::Alert && !subject.is_empty());
            let scale = match (norm, film) {
                (Norm::Alert, _) => Some(Scale::LISTED),
                (_, Some(film)) => Scale::of(&film.blinks[before_last_third(film.blinks.len())..]),
                (_, None) => None,
            };
            let Some(scale) = scale else { continue };
            for video in films.iter().copied() {
                let is_norm = film.is_some_and(|film| std::ptr::eq(*film, video));
                let loses_third = is_norm || cut == Cut::EveryThird && video.label != 0;
                let all = video.blinks.len();
                let kept = if loses_third { before_last_third(all) } else { all };
                let duration = scale.0[2].1;
                normed.push(Normed {
                    video,
                    norm,
                    blinks: video.blinks[..kept].iter().map(|blink| scale.tell(blink)).collect(),
                    frame: (f64::from(video.frame()) / duration) as f32,
                });
            }
        }
    }
    normed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(subject: &str, label: u8, durations: &[f32]) -> BlinkVideo {
        let blinks = durations.iter().map(|d| [7.0, d / 2.0, *d, -*d]).collect();
        BlinkVideo { fold: 1, subject: subject.into(), label, blinks }
    }

    /// Durations around a middle, half a deviation apart.
    fn around(middle: f32, count: usize) -> Vec<f32> {
        (0..count).map(|i| middle + 0.5 * (i % 4) as f32).collect()
    }

    #[test]
    fn the_norm_is_the_last_third_of_its_film_which_is_left_out() {
        let films = [
            video("a", 0, &around(0.0, 20)),
            video("a", 5, &[0.5; 3]),
            video("a", 10, &{
                let mut drowsy = around(8.0, 20);
                drowsy.extend(around(30.0, 10));
                drowsy
            }),
        ];
        let by = by_norms(&films, &Norm::ALL, Cut::NormThird);
        // Three blinks, one of them the third, make no norm of low vigilance.
        let held = by.iter().map(|one| (one.norm, one.video.label, one.blinks.len()));
        let held: Vec<_> = held.collect();
        assert_eq!(
            held,
            [
                (Norm::Alert, 0, 20),
                (Norm::Alert, 5, 3),
                (Norm::Alert, 10, 30),
                (Norm::Drowsy, 0, 20),
                (Norm::Drowsy, 5, 3),
                (Norm::Drowsy, 10, 20),
            ]
        );
        assert_eq!(by[0].blinks, films[0].blinks, "the list has the alert norm already");
        // The drowsy third, told by itself, would have mean 0 and deviation 1.
        let third: Vec<f64> = around(30.0, 10).into_iter().map(f64::from).collect();
        let (middle, spread) = (mean(&third), deviation(&third));
        for (told, listed) in by[3].blinks.iter().zip(&films[0].blinks) {
            let expected = (f64::from(listed[2]) - middle) / spread;
            assert!((f64::from(told[2]) - expected).abs() < 1e-5, "{told:?}");
            assert_eq!(told[0], listed[0], "the frequency stays");
        }
        assert!((f64::from(by[3].frame) - 0.5 / spread).abs() < 1e-5, "{}", by[3].frame);
    }

    #[test]
    fn the_blinks_can_be_the_same_by_every_norm() {
        let films = [0, 5, 10].map(|label| video("a", label, &around(f32::from(label), 30)));
        let by = by_norms(&films, &Norm::ALL, Cut::EveryThird);
        assert_eq!(by.len(), 9);
        for one in &by {
            let kept = if one.video.label == 0 { 30 } else { 20 };
            assert_eq!(one.blinks.len(), kept, "{:?} {}", one.norm, one.video.label);
        }
    }

    #[test]
    fn people_without_a_name_have_no_film_of_their_own() {
        let films = [0, 10].map(|label| video("", label, &around(0.0, 30)));
        let by = by_norms(&films, &Norm::ALL, Cut::NormThird);
        assert!(by.iter().all(|one| one.norm == Norm::Alert) && by.len() == 2);
    }
}
