//! Joins the rooms with threads.

mod snapshot;

pub use snapshot::{Command, Snapshot, Stats, Summary};
