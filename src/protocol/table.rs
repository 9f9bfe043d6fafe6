//! The table of what is tested: requirements, conditions, and the rule that crosses them.
//! TOML that a test engineer reads from top to bottom; docs/protocol.md explains each field.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use super::{
    ProtocolError,
    cross::{Wrong, parse},
};
use crate::{
    monitor::{Level, State},
    replay::Shard,
    source::{OpenOptions, demo::Script},
};

/// The table that is built in.
pub(super) const BUILT_IN: &str = include_str!("table.toml");
/// Its name in messages and on the page.
const BUILT_IN_NAME: &str = "built-in table";
/// The longest table that is read.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// How everything is drawn and judged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Play {
    /// Width of the pictures, pixels.
    pub width: u32,
    /// Height of the pictures, pixels.
    pub height: u32,
    /// Pictures a second of the driver's time.
    pub fps: f32,
    /// An answer may come so much before or after its window, seconds.
    pub tolerance_s: f64,
    /// Eyes that cannot be read must be told as such within so long, seconds.
    pub unreadable_s: f64,
}

impl Play {
    /// The same as the drawing wants it.
    pub(crate) fn open(&self) -> OpenOptions {
        let Self { width, height, fps, .. } = *self;
        OpenOptions { width, height, fps, ..OpenOptions::default() }
    }
}

/// Something that must be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tell {
    /// At least this urgent.
    pub level: Level,
    /// As one of these states; empty = as any.
    #[serde(default)]
    pub states: Vec<State>,
    /// From when on it is true, seconds since the beginning of the cell.
    pub since: f64,
    /// Not sooner after that, seconds.
    pub after: f64,
    /// Not later after that, seconds.
    pub by: f64,
}

/// What a monitor must do, with what happens meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Requirement {
    /// Its short name, the first half of a cell's.
    pub id: String,
    /// What it is, for people.
    pub title: String,
    /// Where the figures come from.
    pub source: String,
}

/// A kind of condition.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    /// Its short name.
    pub id: String,
    /// What it is, for people.
    pub title: String,
    /// Where it comes from.
    pub source: String,
}

/// Whether the eyes can be seen under a condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Eyes {
    /// They can: everything must be told as without it.
    #[default]
    Seen,
    /// Perhaps not: to tell that they cannot be read will do.
    Partly,
    /// They cannot: that must be told, where nothing else is.
    Hidden,
}

/// A condition: who drives, in what light, doing what else.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    /// Its short name, the second half of a cell's.
    pub id: String,
    /// What it is, for people.
    pub title: String,
    /// Its axis, by place in the table.
    pub axis: usize,
}

/// One test: a requirement under a condition.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    /// `requirement/variant`.
    pub id: String,
    /// The requirement, by place in the table.
    pub requirement: usize,
    /// The condition, by place in the table.
    pub variant: usize,
    /// What is drawn.
    pub script: Script,
    /// What must be told, in order of time.
    pub tells: Vec<Tell>,
    /// The highest level that may be told needlessly.
    pub most: Level,
    /// States that may be told although nothing awaits them.
    pub also: Vec<State>,
    /// When everything above that must be over, seconds; `None` = at the cell's end.
    pub over: Option<f64>,
    /// Whether the eyes can be seen.
    pub eyes: Eyes,
    /// Whether the program promises to pass.
    pub promised: bool,
    /// Why not, where it does not.
    pub why: String,
}

/// A whole table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// The file, or that it is built in.
    pub name: String,
    /// The text, for its digest.
    pub text: String,
    /// How everything is drawn and judged.
    pub play: Play,
    /// What must be done.
    pub requirements: Vec<Requirement>,
    /// The kinds of conditions.
    pub axes: Vec<Axis>,
    /// The conditions.
    pub variants: Vec<Variant>,
    /// The tests, requirement by requirement.
    pub cells: Vec<Cell>,
}

/// Which cells are asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    /// Words of which each must name something of a cell: its requirement, its condition or
    /// the kind of that, or all of it.
    pub only: Vec<String>,
    /// Part I of N: every Nth cell, beginning with the Ith.
    pub part: Option<Shard>,
}

impl Table {
    /// The table of a file, or the built-in one.
    ///
    /// # Errors
    /// When it cannot be read, or does not say what it must: with its line.
    pub(crate) fn open(file: Option<&Path>) -> Result<Self, ProtocolError> {
        let Some(path) = file else { return BUILT_IN.parse() };
        let failed = |why| ProtocolError::Read { path: path.into(), why };
        let mut text = String::new();
        let mut reader = File::open(path).map_err(failed)?.take(MOST_BYTES + 1);
        reader.read_to_string(&mut text).map_err(failed)?;
        if text.len() as u64 > MOST_BYTES {
            let why = format!("it is larger than {MOST_BYTES} bytes");
            return Err(failed(std::io::Error::other(why)));
        }
        Self::parse(&path.display().to_string(), &text)
    }

    fn parse(name: &str, text: &str) -> Result<Self, ProtocolError> {
        parse(name, text).map_err(|Wrong(span, why)| ProtocolError::Table {
            path: PathBuf::from(name),
            line: 1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count(),
            why: crate::os::one_line(&why),
        })
    }

    /// The cells that are asked for, in the table's order.
    ///
    /// # Errors
    /// When a word names nothing, or nothing is left.
    pub(crate) fn choose(&self, choice: &Choice) -> Result<Vec<&Cell>, ProtocolError> {
        if let Some(word) =
            choice.only.iter().find(|word| !self.cells.iter().any(|cell| self.is(cell, word)))
        {
            let names = |names: Vec<&str>| names.join(", ");
            return Err(ProtocolError::Unknown {
                word: word.clone(),
                requirements: names(self.requirements.iter().map(|r| r.id.as_str()).collect()),
                axes: names(self.axes.iter().map(|axis| axis.id.as_str()).collect()),
            });
        }
        let wanted = self.cells.iter().enumerate().filter(|(index, cell)| {
            choice.part.is_none_or(|part| part.holds(*index))
                && choice.only.iter().all(|word| self.is(cell, word))
        });
        let cells: Vec<&Cell> = wanted.map(|(_, cell)| cell).collect();
        if cells.is_empty() { Err(ProtocolError::Nothing) } else { Ok(cells) }
    }

    /// The requirement of a cell.
    pub(crate) fn requirement(&self, cell: &Cell) -> &Requirement {
        &self.requirements[cell.requirement]
    }

    /// The condition of a cell.
    pub(crate) fn variant(&self, cell: &Cell) -> &Variant {
        &self.variants[cell.variant]
    }

    /// Whether a word names a cell, or what it is made of.
    fn is(&self, cell: &Cell, word: &str) -> bool {
        let variant = self.variant(cell);
        [&cell.id, &self.requirement(cell).id, &variant.id, &self.axes[variant.axis].id]
            .iter()
            .any(|name| *name == word)
    }
}

impl FromStr for Table {
    type Err = ProtocolError;

    fn from_str(text: &str) -> Result<Self, ProtocolError> {
        Self::parse(BUILT_IN_NAME, text)
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
