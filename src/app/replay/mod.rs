//! The replay screen: a recording, played and searched, with what was judged of it and
//! what is known to happen drawn on the bar of time. It only shows what a
//! [`Review`] publishes and asks it for what the user wants.

mod panel;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError},
    },
};

use eframe::egui::{
    Align, Button, ComboBox, Context, Key, Label, Layout, Modifiers, Rect, RichText, Ui, UiBuilder,
    vec2,
};

use super::{
    choose::{Chooser, Want},
    context::AppContext,
    start::column,
    text::{self, replay as words},
    theme::{self, GAP, Tokens},
    widgets::{CameraView, SeekBar, name, notice_row, remark},
};
use crate::{
    background::{self, Waker},
    live::Snapshot,
    replay::review::{Known, Review, ReviewOptions, Shown, Speed},
    source::{OpenOptions, SourceInfo, SourceSpec, demo},
};

/// Height of the bar of time and of the row below it, in points.
const BAR: f32 = 96.0;
const ROW: f32 = 34.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Open,
    Frames,
    Picture,
}

/// The screen's own state.
#[derive(Default)]
pub(crate) struct ReplayView {
    review: Option<Arc<Review>>,
    camera: CameraView,
    chooser: Chooser<Purpose>,
    speed: Option<Speed>,
    /// Of an event log, the time that was asked for last.
    log_at: f64,
    /// What an export has to say, and what it said.
    exporting: Option<Receiver<String>>,
    said: Option<String>,
}

impl ReplayView {
    /// Begins to review a recording.
    pub(crate) fn open(&mut self, ctx: &Context, source: &SourceSpec, context: &AppContext) {
        let waker = ctx.clone();
        let waker: Waker = Arc::new(move || waker.request_repaint());
        let options = ReviewOptions {
            source: Some(source.clone()),
            open: OpenOptions { mounting: context.mounting, ..OpenOptions::default() },
            pipeline: context.pipeline.clone(),
            monitor: context.monitor,
        };
        self.review = Some(Arc::new(Review::start(options, &waker)));
        (self.speed, self.said, self.exporting) = (None, None, None);
        self.log_at = 0.0;
    }

    /// Closes what lies on top of the screen; false where nothing does.
    pub(crate) fn back(&mut self) -> bool {
        self.chooser.close()
    }

    /// Draws the screen over what is left of `ui`.
    pub(crate) fn show(&mut self, ui: &mut Ui, context: &AppContext, overlays: bool) {
        let ctx = ui.ctx().clone();
        if let Some((purpose, path)) = self.chooser.show(&ctx) {
            match purpose {
                Purpose::Open => self.open(&ctx, &SourceSpec::Path(path), context),
                Purpose::Frames | Purpose::Picture => self.export(&ctx, purpose, path),
            }
        }
        self.hear();
        let Some(review) = self.review.clone() else { return self.nothing(ui, context) };
        self.keys(ui, &review);
        let shown = match review.player() {
            Some(player) => player.shown(),
            None => Shown { at: self.log_at, ..Shown::default() },
        };
        let known = review.at(shown.at);
        let seconds = review.seconds();

        self.head(ui, &review, context, seconds);
        let told = [review.judging().problem, shown.problem.clone(), self.said.clone()];
        for sentence in told.into_iter().flatten() {
            if notice_row(ui, &text::sentence(&sentence), Some(text::CLOSE)) {
                self.said = None;
            }
        }
        let area = ui.available_rect_before_wrap();
        let (main, foot) = area.split_top_bottom_at_y(area.bottom() - BAR - ROW - GAP);
        let main = main.with_max_y(main.bottom() - GAP);
        let aspect = shown.frame.as_ref().map_or(4.0 / 3.0, |frame| {
            frame.image.width() as f32 / frame.image.height().max(1) as f32
        });
        let side = (main.width() - main.height() * aspect - GAP).clamp(330.0, 560.0);
        let (left, right) = main.split_left_right_at_x(main.right() - side);
        let left = left.with_max_x(left.right() - GAP);
        self.picture(ui, left, &review, &shown, known.as_ref(), overlays);
        panel::show(ui, right, &review, shown.at, known.as_ref(), context);

        let (bar, row) = foot.split_top_bottom_at_y(foot.top() + BAR);
        let truth = review.truth();
        let wanted = review.with_track(|track| {
            let bar_of = SeekBar { track, truth: truth.as_deref(), seconds, at: shown.at };
            bar_of.show(ui, bar)
        });
        if let Some(at) = wanted {
            self.seek(&review, at);
        }
        self.controls(ui, row.with_min_y(row.top() + 6.0), &review, &shown, seconds);
    }

    fn seek(&mut self, review: &Review, at: f64) {
        match review.player() {
            Some(player) => player.seek(at),
            None => self.log_at = at,
        }
    }

    /// Nothing has been opened yet.
    fn nothing(&mut self, ui: &mut Ui, context: &AppContext) {
        let tokens = Tokens::current(ui);
        let ctx = ui.ctx().clone();
        column(ui, 240.0, |ui| {
            ui.label(RichText::new(words::NOTHING).size(28.0).strong());
            ui.add_space(GAP);
            ui.label(RichText::new(words::NOTHING_SAYS).size(16.0).color(tokens.muted));
            ui.add_space(GAP * 1.5);
            let label = RichText::new(words::OPEN).color(tokens.background);
            let open = Button::new(label).fill(tokens.accent).min_size(vec2(280.0, 36.0));
            if ui.add(open).clicked() {
                self.ask(&ctx);
            }
            if ui.add(Button::new(words::DEMO).min_size(vec2(280.0, 36.0))).clicked() {
                self.open(&ctx, &SourceSpec::Demo(None), context);
            }
        });
    }

    fn ask(&mut self, ctx: &Context) {
        let want = Want::FileOrFolder(words::ENDINGS);
        self.chooser.ask(ctx, Purpose::Open, words::OPEN, want);
    }

    /// Keys of this screen; letters are letters while text is typed.
    fn keys(&mut self, ui: &Ui, review: &Review) {
        if ui.ctx().text_edit_focused() {
            return;
        }
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        let at = review.player().map_or_else(|| self.log_at, |p| p.shown().at);
        if pressed(Key::N)
            && let Some(next) = review.with_track(|track| track.next_alarm(at).map(|a| a.from))
        {
            self.seek(review, next);
        }
        let Some(player) = review.player() else { return };
        if pressed(Key::K) {
            player.play(!player.shown().playing);
        }
        for (key, on) in [(Key::ArrowLeft, false), (Key::ArrowRight, true)] {
            if pressed(key) {
                player.step(on);
            }
        }
    }

    /// What is replayed, how far it is judged, and what can be made of it.
    fn head(&mut self, ui: &mut Ui, review: &Review, context: &AppContext, seconds: f64) {
        let tokens = Tokens::current(ui);
        let ctx = ui.ctx().clone();
        ui.horizontal(|ui| {
            if ui.button(words::OPEN).clicked() {
                self.ask(&ctx);
            }
            let combo = ComboBox::from_id_salt("replay demo").width(150.0);
            let shown = combo.selected_text(text::watch::DEMO).show_ui(ui, |ui| {
                for scenario in demo::scenarios() {
                    if ui.selectable_label(false, *scenario).clicked() {
                        let source = SourceSpec::Demo(Some((*scenario).to_owned()));
                        self.open(&ctx, &source, context);
                    }
                }
            });
            name(ui, &shown.response, words::CHOOSE_DEMO);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let judging = review.judging();
                let any = judging.frames > 0 && self.exporting.is_none();
                let pictures = review.player().is_some();
                if ui.add_enabled(any, Button::new(words::EXPORT_PICTURE)).clicked() {
                    let want = Want::Save(words::PICTURE_FILE);
                    self.chooser.ask(&ctx, Purpose::Picture, words::EXPORT_PICTURE, want);
                }
                let frames = ui.add_enabled(any && pictures, Button::new(words::EXPORT_FRAMES));
                if frames.clicked() {
                    let want = Want::Save(words::FRAMES_FILE);
                    self.chooser.ask(&ctx, Purpose::Frames, words::EXPORT_FRAMES, want);
                }
                let says = words::judging(&judging, seconds);
                ui.label(RichText::new(says).size(theme::SMALL).color(tokens.muted));
                if !judging.done {
                    ui.add(eframe::egui::Spinner::new().size(14.0).color(tokens.accent));
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    let name = RichText::new(super::watch::short(review.name())).strong();
                    ui.add(Label::new(name).truncate());
                });
            });
        });
    }

    fn picture(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        review: &Review,
        shown: &Shown,
        known: Option<&Known>,
        overlays: bool,
    ) {
        if review.player().is_none() {
            let tokens = Tokens::current(ui);
            ui.painter().rect_filled(rect, theme::RADIUS, tokens.surface);
            let layout = Layout::centered_and_justified(eframe::egui::Direction::TopDown);
            let mut child = ui.new_child(UiBuilder::new().max_rect(rect).layout(layout));
            return remark(&mut child, words::NO_PICTURES);
        }
        let judgement = known.map(|known| known.judgement.clone()).unwrap_or_default();
        let color = theme::DARK.state(judgement.state);
        let snapshot = Snapshot {
            frame: shown.frame.clone(),
            face: known.and_then(|known| known.face.clone()),
            source: SourceInfo { name: review.name().into(), ..SourceInfo::default() },
            judgement,
            ..Snapshot::default()
        };
        self.camera.show(ui, rect, &snapshot, overlays, color);
    }

    /// Play, stop, step, search, speed.
    fn controls(&mut self, ui: &mut Ui, rect: Rect, review: &Review, shown: &Shown, of: f64) {
        let layout = Layout::left_to_right(Align::Center);
        let mut row =
            ui.new_child(UiBuilder::new().id_salt("controls").max_rect(rect).layout(layout));
        let ui = &mut row;
        if let Some(player) = review.player() {
            let label = if shown.playing { words::PAUSE } else { words::PLAY };
            let button = Button::new((label, key_hint(ui, "K"))).min_size(vec2(92.0, 28.0));
            let button = ui.add(button);
            name(ui, &button, label);
            if button.clicked() {
                player.play(!shown.playing);
            }
            for (label, key, on) in [(words::BACK, "Left", false), (words::ON, "Right", true)] {
                let button = ui.add(Button::new((label, key_hint(ui, key))));
                name(ui, &button, label);
                if button.clicked() {
                    player.step(on);
                }
            }
        }
        let (last, next) = review.with_track(|track| {
            let start = |alarm: &crate::replay::review::Alarm| alarm.from;
            (track.last_alarm(shown.at).map(start), track.next_alarm(shown.at).map(start))
        });
        for (label, key, alarm) in [(words::LAST_ALARM, "", last), (words::NEXT_ALARM, "N", next)] {
            let button = ui.add_enabled(alarm.is_some(), Button::new((label, key_hint(ui, key))));
            name(ui, &button, label);
            if let (true, Some(at)) = (button.clicked(), alarm) {
                self.seek(review, at);
            }
        }
        if let Some(player) = review.player() {
            let mut speed = self.speed.unwrap_or(Speed::Times(1.0));
            let combo = ComboBox::from_id_salt("speed").width(80.0);
            let chosen = combo.selected_text(words::speed(speed)).show_ui(ui, |ui| {
                let mut changed = false;
                for each in Speed::ALL {
                    let label = words::speed(each);
                    changed |= ui.selectable_value(&mut speed, each, label).changed();
                }
                changed
            });
            name(ui, &chosen.response, words::SPEED);
            if chosen.inner == Some(true) {
                self.speed = Some(speed);
                player.speed(speed);
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(RichText::new(words::time(shown.at, of)).monospace().size(15.0));
        });
    }

    /// Writes on a thread of its own.
    fn export(&mut self, ctx: &Context, purpose: Purpose, path: PathBuf) {
        let Some(review) = self.review.clone() else { return };
        let ctx = ctx.clone();
        let work = move || {
            let done = match purpose {
                Purpose::Picture => review.export_picture(&path),
                Purpose::Frames | Purpose::Open => review.export_frames(&path).map(|_| ()),
            };
            match done {
                Ok(()) => words::written(&path),
                Err(why) => why.to_string(),
            }
        };
        match background::answer("export", move || ctx.request_repaint(), work) {
            Ok(said) => self.exporting = Some(said),
            Err(why) => self.said = Some(why.to_string()),
        }
    }

    fn hear(&mut self) {
        let Some(said) = &self.exporting else { return };
        match said.try_recv() {
            Ok(sentence) => (self.said, self.exporting) = (Some(sentence), None),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => self.exporting = None,
        }
    }
}

fn key_hint(ui: &Ui, key: &str) -> RichText {
    RichText::new(key).size(theme::SMALL).color(Tokens::current(ui).muted)
}
