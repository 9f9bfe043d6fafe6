//! Trains the blink model: ridge regression of the label (0, 5, 10) on what the last
//! blinks of a video look like together. With some 140 videos of 47 people anything larger
//! learned the people. What is told of it is measured by folds of other people.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    TrainError,
    export::PARITY,
    onnx::{Dim, GraphBuilder},
    record::write_whole,
};
use crate::{
    dataset::blinks::{BlinkVideo, read},
    evaluate::blinks::Figures,
    infer::{BlinkScorer, InferError, ModelSource, RuntimeOptions},
    monitor::blinks::{FEATURES, is_of_frequency},
    vit::{METADATA_KEY, ModelCard, ModelKind},
};

/// The model's file in the folder of a run.
pub const MODEL_FILE: &str = "blinks.onnx";
/// The scores of every video by the folds, beside it.
pub const SCORES_FILE: &str = "scores.json";

/// How the blink model is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlinkTrainConfig {
    /// The list of videos, one a line; see [`read`].
    pub videos: PathBuf,
    /// The folder to write.
    pub out: PathBuf,
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
            ridge: 300.0,
            resamples: 1000,
            seed: 72,
        }
    }
}

/// One video, described.
#[derive(Clone, Debug)]
struct Row {
    fold: u32,
    subject: String,
    label: u8,
    features: Vec<f64>,
}

/// A linear score of the features: `bias + weights . features`.
#[derive(Clone, Debug)]
struct Linear {
    weights: Vec<f64>,
    bias: f64,
}

impl Linear {
    fn score(&self, row: &Row) -> f64 {
        self.bias + self.weights.iter().zip(&row.features).map(|(w, x)| w * x).sum::<f64>()
    }
}

/// Trains by `config`, writes the model and its folds' scores, and gives the figures that
/// the folds measured.
///
/// # Errors
/// When the configuration or the list cannot be used, the folder cannot be written, or
/// ONNX Runtime is missing or computes something else.
pub fn run(config: &BlinkTrainConfig) -> Result<BTreeMap<String, f64>, TrainError> {
    if !(config.ridge.is_finite() && config.ridge > 0.0) {
        return Err(TrainError::Setting {
            field: "ridge",
            value: config.ridge.to_string(),
            why: "a positive number is needed",
        });
    }
    let rows = rows(&config.videos, read(&config.videos)?)?;
    let mut metrics = BTreeMap::new();
    let mut folds = BTreeMap::new();
    let mut heads = Vec::new();
    for (name, frequency) in [("with_frequency", true), ("without_frequency", false)] {
        let scores = cross_validated(&rows, frequency, config.ridge);
        tell(&mut metrics, name, &rows, &scores, config);
        let listed = rows.iter().zip(&scores).map(|(row, score)| {
            serde_json::json!({"fold": row.fold, "subject": row.subject, "label": row.label,
                "score": score})
        });
        folds.insert(name, listed.collect::<Vec<_>>());
        heads.push(calibrated(&rows.iter().collect::<Vec<_>>(), frequency, config.ridge));
    }
    let card = card(config, &rows, &metrics)?;
    let bytes = graph(&heads, &card)?;
    let path = config.out.join(MODEL_FILE);
    check(&path, &bytes, &heads, &rows)?;
    fs::create_dir_all(&config.out).map_err(TrainError::io(&config.out, "written"))?;
    super::settings::write(config, &config.out)?;
    write_whole(&config.out.join(SCORES_FILE), &serde_json::to_vec_pretty(&folds)?)?;
    write_whole(&path, &bytes)?;
    Ok(metrics)
}

fn rows(path: &Path, videos: Vec<BlinkVideo>) -> Result<Vec<Row>, TrainError> {
    let data = |why: &str| TrainError::Data { path: path.into(), why: why.into() };
    let mut rows = Vec::new();
    for video in videos {
        let Some(features) = video.features() else { continue };
        let features = features.map(f64::from).to_vec();
        rows.push(Row { fold: video.fold, subject: video.subject, label: video.label, features });
    }
    let folds: BTreeSet<u32> = rows.iter().map(|row| row.fold).collect();
    if folds.len() < 3 {
        return Err(data("three folds or more are needed: one to test and two to set the scale"));
    }
    let of_subject: BTreeSet<(&str, u32)> =
        rows.iter().map(|row| (row.subject.as_str(), row.fold)).collect();
    let subjects: BTreeSet<&str> = rows.iter().map(|row| row.subject.as_str()).collect();
    if of_subject.len() != subjects.len() {
        return Err(data("a person is in two folds; the figures would measure identity"));
    }
    for fold in folds {
        let labels: BTreeSet<u8> =
            rows.iter().filter(|row| row.fold == fold).map(|row| row.label).collect();
        if labels.len() < 3 {
            return Err(data("every fold needs videos of all three labels"));
        }
    }
    Ok(rows)
}

/// The score of every video by a model that was fitted, and whose scale was set, on the
/// people of the other folds only.
fn cross_validated(rows: &[Row], frequency: bool, ridge: f64) -> Vec<f64> {
    let folds: BTreeSet<u32> = rows.iter().map(|row| row.fold).collect();
    let mut scores = vec![0.0; rows.len()];
    for fold in folds {
        let others: Vec<&Row> = rows.iter().filter(|row| row.fold != fold).collect();
        let model = calibrated(&others, frequency, ridge);
        for (score, row) in scores.iter_mut().zip(rows).filter(|(_, row)| row.fold == fold) {
            *score = model.score(row);
        }
    }
    scores
}

/// A fit whose scale is set so that 10/3 and 20/3 part the classes: by its own folds, each
/// scored by the others, the share of scores below each is that of the labels below it.
fn calibrated(rows: &[&Row], frequency: bool, ridge: f64) -> Linear {
    let folds: BTreeSet<u32> = rows.iter().map(|row| row.fold).collect();
    let mut scores = Vec::with_capacity(rows.len());
    for fold in folds {
        let (own, others): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.fold == fold);
        let model = fit(&others, frequency, ridge);
        scores.extend(own.iter().map(|row| model.score(row)));
    }
    scores.sort_by(f64::total_cmp);
    let share =
        |below: u8| rows.iter().filter(|row| row.label < below).count() as f64 / rows.len() as f64;
    let at = |share: f64| {
        let place = share * scores.len().saturating_sub(1) as f64;
        let value = |i: usize| scores.get(i.min(scores.len() - 1)).copied().unwrap_or(5.0);
        let low = place.floor() as usize;
        value(low) + place.fract() * (value(low + 1) - value(low))
    };
    let (low, high) = (at(share(5)), at(share(10)));
    let stretch = (10.0 / 3.0) / (high - low).max(1e-3);
    let mut model = fit(rows, frequency, ridge);
    for weight in &mut model.weights {
        *weight *= stretch;
    }
    model.bias = 10.0 / 3.0 + (model.bias - low) * stretch;
    model
}

/// Ridge regression on features normalised over `rows`, told back in the features' own
/// units. Those of the frequency weigh nothing unless asked for.
fn fit(rows: &[&Row], frequency: bool, ridge: f64) -> Linear {
    let n = rows.len().max(1) as f64;
    let column = |i: usize| rows.iter().map(move |row| row.features[i]);
    let means: Vec<f64> = (0..FEATURES).map(|i| column(i).sum::<f64>() / n).collect();
    let spreads: Vec<f64> = (0..FEATURES)
        .map(|i| {
            let spread = (column(i).map(|x| (x - means[i]).powi(2)).sum::<f64>() / n).sqrt();
            if (frequency || !is_of_frequency(i)) && spread > 1e-9 { spread } else { f64::INFINITY }
        })
        .collect();
    let labels_mean = rows.iter().map(|row| f64::from(row.label)).sum::<f64>() / n;
    let mut gram = vec![vec![0.0; FEATURES]; FEATURES];
    let mut target = vec![0.0; FEATURES];
    for row in rows {
        let z: Vec<f64> =
            (0..FEATURES).map(|i| (row.features[i] - means[i]) / spreads[i]).collect();
        for i in 0..FEATURES {
            target[i] += z[i] * (f64::from(row.label) - labels_mean);
            for j in 0..FEATURES {
                gram[i][j] += z[i] * z[j];
            }
        }
    }
    for (i, row) in gram.iter_mut().enumerate() {
        row[i] += ridge;
    }
    let mut weights = solve(gram, target);
    for (weight, spread) in weights.iter_mut().zip(&spreads) {
        *weight /= spread;
    }
    let bias = labels_mean - weights.iter().zip(&means).map(|(w, m)| w * m).sum::<f64>();
    Linear { weights, bias }
}

/// Solves `a x = b` for a symmetric positive definite `a` (Cholesky); a ridge makes it so.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for j in 0..n {
        for i in j..n {
            let known: f64 = (0..j).map(|k| a[i][k] * a[j][k]).sum();
            let left = a[i][j] - known;
            a[i][j] = if i == j { left.max(f64::MIN_POSITIVE).sqrt() } else { left / a[j][j] };
        }
    }
    for i in 0..n {
        let known: f64 = (0..i).map(|k| a[i][k] * b[k]).sum();
        b[i] = (b[i] - known) / a[i][i];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| a[k][i] * b[k]).sum();
        b[i] = (b[i] - known) / a[i][i];
    }
    b
}

/// Adds the figures of `scores`, with intervals over resampled people.
fn tell(
    metrics: &mut BTreeMap<String, f64>,
    name: &str,
    rows: &[Row],
    scores: &[f64],
    config: &BlinkTrainConfig,
) {
    let of = |which: &[usize]| {
        let scored: Vec<_> = which.iter().map(|&i| (rows[i].label, scores[i])).collect();
        let figures = Figures::of(&scored);
        [figures.accuracy3, figures.auc_alert_drowsy]
    };
    let all: Vec<usize> = (0..rows.len()).collect();
    let mut people: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, row) in rows.iter().enumerate() {
        people.entry(&row.subject).or_default().push(i);
    }
    let people: Vec<Vec<usize>> = people.into_values().collect();
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    let resampled: Vec<[Option<f64>; 2]> = (0..config.resamples)
        .map(|_| {
            let drawn = people.iter().map(|_| &people[rng.random_range(0..people.len())]);
            of(&drawn.flatten().copied().collect::<Vec<_>>())
        })
        .collect();
    for (figure, (what, value)) in
        ["accuracy3", "auc_alert_drowsy"].into_iter().zip(of(&all)).enumerate()
    {
        let Some(value) = value else { continue };
        metrics.insert(format!("{name}.{what}"), value);
        let mut spread: Vec<f64> = resampled.iter().filter_map(|one| one[figure]).collect();
        spread.sort_by(f64::total_cmp);
        for (end, at) in [("low95", 0.025), ("high95", 0.975)] {
            let place = (at * spread.len().saturating_sub(1) as f64).round() as usize;
            if let Some(value) = spread.get(place) {
                metrics.insert(format!("{name}.{what}.{end}"), *value);
            }
        }
    }
}

fn card(
    config: &BlinkTrainConfig,
    rows: &[Row],
    metrics: &BTreeMap<String, f64>,
) -> Result<ModelCard, TrainError> {
    let list = fs::read(&config.videos).map_err(TrainError::io(&config.videos, "read"))?;
    let people: BTreeSet<&str> = rows.iter().map(|row| row.subject.as_str()).collect();
    let digest = Sha256::digest(&list);
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
        trained_on: format!("blinks of {} videos of {} people", rows.len(), people.len()),
        limits: "people before their own phone or webcam, who said themselves how sleepy they \
            were; their blinks are measured by the end of the alert recording, to which the \
            rest of the same recording is closer than any other; nobody drove"
            .into(),
        split: "the shipped weights have seen every video; the figures are of four folds by person"
            .into(),
        data_digest: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        metrics: metrics.clone(),
        vit: None,
    })
}

/// Input `features [N, F]`, output `scores [N, 2]`: with and without the frequency.
fn graph(heads: &[Linear], card: &ModelCard) -> Result<Vec<u8>, TrainError> {
    let mut g = GraphBuilder::new("blinks");
    let features = g.input("features", &[Dim::Named("N"), Dim::Fixed(FEATURES)]);
    let weights: Vec<f32> =
        (0..FEATURES).flat_map(|i| heads.iter().map(move |head| head.weights[i] as f32)).collect();
    let biases: Vec<f32> = heads.iter().map(|head| head.bias as f32).collect();
    let scores = g.linear(&features, FEATURES, heads.len(), &weights, &biases);
    g.output(&scores, "scores", &[Dim::Named("N"), Dim::Fixed(heads.len())]);
    let json = serde_json::to_string(card)?;
    Ok(g.finish(&[(METADATA_KEY, &json)])?)
}

/// Compares ONNX Runtime with the fit on every video.
fn check(path: &Path, bytes: &[u8], heads: &[Linear], rows: &[Row]) -> Result<(), TrainError> {
    let broken = |error: InferError| match error {
        InferError::Model(error) => TrainError::Model(error),
        error => TrainError::Data { path: path.into(), why: error.to_string() },
    };
    let source = ModelSource::Bytes(bytes.into());
    let mut scorer = BlinkScorer::load(&source, &RuntimeOptions::default()).map_err(broken)?;
    let mut worst = 0.0_f64;
    for row in rows {
        let mut features = [0.0; FEATURES];
        for (to, from) in features.iter_mut().zip(&row.features) {
            *to = *from as f32;
        }
        let score = scorer.score(&features).map_err(broken)?;
        let ran = [score.with_frequency, score.without_frequency].map(f64::from);
        for (ran, head) in ran.iter().zip(heads) {
            worst = worst.max((ran - head.score(row)).abs());
        }
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
