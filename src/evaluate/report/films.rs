//! What the report says of films that were judged beside their spans: as HTML and as CSV.

use std::fmt::Write;

use super::{
    Report,
    words::{escape, verdict},
};
use crate::evaluate::{
    bootstrap::Estimate,
    films::{FIGURES, Figure, FilmDifference, FilmReport, FilmRow, Kind, LATE_S, LEAST_S},
};

/// Figures that stand in the table by person and condition, beside the counts.
const SHORT: [&str; 6] = [
    "delay_2s_median",
    "needless_advisories",
    "needless_warnings",
    "needless_criticals",
    "other_alarms",
    "false_yawns",
];

/// The tiles of the films, for who looks for a few numbers first.
pub(super) fn tiles(out: &mut String, report: &Report) {
    for films in &report.films {
        let Some(all) = films.rows.first() else { continue };
        let [_, closures, _] = all.counts.closures;
        let [_, found, _] = all.counts.found;
        let rate = |key: &str| {
            let value = all.figures.get(key).and_then(|estimate| estimate.value);
            value.map_or("–".into(), |value| format!("{value:.1}"))
        };
        let _ = write!(
            out,
            "<div class=\"tile\"><span>closures of {:.0} s and more found</span>\
             <strong>{found} of {closures}</strong><small>{} needless warnings and {} criticals \
             an hour awake</small><small>{}</small></div>",
            LEAST_S[1],
            rate("needless_warnings"),
            rate("needless_criticals"),
            escape(&films.name())
        );
    }
}

/// A section for each judge of the films, then the comparisons.
pub(super) fn sections(out: &mut String, report: &Report) {
    for films in &report.films {
        section(out, films);
    }
    for difference in &report.film_differences {
        difference_section(out, difference);
    }
}

fn value(figure: &Figure, estimate: Estimate) -> String {
    estimate.value.map_or("–".into(), |value| figure.text(value))
}

fn cell(figure: &Figure, estimate: Estimate) -> String {
    let interval = estimate.low.zip(estimate.high);
    let interval = interval.map_or("&nbsp;".into(), |(low, high)| {
        format!("{} – {}", figure.text(low), figure.text(high))
    });
    format!("<td>{}<small>{interval}</small></td>", value(figure, estimate))
}

fn estimate(row: &FilmRow, figure: &Figure) -> Estimate {
    row.figures.get(figure.key).copied().unwrap_or_default()
}

fn section(out: &mut String, films: &FilmReport) {
    let _ = write!(
        out,
        "<section><h2>Films judged as films</h2><p class=\"model\">{}</p><p>A closure is found by \
         a warning or more for closed eyes during it or within {LATE_S} s after it; the delay \
         counts from shut. Time awake lies outside of closures and doubtful spans and the {LATE_S} \
         s after either; needless is what is told of drowsiness there, other what is told of \
         something else and nothing annotated explains.</p>",
        escape(&films.name())
    );
    if let Some(all) = films.rows.first() {
        let counts = &all.counts;
        let _ = write!(
            out,
            "<p>{} films of {} people, {:.1} minutes awake, {} yawns.</p><table><tbody>",
            all.films,
            all.subjects,
            counts.awake_s / 60.0,
            counts.yawns
        );
        for figure in &FIGURES {
            let estimate = estimate(all, figure);
            let _ = write!(out, "<tr><th>{}</th>{}</tr>", figure.title, cell(figure, estimate));
        }
        out.push_str("</tbody></table>");
    }
    out.push_str(
        "<h2>By person and condition</h2><div class=\"scroll\"><table><thead><tr><th></th>\
         <th>films</th><th>people</th><th>minutes awake</th>",
    );
    for least in LEAST_S {
        let _ = write!(out, "<th>found, {least:.0} s and more</th>");
    }
    let short: Vec<&Figure> =
        SHORT.iter().filter_map(|key| FIGURES.iter().find(|f| f.key == *key)).collect();
    for figure in &short {
        let _ = write!(out, "<th>{}</th>", figure.title);
    }
    out.push_str("<th>yawns found</th></tr></thead><tbody>");
    let mut before = "";
    for row in &films.rows {
        let class = if row.by == before { "" } else { " class=\"group\"" };
        before = &row.by;
        let counts = &row.counts;
        let _ = write!(
            out,
            "<tr{class}><th>{}</th><td>{}</td><td>{}</td><td>{:.1}</td>",
            escape(&row.title()),
            row.films,
            row.subjects,
            counts.awake_s / 60.0
        );
        for (found, of) in counts.found.iter().zip(&counts.closures) {
            let _ = write!(out, "<td>{found} of {of}</td>");
        }
        short.iter().for_each(|figure| out.push_str(&cell(figure, estimate(row, figure))));
        let _ = write!(out, "<td>{} of {}</td></tr>", counts.yawns_found, counts.yawns);
    }
    out.push_str("</tbody></table></div>");
    moments(out, films);
    out.push_str("</section>\n");
}

/// Where to look: closures that were missed, and what was told without need.
fn moments(out: &mut String, films: &FilmReport) {
    let mut lines = Vec::new();
    for film in &films.films {
        let missed = film.closures.iter().filter(|c| !c.found && c.length_s() >= LEAST_S[0]);
        lines.extend(missed.map(|closure| {
            let hardly = if film.eyes_read { "" } else { ", eyes hardly read" };
            let what = format!("missed until {:.1} s{hardly}", closure.end);
            (film.film.as_str(), closure.start, what, "")
        }));
        let told = [("needless", &film.needless), ("other", &film.other)];
        for (kind, alarms) in told {
            lines.extend(alarms.iter().map(|alarm| {
                let what = format!("{kind}: {:?}, {:?}", alarm.level, alarm.state);
                (film.film.as_str(), alarm.at, what, alarm.why.as_str())
            }));
        }
        let yawn = |at: &f64| (film.film.as_str(), *at, "false yawn".to_owned(), "");
        lines.extend(film.false_yawns.iter().map(yawn));
    }
    if lines.is_empty() {
        return;
    }
    out.push_str(
        "<h2>Where to look</h2><div class=\"scroll\"><table><thead><tr><th>film</th><th>at, s</th>\
         <th class=\"text\">what</th><th class=\"text\">as it was told</th></tr></thead><tbody>",
    );
    for (film, at, what, why) in lines {
        let _ = write!(
            out,
            "<tr><th>{}</th><td>{at:.1}</td><td class=\"text\">{}</td><td class=\"text\">{}</td>\
             </tr>",
            escape(film),
            escape(&what),
            escape(why)
        );
    }
    out.push_str("</tbody></table></div>");
}

fn difference_section(out: &mut String, difference: &FilmDifference) {
    let _ = write!(
        out,
        "<section><h2>Films: {} against {}</h2><p>{} films of {} people that both judged{}. The \
         same people are drawn for both; an interval without 0 says that the difference holds for \
         other people too.</p><table><thead><tr><th></th><th>{}</th><th>{}</th><th>difference</th>\
         <th></th></tr></thead><tbody>",
        escape(&difference.second),
        escape(&difference.first),
        difference.films,
        difference.subjects,
        match difference.unpaired {
            0 => String::new(),
            n => format!(" ({n} that only one judged are left out)"),
        },
        escape(&difference.first),
        escape(&difference.second)
    );
    for figure in &FIGURES {
        let of = |part: &std::collections::BTreeMap<String, Estimate>| {
            part.get(figure.key).copied().unwrap_or_default()
        };
        let less = of(&difference.difference);
        let _ = write!(
            out,
            "<tr><th>{}</th>{}{}{}<td class=\"text\">{}</td></tr>",
            figure.title,
            cell(figure, of(&difference.before)),
            cell(figure, of(&difference.after)),
            cell(figure, less),
            verdict_of(figure, less)
        );
    }
    out.push_str("</tbody></table></section>\n");
}

/// What a difference comes to, in a word: more is better of what is found.
fn verdict_of(figure: &Figure, less: Estimate) -> &'static str {
    verdict(less, figure.kind == Kind::Share)
}

/// One record a figure, in the columns of `figures.csv`: task, model, by, row, n, missed,
/// subjects, figure, value, low, high, note.
pub(super) fn records(report: &Report) -> Vec<[String; 12]> {
    let number = |value: Option<f64>| value.map_or(String::new(), |v| format!("{v}"));
    let record = |place: [&str; 3], n: [usize; 2], figure: &Figure, e: Estimate| {
        let [model, by, row] = place.map(str::to_owned);
        let [n, subjects] = n.map(|n| n.to_string());
        let (task, missed, note) = ("films".into(), String::new(), String::new());
        let [value, low, high] = [e.value, e.low, e.high].map(number);
        let key = figure.key.to_owned();
        [task, model, by, row, n, missed, subjects, key, value, low, high, note]
    };
    let mut records = Vec::new();
    for films in &report.films {
        let name = films.name();
        for row in &films.rows {
            let (place, n) =
                ([name.as_str(), row.by.as_str(), row.name.as_str()], [row.films, row.subjects]);
            records.extend(FIGURES.iter().map(|f| record(place, n, f, estimate(row, f))));
        }
    }
    for less in &report.film_differences {
        let name = format!("{} less {}", less.second, less.first);
        let (place, n) = ([name.as_str(), "difference", "all"], [less.films, less.subjects]);
        records.extend(FIGURES.iter().map(|figure| {
            let estimate = less.difference.get(figure.key).copied().unwrap_or_default();
            record(place, n, figure, estimate)
        }));
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whether_a_difference_is_for_the_better_depends_on_the_figure() {
        let less = |low: f64, high: f64| Estimate {
            value: Some(f64::midpoint(low, high)),
            low: Some(low),
            high: Some(high),
        };
        let of = |key: &str| FIGURES.iter().find(|figure| figure.key == key).unwrap();
        let (found, needless) = (of("found_2s"), of("needless_warnings"));
        for (figure, low, high, word) in [
            (found, 0.1, 0.2, "better"),
            (found, -0.2, -0.1, "worse"),
            (needless, 0.1, 0.2, "worse"),
            (needless, -0.2, -0.1, "better"),
            (needless, -0.2, 0.1, "not told apart"),
            (found, 0.0, 0.0, "the same"),
        ] {
            assert_eq!(verdict_of(figure, less(low, high)), word, "{} {low}", figure.key);
        }
        assert_eq!(verdict_of(found, Estimate { value: Some(0.1), low: None, high: None }), "");
    }
}
