//! The watch screen: what a driver glances at and a researcher reads. The state stands on
//! top, large; below it the camera picture, what the network sees of it, the signs read
//! from it and the last minutes; at the foot, what all that runs on. It is drawn from a
//! [`Snapshot`] alone and asks for [`Request`]s, so that a test can show it anything.

mod hero;
mod places;
mod signs;
mod tools;

use std::time::{Duration, Instant};

use eframe::egui::{Align, Label, Layout, Rect, RichText, Sense, Ui, UiBuilder, vec2};

use self::{places::Places, tools::Tools};
use super::{
    actions::Request,
    context::AppContext,
    history::{History, Mark},
    preferences::Preferences,
    text,
    theme::{self, PADDING, Tokens},
    widgets::{CameraView, PatchGridView, card, draw_mark, heading, state_sign, timeline},
};
use crate::{
    live::{Imagined, Imaginer, Snapshot},
    monitor::State,
};

/// Patches are explained under crops from this side on, in points.
const LEGEND_FROM: f32 = 150.0;

/// The screen's own state: textures, and what is asked of the system.
#[derive(Default)]
pub(crate) struct WatchView {
    camera: CameraView,
    grid: PatchGridView,
    tools: Tools,
    imaginer: Option<Imaginer>,
}

impl WatchView {
    /// Draws the screen over what is left of `ui`; `now` is the time for countdowns.
    pub(crate) fn show(
        &mut self,
        ui: &mut Ui,
        snapshot: &Snapshot,
        history: &History,
        preferences: &mut Preferences,
        context: &AppContext,
        now: Instant,
    ) -> Vec<Request> {
        let muted = snapshot.muted_until.and_then(|until| until.checked_duration_since(now));
        let banners = banners(snapshot);
        let area = ui.available_rect_before_wrap();
        let places = Places::of(area, aspect(snapshot), banners.len());
        let overlays = preferences.overlays;

        let mut wanted = vec![];
        let acted = hero::show(ui, places.hero, snapshot, &context.monitor, muted);
        wanted.extend(acted.map(Request::Act));
        for (banner, rect) in banners.iter().zip(&places.banners) {
            draw_banner(ui, *rect, banner);
        }
        wanted.extend(self.tools.show(ui, places.tools, snapshot, preferences, context));
        // Pictures are dark or light by themselves: what is drawn over them has one colour.
        let color = theme::DARK.state(snapshot.judgement.state);
        self.camera.show(ui, places.camera, snapshot, overlays, color);
        self.crop(ui, places.crop, snapshot, preferences, context);
        signs::show(ui, places.signs, snapshot, &context.monitor);

        let mut plot = card(ui, places.timeline, "timeline");
        timeline_heading(&mut plot);
        timeline(&mut plot, history, context.monitor.drowsy_enter);

        status(ui, places.status, snapshot, muted);
        wanted
    }

    /// What the network sees, or what it makes of what it does not.
    fn crop(
        &mut self,
        ui: &mut Ui,
        place: Rect,
        snapshot: &Snapshot,
        preferences: &Preferences,
        context: &AppContext,
    ) {
        let tokens = Tokens::current(ui);
        let imagined = self.imagined(ui, snapshot, preferences, context);
        let mut card = card(ui, place, "crop");
        let (title, legend) = match &imagined {
            Imagined::Nothing if reads_eyes(snapshot) => {
                (text::watch::CROP, text::watch::CROP_LEGEND_EYES)
            }
            Imagined::Nothing => (text::watch::CROP, text::watch::CROP_LEGEND),
            Imagined::Picture(_) => (text::watch::IMAGINED, text::watch::IMAGINED_LEGEND),
            Imagined::Failed(why) => (text::watch::CROP, why.as_str()),
        };
        heading(&mut card, title);
        let inner = place.shrink(PADDING);
        let room = inner.bottom() - card.cursor().top();
        let explained = preferences.overlays && room >= LEGEND_FROM + 38.0;
        let side = inner.width().min(if explained { room - 38.0 } else { room });
        let square = Rect::from_min_size(card.cursor().min, vec2(side, side));
        match &imagined {
            Imagined::Picture(picture) => {
                let shown = Snapshot { crop: Some(picture.clone()), ..snapshot.clone() };
                self.grid.show(&mut card, square, &shown, false);
            }
            _ => self.grid.show(&mut card, square, snapshot, preferences.overlays),
        }
        if explained {
            let legend = RichText::new(legend).size(12.0).color(tokens.muted);
            card.add(Label::new(legend).wrap());
        }
    }

    fn imagined(
        &mut self,
        ui: &Ui,
        snapshot: &Snapshot,
        preferences: &Preferences,
        context: &AppContext,
    ) -> Imagined {
        if !preferences.imagine {
            self.imaginer = None;
            return Imagined::Nothing;
        }
        let Some(crop) = &snapshot.crop else { return Imagined::Nothing };
        let imaginer = self.imaginer.get_or_insert_with(|| {
            let ctx = ui.ctx().clone();
            Imaginer::start(context.pipeline.runtime.clone(), move || ctx.request_repaint())
        });
        imaginer.offer(crop, &snapshot.keep);
        imaginer.latest()
    }
}

/// Whether the network reads each eye by itself.
fn reads_eyes(snapshot: &Snapshot) -> bool {
    snapshot.reading.as_ref().is_some_and(|reading| reading.eyes.is_some())
}

/// Width over height of the picture.
fn aspect(snapshot: &Snapshot) -> f32 {
    snapshot.frame.as_ref().map_or(4.0 / 3.0, |frame| {
        let (width, height) = frame.image.dimensions();
        (width as f32 / height.max(1) as f32).clamp(0.75, 2.0)
    })
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
    child.add(Label::new(RichText::new(text).color(tokens.text)).truncate());
}

/// The plot's heading, and what its lines and marks mean.
fn timeline_heading(ui: &mut Ui) {
    let tokens = Tokens::current(ui);
    ui.horizontal(|ui| {
        heading(ui, text::watch::TIMELINE);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            for (mark, name) in Mark::ALL.into_iter().zip(text::watch::MARKS).rev() {
                heading(ui, name);
                let (place, _) = ui.allocate_exact_size(vec2(11.0, 11.0), Sense::hover());
                let at = if mark == Mark::Blink { place.center_bottom() } else { place.center() };
                draw_mark(ui.painter(), at, 5.0, mark, tokens);
                ui.add_space(8.0);
            }
            for (name, color, width) in [
                (text::watch::EYES, tokens.awake, 1.2),
                (text::watch::PERCLOS, tokens.drowsy, 1.5),
                (text::watch::DROWSY, tokens.accent, 2.5),
            ] {
                heading(ui, name);
                let (line, _) = ui.allocate_exact_size(vec2(18.0, 11.0), Sense::hover());
                let stroke = eframe::egui::Stroke::new(width, color);
                ui.painter().hline(line.x_range(), line.center().y, stroke);
                ui.add_space(8.0);
            }
        });
    });
}

/// The last part of a path; other names as they are.
pub(super) fn short(name: &str) -> &str {
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
        (text::status::BLINKS, snapshot.judgement.blinks.to_string()),
        (text::status::YAWNS, snapshot.judgement.yawns.to_string()),
        (text::status::SOURCE, short(&snapshot.source.name).to_owned()),
    ];
    let layout = Layout::left_to_right(Align::Center);
    let mut row = ui.new_child(UiBuilder::new().max_rect(rect).layout(layout));
    row.spacing_mut().item_spacing.x = 6.0;
    for (name, value) in items {
        row.label(RichText::new(name).size(theme::SMALL).color(tokens.muted));
        let value = if value.is_empty() { text::watch::NONE.into() } else { value };
        let value = RichText::new(value).size(theme::SMALL).color(tokens.text);
        let shown = row.add(Label::new(value).truncate());
        if name == text::status::PROVIDER && !snapshot.tried.is_empty() {
            shown.on_hover_text(text::tried(&snapshot.tried));
        }
        row.add_space(12.0);
    }
}
