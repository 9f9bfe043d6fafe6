//! Films that were judged beside their spans: figures with their intervals, rows by person
//! and condition, and two sets of thresholds side by side.

use std::collections::BTreeMap;

use eframe::egui::{Grid, RichText, ScrollArea, Ui, vec2};

use crate::{
    app::{
        text::metrics as words,
        theme::{self, Tokens},
        widgets::{name, remark, section},
    },
    evaluate::{
        bootstrap::Estimate,
        films::{FIGURES, Figure, FilmDifference, FilmReport},
        report::VideoProblem,
    },
};

/// Figures that stand in the table by person and condition, beside the counts.
const SHORT: [(&str, &str); 5] = [
    ("delay_2s_median", words::DELAY),
    ("needless_advisories", words::ADVISORIES),
    ("needless_warnings", words::WARNINGS),
    ("needless_criticals", words::CRITICALS),
    ("false_yawns", words::FALSE_YAWNS),
];

/// Draws what was measured of films; nothing where no film has spans beside it.
pub(super) fn show(
    ui: &mut Ui,
    films: &[FilmReport],
    differences: &[FilmDifference],
    problems: &[VideoProblem],
) {
    for (at, films) in films.iter().enumerate() {
        ui.push_id(("films", at), |ui| judged(ui, films));
    }
    for (at, difference) in differences.iter().enumerate() {
        ui.push_id(("film difference", at), |ui| compared(ui, difference));
    }
    if !films.is_empty() && !problems.is_empty() {
        section(ui, words::FILM_PROBLEMS, |ui| {
            for problem in problems {
                remark(ui, &format!("{}: {}", problem.video, problem.text));
            }
        });
    }
}

fn judged(ui: &mut Ui, films: &FilmReport) {
    section(ui, &words::films(&films.name()), |ui| {
        let Some(all) = films.rows.first() else { return };
        remark(ui, &words::films_counted(all));
        let tokens = Tokens::current(ui);
        Grid::new("figures").num_columns(3).spacing(vec2(18.0, 3.0)).show(ui, |ui| {
            for figure in &FIGURES {
                let (value, interval) = told(figure, &all.figures);
                ui.label(figure.title);
                let shown = ui.label(RichText::new(&value).color(tokens.accent).strong());
                name(ui, &shown, &format!("{}: {value}", figure.title));
                ui.label(RichText::new(interval).size(theme::SMALL).color(tokens.muted));
                ui.end_row();
            }
        });
    });
    section(ui, words::BY_PERSON, |ui| {
        let scroll = ScrollArea::horizontal().id_salt("rows").auto_shrink([false, true]);
        scroll.show(ui, |ui| rows(ui, films));
    });
}

/// A line for each person and condition.
fn rows(ui: &mut Ui, films: &FilmReport) {
    let tokens = Tokens::current(ui);
    let spacing = vec2(18.0, 3.0);
    Grid::new("rows").num_columns(6 + SHORT.len()).spacing(spacing).show(ui, |ui| {
        let found = words::FOUND.iter().chain([&words::YAWNS]);
        let heads = ["", words::FILMS].into_iter().chain(found.copied());
        for head in heads.chain(SHORT.iter().map(|(_, title)| *title)) {
            ui.label(RichText::new(head).size(theme::SMALL).color(tokens.muted));
        }
        ui.end_row();
        for row in &films.rows {
            let title = row.title();
            let counts = &row.counts;
            ui.label(&title);
            ui.label(row.films.to_string());
            let found = counts.found.iter().zip(&counts.closures);
            let found = found.chain([(&counts.yawns_found, &counts.yawns)]);
            for ((part, of), what) in found.zip(words::FOUND.iter().chain([&words::YAWNS])) {
                let says = words::part_of(*part, *of);
                let shown = ui.label(&says);
                name(ui, &shown, &format!("{title}, {what}: {says}"));
            }
            for (key, what) in SHORT {
                let Some(figure) = FIGURES.iter().find(|figure| figure.key == key) else {
                    continue;
                };
                let (value, _) = told(figure, &row.figures);
                let shown = ui.label(&value);
                name(ui, &shown, &format!("{title}, {what}: {value}"));
            }
            ui.end_row();
        }
    });
}

fn compared(ui: &mut Ui, difference: &FilmDifference) {
    section(ui, &words::films_compared(&difference.sides.second, &difference.sides.first), |ui| {
        remark(ui, words::DIFFERENCE_SAYS);
        let tokens = Tokens::current(ui);
        Grid::new("difference").num_columns(4).spacing(vec2(18.0, 3.0)).show(ui, |ui| {
            for figure in &FIGURES {
                let (less, interval) = told(figure, &difference.sides.difference);
                let (before, after) = (
                    told(figure, &difference.sides.before).0,
                    told(figure, &difference.sides.after).0,
                );
                ui.label(figure.title);
                ui.label(words::from_to(&before, &after));
                let shown = ui.label(RichText::new(&less).color(tokens.accent).strong());
                name(ui, &shown, &words::difference_of(figure.title, &less));
                ui.label(RichText::new(interval).size(theme::SMALL).color(tokens.muted));
                ui.end_row();
            }
        });
    });
}

/// A figure and its interval, with its own decimals.
fn told(figure: &Figure, from: &BTreeMap<String, Estimate>) -> (String, String) {
    let estimate = from.get(figure.key).copied().unwrap_or_default();
    words::with_interval(&estimate, &|value| figure.text(value))
}

#[cfg(test)]
mod tests {
    use egui_kittest::{
        Harness,
        kittest::{AccessKitNode, By, Queryable},
    };

    use super::*;
    use crate::{
        dataset::spans::FilmTruth,
        evaluate::{
            bootstrap::Bootstrap,
            films::{count, difference, report},
        },
        monitor::{Judgement, Level, State},
        replay::Told,
    };

    /// Films of ann and bob, each with one closure of 3 s, told after `late_s`; bob's is
    /// missed.
    fn films(settings: &str, late_s: f64) -> FilmReport {
        let counted = ["ann", "bob"].map(|person| {
            let truth = FilmTruth {
                file: format!("{person}.mp4").into(),
                person: person.into(),
                closures: vec![[20.0, 23.0]],
                ..FilmTruth::default()
            };
            let mut told = Told::by(settings);
            for frame in 0..600 {
                let at = f64::from(frame) / 10.0;
                let asleep = person == "ann" && (20.0 + late_s..23.0).contains(&at);
                let (state, level) = match asleep {
                    true => (State::Asleep, Level::Critical),
                    false => (State::Awake, Level::None),
                };
                told.add(&Judgement { at, state, level, ..Judgement::default() });
            }
            count(&truth, &told)
        });
        report("m", settings, counted.into(), &Bootstrap { draws: 20, seed: 1 })
    }

    #[test]
    fn films_are_shown_by_person_and_beside_other_settings() {
        let judged = [films("usual", 1.5), films("late.toml", 2.0)];
        let less = difference(&judged[0], &judged[1], &Bootstrap { draws: 20, seed: 1 });
        let less: Vec<FilmDifference> = less.into_iter().collect();
        let problems = [VideoProblem {
            video: "c.mp4".into(),
            kind: "not_judged".into(),
            text: "it has no spans".into(),
        }];
        let mut installed = false;
        let mut harness = Harness::builder().with_size(vec2(1300.0, 2200.0)).build_ui(|ui| {
            if !std::mem::replace(&mut installed, true) {
                theme::install(ui.ctx());
            }
            show(ui, &judged, &less, &problems);
        });
        harness.run_steps(3);
        let headings =
            ["Films: m, usual", "Films: m, late.toml less m, usual", "c.mp4: it has no spans"];
        for label in headings {
            harness.get_by_label(label);
        }
        // What a screen reader says of each figure, by how many judges.
        let said = |label: &'static str| {
            let named = move |node: &AccessKitNode<'_>| node.label().as_deref() == Some(label);
            harness.query_all(By::new().predicate(named)).count()
        };
        for (label, judges) in [
            ("delay of 2 s and more, s: median: 1.50", 1),
            ("delay of 2 s and more, s: median: 2.00", 1),
            ("delay of 2 s and more, s: median, difference: 0.50", 1),
            ("all films, found, 2 s and more: 1 of 2", 2),
            ("person: ann, found, 2 s and more: 1 of 1", 2),
            ("person: bob, found, 3 s and more: 0 of 1", 2),
            ("person: ann, needless criticals an hour: 0.0", 2),
        ] {
            assert_eq!(said(label), judges, "{label}");
        }
    }

    #[test]
    fn without_films_nothing_is_shown() {
        let mut harness = Harness::new_ui(|ui| show(ui, &[], &[], &[]));
        harness.run_steps(2);
        assert!(harness.query_by_label_contains("Films").is_none());
    }
}
