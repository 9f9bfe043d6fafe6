//! Plots as SVG, drawn by hand: lines over a square of 0..1, and intervals in rows. Colours
//! are the page's own, by class, so that they follow its light or dark side.

use std::fmt::Write;

use super::words::escape;

/// Side of the drawn square, and what is left around it for words, SVG units.
const SIDE: f64 = 220.0;
const LEFT: f64 = 46.0;
const TOP: f64 = 12.0;
const BELOW: f64 = 40.0;

/// A line of a plot.
pub(super) struct Line<'p> {
    /// Points, each 0..1.
    pub(super) points: Vec<[f64; 2]>,
    /// Its class: its colour.
    pub(super) class: &'static str,
    /// Whether its points are marked, with a radius each, SVG units.
    pub(super) dots: Option<&'p [f64]>,
}

fn x(value: f64) -> f64 {
    LEFT + SIDE * value.clamp(0.0, 1.0)
}

fn y(value: f64) -> f64 {
    TOP + SIDE * (1.0 - value.clamp(0.0, 1.0))
}

/// Lines over a square; both axes run from 0 to 1.
pub(super) fn square(title: &str, across: &str, up: &str, lines: &[Line<'_>]) -> String {
    let (width, height) = (LEFT + SIDE + 12.0, TOP + SIDE + BELOW);
    let mut out = format!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">",
        escape(title)
    );
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let (tx, ty) = (x(tick), y(tick));
        let (right, bottom) = (x(1.0), y(0.0));
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{tx:.1} {TOP:.1}V{bottom:.1}M{LEFT:.1} {ty:.1}H{right:.1}\"/>"
        );
        if tick != 0.25 && tick != 0.75 {
            let _ = write!(
                out,
                "<text class=\"tick\" x=\"{tx:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{tick}</text>\
                 <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{tick}</text>",
                bottom + 14.0,
                LEFT - 6.0,
                ty + 4.0
            );
        }
    }
    for line in lines {
        let mut d = String::new();
        for (at, [px, py]) in line.points.iter().enumerate() {
            let _ = write!(d, "{}{:.1} {:.1}", if at == 0 { "M" } else { "L" }, x(*px), y(*py));
        }
        let _ = write!(out, "<path class=\"line {}\" d=\"{d}\"/>", line.class);
        for ([px, py], radius) in line.points.iter().zip(line.dots.unwrap_or_default()) {
            let _ = write!(
                out,
                "<circle class=\"dot {}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius:.1}\"/>",
                line.class,
                x(*px),
                y(*py)
            );
        }
    }
    let (middle, bottom) = (LEFT + SIDE / 2.0, TOP + SIDE + BELOW - 8.0);
    let _ = write!(
        out,
        "<text class=\"axis\" x=\"{middle:.1}\" y=\"{bottom:.1}\" text-anchor=\"middle\">{}</text>\
         <text class=\"axis\" transform=\"translate(12 {:.1}) rotate(-90)\" \
         text-anchor=\"middle\">{}</text></svg>",
        escape(across),
        TOP + SIDE / 2.0,
        escape(up)
    );
    out
}

/// A value with its interval, in a row.
pub(super) struct Bar {
    /// What the row is.
    pub(super) name: String,
    /// The value and the ends of its interval.
    pub(super) value: Option<f64>,
    /// Lower end.
    pub(super) low: Option<f64>,
    /// Upper end.
    pub(super) high: Option<f64>,
}

/// Values with their intervals, one a row, over one axis from `from` to `to`; `zero` is
/// where a line is drawn.
pub(super) fn intervals(
    title: &str,
    bars: &[Bar],
    from: f64,
    to: f64,
    zero: Option<f64>,
) -> String {
    const ROW: f64 = 22.0;
    const NAMES: f64 = 190.0;
    const WIDE: f64 = 330.0;
    let (width, height) = (NAMES + WIDE + 70.0, ROW * bars.len() as f64 + 30.0);
    let at = |value: f64| NAMES + WIDE * ((value - from) / (to - from)).clamp(0.0, 1.0);
    let mut out = format!(
        "<svg class=\"wide\" viewBox=\"0 0 {width} {height:.0}\" role=\"img\" aria-label=\"{}\">",
        escape(title)
    );
    let bottom = ROW * bars.len() as f64 + 6.0;
    for step in 0..=4 {
        let value = from + (to - from) * f64::from(step) / 4.0;
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{x:.1} 4V{bottom:.1}\"/>\
             <text class=\"tick\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 15.0,
            short(value),
            x = at(value)
        );
    }
    if let Some(zero) = zero {
        let _ = write!(out, "<path class=\"zero\" d=\"M{:.1} 4V{bottom:.1}\"/>", at(zero));
    }
    for (row, bar) in bars.iter().enumerate() {
        let middle = 4.0 + ROW * (row as f64 + 0.5);
        let name: String = match bar.name.chars().count() > 28 {
            true => bar.name.chars().take(27).chain(['…']).collect(),
            false => bar.name.clone(),
        };
        let _ = write!(
            out,
            "<text class=\"name\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            NAMES - 10.0,
            middle + 4.0,
            escape(&name)
        );
        if let (Some(low), Some(high)) = (bar.low, bar.high) {
            let _ = write!(
                out,
                "<path class=\"whisker\" d=\"M{:.1} {middle:.1}H{:.1}\"/>",
                at(low),
                at(high)
            );
        }
        if let Some(value) = bar.value {
            let _ = write!(
                out,
                "<circle class=\"dot main\" cx=\"{:.1}\" cy=\"{middle:.1}\" r=\"4\"/>\
                 <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\">{value:.3}</text>",
                at(value),
                NAMES + WIDE + 12.0,
                middle + 4.0
            );
        }
    }
    out.push_str("</svg>");
    out
}

/// A number without needless digits.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
