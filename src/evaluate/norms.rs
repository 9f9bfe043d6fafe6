//! The control of the blink model: does its score read the sleeper, or the recording that
//! the norm was taken of? The same films are measured by the alert, the low and the drowsy
//! film of the same person in turn. What is about equally good by each is real.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::Serialize;

use super::{
    EvaluateError,
    blinks::{CLASSES_PART, Figures},
    bootstrap::{Bootstrap, Estimate},
    ridge::{PENALTY, Row, cross_validated, no_folds, rows},
};
use crate::{
    dataset::{
        blinks::{BlinkVideo, digest, read},
        norms::{Cut, Norm, by_norms},
    },
    infer::{BlinkScorer, ModelSource, RuntimeOptions},
};

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NormsReport {
    /// Videos of the list.
    pub videos: usize,
    /// Their people.
    pub people: usize,
    /// Models fitted on the people of the other folds; `None` where the list has no such
    /// folds.
    pub folds: Option<Folds>,
    /// Why there are none.
    pub why_no_folds: Option<&'static str>,
    /// The model as it is, on the whole list.
    pub model: ModelByNorms,
}

/// What the people of other folds teach, measured by every norm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Folds {
    /// Trained by every norm, on the same blinks by each: as the shipped model is.
    pub trained_by_every_norm: Trained,
    /// Trained as published, by the alert norm alone: the control.
    pub trained_by_alert_norm: Trained,
}

/// A model as it is, by every norm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelByNorms {
    /// Its name and version.
    pub name: String,
    /// Whether it learned from this very list, so that these are figures of a fit and not of
    /// strangers.
    pub learned_from_this_list: bool,
    /// What it measures.
    #[serde(flatten)]
    pub figures: Trained,
}

/// The figures of one way to train.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trained {
    /// Films whole but for the third that is the norm, as published.
    pub norm_third_left_out: ByNorm,
    /// Every film without its last third: the same blinks by every norm.
    pub same_blinks: ByNorm,
}

/// Figures by each norm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ByNorm {
    /// By the person's alert film.
    pub alert_norm: NormFigures,
    /// By their film of low vigilance.
    pub low_norm: NormFigures,
    /// By their drowsy film.
    pub drowsy_norm: NormFigures,
    /// All of these together: nobody knows by which norm a film was measured, as in a drive.
    pub unknown_norm: NormFigures,
    /// The least AUC by one of the three norms.
    pub least_auc: Option<f64>,
    /// How much the largest is above it.
    pub auc_differs_by: Option<f64>,
}

/// Figures by one norm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NormFigures {
    /// Videos that were scored; people whose film is too short to be a norm are left out.
    pub videos: usize,
    /// Chance that a drowsy video scores above an alert one, with 95% over people.
    pub auc_alert_drowsy: Estimate,
    /// Share of videos put into the right of three classes, 0..1, with 95% over people.
    pub accuracy3: Estimate,
    /// Share of people whose drowsy video scores above their own alert one, 0..1.
    pub drowsy_above_own_alert: Option<f64>,
    /// Share that is called drowsy, 0..1, of the alert, the low and the drowsy videos.
    pub called_drowsy: [Option<f64>; 3],
}

impl NormFigures {
    fn of(scored: &[(&Row, f64)], bootstrap: &Bootstrap) -> Self {
        let subjects: Vec<&str> = scored.iter().map(|(row, _)| row.subject.as_str()).collect();
        let estimates = bootstrap.estimates(&subjects, |counts| {
            let drawn: Vec<(u8, f64)> = scored
                .iter()
                .zip(counts)
                .flat_map(|((row, score), count)| {
                    std::iter::repeat_n((row.label, *score), *count as usize)
                })
                .collect();
            let figures = Figures::of(&drawn);
            vec![figures.auc_alert_drowsy, figures.accuracy3]
        });
        let estimate = |at: usize| estimates.get(at).copied().unwrap_or_default();
        let called = |label: u8| {
            let of = || scored.iter().filter(move |(row, _)| row.label == label);
            let held = of().filter(|(_, score)| *score >= CLASSES_PART[1]).count();
            share(held, of().count())
        };
        let mut own: BTreeMap<(&str, Norm), [Option<f64>; 2]> = BTreeMap::new();
        for (row, score) in scored.iter().filter(|(row, _)| row.label != 5) {
            let ends = own.entry((row.subject.as_str(), row.norm)).or_default();
            ends[usize::from(row.label == 10)] = Some(*score);
        }
        let pairs: Vec<bool> =
            own.values().filter_map(|[alert, drowsy]| Some((*drowsy)? > (*alert)?)).collect();
        Self {
            videos: scored.len(),
            auc_alert_drowsy: estimate(0),
            accuracy3: estimate(1),
            drowsy_above_own_alert: share(
                pairs.iter().filter(|above| **above).count(),
                pairs.len(),
            ),
            called_drowsy: [0, 5, 10].map(called),
        }
    }
}

fn share(held: usize, of: usize) -> Option<f64> {
    (of > 0).then(|| held as f64 / of as f64)
}

impl ByNorm {
    fn of(judged: &[Row], scores: &[f64], bootstrap: &Bootstrap) -> Self {
        let by = |norm: Option<Norm>| {
            let scored: Vec<(&Row, f64)> = judged
                .iter()
                .zip(scores.iter().copied())
                .filter(|(row, _)| norm.is_none_or(|norm| row.norm == norm))
                .collect();
            NormFigures::of(&scored, bootstrap)
        };
        let [alert_norm, low_norm, drowsy_norm] = Norm::ALL.map(|norm| by(Some(norm)));
        let aucs = [&alert_norm, &low_norm, &drowsy_norm].map(|by| by.auc_alert_drowsy.value);
        let all: Option<Vec<f64>> = aucs.into_iter().collect();
        let all = all.unwrap_or_default();
        let least_auc = all.iter().copied().reduce(f64::min);
        let most = all.iter().copied().reduce(f64::max);
        Self {
            alert_norm,
            low_norm,
            drowsy_norm,
            unknown_norm: by(None),
            least_auc,
            auc_differs_by: most.zip(least_auc).map(|(most, least)| most - least),
        }
    }

    /// The figures with the names under which a card keeps them.
    pub fn named(&self) -> [(&'static str, &NormFigures); 4] {
        [
            ("alert_norm", &self.alert_norm),
            ("low_norm", &self.low_norm),
            ("drowsy_norm", &self.drowsy_norm),
            ("unknown_norm", &self.unknown_norm),
        ]
    }
}

impl Trained {
    /// The figures of what gives each row of a list its score.
    fn measured<E>(
        videos: &[BlinkVideo],
        bootstrap: &Bootstrap,
        mut scores: impl FnMut(&[Row]) -> Result<Vec<f64>, E>,
    ) -> Result<Self, E> {
        let mut by = |cut: Cut| -> Result<ByNorm, E> {
            let judged = rows(&by_norms(videos, &Norm::ALL, cut));
            Ok(ByNorm::of(&judged, &scores(&judged)?, bootstrap))
        };
        Ok(Self { norm_third_left_out: by(Cut::NormThird)?, same_blinks: by(Cut::EveryThird)? })
    }

    /// The figures of a training on `learned`, each person judged by the other folds.
    pub fn by_folds(
        learned: &[Row],
        videos: &[BlinkVideo],
        penalty: f64,
        bootstrap: &Bootstrap,
    ) -> Self {
        let scores = |judged: &[Row]| {
            Ok::<_, std::convert::Infallible>(cross_validated(learned, judged, penalty))
        };
        let Ok(trained) = Self::measured(videos, bootstrap, scores);
        trained
    }

    /// The figures of the published way to train: by the alert norm alone.
    pub fn as_published(videos: &[BlinkVideo], penalty: f64, bootstrap: &Bootstrap) -> Self {
        let learned = rows(&by_norms(videos, &[Norm::Alert], Cut::NormThird));
        Self::by_folds(&learned, videos, penalty, bootstrap)
    }
}

/// Measures the two ways to train on a list that has folds by person.
///
/// # Errors
/// Why the list has no folds to measure by.
pub fn control(videos: &[BlinkVideo], bootstrap: &Bootstrap) -> Result<Folds, &'static str> {
    let learned = rows(&by_norms(videos, &Norm::ALL, Cut::EveryThird));
    match no_folds(&learned) {
        Some(why) => Err(why),
        None => Ok(Folds {
            trained_by_every_norm: Trained::by_folds(&learned, videos, PENALTY, bootstrap),
            trained_by_alert_norm: Trained::as_published(videos, PENALTY, bootstrap),
        }),
    }
}

/// Measures the built-in model on a list by every norm, and what its folds teach.
///
/// # Errors
/// When the list cannot be used, or the model cannot be had or run.
pub fn run(path: &Path, bootstrap: &Bootstrap) -> Result<NormsReport, EvaluateError> {
    measure(path, &ModelSource::Embedded, bootstrap)
}

/// Measures a blink model on a list by every norm, and what the list's folds teach.
///
/// # Errors
/// When the list cannot be used, or the model cannot be had or run.
pub fn measure(
    path: &Path,
    model: &ModelSource,
    bootstrap: &Bootstrap,
) -> Result<NormsReport, EvaluateError> {
    let videos = read(path)?;
    let mut scorer = BlinkScorer::load(model, &RuntimeOptions::default())?;
    let figures = Trained::measured(&videos, bootstrap, |judged| {
        let score = |row: &Row| -> Result<f64, EvaluateError> {
            let features = row.features.map(|value| value as f32);
            Ok(f64::from(scorer.score(&features)?.value))
        };
        judged.iter().map(score).collect::<Result<Vec<f64>, EvaluateError>>()
    })?;
    let (folds, why_no_folds) = match control(&videos, bootstrap) {
        Ok(folds) => (Some(folds), None),
        Err(why) => (None, Some(why)),
    };
    let people: BTreeSet<&str> = videos.iter().map(|video| video.subject.as_str()).collect();
    Ok(NormsReport {
        videos: videos.len(),
        people: people.len(),
        folds,
        why_no_folds,
        model: ModelByNorms {
            name: format!("{} {}", scorer.card().name, scorer.card().version),
            learned_from_this_list: scorer.card().data_digest == digest(path)?,
            figures,
        },
    })
}

#[cfg(test)]
#[path = "norms_tests.rs"]
mod tests;
