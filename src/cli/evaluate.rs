//! `evaluate`: the models on labelled data, as one JSON object.

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{answer, shared::ModelArgs};
use crate::evaluate::pictures;

/// What to measure on.
#[derive(Args, Clone, Debug)]
pub struct EvaluateArgs {
    /// A labelled list of whole photographs, `file,label,subject`.
    #[arg(long, value_name = "LIST.csv")]
    pub data: PathBuf,
    /// Probability from which a picture is called drowsy, instead of the model's own.
    #[arg(long, value_name = "0..1", value_parser = threshold)]
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
/// When the list or a model cannot be used.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<()> {
    let bar = progress_bar();
    let tell = |done: u64, of: u64| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let (judged, facts) = pictures::judge(&args.data, &args.models.pipeline(), &tell)?;
    bar.finish_and_clear();
    answer(&pictures::report(&judged, &facts, args.threshold))
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
