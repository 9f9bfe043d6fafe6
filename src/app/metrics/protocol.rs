//! The road-safety tests on the metrics screen: which are played, how far they are, what
//! came of them, and the page. They are played by [`job`](crate::protocol::job).

use std::{
    cell::OnceCell,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError},
    },
};

use eframe::egui::{
    Button, ComboBox, Context, Grid, Label, ProgressBar, RichText, ScrollArea, Spinner, Ui, Vec2,
    vec2,
};

use crate::{
    app::{
        choose::{Chooser, Want},
        context::AppContext,
        metrics::waker,
        start,
        text::protocol as words,
        theme::{self, GAP, Tokens},
        widgets::{name, remark, section},
    },
    background::{self, Background, Ended},
    os::open_page,
    protocol::{Choice, Outcome, Played, ProtocolOptions, Table, Total, job, page::Report},
};

/// So many of the tests that failed are listed; the page holds all.
const LISTED: usize = 40;

/// Width of the choice, and the least size of a button, in points.
const CHOICE: f32 = 190.0;
const BUTTON: Vec2 = vec2(150.0, 30.0);

/// What the screen remembers of the tests.
#[derive(Default)]
pub(super) struct ProtocolView {
    /// The requirement that is played; `None` = all.
    only: Option<String>,
    /// Short name and title of each requirement.
    requirements: OnceCell<Vec<(String, String)>>,
    chooser: Chooser<()>,
    job: Option<Background<Report>>,
    report: Option<Arc<Report>>,
    writing: Option<Receiver<String>>,
}

impl ProtocolView {
    /// Closes what lies on top; false where nothing does.
    pub(super) fn back(&mut self) -> bool {
        self.chooser.close()
    }

    /// Whether tests are being played.
    pub(super) fn is_running(&self) -> bool {
        self.job.is_some()
    }

    /// Shows what was measured instead.
    pub(super) fn put_away(&mut self) {
        self.report = None;
    }

    /// Takes what the threads have to say; a sentence for the user, where there is one.
    pub(super) fn hear(&mut self, ctx: &Context) -> Option<String> {
        if let Some(((), folder)) = self.chooser.show(ctx) {
            return self.write(ctx, folder);
        }
        if let Some(ended) = self.job.as_ref().and_then(Background::ended) {
            self.job = None;
            match ended {
                Ended::Done(report) => self.report = Some(Arc::from(report)),
                Ended::Cancelled => return Some(words::CANCELLED.into()),
                Ended::Failed(why) => return Some(why),
            }
        }
        match self.writing.as_ref()?.try_recv() {
            Ok(sentence) => {
                self.writing = None;
                return Some(sentence);
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => self.writing = None,
        }
        None
    }

    /// What is played, in a row of its own; `idle`: nothing else is being measured. A sentence
    /// where the tests cannot begin.
    pub(super) fn setup(
        &mut self,
        ui: &mut Ui,
        context: &AppContext,
        idle: bool,
    ) -> Option<String> {
        let mut pressed = false;
        section(ui, words::TITLE, |ui| {
            remark(ui, words::SAYS);
            ui.horizontal(|ui| {
                let tokens = Tokens::current(ui);
                if let Some(job) = &self.job {
                    if ui.add(Button::new(words::CANCEL).min_size(BUTTON)).clicked() {
                        job.cancel();
                    }
                    return;
                }
                ui.add_enabled_ui(idle, |ui| self.choose(ui));
                let label = RichText::new(words::PLAY).color(tokens.background);
                let button = Button::new(label).fill(tokens.accent).min_size(BUTTON);
                pressed = ui.add_enabled(idle, button).clicked();
            });
        });
        if pressed { self.start(ui.ctx(), context) } else { None }
    }

    /// Begins to play what is chosen.
    fn start(&mut self, ctx: &Context, context: &AppContext) -> Option<String> {
        let mut command = vec!["wakewatch".into(), "(window)".into(), "protocol".into()];
        command.extend(self.only.iter().flat_map(|only| ["--only".into(), only.clone()]));
        let choice = Choice { only: self.only.iter().cloned().collect(), part: None };
        let options = ProtocolOptions {
            pipeline: context.pipeline.clone(),
            monitor: context.monitor,
            ..ProtocolOptions::default()
        };
        match job::start(choice, options, command, waker(ctx)) {
            Ok(job) => {
                (self.job, self.report) = (Some(job), None);
                None
            }
            Err(why) => Some(why.to_string()),
        }
    }

    fn choose(&mut self, ui: &mut Ui) {
        let known = self.requirements.get_or_init(|| {
            // The built-in table is tested; without it all is what there is.
            let table = Table::open(None).map(|table| table.requirements).unwrap_or_default();
            table.into_iter().map(|requirement| (requirement.id, requirement.title)).collect()
        });
        let shown = self.only.as_deref().map_or(words::ALL.into(), spaced);
        let chooser = ComboBox::from_id_salt("requirement").width(CHOICE).selected_text(shown);
        let chooser = chooser.show_ui(ui, |ui| {
            ui.selectable_value(&mut self.only, None, words::ALL);
            for (id, title) in known {
                ui.selectable_value(&mut self.only, Some(id.clone()), spaced(id))
                    .on_hover_text(title);
            }
        });
        name(ui, &chooser.response, words::WHICH);
    }

    /// The right column, where there is something to show; false where there is not.
    pub(super) fn show(&mut self, ui: &mut Ui) -> bool {
        if let Some(job) = &self.job {
            running(ui, job);
            return true;
        }
        let Some(report) = self.report.clone() else { return false };
        let scroll = ScrollArea::vertical().id_salt("protocol").auto_shrink(false);
        scroll.show(ui, |ui| self.results(ui, &report));
        true
    }

    fn results(&mut self, ui: &mut Ui, report: &Report) {
        section(ui, words::CAME, |ui| {
            ui.add(Label::new(words::total(&report.total())).wrap());
            ui.add_space(GAP);
            let open = Button::new(words::OPEN).min_size(vec2(220.0, 32.0));
            if ui.add_enabled(self.writing.is_none(), open).clicked() {
                self.chooser.ask(ui.ctx(), (), words::OPEN, Want::Folder);
            }
            remark(ui, words::OPEN_SAYS);
        });
        section(ui, words::BY_REQUIREMENT, |ui| by_requirement(ui, report));
        section(ui, words::FAILED, |ui| failed(ui, report));
    }

    /// Writes the page on a thread of its own, and opens it; a sentence where there is none.
    fn write(&mut self, ctx: &Context, folder: PathBuf) -> Option<String> {
        let report = self.report.clone()?;
        let ctx = ctx.clone();
        let write = move || match report.write(&folder) {
            Ok(page) => open_page(&page).err().unwrap_or_else(|| words::opened(&page)),
            Err(why) => why.to_string(),
        };
        match background::answer("page", move || ctx.request_repaint(), write) {
            Ok(said) => {
                self.writing = Some(said);
                None
            }
            Err(why) => Some(why.to_string()),
        }
    }
}

fn spaced(id: &str) -> String {
    id.replace('-', " ")
}

fn by_requirement(ui: &mut Ui, report: &Report) {
    let tokens = Tokens::current(ui);
    Grid::new("requirements").num_columns(5).spacing(vec2(18.0, 4.0)).show(ui, |ui| {
        for head in std::iter::once("").chain(words::COLUMNS) {
            ui.label(RichText::new(head).size(theme::SMALL).color(tokens.muted));
        }
        ui.end_row();
        for requirement in &report.table.requirements {
            let of = |played: &&Played| played.requirement == requirement.id;
            let total = Total::of(report.played.iter().filter(of));
            if total.cells == 0 {
                continue;
            }
            ui.label(spaced(&requirement.id)).on_hover_text(&requirement.title);
            let counts = [
                (total.cells, tokens.text),
                (total.right, tokens.awake),
                (total.unreadable, tokens.unseen),
                (total.failed, tokens.asleep),
            ];
            for ((count, color), what) in counts.into_iter().zip(words::COLUMNS) {
                let color = if count == 0 { tokens.muted } else { color };
                let shown = ui.label(RichText::new(count.to_string()).color(color));
                name(ui, &shown, &format!("{}, {what}: {count}", requirement.id));
            }
            ui.end_row();
        }
    });
}

fn failed(ui: &mut Ui, report: &Report) {
    let tokens = Tokens::current(ui);
    let mut failed: Vec<&Played> =
        report.played.iter().filter(|played| played.judged.outcome == Outcome::Failed).collect();
    failed.sort_by_key(|played| !played.promised);
    if failed.is_empty() {
        ui.label(RichText::new(words::NONE_FAILED).color(tokens.awake));
    }
    for played in failed.iter().take(LISTED) {
        let promised = match played.promised {
            true => String::new(),
            false => format!(" ({})", words::NOT_PROMISED),
        };
        let says = format!("{}{promised}: {}", played.cell, played.cause);
        ui.add(Label::new(says).wrap());
    }
}

fn running(ui: &mut Ui, job: &Background<Report>) {
    let tokens = Tokens::current(ui);
    let (done, of) = job.progress();
    start::column(ui, 170.0, |ui| {
        ui.add(Spinner::new().size(36.0).color(tokens.accent));
        ui.add_space(GAP);
        ui.label(RichText::new(words::RUNNING).size(24.0));
        ui.add_space(GAP);
        let share = if of > 0 { done as f32 / of as f32 } else { 0.0 };
        let bar = ui.add(ProgressBar::new(share).desired_width(420.0).fill(tokens.accent));
        let says = words::progress(done, of);
        name(ui, &bar, &says);
        ui.label(RichText::new(says).color(tokens.muted));
    });
}

#[cfg(test)]
mod tests {
    use egui_kittest::{
        Harness,
        kittest::{AccessKitNode, By, Queryable},
    };

    use super::*;
    use crate::protocol::page::tests::report;

    #[test]
    fn what_came_of_the_tests_is_shown_by_requirement_and_failures_by_name() {
        let mut view = ProtocolView { report: Some(Arc::new(report())), ..Default::default() };
        let mut installed = false;
        let mut harness = Harness::builder().with_size(vec2(1000.0, 1400.0)).build_ui(|ui| {
            if !std::mem::replace(&mut installed, true) {
                theme::install(ui.ctx());
            }
            assert!(view.show(ui));
        });
        harness.run_steps(3);
        harness
            .get_by_label("4 tests: 1 right, 1 told as unreadable, 2 failed, 2 of them promised");
        harness.get_by_label(words::OPEN);
        harness.get_by_label_contains("microsleep/medical-mask: critical after 2.75 s");
        let said = |label: &'static str| {
            let named = move |node: &AccessKitNode<'_>| node.label().as_deref() == Some(label);
            harness.query_all(By::new().predicate(named)).count()
        };
        for label in [
            "microsleep, tests: 3",
            "microsleep, right: 1",
            "microsleep, told as unreadable: 1",
            "awake, failed: 1",
        ] {
            assert_eq!(said(label), 1, "{label}");
        }
    }

    #[test]
    fn tests_wait_for_a_measurement_and_every_requirement_can_be_chosen() {
        let mut view = ProtocolView::default();
        let context = AppContext::default();
        let mut installed = false;
        let mut harness = Harness::builder().with_size(vec2(300.0, 500.0)).build_ui(|ui| {
            if !std::mem::replace(&mut installed, true) {
                theme::install(ui.ctx());
            }
            assert!(view.setup(ui, &context, false).is_none());
            assert!(!view.show(ui), "nothing was played yet");
        });
        harness.run_steps(3);
        harness.get_by_label(words::WHICH);
        harness.get_by_label(words::PLAY).click();
        harness.run_steps(3);
        drop(harness);
        assert!(!view.is_running(), "something else is being measured");
        assert!(view.requirements.get().is_some_and(|known| known.len() > 8));
    }
}
