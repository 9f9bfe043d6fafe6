//! From the text of a table to its cells: the rows as they are written, the checks that each
//! must pass, and the rule that crosses requirements with conditions.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::{Axis, Cell, Eyes, Play, Requirement, Table, Tell, Variant};
use crate::{
    monitor::{Level, State},
    source::demo::{Lighting, Person, Script, ScriptCue},
};

/// The most cells of a table.
const MOST_CELLS: usize = 20_000;
/// What stands for every axis in a requirement's `variants`.
const ALL: &str = "all";
/// A condition's cue without `from` begins then, seconds.
const BEGIN_S: f64 = 0.5;
/// A condition's cue without `to` ends so long before the first cue of the requirement,
/// seconds.
const BEFORE_S: f64 = 0.5;

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
    #[serde(default)]
    also: Vec<State>,
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
pub(super) struct Wrong(pub(super) Range<usize>, pub(super) String);

impl Wrong {
    fn of<T>(name: &Spanned<T>, why: impl Into<String>) -> Self {
        Self(name.span(), why.into())
    }
}

/// The table of a text, called by this name.
pub(super) fn parse(name: &str, text: &str) -> Result<Table, Wrong> {
    let file: TableFile = toml::from_str(text)
        .map_err(|error| Wrong(error.span().unwrap_or_default(), error.message().to_owned()))?;
    cross(name, text, file)
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
        also: row.also.clone(),
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
