//! The research collections of a folder as one list: YawDD (`yawdd/labels.csv`), closed
//! eyes in the wild (`cew_closed`), UTKFace (`utk_faces`), labelled faces in the wild
//! (`lfw`), AFLW (`aflw`), and faces with 68 annotated points (`landmarks68`: HELEN and
//! YouTube Faces). Drowsy means: the eyes are closed or the person yawns.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    DatasetError,
    manifest::{Item, Label, Manifest},
};
use crate::face::Landmarks;

/// Mean eye aspect ratio of annotated points below which eyes count as closed, and above
/// which as open (after Soukupova and Cech 2016); between them nothing is said.
pub const EYES: (f32, f32) = (0.15, 0.22);
/// Mouth aspect ratio of annotated points up to which nobody yawns; above it a mouth may
/// shout, laugh or yawn and nothing is said.
pub const MOUTH_AT_REST: f32 = 0.4;

/// The folders that are known.
const KNOWN: [&str; 6] = ["yawdd", "cew_closed", "utk_faces", "lfw", "aflw", "landmarks68"];

/// Lists the collections that lie in `folder`.
///
/// # Errors
/// When none does, or one cannot be read.
pub fn list(folder: &Path) -> Result<Manifest, DatasetError> {
    let mut items = Vec::new();
    for name in KNOWN {
        let root = folder.join(name);
        if !root.is_dir() {
            continue;
        }
        match name {
            "yawdd" => items.extend(yawdd(folder)?),
            "landmarks68" => items.extend(landmarks68(folder)?),
            _ => items.extend(pictures(&root, name)?),
        }
    }
    if items.is_empty() {
        return Err(DatasetError::NoCollection { path: folder.into(), known: KNOWN.join(", ") });
    }
    Ok(Manifest { items })
}

/// A folder of pictures that share a label, one subject a picture.
fn pictures(root: &Path, name: &str) -> Result<Vec<Item>, DatasetError> {
    let mut files: Vec<PathBuf> = fs::read_dir(root)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(DatasetError::io(root, "read"))?;
    files.retain(|file| crate::source::formats::is_picture(file));
    files.sort();
    let (label, eyes_closed, yawn) = match name {
        "cew_closed" => (Some(Label::Drowsy), Some(true), None),
        "aflw" => (None, None, None),
        _ => (Some(Label::Awake), Some(false), Some(false)),
    };
    Ok(files
        .into_iter()
        .map(|file| Item {
            subject: stem(&file),
            file,
            label,
            eyes_closed,
            yawn,
            collection: name.into(),
            ..Item::default()
        })
        .collect())
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// A line of `yawdd/labels.csv`.
#[derive(Deserialize)]
struct YawddRow {
    file: PathBuf,
    subject: String,
    label: String,
}

fn yawdd(folder: &Path) -> Result<Vec<Item>, DatasetError> {
    let path = folder.join("yawdd/labels.csv");
    let file = File::open(&path).map_err(DatasetError::io(&path, "read"))?;
    let mut items = Vec::new();
    for (row, line) in csv::Reader::from_reader(file).deserialize::<YawddRow>().zip(2..) {
        let at = |why: String| DatasetError::Line { path: path.clone(), line, why };
        let row = row.map_err(|error| at(error.to_string()))?;
        let yawn = match row.label.as_str() {
            "yawn" => true,
            "no_yawn" => false,
            other => return Err(at(format!("the label \"{other}\" is neither yawn nor no_yawn"))),
        };
        items.push(Item {
            file: folder.join(row.file),
            label: Some(if yawn { Label::Drowsy } else { Label::Awake }),
            subject: row.subject,
            // Who yawns often closes the eyes; who drives does not.
            eyes_closed: (!yawn).then_some(false),
            yawn: Some(yawn),
            collection: "yawdd".into(),
            ..Item::default()
        });
    }
    Ok(items)
}

/// A line of `landmarks68/points.jsonl`.
#[derive(Deserialize)]
struct PointsRow {
    file: PathBuf,
    points: Vec<[f32; 2]>,
}

fn landmarks68(folder: &Path) -> Result<Vec<Item>, DatasetError> {
    let path = folder.join("landmarks68/points.jsonl");
    let file = File::open(&path).map_err(DatasetError::io(&path, "read"))?;
    let mut items = Vec::new();
    for (text, line) in BufReader::new(file).lines().zip(1..) {
        let text = text.map_err(DatasetError::io(&path, "read"))?;
        let at = |why: String| DatasetError::Line { path: path.clone(), line, why };
        let row: PointsRow = serde_json::from_str(&text).map_err(|error| at(error.to_string()))?;
        let points = <[[f32; 2]; 68]>::try_from(row.points)
            .map_err(|points| at(format!("{} points instead of 68", points.len())))?;
        items.push(annotated(folder.join(row.file), &Landmarks { points }));
    }
    Ok(items)
}

/// What the points of a face say about its label.
fn annotated(file: PathBuf, landmarks: &Landmarks) -> Item {
    let [left, right] = landmarks.eye_aspect();
    let (eyes, mouth) = ((left + right) / 2.0, landmarks.mouth_aspect());
    let eyes_closed = match eyes {
        closed if closed < EYES.0 => Some(true),
        open if open > EYES.1 => Some(false),
        _ => None,
    };
    let yawn = (mouth < MOUTH_AT_REST).then_some(false);
    let label = match (eyes_closed, yawn) {
        (Some(true), _) => Some(Label::Drowsy),
        (Some(false), Some(false)) => Some(Label::Awake),
        _ => None,
    };
    // `Some_Name_12.jpg` is a frame of Some_Name, `100032540_1.jpg` a face of a photo.
    let name = stem(&file);
    let subject = name.rsplit_once('_').map_or(name.as_str(), |(subject, _)| subject).to_owned();
    let parent = file.parent().and_then(Path::file_name).unwrap_or_default();
    let collection = parent.to_string_lossy().into_owned();
    Item {
        label,
        subject,
        eyes_closed,
        yawn,
        eye_aspect: Some(eyes),
        mouth_aspect: Some(mouth),
        collection,
        file,
        ..Item::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// 68 points whose eyes are `eye` high and whose mouth is `mouth` high, both 1 wide.
    fn points(eye: f32, mouth: f32) -> Vec<[f32; 2]> {
        let mut points = vec![[0.0, 0.0]; 68];
        for at in [36, 42] {
            points[at + 3] = [1.0, 0.0];
            points[at + 1] = [0.3, eye];
            points[at + 5] = [0.3, 0.0];
            points[at + 2] = [0.7, eye];
            points[at + 4] = [0.7, 0.0];
        }
        points[64] = [1.0, 0.0];
        for (up, down) in [(61, 67), (62, 66), (63, 65)] {
            points[up] = [0.5, 0.0];
            points[down] = [0.5, mouth];
        }
        points
    }

    #[test]
    fn collections_become_one_list_with_what_each_knows() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "cew_closed/a.jpg", "");
        write(root, "lfw/Ann.jpg", "");
        write(root, "lfw/notes.txt", "");
        write(root, "aflw/b.jpg", "");
        let rows =
            "file,subject,label,run\nyawdd/m1/x.jpg,m1,yawn,0\nyawdd/m1/y.jpg,m1,no_yawn,0\n";
        write(root, "yawdd/labels.csv", rows);
        let lines: Vec<String> = [(0.1, 0.1, "closed_1"), (0.3, 0.1, "open_2"), (0.18, 0.1, "half_3"), (0.3, 0.9, "shout_4")]
            .map(|(eye, mouth, name)| {
                serde_json::json!({"file": format!("landmarks68/helen/{name}.jpg"), "points": points(eye, mouth)}).to_string()
            })
            .to_vec();
        write(root, "landmarks68/points.jsonl", &lines.join("\n"));

        let items = list(root).unwrap().items;
        let find =
            |name: &str| items.iter().find(|item| item.file.file_stem().unwrap() == name).unwrap();
        assert_eq!(items.len(), 9);
        assert_eq!((find("a").label, find("a").eyes_closed), (Some(Label::Drowsy), Some(true)));
        assert_eq!((find("Ann").label, find("Ann").yawn), (Some(Label::Awake), Some(false)));
        assert_eq!(find("b").label, None);
        assert_eq!((find("x").label, find("x").eyes_closed), (Some(Label::Drowsy), None));
        assert_eq!((find("y").label, find("y").subject.as_str()), (Some(Label::Awake), "m1"));
        assert_eq!(find("closed_1").label, Some(Label::Drowsy));
        assert_eq!(find("open_2").label, Some(Label::Awake));
        assert_eq!(find("open_2").subject, "open");
        assert_eq!(find("open_2").collection, "helen");
        assert_eq!((find("half_3").label, find("half_3").eyes_closed), (None, None));
        assert_eq!((find("shout_4").label, find("shout_4").yawn), (None, None));
    }

    #[test]
    fn a_folder_without_any_is_an_error_that_names_them() {
        let folder = tempfile::tempdir().unwrap();
        let error = list(folder.path()).unwrap_err().to_string();
        assert!(error.contains("yawdd") && error.contains("landmarks68"), "{error}");
    }
}
