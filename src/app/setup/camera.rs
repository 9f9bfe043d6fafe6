//! The first page: the cameras of the machine, each with its picture, to choose one from.

use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use eframe::egui::{
    Align, Label, Layout, Rect, RichText, Role, Sense, Stroke, StrokeKind, Ui, UiBuilder,
    WidgetInfo, pos2, vec2,
};

use super::{Choice, Move, heading};
use crate::{
    app::{
        actions::Action,
        context::{AppContext, Page},
        preferences::Preferences,
        text::{self, setup as words},
        theme::{self, GAP, Tokens},
        widgets::{CameraView, Look, action_button, camera_sign, remark},
    },
    background,
    live::Snapshot,
    source::{
        OpenOptions, SourceInfo, SourceSpec,
        preview::{Cameras, Preview, Seen},
        webcam::CameraInfo,
    },
};

/// So many cameras are open at once: more share one cable and starve each other.
const MOST_OPEN: usize = 4;
/// Wished size of the small pictures, pixels.
const SMALL_PICTURE: [u32; 2] = [320, 240];
/// Height of the name below a picture, in points.
const NAME: f32 = 34.0;
/// A tile is no wider, in points.
const WIDEST: f32 = 460.0;
/// A picture is no lower, in points.
const LOWEST: f32 = 110.0;
/// While there is no camera, the system is asked so often.
const ASK_AGAIN: Duration = Duration::from_secs(3);

type Listed = Result<Vec<CameraInfo>, String>;

/// A source that can be chosen.
struct Tile {
    choice: Choice,
    preview: Option<Preview>,
    /// Why it cannot even be looked at.
    problem: Option<String>,
    view: CameraView,
}

impl Tile {
    fn new(choice: Choice) -> Self {
        Self { choice, preview: None, problem: None, view: CameraView::default() }
    }

    fn seen(&self) -> Option<Seen> {
        self.preview.as_ref().map(Preview::seen)
    }

    fn has_picture(&self) -> bool {
        matches!(self.seen(), Some(Seen::Picture(..)))
    }
}

/// The page's own state.
pub(super) struct CameraPage {
    cameras: Cameras,
    /// The system was asked, on a thread: a driver may take its time.
    asked: Option<Receiver<Listed>>,
    /// Why it gave no list, and when it answered.
    answer: Option<(Option<String>, Instant)>,
    tiles: Vec<Tile>,
    chosen: Option<Choice>,
    /// It was chosen by the driver, not for them.
    by_hand: bool,
}

impl CameraPage {
    pub(super) fn new(cameras: Cameras) -> Self {
        Self { cameras, asked: None, answer: None, tiles: vec![], chosen: None, by_hand: false }
    }

    /// What was chosen.
    pub(super) fn chosen(&self) -> Option<&Choice> {
        self.chosen.as_ref()
    }

    /// Whether what is chosen shows something.
    pub(super) fn is_ready(&self) -> bool {
        self.chosen_at().is_some_and(|at| self.tiles.get(at).is_some_and(Tile::has_picture))
    }

    /// The cameras that are open; the page looks for them anew when it comes back.
    pub(super) fn take_previews(&mut self) -> Vec<Preview> {
        (self.asked, self.answer) = (None, None);
        self.tiles.drain(..).filter_map(|tile| tile.preview).collect()
    }

    fn chosen_at(&self) -> Option<usize> {
        let chosen = self.chosen.as_ref()?;
        self.tiles.iter().position(|tile| tile.choice == *chosen)
    }

    /// Draws the page.
    pub(super) fn show(
        &mut self,
        ui: &mut Ui,
        page: &Page,
        context: &AppContext,
        preferences: &Preferences,
        pressed: &[Action],
    ) -> Move {
        // A camera that is still watched cannot be opened.
        if matches!(page, Page::Resting) {
            self.ask(ui, context);
            self.open(ui, preferences);
            self.choose(preferences);
        }
        let mut turn = Move::Stay;
        match &self.answer {
            Some((Some(why), _)) if self.tiles.is_empty() => {
                nothing(ui, words::NO_LIST, &text::sentence(why));
            }
            Some((None, _)) if self.tiles.is_empty() => {
                nothing(ui, words::NO_CAMERA, words::NO_CAMERA_SAYS);
            }
            Some(_) => {
                heading(ui, words::CAMERA, words::CAMERA_SAYS);
                turn = self.tiles(ui);
            }
            None => {
                heading(ui, words::CAMERA, words::CAMERA_SAYS);
                ui.horizontal(|ui| {
                    ui.spinner();
                    ui.label(words::LOOKING);
                });
            }
        }
        ui.add_space(GAP);
        ui.horizontal_wrapped(|ui| {
            let again = action_button(ui, Action::Retry, words::LOOK_AGAIN, Look::Plain).clicked();
            if (again || pressed.contains(&Action::Retry)) && matches!(page, Page::Resting) {
                // Those that are open are closed by their threads.
                self.take_previews();
            }
            let none = self.answer.is_some() && self.tiles.is_empty();
            let look = if none { Look::Primary } else { Look::Plain };
            let drawn = action_button(ui, Action::Demo, words::DRAWN, look).clicked();
            if drawn || pressed.contains(&Action::Demo) {
                self.chosen = Some(Choice::other(SourceSpec::Demo(None)));
                turn = Move::Next;
            }
        });
        ui.add_space(4.0);
        remark(ui, words::PRIVACY);
        turn
    }

    /// Asks for the cameras, or takes the answer; again and again while there is none.
    fn ask(&mut self, ui: &Ui, context: &AppContext) {
        if let Some(asked) = &self.asked {
            let listed = match asked.try_recv() {
                Ok(listed) => listed,
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => Err(text::start::NO_ANSWER.into()),
            };
            self.asked = None;
            return self.take(listed, context);
        }
        let due = match &self.answer {
            Some((_, at)) => self.tiles.is_empty() && at.elapsed() >= ASK_AGAIN,
            None => true,
        };
        if due {
            let (ctx, cameras) = (ui.ctx().clone(), self.cameras.clone());
            let ask = move || cameras.list().map_err(|why| why.to_string());
            match background::answer("cameras", move || ctx.request_repaint(), ask) {
                Ok(asked) => self.asked = Some(asked),
                Err(why) => self.take(Err(why.to_string()), context),
            }
        }
    }

    /// Makes a tile of each camera, and of another source that was named at the start.
    fn take(&mut self, listed: Listed, context: &AppContext) {
        let (cameras, why) = match listed {
            Ok(cameras) => (cameras, None),
            Err(why) => (vec![], Some(why)),
        };
        self.answer = Some((why, Instant::now()));
        let named = match &context.source {
            SourceSpec::Webcam(_) | SourceSpec::Demo(None) => None,
            other => Some(Choice::other(other.clone())),
        };
        let choices = cameras.iter().map(Choice::of).chain(named);
        self.tiles = choices.map(Tile::new).collect();
    }

    /// Looks at the cameras around the chosen one, and closes the others.
    fn open(&mut self, ui: &Ui, preferences: &Preferences) {
        let first = self.chosen_at().unwrap_or(0) / MOST_OPEN * MOST_OPEN;
        let [width, height] = SMALL_PICTURE;
        let mounting = preferences.mounting();
        let options = OpenOptions { width, height, mounting, ..OpenOptions::default() };
        for (at, tile) in self.tiles.iter_mut().enumerate() {
            if !(first..first + MOST_OPEN).contains(&at) {
                tile.preview = None;
            } else if tile.preview.is_none() && tile.problem.is_none() {
                let ctx = ui.ctx().clone();
                let waker = move || ctx.request_repaint();
                match self.cameras.preview(tile.choice.spec.clone(), options, waker) {
                    Ok(preview) => tile.preview = Some(preview),
                    Err(why) => tile.problem = Some(why.to_string()),
                }
            }
        }
    }

    /// Chooses for who has not chosen: the camera of last time, or the first that works.
    fn choose(&mut self, preferences: &Preferences) {
        if self.is_ready() || self.by_hand && self.chosen_at().is_some() {
            return;
        }
        let kept = preferences.camera.as_ref();
        let is_kept = |tile: &&Tile| kept.is_some_and(|kept| kept.name == tile.choice.name);
        let last = self.tiles.iter().find(is_kept);
        let wait = last.is_some_and(|tile| matches!(tile.seen(), Some(Seen::Opening)));
        if !wait {
            let works = last.filter(|tile| tile.has_picture());
            let works = works.or_else(|| self.tiles.iter().find(|tile| tile.has_picture()));
            self.chosen = works.map(|tile| tile.choice.clone()).or(self.chosen.take());
        }
    }

    /// The pictures, in rows.
    fn tiles(&mut self, ui: &mut Ui) -> Move {
        let mut turn = Move::Stay;
        let count = self.tiles.len();
        let columns = if count < 5 { count.clamp(1, 2) } else { 3 };
        let rows = count.div_ceil(columns) as f32;
        let area = ui.available_rect_before_wrap();
        let width = ((area.width() - GAP * (columns - 1) as f32) / columns as f32).min(WIDEST);
        // Below them stand a row of buttons and a sentence.
        let height = ((area.height() - 80.0 - GAP * (rows - 1.0)) / rows)
            .clamp(LOWEST + NAME, width * 0.75 + NAME);
        let left = area.left();
        let used = vec2(area.width(), rows * height + (rows - 1.0) * GAP);
        let (_, _) = ui.allocate_exact_size(used, Sense::hover());
        let mut picked = None;
        for (at, tile) in self.tiles.iter_mut().enumerate() {
            let [x, y] = [at % columns, at / columns].map(|index| index as f32);
            let corner = pos2(left + x * (width + GAP), area.top() + y * (height + GAP));
            let rect = Rect::from_min_size(corner, vec2(width, height));
            let chosen = self.chosen.as_ref() == Some(&tile.choice);
            let layout = Layout::top_down(Align::Min);
            let place = UiBuilder::new().id_salt(("tile", at)).max_rect(rect).layout(layout);
            let pressed = draw(&mut ui.new_child(place), rect, tile, chosen);
            if pressed.clicked() {
                picked = Some(tile.choice.clone());
            }
            if pressed.double_clicked() && tile.has_picture() {
                turn = Move::Next;
            }
        }
        if picked.is_some() {
            (self.chosen, self.by_hand) = (picked, true);
        }
        turn
    }
}

/// One camera: its picture or why there is none, and its name.
fn draw(ui: &mut Ui, rect: Rect, tile: &mut Tile, chosen: bool) -> eframe::egui::Response {
    let tokens = Tokens::current(ui);
    // Under the picture, so that the whole tile can be pressed.
    let label = words::choice(&tile.choice.name);
    ui.painter().rect_filled(rect, theme::RADIUS, tokens.surface);
    let (picture, name) = rect.split_top_bottom_at_y(rect.bottom() - NAME);
    let seen = tile.seen();
    match &seen {
        Some(Seen::Picture(frame, live)) => {
            let source = SourceInfo { live: *live, ..SourceInfo::default() };
            let shown = Snapshot { frame: Some(frame.clone()), source, ..Snapshot::default() };
            tile.view.show(ui, picture.shrink(4.0), &shown, false, tokens.accent);
        }
        other => {
            let told = match (other, &tile.problem) {
                (_, Some(problem)) => text::sentence(problem),
                (None, _) => words::CLOSED.into(),
                (Some(Seen::Failed(why)), _) => words::no_picture(why),
                (Some(Seen::Crashed), _) => words::CRASHED.into(),
                (Some(_), _) => words::OPENING.into(),
            };
            let layout = Layout::centered_and_justified(eframe::egui::Direction::TopDown);
            let place = UiBuilder::new().max_rect(picture.shrink(theme::PADDING)).layout(layout);
            let mut middle = ui.new_child(place);
            middle.add(Label::new(RichText::new(told).color(tokens.muted)).wrap());
        }
    }
    let layout = Layout::left_to_right(Align::Center);
    let place = UiBuilder::new().max_rect(name.shrink2(vec2(12.0, 0.0))).layout(layout);
    let mut line = ui.new_child(place);
    let color = if chosen { tokens.text } else { tokens.muted };
    let (ring, _) = line.allocate_exact_size(vec2(18.0, 18.0), Sense::hover());
    line.painter().circle_stroke(ring.center(), 8.0, Stroke::new(1.5, tokens.outline));
    if chosen {
        line.painter().circle_filled(ring.center(), 5.0, tokens.accent);
    }
    line.add(Label::new(RichText::new(&tile.choice.name).color(color)).truncate());
    let pressed = ui.interact(rect, ui.scope_id().with("press"), Sense::click());
    pressed.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, chosen, &label));
    let edge = match (chosen, pressed.has_focus(), pressed.hovered()) {
        (_, true, _) => Stroke::new(3.0, tokens.text),
        (true, ..) => Stroke::new(3.0, tokens.accent),
        (_, _, true) => Stroke::new(1.5, tokens.text),
        _ => Stroke::new(1.0, tokens.divider),
    };
    ui.painter().rect_stroke(rect, theme::RADIUS, edge, StrokeKind::Inside);
    pressed
}

/// Instead of the pictures, where there is no camera.
fn nothing(ui: &mut Ui, title: &str, says: &str) {
    let tokens = Tokens::current(ui);
    let (sign, _) = ui.allocate_exact_size(vec2(84.0, 84.0), Sense::hover());
    camera_sign(ui.painter(), sign, tokens.unseen, tokens.background);
    ui.add_space(GAP);
    heading(ui, title, says);
}
