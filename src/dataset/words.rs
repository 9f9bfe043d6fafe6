//! The words that people use for awake and drowsy, in lists and as the names of folders.

use serde::{Deserialize, Serialize};

/// What a picture is labelled as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// Eyes open, no yawn.
    Awake,
    /// Eyes closed or yawning.
    Drowsy,
}

/// A table beside the folders that maps other names: `folder,label`.
pub(crate) const TABLE: &str = "labels.csv";
/// A word, what it says, and of eyes and mouth where it is only of these.
pub(super) type Word = (&'static str, Label, Option<bool>, Option<bool>);

const WORDS: [Word; 22] = [
    ("awake", Label::Awake, None, None),
    ("alert", Label::Awake, None, None),
    ("active", Label::Awake, None, None),
    ("normal", Label::Awake, None, None),
    ("non drowsy", Label::Awake, None, None),
    ("nondrowsy", Label::Awake, None, None),
    ("not drowsy", Label::Awake, None, None),
    ("notdrowsy", Label::Awake, None, None),
    ("open", Label::Awake, Some(false), None),
    ("open eyes", Label::Awake, Some(false), None),
    ("eyes open", Label::Awake, Some(false), None),
    ("no yawn", Label::Awake, None, Some(false)),
    ("drowsy", Label::Drowsy, None, None),
    ("asleep", Label::Drowsy, None, None),
    ("sleeping", Label::Drowsy, None, None),
    ("microsleep", Label::Drowsy, None, None),
    ("fatigue", Label::Drowsy, None, None),
    ("closed", Label::Drowsy, Some(true), None),
    ("closed eyes", Label::Drowsy, Some(true), None),
    ("eyes closed", Label::Drowsy, Some(true), None),
    ("yawn", Label::Drowsy, None, Some(true)),
    ("yawning", Label::Drowsy, None, Some(true)),
];

/// A word as it is compared: in small letters, with single blanks.
pub(super) fn plain(word: &str) -> String {
    let blank = |c: char| if "_-.".contains(c) { ' ' } else { c };
    let word: String = word.to_lowercase().chars().map(blank).collect();
    word.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The word as it is known.
pub(super) fn word(word: &str) -> Option<&'static Word> {
    let word = plain(word);
    WORDS.iter().find(|(known, ..)| *known == word)
}

/// What a word says.
pub(crate) fn label(text: &str) -> Option<Label> {
    word(text).map(|(_, label, ..)| *label)
}

/// The words that are known, for messages and documentation.
pub(crate) fn words(of: Label) -> Vec<&'static str> {
    WORDS.iter().filter(|(_, label, ..)| *label == of).map(|(word, ..)| *word).collect()
}
