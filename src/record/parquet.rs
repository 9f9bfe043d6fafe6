//! The frame log as Parquet, which DuckDB, Polars and pandas open as it is: a row for
//! every judged frame, the columns of [`COLUMNS`], compressed with Snappy, row groups of
//! [`ROWS`]. What each column means, with its unit, stands in the file's own metadata
//! under the key `columns`, as JSON.
//!
//! Unlike lines, a Parquet file can only be read once it is closed: of a program that is
//! killed nothing is left but the name with `.part`.

use std::{
    fs::{self, File},
    io::{self, BufWriter},
    path::{Path, PathBuf},
    sync::Arc,
};

use parquet::{
    basic::Compression,
    data_type::{ByteArray, ByteArrayType, DoubleType, FloatType, Int64Type},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::parser::parse_message_type,
};

use super::{FrameRow, RecordError};

/// Frames in a row group: about nine minutes of video, 1.5 MB in memory.
pub const ROWS: usize = 16_384;

/// A column of the frame log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type in Parquet; `optional` = empty where there is no face.
    pub form: &'static str,
    /// The unit of its values.
    pub unit: &'static str,
    /// What they mean.
    pub meaning: &'static str,
}

const fn column(
    name: &'static str,
    form: &'static str,
    unit: &'static str,
    meaning: &'static str,
) -> Column {
    Column { name, form, unit, meaning }
}

const F32: &str = "optional float";
const TEXT: &str = "binary (STRING)";

/// The columns, in the order of the file; those of the CSV are the same.
pub const COLUMNS: [Column; 23] = [
    column("frame", "required int64", "1", "index of the frame, from 0"),
    column("at", "required double", "s", "media time"),
    column("face_x", F32, "px", "box around the landmarks: left edge"),
    column("face_y", F32, "px", "its top edge"),
    column("face_width", F32, "px", "its width"),
    column("face_height", F32, "px", "its height"),
    column("confidence", F32, "0..1", "the landmark network's confidence in the face"),
    column("drowsy", F32, "0..1", "probability of drowsy in this frame"),
    column("eyes_closed", F32, "0..1", "probability that the eyes are closed"),
    column("yawn", F32, "0..1", "probability of a yawn"),
    column("left_eye_shut", F32, "0..1", "the eye on the picture's left: shut, by its patch"),
    column("left_eye_seen", F32, "0..1", "the same eye: can be seen at all"),
    column("right_eye_shut", F32, "0..1", "the eye on the picture's right: shut, by its patch"),
    column("right_eye_seen", F32, "0..1", "the same eye: can be seen at all"),
    column("looking_down", F32, "0..1", "probability that the driver looks down"),
    column("eye_aspect_left", F32, "1", "eye aspect ratio, height over width, left of the picture"),
    column("eye_aspect_right", F32, "1", "the same, right of the picture"),
    column("mouth_aspect", F32, "1", "mouth aspect ratio, height over width"),
    column("unreadable", "optional", "word", "why the eyes cannot be read, empty where they can"),
    column("state", "required", "word", "the state judged"),
    column("level", "required", "word", "its level: none, advisory, warning, critical"),
    column("drowsy_smoothed", F32, "0..1", "probability of drowsy, smoothed over time"),
    column("eyes_closed_s", "required float", "s", "how long the eyes have been closed"),
];

/// The schema in Parquet's own language.
fn schema() -> String {
    let fields = COLUMNS.iter().map(|Column { name, form, .. }| match form.split_once(' ') {
        Some(_) => format!("  {form} {name};\n"),
        None => {
            let (kind, logical) = TEXT.split_once(' ').unwrap_or((TEXT, ""));
            format!("  {form} {kind} {name} {logical};\n")
        }
    });
    format!("message frames {{\n{}}}", fields.collect::<String>())
}

/// What the file says of itself.
fn about() -> Vec<KeyValue> {
    let columns: serde_json::Map<_, _> = COLUMNS
        .iter()
        .map(|c| {
            let value = serde_json::json!({ "unit": c.unit, "meaning": c.meaning });
            (c.name.to_owned(), value)
        })
        .collect();
    vec![
        KeyValue::new("writer".into(), format!("wakewatch {}", env!("CARGO_PKG_VERSION"))),
        KeyValue::new("columns".into(), serde_json::Value::Object(columns).to_string()),
    ]
}

/// Writes frames to a Parquet file; an existing one is replaced when it is finished.
pub(super) struct ParquetLog {
    path: PathBuf,
    part: PathBuf,
    /// `None` once finished or failed.
    writer: Option<SerializedFileWriter<BufWriter<File>>>,
    rows: Vec<FrameRow>,
}

impl std::fmt::Debug for ParquetLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetLog").field("path", &self.path).finish_non_exhaustive()
    }
}

impl ParquetLog {
    pub(super) fn create(path: &Path) -> Result<Self, RecordError> {
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(".part");
        let part = path.with_file_name(name);
        let open = || {
            let mut options = fs::OpenOptions::new();
            options.create(true).write(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(&part)?;
            let schema = parse_message_type(&schema()).map_err(io::Error::other)?;
            let properties = WriterProperties::builder()
                .set_compression(Compression::SNAPPY)
                .set_key_value_metadata(Some(about()))
                .set_created_by(concat!("wakewatch ", env!("CARGO_PKG_VERSION")).into())
                .build();
            SerializedFileWriter::new(BufWriter::new(file), Arc::new(schema), Arc::new(properties))
                .map_err(io::Error::other)
        };
        let writer = open().map_err(|why| RecordError::Open { path: path.into(), why })?;
        Ok(Self { path: path.into(), part, writer: Some(writer), rows: Vec::new() })
    }

    pub(super) fn write(&mut self, row: &FrameRow) -> Result<(), RecordError> {
        self.rows.push(row.clone());
        if self.rows.len() < ROWS {
            return Ok(());
        }
        self.flush().map_err(|why| self.failed(io::Error::other(why)))
    }

    fn failed(&self, why: io::Error) -> RecordError {
        RecordError::Write { path: self.path.clone(), why }
    }

    /// Hands what has gathered to the file as a row group.
    fn flush(&mut self) -> Result<(), ParquetError> {
        let rows = std::mem::take(&mut self.rows);
        let Some(writer) = self.writer.as_mut().filter(|_| !rows.is_empty()) else {
            return Ok(());
        };
        let mut group = writer.next_row_group()?;
        let mut at = 0;
        while let Some(column) = group.next_column()? {
            write_column(column, at, &rows)?;
            at += 1;
        }
        group.close()?;
        Ok(())
    }

    /// Writes what is left and gives the file its name. Later calls do nothing.
    pub(super) fn finish(&mut self) -> Result<(), RecordError> {
        if self.writer.is_none() {
            return Ok(());
        }
        let flushed = self.flush();
        let closed = flushed.and_then(|()| self.writer.take().map(|w| w.close()).transpose());
        self.writer = None;
        closed.map_err(|why| self.failed(io::Error::other(why)))?;
        fs::rename(&self.part, &self.path).map_err(|why| self.failed(why))
    }
}

impl Drop for ParquetLog {
    fn drop(&mut self) {
        if let Err(why) = self.finish() {
            tracing::error!("{why}");
        }
    }
}

fn write_column(
    mut column: SerializedColumnWriter<'_>,
    at: usize,
    rows: &[FrameRow],
) -> Result<(), ParquetError> {
    /// Values that are there, and for each row whether it has one.
    fn split<T>(values: impl Iterator<Item = Option<T>>) -> (Vec<T>, Vec<i16>) {
        let (mut there, mut levels) = (Vec::new(), Vec::new());
        for value in values {
            levels.push(i16::from(value.is_some()));
            there.extend(value);
        }
        (there, levels)
    }
    let mut optional = |value: &dyn Fn(&FrameRow) -> Option<f32>| {
        let (values, levels) = split(rows.iter().map(value));
        column.typed::<FloatType>().write_batch(&values, Some(&levels), None)
    };
    match COLUMNS[at].name {
        "frame" => {
            let values: Vec<i64> = rows.iter().map(|row| row.frame as i64).collect();
            column.typed::<Int64Type>().write_batch(&values, None, None)
        }
        "at" => {
            let values: Vec<f64> = rows.iter().map(|row| row.at).collect();
            column.typed::<DoubleType>().write_batch(&values, None, None)
        }
        "eyes_closed_s" => {
            let values: Vec<f32> = rows.iter().map(|row| row.eyes_closed_s).collect();
            column.typed::<FloatType>().write_batch(&values, None, None)
        }
        "state" => {
            let values: Vec<ByteArray> = rows.iter().map(|row| word(&row.state)).collect();
            column.typed::<ByteArrayType>().write_batch(&values, None, None)
        }
        "level" => {
            let values: Vec<ByteArray> = rows.iter().map(|row| word(&row.level)).collect();
            column.typed::<ByteArrayType>().write_batch(&values, None, None)
        }
        "unreadable" => {
            let (values, levels) = split(rows.iter().map(|row| row.unreadable.as_ref().map(word)));
            column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)
        }
        "face_x" => optional(&|row| row.face_x),
        "face_y" => optional(&|row| row.face_y),
        "face_width" => optional(&|row| row.face_width),
        "face_height" => optional(&|row| row.face_height),
        "confidence" => optional(&|row| row.confidence),
        "drowsy" => optional(&|row| row.drowsy),
        "eyes_closed" => optional(&|row| row.eyes_closed),
        "yawn" => optional(&|row| row.yawn),
        "left_eye_shut" => optional(&|row| row.left_eye_shut),
        "left_eye_seen" => optional(&|row| row.left_eye_seen),
        "right_eye_shut" => optional(&|row| row.right_eye_shut),
        "right_eye_seen" => optional(&|row| row.right_eye_seen),
        "looking_down" => optional(&|row| row.looking_down),
        "eye_aspect_left" => optional(&|row| row.eye_aspect_left),
        "eye_aspect_right" => optional(&|row| row.eye_aspect_right),
        "mouth_aspect" => optional(&|row| row.mouth_aspect),
        "drowsy_smoothed" => optional(&|row| row.drowsy_smoothed),
        other => Err(ParquetError::General(format!("the column {other} has no values"))),
    }?;
    column.close()
}

/// The word that serde writes for a value without fields.
fn word(value: &impl serde::Serialize) -> ByteArray {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word.into_bytes().into(),
        _ => Vec::new().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        monitor::FaceSigns,
        record::frames::tests::{read_as, row},
    };
    use parquet::{
        file::reader::{FileReader, SerializedFileReader},
        record::Field,
    };

    #[test]
    fn a_file_gives_back_every_frame_and_says_what_its_columns_mean() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.parquet");
        let frames = ROWS as u64 + 4;
        let mut log = ParquetLog::create(&path).unwrap();
        for index in 0..frames - 1 {
            log.write(&row(index, index % 2 == 0)).unwrap();
        }
        // Of a classifier without heads on the eyes.
        log.write(&read_as(frames - 1, Some(FaceSigns::default()))).unwrap();
        assert!(!path.exists(), "it is not there before it can be read");
        log.finish().unwrap();
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.metadata().file_metadata().num_rows() as u64, frames);
        let about = reader.metadata().file_metadata().key_value_metadata().unwrap();
        let columns = about.iter().find(|kv| kv.key == "columns").unwrap().value.clone().unwrap();
        let columns: serde_json::Value = serde_json::from_str(&columns).unwrap();
        assert_eq!(
            (&columns["at"]["unit"], &columns["face_x"]["unit"]),
            (&"s".into(), &"px".into())
        );
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        let field = |row: usize, name: &str| {
            let mut columns = rows[row].get_column_iter();
            columns.find(|(column, _)| *column == name).unwrap().1.clone()
        };
        assert_eq!(field(2, "at"), Field::Double(0.08));
        assert_eq!(field(2, "drowsy"), Field::Float(0.25));
        assert_eq!(field(2, "unreadable"), Field::Str("turned".into()));
        assert_eq!(field(3, "drowsy"), Field::Null);
        for (name, value) in [
            ("left_eye_shut", 0.75),
            ("left_eye_seen", 0.875),
            ("right_eye_shut", 0.625),
            ("right_eye_seen", 0.0625),
            ("looking_down", 0.375),
        ] {
            assert_eq!(field(2, name), Field::Float(value), "{name}");
            assert_eq!(field(3, name), Field::Null, "{name}");
            assert_eq!(field(frames as usize - 1, name), Field::Null, "{name}");
        }
        assert_eq!(field(frames as usize - 1, "yawn"), Field::Float(0.0));
        assert_eq!(field(3, "state"), Field::Str("starting".into()));
        assert_eq!(field(frames as usize - 1, "frame"), Field::Long(frames as i64 - 1));
    }

    #[test]
    fn the_columns_are_those_of_the_csv() {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.serialize(row(0, true)).unwrap();
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
        assert_eq!(header, COLUMNS.map(|column| column.name));
    }

    #[test]
    fn a_log_that_is_dropped_is_whole_and_an_empty_one_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.parquet");
        drop(ParquetLog::create(&path).unwrap());
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
