//! Words of the metrics screen.

use std::path::Path;

use crate::evaluate::bootstrap::Estimate;

/// Heading of what is measured.
pub const SETUP: &str = "What to measure";
/// Chooses the data.
pub const DATA: &str = "Labelled set";
/// No data yet.
pub const NO_DATA: &str = "A list of pictures or videos: file,label,subject (.csv), or a folder.";
/// Chooses the data.
pub const CHOOSE_DATA: &str = "Choose a labelled set";
/// Chooses the first model.
pub const MODEL: &str = "Model";
/// Chooses the second model.
pub const SECOND: &str = "Compare with";
/// Chooses a model.
pub const CHOOSE_MODEL: &str = "Choose a model";
/// Chooses a second model.
pub const CHOOSE_SECOND: &str = "Choose a second model";
/// The model that is built in or promoted.
pub const BUILT_IN: &str = "The one in use";
/// No second model.
pub const NO_SECOND: &str = "Nothing";
/// Takes the second model away.
pub const REMOVE: &str = "Remove";
/// Begins.
pub const MEASURE: &str = "Measure";
/// Gives up.
pub const CANCEL: &str = "Cancel";
/// Was given up.
pub const CANCELLED: &str = "The measurement was cancelled.";
/// Exports the report.
pub const EXPORT: &str = "Export the report";
/// Below the export.
pub const EXPORT_SAYS: &str = "Figures and curves only; pictures are never exported.";
/// While nothing is measured.
pub const NOTHING: &str = "No figures yet";
/// What to do then.
pub const NOTHING_SAYS: &str = "Choose a labelled set and press Measure. \
    The figures come with 95 % intervals over people; a slider moves the threshold.";
/// While it runs.
pub const RUNNING: &str = "Measuring";
/// Names the choice of the question.
pub const QUESTION: &str = "Question and model";
/// Names the slider.
pub const THRESHOLD: &str = "Threshold";
/// Back to the model's own.
pub const OWN_THRESHOLD: &str = "The model's own";
/// Heading of the figures.
pub const FIGURES: &str = "Figures";
/// Heading of the counts.
pub const CONFUSION: &str = "Truth against answer";
/// Heading of the curve.
pub const ROC: &str = "Found over false alarms (ROC)";
/// Heading of the curve.
pub const PRECISION: &str = "Precision over recall";
/// Heading of the curve.
pub const CALIBRATION: &str = "Came true over promised";
/// Heading of the rows by condition.
pub const CONDITIONS: &str = "By condition";
/// There is none.
pub const NO_CONDITIONS: &str = "The set tells of no condition that differs.";
/// Heading of the people.
pub const PEOPLE: &str = "People with most wrong answers";
/// Everything is right.
pub const NOBODY: &str = "Nobody was judged wrongly.";
/// Heading of the worst pictures.
pub const WORST: &str = "Judged worst";
/// Below it.
pub const WORST_SAYS: &str = "Shown here only, never exported.";
/// None is wrong.
pub const NO_WORST: &str = "No picture was judged wrongly.";
/// Heading of the comparison.
pub const DIFFERENCE: &str = "Second model less the first";
/// How to read it.
pub const DIFFERENCE_SAYS: &str = "An interval without 0 holds for other people, too.";
/// No picture can be read.
pub const NO_PICTURE: &str = "not readable";
/// Nothing was seen in it.
pub const MISSED: &str = "no face found";

/// How far it is.
pub fn progress(done: u64, of: u64) -> String {
    match of {
        0 => "The models are being loaded".into(),
        _ => format!("{done} of {of}"),
    }
}

/// A figure with its interval.
pub fn estimate(estimate: &Estimate) -> (String, String) {
    let number = |value: f64| format!("{value:.3}");
    let value = estimate.value.map_or_else(|| super::watch::NONE.into(), number);
    let interval = estimate.low.zip(estimate.high);
    let interval = interval.map(|(low, high)| format!("{low:.3} to {high:.3}"));
    (value, interval.unwrap_or_default())
}

/// How much was judged.
pub fn counted(n: usize, missed: usize, subjects: usize) -> String {
    format!("{n} answers, {subjects} people, {missed} without a face")
}

/// A person's wrong answers.
pub fn person(who: &str, all: usize, wrong: usize) -> String {
    format!("{who}: {wrong} of {all}")
}

/// One of the worst.
pub fn worst(truth: &str, probability: Option<f64>) -> String {
    match probability {
        Some(p) => format!("{truth}, drowsy {}", super::percent(p as f32)),
        None => format!("{truth}, {MISSED}"),
    }
}

/// The report was written.
pub fn written(folder: &Path) -> String {
    format!("The report was written to {}.", folder.display())
}

/// A share on an axis.
pub fn axis(share: f64) -> String {
    format!("{share:.1}")
}

/// A curve in words.
pub fn chart(title: &str, here: Option<[f64; 2]>) -> String {
    match here {
        Some([x, y]) => format!("{title}: at the threshold {y:.2} over {x:.2}"),
        None => title.into(),
    }
}

/// A column of the counts.
pub fn called(class: &str) -> String {
    format!("called {class}")
}

/// The counts in words.
pub fn confusion(classes: &[String], counts: &[Vec<u64>]) -> String {
    let mut said = Vec::new();
    for (truth, line) in classes.iter().zip(counts) {
        for (answer, count) in classes.iter().zip(line) {
            said.push(format!("{count} {truth} called {answer}"));
        }
    }
    said.join(", ")
}

/// A question and who answers it.
pub fn question(question: &str, model: &str) -> String {
    format!("{question} · {model}")
}
