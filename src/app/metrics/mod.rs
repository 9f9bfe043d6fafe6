//! The metrics screen: a labelled set and one or two models on the left, what
//! [`evaluate`](crate::evaluate) measured on the right. Nothing is computed here: the
//! measurement and the figures of a moved threshold come from [`job`](crate::evaluate::job).

mod charts;
mod films;
mod protocol;
mod results;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::AtomicBool,
        mpsc::{Receiver, TryRecvError},
    },
};

use eframe::egui::{
    Align, Button, Context, Label, Layout, ProgressBar, Rect, RichText, ScrollArea, Spinner, Ui,
    UiBuilder, vec2,
};

use self::{protocol::ProtocolView, results::Results};
use super::{
    choose::{Chooser, Want},
    context::AppContext,
    text::{self, metrics as words},
    theme::{self, GAP, Tokens},
    widgets::{name, notice_row, remark, section},
};
use crate::{
    background::{self, Background, Ended, Waker},
    evaluate::{
        bootstrap::Bootstrap,
        job,
        measure::{Measure, Measured},
        protocol::Protocol,
    },
    live::PipelineOptions,
};

/// Width of the left column, in points.
const LEFT: f32 = 270.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Data,
    Model,
    Second,
    Export,
}

/// The screen's own state.
#[derive(Default)]
pub(crate) struct MetricsView {
    /// The labelled set; tests and the command line may set it.
    pub data: Option<PathBuf>,
    model: Option<PathBuf>,
    second: Option<PathBuf>,
    chooser: Chooser<Purpose>,
    job: Option<Background<Measured>>,
    results: Option<Results>,
    protocol: ProtocolView,
    exporting: Option<Receiver<String>>,
    said: Option<String>,
}

pub(super) fn waker(ctx: &Context) -> Waker {
    let ctx = ctx.clone();
    Arc::new(move || ctx.request_repaint())
}

impl MetricsView {
    /// Closes what lies on top of the screen; false where nothing does.
    pub(crate) fn back(&mut self) -> bool {
        self.chooser.close() || self.protocol.back()
    }

    /// Draws the screen over what is left of `ui`.
    pub(crate) fn show(&mut self, ui: &mut Ui, context: &AppContext) {
        let ctx = ui.ctx().clone();
        if let Some((purpose, path)) = self.chooser.show(&ctx) {
            match purpose {
                Purpose::Data => self.data = Some(path),
                Purpose::Model => self.model = Some(path),
                Purpose::Second => self.second = Some(path),
                Purpose::Export => self.export(&ctx, path),
            }
        }
        self.hear(&ctx);
        if let Some(sentence) = self.protocol.hear(&ctx) {
            self.said = Some(sentence);
        }
        if let Some(sentence) = self.said.clone()
            && notice_row(ui, &text::sentence(&sentence), Some(text::CLOSE))
        {
            self.said = None;
        }
        let area = ui.available_rect_before_wrap();
        let (left, right) = area.split_left_right_at_x(area.left() + LEFT);
        let mut left = column(ui, left, "metrics left");
        section(&mut left, words::SETUP, |ui| self.setup(ui, context));
        let mut right = column(ui, right.with_min_x(right.left() + GAP), "metrics right");
        let idle = self.job.is_none();
        if let Some(sentence) = self.protocol.setup(&mut right, context, idle) {
            self.said = Some(sentence);
        }
        right.add_space(GAP);
        if self.protocol.show(&mut right) {
            return;
        }
        match (&mut self.results, &self.job) {
            (_, Some(job)) => running(&mut right, job),
            (Some(results), None) => {
                let scroll = ScrollArea::vertical().id_salt("results").auto_shrink(false);
                scroll.show(&mut right, |ui| results.show(ui));
            }
            (None, None) => nothing(&mut right),
        }
    }

    fn setup(&mut self, ui: &mut Ui, context: &AppContext) {
        let ctx = ui.ctx().clone();
        ui.spacing_mut().item_spacing.y = 6.0;
        let idle = self.job.is_none() && !self.protocol.is_running();
        ui.add_enabled_ui(idle, |ui| {
            heading(ui, words::DATA);
            match &self.data {
                Some(path) => file(ui, path),
                None => remark(ui, words::NO_DATA),
            }
            if ui.button(words::CHOOSE_DATA).clicked() {
                let want = Want::FileOrFolder(&["csv", "tsv", "txt"]);
                self.chooser.ask(&ctx, Purpose::Data, words::CHOOSE_DATA, want);
            }
            ui.add_space(GAP);
            for (title, choose, purpose, none) in [
                (words::MODEL, words::CHOOSE_MODEL, Purpose::Model, words::BUILT_IN),
                (words::SECOND, words::CHOOSE_SECOND, Purpose::Second, words::NO_SECOND),
            ] {
                let second = purpose == Purpose::Second;
                let chosen = if second { &mut self.second } else { &mut self.model };
                heading(ui, title);
                match chosen {
                    Some(path) => file(ui, path),
                    None => drop(ui.label(none)),
                }
                ui.horizontal(|ui| {
                    if ui.button(choose).clicked() {
                        self.chooser.ask(&ctx, purpose, choose, Want::File(&["onnx"]));
                    }
                    if chosen.is_some() && ui.button(words::REMOVE).clicked() {
                        *chosen = None;
                    }
                });
                ui.add_space(GAP);
            }
        });
        let tokens = Tokens::current(ui);
        let width = ui.available_width();
        ui.vertical_centered(|ui| match &self.job {
            Some(job) => {
                let button = Button::new(words::CANCEL).min_size(vec2(width, 36.0));
                if ui.add(button).clicked() {
                    job.cancel();
                }
            }
            None => {
                let label = RichText::new(words::MEASURE).color(tokens.background);
                let button = Button::new(label).fill(tokens.accent).min_size(vec2(width, 36.0));
                if ui.add_enabled(idle && self.data.is_some(), button).clicked() {
                    self.measure(&ctx, context);
                }
            }
        });
        ui.add_space(GAP);
        let any = idle && self.results.is_some() && self.exporting.is_none();
        ui.vertical_centered(|ui| {
            let export = Button::new(words::EXPORT).min_size(vec2(width, 30.0));
            if ui.add_enabled(any, export).clicked() {
                self.chooser.ask(&ctx, Purpose::Export, words::EXPORT, Want::Folder);
            }
        });
        remark(ui, words::EXPORT_SAYS);
    }

    /// Begins to measure.
    pub(crate) fn measure(&mut self, ctx: &Context, context: &AppContext) {
        let Some(data) = self.data.clone() else { return };
        let with = |model: Option<PathBuf>| PipelineOptions {
            classifier: model.into(),
            ..context.pipeline.clone()
        };
        let first = match &self.model {
            Some(model) => with(Some(model.clone())),
            None => context.pipeline.clone(),
        };
        let mut command = vec!["wakewatch".into(), "(window)".into(), "evaluate".into()];
        command.extend(["--data".into(), data.display().to_string()]);
        let measure = Measure {
            mounting: context.mounting,
            data,
            models: std::iter::once(first)
                .chain(self.second.clone().map(|second| with(Some(second))))
                .collect(),
            protocol: Protocol::Subject,
            by: vec![],
            bootstrap: Bootstrap::default(),
            threshold: None,
            monitor: context.monitor,
            versus: vec![],
            keep: None,
            command,
            stop: Arc::<AtomicBool>::default(),
        };
        match job::start(measure, waker(ctx)) {
            Ok(job) => {
                self.protocol.put_away();
                (self.job, self.results, self.said) = (Some(job), None, None);
            }
            Err(why) => self.said = Some(why.to_string()),
        }
    }

    /// Takes what the threads have to say.
    fn hear(&mut self, ctx: &Context) {
        if let Some(ended) = self.job.as_ref().and_then(Background::ended) {
            self.job = None;
            match ended {
                Ended::Done(measured) => {
                    let list = self.data.clone().unwrap_or_default();
                    self.results = Some(Results::of(ctx, *measured, list));
                }
                Ended::Cancelled => self.said = Some(words::CANCELLED.into()),
                Ended::Failed(why) => self.said = Some(why),
            }
        }
        let Some(said) = &self.exporting else { return };
        match said.try_recv() {
            Ok(sentence) => (self.said, self.exporting) = (Some(sentence), None),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => self.exporting = None,
        }
    }

    /// Writes the report on a thread of its own.
    fn export(&mut self, ctx: &Context, folder: PathBuf) {
        let Some(measured) = self.results.as_ref().map(Results::measured) else { return };
        let ctx = ctx.clone();
        let work = move || write(&measured, &folder);
        match background::answer("export", move || ctx.request_repaint(), work) {
            Ok(said) => self.exporting = Some(said),
            Err(why) => self.said = Some(why.to_string()),
        }
    }
}

fn write(measured: &Measured, folder: &Path) -> String {
    match measured.report.write(folder, &measured.tasks) {
        Ok(()) => words::written(folder),
        Err(why) => why.to_string(),
    }
}

fn column(ui: &mut Ui, rect: Rect, salt: &str) -> Ui {
    let layout = Layout::top_down(Align::Min);
    ui.new_child(UiBuilder::new().id_salt(salt).max_rect(rect).layout(layout))
}

fn heading(ui: &mut Ui, title: &str) {
    let tokens = Tokens::current(ui);
    ui.label(RichText::new(title).size(theme::SMALL).color(tokens.muted));
}

/// A path by its last part; the whole of it when pointed at.
fn file(ui: &mut Ui, path: &Path) {
    let whole = path.display().to_string();
    let last = path.file_name().map_or(whole.clone(), |last| last.to_string_lossy().into());
    ui.add(Label::new(last).truncate()).on_hover_text(whole);
}

fn nothing(ui: &mut Ui) {
    let tokens = Tokens::current(ui);
    super::start::column(ui, 150.0, |ui| {
        ui.label(RichText::new(words::NOTHING).size(26.0).strong());
        ui.add_space(GAP);
        ui.label(RichText::new(words::NOTHING_SAYS).size(16.0).color(tokens.muted));
    });
}

fn running(ui: &mut Ui, job: &Background<Measured>) {
    let tokens = Tokens::current(ui);
    let (done, of) = job.progress();
    super::start::column(ui, 170.0, |ui| {
        ui.add(Spinner::new().size(36.0).color(tokens.accent));
        ui.add_space(GAP);
        ui.label(RichText::new(words::RUNNING).size(24.0));
        ui.add_space(GAP);
        let share = if of > 0 { done as f32 / of as f32 } else { 0.0 };
        let bar = ProgressBar::new(share).desired_width(420.0).fill(tokens.accent);
        let bar = ui.add(bar);
        let says = words::progress(done, of);
        name(ui, &bar, &says);
        ui.label(RichText::new(says).color(tokens.muted));
    });
}
