//! Labelled lists: a [`Table`] with the columns `file,label,subject` and, where known, what
//! else there is to say ([`OPTIONAL`]). Paths are relative to the list. The index of a
//! folder of crops is such a list, too.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

pub use super::words::Label;
use super::{DatasetError, table::Table, words};

/// The optional columns, in the order in which they are written: signs (1, 0 or empty),
/// aspect ratios, the collection, the video and the time in it (seconds), the fold that
/// the collection's makers gave the subject, the landmark network's confidence, how
/// surely it sees the eyes and the mouth uncovered (0..1), and what else is known of the
/// eyes (1, 0 or empty; `eyes_only` is 1 or empty).
pub const OPTIONAL: [&str; 16] = [
    "eyes_closed",
    "yawn",
    "eye_aspect",
    "mouth_aspect",
    "collection",
    "video",
    "time_s",
    "fold",
    "quality",
    "seen_left_eye",
    "seen_right_eye",
    "seen_mouth",
    "looking_down",
    "laughing",
    "eyes_only",
    "eyes_readable",
];
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
        let places = [table.needed("file")?, table.needed("label")?, table.needed("subject")?];
        let optional = OPTIONAL.map(|name| table.column(name));
        let rows = table.rows.iter().map(|row| {
            let item = item(&table, &row.cells, places, &optional);
            item.map_err(|(column, why)| table.cell(row.line, column, why))
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
        let written = self.to_csv().and_then(|csv| crate::os::write_whole(path, &csv));
        written.map_err(DatasetError::io(path, "written"))
    }

    fn to_csv(&self) -> std::io::Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["file", "label", "subject"].iter().chain(&OPTIONAL))?;
        for item in &self.items {
            let label = match item.label {
                Some(Label::Awake) => "awake",
                Some(Label::Drowsy) => "drowsy",
                None => "",
            };
            let time_s = item.time_s.map_or(String::new(), |time_s| format!("{time_s:.3}"));
            let fold = item.fold.map_or(String::new(), |fold| fold.to_string());
            let flag = |flag: Option<bool>| flag.map_or("", |f| if f { "1" } else { "0" });
            let ratio = |ratio: Option<f32>| ratio.map_or(String::new(), |r| format!("{r:.4}"));
            let seen = |part: usize| ratio(item.seen.map(|seen| seen[part]));
            writer.write_record([
                &crate::os::escaped(&item.file),
                label,
                &item.subject,
                flag(item.eyes_closed),
                flag(item.yawn),
                &ratio(item.eye_aspect),
                &ratio(item.mouth_aspect),
                &item.collection,
                &item.video,
                &time_s,
                &fold,
                &ratio(item.quality),
                &seen(0),
                &seen(1),
                &seen(2),
                flag(item.looking_down),
                flag(item.laughing),
                flag(item.eyes_only.then_some(true)),
                flag(item.eyes_readable),
            ])?;
        }
        writer.into_inner().map_err(|error| std::io::Error::other(error.to_string()))
    }

    /// Number of different subjects.
    pub fn subjects(&self) -> usize {
        let subjects: BTreeSet<_> =
            self.items.iter().map(|item| (&item.collection, &item.subject)).collect();
        subjects.len()
    }
}

/// One line of a list, or in which of its columns something is wrong, and what.
fn item(
    table: &Table,
    cells: &[String],
    [file, label, subject]: [usize; 3],
    optional: &[Option<usize>; OPTIONAL.len()],
) -> Result<Item, (usize, String)> {
    let cell = |at: usize| cells.get(at).map_or("", String::as_str);
    let sign = |at: usize| optional[at].map_or("", cell);
    let wrong = |at: usize, why: String| (optional[at].unwrap_or_default(), why);
    let name = cell(file);
    if name.is_empty() {
        return Err((file, "it names no file; write its path relative to the list".into()));
    }
    let said = match cell(label) {
        "" => None,
        word => Some(words::label(word).ok_or_else(|| {
            let why = format!(
                "the label \"{word}\" of {name} is unknown; write awake or drowsy, or leave it empty"
            );
            (label, why)
        })?),
    };
    let flag = |at: usize| match sign(at) {
        "" => Ok(None),
        "0" => Ok(Some(false)),
        "1" => Ok(Some(true)),
        other => {
            let column = OPTIONAL[at];
            let why = format!("{column} of {name} is \"{other}\"; write 1, 0, or leave it empty");
            Err(wrong(at, why))
        }
    };
    let number = |at: usize| match sign(at) {
        "" => Ok(None),
        text => match text.parse::<f64>() {
            // What is kept in single precision must be a number there, too.
            Ok(value) if (value as f32).is_finite() => Ok(Some(value)),
            _ => {
                Err(wrong(at, format!("{} of {name} is \"{text}\"; write a number", OPTIONAL[at])))
            }
        },
    };
    let ratio = |at: usize| number(at).map(|value| value.map(|value| value as f32));
    let fold = match sign(7) {
        "" => None,
        text => Some(text.parse().map_err(|_| {
            let why = "write a whole number, or leave it empty";
            wrong(7, format!("fold of {name} is \"{text}\"; {why}"))
        })?),
    };
    let seen = match (ratio(9)?, ratio(10)?, ratio(11)?) {
        (Some(left), Some(right), Some(mouth)) => Some([left, right, mouth]),
        _ => None,
    };
    let or = |text: &str, other: &str| if text.is_empty() { other.into() } else { text.into() };
    Ok(Item {
        label: said,
        subject: or(cell(subject), name),
        eyes_closed: flag(0)?,
        yawn: flag(1)?,
        eye_aspect: ratio(2)?,
        mouth_aspect: ratio(3)?,
        collection: or(sign(4), UNNAMED),
        video: sign(5).into(),
        time_s: number(6)?,
        fold,
        quality: ratio(8)?,
        seen,
        looking_down: flag(12)?,
        laughing: flag(13)?,
        eyes_only: flag(14)? == Some(true),
        eyes_readable: flag(15)?,
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
