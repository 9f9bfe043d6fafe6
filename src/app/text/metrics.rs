//! Words of the metrics screen.

use std::path::Path;

use crate::evaluate::{bootstrap::Estimate, films::FilmRow};

/// Heading of what is measured.
pub(crate) const SETUP: &str = "What to measure";
/// Chooses the data.
pub(crate) const DATA: &str = "Labelled set";
/// No data yet.
pub(crate) const NO_DATA: &str =
    "A list of pictures or videos: file,label,subject (.csv), or a folder.";
/// Chooses the data.
pub(crate) const CHOOSE_DATA: &str = "Choose a labelled set";
/// Chooses the first model.
pub(crate) const MODEL: &str = "Model";
/// Chooses the second model.
pub(crate) const SECOND: &str = "Compare with";
/// Chooses a model.
pub(crate) const CHOOSE_MODEL: &str = "Choose a model";
/// Chooses a second model.
pub(crate) const CHOOSE_SECOND: &str = "Choose a second model";
/// The model that is built in or promoted.
pub(crate) const BUILT_IN: &str = "The one in use";
/// No second model.
pub(crate) const NO_SECOND: &str = "Nothing";
/// Takes the second model away.
pub(crate) const REMOVE: &str = "Remove";
/// Begins.
pub(crate) const MEASURE: &str = "Measure";
/// Gives up.
pub(crate) const CANCEL: &str = "Cancel";
/// Was given up.
pub(crate) const CANCELLED: &str = "The measurement was cancelled.";
/// Exports the report.
pub(crate) const EXPORT: &str = "Export the report";
/// Below the export.
pub(crate) const EXPORT_SAYS: &str = "Figures and curves only; pictures are never exported.";
/// While nothing is measured.
pub(crate) const NOTHING: &str = "No figures yet";
/// What to do then.
pub(crate) const NOTHING_SAYS: &str = "Choose a labelled set and press Measure. \
    The figures come with 95 % intervals over people; a slider moves the threshold.";
/// While it runs.
pub(crate) const RUNNING: &str = "Measuring";
/// Names the choice of the question.
pub(crate) const QUESTION: &str = "Question and model";
/// Names the slider.
pub(crate) const THRESHOLD: &str = "Threshold";
/// Back to the model's own.
pub(crate) const OWN_THRESHOLD: &str = "The model's own";
/// Heading of the figures.
pub(crate) const FIGURES: &str = "Figures";
/// Heading of the counts.
pub(crate) const CONFUSION: &str = "Confusion matrix";
/// Heading of the curve.
pub(crate) const ROC: &str = "ROC: true over false positive rate";
/// Heading of the curve.
pub(crate) const PRECISION: &str = "Precision over recall";
/// Heading of the curve.
pub(crate) const CALIBRATION: &str = "Calibration: true share over probability";
/// Heading of the rows by condition.
pub(crate) const CONDITIONS: &str = "By condition";
/// There is none.
pub(crate) const NO_CONDITIONS: &str = "All pictures share the same conditions.";
/// Heading of the people.
pub(crate) const PEOPLE: &str = "People with most wrong answers";
/// Everything is right.
pub(crate) const NOBODY: &str = "Nobody was judged wrongly.";
/// Heading of the worst pictures.
pub(crate) const WORST: &str = "Worst mistakes";
/// Below it.
pub(crate) const WORST_SAYS: &str = "Shown here only, never exported.";
/// None is wrong.
pub(crate) const NO_WORST: &str = "No picture was judged wrongly.";
/// Heading of the comparison.
pub(crate) const DIFFERENCE: &str = "Second model less the first";
/// How to read it.
pub(crate) const DIFFERENCE_SAYS: &str = "An interval without 0 holds for other people, too.";
/// Heading of the table of people and conditions of films.
pub(crate) const BY_PERSON: &str = "Films by person and condition";
/// What is wrong with the films, and which were not judged.
pub(crate) const FILM_PROBLEMS: &str = "Not judged, or with a remark";
/// Column: films.
pub(crate) const FILMS: &str = "films";
/// Columns: closures found, of 1, 2 and 3 s and more.
pub(crate) const FOUND: [&str; 3] =
    ["found, 1 s and more", "found, 2 s and more", "found, 3 s and more"];
/// Column: yawns found.
pub(crate) const YAWNS: &str = "yawns found";
/// Column: the median delay of closures of 2 s and more.
pub(crate) const DELAY: &str = "delay at 2 s and more, s";
/// Column: needless advisories.
pub(crate) const ADVISORIES: &str = "needless advisories an hour";
/// Column: needless warnings.
pub(crate) const WARNINGS: &str = "needless warnings an hour";
/// Column: needless criticals.
pub(crate) const CRITICALS: &str = "needless criticals an hour";
/// Column: false yawns.
pub(crate) const FALSE_YAWNS: &str = "false yawns an hour";
/// No picture can be read.
pub(crate) const NO_PICTURE: &str = "not readable";
/// Nothing was seen in it.
pub(crate) const MISSED: &str = "no face found";

/// How far it is.
pub(crate) fn progress(done: u64, of: u64) -> String {
    match of {
        0 => "The models are being loaded".into(),
        _ => format!("{done} of {of}"),
    }
}

/// A figure with its interval.
pub(crate) fn estimate(estimate: &Estimate) -> (String, String) {
    with_interval(estimate, &|value| format!("{value:.3}"))
}

/// The same, written by `number`.
pub(crate) fn with_interval(
    estimate: &Estimate,
    number: &dyn Fn(f64) -> String,
) -> (String, String) {
    let value = estimate.value.map_or_else(|| super::watch::NONE.into(), number);
    let interval = estimate.low.zip(estimate.high);
    let interval = interval.map(|(low, high)| format!("{} to {}", number(low), number(high)));
    (value, interval.unwrap_or_default())
}

/// How much was judged.
pub(crate) fn counted(n: usize, missed: usize, subjects: usize) -> String {
    format!("{n} answers, {subjects} people, {missed} without a face")
}

/// Heading of films and who judged them.
pub(crate) fn films(who: &str) -> String {
    format!("Films: {who}")
}

/// Heading of two who judged the same films.
pub(crate) fn films_compared(second: &str, first: &str) -> String {
    format!("Films: {second} less {first}")
}

/// How much of films was judged.
pub(crate) fn films_counted(row: &FilmRow) -> String {
    let minutes = row.counts.awake_s / 60.0;
    let [closures, ..] = row.counts.closures;
    format!(
        "Films: {}. People: {}. Minutes awake: {minutes:.1}. Closures: {closures}. Yawns: {}. \
         An alarm during a closure or within a second after it finds it.",
        row.films, row.subjects, row.counts.yawns
    )
}

/// So many of so many.
pub(crate) fn part_of(part: u64, of: u64) -> String {
    format!("{part} of {of}")
}

/// A figure of the first and of the second.
pub(crate) fn from_to(first: &str, second: &str) -> String {
    format!("{first} to {second}")
}

/// What a figure differs by, in words.
pub(crate) fn difference_of(title: &str, less: &str) -> String {
    format!("{title}, difference: {less}")
}

/// A person's wrong answers.
pub(crate) fn person(who: &str, all: usize, wrong: usize) -> String {
    format!("{who}: {wrong} of {all}")
}

/// One of the worst.
pub(crate) fn worst(truth: &str, probability: Option<f64>) -> String {
    match probability {
        Some(p) => format!("{truth}, drowsy {}", super::percent(p as f32)),
        None => format!("{truth}, {MISSED}"),
    }
}

/// The report was written.
pub(crate) fn written(folder: &Path) -> String {
    format!("The report was written to {}.", folder.display())
}

/// A share on an axis.
pub(crate) fn axis(share: f64) -> String {
    format!("{share:.1}")
}

/// A curve in words.
pub(crate) fn chart(title: &str, here: Option<[f64; 2]>) -> String {
    match here {
        Some([x, y]) => format!("{title}: at the threshold {y:.2} over {x:.2}"),
        None => title.into(),
    }
}

/// A column of the counts.
pub(crate) fn called(class: &str) -> String {
    format!("called {class}")
}

/// The counts in words.
pub(crate) fn confusion(classes: &[String], counts: &[Vec<u64>]) -> String {
    let mut said = Vec::new();
    for (truth, line) in classes.iter().zip(counts) {
        for (answer, count) in classes.iter().zip(line) {
            said.push(format!("{count} {truth} called {answer}"));
        }
    }
    said.join(", ")
}

/// A question and who answers it.
pub(crate) fn question(question: &str, model: &str) -> String {
    format!("{question} · {model}")
}
