//! What a model of each kind must look like: what its card may claim, and the names and
//! shapes of the inputs and outputs of its graph.

use ort::value::{Outlet, TensorElementType};

use crate::vit::{BLINK_FEATURES, ModelCard, ModelKind, PatchGrid, blaze, cells};

/// Largest input side in pixels that a card may ask for.
const MOST_PX: usize = 1024;
/// The classes of the classifier, in the order of its output `probs`.
const CLASSES: [&str; 2] = ["awake", "drowsy"];

/// Name and shape of an input or output; the first dimension, the batch, is left out.
pub(super) struct Port {
    pub(super) name: &'static str,
    pub(super) shape: Vec<usize>,
}

/// What the graph of a kind of model must look like.
pub(super) fn ports(card: &ModelCard) -> (Vec<Port>, Vec<Port>) {
    let port = |name, shape: &[usize]| Port { name, shape: shape.into() };
    let px = card.image_px;
    let patches = grid(card).patches();
    let image = port("image", &[card.channels, px, px]);
    match card.kind {
        ModelKind::Detector if card.channels == 3 => (
            vec![port(blaze::INPUT, &[px, px, 3])],
            (0..2)
                .flat_map(|grid| {
                    let answers = blaze::ANSWERS[grid];
                    [
                        port(blaze::SCORES[grid], &[answers, 1]),
                        port(blaze::BOXES[grid], &[answers, blaze::VALUES]),
                    ]
                })
                .collect(),
        ),
        ModelKind::Detector => {
            (vec![image], vec![port("faces", &[cells::VALUES, cells::count(px, px)])])
        }
        ModelKind::Landmarks => (
            vec![image],
            vec![port("points", &[68, 2]), port("confidence", &[1]), port("visible", &[3])],
        ),
        ModelKind::Drowsiness => {
            let mut outputs =
                vec![port("probs", &[2]), port("signs", &[2]), port("attention", &[patches])];
            if has_eye_heads(card) {
                outputs.extend([port("eyes", &[2, 2]), port("looking_down", &[1])]);
            }
            (vec![image, port("patch_keep", &[patches])], outputs)
        }
        ModelKind::Mae => (
            vec![image, port("patch_keep", &[patches])],
            vec![port("reconstruction", &[3, px, px])],
        ),
        ModelKind::Blinks => {
            (vec![port("features", &[BLINK_FEATURES])], vec![port("scores", &[1])])
        }
    }
}

/// The patch grid that a card describes; the card has been checked.
pub(super) fn grid(card: &ModelCard) -> PatchGrid {
    let patch_px = card.patch_px.max(1);
    PatchGrid { side: card.image_px / patch_px, patch_px }
}

/// Whether a classifier has heads on the eyes' tokens.
pub(super) fn has_eye_heads(card: &ModelCard) -> bool {
    card.vit.as_ref().is_some_and(|vit| vit.eye_heads)
}

/// What a card claims must be possible before anything is allocated by it.
pub(super) fn check_card(card: &ModelCard) -> Result<(), String> {
    if card.kind == ModelKind::Blinks {
        return Ok(());
    }
    let channels = match card.kind {
        ModelKind::Landmarks => 1,
        // One of ours is grey; BlazeFace, which looks at colours and one canvas alone, is not.
        ModelKind::Detector if card.channels == 1 => 1,
        ModelKind::Detector if card.image_px == blaze::CANVAS_PX => 3,
        ModelKind::Detector => 1,
        _ => 3,
    };
    let patches = grid(card).patches();
    if card.image_px == 0 || card.image_px > MOST_PX {
        return Err(format!("an input of {} px instead of 1 to {MOST_PX}", card.image_px));
    }
    if card.patch_px == 0 || !card.image_px.is_multiple_of(card.patch_px) {
        return Err(format!("patches of {} px do not tile {} px", card.patch_px, card.image_px));
    }
    let step = cells::STRIDES[cells::STRIDES.len() - 1];
    if card.kind == ModelKind::Detector && !card.image_px.is_multiple_of(step) {
        return Err(format!("{} px are no multiple of {step}", card.image_px));
    }
    if card.channels != channels {
        return Err(format!("{} channels instead of {channels}", card.channels));
    }
    if card.kind == ModelKind::Drowsiness {
        if card.labels != CLASSES {
            return Err(format!("the labels {:?} instead of {CLASSES:?}", card.labels));
        }
        if card.q_mask.len() != patches {
            return Err(format!("a Q mask of {} entries for {patches} patches", card.q_mask.len()));
        }
    }
    Ok(())
}

pub(super) fn check_ports(
    what: &str,
    ports: &[Port],
    outlets: &[Outlet],
    batch: Option<usize>,
) -> Result<(), String> {
    for Port { name, shape } in ports {
        let Some(outlet) = outlets.iter().find(|outlet| outlet.name() == *name) else {
            return Err(format!("it has no {what} called {name}"));
        };
        let of_f32 = outlet.dtype().tensor_type() == Some(TensorElementType::Float32);
        let found = outlet.dtype().tensor_shape().map_or(&[][..], |shape| shape);
        // -1 stands for a size that is known only at run time; the trial run knows.
        let fits = found.len() == shape.len() + 1
            && found.iter().skip(1).zip(shape).all(|(&is, &must)| is < 0 || is == must as i64)
            && batch.map_or(found[0] < 0, |batch| found[0] == batch as i64);
        if !of_f32 || !fits {
            return Err(format!(
                "its {what} {name} is {} where f32 [batch, {}] is needed",
                outlet.dtype(),
                shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            ));
        }
    }
    Ok(())
}
