//! The doors through which bytes of others come in: lists, settings, event logs, models,
//! pictures, videos and their time stamps, and what the networks read in a face. The
//! fuzzers and a short seeded test knock at the same doors.

use std::{fs, path::PathBuf, sync::OnceLock, time::Duration};

use wakewatch::{
    dataset::manifest::Manifest,
    face::{HeadPose, Unreadable},
    infer::{LoadedModel, ModelSource, RuntimeOptions, runtime},
    monitor::{FaceSigns, Level, Monitor, Observation, Settings, blinks::BlinkScore},
    record::{Event, EventLog},
    source::{Source, images, time::TimeKeeper},
    vit::{ModelCard, ModelKind},
};

/// A door, and what may come through it.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) enter: fn(&[u8]),
}

/// All of them.
pub(crate) const ENTRIES: [Entry; 9] = [
    Entry { name: "csv", enter: csv },
    Entry { name: "settings", enter: settings },
    Entry { name: "events", enter: events },
    Entry { name: "card", enter: card },
    Entry { name: "model", enter: model },
    Entry { name: "image", enter: image },
    Entry { name: "video", enter: video },
    Entry { name: "clock", enter: clock },
    Entry { name: "policy", enter: policy },
];

/// A file of this process with these bytes.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().unwrap());
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// A labelled list. One that is read is written and read again as the same, and one that is
/// refused is refused in one line that names it.
pub(crate) fn csv(bytes: &[u8]) {
    let path = file("list.csv", bytes);
    let manifest = match Manifest::read_unchecked(&path) {
        Ok(manifest) => manifest,
        Err(error) => return assert!(error.to_string().contains("list.csv"), "{error}"),
    };
    assert!(!manifest.items.is_empty() && manifest.items.len() <= bytes.len());
    let again = path.with_file_name("again.csv");
    manifest.write(&again).unwrap();
    let read = Manifest::read_unchecked(&again).unwrap();
    assert_eq!(read.items.len(), manifest.items.len());
    for (read, item) in read.items.iter().zip(&manifest.items) {
        assert_eq!((read.label, read.yawn, read.fold), (item.label, item.yawn, item.fold));
    }
}

/// Thresholds. Whatever they say, a driver can be judged by them.
pub(crate) fn settings(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(settings) = toml::from_str::<Settings>(text) else { return };
    let mut monitor = Monitor::new(settings);
    for index in 0..90 {
        let at = Duration::from_secs(1) * index / 30;
        let closed = if index > 60 { 0.9 } else { 0.1 };
        let face = (index % 20 != 0).then(|| signs([0.1, closed, 0.0, 0.3, 0.1], None, None));
        check(&monitor.step(&Observation { at, face }));
    }
}

/// An event log: what was written is read or refused, and it can be gone on with.
pub(crate) fn events(bytes: &[u8]) {
    let path = file("events.jsonl", bytes);
    let mut log = EventLog::open(&path).unwrap();
    let read: Vec<Event> = lines(bytes).collect();
    let last = read.last().cloned();
    if let Some(event) = &last {
        log.write(event).unwrap();
    }
    drop(log);
    let after = fs::read(&path).unwrap();
    assert!(after.starts_with(bytes), "nothing of before is lost");
    if let Some(event) = last.filter(|event| event.judgement.at.is_finite()) {
        let again = lines(&after).last().unwrap();
        assert_eq!(again.frame, event.frame, "what is appended can be read");
    }
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = Event> {
    bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok())
}

/// The card of a model.
pub(crate) fn card(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for kind in [ModelKind::Landmarks, ModelKind::Drowsiness, ModelKind::Mae, ModelKind::Blinks] {
        let _ = ModelCard::parse(Some(text), kind);
    }
}

/// A model file, with all its checks and its trial run.
pub(crate) fn model(bytes: &[u8]) {
    if runtime::init().is_err() {
        return;
    }
    let source = ModelSource::Bytes(bytes.into());
    let options = RuntimeOptions { device: wakewatch::infer::Device::Cpu, threads: 1 };
    if let Err(error) = LoadedModel::load(&source, ModelKind::Blinks, &options) {
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

/// A picture.
pub(crate) fn image(bytes: &[u8]) {
    let Ok(picture) = images::load_image(&file("picture", bytes)) else { return };
    assert!(picture.width() <= 16_384 && picture.height() <= 16_384);
}

/// A video; only its beginning, or a long one would be all that is ever tried.
pub(crate) fn video(bytes: &[u8]) {
    #[cfg(feature = "video")]
    {
        let Ok(mut video) = wakewatch::source::video::Video::open(&file("video", bytes)) else {
            return;
        };
        let mut last = None;
        for _ in 0..30 {
            let Ok(Some(frame)) = video.next_frame() else { return };
            assert!(frame.image.width() <= 1280 && frame.image.height() <= 1280);
            assert!(last.is_none_or(|last| frame.at > last), "time rises");
            last = Some(frame.at);
        }
    }
    #[cfg(not(feature = "video"))]
    let _ = (bytes, |source: &mut dyn Source| source.next_frame().is_ok());
}

/// Time stamps of a recording, in any order and size. Time only rises, frames are counted,
/// and where stamps go on evenly, so does time.
pub(crate) fn clock(bytes: &[u8]) {
    let Some((head, rest)) = bytes.split_first() else { return };
    let origin = (head & 1 != 0).then_some(f64::from(*head));
    let step = Duration::from_micros(1 + u64::from(*head) * 500);
    let mut keeper = TimeKeeper::new(origin, step, head & 2 != 0);
    let mut last = None;
    let (mut stamp, mut count) = (f64::from(*head), 0);
    let mut tick = |keeper: &mut TimeKeeper, stamp: Option<f64>| {
        let (at, index, join) = keeper.tick(stamp);
        assert_eq!(index, count);
        assert!(last.is_none_or(|last| at > last), "{at:?} after {last:?}");
        assert!(join.is_none_or(|join| join.at == at && join.step_s.is_finite()), "{join:?}");
        (last, count) = (Some(at), count + 1);
        (at, join)
    };
    for chunk in rest.chunks_exact(9) {
        let word = u64::from_le_bytes(chunk[1..].try_into().unwrap());
        stamp = match chunk[0] % 8 {
            0 => f64::from_bits(word),
            1 => word as i64 as f64 / 90_000.0,
            2 => stamp - (word % 1000) as f64 / 1000.0,
            3 => 0.0,
            // A clock of 33 bits.
            4 => (word % (1 << 33)) as f64 / 90_000.0,
            _ => stamp + (word % 2000) as f64 / 1000.0,
        };
        tick(&mut keeper, (chunk[0] < 250).then_some(stamp));
    }
    if keeper.last() > Duration::from_secs(1 << 40) {
        return;
    }
    // From wherever it came, even stamps are even times.
    let (mut before, mut even) = (None, 0);
    for number in 0..40 {
        let (at, _) = tick(&mut keeper, Some(1000.0 + f64::from(number) * 0.25));
        let gap = before.map(|before| at.saturating_sub(before).as_secs_f64());
        even += usize::from(gap.is_some_and(|gap| (gap - 0.25).abs() < 1e-4));
        before = Some(at);
    }
    assert!(even >= 36, "{even} of 39 steps are even");
}

fn signs(
    [drowsy, closed, yawn, eye, mouth]: [f32; 5],
    pose: Option<HeadPose>,
    unreadable: Option<Unreadable>,
) -> FaceSigns {
    FaceSigns {
        drowsy,
        eyes_closed: closed,
        yawn,
        eye_aspect: [eye, eye * 0.9],
        mouth_aspect: mouth,
        pose,
        unreadable,
        ..FaceSigns::default()
    }
}

fn check(judged: &wakewatch::monitor::Judgement) {
    assert!((0.0..=1.0).contains(&judged.awareness), "{judged:?}");
    assert!((0.0..=1.0).contains(&judged.baseline), "{judged:?}");
    assert!(judged.eyes_closed_s.is_finite() && judged.eyes_closed_s >= 0.0, "{judged:?}");
    assert!(judged.drowsy.is_none_or(|drowsy| (0.0..=1.0).contains(&drowsy)), "{judged:?}");
    assert!(judged.at.is_finite() && !judged.why.is_empty(), "{judged:?}");
    // Every event of it can be written and read.
    let json = serde_json::to_string(judged).unwrap();
    serde_json::from_str::<wakewatch::monitor::Judgement>(&json).unwrap();
}

/// What networks read, in an order and at times that no camera gives. Whatever came, who
/// then keeps the eyes open is not alarmed of, and who then sleeps is.
pub(crate) fn policy(bytes: &[u8]) {
    let mut monitor = Monitor::new(Settings::default());
    let mut at = Duration::ZERO;
    // Values that networks must not give are given, too.
    let value = |byte: u8| match byte {
        255 => f32::NAN,
        254 => f32::INFINITY,
        253 => -1e30,
        byte => f32::from(byte) / 200.0,
    };
    for chunk in bytes.chunks_exact(8) {
        let [kind, step, a, b, c, d, e, f] = chunk.try_into().unwrap();
        at = match step {
            255 => at.saturating_sub(Duration::from_secs(10)),
            254 => at + Duration::from_secs(3600),
            253 => Duration::from_secs(u64::MAX / 4),
            step => at.saturating_add(Duration::from_millis(u64::from(step))),
        };
        let angle = value(f) * 90.0;
        let pose = (kind & 1 != 0).then_some(HeadPose { yaw: angle, pitch: -angle, roll: angle });
        let unreadable = match kind >> 4 {
            0 => Some(Unreadable::Covered),
            1 => Some(Unreadable::Dark),
            2 => Some(Unreadable::Turned),
            3 => Some(Unreadable::Small),
            4 => Some(Unreadable::Blurred),
            _ => None,
        };
        let face = signs([a, b, c, d, e].map(value), pose, unreadable);
        match kind & 14 {
            2 => monitor.acknowledge(),
            4 => monitor.relearn(),
            6 => check(&monitor.lost(at)),
            8 => {
                let holds = kind & 1 != 0;
                monitor.score(Some(BlinkScore { value: value(a), certainty: value(b), holds }));
            }
            _ => {}
        }
        let face = (kind & 14 != 10).then_some(face);
        check(&monitor.step(&Observation { at, face }));
    }
    if at > Duration::from_secs(u64::MAX / 8) {
        return;
    }
    let mut last = |closed: f32, seconds: u64| {
        let mut most = Level::None;
        let mut judged = Level::None;
        for _ in 0..seconds * 30 {
            at += Duration::from_micros(33_333);
            let aspect = if closed > 0.5 { 0.05 } else { 0.32 };
            let face = Some(signs([closed, closed, 0.0, aspect, 0.1], None, None));
            judged = monitor.step(&Observation { at, face }).level;
            most = most.max(judged);
        }
        (most, judged)
    };
    assert!(last(0.02, 10).1 < Level::Critical, "an alarm for eyes that are open is stuck");
    assert_eq!(last(0.98, 6).0, Level::Critical, "a sleep is missed");
}
