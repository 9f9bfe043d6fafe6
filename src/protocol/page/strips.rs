//! A strip of the pictures that a cell showed, drawn again for the page: small PNGs inside
//! it, each with what was told at that moment.

use std::io::Cursor;

use base64::{Engine, prelude::BASE64_STANDARD};
use image::{ImageFormat, RgbImage, imageops};
use maud::{Markup, html};

use crate::{
    protocol::{Cell, Change, Play, Played, ProtocolError, judge::word},
    source::{Source, demo::Demo},
};

/// Pictures of a strip.
const PICTURES: usize = 6;
/// Width of a picture, pixels.
const WIDTH: u32 = 152;
/// Moments closer than this show the same, seconds.
const APART_S: f64 = 0.3;

/// The strip of a cell.
pub(super) fn strip(cell: &Cell, played: &Played, play: &Play) -> Result<Markup, ProtocolError> {
    let failed = |why| ProtocolError::Draw { cell: cell.id.clone(), why };
    let mut demo = Demo::play(&cell.script, &play.open()).map_err(failed)?;
    let mut figures = Vec::new();
    for at in moments(cell, played) {
        demo.skip_to((at * f64::from(play.fps)).round() as u64);
        let Some(frame) = demo.next_frame().map_err(failed)? else { continue };
        let (data, height) = data(&frame.image);
        let told = played.told.iter().take_while(|change| change.at <= at + 1e-3).last();
        let says = told.map_or("nothing yet".into(), |Change { state, level, .. }| {
            format!("{}, {}", word(state), word(level))
        });
        let alt = format!("the drawn driver at {at:.1} s");
        figures.push(html! {
            figure {
                img alt=(alt) width=(WIDTH) height=(height)
                    src={ "data:image/png;base64," (data) };
                figcaption { (format_args!("{at:.1} s: ")) (says) }
            }
        });
    }
    Ok(html! { div.strip { @for figure in figures { (figure) } } })
}

/// The moments that tell most: before anything happens, when something must be told or was
/// told needlessly, and when something was told.
fn moments(cell: &Cell, played: &Played) -> Vec<f64> {
    let end = f64::from(cell.script.seconds);
    let judged = &played.judged;
    let needless = judged.needless.iter().flat_map(|needless| [needless.at - 1.0, needless.at]);
    let tells = cell.tells.iter().flat_map(|tell| [tell.since + 0.5, tell.since + tell.by]);
    let told = cell
        .tells
        .iter()
        .zip(&judged.answers)
        .filter_map(|(tell, answer)| Some(tell.since + answer.delay?));
    let others = played.told.iter().map(|change| change.at);
    let spread = (1..PICTURES).map(|part| end * part as f64 / PICTURES as f64);
    let mut chosen: Vec<f64> = Vec::new();
    let wanted = needless.chain(tells).chain(told).chain([2.0]).chain(others).chain(spread);
    for at in wanted.map(|at| at.clamp(0.0, end - 0.1)) {
        if chosen.len() < PICTURES && chosen.iter().all(|other| (other - at).abs() >= APART_S) {
            chosen.push(at);
        }
    }
    chosen.sort_by(f64::total_cmp);
    chosen
}

/// A small picture as text, and its height.
fn data(image: &RgbImage) -> (String, u32) {
    let height = (image.height() * WIDTH / image.width().max(1)).max(1);
    let small = imageops::thumbnail(image, WIDTH, height);
    let mut png = Cursor::new(Vec::new());
    // Written to memory, which does not fail; without a picture the caption still stands.
    let written = small.write_to(&mut png, ImageFormat::Png);
    (written.map(|()| BASE64_STANDARD.encode(png.get_ref())).unwrap_or_default(), height)
}
