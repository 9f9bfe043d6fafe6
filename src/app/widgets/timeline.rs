//! The smoothed probability of drowsy over the last minute, with the alarms marked.

use eframe::egui::{Color32, Painter, Rect, Role, Shape, Stroke, Ui, Vec2b, WidgetInfo, vec2};
use egui_plot::{
    AxisHints, GridMark, HLine, Line, LineStyle, MarkerShape, Plot, PlotPoints, Points, VLine,
    VPlacement,
};

use crate::{
    app::{
        history::{History, SPAN_S},
        text,
        theme::{self, Tokens},
    },
    monitor::Level,
};

/// Draws the plot over what is left of `ui`. `threshold` is where drowsy begins, 0..1.
pub fn timeline(ui: &mut Ui, history: &History, threshold: Option<f32>) {
    let tokens = Tokens::current(ui);
    let marks = |values: &'static [f64]| {
        move |_: egui_plot::GridInput| {
            values.iter().map(|&value| GridMark { value, step_size: 10.0 }).collect::<Vec<_>>()
        }
    };
    let axis = |hints: AxisHints<'static>| {
        hints
            .tick_label_color(tokens.muted)
            .tick_label_font(theme::font(12.0))
            .label_spacing(0.0..=1.0)
    };
    let size = ui.available_size();
    let response = Plot::new("timeline")
        .width(size.x)
        .height(size.y)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .allow_axis_zoom_drag(false)
        .show_crosshair(false)
        .show_x(false)
        .show_y(false)
        .show_background(false)
        .set_margin_fraction(vec2(0.0, 0.0))
        .auto_bounds(Vec2b::FALSE)
        .default_x_bounds(-SPAN_S, 0.0)
        .default_y_bounds(0.0, 1.0)
        .grid_color(tokens.divider)
        .grid_fade(0.0)
        .x_grid_spacer(marks(&[-60.0, -45.0, -30.0, -15.0, 0.0]))
        .y_grid_spacer(marks(&[0.0, 0.5, 1.0]))
        .custom_x_axes(vec![axis(AxisHints::new_x().placement(VPlacement::Bottom).formatter(
            |mark, _| match mark.value {
                0.0 => text::watch::NOW.into(),
                value => format!("{value:.0} s"),
            },
        ))])
        .custom_y_axes(vec![axis(
            AxisHints::new_y().formatter(|mark, _| text::percent(mark.value as f32)),
        )])
        .show(ui, |plot| {
            // Room for the last label and the marks.
            plot.set_plot_bounds_x(-SPAN_S..=2.5);
            plot.set_plot_bounds_y(-0.06..=1.12);
            if let Some(threshold) = threshold {
                let line = HLine::new("threshold", threshold)
                    .stroke(Stroke::new(1.0, tokens.muted))
                    .style(LineStyle::dashed_dense())
                    .allow_hover(false);
                plot.hline(line);
            }
            for run in history.runs() {
                let line = Line::new("drowsy", PlotPoints::from(run))
                    .stroke(Stroke::new(2.0, tokens.accent))
                    .fill(0.0)
                    .fill_alpha(0.12)
                    .allow_hover(false);
                plot.line(line);
            }
            let now = history.now();
            for alarm in history.alarms() {
                let (color, shape) = mark(alarm.level, tokens);
                let at = alarm.at - now;
                plot.vline(
                    VLine::new("alarm", at).stroke(Stroke::new(1.5, color)).allow_hover(false),
                );
                let points = Points::new("alarm", vec![[at, 1.03]])
                    .shape(shape)
                    .radius(6.0)
                    .color(color)
                    .allow_hover(false);
                plot.points(points);
            }
        })
        .response;
    let name = text::watch::timeline_in_words(history.alarms().len());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
}

/// A warning is a triangle, an alarm a square that stands on its corner.
fn mark(level: Level, tokens: &Tokens) -> (Color32, MarkerShape) {
    match level {
        Level::Critical => (tokens.asleep, MarkerShape::Diamond),
        _ => (tokens.drowsy, MarkerShape::Up),
    }
}

/// Draws the mark of `level` into `rect`, for the legend.
pub fn alarm_mark(painter: &Painter, rect: Rect, level: Level, tokens: &Tokens) {
    let (color, shape) = mark(level, tokens);
    let corners = match shape {
        MarkerShape::Diamond => {
            vec![rect.center_top(), rect.right_center(), rect.center_bottom(), rect.left_center()]
        }
        _ => vec![rect.center_top(), rect.right_bottom(), rect.left_bottom()],
    };
    painter.add(Shape::convex_polygon(corners, color, Stroke::NONE));
}
