//! Figures of films that were counted by hand.

use super::*;
use crate::monitor::State;

/// A film with a closure of `length_s`, found after this delay; an hour of time awake.
pub(in crate::evaluate) fn film(
    name: &str,
    person: &str,
    length_s: f64,
    after_s: Option<f64>,
    needless: usize,
) -> FilmCount {
    let alarm =
        Alarm { at: 3.0, level: Level::Critical, state: State::Asleep, why: "<shut>".into() };
    FilmCount {
        film: name.into(),
        person: person.into(),
        conditions: vec![if person == "ann" { "ir" } else { "day" }.into()],
        eyes_read: true,
        closures: vec![Closure {
            start: 10.0,
            end: 10.0 + length_s,
            found: after_s.is_some(),
            after_s,
        }],
        awake_s: 3600.0,
        needless: vec![alarm; needless],
        yawns: 2,
        yawns_found: 1,
        false_yawns: vec![4.0],
        yawnless_s: 1800.0,
        ..FilmCount::default()
    }
}

fn films() -> Vec<FilmCount> {
    vec![
        film("a.mp4", "ann", 1.5, Some(1.2), 0),
        film("b.mp4", "ann", 2.5, Some(1.4), 0),
        film("c.mp4", "bob", 3.5, Some(1.6), 4),
        film("d.mp4", "bob", 4.5, None, 0),
    ]
}

fn quick() -> Bootstrap {
    Bootstrap { draws: 100, seed: 1 }
}

#[test]
fn figures_are_those_of_a_count_by_hand() {
    let report = report("m", "usual", films(), &quick());
    let all = &report.rows[0];
    assert_eq!((all.films, all.subjects), (4, 2));
    assert_eq!((all.counts.closures, all.counts.found), ([4, 3, 2], [3, 2, 1]));
    let value = |row: &FilmRow, key: &str| row.figures[key].value;
    let near = |a: Option<f64>, b: f64| (a.unwrap() - b).abs() < 1e-9;
    assert_eq!(value(all, "found_1s"), Some(0.75));
    assert!(near(value(all, "delay_1s_median"), 1.4));
    assert!(near(value(all, "delay_1s_p10"), 1.24) && near(value(all, "delay_1s_p90"), 1.56));
    assert!(near(value(all, "delay_2s_median"), 1.5));
    assert_eq!(value(all, "needless_criticals"), Some(1.0), "four in four hours");
    assert_eq!(value(all, "needless_warnings"), Some(0.0));
    assert_eq!(value(all, "yawns_found"), Some(0.5));
    assert_eq!(value(all, "false_yawns"), Some(2.0));
    assert_eq!(all.figures.len(), FIGURES.len(), "every figure has a key of its own");
    // Nobody but bob is alarmed in vain: for other people it may be none, or twice as many.
    let interval = all.figures["needless_criticals"];
    assert_eq!((interval.low, interval.high), (Some(0.0), Some(2.0)));
    let names: Vec<_> = report.rows.iter().map(|r| (r.by.as_str(), r.name.as_str())).collect();
    let wanted = [
        ("all", "all"),
        ("person", "ann"),
        ("person", "bob"),
        ("condition", "day"),
        ("condition", "ir"),
    ];
    assert_eq!(names, wanted);
    assert_eq!(value(&report.rows[1], "found_3s"), None, "ann has no closure so long");
    assert_eq!(report.rows[2].figures["found_3s"].low, None, "one person has no interval");
}

#[test]
fn closures_of_eyes_that_can_hardly_be_read_count_apart() {
    let mut films = films();
    films[3] = FilmCount { eyes_read: false, awake_s: 0.0, ..films[3].clone() };
    let report = report("m", "usual", films, &quick());
    assert_eq!(report.rows[0].counts.closures, [3, 2, 1]);
    assert_eq!(report.rows[0].counts.yawns, 8, "yawns count");
    let hardly = report.rows.last().unwrap();
    assert_eq!((hardly.by.as_str(), hardly.counts.closures), ("eyes", [1, 1, 1]));
    assert_eq!((hardly.figures["found_1s"].value, hardly.counts.yawns), (Some(0.0), 0));
}

#[test]
fn films_without_time_awake_have_no_rate() {
    let mut asleep = film("a.mp4", "ann", 2.0, Some(1.5), 0);
    (asleep.awake_s, asleep.yawnless_s) = (0.0, 0.0);
    let report = report("m", "usual", vec![asleep], &quick());
    for key in ["needless_advisories", "other_alarms", "false_yawns"] {
        assert_eq!(report.rows[0].figures[key].value, None, "{key}");
    }
    assert_eq!(report.rows.len(), 1, "one person in one light is everything");
}

#[test]
fn two_settings_are_compared_over_the_same_films_and_people() {
    let mut others = films();
    others.iter_mut().for_each(|film| film.needless.clear());
    others[3] = film("d.mp4", "bob", 4.5, Some(2.0), 0);
    others.remove(0);
    let judged = |settings: &str, films| report("m", settings, films, &quick());
    let (a, b) = (judged("usual", films()), judged("calm", others));
    let difference_of = |a, b| difference(a, b, &quick()).unwrap();
    let FilmDifference { films, sides: found } = difference_of(&a, &b);
    assert_eq!((films, found.unpaired, found.subjects), (3, 1, 2));
    assert_eq!((found.first.as_str(), found.second.as_str()), ("m, usual", "m, calm"));
    let value = |of: &BTreeMap<String, Estimate>, key: &str| of[key].value.unwrap();
    assert_eq!(value(&found.before, "found_3s"), 0.5);
    assert_eq!(value(&found.after, "found_3s"), 1.0);
    assert_eq!(value(&found.difference, "found_3s"), 0.5);
    let fewer = value(&found.difference, "needless_criticals");
    assert!((fewer + 4.0 / 3.0).abs() < 1e-9, "four in three hours: {fewer}");
    let same = difference_of(&a, &a).sides.difference;
    let none = Estimate { value: Some(0.0), low: Some(0.0), high: Some(0.0) };
    assert_eq!(same["found_2s"], none);
    let nothing = judged("calm", vec![film("x.mp4", "eve", 1.0, None, 0)]);
    assert_eq!(difference(&a, &nothing, &quick()), None);
}
