//! Runs the models with ONNX Runtime: finds its library and picks the provider
//! ([`runtime`]), checks a model file before it is used ([`models`]), and turns aligned
//! crops into [`Reading`]s ([`Classifier`]) or whole faces again ([`Reconstructor`]).
//! It knows no time and no thresholds.

use image::RgbImage;
use thiserror::Error;

mod blinks;
mod classifier;
mod cuda;
#[cfg(feature = "train")]
#[cfg(test)]
pub(crate) mod fixtures;
mod form;
mod library;
pub(crate) mod models;
pub mod promoted;
mod reconstructor;
pub mod runtime;
mod trial;

pub use blinks::BlinkScorer;
pub use classifier::Classifier;
pub use models::{LoadedModel, ModelError, ModelSource, embedded};
pub use reconstructor::Reconstructor;
pub use runtime::{Device, Provider, RuntimeError, RuntimeInfo, RuntimeOptions};
pub use trial::{Measured, Outcome, Tried};

/// What the classifier reads in one aligned crop.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Probability of drowsy, 0..1.
    pub drowsy: f32,
    /// Probability that the eyes are closed, 0..1.
    pub eyes_closed: f32,
    /// Probability of a yawn, 0..1.
    pub yawn: f32,
    /// Attention of \[CLS\] on each patch, `[patches]`, mean over layers' heads of the
    /// last block; sums to at most 1 (the rest is on \[CLS\] itself).
    pub attention: Vec<f32>,
    /// The eye on the left and the one on the right of the picture; `None` from models
    /// without heads on the eyes' tokens.
    pub eyes: Option<[EyeReading; 2]>,
    /// Probability that the driver looks down, 0..1; `None` from models without that head.
    pub looking_down: Option<f32>,
}

/// Below this the head on an eye says that nobody could read it. Of 300 photographs of dark
/// glasses 49% have both eyes below, of 9,829 frames of films whose eyes a person reads none,
/// and 0.5% of those behind clear glasses by night (2026-11-28).
const LEAST_SEEN: f32 = 0.5;

impl Reading {
    /// Whether the classifier says of both eyes that nobody could read them: behind dark
    /// lenses, hands or reflections.
    pub fn hides_eyes(&self) -> bool {
        self.eyes.is_some_and(|eyes| eyes.iter().all(EyeReading::is_hidden))
    }
}

/// What the head on the token of one eye says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EyeReading {
    /// Probability that this eye is shut, 0..1.
    pub shut: f32,
    /// Probability that this eye can be seen at all, 0..1: that no hand, dark lens,
    /// reflection or frame lies over it.
    pub seen: f32,
}

impl EyeReading {
    /// Whether nobody could read this eye: what it says of being shut means nothing.
    pub fn is_hidden(&self) -> bool {
        self.seen < LEAST_SEEN
    }
}

/// A crop that cannot be read.
#[derive(Debug, Error)]
pub enum InferError {
    /// The model cannot be loaded or run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The crop has another size than the model was trained with.
    #[error(
        "a crop of {width}x{height} px was given to a model for {expected}x{expected} px; align it to that size"
    )]
    CropSize {
        /// Width of the crop.
        width: u32,
        /// Height of the crop.
        height: u32,
        /// Side that the model needs.
        expected: usize,
    },
    /// There is not one mask a crop.
    #[error("{crops} crops came with {masks} patch masks; give one mask a crop")]
    Masks {
        /// Number of crops.
        crops: usize,
        /// Number of masks.
        masks: usize,
    },
    /// A mask has another length than the grid has patches.
    #[error(
        "a patch mask of {given} entries was given for {patches} patches; make it with the model's own grid"
    )]
    MaskLength {
        /// Entries given.
        given: usize,
        /// Patches of the grid.
        patches: usize,
    },
}

/// The bytes of a channel as shares of white; a division each took longer than all else.
static SHARES: [f32; 256] = {
    let mut shares = [0.0; 256];
    let mut byte = 0;
    while byte < shares.len() {
        shares[byte] = byte as f32 / 255.0;
        byte += 1;
    }
    shares
};

/// Appends a crop to `values` as `[3, side, side]`, 0..1, after a check of its size.
fn push_crop(values: &mut Vec<f32>, crop: &RgbImage, side: usize) -> Result<(), InferError> {
    let (width, height) = crop.dimensions();
    if (width as usize, height as usize) != (side, side) {
        return Err(InferError::CropSize { width, height, expected: side });
    }
    let (begin, plane) = (values.len(), side * side);
    values.resize(begin + 3 * plane, 0.0);
    let (red, rest) = values[begin..].split_at_mut(plane);
    let (green, blue) = rest.split_at_mut(plane);
    let (pixels, _) = crop.as_raw().as_chunks::<3>();
    for (((r, g), b), pixel) in red.iter_mut().zip(green).zip(blue).zip(pixels) {
        [*r, *g, *b] = pixel.map(|value| SHARES[usize::from(value)]);
    }
    Ok(())
}

/// Appends a patch mask to `values` as 1 and 0, after a check of its length.
fn push_keep(values: &mut Vec<f32>, keep: &[bool], patches: usize) -> Result<(), InferError> {
    if keep.len() != patches {
        return Err(InferError::MaskLength { given: keep.len(), patches });
    }
    values.extend(keep.iter().map(|&kept| if kept { 1.0 } else { 0.0 }));
    Ok(())
}
