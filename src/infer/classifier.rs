//! The drowsiness network: aligned crops in, [`Reading`]s out.

use image::RgbImage;

use super::{
    EyeReading, InferError, LoadedModel, ModelSource, Provider, Reading, RuntimeOptions, form,
    push_crop, push_keep,
};
use crate::vit::{ModelCard, ModelKind, PatchGrid};

/// Most crops that are run at once; more are cut into several runs, so that memory stays
/// bounded whatever a caller passes.
const MOST_AT_ONCE: usize = 64;

/// Reads aligned crops.
#[derive(Debug)]
pub struct Classifier {
    model: LoadedModel,
    image: Vec<f32>,
    keep: Vec<f32>,
}

impl Classifier {
    /// Loads and checks a drowsiness model.
    ///
    /// # Errors
    /// When the model cannot be loaded; see [`LoadedModel::load`].
    pub fn load(source: &ModelSource, options: &RuntimeOptions) -> Result<Self, InferError> {
        let model = LoadedModel::load(source, ModelKind::Drowsiness, options)?;
        Ok(Self { model, image: Vec::new(), keep: Vec::new() })
    }

    /// Reads crops of [`image_px`](ModelCard::image_px) pixels, each with the patches
    /// that may be attended to (`[patches]`, true = may be); one [`Reading`] a crop, in
    /// the same order.
    ///
    /// # Errors
    /// When a crop or a mask has the wrong size, or the model fails to run or gives
    /// something else than finite numbers.
    pub fn classify(
        &mut self,
        crops: &[&RgbImage],
        keep: &[Vec<bool>],
    ) -> Result<Vec<Reading>, InferError> {
        if crops.len() != keep.len() {
            return Err(InferError::Masks { crops: crops.len(), masks: keep.len() });
        }
        let mut readings = Vec::with_capacity(crops.len());
        for (crops, keep) in crops.chunks(MOST_AT_ONCE).zip(keep.chunks(MOST_AT_ONCE)) {
            let pairs = crops.iter().zip(keep).map(|(crop, keep)| (*crop, &keep[..]));
            self.run(pairs, |reading| readings.push(reading))?;
        }
        Ok(readings)
    }

    /// Reads one crop; see [`classify`](Self::classify).
    ///
    /// # Errors
    /// As [`classify`](Self::classify).
    pub fn read(&mut self, crop: &RgbImage, keep: &[bool]) -> Result<Reading, InferError> {
        let mut reading = Reading::default();
        self.run([(crop, keep)].into_iter(), |read| reading = read)?;
        Ok(reading)
    }

    fn run<'c>(
        &mut self,
        crops: impl ExactSizeIterator<Item = (&'c RgbImage, &'c [bool])>,
        mut each: impl FnMut(Reading),
    ) -> Result<(), InferError> {
        let (side, patches, batch) = (self.model.card.image_px, self.grid().patches(), crops.len());
        self.image.clear();
        self.keep.clear();
        for (crop, keep) in crops {
            push_crop(&mut self.image, crop, side)?;
            push_keep(&mut self.keep, keep, patches)?;
        }
        let has_heads = form::has_eye_heads(&self.model.card);
        let outputs = self.model.run(&[
            ("image", &[batch, 3, side, side], &self.image),
            ("patch_keep", &[batch, patches], &self.keep),
        ])?;
        let probs = outputs.get("probs", &[batch, 2])?.chunks_exact(2);
        let signs = outputs.get("signs", &[batch, 2])?.chunks_exact(2);
        let attention = outputs.get("attention", &[batch, patches])?.chunks_exact(patches);
        let eyes = has_heads.then(|| outputs.get("eyes", &[batch, 2, 2])).transpose()?;
        let down = has_heads.then(|| outputs.get("looking_down", &[batch, 1])).transpose()?;
        for (at, ((probs, signs), attention)) in probs.zip(signs).zip(attention).enumerate() {
            let eye = |values: &[f32], side: usize| EyeReading {
                shut: values[4 * at + 2 * side],
                seen: values[4 * at + 2 * side + 1],
            };
            each(Reading {
                drowsy: probs[1],
                eyes_closed: signs[0],
                yawn: signs[1],
                attention: attention.to_vec(),
                eyes: eyes.map(|values| [eye(values, 0), eye(values, 1)]),
                looking_down: down.map(|values| values[at]),
            });
        }
        Ok(())
    }

    /// What the model says of itself.
    pub fn card(&self) -> &ModelCard {
        &self.model.card
    }

    /// What it runs on.
    pub fn provider(&self) -> Provider {
        self.model.provider
    }

    /// The model that reads.
    pub(crate) fn model(&self) -> &LoadedModel {
        &self.model
    }

    /// The same, to try another provider for it.
    pub(crate) fn model_mut(&mut self) -> &mut LoadedModel {
        &mut self.model
    }

    /// The patches of a crop.
    pub fn grid(&self) -> PatchGrid {
        form::grid(&self.model.card)
    }

    /// The mask that the model was trained with, `[patches]`.
    pub fn default_keep(&self) -> Vec<bool> {
        self.model.card.q_mask.iter().map(|&kept| kept != 0).collect()
    }
}

#[cfg(feature = "train")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::fixtures;

    fn classifier() -> Option<Classifier> {
        fixtures::runtime_is_here().then(|| {
            let model = ModelSource::Bytes(fixtures::drowsiness(72, 24).into());
            Classifier::load(&model, &RuntimeOptions::default()).unwrap()
        })
    }

    #[test]
    fn a_batch_reads_like_single_crops() {
        let Some(mut classifier) = classifier() else { return };
        let crops: Vec<_> = (0..MOST_AT_ONCE as u32 + 3)
            .map(|i| RgbImage::from_pixel(72, 72, image::Rgb([(i * 3) as u8, 20, 200])))
            .collect();
        let keep = vec![classifier.default_keep(); crops.len()];
        let batch = classifier.classify(&crops.iter().collect::<Vec<_>>(), &keep).unwrap();
        assert_eq!(batch.len(), crops.len());
        for index in [0, 5, MOST_AT_ONCE, MOST_AT_ONCE + 2] {
            let single = classifier.classify(&[&crops[index]], &keep[..1]).unwrap();
            assert!((single[0].drowsy - batch[index].drowsy).abs() < 1e-6);
        }
        assert!(batch[66].drowsy > batch[0].drowsy + 0.01, "the fixture reads red as drowsy");
        assert_eq!(batch[0].attention.len(), 9);
        assert_eq!(batch[0].attention[1], 0.0, "patch 2 is no landmark patch");
    }

    #[test]
    fn crops_and_masks_of_the_wrong_size_are_refused() {
        let Some(mut classifier) = classifier() else { return };
        let (small, right) = (RgbImage::new(70, 72), RgbImage::new(72, 72));
        let keep = classifier.default_keep();
        let mut refused = |crops: &[&RgbImage], keep: &[Vec<bool>]| {
            classifier.classify(crops, keep).unwrap_err().to_string()
        };
        assert!(refused(&[&small], std::slice::from_ref(&keep)).contains("70x72"));
        assert!(refused(&[&right], &[]).contains("0 patch masks"));
        assert!(refused(&[&right], &[vec![true; 4]]).contains("4 entries"));
    }
}
