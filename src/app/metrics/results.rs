//! What was measured: figures with their intervals, counts and curves at the threshold
//! that the slider says, rows by condition and person, and the pictures judged worst.

use std::{
    path::PathBuf,
    sync::{Arc, mpsc::Receiver},
};

use eframe::egui::{
    ComboBox, Context, Grid, Label, RichText, Slider, TextureHandle, TextureOptions, Ui, vec2,
};

use super::{
    charts::{Chart, SIDE, calibration, confusion},
    films, waker,
};
use crate::{
    app::{
        text::metrics as words,
        theme::{self, Tokens},
        widgets::{name, remark, section},
    },
    evaluate::{
        bootstrap::{Bootstrap, Estimate},
        job::{self, Figures, Worst},
        measure::Measured,
        protocol::TaskReport,
        task::{Difference, FIGURES, Row, Task},
    },
};

/// So many people are listed.
const PEOPLE: usize = 10;

/// The results of a measurement, and the threshold that is looked at.
pub(super) struct Results {
    measured: Arc<Measured>,
    list: PathBuf,
    /// Which question and model.
    chosen: usize,
    task: Arc<Task>,
    threshold: f64,
    /// Figures at the threshold, and those that are on their way.
    figures: Option<Figures>,
    coming: Option<(f64, Receiver<Figures>)>,
    worst: Vec<(Worst, Option<TextureHandle>)>,
    worst_coming: Option<Receiver<Worst>>,
    problem: Option<String>,
}

impl Results {
    pub(super) fn of(ctx: &Context, measured: Measured, list: PathBuf) -> Self {
        let task = measured.tasks.first().cloned().unwrap_or_else(empty);
        let mut results = Self {
            measured: Arc::new(measured),
            list,
            chosen: 0,
            threshold: task.threshold,
            task: Arc::new(task),
            figures: None,
            coming: None,
            worst: vec![],
            worst_coming: None,
            problem: None,
        };
        results.choose(ctx, 0);
        results
    }

    pub(super) fn measured(&self) -> Arc<Measured> {
        self.measured.clone()
    }

    /// Looks at another question or model.
    fn choose(&mut self, ctx: &Context, chosen: usize) {
        let Some(task) = self.measured.tasks.get(chosen) else { return };
        (self.chosen, self.threshold) = (chosen, task.threshold);
        self.task = Arc::new(task.clone());
        (self.figures, self.worst) = (None, vec![]);
        self.follow(ctx);
        match job::worst_pictures(&self.task, &self.list, waker(ctx)) {
            Ok(coming) => self.worst_coming = Some(coming),
            Err(why) => self.problem = Some(why.to_string()),
        }
    }

    /// Asks for the figures of the threshold.
    fn follow(&mut self, ctx: &Context) {
        let bootstrap = Bootstrap::default();
        match job::figures(&self.task, self.threshold, bootstrap, waker(ctx)) {
            Ok(coming) => self.coming = Some((self.threshold, coming)),
            Err(why) => self.problem = Some(why.to_string()),
        }
    }

    fn hear(&mut self, ctx: &Context) {
        let mut over = false;
        if let Some((asked, coming)) = &self.coming {
            loop {
                match coming.try_recv() {
                    Ok(figures) => self.figures = Some(figures),
                    Err(error) => {
                        over = error == std::sync::mpsc::TryRecvError::Disconnected;
                        break;
                    }
                }
            }
            // A threshold that was moved on gets its figures when these are there.
            let there = self.figures.as_ref().is_some_and(|f| f.threshold == *asked);
            if there && *asked != self.threshold {
                return self.follow(ctx);
            }
        }
        if over {
            self.coming = None;
        }
        if let Some(coming) = &self.worst_coming {
            while let Ok(worst) = coming.try_recv() {
                let texture = worst.picture.as_ref().map(|picture| {
                    let size = [picture.width() as usize, picture.height() as usize];
                    let image = eframe::egui::ColorImage::from_rgb(size, picture.as_raw());
                    ctx.load_texture(&worst.answer.item, image, TextureOptions::LINEAR)
                });
                self.worst.push((worst, texture));
            }
        }
    }

    /// Draws everything.
    pub(super) fn show(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        self.hear(&ctx);
        ui.spacing_mut().item_spacing.y = 8.0;
        if let Some(why) = &self.problem {
            remark(ui, why);
        }
        let measured = self.measured.clone();
        let whole = &measured.report;
        films::show(ui, &whole.films, &whole.film_differences, &whole.problems);
        let Some(report) = whole.tasks.get(self.chosen) else {
            if whole.films.is_empty() {
                remark(ui, words::NOTHING_SAYS);
            }
            return;
        };
        self.head(ui);
        let Some(figures) = self.figures.clone() else {
            ui.spinner();
            return;
        };
        ui.columns(2, |columns| {
            section(&mut columns[0], words::FIGURES, |ui| figure_table(ui, &figures.all));
            section(&mut columns[1], words::CONFUSION, |ui| {
                confusion(ui, &report.classes, &figures.all.confusion);
                let row = &figures.all;
                remark(ui, &words::counted(row.n, row.missed, row.subjects));
            });
        });
        if report.classes.len() == 2 {
            curves(ui, report, &figures.all);
        }
        section(ui, words::WORST, |ui| self.worst_pictures(ui));
        ui.columns(2, |columns| {
            section(&mut columns[0], words::CONDITIONS, |ui| condition_table(ui, &figures.by));
            section(&mut columns[1], words::PEOPLE, |ui| people(ui, &figures));
        });
        for difference in measured.report.differences.iter().filter(|d| d.task == report.task) {
            section(ui, words::DIFFERENCE, |ui| difference_table(ui, difference));
        }
    }

    /// Which question, and at which threshold.
    fn head(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        let measured = self.measured.clone();
        ui.horizontal(|ui| {
            let title = |task: &Task| words::question(&task.name, &task.model);
            let mut chosen = self.chosen;
            let combo = ComboBox::from_id_salt("question").width(300.0).truncate();
            let place = ui.scope(|ui| {
                ui.set_max_width(300.0);
                combo.selected_text(title(&self.task)).show_ui(ui, |ui| {
                    for (at, task) in measured.tasks.iter().enumerate() {
                        ui.selectable_value(&mut chosen, at, title(task));
                    }
                })
            });
            let shown = place.inner;
            name(ui, &shown.response, words::QUESTION);
            if chosen != self.chosen {
                self.choose(&ctx, chosen);
            }
            if self.task.classes.len() != 2 {
                return;
            }
            let label = ui.label(words::THRESHOLD);
            ui.spacing_mut().slider_width = (ui.available_width() - 250.0).clamp(80.0, 340.0);
            let slider = Slider::new(&mut self.threshold, 0.0..=1.0).fixed_decimals(2);
            let slider = ui.add(slider).labelled_by(label.id);
            name(ui, &slider, words::THRESHOLD);
            let own = self.measured.tasks.get(self.chosen).map_or(0.5, |task| task.threshold);
            if ui.button(words::OWN_THRESHOLD).clicked() {
                self.threshold = own;
            }
            let known = self.figures.as_ref().map(|figures| figures.threshold);
            if self.coming.is_none() && known != Some(self.threshold) {
                self.follow(&ctx);
            }
        });
    }

    fn worst_pictures(&self, ui: &mut Ui) {
        remark(ui, words::WORST_SAYS);
        if job::worst(&self.task).is_empty() {
            return remark(ui, words::NO_WORST);
        }
        let tokens = Tokens::current(ui);
        ui.horizontal_wrapped(|ui| {
            for (worst, texture) in &self.worst {
                ui.allocate_ui(vec2(150.0, 172.0), |ui| {
                    ui.vertical(|ui| {
                        let class = self.task.classes.get(worst.answer.truth);
                        let truth = class.map_or("", String::as_str);
                        let says = words::worst(truth, worst.probability);
                        match texture {
                            Some(texture) => {
                                let picture = eframe::egui::Image::from_texture(texture)
                                    .max_size(vec2(144.0, 144.0))
                                    .alt_text(&says);
                                ui.add(picture).on_hover_text(&worst.answer.item);
                            }
                            None => remark(ui, words::NO_PICTURE),
                        }
                        let says = RichText::new(says).size(12.0).color(tokens.text);
                        ui.add(Label::new(says).truncate());
                    });
                });
            }
        });
    }
}

fn empty() -> Task {
    Task {
        name: String::new(),
        model: String::new(),
        classes: vec![],
        threshold: 0.5,
        note: String::new(),
        answers: vec![],
    }
}

fn figure_table(ui: &mut Ui, row: &Row) {
    let tokens = Tokens::current(ui);
    Grid::new("figures").num_columns(3).spacing(vec2(18.0, 3.0)).show(ui, |ui| {
        for (key, title) in FIGURES {
            let (value, interval) = figure(row.figures.get(key));
            ui.label(title);
            let shown = ui.label(RichText::new(&value).color(tokens.accent).strong());
            name(ui, &shown, &format!("{title}: {value}"));
            ui.label(RichText::new(interval).size(theme::SMALL).color(tokens.muted));
            ui.end_row();
        }
    });
}

fn figure(estimate: Option<&Estimate>) -> (String, String) {
    words::estimate(&estimate.copied().unwrap_or_default())
}

fn curves(ui: &mut Ui, report: &TaskReport, row: &Row) {
    let cell = |truth: usize, answer: usize| {
        let line: Option<&Vec<u64>> = row.confusion.get(truth);
        line.and_then(|line| line.get(answer)).copied().unwrap_or(0) as f64
    };
    let share = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
    let recall = share(cell(1, 1), cell(1, 0) + cell(1, 1));
    let alarms = share(cell(0, 1), cell(0, 0) + cell(0, 1));
    let precision = share(cell(1, 1), cell(0, 1) + cell(1, 1));
    let pair = |x: Option<f64>, y: Option<f64>| Some([x?, y?]);
    let bins = calibration(&report.calibration);
    let charts = [
        Chart {
            title: words::ROC,
            points: &report.roc,
            here: pair(alarms, recall),
            diagonal: true,
            dots: false,
        },
        Chart {
            title: words::PRECISION,
            points: &report.precision_recall,
            here: pair(recall, precision),
            diagonal: false,
            dots: false,
        },
        Chart { title: words::CALIBRATION, points: &bins, here: None, diagonal: true, dots: true },
    ];
    let tokens = Tokens::current(ui);
    let frame = eframe::egui::Frame::new().fill(tokens.surface).corner_radius(theme::RADIUS);
    frame.inner_margin(theme::PADDING as i8).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let gap = ((ui.available_width() - 3.0 * SIDE) / 3.0).max(4.0);
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = gap;
            charts.iter().for_each(|chart| chart.show(ui));
        });
    });
}

fn condition_table(ui: &mut Ui, rows: &[Row]) {
    if rows.is_empty() {
        return remark(ui, words::NO_CONDITIONS);
    }
    Grid::new("conditions").num_columns(3).spacing(vec2(18.0, 3.0)).show(ui, |ui| {
        for row in rows {
            let (value, interval) = figure(row.figures.get("balanced_accuracy"));
            ui.label(format!("{}: {} ({})", row.by, row.name, row.n));
            ui.label(value);
            ui.label(RichText::new(interval).size(theme::SMALL));
            ui.end_row();
        }
    });
}

fn people(ui: &mut Ui, figures: &Figures) {
    let wrong = figures.people.iter().filter(|(_, _, wrong)| *wrong > 0);
    let wrong: Vec<_> = wrong.take(PEOPLE).collect();
    if wrong.is_empty() {
        return remark(ui, words::NOBODY);
    }
    for (who, all, wrong) in wrong {
        ui.add(Label::new(words::person(who, *all, *wrong)).truncate());
    }
}

fn difference_table(ui: &mut Ui, difference: &Difference) {
    let tokens = Tokens::current(ui);
    remark(ui, words::DIFFERENCE_SAYS);
    Grid::new("difference").num_columns(4).spacing(vec2(18.0, 3.0)).show(ui, |ui| {
        for (key, title) in FIGURES {
            let part = |from: &std::collections::BTreeMap<String, Estimate>| figure(from.get(key));
            let (less, interval) = part(&difference.sides.difference);
            ui.label(title);
            let (before, after) =
                (part(&difference.sides.before).0, part(&difference.sides.after).0);
            ui.label(words::from_to(&before, &after));
            ui.label(RichText::new(less).color(tokens.accent).strong());
            ui.label(RichText::new(interval).size(theme::SMALL).color(tokens.muted));
            ui.end_row();
        }
    });
}
