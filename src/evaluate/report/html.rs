//! The page. Written from top to bottom as it is read: what came out, what is wrong with
//! the data, the figures of each question, the comparison, and with what it was measured.

use std::fmt::Write;

use super::{
    Report, films,
    svg::{self, Bar, Line},
    words::{escape, verdict},
};
use crate::evaluate::{
    bootstrap::Estimate,
    protocol::{Protocol, TaskReport},
    task::{Difference, FIGURES, Row},
    videos::{EventReport, GRACE_S},
};

/// What every page looks like.
pub(crate) const STYLE: &str = include_str!("report.css");

/// The whole page.
pub(super) fn page(report: &Report) -> String {
    let mut out = String::from(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>wakewatch: evaluation</title>\n<style>",
    );
    out.push_str(STYLE);
    out.push_str("</style></head>\n<body><main>\n<header><h1>Evaluation</h1>");
    let p = &report.provenance;
    let models: Vec<String> =
        p.models.iter().map(|m| format!("<b>{}</b>", escape(&m.name))).collect();
    let _ = write!(
        out,
        "<p>{} on <b>{}</b>, protocol <b>{}</b>{}. Intervals are 95% over <b>people</b> \
         (bootstrap, {} draws).</p></header>",
        models.join(", "),
        escape(&p.data),
        match p.protocol {
            Protocol::Subject => "subject",
            Protocol::Random => "random",
        },
        match p.protocol {
            Protocol::Subject => ", nobody stands on both sides",
            Protocol::Random =>
                " <span class=\"bad\">identity leaks: people stand on both sides</span>",
        },
        p.bootstrap_draws
    );
    tiles(&mut out, report);
    problems(&mut out, report);
    for events in &report.events {
        event_section(&mut out, events);
    }
    films::sections(&mut out, report);
    for task in &report.tasks {
        task_section(&mut out, task);
    }
    for difference in &report.differences {
        difference_section(&mut out, difference);
    }
    provenance(&mut out, report);
    out.push_str("</main></body></html>\n");
    out
}

fn number(value: Option<f64>) -> String {
    value.map_or("–".into(), |v| format!("{v:.3}"))
}

fn cell(estimate: Estimate) -> String {
    match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => {
            format!("<td>{}<small>{low:.3} – {high:.3}</small></td>", number(estimate.value))
        }
        _ => format!("<td>{}<small>&nbsp;</small></td>", number(estimate.value)),
    }
}

/// The few numbers that one looks for first.
fn tiles(out: &mut String, report: &Report) {
    out.push_str("<section class=\"tiles\">");
    for task in &report.tasks {
        let Some(all) = task.rows.first() else { continue };
        let key = if task.classes.len() == 2 { "auc" } else { "accuracy" };
        let title = if key == "auc" { "AUC" } else { "accuracy" };
        let estimate = all.figures.get(key).copied().unwrap_or_default();
        let range = match (estimate.low, estimate.high) {
            (Some(low), Some(high)) => format!("{low:.3} – {high:.3}"),
            _ => "no interval: too few people".into(),
        };
        let _ = write!(
            out,
            "<div class=\"tile\"><span>{}</span><strong>{}</strong><small>{title}, {range}</small>\
             <small>{}</small></div>",
            escape(&task.task),
            number(estimate.value),
            escape(&task.model)
        );
    }
    for events in &report.events {
        let _ = write!(
            out,
            "<div class=\"tile\"><span>events found</span><strong>{} of {}</strong>\
             <small>{} false alarms an hour</small><small>{}</small></div>",
            events.found,
            events.events,
            events.false_alarms_per_hour.value.map_or("–".into(), |v| format!("{v:.1}")),
            escape(&events.model)
        );
    }
    films::tiles(out, report);
    out.push_str("</section>\n");
}

fn problems(out: &mut String, report: &Report) {
    if report.problems.is_empty() {
        return;
    }
    let _ = write!(
        out,
        "<section class=\"problems\"><h2>What is wrong with the data</h2>\
         <p>{} of {} videos were watched with a remark, or left out.</p>\
         <table><thead><tr><th>video</th><th>problem</th><th class=\"text\">in words</th></tr>\
         </thead><tbody>",
        report.problems.len(),
        report.videos
    );
    for problem in &report.problems {
        let _ = write!(
            out,
            "<tr><th>{}</th><td class=\"text\">{}</td><td class=\"text\">{}</td></tr>",
            escape(&problem.video),
            escape(&problem.kind.replace('_', " ")),
            escape(&problem.text)
        );
    }
    out.push_str("</tbody></table></section>\n");
}

fn event_section(out: &mut String, events: &EventReport) {
    let rows = [
        ("microsleeps and sleeps found", events.share_found),
        ("microsleeps found (eyes closed for less than 3 s)", events.share_microsleeps_found),
        ("sleeps found (3 s and more)", events.share_sleeps_found),
        ("mean delay from closing eyes to the alarm, s", events.delay_s),
        ("false alarms an hour", events.false_alarms_per_hour),
    ];
    let _ = write!(
        out,
        "<section><h2>Events and alarms</h2><p>{}: {} events in {} videos whose events are known; \
         an alarm during an event or within {GRACE_S} s after it finds it. {} false alarms in \
         {:.2} hours.</p><table><tbody>",
        escape(&events.model),
        events.events,
        events.videos,
        events.false_alarms,
        events.hours
    );
    for (name, estimate) in rows {
        let _ = write!(out, "<tr><th>{name}</th>{}</tr>", cell(estimate));
    }
    out.push_str("</tbody></table></section>\n");
}

fn row_name(row: &Row) -> String {
    match row.by.as_str() {
        "all" => "everything".into(),
        "threshold" => "threshold fitted".into(),
        "random" => row.name.clone(),
        by => format!("{by} {}", row.name),
    }
}

fn task_section(out: &mut String, task: &TaskReport) {
    let _ = write!(
        out,
        "<section><h2>{}</h2><p class=\"model\">{}{}</p>",
        escape(&task.task),
        escape(&task.model),
        task.threshold.map_or(String::new(), |t| format!(
            ", “{}” from a probability of {t:.3}",
            escape(task.classes.get(1).map_or("", String::as_str))
        ))
    );
    if !task.note.is_empty() {
        let _ = write!(out, "<p>{}.</p>", escape(&task.note));
    }
    out.push_str("<div class=\"scroll\"><table><thead><tr><th></th><th>n</th><th>people</th>");
    for (_, title) in FIGURES {
        let _ = write!(out, "<th>{title}</th>");
    }
    out.push_str("</tr></thead><tbody>");
    let mut before = "";
    for row in &task.rows {
        let class = if row.by == before { "" } else { " class=\"group\"" };
        before = &row.by;
        let missed = match row.missed {
            0 => String::new(),
            n => format!("<small>{n} without a face</small>"),
        };
        let _ = write!(
            out,
            "<tr{class}><th>{}</th><td>{}{missed}</td><td>{}</td>",
            escape(&row_name(row)),
            row.n,
            row.subjects
        );
        for (key, _) in FIGURES {
            out.push_str(&cell(row.figures.get(key).copied().unwrap_or_default()));
        }
        out.push_str("</tr>");
        if !row.note.is_empty() {
            let class = if row.note.contains("leak") { "note bad" } else { "note" };
            let _ = write!(
                out,
                "<tr><td class=\"{class}\" colspan=\"{}\">{}</td></tr>",
                3 + FIGURES.len(),
                escape(&row.note)
            );
        }
    }
    out.push_str("</tbody></table></div>");
    let control = &task.control;
    let _ = write!(
        out,
        "<p><b>Control.</b> With the labels in a random order ({} times) the {} is {} on average \
         ({} to {}); the real one is {}. Chance does as well with p = {}.</p>",
        control.orders,
        if control.figure == "auc" { "AUC" } else { "balanced accuracy" },
        number(control.mean),
        number(control.low),
        number(control.high),
        number(control.real),
        number(control.p)
    );
    plots(out, task);
    out.push_str("</section>\n");
}

fn plots(out: &mut String, task: &TaskReport) {
    out.push_str("<div class=\"plots\">");
    let figure = |out: &mut String, caption: &str, body: &str| {
        let _ = write!(out, "<figure>{body}<figcaption>{caption}</figcaption></figure>");
    };
    if let Some(all) = task.rows.first() {
        figure(out, "Answers, with their share of the true class", &matrix(task, &all.confusion));
    }
    let line = |points: Vec<[f64; 2]>, class| Line { points, class, dots: None };
    let diagonal = || line(vec![[0.0, 0.0], [1.0, 1.0]], "chance");
    if !task.roc.is_empty() {
        let lines = [diagonal(), line(task.roc.clone(), "main")];
        let plot = svg::square("ROC curve", "false alarm rate", "recall", &lines);
        figure(out, "ROC: recall over false alarms", &plot);
        let lines = [line(task.precision_recall.clone(), "main")];
        let plot = svg::square("precision over recall", "recall", "precision", &lines);
        figure(out, "Precision over recall", &plot);
        let bins: Vec<_> = task.calibration.iter().filter(|bin| bin.n > 0).collect();
        let most = bins.iter().map(|bin| bin.n).max().unwrap_or(1) as f64;
        let radii: Vec<f64> =
            bins.iter().map(|bin| 2.0 + 5.0 * (bin.n as f64 / most).sqrt()).collect();
        let points = bins.iter().map(|bin| [bin.promised / bin.n as f64, bin.kept / bin.n as f64]);
        let lines =
            [diagonal(), Line { points: points.collect(), class: "main", dots: Some(&radii) }];
        let plot =
            svg::square("calibration", "promised probability", "share that came true", &lines);
        figure(
            out,
            "Calibration: on the diagonal, promises are kept; larger dots hold more",
            &plot,
        );
    }
    let key = if task.classes.len() == 2 { "balanced_accuracy" } else { "accuracy" };
    if task.rows.len() > 1 {
        let bars: Vec<Bar> = task
            .rows
            .iter()
            .map(|row| {
                let e = row.figures.get(key).copied().unwrap_or_default();
                Bar { name: row_name(row), value: e.value, low: e.low, high: e.high }
            })
            .collect();
        let title = key.replace('_', " ");
        let plot = svg::intervals(&title, &bars, 0.0, 1.0, None);
        let _ = write!(
            out,
            "<figure class=\"wide\">{plot}<figcaption>{}, with its interval over people\
             </figcaption></figure>",
            capital(&title)
        );
    }
    out.push_str("</div>");
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

fn matrix(task: &TaskReport, counts: &[Vec<u64>]) -> String {
    let mut out = String::from("<table class=\"matrix\"><thead><tr><th></th>");
    for class in &task.classes {
        let _ = write!(out, "<th>called {}</th>", escape(class));
    }
    out.push_str("</tr></thead><tbody>");
    for (class, row) in task.classes.iter().zip(counts) {
        let sum: u64 = row.iter().sum();
        let _ = write!(out, "<tr><th>is {}</th>", escape(class));
        for count in row {
            let share = if sum > 0 { *count as f64 / sum as f64 } else { 0.0 };
            let strong = if share > 0.55 { " class=\"strong\"" } else { "" };
            let _ = write!(
                out,
                "<td{strong} style=\"--share:{:.0}%\">{count}<small>{:.0}%</small></td>",
                100.0 * share,
                100.0 * share
            );
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
    out
}

fn difference_section(out: &mut String, difference: &Difference) {
    let _ = write!(
        out,
        "<section><h2>{} against {}</h2><p>{}: {} answers of {} people that both gave{}. The same \
         people are drawn for both; an interval without 0 says that the difference holds for \
         other people too.</p><table><thead><tr><th></th><th>{}</th><th>{}</th>\
         <th>difference</th><th></th></tr></thead><tbody>",
        escape(&difference.second),
        escape(&difference.first),
        escape(&difference.task),
        difference.n,
        difference.subjects,
        match difference.unpaired {
            0 => String::new(),
            n => format!(" ({n} that only one gave are left out)"),
        },
        escape(&difference.first),
        escape(&difference.second)
    );
    let of = |map: &std::collections::BTreeMap<String, Estimate>, key: &str| {
        map.get(key).copied().unwrap_or_default()
    };
    let mut bars = Vec::new();
    for (key, title) in FIGURES {
        let less = of(&difference.difference, key);
        let less_is_better = ["loss", "calibration_error"].contains(&key);
        let word = verdict(less, !less_is_better);
        let _ = write!(
            out,
            "<tr><th>{title}</th>{}{}{}<td class=\"text\">{word}</td></tr>",
            cell(of(&difference.before, key)),
            cell(of(&difference.after, key)),
            cell(less)
        );
        bars.push(Bar { name: title.into(), value: less.value, low: less.low, high: less.high });
    }
    let farthest = bars
        .iter()
        .flat_map(|bar| [bar.value, bar.low, bar.high])
        .flatten()
        .fold(0.05_f64, |most, value| most.max(value.abs()));
    let end = (farthest * 20.0).ceil() / 20.0;
    let plot = svg::intervals("difference", &bars, -end, end, Some(0.0));
    let _ = write!(
        out,
        "</tbody></table><div class=\"plots\"><figure class=\"wide\">{plot}\
         <figcaption>The second less the first; left of the line it is lower</figcaption>\
         </figure></div></section>"
    );
}

fn provenance(out: &mut String, report: &Report) {
    let p = &report.provenance;
    out.push_str("<section><h2>With what it was measured</h2><dl>");
    let mut entry = |name: &str, value: &str| {
        let _ = write!(out, "<dt>{name}</dt><dd>{}</dd>", escape(value));
    };
    entry("command", &p.command.join(" "));
    entry("wakewatch", &p.version);
    for model in &p.models {
        entry("classifier", &format!("{} (SHA-256 {})", model.name, model.digest));
    }
    entry("landmark network", &format!("SHA-256 {}", p.landmarks_digest));
    entry("data", &format!("{} (SHA-256 of names, lengths and edges {})", p.data, p.data_digest));
    entry("seed", &p.seed.to_string());
    out.push_str(
        "</dl><p>Figures are defined as in scikit-learn. Precision, recall and F1 of two classes \
         are those of the second class, of more the mean over the classes; AUC and average \
         precision of more classes are one against the rest. What could not be judged counts as \
         the first class, as the driver would get it, and is left out of loss and calibration \
         (expected calibration error over ten bins). Beside this page lie figures.csv, \
         answers.csv and report.json with the same numbers.</p></section>\n",
    );
}
