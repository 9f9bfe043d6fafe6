//! From a frame to what was seen in it: face, crop, reading, and the observation that
//! the monitor judges.

use std::{
    panic::resume_unwind,
    sync::Arc,
    time::{Duration, Instant},
};

use image::RgbImage;

use super::{LiveError, PipelineOptions};
use crate::{
    face::{
        Cutter, Face, FaceTiming, FaceTracker, GreySampler, Scene, TrackSettings, Unreadable,
        Visibility, align, eyes_mirror,
    },
    frame::{Frame, PicturePool, Turn},
    infer::{Classifier, LoadedModel, Provider, Reading, RuntimeOptions, Tried},
    monitor::{EyeSigns, FaceSigns, Observation},
    vit::{PatchGrid, QMask},
};

/// What was seen in one frame.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The frame.
    pub frame: Frame,
    /// The driver's face.
    pub face: Option<Face>,
    /// What else is known of the picture.
    pub scene: Scene,
    /// The aligned crop of it that was classified.
    pub crop: Option<Arc<RgbImage>>,
    /// The Q mask that was used, `[patches]`, true = may be attended to.
    pub keep: Vec<bool>,
    /// What the classifier read in the crop.
    pub reading: Option<Reading>,
    /// The same in the monitor's terms.
    pub observation: Observation,
    /// How long it took.
    pub timing: Timing,
}

/// How long the stages of one frame took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timing {
    /// Asking the detector; zero in most frames.
    pub detect: Duration,
    /// Following the face: cutting its region and placing the landmarks.
    pub landmarks: Duration,
    /// Cutting the aligned crop.
    pub align: Duration,
    /// Reading it, and seeing whether its eyes can be read.
    pub classify: Duration,
}

/// What sees; a trait, so that tests can put in one that fails.
pub trait Vision: Send {
    /// Looks at a frame.
    ///
    /// # Errors
    /// When a model cannot be run.
    fn process(&mut self, frame: &Frame) -> Result<Sighting, LiveError>;

    /// Forgets the face that is being followed: another source begins. `mirrored`: the
    /// window shows its picture as a mirror, as it does a camera's.
    fn reset(&mut self, mirrored: bool);

    /// Calls of the face detector so far.
    fn detector_calls(&self) -> u64;

    /// What it is.
    fn info(&self) -> VisionInfo;

    /// Begins to try, beside what is in use, what may be faster. Frames do not wait for it.
    fn try_faster(&mut self);

    /// Takes what has proved faster since the last call; what it is now, where that has
    /// changed.
    fn news(&mut self) -> Option<VisionInfo>;
}

/// What a [`Vision`] is, for the window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VisionInfo {
    /// Where the models run, for example "CPU".
    pub provider: String,
    /// Name of the classifier.
    pub model: String,
    /// How the crop is cut into patches.
    pub grid: Option<PatchGrid>,
    /// What is worse than was asked for, one sentence.
    pub problem: Option<String>,
    /// How other providers did, or are doing, in place of the CPU.
    pub tried: Vec<Tried>,
}

/// What is seen in a single picture.
#[derive(Clone, Debug)]
pub struct Look {
    /// The driver's face.
    pub face: Face,
    /// What is read in it.
    pub reading: Reading,
    /// Why its eyes cannot be read; `None` = they can.
    pub unreadable: Option<Unreadable>,
    /// Faces in the picture, this one included.
    pub faces: usize,
    /// The turn that brings the picture upright: its face is upside down or on its side.
    pub turn: Turn,
}

/// The real vision: tracker, alignment and classifier.
pub struct Pipeline {
    tracker: FaceTracker,
    classifier: Classifier,
    runtime: RuntimeOptions,
    /// Whether trials have begun that nobody was told of yet.
    began: bool,
    mask: Option<QMask>,
    cutter: Cutter,
    sampler: GreySampler,
    crops: PicturePool,
}

impl Pipeline {
    /// Loads the models.
    ///
    /// # Errors
    /// When ONNX Runtime is missing or a model cannot be loaded.
    pub fn open(options: &PipelineOptions) -> Result<Self, LiveError> {
        // Either takes a core some tenths of a second: side by side, the first judgement
        // comes sooner.
        let (tracker, classifier) = std::thread::scope(|scope| {
            let classifier =
                scope.spawn(|| Classifier::load(&options.classifier, &options.runtime));
            let tracker = FaceTracker::open(&options.runtime, &options.faces);
            (tracker, classifier.join().unwrap_or_else(|panic| resume_unwind(panic)))
        });
        let track = TrackSettings { seat: options.seat, ..TrackSettings::default() };
        Ok(Self {
            tracker: tracker?.with_settings(track),
            classifier: classifier?,
            runtime: options.runtime.clone(),
            began: false,
            mask: options.mask,
            cutter: Cutter::default(),
            sampler: GreySampler::default(),
            crops: PicturePool::default(),
        })
    }

    /// The classifier, for its card and grid.
    pub fn classifier(&self) -> &Classifier {
        &self.classifier
    }

    /// Begins to try another provider for the models that every frame is given to, on the
    /// frames that come; the detector, asked once every few seconds, stays where it is.
    /// `patience`: how long a frame may wait for it, zero beside a watch.
    pub(super) fn try_on(&mut self, provider: Provider, patience: Duration) {
        let threads = self.runtime.threads;
        for model in self.models_mut() {
            model.try_on(provider, threads, patience);
        }
        self.began = true;
    }

    /// How other providers did.
    pub(super) fn tried(&self) -> Vec<Tried> {
        let models = [self.tracker.net().model(), self.classifier.model()];
        models.into_iter().filter_map(LoadedModel::tried).cloned().collect()
    }

    fn models_mut(&mut self) -> [&mut LoadedModel; 2] {
        [self.tracker.net_mut().model_mut(), self.classifier.model_mut()]
    }

    /// The driver's face in a single picture and what is read in it, or `None` without
    /// one; a face that is upside down is read the right way up. Thorough where
    /// [`process`](Vision::process) is quick; the face that is
    /// followed in a video is left alone.
    ///
    /// # Errors
    /// When a model cannot be run.
    pub fn look(&mut self, image: &RgbImage) -> Result<Option<Look>, LiveError> {
        let found = self.tracker.find_all(image)?;
        let faces = found.len();
        let Some(face) = found.into_iter().next() else { return Ok(None) };
        let size_px = self.classifier.card().image_px;
        let crop = align::crop(image, &face.landmarks, size_px).image;
        let keep = self.keep(&face.visibility);
        let reading = self.classifier.read(&crop, &keep)?;
        let unreadable = self.unreadable(&face, image, &crop, &reading);
        let turn = face.landmarks.turn();
        Ok(Some(Look { face, reading, unreadable, faces, turn }))
    }

    /// Why the eyes cannot be read, by the face and the light on it, or else by the classifier
    /// or what mirrors before them;
    /// `None` = they can.
    fn unreadable(
        &mut self,
        face: &Face,
        image: &RgbImage,
        crop: &RgbImage,
        reading: &Reading,
    ) -> Option<Unreadable> {
        let why = face.eyes_unreadable(image, &mut self.sampler);
        let covered = || reading.hides_eyes() || eyes_mirror(crop);
        why.or_else(|| covered().then_some(Unreadable::Covered))
    }

    /// The patches that may be attended to, given what of the face is uncovered.
    fn keep(&self, visibility: &Visibility) -> Vec<bool> {
        let trained = self.classifier.card().vit.as_ref().map(|vit| vit.q_mask);
        let Some(mask) = self.mask.or(trained) else { return self.classifier.default_keep() };
        self.classifier.grid().keep(mask, visibility.uncovered())
    }
}

impl Vision for Pipeline {
    fn process(&mut self, frame: &Frame) -> Result<Sighting, LiveError> {
        let face = self.tracker.step(frame)?;
        let FaceTiming { detect, landmarks } = self.tracker.timing();
        let mut timing = Timing { detect, landmarks, ..Timing::default() };
        let mut sighting = Sighting {
            frame: frame.clone(),
            face: None,
            scene: self.tracker.scene(),
            crop: None,
            keep: Vec::new(),
            reading: None,
            observation: Observation { at: frame.at, face: None },
            timing,
        };
        let Some(face) = face else {
            sighting.keep = self.classifier.default_keep();
            return Ok(sighting);
        };

        let started = Instant::now();
        let size_px = self.classifier.card().image_px;
        let crop = self.crops.fill([size_px as u32; 2], |crop| {
            self.cutter.crop(&frame.image, &face.landmarks, crop);
        });
        timing.align = started.elapsed();

        let started = Instant::now();
        let keep = self.keep(&face.visibility);
        let reading = self.classifier.read(&crop, &keep)?;
        sighting.observation.face = Some(FaceSigns {
            drowsy: reading.drowsy,
            eyes_closed: reading.eyes_closed,
            yawn: reading.yawn,
            eyes: reading
                .eyes
                .map(|eyes| eyes.map(|eye| EyeSigns { shut: eye.shut, seen: eye.seen })),
            looking_down: reading.looking_down,
            eye_aspect: face.landmarks.eye_aspect(),
            mouth_aspect: face.landmarks.mouth_aspect(),
            pose: Some(face.landmarks.pose()),
            unreadable: self.unreadable(&face, &frame.image, &crop, &reading),
        });
        timing.classify = started.elapsed();
        (sighting.reading, sighting.crop) = (Some(reading), Some(crop));
        (sighting.face, sighting.keep, sighting.timing) = (Some(face), keep, timing);
        Ok(sighting)
    }

    fn reset(&mut self, mirrored: bool) {
        self.tracker.reset();
        self.tracker.show_mirrored(mirrored);
    }

    fn detector_calls(&self) -> u64 {
        self.tracker.detector_calls()
    }

    fn info(&self) -> VisionInfo {
        let [points, reads] = [self.tracker.net().provider(), self.classifier.provider()];
        let tried = self.tried();
        // One stands for all: what is wrong with a provider is so with every model.
        let problem = tried.iter().find(|one| one.is_wrong()).map(ToString::to_string);
        VisionInfo {
            provider: match points == reads {
                true => reads.to_string(),
                false => format!("{points} + {reads}"),
            },
            model: self.classifier.card().name.clone(),
            grid: Some(self.classifier.grid()),
            problem,
            tried,
        }
    }

    fn try_faster(&mut self) {
        match self.runtime.device.rival() {
            Ok(Some(provider)) => self.try_on(provider, Duration::ZERO),
            Ok(None) => {}
            Err(error) => tracing::warn!("{error}"),
        }
    }

    fn news(&mut self) -> Option<VisionInfo> {
        let mut news = std::mem::take(&mut self.began);
        for model in self.models_mut() {
            news |= model.settle();
        }
        news.then(|| self.info())
    }
}
