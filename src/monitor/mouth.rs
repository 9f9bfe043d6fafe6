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

/// Follows the mouth.
#[derive(Clone, Debug, Default)]
pub(super) struct Mouth {
    /// When a yawn was last read.
    yawned: Option<Duration>,
    /// When the mouth was last seen shut.
    shut: Option<Duration>,
    /// When it opened and when it was last seen open; only one that was shut before.
    open: Option<[Duration; 2]>,
}

impl Mouth {
    /// Takes a frame.
    pub(super) fn see(&mut self, at: Duration, face: &FaceSigns, s: &Settings) {
        if face.yawn >= s.yawning {
            self.yawned = Some(at);
        }
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
