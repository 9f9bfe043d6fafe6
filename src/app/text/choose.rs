//! Words of the file chooser.

use std::{io, path::Path};

/// To the folder above.
pub(crate) const UP: &str = "Up";
/// Names the field with the path.
pub(crate) const PATH: &str = "Path";
/// Takes the path.
pub(crate) const CHOOSE: &str = "Choose";
/// Takes none.
pub(crate) const CANCEL: &str = "Cancel";
/// While a folder is read.
pub(crate) const LISTING: &str = "Reading the folder";
/// Nothing in it can be chosen.
pub(crate) const EMPTY: &str = "Nothing in this folder can be chosen. Go up, or type a path below.";

/// A folder that cannot be read.
pub(crate) fn unreadable(folder: &Path, why: &io::Error) -> String {
    format!("{} cannot be read ({why}). Go up, or type a path below.", folder.display())
}
