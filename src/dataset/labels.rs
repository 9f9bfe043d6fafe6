//! Folders that serve as a list by their names.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    DatasetError,
    manifest::{Item, Label, Manifest, UNNAMED},
    table::Table,
    uta::Listing,
    words::{TABLE, label, plain, word},
};
use crate::source::formats::{self, Kind};

/// Folders below this depth are not looked into, so that a link to a parent ends.
const MOST_DEPTH: usize = 8;

/// Lists the pictures and recordings below a folder whose folders are called as what they
/// show (`Drowsy/`, `Non Drowsy/`, `awake/`, `Closed/`, `Open/`, or as [`TABLE`] maps
/// them). The subject is the folder between label and file, or above the label's, or else
/// every file is one of its own.
///
/// # Errors
/// When the folder cannot be read, its table is broken, or no folder below is called so.
pub(crate) fn list(root: &Path) -> Result<Listing, DatasetError> {
    let mut walk = Walk { root, mapped: mapped(root)?, listing: Listing::default() };
    walk.folder(root, 1)?;
    if walk.listing.manifest.items.is_empty() {
        return Err(DatasetError::NoLabels { path: root.into() });
    }
    Ok(walk.listing)
}

/// What a table beside the folders says of their names.
fn mapped(root: &Path) -> Result<BTreeMap<String, Label>, DatasetError> {
    let path = root.join(TABLE);
    let mut mapped = BTreeMap::new();
    // Other collections keep a list of another form under this name.
    let Some(table) = Some(&path).filter(|p| p.is_file()).map(|path| Table::read(path, "folder"))
    else {
        return Ok(mapped);
    };
    let table = match table {
        Ok(table) => table,
        Err(DatasetError::Form { .. }) => return Ok(mapped),
        Err(error) => return Err(error),
    };
    let (name, says) = (table.needed("folder")?, table.needed("label")?);
    for row in &table.rows {
        let Some(label) = label(&row.cells[says]) else {
            let why = format!("\"{}\" is no label; write awake or drowsy", row.cells[says]);
            return Err(table.cell(row.line, says, why));
        };
        mapped.insert(plain(&row.cells[name]), label);
    }
    Ok(mapped)
}

struct Walk<'r> {
    root: &'r Path,
    mapped: BTreeMap<String, Label>,
    listing: Listing,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), DatasetError> {
        let mut entries: Vec<PathBuf> = fs::read_dir(folder)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
            .map_err(DatasetError::io(folder, "read"))?;
        entries.sort();
        for path in entries {
            if formats::is_litter(&path) || path == self.root.join(TABLE) {
                continue;
            }
            if path.is_dir() {
                match depth < MOST_DEPTH {
                    true => self.folder(&path, depth + 1)?,
                    false => self.left_out(path, "it lies too deep; is it a link in a circle?"),
                }
                continue;
            }
            match (formats::kind(&path), self.said(&path)) {
                (Kind::Other(what), _) => self.left_out(path, &what),
                (_, None) => self.left_out(path, "no folder that it lies in is called as a label"),
                (_, Some(item)) => self.listing.manifest.items.push(item),
            }
        }
        Ok(())
    }

    fn left_out(&mut self, path: PathBuf, why: &str) {
        self.listing.left_out.push((path, why.into()));
    }

    /// What the folders above a file say of it; the nearest counts.
    fn said(&self, path: &Path) -> Option<Item> {
        let above = path.ancestors().skip(1).take_while(|folder| folder.starts_with(self.root));
        let above: Vec<&Path> = above.collect();
        let named = |folder: &Path| crate::os::escaped(folder.file_name().unwrap_or_default());
        let says = |folder: &Path| {
            let name = named(folder);
            let mapped = self.mapped.get(&plain(&name)).map(|label| (*label, None, None));
            mapped.or_else(|| word(&name).map(|(_, label, eyes, yawn)| (*label, *eyes, *yawn)))
        };
        let (at, (label, eyes_closed, yawn)) =
            above.iter().enumerate().find_map(|(at, folder)| Some((at, says(folder)?)))?;
        // The root is nobody.
        let person = at.checked_sub(1).or(Some(at + 1)).filter(|at| *at + 1 < above.len());
        let subject = match person.and_then(|at| above.get(at)) {
            Some(folder) => named(folder),
            None => crate::os::escaped(path.strip_prefix(self.root).unwrap_or(path)),
        };
        Some(Item {
            file: path.into(),
            label: Some(label),
            subject,
            eyes_closed,
            yawn,
            collection: UNNAMED.into(),
            ..Item::default()
        })
    }
}

impl Manifest {
    /// Reads a list, or a folder whose folders serve as one, without looking for its
    /// pictures; beside it what was found there and cannot be used.
    ///
    /// # Errors
    /// As [`read_unchecked`](Self::read_unchecked), or when a folder's folders are not
    /// called as labels.
    pub fn listing(path: &Path) -> Result<Listing, DatasetError> {
        match path.is_dir() {
            true => list(path),
            false => Ok(Listing { manifest: Self::read_unchecked(path)?, left_out: Vec::new() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn folders_are_labels_by_their_names() {
        let folder = tree(&[
            ("Drowsy/a.jpg", ""),
            ("Non Drowsy/ann/b.jpg", ""),
            ("bob/Closed/c.png", ""),
            ("bob/open_eyes/d.mp4", ""),
            ("müde/e.jpg", ""),
            ("other/f.jpg", ""),
            ("Drowsy/notes.txt", "x"),
            ("labels.csv", "folder;label\nmüde;drowsy\n"),
        ]);
        let listing = list(folder.path()).unwrap();
        let rows: Vec<_> = listing
            .manifest
            .items
            .iter()
            .map(|item| {
                let file = item.file.file_stem().unwrap().to_str().unwrap().to_owned();
                (file, item.label.unwrap(), item.subject.as_str(), item.eyes_closed)
            })
            .collect();
        use Label::{Awake, Drowsy};
        let row = |file: &str, label, subject, eyes| (file.to_owned(), label, subject, eyes);
        assert_eq!(
            rows,
            [
                row("a", Drowsy, "Drowsy/a.jpg", None),
                row("b", Awake, "ann", None),
                row("c", Drowsy, "bob", Some(true)),
                row("d", Awake, "bob", Some(false)),
                row("e", Drowsy, "müde/e.jpg", None),
            ]
        );
        let left: Vec<_> = listing.left_out.iter().map(|(_, why)| why.as_str()).collect();
        assert_eq!(left, ["it is a text", "no folder that it lies in is called as a label"]);
        let error = list(tree(&[("x/a.jpg", "")]).path()).unwrap_err().to_string();
        assert!(error.contains("drowsy") && error.contains("labels.csv"), "{error}");
    }

    #[test]
    fn words_are_known_in_any_writing() {
        for word in ["Drowsy", "YAWN", "eyes_closed", "Closed Eyes"] {
            assert_eq!(label(word), Some(Label::Drowsy), "{word}");
        }
        for word in ["Non-Drowsy", "no_yawn", " Alert ", "Open"] {
            assert_eq!(label(word), Some(Label::Awake), "{word}");
        }
        assert_eq!((label("1"), label("sleepy"), label("")), (None, None, None));
    }
}
