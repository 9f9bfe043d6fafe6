//! From the detector to a model file, and the check of the file against ONNX Runtime.

use burn::tensor::{Device, Tensor, activation::sigmoid};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::net::{DetectorNet, FIRST, LEAST_LIGHT};
use crate::{
    infer::{Device as RunOn, LoadedModel, ModelSource, RuntimeOptions},
    onnx::{Dim, GraphBuilder},
    train::{
        TrainError, checkpoint,
        export::{self, ExportOptions, Exported},
        landmarks::{
            blocks::EPSILON,
            export::{layer, pointwise, stage},
        },
        record::{BEST, RunRecord},
        weights::values,
    },
    vit::{
        METADATA_KEY, ModelCard, ModelKind,
        cells::{self, VALUES},
    },
};

/// Length of the longer side of the canvas that a frame is looked at on, in pixels.
const CANVAS_PX: usize = 256;
const LIMITS: &str = "finds faces of 4% of the picture's longer side and more, turned by up \
    to 60 degrees; what lies on its head is no face to it. Learned from the boxes of another \
    detector (YuNet) on photographs and films, few of them from cars at night";

/// Exports the best weights of a detector training's folder, checked against ONNX Runtime
/// before anything is put in place.
///
/// # Errors
/// When the weights are not those of a detector, ONNX Runtime is missing or computes
/// something else, or the file cannot be written.
pub(crate) fn export_run(
    options: &ExportOptions,
    record: &RunRecord,
) -> Result<Exported, TrainError> {
    let net = DetectorNet::new(&Device::flex());
    let net = checkpoint::load_average(&options.checkpoint.join(BEST), net)?;
    let card = card(record);
    let file = export_detector(&net, &card)?;
    let difference = difference(&net, &file)?;
    export::put(options, card, file, difference)
}

/// The card of a run.
fn card(record: &RunRecord) -> ModelCard {
    ModelCard {
        image_px: CANVAS_PX,
        patch_px: CANVAS_PX,
        channels: 1,
        mean: vec![0.0],
        std: vec![1.0],
        labels: vec!["face".into()],
        q_mask: vec![1],
        limits: LIMITS.into(),
        vit: None,
        ..export::card(record)
    }
}

/// Encodes the network with its card as ONNX: input `image [N,1,H,W]` (grey 0..1, height
/// and width multiples of 32), output `faces [N,VALUES,cells]` with scores 0..1; see
/// [`cells`](crate::vit::cells).
///
/// # Errors
/// When a weight has another shape than the network says.
pub(crate) fn export_detector(net: &DetectorNet, card: &ModelCard) -> Result<Vec<u8>, TrainError> {
    let mut graph = GraphBuilder::new("detector");
    let [batch, height, width] = [Dim::Named("N"), Dim::Named("H"), Dim::Named("W")];
    let image = graph.input("image", &[batch, Dim::Fixed(1), height, width]);
    let least = graph.constant("least", &[1], &[LEAST_LIGHT]);
    let light = graph.add(&image, &least);
    let light = graph.node("Log", &[&light], vec![]);
    let mut x = graph.instance_norm(&light, &[1.0], &[0.0], EPSILON);
    let mut levels = Vec::new();
    for (at, part) in net.stages.iter().enumerate() {
        x = stage(&mut graph, &x, part)?;
        if at >= FIRST {
            levels.push(x.clone());
        }
    }
    let mut wider = None;
    let mut answers = Vec::new();
    let parts = net.lateral.iter().zip(&net.heads).zip(&net.answers);
    for (x, ((lateral, head), answer)) in levels.iter().zip(parts).rev() {
        let mut joined = pointwise(&mut graph, x, lateral)?;
        if let Some(wider) = &wider {
            let wider = graph.double(wider);
            joined = graph.add(&joined, &wider);
        }
        wider = Some(joined.clone());
        let looked = graph.relu(&joined);
        let looked = layer(&mut graph, &looked, head)?;
        let said = pointwise(&mut graph, &looked, answer)?;
        answers.push(graph.reshape(&said, &[0, VALUES as i64, -1]));
    }
    answers.reverse();
    let said = graph.concat(&answers.iter().collect::<Vec<_>>(), 2);
    let [score, places] = graph.split(&said, 1, [1, VALUES as i64 - 1]);
    let score = graph.sigmoid(&score);
    let faces = graph.concat(&[&score, &places], 1);
    graph.output(&faces, "faces", &[batch, Dim::Fixed(VALUES), Dim::Named("cells")]);
    Ok(graph.finish(&[(METADATA_KEY, &serde_json::to_string(card)?)])?)
}

/// Largest difference of a score, or of a place in units of its level, between burn and
/// ONNX Runtime on random pictures of two sizes.
///
/// # Errors
/// When ONNX Runtime is missing or refuses the model.
pub(crate) fn difference(net: &DetectorNet, file: &[u8]) -> Result<f32, TrainError> {
    let mut rng = ChaCha8Rng::seed_from_u64(96);
    let options = RuntimeOptions { device: RunOn::Cpu, threads: 1 };
    let source = ModelSource::Bytes(file.into());
    let mut model = LoadedModel::load(&source, ModelKind::Detector, &options)?;
    let mut most = 0.0f32;
    for [height, width] in [[96, 128], [192, 160]] {
        let shape = [2, 1, height, width];
        let image: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random()).collect();
        let tensor = Tensor::<1>::from_floats(image.as_slice(), &Device::flex()).reshape(shape);
        let ours = net.forward(tensor);
        let [batch, _, size] = ours.dims();
        let score = sigmoid(ours.clone().slice([0..batch, 0..1, 0..size]));
        let ours = Tensor::cat(vec![score, ours.slice([0..batch, 1..VALUES, 0..size])], 1);
        let theirs = model.run(&[("image", &shape, &image)])?;
        let theirs = theirs.get("faces", &[2, VALUES, cells::count(width, height)])?;
        for (one, other) in values(&ours)?.iter().zip(theirs) {
            let off = (one - other).abs();
            // NaN must come through, so not f32::max.
            most = if off > most || off.is_nan() { off } else { most };
        }
    }
    Ok(most)
}
