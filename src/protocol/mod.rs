//! The road-safety tests: what a driver monitor must tell and by when, played by the drawn
//! driver through the whole path that a camera's pictures take.
//!
//! ```text
//! table ──Cell──▶ run ──Change──▶ judge ──Judged──▶ page
//! TOML, crossed   Demo, networks  in time, early,   one HTML page,
//!                 and monitor     late, missed      JSON lines
//! ```
//!
//! Not to be mistaken for [`evaluate::protocol`](crate::evaluate::protocol), by which items
//! are held out of a training.

mod cross;
#[cfg(feature = "gui")]
pub(crate) mod job;
mod judge;
pub(crate) mod page;
mod run;
mod table;

pub(crate) use judge::{Change, Judged, Outcome, Verdict};
pub(crate) use run::{Played, ProtocolOptions, Total, play, provenance};
pub(crate) use table::{Axis, Cell, Choice, Eyes, Play, Requirement, Table, Tell, Variant};

use std::path::PathBuf;

use thiserror::Error;

use crate::{live::LiveError, replay::ReplayError, source::SourceError};

/// Tests that cannot be played or told of.
#[derive(Debug, Error)]
pub(crate) enum ProtocolError {
    /// A table cannot be read.
    #[error("the table {path} cannot be read ({why}); check the path and its rights", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        why: std::io::Error,
    },
    /// A table does not say what it must.
    #[error("{path}, line {line}: {why}; docs/protocol.md says how a table is written", path = .path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What does not fit, and what would.
        why: String,
    },
    /// A word that names no cell.
    #[error(
        "{word} names no cell of the table; choose a requirement ({requirements}), a kind of condition ({axes}), one condition or a cell, as --list shows them"
    )]
    Unknown {
        /// The word.
        word: String,
        /// The requirements there are.
        requirements: String,
        /// The axes there are.
        axes: String,
    },
    /// The words that were given have no cell in common.
    #[error(
        "no cell is left by what was asked for; give fewer words to --only, or a larger --part"
    )]
    Nothing,
    /// A cell cannot be drawn.
    #[error("the cell {cell} cannot be drawn: {why}")]
    Draw {
        /// The cell.
        cell: String,
        /// What is wrong with it.
        why: SourceError,
    },
    /// The models cannot be loaded or run.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// A model cannot be read for its digest.
    #[error(transparent)]
    Digest(#[from] ReplayError),
    /// The page cannot be written.
    #[error("the page {path} cannot be written ({why}); choose another folder", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        why: std::io::Error,
    },
    /// Somebody interrupted.
    #[error("the tests were interrupted; what was told of the cells before holds")]
    Stopped,
}
