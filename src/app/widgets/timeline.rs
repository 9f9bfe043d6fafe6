//! The last minutes: probability of drowsy and PERCLOS, how far the eyes were open, and
//! what happened. Painted by hand, at most one point a pixel, since it is drawn anew with
//! every frame.

use eframe::egui::{
    Align2, Color32, Painter, Pos2, Rect, Role, Shape, Stroke, Ui, WidgetInfo, pos2, vec2,
};

use crate::app::{
    history::{History, Mark, SPAN_S, Sample},
    text,
    theme::{self, Tokens},
};

/// Seconds before now that carry a label.
const LABELS: [f64; 4] = [-180.0, -120.0, -60.0, 0.0];
/// Room for the labels on the left and below, in points.
const MARGIN: [f32; 2] = [44.0, 16.0];

/// Draws the plot over what is left of `ui`. `threshold` is where drowsy begins, 0..1.
pub(crate) fn timeline(ui: &mut Ui, history: &History, threshold: f32) {
    let tokens = Tokens::current(ui);
    let size = ui.available_size();
    let (area, response) = ui.allocate_exact_size(size, eframe::egui::Sense::hover());
    let painter = ui.painter().with_clip_rect(area.expand(2.0));
    let plot =
        Rect::from_min_max(area.min + vec2(MARGIN[0], 6.0), area.max - vec2(12.0, MARGIN[1]));
    // Probabilities above, eyes below, with air between.
    let (upper, rest) = plot.split_top_bottom_at_fraction(0.52);
    let lower = rest.with_min_y(rest.top() + 14.0);
    let small = || theme::font(12.0);
    let x = |seconds: f64| plot.right() + (seconds / SPAN_S) as f32 * plot.width();

    for at in LABELS {
        painter.vline(x(at), plot.y_range(), Stroke::new(1.0, tokens.divider));
        let label = match at {
            0.0 => text::watch::NOW.into(),
            at => text::watch::minutes(at / 60.0),
        };
        let anchor = if at == LABELS[0] { Align2::LEFT_TOP } else { Align2::CENTER_TOP };
        painter.text(pos2(x(at), plot.bottom() + 2.0), anchor, label, small(), tokens.muted);
    }
    for (rect, share, label) in [
        (upper, 1.0, text::percent(1.0)),
        (upper, 0.0, text::percent(0.0)),
        (lower, 1.0, text::watch::EYES_OPEN.into()),
        (lower, 0.0, text::watch::EYES_SHUT.into()),
    ] {
        let y = level(rect, share);
        painter.hline(plot.x_range(), y, Stroke::new(1.0, tokens.divider));
        let at = pos2(plot.left() - 6.0, y);
        painter.text(at, Align2::RIGHT_CENTER, label, theme::font(11.0), tokens.muted);
    }
    dashes(&painter, plot, level(upper, threshold), tokens.muted);

    type Value = fn(&Sample) -> Option<f32>;
    let lines: [(Rect, Value, Stroke); 3] = [
        (upper, |sample| sample.perclos, Stroke::new(1.5, tokens.drowsy)),
        (upper, |sample| sample.drowsy, Stroke::new(2.0, tokens.accent)),
        (lower, |sample| sample.open, Stroke::new(1.2, tokens.awake)),
    ];
    for (rect, value, stroke) in lines {
        for run in history.runs(value) {
            let mut points: Vec<Pos2> = Vec::with_capacity(plot.width() as usize);
            for [at, value] in run {
                let point = pos2(x(at), level(rect, value as f32));
                // Within a pixel the lower point of the eyes counts: a blink is short.
                match points.last_mut() {
                    Some(last) if point.x - last.x < 0.75 => last.y = last.y.max(point.y),
                    _ => points.push(point),
                }
            }
            painter.add(Shape::line(points, stroke));
        }
    }
    for (at, mark) in history.marks() {
        let (rect, y) = match mark {
            Mark::Blink => (lower, lower.bottom()),
            Mark::Yawn => (lower, lower.top()),
            Mark::Warning | Mark::Alarm => (plot, upper.top()),
        };
        if matches!(mark, Mark::Warning | Mark::Alarm) {
            painter.vline(x(at), rect.y_range(), Stroke::new(1.5, color(mark, tokens)));
        }
        draw_mark(&painter, pos2(x(at), y), 5.0, mark, tokens);
    }
    let name = text::watch::timeline_in_words(
        history.count(Mark::Warning) + history.count(Mark::Alarm),
        history.count(Mark::Blink),
        history.count(Mark::Yawn),
    );
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
}

/// Where a share of 0..1 lies in `rect`.
fn level(rect: Rect, share: f32) -> f32 {
    rect.bottom() - share.clamp(0.0, 1.0) * rect.height()
}

fn dashes(painter: &Painter, plot: Rect, y: f32, color: Color32) {
    let line = [pos2(plot.left(), y), pos2(plot.right(), y)];
    painter.extend(Shape::dashed_line(&line, Stroke::new(1.0, color), 4.0, 4.0));
}

fn color(mark: Mark, tokens: &Tokens) -> Color32 {
    match mark {
        Mark::Blink => tokens.muted,
        Mark::Yawn => tokens.tiring,
        Mark::Warning => tokens.drowsy,
        Mark::Alarm => tokens.asleep,
    }
}

/// A blink is a tick, a yawn a ring, a warning a triangle, an alarm a square that stands
/// on its corner; so they are told apart without colour.
pub(crate) fn draw_mark(painter: &Painter, at: Pos2, r: f32, mark: Mark, tokens: &Tokens) {
    let color = color(mark, tokens);
    let fill = |corners: &[[f32; 2]]| {
        let corners = corners.iter().map(|[x, y]| at + vec2(*x, *y) * r).collect();
        painter.add(Shape::convex_polygon(corners, color, Stroke::NONE));
    };
    match mark {
        Mark::Blink => {
            painter.vline(at.x, at.y - r..=at.y, Stroke::new(1.2, color));
        }
        Mark::Yawn => {
            painter.circle_stroke(at, r * 0.8, Stroke::new(1.8, color));
        }
        Mark::Warning => fill(&[[0.0, -1.0], [1.0, 0.9], [-1.0, 0.9]]),
        Mark::Alarm => fill(&[[0.0, -1.1], [1.1, 0.0], [0.0, 1.1], [-1.1, 0.0]]),
    }
}
