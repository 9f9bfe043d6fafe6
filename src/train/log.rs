//! What a training tells: one JSON object a line in a file, for the window and for
//! plots, and one line of text for people through the [`Control`] it is given.

use std::{
    fs::{self, File, OpenOptions},
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
    /// Is told of every step, for a progress bar.
    pub step: &'a mut dyn FnMut(&Step),
}

/// A step of a training that is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Steps done.
    pub step: usize,
    /// Steps of the whole training.
    pub steps: usize,
    /// The loss of this step.
    pub loss: f64,
    /// Crops a second since the last line of the log.
    pub crops_per_s: f64,
}

impl Control<'_> {
    /// Whether the training shall end.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A file that grows by one JSON object a line.
#[derive(Debug)]
pub(crate) struct JsonLog {
    path: PathBuf,
    file: File,
}

impl JsonLog {
    /// Begins a log.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn create(path: &Path) -> Result<Self, TrainError> {
        let file = File::create(path).map_err(TrainError::io(path, "written"))?;
        Ok(Self { path: path.into(), file })
    }

    /// Goes on with a log. Lines after `step`, which the training goes on from, and a torn
    /// last line are from a part that was lost; they are removed.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub(crate) fn resume(path: &Path, step: usize) -> Result<Self, TrainError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(TrainError::io(path, "read")(error)),
        };
        let kept = text.lines().filter(|line| {
            let line: Option<serde_json::Value> = serde_json::from_str(line).ok();
            let at = line.as_ref().and_then(|line| line.get("step")?.as_u64());
            line.is_some() && at.is_none_or(|at| at <= step as u64)
        });
        let kept: String = kept.flat_map(|line| [line, "\n"]).collect();
        super::record::write_whole(path, kept.as_bytes())?;
        Self::open(path, true)
    }

    /// Opens the log; `append` keeps what an earlier part of the training wrote.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn open(path: &Path, append: bool) -> Result<Self, TrainError> {
        let mut options = OpenOptions::new();
        options.create(true).write(true).append(append).truncate(!append);
        let file = options.open(path).map_err(TrainError::io(path, "written"))?;
        Ok(Self { path: path.into(), file })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes one line.
    ///
    /// # Errors
    /// When the disk is full or the record is no JSON.
    pub(crate) fn write(&mut self, record: &impl Serialize) -> Result<(), TrainError> {
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

    #[test]
    fn lines_of_a_part_that_was_lost_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        fs::write(&path, "{\"step\":5}\n{\"step\":10}\n{\"step\":15}\n{\"st").unwrap();
        JsonLog::resume(&path, 10).unwrap().write(&serde_json::json!({"step": 12})).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\"step\":5}\n{\"step\":10}\n{\"step\":12}\n");
    }
}
