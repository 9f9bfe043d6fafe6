//! Where the parts of the watch screen lie.

use eframe::egui::{Rect, Vec2, vec2};

use crate::app::theme::GAP;

/// The least that the signs need, in points.
pub(super) const SIGNS: Vec2 = vec2(230.0, 190.0);

/// A place for each part.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) hero: Rect,
    pub(super) banners: Vec<Rect>,
    pub(super) tools: Rect,
    pub(super) camera: Rect,
    pub(super) crop: Rect,
    pub(super) signs: Rect,
    pub(super) timeline: Rect,
    pub(super) status: Rect,
}

impl Places {
    /// Divides `area` for a picture of `aspect` and so many banners.
    pub(super) fn of(area: Rect, aspect: f32, banners: usize) -> Self {
        let mut rest = area;
        let mut take_top = |height: f32, gap: f32| {
            let (top, below) = rest.split_top_bottom_at_y(rest.top() + height);
            rest = below.with_min_y(below.top() + gap);
            top
        };
        let hero = take_top((area.height() * 0.19).clamp(104.0, 170.0), GAP);
        let banners: Vec<_> = (0..banners).map(|_| take_top(32.0, 6.0)).collect();
        let tools = take_top(28.0, 6.0);
        let (rest, status) = rest.split_top_bottom_at_y(rest.bottom() - 22.0);
        let plot = (area.height() * 0.24).clamp(132.0, 260.0);
        let (main, timeline) = rest.split_top_bottom_at_y(rest.bottom() - plot - 4.0);
        let timeline = timeline.with_max_y(timeline.bottom() - 4.0);
        let main = main.with_max_y(main.bottom() - GAP);

        // The picture takes all the height, if the other two keep what they need: a
        // square under a heading, and the signs beside it.
        let square = main.height().clamp(120.0, 420.0);
        let most = main.width() - square - SIGNS.x - 2.0 * GAP;
        let width = (main.height() * aspect).min(most.max(main.width() * 0.3));
        let (camera, right) = main.split_left_right_at_x(main.left() + width);
        let right = right.with_min_x(right.left() + GAP);
        let (crop, signs) = right.split_left_right_at_x(right.left() + square);
        let signs = signs.with_min_x(signs.left() + GAP);
        Self { hero, banners, tools, camera, crop, signs, timeline, status }
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::pos2;

    use super::*;

    #[test]
    fn the_parts_never_overlap_and_stay_inside() {
        for size in [vec2(1004.0, 566.0), vec2(1580.0, 840.0), vec2(1900.0, 1020.0)] {
            for aspect in [0.75, 4.0 / 3.0, 16.0 / 9.0] {
                for banners in 0..3 {
                    let area = Rect::from_min_size(pos2(10.0, 50.0), size);
                    let p = Places::of(area, aspect, banners);
                    let mut parts =
                        vec![p.hero, p.tools, p.camera, p.crop, p.signs, p.timeline, p.status];
                    parts.extend(&p.banners);
                    for (i, part) in parts.iter().enumerate() {
                        assert!(area.expand(0.1).contains_rect(*part), "{size} {aspect} {part:?}");
                        assert!(part.width() > 100.0 && part.height() > 20.0, "{size} {part:?}");
                        for other in &parts[..i] {
                            let both = part.intersect(*other);
                            assert!(!both.is_positive(), "{size} {aspect} {part:?} {other:?}");
                        }
                    }
                    assert!(p.signs.width() >= SIGNS.x - 0.1, "{size} {aspect} {:?}", p.signs);
                }
            }
        }
    }
}
