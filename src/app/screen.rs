//! What stands in the window, without the window: the bar with the buttons, the page
//! below it, and the list of keys above both. It is drawn from a [`Page`] and returns
//! the [`Action`]s that are not its own to do, so that tests can use it by its labels.

use std::{sync::Arc, time::Instant};

use eframe::egui::{
    Align, CentralPanel, Context, Frame, Grid, Id, Layout, Margin, Modal, Panel, RichText, Theme,
    Ui, UiBuilder, ViewportCommand, vec2,
};

use super::{
    actions::{self, Action, SHORTCUTS},
    history::History,
    text,
    theme::{self, GAP, PADDING, Tokens},
    watch::WatchView,
    widgets::{Look, action_button, camera_sign, state_sign},
};
use crate::{
    live::{LiveError, Snapshot},
    monitor::{Level, State},
    source::SourceError,
};

/// What there is to show.
#[derive(Clone, Debug)]
pub enum Page {
    /// Camera and models are being opened.
    Opening,
    /// They could not be.
    Failed(Failure),
    /// The latest of the running session.
    Watching(Arc<Snapshot>),
}

/// Why nothing can be watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// There is no camera: nothing is broken, it only needs one.
    pub no_camera: bool,
    /// The error's sentence.
    pub why: String,
}

impl Failure {
    /// Why a session did not open.
    pub fn of(error: &LiveError) -> Self {
        let no_camera = matches!(error, LiveError::Source(SourceError::NoCamera));
        Self { no_camera, why: text::sentence(&error.to_string()) }
    }

    /// Why a session that has opened shows nothing: its source could not be opened.
    pub fn to_begin(snapshot: &Snapshot) -> Option<Self> {
        let why = snapshot.no_source.as_deref()?;
        let no_camera = why == SourceError::NoCamera.to_string();
        Some(Self { no_camera, why: text::sentence(why) })
    }
}

/// The contents of the window and what they remember.
#[derive(Default)]
pub struct Screen {
    watch: WatchView,
    history: History,
    keys_shown: bool,
}

impl Screen {
    /// Remembers a snapshot for the plot; also to be called while nothing is drawn.
    pub fn remember(&mut self, snapshot: &Snapshot) {
        self.history.push(&snapshot.judgement);
    }

    /// Forgets what was remembered: something else will be watched.
    pub fn forget(&mut self) {
        *self = Self { keys_shown: self.keys_shown, ..Self::default() };
    }

    /// Draws everything; obeys what concerns the screen and returns the other actions.
    pub fn show(&mut self, ui: &mut Ui, page: &Page, now: Instant) -> Vec<Action> {
        let ctx = ui.ctx().clone();
        let mut wanted = actions::pressed(&ctx);
        let bar = Frame::new().fill(Tokens::current(ui).background).inner_margin(Margin {
            left: GAP as i8 + 2,
            right: GAP as i8,
            top: GAP as i8,
            bottom: 0,
        });
        Panel::top("bar").frame(bar).show_separator_line(false).show(ui, |ui| {
            wanted.extend(self.bar(ui, page));
        });
        let fill = Tokens::current(ui).background;
        let page_frame = Frame::new().fill(fill).inner_margin(Margin::same(GAP as i8));
        CentralPanel::default().frame(page_frame).show(ui, |ui| match page {
            Page::Opening => opening(ui),
            Page::Failed(failure) => wanted.extend(failed(ui, failure)),
            Page::Watching(snapshot) => {
                wanted.extend(self.watch.show(ui, snapshot, &self.history, now));
            }
        });
        // Nothing may cover an alarm.
        let alarm = matches!(page, Page::Watching(now) if now.judgement.level == Level::Critical);
        if self.keys_shown && (alarm || keys(&ctx)) {
            self.keys_shown = false;
        }
        wanted.retain(|&action| !self.obey(&ctx, action));
        wanted
    }

    /// Does what concerns the screen alone; false = it is somebody else's.
    fn obey(&mut self, ctx: &Context, action: Action) -> bool {
        let full = ctx.input(|input| input.viewport().fullscreen).unwrap_or(false);
        match action {
            Action::Overlays => self.watch.overlays = !self.watch.overlays,
            Action::Keys => self.keys_shown = !self.keys_shown,
            Action::Theme => ctx.set_theme(match ctx.theme() {
                Theme::Dark => Theme::Light,
                Theme::Light => Theme::Dark,
            }),
            Action::FullScreen => ctx.send_viewport_cmd(ViewportCommand::Fullscreen(!full)),
            Action::Back if self.keys_shown => self.keys_shown = false,
            Action::Back if full => ctx.send_viewport_cmd(ViewportCommand::Fullscreen(false)),
            Action::Back => {}
            _ => return false,
        }
        true
    }

    /// The name on the left, the buttons of the whole window on the right.
    fn bar(&mut self, ui: &mut Ui, page: &Page) -> Vec<Action> {
        let mut wanted = vec![];
        ui.horizontal(|ui| {
            ui.set_height(30.0);
            ui.label(RichText::new(text::TITLE).size(18.0).strong());
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let theme = match ui.ctx().theme() {
                    Theme::Dark => text::LIGHT,
                    Theme::Light => text::DARK,
                };
                let overlays = if self.watch.overlays { Look::On } else { Look::Off };
                for (action, label, look) in [
                    (Action::Keys, text::KEYS, Look::Plain),
                    (Action::FullScreen, text::FULL_SCREEN, Look::Plain),
                    (Action::Theme, theme, Look::Plain),
                ] {
                    if action_button(ui, action, label, look).clicked() {
                        wanted.push(action);
                    }
                }
                if !matches!(page, Page::Watching(_)) {
                    return;
                }
                for (action, label, look) in [
                    (Action::TestTone, text::TEST_TONE, Look::Plain),
                    (Action::Overlays, text::OVERLAYS, overlays),
                ] {
                    if action_button(ui, action, label, look).clicked() {
                        wanted.push(action);
                    }
                }
            });
        });
        wanted
    }
}

/// A column in the middle of the page.
fn column(ui: &mut Ui, height: f32, add: impl FnOnce(&mut Ui)) {
    let area = ui.available_rect_before_wrap();
    let size = vec2(area.width().min(600.0), height.min(area.height()));
    let place = eframe::egui::Rect::from_center_size(area.center(), size);
    let layout = Layout::top_down(Align::Center);
    add(&mut ui.new_child(UiBuilder::new().max_rect(place).layout(layout)));
}

fn opening(ui: &mut Ui) {
    let tokens = Tokens::current(ui);
    column(ui, 260.0, |ui| {
        ui.add(eframe::egui::Spinner::new().size(44.0).color(tokens.accent));
        ui.add_space(GAP);
        ui.label(RichText::new(text::start::OPENING).size(24.0));
        ui.add_space(GAP);
        ui.label(RichText::new(text::start::WHAT).color(tokens.muted));
    });
}

fn failed(ui: &mut Ui, failure: &Failure) -> Option<Action> {
    let tokens = Tokens::current(ui);
    let mut wanted = None;
    column(ui, 400.0, |ui| {
        let (sign, _) = ui.allocate_exact_size(vec2(84.0, 84.0), eframe::egui::Sense::hover());
        match failure.no_camera {
            true => camera_sign(ui.painter(), sign, tokens.unseen, tokens.background),
            false => {
                state_sign(ui.painter(), sign, State::CameraLost, tokens.asleep, tokens.background);
            }
        }
        ui.add_space(GAP);
        let (heading, sentence) = match failure.no_camera {
            true => (text::start::NO_CAMERA, text::start::NO_CAMERA_ADVICE),
            false => (text::start::FAILED, failure.why.as_str()),
        };
        ui.label(RichText::new(heading).size(30.0).strong());
        ui.label(RichText::new(sentence).size(17.0));
        ui.add_space(PADDING);
        // Two buttons of one width, in the middle.
        let width = 300.0;
        let (buttons, _) = ui.allocate_exact_size(vec2(width, 84.0), eframe::egui::Sense::hover());
        let layout = Layout::top_down(Align::Min);
        let mut buttons = ui.new_child(UiBuilder::new().max_rect(buttons).layout(layout));
        buttons.spacing_mut().item_spacing.y = 8.0;
        for (action, label, look) in [
            (Action::Demo, text::start::DEMO, Look::Primary),
            (Action::Retry, text::start::RETRY, Look::Plain),
        ] {
            if action_button(&mut buttons, action, label, look).clicked() {
                wanted = Some(action);
            }
        }
        ui.add_space(PADDING);
        ui.label(RichText::new(text::start::WHAT).size(theme::SMALL).color(tokens.muted));
    });
    wanted
}

/// The list of keys; true when it wants to be closed.
fn keys(ctx: &Context) -> bool {
    let fill = Tokens::of(ctx.theme()).surface;
    let frame = Frame::new().fill(fill).corner_radius(theme::RADIUS).inner_margin(24);
    let modal = Modal::new(Id::unique("keys")).frame(frame).show(ctx, |ui| {
        let tokens = Tokens::current(ui);
        ui.set_width(440.0);
        ui.heading(text::KEYS);
        ui.add_space(GAP);
        Grid::new("keys").num_columns(2).spacing(vec2(24.0, 8.0)).show(ui, |ui| {
            for shortcut in SHORTCUTS {
                ui.label(RichText::new(shortcut.key).color(tokens.accent));
                ui.label(shortcut.says);
                ui.end_row();
            }
            for [key, says] in text::MORE_KEYS {
                ui.label(RichText::new(key).color(tokens.accent));
                ui.label(says);
                ui.end_row();
            }
        });
        ui.add_space(PADDING);
        ui.button(text::CLOSE).clicked()
    });
    modal.inner || modal.should_close()
}
