//! The set-up at the first start: four pages that a driver walks through once. It drives
//! what there is anyway: it looks at cameras to choose one, then lets the window watch that
//! camera, reads the checks from the snapshot and plays the alarm as the settings do. It
//! asks by [`Request`]s like every screen.

mod camera;
mod pages;
mod seat;
pub(crate) mod step;

use std::time::{Duration, Instant};

use eframe::egui::{
    Align, Button, CentralPanel, Frame, Layout, Margin, Panel, Rect, Response, RichText, Role,
    ScrollArea, Sense, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

pub(crate) use self::step::Step;
use self::{camera::CameraPage, seat::SeatPage};
use super::{
    actions::{Action, Request},
    context::{AppContext, Page},
    preferences::{KeptCamera, Preferences},
    strip,
    text::{self, setup as words},
    theme::{self, GAP, PADDING, Tokens},
    widgets::{named, notice_row, state_sign},
};
use crate::{
    monitor::{Level, State},
    source::{
        SourceSpec,
        preview::{Cameras, Preview},
        webcam::CameraInfo,
    },
};

/// A page is so wide where there is room, in points.
const WIDTH: f32 = 984.0;
/// No page can be read in less, in points.
const LEAST: f32 = 440.0;
/// How often the silence of the set-up is asked for again, until the snapshot tells it.
const MUTE_AGAIN: Duration = Duration::from_secs(1);

/// What can be watched.
#[derive(Clone, Debug, PartialEq)]
struct Choice {
    spec: SourceSpec,
    name: String,
}

impl Choice {
    fn of(camera: &CameraInfo) -> Self {
        Self { spec: SourceSpec::Webcam(camera.index), name: camera.name.clone() }
    }

    /// A source that the system does not list.
    fn other(spec: SourceSpec) -> Self {
        Self { name: text::watch::source(&spec), spec }
    }
}

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Good,
    Bad,
    /// It cannot be said yet.
    Open,
}

/// What was asked for on a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Move {
    #[default]
    Stay,
    Next,
    Back,
    Leave,
}

/// The set-up's own state.
pub(crate) struct SetupView {
    step: Step,
    /// Something lies on top, and keys are not the page's.
    pub(super) covered: bool,
    camera: CameraPage,
    seat: SeatPage,
    played: bool,
    muted: Option<Instant>,
    /// What is watched from the second page on.
    watched: Option<Choice>,
}

impl SetupView {
    /// Begins at a page.
    pub(crate) fn new(step: Step, cameras: Cameras) -> Self {
        Self {
            step,
            covered: false,
            camera: CameraPage::new(cameras),
            seat: SeatPage::default(),
            played: false,
            muted: None,
            watched: None,
        }
    }

    /// The cameras that are looked at: somebody else will open one.
    pub(super) fn take_previews(&mut self) -> Vec<Preview> {
        self.camera.take_previews()
    }

    /// Draws the page over all of `ui`, and asks for what it needs; false = it is over.
    pub(super) fn show(
        &mut self,
        ui: &mut Ui,
        page: &Page,
        context: &AppContext,
        preferences: &mut Preferences,
        wanted: &mut Vec<Request>,
        now: Instant,
    ) -> bool {
        let pressed = keys(wanted, self.covered);
        self.rest_or_mute(page, wanted, now);
        let fill = Tokens::current(ui).background;
        let frame = |top: f32, bottom: f32| {
            let side = (2.0 * GAP) as i8;
            let margin = Margin { left: side, right: side, top: top as i8, bottom: bottom as i8 };
            Frame::new().fill(fill).inner_margin(margin)
        };
        let mut turn = if pressed.contains(&Action::Back) { Move::Back } else { Move::Stay };
        let head = Panel::top("setup head").frame(frame(GAP, 0.0)).show_separator_line(false);
        head.show(ui, |ui| {
            centred(ui, |ui| {
                self.head(ui);
                if let Some(notice) = &context.notice {
                    notice_row(ui, notice, None);
                }
            });
            // Whoever falls asleep meanwhile is woken, and may say that they are awake.
            let alarm =
                matches!(page, Page::Watching(now) if now.judgement.level == Level::Critical);
            if alarm {
                wanted.extend(strip::driver(ui, page, now).map(Request::Act));
            }
        });
        let ready = match self.step {
            Step::Camera => self.camera.is_ready(),
            Step::Seat => self.seat.is_good(page),
            Step::Alarm | Step::Ready => true,
        };
        let foot = Panel::bottom("setup foot").frame(frame(GAP, GAP)).show_separator_line(false);
        foot.show(ui, |ui| {
            let asked = centred(ui, |ui| self.foot(ui, ready));
            turn = if asked == Move::Stay { turn } else { asked };
        });
        CentralPanel::default().frame(frame(GAP, 0.0)).show(ui, |ui| {
            ScrollArea::both().id_salt(self.step.number()).auto_shrink(false).show(ui, |ui| {
                let asked = centred(ui, |ui| match self.step {
                    Step::Camera => self.camera.show(ui, page, context, preferences, &pressed),
                    Step::Seat => self.seat.show(ui, page, wanted, &pressed, now),
                    Step::Alarm => {
                        self.played |=
                            pages::alarm(ui, page, preferences, self.played, &pressed, wanted);
                        Move::Stay
                    }
                    Step::Ready => {
                        let name = self.watched.as_ref().map(|choice| choice.name.as_str());
                        let passed = self.seat.has_passed();
                        pages::ready(ui, page, preferences, name, passed, self.played);
                        Move::Stay
                    }
                });
                turn = if asked == Move::Stay { turn } else { asked };
            });
        });
        self.turn(turn, page, context, preferences, wanted)
    }

    /// While cameras are chosen, nothing else may hold one; later, the set-up is no time for
    /// hints and warnings. Eyes that close for long still sound.
    fn rest_or_mute(&mut self, page: &Page, wanted: &mut Vec<Request>, now: Instant) {
        match (self.step, page) {
            (Step::Camera, Page::Resting) => {}
            (Step::Camera, _) => wanted.push(Request::Rest),
            (_, Page::Watching(snapshot)) if snapshot.muted_until.is_none() => {
                let waited = |at: Instant| now.saturating_duration_since(at) >= MUTE_AGAIN;
                if self.muted.is_none_or(waited) {
                    self.muted = Some(now);
                    wanted.push(Request::Act(Action::Mute));
                }
            }
            _ => {}
        }
    }

    /// Turns the page; false = the set-up is over.
    fn turn(
        &mut self,
        turn: Move,
        page: &Page,
        context: &AppContext,
        preferences: &mut Preferences,
        wanted: &mut Vec<Request>,
    ) -> bool {
        let to = match turn {
            Move::Stay => return true,
            Move::Back => self.step.before().or(Some(self.step)),
            Move::Next => self.step.next(),
            Move::Leave => None,
        };
        if self.step == Step::Camera && (turn == Move::Next || to.is_none()) {
            // One who skips still gets a camera that works, if one was seen.
            self.watched = self.camera.chosen().cloned();
            let spec = self.watched.as_ref().map_or(&context.source, |choice| &choice.spec);
            if let Some(kept) = self.watched.as_ref().and_then(kept) {
                preferences.camera = Some(kept);
            }
            wanted.push(Request::Watch(spec.clone()));
        }
        let Some(to) = to else {
            preferences.setup_done = true;
            // The last page says what the welcome would say.
            preferences.welcomed |= self.step == Step::Ready;
            if matches!(page, Page::Watching(now) if now.muted_until.is_some()) {
                wanted.push(Request::Act(Action::Mute));
            }
            return false;
        };
        if to != self.step {
            self.seat.begin(to > self.step);
            self.step = to;
        }
        true
    }

    /// The name of the whole, and how far one has come.
    fn head(&self, ui: &mut Ui) {
        let tokens = Tokens::current(ui);
        ui.label(RichText::new(words::TITLE).size(18.0).strong());
        ui.add_space(4.0);
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 26.0), Sense::hover());
        let width = rect.width() / Step::ALL.len() as f32;
        for step in Step::ALL {
            let left = rect.left() + width * (step.number() - 1) as f32;
            let bar = Rect::from_min_size(pos2(left, rect.top()), vec2(width - GAP, 4.0));
            let reached = step <= self.step;
            let fill = if reached { tokens.accent } else { tokens.track };
            ui.painter().rect_filled(bar, 2.0, fill);
            let color = if step == self.step { tokens.text } else { tokens.muted };
            let name = format!("{} {}", step.number(), words::step(step));
            let galley = ui.painter().layout_no_wrap(name, theme::font(theme::SMALL), color);
            let clip = ui.painter().with_clip_rect(bar.with_max_y(rect.bottom()));
            clip.galley(bar.left_bottom() + vec2(0.0, 4.0), galley, color);
        }
        named(ui, rect, Role::Label, &words::place(self.step));
    }

    /// The buttons; what was pressed.
    fn foot(&mut self, ui: &mut Ui, ready: bool) -> Move {
        let mut turn = Move::Stay;
        ui.horizontal(|ui| {
            if self.step != Step::Ready
                && button(ui, words::SKIP, "", Weight::Light, true).clicked()
            {
                turn = Move::Leave;
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let (label, weight) = match self.step {
                    Step::Ready => (words::START, Weight::First),
                    Step::Camera if !ready => (words::NEXT, Weight::Plain),
                    Step::Seat if !ready => (words::NEXT_ANYWAY, Weight::Plain),
                    _ => (words::NEXT, Weight::First),
                };
                let enabled = ready || self.step != Step::Camera;
                let next = button(ui, label, "Enter", weight, enabled);
                // Enter goes on. Who has gone elsewhere with Tab stays there; Escape on the
                // first page leaves nothing focused, and is no reason to stay.
                if enabled && !self.covered && ui.memory(|memory| memory.focused().is_none()) {
                    next.request_focus();
                }
                if next.clicked() {
                    turn = Move::Next;
                }
                if self.step != Step::Camera
                    && button(ui, words::BACK, "Esc", Weight::Plain, true).clicked()
                {
                    turn = Move::Back;
                }
            });
        });
        turn
    }
}

/// What is remembered of a choice: only a camera of this machine. An address may hold a
/// password, and a drawn driver is a trial.
fn kept(choice: &Choice) -> Option<KeptCamera> {
    match choice.spec {
        SourceSpec::Webcam(number) => Some(KeptCamera { number, name: choice.name.clone() }),
        _ => None,
    }
}

/// Takes the keys that mean something on a page out of the requests, and those that mean
/// nothing in the set-up.
fn keys(wanted: &mut Vec<Request>, covered: bool) -> Vec<Action> {
    let mut pressed = vec![];
    wanted.retain(|request| match request {
        Request::Act(Action::Back) if covered => true,
        Request::Act(
            Action::Quit | Action::Theme | Action::FullScreen | Action::Keys | Action::Acknowledge,
        ) => true,
        Request::Act(action @ (Action::Back | Action::Demo | Action::Retry | Action::TestTone))
            if !covered =>
        {
            pressed.push(*action);
            false
        }
        _ => false,
    });
    pressed
}

/// Adds what stands in the column in the middle of what is left of `ui`.
fn centred<T>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> T) -> T {
    let area = ui.available_rect_before_wrap();
    let width = area.width().clamp(LEAST, WIDTH);
    let left = area.left() + ((area.width() - width) / 2.0).max(0.0);
    let place = Rect::from_min_size(pos2(left, area.top()), vec2(width, area.height()));
    let layout = Layout::top_down(Align::Min);
    let mut column =
        ui.new_child(UiBuilder::new().id_salt("column").max_rect(place).layout(layout));
    let added = add(&mut column);
    let used = column.min_rect();
    ui.advance_cursor_after_rect(used);
    added
}

/// How a button of the set-up stands out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    First,
    Plain,
    Light,
}

/// A large button that shows its key.
fn button(ui: &mut Ui, label: &str, key: &str, weight: Weight, enabled: bool) -> Response {
    let tokens = Tokens::current(ui);
    let (color, hint) = match weight {
        Weight::First => (tokens.background, tokens.background),
        Weight::Plain => (tokens.text, tokens.muted),
        Weight::Light => (tokens.muted, tokens.muted),
    };
    let text = RichText::new(label).size(16.0).color(color);
    let hint = RichText::new(key).size(theme::SMALL).color(hint);
    let mut shown = Button::new((text, hint)).gap(8.0).min_size(vec2(0.0, 40.0));
    match weight {
        Weight::First => shown = shown.fill(tokens.accent),
        Weight::Plain => {}
        Weight::Light => shown = shown.fill(tokens.background),
    }
    let response = ui.add_enabled(enabled, shown);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, label));
    if !key.is_empty() {
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_keyboard_shortcut(key));
    }
    response
}

/// A page's heading and the sentence below it.
fn heading(ui: &mut Ui, title: &str, says: &str) {
    let tokens = Tokens::current(ui);
    ui.label(RichText::new(title).size(26.0).strong());
    ui.label(RichText::new(says).size(16.0).color(tokens.muted));
    ui.add_space(GAP);
}

/// A check as a card: its mark, its name and what is to be done. Screen readers hear of it
/// when it changes.
fn check(ui: &mut Ui, mark: Mark, title: &str, says: &str) {
    let tokens = Tokens::current(ui);
    let frame = Frame::new().fill(tokens.surface).corner_radius(theme::RADIUS);
    let shown = frame.inner_margin(Margin::same(PADDING as i8)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            let (sign, _) = ui.allocate_exact_size(vec2(32.0, 32.0), Sense::hover());
            let (state, color) = match mark {
                Mark::Good => (State::Awake, tokens.awake),
                Mark::Bad => (State::Drowsy, tokens.drowsy),
                Mark::Open => (State::Starting, tokens.unseen),
            };
            state_sign(ui.painter(), sign, state, color, tokens.surface);
            ui.add_space(4.0);
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                ui.label(RichText::new(title).size(16.0).strong());
                let says = RichText::new(says).size(theme::BODY).color(tokens.text);
                ui.add(eframe::egui::Label::new(says).wrap());
            });
        });
    });
    let spoken = format!("{title}: {says}");
    let status = ui.interact(shown.response.rect, ui.scope_id().with(title), Sense::hover());
    status.widget_info(|| WidgetInfo::labeled(Role::Status, true, &spoken));
}
