//! Ridge regression of sleepiness on what blinks look like together, in our own linear
//! algebra, and its scores of people whom it has not learned from. With some 140 films of
//! 47 people anything larger learned the people.

use std::collections::BTreeSet;

use crate::{
    dataset::norms::{Norm, Normed},
    monitor::blinks::FEATURES,
};

/// Penalty on the weights of normalised features, unless a training sets its own.
pub(crate) const PENALTY: f64 = 200.0;

/// One video by one norm, described.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The fold that the person belongs to.
    pub fold: u32,
    /// The person.
    pub subject: String,
    /// 0 alert, 5 low vigilance, 10 drowsy.
    pub label: u8,
    /// The film that the blinks are measured by.
    pub norm: Norm,
    /// See [`features`](crate::monitor::blinks::features).
    pub features: [f64; FEATURES],
}

/// The videos described; those without blinks are left out.
pub(crate) fn rows(videos: &[Normed<'_>]) -> Vec<Row> {
    let row = |one: &Normed<'_>| {
        Some(Row {
            fold: one.video.fold,
            subject: one.video.subject.clone(),
            label: one.video.label,
            norm: one.norm,
            features: one.features()?.map(f64::from),
        })
    };
    videos.iter().filter_map(row).collect()
}

/// Why nothing can be measured by the folds of these rows, if so.
pub(crate) fn no_folds(rows: &[Row]) -> Option<&'static str> {
    let folds: BTreeSet<u32> = rows.iter().map(|row| row.fold).collect();
    if folds.len() < 3 {
        return Some("three folds or more are needed: one to test and two to set the scale");
    }
    let of_subject: BTreeSet<(&str, u32)> =
        rows.iter().map(|row| (row.subject.as_str(), row.fold)).collect();
    let subjects: BTreeSet<&str> = rows.iter().map(|row| row.subject.as_str()).collect();
    if of_subject.len() != subjects.len() {
        return Some("a person is in two folds; the figures would measure identity");
    }
    let labels = |fold: u32| {
        let labels: BTreeSet<u8> =
            rows.iter().filter(|row| row.fold == fold).map(|row| row.label).collect();
        labels.len()
    };
    let lacks = folds.into_iter().any(|fold| labels(fold) < 3);
    lacks.then_some("every fold needs videos of all three labels")
}

/// A linear score of the features: `bias + weights . features`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Linear {
    /// One for each feature.
    pub weights: Vec<f64>,
    /// The score where all features are nothing.
    pub bias: f64,
}

impl Linear {
    /// The score: about 0 (alert), 5 to 10 (drowsy).
    pub(crate) fn score(&self, row: &Row) -> f64 {
        self.bias + self.weights.iter().zip(&row.features).map(|(w, x)| w * x).sum::<f64>()
    }
}

/// The score of each row of `judged` by a model that was fitted on those rows of `learned`,
/// and whose scale was set by them, that are of other folds.
pub(crate) fn cross_validated(learned: &[Row], judged: &[Row], penalty: f64) -> Vec<f64> {
    let folds: BTreeSet<u32> = judged.iter().map(|row| row.fold).collect();
    let mut scores = vec![0.0; judged.len()];
    for fold in folds {
        let others: Vec<&Row> = learned.iter().filter(|row| row.fold != fold).collect();
        let model = calibrated(&others, penalty);
        for (score, row) in scores.iter_mut().zip(judged).filter(|(_, row)| row.fold == fold) {
            *score = model.score(row);
        }
    }
    scores
}

/// A fit whose scale is set so that 10/3 and 20/3 part the classes: by its own folds, each
/// scored by the others, the share of scores below each is that of the labels below it.
pub(crate) fn calibrated(rows: &[&Row], penalty: f64) -> Linear {
    let folds: BTreeSet<u32> = rows.iter().map(|row| row.fold).collect();
    let mut scores = Vec::with_capacity(rows.len());
    for fold in folds {
        let (own, others): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.fold == fold);
        let model = fit(&others, penalty);
        scores.extend(own.iter().map(|row| model.score(row)));
    }
    scores.sort_by(f64::total_cmp);
    let share = |below: u8| {
        let held = rows.iter().filter(|row| row.label < below).count();
        held as f64 / rows.len().max(1) as f64
    };
    let at = |share: f64| {
        let place = share * scores.len().saturating_sub(1) as f64;
        let last = scores.len().saturating_sub(1);
        let value = |i: usize| scores.get(i.min(last)).copied().unwrap_or(5.0);
        let low = place.floor() as usize;
        value(low) + place.fract() * (value(low + 1) - value(low))
    };
    let (low, high) = (at(share(5)), at(share(10)));
    let stretch = (10.0 / 3.0) / (high - low).max(1e-3);
    let mut model = fit(rows, penalty);
    for weight in &mut model.weights {
        *weight *= stretch;
    }
    model.bias = 10.0 / 3.0 + (model.bias - low) * stretch;
    model
}

/// Ridge regression on features normalised over `rows`, told back in the features' own
/// units.
fn fit(rows: &[&Row], penalty: f64) -> Linear {
    let n = rows.len().max(1) as f64;
    let column = |i: usize| rows.iter().map(move |row| row.features[i]);
    let means: Vec<f64> = (0..FEATURES).map(|i| column(i).sum::<f64>() / n).collect();
    let spreads: Vec<f64> = (0..FEATURES)
        .map(|i| {
            let spread = (column(i).map(|x| (x - means[i]).powi(2)).sum::<f64>() / n).sqrt();
            // What is always the same weighs nothing.
            if spread > 1e-9 { spread } else { f64::INFINITY }
        })
        .collect();
    let labels_mean = rows.iter().map(|row| f64::from(row.label)).sum::<f64>() / n;
    let mut gram = vec![vec![0.0; FEATURES]; FEATURES];
    let mut target = vec![0.0; FEATURES];
    for row in rows {
        let z: Vec<f64> =
            (0..FEATURES).map(|i| (row.features[i] - means[i]) / spreads[i]).collect();
        for i in 0..FEATURES {
            target[i] += z[i] * (f64::from(row.label) - labels_mean);
            for j in 0..FEATURES {
                gram[i][j] += z[i] * z[j];
            }
        }
    }
    for (i, row) in gram.iter_mut().enumerate() {
        row[i] += penalty;
    }
    let mut weights = solve(gram, target);
    for (weight, spread) in weights.iter_mut().zip(&spreads) {
        *weight /= spread;
    }
    let bias = labels_mean - weights.iter().zip(&means).map(|(w, m)| w * m).sum::<f64>();
    Linear { weights, bias }
}

/// Solves `a x = b` for a symmetric positive definite `a` (Cholesky); a ridge makes it so.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for j in 0..n {
        for i in j..n {
            let known: f64 = (0..j).map(|k| a[i][k] * a[j][k]).sum();
            let left = a[i][j] - known;
            a[i][j] = if i == j { left.max(f64::MIN_POSITIVE).sqrt() } else { left / a[j][j] };
        }
    }
    for i in 0..n {
        let known: f64 = (0..i).map(|k| a[i][k] * b[k]).sum();
        b[i] = (b[i] - known) / a[i][i];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| a[k][i] * b[k]).sum();
        b[i] = (b[i] - known) / a[i][i];
    }
    b
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::evaluate::blinks::Figures;

    /// Films of 18 people in three folds, with features that mean nothing but the first,
    /// which tells `told` of the label.
    fn rows(told: f64) -> Vec<Row> {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut rows = Vec::new();
        for person in 0..18_u32 {
            for label in [0, 5, 10] {
                let mut features = [0.0; FEATURES];
                features.fill_with(|| rng.random_range(-1.0..1.0));
                features[0] += told * f64::from(label);
                let subject = format!("p{person}");
                rows.push(Row { fold: person % 3, subject, label, norm: Norm::Alert, features });
            }
        }
        rows
    }

    fn auc(rows: &[Row]) -> f64 {
        let scores = cross_validated(rows, rows, 1.0);
        let scored: Vec<_> = rows.iter().zip(scores).map(|(row, s)| (row.label, s)).collect();
        Figures::of(&scored).auc_alert_drowsy.unwrap()
    }

    #[test]
    fn what_tells_is_learned_and_noise_is_not() {
        assert!(auc(&rows(1.0)) > 0.95);
        let chance = auc(&rows(0.0));
        assert!((0.2..0.8).contains(&chance), "{chance}");
    }

    #[test]
    fn the_score_of_a_video_does_not_know_its_own_fold() {
        let rows = rows(0.5);
        let before = cross_validated(&rows, &rows, 1.0);
        let mut other = rows.clone();
        for row in other.iter_mut().filter(|row| row.fold == 2) {
            row.label = 10 - row.label;
        }
        let after = cross_validated(&other, &other, 1.0);
        for ((row, before), after) in rows.iter().zip(before).zip(after) {
            assert_eq!(row.fold == 2, (before - after).abs() < 1e-9, "fold {}", row.fold);
        }
    }

    #[test]
    fn a_system_of_equations_is_solved() {
        let a = vec![vec![4.0, 2.0, 0.6], vec![2.0, 5.0, 1.0], vec![0.6, 1.0, 3.0]];
        let x = solve(a, vec![9.8, 15.0, 11.6]);
        for (x, truth) in x.iter().zip([1.0, 2.0, 3.0]) {
            assert!((x - truth).abs() < 1e-12, "{x}");
        }
    }

    #[test]
    fn folds_that_would_mislead_are_refused() {
        let good = rows(1.0);
        assert_eq!(no_folds(&good), None);
        let change = |f: fn(&mut Row)| {
            let mut rows = good.clone();
            rows.iter_mut().for_each(f);
            no_folds(&rows).unwrap_or_default()
        };
        assert!(change(|row| row.fold = row.fold.min(1)).contains("three folds"));
        assert!(change(|row| row.subject = "one".into()).contains("two folds"));
        let one_less: Vec<Row> =
            good.iter().filter(|r| !(r.fold == 2 && r.label == 5)).cloned().collect();
        assert!(no_folds(&one_less).is_some_and(|why| why.contains("all three")));
        assert!(no_folds(&[]).is_some());
    }
}
