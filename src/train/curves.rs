//! Learning curves, drawn from the log of a run: the loss while learning, and the figures
//! of the validations.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;

use super::{TrainError, write_png};
use crate::chart::{self, Panel, Series};

/// Size of a panel in pixels.
const PANEL_PX: (u32, u32) = (960, 400);
/// Lines that a panel can hold before they hide each other.
const MOST_LINES: usize = 7;

/// A line of the log; other fields, and lines without a loss, do not matter here.
#[derive(Deserialize)]
struct Line {
    step: f64,
    loss: Option<f64>,
    validation: Option<BTreeMap<String, f64>>,
}

/// Draws the curves of `log` into the picture `out`.
///
/// # Errors
/// When the log cannot be read or the picture not be written.
pub(super) fn draw(log: &Path, out: &Path) -> Result<(), TrainError> {
    let text = fs::read_to_string(log).map_err(TrainError::io(log, "read"))?;
    write_png(&chart::draw(&panels(&text), PANEL_PX.0, PANEL_PX.1), out)
}

/// The loss while learning, and the figures of the validations.
pub(super) fn panels(log: &str) -> [Panel; 2] {
    let lines: Vec<Line> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let losses = lines.iter().filter_map(|line| Some((line.step, line.loss?))).collect();
    let mut figures: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for line in &lines {
        for (name, value) in line.validation.iter().flatten() {
            figures.entry(name).or_default().push((line.step, *value));
        }
    }
    // What checkpoints are chosen by: areas under the curve, errors of points or of pixels.
    let kinds: [fn(&str) -> bool; 3] = [
        |name| name.starts_with("auc_"),
        |name| name.starts_with("error_"),
        |name| name.ends_with("_mse"),
    ];
    let wanted = kinds.into_iter().find(|kind| figures.keys().any(|name| kind(name)));
    let series = figures.into_iter().filter(|(name, _)| wanted.is_some_and(|wanted| wanted(name)));
    let series = series.map(|(name, points)| Series { name: words(name), points });
    let panel = |title: &str, series: Vec<Series>| Panel {
        title: title.into(),
        x_label: "step".into(),
        series,
    };
    [
        panel("While learning", vec![Series { name: "loss".into(), points: losses }]),
        panel("On crops that were held out", series.take(MOST_LINES).collect()),
    ]
}

/// `auc_yawdd` as people write it.
fn words(name: &str) -> String {
    match name {
        "validation_mse" => "squared error".into(),
        "patch_mean_mse" => "of each patch's own mean".into(),
        "mean_face_mse" => "of the mean face".into(),
        _ => match (name.strip_prefix("auc_"), name.strip_prefix("error_")) {
            (Some(group), _) => format!("AUC {group}"),
            (_, Some(condition)) => format!("error, {condition}"),
            _ => name.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_hold_every_line_of_the_log_and_the_figures_that_count() {
        let log = concat!(
            "{\"started\":\"new\",\"step\":0}\n",
            "{\"step\":5,\"loss\":2.0}\n",
            "{\"step\":10,\"loss\":1.0,\"validation\":{\"auc_car\":0.9,\"f1_car\":0.5}}\n",
            "{\"st"
        );
        let [learning, held] = panels(log);
        assert_eq!(learning.series[0].points, [(5.0, 2.0), (10.0, 1.0)]);
        let names: Vec<_> = held.series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(names, ["AUC car"]);
        assert_eq!(held.series[0].points, [(10.0, 0.9)]);
    }
}
