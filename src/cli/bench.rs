//! `bench`: how fast the real pipeline runs here, stage by stage, on the demo driver or
//! a clip. Decoding and drawing the source are left out of the frame's time and told
//! beside it.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use cpu_time::ProcessTime;
use serde::Serialize;

use super::{answer, say, shared::ModelArgs};
use crate::{
    live::{Pipeline, Vision},
    monitor::{Monitor, Settings},
    source::{self, OpenOptions, SourceSpec},
};

/// Frames in which the pipeline warms up: the face is found, buffers grow.
const WARM_UP: usize = 15;

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
    /// Mean CPU time of a frame from face to judgement.
    cpu_ms_per_frame: f64,
    /// Median wall time of the same.
    median_ms: f64,
    /// 99th percentile of the wall time.
    p99_ms: f64,
    /// Frames a second at the mean wall time.
    fps: f64,
    /// Peak of resident memory, MB; `null` where the system does not tell.
    peak_mb: Option<f64>,
    /// From the start of the command to the first judgement.
    first_judgement_ms: f64,
    /// Frames measured.
    frames: usize,
    /// Frames with a face among them.
    frames_with_face: usize,
    /// Calls of the detector in them.
    detector_calls: u64,
    /// Median wall time of each stage.
    stages: Stages,
    /// What was watched.
    source: String,
    /// What the models run on.
    provider: String,
    /// Threads of one model.
    threads: u16,
    /// Cores of the machine.
    cores: usize,
}

#[derive(Debug, Default, Serialize)]
struct Stages {
    /// Decoding or drawing; not part of the frame's time.
    source_ms: f64,
    face_ms: f64,
    align_ms: f64,
    classify_ms: f64,
    judge_ms: f64,
}

fn ms(time: Duration) -> f64 {
    1e3 * time.as_secs_f64()
}

/// The value below which `share` of them lie.
fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share).ceil() as usize;
    values.get(at.saturating_sub(1)).copied().unwrap_or_default()
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
    let mut source = source::open(&args.source, &OpenOptions::default())?;
    let mut pipeline = Pipeline::open(&args.models.pipeline())?;
    let mut monitor = Monitor::new(Settings::default());
    let name = source.info().name;

    let (mut first, mut seen, mut with_face, mut calls_before) = (None, 0, 0, 0);
    let (mut walls, mut cpu) = (Vec::new(), Duration::ZERO);
    let mut stages: [Vec<f64>; 5] = Default::default();
    while walls.len() < usize::try_from(args.frames).unwrap_or(usize::MAX) {
        let decoding = Instant::now();
        let Some(frame) = source.next_frame()? else { break };
        let decoded = decoding.elapsed();
        let (started, cpu_started) = (Instant::now(), ProcessTime::try_now().ok());
        let sighting = pipeline.process(&frame)?;
        let judging = Instant::now();
        monitor.step(&sighting.observation);
        let (judged, wall) = (judging.elapsed(), started.elapsed());
        let spent = cpu_started.and_then(|from| from.try_elapsed().ok());
        first.get_or_insert_with(|| began.elapsed());
        seen += 1;
        if seen <= WARM_UP {
            calls_before = pipeline.detector_calls();
            continue;
        }
        cpu += spent.context("the system does not tell the CPU time of this process")?;
        walls.push(ms(wall));
        with_face += usize::from(sighting.face.is_some());
        let timing = sighting.timing;
        let took = [decoded, timing.face, timing.align, timing.classify, judged];
        for (stage, took) in stages.iter_mut().zip(took) {
            stage.push(ms(took));
        }
    }
    let (Some(first), false) = (first, walls.is_empty()) else {
        bail!("{name} is too short to measure; bench more than {WARM_UP} frames");
    };
    let frames = walls.len();
    let [source_ms, face_ms, align_ms, classify_ms, judge_ms] =
        stages.map(|mut stage| percentile(&mut stage, 0.5));
    let report = Report {
        cpu_ms_per_frame: ms(cpu) / frames as f64,
        fps: 1e3 * frames as f64 / walls.iter().sum::<f64>(),
        median_ms: percentile(&mut walls, 0.5),
        p99_ms: percentile(&mut walls, 0.99),
        peak_mb: peak_mb(),
        first_judgement_ms: ms(first),
        frames,
        frames_with_face: with_face,
        detector_calls: pipeline.detector_calls() - calls_before,
        stages: Stages { source_ms, face_ms, align_ms, classify_ms, judge_ms },
        source: name,
        provider: pipeline.info().provider,
        threads: args.models.threads,
        cores: std::thread::available_parallelism().map_or(1, Into::into),
    };
    if args.json { answer(&report) } else { table(&report) }
}

fn table(report: &Report) -> anyhow::Result<()> {
    let Report { frames, source, provider, threads, cores, .. } = report;
    say(format_args!(
        "{frames} frames of {source} on {provider}, {threads} thread(s), {cores} cores"
    ))?;
    let Stages { source_ms, face_ms, align_ms, classify_ms, judge_ms } = report.stages;
    for (name, value) in [
        ("face to judgement, CPU", report.cpu_ms_per_frame),
        ("  wall, median", report.median_ms),
        ("  wall, 99th percentile", report.p99_ms),
        ("  finding and measuring", face_ms),
        ("  aligning", align_ms),
        ("  classifying", classify_ms),
        ("  judging", judge_ms),
        ("source, left out above", source_ms),
        ("first judgement", report.first_judgement_ms),
    ] {
        say(format_args!("{name:<26} {value:>9.2} ms"))?;
    }
    if let Some(peak) = report.peak_mb {
        say(format_args!("{:<26} {peak:>9.0} MB", "peak memory"))?;
    }
    let (with_face, calls) = (report.frames_with_face, report.detector_calls);
    say(format_args!("{with_face} frames with a face, {calls} calls of the detector"))
}

/// The most memory that this process has had resident.
fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(percentile(&mut values, 0.5), 100.0);
        assert_eq!(percentile(&mut values, 0.99), 198.0);
        assert_eq!(percentile(&mut [7.0], 0.99), 7.0);
    }
}
