//! The window itself: it opens the session on a thread of its own, looks at the newest
//! [`Snapshot`] when it is woken, and passes on what the user asks for. It never waits:
//! not for the camera, the models, the sound or the end of an old session.

mod photo;
mod told;

use std::{collections::VecDeque, path::PathBuf, sync::Arc, time::Duration};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use crossbeam_channel::{Receiver, TryRecvError, bounded};
use eframe::egui::{Context, Ui, ViewportCommand};

pub(super) use photo::Screenshot;

use super::{
    actions::{Action, Request, Tab},
    context::{AppContext, Failure, Page},
    preferences::{self, Preferences, Store},
    screen::{self, Screen},
    setup::Step,
    text,
};
use crate::{
    background,
    frame::Mounting,
    infer::Device,
    live::{Command, Live, LiveOptions, PipelineOptions, Snapshot, words_of},
    monitor::{Level, Settings, State},
    source::{
        OpenOptions, SourceSpec,
        preview::{Cameras, Preview},
    },
};

/// How often the window looks without being woken, for countdowns and a stalled source.
const IDLE: Duration = Duration::from_millis(250);

/// A running session, as the window needs it.
pub(super) trait Session: Send {
    /// The latest of everything; never waits.
    fn snapshot(&self) -> Arc<Snapshot>;
    /// Asks for something; never waits.
    fn send(&self, command: Command);
    /// Ends it, and waits for its threads.
    fn stop(self: Box<Self>);
}

/// Opens sessions: called on a thread of its own, with what to watch and how; the waker
/// in the options wakes the window when there is something new.
pub(super) type Opener =
    dyn Fn(&LiveOptions) -> Result<Box<dyn Session>, Failure> + Send + Sync + 'static;

impl Session for Live {
    fn snapshot(&self) -> Arc<Snapshot> {
        Live::snapshot(self)
    }

    fn send(&self, command: Command) {
        Live::send(self, command);
    }

    fn stop(self: Box<Self>) {
        Live::stop(*self);
    }
}

enum Stage {
    Opening(Receiver<Result<Box<dyn Session>, Failure>>),
    Failed(Failure),
    Watching(Box<dyn Session>),
    /// What was watched is being ended; the channel closes with that.
    Ending(Receiver<()>),
    /// Nothing is watched: a camera is being chosen.
    Resting,
}

/// The eframe application.
pub(super) struct Window {
    opener: Arc<Opener>,
    /// As the command line says; what the user has chosen is put over it.
    base: LiveOptions,
    monitor_from_file: bool,
    volume_given: bool,
    stage: Stage,
    pub(super) screen: Screen,
    /// What of the preferences is in force, and the thresholds that follow from it.
    applied: Preferences,
    monitor: Settings,
    store: Store,
    cameras: Cameras,
    notice: Option<String>,
    /// When the stage was entered: the screenshot counts from there.
    since: Instant,
    /// The state in the title, and the level that was last called attention to.
    told: (State, Level),
    screenshot: Option<Screenshot>,
    /// How long the last passes took, seconds; for the log at the end.
    passes: VecDeque<f32>,
}

/// So many passes are remembered: some minutes.
const PASSES: usize = 8192;

/// With what a window begins.
#[derive(Default)]
pub(super) struct Start {
    /// What to watch and how.
    pub(super) live: LiveOptions,
    /// The thresholds in it come from a file and overrule the settings.
    pub(super) monitor_from_file: bool,
    /// The volume in it was asked for and overrules the settings.
    pub(super) volume_given: bool,
    /// What the user has chosen before.
    pub(super) preferences: Preferences,
    /// Where that is kept.
    pub(super) store: Store,
    /// What was wrong with it, one sentence.
    pub(super) notice: Option<String>,
    /// The first screen.
    pub(super) tab: Tab,
    /// The page of the set-up to begin with, if it is shown.
    pub(super) setup: Option<Step>,
    /// The cameras that it shows.
    pub(super) cameras: Cameras,
    /// What to replay there.
    pub(super) replay: Option<SourceSpec>,
    /// What to measure on there.
    pub(super) measure: Option<PathBuf>,
    /// Settings to train with there.
    #[cfg(feature = "train")]
    pub(super) train: Option<PathBuf>,
    /// A picture to take.
    pub(super) screenshot: Option<Screenshot>,
}

impl Window {
    /// A window that begins to watch at once.
    pub(super) fn new(ctx: &Context, opener: Arc<Opener>, start: Start) -> Self {
        let mut screen = Screen::new(start.preferences.clone(), start.tab);
        screen.cameras = start.cameras.clone();
        if let Some(step) = start.setup {
            screen.set_up(step);
        }
        screen::dress(ctx, &start.preferences);
        let mut window = Self {
            opener,
            base: start.live,
            monitor_from_file: start.monitor_from_file,
            volume_given: start.volume_given,
            stage: Stage::Resting,
            cameras: start.cameras,
            monitor: Settings::default(),
            applied: start.preferences,
            store: start.store,
            notice: start.notice,
            since: Instant::now(),
            told: (State::Starting, Level::None),
            screenshot: start.screenshot,
            passes: VecDeque::new(),
            screen: Screen::new(Preferences::default(), Tab::Watch),
        };
        window.monitor = window.thresholds();
        screen.metrics.data = start.measure;
        if screen.metrics.data.is_some() {
            screen.metrics.measure(ctx, &window.context());
        }
        #[cfg(feature = "train")]
        if let Some(settings) = start.train {
            screen.training.begin(ctx, settings);
        }
        if let Some(source) = &start.replay {
            screen.replay.open(ctx, source, &window.context());
        }
        window.screen = screen;
        // At the first page of the set-up, the cameras are looked at instead.
        if start.setup != Some(Step::Camera) {
            window.open(ctx);
        }
        window
    }

    /// The options of a session: the command line's, and what the user has chosen.
    fn options(&self) -> LiveOptions {
        let chosen = &self.applied;
        let mut options = LiveOptions { monitor: self.monitor, ..self.base.clone() };
        if !self.volume_given {
            options.volume = chosen.volume;
        }
        // What was asked for at the start is among the choices.
        options.open.mounting = chosen.mounting();
        options.pipeline.seat = chosen.seat;
        let asked = OpenOptions { mounting: Mounting::default(), ..self.base.open };
        if asked == OpenOptions::default() {
            [options.open.width, options.open.height] = chosen.camera_size;
        }
        let runtime = &mut options.pipeline.runtime;
        if runtime.device == Device::Auto {
            runtime.device = chosen.device;
        }
        if chosen.keep_events && options.events.is_none() {
            options.events = preferences::events_file_to_write();
        }
        options
    }

    /// The thresholds that count.
    fn thresholds(&self) -> Settings {
        match self.monitor_from_file {
            true => self.base.monitor,
            false => self.applied.monitor(),
        }
    }

    fn context(&self) -> AppContext {
        let problem = self.store.problem();
        AppContext {
            source: self.base.source.clone(),
            monitor: self.monitor,
            monitor_from_file: self.monitor_from_file,
            pipeline: PipelineOptions { seat: self.base.pipeline.seat, ..self.options().pipeline },
            mounting: self.base.open.mounting,
            notice: self.notice.clone().or(problem),
        }
    }

    /// Takes over a session that has been opened, and remembers what it says.
    pub(super) fn look(&mut self, ctx: &Context) -> Page {
        if let Stage::Opening(opened) = &self.stage {
            match opened.try_recv() {
                Ok(Ok(session)) => self.enter(Stage::Watching(session)),
                Ok(Err(failure)) => self.enter(Stage::Failed(failure)),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => {
                    let why = text::start::NO_ANSWER.to_owned();
                    self.enter(Stage::Failed(Failure { no_camera: false, why }));
                }
            }
        }
        if let Stage::Ending(ended) = &self.stage
            && ended.try_recv() == Err(TryRecvError::Disconnected)
        {
            self.enter(Stage::Resting);
        }
        match &self.stage {
            Stage::Opening(_) | Stage::Ending(_) => Page::Opening,
            Stage::Resting => Page::Resting,
            Stage::Failed(failure) => Page::Failed(failure.clone()),
            Stage::Watching(session) => {
                let snapshot = session.snapshot();
                self.screen.remember(&snapshot, &self.monitor);
                self.tell(ctx, snapshot.judgement.state, snapshot.judgement.level);
                match Failure::to_begin(&snapshot) {
                    Some(failure) => Page::Failed(failure),
                    None => Page::Watching(snapshot),
                }
            }
        }
    }

    /// Looks and draws. A mistake in the drawing must not end the watch, which runs on
    /// threads of its own: it is told, and the screens begin anew.
    pub(super) fn pass(&mut self, ui: &mut Ui) {
        let drawn = catch_unwind(AssertUnwindSafe(|| {
            let page = self.look(ui.ctx());
            self.draw(ui, &page);
        }));
        if let Err(panic) = drawn {
            let why = text::start::not_drawn(words_of(&*panic));
            if self.notice.as_ref() != Some(&why) {
                tracing::error!("{why}");
            }
            ui.label(&why);
            self.notice = Some(why);
            // What they remember may be what they stumble over.
            self.screen = Screen::new(self.applied.clone(), Tab::Watch);
            self.screen.cameras = self.cameras.clone();
            if matches!(self.stage, Stage::Resting | Stage::Ending(_)) {
                // The set-up has gone with them.
                self.open(ui.ctx());
            }
            ui.ctx().request_repaint_after(IDLE);
        }
    }

    /// Draws the page and does what was asked for.
    pub(super) fn draw(&mut self, ui: &mut Ui, page: &Page) {
        let context = self.context();
        for request in self.screen.show(ui, page, &context, Instant::now()) {
            self.perform(ui.ctx(), request, page);
        }
        self.apply(ui.ctx());
        ui.ctx().request_repaint_after(IDLE);
    }

    /// Ends the session and waits for its threads; what was chosen is written.
    pub(super) fn close(&mut self) {
        if let Stage::Watching(session) = std::mem::replace(&mut self.stage, Stage::Resting) {
            session.stop();
        }
        self.store = Store::default();
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.since = Instant::now();
    }

    /// Puts into force what the user has chosen since the last pass, and keeps it.
    fn apply(&mut self, ctx: &Context) {
        if self.screen.preferences == self.applied {
            return;
        }
        let before = self.options();
        let old = std::mem::replace(&mut self.applied, self.screen.preferences.clone());
        self.monitor = self.thresholds();
        let chosen = &self.applied;
        self.store.keep(chosen);
        if (old.light, old.text_scale) != (chosen.light, chosen.text_scale) {
            screen::dress(ctx, chosen);
        }
        let after = self.options();
        let anew = before.open != after.open
            || before.pipeline.runtime != after.pipeline.runtime
            || before.pipeline.seat != after.pipeline.seat
            || before.events != after.events;
        let rests = matches!(self.stage, Stage::Resting | Stage::Ending(_));
        if anew && !rests {
            return self.open(ctx);
        }
        if before.volume != after.volume {
            self.send(Command::Volume(after.volume));
        }
        if before.monitor != after.monitor {
            self.send(Command::Thresholds(Box::new(after.monitor)));
        }
    }

    fn send(&self, command: Command) {
        if let Stage::Watching(session) = &self.stage {
            session.send(command);
        }
    }

    fn perform(&mut self, ctx: &Context, request: Request, page: &Page) {
        let muted = matches!(page, Page::Watching(now) if now.muted_until.is_some());
        let action = match request {
            Request::Act(action) => action,
            Request::Tone(level) => return self.send(Command::TestTone(level)),
            Request::Reload => return self.send(Command::Reload),
            Request::Watch(source) => return self.watch(ctx, source),
            Request::Rest => return self.rest(ctx),
            // The screen has obeyed these.
            Request::Replay(_) | Request::SetUp => return,
        };
        match action {
            Action::Quit => ctx.send_viewport_cmd(ViewportCommand::Close),
            Action::Demo => self.watch(ctx, SourceSpec::Demo(None)),
            Action::Retry => self.watch(ctx, self.base.source.clone()),
            Action::Mute if muted => self.send(Command::Unmute),
            Action::Mute => self.send(Command::Mute),
            Action::Acknowledge => self.send(Command::Acknowledge),
            Action::Relearn => self.send(Command::Relearn),
            Action::TestTone => self.send(Command::TestTone(Level::Critical)),
            // The screen has obeyed these.
            Action::Overlays
            | Action::Imagine
            | Action::FullScreen
            | Action::Compact
            | Action::Theme
            | Action::Show(_)
            | Action::Keys
            | Action::Back => {}
        }
    }

    /// Watches something else: the running session switches, or one is opened.
    fn watch(&mut self, ctx: &Context, source: SourceSpec) {
        self.base.source = source.clone();
        match &self.stage {
            Stage::Watching(session) => session.send(Command::Switch(source)),
            Stage::Failed(_) | Stage::Resting | Stage::Ending(_) => self.open(ctx),
            Stage::Opening(_) => {}
        }
    }

    /// Ends what is watched, or being opened, on a thread of its own.
    fn rest(&mut self, ctx: &Context) {
        let end: Box<dyn FnOnce() + Send> = match std::mem::replace(&mut self.stage, Stage::Resting)
        {
            Stage::Watching(session) => Box::new(move || session.stop()),
            Stage::Opening(opened) => Box::new(move || {
                if let Ok(Ok(session)) = opened.recv() {
                    session.stop();
                }
            }),
            Stage::Ending(ended) => return self.stage = Stage::Ending(ended),
            Stage::Failed(_) | Stage::Resting => return,
        };
        let (out, ended) = bounded(0);
        let waker = ctx.clone();
        let started = background::thread("end", move || {
            end();
            drop(out);
            waker.request_repaint();
        });
        match started {
            Ok(_) => self.enter(Stage::Ending(ended)),
            // The session was dropped with its thread, which ends it.
            Err(error) => tracing::warn!("{error}"),
        }
    }

    /// Opens a session on a thread of its own, after ending the one that runs: a camera
    /// can be had only once.
    fn open(&mut self, ctx: &Context) {
        self.screen.forget();
        let (sender, receiver) = bounded(1);
        let (mut before, mut ending) = (None, None);
        match std::mem::replace(&mut self.stage, Stage::Resting) {
            Stage::Watching(session) => before = Some(session),
            Stage::Ending(ended) => ending = Some(ended),
            // One that is just being opened is ended by the thread that opens it.
            Stage::Opening(_) | Stage::Failed(_) | Stage::Resting => {}
        }
        let previews = self.screen.take_previews();
        let (opener, ctx) = (self.opener.clone(), ctx.clone());
        let mut options = self.options();
        let started = background::thread("open", move || {
            if let Some(before) = before {
                before.stop();
            }
            if let Some(ending) = ending {
                // It closes when the session has ended.
                let _ = ending.recv();
            }
            previews.into_iter().for_each(Preview::close);
            let waker = ctx.clone();
            options.waker = Some(Arc::new(move || waker.request_repaint()));
            let opened = opener(&options);
            // The window may have gone in the meantime; then the session is ended here.
            if let Err(unwanted) = sender.send(opened)
                && let Ok(session) = unwanted.into_inner()
            {
                session.stop();
            }
            ctx.request_repaint();
        });
        let stage = match started {
            Ok(_) => Stage::Opening(receiver),
            Err(error) => Stage::Failed(Failure { no_camera: false, why: error.to_string() }),
        };
        self.enter(stage);
    }
}

impl eframe::App for Window {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        // Also called while the window is hidden: the minute before stays complete. What
        // goes wrong here goes wrong in the next pass, too, and is told there.
        let _ = catch_unwind(AssertUnwindSafe(|| self.look(ctx)));
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        if let Some(last) = frame.info().cpu_usage {
            self.passes.push_back(last);
            if self.passes.len() > PASSES {
                self.passes.pop_front();
            }
        }
        self.pass(ui);
        self.photograph(ui.ctx());
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.sum_up();
        self.close();
    }
}
