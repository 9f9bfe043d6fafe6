//! From the landmark network to a model file, and the check of the file against ONNX
//! Runtime.

use std::{fs, path::Path};

use burn::{
    nn::Linear,
    tensor::{Device, Tensor, activation::sigmoid},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    IMAGE_PX, LandmarkNet,
    net::{EPSILON, Layer, POINT_SCALE},
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

/// Encodes the network with its card as ONNX: input `image [N,1,96,96]`; outputs
/// `points [N,68,2]`, `confidence [N,1]` and `visible [N,3]`, the latter two 0..1.
///
/// # Errors
/// When a weight has another shape than the network says.
pub fn export_landmarks(net: &LandmarkNet, card: &ModelCard) -> Result<Vec<u8>, TrainError> {
    let mut graph = GraphBuilder::new("landmarks");
    let side = Dim::Fixed(IMAGE_PX);
    let batch = Dim::Named("N");
    let image = graph.input("image", &[batch, Dim::Fixed(1), side, side]);
    let mut x = graph.instance_norm(&image, &[1.0], &[0.0], EPSILON);
    for stage in &net.stages {
        x = layer(&mut graph, &x, &stage.down)?;
        if let Some(refine) = &stage.refine {
            let refined = layer(&mut graph, &x, refine)?;
            x = graph.add(&refined, &x);
        }
    }
    let [features, _] = net.hidden.weight.dims();
    let flat = graph.reshape(&x, &[0, features as i64]);
    let hidden = linear(&mut graph, &flat, &net.hidden)?;
    let hidden = graph.relu(&hidden);
    let out = linear(&mut graph, &hidden, &net.head)?;
    let points = graph.slice(&out, 1, 0, 136);
    let scale = graph.constant("scale", &[1], &[POINT_SCALE]);
    let points = graph.mul(&points, &scale);
    let points = graph.reshape(&points, &[0, 68, 2]);
    graph.output(&points, "points", &[batch, Dim::Fixed(68), Dim::Fixed(2)]);
    for (name, start, end) in [("confidence", 136, 137), ("visible", 137, 140)] {
        let logits = graph.slice(&out, 1, start, end);
        let shares = graph.sigmoid(&logits);
        graph.output(&shares, name, &[batch, Dim::Fixed((end - start) as usize)]);
    }
    Ok(graph.finish(&[(METADATA_KEY, &serde_json::to_string(card)?)])?)
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
    let ours = net.forward(tensor);
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
        let mean = std::array::from_fn(|i| [i as f32 / 68.0, 0.4]);
        let net = || LandmarkNet::new(&mean, &device);
        let trained = net();
        // Running statistics other than the initial ones, as after a training.
        for _ in 0..3 {
            let image = Tensor::random([2, 1, IMAGE_PX, IMAGE_PX], Distribution::Default, &device);
            trained.forward(image);
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
