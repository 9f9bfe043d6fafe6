//! What an exported file is held against before it is put in place: the same crops and
//! masks through burn and through ONNX Runtime.

use std::path::{Path, PathBuf};

use burn::tensor::{
    Device, Int, Tensor, TensorData,
    activation::{sigmoid, softmax},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    dataset::{crops::INDEX, manifest::Manifest},
    infer::{Device as RunOn, LoadedModel, ModelSource, RuntimeOptions},
    source::images::load_image,
    train::{
        TrainError,
        classifier::{Answer, Classifier},
        graph::Normalisation,
        mae::Mae,
        record::RunRecord,
        samples::{self, push_patch},
        settings::CONFIG_FILE,
        vit::positions,
        weights::values,
    },
    vit::{ModelKind, VitConfig},
};

/// Random crops of the parity check.
pub(super) const PARITY_CROPS: usize = 4;
/// Crops of the training data in it, at most.
const REAL_CROPS: usize = 12;

/// Crops of the training data, as far as they are still there.
pub(super) fn real_crops(run: &Path, vit: &VitConfig) -> Vec<Vec<f32>> {
    let crops = || -> Option<Vec<Vec<f32>>> {
        let text = std::fs::read_to_string(run.join(CONFIG_FILE)).ok()?;
        let path =
            PathBuf::from(toml::from_str::<toml::Table>(&text).ok()?.get("crops")?.as_str()?);
        let index = if path.is_dir() { path.join(INDEX) } else { path };
        let items = Manifest::read_unchecked(&index).ok()?.items;
        let every = items.len().div_ceil(REAL_CROPS).max(1);
        let images = items.iter().step_by(every).filter_map(|item| load_image(&item.file).ok());
        Some(images.map(|image| samples::plain(&image, [true; 4], vit).picture.data).collect())
    };
    crops().unwrap_or_default()
}

/// Crops with pixels 0..1 and masks, the same at every call: random ones, and those of
/// the training data that are given.
pub(super) struct Trial {
    /// How many.
    pub(super) crops: usize,
    /// `[crops, 3, S, S]`.
    pub(super) images: Vec<f32>,
    pub(super) image_shape: [usize; 4],
    /// `[crops, P]`.
    pub(super) keep: Vec<f32>,
    pub(super) keep_shape: [usize; 2],
}

impl Trial {
    pub(super) fn new(config: &VitConfig, real: &[Vec<f32>]) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(72);
        let (px, patches) = (config.image_px, config.grid().patches());
        let crops = PARITY_CROPS + real.len();
        let mut images: Vec<f32> = (0..PARITY_CROPS * 3 * px * px).map(|_| rng.random()).collect();
        real.iter().for_each(|crop| images.extend(crop));
        let mut keep: Vec<f32> =
            (0..crops * patches).map(|_| f32::from(u8::from(rng.random_bool(0.6)))).collect();
        keep[..patches].fill(1.0);
        keep[patches..2 * patches].fill(0.0);
        let (image_shape, keep_shape) = ([crops, 3, px, px], [crops, patches]);
        Self { crops, images, image_shape, keep, keep_shape }
    }

    /// Probabilities of drowsy, `[crops]`.
    pub(super) fn drowsy(
        &self,
        model: &Classifier,
        record: &RunRecord,
    ) -> Result<Vec<f32>, TrainError> {
        let answer = self.answer(model, record)?;
        Ok(values(&softmax(answer.logits, 1))?.chunks(2).map(|pair| pair[1]).collect())
    }

    fn answer(&self, model: &Classifier, record: &RunRecord) -> Result<Answer, TrainError> {
        let vit = record.vit()?;
        let (patches, keep) = self.tensors(vit, &record.normalisation);
        let (device, shown) = (keep.device(), vit.shown_patches());
        let which: Vec<i32> = shown.iter().map(|&at| at as i32).collect();
        let which = Tensor::<1, Int>::from_data(&which[..], &device);
        let (patches, keep) = (patches.select(1, which.clone()), keep.select(1, which));
        let places = positions(vit.grid().side, vit.dim, &[shown], &device);
        Ok(model.forward(patches, places, keep))
    }

    /// The crops as the network takes them, `[crops, P, values]`, and the mask.
    pub(super) fn tensors(&self, config: &VitConfig, by: &Normalisation) -> (Tensor<3>, Tensor<2>) {
        let device = Device::flex();
        let patches = cut(&self.images, config, by);
        let shape = [self.crops, config.grid().patches(), config.patch_values()];
        (
            Tensor::from_data(TensorData::new(patches, shape), &device),
            Tensor::from_data(TensorData::new(self.keep.clone(), self.keep_shape), &device),
        )
    }
}

/// Crops `[n, 3, S, S]` 0..1 to normalised patches `[n, P, p*p*3]`.
fn cut(images: &[f32], config: &VitConfig, by: &Normalisation) -> Vec<f32> {
    let mut patches = Vec::with_capacity(images.len());
    for image in images.chunks_exact(3 * config.image_px * config.image_px) {
        for at in 0..config.grid().patches() {
            push_patch(image, at, config, by, &mut patches);
        }
    }
    patches
}

pub(super) fn load(bytes: &[u8], kind: ModelKind) -> Result<LoadedModel, TrainError> {
    let options = RuntimeOptions { device: RunOn::Cpu, threads: 1 };
    Ok(LoadedModel::load(&ModelSource::Bytes(bytes.into()), kind, &options)?)
}

pub(super) fn largest(a: &[f32], b: &[f32]) -> f32 {
    // NaN must come through, so not f32::max.
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |m, d| if d > m || d.is_nan() { d } else { m })
}

/// Largest difference of logits, sign probabilities, attention and what the heads on the eyes
/// say between burn and ONNX Runtime. The logits' distance is read back from the probabilities.
pub(super) fn classifier_difference(
    model: &Classifier,
    record: &RunRecord,
    trial: &Trial,
    bytes: &[u8],
) -> Result<f32, TrainError> {
    let ours = trial.answer(model, record)?;
    let mut loaded = load(bytes, ModelKind::Drowsiness)?;
    let theirs = loaded.run(&[
        ("image", &trial.image_shape, &trial.images),
        ("patch_keep", &trial.keep_shape, &trial.keep),
    ])?;
    let pairs = [trial.crops, 2];
    let odds = |p: &[f32]| p.chunks(2).map(|p| p[1].ln() - p[0].ln()).collect::<Vec<_>>();
    let probs = values(&softmax(ours.logits, 1))?;
    let vit = record.vit()?;
    let signs = sigmoid(ours.signs);
    let attention = values(&ours.attention)?;
    let shown = vit.shown_patches();
    let theirs_on: Vec<f32> = theirs
        .get("attention", &trial.keep_shape)?
        .chunks(vit.grid().patches())
        .flat_map(|row| shown.iter().map(|&at| row[at]))
        .collect();
    let mut difference = largest(&odds(&probs), &odds(theirs.get("probs", &pairs)?))
        .max(largest(&values(&signs.clone().narrow(1, 0, 2))?, theirs.get("signs", &pairs)?))
        .max(largest(&attention, &theirs_on));
    if let Some(eyes) = ours.eyes {
        let down = values(&signs.narrow(1, 2, 1))?;
        difference = difference
            .max(largest(&values(&sigmoid(eyes))?, theirs.get("eyes", &[trial.crops, 2, 2])?))
            .max(largest(&down, theirs.get("looking_down", &[trial.crops, 1])?));
    }
    Ok(difference)
}

/// Largest difference of a hidden pixel (0..1) between burn and ONNX Runtime.
pub(super) fn mae_difference(
    model: &Mae,
    record: &RunRecord,
    trial: &Trial,
    bytes: &[u8],
) -> Result<f32, TrainError> {
    let (config, by) = (record.vit()?, &record.normalisation);
    let (patches, keep) = trial.tensors(config, by);
    let ours = values(&model.reconstruct(patches, keep))?;
    let mut loaded = load(bytes, ModelKind::Mae)?;
    let theirs = loaded.run(&[
        ("image", &trial.image_shape, &trial.images),
        ("patch_keep", &trial.keep_shape, &trial.keep),
    ])?;
    let theirs = theirs.get("reconstruction", &trial.image_shape)?;
    let plain = Normalisation { mean: [0.0; 3], std: [1.0; 3] };
    let theirs = cut(theirs, config, &plain);
    let rows = ours.chunks(config.patch_values()).zip(theirs.chunks(config.patch_values()));
    let hidden = rows.zip(&trial.keep).filter(|(_, keep)| **keep == 0.0).map(|(rows, _)| {
        let ours: Vec<f32> = rows
            .0
            .iter()
            .enumerate()
            .map(|(i, v)| (v * by.std[i % 3] + by.mean[i % 3]).clamp(0.0, 1.0))
            .collect();
        largest(&ours, rows.1)
    });
    Ok(hidden.fold(0.0, f32::max))
}
