//! The frame log: a CSV line for every judged frame.

use std::path::Path;

use serde::Serialize;

use super::{LineFile, RecordError};
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

/// Writes frames to a CSV file; an existing one is replaced.
#[derive(Debug)]
pub struct FrameLog {
    file: LineFile,
    with_header: bool,
}

impl FrameLog {
    /// Creates a log.
    ///
    /// # Errors
    /// When the name does not end in `.csv` or the file cannot be created.
    pub fn create(path: &Path) -> Result<Self, RecordError> {
        if !path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("csv")) {
            return Err(RecordError::Format(path.into()));
        }
        Ok(Self { file: LineFile::open(path, false)?, with_header: true })
    }

    /// Writes a frame.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn write(&mut self, row: &FrameRow) -> Result<(), RecordError> {
        // The writer only formats a line in memory; the header precedes the first.
        let mut builder = csv::WriterBuilder::new();
        let mut writer = builder.has_headers(self.with_header).from_writer(Vec::new());
        let line = writer
            .serialize(row)
            .map_err(std::io::Error::other)
            .and_then(|()| {
                writer.into_inner().map_err(|error| std::io::Error::other(error.to_string()))
            })
            .map_err(|why| RecordError::Write { path: self.file.path.clone(), why })?;
        self.file.append(&line)?;
        self.with_header = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::FaceSigns;
    use std::{sync::Arc, time::Duration};

    fn row(index: u64, face: bool) -> FrameRow {
        let at = Duration::from_millis(40 * index);
        let frame = Frame { image: Arc::default(), at, index };
        let signs = FaceSigns {
            drowsy: 0.25,
            eyes_closed: 0.5,
            yawn: 0.125,
            eye_aspect: [0.25, 0.5],
            mouth_aspect: 0.75,
            pose: None,
            unreadable: Some(Unreadable::Turned),
        };
        let seen = Observation { at, face: face.then_some(signs) };
        FrameRow::new(&frame, None, &seen, &Judgement::default())
    }

    #[test]
    fn every_frame_is_a_line_under_one_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames.csv");
        let mut log = FrameLog::create(&path).unwrap();
        log.write(&row(0, true)).unwrap();
        log.write(&row(1, false)).unwrap();
        let mut reader = csv::Reader::from_path(&path).unwrap();
        let header = reader.headers().unwrap().clone();
        let column = |name| header.iter().position(|h| h == name).unwrap();
        let lines: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(&lines[0][column("drowsy")], "0.25");
        assert_eq!(&lines[0][column("unreadable")], "turned");
        assert_eq!(&lines[0][column("state")], "starting");
        assert_eq!(&lines[1][column("drowsy")], "");
        assert_eq!(&lines[1][column("at")], "0.04");
    }

    #[test]
    fn another_format_is_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames.parquet");
        let error = FrameLog::create(&path).unwrap_err().to_string();
        assert!(error.contains("frames.parquet") && error.contains(".csv"), "{error}");
        assert!(!path.exists());
    }
}
