//! The study of docs/experiments.md: trains the variants of a list, judges each on the people it
//! has not seen, under worse conditions and with covers, and appends one JSON line a run.
//! What stands in the results or lies finished in the folder is not done again.
//!
//! `cargo run --release --example study -- docs/study.toml --crops data/crops --out runs/study`

mod judge;
mod list;
mod probe;
mod table;

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use anyhow::{Context, bail};
use clap::Parser;
use serde_json::{Value, json};
use wakewatch::{
    dataset::crops::CropSet,
    infer::runtime,
    train::{
        Control,
        checkpoint::Progress,
        device::{self, LearnOn},
        finetune::{self, FinetuneConfig},
        pretrain::{self, PretrainConfig},
        record::LAST,
    },
};

use list::{Study, Variant};

/// What to study, and where.
#[derive(Parser)]
struct Args {
    /// The list of variants, as TOML.
    study: PathBuf,
    /// The prepared folder.
    #[arg(long, default_value = "data/crops")]
    crops: PathBuf,
    /// Where the runs lie.
    #[arg(long, default_value = "runs/study")]
    out: PathBuf,
    /// One JSON line a run is appended there.
    #[arg(long, default_value = "docs/models.jsonl")]
    results: PathBuf,
    /// Only the variants whose name begins so (repeatable).
    #[arg(long)]
    only: Vec<String>,
    /// Train nothing: judge what lies finished in the folder.
    #[arg(long)]
    judge: bool,
    /// Judge this one run, whatever the list says; with the name that its line gets.
    #[arg(long, num_args = 2, value_names = ["NAME", "FOLDER"])]
    run: Vec<String>,
    /// Print the results as tables, and do nothing else.
    #[arg(long)]
    table: bool,
    /// Replicas that learn side by side; 0 = one a core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if args.table {
        return tell(&table::markdown(&results(&args.results)?));
    }
    let study = Study::read(&args.study)?;
    // Judged runs are timed in it: better told now than after an hour of training.
    runtime::init()?;
    let set = CropSet::load(&args.crops)?;
    if let [name, folder] = args.run.as_slice() {
        let line = judge::run(name, 0, Path::new(folder), &set, &study.condition)?;
        return append(&args.results, &line);
    }
    let wanted = |name: &str| {
        args.only.is_empty() || args.only.iter().any(|start| name.starts_with(start.as_str()))
    };
    // All settings are read before the first hour of training.
    let mut runs = Vec::new();
    for variant in study.variant.iter().filter(|variant| wanted(&variant.name)) {
        for (nth, &seed) in variant.seeds.iter().enumerate() {
            let config = study.finetuning(variant, seed, &args.crops, &args.out)?;
            runs.push((nth, variant, seed, config));
        }
    }
    // The first seed of every variant, then the second: a study that is cut off has compared.
    runs.sort_by_key(|(nth, ..)| *nth);
    for (_, variant, seed, config) in runs {
        if is_judged(&args.results, &variant.name, seed)? {
            continue;
        }
        if !args.judge {
            train(&args, &study, variant, &config)?;
        } else if steps_done(&config.out) < config.training.steps {
            continue;
        }
        let line = judge::run(&variant.name, seed, &config.out, &set, &study.condition)?;
        append(&args.results, &line)?;
    }
    for pool in study.pool.iter().filter(|pool| wanted(&pool.name)) {
        let folders: Vec<PathBuf> =
            pool.of.iter().map(|name| args.out.join(list::folder(name, pool.seed))).collect();
        let whole = folders.iter().all(|folder| folder.join(judge::ANSWERS).is_file());
        if whole && !is_judged(&args.results, &pool.name, pool.seed)? {
            append(&args.results, &judge::pooled(&pool.name, pool.seed, &folders)?)?;
        }
    }
    Ok(())
}

/// Trains what the variant needs and is not there.
fn train(
    args: &Args,
    study: &Study,
    variant: &Variant,
    config: &FinetuneConfig,
) -> anyhow::Result<()> {
    let stop = AtomicBool::new(false);
    let mut say = |line: &str| drop(tell(&format!("{}: {line}", variant.name)));
    let mut control = Control { stop: &stop, say: &mut say, step: &mut |_| {} };
    if let Some(name) = &variant.mae {
        let mut config: PretrainConfig = study.pretraining(name, &args.crops, &args.out)?;
        config.training.threads = args.threads;
        let done = steps_done(&config.out);
        if done < config.training.steps {
            pretrain::run(&config, done > 0, &device::pick(LearnOn::Auto)?, &mut control)?;
        }
    }
    let done = steps_done(&config.out);
    if done < config.training.steps {
        let mut config = config.clone();
        config.training.threads = args.threads;
        finetune::run(&config, done > 0, &device::pick(LearnOn::Auto)?, &mut control)?;
    }
    Ok(())
}

/// How far the run in this folder came.
fn steps_done(run: &Path) -> usize {
    let text = fs::read_to_string(run.join(LAST).join("progress.json")).unwrap_or_default();
    serde_json::from_str::<Progress>(&text).map_or(0, |progress| progress.step)
}

/// The lines that were written before.
fn results(path: &Path) -> anyhow::Result<Vec<Value>> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(path)?;
    let lines = text.lines().map(|line| {
        serde_json::from_str(line)
            .with_context(|| format!("{} holds a line that is no JSON", path.display()))
    });
    lines.collect()
}

fn is_judged(path: &Path, name: &str, seed: u64) -> anyhow::Result<bool> {
    let is_it = |line: &Value| line["variant"] == json!(name) && line["seed"] == json!(seed);
    Ok(results(path)?.iter().any(is_it))
}

fn append(results: &Path, line: &Value) -> anyhow::Result<()> {
    if !line.is_object() {
        bail!("a result must be an object");
    }
    let mut file = fs::OpenOptions::new().create(true).append(true).open(results)?;
    writeln!(file, "{line}")?;
    tell(&line.to_string())
}

fn tell(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{text}")?)
}
