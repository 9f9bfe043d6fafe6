//! Words of the road-safety tests on the metrics screen.

use std::path::Path;

use crate::protocol::Total;

/// Heading.
pub(crate) const TITLE: &str = "Road-safety tests";
/// What they are.
pub(crate) const SAYS: &str = "A drawn driver sleeps, looks away, yawns: is it told in time?";
/// Names the choice of the requirement.
pub(crate) const WHICH: &str = "Tests to play";
/// Every test.
pub(crate) const ALL: &str = "All (several minutes)";
/// Begins.
pub(crate) const PLAY: &str = "Play the tests";
/// Gives up.
pub(crate) const CANCEL: &str = "Cancel the tests";
/// Were given up.
pub(crate) const CANCELLED: &str = "The tests were cancelled.";
/// While they run.
pub(crate) const RUNNING: &str = "Playing the tests";
/// Writes the page and opens it.
pub(crate) const OPEN: &str = "Save the page and open it";
/// Below it.
pub(crate) const OPEN_SAYS: &str =
    "Every answer beside its window, and pictures of the worst tests; all of them drawn.";
/// Heading of what came of them.
pub(crate) const CAME: &str = "What came of the tests";
/// Heading of the table by requirement.
pub(crate) const BY_REQUIREMENT: &str = "By requirement";
/// Its columns, after the requirement.
pub(crate) const COLUMNS: [&str; 4] = ["tests", "right", "told as unreadable", "failed"];
/// Heading of what failed.
pub(crate) const FAILED: &str = "What failed";
/// Nothing did.
pub(crate) const NONE_FAILED: &str = "No test failed.";
/// Behind a test that is not promised.
pub(crate) const NOT_PROMISED: &str = "not promised";

/// How far it is.
pub(crate) fn progress(done: u64, of: u64) -> String {
    match of {
        0 => "The models are being loaded".into(),
        _ => format!("{done} of {of} seconds of driving"),
    }
}

/// What everything comes to.
pub(crate) fn total(total: &Total) -> String {
    let Total { cells, right, unreadable, failed, promises_broken, .. } = *total;
    format!(
        "{cells} tests: {right} right, {unreadable} told as unreadable, {failed} failed, \
         {promises_broken} of them promised"
    )
}

/// The page was written and handed to the desktop.
pub(crate) fn opened(page: &Path) -> String {
    format!("The page is {}.", page.display())
}
