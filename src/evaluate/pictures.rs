//! Frame level: labelled photographs go through the same detector, landmark network,
//! alignment and classifier as a camera's frames, and the answers are counted. A face
//! that is not found is counted as awake, since that is what the driver would get, and
//! is counted as missed, so that nobody takes blindness for a judgement.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    EvaluateError,
    metrics::{self, Confusion, Scored},
};
use crate::{
    dataset::manifest::{Label, Manifest},
    live::{Pipeline, PipelineOptions},
    source::images::load_image,
};

/// What the models said of one picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// The picture.
    pub file: PathBuf,
    /// Who is in it.
    pub subject: String,
    /// The truth.
    pub label: Label,
    /// Probability of drowsy, 0..1; `None` when no face was found.
    pub drowsy: Option<f32>,
}

impl Judged {
    /// The same for the metrics: a missed face is a sure "awake".
    fn scored(&self) -> Scored {
        Scored {
            drowsy: self.label == Label::Drowsy,
            probability: self.drowsy.map_or(0.0, f64::from),
        }
    }
}

/// Figures of a model on a list. Those that cannot be told (one class only, say) are
/// `None` and `null` in JSON. The two probability figures, `loss` and
/// `calibration_error`, are taken over faces that were found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PictureReport {
    /// Pictures of the list.
    pub n: usize,
    /// Pictures in which no face was found; counted as awake.
    pub missed: usize,
    /// Different people.
    pub subjects: usize,
    /// Probability from which a picture was called drowsy.
    pub threshold: f64,
    /// Area under the ROC curve.
    pub auc: Option<f64>,
    /// Mean of recall and specificity.
    pub balanced_accuracy: Option<f64>,
    /// Share of right answers.
    pub accuracy: Option<f64>,
    /// Harmonic mean of precision and recall.
    pub f1: Option<f64>,
    /// Share of those called drowsy that are.
    pub precision: Option<f64>,
    /// Share of the drowsy that were called so.
    pub recall: Option<f64>,
    /// Mean negative log-likelihood, nats.
    pub loss: Option<f64>,
    /// Expected calibration error over ten bins of equal width.
    pub calibration_error: Option<f64>,
    /// Counts of truth against answer.
    pub confusion: Confusion,
    /// Name of the classifier.
    pub model: String,
}

/// Reads every picture of a labelled list, on all cores; the answers come in the list's
/// order. `progress` is told how many are done, of how many.
///
/// # Errors
/// When the list, a picture of it or a model cannot be used, or a picture has no label.
pub fn judge(
    list: &Path,
    options: &PipelineOptions,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<(Vec<Judged>, ModelFacts), EvaluateError> {
    let manifest = Manifest::read(list)?;
    if let Some(item) = manifest.items.iter().find(|item| item.label.is_none()) {
        return Err(EvaluateError::Unlabelled { list: list.into(), file: item.file.clone() });
    }
    let first = Pipeline::open(options)?;
    let card = first.classifier().card();
    let facts = ModelFacts { name: card.name.clone(), threshold: f64::from(card.threshold) };
    // Pipelines hold sessions, so each is made once and lent to whoever works.
    let idle = Mutex::new(vec![first]);
    let done = AtomicU64::new(0);
    let judged = manifest.items.par_iter().map(|item| {
        let image = load_image(&item.file)?;
        let lent = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut pipeline = lent.map_or_else(|| Pipeline::open(options), Ok)?;
        let look = pipeline.look(&image)?;
        idle.lock().unwrap_or_else(PoisonError::into_inner).push(pipeline);
        progress(1 + done.fetch_add(1, Ordering::Relaxed), manifest.items.len() as u64);
        Ok(Judged {
            file: item.file.clone(),
            subject: item.subject.clone(),
            label: item.label.unwrap_or(Label::Awake),
            drowsy: look.map(|look| look.reading.drowsy),
        })
    });
    Ok((judged.collect::<Result<_, EvaluateError>>()?, facts))
}

/// What a report says of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFacts {
    /// Its name.
    pub name: String,
    /// Its own threshold.
    pub threshold: f64,
}

/// Counts the answers. Without a `threshold` the model's own is taken.
pub fn report(judged: &[Judged], facts: &ModelFacts, threshold: Option<f64>) -> PictureReport {
    let threshold = threshold.unwrap_or(facts.threshold);
    let scored: Vec<_> = judged.iter().map(Judged::scored).collect();
    let found: Vec<_> =
        judged.iter().filter(|one| one.drowsy.is_some()).map(Judged::scored).collect();
    let confusion = Confusion::count(&scored, threshold);
    let mut subjects: Vec<_> = judged.iter().map(|one| &one.subject).collect();
    subjects.sort_unstable();
    subjects.dedup();
    PictureReport {
        n: judged.len(),
        missed: judged.len() - found.len(),
        subjects: subjects.len(),
        threshold,
        auc: metrics::auc(&scored),
        balanced_accuracy: confusion.balanced_accuracy(),
        accuracy: confusion.accuracy(),
        f1: confusion.f1(),
        precision: confusion.precision(),
        recall: confusion.recall(),
        loss: metrics::log_loss(&found),
        calibration_error: metrics::calibration_error(&found),
        confusion,
        model: facts.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(label: Label, drowsy: Option<f32>) -> Judged {
        Judged { file: "a.jpg".into(), subject: "someone".into(), label, drowsy }
    }

    #[test]
    fn a_missed_face_counts_as_awake_and_as_missed() {
        let facts = ModelFacts { name: "stem".into(), threshold: 0.5 };
        let all = [
            judged(Label::Drowsy, Some(0.9)),
            judged(Label::Drowsy, None),
            judged(Label::Awake, None),
            judged(Label::Awake, Some(0.2)),
        ];
        let report = report(&all, &facts, None);
        assert_eq!((report.n, report.missed, report.subjects), (4, 2, 1));
        assert_eq!(report.accuracy, Some(0.75));
        assert_eq!(report.recall, Some(0.5));
        assert_eq!(report.confusion.false_negative, 1);
        assert!(report.loss.unwrap() < 0.25, "a missed face is no sure probability");
    }

    #[test]
    fn the_threshold_asked_for_overrules_the_models() {
        let facts = ModelFacts { name: "stem".into(), threshold: 0.5 };
        let all = [judged(Label::Drowsy, Some(0.6)), judged(Label::Awake, Some(0.2))];
        assert_eq!(report(&all, &facts, None).recall, Some(1.0));
        assert_eq!(report(&all, &facts, Some(0.7)).recall, Some(0.0));
    }
}
