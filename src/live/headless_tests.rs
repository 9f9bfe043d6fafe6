//! The headless watch over scripted sources.

use super::*;
use crate::{
    live::fakes::{Step, options, seconds, world},
    monitor::{Happening, Kind, Level, State},
};

/// Watches a script; gives the result and the states told.
fn watch(
    options: &LiveOptions,
    scripts: Vec<Vec<Step>>,
) -> (Result<Watched, LiveError>, Vec<Event>) {
    let mut events = Vec::new();
    let result = run_with(options, world(scripts, Duration::ZERO), &mut |event| events.push(event));
    (result, events)
}

fn sleeper() -> Vec<Step> {
    [seconds(Step::Open, 5.0), seconds(Step::Closed, 2.0), seconds(Step::Open, 3.0)].concat()
}

#[test]
fn every_frame_is_judged_and_every_change_told() {
    let (summary, events) = watch(&options("file.avi"), vec![sleeper()]);
    let summary = summary.unwrap().summary;
    assert_eq!((summary.frames, summary.frames_with_face, summary.alarms), (300, 300, 1));
    assert_eq!(summary.detector_calls, 300);
    assert!((summary.seconds - 299.0 / 30.0).abs() < 1e-6, "{summary:?}");
    let states: Vec<State> = events.iter().map(|event| event.judgement.state).collect();
    use State::{Awake, Microsleep, Starting, Tiring};
    assert_eq!(states, [Starting, Awake, Microsleep, Microsleep, Tiring]);
    let alarm = events.iter().find(|event| event.judgement.level == Level::Critical).unwrap();
    assert!((alarm.judgement.at - 6.5).abs() < 0.2, "{alarm:?}");
    assert_eq!(alarm.frame, (alarm.judgement.at * 30.0).round() as u64);
    assert_eq!(alarm.judgement.why, "eyes closed for 1.5 s");
    assert!(alarm.values.is_some_and(|values| values.eyes_closed > 0.9));
}

#[test]
fn logs_hold_every_event_and_every_frame() {
    let folder = tempfile::tempdir().unwrap();
    let (events, frames) = (folder.path().join("e.jsonl"), folder.path().join("f.csv"));
    let options = LiveOptions {
        events: Some(events.clone()),
        frames: Some(frames.clone()),
        ..options("file.avi")
    };
    let (summary, told) = watch(&options, vec![sleeper()]);
    assert!(summary.is_ok());
    let text = std::fs::read_to_string(events).unwrap();
    let (lines, last) = text.trim_end().rsplit_once('\n').unwrap();
    let (happened, changes): (Vec<&str>, Vec<&str>) =
        lines.lines().partition(|line| line.starts_with("{\"kind\""));
    let logged: Vec<Event> =
        changes.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(logged, told);
    let [closure] = happened[..] else { panic!("{happened:?}") };
    let closure: Happening = serde_json::from_str(closure).unwrap();
    assert_eq!(closure.kind, Kind::Closure);
    assert!((closure.at - 5.0).abs() < 0.1 && (closure.seconds - 2.0).abs() < 0.1, "{closure:?}");
    let session: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(session["summary"]["frames"], 300);
    assert_eq!(session["summary"]["warnings"], 1);
    assert_eq!(session["summary"]["happened"]["closures"], 1);
    assert_eq!(std::fs::read_to_string(frames).unwrap().lines().count(), 301);
}

#[test]
fn a_refused_log_stops_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("e.jsonl");
    let options = LiveOptions {
        events: Some(events.clone()),
        frames: Some(folder.path().join("f.xlsx")),
        ..options("file.avi")
    };
    let (result, told) = watch(&options, vec![sleeper()]);
    assert!(matches!(result, Err(LiveError::Record(_))));
    assert!(told.is_empty() && !events.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_at_the_end_and_does_not_end_the_watch() {
    let options = LiveOptions { events: Some("/dev/full".into()), ..options("file.avi") };
    let (result, told) = watch(&options, vec![sleeper()]);
    assert!(result.unwrap_err().to_string().contains("/dev/full"));
    // Who has just slept is not simply awake again.
    assert_eq!(told.last().unwrap().judgement.state, State::Tiring);
}

#[test]
fn a_file_that_breaks_off_is_told_beside_what_was_seen() {
    let steps = [seconds(Step::Open, 1.0), vec![Step::Fail]].concat();
    let (result, told) = watch(&options("file.avi"), vec![steps]);
    let watched = result.unwrap();
    assert!(matches!(watched.broke_off, Some(SourceError::NoCamera)));
    assert_eq!((watched.summary.frames, told.len()), (30, 1));
    // With nothing seen, there is nothing to tell but the error.
    let (result, _) = watch(&options("file.avi"), vec![vec![Step::Fail]]);
    assert!(matches!(result, Err(LiveError::Source(_))));
}

#[test]
fn a_lost_camera_is_told_and_opened_again_while_time_goes_on() {
    let options = options("webcam");
    let stop = options.stop.clone();
    // Away for three seconds: opened again each second, it has nothing to give twice.
    let lost = [seconds(Step::Open, 1.0), vec![Step::Stall]].concat();
    let scripts = vec![lost, vec![], vec![], seconds(Step::Open, 0.5)];
    let mut events: Vec<Event> = Vec::new();
    let summary = run_with(&options, world(scripts, Duration::ZERO), &mut |event| {
        // The second loss comes after the second script.
        if event.judgement.state == State::CameraLost
            && events.iter().any(|before| before.judgement.state == State::CameraLost)
        {
            stop.store(true, Relaxed);
        }
        events.push(event);
    });
    assert!((2..=45).contains(&summary.unwrap().summary.frames), "the newest frame wins");
    assert_eq!(events[1].judgement.state, State::CameraLost);
    assert_eq!(events[1].judgement.level, Level::Advisory);
    assert_eq!(events[2].judgement.state, State::Starting);
    assert!(events[2].frame >= 30, "the index goes on");
    assert!(events[2].judgement.at > events[1].judgement.at, "and so does the time");
}

#[test]
fn a_camera_that_is_not_there_is_an_error() {
    let (result, _) = watch(&options("webcam"), vec![]);
    assert!(matches!(result, Err(LiveError::Source(_))));
}

#[test]
fn frames_are_held_back_to_the_pace_of_the_media() {
    let clock = Clock::new(Pace::Speed(2.0), false);
    let early = clock.early(Duration::from_secs(100));
    assert!(early > Duration::from_secs(40) && early <= Duration::from_secs(50), "{early:?}");
    for clock in [
        Clock::new(Pace::Speed(1.0), true),
        Clock::new(Pace::Fast, false),
        Clock::new(Pace::Speed(f32::NAN), false),
        Clock::new(Pace::Speed(0.0), false),
    ] {
        assert_eq!(clock.early(Duration::from_secs(100)), Duration::ZERO);
    }
}

#[test]
fn all_events_are_told_in_their_order_and_what_goes_on_at_the_end_is_told_as_far_as_it_came() {
    let script = [sleeper(), seconds(Step::Closed, 1.2)].concat();
    let (mut told, options) = (Vec::new(), options("file.avi"));
    let parts = world(vec![script], Duration::ZERO);
    let watched = run_all(&options, parts, &mut |entry| told.push(entry)).unwrap();
    let kinds: Vec<Kind> = told
        .iter()
        .filter_map(|entry| match entry {
            Entry::Happened(happening) => Some(happening.kind),
            Entry::Change(_) => None,
        })
        .collect();
    assert_eq!(kinds, [Kind::Closure; 2]);
    assert_eq!(watched.summary.happened.closures, 2);
    assert!(matches!(told.last(), Some(Entry::Happened(_))), "told at its end: {told:?}");
}

#[test]
fn a_black_and_a_frozen_recording_are_told_as_such() {
    for (step, state, word) in [
        (Step::Black, State::NoDriver, "the picture is black"),
        (Step::Same, State::CameraLost, "the same picture"),
    ] {
        let script = [seconds(Step::Open, 4.0), seconds(step, 4.0), seconds(Step::Open, 4.0)];
        let (watched, events) = watch(&options("file.avi"), vec![script.concat()]);
        assert!(watched.is_ok());
        let told = events.iter().find(|event| event.judgement.state == state);
        let told = told.unwrap_or_else(|| panic!("{step:?}: {events:?}"));
        assert!(told.judgement.why.contains(word), "{step:?}: {told:?}");
        assert_eq!(told.judgement.level, Level::Advisory);
        assert_eq!(events.last().unwrap().judgement.state, State::Awake, "{step:?}");
    }
}
