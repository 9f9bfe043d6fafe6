//! Another judgement of what is watched anyway: the same sightings, other thresholds, no
//! log and no alarm.

use super::{LiveError, LiveOptions, Sighting, judge::Judge, recorder::Recorder};
use crate::{
    frame::Mounting,
    monitor::{Judgement, Settings},
};

/// Judges by thresholds of its own, beside the judge of a watch.
#[derive(Debug)]
pub struct Opinion(Judge);

impl Opinion {
    /// Judges by these thresholds, and has seen nothing yet.
    ///
    /// # Errors
    /// As for a watch that keeps no log.
    pub fn new(settings: Settings) -> Result<Self, LiveError> {
        let recorder = Recorder::here(&LiveOptions::default())?;
        Ok(Self(Judge::new(&settings, Mounting::default(), recorder)))
    }

    /// Its judgement of the next sighting.
    pub fn judge(&mut self, seen: &Sighting) -> Judgement {
        self.0.see(seen, 0).0
    }
}
