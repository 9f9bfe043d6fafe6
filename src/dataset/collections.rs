//! The research collections of a folder as one list: YawDD (`yawdd/labels.csv`), closed
//! eyes in the wild (`cew_closed`), UTKFace (`utk_faces`), labelled faces in the wild
//! (`lfw`), AFLW (`aflw`), faces with 68 annotated points (`landmarks68`: HELEN and
//! YouTube Faces; what their narrow eyes mean stands in [`narrow`]), films of drivers with
//! annotated spans (`drivers`), infra-red eyes (`mrl_eyes`), yawns that nobody real yawned
//! (`yawns_generated`), and faces behind dark glasses (`faces_wild/sunglasses`). Drowsy
//! means: the eyes are closed or the person yawns.

mod narrow;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    DatasetError,
    manifest::{Item, Label, Manifest},
    spans::{self, FilmTruth, TRUTH},
    table::{Row, Table},
};
use crate::face::Landmarks;
use narrow::{Narrow, Seen};

/// Mean eye aspect ratio that closed eyes have at most, and open ones in a photograph at
/// least (after Soukupova and Cech 2016). A ratio above the second is one of open eyes; a
/// low one says nothing: of the faces of `landmarks68` below the first, one in seven has
/// its eyes closed, the others laugh, squint or look down.
pub(crate) const EYES: (f32, f32) = (0.15, 0.22);
/// Mouth aspect ratio of annotated points up to which nobody yawns; above it a mouth may
/// shout, laugh or yawn and nothing is said.
pub(crate) const MOUTH_AT_REST: f32 = 0.4;

/// The folders that are known, in the order in which they are listed.
const KNOWN: [&str; 10] = [
    "yawdd",
    "cew_closed",
    "utk_faces",
    "lfw",
    "aflw",
    "landmarks68",
    DRIVERS,
    MRL_EYES,
    YAWNS,
    SUNGLASSES,
];
const DRIVERS: &str = "drivers";
/// Name of the table beside the folders that has the blinks of the films in it.
const BLINKS: &str = "driver_blinks.csv";
const MRL_EYES: &str = "mrl_eyes";
const YAWNS: &str = "yawns_generated";
/// Faces whose eyes nobody can read; in the folder of the collection that they come with.
const SUNGLASSES: &str = "faces_wild/sunglasses";
/// The table of labels inside a collection's folder.
const LABELS: &str = "labels.csv";

/// Lists the collections that lie in `folder`, `known` being its [`films`].
///
/// # Errors
/// When none does, or one cannot be read.
pub(crate) fn list(
    folder: &Path,
    known: &BTreeMap<PathBuf, FilmTruth>,
) -> Result<Manifest, DatasetError> {
    let mut items = Vec::new();
    for name in KNOWN {
        let root = folder.join(name);
        if !root.is_dir() {
            continue;
        }
        match name {
            "yawdd" => items.extend(yawdd(folder)?),
            "landmarks68" => items.extend(landmarks68(folder)?),
            DRIVERS => items.extend(known.iter().map(film)),
            MRL_EYES => items.extend(labelled(&root, "eyes", eye)?),
            YAWNS => items.extend(labelled(&root, "label", yawn)?),
            _ => items.extend(pictures(&root, name)?),
        }
    }
    if items.is_empty() {
        return Err(DatasetError::NoCollection { path: folder.into(), known: KNOWN.join(", ") });
    }
    Ok(Manifest { items })
}

/// The films with annotated spans that lie in `folder`, by their paths; none where there
/// is no such collection.
///
/// # Errors
/// When the list of their spans cannot be read.
pub(crate) fn films(folder: &Path) -> Result<BTreeMap<PathBuf, FilmTruth>, DatasetError> {
    let root = folder.join(DRIVERS);
    if !root.is_dir() {
        return Ok(BTreeMap::new());
    }
    let mut films = spans::read(&root.join(TRUTH))?;
    let blinks = folder.join(BLINKS);
    if blinks.is_file() {
        spans::add_blinks(&mut films, &blinks)?;
    }
    Ok(films.into_iter().map(|film| (root.join(&film.file), film)).collect())
}

/// A film; what its frames show is known by their time only.
fn film((file, truth): (&PathBuf, &FilmTruth)) -> Item {
    let (file, subject) = (file.clone(), truth.person.clone());
    Item { file, subject, collection: DRIVERS.into(), ..Item::default() }
}

/// The pictures of a folder's own table, `file` and the column `says` of which `read` makes
/// an item, or says what is wrong. The subject is the picture unless the table names one.
fn labelled(
    root: &Path,
    says: &str,
    read: fn(&str) -> Result<Item, &'static str>,
) -> Result<Vec<Item>, DatasetError> {
    let table = Table::read(&root.join(LABELS), "file")?;
    let (file, says, subject) =
        (table.needed("file")?, table.needed(says)?, table.column("subject"));
    let name = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let item = |row: &Row| {
        let item = read(&row.cells[says]).map_err(|known| {
            let why = format!("it is \"{}\"; write {known}", row.cells[says]);
            table.cell(row.line, says, why)
        })?;
        let file = root.join(&row.cells[file]);
        let named = subject.map(|column| row.cells[column].clone());
        let subject = named.filter(|name| !name.is_empty()).unwrap_or_else(|| stem(&file));
        Ok(Item { subject, file, collection: name.clone(), ..item })
    };
    table.rows.iter().map(item).collect()
}

/// An infra-red picture of one eye.
fn eye(says: &str) -> Result<Item, &'static str> {
    let shut = match says {
        "shut" => true,
        "open" => false,
        _ => return Err("open or shut"),
    };
    Ok(Item { eyes_closed: Some(shut), eyes_only: true, ..Item::default() })
}

/// A picture of a face that yawns or does not.
fn yawn(says: &str) -> Result<Item, &'static str> {
    let yawn = match says {
        "yawn" => true,
        "no_yawn" => false,
        _ => return Err("yawn or no_yawn"),
    };
    Ok(Item {
        label: Some(if yawn { Label::Drowsy } else { Label::Awake }),
        // Who yawns often closes the eyes; who does not keeps them open here.
        eyes_closed: (!yawn).then_some(false),
        yawn: Some(yawn),
        ..Item::default()
    })
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
        "aflw" | SUNGLASSES => (None, None, None),
        _ => (Some(Label::Awake), Some(false), Some(false)),
    };
    let collection = root.file_name().unwrap_or_default().to_string_lossy();
    Ok(files
        .into_iter()
        .map(|file| Item {
            subject: stem(&file),
            file,
            label,
            eyes_closed,
            yawn,
            eyes_readable: (name == SUNGLASSES).then_some(false),
            collection: collection.clone().into_owned(),
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
        let said = yawn(&row.label)
            .map_err(|known| at(format!("the label is \"{}\"; write {known}", row.label)))?;
        items.push(Item {
            file: folder.join(row.file),
            subject: row.subject,
            collection: "yawdd".into(),
            ..said
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
    let mut narrow = Narrow::beside(folder)?;
    let mut items = Vec::new();
    for (text, line) in BufReader::new(file).lines().zip(1..) {
        let text = text.map_err(DatasetError::io(&path, "read"))?;
        let at = |why: String| DatasetError::Line { path: path.clone(), line, why };
        let row: PointsRow = serde_json::from_str(&text).map_err(|error| at(error.to_string()))?;
        let points = <[[f32; 2]; 68]>::try_from(row.points)
            .map_err(|points| at(format!("{} points instead of 68", points.len())))?;
        let seen = narrow.of(&row.file);
        items.push(annotated(folder.join(row.file), &Landmarks { points }, seen));
    }
    narrow.all_used()?;
    Ok(items)
}

/// What the points of a face say about it, and what a person saw in its eyes.
fn annotated(file: PathBuf, landmarks: &Landmarks, seen: Option<Seen>) -> Item {
    let [left, right] = landmarks.eye_aspect();
    let (eyes, mouth) = ((left + right) / 2.0, landmarks.mouth_aspect());
    let eyes_closed = match seen {
        Some(Seen::Shut) => Some(true),
        Some(Seen::Down | Seen::Narrow) => Some(false),
        Some(Seen::Unclear) => None,
        None => (eyes > EYES.1).then_some(false),
    };
    let at_rest = (mouth < MOUTH_AT_REST).then_some(false);
    let yawn = match seen {
        // Who laughs, squints or reads is awake, however wide the mouth is.
        Some(Seen::Down | Seen::Narrow) => Some(false),
        _ => at_rest,
    };
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
        looking_down: (seen == Some(Seen::Down)).then_some(true),
        laughing: (seen == Some(Seen::Narrow)).then_some(true),
        collection,
        file,
        ..Item::default()
    }
}

#[cfg(test)]
mod tests {
    use super::{narrow::NARROW, *};

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

    fn listed(folder: &Path) -> Result<Manifest, DatasetError> {
        list(folder, &films(folder)?)
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
        faces(
            root,
            &[
                (0.1, 0.1, "low_1"),
                (0.3, 0.1, "open_2"),
                (0.18, 0.1, "half_3"),
                (0.3, 0.9, "shout_4"),
            ],
        );
        write(root, "yawns_generated/labels.csv", "file,label\nw.jpg,yawn\nv.jpg,no_yawn\n");
        write(root, "faces_wild/sunglasses/dark.jpg", "");
        write(root, "faces_wild/masks/mask.jpg", "");

        let items = listed(root).unwrap().items;
        let find =
            |name: &str| items.iter().find(|item| item.file.file_stem().unwrap() == name).unwrap();
        assert_eq!(items.len(), 12);
        assert_eq!((find("a").label, find("a").eyes_closed), (Some(Label::Drowsy), Some(true)));
        assert_eq!((find("Ann").label, find("Ann").yawn), (Some(Label::Awake), Some(false)));
        assert_eq!(find("b").label, None);
        assert_eq!((find("x").label, find("x").eyes_closed), (Some(Label::Drowsy), None));
        assert_eq!((find("y").label, find("y").subject.as_str()), (Some(Label::Awake), "m1"));
        // A low ratio alone is no closed eye.
        assert_eq!((find("low_1").label, find("low_1").eyes_closed), (None, None));
        assert!(find("low_1").eye_aspect.unwrap() < EYES.0);
        assert_eq!(find("open_2").label, Some(Label::Awake));
        assert_eq!(find("open_2").subject, "open");
        assert_eq!(find("open_2").collection, "helen");
        assert_eq!((find("half_3").label, find("half_3").eyes_closed), (None, None));
        assert_eq!((find("shout_4").label, find("shout_4").yawn), (None, None));
        assert_eq!((find("w").label, find("w").eyes_closed), (Some(Label::Drowsy), None));
        assert_eq!((find("v").label, find("v").yawn), (Some(Label::Awake), Some(false)));
        assert_eq!((find("v").subject.as_str(), &*find("v").collection), ("v", YAWNS));
        let dark = find("dark");
        assert_eq!((dark.label, dark.eyes_closed, dark.eyes_readable), (None, None, Some(false)));
        assert_eq!((&*dark.collection, find("v").eyes_readable), ("sunglasses", None));
    }

    /// Annotated faces: how high the eyes and the mouth are, and the name.
    fn faces(root: &Path, faces: &[(f32, f32, &str)]) {
        let line = |(eye, mouth, name): &(f32, f32, &str)| {
            let file = format!("landmarks68/helen/{name}.jpg");
            let points = points(*eye, *mouth);
            serde_json::json!({ "file": file, "points": points }).to_string()
        };
        let lines: Vec<String> = faces.iter().map(line).collect();
        write(root, "landmarks68/points.jsonl", &lines.join("\n"));
    }

    #[test]
    fn what_a_person_saw_in_narrow_eyes_counts_more_than_their_ratio() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let names = ["shut_1", "down_2", "narrow_3", "unclear_4", "open_5", "low_6"];
        let of: Vec<_> = names
            .iter()
            .map(|name| (if *name == "open_5" { 0.3 } else { 0.1 }, 0.9, *name))
            .collect();
        faces(root, &of);
        let said: String = names[..4]
            .iter()
            .map(|name| {
                let eyes = name.split('_').next().unwrap();
                format!("landmarks68/helen/{name}.jpg,{eyes}\n")
            })
            .collect();
        write(root, NARROW, &format!("file,eyes\n{said}"));
        let items = listed(root).unwrap().items;
        let of = |name: &str| {
            let item = items.iter().find(|item| stem(&item.file) == name).unwrap();
            (item.label, item.eyes_closed, item.yawn, item.looking_down, item.laughing)
        };
        let (awake, drowsy) = (Some(Label::Awake), Some(Label::Drowsy));
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(of("shut_1"), (drowsy, yes, None, None, None));
        assert_eq!(of("down_2"), (awake, no, no, yes, None));
        assert_eq!(of("narrow_3"), (awake, no, no, None, yes));
        assert_eq!(of("unclear_4"), (None, None, None, None, None));
        assert_eq!(of("open_5"), (None, no, None, None, None));
        assert_eq!(of("low_6"), (None, None, None, None, None));

        let first = "landmarks68/helen/shut_1.jpg";
        for (rows, words) in [
            (format!("{first},asleep\n"), ["line 2", "asleep", "unclear"]),
            (format!("{first},shut\n{first},down\n"), ["line 3", "second time", "eyes.csv"]),
            (format!("{first},shut\ngone.jpg,down\n"), ["line 3", "gone.jpg", "remove"]),
        ] {
            write(root, NARROW, &format!("file,eyes\n{rows}"));
            let error = listed(root).unwrap_err().to_string();
            for word in words {
                assert!(error.contains(word), "{word:?} is missing in {error:?}");
            }
        }
    }

    #[test]
    fn films_and_eyes_are_listed_with_their_people() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let truth = "{\"file\": \"b.mp4\", \"seconds\": 2, \"person\": \"p1\"}\n\
            {\"file\": \"a.mp4\", \"seconds\": 2, \"person\": \"p2\", \"yawns\": [[0, 1]]}\n";
        write(root, "drivers/truth.jsonl", truth);
        let rows = "file,subject,eyes,glasses\nx.jpg,s1,shut,0\ny.jpg,s2,open,1\n";
        write(root, "mrl_eyes/labels.csv", rows);
        let items = listed(root).unwrap().items;
        let told: Vec<_> = items
            .iter()
            .map(|item| (stem(&item.file), item.subject.as_str(), &*item.collection))
            .collect();
        let named = |name: &str| name.to_owned();
        assert_eq!(
            told,
            [
                (named("a"), "p2", DRIVERS),
                (named("b"), "p1", DRIVERS),
                (named("x"), "s1", MRL_EYES),
                (named("y"), "s2", MRL_EYES),
            ]
        );
        assert!(items.iter().all(|item| item.label.is_none() && item.video.is_empty()));
        assert_eq!((items[2].eyes_closed, items[3].eyes_closed), (Some(true), Some(false)));
        assert_eq!(items.iter().filter(|item| item.eyes_only).count(), 2);
        assert_eq!(films(root).unwrap()[&root.join("drivers/a.mp4")].yawns, [[0.0, 1.0]]);
        write(root, BLINKS, "file,start,end\nb.mp4,1.0,1.2\n");
        assert_eq!(films(root).unwrap()[&root.join("drivers/b.mp4")].blinks, [[1.0, 1.2]]);

        write(root, "mrl_eyes/labels.csv", "file,subject,eyes\nx.jpg,s1,half\n");
        let error = listed(root).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("half"), "{error}");
        write(root, "drivers/truth.jsonl", "nothing");
        assert!(listed(root).unwrap_err().to_string().contains("truth.jsonl, line 1"));
    }

    #[test]
    fn a_folder_without_any_is_an_error_that_names_them() {
        let folder = tempfile::tempdir().unwrap();
        let error = listed(folder.path()).unwrap_err().to_string();
        assert!(error.contains("yawdd") && error.contains("landmarks68"), "{error}");
    }
}
