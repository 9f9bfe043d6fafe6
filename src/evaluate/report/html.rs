//! The page. Written from top to bottom as it is read: what came out, what is wrong with
//! the data, the figures of each question, the comparison, and with what it was measured.

use maud::{Markup, html};

use super::{
    Report, films, parts,
    parts::verdict,
    svg::{self, Bar, Line},
};
use crate::evaluate::{
    bootstrap::Estimate,
    protocol::{Protocol, TaskReport},
    task::{Difference, FIGURES, Row},
    videos::{EventReport, GRACE_S},
};

/// The whole page.
pub(super) fn page(report: &Report) -> String {
    let p = &report.provenance;
    let body = html! {
        header {
            h1 { "Evaluation" }
            p {
                @for (at, model) in p.models.iter().enumerate() {
                    @if at > 0 { ", " }
                    b { (model.name) }
                }
                " on " b { (p.data) } ", protocol "
                @match p.protocol {
                    Protocol::Subject => { b { "subject" } ", nobody stands on both sides" }
                    Protocol::Random => {
                        b { "random" } " "
                        span.bad { "identity leaks: people stand on both sides" }
                    }
                }
                ". Intervals are 95% over " b { "people" } " (bootstrap, " (p.bootstrap_draws)
                " draws)."
            }
        }
        (tiles(report))
        @if !report.problems.is_empty() { (problems(report)) }
        @for events in &report.events { (event_section(events)) }
        (films::sections(report))
        @for task in &report.tasks { (task_section(task)) }
        @for difference in &report.differences { (difference_section(difference)) }
        (provenance(report))
    };
    parts::document("evaluation", "", &body)
}

fn thousandths(value: f64) -> String {
    format!("{value:.3}")
}

fn number(value: Option<f64>) -> String {
    parts::number(value, thousandths)
}

fn cell(estimate: Estimate) -> Markup {
    parts::cell(estimate, thousandths)
}

/// The few numbers that one looks for first.
fn tiles(report: &Report) -> Markup {
    let of_task = |task: &TaskReport| {
        let (key, title) = match task.classes.len() {
            2 => ("auc", "AUC"),
            _ => ("accuracy", "accuracy"),
        };
        let estimate = task.rows.first()?.figures.get(key).copied().unwrap_or_default();
        let range = match (estimate.low, estimate.high) {
            (Some(low), Some(high)) => format!("{title}, {low:.3} – {high:.3}"),
            _ => format!("{title}, no interval: too few people"),
        };
        Some(parts::tile(&task.task, &number(estimate.value), &range, &task.model))
    };
    let of_events = |events: &EventReport| {
        let found = format!("{} of {}", events.found, events.events);
        let rate = parts::number(events.false_alarms_per_hour.value, |v| format!("{v:.1}"));
        parts::tile("events found", &found, &format!("{rate} false alarms an hour"), &events.model)
    };
    html! {
        section.tiles {
            @for tile in report.tasks.iter().filter_map(of_task) { (tile) }
            @for events in &report.events { (of_events(events)) }
            (films::tiles(report))
        }
    }
}

fn problems(report: &Report) -> Markup {
    html! {
        section.problems {
            h2 { "What is wrong with the data" }
            p {
                (report.problems.len()) " of " (report.videos) " videos were watched with a remark, \
                or left out."
            }
            table {
                thead { tr { th { "video" } th { "problem" } th.text { "in words" } } }
                tbody {
                    @for problem in &report.problems {
                        tr {
                            th { (problem.video) }
                            td.text { (problem.kind.replace('_', " ")) }
                            td.text { (problem.text) }
                        }
                    }
                }
            }
        }
    }
}

fn event_section(events: &EventReport) -> Markup {
    let rows = [
        ("microsleeps and sleeps found", events.share_found),
        ("microsleeps found (eyes closed for less than 3 s)", events.share_microsleeps_found),
        ("sleeps found (3 s and more)", events.share_sleeps_found),
        ("mean delay from closing eyes to the alarm, s", events.delay_s),
        ("false alarms an hour", events.false_alarms_per_hour),
    ];
    html! {
        section {
            h2 { "Events and alarms" }
            p {
                (events.model) ": " (events.events) " events in " (events.videos) " videos whose \
                events are known; an alarm during an event or within " (GRACE_S) " s after it finds \
                it. " (events.false_alarms) " false alarms in " (format_args!("{:.2}", events.hours))
                " hours."
            }
            table { tbody { @for (name, estimate) in rows { tr { th { (name) } (cell(estimate)) } } } }
        }
    }
}

fn row_name(row: &Row) -> String {
    match row.by.as_str() {
        "all" => "everything".into(),
        "threshold" => "threshold fitted".into(),
        "random" => row.name.clone(),
        by => format!("{by} {}", row.name),
    }
}

fn task_section(task: &TaskReport) -> Markup {
    let control = &task.control;
    html! {
        section {
            h2 { (task.task) }
            p.model {
                (task.model)
                @if let Some(threshold) = task.threshold {
                    ", “" (task.classes.get(1).map_or("", String::as_str)) "” from a probability of "
                    (thousandths(threshold))
                }
            }
            @if !task.note.is_empty() { p { (task.note) "." } }
            div.scroll {
                table {
                    thead {
                        tr {
                            th {} th { "n" } th { "people" }
                            @for (_, title) in FIGURES { th { (title) } }
                        }
                    }
                    tbody {
                        @for group in task.rows.chunk_by(|a, b| a.by == b.by) {
                            @for (at, row) in group.iter().enumerate() { (figures(row, at == 0)) }
                        }
                    }
                }
            }
            p {
                b { "Control." } " With the labels in a random order (" (control.orders)
                " times) the " @if control.figure == "auc" { "AUC" } @else { "balanced accuracy" }
                " is " (number(control.mean)) " on average (" (number(control.low)) " to "
                (number(control.high)) "); the real one is " (number(control.real))
                ". Chance does as well with p = " (number(control.p)) "."
            }
            (plots(task))
        }
    }
}

/// A row of the table and the note below it.
fn figures(row: &Row, first_of_group: bool) -> Markup {
    let note = if row.note.contains("leak") { "note bad" } else { "note" };
    html! {
        tr class=[first_of_group.then_some("group")] {
            th { (row_name(row)) }
            td { (row.n) @if row.missed > 0 { small { (row.missed) " without a face" } } }
            td { (row.subjects) }
            @for (key, _) in FIGURES { (cell(row.figures.get(key).copied().unwrap_or_default())) }
        }
        @if !row.note.is_empty() {
            tr { td class=(note) colspan=(3 + FIGURES.len()) { (row.note) } }
        }
    }
}

fn figure(caption: &str, plot: &Markup) -> Markup {
    html! { figure { (plot) figcaption { (caption) } } }
}

fn wide_figure(caption: &str, plot: &Markup) -> Markup {
    html! { figure.wide { (plot) figcaption { (caption) } } }
}

fn plots(task: &TaskReport) -> Markup {
    html! {
        div.plots {
            @if let Some(all) = task.rows.first() {
                (figure("Answers, with their share of the true class", &matrix(task, &all.confusion)))
            }
            @if !task.roc.is_empty() { (curves(task)) }
            @if task.rows.len() > 1 { (by_row(task)) }
        }
    }
}

/// What two classes are judged by at every threshold.
fn curves(task: &TaskReport) -> Markup {
    let line = |points: Vec<[f64; 2]>, class| Line { points, class, dots: None };
    let diagonal = || line(vec![[0.0, 0.0], [1.0, 1.0]], "chance");
    let roc = [diagonal(), line(task.roc.clone(), "main")];
    let precision = [line(task.precision_recall.clone(), "main")];
    let bins: Vec<_> = task.calibration.iter().filter(|bin| bin.n > 0).collect();
    let most = bins.iter().map(|bin| bin.n).max().unwrap_or(1) as f64;
    let radii: Vec<f64> = bins.iter().map(|bin| 2.0 + 5.0 * (bin.n as f64 / most).sqrt()).collect();
    let points = bins.iter().map(|bin| [bin.promised / bin.n as f64, bin.kept / bin.n as f64]);
    let calibration =
        [diagonal(), Line { points: points.collect(), class: "main", dots: Some(&radii) }];
    html! {
        (figure(
            "ROC: recall over false alarms",
            &svg::square("ROC curve", "false alarm rate", "recall", &roc),
        ))
        (figure(
            "Precision over recall",
            &svg::square("precision over recall", "recall", "precision", &precision),
        ))
        (figure(
            "Calibration: on the diagonal, promises are kept; larger dots hold more",
            &svg::square("calibration", "promised probability", "share that came true", &calibration),
        ))
    }
}

fn by_row(task: &TaskReport) -> Markup {
    let key = if task.classes.len() == 2 { "balanced_accuracy" } else { "accuracy" };
    let bars: Vec<Bar> = task
        .rows
        .iter()
        .map(|row| {
            let e = row.figures.get(key).copied().unwrap_or_default();
            Bar { name: row_name(row), value: e.value, low: e.low, high: e.high }
        })
        .collect();
    let title = key.replace('_', " ");
    let caption = format!("{}, with its interval over people", capital(&title));
    wide_figure(&caption, &svg::intervals(&title, &bars, 0.0, 1.0, None))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

fn matrix(task: &TaskReport, counts: &[Vec<u64>]) -> Markup {
    let share = |count: u64, row: &[u64]| count as f64 / row.iter().sum::<u64>().max(1) as f64;
    html! {
        table.matrix {
            thead { tr { th {} @for class in &task.classes { th { "called " (class) } } } }
            tbody {
                @for (class, row) in task.classes.iter().zip(counts) {
                    tr {
                        th { "is " (class) }
                        @for count in row {
                            @let share = share(*count, row);
                            @let percent = format!("{:.0}%", 100.0 * share);
                            td class=[(share > 0.55).then_some("strong")]
                                style={ "--share:" (percent) } { (count) small { (percent) } }
                        }
                    }
                }
            }
        }
    }
}

fn difference_section(difference: &Difference) -> Markup {
    let of = |map: &std::collections::BTreeMap<String, Estimate>, key: &str| {
        map.get(key).copied().unwrap_or_default()
    };
    let (sides, mut bars) = (&difference.sides, Vec::new());
    for (key, title) in FIGURES {
        let less = of(&sides.difference, key);
        bars.push(Bar { name: title.into(), value: less.value, low: less.low, high: less.high });
    }
    let farthest = bars
        .iter()
        .flat_map(|bar| [bar.value, bar.low, bar.high])
        .flatten()
        .fold(0.05_f64, |most, value| most.max(value.abs()));
    let end = (farthest * 20.0).ceil() / 20.0;
    let plot = svg::intervals("difference", &bars, -end, end, Some(0.0));
    let rows = html! {
        @for (key, title) in FIGURES {
            @let less = of(&sides.difference, key);
            @let less_is_better = ["loss", "calibration_error"].contains(&key);
            tr {
                th { (title) }
                (cell(of(&sides.before, key))) (cell(of(&sides.after, key))) (cell(less))
                td.text { (verdict(less, !less_is_better)) }
            }
        }
    };
    let caption = "The second less the first; left of the line it is lower";
    let below = html! { div.plots { (wide_figure(caption, &plot)) } };
    let answers = format!("{}: {} answers", difference.task, difference.n);
    parts::side_by_side("", sides, [&answers, "gave"], &rows, &below)
}

fn provenance(report: &Report) -> Markup {
    let p = &report.provenance;
    let mut entries = vec![("command", p.command.join(" ")), ("wakewatch", p.version.clone())];
    let of_model = |model: &super::ModelUsed| format!("{} (SHA-256 {})", model.name, model.digest);
    entries.extend(p.models.iter().map(|model| ("classifier", of_model(model))));
    let data = format!("{} (SHA-256 of names, lengths and edges {})", p.data, p.data_digest);
    entries.extend([
        ("landmark network", format!("SHA-256 {}", p.landmarks_digest)),
        ("data", data),
        ("seed", p.seed.to_string()),
    ]);
    html! {
        section {
            h2 { "With what it was measured" }
            dl { @for (name, value) in entries { dt { (name) } dd { (value) } } }
            p {
                "Figures are defined as in scikit-learn. Precision, recall and F1 of two classes are \
                those of the second class, of more the mean over the classes; AUC and average \
                precision of more classes are one against the rest. What could not be judged counts \
                as the first class, as the driver would get it, and is left out of loss and \
                calibration (expected calibration error over ten bins). Beside this page lie \
                figures.csv, answers.csv and report.json with the same numbers."
            }
        }
    }
}
