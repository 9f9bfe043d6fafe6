//! Fine-tuning: the classifier, from a pretrained encoder or from nothing, on balanced
//! batches with the Q mask in every layer.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use burn::{
    module::ParamGroup,
    optim::lr_scheduler::module_lr_scheduler::{ModuleLearningRate, ModuleLrScheduler},
    tensor::{Device, Tensor, TensorData},
};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{
    Control, TrainError, checkpoint,
    classifier::Classifier,
    draw::Draw,
    graph::Normalisation,
    learn::{Run, Task, Validated},
    losses::{binary, cross_entropy, smooth_l1},
    mae::Mae,
    pretrain::{Data, stem},
    record::{BEST, RunRecord, name},
    replicas::{Part, Replicas},
    samples::{self, Augmentation, Sample},
    settings::{self, Training, check_shares, setting},
    targets::{Targets, needed},
    validation::{Figures, judge, measure, tensors},
};
use crate::{
    dataset::{manifest::Item, split::HoldOut},
    face::Visibility,
    vit::{ModelKind, Preset, QMask, VitConfig},
};

/// Crops that are judged at once.
const VALIDATION_BATCH: usize = 128;

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
    /// Under which licence the weights may be used, as far as that of the pictures allows;
    /// for the model card.
    #[serde(default)]
    pub licence: String,
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
    /// Which patches may be attended to; without it that of the shape.
    #[serde(default)]
    pub q_mask: Option<QMask>,
    /// Parameter of the beta distribution by which crops are mixed in pairs (mixup); 0 =
    /// not at all.
    #[serde(default)]
    pub mixup: f32,
    /// Chance that the deepest block's branches are left out for a crop (drop path), 0..1.
    #[serde(default)]
    pub drop_path: f32,
    /// Learning rate of a layer over that of the one above it; 1 = the same for all.
    #[serde(default = "one")]
    pub layer_decay: f64,
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

fn one() -> f64 {
    1.0
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
        let (mixup, drop_path, layer_decay) = (self.mixup, self.drop_path, self.layer_decay);
        setting("mixup", mixup, (0.0..=10.0).contains(&mixup), "it must lie in 0..10")?;
        let share = (0.0..1.0).contains(&drop_path);
        setting("drop_path", drop_path, share, "it must lie in 0..1")?;
        let share = layer_decay > 0.0 && layer_decay <= 1.0;
        setting("layer_decay", layer_decay, share, "it must lie in 0..1 and not be 0")?;
        check_shares("drowsy_shares", &self.drowsy_shares)?;
        check_shares("awake_shares", &self.awake_shares)
    }
}

/// The classifier to start from, its shape and its normalisation.
fn start(
    config: &FinetuneConfig,
    data: &Data,
    learner: &Device,
) -> Result<(Classifier, VitConfig, Normalisation), TrainError> {
    let Some(folder) = &config.pretrained else {
        let vit = settings::shape(config.preset, config.network.as_ref())?;
        let vit = VitConfig { q_mask: config.q_mask.unwrap_or(vit.q_mask), ..vit };
        let (mean, std) = data.set.channel_statistics();
        return Ok((Classifier::new(&vit, learner), vit, Normalisation { mean, std }));
    };
    let record = RunRecord::load(folder)?;
    let vit = record.vit;
    vit.validate()?;
    let mae = checkpoint::load_average(&folder.join(BEST), Mae::new(&vit, learner))?;
    let classifier = Classifier { encoder: mae.encoder, ..Classifier::new(&vit, learner) };
    // The Q mask has no weights, so the one that is written out here counts.
    let own = config.q_mask.or(config.network.as_ref().map(|own| own.q_mask));
    let vit = VitConfig { q_mask: own.unwrap_or(vit.q_mask), ..vit };
    Ok((classifier, vit, record.normalisation))
}

/// Fine-tunes as configured. The folder `out` then holds `config.toml` (the effective
/// settings), `split.json`, `log.jsonl`, `curves.png`, `run.json` and the checkpoints
/// `last` and `best`.
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
    super::record::claim(&config.out, resume)?;
    let data = Data::load(&config.crops, &config.out, &config.hold_out, resume)?;
    settings::write(config, &config.out)?;
    let items = &data.set.items;
    let draw = Draw::new(items, &data.train, &config.drowsy_shares, &config.awake_shares)
        .ok_or_else(|| missing_class(&config.crops))?;
    let held: Vec<usize> =
        data.validation.iter().copied().filter(|&at| items[at].label.is_some()).collect();
    let learner = device.clone().autodiff();
    learner.seed(training.seed);
    let (model, vit, by) = start(config, &data, &learner)?;
    (control.say)(&data.describe(held.len()));
    let record = RunRecord {
        kind: ModelKind::Drowsiness,
        name: name(config.preset, config.network.is_some()),
        vit: vit.clone(),
        normalisation: by,
        threshold: 0.5,
        trained_on: config.trained_on.clone(),
        licence: config.licence.clone(),
        split: config.hold_out.describe(),
        steps: 0,
        data_digest: data.set.digest.clone(),
        metrics: BTreeMap::new(),
    };
    let task = Finetuning { config, data: &data, draw, held, vit: &vit, by, learner, device };
    let run = Run { training, out: &config.out, resume, device };
    run.learn(&task, model, record, control)
}

/// The crops of a set, the network's shape and the settings, as a task.
struct Finetuning<'a> {
    config: &'a FinetuneConfig,
    data: &'a Data,
    draw: Draw,
    /// Labelled crops of the validation side.
    held: Vec<usize>,
    vit: &'a VitConfig,
    by: Normalisation,
    /// Where gradients are computed.
    learner: Device,
    /// Where nothing but results is.
    device: &'a Device,
}

/// Crops as the network is shown them, with what they are compared with.
struct Batch {
    samples: Vec<Sample>,
    targets: Targets,
    /// What drop path multiplies branches by, `[2 * depth]` a crop; empty without it.
    paths: Vec<Vec<f32>>,
    /// Crops of the whole batch, and the known signs and aspect ratios among them.
    counts: [f32; 3],
}

impl Finetuning<'_> {
    /// One crop changed at random, with its labels.
    fn sample(&self, at: usize, rng: &mut ChaCha8Rng) -> (Sample, Targets) {
        let item = &self.data.set.items[at];
        let sample = samples::changed(
            &self.data.set.images[at],
            visible(item),
            needed(item),
            self.vit,
            &self.config.augmentation,
            rng,
        );
        let one = std::slice::from_ref(&sample);
        let smoothing = self.config.label_smoothing;
        let targets = Targets::new(&self.data.set.items, &[at], one, smoothing);
        (sample, targets)
    }

    /// Mixes a crop with another one, where both show the same patches.
    fn mix(&self, sample: &mut Sample, targets: &mut Targets, rng: &mut ChaCha8Rng) {
        let (other, others) = self.sample(self.draw.any(rng), rng);
        let share = beta(self.config.mixup, rng);
        if other.keep != sample.keep {
            return;
        }
        let pixels = sample.picture.data.iter_mut().zip(&other.picture.data);
        pixels.for_each(|(a, b)| *a = share * *a + (1.0 - share) * b);
        targets.mix(&others, share);
    }

    /// Drop path's factors for one crop: branches of deeper blocks are left out more
    /// often, those that stay count for them.
    fn paths(&self, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let most = self.config.drop_path;
        if most == 0.0 {
            return Vec::new();
        }
        let deepest = (2 * self.vit.depth - 1).max(1) as f32;
        (0..2 * self.vit.depth)
            .map(|branch| {
                let stays = 1.0 - most * branch as f32 / deepest;
                if rng.random::<f32>() < stays { 1.0 / stays } else { 0.0 }
            })
            .collect()
    }
}

/// A draw from the beta distribution with both parameters `alpha`, by Jöhnk's method.
fn beta(alpha: f32, rng: &mut impl Rng) -> f32 {
    for _ in 0..1000 {
        let [x, y] = [0, 1].map(|_| rng.random::<f32>().powf(1.0 / alpha));
        if x + y > 0.0 && x + y <= 1.0 {
            return x / (x + y);
        }
    }
    0.5
}

/// Which landmark cells of a crop the landmark network sees uncovered.
fn visible(item: &Item) -> [bool; 4] {
    item.seen.map_or([true; 4], |[left_eye, right_eye, mouth]| {
        Visibility { left_eye, right_eye, mouth }.uncovered()
    })
}

impl Task for Finetuning<'_> {
    type Model = Classifier;
    type Batch = Batch;

    fn batch(&self, part: Part) -> Batch {
        let mut batch = Batch {
            samples: Vec::with_capacity(part.crops),
            targets: Targets::default(),
            paths: Vec::new(),
            counts: [part.batch as f32, 0.0, 0.0],
        };
        for (number, mut rng) in part.crops() {
            let at = self.draw.one(number, &mut rng);
            let (mut sample, mut targets) = self.sample(at, &mut rng);
            if self.config.mixup > 0.0 {
                self.mix(&mut sample, &mut targets, &mut rng);
            }
            batch.paths.push(self.paths(&mut rng));
            batch.samples.push(sample);
            batch.targets.append(targets);
        }
        batch
    }

    fn join(&self, parts: &mut [Batch]) {
        let sum = |known: fn(&Targets) -> &[f32]| -> f32 {
            parts.iter().map(|part| known(&part.targets).iter().sum::<f32>()).sum()
        };
        let (signs, aspects) = (sum(|t| &t.signs_known), sum(|t| &t.aspects_known));
        for part in parts {
            (part.counts[1], part.counts[2]) = (signs, aspects);
        }
    }

    fn loss(&self, model: &Classifier, batch: &Batch) -> Result<Tensor<1>, TrainError> {
        let Batch { samples, targets, paths, counts: [crops, signs, aspects] } = batch;
        let (patches, keep, places) = tensors(samples, self.vit, &self.by, &self.learner);
        let paths = paths.first().filter(|path| !path.is_empty()).map(|path| {
            let values: Vec<f32> = paths.iter().flatten().copied().collect();
            let data = TensorData::new(values, [paths.len(), path.len()]);
            Tensor::<2>::from_data(data, &self.learner).transpose()
        });
        let answer = model.forward_dropping(patches, places, keep, paths.as_ref());
        let rows = |values: &[f32]| {
            let data = TensorData::new(values.to_vec(), [samples.len(), 2]);
            Tensor::<2>::from_data(data, &self.learner)
        };
        let signs = binary(answer.signs, rows(&targets.signs), rows(&targets.signs_known), *signs);
        let aspects = smooth_l1(
            answer.aspects,
            rows(&targets.aspects),
            rows(&targets.aspects_known),
            *aspects,
        );
        Ok(cross_entropy(answer.logits, rows(&targets.label), *crops)
            + signs.mul_scalar(self.config.signs_weight)
            + aspects.mul_scalar(self.config.aspects_weight))
    }

    fn validate(&self, average: &Classifier, replicas: &Replicas) -> Result<Validated, TrainError> {
        let items = &self.data.set.items;
        let chunks: Vec<&[usize]> = self.held.chunks(VALIDATION_BATCH).collect();
        let probabilities = replicas.map(average, &chunks, |model, chunk| {
            let samples: Vec<Sample> = chunk
                .iter()
                .map(|&at| samples::plain(&self.data.set.images[at], visible(&items[at]), self.vit))
                .collect();
            judge(model, &samples, self.vit, &self.by, self.device)
        })?;
        let measured = measure(items, &self.held, &probabilities.concat());
        Ok(Validated {
            // A checkpoint's best is smallest.
            figure: 1.0 - measured.mean_auc,
            words: sentence(&measured),
            threshold: Some(measured.threshold),
            metrics: measured.by_name,
            confusion: measured.confusion,
            picture: None,
        })
    }

    /// Each layer learns more slowly than the one above it (Clark et al. 2020; for ViTs
    /// He et al. 2022): the heads at `rate`, the embedding slowest.
    fn learning_rate(&self, rate: f64) -> ModuleLearningRate {
        let decay = self.config.layer_decay;
        if decay == 1.0 {
            return rate.into();
        }
        let depth = self.vit.depth;
        let mut scheduler = ModuleLrScheduler::new(rate);
        let mut slower = |path: String, below: usize| {
            let group = ParamGroup::from_predicate(path);
            let scheduler_now = std::mem::replace(&mut scheduler, ModuleLrScheduler::new(rate));
            scheduler = scheduler_now.with_group(group, rate * decay.powi(below as i32));
        };
        slower("encoder.embedding.".into(), depth + 1);
        slower("encoder.cls".into(), depth + 1);
        for block in 0..depth {
            slower(format!("encoder.blocks.{block}."), depth - block);
        }
        scheduler.step()
    }
}

/// The AUCs of the groups in words.
fn sentence(figures: &Figures) -> String {
    let aucs = figures.by_name.iter().filter_map(|(name, value)| {
        name.strip_prefix("auc_").map(|group| format!("{group} {value:.3}"))
    });
    format!("AUC {}", aucs.collect::<Vec<_>>().join(", "))
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
            licence: String::new(),
            q_mask: None,
            mixup: 0.0,
            drop_path: 0.0,
            layer_decay: 1.0,
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
        run(
            config,
            resume,
            &Device::flex(),
            &mut Control { stop: &stop, say: &mut |_| {}, step: &mut |_| {} },
        )
    }

    #[test]
    fn learns_goes_on_where_it_stopped_and_starts_from_a_pretraining() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        crops(root);
        let whole = train(&config(root, "whole", 30), false).unwrap();
        assert!(whole.metrics["auc_drawn"] > 0.95, "{:?}", whole.metrics);
        assert!(whole.threshold > 0.02 && whole.threshold < 0.98);
        let steps = |name: &str| {
            let log = std::fs::read_to_string(root.join(name).join("log.jsonl")).unwrap();
            let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
            let learned = lines.filter(|line: &serde_json::Value| !line["learning_rate"].is_null());
            learned.map(|line| line["step"].as_u64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(steps("whole"), [5, 10, 15, 20, 25, 30]);
        let kept: FinetuneConfig =
            settings::read(&root.join("whole").join(settings::CONFIG_FILE)).unwrap();
        assert_eq!(kept, config(root, "whole", 30));

        // Stopped and resumed, it learns the steps that were left, none of them twice. That the
        // weights are those of one run is seen in tests/offline.rs, alone in its process.
        let stop = AtomicBool::new(false);
        let mut lines = 0;
        let mut say = |_: &str| {
            lines += 1;
            // The second line is that of step 5.
            stop.store(lines >= 2, std::sync::atomic::Ordering::Relaxed);
        };
        let parts = config(root, "parts", 30);
        run(
            &parts,
            false,
            &Device::flex(),
            &mut Control { stop: &stop, say: &mut say, step: &mut |_| {} },
        )
        .unwrap();
        let resumed = train(&parts, true).unwrap();
        assert!(resumed.metrics["auc_drawn"] > 0.95, "{:?}", resumed.metrics);
        // One line more, of the step where it stopped.
        assert_eq!(steps("parts"), [1, 5, 10, 15, 20, 25, 30]);

        let mae = PretrainConfig {
            crops: root.into(),
            out: root.join("mae"),
            trained_on: String::new(),
            licence: String::new(),
            preset: Preset::Stem,
            network: Some(small(true)),
            mask_ratio: 0.5,
            training: Training { steps: 30, ..config(root, "", 30).training },
            hold_out: HoldOut { share: 0.5, ..HoldOut::default() },
            augmentation: augmentation(),
        };
        let stop = AtomicBool::new(false);
        let mut control = Control { stop: &stop, say: &mut |_| {}, step: &mut |_| {} };
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
