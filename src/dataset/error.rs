//! What can be wrong with a list, a picture of it or a folder of crops.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{
    manifest::Label,
    words::{TABLE, words},
};
use crate::{face::FaceError, source::SourceError};

/// Data that cannot be used.
#[derive(Debug, Error)]
pub enum DatasetError {
    /// A file or folder cannot be read or written.
    #[error("{path} cannot be {what} ({source}); check the path and its rights", path = .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried: "read", "written".
        what: &'static str,
        /// The system's own words.
        source: std::io::Error,
    },
    /// A list of blinks cannot be used.
    #[error("{path} is no list of blinks ({why}); it needs one JSON object a line with fold, subject, label (0, 5 or 10) and blinks of four numbers each", path = .path.display())]
    Blinks {
        /// The list.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// A list is not of the expected form.
    #[error("{path} is no labelled list ({why}); it needs a first line `file,label,subject`", path = .path.display())]
    Form {
        /// The list.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// A line of a list cannot be used.
    #[error("{path}, line {line}: {why}", path = .path.display())]
    Line {
        /// The list.
        path: PathBuf,
        /// Line number, from 1.
        line: u64,
        /// What is wrong and the way out.
        why: String,
    },
    /// What is annotated of a film cannot be used.
    #[error("{path}: {why}", path = .path.display())]
    Spans {
        /// The file beside the film.
        path: PathBuf,
        /// What is wrong and the way out.
        why: String,
    },
    /// A cell of a list cannot be used.
    #[error("{path}, line {line}, column {column} ({name}): {why}", path = .path.display())]
    Cell {
        /// The list.
        path: PathBuf,
        /// Line number, from 1.
        line: u64,
        /// Column number, from 1.
        column: u64,
        /// What stands above it.
        name: String,
        /// What is wrong and the way out.
        why: String,
    },
    /// A folder's folders are not called as labels.
    #[error("{path} holds no picture or recording in a folder called as a label (awake: {awake}; drowsy: {drowsy}); name the folders so, map them in a {table} with the columns folder,label, or give a list", path = .path.display(), awake = words(Label::Awake).join(", "), drowsy = words(Label::Drowsy).join(", "), table = TABLE)]
    NoLabels {
        /// The folder.
        path: PathBuf,
    },
    /// A list names a file that is not there.
    #[error("{list} names {file}, which does not exist; correct the path, or remove its line", list = .list.display(), file = .file.display())]
    Missing {
        /// The list.
        list: PathBuf,
        /// The file.
        file: PathBuf,
    },
    /// A line of a list of annotated points cannot be used.
    #[error(
        "{path}, line {line}: {why}; a line is {{\"file\": ..., \"points\": [[x, y] x 68]}}",
        path = .path.display()
    )]
    Points {
        /// The list.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// A list of faces names none.
    #[error("{path} lists no face; choose another list", path = .0.display())]
    NoFace(PathBuf),
    /// Nothing says who is in a film, so that it cannot be held out.
    #[error("{list} does not say who is in {film}; add a line {{\"file\": ..., \"person\": ...}}", list = .list.display(), film = .film.display())]
    Nobody {
        /// The list of the films.
        list: PathBuf,
        /// The film.
        film: PathBuf,
    },
    /// A folder holds no video of UTA-RLDD.
    #[error("{path} holds no video named 0, 5 or 10 ({known}), as UTA-RLDD has them under FoldN_partM/SUBJECT/; check the path", path = .path.display())]
    NoUta {
        /// The folder.
        path: PathBuf,
        /// The endings that are looked for.
        known: &'static str,
    },
    /// A folder was prepared in another way before.
    #[error("{path} was prepared with {field} = {before}, not {now}; give the same again, or choose another folder", path = .path.display())]
    Prepared {
        /// The prepared folder.
        path: PathBuf,
        /// What differs.
        field: &'static str,
        /// What it was.
        before: String,
        /// What it would be.
        now: String,
    },
    /// A setting makes no sense.
    #[error("{field} = {value} makes no sense: {why}")]
    Setting {
        /// The setting.
        field: &'static str,
        /// Its value.
        value: String,
        /// What would.
        why: &'static str,
    },
    /// The preparation was cut short by an error; what was done is kept.
    #[error(
        "{source} ({done} of {all} pictures and frames are done and kept: make room or mend it, then give the same command again)"
    )]
    Broken {
        /// What happened.
        source: Box<DatasetError>,
        /// Pictures and frames done.
        done: u64,
        /// Pictures and frames there are.
        all: u64,
    },
    /// A split fits no picture of the list.
    #[error("the split {path} names none of these pictures; was it made for another list?", path = .0.display())]
    Split(PathBuf),
    /// The list has no such fold.
    #[error("there is no fold {fold} among {count}; choose 1 to {count}")]
    Fold {
        /// The fold asked for.
        fold: u32,
        /// The folds there are.
        count: u32,
    },
    /// There is nothing in it.
    #[error("{path} lists no picture; add lines `file,label,subject`, or choose another", path = .0.display())]
    Empty(PathBuf),
    /// A folder holds none of the collections.
    #[error("{path} holds none of the research collections ({known}); check the path", path = .path.display())]
    NoCollection {
        /// The folder.
        path: PathBuf,
        /// The collections there are.
        known: String,
    },
    /// A crop of a prepared folder is not one.
    #[error("the crop {path} cannot be used ({why}); prepare the folder again", path = .path.display())]
    Crop {
        /// The crop.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A picture or film cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The face network cannot be loaded or run.
    #[error(transparent)]
    Face(#[from] FaceError),
}

impl DatasetError {
    /// For `map_err`: names what was done to which path.
    pub(crate) fn io(path: &Path, what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, what, source }
    }
}
