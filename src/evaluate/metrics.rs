//! Figures of a two-class judge: what a threshold makes of probabilities, and what does
//! not depend on one. "Positive" is drowsy throughout.

use serde::{Deserialize, Serialize};

/// One judged picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// The truth: true = drowsy.
    pub drowsy: bool,
    /// The probability of drowsy that the model gave, 0..1.
    pub probability: f64,
}

/// Counts of truth against answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// Drowsy, called drowsy.
    pub true_positive: u64,
    /// Awake, called drowsy.
    pub false_positive: u64,
    /// Awake, called awake.
    pub true_negative: u64,
    /// Drowsy, called awake.
    pub false_negative: u64,
}

/// Probabilities are kept this far from 0 and 1 in the loss, so that one sure and wrong
/// answer does not make it infinite (scikit-learn does the same with f64's epsilon; this
/// is f32's, the precision in which models answer).
const LOSS_CLIP: f64 = f32::EPSILON as f64;

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl Confusion {
    /// Counts what calling everything from `threshold` up drowsy does.
    pub fn count(scored: &[Scored], threshold: f64) -> Self {
        let mut counts = Self::default();
        for one in scored {
            let cell = match (one.drowsy, one.probability >= threshold) {
                (true, true) => &mut counts.true_positive,
                (false, true) => &mut counts.false_positive,
                (false, false) => &mut counts.true_negative,
                (true, false) => &mut counts.false_negative,
            };
            *cell += 1;
        }
        counts
    }

    fn total(&self) -> u64 {
        self.true_positive + self.false_positive + self.true_negative + self.false_negative
    }

    /// Share of right answers; `None` of nothing.
    pub fn accuracy(&self) -> Option<f64> {
        ratio(self.true_positive + self.true_negative, self.total())
    }

    /// Share of the drowsy that were called so (sensitivity); `None` without any.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.true_positive, self.true_positive + self.false_negative)
    }

    /// Share of the awake that were called so; `None` without any.
    pub fn specificity(&self) -> Option<f64> {
        ratio(self.true_negative, self.true_negative + self.false_positive)
    }

    /// Share of those called drowsy that are; `None` when none was called so.
    pub fn precision(&self) -> Option<f64> {
        ratio(self.true_positive, self.true_positive + self.false_positive)
    }

    /// Mean of recall and specificity; `None` unless both classes are there.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        Some((self.recall()? + self.specificity()?) / 2.0)
    }

    /// Harmonic mean of precision and recall; `None` where neither truth nor answer
    /// holds a drowsy one.
    pub fn f1(&self) -> Option<f64> {
        ratio(
            2 * self.true_positive,
            2 * self.true_positive + self.false_positive + self.false_negative,
        )
    }
}

/// Area under the ROC curve: the chance that a drowsy picture scores above an awake one,
/// ties counting half. `None` unless both classes are there.
pub fn auc(scored: &[Scored]) -> Option<f64> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| a.probability.total_cmp(&b.probability));
    let (mut below, mut wins) = (0.0, 0.0);
    for tied in sorted.chunk_by(|a, b| a.probability == b.probability) {
        let drowsy = tied.iter().filter(|one| one.drowsy).count() as f64;
        let awake = tied.len() as f64 - drowsy;
        wins += drowsy * (below + awake / 2.0);
        below += awake;
    }
    let pairs = below * (sorted.len() as f64 - below);
    (pairs > 0.0).then(|| wins / pairs)
}

/// Mean negative log-likelihood in nats; `None` of nothing.
pub fn log_loss(scored: &[Scored]) -> Option<f64> {
    let total: f64 = scored
        .iter()
        .map(|one| {
            let right = if one.drowsy { one.probability } else { 1.0 - one.probability };
            -right.clamp(LOSS_CLIP, 1.0 - LOSS_CLIP).ln()
        })
        .sum();
    (!scored.is_empty()).then(|| total / scored.len() as f64)
}

/// The answers in groups of one probability, highest first: (how many, how many of them
/// drowsy). Only a whole group can be told apart from the next.
fn steps(scored: &[Scored]) -> Vec<(f64, f64)> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    let tied = sorted.chunk_by(|a, b| a.probability == b.probability);
    tied.map(|tied| (tied.len() as f64, tied.iter().filter(|one| one.drowsy).count() as f64))
        .collect()
}

/// Mean precision over the steps of recall (scikit-learn's `average_precision_score`, no
/// interpolation). `None` without a drowsy one.
pub fn average_precision(scored: &[Scored]) -> Option<f64> {
    let all = scored.iter().filter(|one| one.drowsy).count() as f64;
    let (mut called, mut right, mut area) = (0.0, 0.0, 0.0);
    for (tied, drowsy) in steps(scored) {
        (called, right) = (called + tied, right + drowsy);
        area += drowsy * right / called;
    }
    (all > 0.0).then(|| area / all)
}

/// The ROC curve as points (false alarm rate, recall), from (0, 0) to (1, 1); empty
/// unless both classes are there.
pub fn roc_curve(scored: &[Scored]) -> Vec<[f64; 2]> {
    let drowsy = scored.iter().filter(|one| one.drowsy).count() as f64;
    let awake = scored.len() as f64 - drowsy;
    if drowsy == 0.0 || awake == 0.0 {
        return Vec::new();
    }
    let (mut called, mut right) = (0.0, 0.0);
    let points = steps(scored).into_iter().map(|(tied, hits)| {
        (called, right) = (called + tied, right + hits);
        [(called - right) / awake, right / drowsy]
    });
    std::iter::once([0.0, 0.0]).chain(points).collect()
}

/// Precision over recall as points (recall, precision), by falling threshold; empty
/// without a drowsy one.
pub fn precision_recall_curve(scored: &[Scored]) -> Vec<[f64; 2]> {
    let drowsy = scored.iter().filter(|one| one.drowsy).count() as f64;
    if drowsy == 0.0 {
        return Vec::new();
    }
    let (mut called, mut right) = (0.0, 0.0);
    let points = steps(scored).into_iter().map(|(tied, hits)| {
        (called, right) = (called + tied, right + hits);
        [right / drowsy, right / called]
    });
    points.collect()
}

/// Number of equal bins that calibration is measured in.
pub const CALIBRATION_BINS: usize = 10;

/// What came true of the probabilities within one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Answers in it.
    pub n: usize,
    /// Sum of their probabilities.
    pub promised: f64,
    /// How many came true.
    pub kept: f64,
}

/// Ten bins of equal width over (probability, whether it came true).
pub fn calibration_bins(
    answers: impl IntoIterator<Item = (f64, bool)>,
) -> [CalibrationBin; CALIBRATION_BINS] {
    let mut bins = [CalibrationBin::default(); CALIBRATION_BINS];
    for (probability, true_) in answers {
        let at = (probability * CALIBRATION_BINS as f64) as usize;
        let bin = &mut bins[at.min(CALIBRATION_BINS - 1)];
        bin.n += 1;
        bin.promised += probability;
        bin.kept += f64::from(u8::from(true_));
    }
    bins
}

/// Expected calibration error over bins (Naeini et al. 2015): how far what came true in a
/// bin lies from what was promised, weighted by the bins' sizes. `None` of nothing.
pub fn expected_calibration_error(bins: &[CalibrationBin]) -> Option<f64> {
    let n: usize = bins.iter().map(|bin| bin.n).sum();
    let off: f64 = bins.iter().map(|bin| (bin.promised - bin.kept).abs()).sum();
    (n > 0).then(|| off / n as f64)
}

/// The same of the positive class.
pub fn calibration_error(scored: &[Scored]) -> Option<f64> {
    let answers = scored.iter().map(|one| (one.probability, one.drowsy));
    expected_calibration_error(&calibration_bins(answers))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    fn scored(truth: &[u8], probabilities: &[f64]) -> Vec<Scored> {
        truth
            .iter()
            .zip(probabilities)
            .map(|(&truth, &probability)| Scored { drowsy: truth == 1, probability })
            .collect()
    }

    /// scikit-learn 1.9.1 gave these for `y` and `p` below: accuracy_score,
    /// balanced_accuracy_score, f1_score, precision_score, recall_score at `p >= 0.5`,
    /// roc_auc_score, log_loss.
    #[test]
    fn figures_agree_with_scikit_learn() {
        let y = [0, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0];
        let p = [0.1, 0.4, 0.35, 0.8, 0.5, 0.5, 0.95, 0.2, 0.7, 0.65, 0.3, 0.45];
        let scored = scored(&y, &p);
        let counts = Confusion::count(&scored, 0.5);
        assert_eq!(
            counts,
            Confusion { true_positive: 3, false_positive: 3, true_negative: 5, false_negative: 1 }
        );
        for (name, ours, theirs) in [
            ("accuracy", counts.accuracy(), 0.666666666667),
            ("balanced", counts.balanced_accuracy(), 0.687500000000),
            ("f1", counts.f1(), 0.600000000000),
            ("precision", counts.precision(), 0.500000000000),
            ("recall", counts.recall(), 0.750000000000),
            ("auc", auc(&scored), 0.703125000000),
            ("loss", log_loss(&scored), 0.737944251196),
        ] {
            let ours = ours.unwrap_or_else(|| panic!("{name} is missing"));
            assert!((ours - theirs).abs() < 1e-9, "{name}: {ours} against {theirs}");
        }
    }

    /// The generator that the reference figures were made with, in Python and here.
    pub(in crate::evaluate) struct Lcg(u64);

    impl Lcg {
        pub(in crate::evaluate) fn new() -> Self {
            Self(12345)
        }

        pub(in crate::evaluate) fn next(&mut self) -> f64 {
            self.0 = (1_103_515_245 * self.0 + 12345) % (1 << 31);
            self.0 as f64 / f64::from(1u32 << 31)
        }
    }

    /// 200 random answers with many ties.
    pub(in crate::evaluate) fn random_answers(random: &mut Lcg) -> Vec<Scored> {
        let one = |_| {
            let (truth, noise) = (random.next() < 0.4, random.next());
            let raw: f64 = 0.35 * f64::from(u8::from(truth)) + 0.65 * noise;
            Scored { drowsy: truth, probability: (raw * 50.0).round() / 50.0 }
        };
        (0..200).map(one).collect()
    }

    /// scikit-learn 1.9.1 on the same 200 answers: confusion_matrix, accuracy_score,
    /// balanced_accuracy_score, f1_score, precision_score, recall_score, roc_auc_score,
    /// average_precision_score, log_loss; the calibration error by its
    /// definition in numpy.
    #[test]
    fn figures_of_random_answers_agree_with_scikit_learn() {
        let scored = random_answers(&mut Lcg::new());
        let counts = Confusion::count(&scored, 0.5);
        assert_eq!(
            counts,
            Confusion {
                true_positive: 57,
                false_positive: 27,
                true_negative: 93,
                false_negative: 23
            }
        );
        for (name, ours, theirs) in [
            ("accuracy", counts.accuracy(), 0.75),
            ("balanced", counts.balanced_accuracy(), 0.74375),
            ("f1", counts.f1(), 0.695121951220),
            ("precision", counts.precision(), 0.678571428571),
            ("recall", counts.recall(), 0.7125),
            ("auc", auc(&scored), 0.882604166667),
            ("average precision", average_precision(&scored), 0.848853085659),
            ("loss", log_loss(&scored), 0.428178652327),
            ("calibration", calibration_error(&scored), 0.1333),
        ] {
            let ours = ours.unwrap_or_else(|| panic!("{name} is missing"));
            assert!((ours - theirs).abs() < 1e-9, "{name}: {ours} against {theirs}");
        }
        let area = |curve: &[[f64; 2]]| -> f64 {
            curve.windows(2).map(|w| (w[1][0] - w[0][0]) * (w[1][1] + w[0][1]) / 2.0).sum()
        };
        assert_abs_diff_eq!(area(&roc_curve(&scored)), 0.882604166667, epsilon = 1e-9);
        assert_eq!(precision_recall_curve(&scored).last().unwrap(), &[1.0, 0.4]);
    }

    #[test]
    fn the_seeds_matrix_gives_another_accuracy_than_its_table() {
        let seed = Confusion {
            true_positive: 196,
            false_positive: 5,
            true_negative: 169,
            false_negative: 3,
        };
        assert_abs_diff_eq!(seed.accuracy().unwrap(), 0.9786, epsilon = 5e-5);
    }

    #[test]
    fn one_class_or_nothing_gives_no_figure_rather_than_a_wrong_one() {
        assert_eq!(auc(&scored(&[1, 1], &[0.2, 0.9])), None);
        assert_eq!(log_loss(&[]), None);
        let counts = Confusion::count(&scored(&[0, 0], &[0.2, 0.3]), 0.5);
        assert_eq!((counts.recall(), counts.precision(), counts.f1()), (None, None, None));
        assert_eq!(counts.balanced_accuracy(), None);
        assert_eq!(counts.accuracy(), Some(1.0));
    }

    #[test]
    fn calibration_is_measured_in_bins() {
        // Two of the first bin with a mean of 0.05, none drowsy; two of the last with a
        // mean of 0.95, one drowsy: (2 * 0.05 + 2 * 0.45) / 4.
        let all = scored(&[0, 0, 1, 0], &[0.04, 0.06, 0.9, 1.0]);
        assert_abs_diff_eq!(calibration_error(&all).unwrap(), 0.25, epsilon = 1e-9);
        assert_eq!(calibration_error(&[]), None);
    }

    #[test]
    fn a_sure_and_wrong_answer_costs_much_but_not_everything() {
        let loss = log_loss(&scored(&[1], &[0.0])).unwrap();
        assert!(loss > 10.0 && loss.is_finite(), "{loss}");
    }
}
