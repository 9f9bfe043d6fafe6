//! Pictures of every screen in both themes and two sizes, compared with those that were
//! looked at and approved (`tests/snapshots`). `UPDATE_SNAPSHOTS=1 cargo test pictures`
//! makes them anew after a change that is meant; look at them then.

use egui_kittest::{SnapshotOptions, SnapshotResults};

use super::screens::{LOOKS, on};
use super::setup;
use super::{judged, text};
use crate::{
    app::{actions::Tab, setup::Step},
    monitor::{Level, State},
};

#[test]
fn every_screen_looks_as_it_was_approved() {
    // Glyphs differ by a shade from one processor's arithmetic to another's.
    let options = SnapshotOptions::new().threshold(1.0).max_failed_pixels(10);
    let mut results = SnapshotResults::new();
    for (light, size) in LOOKS {
        for &tab in Tab::ALL {
            let (mut harness, _) = on(tab, judged(State::Tiring, Level::Advisory), light, size);
            let theme = if light { "light" } else { "dark" };
            let name = format!("{}-{theme}-{}", text::tab(tab).to_lowercase(), size[0]);
            results.add(harness.try_snapshot_options(name, &options));
        }
    }
}

#[test]
fn every_page_of_the_set_up_looks_as_it_was_approved() {
    let options = SnapshotOptions::new().threshold(1.0).max_failed_pixels(10);
    let mut results = SnapshotResults::new();
    for (light, size) in LOOKS {
        for step in Step::ALL {
            let mut harness = setup::page(step, light, size);
            let theme = if light { "light" } else { "dark" };
            let page = format!("{step:?}").to_lowercase();
            let name = format!("setup-{page}-{theme}-{}", size[0]);
            results.add(harness.try_snapshot_options(name, &options));
        }
    }
}
