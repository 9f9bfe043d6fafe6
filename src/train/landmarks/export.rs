//! From the landmark network to a model file, and the check of the file against ONNX
//! Runtime.

use std::{fs, path::Path};

use burn::{
    nn::{Linear, conv::Conv2d},
    tensor::{Device, Tensor, activation::sigmoid},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    IMAGE_PX, LandmarkNet,
    eyes::{EYE_PX, EYE_SPAN, EyeNet, RIGHT_ORDER, cut_grid},
    net::{EPSILON, FACE_PX, Layer, POINT_SCALE, Stage, VOTING, Votes, cell_middles},
};
use crate::{
    infer::{Device as RunOn, LoadedModel, ModelSource, RuntimeOptions},
    train::{
        TrainError, checkpoint,
        export::{ExportOptions, Exported, PARITY},
        onnx::{Dim, GraphBuilder, Value},
        record::{BEST, write_whole},
        weights::values,
    },
    vit::{METADATA_KEY, ModelCard, ModelKind},
};

/// The card of the best weights, in the folder of a landmark training.
pub const CARD_FILE: &str = "card.json";

/// Encodes the network with its card as ONNX: input `image [N,1,160,160]`; outputs
/// `points [N,68,2]`, `confidence [N,1]` and `visible [N,3]`, the latter two 0..1.
///
/// # Errors
/// When a weight has another shape than the network says.
pub fn export_landmarks(net: &LandmarkNet, card: &ModelCard) -> Result<Vec<u8>, TrainError> {
    let mut graph = GraphBuilder::new("landmarks");
    let side = Dim::Fixed(IMAGE_PX);
    let batch = Dim::Named("N");
    let image = graph.input("image", &[batch, Dim::Fixed(1), side, side]);

    let half = FACE_PX as i64;
    let pairs = graph.reshape(&image, &[0, 1, half, 2, half, 2]);
    let small = graph.reduce_mean(&pairs, &[3, 5]);
    let mut x = graph.instance_norm(&small, &[1.0], &[0.0], EPSILON);
    let mut levels = Vec::with_capacity(net.stages.len());
    for part in &net.stages {
        x = stage(&mut graph, &x, part)?;
        levels.push(x.clone());
    }
    let mut joined = levels[VOTING].clone();
    if let [near, wide] = net.context.as_slice() {
        let near = pointwise(&mut graph, &levels[VOTING + 1], near)?;
        let [channels, side] = [near_channels(net), (FACE_PX >> (VOTING + 2)) as i64];
        let near = graph.reshape(&near, &[0, channels, side, 1, side, 1]);
        let twice = graph.constant_i64("twice", &[1, 1, 1, 2, 1, 2]);
        let near = graph.expand(&near, &twice);
        let near = graph.reshape(&near, &[0, channels, 2 * side, 2 * side]);
        joined = graph.add(&joined, &near);
        let whole = graph.reduce_mean(&x, &[2, 3]);
        let whole = graph.reshape(&whole, &[0, -1, 1, 1]);
        let whole = pointwise(&mut graph, &whole, wide)?;
        joined = graph.add(&joined, &whole);
    }
    let joined = graph.relu(&joined);
    let refined = layer(&mut graph, &joined, &net.join)?;
    let joined = graph.add(&refined, &joined);
    let points = votes(&mut graph, &joined, &net.votes)?;

    let [features, _] = net.hidden.weight.dims();
    let flat = graph.reshape(&x, &[0, features as i64]);
    let hidden = linear(&mut graph, &flat, &net.hidden)?;
    let hidden = graph.relu(&hidden);
    let judged = linear(&mut graph, &hidden, &net.judge)?;
    let judged = graph.sigmoid(&judged);
    let confidence = graph.slice(&judged, 1, 0, 1);
    let visible = graph.slice(&judged, 1, 1, 4);

    let points = eyes(&mut graph, &net.eyes, [&image, &points, &visible])?;
    graph.output(&points, "points", &[batch, Dim::Fixed(68), Dim::Fixed(2)]);
    graph.output(&confidence, "confidence", &[batch, Dim::Fixed(1)]);
    graph.output(&visible, "visible", &[batch, Dim::Fixed(3)]);
    Ok(graph.finish(&[(METADATA_KEY, &serde_json::to_string(card)?)])?)
}

fn near_channels(net: &LandmarkNet) -> i64 {
    net.votes.project.weight.dims()[1] as i64
}

/// [`Votes::forward`]: the points, `[N, points, 2]`.
fn votes(graph: &mut GraphBuilder, x: &Value, votes: &Votes) -> Result<Value, TrainError> {
    let [points, cells] = votes.prior.dims();
    let said = pointwise(graph, x, &votes.project)?;
    let said = graph.reshape(&said, &[0, 3 * points as i64, cells as i64]);
    let mut part =
        |at: usize| graph.slice(&said, 1, (at * points) as i64, ((at + 1) * points) as i64);
    let [logits, x, y] = [part(0), part(1), part(2)];
    let prior = graph.constant("prior", &[1, points, cells], &values(&votes.prior.val())?);
    let logits = graph.add(&logits, &prior);
    let weights = graph.softmax(&logits, 2);
    let middles = cell_middles(cells.isqrt());
    let middles = graph.constant("cells", &[cells, 2], middles.as_flattened());
    let voters = graph.matmul(&weights, &middles);
    let scale = graph.constant("scale", &[cells, 1], &vec![POINT_SCALE; cells]);
    let mut offset = |offset: &Value| {
        let weighted = graph.mul(&weights, offset);
        graph.matmul(&weighted, &scale)
    };
    let [x, y] = [offset(&x), offset(&y)];
    let offsets = graph.concat(&[&x, &y], 2);
    Ok(graph.add(&voters, &offsets))
}

/// [`EyeNet::refine`]: `image`, `points [N,68,2]` and `visible` to the points.
fn eyes(
    graph: &mut GraphBuilder,
    net: &EyeNet,
    [image, points, visible]: [&Value; 3],
) -> Result<Value, TrainError> {
    let rough = [36, 42].map(|first| graph.slice(points, 1, first, first + 6));
    let middles = [0, 1].map(|eye| {
        let middle = graph.reduce_mean(&rough[eye], &[1]);
        graph.reshape(&middle, &[0, 1, 2])
    });
    let along = graph.sub(&middles[1], &middles[0]);
    let half = graph.constant("half", &[1], &[EYE_SPAN / 2.0]);
    let along = graph.mul(&along, &half);
    let quarter = graph.constant("quarter", &[2, 2], &[0.0, 1.0, -1.0, 0.0]);
    let down = graph.matmul(&along, &quarter);
    let back = graph.node("Neg", &[&along], vec![]);
    let axes = [graph.concat(&[&along, &down], 1), graph.concat(&[&back, &down], 1)];

    let base = graph.constant("base", &[1, EYE_PX * EYE_PX, 2], &cut_grid());
    let [one, two] = [1.0, 2.0].map(|value| graph.constant("number", &[1], &[value]));
    let cuts = [0, 1].map(|eye| {
        let at = graph.matmul(&base, &axes[eye]);
        let at = graph.add(&at, &middles[eye]);
        let at = graph.mul(&at, &two);
        let at = graph.sub(&at, &one);
        let grid = graph.reshape(&at, &[-1, EYE_PX as i64, EYE_PX as i64, 2]);
        graph.grid_sample(image, &grid)
    });
    // Both eyes of a face beside each other: [N, 2, ...] as a batch of 2 N.
    let cuts = graph.concat(&[&cuts[0], &cuts[1]], 1);
    let cuts = graph.reshape(&cuts, &[-1, 1, EYE_PX as i64, EYE_PX as i64]);
    let mut x = graph.instance_norm(&cuts, &[1.0], &[0.0], EPSILON);
    for part in &net.stages {
        x = stage(graph, &x, part)?;
    }
    let said = votes(graph, &x, &net.votes)?;
    let said = graph.mul(&said, &two);
    let said = graph.sub(&said, &one);
    let said = graph.reshape(&said, &[-1, 2, 6, 2]);

    let mut parts = vec![graph.slice(points, 1, 0, 36)];
    for eye in 0..2 {
        let at = eye as i64;
        let said = graph.slice(&said, 1, at, at + 1);
        let said = graph.reshape(&said, &[-1, 6, 2]);
        let placed = graph.matmul(&said, &axes[eye]);
        let mut placed = graph.add(&placed, &middles[eye]);
        if eye == 1 {
            placed = graph.gather(&placed, 1, &RIGHT_ORDER.map(|index| index as i64));
        }
        let share = graph.slice(visible, 1, at, at + 1);
        let share = graph.reshape(&share, &[0, 1, 1]);
        let change = graph.sub(&placed, &rough[eye]);
        let change = graph.mul(&change, &share);
        parts.push(graph.add(&rough[eye], &change));
    }
    parts.push(graph.slice(points, 1, 48, 68));
    Ok(graph.concat(&parts.iter().collect::<Vec<_>>(), 1))
}

fn stage(graph: &mut GraphBuilder, x: &Value, stage: &Stage) -> Result<Value, TrainError> {
    let x = layer(graph, x, &stage.down)?;
    let Some(refine) = &stage.refine else { return Ok(x) };
    let refined = layer(graph, &x, refine)?;
    Ok(graph.add(&refined, &x))
}

/// A 1x1 convolution.
fn pointwise(graph: &mut GraphBuilder, x: &Value, layer: &Conv2d) -> Result<Value, TrainError> {
    let weight = layer.weight.val();
    let bias = match &layer.bias {
        Some(bias) => values(&bias.val())?,
        None => vec![0.0; weight.dims()[0]],
    };
    Ok(graph.conv2d(x, weight.dims(), &values(&weight)?, &bias, 1, 0, 1))
}

/// The convolution with its normalisation folded in, and ReLU.
fn layer(graph: &mut GraphBuilder, x: &Value, layer: &Layer) -> Result<Value, TrainError> {
    let weight = layer.convolution.weight.val();
    let shape = weight.dims();
    let norm = &layer.norm;
    let (gamma, beta) = (values(&norm.gamma.val())?, values(&norm.beta.val())?);
    let mean = values(&norm.running_mean.value())?;
    let variance = values(&norm.running_var.value())?;
    let scale: Vec<f32> = gamma
        .iter()
        .zip(variance)
        .map(|(gamma, variance)| gamma / (variance + norm.epsilon as f32).sqrt())
        .collect();
    let bias: Vec<f32> = beta
        .iter()
        .zip(mean)
        .zip(&scale)
        .map(|((beta, mean), scale)| beta - mean * scale)
        .collect();
    let mut weights = values(&weight)?;
    for (kernel, scale) in weights.chunks_mut(shape[1..].iter().product()).zip(scale) {
        kernel.iter_mut().for_each(|value| *value *= scale);
    }
    let stride = layer.convolution.stride[0];
    let folded = graph.conv2d(x, shape, &weights, &bias, stride, 1, 1);
    Ok(graph.relu(&folded))
}

fn linear(graph: &mut GraphBuilder, x: &Value, layer: &Linear) -> Result<Value, TrainError> {
    let weight = layer.weight.val();
    let [inputs, outputs] = weight.dims();
    let bias = layer.bias.as_ref().map(|bias| values(&bias.val()));
    let bias = bias.unwrap_or_else(|| Ok(vec![0.0; outputs]))?;
    Ok(graph.linear(x, inputs, outputs, &values(&weight)?, &bias))
}

/// Largest difference of an output (points in the unit square, shares 0..1) between burn
/// and ONNX Runtime on random pictures.
///
/// # Errors
/// When ONNX Runtime is missing or refuses the model.
pub fn difference(net: &LandmarkNet, file: &[u8]) -> Result<f32, TrainError> {
    const PICTURES: usize = 3;
    let mut rng = ChaCha8Rng::seed_from_u64(96);
    let shape = [PICTURES, 1, IMAGE_PX, IMAGE_PX];
    let image: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random()).collect();
    let tensor = Tensor::<1>::from_floats(image.as_slice(), &Device::flex()).reshape(shape);
    let ours = net.forward(&tensor);
    let options = RuntimeOptions { device: RunOn::Cpu, threads: 1 };
    let source = ModelSource::Bytes(file.into());
    let mut model = LoadedModel::load(&source, ModelKind::Landmarks, &options)?;
    let theirs = model.run(&[("image", &shape, &image)])?;
    let pairs = [
        (values(&ours.points)?, theirs.get("points", &[PICTURES, 68, 2])?),
        (values(&sigmoid(ours.confidence))?, theirs.get("confidence", &[PICTURES, 1])?),
        (values(&sigmoid(ours.visible))?, theirs.get("visible", &[PICTURES, 3])?),
    ];
    // NaN must come through, so not f32::max.
    let larger = |most: f32, d: f32| if d > most || d.is_nan() { d } else { most };
    let all = pairs.iter().flat_map(|(a, b)| a.iter().zip(*b).map(|(a, b)| (a - b).abs()));
    Ok(all.fold(0.0, larger))
}

/// Exports the best weights of a landmark training's folder, checked against ONNX
/// Runtime before anything is put in place.
///
/// # Errors
/// When the folder is not one of a landmark training, ONNX Runtime is missing or computes
/// something else, or the file cannot be written.
pub fn export_run(options: &ExportOptions) -> Result<Exported, TrainError> {
    let path = options.checkpoint.join(CARD_FILE);
    let json = fs::read_to_string(&path).map_err(TrainError::io(&path, "read"))?;
    let card = ModelCard::parse(Some(&json), ModelKind::Landmarks)
        .map_err(|error| TrainError::Config { path, why: error.to_string() })?;
    let net = LandmarkNet::new(&[[0.5; 2]; 68], &Device::flex());
    let net = checkpoint::load_average(&options.checkpoint.join(BEST), net)?;
    let bytes = export_landmarks(&net, &card)?;
    let difference = difference(&net, &bytes)?;
    if difference.is_nan() || difference >= PARITY {
        return Err(TrainError::Parity { path: options.out.clone(), difference });
    }
    write_whole(&options.out, &bytes)?;
    Ok(Exported { card, bytes: bytes.len(), difference, real_crops: 0, rounding: 0.0, file: bytes })
}

/// Whether this is the folder of a landmark training.
pub fn is_run(folder: &Path) -> bool {
    folder.join(CARD_FILE).is_file()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::fixtures;
    use burn::{module::Module, tensor::Distribution};

    #[test]
    fn the_file_computes_what_the_network_computes() {
        if !fixtures::runtime_is_here() {
            return;
        }
        let device = Device::flex().autodiff();
        device.seed(11);
        let mean = crate::train::landmarks::eyes::tests::mean_shape();
        let net = || LandmarkNet::new(&mean, &device);
        let trained = net();
        // Running statistics other than the initial ones, as after a training.
        for _ in 0..3 {
            let image = Tensor::random([2, 1, IMAGE_PX, IMAGE_PX], Distribution::Default, &device);
            trained.forward(&image);
        }
        let trained = trained.valid();
        let card = fixtures::card(ModelKind::Landmarks, IMAGE_PX, IMAGE_PX);
        let file = export_landmarks(&trained, &card).unwrap();
        assert!(file.len() < 3_000_000);
        let same = difference(&trained, &file).unwrap();
        assert!(same < PARITY, "{same}");
        let other = difference(&net().valid(), &file).unwrap();
        assert!(other > 100.0 * PARITY, "another network must be told apart: {other}");
    }
}
