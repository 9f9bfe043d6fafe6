//! A training in the background, for whoever must not wait: what it says, its curves and
//! its picture can be looked at while it learns; it can be stopped and gone on with. One
//! core is left to what else runs.

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::Receiver,
    },
};

use image::RgbImage;
use parking_lot::Mutex;

use super::{
    Control, Step, curves,
    device::{self, LearnOn},
    export::{self, ExportOptions},
    finetune::{self, FinetuneConfig},
    learn::{LOG_FILE, PICTURE_FILE},
    pretrain::{self, PretrainConfig},
};
use crate::{
    background::{self, NoThread, Waker},
    chart::Panel,
    infer::promoted,
};

/// So many of the last lines are kept.
const LINES: usize = 200;

/// What is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum What {
    /// The masked autoencoder.
    #[default]
    Pretrain,
    /// The classifier.
    Finetune,
}

impl What {
    /// The settings that made the shipped model, as TOML.
    pub(crate) fn shipped(self) -> &'static str {
        match self {
            Self::Pretrain => include_str!("../../models/pretrain.toml"),
            Self::Finetune => include_str!("../../models/finetune.toml"),
        }
    }
}

/// A training with all its settings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Plan {
    /// The masked autoencoder.
    Pretrain(Box<PretrainConfig>),
    /// The classifier.
    Finetune(Box<FinetuneConfig>),
}

impl Plan {
    /// Reads the settings of a training from TOML.
    ///
    /// # Errors
    /// What is unknown, missing or of another type, one sentence.
    pub(crate) fn parse(what: What, text: &str) -> Result<Self, String> {
        let said = |error: toml::de::Error| format!("the settings cannot be used: {error}");
        Ok(match what {
            What::Pretrain => Self::Pretrain(toml::from_str(text).map_err(said)?),
            What::Finetune => Self::Finetune(toml::from_str(text).map_err(said)?),
        })
    }

    /// Which training the settings are for: the other one only where they cannot be for
    /// `what`.
    pub(crate) fn kind(what: What, text: &str) -> What {
        let other = match what {
            What::Pretrain => What::Finetune,
            What::Finetune => What::Pretrain,
        };
        let fits = |what| Self::parse(what, text).is_ok();
        if !fits(what) && fits(other) { other } else { what }
    }

    /// The folder of the run.
    pub(crate) fn out(&self) -> &Path {
        match self {
            Self::Pretrain(config) => &config.out,
            Self::Finetune(config) => &config.out,
        }
    }

    /// Leaves a core to what else runs, unless the settings say how many to use.
    fn leave_a_core(&mut self) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let training = match self {
            Self::Pretrain(config) => &mut config.training,
            Self::Finetune(config) => &mut config.training,
        };
        if training.threads == 0 {
            training.threads = cores.saturating_sub(1).max(1);
        }
    }

    fn run(&self, resume: bool, control: &mut Control<'_>) -> Result<Figures, String> {
        let device = device::pick(LearnOn::Auto).map_err(|why| why.to_string())?;
        let record = match self {
            Self::Pretrain(config) => pretrain::run(config, resume, &device, control),
            Self::Finetune(config) => finetune::run(config, resume, &device, control),
        };
        record.map(|record| record.metrics).map_err(|why| why.to_string())
    }
}

/// Figures of a run by their names.
pub(crate) type Figures = BTreeMap<String, f64>;

/// How a training stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    /// The last step; `None` before the first.
    pub step: Option<Step>,
    /// The last lines that it said, oldest first.
    pub said: VecDeque<String>,
    /// Its curves so far.
    pub curves: Vec<Panel>,
    /// What the autoencoder makes of covered crops.
    pub picture: Option<Arc<RgbImage>>,
    /// What came of it, when it is over.
    pub over: Option<Result<Figures, String>>,
}

/// A training that runs, or has run. Dropping it stops it after the step at hand.
#[derive(Debug)]
pub(crate) struct Job {
    out: PathBuf,
    stop: Arc<AtomicBool>,
    standing: Arc<Mutex<Standing>>,
}

impl Job {
    /// Begins a training, or goes on with one from its last checkpoint.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(crate) fn start(mut plan: Plan, resume: bool, waker: Waker) -> Result<Self, NoThread> {
        plan.leave_a_core();
        let (out, stop) = (plan.out().to_path_buf(), Arc::<AtomicBool>::default());
        let standing = Arc::<Mutex<Standing>>::default();
        let (told, halt, folder) = (standing.clone(), stop.clone(), out.clone());
        let work = move || {
            let mut say = |line: &str| {
                // Read before the lock is taken: nobody waits for a disk.
                let (curves, picture) = look(&folder);
                let mut standing = told.lock();
                standing.said.push_back(line.to_owned());
                if standing.said.len() > LINES {
                    standing.said.pop_front();
                }
                standing.curves = curves;
                standing.picture = picture.or_else(|| standing.picture.take());
                drop(standing);
                waker();
            };
            let mut step = |step: &Step| {
                told.lock().step = Some(*step);
                waker();
            };
            let mut control = Control { stop: &halt, say: &mut say, step: &mut step };
            let over = plan.run(resume, &mut control);
            let (curves, picture) = look(&folder);
            let mut standing = told.lock();
            standing.over = Some(over);
            standing.curves = curves;
            standing.picture = picture.or_else(|| standing.picture.take());
            drop(standing);
            waker();
        };
        background::thread("train", work)?;
        Ok(Self { out, stop, standing })
    }

    /// How it stands.
    pub(crate) fn standing(&self) -> Standing {
        self.standing.lock().clone()
    }

    /// Ends it after the step at hand; what was learned is saved.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Relaxed);
    }

    /// It has been asked to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.load(Relaxed)
    }

    /// The folder of the run.
    pub(crate) fn out(&self) -> &Path {
        &self.out
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The curves and the picture of a run's folder, as far as they are there.
fn look(folder: &Path) -> (Vec<Panel>, Option<Arc<RgbImage>>) {
    let log = fs::read_to_string(folder.join(LOG_FILE)).unwrap_or_default();
    let picture = image::open(folder.join(PICTURE_FILE)).ok();
    (curves::panels(&log).into(), picture.map(|picture| Arc::new(picture.into_rgb8())))
}

/// What came of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exported {
    /// The file.
    pub file: PathBuf,
    /// It is what the program loads from now on.
    pub promoted: bool,
}

/// Exports the best weights of a run on a thread of its own, and puts them where this
/// program loads its models from, if asked to.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn export(
    checkpoint: &Path,
    out: &Path,
    promote: bool,
    waker: Waker,
) -> Result<Receiver<Result<Exported, String>>, NoThread> {
    let options = ExportOptions {
        checkpoint: checkpoint.into(),
        mean_with: None,
        out: out.into(),
        half: None,
    };
    background::answer(
        "export",
        move || waker(),
        move || {
            let exported = export::run(&options).map_err(|why| why.to_string())?;
            if promote {
                promoted::promote(exported.card.kind, &exported.file)
                    .map_err(|why| why.to_string())?;
            }
            Ok(Exported { file: options.out, promoted: promote })
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_settings_can_be_trained_with_and_others_are_told() {
        for what in [What::Pretrain, What::Finetune] {
            let plan = Plan::parse(what, what.shipped()).unwrap();
            assert!(plan.out().starts_with("runs"));
            let why = Plan::parse(what, "crops = 'a'\nout = 'b'\nspeed = 3").unwrap_err();
            assert!(why.contains("speed"), "{why}");
        }
    }

    #[test]
    fn a_training_without_crops_says_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let (crops, out) = (folder.path().join("crops"), folder.path().join("run"));
        let text = format!("crops = {crops:?}\nout = {out:?}\n");
        let plan = Plan::parse(What::Pretrain, &text).unwrap();
        let job = Job::start(plan, false, Arc::new(|| {})).unwrap();
        let over = (0..500)
            .find_map(|_| {
                std::thread::sleep(std::time::Duration::from_millis(10));
                job.standing().over
            })
            .unwrap();
        assert!(over.unwrap_err().contains("crops"));
        assert_eq!(job.out(), out);
    }
}
