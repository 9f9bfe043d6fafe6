//! The same films in time: closures that the monitor finds as it ships, and what it tells of
//! drivers who are awake, beside the usual rule on MediaPipe's blink value.

use wakewatch::monitor::{Kind, Level, Monitor, Observation, Settings, State};

use super::{
    closures::{Closure, Found, LATE_S, Needless, Told, closures},
    films::{Film, Row},
    tables::PARTS,
};

/// The usual rule: blink value and how long it lasts, seconds.
const PEER_BLINK: f32 = 0.5;
const PEER_S: f64 = 1.5;
/// Shorter spans are yawns that a film cuts off, seconds.
const LEAST_YAWN_S: f64 = 1.0;

/// What the monitor tells of a film, in each frame. (Films are too short for the network
/// that scores blinks.)
fn monitor(film: &Film) -> Vec<Told> {
    let mut monitor = Monitor::new(Settings::default());
    let told = film.rows.iter().map(|row| {
        let judged = monitor.step(&Observation { at: row.at, face: row.face.clone() });
        Told { at: row.seconds(), state: judged.state, level: judged.level, why: judged.why }
    });
    told.collect()
}

/// Whether two spans have a moment in common.
fn meets(a: &[f64; 2], b: &[f64; 2]) -> bool {
    a[0] <= b[1] && b[0] <= a[1]
}

/// Prints the yawns that the monitor tells of, beside those that a person saw.
fn yawns(films: &[Film]) {
    let (mut all, mut found, mut wrong, mut seconds) = (0, 0, 0, 0.0);
    for film in films {
        let (mut monitor, mut told) = (Monitor::new(Settings::default()), Vec::new());
        let mut note = |monitor: &Monitor| {
            let yawns = monitor.happened().iter().filter(|told| told.kind == Kind::Yawn);
            told.extend(yawns.map(|yawn| [yawn.at, yawn.at + f64::from(yawn.seconds)]));
        };
        for row in &film.rows {
            monitor.step(&Observation { at: row.at, face: row.face.clone() });
            note(&monitor);
        }
        monitor.end();
        note(&monitor);
        seconds += film.rows.last().map_or(0.0, Row::seconds);
        let truth = &film.truth;
        // One that is cut off by a film's end is none that must be found.
        for yawn in truth.yawns.iter().filter(|yawn| yawn[1] - yawn[0] >= LEAST_YAWN_S) {
            all += 1;
            found += usize::from(told.iter().any(|told| meets(told, yawn)));
        }
        let known = || truth.yawns.iter().chain(&truth.uncertain);
        wrong += told.iter().filter(|told| !known().any(|span| meets(told, span))).count();
    }
    let hours = seconds / 3600.0;
    println!(
        "Yawns of {LEAST_YAWN_S} s and more found: {found}/{all}; told where there is none: \
         {wrong} in {hours:.2} h"
    );
}

/// What the usual rule tells.
fn rule(film: &Film) -> Vec<Told> {
    let mut since: Option<f64> = None;
    let told = film.rows.iter().map(|row| {
        let at = row.seconds();
        let blink = row.peer.and_then(|peer| peer.blink);
        since = blink.filter(|blink| *blink > PEER_BLINK).map(|_| since.unwrap_or(at));
        let alarms = since.is_some_and(|since| at - since >= PEER_S);
        let (state, level) = match alarms {
            true => (State::Asleep, Level::Critical),
            false => (State::Awake, Level::None),
        };
        Told { at, state, level, why: format!("blink above {PEER_BLINK} for {PEER_S} s") }
    });
    told.collect()
}

/// Prints what both make of the films.
pub(crate) fn print(films: &[Film]) {
    println!("\nIn time, the monitor as it ships");
    report(films, monitor, true);
    yawns(films);
    if films.iter().flat_map(|film| &film.rows).any(|row| row.peer.is_some()) {
        println!("\nIn time, MediaPipe's blink above {PEER_BLINK} for {PEER_S} s");
        report(films, rule, false);
    }
}

fn report(films: &[Film], judge: fn(&Film) -> Vec<Told>, each: bool) {
    let (mut all, mut needless) = (Vec::new(), Needless::default());
    for film in films {
        let told = judge(film);
        all.extend(closures(film, &told));
        needless.add(film, &told);
    }
    println!("Closures found during them or within {LATE_S} s, and seconds from shut to alarm");
    println!("{:<34}{:>10}{:>9}{:>9}{:>9}", "", "found", "least", "median", "most");
    for least_s in [1.0, 2.0, 3.0] {
        let long = || all.iter().filter(move |closure| closure.length_s() >= least_s);
        let name = |what: &str| format!("of {least_s} s and more, {what}");
        row(&name("eyes read"), long().filter(|closure| closure.is_read()));
        row(&name("hardly read"), long().filter(|closure| !closure.is_read()));
    }
    for part in &PARTS {
        let here = |closure: &&Closure<'_>| {
            let long = closure.length_s() >= 2.0 && closure.is_read();
            long && part.films(films).any(|film| std::ptr::eq(film, closure.film))
        };
        row(&format!("2 s, read: {}", part.name), all.iter().filter(here));
    }
    if each {
        all.iter().filter(|closure| closure.length_s() >= 1.0).for_each(tell);
    }
    let hours = needless.awake_s / 3600.0;
    let [advisories, warnings, criticals] =
        [Level::Advisory, Level::Warning, Level::Critical].map(|level| {
            let count = needless.count(level);
            format!("{count} ({:.1}/h)", needless.an_hour(count))
        });
    println!(
        "Needless in {:.1} minutes awake ({hours:.2} h): advisories {advisories}, warnings \
         {warnings}, criticals {criticals}",
        needless.awake_s / 60.0
    );
    for (film, Told { at, level, state, why }) in &needless.alarms {
        println!("  {level:?} {state:?} at {at:.1} s in {}: {why}", film.name());
    }
    for state in State::ALL {
        for level in [Level::Advisory, Level::Warning, Level::Critical] {
            let count = needless.of_sight.iter().filter(|told| **told == (state, level)).count();
            if count > 0 {
                println!("  told of our sight: {state:?} {level:?} {count} times");
            }
        }
    }
}

fn row<'a, 'f: 'a>(name: &str, closures: impl Iterator<Item = &'a Closure<'f>>) {
    let (mut all, mut found, mut delays) = (0, 0, Vec::new());
    for closure in closures {
        all += 1;
        found += usize::from(closure.found.is_some());
        if let Some(Found::After(seconds)) = closure.found {
            delays.push(seconds);
        }
    }
    if all == 0 {
        return;
    }
    delays.sort_by(f64::total_cmp);
    let figure = |at: Option<&f64>| at.map_or("-".into(), |seconds| format!("{seconds:.2}"));
    let [least, median, most] =
        [delays.first(), delays.get(delays.len() / 2), delays.last()].map(figure);
    let found = format!("{found}/{all}");
    println!("{name:<34}{found:>10}{least:>9}{median:>9}{most:>9}");
}

/// One closure, and what was read in it.
fn tell(closure: &Closure<'_>) {
    let [start, end] = closure.span;
    let film = closure.film;
    let inside = || film.rows.iter().filter(move |row| (start..=end).contains(&row.seconds()));
    let faces = || inside().filter_map(|row| row.face.as_ref());
    let readable = faces().filter(|face| face.unreadable.is_none()).count();
    let closed: f32 = faces().map(|face| face.eyes_closed).sum::<f32>() / faces().count() as f32;
    let found = match closure.found {
        None => "missed".into(),
        Some(Found::StillAlarmed) => "alarmed from before".into(),
        Some(Found::After(seconds)) => format!("after {seconds:.2} s"),
    };
    println!(
        "  {} {start:.2} to {end:.2} s ({}): {found}; {} frames, {} faces, {readable} readable, \
         eyes closed {closed:.2}",
        film.name(),
        film.group.name(),
        inside().count(),
        faces().count(),
    );
}
