//! Labelled lists: a [`Table`] with the columns `file,label,subject` and, where known, what
//! else there is to say of an [`Item`]. Paths are relative to the list. The index of a
//! folder of crops is such a list, too.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde::Serialize;

pub use super::words::Label;
use super::{
    DatasetError,
    table::{Row, Table},
    words,
};
use crate::os;

/// Name of the collection where the list names none.
pub(super) const UNNAMED: &str = "own";

/// One picture of a list. What is not known is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item {
    /// Where it is.
    pub file: PathBuf,
    /// Its label.
    pub label: Option<Label>,
    /// Who is in it; pictures of one subject never stand on both sides of a split.
    pub subject: String,
    /// Whether the eyes are closed; of a crop that shows nothing but eyes, both of them.
    pub eyes_closed: Option<bool>,
    /// Whether the person yawns.
    pub yawn: Option<bool>,
    /// Eye aspect ratio, mean of both eyes.
    pub eye_aspect: Option<f32>,
    /// Mouth aspect ratio.
    pub mouth_aspect: Option<f32>,
    /// Which collection it comes from.
    pub collection: String,
    /// Which video it is a frame of; empty for a single picture. In the index of a
    /// prepared folder: that very file, relative to the list or folder it came from.
    pub video: String,
    /// Where in that video, seconds; in the index of a prepared folder, in that file.
    pub time_s: Option<f64>,
    /// The fold that the collection's makers put the subject into, from 1.
    pub fold: Option<u32>,
    /// Confidence of the landmark network in the face, 0..1.
    pub quality: Option<f32>,
    /// How surely the left eye, the right eye (of the picture) and the mouth are
    /// uncovered, each 0..1.
    pub seen: Option<[f32; 3]>,
    /// Whether the open eyes look down.
    pub looking_down: Option<bool>,
    /// Whether the person laughs or squints, the eyes being narrow and open.
    pub laughing: Option<bool>,
    /// Whether there is nothing but eyes: the picture is one of a single eye, and its crop
    /// shows that eye in both places and no face. Only the eyes can be learned from it.
    pub eyes_only: bool,
    /// Whether a person can read the eyes at all.
    pub eyes_readable: Option<bool>,
}

/// A list of pictures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifest {
    /// The pictures, in the list's order.
    pub items: Vec<Item>,
}

impl Manifest {
    /// Reads a list and checks that all its pictures exist.
    ///
    /// # Errors
    /// When the list cannot be read, lacks a column, is empty, or a line has an unknown
    /// label, a value that is none, or names a file that does not exist.
    pub fn read(path: &Path) -> Result<Self, DatasetError> {
        let manifest = Self::read_unchecked(path)?;
        let missing = manifest.items.iter().find(|item| !item.file.is_file());
        match missing {
            None => Ok(manifest),
            Some(item) => Err(DatasetError::Missing { list: path.into(), file: item.file.clone() }),
        }
    }

    /// Reads a list without looking for its pictures.
    ///
    /// # Errors
    /// When the list cannot be read, lacks a column, is empty, or a line has an unknown
    /// label or a value that is none.
    pub fn read_unchecked(path: &Path) -> Result<Self, DatasetError> {
        let table = Table::read(path, "file")?;
        for name in ["file", "label", "subject"] {
            table.needed(name)?;
        }
        let rows = table.rows.iter().map(|row| {
            let wrong = |(name, why): (&str, String)| {
                table.cell(row.line, table.column(name).unwrap_or_default(), why)
            };
            item(&table, row).map_err(wrong)
        });
        let items = rows.collect::<Result<Vec<_>, _>>()?;
        if items.is_empty() {
            return Err(DatasetError::Empty(path.into()));
        }
        Ok(Self { items })
    }

    /// Writes the list with paths as they are, whole or not at all; they should be
    /// relative to the folder of `path`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), DatasetError> {
        let written = os::csv(self.items.iter().map(Line::of));
        let written = written.and_then(|csv| os::write_whole(path, &csv));
        written.map_err(DatasetError::io(path, "written"))
    }

    /// Number of different subjects.
    pub fn subjects(&self) -> usize {
        let subjects: BTreeSet<_> =
            self.items.iter().map(|item| (&item.collection, &item.subject)).collect();
        subjects.len()
    }
}

/// A line of a list; the fields are the columns. Signs are 1, 0 or empty, `eyes_only` is 1 or
/// empty, and what is not known is empty.
#[derive(Default, Serialize)]
struct Line<'i> {
    file: String,
    label: &'static str,
    subject: &'i str,
    eyes_closed: Option<u8>,
    yawn: Option<u8>,
    eye_aspect: Option<String>,
    mouth_aspect: Option<String>,
    collection: &'i str,
    video: &'i str,
    time_s: Option<String>,
    fold: Option<u32>,
    quality: Option<String>,
    seen_left_eye: Option<String>,
    seen_right_eye: Option<String>,
    seen_mouth: Option<String>,
    looking_down: Option<u8>,
    laughing: Option<u8>,
    eyes_only: Option<u8>,
    eyes_readable: Option<u8>,
}

impl<'i> Line<'i> {
    fn of(item: &'i Item) -> Self {
        let flag = |flag: Option<bool>| flag.map(u8::from);
        let ratio = |ratio: Option<f32>| ratio.map(|ratio| format!("{ratio:.4}"));
        let seen = |part: usize| ratio(item.seen.map(|seen| seen[part]));
        Self {
            file: os::escaped(&item.file),
            label: match item.label {
                Some(Label::Awake) => "awake",
                Some(Label::Drowsy) => "drowsy",
                None => "",
            },
            subject: &item.subject,
            eyes_closed: flag(item.eyes_closed),
            yawn: flag(item.yawn),
            eye_aspect: ratio(item.eye_aspect),
            mouth_aspect: ratio(item.mouth_aspect),
            collection: &item.collection,
            video: &item.video,
            time_s: item.time_s.map(|time_s| format!("{time_s:.3}")),
            fold: item.fold,
            quality: ratio(item.quality),
            seen_left_eye: seen(0),
            seen_right_eye: seen(1),
            seen_mouth: seen(2),
            looking_down: flag(item.looking_down),
            laughing: flag(item.laughing),
            eyes_only: item.eyes_only.then_some(1),
            eyes_readable: flag(item.eyes_readable),
        }
    }
}

/// One line of a list, or in which of its columns something is wrong, and what.
fn item(table: &Table, row: &Row) -> Result<Item, (&'static str, String)> {
    let text = |column: &'static str| table.text(row, column);
    let name = text("file");
    if name.is_empty() {
        return Err(("file", "it names no file; write its path relative to the list".into()));
    }
    let label = match text("label") {
        "" => None,
        word => Some(words::label(word).ok_or_else(|| {
            let why = format!(
                "the label \"{word}\" of {name} is unknown; write awake or drowsy, or leave it empty"
            );
            ("label", why)
        })?),
    };
    let wrong = |column: &'static str, hint: &str| {
        (column, format!("{column} of {name} is \"{}\"; write {hint}", text(column)))
    };
    let flag = |column| match text(column) {
        "" => Ok(None),
        "0" => Ok(Some(false)),
        "1" => Ok(Some(true)),
        _ => Err(wrong(column, "1, 0, or leave it empty")),
    };
    let number = |column| match text(column) {
        "" => Ok(None),
        text => match text.parse::<f64>() {
            // What is kept in single precision must be a number there, too.
            Ok(value) if (value as f32).is_finite() => Ok(Some(value)),
            _ => Err(wrong(column, "a number")),
        },
    };
    let ratio = |column| number(column).map(|value| value.map(|value| value as f32));
    let fold = match text("fold") {
        "" => None,
        fold => Some(fold.parse().map_err(|_| wrong("fold", "a whole number, or leave it empty"))?),
    };
    let seen = [ratio("seen_left_eye")?, ratio("seen_right_eye")?, ratio("seen_mouth")?];
    let seen = match seen {
        [Some(left), Some(right), Some(mouth)] => Some([left, right, mouth]),
        _ => None,
    };
    let or = |text: &str, other: &str| if text.is_empty() { other.into() } else { text.into() };
    Ok(Item {
        label,
        subject: or(text("subject"), name),
        eyes_closed: flag("eyes_closed")?,
        yawn: flag("yawn")?,
        eye_aspect: ratio("eye_aspect")?,
        mouth_aspect: ratio("mouth_aspect")?,
        collection: or(text("collection"), UNNAMED),
        video: text("video").into(),
        time_s: number("time_s")?,
        fold,
        quality: ratio("quality")?,
        seen,
        looking_down: flag("looking_down")?,
        laughing: flag("laughing")?,
        eyes_only: flag("eyes_only")? == Some(true),
        eyes_readable: flag("eyes_readable")?,
        file: table.file(name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<Manifest, DatasetError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.jpg"), "").unwrap();
        std::fs::write(folder.path().join("list.csv"), text).unwrap();
        Manifest::read(&folder.path().join("list.csv"))
    }

    #[test]
    fn a_list_is_read_and_written_back() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.jpg"), "").unwrap();
        let item = Item {
            file: "a.jpg".into(),
            label: Some(Label::Drowsy),
            subject: "someone, with a comma".into(),
            eyes_closed: Some(true),
            yawn: None,
            eye_aspect: Some(0.125),
            mouth_aspect: None,
            collection: "cew".into(),
            video: "someone/0".into(),
            time_s: Some(12.5),
            fold: Some(3),
            quality: Some(0.75),
            seen: Some([1.0, 0.5, 0.25]),
            looking_down: Some(false),
            laughing: None,
            eyes_only: false,
            eyes_readable: Some(true),
        };
        let unlabelled = Item {
            label: None,
            yawn: Some(false),
            looking_down: None,
            laughing: Some(true),
            eyes_only: true,
            eyes_readable: Some(false),
            ..item.clone()
        };
        let path = folder.path().join("list.csv");
        Manifest { items: vec![item.clone(), unlabelled.clone()] }.write(&path).unwrap();
        let read = Manifest::read(&path).unwrap();
        assert_eq!(read.items[0], Item { file: folder.path().join("a.jpg"), ..item });
        let other = &read.items[1];
        assert_eq!(*other, Item { file: folder.path().join("a.jpg"), ..unlabelled });
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.lines().next().unwrap().ends_with("looking_down,laughing,eyes_only,eyes_readable")
        );
        assert!(text.lines().nth(1).unwrap().ends_with(",0,,,1"), "{text}");
        assert!(text.lines().nth(2).unwrap().ends_with(",,1,1,0"), "{text}");
        assert_eq!(read.subjects(), 1);
    }

    #[test]
    fn three_columns_are_enough_in_any_order() {
        let read = list("subject,file,label\nann,a.jpg,awake\n").unwrap();
        assert_eq!(read.items[0].label, Some(Label::Awake));
        assert_eq!(read.items[0].subject, "ann");
        assert_eq!(read.items[0].eyes_closed, None);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, words) in [
            ("file,label\na.jpg,awake\n", vec!["subject"]),
            ("file,label,subject\n", vec!["no picture"]),
            ("file,label,subject\na.jpg,sleepy,x\n", vec!["line 2", "sleepy", "drowsy"]),
            ("file,label,subject\na.jpg,awake,x\nb.jpg,awake,x\n", vec!["list.csv", "b.jpg"]),
            ("file,label,subject\n,awake,x\n", vec!["line 2", "no file"]),
            ("file,label,subject,fold\na.jpg,awake,x,one\n", vec!["fold", "one"]),
            ("file,label,subject,yawn\na.jpg,awake,x,maybe\n", vec!["yawn", "maybe"]),
            ("file,label,subject,eyes_only\na.jpg,,x,both\n", vec!["eyes_only", "both"]),
            ("file,label,subject,eye_aspect\na.jpg,awake,x,nan\n", vec!["eye_aspect"]),
            ("file,label,subject\na.jpg,awake\n", vec!["list.csv"]),
        ] {
            let error = list(text).unwrap_err().to_string();
            for word in words {
                assert!(error.contains(word), "{word:?} is missing in {error:?}");
            }
        }
    }
}
