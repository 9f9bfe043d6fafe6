//! The offline mode, in burn: networks, pretraining, fine-tuning, and the writer that
//! turns what was learned into ONNX files. Pretraining and fine-tuning share one loop
//! ([`learn`]).

use std::{io::Cursor, path::Path};

pub mod augment;
pub(crate) mod blinks;
pub mod checkpoint;
pub mod classifier;
mod curves;
pub(crate) mod detector;
pub mod device;
pub(crate) mod draw;
mod error;
pub mod export;
pub mod finetune;
pub(crate) mod graph;
mod grid;
#[cfg(feature = "gui")]
pub(crate) mod job;
pub mod landmarks;
pub(crate) mod learn;
pub(crate) mod log;
pub(crate) mod losses;
pub mod mae;
pub mod pretrain;
pub mod record;
pub(crate) mod replicas;
pub mod samples;
pub(crate) mod schedule;
pub mod settings;
pub(crate) mod stem;
mod targets;
pub mod validation;
pub(crate) mod vit;
pub mod weights;

pub use error::TrainError;
pub use log::{Control, Step};

/// Writes a picture as PNG, whole or not at all.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn write_png(picture: &image::RgbImage, path: &Path) -> Result<(), TrainError> {
    let mut bytes = Vec::new();
    picture
        .write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png)
        .map_err(|error| TrainError::io(path, "written")(std::io::Error::other(error)))?;
    record::write_whole(path, &bytes)
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::vit::{Embedding, Preset, VitConfig};

    /// A network small enough for a test: the code path of the stem or of the reference method.
    pub(crate) fn small(stem: bool) -> VitConfig {
        let (preset, embedding) = match stem {
            true => (Preset::Stem, Embedding::Stem { widths: vec![4, 8] }),
            false => (Preset::Reference, Embedding::Linear),
        };
        VitConfig {
            image_px: 24,
            patch_px: 8,
            embedding,
            dim: 16,
            depth: 2,
            heads: 2,
            mlp_dim: 32,
            decoder_dim: 16,
            decoder_depth: 1,
            decoder_heads: 2,
            ..preset.config()
        }
    }
}
