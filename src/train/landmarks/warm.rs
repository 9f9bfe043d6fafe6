//! Not committed: carries the convolutions of the older model over.
#![allow(missing_docs, clippy::unwrap_used)]
use std::path::Path;
use burn::{module::{Module, Param, RunningState}, optim::AdamWConfig, tensor::{Device, Tensor}};
use prost::Message;
use super::*;
use super::{net::{FACE_PX, Layer, normalised}, sampler::{SampleOptions, Sampler}, data::Faces};
use crate::train::{checkpoint::{self, Progress}, onnx::proto::ModelProto};

pub fn warm(config: &LandmarkTrainConfig, onnx: &Path, out: &Path) {
    let device = Device::flex();
    let faces = Faces::read(&config.faces).unwrap();
    device.seed(7);
    let mut net = LandmarkNet::new(&faces.mean_shape(), &device);
    let model = ModelProto::decode(std::fs::read(onnx).unwrap().as_slice()).unwrap();
    let all = model.graph.unwrap().initializer;
    let floats = |raw: &[u8]| raw.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect::<Vec<_>>();
    let kernels: Vec<_> = all.iter().filter(|t| t.name.starts_with("kernel")).collect();
    let biases: Vec<_> = all.iter().filter(|t| t.name.starts_with("bias") && t.dims.len() == 1 && t.dims[0] > 1).collect();
    println!("{} kernels, {} biases", kernels.len(), biases.len());
    let options = SampleOptions { photometric: config.photometric.clone(), cover: config.cover, tight: config.tight, negatives: 0.0, precise_share: 0.6, known_closed_share: 0.0, closed_weight: 5.0 };
    let sampler = Sampler::new(faces.train, vec![], options, 3);
    let samples: Vec<_> = (0..256).map(|n| sampler.sample(n).unwrap()).collect();
    let images: Vec<f32> = samples.iter().flat_map(|s| s.image.clone()).collect();
    let image = Tensor::<1>::from_floats(images.as_slice(), &device).reshape([256, 1, FACE_PX, 2, FACE_PX, 2]);
    let small = image.mean_dim(5).mean_dim(3).reshape([256, 1, FACE_PX, FACE_PX]);
    let mut x = normalised(small);
    let mut at = 0;
    let mut load = |layer: &mut Layer, x: Tensor<4>| -> Tensor<4> {
        let (k, b) = (kernels[at], biases[at]);
        at += 1;
        let dims = layer.convolution.weight.val().dims();
        assert_eq!(dims.map(|d| d as i64).to_vec(), k.dims);
        layer.convolution.weight = Param::from_tensor(Tensor::<1>::from_floats(floats(&k.raw_data).as_slice(), &device).reshape(dims));
        let bias = Tensor::<1>::from_floats(floats(&b.raw_data).as_slice(), &device);
        let y = layer.convolution.forward(x);
        let [n, c, h, w] = y.dims();
        let flat = y.swap_dims(0, 1).reshape([c, n * h * w]);
        let mean = flat.clone().mean_dim(1);
        let var = (flat - mean.clone()).square().mean_dim(1).reshape([c]);
        let mean = mean.reshape([c]);
        layer.norm.gamma = Param::from_tensor(var.clone().add_scalar(layer.norm.epsilon).sqrt());
        layer.norm.beta = Param::from_tensor(bias + mean.clone());
        layer.norm.running_mean = RunningState::new(mean);
        layer.norm.running_var = RunningState::new(var);
        Tensor::empty([1, 1, 1, 1], &device)
    };
    for stage in &mut net.stages {
        load(&mut stage.down, x.clone());
        x = stage.down.forward(x);
        if let Some(refine) = &mut stage.refine {
            load(refine, x.clone());
            x = refine.forward(x.clone()) + x;
        }
        println!("{:?} mean {}", x.dims(), x.clone().mean().into_scalar::<f32>());
    }
    let optimizer = AdamWConfig::new().init();
    checkpoint::save(out, &net, &net.valid(), &optimizer, Progress::default()).unwrap();
}
impl LandmarkNet { pub fn eyes_forward(&self, cuts: Tensor<4>) -> [Tensor<2>; 2] { self.eyes.forward(cuts) } }
