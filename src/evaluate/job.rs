//! A measurement in the background, for whoever must not wait: with progress, a way to
//! give it up, and figures that follow a threshold as it is moved. One core is left to
//! what else runs.

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
};

use image::{RgbImage, imageops};

use super::{
    bootstrap::Bootstrap,
    measure::{Measure, Measured},
    task::{Answer, Row, Task},
};
use crate::{
    background::{Background, NoThread, Waker, apart},
    source::images::load_image,
};

/// Side of the pictures that were judged worst, pixels.
const THUMBNAIL_PX: u32 = 144;
/// So many pictures that were judged worst are read.
pub(crate) const WORST: usize = 12;
/// Different values of a condition that become rows.
const MOST_VALUES: usize = 40;

/// Begins a measurement in the background.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn start(measure: Measure, waker: Waker) -> Result<Background<Measured>, NoThread> {
    let stop = measure.stop.clone();
    Background::start("measurement", stop, waker, move |progress| measure.run(progress))
}

/// Figures at one threshold: of everything, and by each condition.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    /// The threshold.
    pub threshold: f64,
    /// Of all answers.
    pub all: Row,
    /// By each value of each condition.
    pub by: Vec<Row>,
    /// People with the most wrong answers: who, answers, wrong ones.
    pub people: Vec<(String, usize, usize)>,
}

/// Makes the figures of `task` at a threshold on a thread of its own: first without their
/// intervals, then with them.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn figures(
    task: &Arc<Task>,
    threshold: f64,
    bootstrap: Bootstrap,
    waker: Waker,
) -> Result<Receiver<Figures>, NoThread> {
    let (out, figures) = sync_channel(2);
    let task = task.clone();
    apart("figures", move || {
        let moved = Task { threshold, answers: task.answers.clone(), ..task.bare() };
        for bootstrap in [Bootstrap { draws: 0, ..bootstrap }, bootstrap] {
            // Whoever asked may want another threshold by now.
            if out.try_send(at(&moved, &bootstrap)).is_err() {
                return;
            }
            waker();
        }
    })?;
    Ok(figures)
}

fn at(task: &Task, bootstrap: &Bootstrap) -> Figures {
    let mut values: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut people: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for answer in &task.answers {
        for (column, value) in &answer.conditions {
            *values.entry((column, value)).or_default() += 1;
        }
        let (all, wrong) = people.entry(&answer.subject).or_default();
        *all += 1;
        *wrong += usize::from(task.called(answer) != answer.truth);
    }
    let kinds = |column: &str| values.keys().filter(|(known, _)| *known == column).count();
    let by = values
        .keys()
        .filter(|(column, _)| (2..=MOST_VALUES).contains(&kinds(column)))
        .map(|(column, value)| {
            let chosen = task.only(|a| a.conditions.get(*column).is_some_and(|v| v == value));
            chosen.row(column, value, bootstrap)
        })
        .collect();
    let mut people: Vec<_> =
        people.into_iter().map(|(who, (all, wrong))| (who.to_owned(), all, wrong)).collect();
    people.sort_by(|a, b| b.2.cmp(&a.2).then(a.0.cmp(&b.0)));
    Figures { threshold: task.threshold, all: task.row("all", "all", bootstrap), by, people }
}

/// A picture that was judged wrongly, small.
pub(crate) struct Worst {
    /// The answer.
    pub answer: Answer,
    /// The probability of the second class, where anything was seen.
    pub probability: Option<f64>,
    /// The picture; `None` where it cannot be read.
    pub picture: Option<Arc<RgbImage>>,
}

/// The answers that lie furthest from the truth, worst first.
pub(crate) fn worst(task: &Task) -> Vec<&Answer> {
    let off = |answer: &&Answer| {
        let p = answer.probabilities.as_ref().and_then(|p| p.get(1)).copied().unwrap_or(0.0);
        (answer.truth as f64 - p).abs()
    };
    let mut worst: Vec<&Answer> = task.answers.iter().filter(|a| off(a) > 0.5).collect();
    worst.sort_by(|a, b| off(b).partial_cmp(&off(a)).unwrap_or(Ordering::Equal));
    worst.truncate(WORST);
    worst
}

/// Reads the pictures that were judged worst, on a thread of its own, one after the other.
/// They are shown and forgotten; nothing is written.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn worst_pictures(
    task: &Arc<Task>,
    list: &Path,
    waker: Waker,
) -> Result<Receiver<Worst>, NoThread> {
    let (out, found) = sync_channel(WORST);
    let (task, root): (_, PathBuf) = (task.clone(), super::pictures::root(list).into());
    apart("worst", move || {
        for answer in worst(&task) {
            let picture = load_image(&root.join(&answer.item)).ok();
            let small = picture.map(|picture| {
                let (width, height) = picture.dimensions();
                let scale = f64::from(THUMBNAIL_PX) / f64::from(width.max(height).max(1));
                let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
                Arc::new(imageops::thumbnail(&picture, side(width), side(height)))
            });
            let probability = answer.probabilities.as_ref().and_then(|p| p.get(1)).copied();
            let worst = Worst { answer: answer.clone(), probability, picture: small };
            if out.try_send(worst).is_err() {
                return;
            }
            waker();
        }
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::task::tests::task;

    #[test]
    fn figures_follow_the_threshold_and_get_their_intervals_later() {
        let task = Arc::new(task("a", 10));
        let bootstrap = Bootstrap { draws: 50, seed: 1 };
        let waker: Waker = Arc::new(|| {});
        let found: Vec<Figures> =
            figures(&task, 0.5, bootstrap, waker.clone()).unwrap().iter().collect();
        assert_eq!(found.len(), 2);
        let accuracy = |figures: &Figures| figures.all.figures["accuracy"];
        assert_eq!(accuracy(&found[0]).value, task.figure("accuracy"));
        assert!(accuracy(&found[0]).low.is_none() && accuracy(&found[1]).low.is_some());
        assert_eq!(found[1].by.iter().map(|row| row.n).sum::<usize>(), 80, "day and night");
        let wrong: usize = found[1].people.iter().map(|(_, _, wrong)| wrong).sum();
        let right = accuracy(&found[1]).value.unwrap() * 80.0;
        assert_eq!(wrong, 80 - right.round() as usize);
        let never = figures(&task, 1.1, bootstrap, waker).unwrap().recv().unwrap();
        assert_eq!(never.all.figures["recall"].value, Some(0.0));
    }

    #[test]
    fn the_worst_are_wrong_and_the_surest_come_first() {
        let task = task("a", 10);
        let worst = worst(&task);
        assert!(!worst.is_empty() && worst.len() <= WORST);
        let off = |a: &Answer| (a.truth as f64 - a.probabilities.as_ref().unwrap()[1]).abs();
        assert!(worst.iter().all(|answer| off(answer) > 0.5));
        assert!(worst.windows(2).all(|pair| off(pair[0]) >= off(pair[1])));
    }
}
