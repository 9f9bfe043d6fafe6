//! Media time: from the time stamps of a recording to seconds that a player would show,
//! that begin with the container and only rise.

use std::time::Duration;

/// A step of the stamps larger than this, in a format whose files may be joined end to end,
/// is a join and no time that has passed.
const JOIN: f64 = 10.0;
/// Stamps that run back by less than this are jitter: time waits until they catch up.
const JITTER: f64 = 0.5;
/// What a frame moves on while it waits.
const WAIT: Duration = Duration::from_micros(100);
/// Stamps beyond this are no times, seconds (some three hundred years).
const MOST: f64 = 1e10;

/// A place where the stamps jump although the recording goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Join {
    /// Media time of the first frame after it.
    pub at: Duration,
    /// By how much the stamps jump, seconds.
    pub step_s: f64,
}

/// Turns time stamps into media time.
#[derive(Clone, Debug)]
pub struct TimeKeeper {
    /// Stamp that counts as time 0, seconds.
    origin: Option<f64>,
    /// Nominal distance of two frames.
    step: Duration,
    /// Whether files of this format may be joined, so that large steps are joins.
    joinable: bool,
    last: Duration,
    frames: u64,
    /// The next frame may be at any time: it was searched for.
    searched: bool,
}

impl TimeKeeper {
    /// Counts from the stamp `origin`, in seconds, or from that of the first frame. `step`
    /// is the nominal distance of two frames; `joinable` says whether files of this format
    /// may be joined end to end, as transport streams may.
    pub fn new(origin: Option<f64>, step: Duration, joinable: bool) -> Self {
        let origin = origin.filter(|origin| origin.abs() <= MOST);
        Self { origin, step, joinable, last: Duration::ZERO, frames: 0, searched: false }
    }

    /// The recording was searched: frames are counted anew, and the next is wherever its
    /// stamp says.
    pub fn searched(&mut self) {
        (self.last, self.frames, self.searched) = (Duration::ZERO, 0, true);
    }

    /// Frames so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Media time of the last frame.
    pub fn last(&self) -> Duration {
        self.last
    }

    /// Time and index of the next frame, whose stamp is `stamp` seconds, and the join
    /// before it if there is one. A frame without a stamp follows one nominal step later.
    pub fn tick(&mut self, stamp: Option<f64>) -> (Duration, u64, Option<Join>) {
        let first = self.frames == 0;
        let next = if first { Duration::ZERO } else { self.last.saturating_add(self.step) };
        let (at, join) = match stamp.filter(|stamp| stamp.abs() <= MOST) {
            None => (next, None),
            Some(stamp) => self.place(stamp, first, next),
        };
        let index = self.frames;
        (self.last, self.frames, self.searched) = (at, index + 1, false);
        (at, index, join)
    }

    fn place(&mut self, stamp: f64, first: bool, next: Duration) -> (Duration, Option<Join>) {
        let begin = *self.origin.get_or_insert(stamp - next.as_secs_f64());
        let at = stamp - begin;
        let step_s = at - self.last.as_secs_f64();
        let joined = self.joinable && step_s > JOIN && !self.searched;
        let back = step_s <= 0.0 && !first || at < 0.0;
        match Duration::try_from_secs_f64(at) {
            // Two stamps may differ by less than a time can tell.
            Ok(at) if !joined && !back && (first || at > self.last) => return (at, None),
            _ if !joined && !first && step_s > -JITTER => {
                return (self.last.saturating_add(WAIT.min(self.step)), None);
            }
            _ => {}
        }
        self.origin = Some(stamp - next.as_secs_f64());
        // A first frame a little before the container's own beginning is no join.
        let told = joined || !first || step_s < -JOIN;
        (next, told.then_some(Join { at: next, step_s }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(40);

    /// Milliseconds of each frame, and the places of the joins.
    fn kept(origin: Option<f64>, joinable: bool, stamps: &[Option<f64>]) -> (Vec<u64>, Vec<u64>) {
        let mut keeper = TimeKeeper::new(origin, STEP, joinable);
        let ms = |at: Duration| (at.as_secs_f64() * 1000.0).round() as u64;
        let ticks: Vec<_> = stamps.iter().map(|stamp| keeper.tick(*stamp)).collect();
        let joins = ticks.iter().filter_map(|(_, _, join)| join.map(|join| ms(join.at)));
        (ticks.iter().map(|(at, ..)| ms(*at)).collect(), joins.collect())
    }

    #[test]
    fn time_only_rises_even_where_stamps_do_not() {
        let stamps = [Some(7.0), Some(7.04), None, Some(7.2), Some(3.0), Some(3.04)];
        assert_eq!(kept(None, false, &stamps), (vec![0, 40, 80, 200, 240, 280], vec![240]));
    }

    #[test]
    fn large_steps_are_joins_where_files_may_be_joined_and_time_elsewhere() {
        let forward = [Some(1.4), Some(1.44), Some(3600.0), Some(3600.04)];
        assert_eq!(kept(Some(1.4), true, &forward), (vec![0, 40, 80, 120], vec![80]));
        assert_eq!(kept(Some(1.4), false, &forward).0, [0, 40, 3_598_600, 3_598_640]);
        // A break of nine seconds has passed.
        let hole = [Some(0.0), Some(9.0), Some(9.04)];
        assert_eq!(kept(Some(0.0), true, &hole), (vec![0, 9000, 9040], vec![]));
        // A 33-bit clock that wraps.
        let wrap = [Some(95443.68), Some(95443.71), Some(0.02), Some(0.06)];
        assert_eq!(kept(None, true, &wrap), (vec![0, 30, 70, 110], vec![70]));
    }

    #[test]
    fn time_counts_from_the_container() {
        assert_eq!(kept(Some(0.5), false, &[Some(3.5), Some(3.54)]).0, [3000, 3040]);
        // A stream that begins before what its header says begins at 0.
        assert_eq!(kept(Some(0.5), false, &[Some(0.4), Some(0.44)]), (vec![0, 40], vec![]));
    }

    #[test]
    fn a_search_may_lead_anywhere() {
        let mut keeper = TimeKeeper::new(Some(1.4), STEP, true);
        keeper.tick(Some(1.4));
        keeper.searched();
        assert_eq!(keeper.tick(Some(61.4)), (Duration::from_secs(60), 0, None));
    }

    #[test]
    fn jitter_does_not_move_what_follows() {
        let stamps = [Some(0.0), Some(0.04), Some(0.04), Some(0.03), Some(0.12), Some(0.16)];
        assert_eq!(kept(Some(0.0), false, &stamps).0, [0, 40, 40, 40, 120, 160]);
        let thirds: Vec<f64> = (0..300_u32).map(|at| 7.1 + f64::from(at / 2) / 3.0).collect();
        let mut keeper = TimeKeeper::new(Some(0.3), STEP, false);
        let times: Vec<_> = thirds.iter().map(|stamp| keeper.tick(Some(*stamp)).0).collect();
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "each stamp twice");
        let mut keeper = TimeKeeper::new(None, STEP, false);
        let times: Vec<_> = stamps.iter().map(|stamp| keeper.tick(*stamp).0).collect();
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
    }

    #[test]
    fn what_is_no_time_is_left_out() {
        let odd = [Some(0.0), Some(f64::NAN), Some(f64::INFINITY), Some(1e300), Some(0.2)];
        assert_eq!(kept(None, false, &odd).0, [0, 40, 80, 120, 200]);
        assert_eq!(kept(Some(f64::NAN), true, &[Some(5.0)]).0, [0]);
    }
}
