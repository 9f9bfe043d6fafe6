//! Whether a mouth that opens explains eyes that are squeezed shut: a yawn that is seen, or
//! one behind a hand, of which the classifier sees nothing and the landmarks an open mouth.

use std::time::Duration;

use super::{FaceSigns, Settings};

/// A reading that flickers goes on for so long: a few frames. Our choice.
const FLICKER: Duration = Duration::from_millis(500);
/// A mouth that is open for less is none: a vowel.
const VOWEL: Duration = Duration::from_millis(300);
/// Longer than any yawn (3.5 to 6 s): a mask worn all along, or who talks, excuses nothing.
const LONGEST: Duration = Duration::from_secs(8);

/// Share of an open mouth's aspect ratio below which it is clearly shut, and how long it must
/// be so for a yawn to be over. Our choice.
const SHUT_SHARE: f32 = 0.5;
const OVER: Duration = Duration::from_secs(1);

/// Follows the mouth.
#[derive(Clone, Debug, Default)]
pub(super) struct Mouth {
    /// When a yawn was last read.
    yawned: Option<Duration>,
    /// When the mouth was last seen shut.
    shut: Option<Duration>,
    /// Since when it has been clearly shut.
    shut_since: Option<Duration>,
    /// When it opened and when it was last seen open; only one that was shut before.
    open: Option<[Duration; 2]>,
}

impl Mouth {
    /// Takes a frame.
    pub(super) fn see(&mut self, at: Duration, face: &FaceSigns, s: &Settings) {
        if face.yawn >= s.yawning {
            self.yawned = Some(at);
        }
        let is_shut = face.mouth_aspect < SHUT_SHARE * s.mouth_open && face.yawn < s.yawning;
        self.shut_since = is_shut.then(|| self.shut_since.unwrap_or(at));
        if face.mouth_aspect >= s.mouth_open {
            match &mut self.open {
                Some([_, last]) if at.saturating_sub(*last) <= FLICKER => *last = at,
                _ => self.open = self.shut.map(|_| [at, at]),
            }
        } else if face.mouth_aspect.is_finite() {
            self.shut = Some(at);
        }
    }

    /// The clock has jumped back.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether a yawn goes on or has just been read.
    pub(super) fn is_yawning(&self, at: Duration) -> bool {
        self.yawned.is_some_and(|yawned| at.saturating_sub(yawned) <= FLICKER)
    }

    /// Whether it has been clearly shut for so long that a yawn is over.
    pub(super) fn is_over(&self, at: Duration) -> bool {
        self.shut_since.is_some_and(|since| at.saturating_sub(since) >= OVER)
    }

    /// Whether the mouth opened before the lids sank at `sank`, or with them, and not long
    /// ago: a sleeper's falls open later.
    pub(super) fn is_open_since(&self, at: Duration, sank: Duration) -> bool {
        self.open.is_some_and(|[opened, last]| {
            at.saturating_sub(last) <= FLICKER
                && last.saturating_sub(opened) >= VOWEL
                && at.saturating_sub(opened) <= LONGEST
                && opened <= sank + VOWEL
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yawn_is_over_when_the_mouth_has_been_clearly_shut_for_a_second() {
        let s = Settings::default();
        let mut mouth = Mouth::default();
        let mut over_at = None;
        for tenth in 0..40 {
            let at = Duration::from_millis(100 * tenth);
            // Shut, open for a second, half shut for another, shut.
            let mouth_aspect = match tenth {
                0..5 | 25.. => 0.03,
                5..15 => 0.4,
                _ => 0.15,
            };
            mouth.see(at, &FaceSigns { mouth_aspect, ..FaceSigns::default() }, &s);
            if tenth >= 5 && mouth.is_over(at) {
                over_at.get_or_insert(tenth);
            }
        }
        assert_eq!(over_at, Some(35));
        mouth.see(Duration::from_secs(4), &FaceSigns { yawn: 0.9, ..FaceSigns::default() }, &s);
        assert!(!mouth.is_over(Duration::from_secs(4)), "the classifier reads a yawn");
    }
}
