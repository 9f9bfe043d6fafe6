//! Pipelines for many at once: they hold models, so each is made once and lent to whoever
//! works. A pipeline that comes back has forgotten whom it saw.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{LiveError, Pipeline, PipelineOptions, Sighting, Vision, VisionInfo};
use crate::frame::Frame;

/// Lends pipelines; clones lend from the same stock.
#[derive(Clone)]
pub struct PipelinePool {
    options: Arc<PipelineOptions>,
    idle: Arc<Mutex<Vec<Pipeline>>>,
}

impl PipelinePool {
    /// Nothing is loaded before it is lent.
    pub fn new(options: PipelineOptions) -> Self {
        Self { options: Arc::new(options), idle: Arc::default() }
    }

    /// One that is idle, or a new one.
    ///
    /// # Errors
    /// When a model cannot be loaded.
    pub fn lend(&self) -> Result<Lent, LiveError> {
        let idle = self.idle.lock().pop();
        let pipeline = idle.map_or_else(|| Pipeline::open(&self.options), Ok)?;
        let before = pipeline.detector_calls();
        Ok(Lent { pipeline: Some(pipeline), before, idle: self.idle.clone() })
    }
}

/// A pipeline on loan; goes back when it is dropped.
pub struct Lent {
    /// `None` only while it is dropped.
    pipeline: Option<Pipeline>,
    /// Calls of the detector before it was lent.
    before: u64,
    idle: Arc<Mutex<Vec<Pipeline>>>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(mut pipeline) = self.pipeline.take() {
            pipeline.reset(false);
            self.idle.lock().push(pipeline);
        }
    }
}

impl Lent {
    /// The pipeline itself.
    ///
    /// # Errors
    /// Never while it is on loan.
    pub fn get(&mut self) -> Result<&mut Pipeline, LiveError> {
        self.pipeline.as_mut().ok_or(LiveError::GivenBack)
    }
}

impl Vision for Lent {
    fn process(&mut self, frame: &Frame) -> Result<Sighting, LiveError> {
        self.get()?.process(frame)
    }

    fn reset(&mut self, mirrored: bool) {
        if let Some(pipeline) = &mut self.pipeline {
            pipeline.reset(mirrored);
        }
    }

    /// Since it was lent.
    fn detector_calls(&self) -> u64 {
        self.pipeline.as_ref().map_or(0, |pipeline| pipeline.detector_calls() - self.before)
    }

    fn info(&self) -> VisionInfo {
        self.pipeline.as_ref().map(Vision::info).unwrap_or_default()
    }

    /// Tries nothing: all who borrow are to see with the same.
    fn try_faster(&mut self) {}

    fn news(&mut self) -> Option<VisionInfo> {
        None
    }
}
