//! The driver's state in one row: under the bar of every screen but the watch, and alone
//! as a compact window above all others. An alarm can be muted from wherever one is.

use std::time::Instant;

use eframe::egui::{
    Align, CentralPanel, Context, Frame, Label, Layout, Margin, Rect, RichText, Sense, Ui,
    UiBuilder, Vec2, ViewportCommand, WidgetInfo, WindowLevel, pos2, vec2,
};

use super::{
    MIN_SIZE,
    actions::Action,
    context::Page,
    text,
    theme::{self, PADDING, Tokens, Urgency},
    widgets::{Look, action_button, bold, inside, state_sign},
};
use crate::{live::Snapshot, monitor::Level};

/// Height of the row under the bar, in points.
const ROW: f32 = 46.0;
/// Size of the compact window, in points.
const COMPACT: Vec2 = vec2(620.0, 84.0);

/// The row under the bar.
pub(super) fn driver(ui: &mut Ui, page: &Page, now: Instant) -> Option<Action> {
    let Page::Watching(snapshot) = page else { return None };
    ui.add_space(6.0);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    row(ui, rect, snapshot, now, None)
}

/// The compact window.
pub(super) fn compact(ui: &mut Ui, page: &Page, now: Instant) -> Option<Action> {
    let tokens = Tokens::current(ui);
    let frame = Frame::new().fill(tokens.background).inner_margin(Margin::same(6));
    let shown = CentralPanel::default().frame(frame).show(ui, |ui| {
        let rect = ui.available_rect_before_wrap();
        match page {
            Page::Watching(snapshot) => row(ui, rect, snapshot, now, Some(Action::Compact)),
            Page::Opening | Page::Resting => waiting(ui, text::start::OPENING),
            Page::Failed(failure) if failure.no_camera => waiting(ui, text::start::NO_CAMERA),
            Page::Failed(failure) => waiting(ui, &failure.why),
        }
    });
    shown.inner
}

fn waiting(ui: &mut Ui, sentence: &str) -> Option<Action> {
    let mut wanted = None;
    ui.horizontal_centered(|ui| {
        if action_button(ui, Action::Compact, text::GROW, Look::Plain).clicked() {
            wanted = Some(Action::Compact);
        }
        ui.add(Label::new(sentence).truncate());
    });
    wanted
}

/// Shrinks the window to the strip; what it was before, in points.
pub(super) fn shrink(ctx: &Context) -> Vec2 {
    let before = ctx.viewport_rect().size();
    let screen = ctx.input(|input| input.viewport().monitor_size).unwrap_or(COMPACT);
    resize(ctx, vec2(420.0, 64.0), COMPACT.min(screen), WindowLevel::AlwaysOnTop);
    before
}

/// Grows the window back to what it was.
pub(super) fn grow(ctx: &Context, before: Vec2) {
    resize(ctx, Vec2::from(MIN_SIZE), before, WindowLevel::Normal);
}

fn resize(ctx: &Context, least: Vec2, size: Vec2, level: WindowLevel) {
    for command in [
        ViewportCommand::Fullscreen(false),
        ViewportCommand::MinInnerSize(least),
        ViewportCommand::InnerSize(size),
        ViewportCommand::WindowLevel(level),
    ] {
        ctx.send_viewport_cmd(command);
    }
}

fn row(
    ui: &mut Ui,
    rect: Rect,
    snapshot: &Snapshot,
    now: Instant,
    grow: Option<Action>,
) -> Option<Action> {
    let tokens = Tokens::current(ui);
    let judgement = &snapshot.judgement;
    let Urgency { fill, sign, text: color } = tokens.urgency(judgement.state, judgement.level);
    let painter = ui.painter().with_clip_rect(rect);
    painter.rect_filled(rect, theme::RADIUS, fill);
    let side = (rect.height() - 12.0).min(56.0);
    let square = Rect::from_center_size(
        pos2(rect.left() + PADDING + side / 2.0, rect.center().y),
        vec2(side, side),
    );
    state_sign(&painter, square, judgement.state, sign, fill);
    let size = (rect.height() * 0.5).clamp(22.0, 36.0);
    let word = text::state_word(judgement.state);
    let galley = painter.layout_no_wrap(word.into(), theme::font(size), sign);
    let at = pos2(square.right() + PADDING, rect.center().y - galley.size().y / 2.0);
    bold(&painter, at, &galley, sign, size);
    let words = Rect::from_min_size(at, galley.size());
    let advice = text::advice(judgement.state, judgement.level);
    let order = text::order(judgement.state, judgement.level);
    let why = text::sentence(&judgement.why);
    let spoken = format!("{word}. {advice} {why}");
    let status = ui.allocate_rect(words, Sense::hover());
    status.widget_info(|| WidgetInfo::labeled(eframe::egui::Role::Status, true, &spoken));

    let mut wanted = None;
    let muted = snapshot.muted_until.and_then(|until| until.checked_duration_since(now));
    let alarmed = judgement.level >= Level::Warning || snapshot.sounding > Level::None;
    let rest = rect.shrink2(vec2(PADDING, 0.0)).with_min_x(words.right() + PADDING);
    let layout = Layout::right_to_left(Align::Center);
    let mut buttons = ui.new_child(UiBuilder::new().id_salt("strip").max_rect(rest).layout(layout));
    let mute = muted.map_or(text::MUTE.into(), text::unmute);
    let mut offered = vec![(Action::Mute, mute)];
    if alarmed {
        offered.push((Action::Acknowledge, text::ACKNOWLEDGE.into()));
    }
    if let Some(grow) = grow {
        offered.insert(0, (grow, text::GROW.into()));
    }
    for (action, label) in offered {
        if action_button(&mut buttons, action, &label, Look::Plain).clicked() {
            wanted = Some(action);
        }
    }
    let right = buttons.min_rect().left() - PADDING;
    let room = rest.with_max_x(right);
    if room.width() > 120.0 {
        let mut child = inside(ui, room, "strip advice");
        let layout = Layout::left_to_right(Align::Center);
        child = child.new_child(UiBuilder::new().max_rect(room).layout(layout));
        child.add(Label::new(RichText::new(order).size(15.0).color(color)).truncate());
    }
    wanted
}
