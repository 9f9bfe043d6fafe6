//! The state as a shape: known from a road sign, and told apart without colour.

use std::f32::consts::TAU;

use eframe::egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, epaint::PathStroke, vec2};

use crate::monitor::State;

/// Paints the sign of `state` into the largest square in the middle of `rect`.
///
/// | state | shape | mark in it |
/// |---|---|---|
/// | awake | disc | tick |
/// | tiring | triangle on its tip | half closed eye |
/// | drowsy | triangle | exclamation mark |
/// | microsleep | hexagon | closed eye |
/// | asleep | octagon | closed eye |
/// | no response | octagon | exclamation mark |
/// | eyes not visible | diamond | question mark |
/// | no driver | ring | empty seat: a person, struck through |
/// | eyes off road | ring | arrow to the side |
/// | camera lost | square | cross |
/// | too slow | ring | clock |
/// | starting | ring | three dots |
pub(crate) fn state_sign(
    painter: &Painter,
    rect: Rect,
    state: State,
    color: Color32,
    mark: Color32,
) {
    let r = rect.width().min(rect.height()) / 2.0;
    let pen = Pen { painter, center: rect.center(), r };
    let stroke = Stroke::new(r * 0.15, mark);
    match state {
        State::Awake => {
            painter.circle_filled(pen.center, r * 0.96, color);
            pen.line(&[[-0.42, 0.04], [-0.12, 0.34], [0.44, -0.3]], stroke);
        }
        State::Tiring => {
            pen.fill(&[[0.0, 0.92], [-1.0, -0.84], [1.0, -0.84]], color);
            pen.line(&[[-0.46, -0.38], [0.46, -0.38]], stroke);
            let pupil: Vec<_> = (0..=12)
                .map(|step| {
                    let angle = TAU * step as f32 / 24.0;
                    [0.26 * angle.cos(), -0.34 + 0.3 * angle.sin()]
                })
                .collect();
            pen.fill(&pupil, mark);
        }
        State::Drowsy => {
            pen.fill(&[[0.0, -0.92], [1.0, 0.84], [-1.0, 0.84]], color);
            pen.line(&[[0.0, -0.34], [0.0, 0.3]], stroke);
            painter.circle_filled(pen.at([0.0, 0.58]), r * 0.095, mark);
        }
        State::Microsleep => {
            pen.fill(&polygon(6, TAU / 12.0), color);
            closed_eye(&pen, mark);
        }
        State::Asleep => {
            pen.fill(&polygon(8, TAU / 16.0), color);
            closed_eye(&pen, mark);
        }
        State::Unresponsive => {
            pen.fill(&polygon(8, TAU / 16.0), color);
            pen.line(&[[0.0, -0.54], [0.0, 0.18]], Stroke::new(r * 0.2, mark));
            painter.circle_filled(pen.at([0.0, 0.52]), r * 0.12, mark);
        }
        State::EyesUnreadable => {
            pen.fill(&polygon(4, 0.0), color);
            let hook: Vec<_> = (0..=14)
                .map(|step| {
                    let angle = TAU * (0.53 + 0.045 * step as f32);
                    [0.25 * angle.cos(), -0.22 + 0.25 * angle.sin()]
                })
                .collect();
            pen.line(&hook, stroke);
            pen.line(&[[0.06, 0.0], [0.0, 0.14], [0.0, 0.24]], stroke);
            painter.circle_filled(pen.at([0.0, 0.5]), r * 0.095, mark);
        }
        State::NoDriver => {
            painter.circle_stroke(pen.center, r * 0.9, Stroke::new(r * 0.12, color));
            let stroke = Stroke::new(r * 0.12, color);
            painter.circle_filled(pen.at([0.0, -0.24]), r * 0.22, color);
            let shoulders: Vec<_> = (0..=12)
                .map(|step| {
                    let angle = TAU * (0.5 + step as f32 / 24.0);
                    [0.4 * angle.cos(), 0.5 + 0.42 * angle.sin()]
                })
                .collect();
            pen.fill(&shoulders, color);
            pen.line(&[[-0.62, 0.62], [0.62, -0.62]], stroke);
        }
        State::EyesOffRoad => {
            painter.circle_stroke(pen.center, r * 0.9, Stroke::new(r * 0.12, color));
            let stroke = Stroke::new(r * 0.14, color);
            pen.line(&[[-0.44, 0.0], [0.46, 0.0]], stroke);
            pen.line(&[[0.14, -0.34], [0.48, 0.0], [0.14, 0.34]], stroke);
        }
        State::Slow => {
            painter.circle_stroke(pen.center, r * 0.9, Stroke::new(r * 0.12, color));
            let stroke = Stroke::new(r * 0.14, color);
            pen.line(&[[0.0, -0.52], [0.0, 0.0], [0.34, 0.24]], stroke);
        }
        State::CameraLost => {
            painter.rect_filled(
                Rect::from_center_size(pen.center, vec2(1.7, 1.7) * r),
                r * 0.2,
                color,
            );
            pen.line(&[[-0.4, -0.4], [0.4, 0.4]], stroke);
            pen.line(&[[-0.4, 0.4], [0.4, -0.4]], stroke);
        }
        State::Starting => {
            painter.circle_stroke(pen.center, r * 0.9, Stroke::new(r * 0.12, color));
            for x in [-0.36, 0.0, 0.36] {
                painter.circle_filled(pen.at([x, 0.0]), r * 0.12, color);
            }
        }
    }
}

/// A closed eye with its lashes.
fn closed_eye(pen: &Pen<'_>, mark: Color32) {
    let lid: Vec<_> = (0..=12)
        .map(|step| {
            let x = step as f32 / 6.0 - 1.0;
            [x * 0.56, 0.26 - 0.32 * x * x]
        })
        .collect();
    pen.line(&lid, Stroke::new(pen.r * 0.15, mark));
    let lash = Stroke::new(pen.r * 0.11, mark);
    for (from, to) in [([0.0, 0.3], [0.0, 0.54]), ([-0.32, 0.2], [-0.44, 0.42])] {
        pen.line(&[from, to], lash);
        pen.line(&[[-from[0], from[1]], [-to[0], to[1]]], lash);
    }
}

/// Paints a camera that is struck through: there is none.
pub(crate) fn camera_sign(painter: &Painter, rect: Rect, color: Color32, ground: Color32) {
    let r = rect.width().min(rect.height()) / 2.0;
    let pen = Pen { painter, center: rect.center(), r };
    let body = Rect::from_center_size(pen.at([-0.2, 0.0]), vec2(1.4, 1.1) * r);
    painter.rect_filled(body, r * 0.2, color);
    pen.fill(&[[0.6, -0.1], [0.95, -0.4], [0.95, 0.4], [0.6, 0.1]], color);
    painter.circle_filled(pen.at([-0.2, 0.0]), r * 0.28, ground);
    for (width, color) in [(0.3, ground), (0.12, color)] {
        pen.line(&[[-0.85, 0.8], [0.8, -0.85]], Stroke::new(r * width, color));
    }
}

/// Draws in units of the sign's radius around its centre.
struct Pen<'a> {
    painter: &'a Painter,
    center: Pos2,
    r: f32,
}

impl Pen<'_> {
    fn at(&self, [x, y]: [f32; 2]) -> Pos2 {
        self.center + vec2(x, y) * self.r
    }

    fn points(&self, points: &[[f32; 2]]) -> Vec<Pos2> {
        points.iter().map(|&point| self.at(point)).collect()
    }

    fn fill(&self, points: &[[f32; 2]], color: Color32) {
        // The stroke rounds the corners a little.
        let edge = PathStroke::new(self.r * 0.06, color);
        self.painter.add(Shape::convex_polygon(self.points(points), color, edge));
    }

    /// A line with round ends and joints.
    fn line(&self, points: &[[f32; 2]], stroke: Stroke) {
        let points = self.points(points);
        for point in points.first().into_iter().chain(points.last()) {
            self.painter.circle_filled(*point, stroke.width / 2.0, stroke.color);
        }
        self.painter.line(points, stroke);
    }
}

fn polygon(corners: usize, turn: f32) -> Vec<[f32; 2]> {
    (0..corners)
        .map(|corner| {
            let angle = turn + TAU * corner as f32 / corners as f32;
            [0.97 * angle.cos(), 0.97 * angle.sin()]
        })
        .collect()
}
