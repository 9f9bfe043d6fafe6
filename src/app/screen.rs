//! What stands in the window, without the window: the bar with the screens' names, the
//! driver's state wherever one is, the screen below it, and what lies above all of it.
//! It is drawn from a [`Page`] and returns [`Request`]s that are not its own to do, so
//! that tests can use it by its labels.

use std::time::Instant;

use eframe::egui::{
    Align, CentralPanel, Context, Frame, Layout, Margin, Panel, RichText, ScrollArea, Theme, Ui,
    Vec2, ViewportCommand, vec2,
};

use super::{
    MIN_SIZE,
    actions::{self, Action, Request, Tab},
    context::{AppContext, Page},
    history::History,
    metrics::MetricsView,
    overlay,
    preferences::Preferences,
    replay::ReplayView,
    settings::SettingsView,
    setup::{SetupView, Step},
    start, strip, text,
    theme::{self, GAP, Tokens},
    watch::WatchView,
    widgets::{Look, action_button, tab_button},
};
use crate::{
    live::Snapshot,
    monitor::{Level, Settings},
    source::{
        SourceSpec,
        preview::{Cameras, Preview},
    },
};

/// Height of the bar, in points.
const BAR: f32 = 34.0;
/// Width that all of it takes in one row, in points.
const BAR_WIDTH: f32 = 860.0;
/// What concerns the whole window, as in the bar.
const TOOLS: [(Action, &str); 3] = [
    (Action::Compact, text::COMPACT),
    (Action::FullScreen, text::FULL_SCREEN),
    (Action::Keys, text::KEYS),
];

/// The contents of the window and what they remember.
pub(crate) struct Screen {
    /// The screen that is shown.
    pub tab: Tab,
    /// What the user has chosen.
    pub preferences: Preferences,
    watch: WatchView,
    history: History,
    pub(super) replay: ReplayView,
    pub(super) metrics: MetricsView,
    #[cfg(feature = "train")]
    pub(super) training: super::training::TrainingView,
    settings: SettingsView,
    /// The set-up, while it is shown instead of the screens.
    pub(super) setup: Option<SetupView>,
    /// The cameras that it shows.
    pub(super) cameras: Cameras,
    /// Those that were looked at in a set-up that is over.
    closing: Vec<Preview>,
    keys_shown: bool,
    notice_read: bool,
    /// The size to grow back to, while the window is a strip.
    compact: Option<Vec2>,
}

impl Screen {
    /// The window's contents as they begin.
    pub(crate) fn new(preferences: Preferences, tab: Tab) -> Self {
        Self {
            tab,
            preferences,
            watch: WatchView::default(),
            history: History::default(),
            replay: ReplayView::default(),
            metrics: MetricsView::default(),
            #[cfg(feature = "train")]
            training: super::training::TrainingView::default(),
            settings: SettingsView::default(),
            setup: None,
            cameras: Cameras::default(),
            closing: vec![],
            keys_shown: false,
            notice_read: false,
            compact: None,
        }
    }

    /// Shows the set-up, from this page on.
    pub(crate) fn set_up(&mut self, step: Step) {
        self.setup = Some(SetupView::new(step, self.cameras.clone()));
    }

    /// The cameras that are looked at, or were: somebody else will open one.
    pub(super) fn take_previews(&mut self) -> Vec<Preview> {
        let mut all = std::mem::take(&mut self.closing);
        all.extend(self.setup.iter_mut().flat_map(SetupView::take_previews));
        all
    }

    /// Remembers a snapshot for the plot; also to be called while nothing is drawn.
    pub(crate) fn remember(&mut self, snapshot: &Snapshot, monitor: &Settings) {
        self.history.push(snapshot, monitor);
    }

    /// Forgets what was remembered: something else will be watched.
    pub(crate) fn forget(&mut self) {
        self.watch = WatchView::default();
        self.history = History::default();
    }

    /// Draws everything; obeys what concerns the screen and returns the other requests.
    pub(crate) fn show(
        &mut self,
        ui: &mut Ui,
        page: &Page,
        context: &AppContext,
        now: Instant,
    ) -> Vec<Request> {
        let ctx = ui.ctx().clone();
        let mut wanted: Vec<Request> =
            actions::pressed(&ctx).into_iter().map(Request::Act).collect();
        wanted.extend(dropped(&ctx).map(|path| Request::Replay(SourceSpec::Path(path))));
        if let Some(mut setup) = self.setup.take() {
            setup.covered = self.keys_shown;
            if setup.show(ui, page, context, &mut self.preferences, &mut wanted, now) {
                self.setup = Some(setup);
            } else {
                self.closing = setup.take_previews();
                self.tab = Tab::Watch;
            }
        } else if self.compact.is_some() {
            wanted.extend(strip::compact(ui, page, now).map(Request::Act));
        } else {
            self.full(ui, page, context, now, &mut wanted);
        }
        // Nothing may cover an alarm.
        let alarm = matches!(page, Page::Watching(now) if now.judgement.level == Level::Critical);
        if self.keys_shown && (alarm || overlay::keys(&ctx)) {
            self.keys_shown = false;
        }
        let first = !self.preferences.welcomed && !self.keys_shown && self.compact.is_none();
        let first = first && self.setup.is_none();
        if first && !alarm && overlay::welcome(&ctx) {
            self.preferences.welcomed = true;
        }
        wanted.retain(|request| !self.obey(&ctx, request, context));
        wanted
    }

    fn full(
        &mut self,
        ui: &mut Ui,
        page: &Page,
        context: &AppContext,
        now: Instant,
        wanted: &mut Vec<Request>,
    ) {
        let fill = Tokens::current(ui).background;
        let bar = Frame::new().fill(fill).inner_margin(Margin {
            left: GAP as i8,
            right: GAP as i8,
            top: GAP as i8,
            bottom: 0,
        });
        Panel::top("bar").frame(bar).show_separator_line(false).show(ui, |ui| {
            wanted.extend(self.bar(ui).into_iter().map(Request::Act));
            if let (Some(notice), false) = (&context.notice, self.notice_read) {
                self.notice_read = overlay::notice(ui, notice);
            }
            if self.tab != Tab::Watch {
                wanted.extend(strip::driver(ui, page, now).map(Request::Act));
            }
        });
        let frame = Frame::new().fill(fill).inner_margin(Margin::same(GAP as i8));
        CentralPanel::default().frame(frame).show(ui, |ui| match self.tab {
            Tab::Watch => match page {
                Page::Opening | Page::Resting => start::opening(ui),
                Page::Failed(failure) => {
                    wanted.extend(start::failed(ui, failure).map(Request::Act));
                }
                Page::Watching(snapshot) => roomy(ui, |ui| {
                    let asked = self.watch.show(
                        ui,
                        snapshot,
                        &self.history,
                        &mut self.preferences,
                        context,
                        now,
                    );
                    wanted.extend(asked);
                }),
            },
            Tab::Replay => {
                roomy(ui, |ui| self.replay.show(ui, context, self.preferences.overlays));
            }
            Tab::Metrics => roomy(ui, |ui| self.metrics.show(ui, context)),
            #[cfg(feature = "train")]
            Tab::Training => roomy(ui, |ui| wanted.extend(self.training.show(ui))),
            #[cfg(not(feature = "train"))]
            Tab::Training => {}
            Tab::Settings => {
                let watching = matches!(page, Page::Watching(_));
                wanted.extend(self.settings.show(ui, &mut self.preferences, context, watching));
            }
        });
    }

    /// Does what concerns the screen alone; false = it is somebody else's.
    fn obey(&mut self, ctx: &Context, request: &Request, context: &AppContext) -> bool {
        let action = match request {
            Request::Act(action) => *action,
            Request::Replay(source) => {
                self.tab = Tab::Replay;
                self.replay.open(ctx, source, context);
                return true;
            }
            Request::SetUp => {
                self.set_up(Step::Camera);
                return true;
            }
            _ => return false,
        };
        let full = ctx.input(|input| input.viewport().fullscreen).unwrap_or(false);
        match action {
            Action::Show(tab) => self.tab = tab,
            Action::Overlays => self.preferences.overlays = !self.preferences.overlays,
            Action::Imagine => self.preferences.imagine = !self.preferences.imagine,
            Action::Keys => self.keys_shown = !self.keys_shown,
            Action::Theme => self.preferences.light = !self.preferences.light,
            Action::FullScreen => ctx.send_viewport_cmd(ViewportCommand::Fullscreen(!full)),
            Action::Compact if self.grow(ctx) => {}
            Action::Compact => self.compact = Some(strip::shrink(ctx)),
            Action::Back if self.keys_shown => self.keys_shown = false,
            Action::Back if self.close_chooser() => {}
            Action::Back if self.grow(ctx) => {}
            Action::Back if full => ctx.send_viewport_cmd(ViewportCommand::Fullscreen(false)),
            Action::Back => {}
            _ => return false,
        }
        true
    }

    /// Grows the strip back to a window; false where it is one.
    fn grow(&mut self, ctx: &Context) -> bool {
        self.compact.take().map(|before| strip::grow(ctx, before)).is_some()
    }

    /// Closes a file chooser that lies on top; false where none does.
    fn close_chooser(&mut self) -> bool {
        #[cfg(feature = "train")]
        if self.training.back() {
            return true;
        }
        self.replay.back() || self.metrics.back()
    }

    /// Name and screens on the left, what concerns the whole window on the right; one after
    /// the other, in as many rows as it takes, where they would meet.
    fn bar(&mut self, ui: &mut Ui) -> Vec<Action> {
        let tab = |ui: &mut Ui, tab: Tab| {
            let action = Action::Show(tab);
            let button = tab_button(ui, action, text::tab(tab), tab == self.tab);
            button.clicked().then_some(action)
        };
        let tool = |ui: &mut Ui, (action, label)| {
            action_button(ui, action, label, Look::Plain).clicked().then_some(action)
        };
        let mut wanted = vec![];
        if ui.available_width() < BAR_WIDTH {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
                wanted.extend(Tab::ALL.iter().filter_map(|&one| tab(ui, one)));
                wanted.extend(TOOLS.into_iter().filter_map(|one| tool(ui, one)));
            });
        } else {
            ui.horizontal(|ui| {
                ui.set_height(BAR);
                ui.add_space(2.0);
                ui.label(RichText::new(text::TITLE).size(18.0).strong());
                ui.add_space(GAP);
                ui.spacing_mut().item_spacing.x = 4.0;
                wanted.extend(Tab::ALL.iter().filter_map(|&one| tab(ui, one)));
                ui.spacing_mut().item_spacing.x = 8.0;
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    wanted.extend(TOOLS.into_iter().rev().filter_map(|one| tool(ui, one)));
                });
            });
        }
        wanted
    }
}

/// The first file that was dropped on the window.
fn dropped(ctx: &Context) -> impl Iterator<Item = std::path::PathBuf> + use<> {
    let files = ctx.input(|input| input.raw.dropped_files.clone());
    files.into_iter().map(|file| file.path().to_path_buf()).take(1)
}

/// Gives the screen at least the room that it is made for: text that is scaled up, or a
/// window that is too small, scrolls instead of being cut off.
fn roomy(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    let least = vec2(MIN_SIZE[0] - 2.0 * GAP, MIN_SIZE[1] - BAR - 64.0 - 3.0 * GAP);
    let room = ui.available_size();
    if room.x >= least.x && room.y >= least.y {
        return add(ui);
    }
    ScrollArea::both().auto_shrink(false).show(ui, |ui| {
        let size: Vec2 = room.max(least);
        ui.set_min_size(size);
        add(ui);
    });
}

/// Dresses the window as chosen.
pub(crate) fn dress(ctx: &Context, preferences: &Preferences) {
    ctx.set_theme(if preferences.light { Theme::Light } else { Theme::Dark });
    theme::scale(ctx, preferences.text_scale);
}
