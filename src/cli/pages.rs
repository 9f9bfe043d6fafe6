//! `pages`: man pages and completions of shells, made from the definition of the command
//! line. Hidden: only whoever makes a package calls it (`make dist`).

use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::Args;
use clap_complete::Shell;

use super::definition;

/// Shells with completions.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Where to write.
#[derive(Args, Clone, Debug)]
pub struct PagesArgs {
    /// The folder; it is made where it is missing.
    #[arg(value_name = "DIR")]
    pub out: PathBuf,
}

/// Writes `wakewatch.1`, a page for each command, and `wakewatch.bash`, `_wakewatch` and
/// `wakewatch.fish`.
///
/// # Errors
/// When the folder cannot be written.
pub fn run(args: &PagesArgs) -> anyhow::Result<()> {
    let out = &args.out;
    let failed = || format!("{} cannot be written; choose another folder", out.display());
    fs::create_dir_all(out).with_context(failed)?;
    clap_mangen::generate_to(definition(), out).with_context(failed)?;
    for shell in SHELLS {
        clap_complete::generate_to(shell, &mut definition(), env!("CARGO_PKG_NAME"), out)
            .with_context(failed)?;
    }
    Ok(())
}
