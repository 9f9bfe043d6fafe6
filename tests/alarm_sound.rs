//! The alarm through rodio and ALSA into a file, measured: what a listener would hear,
//! not only what was synthesised. A process of its own, since ALSA reads its
//! configuration once. Skipped where ALSA is absent.
#![cfg(all(target_os = "linux", feature = "audio"))]
#![allow(clippy::unwrap_used, reason = "a panic is the test's message")]

use std::{
    f32::consts::TAU,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use wakewatch::{
    alarm::{Alarm, AlarmCommand, SoundState, default_speaker, sound::Sound},
    monitor::Level,
};

const ALSA: &str = "/usr/share/alsa/alsa.conf";
const RATE_HZ: usize = 48_000;
/// Bytes of a frame: two channels of 32 bits.
const FRAME: usize = 8;
/// Length of the header that ALSA's file device writes.
const HEADER: usize = 44;
const LEVELS: [(&str, Level); 3] =
    [("advisory", Level::Advisory), ("warning", Level::Warning), ("critical", Level::Critical)];

#[test]
fn what_is_played_follows_the_rules() {
    if !Path::new(ALSA).exists() {
        eprintln!("skipped: {ALSA} is not here");
        return;
    }
    for (name, level) in LEVELS {
        let sound = Sound::of(level).unwrap();
        let played = play(name, 2 * sound.burst());
        let start = played.iter().position(|s| s.abs() > 1e-3).expect("something is heard");
        assert!(played.iter().all(|s| s.abs() <= 1.0), "{name}: samples within -1..1");
        let ms = RATE_HZ / 1000;
        let pulse = sound.pulse.as_millis() as usize;
        for (i, &hz) in sound.pulses_hz.iter().enumerate() {
            let from = start + i * (pulse + sound.gap.as_millis() as usize) * ms;
            let steady = &played[from + 40 * ms..from + (pulse - 40) * ms];
            let base = strength(steady, hz);
            assert!(hz >= 1000.0, "{name}, pulse {i}: base at {hz} Hz");
            let harmonics: Vec<f32> =
                (2..=4).map(|h| strength(steady, hz * h as f32) / base).collect();
            assert!(base > 0.05, "{name}, pulse {i}: base {base}");
            assert!(harmonics.iter().all(|h| *h > 0.2), "{name}, pulse {i}: {harmonics:?}");
            let gap = &played[from + (pulse + 5) * ms..from + (pulse + 45) * ms];
            assert!(gap.iter().all(|s| s.abs() < 0.02), "{name}: the gap after pulse {i}");
        }
        let burst = start + (sound.burst().as_secs_f32() * RATE_HZ as f32) as usize;
        check_level_over_time(name, &played[start..burst], sound.pulses_hz.len());
    }
}

/// Ramps, gaps and the share of full level, from the peaks in windows of 2 ms of a burst.
fn check_level_over_time(name: &str, burst: &[f32], pulses: usize) {
    let peaks = burst
        .chunks(RATE_HZ / 500)
        .map(|window| window.iter().fold(0.0_f32, |p, s| p.max(s.abs())));
    let peaks: Vec<f32> = peaks.collect();
    let top = peaks.iter().copied().fold(0.0, f32::max);
    let levels: Vec<f32> = peaks.iter().map(|peak| peak / top).collect();
    let runs = |from: f32| {
        let runs = levels.chunk_by(move |a, b| (*a >= from) == (*b >= from));
        runs.map(move |run| (run[0] >= from, run.len())).collect::<Vec<_>>()
    };
    let heard: Vec<_> = runs(0.02).into_iter().filter(|run| run.0).map(|run| run.1).collect();
    let full: Vec<_> = runs(0.9).into_iter().filter(|run| run.0).map(|run| run.1).collect();
    assert_eq!((heard.len(), full.len()), (pulses, pulses), "{name}: {levels:?}");
    for (heard, full) in heard.iter().zip(full) {
        assert!(10 * full >= 7 * heard, "{name}: full for {full} of {heard} x 2 ms");
    }
    // The silence between two pulses, by what can be heard: 2% of the top.
    let inner = runs(0.02);
    let gaps = inner.iter().skip(1).filter(|run| !run.0 && run.1 > 1);
    assert!(gaps.clone().all(|gap| 2 * gap.1 <= 125), "{name}: {inner:?} x 2 ms");
    // From 5% to 95% of a raised cosine of 25 ms: 18 ms, within a window each side.
    let first = |from: f32| levels.iter().position(|level| *level > from);
    let rise = first(0.95).zip(first(0.05)).map(|(high, low)| 2 * (high - low));
    assert!(rise.is_some_and(|ms| (14..=22).contains(&ms)), "{name}: rises in {rise:?} ms");
}

/// Plays a level into a file and gives the left channel, -1..1.
fn play(name: &str, at_least: Duration) -> Vec<f32> {
    let folder = tempfile::tempdir().unwrap();
    let (config, out) = (folder.path().join("asound.conf"), folder.path().join("out.wav"));
    let text = format!(
        "<{ALSA}>\npcm.!default {{ type file  file \"{}\"  format \"wav\"  slave.pcm \"null\" }}\n",
        out.display()
    );
    std::fs::write(&config, text).unwrap();
    let bytes = (at_least.as_secs_f32() * RATE_HZ as f32) as usize * FRAME + HEADER;
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "plays_into_a_file", "--ignored"])
        .env("ALSA_CONFIG_PATH", &config)
        .env("WAKEWATCH_TEST_LEVEL", name)
        .env("WAKEWATCH_TEST_OUT", &out)
        .env("WAKEWATCH_TEST_BYTES", bytes.to_string())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "the playing process failed");
    let wav = std::fs::read(&out).unwrap();
    let frames = wav[HEADER..].chunks_exact(FRAME);
    frames
        .map(|frame| {
            // The header says integers, but what rodio asked for and got is floats.
            f32::from_le_bytes([frame[0], frame[1], frame[2], frame[3]])
        })
        .collect()
}

/// The other process: plays until the file is long enough.
#[test]
#[ignore = "started by the test above"]
fn plays_into_a_file() {
    let env = |name| std::env::var(name).unwrap();
    let wanted = env("WAKEWATCH_TEST_LEVEL");
    let level = LEVELS.iter().find(|(name, _)| *name == wanted).unwrap().1;
    let bytes: usize = env("WAKEWATCH_TEST_BYTES").parse().unwrap();
    let out = env("WAKEWATCH_TEST_OUT");
    let alarm = Alarm::start(default_speaker()).unwrap();
    alarm.order(AlarmCommand::Level(level));
    for _ in 0..2000 {
        // The device is not paced: any amount of silence may come before the sound.
        let written = std::fs::read(&out).unwrap_or_default();
        let sound = written.iter().skip(HEADER).position(|byte| *byte != 0);
        if sound.is_some_and(|start| written.len() >= HEADER + start + bytes) {
            return;
        }
        if let SoundState::NoSound(why) = alarm.status().sound {
            panic!("{why}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the device took too little sound");
}

/// Strength of a frequency in samples (one bin of a Fourier transform, Hann window).
fn strength(samples: &[f32], hz: f32) -> f32 {
    let n = samples.len() as f32;
    let (mut re, mut im) = (0.0, 0.0);
    for (i, sample) in samples.iter().enumerate() {
        let window = 0.5 - 0.5 * (TAU * i as f32 / n).cos();
        let angle = TAU * hz * i as f32 / RATE_HZ as f32;
        re += sample * window * angle.cos();
        im += sample * window * angle.sin();
    }
    re.hypot(im) * 4.0 / n
}
