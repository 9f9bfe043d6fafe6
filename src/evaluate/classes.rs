//! Figures of a judge of several classes, as scikit-learn defines them: every class counts
//! the same ("macro"), whatever its size.

use super::metrics::{self, Scored};

/// One judged item.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ranked {
    /// The true class.
    pub truth: usize,
    /// The probability of each class, `[classes]`, 0..1.
    pub probabilities: Vec<f64>,
}

impl Ranked {
    /// The class that is thought the likeliest; of equals the first.
    pub(crate) fn answer(&self) -> usize {
        let mut best = 0;
        for (class, probability) in self.probabilities.iter().enumerate() {
            if *probability > self.probabilities[best] {
                best = class;
            }
        }
        best
    }
}

/// Counts, `[truth][answer]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Matrix(pub Vec<Vec<u64>>);

impl Matrix {
    /// An empty one.
    pub(crate) fn new(classes: usize) -> Self {
        Self(vec![vec![0; classes]; classes])
    }

    /// Counts one more answer; classes that are not there are left out.
    pub(crate) fn add(&mut self, truth: usize, answer: usize) {
        if let Some(cell) = self.0.get_mut(truth).and_then(|row| row.get_mut(answer)) {
            *cell += 1;
        }
    }

    fn column(&self, class: usize) -> u64 {
        self.0.iter().map(|row| row[class]).sum()
    }

    /// Share of right answers; `None` of nothing.
    pub(crate) fn accuracy(&self) -> Option<f64> {
        let all: u64 = self.0.iter().flatten().sum();
        let right: u64 = self.0.iter().enumerate().map(|(class, row)| row[class]).sum();
        (all > 0).then(|| right as f64 / all as f64)
    }

    /// Mean recall over the classes that there are.
    pub(crate) fn balanced_accuracy(&self) -> Option<f64> {
        let recalls = self.0.iter().enumerate().filter_map(|(class, row)| {
            let there: u64 = row.iter().sum();
            (there > 0).then(|| row[class] as f64 / there as f64)
        });
        mean(recalls)
    }

    /// The mean over the classes that are there or were answered; what cannot be told of
    /// one counts as 0, as in scikit-learn.
    fn of_classes(&self, figure: impl Fn(f64, f64, f64) -> f64) -> Option<f64> {
        let figures = (0..self.0.len()).filter_map(|class| {
            let there: u64 = self.0[class].iter().sum();
            let answered = self.column(class);
            let right = self.0[class][class];
            (there + answered > 0).then(|| figure(right as f64, there as f64, answered as f64))
        });
        mean(figures)
    }

    /// Macro precision.
    pub(crate) fn precision(&self) -> Option<f64> {
        self.of_classes(|right, _, answered| if answered > 0.0 { right / answered } else { 0.0 })
    }

    /// Macro recall.
    pub(crate) fn recall(&self) -> Option<f64> {
        self.of_classes(|right, there, _| if there > 0.0 { right / there } else { 0.0 })
    }

    /// Macro F1.
    pub(crate) fn f1(&self) -> Option<f64> {
        self.of_classes(|right, there, answered| 2.0 * right / (there + answered))
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (n, sum) = values.fold((0, 0.0), |(n, sum), value| (n + 1, sum + value));
    (n > 0).then(|| sum / f64::from(n))
}

/// The mean over the classes of a figure of "this class or another"; `None` where one of
/// them has none.
pub(crate) fn one_against_rest(
    ranked: &[Ranked],
    classes: usize,
    figure: impl Fn(&[Scored]) -> Option<f64>,
) -> Option<f64> {
    let each: Option<Vec<f64>> = (0..classes)
        .map(|class| {
            let scored: Vec<Scored> = ranked
                .iter()
                .map(|one| Scored {
                    drowsy: one.truth == class,
                    probability: one.probabilities.get(class).copied().unwrap_or(0.0),
                })
                .collect();
            figure(&scored)
        })
        .collect();
    mean(each?.into_iter())
}

/// Mean negative log-likelihood of the true class, nats; `None` of nothing.
pub(crate) fn log_loss(ranked: &[Ranked]) -> Option<f64> {
    let of_truth = ranked.iter().map(|one| Scored {
        drowsy: true,
        probability: one.probabilities.get(one.truth).copied().unwrap_or(0.0),
    });
    metrics::log_loss(&of_truth.collect::<Vec<_>>())
}

/// Expected calibration error of the answers: how often the likeliest class was right
/// against its probability (Guo et al. 2017). `None` of nothing.
pub(crate) fn calibration_error(ranked: &[Ranked]) -> Option<f64> {
    let answers = ranked.iter().map(|one| {
        let answer = one.answer();
        (one.probabilities.get(answer).copied().unwrap_or(0.0), answer == one.truth)
    });
    metrics::expected_calibration_error(&metrics::calibration_bins(answers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::metrics::tests::{Lcg, random_answers};

    /// scikit-learn 1.9.1 on the same 150 answers (average="macro", multi_class="ovr");
    /// average precision is the mean over the classes, calibration by its definition.
    #[test]
    fn figures_of_three_classes_agree_with_scikit_learn() {
        let mut random = Lcg::new();
        random_answers(&mut random);
        let ranked: Vec<Ranked> = (0..150)
            .map(|_| {
                let truth = (random.next() * 3.0) as usize;
                let raw: Vec<f64> = (0..3)
                    .map(|class| 0.05 + random.next() + if class == truth { 0.8 } else { 0.0 })
                    .collect();
                let sum: f64 = raw.iter().sum();
                Ranked { truth, probabilities: raw.iter().map(|p| p / sum).collect() }
            })
            .collect();
        let mut matrix = Matrix::new(3);
        ranked.iter().for_each(|one| matrix.add(one.truth, one.answer()));
        assert_eq!(matrix.0, [[50, 0, 1], [2, 54, 1], [1, 0, 41]]);
        for (name, ours, theirs) in [
            ("accuracy", matrix.accuracy(), 0.966666666667),
            ("balanced", matrix.balanced_accuracy(), 0.967983684702),
            ("f1", matrix.f1(), 0.966405772288),
            ("precision", matrix.precision(), 0.965628199503),
            ("recall", matrix.recall(), 0.967983684702),
            ("auc", one_against_rest(&ranked, 3, metrics::auc), 0.991094495626),
            (
                "average precision",
                one_against_rest(&ranked, 3, metrics::average_precision),
                0.983951294249,
            ),
            ("loss", log_loss(&ranked), 0.613793811265),
            ("calibration", calibration_error(&ranked), 0.414417084203),
        ] {
            let ours = ours.unwrap_or_else(|| panic!("{name} is missing"));
            assert!((ours - theirs).abs() < 1e-9, "{name}: {ours} against {theirs}");
        }
    }

    #[test]
    fn nothing_gives_no_figure() {
        let matrix = Matrix::new(3);
        assert_eq!((matrix.accuracy(), matrix.f1(), matrix.recall()), (None, None, None));
        assert_eq!(one_against_rest(&[], 3, metrics::auc), None);
        assert_eq!(log_loss(&[]), None);
    }
}
