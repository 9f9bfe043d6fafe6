//! Which files are videos, and which of their frames are looked at.

use std::{path::Path, time::Duration};

/// Whether a file is a recording, as [`formats`](crate::source::formats) tells.
pub fn is_video(file: &Path) -> bool {
    crate::source::formats::is_recording(file)
}

/// Picks frames at a rate by their media time: the first frame at or after each multiple
/// of its period. A video of a lower or varying rate gives what it has, never a frame
/// twice.
#[derive(Clone, Copy, Debug)]
pub struct Picker {
    /// Frames a second.
    rate: f64,
    /// Number of the next period.
    next: u64,
}

impl Picker {
    /// Picks `rate` frames a second, above 0.
    pub fn new(rate: f64) -> Self {
        Self { rate, next: 0 }
    }

    /// Whether the frame at this time is picked; times must rise.
    pub fn picks(&mut self, at: Duration) -> bool {
        // Stamps are rounded: a frame up to a thousandth of a second early is in time.
        let period = ((at.as_secs_f64() + 1e-3) * self.rate).floor() as u64;
        let picked = period >= self.next;
        if picked {
            self.next = period + 1;
        }
        picked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(rate: f64, times_ms: &[u64]) -> Vec<u64> {
        let mut picker = Picker::new(rate);
        times_ms.iter().copied().filter(|ms| picker.picks(Duration::from_millis(*ms))).collect()
    }

    #[test]
    fn frames_are_picked_by_time_not_by_number() {
        let steady: Vec<u64> = (0..90).map(|i| i * 1000 / 30).collect();
        assert_eq!(picked(1.0, &steady), [0, 1000, 2000]);
        assert_eq!(picked(2.0, &steady).len(), 6);
        assert_eq!(picked(100.0, &steady).len(), 90, "no more than there are");
        // A gap is not made up for.
        assert_eq!(picked(1.0, &[0, 40, 3500, 3600, 4010]), [0, 3500, 4010]);
    }

    #[test]
    fn endings_count_in_any_case() {
        assert!(is_video(Path::new("a/10_1.MOV")) && is_video(Path::new("b.m4v")));
        assert!(!is_video(Path::new("b.jpg")) && !is_video(Path::new("mov")));
    }
}
