//! Which answers are measured together. `subject` holds every person out once, in folds;
//! `random` is the reference method's way, a random tenth of the items, and lets identity leak: it is
//! here to be compared with, and says so. The control puts the labels in a random order:
//! what is still found then is not in the data.

use std::collections::{BTreeMap, BTreeSet};

use clap::ValueEnum;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    bootstrap::Bootstrap,
    metrics::{self, CalibrationBin, Confusion, Scored},
    task::{Answer, Row, Task},
};
use crate::{
    dataset::{
        manifest::Item,
        split::{HoldOut, folds},
    },
    stats::quantile,
};

/// How items are held out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Every person is held out once, in folds; nobody stands on both sides.
    #[default]
    Subject,
    /// Items are held out at random, as the reference method did: identity leaks.
    Random,
}

/// Folds, where the data bring none of their own.
pub(crate) const FOLDS: u32 = 5;
/// Random orders of the labels in the control.
const SHUFFLES: u32 = 200;
/// Most points of a curve that are kept for the report.
const POINTS: usize = 200;
/// Most different values of a column that become rows of their own.
const MOST_ROWS: usize = 40;

/// What is found when the labels are put in a random order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Control {
    /// Which figure.
    pub figure: String,
    /// The real one.
    pub real: Option<f64>,
    /// Random orders.
    pub orders: u32,
    /// The mean of the figure over them; 0.5 where nothing but the labels speaks.
    pub mean: Option<f64>,
    /// The middle 95% of it.
    pub low: Option<f64>,
    /// Its upper end.
    pub high: Option<f64>,
    /// Share of the orders that do as well as the real one, itself counted in.
    pub p: Option<f64>,
}

/// Everything that is said of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskReport {
    /// The question.
    pub task: String,
    /// Who answers.
    pub model: String,
    /// The classes.
    pub classes: Vec<String>,
    /// Probability from which the second of two is answered.
    pub threshold: Option<f64>,
    /// How the answers came about.
    pub note: String,
    /// The figures: first of everything, then by protocol, then by condition.
    pub rows: Vec<Row>,
    /// Points (false alarm rate, recall); of two classes only.
    pub roc: Vec<[f64; 2]>,
    /// Points (recall, precision); of two classes only.
    pub precision_recall: Vec<[f64; 2]>,
    /// Promised and kept probabilities in ten bins; of two classes only.
    pub calibration: Vec<CalibrationBin>,
    /// The control.
    pub control: Control,
}

/// Reports a task whose answers do not depend on the folds (a model trained elsewhere).
/// By `columns` it is broken down.
pub(crate) fn report(
    task: &Task,
    protocol: Protocol,
    columns: &[String],
    bootstrap: &Bootstrap,
) -> TaskReport {
    let mut rows = vec![task.row("all", "all", bootstrap)];
    rows.extend(match protocol {
        Protocol::Subject => by_fold(task, true, bootstrap),
        Protocol::Random => vec![random_tenth(task, bootstrap)],
    });
    finish(task, rows, columns, bootstrap, |shuffled| shuffled)
}

/// Reports a task whose answers were fitted fold by fold; `refit` does so again for labels
/// in another order.
pub(crate) fn report_fitted(
    task: &Task,
    protocol: Protocol,
    columns: &[String],
    bootstrap: &Bootstrap,
    refit: impl Fn(Task) -> Task + Sync,
) -> TaskReport {
    let mut all = task.row("all", "all", bootstrap);
    if protocol == Protocol::Random {
        all.note = leak_note(task);
    }
    let mut rows = vec![all];
    rows.extend(by_fold(task, false, bootstrap));
    finish(task, rows, columns, bootstrap, refit)
}

fn finish(
    task: &Task,
    mut rows: Vec<Row>,
    columns: &[String],
    bootstrap: &Bootstrap,
    refit: impl Fn(Task) -> Task + Sync,
) -> TaskReport {
    for column in columns {
        let values: BTreeSet<&str> =
            task.answers.iter().filter_map(|a| a.conditions.get(column).map(|v| &**v)).collect();
        // One value is no condition, and hundreds are names.
        if values.len() < 2 || values.len() > MOST_ROWS {
            continue;
        }
        for value in values {
            let chosen = task.only(|a| a.conditions.get(column).is_some_and(|v| v == value));
            rows.push(chosen.row(column, value, bootstrap));
        }
    }
    let binary = task.classes.len() == 2;
    let scored = if binary { task.scored() } else { Vec::new() };
    let found = task.only(|answer| answer.probabilities.is_some());
    let bins = found.scored().into_iter().map(|s| (s.probability, s.drowsy));
    TaskReport {
        task: task.name.clone(),
        model: task.model.clone(),
        classes: task.classes.clone(),
        threshold: binary.then_some(task.threshold),
        note: task.note.clone(),
        rows,
        roc: thinned(metrics::roc_curve(&scored)),
        precision_recall: thinned(metrics::precision_recall_curve(&scored)),
        calibration: if binary { metrics::calibration_bins(bins).to_vec() } else { Vec::new() },
        control: control(task, bootstrap.seed, refit),
    }
}

/// At most so many points, first and last among them.
fn thinned(points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    if points.len() <= POINTS {
        return points;
    }
    (0..POINTS).map(|i| points[i * (points.len() - 1) / (POINTS - 1)]).collect()
}

/// The fold of each answer: the data's own, or people dealt out evenly.
pub(crate) fn fold_of(answers: &[Answer], protocol: Protocol, seed: u64) -> Vec<u32> {
    if protocol == Protocol::Random {
        let mut order: Vec<usize> = (0..answers.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let mut fold = vec![1; answers.len()];
        for (at, item) in order.into_iter().enumerate() {
            fold[item] = 1 + at as u32 % FOLDS;
        }
        return fold;
    }
    let own: Option<Vec<u32>> = answers.iter().map(|answer| answer.fold).collect();
    if let Some(own) = own.filter(|own| own.iter().collect::<BTreeSet<_>>().len() > 1) {
        return own;
    }
    let splits = folds(&items(answers), FOLDS as usize, seed);
    let of = |at: usize| splits.iter().position(|split| split.validates[at]).unwrap_or(0);
    (0..answers.len()).map(|at| 1 + of(at) as u32).collect()
}

/// The same for the rooms that split lists.
fn items(answers: &[Answer]) -> Vec<Item> {
    let item = |answer: &Answer| Item {
        subject: answer.subject.clone(),
        collection: "own".into(),
        ..Item::default()
    };
    answers.iter().map(item).collect()
}

/// A row for each fold. With `threshold`, one more: everybody, judged by the threshold that
/// is best for the people of the other folds.
fn by_fold(task: &Task, threshold: bool, bootstrap: &Bootstrap) -> Vec<Row> {
    let of = match task.answers.iter().map(|answer| answer.fold).collect::<Option<Vec<u32>>>() {
        Some(own) if !threshold => own,
        _ => fold_of(&task.answers, Protocol::Subject, bootstrap.seed),
    };
    let numbers: BTreeSet<u32> = of.iter().copied().collect();
    if numbers.len() < 2 {
        return Vec::new();
    }
    let mut rows = Vec::new();
    let mut refitted = task.bare();
    for fold in numbers {
        let side = |held: bool| {
            let pairs = task.answers.iter().zip(&of).filter(|(_, of)| (**of == fold) == held);
            Task { answers: pairs.map(|(a, _)| a.clone()).collect(), ..task.bare() }
        };
        let mut held = side(true);
        rows.push(held.row("fold", &fold.to_string(), bootstrap));
        held.threshold = best_threshold(&side(false).scored()).unwrap_or(task.threshold);
        for answer in &held.answers {
            let called = Some(held.called(answer));
            refitted.answers.push(Answer { called, ..answer.clone() });
        }
    }
    if threshold && task.classes.len() == 2 {
        let mut row = refitted.row("threshold", "fitted on the other folds", bootstrap);
        row.note = "each fold is judged by the threshold that is best for the others' people; \
                    AUC, average precision, loss and calibration know no threshold"
            .into();
        rows.push(row);
    }
    rows
}

/// The reference method's protocol: a random tenth of the items, the threshold fitted on the rest.
fn random_tenth(task: &Task, bootstrap: &Bootstrap) -> Row {
    let hold_out = HoldOut { seed: bootstrap.seed, ..HoldOut::of_the_seed() };
    let items = items(&task.answers);
    let split = hold_out.split(&items);
    let side = |held: bool| {
        let pairs = task.answers.iter().zip(&split.validates).filter(|(_, v)| **v == held);
        Task { answers: pairs.map(|(a, _)| a.clone()).collect(), ..task.bare() }
    };
    let mut held = side(true);
    held.threshold = best_threshold(&side(false).scored()).unwrap_or(task.threshold);
    let people: BTreeSet<&str> = held.answers.iter().map(|a| a.subject.as_str()).collect();
    let mut row = held.row("random", "a random tenth", bootstrap);
    row.note = format!(
        "identity leaks: {} of the {} people in it also stand on the other side",
        split.shared_subjects(&items),
        people.len()
    );
    row
}

fn leak_note(task: &Task) -> String {
    let mut folds: BTreeMap<&str, BTreeSet<Option<u32>>> = BTreeMap::new();
    for answer in &task.answers {
        folds.entry(&answer.subject).or_default().insert(answer.fold);
    }
    let shared = folds.values().filter(|folds| folds.len() > 1).count();
    format!("identity leaks: {shared} of {} people stand in more than one fold", folds.len())
}

/// The threshold with the best balanced accuracy; of equals the one nearest to one half.
/// `None` unless both classes are there.
pub(crate) fn best_threshold(scored: &[Scored]) -> Option<f64> {
    let mut values: Vec<f64> = scored.iter().map(|one| one.probability).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let between = values.windows(2).map(|w| (w[0] + w[1]) / 2.0);
    // One for each step of the curve, walked in order: counts change by what lies between.
    let mut sorted: Vec<Scored> = scored.to_vec();
    sorted.sort_by(|a, b| a.probability.total_cmp(&b.probability));
    let mut counts = Confusion::count(scored, f64::NEG_INFINITY);
    let mut at = 0;
    let mut best: Option<(f64, f64)> = None;
    for threshold in between {
        while let Some(one) = sorted.get(at).filter(|one| one.probability < threshold) {
            if one.drowsy {
                counts.true_positive -= 1;
                counts.false_negative += 1;
            } else {
                counts.false_positive -= 1;
                counts.true_negative += 1;
            }
            at += 1;
        }
        let balanced = counts.balanced_accuracy()?;
        let better = best.is_none_or(|(before, kept)| {
            balanced > before || balanced == before && (threshold - 0.5).abs() < (kept - 0.5).abs()
        });
        if better {
            best = Some((balanced, threshold));
        }
    }
    best.map(|(_, threshold)| threshold)
}

/// The labels in random orders: AUC of two classes, balanced accuracy of more.
fn control(task: &Task, seed: u64, refit: impl Fn(Task) -> Task + Sync) -> Control {
    let figure = if task.classes.len() == 2 { "auc" } else { "balanced_accuracy" };
    let real = task.figure(figure);
    let mut found: Vec<f64> = (0..SHUFFLES)
        .into_par_iter()
        .filter_map(|order| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(u64::from(order));
            let mut truths: Vec<usize> = task.answers.iter().map(|a| a.truth).collect();
            truths.shuffle(&mut random);
            let mut shuffled = task.clone();
            for (answer, truth) in shuffled.answers.iter_mut().zip(truths) {
                answer.truth = truth;
            }
            refit(shuffled).figure(figure)
        })
        .collect();
    found.sort_by(f64::total_cmp);
    let known = !found.is_empty();
    let as_good = real.map(|real| found.iter().filter(|f| **f >= real).count());
    Control {
        figure: figure.into(),
        real,
        orders: SHUFFLES,
        mean: known.then(|| found.iter().sum::<f64>() / found.len() as f64),
        low: known.then(|| quantile(&found, 0.025)),
        high: known.then(|| quantile(&found, 0.975)),
        p: as_good.filter(|_| known).map(|n| (1.0 + n as f64) / (1.0 + found.len() as f64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::task::tests::task;

    fn quick() -> Bootstrap {
        Bootstrap { draws: 50, seed: 1 }
    }

    #[test]
    fn the_subject_protocol_holds_everybody_out_once() {
        let task = task("a", 10);
        let report = report(&task, Protocol::Subject, &["light".into()], &quick());
        let of = |by: &str| report.rows.iter().filter(|row| row.by == by).collect::<Vec<_>>();
        assert_eq!(of("fold").len(), 5);
        assert_eq!(of("fold").iter().map(|row| row.n).sum::<usize>(), 80);
        assert_eq!(of("fold").iter().map(|row| row.subjects).sum::<usize>(), 20, "disjoint");
        assert_eq!(of("threshold")[0].n, 80);
        let light: Vec<_> = of("light").iter().map(|row| (row.name.clone(), row.n)).collect();
        assert_eq!(light, [("day".into(), 40), ("night".into(), 40)]);
        assert!(report.rows.iter().all(|row| !row.note.contains("leak")));
    }

    #[test]
    fn the_random_protocol_says_that_identity_leaks() {
        let report = report(&task("a", 10), Protocol::Random, &[], &quick());
        let row = report.rows.iter().find(|row| row.by == "random").unwrap();
        assert_eq!(row.n, 8);
        assert!(row.note.contains("identity leaks") && !row.note.contains(" 0 of"), "{}", row.note);
    }

    #[test]
    fn labels_in_a_random_order_are_not_found() {
        let control = report(&task("a", 10), Protocol::Subject, &[], &quick()).control;
        assert!(control.real.unwrap() > 0.8);
        assert!((control.mean.unwrap() - 0.5).abs() < 0.02, "{control:?}");
        assert!(control.high.unwrap() < 0.7 && control.p.unwrap() < 0.01);
    }

    #[test]
    fn the_best_threshold_is_found() {
        let scored = |pairs: &[(bool, f64)]| -> Vec<Scored> {
            pairs
                .iter()
                .map(|(drowsy, probability)| Scored { drowsy: *drowsy, probability: *probability })
                .collect()
        };
        let split = scored(&[(false, 0.1), (false, 0.2), (true, 0.3), (true, 0.9)]);
        assert!((best_threshold(&split).unwrap() - 0.25).abs() < 1e-12);
        assert_eq!(best_threshold(&scored(&[(true, 0.1), (true, 0.2)])), None);
    }
}
