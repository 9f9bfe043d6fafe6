//! Frame level: labelled photographs go through the same detector, landmark network,
//! alignment and classifier as a camera's frames, and the answers are counted. A face
//! that is not found is counted as awake, since that is what the driver would get, and
//! is counted as missed, so that nobody takes blindness for a judgement.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    EvaluateError,
    metrics::{self, Confusion, Scored},
    report::VideoProblem,
    task::{Answer, Task},
};
use crate::{
    dataset::{
        manifest::{Item, Label, Manifest},
        table::Table,
        uta::Listing,
    },
    frame::Mounting,
    live::{PipelineOptions, PipelinePool},
    replay::{ReplayError, digest},
    source::{SourceError, formats, images::load_image},
};

/// What the models said of one picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Judged {
    /// Its place in the list, from 0.
    pub index: usize,
    /// The picture.
    pub file: PathBuf,
    /// Who is in it.
    pub subject: String,
    /// The truth.
    pub label: Label,
    /// Which collection it comes from.
    pub collection: String,
    /// The fold that its makers put the subject into.
    pub fold: Option<u32>,
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
pub(crate) struct PictureReport {
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

/// What came of the pictures of a list.
pub(crate) struct Answers {
    /// What was judged, in the list's order.
    pub judged: Vec<Judged>,
    /// What could not be.
    pub problems: Vec<VideoProblem>,
    /// By which model.
    pub facts: ModelFacts,
}

/// Reads every picture of a labelled list, or of folders that serve as one, on all cores;
/// the answers come in the list's order. What cannot be read or has no label is a problem
/// of the answers. `stop` ends it early from anywhere; `progress` is told how many are done,
/// of how many.
///
/// # Errors
/// When the list or a model cannot be used, or not one picture can.
pub(crate) fn judge(
    list: &Path,
    options: &PipelineOptions,
    mounting: Mounting,
    stop: &AtomicBool,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Answers, EvaluateError> {
    let Listing { manifest, left_out } = Manifest::listing(list)?;
    let root = root(list);
    let named = |file: &Path| digest::name_below(root, file);
    let pool = PipelinePool::new(options.clone());
    let facts = {
        let mut first = pool.lend()?;
        let card = first.get()?.classifier().card();
        ModelFacts { name: card.name.clone(), threshold: f64::from(card.threshold) }
    };
    let done = AtomicU64::new(0);
    let looked = manifest.items.par_iter().enumerate().map(|(index, item)| {
        if stop.load(Ordering::Relaxed) {
            return Err(ReplayError::Stopped.into());
        }
        let drowsy = look(list, item, mounting, &pool);
        progress(1 + done.fetch_add(1, Ordering::Relaxed), manifest.items.len() as u64);
        match drowsy {
            Ok(drowsy) => Ok(Ok(Judged {
                index,
                file: item.file.clone(),
                subject: item.subject.clone(),
                label: item.label.unwrap_or(Label::Awake),
                collection: item.collection.clone(),
                fold: item.fold,
                drowsy,
            })),
            // One bad picture does not end the others; a model that fails does.
            Err(why @ (EvaluateError::Picture(_) | EvaluateError::Unlabelled { .. })) => {
                Ok(Err((item, why)))
            }
            Err(other) => Err(other),
        }
    });
    let (mut judged, mut problems, mut first) = (Vec::new(), Vec::new(), None);
    for outcome in looked.collect::<Result<Vec<_>, EvaluateError>>()? {
        match outcome {
            Ok(one) => judged.push(one),
            Err((item, why)) => {
                let kind = match why {
                    EvaluateError::Unlabelled { .. } => "unlabelled",
                    _ => "unreadable",
                };
                // Names only: where the data lies is nobody's business but this machine's.
                let text = why.to_string().replace(&format!("{}/", root.display()), "");
                let (video, kind) = (named(&item.file), kind.into());
                problems.push(VideoProblem { video, kind, text });
                first.get_or_insert(why);
            }
        }
    }
    if let (true, Some(why)) = (judged.is_empty(), first) {
        return Err(why);
    }
    problems.extend(left_out.into_iter().map(|(file, text)| VideoProblem {
        video: named(&file),
        kind: "left_out".into(),
        text,
    }));
    Ok(Answers { judged, problems, facts })
}

/// The probability that a picture of a list shows somebody drowsy; `None` without a face.
fn look(
    list: &Path,
    item: &Item,
    mounting: Mounting,
    pool: &PipelinePool,
) -> Result<Option<f32>, EvaluateError> {
    if item.label.is_none() {
        return Err(EvaluateError::Unlabelled { list: list.into(), file: item.file.clone() });
    }
    if formats::is_recording(&item.file) && item.file.exists() {
        return Err(EvaluateError::Picture(SourceError::Unreadable {
            path: item.file.clone(),
            what: "a picture",
            why: "it is a recording".into(),
            way: "list recordings apart from pictures",
        }));
    }
    let image = mounting.apply(load_image(&item.file)?);
    let look = pool.lend()?.get()?.look(&image)?;
    Ok(look.map(|look| look.reading.drowsy))
}

/// Where the names of a list, or of folders that serve as one, begin.
pub(crate) fn root(list: &Path) -> &Path {
    if list.is_dir() { list } else { list.parent().unwrap_or(Path::new("")) }
}

/// The same as a question with its answers. `conditions` gives more columns for each
/// picture of the list, in its order; it may be empty.
pub(crate) fn task(
    list: &Path,
    judged: &[Judged],
    conditions: &[BTreeMap<String, String>],
    facts: &ModelFacts,
    threshold: Option<f64>,
) -> Task {
    let root = root(list);
    let answers = judged.iter().map(|one| {
        let mut conditions = conditions.get(one.index).cloned().unwrap_or_default();
        conditions.entry("collection".into()).or_insert_with(|| one.collection.clone());
        Answer {
            item: digest::name_below(root, &one.file),
            subject: one.subject.clone(),
            fold: one.fold,
            truth: usize::from(one.label == Label::Drowsy),
            probabilities: one.drowsy.map(|p| vec![1.0 - f64::from(p), f64::from(p)]),
            called: None,
            conditions,
        }
    });
    Task {
        name: "pictures, awake against drowsy".into(),
        model: facts.name.clone(),
        classes: vec!["awake".into(), "drowsy".into()],
        threshold: threshold.unwrap_or(facts.threshold),
        note: String::new(),
        answers: answers.collect(),
    }
}

/// The values of some columns of a list, one map a line, in order.
///
/// # Errors
/// When the list cannot be read, or has no such column.
pub(crate) fn columns(
    list: &Path,
    wanted: &[String],
) -> Result<Vec<BTreeMap<String, String>>, EvaluateError> {
    let missing = |column: &String, known: String| EvaluateError::NoColumn {
        list: list.into(),
        column: column.clone(),
        known,
    };
    if list.is_dir() {
        // Of folders nothing is known but the label.
        return match wanted.first() {
            Some(column) => Err(missing(column, "none, as it is a folder".into())),
            None => Ok(Vec::new()),
        };
    }
    let table = Table::read(list, "file")?;
    let places = wanted.iter().map(|column| {
        let at = table.column(column);
        at.map(|at| (column, at)).ok_or_else(|| missing(column, table.headers.join(", ")))
    });
    let places = places.collect::<Result<Vec<_>, _>>()?;
    let line = |row: &crate::dataset::table::Row| {
        places.iter().map(|(column, at)| ((*column).clone(), row.cells[*at].clone())).collect()
    };
    Ok(table.rows.iter().map(line).collect())
}

/// What a report says of the model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ModelFacts {
    /// Its name.
    pub name: String,
    /// Its own threshold.
    pub threshold: f64,
}

/// Counts the answers. Without a `threshold` the model's own is taken.
pub(crate) fn report(
    judged: &[Judged],
    facts: &ModelFacts,
    threshold: Option<f64>,
) -> PictureReport {
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
        Judged {
            index: 0,
            file: "a.jpg".into(),
            subject: "someone".into(),
            label,
            collection: "own".into(),
            fold: None,
            drowsy,
        }
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
