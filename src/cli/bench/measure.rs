//! One run of the pipeline over a source, measured. Sources decode ahead on threads of
//! their own, and their work must not be counted as ours: frames are taken a few at a
//! time, the decoder is waited for until it rests with full hands, and only then are
//! these frames looked at. So the CPU time of the whole process is that of the pipeline,
//! whatever threads it uses, and what was spent before it is that of decoding.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use cpu_time::ProcessTime;
use serde::Serialize;

use super::BenchArgs;
use crate::{
    frame::Frame,
    live::{Pipeline, PipelineOptions, Sighting, Vision},
    monitor::{Judgement, Monitor, Settings},
    source::{self, OpenOptions, Source},
    stats::quantile,
};

/// Frames in which the pipeline warms up: the face is found, buffers grow.
const WARM_UP: usize = 15;
/// Frames that are taken at a time.
const BATCH: usize = 8;
/// Sightings that are kept to draw the window with, and how often each is drawn.
const DRAWN: [usize; 2] = [BATCH, 10];
/// The decoder rests when the process spends less CPU time than this in [`REST`].
const RESTING: Duration = Duration::from_micros(200);
/// How long it is watched for that.
const REST: Duration = Duration::from_millis(2);
/// Longest wait for it.
const MOST_REST: Duration = Duration::from_millis(500);

/// What one run took.
#[derive(Debug, Serialize)]
pub(super) struct Run {
    /// Threads of one model.
    pub(super) threads: usize,
    /// Mean CPU time of a frame from face to judgement.
    pub(super) cpu_ms_per_frame: f64,
    /// Median wall time of the same.
    pub(super) median_ms: f64,
    /// 99th percentile of the wall time.
    pub(super) p99_ms: f64,
    /// Frames a second at the mean wall time.
    pub(super) fps: f64,
    /// Frames measured.
    pub(super) frames: usize,
    /// Frames with a face among them.
    pub(super) frames_with_face: usize,
    /// Calls of the detector in them.
    pub(super) detector_calls: u64,
    /// Each stage alone.
    pub(super) stages: Stages,
}

/// Wall time of the stages; `null` where a stage did not happen or is not built in.
#[derive(Debug, Default, Serialize)]
pub(super) struct Stages {
    /// CPU time of decoding or drawing the source, not part of the frame's time; over
    /// the means of eight frames.
    pub(super) decode: Option<Times>,
    /// The detector, over the frames in which it was asked.
    pub(super) detect: Option<Times>,
    /// Cutting the face's region and placing the landmarks.
    pub(super) landmarks: Option<Times>,
    /// Cutting the aligned crop.
    pub(super) align: Option<Times>,
    /// Reading it.
    pub(super) classify: Option<Times>,
    /// The monitor.
    pub(super) judge: Option<Times>,
    /// CPU time of laying out the window and its picture for the graphics card; not part
    /// of the frame's time either.
    pub(super) draw: Option<Times>,
}

/// Times of a stage.
#[derive(Debug, Serialize)]
pub(super) struct Times {
    /// The median.
    pub(super) median_ms: f64,
    /// The 99th percentile.
    pub(super) p99_ms: f64,
}

impl Times {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        (!values.is_empty())
            .then(|| Self { median_ms: quantile(&values, 0.5), p99_ms: quantile(&values, 0.99) })
    }
}

/// A run and what is known only of the first.
pub(super) struct First {
    pub(super) run: Run,
    pub(super) first_judgement_ms: f64,
    /// Before anything was drawn.
    pub(super) peak_mb: Option<f64>,
    pub(super) source: String,
    pub(super) provider: String,
}

fn ms(time: Duration) -> f64 {
    1e3 * time.as_secs_f64()
}

/// The most memory that this process has had resident.
fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

/// CPU time of this process so far.
fn spent() -> anyhow::Result<Duration> {
    let now = ProcessTime::try_now();
    Ok(now.context("the system does not tell the CPU time of this process")?.as_duration())
}

/// Takes frames a few at a time.
struct Taker {
    source: Box<dyn Source>,
    taken: VecDeque<Frame>,
    batch: usize,
    ended: bool,
    /// CPU time a frame of each batch.
    decoding: Vec<f64>,
}

impl Taker {
    fn next(&mut self) -> anyhow::Result<Option<Frame>> {
        if self.taken.is_empty() && !self.ended {
            let before = spent()?;
            while self.taken.len() < self.batch && !self.ended {
                match self.source.next_frame()? {
                    Some(frame) => self.taken.push_back(frame),
                    None => self.ended = true,
                }
            }
            // The first judgement is not kept waiting.
            if std::mem::replace(&mut self.batch, BATCH) == BATCH {
                let decoded = Self::rest()?.saturating_sub(before);
                if self.taken.len() == BATCH {
                    self.decoding.push(ms(decoded) / BATCH as f64);
                }
            }
        }
        Ok(self.taken.pop_front())
    }

    /// Waits until this process does nothing; the CPU time until then.
    fn rest() -> anyhow::Result<Duration> {
        let until = Instant::now() + MOST_REST;
        let mut before = spent()?;
        loop {
            std::thread::sleep(REST);
            let now = spent()?;
            if now.saturating_sub(before) < RESTING || Instant::now() > until {
                return Ok(now);
            }
            before = now;
        }
    }
}

/// Runs the pipeline with so many threads a model.
pub(super) fn run(args: &BenchArgs, threads: usize, began: Instant) -> anyhow::Result<First> {
    let mut options: PipelineOptions = args.models.pipeline();
    options.runtime.threads = threads;
    let source = source::open(&args.source, &OpenOptions::default())?;
    let mut pipeline = Pipeline::open(&options)?;
    let mut monitor = Monitor::new(Settings::default());
    let name = source.info().name;
    let mut taker =
        Taker { source, taken: VecDeque::new(), batch: 1, ended: false, decoding: Vec::new() };

    let most = usize::try_from(args.frames).unwrap_or(usize::MAX);
    let (mut first, mut seen, mut with_face, mut calls) = (None, 0, 0, 0);
    let (mut walls, mut cpu) = (Vec::new(), Duration::ZERO);
    let (mut detect, mut landmarks, mut align, mut classify, mut judge) =
        (vec![], vec![], vec![], vec![], vec![]);
    let mut last = VecDeque::with_capacity(DRAWN[0] + 1);
    while walls.len() < most {
        let Some(frame) = taker.next()? else { break };
        let calls_before = pipeline.detector_calls();
        let (cpu_started, started) = (spent()?, Instant::now());
        let sighting = pipeline.process(&frame)?;
        let judging = Instant::now();
        let judgement = monitor.step(&sighting.observation);
        let (judged, wall) = (judging.elapsed(), started.elapsed());
        let took = spent()?.saturating_sub(cpu_started);
        first.get_or_insert_with(|| began.elapsed());
        seen += 1;
        if seen <= WARM_UP {
            continue;
        }
        cpu += took;
        walls.push(ms(wall));
        let asked = pipeline.detector_calls() - calls_before;
        calls += asked;
        if asked > 0 {
            detect.push(ms(sighting.timing.detect));
        }
        landmarks.push(ms(sighting.timing.landmarks));
        judge.push(ms(judged));
        if sighting.face.is_some() {
            with_face += 1;
            align.push(ms(sighting.timing.align));
            classify.push(ms(sighting.timing.classify));
        }
        last.push_back((sighting, judgement));
        if last.len() > DRAWN[0] {
            last.pop_front();
        }
    }
    let (Some(first), false) = (first, walls.is_empty()) else {
        bail!("{name} is too short to measure; bench more than {WARM_UP} frames");
    };
    let peak_mb = peak_mb();
    walls.sort_by(f64::total_cmp);
    let frames = walls.len();
    let stages = Stages {
        decode: Times::of(taker.decoding),
        detect: Times::of(detect),
        landmarks: Times::of(landmarks),
        align: Times::of(align),
        classify: Times::of(classify),
        judge: Times::of(judge),
        draw: Times::of(draw(last.make_contiguous())?),
    };
    let run = Run {
        threads,
        cpu_ms_per_frame: ms(cpu) / frames as f64,
        fps: 1e3 * frames as f64 / walls.iter().sum::<f64>(),
        median_ms: quantile(&walls, 0.5),
        p99_ms: quantile(&walls, 0.99),
        frames,
        frames_with_face: with_face,
        detector_calls: calls,
        stages,
    };
    let provider = pipeline.info().provider;
    Ok(First { run, first_judgement_ms: ms(first), peak_mb, source: name, provider })
}

/// CPU times of drawing the window with these, again and again; none in a build without.
#[cfg(feature = "gui")]
fn draw(seen: &[(Sighting, Judgement)]) -> anyhow::Result<Vec<f64>> {
    let mut window = super::draw::Drawing::new();
    let mut times = Vec::new();
    for turn in 0..DRAWN[1] {
        for (sighting, judgement) in seen {
            let before = spent()?;
            window.draw(sighting, judgement);
            // Fonts are drawn in the first turns.
            if turn > 1 {
                times.push(ms(spent()?.saturating_sub(before)));
            }
        }
    }
    Ok(times)
}

#[cfg(not(feature = "gui"))]
fn draw(_: &[(Sighting, Judgement)]) -> anyhow::Result<Vec<f64>> {
    Ok(Vec::new())
}
