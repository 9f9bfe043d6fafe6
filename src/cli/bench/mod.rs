//! `bench`: what the real pipeline costs here, stage by stage, on the demo driver or a
//! clip, with one thread a model and with one a core. Decoding and drawing are told
//! beside it and left out of a frame's own time; [`measure`] says how. With `--device auto`
//! that is on the CPU, and then what may be faster is tried beside it.

#[cfg(feature = "gui")]
mod draw;
mod measure;

use std::time::Instant;

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::{
    answer, say,
    shared::{ModelArgs, told},
};
use crate::{infer::Tried, live::try_faster, source::SourceSpec};
use measure::{Run, Stages};

/// What to run.
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    /// A video file, a folder of pictures, or the demo.
    #[arg(long, short, default_value = "demo", value_name = "SOURCE")]
    pub source: SourceSpec,
    /// Most frames that are measured.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(30..=1_000_000))]
    pub frames: u64,
    /// One JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
    /// The models.
    #[command(flatten)]
    pub models: ModelArgs,
}

/// What was measured. Times are milliseconds; "wall" is time on the clock, "CPU" time of
/// this process on all its threads.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    run: Run,
    /// Peak of resident memory, MB; `null` where the system does not tell. What the bench
    /// itself holds, eight frames, is in it.
    peak_mb: Option<f64>,
    /// From the start of the command to the first judgement.
    first_judgement_ms: f64,
    /// The same with as many threads a model as there are cores, where that is another
    /// number.
    all_cores: Option<Run>,
    /// What was watched.
    source: String,
    /// What the models run on.
    provider: String,
    /// How each provider that `auto` tries did in place of the CPU; empty where there is no
    /// other provider, `null` where a device was named.
    tried: Option<Vec<Tried>>,
    /// Cores of the machine.
    cores: usize,
}

/// Runs the pipeline over the source and prints what it took.
///
/// # Errors
/// When the source or a model cannot be had, or the source is too short.
pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let began = Instant::now();
    if args.source.is_camera() {
        bail!("a camera gives every run other pictures; bench a file or the demo");
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let first = measure::run(args, usize::from(args.models.threads), began)?;
    let all_cores = match first.run.threads == cores {
        true => None,
        false => Some(measure::run(args, cores, Instant::now())?.run),
    };
    let report = Report {
        run: first.run,
        peak_mb: first.peak_mb,
        first_judgement_ms: first.first_judgement_ms,
        all_cores,
        source: first.source,
        provider: first.provider,
        tried: try_faster(&args.models.pipeline(), &args.source)?,
        cores,
    };
    if args.json {
        return answer(&report);
    }
    table(&report)?;
    say(told(report.tried.as_deref(), args.models.device))
}

fn table(report: &Report) -> anyhow::Result<()> {
    let Report { run, source, provider, cores, .. } = report;
    say(format_args!("{} frames of {source} on {provider}, {cores} cores", run.frames))?;
    for run in [Some(run), report.all_cores.as_ref()].into_iter().flatten() {
        say(format_args!("\n{} thread(s) a model: median and 99th percentile, ms", run.threads))?;
        say(format_args!("{:<26} {:>9.2}", "  CPU a frame, mean", run.cpu_ms_per_frame))?;
        say(format_args!("{:<26} {:>9.2} {:>9.2}", "  wall", run.median_ms, run.p99_ms))?;
        let Stages { decode, detect, landmarks, align, classify, judge, draw } = &run.stages;
        for (name, stage) in [
            ("    detector, when asked", detect),
            ("    landmarks", landmarks),
            ("    aligning", align),
            ("    classifying", classify),
            ("    judging", judge),
            ("  decoding, CPU (beside)", decode),
            ("  drawing, CPU (beside)", draw),
        ] {
            match stage {
                Some(times) => {
                    say(format_args!("{name:<26} {:>9.3} {:>9.3}", times.median_ms, times.p99_ms))?;
                }
                None => say(format_args!("{name:<26}         -         -"))?,
            }
        }
    }
    say(format_args!("\n{:<26} {:>9.0} ms", "first judgement", report.first_judgement_ms))?;
    if let Some(peak) = report.peak_mb {
        say(format_args!("{:<26} {peak:>9.0} MB", "peak memory"))?;
    }
    let (with_face, calls) = (run.frames_with_face, run.detector_calls);
    say(format_args!("{with_face} frames with a face, {calls} calls of the detector"))
}
