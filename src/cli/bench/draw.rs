//! The window, laid out and made into triangles as on a screen, but handed to no
//! graphics card: what drawing costs this program itself.

use std::{sync::Arc, time::Instant};

use eframe::egui::{Context, Pos2, RawInput, Rect, vec2};

use crate::{
    app::{
        USUAL_SIZE,
        actions::Tab,
        context::{AppContext, Page},
        preferences::Preferences,
        screen::{self, Screen},
        theme,
    },
    live::{Sighting, Snapshot},
    monitor::Judgement,
};

/// A window that nobody sees.
pub(super) struct Drawing {
    ctx: Context,
    screen: Screen,
    context: AppContext,
    began: Instant,
}

impl Drawing {
    pub(super) fn new() -> Self {
        let ctx = Context::default();
        theme::install(&ctx);
        let chosen = Preferences { welcomed: true, ..Preferences::default() };
        screen::dress(&ctx, &chosen);
        let screen = Screen::new(chosen, Tab::Watch);
        Self { ctx, screen, context: AppContext::default(), began: Instant::now() }
    }

    /// Draws one sighting.
    pub(super) fn draw(&mut self, sighting: &Sighting, judgement: &Judgement) {
        let snapshot = Snapshot {
            frame: Some(sighting.frame.clone()),
            face: sighting.face.clone(),
            crop: sighting.crop.clone(),
            keep: sighting.keep.clone(),
            reading: sighting.reading.clone(),
            judgement: judgement.clone(),
            ..Snapshot::default()
        };
        self.screen.remember(&snapshot, &self.context.monitor);
        let page = Page::Watching(Arc::new(snapshot));
        let [width, height] = USUAL_SIZE;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, vec2(width, height))),
            time: Some(self.began.elapsed().as_secs_f64()),
            ..RawInput::default()
        };
        let mut drawn = self.ctx.run_ui(input, |ui| {
            self.screen.show(ui, &page, &self.context, Instant::now());
        });
        let triangles =
            self.ctx.tessellate(std::mem::take(&mut drawn.shapes), drawn.pixels_per_point);
        std::hint::black_box(triangles);
        // The graphics card's part: what was to be sent there goes nowhere.
        drawn.textures_delta.clear();
    }
}
