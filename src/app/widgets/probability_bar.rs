//! A named figure with a bar under it.

use eframe::egui::{Align2, Color32, Rect, Role, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::app::{
    text,
    theme::{self, Tokens},
};

/// What a [`gauge`] shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gauge<'a> {
    /// Name of the figure.
    pub label: &'a str,
    /// The figure as text, and the filled share of the bar, 0..1; `None` = cannot be told.
    pub value: Option<(String, f32)>,
    /// Where on the bar something begins to count, 0..1.
    pub mark: Option<f32>,
    /// Small words under the bar, each with its place on it, 0..1.
    pub captions: &'a [(f32, &'a str)],
    /// What the figure means, told under the pointer; empty = nothing.
    pub hint: &'a str,
    /// Colour of the fill.
    pub color: Color32,
    /// Point size of the figure; the bar grows with it.
    pub size: f32,
}

/// Draws the figure over the whole width of `ui`.
pub(crate) fn gauge(ui: &mut Ui, gauge: &Gauge<'_>) {
    let tokens = Tokens::current(ui);
    let bar_height = (gauge.size * 0.6).round();
    let foot = if gauge.captions.is_empty() { 0.0 } else { 17.0 };
    let size = vec2(ui.available_width(), gauge.size * 1.3 + 4.0 + bar_height + foot);
    let (full, response) = ui.allocate_exact_size(size, eframe::egui::Sense::hover());
    let area = full.with_max_y(full.bottom() - foot);
    let base = area.bottom() - bar_height - 4.0;
    let painter = ui.painter();
    let value_font = theme::font(gauge.size);
    let (text, color) = match &gauge.value {
        Some((text, _)) => (text.as_str(), tokens.text),
        None => (text::watch::NONE, tokens.muted),
    };
    let at = pos2(area.right(), base);
    let value = painter.text(at, Align2::RIGHT_BOTTOM, text, value_font, color);
    let room = value.left() - area.left() - 8.0;
    let mut job = eframe::egui::text::LayoutJob::simple_singleline(
        gauge.label.into(),
        theme::font(theme::SMALL),
        tokens.muted,
    );
    job.wrap = eframe::egui::text::TextWrapping::truncate_at_width(room);
    let label = painter.layout_job(job);
    // Baselines differ by the fonts' descents, about a fifth of their sizes.
    let lift = (gauge.size - theme::SMALL) * 0.22;
    let at = pos2(area.left(), base - lift - label.size().y);
    painter.galley(at, label, tokens.muted);

    let bar = Rect::from_min_max(pos2(area.left(), area.bottom() - bar_height), area.max);
    let radius = bar_height / 2.0;
    painter.rect_filled(bar, radius, tokens.track);
    if let Some((_, share)) = gauge.value.as_ref().filter(|(_, share)| *share > 0.005) {
        let width = (bar.width() * share.clamp(0.0, 1.0)).max(bar_height);
        painter.rect_filled(
            Rect::from_min_size(bar.min, vec2(width, bar_height)),
            radius,
            gauge.color,
        );
    }
    if let Some(mark) = gauge.mark {
        let x = bar.left() + bar.width() * mark.clamp(0.0, 1.0);
        let edge = bar.y_range().expand(3.0);
        painter.vline(x, edge, Stroke::new(4.0, tokens.surface));
        painter.vline(x, edge, Stroke::new(2.0, tokens.text));
    }
    for &(place, caption) in gauge.captions {
        let anchor = match place {
            0.0 => Align2::LEFT_BOTTOM,
            1.0 => Align2::RIGHT_BOTTOM,
            _ => Align2::CENTER_BOTTOM,
        };
        let at = pos2(bar.left() + bar.width() * place, full.bottom());
        painter.text(at, anchor, caption, theme::font(12.0), tokens.muted);
    }
    let name = format!("{}: {text}", gauge.label);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &name));
    if !gauge.hint.is_empty() {
        response.on_hover_text(gauge.hint);
    }
}
