//! The rules of level, mute, volume and test tone, as a value that is told the time.

use std::time::{Duration, Instant};

use super::{AlarmCommand, sound::Sound};
use crate::monitor::Level;

/// How long a mute lasts: it ends by itself.
pub const MUTE: Duration = Duration::from_secs(60);

/// The critical alarm is never softer than this, whatever the volume: a volume of zero
/// would be a mute that nobody sees and that does not end.
const CRITICAL_VOLUME: f32 = 0.3;

/// What shall be heard, from what was asked for.
#[derive(Clone, Debug)]
pub struct Control {
    level: Level,
    /// A warning is of eyes off the road.
    off_road: bool,
    volume: f32,
    mute: Option<Mute>,
    test: Option<(Level, Instant)>,
}

#[derive(Clone, Copy, Debug)]
struct Mute {
    until: Instant,
    /// The most urgent level that it silences.
    covers: Level,
}

impl Default for Control {
    fn default() -> Self {
        Self { level: Level::None, off_road: false, volume: 1.0, mute: None, test: None }
    }
}

impl Control {
    /// Takes an order at a time.
    ///
    /// A mute silences what sounds when it is asked for, and anything up to a warning.
    /// Whatever is more urgent ends it: who silenced an advisory and then falls asleep
    /// must be woken. During a critical alarm a running mute is not prolonged, so that
    /// it is heard again after [`MUTE`] at the latest.
    pub fn order(&mut self, command: AlarmCommand, now: Instant) {
        match command {
            AlarmCommand::Level(level) | AlarmCommand::OffRoad(level) => {
                self.off_road = matches!(command, AlarmCommand::OffRoad(_));
                self.level = level;
                if let Some(mute) = &mut self.mute {
                    if level > mute.covers {
                        self.mute = None;
                    } else {
                        mute.covers = level.max(Level::Warning);
                    }
                }
            }
            AlarmCommand::Mute => {
                let running = self.muted_until(now).is_some();
                if !(running && self.level == Level::Critical) {
                    let covers = self.level.max(Level::Warning);
                    self.mute = Some(Mute { until: now + MUTE, covers });
                }
            }
            AlarmCommand::Unmute => self.mute = None,
            AlarmCommand::Volume(volume) if volume.is_finite() => {
                self.volume = volume.clamp(0.0, 1.0);
            }
            AlarmCommand::Volume(_) => {}
            AlarmCommand::TestTone(level) => {
                self.test = Sound::of(level).map(|sound| (level, now + sound.burst()));
            }
        }
    }

    /// Raises the level to this one, if it is lower.
    pub fn raise(&mut self, level: Level, now: Instant) {
        if self.level < level {
            self.order(AlarmCommand::Level(level), now);
        }
    }

    /// The level to be heard now and its volume.
    pub fn target(&self, now: Instant) -> (Level, f32) {
        let alarm = if self.muted_until(now).is_some() { Level::None } else { self.level };
        let test = self.test.filter(|(_, until)| now < *until).map(|(level, _)| level);
        let level = test.map_or(alarm, |test| test.max(alarm));
        let floor = if alarm == Level::Critical { CRITICAL_VOLUME } else { 0.0 };
        (level, self.volume.max(floor))
    }

    /// Whether what is to be heard now is the warning of eyes off the road.
    pub fn is_off_road(&self, now: Instant) -> bool {
        let tested = self.test.is_some_and(|(_, until)| now < until);
        self.off_road && !tested && self.target(now).0 == Level::Warning
    }

    /// Until when the alarm is muted, if it is.
    pub fn muted_until(&self, now: Instant) -> Option<Instant> {
        self.mute.map(|mute| mute.until).filter(|until| now < *until)
    }

    /// The volume that was asked for, 0..1.
    pub fn volume(&self) -> f32 {
        self.volume
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AlarmCommand::{Level as Set, Mute, OffRoad, TestTone, Unmute, Volume};

    /// Gives orders at seconds and checks what is heard right after each.
    fn check(script: &[(u64, AlarmCommand, Level)]) {
        let (mut control, start) = (Control::default(), Instant::now());
        for &(at, command, heard) in script {
            let now = start + Duration::from_secs(at);
            control.order(command, now);
            assert_eq!(control.target(now).0, heard, "{command:?} at {at} s");
        }
    }

    #[test]
    fn a_mute_ends_by_itself_and_can_be_ended() {
        check(&[
            (0, Set(Level::Warning), Level::Warning),
            (1, Mute, Level::None),
            (60, Set(Level::Warning), Level::None),
            (61, Set(Level::Warning), Level::Warning),
            (62, Mute, Level::None),
            (63, Unmute, Level::Warning),
        ]);
    }

    #[test]
    fn something_more_urgent_breaks_a_mute() {
        check(&[
            (0, Set(Level::Advisory), Level::Advisory),
            (1, Mute, Level::None),
            (2, Set(Level::Warning), Level::None),
            (3, Set(Level::Critical), Level::Critical),
            (4, Set(Level::Warning), Level::Warning),
        ]);
    }

    #[test]
    fn critical_is_never_silenced_for_longer_than_one_mute() {
        check(&[
            (0, Set(Level::Critical), Level::Critical),
            (1, Mute, Level::None),
            (40, Mute, Level::None),
            (60, Mute, Level::None),
            (61, Set(Level::Critical), Level::Critical),
        ]);
    }

    #[test]
    fn a_mute_of_one_critical_alarm_does_not_cover_the_next() {
        check(&[
            (0, Set(Level::Critical), Level::Critical),
            (1, Mute, Level::None),
            (5, Set(Level::None), Level::None),
            (9, Set(Level::Critical), Level::Critical),
        ]);
    }

    #[test]
    fn a_test_tone_is_heard_once_even_when_muted_and_never_hides_an_alarm() {
        check(&[
            (0, Mute, Level::None),
            (1, TestTone(Level::Warning), Level::Warning),
            (3, Set(Level::None), Level::None),
            (4, Set(Level::Critical), Level::Critical),
            (5, TestTone(Level::Advisory), Level::Critical),
        ]);
    }

    #[test]
    fn only_a_warning_that_is_heard_is_of_eyes_off_the_road() {
        let (mut control, now) = (Control::default(), Instant::now());
        for (level, told) in
            [(Level::Advisory, false), (Level::Warning, true), (Level::Critical, false)]
        {
            control.order(OffRoad(level), now);
            assert_eq!(control.is_off_road(now), told, "{level:?}");
        }
        control.order(Set(Level::Warning), now);
        assert!(!control.is_off_road(now), "that warning is of something else");
        control.order(OffRoad(Level::Warning), now);
        control.order(Mute, now);
        assert!(!control.is_off_road(now), "nothing is heard");
        control.order(Unmute, now);
        control.order(TestTone(Level::Warning), now);
        assert!(!control.is_off_road(now), "the test tone is the level's");
        let later = now + Duration::from_secs(30);
        assert!(control.is_off_road(later));
        // Nothing is judged any more: that warning is of something else.
        control.order(OffRoad(Level::None), later);
        control.raise(Level::Warning, later);
        assert!(!control.is_off_road(later));
    }

    #[test]
    fn volume_is_clamped_and_critical_stays_audible() {
        let (mut control, now) = (Control::default(), Instant::now());
        for (asked, got) in [(0.5, 0.5), (7.0, 1.0), (f32::NAN, 1.0), (-1.0, 0.0)] {
            control.order(Volume(asked), now);
            assert_eq!(control.volume(), got);
        }
        control.order(Set(Level::Warning), now);
        assert_eq!(control.target(now), (Level::Warning, 0.0));
        control.order(Set(Level::Critical), now);
        assert_eq!(control.target(now), (Level::Critical, CRITICAL_VOLUME));
    }
}
