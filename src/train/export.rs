//! From a run's folder to a model file: the graph, the card inside it, and a check
//! against ONNX Runtime before anything is put in place.

use std::path::PathBuf;

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Device, FloatDType, Tensor, TensorData, activation::softmax},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    TrainError, checkpoint,
    classifier::{Classifier, LABELS},
    graph::{self, Normalisation},
    landmarks,
    mae::Mae,
    record::{BEST, RunRecord, write_whole},
    samples::push_patch,
    vit::positions,
    weights::values,
};
use crate::{
    infer::{Device as RunOn, LoadedModel, ModelSource, RuntimeOptions},
    vit::{METADATA_KEY, ModelCard, ModelKind, VitConfig},
};

/// Largest difference to ONNX Runtime that is let through, in logits and in pixels 0..1.
pub const PARITY: f32 = 1e-4;
/// Crops of the parity check.
const PARITY_CROPS: usize = 4;

const LICENCE: &str = "weights learned from research collections of faces: for research and \
    evaluation only, until someone retrains on data of their own";
const LIMITS: &str = "\"drowsy\" in a picture means eyes closed or yawning, nothing more: \
    drowsiness over time is judged elsewhere. Learned from acted and posed pictures, few of \
    them from cars; not tested by night under infrared light, and not fit as the only guard \
    of anybody's safety";

/// What to export and where to.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// The folder of a pretraining or fine-tuning run.
    pub checkpoint: PathBuf,
    /// The model file to write.
    pub out: PathBuf,
}

/// What was exported.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The card inside the file.
    pub card: ModelCard,
    /// Size of the file in bytes.
    pub bytes: usize,
    /// Largest difference to ONNX Runtime that was found (logits, or pixels 0..1).
    pub difference: f32,
}

/// Exports the best weights of a run (their running average), checks the file against
/// ONNX Runtime on random crops and masks, and only then puts it in place.
///
/// # Errors
/// When the folder is not one of a run, ONNX Runtime is missing or computes something
/// else, or the file cannot be written.
pub fn run(options: &ExportOptions) -> Result<Exported, TrainError> {
    if landmarks::export::is_run(&options.checkpoint) {
        return landmarks::export_run(options);
    }
    let record = RunRecord::load(&options.checkpoint)?;
    let weights = options.checkpoint.join(BEST);
    let device = Device::flex();
    let card = card(&record);
    let (bytes, difference) = match record.kind {
        ModelKind::Drowsiness => {
            let model = Classifier::new(&record.vit, &device);
            let model = checkpoint::load_average(&weights, model)?;
            let bytes = classifier_file(&model, &card, &record)?;
            let difference = classifier_difference(&model, &record, &bytes)?;
            (bytes, difference)
        }
        ModelKind::Mae => {
            let model = Mae::new(&record.vit, &device);
            let model = checkpoint::load_average(&weights, model)?.map(&mut Halver);
            let bytes = mae_file(&model, &card, &record)?;
            let difference = mae_difference(&model, &record, &bytes)?;
            (bytes, difference)
        }
        ModelKind::Landmarks | ModelKind::Blinks => {
            return Err(TrainError::Config {
                path: options.checkpoint.clone(),
                why: format!(
                    "it is the run of a {} network, which writes its own model",
                    record.kind
                ),
            });
        }
    };
    if difference.is_nan() || difference >= PARITY {
        return Err(TrainError::Parity { path: options.out.clone(), difference });
    }
    write_whole(&options.out, &bytes)?;
    Ok(Exported { card, bytes: bytes.len(), difference })
}

/// Rounds all weights to half precision, in which the autoencoder's are stored.
struct Halver;

impl ModuleMapper for Halver {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| tensor.cast(FloatDType::F16).cast(FloatDType::F32))
    }
}

/// The card of a run.
pub fn card(record: &RunRecord) -> ModelCard {
    let vit = &record.vit;
    let keep = vit.grid().keep(vit.q_mask, [true; 4]);
    let (labels, q_mask) = match record.kind {
        ModelKind::Drowsiness => {
            (LABELS.map(Into::into).to_vec(), keep.into_iter().map(u8::from).collect())
        }
        _ => (vec![], vec![1; vit.grid().patches()]),
    };
    ModelCard {
        kind: record.kind,
        name: record.name.clone(),
        version: env!("CARGO_PKG_VERSION").into(),
        image_px: vit.image_px,
        patch_px: vit.patch_px,
        channels: 3,
        mean: record.normalisation.mean.to_vec(),
        std: record.normalisation.std.to_vec(),
        labels,
        q_mask,
        threshold: record.threshold,
        licence: LICENCE.into(),
        trained_on: record.trained_on.clone(),
        limits: LIMITS.into(),
        data_digest: record.data_digest.clone(),
        metrics: record.metrics.clone(),
        vit: Some(vit.clone()),
    }
}

fn classifier_file(
    model: &Classifier,
    card: &ModelCard,
    record: &RunRecord,
) -> Result<Vec<u8>, TrainError> {
    let json = serde_json::to_string(card)?;
    graph::classifier(model, &record.vit, &record.normalisation, &[(METADATA_KEY, &json)])
}

fn mae_file(model: &Mae, card: &ModelCard, record: &RunRecord) -> Result<Vec<u8>, TrainError> {
    let json = serde_json::to_string(card)?;
    graph::mae(model, &record.vit, &record.normalisation, &[(METADATA_KEY, &json)])
}

/// Crops with pixels 0..1 and masks, the same at every call.
struct Trial {
    /// `[crops, 3, S, S]`.
    images: Vec<f32>,
    image_shape: [usize; 4],
    /// `[crops, P]`.
    keep: Vec<f32>,
    keep_shape: [usize; 2],
}

impl Trial {
    fn new(config: &VitConfig) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(72);
        let (px, patches) = (config.image_px, config.grid().patches());
        let image_shape = [PARITY_CROPS, 3, px, px];
        let images = (0..image_shape.iter().product()).map(|_| rng.random()).collect();
        let mut keep: Vec<f32> = (0..PARITY_CROPS * patches)
            .map(|_| f32::from(u8::from(rng.random_bool(0.6))))
            .collect();
        keep[..patches].fill(1.0);
        keep[patches..2 * patches].fill(0.0);
        Self { images, image_shape, keep, keep_shape: [PARITY_CROPS, patches] }
    }

    /// The crops as the network takes them, `[crops, P, values]`, and the mask.
    fn tensors(&self, config: &VitConfig, by: &Normalisation) -> (Tensor<3>, Tensor<2>) {
        let device = Device::flex();
        let patches = cut(&self.images, config, by);
        let shape = [PARITY_CROPS, config.grid().patches(), config.patch_values()];
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

fn load(bytes: &[u8], kind: ModelKind) -> Result<LoadedModel, TrainError> {
    let options = RuntimeOptions { device: RunOn::Cpu, threads: 1 };
    Ok(LoadedModel::load(&ModelSource::Bytes(bytes.into()), kind, &options)?)
}

fn largest(a: &[f32], b: &[f32]) -> f32 {
    // NaN must come through, so not f32::max.
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |m, d| if d > m || d.is_nan() { d } else { m })
}

/// Largest difference of logits, sign probabilities and attention between burn and ONNX
/// Runtime. The logits' distance is read back from the probabilities.
fn classifier_difference(
    model: &Classifier,
    record: &RunRecord,
    bytes: &[u8],
) -> Result<f32, TrainError> {
    let trial = Trial::new(&record.vit);
    let (patches, keep) = trial.tensors(&record.vit, &record.normalisation);
    let all: Vec<usize> = (0..record.vit.grid().patches()).collect();
    let places = positions(record.vit.grid().side, record.vit.dim, &[all], &keep.device());
    let ours = model.forward(patches, places, keep);
    let mut loaded = load(bytes, ModelKind::Drowsiness)?;
    let theirs = loaded.run(&[
        ("image", &trial.image_shape, &trial.images),
        ("patch_keep", &trial.keep_shape, &trial.keep),
    ])?;
    let pairs = [PARITY_CROPS, 2];
    let odds = |p: &[f32]| p.chunks(2).map(|p| p[1].ln() - p[0].ln()).collect::<Vec<_>>();
    let probs = values(&softmax(ours.logits, 1))?;
    let signs = values(&burn::tensor::activation::sigmoid(ours.signs))?;
    Ok(largest(&odds(&probs), &odds(theirs.get("probs", &pairs)?))
        .max(largest(&signs, theirs.get("signs", &pairs)?))
        .max(largest(&values(&ours.attention)?, theirs.get("attention", &trial.keep_shape)?)))
}

/// Largest difference of a hidden pixel (0..1) between burn and ONNX Runtime.
fn mae_difference(model: &Mae, record: &RunRecord, bytes: &[u8]) -> Result<f32, TrainError> {
    let (config, by) = (&record.vit, &record.normalisation);
    let trial = Trial::new(config);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        infer::runtime,
        train::{record::LAST, tests::small},
        vit::QMask,
    };
    use burn::optim::AdamWConfig;
    use std::{collections::BTreeMap, path::Path};

    fn record(kind: ModelKind, vit: VitConfig) -> RunRecord {
        RunRecord {
            kind,
            name: "test".into(),
            vit,
            normalisation: Normalisation { mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.3] },
            threshold: 0.5,
            trained_on: "noise".into(),
            data_digest: String::new(),
            metrics: BTreeMap::from([("auc".into(), 0.5)]),
        }
    }

    fn skip() -> bool {
        let missing = runtime::init().err();
        if let Some(error) = &missing {
            eprintln!("skipped: {error}");
        }
        missing.is_some()
    }

    fn save(run: &Path, record: &RunRecord) {
        let device = Device::flex();
        record.save(run).unwrap();
        let (optimizer, progress) = (AdamWConfig::new().init(), Default::default());
        for name in [BEST, LAST] {
            let at = run.join(name);
            if record.kind == ModelKind::Mae {
                let model = Mae::new(&record.vit, &device);
                checkpoint::save(&at, &model, &model, &optimizer, progress).unwrap();
            } else {
                let model = Classifier::new(&record.vit, &device);
                checkpoint::save(&at, &model, &model, &optimizer, progress).unwrap();
            }
        }
    }

    #[test]
    fn both_presets_compute_in_onnx_runtime_what_they_compute_in_burn() {
        if skip() {
            return;
        }
        for kind in [ModelKind::Drowsiness, ModelKind::Mae] {
            for stem in [false, true] {
                let folder = tempfile::tempdir().unwrap();
                let out = folder.path().join("model.onnx");
                save(folder.path(), &record(kind, small(stem)));
                let options = ExportOptions { checkpoint: folder.path().into(), out: out.clone() };
                let exported = run(&options).unwrap();
                assert!(exported.difference < PARITY, "{kind}, stem {stem}");
                assert!(exported.difference > 0.0, "the comparison compares something");
                let loaded =
                    LoadedModel::load(&ModelSource::File(out), kind, &RuntimeOptions::default())
                        .unwrap();
                assert_eq!(loaded.card, exported.card);
            }
        }
    }

    #[test]
    fn a_file_that_fails_the_comparison_is_noticed() {
        if skip() {
            return;
        }
        let record = record(ModelKind::Drowsiness, small(true));
        let device = Device::flex();
        let card = card(&record);
        let bytes =
            classifier_file(&Classifier::new(&record.vit, &device), &card, &record).unwrap();
        let other = Classifier::new(&record.vit, &device);
        assert!(classifier_difference(&other, &record, &bytes).unwrap() > PARITY);
    }

    #[test]
    fn a_folder_without_a_run_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let options =
            ExportOptions { checkpoint: folder.path().into(), out: folder.path().join("m.onnx") };
        let error = run(&options).unwrap_err().to_string();
        assert!(error.contains("run.json"), "{error}");
        assert!(!options.out.exists());
    }

    /// Logits, signs and attention as bits.
    fn bits(parts: &[Vec<f32>]) -> Vec<u32> {
        parts.iter().flatten().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn a_masked_patch_gets_no_attention_and_changes_no_bit() {
        let onnx = !skip();
        for stem in [false, true] {
            let record = record(ModelKind::Drowsiness, small(stem));
            let (config, by) = (&record.vit, &record.normalisation);
            let mask = config.grid().keep(QMask::Landmark, [true; 4]);
            let model = Classifier::new(config, &Device::flex());
            let bytes = classifier_file(&model, &card(&record), &record).unwrap();
            let mut loaded = onnx.then(|| load(&bytes, ModelKind::Drowsiness).unwrap());

            let mut trial = Trial::new(config);
            trial.keep = mask.iter().map(|&keep| f32::from(u8::from(keep))).collect();
            trial.keep = trial.keep.repeat(PARITY_CROPS);
            let mut judge = |trial: &Trial| {
                let (patches, keep) = trial.tensors(config, by);
                let all: Vec<usize> = (0..mask.len()).collect();
                let places = positions(config.grid().side, config.dim, &[all], &keep.device());
                let ours = model.forward(patches, places, keep);
                let ours = [ours.logits, ours.signs, ours.attention].map(|t| values(&t).unwrap());
                let theirs = loaded.as_mut().map(|loaded| {
                    let out = loaded
                        .run(&[
                            ("image", &trial.image_shape, &trial.images),
                            ("patch_keep", &trial.keep_shape, &trial.keep),
                        ])
                        .unwrap();
                    let pairs = [PARITY_CROPS, 2];
                    [("probs", &pairs), ("signs", &pairs), ("attention", &trial.keep_shape)]
                        .map(|(name, shape)| out.get(name, shape).unwrap().to_vec())
                });
                (ours, theirs)
            };

            let before = judge(&trial);
            // Every pixel outside the landmark patches becomes another one.
            let (px, patch, side) = (config.image_px, config.patch_px, config.grid().side);
            let mut changed = 0;
            for (i, value) in trial.images.iter_mut().enumerate() {
                let (y, x) = (i / px % px, i % px);
                if !mask[y / patch * side + x / patch] {
                    *value = 1.0 - *value;
                    changed += 1;
                }
            }
            assert!(changed > 0);
            let after = judge(&trial);
            assert_eq!(bits(&before.0), bits(&after.0), "burn, stem {stem}");
            let attention_of = |parts: &[Vec<f32>; 3]| parts[2].clone();
            let mut attentions = vec![attention_of(&after.0)];
            if let (Some(before), Some(after)) = (&before.1, &after.1) {
                assert_eq!(bits(before), bits(after), "ONNX Runtime, stem {stem}");
                attentions.push(attention_of(after));
            }
            for attention in attentions {
                for (i, weight) in attention.iter().enumerate() {
                    assert_eq!(*weight == 0.0, !mask[i % mask.len()], "patch {i}: {weight}");
                }
            }
            // An unmasked patch does matter, or the above would prove nothing.
            trial.images[0] = 1.0 - trial.images[0];
            assert_ne!(bits(&judge(&trial).0), bits(&after.0));
        }
    }
}
