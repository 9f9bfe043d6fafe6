//! A world for tests: sources that stall and fail on command, and eyes that read what
//! the frame's first pixel tells them. What wraps the real parts of the world and breaks
//! them is in [`faults`]; the soak uses it, too.

// Shared by path: a crate for it would know the shipped types, which are not those of a unit test.
#[path = "../../../tests/common/faults.rs"]
pub(super) mod faults;

use std::{sync::Arc, time::Duration};

use image::{Rgb, RgbImage};
use parking_lot::Mutex;

use super::{LiveError, LiveOptions, Parts, Sighting, Timing, Vision, VisionInfo};
use crate::{
    alarm::{self, SoundState},
    face::{BBox, Face, Landmarks, Scene, Visibility},
    frame::{self, Frame},
    infer::Reading,
    live,
    monitor::{FaceSigns, Observation},
    source::{self, Source, SourceError, SourceInfo, SourceSpec},
};

/// What a source does next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    /// A frame with open eyes.
    Open,
    /// A frame with closed eyes.
    Closed,
    /// A frame without a face.
    Empty,
    /// A frame on which the eyes fail.
    Broken,
    /// A frame on which the eyes panic.
    Crash,
    /// A frame on which the eyes work for four seconds.
    Stuck,
    /// A frame in which all is black.
    Black,
    /// The frame before once more, to the last bit.
    Same,
    /// An hour passes, as when a laptop was asleep; a frame with open eyes.
    Wake,
    /// The camera says that it has stalled.
    Stall,
    /// The driver does not return for three seconds.
    Hang,
    /// The source fails.
    Fail,
    /// The source panics.
    Panic,
}

/// The signs of a face whose eyes are closed as surely as `closed`, 0..1.
pub(super) fn eyes(closed: f32) -> FaceSigns {
    FaceSigns {
        drowsy: closed,
        eyes_closed: closed,
        yawn: 0.0,
        eye_aspect: [0.3 - 0.2 * closed; 2],
        mouth_aspect: 0.0,
        pose: None,
        unreadable: None,
        ..FaceSigns::default()
    }
}

/// So many of a step, at 30 a second.
pub(super) fn seconds(step: Step, seconds: f32) -> Vec<Step> {
    vec![step; (seconds * 30.0) as usize]
}

/// Plays steps, at 30 Hz of media time.
struct Script {
    steps: std::vec::IntoIter<Step>,
    index: u64,
    live: bool,
    asleep: Duration,
    last: Option<Arc<RgbImage>>,
}

/// What stands in the first pixel for a step; 0 is black.
fn code(step: Step) -> u8 {
    100 + step as u8
}

impl Source for Script {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        if self.live {
            std::thread::sleep(Duration::from_millis(5));
        }
        let Some(step) = self.steps.next() else {
            // A file ends; a camera that has nothing more stalls.
            let stalled = Err(SourceError::Stalled(Duration::from_secs(2)));
            return if self.live { stalled } else { Ok(None) };
        };
        match step {
            Step::Stall => return Err(SourceError::Stalled(Duration::from_secs(2))),
            Step::Fail => return Err(SourceError::NoCamera),
            Step::Panic => panic!("a driver's panic"),
            Step::Hang => std::thread::sleep(Duration::from_secs(3)),
            Step::Wake => self.asleep += Duration::from_secs(3600),
            _ => {}
        }
        // No two pictures of a camera are the same.
        let noise = self.index.to_le_bytes();
        let pixel = match step {
            Step::Black => Rgb([0; 3]),
            _ => Rgb([code(step), noise[0], noise[1]]),
        };
        let last = self.last.take().filter(|_| step == Step::Same);
        let image = last.unwrap_or_else(|| Arc::new(RgbImage::from_pixel(1, 1, pixel)));
        self.last = Some(image.clone());
        let at = self.asleep + Duration::from_secs(1) * self.index as u32 / 30;
        self.index += 1;
        Ok(Some(Frame { image, at, index: self.index - 1 }))
    }

    fn info(&self) -> SourceInfo {
        SourceInfo { name: "script".into(), live: self.live, fps: Some(30.0), frames: None }
    }
}

/// Reads the step out of the pixel.
#[derive(Default)]
struct FakeVision {
    frames: u64,
    takes: Duration,
}

impl Vision for FakeVision {
    fn process(&mut self, frame: &Frame) -> Result<Sighting, LiveError> {
        std::thread::sleep(self.takes);
        self.frames += 1;
        let read = frame.image.get_pixel(0, 0)[0];
        let is = |step| read == code(step);
        assert!(!is(Step::Crash), "a model's panic");
        if is(Step::Broken) {
            return Err(SourceError::NotBuilt("eyes").into());
        }
        if is(Step::Stuck) {
            std::thread::sleep(Duration::from_secs(4));
        }
        let seen = !(is(Step::Empty) || read == 0);
        let closed = if is(Step::Closed) { 0.95 } else { 0.05 };
        let signs = eyes(closed);
        let face = Face {
            bbox: BBox::default(),
            confidence: 1.0,
            landmarks: Landmarks { points: [[0.0; 2]; 68] },
            visibility: Visibility { left_eye: 1.0, right_eye: 1.0, mouth: 1.0 },
        };
        Ok(Sighting {
            frame: frame.clone(),
            face: seen.then_some(face),
            scene: Scene::default(),
            crop: None,
            keep: vec![true; 9],
            reading: seen.then(Reading::default),
            observation: Observation { at: frame.at, face: seen.then_some(signs) },
            timing: Timing::default(),
        })
    }

    fn reset(&mut self, _: bool) {}

    fn detector_calls(&self) -> u64 {
        self.frames
    }

    fn info(&self) -> VisionInfo {
        VisionInfo { provider: "fake".into(), model: "fake".into(), ..VisionInfo::default() }
    }

    fn try_faster(&mut self) {}

    fn news(&mut self) -> Option<VisionInfo> {
        None
    }
}

/// Options to watch a camera (`webcam`) or a file.
pub(super) fn options(spec: &str) -> LiveOptions {
    LiveOptions { source: spec.parse().unwrap(), pace: super::Pace::Fast, ..Default::default() }
}

/// A world in which each opening of a source plays the next script, and a look at a frame
/// takes so long. When the scripts are used up, opening fails.
pub(super) fn world(scripts: Vec<Vec<Step>>, takes: Duration) -> Parts {
    let scripts = Mutex::new(scripts.into_iter());
    Parts {
        open_source: Box::new(move |spec: &SourceSpec| {
            let steps = scripts.lock().next().ok_or(SourceError::NoCamera)?;
            Ok(Box::new(Script {
                steps: steps.into_iter(),
                index: 0,
                live: spec.is_camera(),
                asleep: Duration::ZERO,
                last: None,
            }))
        }),
        open_vision: Box::new(move || Ok(Box::new(FakeVision { takes, ..Default::default() }))),
        speaker: Err(SoundState::Off),
    }
}
