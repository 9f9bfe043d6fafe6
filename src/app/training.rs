//! The training screen: settings as TOML on the left, what the running training says, its
//! curves and its picture on the right. It begins, stops, goes on, exports and puts a
//! model into the running watch; all of it on threads of [`job`](crate::train::job).

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, TryRecvError},
};

use eframe::egui::{
    Align, Button, Context, FontId, Image, Label, Layout, ProgressBar, Rect, RichText, ScrollArea,
    Sense, TextEdit, Ui, UiBuilder, vec2,
};
use egui_plot::{Line, Plot, PlotPoints};

use super::{
    actions::Request,
    choose::{Chooser, Want},
    metrics::waker,
    start::column as middle,
    text::{self, training as words},
    theme::{self, GAP, Tokens},
    widgets::{Texture, name, notice_row, remark, section},
};
use crate::{
    background,
    chart::Panel,
    train::job::{self, Exported, Job, Plan, Standing, What},
};

/// Width of the left column, in points.
const LEFT: f32 = 400.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Settings,
    Export,
}

/// The screen's own state.
pub(crate) struct TrainingView {
    what: What,
    /// The settings, as TOML; tests may set them.
    pub settings: String,
    chooser: Chooser<Purpose>,
    job: Option<Job>,
    picture: Texture,
    reading: Option<Receiver<Result<String, String>>>,
    /// The settings that are being read are to be learned from at once.
    begins: bool,
    exporting: Option<Receiver<Result<Exported, String>>>,
    said: Option<String>,
}

impl Default for TrainingView {
    fn default() -> Self {
        Self {
            what: What::default(),
            settings: What::default().shipped().into(),
            chooser: Chooser::default(),
            job: None,
            picture: Texture::default(),
            reading: None,
            begins: false,
            exporting: None,
            said: None,
        }
    }
}

impl TrainingView {
    /// Closes what lies on top of the screen; false where nothing does.
    pub(crate) fn back(&mut self) -> bool {
        self.chooser.close()
    }

    /// Reads settings and begins to train with them.
    pub(crate) fn begin(&mut self, ctx: &Context, settings: PathBuf) {
        self.begins = true;
        self.read(ctx, settings);
    }

    /// Draws the screen over what is left of `ui`.
    pub(crate) fn show(&mut self, ui: &mut Ui) -> Option<Request> {
        let ctx = ui.ctx().clone();
        if let Some((purpose, path)) = self.chooser.show(&ctx) {
            match purpose {
                Purpose::Settings => self.read(&ctx, path),
                Purpose::Export => self.export(&ctx, &path, false),
            }
        }
        let wanted = self.hear(&ctx);
        if let Some(sentence) = self.said.clone()
            && notice_row(ui, &text::sentence(&sentence), Some(text::CLOSE))
        {
            self.said = None;
        }
        let standing = self.job.as_ref().map(Job::standing);
        let running = standing.as_ref().is_some_and(|standing| standing.over.is_none());
        let area = ui.available_rect_before_wrap();
        let (left, right) = area.split_left_right_at_x(area.left() + LEFT);
        let mut left = column(ui, left, "training left");
        section(&mut left, words::SETUP, |ui| self.setup(ui, running));
        let mut right = column(ui, right.with_min_x(right.left() + GAP), "training right");
        match standing {
            None => nothing(&mut right),
            Some(standing) => {
                let scroll = ScrollArea::vertical().id_salt("standing").auto_shrink(false);
                scroll.show(&mut right, |ui| self.standing(ui, &standing, running));
            }
        }
        wanted
    }

    fn setup(&mut self, ui: &mut Ui, running: bool) {
        let ctx = ui.ctx().clone();
        ui.spacing_mut().item_spacing.y = 6.0;
        ui.add_enabled_ui(!running, |ui| {
            ui.horizontal(|ui| {
                for what in [What::Pretrain, What::Finetune] {
                    if ui.radio(self.what == what, words::what(what)).clicked() {
                        self.what = what;
                        self.settings = what.shipped().into();
                    }
                }
            });
            remark(ui, words::what_says(self.what));
            ui.horizontal(|ui| {
                if ui.button(words::SHIPPED).clicked() {
                    self.settings = self.what.shipped().into();
                }
                if ui.button(words::FROM_FILE).clicked() {
                    let want = Want::File(&["toml"]);
                    self.chooser.ask(&ctx, Purpose::Settings, words::FROM_FILE, want);
                }
            });
            let height = (ui.available_height() - 54.0).max(120.0);
            let scroll = ScrollArea::vertical().id_salt("toml").max_height(height);
            scroll.auto_shrink(false).show(ui, |ui| {
                let field = TextEdit::multiline(&mut self.settings).font(FontId::monospace(12.0));
                let field = ui.add(field.desired_width(f32::INFINITY).desired_rows(16));
                name(ui, &field, words::SETTINGS);
            });
        });
        ui.horizontal(|ui| {
            let tokens = Tokens::current(ui);
            let size = vec2(110.0, 36.0);
            match (&self.job, running) {
                (Some(job), true) => {
                    let label = if job.is_stopping() { words::STOPPING } else { words::STOP };
                    let stop = Button::new(label).min_size(size);
                    if ui.add_enabled(!job.is_stopping(), stop).clicked() {
                        job.stop();
                    }
                }
                _ => {
                    let label = RichText::new(words::START).color(tokens.background);
                    let start = Button::new(label).fill(tokens.accent).min_size(size);
                    if ui.add(start).clicked() {
                        self.start(&ctx, false);
                    }
                    if ui.add(Button::new(words::RESUME).min_size(size)).clicked() {
                        self.start(&ctx, true);
                    }
                }
            }
        });
    }

    fn start(&mut self, ctx: &Context, resume: bool) {
        let job = Plan::parse(self.what, &self.settings)
            .and_then(|plan| Job::start(plan, resume, waker(ctx)).map_err(|why| why.to_string()));
        match job {
            Ok(job) => (self.job, self.said) = (Some(job), None),
            Err(why) => self.said = Some(why),
        }
        self.picture.clear();
    }

    /// What the training says.
    fn standing(&mut self, ui: &mut Ui, standing: &Standing, running: bool) {
        ui.spacing_mut().item_spacing.y = 8.0;
        section(ui, words::STANDING, |ui| {
            progress(ui, standing);
            match &standing.over {
                None => {}
                Some(Err(why)) => drop(ui.add(Label::new(text::sentence(why)).wrap())),
                Some(Ok(figures)) => remark(ui, &words::figures(figures)),
            }
            self.finished(ui, running);
        });
        for (at, panel) in standing.curves.iter().enumerate() {
            section(ui, words::panel(at), |ui| curves(ui, at, panel));
        }
        if let Some(picture) = &standing.picture {
            section(ui, words::PICTURE, |ui| {
                let texture = self.picture.of(ui.ctx(), "reconstruction", picture);
                let room = vec2(ui.available_width(), 420.0);
                let image = Image::from_texture(texture).max_size(room);
                ui.add(image.alt_text(words::PICTURE));
            });
        }
        section(ui, words::SAID, |ui| {
            for line in standing.said.iter().rev().take(12) {
                ui.add(Label::new(RichText::new(line).monospace()).truncate());
            }
        });
    }

    /// What can be made of a run that has ended.
    fn finished(&mut self, ui: &mut Ui, running: bool) {
        let ctx = ui.ctx().clone();
        let free = !running && self.exporting.is_none();
        ui.horizontal(|ui| {
            if ui.add_enabled(free, Button::new(words::EXPORT)).clicked() {
                let want = Want::Save(words::MODEL_FILE);
                self.chooser.ask(&ctx, Purpose::Export, words::EXPORT, want);
            }
            let promote = ui.add_enabled(free, Button::new(words::PROMOTE));
            if promote.on_hover_text(words::PROMOTE_SAYS).clicked()
                && let Some(job) = &self.job
            {
                let file = job.out().join(words::MODEL_FILE);
                self.export(&ctx, &file, true);
            }
            if self.exporting.is_some() {
                ui.spinner();
            }
        });
    }

    fn export(&mut self, ctx: &Context, file: &Path, promote: bool) {
        let Some(job) = &self.job else { return };
        match job::export(job.out(), file, promote, waker(ctx)) {
            Ok(coming) => self.exporting = Some(coming),
            Err(why) => self.said = Some(why.to_string()),
        }
    }

    /// Reads settings on a thread of its own.
    fn read(&mut self, ctx: &Context, path: PathBuf) {
        let ctx = ctx.clone();
        let work = move || {
            let text = std::fs::read_to_string(&path);
            text.map_err(|why| words::unreadable(&path, &why))
        };
        match background::answer("read", move || ctx.request_repaint(), work) {
            Ok(coming) => self.reading = Some(coming),
            Err(why) => self.said = Some(why.to_string()),
        }
    }

    /// Takes what the threads have to say.
    fn hear(&mut self, ctx: &Context) -> Option<Request> {
        match self.reading.as_ref().map(Receiver::try_recv) {
            Some(Ok(Ok(text))) => {
                self.what = Plan::kind(self.what, &text);
                (self.settings, self.reading) = (text, None);
                if std::mem::take(&mut self.begins) {
                    self.start(ctx, false);
                }
            }
            Some(Ok(Err(why))) => {
                (self.said, self.reading, self.begins) = (Some(why), None, false);
            }
            Some(Err(TryRecvError::Disconnected)) => self.reading = None,
            Some(Err(TryRecvError::Empty)) | None => {}
        }
        match self.exporting.as_ref()?.try_recv() {
            Ok(Ok(Exported { file, promoted })) => {
                self.exporting = None;
                self.said = Some(words::exported(&file, promoted));
                promoted.then_some(Request::Reload)
            }
            Ok(Err(why)) => {
                (self.said, self.exporting) = (Some(why), None);
                None
            }
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                self.exporting = None;
                None
            }
        }
    }
}

fn column(ui: &mut Ui, rect: Rect, salt: &str) -> Ui {
    let layout = Layout::top_down(Align::Min);
    ui.new_child(UiBuilder::new().id_salt(salt).max_rect(rect).layout(layout))
}

fn nothing(ui: &mut Ui) {
    let tokens = Tokens::current(ui);
    middle(ui, 170.0, |ui| {
        ui.label(RichText::new(words::NOTHING).size(26.0).strong());
        ui.add_space(GAP);
        ui.label(RichText::new(words::NOTHING_SAYS).size(16.0).color(tokens.muted));
    });
}

fn progress(ui: &mut Ui, standing: &Standing) {
    let tokens = Tokens::current(ui);
    let Some(step) = standing.step else {
        if standing.over.is_none() {
            remark(ui, words::LOADING);
        }
        return;
    };
    let share = step.step as f32 / step.steps.max(1) as f32;
    let bar = ui.add(ProgressBar::new(share).fill(tokens.accent));
    let says = words::step(&step);
    name(ui, &bar, &says);
    ui.label(RichText::new(says).size(theme::SMALL).color(tokens.muted));
}

fn curves(ui: &mut Ui, at: usize, panel: &Panel) {
    let tokens = Tokens::current(ui);
    if panel.series.iter().all(|series| series.points.len() < 2) {
        return remark(ui, words::NO_CURVES);
    }
    let colors =
        [tokens.accent, tokens.awake, tokens.drowsy, tokens.asleep, tokens.tiring, tokens.unseen];
    let colored = || panel.series.iter().zip(colors.into_iter().cycle());
    // Above the curves, since a legend of the plot's own would lie on them.
    ui.horizontal_wrapped(|ui| {
        for (series, color) in colored() {
            let Some((_, last)) = series.points.last() else { continue };
            let (mark, _) = ui.allocate_exact_size(vec2(18.0, 3.0), Sense::hover());
            ui.painter().rect_filled(mark, 1.0, color);
            let says = words::curve(&series.name, *last);
            ui.label(RichText::new(says).size(theme::SMALL).color(tokens.muted));
            ui.add_space(GAP);
        }
    });
    let plot = Plot::new(("curves", at))
        .height(170.0)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .show_background(false)
        .grid_color(tokens.divider)
        .grid_fade(0.0)
        .grid_spacing(48.0..=240.0)
        .x_axis_label(words::STEPS);
    let shown = plot.show(ui, |plot| {
        for (series, color) in colored() {
            let points = series.points.iter().map(|&(x, y)| [x, y]);
            let points: PlotPoints<'_> = points.filter(|p| p[1].is_finite()).collect();
            plot.line(Line::new(series.name.clone(), points).color(color).width(2.0));
        }
    });
    let response = shown.response;
    response.widget_info(|| {
        let role = eframe::egui::Role::Image;
        eframe::egui::WidgetInfo::labeled(role, true, words::panel(at))
    });
}
