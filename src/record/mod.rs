//! Writes what was judged: events as JSON lines ([`EventLog`]), and every frame's
//! measurements as CSV or Parquet ([`FrameLog`]). Numbers and words only, never a picture.
//! Each line is handed to the system whole before the next is made, so that a program that
//! is killed loses at most its last line; Parquet can only be had whole. On Unix the files are readable by the user alone.

mod events;
mod frames;
pub mod parquet;

pub use events::{Entry, Event, EventLog, Noted, SessionSummary};
pub use frames::{FrameLog, FrameRow};

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use thiserror::Error;

/// A log that cannot be written.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The file cannot be created or opened.
    #[error("{path} cannot be written ({why}); choose another place", path = .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        why: io::Error,
    },
    /// A line cannot be written.
    #[error(
        "{path} cannot be written any more ({why}); free some space or choose another place",
        path = .path.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        why: io::Error,
    },
    /// A format that is not written.
    #[error("{path}: frames are written as CSV or Parquet; choose a name that ends in .csv or .parquet", path = .0.display())]
    Format(PathBuf),
    /// The disk is slower than what is judged, or does not answer.
    #[error("the logs' disk is too slow, {0} lines are missing; write them to another")]
    Behind(u64),
}

impl RecordError {
    /// The file, where it is one file's.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Open { path, .. } | Self::Write { path, .. } | Self::Format(path) => Some(path),
            Self::Behind(_) => None,
        }
    }
}

/// A file that lines are appended to.
#[derive(Debug)]
struct LineFile {
    path: PathBuf,
    file: File,
}

impl LineFile {
    /// Opens a file for its user alone; keeps what is in it, or starts it empty.
    fn open(path: &Path, keep: bool) -> Result<Self, RecordError> {
        let mut options = OpenOptions::new();
        options.create(true).read(true);
        // Appending goes to the end whatever else writes there.
        if keep {
            options.append(true)
        } else {
            options.write(true).truncate(true)
        };
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let open = || {
            let mut file = options.open(path)?;
            if keep && ends_torn(&mut file)? {
                file.write_all(b"\n")?;
            }
            Ok(file)
        };
        match open() {
            Ok(file) => Ok(Self { path: path.into(), file }),
            Err(why) => Err(RecordError::Open { path: path.into(), why }),
        }
    }

    /// Appends a line, which ends in a line feed, in one call.
    fn append(&mut self, line: &[u8]) -> Result<(), RecordError> {
        let written = self.file.write_all(line);
        written.map_err(|why| RecordError::Write { path: self.path.clone(), why })
    }
}

/// Whether the last line of an earlier run was cut off.
fn ends_torn(file: &mut File) -> io::Result<bool> {
    // A pipe or a terminal has no end to look at.
    if !file.metadata()?.is_file() || file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}
