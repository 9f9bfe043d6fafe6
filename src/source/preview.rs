//! Cameras that are only looked at, so that one can be chosen: each is opened on a thread
//! of its own, its newest picture is kept, and it is closed again. Nothing is looked for in
//! the pictures. A camera that fails is tried again, since who reads that another program
//! uses it will close that program.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{OpenOptions, Source, SourceError, SourceSpec, webcam, webcam::CameraInfo};
use crate::{
    background::{NoThread, thread},
    frame::Frame,
    os::join_within,
};

/// Pause before a camera that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// A stop is seen after so long at the latest.
const TICK: Duration = Duration::from_millis(20);
/// Least time between two pictures that are shown: a choice needs no smooth motion.
const EVERY: Duration = Duration::from_millis(60);
/// How long a camera is waited for when it is closed.
const CLOSING: Duration = Duration::from_secs(3);

/// Asks for the cameras of the machine.
pub(crate) type List = dyn Fn() -> Result<Vec<CameraInfo>, SourceError> + Send + Sync;
/// Opens one of them.
pub(crate) type Open =
    dyn Fn(&SourceSpec, &OpenOptions) -> Result<Box<dyn Source>, SourceError> + Send + Sync;

/// The cameras of this machine, or those that a test puts in their place.
#[derive(Clone)]
pub(crate) struct Cameras {
    list: Arc<List>,
    open: Arc<Open>,
}

impl Default for Cameras {
    /// The real ones.
    fn default() -> Self {
        Self { list: Arc::new(webcam::list), open: Arc::new(super::open) }
    }
}

impl fmt::Debug for Cameras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cameras").finish_non_exhaustive()
    }
}

impl Cameras {
    /// Cameras that are listed and opened so.
    #[cfg(test)]
    pub(crate) fn new(list: Arc<List>, open: Arc<Open>) -> Self {
        Self { list, open }
    }

    /// The cameras; none is an empty list. A driver may take its time.
    ///
    /// # Errors
    /// As [`webcam::list`].
    pub(crate) fn list(&self) -> Result<Vec<CameraInfo>, SourceError> {
        (self.list)()
    }

    /// Begins to look at a source; `waker` is called after every change.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(crate) fn preview(
        &self,
        spec: SourceSpec,
        options: OpenOptions,
        waker: impl Fn() + Send + 'static,
    ) -> Result<Preview, NoThread> {
        let (seen, stop) = (Arc::<Mutex<Seen>>::default(), Arc::<AtomicBool>::default());
        let looking = Looking {
            open: self.open.clone(),
            spec,
            options,
            seen: seen.clone(),
            stop: stop.clone(),
            waker: Box::new(waker),
        };
        let thread = thread("preview", move || looking.run())?;
        Ok(Preview { seen, stop, thread: Some(thread) })
    }
}

/// What is known of a camera that is looked at.
#[derive(Clone, Debug, Default)]
pub(crate) enum Seen {
    /// It is being opened.
    #[default]
    Opening,
    /// Its newest picture, and whether it is a camera's, which is shown as a mirror.
    Picture(Frame, bool),
    /// Why there is none; it is tried again.
    Failed(Arc<SourceError>),
    /// Its driver took the thread with it.
    Crashed,
}

/// A camera that is looked at. Dropping it closes the camera, and does not wait for that.
#[derive(Debug)]
pub(crate) struct Preview {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Preview {
    /// What is known now; never waits.
    pub(crate) fn seen(&self) -> Seen {
        if self.thread.as_ref().is_some_and(JoinHandle::is_finished) {
            return Seen::Crashed;
        }
        self.seen.lock().clone()
    }

    /// Closes the camera and waits until it is closed, some seconds at most: after that
    /// somebody else can open it.
    pub(crate) fn close(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let Some(thread) = self.thread.take() else { return };
        // A panic in there has nothing left to spoil.
        if join_within(thread, CLOSING).is_none() {
            tracing::warn!("a camera that was looked at does not close");
        }
    }
}

impl Drop for Preview {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The thread's own side.
struct Looking {
    open: Arc<Open>,
    spec: SourceSpec,
    options: OpenOptions,
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    waker: Box<dyn Fn() + Send>,
}

impl Looking {
    /// Looks until told to stop.
    fn run(&self) {
        while !self.stopped() {
            let ended = match (self.open)(&self.spec, &self.options) {
                Ok(source) => self.watch(source),
                Err(error) => Err(error),
            };
            match ended {
                // A recording or a drawn driver begins anew.
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::debug!("preview: {error}");
                    self.tell(Seen::Failed(Arc::new(error)));
                }
            }
            self.pause(RETRY);
        }
    }

    /// Shows pictures until told to stop or until the source ends; whether any came.
    fn watch(&self, mut source: Box<dyn Source>) -> Result<bool, SourceError> {
        let (live, began) = (source.info().live, Instant::now());
        let mut shown: Option<Instant> = None;
        while !self.stopped() {
            let frame = match source.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                // It may come back by itself.
                Err(error @ SourceError::Stalled(_)) => {
                    self.tell(Seen::Failed(Arc::new(error)));
                    continue;
                }
                Err(error) => return Err(error),
            };
            if !live {
                self.pause(frame.at.saturating_sub(began.elapsed()));
            }
            if shown.is_none_or(|at| at.elapsed() >= EVERY) {
                shown = Some(Instant::now());
                self.tell(Seen::Picture(frame, live));
            }
        }
        Ok(shown.is_some())
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn tell(&self, seen: Seen) {
        *self.seen.lock() = seen;
        (self.waker)();
    }

    /// Waits, but not longer than until it is told to stop.
    fn pause(&self, long: Duration) {
        let until = Instant::now() + long;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            if self.stopped() {
                return;
            }
            std::thread::sleep(left.min(TICK));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// A drawn driver that counts how often it is open.
    struct Counted(Box<dyn Source>, Arc<AtomicUsize>);

    impl Source for Counted {
        fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
            self.0.next_frame()
        }

        fn info(&self) -> super::super::SourceInfo {
            self.0.info()
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            self.1.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn wait(preview: &Preview, what: &str, holds: impl Fn(&Seen) -> bool) {
        for _ in 0..1000 {
            if holds(&preview.seen()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{what} never came: {:?}", preview.seen());
    }

    #[test]
    fn a_busy_camera_is_told_tried_again_and_closed() {
        let (open, tries) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let opened = open.clone();
        let cameras = Cameras::new(
            Arc::new(|| Ok(vec![])),
            Arc::new(move |spec, options| {
                if tries.fetch_add(1, Ordering::SeqCst) == 0 {
                    return Err(SourceError::Camera { camera: "0".into(), why: "busy".into() });
                }
                opened.fetch_add(1, Ordering::SeqCst);
                Ok(Box::new(Counted(crate::source::open(spec, options)?, opened.clone())))
            }),
        );
        let spec = SourceSpec::Demo(Some("alert".into()));
        let woken = Arc::<AtomicUsize>::default();
        let wakes = woken.clone();
        let waker = move || {
            wakes.fetch_add(1, Ordering::SeqCst);
        };
        let options = OpenOptions { width: 160, height: 120, ..OpenOptions::default() };
        let preview = cameras.preview(spec, options, waker).unwrap();
        wait(
            &preview,
            "the failure",
            |seen| matches!(seen, Seen::Failed(why) if why.to_string().contains("busy")),
        );
        wait(
            &preview,
            "a picture",
            |seen| matches!(seen, Seen::Picture(frame, false) if frame.image.width() == 160),
        );
        let first = woken.load(Ordering::SeqCst);
        wait(
            &preview,
            "a later picture",
            |seen| matches!(seen, Seen::Picture(frame, _) if frame.index > 3),
        );
        assert!(woken.load(Ordering::SeqCst) > first);
        assert_eq!(open.load(Ordering::SeqCst), 1);
        preview.close();
        assert_eq!(open.load(Ordering::SeqCst), 0, "it is closed when close returns");
    }
}
