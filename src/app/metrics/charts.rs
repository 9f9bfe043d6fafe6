//! The curves of a measurement, each a square with both axes from 0 to 1, and the point of
//! the threshold on it.

use eframe::egui::{Align2, Color32, Rect, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::{
    app::{
        text,
        theme::{self, Tokens},
    },
    evaluate::metrics::CalibrationBin,
};

/// Side of a chart with its labels, in points.
pub(super) const SIDE: f32 = 216.0;

/// A curve to draw.
pub(super) struct Chart<'a> {
    /// Its name.
    pub(super) title: &'a str,
    /// Points, 0..1 each.
    pub(super) points: &'a [[f64; 2]],
    /// The threshold's point.
    pub(super) here: Option<[f64; 2]>,
    /// Draw the diagonal that means "no better than chance" or "as promised".
    pub(super) diagonal: bool,
    /// Mark each point.
    pub(super) dots: bool,
}

impl Chart<'_> {
    /// Draws it.
    pub(super) fn show(&self, ui: &mut Ui) {
        let tokens = Tokens::current(ui);
        let (area, response) = ui.allocate_exact_size(vec2(SIDE, SIDE + 20.0), Sense::hover());
        let painter = ui.painter();
        let at = area.left_top() + vec2(4.0, 0.0);
        let font = theme::font(theme::SMALL);
        painter.text(at, Align2::LEFT_TOP, self.title, font, tokens.muted);
        let plot = Rect::from_min_max(area.min + vec2(30.0, 22.0), area.max - vec2(10.0, 18.0));
        let place = |[x, y]: [f64; 2]| {
            pos2(
                plot.left() + x.clamp(0.0, 1.0) as f32 * plot.width(),
                plot.bottom() - y.clamp(0.0, 1.0) as f32 * plot.height(),
            )
        };
        for share in [0.0, 0.5, 1.0] {
            let line = Stroke::new(1.0, tokens.divider);
            painter.line_segment([place([share, 0.0]), place([share, 1.0])], line);
            painter.line_segment([place([0.0, share]), place([1.0, share])], line);
            let label = text::metrics::axis(share);
            let font = theme::font(11.0);
            let below = place([share, 0.0]) + vec2(0.0, 3.0);
            painter.text(below, Align2::CENTER_TOP, &label, font.clone(), tokens.muted);
            if share > 0.0 {
                let beside = place([0.0, share]) - vec2(4.0, 0.0);
                painter.text(beside, Align2::RIGHT_CENTER, &label, font, tokens.muted);
            }
        }
        if self.diagonal {
            let line = [place([0.0, 0.0]), place([1.0, 1.0])];
            painter.extend(Shape::dashed_line(&line, Stroke::new(1.0, tokens.muted), 4.0, 4.0));
        }
        let points: Vec<_> = self.points.iter().map(|point| place(*point)).collect();
        if self.dots {
            points.iter().for_each(|point| {
                painter.circle_filled(*point, 3.0, tokens.accent);
            });
        }
        painter.add(Shape::line(points, Stroke::new(2.0, tokens.accent)));
        if let Some(here) = self.here {
            painter.circle_filled(place(here), 6.0, tokens.surface);
            painter.circle_filled(place(here), 4.5, tokens.text);
        }
        let name = text::metrics::chart(self.title, self.here);
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
    }
}

/// What came true over what was promised, of the bins that hold answers.
pub(super) fn calibration(bins: &[CalibrationBin]) -> Vec<[f64; 2]> {
    let held = bins.iter().filter(|bin| bin.n > 0);
    held.map(|bin| [bin.promised / bin.n as f64, bin.kept / bin.n as f64]).collect()
}

/// Counts of truth against answer, shaded by their share of the row.
pub(super) fn confusion(ui: &mut Ui, classes: &[String], counts: &[Vec<u64>]) {
    let tokens = Tokens::current(ui);
    let cell = vec2(92.0, 54.0);
    let classes_wide = 74.0;
    let size =
        vec2(classes_wide + cell.x * classes.len() as f32, 20.0 + cell.y * classes.len() as f32);
    let (area, response) = ui.allocate_exact_size(size, Sense::hover());
    let painter = ui.painter();
    for (column, class) in classes.iter().enumerate() {
        let x = area.left() + classes_wide + cell.x * (column as f32 + 0.5);
        let label = text::metrics::called(class);
        let font = theme::font(theme::SMALL);
        painter.text(pos2(x, area.top()), Align2::CENTER_TOP, label, font, tokens.muted);
    }
    for (row, line) in counts.iter().enumerate() {
        let y = area.top() + 20.0 + cell.y * row as f32;
        let class = classes.get(row).map_or("", String::as_str);
        let at = pos2(area.left(), y + cell.y / 2.0);
        let font = theme::font(theme::SMALL);
        painter.text(at, Align2::LEFT_CENTER, class, font, tokens.text);
        let sum: u64 = line.iter().sum();
        for (column, count) in line.iter().enumerate() {
            let min = pos2(area.left() + classes_wide + cell.x * column as f32, y);
            let rect = Rect::from_min_size(min, cell).shrink(2.0);
            let share = *count as f32 / sum.max(1) as f32;
            let color: Color32 = if row == column { tokens.awake } else { tokens.asleep };
            painter.rect_filled(rect, 4.0, tokens.raised.lerp_to_gamma(color, share * 0.25));
            let right = row == column;
            if right {
                let edge = Stroke::new(1.5, tokens.outline);
                let kind = eframe::egui::StrokeKind::Inside;
                painter.rect_stroke(rect, 4.0, edge, kind);
            }
            let at = rect.center();
            let font = theme::font(20.0);
            painter.text(at, Align2::CENTER_CENTER, count.to_string(), font, tokens.text);
        }
    }
    let name = text::metrics::confusion(classes, counts);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
}
