//! The masked autoencoder: a crop with covered patches in, the whole face out. It only
//! serves the screen that shows what pretraining learned.

use image::RgbImage;

use super::{
    InferError, LoadedModel, ModelSource, Provider, RuntimeOptions, form, push_crop, push_keep,
};
use crate::vit::{ModelCard, ModelKind, PatchGrid};

/// Rebuilds covered patches.
#[derive(Debug)]
pub struct Reconstructor {
    model: LoadedModel,
    image: Vec<f32>,
    keep: Vec<f32>,
}

impl Reconstructor {
    /// Loads and checks an MAE model.
    ///
    /// # Errors
    /// When the model cannot be loaded; see [`LoadedModel::load`].
    pub fn load(source: &ModelSource, options: &RuntimeOptions) -> Result<Self, InferError> {
        let model = LoadedModel::load(source, ModelKind::Mae, options)?;
        Ok(Self { model, image: Vec::new(), keep: Vec::new() })
    }

    /// The crop (of [`image_px`](ModelCard::image_px) pixels) as the network imagines it
    /// from the patches that are kept (`[patches]`, true = seen).
    ///
    /// # Errors
    /// When the crop or the mask has the wrong size, or the model fails to run.
    pub fn reconstruct(&mut self, crop: &RgbImage, keep: &[bool]) -> Result<RgbImage, InferError> {
        let (side, patches) = (self.model.card.image_px, self.grid().patches());
        self.image.clear();
        self.keep.clear();
        push_crop(&mut self.image, crop, side)?;
        push_keep(&mut self.keep, keep, patches)?;
        let outputs = self.model.run(&[
            ("image", &[1, 3, side, side], &self.image),
            ("patch_keep", &[1, patches], &self.keep),
        ])?;
        let values = outputs.get("reconstruction", &[1, 3, side, side])?;
        let plane = side * side;
        Ok(RgbImage::from_fn(side as u32, side as u32, |x, y| {
            let at = y as usize * side + x as usize;
            image::Rgb([0, 1, 2].map(|channel| {
                (values[channel * plane + at].clamp(0.0, 1.0) * 255.0).round() as u8
            }))
        }))
    }

    /// What the model says of itself.
    pub fn card(&self) -> &ModelCard {
        &self.model.card
    }

    /// What it runs on.
    pub fn provider(&self) -> Provider {
        self.model.provider
    }

    /// The patches of a crop.
    pub fn grid(&self) -> PatchGrid {
        form::grid(&self.model.card)
    }
}

#[cfg(feature = "train")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::fixtures;

    #[test]
    fn pixels_keep_their_place_and_colour() {
        if !fixtures::runtime_is_here() {
            return;
        }
        let model = ModelSource::Bytes(fixtures::mae(72, 24).into());
        let mut mae = Reconstructor::load(&model, &RuntimeOptions::default()).unwrap();
        let crop = RgbImage::from_fn(72, 72, |x, y| image::Rgb([x as u8, y as u8, (x + y) as u8]));
        // The fixture gives the picture back as it came.
        assert_eq!(mae.reconstruct(&crop, &[true; 9]).unwrap(), crop);
        assert!(mae.reconstruct(&crop, &[true; 3]).is_err());
    }
}
