//! Plots as SVG: lines over a square of 0..1, and intervals in rows. By hand and not with
//! `plotters`, which writes colours where the page's own classes must stand, so that a plot
//! follows the page's light or dark side.

use maud::{Markup, Render, html};

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

/// A length in SVG units, to a tenth.
pub(crate) fn px(value: f64) -> String {
    format!("{value:.1}")
}

/// Letters of a plot; `anchor` is which end of them stands at `x`, the first if it is `None`.
pub(crate) fn label(
    class: &str,
    [x, y]: [f64; 2],
    anchor: Option<&str>,
    text: impl Render,
) -> Markup {
    html! { text class=(class) x=(px(x)) y=(px(y)) text-anchor=[anchor] { (text) } }
}

/// A dot of a plot.
pub(crate) fn dot(class: &str, [x, y]: [f64; 2], radius: impl Render) -> Markup {
    html! { circle class=(class) cx=(px(x)) cy=(px(y)) r=(radius) {} }
}

fn x(value: f64) -> f64 {
    LEFT + SIDE * value.clamp(0.0, 1.0)
}

fn y(value: f64) -> f64 {
    TOP + SIDE * (1.0 - value.clamp(0.0, 1.0))
}

/// Lines over a square; both axes run from 0 to 1.
pub(super) fn square(title: &str, across: &str, up: &str, lines: &[Line<'_>]) -> Markup {
    let (width, height) = (LEFT + SIDE + 12.0, TOP + SIDE + BELOW);
    let (right, bottom) = (x(1.0), y(0.0));
    let path = |line: &Line<'_>| {
        let points = line.points.iter().enumerate();
        let step = |at| if at == 0 { "M" } else { "L" };
        let steps = points.map(|(at, [px, py])| format!("{}{:.1} {:.1}", step(at), x(*px), y(*py)));
        steps.collect::<String>()
    };
    let turned = format!("translate(12 {:.1}) rotate(-90)", TOP + SIDE / 2.0);
    html! {
        svg viewBox=(format_args!("0 0 {width} {height}")) role="img" aria-label=(title) {
            @for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
                @let (tx, ty) = (x(tick), y(tick));
                path.grid
                    d=(format_args!("M{tx:.1} {TOP:.1}V{bottom:.1}M{LEFT:.1} {ty:.1}H{right:.1}")) {}
                @if tick != 0.25 && tick != 0.75 {
                    (label("tick", [tx, bottom + 14.0], Some("middle"), tick))
                    (label("tick", [LEFT - 6.0, ty + 4.0], Some("end"), tick))
                }
            }
            @for line in lines {
                path class={ "line " (line.class) } d=(path(line)) {}
                @for ([px, py], radius) in line.points.iter().zip(line.dots.unwrap_or_default()) {
                    (dot(&format!("dot {}", line.class), [x(*px), y(*py)], self::px(*radius)))
                }
            }
            (label("axis", [LEFT + SIDE / 2.0, height - 8.0], Some("middle"), across))
            text.axis transform=(turned) text-anchor="middle" { (up) }
        }
    }
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
) -> Markup {
    const ROW: f64 = 22.0;
    const NAMES: f64 = 190.0;
    const WIDE: f64 = 330.0;
    let (width, height) = (NAMES + WIDE + 70.0, ROW * bars.len() as f64 + 30.0);
    let at = |value: f64| NAMES + WIDE * ((value - from) / (to - from)).clamp(0.0, 1.0);
    let bottom = ROW * bars.len() as f64 + 6.0;
    let name = |bar: &Bar| match bar.name.chars().count() > 28 {
        true => bar.name.chars().take(27).chain(['…']).collect(),
        false => bar.name.clone(),
    };
    html! {
        svg.wide viewBox=(format_args!("0 0 {width} {height:.0}")) role="img" aria-label=(title) {
            @for step in 0..=4 {
                @let value = from + (to - from) * f64::from(step) / 4.0;
                path.grid d=(format_args!("M{:.1} 4V{bottom:.1}", at(value))) {}
                (label("tick", [at(value), bottom + 15.0], Some("middle"), short(value)))
            }
            @if let Some(zero) = zero {
                path.zero d=(format_args!("M{:.1} 4V{bottom:.1}", at(zero))) {}
            }
            @for (row, bar) in bars.iter().enumerate() {
                @let middle = 4.0 + ROW * (row as f64 + 0.5);
                (label("name", [NAMES - 10.0, middle + 4.0], Some("end"), name(bar)))
                @if let Some((low, high)) = bar.low.zip(bar.high) {
                    path.whisker d=(format_args!("M{:.1} {middle:.1}H{:.1}", at(low), at(high))) {}
                }
                @if let Some(value) = bar.value {
                    (dot("dot main", [at(value), middle], 4))
                    (label("tick", [NAMES + WIDE + 12.0, middle + 4.0], None, format!("{value:.3}")))
                }
            }
        }
    }
}

/// A number without needless digits.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
