//! The card that travels inside a model file: what the network expects, what it was
//! trained on, how good it measured and what it must not be trusted with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::VariantArray;
use thiserror::Error;

use super::VitConfig;

/// The key of the ONNX metadata entry that holds the card as JSON.
pub const METADATA_KEY: &str = "wakewatch.card";

/// What a model is for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ModelKind {
    /// A picture to boxes and five points of the faces in it.
    Detector,
    /// A face crop to 68 points, confidence and visibility.
    Landmarks,
    /// An aligned crop to awake/drowsy, eyes closed, yawning and attention.
    Drowsiness,
    /// An aligned crop with covered patches to the whole face.
    Mae,
    /// A description of the last blinks to a score of drowsiness, 0..10.
    Blinks,
}

impl ModelKind {
    /// All of them, in the order in which a frame meets them.
    pub const ALL: &[Self] = Self::VARIANTS;
}

/// Metadata of a model, written by `export` and read back when it is loaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// What the model is for.
    pub kind: ModelKind,
    /// A name for people, for example `stem`.
    pub name: String,
    /// Version of the program that exported it.
    pub version: String,
    /// Width and height of the input in pixels.
    pub image_px: usize,
    /// Width and height of a patch in pixels; the image size where there are no patches.
    pub patch_px: usize,
    /// Channels of the input: 1 (grey) or 3 (RGB), values 0..1.
    pub channels: usize,
    /// Mean per channel, subtracted inside the graph.
    pub mean: Vec<f32>,
    /// Deviation per channel, divided by inside the graph.
    pub std: Vec<f32>,
    /// Names of the classes, in the order of the outputs.
    pub labels: Vec<String>,
    /// The Q mask it was trained with, one entry a patch, 1 = may be attended to.
    pub q_mask: Vec<u8>,
    /// Probability of drowsy from which a picture counts as drowsy, chosen on validation.
    pub threshold: f32,
    /// Licence of the weights, as far as the training data allows.
    pub licence: String,
    /// What it was trained on, in words.
    pub trained_on: String,
    /// Which pictures validated, in words.
    #[serde(default)]
    pub split: String,
    /// What it must not be trusted with, in words.
    pub limits: String,
    /// SHA-256 over the training list and its files, hexadecimal.
    pub data_digest: String,
    /// Figures on validation, by name.
    pub metrics: BTreeMap<String, f64>,
    /// The network's shape, where it is a ViT.
    pub vit: Option<VitConfig>,
}

/// A model file whose card cannot be used.
#[derive(Debug, Error)]
pub enum CardError {
    /// The file carries no card.
    #[error("the model carries no wakewatch metadata; export it with `wakewatch export`")]
    Missing,
    /// The card is not readable.
    #[error("the model's metadata cannot be read ({0}); export it again with `wakewatch export`")]
    Unreadable(#[from] serde_json::Error),
    /// The card says that the model is for something else.
    #[error("this is a {found} model where a {expected} model is needed; pass the right file")]
    Kind {
        /// What was asked for.
        expected: ModelKind,
        /// What the card says.
        found: ModelKind,
    },
}

impl ModelCard {
    /// Reads a card from the metadata entry and checks that it is for `expected`.
    ///
    /// # Errors
    /// When there is no card, it is not JSON of this form, or it is for another kind.
    pub fn parse(json: Option<&str>, expected: ModelKind) -> Result<Self, CardError> {
        let card: ModelCard = serde_json::from_str(json.ok_or(CardError::Missing)?)?;
        if card.kind == expected {
            Ok(card)
        } else {
            Err(CardError::Kind { expected, found: card.kind })
        }
    }
}
