//! Tiny models with the right names and shapes, for tests: written by our own ONNX
//! writer, so no file has to be kept.

use super::{RuntimeError, runtime};
use crate::{
    onnx::{Dim, GraphBuilder},
    vit::{METADATA_KEY, ModelCard, ModelKind, PatchGrid, QMask},
};

/// Whether ONNX Runtime is installed. A machine without it skips the tests that need it,
/// with a message, but not where `make test` has set it up (`WAKEWATCH_REQUIRE`); one with a
/// broken library fails.
pub(crate) fn runtime_is_here() -> bool {
    let may_skip = std::env::var_os("WAKEWATCH_REQUIRE").is_none();
    match runtime::init() {
        Ok(_) => true,
        Err(error @ RuntimeError::Missing(_)) if may_skip => {
            eprintln!("skipped: {error}");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// A card that fits the fixtures.
pub(crate) fn card(kind: ModelKind, image_px: usize, patch_px: usize) -> ModelCard {
    let channels = if kind == ModelKind::Landmarks { 1 } else { 3 };
    let grid = PatchGrid { side: image_px / patch_px, patch_px };
    ModelCard {
        kind,
        name: "fixture".into(),
        version: "0".into(),
        image_px,
        patch_px,
        channels,
        mean: vec![0.0; channels],
        std: vec![1.0; channels],
        labels: vec!["awake".into(), "drowsy".into()],
        q_mask: grid.keep(QMask::Landmark, [true; 4]).into_iter().map(u8::from).collect(),
        threshold: 0.5,
        licence: String::new(),
        trained_on: "nothing".into(),
        split: String::new(),
        limits: "a fixture for tests".into(),
        data_digest: String::new(),
        metrics: Default::default(),
        vit: None,
    }
}

const N: Dim = Dim::Named("N");

fn finish(graph: GraphBuilder, card: &ModelCard) -> Vec<u8> {
    graph.finish(&[(METADATA_KEY, &serde_json::to_string(card).unwrap())]).unwrap()
}

/// Always answers with `points` (of the unit square), a logit of `confidence`, and three
/// logits of visibility.
pub(crate) fn landmarks(points: &[[f32; 2]; 68], confidence: f32, visible: [f32; 3]) -> Vec<u8> {
    const PX: usize = 96;
    let mut graph = GraphBuilder::new("landmarks");
    let image = graph.input("image", &[N, Dim::Fixed(1), Dim::Fixed(PX), Dim::Fixed(PX)]);
    let rows = graph.reduce_mean(&image, &[1, 3]);
    let flat = graph.linear(&rows, PX, 136, &[0.0; PX * 136], points.as_flattened());
    let flat = graph.reshape(&flat, &[-1, 68, 2]);
    graph.output(&flat, "points", &[N, Dim::Fixed(68), Dim::Fixed(2)]);
    for (name, logits) in [("confidence", &[confidence][..]), ("visible", &visible)] {
        let sizes = logits.len();
        let value = graph.linear(&rows, PX, sizes, &vec![0.0; PX * sizes], logits);
        let value = graph.sigmoid(&value);
        graph.output(&value, name, &[N, Dim::Fixed(sizes)]);
    }
    finish(graph, &card(ModelKind::Landmarks, PX, PX))
}

/// Reads a red crop as drowsy and shares the attention among all kept patches.
pub(crate) fn drowsiness(image_px: usize, patch_px: usize) -> Vec<u8> {
    let card = card(ModelKind::Drowsiness, image_px, patch_px);
    let patches = card.q_mask.len();
    let mut graph = GraphBuilder::new("drowsiness");
    let image =
        graph.input("image", &[N, Dim::Fixed(3), Dim::Fixed(image_px), Dim::Fixed(image_px)]);
    let keep = graph.input("patch_keep", &[N, Dim::Fixed(patches)]);
    let colour = graph.reduce_mean(&image, &[2, 3]);
    let logits = graph.linear(&colour, 3, 2, &[0., 3., 0., 0., 0., 0.], &[0., 0.]);
    let probs = graph.softmax(&logits, -1);
    graph.output(&probs, "probs", &[N, Dim::Fixed(2)]);
    let signs = graph.sigmoid(&logits);
    graph.output(&signs, "signs", &[N, Dim::Fixed(2)]);
    let share = graph.constant("share", &[1], &[1.0 / patches as f32]);
    let attention = graph.mul(&keep, &share);
    graph.output(&attention, "attention", &[N, Dim::Fixed(patches)]);
    finish(graph, &card)
}

/// Gives the picture back as it came.
pub(crate) fn mae(image_px: usize, patch_px: usize) -> Vec<u8> {
    let card = card(ModelKind::Mae, image_px, patch_px);
    let shape = [N, Dim::Fixed(3), Dim::Fixed(image_px), Dim::Fixed(image_px)];
    let mut graph = GraphBuilder::new("mae");
    let image = graph.input("image", &shape);
    graph.input("patch_keep", &[N, Dim::Fixed(card.q_mask.len())]);
    graph.output(&image, "reconstruction", &shape);
    finish(graph, &card)
}
