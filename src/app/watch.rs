//! The watch screen: what a driver glances at and a researcher reads. The state stands on
//! top, large; below it the camera picture, what the network sees of it, the signs read
//! from it and the last minute; at the foot, what all that runs on. It is drawn from a
//! [`Snapshot`] alone and asks for [`Action`]s, so that a test can show it anything.

use std::time::{Duration, Instant};

use eframe::egui::{
    Align, CornerRadius, Layout, Rect, RichText, Role, Sense, Ui, UiBuilder, Vec2, WidgetInfo,
    pos2,
    text::{LayoutJob, TextWrapping},
    vec2,
};

use super::{
    actions::Action,
    history::History,
    text,
    theme::{self, GAP, PADDING, Tokens, Urgency},
    widgets::{
        CameraView, Gauge, Look, PatchGridView, action_button, alarm_mark, bold, card, gauge,
        heading, inside, state_sign, timeline,
    },
};
use crate::{
    live::Snapshot,
    monitor::{Level, Settings, State},
};

/// The longest closure that the gauge shows, in seconds: sleep begins there (Euro NCAP).
const CLOSED_SPAN_S: f32 = 3.0;
/// Height that all signs need, and width that their names need, in points.
const SIGNS: Vec2 = vec2(190.0, 232.0);
/// Patches are explained under crops from this side on, in points.
const LEGEND_FROM: f32 = 170.0;

/// The screen's own state: textures, and whether overlays are drawn.
pub struct WatchView {
    camera: CameraView,
    grid: PatchGridView,
    /// Thresholds of the monitor, to be marked.
    pub settings: Settings,
    /// Draw face, landmarks and patches over the pictures.
    pub overlays: bool,
}

impl Default for WatchView {
    fn default() -> Self {
        Self {
            camera: CameraView::default(),
            grid: PatchGridView::default(),
            settings: Settings::default(),
            overlays: true,
        }
    }
}

impl WatchView {
    /// Draws the screen over what is left of `ui`; `now` is the time for countdowns.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        snapshot: &Snapshot,
        history: &History,
        now: Instant,
    ) -> Option<Action> {
        let tokens = Tokens::current(ui);
        let muted = snapshot.muted_until.and_then(|until| until.checked_duration_since(now));
        let places =
            Places::of(ui.available_rect_before_wrap(), aspect(snapshot), banners(snapshot).len());

        let action = hero(ui, places.hero, snapshot, muted);
        for (banner, rect) in banners(snapshot).iter().zip(&places.banners) {
            draw_banner(ui, *rect, banner);
        }
        // Pictures are dark or light by themselves: what is drawn over them has one colour.
        let color = theme::DARK.state(snapshot.judgement.state);
        self.camera.show(ui, places.camera, snapshot, self.overlays, color);

        let mut crop = card(ui, places.crop, "crop");
        heading(&mut crop, text::watch::CROP);
        let inner = places.crop.shrink(PADDING);
        let side = inner.width().min(inner.bottom() - crop.cursor().top());
        let square = Rect::from_min_size(crop.cursor().min, vec2(side, side));
        self.grid.show(&mut crop, square, snapshot, self.overlays);
        if side >= LEGEND_FROM && self.overlays {
            let legend = RichText::new(text::watch::CROP_LEGEND).size(12.0).color(tokens.muted);
            crop.label(legend);
        }

        signs(&mut card(ui, places.signs, "signs"), snapshot, &self.settings);

        let mut plot = card(ui, places.timeline, "timeline");
        timeline_heading(&mut plot);
        timeline(&mut plot, history, Some(self.settings.drowsy_enter));

        status(ui, places.status, snapshot, muted);
        action
    }
}

/// Width over height of the picture.
fn aspect(snapshot: &Snapshot) -> f32 {
    snapshot.frame.as_ref().map_or(4.0 / 3.0, |frame| {
        let (width, height) = frame.image.dimensions();
        (width as f32 / height.max(1) as f32).clamp(0.75, 2.0)
    })
}

/// Where the parts of the screen lie.
#[derive(Clone, Debug)]
struct Places {
    hero: Rect,
    banners: Vec<Rect>,
    camera: Rect,
    crop: Rect,
    signs: Rect,
    timeline: Rect,
    status: Rect,
}

impl Places {
    /// Divides `area` for a picture of `aspect` and so many banners.
    fn of(area: Rect, aspect: f32, banners: usize) -> Self {
        let mut rest = area;
        let mut take_top = |height: f32| {
            let (top, below) = rest.split_top_bottom_at_y(rest.top() + height);
            rest = below.with_min_y(below.top() + GAP);
            top
        };
        let hero = take_top((area.height() * 0.19).clamp(108.0, 170.0));
        let banners: Vec<_> = (0..banners).map(|_| take_top(32.0)).collect();
        let (main, status) = rest.split_top_bottom_at_y(rest.bottom() - 24.0);
        let main = main.with_max_y(main.bottom() - 6.0);

        // The picture takes all the height, if the right side keeps what its text needs.
        let width =
            (main.height() * aspect).min(main.width() - GAP - 424.0).max(main.width() * 0.4);
        let (camera, right) = main.split_left_right_at_x(main.left() + width);
        let right = right.with_min_x(right.left() + GAP);
        let plot = (right.height() * 0.36).clamp(112.0, 280.0);
        let upper = right.height() - plot - GAP;
        // The crop is a square under a heading of one line and, where there is room for
        // it, above a legend of two.
        let (heading, legend) = (24.0, 38.0);
        let square = upper - 2.0 * PADDING - heading - legend;
        let square = if square < LEGEND_FROM { square + legend } else { square };
        let least = SIGNS.x + 2.0 * PADDING;
        let side = (square + 2.0 * PADDING).min(right.width() - GAP - least);
        let (upper, timeline) = right.split_top_bottom_at_y(right.top() + upper);
        let timeline = timeline.with_min_y(timeline.top() + GAP);
        let (crop, signs) = upper.split_left_right_at_x(upper.left() + side);
        let signs = signs.with_min_x(signs.left() + GAP);
        Self { hero, banners, camera, crop, signs, timeline, status }
    }
}

/// The state card: sign, word, cause and advice; on the right, what the driver may press.
fn hero(ui: &mut Ui, rect: Rect, snapshot: &Snapshot, muted: Option<Duration>) -> Option<Action> {
    let tokens = Tokens::current(ui);
    let judgement = &snapshot.judgement;
    let Urgency { fill, sign, text: text_color } = tokens.urgency(judgement.state, judgement.level);
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

    let buttons = content.with_min_x(content.right() - 196.0);
    let words = Rect::from_min_max(
        pos2(square.right() + PADDING * 1.5, content.top()),
        pos2(buttons.left() - PADDING, content.bottom()),
    );
    let word = text::state_word(judgement.state);
    let advice = text::advice(judgement.state, judgement.level);
    let size = rect.height() * 0.42;
    let galley = painter.layout_no_wrap(word.into(), theme::font(size), sign);
    let line = |text: &str, size| {
        let mut job = LayoutJob::simple(text.into(), theme::font(size), text_color, words.width());
        job.wrap =
            TextWrapping { max_width: words.width(), max_rows: 1, ..TextWrapping::default() };
        painter.layout_job(job)
    };
    let advice_line = line(advice, (rect.height() * 0.16).clamp(17.0, 24.0));
    let why = text::sentence(&judgement.why);
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

    let mut buttons = inside(ui, buttons, "state buttons");
    buttons.spacing_mut().item_spacing.y = 8.0;
    buttons.add_space((content.height() - 76.0) / 2.0);
    let alarmed = judgement.level >= Level::Warning || snapshot.sounding > Level::None;
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

/// What must be said across the whole window, worst first.
fn banners(snapshot: &Snapshot) -> Vec<String> {
    let ended = snapshot.ended.then(|| text::watch::ENDED.to_owned());
    let problem = snapshot.problem.as_deref().map(text::sentence);
    [problem, text::silent(&snapshot.sound), ended].into_iter().flatten().collect()
}

fn draw_banner(ui: &mut Ui, rect: Rect, text: &str) {
    let tokens = Tokens::current(ui);
    ui.painter().rect_filled(rect, theme::RADIUS, tokens.raised);
    let mark = Rect::from_min_size(rect.min + vec2(PADDING, 6.0), vec2(20.0, 20.0));
    state_sign(ui.painter(), mark, State::Drowsy, tokens.drowsy, tokens.raised);
    let line = rect.with_min_x(mark.right() + 10.0).shrink2(vec2(0.0, 2.0));
    let layout = Layout::left_to_right(Align::Center);
    let mut child = ui.new_child(UiBuilder::new().max_rect(line).layout(layout));
    let label = eframe::egui::Label::new(RichText::new(text).color(tokens.text)).truncate();
    child.add(label);
}

/// The plot's heading, and what its marks mean.
fn timeline_heading(ui: &mut Ui) {
    let tokens = Tokens::current(ui);
    ui.horizontal(|ui| {
        heading(ui, text::watch::TIMELINE);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            for (level, name) in [
                (Level::Critical, text::watch::ALARM_MARK),
                (Level::Warning, text::watch::WARNING_MARK),
            ] {
                heading(ui, name);
                let (mark, _) = ui.allocate_exact_size(vec2(11.0, 11.0), Sense::hover());
                alarm_mark(ui.painter(), mark, level, tokens);
                ui.add_space(8.0);
            }
        });
    });
}

/// The figures that were read, the smoothed one first and largest.
fn signs(ui: &mut Ui, snapshot: &Snapshot, settings: &Settings) {
    let tokens = Tokens::current(ui);
    let judgement = &snapshot.judgement;
    let reading = snapshot.reading.as_ref();
    let room = ui.available_size();
    // Larger where there is room; without captions where there is too little.
    let scale = (room / SIGNS).min_elem().clamp(1.0, 1.3);
    let roomy = room.y >= SIGNS.y;
    let spread = if roomy { (room.y - SIGNS.y * scale) / 3.0 + 10.0 } else { 5.0 };
    ui.spacing_mut().item_spacing.y = spread.clamp(5.0, 36.0);

    let percent = |share: Option<f32>| share.map(|share| (text::percent(share), share));
    let blind = [State::NoDriver, State::EyesUnreadable, State::CameraLost];
    let seen = reading.is_some() && !blind.contains(&judgement.state);
    let closed = judgement.eyes_closed_s;
    let closed = seen.then(|| (text::seconds(closed), closed / CLOSED_SPAN_S));
    let color = tokens.state(judgement.state);
    let asleep = settings.alarm_s / CLOSED_SPAN_S;
    let alarm = text::watch::alarm_from(settings.alarm_s);
    let plain = Gauge { mark: None, captions: &[], color: tokens.accent, ..Gauge::default() };
    let gauges = [
        Gauge {
            label: text::watch::DROWSY,
            value: percent(judgement.drowsy),
            mark: Some(settings.drowsy_enter),
            captions: &[(0.0, text::watch::AWAKE), (1.0, text::watch::DROWSY)],
            color,
            size: 30.0,
        },
        Gauge {
            label: text::watch::CLOSED_FOR,
            value: closed,
            mark: Some(asleep),
            captions: &[(asleep, &alarm)],
            color,
            size: 22.0,
        },
        Gauge {
            label: text::watch::CLOSED,
            value: percent(reading.map(|reading| reading.eyes_closed)),
            size: 15.0,
            ..plain.clone()
        },
        Gauge {
            label: text::watch::YAWN,
            value: percent(reading.map(|reading| reading.yawn)),
            size: 15.0,
            ..plain
        },
    ];
    for each in gauges {
        let captions = if roomy { each.captions } else { &[] };
        gauge(ui, &Gauge { size: each.size * scale, captions, ..each });
    }
}

/// The last part of a path; other names as they are.
fn short(name: &str) -> &str {
    let path = std::path::Path::new(name);
    path.file_name().and_then(|last| last.to_str()).unwrap_or(name)
}

/// The line at the foot: what the figures above come from.
fn status(ui: &mut Ui, rect: Rect, snapshot: &Snapshot, muted: Option<Duration>) {
    let tokens = Tokens::current(ui);
    let stats = &snapshot.stats;
    let faces = match stats.frames {
        0 => text::watch::NONE.into(),
        frames => text::percent(stats.frames_with_face as f32 / frames as f32),
    };
    let sound = muted.map_or_else(|| text::sound(&snapshot.sound).into(), text::muted);
    let items = [
        (text::status::RATE, text::rate(stats.fps)),
        (text::status::LATENCY, text::milliseconds(stats.latency_ms)),
        (text::status::PROVIDER, snapshot.provider.clone()),
        (text::status::MODEL, snapshot.model.clone()),
        (text::status::FACES, faces),
        (text::status::SOUND, sound),
        (text::status::SOURCE, short(&snapshot.source.name).to_owned()),
    ];
    let layout = Layout::left_to_right(Align::Center);
    let mut row = ui.new_child(UiBuilder::new().max_rect(rect).layout(layout));
    row.spacing_mut().item_spacing.x = 6.0;
    for (name, value) in items {
        row.label(RichText::new(name).size(theme::SMALL).color(tokens.muted));
        let value = if value.is_empty() { text::watch::NONE.into() } else { value };
        let value = RichText::new(value).size(theme::SMALL).color(tokens.text);
        row.add(eframe::egui::Label::new(value).truncate());
        row.add_space(14.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_never_overlap_and_stay_inside() {
        for size in [vec2(1004.0, 580.0), vec2(1580.0, 840.0), vec2(1900.0, 1020.0)] {
            for aspect in [0.75, 4.0 / 3.0, 16.0 / 9.0] {
                for banners in 0..3 {
                    let area = Rect::from_min_size(pos2(10.0, 50.0), size);
                    let p = Places::of(area, aspect, banners);
                    let mut parts = vec![p.hero, p.camera, p.crop, p.signs, p.timeline, p.status];
                    parts.extend(&p.banners);
                    for (i, part) in parts.iter().enumerate() {
                        assert!(area.expand(0.1).contains_rect(*part), "{size} {aspect} {part:?}");
                        assert!(part.width() > 100.0 && part.height() > 20.0, "{size} {part:?}");
                        for other in &parts[..i] {
                            let both = part.intersect(*other);
                            assert!(!both.is_positive(), "{size} {aspect} {part:?} {other:?}");
                        }
                    }
                    assert!(p.signs.width() >= 190.0, "{size} {aspect} {:?}", p.signs);
                }
            }
        }
    }
}
