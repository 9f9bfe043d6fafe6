//! Joins the rooms with threads and publishes what the window draws.

mod snapshot;

pub use snapshot::{Command, Snapshot, Stats, Summary};
