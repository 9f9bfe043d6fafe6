//! Which pictures train and which validate. Subject-disjoint is the honest protocol;
//! the random one is here because the reference method used it, and leaks identity.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{DatasetError, manifest::Item};

/// How pictures are held out for validation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HoldOut {
    /// Seed of the draw.
    pub seed: u64,
    /// Share of the subjects of a collection that validate, 0..1.
    pub share: f32,
    /// The same for single collections.
    pub shares: BTreeMap<String, f32>,
    /// The subjects of a collection that validate, by name, instead of a draw among them.
    pub subjects: BTreeMap<String, Vec<String>>,
    /// The subjects of the last so many pictures of a collection validate as well.
    pub last: BTreeMap<String, usize>,
    /// Draws pictures instead of subjects, as the reference method did: people then stand on both
    /// sides, and figures measure identity as well.
    pub random_pictures: bool,
    /// Instead of a draw: this fold validates, from 1. A list that knows its collection's
    /// own folds (UTA-RLDD's five) keeps them; else subjects are dealt out to `folds`.
    pub fold: Option<u32>,
    /// Number of folds where the list knows none.
    pub folds: u32,
    /// Instead of a draw: the split of this file, as a run leaves it.
    pub file: Option<PathBuf>,
}

impl Default for HoldOut {
    fn default() -> Self {
        Self {
            seed: 1,
            share: 0.15,
            shares: BTreeMap::new(),
            subjects: BTreeMap::new(),
            last: BTreeMap::new(),
            random_pictures: false,
            fold: None,
            folds: 5,
            file: None,
        }
    }
}

impl HoldOut {
    /// The reference method's protocol: a random 10% of the pictures.
    pub fn of_the_seed() -> Self {
        Self { share: 0.1, random_pictures: true, ..Self::default() }
    }

    /// The split of `items`: read, by fold, or drawn.
    ///
    /// # Errors
    /// When the file is no split of these pictures, or there is no such fold.
    pub fn choose(&self, items: &[Item]) -> Result<Split, DatasetError> {
        if let Some(file) = &self.file {
            return Split::load(items, file);
        }
        let Some(fold) = self.fold else { return Ok(self.split(items)) };
        if let Some(own) = items.iter().map(|item| item.fold).collect::<Option<Vec<u32>>>() {
            let count = own.iter().copied().max().unwrap_or(0);
            return match own.contains(&fold) {
                true => Ok(Split { validates: own.iter().map(|of| *of == fold).collect() }),
                false => Err(DatasetError::Fold { fold, count }),
            };
        }
        let count = self.folds;
        let made = folds(items, count as usize, self.seed);
        let chosen = (fold as usize).checked_sub(1).and_then(|at| made.into_iter().nth(at));
        chosen.ok_or(DatasetError::Fold { fold, count })
    }

    /// The same in a few words, for a model card.
    pub fn describe(&self) -> String {
        let by = if self.random_pictures { "pictures" } else { "subjects" };
        match (&self.file, self.fold) {
            (Some(_), _) => "the split of a file".into(),
            (None, Some(fold)) => format!("subject-disjoint, fold {fold} held out"),
            (None, None) if self.random_pictures => format!(
                "a random {:.0}% of the pictures held out (seed {}); people stand on both \
                 sides, so figures measure identity as well",
                self.share * 100.0,
                self.seed
            ),
            (None, None) => format!(
                "subject-disjoint, {:.0}% of the {by} held out (seed {})",
                self.share * 100.0,
                self.seed
            ),
        }
    }

    /// Draws the split of `items`.
    pub fn split(&self, items: &[Item]) -> Split {
        let mut chosen = BTreeSet::new();
        for (collection, mut groups) in self.groups(items) {
            if let Some(named) = self.subjects.get(collection) {
                let held = groups.into_iter().filter(|group| named.contains(group));
                chosen.extend(held.map(|group| (collection, group)));
                continue;
            }
            let share = self.shares.get(collection).unwrap_or(&self.share).clamp(0.0, 1.0);
            let count = (groups.len() as f32 * share).round() as usize;
            // Each collection has its own stream: adding one changes no other's draw.
            let stream = collection.bytes().fold(self.seed, |h, b| {
                (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3) // FNV-1a
            });
            groups.shuffle(&mut ChaCha8Rng::seed_from_u64(stream));
            chosen.extend(groups.into_iter().take(count).map(|group| (collection, group)));
        }
        for (collection, &count) in &self.last {
            let of_it: Vec<_> = items
                .iter()
                .enumerate()
                .filter(|(_, item)| item.collection == *collection)
                .collect();
            let mut by_name = of_it;
            by_name.sort_by(|a, b| a.1.file.cmp(&b.1.file));
            for (at, item) in by_name.into_iter().rev().take(count) {
                chosen.insert((collection.as_str(), self.group(at, item)));
            }
        }
        let validates = items
            .iter()
            .enumerate()
            .map(|(at, item)| chosen.contains(&(item.collection.as_str(), self.group(at, item))));
        Split { validates: validates.collect() }
    }

    /// What may not stand on both sides: the subject, or the picture.
    fn group(&self, at: usize, item: &Item) -> String {
        if self.random_pictures { at.to_string() } else { item.subject.clone() }
    }

    fn groups<'i>(&self, items: &'i [Item]) -> BTreeMap<&'i str, Vec<String>> {
        let mut sets: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (at, item) in items.iter().enumerate() {
            sets.entry(&item.collection).or_default().insert(self.group(at, item));
        }
        sets.into_iter().map(|(name, set)| (name, set.into_iter().collect())).collect()
    }
}

/// `count` subject-disjoint folds, the subjects of every collection dealt out evenly:
/// in each split another fold validates.
pub fn folds(items: &[Item], count: usize, seed: u64) -> Vec<Split> {
    let whole = HoldOut { seed, ..HoldOut::default() };
    let mut fold_of: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for (collection, mut subjects) in whole.groups(items) {
        subjects.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let dealt = subjects.into_iter().enumerate();
        fold_of.extend(dealt.map(|(at, subject)| ((collection, subject), at % count.max(1))));
    }
    let of: Vec<Option<usize>> = items
        .iter()
        .map(|item| fold_of.get(&(item.collection.as_str(), item.subject.clone())).copied())
        .collect();
    (0..count)
        .map(|k| Split { validates: of.iter().map(|fold| *fold == Some(k)).collect() })
        .collect()
}

/// A split of a list, in the order of its items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// True where a picture validates.
    pub validates: Vec<bool>,
}

/// The file of a split.
#[derive(Serialize, Deserialize)]
struct SplitFile {
    /// The pictures that validate.
    validation: BTreeSet<String>,
}

impl Split {
    /// Writes which of `items` validate, as JSON, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, items: &[Item], path: &Path) -> Result<(), DatasetError> {
        let names = items.iter().zip(&self.validates).filter(|(_, validates)| **validates);
        let validation = names.map(|(item, _)| name(item)).collect();
        let io = || DatasetError::io(path, "written");
        let json = serde_json::to_vec_pretty(&SplitFile { validation })
            .map_err(|error| io()(error.into()))?;
        crate::os::write_whole(path, &json).map_err(io())
    }

    /// Reads what [`save`](Self::save) wrote, for the same or another list.
    ///
    /// # Errors
    /// When the file cannot be read, or names none of these pictures.
    pub fn load(items: &[Item], path: &Path) -> Result<Self, DatasetError> {
        let text = std::fs::read(path).map_err(DatasetError::io(path, "read"))?;
        let file: SplitFile = serde_json::from_slice(&text)
            .map_err(|error| DatasetError::Form { path: path.into(), why: error.to_string() })?;
        let validates: Vec<bool> =
            items.iter().map(|item| file.validation.contains(&name(item))).collect();
        match validates.contains(&true) {
            true => Ok(Self { validates }),
            false => Err(DatasetError::Split(path.into())),
        }
    }

    /// Number of subjects with pictures on both sides: identity leaks through them.
    pub fn shared_subjects(&self, items: &[Item]) -> usize {
        let side = |held: bool| -> BTreeSet<(&str, &str)> {
            let pairs = items.iter().zip(&self.validates).filter(|(_, v)| **v == held);
            pairs.map(|(item, _)| (&*item.collection, &*item.subject)).collect()
        };
        side(true).intersection(&side(false)).count()
    }
}

/// A picture's name within its collection.
fn name(item: &Item) -> String {
    let file = item.file.file_name().unwrap_or_default().to_string_lossy();
    format!("{}/{}/{file}", item.collection, item.subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 subjects with 3 pictures each in each of two collections.
    fn items() -> Vec<Item> {
        let mut items = Vec::new();
        for collection in ["a", "b"] {
            for subject in 0..20 {
                for picture in 0..3 {
                    items.push(Item {
                        file: format!("{collection}/{subject:02}_{picture}.jpg").into(),
                        subject: format!("s{subject}"),
                        collection: collection.into(),
                        ..Item::default()
                    });
                }
            }
        }
        items
    }

    fn sides(items: &[Item], split: &Split) -> BTreeMap<(String, String), BTreeSet<bool>> {
        let mut sides: BTreeMap<_, BTreeSet<bool>> = BTreeMap::new();
        for (item, side) in items.iter().zip(&split.validates) {
            let key = (item.collection.clone(), item.subject.clone());
            sides.entry(key).or_default().insert(*side);
        }
        sides
    }

    #[test]
    fn no_subject_stands_on_both_sides_and_shares_hold() {
        let items = items();
        let hold_out = HoldOut {
            share: 0.2,
            shares: BTreeMap::from([("b".into(), 0.5)]),
            ..HoldOut::default()
        };
        let split = hold_out.split(&items);
        assert!(sides(&items, &split).values().all(|sides| sides.len() == 1));
        let count = |name: &str| {
            let pairs = items.iter().zip(&split.validates);
            pairs.filter(|(item, side)| item.collection == name && **side).count()
        };
        assert_eq!((count("a"), count("b")), (4 * 3, 10 * 3));
        assert_eq!(split, hold_out.split(&items), "the same seed draws the same");
        assert_ne!(split, HoldOut { seed: 2, ..hold_out }.split(&items));
    }

    #[test]
    fn the_last_pictures_take_their_whole_subject_along() {
        let items = items();
        let last = BTreeMap::from([("a".into(), 4)]);
        let split = HoldOut { share: 0.0, last, ..HoldOut::default() }.split(&items);
        let held: Vec<_> =
            items.iter().zip(&split.validates).filter(|(_, v)| **v).map(|(i, _)| i).collect();
        assert_eq!(held.len(), 6);
        assert!(held.iter().all(|i| i.collection == "a" && ["s18", "s19"].contains(&&*i.subject)));
    }

    #[test]
    fn folds_cover_everybody_once() {
        let items = items();
        let splits = folds(&items, 5, 7);
        for split in &splits {
            assert!(sides(&items, split).values().all(|sides| sides.len() == 1));
        }
        for at in 0..items.len() {
            assert_eq!(splits.iter().filter(|split| split.validates[at]).count(), 1);
        }
    }

    #[test]
    fn the_random_protocol_does_mix_subjects() {
        let items = items();
        let split = HoldOut::of_the_seed().split(&items);
        assert_eq!(split.validates.iter().filter(|v| **v).count(), 12);
        assert!(sides(&items, &split).values().any(|sides| sides.len() == 2));
        assert!(split.shared_subjects(&items) > 0);
        assert!(HoldOut::of_the_seed().describe().contains("10%"));
    }

    #[test]
    fn a_list_keeps_its_own_folds_and_others_are_made() {
        let mut items = items();
        let by_fold = |fold| HoldOut { fold: Some(fold), ..HoldOut::default() };
        let made = by_fold(2).choose(&items).unwrap();
        assert_eq!(made, folds(&items, 5, 1)[1]);
        assert_eq!(made.shared_subjects(&items), 0);
        for fold in [0, 6] {
            let error = by_fold(fold).choose(&items).unwrap_err().to_string();
            assert!(error.contains("1 to 5"), "{error}");
        }
        for (at, item) in items.iter_mut().enumerate() {
            item.fold = Some(1 + (at / 3 % 3) as u32);
        }
        let own = by_fold(3).choose(&items).unwrap();
        let held = items.iter().zip(&own.validates).filter(|(_, v)| **v);
        assert!(held.clone().count() > 0 && held.into_iter().all(|(i, _)| i.fold == Some(3)));
        assert!(by_fold(4).choose(&items).is_err());
    }

    #[test]
    fn a_split_survives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("split.json");
        let items = items();
        let split = HoldOut::default().split(&items);
        split.save(&items, &path).unwrap();
        assert_eq!(Split::load(&items, &path).unwrap(), split);
        let again = HoldOut { file: Some(path.clone()), ..HoldOut::default() };
        assert_eq!(again.choose(&items).unwrap(), split);
        let error = Split::load(&[Item::default()], &path).unwrap_err().to_string();
        assert!(error.contains("split.json") && error.contains("another list"), "{error}");
    }
}
