//! Whether another provider is faster than the CPU: it answers, on a thread of its own, real
//! inputs that the CPU has just answered, and is taken only when it agrees and is faster by a
//! fifth. Frames never wait for it, whatever it does.

use std::{
    fmt::{self, Display},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, TryRecvError, bounded};
use serde::Serialize;

use super::runtime::Provider;
use crate::{background, stats::quantile, vit::ModelKind};

/// Inputs that are answered first and not timed: kernels are chosen, memory is taken.
const WARM_UP: usize = 5;
/// Inputs that are timed on both.
const TIMED: usize = 30;
/// The largest share of the CPU's time with which another provider is taken: what it gains
/// must be worth its memory.
const MOST_TIME: f64 = 0.8;
/// The most by which a value may differ from the CPU's: probabilities, and points in sides of
/// the network's square. Twice what the rounding of CUDA's TF32 came to on an H100 (0.0024).
const MOST_APART: f64 = 0.005;

/// A named input of a model: its shape and values (row-major).
pub(super) type Input = (&'static str, Vec<usize>, Vec<f32>);

/// What the CPU was asked, what it answered, and how long that took.
pub(super) struct Asked {
    pub(super) inputs: Vec<Input>,
    /// All outputs, one after the other.
    pub(super) answers: Vec<f32>,
    pub(super) took: Duration,
}

/// A model on the provider that is tried.
pub(super) trait Candidate: Send + 'static {
    /// All outputs, one after the other; one sentence where it fails.
    fn answer(&mut self, inputs: &[Input]) -> Result<Vec<f32>, String>;
}

/// How a provider did in place of the CPU. Its text is one sentence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tried {
    /// The model that it ran.
    pub model: ModelKind,
    /// Which it was.
    pub provider: Provider,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What was measured; `None` before the first answer.
    pub measured: Option<Measured>,
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "why", rename_all = "snake_case")]
pub enum Outcome {
    /// Not decided: too few inputs so far, or it does not answer.
    Open,
    /// It agrees and is faster by a fifth: the model runs on it.
    Taken,
    /// It agrees and is not faster by a fifth.
    Slower,
    /// Its answers are others than the CPU's.
    Differs,
    /// It could not be opened, or failed at an input: one sentence.
    Failed(String),
}

/// What was measured on the same inputs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Inputs that were timed, after those to warm up.
    pub inputs: usize,
    /// The CPU's median time of a run, milliseconds; 0 before any was timed.
    pub cpu_ms: f64,
    /// The other provider's.
    pub provider_ms: f64,
    /// The most by which a value of any answer differed; infinite (`null` in JSON) where
    /// one was no number.
    pub difference: f64,
}

impl Tried {
    /// Whether something is wrong with the provider, rather than it being slow.
    pub fn is_wrong(&self) -> bool {
        matches!(self.outcome, Outcome::Differs | Outcome::Failed(_))
    }
}

impl Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, provider, outcome, measured } = self;
        let figures = match measured {
            Some(Measured { inputs, cpu_ms, provider_ms, difference }) => format!(
                "median of {inputs} runs {provider_ms:.2} ms, on CPU {cpu_ms:.2} ms; answers \
                 differ by {difference:.4} at most"
            ),
            None => "nothing is measured yet".into(),
        };
        match outcome {
            Outcome::Open => write!(
                f,
                "the {model} model runs on CPU while {provider} is tried ({figures}; {} runs decide)",
                WARM_UP + TIMED
            ),
            Outcome::Taken => write!(f, "the {model} model runs on {provider} ({figures})"),
            Outcome::Slower => write!(
                f,
                "the {model} model stays on CPU, since {provider} is not faster by a fifth ({figures})"
            ),
            Outcome::Differs => {
                let by = measured.map(|measured| measured.difference).filter(|by| by.is_finite());
                let by = by.map_or("what is no number".into(), |by| format!("{by:.4}"));
                write!(
                    f,
                    "the {model} model stays on CPU, since {provider} answers otherwise (by {by} \
                     where {MOST_APART} is the most); --device cpu does not try it"
                )
            }
            Outcome::Failed(why) => {
                write!(f, "the {model} model stays on CPU, since {provider} failed: {why}")
            }
        }
    }
}

/// Whether what was measured is enough to decide, and how; `None` = not yet.
fn decide(measured: &Measured) -> Option<Outcome> {
    let Measured { inputs, cpu_ms, provider_ms, difference } = *measured;
    // What is no number is never good enough.
    if difference.is_nan() || difference > MOST_APART {
        return Some(Outcome::Differs);
    }
    if inputs < TIMED {
        return None;
    }
    match provider_ms <= MOST_TIME * cpu_ms {
        true => Some(Outcome::Taken),
        false => Some(Outcome::Slower),
    }
}

/// The most by which two answers differ; infinite where they cannot be compared.
fn apart(one: &[f32], other: &[f32]) -> f64 {
    if one.len() != other.len() {
        return f64::INFINITY;
    }
    one.iter().zip(other).fold(0.0, |most, (a, b)| {
        let apart = (f64::from(*a) - f64::from(*b)).abs();
        if apart.is_nan() { f64::INFINITY } else { apart.max(most) }
    })
}

fn median_ms(times: &[Duration]) -> f64 {
    let mut ms: Vec<f64> = times.iter().map(|time| 1e3 * time.as_secs_f64()).collect();
    ms.sort_by(f64::total_cmp);
    quantile(&ms, 0.5)
}

/// A trial that runs, or what came of it. Dropping it gives it up and does not wait.
#[derive(Debug)]
pub(super) struct Trial<C> {
    tried: Tried,
    /// One input waits at most; `None` once no more are wanted.
    out: Option<Sender<Asked>>,
    ended: Receiver<(Tried, Option<C>)>,
    patience: Duration,
}

impl<C: Candidate> Trial<C> {
    /// Begins to try what `open` opens, which is called on the trial's own thread.
    /// `patience`: how long [`offer`](Self::offer) may wait; zero wherever frames are watched.
    pub(super) fn start(
        model: ModelKind,
        provider: Provider,
        patience: Duration,
        open: impl FnOnce() -> Result<C, String> + Send + 'static,
    ) -> Self {
        let tried = Tried { model, provider, outcome: Outcome::Open, measured: None };
        let (out, asked) = bounded(1);
        let (end, ended) = bounded(1);
        let mut told = tried.clone();
        let work = move || {
            let taken = conduct(&mut told, open, &asked);
            if told.outcome != Outcome::Open {
                tracing::info!("{told}");
            }
            // The model may have gone.
            let _ = end.try_send((told, taken));
        };
        let mut trial = Self { tried, out: Some(out), ended, patience };
        if let Err(why) = background::thread("trial", work) {
            trial.fail(why.to_string());
        }
        trial
    }

    /// Offers what the CPU has just answered; nothing is made of it, and nothing waits, while
    /// the one before is still to be answered.
    pub(super) fn offer(&mut self, asked: impl FnOnce() -> Asked) {
        let Some(out) = &self.out else { return };
        if self.patience.is_zero() && out.is_full() {
            return;
        }
        match out.send_timeout(asked(), self.patience) {
            Ok(()) => {}
            // It hangs: it is not waited for again.
            Err(SendTimeoutError::Timeout(_)) => self.patience = Duration::ZERO,
            Err(SendTimeoutError::Disconnected(_)) => self.out = None,
        }
    }

    /// What came of it, and the model that is to be used from now on, if one is; once, when it
    /// has ended.
    pub(super) fn end(&mut self) -> Option<(&Tried, Option<C>)> {
        match self.ended.try_recv() {
            Ok((tried, taken)) => {
                (self.tried, self.out) = (tried, None);
                Some((&self.tried, taken))
            }
            Err(TryRecvError::Disconnected) if self.tried.outcome == Outcome::Open => {
                self.fail("it has crashed".into());
                Some((&self.tried, None))
            }
            Err(_) => None,
        }
    }

    /// How it stands.
    pub(super) fn tried(&self) -> &Tried {
        &self.tried
    }

    fn fail(&mut self, why: String) {
        (self.tried.outcome, self.out) = (Outcome::Failed(why), None);
        tracing::info!("{}", self.tried);
    }
}

/// Answers what was asked until it is decided, and gives what is to be taken.
fn conduct<C: Candidate>(
    tried: &mut Tried,
    open: impl FnOnce() -> Result<C, String>,
    asked: &Receiver<Asked>,
) -> Option<C> {
    let failed = |tried: &mut Tried, why| {
        tried.outcome = Outcome::Failed(why);
        None
    };
    let mut candidate = match open() {
        Ok(candidate) => candidate,
        Err(why) => return failed(tried, why),
    };
    let (mut on_cpu, mut on_other, mut difference) = (Vec::new(), Vec::new(), 0.0_f64);
    for (number, Asked { inputs, answers, took }) in asked.iter().enumerate() {
        let began = Instant::now();
        let answered = candidate.answer(&inputs);
        let other_took = began.elapsed();
        match answered {
            Ok(others) => difference = difference.max(apart(&answers, &others)),
            Err(why) => return failed(tried, why),
        }
        if number >= WARM_UP {
            on_cpu.push(took);
            on_other.push(other_took);
        }
        let measured = Measured {
            inputs: on_cpu.len(),
            cpu_ms: median_ms(&on_cpu),
            provider_ms: median_ms(&on_other),
            difference,
        };
        tried.measured = Some(measured);
        if let Some(outcome) = decide(&measured) {
            tried.outcome = outcome;
            break;
        }
    }
    (tried.outcome == Outcome::Taken).then_some(candidate)
}

#[cfg(test)]
#[path = "trial_tests.rs"]
mod tests;
