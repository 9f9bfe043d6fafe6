//! The training itself: batches come from a second thread, the averaged weights are
//! validated, and what was learned is saved and exported.

use std::{collections::BTreeMap, fs, io::Read, path::Path, thread, time::Instant};

use burn::{
    grad_clipping::GradientClippingConfig,
    module::Module,
    optim::{AdamWConfig, GradientsParams, ModuleOptimizer},
    tensor::Device,
};
use crossbeam_channel::{Receiver, Sender, bounded};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    IMAGE_PX, LandmarkNet, LandmarkTrainConfig,
    data::{self, Faces, pictures_of},
    export::{CARD_FILE, export_landmarks},
    guess,
    loss::{Batch, loss},
    sampler::{Sample, SampleOptions, Sampler},
    validate::Validation,
};
use crate::{
    train::{
        Control, TrainError,
        checkpoint::{self, Progress},
        log::JsonLog,
        record::{BEST, LAST, write_whole},
        weights::Ema,
    },
    vit::{ModelCard, ModelKind},
};

/// Batches that wait ready.
const READY_BATCHES: usize = 4;
/// Steps between two lines of the log.
const LOG_EVERY: usize = 25;

/// What a training came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Steps done.
    pub steps: usize,
    /// Figures of the averaged weights on validation, as named by
    /// [`Validation::measure`].
    pub metrics: BTreeMap<String, f64>,
}

/// A line of the log: one of the two parts is there.
#[derive(Serialize)]
struct LogLine<'a> {
    step: usize,
    seconds: f64,
    learning_rate: f64,
    loss: f64,
    images_per_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<&'a BTreeMap<String, f64>>,
}

/// Trains as configured. The folder `out` then holds `config.toml` (the effective
/// settings), `log.jsonl`, the checkpoints `last` and `best` and `landmarks.onnx`.
///
/// With `resume` it goes on from `last`; a resumed training sees the samples that an
/// uninterrupted one would have seen.
///
/// # Errors
/// When settings, data or checkpoint cannot be used, the disk cannot be written, or the
/// loss diverges.
pub fn run(
    config: &LandmarkTrainConfig,
    resume: bool,
    device: &Device,
    control: &mut Control<'_>,
) -> Result<Report, TrainError> {
    config.validate()?;
    crate::train::record::claim(&config.out, resume)?;
    let mut faces = Faces::read(&config.faces)?;
    if faces.train.is_empty() || faces.validation.is_empty() {
        let why = "it names too few persons to learn from some and validate on others".into();
        return Err(TrainError::Data { path: config.faces.clone(), why });
    }
    faces.train.extend(data::drawn(config.drawn, config.seed));
    let nonfaces = config.nonfaces.as_deref().map_or(Ok(vec![]), pictures_of)?;
    // Every seventh picture without a face is kept for validation.
    let (held, learn): (Vec<_>, Vec<_>) =
        nonfaces.into_iter().enumerate().partition(|(index, _)| index % 7 == 0);
    let strip = |list: Vec<(usize, _)>| list.into_iter().map(|(_, file)| file).collect::<Vec<_>>();
    let (held, learn) = (strip(held), strip(learn));
    (control.say)(&format!(
        "{} faces to learn from, {} of other people to validate on, {} pictures without a face",
        faces.train.len(),
        faces.validation.len(),
        learn.len() + held.len()
    ));
    fs::create_dir_all(&config.out).map_err(TrainError::io(&config.out, "written"))?;
    save_config(config)?;
    let validation = Validation::prepare(&faces.validation, &held, config.seed)?;
    let digest = digest(&config.faces)?;

    let training = device.clone().autodiff();
    training.seed(config.seed);
    let mut fresh = LandmarkNet::new(&faces.mean_shape(), &training);
    if let Some(start) = &config.start_from {
        fresh = checkpoint::load_average(start, fresh)?;
        if let Some(folder) = &config.closed_faces {
            let closed = guess::closed_faces(&fresh.valid(), &pictures_of(folder)?, device)?;
            (control.say)(&format!("{} faces with closed eyes, points guessed", closed.len()));
            faces.train.extend(closed);
        }
    }
    let mut optimizer = AdamWConfig::new()
        .with_beta_2(0.99)
        .with_epsilon(1e-8)
        .with_weight_decay(config.weight_decay)
        .with_grad_clipping(Some(GradientClippingConfig::Norm(config.clip_norm)))
        .init();
    let last = config.out.join(LAST);
    let (mut net, mut ema, mut progress);
    if resume {
        let average;
        (net, average, optimizer, progress) = checkpoint::load(&last, fresh, optimizer)?;
        ema = Ema::new(&average, config.ema_decay, progress.step)?;
    } else {
        net = fresh;
        ema = Ema::new(&net, config.ema_decay, 0)?;
        progress = Progress::default();
    }

    let sampler = Sampler::new(
        faces.train,
        learn,
        SampleOptions {
            photometric: config.photometric.clone(),
            cover: config.cover,
            negatives: if held.is_empty() { 0.0 } else { config.negatives },
            tight: config.tight,
            precise_share: config.precise_share,
            known_closed_share: config.known_closed_share,
            closed_weight: config.closed_weight,
        },
        config.seed,
    );
    let (sender, batches) = bounded(READY_BATCHES);
    let numbers = (progress.step..config.steps).map(|step| step as u64);
    thread::scope(|scope| {
        let size = config.batch_size;
        scope.spawn(move || prepare_batches(&sampler, numbers, size, &sender));
        let mut state = State {
            config,
            device,
            training: &training,
            validation: &validation,
            digest: &digest,
            log: JsonLog::open(&config.out.join("log.jsonl"), resume)?,
            metrics: BTreeMap::new(),
        };
        let result = state.steps(&mut net, &mut ema, optimizer, &mut progress, &batches, control);
        // The sending thread ends when nobody listens any more.
        drop(batches);
        result
    })
}

fn prepare_batches(
    sampler: &Sampler,
    steps: impl Iterator<Item = u64>,
    size: usize,
    sender: &Sender<Result<Vec<Sample>, TrainError>>,
) {
    for step in steps {
        let first = step * size as u64;
        let batch = (first..first + size as u64).map(|number| sampler.sample(number)).collect();
        if sender.send(batch).is_err() {
            return;
        }
    }
}

struct State<'a> {
    config: &'a LandmarkTrainConfig,
    device: &'a Device,
    training: &'a Device,
    validation: &'a Validation,
    digest: &'a str,
    log: JsonLog,
    metrics: BTreeMap<String, f64>,
}

impl State<'_> {
    fn steps(
        &mut self,
        net: &mut LandmarkNet,
        ema: &mut Ema,
        mut optimizer: ModuleOptimizer,
        progress: &mut Progress,
        batches: &Receiver<Result<Vec<Sample>, TrainError>>,
        control: &mut Control<'_>,
    ) -> Result<Report, TrainError> {
        let config = self.config;
        let schedule = config.schedule();
        let (began, first) = (Instant::now(), progress.step);
        let mut running = 0.0;
        while progress.step < config.steps {
            let samples = batches.recv().map_err(|_| TrainError::LoaderStopped)??;
            let batch = Batch::new(&samples, self.training);
            let eyes = net.eyes.forward(batch.cuts.clone());
            let cost = loss(&net.face(batch.image.clone()), &eyes, &batch);
            let value = f64::from(cost.clone().into_scalar::<f32>());
            if !value.is_finite() {
                return Err(TrainError::Diverged { step: progress.step });
            }
            let gradients = GradientsParams::from_grads(cost.backward(), net);
            let rate = schedule.at(progress.step);
            *net = optimizer.step(rate, net.clone(), gradients);
            ema.update(net)?;
            progress.step += 1;
            let step = progress.step;
            running = if running == 0.0 { value } else { 0.95 * running + 0.05 * value };

            let last = step == config.steps || control.stopped();
            let validate = last || step.is_multiple_of(config.validate_every);
            if validate || step.is_multiple_of(LOG_EVERY) {
                if validate {
                    self.validate(net, ema, &optimizer, progress)?;
                }
                let seconds = began.elapsed().as_secs_f64();
                let line = LogLine {
                    step,
                    seconds,
                    learning_rate: rate,
                    loss: running,
                    images_per_s: ((step - first) * config.batch_size) as f64 / seconds.max(1e-9),
                    validation: validate.then_some(&self.metrics),
                };
                self.log.write(&line)?;
                (control.say)(&line.for_people(config.steps));
            }
            if last {
                break;
            }
        }
        Ok(Report { steps: progress.step, metrics: self.metrics.clone() })
    }

    /// Measures the averaged weights, saves `last` and, where they are the best so far,
    /// `best` and the exported model.
    fn validate(
        &mut self,
        net: &LandmarkNet,
        ema: &Ema,
        optimizer: &ModuleOptimizer,
        progress: &mut Progress,
    ) -> Result<(), TrainError> {
        let average = ema.apply(net.valid());
        self.metrics = self.validation.measure(&average, self.device)?;
        let score = score(&self.metrics);
        let better = progress.best.is_none_or(|best| score < best);
        if better {
            progress.best = Some(score);
        }
        for (name, save) in [(LAST, true), (BEST, better)] {
            if save {
                let folder = self.config.out.join(name);
                checkpoint::save(&folder, net, &average, optimizer, *progress)?;
            }
        }
        if better {
            let card = card(self.digest, &self.metrics);
            let bytes = export_landmarks(&average, &card)?;
            write_whole(&self.config.out.join(CARD_FILE), &serde_json::to_vec_pretty(&card)?)?;
            write_whole(&self.config.out.join("landmarks.onnx"), &bytes)?;
        }
        Ok(())
    }
}

impl LogLine<'_> {
    fn for_people(&self, steps: usize) -> String {
        let mut text = format!(
            "step {}/{steps}  {:.0} s  loss {:.3}  {:.0} images/s",
            self.step, self.seconds, self.loss, self.images_per_s
        );
        for (name, value) in self.validation.into_iter().flatten() {
            text += &format!("  {name} {value:.4}");
        }
        text
    }
}

/// Smaller is better: the errors that users meet, and twice the eyes.
fn score(metrics: &BTreeMap<String, f64>) -> f64 {
    let get = |name: &str| metrics.get(name).copied().unwrap_or(0.0);
    let errors: f64 = ["plain", "turned", "dark", "mask", "glasses", "coarse"]
        .iter()
        .map(|name| get(&format!("error_{name}")))
        .sum();
    errors + 2.0 * get("eye_error_plain") + 0.1 * (1.0 - get("ear_auc"))
}

fn card(digest: &str, metrics: &BTreeMap<String, f64>) -> ModelCard {
    ModelCard {
        kind: ModelKind::Landmarks,
        name: "landmarks".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        image_px: IMAGE_PX,
        patch_px: IMAGE_PX,
        channels: 1,
        mean: vec![0.0],
        std: vec![1.0],
        labels: vec![],
        q_mask: vec![],
        threshold: 0.5,
        licence: "for research and evaluation; retrain on data of your own for other uses".into(),
        trained_on: "faces of HELEN and YouTube Faces with 68 points, covers drawn over some; \
                     faces that the demo driver's painter drew; ImageNet samples without faces"
            .into(),
        split: "subject-disjoint".into(),
        limits: "points of covered parts are guesses; heads turned away by more than about \
                 45 degrees, faces under 40 pixels and lids of blurred pictures are placed badly"
            .into(),
        data_digest: digest.into(),
        metrics: metrics.clone(),
        vit: None,
    }
}

fn save_config(config: &LandmarkTrainConfig) -> Result<(), TrainError> {
    let path = config.out.join("config.toml");
    let text = toml::to_string(config)
        .map_err(|error| TrainError::Config { path: path.clone(), why: error.to_string() })?;
    fs::write(&path, text).map_err(TrainError::io(&path, "written"))
}

/// SHA-256 of the list, hexadecimal.
fn digest(list: &Path) -> Result<String, TrainError> {
    let mut file = fs::File::open(list).map_err(TrainError::io(list, "read"))?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        let count = file.read(&mut buffer).map_err(TrainError::io(list, "read"))?;
        if count == 0 {
            return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hash.update(&buffer[..count]);
    }
}
