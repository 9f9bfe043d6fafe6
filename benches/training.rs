//! How fast the offline mode learns here: crops a second of the whole loop (drawing and
//! changing crops, forward, backward, optimizer, average) at the two shapes that the project
//! compares by, 72x72 in batches of 64: 8-pixel patches (81), width 192, depth 6; and the
//! preset of nine patches with a convolutional stem. The plain loop, one replica, is measured
//! in the same minute, so that the ratio holds on a machine that others use, too.
//!
//! `cargo bench --bench training`; `-- --steps N` for more or fewer steps.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints and may end early")]

use std::{collections::BTreeMap, fs, path::Path, sync::atomic::AtomicBool};

use burn::tensor::Device;
use image::{Rgb, RgbImage};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wakewatch::{
    dataset::{
        crops::INDEX,
        manifest::{Item, Label, Manifest},
    },
    train::{
        Control,
        finetune::{self, FinetuneConfig},
        pretrain::{self, PretrainConfig},
    },
};

/// The shapes: name, settings of the network, share of the patches that pretraining hides, and
/// what pretraining and fine-tuning must reach on two idle cores, crops a second.
const SHAPES: [(&str, &str, f64, [Option<f64>; 2]); 2] = [
    (
        "patches of 8 px (81), width 192, depth 6",
        "patch_px = 8\nembedding = 'linear'\ndim = 192\ndepth = 6\nheads = 3\nmlp_dim = 768\n\
         q_mask = 'none'\ndecoder_dim = 128\ndecoder_depth = 2\ndecoder_heads = 4",
        0.75,
        [Some(85.0), Some(36.0)],
    ),
    ("patches of 24 px (9), stem, width 128, depth 4", "preset = 'stem'", 0.5, [None; 2]),
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let steps = arguments
        .iter()
        .position(|argument| argument == "--steps")
        .and_then(|at| arguments.get(at + 1)?.parse().ok())
        .unwrap_or(6);
    let folder = tempfile::tempdir().unwrap();
    crops(folder.path());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for (name, network, hidden, marks) in SHAPES {
        println!("72x72, {name}, batches of 64; {cores} cores");
        for (what, mark) in ["pretrain", "finetune"].into_iter().zip(marks) {
            let [one, all] = [1, 0].map(|threads| {
                let out = tempfile::tempdir().unwrap();
                measure([folder.path(), out.path()], what, (network, hidden), threads, steps)
            });
            let mark = mark
                .map_or(String::new(), |mark| format!("; the mark is {mark:.0} on two idle cores"));
            println!(
                "{what:9} {all:6.1} crops/s with a replica a core, {one:6.1} with one: {:.2} \
                 times{mark}",
                all / one
            );
        }
    }
}

/// 128 crops of noise, half of them drowsy.
fn crops(folder: &Path) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut items = Vec::new();
    for at in 0..128 {
        let name = format!("{at}.png");
        let image = RgbImage::from_fn(96, 96, |_, _| Rgb(rng.random()));
        image.save(folder.join(&name)).unwrap();
        items.push(Item {
            file: name.into(),
            label: Some(if at % 2 == 0 { Label::Drowsy } else { Label::Awake }),
            subject: format!("{}", at / 2),
            collection: "noise".into(),
            ..Item::default()
        });
    }
    Manifest { items }.write(&folder.join(INDEX)).unwrap();
}

/// Crops a second of the last steps of a short run.
fn measure(
    [folder, out]: [&Path; 2],
    what: &str,
    (network, hidden): (&str, f64),
    threads: usize,
    steps: usize,
) -> f64 {
    let out = out.join("run");
    let toml = |more: &str| {
        format!(
            "crops = '{}'\nout = '{}'\n{more}\n[network]\nimage_px = 72\n{network}\n\
             [training]\nsteps = {}\nbatch = 64\nthreads = {threads}\nlog_every = {steps}\n\
             validate_every = 1000000\n[hold_out]\nshare = 0.05\n",
            folder.display(),
            out.display(),
            2 + 2 * steps,
        )
    };
    // The first line of the log warms up; the run ends after the second one.
    let (stop, mut lines) = (AtomicBool::new(false), 0);
    let mut say = |line: &str| {
        lines += usize::from(line.starts_with("step "));
        stop.store(lines >= 2, std::sync::atomic::Ordering::Relaxed);
    };
    let mut control = Control { stop: &stop, say: &mut say, step: &mut |_| {} };
    if what == "pretrain" {
        let config: PretrainConfig =
            toml::from_str(&toml(&format!("mask_ratio = {hidden}"))).unwrap();
        pretrain::run(&config, false, &Device::flex(), &mut control).unwrap();
    } else {
        let config: FinetuneConfig = toml::from_str(&toml("")).unwrap();
        finetune::run(&config, false, &Device::flex(), &mut control).unwrap();
    }
    let log = fs::read_to_string(out.join("log.jsonl")).unwrap();
    let rates: BTreeMap<u64, f64> = log
        .lines()
        .filter_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            Some((line.get("step")?.as_u64()?, line.get("crops_per_s")?.as_f64()?))
        })
        .collect();
    rates[&(2 * steps as u64)]
}
