//! The end of a preparation: the list of the crops, thinned where asked for, and what
//! was dropped and why, counted and named.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Serialize;

use super::{
    Input, PrepareOptions,
    journal::{Found, Journal, Outcome, Thumb},
    row,
};
use crate::{
    dataset::{
        DatasetError,
        crops::INDEX,
        manifest::{Item, Label, Manifest},
    },
    os::{self, write_whole},
};

/// Name of the report in a prepared folder.
pub(crate) const REPORT: &str = "report.json";
/// Name of the list of everything that was dropped.
pub(super) const DROPPED: &str = "dropped.csv";

/// Why a picture or frame was dropped.
pub(super) const NO_FACE: &str = "no face was found";
pub(super) const TURNED: &str = "turned";
pub(super) const UNREADABLE: &str = "the picture could not be read";
const NEARLY_THE_SAME: &str = "nearly the same as another of this person";

/// Crops are only nearly the same when their eyes and their mouths are this close, too:
/// differences of the aspect ratios that a look can tell.
const SAME_EYES: f32 = 0.04;
const SAME_MOUTH: f32 = 0.08;

/// What came of a preparation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct PrepareReport {
    /// Pictures and frames that were looked at.
    pub pictures: usize,
    /// Crops in the list.
    pub crops: usize,
    /// Pictures and frames that were already done by an earlier run.
    pub done_before: usize,
    /// Subjects with a crop.
    pub subjects: usize,
    /// Crops by label.
    pub by_label: BTreeMap<String, usize>,
    /// Crops and pictures by collection, `[crops, pictures]`.
    pub by_collection: BTreeMap<String, [usize; 2]>,
    /// How many pictures and frames were dropped, by reason; [`DROPPED`] names them.
    pub dropped: BTreeMap<String, usize>,
    /// Files that could not be used, or not to their end, with the reason.
    pub unusable: Vec<(String, String)>,
    /// Whether it was stopped before all was done.
    pub stopped: bool,
}

/// Writes the list of crops, the report and the list of what was dropped.
pub(super) fn finish(
    inputs: &[Input<'_>],
    journal: &Journal,
    left_out: Vec<(PathBuf, String)>,
    done_before: usize,
    stopped: bool,
    options: &PrepareOptions,
) -> Result<PrepareReport, DatasetError> {
    let mut report = PrepareReport { done_before, stopped, ..Default::default() };
    let mut dropped = Vec::new();
    let mut items = Vec::new();
    let mut kept = Kept::default();
    for input in inputs {
        for outcome in journal.outcomes.get(&input.key).into_iter().flatten() {
            report.pictures += 1;
            let of_it = report.by_collection.entry(input.item.collection.clone()).or_default();
            of_it[1] += 1;
            let Some(found) = &outcome.found else {
                dropped.push(Dropped::of(outcome, outcome.why.as_deref().unwrap_or(NO_FACE)));
                continue;
            };
            let item = row::of(input, outcome, found);
            let mut thinned = || {
                let series = &input.item.video;
                options.thin.is_some_and(|least| !kept.adds(&item, series, found, least))
            };
            let why =
                row::left_out(input, outcome).or_else(|| thinned().then_some(NEARLY_THE_SAME));
            match why {
                Some(why) => dropped.push(Dropped::of(outcome, why)),
                None => {
                    of_it[0] += 1;
                    items.push(item);
                }
            }
        }
        if let Some(end) = journal.ends.get(&input.key) {
            let why = end.broke.iter().map(|why| (input.key.clone(), why.clone()));
            report.unusable.extend(why);
        }
        let outcomes = journal.outcomes.get(&input.key).into_iter().flatten();
        let unreadable = outcomes.filter(|outcome| outcome.why.as_deref() == Some(UNREADABLE));
        report.unusable.extend(
            unreadable.filter_map(|outcome| Some((outcome.file.clone(), outcome.detail.clone()?))),
        );
    }
    report.unusable.extend(left_out.into_iter().map(|(file, why)| (crate::os::escaped(file), why)));
    for one in &dropped {
        *report.dropped.entry(one.why.into()).or_default() += 1;
    }
    for item in &items {
        let label = match item.label {
            Some(Label::Awake) => "awake",
            Some(Label::Drowsy) => "drowsy",
            None => "no label",
        };
        *report.by_label.entry(label.into()).or_default() += 1;
    }
    report.crops = items.len();
    let manifest = Manifest { items };
    report.subjects = manifest.subjects();
    manifest.write(&options.out.join(INDEX))?;
    let path = options.out.join(DROPPED);
    let written = os::csv(dropped).and_then(|csv| write_whole(&path, &csv));
    written.map_err(DatasetError::io(&path, "written"))?;
    let path = options.out.join(REPORT);
    let io = || DatasetError::io(&path, "written");
    let json = serde_json::to_vec_pretty(&report).map_err(|error| io()(error.into()))?;
    write_whole(&path, &json).map_err(io())?;
    Ok(report)
}

/// Whose crops are compared with each other: collection, person, video (all parts of a
/// split one), and whether the eyes are closed.
type Series = (String, String, String, Option<bool>);

/// The crops that are kept so far, by person and video.
#[derive(Default)]
struct Kept(BTreeMap<Series, Vec<(Thumb, f32, f32)>>);

impl Kept {
    /// Keeps a crop unless it differs by less than `least` from one that is kept.
    fn adds(&mut self, item: &Item, video: &str, found: &Found, least: f32) -> bool {
        let (collection, subject) = (item.collection.clone(), item.subject.clone());
        let key = (collection, subject, video.into(), item.eyes_closed);
        let others = self.0.entry(key).or_default();
        let same = others.iter().any(|(thumb, eyes, mouth)| {
            (found.eye_aspect - eyes).abs() < SAME_EYES
                && (found.mouth_aspect - mouth).abs() < SAME_MOUTH
                && found.thumb.distance(thumb) < least
        });
        if !same {
            others.push((found.thumb.clone(), found.eye_aspect, found.mouth_aspect));
        }
        !same
    }
}

/// A dropped picture or frame; the fields are the columns of [`DROPPED`].
#[derive(Default, Serialize)]
struct Dropped<'o> {
    file: &'o str,
    /// Of a frame, seconds.
    time_s: Option<String>,
    why: &'o str,
    /// The reader's own words.
    detail: Option<&'o str>,
}

impl<'o> Dropped<'o> {
    fn of(outcome: &'o Outcome, why: &'o str) -> Self {
        Self {
            file: &outcome.file,
            time_s: outcome.time_s.map(|time_s| format!("{time_s:.3}")),
            why,
            detail: outcome.detail.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        dataset::{
            prepare::{Pictures, journal::End},
            spans::FilmTruth,
        },
        face::FaceModels,
        infer::RuntimeOptions,
    };

    fn found(crop: &str, eye_aspect: f32, grey: u8) -> Option<Found> {
        Some(Found {
            crop: crop.into(),
            eye_aspect,
            mouth_aspect: 0.1,
            quality: 0.9,
            seen: [1.0, 0.5, 0.25],
            thumb: Thumb::new(&[grey; 4]),
        })
    }

    fn options(out: &Path, thin: Option<f32>) -> PrepareOptions {
        PrepareOptions {
            pictures: Pictures::List("list.csv".into()),
            out: out.into(),
            crop_px: 72,
            rate: 1.0,
            thin,
            faces: FaceModels::default(),
            mounting: crate::frame::Mounting::default(),
            seat: crate::face::Seat::Any,
            runtime: RuntimeOptions::default(),
        }
    }

    #[test]
    fn the_report_counts_what_was_dropped_and_the_list_holds_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&folder.path().join("journal.jsonl")).unwrap();
        let outcome = |file: &str| Outcome { file: file.into(), ..Outcome::default() };
        journal.note(Outcome { found: found("crops/1.jpg", 0.3, 9), ..outcome("a.jpg") }).unwrap();
        journal.note(Outcome { why: Some(NO_FACE.into()), ..outcome("b.jpg") }).unwrap();
        let (why, detail) = (Some(UNREADABLE.into()), Some("c.jpg is broken".into()));
        journal.note(Outcome { why, detail, ..outcome("c.jpg") }).unwrap();
        let items = ["a.jpg", "b.jpg", "c.jpg"].map(|file| Item {
            file: file.into(),
            collection: "cew".into(),
            subject: file.into(),
            eyes_closed: Some(true),
            ..Item::default()
        });
        let inputs = items.each_ref().map(|item| Input {
            item,
            key: item.file.display().to_string(),
            truth: None,
        });
        let left_out = vec![("d.zip".into(), "unpack it".into())];
        let report =
            finish(&inputs, &journal, left_out, 0, false, &options(folder.path(), None)).unwrap();
        assert_eq!((report.pictures, report.crops, report.subjects), (3, 1, 1));
        assert_eq!(report.by_collection["cew"], [1, 3]);
        assert_eq!((report.dropped[NO_FACE], report.dropped[UNREADABLE]), (1, 1));
        let unusable: Vec<_> = report.unusable.iter().map(|(file, _)| file.as_str()).collect();
        assert_eq!(unusable, ["c.jpg", "d.zip"]);
        let dropped = std::fs::read_to_string(folder.path().join(DROPPED)).unwrap();
        assert!(dropped.contains("c.jpg,,the picture could not be read,c.jpg is broken"));
        let index = Manifest::read_unchecked(&folder.path().join(INDEX)).unwrap();
        assert_eq!(index.items.len(), 1);
        assert_eq!(index.items[0].eye_aspect, Some(0.15), "the label corrects the measure");
        assert_eq!(index.items[0].yawn, Some(false), "the mouth was measured at rest");
        assert_eq!(index.items[0].seen, Some([1.0, 0.5, 0.25]));
    }

    /// Frames of a video for a test: seconds, eye aspect ratio, grey of the crop.
    fn note(journal: &mut Journal, file: &str, frames: &[(f64, f32, u8)]) {
        for (time_s, eyes, grey) in frames {
            let found = found(&format!("crops/{file}{time_s}.jpg"), *eyes, *grey);
            let outcome =
                Outcome { file: file.into(), time_s: Some(*time_s), found, ..Outcome::default() };
            journal.note(outcome).unwrap();
        }
        journal.end(End { file: file.into(), seconds: 3.0, broke: None }).unwrap();
    }

    /// Video and time of each crop of the list.
    fn places(root: &Path) -> Vec<(String, f64)> {
        let index = Manifest::read_unchecked(&root.join(INDEX)).unwrap();
        index.items.into_iter().map(|item| (item.video, item.time_s.unwrap())).collect()
    }

    #[test]
    fn frames_are_named_by_their_file_and_duplicates_of_a_split_video_are_thinned() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&folder.path().join("journal.jsonl")).unwrap();
        // The second is nearly the same as the first, the third is but for the eyes.
        let first = [(0.0, 0.30, 100), (1.0, 0.31, 102), (2.0, 0.10, 102)];
        note(&mut journal, "10_1.mov", &first);
        // The second is nearly the same as the first of the other part.
        note(&mut journal, "10_2.mov", &[(0.0, 0.30, 140), (1.0, 0.30, 101)]);
        let item = Item {
            subject: "32".into(),
            video: "32/10".into(),
            collection: "uta".into(),
            ..Item::default()
        };
        let inputs = ["10_1.mov", "10_2.mov"].map(|file| Input {
            item: &item,
            key: file.into(),
            truth: None,
        });
        let times = |thin: Option<f32>| {
            finish(&inputs, &journal, vec![], 0, false, &options(folder.path(), thin)).unwrap();
            places(folder.path())
        };
        let (one, two) =
            (|at: f64| ("10_1.mov".to_owned(), at), |at: f64| ("10_2.mov".to_owned(), at));
        assert_eq!(times(None), [one(0.0), one(1.0), one(2.0), two(0.0), two(1.0)]);
        assert_eq!(times(Some(0.02)), [one(0.0), one(2.0), two(0.0)]);
    }

    #[test]
    fn what_the_spans_of_a_film_rule_out_is_named_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&folder.path().join("journal.jsonl")).unwrap();
        let at = [0.0, 1.0, 2.0, 3.0].map(|at| (at, 0.3, 100));
        note(&mut journal, "a.mp4", &at);
        let film = FilmTruth {
            seconds: 4.0,
            closures: vec![[0.5, 1.5]],
            uncertain: vec![[1.8, 2.2]],
            no_face: vec![[2.8, 4.0]],
            ..FilmTruth::default()
        };
        let item = Item { collection: "drivers".into(), ..Item::default() };
        let inputs = [Input { item: &item, key: "a.mp4".into(), truth: Some(&film) }];
        // A closed eye is no duplicate of an open one, however alike they look.
        let thin = Some(0.02);
        let report =
            finish(&inputs, &journal, vec![], 0, false, &options(folder.path(), thin)).unwrap();
        assert_eq!(places(folder.path()), [0.0, 1.0].map(|at| ("a.mp4".to_owned(), at)));
        assert_eq!((report.by_label["awake"], report.by_label["drowsy"]), (1, 1));
        assert_eq!(report.by_collection["drivers"], [2, 4]);
        let dropped = std::fs::read_to_string(folder.path().join(DROPPED)).unwrap();
        assert!(dropped.contains("a.mp4,2.000,the truth is uncertain there,"), "{dropped}");
        assert!(dropped.contains("a.mp4,3.000,the truth says there is no face,"), "{dropped}");
        assert_eq!(report.dropped[row::UNCERTAIN], 1);
    }
}
