//! What is to be told of a source beside its frames.

use serde::{Deserialize, Serialize};

/// Something that is told of a source, in the result and on the screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What kind.
    pub kind: NoteKind,
    /// One sentence.
    pub text: String,
}

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// Its time stamps jump although it goes on: parts were joined.
    Joined,
    /// Its picture begins later than its sound.
    Late,
    /// It has no time stamps: at which rate its frames were counted.
    Rate,
    /// It holds several video streams.
    Streams,
    /// Another of its video streams shows a face, the one that was watched does not.
    OtherStream,
    /// Parts of it are damaged and were stepped over.
    Damaged,
    /// A file was not used.
    LeftOut,
    /// A file was to be used and cannot be read.
    Unreadable,
}

impl NoteKind {
    /// Whether something that was asked for is missing from the result.
    pub fn is_problem(self) -> bool {
        matches!(self, Self::LeftOut | Self::Unreadable)
    }
}

impl Note {
    pub(crate) fn new(kind: NoteKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}
