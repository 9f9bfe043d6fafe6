//! What a person saw in the narrowest eyes of `landmarks68`, looked at one by one.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::dataset::{DatasetError, table::Table};

/// Name of the table beside the folders: `file,eyes` with `shut`, `down`, `narrow` or
/// `unclear`.
pub(super) const NARROW: &str = "narrow_eyes.csv";

/// What a person saw in narrow eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Closed.
    Shut,
    /// Open, looking down.
    Down,
    /// Open; laughing or squinting.
    Narrow,
    /// Nobody can tell.
    Unclear,
}

/// The table [`NARROW`].
#[derive(Default)]
pub(super) struct Narrow {
    path: PathBuf,
    /// What was seen, and the line that says so.
    faces: BTreeMap<PathBuf, (Seen, u64)>,
    used: BTreeSet<PathBuf>,
}

impl Narrow {
    /// The table beside the folders; an empty one where there is none.
    pub(super) fn beside(folder: &Path) -> Result<Self, DatasetError> {
        let path = folder.join(NARROW);
        if !path.is_file() {
            return Ok(Self::default());
        }
        let table = Table::read(&path, "file")?;
        let (file, eyes) = (table.needed("file")?, table.needed("eyes")?);
        let mut faces = BTreeMap::new();
        for row in &table.rows {
            let seen = match row.cells[eyes].as_str() {
                "shut" => Seen::Shut,
                "down" => Seen::Down,
                "narrow" => Seen::Narrow,
                "unclear" => Seen::Unclear,
                other => {
                    let why = format!("it is \"{other}\"; write shut, down, narrow or unclear");
                    return Err(table.cell(row.line, eyes, why));
                }
            };
            if faces.insert(PathBuf::from(&row.cells[file]), (seen, row.line)).is_some() {
                let why = "this face is named a second time; keep one of the lines";
                return Err(table.cell(row.line, file, why.into()));
            }
        }
        Ok(Self { path, faces, used: BTreeSet::new() })
    }

    /// What was seen in a face, named as the table names it.
    pub(super) fn of(&mut self, file: &Path) -> Option<Seen> {
        let (seen, _) = self.faces.get(file)?;
        self.used.insert(file.into());
        Some(*seen)
    }

    /// An error where a line names none of the faces: what it says would be lost.
    pub(super) fn all_used(&self) -> Result<(), DatasetError> {
        let unused = self.faces.iter().find(|(file, _)| !self.used.contains(*file));
        match unused {
            None => Ok(()),
            Some((file, (_, line))) => Err(DatasetError::Line {
                why: format!(
                    "landmarks68/points.jsonl has no face {}; correct the path, or remove the line",
                    file.display()
                ),
                path: self.path.clone(),
                line: *line,
            }),
        }
    }
}
