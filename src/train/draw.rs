//! Which crops a batch is made of: half of it drowsy, and the collections in fixed
//! shares, so that neither a large class nor a large collection decides what is learned.

use std::collections::BTreeMap;

use rand::Rng;

use crate::dataset::manifest::{Item, Label};

/// Draws crops for a balanced batch.
#[derive(Clone, Debug)]
pub struct Draw {
    drowsy: Pool,
    awake: Pool,
}

/// The crops of one class by collection, with the cumulated shares of the collections.
#[derive(Clone, Debug)]
struct Pool {
    groups: Vec<(f64, Vec<usize>)>,
}

impl Pool {
    fn new(
        items: &[Item],
        candidates: &[usize],
        label: Label,
        shares: &BTreeMap<String, f64>,
    ) -> Self {
        let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for &at in candidates.iter().filter(|&&at| items[at].label == Some(label)) {
            groups.entry(&items[at].collection).or_default().push(at);
        }
        let mut total = 0.0;
        let groups = groups.into_iter().map(|(name, members)| {
            total += match shares.is_empty() {
                true => members.len() as f64,
                false => shares.get(name).copied().unwrap_or(0.0),
            };
            (total, members)
        });
        Self { groups: groups.collect() }
    }

    /// The sum of the shares that have crops.
    fn total(&self) -> f64 {
        self.groups.last().map_or(0.0, |(total, _)| *total)
    }

    fn one(&self, rng: &mut impl Rng) -> usize {
        // A pool is only kept when its total is above 0, and a group has a member.
        let point = rng.random_range(0.0..self.total());
        let group = self.groups.partition_point(|(up_to, _)| *up_to <= point);
        let members = &self.groups[group.min(self.groups.len() - 1)].1;
        members[rng.random_range(0..members.len())]
    }
}

impl Draw {
    /// Prepares to draw from the `candidates` among `items`. The shares are relative,
    /// by collection; without any, every crop is as likely as another.
    ///
    /// `None` when a class has no crop in a collection with a share.
    pub fn new(
        items: &[Item],
        candidates: &[usize],
        drowsy: &BTreeMap<String, f64>,
        awake: &BTreeMap<String, f64>,
    ) -> Option<Self> {
        let drowsy = Pool::new(items, candidates, Label::Drowsy, drowsy);
        let awake = Pool::new(items, candidates, Label::Awake, awake);
        (drowsy.total() > 0.0 && awake.total() > 0.0).then_some(Self { drowsy, awake })
    }

    /// The crop for place `at` of a batch: every second one is drowsy.
    pub fn one(&self, at: usize, rng: &mut impl Rng) -> usize {
        [&self.drowsy, &self.awake][at % 2].one(rng)
    }

    /// A crop of either class, as likely the one as the other.
    pub fn any(&self, rng: &mut impl Rng) -> usize {
        self.one(rng.random_range(0..2), rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn items() -> Vec<Item> {
        let item = |label, collection: &str| Item {
            label,
            collection: collection.into(),
            ..Item::default()
        };
        let mut items = vec![item(Some(Label::Awake), "large"); 90];
        items.extend(vec![item(Some(Label::Awake), "small"); 10]);
        items.extend(vec![item(Some(Label::Drowsy), "small"); 5]);
        items.push(item(None, "small"));
        items
    }

    #[test]
    fn half_is_drowsy_and_collections_keep_their_shares() {
        let items = items();
        let all: Vec<usize> = (0..items.len()).collect();
        let awake = BTreeMap::from([("large".into(), 1.0), ("small".into(), 3.0)]);
        let draw = Draw::new(&items, &all, &BTreeMap::new(), &awake).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let batch: Vec<usize> = (0..4000).map(|at| draw.one(at, &mut rng)).collect();
        assert_eq!(batch.len(), 4000);
        let count = |label, collection: &str| {
            let is = |&&at: &&usize| {
                items[at].label == Some(label) && items[at].collection == collection
            };
            batch.iter().filter(is).count()
        };
        assert_eq!(count(Label::Drowsy, "small"), 2000);
        assert!(count(Label::Awake, "small").abs_diff(1500) < 100);
    }

    #[test]
    fn a_class_without_crops_cannot_be_drawn() {
        let items = items();
        let awake_only: Vec<usize> = (0..100).collect();
        assert!(Draw::new(&items, &awake_only, &BTreeMap::new(), &BTreeMap::new()).is_none());
        let all: Vec<usize> = (0..items.len()).collect();
        let elsewhere = BTreeMap::from([("nowhere".into(), 1.0)]);
        assert!(Draw::new(&items, &all, &elsewhere, &BTreeMap::new()).is_none());
    }
}
