//! The second page: whether face, light and eyes will do, read from the snapshot. It goes
//! on by itself once all three hold.

use std::time::{Duration, Instant};

use eframe::egui::{Align, Layout, Rect, RichText, Role, Ui, UiBuilder, WidgetInfo, vec2};

use super::{Mark, Move, check, heading};
use crate::{
    app::{
        actions::{Action, Request},
        context::Page,
        text::{self, setup as words},
        theme::{self, GAP, Tokens},
        widgets::{CameraView, Look, action_button, notice_row},
    },
    face::Unreadable,
    frame::is_black,
    live::Snapshot,
};

/// The checks must hold so long.
const HOLD: Duration = Duration::from_secs(2);
/// The face must be larger than the smallest that can be read, times so much: a driver
/// leans back on the way.
const ROOMY: f32 = 1.25;
/// From this width on, picture and checks stand side by side, in points.
const SIDE_BY_SIDE: f32 = 700.0;
/// Width of the checks beside the picture, in points.
const CHECKS: f32 = 340.0;
/// The picture is no lower, in points.
const LOWEST: f32 = 200.0;
/// Height of the line below them, in points.
const LINE: f32 = 30.0;

/// One check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Check {
    mark: Mark,
    says: &'static str,
}

const fn of(mark: Mark, says: &'static str) -> Check {
    Check { mark, says }
}

/// How face, light and eyes stand.
fn checks(snapshot: &Snapshot) -> [Check; 3] {
    let Some(frame) = &snapshot.frame else {
        return [of(Mark::Open, words::WAITING); 3];
    };
    let face = match &snapshot.face {
        None => of(Mark::Bad, words::FACE_NONE),
        Some(face) if face.size_of_least() < ROOMY => of(Mark::Bad, words::FACE_SMALL),
        Some(_) => of(Mark::Good, words::FACE_GOOD),
    };
    // A head that is turned is not measured for light, nor is a small one.
    let light = match (&snapshot.face, snapshot.unreadable) {
        _ if is_black(&frame.image) => of(Mark::Bad, words::LIGHT_BLACK),
        (None, _) => of(Mark::Open, words::AFTER_FACE),
        (Some(_), Some(Unreadable::Dark)) => of(Mark::Bad, words::LIGHT_DARK),
        (Some(_), Some(Unreadable::Turned | Unreadable::Small)) => {
            of(Mark::Open, words::AFTER_OTHERS)
        }
        (Some(_), _) => of(Mark::Good, words::LIGHT_GOOD),
    };
    let eyes = match (&snapshot.face, snapshot.unreadable) {
        (None, _) => of(Mark::Open, words::AFTER_FACE),
        (Some(_), Some(why)) => {
            words::eyes(why).map_or(of(Mark::Open, words::AFTER_OTHERS), |says| of(Mark::Bad, says))
        }
        (Some(_), None) if snapshot.reading.is_none() => of(Mark::Open, words::AFTER_OTHERS),
        (Some(_), None) => of(Mark::Good, words::EYES_GOOD),
    };
    [face, light, eyes]
}

/// The page's own state.
#[derive(Default)]
pub(super) struct SeatPage {
    camera: CameraView,
    /// Since when all checks have held.
    since: Option<Instant>,
    /// It goes on by itself: not when one has come back to it.
    by_itself: bool,
    /// Whether they held when they were last seen; `None` = never seen.
    passed: Option<bool>,
}

impl SeatPage {
    /// The pages were turned, forward or back.
    pub(super) fn begin(&mut self, forward: bool) {
        (self.since, self.by_itself) = (None, forward);
    }

    /// Whether the checks held when they were last seen; `None` = they never were.
    pub(super) fn has_passed(&self) -> Option<bool> {
        self.passed
    }

    /// Whether they hold now.
    pub(super) fn is_good(&self, page: &Page) -> bool {
        match page {
            Page::Watching(now) => checks(now).iter().all(|check| check.mark == Mark::Good),
            _ => false,
        }
    }

    /// Draws the page.
    pub(super) fn show(
        &mut self,
        ui: &mut Ui,
        page: &Page,
        wanted: &mut Vec<Request>,
        pressed: &[Action],
        now: Instant,
    ) -> Move {
        let good = self.is_good(page);
        self.passed = Some(good);
        let since = self.since.take().filter(|_| good);
        self.since = good.then(|| since.unwrap_or(now));
        heading(ui, words::SEAT, words::SEAT_SAYS);
        let snapshot = match page {
            Page::Opening | Page::Resting => {
                ui.horizontal(|ui| {
                    ui.spinner();
                    ui.label(text::start::OPENING);
                });
                return Move::Stay;
            }
            Page::Failed(failure) => {
                let why = match failure.no_camera {
                    true => words::NO_CAMERA_SAYS,
                    false => failure.why.as_str(),
                };
                check(ui, Mark::Bad, words::NO_WATCH, why);
                ui.add_space(GAP);
                let again = ui.horizontal(|ui| {
                    action_button(ui, Action::Retry, text::start::RETRY, Look::Plain).clicked()
                });
                if again.inner || pressed.contains(&Action::Retry) {
                    wanted.push(Request::Act(Action::Retry));
                }
                return Move::Stay;
            }
            Page::Watching(snapshot) => snapshot,
        };
        self.both(ui, snapshot);
        ui.add_space(GAP);
        let says = match (good, self.by_itself) {
            (true, true) => words::ALL_GOOD,
            (true, false) => words::ALL_GOOD_STILL,
            (false, _) => words::NOT_YET,
        };
        let color = Tokens::current(ui).muted;
        let line = ui.label(RichText::new(says).size(16.0).color(color));
        line.widget_info(|| WidgetInfo::labeled(Role::Status, true, says));
        let held = self.since.is_some_and(|since| now.saturating_duration_since(since) >= HOLD);
        if held && self.by_itself { Move::Next } else { Move::Stay }
    }

    /// The picture, and the checks beside or below it.
    fn both(&mut self, ui: &mut Ui, snapshot: &Snapshot) {
        let problem = snapshot.problem.as_deref().map(text::sentence);
        if let Some(problem) = &problem {
            notice_row(ui, problem, None);
            ui.add_space(6.0);
        }
        let area = ui.available_rect_before_wrap();
        let beside = area.width() >= SIDE_BY_SIDE;
        let wide = if beside { area.width() - CHECKS - GAP } else { area.width() };
        let room = if beside { area.height() - LINE - GAP } else { area.height() * 0.5 };
        let aspect = snapshot.frame.as_ref().map_or(0.75, |frame| {
            let (width, height) = frame.image.dimensions();
            height as f32 / width.max(1) as f32
        });
        let height = (wide * aspect).min(room).max(LOWEST);
        let picture = Rect::from_min_size(area.min, vec2(wide, height));
        let rest = match beside {
            true => area.with_min_x(picture.right() + GAP),
            false => area.with_min_y(picture.bottom() + GAP),
        };
        // Pictures are dark or light by themselves: what is drawn over them has one colour.
        let color = theme::DARK.accent;
        let place = UiBuilder::new().id_salt("setup picture").max_rect(picture);
        self.camera.show(&mut ui.new_child(place), picture, snapshot, true, color);
        let layout = Layout::top_down(Align::Min);
        let place = UiBuilder::new().id_salt("setup checks").max_rect(rest).layout(layout);
        let mut list = ui.new_child(place);
        let names = [words::FACE, words::LIGHT, words::EYES];
        for (title, each) in names.into_iter().zip(checks(snapshot)) {
            check(&mut list, each.mark, title, each.says);
        }
        ui.advance_cursor_after_rect(picture.union(list.min_rect()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use image::{Rgb, RgbImage};

    use super::*;
    use crate::{
        face::{BBox, Face, Landmarks, Visibility},
        frame::Frame,
        infer::Reading,
    };

    /// A face whose outer eye corners are so far apart, on a grey of so much.
    fn seen(apart: f32, grey: u8, unreadable: Option<Unreadable>) -> Snapshot {
        let mut points = [[50.0, 50.0]; 68];
        // The outer corners of the 300-W scheme.
        points[45] = [50.0 + apart, 50.0];
        let image = Arc::new(RgbImage::from_pixel(160, 120, Rgb([grey; 3])));
        Snapshot {
            frame: Some(Frame { image, at: Duration::ZERO, index: 0 }),
            face: Some(Face {
                bbox: BBox { x: 40.0, y: 40.0, width: 40.0, height: 40.0 },
                confidence: 0.9,
                landmarks: Landmarks { points },
                visibility: Visibility { left_eye: 1.0, right_eye: 1.0, mouth: 1.0 },
            }),
            unreadable,
            reading: Some(Reading::default()),
            ..Snapshot::default()
        }
    }

    #[test]
    fn each_check_says_what_is_wrong_and_leaves_the_others_open() {
        use Mark::{Bad, Good, Open};
        let marks = |snapshot: &Snapshot| checks(snapshot).map(|check| check.mark);
        assert_eq!(marks(&Snapshot::default()), [Open; 3]);
        assert_eq!(marks(&seen(60.0, 120, None)), [Good; 3]);
        let nobody = |grey| Snapshot { face: None, ..seen(60.0, grey, None) };
        assert_eq!(marks(&nobody(120)), [Bad, Open, Open]);
        assert_eq!(marks(&nobody(3)), [Bad, Bad, Open], "a covered lens");
        assert_eq!(marks(&seen(12.0, 120, Some(Unreadable::Small))), [Bad, Open, Open]);
        assert_eq!(marks(&seen(22.0, 120, None)), [Bad, Good, Good], "no room to lean back");
        assert_eq!(marks(&seen(60.0, 40, Some(Unreadable::Dark))), [Good, Bad, Open]);
        for (why, light) in
            [(Unreadable::Covered, Good), (Unreadable::Blurred, Good), (Unreadable::Turned, Open)]
        {
            let snapshot = seen(60.0, 120, Some(why));
            assert_eq!(marks(&snapshot), [Good, light, Bad], "{why:?}");
            assert_eq!(Some(checks(&snapshot)[2].says), words::eyes(why));
        }
        let blind = Snapshot { reading: None, ..seen(60.0, 120, None) };
        assert_eq!(marks(&blind), [Good, Good, Open], "the network has failed");
    }
}
