//! One film: what of it was found, and what was told without need. The rules, all of them:
//!
//! - An alarm for closed eyes is a warning or more of a microsleep, of sleep or of a driver
//!   who does not respond. A closure is **found** by the first such alarm from its beginning
//!   to [`LATE_S`] after its end; the **delay** counts from its beginning. An alarm that was
//!   running before it and goes on for more than [`BORDER_S`] finds it, too, without a delay.
//! - **Time awake** lies outside of all closures and doubtful spans, from [`BORDER_S`] before
//!   each to [`LATE_S`] after it; where more than
//!   [`FRAME_MOST_S`](crate::replay::FRAME_MOST_S) passes between two frames, the rest does
//!   not count.
//! - **Needless** is what begins in time awake, or becomes more urgent there, and is told of
//!   the driver's drowsiness: tiring, drowsy, or one of the states above. Each rise counts
//!   once, at the level to which it rises.
//! - What is told of something else (eyes off the road, a face that is not seen) counts only
//!   outside of what explains it: looking down, looking away and no face, up to [`LATE_S`]
//!   after each. There a warning of eyes off the road is needless, too; the rest is counted
//!   apart.
//! - In a film whose eyes a person could hardly read ([`Confidence::Low`]) there is no time
//!   awake, and its closures are counted apart ([`FilmCount::eyes_read`]).
//! - A **yawn** is found when the monitor counts one from [`BORDER_S`] before its beginning to
//!   [`LATE_S`] after its end. What it counts beyond that, also a second time in one yawn, is
//!   **false**, unless it lies in a doubtful span or within [`LATE_S`] after it. The hours of
//!   false yawns are those outside of yawns and doubtful spans, with the same borders.

use serde::{Deserialize, Serialize};

use crate::{
    dataset::spans::{BORDER_S, Confidence, FilmTruth, Span},
    monitor::{Level, State},
    replay::{Change, Told},
};

/// What is told so long after the end of a span still belongs to it, seconds: eyes that have
/// been shut for a second are told within the next.
pub const LATE_S: f64 = 1.0;

/// A closure, and whether it was found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Closure {
    /// When the eyes shut, seconds of the film.
    pub start: f64,
    /// When they open, seconds of the film.
    pub end: f64,
    /// Whether there was an alarm for it.
    pub found: bool,
    /// Seconds from its beginning to the alarm; `None` where it was missed, or the alarm had
    /// been running before.
    pub after_s: Option<f64>,
}

impl Closure {
    /// How long it is, seconds.
    pub fn length_s(&self) -> f64 {
        self.end - self.start
    }
}

/// Something that was told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// When it began or became more urgent, seconds of the film.
    pub at: f64,
    /// To which level.
    pub level: Level,
    /// In which state.
    pub state: State,
    /// The cause that was told.
    pub why: String,
}

/// What is counted in one film.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FilmCount {
    /// The film's name.
    pub film: String,
    /// Who is in it.
    pub person: String,
    /// How it was taken, and what is in the way.
    pub conditions: Vec<String>,
    /// Whether a person could read the eyes, if not in every moment.
    pub eyes_read: bool,
    /// Every closure.
    pub closures: Vec<Closure>,
    /// Time awake, seconds.
    pub awake_s: f64,
    /// What was told of drowsiness without need.
    pub needless: Vec<Alarm>,
    /// What was told of something else in time awake, and nothing annotated explains it.
    pub other: Vec<Alarm>,
    /// Yawns that are annotated.
    pub yawns: u32,
    /// Of these, such that were counted.
    pub yawns_found: u32,
    /// When a yawn was counted that is none, seconds of the film.
    pub false_yawns: Vec<f64>,
    /// Time in which no yawn is annotated, seconds.
    pub yawnless_s: f64,
}

/// Counts a film by what was told of it.
pub fn count(truth: &FilmTruth, told: &Told) -> FilmCount {
    let eyes_read = truth.confidence != Confidence::Low;
    let mut counted = FilmCount {
        film: truth.file.display().to_string(),
        person: truth.person.clone(),
        conditions: truth.conditions.clone(),
        eyes_read,
        closures: truth.closures.iter().map(|span| closure(told, *span)).collect(),
        ..FilmCount::default()
    };
    count_yawns(&mut counted, truth, told);
    if !eyes_read {
        return counted;
    }
    let asleep: Vec<Span> =
        truth.closures.iter().chain(&truth.uncertain).copied().map(around).collect();
    counted.awake_s = time_outside(told, &asleep);
    let explained = [&truth.looking_down, &truth.looking_away, &truth.no_face];
    let explained: Vec<Span> = explained.into_iter().flatten().copied().map(around).collect();
    let mut before: Option<&Change> = None;
    for now in &told.changes {
        let rises = before.is_none_or(|before| now.level > before.level);
        let turns = before.is_some_and(|before| is_of_sleep(now) != is_of_sleep(before));
        before = Some(now);
        if now.level == Level::None || !(rises || turns) || within(&asleep, now.at) {
            continue;
        }
        let Change { at, level, state, .. } = *now;
        let alarm = Alarm { at, level, state, why: now.why.clone() };
        if is_of_sleep(now) {
            counted.needless.push(alarm);
        } else if !within(&explained, at) {
            match is_off_road(now) {
                true => counted.needless.push(alarm),
                false => counted.other.push(alarm),
            }
        }
    }
    counted
}

/// The annotated yawns, and those that the monitor counted.
fn count_yawns(counted: &mut FilmCount, truth: &FilmTruth, told: &Told) {
    let (mut rises, mut before) = (Vec::new(), 0);
    for change in &told.changes {
        rises.extend((before..change.yawns).map(|_| change.at));
        before = change.yawns;
    }
    let mut yawns = truth.yawns.clone();
    yawns.sort_by(|a, b| a[0].total_cmp(&b[0]));
    for yawn in &yawns {
        let span = [around(*yawn)];
        let found = rises.iter().position(|at| within(&span, *at)).map(|at| rises.remove(at));
        counted.yawns_found += u32::from(found.is_some());
    }
    counted.yawns = yawns.len() as u32;
    let doubtful: Vec<Span> = truth.uncertain.iter().copied().map(around).collect();
    rises.retain(|at| !within(&doubtful, *at));
    counted.false_yawns = rises;
    let spans: Vec<Span> = yawns.into_iter().map(around).chain(doubtful).collect();
    counted.yawnless_s = time_outside(told, &spans);
}

/// A span with what still belongs to it.
fn around([start, end]: Span) -> Span {
    [start - BORDER_S, end + LATE_S]
}

fn within(spans: &[Span], at: f64) -> bool {
    spans.iter().any(|[start, end]| (*start..=*end).contains(&at))
}

/// Told of the driver's closed eyes, and to be heard.
fn is_closing(change: &Change) -> bool {
    let closing = matches!(change.state, State::Microsleep | State::Asleep | State::Unresponsive);
    closing && change.level >= Level::Warning
}

/// Told of the driver's drowsiness, not of where they look or of our sight of them.
fn is_of_sleep(change: &Change) -> bool {
    use State::{Asleep, Drowsy, Microsleep, Tiring, Unresponsive};
    change.level > Level::None
        && matches!(change.state, Tiring | Drowsy | Microsleep | Asleep | Unresponsive)
}

/// A warning of eyes off the road.
fn is_off_road(change: &Change) -> bool {
    change.state == State::EyesOffRoad && change.level >= Level::Warning
}

/// Whether a closure was found.
fn closure(told: &Told, [start, end]: Span) -> Closure {
    let missed = Closure { start, end, found: false, after_s: None };
    let running = told.changes.iter().take_while(|change| change.at < start).last();
    if running.is_some_and(is_closing) {
        let mut after = told.changes.iter().filter(|change| change.at >= start);
        let ended = after.find(|change| !is_closing(change)).map_or(told.to, |change| change.at);
        if ended > start + BORDER_S {
            return Closure { found: true, ..missed };
        }
    }
    let mut during =
        told.changes.iter().filter(|change| (start..=end + LATE_S).contains(&change.at));
    match during.find(|change| is_closing(change)) {
        Some(alarm) => Closure { found: true, after_s: Some(alarm.at - start), ..missed },
        None => missed,
    }
}

/// Seconds that were seen outside of the spans, which may overlap.
fn time_outside(told: &Told, spans: &[Span]) -> f64 {
    let mut spans: Vec<Span> = spans.iter().chain(&told.gaps).copied().collect();
    spans.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let (mut outside, mut until) = (0.0, told.from);
    for [start, end] in spans {
        outside += (start.min(told.to) - until).max(0.0);
        until = until.max(end);
    }
    outside + (told.to - until).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Judgement;

    use Level::{Advisory, Critical, None as Quiet, Warning};

    /// 60 s at 10 frames a second; what is told from each of these times on.
    fn told(said: &[(f64, State, Level, u32)]) -> Told {
        let mut told = Told::by("test");
        for frame in 0..=600 {
            let at = f64::from(frame) / 10.0;
            let now = said.iter().take_while(|(from, ..)| *from <= at + 1e-9).last();
            let (_, state, level, yawns) = *now.unwrap_or(&(0.0, State::Awake, Quiet, 0));
            told.add(&Judgement { at, state, level, yawns, ..Judgement::default() });
        }
        told
    }

    fn truth(closures: &[Span]) -> FilmTruth {
        FilmTruth { file: "a.mp4".into(), closures: closures.into(), ..FilmTruth::default() }
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6
    }

    #[test]
    fn a_closure_is_found_by_its_first_alarm_and_the_delay_counts_from_shut() {
        let said = [
            (11.0, State::Microsleep, Quiet, 0),
            (11.5, State::Microsleep, Critical, 0),
            (13.0, State::Asleep, Critical, 0),
            (14.5, State::Awake, Quiet, 0),
        ];
        let counted = count(&truth(&[[10.0, 14.0]]), &told(&said));
        let [closure] = counted.closures[..] else { panic!("{counted:?}") };
        assert!(closure.found && near(closure.after_s.unwrap(), 1.5), "{closure:?}");
        assert!(counted.needless.is_empty());
        assert!(near(counted.awake_s, 60.0 - 4.0 - BORDER_S - LATE_S), "{}", counted.awake_s);
    }

    #[test]
    fn each_of_two_closures_needs_its_own_alarm() {
        let said = [(21.5, State::Asleep, Critical, 0), (23.0, State::Awake, Quiet, 0)];
        let counted = count(&truth(&[[10.0, 12.0], [20.0, 22.0]]), &told(&said));
        let found: Vec<_> = counted.closures.iter().map(|closure| closure.found).collect();
        assert_eq!(found, [false, true]);
        // One that is told a second after its end is found, later not; then it is needless.
        for (at, found) in [(12.9, true), (13.2, false)] {
            let said = [(at, State::Asleep, Critical, 0), (at + 1.0, State::Awake, Quiet, 0)];
            let counted = count(&truth(&[[10.0, 12.0]]), &told(&said));
            assert_eq!(counted.closures[0].found, found, "{at}");
            assert_eq!(counted.needless.len(), usize::from(!found), "{at}");
        }
    }

    #[test]
    fn an_alarm_that_goes_on_finds_the_next_closure_without_a_delay() {
        for (end, found) in [(12.6, true), (12.1, false)] {
            let said = [(11.5, State::Asleep, Critical, 0), (end, State::Awake, Quiet, 0)];
            let counted = count(&truth(&[[10.0, 11.8], [12.0, 13.0]]), &told(&said));
            let second = counted.closures[1];
            assert_eq!((second.found, second.after_s), (found, None), "until {end}");
        }
    }

    #[test]
    fn only_alarms_for_closed_eyes_find_closures() {
        for said in [
            (11.0, State::Drowsy, Warning, 0),
            (11.0, State::Microsleep, Advisory, 0),
            (11.0, State::EyesUnreadable, Warning, 0),
        ] {
            let counted = count(&truth(&[[10.0, 12.0]]), &told(&[said]));
            assert!(!counted.closures[0].found, "{said:?}");
        }
    }

    #[test]
    fn what_is_told_in_time_awake_is_needless_and_in_doubt_it_is_not() {
        let doubtful = FilmTruth { uncertain: vec![[30.0, 35.0]], ..truth(&[]) };
        let said = [
            (5.0, State::Tiring, Advisory, 0),
            (6.0, State::Drowsy, Warning, 0),
            (7.0, State::Asleep, Critical, 0),
            (8.0, State::Drowsy, Warning, 0),
            (9.0, State::Awake, Quiet, 0),
            (33.0, State::Asleep, Critical, 0),
            (34.0, State::Awake, Quiet, 0),
        ];
        let counted = count(&doubtful, &told(&said));
        let levels: Vec<_> = counted.needless.iter().map(|alarm| alarm.level).collect();
        assert_eq!(levels, [Advisory, Warning, Critical], "each rise once, no fall");
        assert!(near(counted.awake_s, 60.0 - 5.0 - BORDER_S - LATE_S), "{}", counted.awake_s);
        // An alarm that begins in doubt and goes on in time awake is none that begins there.
        let long = [(34.0, State::Asleep, Critical, 0), (50.0, State::Awake, Quiet, 0)];
        assert!(count(&doubtful, &told(&long)).needless.is_empty());
    }

    #[test]
    fn what_is_told_of_something_else_counts_apart_and_only_unexplained() {
        let said = [
            (11.0, State::EyesUnreadable, Warning, 0),
            (15.0, State::Awake, Quiet, 0),
            (40.0, State::EyesUnreadable, Warning, 0),
            (41.0, State::Drowsy, Warning, 0),
            (42.0, State::Awake, Quiet, 0),
        ];
        let looks = FilmTruth { looking_down: vec![[8.0, 14.0]], ..truth(&[]) };
        let counted = count(&looks, &told(&said));
        assert_eq!(counted.other.iter().map(|alarm| alarm.at).collect::<Vec<_>>(), [40.0]);
        assert_eq!(counted.needless.iter().map(|alarm| alarm.at).collect::<Vec<_>>(), [41.0]);
    }

    #[test]
    fn a_warning_of_eyes_off_the_road_is_needless_where_they_are_on_it() {
        let said = [
            (11.0, State::EyesOffRoad, Warning, 0),
            (15.0, State::Awake, Quiet, 0),
            (40.0, State::EyesOffRoad, Advisory, 0),
            (41.0, State::EyesOffRoad, Warning, 0),
            (42.0, State::Awake, Quiet, 0),
        ];
        let looks = FilmTruth { looking_away: vec![[8.0, 14.0]], ..truth(&[]) };
        let counted = count(&looks, &told(&said));
        assert_eq!(counted.needless.iter().map(|alarm| alarm.at).collect::<Vec<_>>(), [41.0]);
        assert_eq!(counted.other.iter().map(|alarm| alarm.at).collect::<Vec<_>>(), [40.0]);
    }

    #[test]
    fn a_film_without_time_awake_has_none_of_it() {
        let said = [(2.0, State::Asleep, Critical, 0)];
        let all = count(&truth(&[[0.0, 60.0]]), &told(&said));
        assert_eq!((all.awake_s, all.needless.len()), (0.0, 0));
        let hardly = FilmTruth { confidence: Confidence::Low, ..truth(&[[10.0, 12.0]]) };
        let counted = count(&hardly, &told(&said));
        assert!(!counted.eyes_read && counted.awake_s == 0.0 && counted.needless.is_empty());
        assert_eq!(counted.closures.len(), 1);
        let nothing = count(&truth(&[]), &Told::by("test"));
        assert_eq!((nothing.awake_s, nothing.yawnless_s), (0.0, 0.0));
    }

    #[test]
    fn yawns_are_found_once_and_what_is_too_much_is_false() {
        let film = FilmTruth {
            yawns: vec![[30.0, 34.0], [10.0, 14.0]],
            uncertain: vec![[50.0, 52.0]],
            ..truth(&[])
        };
        let quiet = |at: f64, yawns: u32| (at, State::Awake, Quiet, yawns);
        // In the first yawn twice, in neither, and in doubt.
        let said = [quiet(12.5, 1), quiet(13.5, 2), quiet(20.0, 3), quiet(51.0, 4)];
        let counted = count(&film, &told(&said));
        assert_eq!((counted.yawns, counted.yawns_found), (2, 1));
        assert_eq!(counted.false_yawns, [13.5, 20.0]);
        let outside = 60.0 - 10.0 - 3.0 * (BORDER_S + LATE_S);
        assert!(near(counted.yawnless_s, outside), "{}", counted.yawnless_s);
    }

    #[test]
    fn time_without_frames_is_no_time_awake() {
        let mut told = Told::by("test");
        for at in [0.0, 0.4, 10.4, 10.8] {
            told.add(&Judgement { at, ..Judgement::default() });
        }
        assert!(near(count(&truth(&[]), &told).awake_s, 10.8 - 9.5));
    }
}
