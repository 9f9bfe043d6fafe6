//! Pictures in which each face is marked by a box, and perhaps by what it wears over the mouth.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{DatasetError, points};
use crate::{face::BBox, os::Bounded};

/// Largest list that is read, bytes, and its longest line.
const MAX_BYTES: u64 = 256 << 20;
const MAX_LINE_BYTES: u64 = 1 << 20;

/// A picture with its marked faces.
#[derive(Clone, Debug, PartialEq)]
pub struct MarkedPicture {
    /// As the list names it, below the name of the list's folder.
    pub name: PathBuf,
    /// Where it is.
    pub file: PathBuf,
    /// Its faces.
    pub faces: Vec<MarkedFace>,
}

/// A marked face.
#[derive(Clone, Debug, PartialEq)]
pub struct MarkedFace {
    /// In pixels of the picture.
    pub bbox: BBox,
    /// The mask that it wears.
    pub mask: Mask,
}

/// How a mask is worn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mask {
    /// Over mouth and nose.
    Good,
    /// Not over both.
    Bad,
    /// There is none.
    None,
}

impl MarkedPicture {
    /// Nothing may be learned from it: it is there to measure on. A tenth of all pictures, the
    /// same that [`FivePointFace::held_out`](points::FivePointFace::held_out) says.
    pub fn held_out(&self) -> bool {
        points::picture_held_out(&self.name.display().to_string())
    }
}

/// A box as a line has it: `[x0, y0, x1, y1, mask]`.
type Corners = (f32, f32, f32, f32, Mask);

/// Reads a list of pictures whose faces are all marked: JSON lines of `{"file", "boxes":
/// [[x0, y0, x1, y1, "good" | "bad" | "none"]]}` in pixels, the word telling how a mask is
/// worn; paths are relative to the list's folder. Lines without `boxes` are of pictures that
/// are marked in another way, and left out.
///
/// # Errors
/// When the list cannot be read or is too large, a line is of another form, or no line has
/// boxes.
pub fn read(list: &Path) -> Result<Vec<MarkedPicture>, DatasetError> {
    #[derive(Deserialize)]
    struct Line {
        file: PathBuf,
        boxes: Option<Vec<Corners>>,
    }
    let file = File::open(list).map_err(DatasetError::io(list, "read"))?;
    let reader = BufReader::new(Bounded::new(file, MAX_BYTES, MAX_LINE_BYTES));
    let folder = list.parent().unwrap_or(Path::new("."));
    let collection = Path::new(folder.file_name().unwrap_or_default());
    let mut pictures = Vec::new();
    for (number, text) in reader.lines().enumerate() {
        let at = |why: String| {
            let line = number as u64 + 1;
            DatasetError::Line { path: list.into(), line, why }
        };
        let text = text.map_err(DatasetError::io(list, "read"))?;
        if text.trim().is_empty() {
            continue;
        }
        let Line { file, boxes } = serde_json::from_str(&text).map_err(|e| at(e.to_string()))?;
        let Some(boxes) = boxes else { continue };
        let faces: Vec<MarkedFace> = boxes
            .into_iter()
            .map(|(x0, y0, x1, y1, mask)| MarkedFace {
                bbox: BBox { x: x0, y: y0, width: x1 - x0, height: y1 - y0 },
                mask,
            })
            .collect();
        if let Some(MarkedFace { bbox, .. }) = faces.iter().find(|face| {
            let BBox { x, y, width, height } = face.bbox;
            let known = [x, y, width, height].iter().all(|v| v.is_finite());
            !known || width <= 0.0 || height <= 0.0
        }) {
            let why = format!("a box of {} x {} pixels marks no face", bbox.width, bbox.height);
            return Err(at(why));
        }
        pictures.push(MarkedPicture {
            name: collection.join(&file),
            file: folder.join(&file),
            faces,
        });
    }
    match pictures.is_empty() {
        true => Err(DatasetError::NoFace(list.into())),
        false => Ok(pictures),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_read_and_a_broken_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("faces.jsonl");
        let points = "{\"file\": \"a.jpg\", \"points4\": []}\n";
        for (text, word) in [
            ("{\"file\": 3}", "line 2"),
            ("{\"file\": \"b.jpg\", \"boxes\": [[1, 2, 3, 4, \"hat\"]]}", "hat"),
            ("{\"file\": \"b.jpg\", \"boxes\": [[1, 2, 1, 4, \"bad\"]]}", "0 x 2"),
            ("", "no face"),
        ] {
            std::fs::write(&list, format!("{points}{text}")).unwrap();
            let error = read(&list).unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("faces.jsonl"), "{error}");
        }
        let text = "{\"file\": \"m/b.jpg\", \"boxes\": [[1, 2, 31, 42.5, \"good\"]]}\n";
        std::fs::write(&list, format!("{points}{text}")).unwrap();
        let pictures = read(&list).unwrap();
        assert_eq!(pictures.len(), 1);
        assert_eq!(pictures[0].file, folder.path().join("m/b.jpg"));
        assert!(pictures[0].name.ends_with("m/b.jpg") && pictures[0].name.is_relative());
        let [face] = pictures[0].faces.as_slice() else { panic!("one face") };
        assert_eq!(face.mask, Mask::Good);
        assert_eq!(face.bbox, BBox { x: 1.0, y: 2.0, width: 30.0, height: 40.5 });
    }
}
