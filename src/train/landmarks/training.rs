//! The training itself, as a task of the shared loop ([`learn`](crate::train::learn)).

use std::path::PathBuf;

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{
    LandmarkNet, LandmarkTrainConfig, closed,
    data::{self, Faces, pictures_of},
    guess, import,
    loss::{Batch, Totals, confidence_loss, loss},
    sampler::{Sample, Sampler},
    seen::Spotter,
    sheet,
    validate::{Validation, look},
};
use crate::{
    dataset::{boxes, points},
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
        unseen = guess::validation(&held, &mean)?;
        faces.train.extend(match config.confidence_only {
            // Their points are not learned from.
            true => guess::unguessed(&shown, &mean)?,
            false => {
                let net = model.valid();
                let guesses = guess::Guesser { net: &net, mean: &mean, device };
                guesses.turned_faces(&shown, &kept, resume, control)?
            }
        });
    }
    if let Some(folder) = &config.closed_faces {
        let closed = closed::faces(&model.valid(), &pictures_of(folder)?, device)?;
        (control.say)(&format!("{} faces with closed eyes, points guessed", closed.len()));
        faces.train.extend(closed);
    }
    let (mut mistaken, mut held_mistaken) = (Vec::new(), Vec::new());
    if let Some(list) = &config.marked_faces {
        let (held_pictures, shown): (Vec<_>, Vec<_>) =
            boxes::read(list)?.into_iter().partition(boxes::MarkedPicture::held_out);
        let mut spotter = Spotter::new()?;
        let marked = spotter.marked(&shown, &mean)?;
        (mistaken, held_mistaken) = (spotter.mistaken(&learn)?, spotter.mistaken(&held)?);
        (control.say)(&format!(
            "{} boxes of a detector that show a marked face, {} that show none",
            marked.len(),
            mistaken.len()
        ));
        unseen.extend(spotter.marked(&held_pictures, &mean)?);
        faces.train.extend(marked);
    }
    (control.say)(&format!(
        "{} faces to learn from, {} of other people to validate on, {} pictures without a face",
        faces.train.len(),
        faces.validation.len() + unseen.len(),
        learn.len() + held.len()
    ));
    let mut validation = Validation::prepare(&faces.validation, &held, training.seed)?;
    validation.add_unseen(&unseen, training.seed)?;
    validation.add_mistaken(&held_mistaken, training.seed);
    let (options, photometric) = (config.samples.clone(), config.photometric.clone());
    let sampler = Sampler::new(faces.train, learn, mistaken, options, photometric);
    let rng = &mut ChaCha8Rng::seed_from_u64(training.seed);
    let mut some = |count: usize| -> Result<Vec<Sample>, TrainError> {
        (0..count).map(|_| sampler.sample(rng)).collect()
    };
    if !resume {
        write_png(&sheet::draw(&some(SHEET)?), &config.out.join(SHEET_FILE))?;
    }
    let exported = config.start_from.as_ref().is_some_and(|start| start.is_file());
    if exported && !resume && !config.confidence_only {
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
    let confidence_only = config.confidence_only;
    let task = Learning { sampler, validation, confidence_only, learner, device };
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
    /// Nothing but the confidence learns.
    confidence_only: bool,
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
        if self.confidence_only {
            // Nothing that is computed without gradients changes, the normalisations neither.
            let features = model.valid().features(batch.image.clone().inner());
            return Ok(confidence_loss(&model.judge(Tensor::from_inner(features)), &batch));
        }
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

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, sync::atomic::AtomicBool};

    use burn::tensor::Distribution;
    use rand::Rng;

    use super::*;
    use crate::{
        infer::fixtures,
        train::{
            landmarks::{IMAGE_PX, export::export_landmarks},
            record::BEST,
            weights::values,
        },
    };

    /// Drawn faces as a list with points and one with boxes, and pictures of noise.
    fn pictures(folder: &Path) {
        let (mut points, mut boxes) = (String::new(), String::new());
        for (at, face) in data::drawn(14, 5).enumerate() {
            let name = match at % 4 {
                0 => format!("helen/{at}_1.png"),
                _ => format!("ytfaces/Person_{at}_1.png"),
            };
            let file = folder.join(&name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            face.picture().unwrap().save(file).unwrap();
            let landmarks = face.landmarks;
            points += &serde_json::json!({"file": name, "points": landmarks.points.as_slice()})
                .to_string();
            let b = landmarks.bbox();
            let corners = (b.x, b.y, b.x + b.width, b.y + b.height, "none");
            boxes += &serde_json::json!({"file": name, "boxes": [corners]}).to_string();
            (points, boxes) = (points + "\n", boxes + "\n");
        }
        fs::write(folder.join("points.jsonl"), points).unwrap();
        fs::write(folder.join("boxes.jsonl"), boxes).unwrap();
        fs::create_dir(folder.join("nonfaces")).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        for at in 0..8 {
            let noise = image::RgbImage::from_fn(64, 48, |_, _| image::Rgb(rng.random()));
            noise.save(folder.join(format!("nonfaces/{at}.png"))).unwrap();
        }
    }

    #[test]
    fn where_only_the_confidence_learns_the_points_stay_as_they_are() {
        if !fixtures::runtime_is_here() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        pictures(folder.path());
        let device = Device::flex();
        let net = LandmarkNet::new(&super::super::eyes::tests::mean_shape(), &device);
        let card = fixtures::card(ModelKind::Landmarks, IMAGE_PX, IMAGE_PX);
        let file = folder.path().join("before.onnx");
        fs::write(&file, export_landmarks(&net, &card).unwrap()).unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let text = format!(
            "faces = '{}'\nmarked_faces = '{}'\nnonfaces = '{}'\nstart_from = '{}'\nout = '{}'\n\
             confidence_only = true\n[training]\nsteps = 3\nbatch = 6\nthreads = 1\nwarmup = 0.0\n\
             ema_decay = 0.1\nvalidate_every = 3\n",
            at("points.jsonl"),
            at("boxes.jsonl"),
            at("nonfaces"),
            file.display(),
            at("run")
        );
        let config: LandmarkTrainConfig = toml::from_str(&text).unwrap();
        let stop = AtomicBool::new(false);
        let mut said = Vec::new();
        let mut say = |line: &str| said.push(line.to_owned());
        let mut control = Control { stop: &stop, say: &mut say, step: &mut |_| {} };
        run(&config, false, &device, &mut control).unwrap();
        // The detector that ships sees faces that are drawn.
        let boxes = said.iter().find(|line| line.contains("show a marked face")).unwrap();
        assert!(!boxes.starts_with("0 "), "{boxes}");

        let fresh = || LandmarkNet::new(&[[0.5; 2]; 68], &device);
        let before = import::read(&file, fresh()).unwrap();
        let after = checkpoint::load_average(&config.out.join(BEST), fresh()).unwrap();
        let shape = [2, 1, IMAGE_PX, IMAGE_PX];
        let image = Tensor::random(shape, Distribution::Default, &device);
        let (before, after) = (before.forward(&image), after.forward(&image));
        let apart = |a: &Tensor<2>, b: &Tensor<2>| {
            let pairs = values(a).unwrap().into_iter().zip(values(b).unwrap());
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        };
        // But for the rounding of the running average.
        assert!(apart(&before.points, &after.points) < 1e-5);
        assert!(apart(&before.visible, &after.visible) < 1e-5);
        assert!(apart(&before.confidence, &after.confidence) > 1e-3);
    }
}
