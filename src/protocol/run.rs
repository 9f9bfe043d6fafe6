//! Plays cells on all cores through the path that recordings take: the drawn driver's
//! pictures, the networks, the monitor. Nothing here reads the clock: the same cells give
//! the same results.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Cell, Change, Judged, Outcome, ProtocolError, Table, page::Provenance};
use crate::{
    alarm::SoundState,
    infer::ModelSource,
    live::{LiveError, LiveOptions, Pace, Parts, PipelineOptions, PipelinePool, headless},
    monitor::Settings,
    replay::digest,
    source::{SourceError, SourceSpec, demo::Demo},
    vit::ModelKind,
};

/// How cells are played.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProtocolOptions {
    /// The models.
    pub pipeline: PipelineOptions,
    /// The thresholds.
    pub monitor: Settings,
    /// Set to true from anywhere to end early.
    pub stop: Arc<AtomicBool>,
}

/// A cell that was played; equal for equal tables, models and settings.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Played {
    /// `requirement/variant`.
    pub cell: String,
    /// The requirement.
    pub requirement: String,
    /// The condition.
    pub variant: String,
    /// Whether the program promises to pass.
    pub promised: bool,
    /// What it comes to.
    #[serde(flatten)]
    pub judged: Judged,
    /// What is wrong, in words; empty where nothing is.
    pub cause: String,
    /// Pictures that were judged.
    pub frames: u64,
    /// Of these, pictures with a face.
    pub frames_with_face: u64,
    /// Everything that was told.
    pub told: Vec<Change>,
}

/// What all of them come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Total {
    /// Cells played.
    pub cells: usize,
    /// Of these, told in time and nothing needlessly.
    pub right: usize,
    /// Told as unreadable, where that will do.
    pub unreadable: usize,
    /// Neither.
    pub failed: usize,
    /// Failed although the program promises to pass.
    pub promises_broken: usize,
    /// Pictures judged.
    pub frames: u64,
}

impl Total {
    /// Counts cells.
    pub(crate) fn of<'p>(played: impl IntoIterator<Item = &'p Played>) -> Self {
        let mut total = Self::default();
        for cell in played {
            total.cells += 1;
            total.frames += cell.frames;
            match cell.judged.outcome {
                Outcome::Right => total.right += 1,
                Outcome::Unreadable => total.unreadable += 1,
                Outcome::Failed => {
                    total.failed += 1;
                    total.promises_broken += usize::from(cell.promised);
                }
            }
        }
        total
    }
}

/// Hands results on in the order of their index, as soon as those before are there.
struct InOrder<'t> {
    next: usize,
    waiting: BTreeMap<usize, Played>,
    tell: &'t mut (dyn FnMut(&Played) -> bool + Send),
}

impl InOrder<'_> {
    /// Takes a result; false when nobody wants more.
    fn add(&mut self, index: usize, played: &Played) -> bool {
        self.waiting.insert(index, played.clone());
        while let Some(played) = self.waiting.remove(&self.next) {
            self.next += 1;
            if !(self.tell)(&played) {
                return false;
            }
        }
        true
    }
}

/// Plays cells on all cores. `tell` gets each result in the order of `cells`, and says
/// whether more is wanted; `progress` the seconds of driving that were played, of how many.
///
/// # Errors
/// When a cell cannot be drawn, a model fails, or somebody interrupts.
pub(crate) fn play(
    table: &Table,
    cells: &[&Cell],
    options: &ProtocolOptions,
    progress: &(dyn Fn(u64, u64) + Sync),
    tell: &mut (dyn FnMut(&Played) -> bool + Send),
) -> Result<Vec<Played>, ProtocolError> {
    let pool = PipelinePool::new(options.pipeline.clone());
    let frames = |cell: &Cell| (cell.script.seconds * table.play.fps).round() as u64;
    let all: u64 = cells.iter().map(|cell| frames(cell)).sum();
    let done = AtomicU64::new(0);
    let in_order = Mutex::new(InOrder { next: 0, waiting: BTreeMap::new(), tell });
    let second = (table.play.fps.round() as u64).max(1);
    progress(0, all / second);
    let advance = || {
        let done = 1 + done.fetch_add(1, Relaxed);
        if done.is_multiple_of(second) {
            progress(done / second, all / second);
        }
    };
    let results = cells.par_iter().with_max_len(1).enumerate().map(|(index, cell)| {
        let played = one(table, cell, options, &pool, &advance)?;
        let mut in_order = in_order.lock();
        if !in_order.add(index, &played) {
            options.stop.store(true, Relaxed);
        }
        Ok(played)
    });
    results.collect()
}

/// Plays one cell.
fn one(
    table: &Table,
    cell: &Cell,
    options: &ProtocolOptions,
    pool: &PipelinePool,
    advance: &dyn Fn(),
) -> Result<Played, ProtocolError> {
    let open = table.play.open();
    let live = LiveOptions {
        source: SourceSpec::Demo(None),
        open,
        pipeline: options.pipeline.clone(),
        monitor: options.monitor,
        pace: Pace::Fast,
        sound: false,
        stop: options.stop.clone(),
        ..LiveOptions::default()
    };
    let (script, pool) = (cell.script.clone(), pool.clone());
    let parts = Parts {
        open_source: Box::new(move |_| Ok(Box::new(Demo::play(&script, &open)?))),
        open_vision: Box::new(move || Ok(Box::new(pool.lend()?))),
        speaker: Err(SoundState::Off),
    };
    let mut told: Vec<Change> = Vec::new();
    let ran = headless::run_seen(&live, parts, &mut |_| {}, &mut |_, judged| {
        let (state, level) = (judged.state, judged.level);
        if told.last().is_none_or(|last| (last.state, last.level) != (state, level)) {
            let at = round(judged.at);
            told.push(Change { at, state, level, why: judged.why.clone() });
        }
        advance();
    });
    if options.stop.load(Relaxed) {
        return Err(ProtocolError::Stopped);
    }
    let drawn = |why: SourceError| ProtocolError::Draw { cell: cell.id.clone(), why };
    let watched = match ran {
        Ok(watched) => watched,
        Err(LiveError::Source(why)) => return Err(drawn(why)),
        Err(other) => return Err(other.into()),
    };
    if let Some(why) = watched.broke_off {
        return Err(drawn(why));
    }
    let mut judged = Judged::of(cell, &told, &table.play);
    for answer in &mut judged.answers {
        answer.delay = answer.delay.map(round);
    }
    Ok(Played {
        cell: cell.id.clone(),
        requirement: table.requirement(cell).id.clone(),
        variant: table.variant(cell).id.clone(),
        promised: cell.promised,
        cause: judged.cause(),
        judged,
        frames: watched.summary.frames,
        frames_with_face: watched.summary.frames_with_face,
        told,
    })
}

/// To a millisecond: what the drawing is true to.
fn round(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

/// With what the cells are played.
///
/// # Errors
/// When a model cannot be read.
pub(crate) fn provenance(
    table: &Table,
    options: &ProtocolOptions,
    command: Vec<String>,
) -> Result<Provenance, ProtocolError> {
    let faces = &options.pipeline.faces;
    let of = |name: &str, source: &ModelSource, kind| -> Result<_, ProtocolError> {
        Ok((name.to_owned(), digest::of_model(source, kind)?))
    };
    Ok(Provenance {
        version: env!("CARGO_PKG_VERSION").into(),
        models: vec![
            of("face detector", &faces.detector, ModelKind::Detector)?,
            of("landmark network", &faces.landmarks, ModelKind::Landmarks)?,
            of("classifier", &options.pipeline.classifier, ModelKind::Drowsiness)?,
            of("blink network", &ModelSource::Embedded, ModelKind::Blinks)?,
        ],
        table: table.name.clone(),
        table_digest: hex::encode(Sha256::digest(&table.text)),
        command,
    })
}
