//! The results as the tables of docs/experiments.md: one row a variant, the mean over its seeds
//! and, where there are several, half the distance between the best and the worst.

use serde_json::Value;

/// A column: its title, where its figure stands in a line of the results, and its decimals.
type Column = (&'static str, &'static [&'static str], usize);

const STUDY: [Column; 12] = [
    ("YawDD AUC", &["held", "auc_yawdd"], 3),
    ("balanced", &["held", "balanced_accuracy_yawdd"], 3),
    ("eyes AUC", &["held", "auc_eyes"], 3),
    ("balanced", &["held", "balanced_accuracy_eyes"], 3),
    ("HELEN AUC", &["held", "auc_helen"], 3),
    ("YouTube AUC", &["held", "auc_ytfaces"], 3),
    ("calibration error", &["held", "calibration_error_trusted"], 3),
    ("covered, AUC lost", &["covered", "auc_lost"], 3),
    ("lids drawn, AUC", &["lids", "auc"], 3),
    ("collection told", &["collection_told"], 2),
    ("weights, 1000", &["parameters"], 0),
    ("ms a crop", &["ms_one_crop"], 2),
];

/// Figures of single heads, for the second table.
const HEADS: [Column; 9] = [
    ("YawDD: two classes", &["heads", "two_classes", "yawdd"], 3),
    ("signs", &["heads", "signs", "yawdd"], 3),
    ("both", &["heads", "both", "yawdd"], 3),
    ("eyes: two classes", &["heads", "two_classes", "eyes"], 3),
    ("signs", &["heads", "signs", "eyes"], 3),
    ("both", &["heads", "both", "eyes"], 3),
    ("HELEN: two classes", &["heads", "two_classes", "helen"], 3),
    ("signs", &["heads", "signs", "helen"], 3),
    ("both", &["heads", "both", "helen"], 3),
];

/// The tables of `results`, as Markdown.
pub(crate) fn markdown(results: &[Value]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in results.iter().filter(|line| line["pooled"].is_null()).filter_map(name) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let rows = |columns: &[Column]| -> String {
        names.iter().map(|name| row(name, &of(results, name), columns)).collect()
    };
    let mut page = head("variant (seeds)", STUDY.map(|column| column.0));
    page += &rows(&STUDY);
    page += "\n";
    page += &head("variant (seeds)", HEADS.map(|column| column.0));
    page += &rows(&HEADS);
    for name in names {
        page += &conditions(name, &of(results, name));
    }
    page
}

fn name(line: &Value) -> Option<&str> {
    line["variant"].as_str()
}

fn of<'r>(results: &'r [Value], wanted: &str) -> Vec<&'r Value> {
    results.iter().filter(|line| name(line) == Some(wanted)).collect()
}

fn head<const N: usize>(first: &str, titles: [&str; N]) -> String {
    format!("| {first} | {} |\n|---|{}\n", titles.join(" | "), "---|".repeat(N))
}

fn row(name: &str, lines: &[&Value], columns: &[Column]) -> String {
    let cells: Vec<String> = columns.iter().map(|column| cell(lines, column.1, column.2)).collect();
    format!("| {name} ({}) | {} |\n", lines.len(), cells.join(" | "))
}

fn cell(lines: &[&Value], path: &[&str], decimals: usize) -> String {
    let at = |line: &&Value| path.iter().try_fold(*line, |at, key| at.get(key))?.as_f64();
    let mut values: Vec<f64> = lines.iter().filter_map(at).collect();
    if path == ["parameters"] {
        values.iter_mut().for_each(|value| *value /= 1e3);
    }
    if values.is_empty() {
        return "–".into();
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let (low, high) =
        values.iter().fold((f64::MAX, f64::MIN), |(l, h), value| (l.min(*value), h.max(*value)));
    let half = (high - low) / 2.0;
    match half * 10f64.powi(decimals as i32) >= 0.5 {
        true => format!("{mean:.decimals$} ±{half:.decimals$}"),
        false => format!("{mean:.decimals$}"),
    }
}

/// The conditions of one variant, with what each costs.
fn conditions(name: &str, lines: &[&Value]) -> String {
    let Some(Value::Object(first)) = lines.first().map(|line| &line["conditions"]) else {
        return String::new();
    };
    let mut page = format!("\n{name}:\n\n");
    page += &head("condition", ["AUC", "lost", "balanced accuracy", "YawDD", "eyes", "HELEN"]);
    let mut add = |title: &str, path: &[&str]| {
        let keys = ["auc", "auc_lost", "balanced_accuracy", "auc_yawdd", "auc_eyes", "auc_helen"];
        let cells = keys.map(|key| cell(lines, &[path, &[key]].concat(), 3));
        page += &format!("| {title} | {} |\n", cells.join(" | "));
    };
    add("as they are", &["as_they_are"]);
    for condition in first.keys() {
        add(condition, &["conditions", condition]);
    }
    add("a third to half covered, eyes visible", &["covered"]);
    page
}
