//! Pretraining: the masked autoencoder over all crops of the training side, labelled or
//! not. Its encoder is what fine-tuning starts from, its decoder fills in covered parts
//! on the screen.

use std::{collections::BTreeMap, fs, path::PathBuf};

use burn::{
    module::Module,
    tensor::{Device, Tensor, TensorData},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{
    Control, TrainError,
    checkpoint::{self, Progress},
    graph::Normalisation,
    log::JsonLog,
    mae::{Mae, Masking},
    record::{BEST, LAST, RunRecord},
    replicas::{Replicas, optimizer},
    samples::{self, Augmentation, Needed, push_patch},
    settings::{self, Training, setting},
    weights::Ema,
};
use crate::{
    dataset::{
        crops::CropSet,
        split::{HoldOut, Split},
    },
    vit::{ModelKind, Preset, VitConfig},
};

/// Crops of a validation batch.
const VALIDATION_BATCH: usize = 128;
/// Name of the split's file in the run's folder.
pub(super) const SPLIT_FILE: &str = "split.json";

/// Settings of a pretraining.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PretrainConfig {
    /// The prepared folder, or its list.
    pub crops: PathBuf,
    /// The folder for checkpoints, log and effective settings.
    pub out: PathBuf,
    /// What the weights were learned from, in words, for the model card.
    #[serde(default)]
    pub trained_on: String,
    /// The network's shape.
    #[serde(default = "stem")]
    pub preset: Preset,
    /// A shape of your own instead of the preset.
    #[serde(default)]
    pub network: Option<VitConfig>,
    /// Share of the patches that are hidden, 0..1.
    #[serde(default = "mask_ratio")]
    pub mask_ratio: f32,
    /// How long and how fast.
    #[serde(default)]
    pub training: Training,
    /// Which crops validate.
    #[serde(default)]
    pub hold_out: HoldOut,
    /// How crops are changed.
    #[serde(default)]
    pub augmentation: Augmentation,
}

pub(super) fn stem() -> Preset {
    Preset::Stem
}

fn mask_ratio() -> f32 {
    0.5
}

/// One line of the log.
#[derive(Serialize)]
struct Line {
    step: usize,
    learning_rate: f64,
    loss: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<f64>,
    crops_per_s: f64,
}

/// The crops and what a run knows about them.
pub(super) struct Data {
    pub(super) set: CropSet,
    pub(super) train: Vec<usize>,
    pub(super) validation: Vec<usize>,
}

impl Data {
    /// Loads the crops and draws (or, when resuming, reads) the split.
    pub(super) fn load(
        crops: &std::path::Path,
        out: &std::path::Path,
        hold_out: &HoldOut,
        resume: bool,
    ) -> Result<Self, TrainError> {
        let set = CropSet::load(crops)?;
        fs::create_dir_all(out).map_err(TrainError::io(out, "written"))?;
        let file = out.join(SPLIT_FILE);
        let split = match resume {
            true => Split::load(&set.items, &file)?,
            false => {
                let split = hold_out.split(&set.items);
                split.save(&set.items, &file)?;
                split
            }
        };
        let (validation, train): (Vec<usize>, Vec<usize>) =
            (0..set.items.len()).partition(|&at| split.validates[at]);
        if train.is_empty() || validation.is_empty() {
            return Err(TrainError::Data {
                path: crops.into(),
                why: "nothing is left to train or to validate on; change hold_out".into(),
            });
        }
        Ok(Self { set, train, validation })
    }
}

/// Pretrains as configured. The folder `out` then holds `config.toml` (the effective
/// settings), `split.json`, `log.jsonl`, `run.json` and the checkpoints `last` and `best`.
///
/// With `resume` it goes on from `last`.
///
/// # Errors
/// When settings, crops or checkpoint cannot be used, the disk cannot be written, or the
/// loss is no number any more.
pub fn run(
    config: &PretrainConfig,
    resume: bool,
    device: &Device,
    control: &mut Control<'_>,
) -> Result<RunRecord, TrainError> {
    let training = &config.training;
    training.validate()?;
    config.augmentation.validate()?;
    let ratio = config.mask_ratio;
    setting("mask_ratio", ratio, ratio > 0.0 && ratio < 1.0, "it must lie between 0 and 1")?;
    let vit = settings::shape(config.preset, config.network.as_ref())?;
    let data = Data::load(&config.crops, &config.out, &config.hold_out, resume)?;
    settings::write(config, &config.out)?;
    let (mean, std) = data.set.channel_statistics();
    let by = Normalisation { mean, std };
    let learner = device.clone().autodiff();
    learner.seed(training.seed);
    let mut model = Mae::new(&vit, &learner);
    let mut optimizer = optimizer(training);
    let mut progress = Progress::default();
    let mut ema = Ema::new(&model, training.ema_decay, 0)?;
    if resume {
        let last = config.out.join(LAST);
        let average;
        (model, average, optimizer, progress) = checkpoint::load(&last, model, optimizer)?;
        ema = Ema::new(&average, training.ema_decay, progress.step)?;
    }
    let replicas = Replicas::new(training)?;
    (control.say)(&format!(
        "{} crops to learn from, {} to validate on; {} weights, {} replicas",
        data.train.len(),
        data.validation.len(),
        model.num_params(),
        replicas.count()
    ));
    let mut record = RunRecord {
        kind: ModelKind::Mae,
        name: super::record::name(config.preset, config.network.is_some()),
        vit: vit.clone(),
        normalisation: by,
        threshold: 0.5,
        trained_on: config.trained_on.clone(),
        data_digest: data.set.digest.clone(),
        metrics: BTreeMap::new(),
    };
    let mut log = JsonLog::open(&config.out.join("log.jsonl"), resume)?;
    let schedule = training.schedule();
    let (mut sum, mut count, mut since) = (0.0, 0usize, std::time::Instant::now());
    while progress.step < training.steps {
        let step = progress.step;
        let (gradients, losses) =
            replicas.step(&model, &learner, (step, training.batch), |model, mut part| {
                let batch = draw(&data, part.crops, config, &vit, &mut part.rng);
                let loss = batch.loss(model, &vit, &by, &learner);
                let value = f64::from(loss.clone().into_scalar::<f32>());
                Ok((loss, value))
            })?;
        let loss = losses.iter().sum::<f64>() / losses.len().max(1) as f64;
        if !loss.is_finite() {
            return Err(TrainError::Diverged { step });
        }
        model = optimizer.step(schedule.at(step), model, gradients);
        ema.update(&model)?;
        progress.step += 1;
        (sum, count) = (sum + loss, count + 1);

        let stopped = control.stopped();
        let last = progress.step == training.steps || stopped;
        let validate = last || progress.step.is_multiple_of(training.validate_every);
        let mut validation = None;
        if validate {
            let average = ema.apply(model.clone());
            let figure = validate_on(&average.valid(), &data, config, &vit, &by, device);
            validation = Some(figure);
            let better = progress.best.is_none_or(|best| figure < best);
            if better {
                progress.best = Some(figure);
                record.metrics = BTreeMap::from([("validation_mse".into(), figure)]);
                record.save(&config.out)?;
            }
            checkpoint::save(&config.out.join(LAST), &model, &average, &optimizer, progress)?;
            if better {
                let best = config.out.join(BEST);
                checkpoint::save(&best, &model, &average, &optimizer, progress)?;
            }
        }
        if validate || progress.step.is_multiple_of(training.log_every) {
            let rate = (count * training.batch) as f64 / since.elapsed().as_secs_f64();
            let line = Line {
                step: progress.step,
                learning_rate: schedule.at(step),
                loss: sum / count as f64,
                validation,
                crops_per_s: rate,
            };
            let held = validation.map_or(String::new(), |v| format!(", validation {v:.4}"));
            (control.say)(&format!(
                "step {} of {}: loss {:.4}{held}, {rate:.0} crops/s",
                line.step, training.steps, line.loss
            ));
            log.write(&line)?;
            (sum, count, since) = (0.0, 0, std::time::Instant::now());
        }
        if stopped {
            break;
        }
    }
    Ok(record)
}

/// Crops and their masking.
struct Batch {
    /// Pixels `[3, S, S]` of each crop, 0..1.
    crops: Vec<Vec<f32>>,
    masking: Masking,
}

impl Batch {
    /// Mean squared error on the hidden patches, in normalised pixels.
    fn loss(&self, model: &Mae, vit: &VitConfig, by: &Normalisation, on: &Device) -> Tensor<1> {
        let patches = |rows: &[Vec<usize>]| {
            let mut values = Vec::new();
            for (crop, row) in self.crops.iter().zip(rows) {
                for &at in row {
                    push_patch(crop, at, vit, by, &mut values);
                }
            }
            let shape = [rows.len(), rows.first().map_or(0, Vec::len), vit.patch_values()];
            Tensor::<3>::from_data(TensorData::new(values, shape), on)
        };
        let rebuilt = model.forward(patches(&self.masking.kept), &self.masking);
        (rebuilt - patches(&self.masking.hidden)).square().mean()
    }
}

fn draw(
    data: &Data,
    count: usize,
    config: &PretrainConfig,
    vit: &VitConfig,
    rng: &mut impl Rng,
) -> Batch {
    // Nothing may be hidden here but by the masking.
    let needed = Needed { eyes: true, mouth: true };
    let crops = (0..count)
        .map(|_| {
            let at = data.train[rng.random_range(0..data.train.len())];
            let image = &data.set.images[at];
            samples::changed(image, needed, vit, &config.augmentation, rng).picture.data
        })
        .collect();
    Batch { crops, masking: Masking::random(count, vit.grid().patches(), config.mask_ratio, rng) }
}

/// Mean squared error over the validation crops, unchanged, always with the same maskings.
fn validate_on(
    model: &Mae,
    data: &Data,
    config: &PretrainConfig,
    vit: &VitConfig,
    by: &Normalisation,
    on: &Device,
) -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let (mut sum, mut count) = (0.0, 0);
    for chunk in data.validation.chunks(VALIDATION_BATCH) {
        let crops = chunk
            .iter()
            .map(|&at| samples::plain(&data.set.images[at], vit).picture.data)
            .collect();
        let masking =
            Masking::random(chunk.len(), vit.grid().patches(), config.mask_ratio, &mut rng);
        let loss = Batch { crops, masking }.loss(model, vit, by, on).into_scalar::<f32>();
        sum += f64::from(loss) * chunk.len() as f64;
        count += chunk.len();
    }
    sum / count.max(1) as f64
}
