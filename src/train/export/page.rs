//! The card of an exported model as a page to read.

use super::{Exported, PARITY_CROPS};
use crate::vit::{METADATA_KEY, ModelKind};

/// The card as a page to read.
pub(super) fn markdown(exported: &Exported, half: bool) -> String {
    let card = &exported.card;
    let title = match card.kind {
        ModelKind::Detector => "face detector",
        ModelKind::Mae => "masked autoencoder",
        ModelKind::Landmarks => "landmark network",
        ModelKind::Drowsiness => "drowsiness classifier",
        ModelKind::Blinks => "blink model",
    };
    let or = |text: &str, other: &str| if text.is_empty() { other.into() } else { text.to_owned() };
    let mut page = format!(
        "# {} ({title})\n\nWritten by wakewatch {}. All of this stands in the file's metadata as \
         well, under `{METADATA_KEY}`.\n\n",
        card.name, card.version
    );
    let precision = if half { "matrices in half precision" } else { "full precision" };
    let mut rows = vec![
        ("Input", format!("{0} x {0} px, patches of {1} px", card.image_px, card.patch_px)),
        ("Size", format!("{} kB, {precision}", exported.bytes / 1000)),
        ("Trained on", or(&card.trained_on, "not stated")),
        ("Held out", or(&card.split, "not stated")),
        ("Data digest", format!("`{}`", card.data_digest)),
        ("Licence", card.licence.clone()),
        ("Limits", card.limits.clone()),
        (
            "ONNX Runtime against burn",
            format!(
                "differs by at most {:.1e} over {} random and {} real crops",
                exported.difference, PARITY_CROPS, exported.real_crops
            ),
        ),
    ];
    if half {
        let moved = format!("moves a value by at most {:.1e}", exported.rounding);
        rows.push(("Half precision", moved));
    }
    if card.kind == ModelKind::Drowsiness {
        rows.push(("Drowsy from", format!("probability {:.2}", card.threshold)));
    }
    page += "| | |\n|---|---|\n";
    for (name, value) in rows {
        page += &format!("| {name} | {} |\n", value.replace('|', "\\|").replace('\n', " "));
    }
    page += "\n| On held-out crops | |\n|---|---|\n";
    for (name, value) in &card.metrics {
        page += &format!("| `{name}` | {value} |\n");
    }
    page
}
