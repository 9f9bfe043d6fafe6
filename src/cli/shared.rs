//! Arguments that several commands share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::{
    face::{FaceModels, Seat},
    frame::{Mounting, Turn},
    infer::{Device, RuntimeOptions},
    live::PipelineOptions,
    vit::QMask,
};

/// Which models are used, and on what they run.
#[derive(Args, Clone, Debug, Default)]
pub struct ModelArgs {
    /// The classifier, instead of the built-in one.
    #[arg(long, value_name = "FILE.onnx")]
    pub model: Option<PathBuf>,
    /// The networks that find the face.
    #[command(flatten)]
    pub faces: FaceModelArgs,
    /// What the models run on.
    #[arg(long, value_enum, default_value_t)]
    pub device: Device,
    /// Threads of one model; 1 is enough for a camera.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: u16,
    /// The patches that may be attended to, instead of those the model was trained with.
    #[arg(long, value_enum)]
    pub mask: Option<Mask>,
}

/// Which networks find the face and its points.
#[derive(Args, Clone, Debug, Default)]
pub struct FaceModelArgs {
    /// The face detector, instead of the built-in one.
    #[arg(long, value_name = "FILE.onnx")]
    pub detector_model: Option<PathBuf>,
    /// The landmark network, instead of the built-in one.
    #[arg(long, value_name = "FILE.onnx")]
    pub landmarks_model: Option<PathBuf>,
}

impl FaceModelArgs {
    /// The same as the tracker wants it.
    pub fn models(&self) -> FaceModels {
        FaceModels {
            detector: self.detector_model.clone().into(),
            landmarks: self.landmarks_model.clone().into(),
        }
    }
}

/// A Q mask, as it is written on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Mask {
    /// Every patch.
    None,
    /// The patches of eyes, nose and mouth.
    Landmark,
    /// Those of them that are not covered.
    Visible,
}

impl From<Mask> for QMask {
    fn from(mask: Mask) -> Self {
        match mask {
            Mask::None => Self::None,
            Mask::Landmark => Self::Landmark,
            Mask::Visible => Self::Visible,
        }
    }
}

impl ModelArgs {
    /// The same as the pipeline wants it.
    pub fn pipeline(&self) -> PipelineOptions {
        PipelineOptions {
            runtime: RuntimeOptions {
                device: self.device,
                threads: usize::from(self.threads.max(1)),
            },
            faces: self.faces.models(),
            classifier: self.model.clone().into(),
            mask: self.mask.map(Into::into),
            seat: Seat::Any,
        }
    }
}

/// How the camera hangs and where the driver sits.
#[derive(Args, Clone, Debug, Default)]
pub struct CameraArgs {
    /// Turn every picture clockwise by so many degrees, for a camera that hangs upside down
    /// or on its side. A recording's own rotation comes first.
    #[arg(long, value_enum, value_name = "DEGREES")]
    pub rotate: Option<Turn>,
    /// Swap left and right of every picture, after it was turned.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub mirror: Option<bool>,
    /// The side of the picture on which the driver sits, as the window shows it: a camera's
    /// picture is shown as a mirror. Of several new faces, one on this side is the driver's.
    #[arg(long, value_enum, value_name = "SIDE")]
    pub seat: Option<Seat>,
}

impl CameraArgs {
    /// How pictures are brought upright.
    pub fn mounting(&self) -> Mounting {
        Mounting {
            rotate: self.rotate.unwrap_or_default(),
            mirror: self.mirror.unwrap_or_default(),
        }
    }

    /// These models, looking for the driver in the seat.
    pub fn pipeline(&self, models: &ModelArgs) -> PipelineOptions {
        PipelineOptions { seat: self.seat.unwrap_or_default(), ..models.pipeline() }
    }
}
