//! From a run's folder to a model file: the graph, the card inside it, and a check
//! against ONNX Runtime before anything is put in place.

use std::path::PathBuf;

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Device, FloatDType, Tensor},
};

use super::{
    TrainError, checkpoint,
    classifier::{Classifier, LABELS},
    detector, graph, landmarks,
    mae::Mae,
    record::{BEST, RunRecord, write_whole},
    weights::{mean, values},
};
use crate::vit::{METADATA_KEY, ModelCard, ModelKind};

mod page;
mod parity;
#[cfg(test)]
mod tests;

use parity::{PARITY_CROPS, Trial, classifier_difference, largest, mae_difference, real_crops};

/// Largest difference to ONNX Runtime that is let through, in logits and in pixels 0..1.
pub const PARITY: f32 = 1e-4;

const NO_LICENCE: &str = "not stated; without one, nobody but their maker may use these weights";
const LIMITS: &str = "\"drowsy\" in a picture means eyes closed or yawning, nothing more: \
    drowsiness over time is judged elsewhere. Learned from acted and posed pictures, few of \
    them from cars, and by night from three people. Looking down with low lids is often read as \
    shut eyes, and the output looking_down hardly ever says so; eyes behind dark glasses are \
    often called seen. Not fit as the only guard of anybody's safety";

/// What to export and where to.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// The folder of a run, or a landmark model that is written anew.
    pub checkpoint: PathBuf,
    /// Another run of the same classifier, whose weights and those of the first are averaged.
    pub mean_with: Option<PathBuf>,
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
    if options.checkpoint.is_file() {
        return landmarks::export_again(options);
    }
    let mut record = RunRecord::load(&options.checkpoint)?;
    if let Some(other) = &options.mean_with {
        let kind = RunRecord::load(other)?.kind;
        if [record.kind, kind] != [ModelKind::Drowsiness; 2] {
            let why = "only the weights of two classifiers can be averaged".into();
            return Err(TrainError::Config { path: other.clone(), why });
        }
        // They were measured on the first run alone.
        record.metrics.clear();
    }
    match record.kind {
        ModelKind::Detector => return detector::export::export_run(options, &record),
        ModelKind::Landmarks => return landmarks::export_run(options, &record),
        _ => {}
    }
    let vit = record.vit()?;
    let weights = options.checkpoint.join(BEST);
    let device = Device::flex();
    let card = card(&record);
    let trial = Trial::new(vit, &real_crops(&options.checkpoint, vit));
    let half = options.half.unwrap_or(record.kind == ModelKind::Mae);
    let (file, difference, rounding) = match record.kind {
        ModelKind::Drowsiness => {
            let load = |weights| checkpoint::load_average(weights, Classifier::new(vit, &device));
            let whole = match &options.mean_with {
                Some(other) => mean(load(&weights)?, &load(&other.join(BEST))?)?,
                None => load(&weights)?,
            };
            let whole = whole.calibrated(record.temperature);
            let model = if half { whole.clone().map(&mut Halver) } else { whole.clone() };
            let file = classifier_file(&model, &card, &record, half)?;
            let rounding =
                largest(&trial.drowsy(&model, &record)?, &trial.drowsy(&whole, &record)?);
            let difference = classifier_difference(&model, &record, &trial, &file)?;
            (file, difference, rounding)
        }
        ModelKind::Mae => {
            let whole = checkpoint::load_average(&weights, Mae::new(vit, &device))?;
            let model = if half { whole.clone().map(&mut Halver) } else { whole.clone() };
            let file = mae_file(&model, &card, &record, half)?;
            let rebuilt = |model: &Mae| -> Result<Vec<f32>, TrainError> {
                let (patches, keep) = trial.tensors(vit, &record.normalisation);
                let values = values(&model.reconstruct(patches, keep))?;
                let std = record.normalisation.std;
                Ok(values.iter().enumerate().map(|(i, value)| value * std[i % 3]).collect())
            };
            let rounding = largest(&rebuilt(&model)?, &rebuilt(&whole)?);
            let difference = mae_difference(&model, &record, &trial, &file)?;
            (file, difference, rounding)
        }
        ModelKind::Detector | ModelKind::Landmarks | ModelKind::Blinks => {
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
    write_whole(&options.out.with_extension("md"), page::markdown(&exported, half).as_bytes())?;
    Ok(exported)
}

/// Puts the file of a network that has but one shape in its place, if ONNX Runtime computes
/// what the network does.
///
/// # Errors
/// When it does not, or the file cannot be written.
pub(super) fn put(
    options: &ExportOptions,
    card: ModelCard,
    file: Vec<u8>,
    difference: f32,
) -> Result<Exported, TrainError> {
    if difference.is_nan() || difference >= PARITY {
        return Err(TrainError::Parity { path: options.out.clone(), difference });
    }
    write_whole(&options.out, &file)?;
    Ok(Exported { card, bytes: file.len(), difference, real_crops: 0, rounding: 0.0, file })
}

/// Rounds all weights to half precision, in which the autoencoder's are stored.
struct Halver;

impl ModuleMapper for Halver {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| tensor.cast(FloatDType::F16).cast(FloatDType::F32))
    }
}

/// The card of a run; sizes are 0 where it is not that of a vision transformer.
pub fn card(record: &RunRecord) -> ModelCard {
    let vit = record.vit.as_ref();
    let (labels, q_mask) = match (record.kind, vit) {
        (ModelKind::Drowsiness, Some(vit)) => {
            let keep = vit.grid().keep(vit.q_mask, [true; 4]);
            (LABELS.map(Into::into).to_vec(), keep.into_iter().map(u8::from).collect())
        }
        (_, vit) => (vec![], vec![1; vit.map_or(0, |vit| vit.grid().patches())]),
    };
    ModelCard {
        kind: record.kind,
        name: record.name.clone(),
        version: env!("CARGO_PKG_VERSION").into(),
        image_px: vit.map_or(0, |vit| vit.image_px),
        patch_px: vit.map_or(0, |vit| vit.patch_px),
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
        vit: record.vit.clone(),
    }
}

fn classifier_file(
    model: &Classifier,
    card: &ModelCard,
    record: &RunRecord,
    half: bool,
) -> Result<Vec<u8>, TrainError> {
    let json = serde_json::to_string(card)?;
    graph::classifier(model, record.vit()?, &record.normalisation, half, &[(METADATA_KEY, &json)])
}

fn mae_file(
    model: &Mae,
    card: &ModelCard,
    record: &RunRecord,
    half: bool,
) -> Result<Vec<u8>, TrainError> {
    let json = serde_json::to_string(card)?;
    graph::mae(model, record.vit()?, &record.normalisation, half, &[(METADATA_KEY, &json)])
}
