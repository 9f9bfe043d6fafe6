use super::*;
use crate::protocol::Table;

const PLAY: Play =
    Play { width: 320, height: 240, fps: 12.0, tolerance_s: 0.2, unreadable_s: 10.0 };

/// A sleep from 6 s to 10 s of 14: critical after 1.5 to 1.8 s, asleep after 3 s, over at 12.
fn cell(eyes: Eyes) -> Cell {
    let table: Table = crate::protocol::table::BUILT_IN.parse().unwrap();
    let mut cell = table.cells[0].clone();
    let tell = |states: &[State], after, by| Tell {
        level: Level::Critical,
        states: states.to_vec(),
        since: 6.0,
        after,
        by,
    };
    cell.script.seconds = 14.0;
    cell.tells = vec![tell(&[], 1.5, 1.8), tell(&[State::Asleep], 3.0, 3.3)];
    (cell.over, cell.eyes, cell.most) = (Some(12.0), eyes, Level::Advisory);
    cell.also.clear();
    cell
}

/// The same without anything that has to be told.
fn quiet(eyes: Eyes) -> Cell {
    Cell { tells: Vec::new(), over: None, ..cell(eyes) }
}

fn told(changes: &[(f64, State, Level)]) -> Vec<Change> {
    let change = |&(at, state, level)| Change { at, state, level, why: "why".into() };
    changes.iter().map(change).collect()
}

fn verdicts(judged: &Judged) -> Vec<Verdict> {
    judged.answers.iter().map(|answer| answer.verdict).collect()
}

const AWAKE: (f64, State, Level) = (0.0, State::Awake, Level::None);

/// Told at these times, and over at another.
fn sleeps(critical: f64, asleep: f64, over: f64) -> Vec<Change> {
    told(&[
        AWAKE,
        (7.0, State::Microsleep, Level::None),
        (critical, State::Microsleep, Level::Critical),
        (asleep, State::Asleep, Level::Critical),
        (over, State::Awake, Level::None),
    ])
}

#[test]
fn what_is_told_within_its_window_is_right() {
    for (critical, asleep, over) in [(7.6, 9.1, 11.0), (7.3, 8.8, 12.2), (8.0, 9.5, 12.0)] {
        let judged = Judged::of(&cell(Eyes::Seen), &sleeps(critical, asleep, over), &PLAY);
        assert_eq!(judged.outcome, Outcome::Right, "{critical}: {}", judged.cause());
        assert_eq!(judged.cause(), "");
        assert!(judged.worst() <= 0.2 + 1e-6);
    }
}

#[test]
fn what_is_late_early_or_missed_fails_and_says_so() {
    let judged = Judged::of(&cell(Eyes::Seen), &sleeps(8.1, 9.1, 11.0), &PLAY);
    assert_eq!(verdicts(&judged), [Verdict::Late, Verdict::InTime]);
    assert_eq!(judged.outcome, Outcome::Failed);
    assert_eq!(judged.cause(), "critical after 2.10 s, not within 1.80 s");
    assert!((judged.worst() - 0.3).abs() < 1e-9);

    let judged = Judged::of(&cell(Eyes::Seen), &sleeps(7.2, 9.1, 11.0), &PLAY);
    assert_eq!(verdicts(&judged), [Verdict::Early, Verdict::InTime]);
    assert!(judged.needless.is_empty(), "it is told as early, not twice");

    let never = told(&[
        AWAKE,
        (7.6, State::Microsleep, Level::Critical),
        (11.0, State::Awake, Level::None),
    ]);
    let judged = Judged::of(&cell(Eyes::Seen), &never, &PLAY);
    assert_eq!(verdicts(&judged), [Verdict::InTime, Verdict::Missed]);
    assert_eq!(judged.cause(), "critical (asleep) is not told");
    assert_eq!(judged.worst(), f64::INFINITY);
}

#[test]
fn what_is_told_without_cause_is_needless() {
    let mut changes = sleeps(7.6, 9.1, 11.0);
    // Before anything happens, and over again.
    changes.splice(
        1..1,
        told(&[(3.0, State::EyesOffRoad, Level::Warning), (4.0, State::Awake, Level::None)]),
    );
    let judged = Judged::of(&cell(Eyes::Seen), &changes, &PLAY);
    assert_eq!((judged.outcome, judged.needless.len()), (Outcome::Failed, 1));
    assert_eq!(judged.cause(), "needless warning at 3.0 s: eyes off road, why");
    // An advisory may be told.
    changes[1].level = Level::Advisory;
    assert_eq!(Judged::of(&cell(Eyes::Seen), &changes, &PLAY).outcome, Outcome::Right);
    // An alarm that does not end is needless from when it should have been over.
    let judged = Judged::of(&cell(Eyes::Seen), &sleeps(7.6, 9.1, 13.0), &PLAY);
    assert_eq!(judged.needless.len(), 1);
    assert!((judged.needless[0].at - 12.2).abs() < 1e-3);
    // Who has slept may be called drowsy.
    let mut drowsy = sleeps(7.6, 9.1, 11.0);
    drowsy.push(Change { at: 13.0, state: State::Drowsy, level: Level::Warning, why: "w".into() });
    assert_eq!(Judged::of(&cell(Eyes::Seen), &drowsy, &PLAY).outcome, Outcome::Failed);
    let also = Cell { also: vec![State::Drowsy], ..cell(Eyes::Seen) };
    assert_eq!(Judged::of(&also, &drowsy, &PLAY).outcome, Outcome::Right);
    // One alarm that changes its name is one, at its highest level.
    let judged = Judged::of(&quiet(Eyes::Seen), &sleeps(7.6, 9.1, 11.0), &PLAY);
    assert_eq!((judged.outcome, judged.needless.len()), (Outcome::Failed, 1));
    let silent = told(&[AWAKE, (4.0, State::Tiring, Level::Advisory)]);
    assert_eq!(Judged::of(&quiet(Eyes::Seen), &silent, &PLAY).outcome, Outcome::Right);
    // Nothing is told at all without a picture.
    assert_eq!(verdicts(&Judged::of(&cell(Eyes::Seen), &[], &PLAY)), [Verdict::Missed; 2]);
}

#[test]
fn more_than_was_awaited_is_needless() {
    let mut off_road = cell(Eyes::Seen);
    let states = vec![State::EyesOffRoad];
    off_road.tells = vec![Tell { level: Level::Warning, states, since: 6.0, after: 3.5, by: 3.8 }];
    let warned = (9.6, State::EyesOffRoad, Level::Warning);
    let right = told(&[AWAKE, warned, (12.0, State::Awake, Level::None)]);
    assert_eq!(Judged::of(&off_road, &right, &PLAY).outcome, Outcome::Right);
    let asleep = told(&[AWAKE, warned, (10.0, State::Asleep, Level::Critical)]);
    let judged = Judged::of(&off_road, &asleep, &PLAY);
    assert_eq!(verdicts(&judged), [Verdict::InTime]);
    assert_eq!(judged.needless[0].level, Level::Critical);
}

#[test]
fn eyes_that_cannot_be_read_must_be_told_as_such_in_time() {
    let blind = |at| told(&[AWAKE, (at, State::EyesUnreadable, Level::Advisory)]);
    for (eyes, at, awaited) in [
        (Eyes::Hidden, 4.0, Outcome::Unreadable),
        (Eyes::Hidden, 10.2, Outcome::Unreadable),
        (Eyes::Hidden, 10.5, Outcome::Failed),
        (Eyes::Partly, 4.0, Outcome::Unreadable),
        (Eyes::Seen, 4.0, Outcome::Failed),
    ] {
        assert_eq!(Judged::of(&cell(eyes), &blind(at), &PLAY).outcome, awaited, "{eyes:?} {at}");
    }
    // Of eyes that are hidden nobody can say that they are open, of the others they may.
    let silent = told(&[AWAKE]);
    let judged = Judged::of(&quiet(Eyes::Hidden), &silent, &PLAY);
    assert_eq!(judged.outcome, Outcome::Failed);
    assert_eq!(judged.cause(), "it is not told that the eyes cannot be read");
    assert_eq!(Judged::of(&quiet(Eyes::Hidden), &blind(4.0), &PLAY).outcome, Outcome::Unreadable);
    assert_eq!(Judged::of(&quiet(Eyes::Partly), &silent, &PLAY).outcome, Outcome::Right);
    // A sleep that is read behind them is right; a needless alarm is never excused.
    assert_eq!(
        Judged::of(&cell(Eyes::Hidden), &sleeps(7.6, 9.1, 11.0), &PLAY).outcome,
        Outcome::Right
    );
    let mut alarmed = blind(4.0);
    alarmed.push(Change { at: 5.0, state: State::Asleep, level: Level::Critical, why: "w".into() });
    assert_eq!(Judged::of(&quiet(Eyes::Hidden), &alarmed, &PLAY).outcome, Outcome::Failed);
}
