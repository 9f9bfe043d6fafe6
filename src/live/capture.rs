//! The capture thread: opens the source, reads it, and offers each frame to the vision
//! thread. Of a camera, and of a file at its own pace, the newest frame wins; of a file
//! as fast as can be, every frame waits its turn. A camera that is lost is opened again
//! until it comes back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crossbeam_channel::{
    Receiver, RecvTimeoutError, SendTimeoutError, Sender, TryRecvError, TrySendError,
};

use super::{
    Pace,
    headless::{Clock, Offset},
    options::OpenSource,
    pipeline::VisionInfo,
};
use crate::{
    frame::Frame,
    source::{Fresh, SourceInfo, SourceSpec},
};

/// Pause before a lost camera is opened again.
const REOPEN: Duration = Duration::from_secs(1);
/// How long a full channel is waited for before orders are looked at.
const SLICE: Duration = Duration::from_millis(50);
/// Longest pause, after many panics or many openings of a camera in the network that came
/// to nothing; each is told.
const REOPEN_MOST: Duration = Duration::from_secs(10);

/// A frame on its way to the vision thread.
#[derive(Debug)]
pub(super) struct Captured {
    /// Counts sources; frames of one that was switched away are recognised by it.
    pub(super) session: u32,
    pub(super) frame: Frame,
    /// The window shows the picture as a mirror.
    pub(super) mirrored: bool,
    /// When it came out of the source.
    pub(super) taken: Instant,
}

/// What the judge thread tells the capture thread.
#[derive(Debug)]
pub(super) enum Order {
    Switch(SourceSpec),
    Stop,
}

/// What the capture and vision threads tell the judge thread.
#[derive(Debug)]
pub(super) enum Notice {
    /// A source delivers; the same session again when a camera has come back.
    Opened { session: u32, info: SourceInfo },
    /// It is at its end.
    Ended { session: u32 },
    /// It cannot be opened or read; `retried` says whether it will be opened again.
    SourceFailed { session: u32, why: String, retried: bool },
    /// The models were loaded again, as asked for or after they failed.
    Reloaded { info: VisionInfo },
    /// The models are the same, but not what they run on, or what is known of that.
    Changed { info: VisionInfo },
    /// The models that were asked for cannot be loaded; those before go on.
    NotReloaded { why: String },
    /// Frames cannot be looked at.
    VisionFailed { why: String },
}

/// Everything the capture thread works with.
pub(super) struct Capture {
    pub(super) open: OpenSource,
    pub(super) spec: SourceSpec,
    pub(super) pace: Pace,
    pub(super) orders: Receiver<Order>,
    pub(super) frames: Sender<Captured>,
    /// The other end of `frames`, to take back a frame that is too old.
    pub(super) stale: Receiver<Captured>,
    pub(super) notices: Sender<Notice>,
    pub(super) dropped: Arc<AtomicU64>,
}

/// Why reading a source has ended.
enum Outcome {
    /// At its end.
    Ended,
    /// It failed, with a sentence.
    Failed(String),
    /// Another source is wanted.
    Switch(SourceSpec),
    /// The watch is over.
    Stop,
}

impl From<Order> for Outcome {
    fn from(order: Order) -> Self {
        match order {
            Order::Switch(spec) => Outcome::Switch(spec),
            Order::Stop => Outcome::Stop,
        }
    }
}

impl Capture {
    /// Runs until told to stop.
    pub(super) fn run(mut self) {
        let (mut session, mut panics, mut in_vain) = (0, 0, 0);
        let (mut offset, mut began) = (Offset::default(), Instant::now());
        let mut complaint = Complaint::default();
        loop {
            let before = offset.given();
            let guarded = std::panic::AssertUnwindSafe(|| self.watch(session, &mut offset, began));
            let outcome = match std::panic::catch_unwind(guarded) {
                Ok(outcome) => {
                    panics = 0;
                    outcome
                }
                Err(panic) => {
                    panics += 1;
                    Outcome::Failed(format!("the source has crashed ({})", words_of(&*panic)))
                }
            };
            let order = match outcome {
                Outcome::Stop => return,
                Outcome::Switch(spec) => Some(Order::Switch(spec)),
                Outcome::Ended => {
                    self.tell(Notice::Ended { session });
                    self.wait()
                }
                Outcome::Failed(why) => {
                    if complaint.is_new(&why, offset.given() > before) {
                        tracing::warn!("{why}");
                    }
                    let retried = self.spec.is_camera();
                    self.tell(Notice::SourceFailed { session, why, retried });
                    let vain =
                        matches!(self.spec, SourceSpec::Network(_)) && offset.given() == before;
                    in_vain = if vain { in_vain + 1 } else { 0 };
                    let times = (panics + 1).max(1 << in_vain.min(4));
                    let pause = (REOPEN * times).min(REOPEN_MOST);
                    if retried { self.pause(pause) } else { self.wait() }
                }
            };
            match order {
                // The camera is opened again; its time goes on from the first opening.
                None => offset.restart(began.elapsed()),
                Some(Order::Stop) => return,
                Some(Order::Switch(spec)) => {
                    self.spec = spec;
                    session += 1;
                    (offset, began, panics) = (Offset::default(), Instant::now(), 0);
                }
            }
        }
    }

    /// Opens the source and reads it to its end.
    fn watch(&mut self, session: u32, offset: &mut Offset, began: Instant) -> Outcome {
        let mut source = match (self.open)(&self.spec) {
            Ok(source) => source,
            Err(error) => return Outcome::Failed(error.to_string()),
        };
        let info = source.info();
        let clock = Clock::new(self.pace, info.live);
        let live = info.live;
        // What opening again has taken has passed, too: a camera's time counts from its first
        // picture.
        if live && offset.given() > 0 {
            offset.restart(began.elapsed());
        }
        let every_frame = !live && self.pace == Pace::Fast;
        if live {
            source = Box::new(Fresh::new(source));
        }
        self.tell(Notice::Opened { session, info });
        loop {
            if let Some(order) = self.ordered() {
                return order.into();
            }
            let mut frame = match source.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => return Outcome::Ended,
                Err(error) => return Outcome::Failed(error.to_string()),
            };
            offset.apply(&mut frame);
            let early = clock.early(frame.at);
            if let Some(order) = (!early.is_zero()).then(|| self.pause(early)).flatten() {
                return order.into();
            }
            let (mirrored, taken) = (live, Instant::now());
            let captured = Captured { session, frame, mirrored, taken };
            let offered = if every_frame { self.queue(captured) } else { self.offer(captured) };
            if let Err(outcome) = offered {
                return outcome;
            }
        }
    }

    /// An order that has come meanwhile. A judge that is gone is an order to stop.
    fn ordered(&self) -> Option<Order> {
        match self.orders.try_recv() {
            Ok(order) => Some(order),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Order::Stop),
        }
    }

    /// Waits; an order ends the wait.
    fn pause(&self, time: Duration) -> Option<Order> {
        match self.orders.recv_timeout(time) {
            Ok(order) => Some(order),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Order::Stop),
        }
    }

    /// Waits for an order, however long it takes.
    fn wait(&self) -> Option<Order> {
        Some(self.orders.recv().unwrap_or(Order::Stop))
    }

    /// Hands a frame on; one that still waits there is too old and dropped.
    fn offer(&self, mut captured: Captured) -> Result<(), Outcome> {
        loop {
            match self.frames.try_send(captured) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(_)) => return Err(Outcome::Stop),
                Err(TrySendError::Full(back)) => {
                    captured = back;
                    if self.stale.try_recv().is_ok() {
                        self.dropped.fetch_add(1, Relaxed);
                    }
                }
            }
        }
    }

    /// Hands a frame on when there is room for it.
    fn queue(&self, mut captured: Captured) -> Result<(), Outcome> {
        loop {
            match self.frames.send_timeout(captured, SLICE) {
                Ok(()) => return Ok(()),
                Err(SendTimeoutError::Disconnected(_)) => return Err(Outcome::Stop),
                Err(SendTimeoutError::Timeout(back)) => captured = back,
            }
            if let Some(order) = self.ordered() {
                return Err(order.into());
            }
        }
    }

    fn tell(&self, notice: Notice) {
        // A judge that is gone has ended the watch; the next offer or wait notices.
        let _ = self.notices.send(notice);
    }
}

/// Why a source failed when it was last tried: a camera that is missing is tried again every
/// second, and the log told of it once.
#[derive(Debug, Default)]
struct Complaint(Option<String>);

impl Complaint {
    /// Whether this is to be told: another cause, or the same after pictures have come.
    fn is_new(&mut self, why: &str, gave: bool) -> bool {
        let new = gave || self.0.as_deref() != Some(why);
        self.0 = Some(why.to_owned());
        new
    }
}

/// What a panic said.
pub(crate) fn words_of(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a word")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_camera_is_told_once_until_something_changes() {
        let mut complaint = Complaint::default();
        let told = [
            ("no camera", false),
            ("no camera", false),
            ("no camera", false),
            ("it is used by another program", false),
            ("it is used by another program", false),
            // It came, and has gone again.
            ("it is used by another program", true),
            ("it is used by another program", false),
        ]
        .map(|(why, gave)| complaint.is_new(why, gave));
        assert_eq!(told, [true, false, false, true, false, true, false]);
    }
}
