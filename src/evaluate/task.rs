//! What was asked, what is true and what was answered, in one form for pictures and
//! videos, for two classes and more; and the figures of it, each with its interval over
//! people.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    bootstrap::{Bootstrap, Estimate, Paired},
    classes::{self, Matrix, Ranked},
    metrics::{self, Confusion, Scored},
};

/// One answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// Which picture or video, by its name in the data.
    pub item: String,
    /// Who is in it.
    pub subject: String,
    /// The fold in which it was held out, from 1.
    pub fold: Option<u32>,
    /// The true class.
    pub truth: usize,
    /// The probability of each class, `[classes]`; `None` = nothing could be judged, which
    /// counts as the first class (awake), for that is what the driver would get.
    pub probabilities: Option<Vec<f64>>,
    /// The class that was answered, where neither threshold nor probability decides.
    pub called: Option<usize>,
    /// What else is known of it, for rows by condition: column and value.
    pub conditions: BTreeMap<String, String>,
}

/// A question put to one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Task {
    /// What is asked.
    pub name: String,
    /// Who answers.
    pub model: String,
    /// The classes; of two, the second is the one that is looked for.
    pub classes: Vec<String>,
    /// Of two classes: the probability of the second from which it is answered.
    pub threshold: f64,
    /// How the answers came about.
    pub note: String,
    /// The answers.
    pub answers: Vec<Answer>,
}

/// The figures: key, title. For `loss` and `calibration_error` less is better.
pub(crate) const FIGURES: [(&str, &str); 9] = [
    ("accuracy", "accuracy"),
    ("balanced_accuracy", "balanced accuracy"),
    ("f1", "F1"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("auc", "AUC"),
    ("average_precision", "average precision"),
    ("loss", "loss"),
    ("calibration_error", "calibration"),
];

/// Figures of some of the answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// By what the answers were chosen: `all`, `fold`, `threshold`, `random`, or a column.
    pub by: String,
    /// Which of them.
    pub name: String,
    /// What has to be known to read it; empty = nothing.
    pub note: String,
    /// Answers.
    pub n: usize,
    /// Of these, such without anything to judge by.
    pub missed: usize,
    /// Different people.
    pub subjects: usize,
    /// Counts, `[truth][answer]`.
    pub confusion: Vec<Vec<u64>>,
    /// Each of [`FIGURES`]. Precision, recall and F1 of two classes are those of the
    /// second, of more the mean over the classes.
    pub figures: BTreeMap<String, Estimate>,
}

impl Task {
    /// The same with some of the answers.
    pub(crate) fn only(&self, keep: impl Fn(&Answer) -> bool) -> Self {
        let answers = self.answers.iter().filter(|answer| keep(answer)).cloned().collect();
        Self { answers, ..self.bare() }
    }

    /// The same without answers.
    pub(crate) fn bare(&self) -> Self {
        Self {
            name: self.name.clone(),
            model: self.model.clone(),
            classes: self.classes.clone(),
            threshold: self.threshold,
            note: self.note.clone(),
            answers: Vec::new(),
        }
    }

    fn is_binary(&self) -> bool {
        self.classes.len() == 2
    }

    /// The class that is answered.
    pub(crate) fn called(&self, answer: &Answer) -> usize {
        let judged = |probabilities: &Vec<f64>| match self.is_binary() {
            true => usize::from(probabilities.get(1).is_some_and(|p| *p >= self.threshold)),
            false => Ranked { truth: 0, probabilities: probabilities.clone() }.answer(),
        };
        answer.called.unwrap_or_else(|| answer.probabilities.as_ref().map_or(0, judged))
    }

    /// Counts, `[truth][answer]`.
    pub(crate) fn confusion(&self) -> Matrix {
        let mut matrix = Matrix::new(self.classes.len());
        self.answers.iter().for_each(|answer| matrix.add(answer.truth, self.called(answer)));
        matrix
    }

    /// The answers as a judge of two classes has them; what is missed scores 0.
    pub(crate) fn scored(&self) -> Vec<Scored> {
        self.answers.iter().map(scored).collect()
    }

    /// The figures in the order of [`FIGURES`], each answer counted so many times.
    fn figures(&self, counts: &[u32]) -> Vec<Option<f64>> {
        let times = || self.answers.iter().zip(counts).filter(|(_, n)| **n > 0);
        let repeat = |n: &u32| *n as usize;
        if self.is_binary() {
            let mut confusion = Confusion::default();
            for (answer, n) in times() {
                let cell = match (answer.truth == 1, self.called(answer) == 1) {
                    (true, true) => &mut confusion.true_positive,
                    (false, true) => &mut confusion.false_positive,
                    (false, false) => &mut confusion.true_negative,
                    (true, false) => &mut confusion.false_negative,
                };
                *cell += u64::from(*n);
            }
            let all: Vec<Scored> =
                times().flat_map(|(a, n)| std::iter::repeat_n(scored(a), repeat(n))).collect();
            let found: Vec<Scored> = times()
                .filter(|(a, _)| a.probabilities.is_some())
                .flat_map(|(a, n)| std::iter::repeat_n(scored(a), repeat(n)))
                .collect();
            return vec![
                confusion.accuracy(),
                confusion.balanced_accuracy(),
                confusion.f1(),
                confusion.precision(),
                confusion.recall(),
                metrics::auc(&all),
                metrics::average_precision(&all),
                metrics::log_loss(&found),
                metrics::calibration_error(&found),
            ];
        }
        let k = self.classes.len();
        let mut matrix = Matrix::new(k);
        let (mut all, mut found) = (Vec::new(), Vec::new());
        for (answer, n) in times() {
            let called = self.called(answer);
            for _ in 0..*n {
                matrix.add(answer.truth, called);
                let probabilities = answer.probabilities.clone().unwrap_or_else(|| {
                    (0..k).map(|class| f64::from(u8::from(class == 0))).collect()
                });
                let ranked = Ranked { truth: answer.truth, probabilities };
                if answer.probabilities.is_some() {
                    found.push(ranked.clone());
                }
                all.push(ranked);
            }
        }
        vec![
            matrix.accuracy(),
            matrix.balanced_accuracy(),
            matrix.f1(),
            matrix.precision(),
            matrix.recall(),
            classes::one_against_rest(&all, k, metrics::auc),
            classes::one_against_rest(&all, k, metrics::average_precision),
            classes::log_loss(&found),
            classes::calibration_error(&found),
        ]
    }

    /// A figure over all answers.
    pub(crate) fn figure(&self, key: &str) -> Option<f64> {
        let at = FIGURES.iter().position(|(known, _)| *known == key)?;
        self.figures(&vec![1; self.answers.len()]).get(at).copied().flatten()
    }

    /// Everything of it as a row.
    pub(crate) fn row(&self, by: &str, name: &str, bootstrap: &Bootstrap) -> Row {
        // In the order of the probabilities: sorting a draw again is then quick.
        let mut sorted = self.clone();
        sorted.answers.sort_by(|a, b| {
            scored(a).probability.total_cmp(&scored(b).probability).then(a.item.cmp(&b.item))
        });
        let subjects: Vec<&str> = sorted.answers.iter().map(|a| a.subject.as_str()).collect();
        let estimates = bootstrap.estimates(&subjects, |counts| sorted.figures(counts));
        let people: BTreeSet<&str> = subjects.iter().copied().collect();
        Row {
            by: by.into(),
            name: name.into(),
            note: String::new(),
            n: self.answers.len(),
            missed: self.answers.iter().filter(|a| a.probabilities.is_none()).count(),
            subjects: people.len(),
            confusion: self.confusion().0,
            figures: named(&estimates),
        }
    }
}

fn scored(answer: &Answer) -> Scored {
    Scored {
        drowsy: answer.truth == 1,
        probability: answer.probabilities.as_ref().and_then(|p| p.get(1)).copied().unwrap_or(0.0),
    }
}

fn named(estimates: &[Estimate]) -> BTreeMap<String, Estimate> {
    FIGURES.iter().zip(estimates).map(|((key, _), e)| ((*key).to_owned(), *e)).collect()
}

/// Two answers to one question, side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Difference {
    /// The question.
    pub task: String,
    /// Answers that both gave.
    pub n: usize,
    /// Who gave them, and their figures.
    #[serde(flatten)]
    pub sides: Paired,
}

/// Compares two answers to one question over the items that both have, drawing the same
/// people for both. `None` where they have no item in common or other classes.
pub(crate) fn difference(first: &Task, second: &Task, bootstrap: &Bootstrap) -> Option<Difference> {
    if first.classes.len() != second.classes.len() {
        return None;
    }
    let key = |answer: &Answer| (answer.item.clone(), answer.truth);
    let known: BTreeMap<_, &Answer> = second.answers.iter().map(|a| (key(a), a)).collect();
    let pairs: Vec<(&Answer, &Answer)> =
        first.answers.iter().filter_map(|a| Some((a, *known.get(&key(a))?))).collect();
    if pairs.is_empty() {
        return None;
    }
    let a = Task { answers: pairs.iter().map(|(a, _)| (*a).clone()).collect(), ..first.bare() };
    let b = Task { answers: pairs.iter().map(|(_, b)| (*b).clone()).collect(), ..second.bare() };
    let subjects: Vec<&str> = a.answers.iter().map(|answer| answer.subject.as_str()).collect();
    let sides = bootstrap.paired(
        [&first.model, &second.model].map(Clone::clone),
        [first.answers.len(), second.answers.len()],
        &subjects,
        named,
        |counts| [&a, &b].map(|task| task.figures(counts)),
    );
    Some(Difference { task: first.name.clone(), n: pairs.len(), sides })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// 20 people with four answers each; every `wrong`th answer is wrong.
    pub(in crate::evaluate) fn task(model: &str, wrong: usize) -> Task {
        let answers = (0..80)
            .map(|i| {
                let truth = i % 2;
                let sure = 0.6 + 0.3 * (i as f64 / 80.0);
                let right = if truth == 1 { sure } else { 1.0 - sure };
                let p = if i % wrong == 0 { 1.0 - right } else { right };
                Answer {
                    item: format!("{i}.jpg"),
                    subject: format!("s{}", i / 4),
                    truth,
                    probabilities: Some(vec![1.0 - p, p]),
                    conditions: BTreeMap::from([(
                        "light".into(),
                        if i < 40 { "day" } else { "night" }.into(),
                    )]),
                    ..Answer::default()
                }
            })
            .collect();
        Task {
            name: "pictures".into(),
            model: model.into(),
            classes: vec!["awake".into(), "drowsy".into()],
            threshold: 0.5,
            note: String::new(),
            answers,
        }
    }

    #[test]
    fn figures_of_a_row_agree_with_those_of_the_metrics() {
        let task = task("a", 10);
        let row = task.row("all", "all", &Bootstrap::default());
        let scored = task.scored();
        let value = |key: &str| row.figures[key].value;
        assert_eq!(value("accuracy"), Some(0.9));
        assert_eq!(value("auc"), metrics::auc(&scored));
        // Summed in another order: the last digit may differ.
        let (ours, theirs) = (value("loss").unwrap(), metrics::log_loss(&scored).unwrap());
        assert!((ours - theirs).abs() < 1e-12, "{ours} {theirs}");
        assert_eq!(value("average_precision"), metrics::average_precision(&scored));
        assert_eq!((row.n, row.missed, row.subjects), (80, 0, 20));
        let Estimate { low: Some(low), high: Some(high), .. } = row.figures["accuracy"] else {
            panic!("no interval")
        };
        assert!(low < 0.9 && 0.9 < high && high - low < 0.2, "{low}..{high}");
    }

    #[test]
    fn what_could_not_be_judged_counts_as_awake_and_not_in_the_loss() {
        let mut task = task("a", 1000);
        let loss = task.only(|a| a.item != "1.jpg").figure("loss");
        task.answers[1].probabilities = None;
        let row = task.row("all", "all", &Bootstrap { draws: 10, seed: 1 });
        assert_eq!((row.missed, row.confusion[1][0]), (1, 1));
        let (got, wanted) = (row.figures["loss"].value.unwrap(), loss.unwrap());
        assert!((got - wanted).abs() < 1e-12);
    }

    #[test]
    fn a_better_model_differs_for_other_people_too_and_an_equal_one_does_not() {
        let bootstrap = Bootstrap::default();
        let found = difference(&task("a", 4), &task("b", 20), &bootstrap).unwrap();
        let accuracy = found.sides.difference["accuracy"];
        assert!((accuracy.value.unwrap() - 0.2).abs() < 1e-9);
        assert!(accuracy.low.unwrap() > 0.0, "{accuracy:?}");
        let same = difference(&task("a", 4), &task("b", 4), &bootstrap).unwrap();
        assert_eq!(
            same.sides.difference["auc"],
            Estimate { value: Some(0.0), low: Some(0.0), high: Some(0.0) }
        );
        let part = task("b", 4).only(|a| a.item != "3.jpg");
        assert_eq!(difference(&task("a", 4), &part, &bootstrap).unwrap().sides.unpaired, 1);
        assert!(difference(&task("a", 4), &part.only(|_| false), &bootstrap).is_none());
    }
}
