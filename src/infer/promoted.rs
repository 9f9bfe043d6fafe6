//! Models of the user's own: `wakewatch export --promote` puts one into a folder of the
//! user's data, where it is preferred to the one built into the program. The one before
//! is kept beside it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use directories::BaseDirs;
use thiserror::Error;

use crate::vit::ModelKind;

/// Environment variable that names another folder for the user's models.
pub const FOLDER_VARIABLE: &str = "WAKEWATCH_MODELS";

/// A file so old is not being written any more.
const LEFT: std::time::Duration = std::time::Duration::from_secs(60);

/// A model that cannot be put in place.
#[derive(Debug, Error)]
pub enum PromoteError {
    /// The system says of no folder that it is for data.
    #[error("there is no folder for data of this user; name one with {FOLDER_VARIABLE}")]
    NoFolder,
    /// The folder cannot be written.
    #[error("the model cannot be put into {path} ({source}); check the folder and its rights", path = .path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
}

/// What was put in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    /// The model that is used from now on.
    pub path: PathBuf,
    /// Where the one before is kept, if there was one.
    pub previous: Option<PathBuf>,
}

/// The folder of the user's models.
pub fn folder() -> Option<PathBuf> {
    match std::env::var_os(FOLDER_VARIABLE) {
        Some(folder) if !folder.is_empty() => Some(folder.into()),
        _ => Some(BaseDirs::new()?.data_dir().join("wakewatch").join("models")),
    }
}

fn file(folder: &Path, kind: ModelKind) -> PathBuf {
    folder.join(format!("{kind}.onnx"))
}

/// The user's own model of a kind, if there is one.
pub fn promoted(kind: ModelKind) -> Option<PathBuf> {
    folder().map(|folder| file(&folder, kind)).filter(|path| path.exists())
}

/// Puts a model in place, whole or not at all, and keeps the one before as
/// `KIND.previous.onnx`.
///
/// # Errors
/// When there is no folder for it, or it cannot be written.
pub fn promote(kind: ModelKind, bytes: &[u8]) -> Result<Promotion, PromoteError> {
    promote_into(&folder().ok_or(PromoteError::NoFolder)?, kind, bytes)
}

fn promote_into(folder: &Path, kind: ModelKind, bytes: &[u8]) -> Result<Promotion, PromoteError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| PromoteError::Io { path, source }
    };
    crate::os::private_folder(folder).map_err(failed(folder))?;
    clear_leftovers(folder);
    let path = file(folder, kind);
    let previous = folder.join(format!("{kind}.previous.onnx"));
    // A copy, not a move: there is a model in place at every moment.
    let before = match fs::read(&path) {
        Ok(before) => Some(before),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(&path)(error)),
    };
    if let Some(before) = &before {
        crate::os::write_whole(&previous, before).map_err(failed(&previous))?;
    }
    crate::os::write_whole(&path, bytes).map_err(failed(&path))?;
    Ok(Promotion { path, previous: before.map(|_| previous) })
}

/// Removes what a program that was killed while it promoted has left; its files are as
/// large as models.
fn clear_leftovers(folder: &Path) {
    let is_old = |entry: &fs::DirEntry| {
        let modified = entry.metadata().and_then(|data| data.modified());
        modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > LEFT))
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let unfinished = entry.file_name().as_encoded_bytes().starts_with(b".tmp");
        if unfinished && is_old(&entry) {
            // Another time, if it cannot be done now.
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_before_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("models");
        let first = promote_into(&folder, ModelKind::Drowsiness, b"one").unwrap();
        assert_eq!(first.previous, None);
        let second = promote_into(&folder, ModelKind::Drowsiness, b"two").unwrap();
        assert_eq!(fs::read(&second.path).unwrap(), b"two");
        assert_eq!(fs::read(second.previous.unwrap()).unwrap(), b"one");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "nothing else is left behind");
        let taken = folder.join("drowsiness.onnx").join("below");
        let error = promote_into(&taken, ModelKind::Mae, b"x").unwrap_err().to_string();
        assert!(error.contains("below"), "{error}");
    }
}
