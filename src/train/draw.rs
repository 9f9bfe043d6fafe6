//! Which crops a batch is made of: half of it drowsy, and the collections in fixed
//! shares, so that neither a large class nor a large collection decides what is learned.

use std::collections::BTreeMap;

use rand::Rng;

use super::targets::opening;
use crate::dataset::manifest::{Item, Label};

/// Draws crops for a balanced batch.
#[derive(Clone, Debug)]
pub(crate) struct Draw {
    drowsy: Pool,
    awake: Pool,
    /// Open eyes, by the shares of the awake crops; none without a share to shut.
    open: Option<Pool>,
    /// Crops that show nothing but eyes, as many shut as open ones.
    eyes: Option<[Pool; 2]>,
    /// Faces whose eyes nobody can read.
    unreadable: Option<Pool>,
    shares: Shares,
}

/// Shares of a batch, 0..1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Shares {
    /// Of the drowsy crops: awake ones with open eyes, to be drawn shut.
    pub shut_lids: f64,
    /// Crops that show nothing but eyes.
    pub eyes_only: f64,
    /// Faces whose eyes nobody can read, whatever their label.
    pub unreadable: f64,
}

/// A crop that was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drawn {
    /// Its place in the set.
    pub at: usize,
    /// Its eyes are open, and their lids are to be drawn shut: it counts as drowsy.
    pub shut: bool,
    /// It shows nothing but eyes: its right half is to come from this one.
    pub right: Option<usize>,
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
        belongs: impl Fn(&Item) -> bool,
        shares: &BTreeMap<String, f64>,
    ) -> Self {
        let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for &at in candidates.iter().filter(|&&at| belongs(&items[at])) {
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
    /// Prepares to draw from the `candidates` among `items`. `drowsy` and `awake` are
    /// relative, by collection; without any, every crop is as likely as another.
    ///
    /// `None` when a class, or what has one of the `shares`, has no crop.
    pub(crate) fn new(
        items: &[Item],
        candidates: &[usize],
        drowsy: &BTreeMap<String, f64>,
        awake: &BTreeMap<String, f64>,
        shares: Shares,
    ) -> Option<Self> {
        let is = |label| move |item: &Item| item.label == Some(label);
        let eyes = |shut| move |item: &Item| item.eyes_only && item.eyes_closed == Some(shut);
        let none = BTreeMap::new();
        let eyes = (shares.eyes_only > 0.0)
            .then(|| [true, false].map(|shut| Pool::new(items, candidates, eyes(shut), &none)));
        let hidden = |item: &Item| item.eyes_readable == Some(false);
        let unreadable =
            (shares.unreadable > 0.0).then(|| Pool::new(items, candidates, hidden, &none));
        let open = |item: &Item| is(Label::Awake)(item) && opening(item).is_some();
        let drowsy = Pool::new(items, candidates, is(Label::Drowsy), drowsy);
        let open = (shares.shut_lids > 0.0).then(|| Pool::new(items, candidates, open, awake));
        let awake = Pool::new(items, candidates, is(Label::Awake), awake);
        let any = |pool: &Pool| pool.total() > 0.0;
        let all = any(&drowsy) && any(&awake);
        let more = [&open, &unreadable].into_iter().flatten().all(any)
            && eyes.as_ref().is_none_or(|pools| pools.iter().all(any));
        (all && more).then_some(Self { drowsy, awake, open, eyes, unreadable, shares })
    }

    /// The crop for place `at` of a batch: of those that show a face, every second one is
    /// drowsy.
    pub(crate) fn one(&self, at: usize, rng: &mut impl Rng) -> Drawn {
        if let Some(pools) = &self.eyes
            && rng.random_bool(self.shares.eyes_only.clamp(0.0, 1.0))
        {
            let eye = |rng: &mut _| pools[usize::from(Rng::random_bool(rng, 0.5))].one(rng);
            return Drawn { at: eye(rng), shut: false, right: Some(eye(rng)) };
        }
        if let Some(pool) = &self.unreadable
            && rng.random_bool(self.shares.unreadable.clamp(0.0, 1.0))
        {
            return Drawn { at: pool.one(rng), shut: false, right: None };
        }
        let shut = self.shares.shut_lids.clamp(0.0, 1.0);
        match &self.open {
            Some(open) if at.is_multiple_of(2) && rng.random_bool(shut) => {
                Drawn { at: open.one(rng), shut: true, right: None }
            }
            _ => {
                let at = [&self.drowsy, &self.awake][at % 2].one(rng);
                Drawn { at, shut: false, right: None }
            }
        }
    }

    /// A crop of either class, as likely the one as the other.
    pub(crate) fn any(&self, rng: &mut impl Rng) -> Drawn {
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
        let draw = Draw::new(&items, &all, &BTreeMap::new(), &awake, Shares::default()).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let batch: Vec<usize> = (0..4000).map(|at| draw.one(at, &mut rng).at).collect();
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
        assert!(
            Draw::new(&items, &awake_only, &BTreeMap::new(), &BTreeMap::new(), Shares::default())
                .is_none()
        );
        let all: Vec<usize> = (0..items.len()).collect();
        let elsewhere = BTreeMap::from([("nowhere".into(), 1.0)]);
        assert!(Draw::new(&items, &all, &elsewhere, &BTreeMap::new(), Shares::default()).is_none());
    }

    #[test]
    fn a_share_of_the_drowsy_crops_are_open_eyes_to_be_shut() {
        let mut items = items();
        let all: Vec<usize> = (0..items.len()).collect();
        let none = BTreeMap::new();
        let shares = Shares { shut_lids: 0.3, ..Shares::default() };
        // Nobody knows whether the eyes are open.
        assert!(Draw::new(&items, &all, &none, &none, shares).is_none());
        for item in &mut items[..20] {
            (item.eyes_closed, item.eye_aspect) = (Some(false), Some(0.3));
        }
        let draw = Draw::new(&items, &all, &none, &none, shares).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let batch: Vec<Drawn> = (0..4000).map(|at| draw.one(at, &mut rng)).collect();
        let shut = batch.iter().filter(|drawn| drawn.shut).count();
        assert!(shut.abs_diff(600) < 80, "{shut}");
        assert!(batch.iter().skip(1).step_by(2).all(|drawn| !drawn.shut));
        assert!(batch.iter().filter(|drawn| drawn.shut).all(|drawn| drawn.at < 20));
    }

    #[test]
    fn a_share_of_the_batch_shows_nothing_but_eyes() {
        let mut items = items();
        let eye = |shut| Item {
            eyes_only: true,
            eyes_closed: Some(shut),
            collection: "infra-red".into(),
            ..Item::default()
        };
        let faces = items.len();
        items.extend(vec![eye(false); 30]);
        let none = BTreeMap::new();
        let all: Vec<usize> = (0..items.len()).collect();
        let shares = Shares { eyes_only: 0.25, ..Shares::default() };
        assert!(Draw::new(&items, &all, &none, &none, shares).is_none(), "no shut ones");
        items.extend(vec![eye(true); 5]);
        let all: Vec<usize> = (0..items.len()).collect();
        let draw = Draw::new(&items, &all, &none, &none, shares).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let batch: Vec<Drawn> = (0..4000).map(|at| draw.one(at, &mut rng)).collect();
        let eyes: Vec<&Drawn> = batch.iter().filter(|drawn| drawn.right.is_some()).collect();
        assert!(eyes.len().abs_diff(1000) < 100, "{}", eyes.len());
        assert!(eyes.iter().all(|drawn| drawn.at >= faces && drawn.right >= Some(faces)));
        let shut = eyes.iter().filter(|drawn| items[drawn.at].eyes_closed == Some(true)).count();
        assert!(shut.abs_diff(eyes.len() / 2) < 60, "{shut}");
    }

    #[test]
    fn a_share_of_the_batch_are_faces_whose_eyes_nobody_can_read() {
        let mut items = items();
        let all: Vec<usize> = (0..items.len()).collect();
        let none = BTreeMap::new();
        let shares = Shares { unreadable: 0.25, ..Shares::default() };
        assert!(Draw::new(&items, &all, &none, &none, shares).is_none());
        // With a label and without.
        items[3].eyes_readable = Some(false);
        let unknown = Item { eyes_readable: Some(false), ..Item::default() };
        items.push(unknown);
        let all: Vec<usize> = (0..items.len()).collect();
        let draw = Draw::new(&items, &all, &none, &none, shares).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let batch: Vec<Drawn> = (0..4000).map(|at| draw.one(at, &mut rng)).collect();
        let unlabelled = batch.iter().filter(|drawn| drawn.at == items.len() - 1).count();
        assert!(unlabelled.abs_diff(500) < 60, "{unlabelled}");
    }
}
