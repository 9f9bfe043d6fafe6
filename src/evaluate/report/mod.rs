//! The report of a measurement: one JSON value, the same as tidy CSV, and as one HTML page
//! that needs nothing else. Numbers and drawn curves only, never a picture of a person. No
//! time of day is in it, so that the same measurement gives the same bytes.

mod films;
mod html;
mod parts;
mod svg;

pub(crate) use self::{
    parts::document,
    svg::{dot, label, px},
};

use std::{
    borrow::Cow,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    EvaluateError,
    bootstrap::{Estimate, Paired},
    films::{FilmDifference, FilmReport},
    protocol::{Protocol, TaskReport},
    task::{Difference, FIGURES, Task},
    videos::EventReport,
};
use crate::{
    os::{self, write_whole},
    replay::VideoResult,
};

/// With what and on what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Provenance {
    /// Version of the program.
    pub version: String,
    /// The classifiers.
    pub models: Vec<ModelUsed>,
    /// SHA-256 of the landmark network.
    pub landmarks_digest: String,
    /// What was measured on, as it was named.
    pub data: String,
    /// Digest of names, lengths and edges of its files.
    pub data_digest: String,
    /// How items were held out.
    pub protocol: Protocol,
    /// Draws of the bootstrap.
    pub bootstrap_draws: u32,
    /// Seed of draws, folds and orders.
    pub seed: u64,
    /// The command line.
    pub command: Vec<String>,
}

/// A classifier that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelUsed {
    /// Its name in the report.
    pub name: String,
    /// SHA-256 of its file.
    pub digest: String,
}

/// What is wrong with a video, for the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct VideoProblem {
    /// The video.
    pub video: String,
    /// What kind of problem; `left_out` for a file that was not watched at all.
    pub kind: String,
    /// One sentence.
    pub text: String,
}

/// A whole measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// With what and on what.
    pub provenance: Provenance,
    /// Each question with each model.
    pub tasks: Vec<TaskReport>,
    /// The models side by side.
    pub differences: Vec<Difference>,
    /// Events found and false alarms, of videos.
    pub events: Vec<EventReport>,
    /// Films judged beside their spans: each model by each set of thresholds.
    #[serde(default)]
    pub films: Vec<FilmReport>,
    /// Those side by side.
    #[serde(default)]
    pub film_differences: Vec<FilmDifference>,
    /// What is wrong with the data.
    pub problems: Vec<VideoProblem>,
    /// Videos watched.
    pub videos: usize,
}

/// The problems of a run, in order.
pub(crate) fn problems(
    results: &[VideoResult],
    left_out: &[(String, String)],
) -> Vec<VideoProblem> {
    let of_videos = results.iter().flat_map(|result| {
        result.problems.iter().map(|problem| VideoProblem {
            video: result.video.clone(),
            kind: match serde_json::to_value(problem.kind) {
                Ok(serde_json::Value::String(kind)) => kind,
                _ => String::new(),
            },
            text: problem.text.clone(),
        })
    });
    let left_out = left_out.iter().map(|(video, text)| VideoProblem {
        video: video.clone(),
        kind: "left_out".into(),
        text: text.clone(),
    });
    of_videos.chain(left_out).collect()
}

/// Name of the file with the answers, which a later comparison reads.
const ANSWERS: &str = "answers.json";

impl Report {
    /// Writes `index.html`, `report.json`, `figures.csv`, `answers.csv` and `answers.json`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(crate) fn write(&self, folder: &Path, tasks: &[Task]) -> Result<(), EvaluateError> {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |why: io::Error| EvaluateError::Report { path, why }
        };
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let files: [(&str, io::Result<Vec<u8>>); 5] = [
            ("index.html", Ok(html::page(self).into_bytes())),
            ("report.json", pretty(self)),
            (ANSWERS, pretty(&tasks)),
            ("figures.csv", os::csv(self.figures())),
            ("answers.csv", os::csv(answers(tasks))),
        ];
        for (name, bytes) in files {
            let path = folder.join(name);
            bytes.and_then(|bytes| write_whole(&path, &bytes)).map_err(failed(&path))?;
        }
        Ok(())
    }

    /// One line a figure.
    fn figures(&self) -> Vec<FigureRow<'_>> {
        let mut rows = Vec::new();
        for task in &self.tasks {
            for row in &task.rows {
                let place = FigureRow {
                    task: &task.task,
                    model: task.model.as_str().into(),
                    by: &row.by,
                    row: &row.name,
                    n: row.n,
                    missed: Some(row.missed),
                    subjects: row.subjects,
                    note: &row.note,
                    ..FigureRow::default()
                };
                let of = |key| row.figures.get(key).copied().unwrap_or_default();
                rows.extend(FIGURES.map(|(key, _)| place.with(key, of(key))));
            }
        }
        for less in &self.differences {
            let place = FigureRow { n: less.n, ..FigureRow::less(&less.task, &less.sides) };
            let of = |key| less.sides.difference.get(key).copied().unwrap_or_default();
            rows.extend(FIGURES.map(|(key, _)| place.with(key, of(key))));
        }
        rows.extend(films::figures(self));
        rows
    }
}

/// A figure; the fields are the columns of `figures.csv`.
#[derive(Clone, Default, Serialize)]
struct FigureRow<'r> {
    task: &'r str,
    model: Cow<'r, str>,
    by: &'r str,
    row: &'r str,
    n: usize,
    /// Of answers: how many had no face.
    missed: Option<usize>,
    subjects: usize,
    figure: &'static str,
    value: Option<String>,
    low: Option<String>,
    high: Option<String>,
    note: &'r str,
}

impl<'r> FigureRow<'r> {
    /// The row of what the second has more than the first.
    fn less(task: &'r str, sides: &Paired) -> Self {
        let model = format!("{} less {}", sides.second, sides.first).into();
        let subjects = sides.subjects;
        Self { task, model, by: "difference", row: "all", subjects, ..Self::default() }
    }

    /// The same row with a figure in it.
    fn with(&self, figure: &'static str, e: Estimate) -> Self {
        let [value, low, high] = [e.value, e.low, e.high].map(|v| v.map(|v| v.to_string()));
        Self { figure, value, low, high, ..self.clone() }
    }
}

/// An answer; the fields are the columns of `answers.csv`.
#[derive(Default, Serialize)]
struct AnswerRow<'t> {
    task: &'t str,
    model: &'t str,
    item: &'t str,
    subject: &'t str,
    fold: Option<u32>,
    truth: &'t str,
    answer: &'t str,
    /// Of each class, 0..1, with blanks between them.
    probabilities: String,
}

/// One line an answer.
fn answers(tasks: &[Task]) -> impl Iterator<Item = AnswerRow<'_>> {
    tasks.iter().flat_map(|task| {
        task.answers.iter().map(move |answer| {
            let class = |class: usize| task.classes.get(class).map_or("", String::as_str);
            let probabilities = answer.probabilities.iter().flatten();
            let probabilities: Vec<String> = probabilities.map(|p| format!("{p:.6}")).collect();
            AnswerRow {
                task: &task.name,
                model: &task.model,
                item: &answer.item,
                subject: &answer.subject,
                fold: answer.fold,
                truth: class(answer.truth),
                answer: class(task.called(answer)),
                probabilities: probabilities.join(" "),
            }
        })
    })
}

/// A report that was written before, with its answers.
///
/// # Errors
/// When the folder holds none.
pub(crate) fn read(folder: &Path) -> Result<(Report, Vec<Task>), EvaluateError> {
    fn part<T: for<'de> Deserialize<'de>>(path: PathBuf) -> Result<T, EvaluateError> {
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(why) => return Err(EvaluateError::NoReport { path, why: why.to_string() }),
        };
        serde_json::from_slice(&text)
            .map_err(|why| EvaluateError::NoReport { path, why: why.to_string() })
    }
    Ok((part(folder.join("report.json"))?, part(folder.join(ANSWERS))?))
}

fn pretty(value: &impl Serialize) -> io::Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{
        bootstrap::Bootstrap,
        films as judged, protocol,
        task::{difference, tests::task},
    };

    fn report() -> (Report, Vec<Task>) {
        let bootstrap = Bootstrap { draws: 30, seed: 1 };
        let tasks = vec![task("first <b>", 4), task("second", 10)];
        let reports = tasks
            .iter()
            .map(|t| protocol::report(t, Protocol::Subject, &["light".into()], &bootstrap));
        let film =
            |name: &str, person: &str, after_s| judged::tests::film(name, person, 2.5, after_s, 1);
        let films = vec![film("x.mp4", "ann", None), film("y.mp4", "bob <c>", Some(1.5))];
        let films = ["usual", "calm & late"]
            .map(|settings| judged::report("m", settings, films.clone(), &bootstrap))
            .to_vec();
        let report = Report {
            provenance: Provenance {
                version: "1.2.3".into(),
                models: vec![ModelUsed { name: "first <b>".into(), digest: "abc123".into() }],
                landmarks_digest: "def456".into(),
                data: "list.csv".into(),
                data_digest: "789fed".into(),
                protocol: Protocol::Subject,
                bootstrap_draws: 30,
                seed: 1,
                command: vec!["wakewatch".into(), "evaluate".into(), "--data".into()],
            },
            tasks: reports.collect(),
            differences: difference(&tasks[0], &tasks[1], &bootstrap).into_iter().collect(),
            events: Vec::new(),
            film_differences: judged::difference(&films[0], &films[1], &bootstrap)
                .into_iter()
                .collect(),
            films,
            problems: vec![VideoProblem {
                video: "01/5".into(),
                kind: "truncated".into(),
                text: "it breaks off after 3.0 s".into(),
            }],
            videos: 30,
        };
        (report, tasks)
    }

    #[test]
    fn the_page_needs_nothing_else_and_holds_what_is_relied_on() {
        let (report, _) = report();
        let page = html::page(&report);
        for needle in [
            "1.2.3",
            "abc123",
            "def456",
            "789fed",
            "evaluate --data",
            "01/5",
            "it breaks off after 3.0 s",
            "first &lt;b&gt;",
            "<svg",
            "balanced accuracy",
            "night",
            "closures of 2 s and more found",
            "<strong>1 of 2</strong>",
            "m, calm &amp; late against m, usual",
            "person: bob &lt;c&gt;",
            "<td>1.50<small>",
            "missed until 12.5 s",
            "&lt;shut&gt;",
        ] {
            assert!(page.contains(needle), "{needle} is missing");
        }
        for foreign in
            ["http:", "https:", "<script", "<img", "src=", "url(", "NaN", "first <b>", "<shut>"]
        {
            let found = page.replace("http://www.w3.org/2000/svg", "");
            assert!(!found.contains(foreign), "{foreign} is in it");
        }
        assert_eq!(page, html::page(&report));
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    }

    #[test]
    fn a_report_is_read_back_and_its_csv_has_every_figure() {
        let folder = tempfile::tempdir().unwrap();
        let (report, tasks) = report();
        report.write(folder.path(), &tasks).unwrap();
        assert_eq!(read(folder.path()).unwrap(), (report.clone(), tasks));
        let mut csv = csv::Reader::from_path(folder.path().join("figures.csv")).unwrap();
        let lines: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
        let rows: usize = report.tasks.iter().map(|t| t.rows.len()).sum::<usize>() + 1;
        let film_rows: usize = report.films.iter().map(|f| f.rows.len()).sum::<usize>() + 1;
        let figures = rows * FIGURES.len() + film_rows * judged::FIGURES.len();
        assert_eq!(lines.len(), figures);
        let found = lines.iter().find(|l| &l[0] == "films" && &l[7] == "found_2s").unwrap();
        assert_eq!((&found[3], &found[4], &found[8]), ("all", "2", "0.5"));
        let auc = lines.iter().find(|l| &l[0] == "pictures" && &l[7] == "auc").unwrap();
        let value: f64 = auc[8].parse().unwrap();
        assert_eq!(Some(value), report.tasks[0].rows[0].figures["auc"].value);
        let error = read(&folder.path().join("nothing")).unwrap_err().to_string();
        assert!(error.contains("nothing") && error.contains("--report"), "{error}");
    }
}
