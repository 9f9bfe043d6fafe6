//! The front door: what can be asked for on the command line, and how answers and errors
//! reach the caller. Machine-readable output goes to stdout, one JSON object a line;
//! everything said to people goes to stderr. Exit codes: 0 done, 1 failed, 2 wrong use.

pub mod bench;
pub mod classify;
pub mod doctor;
pub mod evaluate;
#[cfg(feature = "train")]
pub mod offline;
pub mod pages;
pub mod protocol;
pub mod replay;
mod shared;
pub mod watch;
pub mod watch_args;

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand, error::ErrorKind};
use serde::Serialize;
use thiserror::Error;
use tracing_subscriber::EnvFilter;

use crate::infer::runtime;

/// Watches a driver's face and wakes them before they sleep.
///
/// Without a command it opens the window on the webcam. Try it without one:
/// `wakewatch watch --source demo:asleep`. What is missing here says `wakewatch doctor`.
#[derive(Debug, Parser)]
#[command(version, about, subcommand_precedence_over_arg = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Say more on stderr: what is tried, found and given up.
    #[arg(long, short, global = true)]
    verbose: bool,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch a camera, a video, pictures or the demo driver.
    Watch(watch_args::WatchArgs),
    /// Read single pictures: one JSON line a picture.
    Classify(classify::ClassifyArgs),
    /// Measure the models on labelled data, as JSON.
    Evaluate(evaluate::EvaluateArgs),
    /// Play road-safety tests on the drawn driver, one JSON line a cell.
    Protocol(protocol::ProtocolArgs),
    /// Join the parts of a run that was split over machines.
    Merge(replay::MergeArgs),
    /// Measure how fast the real pipeline runs here.
    Bench(bench::BenchArgs),
    /// Say what was found on this machine, and how to mend what is missing.
    Doctor(doctor::DoctorArgs),
    /// Turn whole pictures into aligned crops to train on.
    #[cfg(feature = "train")]
    Prepare(offline::PrepareArgs),
    /// Train a network from a TOML file.
    #[cfg(feature = "train")]
    Train(offline::TrainArgs),
    /// Write the best weights of a run as an ONNX model.
    #[cfg(feature = "train")]
    Export(offline::ExportArgs),
    /// Write man pages and completions of shells into a folder; for packages.
    #[command(hide = true)]
    Pages(pages::PagesArgs),
}

/// A command line that asks for what cannot be.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct WrongUse(pub String);

/// Starts the program again with ONNX Runtime silenced, if it is not: the variable has to be
/// there before any thread is, and to set one's own is unsafe. Gives the exit code of that
/// program, or `None` to go on.
fn silence() -> Option<ExitCode> {
    if runtime::is_silenced() {
        return None;
    }
    let mut again = std::process::Command::new(std::env::current_exe().ok()?);
    again.args(std::env::args_os().skip(1)).env(runtime::SILENCE, "1");
    // Where this fails, the library is not loaded and the sentence says why.
    #[cfg(unix)]
    let failed: std::io::Result<ExitCode> =
        Err(std::os::unix::process::CommandExt::exec(&mut again));
    #[cfg(not(unix))]
    let failed = again.status().map(|status| {
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        code.map_or(ExitCode::FAILURE, ExitCode::from)
    });
    failed.map_err(|error| tracing::warn!("{error}")).ok()
}

/// Reads the command line, does what it asks for through `run`, and says how it ended.
pub fn run(run: impl FnOnce(Command) -> anyhow::Result<()>) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing is left to be told when even this cannot be printed.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(2),
            };
        }
    };
    log(cli.verbose);
    if let Some(ended) = silence() {
        return ended;
    }
    let command = cli.command.unwrap_or_else(|| Command::Watch(watch_args::WatchArgs::default()));
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough: that is no failure of ours.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "wakewatch: {}", sentence(&error));
            match error.downcast_ref::<WrongUse>() {
                Some(_) => ExitCode::from(2),
                None => ExitCode::FAILURE,
            }
        }
    }
}

/// An error and its causes in one line, each said once: many of ours already tell their
/// cause.
fn sentence(error: &anyhow::Error) -> String {
    let said =
        error.chain().skip(1).map(ToString::to_string).fold(error.to_string(), |said, cause| {
            if said.contains(&cause) { said } else { format!("{said}: {cause}") }
        });
    crate::os::one_line(&said)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |why: &io::Error| why.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(broken))
}

/// What the rooms say goes to stderr; `RUST_LOG` overrules what is asked for here.
fn log(verbose: bool) {
    let usual = if verbose { "wakewatch=debug,warn" } else { "wakewatch=warn,error" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
}

/// Prints an answer as one line of JSON on stdout.
///
/// # Errors
/// When it cannot be written.
fn answer(what: &impl Serialize) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(what).context("the answer cannot be written as JSON")?;
    line.push(b'\n');
    io::stdout().lock().write_all(&line).context("the answer cannot be written to stdout")
}

/// The command line as it was given, for reports; the program by its name alone.
fn command_line() -> Vec<String> {
    let args = std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    std::iter::once("wakewatch".into()).chain(args).collect()
}

/// Prints a line for people on stdout.
///
/// # Errors
/// When it cannot be written.
fn say(line: impl std::fmt::Display) -> anyhow::Result<()> {
    writeln!(io::stdout().lock(), "{line}").context("the answer cannot be written to stdout")
}

/// The definition of the whole command line, for the checks of clap.
#[doc(hidden)]
pub fn definition() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_sound() {
        super::definition().debug_assert();
    }

    #[test]
    fn a_cause_is_told_once() {
        let told = anyhow::anyhow!("no rights").context("it cannot be read (no rights)");
        assert_eq!(super::sentence(&told), "it cannot be read (no rights)");
        let untold = anyhow::anyhow!("no rights").context("it cannot be read");
        assert_eq!(super::sentence(&untold), "it cannot be read: no rights");
    }
}
