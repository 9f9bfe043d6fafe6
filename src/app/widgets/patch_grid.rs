//! The aligned crop, drawn large, with the patches that the network cuts it into: framed
//! where the Q mask lets it look, hatched where not, and shaded by attention. Each eye's
//! patch has a bar that says how surely that eye is shut, where the network reads them one
//! by one.

use eframe::egui::{Align2, Color32, Painter, Rect, Role, Stroke, StrokeKind, Ui, pos2, vec2};

use super::{Texture, camera_view::corner_marks, named};
use crate::{
    app::{
        text,
        theme::{self, Tokens},
    },
    infer::EyeReading,
    live::Snapshot,
    vit::Cell,
};

/// Patches narrower than this, in points, carry no figures.
const FIGURES_FROM: f32 = 44.0;
/// Height of an eye's bar, in points.
const BAR: f32 = 7.0;

/// Draws a snapshot's crop; keeps its texture.
#[derive(Default)]
pub(crate) struct PatchGridView {
    texture: Texture,
}

impl PatchGridView {
    /// Paints the crop into the square `rect` and, if asked for, the patches over it.
    pub(crate) fn show(&mut self, ui: &mut Ui, rect: Rect, snapshot: &Snapshot, overlays: bool) {
        let tokens = Tokens::current(ui);
        let painter = ui.painter().with_clip_rect(rect.expand(2.0));
        let Some(crop) = &snapshot.crop else {
            self.texture.clear();
            painter.rect_filled(rect, 4.0, tokens.raised);
            let font = theme::font(theme::BODY);
            painter.text(
                rect.center(),
                Align2::CENTER_CENTER,
                text::watch::NO_CROP,
                font,
                tokens.muted,
            );
            named(ui, rect, Role::Label, text::watch::NO_CROP);
            return;
        };
        let texture = self.texture.of(ui.ctx(), "crop", crop).id();
        let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        painter.image(texture, rect, uv, Color32::WHITE);
        let patches = patches(snapshot);
        if overlays {
            for patch in &patches {
                draw(&painter, patch.place(rect), patch, tokens);
            }
            for (cell, eye) in &eyes(snapshot) {
                draw_eye(&painter, place_of(*cell, rect), eye);
            }
        }
        named(ui, rect, Role::Image, &describe(&patches, &eyes(snapshot)));
    }
}

/// One patch as it is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Patch {
    index: usize,
    side: usize,
    /// May be attended to.
    read: bool,
    /// Its share of the attention that falls on patches, 0..1.
    share: Option<f32>,
    /// That share over the largest one, 0..1.
    brightness: f32,
}

impl Patch {
    fn place(&self, rect: Rect) -> Rect {
        let size = rect.size() / self.side as f32;
        let (row, col) = (self.index / self.side, self.index % self.side);
        Rect::from_min_size(rect.min + vec2(col as f32, row as f32) * size, size)
    }
}

/// The patches of a snapshot; none if their number is no square.
fn patches(snapshot: &Snapshot) -> Vec<Patch> {
    let side = snapshot.keep.len().isqrt();
    if side * side != snapshot.keep.len() {
        return vec![];
    }
    let attention = snapshot
        .reading
        .as_ref()
        .map(|reading| reading.attention.as_slice())
        .filter(|attention| attention.len() == snapshot.keep.len());
    let sum: f32 = attention.map_or(0.0, |attention| attention.iter().sum());
    let most = attention.map_or(0.0, |a| a.iter().copied().fold(0.0, f32::max));
    let patch = |(index, &read): (usize, &bool)| {
        let weight = attention.map(|attention| attention[index]);
        Patch {
            index,
            side,
            read,
            share: weight.filter(|_| sum > 0.0).map(|weight| weight / sum),
            brightness: weight.filter(|_| most > 0.0).map_or(1.0, |weight| weight / most),
        }
    };
    snapshot.keep.iter().enumerate().map(patch).collect()
}

/// The eyes that were read one by one, each with its cell of the crop.
fn eyes(snapshot: &Snapshot) -> Vec<(Cell, EyeReading)> {
    let eyes = snapshot.reading.as_ref().and_then(|reading| reading.eyes);
    let cells = [Cell::LeftEye, Cell::RightEye];
    eyes.map(|eyes| cells.into_iter().zip(eyes).collect()).unwrap_or_default()
}

/// The place of a cell of the crop, whatever its patches are.
fn place_of(cell: Cell, rect: Rect) -> Rect {
    let (size, (row, col)) = (rect.size() / 3.0, cell.row_col());
    Rect::from_min_size(rect.min + vec2(col as f32, row as f32) * size, size)
}

/// An eye's bar along the top of its cell, right of the patch's number: filled as far as the
/// eye is shut, hollow and struck out where it is hidden.
fn draw_eye(painter: &Painter, area: Rect, eye: &EyeReading) {
    let inner = area.shrink(7.0);
    let left = if area.width() < FIGURES_FROM { inner.left() } else { inner.left() + 18.0 };
    let bar = Rect::from_min_max(pos2(left, inner.top()), pos2(inner.right(), inner.top() + BAR));
    if bar.width() <= 0.0 {
        return;
    }
    let tokens = &theme::DARK;
    painter.rect_filled(bar.expand(2.0), 3.0, Color32::from_black_alpha(170));
    if eye.is_hidden() {
        let edge = Stroke::new(1.0, tokens.unseen);
        painter.rect_stroke(bar, 2.0, edge, StrokeKind::Inside);
        let mut x = bar.left();
        while x + BAR <= bar.right() {
            painter.line_segment([pos2(x, bar.bottom()), pos2(x + BAR, bar.top())], edge);
            x += BAR;
        }
        if area.width() >= FIGURES_FROM {
            let at = pos2(area.center().x, bar.bottom() + 5.0);
            let hidden = text::watch::EYE_HIDDEN;
            let galley = painter.layout_no_wrap(hidden.into(), theme::font(11.0), tokens.text);
            let place = Align2::CENTER_TOP.anchor_size(at, galley.size() + vec2(6.0, 0.0));
            painter.rect_filled(place, 3.0, Color32::from_black_alpha(170));
            painter.galley(place.min + vec2(3.0, 0.0), galley, tokens.text);
        }
        return;
    }
    painter.rect_filled(bar, 2.0, tokens.track);
    let shut = eye.shut.clamp(0.0, 1.0);
    let color = if shut < 0.5 { tokens.awake } else { tokens.drowsy };
    painter.rect_filled(bar.with_max_x(bar.left() + shut * bar.width()), 2.0, color);
}

fn draw(painter: &Painter, area: Rect, patch: &Patch, tokens: &Tokens) {
    let painter = painter.with_clip_rect(area.intersect(painter.clip_rect()));
    if patch.read {
        let shade = (1.0 - patch.brightness.clamp(0.0, 1.0)) * 130.0;
        painter.rect_filled(area, 0.0, Color32::from_black_alpha(shade as u8));
        let frame = area.shrink(2.0);
        let halo = Stroke::new(5.0, Color32::from_black_alpha(120));
        painter.rect_stroke(frame, 0.0, halo, StrokeKind::Middle);
        painter.rect_stroke(frame, 0.0, Stroke::new(1.5, tokens.landmark), StrokeKind::Middle);
        let marks = Stroke::new(4.0, tokens.landmark);
        corner_marks(&painter, frame, area.width() * 0.2, marks);
    } else {
        painter.rect_filled(area, 0.0, Color32::from_black_alpha(150));
        let step = (area.width() / 6.0).max(4.0);
        let hatch = Stroke::new(1.0, Color32::from_white_alpha(56));
        let mut x = area.left() - area.height();
        while x < area.right() {
            x += step;
            let foot = pos2(x, area.bottom());
            painter.line_segment([foot, foot + vec2(area.height(), -area.height())], hatch);
        }
        painter.rect_stroke(
            area,
            0.0,
            Stroke::new(1.0, Color32::from_black_alpha(160)),
            StrokeKind::Inside,
        );
    }
    if area.width() < FIGURES_FROM {
        return;
    }
    let text = |at, anchor: Align2, text: String, size| {
        let galley = painter.layout_no_wrap(text, theme::font(size), theme::DARK.text);
        let place = anchor.anchor_size(at, galley.size() + vec2(6.0, 0.0));
        painter.rect_filled(place, 3.0, Color32::from_black_alpha(170));
        painter.galley(place.min + vec2(3.0, 0.0), galley, theme::DARK.text);
    };
    // Patches are numbered from 1, as in the method's papers.
    let inner = area.shrink(5.0);
    text(inner.left_top(), Align2::LEFT_TOP, (patch.index + 1).to_string(), 11.0);
    if let (true, Some(share)) = (patch.read, patch.share) {
        text(inner.right_bottom(), Align2::RIGHT_BOTTOM, text::percent(share), 12.0);
    }
}

/// The picture in words, for a screen reader.
fn describe(patches: &[Patch], eyes: &[(Cell, EyeReading)]) -> String {
    let read = patches.iter().filter(|patch| patch.read).map(|patch| {
        let share = patch.share.map(text::percent).unwrap_or_default();
        format!("{} {share}", patch.index + 1).trim_end().to_owned()
    });
    let read = text::watch::patches_read(&read.collect::<Vec<_>>().join(", "));
    let eyes = eyes.iter().map(|(cell, eye)| {
        let shut = (!eye.is_hidden()).then_some(eye.shut);
        text::watch::eye_read(*cell == Cell::LeftEye, shut)
    });
    std::iter::once(read).chain(eyes).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::Reading;

    #[test]
    fn attention_is_shared_among_the_patches_that_are_read() {
        let keep: Vec<_> = (1..=9).map(|number| [1, 3, 5, 8].contains(&number)).collect();
        let attention = vec![0.2, 0.0, 0.1, 0.0, 0.0, 0.0, 0.0, 0.1, 0.0];
        let reading = Some(Reading { attention, ..Reading::default() });
        let snapshot = Snapshot { keep, reading, ..Snapshot::default() };
        let patches = patches(&snapshot);
        assert_eq!(patches.len(), 9);
        assert_eq!(patches[0].share, Some(0.5));
        assert_eq!((patches[0].brightness, patches[2].brightness), (1.0, 0.5));
        let rect = Rect::from_min_size(pos2(10.0, 20.0), vec2(90.0, 90.0));
        assert_eq!(patches[7].place(rect).min, pos2(40.0, 80.0));
        let read = text::watch::patches_read("1 50 %, 3 25 %, 5 0 %, 8 25 %");
        assert_eq!(describe(&patches, &eyes(&snapshot)), read);
    }

    #[test]
    fn each_eye_lies_on_its_patch_and_a_hidden_one_is_told_as_such() {
        let [shut, hidden] =
            [(0.875, 0.75), (0.125, 0.25)].map(|(shut, seen)| EyeReading { shut, seen });
        let reading = Reading { eyes: Some([shut, hidden]), ..Reading::default() };
        let snapshot = Snapshot { reading: Some(reading), ..Snapshot::default() };
        let eyes = eyes(&snapshot);
        assert_eq!(eyes, [(Cell::LeftEye, shut), (Cell::RightEye, hidden)]);
        let rect = Rect::from_min_size(pos2(10.0, 20.0), vec2(90.0, 90.0));
        let corners = [Cell::LeftEye, Cell::RightEye].map(|cell| place_of(cell, rect).min);
        assert_eq!(corners, [pos2(10.0, 20.0), pos2(70.0, 20.0)]);
        let told = describe(&[], &eyes);
        assert!(told.ends_with("; left eye 88 % shut; right eye hidden"), "{told}");
    }

    #[test]
    fn a_reading_of_another_model_is_not_drawn() {
        let reading = Some(Reading { attention: vec![0.5; 4], ..Reading::default() });
        let snapshot = Snapshot { keep: vec![true; 9], reading, ..Snapshot::default() };
        assert!(patches(&snapshot).iter().all(|patch| patch.share.is_none()));
        let snapshot = Snapshot { keep: vec![true; 7], ..Snapshot::default() };
        assert_eq!(patches(&snapshot), []);
    }
}
