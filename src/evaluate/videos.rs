//! Video level: what the monitor made of whole recordings against the label that each
//! carries (0 alert, 5 low vigilance, 10 drowsy), and, where it is known what happens
//! when, how many of the events were found, how late, and how many alarms were false.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    bootstrap::{Bootstrap, Estimate},
    protocol::{self, Protocol, TaskReport},
    task::{Answer, Task},
};
use crate::replay::{ProblemKind, Span, VideoResult, VideoSigns};

/// An alarm may come so long after an event and still belong to it, seconds: eyes that
/// have closed for a second are told within the next.
pub(crate) const GRACE_S: f64 = 1.0;
/// Signs that a video is judged by.
const SIGNS: usize = 4;
/// Share of a sign's whole variance that is added to that within the classes, so that a
/// sign that never varies within them does not decide alone.
const SHRINK: f64 = 0.1;

/// What is compared of one model.
pub(crate) struct Judged<'r> {
    /// Who judged.
    pub model: String,
    /// One result a video.
    pub results: &'r [VideoResult],
    /// What else is known of a video, by its name: column and value.
    pub conditions: &'r Conditions,
}

/// Columns and values of videos, by the video's name.
pub(crate) type Conditions = BTreeMap<String, BTreeMap<String, String>>;

/// The tasks of a run, each with its report.
pub(crate) fn tasks(
    judged: &Judged<'_>,
    protocol: Protocol,
    columns: &[String],
    bootstrap: &Bootstrap,
) -> Vec<(Task, TaskReport)> {
    let mut made = Vec::new();
    let own = own_answer(judged);
    if !own.answers.is_empty() {
        let report = protocol::report_fitted(&own, Protocol::Subject, columns, bootstrap, |t| t);
        made.push((own, report));
    }
    for (name, labels) in [
        ("videos, alert against drowsy", &[0, 10][..]),
        ("videos, alert, low vigilance, drowsy", &[0, 5, 10][..]),
    ] {
        let (bare, signs) = unanswered(judged, name, labels);
        let classes: BTreeSet<usize> = bare.answers.iter().map(|a| a.truth).collect();
        if classes.len() < labels.len() {
            continue;
        }
        let folds = protocol::fold_of(&bare.answers, protocol, bootstrap.seed);
        let fit = |task: Task| fitted(task, &signs, &folds);
        let task = fit(bare);
        let report = protocol::report_fitted(&task, protocol, columns, bootstrap, fit);
        made.push((task, report));
    }
    made
}

fn class_name(label: u32) -> &'static str {
    match label {
        0 => "alert",
        5 => "low vigilance",
        _ => "drowsy",
    }
}

/// Videos of which not a frame can be read say nothing of the model.
fn readable(result: &VideoResult) -> bool {
    result.problems.iter().all(|problem| problem.kind != ProblemKind::Unreadable)
}

impl Judged<'_> {
    fn conditions_of(&self, result: &VideoResult) -> BTreeMap<String, String> {
        let mut known = self.conditions.get(&result.video).cloned().unwrap_or_default();
        if let Some(label) = result.label {
            known.insert("label".into(), label.to_string());
        }
        known
    }
}

/// The monitor as it is, nothing fitted: drowsy is who was warned or woken at least once.
fn own_answer(judged: &Judged<'_>) -> Task {
    let answers = judged.results.iter().filter(|r| readable(r)).filter_map(|result| {
        let truth = match result.label {
            Some(0) => 0,
            Some(10) => 1,
            _ => return None,
        };
        let lost = result.signs.map(|signs| signs.lost_awareness.clamp(0.0, 1.0));
        Some(Answer {
            item: result.video.clone(),
            subject: result.subject.clone(),
            fold: result.fold,
            truth,
            probabilities: lost.map(|lost| vec![1.0 - lost, lost]),
            called: Some(usize::from(!result.alarms.is_empty())),
            conditions: judged.conditions_of(result),
        })
    });
    Task {
        name: "videos, the monitor's own answer".into(),
        model: judged.model.clone(),
        classes: vec!["alert".into(), "drowsy".into()],
        threshold: 0.5,
        note: "nothing is fitted: drowsy is a video with at least one warning; AUC and average \
               precision are those of the mean loss of awareness, which is no probability, so \
               loss and calibration say little here"
            .into(),
        answers: answers.collect(),
    }
}

fn unanswered(
    judged: &Judged<'_>,
    name: &str,
    labels: &[u32],
) -> (Task, Vec<Option<[f64; SIGNS]>>) {
    let chosen: Vec<(&VideoResult, usize)> = judged
        .results
        .iter()
        .filter(|result| readable(result))
        .filter_map(|result| {
            let class = labels.iter().position(|label| Some(*label) == result.label)?;
            Some((result, class))
        })
        .collect();
    let answers = chosen.iter().map(|(result, class)| Answer {
        item: result.video.clone(),
        subject: result.subject.clone(),
        fold: result.fold,
        truth: *class,
        conditions: judged.conditions_of(result),
        ..Answer::default()
    });
    let task = Task {
        name: name.into(),
        model: judged.model.clone(),
        classes: labels.iter().map(|label| class_name(*label).into()).collect(),
        threshold: 0.5,
        note: "a video's class from four sums over it (lost awareness, share of closed eyes, \
               drowsy probability, yawns a minute) by a diagonal linear discriminant that is \
               fitted on the other folds"
            .into(),
        answers: answers.collect(),
    };
    (task, chosen.iter().map(|(result, _)| result.signs.map(|signs| vector(&signs))).collect())
}

fn vector(signs: &VideoSigns) -> [f64; SIGNS] {
    [signs.lost_awareness, signs.eyes_closed, signs.drowsy, signs.yawns_per_min]
}

/// Answers each fold by what the others teach.
fn fitted(mut task: Task, signs: &[Option<[f64; SIGNS]>], folds: &[u32]) -> Task {
    let truths: Vec<usize> = task.answers.iter().map(|answer| answer.truth).collect();
    let numbers: BTreeSet<u32> = folds.iter().copied().collect();
    for fold in numbers {
        let known: Vec<([f64; SIGNS], usize)> = (0..folds.len())
            .filter(|at| folds[*at] != fold)
            .filter_map(|at| Some((signs[at]?, truths[at])))
            .collect();
        let discriminant = Discriminant::fit(&known, task.classes.len());
        for at in (0..folds.len()).filter(|at| folds[*at] == fold) {
            task.answers[at].fold = Some(fold);
            task.answers[at].probabilities = signs[at].map(|x| discriminant.probabilities(&x));
        }
    }
    task
}

/// Gaussian classes with a common, diagonal covariance, all equally likely beforehand
/// (diagonal LDA; Dudoit et al. 2002): few parameters, for few videos.
struct Discriminant {
    means: Vec<Option<[f64; SIGNS]>>,
    variance: [f64; SIGNS],
}

impl Discriminant {
    fn fit(known: &[([f64; SIGNS], usize)], classes: usize) -> Self {
        let mean = |chosen: &[&[f64; SIGNS]]| -> Option<[f64; SIGNS]> {
            let n = chosen.len() as f64;
            let sum = |d: usize| chosen.iter().map(|x| x[d]).sum::<f64>();
            (n > 0.0).then(|| std::array::from_fn(|d| sum(d) / n))
        };
        let all: Vec<&[f64; SIGNS]> = known.iter().map(|(x, _)| x).collect();
        let of = |class: usize| -> Vec<&[f64; SIGNS]> {
            known.iter().filter(|(_, c)| *c == class).map(|(x, _)| x).collect()
        };
        let means: Vec<_> = (0..classes).map(|class| mean(&of(class))).collect();
        let whole = mean(&all).unwrap_or_default();
        let n = known.len().max(1) as f64;
        let variance = std::array::from_fn(|d| {
            let within = known.iter().filter_map(|(x, class)| {
                let centre = means.get(*class).copied().flatten()?;
                Some((x[d] - centre[d]).powi(2))
            });
            let total = all.iter().map(|x| (x[d] - whole[d]).powi(2)).sum::<f64>() / n;
            within.sum::<f64>() / n + SHRINK * total + 1e-9
        });
        Self { means, variance }
    }

    fn probabilities(&self, x: &[f64; SIGNS]) -> Vec<f64> {
        let log = |mean: &[f64; SIGNS]| -> f64 {
            let terms = (0..SIGNS).map(|d| (x[d] - mean[d]).powi(2) / self.variance[d]);
            -0.5 * terms.sum::<f64>()
        };
        let logs: Vec<Option<f64>> = self.means.iter().map(|mean| mean.as_ref().map(log)).collect();
        let most = logs.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
        let raw: Vec<f64> = logs.iter().map(|l| l.map_or(0.0, |l| (l - most).exp())).collect();
        let sum: f64 = raw.iter().sum();
        let even = 1.0 / raw.len().max(1) as f64;
        raw.iter().map(|r| if sum > 0.0 { r / sum } else { even }).collect()
    }
}

/// How well events are found and how often an alarm is false.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EventReport {
    /// Who judged.
    pub model: String,
    /// Videos of which the events are known.
    pub videos: usize,
    /// Microsleeps and sleeps in them.
    pub events: usize,
    /// Of these, such with an alarm during them or within [`GRACE_S`].
    pub found: usize,
    /// Share that was found.
    pub share_found: Estimate,
    /// Share of the microsleeps (closed for less than 3 s) that was found.
    pub share_microsleeps_found: Estimate,
    /// Share of the sleeps (3 s and more) that was found.
    pub share_sleeps_found: Estimate,
    /// Mean time from an event's beginning to its alarm, of those found, seconds.
    pub delay_s: Estimate,
    /// Alarms in alert videos, and in others outside of everything that is known to happen.
    pub false_alarms: usize,
    /// Hours of video in which an alarm could be false.
    pub hours: f64,
    /// False alarms an hour.
    pub false_alarms_per_hour: Estimate,
}

/// Sums of one video.
#[derive(Clone, Copy, Default)]
struct Counts {
    /// Microsleeps, sleeps.
    events: [f64; 2],
    found: [f64; 2],
    delay: f64,
    false_alarms: f64,
    hours: f64,
}

fn count(result: &VideoResult) -> Counts {
    let mut counts = Counts::default();
    let hours = result.seconds / 3600.0;
    let inside = |at: f64, span: &Span| span.from <= at && at <= span.to + 3.0 * GRACE_S;
    match &result.truth {
        Some(truth) => {
            for event in truth {
                let kind = match event.state.as_str() {
                    "microsleep" => 0,
                    "asleep" => 1,
                    _ => continue,
                };
                counts.events[kind] += 1.0;
                let alarm = result
                    .alarms
                    .iter()
                    .find(|alarm| alarm.to >= event.from && alarm.from <= event.to + GRACE_S);
                if let Some(alarm) = alarm {
                    counts.found[kind] += 1.0;
                    counts.delay += (alarm.from - event.from).max(0.0);
                }
            }
            // Talking and looking about are no reason for an alarm.
            let reasons: Vec<&Span> = truth
                .iter()
                .filter(|s| !["talking", "looking_away"].contains(&s.state.as_str()))
                .collect();
            let no_reason =
                |at: f64| result.label == Some(0) || !reasons.iter().any(|span| inside(at, span));
            let wrong = result.alarms.iter().filter(|alarm| no_reason(alarm.from)).count();
            (counts.false_alarms, counts.hours) = (wrong as f64, hours);
        }
        None if result.label == Some(0) => {
            (counts.false_alarms, counts.hours) = (result.alarms.len() as f64, hours);
        }
        None => {}
    }
    counts
}

/// Scores the events of a run; `None` where neither events nor alert videos are known.
pub(crate) fn events(judged: &Judged<'_>, bootstrap: &Bootstrap) -> Option<EventReport> {
    let known: Vec<&VideoResult> = judged
        .results
        .iter()
        .filter(|r| readable(r) && (r.truth.is_some() || r.label == Some(0)))
        .collect();
    if known.is_empty() {
        return None;
    }
    let counts: Vec<Counts> = known.iter().map(|result| count(result)).collect();
    let subjects: Vec<&str> = known.iter().map(|result| result.subject.as_str()).collect();
    let ratio = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
    let estimates = bootstrap.estimates(&subjects, |times| {
        let sum = |of: &dyn Fn(&Counts) -> f64| -> f64 {
            counts.iter().zip(times).map(|(c, n)| of(c) * f64::from(*n)).sum()
        };
        let found = sum(&|c| c.found[0] + c.found[1]);
        vec![
            ratio(found, sum(&|c| c.events[0] + c.events[1])),
            ratio(sum(&|c| c.found[0]), sum(&|c| c.events[0])),
            ratio(sum(&|c| c.found[1]), sum(&|c| c.events[1])),
            ratio(sum(&|c| c.delay), found),
            ratio(sum(&|c| c.false_alarms), sum(&|c| c.hours)),
        ]
    });
    let sum = |of: &dyn Fn(&Counts) -> f64| counts.iter().map(of).sum::<f64>();
    Some(EventReport {
        model: judged.model.clone(),
        videos: known.iter().filter(|result| result.truth.is_some()).count(),
        events: sum(&|c| c.events[0] + c.events[1]) as usize,
        found: sum(&|c| c.found[0] + c.found[1]) as usize,
        share_found: estimates[0],
        share_microsleeps_found: estimates[1],
        share_sleeps_found: estimates[2],
        delay_s: estimates[3],
        false_alarms: sum(&|c| c.false_alarms) as usize,
        hours: sum(&|c| c.hours),
        false_alarms_per_hour: estimates[4],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        monitor::{Level, State},
        replay::AlarmSpan,
    };

    fn alarm(from: f64, to: f64) -> AlarmSpan {
        AlarmSpan { from, to, level: Level::Critical, state: State::Asleep, why: String::new() }
    }

    fn span(from: f64, to: f64, state: &str) -> Span {
        Span { from, to, state: state.into() }
    }

    fn result(subject: usize, label: u32, lost: f64) -> VideoResult {
        VideoResult {
            video: format!("{subject:02}/{label}"),
            files: Vec::new(),
            subject: format!("{subject:02}"),
            fold: Some(1 + subject as u32 / 2),
            label: Some(label),
            problems: Vec::new(),
            notes: Vec::new(),
            seconds: 360.0,
            frames: 10_800,
            frames_with_face: 10_800,
            detector_calls: 1,
            states: Default::default(),
            signs: Some(VideoSigns { lost_awareness: lost, ..VideoSigns::default() }),
            alarms: if label == 10 { vec![alarm(100.0, 104.0)] } else { Vec::new() },
            truth: None,
            film: None,
        }
    }

    fn all() -> Vec<VideoResult> {
        (0..10)
            .flat_map(|subject| {
                [0, 5, 10].map(|label| {
                    let own = 0.01 * subject as f64;
                    result(subject, label, 0.05 + 0.04 * f64::from(label) + own)
                })
            })
            .collect()
    }

    fn quick() -> Bootstrap {
        Bootstrap { draws: 50, seed: 1 }
    }

    #[test]
    fn videos_are_told_apart_in_two_and_three_classes_by_folds() {
        let results = all();
        let none = Conditions::new();
        let judged = Judged { model: "m".into(), results: &results, conditions: &none };
        let made = tasks(&judged, Protocol::Subject, &[], &quick());
        assert_eq!(made.len(), 3);
        for (task, report) in &made {
            assert_eq!(report.rows[0].figures["accuracy"].value, Some(1.0), "{}", task.name);
            let folds: Vec<_> = report.rows.iter().filter(|row| row.by == "fold").collect();
            assert_eq!(folds.len(), 5, "{}", task.name);
            assert!(folds.iter().all(|fold| fold.subjects == 2));
        }
        let three = &made[2].1;
        assert_eq!(three.rows[0].confusion, [[10, 0, 0], [0, 10, 0], [0, 0, 10]]);
        assert!((three.control.mean.unwrap() - 1.0 / 3.0).abs() < 0.05, "{:?}", three.control);
    }

    #[test]
    fn what_is_known_of_a_video_makes_rows() {
        let results = all();
        let light = |at: usize| if at.is_multiple_of(2) { "day" } else { "night" };
        let known: Conditions = results
            .iter()
            .enumerate()
            .map(|(at, r)| {
                (r.video.clone(), BTreeMap::from([("light".into(), light(at / 3).into())]))
            })
            .collect();
        let judged = Judged { model: "m".into(), results: &results, conditions: &known };
        let made = tasks(&judged, Protocol::Subject, &["light".into()], &quick());
        let rows = made[2].1.rows.iter().filter(|row| row.by == "light");
        let rows: Vec<_> = rows.map(|row| (row.name.as_str(), row.n)).collect();
        assert_eq!(rows, [("day", 15), ("night", 15)]);
    }

    #[test]
    fn people_in_several_folds_are_called_a_leak() {
        let results = all();
        let none = Conditions::new();
        let judged = Judged { model: "m".into(), results: &results, conditions: &none };
        let made = tasks(&judged, Protocol::Random, &[], &quick());
        assert!(made[1].1.rows[0].note.contains("identity leaks"));
    }

    #[test]
    fn events_are_found_late_or_not_at_all_and_false_alarms_counted() {
        let mut video = result(0, 10, 0.5);
        video.truth = Some(vec![
            span(10.0, 11.5, "microsleep"),
            span(50.0, 56.0, "asleep"),
            span(80.0, 90.0, "talking"),
            span(200.0, 206.0, "asleep"),
        ]);
        // In the first and the second event, while talking, and long after everything.
        video.alarms =
            vec![alarm(11.0, 12.0), alarm(51.5, 58.0), alarm(85.0, 86.0), alarm(300.0, 301.0)];
        let alert = VideoResult { alarms: vec![alarm(5.0, 6.0)], ..result(1, 0, 0.1) };
        let results = [video, alert];
        let none = Conditions::new();
        let judged = Judged { model: "m".into(), results: &results, conditions: &none };
        let report = events(&judged, &quick()).unwrap();
        assert_eq!((report.events, report.found, report.false_alarms), (3, 2, 3));
        assert_eq!(report.share_microsleeps_found.value, Some(1.0));
        assert_eq!(report.share_sleeps_found.value, Some(0.5));
        assert_eq!(report.delay_s.value, Some(1.25));
        assert!((report.hours - 0.2).abs() < 1e-12);
        assert!((report.false_alarms_per_hour.value.unwrap() - 15.0).abs() < 1e-9);
    }

    #[test]
    fn a_video_that_cannot_be_read_says_nothing_and_one_without_a_face_is_missed() {
        let mut results = all();
        results[2].signs = None;
        results[5].problems.push(crate::replay::Problem {
            kind: ProblemKind::Unreadable,
            text: "the file is empty".into(),
        });
        let none = Conditions::new();
        let judged = Judged { model: "m".into(), results: &results, conditions: &none };
        let made = tasks(&judged, Protocol::Subject, &[], &quick());
        let row = &made[2].1.rows[0];
        assert_eq!((row.n, row.missed, row.confusion[2][0]), (29, 1, 1));
    }
}
