//! A training, begun and watched to its end on its screen.

use std::{fmt::Write as _, path::Path};

use eframe::egui::{Role, accesskit::Toggled};
use egui_kittest::kittest::{NodeT, Queryable};
use image::{Rgb, RgbImage};

use super::screens::{Hands, on, steps_until};
use super::{judged, text::training as words};
use crate::{
    app::actions::Tab,
    monitor::{Level, State},
    train::job::What,
};

/// Crops of six people that show nobody: two colours each, side by side.
fn crops(folder: &Path) -> String {
    let mut list = String::from("file,label,subject\n");
    for person in 0..6_u8 {
        for (label, left) in [("awake", 200), ("drowsy", 60)] {
            let image = RgbImage::from_fn(96, 96, |x, y| {
                let shade = if x < 48 { left } else { 255 - left };
                Rgb([shade, 30 * person + (y % 8) as u8, 90])
            });
            let name = format!("{person}-{label}.png");
            image.save(folder.join(&name)).unwrap();
            writeln!(list, "{name},{label},p{person}").unwrap();
        }
    }
    std::fs::write(folder.join("index.csv"), list).unwrap();
    format!(
        "crops = {folder:?}\nout = {:?}\n[training]\nsteps = 6\nbatch = 4\nvalidate_every = 2\n\
         threads = 1\n[hold_out]\nshare = 0.34\n",
        folder.join("run"),
    )
}

fn at_training() -> Hands {
    on(Tab::Training, judged(State::Awake, Level::None), false, [1600.0, 1000.0]).0
}

/// Settings put into the field, and Start.
fn start(harness: &mut Hands, settings: &str) {
    harness.state_mut().as_mut().unwrap().screen.training.settings = settings.into();
    harness.run_steps(2);
    harness.get_by_label(words::START).click();
    harness.run_steps(3);
}

#[test]
fn a_training_is_watched_to_its_figures_curves_and_picture() {
    let folder = tempfile::tempdir().unwrap();
    let settings = crops(folder.path());
    let mut harness = at_training();
    start(&mut harness, &settings);
    steps_until(&mut harness, 240, |harness| {
        harness.query_by_label_contains("It is over.").is_some()
    });
    harness.get_by_label_contains("validation mse");
    assert!(harness.query_all_by_label_contains("step 6 of 6").next().is_some());
    harness.get_by_role_and_label(Role::Image, words::panel(0));
    harness.get_by_role_and_label(Role::Image, words::PICTURE);
    assert!(folder.path().join("run").join("best").is_dir());

    // The folder is taken now, and that is said instead of losing what it holds.
    start(&mut harness, &settings);
    steps_until(&mut harness, 60, |harness| {
        harness.query_by_label_contains("holds a training already").is_some()
    });
}

#[test]
fn settings_that_cannot_be_used_are_said_and_nothing_begins() {
    let mut harness = at_training();
    start(&mut harness, "crops = 3");
    harness.get_by_label_contains("The settings cannot be used");
    harness.get_by_label(words::NOTHING);
}

#[test]
fn a_file_of_settings_says_itself_which_training_it_is_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    // Only fine-tuning knows shares of what is drowsy.
    let settings = "crops = \"is/nowhere\"\nout = \"run\"\n[drowsy_shares]\nmine = 1.0\n";
    std::fs::write(&file, settings).unwrap();
    let mut harness = at_training();
    let ctx = harness.ctx.clone();
    harness.state_mut().as_mut().unwrap().screen.training.begin(&ctx, file);
    let chosen = words::what(What::Finetune);
    steps_until(&mut harness, 60, |harness| {
        let radio = harness.get_by_role_and_label(Role::RadioButton, chosen);
        radio.accesskit_node().toggled() == Some(Toggled::True)
    });
    // It was begun, and says what is missing.
    steps_until(&mut harness, 60, |harness| harness.query_by_label_contains("nowhere").is_some());
}
