//! Judges a finished run on the crops that it has not learned from: as they are, under the
//! conditions of the list, with patches covered; what its features know of collections; and
//! how long the exported file takes for one crop.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use burn::{module::Module, tensor::Device};
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};
use wakewatch::{
    dataset::{
        crops::CropSet,
        manifest::{Item, Label},
        split::Split,
    },
    evaluate::metrics::{Confusion, Scored, auc, calibration_error},
    face::Visibility,
    infer::{Classifier as Exported, Device as RunOn, RuntimeOptions},
    train::{
        augment::Lids,
        checkpoint,
        classifier::Classifier,
        export::{self, ExportOptions},
        finetune::FinetuneConfig,
        record::{BEST, RunRecord},
        samples::{self, Needed, Sample},
        settings::{self, CONFIG_FILE},
        validation::{measure, probability, tensors},
        weights::values,
    },
    vit::{Cell, VitConfig},
};

use crate::{
    list::{self, Condition},
    probe,
};

/// The answers on held-out crops, in the run's folder.
pub(crate) const ANSWERS: &str = "answers.csv";

/// Crops that are judged at once.
const BATCH: usize = 128;
/// Awake crops of a collection that are judged under each condition, at most.
const AWAKE: usize = 300;
/// Crops of a collection that the probe learns from and is asked about, at most.
const PROBED: [usize; 2] = [400, 150];
/// Runs of the exported file that are timed.
const TIMED: usize = 400;

/// What a classifier says of a crop.
struct Said {
    /// Log-odds of drowsy.
    odds: f64,
    /// Probabilities of closed eyes and a yawn.
    signs: [f64; 2],
    /// \[CLS\].
    features: Vec<f32>,
}

/// A run with its crops.
struct Judge<'a> {
    record: RunRecord,
    vit: VitConfig,
    model: Classifier,
    device: Device,
    set: &'a CropSet,
}

/// One line of the results.
pub(crate) fn run(
    name: &str,
    seed: u64,
    folder: &Path,
    set: &CropSet,
    conditions: &[Condition],
) -> anyhow::Result<Value> {
    let began = Instant::now();
    let device = Device::flex();
    let config: FinetuneConfig = settings::read(&folder.join(CONFIG_FILE))?;
    let record = RunRecord::load(folder)?;
    let vit = record.vit()?.clone();
    let model = Classifier::new(&vit, &device);
    let model = checkpoint::load_average(&folder.join(BEST), model)?;
    let split = Split::load(&set.items, &folder.join("split.json"))?;
    let side = |held: bool| -> Vec<usize> {
        let labelled = |at: &usize| split.validates[*at] == held && set.items[*at].label.is_some();
        (0..set.items.len()).filter(labelled).collect()
    };
    let (train, held) = (side(false), side(true));
    let parameters = model.num_params();
    let judge = Judge { record, vit, model, device, set };

    let said = judge.all(&held, |at, _| judge.plain(at))?;
    let odds: Vec<f64> = said.iter().map(|one| one.odds).collect();
    let figures = measure(&set.items, &held, &odds, &config.noisy);
    let temperature = figures.temperature;
    write_answers(folder, set, &held, &said, temperature)?;
    let few = few(&set.items, &held);
    let base = judge.groups(&few, &judge.all(&few, |at, _| judge.plain(at))?, temperature);
    let mut worse = Map::new();
    for condition in conditions {
        let by = condition.augmentation()?;
        let hidden = |item: &Item| {
            let needed = needed(item);
            (condition.hides_eyes && needed.eyes) || (condition.hides_mouth && needed.mouth)
        };
        let which: Vec<usize> = few.iter().copied().filter(|&at| !hidden(&set.items[at])).collect();
        let said = judge.all(&which, |at, rng| {
            let item = &set.items[at];
            let needed = needed(item);
            samples::changed(&set.images[at], seen(item), needed, None, judge.vit(), &by, rng)
        })?;
        let groups = judge.groups(&which, &said, temperature);
        worse.insert(condition.name.clone(), summary(&groups, &base, figures.threshold));
    }
    let covered = judge.all(&few, |at, rng| judge.covered(at, rng))?;
    let covered = judge.groups(&few, &covered, temperature);
    let lids = judge.lids(&few, temperature)?;
    let [told, chance] = judge.collections(&train, &held)?;
    let pretrained = config.pretrained.as_deref().and_then(Path::file_name);
    Ok(json!({
        "variant": name,
        "seed": seed,
        "day": today()?,
        "steps": config.training.steps,
        "batch": config.training.batch,
        "pretrained": pretrained.and_then(OsStr::to_str),
        "parameters": parameters,
        "ms_one_crop": time(folder, &judge.vit)?,
        "threshold": figures.threshold,
        "held": figures.by_name,
        "heads": heads(&set.items, &held, &said, temperature),
        "as_they_are": summary(&base, &base, figures.threshold),
        "conditions": worse,
        "covered": summary(&covered, &base, figures.threshold),
        "lids": summary(&lids, &lids, figures.threshold),
        "collection_told": round(told),
        "collection_chance": round(chance),
        "judged_in_s": began.elapsed().as_secs(),
    }))
}

/// Figures over the answers of several runs together.
pub(crate) fn pooled(name: &str, seed: u64, folders: &[PathBuf]) -> anyhow::Result<Value> {
    let mut groups: BTreeMap<String, Vec<Scored>> = BTreeMap::new();
    for folder in folders {
        for row in csv::Reader::from_path(folder.join(ANSWERS))?.records() {
            let row = row?;
            let field = |at: usize| row.get(at).context("an answer lacks a field");
            let one = Scored { drowsy: field(2)? == "drowsy", probability: field(3)?.parse()? };
            let group = match field(1)? {
                own @ ("yawdd" | "helen" | "ytfaces") => own,
                _ => "eyes",
            };
            groups.entry(group.into()).or_default().push(one);
        }
    }
    let figures = groups.iter().map(|(group, scored)| {
        let counts = Confusion::count(scored, 0.5);
        let figures = json!({
            "n": scored.len(),
            "auc": auc(scored).map(round),
            "balanced_accuracy": counts.balanced_accuracy().map(round),
            "calibration_error": calibration_error(scored).map(round),
            "confusion": counts,
        });
        (group.clone(), figures)
    });
    let figures: Map<String, Value> = figures.collect();
    Ok(json!({
        "variant": name, "seed": seed, "day": today()?, "threshold": 0.5, "pooled": figures,
    }))
}

impl Judge<'_> {
    fn vit(&self) -> &VitConfig {
        &self.vit
    }

    fn plain(&self, at: usize) -> Sample {
        samples::plain(&self.set.images[at], seen(&self.set.items[at]), self.vit())
    }

    /// Three or four of the nine cells covered, never the eyes, nor the mouth where yawns
    /// are in question. The visible Q mask is told which.
    fn covered(&self, at: usize, rng: &mut ChaCha8Rng) -> Sample {
        let item = &self.set.items[at];
        let mut sample = self.plain(at);
        let px = self.vit().image_px;
        let mut cells: Vec<usize> = match item.collection.as_str() {
            "yawdd" => vec![1, 3, 4, 5, 6, 8],
            _ => vec![1, 3, 4, 5, 6, 7, 8],
        };
        cells.shuffle(rng);
        cells.truncate(rng.random_range(3..=4));
        for &cell in &cells {
            let (top, left) = (cell / 3 * px / 3, cell % 3 * px / 3);
            let tone: [f32; 3] = [0; 3].map(|_| rng.random());
            for (channel, tone) in tone.into_iter().enumerate() {
                for (y, x) in (0..px / 3).flat_map(|y| (0..px / 3).map(move |x| (y, x))) {
                    let grain: f32 = rng.random_range(-0.1..0.1);
                    let place = (channel * px + top + y) * px + left + x;
                    sample.picture.data[place] = (tone + grain).clamp(0.0, 1.0);
                }
            }
        }
        let mut uncovered = seen(item);
        for (cell, uncovered) in Cell::ALL.into_iter().zip(&mut uncovered) {
            *uncovered &= !cells.contains(&(cell.number() - 1));
        }
        sample.keep = self.vit().grid().keep(self.vit().q_mask, uncovered);
        sample
    }

    /// Open eyes and, on the same faces, their lids drawn shut, by collection: knowing a
    /// collection helps nobody to tell those apart.
    fn lids(
        &self,
        which: &[usize],
        temperature: f64,
    ) -> anyhow::Result<BTreeMap<&'static str, Vec<Scored>>> {
        let items = &self.set.items;
        let aspect = |at: usize| {
            let item = &items[at];
            let [left_eye, right_eye, ..] = seen(item);
            let open = item.eyes_closed == Some(false) && left_eye && right_eye;
            item.eye_aspect.filter(|_| open && item.label == Some(Label::Awake))
        };
        let which: Vec<usize> = which.iter().copied().filter(|&at| aspect(at).is_some()).collect();
        let (unchanged, free) = (list::unchanged()?, Needed { eyes: true, mouth: true });
        let open = self.all(&which, |at, _| self.plain(at))?;
        let shut = self.all(&which, |at, rng| {
            let lids = aspect(at).map(|aspect| Lids { aspect, lowered: 1.0 });
            let (image, seen) = (&self.set.images[at], seen(&items[at]));
            samples::changed(image, seen, free, lids, self.vit(), &unchanged, rng)
        })?;
        let mut groups: BTreeMap<&'static str, Vec<Scored>> = BTreeMap::new();
        for (drowsy, said) in [(false, open), (true, shut)] {
            for (&at, one) in which.iter().zip(said) {
                let group = match items[at].collection.as_str() {
                    "yawdd" => "yawdd",
                    "helen" => "helen",
                    "lfw" => "lfw",
                    "utk_faces" => "utk_faces",
                    _ => continue,
                };
                let probability = probability(one.odds / temperature);
                groups.entry(group).or_default().push(Scored { drowsy, probability });
            }
        }
        Ok(groups)
    }

    /// What the classifier says of crops, each made with a random generator of its own.
    fn all(
        &self,
        which: &[usize],
        make: impl Fn(usize, &mut ChaCha8Rng) -> Sample,
    ) -> anyhow::Result<Vec<Said>> {
        let mut said = Vec::with_capacity(which.len());
        for chunk in which.chunks(BATCH) {
            let samples: Vec<Sample> = chunk
                .iter()
                .map(|&at| make(at, &mut ChaCha8Rng::seed_from_u64(at as u64)))
                .collect();
            let by = &self.record.normalisation;
            let (patches, keep, places) = tensors(&samples, self.vit(), by, &self.device);
            let encoded = self.model.encoder.forward(patches, places, Some(keep));
            let logits = values(&self.model.head.forward(encoded.cls.clone()))?;
            let signs = values(&self.model.signs.forward(encoded.cls.clone()))?;
            let features = values(&encoded.cls)?;
            // Shapes with heads on the eyes have a third sign.
            let wide = signs.len() / samples.len().max(1);
            for (at, features) in features.chunks(self.vit().dim).enumerate() {
                let [awake, drowsy] = [0, 1].map(|i| f64::from(logits[2 * at + i]));
                said.push(Said {
                    odds: drowsy - awake,
                    signs: [0, 1].map(|i| probability(f64::from(signs[wide * at + i]))),
                    features: features.to_vec(),
                });
            }
        }
        Ok(said)
    }

    fn groups(
        &self,
        which: &[usize],
        said: &[Said],
        temperature: f64,
    ) -> BTreeMap<&'static str, Vec<Scored>> {
        let items = &self.set.items;
        groups(items, which, said.iter().map(|one| probability(one.odds / temperature)))
    }

    /// How often a linear probe tells the collection of an awake crop from the features,
    /// and how often a guess would.
    fn collections(&self, train: &[usize], held: &[usize]) -> anyhow::Result<[f64; 2]> {
        let items = &self.set.items;
        let mut names: Vec<&str> = Vec::new();
        for &at in held.iter().filter(|&&at| items[at].label == Some(Label::Awake)) {
            let name = items[at].collection.as_str();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let mut sides = Vec::new();
        for (side, most) in [train, held].into_iter().zip(PROBED) {
            let mut rows = Vec::new();
            for (class, name) in names.iter().enumerate() {
                let own = |at: &usize| {
                    items[*at].label == Some(Label::Awake) && items[*at].collection == **name
                };
                let mut which: Vec<usize> = side.iter().copied().filter(own).collect();
                which.shuffle(&mut ChaCha8Rng::seed_from_u64(1));
                which.truncate(most);
                let said = self.all(&which, |at, _| self.plain(at))?;
                rows.extend(said.into_iter().map(|one| (one.features, class)));
            }
            sides.push(rows);
        }
        let chance = 1.0 / names.len().max(1) as f64;
        Ok([probe::accuracy(&sides[0], &sides[1], names.len()), chance])
    }
}

/// Which landmark cells the landmark network saw uncovered.
fn seen(item: &Item) -> [bool; 4] {
    item.seen.map_or([true; 4], |[left_eye, right_eye, mouth]| {
        Visibility { left_eye, right_eye, mouth }.uncovered()
    })
}

/// Where the label of a crop lies; that of an awake one in both.
fn needed(item: &Item) -> Needed {
    let drowsy = item.label == Some(Label::Drowsy);
    let mouth = drowsy && item.yawn == Some(true);
    Needed { eyes: drowsy && !mouth, mouth }
}

/// The held-out crops that conditions are tried on: all drowsy ones, and some awake ones of
/// each collection. YouTube Faces' labels are too noisy to see a drop in.
fn few(items: &[Item], held: &[usize]) -> Vec<usize> {
    let mut awake: BTreeMap<&str, usize> = BTreeMap::new();
    let mut shuffled = held.to_vec();
    shuffled.shuffle(&mut ChaCha8Rng::seed_from_u64(2));
    shuffled.retain(|&at| {
        let item = &items[at];
        if item.collection == "ytfaces" || item.label == Some(Label::Drowsy) {
            return item.collection != "ytfaces";
        }
        let count = awake.entry(&item.collection).or_default();
        *count += 1;
        *count <= AWAKE
    });
    shuffled
}

/// Probabilities by group: the collections with both classes, and the rest as `eyes`.
fn groups(
    items: &[Item],
    which: &[usize],
    probabilities: impl Iterator<Item = f64>,
) -> BTreeMap<&'static str, Vec<Scored>> {
    let mut groups: BTreeMap<&str, Vec<Scored>> = BTreeMap::new();
    for (&at, probability) in which.iter().zip(probabilities) {
        let group = match items[at].collection.as_str() {
            "yawdd" => "yawdd",
            "helen" => "helen",
            "ytfaces" => "ytfaces",
            _ => "eyes",
        };
        let drowsy = items[at].label == Some(Label::Drowsy);
        groups.entry(group).or_default().push(Scored { drowsy, probability });
    }
    groups
}

/// Areas and balanced accuracies by group, their means, and how much the mean area lost
/// against the same groups of `base`.
fn summary(
    groups: &BTreeMap<&'static str, Vec<Scored>>,
    base: &BTreeMap<&'static str, Vec<Scored>>,
    threshold: f64,
) -> Value {
    let mut line = Map::new();
    let (mut areas, mut before, mut rights) = (Vec::new(), Vec::new(), Vec::new());
    for (name, scored) in groups {
        let Some(area) = auc(scored) else { continue };
        let right = Confusion::count(scored, threshold).balanced_accuracy().unwrap_or(0.0);
        line.insert(format!("auc_{name}"), json!(round(area)));
        line.insert(format!("balanced_accuracy_{name}"), json!(round(right)));
        areas.push(area);
        rights.push(right);
        before.extend(base.get(name).and_then(|scored| auc(scored)));
    }
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len().max(1) as f64;
    line.insert("auc".into(), json!(round(mean(&areas))));
    line.insert("balanced_accuracy".into(), json!(round(mean(&rights))));
    line.insert("auc_lost".into(), json!(round(mean(&before) - mean(&areas))));
    Value::Object(line)
}

/// The areas of the two-class head, of the signs (eyes closed or yawning) and of both.
fn heads(items: &[Item], held: &[usize], said: &[Said], temperature: f64) -> Value {
    let head = |one: &Said| probability(one.odds / temperature);
    let signs = |one: &Said| 1.0 - (1.0 - one.signs[0]) * (1.0 - one.signs[1]);
    let both = |one: &Said| (head(one) + signs(one)) / 2.0;
    let by = |score: &dyn Fn(&Said) -> f64| -> Value {
        let groups = groups(items, held, said.iter().map(score));
        let areas = groups.iter().filter_map(|(name, scored)| Some((*name, round(auc(scored)?))));
        json!(areas.collect::<BTreeMap<_, _>>())
    };
    json!({ "two_classes": by(&head), "signs": by(&signs), "both": by(&both) })
}

fn write_answers(
    folder: &Path,
    set: &CropSet,
    held: &[usize],
    said: &[Said],
    temperature: f64,
) -> anyhow::Result<()> {
    let mut text = String::from("file,collection,label,drowsy,eyes_closed,yawn\n");
    for (&at, one) in held.iter().zip(said) {
        let item = &set.items[at];
        let file = item.file.file_name().unwrap_or_default().to_string_lossy();
        let label = if item.label == Some(Label::Drowsy) { "drowsy" } else { "awake" };
        let drowsy = probability(one.odds / temperature);
        let [closed, yawn] = one.signs;
        text += &format!("{file},{},{label},{drowsy},{closed},{yawn}\n", item.collection);
    }
    Ok(fs::write(folder.join(ANSWERS), text)?)
}

/// Milliseconds for one crop on one thread in ONNX Runtime: a quick one of many, since the
/// machine may be busy with something else.
fn time(folder: &Path, vit: &VitConfig) -> anyhow::Result<f64> {
    let out = tempfile::tempdir()?;
    let file = out.path().join("model.onnx");
    let options = ExportOptions {
        checkpoint: folder.into(),
        mean_with: None,
        out: file.clone(),
        half: Some(false),
    };
    export::run(&options)?;
    let options = RuntimeOptions { device: RunOn::Cpu, threads: 1 };
    let mut model = Exported::load(&Some(file).into(), &options)?;
    let crop = image::RgbImage::new(vit.image_px as u32, vit.image_px as u32);
    let keep = vit.grid().keep(vit.q_mask, [true; 4]);
    let mut times = Vec::with_capacity(TIMED);
    for _ in 0..TIMED {
        let began = Instant::now();
        model.read(&crop, &keep)?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok((times[TIMED / 10] * 100.0).round() / 100.0)
}

/// Four places are more than the noise allows.
fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// The day in UTC, as 2026-11-24 (civil from days, Hinnant 2013).
#[expect(clippy::disallowed_methods, reason = "the day of a record, nothing is judged by it")]
fn today() -> anyhow::Result<String> {
    let days = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    Ok(format!("{year}-{month:02}-{day:02}"))
}
