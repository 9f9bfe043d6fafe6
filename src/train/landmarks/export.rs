//! From the landmark network to a model file, and the check of the file against ONNX
//! Runtime.

use burn::{
    nn::{Linear, conv::Conv2d},
    tensor::{Device, Tensor, activation::sigmoid},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    IMAGE_PX, LandmarkNet,
    blocks::{EPSILON, Layer, POINT_SCALE, Stage, Votes, cell_middles},
    eyes::{EYE_PX, EYE_SPAN, EyeNet, RIGHT_ORDER, cut_grid},
    net::VOTING,
};
use crate::{
    infer::{Device as RunOn, LoadedModel, ModelSource, RuntimeOptions},
    onnx::{Dim, GraphBuilder, Value},
    train::{
        TrainError, checkpoint,
        export::{self, ExportOptions, Exported},
        record::{BEST, RunRecord},
        weights::values,
    },
    vit::{METADATA_KEY, ModelCard, ModelKind},
};

const LIMITS: &str = "points of covered parts are guesses; heads turned away by more than about \
    60 degrees, faces under 40 pixels and lids of blurred pictures are placed badly";

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

    let small = graph.halve(&image);
    let mut x = graph.instance_norm(&small, &[1.0], &[0.0], EPSILON);
    let mut levels = Vec::with_capacity(net.stages.len());
    for part in &net.stages {
        x = stage(&mut graph, &x, part)?;
        levels.push(x.clone());
    }
    let mut joined = levels[VOTING].clone();
    if let [near, wide] = net.context.as_slice() {
        let near = pointwise(&mut graph, &levels[VOTING + 1], near)?;
        let whole = graph.mean_of_channels(&x);
        let whole = pointwise(&mut graph, &whole, wide)?;
        // What is the same everywhere is added while the cells are few.
        let around = graph.add(&near, &whole);
        let around = graph.double(&around);
        joined = graph.add(&joined, &around);
    }
    let joined = graph.relu(&joined);
    let refined = layer(&mut graph, &joined, &net.join)?;
    let joined = graph.add(&refined, &joined);
    let points = votes(&mut graph, &joined, &net.votes, UNIT)?;

    let [features, _] = net.visible[0].weight.dims();
    let flat = graph.reshape(&x, &[0, features as i64]);
    let mut judged = |[hidden, judge]: &[Linear; 2]| {
        let hidden = linear(&mut graph, &flat, hidden)?;
        let hidden = graph.relu(&hidden);
        let judged = linear(&mut graph, &hidden, judge)?;
        Ok::<_, TrainError>(graph.sigmoid(&judged))
    };
    let (visible, confidence) = (judged(&net.visible)?, judged(&net.confidence)?);

    let points = eyes(&mut graph, &net.eyes, [&image, &points, &visible])?;
    graph.output(&points, "points", &[batch, Dim::Fixed(68), Dim::Fixed(2)]);
    graph.output(&confidence, "confidence", &[batch, Dim::Fixed(1)]);
    graph.output(&visible, "visible", &[batch, Dim::Fixed(3)]);
    Ok(graph.finish(&[(METADATA_KEY, &serde_json::to_string(card)?)])?)
}

/// Where the unit square of [`votes`] lies on an axis: from where to where.
pub(super) type Span = [f32; 2];
/// The unit square itself.
pub(super) const UNIT: Span = [0.0, 1.0];
/// As the frame of an eye counts.
pub(super) const AROUND: Span = [-1.0, 1.0];

/// [`Votes::forward`]: the points, `[N, points, 2]`, on axes of the given span. The span
/// and the scale of the offsets go into the weights: ONNX Runtime spends more on a small
/// operator than on what it computes.
fn votes(
    graph: &mut GraphBuilder,
    x: &Value,
    votes: &Votes,
    [start, end]: Span,
) -> Result<Value, TrainError> {
    let [points, cells] = votes.prior.dims();
    let scale = POINT_SCALE * (end - start);
    let Kernel { shape, mut weight, mut bias } = kernel(&votes.project)?;
    let channels = shape[1..].iter().product::<usize>();
    weight[points * channels..].iter_mut().for_each(|value| *value *= scale);
    bias[points..].iter_mut().for_each(|value| *value *= scale);
    let said = graph.conv2d(x, shape, &weight, &bias, 1, 0, 1);
    let said = graph.reshape(&said, &[0, 3, points as i64, cells as i64]);
    let [logits, offsets] = graph.split(&said, 1, [1, 2]);
    let prior = graph.constant("prior", &[1, 1, points, cells], &values(&votes.prior.val())?);
    let logits = graph.add(&logits, &prior);
    let weights = graph.softmax(&logits, 3);
    let middles = cell_middles(cells.isqrt());
    let middles: Vec<f32> = [0, 1]
        .iter()
        .flat_map(|&axis| middles.iter().map(move |at| start + (end - start) * at[axis]))
        .collect();
    let middles = graph.constant("cells", &[1, 2, 1, cells], &middles);
    let places = graph.add(&offsets, &middles);
    let weighted = graph.mul(&places, &weights);
    let mean = graph.reduce_sum(&weighted, &[3]);
    Ok(graph.transpose(&mean, &[0, 2, 1]))
}

/// From the 24 coordinates of the rough eyes to their two frames: `[24, 2 * 3 * 2]`, for
/// each eye half a side to the right, half a side down, the middle (as
/// [`EyeFrame`](super::eyes::EyeFrame)): all of them are sums of the coordinates.
fn frames_of_eyes() -> Vec<f32> {
    const MEAN: f32 = 1.0 / 6.0;
    let half = EYE_SPAN / 2.0 * MEAN;
    let mut matrix = Vec::with_capacity(24 * 12);
    for point in 0..12 {
        let right_eye = point >= 6;
        // `along` = half * (middle of the right eye - middle of the left one).
        let along = if right_eye { half } else { -half };
        let [left_middle, right_middle] = if right_eye { [0.0, MEAN] } else { [MEAN, 0.0] };
        // Right, down and middle of the left eye, then of the right one, each x and y.
        matrix.extend([along, 0.0, 0.0, along, left_middle, 0.0]);
        matrix.extend([-along, 0.0, 0.0, along, right_middle, 0.0]);
        matrix.extend([0.0, along, -along, 0.0, 0.0, left_middle]);
        matrix.extend([0.0, -along, -along, 0.0, 0.0, right_middle]);
    }
    matrix
}

/// [`EyeNet::refine`]: `image`, `points [N,68,2]` and `visible` to the points.
fn eyes(
    graph: &mut GraphBuilder,
    net: &EyeNet,
    [image, points, visible]: [&Value; 3],
) -> Result<Value, TrainError> {
    const PX: i64 = EYE_PX as i64;
    let [before, rough, behind] = graph.split(points, 1, [36, 12, 20]);
    let flat = graph.reshape(&rough, &[0, 24]);
    let frames = graph.constant("frames", &[24, 12], &frames_of_eyes());
    let frames = graph.matmul(&flat, &frames);
    let frames = graph.reshape(&frames, &[-1, 2, 3, 2]);

    // Twice what lies at the pixels of the cut, less one: what GridSample counts in. All x of
    // an eye before all y, since a product of so many rows and two columns is slow.
    let across: Vec<f32> = frames_of_eyes()
        .chunks_exact(6)
        .flat_map(|frame| [0, 2, 4, 1, 3, 5].map(|at| 2.0 * frame[at]))
        .collect();
    let across = graph.constant("across", &[24, 12], &across);
    let less_one = graph.constant("less", &[12], &[0.0, 0.0, -1.0].repeat(4));
    let across = graph.matmul(&flat, &across);
    let across = graph.add(&across, &less_one);
    let across = graph.reshape(&across, &[-1, 2, 3]);
    let pixels = cut_grid();
    let along = |axis: usize| pixels.iter().skip(axis).step_by(2).copied();
    let pixels: Vec<f32> = along(0).chain(along(1)).chain(along(0).map(|_| 1.0)).collect();
    let pixels = graph.constant("pixels", &[3, EYE_PX * EYE_PX], &pixels);
    let grid = graph.matmul(&across, &pixels);
    let grid = graph.transpose(&grid, &[0, 2, 1]);
    // Both eyes of a face below each other, and then as a batch of 2 N.
    let grid = graph.reshape(&grid, &[-1, 2 * PX, PX, 2]);
    let cuts = graph.grid_sample(image, &grid);
    let cuts = graph.reshape(&cuts, &[-1, 1, PX, PX]);
    let mut x = graph.instance_norm(&cuts, &[1.0], &[0.0], EPSILON);
    for part in &net.stages {
        x = stage(graph, &x, part)?;
    }
    let said = votes(graph, &x, &net.votes, AROUND)?;
    let said = graph.reshape(&said, &[-1, 2, 6, 2]);
    let [axes, middles] = graph.split(&frames, 2, [2, 1]);
    let placed = graph.matmul(&said, &axes);
    let placed = graph.add(&placed, &middles);
    let placed = graph.reshape(&placed, &[-1, 12, 2]);
    let order = RIGHT_ORDER.map(|index| 6 + index as i64);
    let placed = graph.gather(&placed, 1, &[&[0, 1, 2, 3, 4, 5], order.as_slice()].concat());
    let share = graph.gather(visible, 1, &[0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
    let share = graph.reshape(&share, &[0, 12, 1]);
    let change = graph.sub(&placed, &rough);
    let change = graph.mul(&change, &share);
    let refined = graph.add(&rough, &change);
    Ok(graph.concat(&[&before, &refined, &behind], 1))
}

pub(in crate::train) fn stage(
    graph: &mut GraphBuilder,
    x: &Value,
    stage: &Stage,
) -> Result<Value, TrainError> {
    let x = layer(graph, x, &stage.down)?;
    let Some(refine) = &stage.refine else { return Ok(x) };
    let refined = layer(graph, &x, refine)?;
    Ok(graph.add(&refined, &x))
}

/// The numbers of a convolution.
struct Kernel {
    /// `[outputs, inputs, height, width]`.
    shape: [usize; 4],
    weight: Vec<f32>,
    bias: Vec<f32>,
}

fn kernel(layer: &Conv2d) -> Result<Kernel, TrainError> {
    let weight = layer.weight.val();
    let bias = match &layer.bias {
        Some(bias) => values(&bias.val())?,
        None => vec![0.0; weight.dims()[0]],
    };
    Ok(Kernel { shape: weight.dims(), weight: values(&weight)?, bias })
}

/// A 1x1 convolution.
pub(in crate::train) fn pointwise(
    graph: &mut GraphBuilder,
    x: &Value,
    layer: &Conv2d,
) -> Result<Value, TrainError> {
    let Kernel { shape, weight, bias } = kernel(layer)?;
    Ok(graph.conv2d(x, shape, &weight, &bias, 1, 0, 1))
}

/// The convolution with its normalisation folded in, and ReLU.
pub(in crate::train) fn layer(
    graph: &mut GraphBuilder,
    x: &Value,
    layer: &Layer,
) -> Result<Value, TrainError> {
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
pub(crate) fn difference(net: &LandmarkNet, file: &[u8]) -> Result<f32, TrainError> {
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
/// When the weights are not those of a landmark network, ONNX Runtime is missing or
/// computes something else, or the file cannot be written.
pub fn export_run(options: &ExportOptions, record: &RunRecord) -> Result<Exported, TrainError> {
    let card = card(record);
    let net = LandmarkNet::new(&[[0.5; 2]; 68], &Device::flex());
    let net = checkpoint::load_average(&options.checkpoint.join(BEST), net)?;
    let bytes = export_landmarks(&net, &card)?;
    let difference = difference(&net, &bytes)?;
    export::put(options, card, bytes, difference)
}

/// The card of a run.
fn card(record: &RunRecord) -> ModelCard {
    ModelCard {
        image_px: IMAGE_PX,
        patch_px: IMAGE_PX,
        channels: 1,
        mean: vec![0.0],
        std: vec![1.0],
        limits: LIMITS.into(),
        ..export::card(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{infer::fixtures, train::export::PARITY};
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
