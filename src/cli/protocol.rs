//! `protocol`: road-safety tests on the drawn driver, one JSON line a cell, and the page.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::{
    WrongUse, answer, command_line,
    shared::{ModelArgs, end_on_interrupt, monitor_settings, progress_bar},
};
use crate::{
    protocol::{
        self, Cell, Choice, Eyes, ProtocolError, ProtocolOptions, Table, Tell, Total, page::Report,
    },
    replay::Shard,
};

/// Which tests are played, and where the page goes.
#[derive(Args, Clone, Debug)]
pub struct ProtocolArgs {
    /// Only the cells of a requirement, a kind of condition, one condition, or one cell;
    /// given twice, those that both name.
    #[arg(long, value_name = "WORD")]
    pub only: Vec<String>,
    /// Every Nth cell of the table, beginning with the Ith.
    #[arg(long, value_name = "I/N")]
    pub part: Option<Shard>,
    /// List the cells with what must be told, and play none.
    #[arg(long, conflicts_with = "report")]
    pub list: bool,
    /// Another table than the built-in one.
    #[arg(long, value_name = "FILE.toml")]
    pub table: Option<PathBuf>,
    /// Write the page there: index.html and results.jsonl.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Thresholds of the monitor, as TOML.
    #[arg(long, value_name = "FILE.toml")]
    pub settings: Option<PathBuf>,
    /// The models.
    #[command(flatten)]
    pub models: ModelArgs,
}

/// A cell as it is listed.
#[derive(Serialize)]
struct Listed<'c> {
    cell: &'c str,
    requirement: &'c str,
    condition: &'c str,
    source: &'c str,
    seconds: f32,
    tell: &'c [Tell],
    eyes: Eyes,
    promised: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    why: &'c str,
}

#[derive(Serialize)]
struct Summary {
    summary: Total,
}

/// Plays the tests.
///
/// # Errors
/// When the table, a model or the page's folder cannot be used, and at the end, when
/// everything is told, if a cell failed that the program promises to pass.
pub fn run(args: &ProtocolArgs) -> anyhow::Result<()> {
    let table = Table::open(args.table.as_deref())?;
    let choice = Choice { only: args.only.clone(), part: args.part };
    let cells = match table.choose(&choice) {
        Err(why @ (ProtocolError::Unknown { .. } | ProtocolError::Nothing)) => {
            return Err(WrongUse(why.to_string()).into());
        }
        cells => cells?,
    };
    if args.list {
        return cells.iter().try_for_each(|cell| list(&table, cell));
    }
    let options = ProtocolOptions {
        pipeline: args.models.pipeline(),
        monitor: monitor_settings(args.settings.as_deref())?,
        stop: Arc::<AtomicBool>::default(),
    };
    end_on_interrupt(&options.stop)?;
    // A model that cannot be read is told before anything is played.
    let provenance = protocol::provenance(&table, &options, command_line())?;
    let bar = progress_bar();
    let mut printed = Ok(());
    let progress = |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let played = protocol::play(&table, &cells, &options, &progress, &mut |played| {
        printed = answer(played);
        printed.is_ok()
    });
    bar.finish_and_clear();
    // Whoever read the lines may have seen enough: that is no interruption.
    printed?;
    let played = played?;
    let summary = Total::of(&played);
    let broken: Vec<String> = played
        .iter()
        .filter(|cell| cell.promised && !cell.cause.is_empty())
        .filter(|cell| cell.judged.outcome == protocol::Outcome::Failed)
        .map(|cell| format!("{} ({})", cell.cell, cell.cause))
        .collect();
    if let Some(folder) = &args.report {
        Report { table, played, provenance }.write(folder)?;
    }
    answer(&Summary { summary })?;
    fail_with(&broken)
}

fn list(table: &Table, cell: &Cell) -> anyhow::Result<()> {
    answer(&Listed {
        cell: &cell.id,
        requirement: &table.requirement(cell).title,
        condition: &table.variant(cell).title,
        source: &table.requirement(cell).source,
        seconds: cell.script.seconds,
        tell: &cell.tells,
        eyes: cell.eyes,
        promised: cell.promised,
        why: &cell.why,
    })
}

/// Ends with exit code 1, naming the promises that were broken, if some were.
fn fail_with(broken: &[String]) -> anyhow::Result<()> {
    /// So many are named in the sentence; the lines hold all.
    const NAMED: usize = 5;
    if broken.is_empty() {
        return Ok(());
    }
    let mut named = broken.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    if broken.len() > NAMED {
        named += &format!("; and {} more", broken.len() - NAMED);
    }
    bail!("{} promised cell(s) failed: {named}", broken.len())
}
