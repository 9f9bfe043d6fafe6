//! Measures the blink model on videos of people who said how drowsy they were.

use std::path::Path;

use serde::Serialize;

use super::{
    EvaluateError,
    metrics::{Scored, auc},
};
use crate::{
    dataset::blinks::{digest, read},
    infer::{BlinkScorer, InferError, ModelSource, RuntimeOptions},
};

/// Scores from which a video is called low vigilance, and drowsy.
pub(super) const CLASSES_PART: [f64; 2] = [10.0 / 3.0, 20.0 / 3.0];

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct BlinkReport {
    /// Videos that were scored.
    pub videos: usize,
    /// Videos left out since they hold no blink.
    pub without_blinks: usize,
    /// Share of videos put into the right of three classes, 0..1.
    pub accuracy3: Option<f64>,
    /// Chance that a drowsy video scores above an alert one; `None` without both.
    pub auc_alert_drowsy: Option<f64>,
    /// Whether the model learned from this very list, so that these are figures of a fit and
    /// not of strangers.
    pub learned_from_this_list: bool,
    /// Name and version of the model.
    pub model: String,
    /// How good it measured when it was made, by every norm, on people it had not learned
    /// from.
    pub cross_validated: std::collections::BTreeMap<String, f64>,
}

/// The figures of one way to score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Figures {
    /// Share of videos put into the right of three classes, 0..1.
    pub accuracy3: Option<f64>,
    /// Chance that a drowsy video scores above an alert one; `None` without both.
    pub auc_alert_drowsy: Option<f64>,
}

impl Figures {
    /// From labels (0, 5, 10) and scores.
    pub(crate) fn of(scored: &[(u8, f64)]) -> Self {
        let right = scored.iter().filter(|(label, score)| class(*score) == *label).count();
        let ends = scored.iter().filter(|(label, _)| *label != 5);
        let ends: Vec<Scored> =
            ends.map(|&(label, probability)| Scored { drowsy: label == 10, probability }).collect();
        Self {
            accuracy3: (!scored.is_empty()).then(|| right as f64 / scored.len() as f64),
            auc_alert_drowsy: auc(&ends),
        }
    }
}

/// The label that a score is nearest to.
fn class(score: f64) -> u8 {
    if score < CLASSES_PART[0] {
        0
    } else if score < CLASSES_PART[1] {
        5
    } else {
        10
    }
}

/// Measures the built-in model on a list of blinks, one video a line, by the list's own norm;
/// [`norms`](super::norms) measures it by others.
///
/// # Errors
/// When the list cannot be used, or the model cannot be had or run.
pub(crate) fn run(path: &Path) -> Result<BlinkReport, EvaluateError> {
    measure(path, &ModelSource::Embedded)
}

/// Measures a blink model.
///
/// # Errors
/// When the list cannot be used, or the model cannot be had or run.
pub(crate) fn measure(path: &Path, model: &ModelSource) -> Result<BlinkReport, EvaluateError> {
    let videos = read(path)?;
    let infer = |error: InferError| EvaluateError::Infer(error);
    let mut scorer = BlinkScorer::load(model, &RuntimeOptions::default()).map_err(infer)?;
    let mut scored = Vec::new();
    for video in &videos {
        let Some(features) = video.features() else { continue };
        let score = scorer.score(&features).map_err(infer)?;
        scored.push((video.label, f64::from(score.value)));
    }
    let Figures { accuracy3, auc_alert_drowsy } = Figures::of(&scored);
    Ok(BlinkReport {
        videos: scored.len(),
        without_blinks: videos.len() - scored.len(),
        accuracy3,
        auc_alert_drowsy,
        learned_from_this_list: scorer.card().data_digest == digest(path)?,
        model: format!("{} {}", scorer.card().name, scorer.card().version),
        cross_validated: scorer.card().metrics.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_a_count_by_hand() {
        let figures = Figures::of(&[(0, 1.0), (0, 8.0), (5, 5.0), (10, 7.0), (10, 9.0)]);
        assert_eq!(figures.accuracy3, Some(0.8));
        // Of the four pairs of alert and drowsy only 8 above 7 is wrong.
        assert_eq!(figures.auc_alert_drowsy, Some(0.75));
        assert_eq!(Figures::of(&[]), Figures { accuracy3: None, auc_alert_drowsy: None });
    }
}
