//! Scores how a driver blinks: a description of the last blinks in, drowsiness out.

use std::collections::BTreeMap;

use super::{InferError, LoadedModel, ModelSource, RuntimeOptions};
use crate::vit::{BLINK_FEATURES, BlinkScore, ModelCard, ModelKind};

/// The norms by which a blink model's card tells its figures, each by people of folds that
/// it did not learn from, and of the same blinks by each, so that nothing but the norm
/// differs.
const NORMS: [&str; 3] =
    ["same_blinks.alert_norm", "same_blinks.low_norm", "same_blinks.drowsy_norm"];
/// By each of them at least so often must a drowsy film score above an alert one. Our
/// choice, as is the next.
const LEAST_AUC: f64 = 0.85;
/// The most by which two of them may differ.
const MOST_APART: f64 = 0.04;

/// The network that scores blinks.
#[derive(Debug)]
pub struct BlinkScorer {
    model: LoadedModel,
    holds: bool,
    certainty: f32,
}

impl BlinkScorer {
    /// Loads and checks a blink model.
    ///
    /// # Errors
    /// When the model cannot be loaded; see [`LoadedModel::load`].
    pub fn load(source: &ModelSource, options: &RuntimeOptions) -> Result<Self, InferError> {
        let model = LoadedModel::load(source, ModelKind::Blinks, options)?;
        let holds = holds(&model.card.metrics);
        let certainty = certainty(&model.card.metrics);
        Ok(Self { model, holds, certainty })
    }

    /// Scores what [`features`](crate::monitor::blinks::features) tells of the last blinks.
    ///
    /// # Errors
    /// When the model fails to run.
    pub fn score(&mut self, features: &[f32; BLINK_FEATURES]) -> Result<BlinkScore, InferError> {
        let outputs = self.model.run(&[("features", &[1, BLINK_FEATURES], features)])?;
        let value = outputs.get("scores", &[1, 1])?[0];
        Ok(BlinkScore { value, certainty: self.certainty, holds: self.holds })
    }

    /// What the model says of itself.
    pub fn card(&self) -> &ModelCard {
        &self.model.card
    }
}

/// A figure by each norm; `None` where the card lacks one.
fn by_norms(metrics: &BTreeMap<String, f64>, figure: &str) -> Option<Vec<f64>> {
    NORMS.iter().map(|norm| metrics.get(&format!("{norm}.{figure}")).copied()).collect()
}

/// Whether a model is about equally good by every norm. One that is good by the alert norm
/// alone reads the recording; one that does not say is not believed.
fn holds(metrics: &BTreeMap<String, f64>) -> bool {
    let Some(aucs) = by_norms(metrics, "auc_alert_drowsy") else { return false };
    let least = aucs.iter().copied().fold(f64::INFINITY, f64::min);
    let most = aucs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    least >= LEAST_AUC && most - least <= MOST_APART
}

/// The least share of films put into the right of three classes; none where it is not told.
fn certainty(metrics: &BTreeMap<String, f64>) -> f32 {
    let shares = by_norms(metrics, "accuracy3").unwrap_or_default();
    shares.into_iter().reduce(f64::min).unwrap_or_default().clamp(0.0, 1.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(aucs: [f64; 3]) -> BTreeMap<String, f64> {
        let mut metrics = BTreeMap::new();
        for (norm, auc) in NORMS.iter().zip(aucs) {
            metrics.insert(format!("{norm}.auc_alert_drowsy"), auc);
            metrics.insert(format!("{norm}.accuracy3"), auc - 0.3);
        }
        metrics
    }

    #[test]
    fn only_what_is_good_by_every_norm_holds() {
        assert!(holds(&card([0.88, 0.85, 0.87])));
        assert!(!holds(&card([0.88, 0.84, 0.86])), "poor by one norm");
        assert!(!holds(&card([0.98, 0.86, 0.87])), "better by the alert norm");
        assert!(!holds(&BTreeMap::new()), "a card that does not say");
        let mut lacks = card([0.9; 3]);
        lacks.remove("same_blinks.drowsy_norm.auc_alert_drowsy");
        assert!(!holds(&lacks));
    }

    #[test]
    fn it_is_relied_on_as_far_as_by_the_worst_norm() {
        assert!((certainty(&card([0.88, 0.85, 0.87])) - 0.55).abs() < 1e-6);
        assert_eq!(certainty(&BTreeMap::new()), 0.0);
    }
}
