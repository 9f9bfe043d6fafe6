//! Trials that are played: providers that are right, wrong, fail, crash and hang.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use super::*;

/// Answers the n-th input as it is told.
struct Fake<F>(F, usize);

impl<F: FnMut(usize, &[Input]) -> Result<Vec<f32>, String> + Send + 'static> Candidate for Fake<F> {
    fn answer(&mut self, inputs: &[Input]) -> Result<Vec<f32>, String> {
        self.1 += 1;
        (self.0)(self.1, inputs)
    }
}

/// Longer than any of the fakes takes, however busy the machine is.
const LONG: Duration = Duration::from_secs(20);

/// What the CPU makes of an input: the same values.
fn asked(number: usize, took: Duration) -> Asked {
    let values = vec![number as f32, 0.5];
    Asked { inputs: vec![("image", vec![1, 2], values.clone())], answers: values, took }
}

fn same(inputs: &[Input]) -> Vec<f32> {
    inputs[0].2.clone()
}

fn begin<F>(patience: Duration, says: F) -> Trial<Fake<F>>
where
    F: FnMut(usize, &[Input]) -> Result<Vec<f32>, String> + Send + 'static,
{
    Trial::start(ModelKind::Landmarks, Provider::Cuda, patience, || Ok(Fake(says, 0)))
}

/// Plays a trial to its end; how many inputs that took, what came of it and whether it is taken.
fn play<C: Candidate>(trial: &mut Trial<C>, cpu: Duration) -> (usize, Tried, bool) {
    for number in 0..1000 {
        trial.offer(|| asked(number, cpu));
        if let Some((tried, taken)) = trial.end() {
            return (number, tried.clone(), taken.is_some());
        }
        if trial.out.is_none() {
            // It has ended, and says so in a moment.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    panic!("the trial does not end: {:?}", trial.tried());
}

#[test]
fn only_what_agrees_and_is_faster_by_a_fifth_is_taken() {
    let decided = |inputs, provider_ms, difference| {
        decide(&Measured { inputs, cpu_ms: 2.0, provider_ms, difference })
    };
    assert_eq!(decided(30, 1.59, 0.004), Some(Outcome::Taken));
    assert_eq!(decided(30, 1.6, 0.0), Some(Outcome::Taken));
    assert_eq!(decided(30, 1.61, 0.0), Some(Outcome::Slower), "faster by less than a fifth");
    assert_eq!(decided(30, 4.1, 0.0), Some(Outcome::Slower));
    assert_eq!(decided(30, f64::NAN, 0.0), Some(Outcome::Slower));
    for difference in [0.0051, 1.0, f64::INFINITY, f64::NAN] {
        assert_eq!(decided(30, 0.1, difference), Some(Outcome::Differs), "{difference}");
        assert_eq!(decided(3, 0.1, difference), Some(Outcome::Differs), "more cannot mend it");
    }
    assert_eq!(decided(29, 0.1, 0.0), None, "too few");
    assert_eq!(decided(0, 0.0, 0.0), None, "too few");
}

#[test]
fn answers_that_cannot_be_compared_are_infinitely_apart() {
    assert_eq!(apart(&[0.25, 1.0], &[0.5, 1.0]), 0.25);
    assert_eq!(apart(&[], &[]), 0.0);
    for other in [&[0.0, f32::NAN][..], &[f32::NAN, 0.0], &[0.0], &[0.0, f32::INFINITY]] {
        assert_eq!(apart(&[0.0, 0.0], other), f64::INFINITY, "{other:?}");
    }
}

#[test]
fn a_fast_provider_that_is_right_is_taken() {
    let mut trial = begin(LONG, |_, inputs| Ok(same(inputs)));
    let (_, tried, taken) = play(&mut trial, LONG);
    let measured = tried.measured.unwrap();
    assert_eq!((&tried.outcome, taken), (&Outcome::Taken, true));
    assert_eq!((measured.inputs, measured.difference, measured.cpu_ms), (TIMED, 0.0, 20e3));
    assert!(trial.end().is_none(), "once");
    assert_eq!(trial.tried(), &tried);
    let told = tried.to_string();
    assert!(told.starts_with("the landmarks model runs on CUDA (median of 30 runs"), "{told}");
}

#[test]
fn a_provider_that_is_right_and_not_faster_is_not_taken() {
    let mut trial = begin(LONG, |_, inputs| Ok(same(inputs)));
    let (_, tried, taken) = play(&mut trial, Duration::ZERO);
    assert_eq!((&tried.outcome, taken, tried.is_wrong()), (&Outcome::Slower, false, false));
    let told = tried.to_string();
    assert!(told.contains("stays on CPU") && told.contains("not faster by a fifth"), "{told}");
}

#[test]
fn a_fast_provider_that_is_wrong_is_not_taken() {
    for wrong in [0.3, f32::NAN] {
        let mut trial = begin(LONG, move |number, inputs| {
            let mut values = same(inputs);
            if number == 20 {
                values[1] = wrong;
            }
            Ok(values)
        });
        let (offered, tried, taken) = play(&mut trial, LONG);
        assert_eq!((&tried.outcome, taken, tried.is_wrong()), (&Outcome::Differs, false, true));
        assert!((20..TIMED).contains(&offered), "{offered}: it is not tried on");
        let by = if wrong.is_nan() { "no number" } else { "0.2000" };
        assert!(tried.to_string().contains(by), "{tried}");
    }
}

#[test]
fn a_provider_that_does_not_open_fails_or_crashes_is_told_and_not_taken() {
    type Says = fn(usize, &[Input]) -> Result<Vec<f32>, String>;
    let closed = || Err::<Fake<Says>, _>("no card".to_owned());
    let mut trial = Trial::start(ModelKind::Drowsiness, Provider::Cuda, LONG, closed);
    let (_, tried, taken) = play(&mut trial, LONG);
    assert_eq!((&tried.outcome, taken), (&Outcome::Failed("no card".into()), false));
    let told = tried.to_string();
    assert_eq!(told, "the drowsiness model stays on CPU, since CUDA failed: no card");
    let json = serde_json::to_value(&tried).unwrap();
    let wanted = serde_json::json!({
        "model": "drowsiness", "provider": "cuda", "outcome": "failed", "why": "no card",
        "measured": null,
    });
    assert_eq!(json, wanted);

    let mut trial = begin(LONG, |number, inputs| match number {
        17 => Err("an illegal memory access".into()),
        _ => Ok(same(inputs)),
    });
    let (_, tried, taken) = play(&mut trial, LONG);
    assert_eq!((tried.is_wrong(), taken, tried.measured.unwrap().inputs), (true, false, 11));
    assert!(tried.to_string().ends_with("illegal memory access"), "{tried}");

    let mut trial = begin(LONG, |_, _| panic!("a provider's library"));
    let (_, tried, taken) = play(&mut trial, LONG);
    assert_eq!((tried.outcome, taken), (Outcome::Failed("it has crashed".into()), false));
}

#[test]
fn a_provider_that_hangs_holds_up_nobody_and_is_given_no_more() {
    let (release, held) = bounded::<()>(0);
    let mut trial = begin(Duration::ZERO, move |_, inputs| {
        let _ = held.recv();
        Ok(same(inputs))
    });
    let made = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    for number in 0..100_000 {
        trial.offer(|| {
            made.fetch_add(1, SeqCst);
            asked(number, LONG)
        });
        assert!(trial.end().is_none());
    }
    // One is being answered, one waits; no other is even copied.
    assert!((1..=2).contains(&made.load(SeqCst)), "{made:?}");
    assert_eq!(trial.tried().outcome, Outcome::Open);
    assert!(trial.tried().to_string().contains("while CUDA is tried"), "{}", trial.tried());
    drop(trial);
    assert!(began.elapsed() < LONG, "nothing waits for it, not even its end");
    drop(release);
}

#[test]
fn a_patient_trial_waits_once_for_what_hangs() {
    let (release, held) = bounded::<()>(0);
    let mut trial = begin(Duration::from_millis(20), move |_, inputs| {
        let _ = held.recv();
        Ok(same(inputs))
    });
    for number in 0..100_000 {
        trial.offer(|| asked(number, LONG));
    }
    assert!(trial.patience.is_zero() && trial.end().is_none());
    drop(release);
}
