//! What is known to happen in a video: a file beside it, `NAME.truth.jsonl`, with a line
//! `{"at": SECONDS, "state": WORD}` for each frame or at least each change, as the demo
//! writes it.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::ReplayError;

/// What the file is called after the video's own name without its ending.
pub const TRUTH_ENDING: &str = "truth.jsonl";
/// A line is valid for so long where no other follows, seconds.
const STEP_S: f64 = 0.1;

/// From when to when the driver does what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Beginning, seconds.
    pub from: f64,
    /// End, seconds.
    pub to: f64,
    /// What: `microsleep`, `asleep`, `drowsy`, `yawning`, ...
    pub state: String,
}

#[derive(Deserialize)]
struct Line {
    at: f64,
    state: String,
}

/// The spans of the truth beside a video in which the driver is not simply awake; `None`
/// where there is no such file.
///
/// # Errors
/// When there is one and it cannot be read.
pub(super) fn beside(video: &Path) -> Result<Option<Vec<Span>>, ReplayError> {
    let path = video.with_extension(TRUTH_ENDING);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ReplayError::io(&path, "read")(error)),
    };
    let mut moments = Vec::new();
    for line in BufReader::new(file).lines() {
        let line = line.map_err(ReplayError::io(&path, "read"))?;
        if line.trim().is_empty() {
            continue;
        }
        let Line { at, state } = serde_json::from_str(&line)
            .map_err(|error| ReplayError::Form { path: path.clone(), why: error.to_string() })?;
        moments.push((at, state));
    }
    Ok(Some(spans(moments)))
}

/// The spans of `(seconds, state)` in the order of time in which the driver is not simply
/// awake.
pub(super) fn spans(moments: impl IntoIterator<Item = (f64, String)>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (at, state) in moments {
        match spans.last_mut() {
            Some(last) if last.state == state => last.to = at + STEP_S,
            last => {
                if let Some(last) = last {
                    last.to = at;
                }
                spans.push(Span { from: at, to: at + STEP_S, state });
            }
        }
    }
    spans.retain(|span| span.state != "awake");
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_one_state_are_one_span() {
        let folder = tempfile::tempdir().unwrap();
        let video = folder.path().join("10.mov");
        assert_eq!(beside(&video).unwrap(), None);
        let lines: String = (0..50)
            .map(|i| {
                let state = if (20..35).contains(&i) { "microsleep" } else { "awake" };
                format!(
                    "{{\"at\": {}, \"state\": \"{state}\", \"visible\": true}}\n",
                    0.1 * f64::from(i)
                )
            })
            .collect();
        std::fs::write(folder.path().join("10.truth.jsonl"), lines).unwrap();
        let spans = beside(&video).unwrap().unwrap();
        assert_eq!((spans.len(), spans[0].state.as_str()), (1, "microsleep"));
        assert!((spans[0].from - 2.0).abs() < 1e-9 && (spans[0].to - 3.5).abs() < 1e-9);
        std::fs::write(folder.path().join("10.truth.jsonl"), "{\"at\": 1}").unwrap();
        assert!(beside(&video).unwrap_err().to_string().contains("10.truth.jsonl"));
    }
}
