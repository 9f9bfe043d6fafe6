//! `classify`: single pictures in, one JSON line a picture out.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::{
    answer,
    shared::{CameraArgs, ModelArgs},
};
use crate::{
    face::{BBox, Face, Unreadable},
    frame::Turn,
    infer::EyeReading,
    live::{Look, Pipeline},
    source::images::load_image,
};

/// Which pictures to read.
#[derive(Args, Clone, Debug)]
pub struct ClassifyArgs {
    /// Pictures: JPEG, PNG, WebP, BMP, TIFF, GIF, AVIF, JPEG 2000 and PNM.
    #[arg(required = true, value_name = "IMAGE")]
    pub images: Vec<PathBuf>,
    /// How the camera hung and where the driver sits.
    #[command(flatten)]
    pub camera: CameraArgs,
    /// The models.
    #[command(flatten)]
    pub models: ModelArgs,
}

/// What is said of a picture. Without a face nothing is read, and `null` says so.
#[derive(Debug, Serialize)]
struct Line<'a> {
    file: &'a str,
    face: Option<FaceLine>,
    drowsy: Option<f32>,
    eyes_closed: Option<f32>,
    yawn: Option<f32>,
    /// The eye on the left and the one on the right of the picture; `null` also from a
    /// model that does not read them one by one.
    eyes: Option<[EyeLine; 2]>,
    /// The same holds for this one.
    looking_down: Option<f32>,
    /// How many faces there are.
    faces: usize,
    /// The turn that brings the picture upright, degrees clockwise.
    turn: Option<Turn>,
    /// Whether the eyes can be read: where not, a watch does not judge by them.
    eyes_readable: Option<bool>,
    /// Why not.
    unreadable: Option<Unreadable>,
}

impl<'a> Line<'a> {
    fn new(file: &'a str, look: Option<&Look>) -> Self {
        let reading = look.map(|look| &look.reading);
        Self {
            file,
            face: look.map(|look| FaceLine::from(&look.face)),
            drowsy: reading.map(|reading| reading.drowsy),
            eyes_closed: reading.map(|reading| reading.eyes_closed),
            yawn: reading.map(|reading| reading.yawn),
            eyes: reading.and_then(|reading| reading.eyes).map(|eyes| eyes.map(EyeLine::from)),
            looking_down: reading.and_then(|reading| reading.looking_down),
            faces: look.map_or(0, |look| look.faces),
            turn: look.map(|look| look.turn),
            eyes_readable: look.map(|look| look.unreadable.is_none()),
            unreadable: look.and_then(|look| look.unreadable),
        }
    }
}

/// One eye, by its own patch.
#[derive(Debug, Serialize)]
struct EyeLine {
    /// Probability that it is shut, 0..1.
    shut: f32,
    /// Probability that it can be seen, 0..1.
    seen: f32,
}

impl From<EyeReading> for EyeLine {
    fn from(eye: EyeReading) -> Self {
        Self { shut: eye.shut, seen: eye.seen }
    }
}

/// The face of a picture, in its pixels.
#[derive(Debug, Serialize)]
struct FaceLine {
    r#box: BBox,
    confidence: f32,
    landmarks: Vec<[f32; 2]>,
}

impl From<&Face> for FaceLine {
    fn from(face: &Face) -> Self {
        Self {
            r#box: face.bbox,
            confidence: face.confidence,
            landmarks: face.landmarks.points.to_vec(),
        }
    }
}

/// Reads the pictures in order. One that cannot be read is told and does not stop the
/// others; the command then fails at its end.
///
/// # Errors
/// When a model cannot be had, or a picture could not be read.
pub fn run(args: &ClassifyArgs) -> anyhow::Result<()> {
    let mut pipeline = Pipeline::open(&args.camera.pipeline(&args.models))?;
    let mut failures = Vec::new();
    for file in &args.images {
        let image = match load_image(file) {
            Ok(image) => args.camera.mounting().apply(image),
            Err(error) => {
                failures.push(error.to_string());
                continue;
            }
        };
        let look = pipeline.look(&image)?;
        answer(&Line::new(&crate::os::escaped(file), look.as_ref()))?;
    }
    match failures.len() {
        0 => Ok(()),
        _ => bail!("{}", failures.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        face::{Landmarks, Visibility},
        infer::Reading,
    };

    fn told(reading: Option<Reading>) -> serde_json::Value {
        let face = Face {
            bbox: BBox { x: 1.0, y: 2.0, width: 3.0, height: 4.0 },
            confidence: 0.5,
            landmarks: Landmarks { points: [[0.0; 2]; 68] },
            visibility: Visibility { left_eye: 1.0, right_eye: 1.0, mouth: 1.0 },
        };
        let turn = Turn::default();
        let look = reading.map(|reading| Look { face, reading, unreadable: None, faces: 1, turn });
        serde_json::to_value(Line::new("a.jpg", look.as_ref())).unwrap()
    }

    #[test]
    fn each_eye_has_its_values_and_models_that_read_none_say_null() {
        let eye = |shut, seen| EyeReading { shut, seen };
        let eyes = Some([eye(0.25, 1.0), eye(0.75, 0.5)]);
        let line = told(Some(Reading { eyes, looking_down: Some(0.125), ..Reading::default() }));
        let wanted = serde_json::json!([
            {"shut": 0.25, "seen": 1.0},
            {"shut": 0.75, "seen": 0.5}
        ]);
        assert_eq!((&line["eyes"], &line["looking_down"]), (&wanted, &serde_json::json!(0.125)));

        // Without a face, and from a model without these heads, the keys are there.
        for line in [told(None), told(Some(Reading::default()))] {
            for key in ["eyes", "looking_down"] {
                assert_eq!(line.get(key), Some(&serde_json::Value::Null), "{key}: {line}");
            }
        }
        assert_eq!(told(None)["drowsy"], serde_json::Value::Null);
        assert_eq!(told(Some(Reading::default()))["drowsy"], 0.0);
    }
}
