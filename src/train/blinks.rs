//! Trains the blink model: ridge regression of the label (0, 5, 10) on what the last
//! blinks of a video look like together, by every norm in turn, so that what reads the
//! recording is not learned. What is told of it is measured by folds of other people.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{TrainError, export::PARITY, record::write_whole};
use crate::{
    dataset::{
        blinks::{BlinkVideo, digest, read},
        norms::{Cut, Norm, by_norms},
    },
    evaluate::{
        bootstrap::Bootstrap,
        norms::{ByNorm, Trained},
        ridge::{Linear, PENALTY, Row, calibrated, cross_validated, no_folds, rows},
    },
    infer::{BlinkScorer, InferError, ModelSource, RuntimeOptions},
    monitor::blinks::FEATURES,
    onnx::{Dim, GraphBuilder},
    vit::{METADATA_KEY, ModelCard, ModelKind},
};

/// The model's file in the folder of a run.
pub(crate) const MODEL_FILE: &str = "blinks.onnx";
/// The scores of every video by every norm and by the folds, beside it.
pub(crate) const SCORES_FILE: &str = "scores.json";

/// How the blink model is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BlinkTrainConfig {
    /// The list of videos, one a line; see [`read`].
    pub videos: PathBuf,
    /// The folder to write.
    pub out: PathBuf,
    /// The films of a person by which their blinks are measured, in turn: `alert`, `low`,
    /// `drowsy`. By the alert one alone, as published, a model may read which film the norm
    /// was taken of; the figures by every norm tell.
    pub norms: Vec<Norm>,
    /// Penalty on the weights of normalised features.
    pub ridge: f64,
    /// Resamples of people for the intervals of the figures.
    pub resamples: u32,
    /// Seed of the resamples; the fit itself has nothing random.
    pub seed: u64,
}

impl Default for BlinkTrainConfig {
    fn default() -> Self {
        Self {
            videos: PathBuf::from("data/uta_blinks.jsonl"),
            out: PathBuf::from("runs/blinks"),
            norms: Norm::ALL.to_vec(),
            ridge: PENALTY,
            resamples: 1000,
            seed: 72,
        }
    }
}

/// Trains by `config`, writes the model and its folds' scores, and gives the figures that
/// the folds measured.
///
/// # Errors
/// When the configuration or the list cannot be used, the folder cannot be written, or
/// ONNX Runtime is missing or computes something else.
pub(crate) fn run(config: &BlinkTrainConfig) -> Result<BTreeMap<String, f64>, TrainError> {
    check_settings(config)?;
    let videos = read(&config.videos)?;
    let learned = rows(&by_norms(&videos, &config.norms, Cut::EveryThird));
    if let Some(why) = no_folds(&learned) {
        return Err(TrainError::Data { path: config.videos.clone(), why: why.into() });
    }
    let metrics = figures(config, &videos, &learned);
    let judged = rows(&by_norms(&videos, &Norm::ALL, Cut::NormThird));
    let scores = cross_validated(&learned, &judged, config.ridge);
    let listed = judged.iter().zip(&scores).map(|(row, score)| {
        serde_json::json!({"fold": row.fold, "subject": row.subject, "label": row.label,
            "norm": row.norm, "score": score})
    });
    let listed = serde_json::to_vec_pretty(&listed.collect::<Vec<_>>())?;
    let model = calibrated(&learned.iter().collect::<Vec<_>>(), config.ridge);
    let bytes = graph(&model, &card(config, &videos, &metrics)?)?;
    let path = config.out.join(MODEL_FILE);
    check(&path, &bytes, &model, &learned)?;
    fs::create_dir_all(&config.out).map_err(TrainError::io(&config.out, "written"))?;
    super::settings::write(config, &config.out)?;
    write_whole(&config.out.join(SCORES_FILE), &listed)?;
    write_whole(&path, &bytes)?;
    Ok(metrics)
}

fn check_settings(config: &BlinkTrainConfig) -> Result<(), TrainError> {
    if !(config.ridge.is_finite() && config.ridge > 0.0) {
        return Err(TrainError::Setting {
            field: "ridge",
            value: config.ridge.to_string(),
            why: "a positive number is needed",
        });
    }
    let different: BTreeSet<Norm> = config.norms.iter().copied().collect();
    if different.is_empty() || different.len() < config.norms.len() {
        return Err(TrainError::Setting {
            field: "norms",
            value: format!("{:?}", config.norms),
            why: "one or more of alert, low and drowsy are needed, each once",
        });
    }
    Ok(())
}

/// The figures by every norm, by folds of other people: of this training (`alert_norm.`,
/// `low_norm.`, ...), of the same blinks by every norm (`same_blinks.`), and of the published
/// way to train (`published.`).
fn figures(
    config: &BlinkTrainConfig,
    videos: &[BlinkVideo],
    learned: &[Row],
) -> BTreeMap<String, f64> {
    let bootstrap = Bootstrap { draws: config.resamples, seed: config.seed };
    let trained = Trained::by_folds(learned, videos, config.ridge, &bootstrap);
    let published = Trained::as_published(videos, config.ridge, &bootstrap);
    let mut metrics = BTreeMap::new();
    tell(&mut metrics, "", &trained.norm_third_left_out);
    tell(&mut metrics, "same_blinks.", &trained.same_blinks);
    tell(&mut metrics, "published.", &published.norm_third_left_out);
    metrics
}

/// Adds figures under names that begin so; those that cannot be told are left out.
fn tell(metrics: &mut BTreeMap<String, f64>, begin: &str, by: &ByNorm) {
    for (norm, figures) in by.named() {
        let estimates =
            [("auc_alert_drowsy", figures.auc_alert_drowsy), ("accuracy3", figures.accuracy3)];
        for (what, estimate) in estimates {
            let ends = [("", estimate.value), (".low95", estimate.low), (".high95", estimate.high)];
            for (end, value) in ends {
                metrics.extend(value.map(|value| (format!("{begin}{norm}.{what}{end}"), value)));
            }
        }
        let called = ["alert", "low", "drowsy"].into_iter().zip(figures.called_drowsy);
        let called = called.map(|(film, share)| (format!("called_drowsy.{film}"), share));
        let own = ("drowsy_above_own_alert".to_owned(), figures.drowsy_above_own_alert);
        for (what, value) in called.chain([own]) {
            metrics.extend(value.map(|value| (format!("{begin}{norm}.{what}"), value)));
        }
    }
}

fn card(
    config: &BlinkTrainConfig,
    videos: &[BlinkVideo],
    metrics: &BTreeMap<String, f64>,
) -> Result<ModelCard, TrainError> {
    let people: BTreeSet<&str> = videos.iter().map(|video| video.subject.as_str()).collect();
    Ok(ModelCard {
        kind: ModelKind::Blinks,
        name: "blinks".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        image_px: 0,
        patch_px: 0,
        channels: 0,
        mean: vec![],
        std: vec![],
        labels: ["alert", "low vigilance", "drowsy"].map(Into::into).to_vec(),
        q_mask: vec![],
        threshold: 20.0 / 3.0,
        licence: "learned from the blink features of UTA-RLDD, published by its authors under \
            the MIT licence"
            .into(),
        trained_on: format!(
            "blinks of {} videos of {} people, without the last third of each, by {}",
            videos.len(),
            people.len(),
            match config.norms.as_slice() {
                [_] => "one norm",
                [_, _] => "two norms",
                _ => "every norm",
            }
        ),
        limits: "people before their own phone or webcam, who said themselves how sleepy they \
            were; nobody drove. A person is measured by other blinks of their own: the sleepier \
            those were, the fewer drowsy films are called so. The figures called published are \
            of a training by the alert norm alone, which also reads which film the norm was \
            taken of"
            .into(),
        split: "the shipped weights have seen every video; the figures are of folds by person, \
            by the person's alert, low and drowsy film as the norm, and by all of them mixed"
            .into(),
        data_digest: digest(&config.videos)?,
        metrics: metrics.clone(),
        vit: None,
    })
}

/// Input `features [N, F]`, output `scores [N, 1]`.
fn graph(model: &Linear, card: &ModelCard) -> Result<Vec<u8>, TrainError> {
    let mut g = GraphBuilder::new("blinks");
    let features = g.input("features", &[Dim::Named("N"), Dim::Fixed(FEATURES)]);
    let weights: Vec<f32> = model.weights.iter().map(|weight| *weight as f32).collect();
    let scores = g.linear(&features, FEATURES, 1, &weights, &[model.bias as f32]);
    g.output(&scores, "scores", &[Dim::Named("N"), Dim::Fixed(1)]);
    let json = serde_json::to_string(card)?;
    Ok(g.finish(&[(METADATA_KEY, &json)])?)
}

/// Compares ONNX Runtime with the fit on every video by every norm.
fn check(path: &Path, bytes: &[u8], model: &Linear, rows: &[Row]) -> Result<(), TrainError> {
    let broken = |error: InferError| match error {
        InferError::Model(error) => TrainError::Model(error),
        error => TrainError::Data { path: path.into(), why: error.to_string() },
    };
    let source = ModelSource::Bytes(bytes.into());
    let mut scorer = BlinkScorer::load(&source, &RuntimeOptions::default()).map_err(broken)?;
    let mut worst = 0.0_f64;
    for row in rows {
        let features = row.features.map(|value| value as f32);
        let ran = f64::from(scorer.score(&features).map_err(broken)?.value);
        worst = worst.max((ran - model.score(row)).abs());
    }
    // Scores reach 10, so that f32 leaves a few millionths.
    if worst >= f64::from(PARITY) {
        return Err(TrainError::Parity { path: path.into(), difference: worst as f32 });
    }
    Ok(())
}

#[cfg(test)]
#[path = "blinks_tests.rs"]
mod tests;
