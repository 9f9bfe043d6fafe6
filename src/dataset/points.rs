//! Faces whose points are known: a list of faces with 68 points, as people annotated them,
//! and a list of faces with a box and five points, as a detector sees them. Both are read
//! within bounds, and their pictures as every other picture is ([`load_image`]).

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use serde::Deserialize;

use super::DatasetError;
use crate::{
    face::{BBox, Landmarks},
    os::Bounded,
    source::images::load_image,
};

/// Largest list that is read, bytes (of a packed one, unpacked).
const MAX_BYTES: u64 = 1 << 30;
/// Longest line of a list, bytes.
const MAX_LINE_BYTES: u64 = 1 << 20;
/// No picture is so large that a point lies farther away, pixels.
const MOST_PX: f32 = 1e5;
/// Name of the file that names the people of a folder of films.
const FILMS: &str = "truth.jsonl";

/// A face with its 68 points.
#[derive(Clone, Debug, PartialEq)]
pub struct AnnotatedFace {
    /// The picture.
    pub file: PathBuf,
    /// Line of the list, from 1.
    pub line: usize,
    /// Its points, in pixels of the picture.
    pub landmarks: Landmarks,
}

/// A line of a list of faces with 68 points.
#[derive(Deserialize)]
struct Line {
    file: PathBuf,
    points: Vec<[f32; 2]>,
}

/// Reads a list of faces with 68 points: JSON lines of `{"file", "points": [[x, y] x 68]}`
/// in pixels; paths are relative to the list's folder or to the one above.
///
/// # Errors
/// When the list cannot be read, is too large or names no face, a line is of another form,
/// a picture is missing, or the points are those of no face.
pub fn read(list: &Path) -> Result<Vec<AnnotatedFace>, DatasetError> {
    let file = File::open(list).map_err(DatasetError::io(list, "read"))?;
    let reader = BufReader::new(Bounded::new(file, MAX_BYTES, MAX_LINE_BYTES));
    let folder = list.parent().unwrap_or(Path::new("."));
    let mut faces = Vec::new();
    for (number, text) in reader.lines().enumerate() {
        let line = number + 1;
        let at = |why: String| DatasetError::Points { path: list.into(), line, why };
        let text = text.map_err(DatasetError::io(list, "read"))?;
        if text.trim().is_empty() {
            continue;
        }
        let Line { file, points } = serde_json::from_str(&text).map_err(|e| at(e.to_string()))?;
        let points = <[[f32; 2]; 68]>::try_from(points.as_slice())
            .map_err(|_| at(format!("{} points where 68 are needed", points.len())))?;
        let landmarks = Landmarks { points };
        if !points.as_flattened().iter().all(|v| v.is_finite() && v.abs() < MOST_PX) {
            return Err(at("a point lies outside of any picture".into()));
        }
        if landmarks.interocular_px() < 1.0 {
            return Err(at("the points are those of no face".into()));
        }
        let file = [folder.join(&file), folder.join("..").join(&file)]
            .into_iter()
            .find(|file| file.is_file())
            .ok_or_else(|| DatasetError::Missing { list: list.into(), file: file.clone() })?;
        faces.push(AnnotatedFace { file, line, landmarks });
    }
    match faces.is_empty() {
        true => Err(DatasetError::NoFace(list.into())),
        false => Ok(faces),
    }
}

impl AnnotatedFace {
    /// Its picture, upright.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn picture(&self) -> Result<image::RgbImage, DatasetError> {
        Ok(load_image(&self.file)?)
    }
}

/// A face with its box and five points, as a detector saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct FivePointFace {
    /// The picture or film, as the list names it.
    pub name: PathBuf,
    /// Where that is.
    pub file: PathBuf,
    /// Which frame of a film, from 0; nothing for a picture.
    pub frame: Option<u64>,
    /// From brow to chin, in pixels of the picture; may reach outside.
    pub bbox: BBox,
    /// Left eye, right eye, tip of the nose, left and right corner of the mouth; left is the
    /// left of the picture. Pixels.
    pub points: [[f32; 2]; 5],
    /// How sure the detector was, 0..1.
    pub score: f32,
    /// Who it is, where the collection tells; else the picture's name.
    pub person: String,
}

/// A line of a list of faces with five points.
#[derive(Deserialize)]
struct FiveLine {
    file: PathBuf,
    frame: Option<u64>,
    x: f32,
    y: f32,
    width: f32,
    height: f32,
    eye_l_x: f32,
    eye_l_y: f32,
    eye_r_x: f32,
    eye_r_y: f32,
    nose_x: f32,
    nose_y: f32,
    mouth_l_x: f32,
    mouth_l_y: f32,
    mouth_r_x: f32,
    mouth_r_y: f32,
    score: f32,
}

/// Reads a list of faces with five points: a CSV, packed where its name ends in `.gz`, with
/// the columns `file,frame,x,y,width,height`, `eye_l_x` and so on for `eye_l`, `eye_r`,
/// `nose`, `mouth_l` and `mouth_r`, and `score`; paths are relative to its folder. Who is in
/// a film is read from the `truth.jsonl` beside it (`{"file", "person"}`).
///
/// # Errors
/// When the list cannot be read, is too large, names no face, or a line is of another form.
pub fn read_five(list: &Path) -> Result<Vec<FivePointFace>, DatasetError> {
    let file = File::open(list).map_err(DatasetError::io(list, "read"))?;
    let packed = list.extension().is_some_and(|extension| extension == "gz");
    let text: Box<dyn Read> = if packed { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(BufReader::new(Bounded::new(text, MAX_BYTES, MAX_LINE_BYTES)));
    let folder = list.parent().unwrap_or(Path::new("."));
    let mut people = People::default();
    let mut faces = Vec::new();
    for (number, line) in reader.deserialize().enumerate() {
        let at =
            |why: String| DatasetError::Line { path: list.into(), line: number as u64 + 2, why };
        let line: FiveLine = line.map_err(|error| at(error.to_string()))?;
        let points = [
            [line.eye_l_x, line.eye_l_y],
            [line.eye_r_x, line.eye_r_y],
            [line.nose_x, line.nose_y],
            [line.mouth_l_x, line.mouth_l_y],
            [line.mouth_r_x, line.mouth_r_y],
        ];
        let bbox = BBox { x: line.x, y: line.y, width: line.width, height: line.height };
        let sides = [bbox.x, bbox.y, bbox.width, bbox.height];
        let known = |v: &f32| v.is_finite() && v.abs() < MOST_PX;
        let face = bbox.width > 0.0 && bbox.height > 0.0;
        if !face || !points.as_flattened().iter().chain(&sides).all(known) {
            return Err(at("box and points are those of no face".into()));
        }
        let file = folder.join(&line.file);
        let person = match line.frame {
            Some(_) => people.of(&file)?,
            None => person_of(&line.file),
        };
        let (name, frame, score) = (line.file, line.frame, line.score);
        faces.push(FivePointFace { name, file, frame, bbox, points, score, person });
    }
    match faces.is_empty() {
        true => Err(DatasetError::NoFace(list.into())),
        false => Ok(faces),
    }
}

impl FivePointFace {
    /// The collection that it is from: the first folder of its name.
    pub fn collection(&self) -> &str {
        let first = self.name.components().next().and_then(|part| part.as_os_str().to_str());
        first.unwrap_or_default()
    }

    /// Nothing may be learned from it: it is there to measure on. A third of the people in
    /// films ([`held_out`]) and a tenth of all others.
    pub fn held_out(&self) -> bool {
        match self.frame {
            Some(_) => held_out(&self.person),
            None => picture_held_out(&self.person),
        }
    }
}

/// Whether a person of the films is held out of every training: a third of them, fixed by
/// the name alone. People filmed by infra-red light stand on both sides.
pub fn held_out(person: &str) -> bool {
    hash(person) % 3 == 2
}

/// Whether a picture of this name, or of this person, is held out of every training: a tenth
/// of them.
pub(super) fn picture_held_out(name: &str) -> bool {
    hash(name).is_multiple_of(10)
}

/// FNV-1a without its lowest byte: the same on every machine and in every version of Rust.
fn hash(name: &str) -> u64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash >> 8
}

/// Who is in a picture: the folder inside its collection, where there is one
/// (`yawdd/m000/no_yawn_1.jpg`), else nobody but itself. A collection's parts
/// (`faces_wild/masks`) are no people.
fn person_of(name: &Path) -> String {
    let folder = name.parent().unwrap_or(Path::new(""));
    match name.starts_with("yawdd") && folder.components().count() == 2 {
        true => folder.display().to_string(),
        false => name.display().to_string(),
    }
}

/// Who is in which film, a folder at a time.
#[derive(Default)]
struct People(BTreeMap<PathBuf, BTreeMap<PathBuf, String>>);

impl People {
    fn of(&mut self, film: &Path) -> Result<String, DatasetError> {
        #[derive(Deserialize)]
        struct Film {
            file: PathBuf,
            person: String,
        }
        let folder = film.parent().unwrap_or(Path::new("."));
        if !self.0.contains_key(folder) {
            let list = folder.join(FILMS);
            let text =
                crate::os::read_text(&list, MAX_BYTES).map_err(DatasetError::io(&list, "read"))?;
            let mut people = BTreeMap::new();
            for (number, text) in text.lines().enumerate() {
                let film: Film = serde_json::from_str(text).map_err(|error| {
                    let (line, why) = (number as u64 + 1, error.to_string());
                    DatasetError::Line { path: list.clone(), line, why }
                })?;
                people.insert(folder.join(film.file), film.person);
            }
            self.0.insert(folder.into(), people);
        }
        let known = self.0.get(folder).and_then(|people| people.get(film));
        known
            .cloned()
            .ok_or_else(|| DatasetError::Nobody { list: folder.join(FILMS), film: film.into() })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_broken_list_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("points.jsonl");
        let points =
            |far: f32| -> Vec<[f32; 2]> { (0..68).map(|i| [far * i as f32, 1.0]).collect() };
        let line = |file: &str, points| serde_json::json!({"file": file, "points": points});
        fs::write(folder.path().join("there.jpg"), "no picture").unwrap();
        for (text, word) in [
            (String::new(), "no face"),
            ("\n{\"file\": 3}".into(), "line 2"),
            ("{\"file\":\"a.jpg\",\"points\":[[1,2]]}".into(), "1 points"),
            (line("gone.jpg", points(1.0)).to_string(), "gone.jpg"),
            (line("there.jpg", points(1e4)).to_string(), "outside"),
            (line("there.jpg", points(0.0)).to_string(), "of no face"),
        ] {
            fs::write(&list, text).unwrap();
            let error = read(&list).unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("points.jsonl"), "{error}");
        }
        fs::write(&list, line("there.jpg", points(1.0)).to_string()).unwrap();
        let error = read(&list).unwrap()[0].picture().unwrap_err().to_string();
        assert!(error.contains("there.jpg"), "{error}");
    }

    #[test]
    fn people_of_films_are_read_beside_them_and_stand_on_one_side() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("faces.csv");
        let columns = "file,frame,x,y,width,height,eye_l_x,eye_l_y,eye_r_x,eye_r_y,nose_x,nose_y,\
                       mouth_l_x,mouth_l_y,mouth_r_x,mouth_r_y,score\n";
        let numbers = "1,2,30,40,10,10,20,10,15,15,11,20,19,20,0.9";
        let films = folder.path().join("drivers");
        fs::create_dir(&films).unwrap();
        fs::write(&list, format!("{columns}drivers/a.mp4,5,{numbers}\nlfw/b.jpg,,{numbers}\n"))
            .unwrap();
        let error = read_five(&list).unwrap_err().to_string();
        assert!(error.contains("truth.jsonl"), "{error}");
        fs::write(films.join(FILMS), "{\"file\":\"a.mp4\",\"person\":\"irA\"}\n").unwrap();
        let faces = read_five(&list).unwrap();
        assert_eq!((faces[0].person.as_str(), faces[0].frame), ("irA", Some(5)));
        assert_eq!((faces[1].person.as_str(), faces[1].frame), ("lfw/b.jpg", None));
        assert_eq!((faces[1].collection(), faces[1].points[2]), ("lfw", [15.0, 15.0]));
        assert!(faces[0].held_out() && held_out("irA") && !held_out("irB"));
        assert_eq!(person_of(Path::new("yawdd/m000/yawn_1.jpg")), "yawdd/m000");

        fs::write(&list, format!("{columns}lfw/b.jpg,,{}\n", numbers.replace("30", "-30")))
            .unwrap();
        let error = read_five(&list).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }
}
