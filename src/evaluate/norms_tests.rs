use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::{
    monitor::blinks::FEATURES,
    stats::{deviation, mean},
};

const PEOPLE: u32 = 48;
const BLINKS: usize = 90;

/// What a generated film shows beside its blinks.
#[derive(Clone, Copy, PartialEq)]
enum Shows {
    /// Blinks that grow longer and slower with sleepiness.
    Sleepiness,
    /// Nothing of sleepiness: each film has its own light and seat, which move all of its
    /// blinks to one side or the other.
    Recording,
}

/// Films of people in four folds, measured by the last third of the alert one as published.
fn films(shows: Shows) -> Vec<BlinkVideo> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut videos = Vec::new();
    for person in 0..PEOPLE {
        let usual: [f64; 3] = [(0.15, 0.25), (5.0, 8.0), (0.03, 0.06)]
            .map(|(least, most)| rng.random_range(least..most));
        let spread = [0.03, 2.5, 0.01];
        let mut norm = [(0.0, 1.0); 3];
        for label in [0, 5, 10] {
            let sleepy = f64::from(label) / 10.0;
            let moved = match shows {
                Shows::Sleepiness => [0.0, 5.0 * sleepy, -0.012 * sleepy],
                Shows::Recording => [(0.05, 0.08), (2.0, 4.0), (0.008, 0.015)].map(|(a, b)| {
                    let by: f64 = rng.random_range(a..b);
                    if rng.random_bool(0.5) { by } else { -by }
                }),
            };
            let mut raw: Vec<[f64; 3]> = (0..BLINKS)
                .map(|_| {
                    let mut value =
                        |i: usize| usual[i] + moved[i] + rng.random_range(-spread[i]..spread[i]);
                    [value(0), value(1).round(), value(2)]
                })
                .collect();
            if label == 0 {
                let third = raw.split_off(BLINKS - BLINKS / 3);
                norm = [0, 1, 2].map(|i| {
                    let values: Vec<f64> = third.iter().map(|blink| blink[i]).collect();
                    (mean(&values), deviation(&values))
                });
            }
            let told = |blink: &[f64; 3], i: usize| ((blink[i] - norm[i].0) / norm[i].1) as f32;
            let blinks = raw.iter().map(|b| [0.0, told(b, 0), told(b, 1), told(b, 2)]).collect();
            let (fold, subject) = (person % 4 + 1, format!("p{person}"));
            videos.push(BlinkVideo { fold, subject, label, blinks });
        }
    }
    videos
}

fn measured(shows: Shows) -> Folds {
    control(&films(shows), &Bootstrap { draws: 50, seed: 1 }).unwrap()
}

fn aucs(by: &ByNorm) -> [f64; 3] {
    [&by.alert_norm, &by.low_norm, &by.drowsy_norm].map(|by| by.auc_alert_drowsy.value.unwrap())
}

#[test]
fn a_score_of_sleepiness_is_good_by_every_norm() {
    let folds = measured(Shows::Sleepiness);
    for by in [
        &folds.trained_by_every_norm.norm_third_left_out,
        &folds.trained_by_every_norm.same_blinks,
        &folds.trained_by_alert_norm.norm_third_left_out,
    ] {
        assert!(by.least_auc.unwrap() > 0.95, "{by:?}");
        assert!(by.auc_differs_by.unwrap() < 0.04, "{by:?}");
        assert!(by.unknown_norm.auc_alert_drowsy.value.unwrap() > 0.85, "{by:?}");
    }
    let alert = &folds.trained_by_every_norm.norm_third_left_out.alert_norm;
    assert_eq!(alert.videos, 3 * PEOPLE as usize);
    assert!(alert.drowsy_above_own_alert.unwrap() > 0.95, "{alert:?}");
    let [of_alert, _, of_drowsy] = alert.called_drowsy.map(Option::unwrap);
    assert!(of_alert < 0.1 && of_drowsy > 0.5, "{alert:?}");
    let auc = alert.auc_alert_drowsy;
    assert!(auc.low.unwrap() <= auc.value.unwrap() && auc.value <= auc.high, "{auc:?}");
}

#[test]
fn a_score_that_reads_the_recording_is_found_out() {
    let folds = measured(Shows::Recording);
    // The published way finds the film that is near its norm, and calls it alert.
    let [alert, _, drowsy] = aucs(&folds.trained_by_alert_norm.norm_third_left_out);
    assert!(alert > 0.85 && drowsy < 0.3, "alert norm {alert}, drowsy norm {drowsy}");
    // Trained by every norm there is nothing to be learned.
    let every = &folds.trained_by_every_norm;
    for by in [&every.norm_third_left_out, &every.same_blinks] {
        assert!(aucs(by).iter().all(|auc| *auc < 0.75), "{by:?}");
        assert!(by.least_auc.unwrap() < 0.7, "{by:?}");
    }
}

#[test]
fn a_list_without_folds_says_why() {
    let mut videos = films(Shows::Sleepiness);
    for video in &mut videos {
        video.fold = 5;
    }
    let why = control(&videos, &Bootstrap::default()).unwrap_err();
    assert!(why.contains("three folds"), "{why}");
}

#[test]
fn figures_of_a_norm_are_those_of_a_count_by_hand() {
    let row = |subject: &str, label: u8| Row {
        fold: 1,
        subject: subject.into(),
        label,
        norm: Norm::Low,
        features: [0.0; FEATURES],
    };
    let rows = [row("a", 0), row("a", 10), row("b", 0), row("b", 10), row("b", 5)];
    let scored: Vec<(&Row, f64)> = rows.iter().zip([1.0, 8.0, 7.0, 6.0, 4.0]).collect();
    let figures = NormFigures::of(&scored, &Bootstrap { draws: 0, seed: 1 });
    assert_eq!(figures.videos, 5);
    assert_eq!(figures.auc_alert_drowsy.value, Some(0.75));
    assert_eq!(figures.accuracy3.value, Some(0.6));
    assert_eq!(figures.drowsy_above_own_alert, Some(0.5));
    assert_eq!(figures.called_drowsy, [Some(0.5), Some(0.0), Some(0.5)]);
}
