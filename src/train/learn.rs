//! The loop that all trainings of networks share: batches made ahead, a step by all
//! replicas, the running average, validation, checkpoints, the log with its curves, early
//! stopping, and going on exactly where a run was cut off.

use std::{collections::BTreeMap, path::Path, thread, time::Instant};

use burn::{
    module::Module,
    optim::lr_scheduler::module_lr_scheduler::ModuleLearningRate,
    tensor::{Device, Tensor},
};
use image::RgbImage;
use serde::Serialize;

use super::{
    Control, Step, TrainError,
    checkpoint::{self, Progress},
    curves, device,
    log::JsonLog,
    record::{BEST, LAST, RunRecord},
    replicas::{Part, Replicas, optimizer},
    settings::Training,
    weights::Ema,
};
use crate::evaluate::metrics::Confusion;

/// Name of the log in a run's folder, one JSON object a line.
pub(crate) const LOG_FILE: &str = "log.jsonl";
/// Name of the learning curves in a run's folder.
pub(crate) const CURVES_FILE: &str = "curves.png";
/// Name of the picture that a validation leaves in a run's folder.
pub(crate) const PICTURE_FILE: &str = "reconstruction.png";

/// What is learned and how it is measured.
pub(super) trait Task: Sync {
    /// The network.
    type Model: Module + Send + Sync;
    /// A part of a batch, ready for the network.
    type Batch: Send + Sync;

    /// Makes a part of a batch; runs ahead on a thread of its own.
    fn batch(&self, part: Part) -> Self::Batch;

    /// Lets the parts of a batch know of each other before they are learned from.
    fn join(&self, _parts: &mut [Self::Batch]) {}

    /// A part's share of the loss of its whole batch.
    fn loss(&self, model: &Self::Model, batch: &Self::Batch) -> Result<Tensor<1>, TrainError>;

    /// Measures the averaged weights on the validation side.
    fn validate(&self, average: &Self::Model, replicas: &Replicas)
    -> Result<Validated, TrainError>;

    /// The learning rate of each part of the network where the highest is `rate`.
    fn learning_rate(&self, rate: f64) -> ModuleLearningRate {
        rate.into()
    }
}

/// What a validation came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Validated {
    /// What checkpoints are chosen by; smaller is better.
    pub(super) figure: f64,
    /// Figures by name.
    pub(super) metrics: BTreeMap<String, f64>,
    /// Counts of truth against answer, by group.
    pub(super) confusion: BTreeMap<String, Confusion>,
    /// Probability from which a crop was called drowsy.
    pub(super) threshold: Option<f64>,
    /// What logits are divided by before they become probabilities.
    pub(super) temperature: Option<f64>,
    /// The figures that count, for people.
    pub(super) words: String,
    /// Something to look at.
    pub(super) picture: Option<RgbImage>,
}

/// The first line of a run in the log, and of each part of a resumed one.
#[derive(Serialize)]
struct Started<'a> {
    started: &'static str,
    /// Step from which it goes on.
    step: usize,
    steps: usize,
    batch: usize,
    replicas: usize,
    weights: usize,
    device: &'a str,
}

/// A line of the log.
#[derive(Serialize)]
struct Line<'a> {
    step: usize,
    learning_rate: f64,
    loss: f64,
    crops_per_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<&'a BTreeMap<String, f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confusion: Option<&'a BTreeMap<String, Confusion>>,
}

/// Where and how a run learns.
pub(super) struct Run<'a> {
    pub(super) training: &'a Training,
    /// The run's folder.
    pub(super) out: &'a Path,
    pub(super) resume: bool,
    /// What computes; gradients are on top of it.
    pub(super) device: &'a Device,
}

impl Run<'_> {
    /// Learns from `model` on. The run's folder then holds `run.json`, the log with its
    /// curves, and the checkpoints `last` and `best`.
    ///
    /// # Errors
    /// When the disk cannot be written (the checkpoint before is kept), the checkpoint to
    /// go on from cannot be used, or the loss is no number any more.
    pub(super) fn learn<T: Task>(
        &self,
        task: &T,
        mut model: T::Model,
        mut record: RunRecord,
        control: &mut Control<'_>,
    ) -> Result<RunRecord, TrainError> {
        let training = self.training;
        let mut optimizer = optimizer(training);
        let mut progress = Progress::default();
        let mut ema = Ema::new(&model, training.ema_decay, 0)?;
        if self.resume {
            let average;
            (model, average, optimizer, progress) =
                checkpoint::load(&self.out.join(LAST), model, optimizer)?;
            ema = Ema::new(&average, training.ema_decay, progress.step)?;
            record = RunRecord::load(self.out)?;
        }
        let replicas = Replicas::new(training, self.device)?;
        let device = device::name(self.device);
        let mut log = match self.resume {
            true => JsonLog::resume(&self.out.join(LOG_FILE), progress.step)?,
            false => JsonLog::create(&self.out.join(LOG_FILE))?,
        };
        log.write(&Started {
            started: if self.resume { "again" } else { "new" },
            step: progress.step,
            steps: training.steps,
            batch: training.batch,
            replicas: replicas.count(),
            weights: model.num_params(),
            device: &device,
        })?;
        (control.say)(&format!(
            "{} weights; batches of {} on {} {} of {device}{}",
            model.num_params(),
            training.batch,
            replicas.count(),
            if replicas.count() == 1 { "replica" } else { "replicas" },
            if self.resume { format!(", from step {} on", progress.step) } else { String::new() }
        ));
        let mut state = State { run: self, task, replicas: &replicas, log, record, progress };
        let from = state.progress.step;
        let make = |part: Part| task.batch(part);
        let learned = thread::scope(|scope| {
            let mut loader = replicas.load(scope, training, from, &make);
            let mut next = || {
                let mut parts = loader.take()?;
                task.join(&mut parts);
                Ok(parts)
            };
            state.steps(model, optimizer, &mut ema, &mut next, control)
            // The loader ends here, and its threads with it.
        });
        match learned {
            Ok(()) => Ok(state.record),
            // Nothing was saved that would be kept before the first validation.
            Err(error) => Err(error.kept(self.out, state.progress.saved)),
        }
    }
}

struct State<'a, T: Task> {
    run: &'a Run<'a>,
    task: &'a T,
    replicas: &'a Replicas,
    log: JsonLog,
    record: RunRecord,
    progress: Progress,
}

impl<T: Task> State<'_, T> {
    fn steps(
        &mut self,
        mut model: T::Model,
        mut optimizer: burn::optim::ModuleOptimizer,
        ema: &mut Ema,
        next: &mut dyn FnMut() -> Result<Vec<T::Batch>, TrainError>,
        control: &mut Control<'_>,
    ) -> Result<(), TrainError> {
        let training = self.run.training;
        let learner = self.run.device.clone().autodiff();
        let schedule = training.schedule();
        let (mut sum, mut count, mut since) = (0.0, 0usize, Instant::now());
        while self.progress.step < training.steps {
            let step = self.progress.step;
            let parts = next()?;
            let work = |model: &T::Model, part: &T::Batch| self.task.loss(model, part);
            let (gradients, loss) = self.replicas.step(&model, &learner, &parts, work)?;
            if !loss.is_finite() {
                return Err(TrainError::Diverged { step });
            }
            let rate = schedule.at(step);
            model = optimizer.step(self.task.learning_rate(rate), model, gradients);
            ema.update(&model)?;
            self.progress.step += 1;
            (sum, count) = (sum + loss, count + 1);
            let crops_per_s = |count: usize, since: Instant| {
                (count * training.batch) as f64 / since.elapsed().as_secs_f64().max(1e-9)
            };
            (control.step)(&Step {
                step: self.progress.step,
                steps: training.steps,
                loss,
                crops_per_s: crops_per_s(count, since),
            });

            let stopped = control.stopped();
            let last = self.progress.step == training.steps || stopped;
            let validate = last || self.progress.step.is_multiple_of(training.validate_every);
            let rate_now = crops_per_s(count, since);
            // A copy with running statistics of its own: a clone would share the model's.
            let average = validate.then(|| ema.apply(model.valid()));
            let validated = match &average {
                Some(average) => Some(self.task.validate(average, self.replicas)?),
                None => None,
            };
            if validate || self.progress.step.is_multiple_of(training.log_every) {
                let line = Line {
                    step: self.progress.step,
                    learning_rate: rate,
                    loss: sum / count as f64,
                    crops_per_s: rate_now,
                    validation: validated.as_ref().map(|validated| &validated.metrics),
                    confusion: validated
                        .as_ref()
                        .map(|validated| &validated.confusion)
                        .filter(|confusion| !confusion.is_empty()),
                };
                self.log.write(&line)?;
                let words = validated.as_ref().map_or(String::new(), |v| format!("; {}", v.words));
                (control.say)(&format!(
                    "step {} of {}: loss {:.4}, {rate_now:.0} crops/s{words}",
                    line.step, training.steps, line.loss
                ));
                (sum, count, since) = (0.0, 0, Instant::now());
            }
            // After its line in the log: a run that is killed in between goes on from the
            // save before, and neither lacks a line nor has one twice.
            if let (Some(average), Some(validated)) = (&average, &validated) {
                self.save(&model, average, &optimizer, validated)?;
            }
            if validate {
                curves::draw(self.log.path(), &self.run.out.join(CURVES_FILE))?;
            }
            if stopped {
                (control.say)(&format!(
                    "stopped after step {}, saved; --resume goes on",
                    self.progress.step
                ));
                break;
            }
            if validate && training.patience > 0 && self.progress.stale >= training.patience {
                (control.say)(&format!(
                    "{} validations brought nothing better than step {}: stopped early",
                    self.progress.stale, self.progress.best_step
                ));
                break;
            }
        }
        Ok(())
    }

    /// Saves what was measured. The best comes first: a run that is killed in between goes
    /// on from the older `last` and finds the same again.
    fn save(
        &mut self,
        model: &T::Model,
        average: &T::Model,
        optimizer: &burn::optim::ModuleOptimizer,
        validated: &Validated,
    ) -> Result<(), TrainError> {
        let out = self.run.out;
        let mut progress = self.progress;
        let better = progress.best.is_none_or(|best| validated.figure < best);
        if better {
            progress.best = Some(validated.figure);
            (progress.best_step, progress.stale) = (progress.step, 0);
        } else {
            progress.stale += 1;
        }
        progress.saved = Some(progress.step);
        if better {
            checkpoint::save(&out.join(BEST), model, average, optimizer, progress)?;
            self.record.metrics.clone_from(&validated.metrics);
            self.record.steps = progress.step;
            if let Some(threshold) = validated.threshold {
                self.record.threshold = threshold as f32;
            }
            if let Some(temperature) = validated.temperature {
                self.record.temperature = temperature as f32;
            }
            self.record.save(out)?;
        }
        if let Some(picture) = &validated.picture {
            let path = out.join(PICTURE_FILE);
            super::write_png(picture, &path)?;
        }
        checkpoint::save(&out.join(LAST), model, average, optimizer, progress)?;
        self.progress = progress;
        Ok(())
    }
}
