//! Fine-tuning: the classifier, from a pretrained encoder or from nothing, on balanced
//! batches with the Q mask in every layer.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use burn::{
    module::Module,
    tensor::{Device, Tensor, TensorData},
};
use serde::{Deserialize, Serialize};

use super::{
    Control, TrainError,
    checkpoint::{self, Progress},
    classifier::Classifier,
    draw::Draw,
    graph::Normalisation,
    log::JsonLog,
    losses::{binary, cross_entropy, smooth_l1},
    mae::Mae,
    pretrain::{Data, stem},
    record::{BEST, LAST, RunRecord, name},
    replicas::{Replicas, optimizer},
    samples::{self, Augmentation, Sample},
    settings::{self, Training, check_shares, setting},
    targets::{Targets, needed},
    validation::{Figures, judge, measure, tensors},
    weights::Ema,
};
use crate::{
    dataset::split::HoldOut,
    vit::{ModelKind, Preset, VitConfig},
};

/// Settings of a fine-tuning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinetuneConfig {
    /// The prepared folder, or its list.
    pub crops: PathBuf,
    /// The folder for checkpoints, log and effective settings.
    pub out: PathBuf,
    /// The folder of the pretraining to start from; its shape and normalisation are used.
    #[serde(default)]
    pub pretrained: Option<PathBuf>,
    /// What the weights were learned from, in words, for the model card.
    #[serde(default)]
    pub trained_on: String,
    /// The network's shape, where there is no pretraining.
    #[serde(default = "stem")]
    pub preset: Preset,
    /// A shape of your own instead of the preset.
    #[serde(default)]
    pub network: Option<VitConfig>,
    /// Share that is taken from the right label and spread over both.
    #[serde(default = "label_smoothing")]
    pub label_smoothing: f32,
    /// Weight of the losses of the signs (eyes closed, yawning).
    #[serde(default = "half")]
    pub signs_weight: f32,
    /// Weight of the losses of the aspect ratios.
    #[serde(default = "half")]
    pub aspects_weight: f32,
    /// How long and how fast.
    #[serde(default)]
    pub training: Training,
    /// Which crops validate.
    #[serde(default)]
    pub hold_out: HoldOut,
    /// How crops are changed.
    #[serde(default)]
    pub augmentation: Augmentation,
    /// Shares of the collections among the drowsy crops of a batch; none = as many as
    /// there are.
    #[serde(default)]
    pub drowsy_shares: BTreeMap<String, f64>,
    /// Shares of the collections among the awake crops of a batch.
    #[serde(default)]
    pub awake_shares: BTreeMap<String, f64>,
}

fn label_smoothing() -> f32 {
    0.05
}

fn half() -> f32 {
    0.5
}

impl FinetuneConfig {
    fn validate(&self) -> Result<(), TrainError> {
        self.training.validate()?;
        self.augmentation.validate()?;
        let smoothing = self.label_smoothing;
        setting(
            "label_smoothing",
            smoothing,
            (0.0..1.0).contains(&smoothing),
            "it must lie in 0..1",
        )?;
        for (field, weight) in
            [("signs_weight", self.signs_weight), ("aspects_weight", self.aspects_weight)]
        {
            setting(field, weight, weight >= 0.0 && weight.is_finite(), "it cannot be negative")?;
        }
        check_shares("drowsy_shares", &self.drowsy_shares)?;
        check_shares("awake_shares", &self.awake_shares)
    }
}

/// One line of the log.
#[derive(Serialize)]
struct Line<'a> {
    step: usize,
    learning_rate: f64,
    loss: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<&'a BTreeMap<String, f64>>,
    crops_per_s: f64,
}

/// The classifier to start from, its shape and its normalisation.
fn start(
    config: &FinetuneConfig,
    data: &Data,
    learner: &Device,
) -> Result<(Classifier, VitConfig, Normalisation), TrainError> {
    let Some(folder) = &config.pretrained else {
        let vit = settings::shape(config.preset, config.network.as_ref())?;
        let (mean, std) = data.set.channel_statistics();
        return Ok((Classifier::new(&vit, learner), vit, Normalisation { mean, std }));
    };
    let record = RunRecord::load(folder)?;
    let vit = record.vit;
    vit.validate()?;
    let mae = checkpoint::load_average(&folder.join(BEST), Mae::new(&vit, learner))?;
    let classifier = Classifier { encoder: mae.encoder, ..Classifier::new(&vit, learner) };
    let own = config.network.as_ref();
    // The Q mask has no weights, so the one that is written out here counts.
    let vit = VitConfig { q_mask: own.map_or(vit.q_mask, |own| own.q_mask), ..vit };
    Ok((classifier, vit, record.normalisation))
}

/// Fine-tunes as configured. The folder `out` then holds `config.toml` (the effective
/// settings), `split.json`, `log.jsonl`, `run.json` and the checkpoints `last` and `best`.
///
/// With `resume` it goes on from `last`.
///
/// # Errors
/// When settings, crops or checkpoints cannot be used, the disk cannot be written, or the
/// loss is no number any more.
pub fn run(
    config: &FinetuneConfig,
    resume: bool,
    device: &Device,
    control: &mut Control<'_>,
) -> Result<RunRecord, TrainError> {
    config.validate()?;
    let training = &config.training;
    let data = Data::load(&config.crops, &config.out, &config.hold_out, resume)?;
    settings::write(config, &config.out)?;
    let items = &data.set.items;
    let draw = Draw::new(items, &data.train, &config.drowsy_shares, &config.awake_shares)
        .ok_or_else(|| missing_class(&config.crops))?;
    let held: Vec<usize> =
        data.validation.iter().copied().filter(|&at| items[at].label.is_some()).collect();
    let learner = device.clone().autodiff();
    learner.seed(training.seed);
    let (mut model, vit, by) = start(config, &data, &learner)?;
    let mut optimizer = optimizer(training);
    let mut progress = Progress::default();
    let mut ema = Ema::new(&model, training.ema_decay, 0)?;
    if resume {
        let average;
        (model, average, optimizer, progress) =
            checkpoint::load(&config.out.join(LAST), model, optimizer)?;
        ema = Ema::new(&average, training.ema_decay, progress.step)?;
    }
    let replicas = Replicas::new(training)?;
    (control.say)(&format!(
        "{} crops to learn from, {} to validate on; {} weights, {} replicas",
        data.train.len(),
        held.len(),
        model.num_params(),
        replicas.count()
    ));
    let mut record = RunRecord {
        kind: ModelKind::Drowsiness,
        name: name(config.preset, config.network.is_some()),
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
                let chosen = draw.batch(part.crops, &mut part.rng);
                let samples: Vec<Sample> = chosen
                    .iter()
                    .map(|&at| {
                        let image = &data.set.images[at];
                        let by = &config.augmentation;
                        samples::changed(image, needed(&items[at]), &vit, by, &mut part.rng)
                    })
                    .collect();
                let targets = Targets::new(items, &chosen, &samples, config.label_smoothing);
                let (patches, keep, places) = tensors(&samples, &vit, &by, &learner);
                let answer = model.forward(patches, places, keep);
                let rows = |values: &[f32]| {
                    let data = TensorData::new(values.to_vec(), [chosen.len(), 2]);
                    Tensor::<2>::from_data(data, &learner)
                };
                let loss = cross_entropy(answer.logits, rows(&targets.label))
                    + binary(answer.signs, rows(&targets.signs), rows(&targets.signs_known))
                        .mul_scalar(config.signs_weight)
                    + smooth_l1(
                        answer.aspects,
                        rows(&targets.aspects),
                        rows(&targets.aspects_known),
                    )
                    .mul_scalar(config.aspects_weight);
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
        let mut figures: Option<Figures> = None;
        if validate {
            let average = ema.apply(model.clone());
            let probabilities = judge(&average.valid(), &data.set, &held, &vit, &by, device)?;
            let measured = measure(items, &held, &probabilities);
            // A checkpoint's best is smallest.
            let figure = 1.0 - measured.mean_auc;
            let better = progress.best.is_none_or(|best| figure < best);
            if better {
                progress.best = Some(figure);
                record.metrics.clone_from(&measured.by_name);
                record.threshold = measured.threshold as f32;
                record.save(&config.out)?;
            }
            checkpoint::save(&config.out.join(LAST), &model, &average, &optimizer, progress)?;
            if better {
                let best = config.out.join(BEST);
                checkpoint::save(&best, &model, &average, &optimizer, progress)?;
            }
            figures = Some(measured);
        }
        if validate || progress.step.is_multiple_of(training.log_every) {
            let rate = (count * training.batch) as f64 / since.elapsed().as_secs_f64();
            let line = Line {
                step: progress.step,
                learning_rate: schedule.at(step),
                loss: sum / count as f64,
                validation: figures.as_ref().map(|figures| &figures.by_name),
                crops_per_s: rate,
            };
            (control.say)(&format!(
                "step {} of {}: loss {:.4}{}, {rate:.0} crops/s",
                line.step,
                training.steps,
                line.loss,
                figures.as_ref().map_or(String::new(), sentence)
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

/// The AUCs of the groups in words.
fn sentence(figures: &Figures) -> String {
    let aucs = figures.by_name.iter().filter_map(|(name, value)| {
        name.strip_prefix("auc_").map(|group| format!("{group} {value:.3}"))
    });
    format!("; AUC {}", aucs.collect::<Vec<_>>().join(", "))
}

fn missing_class(crops: &Path) -> TrainError {
    TrainError::Data {
        path: crops.into(),
        why: "awake or drowsy crops are missing on the training side, or their collections have \
              no share; check the labels, hold_out and the shares"
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dataset::{
            crops::INDEX,
            manifest::{Item, Label, Manifest},
        },
        train::{pretrain, pretrain::PretrainConfig, tests::small},
    };
    use image::{Rgb, RgbImage};
    use std::sync::atomic::AtomicBool;

    /// 40 crops of 32 px: dark ones are drowsy, bright ones awake.
    fn crops(folder: &Path) {
        let mut items = Vec::new();
        for at in 0..40u8 {
            let drowsy = at % 2 == 0;
            let grey = if drowsy { 20 + at } else { 180 + at };
            let name = format!("{at}.png");
            RgbImage::from_pixel(32, 32, Rgb([grey; 3])).save(folder.join(&name)).unwrap();
            items.push(Item {
                file: name.into(),
                label: Some(if drowsy { Label::Drowsy } else { Label::Awake }),
                subject: format!("s{}", at / 2),
                eyes_closed: Some(drowsy),
                eye_aspect: Some(if drowsy { 0.1 } else { 0.3 }),
                collection: "drawn".into(),
                ..Item::default()
            });
        }
        Manifest { items }.write(&folder.join(INDEX)).unwrap();
    }

    fn augmentation() -> Augmentation {
        toml::from_str(
            "dark_glasses = 0.0\njpeg = 0.0\n[photometric]\ngamma = 0.0\ndark = 0.0\ncontrast = 0.0\n\
             gradient = 0.0\nblur = 0.0\nmotion = 0.0\nlow_resolution = 0.0\nlowest_resolution = 1.0\n\
             noise = 0.0\ncolour = 0.0\ngrey = 0.0",
        )
        .unwrap()
    }

    fn config(folder: &Path, out: &str, steps: usize) -> FinetuneConfig {
        FinetuneConfig {
            crops: folder.into(),
            out: folder.join(out),
            pretrained: None,
            trained_on: "drawn".into(),
            preset: Preset::Stem,
            network: Some(small(true)),
            label_smoothing: 0.05,
            signs_weight: 0.5,
            aspects_weight: 0.5,
            training: Training {
                steps,
                batch: 16,
                threads: 2,
                learning_rate: 3e-3,
                ema_decay: 0.8,
                log_every: 5,
                validate_every: 10,
                ..Training::default()
            },
            hold_out: HoldOut { share: 0.5, ..HoldOut::default() },
            augmentation: augmentation(),
            drowsy_shares: BTreeMap::new(),
            awake_shares: BTreeMap::new(),
        }
    }

    fn train(config: &FinetuneConfig, resume: bool) -> Result<RunRecord, TrainError> {
        let stop = AtomicBool::new(false);
        run(config, resume, &Device::flex(), &mut Control { stop: &stop, say: &mut |_| {} })
    }

    #[test]
    fn learns_goes_on_where_it_stopped_and_starts_from_a_pretraining() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        crops(root);
        let whole = train(&config(root, "whole", 30), false).unwrap();
        assert!(whole.metrics["auc_drawn"] > 0.95, "{:?}", whole.metrics);
        assert!(whole.threshold > 0.02 && whole.threshold < 0.98);
        let log = std::fs::read_to_string(root.join("whole/log.jsonl")).unwrap();
        assert_eq!(log.lines().count(), 6);
        let kept: FinetuneConfig =
            settings::read(&root.join("whole").join(settings::CONFIG_FILE)).unwrap();
        assert_eq!(kept, config(root, "whole", 30));

        // Stopped after ten steps and resumed, it ends with the weights of one run.
        let stop = AtomicBool::new(false);
        let mut lines = 0;
        let mut say = |_: &str| {
            lines += 1;
            // The second line is that of step 5.
            stop.store(lines >= 2, std::sync::atomic::Ordering::Relaxed);
        };
        let parts = config(root, "parts", 30);
        run(&parts, false, &Device::flex(), &mut Control { stop: &stop, say: &mut say }).unwrap();
        train(&parts, true).unwrap();
        let load = |name: &str| {
            let model = Classifier::new(&small(true), &Device::flex());
            let at = root.join(name).join(LAST);
            let model = checkpoint::load_average(&at, model).unwrap();
            crate::train::weights::values(&model.head.weight.val()).unwrap()
        };
        for (a, b) in load("whole").into_iter().zip(load("parts")) {
            approx::assert_abs_diff_eq!(a, b, epsilon = 2e-3);
        }

        let mae = PretrainConfig {
            crops: root.into(),
            out: root.join("mae"),
            trained_on: String::new(),
            preset: Preset::Stem,
            network: Some(small(true)),
            mask_ratio: 0.5,
            training: Training { steps: 30, ..config(root, "", 30).training },
            hold_out: HoldOut { share: 0.5, ..HoldOut::default() },
            augmentation: augmentation(),
        };
        let stop = AtomicBool::new(false);
        let mut control = Control { stop: &stop, say: &mut |_| {} };
        let record = pretrain::run(&mae, false, &Device::flex(), &mut control).unwrap();
        // Plain grey crops: what is seen tells all about what is hidden.
        assert!(record.metrics["validation_mse"] < 0.5, "{:?}", record.metrics);
        let from = FinetuneConfig { pretrained: Some(mae.out), ..config(root, "from", 10) };
        let tuned = train(&from, false).unwrap();
        assert_eq!(tuned.normalisation, record.normalisation);
    }

    #[test]
    fn settings_and_data_that_make_no_sense_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        crops(root);
        let named = |config: FinetuneConfig, word: &str| {
            let error = train(&config, false).unwrap_err().to_string();
            assert!(error.contains(word), "{word:?} is missing in {error:?}");
        };
        let good = config(root, "x", 1);
        named(FinetuneConfig { label_smoothing: 1.5, ..good.clone() }, "label_smoothing");
        let mut no_batch = good.clone();
        no_batch.training.batch = 0;
        named(no_batch, "training.batch");
        let shares = BTreeMap::from([("nowhere".into(), 1.0)]);
        named(FinetuneConfig { awake_shares: shares, ..good.clone() }, "shares");
        let hold_out = HoldOut { share: 0.0, ..HoldOut::default() };
        named(FinetuneConfig { hold_out, ..good.clone() }, "hold_out");
        named(FinetuneConfig { crops: root.join("nothing"), ..good }, "nothing");
        let unknown = toml::from_str::<FinetuneConfig>("crops='a'\nout='b'\n[training]\nstep=3");
        assert!(unknown.unwrap_err().to_string().contains("step"));
    }
}
