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
    live::Pipeline,
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
    /// How many faces there are.
    faces: usize,
    /// The turn that brings the picture upright, degrees clockwise.
    turn: Option<Turn>,
    /// Whether the eyes can be read: where not, a watch does not judge by them.
    eyes_readable: Option<bool>,
    /// Why not.
    unreadable: Option<Unreadable>,
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
        let reading = look.as_ref().map(|look| &look.reading);
        answer(&Line {
            file: &crate::os::escaped(file),
            face: look.as_ref().map(|look| FaceLine::from(&look.face)),
            drowsy: reading.map(|reading| reading.drowsy),
            eyes_closed: reading.map(|reading| reading.eyes_closed),
            yawn: reading.map(|reading| reading.yawn),
            faces: look.as_ref().map_or(0, |look| look.faces),
            turn: look.as_ref().map(|look| look.turn),
            eyes_readable: look.as_ref().map(|look| look.unreadable.is_none()),
            unreadable: look.as_ref().and_then(|look| look.unreadable),
        })?;
    }
    match failures.len() {
        0 => Ok(()),
        _ => bail!("{}", failures.join("; ")),
    }
}
