//! Runs the models with ONNX Runtime: finds its library and picks the provider
//! (`runtime`), and turns aligned crops into [`Reading`]s (`classifier`) or whole faces
//! again (`reconstructor`). It knows no time and no thresholds.

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
}
