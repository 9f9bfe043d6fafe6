//! The vision thread: looks at the newest frame, hands the sighting to the judge. A model
//! that fails is told with every frame it fails on; one that panics is loaded again.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender};

use super::{
    Sighting, Vision, VisionInfo,
    capture::{Captured, Notice, words_of},
    options::OpenVision,
};

/// So many panics in a row end the thread; each is told.
const MAX_PANICS: u32 = 5;

/// A sighting on its way to the judge.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) session: u32,
    pub(super) sighting: Sighting,
    pub(super) detector_calls: u64,
    pub(super) taken: Instant,
}

/// Everything the vision thread works with.
pub(super) struct Eyes {
    pub(super) open: OpenVision,
    pub(super) vision: Box<dyn Vision>,
    pub(super) frames: Receiver<Captured>,
    /// Asks to load the models again.
    pub(super) reload: Receiver<()>,
    pub(super) seen: Sender<Seen>,
    pub(super) notices: Sender<Notice>,
}

impl Eyes {
    /// Looks at frames until there are no more, or nobody wants to know.
    pub(super) fn run(mut self) {
        let (mut session, mut panics, mut earlier_calls) = (0, 0, 0);
        while let Ok(Captured { session: of, frame, taken }) = self.frames.recv() {
            if self.reload.try_recv().is_ok() {
                let notice = match self.replace() {
                    Ok(info) => {
                        earlier_calls = 0;
                        Notice::Reloaded { info }
                    }
                    // Those that are loaded go on.
                    Err(why) => Notice::VisionFailed { why },
                };
                if self.notices.send(notice).is_err() {
                    return;
                }
            }
            let fresh = of != session;
            if fresh {
                session = of;
                earlier_calls = self.vision.detector_calls();
            }
            let looked = catch_unwind(AssertUnwindSafe(|| {
                if fresh {
                    self.vision.reset();
                }
                self.vision.process(&frame)
            }));
            let why = match looked {
                Ok(Ok(sighting)) => {
                    panics = 0;
                    let detector_calls = self.vision.detector_calls().saturating_sub(earlier_calls);
                    let seen = Seen { session, sighting, detector_calls, taken };
                    if self.seen.send(seen).is_err() {
                        return;
                    }
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Err(panic) => {
                    panics += 1;
                    let said = words_of(&*panic).to_owned();
                    let after = self.load_again(panics);
                    earlier_calls = 0;
                    format!("the face models have crashed ({said}); {after}")
                }
            };
            tracing::error!("{why}");
            if self.notices.send(Notice::VisionFailed { why }).is_err() || panics >= MAX_PANICS {
                return;
            }
        }
    }

    /// Puts freshly loaded models in the place of those that see.
    fn replace(&mut self) -> Result<VisionInfo, String> {
        match catch_unwind(AssertUnwindSafe(|| (self.open)())) {
            Ok(Ok(vision)) => {
                self.vision = vision;
                Ok(self.vision.info())
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the new models cannot be loaded; the ones before go on".into()),
        }
    }

    /// Loads the models again after a panic, later the more often that happened, and
    /// says what came of it.
    fn load_again(&mut self, panics: u32) -> String {
        if panics >= MAX_PANICS {
            return "they are given up, start the program again".into();
        }
        std::thread::sleep(Duration::from_millis(100) * panics);
        match catch_unwind(AssertUnwindSafe(|| (self.open)())) {
            Ok(Ok(vision)) => {
                self.vision = vision;
                "they are loaded again".into()
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "they cannot be loaded again, start the program again".into(),
        }
    }
}
