//! The state card: sign, word, what to do now and why; what is left of the driver's
//! awareness; on the right, what the driver may press.

use std::time::Duration;

use eframe::egui::{
    CornerRadius, Rect, Role, Sense, Stroke, Ui, WidgetInfo, pos2,
    text::{LayoutJob, TextWrapping},
    vec2,
};

use crate::{
    app::{
        actions::Action,
        text,
        theme::{self, PADDING, Tokens, Urgency},
        widgets::{Look, action_button, bold, inside, state_sign},
    },
    live::Snapshot,
    monitor::{Level, Settings},
};

/// Width of the awareness and of the buttons, in points.
const AWARENESS: f32 = 190.0;
const BUTTONS: f32 = 186.0;

/// Draws the card into `rect`.
pub(super) fn show(
    ui: &mut Ui,
    rect: Rect,
    snapshot: &Snapshot,
    monitor: &Settings,
    muted: Option<Duration>,
) -> Option<Action> {
    let tokens = Tokens::current(ui);
    let judgement = &snapshot.judgement;
    let urgency = tokens.urgency(judgement.state, judgement.level);
    let Urgency { fill, sign, text: text_color } = urgency;
    let painter = ui.painter();
    painter.rect_filled(rect, theme::RADIUS, fill);
    // A bar of the state's colour holds the card's edge, also while it is calm.
    let edge = rect.with_max_x(rect.left() + 6.0);
    let left = CornerRadius { nw: theme::RADIUS, sw: theme::RADIUS, ne: 0, se: 0 };
    painter.rect_filled(edge, left, tokens.state(judgement.state));

    let content = rect.shrink2(vec2(PADDING * 1.5, PADDING));
    let side = content.height().min(120.0);
    let square = Rect::from_min_size(
        pos2(content.left() + 6.0, content.center().y - side / 2.0),
        vec2(side, side),
    );
    state_sign(painter, square, judgement.state, sign, fill);

    let buttons = content.with_min_x(content.right() - BUTTONS);
    let awareness = content
        .with_max_x(buttons.left() - PADDING * 1.5)
        .with_min_x(buttons.left() - PADDING * 1.5 - AWARENESS);
    let words = Rect::from_min_max(
        pos2(square.right() + PADDING * 1.5, content.top()),
        pos2(awareness.left() - PADDING, content.bottom()),
    );
    let word = text::state_word(judgement.state);
    let advice = text::advice(judgement.state, judgement.level);
    // A long word is set smaller rather than cut off.
    let mut size = rect.height() * 0.42;
    let wide = painter.layout_no_wrap(word.into(), theme::font(size), sign).size().x + 6.0;
    size *= (words.width() / wide).min(1.0);
    let galley = painter.layout_no_wrap(word.into(), theme::font(size), sign);
    let line = |text: &str, size| {
        let mut job = LayoutJob::simple(text.into(), theme::font(size), text_color, words.width());
        job.wrap =
            TextWrapping { max_width: words.width(), max_rows: 1, ..TextWrapping::default() };
        painter.layout_job(job)
    };
    let advice_line = line(advice, (rect.height() * 0.16).clamp(17.0, 24.0));
    let why = match judgement.rest {
        true => text::watch::REST.to_owned(),
        false => text::sentence(&judgement.why),
    };
    let why_line = line(&why, theme::BODY);
    let height = galley.size().y + advice_line.size().y + why_line.size().y;
    let mut at = pos2(words.left(), words.center().y - height / 2.0);
    bold(painter, at, &galley, sign, size);
    at.y += galley.size().y;
    let advice_height = advice_line.size().y;
    painter.galley(at, advice_line, text_color);
    at.y += advice_height;
    painter.galley(at, why_line, text_color);
    let spoken = format!("{word}. {advice} {why}");
    let mut words_ui = inside(ui, words, "state");
    let response = words_ui.allocate_rect(words, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Status, true, &spoken));

    left_of_awareness(ui, awareness, snapshot, monitor, &urgency);
    pressed(ui, buttons, content.height(), snapshot, muted)
}

/// What is left of the awareness as a bar with its two borders, and how far the driver's
/// own eyes have been learned.
fn left_of_awareness(
    ui: &mut Ui,
    rect: Rect,
    snapshot: &Snapshot,
    monitor: &Settings,
    urgency: &Urgency,
) {
    let tokens = Tokens::current(ui);
    let judgement = &snapshot.judgement;
    let alarm = judgement.level == Level::Critical;
    let (fill, track) = match alarm {
        true => (urgency.text, urgency.fill.lerp_to_gamma(urgency.text, 0.3)),
        false => (tokens.state(judgement.state), tokens.track),
    };
    let painter = ui.painter();
    let middle = rect.center().y;
    // Of a driver who is not seen nothing is known, least of all that all is well.
    let known = !judgement.state.is_blind();
    let figure =
        if known { text::percent(judgement.awareness) } else { text::watch::NONE.to_owned() };
    let small = theme::font(theme::SMALL);
    let top = pos2(rect.left(), middle - 36.0);
    let label = text::watch::AWARENESS;
    painter.text(top, eframe::egui::Align2::LEFT_TOP, label, small.clone(), urgency.text);
    let at = pos2(rect.right(), middle - 14.0);
    let anchor = eframe::egui::Align2::RIGHT_BOTTOM;
    painter.text(at, anchor, &figure, theme::font(22.0), urgency.text);
    let bar = Rect::from_min_max(pos2(rect.left(), middle - 9.0), pos2(rect.right(), middle + 5.0));
    painter.rect_filled(bar, 7.0, track);
    if known {
        let width = (bar.width() * judgement.awareness.clamp(0.0, 1.0)).max(14.0);
        painter.rect_filled(Rect::from_min_size(bar.min, vec2(width, bar.height())), 7.0, fill);
    }
    for border in [monitor.drowsy[0], monitor.tiring[0]] {
        let x = bar.left() + bar.width() * border.clamp(0.0, 1.0);
        painter.vline(x, bar.y_range().expand(2.0), Stroke::new(4.0, urgency.fill));
        painter.vline(x, bar.y_range().expand(2.0), Stroke::new(2.0, urgency.text));
    }
    let learning = judgement.baseline < 1.0;
    let sentence = match learning {
        true => text::watch::learning(judgement.baseline),
        false => text::watch::LEARNED.to_owned(),
    };
    let at = pos2(rect.left(), middle + 12.0);
    painter.text(at, eframe::egui::Align2::LEFT_TOP, &sentence, small, urgency.text);
    if learning {
        let base = Rect::from_min_size(pos2(rect.left(), middle + 32.0), vec2(rect.width(), 4.0));
        painter.rect_filled(base, 2.0, track);
        let width = base.width() * judgement.baseline.clamp(0.0, 1.0);
        painter.rect_filled(Rect::from_min_size(base.min, vec2(width, 4.0)), 2.0, urgency.text);
    }
    let name = format!("{}: {figure}. {sentence}", text::watch::AWARENESS);
    let mut child = inside(ui, rect, "awareness");
    let response = child.allocate_rect(rect, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &name));
}

/// What the driver may press; muting is always there.
fn pressed(
    ui: &mut Ui,
    rect: Rect,
    height: f32,
    snapshot: &Snapshot,
    muted: Option<Duration>,
) -> Option<Action> {
    let mut buttons = inside(ui, rect, "state buttons");
    buttons.spacing_mut().item_spacing.y = 8.0;
    buttons.add_space((height - 76.0) / 2.0);
    let level = snapshot.judgement.level;
    let alarmed = level >= Level::Warning || snapshot.sounding > Level::None;
    let mut action = None;
    let acknowledge = buttons.add_enabled_ui(alarmed, |ui| {
        action_button(ui, Action::Acknowledge, text::ACKNOWLEDGE, Look::Plain).clicked()
    });
    if acknowledge.inner {
        action = Some(Action::Acknowledge);
    }
    let mute = muted.map_or(text::MUTE.into(), text::unmute);
    if action_button(&mut buttons, Action::Mute, &mute, Look::Plain).clicked() {
        action = Some(Action::Mute);
    }
    action
}
