//! Lists of blinks, one video a line, in the form of the UTA-RLDD features that its
//! authors published: `{"fold","subject","label":0|5|10,"blinks":[[frequency, amplitude,
//! duration, velocity], ...]}`, each blink in deviations from the last third of the person's
//! alert ones, which are left out. [`norms`](super::norms) measures them by other films.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use serde::Deserialize;

use super::DatasetError;
use crate::monitor::blinks::{FEATURES, RelativeBlink, features};

/// Two durations this close are the same number of frames, written with four digits.
const SAME: f32 = 2e-3;
/// Length of a frame where the durations do not tell it: the middle of UTA-RLDD's people.
const USUAL_FRAME: f32 = 0.4;
/// Longest line that is read, bytes: some hours of blinks.
const LONGEST_LINE: u64 = 16 << 20;

/// The blinks of one video.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct BlinkVideo {
    /// The fold that the person belongs to.
    #[serde(default)]
    pub fold: u32,
    /// The person.
    #[serde(default)]
    pub subject: String,
    /// What they said of themselves: 0 alert, 5 low vigilance, 10 drowsy.
    pub label: u8,
    /// The blinks in their order.
    pub blinks: Vec<RelativeBlink>,
}

impl BlinkVideo {
    /// Length of a frame in deviations of the person's alert blinks' duration: durations
    /// are whole frames, so it is the least step between any two.
    pub fn frame(&self) -> f32 {
        let mut durations: Vec<f32> = self.blinks.iter().map(|blink| blink[2]).collect();
        durations.sort_by(f32::total_cmp);
        let steps = durations.windows(2).map(|pair| pair[1] - pair[0]);
        let least = steps.filter(|step| *step > SAME).min_by(f32::total_cmp);
        least.unwrap_or(USUAL_FRAME)
    }

    /// What the last blinks look like together; `None` of a video without blinks.
    pub fn features(&self) -> Option<[f32; FEATURES]> {
        features(&self.blinks, self.frame())
    }
}

fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> DatasetError {
    move |source| DatasetError::Blinks { path: path.into(), why: source.to_string() }
}

/// SHA-256 of a list, in hexadecimal digits; a model's card says which one it learned from.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn digest(path: &Path) -> Result<String, DatasetError> {
    crate::os::digest(path).map_err(unreadable(path))
}

/// Reads a list.
///
/// # Errors
/// When the file cannot be read, a line is not of the form, or there is none.
pub(crate) fn read(path: &Path) -> Result<Vec<BlinkVideo>, DatasetError> {
    let unreadable = unreadable(path);
    let mut lines = BufReader::new(File::open(path).map_err(&unreadable)?);
    let (mut videos, mut line, mut number) = (Vec::new(), String::new(), 0);
    loop {
        line.clear();
        number += 1;
        let read = std::io::Read::take(&mut lines, LONGEST_LINE).read_line(&mut line);
        if read.map_err(&unreadable)? == 0 {
            break;
        }
        if line.trim().is_empty() {
            continue;
        }
        let wrong = |why: String| DatasetError::Blinks {
            path: path.into(),
            why: format!("line {number}: {why}"),
        };
        let video: BlinkVideo = serde_json::from_str(&line).map_err(|e| wrong(e.to_string()))?;
        if !matches!(video.label, 0 | 5 | 10) {
            return Err(wrong(format!("label {} instead of 0, 5 or 10", video.label)));
        }
        videos.push(video);
    }
    if videos.is_empty() {
        return Err(DatasetError::Blinks { path: path.into(), why: "it holds no video".into() });
    }
    Ok(videos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::blinks::tests::{Drawn, Driver};

    fn read_text(text: &str) -> Result<Vec<BlinkVideo>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.jsonl");
        std::fs::write(&path, text).unwrap();
        read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_list_is_read_and_a_wrong_line_is_named() {
        let good = "{\"fold\":1,\"subject\":\"a\",\"label\":5,\"blinks\":[[0.1,0,0.5,0]]}\n";
        let videos = read_text(&format!("{good}\n{good}")).unwrap();
        assert_eq!((videos.len(), videos[0].label), (2, 5));
        assert_eq!(videos[0].blinks, [[0.1, 0.0, 0.5, 0.0]]);
        for (wrong, why) in [
            (good.replace(":5", ":7"), "label 7"),
            (good.replace("0.5,0]", "0.5]"), "line 2"),
            ("no json".into(), "line 2"),
        ] {
            let error = read_text(&format!("{good}{wrong}")).unwrap_err();
            assert!(error.contains(why) && error.contains("list.jsonl"), "{error}");
        }
        assert!(read_text("\n").unwrap_err().contains("no video"));
    }

    #[test]
    fn a_frame_is_the_least_step_between_durations() {
        let video = |durations: &[f32]| BlinkVideo {
            fold: 1,
            subject: "a".into(),
            label: 0,
            blinks: durations.iter().map(|d| [0.0, 0.0, *d, 0.0]).collect(),
        };
        let frame = video(&[-0.5, 1.0, 0.25, 0.2501, 1.75]).frame();
        assert!((frame - 0.75).abs() < 1e-3, "{frame}");
        assert_eq!(video(&[1.0, 1.0]).frame(), USUAL_FRAME);
        assert_eq!(video(&[]).features(), None);
    }

    /// Frame by frame through the monitor, and as a list for training.
    #[test]
    fn the_same_trace_is_described_alike_live_and_for_training() {
        let mut driver = Driver::new();
        let mut described = None;
        for i in 0..120 {
            driver.blink(Drawn::nth(i, i / 40));
            if let Some(live) = driver.monitor.described() {
                described = Some((i, live));
            }
        }
        let (last, live) = described.expect("enough blinks");
        assert_eq!(last, 119, "described after every blink");

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.jsonl");
        let video = serde_json::json!({"fold": 1, "subject": "drawn", "label": 10,
            "blinks": driver.as_listed()});
        std::fs::write(&path, format!("{video}\n")).unwrap();
        let listed = read(&path).unwrap()[0].features().unwrap();
        for (i, (live, listed)) in live.iter().zip(listed).enumerate() {
            assert!((live - listed).abs() < 5e-3, "feature {i}: live {live}, listed {listed}");
        }
        assert!(live.iter().skip(4).any(|value| value.abs() > 1.0), "it says something");
    }
}
