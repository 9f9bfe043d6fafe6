//! A whole measurement: data and models in, a [`Report`] out.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use super::{
    EvaluateError,
    bootstrap::Bootstrap,
    films::{self, FilmDifference, FilmReport},
    pictures::{self, PictureReport},
    protocol::{self, Protocol, TaskReport},
    report::{self, ModelUsed, Provenance, Report, VideoProblem},
    task::{Task, difference},
    videos::{self, Conditions, Judged},
};
use crate::{
    dataset::{manifest::Manifest, videos::is_video},
    frame::Mounting,
    live::PipelineOptions,
    monitor::Settings,
    replay::{self, Collection, ReplayOptions, RunFacts, RunFolder, Tuning, VideoResult, digest},
    source::OpenOptions,
    vit::ModelKind,
};

/// Called with how much is done, of how much.
pub(crate) type Progress<'p> = &'p (dyn Fn(u64, u64) + Sync);

/// What is measured and how.
pub(crate) struct Measure {
    /// A labelled list of pictures or videos, a folder of videos, or that of a run.
    pub data: PathBuf,
    /// The models, the first of which the others are compared with; at least one.
    pub models: Vec<PipelineOptions>,
    /// How items are held out.
    pub protocol: Protocol,
    /// Columns of the list, by whose values the figures are broken down.
    pub by: Vec<String>,
    /// Draws and seed.
    pub bootstrap: Bootstrap,
    /// How pictures are brought upright.
    pub mounting: Mounting,
    /// Of pictures: another threshold than the model's own.
    pub threshold: Option<f64>,
    /// Of videos: the thresholds of the monitor.
    pub monitor: Settings,
    /// Of films with spans beside them: other thresholds, compared with those.
    pub versus: Vec<Tuning>,
    /// Of videos: where results, frames and events are kept; `None` = nowhere.
    pub keep: Option<PathBuf>,
    /// The command line, for the report.
    pub command: Vec<String>,
    /// Set to true from anywhere to end early.
    pub stop: Arc<AtomicBool>,
}

/// What was measured.
pub(crate) struct Measured {
    /// The report.
    pub report: Report,
    /// The questions with their answers.
    pub tasks: Vec<Task>,
    /// Of pictures: the first model's figures in short.
    pub pictures: Option<PictureReport>,
}

impl Measure {
    /// Measures.
    ///
    /// # Errors
    /// When the data or a model cannot be used, or somebody interrupts. Single videos and
    /// pictures that cannot be read are problems in the report.
    pub(crate) fn run(&self, progress: Progress<'_>) -> Result<Measured, EvaluateError> {
        if RunFolder::is_one(&self.data) {
            return self.of_run();
        }
        let videos = match self.data.is_dir() {
            true => Collection::is_one(&self.data),
            false => {
                let list = Manifest::read_unchecked(&self.data)?;
                list.items.iter().all(|item| is_video(&item.file))
            }
        };
        if videos {
            return self.of_videos(progress);
        }
        match self.versus.is_empty() {
            true => self.of_pictures(progress),
            false => Err(EvaluateError::NoSpans { path: self.data.clone() }),
        }
    }

    fn of_pictures(&self, progress: Progress<'_>) -> Result<Measured, EvaluateError> {
        let conditions = pictures::columns(&self.data, &self.by)?;
        let mut by = self.by.clone();
        by.push("collection".into());
        by.dedup();
        let mut made = Vec::new();
        let (mut used, mut brief) = (Vec::new(), None);
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        for options in &self.models {
            let answers =
                pictures::judge(&self.data, options, self.mounting, &self.stop, progress)?;
            let (judged, mut facts) = (answers.judged, answers.facts);
            problems = answers.problems;
            brief.get_or_insert_with(|| pictures::report(&judged, &facts, self.threshold));
            facts.name = free_name(&facts.name, &used);
            used.push(model_used(&facts.name, options)?);
            let task = pictures::task(&self.data, &judged, &conditions, &facts, self.threshold);
            if files.is_empty() {
                let named = |one: &pictures::Judged| {
                    let root = pictures::root(&self.data);
                    (digest::name_below(root, &one.file), one.file.clone())
                };
                let list = self.data.is_file().then(|| ("list".into(), self.data.clone()));
                files.extend(list);
                files.extend(judged.iter().map(named));
            }
            let report = protocol::report(&task, self.protocol, &by, &self.bootstrap);
            made.push((task, report));
        }
        let mut measured = self.finish(made, used, digest::of_files(&files)?)?;
        measured.pictures = brief;
        measured.report.problems = problems;
        Ok(measured)
    }

    fn of_videos(&self, progress: Progress<'_>) -> Result<Measured, EvaluateError> {
        let collection = Collection::open(&self.data)?;
        if !self.versus.is_empty() && collection.videos.iter().all(|video| video.spans.is_none()) {
            return Err(EvaluateError::NoSpans { path: self.data.clone() });
        }
        let conditions = self.conditions(&collection)?;
        let mut runs: Vec<(String, Vec<VideoResult>)> = Vec::new();
        let mut used: Vec<ModelUsed> = Vec::new();
        let mut data_digest = String::new();
        for (at, pipeline) in self.models.iter().enumerate() {
            let options = ReplayOptions {
                pipeline: pipeline.clone(),
                monitor: self.monitor,
                versus: self.versus.clone(),
                open: OpenOptions { mounting: self.mounting, ..OpenOptions::default() },
                shard: None,
                stop: self.stop.clone(),
            };
            let facts = RunFacts::of(&collection, &options)?;
            data_digest.clone_from(&facts.data_digest);
            let name = free_name(&facts.model, &used);
            used.push(ModelUsed { name: name.clone(), digest: facts.model_digest.clone() });
            let folder = match &self.keep {
                Some(keep) => {
                    let place =
                        if at == 0 { keep.clone() } else { keep.join(format!("model-{}", at + 1)) };
                    Some(RunFolder::begin(&place, facts)?)
                }
                None => None,
            };
            let results = replay::run(&collection, &options, folder.as_ref(), progress)?;
            runs.push((name, results));
        }
        self.of_results(&runs, &conditions, used, data_digest, &collection.left_out)
    }

    /// The columns that were asked for, of the videos of a list. Of a folder nothing is
    /// known but the label.
    fn conditions(&self, collection: &Collection) -> Result<Conditions, EvaluateError> {
        let mut known = Conditions::new();
        if self.data.is_dir() {
            return match self.by.iter().find(|column| *column != "label") {
                None => Ok(known),
                Some(column) => Err(EvaluateError::NoColumn {
                    list: self.data.clone(),
                    column: column.clone(),
                    known: "label".into(),
                }),
            };
        }
        let lines = pictures::columns(&self.data, &self.by)?;
        let items = Manifest::read_unchecked(&self.data)?.items;
        for (item, columns) in items.iter().zip(lines) {
            let Ok(own) = item.file.canonicalize() else { continue };
            let same = |file: &PathBuf| *file == own;
            let video = collection.videos.iter().find(|video| video.files.iter().any(same));
            if let Some(video) = video {
                known.insert(video.name.clone(), columns);
            }
        }
        Ok(known)
    }

    /// A run that has been watched before, perhaps by many machines.
    fn of_run(&self) -> Result<Measured, EvaluateError> {
        let conditions = self.conditions(&Collection::default())?;
        let folder = RunFolder::open(&self.data)?;
        let results = folder.results()?;
        let facts = &folder.facts;
        let used = ModelUsed { name: facts.model.clone(), digest: facts.model_digest.clone() };
        let runs = [(facts.model.clone(), results)];
        let mut measured = self.of_results(
            &runs,
            &conditions,
            vec![used],
            facts.data_digest.clone(),
            &facts.left_out,
        )?;
        measured.report.provenance.landmarks_digest.clone_from(&facts.landmarks_digest);
        Ok(measured)
    }

    fn of_results(
        &self,
        runs: &[(String, Vec<VideoResult>)],
        conditions: &Conditions,
        used: Vec<ModelUsed>,
        data_digest: String,
        left_out: &[(String, String)],
    ) -> Result<Measured, EvaluateError> {
        let (mut made, mut events, mut judged_films) = (Vec::new(), Vec::new(), Vec::new());
        for (model, results) in runs {
            let judged = Judged { model: model.clone(), results, conditions };
            made.extend(videos::tasks(&judged, self.protocol, &self.by, &self.bootstrap));
            events.extend(videos::events(&judged, &self.bootstrap));
            judged_films.extend(films::reports(model, results, &self.bootstrap));
        }
        let mut measured = self.finish(made, used, data_digest)?;
        let first = runs.first().map_or(&[][..], |(_, results)| results);
        measured.report.events = events;
        measured.report.film_differences = differences(&judged_films, &self.bootstrap);
        measured.report.films = judged_films;
        measured.report.problems = report::problems(first, left_out);
        measured.report.problems.extend(films::not_judged(first).into_iter().map(no_spans));
        measured.report.videos = first.len();
        Ok(measured)
    }

    fn finish(
        &self,
        made: Vec<(Task, TaskReport)>,
        used: Vec<ModelUsed>,
        data_digest: String,
    ) -> Result<Measured, EvaluateError> {
        let (tasks, reports): (Vec<Task>, Vec<TaskReport>) = made.into_iter().unzip();
        let mut first: BTreeMap<&str, &Task> = BTreeMap::new();
        let mut differences = Vec::new();
        for task in &tasks {
            match first.get(task.name.as_str()) {
                None => drop(first.insert(&task.name, task)),
                Some(before) => differences.extend(difference(before, task, &self.bootstrap)),
            }
        }
        let landmarks = self.models.first().map(|options| &options.faces.landmarks);
        let provenance = Provenance {
            version: env!("CARGO_PKG_VERSION").into(),
            models: used,
            landmarks_digest: match landmarks {
                Some(source) => digest::of_model(source, ModelKind::Landmarks)?,
                None => String::new(),
            },
            data: self.data.display().to_string(),
            data_digest,
            protocol: self.protocol,
            bootstrap_draws: self.bootstrap.draws,
            seed: self.bootstrap.seed,
            command: self.command.clone(),
        };
        let report = Report {
            provenance,
            tasks: reports,
            differences,
            events: Vec::new(),
            films: Vec::new(),
            film_differences: Vec::new(),
            problems: Vec::new(),
            videos: 0,
        };
        Ok(Measured { report, tasks, pictures: None })
    }
}

/// Each judge of films against the first.
fn differences(films: &[FilmReport], bootstrap: &Bootstrap) -> Vec<FilmDifference> {
    let Some((first, others)) = films.split_first() else { return Vec::new() };
    others.iter().filter_map(|other| films::difference(first, other, bootstrap)).collect()
}

/// Of a film that was watched and could not be judged beside others that were.
fn no_spans(video: &str) -> VideoProblem {
    let text = "it has no spans beside it as other films here do, and was not judged as a film; \
                write NAME.spans.json";
    VideoProblem { video: video.into(), kind: "not_judged".into(), text: text.into() }
}

fn model_used(name: &str, options: &PipelineOptions) -> Result<ModelUsed, EvaluateError> {
    let digest = digest::of_model(&options.classifier, ModelKind::Drowsiness)?;
    Ok(ModelUsed { name: name.into(), digest })
}

/// Two models of one name are told apart by a number.
fn free_name(name: &str, used: &[ModelUsed]) -> String {
    let taken: BTreeSet<&str> = used.iter().map(|model| model.name.as_str()).collect();
    let numbered = (2..).map(|n| format!("{name} ({n})"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(name.as_str())).unwrap_or_else(|| name.into())
}

/// Compares two reports that were written before: the same questions, over what both
/// answered. The second's figures stand beside the first's.
///
/// # Errors
/// When one is no report, or they have nothing in common.
pub(crate) fn compare(
    first: &Path,
    second: &Path,
    bootstrap: &Bootstrap,
    command: Vec<String>,
) -> Result<Measured, EvaluateError> {
    let (before, first_tasks) = report::read(first)?;
    let (after, mut second_tasks) = report::read(second)?;
    let names: Vec<String> = first_tasks.iter().map(|task| task.model.clone()).collect();
    for task in &mut second_tasks {
        if names.contains(&task.model) {
            task.model.push_str(" (second)");
        }
    }
    let mut differences = Vec::new();
    for a in &first_tasks {
        let same = second_tasks.iter().filter(|b| b.name == a.name);
        differences.extend(same.filter_map(|b| difference(a, b, bootstrap)));
    }
    // The first of each has the settings that everything else was measured with.
    let mut films: Vec<FilmReport> =
        before.films.first().into_iter().chain(after.films.first()).cloned().collect();
    if let [first, second] = films.as_mut_slice()
        && first.name() == second.name()
    {
        second.settings.push_str(" (second)");
    }
    let film_differences = match films.len() {
        2 => self::differences(&films, bootstrap),
        _ => Vec::new(),
    };
    if differences.is_empty() && film_differences.is_empty() {
        return Err(EvaluateError::NothingInCommon);
    }
    let join = |a: &str, b: &str| if a == b { a.to_owned() } else { format!("{a}; {b}") };
    let (a, b) = (&before.provenance, &after.provenance);
    let provenance = Provenance {
        version: env!("CARGO_PKG_VERSION").into(),
        models: a.models.iter().chain(&b.models).cloned().collect(),
        landmarks_digest: join(&a.landmarks_digest, &b.landmarks_digest),
        data: join(&a.data, &b.data),
        data_digest: join(&a.data_digest, &b.data_digest),
        protocol: a.protocol,
        bootstrap_draws: bootstrap.draws,
        seed: bootstrap.seed,
        command,
    };
    let report = Report {
        provenance,
        tasks: Vec::new(),
        differences,
        events: before.events.into_iter().chain(after.events).collect(),
        films,
        film_differences,
        problems: before.problems,
        videos: before.videos,
    };
    Ok(Measured {
        report,
        tasks: first_tasks.into_iter().chain(second_tasks).collect(),
        pictures: None,
    })
}
