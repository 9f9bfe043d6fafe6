//! The camera picture with the face box and the 68 landmarks. A webcam is shown as a
//! mirror, and so is what is drawn over it; files are shown as they are.

use eframe::egui::{Align2, Color32, Painter, Pos2, Rect, Role, Shape, Stroke, Ui, pos2, vec2};

use super::{Texture, named};
use crate::{
    app::{
        text,
        theme::{self, Tokens},
    },
    face::{Face, Landmarks},
    live::Snapshot,
};

/// The lines of the 300-W scheme: first point, last point, closed.
const LINES: [(usize, usize, bool); 9] = [
    (0, 16, false),
    (17, 21, false),
    (22, 26, false),
    (27, 30, false),
    (31, 35, false),
    (36, 41, true),
    (42, 47, true),
    (48, 59, true),
    (60, 67, true),
];

/// Draws a snapshot's picture; keeps its texture.
#[derive(Default)]
pub(crate) struct CameraView {
    texture: Texture,
}

impl CameraView {
    /// Paints picture and, if asked for, overlays into `rect`, as large as fits, in
    /// `color` (that of the state).
    pub(crate) fn show(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        snapshot: &Snapshot,
        overlays: bool,
        color: Color32,
    ) {
        let tokens = Tokens::current(ui);
        let painter = ui.painter().with_clip_rect(rect);
        painter.rect_filled(rect, theme::RADIUS, tokens.surface);
        let Some(frame) = &snapshot.frame else {
            self.texture.clear();
            let font = theme::font(theme::BODY);
            painter.text(
                rect.center(),
                Align2::CENTER_CENTER,
                text::watch::NO_PICTURE,
                font,
                tokens.muted,
            );
            named(ui, rect, Role::Label, text::watch::NO_PICTURE);
            return;
        };
        let (width, height) = frame.image.dimensions();
        let view = View::fit(rect, width as f32, height as f32, snapshot.source.live);
        let texture = self.texture.of(ui.ctx(), "camera", &frame.image).id();
        let mut picture = Shape::image(texture, view.rect, view.uv(), Color32::WHITE);
        if let Shape::Rect(shape) = &mut picture {
            shape.corner_radius = theme::RADIUS.into();
        }
        painter.add(picture);
        if let (true, Some(face)) = (overlays, &snapshot.face) {
            draw_face(&painter, &view, face, tokens, color);
        }
        if snapshot.source.live {
            chip(
                &painter,
                view.rect.left_bottom() + vec2(8.0, -8.0),
                text::watch::MIRRORED,
                Align2::LEFT_BOTTOM,
            );
        }
        let others = text::watch::others(snapshot.others);
        if let Some(others) = &others {
            let at = view.rect.right_bottom() + vec2(-8.0, -8.0);
            chip(&painter, at, others, Align2::RIGHT_BOTTOM);
        }
        match others {
            Some(others) => {
                named(ui, rect, Role::Image, &format!("{}: {others}", text::watch::CAMERA))
            }
            None => named(ui, rect, Role::Image, text::watch::CAMERA),
        };
    }
}

/// Where the frame's pixels lie on the screen.
struct View {
    rect: Rect,
    scale: f32,
    mirrored: bool,
}

impl View {
    /// The largest place for a picture of `width` x `height` pixels in `rect`, in the middle.
    fn fit(rect: Rect, width: f32, height: f32, mirrored: bool) -> Self {
        let scale = (rect.width() / width.max(1.0)).min(rect.height() / height.max(1.0));
        let rect = Rect::from_center_size(rect.center(), vec2(width, height) * scale);
        Self { rect, scale, mirrored }
    }

    fn at(&self, [x, y]: [f32; 2]) -> Pos2 {
        let x = x * self.scale;
        let x = if self.mirrored { self.rect.right() - x } else { self.rect.left() + x };
        pos2(x, self.rect.top() + y * self.scale)
    }

    fn uv(&self) -> Rect {
        let (left, right) = if self.mirrored { (1.0, 0.0) } else { (0.0, 1.0) };
        Rect { min: pos2(left, 0.0), max: pos2(right, 1.0) }
    }
}

fn draw_face(painter: &Painter, view: &View, face: &Face, tokens: &Tokens, color: Color32) {
    draw_landmarks(painter, view, &face.landmarks, tokens);
    let (b, grow) = (face.bbox, face.bbox.width * 0.06);
    let corners = [[b.x - grow, b.y - grow], [b.x + b.width + grow, b.y + b.height + grow]];
    let area = Rect::from_two_pos(view.at(corners[0]), view.at(corners[1]));
    // A dark edge keeps every line legible on every picture.
    let halo = Color32::from_black_alpha(150);
    for stroke in [Stroke::new(5.0, halo), Stroke::new(2.5, color)] {
        corner_marks(painter, area, (area.width() * 0.16).min(28.0), stroke);
    }
    let label = text::percent(face.confidence);
    chip(
        painter,
        area.left_top() + vec2(0.0, -6.0),
        &format!("{} {label}", text::watch::FACE),
        Align2::LEFT_BOTTOM,
    );
}

fn draw_landmarks(painter: &Painter, view: &View, landmarks: &Landmarks, tokens: &Tokens) {
    let halo = Color32::from_black_alpha(110);
    let color = tokens.landmark;
    let points = landmarks.points.map(|point| view.at(point));
    // Segment by segment: a polyline's mitres would shoot out of a closed lid.
    let mut segments: Vec<[Pos2; 2]> = vec![];
    for (first, last, closed) in LINES {
        segments.extend(points[first..=last].windows(2).map(|pair| [pair[0], pair[1]]));
        segments.extend(closed.then_some([points[last], points[first]]));
    }
    for stroke in [Stroke::new(3.0, halo), Stroke::new(1.2, color)] {
        for &segment in &segments {
            painter.line_segment(segment, stroke);
        }
    }
    for point in points {
        painter.circle_filled(point, 1.8, color);
    }
}

/// Marks the corners of `area` with angles whose sides are `length` long.
pub(super) fn corner_marks(painter: &Painter, area: Rect, length: f32, stroke: Stroke) {
    for (corner, x, y) in [
        (area.left_top(), 1.0, 1.0),
        (area.right_top(), -1.0, 1.0),
        (area.right_bottom(), -1.0, -1.0),
        (area.left_bottom(), 1.0, -1.0),
    ] {
        let ends = [corner + vec2(x * length, 0.0), corner, corner + vec2(0.0, y * length)];
        painter.line(ends.to_vec(), stroke);
    }
}

/// A short text over a picture, on its own dark ground.
pub(super) fn chip(painter: &Painter, at: Pos2, text: &str, anchor: Align2) {
    let galley = painter.layout_no_wrap(text.into(), theme::font(theme::SMALL), theme::DARK.text);
    let bounds = painter.clip_rect();
    let mut area = anchor.anchor_size(at, galley.size() + vec2(12.0, 4.0));
    // A face at the edge must not push its label out of the picture.
    area = area.translate((bounds.min - area.min).max(vec2(0.0, 0.0)));
    area = area.translate((bounds.max - area.max).min(vec2(0.0, 0.0)));
    painter.rect_filled(area, 4.0, Color32::from_black_alpha(190));
    painter.galley(area.min + vec2(6.0, 2.0), galley, theme::DARK.text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirrored_picture_carries_its_overlays_along() {
        let rect = Rect::from_min_size(pos2(100.0, 50.0), vec2(320.0, 300.0));
        let plain = View::fit(rect, 640.0, 480.0, false);
        let mirror = View::fit(rect, 640.0, 480.0, true);
        assert_eq!(plain.rect, Rect::from_min_size(pos2(100.0, 80.0), vec2(320.0, 240.0)));
        assert_eq!(plain.at([0.0, 0.0]), pos2(100.0, 80.0));
        assert_eq!(mirror.at([0.0, 0.0]), pos2(420.0, 80.0));
        assert_eq!(mirror.at([640.0, 480.0]), pos2(100.0, 320.0));
        assert_eq!((plain.uv().left(), mirror.uv().left()), (0.0, 1.0));
    }
}
