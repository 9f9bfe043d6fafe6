//! The vision thread: looks at the newest frame, hands the sighting to the judge. A model
//! that fails is told with every frame it fails on; one that panics or goes on failing is
//! loaded again.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender};

use super::{
    LiveError, Sighting, Vision,
    capture::{Captured, Notice, words_of},
    options::OpenVision,
};

/// After so many failures in a row the models are loaded again, perhaps on another
/// provider: a graphics card that was lost does not come back by itself. Then after twice
/// as many, and so on.
const MOST_FAILURES: u64 = 8;
/// Pause before they are loaded again after a panic, times the panics in a row, and the
/// longest.
const BACK_OFF: Duration = Duration::from_millis(100);
const BACK_OFF_MOST: Duration = Duration::from_secs(2);

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
        let (mut session, mut panics, mut failures, mut earlier_calls) = (0, 0, 0_u64, 0);
        // Whether the models in use have been asked to try what may be faster.
        let mut trying = false;
        while let Ok(Captured { session: of, frame, mirrored, taken }) = self.frames.recv() {
            if self.reload.try_recv().is_ok() {
                // Where they cannot be had, those that are loaded go on.
                let notice = self
                    .replace(&mut earlier_calls, &mut trying, |why| Notice::NotReloaded { why });
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
                    self.vision.reset(mirrored);
                }
                let sighting = self.vision.process(&frame)?;
                // Not before a frame has been looked at: what is tried takes cores to load.
                if !std::mem::replace(&mut trying, true) {
                    self.vision.try_faster();
                }
                Ok((sighting, self.vision.news()))
            }));
            let (why, again) = match looked {
                Ok(Ok((sighting, news))) => {
                    (panics, failures) = (0, 0);
                    let detector_calls = self.vision.detector_calls().saturating_sub(earlier_calls);
                    let seen = Seen { session, sighting, detector_calls, taken };
                    if self.seen.send(seen).is_err() {
                        return;
                    }
                    if let Some(info) = news
                        && self.notices.send(Notice::Changed { info }).is_err()
                    {
                        return;
                    }
                    continue;
                }
                Ok(Err::<_, LiveError>(error)) => {
                    failures += 1;
                    let again = failures >= MOST_FAILURES && failures.is_power_of_two();
                    (error.to_string(), again)
                }
                Err(panic) => {
                    panics += 1;
                    let said = words_of(&*panic);
                    (format!("the face models have crashed ({said}); they are loaded again"), true)
                }
            };
            tracing::error!("{why}");
            if self.notices.send(Notice::VisionFailed { why }).is_err() {
                return;
            }
            if again {
                std::thread::sleep((BACK_OFF * panics).min(BACK_OFF_MOST));
                let notice = self
                    .replace(&mut earlier_calls, &mut trying, |why| Notice::VisionFailed { why });
                if self.notices.send(notice).is_err() {
                    return;
                }
            }
        }
    }

    /// Puts freshly loaded models, which have called no detector and tried nothing yet, in
    /// the place of those that see; gives what is to be told, by `failed` where they cannot be had.
    fn replace(
        &mut self,
        earlier_calls: &mut u64,
        trying: &mut bool,
        failed: fn(String) -> Notice,
    ) -> Notice {
        match catch_unwind(AssertUnwindSafe(|| (self.open)())) {
            Ok(Ok(vision)) => {
                (self.vision, *earlier_calls, *trying) = (vision, 0, false);
                Notice::Reloaded { info: self.vision.info() }
            }
            Ok(Err(error)) => failed(error.to_string()),
            Err(_) => failed("the models cannot be loaded again; start the program again".into()),
        }
    }
}
