//! `prepare`, `train` and `export`: the offline mode.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use burn::tensor::Device;
use clap::{ArgGroup, Args, ValueEnum};
use serde_json::json;

use super::{answer, evaluate::progress_bar, watch::end_on_interrupt};
use crate::{
    dataset::prepare::{self, Pictures, PrepareOptions},
    infer::{RuntimeOptions, runtime},
    train::{
        Control, export,
        finetune::{self, FinetuneConfig},
        landmarks::{self, LandmarkTrainConfig},
        pretrain::{self, PretrainConfig},
        settings,
    },
};

/// What to prepare.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("pictures").required(true))]
pub struct PrepareArgs {
    /// A labelled list of pictures, `file,label,subject`.
    #[arg(long, value_name = "LIST.csv", group = "pictures")]
    pub images: Option<PathBuf>,
    /// A folder that holds the research collections (yawdd, cew_closed, landmarks68, ...).
    #[arg(long, value_name = "FOLDER", group = "pictures")]
    pub collections: Option<PathBuf>,
    /// The folder to write; what an earlier run has done there is kept.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Width and height of the aligned crops in pixels; a margin is stored around them.
    #[arg(long, default_value_t = 72, value_parser = clap::value_parser!(u16).range(24..=512))]
    pub crop_px: u16,
    /// The landmark network, instead of the built-in one.
    #[arg(long, value_name = "FILE.onnx")]
    pub landmarks_model: Option<PathBuf>,
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
}

/// The trainings there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// The network that places the 68 points.
    Landmarks,
    /// The masked autoencoder.
    Pretrain,
    /// The classifier.
    Finetune,
}

/// What to export.
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// The folder of the run.
    #[arg(long, value_name = "FOLDER")]
    pub checkpoint: PathBuf,
    /// The model file to write.
    #[arg(long, value_name = "FILE.onnx")]
    pub out: PathBuf,
}

/// Prepares, and prints the report.
///
/// # Errors
/// When the pictures or the folder cannot be used.
pub fn prepare(args: PrepareArgs) -> anyhow::Result<()> {
    let pictures = match (args.images, args.collections) {
        (Some(list), _) => Pictures::List(list),
        (None, Some(folder)) => Pictures::Collections(folder),
        (None, None) => {
            return Err(super::WrongUse("name the pictures with --images".into()).into());
        }
    };
    let options = PrepareOptions {
        pictures,
        out: args.out,
        crop_px: usize::from(args.crop_px),
        landmarks: args.landmarks_model.into(),
        runtime: RuntimeOptions::default(),
    };
    let bar = progress_bar();
    let report = prepare::run(&options, &|done, of| {
        bar.set_length(of);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    answer(&report)
}

/// Trains, and prints the figures.
///
/// # Errors
/// When the configuration, the data or the folder cannot be used, or the loss diverges.
pub fn train(args: &TrainArgs) -> anyhow::Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    end_on_interrupt(&stop)?;
    let mut say = |line: &str| {
        // A closed terminal must not end a training.
        let _ = writeln!(io::stderr(), "{line}");
    };
    let control = &mut Control { stop: &stop, say: &mut say };
    let device = Device::flex();
    let config: &Path = &args.config;
    let (out, figures) = match args.what {
        What::Landmarks => {
            // It writes its model at the end, which must not fail for want of a library.
            runtime::init()?;
            let config = LandmarkTrainConfig::read(config)?;
            let report = landmarks::run(&config, args.resume, &device, control)?;
            (config.out, report.metrics)
        }
        What::Pretrain => {
            let config: PretrainConfig = settings::read(config)?;
            let record = pretrain::run(&config, args.resume, &device, control)?;
            (config.out, record.metrics)
        }
        What::Finetune => {
            let config: FinetuneConfig = settings::read(config)?;
            let record = finetune::run(&config, args.resume, &device, control)?;
            (config.out, record.metrics)
        }
    };
    answer(&json!({ "out": out, "metrics": figures }))
}

/// Exports, and says how exactly ONNX Runtime repeats it.
///
/// # Errors
/// When the run or the file cannot be used, or ONNX Runtime computes something else.
pub fn export(args: ExportArgs) -> anyhow::Result<()> {
    let options = export::ExportOptions { checkpoint: args.checkpoint, out: args.out };
    let exported = export::run(&options)?;
    answer(&json!({
        "out": options.out,
        "bytes": exported.bytes,
        "largest_difference": exported.difference,
        "card": exported.card,
    }))
}
