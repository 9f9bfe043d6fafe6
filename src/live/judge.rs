//! The judge: a monitor, the logs, and the sums of a watch. Threads and the headless
//! watch both judge with it, so that both count and record alike.

use std::{sync::Arc, time::Duration};

use image::RgbImage;

use super::{Sighting, Summary, recorder::Recorder};
use crate::{
    face::Scene,
    frame::{Frame, Mounting, is_black},
    infer::{BlinkScorer, Device, InferError, ModelSource, RuntimeOptions},
    monitor::{
        Happening, Judgement, Level, Monitor, Observation, Settings, State,
        blinks::{BlinkScore, FEATURES},
    },
    record::{Event, FrameRow, Noted, RecordError, SessionSummary},
    source::FROZEN,
};

/// Said while no face is found in a picture that shows nothing.
const BLACK: &str = "the picture is black; uncover the camera, or light the cabin";

/// Judges sightings and keeps the books.
#[derive(Debug)]
pub(super) struct Judge {
    settings: Settings,
    /// By which the pictures were brought upright.
    mounting: Mounting,
    monitor: Monitor,
    blinks: Blinks,
    recorder: Recorder,
    last: Option<Judgement>,
    /// The picture of the frame before, and since when it has been the same.
    picture: Option<(Arc<RgbImage>, Duration)>,
    /// What the last frame brought to an end, as it was logged.
    happened: Vec<Happening>,
    scene: Scene,
    noted: Noted,
    first_at: Option<Duration>,
    last_at: Duration,
    frame: u64,
    summary: Summary,
    session: SessionSummary,
}

/// What scores the blinks; opened when there are enough of them.
#[derive(Debug)]
enum Blinks {
    Unopened,
    Ready(Box<BlinkScorer>),
    /// It failed and has been told of; the monitor goes on without, and shows that.
    Failed,
}

impl Blinks {
    /// The score of the last blinks; `None` once the model has failed.
    fn score(&mut self, features: &[f32; FEATURES]) -> Option<BlinkScore> {
        let score = self.try_score(features);
        score.unwrap_or_else(|why| {
            tracing::error!("how drowsy the blinks look cannot be told: {why}");
            *self = Self::Failed;
            None
        })
    }

    fn try_score(&mut self, features: &[f32; FEATURES]) -> Result<Option<BlinkScore>, InferError> {
        if matches!(self, Self::Unopened) {
            // Some hundred products every few seconds: nothing for an accelerator.
            let options = RuntimeOptions { device: Device::Cpu, threads: 1 };
            *self = Self::Ready(Box::new(BlinkScorer::load(&ModelSource::Embedded, &options)?));
        }
        match self {
            Self::Ready(scorer) => scorer.score(features).map(Some),
            _ => Ok(None),
        }
    }
}

impl Judge {
    /// Judges by these thresholds, and keeps these logs.
    pub(super) fn new(settings: &Settings, mounting: Mounting, recorder: Recorder) -> Self {
        Self {
            settings: *settings,
            mounting,
            monitor: Monitor::new(*settings),
            blinks: Blinks::Unopened,
            recorder,
            last: None,
            picture: None,
            happened: Vec::new(),
            scene: Scene::default(),
            noted: Noted::default(),
            first_at: None,
            last_at: Duration::ZERO,
            frame: 0,
            summary: Summary::default(),
            session: SessionSummary::default(),
        }
    }

    /// Judges a sighting; the event is there when state or level has changed, or what is
    /// known of the picture.
    pub(super) fn see(
        &mut self,
        seen: &Sighting,
        detector_calls: u64,
    ) -> (Judgement, Option<Event>) {
        self.happened.clear();
        let judgement = match self.frozen(&seen.frame) {
            Some(since) => {
                let why = format!(
                    "the same picture for {:.1} s; the recording stands still",
                    since.as_secs_f32()
                );
                Judgement { why, ..self.monitor.lost(seen.frame.at) }
            }
            None => self.step(seen),
        };
        self.frame = seen.frame.index;
        self.last_at = seen.frame.at;
        let first_at = *self.first_at.get_or_insert(seen.frame.at);
        self.summary.frames += 1;
        self.summary.frames_with_face += u64::from(seen.face.is_some());
        self.summary.detector_calls = detector_calls;
        self.summary.seconds = seen.frame.at.saturating_sub(first_at).as_secs_f64();
        let row = FrameRow::new(&seen.frame, seen.face.as_ref(), &seen.observation, &judgement);
        self.recorder.frame(row);
        self.conclude(judgement, Some(&seen.observation), seen.scene)
    }

    /// Lets the monitor judge a frame.
    fn step(&mut self, seen: &Sighting) -> Judgement {
        let mut judgement = self.monitor.step(&seen.observation);
        if let Some(features) = self.monitor.described() {
            self.monitor.score(self.blinks.score(&features));
        }
        if judgement.state == State::NoDriver && is_black(&seen.frame.image) {
            judgement.why = BLACK.into();
        }
        self.note();
        judgement
    }

    /// Logs and counts what has happened.
    fn note(&mut self) {
        self.happened.extend_from_slice(self.monitor.happened());
        for happening in &self.happened {
            self.summary.happened.add(happening.kind);
            self.recorder.happened(happening);
        }
    }

    /// Since when the picture has been the same to the last bit, if that is too long: eyes
    /// that are open in it would stay open for ever. A black one is told as such.
    fn frozen(&mut self, frame: &Frame) -> Option<Duration> {
        let same = self.picture.as_ref().filter(|(last, since)| {
            *last == frame.image && *since <= frame.at && !is_black(&frame.image)
        });
        let since = same.map_or(frame.at, |(_, since)| *since);
        self.picture = Some((frame.image.clone(), since));
        let lasted = frame.at.saturating_sub(since);
        (lasted >= FROZEN).then_some(lasted)
    }

    /// What the last frame brought to an end.
    pub(super) fn happened(&self) -> &[Happening] {
        &self.happened
    }

    /// Why nothing can be seen in the picture, if so, one sentence.
    pub(super) fn black(&self) -> Option<&'static str> {
        self.last.as_ref().filter(|last| last.why == BLACK).map(|_| BLACK)
    }

    /// The source has not delivered for `since`.
    pub(super) fn lost(&mut self, since: Duration) -> (Judgement, Option<Event>) {
        self.happened.clear();
        let judgement = self.monitor.lost(self.last_at + since);
        self.conclude(judgement, None, Scene::default())
    }

    fn conclude(
        &mut self,
        judgement: Judgement,
        seen: Option<&Observation>,
        scene: Scene,
    ) -> (Judgement, Option<Event>) {
        let before = self.last.as_ref().map_or(Level::None, |before| before.level);
        if judgement.level >= Level::Warning && judgement.level > before {
            self.summary.alarms += 1;
            self.session.warn(judgement.at);
        }
        let mut event = Event::of_change(self.last.as_ref(), &judgement, self.frame, seen);
        if self.scene != scene {
            (self.scene, self.noted) = (scene, Noted::of(scene, self.mounting));
            event.get_or_insert_with(|| Event::now(&judgement, self.frame, seen));
        }
        if let Some(event) = &mut event {
            event.noted.clone_from(&self.noted);
            self.recorder.event(event);
        }
        self.last = Some(judgement.clone());
        (judgement, event)
    }

    /// The driver says that they are awake.
    pub(super) fn acknowledge(&mut self) {
        self.monitor.acknowledge();
    }

    /// Learns the driver's baseline anew.
    pub(super) fn relearn(&mut self) {
        self.monitor.relearn();
    }

    /// Judges by other thresholds from now on.
    pub(super) fn retune(&mut self, settings: &Settings) {
        self.settings = *settings;
        self.monitor.retune(*settings);
    }

    /// The session is over: its summary is written under its events, if anything was seen.
    pub(super) fn close(&mut self) {
        self.happened.clear();
        self.monitor.end();
        self.note();
        let mut session = std::mem::take(&mut self.session);
        if let Some(last) = self.last.as_ref().filter(|_| self.summary.frames > 0) {
            session.seconds = self.summary.seconds;
            session.frames = self.summary.frames;
            (session.blinks, session.yawns) = (last.blinks, last.yawns);
            session.happened = self.summary.happened;
            self.recorder.session(&session);
        }
    }

    /// The same, and the watch is over: the logs are finished.
    pub(super) fn finish(&mut self) {
        self.close();
        self.recorder.finish();
    }

    /// Another source begins: nothing that was seen counts for it. The logs go on.
    pub(super) fn begin(&mut self) {
        self.close();
        self.monitor = Monitor::new(self.settings);
        (self.last, self.first_at, self.last_at) = (None, None, Duration::ZERO);
        (self.frame, self.summary, self.picture) = (0, Summary::default(), None);
        (self.scene, self.noted) = (Scene::default(), Noted::default());
    }

    /// What is known of the picture beside the driver's face.
    pub(super) fn noted(&self) -> &Noted {
        &self.noted
    }

    /// What has been seen so far.
    pub(super) fn summary(&self) -> Summary {
        self.summary
    }

    /// What is wrong with a log now, one sentence.
    pub(super) fn failure(&self) -> Option<String> {
        self.recorder.problem()
    }

    /// Why a log is not complete, if it is not; known after the end.
    pub(super) fn take_failure(&mut self) -> Option<RecordError> {
        self.recorder.take_failure()
    }
}

#[cfg(feature = "train")]
#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        frame::Frame,
        infer::fixtures,
        live::fakes::eyes,
        live::{LiveOptions, Timing},
        monitor::Sign,
    };

    #[test]
    fn blinks_are_scored_by_the_built_in_model() {
        if !fixtures::runtime_is_here() {
            return;
        }
        let recorder = Recorder::here(&LiveOptions::default()).unwrap();
        let mut judge = Judge::new(&Settings::default(), Mounting::default(), recorder);
        let image = Arc::new(image::RgbImage::new(1, 1));
        let mut last = Judgement::default();
        // A blink every three seconds, of three to six frames, for five minutes; no two in a
        // row are as deep.
        for i in 0..9000_u32 {
            let at = Duration::from_secs(1) * i / 30;
            let blink = i / 90;
            let depth = 0.7 + 0.04 * (blink * 5 % 7) as f32;
            let closed = if i % 90 < 3 + blink % 4 { depth } else { 0.05 };
            let face = eyes(closed);
            let seen = Sighting {
                frame: Frame { image: image.clone(), at, index: u64::from(i) },
                face: None,
                scene: Scene::default(),
                crop: None,
                keep: vec![],
                reading: None,
                observation: Observation { at, face: Some(face) },
                timing: Timing::default(),
            };
            last = judge.see(&seen, 0).0;
        }
        let Sign::Known { value, certainty } = last.signs.blinking else { panic!("{last:?}") };
        // Who blinks as in the first minutes is not drowsy.
        assert!((0.0..20.0 / 3.0).contains(&value), "{value}");
        // Some eighty of 120 blinks, by a model that is right of about half the films.
        assert!((0.2..0.6).contains(&certainty), "{certainty}");
        assert!(last.level < Level::Warning);
    }
}
