//! Pretraining: the masked autoencoder over all crops of the training side, labelled or
//! not. Its encoder is what fine-tuning starts from, its decoder fills in covered parts
//! on the screen.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{
    Control, TrainError,
    graph::Normalisation,
    grid,
    learn::{Run, Task, Validated},
    mae::{Mae, Masking},
    record::RunRecord,
    replicas::{Part, Replicas},
    samples::{self, Augmentation, Needed, push_patch},
    settings::{self, Training, setting},
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
    /// Under which licence the weights may be used, as far as that of the pictures allows;
    /// for the model card.
    #[serde(default)]
    pub licence: String,
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

/// The crops and what a run knows about them.
pub(super) struct Data {
    pub(super) set: CropSet,
    pub(super) train: Vec<usize>,
    pub(super) validation: Vec<usize>,
    /// Subjects on both sides.
    shared: usize,
}

impl Data {
    /// Loads the crops and chooses (or, when resuming, reads) the split.
    pub(super) fn load(
        crops: &Path,
        out: &Path,
        hold_out: &HoldOut,
        resume: bool,
    ) -> Result<Self, TrainError> {
        let set = CropSet::load(crops)?;
        fs::create_dir_all(out).map_err(TrainError::io(out, "written"))?;
        let file = out.join(SPLIT_FILE);
        let split = match resume {
            true => Split::load(&set.items, &file)?,
            false => {
                let split = hold_out.choose(&set.items)?;
                split.save(&set.items, &file)?;
                split
            }
        };
        let shared = split.shared_subjects(&set.items);
        let (validation, train): (Vec<usize>, Vec<usize>) =
            (0..set.items.len()).partition(|&at| split.validates[at]);
        if train.is_empty() || validation.is_empty() {
            return Err(nothing_left(crops));
        }
        Ok(Self { set, train, validation, shared })
    }

    /// How many there are, for people; `held` of the validation side count.
    pub(super) fn describe(&self, held: usize) -> String {
        let mut text = format!("{} crops to learn from, {held} to validate on", self.train.len());
        if self.shared > 0 {
            text += &format!(
                "; {} people stand on both sides, so figures measure identity as well",
                self.shared
            );
        }
        text
    }
}

fn nothing_left(crops: &Path) -> TrainError {
    TrainError::Data {
        path: crops.into(),
        why: "nothing is left to train or to validate on; change hold_out".into(),
    }
}

/// Pretrains as configured. The folder `out` then holds `config.toml` (the effective
/// settings), `split.json`, `log.jsonl`, `curves.png`, `reconstruction.png`, `run.json`
/// and the checkpoints `last` and `best`.
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
    super::record::claim(&config.out, resume)?;
    let mut data = Data::load(&config.crops, &config.out, &config.hold_out, resume)?;
    // What shows nothing but eyes is no face to fill in.
    let items = &data.set.items;
    data.train.retain(|&at| !items[at].eyes_only);
    data.validation.retain(|&at| !items[at].eyes_only);
    if data.train.is_empty() || data.validation.is_empty() {
        return Err(nothing_left(&config.crops));
    }
    settings::write(config, &config.out)?;
    let (mean, std) = data.set.channel_statistics();
    let by = Normalisation { mean, std };
    let learner = device.clone().autodiff();
    learner.seed(training.seed);
    let model = Mae::new(&vit, &learner);
    (control.say)(&data.describe(data.validation.len()));
    let name = super::record::name(config.preset, config.network.is_some());
    let record = RunRecord {
        trained_on: config.trained_on.clone(),
        licence: config.licence.clone(),
        split: config.hold_out.describe(),
        ..RunRecord::begin(ModelKind::Mae, name, Some(&vit), by, &data.set.digest)
    };
    let mean_face = mean_face(&data, &vit);
    let task = Pretraining { config, data: &data, vit: &vit, by, learner, device, mean_face };
    let run = Run { training, out: &config.out, resume, device };
    run.learn(&task, model, record, control)
}

/// The crops of a set, the network's shape and the settings, as a task.
struct Pretraining<'a> {
    config: &'a PretrainConfig,
    data: &'a Data,
    vit: &'a VitConfig,
    by: Normalisation,
    /// Where gradients are computed.
    learner: Device,
    /// Where nothing but results is.
    device: &'a Device,
    /// The mean of the training crops, `[3, S, S]`, 0..1.
    mean_face: Vec<f32>,
}

/// Crops and their masking.
struct Batch {
    /// Normalised pixels of the kept patches, `[crops, kept, values]`.
    kept: TensorData,
    /// The same of the hidden ones, which are to be rebuilt.
    hidden: TensorData,
    masking: Masking,
    /// Crops of the whole batch.
    of: usize,
}

impl Batch {
    fn new(
        crops: &[Vec<f32>],
        masking: Masking,
        of: usize,
        vit: &VitConfig,
        by: &Normalisation,
    ) -> Self {
        let patches = |rows: &[Vec<usize>]| {
            let mut values = Vec::new();
            for (crop, row) in crops.iter().zip(rows) {
                for &at in row {
                    push_patch(crop, at, vit, by, &mut values);
                }
            }
            let shape = [rows.len(), rows.first().map_or(0, Vec::len), vit.patch_values()];
            TensorData::new(values, shape)
        };
        Self { kept: patches(&masking.kept), hidden: patches(&masking.hidden), masking, of }
    }

    /// Mean squared error on the hidden patches of the whole batch, in normalised pixels.
    fn loss(&self, model: &Mae, on: &Device) -> Tensor<1> {
        let kept = Tensor::<3>::from_data(self.kept.clone(), on);
        let rebuilt = model.forward(kept, &self.masking);
        let [_, hidden, values] = rebuilt.dims();
        let wrong = rebuilt - Tensor::<3>::from_data(self.hidden.clone(), on);
        wrong.square().sum().div_scalar((self.of * hidden * values).max(1) as f32)
    }
}

impl Task for Pretraining<'_> {
    type Model = Mae;
    type Batch = Batch;

    fn batch(&self, part: Part) -> Batch {
        // Nothing may be hidden here but by the masking.
        let needed = Needed { eyes: true, mouth: true };
        let patches = self.vit.grid().patches();
        let mut masking = Masking { kept: Vec::new(), hidden: Vec::new() };
        let crops: Vec<Vec<f32>> = part
            .crops()
            .map(|(_, mut rng)| {
                let at = self.data.train[rng.random_range(0..self.data.train.len())];
                let image = &self.data.set.images[at];
                let by = &self.config.augmentation;
                let sample =
                    samples::changed(image, [true; 4], needed, None, self.vit, by, &mut rng);
                masking.push(patches, self.config.mask_ratio, &mut rng);
                sample.picture.data
            })
            .collect();
        Batch::new(&crops, masking, part.batch, self.vit, &self.by)
    }

    fn loss(&self, model: &Mae, batch: &Batch) -> Result<Tensor<1>, TrainError> {
        Ok(batch.loss(model, &self.learner))
    }

    /// Mean squared error over the validation crops, unchanged, always with the same
    /// maskings; beside it what two guesses that learn nothing would reach.
    fn validate(&self, average: &Mae, replicas: &Replicas) -> Result<Validated, TrainError> {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let patches = self.vit.grid().patches();
        let chunks: Vec<(&[usize], Masking)> = self
            .data
            .validation
            .chunks(VALIDATION_BATCH)
            .map(|chunk| {
                let ratio = self.config.mask_ratio;
                (chunk, Masking::random(chunk.len(), patches, ratio, &mut rng))
            })
            .collect();
        let plain = |at: &usize| {
            samples::plain(&self.data.set.images[*at], [true; 4], self.vit).picture.data
        };
        let sums = replicas.map(average, &chunks, |model, (chunk, masking)| {
            let crops: Vec<Vec<f32>> = chunk.iter().map(plain).collect();
            let guesses = guesses(&crops, masking, &self.mean_face, self.vit, &self.by);
            let batch = Batch::new(&crops, masking.clone(), chunk.len(), self.vit, &self.by);
            let loss = f64::from(batch.loss(model, self.device).into_scalar::<f32>());
            Ok([loss, guesses[0], guesses[1]].map(|mean| mean * chunk.len() as f64))
        })?;
        let count = self.data.validation.len().max(1) as f64;
        let [mse, patch_mean, mean_face] =
            sums.iter().fold([0.0; 3], |sum, one| std::array::from_fn(|i| sum[i] + one[i]));
        let metrics = BTreeMap::from([
            ("validation_mse".into(), mse / count),
            ("patch_mean_mse".into(), patch_mean / count),
            ("mean_face_mse".into(), mean_face / count),
        ]);
        let words = format!(
            "validation {:.4} (each patch's own mean {:.4}, the mean face {:.4})",
            mse / count,
            patch_mean / count,
            mean_face / count
        );
        let shown: Vec<Vec<f32>> = spread(&self.data.validation, grid::FACES).map(plain).collect();
        let picture = grid::draw(average, &shown, self.config.mask_ratio, self.vit, &self.by)?;
        Ok(Validated {
            figure: mse / count,
            metrics,
            words,
            picture: Some(picture),
            ..Validated::default()
        })
    }
}

/// `count` of the crops, evenly spread.
fn spread(crops: &[usize], count: usize) -> impl Iterator<Item = &usize> {
    let step = crops.len().div_ceil(count.max(1)).max(1);
    crops.iter().step_by(step)
}

/// The mean of some thousand training crops, `[3, S, S]`, 0..1.
fn mean_face(data: &Data, vit: &VitConfig) -> Vec<f32> {
    let mut sum = vec![0.0f64; 3 * vit.image_px * vit.image_px];
    let mut count = 0.0;
    for &at in spread(&data.train, 2000) {
        let crop = samples::plain(&data.set.images[at], [true; 4], vit).picture.data;
        sum.iter_mut().zip(crop).for_each(|(sum, value)| *sum += f64::from(value));
        count += 1.0;
    }
    sum.into_iter().map(|sum| (sum / f64::max(count, 1.0)) as f32).collect()
}

/// Mean squared error on the hidden patches, in normalised pixels, of two guesses: each
/// hidden patch evenly in its own mean colour (which nobody could know), and as the mean
/// of all training faces.
fn guesses(
    crops: &[Vec<f32>],
    masking: &Masking,
    mean_face: &[f32],
    vit: &VitConfig,
    by: &Normalisation,
) -> [f64; 2] {
    let (mut own, mut face, mut count) = (0.0f64, 0.0f64, 0usize);
    let (mut truth, mut guess) = (Vec::new(), Vec::new());
    for (crop, row) in crops.iter().zip(&masking.hidden) {
        for &at in row {
            truth.clear();
            guess.clear();
            push_patch(crop, at, vit, by, &mut truth);
            push_patch(mean_face, at, vit, by, &mut guess);
            let pixels = (truth.len() / 3).max(1) as f32;
            let mean: [f32; 3] =
                std::array::from_fn(|c| truth.iter().skip(c).step_by(3).sum::<f32>() / pixels);
            for (i, (truth, guess)) in truth.iter().zip(&guess).enumerate() {
                own += f64::from((truth - mean[i % 3]).powi(2));
                face += f64::from((truth - guess).powi(2));
            }
            count += truth.len();
        }
    }
    [own, face].map(|sum| sum / count.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::tests::small;

    #[test]
    fn the_guesses_are_what_they_say() {
        let vit = small(false);
        let by = Normalisation { mean: [0.0; 3], std: [1.0; 3] };
        // Every patch is black above and white below; the mean face is all grey.
        let crop: Vec<f32> = (0..3 * 24 * 24).map(|i| ((i / 24 % 8) / 4) as f32).collect();
        let masking = Masking { kept: vec![vec![0]], hidden: vec![(1..9).collect()] };
        let grey = vec![0.25; 3 * 24 * 24];
        let [own, face] = guesses(&[crop], &masking, &grey, &vit, &by);
        approx::assert_abs_diff_eq!(own, 0.25, epsilon = 1e-6);
        approx::assert_abs_diff_eq!(face, (0.0625 + 0.5625) / 2.0, epsilon = 1e-6);
    }

    #[test]
    fn crops_to_look_at_are_spread_over_all() {
        let crops: Vec<usize> = (0..100).collect();
        let chosen: Vec<usize> = spread(&crops, 8).copied().collect();
        assert_eq!((chosen[0], chosen[1], chosen.len()), (0, 13, 8));
        assert_eq!(spread(&crops[..3], 8).count(), 3);
    }
}
