//! The tests in the background, for whoever must not wait.

use super::{
    Choice, ProtocolError, ProtocolOptions, Table,
    page::Report,
    run::{play, provenance},
};
use crate::background::{Background, NoThread, Progress, Waker};

/// Begins to play the cells of the built-in table that are chosen; its progress counts
/// seconds of driving.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn start(
    choice: Choice,
    options: ProtocolOptions,
    command: Vec<String>,
    waker: Waker,
) -> Result<Background<Report>, NoThread> {
    let stop = options.stop.clone();
    Background::start("playing of the tests", stop, waker, move |progress| {
        run(&choice, &options, command, progress)
    })
}

fn run(
    choice: &Choice,
    options: &ProtocolOptions,
    command: Vec<String>,
    progress: Progress<'_>,
) -> Result<Report, ProtocolError> {
    let table = Table::open(None)?;
    let cells = table.choose(choice)?;
    let provenance = provenance(&table, options, command)?;
    let played = play(&table, &cells, options, progress, &mut |_| true)?;
    Ok(Report { table, played, provenance })
}
