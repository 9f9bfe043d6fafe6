//! What a classifier is worth on the crops it has not learned from: by collection, since
//! a good mean can hide a bad one, and closed against open eyes across collections.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};

use super::{
    TrainError,
    classifier::Classifier,
    graph::Normalisation,
    samples::{Sample, push_patch},
    vit::positions,
    weights::values,
};
use crate::{
    dataset::manifest::{Item, Label},
    evaluate::metrics::{Confusion, Scored, auc, calibration_error, log_loss},
    vit::VitConfig,
};

/// A class of a collection with fewer crops says nothing about it.
const LEAST: usize = 5;

/// Samples as the network takes them: patches `[n, shown, values]`, their mask
/// `[n, shown]` and the positions `[1, shown, dim]`.
pub fn tensors(
    samples: &[Sample],
    vit: &VitConfig,
    by: &Normalisation,
    device: &Device,
) -> (Tensor<3>, Tensor<2>, Tensor<3>) {
    let shown = vit.shown_patches();
    let keep: Vec<f32> = samples
        .iter()
        .flat_map(|sample| shown.iter().map(|&at| f32::from(u8::from(sample.keep[at]))))
        .collect();
    (
        patches(samples, &shown, vit, by, device),
        Tensor::from_data(TensorData::new(keep, [samples.len(), shown.len()]), device),
        positions(vit.grid().side, vit.dim, &[shown], device),
    )
}

/// The patches at `places` of each sample, `[n, places, values]`.
pub fn patches(
    samples: &[Sample],
    places: &[usize],
    vit: &VitConfig,
    by: &Normalisation,
    device: &Device,
) -> Tensor<3> {
    let [n, count, values] = [samples.len(), places.len(), vit.patch_values()];
    let mut pixels = Vec::with_capacity(n * count * values);
    for sample in samples {
        for &at in places {
            push_patch(&sample.picture.data, at, vit, by, &mut pixels);
        }
    }
    Tensor::from_data(TensorData::new(pixels, [n, count, values]), device)
}

/// What the network says of a crop, as log-odds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// Of drowsy, before any temperature.
    pub odds: f64,
    /// Of the left and of the right eye being shut, where it has heads on the eyes.
    pub shut: Option<[f64; 2]>,
    /// Of either being seen.
    pub seen: Option<[f64; 2]>,
}

/// Judges samples.
///
/// # Errors
/// When the network does not compute in 32-bit floats.
pub fn judge(
    model: &Classifier,
    samples: &[Sample],
    vit: &VitConfig,
    by: &Normalisation,
    device: &Device,
) -> Result<Vec<Judged>, TrainError> {
    let (patches, keep, places) = tensors(samples, vit, by, device);
    let answer = model.forward(patches, places, keep);
    let logits = values(&answer.logits)?;
    let eyes = answer.eyes.as_ref().map(values).transpose()?;
    let judged = logits.chunks(2).enumerate().map(|(at, pair)| {
        // Shut and seen of the left eye, then of the right one.
        let of = |which: usize| {
            let eyes = eyes.as_ref()?;
            Some([4 * at + which, 4 * at + 2 + which].map(|of| f64::from(eyes[of])))
        };
        Judged { odds: f64::from(pair[1]) - f64::from(pair[0]), shut: of(0), seen: of(1) }
    });
    Ok(judged.collect())
}

/// The probability of these log-odds.
pub fn probability(odds: f64) -> f64 {
    1.0 / (1.0 + (-odds).exp())
}

/// Figures by name, and the threshold they are given for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// `auc_yawdd`, `balanced_accuracy_yawdd`, ...
    pub by_name: BTreeMap<String, f64>,
    /// Probability of drowsy from which a crop was called drowsy.
    pub threshold: f64,
    /// What log-odds were divided by, so that the probabilities mean what they say.
    pub temperature: f64,
    /// Mean of the AUCs of the groups that are not noisy: what training selects by.
    pub mean_auc: f64,
    /// Counts of truth against answer at the threshold, by group.
    pub confusion: BTreeMap<String, Confusion>,
}

/// Crops by the name of their group.
type Groups<'i> = BTreeMap<&'i str, Vec<Scored>>;

/// Measures the log-odds `odds` of the crops `which` among `items`.
///
/// The groups are the collections that hold both classes, and `eyes`: all crops of
/// collections with one class only (closed eyes here, open ones there). The temperature
/// is the one with the smallest loss, the threshold (of the probabilities after it) the
/// one next to one half that has the best balanced accuracy, each as the mean over the
/// groups, but for the collections in `noisy`. Figures ending in `_trusted` are of all crops
/// but theirs.
pub fn measure(items: &[Item], which: &[usize], odds: &[f64], noisy: &[String]) -> Figures {
    let is_trusted = |name: &str| !noisy.iter().any(|one| one == name);
    let (mut trusted, mut others): (Groups<'_>, Groups<'_>) =
        groups(items, which, odds).into_iter().partition(|(name, _)| is_trusted(name));
    let temperature = temperature(&trusted);
    for one in trusted.values_mut().chain(others.values_mut()).flatten() {
        one.probability = probability(one.probability / temperature);
    }
    let threshold = threshold(&trusted);
    let mut figures = Figures { threshold, temperature, ..Figures::default() };
    figures.by_name.insert("temperature".into(), temperature);
    let mut aucs = Vec::new();
    let sure: Vec<Scored> = trusted.values().flatten().copied().collect();
    let everything: Vec<Scored> = sure.iter().chain(others.values().flatten()).copied().collect();
    let sums = [("all", &everything), ("trusted", &sure)];
    for (name, scored) in trusted.iter().chain(&others).map(|(n, s)| (*n, s)).chain(sums) {
        let confusion = Confusion::count(scored, threshold);
        let area = auc(scored);
        aucs.extend(area.filter(|_| trusted.contains_key(name)));
        for (what, value) in [
            ("auc", area),
            ("balanced_accuracy", confusion.balanced_accuracy()),
            ("f1", confusion.f1()),
            ("loss", log_loss(scored)),
            ("calibration_error", calibration_error(scored)),
        ] {
            if let Some(value) = value {
                figures.by_name.insert(format!("{what}_{name}"), round(value));
            }
        }
        figures.by_name.insert(format!("crops_{name}"), scored.len() as f64);
        figures.confusion.insert(name.into(), confusion);
    }
    figures.mean_auc = aucs.iter().sum::<f64>() / aucs.len().max(1) as f64;
    figures
}

/// Adds to `figures` how well the heads on the eyes tell shut from open ones, `auc_eye_...` by
/// collection and once over those with one class alone; what shows nothing but eyes is
/// chosen by, too. `eyes` are crops with the log-odds of either eye.
pub fn measure_eyes(
    items: &[Item],
    eyes: impl Iterator<Item = (usize, [f64; 2])>,
    figures: &mut Figures,
) {
    let mut by_collection: BTreeMap<&str, Vec<Scored>> = BTreeMap::new();
    let mut alone: Vec<&str> = Vec::new();
    for (at, odds) in eyes {
        let item = &items[at];
        let Some(drowsy) = item.eyes_closed else { continue };
        let scored = odds.map(|odds| Scored { drowsy, probability: probability(odds) });
        by_collection.entry(&item.collection).or_default().extend(scored);
        if item.eyes_only {
            alone.push(&item.collection);
        }
    }
    let mut groups = Groups::new();
    for (name, scored) in by_collection {
        let whole = smaller_class(&scored) >= LEAST;
        groups.entry(if whole { name } else { "eyes" }).or_default().extend(scored);
    }
    let mut chosen_by = vec![figures.mean_auc];
    for (name, scored) in &groups {
        let Some(area) = auc(scored) else { continue };
        figures.by_name.insert(format!("auc_eye_{name}"), round(area));
        chosen_by.extend(alone.contains(name).then_some(area));
    }
    figures.mean_auc = chosen_by.iter().sum::<f64>() / chosen_by.len() as f64;
}

/// Adds to `figures` how well the heads on the eyes tell eyes that nobody can read from those
/// that somebody did, `auc_unreadable`. `eyes` are crops with the log-odds of either eye being
/// seen.
pub fn measure_seen(
    items: &[Item],
    eyes: impl Iterator<Item = (usize, [f64; 2])>,
    figures: &mut Figures,
) {
    let scored: Vec<Scored> = eyes
        .filter_map(|(at, odds)| {
            let item = &items[at];
            let hidden = item.eyes_readable == Some(false);
            (hidden || item.eyes_closed.is_some()).then_some((hidden, odds))
        })
        .flat_map(|(hidden, odds)| {
            odds.map(|odds| Scored { drowsy: hidden, probability: probability(-odds) })
        })
        .collect();
    if let Some(area) = auc(&scored) {
        figures.by_name.insert("auc_unreadable".into(), round(area));
    }
}

/// Four places are more than the noise allows.
fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// Crops of the class that has fewer.
fn smaller_class(scored: &[Scored]) -> usize {
    let drowsy = scored.iter().filter(|one| one.drowsy).count();
    drowsy.min(scored.len() - drowsy)
}

/// The crops by group, each with its entry of `scores` in place of a probability.
fn groups<'i>(items: &'i [Item], which: &[usize], scores: &[f64]) -> Groups<'i> {
    let mut by_collection: BTreeMap<&str, Vec<Scored>> = BTreeMap::new();
    for (&at, &probability) in which.iter().zip(scores) {
        if let Some(label) = items[at].label {
            let scored = Scored { drowsy: label == Label::Drowsy, probability };
            by_collection.entry(&items[at].collection).or_default().push(scored);
        }
    }
    let mut groups = Groups::new();
    for (name, scored) in by_collection {
        let whole = smaller_class(&scored) >= LEAST;
        groups.entry(if whole { name } else { "eyes" }).or_default().extend(scored);
    }
    groups
}

/// What the log-odds (in place of probabilities) are divided by for the smallest loss, mean
/// over the groups (Guo et al. 2017); in steps of a hundredth, so that it can be read.
fn temperature(groups: &Groups<'_>) -> f64 {
    let loss = |temperature: f64| -> f64 {
        let of = |scored: &Vec<Scored>| {
            let each = scored.iter().map(|one| Scored {
                probability: probability(one.probability / temperature),
                ..*one
            });
            log_loss(&each.collect::<Vec<_>>())
        };
        groups.values().filter_map(of).sum()
    };
    let candidates = (20..=300).map(|hundredths| f64::from(hundredths) / 100.0);
    let best = candidates.map(|t| (loss(t), t)).min_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or(1.0, |(_, temperature)| temperature)
}

/// Of the thresholds that are as good as the best, the one next to one half: probabilities
/// that mean what they say need no other unless the crops ask for it. "As good" allows half
/// a percent a group, or one crop of the smallest class, which is luck.
fn threshold(groups: &Groups<'_>) -> f64 {
    let balanced = |threshold: f64| {
        let each = groups.values();
        each.filter_map(|scored| Confusion::count(scored, threshold).balanced_accuracy())
            .sum::<f64>()
    };
    let figures: Vec<(f64, f64)> =
        (2..=98).map(|c| f64::from(c) / 100.0).map(|t| (t, balanced(t))).collect();
    let best = figures.iter().map(|(_, figure)| *figure).fold(0.0, f64::max);
    let smallest = groups.values().map(|scored| smaller_class(scored)).min();
    let one_crop = 0.5 / smallest.unwrap_or(1).max(1) as f64;
    let least = best - one_crop.max(0.005 * groups.len() as f64);
    let good = figures.iter().filter(|(_, figure)| best > 0.0 && *figure >= least - 1e-9);
    let next = good.min_by(|a, b| (a.0 - 0.5).abs().total_cmp(&(b.0 - 0.5).abs()));
    next.map_or(0.5, |(threshold, _)| *threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The log-odds of a probability.
    fn odds(probability: f64) -> f64 {
        (probability / (1.0 - probability)).ln()
    }

    fn item(label: Label, collection: &str) -> Item {
        Item { label: Some(label), collection: collection.into(), ..Item::default() }
    }

    #[test]
    fn collections_are_measured_apart_and_one_sided_ones_together() {
        let mut items = Vec::new();
        let mut scores = Vec::new();
        let mut add = |label, collection: &str, probability: f64| {
            for _ in 0..6 {
                items.push(item(label, collection));
                scores.push(odds(probability));
            }
        };
        add(Label::Drowsy, "car", 0.2);
        add(Label::Awake, "car", 0.1);
        add(Label::Drowsy, "closed", 0.9);
        add(Label::Awake, "open", 0.95);
        let which: Vec<usize> = (0..items.len()).collect();
        let figures = measure(&items, &which, &scores, &[]);
        assert_eq!(figures.by_name["auc_car"], 1.0);
        assert_eq!(figures.by_name["auc_eyes"], 0.0);
        assert_eq!(figures.by_name["crops_eyes"], 12.0);
        assert_eq!(figures.by_name["crops_all"], 24.0);
        let car = figures.confusion["car"];
        assert_eq!(car.true_positive + car.false_negative, 6, "six of them are drowsy");
        assert_eq!(figures.mean_auc, 0.5);
        assert!(!figures.by_name.contains_key("auc_closed"));
    }

    #[test]
    fn heads_on_eyes_are_measured_by_collection() {
        let eye = |shut, collection: &str, eyes_only| Item {
            eyes_closed: Some(shut),
            collection: collection.into(),
            eyes_only,
            ..Item::default()
        };
        let mut items = Vec::new();
        for _ in 0..6 {
            items.extend([eye(true, "night", true), eye(false, "night", true)]);
            items.extend([eye(true, "closed", false), eye(false, "open", false)]);
        }
        // At night all is told, elsewhere it is the wrong way round.
        let odds = |at: usize| [[2.0, 1.0], [-1.0, -2.0], [-3.0, 0.0], [1.0, 2.0]][at % 4];
        let mut figures = Figures { mean_auc: 0.5, ..Figures::default() };
        measure_eyes(&items, (0..items.len()).map(|at| (at, odds(at))), &mut figures);
        assert_eq!(figures.by_name["auc_eye_night"], 1.0);
        assert_eq!(figures.by_name["auc_eye_eyes"], 0.0);
        assert_eq!(figures.mean_auc, 0.75, "what shows nothing but eyes chooses, too");
    }

    #[test]
    fn eyes_that_nobody_can_read_are_told_from_those_that_somebody_did() {
        let dark = Item { eyes_readable: Some(false), ..item(Label::Awake, "sunglasses") };
        let open = Item { eyes_closed: Some(false), ..item(Label::Awake, "open") };
        // Of the third nothing is known, so that it does not count.
        let items = [dark, open, item(Label::Awake, "unknown")];
        let odds = [[-2.0, 0.5], [1.0, 2.0], [-9.0, -9.0]];
        let mut figures = Figures::default();
        measure_seen(&items, odds.into_iter().enumerate(), &mut figures);
        assert_eq!(figures.by_name["auc_unreadable"], 1.0);
        let odds = [[-2.0, 1.5], [1.0, 2.0], [-9.0, -9.0]];
        measure_seen(&items, odds.into_iter().enumerate(), &mut figures);
        assert_eq!(figures.by_name["auc_unreadable"], 0.75);
        let mut none = Figures::default();
        measure_seen(&items[1..], odds.into_iter().take(2).enumerate(), &mut none);
        assert_eq!(none, Figures::default());
    }

    #[test]
    fn noisy_labels_are_measured_and_choose_nothing() {
        let mut items = Vec::new();
        let mut scores = Vec::new();
        for i in 0..40 {
            let label = if i % 2 == 0 { Label::Drowsy } else { Label::Awake };
            items.push(item(label, "car"));
            scores.push(odds(if i % 2 == 0 { 0.7 } else { 0.2 }));
            // Its labels have nothing to do with what is seen.
            items.push(item(label, "web"));
            scores.push(odds(if i % 4 < 2 { 0.9 } else { 0.6 }));
        }
        let (noisy, which) = (["web".to_owned()], (0..items.len()).collect::<Vec<_>>());
        let alone: Vec<usize> = (0..items.len()).step_by(2).collect();
        let car: Vec<f64> = alone.iter().map(|&at| scores[at]).collect();
        let (all, car) =
            (measure(&items, &which, &scores, &noisy), measure(&items, &alone, &car, &[]));
        assert_eq!(all.temperature, car.temperature);
        assert_eq!(all.threshold, car.threshold);
        assert_eq!(all.mean_auc, 1.0);
        assert_eq!(all.by_name["calibration_error_trusted"], car.by_name["calibration_error_all"]);
        assert!(all.by_name["auc_web"] < 0.6 && all.by_name["auc_all"] < 1.0, "{all:?}");
        assert_ne!(measure(&items, &which, &scores, &[]).temperature, car.temperature);
    }

    #[test]
    fn the_threshold_lies_between_the_classes() {
        let items: Vec<Item> = (0..20)
            .map(|i| item(if i < 10 { Label::Drowsy } else { Label::Awake }, "car"))
            .collect();
        let which: Vec<usize> = (0..20).collect();
        let apart = |drowsy: f64, awake: f64| {
            let said = |i| odds(if i < 10 { drowsy } else { awake });
            measure(&items, &which, &(0..20).map(said).collect::<Vec<_>>(), &[])
        };
        assert_eq!(apart(0.8, 0.1).threshold, 0.5, "nothing asks for another one");
        let scores: Vec<f64> = (0..20).map(|i| odds(if i < 10 { 0.4 } else { 0.1 })).collect();
        let figures = measure(&items, &which, &scores, &[]);
        let [low, high] = [0.1, 0.4].map(|p| probability(odds(p) / figures.temperature));
        assert!(low < figures.threshold && figures.threshold <= high, "{}", figures.threshold);
        assert_eq!(figures.by_name["balanced_accuracy_car"], 1.0);
    }

    #[test]
    fn the_temperature_makes_probabilities_come_true() {
        // 80 of 100 that are called drowsy are, 10 of 100 that are called awake: a network
        // that says so with half the log-odds is not sure enough, one with twice is too sure.
        let mut items = Vec::new();
        let mut truth = Vec::new();
        for (drowsy, of, said) in [(80, 100, 0.8), (10, 100, 0.1)] {
            for i in 0..of {
                items.push(item(if i < drowsy { Label::Drowsy } else { Label::Awake }, "car"));
                truth.push(odds(said));
            }
        }
        let which: Vec<usize> = (0..items.len()).collect();
        for wrong in [0.5, 1.0, 2.0] {
            let scores: Vec<f64> = truth.iter().map(|odds| odds * wrong).collect();
            let figures = measure(&items, &which, &scores, &[]);
            approx::assert_abs_diff_eq!(figures.temperature, wrong, epsilon = 0.011);
            assert!(figures.by_name["calibration_error_car"] < 0.005, "{figures:?}");
        }
    }
}
