//! The real pipeline over the real clips, which users do not have: skipped with a message
//! unless `WAKEWATCH_DATA` names the folder that holds `videos/`.
#![cfg(feature = "video")]
#![allow(clippy::unwrap_used, reason = "a panic is the test's message")]

use std::path::PathBuf;

use wakewatch::{
    infer::runtime,
    live::{Event, LiveOptions, Pace, headless},
    source::SourceSpec,
};

#[test]
fn every_frame_of_a_clip_is_judged_with_a_face_in_nearly_all() {
    let Some(data) = std::env::var_os("WAKEWATCH_DATA").map(PathBuf::from) else {
        eprintln!("skipped: WAKEWATCH_DATA does not name a folder");
        return;
    };
    if let Err(error) = runtime::init() {
        eprintln!("skipped: {error}");
        return;
    }
    // The numbers of frames are those of the AVI headers.
    for (clip, frames) in [("yawdd_m021.avi", 429), ("yawdd_m086.avi", 470)] {
        let path = data.join("videos").join(clip);
        if !path.exists() {
            eprintln!("skipped: {} is not here", path.display());
            continue;
        }
        let options = LiveOptions {
            source: SourceSpec::Path(path),
            pace: Pace::Fast,
            sound: false,
            ..LiveOptions::default()
        };
        let mut events: Vec<Event> = Vec::new();
        let watched = headless::run(&options, &mut |event| events.push(event)).unwrap();
        let summary = watched.summary;
        eprintln!("{clip}: {summary:?}");
        for event in &events {
            eprintln!("{event:?}");
        }
        assert_eq!(summary.frames, frames, "{clip}");
        assert!(summary.frames_with_face * 100 >= 97 * summary.frames, "{clip}: {summary:?}");
        assert!(summary.detector_calls * 5 <= summary.frames, "{clip}: detection is rare");
    }
}
