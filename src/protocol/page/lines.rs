//! Answers on a line of time, drawn by hand as SVG; colours are the page's own, by class.

use maud::{Markup, html};

use super::{Both, called};
use crate::{
    evaluate::report::{dot, label, px},
    protocol::{Table, Verdict, judge::word},
};

/// Height of a row, widths of the names, of the time and of what stands behind it, SVG units.
const ROW: f64 = 16.0;
const NAMES: f64 = 230.0;
const WIDE: f64 = 540.0;
const BEHIND: f64 = 90.0;
/// Where the rows begin.
const TOP: f64 = 6.0;
/// Ticks of the axis.
const TICKS: u32 = 5;

/// A row for each condition: its answer to the tell with this number.
pub(super) fn plot(table: &Table, rows: &[&Both<'_>], tell: usize) -> Markup {
    let Some(awaited) = rows.iter().find_map(|(cell, _)| cell.tells.get(tell)) else {
        return html! {};
    };
    let tolerance = table.play.tolerance_s;
    let delays = rows.iter().filter_map(|(_, played)| played.judged.answers.get(tell)?.delay);
    let (low, high) = delays
        .fold((awaited.after, awaited.by), |(low, high), delay| (low.min(delay), high.max(delay)));
    let (low, high) = ((low - tolerance - 0.2).max(-1e4), high + tolerance + 0.2);
    let x = |seconds: f64| NAMES + WIDE * ((seconds - low) / (high - low)).clamp(0.0, 1.0);
    let bottom = TOP + ROW * rows.len() as f64;
    let states: Vec<String> = awaited.states.iter().map(word).collect();
    let what = match states.join(" or ") {
        states if states.is_empty() => word(&awaited.level),
        states => format!("{}: {states}", word(&awaited.level)),
    };
    let size = format!("0 0 {} {:.0}", NAMES + WIDE + BEHIND, bottom + 22.0);
    let bands = [
        ("tolerance", awaited.after - tolerance, awaited.by + tolerance),
        ("window", awaited.after, awaited.by),
    ];
    html! {
        p { (what) ", from " (awaited.after) " to " (awaited.by) " s after the event" }
        svg.answers viewBox=(size) role="img" aria-label=(what) {
            @for (class, from, to) in bands {
                @let width = (x(to) - x(from)).max(1.0);
                rect class=(class) x=(px(x(from))) y=(TOP) width=(px(width)) height=(px(bottom - TOP)) {}
            }
            @for step in 0..=TICKS {
                @let seconds = low + (high - low) * f64::from(step) / f64::from(TICKS);
                (label("tick", [x(seconds), bottom + 15.0], Some("middle"), format!("{seconds:.1} s")))
            }
            @for (row, (cell, played)) in rows.iter().enumerate() {
                @let middle = TOP + ROW * (row as f64 + 0.5);
                @let answer = played.judged.answers.get(tell);
                @let delay = answer.and_then(|answer| answer.delay);
                @let (outcome_class, outcome) = called(played);
                // A dot is green where it is in time, whatever else the cell did.
                @let in_time = answer.is_some_and(|answer| answer.verdict == Verdict::InTime);
                @let class = if in_time { "good" } else { outcome_class };
                (label("name", [NAMES - 8.0, middle + 4.0], Some("end"), &table.variant(cell).title))
                path.lane d=(format_args!("M{NAMES} {middle:.1}H{:.1}", NAMES + WIDE)) {}
                @if let Some(delay) = delay {
                    (dot(&format!("answer {class}"), [x(delay), middle], 4))
                } @else {
                    @let (left, top) = (x(high) - 10.0, middle - 4.0);
                    path class={ "cross " (class) }
                        d=(format_args!("M{left:.1} {top:.1}l8 8m0 -8l-8 8")) {}
                }
                @let says = match delay {
                    Some(delay) => format!("{delay:.2} s"),
                    None if outcome == "unreadable" => outcome.into(),
                    None => "not told".into(),
                };
                (label("tick", [NAMES + WIDE + 8.0, middle + 4.0], None, says))
            }
        }
    }
}

/// Where nothing had to be told: a row for each condition in which something was.
pub(super) fn quiet(table: &Table, rows: &[&Both<'_>]) -> Markup {
    let loud: Vec<_> =
        rows.iter().filter(|(_, played)| !played.judged.needless.is_empty()).collect();
    html! {
        p { (rows.len() - loud.len()) " of " (rows.len()) " cells stayed quiet." }
        @if !loud.is_empty() {
            table {
                tbody {
                    @for (cell, played) in loud {
                        tr { th { (table.variant(cell).title) } td.text { (played.cause) } }
                    }
                }
            }
        }
    }
}
