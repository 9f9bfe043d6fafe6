//! The table of what is tested: requirements, conditions, and the rule that crosses them.
//! TOML that a test engineer reads from top to bottom; docs/protocol.md explains each field.

use std::{
    fs::File,
    io::Read,
    ops::Range,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::ProtocolError;
use crate::{
    monitor::{Level, State},
    replay::Shard,
    source::{
        OpenOptions,
        demo::{Lighting, Person, Script, ScriptCue},
    },
};

/// The table that is built in.
pub const BUILT_IN: &str = include_str!("table.toml");
/// Its name in messages and on the page.
const BUILT_IN_NAME: &str = "built-in table";
/// The longest table that is read.
const MOST_BYTES: u64 = 4 * 1024 * 1024;
/// The most cells of a table.
const MOST_CELLS: usize = 20_000;
/// What stands for every axis in a requirement's `variants`.
const ALL: &str = "all";
/// A condition's cue without `from` begins then, seconds.
const BEGIN_S: f64 = 0.5;
/// A condition's cue without `to` ends so long before the first cue of the requirement,
/// seconds.
const BEFORE_S: f64 = 0.5;

/// How everything is drawn and judged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Play {
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
    pub fn open(&self) -> OpenOptions {
        let Self { width, height, fps, .. } = *self;
        OpenOptions { width, height, fps, ..OpenOptions::default() }
    }
}

/// Something that must be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tell {
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
pub struct Requirement {
    /// Its short name, the first half of a cell's.
    pub id: String,
    /// What it is, for people.
    pub title: String,
    /// Where the figures come from.
    pub source: String,
}

/// A kind of condition.
#[derive(Clone, Debug)]
pub struct Axis {
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
pub enum Eyes {
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
pub struct Variant {
    /// Its short name, the second half of a cell's.
    pub id: String,
    /// What it is, for people.
    pub title: String,
    /// Its axis, by place in the table.
    pub axis: usize,
}

/// One test: a requirement under a condition.
#[derive(Clone, Debug)]
pub struct Cell {
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
pub struct Table {
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
pub struct Choice {
    /// Words of which each must name something of a cell: its requirement, its condition or
    /// the kind of that, or all of it.
    pub only: Vec<String>,
    /// Part I of N: every Nth cell, beginning with the Ith.
    pub part: Option<Shard>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableFile {
    play: Play,
    requirement: Vec<RequirementRow>,
    axis: Vec<AxisRow>,
    #[serde(default)]
    except: Vec<ExceptRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequirementRow {
    id: Spanned<String>,
    title: String,
    source: String,
    seconds: f32,
    #[serde(default)]
    cues: Vec<ScriptCue>,
    #[serde(default)]
    tell: Vec<Tell>,
    #[serde(default = "advisory")]
    most: Level,
    over: Option<f64>,
    variants: Vec<Spanned<String>>,
}

fn advisory() -> Level {
    Level::Advisory
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AxisRow {
    id: Spanned<String>,
    title: String,
    source: String,
    variant: Vec<VariantRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VariantRow {
    id: Spanned<String>,
    title: String,
    #[serde(default)]
    driver: Person,
    #[serde(default)]
    light: Lighting,
    /// Their times may be left out.
    #[serde(default)]
    cues: Vec<toml::Table>,
    #[serde(default)]
    eyes: Eyes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExceptRow {
    cells: Vec<Spanned<String>>,
    why: String,
}

/// What is wrong, and where in the text.
struct Wrong(Range<usize>, String);

impl Wrong {
    fn of<T>(name: &Spanned<T>, why: impl Into<String>) -> Self {
        Self(name.span(), why.into())
    }
}

impl Table {
    /// The table of a file, or the built-in one.
    ///
    /// # Errors
    /// When it cannot be read, or does not say what it must: with its line.
    pub fn open(file: Option<&Path>) -> Result<Self, ProtocolError> {
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
        let wrong = |Wrong(span, why): Wrong| ProtocolError::Table {
            path: PathBuf::from(name),
            line: 1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count(),
            why: crate::os::one_line(&why),
        };
        let file: TableFile = toml::from_str(text).map_err(|error| {
            wrong(Wrong(error.span().unwrap_or_default(), error.message().to_owned()))
        })?;
        cross(name, text, file).map_err(wrong)
    }

    /// The cells that are asked for, in the table's order.
    ///
    /// # Errors
    /// When a word names nothing, or nothing is left.
    pub fn choose(&self, choice: &Choice) -> Result<Vec<&Cell>, ProtocolError> {
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
    pub fn requirement(&self, cell: &Cell) -> &Requirement {
        &self.requirements[cell.requirement]
    }

    /// The condition of a cell.
    pub fn variant(&self, cell: &Cell) -> &Variant {
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

/// Makes the cells: each requirement under each condition of the axes that it names.
fn cross(name: &str, text: &str, file: TableFile) -> Result<Table, Wrong> {
    check_play(&file.play)?;
    let (mut axes, mut variants, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    let mut known: Vec<String> = vec![ALL.into()];
    for axis in file.axis {
        check_id(&axis.id, &mut known)?;
        for variant in axis.variant {
            check_id(&variant.id, &mut known)?;
            variants.push(Variant {
                id: variant.id.get_ref().clone(),
                title: variant.title.clone(),
                axis: axes.len(),
            });
            rows.push(variant);
        }
        axes.push(Axis { id: axis.id.into_inner(), title: axis.title, source: axis.source });
    }
    let (mut requirements, mut cells) = (Vec::new(), Vec::new());
    for row in file.requirement {
        check_id(&row.id, &mut known)?;
        check_requirement(&row)?;
        for chosen in &row.variants {
            let word = chosen.get_ref();
            let is = |variant: &Variant| {
                word == ALL || *word == variant.id || *word == axes[variant.axis].id
            };
            if !variants.iter().any(is) {
                let axes: Vec<&str> = axes.iter().map(|axis| axis.id.as_str()).collect();
                let there = axes.join(", ");
                let why = format!(
                    "there is no condition {word}; choose {ALL}, {there} or one of their variants"
                );
                return Err(Wrong::of(chosen, why));
            }
            for (at, variant) in variants.iter().enumerate().filter(|(_, variant)| is(variant)) {
                let id = format!("{}/{}", row.id.get_ref(), variant.id);
                if cells.iter().all(|cell: &Cell| cell.id != id) {
                    cells.push(cell(id, requirements.len(), at, &row, &rows[at])?);
                }
                if cells.len() > MOST_CELLS {
                    return Err(Wrong::of(chosen, format!("more than {MOST_CELLS} cells")));
                }
            }
        }
        let id = row.id.into_inner();
        requirements.push(Requirement { id, title: row.title, source: row.source });
    }
    for row in file.except {
        for named in &row.cells {
            let mut found = false;
            for cell in cells.iter_mut().filter(|cell| matches(&cell.id, named.get_ref())) {
                (cell.promised, cell.why, found) = (false, row.why.clone(), true);
            }
            if !found {
                let why = format!("there is no cell {}", named.get_ref());
                return Err(Wrong::of(named, why + "; write requirement/variant, or * for either"));
            }
        }
    }
    let (name, text, play) = (name.to_owned(), text.to_owned(), file.play);
    Ok(Table { name, text, play, requirements, axes, variants, cells })
}

/// Whether `requirement/variant`, either of which may be `*`, means the cell.
fn matches(id: &str, pattern: &str) -> bool {
    let (id, pattern) = (id.split_once('/'), pattern.split_once('/'));
    id.zip(pattern).is_some_and(|((requirement, variant), (first, second))| {
        (first == "*" || first == requirement) && (second == "*" || second == variant)
    })
}

fn check_play(play: &Play) -> Result<(), Wrong> {
    let sound = (64..=4096).contains(&play.width)
        && (64..=4096).contains(&play.height)
        && (10.0..=60.0).contains(&play.fps)
        && (0.0..=5.0).contains(&play.tolerance_s)
        && (0.0..=60.0).contains(&play.unreadable_s);
    let why = "play: width and height are 64 to 4096, fps is 10 to 60, tolerance_s 0 to 5 and \
               unreadable_s 0 to 60";
    if sound { Ok(()) } else { Err(Wrong(0..0, why.into())) }
}

/// Refuses a name that is no word, or is there already.
fn check_id(id: &Spanned<String>, known: &mut Vec<String>) -> Result<(), Wrong> {
    let name = id.get_ref();
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || !name.chars().all(is_word) {
        let why = format!("id {name:?} is no name; use small letters, digits and -");
        return Err(Wrong::of(id, why));
    }
    if known.contains(name) {
        return Err(Wrong::of(id, format!("the name {name} is taken; choose another")));
    }
    known.push(name.clone());
    Ok(())
}

fn check_requirement(row: &RequirementRow) -> Result<(), Wrong> {
    let wrong = |why: String| Err(Wrong::of(&row.id, why));
    let seconds = f64::from(row.seconds);
    if !(1.0..=3600.0).contains(&seconds) {
        return wrong(format!("seconds is {seconds}; a cell lasts 1 to 3600 s"));
    }
    for tell in &row.tell {
        let Tell { since, after, by, .. } = *tell;
        let sound = since >= 0.0 && after >= 0.0 && by >= after && since + by <= seconds;
        if !sound {
            return wrong(format!(
                "tell: since {since}, after {after}, by {by} is no time within {seconds} s; since \
                 and after are 0 or more, and by not less than after"
            ));
        }
        if tell.level == Level::None {
            return wrong(
                "tell: level none tells nothing; choose advisory, warning or critical".into(),
            );
        }
    }
    if row.over.is_some_and(|over| !(0.0..=seconds).contains(&over)) {
        return wrong(format!("over lies outside of its {seconds} s"));
    }
    Ok(())
}

fn cell(
    id: String,
    requirement: usize,
    variant: usize,
    row: &RequirementRow,
    condition: &VariantRow,
) -> Result<Cell, Wrong> {
    let first = row.cues.iter().map(|cue| f64::from(cue.from)).fold(f64::INFINITY, f64::min);
    let end = if first.is_finite() { first - BEFORE_S } else { f64::from(row.seconds) };
    let mut cues = Vec::new();
    for cue in &condition.cues {
        let mut cue = cue.clone();
        cue.entry("from").or_insert(BEGIN_S.into());
        cue.entry("to").or_insert(end.into());
        let made = cue.try_into::<ScriptCue>();
        cues.push(made.map_err(|why| Wrong::of(&condition.id, why.message().to_owned()))?);
    }
    cues.extend(row.cues.iter().cloned());
    let script = Script {
        seconds: row.seconds,
        seed: seed(&id),
        driver: condition.driver.clone(),
        light: condition.light.clone(),
        cues,
    };
    script.check().map_err(|why| Wrong::of(&row.id, format!("cell {id}: {why}")))?;
    Ok(Cell {
        id,
        requirement,
        variant,
        script,
        tells: row.tell.clone(),
        most: row.most,
        over: row.over,
        eyes: condition.eyes,
        promised: true,
        why: String::new(),
    })
}

/// A seed of a cell's own, the same on every machine (FNV-1a, 64 bits); TOML and JSON keep
/// 53 of them.
fn seed(id: &str) -> u64 {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    hash >> 11
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
