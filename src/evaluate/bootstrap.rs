//! How sure a figure is: people are drawn again and again, with replacement, and with each
//! all that is known of them. Pictures of one face are much alike, so drawing pictures
//! would promise far too narrow intervals.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::stats::quantile;

/// A figure and the interval within which it would lie for other people, 95%.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The figure; `None` where it cannot be told.
    pub value: Option<f64>,
    /// Lower end of the interval; `None` with fewer than two people, or where too many
    /// draws have no figure.
    pub low: Option<f64>,
    /// Its upper end.
    pub high: Option<f64>,
}

/// Two judges of the same items, side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Who is compared with.
    pub first: String,
    /// Who is compared.
    pub second: String,
    /// Items that only one judged; they are left out.
    pub unpaired: usize,
    /// People in the items of both.
    pub subjects: usize,
    /// The figures of the first, over the items of both.
    pub before: BTreeMap<String, Estimate>,
    /// The same of the second.
    pub after: BTreeMap<String, Estimate>,
    /// The second less the first. An interval without 0 says that the two differ also for
    /// other people.
    pub difference: BTreeMap<String, Estimate>,
}

/// How often and from which seed it is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    /// Draws.
    pub draws: u32,
    /// Seed; the same gives the same intervals.
    pub seed: u64,
}

impl Default for Bootstrap {
    /// 1,000 draws are the custom for 95% (Efron and Tibshirani 1993).
    fn default() -> Self {
        Self { draws: 1000, seed: 1 }
    }
}

/// The middle share of the draws that an interval spans.
const CONFIDENCE: f64 = 0.95;
/// Share of the draws that must have the figure.
const DEFINED: f64 = 0.9;

impl Bootstrap {
    /// The figures over everything, each with its interval. `subjects` says whose each
    /// item is; `figures` is told how often each item counts and gives always as many
    /// figures. Percentile intervals.
    pub fn estimates(
        &self,
        subjects: &[&str],
        figures: impl Fn(&[u32]) -> Vec<Option<f64>> + Sync,
    ) -> Vec<Estimate> {
        let whole = figures(&vec![1; subjects.len()]);
        let mut number: BTreeMap<&str, usize> = BTreeMap::new();
        for subject in subjects {
            let next = number.len();
            number.entry(subject).or_insert(next);
        }
        let of: Vec<usize> = subjects.iter().map(|subject| number[subject]).collect();
        let draws = if number.len() < 2 { 0 } else { self.draws };
        let drawn: Vec<Vec<Option<f64>>> = (0..draws)
            .into_par_iter()
            .map(|draw| {
                let mut random = ChaCha8Rng::seed_from_u64(self.seed);
                // Each draw has its own stream, whichever core makes it.
                random.set_stream(u64::from(draw));
                let mut taken = vec![0u32; number.len()];
                for _ in 0..number.len() {
                    taken[random.random_range(0..number.len())] += 1;
                }
                let counts: Vec<u32> = of.iter().map(|subject| taken[*subject]).collect();
                figures(&counts)
            })
            .collect();
        let estimate = |(at, value): (usize, &Option<f64>)| {
            let mut known: Vec<f64> =
                drawn.iter().filter_map(|draw| draw.get(at).copied().flatten()).collect();
            let enough = draws > 0 && known.len() as f64 >= DEFINED * f64::from(draws);
            if value.is_none() || !enough {
                return Estimate { value: *value, low: None, high: None };
            }
            known.sort_by(f64::total_cmp);
            let tail = (1.0 - CONFIDENCE) / 2.0;
            Estimate {
                value: *value,
                low: Some(quantile(&known, tail)),
                high: Some(quantile(&known, 1.0 - tail)),
            }
        };
        whole.iter().enumerate().map(estimate).collect()
    }

    /// Compares two judges, drawing the same people for both; see
    /// [`estimates`](Self::estimates). `judged` says how many items each has judged,
    /// `subjects` whose those are that both have; `named` gives figures their names.
    pub fn paired(
        &self,
        [first, second]: [String; 2],
        judged: [usize; 2],
        subjects: &[&str],
        named: impl Fn(&[Estimate]) -> BTreeMap<String, Estimate>,
        figures: impl Fn(&[u32]) -> [Vec<Option<f64>>; 2] + Sync,
    ) -> Paired {
        let estimates = self.estimates(subjects, |counts| {
            let [a, b] = figures(counts);
            let less: Vec<_> = a.iter().zip(&b).map(|(a, b)| Some((*b)? - (*a)?)).collect();
            [a, b, less].concat()
        });
        let each = estimates.len() / 3;
        Paired {
            first,
            second,
            unpaired: judged[0] + judged[1] - 2 * subjects.len(),
            subjects: subjects.iter().collect::<BTreeSet<_>>().len(),
            before: named(&estimates[..each]),
            after: named(&estimates[each..2 * each]),
            difference: named(&estimates[2 * each..]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_of(values: &[f64]) -> impl Fn(&[u32]) -> Vec<Option<f64>> + Sync + '_ {
        move |counts| {
            let n: u32 = counts.iter().sum();
            let sum: f64 = values.iter().zip(counts).map(|(v, n)| v * f64::from(*n)).sum();
            vec![(n > 0).then(|| sum / f64::from(n))]
        }
    }

    #[test]
    fn the_interval_of_a_mean_is_that_of_theory() {
        // 100 people with values 0..1: the mean's standard error is 0.29 / 10.
        let values: Vec<f64> = (0..100).map(|i| f64::from(i) / 99.0).collect();
        let names: Vec<String> = (0..100).map(|i| i.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = Bootstrap::default().estimates(&names, mean_of(&values))[0];
        let half = (found.high.unwrap() - found.low.unwrap()) / 2.0;
        assert!((found.value.unwrap() - 0.5).abs() < 1e-9);
        assert!((half - 1.96 * 0.0291).abs() < 0.006, "{half}");
        assert_eq!(found, Bootstrap::default().estimates(&names, mean_of(&values))[0]);
        let other = Bootstrap { seed: 2, ..Bootstrap::default() };
        assert_ne!(found, other.estimates(&names, mean_of(&values))[0]);
    }

    #[test]
    fn many_pictures_of_few_people_are_no_surer_than_few_people() {
        let per_person = |pictures: usize| {
            let values: Vec<f64> = (0..10).flat_map(|i| vec![f64::from(i % 2); pictures]).collect();
            let names: Vec<String> =
                (0..10).flat_map(|i| vec![format!("s{i}"); pictures]).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let found = Bootstrap::default().estimates(&names, mean_of(&values))[0];
            found.high.unwrap() - found.low.unwrap()
        };
        assert!((per_person(1) - per_person(50)).abs() < 1e-9);
    }

    #[test]
    fn one_person_has_a_figure_but_no_interval() {
        let found = Bootstrap::default().estimates(&["a", "a"], mean_of(&[1.0, 0.0]))[0];
        assert_eq!(found, Estimate { value: Some(0.5), low: None, high: None });
    }
}
