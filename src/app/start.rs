//! Pages without a picture: while camera and models are opened, and when they cannot be.

use eframe::egui::{Align, Layout, Rect, RichText, Sense, Spinner, Ui, UiBuilder, vec2};

use super::{
    actions::Action,
    context::Failure,
    text,
    theme::{self, GAP, PADDING, Tokens},
    widgets::{Look, action_button, camera_sign, state_sign},
};
use crate::monitor::State;

/// Narrower than this no sentence can be read, in points.
const NARROW: f32 = 280.0;

/// A column in the middle of what can be seen of the page, where that is enough.
pub(super) fn column(ui: &mut Ui, height: f32, add: impl FnOnce(&mut Ui)) {
    let page = ui.available_rect_before_wrap();
    let seen = page.intersect(ui.clip_rect());
    let area = if seen.width() < NARROW { page } else { seen };
    let size = vec2(area.width().min(600.0), height.min(area.height()));
    let place = Rect::from_center_size(area.center(), size);
    let layout = Layout::top_down(Align::Center);
    add(&mut ui.new_child(UiBuilder::new().max_rect(place).layout(layout)));
}

/// While they are opened.
pub(super) fn opening(ui: &mut Ui) {
    let tokens = Tokens::current(ui);
    column(ui, 260.0, |ui| {
        ui.add(Spinner::new().size(44.0).color(tokens.accent));
        ui.add_space(GAP);
        ui.label(RichText::new(text::start::OPENING).size(24.0));
        ui.add_space(GAP);
        ui.label(RichText::new(text::start::WHAT).color(tokens.muted));
    });
}

/// When they cannot be.
pub(super) fn failed(ui: &mut Ui, failure: &Failure) -> Option<Action> {
    let tokens = Tokens::current(ui);
    let mut wanted = None;
    column(ui, 400.0, |ui| {
        let (sign, _) = ui.allocate_exact_size(vec2(84.0, 84.0), Sense::hover());
        match failure.no_camera {
            true => camera_sign(ui.painter(), sign, tokens.unseen, tokens.background),
            false => {
                state_sign(ui.painter(), sign, State::CameraLost, tokens.asleep, tokens.background);
            }
        }
        ui.add_space(GAP);
        let (heading, sentence) = match failure.no_camera {
            true => (text::start::NO_CAMERA, text::start::NO_CAMERA_ADVICE),
            false => (text::start::FAILED, failure.why.as_str()),
        };
        ui.label(RichText::new(heading).size(30.0).strong());
        ui.label(RichText::new(sentence).size(17.0));
        ui.add_space(PADDING);
        // Two buttons of one width, in the middle.
        let (buttons, _) = ui.allocate_exact_size(vec2(300.0, 84.0), Sense::hover());
        let layout = Layout::top_down(Align::Min);
        let mut buttons = ui.new_child(UiBuilder::new().max_rect(buttons).layout(layout));
        buttons.spacing_mut().item_spacing.y = 8.0;
        for (action, label, look) in [
            (Action::Demo, text::start::DEMO, Look::Primary),
            (Action::Retry, text::start::RETRY, Look::Plain),
        ] {
            if action_button(&mut buttons, action, label, look).clicked() {
                wanted = Some(action);
            }
        }
        ui.add_space(PADDING);
        ui.label(RichText::new(text::start::WHAT).size(theme::SMALL).color(tokens.muted));
    });
    wanted
}
