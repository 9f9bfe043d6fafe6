//! Draws a labelled set of pictures of the demo's drivers into a folder: eyes open is
//! awake, eyes shut is drowsy. Something to measure on that shows nobody, and settings to
//! train with on what `wakewatch prepare` makes of it.

use std::{fs, path::PathBuf};

use anyhow::Context;
use wakewatch::source::{
    OpenOptions, Source,
    demo::{self, Demo},
};

/// Frames of the scenario "asleep": the eyes are shut from second 10 to 15.
const FRAMES: [(u64, &str); 6] = [
    (30, "awake"),
    (120, "awake"),
    (200, "awake"),
    (330, "drowsy"),
    (380, "drowsy"),
    (430, "drowsy"),
];

fn main() -> anyhow::Result<()> {
    let folder: PathBuf = std::env::args_os().nth(1).context("name a folder")?.into();
    fs::create_dir_all(&folder)?;
    let mut lines = String::from("file,label,subject,collection\n");
    for driver in 0..demo::DRIVERS_KNOWN {
        let light = if driver % 2 == 0 { "day" } else { "dusk" };
        let mut source = Demo::open(&format!("asleep@{driver}"), &OpenOptions::default())?;
        for (index, label) in FRAMES {
            source.skip_to(index);
            let frame = source.next_frame()?.context("the scenario is too short")?;
            let name = format!("driver-{driver}-{index}.png");
            frame.image.save(folder.join(&name))?;
            lines.push_str(&format!("{name},{label},driver {driver},{light}\n"));
        }
    }
    fs::write(folder.join("list.csv"), lines)?;
    let [crops, out] = ["crops", "mae"].map(|name| folder.join(name));
    let settings = format!(
        "# A short pretraining on drawn drivers.\n\
         crops = {crops:?}\nout = {out:?}\n\n\
         [training]\nsteps = 600\nbatch = 32\nvalidate_every = 50\n\n\
         [hold_out]\nshare = 0.25\n"
    );
    fs::write(folder.join("pretrain.toml"), settings)?;
    Ok(())
}
