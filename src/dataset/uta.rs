//! The videos of UTA-RLDD (Ghoddoosian et al. 2019) in the folders they come in:
//! `Fold1_part1/01/0.mov`, the subject being the folder and the label the name: 0 alert,
//! 5 low vigilance, 10 drowsy. Real copies hold every trap: endings in capitals, folders
//! unpacked into themselves, a video in two parts (`10_1`, `10_2`), and the litter of
//! operating systems. What cannot be used is named, not fatal.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    DatasetError,
    manifest::{Item, Label, Manifest},
};

/// Name of the collection in lists.
pub(crate) const COLLECTION: &str = "uta_rldd";
/// Folders below this depth are not looked into, so that a link to a parent ends.
const MOST_DEPTH: usize = 8;

/// The videos of a folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// The videos: `video` is `SUBJECT/LABEL`, and the parts of a split one follow each
    /// other. Low vigilance has no label: it is neither awake nor drowsy.
    pub manifest: Manifest,
    /// What was found and cannot be used, with the reason.
    pub left_out: Vec<(PathBuf, String)>,
}

/// Lists the videos below `folder`: the dataset's own, one of its folds, or one subject's.
///
/// # Errors
/// When the folder cannot be read, or holds no video of the dataset.
pub(crate) fn list(folder: &Path) -> Result<Listing, DatasetError> {
    let mut listing = Listing::default();
    // `.` has no name, and the name may be that of a fold or a subject.
    let root = fs::canonicalize(folder).map_err(DatasetError::io(folder, "read"))?;
    let entries = children(&root).map_err(DatasetError::io(folder, "read"))?;
    let mut found: BTreeMap<(String, u32, u32), PathBuf> = BTreeMap::new();
    for entry in entries {
        walk(&root, &entry, 1, &mut found, &mut listing.left_out);
    }
    if found.is_empty() {
        let known = crate::source::formats::RECORDINGS_READ;
        return Err(DatasetError::NoUta { path: folder.into(), known });
    }
    listing.manifest.items = found
        .into_iter()
        .map(|((subject, level, _), file)| Item {
            label: match level {
                0 => Some(Label::Awake),
                10 => Some(Label::Drowsy),
                _ => None,
            },
            video: format!("{subject}/{level}"),
            fold: fold_of(&root, &file),
            collection: COLLECTION.into(),
            subject,
            file,
            ..Item::default()
        })
        .collect();
    Ok(listing)
}

fn children(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    entries.sort();
    Ok(entries)
}

fn walk(
    root: &Path,
    path: &Path,
    depth: usize,
    found: &mut BTreeMap<(String, u32, u32), PathBuf>,
    left_out: &mut Vec<(PathBuf, String)>,
) {
    let name = name_of(path);
    // `._0.mov` and `__MACOSX` are what archives made on a Mac leave behind.
    if name.starts_with('.') || name == "__MACOSX" {
        return;
    }
    if path.is_dir() {
        if depth >= MOST_DEPTH {
            return left_out
                .push((path.into(), "it lies too deep; is it a link in a circle?".into()));
        }
        match children(path) {
            Ok(entries) => {
                for entry in entries {
                    walk(root, &entry, depth + 1, found, left_out);
                }
            }
            Err(error) => left_out.push((path.into(), format!("it cannot be read ({error})"))),
        }
        return;
    }
    if name.to_ascii_lowercase().ends_with(".zip") {
        return left_out.push((path.into(), "it is an archive; unpack it".into()));
    }
    if !super::videos::is_video(path) {
        return;
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let Some((level, part)) = level_of(&stem) else {
        return left_out.push((path.into(), "its name is none of 0, 5 and 10".into()));
    };
    let Some(subject) = subject_of(root, path) else {
        return left_out.push((path.into(), "it lies in no subject's folder".into()));
    };
    match found.get(&(subject.clone(), level, part)) {
        Some(first) => {
            left_out.push((path.into(), format!("it is there twice, see {}", first.display())));
        }
        None => {
            found.insert((subject, level, part), path.into());
        }
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Label and part of a video's name: `10` is (10, 0), `10_2` is (10, 2).
fn level_of(stem: &str) -> Option<(u32, u32)> {
    let digits = stem.len() - stem.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let level = stem[..digits].parse().ok().filter(|level| [0, 5, 10].contains(level))?;
    let rest = stem[digits..].trim_matches(|c: char| "_-. ()".contains(c));
    match (rest.is_empty(), rest.len() == stem.len() - digits) {
        (true, _) => Some((level, 0)),
        (false, true) => None,
        (false, false) => Some((level, rest.parse().ok()?)),
    }
}

/// The folders above a file, nearest first, up to and with the root.
fn above<'p>(root: &'p Path, path: &'p Path) -> impl Iterator<Item = &'p Path> {
    path.ancestors().skip(1).take_while(move |folder| folder.starts_with(root))
}

/// The nearest folder above whose name is a number, as two digits at least.
fn subject_of(root: &Path, path: &Path) -> Option<String> {
    above(root, path).find_map(|folder| {
        let number: u32 = name_of(folder).parse().ok()?;
        Some(format!("{number:02}"))
    })
}

/// N of the nearest folder above that is called `FoldN...`.
fn fold_of(root: &Path, path: &Path) -> Option<u32> {
    above(root, path).find_map(|folder| {
        let name = name_of(folder).to_ascii_lowercase();
        let rest = name.strip_prefix("fold")?.trim_start_matches(['_', ' ', '-']);
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        rest[..digits].parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn every_form_of_the_folders_is_understood() {
        let folder = tree(&[
            "Fold1_part1/01/0.mov",
            "Fold1_part1/01/5.MOV",
            "Fold1_part1/01/10.mp4",
            "Fold5_part2/Fold5_part2/55/0.M4V",
            "Fold3_part1/32/10_1.mov",
            "Fold3_part1/32/10_2.MOV",
            "fold2_part2/7/0.mov",
            "Fold1_part1/01/._0.mov",
            "__MACOSX/Fold1_part1/01/0.mov",
            "Fold1_part1/01/.DS_Store",
            "readme.txt",
        ]);
        let listing = list(folder.path()).unwrap();
        assert!(listing.left_out.is_empty(), "{:?}", listing.left_out);
        let rows: Vec<_> = listing
            .manifest
            .items
            .iter()
            .map(|item| (item.video.as_str(), item.label, item.subject.as_str(), item.fold))
            .collect();
        let (awake, drowsy) = (Some(Label::Awake), Some(Label::Drowsy));
        assert_eq!(
            rows,
            [
                ("01/0", awake, "01", Some(1)),
                ("01/5", None, "01", Some(1)),
                ("01/10", drowsy, "01", Some(1)),
                ("07/0", awake, "07", Some(2)),
                ("32/10", drowsy, "32", Some(3)),
                ("32/10", drowsy, "32", Some(3)),
                ("55/0", awake, "55", Some(5)),
            ]
        );
        let parts: Vec<_> =
            listing.manifest.items[4..6].iter().map(|item| name_of(&item.file)).collect();
        assert_eq!(parts, ["10_1.mov", "10_2.MOV"], "in the order of time");
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_reason() {
        let folder = tree(&[
            "Fold1_part1/01/0.mov",
            "Fold1_part1/Fold1_part1/01/0.mov",
            "Fold1_part1/01/15.mov",
            "Fold1_part1/01/10a.mov",
            "Fold1_part1/0.mov",
            "Fold2_part1.zip",
        ]);
        let listing = list(folder.path()).unwrap();
        assert_eq!(listing.manifest.items.len(), 1);
        let root = fs::canonicalize(folder.path()).unwrap();
        let why: BTreeMap<String, &str> = listing
            .left_out
            .iter()
            .map(|(path, why)| {
                let below = path.strip_prefix(&root).unwrap();
                (below.display().to_string(), why.as_str())
            })
            .collect();
        assert_eq!(why.len(), 5, "{why:?}");
        assert!(why["Fold1_part1/Fold1_part1/01/0.mov"].contains("twice"));
        assert!(why["Fold1_part1/01/15.mov"].contains("none of 0, 5 and 10"));
        assert!(why["Fold1_part1/01/10a.mov"].contains("none of"));
        assert!(why["Fold1_part1/0.mov"].contains("no subject"));
        assert!(why["Fold2_part1.zip"].contains("unpack"));
        let empty = tree(&["a/b.txt"]);
        let error = list(empty.path()).unwrap_err().to_string();
        assert!(error.contains("FoldN_partM") && error.contains(".mov"), "{error}");
    }
}
