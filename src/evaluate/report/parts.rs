//! What every page is made of.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::evaluate::bootstrap::{Estimate, Paired};

/// What every page looks like.
const STYLE: &str = include_str!("report.css");

/// A whole page that needs nothing else; `style` is what only this one looks like.
pub(crate) fn document(title: &str, style: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "wakewatch: " (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(style)) }
            }
            body { main { (body) } }
        }
    };
    page.into_string()
}

/// One of the few numbers that one looks for first.
pub(super) fn tile(title: &str, figure: &str, range: &str, model: &str) -> Markup {
    html! {
        div.tile {
            span { (title) }
            strong { (figure) }
            small { (range) }
            small { (model) }
        }
    }
}

/// A number, or a dash where there is none.
pub(super) fn number(value: Option<f64>, text: impl Fn(f64) -> String) -> String {
    value.map_or("–".into(), text)
}

/// A figure of a table above its interval.
pub(super) fn cell(estimate: Estimate, text: impl Fn(f64) -> String) -> Markup {
    let interval = estimate.low.zip(estimate.high);
    let interval =
        interval.map_or("\u{a0}".into(), |(low, high)| format!("{} – {}", text(low), text(high)));
    html! { td { (number(estimate.value, text)) small { (interval) } } }
}

/// Two that were measured on the same people: `items` says on how many of what, and what
/// they did; `rows` are the figures.
pub(super) fn side_by_side(
    title: &str,
    sides: &Paired,
    [items, judged]: [&str; 2],
    rows: &Markup,
    below: &Markup,
) -> Markup {
    let Paired { first, second, subjects, .. } = sides;
    html! {
        section {
            h2 { (title) (second) " against " (first) }
            p {
                (items) " of " (subjects) " people that both " (judged)
                @if sides.unpaired > 0 {
                    " (" (sides.unpaired) " that only one " (judged) " are left out)"
                }
                ". The same people are drawn for both; an interval without 0 says that the \
                difference holds for other people too."
            }
            table {
                thead { tr { th {} th { (first) } th { (second) } th { "difference" } th {} } }
                tbody { (rows) }
            }
            (below)
        }
    }
}

/// What a difference comes to, in a word.
pub(super) fn verdict(less: Estimate, more_is_better: bool) -> &'static str {
    let Some((low, high)) = less.low.zip(less.high) else { return "" };
    match (low > 0.0, high < 0.0) {
        (true, _) if more_is_better => "better",
        (_, true) if !more_is_better => "better",
        (true, _) | (_, true) => "worse",
        _ if low == 0.0 && high == 0.0 => "the same",
        _ => "not told apart",
    }
}
