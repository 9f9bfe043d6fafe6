//! The parts that a screen is built of. Each draws one thing from plain values, takes its
//! colours from [`theme`](super::theme), and names itself to AccessKit, so that screen
//! readers and tests find it by its label.

mod camera_view;
mod patch_grid;
mod probability_bar;
mod seek_bar;
mod state_sign;
mod timeline;

pub(crate) use camera_view::CameraView;
pub(crate) use patch_grid::PatchGridView;
pub(crate) use probability_bar::{Gauge, gauge};
pub(crate) use seek_bar::SeekBar;
pub(crate) use state_sign::{camera_sign, state_sign};
pub(crate) use timeline::{draw_mark, timeline};

use std::sync::Arc;

use eframe::egui::{
    Align, Button, Color32, ColorImage, Context, Frame, Galley, Label, Layout, Margin, Painter,
    Pos2, Rect, Response, RichText, Role, Sense, Stroke, TextureHandle, TextureOptions, Ui,
    UiBuilder, WidgetInfo, vec2,
};
use image::RgbImage;

use super::{
    actions::Action,
    theme::{self, Tokens},
};
use crate::monitor::State;

/// Larger pictures are thinned out to at most this width or height before they go to the
/// graphics card: none is shown larger, and a card has its limits.
const TEXTURE_SIDE: u32 = 1920;

/// Draws an empty card over `rect` and gives the space inside it.
pub(crate) fn card(ui: &mut Ui, rect: Rect, name: &'static str) -> Ui {
    let tokens = Tokens::current(ui);
    ui.painter().rect_filled(rect, theme::RADIUS, tokens.surface);
    inside(ui, rect.shrink(theme::PADDING), name)
}

/// A part of `ui` that is laid out from the top down and never outgrows `rect`.
pub(crate) fn inside(ui: &mut Ui, rect: Rect, name: &'static str) -> Ui {
    let layout = Layout::top_down(Align::Min);
    let mut child = ui.new_child(UiBuilder::new().id_salt(name).max_rect(rect).layout(layout));
    child.set_clip_rect(rect.expand(theme::PADDING / 2.0).intersect(ui.clip_rect()));
    child
}

/// A card's heading.
pub(crate) fn heading(ui: &mut Ui, text: &str) {
    let tokens = Tokens::current(ui);
    let text = RichText::new(text).size(theme::SMALL).color(tokens.muted);
    ui.add(eframe::egui::Label::new(text).truncate());
}

/// How an [`action_button`] stands out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Look {
    /// One among others.
    #[default]
    Plain,
    /// The one to press.
    Primary,
    /// Switches something that is on.
    On,
    /// Switches something that is off.
    Off,
}

/// A button that shows its key. The accessible name is `label` alone; the key is
/// told as a shortcut.
pub(crate) fn action_button(ui: &mut Ui, action: Action, label: &str, look: Look) -> Response {
    let tokens = Tokens::current(ui);
    let key = action.shortcut().map_or("", |shortcut| shortcut.key);
    let (text, hint) = match look {
        Look::Primary => (tokens.background, tokens.background),
        _ => (tokens.text, tokens.muted),
    };
    let hint = RichText::new(key).size(theme::SMALL).color(hint);
    let text = RichText::new(label).color(text);
    let mut button = if ui.layout().main_dir().is_vertical() {
        Button::new(text).shortcut_text(hint).min_size(vec2(ui.available_width(), 34.0))
    } else {
        Button::new((text, hint)).gap(8.0)
    };
    match look {
        Look::Plain | Look::On => {}
        Look::Primary => button = button.fill(tokens.accent),
        Look::Off => button = button.fill(tokens.background),
    }
    let response = ui.add(button);
    let enabled = ui.is_enabled();
    response.widget_info(|| match look {
        Look::On | Look::Off => {
            WidgetInfo::selected(Role::Button, enabled, look == Look::On, label)
        }
        _ => WidgetInfo::labeled(Role::Button, enabled, label),
    });
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_keyboard_shortcut(key));
    response
}

/// A button of the bar that shows a screen.
pub(crate) fn tab_button(ui: &mut Ui, action: Action, label: &str, chosen: bool) -> Response {
    let tokens = Tokens::current(ui);
    let key = action.shortcut().map_or("", |shortcut| shortcut.key);
    let color = if chosen { tokens.text } else { tokens.muted };
    let text = RichText::new(label).color(color);
    let hint = RichText::new(key).size(12.0).color(tokens.muted);
    let fill = if chosen { tokens.raised } else { tokens.background };
    let edge = if chosen { tokens.outline } else { tokens.background };
    let button = Button::new((text, hint)).gap(6.0).fill(fill).stroke((1.0, edge));
    let response = ui.add(button);
    if chosen {
        // Not by brightness alone.
        let line = response.rect.center_bottom() + vec2(0.0, -2.0);
        let half = response.rect.width() / 2.0 - 10.0;
        let stroke = Stroke::new(2.0, tokens.accent);
        ui.painter().hline(line.x - half..=line.x + half, line.y, stroke);
    }
    response.widget_info(|| WidgetInfo::selected(Role::Tab, true, chosen, label));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_keyboard_shortcut(key));
    response
}

/// A sentence that must be seen, in a row of its own; true when its button is pressed.
pub(crate) fn notice_row(ui: &mut Ui, sentence: &str, button: Option<&str>) -> bool {
    let tokens = Tokens::current(ui);
    let frame = Frame::new().fill(tokens.raised).corner_radius(theme::RADIUS);
    let shown = frame.inner_margin(Margin::symmetric(12, 6)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            let (mark, _) = ui.allocate_exact_size(vec2(20.0, 20.0), Sense::hover());
            state_sign(ui.painter(), mark, State::Drowsy, tokens.drowsy, tokens.raised);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let pressed = button.is_some_and(|button| ui.button(button).clicked());
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.add(Label::new(RichText::new(sentence).color(tokens.text)).wrap());
                });
                pressed
            })
            .inner
        })
        .inner
    });
    shown.inner
}

/// A card that is as high as what is in it, under a heading.
pub(crate) fn section<T>(ui: &mut Ui, title: &str, add: impl FnOnce(&mut Ui) -> T) -> T {
    let tokens = Tokens::current(ui);
    let frame = Frame::new().fill(tokens.surface).corner_radius(theme::RADIUS);
    let margin = Margin::same(theme::PADDING as i8);
    let shown = frame.inner_margin(margin).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let below = ui.vertical(|ui| {
            ui.label(RichText::new(title).size(17.0).color(tokens.text).strong());
            add(ui)
        });
        below.inner
    });
    shown.inner
}

/// A sentence of lesser weight that may take several lines.
pub(crate) fn remark(ui: &mut Ui, sentence: &str) {
    let tokens = Tokens::current(ui);
    let text = RichText::new(sentence).size(theme::SMALL).color(tokens.muted);
    ui.add(Label::new(text).wrap());
}

/// Gives a control that has no words of its own a name for screen readers and tests.
pub(crate) fn name(ui: &Ui, response: &Response, label: &str) {
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_label(label));
}

/// Names what was painted over `rect`.
pub(crate) fn named(ui: &mut Ui, rect: Rect, role: Role, label: &str) -> Response {
    let response = ui.allocate_rect(rect, eframe::egui::Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(role, true, label));
    response
}

/// Paints `galley` with strokes thickened by a pixel on each side for every 24 points of
/// `size`: the built-in font has one light weight, too thin for a word that must be read
/// at a glance. Whole pixels, since text is always set on those.
pub(crate) fn bold(painter: &Painter, at: Pos2, galley: &Arc<Galley>, color: Color32, size: f32) {
    let pixel = 1.0 / painter.pixels_per_point();
    let reach = (size / 48.0 / pixel).round().max(1.0) * pixel;
    for (x, y) in [(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0), (0.0, 0.0)] {
        painter.galley(at + vec2(x, y) * reach, galley.clone(), color);
    }
}

/// A picture on the graphics card, uploaded anew only when it is another one.
#[derive(Default)]
pub(crate) struct Texture {
    handle: Option<TextureHandle>,
    shown: Option<Arc<RgbImage>>,
}

impl Texture {
    /// The texture of `image`.
    pub(crate) fn of(
        &mut self,
        ctx: &Context,
        name: &str,
        image: &Arc<RgbImage>,
    ) -> &TextureHandle {
        let same = self.shown.as_ref().is_some_and(|shown| Arc::ptr_eq(shown, image));
        let handle = match self.handle.take() {
            Some(handle) if same => handle,
            Some(mut handle) => {
                handle.set(thinned(image), TextureOptions::LINEAR);
                handle
            }
            None => ctx.load_texture(name, thinned(image), TextureOptions::LINEAR),
        };
        self.shown = Some(image.clone());
        self.handle.insert(handle)
    }

    /// Forgets the picture, and frees it on the graphics card.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The picture with every `n`-th pixel of every `n`-th row, `n` as small as
/// [`TEXTURE_SIDE`] allows.
fn thinned(image: &RgbImage) -> ColorImage {
    let (width, height) = image.dimensions();
    let step = width.max(height).div_ceil(TEXTURE_SIDE).max(1);
    if step == 1 {
        return ColorImage::from_rgb([width as usize, height as usize], image.as_raw());
    }
    let size = [width.div_ceil(step) as usize, height.div_ceil(step) as usize];
    let pixels = (0..height).step_by(step as usize).flat_map(|y| {
        (0..width).step_by(step as usize).map(move |x| {
            let [r, g, b] = image.get_pixel(x, y).0;
            Color32::from_rgb(r, g, b)
        })
    });
    ColorImage::new(size, pixels.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_huge_picture_is_thinned_to_what_a_graphics_card_takes() {
        for (width, height) in [(640, 480), (1921, 3), (3840, 2160), (5, 9001)] {
            let image = RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 7]));
            let thin = thinned(&image);
            assert!(thin.width().max(thin.height()) <= TEXTURE_SIDE as usize);
            assert_eq!(thin.pixels.len(), thin.width() * thin.height());
            assert_eq!(thin.pixels[0], Color32::from_rgb(0, 0, 7));
        }
    }
}
