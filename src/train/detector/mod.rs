//! The face detector as a task of the training loop: its network ([`net`]), the labelled
//! pictures ([`labels`]) and the scenes drawn from them ([`scene`]), which cell answers for
//! which face ([`goals`]), how good it is ([`validate`]) and how it becomes ONNX
//! ([`export`]).

use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::{
    Control, TrainError,
    graph::Normalisation,
    landmarks::data::pictures_of,
    learn::{Run, Task, Validated},
    record::{self, RunRecord},
    replicas::{Part, Replicas},
    settings::{self, Training, setting},
};
use crate::vit::ModelKind;

pub(crate) mod export;
mod goals;
mod labels;
pub(crate) mod net;
mod scene;
mod validate;

use goals::Goals;
use labels::{Labels, Shelf};
pub(crate) use net::DetectorNet;
pub(crate) use scene::SceneOptions;
use scene::Scenes;
use validate::Exam;

/// Side of the canvas that is learned from, in pixels. The network is convolutional: what
/// it learned there holds on canvases of any size.
const SIDE_PX: usize = 192;
/// Of so many pictures without a face, one is kept for validation.
const EMPTY_HELD_OUT: usize = 7;
/// Scenes of the sheet that a run leaves to look at, a row and a column.
const SHEET: usize = 8;
/// Name of that sheet in the run's folder.
const SHEET_FILE: &str = "scenes.png";

/// Settings of a detector training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DetectorTrainConfig {
    /// The table of faces, beside the folders of the collections; see
    /// [`read_five`](crate::dataset::points::read_five).
    pub faces: PathBuf,
    /// A folder of pictures without faces.
    pub nonfaces: PathBuf,
    /// The folder for checkpoints, log and effective settings.
    pub out: PathBuf,
    /// What the weights were learned from, in words, for the model card.
    #[serde(default)]
    pub trained_on: String,
    /// Under which licence the weights may be used, for the model card.
    #[serde(default)]
    pub licence: String,
    /// A checkpoint (a folder `best` or `last`) whose averaged weights are the start.
    #[serde(default)]
    pub start_from: Option<PathBuf>,
    /// How long and how fast.
    #[serde(default)]
    pub training: Training,
    /// How scenes are drawn.
    #[serde(default)]
    pub scenes: SceneOptions,
}

/// Trains as configured. The folder `out` then holds `config.toml` (the effective
/// settings), `scenes.png` (what it learns from), `log.jsonl`, `curves.png`, `run.json` and
/// the checkpoints `last` and `best`. With `resume` it goes on from `last`.
///
/// # Errors
/// When settings, pictures or checkpoint cannot be used, the disk cannot be written, or the
/// loss is no number any more.
pub(crate) fn run(
    config: &DetectorTrainConfig,
    resume: bool,
    device: &Device,
    control: &mut Control<'_>,
) -> Result<RunRecord, TrainError> {
    config.training.validate()?;
    let [low, high] = config.scenes.sizes_px;
    let sizes = low > 1.0 && low < high && high < 2.0 * SIDE_PX as f32;
    setting("scenes.sizes_px", low, sizes, "the first must be less than the second")?;
    settings::check_shares("scenes.shares", &config.scenes.shares)?;
    record::claim(&config.out, resume)?;
    let labels = Labels::read(&config.faces)?;
    let (held, learn): (Vec<_>, Vec<_>) = pictures_of(&config.nonfaces)?
        .into_iter()
        .enumerate()
        .partition(|(index, _)| index.is_multiple_of(EMPTY_HELD_OUT));
    let files = |list: Vec<(usize, PathBuf)>| list.into_iter().map(|(_, file)| file).collect();
    let (held, empty) = (Shelf::empty(files(held)), Shelf::empty(files(learn)));
    (control.say)(&format!(
        "{} pictures with faces to learn from, {} of other people to validate on, {} without",
        labels.train.len(),
        labels.validation.len(),
        empty.len() + held.len()
    ));
    std::fs::create_dir_all(&config.out).map_err(TrainError::io(&config.out, "written"))?;
    settings::write(config, &config.out)?;
    let shelf = Shelf::default();
    let exam = Exam::prepare(&labels.validation, &held, &shelf)?;
    let learner = device.clone().autodiff();
    learner.seed(config.training.seed);
    let mut model = DetectorNet::new(&learner);
    if let Some(start) = &config.start_from {
        model = super::checkpoint::load_average(start, model)?;
    }
    let by = Normalisation { mean: [0.0; 3], std: [1.0; 3] };
    let digest = crate::os::digest(&config.faces).map_err(TrainError::io(&config.faces, "read"))?;
    let record = RunRecord {
        trained_on: config.trained_on.clone(),
        licence: config.licence.clone(),
        split: "by person: a third of the people of the films, a tenth of the others".into(),
        ..RunRecord::begin(ModelKind::Detector, "detector".into(), None, by, &digest)
    };
    let scenes = Scenes::new(SIDE_PX, &config.scenes, &shelf, &labels.train, &empty);
    let task = Detecting { scenes, exam, learner };
    super::write_png(&task.sheet()?, &config.out.join(SHEET_FILE))?;
    Run { training: &config.training, out: &config.out, resume, device }
        .learn(&task, model, record, control)
}

/// Scenes to learn from and pictures to be examined on, as a task.
struct Detecting<'a> {
    scenes: Scenes<'a>,
    exam: Exam,
    /// Where gradients are computed.
    learner: Device,
}

/// A part of a batch.
struct Batch {
    /// `[scenes, 1, side, side]`.
    image: TensorData,
    goals: Goals,
    /// Scenes of the whole batch.
    of: usize,
}

impl Detecting<'_> {
    /// Some scenes with what is to be told on them, to look at.
    fn sheet(&self) -> Result<image::RgbImage, TrainError> {
        let part = Part { seed: 0, step: 0, batch: SHEET * SHEET, first: 0, crops: SHEET * SHEET };
        let scenes = part.crops().map(|(_, mut rng)| self.scenes.draw(&mut rng));
        Ok(validate::sheet(&scenes.collect::<Result<Vec<_>, _>>()?, SIDE_PX, SHEET))
    }
}

impl Task for Detecting<'_> {
    type Model = DetectorNet;
    type Batch = Result<Batch, TrainError>;

    fn batch(&self, part: Part) -> Self::Batch {
        let scenes: Vec<_> = part
            .crops()
            .map(|(_, mut rng)| self.scenes.draw(&mut rng))
            .collect::<Result<_, _>>()?;
        let image: Vec<f32> = scenes.iter().flat_map(|scene| scene.image.clone()).collect();
        let image = TensorData::new(image, [scenes.len(), 1, SIDE_PX, SIDE_PX]);
        Ok(Batch { image, goals: Goals::new(&scenes, SIDE_PX), of: part.batch })
    }

    fn loss(&self, model: &DetectorNet, batch: &Self::Batch) -> Result<Tensor<1>, TrainError> {
        let batch = batch.as_ref().map_err(|error| TrainError::Data {
            path: PathBuf::from("a scene"),
            why: error.to_string(),
        })?;
        let said = model.forward(Tensor::from_data(batch.image.clone(), &self.learner));
        Ok(batch.goals.loss(said, batch.of, &self.learner))
    }

    fn validate(
        &self,
        average: &DetectorNet,
        replicas: &Replicas,
    ) -> Result<Validated, TrainError> {
        self.exam.measure(average, replicas)
    }
}
