//! The same films in time: closures that the monitor finds as it ships, what it tells of
//! drivers who are awake, and yawns, beside the usual rule on MediaPipe's blink value. The
//! library counts ([`wakewatch::evaluate::films::count`]).

use wakewatch::{
    evaluate::films::{Closure, FilmCount, LATE_S, LEAST_S, LEVELS, count},
    monitor::{Judgement, Level, Monitor, Observation, Settings, State},
    replay::Told,
};

use super::{films::Film, tables::PARTS};

/// The usual rule: blink value and how long it lasts, seconds.
const PEER_BLINK: f32 = 0.5;
const PEER_S: f64 = 1.5;

/// What the monitor tells of a film. (Films are too short for the network that scores
/// blinks.)
fn monitor(film: &Film) -> Told {
    let (mut monitor, mut told) = (Monitor::new(Settings::default()), Told::by("as it ships"));
    for row in &film.rows {
        told.add(&monitor.step(&Observation { at: row.at, face: row.face.clone() }));
    }
    told
}

/// What the usual rule tells.
fn rule(film: &Film) -> Told {
    let (mut since, mut told): (Option<f64>, _) = (None, Told::by("the usual rule"));
    for row in &film.rows {
        let at = row.seconds();
        let blink = row.peer.and_then(|peer| peer.blink);
        since = blink.filter(|blink| *blink > PEER_BLINK).map(|_| since.unwrap_or(at));
        let (state, level) = match since.is_some_and(|since| at - since >= PEER_S) {
            true => (State::Asleep, Level::Critical),
            false => (State::Awake, Level::None),
        };
        let why = format!("blink above {PEER_BLINK} for {PEER_S} s");
        told.add(&Judgement { at, state, level, why, ..Judgement::default() });
    }
    told
}

/// Prints what both make of the films.
pub(crate) fn print(films: &[Film]) {
    println!("\nIn time, the monitor as it ships");
    report(films, monitor, true);
    if films.iter().flat_map(|film| &film.rows).any(|row| row.peer.is_some()) {
        println!("\nIn time, MediaPipe's blink above {PEER_BLINK} for {PEER_S} s");
        report(films, rule, false);
    }
}

/// A film with what is counted in it.
type Counted<'f> = (&'f Film, FilmCount);

fn report(films: &[Film], judge: fn(&Film) -> Told, each: bool) {
    let all: Vec<Counted<'_>> =
        films.iter().map(|film| (film, count(&film.truth, &judge(film)))).collect();
    println!("Closures found during them or within {LATE_S} s, and seconds from shut to alarm");
    println!("{:<34}{:>10}{:>9}{:>9}{:>9}", "", "found", "least", "median", "most");
    let closures = |read: bool, least_s: f64| {
        let films = all.iter().filter(move |(_, counted)| counted.eyes_read == read);
        let closures =
            films.flat_map(|(film, counted)| counted.closures.iter().map(move |c| (*film, c)));
        closures.filter(move |(_, closure)| closure.length_s() >= least_s)
    };
    for least_s in LEAST_S {
        let name = |what: &str| format!("of {least_s} s and more, {what}");
        row(&name("eyes read"), closures(true, least_s).map(|(_, closure)| closure));
        row(&name("hardly read"), closures(false, least_s).map(|(_, closure)| closure));
    }
    for part in &PARTS {
        let here = |film: &Film| part.films(films).any(|other| std::ptr::eq(other, film));
        let long = closures(true, 2.0).filter(|(film, _)| here(film));
        row(&format!("2 s, read: {}", part.name), long.map(|(_, closure)| closure));
    }
    if each {
        closures(true, LEAST_S[0]).for_each(|(film, closure)| tell(film, closure));
        closures(false, LEAST_S[0]).for_each(|(film, closure)| tell(film, closure));
    }
    needless(&all);
    yawns(&all);
}

/// So many, with their rate an hour.
fn rate(count: usize, seconds: f64) -> String {
    format!("{count} ({:.1}/h)", 3600.0 * count as f64 / seconds.max(1.0))
}

fn needless(all: &[Counted<'_>]) {
    let awake_s: f64 = all.iter().map(|(_, counted)| counted.awake_s).sum();
    let alarms = || all.iter().flat_map(|(_, counted)| &counted.needless);
    let [advisories, warnings, criticals] =
        LEVELS.map(|level| rate(alarms().filter(|alarm| alarm.level == level).count(), awake_s));
    println!(
        "Needless in {:.1} minutes awake ({:.2} h): advisories {advisories}, warnings {warnings}, \
         criticals {criticals}",
        awake_s / 60.0,
        awake_s / 3600.0
    );
    for (film, counted) in all {
        for alarm in &counted.needless {
            let (level, state, at, why) = (alarm.level, alarm.state, alarm.at, &alarm.why);
            println!("  {level:?} {state:?} at {at:.1} s in {}: {why}", film.name());
        }
    }
    let other = || all.iter().flat_map(|(_, counted)| &counted.other);
    for &state in State::ALL {
        for level in LEVELS {
            let count = other().filter(|told| (told.state, told.level) == (state, level)).count();
            if count > 0 {
                println!("  told of something else: {state:?} {level:?} {count} times");
            }
        }
    }
}

fn yawns(all: &[Counted<'_>]) {
    let sum = |of: fn(&FilmCount) -> f64| all.iter().map(|(_, counted)| of(counted)).sum::<f64>();
    let falsely: usize = all.iter().map(|(_, counted)| counted.false_yawns.len()).sum();
    println!(
        "Yawns: {} of {} found, false {}",
        sum(|counted| counted.yawns_found.into()),
        sum(|counted| counted.yawns.into()),
        rate(falsely, sum(|counted| counted.yawnless_s))
    );
    for (film, counted) in all {
        for at in &counted.false_yawns {
            println!("  false yawn at {at:.1} s in {}", film.name());
        }
    }
}

fn row<'c>(name: &str, closures: impl Iterator<Item = &'c Closure>) {
    let (mut all, mut found, mut delays) = (0, 0, Vec::new());
    for closure in closures {
        all += 1;
        found += usize::from(closure.found);
        delays.extend(closure.after_s);
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
fn tell(film: &Film, closure: &Closure) {
    let Closure { start, end, .. } = *closure;
    let inside = || film.rows.iter().filter(move |row| (start..=end).contains(&row.seconds()));
    let faces = || inside().filter_map(|row| row.face.as_ref());
    let readable = faces().filter(|face| face.unreadable.is_none()).count();
    let closed: f32 = faces().map(|face| face.eyes_closed).sum::<f32>() / faces().count() as f32;
    let found = match (closure.found, closure.after_s) {
        (false, _) => "missed".into(),
        (true, None) => "alarmed from before".into(),
        (true, Some(seconds)) => format!("after {seconds:.2} s"),
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
