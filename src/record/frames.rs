//! The frame log: a CSV line or a Parquet row for every judged frame.

use std::path::Path;

use serde::Serialize;

use super::{LineFile, RecordError, parquet::ParquetLog};
use crate::{
    face::{Face, Unreadable},
    frame::Frame,
    monitor::{Judgement, Level, Observation, State},
};

/// One judged frame; the fields are the columns, empty where there is no face.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FrameRow {
    /// Index of the frame.
    pub frame: u64,
    /// Media time, seconds.
    pub at: f64,
    /// Box around the landmarks: left edge, pixels.
    pub face_x: Option<f32>,
    /// Top edge, pixels.
    pub face_y: Option<f32>,
    /// Width, pixels.
    pub face_width: Option<f32>,
    /// Height, pixels.
    pub face_height: Option<f32>,
    /// The landmark network's confidence, 0..1.
    pub confidence: Option<f32>,
    /// Probability of drowsy, 0..1.
    pub drowsy: Option<f32>,
    /// Probability that the eyes are closed, 0..1.
    pub eyes_closed: Option<f32>,
    /// Probability of a yawn, 0..1.
    pub yawn: Option<f32>,
    /// Probability that the eye on the left of the picture is shut, from its own patch,
    /// 0..1; empty from a classifier that does not read eyes one by one.
    pub left_eye_shut: Option<f32>,
    /// Probability that it can be seen, 0..1.
    pub left_eye_seen: Option<f32>,
    /// The same of the eye on the right of the picture: shut, 0..1.
    pub right_eye_shut: Option<f32>,
    /// Seen, 0..1.
    pub right_eye_seen: Option<f32>,
    /// Probability that the driver looks down, 0..1; empty from a classifier that does not
    /// read it.
    pub looking_down: Option<f32>,
    /// Eye aspect ratio, left of the picture.
    pub eye_aspect_left: Option<f32>,
    /// Eye aspect ratio, right of the picture.
    pub eye_aspect_right: Option<f32>,
    /// Mouth aspect ratio.
    pub mouth_aspect: Option<f32>,
    /// Why the eyes cannot be read.
    pub unreadable: Option<Unreadable>,
    /// The state judged.
    pub state: State,
    /// The level judged.
    pub level: Level,
    /// Smoothed probability of drowsy, 0..1.
    pub drowsy_smoothed: Option<f32>,
    /// How long the eyes have been closed, seconds.
    pub eyes_closed_s: f32,
}

impl FrameRow {
    /// The row of a frame.
    pub fn new(
        frame: &Frame,
        face: Option<&Face>,
        seen: &Observation,
        judgement: &Judgement,
    ) -> Self {
        let (bbox, signs) = (face.map(|face| face.bbox), seen.face.as_ref());
        let [left, right] = [0, 1].map(|side| signs.and_then(|s| s.eyes.map(|eyes| eyes[side])));
        Self {
            frame: frame.index,
            at: frame.at.as_secs_f64(),
            face_x: bbox.map(|b| b.x),
            face_y: bbox.map(|b| b.y),
            face_width: bbox.map(|b| b.width),
            face_height: bbox.map(|b| b.height),
            confidence: face.map(|face| face.confidence),
            drowsy: signs.map(|s| s.drowsy),
            eyes_closed: signs.map(|s| s.eyes_closed),
            yawn: signs.map(|s| s.yawn),
            left_eye_shut: left.map(|eye| eye.shut),
            left_eye_seen: left.map(|eye| eye.seen),
            right_eye_shut: right.map(|eye| eye.shut),
            right_eye_seen: right.map(|eye| eye.seen),
            looking_down: signs.and_then(|s| s.looking_down),
            eye_aspect_left: signs.map(|s| s.eye_aspect[0]),
            eye_aspect_right: signs.map(|s| s.eye_aspect[1]),
            mouth_aspect: signs.map(|s| s.mouth_aspect),
            unreadable: signs.and_then(|s| s.unreadable),
            state: judgement.state,
            level: judgement.level,
            drowsy_smoothed: judgement.drowsy,
            eyes_closed_s: judgement.eyes_closed_s,
        }
    }
}

/// Writes frames to a file, as CSV or Parquet by its ending; an existing one is replaced.
#[derive(Debug)]
pub struct FrameLog(Form);

#[derive(Debug)]
enum Form {
    Csv { file: LineFile, with_header: bool },
    Parquet(Box<ParquetLog>),
}

impl FrameLog {
    /// Creates a log.
    ///
    /// # Errors
    /// When the name ends in neither `.csv` nor `.parquet`, or the file cannot be created.
    pub fn create(path: &Path) -> Result<Self, RecordError> {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match ending.as_str() {
            "csv" => {
                let file = LineFile::open(path, false)?;
                Ok(Self(Form::Csv { file, with_header: true }))
            }
            "parquet" => ParquetLog::create(path).map(|log| Self(Form::Parquet(Box::new(log)))),
            _ => Err(RecordError::Format(path.into())),
        }
    }

    /// Writes a frame.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, row: &FrameRow) -> Result<(), RecordError> {
        match &mut self.0 {
            Form::Parquet(log) => log.write(row),
            Form::Csv { file, with_header } => {
                file.append(
                    &csv_line(row, *with_header)
                        .map_err(|why| RecordError::Write { path: file.path.clone(), why })?,
                )?;
                *with_header = false;
                Ok(())
            }
        }
    }

    /// Writes what is still held back; nothing may be written after it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(&mut self) -> Result<(), RecordError> {
        match &mut self.0 {
            Form::Parquet(log) => log.finish(),
            Form::Csv { .. } => Ok(()),
        }
    }
}

/// The line of a frame; the header precedes the first.
fn csv_line(row: &FrameRow, with_header: bool) -> std::io::Result<Vec<u8>> {
    // The writer only formats in memory: the line goes to the file whole.
    let mut writer = csv::WriterBuilder::new().has_headers(with_header).from_writer(Vec::new());
    writer.serialize(row).map_err(std::io::Error::other)?;
    writer.into_inner().map_err(|error| std::io::Error::other(error.to_string()))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::monitor::{EyeSigns, FaceSigns};
    use std::{sync::Arc, time::Duration};

    pub(in crate::record) fn row(index: u64, face: bool) -> FrameRow {
        read_as(index, face.then(signs))
    }

    /// What a classifier reads that has a head on each eye.
    fn signs() -> FaceSigns {
        let [left, right] =
            [(0.75, 0.875), (0.625, 0.0625)].map(|(shut, seen)| EyeSigns { shut, seen });
        FaceSigns {
            drowsy: 0.25,
            eyes_closed: 0.5,
            yawn: 0.125,
            eyes: Some([left, right]),
            looking_down: Some(0.375),
            eye_aspect: [0.25, 0.5],
            mouth_aspect: 0.75,
            pose: None,
            unreadable: Some(Unreadable::Turned),
        }
    }

    /// The row of a frame in which this was read.
    pub(in crate::record) fn read_as(index: u64, face: Option<FaceSigns>) -> FrameRow {
        let at = Duration::from_millis(40 * index);
        let frame = Frame { image: Arc::default(), at, index };
        let seen = Observation { at, face };
        FrameRow::new(&frame, None, &seen, &Judgement::default())
    }

    #[test]
    fn every_frame_is_a_line_under_one_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames.csv");
        let mut log = FrameLog::create(&path).unwrap();
        log.write(&row(0, true)).unwrap();
        log.write(&row(1, false)).unwrap();
        // A classifier without heads on the eyes leaves their columns empty, no others.
        let without = FaceSigns { eyes: None, looking_down: None, ..signs() };
        log.write(&read_as(2, Some(without))).unwrap();
        let mut reader = csv::Reader::from_path(&path).unwrap();
        let header = reader.headers().unwrap().clone();
        let column = |name| header.iter().position(|h| h == name).unwrap();
        let lines: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(&lines[0][column("drowsy")], "0.25");
        assert_eq!(&lines[0][column("unreadable")], "turned");
        assert_eq!(&lines[0][column("state")], "starting");
        assert_eq!(&lines[1][column("drowsy")], "");
        assert_eq!(&lines[1][column("at")], "0.04");
        for (name, value) in [
            ("left_eye_shut", "0.75"),
            ("left_eye_seen", "0.875"),
            ("right_eye_shut", "0.625"),
            ("right_eye_seen", "0.0625"),
            ("looking_down", "0.375"),
        ] {
            let told = [0, 1, 2].map(|line: usize| &lines[line][column(name)]);
            assert_eq!(told, [value, "", ""], "{name}");
        }
        assert_eq!(&lines[2][column("eyes_closed")], "0.5");
    }

    #[test]
    fn another_format_is_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames.xlsx");
        let error = FrameLog::create(&path).unwrap_err().to_string();
        assert!(error.contains("frames.xlsx") && error.contains(".parquet"), "{error}");
        assert!(!path.exists());
    }
}
