//! What lies above the screens: the list of keys, the first start's three sentences, and
//! a notice under the bar.

use eframe::egui::{Context, Frame, Grid, Id, Modal, RichText, ScrollArea, Ui, vec2};

use super::{
    actions::{Action, SHORTCUTS, Tab},
    text,
    theme::{self, GAP, PADDING, Tokens},
    widgets::notice_row,
};

/// A card above everything, so wide where the window has the room.
fn modal<T>(
    ctx: &Context,
    name: &'static str,
    wide: f32,
    add: impl FnOnce(&mut Ui) -> T,
) -> (T, bool) {
    let fill = Tokens::of(ctx.theme()).surface;
    let frame = Frame::new().fill(fill).corner_radius(theme::RADIUS).inner_margin(24);
    let wide = wide.min(ctx.content_rect().width() - 80.0);
    let shown = Modal::new(Id::unique(name)).frame(frame).show(ctx, |ui| {
        ui.set_width(wide);
        add(ui)
    });
    let close = shown.should_close();
    (shown.inner, close)
}

/// What does not fit above and below in a small window, or in large letters, is scrolled to.
fn scrolled(ui: &mut Ui, around: f32, add: impl FnOnce(&mut Ui)) {
    let room = ui.ctx().content_rect().height() - around;
    ScrollArea::vertical().max_height(room).show(ui, add);
}

/// The list of keys; true when it wants to be closed.
pub(super) fn keys(ctx: &Context) -> bool {
    let (clicked, close) = modal(ctx, "keys", 480.0, |ui| {
        let tokens = Tokens::current(ui);
        ui.heading(text::KEYS);
        ui.add_space(GAP);
        // A screen that this build does not have has no key either.
        let known = |action: Action| match action {
            Action::Show(tab) => Tab::ALL.contains(&tab),
            _ => true,
        };
        scrolled(ui, 180.0, |ui| {
            Grid::new("keys").num_columns(2).spacing(vec2(24.0, 5.0)).show(ui, |ui| {
                for shortcut in SHORTCUTS.iter().filter(|shortcut| known(shortcut.action)) {
                    ui.label(RichText::new(shortcut.key).color(tokens.accent));
                    ui.label(shortcut.says);
                    ui.end_row();
                }
                for [key, says] in text::MORE_KEYS {
                    ui.label(RichText::new(*key).color(tokens.accent));
                    ui.label(*says);
                    ui.end_row();
                }
            });
        });
        ui.add_space(PADDING);
        ui.button(text::CLOSE).clicked()
    });
    clicked || close
}

/// The first start, explained in three sentences; true when it has been read.
pub(super) fn welcome(ctx: &Context) -> bool {
    let (clicked, close) = modal(ctx, "welcome", 520.0, |ui| {
        let tokens = Tokens::current(ui);
        ui.heading(text::start::WELCOME);
        ui.add_space(GAP);
        scrolled(ui, 200.0, |ui| {
            ui.spacing_mut().item_spacing.y = 10.0;
            for (number, sentence) in text::start::WELCOME_SAYS.iter().enumerate() {
                ui.horizontal_top(|ui| {
                    let number = RichText::new((number + 1).to_string()).size(22.0);
                    ui.label(number.color(tokens.accent).strong());
                    ui.add_space(6.0);
                    ui.add(eframe::egui::Label::new(RichText::new(*sentence).size(17.0)).wrap());
                });
            }
        });
        ui.add_space(PADDING);
        let button = eframe::egui::Button::new(
            RichText::new(text::start::WELCOME_READ).color(tokens.background),
        );
        let button = ui.add(button.fill(tokens.accent).min_size(vec2(160.0, 36.0)));
        if ui.memory(|memory| memory.focused().is_none()) {
            button.request_focus();
        }
        button.clicked()
    });
    clicked || close
}

/// A sentence under the bar; true when it has been read.
pub(super) fn notice(ui: &mut Ui, notice: &str) -> bool {
    ui.add_space(6.0);
    notice_row(ui, notice, Some(text::CLOSE))
}
