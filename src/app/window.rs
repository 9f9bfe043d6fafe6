//! The window itself: it opens the session on a thread of its own, looks at the newest
//! [`Snapshot`] when it is woken, and passes on what the user asks for. It never waits:
//! not for the camera, the models, the sound or the end of an old session.

use std::{path::PathBuf, sync::Arc, thread, time::Duration};
use std::{sync::mpsc, time::Instant};

use crossbeam_channel::{Receiver, TryRecvError, bounded};
use eframe::egui::{ColorImage, Context, Ui, UserAttentionType, ViewportCommand};

use super::{
    AppError,
    actions::Action,
    screen::{Failure, Page, Screen},
    text,
};
use crate::{
    live::{Command, Live, Snapshot, Waker},
    monitor::{Level, State},
    source::SourceSpec,
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

/// Opens sessions: called on a thread of its own, with what to watch and the callback
/// that wakes the window when there is something new.
pub(super) type Opener =
    dyn Fn(&SourceSpec, Waker) -> Result<Box<dyn Session>, Failure> + Send + Sync + 'static;

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
}

/// The eframe application.
pub(super) struct Window {
    opener: Arc<Opener>,
    source: SourceSpec,
    stage: Stage,
    screen: Screen,
    /// When the stage was entered: the screenshot counts from there.
    since: Instant,
    /// The state in the title, and the level that was last called attention to.
    told: (State, Level),
    screenshot: Option<Screenshot>,
}

/// A picture of the window that is still to be taken.
pub(super) struct Screenshot {
    /// Where it is written, as PNG.
    pub(super) path: PathBuf,
    /// How long after the session has begun.
    pub(super) after: Duration,
    /// The image on its way from the graphics card.
    pub(super) taken: Option<mpsc::Receiver<Arc<ColorImage>>>,
    /// What came of it, for [`run`](super::run).
    pub(super) result: mpsc::SyncSender<Result<(), AppError>>,
}

impl Window {
    /// A window that begins to open `source` at once.
    pub(super) fn new(
        ctx: &Context,
        opener: Arc<Opener>,
        source: SourceSpec,
        screenshot: Option<Screenshot>,
    ) -> Self {
        let stage = open(ctx, &opener, &source);
        Self {
            opener,
            source,
            stage,
            screen: Screen::default(),
            since: Instant::now(),
            told: (State::Starting, Level::None),
            screenshot,
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
        match &self.stage {
            Stage::Opening(_) => Page::Opening,
            Stage::Failed(failure) => Page::Failed(failure.clone()),
            Stage::Watching(session) => {
                let snapshot = session.snapshot();
                self.screen.remember(&snapshot);
                self.tell(ctx, snapshot.judgement.state, snapshot.judgement.level);
                match Failure::to_begin(&snapshot) {
                    Some(failure) => Page::Failed(failure),
                    None => Page::Watching(snapshot),
                }
            }
        }
    }

    /// Draws the page and does what was asked for.
    pub(super) fn draw(&mut self, ui: &mut Ui, page: &Page) {
        for action in self.screen.show(ui, page, Instant::now()) {
            self.perform(ui.ctx(), action, page);
        }
        ui.ctx().request_repaint_after(IDLE);
    }

    /// Ends the session and waits for its threads.
    pub(super) fn close(&mut self) {
        let failure = Failure { no_camera: false, why: String::new() };
        if let Stage::Watching(session) = std::mem::replace(&mut self.stage, Stage::Failed(failure))
        {
            session.stop();
        }
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.since = Instant::now();
    }

    fn perform(&mut self, ctx: &Context, action: Action, page: &Page) {
        let muted = matches!(page, Page::Watching(now) if now.muted_until.is_some());
        let command = match action {
            Action::Quit => return ctx.send_viewport_cmd(ViewportCommand::Close),
            Action::Demo => {
                self.source = SourceSpec::Demo(None);
                Command::Switch(self.source.clone())
            }
            Action::Retry => Command::Switch(self.source.clone()),
            Action::Mute if muted => Command::Unmute,
            Action::Mute => Command::Mute,
            Action::Acknowledge => Command::Acknowledge,
            Action::Relearn => Command::Relearn,
            Action::TestTone => Command::TestTone(Level::Critical),
            // The screen has obeyed these.
            Action::Overlays | Action::FullScreen | Action::Theme | Action::Keys | Action::Back => {
                return;
            }
        };
        match (&self.stage, action) {
            (Stage::Watching(session), _) => session.send(command),
            (Stage::Failed(_), Action::Demo | Action::Retry) => {
                self.screen.forget();
                let stage = open(ctx, &self.opener, &self.source);
                self.enter(stage);
            }
            (Stage::Failed(_) | Stage::Opening(_), _) => {}
        }
    }

    /// Puts the state into the title, and calls for attention when an alarm begins while
    /// the window is not looked at.
    fn tell(&mut self, ctx: &Context, state: State, level: Level) {
        if self.told.0 != state {
            let title = format!("{} · {}", text::state_word(state), text::TITLE);
            ctx.send_viewport_cmd(ViewportCommand::Title(title));
        }
        if level == Level::Critical && self.told.1 < level {
            let attention = UserAttentionType::Critical;
            ctx.send_viewport_cmd(ViewportCommand::RequestUserAttention(attention));
        }
        self.told = (state, level);
    }

    /// Takes the picture when it is time, writes it and ends the program.
    fn photograph(&mut self, ctx: &Context) {
        let opening = matches!(self.stage, Stage::Opening(_));
        let Some(shot) = &mut self.screenshot else { return };
        match &shot.taken {
            None if !opening && self.since.elapsed() >= shot.after => {
                let (sender, receiver) = mpsc::sync_channel(1);
                shot.taken = Some(receiver);
                // A second picture cannot come; were the channel full, it is not needed.
                ctx.request_screenshot(move |image| drop(sender.try_send(image)));
                ctx.request_repaint();
            }
            None => {}
            Some(taken) => {
                let Ok(image) = taken.try_recv() else { return };
                // `run` waits for one result at most, so the channel has room for it.
                drop(shot.result.try_send(write(&shot.path, &image)));
                self.screenshot = None;
                ctx.send_viewport_cmd(ViewportCommand::Close);
            }
        }
    }
}

impl eframe::App for Window {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        // Also called while the window is hidden: the minute before stays complete.
        self.look(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let page = self.look(ui.ctx());
        self.draw(ui, &page);
        self.photograph(ui.ctx());
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.close();
    }
}

/// Starts to open `source` on a thread of its own.
fn open(ctx: &Context, opener: &Arc<Opener>, source: &SourceSpec) -> Stage {
    let (sender, receiver) = bounded(1);
    let (opener, source, ctx) = (opener.clone(), source.clone(), ctx.clone());
    let started = thread::Builder::new().name("open".into()).spawn(move || {
        let waker = ctx.clone();
        let opened = opener(&source, Arc::new(move || waker.request_repaint()));
        // The window may have gone in the meantime; then the session is ended here.
        if let Err(unwanted) = sender.send(opened)
            && let Ok(session) = unwanted.into_inner()
        {
            session.stop();
        }
        ctx.request_repaint();
    });
    match started {
        Ok(_) => Stage::Opening(receiver),
        Err(error) => {
            Stage::Failed(Failure { no_camera: false, why: text::start::no_thread(&error) })
        }
    }
}

fn write(path: &std::path::Path, image: &ColorImage) -> Result<(), AppError> {
    let pixels: Vec<u8> = image.pixels.iter().flat_map(|p| [p.r(), p.g(), p.b()]).collect();
    let (width, height) = (image.width() as u32, image.height() as u32);
    image::save_buffer(path, &pixels, width, height, image::ExtendedColorType::Rgb8)
        .map_err(|why| AppError::Screenshot { path: path.to_owned(), why })
}
