//! From a model file back to the network: the other way of [`export`](super::export), so
//! that a training can begin from a model whose checkpoint is no more. The file holds the
//! normalisations folded into the convolutions; they are given values that change nothing,
//! and [`calibrate`] then makes them those of real pictures.

use std::{collections::HashMap, path::Path};

use burn::{
    module::{Param, RunningState},
    nn::{BatchNorm, Linear, conv::Conv2d},
    tensor::{Device, Tensor, TensorData},
};
use prost::Message;

use super::{
    LandmarkNet,
    blocks::{Layer, POINT_SCALE, Votes},
    export::{AROUND, Span, UNIT, difference, export_landmarks},
    loss::Batch,
};
use crate::{
    infer::{Device as RunOn, LoadedModel, ModelSource, RuntimeOptions},
    onnx::proto::{FLOAT, GraphProto, ModelProto, NodeProto, TensorProto},
    train::{
        TrainError,
        export::{self as train_export, ExportOptions, Exported},
        weights::values,
    },
    vit::ModelKind,
};

/// Largest file that is read, bytes.
const MAX_BYTES: u64 = 64 << 20;

/// `net` with the weights of an exported landmark model.
///
/// # Errors
/// When the file cannot be read, or is not a landmark model of this shape.
pub(crate) fn read(path: &Path, net: LandmarkNet) -> Result<LandmarkNet, TrainError> {
    let io = || TrainError::io(path, "read");
    let size = std::fs::metadata(path).map_err(io())?.len();
    let no_model = |why: String| TrainError::Data { path: path.into(), why };
    if size > MAX_BYTES {
        return Err(no_model(format!("{size} bytes are too many for a landmark model")));
    }
    let bytes = std::fs::read(path).map_err(io())?;
    decode(&bytes, net).map_err(|why| no_model(format!("it is no landmark model ({why})")))
}

/// The same from the file's bytes; the error says what does not fit.
pub(super) fn decode(bytes: &[u8], mut net: LandmarkNet) -> Result<LandmarkNet, String> {
    let model = ModelProto::decode(bytes).map_err(|error| error.to_string())?;
    let graph = model.graph.ok_or("there is no graph in it")?;
    let mut file = File::new(&graph);
    for stage in &mut net.stages {
        file.layer(&mut stage.down)?;
        stage.refine.as_mut().map_or(Ok(()), |refine| file.layer(refine))?;
    }
    for context in &mut net.context {
        file.convolution(context, |_| 1.0)?;
    }
    file.layer(&mut net.join)?;
    file.votes(&mut net.votes, UNIT)?;
    for layer in net.visible.iter_mut().chain(&mut net.confidence) {
        file.linear(layer)?;
    }
    for stage in &mut net.eyes.stages {
        file.layer(&mut stage.down)?;
        stage.refine.as_mut().map_or(Ok(()), |refine| file.layer(refine))?;
    }
    file.votes(&mut net.eyes.votes, AROUND)?;
    match file.convolutions.next() {
        None => Ok(net),
        Some(_) => Err("it has more layers than the network".into()),
    }
}

/// Writes an exported model anew, as the network is written today, checked in the same way.
///
/// # Errors
/// When the file is not a landmark model, or as [`export_run`](super::export_run).
pub(crate) fn export_again(options: &ExportOptions) -> Result<Exported, TrainError> {
    let model = ModelSource::File(options.checkpoint.clone());
    let run_on = RuntimeOptions { device: RunOn::Cpu, threads: 1 };
    let card = LoadedModel::load(&model, ModelKind::Landmarks, &run_on)?.card;
    let net = LandmarkNet::new(&[[0.5; 2]; 68], &Device::flex());
    let net = read(&options.checkpoint, net)?;
    let bytes = export_landmarks(&net, &card)?;
    let difference = difference(&net, &bytes)?;
    train_export::put(options, card, bytes, difference)
}

/// The weights of a file, in the order in which the network computes.
struct File<'a> {
    tensors: HashMap<&'a str, &'a TensorProto>,
    convolutions: std::vec::IntoIter<[&'a str; 2]>,
    /// Weight and bias of the full layers.
    linear: std::vec::IntoIter<[&'a str; 2]>,
    priors: std::vec::IntoIter<&'a str>,
}

impl<'a> File<'a> {
    fn new(graph: &'a GraphProto) -> Self {
        let tensors: HashMap<&str, &TensorProto> =
            graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
        let of = |op: &'static str| graph.node.iter().filter(move |node| node.op_type == op);
        let input = |node: &'a NodeProto, at: usize| node.input.get(at).map_or("", String::as_str);
        // One without a bias has no learned weights: it halves the picture.
        let learned = of("Conv").filter(|node| !input(node, 2).is_empty());
        let convolutions: Vec<_> = learned.map(|node| [input(node, 1), input(node, 2)]).collect();
        // A full layer is a product with a weight and the sum of it and a bias.
        let linear: Vec<_> = of("MatMul")
            .filter(|node| input(node, 1).starts_with("weight"))
            .map(|product| {
                let sum = of("Add").find(|sum| product.output.first() == sum.input.first());
                [input(product, 1), sum.map_or("", |sum| input(sum, 1))]
            })
            .collect();
        let names = graph.initializer.iter().map(|tensor| tensor.name.as_str());
        let priors: Vec<_> = names.filter(|name| name.starts_with("prior")).collect();
        let (convolutions, linear) = (convolutions.into_iter(), linear.into_iter());
        Self { tensors, convolutions, linear, priors: priors.into_iter() }
    }

    /// The values of a tensor of as many values as `shape` has.
    fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let tensor =
            self.tensors.get(name).ok_or_else(|| format!("there is no weight {name:?}"))?;
        let count: usize = shape.iter().product();
        let fits = tensor.data_type == FLOAT && tensor.raw_data.len() == 4 * count;
        if !fits || !tensor.dims.ends_with(&shape.iter().map(|&n| n as i64).collect::<Vec<_>>()) {
            return Err(format!("{name} is of shape {:?} where {shape:?} is needed", tensor.dims));
        }
        let (words, _) = tensor.raw_data.as_chunks::<4>();
        let values: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
        match values.iter().all(|value| value.is_finite()) {
            true => Ok(values),
            false => Err(format!("{name} holds values that are no numbers")),
        }
    }

    /// A weight in the place of `old`, each value divided by `scale` of its place.
    fn put<const D: usize>(
        &self,
        name: &str,
        old: &Param<Tensor<D>>,
        scale: impl Fn(usize) -> f32,
    ) -> Result<Param<Tensor<D>>, String> {
        let shape = old.val().dims();
        let mut values = self.values(name, &shape)?;
        values.iter_mut().enumerate().for_each(|(at, value)| *value /= scale(at));
        Ok(weight(values, shape, &old.val().device()))
    }

    /// A convolution without normalisation; what comes of output `n` was multiplied by
    /// `scale(n)`.
    fn convolution(
        &mut self,
        layer: &mut Conv2d,
        scale: impl Fn(usize) -> f32,
    ) -> Result<(), String> {
        let [kernel, bias] = self.convolutions.next().ok_or("layers are missing")?;
        let each: usize = layer.weight.val().dims()[1..].iter().product();
        layer.weight = self.put(kernel, &layer.weight, |at| scale(at / each))?;
        if let Some(old) = &layer.bias {
            layer.bias = Some(self.put(bias, old, scale)?);
        }
        Ok(())
    }

    /// A convolution with the normalisation that was folded into it: the file's bias is now
    /// what the normalisation adds.
    fn layer(&mut self, layer: &mut Layer) -> Result<(), String> {
        let [kernel, bias] = self.convolutions.next().ok_or("layers are missing")?;
        layer.convolution.weight = self.put(kernel, &layer.convolution.weight, |_| 1.0)?;
        let channels = layer.norm.beta.val().dims();
        let bias = self.values(bias, &channels)?;
        let (mean, variance) = (vec![0.0; bias.len()], vec![1.0; bias.len()]);
        neutral(&mut layer.norm, &bias, mean, variance);
        Ok(())
    }

    fn votes(&mut self, votes: &mut Votes, [start, end]: Span) -> Result<(), String> {
        let points = votes.prior.val().dims()[0];
        let scale = POINT_SCALE * (end - start);
        self.convolution(&mut votes.project, |at| if at < points { 1.0 } else { scale })?;
        let prior = self.priors.next().ok_or("the priors of the votes are missing")?;
        votes.prior = self.put(prior, &votes.prior, |_| 1.0)?;
        Ok(())
    }

    fn linear(&mut self, layer: &mut Linear) -> Result<(), String> {
        let [name, bias] = self.linear.next().ok_or("full layers are missing")?;
        layer.weight = self.put(name, &layer.weight, |_| 1.0)?;
        if let Some(old) = &layer.bias {
            layer.bias = Some(self.put(bias, old, |_| 1.0)?);
        }
        Ok(())
    }
}

fn weight<const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &Device,
) -> Param<Tensor<D>> {
    Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), device))
}

/// Makes a normalisation of values with this mean and variance do nothing but add `bias`.
fn neutral(norm: &mut BatchNorm, bias: &[f32], mean: Vec<f32>, variance: Vec<f32>) {
    let (device, channels) = (norm.beta.val().device(), [bias.len()]);
    let epsilon = norm.epsilon as f32;
    let root = variance.iter().map(|variance| (variance + epsilon).sqrt()).collect();
    let shift = bias.iter().zip(&mean).map(|(bias, mean)| bias + mean).collect();
    let state =
        |values| RunningState::new(Tensor::from_data(TensorData::new(values, channels), &device));
    norm.gamma = weight(root, channels, &device);
    norm.beta = weight(shift, channels, &device);
    norm.running_mean = state(mean);
    norm.running_var = state(variance);
}

/// Gives the normalisations of a network that was [`read`] the means and variances of a
/// batch of real samples, and the weights that undo them: while it learns, when they go by
/// each batch, the network then computes nearly what the file computes, and exactly that
/// afterwards. `net` must be on a device that learns.
///
/// # Errors
/// When a tensor cannot be read.
pub(crate) fn calibrate(mut net: LandmarkNet, batch: &Batch) -> Result<LandmarkNet, TrainError> {
    let look = |net: &LandmarkNet| {
        // Whatever is computed is left behind in the normalisations.
        drop(net.face(batch.image.clone()));
        drop(net.eyes.forward(batch.cuts.clone()));
    };
    let count = layers(&mut net).len();
    for at in 0..count {
        // Those before are right by now, so this one sees what it sees in the file.
        for layer in layers(&mut net) {
            layer.norm.momentum = 1.0;
        }
        look(&net);
        for (index, layer) in layers(&mut net).into_iter().enumerate() {
            let norm = &mut layer.norm;
            let (mean, variance) = (norm.running_mean.value_sync(), norm.running_var.value_sync());
            if index != at {
                continue;
            }
            // Read above as (bias, root of 1 + epsilon): the shift is still the bias.
            let bias = values(&norm.beta.val())?;
            neutral(norm, &bias, values(&mean)?, values(&variance)?);
        }
    }
    // What the passes left in layers that were right already is the same to rounding, and
    // the pace of the running values is again that of a training.
    for layer in layers(&mut net) {
        layer.norm.momentum = burn::nn::BatchNormConfig::new(1).momentum;
    }
    Ok(net)
}

/// All layers with a normalisation, in the order in which they compute.
fn layers(net: &mut LandmarkNet) -> Vec<&mut Layer> {
    let mut all = Vec::new();
    for stage in net.stages.iter_mut() {
        all.push(&mut stage.down);
        all.extend(stage.refine.as_mut());
    }
    all.push(&mut net.join);
    for stage in net.eyes.stages.iter_mut() {
        all.push(&mut stage.down);
        all.extend(stage.refine.as_mut());
    }
    all
}

#[cfg(test)]
mod tests {
    use burn::{module::Module, tensor::Distribution};

    use super::*;
    use crate::{
        infer::fixtures,
        train::landmarks::{
            IMAGE_PX, export::export_landmarks, eyes::tests::mean_shape, sampler::tests::noise,
        },
        vit::ModelKind,
    };

    fn largest(a: &Tensor<2>, b: &Tensor<2>) -> f32 {
        let pairs = values(a).unwrap().into_iter().zip(values(b).unwrap());
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_model_is_written_anew_from_its_own_file() {
        if !fixtures::runtime_is_here() {
            return;
        }
        let device = Device::flex();
        device.seed(23);
        let net = LandmarkNet::new(&mean_shape(), &device);
        let card = fixtures::card(ModelKind::Landmarks, IMAGE_PX, IMAGE_PX);
        let folder = tempfile::tempdir().unwrap();
        let [old, new] = ["old.onnx", "new.onnx"].map(|name| folder.path().join(name));
        std::fs::write(&old, export_landmarks(&net, &card).unwrap()).unwrap();
        let options = ExportOptions {
            checkpoint: old.clone(),
            mean_with: None,
            out: new.clone(),
            half: None,
        };
        let again = train_export::run(&options).unwrap();
        assert_eq!(again.card, card);
        let off = difference(&net, &std::fs::read(new).unwrap()).unwrap();
        assert!(off < train_export::PARITY, "{off}");

        std::fs::write(&old, "no model").unwrap();
        let told = train_export::run(&options).unwrap_err().to_string();
        assert!(told.contains("old.onnx"), "{told}");
    }

    #[test]
    fn a_model_that_was_written_is_read_back() {
        let device = Device::flex().autodiff();
        device.seed(17);
        let net = LandmarkNet::new(&mean_shape(), &device);
        let shape = [4, 1, IMAGE_PX, IMAGE_PX];
        for _ in 0..3 {
            net.forward(&Tensor::random(shape, Distribution::Default, &device));
        }
        let net = net.valid();
        let card = fixtures::card(ModelKind::Landmarks, IMAGE_PX, IMAGE_PX);
        let file = export_landmarks(&net, &card).unwrap();
        let fresh = || LandmarkNet::new(&[[0.5; 2]; 68], &device);
        let samples: Vec<_> = (0..6).map(noise).collect();
        let batch = Batch::new(&samples, &device);
        let ready = calibrate(decode(&file, fresh()).unwrap(), &batch).unwrap();

        let image = Tensor::random(shape, Distribution::Default, &Device::flex());
        let truth = net.forward(&image);
        for back in [decode(&file, fresh()).unwrap().valid(), ready.valid()] {
            let said = back.forward(&image);
            assert!(largest(&truth.points, &said.points) < 1e-3);
            assert!(largest(&truth.confidence, &said.confidence) < 1e-3);
            assert!(largest(&truth.visible, &said.visible) < 1e-3);
        }
        // While learning, too, on pictures like those that it was calibrated on.
        let learning = ready.face(batch.image);
        let truth = net.face(Batch::new(&samples, &Device::flex()).image);
        let learning = Tensor::from_data(learning.points.to_data(), &Device::flex());
        let off = largest(&truth.points, &learning);
        assert!(off < 1e-3, "{off}");

        let broken = &file[..file.len() / 2];
        assert!(decode(broken, fresh()).is_err());
        let other = fixtures::landmarks(&[[0.5; 2]; 68], 1.0, [0.0; 3]);
        let error = decode(&other, fresh()).unwrap_err();
        assert!(error.contains("missing"), "{error}");
    }
}
