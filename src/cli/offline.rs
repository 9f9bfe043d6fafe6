//! `prepare`, `train` and `export`: the offline mode.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use clap::{ArgGroup, Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{
    answer,
    shared::{CameraArgs, FaceModelArgs, end_on_interrupt, progress_bar},
};
use crate::{
    dataset::prepare::{self, Pictures, PrepareOptions, Watch},
    infer::{RuntimeOptions, promoted},
    train::{
        Control, Step,
        blinks::{self, BlinkTrainConfig},
        detector::{self, DetectorTrainConfig},
        device::{self, LearnOn},
        export,
        finetune::{self, FinetuneConfig},
        landmarks::{self, LandmarkTrainConfig},
        pretrain::{self, PretrainConfig},
        settings::{self, Training},
    },
};

/// Broken files that are named on the terminal; the report names all.
const NAMED: usize = 20;

/// What to prepare.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("pictures").required(true))]
pub struct PrepareArgs {
    /// A labelled list of pictures, `file,label,subject`, or a folder with folders called
    /// `Drowsy`, `Non Drowsy` or the like.
    #[arg(long, value_name = "LIST.csv|DIR", group = "pictures")]
    pub images: Option<PathBuf>,
    /// A labelled list of videos, `file,label,subject`; pictures may stand among them.
    #[arg(long, value_name = "LIST.csv", group = "pictures")]
    pub videos: Option<PathBuf>,
    /// The folder of UTA-RLDD as it comes (`Fold1_part1/01/0.mov`), or a part of it.
    #[arg(long, value_name = "FOLDER", group = "pictures")]
    pub uta: Option<PathBuf>,
    /// A folder that holds the research collections (yawdd, cew_closed, landmarks68,
    /// drivers, mrl_eyes, ...), with `narrow_eyes.csv` and `driver_blinks.csv` beside them.
    #[arg(long, value_name = "FOLDER", group = "pictures")]
    pub collections: Option<PathBuf>,
    /// The folder to write; what an earlier run has done there is kept.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Width and height of the aligned crops in pixels; a margin is stored around them.
    #[arg(long, default_value_t = 72, value_parser = clap::value_parser!(u16).range(24..=512))]
    pub crop_px: u16,
    /// Frames a second that are looked at in a video.
    #[arg(long, value_name = "HZ", default_value_t = prepare::RATE)]
    pub rate: f64,
    /// Leaves out crops that differ from a kept one of the same person and video by less
    /// than this share of white, unless eyes or mouth are open another way.
    #[arg(long, value_name = "SHARE", num_args = 0..=1, default_missing_value = "0.02")]
    pub thin: Option<f32>,
    /// The networks that find the faces.
    #[command(flatten)]
    pub faces: FaceModelArgs,
    /// How the camera hung and where the driver sits.
    #[command(flatten)]
    pub camera: CameraArgs,
}

/// What to train, and how.
#[derive(Args, Clone, Debug)]
pub struct TrainArgs {
    /// The network, and the step of its training.
    #[arg(value_enum)]
    pub what: What,
    /// Every setting, as TOML; what is left out has a default.
    #[arg(long, value_name = "FILE.toml")]
    pub config: PathBuf,
    /// Go on from the last checkpoint of the configured folder.
    #[arg(long)]
    pub resume: bool,
    /// Replicas that learn side by side, instead of the configured number; 0 = one a core.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// What to learn on; `blinks` always takes the processor.
    #[arg(long, value_enum, default_value_t)]
    pub device: LearnOn,
}

/// The trainings there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// The network that finds faces.
    Detector,
    /// The network that places the 68 points.
    Landmarks,
    /// The masked autoencoder.
    Pretrain,
    /// The classifier.
    Finetune,
    /// The blink model.
    Blinks,
}

/// What to export.
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// The folder of the run, or a landmark model, which is written anew.
    #[arg(long, value_name = "FOLDER")]
    pub checkpoint: PathBuf,
    /// Another run of the same classifier: the mean of both runs' weights is written.
    #[arg(long, value_name = "FOLDER")]
    pub mean_with: Option<PathBuf>,
    /// The model file to write.
    #[arg(long, value_name = "FILE.onnx")]
    pub out: PathBuf,
    /// Store matrices in half precision, which halves the file; an autoencoder's are
    /// anyway.
    #[arg(long)]
    pub fp16: bool,
    /// Also put it where this program loads its models from; the one before is kept.
    #[arg(long)]
    pub promote: bool,
}

/// Prepares, and prints the report.
///
/// # Errors
/// When the pictures or the folder cannot be used; and, after everything else was done, when
/// some of the files could not be used.
pub fn prepare(args: PrepareArgs) -> anyhow::Result<()> {
    let pictures = match args {
        PrepareArgs { uta: Some(folder), .. } => Pictures::Uta(folder),
        PrepareArgs { collections: Some(folder), .. } => Pictures::Collections(folder),
        PrepareArgs { images: Some(list), .. } | PrepareArgs { videos: Some(list), .. } => {
            Pictures::List(list)
        }
        _ => return Err(super::WrongUse("name the pictures with --images".into()).into()),
    };
    let options = PrepareOptions {
        pictures,
        out: args.out,
        crop_px: usize::from(args.crop_px),
        rate: args.rate,
        thin: args.thin,
        faces: args.faces.models(),
        mounting: args.camera.mounting(),
        seat: args.camera.seat.unwrap_or_default(),
        runtime: RuntimeOptions::default(),
    };
    let stop = Arc::new(AtomicBool::new(false));
    end_on_interrupt(&stop)?;
    let bar = progress_bar();
    let progress = |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let report = prepare::run(&options, &Watch { stop: &stop, progress: &progress })?;
    bar.finish_and_clear();
    for (file, why) in report.unusable.iter().take(NAMED) {
        tell(&format!("{file}: {why}"));
    }
    if let Some(more @ 1..) = report.unusable.len().checked_sub(NAMED) {
        let all = options.out.join(prepare::REPORT);
        tell(&format!("and {more} more files; {} names all", all.display()));
    }
    if report.stopped {
        tell("stopped; what is done is kept, and the same command goes on");
    }
    answer(&report)?;
    match report.unusable.len() {
        0 => Ok(()),
        count => anyhow::bail!(
            "everything else was done, but {count} file(s) could not be used as a whole, as {} \
             names them; mend them and run the same command again, or remove them",
            options.out.join(prepare::REPORT).display()
        ),
    }
}

/// Says something to people.
fn tell(line: &str) {
    // A closed terminal must not end the work.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Trains, and prints the figures.
///
/// # Errors
/// When the configuration, the data or the folder cannot be used, or the loss diverges.
pub fn train(args: &TrainArgs) -> anyhow::Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    end_on_interrupt(&stop)?;
    let bar = training_bar();
    let mut say = |line: &str| bar.suspend(|| tell(line));
    let mut step = |step: &Step| {
        bar.set_length(step.steps as u64);
        bar.set_position(step.step as u64);
        bar.set_message(format!("loss {:.4}, {:.0} crops/s", step.loss, step.crops_per_s));
    };
    let control = &mut Control { stop: &stop, say: &mut say, step: &mut step };
    let device = device::pick(args.device)?;
    let config: &Path = &args.config;
    let (out, figures) = match args.what {
        What::Landmarks => {
            let mut config: LandmarkTrainConfig = settings::read(config)?;
            threads(&mut config.training, args.threads);
            let record = landmarks::run(&config, args.resume, &device, control)?;
            (config.out, record.metrics)
        }
        What::Detector => {
            let mut config: DetectorTrainConfig = settings::read(config)?;
            threads(&mut config.training, args.threads);
            let record = detector::run(&config, args.resume, &device, control)?;
            (config.out, record.metrics)
        }
        What::Pretrain => {
            let mut config: PretrainConfig = settings::read(config)?;
            threads(&mut config.training, args.threads);
            let record = pretrain::run(&config, args.resume, &device, control)?;
            (config.out, record.metrics)
        }
        What::Finetune => {
            let mut config: FinetuneConfig = settings::read(config)?;
            threads(&mut config.training, args.threads);
            let record = finetune::run(&config, args.resume, &device, control)?;
            (config.out, record.metrics)
        }
        What::Blinks => {
            let config: BlinkTrainConfig = settings::read(config)?;
            let metrics = blinks::run(&config)?;
            (config.out, metrics)
        }
    };
    bar.finish_and_clear();
    answer(&json!({ "out": out, "metrics": figures }))
}

fn threads(training: &mut Training, wanted: Option<usize>) {
    training.threads = wanted.unwrap_or(training.threads);
}

/// A bar below the lines of a training; it hides itself where there is no terminal.
fn training_bar() -> ProgressBar {
    let style = "{bar:40} step {pos}/{len}  {msg}, {eta} left";
    let bar = ProgressBar::new(0);
    match ProgressStyle::with_template(style) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Exports, says how exactly ONNX Runtime repeats it, and puts it in use where asked to.
///
/// # Errors
/// When the run or the file cannot be used, or ONNX Runtime computes something else.
pub fn export(args: ExportArgs) -> anyhow::Result<()> {
    let half = args.fp16.then_some(true);
    let (checkpoint, mean_with, out) = (args.checkpoint, args.mean_with, args.out);
    let options = export::ExportOptions { checkpoint, mean_with, out, half };
    let exported = export::run(&options)?;
    let promotion = match args.promote {
        true => Some(promoted::promote(exported.card.kind, &exported.file)?),
        false => None,
    };
    answer(&json!({
        "out": options.out,
        "bytes": exported.bytes,
        "largest_difference": exported.difference,
        "real_crops_compared": exported.real_crops,
        "half_precision_moves_by": exported.rounding,
        "promoted": promotion.as_ref().map(|promotion| &promotion.path),
        "previous": promotion.as_ref().and_then(|promotion| promotion.previous.as_ref()),
        "card": exported.card,
    }))
}
