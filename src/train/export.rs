//! From a run's folder to a model file: the graph, the card inside it, and a check
//! against ONNX Runtime before anything is put in place.

use std::path::{Path, PathBuf};

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Device, FloatDType, Tensor, TensorData, activation::softmax},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    TrainError, checkpoint,
    classifier::{Answer, Classifier, LABELS},
    graph::{self, Normalisation},
    landmarks,
    mae::Mae,
    record::{BEST, RunRecord, write_whole},
    samples::{self, push_patch},
    settings::CONFIG_FILE,
    vit::positions,
    weights::values,
};
use crate::{
    dataset::{crops::INDEX, manifest::Manifest},
    infer::{Device as RunOn, LoadedModel, ModelSource, RuntimeOptions},
    source::images::load_image,
    vit::{METADATA_KEY, ModelCard, ModelKind, VitConfig},
};

/// Largest difference to ONNX Runtime that is let through, in logits and in pixels 0..1.
pub const PARITY: f32 = 1e-4;
/// Random crops of the parity check.
const PARITY_CROPS: usize = 4;
/// Crops of the training data in it, at most.
const REAL_CROPS: usize = 12;

const NO_LICENCE: &str = "not stated; without one, nobody but their maker may use these weights";
const LIMITS: &str = "\"drowsy\" in a picture means eyes closed or yawning, nothing more: \
    drowsiness over time is judged elsewhere. Learned from acted and posed pictures, few of \
    them from cars; not tested by night under infrared light, and not fit as the only guard \
    of anybody's safety";

/// What to export and where to.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// The folder of a pretraining or fine-tuning run.
    pub checkpoint: PathBuf,
    /// The model file to write; its card is written beside it as Markdown.
    pub out: PathBuf,
    /// Whether matrices are stored in half precision, which halves the file. `None`: those
    /// of an autoencoder are, since what it makes is only looked at.
    pub half: Option<bool>,
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
    /// Crops of the training data that were compared, beside random ones.
    pub real_crops: usize,
    /// How far half precision moves a probability, or a pixel, 0..1; 0 in full precision.
    pub rounding: f32,
    /// The file, for [`promote`](crate::infer::promoted::promote).
    pub file: Vec<u8>,
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
    let trial = Trial::new(&record.vit, &real_crops(&options.checkpoint, &record.vit));
    let half = options.half.unwrap_or(record.kind == ModelKind::Mae);
    let (file, difference, rounding) = match record.kind {
        ModelKind::Drowsiness => {
            let whole = Classifier::new(&record.vit, &device);
            let whole = checkpoint::load_average(&weights, whole)?;
            let model = if half { whole.clone().map(&mut Halver) } else { whole.clone() };
            let file = classifier_file(&model, &card, &record, half)?;
            let rounding =
                largest(&trial.drowsy(&model, &record)?, &trial.drowsy(&whole, &record)?);
            let difference = classifier_difference(&model, &record, &trial, &file)?;
            (file, difference, rounding)
        }
        ModelKind::Mae => {
            let whole = checkpoint::load_average(&weights, Mae::new(&record.vit, &device))?;
            let model = if half { whole.clone().map(&mut Halver) } else { whole.clone() };
            let file = mae_file(&model, &card, &record, half)?;
            let rebuilt = |model: &Mae| -> Result<Vec<f32>, TrainError> {
                let (patches, keep) = trial.tensors(&record.vit, &record.normalisation);
                let values = values(&model.reconstruct(patches, keep))?;
                let std = record.normalisation.std;
                Ok(values.iter().enumerate().map(|(i, value)| value * std[i % 3]).collect())
            };
            let rounding = largest(&rebuilt(&model)?, &rebuilt(&whole)?);
            let difference = mae_difference(&model, &record, &trial, &file)?;
            (file, difference, rounding)
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
    write_whole(&options.out, &file)?;
    let exported = Exported {
        card,
        bytes: file.len(),
        difference,
        real_crops: trial.crops - PARITY_CROPS,
        rounding,
        file,
    };
    write_whole(&options.out.with_extension("md"), markdown(&exported, half).as_bytes())?;
    Ok(exported)
}

/// Crops of the training data, as far as they are still there.
fn real_crops(run: &Path, vit: &VitConfig) -> Vec<Vec<f32>> {
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

/// The card as a page to read.
fn markdown(exported: &Exported, half: bool) -> String {
    let card = &exported.card;
    let title = match card.kind {
        ModelKind::Mae => "masked autoencoder",
        ModelKind::Landmarks => "landmark network",
        ModelKind::Drowsiness => "drowsiness classifier",
        ModelKind::Blinks => "blink model",
    };
    let or = |text: &str, other: &str| if text.is_empty() { other.into() } else { text.to_owned() };
    let mut page = format!(
        "# {} ({title})\n\nWritten by wakewatch {}. All of this stands in the file's metadata as \
         well, under `{METADATA_KEY}`.\n\n",
        card.name, card.version
    );
    let precision = if half { "matrices in half precision" } else { "full precision" };
    let mut rows = vec![
        ("Input", format!("{0} x {0} px, patches of {1} px", card.image_px, card.patch_px)),
        ("Size", format!("{} kB, {precision}", exported.bytes / 1000)),
        ("Trained on", or(&card.trained_on, "not stated")),
        ("Held out", or(&card.split, "not stated")),
        ("Data digest", format!("`{}`", card.data_digest)),
        ("Licence", card.licence.clone()),
        ("Limits", card.limits.clone()),
        (
            "ONNX Runtime against burn",
            format!(
                "differs by at most {:.1e} over {} random and {} real crops",
                exported.difference, PARITY_CROPS, exported.real_crops
            ),
        ),
    ];
    if half {
        let moved = format!("moves a value by at most {:.1e}", exported.rounding);
        rows.push(("Half precision", moved));
    }
    if card.kind == ModelKind::Drowsiness {
        rows.push(("Drowsy from", format!("probability {:.2}", card.threshold)));
    }
    page += "| | |\n|---|---|\n";
    for (name, value) in rows {
        page += &format!("| {name} | {} |\n", value.replace('|', "\\|").replace('\n', " "));
    }
    page += "\n| On held-out crops | |\n|---|---|\n";
    for (name, value) in &card.metrics {
        page += &format!("| `{name}` | {value} |\n");
    }
    page
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
        licence: match record.licence.is_empty() {
            true => NO_LICENCE.into(),
            false => record.licence.clone(),
        },
        split: record.split.clone(),
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
    half: bool,
) -> Result<Vec<u8>, TrainError> {
    let json = serde_json::to_string(card)?;
    graph::classifier(model, &record.vit, &record.normalisation, half, &[(METADATA_KEY, &json)])
}

fn mae_file(
    model: &Mae,
    card: &ModelCard,
    record: &RunRecord,
    half: bool,
) -> Result<Vec<u8>, TrainError> {
    let json = serde_json::to_string(card)?;
    graph::mae(model, &record.vit, &record.normalisation, half, &[(METADATA_KEY, &json)])
}

/// Crops with pixels 0..1 and masks, the same at every call: random ones, and those of
/// the training data that are given.
struct Trial {
    /// How many.
    crops: usize,
    /// `[crops, 3, S, S]`.
    images: Vec<f32>,
    image_shape: [usize; 4],
    /// `[crops, P]`.
    keep: Vec<f32>,
    keep_shape: [usize; 2],
}

impl Trial {
    fn new(config: &VitConfig, real: &[Vec<f32>]) -> Self {
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
    fn drowsy(&self, model: &Classifier, record: &RunRecord) -> Result<Vec<f32>, TrainError> {
        let answer = self.answer(model, record);
        Ok(values(&softmax(answer.logits, 1))?.chunks(2).map(|pair| pair[1]).collect())
    }

    fn answer(&self, model: &Classifier, record: &RunRecord) -> Answer {
        let (patches, keep) = self.tensors(&record.vit, &record.normalisation);
        let all: Vec<usize> = (0..record.vit.grid().patches()).collect();
        let places = positions(record.vit.grid().side, record.vit.dim, &[all], &keep.device());
        model.forward(patches, places, keep)
    }

    /// The crops as the network takes them, `[crops, P, values]`, and the mask.
    fn tensors(&self, config: &VitConfig, by: &Normalisation) -> (Tensor<3>, Tensor<2>) {
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
    trial: &Trial,
    bytes: &[u8],
) -> Result<f32, TrainError> {
    let ours = trial.answer(model, record);
    let mut loaded = load(bytes, ModelKind::Drowsiness)?;
    let theirs = loaded.run(&[
        ("image", &trial.image_shape, &trial.images),
        ("patch_keep", &trial.keep_shape, &trial.keep),
    ])?;
    let pairs = [trial.crops, 2];
    let odds = |p: &[f32]| p.chunks(2).map(|p| p[1].ln() - p[0].ln()).collect::<Vec<_>>();
    let probs = values(&softmax(ours.logits, 1))?;
    let signs = values(&burn::tensor::activation::sigmoid(ours.signs))?;
    Ok(largest(&odds(&probs), &odds(theirs.get("probs", &pairs)?))
        .max(largest(&signs, theirs.get("signs", &pairs)?))
        .max(largest(&values(&ours.attention)?, theirs.get("attention", &trial.keep_shape)?)))
}

/// Largest difference of a hidden pixel (0..1) between burn and ONNX Runtime.
fn mae_difference(
    model: &Mae,
    record: &RunRecord,
    trial: &Trial,
    bytes: &[u8],
) -> Result<f32, TrainError> {
    let (config, by) = (&record.vit, &record.normalisation);
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
            licence: "CC0 1.0".into(),
            split: "none".into(),
            steps: 1,
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
                let mut sizes = Vec::new();
                for half in [false, true] {
                    let (checkpoint, out) = (folder.path().into(), out.clone());
                    let options = ExportOptions { checkpoint, out: out.clone(), half: Some(half) };
                    let exported = run(&options).unwrap();
                    assert!(exported.difference < PARITY, "{kind}, stem {stem}");
                    assert!(exported.difference > 0.0, "the comparison compares something");
                    assert_eq!(exported.rounding > 0.0, half, "{}", exported.rounding);
                    assert!(exported.rounding < 0.01, "{}", exported.rounding);
                    let source = ModelSource::File(out.clone());
                    let loaded =
                        LoadedModel::load(&source, kind, &RuntimeOptions::default()).unwrap();
                    assert_eq!(loaded.card, exported.card);
                    let page = std::fs::read_to_string(out.with_extension("md")).unwrap();
                    assert!(page.contains("CC0 1.0") && page.contains("`auc` | 0.5"), "{page}");
                    sizes.push(exported.bytes);
                }
                assert!(sizes[1] < sizes[0], "{sizes:?}");
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
            classifier_file(&Classifier::new(&record.vit, &device), &card, &record, false).unwrap();
        let trial = Trial::new(&record.vit, &[]);
        let other = Classifier::new(&record.vit, &device);
        assert!(classifier_difference(&other, &record, &trial, &bytes).unwrap() > PARITY);
    }

    #[test]
    fn a_folder_without_a_run_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (checkpoint, out) = (folder.path().into(), folder.path().join("m.onnx"));
        let options = ExportOptions { checkpoint, out, half: None };
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
            let bytes = classifier_file(&model, &card(&record), &record, false).unwrap();
            let mut loaded = onnx.then(|| load(&bytes, ModelKind::Drowsiness).unwrap());

            let mut trial = Trial::new(config, &[]);
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
