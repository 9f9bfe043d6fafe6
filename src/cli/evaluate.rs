//! `evaluate`: the models on labelled data, as one JSON object, and as a report.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use clap::{ArgGroup, Args};
use serde::Serialize;

use super::{
    WrongUse, answer, command_line,
    shared::{CameraArgs, ModelArgs, end_on_interrupt, fail_with, monitor_settings, progress_bar},
};
use crate::{
    evaluate::{
        blinks,
        bootstrap::Bootstrap,
        landmarks,
        measure::{self, Measure, Measured},
        metrics::Confusion,
        norms,
        pictures::PictureReport,
        protocol::Protocol,
        report::Report,
    },
    face::FaceTracker,
    live::PipelineOptions,
    replay::{RunFolder, Tuning},
};

/// What to measure on.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("measured").required(true))]
pub struct EvaluateArgs {
    /// A labelled list of whole photographs or videos, `file,label,subject`; a folder whose
    /// folders are called `Drowsy`, `Non Drowsy` or the like; a folder of videos as UTA-RLDD
    /// has them; a folder of films with `NAME.spans.json` beside them; or the folder of a run
    /// that `watch --out` made.
    #[arg(long, value_name = "LIST.csv|DIR", group = "measured")]
    pub data: Option<PathBuf>,
    /// Faces whose 68 points are known, one `{"file", "points": [[x, y], ...]}` a line, in
    /// pixels: measures the detector and the landmark network.
    #[arg(long, value_name = "FILE.jsonl", group = "measured")]
    pub landmarks: Option<PathBuf>,
    /// Videos as lists of blinks, one JSON object a line; measures the blink model.
    #[arg(long, value_name = "FILE.jsonl", group = "measured")]
    pub blinks: Option<PathBuf>,
    /// The control of `--blinks`: the films by the alert, the low and the drowsy film of the
    /// same person in turn, by the list's own folds and by the model as it is.
    // A group's argument that is missing is not asked for when another one of it is given.
    #[arg(long, requires = "blinks", conflicts_with_all = ["data", "landmarks", "compare", "confusion"])]
    pub norms: bool,
    /// Two folders that `--report` wrote before: the second is held against the first.
    #[arg(long, num_args = 2, value_names = ["DIR", "DIR"], group = "measured")]
    pub compare: Vec<PathBuf>,
    /// Counts of a published table, `awake right/false alarms/missed/drowsy right`: its
    /// figures.
    #[arg(long, value_name = "TN/FP/FN/TP", group = "measured", value_parser = confusion)]
    pub confusion: Option<Confusion>,
    /// More classifiers for the same data (.onnx), or of films with spans other thresholds of
    /// the monitor (.toml), compared with the first (repeatable).
    #[arg(long, value_name = "FILE.onnx|FILE.toml", conflicts_with = "compare")]
    pub versus: Vec<PathBuf>,
    /// How items are held out.
    #[arg(long, value_enum, default_value_t)]
    pub protocol: Protocol,
    /// A column of the list by whose values the figures are broken down (repeatable).
    #[arg(long, value_name = "COLUMN")]
    pub by: Vec<String>,
    /// Write the report there: index.html, report.json, figures.csv, answers.csv.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Probability from which a picture is called drowsy, instead of the model's own.
    #[arg(long, value_name = "0..1", value_parser = threshold, conflicts_with_all = ["landmarks", "blinks"])]
    pub threshold: Option<f64>,
    /// Thresholds of the monitor for videos, as TOML.
    #[arg(long, value_name = "FILE.toml")]
    pub settings: Option<PathBuf>,
    /// Draws of the bootstrap.
    #[arg(long, default_value_t = Bootstrap::default().draws, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub draws: u32,
    /// Seed of draws, folds and orders.
    #[arg(long, default_value_t = Bootstrap::default().seed)]
    pub seed: u64,
    /// How the camera hung and where the driver sits.
    #[command(flatten)]
    pub camera: CameraArgs,
    /// The models.
    #[command(flatten)]
    pub models: ModelArgs,
}

fn threshold(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("a number from 0 to 1 is needed".into()),
    }
}

fn confusion(text: &str) -> Result<Confusion, String> {
    let counts: Option<Vec<u64>> = text.split('/').map(|n| n.trim().parse().ok()).collect();
    match counts.as_deref() {
        Some(&[true_negative, false_positive, false_negative, true_positive])
            if text.len() < 60 =>
        {
            Ok(Confusion { true_positive, false_positive, true_negative, false_negative })
        }
        _ => Err("write four counts, for example 169/5/3/196".into()),
    }
}

/// The figures of a table of counts.
#[derive(Serialize)]
struct Table {
    confusion: Confusion,
    accuracy: Option<f64>,
    balanced_accuracy: Option<f64>,
    f1: Option<f64>,
    precision: Option<f64>,
    recall: Option<f64>,
}

/// What is printed: of pictures the figures of the first model in short, then everything.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    pictures: Option<&'a PictureReport>,
    #[serde(flatten)]
    report: &'a Report,
}

/// Measures.
///
/// # Errors
/// When the data, a model or the report's folder cannot be used, and at the end, when
/// everything is told, if a video of the data had a problem.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<()> {
    if let Some(confusion) = args.confusion {
        return answer(&Table {
            confusion,
            accuracy: confusion.accuracy(),
            balanced_accuracy: confusion.balanced_accuracy(),
            f1: confusion.f1(),
            precision: confusion.precision(),
            recall: confusion.recall(),
        });
    }
    let bootstrap = Bootstrap { draws: args.draws, seed: args.seed };
    match &args.blinks {
        Some(list) if args.norms => return answer(&norms::run(list, &bootstrap)?),
        Some(list) => return answer(&blinks::run(list)?),
        None => {}
    }
    if let Some(list) = &args.landmarks {
        let options = args.models.pipeline();
        let mut tracker = FaceTracker::open(&options.runtime, &options.faces)?;
        let bar = progress_bar();
        let report = landmarks::run(list, &mut tracker, &|done, of| {
            bar.set_length(of);
            bar.set_position(done);
        })?;
        bar.finish_and_clear();
        return answer(&report);
    }
    let measured = match (&args.data, args.compare.as_slice()) {
        (Some(data), _) => on_data(args, data.clone(), bootstrap)?,
        (None, [first, second]) => measure::compare(first, second, &bootstrap, command_line())?,
        _ => {
            return Err(WrongUse(
                "name what to measure on with --data, --compare, --landmarks or --blinks".into(),
            )
            .into());
        }
    };
    let Measured { report, tasks, pictures } = &measured;
    if let Some(folder) = &args.report {
        report.write(folder, tasks)?;
    }
    answer(&Answer { pictures: pictures.as_ref(), report })?;
    fail_with(&report.problems)
}

fn on_data(args: &EvaluateArgs, data: PathBuf, bootstrap: Bootstrap) -> anyhow::Result<Measured> {
    let another = !args.versus.is_empty()
        || args.models.model.is_some()
        || args.settings.is_some()
        || !args.camera.mounting().is_plain()
        || args.camera.seat.is_some();
    if another && RunFolder::is_one(&data) {
        let only = "a run is measured as it was watched; leave models, settings, --rotate, --mirror \
                    and --seat away, or name the videos themselves";
        return Err(WrongUse(only.into()).into());
    }
    let stop = Arc::<AtomicBool>::default();
    end_on_interrupt(&stop)?;
    let first = args.camera.pipeline(&args.models);
    let (settings, models): (Vec<&PathBuf>, Vec<&PathBuf>) =
        args.versus.iter().partition(|file| is_settings(file));
    let others = models
        .into_iter()
        .map(|file| PipelineOptions { classifier: Some(file.clone()).into(), ..first.clone() });
    let versus = settings.into_iter().map(|file| tuning(file)).collect::<anyhow::Result<_>>()?;
    let measure = Measure {
        data,
        models: std::iter::once(first.clone()).chain(others).collect(),
        protocol: args.protocol,
        by: args.by.clone(),
        bootstrap,
        mounting: args.camera.mounting(),
        threshold: args.threshold,
        monitor: monitor_settings(args.settings.as_deref())?,
        versus,
        keep: args.report.as_ref().map(|folder| folder.join("run")),
        command: command_line(),
        stop,
    };
    let bar = progress_bar();
    let measured = measure.run(&|done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    Ok(measured?)
}

fn is_settings(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"))
}

/// The thresholds of a file, called as it is.
fn tuning(file: &Path) -> anyhow::Result<Tuning> {
    let settings = monitor_settings(Some(file))?;
    Ok(Tuning { name: file.display().to_string(), settings })
}
