//! What the report says of films that were judged beside their spans: as HTML and as CSV.

use maud::{Markup, html};

use super::{
    FigureRow, Report, parts,
    parts::{number, verdict},
};
use crate::evaluate::{
    bootstrap::Estimate,
    films::{FIGURES, Figure, FilmDifference, FilmReport, FilmRow, Kind, LATE_S, LEAST_S},
};

/// What `figures.csv` calls the films' task.
const TASK: &str = "films";
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
pub(super) fn tiles(report: &Report) -> Markup {
    let tile = |films: &FilmReport| {
        let all = films.rows.first()?;
        let ([_, closures, _], [_, found, _]) = (all.counts.closures, all.counts.found);
        let rate = |key: &str| {
            let value = all.figures.get(key).and_then(|estimate| estimate.value);
            number(value, |value| format!("{value:.1}"))
        };
        let title = format!("closures of {:.0} s and more found", LEAST_S[1]);
        let needless = format!(
            "{} needless warnings and {} criticals an hour awake",
            rate("needless_warnings"),
            rate("needless_criticals")
        );
        Some(parts::tile(&title, &format!("{found} of {closures}"), &needless, &films.name()))
    };
    html! { @for tile in report.films.iter().filter_map(tile) { (tile) } }
}

/// A section for each judge of the films, then the comparisons.
pub(super) fn sections(report: &Report) -> Markup {
    html! {
        @for films in &report.films { (section(films)) }
        @for difference in &report.film_differences { (difference_section(difference)) }
    }
}

fn cell(figure: &Figure, estimate: Estimate) -> Markup {
    parts::cell(estimate, |value| figure.text(value))
}

fn estimate(row: &FilmRow, figure: &Figure) -> Estimate {
    row.figures.get(figure.key).copied().unwrap_or_default()
}

fn minutes_awake(row: &FilmRow) -> String {
    format!("{:.1}", row.counts.awake_s / 60.0)
}

fn section(films: &FilmReport) -> Markup {
    let short: Vec<&Figure> =
        SHORT.iter().filter_map(|key| FIGURES.iter().find(|f| f.key == *key)).collect();
    html! {
        section {
            h2 { "Films judged as films" }
            p.model { (films.name()) }
            p {
                "A closure is found by a warning or more for closed eyes during it or within "
                (LATE_S) " s after it; the delay counts from shut. Time awake lies outside of \
                closures and doubtful spans and the " (LATE_S) " s after either; needless is what is \
                told of drowsiness there, other what is told of something else and nothing annotated \
                explains."
            }
            @if let Some(all) = films.rows.first() {
                p {
                    (all.films) " films of " (all.subjects) " people, " (minutes_awake(all))
                    " minutes awake, " (all.counts.yawns) " yawns."
                }
                table {
                    tbody {
                        @for figure in &FIGURES {
                            tr { th { (figure.title) } (cell(figure, estimate(all, figure))) }
                        }
                    }
                }
            }
            h2 { "By person and condition" }
            div.scroll {
                table {
                    thead {
                        tr {
                            th {} th { "films" } th { "people" } th { "minutes awake" }
                            @for least in LEAST_S {
                                th { (format_args!("found, {least:.0} s and more")) }
                            }
                            @for figure in &short { th { (figure.title) } }
                            th { "yawns found" }
                        }
                    }
                    tbody {
                        @for group in films.rows.chunk_by(|a, b| a.by == b.by) {
                            @for (at, row) in group.iter().enumerate() {
                                tr class=[(at == 0).then_some("group")] { (cells(row, &short)) }
                            }
                        }
                    }
                }
            }
            (moments(films))
        }
    }
}

/// The cells of a row by person or condition.
fn cells(row: &FilmRow, short: &[&Figure]) -> Markup {
    let counts = &row.counts;
    html! {
        th { (row.title()) }
        td { (row.films) }
        td { (row.subjects) }
        td { (minutes_awake(row)) }
        @for (found, of) in counts.found.iter().zip(&counts.closures) {
            td { (found) " of " (of) }
        }
        @for figure in short { (cell(figure, estimate(row, figure))) }
        td { (counts.yawns_found) " of " (counts.yawns) }
    }
}

/// Where to look: closures that were missed, and what was told without need.
fn moments(films: &FilmReport) -> Markup {
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
    html! {
        @if !lines.is_empty() {
            h2 { "Where to look" }
            div.scroll {
                table {
                    thead {
                        tr {
                            th { "film" } th { "at, s" } th.text { "what" }
                            th.text { "as it was told" }
                        }
                    }
                    tbody {
                        @for (film, at, what, why) in lines {
                            tr {
                                th { (film) }
                                td { (format_args!("{at:.1}")) }
                                td.text { (what) }
                                td.text { (why) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn difference_section(difference: &FilmDifference) -> Markup {
    let sides = &difference.sides;
    let rows = html! {
        @for figure in &FIGURES {
            @let of = |part: &std::collections::BTreeMap<String, Estimate>| {
                part.get(figure.key).copied().unwrap_or_default()
            };
            @let less = of(&sides.difference);
            tr {
                th { (figure.title) }
                (cell(figure, of(&sides.before))) (cell(figure, of(&sides.after)))
                (cell(figure, less))
                td.text { (verdict_of(figure, less)) }
            }
        }
    };
    let films = format!("{} films", difference.films);
    parts::side_by_side("Films: ", sides, [&films, "judged"], &rows, &html! {})
}

/// What a difference comes to, in a word: more is better of what is found.
fn verdict_of(figure: &Figure, less: Estimate) -> &'static str {
    verdict(less, figure.kind == Kind::Share)
}

/// One row a figure.
pub(super) fn figures(report: &Report) -> Vec<FigureRow<'_>> {
    let mut rows = Vec::new();
    for films in &report.films {
        for row in &films.rows {
            let place = FigureRow {
                task: TASK,
                model: films.name().into(),
                by: &row.by,
                row: &row.name,
                n: row.films,
                subjects: row.subjects,
                ..FigureRow::default()
            };
            rows.extend(FIGURES.iter().map(|f| place.with(f.key, estimate(row, f))));
        }
    }
    for less in &report.film_differences {
        let place = FigureRow { n: less.films, ..FigureRow::less(TASK, &less.sides) };
        let of = |key: &str| less.sides.difference.get(key).copied().unwrap_or_default();
        rows.extend(FIGURES.iter().map(|figure| place.with(figure.key, of(figure.key))));
    }
    rows
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
