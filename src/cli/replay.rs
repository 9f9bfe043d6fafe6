//! `watch` on a collection of videos, and `merge`: many recordings, all cores, one result
//! each.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::{
    WrongUse, answer,
    shared::{end_on_interrupt, fail_with, monitor_settings, progress_bar},
    watch_args::WatchArgs,
};
use crate::{
    evaluate::report::{VideoProblem, problems},
    replay::{self, Collection, ReplayOptions, RunFacts, RunFolder, VideoResult},
};

/// The parts of a run.
#[derive(Args, Clone, Debug)]
pub struct MergeArgs {
    /// The folder of the run; with other folders a new one will do.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Folders with parts of the same run, where the shards did not share one.
    #[arg(value_name = "PART")]
    pub parts: Vec<PathBuf>,
}

/// What a run came to, after its results.
#[derive(Serialize)]
struct Total {
    videos: usize,
    frames: u64,
    seconds: f64,
    problems: Vec<VideoProblem>,
}

#[derive(Serialize)]
struct Summary {
    summary: Total,
}

fn total(results: &[VideoResult], left_out: &[(String, String)]) -> Summary {
    Summary {
        summary: Total {
            videos: results.len(),
            frames: results.iter().map(|result| result.frames).sum(),
            seconds: results.iter().map(|result| result.seconds).sum(),
            problems: problems(results, left_out),
        },
    }
}

/// Watches a collection: prints one result a video, then a summary.
///
/// # Errors
/// When a model, a log or the folder cannot be used, and at the end, when everything is
/// told, if a video had a problem.
pub(super) fn watch(args: &WatchArgs, path: &Path) -> anyhow::Result<()> {
    if args.shard.is_some() && args.out.is_none() {
        return Err(WrongUse("a shard needs a folder for its results; add --out DIR".into()).into());
    }
    if args.events.is_some() || args.frames.is_some() {
        let out = "of many videos, events and frames are written to a folder; use --out DIR";
        return Err(WrongUse(out.into()).into());
    }
    let collection = Collection::open(path)?;
    let options = ReplayOptions {
        pipeline: args.camera.pipeline(&args.models),
        monitor: monitor_settings(args.settings.as_deref())?,
        open: args.open(),
        shard: args.shard,
        ..ReplayOptions::default()
    };
    end_on_interrupt(&options.stop)?;
    let folder = match &args.out {
        Some(out) => Some(RunFolder::begin(out, RunFacts::of(&collection, &options)?)?),
        None => None,
    };
    let bar = progress_bar();
    let results = replay::run(&collection, &options, folder.as_ref(), &|done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let results = results?;
    if let (Some(out), None) = (&args.out, args.shard) {
        replay::merge(out, &[])?;
    }
    for result in &results {
        answer(result)?;
    }
    let total = total(&results, &collection.left_out);
    answer(&total)?;
    fail_with(&total.summary.problems)
}

/// Joins the parts of a run to `results.jsonl`; problems in its videos are told in the
/// summary and are no failure of the merge.
///
/// # Errors
/// When a part is missing or of another run.
pub fn merge(args: &MergeArgs) -> anyhow::Result<()> {
    let results = replay::merge(&args.folder, &args.parts)?;
    let facts = RunFolder::open(&args.folder)?.facts;
    answer(&total(&results, &facts.left_out))
}
