//! The running watch: capture, vision and judge on a thread each, the alarm on its own.
//!
//! ```text
//! capture ──(1, newest wins)──▶ vision ──(2)──▶ judge ──▶ alarm, logs, Snapshot
//!    ▲                            └──notices──────▲  ▲
//!    └───────────────orders───────────────────────┘  └──commands── window
//! ```
//!
//! The judge is the middle: it alone writes the snapshot, and it looks at the clock even
//! when nothing comes, so that a stalled camera is told within two seconds. A thread that
//! panics is told and begins anew, later the more often that happens. Should the judge
//! itself be stuck, the alarm warns and [`Live::snapshot`] says so.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::AtomicU64},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, never};

use super::{
    Command, Entry, Event, LiveError, LiveOptions, Parts, Snapshot, Summary,
    capture::{Capture, Notice, Order, words_of},
    judge::Judge,
    publish::{ProblemSource, Publisher},
    recorder::Recorder,
    snapshot::Shared,
    vision::{Eyes, Seen},
};
use crate::{
    alarm::{Alarm, AlarmCommand},
    background::{Waker, thread},
    monitor::{Judgement, Level, State},
    os::join_within,
    record::{Noted, RecordError},
};

/// How often the judge looks at the clock when nothing comes.
const TICK: Duration = Duration::from_millis(100);
/// A camera that gives nothing for so long is lost. With the tick and one inference that
/// stays below the two seconds within which a stalled camera must be told.
const LOST: Duration = Duration::from_millis(1500);
/// The same before a source's first frame: a camera takes a second or two to wake.
const OPENING: Duration = Duration::from_millis(2500);
/// Pause after a panic, times how many there were in a row, and the longest. The judge's
/// is also how long a warning sounds at least.
const BACK_OFF: Duration = Duration::from_millis(500);
const BACK_OFF_MOST: Duration = Duration::from_secs(2);
/// After so long without another, a panic is the first again.
const FORGIVEN: Duration = Duration::from_secs(60);
/// How long a thread is waited for at the end; one that is stuck in a driver is left.
const JOIN: Duration = Duration::from_secs(3);

/// A running watch. Dropping it stops it.
#[derive(Debug)]
pub struct Live {
    shared: Shared,
    commands: Sender<Command>,
    judge: Option<JoinHandle<(Summary, Option<RecordError>)>>,
    /// Held here too, so that it sounds on when the judge has crashed, and tells when
    /// nothing is heard of it.
    alarm: Arc<Alarm>,
    others: Vec<JoinHandle<()>>,
}

impl Live {
    /// Loads the models, opens the logs and starts the threads. The source is opened on
    /// its own thread: a camera can take seconds, and one that is missing is a
    /// [`problem`](Snapshot::problem) in the snapshot, not an error here.
    ///
    /// # Errors
    /// When a model cannot be loaded, a log cannot be written or a thread not started.
    pub fn start(options: LiveOptions) -> Result<Self, LiveError> {
        let parts = Parts::system(&options);
        Self::start_with(options, parts)
    }

    /// The same with other parts of the world.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(options: LiveOptions, parts: Parts) -> Result<Self, LiveError> {
        let recorder = Recorder::beside(&options)?;
        Self::start_recording(options, parts, recorder, None)
    }

    /// The same with logs that are open, and every event told on a channel, too.
    pub(super) fn start_recording(
        options: LiveOptions,
        mut parts: Parts,
        recorder: Recorder,
        tell: Option<Sender<Entry>>,
    ) -> Result<Self, LiveError> {
        let vision = (parts.open_vision)()?;
        let info = vision.info();
        let judge = Judge::new(&options.monitor, options.open.mounting, recorder);
        let alarm = Arc::new(Alarm::start(parts.speaker)?);
        alarm.order(AlarmCommand::Volume(options.volume));

        let (frames, newest) = bounded(1);
        let (seen_out, seen) = bounded(2);
        let (notices_out, notices) = bounded(16);
        let (orders_out, orders) = bounded(4);
        let (reload_out, reload) = bounded(1);
        let (commands_out, commands) = bounded(32);
        let dropped = Arc::new(AtomicU64::new(0));
        let live = options.source.is_camera();
        let capture = Capture {
            open: parts.open_source,
            spec: options.source,
            pace: options.pace,
            orders,
            frames,
            stale: newest.clone(),
            notices: notices_out.clone(),
            dropped: dropped.clone(),
        };
        let eyes = Eyes {
            open: parts.open_vision,
            vision,
            frames: newest,
            reload,
            seen: seen_out,
            notices: notices_out,
        };
        let shared = Shared::default();
        let publisher = Publisher::new(shared.clone(), options.waker.clone(), dropped, info);
        let mut state = JudgeState {
            judge,
            alarm: alarm.clone(),
            publisher,
            orders: orders_out,
            reload: reload_out,
            session: None,
            live,
            delivers: false,
            ended: false,
            last: Instant::now(),
            tell,
            crashed: None,
        };
        state.publisher.alarm(alarm.status());
        state.publisher.publish();
        let (told, waker, held) = (shared.clone(), options.waker, alarm.clone());
        let judging = move || {
            let (mut crashes, mut began) = (0, Instant::now());
            loop {
                let panic = match catch_unwind(AssertUnwindSafe(|| {
                    state.run(&seen, &notices, &commands)
                })) {
                    Ok(ended) => return ended,
                    Err(panic) => panic,
                };
                crashes = if began.elapsed() > FORGIVEN { 1 } else { crashes + 1 };
                let why = format!("the judge crashed ({}) and was restarted", words_of(&*panic));
                mourn(&told, waker.as_ref(), &alarm, &why);
                std::thread::sleep((BACK_OFF * crashes).min(BACK_OFF_MOST));
                began = Instant::now();
                state.crashed = Some(why);
            }
        };
        let judge = thread("judge", judging)?;
        let others = vec![thread("vision", || eyes.run())?, thread("capture", || capture.run())?];
        Ok(Self { shared, commands: commands_out, judge: Some(judge), alarm: held, others })
    }

    /// The latest of everything; that nothing is judged any more, if so.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        let latest = self.shared.lock().clone();
        let Some(silence) = self.alarm.unanswered().filter(|_| !latest.ended) else {
            return latest;
        };
        let seconds = silence.as_secs_f32();
        let why = format!("nothing has been judged for {seconds:.1} s; start the program again");
        let mut stuck = blind(&latest, &why);
        (stuck.sounding, stuck.muted_until) = {
            let status = self.alarm.status();
            (status.sounding, status.muted_until)
        };
        Arc::new(stuck)
    }

    /// Asks for something; never waits.
    pub fn send(&self, command: Command) {
        match self.commands.try_send(command) {
            Ok(()) => {}
            // The judge is stuck or gone; the snapshot shows that by standing still.
            Err(TrySendError::Full(command) | TrySendError::Disconnected(command)) => {
                tracing::warn!("{command:?} came too late");
            }
        }
    }

    /// Stops and waits for every thread.
    pub fn stop(mut self) -> Summary {
        self.finish().0
    }

    /// The same, and why a log is not complete, if it is not.
    pub(super) fn finish(&mut self) -> (Summary, Option<RecordError>) {
        // Dropped after a stop: nobody is left to be told.
        let Some(judge) = self.judge.take() else { return Default::default() };
        self.send(Command::Stop);
        let ended = join(judge).unwrap_or_default();
        for thread in self.others.drain(..) {
            let _ = join(thread);
        }
        self.alarm.rest();
        ended
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.finish();
    }
}

/// What a thread has to say at its end, if it ends in time and without a panic.
fn join<T>(thread: JoinHandle<T>) -> Option<T> {
    let name = thread.thread().name().unwrap_or_default().to_owned();
    let ended = join_within(thread, JOIN);
    if ended.is_none() {
        tracing::warn!("the {name} thread does not end and is left behind");
    }
    ended?.ok()
}

/// The judge itself has crashed: what it can still do is to say so, aloud.
fn mourn(shared: &Shared, waker: Option<&Waker>, alarm: &Alarm, why: &str) {
    tracing::error!("{why}");
    alarm.alive();
    alarm.order(AlarmCommand::Level(Level::Warning));
    let mut latest = shared.lock();
    let mut snapshot = blind(&latest, why);
    snapshot.sounding = alarm.status().sounding;
    *latest = Arc::new(snapshot);
    drop(latest);
    if let Some(waker) = waker {
        // Perhaps it was the waker that has crashed.
        let _ = catch_unwind(AssertUnwindSafe(|| waker()));
    }
}

/// A snapshot that shows that nothing is judged.
fn blind(latest: &Snapshot, why: &str) -> Snapshot {
    let mut snapshot = Snapshot::clone(latest);
    snapshot.judgement = Judgement {
        at: snapshot.judgement.at,
        state: State::CameraLost,
        level: Level::Warning,
        why: "nothing is judged".into(),
        ..Judgement::default()
    };
    (snapshot.face, snapshot.crop, snapshot.reading) = (None, None, None);
    snapshot.unreadable = None;
    let told = snapshot.problem.iter().map(String::as_str).chain([why]);
    snapshot.problem = Some(told.collect::<Vec<_>>().join("; "));
    snapshot
}

/// What the judge thread works with.
struct JudgeState {
    judge: Judge,
    alarm: Arc<Alarm>,
    publisher: Publisher,
    orders: Sender<Order>,
    /// Asks the vision thread to load its models again.
    reload: Sender<()>,
    /// The source being watched; `None` before the first.
    session: Option<u32>,
    live: bool,
    /// Whether a frame has come of it.
    delivers: bool,
    ended: bool,
    /// When the last sighting came, or the source was asked for.
    last: Instant,
    /// Who is told of events, beside the log.
    tell: Option<Sender<Entry>>,
    /// That it has crashed, until it has begun anew.
    crashed: Option<String>,
}

impl JudgeState {
    /// Judges until told to stop.
    fn run(
        &mut self,
        seen: &Receiver<Seen>,
        notices: &Receiver<Notice>,
        commands: &Receiver<Command>,
    ) -> (Summary, Option<RecordError>) {
        if let Some(why) = self.crashed.take() {
            // What was known of the driver may be half written.
            self.judge.begin();
            (self.delivers, self.last) = (false, Instant::now());
            self.publisher.problem(ProblemSource::Judge, Some(why));
        }
        let (no_seen, no_notices) = (never(), never());
        let (mut seen, mut notices) = (seen, notices);
        loop {
            self.alarm.alive();
            // Notices first: a source is announced before its frames.
            crossbeam_channel::select_biased! {
                recv(commands) -> command => match command {
                    Ok(command) => if !self.obey(command) { break },
                    // The window is gone without a word.
                    Err(_) => break,
                },
                recv(notices) -> notice => match notice {
                    Ok(notice) => self.note(notice),
                    Err(_) => notices = &no_notices,
                },
                recv(seen) -> sighting => match sighting {
                    Ok(sighting) => self.see(sighting),
                    Err(_) => {
                        seen = &no_seen;
                        self.note(Notice::VisionFailed {
                            why: "the face models have stopped; start the program again".into(),
                        });
                    }
                },
                default(TICK) => {}
            }
            self.look_at_the_clock();
            self.publisher.alarm(self.alarm.status());
            self.publisher.publish();
        }
        // The capture thread also stops when this end of the channel is dropped.
        let _ = self.orders.try_send(Order::Stop);
        self.judge.finish();
        self.tell(None);
        self.alarm.order(AlarmCommand::Level(Level::None));
        self.publisher.alarm(self.alarm.status());
        self.alarm.rest();
        self.publisher.ended(true);
        self.publisher.publish();
        (self.judge.summary(), self.judge.take_failure())
    }

    /// Obeys the window; false = stop.
    fn obey(&mut self, command: Command) -> bool {
        match command {
            Command::Mute => self.alarm.order(AlarmCommand::Mute),
            Command::Unmute => self.alarm.order(AlarmCommand::Unmute),
            Command::Volume(volume) => self.alarm.order(AlarmCommand::Volume(volume)),
            Command::TestTone(level) => self.alarm.order(AlarmCommand::TestTone(level)),
            Command::Acknowledge => self.judge.acknowledge(),
            Command::Relearn => self.judge.relearn(),
            Command::Thresholds(settings) => self.judge.retune(&settings),
            Command::Reload => {
                // One that is still to be obeyed does as well.
                let _ = self.reload.try_send(());
            }
            Command::Switch(spec) => {
                if self.orders.try_send(Order::Switch(spec)).is_err() {
                    self.publisher.problem(
                        ProblemSource::Source,
                        Some("the source does not answer; start the program again".into()),
                    );
                }
            }
            Command::Stop => return false,
        }
        true
    }

    fn note(&mut self, notice: Notice) {
        match notice {
            Notice::Opened { session, info } => {
                self.enter(session);
                self.live = info.live;
                self.ended = false;
                self.publisher.ended(false);
                self.publisher.problem(ProblemSource::Source, None);
                self.publisher.source(info);
            }
            Notice::Ended { session } => {
                self.enter(session);
                self.end();
            }
            Notice::SourceFailed { session, why, retried } => {
                self.enter(session);
                self.publisher.problem(ProblemSource::Source, Some(why));
                // What comes back is a camera, even if it was never there.
                self.live = retried;
                if !retried {
                    self.end();
                }
            }
            Notice::Reloaded { info } => {
                self.publisher.vision(info);
                self.publisher.problem(ProblemSource::Models, None);
            }
            Notice::Changed { info } => self.publisher.vision(info),
            Notice::NotReloaded { why } => self.publisher.problem(ProblemSource::Models, Some(why)),
            Notice::VisionFailed { why } => {
                self.publisher.problem(ProblemSource::Vision, Some(why));
            }
        }
    }

    /// Begins anew when the source is another one than before.
    fn enter(&mut self, session: u32) {
        if self.session != Some(session) {
            self.session = Some(session);
            (self.delivers, self.ended) = (false, false);
            self.last = Instant::now();
            self.judge.begin();
            self.publisher.begin();
            self.alarm.order(AlarmCommand::Level(Level::None));
        }
    }

    /// The source is over: nothing is watched, nothing is alarming.
    fn end(&mut self) {
        self.ended = true;
        self.publisher.ended(true);
        self.alarm.order(AlarmCommand::Level(Level::None));
    }

    fn see(&mut self, seen: Seen) {
        if self.session != Some(seen.session) {
            return;
        }
        (self.last, self.delivers) = (Instant::now(), true);
        let (judgement, event) = self.judge.see(&seen.sighting, seen.detector_calls);
        self.tell(event);
        if !self.ended {
            self.alarm.judged(&judgement);
        }
        self.publisher.problem(ProblemSource::Vision, None);
        let black = self.judge.black();
        let noted = self.judge.noted();
        let turned = noted.rotate.map(|turn| Noted::turned(turn).trim_end_matches('.').to_owned());
        self.publisher.problem(ProblemSource::Picture, black.map(Into::into).or(turned));
        self.publisher.sighting(seen, judgement, &self.judge.summary());
        self.tell_log();
    }

    /// A camera that gives nothing is lost, and so is sight when the models fail.
    fn look_at_the_clock(&mut self) {
        let since = self.last.elapsed();
        let told = [ProblemSource::Source, ProblemSource::Vision]
            .iter()
            .any(|&of| self.publisher.has_problem(of));
        let due = if self.delivers || told { LOST } else { OPENING };
        let expected = self.live || self.publisher.has_problem(ProblemSource::Vision);
        if expected && !self.ended && since > due {
            let (judgement, event) = self.judge.lost(since);
            self.tell(event);
            self.alarm.judged(&judgement);
            self.publisher.lost(judgement, &self.judge.summary());
            self.tell_log();
        }
    }

    fn tell(&self, event: Option<Event>) {
        let Some(out) = &self.tell else { return };
        let happened = self.judge.happened().iter().copied().map(Entry::Happened);
        for entry in happened.chain(event.map(|event| Entry::Change(Box::new(event)))) {
            // Who does not listen is not waited for: the judgement goes on.
            let _ = out.try_send(entry);
        }
    }

    fn tell_log(&mut self) {
        self.publisher.problem(ProblemSource::Log, self.judge.failure());
    }
}

#[cfg(test)]
#[path = "threads_tests.rs"]
mod tests;
