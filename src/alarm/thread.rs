//! The thread that owns the sound device: opens it, notices when it stops, tries again.
//!
//! Orders change the shared [`Control`] at once instead of queueing behind the device:
//! opening a device can block for seconds, and an order must neither wait nor be lost.
//!
//! It is a dead man's handle, too: who gives orders says again and again that it is alive.
//! When that stops, whatever the cause, the alarm warns by itself.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;

use super::{AlarmCommand, AlarmError, AlarmStatus, Control, SoundState, sound::VoiceControl};
use crate::{
    background::{NoThread, thread},
    monitor::{Judgement, Level, State},
    os::join_within,
};

/// How often mute and test tone are looked at and the device is checked.
const TICK: Duration = Duration::from_millis(50);
/// Pause before a missing device is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// A device that takes no samples for so long has stopped.
const STALLED: Duration = Duration::from_secs(2);

/// A device that has not opened for so long is told as missing, and still waited for.
const OPENING: Duration = Duration::from_secs(3);
/// Who gives orders and says nothing for so long is stuck. The judge says so ten times a
/// second; with the tick this stays below the three seconds within which it must be heard.
const DEAD: Duration = Duration::from_millis(2500);
/// How long the thread is waited for at the end; one that is stuck in a driver is left.
const JOIN: Duration = Duration::from_secs(1);

/// Opens a sound device; a trait, so that tests can take it away.
pub trait Speaker: Send {
    /// Opens the device and lets it play a [`Voice`](super::sound::Voice) under this control.
    ///
    /// # Errors
    /// When there is no device or it cannot be used.
    fn open(&mut self, control: &Arc<VoiceControl>) -> Result<Box<dyn Playing>, AlarmError>;
}

/// An open device; it plays until it is dropped.
pub trait Playing {
    /// Why it has stopped, if it has.
    fn failure(&self) -> Option<String>;
}

/// The system's default device, or why there is none in this build.
///
/// # Errors
/// [`SoundState::NotBuilt`] without the feature `audio`.
pub fn default_speaker() -> Result<Box<dyn Speaker>, SoundState> {
    #[cfg(feature = "audio")]
    return Ok(Box::new(super::RodioSpeaker));
    #[cfg(not(feature = "audio"))]
    Err(SoundState::NotBuilt)
}

/// The running alarm. Dropping it ends the sound.
#[derive(Debug)]
pub struct Alarm {
    shared: Arc<Shared>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    control: Mutex<Control>,
    sound: Mutex<SoundState>,
    /// Since when a device is being opened, if it is.
    opening: Mutex<Option<Instant>>,
    /// When who gives orders was last alive; `None` = nobody is expected to be.
    alive: Mutex<Option<Instant>>,
    voice: Arc<VoiceControl>,
}

impl Shared {
    /// Hands what is to be heard now to the voice.
    fn apply(&self, now: Instant) {
        let stuck = self.unanswered(now).is_some();
        let mut control = self.control.lock();
        if stuck {
            control.raise(Level::Warning, now);
        }
        let (level, volume) = control.target(now);
        if control.is_off_road(now) {
            self.voice.set_off_road(volume);
        } else {
            self.voice.set(level, volume);
        }
    }

    /// How long nothing was heard of who gives orders, if that is too long.
    fn unanswered(&self, now: Instant) -> Option<Duration> {
        let silence = self.alive.lock().map(|alive| now.saturating_duration_since(alive));
        silence.filter(|silence| *silence > DEAD)
    }

    fn sound(&self, now: Instant) -> SoundState {
        let since = *self.opening.lock();
        match since.map(|since| now.saturating_duration_since(since)) {
            Some(waited) if waited > OPENING => SoundState::NoSound(
                "the sound device does not open; plug it in anew or choose another in the system's settings".into(),
            ),
            _ => self.sound.lock().clone(),
        }
    }
}

impl Alarm {
    /// Starts the alarm on a speaker, or without one in the state that says why.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(speaker: Result<Box<dyn Speaker>, SoundState>) -> Result<Self, AlarmError> {
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = bounded(1);
        let thread = match speaker {
            Err(state) => {
                *shared.sound.lock() = state;
                None
            }
            Ok(mut speaker) => {
                let shared = shared.clone();
                let body = move || run(&shared, speaker.as_mut(), &stopped);
                Some(thread("alarm", body).map_err(|NoThread(why)| AlarmError::Thread(why))?)
            }
        };
        Ok(Self { shared, stop: Some(stop), thread })
    }

    /// Gives an order; it is obeyed at once.
    pub fn order(&self, command: AlarmCommand) {
        let now = Instant::now();
        self.shared.control.lock().order(command, now);
        self.shared.apply(now);
    }

    /// Sounds as a judgement asks for.
    pub fn judged(&self, judgement: &Judgement) {
        self.order(match judgement.state {
            State::EyesOffRoad => AlarmCommand::OffRoad(judgement.level),
            _ => AlarmCommand::Level(judgement.level),
        });
    }

    /// Says that who gives orders is alive, and will say so again at once. From then on the
    /// alarm warns by itself when that stops.
    pub fn alive(&self) {
        *self.shared.alive.lock() = Some(Instant::now());
    }

    /// Says that nobody will give orders any more, and that this is well so.
    pub fn rest(&self) {
        *self.shared.alive.lock() = None;
    }

    /// How long nothing was heard of who gives orders, if that is too long; the alarm warns
    /// then.
    pub fn unanswered(&self) -> Option<Duration> {
        let now = Instant::now();
        let silence = self.shared.unanswered(now);
        if silence.is_some() {
            // Without a device there is no thread that would raise the level.
            self.shared.apply(now);
        }
        silence
    }

    /// What the alarm is doing.
    pub fn status(&self) -> AlarmStatus {
        let now = Instant::now();
        let sound = self.shared.sound(now);
        let control = self.shared.control.lock();
        AlarmStatus {
            sound,
            sounding: control.target(now).0,
            muted_until: control.muted_until(now),
            volume: control.volume(),
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        drop(self.stop.take());
        let Some(thread) = self.thread.take() else { return };
        // The thread catches its own panics; there is nothing to learn from its end.
        if join_within(thread, JOIN).is_none() {
            tracing::warn!("the sound device's driver does not come back and is left behind");
        }
    }
}

/// Keeps a device open until told to stop.
fn run(shared: &Shared, speaker: &mut dyn Speaker, stopped: &Receiver<()>) {
    loop {
        // A panic inside a sound library must not end the alarm.
        let why = match catch_unwind(AssertUnwindSafe(|| play(shared, speaker, stopped))) {
            Ok(None) => return,
            Ok(Some(why)) => why,
            Err(_) => "the sound library failed".into(),
        };
        *shared.opening.lock() = None;
        let state = SoundState::NoSound(why);
        let before = std::mem::replace(&mut *shared.sound.lock(), state.clone());
        if state != before {
            tracing::warn!("{state}");
        }
        let until = Instant::now() + RETRY;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            if stopped.recv_timeout(left.min(TICK)) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            shared.apply(Instant::now());
        }
    }
}

/// Opens the device and plays until told to stop (`None`) or until it fails (why).
fn play(shared: &Shared, speaker: &mut dyn Speaker, stopped: &Receiver<()>) -> Option<String> {
    *shared.opening.lock() = Some(Instant::now());
    let opened = speaker.open(&shared.voice);
    *shared.opening.lock() = None;
    let device = match opened {
        Ok(device) => device,
        Err(error) => return Some(error.to_string()),
    };
    *shared.sound.lock() = SoundState::Ready;
    let (mut played, mut moved) = (shared.voice.played(), Instant::now());
    while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        let now = Instant::now();
        shared.apply(now);
        if let Some(why) = device.failure() {
            return Some(why);
        }
        if shared.voice.played() != played {
            (played, moved) = (shared.voice.played(), now);
        } else if now.duration_since(moved) > STALLED {
            return Some("the sound device takes no sound any more; check its cable".into());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{alarm::sound::Voice, monitor::Level};
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    /// Absent at first, then there, then failing.
    struct Flaky {
        opened: Arc<AtomicU32>,
        panics: bool,
    }

    struct Fake(Arc<AtomicU32>, Mutex<Voice>);

    impl Speaker for Flaky {
        fn open(&mut self, control: &Arc<VoiceControl>) -> Result<Box<dyn Playing>, AlarmError> {
            self.opened.fetch_add(1, SeqCst);
            assert!(!self.panics, "a library's panic");
            Ok(Box::new(Fake(self.opened.clone(), Mutex::new(Voice::new(control.clone(), 8000)))))
        }
    }

    impl Playing for Fake {
        fn failure(&self) -> Option<String> {
            self.1.lock().by_ref().take(400).for_each(drop);
            (self.0.load(SeqCst) > 100).then(|| "unplugged".into())
        }
    }

    fn wait(what: &str, mut done: impl FnMut() -> bool) {
        for _ in 0..500 {
            if done() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{what} did not happen");
    }

    #[test]
    fn a_device_that_goes_is_told_and_played_on_when_it_returns() {
        let opened = Arc::new(AtomicU32::new(0));
        let speaker = Flaky { opened: opened.clone(), panics: false };
        let alarm = Alarm::start(Ok(Box::new(speaker))).unwrap();
        wait("ready", || alarm.status().sound == SoundState::Ready);
        alarm.order(AlarmCommand::Level(Level::Warning));
        assert_eq!(alarm.status().sounding, Level::Warning);
        let played = alarm.shared.voice.played();
        wait("playing", || alarm.shared.voice.played() > played);
        opened.store(200, SeqCst);
        wait("loss", || alarm.status().sound == SoundState::NoSound("unplugged".into()));
        // The warning that nobody could hear is heard as soon as the device is back.
        opened.store(0, SeqCst);
        wait("return", || alarm.status().sound == SoundState::Ready);
        assert_eq!(alarm.status().sounding, Level::Warning);
        let played = alarm.shared.voice.played();
        wait("playing on", || alarm.shared.voice.played() > played);
    }

    #[test]
    fn a_panic_in_the_library_is_a_state_and_orders_are_still_taken() {
        let speaker = Flaky { opened: Arc::default(), panics: true };
        let alarm = Alarm::start(Ok(Box::new(speaker))).unwrap();
        wait("told", || matches!(alarm.status().sound, SoundState::NoSound(_)));
        alarm.order(AlarmCommand::Mute);
        assert!(alarm.status().muted_until.is_some());
    }

    /// Opens when it is told to.
    struct Slow(Receiver<()>);

    impl Speaker for Slow {
        fn open(&mut self, _: &Arc<VoiceControl>) -> Result<Box<dyn Playing>, AlarmError> {
            let _ = self.0.recv();
            Err(AlarmError::Open("it was asleep".into()))
        }
    }

    #[test]
    fn a_device_that_does_not_open_is_told_and_does_not_keep_the_program_from_ending() {
        let (wake, asleep) = bounded(1);
        let alarm = Alarm::start(Ok(Box::new(Slow(asleep)))).unwrap();
        let no_sound = |word: &str| match alarm.status().sound {
            SoundState::NoSound(why) => why.contains(word),
            _ => false,
        };
        wait("told", || no_sound("does not open"));
        wake.send(()).unwrap();
        wait("the driver's own words", || no_sound("asleep"));
        wait("another try", || no_sound("does not open"));
        let shared = Arc::downgrade(&alarm.shared);
        drop(alarm);
        assert_eq!(shared.strong_count(), 1, "only the thread in the driver is left behind");
        drop(wake);
    }

    #[test]
    fn an_alarm_that_hears_nothing_of_the_judge_warns_by_itself() {
        let speakers: [Result<Box<dyn Speaker>, SoundState>; 2] =
            [Ok(Box::new(Flaky { opened: Arc::default(), panics: false })), Err(SoundState::Off)];
        for speaker in speakers {
            let alarm = Alarm::start(speaker).unwrap();
            assert_eq!((alarm.unanswered(), alarm.status().sounding), (None, Level::None));
            alarm.alive();
            wait("the warning", || {
                alarm.unanswered().is_some() && alarm.status().sounding == Level::Warning
            });
            // It comes back, and what it orders counts.
            alarm.alive();
            alarm.order(AlarmCommand::Level(Level::None));
            assert_eq!((alarm.unanswered(), alarm.status().sounding), (None, Level::None));
            // A sleeper's alarm is not made softer.
            alarm.order(AlarmCommand::Level(Level::Critical));
            wait("silence", || alarm.unanswered().is_some());
            assert_eq!(alarm.status().sounding, Level::Critical);
            alarm.rest();
            assert_eq!(alarm.unanswered(), None, "who has ended is not missed");
        }
    }

    #[test]
    fn without_a_device_the_state_says_so_and_mute_still_works() {
        let alarm = Alarm::start(Err(SoundState::NotBuilt)).unwrap();
        alarm.order(AlarmCommand::Level(Level::Warning));
        alarm.order(AlarmCommand::Mute);
        let status = alarm.status();
        assert_eq!((status.sound, status.sounding), (SoundState::NotBuilt, Level::None));
    }
}
