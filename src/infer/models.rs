//! Model files: where one comes from, and every check it must pass before a frame is
//! given to it: its size, its card, the names and shapes of its inputs and outputs, and
//! one trial run.

use std::{
    borrow::Cow,
    fmt::{self, Display},
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use ort::{
    session::{Session, SessionOutputs},
    value::TensorRef,
};
use thiserror::Error;

use super::form::{Port, check_card, check_ports, ports};
use super::promoted::promoted;
use super::runtime::{self, Provider, RuntimeError, RuntimeOptions, SessionError, one_line};
use super::trial::{Asked, Candidate, Input, Trial, Tried};
use crate::vit::{CardError, METADATA_KEY, ModelCard, ModelKind};

/// Largest model file that is read. The reference method's shape, the largest preset, takes 150 MB.
const MOST_BYTES: u64 = 512 * 1024 * 1024;
/// Pictures in the trial run: more than one, so that a fixed batch is found out.
const TRIAL_BATCH: usize = 2;
/// Where a model comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ModelSource {
    /// The user's own ([`promoted`](super::promoted)), or else the one built into the
    /// program.
    #[default]
    Embedded,
    /// A file.
    File(PathBuf),
    /// The bytes of a file.
    Bytes(Arc<[u8]>),
}

impl From<Option<PathBuf>> for ModelSource {
    /// The file that was given with `--model`, or the user's own or the built-in one.
    fn from(file: Option<PathBuf>) -> Self {
        file.map_or(Self::Embedded, Self::File)
    }
}

impl ModelSource {
    /// Where a model of this kind is really read from: a promoted one is preferred to the
    /// built-in one.
    #[must_use]
    pub fn resolve(&self, kind: ModelKind) -> Self {
        match self {
            Self::Embedded => promoted(kind).map_or(Self::Embedded, Self::File),
            other => other.clone(),
        }
    }

    /// The file's bytes.
    fn bytes(&self, kind: ModelKind) -> Result<Cow<'_, [u8]>, ModelError> {
        match self {
            Self::Embedded => Ok(embedded(kind).into()),
            Self::Bytes(bytes) => Ok((&**bytes).into()),
            Self::File(path) => read(path).map(Cow::Owned),
        }
    }
}

impl Display for ModelSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("the built-in model"),
            Self::File(path) => path.display().fmt(f),
            Self::Bytes(_) => f.write_str("the model in memory"),
        }
    }
}

/// The bytes of the model that is built into the program.
pub fn embedded(kind: ModelKind) -> &'static [u8] {
    // Statics lie in the program once; constants would be there once a use.
    static DETECTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/blazeface.onnx"));
    static LANDMARKS: &[u8] = include_bytes!("../../models/landmarks.onnx");
    static DROWSINESS: &[u8] = include_bytes!("../../models/drowsiness.onnx");
    static MAE: &[u8] = include_bytes!("../../models/mae.onnx");
    static BLINKS: &[u8] = include_bytes!("../../models/blinks.onnx");
    match kind {
        ModelKind::Detector => DETECTOR,
        ModelKind::Landmarks => LANDMARKS,
        ModelKind::Drowsiness => DROWSINESS,
        ModelKind::Mae => MAE,
        ModelKind::Blinks => BLINKS,
    }
}

/// A model that cannot be used.
#[derive(Debug, Error)]
pub enum ModelError {
    /// ONNX Runtime is missing or broken.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The file cannot be read.
    #[error("the model {path} cannot be read ({why}); check the path", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        why: String,
    },
    /// The file is larger than any model of ours.
    #[error(
        "the model {path} is larger than {} MB and was not read; pass a file that `wakewatch export` wrote",
        MOST_BYTES / (1024 * 1024), path = .0.display()
    )]
    TooLarge(PathBuf),
    /// The file is not an ONNX model that can be run.
    #[error(
        "{model} is no ONNX model that can be run ({why}); pass a file that `wakewatch export` wrote"
    )]
    NotOnnx {
        /// Which model.
        model: ModelSource,
        /// ONNX Runtime's own words.
        why: String,
    },
    /// The card is missing, unreadable or for something else.
    #[error("{model}: {source}")]
    Card {
        /// Which model.
        model: ModelSource,
        /// What is wrong with it.
        source: CardError,
    },
    /// The card and the graph disagree, or the graph is of another form.
    #[error(
        "{model} is not of the form that wakewatch needs ({why}); export it with `wakewatch export`"
    )]
    Form {
        /// Which model.
        model: ModelSource,
        /// What is different.
        why: String,
    },
    /// The user's own model cannot be used; the built-in one is not put in its place
    /// silently.
    #[error("{source}; it was put in place with --promote: remove {path} to return to the built-in model", path = .path.display())]
    Promoted {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<ModelError>,
    },
    /// The provider that was asked for cannot be had.
    #[error("{provider} cannot be used ({why}); choose --device cpu or auto")]
    Provider {
        /// The provider.
        provider: Provider,
        /// Why not.
        why: String,
    },
    /// A run failed.
    #[error("{model} failed to run ({why}); try --device cpu, or pass another model")]
    Run {
        /// Which model.
        model: ModelSource,
        /// ONNX Runtime's own words.
        why: String,
    },
}

/// A model that passed every check, ready to run.
#[derive(Debug)]
pub struct LoadedModel {
    /// What it says of itself.
    pub card: ModelCard,
    /// What it runs on.
    pub provider: Provider,
    source: ModelSource,
    session: Session,
    /// Of another provider, as it goes on or has ended.
    trial: Option<Trial<LoadedModel>>,
}

impl LoadedModel {
    /// Reads, checks and opens a model, and runs it once.
    ///
    /// # Errors
    /// When ONNX Runtime or the provider cannot be had, when the file, or the user's own
    /// model that stands in for the built-in one, cannot be read, is
    /// too large, is no ONNX model, carries no card or one of another kind, or when its
    /// inputs and outputs are not those of its kind.
    pub fn load(
        source: &ModelSource,
        kind: ModelKind,
        options: &RuntimeOptions,
    ) -> Result<Self, ModelError> {
        runtime::init()?;
        let promoted = (*source == ModelSource::Embedded).then(|| promoted(kind)).flatten();
        let Some(path) = promoted else { return Self::load_from(source, kind, options) };
        tracing::info!("{kind} model: {} instead of the built-in one", path.display());
        Self::load_from(&ModelSource::File(path.clone()), kind, options)
            .map_err(|error| ModelError::Promoted { path, source: Box::new(error) })
    }

    /// Where it came from.
    pub fn source(&self) -> &ModelSource {
        &self.source
    }

    fn load_from(
        source: &ModelSource,
        kind: ModelKind,
        options: &RuntimeOptions,
    ) -> Result<Self, ModelError> {
        Self::open(&source.bytes(kind)?, source, kind, options.device.provider(), options.threads)
    }

    /// Begins to try another provider beside the one in use, on the inputs that come;
    /// [`settle`](Self::settle) takes it once it has proved better. `patience`: how long a
    /// run may wait for it, zero wherever frames are watched.
    pub(crate) fn try_on(&mut self, provider: Provider, threads: usize, patience: Duration) {
        let (source, kind) = (self.source.clone(), self.card.kind);
        // A file that has changed since it was read gives other answers and is not taken.
        let open = move || Self::open(&source.bytes(kind)?, &source, kind, provider, threads);
        let open = move || open().map_err(|error: ModelError| error.to_string());
        self.trial = Some(Trial::start(kind, provider, patience, open));
    }

    /// Runs on the provider that was tried from now on, if it has proved better; whether a
    /// trial has ended since the last call.
    pub(crate) fn settle(&mut self) -> bool {
        let Some((_, taken)) = self.trial.as_mut().and_then(Trial::end) else { return false };
        if let Some(Self { provider, session, .. }) = taken {
            (self.provider, self.session) = (provider, session);
        }
        true
    }

    /// How another provider did, if one was tried.
    pub fn tried(&self) -> Option<&Tried> {
        self.trial.as_ref().map(Trial::tried)
    }

    fn open(
        bytes: &[u8],
        source: &ModelSource,
        kind: ModelKind,
        provider: Provider,
        threads: usize,
    ) -> Result<Self, ModelError> {
        let form = |why| ModelError::Form { model: source.clone(), why };
        let session = runtime::open(bytes, provider, threads).map_err(|error| match error {
            SessionError::Runtime(error) => error.into(),
            SessionError::Provider(why) => ModelError::Provider { provider, why },
            SessionError::Model(why) => ModelError::NotOnnx { model: source.clone(), why },
        })?;
        let json = session.metadata().ok().and_then(|metadata| metadata.custom(METADATA_KEY));
        let card = ModelCard::parse(json.as_deref(), kind)
            .map_err(|error| ModelError::Card { model: source.clone(), source: error })?;
        check_card(&card).map_err(form)?;
        let (inputs, outputs) = ports(&card);
        // BlazeFace takes one picture at a time.
        let batch = (card.kind == ModelKind::Detector && card.channels == 3).then_some(1);
        check_ports("input", &inputs, session.inputs(), batch).map_err(form)?;
        check_ports("output", &outputs, session.outputs(), batch).map_err(form)?;
        if let Some(extra) =
            session.inputs().iter().find(|i| inputs.iter().all(|port| port.name != i.name()))
        {
            return Err(form(format!("it needs an unknown input {}", extra.name())));
        }
        let mut model = Self { card, provider, source: source.clone(), session, trial: None };
        model.try_out(&inputs, &outputs, batch.unwrap_or(TRIAL_BATCH))?;
        Ok(model)
    }

    /// Runs once on plain grey with all patches kept.
    fn try_out(
        &mut self,
        inputs: &[Port],
        outputs: &[Port],
        batch: usize,
    ) -> Result<(), ModelError> {
        let batched = |port: &Port| [&[batch][..], &port.shape].concat();
        let fed: Vec<_> = inputs
            .iter()
            .map(|port| {
                let value = if port.name == "image" { 0.5 } else { 1.0 };
                vec![value; batched(port).iter().product()]
            })
            .collect();
        let shapes: Vec<_> = inputs.iter().map(batched).collect();
        let fed: Vec<_> = inputs
            .iter()
            .zip(&shapes)
            .zip(&fed)
            .map(|((p, s), v)| (p.name, &s[..], &v[..]))
            .collect();
        let results = self.run(&fed)?;
        for port in outputs {
            results.get(port.name, &batched(port))?;
        }
        Ok(())
    }

    /// Runs the model on named inputs, each with its shape and values (row-major).
    pub(crate) fn run(
        &mut self,
        inputs: &[(&'static str, &[usize], &[f32])],
    ) -> Result<Outputs<'_>, ModelError> {
        let source = &self.source;
        let failed =
            |why: ort::Error| ModelError::Run { model: source.clone(), why: one_line(&why) };
        let mut fed = Vec::with_capacity(inputs.len());
        for (name, shape, values) in inputs {
            let tensor = TensorRef::from_array_view((*shape, *values)).map_err(failed)?;
            fed.push((*name, tensor));
        }
        let began = Instant::now();
        let values = self.session.run(fed).map_err(failed)?;
        let took = began.elapsed();
        if let Some(trial) = &mut self.trial {
            let owned = |(name, shape, values): &(_, &[usize], &[f32])| {
                (*name, shape.to_vec(), values.to_vec())
            };
            trial.offer(|| Asked {
                inputs: inputs.iter().map(owned).collect(),
                answers: all(&values),
                took,
            });
        }
        Ok(Outputs { values, source })
    }
}

impl Candidate for LoadedModel {
    fn answer(&mut self, inputs: &[Input]) -> Result<Vec<f32>, String> {
        let inputs: Vec<_> = inputs.iter().map(|(n, shape, v)| (*n, &shape[..], &v[..])).collect();
        self.run(&inputs).map(|given| all(&given.values)).map_err(|error| error.to_string())
    }
}

/// The values of all outputs, one after the other.
fn all(values: &SessionOutputs<'_>) -> Vec<f32> {
    let mut all = Vec::new();
    for value in values.values() {
        if let Ok((_, values)) = value.try_extract_tensor::<f32>() {
            all.extend_from_slice(values);
        }
    }
    all
}

/// What a run gave.
pub(crate) struct Outputs<'m> {
    values: SessionOutputs<'m>,
    source: &'m ModelSource,
}

impl Outputs<'_> {
    /// The values of one output, row-major, after a check that there are as many as
    /// `shape` says and that all of them are finite.
    pub(crate) fn get(&self, name: &str, shape: &[usize]) -> Result<&[f32], ModelError> {
        let failed = |why| ModelError::Run { model: self.source.clone(), why };
        let output =
            self.values.get(name).ok_or_else(|| failed(format!("it gave no output {name}")))?;
        let (found, values) =
            output.try_extract_tensor::<f32>().map_err(|why| failed(one_line(&why)))?;
        if !found.iter().map(|&size| size as usize).eq(shape.iter().copied()) {
            return Err(failed(format!("output {name} is {found} instead of {shape:?}")));
        }
        if values.iter().any(|value| !value.is_finite()) {
            return Err(failed(format!("output {name} is not a finite number")));
        }
        Ok(values)
    }
}

/// Reads a model file, never more than [`MOST_BYTES`] of it.
fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    let failed = |why: &dyn Display| ModelError::Read { path: path.into(), why: one_line(why) };
    let kind = path.metadata().map_err(|e| failed(&e))?;
    if !kind.is_file() {
        return Err(failed(&"it is no file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| failed(&e))?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|e| failed(&e))?;
    match bytes.len() as u64 > MOST_BYTES {
        true => Err(ModelError::TooLarge(path.into())),
        false => Ok(bytes),
    }
}

#[cfg(feature = "train")]
#[cfg(test)]
#[path = "models_tests.rs"]
mod tests;
