//! Words of the training screen.

use std::{collections::BTreeMap, io, path::Path};

use crate::train::{Step, job::What};

/// Heading of what is trained.
pub(crate) const SETUP: &str = "What to train";
/// Takes the settings that made the shipped model.
pub(crate) const SHIPPED: &str = "As shipped";
/// Takes the settings of a file.
pub(crate) const FROM_FILE: &str = "Settings from a file";
/// Names the field of the settings.
pub(crate) const SETTINGS: &str = "Settings as TOML";
/// Begins.
pub(crate) const START: &str = "Start";
/// Goes on from the last checkpoint.
pub(crate) const RESUME: &str = "Go on";
/// Ends it.
pub(crate) const STOP: &str = "Stop";
/// While it ends.
pub(crate) const STOPPING: &str = "Stopping";
/// While nothing is trained.
pub(crate) const NOTHING: &str = "No training yet";
/// What to do then.
pub(crate) const NOTHING_SAYS: &str = "The settings name the prepared crops and the folder of the run. \
    Press Start; curves and reconstructions appear here while it learns.";
/// Heading of how it stands.
pub(crate) const STANDING: &str = "How it stands";
/// Before the first step.
pub(crate) const LOADING: &str = "The crops are being loaded.";
/// Heading of the picture.
pub(crate) const PICTURE: &str = "What it makes of covered crops";
/// Heading of the lines.
pub(crate) const SAID: &str = "What it says";
/// While there are too few points.
pub(crate) const NO_CURVES: &str = "The curve begins with the second line of the log.";
/// Exports the model.
pub(crate) const EXPORT: &str = "Export the model";
/// Puts it into use.
pub(crate) const PROMOTE: &str = "Put into use";
/// What that does.
pub(crate) const PROMOTE_SAYS: &str =
    "Exports the model and loads it into the running watch; the one before is kept.";
/// The proposed name of the model.
pub(crate) const MODEL_FILE: &str = "model.onnx";

/// Names a training.
pub(crate) fn what(what: What) -> &'static str {
    match what {
        What::Pretrain => "Pretraining",
        What::Finetune => "Fine-tuning",
    }
}

/// What a training is.
pub(crate) fn what_says(what: What) -> &'static str {
    match what {
        What::Pretrain => "The autoencoder learns faces from crops without labels.",
        What::Finetune => "The classifier learns awake and drowsy from labelled crops.",
    }
}

/// Heading of a panel of curves.
pub(crate) fn panel(at: usize) -> &'static str {
    match at {
        0 => "While learning",
        _ => "On crops that were held out",
    }
}

/// What the curves are drawn over.
pub(crate) const STEPS: &str = "steps";

/// The name of a curve, and where it stands.
pub(crate) fn curve(name: &str, last: f64) -> String {
    format!("{name} {last:.3}")
}

/// How far it is.
pub(crate) fn step(step: &Step) -> String {
    let Step { step, steps, loss, crops_per_s } = step;
    format!("step {step} of {steps}, loss {loss:.4}, {crops_per_s:.0} crops a second")
}

/// The figures at its end.
pub(crate) fn figures(figures: &BTreeMap<String, f64>) -> String {
    let each =
        figures.iter().map(|(name, value)| format!("{}: {value:.3}", name.replace('_', " ")));
    format!("It is over. {}", each.collect::<Vec<_>>().join(", "))
}

/// A file that cannot be read.
pub(crate) fn unreadable(path: &Path, why: &io::Error) -> String {
    format!("{} cannot be read ({why}); check the path", path.display())
}

/// A model was exported.
pub(crate) fn exported(file: &Path, promoted: bool) -> String {
    match promoted {
        true => format!("Exported to {} and put into use.", file.display()),
        false => format!("Exported to {}.", file.display()),
    }
}
