//! Plays a scenario of the demo through the real path, from the detector to the monitor,
//! and keeps the truth of each frame beside what was made of it.

use std::time::Duration;

use wakewatch::{
    live::{Pipeline, PipelineOptions, Vision},
    monitor::{Level, Monitor, Settings, State},
    source::{
        OpenOptions, Source,
        demo::{self, Demo, Script, Truth},
    },
};

/// What was made of one frame.
pub(crate) struct Seen {
    pub(crate) points: [[f32; 2]; 68],
    pub(crate) eyes_closed: f32,
}

/// A frame's truth and what was made of it.
pub(crate) struct Row {
    pub(crate) truth: Truth,
    pub(crate) seen: Option<Seen>,
    pub(crate) level: Level,
    pub(crate) state: State,
}

/// Which frames are looked at: those from `from_s` to `to_s`, every `stride`th.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from_s: f64,
    pub(crate) to_s: f64,
    pub(crate) stride: u64,
}

/// All frames, one in `stride`.
pub(crate) fn every(stride: u64) -> Vec<Span> {
    vec![Span { from_s: 0.0, to_s: f64::MAX, stride }]
}

/// Opens the models once for many scenarios.
pub(crate) fn pipeline() -> Pipeline {
    Pipeline::open(&PipelineOptions::default()).unwrap()
}

/// Plays a scenario; the spans follow each other in time.
pub(crate) fn play(pipeline: &mut Pipeline, name: &str, spans: &[Span]) -> Vec<Row> {
    let options = OpenOptions::default();
    let truths = demo::truths(name, &options).unwrap();
    played(pipeline, Demo::open(name, &options).unwrap(), truths, spans)
}

/// Plays a script.
pub(crate) fn play_script(pipeline: &mut Pipeline, script: &Script, spans: &[Span]) -> Vec<Row> {
    let options = OpenOptions::default();
    let truths = demo::script_truths(script, &options).unwrap();
    played(pipeline, Demo::play(script, &options).unwrap(), truths, spans)
}

fn played(
    pipeline: &mut Pipeline,
    mut source: Demo,
    truths: impl Iterator<Item = Truth>,
    spans: &[Span],
) -> Vec<Row> {
    let mut monitor = Monitor::new(Settings::default());
    pipeline.reset(false);
    let mut rows = Vec::new();
    let fps = f64::from(OpenOptions::default().fps);
    for (index, truth) in truths.enumerate() {
        let at = index as f64 / fps;
        let wanted = |span: &&Span| at >= span.from_s && at < span.to_s;
        let Some(span) = spans.iter().find(wanted) else { continue };
        if !(index as u64).is_multiple_of(span.stride) {
            continue;
        }
        source.skip_to(index as u64);
        let frame = source.next_frame().unwrap().unwrap();
        assert_eq!(frame.at, truth.at);
        let sighting = pipeline.process(&frame).unwrap();
        let judgement = monitor.step(&sighting.observation);
        let signs = sighting.observation.face.as_ref();
        let seen = sighting.face.as_ref().zip(signs).map(|(face, signs)| Seen {
            points: face.landmarks.points,
            eyes_closed: signs.eyes_closed,
        });
        rows.push(Row { truth, seen, level: judgement.level, state: judgement.state });
    }
    rows
}

/// Found and error of the points against the truth over one or more plays.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sight {
    pub(crate) visible: usize,
    pub(crate) found: usize,
    pub(crate) ghosts: usize,
    errors: f64,
}

impl Sight {
    pub(crate) fn of(rows: &[Row]) -> Self {
        let mut sight = Self::default();
        for row in rows {
            sight.visible += usize::from(row.truth.visible);
            match &row.seen {
                Some(seen) if row.truth.visible => {
                    let error = error(&seen.points, &row.truth.points);
                    // A face elsewhere is not the driver's.
                    if error < 0.5 {
                        sight.found += 1;
                        sight.errors += error;
                    } else {
                        sight.ghosts += 1;
                    }
                }
                Some(_) => sight.ghosts += 1,
                None => {}
            }
        }
        sight
    }

    /// Counts another play in.
    pub(crate) fn add(&mut self, other: Self) {
        self.visible += other.visible;
        self.found += other.found;
        self.ghosts += other.ghosts;
        self.errors += other.errors;
    }

    /// Share of the visible faces that were found.
    pub(crate) fn share(&self) -> f64 {
        self.found as f64 / self.visible.max(1) as f64
    }

    /// Mean error of the points over the distance of the outer eye corners.
    pub(crate) fn error(&self) -> f64 {
        self.errors / self.found.max(1) as f64
    }
}

fn error(points: &[[f32; 2]; 68], truth: &[[f32; 2]]) -> f64 {
    let apart = |a: [f32; 2], b: [f32; 2]| f64::from((a[0] - b[0]).hypot(a[1] - b[1]));
    let sum: f64 = points.iter().zip(truth).map(|(a, b)| apart(*a, *b)).sum();
    sum / 68.0 / apart(truth[36], truth[45]).max(1.0)
}

/// When the eyes shut for more than a blink, seconds: 80% closed for 0.4 s and more.
pub(crate) fn closings(rows: &[Row]) -> Vec<f64> {
    let mut closings = Vec::new();
    let mut since: Option<f64> = None;
    for row in rows {
        let at = row.truth.at.as_secs_f64();
        let shut = row.truth.visible && row.truth.eye_openness < 0.2;
        let begin = *since.get_or_insert(at);
        if !shut {
            since = None;
        } else if at - begin >= 0.4 && closings.last() != Some(&begin) {
            closings.push(begin);
        }
    }
    closings
}

/// When the level first reached `least`, after `from` seconds.
pub(crate) fn first_at(rows: &[Row], least: Level, from: f64) -> Option<f64> {
    let late = rows.iter().filter(|row| row.truth.at > Duration::from_secs_f64(from));
    late.filter(|row| row.level >= least).map(|row| row.truth.at.as_secs_f64()).next()
}

/// Scores of frames with surely shut and surely open eyes that can be seen:
/// `(score, shut)`.
pub(crate) fn closed_scores(rows: &[Row]) -> Vec<(f32, bool)> {
    let mut scores = Vec::new();
    for row in rows.iter().filter(|row| row.truth.eyes_visible) {
        let shut = match row.truth.eye_openness {
            open if open < 0.2 => true,
            open if open > 0.5 => false,
            _ => continue,
        };
        if let Some(seen) = &row.seen {
            scores.push((seen.eyes_closed, shut));
        }
    }
    scores
}
