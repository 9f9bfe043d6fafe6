//! `evaluate`: the models on labelled data, as one JSON object.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use indicatif::{ProgressBar, ProgressStyle};

use super::{WrongUse, answer, shared::ModelArgs};
use crate::{
    evaluate::{blinks, landmarks, pictures},
    face::FaceTracker,
};

/// What to measure on.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("measured").required(true))]
pub struct EvaluateArgs {
    /// A labelled list of whole photographs, `file,label,subject`: measures the classifier.
    #[arg(long, value_name = "LIST.csv", group = "measured")]
    pub data: Option<PathBuf>,
    /// Faces whose 68 points are known, one `{"file", "points": [[x, y], ...]}` a line, in
    /// pixels: measures the detector and the landmark network.
    #[arg(long, value_name = "FILE.jsonl", group = "measured")]
    pub landmarks: Option<PathBuf>,
    /// Videos as lists of blinks, one JSON object a line; measures the blink model.
    #[arg(long, value_name = "FILE.jsonl", group = "measured")]
    pub blinks: Option<PathBuf>,
    /// Probability from which a picture is called drowsy, instead of the model's own.
    #[arg(long, value_name = "0..1", value_parser = threshold, conflicts_with_all = ["landmarks", "blinks"])]
    pub threshold: Option<f64>,
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

/// Measures.
///
/// # Errors
/// When a list or a model cannot be used.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<()> {
    let bar = progress_bar();
    let tell = |done: u64, of: u64| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let options = args.models.pipeline();
    match (&args.data, &args.landmarks, &args.blinks) {
        (Some(list), ..) => {
            let (judged, facts) = pictures::judge(list, &options, &tell)?;
            bar.finish_and_clear();
            answer(&pictures::report(&judged, &facts, args.threshold))
        }
        (None, Some(list), _) => {
            let mut tracker = FaceTracker::open(&options.runtime, &options.landmarks)?;
            let report = landmarks::run(list, &mut tracker, &tell)?;
            bar.finish_and_clear();
            answer(&report)
        }
        (None, None, Some(list)) => answer(&blinks::run(list)?),
        (None, None, None) => {
            Err(WrongUse("name what to measure on with --data, --landmarks or --blinks".into()).into())
        }
    }
}

/// A bar on stderr with rate and time left; it hides itself where there is no terminal.
pub(super) fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len}  {per_sec}, {eta} left");
    let bar = ProgressBar::new(0);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
