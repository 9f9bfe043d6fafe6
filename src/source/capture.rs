//! The thread that reads a camera, beside this machine's own or in the network, and the
//! source at its other end. A thread that is
//! stuck in a driver is left behind when the source is dropped, and the camera stays
//! marked as open until it comes back, so that such threads do not stack up.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use image::RgbImage;
use parking_lot::{Mutex, MutexGuard};

use crate::{
    background::{NoThread, thread},
    frame::Frame,
    os::join_within,
    source::{Source, SourceError, SourceInfo},
};

/// Longest wait for a picture before the camera counts as stalled.
const STALL: Duration = Duration::from_secs(2);

/// Longest wait for a camera to open; some need seconds to wake.
const OPENING: Duration = Duration::from_secs(10);

/// Longest wait for the thread when the source is dropped.
const STOPPING: Duration = Duration::from_millis(500);

/// Failed or broken pictures in a row after which the camera is given up: a second or two.
const MAX_FAILURES: u32 = 50;

/// Pause after a failed picture, so that a driver that fails at once does not spin.
const PAUSE: Duration = Duration::from_millis(30);

/// What a device gave.
pub(super) enum Grab {
    /// A decoded picture.
    Picture(RgbImage),
    /// A picture that could not be decoded, as bad cables and hubs make them.
    Broken(String),
    /// There will be no more; the camera has to be opened again.
    #[cfg(feature = "video")]
    Ended(String),
}

impl Device for Box<dyn Device> {
    fn grab(&mut self) -> Result<Grab, String> {
        (**self).grab()
    }

    fn fps(&self) -> f32 {
        (**self).fps()
    }
}

/// A camera by the name that is shown and the one that no other has.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) key: String,
    /// It is a camera in the network.
    pub(super) remote: bool,
}

impl Named {
    fn failed(&self, why: String) -> SourceError {
        let camera = self.name.clone();
        match self.remote {
            true => SourceError::Remote { camera, why },
            false => SourceError::Camera { camera, why },
        }
    }
}

/// A camera as the capture thread sees it.
pub(super) trait Device {
    /// Waits for the next picture.
    fn grab(&mut self) -> Result<Grab, String>;

    /// Pictures a second that were agreed on.
    fn fps(&self) -> f32;
}

/// A camera that is read by a thread of its own.
pub(super) struct Webcam {
    camera: Named,
    info: SourceInfo,
    stop: Arc<AtomicBool>,
    pictures: Receiver<Result<Frame, SourceError>>,
    thread: Option<JoinHandle<()>>,
    last_seen: Instant,
    stall: Duration,
}

impl Webcam {
    /// Opens the device on a new thread and starts to read it.
    pub(super) fn start<D: Device + 'static>(
        camera: &Named,
        open: impl FnOnce() -> Result<D, String> + Send + 'static,
    ) -> Result<Self, SourceError> {
        let fail = |why: String| camera.failed(why);
        let claim = Claim::new(&camera.key).ok_or_else(|| {
            fail("it is still open in this program or stuck in its driver".into())
        })?;
        let stop = Arc::new(AtomicBool::new(false));
        let (opened, when_opened) = bounded(1);
        let (sender, pictures) = bounded(1);
        let newest = Newest { sender, receiver: pictures.clone() };
        let (read_from, stopped) = (camera.clone(), Arc::clone(&stop));
        let capture = move || {
            let _claim = claim;
            match open() {
                Err(why) => drop(opened.send(Err(why))),
                Ok(mut device) => {
                    drop(opened.send(Ok(device.fps())));
                    read(&mut device, &read_from, &newest, &stopped);
                }
            }
        };
        let thread = thread("webcam", capture).map_err(|NoThread(why)| fail(why.to_string()))?;
        let fps = match when_opened.recv_timeout(OPENING) {
            Ok(opened) => opened.map_err(fail)?,
            Err(_) => {
                stop.store(true, Ordering::Relaxed);
                return Err(fail(format!("it did not open within {} s", OPENING.as_secs())));
            }
        };
        let info =
            SourceInfo { name: camera.name.clone(), live: true, fps: Some(fps), frames: None };
        let (camera, last_seen) = (camera.clone(), Instant::now());
        Ok(Self { camera, info, stop, pictures, thread: Some(thread), last_seen, stall: STALL })
    }
}

impl Source for Webcam {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        match self.pictures.recv_timeout(self.stall) {
            Ok(next) => {
                self.last_seen = Instant::now();
                next.map(Some)
            }
            Err(RecvTimeoutError::Timeout) => Err(SourceError::Stalled(self.last_seen.elapsed())),
            Err(RecvTimeoutError::Disconnected) => {
                Err(self.camera.failed("its reader has ended".into()))
            }
        }
    }

    fn info(&self) -> SourceInfo {
        self.info.clone()
    }
}

impl Drop for Webcam {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let Some(thread) = self.thread.take() else { return };
        // A panic in there has nothing left to spoil.
        if join_within(thread, STOPPING).is_none() {
            tracing::warn!(camera = self.info.name, "the camera's driver does not come back");
        }
    }
}

/// Reads until told to stop or until the device fails for good.
fn read(device: &mut dyn Device, camera: &Named, newest: &Newest, stop: &AtomicBool) {
    let name = &camera.name;
    let (mut first, mut index, mut failures, mut broken) = (None, 0, 0, 0_u64);
    while !stop.load(Ordering::Relaxed) {
        let grabbed = device.grab();
        let now = Instant::now();
        let why = match grabbed {
            Ok(Grab::Picture(image)) => {
                failures = 0;
                let at = now - *first.get_or_insert(now);
                newest.send(Ok(Frame { image: Arc::new(image), at, index }));
                index += 1;
                continue;
            }
            Ok(Grab::Broken(why)) => {
                broken += 1;
                tracing::debug!(camera = name, broken, why, "a broken picture was skipped");
                why
            }
            #[cfg(feature = "video")]
            Ok(Grab::Ended(why)) => {
                newest.send(Err(camera.failed(why)));
                return;
            }
            Err(why) => {
                std::thread::sleep(PAUSE);
                why
            }
        };
        failures += 1;
        if failures >= MAX_FAILURES {
            newest.send(Err(camera.failed(why)));
            return;
        }
    }
}

/// A channel of one in which a new picture replaces one that was not fetched.
struct Newest {
    sender: Sender<Result<Frame, SourceError>>,
    receiver: Receiver<Result<Frame, SourceError>>,
}

impl Newest {
    fn send(&self, mut next: Result<Frame, SourceError>) {
        while let Err(TrySendError::Full(back)) = self.sender.try_send(next) {
            next = back;
            let _stale = self.receiver.try_recv();
        }
    }
}

/// The cameras that a thread of this program holds.
static OPEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn open_cameras() -> MutexGuard<'static, BTreeSet<String>> {
    OPEN.lock()
}

/// Marks a camera as held for as long as its thread lives.
struct Claim(String);

impl Claim {
    fn new(key: &str) -> Option<Self> {
        let free = open_cameras().insert(key.into());
        // Lazily: dropping a claim that was not made would free the camera of another.
        free.then(|| Self(key.into()))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        open_cameras().remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a picture for each message; blocks like a driver while there is none.
    struct Scripted(Receiver<Step>);

    type Step = Result<Grab, String>;

    impl Device for Scripted {
        fn grab(&mut self) -> Result<Grab, String> {
            self.0.recv().unwrap_or_else(|_| Err("unplugged".into()))
        }

        fn fps(&self) -> f32 {
            30.0
        }
    }

    fn camera(index: u32) -> (Named, Sender<Step>, Receiver<Step>) {
        let (script, device) = bounded(100);
        let (name, key) = (format!("Camera {index}"), index.to_string());
        (Named { name, key, remote: false }, script, device)
    }

    fn picture(width: u32) -> Result<Grab, String> {
        Ok(Grab::Picture(RgbImage::new(width, 1)))
    }

    #[test]
    fn the_newest_picture_wins_and_broken_ones_are_skipped() {
        let (info, script, device) = camera(1001);
        let mut webcam = Webcam::start(&info, move || Ok(Scripted(device))).unwrap();
        assert_eq!(
            webcam.info(),
            SourceInfo { name: "Camera 1001".into(), live: true, fps: Some(30.0), frames: None }
        );
        script.send(Ok(Grab::Broken("bad Huffman code".into()))).unwrap();
        for width in 1..=5 {
            script.send(picture(width)).unwrap();
        }
        // An empty script says that the thread has taken all of it; the last send follows.
        while !script.is_empty() {
            std::thread::yield_now();
        }
        let mut last = webcam.next_frame().unwrap().unwrap();
        while last.image.width() < 5 {
            let next = webcam.next_frame().unwrap().unwrap();
            assert!(next.index > last.index && next.at >= last.at);
            last = next;
        }
        assert_eq!(last.index, 4, "broken pictures are not counted as frames");
    }

    #[test]
    fn a_silent_camera_stalls_and_may_come_back() {
        let (info, script, device) = camera(1002);
        let mut webcam = Webcam::start(&info, move || Ok(Scripted(device))).unwrap();
        webcam.stall = Duration::from_millis(20);
        assert!(matches!(webcam.next_frame(), Err(SourceError::Stalled(_))));
        webcam.stall = STALL;
        script.send(picture(7)).unwrap();
        assert_eq!(webcam.next_frame().unwrap().unwrap().image.width(), 7);
    }

    #[test]
    fn a_thread_stuck_in_the_driver_is_left_and_not_stacked() {
        let (info, script, device) = camera(1003);
        let spare = device.clone();
        let webcam = Webcam::start(&info, move || Ok(Scripted(device))).unwrap();
        drop(webcam);
        let again = Webcam::start(&info, move || Ok(Scripted(spare))).err().unwrap().to_string();
        assert!(again.contains("Camera 1003") && again.contains("stuck"), "{again}");
        // The driver comes back: the old thread sees that it should stop and frees the camera.
        script.send(picture(1)).unwrap();
        while open_cameras().contains("1003") {
            std::thread::yield_now();
        }
        let (_, _script, device) = camera(1003);
        assert!(Webcam::start(&info, move || Ok(Scripted(device))).is_ok());
    }

    #[test]
    fn pictures_that_are_all_broken_are_a_lost_camera() {
        let (info, script, device) = camera(1006);
        let mut webcam = Webcam::start(&info, move || Ok(Scripted(device))).unwrap();
        for _ in 0..MAX_FAILURES {
            script.send(Ok(Grab::Broken("bad Huffman code".into()))).unwrap();
        }
        let error = webcam.next_frame().unwrap_err().to_string();
        assert!(error.contains("Camera 1006") && error.contains("Huffman"), "{error}");
        drop(script);
    }

    #[test]
    fn a_library_that_panics_frees_its_camera() {
        let (info, script, device) = camera(1007);
        drop((script, device));
        struct Panics;
        impl Device for Panics {
            fn grab(&mut self) -> Result<Grab, String> {
                panic!("a decoder's panic")
            }
            fn fps(&self) -> f32 {
                30.0
            }
        }
        let mut webcam = Webcam::start(&info, || Ok(Panics)).unwrap();
        let error = webcam.next_frame().unwrap_err().to_string();
        assert!(error.contains("its reader has ended"), "{error}");
        drop(webcam);
        while open_cameras().contains("1007") {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_device_that_fails_for_good_says_why_once_and_stays_ended() {
        let (info, script, device) = camera(1004);
        drop(script);
        let mut webcam = Webcam::start(&info, move || Ok(Scripted(device))).unwrap();
        let error = webcam.next_frame().unwrap_err().to_string();
        assert!(error.contains("Camera 1004") && error.contains("unplugged"), "{error}");
        assert!(matches!(webcam.next_frame(), Err(SourceError::Camera { .. })));
        let refused = Webcam::start(&camera(1005).0, || Err::<Scripted, _>("busy".into()));
        assert!(refused.err().unwrap().to_string().contains("Camera 1005 cannot be used (busy)"));
    }
}
