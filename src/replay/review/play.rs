//! The player: reads a recording on a thread of its own, holds frames back until they are
//! due, and shows the newest. It is asked to play, stop, step and search, and answers by
//! what it [`Shown`]s.

use std::{
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;

use crate::{
    background::{self, Waker},
    frame::Frame,
    source::{self, OpenOptions, Source, SourceError, SourceSpec},
};

/// While nothing is due, orders are looked for this often at least.
const REST: Duration = Duration::from_millis(500);
/// A search accepts a frame that begins so much before the wanted time.
const NEAR: Duration = Duration::from_millis(4);

/// How fast is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times as fast as recorded.
    Times(f32),
    /// As fast as can be.
    Fast,
}

impl Speed {
    /// What can be chosen.
    pub const ALL: [Speed; 7] = [
        Speed::Times(0.25),
        Speed::Times(0.5),
        Speed::Times(1.0),
        Speed::Times(2.0),
        Speed::Times(4.0),
        Speed::Times(8.0),
        Speed::Fast,
    ];
}

/// What the player shows.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// The picture; `None` before the first.
    pub frame: Option<Frame>,
    /// Its media time, seconds.
    pub at: f64,
    /// Length of the recording as far as its head or its reading tells, seconds.
    pub seconds: f64,
    /// Time goes on.
    pub playing: bool,
    /// A time is being searched.
    pub searching: bool,
    /// The end is reached.
    pub ended: bool,
    /// Why there is no picture, one sentence.
    pub problem: Option<String>,
}

#[derive(Clone, Copy)]
enum Order {
    Play(bool),
    Speed(Speed),
    Seek(Duration),
    Step,
}

/// A player. Dropping it ends its thread.
#[derive(Debug)]
pub struct Player {
    orders: Sender<Order>,
    shared: Arc<Mutex<Shown>>,
    _thread: Option<JoinHandle<()>>,
}

impl Player {
    pub(super) fn start(spec: SourceSpec, options: OpenOptions, waker: Waker) -> Self {
        let (orders, asked) = bounded(16);
        // It plays from the first moment: a key that stops it may come before its thread runs.
        let shared = Arc::new(Mutex::new(Shown { playing: true, ..Shown::default() }));
        let mut worker = Worker {
            spec,
            options,
            shared: shared.clone(),
            waker,
            source: None,
            next: None,
            step: Duration::from_millis(33),
            speed: Speed::Times(1.0),
            playing: true,
            from: (Instant::now(), Duration::ZERO),
        };
        let thread = background::thread("player", move || worker.run(&asked));
        if let Err(why) = &thread {
            shared.lock().problem = Some(why.to_string());
        }
        Self { orders, shared, _thread: thread.ok() }
    }

    /// What it shows now.
    pub fn shown(&self) -> Shown {
        self.shared.lock().clone()
    }

    /// Lets time go on, or stops it.
    pub fn play(&self, on: bool) {
        self.order(Order::Play(on));
    }

    /// Plays so fast from now on.
    pub fn speed(&self, speed: Speed) {
        self.order(Order::Speed(speed));
    }

    /// Goes to a time in seconds.
    pub fn seek(&self, at: f64) {
        let at = Duration::try_from_secs_f64(at.max(0.0)).unwrap_or_default();
        self.order(Order::Seek(at));
    }

    /// Stops, and goes one frame on or back.
    pub fn step(&self, on: bool) {
        if on {
            return self.order(Order::Step);
        }
        let shown = self.shown();
        let step = shown.frame.as_ref().filter(|frame| frame.index > 0);
        let step = step.map_or(0.0, |frame| shown.at / frame.index as f64);
        self.order(Order::Play(false));
        self.seek(shown.at - step.clamp(0.0, 0.5));
    }

    /// Never waits: who asks sixteen times before the player looks is not heard again.
    fn order(&self, order: Order) {
        let _ = self.orders.try_send(order);
    }
}

struct Worker {
    spec: SourceSpec,
    options: OpenOptions,
    shared: Arc<Mutex<Shown>>,
    waker: Waker,
    source: Option<Box<dyn Source>>,
    /// The frame after the one that is shown.
    next: Option<Frame>,
    /// Nominal distance of two frames.
    step: Duration,
    speed: Speed,
    playing: bool,
    /// Since when, and from which media time, is played.
    from: (Instant, Duration),
}

impl Worker {
    fn run(&mut self, orders: &Receiver<Order>) {
        self.search(Duration::ZERO);
        loop {
            let wait = self.wait();
            let order = match wait.is_zero() {
                true => orders.try_recv().map_err(|error| error.is_disconnected()),
                false => orders
                    .recv_timeout(wait)
                    .map_err(|error| error == RecvTimeoutError::Disconnected),
            };
            match order {
                Ok(order) => self.obey(order, orders),
                Err(true) => return,
                Err(false) if self.is_due() => self.advance(),
                Err(false) => {}
            }
        }
    }

    /// How long the next frame is held back.
    fn wait(&self) -> Duration {
        let Some(next) = self.next.as_ref().filter(|_| self.playing) else { return REST };
        match self.speed {
            Speed::Fast => Duration::ZERO,
            Speed::Times(times) => {
                let (since, at) = self.from;
                let ahead = next.at.saturating_sub(at).as_secs_f64() / f64::from(times.max(0.01));
                let due = Duration::try_from_secs_f64(ahead).unwrap_or_default();
                due.saturating_sub(since.elapsed()).min(REST)
            }
        }
    }

    fn is_due(&self) -> bool {
        self.playing && self.next.is_some() && self.wait().is_zero()
    }

    fn obey(&mut self, order: Order, orders: &Receiver<Order>) {
        match order {
            Order::Play(on) => {
                self.playing = on;
                // From its end a recording begins again.
                if on && self.next.is_none() {
                    self.search(Duration::ZERO);
                }
                self.begin();
            }
            Order::Speed(speed) => {
                self.speed = speed;
                self.begin();
            }
            Order::Step => {
                self.playing = false;
                self.advance();
            }
            Order::Seek(mut at) => {
                // Of searches that follow each other quickly only the last counts.
                let mut left = Vec::new();
                while let Ok(order) = orders.try_recv() {
                    match order {
                        Order::Seek(later) => at = later,
                        other => left.push(other),
                    }
                }
                self.shared.lock().searching = true;
                self.search(at);
                left.into_iter().for_each(|order| self.obey(order, orders));
            }
        }
        self.tell();
    }

    /// Time counts from here.
    fn begin(&mut self) {
        let at = self.shared.lock().at;
        self.from = (Instant::now(), Duration::try_from_secs_f64(at).unwrap_or_default());
    }

    /// Shows the frame at a time, or the last one before the end.
    fn search(&mut self, at: Duration) {
        let shown = self.shared.lock().clone();
        let ahead = self
            .next
            .as_ref()
            .is_some_and(|next| next.at <= at + NEAR && at < next.at + Duration::from_secs(2));
        if !ahead {
            self.next = None;
            match source::open_at(&self.spec, &self.options, at) {
                Ok(source) => {
                    let info = source.info();
                    if let Some(fps) = info.fps.filter(|fps| *fps > 0.0) {
                        self.step = Duration::from_secs_f32(1.0 / fps);
                    }
                    if let Some(frames) = info.frames {
                        self.shared.lock().seconds = self.step.as_secs_f64() * frames as f64;
                    }
                    self.source = Some(source);
                }
                Err(why) => return self.fail(&why),
            }
        }
        let mut found = self.next.take();
        loop {
            match self.read() {
                Some(frame) if frame.at <= at + NEAR || found.is_none() => found = Some(frame),
                after => {
                    self.next = after;
                    break;
                }
            }
        }
        match found.or(shown.frame) {
            Some(frame) => self.show(frame),
            None => self.tell(),
        }
        self.begin();
    }

    /// Shows the next frame and reads the one after it.
    fn advance(&mut self) {
        if let Some(frame) = self.next.take() {
            self.show(frame);
            self.next = self.read();
        }
        if self.next.is_none() {
            self.playing = false;
        }
        self.tell();
    }

    fn read(&mut self) -> Option<Frame> {
        match self.source.as_mut()?.next_frame() {
            Ok(frame) => frame,
            Err(why) => {
                self.source = None;
                self.fail(&why);
                None
            }
        }
    }

    fn show(&mut self, frame: Frame) {
        let mut shown = self.shared.lock();
        shown.at = frame.at.as_secs_f64();
        shown.seconds = shown.seconds.max(shown.at);
        shown.frame = Some(frame);
        drop(shown);
        self.tell();
    }

    fn fail(&mut self, why: &SourceError) {
        self.playing = false;
        self.shared.lock().problem = Some(why.to_string());
        self.tell();
    }

    fn tell(&self) {
        let mut shown = self.shared.lock();
        (shown.playing, shown.searching) = (self.playing, false);
        shown.ended = self.next.is_none();
        drop(shown);
        (self.waker)();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn player() -> Player {
        let options = OpenOptions { width: 96, height: 72, fps: 30.0, ..OpenOptions::default() };
        let source = SourceSpec::Demo(Some("asleep".into()));
        Player::start(source, options, Arc::new(|| {}))
    }

    fn until(player: &Player, holds: impl Fn(&Shown) -> bool) -> Shown {
        (0..2000)
            .find_map(|_| {
                std::thread::sleep(Duration::from_millis(5));
                Some(player.shown()).filter(|shown| holds(shown))
            })
            .unwrap_or_else(|| panic!("{:?}", player.shown()))
    }

    #[test]
    fn it_is_searched_stepped_and_played_to_its_end() {
        let player = player();
        player.play(false);
        player.seek(12.0);
        let shown = until(&player, |shown| !shown.playing && shown.at > 11.9);
        assert!((shown.at - 12.0).abs() < 0.04, "{}", shown.at);
        player.step(true);
        let next = until(&player, |next| next.at > shown.at);
        assert!((next.at - shown.at - 1.0 / 30.0).abs() < 1e-3, "{}", next.at);
        player.step(false);
        until(&player, |back| (back.at - shown.at).abs() < 1e-3);
        assert!(next.seconds > 15.0);
        player.seek(next.seconds - 0.5);
        player.speed(Speed::Fast);
        player.play(true);
        let end = until(&player, |shown| shown.ended && !shown.playing);
        assert!(end.at > next.seconds - 0.1, "{} of {}", end.at, end.seconds);
        player.seek(1.0);
        until(&player, |shown| (shown.at - 1.0).abs() < 0.04);
    }

    #[test]
    fn what_cannot_be_opened_is_told() {
        let source = SourceSpec::Path("no/such.mp4".into());
        let player = Player::start(source, OpenOptions::default(), Arc::new(|| {}));
        let shown = until(&player, |shown| shown.problem.is_some());
        assert!(shown.problem.unwrap().contains("no/such.mp4"));
        player.play(true);
        player.step(true);
        assert!(player.shown().frame.is_none());
    }
}
