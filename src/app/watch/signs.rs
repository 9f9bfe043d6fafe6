//! The signs that were read, the smoothed one first and largest, each with its certainty
//! or why it is missing.

use eframe::egui::{Rect, Ui, vec2};

use crate::{
    app::{
        text,
        theme::{GAP, PADDING, Tokens},
        widgets::{Gauge, card, gauge, heading, inside},
    },
    live::Snapshot,
    monitor::{Settings, Sign},
};

/// The longest closure that the gauge shows, in seconds: sleep begins there (Euro NCAP).
const CLOSED_SPAN_S: f32 = 3.0;
/// The end of the scale of blinking.
const BLINKING_SPAN: f32 = 10.0;
/// The largest PERCLOS that the gauge shows: twice what is drowsy.
const PERCLOS_SPAN: f32 = 0.3;
/// From this width on the signs stand in two columns, in points.
const TWO_COLUMNS: f32 = 330.0;
/// Height of a column of three signs with their captions, in points.
const ROOMY: f32 = 152.0;

/// Draws the card into `place`.
pub(super) fn show(ui: &mut Ui, place: Rect, snapshot: &Snapshot, monitor: &Settings) {
    let tokens = Tokens::current(ui);
    let judgement = &snapshot.judgement;
    let reading = snapshot.reading.as_ref();
    let mut card = card(ui, place, "signs");
    heading(&mut card, text::watch::SIGNS);
    let inner = place.shrink(PADDING).with_min_y(card.cursor().top() + 2.0);

    let share = |share: Option<f32>| share.map(|share| (text::percent(share), share));
    let seen = reading.is_some() && !judgement.state.is_blind();
    let closed = judgement.eyes_closed_s;
    let closed = seen.then(|| (text::seconds(closed), closed / CLOSED_SPAN_S));
    let color = tokens.state(judgement.state);
    let asleep = monitor.alarm_s / CLOSED_SPAN_S;
    let alarm = text::watch::alarm_from(monitor.alarm_s);
    let (blinking, sure) = match judgement.signs.blinking {
        Sign::Known { value, certainty } => (
            Some((text::watch::of_ten(value), value / BLINKING_SPAN)),
            text::watch::certain(certainty),
        ),
        Sign::Missing(why) => (None, text::missing(why).to_owned()),
    };
    let (perclos, perclos_says) = match judgement.signs.perclos {
        Sign::Known { value, .. } => {
            (Some((text::percent(value), value / PERCLOS_SPAN)), String::new())
        }
        Sign::Missing(why) => (None, text::missing(why).to_owned()),
    };
    let drowsy_perclos = monitor.perclos_drowsy / PERCLOS_SPAN;
    let perclos_mark = text::watch::drowsy_from(monitor.perclos_drowsy);
    let perclos_caption = match &perclos {
        Some(_) => (drowsy_perclos, perclos_mark.as_str()),
        None => (0.0, perclos_says.as_str()),
    };
    let ends = [(0.0, text::watch::AWAKE), (1.0, text::watch::DROWSY)];
    let (alarm_at, sure_at) = ([(asleep, alarm.as_str())], [(0.0, sure.as_str())]);
    let perclos_at = [perclos_caption];
    let plain = Gauge { color: tokens.accent, size: 14.0, ..Gauge::default() };
    let columns: [Vec<Gauge<'_>>; 2] = [
        vec![
            Gauge {
                label: text::watch::DROWSY,
                value: share(judgement.drowsy),
                mark: Some(monitor.drowsy_enter),
                captions: &ends,
                color,
                size: 22.0,
                ..Gauge::default()
            },
            Gauge {
                label: text::watch::CLOSED_FOR,
                value: closed,
                mark: Some(asleep),
                captions: &alarm_at,
                color,
                size: 17.0,
                ..Gauge::default()
            },
            Gauge {
                label: text::watch::CLOSED,
                value: share(reading.map(|reading| reading.eyes_closed)),
                ..plain.clone()
            },
        ],
        vec![
            Gauge {
                label: text::watch::BLINKING,
                value: blinking,
                mark: Some(monitor.blinking_drowsy / BLINKING_SPAN),
                captions: &sure_at,
                color: tokens.accent,
                size: 22.0,
                hint: text::watch::BLINKING_HINT,
            },
            Gauge {
                label: text::watch::PERCLOS,
                value: perclos,
                mark: Some(drowsy_perclos),
                captions: &perclos_at,
                color: tokens.accent,
                size: 17.0,
                ..Gauge::default()
            },
            Gauge {
                label: text::watch::YAWN,
                value: share(reading.map(|reading| reading.yawn)),
                ..plain
            },
        ],
    ];
    if inner.width() >= TWO_COLUMNS {
        let width = (inner.width() - 2.0 * GAP) / 2.0;
        for (at, gauges) in columns.into_iter().enumerate() {
            let left = inner.left() + at as f32 * (width + 2.0 * GAP);
            let rect = Rect::from_min_size(
                eframe::egui::pos2(left, inner.top()),
                vec2(width, inner.height()),
            );
            column(&mut inside(ui, rect, if at == 0 { "signs 1" } else { "signs 2" }), gauges);
        }
    } else {
        let all: Vec<Gauge<'_>> = columns.into_iter().flatten().collect();
        let small = all.into_iter().map(|gauge| Gauge {
            size: if gauge.label == text::watch::DROWSY { 20.0 } else { 13.0 },
            captions: &[],
            ..gauge
        });
        column(&mut inside(ui, inner, "signs 1"), small.collect());
    }
}

/// Gauges below each other, larger and spread where there is room; without captions where
/// it is low.
fn column(ui: &mut Ui, gauges: Vec<Gauge<'_>>) {
    let room = ui.available_height();
    let roomy = room >= ROOMY;
    let scale = (room / (ROOMY + 16.0)).clamp(1.0, 1.35);
    let spread = if roomy { (room - ROOMY * scale) / 3.0 } else { 4.0 };
    ui.spacing_mut().item_spacing.y = spread.clamp(2.0, 30.0);
    for each in gauges {
        let captions = if roomy { each.captions } else { &[] };
        gauge(ui, &Gauge { captions, size: each.size * scale, ..each });
    }
}
