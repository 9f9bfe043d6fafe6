//! What a training tells: one JSON object a line in a file, for the window and for
//! plots, and one line of text for people through the [`Control`] it is given.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use serde::Serialize;

use super::TrainError;

/// How a training is watched and stopped from outside.
pub struct Control<'a> {
    /// Set to true to end after the current step; what was learned is saved first.
    pub stop: &'a AtomicBool,
    /// Is handed one line of text at a time.
    pub say: &'a mut dyn FnMut(&str),
}

impl Control<'_> {
    /// Whether the training shall end.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A file that grows by one JSON object a line.
#[derive(Debug)]
pub struct JsonLog {
    path: PathBuf,
    file: File,
}

impl JsonLog {
    /// Opens the log; `append` keeps what an earlier part of the training wrote.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn open(path: &Path, append: bool) -> Result<Self, TrainError> {
        let mut options = OpenOptions::new();
        options.create(true).write(true).append(append).truncate(!append);
        let file = options.open(path).map_err(TrainError::io(path, "written"))?;
        Ok(Self { path: path.into(), file })
    }

    /// Writes one line.
    ///
    /// # Errors
    /// When the disk is full or the record is no JSON.
    pub fn write(&mut self, record: &impl Serialize) -> Result<(), TrainError> {
        let mut line = serde_json::to_string(record)?;
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(TrainError::io(&self.path, "written"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_log_keeps_its_beginning_and_a_new_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        JsonLog::open(&path, false).unwrap().write(&1).unwrap();
        JsonLog::open(&path, true).unwrap().write(&2).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n2\n");
        JsonLog::open(&path, false).unwrap().write(&3).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "3\n");
    }
}
