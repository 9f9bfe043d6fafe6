//! What can go wrong in the offline mode.

use std::path::{Path, PathBuf};

use burn::store::RecordError;
use thiserror::Error;

use crate::onnx::OnnxError;
use crate::{
    dataset::DatasetError,
    face::FaceError,
    infer::ModelError,
    source::SourceError,
    vit::{ConfigError, ModelKind},
};

/// A training or an export that cannot be done.
#[derive(Debug, Error)]
pub enum TrainError {
    /// A file or folder cannot be read or written.
    #[error("{path} cannot be {what} ({source}); check the path and its rights", path = .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried: "read", "written".
        what: &'static str,
        /// The system's own words.
        source: std::io::Error,
    },
    /// The folder of a new run holds one already.
    #[error("{path} holds a training already; name another folder as `out`, or go on with this one (--resume)", path = .path.display())]
    Taken {
        /// The folder.
        path: PathBuf,
    },
    /// The configuration is not TOML of the expected form.
    #[error("{path} is no training configuration ({why}); compare it with the examples in models/*.toml", path = .path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// A setting has a value that makes no sense.
    #[error("{field} = {value} makes no sense: {why}; change it in the configuration")]
    Setting {
        /// The name of the setting.
        field: &'static str,
        /// Its value.
        value: String,
        /// What would.
        why: &'static str,
    },
    /// The training data cannot be used.
    #[error("{path} cannot be trained on: {why}", path = .path.display())]
    Data {
        /// The list, folder or picture.
        path: PathBuf,
        /// What is wrong and the way out.
        why: String,
    },
    /// A checkpoint cannot be written or does not fit the network.
    #[error("the checkpoint {path} cannot be used ({why}); train without --resume, or with the configuration it was made with", path = .path.display())]
    Checkpoint {
        /// The folder.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// A checkpoint cannot be written.
    #[error("the checkpoint {path} cannot be written ({why}); make room or choose another folder", path = .path.display())]
    Save {
        /// The folder.
        path: PathBuf,
        /// The system's own words.
        why: String,
    },
    /// The loss is not a number any more.
    #[error(
        "the loss is no longer a number at step {step}; lower training.learning_rate or raise training.warmup"
    )]
    Diverged {
        /// The step.
        step: usize,
    },
    /// The weights cannot be written as ONNX.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// ONNX Runtime computes something else than burn.
    #[error(
        "{path} was not written: ONNX Runtime differs from the trained network by {difference:.2e}; please report it",
        path = .path.display()
    )]
    Parity {
        /// The file that was to be written.
        path: PathBuf,
        /// The largest difference.
        difference: f32,
    },
    /// A run is of a network of another kind than is needed.
    #[error(
        "this is the run of a {kind} network, which is no vision transformer; name the run of another training"
    )]
    OtherKind {
        /// What was trained.
        kind: ModelKind,
    },
    /// ONNX Runtime cannot be had or refuses the model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The detector cannot be used.
    #[error(transparent)]
    Face(#[from] FaceError),
    /// The network's shape cannot be built.
    #[error(transparent)]
    Shape(#[from] ConfigError),
    /// A picture cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The prepared crops cannot be used.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A graphics card is asked for, and there is none.
    #[error(
        "there is no graphics card to learn on: this program was built for {built_for}; leave out --device or say --device cpu, or build it with --features train-vulkan on a machine with a card and its driver"
    )]
    NoCard {
        /// What the build can learn on beside the processor.
        built_for: &'static str,
    },
    /// The system gives no threads.
    #[error("no thread could be started ({0}); set training.threads to fewer")]
    Threads(String),
    /// A replica ended early.
    #[error("a replica stopped early; see the messages above it")]
    ReplicaStopped,
    /// A run was cut short by an error; its last checkpoint is kept.
    #[error("{source} (the checkpoint of step {kept} is kept in {run}; fix the cause, then continue with --resume)", run = .run.display())]
    CutShort {
        /// What happened.
        source: Box<TrainError>,
        /// The run's folder.
        run: PathBuf,
        /// Step of the checkpoint that is kept, if one was saved.
        kept: usize,
    },
    /// A batch could not be made; the sentence says why.
    #[error("{0}")]
    Batch(String),
    /// The thread that makes the batches ended early.
    #[error("the thread that prepares batches stopped early; see the messages above it")]
    LoaderStopped,
    /// A tensor does not hold 32-bit floats.
    #[error("a tensor cannot be read as 32-bit floats ({0}); please report it")]
    Tensor(String),
    /// A card cannot be written as JSON.
    #[error("the model card cannot be written as JSON ({0}); please report it")]
    Card(#[from] serde_json::Error),
}

impl TrainError {
    /// Says which checkpoint is left after an error of the disk.
    pub(super) fn kept(self, run: &Path, kept: Option<usize>) -> Self {
        match (self, kept) {
            (source @ (Self::Io { .. } | Self::Save { .. }), Some(kept)) => {
                Self::CutShort { source: Box::new(source), run: run.into(), kept }
            }
            (error, _) => error,
        }
    }

    /// For `map_err`: names what was done to which path.
    pub fn io(path: &Path, what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, what, source }
    }

    /// For `map_err` over records of a checkpoint that are written.
    pub fn save(path: &Path) -> impl FnOnce(RecordError) -> Self {
        let path = path.to_path_buf();
        move |error| Self::Save { path, why: error.to_string() }
    }

    /// For `map_err` over records of a checkpoint that are read.
    pub fn record(path: &Path) -> impl FnOnce(RecordError) -> Self {
        let path = path.to_path_buf();
        move |error| Self::Checkpoint { path, why: error.to_string() }
    }
}
