//! What was judged at the time that is shown, and what is known to happen then.

use eframe::egui::{Label, Rect, RichText, Sense, Ui, vec2};

use crate::{
    app::{
        context::AppContext,
        text::{self, replay as words},
        theme::{self, Tokens},
        widgets::{Gauge, card, gauge, heading, remark, state_sign},
    },
    replay::review::{Known, Review},
};

/// The longest closure that the gauge shows, seconds.
const CLOSED_SPAN_S: f32 = 3.0;

/// Draws the card into `rect`.
pub(super) fn show(
    ui: &mut Ui,
    rect: Rect,
    review: &Review,
    at: f64,
    known: Option<&Known>,
    context: &AppContext,
) {
    let mut card = card(ui, rect, "judged here");
    let ui = &mut card;
    let tokens = Tokens::current(ui);
    heading(ui, words::HERE);
    ui.spacing_mut().item_spacing.y = 8.0;
    let Some(known) = known else { return remark(ui, words::NOT_YET) };
    let judged = &known.judgement;
    ui.horizontal(|ui| {
        let (sign, _) = ui.allocate_exact_size(vec2(44.0, 44.0), Sense::hover());
        let color = tokens.state(judged.state);
        state_sign(ui.painter(), sign, judged.state, color, tokens.surface);
        let word = RichText::new(text::state_word(judged.state)).size(30.0).color(color);
        ui.add(Label::new(word).truncate());
    });
    let why = text::sentence(&judged.why);
    ui.add(Label::new(if why.is_empty() { " ".into() } else { why }).truncate());
    match review.truth() {
        None => remark(ui, words::NO_TRUTH),
        Some(truth) => {
            let here = truth.iter().find(|span| (span.from..span.to).contains(&at));
            let says = words::truth_here(here.map(|span| span.state.as_str()));
            ui.label(RichText::new(says).color(tokens.accent));
        }
    }
    let share = |share: Option<f32>| share.map(|share| (text::percent(share), share));
    let closed = judged.eyes_closed_s;
    let color = tokens.state(judged.state);
    let monitor = &context.monitor;
    let reading = known.reading.as_ref();
    let gauges = [
        Gauge {
            label: text::watch::DROWSY,
            value: share(judged.drowsy),
            mark: Some(monitor.drowsy_enter),
            color,
            size: 22.0,
            ..Gauge::default()
        },
        Gauge {
            label: text::watch::CLOSED_FOR,
            value: reading.map(|_| (text::seconds(closed), closed / CLOSED_SPAN_S)),
            mark: Some(monitor.alarm_s / CLOSED_SPAN_S),
            color,
            size: 18.0,
            ..Gauge::default()
        },
        Gauge {
            label: text::watch::AWARENESS,
            value: share(Some(judged.awareness)),
            mark: Some(monitor.drowsy[0]),
            color: tokens.accent,
            size: 16.0,
            ..Gauge::default()
        },
        Gauge {
            label: text::watch::CLOSED,
            value: share(reading.map(|reading| reading.eyes_closed)),
            color: tokens.accent,
            size: 14.0,
            ..Gauge::default()
        },
    ];
    for each in &gauges {
        if ui.available_height() > each.size * 2.4 + 24.0 {
            gauge(ui, each);
        }
    }
    let alarms = review.with_track(|track| track.alarms.len());
    ui.label(RichText::new(words::alarms(alarms)).size(theme::SMALL).color(tokens.muted));
}
