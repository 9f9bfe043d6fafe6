//! Fine-tuning: the classifier, from a pretrained encoder or from nothing, on balanced
//! batches with the Q mask in every layer.

use std::{collections::BTreeMap, path::Path};

use burn::{
    module::ParamGroup,
    optim::lr_scheduler::module_lr_scheduler::{ModuleLearningRate, ModuleLrScheduler},
    tensor::{Device, Tensor, TensorData},
};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{
    Control, TrainError, checkpoint,
    classifier::Classifier,
    draw::{Draw, Drawn},
    graph::Normalisation,
    learn::{Run, Task, Validated},
    losses::{binary, cross_entropy, smooth_l1},
    mae::Mae,
    pretrain::Data,
    record::{BEST, RunRecord, name},
    replicas::{Part, Replicas},
    samples::{self, Sample},
    settings,
    targets::{Targets, needed, shut_eyes, visible, with_lids},
    validation::{Figures, Judged, judge, measure, measure_eyes, measure_seen, patches, tensors},
};
use crate::{
    dataset::{crops::halves, manifest::Item},
    vit::{ModelKind, VitConfig},
};

mod config;
#[cfg(test)]
mod tests;

pub use config::FinetuneConfig;

/// Crops that are judged at once.
const VALIDATION_BATCH: usize = 128;

/// The classifier to start from, its shape, its normalisation and its name for people.
fn start(
    config: &FinetuneConfig,
    data: &Data,
    learner: &Device,
) -> Result<(Classifier, VitConfig, Normalisation, String), TrainError> {
    if let Some(folder) = &config.weights {
        let record = RunRecord::load(folder)?;
        let vit = record.vit()?.clone();
        vit.validate()?;
        let weights = folder.join(BEST);
        let classifier = checkpoint::load_average(&weights, Classifier::new(&vit, learner))?;
        return Ok((classifier, vit, record.normalisation, record.name));
    }
    let name = name(config.preset, config.network.is_some());
    let Some(folder) = &config.pretrained else {
        let vit = settings::shape(config.preset, config.network.as_ref())?;
        let vit = VitConfig { q_mask: config.q_mask.unwrap_or(vit.q_mask), ..vit };
        let (mean, std) = data.set.channel_statistics();
        return Ok((Classifier::new(&vit, learner), vit, Normalisation { mean, std }, name));
    };
    let record = RunRecord::load(folder)?;
    let vit = record.vit()?.clone();
    vit.validate()?;
    let mae = checkpoint::load_average(&folder.join(BEST), Mae::new(&vit, learner))?;
    // The Q mask has no weights, so the one that is written out here counts.
    let own = config.q_mask.or(config.network.as_ref().map(|own| own.q_mask));
    let vit = VitConfig { q_mask: own.unwrap_or(vit.q_mask), ..vit };
    let mut classifier = Classifier::new(&vit, learner);
    classifier.encoder = mae.encoder;
    Ok((classifier, vit, record.normalisation, name))
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
    let (drowsy, awake) = (&config.drowsy_shares, &config.awake_shares);
    let draw = Draw::new(items, &data.train, drowsy, awake, config.shares())
        .ok_or_else(|| missing_class(&config.crops))?;
    let held_where = |holds: fn(&Item) -> bool| -> Vec<usize> {
        data.validation.iter().copied().filter(|&at| holds(&items[at])).collect()
    };
    let held = held_where(|item| item.label.is_some());
    let held_eyes =
        held_where(|item| item.eyes_closed.is_some() || item.eyes_readable == Some(false));
    let learner = device.clone().autodiff();
    learner.seed(training.seed);
    let (model, vit, by, name) = start(config, &data, &learner)?;
    (control.say)(&data.describe(held.len()));
    let record = RunRecord {
        trained_on: config.trained_on.clone(),
        licence: config.licence.clone(),
        split: config.hold_out.describe(),
        ..RunRecord::begin(ModelKind::Drowsiness, name, Some(&vit), by, &data.set.digest)
    };
    let data = &data;
    let task = Finetuning { config, data, draw, held, held_eyes, vit: &vit, by, learner, device };
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
    /// Crops of the validation side of which is known whether the eyes are shut, or that
    /// nobody can read them.
    held_eyes: Vec<usize>,
    vit: &'a VitConfig,
    by: Normalisation,
    /// Where gradients are computed.
    learner: Device,
    /// Where nothing but results is.
    device: &'a Device,
}

/// Crops as the network is shown them, with what they are compared with.
#[derive(Default)]
struct Shown {
    samples: Vec<Sample>,
    targets: Targets,
}

/// A part of a batch.
#[derive(Default)]
struct Batch {
    faces: Shown,
    /// Crops that show nothing but eyes. Only the two patches with the eyes are computed, and
    /// those only as far as the heads on them: a third of the work of a face.
    eyes_only: Shown,
    /// What drop path multiplies branches by, `[2 * depth]` a face; empty without it.
    paths: Vec<Vec<f32>>,
    /// Labelled crops of the whole batch, and the known signs, aspect ratios and eyes in it.
    counts: [f32; 4],
}

impl Finetuning<'_> {
    /// One crop changed at random, with its labels.
    fn sample(&self, drawn: Drawn, rng: &mut ChaCha8Rng) -> (Sample, Targets) {
        let stored = &self.data.set.items[drawn.at];
        let image = &self.data.set.images[drawn.at];
        let right = drawn.right.map(|right| {
            let item = &self.data.set.items[right];
            (halves(image.clone(), &self.data.set.images[right]), shut_eyes(item)[1])
        });
        let image = right.as_ref().map_or(image, |(both, _)| both);
        let (item, lids) = with_lids(stored, drawn.shut, self.config.low_lids, rng);
        let by = &self.config.augmentation;
        let sample =
            samples::changed(image, visible(&item), needed(&item), lids, self.vit, by, rng);
        let [left, own] = shut_eyes(&item);
        let shut = [left, right.as_ref().map_or(own, |(_, shut)| *shut)];
        let targets = Targets::new(&item, shut, &sample, self.config.label_smoothing);
        (sample, targets)
    }

    /// Mixes a crop with another one, where both show the same patches.
    fn mix(&self, sample: &mut Sample, targets: &mut Targets, rng: &mut ChaCha8Rng) {
        let drawn = self.draw.any(rng);
        let (other, others) = self.sample(drawn, rng);
        let share = beta(self.config.mixup, rng);
        if other.keep != sample.keep || drawn.right.is_some() {
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

    /// The loss of the crops that show a face; there is at least one.
    fn loss_of_faces(&self, model: &Classifier, batch: &Batch) -> Tensor<1> {
        let Batch { faces: Shown { samples, targets }, paths, .. } = batch;
        let [crops, signs, aspects, eyes] = batch.counts;
        let (patches, keep, places) = tensors(samples, self.vit, &self.by, &self.learner);
        let paths = paths.first().filter(|path| !path.is_empty()).map(|path| {
            let values: Vec<f32> = paths.iter().flatten().copied().collect();
            let data = TensorData::new(values, [paths.len(), path.len()]);
            Tensor::<2>::from_data(data, &self.learner).transpose()
        });
        let answer = model.forward_dropping(patches, places, keep, paths.as_ref());
        let rows = |values: &[f32]| self.rows(values, samples.len());
        // A shape without heads on the eyes has no sign of looking down.
        let width = answer.signs.dims()[1];
        let some = |values: &[f32]| rows(values).narrow(1, 0, width);
        let signs = binary(answer.signs, some(&targets.signs), some(&targets.signs_known), signs);
        let aspects = smooth_l1(
            answer.aspects,
            rows(&targets.aspects),
            rows(&targets.aspects_known),
            aspects,
        );
        let loss = cross_entropy(answer.logits, rows(&targets.label), crops)
            + signs.mul_scalar(self.config.signs_weight)
            + aspects.mul_scalar(self.config.aspects_weight);
        match answer.eyes {
            Some(answer) => {
                let eyes = binary(answer, rows(&targets.eyes), rows(&targets.eyes_known), eyes);
                loss + eyes.mul_scalar(self.config.eyes_weight)
            }
            None => loss,
        }
    }

    /// The loss of the crops that show nothing but eyes; `None` without any, and for a shape
    /// without heads on the eyes, which learns nothing from them.
    fn loss_of_eyes(&self, model: &Classifier, batch: &Batch) -> Option<Tensor<1>> {
        let Shown { samples, targets } = &batch.eyes_only;
        let places = self.vit.eye_patches().filter(|_| !samples.is_empty())?;
        let patches = patches(samples, &places, self.vit, &self.by, &self.learner);
        let answer = model.forward_eyes(patches)?;
        let rows = |values: &[f32]| self.rows(values, samples.len());
        let known = rows(&targets.eyes_known);
        let loss = binary(answer, rows(&targets.eyes), known, batch.counts[3]);
        Some(loss.mul_scalar(self.config.eyes_weight))
    }

    /// Values in `count` rows.
    fn rows(&self, values: &[f32], count: usize) -> Tensor<2> {
        let wide = values.len() / count.max(1);
        Tensor::from_data(TensorData::new(values.to_vec(), [count, wide]), &self.learner)
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

impl Task for Finetuning<'_> {
    type Model = Classifier;
    type Batch = Batch;

    fn batch(&self, part: Part) -> Batch {
        let mut batch = Batch::default();
        for (number, mut rng) in part.crops() {
            let drawn = self.draw.one(number, &mut rng);
            let (mut sample, mut targets) = self.sample(drawn, &mut rng);
            let shown = if drawn.right.is_some() {
                &mut batch.eyes_only
            } else {
                if self.config.mixup > 0.0 {
                    self.mix(&mut sample, &mut targets, &mut rng);
                }
                batch.paths.push(self.paths(&mut rng));
                &mut batch.faces
            };
            shown.samples.push(sample);
            shown.targets.append(targets);
        }
        batch
    }

    fn join(&self, parts: &mut [Batch]) {
        let sum = |known: fn(&Targets) -> &[f32]| -> f32 {
            let all = parts.iter().flat_map(|part| [&part.faces, &part.eyes_only]);
            all.map(|shown| known(&shown.targets).iter().sum::<f32>()).sum()
        };
        let counts = [
            // The probabilities of a label sum to 1.
            sum(|t| &t.label),
            sum(|t| &t.signs_known),
            sum(|t| &t.aspects_known),
            sum(|t| &t.eyes_known),
        ];
        parts.iter_mut().for_each(|part| part.counts = counts);
    }

    fn loss(&self, model: &Classifier, batch: &Batch) -> Result<Tensor<1>, TrainError> {
        let mut loss = Tensor::zeros([1], &self.learner);
        if !batch.faces.samples.is_empty() {
            loss = loss + self.loss_of_faces(model, batch);
        }
        if let Some(eyes) = self.loss_of_eyes(model, batch) {
            loss = loss + eyes;
        }
        Ok(loss)
    }

    fn validate(&self, average: &Classifier, replicas: &Replicas) -> Result<Validated, TrainError> {
        let items = &self.data.set.items;
        // Each crop is judged once, whatever it is measured by.
        let mut which = [&self.held[..], &self.held_eyes].concat();
        which.sort_unstable();
        which.dedup();
        let chunks: Vec<&[usize]> = which.chunks(VALIDATION_BATCH).collect();
        let judged = replicas.map(average, &chunks, |model, chunk| {
            let samples: Vec<Sample> = chunk
                .iter()
                .map(|&at| samples::plain(&self.data.set.images[at], visible(&items[at]), self.vit))
                .collect();
            judge(model, &samples, self.vit, &self.by, self.device)
        })?;
        let judged: BTreeMap<usize, Judged> = which.into_iter().zip(judged.concat()).collect();
        let odds: Vec<f64> = self.held.iter().map(|at| judged[at].odds).collect();
        let mut measured = measure(items, &self.held, &odds, &self.config.noisy);
        let shut = |at: &usize| Some((*at, judged[at].shut?));
        measure_eyes(items, self.held_eyes.iter().filter_map(shut), &mut measured);
        let seen = |at: &usize| Some((*at, judged[at].seen?));
        measure_seen(items, self.held_eyes.iter().filter_map(seen), &mut measured);
        Ok(Validated {
            // A checkpoint's best is smallest.
            figure: 1.0 - measured.mean_auc,
            words: sentence(&measured),
            threshold: Some(measured.threshold),
            temperature: Some(measured.temperature),
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
        why: "awake or drowsy crops, or those of another share, are missing on the training \
              side, or their collections have no share; check the labels, hold_out and the \
              shares"
            .into(),
    }
}
