//! The training itself, as a task of the shared loop ([`learn`](crate::train::learn)).

use std::path::PathBuf;

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{
    LandmarkNet, LandmarkTrainConfig,
    data::{self, Faces, pictures_of},
    guess, import,
    loss::{Batch, Totals, loss},
    sampler::{Sample, Sampler},
    sheet,
    validate::{Validation, look},
};
use crate::{
    dataset::points,
    train::{
        Control, TrainError, checkpoint,
        graph::Normalisation,
        learn::{Run, Task, Validated},
        record::{RunRecord, claim},
        replicas::{Part, Replicas},
        settings, write_png,
    },
    vit::ModelKind,
};

/// Pictures that are judged at once.
const VALIDATION_BATCH: usize = 64;
/// Name of the picture with what the network is shown, in the run's folder.
const SHEET_FILE: &str = "samples.png";
/// Samples on it.
const SHEET: usize = 80;
/// Samples by which the normalisations of an imported model are set.
const CALIBRATION: usize = 192;
/// Every so manyth picture without a face is kept for validation.
const NONFACES_HELD_OUT: usize = 7;
/// Which faces validate, for the model card.
const SPLIT: &str = "subject-disjoint";

/// Trains as configured. The folder `out` then holds `config.toml` (the effective
/// settings), `samples.png` (what the network is shown), `log.jsonl`, `curves.png`,
/// `run.json` and the checkpoints `last` and `best`; with `turned_faces` also `guesses.jsonl`, the points that were guessed.
///
/// With `resume` it goes on from `last`; a resumed training sees the samples that an
/// uninterrupted one would have seen.
///
/// # Errors
/// When settings, data or checkpoint cannot be used, the disk cannot be written, or the
/// loss is no number any more.
pub fn run(
    config: &LandmarkTrainConfig,
    resume: bool,
    device: &Device,
    control: &mut Control<'_>,
) -> Result<RunRecord, TrainError> {
    config.validate()?;
    let training = &config.training;
    claim(&config.out, resume)?;
    let mut faces = Faces::read(&config.faces)?;
    if faces.train.is_empty() || faces.validation.is_empty() {
        let why = "it names too few persons to learn from some and validate on others".into();
        return Err(TrainError::Data { path: config.faces.clone(), why });
    }
    let nonfaces = config.nonfaces.as_deref().map_or(Ok(vec![]), pictures_of)?;
    let (held, learn) = apart(nonfaces);
    std::fs::create_dir_all(&config.out).map_err(TrainError::io(&config.out, "written"))?;
    settings::write(config, &config.out)?;
    let learner = device.clone().autodiff();
    learner.seed(training.seed);
    let mean = faces.mean_shape();
    let mut model = begin(config, &mean, &learner)?;
    faces.train.extend(data::drawn(config.drawn, training.seed));
    let mut unseen = Vec::new();
    if let Some(list) = &config.turned_faces {
        let (held, shown): (Vec<_>, Vec<_>) =
            points::read_five(list)?.into_iter().partition(points::FivePointFace::held_out);
        let kept = config.out.join(guess::GUESSES);
        let net = model.valid();
        let guesses = guess::Guesser { net: &net, mean: &mean, device };
        let guessed = guesses.turned_faces(&shown, &kept, resume, control)?;
        unseen = guess::validation(&held, &mean)?;
        faces.train.extend(guessed);
    }
    if let Some(folder) = &config.closed_faces {
        let closed = guess::closed_faces(&model.valid(), &pictures_of(folder)?, device)?;
        (control.say)(&format!("{} faces with closed eyes, points guessed", closed.len()));
        faces.train.extend(closed);
    }
    (control.say)(&format!(
        "{} faces to learn from, {} of other people to validate on, {} pictures without a face",
        faces.train.len(),
        faces.validation.len() + unseen.len(),
        learn.len() + held.len()
    ));
    let mut validation = Validation::prepare(&faces.validation, &held, training.seed)?;
    validation.add_unseen(&unseen, training.seed)?;
    let (options, photometric) = (config.samples.clone(), config.photometric.clone());
    let sampler = Sampler::new(faces.train, learn, options, photometric);
    let rng = &mut ChaCha8Rng::seed_from_u64(training.seed);
    let mut some = |count: usize| -> Result<Vec<Sample>, TrainError> {
        (0..count).map(|_| sampler.sample(rng)).collect()
    };
    if !resume {
        write_png(&sheet::draw(&some(SHEET)?), &config.out.join(SHEET_FILE))?;
    }
    let exported = config.start_from.as_ref().is_some_and(|start| start.is_file());
    if exported && !resume {
        model = import::calibrate(model, &Batch::new(&some(CALIBRATION)?, &learner))?;
    }
    let by = Normalisation { mean: [0.0; 3], std: [1.0; 3] };
    let record = RunRecord {
        trained_on: config.trained_on.clone(),
        licence: config.licence.clone(),
        split: SPLIT.into(),
        ..RunRecord::begin(
            ModelKind::Landmarks,
            "landmarks".into(),
            None,
            by,
            &crate::os::digest(&config.faces).map_err(TrainError::io(&config.faces, "read"))?,
        )
    };
    let task = Learning { sampler, validation, learner, device };
    Run { training, out: &config.out, resume, device }.learn(&task, model, record, control)
}

/// The network to begin with: random, of a checkpoint, or of an exported model.
fn begin(
    config: &LandmarkTrainConfig,
    mean: &[[f32; 2]; 68],
    learner: &Device,
) -> Result<LandmarkNet, TrainError> {
    let fresh = LandmarkNet::new(mean, learner);
    match &config.start_from {
        None => Ok(fresh),
        Some(file) if file.is_file() => import::read(file, fresh),
        Some(folder) => checkpoint::load_average(folder, fresh),
    }
}

/// Pictures without a face: those to validate on, those to learn from.
fn apart(files: Vec<PathBuf>) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let (held, learn): (Vec<_>, Vec<_>) =
        files.into_iter().enumerate().partition(|(at, _)| at % NONFACES_HELD_OUT == 0);
    let strip = |list: Vec<(usize, _)>| list.into_iter().map(|(_, file)| file).collect();
    (strip(held), strip(learn))
}

/// The faces and what is kept of them, as a task.
struct Learning<'a> {
    sampler: Sampler,
    validation: Validation,
    /// Where gradients are computed.
    learner: Device,
    /// Where nothing but results is.
    device: &'a Device,
}

/// A part of a batch, or why there is none.
struct Samples {
    made: Result<Vec<Sample>, String>,
    totals: Totals,
}

impl Task for Learning<'_> {
    type Model = LandmarkNet;
    type Batch = Samples;

    fn batch(&self, part: Part) -> Samples {
        let made: Result<Vec<_>, _> =
            part.crops().map(|(_, mut rng)| self.sampler.sample(&mut rng)).collect();
        let totals = made.as_ref().map(|samples| Totals::of(samples)).unwrap_or_default();
        Samples { made: made.map_err(|error| error.to_string()), totals }
    }

    fn join(&self, parts: &mut [Samples]) {
        let totals = parts.iter().map(|part| part.totals).sum();
        parts.iter_mut().for_each(|part| part.totals = totals);
    }

    fn loss(&self, model: &LandmarkNet, part: &Samples) -> Result<Tensor<1>, TrainError> {
        let samples = part.made.as_ref().map_err(|why| TrainError::Batch(why.clone()))?;
        let batch = Batch::part(samples, part.totals, &self.learner);
        let eyes = model.eyes.forward(batch.cuts.clone());
        Ok(loss(&model.face(batch.image.clone()), &eyes, &batch))
    }

    fn validate(
        &self,
        average: &LandmarkNet,
        replicas: &Replicas,
    ) -> Result<Validated, TrainError> {
        let images = self.validation.images();
        let chunks: Vec<&[&[f32]]> = images.chunks(VALIDATION_BATCH).collect();
        let said = replicas.map(average, &chunks, |net, chunk| look(net, chunk, self.device))?;
        let metrics = self.validation.measure(&said.concat());
        Ok(Validated {
            figure: Validation::figure(&metrics),
            words: Validation::words(&metrics),
            metrics,
            ..Validated::default()
        })
    }
}
