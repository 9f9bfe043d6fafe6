//! The bar of time of a recording: what was judged and what is known, one lane each, with
//! alarms marked and the present as a line. A click or drag goes there.

use eframe::egui::{Align2, Painter, Rect, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::draw_mark;
use crate::{
    app::{
        history::Mark,
        text::{self, replay as words},
        theme::{self, Tokens},
    },
    monitor::Level,
    replay::{Span, review::Track},
};

/// Room for the lanes' names, in points.
const NAMES: f32 = 62.0;

/// What the bar shows.
pub(crate) struct SeekBar<'a> {
    /// What was judged so far.
    pub track: &'a Track,
    /// What is known to happen.
    pub truth: Option<&'a [Span]>,
    /// Length of the recording, seconds.
    pub seconds: f64,
    /// The present, seconds.
    pub at: f64,
}

impl SeekBar<'_> {
    /// Draws the bar into `rect`; the time that is asked for.
    pub(crate) fn show(&self, ui: &mut Ui, rect: Rect) -> Option<f64> {
        let tokens = Tokens::current(ui);
        let painter = ui.painter().with_clip_rect(rect.expand(1.0));
        painter.rect_filled(rect, theme::RADIUS, tokens.surface);
        let area = rect.shrink2(vec2(12.0, 8.0)).with_min_x(rect.left() + NAMES + 12.0);
        let ticks = area.with_min_y(area.bottom() - 15.0);
        let lanes = area.with_max_y(ticks.top() - 3.0).with_min_y(area.top() + 12.0);
        let (judged, known) = lanes.split_top_bottom_at_fraction(0.62);
        let known = known.with_min_y(known.top() + 4.0);
        let length = self.seconds.max(0.1);
        let x = |at: f64| area.left() + (at / length).clamp(0.0, 1.0) as f32 * area.width();

        for (lane, name) in [(judged, words::JUDGED), (known, words::TRUTH)] {
            painter.rect_filled(lane, 3.0, tokens.track);
            let at = pos2(area.left() - 8.0, lane.center().y);
            let font = theme::font(theme::SMALL);
            painter.text(at, Align2::RIGHT_CENTER, name, font, tokens.muted);
        }
        self.stretches(&painter, judged, &x, tokens);
        self.spans(&painter, known, &x, tokens);
        for alarm in &self.track.alarms {
            let mark = if alarm.level == Level::Critical { Mark::Alarm } else { Mark::Warning };
            draw_mark(&painter, pos2(x(alarm.from), area.top() + 4.0), 5.0, mark, tokens);
        }
        let step = nice_step(length, area.width());
        for tick in 0..=(length / step) as u32 {
            let at = f64::from(tick) * step;
            let label = text::replay_tick(at);
            let anchor = match tick {
                0 => Align2::LEFT_TOP,
                _ if x(at) > area.right() - 16.0 => Align2::RIGHT_TOP,
                _ => Align2::CENTER_TOP,
            };
            painter.text(pos2(x(at), ticks.top()), anchor, label, theme::font(12.0), tokens.muted);
        }
        let here = x(self.at);
        painter.vline(here, area.top()..=ticks.top(), Stroke::new(5.0, tokens.surface));
        painter.vline(here, area.top()..=ticks.top(), Stroke::new(2.5, tokens.text));
        painter.circle_filled(pos2(here, area.top()), 5.0, tokens.text);

        let hit = area.expand2(vec2(4.0, 4.0));
        let response = ui.allocate_rect(hit, Sense::click_and_drag());
        if response.has_focus() {
            let stroke = Stroke::new(2.0, tokens.accent);
            painter.rect_stroke(rect, theme::RADIUS, stroke, eframe::egui::StrokeKind::Inside);
        }
        response.widget_info(|| WidgetInfo {
            value: Some(self.at),
            label: Some(words::TIME.into()),
            ..WidgetInfo::new(Role::Slider)
        });
        let wanted = response
            .interact_pointer_pos()
            .filter(|_| response.clicked() || response.dragged() || response.drag_started());
        wanted.map(|at| f64::from((at.x - area.left()) / area.width()).clamp(0.0, 1.0) * length)
    }

    /// The more urgent, the higher; so levels are told apart without colour.
    fn stretches(&self, painter: &Painter, lane: Rect, x: &dyn Fn(f64) -> f32, tokens: &Tokens) {
        for stretch in &self.track.stretches {
            let share = match stretch.level {
                Level::None => 0.3,
                Level::Advisory => 0.5,
                Level::Warning => 0.75,
                Level::Critical => 1.0,
            };
            let (from, to) = (x(stretch.from), x(stretch.to));
            let bar = Rect::from_min_max(
                pos2(from, lane.bottom() - lane.height() * share),
                pos2(to.max(from + 1.0), lane.bottom()),
            );
            painter.rect_filled(bar, 0.0, tokens.state(stretch.state));
        }
    }

    fn spans(&self, painter: &Painter, lane: Rect, x: &dyn Fn(f64) -> f32, tokens: &Tokens) {
        let font = theme::font(12.0);
        let Some(truth) = self.truth else {
            let at = lane.left_center() + vec2(6.0, 0.0);
            painter.text(at, Align2::LEFT_CENTER, words::NO_TRUTH, font, tokens.muted);
            return;
        };
        for span in truth {
            let (from, to) = (x(span.from), x(span.to));
            let bar =
                Rect::from_min_max(pos2(from, lane.top()), pos2(to.max(from + 2.0), lane.bottom()));
            painter.rect_filled(bar, 2.0, tokens.raised);
            let edge = Stroke::new(1.0, tokens.outline);
            painter.rect_stroke(bar, 2.0, edge, eframe::egui::StrokeKind::Inside);
            let label =
                painter.layout_no_wrap(words::known(&span.state), font.clone(), tokens.text);
            if label.size().x + 6.0 < bar.width() {
                let at = bar.center() - label.size() / 2.0;
                painter.galley(at, label, tokens.text);
            }
        }
    }
}

/// A distance of labels that fits.
fn nice_step(seconds: f64, width: f32) -> f64 {
    let least = seconds / f64::from((width / 70.0).max(1.0));
    let steps = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0];
    steps.into_iter().find(|step| *step >= least).unwrap_or(3600.0)
}
