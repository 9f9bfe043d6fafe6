//! What the alarms sound like, three levels and eyes off the road, and their synthesis, sample
//! by sample.
//!
//! The rules (NHTSA's human-factors guidance for driver warnings and NUREG-0700, as
//! gathered in the domain notes): base at or above 1 kHz with at least three harmonics
//! over it, ramps of about 25 ms, gaps of at most 125 ms inside a burst, full level for
//! at least 70% of a pulse, and more pitches and less rest for more urgency.

use std::{
    f32::consts::TAU,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use crate::monitor::Level;

/// Rise and fall of every pulse: fast enough to alert, slow enough not to click.
pub const RAMP: Duration = Duration::from_millis(25);

/// Strength of the base and its four harmonics. Rich in harmonics, so that some band
/// stands out of the noise of any cabin.
const PARTIALS: [f32; 5] = [1.0, 0.7, 0.5, 0.35, 0.25];

/// The pattern of one alarm: a burst of pulses, then a rest, repeated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sound {
    /// Base frequency of each pulse of a burst, hertz.
    pub pulses_hz: &'static [f32],
    /// Length of a pulse, ramps included.
    pub pulse: Duration,
    /// Silence between two pulses of a burst.
    pub gap: Duration,
    /// Silence after a burst before it is repeated.
    pub rest: Duration,
    /// Peak level at full volume, 0..1.
    pub peak: f32,
}

/// A calm falling pair, once every twenty seconds.
const ADVISORY: Sound = Sound {
    pulses_hz: &[1250.0, 1000.0],
    pulse: Duration::from_millis(320),
    gap: Duration::from_millis(100),
    rest: Duration::from_secs(20),
    peak: 0.4,
};

/// Three even pulses, again after two seconds.
const WARNING: Sound = Sound {
    pulses_hz: &[1600.0, 1600.0, 1600.0],
    pulse: Duration::from_millis(250),
    gap: Duration::from_millis(100),
    rest: Duration::from_secs(2),
    peak: 0.7,
};

/// A rising pair, again after a second and a half: "eyes on the road" is not "rest", and
/// must not sound like it.
const OFF_ROAD: Sound = Sound {
    pulses_hz: &[1300.0, 1950.0],
    pulse: Duration::from_millis(180),
    gap: Duration::from_millis(60),
    rest: Duration::from_millis(1500),
    peak: 0.7,
};

/// Two high tones in turn, without rest.
const CRITICAL: Sound = Sound {
    pulses_hz: &[1800.0, 2400.0],
    pulse: Duration::from_millis(200),
    gap: Duration::from_millis(50),
    rest: Duration::from_millis(50),
    peak: 0.95,
};

impl Sound {
    /// The sound of a level; `None` for [`Level::None`].
    pub fn of(level: Level) -> Option<Self> {
        match level {
            Level::None => None,
            Level::Advisory => Some(ADVISORY),
            Level::Warning => Some(WARNING),
            Level::Critical => Some(CRITICAL),
        }
    }

    /// Length of a burst, without the rest.
    pub fn burst(&self) -> Duration {
        let pulses = self.pulses_hz.len() as u32;
        self.pulse * pulses + self.gap * pulses.saturating_sub(1)
    }

    /// Base frequency (hertz) and envelope (0..1) at a time since the alarm's start.
    fn at(&self, seconds: f64) -> (f32, f32) {
        let cycle = (self.burst() + self.rest).as_secs_f64();
        let in_cycle = seconds % cycle;
        let step = (self.pulse + self.gap).as_secs_f64();
        let index = (in_cycle / step) as usize;
        let Some(&base_hz) = self.pulses_hz.get(index) else { return (self.pulses_hz[0], 0.0) };
        let since = in_cycle - index as f64 * step;
        let left = self.pulse.as_secs_f64() - since;
        let ramp = (since.min(left) / RAMP.as_secs_f64()).clamp(0.0, 1.0) as f32;
        // A raised cosine: no corner that could click.
        (base_hz, 0.5 - 0.5 * (ramp * TAU / 2.0).cos())
    }
}

/// The code of [`OFF_ROAD`], beside those of the levels.
const OFF_ROAD_CODE: u8 = 4;

/// What a [`Voice`] shall play, set from any thread and heard within a pulse's ramp.
#[derive(Debug)]
pub struct VoiceControl {
    /// A level, or [`OFF_ROAD_CODE`].
    sound: AtomicU8,
    volume: AtomicU32,
    played: AtomicU64,
}

impl Default for VoiceControl {
    fn default() -> Self {
        Self {
            sound: AtomicU8::new(0),
            volume: AtomicU32::new(1.0_f32.to_bits()),
            played: AtomicU64::new(0),
        }
    }
}

impl VoiceControl {
    /// Sets what is played: a level, and the volume 0..1.
    pub fn set(&self, level: Level, volume: f32) {
        self.sound.store(level as u8, Relaxed);
        self.volume.store(volume.to_bits(), Relaxed);
    }

    /// Plays the warning of eyes off the road, with the volume 0..1.
    pub fn set_off_road(&self, volume: f32) {
        self.sound.store(OFF_ROAD_CODE, Relaxed);
        self.volume.store(volume.to_bits(), Relaxed);
    }

    /// Samples handed to the device so far: while it plays, this number grows, silence
    /// included, so that a device that has stopped can be told.
    pub fn played(&self) -> u64 {
        self.played.load(Relaxed)
    }

    fn sound(&self) -> Option<Sound> {
        match self.sound.load(Relaxed) {
            0 => None,
            1 => Some(ADVISORY),
            2 => Some(WARNING),
            OFF_ROAD_CODE => Some(OFF_ROAD),
            _ => Some(CRITICAL),
        }
    }
}

/// An endless stream of mono samples, -1..1, that plays what its control says. A change
/// lets the current pulse fall within [`RAMP`] before the new sound starts.
#[derive(Debug)]
pub struct Voice {
    control: Arc<VoiceControl>,
    rate_hz: u32,
    /// What is being played, and since how many samples.
    playing: Option<Sound>,
    since: u64,
    /// Phase of the base, 0..1.
    phase: f32,
    /// Falls to 0 when the sound changes; 1 otherwise.
    release: f32,
    /// The volume on its way to the control's.
    volume: f32,
    /// One over the waveform's own peak.
    scale: f32,
}

impl Voice {
    /// A voice at a sample rate in hertz.
    pub fn new(control: Arc<VoiceControl>, rate_hz: u32) -> Self {
        let peak = (0..1024).map(|i| wave(i as f32 / 1024.0, PARTIALS.len()).abs());
        let scale = 1.0 / peak.fold(f32::EPSILON, f32::max);
        Self {
            control,
            rate_hz: rate_hz.max(1),
            playing: None,
            since: 0,
            phase: 0.0,
            release: 1.0,
            volume: 0.0,
            scale,
        }
    }

    /// Samples a second.
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    fn sample(&mut self) -> f32 {
        let step = 1.0 / (RAMP.as_secs_f32() * self.rate_hz as f32);
        let volume = f32::from_bits(self.control.volume.load(Relaxed));
        self.volume += (volume - self.volume).clamp(-step, step);
        let wanted = self.control.sound();
        let (base_hz, envelope, peak) = match self.playing {
            Some(sound) => {
                let (hz, envelope) = sound.at(self.since as f64 / f64::from(self.rate_hz));
                (hz, envelope, sound.peak)
            }
            None => (0.0, 0.0, 0.0),
        };
        if wanted != self.playing {
            self.release -= step;
            if self.release <= 0.0 || envelope <= 0.0 {
                (self.playing, self.since) = (wanted, 0);
                (self.phase, self.release) = (0.0, 1.0);
                // Nothing sounded: start at the volume that is wanted.
                self.volume = volume;
                return 0.0;
            }
        } else {
            self.release = (self.release + step).min(1.0);
        }
        self.since += 1;
        if envelope <= 0.0 {
            self.phase = 0.0;
            return 0.0;
        }
        // Partials near half the sample rate would fold back as false tones.
        let partials = (0.45 * self.rate_hz as f32 / base_hz) as usize;
        let sample = wave(self.phase, partials.min(PARTIALS.len())) * self.scale;
        self.phase = (self.phase + base_hz / self.rate_hz as f32).fract();
        sample * envelope * peak * self.release * self.volume
    }
}

/// The waveform over its phase 0..1 with its first `partials` partials; not normalised.
fn wave(phase: f32, partials: usize) -> f32 {
    let strengths = PARTIALS.iter().take(partials).enumerate();
    strengths.map(|(i, strength)| strength * (TAU * phase * (i + 1) as f32).sin()).sum()
}

impl Iterator for Voice {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        self.control.played.fetch_add(1, Relaxed);
        Some(self.sample())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;
    const LEVELS: [Level; 3] = [Level::Advisory, Level::Warning, Level::Critical];

    /// Plays a level for some seconds at full volume.
    fn play(level: Level, seconds: f32) -> Vec<f32> {
        let control = Arc::new(VoiceControl::default());
        control.set(level, 1.0);
        Voice::new(control, RATE).take((seconds * RATE as f32) as usize).collect()
    }

    /// Strength of a frequency in samples (one bin of a Fourier transform, Hann window).
    fn strength(samples: &[f32], hz: f32) -> f32 {
        let n = samples.len() as f32;
        let (mut re, mut im) = (0.0, 0.0);
        for (i, sample) in samples.iter().enumerate() {
            let window = 0.5 - 0.5 * (TAU * i as f32 / n).cos();
            let angle = TAU * hz * i as f32 / RATE as f32;
            re += sample * window * angle.cos();
            im += sample * window * angle.sin();
        }
        re.hypot(im) * 4.0 / n
    }

    /// Level over time: the peak in windows of 2 ms, over the loudest of all.
    fn envelope(samples: &[f32]) -> Vec<f32> {
        let peaks: Vec<f32> = samples
            .chunks(RATE as usize / 500)
            .map(|window| window.iter().fold(0.0, |peak: f32, s| peak.max(s.abs())))
            .collect();
        let top = peaks.iter().copied().fold(0.0, f32::max);
        peaks.iter().map(|peak| peak / top).collect()
    }

    /// Lengths in windows of the stretches where `inside` holds.
    fn stretches(levels: &[f32], inside: impl Fn(f32) -> bool) -> Vec<usize> {
        let runs = levels.chunk_by(|a, b| inside(*a) == inside(*b));
        runs.filter(|run| inside(run[0])).map(<[f32]>::len).collect()
    }

    #[test]
    fn every_base_is_high_and_carries_harmonics() {
        for level in LEVELS {
            let sound = Sound::of(level).unwrap();
            let samples = play(level, 1.0);
            for (i, &base) in sound.pulses_hz.iter().enumerate() {
                assert!(base >= 1000.0);
                let start = (sound.pulse + sound.gap) * i as u32 + RAMP;
                let from = (start.as_secs_f32() * RATE as f32) as usize;
                let pulse = &samples[from..from + RATE as usize / 10];
                let fundamental = strength(pulse, base);
                assert!(fundamental > 0.1, "{level:?}: base {fundamental}");
                let below = [0.25, 0.5, 0.75].map(|part| strength(pulse, base * part));
                assert!(below.iter().all(|s| *s < 0.01 * fundamental), "{level:?}: {below:?}");
                let harmonics = (2..=5)
                    .filter(|h| strength(pulse, base * *h as f32) > 0.1 * fundamental)
                    .count();
                assert!(harmonics >= 3, "{level:?}: {harmonics} harmonics");
            }
        }
    }

    #[test]
    fn ramps_gaps_and_full_level_follow_the_rules() {
        for level in LEVELS {
            let sound = Sound::of(level).unwrap();
            let burst = envelope(&play(level, sound.burst().as_secs_f32()));
            let gaps = stretches(&burst[2..burst.len() - 2], |l| l < 0.02);
            assert_eq!(gaps.len(), sound.pulses_hz.len() - 1, "{level:?}");
            assert!(gaps.iter().all(|gap| gap * 2 <= 125), "{level:?}: gaps {gaps:?} x 2 ms");
            let pulses = stretches(&burst, |l| l >= 0.02);
            let full = stretches(&burst, |l| l > 0.9);
            assert_eq!(pulses.len(), full.len(), "{level:?}");
            for (pulse, full) in pulses.iter().zip(&full) {
                assert!(*full as f32 >= 0.7 * *pulse as f32, "{level:?}: {full} of {pulse}");
            }
            // From 5% to 95% of a 25 ms raised cosine: 18 ms, within a window each side.
            let rise = burst.iter().position(|l| *l > 0.95).unwrap()
                - burst.iter().position(|l| *l > 0.05).unwrap();
            assert!((7..=11).contains(&rise), "{level:?}: rises in {rise} x 2 ms");
        }
    }

    #[test]
    fn critical_never_rests_and_the_others_repeat() {
        let gaps = stretches(&envelope(&play(Level::Critical, 5.0)), |l| l < 0.02);
        assert!(gaps.iter().all(|gap| gap * 2 <= 125), "{gaps:?}");
        for level in [Level::Advisory, Level::Warning] {
            let sound = Sound::of(level).unwrap();
            let seconds = (sound.burst() * 2 + sound.rest).as_secs_f32();
            let pulses = stretches(&envelope(&play(level, seconds)), |l| l > 0.5);
            assert_eq!(pulses.len(), 2 * sound.pulses_hz.len(), "{level:?}");
        }
    }

    #[test]
    fn the_three_sounds_differ_in_pitch_rhythm_and_level() {
        let sounds = LEVELS.map(|level| Sound::of(level).unwrap());
        for pair in sounds.windows(2) {
            assert!(pair[1].pulses_hz[0] >= 1.1 * pair[0].pulses_hz[0]);
            assert!(pair[1].pulse < pair[0].pulse && pair[1].rest < pair[0].rest);
            assert!(pair[1].peak >= 1.3 * pair[0].peak);
        }
    }

    #[test]
    fn eyes_off_the_road_have_a_sound_of_their_own_that_follows_the_rules() {
        let sound = OFF_ROAD;
        let control = Arc::new(VoiceControl::default());
        control.set_off_road(1.0);
        let cycle_s = (sound.burst() + sound.rest).as_secs_f32();
        let samples =
            |seconds: f32| Voice::new(control.clone(), RATE).take((seconds * RATE as f32) as usize);
        let cycle: Vec<f32> = samples(cycle_s).collect();
        let burst = envelope(&cycle[..(sound.burst().as_secs_f32() * RATE as f32) as usize]);
        let gaps = stretches(&burst[2..burst.len() - 2], |l| l < 0.02);
        assert_eq!(gaps.len(), sound.pulses_hz.len() - 1);
        assert!(gaps.iter().all(|gap| gap * 2 <= 125), "gaps {gaps:?} x 2 ms");
        let (pulses, full) = (stretches(&burst, |l| l >= 0.02), stretches(&burst, |l| l > 0.9));
        for (pulse, full) in pulses.iter().zip(&full) {
            assert!(*full as f32 >= 0.7 * *pulse as f32, "{full} of {pulse}");
        }
        assert!(sound.pulses_hz.iter().all(|hz| *hz >= 1000.0));
        // It rises where the warning of drowsiness stays and the advisory falls.
        assert!(sound.pulses_hz[1] >= 1.3 * sound.pulses_hz[0]);
        for level in LEVELS {
            let other = Sound::of(level).unwrap();
            assert!(other.pulses_hz != sound.pulses_hz && other.rest != sound.rest);
        }
        // Back to the warning of drowsiness, and to silence.
        control.set(Level::Warning, 1.0);
        let warning: Vec<f32> = samples(0.2).collect();
        assert_eq!(warning, play(Level::Warning, 0.2));
    }

    #[test]
    fn a_change_of_level_falls_off_without_a_click() {
        let control = Arc::new(VoiceControl::default());
        control.set(Level::Warning, 1.0);
        let mut voice = Voice::new(control.clone(), RATE);
        let mut samples: Vec<f32> = voice.by_ref().take(RATE as usize / 10).collect();
        control.set(Level::Critical, 1.0);
        samples.extend(voice.by_ref().take(RATE as usize / 10));
        control.set(Level::None, 1.0);
        let tail: Vec<f32> = voice.by_ref().take(RATE as usize / 10).collect();
        assert!(tail[RATE as usize / 20..].iter().all(|s| *s == 0.0), "silence within 50 ms");
        // The steepest slope of the steady tones themselves bounds every step.
        let slope = |s: &[f32]| s.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
        let steady = slope(&play(Level::Critical, 0.5));
        samples.extend(tail);
        assert!(slope(&samples) <= steady * 1.05);
        assert!(samples.iter().all(|s| s.abs() <= 1.0));
    }

    #[test]
    fn a_low_sample_rate_folds_no_partial_back() {
        let control = Arc::new(VoiceControl::default());
        control.set(Level::Critical, 1.0);
        let samples: Vec<f32> = Voice::new(control.clone(), 8000).take(8000).collect();
        assert!(samples.iter().all(|s| s.is_finite() && s.abs() <= 1.0));
        assert!(samples.iter().any(|s| s.abs() > 0.3));
        assert_eq!(control.played(), 8000);
    }
}
