//! Takes the face detector's model out of the published `rustface` crate, which carries
//! it in its folder but does not embed it, so that this repository needs no copy.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use cargo_metadata::MetadataCommand;

const CRATE: &str = "rustface";
const MODEL: &str = "seeta_fd_frontal_v1.0.bin";

fn main() -> ExitCode {
    leave_out_symbols();
    match copy_detector_model() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!(
                "cargo::error=the face detector's model {MODEL} could not be taken from the \
                 {CRATE} crate ({error}); run `cargo fetch` and build again"
            );
            ExitCode::FAILURE
        }
    }
}

/// The names of functions are a fifth of the program, and nothing in a release reads them.
/// Said to the linker alone: `strip` in the profile would be said to every dependency.
fn leave_out_symbols() {
    let is = |name, value| env::var(name).is_ok_and(|set| set == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        println!("cargo::rustc-link-arg-bins=-Wl,--strip-all");
    }
}

fn copy_detector_model() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let lock = root.join("Cargo.lock");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", lock.display());
    let model = crate_folder(&root, &lock, &out)?.join("model").join(MODEL);
    println!("cargo::rerun-if-changed={}", model.display());
    fs::copy(&model, out.join(MODEL)).map_err(|why| format!("{}: {why}", model.display()))?;
    Ok(())
}

/// Where cargo keeps the crate's sources, without touching the network.
///
/// Cargo is asked about a package that depends on nothing but this crate, with our lock
/// file beside it: about ourselves it would want to know every dependency of every
/// platform and of the tests, most of which were never downloaded on this machine.
fn crate_folder(root: &Path, lock: &Path, out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let finder = out.join("finder");
    fs::create_dir_all(&finder)?;
    fs::write(finder.join("lib.rs"), "")?;
    fs::write(
        finder.join("Cargo.toml"),
        format!(
            "[package]\nname = \"finder\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
             [lib]\npath = \"lib.rs\"\n[dependencies]\n{CRATE} = \"*\"\n[workspace]\n"
        ),
    )?;
    if lock.is_file() {
        fs::copy(lock, finder.join("Cargo.lock"))?;
    }
    let metadata = MetadataCommand::new()
        .manifest_path(finder.join("Cargo.toml"))
        .current_dir(root)
        .other_options(vec![
            "--offline".to_owned(),
            format!("--filter-platform={}", env::var("TARGET")?),
        ])
        .exec()?;
    let package = metadata.packages.iter().find(|package| package.name.as_str() == CRATE);
    let package = package.ok_or_else(|| format!("cargo does not know the crate {CRATE}"))?;
    let folder = package.manifest_path.parent().ok_or("its folder has no name")?;
    Ok(folder.as_std_path().to_path_buf())
}
