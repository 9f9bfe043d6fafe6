//! ONNX Runtime itself: finds its shared library, loads it once and explicitly (implicit
//! loading panics inside `ort`, so every path to it goes through [`init`]), and opens
//! sessions on the provider that was asked for. With [`Device::Auto`] that is the CPU, and
//! another one beside it that may prove faster.

use std::{
    env,
    fmt::Display,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, OnceLock},
};

use directories::BaseDirs;
use ort::{
    LoadDynamicError,
    environment::Environment,
    ep::{self, ExecutionProvider, ExecutionProviderDispatch},
    logging::LogLevel,
    session::{
        Session,
        builder::{GraphOptimizationLevel, SessionBuilder},
    },
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use strum::VariantArray;
use thiserror::Error;

use super::{cuda, library};

/// Where the library is looked for inside the user's cache folder, best first; the
/// names are those that `assets/runtime.sh` writes.
const CACHED: [&str; 2] = ["onnxruntime-gpu-1.31.1", "onnxruntime-1.32.0"];
/// Where a download carries the library, seen from the folder of the program: in the same
/// folder, below it, and as packages of a system have it (`bin` and `lib/wakewatch`).
const CARRIED: [&str; 3] = ["", "lib", "../lib/wakewatch"];
/// Sets the path of the library; must be absolute.
const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";

/// Keeps ONNX Runtime from speaking to its makers. From 1.32 on, its builds for Linux give
/// the user a number, keep a journal of what is run, and send it to Microsoft after some
/// seconds; they look at this variable once, when the library is loaded.
pub const SILENCE: &str = "ORT_DISABLE_TELEMETRY";

/// Whether ONNX Runtime will keep to itself.
pub fn is_silenced() -> bool {
    env::var_os(SILENCE).is_some_and(|value| value == "1")
}

/// What the user asks the models to run on.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    clap::ValueEnum,
    strum::Display,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Device {
    /// The CPU at once; in a live watch (a camera, or the window's Watch screen) CUDA in its
    /// place as soon as it has given the same answers in at most 0.8 of the time.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
    /// An NVIDIA GPU through TensorRT, which compiles each model first (minutes).
    #[value(name = "tensorrt")]
    TensorRt,
    /// Any GPU on Windows.
    #[value(name = "directml")]
    DirectMl,
    /// Apple's GPU and neural engine.
    #[value(name = "coreml")]
    CoreMl,
}

/// What a model really runs on.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, VariantArray,
)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// The processor.
    #[strum(to_string = "CPU")]
    Cpu,
    /// An NVIDIA GPU.
    #[strum(to_string = "CUDA")]
    Cuda,
    /// An NVIDIA GPU through TensorRT.
    #[strum(to_string = "TensorRT")]
    TensorRt,
    /// DirectX 12 on Windows.
    #[strum(to_string = "DirectML")]
    DirectMl,
    /// Apple's Core ML.
    #[strum(to_string = "CoreML")]
    CoreMl,
}

impl FromStr for Device {
    type Err = RuntimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        clap::ValueEnum::from_str(text, true).map_err(|_| RuntimeError::Device(text.into()))
    }
}

impl Provider {
    /// All providers that this program knows.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Whether the loaded library was built with this provider; whether it also works on
    /// this machine only a session can tell.
    ///
    /// # Errors
    /// When ONNX Runtime cannot be loaded.
    pub fn is_built_in(self) -> Result<bool, RuntimeError> {
        init()?;
        let built_in = match self {
            Provider::Cpu => Ok(true),
            Provider::Cuda => ep::CUDA::is_available(),
            Provider::TensorRt => ep::TensorRT::is_available(),
            Provider::DirectMl => ep::DirectML::is_available(),
            Provider::CoreMl => ep::CoreML::is_available(),
        };
        built_in.map_err(|why| RuntimeError::Environment(one_line(&why)))
    }

    fn dispatch(self) -> Option<ExecutionProviderDispatch> {
        let dispatch = match self {
            Provider::Cpu => return None,
            Provider::Cuda => ep::CUDA::default().build(),
            Provider::TensorRt => ep::TensorRT::default().build(),
            Provider::DirectMl => ep::DirectML::default().build(),
            Provider::CoreMl => ep::CoreML::default().build(),
        };
        Some(dispatch.error_on_failure())
    }
}

impl Device {
    /// The provider on which models are opened: what was asked for by name is used or is an
    /// error.
    pub(super) fn provider(self) -> Provider {
        match self {
            Device::Auto | Device::Cpu => Provider::Cpu,
            Device::Cuda => Provider::Cuda,
            Device::TensorRt => Provider::TensorRt,
            Device::DirectMl => Provider::DirectMl,
            Device::CoreMl => Provider::CoreMl,
        }
    }

    /// What may prove faster than the provider that is opened first. TensorRT compiles for
    /// minutes, and DirectML and Core ML are untested: they are used on request.
    ///
    /// # Errors
    /// When ONNX Runtime cannot be loaded.
    pub fn rival(self) -> Result<Option<Provider>, RuntimeError> {
        match self {
            Device::Auto => Ok(Provider::Cuda.is_built_in()?.then_some(Provider::Cuda)),
            _ => Ok(None),
        }
    }
}

/// How models are run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeOptions {
    /// What to run on.
    pub device: Device,
    /// Threads for one operator; at least 1 is used.
    pub threads: usize,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        Self { device: Device::Auto, threads: 1 }
    }
}

/// The library that was loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuntimeInfo {
    /// Its file, or its bare name where the system found it.
    pub library: PathBuf,
    /// Its version as its file name tells, else the least it can be and its build.
    pub version: String,
}

/// ONNX Runtime cannot be used.
#[derive(Debug, Error)]
pub enum RuntimeError {
    /// The library is nowhere.
    #[error(
        "ONNX Runtime is not installed (looked in {0}); run `wakewatch doctor --setup-script | bash` (`make setup` does it, too), or set ORT_DYLIB_PATH to its library"
    )]
    Missing(String),
    /// The library would speak to its makers.
    #[error(
        "ONNX Runtime would send data about its use to its makers; start the program with {SILENCE}=1 in its environment"
    )]
    Telemetry,
    /// The environment variable names something that is not there.
    #[error(
        "ORT_DYLIB_PATH is {path}, which is not an absolute path of a file; correct it, or unset it and run `make setup` or `wakewatch doctor --setup-script | bash`",
        path = .0.display()
    )]
    Variable(PathBuf),
    /// The library is too old.
    #[error(
        "{path} is ONNX Runtime {version}, older than the 1.{least} that is needed; unset ORT_DYLIB_PATH and run `make setup` or `wakewatch doctor --setup-script | bash`",
        path = .path.display(), least = ort::MINOR_VERSION
    )]
    TooOld {
        /// The library.
        path: PathBuf,
        /// Its version.
        version: String,
    },
    /// The file is there but is not the library, or not for this machine.
    #[error("{path} cannot be loaded as ONNX Runtime ({why}); remove that file and run `make setup` or `wakewatch doctor --setup-script | bash`", path = .path.display())]
    Broken {
        /// The library.
        path: PathBuf,
        /// The loader's own words.
        why: String,
    },
    /// The library loads but does not start.
    #[error(
        "ONNX Runtime does not start ({0}); run `make setup` or `wakewatch doctor --setup-script | bash` to install it afresh"
    )]
    Environment(String),
    /// A device that does not exist.
    #[error(
        "\"{0}\" is not a known device; choose one of auto, cpu, cuda, tensorrt, directml, coreml"
    )]
    Device(String),
}

struct Loaded {
    info: RuntimeInfo,
    environment: Environment,
}

static LOADED: OnceLock<Loaded> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

/// Finds and loads ONNX Runtime; further calls return what the first one loaded.
///
/// Looks at `ORT_DYLIB_PATH` (absolute), then in the cache folder that `make setup`
/// fills, then beside the executable, in the folder `lib` below it and in `lib/wakewatch`
/// beside its folder, then where the system looks.
///
/// # Errors
/// When there is no library, or it is too old or broken.
pub fn init() -> Result<&'static RuntimeInfo, RuntimeError> {
    loaded().map(|loaded| &loaded.info)
}

fn loaded() -> Result<&'static Loaded, RuntimeError> {
    // The lock keeps two threads from loading at once; nothing it guards can be left
    // half done, so a poisoned one is as good as new.
    let _turn = LOADING.lock();
    if let Some(loaded) = LOADED.get() {
        return Ok(loaded);
    }
    // Nothing leaves the machine, and no library is an exception: better none.
    if !is_silenced() {
        return Err(RuntimeError::Telemetry);
    }
    let library = find(&Places::of_this_process())?;
    let environment = load(&library)?;
    let version = version(&library);
    tracing::debug!(library = %library.display(), version, "ONNX Runtime is loaded");
    Ok(LOADED.get_or_init(|| Loaded { info: RuntimeInfo { library, version }, environment }))
}

/// Where the library may be.
struct Places {
    variable: Option<PathBuf>,
    cache: Option<PathBuf>,
    beside: Option<PathBuf>,
}

impl Places {
    fn of_this_process() -> Self {
        Self {
            variable: env::var_os(LIBRARY_VARIABLE).filter(|v| !v.is_empty()).map(Into::into),
            cache: BaseDirs::new().map(|dirs| dirs.cache_dir().join("wakewatch")),
            beside: env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_path_buf())),
        }
    }
}

fn library_name() -> String {
    format!("{}onnxruntime{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX)
}

/// The first place that holds the library, or its bare name for the system to find.
fn find(places: &Places) -> Result<PathBuf, RuntimeError> {
    if let Some(path) = &places.variable {
        return match path.is_absolute() && path.is_file() {
            true => Ok(path.clone()),
            false => Err(RuntimeError::Variable(path.clone())),
        };
    }
    let name = library_name();
    let cached = places.cache.iter().flat_map(|cache| CACHED.map(|dir| cache.join(dir)));
    let carried = places.beside.iter().flat_map(|beside| CARRIED.map(|dir| beside.join(dir)));
    let found = cached.chain(carried).map(|dir| dir.join(&name)).find(|path| path.is_file());
    Ok(found.unwrap_or_else(|| name.into()))
}

fn load(library: &Path) -> Result<Environment, RuntimeError> {
    let path = library.to_path_buf();
    if library.is_file() {
        library::check(library).map_err(|why| RuntimeError::Broken { path: path.clone(), why })?;
    }
    let builder = ort::init_from(library).map_err(|error| match error {
        LoadDynamicError::BadVersion { version_str, .. } => {
            RuntimeError::TooOld { path, version: version_str }
        }
        LoadDynamicError::Dlopen { .. } if library.parent() == Some(Path::new("")) => {
            RuntimeError::Missing(format!(
                "{LIBRARY_VARIABLE}, the cache folder, beside the program and the system's folders"
            ))
        }
        LoadDynamicError::Dlopen { error, .. } => {
            RuntimeError::Broken { path, why: one_line(&error) }
        }
        other => RuntimeError::Broken { path, why: one_line(&other) },
    })?;
    let environment = builder
        .with_name(env!("CARGO_PKG_NAME"))
        .with_telemetry(false)
        .with_logger(Arc::new(|level, category, _, _, message| match level {
            LogLevel::Fatal | LogLevel::Error => tracing::debug!(category, "{message}"),
            LogLevel::Warning => tracing::debug!(category, "{message}"),
            _ => tracing::trace!(category, "{message}"),
        }))
        .build()
        .map_err(|why| RuntimeError::Environment(one_line(&why)))?;
    environment.set_log_level(LogLevel::Warning);
    Ok(environment)
}

/// The version that the library's (resolved) path carries; the library tells its own
/// only through a call that safe code cannot make.
fn version(library: &Path) -> String {
    let resolved = library.canonicalize().unwrap_or_else(|_| library.to_path_buf());
    let named = resolved.iter().rev().take(2).find_map(|part| {
        let part = part.to_str()?;
        let tail = part.rsplit_once('-').or_else(|| part.split_once(".so."))?.1;
        let numbers = tail.split('.').filter(|n| n.parse::<u32>().is_ok()).count();
        (numbers == 3).then(|| tail.to_owned())
    });
    named.unwrap_or_else(|| {
        let commit = ort::info()
            .split_once("git-commit-id=")
            .map_or("unknown", |(_, rest)| rest.split(',').next().unwrap_or(rest));
        format!("1.{} or newer (build {commit})", ort::MINOR_VERSION)
    })
}

/// Sequential, with all graph optimisations, and without threads that spin while they
/// wait: they would burn the battery.
fn configure(environment: &Environment, threads: usize) -> ort::Result<SessionBuilder> {
    Ok(Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads.max(1))?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        .with_log_level(LogLevel::Warning)?)
}

/// Opens a session of `model` on `provider`.
pub(super) fn open(
    model: &[u8],
    provider: Provider,
    threads: usize,
) -> Result<Session, SessionError> {
    let failed = |why: ort::Error| SessionError::Model(one_line(&why));
    let Loaded { environment, info } = loaded()?;
    let mut builder = configure(environment, threads).map_err(failed)?;
    if let Some(dispatch) = provider.dispatch() {
        if !provider.is_built_in()? {
            let library = info.library.display();
            return Err(SessionError::Provider(format!("{library} was built without it")));
        }
        let refused = |why: &dyn Display| {
            let missing = cuda::missing(&why.to_string());
            SessionError::Provider(missing.unwrap_or_else(|| one_line(why)))
        };
        let folder = info.library.parent().filter(|folder| folder.is_absolute());
        if let (Provider::Cuda | Provider::TensorRt, Some(folder)) = (provider, folder) {
            cuda::preload(folder);
        }
        builder = builder.with_execution_providers([dispatch]).map_err(|why| refused(&why))?;
    }
    builder.commit_from_memory(model).map_err(failed)
}

/// Why a session did not open.
#[derive(Debug)]
pub(super) enum SessionError {
    Runtime(RuntimeError),
    /// The provider is not in the library or does not start on this machine.
    Provider(String),
    /// The file is not a model that ONNX Runtime can run.
    Model(String),
}

impl From<RuntimeError> for SessionError {
    fn from(error: RuntimeError) -> Self {
        Self::Runtime(error)
    }
}

/// The first line of a library's message, short enough to stand inside a sentence.
pub(super) fn one_line(message: &dyn Display) -> String {
    const MOST: usize = 200;
    let text = message.to_string();
    let line = text.lines().next().unwrap_or_default().trim().trim_end_matches('.');
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(variable: Option<&Path>, root: &Path) -> Places {
        Places {
            variable: variable.map(Into::into),
            cache: Some(root.join("cache")),
            beside: Some(root.join("bin")),
        }
    }

    fn put(dir: &Path) -> PathBuf {
        std::fs::create_dir_all(dir).unwrap();
        let file = dir.join(library_name());
        std::fs::write(&file, "not a library").unwrap();
        file
    }

    #[test]
    fn the_library_is_looked_for_in_order() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        assert_eq!(find(&places(None, root)).unwrap(), PathBuf::from(library_name()));
        // A package of a system, an unpacked archive, a copy beside the program.
        for (dir, told) in
            [("lib/wakewatch", "bin/../lib/wakewatch"), ("bin/lib", "bin/lib"), ("bin", "bin")]
        {
            std::fs::create_dir_all(root.join("bin")).unwrap();
            put(&root.join(dir));
            let found = find(&places(None, root)).unwrap();
            assert_eq!(found, root.join(told).join(library_name()));
            assert!(found.is_file());
        }
        let cpu = put(&root.join("cache").join(CACHED[1]));
        assert_eq!(find(&places(None, root)).unwrap(), cpu);
        let gpu = put(&root.join("cache").join(CACHED[0]));
        assert_eq!(find(&places(None, root)).unwrap(), gpu);
        let own = put(&root.join("own"));
        assert_eq!(find(&places(Some(&own), root)).unwrap(), own);
    }

    #[test]
    fn a_variable_that_names_no_file_is_an_error_and_no_reason_to_look_elsewhere() {
        let root = tempfile::tempdir().unwrap();
        put(&root.path().join("bin"));
        for path in ["/nowhere/libonnxruntime.so", "libonnxruntime.so"] {
            let error = find(&places(Some(Path::new(path)), root.path())).unwrap_err().to_string();
            assert!(error.contains(path) && error.contains("make setup"), "{error}");
        }
    }

    /// What [`init`] says in a process of its own: a library is loaded once a process.
    fn error_of_init(variable: Option<&Path>, cache: &Path) -> Option<String> {
        let mut child = std::process::Command::new(env::current_exe().unwrap());
        child.args([
            "--exact",
            "--ignored",
            "--nocapture",
            "infer::runtime::tests::tell_the_error",
        ]);
        child.env_remove(LIBRARY_VARIABLE).env("XDG_CACHE_HOME", cache);
        child.envs(variable.map(|path| (LIBRARY_VARIABLE, path)));
        let told = String::from_utf8(child.output().unwrap().stdout).unwrap();
        told.lines().find_map(|line| Some(line.split_once("error: ")?.1.to_owned()))
    }

    #[test]
    #[ignore = "only run by the tests that need a process of their own"]
    fn tell_the_error() {
        if let Err(error) = init() {
            println!("error: {error}");
        }
    }

    #[test]
    fn a_library_that_would_speak_to_its_makers_is_not_loaded() {
        let mut child = std::process::Command::new(env::current_exe().unwrap());
        child.args(["--exact", "--ignored", "--nocapture"]);
        child.arg("infer::runtime::tests::tell_the_error").env_remove(SILENCE);
        let told = String::from_utf8(child.output().unwrap().stdout).unwrap();
        assert!(told.contains(SILENCE), "{told}");
    }

    #[test]
    fn a_file_that_is_no_library_and_a_missing_one_say_make_setup() {
        let root = tempfile::tempdir().unwrap();
        let file = put(root.path());
        let error = error_of_init(Some(&file), root.path()).unwrap();
        assert!(error.contains("cannot be loaded") && error.contains("make setup"), "{error}");
        // A machine may have the library installed for all; then there is no error.
        if let Some(error) = error_of_init(None, root.path()) {
            assert!(error.contains("not installed") && error.contains("make setup"), "{error}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_library_of_another_version_is_told_with_its_own() {
        // The first call of any ONNX Runtime: a table of two functions, the second of which
        // tells the version.
        const OLD: &str = "static const void *none(unsigned v) { (void)v; return 0; }\n\
            static const char *version(void) { return \"1.10.0\"; }\n\
            static const struct { const void *(*api)(unsigned); const char *(*v)(void); } base = { none, version };\n\
            const void *OrtGetApiBase(void) { return &base; }\n";
        let root = tempfile::tempdir().unwrap();
        let (source, library) = (root.path().join("old.c"), root.path().join("libold.so"));
        std::fs::write(&source, OLD).unwrap();
        let mut compiler = std::process::Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source);
        if !compiler.status().is_ok_and(|status| status.success()) {
            eprintln!("skipped: there is no C compiler");
            return;
        }
        let error = error_of_init(Some(&library), root.path()).unwrap();
        assert!(error.contains("1.10.0") && error.contains("make setup"), "{error}");
    }

    #[test]
    fn devices_are_written_as_they_are_read() {
        for device in ["auto", "cpu", "cuda", "tensorrt", "directml", "coreml"] {
            assert_eq!(device.parse::<Device>().unwrap().to_string(), device);
            let json = format!("\"{device}\"");
            assert_eq!(serde_json::to_string(&device.parse::<Device>().unwrap()).unwrap(), json);
        }
        assert!("gpu".parse::<Device>().unwrap_err().to_string().contains("tensorrt"));
    }

    #[test]
    fn a_version_is_read_from_the_path() {
        assert_eq!(version(Path::new("/a/onnxruntime-1.32.0/libonnxruntime.so")), "1.32.0");
        assert_eq!(version(Path::new("/usr/lib/libonnxruntime.so.1.25.3")), "1.25.3");
    }

    #[test]
    fn a_long_message_is_cut_to_one_line() {
        assert_eq!(one_line(&"first.\nsecond"), "first");
        assert_eq!(one_line(&"é".repeat(500)).chars().count(), 203);
    }
}
