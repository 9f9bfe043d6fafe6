//! Follows the driver's face from frame to frame: the landmark network looks where the
//! face was a frame ago, and the detector is only asked when there is no face, and every
//! few seconds to check that what is followed is still the driver. Which of several faces
//! that is, [`driver`](super::driver) decides.

use std::time::{Duration, Instant};

use image::RgbImage;

use super::{
    Detection, Detector, Face, FaceDetector, FaceError, LandmarkNet, Region, Scene, Search,
    TrackSettings,
    driver::Seats,
    region::{AROUND, square},
    smooth::PoseSmoother,
    upright::TurnedLooks,
};
use crate::{
    frame::Frame,
    infer::{ModelSource, RuntimeOptions},
};

/// Smaller pictures hold no face that can be read.
const LEAST_PX: u32 = 24;
/// Share of the last frame's motion that is expected to go on.
const MOMENTUM: f32 = 0.7;
/// Largest motion that is predicted, in sides of the region.
const MOST_AHEAD: f32 = 0.2;
/// How long the place of a lost face is looked at first.
const REMEMBERED: Duration = Duration::from_secs(3);
/// Least score of a detection near the place where the face was lost.
const LEAST_SCORE_NEAR: f32 = 0.25;

/// A face that is being followed.
#[derive(Debug)]
pub(super) struct Track {
    /// Where the last points ask the network to look.
    pub(super) region: Region,
    /// Motion of the region's centre, pixels a second.
    speed: [f32; 2],
    pub(super) confidence: f32,
    /// Media time of its first frame.
    pub(super) began_at: Duration,
    /// Media time of the last frame in which it was seen.
    seen_at: Duration,
    pub(super) checked_at: Duration,
    /// Checks in a row in which the detector did not find this face.
    pub(super) unconfirmed: u32,
    /// Checks in a row that found a face that has more claim to be the driver.
    pub(super) rival: u32,
    smoother: PoseSmoother,
}

/// How long the last frame's face took to find.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FaceTiming {
    /// The detector; zero in most frames.
    pub detect: Duration,
    /// Cutting the regions and placing the landmarks in them.
    pub landmarks: Duration,
}

/// The models that find a face and its points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaceModels {
    /// The face detector.
    pub detector: ModelSource,
    /// The landmark network.
    pub landmarks: ModelSource,
}

/// Finds the driver's face in each frame.
pub struct FaceTracker {
    pub(super) detector: Box<dyn Detector>,
    pub(super) net: LandmarkNet,
    pub(super) settings: TrackSettings,
    pub(super) detector_calls: u64,
    detecting: Duration,
    timing: FaceTiming,
    pub(super) track: Option<Track>,
    /// Where and when the last face was lost.
    pub(super) last: Option<(Region, Duration)>,
    pub(super) lost_at: Duration,
    searched_at: Option<Duration>,
    attempt: usize,
    at: Duration,
    pub(super) seats: Seats,
    pub(super) turned: TurnedLooks,
}

impl FaceTracker {
    /// Joins a detector and a landmark network.
    pub fn new(detector: Box<dyn Detector>, net: LandmarkNet) -> Self {
        Self {
            detector,
            net,
            settings: TrackSettings::default(),
            detector_calls: 0,
            detecting: Duration::ZERO,
            timing: FaceTiming::default(),
            track: None,
            last: None,
            lost_at: Duration::ZERO,
            searched_at: None,
            attempt: 0,
            at: Duration::ZERO,
            seats: Seats::default(),
            turned: TurnedLooks::default(),
        }
    }

    /// The tracker of these models.
    ///
    /// # Errors
    /// When one of them cannot be loaded.
    pub fn open(options: &RuntimeOptions, models: &FaceModels) -> Result<Self, FaceError> {
        let net = LandmarkNet::load(&models.landmarks, options)?;
        Ok(Self::new(Box::new(FaceDetector::load(&models.detector, options)?), net))
    }

    /// The same tracker with other settings.
    #[must_use]
    pub fn with_settings(self, settings: TrackSettings) -> Self {
        Self { settings, ..self }
    }

    /// How often the detector was asked so far.
    pub fn detector_calls(&self) -> u64 {
        self.detector_calls
    }

    /// How long the last [`step`](Self::step) took.
    pub fn timing(&self) -> FaceTiming {
        self.timing
    }

    /// The landmark network.
    pub fn net(&self) -> &LandmarkNet {
        &self.net
    }

    /// The same, to try another provider for it.
    pub(crate) fn net_mut(&mut self) -> &mut LandmarkNet {
        &mut self.net
    }

    /// Forgets the followed face, as for a new source.
    pub fn reset(&mut self) {
        self.track = None;
        self.last = None;
        self.lost_at = Duration::ZERO;
        self.searched_at = None;
        self.attempt = 0;
        self.at = Duration::ZERO;
        self.seats.forget();
        self.turned = TurnedLooks::default();
    }

    /// Whether the picture is shown as a mirror: the side on which the driver sits is that
    /// of the picture as it is shown.
    pub fn show_mirrored(&mut self, mirrored: bool) {
        self.seats.mirrored = mirrored;
    }

    /// What is known of the last picture beside the driver's face.
    pub fn scene(&self) -> Scene {
        Scene { others: self.seats.others(), turn: self.turned.told() }
    }

    /// The driver's face in the next frame of a video, or `None` when there is none.
    ///
    /// # Errors
    /// When detector or network fail; a frame without a face is no error.
    pub fn step(&mut self, frame: &Frame) -> Result<Option<Face>, FaceError> {
        let began = Instant::now();
        self.detecting = Duration::ZERO;
        let face = self.step_untimed(frame);
        let landmarks = began.elapsed().saturating_sub(self.detecting);
        self.timing = FaceTiming { detect: self.detecting, landmarks };
        face
    }

    fn step_untimed(&mut self, frame: &Frame) -> Result<Option<Face>, FaceError> {
        let (image, at) = (&*frame.image, frame.at);
        if image.width().min(image.height()) < LEAST_PX {
            return Ok(None);
        }
        if at < self.at {
            // Time runs backwards only when the source was opened again.
            self.reset();
            self.lost_at = at;
        }
        self.at = at;
        let mut face = match self.track.take() {
            Some(track) => self.follow(image, at, track)?,
            None => None,
        };
        if face.is_none() {
            face = self.search(image, at)?;
        } else {
            face = self.check(image, at, face)?;
        }
        match &face {
            Some(_) => self.turned = TurnedLooks::default(),
            None => self.look_turned(image, at)?,
        }
        let Some((face, track)) = face.zip(self.track.as_mut()) else { return Ok(None) };
        self.seats.seen(&track.region, at);
        let dt_s = at.saturating_sub(track.seen_at).as_secs_f32();
        track.seen_at = at;
        let landmarks = track.smoother.step(&face.landmarks, dt_s);
        Ok(Some(Face { bbox: landmarks.bbox(), landmarks, ..face }))
    }

    /// Looks where the face is expected to be. Keeps the track unless it is to be given up.
    fn follow(
        &mut self,
        image: &RgbImage,
        at: Duration,
        track: Track,
    ) -> Result<Option<Face>, FaceError> {
        let dt_s = at.saturating_sub(track.seen_at).as_secs_f32();
        let most = MOST_AHEAD * track.region.side_px;
        let ahead = track.speed.map(|v| (MOMENTUM * v * dt_s).clamp(-most, most));
        let [x, y] = track.region.center;
        let expected = Region { center: [x + ahead[0], y + ahead[1]], ..track.region };
        let mut face = self.net.locate(image, &expected)?;
        if !self.believable(&face, &expected, self.settings.keep) {
            // It may have stopped or jumped: once more, wider, in the last place.
            let wide = Region { side_px: 1.2 * track.region.side_px, ..track.region };
            face = self.net.locate_afresh(image, &wide)?;
            if !self.believable(&face, &wide, self.settings.acquire) {
                let lost = at.saturating_sub(track.seen_at).as_secs_f32();
                self.last = Some((track.region, track.seen_at));
                self.lost_at = track.seen_at;
                if lost < self.settings.grace_s {
                    self.track = Some(Track { speed: [0.0; 2], ..track });
                }
                return Ok(None);
            }
        }
        let region = Region::from_landmarks(&face.landmarks);
        let speed = match dt_s > 0.0 {
            true => [0, 1].map(|axis| (region.center[axis] - track.region.center[axis]) / dt_s),
            false => track.speed,
        };
        self.track = Some(Track { region, speed, confidence: face.confidence, ..track });
        Ok(Some(face))
    }

    /// Whether points found in a region are those of a face that lies there.
    fn believable(&self, face: &Face, looked: &Region, least: f32) -> bool {
        let region = Region::from_landmarks(&face.landmarks);
        let [x, y] = looked.to_unit(region.center);
        let inside = (0.1..=0.9).contains(&x) && (0.1..=0.9).contains(&y);
        let scale = region.side_px / looked.side_px;
        face.confidence >= least && inside && (0.5..=1.6).contains(&scale)
    }

    /// Begins to follow a face.
    pub(super) fn begin(&mut self, face: &Face, at: Duration) {
        self.track = Some(Track {
            region: Region::from_landmarks(&face.landmarks),
            speed: [0.0; 2],
            confidence: face.confidence,
            began_at: at,
            seen_at: at,
            checked_at: at,
            unconfirmed: 0,
            rival: 0,
            smoother: PoseSmoother::default(),
        });
        self.searched_at = None;
        self.attempt = 0;
    }

    /// Asks the detector for a lost or first face, in another way each time, and not more
    /// often than the settings allow.
    fn search(&mut self, image: &RgbImage, at: Duration) -> Result<Option<Face>, FaceError> {
        let pause = self.settings.pause(at.saturating_sub(self.lost_at));
        if self.searched_at.is_some_and(|last| at < last + pause) {
            return Ok(None);
        }
        self.searched_at = Some(at);
        let near = self.last.filter(|(_, lost)| at < *lost + REMEMBERED).map(|(region, _)| region);
        let search = self.next_way(image, near);
        self.attempt += 1;
        let found = self.ask(image, &search)?;
        let whole = search.window.is_none() && search.roll == 0.0;
        let face = self.choose(image, at, &found, whole)?;
        if let Some(face) = &face {
            self.begin(face, at);
        }
        Ok(face)
    }

    /// The ways to look, one after the other: near the last place first, then everywhere,
    /// with room around a face that fills the picture, and for small faces.
    fn next_way(&self, image: &RgbImage, near: Option<Region>) -> Search {
        let plain = Search::default();
        let around = near.map(|region| Search {
            least_score: LEAST_SCORE_NEAR,
            roll: region.roll,
            window: Some(square(&region).scaled(AROUND)),
            ..plain
        });
        let padded = Search { padding: 0.15, least_score: LEAST_SCORE_NEAR, ..plain };
        let [a, b, c, d] = Search::tiles(image);
        let everywhere = [plain, padded, a, b, c, d];
        match around {
            Some(around) if self.attempt.is_multiple_of(2) => around,
            Some(_) => everywhere[self.attempt / 2 % everywhere.len()],
            None => everywhere[self.attempt % everywhere.len()],
        }
    }

    pub(super) fn ask(
        &mut self,
        image: &RgbImage,
        search: &Search,
    ) -> Result<Vec<Detection>, FaceError> {
        self.detector_calls += 1;
        let began = Instant::now();
        let found = self.detector.search(image, search);
        self.detecting += began.elapsed();
        found
    }
}
