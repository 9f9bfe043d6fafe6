//! Films judged as films: closures of the eyes that were found and how late, what was told
//! without need in an hour of time awake, and yawns, by person and by condition, each figure
//! with its interval over people. What happens in a film is annotated beside it
//! ([`spans`](crate::dataset::spans)), what was told of it is kept by the
//! [`replay`](crate::replay::Told), and [`count()`] holds the rules of counting.

mod count;

pub use count::{Alarm, Closure, FilmCount, LATE_S, count};

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::bootstrap::{Bootstrap, Estimate, Paired};
use crate::{
    monitor::Level,
    replay::{ProblemKind, VideoResult},
    stats::quantile,
};

/// Closures of at least so many seconds are told of: the first is a microsleep, the last is
/// sleep (Euro NCAP driver state monitoring).
pub const LEAST_S: [f64; 3] = [1.0, 2.0, 3.0];
/// Levels that are counted apart, as in [`Tally::needless`].
pub const LEVELS: [Level; 3] = [Level::Advisory, Level::Warning, Level::Critical];

/// What a figure is, for its decimals and for what is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A share, 0..1; more is better.
    Share,
    /// Seconds; less is better.
    Seconds,
    /// A number an hour; less is better.
    AnHour,
}

/// A figure of films.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Its key in a [`FilmRow`].
    pub key: &'static str,
    /// Its title for people.
    pub title: &'static str,
    /// What it is.
    pub kind: Kind,
}

impl Figure {
    const fn new(key: &'static str, title: &'static str, kind: Kind) -> Self {
        Self { key, title, kind }
    }

    /// A value of it with its decimals.
    pub fn text(&self, value: f64) -> String {
        match self.kind {
            Kind::Share => format!("{value:.3}"),
            Kind::Seconds => format!("{value:.2}"),
            Kind::AnHour => format!("{value:.1}"),
        }
    }
}

/// The figures, in the order of reports.
pub const FIGURES: [Figure; 19] = [
    Figure::new("found_1s", "closures of 1 s and more found", Kind::Share),
    Figure::new("found_2s", "closures of 2 s and more found", Kind::Share),
    Figure::new("found_3s", "closures of 3 s and more found", Kind::Share),
    Figure::new("delay_1s_median", "delay of 1 s and more, s: median", Kind::Seconds),
    Figure::new("delay_1s_p10", "delay of 1 s and more, s: 10th percentile", Kind::Seconds),
    Figure::new("delay_1s_p90", "delay of 1 s and more, s: 90th percentile", Kind::Seconds),
    Figure::new("delay_2s_median", "delay of 2 s and more, s: median", Kind::Seconds),
    Figure::new("delay_2s_p10", "delay of 2 s and more, s: 10th percentile", Kind::Seconds),
    Figure::new("delay_2s_p90", "delay of 2 s and more, s: 90th percentile", Kind::Seconds),
    Figure::new("delay_3s_median", "delay of 3 s and more, s: median", Kind::Seconds),
    Figure::new("delay_3s_p10", "delay of 3 s and more, s: 10th percentile", Kind::Seconds),
    Figure::new("delay_3s_p90", "delay of 3 s and more, s: 90th percentile", Kind::Seconds),
    Figure::new("needless_advisories", "needless advisories an hour awake", Kind::AnHour),
    Figure::new("needless_warnings", "needless warnings an hour awake", Kind::AnHour),
    Figure::new("needless_criticals", "needless criticals an hour awake", Kind::AnHour),
    Figure::new("other_advisories", "other advisories an hour awake", Kind::AnHour),
    Figure::new("other_alarms", "other warnings and criticals an hour awake", Kind::AnHour),
    Figure::new("yawns_found", "yawns found", Kind::Share),
    Figure::new("false_yawns", "false yawns an hour", Kind::AnHour),
];

/// Sums over films.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Closures of at least each of [`LEAST_S`].
    pub closures: [u64; 3],
    /// Of these, such that were found.
    pub found: [u64; 3],
    /// Time awake, seconds.
    pub awake_s: f64,
    /// What was told of drowsiness without need: at each of [`LEVELS`].
    pub needless: [u64; 3],
    /// What was told of something else without a reason: at each of [`LEVELS`].
    pub other: [u64; 3],
    /// Yawns that are annotated.
    pub yawns: u64,
    /// Of these, such that were counted.
    pub yawns_found: u64,
    /// Yawns counted that are none.
    pub false_yawns: u64,
    /// Time in which no yawn is annotated, seconds.
    pub yawnless_s: f64,
}

/// Figures of some of the films.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FilmRow {
    /// By what the films were chosen: `all`, `person`, `condition`, or `eyes` (those that a
    /// person could hardly read; only their closures count, and only here).
    pub by: String,
    /// Which of them.
    pub name: String,
    /// Films.
    pub films: usize,
    /// Different people.
    pub subjects: usize,
    /// What was counted.
    pub counts: Tally,
    /// Each of [`FIGURES`].
    pub figures: BTreeMap<String, Estimate>,
}

/// Everything that is said of films, by one model and one set of thresholds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FilmReport {
    /// Who judged.
    pub model: String,
    /// By which thresholds.
    pub settings: String,
    /// The figures: first of everything, then by person, by condition and by the eyes.
    pub rows: Vec<FilmRow>,
    /// Every film.
    pub films: Vec<FilmCount>,
}

/// Two judges of the same films, side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FilmDifference {
    /// Films that both judged.
    pub films: usize,
    /// Who judged them, and their figures.
    #[serde(flatten)]
    pub sides: Paired,
}

/// The sums, and the delays of the closures found that are at least so long, seconds.
#[derive(Default)]
struct Sums {
    tally: Tally,
    delays: [Vec<f64>; 3],
}

impl Sums {
    /// Over films, each counted so many times.
    fn of<'f>(films: impl Iterator<Item = (&'f FilmCount, u32)>) -> Self {
        let mut sums = Self::default();
        for (film, times) in films.filter(|(_, times)| *times > 0) {
            sums.add(film, times);
        }
        sums
    }

    fn add(&mut self, film: &FilmCount, times: u32) {
        let Self { tally, delays } = self;
        let n = u64::from(times);
        for closure in &film.closures {
            let sizes = LEAST_S.iter().zip(&mut tally.closures).zip(&mut tally.found);
            for (((least, all), found), delays) in sizes.zip(&mut *delays) {
                if closure.length_s() >= *least {
                    *all += n;
                    *found += n * u64::from(closure.found);
                    delays.extend(
                        closure
                            .after_s
                            .iter()
                            .flat_map(|delay| std::iter::repeat_n(*delay, times as usize)),
                    );
                }
            }
        }
        for (level, (needless, other)) in
            LEVELS.iter().zip(tally.needless.iter_mut().zip(&mut tally.other))
        {
            let at_level = |alarms: &[Alarm]| alarms.iter().filter(|a| a.level == *level).count();
            *needless += n * at_level(&film.needless) as u64;
            *other += n * at_level(&film.other) as u64;
        }
        tally.awake_s += f64::from(times) * film.awake_s;
        tally.yawns += n * u64::from(film.yawns);
        tally.yawns_found += n * u64::from(film.yawns_found);
        tally.false_yawns += n * film.false_yawns.len() as u64;
        tally.yawnless_s += f64::from(times) * film.yawnless_s;
    }

    /// In the order of [`FIGURES`].
    fn figures(mut self) -> Vec<Option<f64>> {
        let tally = &self.tally;
        let share = |part: u64, of: u64| (of > 0).then(|| part as f64 / of as f64);
        let an_hour =
            |count: u64, seconds: f64| (seconds > 0.0).then(|| 3600.0 * count as f64 / seconds);
        let mut figures: Vec<Option<f64>> =
            tally.found.iter().zip(&tally.closures).map(|(part, of)| share(*part, *of)).collect();
        for delays in &mut self.delays {
            delays.sort_by(f64::total_cmp);
            let known = !delays.is_empty();
            figures.extend([0.5, 0.1, 0.9].map(|part| known.then(|| quantile(delays, part))));
        }
        let awake = |count: u64| an_hour(count, tally.awake_s);
        let [advisories, warnings, criticals] = tally.other;
        figures.extend(tally.needless.map(awake));
        figures.extend([advisories, warnings + criticals].map(awake));
        figures.push(share(tally.yawns_found, tally.yawns));
        figures.push(an_hour(tally.false_yawns, tally.yawnless_s));
        figures
    }
}

fn named(estimates: &[Estimate]) -> BTreeMap<String, Estimate> {
    FIGURES.iter().zip(estimates).map(|(figure, e)| (figure.key.to_owned(), *e)).collect()
}

fn people(films: &[FilmCount]) -> Vec<&str> {
    films.iter().map(|film| film.person.as_str()).collect()
}

fn row(by: &str, name: &str, films: &[FilmCount], bootstrap: &Bootstrap) -> FilmRow {
    let subjects = people(films);
    let estimates = bootstrap
        .estimates(&subjects, |times| Sums::of(films.iter().zip(times.iter().copied())).figures());
    FilmRow {
        by: by.into(),
        name: name.into(),
        films: films.len(),
        subjects: subjects.iter().collect::<BTreeSet<_>>().len(),
        counts: Sums::of(films.iter().map(|film| (film, 1))).tally,
        figures: named(&estimates),
    }
}

/// The film without its closures where a person could hardly read the eyes: such closures
/// are a guess, and counted apart.
fn surely(film: &FilmCount) -> FilmCount {
    let mut film = film.clone();
    if !film.eyes_read {
        film.closures.clear();
    }
    film
}

/// Reports films that one model judged by one set of thresholds.
pub fn report(
    model: &str,
    settings: &str,
    films: Vec<FilmCount>,
    bootstrap: &Bootstrap,
) -> FilmReport {
    let sure: Vec<FilmCount> = films.iter().map(surely).collect();
    let mut rows = vec![row("all", "all", &sure, bootstrap)];
    let mut rows_by = |by: &str, names: BTreeSet<&str>, of: &dyn Fn(&FilmCount, &str) -> bool| {
        for name in names {
            let chosen: Vec<FilmCount> =
                sure.iter().filter(|film| of(film, name)).cloned().collect();
            // What is true of every film is no condition.
            if chosen.len() < sure.len() {
                rows.push(row(by, name, &chosen, bootstrap));
            }
        }
    };
    rows_by("person", people(&sure).into_iter().collect(), &|film, name| film.person == name);
    let conditions = sure.iter().flat_map(|film| &film.conditions).map(String::as_str).collect();
    rows_by("condition", conditions, &|film, name| film.conditions.iter().any(|c| c == name));
    let hardly: Vec<FilmCount> = films
        .iter()
        .filter(|film| !film.eyes_read && !film.closures.is_empty())
        .map(|film| FilmCount {
            film: film.film.clone(),
            person: film.person.clone(),
            closures: film.closures.clone(),
            ..FilmCount::default()
        })
        .collect();
    if !hardly.is_empty() {
        rows.push(row("eyes", "hardly read", &hardly, bootstrap));
    }
    FilmReport { model: model.into(), settings: settings.into(), rows, films }
}

/// Reports the films of a run, one report for each set of thresholds; none where no film has
/// spans beside it.
pub fn reports(model: &str, results: &[VideoResult], bootstrap: &Bootstrap) -> Vec<FilmReport> {
    let films: Vec<_> = results.iter().filter_map(|result| result.film.as_ref()).collect();
    let tunings = films.iter().map(|film| film.told.len()).min().unwrap_or(0);
    let of = |tuning: usize| {
        let told = films.iter().filter_map(|film| Some((&film.truth, film.told.get(tuning)?)));
        let name = films.first().and_then(|film| film.told.get(tuning));
        let name = name.map_or("", |told| told.settings.as_str());
        let counted = told.map(|(truth, told)| count(truth, told)).collect();
        report(model, name, counted, bootstrap)
    };
    (0..tunings).map(of).collect()
}

/// The videos of a run that could not be judged as films although others were: those without
/// spans. What is wrong with others is told as their own problem.
pub fn not_judged(results: &[VideoResult]) -> Vec<&str> {
    if results.iter().all(|result| result.film.is_none()) {
        return Vec::new();
    }
    let told = [ProblemKind::Spans, ProblemKind::Unreadable];
    let without = results.iter().filter(|result| {
        result.film.is_none() && !result.problems.iter().any(|p| told.contains(&p.kind))
    });
    without.map(|result| result.video.as_str()).collect()
}

impl FilmRow {
    /// Which films, for people.
    pub fn title(&self) -> String {
        match self.by.as_str() {
            "all" => "all films".into(),
            by => format!("{by}: {}", self.name),
        }
    }
}

impl FilmReport {
    /// Who judged, and by which thresholds.
    pub fn name(&self) -> String {
        format!("{}, {}", self.model, self.settings)
    }
}

/// Compares two judges over the films that both judged, drawing the same people for both.
/// `None` where they have no film in common.
pub fn difference(
    first: &FilmReport,
    second: &FilmReport,
    bootstrap: &Bootstrap,
) -> Option<FilmDifference> {
    let known: BTreeMap<&str, &FilmCount> =
        second.films.iter().map(|film| (film.film.as_str(), film)).collect();
    let pairs = first.films.iter().filter_map(|film| Some((film, *known.get(&*film.film)?)));
    let (a, b): (Vec<FilmCount>, Vec<FilmCount>) =
        pairs.map(|(a, b)| (surely(a), surely(b))).unzip();
    if a.is_empty() {
        return None;
    }
    let sides = bootstrap.paired(
        [first.name(), second.name()],
        [first.films.len(), second.films.len()],
        &people(&a),
        named,
        |times| [&a, &b].map(|films| Sums::of(films.iter().zip(times.iter().copied())).figures()),
    );
    Some(FilmDifference { films: a.len(), sides })
}

#[cfg(test)]
pub(super) mod tests;
