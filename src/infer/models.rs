//! Model files: where one comes from, and every check it must pass before a frame is
//! given to it: its size, its card, the names and shapes of its inputs and outputs, and
//! one trial run.

use std::{
    fmt::{self, Display},
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use ort::{
    session::{Session, SessionOutputs},
    value::TensorRef,
};
use thiserror::Error;

use super::form::{Port, check_card, check_ports, ports};
use super::promoted::promoted;
use super::runtime::{self, Provider, RuntimeError, RuntimeOptions, SessionError, one_line};
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
    /// Why `auto` did not take a better provider that the library has, if so.
    pub fallback: Option<String>,
    source: ModelSource,
    session: Session,
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
        let file;
        let bytes: &[u8] = match source {
            ModelSource::Embedded => embedded(kind),
            ModelSource::Bytes(bytes) => bytes,
            ModelSource::File(path) => {
                file = read(path)?;
                &file
            }
        };
        let open = |provider| Self::open(bytes, source, kind, provider, options.threads);
        let (model, fallback) =
            first_that_works(kind, options.device.candidates(), Provider::is_built_in, open)?;
        Ok(Self { fallback, ..model })
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
        let mut model = Self { card, provider, fallback: None, source: source.clone(), session };
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
        let values = self.session.run(fed).map_err(failed)?;
        Ok(Outputs { values, source })
    }
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

/// Opens on the first provider that also passes its trial run, and says why it was not a
/// better one. Only what comes last is an error.
fn first_that_works<T>(
    kind: ModelKind,
    candidates: &[Provider],
    is_built_in: impl Fn(Provider) -> Result<bool, RuntimeError>,
    open: impl Fn(Provider) -> Result<T, ModelError>,
) -> Result<(T, Option<String>), ModelError> {
    let (last, better) = match candidates {
        [better @ .., last] => (*last, better),
        [] => (Provider::Cpu, &[][..]),
    };
    let mut fallback = None;
    for &provider in better {
        // What the library was not built with is no news; what should work is.
        if !is_built_in(provider)? {
            continue;
        }
        match open(provider) {
            Ok(model) => return Ok((model, None)),
            Err(error) => {
                tracing::warn!("{kind} model: {error}; running on {last} instead");
                fallback = Some(format!("{error}; running on {last} instead"));
            }
        }
    }
    Ok((open(last)?, fallback))
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
mod tests {
    use super::*;
    use crate::{
        infer::fixtures,
        onnx::{Dim, GraphBuilder},
        vit::METADATA_KEY,
    };

    fn load(bytes: Vec<u8>, kind: ModelKind) -> Result<LoadedModel, String> {
        let source = ModelSource::Bytes(bytes.into());
        LoadedModel::load(&source, kind, &RuntimeOptions::default()).map_err(|e| e.to_string())
    }

    #[test]
    fn the_built_in_models_pass_their_own_checks() {
        if !fixtures::runtime_is_here() {
            return;
        }
        for &kind in ModelKind::ALL {
            let source = ModelSource::Bytes(embedded(kind).into());
            let loaded = LoadedModel::load(&source, kind, &RuntimeOptions::default());
            assert_eq!(loaded.unwrap().card.kind, kind);
        }
    }

    #[test]
    fn a_bad_file_is_one_sentence_that_names_it() {
        if !fixtures::runtime_is_here() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wrong.onnx");
        let error = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let source = ModelSource::File(path.clone());
            let loaded =
                LoadedModel::load(&source, ModelKind::Drowsiness, &RuntimeOptions::default());
            let error = loaded.unwrap_err().to_string();
            assert!(error.contains("wrong.onnx") && !error.contains('\n'), "{error}");
            error
        };
        assert!(error(b"").contains("no ONNX model"));
        assert!(error(b"no model at all").contains("no ONNX model"));
        let good = fixtures::drowsiness(72, 24);
        assert!(error(&good[..good.len() / 2]).contains("wrong.onnx"));
        assert!(error(&fixtures::mae(72, 24)).contains("drowsiness model is needed"));
        for path in [folder.path().join("nowhere.onnx"), folder.path().into()] {
            let source = ModelSource::File(path);
            let loaded = LoadedModel::load(&source, ModelKind::Mae, &RuntimeOptions::default());
            assert!(loaded.unwrap_err().to_string().contains("check the path"));
        }
    }

    #[test]
    fn a_card_that_does_not_fit_its_graph_is_refused() {
        if !fixtures::runtime_is_here() {
            return;
        }
        let picture = |claimed_px: usize, patch_px: usize, batch: Dim| {
            let mut card = fixtures::card(ModelKind::Mae, 72, 24);
            (card.image_px, card.patch_px) = (claimed_px, patch_px);
            let shape = [batch, Dim::Fixed(3), Dim::Fixed(72), Dim::Fixed(72)];
            let mut graph = GraphBuilder::new("mae");
            let image = graph.input("image", &shape);
            graph.input("patch_keep", &[batch, Dim::Fixed(9)]);
            graph.output(&image, "reconstruction", &shape);
            let card = serde_json::to_string(&card).unwrap();
            load(graph.finish(&[(METADATA_KEY, &card)]).unwrap(), ModelKind::Mae)
        };
        assert!(picture(72, 24, Dim::Named("N")).is_ok());
        assert!(picture(96, 32, Dim::Named("N")).unwrap_err().contains("image"));
        assert!(picture(72, 12, Dim::Named("N")).unwrap_err().contains("patch_keep"));
        assert!(picture(72, 50, Dim::Named("N")).unwrap_err().contains("tile"));
        assert!(picture(0, 24, Dim::Named("N")).unwrap_err().contains("0 px"));
        assert!(picture(72, 24, Dim::Fixed(1)).unwrap_err().contains("batch"));
    }

    #[test]
    fn a_model_that_gives_no_number_fails_its_trial_run() {
        if !fixtures::runtime_is_here() {
            return;
        }
        let points = [[f32::NAN; 2]; 68];
        let error = load(fixtures::landmarks(&points, 0.0, [0.0; 3]), ModelKind::Landmarks);
        assert!(error.unwrap_err().contains("finite"));
    }

    #[test]
    fn a_provider_that_fails_at_its_first_run_gives_way_to_the_cpu_and_is_told() {
        let both = [Provider::Cuda, Provider::Cpu];
        let choose = |candidates: &[Provider], built_in: bool, fails: &[Provider]| {
            let open = |provider| match fails.contains(&provider) {
                true => Err(ModelError::Run {
                    model: ModelSource::Embedded,
                    why: "CUDA failure 700: an illegal memory access".into(),
                }),
                false => Ok(provider),
            };
            first_that_works(ModelKind::Mae, candidates, |_| Ok(built_in), open)
        };
        let (chosen, told) = choose(&both, true, &[Provider::Cuda]).unwrap();
        assert_eq!(chosen, Provider::Cpu);
        let told = told.unwrap();
        assert!(told.contains("illegal memory access") && told.contains("on CPU"), "{told}");
        assert_eq!(choose(&both, true, &[]).unwrap(), (Provider::Cuda, None));
        assert_eq!(choose(&both, false, &[Provider::Cuda]).unwrap(), (Provider::Cpu, None));
        assert!(choose(&both[..1], true, &[Provider::Cuda]).is_err(), "asked for by name");
        assert!(choose(&both, true, &both).is_err());
    }

    #[test]
    fn a_provider_that_was_asked_for_and_is_not_there_is_an_error() {
        if !fixtures::runtime_is_here() || Provider::CoreMl.is_built_in().unwrap() {
            return;
        }
        let source = ModelSource::Bytes(fixtures::mae(72, 24).into());
        let options = RuntimeOptions { device: crate::infer::Device::CoreMl, ..Default::default() };
        let error = LoadedModel::load(&source, ModelKind::Mae, &options).unwrap_err();
        assert!(error.to_string().contains("CoreML cannot be used"), "{error}");
        let cpu = LoadedModel::load(&source, ModelKind::Mae, &RuntimeOptions::default()).unwrap();
        assert!(cpu.provider == Provider::Cpu || Provider::Cuda.is_built_in().unwrap());
    }
}
