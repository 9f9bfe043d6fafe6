//! Scores how a driver blinks: a description of the last blinks in, drowsiness out.

use super::{InferError, LoadedModel, ModelSource, RuntimeOptions};
use crate::{
    monitor::blinks::FEATURES,
    vit::{ModelCard, ModelKind},
};

/// What the network makes of a description: about 0 (alert), 5 (low vigilance) to 10
/// (drowsy), not clamped; classes part at 10/3 and 20/3.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlinkScore {
    /// With the frequency of blinks, which a recording has and a live driver has not.
    pub with_frequency: f32,
    /// Without.
    pub without_frequency: f32,
}

/// The network that scores blinks.
#[derive(Debug)]
pub struct BlinkScorer {
    model: LoadedModel,
}

impl BlinkScorer {
    /// Loads and checks a blink model.
    ///
    /// # Errors
    /// When the model cannot be loaded; see [`LoadedModel::load`].
    pub fn load(source: &ModelSource, options: &RuntimeOptions) -> Result<Self, InferError> {
        Ok(Self { model: LoadedModel::load(source, ModelKind::Blinks, options)? })
    }

    /// Scores what [`features`](crate::monitor::blinks::features) tells of the last blinks.
    ///
    /// # Errors
    /// When the model fails to run.
    pub fn score(&mut self, features: &[f32; FEATURES]) -> Result<BlinkScore, InferError> {
        let outputs = self.model.run(&[("features", &[1, FEATURES], features)])?;
        let scores = outputs.get("scores", &[1, 2])?;
        Ok(BlinkScore { with_frequency: scores[0], without_frequency: scores[1] })
    }

    /// What the model says of itself.
    pub fn card(&self) -> &ModelCard {
        &self.model.card
    }
}
