//! What a batch of crops is compared with: labels as numbers, with weight 0 where a sign
//! is not known or not visible.

use std::borrow::Cow;

use rand::Rng;

use super::{
    augment::Lids,
    samples::{Needed, Sample},
};
use crate::{
    dataset::manifest::{Item, Label},
    face::Visibility,
};

/// Eye and mouth aspect ratios are multiplied by these before they are regressed, so that
/// both spread over about one unit.
const ASPECT_SCALE: [f32; 2] = [5.0, 2.0];

/// Eye aspect ratios of lids that are drawn shut: between the tenth and the ninetieth
/// percentile of what the landmark network finds in pictures of closed eyes.
const SHUT: std::ops::Range<f32> = 0.02..0.14;

/// Aspect ratio from which an eye is so open that lids are drawn over it. Labels call eyes
/// open from 0.22 on, and a list that says nothing but "open" is believed up to there.
const CLEARLY_OPEN: f32 = 0.25;

/// How far lids may be drawn down without the eye counting as closed.
const LOWEST_OPEN: f32 = 0.35;

/// What must stay visible for the label of a crop to be true.
pub(super) fn needed(item: &Item) -> Needed {
    let drowsy = item.label == Some(Label::Drowsy);
    match (item.eyes_closed, item.yawn) {
        // The label alone is known: either sign may be its reason. Both classes keep both
        // parts, or a network would learn that only the awake wear dark glasses.
        (None, None | Some(false)) => {
            let known = item.label.is_some();
            Needed { eyes: known, mouth: known }
        }
        (closed, yawn) => Needed {
            eyes: closed == Some(true),
            mouth: yawn == Some(true) || (drowsy && closed != Some(true)),
        },
    }
}

/// Which landmark cells of a crop the landmark network sees uncovered.
pub(super) fn visible(item: &Item) -> [bool; 4] {
    item.seen.map_or([true; 4], |[left_eye, right_eye, mouth]| {
        Visibility { left_eye, right_eye, mouth }.uncovered()
    })
}

/// Aspect ratio of eyes that are clearly open, and that nothing covers.
pub(super) fn opening(item: &Item) -> Option<f32> {
    let [left_eye, right_eye, ..] = visible(item);
    let open = item.eyes_closed == Some(false) && left_eye && right_eye;
    item.eye_aspect.filter(|aspect| open && *aspect >= CLEARLY_OPEN)
}

/// What a crop's lids shall be drawn like, and what is true of it then: closed if they are to
/// be `shut`, otherwise with the chance `low` (0..1) partly down.
pub(super) fn with_lids<'i>(
    item: &'i Item,
    shut: bool,
    low: f64,
    rng: &mut impl Rng,
) -> (Cow<'i, Item>, Option<Lids>) {
    match opening(item) {
        Some(aspect) if shut => {
            let closed = Item {
                label: Some(Label::Drowsy),
                eyes_closed: Some(true),
                eye_aspect: Some(rng.random_range(SHUT)),
                ..item.clone()
            };
            (Cow::Owned(closed), Some(Lids { aspect, lowered: 1.0 }))
        }
        Some(aspect) if low > 0.0 && rng.random_bool(low) => {
            let lowered = rng.random_range(0.05..LOWEST_OPEN);
            let lower = Item { eye_aspect: Some(aspect * (1.0 - lowered)), ..item.clone() };
            (Cow::Owned(lower), Some(Lids { aspect, lowered }))
        }
        _ => (Cow::Borrowed(item), None),
    }
}

/// How surely the landmark network must see an eye for it to count as seen.
const SURELY_SEEN: f32 = 0.5;

/// The labels of a batch as numbers: two a crop, of signs three.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Targets {
    /// Probabilities of awake and drowsy; both 0 where no label is known.
    pub(super) label: Vec<f32>,
    /// Eyes closed, yawning, looking down.
    pub(super) signs: Vec<f32>,
    /// 1 where the sign is known and can be seen.
    pub(super) signs_known: Vec<f32>,
    /// Eye and mouth aspect ratio, scaled.
    pub(super) aspects: Vec<f32>,
    /// 1 where it is known and can be seen.
    pub(super) aspects_known: Vec<f32>,
    /// Shut and seen of the left eye, then of the right eye: four a crop.
    pub(super) eyes: Vec<f32>,
    /// 1 where it is known; whether an unseen eye is shut is not.
    pub(super) eyes_known: Vec<f32>,
}

/// Whether the eyes on the left and on the right of the picture are shut.
pub(super) fn shut_eyes(item: &Item) -> [Option<bool>; 2] {
    [item.eyes_closed; 2]
}

impl Targets {
    /// The labels of one crop, as far as its `sample` shows them. `shut` says of the left
    /// and of the right eye of the stored crop whether it is shut.
    pub(super) fn new(
        item: &Item,
        shut: [Option<bool>; 2],
        sample: &Sample,
        smoothing: f32,
    ) -> Self {
        let mut targets = Self::default();
        let smooth = |truth: bool| f32::from(u8::from(truth)) * (1.0 - smoothing) + smoothing / 2.0;
        match item.label {
            Some(label) => {
                let drowsy = smooth(label == Label::Drowsy);
                targets.label.extend([1.0 - drowsy, drowsy]);
            }
            None => targets.label.extend([0.0; 2]),
        }
        let hidden = sample.hidden;
        let seen = [!(hidden.left_eye && hidden.right_eye), !hidden.mouth];
        // What shows nothing but eyes teaches \[CLS\] nothing: it would learn the collection.
        let face = !item.eyes_only;
        let signs = [item.eyes_closed, item.yawn, item.looking_down];
        for (sign, seen) in signs.into_iter().zip([seen[0], seen[1], seen[0]]) {
            targets.signs.push(f32::from(u8::from(sign == Some(true))));
            targets.signs_known.push(f32::from(u8::from(face && seen && sign.is_some())));
        }
        let aspects = [item.eye_aspect, item.mouth_aspect].into_iter().zip(ASPECT_SCALE);
        for ((aspect, scale), seen) in aspects.zip(seen) {
            targets.aspects.push(aspect.unwrap_or(0.0).clamp(0.0, 1.5) * scale);
            targets.aspects_known.push(f32::from(u8::from(face && seen && aspect.is_some())));
        }
        let covered = [sample.covered.left_eye, sample.covered.right_eye];
        let by_network = item.seen.map_or([1.0; 2], |[left, right, _]| [left, right]);
        let mut eyes = [0, 1].map(|eye| {
            let readable = item.eyes_readable != Some(false);
            let seen = match (readable && !covered[eye], by_network[eye] >= SURELY_SEEN) {
                (false, _) => Some(false),
                (true, true) => Some(true),
                // The landmark network is no judge of that where it doubts.
                (true, false) => None,
            };
            (shut[eye].filter(|_| readable && !covered[eye]), seen)
        });
        if sample.flipped {
            eyes.reverse();
        }
        for (shut, seen) in eyes {
            for truth in [shut, seen] {
                targets.eyes.push(truth.map_or(0.0, smooth));
                targets.eyes_known.push(f32::from(u8::from(truth.is_some())));
            }
        }
        targets
    }

    /// Appends the labels of more crops.
    pub(super) fn append(&mut self, more: Self) {
        self.label.extend(more.label);
        self.signs.extend(more.signs);
        self.signs_known.extend(more.signs_known);
        self.aspects.extend(more.aspects);
        self.aspects_known.extend(more.aspects_known);
        self.eyes.extend(more.eyes);
        self.eyes_known.extend(more.eyes_known);
    }

    /// The labels of a mixture, `share` of these and the rest of `other` (mixup, Zhang et
    /// al. 2018); what one of them does not know is not known of the mixture.
    pub(super) fn mix(&mut self, other: &Self, share: f32) {
        let blend = |a: &mut [f32], b: &[f32]| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a = share * *a + (1.0 - share) * b);
        };
        // Without a label on one side there is none of the mixture.
        let labelled = |label: &[f32]| label.iter().sum::<f32>() > 0.0;
        match labelled(&self.label) && labelled(&other.label) {
            true => blend(&mut self.label, &other.label),
            false => self.label.fill(0.0),
        }
        blend(&mut self.signs, &other.signs);
        blend(&mut self.aspects, &other.aspects);
        blend(&mut self.eyes, &other.eyes);
        let both = |a: &mut [f32], b: &[f32]| a.iter_mut().zip(b).for_each(|(a, b)| *a *= b);
        both(&mut self.signs_known, &other.signs_known);
        both(&mut self.aspects_known, &other.aspects_known);
        both(&mut self.eyes_known, &other.eyes_known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{augment::Covered, samples, tests::small};
    use image::RgbImage;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn a_hidden_or_unknown_sign_is_no_target() {
        let item = Item {
            label: Some(Label::Drowsy),
            eyes_closed: Some(true),
            yawn: None,
            eye_aspect: Some(0.1),
            mouth_aspect: Some(0.25),
            ..Item::default()
        };
        assert_eq!(needed(&item), Needed { eyes: true, mouth: false });
        let stored = RgbImage::new(32, 32);
        let mut sample = samples::plain(&stored, [true; 4], &small(true));
        sample.hidden = Covered { left_eye: true, right_eye: false, mouth: true };
        sample.covered = Covered { left_eye: true, right_eye: false, mouth: false };
        let targets = Targets::new(&item, shut_eyes(&item), &sample, 0.5);
        assert_eq!(targets.label, [0.25, 0.75]);
        assert_eq!(targets.signs, [1., 0., 0.]);
        assert_eq!(targets.signs_known, [1., 0., 0.]);
        // The left eye is covered: unseen, and nobody knows whether it is shut.
        assert_eq!(targets.eyes, [0.0, 0.25, 0.75, 0.75]);
        assert_eq!(targets.eyes_known, [0., 1., 1., 1.]);
        sample.flipped = true;
        let flipped = Targets::new(&item, shut_eyes(&item), &sample, 0.5);
        assert_eq!(flipped.eyes_known, [1., 1., 0., 1.]);
        assert_eq!(targets.aspects, [0.5, 0.5]);
        assert_eq!(targets.aspects_known, [1., 0.]);
    }

    #[test]
    fn what_shows_nothing_but_eyes_teaches_the_eye_heads_alone() {
        let item = Item {
            eyes_only: true,
            eyes_closed: Some(false),
            seen: Some([1.0, 1.0, 0.0]),
            ..Item::default()
        };
        let sample = samples::plain(&RgbImage::new(32, 32), [true; 4], &small(true));
        let targets = Targets::new(&item, [Some(true), Some(false)], &sample, 0.0);
        assert_eq!(targets.label, [0.0, 0.0]);
        assert_eq!(
            (&targets.signs_known[..], &targets.aspects_known[..]),
            (&[0.; 3][..], &[0.; 2][..])
        );
        assert_eq!(
            (&targets.eyes[..], &targets.eyes_known[..]),
            (&[1., 1., 0., 1.][..], &[1.; 4][..])
        );
        // Eyes that a person cannot read are unseen, whatever the landmark network thinks.
        let dark = Item { eyes_readable: Some(false), ..item };
        let targets = Targets::new(&dark, [None; 2], &sample, 0.0);
        assert_eq!(
            (&targets.eyes[..], &targets.eyes_known[..]),
            (&[0.; 4][..], &[0., 1., 0., 1.][..])
        );
    }

    #[test]
    fn only_uncovered_open_eyes_have_an_opening() {
        let open = Item { eyes_closed: Some(false), eye_aspect: Some(0.3), ..Item::default() };
        assert_eq!(opening(&open), Some(0.3));
        let seen = |left, right| Item { seen: Some([left, right, 0.1]), ..open.clone() };
        assert_eq!(opening(&seen(0.9, 0.9)), Some(0.3));
        assert_eq!(opening(&seen(0.1, 0.9)), None);
        assert_eq!(opening(&Item { eye_aspect: Some(0.22), ..open.clone() }), None);
        assert_eq!(opening(&Item { eyes_closed: Some(true), ..open.clone() }), None);
        assert_eq!(opening(&Item { eyes_closed: None, ..open }), None);
    }

    #[test]
    fn drawn_lids_change_what_is_true() {
        let open = Item {
            label: Some(Label::Awake),
            eyes_closed: Some(false),
            eye_aspect: Some(0.3),
            ..Item::default()
        };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..50 {
            let (closed, lids) = with_lids(&open, true, 0.0, &mut rng);
            assert_eq!(lids, Some(Lids { aspect: 0.3, lowered: 1.0 }));
            assert_eq!((closed.label, closed.eyes_closed), (Some(Label::Drowsy), Some(true)));
            assert!(closed.eye_aspect < Some(0.15));
            // What is now needed may not be covered.
            assert!(needed(&closed).eyes && !needed(&open).eyes);
            let (low, lids) = with_lids(&open, false, 1.0, &mut rng);
            assert!(lids.is_some_and(|lids| lids.lowered < 0.5));
            assert_eq!((low.label, low.eyes_closed), (open.label, open.eyes_closed));
            assert!(low.eye_aspect < open.eye_aspect && low.eye_aspect > Some(0.15));
        }
        assert_eq!(with_lids(&open, false, 0.0, &mut rng), (Cow::Borrowed(&open), None));
        let covered = Item { seen: Some([0.1, 0.1, 1.0]), ..open };
        assert_eq!(with_lids(&covered, false, 1.0, &mut rng), (Cow::Borrowed(&covered), None));
    }

    #[test]
    fn a_mixture_knows_what_both_know() {
        let part = |known: f32, value: f32| Targets {
            label: vec![1.0 - value, value],
            signs: vec![value; 2],
            signs_known: vec![known, 1.0],
            aspects: vec![value; 2],
            aspects_known: vec![1.0, known],
            eyes: vec![value; 4],
            eyes_known: vec![known; 4],
        };
        let mut mixed = part(1.0, 1.0);
        mixed.mix(&part(0.0, 0.0), 0.75);
        assert_eq!(mixed.label, [0.25, 0.75]);
        assert_eq!(mixed.signs_known, [0.0, 1.0]);
        assert_eq!(mixed.aspects_known, [1.0, 0.0]);
        assert_eq!(mixed.eyes_known, [0.0; 4]);
        let mut unlabelled = Targets { label: vec![0.0; 2], ..part(1.0, 1.0) };
        unlabelled.mix(&part(1.0, 0.0), 0.75);
        assert_eq!(unlabelled.label, [0.0, 0.0]);
    }

    #[test]
    fn a_mere_label_lets_neither_class_be_covered() {
        for label in [Label::Awake, Label::Drowsy] {
            let item = Item { label: Some(label), yawn: Some(false), ..Item::default() };
            assert_eq!(needed(&item), Needed { eyes: true, mouth: true });
        }
    }
}
