//! Answers on a line of time, drawn by hand as SVG; colours are the page's own, by class.

use std::fmt::Write;

use super::{Both, called};
use crate::{
    evaluate::report::escape,
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
pub(super) fn plot(out: &mut String, table: &Table, rows: &[&Both<'_>], tell: usize) {
    let Some(awaited) = rows.iter().find_map(|(cell, _)| cell.tells.get(tell)) else { return };
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
    let _ = write!(
        out,
        "<p>{}, from {} to {} s after the event</p>\
         <svg class=\"answers\" viewBox=\"0 0 {} {:.0}\" role=\"img\" aria-label=\"{}\">",
        escape(&what),
        awaited.after,
        awaited.by,
        NAMES + WIDE + BEHIND,
        bottom + 22.0,
        escape(&what)
    );
    for (class, from, to) in [
        ("tolerance", awaited.after - tolerance, awaited.by + tolerance),
        ("window", awaited.after, awaited.by),
    ] {
        let _ = write!(
            out,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            x(from),
            (x(to) - x(from)).max(1.0),
            bottom - TOP
        );
    }
    for step in 0..=TICKS {
        let seconds = low + (high - low) * f64::from(step) / f64::from(TICKS);
        let _ = write!(
            out,
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{seconds:.1} s</text>",
            x(seconds),
            bottom + 15.0
        );
    }
    for (row, (cell, played)) in rows.iter().enumerate() {
        let middle = TOP + ROW * (row as f64 + 0.5);
        let answer = played.judged.answers.get(tell);
        let delay = answer.and_then(|answer| answer.delay);
        let (outcome_class, outcome) = called(played);
        // A dot is green where it is in time, whatever else the cell did.
        let in_time = answer.is_some_and(|answer| answer.verdict == Verdict::InTime);
        let class = if in_time { "good" } else { outcome_class };
        let _ = write!(
            out,
            "<text class=\"name\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <path class=\"lane\" d=\"M{NAMES} {middle:.1}H{:.1}\"/>",
            NAMES - 8.0,
            middle + 4.0,
            escape(&table.variant(cell).title),
            NAMES + WIDE
        );
        let says = match delay {
            Some(delay) => {
                let _ = write!(
                    out,
                    "<circle class=\"answer {class}\" cx=\"{:.1}\" cy=\"{middle:.1}\" r=\"4\"/>",
                    x(delay)
                );
                format!("{delay:.2} s")
            }
            None => {
                let right = x(high) - 6.0;
                let _ = write!(
                    out,
                    "<path class=\"cross {class}\" d=\"M{:.1} {:.1}l8 8m0 -8l-8 8\"/>",
                    right - 4.0,
                    middle - 4.0
                );
                if outcome == "unreadable" { outcome.into() } else { "not told".into() }
            }
        };
        let _ = write!(
            out,
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\">{says}</text>",
            NAMES + WIDE + 8.0,
            middle + 4.0
        );
    }
    out.push_str("</svg>");
}

/// Where nothing had to be told: a row for each condition in which something was.
pub(super) fn quiet(out: &mut String, table: &Table, rows: &[&Both<'_>]) {
    let loud: Vec<_> =
        rows.iter().filter(|(_, played)| !played.judged.needless.is_empty()).collect();
    let _ = write!(out, "<p>{} of {} cells stayed quiet.</p>", rows.len() - loud.len(), rows.len());
    if loud.is_empty() {
        return;
    }
    out.push_str("<table><tbody>");
    for (cell, played) in loud {
        let _ = write!(
            out,
            "<tr><th>{}</th><td class=\"text\">{}</td></tr>",
            escape(&table.variant(cell).title),
            escape(&played.cause)
        );
    }
    out.push_str("</tbody></table>");
}
