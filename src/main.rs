//! The program: reads the command line and does what it asks for.

use std::process::ExitCode;

use wakewatch::cli::{self, Command};

fn main() -> ExitCode {
    cli::run(|command| match command {
        Command::Watch(args) => cli::watch::run(args),
        Command::Classify(args) => cli::classify::run(&args),
        Command::Evaluate(args) => cli::evaluate::run(&args),
        Command::Protocol(args) => cli::protocol::run(&args),
        Command::Merge(args) => cli::replay::merge(&args),
        Command::Bench(args) => cli::bench::run(&args),
        Command::Doctor(args) => cli::doctor::run(&args),
        Command::Pages(args) => cli::pages::run(&args),
        #[cfg(feature = "train")]
        Command::Prepare(args) => cli::offline::prepare(args),
        #[cfg(feature = "train")]
        Command::Train(args) => cli::offline::train(&args),
        #[cfg(feature = "train")]
        Command::Export(args) => cli::offline::export(args),
    })
}
