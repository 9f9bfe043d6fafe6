//! What a preparation has done so far, one JSON object a line, so that a run that was
//! killed at any moment goes on where it stopped.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::dataset::DatasetError;

/// Values along a side of a [`Thumb`].
pub(super) const THUMB: usize = 12;

/// What became of a picture or of a frame of a video.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// The picture or video, as its list names it.
    pub(super) file: String,
    /// Where in the video, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) time_s: Option<f64>,
    /// What was found, unless it was dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) found: Option<Found>,
    /// Why it was dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
    /// The reader's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
}

/// A face that was found and stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Found {
    /// Its crop, relative to the folder.
    pub(super) crop: String,
    /// Measured eye aspect ratio, mean of both eyes.
    pub(super) eye_aspect: f32,
    /// Measured mouth aspect ratio.
    pub(super) mouth_aspect: f32,
    /// Confidence of the landmark network, 0..1.
    pub(super) quality: f32,
    /// How surely left eye, right eye and mouth are uncovered, 0..1.
    pub(super) seen: [f32; 3],
    /// The crop in small, to tell near-duplicates.
    pub(super) thumb: Thumb,
}

/// A crop as [`THUMB`] x [`THUMB`] grey values, hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Thumb(pub(super) String);

impl Thumb {
    /// From grey values.
    pub(super) fn new(values: &[u8]) -> Self {
        Self(hex::encode(values))
    }

    /// Mean difference of two, as a share of white; 1 where one is none.
    pub(super) fn distance(&self, other: &Self) -> f32 {
        let (a, b) = (self.values(), other.values());
        if a.len() != b.len() || a.is_empty() {
            return 1.0;
        }
        let sum: u32 = a.iter().zip(&b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        sum as f32 / a.len() as f32 / 255.0
    }

    fn values(&self) -> Vec<u8> {
        hex::decode(&self.0).unwrap_or_default()
    }
}

/// How a video ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct End {
    /// The video, as its list names it.
    pub(super) file: String,
    /// How long it is, seconds.
    pub(super) seconds: f64,
    /// Why it could not be read, or not to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) broke: Option<String>,
}

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Outcome(Outcome),
    End(End),
}

/// What is known so far, and the file that it is noted in.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: fs::File,
    /// The outcomes of each file, in the order of time.
    pub(super) outcomes: BTreeMap<String, Vec<Outcome>>,
    /// The videos that were read to their end.
    pub(super) ends: BTreeMap<String, End>,
}

impl Journal {
    /// Opens the journal, or begins one. A torn last line, from a run that was killed, is
    /// cut off.
    pub(super) fn open(path: &Path) -> Result<Self, DatasetError> {
        let read = || DatasetError::io(path, "read");
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(read()(error)),
        };
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let write = || DatasetError::io(path, "written");
        let file = fs::OpenOptions::new().create(true).append(true).open(path).map_err(write())?;
        file.set_len(whole as u64).map_err(write())?;
        let mut journal =
            Self { path: path.into(), file, outcomes: BTreeMap::new(), ends: BTreeMap::new() };
        let mut seen = HashSet::new();
        for line in text[..whole].split(|byte| *byte == b'\n') {
            match serde_json::from_slice(line) {
                Ok(Line::Outcome(outcome)) => {
                    let key = (outcome.file.clone(), outcome.time_s.map(f64::to_bits));
                    if seen.insert(key) {
                        journal.outcomes.entry(outcome.file.clone()).or_default().push(outcome);
                    }
                }
                Ok(Line::End(end)) => {
                    journal.ends.insert(end.file.clone(), end);
                }
                Err(_) => {}
            }
        }
        Ok(journal)
    }

    /// Notes an outcome.
    pub(super) fn note(&mut self, outcome: Outcome) -> Result<(), DatasetError> {
        self.append(&Line::Outcome(outcome.clone()))?;
        self.outcomes.entry(outcome.file.clone()).or_default().push(outcome);
        Ok(())
    }

    /// Notes the end of a video.
    pub(super) fn end(&mut self, end: End) -> Result<(), DatasetError> {
        self.append(&Line::End(end.clone()))?;
        self.ends.insert(end.file.clone(), end);
        Ok(())
    }

    fn append(&mut self, line: &Line) -> Result<(), DatasetError> {
        let io = || DatasetError::io(&self.path, "written");
        let mut text = serde_json::to_vec(line).map_err(|error| io()(error.into()))?;
        text.push(b'\n');
        self.file.write_all(&text).map_err(io())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(file: &str, time_s: Option<f64>) -> Outcome {
        Outcome { file: file.into(), time_s, why: Some("because".into()), ..Outcome::default() }
    }

    #[test]
    fn a_torn_line_is_cut_off_and_nothing_after_it_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let mut journal = Journal::open(&path).unwrap();
        journal.note(outcome("a.jpg", None)).unwrap();
        journal.note(outcome("b.mov", Some(1.5))).unwrap();
        let mut torn = fs::read_to_string(&path).unwrap();
        torn.push_str("{\"outcome\":{\"file\":\"c.j");
        fs::write(&path, torn).unwrap();

        let mut journal = Journal::open(&path).unwrap();
        assert_eq!(journal.outcomes.len(), 2);
        journal.note(outcome("b.mov", Some(2.5))).unwrap();
        let end = End { file: "b.mov".into(), seconds: 3.0, broke: None };
        journal.end(end.clone()).unwrap();
        let journal = Journal::open(&path).unwrap();
        let times: Vec<_> = journal.outcomes["b.mov"].iter().map(|o| o.time_s).collect();
        assert_eq!(times, [Some(1.5), Some(2.5)]);
        assert_eq!(journal.ends["b.mov"], end);
    }

    #[test]
    fn thumbs_tell_how_alike_pictures_are() {
        let (a, b) = (Thumb::new(&[0, 100, 255]), Thumb::new(&[0, 151, 255]));
        assert_eq!(a.distance(&a), 0.0);
        approx::assert_abs_diff_eq!(a.distance(&b), 51.0 / 3.0 / 255.0, epsilon = 1e-6);
        assert_eq!(a.distance(&Thumb::default()), 1.0);
    }
}
