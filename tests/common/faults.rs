//! Faults put between the real parts of the world and the watch: a source, a vision and a
//! speaker that break when a [`Plan`] says so, and are whole otherwise. Included by the
//! tests of the room `live` and by the soak.

use std::{sync::Arc, time::Duration};

use image::{Rgb, RgbImage, imageops};
use parking_lot::{Mutex, MutexGuard};

// Whoever includes this file names the crate's rooms: its own tests by `crate`, others by
// `wakewatch`.
use super::{
    alarm::{
        AlarmError, Playing, Speaker,
        sound::{Voice, VoiceControl},
    },
    frame::Frame,
    live::{LiveError, Sighting, Vision, VisionInfo},
    source::{Source, SourceError, SourceInfo},
};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The camera says that it has stalled.
    Stall,
    /// Its driver does not return for three seconds.
    Hang,
    /// It is unplugged; the next three tries to open it fail, too.
    Unplug,
    /// Its library panics.
    SourcePanic,
    /// It gives the same picture until it is opened again.
    Freeze,
    /// It gives black pictures for a second of frames.
    Black,
    /// It gives pictures of other sizes for a second of frames, one pixel wide among them.
    Resize,
    /// The laptop was asleep for an hour.
    Suspend,
    /// The models fail on a second of frames, as when a graphics card is lost.
    ModelFails,
    /// A model panics.
    ModelPanic,
    /// A look at a frame takes three seconds.
    ModelSlow,
    /// The sound device goes and comes back.
    SoundLost,
    /// The sound library panics.
    SoundPanic,
}

impl Fault {
    /// All of them.
    pub(crate) const ALL: [Self; 13] = [
        Self::Stall,
        Self::Hang,
        Self::Unplug,
        Self::SourcePanic,
        Self::Freeze,
        Self::Black,
        Self::Resize,
        Self::Suspend,
        Self::ModelFails,
        Self::ModelPanic,
        Self::ModelSlow,
        Self::SoundLost,
        Self::SoundPanic,
    ];

    /// Whether pictures or judgements are missing because of it.
    #[allow(dead_code, reason = "for the soak")]
    pub(crate) fn blinds(self) -> bool {
        !matches!(self, Self::SoundLost | Self::SoundPanic)
    }
}

/// Which fault comes when, and what of it is still to come. Shared by all that breaks.
#[derive(Debug, Default)]
pub(crate) struct Plan(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The faults to come, by the number of frames given before; the next is the last.
    coming: Vec<(u64, Fault)>,
    /// Frames given to the watch, and frames that it has looked at.
    given: u64,
    taken: u64,
    /// How often opening the camera fails.
    absent: u32,
    model: Option<Fault>,
    failing: u32,
    sound: Option<Fault>,
}

impl Plan {
    /// Faults by the number of frames given before them.
    pub(crate) fn new(mut faults: Vec<(u64, Fault)>) -> Arc<Self> {
        faults.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        Arc::new(Self(Mutex::new(State { coming: faults, ..State::default() })))
    }

    /// The models fail from the first frame on, and never again work.
    #[allow(dead_code, reason = "the soak's faults pass")]
    pub(crate) fn lost_card() -> Arc<Self> {
        let failing = Some(Fault::ModelFails);
        Arc::new(Self(Mutex::new(State { model: failing, failing: u32::MAX, ..State::default() })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }

    /// Whether every fault has come.
    #[allow(dead_code, reason = "the soak goes by the clock")]
    pub(crate) fn is_over(&self) -> bool {
        self.lock().coming.is_empty()
    }

    /// The fault that is due, if one is; those that do not concern the source are handed on.
    fn due(&self) -> Option<Fault> {
        let mut state = self.lock();
        let given = state.given;
        let (_, fault) = state.coming.pop_if(|(at, _)| *at <= given)?;
        match fault {
            Fault::ModelFails => (state.model, state.failing) = (Some(fault), 30),
            Fault::ModelPanic | Fault::ModelSlow => state.model = Some(fault),
            Fault::SoundLost | Fault::SoundPanic => state.sound = Some(fault),
            Fault::Unplug => state.absent = 3,
            _ => {}
        }
        Some(fault)
    }

    /// Waits until every frame that was given has been looked at, so that none is replaced
    /// by a newer one however fast they come.
    fn wait(&self) {
        for _ in 0..10_000 {
            let state = self.lock();
            if state.taken >= state.given {
                return;
            }
            drop(state);
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// Fails as often as the camera is still away.
    pub(crate) fn open(&self) -> Result<(), SourceError> {
        let mut state = self.lock();
        // What was on its way to the watch is not looked at any more.
        state.taken = state.given;
        match state.absent {
            0 => Ok(()),
            _ => {
                state.absent -= 1;
                Err(SourceError::NoCamera)
            }
        }
    }
}

/// A camera that breaks.
pub(crate) struct FaultySource {
    source: Box<dyn Source>,
    plan: Arc<Plan>,
    /// Frames that are still to be black or of another size.
    odd: Option<(Fault, u32)>,
    frozen: Option<Frame>,
    slept: Duration,
    last: Option<Frame>,
}

impl FaultySource {
    /// Breaks a source as planned. It is a camera from then on.
    pub(crate) fn new(source: Box<dyn Source>, plan: Arc<Plan>) -> Self {
        Self { source, plan, odd: None, frozen: None, slept: Duration::ZERO, last: None }
    }
}

impl Source for FaultySource {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        self.plan.wait();
        if let Some(frame) = &self.frozen {
            std::thread::sleep(Duration::from_millis(5));
            return Ok(Some(frame.clone()));
        }
        match self.plan.due() {
            Some(Fault::Stall) => return Err(SourceError::Stalled(Duration::from_secs(2))),
            Some(Fault::Hang) => std::thread::sleep(Duration::from_secs(3)),
            Some(Fault::Unplug) => return Err(SourceError::NoCamera),
            Some(Fault::SourcePanic) => panic!("a camera's library"),
            Some(Fault::Freeze) if self.last.is_some() => {
                self.frozen = self.last.take();
                return self.next_frame();
            }
            Some(fault @ (Fault::Black | Fault::Resize)) => self.odd = Some((fault, 30)),
            Some(Fault::Suspend) => self.slept += Duration::from_secs(3600),
            _ => {}
        }
        let Some(mut frame) = self.source.next_frame()? else { return Ok(None) };
        frame.at += self.slept;
        if let Some((fault, left)) = &mut self.odd {
            let [width, height] = match (*fault, *left % 4) {
                (Fault::Black, _) => frame.image.dimensions().into(),
                (_, 0) => [1, 1],
                (_, 1) => [320, 240],
                (_, 2) => [1, 480],
                _ => [800, 600],
            };
            frame.image = Arc::new(match fault {
                Fault::Black => RgbImage::from_pixel(width, height, Rgb([3; 3])),
                _ => imageops::thumbnail(&*frame.image, width, height),
            });
            *left -= 1;
            self.odd = self.odd.filter(|(_, left)| *left > 0);
        }
        self.last = Some(frame.clone());
        self.plan.lock().given += 1;
        Ok(Some(frame))
    }

    fn info(&self) -> SourceInfo {
        SourceInfo { live: true, ..self.source.info() }
    }
}

/// What a test changes of a vision; by default nothing.
pub(crate) trait Change: Send {
    fn process(&mut self, vision: &mut dyn Vision, frame: &Frame) -> Result<Sighting, LiveError> {
        vision.process(frame)
    }

    fn info(&self, vision: &dyn Vision) -> VisionInfo {
        vision.info()
    }

    fn try_faster(&mut self, vision: &mut dyn Vision) {
        vision.try_faster();
    }

    fn news(&mut self, vision: &mut dyn Vision) -> Option<VisionInfo> {
        vision.news()
    }
}

/// A vision with a [`Change`].
pub(crate) struct Changed<C> {
    vision: Box<dyn Vision>,
    change: C,
}

impl<C: Change> Changed<C> {
    pub(crate) fn new(vision: Box<dyn Vision>, change: C) -> Self {
        Self { vision, change }
    }
}

impl<C: Change> Vision for Changed<C> {
    fn process(&mut self, frame: &Frame) -> Result<Sighting, LiveError> {
        self.change.process(&mut *self.vision, frame)
    }

    fn reset(&mut self, mirrored: bool) {
        self.vision.reset(mirrored);
    }

    fn detector_calls(&self) -> u64 {
        self.vision.detector_calls()
    }

    fn info(&self) -> VisionInfo {
        self.change.info(&*self.vision)
    }

    fn try_faster(&mut self) {
        self.change.try_faster(&mut *self.vision);
    }

    fn news(&mut self) -> Option<VisionInfo> {
        self.change.news(&mut *self.vision)
    }
}

/// Breaks models as planned.
impl Change for Arc<Plan> {
    fn process(&mut self, vision: &mut dyn Vision, frame: &Frame) -> Result<Sighting, LiveError> {
        let fault = {
            let mut state = self.lock();
            let fault = state.model;
            state.failing = state.failing.saturating_sub(1);
            if state.failing == 0 {
                state.model = None;
            }
            fault
        };
        let seen = match fault {
            Some(Fault::ModelFails) => {
                // A little time, as long as a camera needs for the next picture.
                std::thread::sleep(Duration::from_millis(20));
                Err(SourceError::NotBuilt("a lost graphics card").into())
            }
            Some(Fault::ModelPanic) => {
                self.lock().taken += 1;
                panic!("a model's library")
            }
            Some(_) => {
                std::thread::sleep(Duration::from_secs(3));
                vision.process(frame)
            }
            None => vision.process(frame),
        };
        self.lock().taken += 1;
        seen
    }
}

/// A sound device that nobody hears, and that breaks.
pub(crate) struct FaultySpeaker(pub(crate) Arc<Plan>);

struct FaultyDevice {
    plan: Arc<Plan>,
    voice: Mutex<Voice>,
}

impl Speaker for FaultySpeaker {
    fn open(&mut self, control: &Arc<VoiceControl>) -> Result<Box<dyn Playing>, AlarmError> {
        let voice = Mutex::new(Voice::new(control.clone(), 8000));
        Ok(Box::new(FaultyDevice { plan: self.0.clone(), voice }))
    }
}

impl Playing for FaultyDevice {
    fn failure(&self) -> Option<String> {
        // So many samples are played between two looks.
        let mut voice = self.voice.lock();
        voice.by_ref().take(400).for_each(drop);
        match self.plan.lock().sound.take()? {
            Fault::SoundPanic => panic!("a sound library"),
            _ => Some("the sound device is unplugged".into()),
        }
    }
}
