//! What the autoencoder makes of the patches that the classifier does not look at. It only
//! serves the screen, so it works on a thread of its own, on the newest crop it is given,
//! a few times a second, and the watch never waits for it.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::{Sender, TrySendError, bounded};
use image::{
    Rgb, RgbImage,
    imageops::{self, FilterType},
};
use parking_lot::Mutex;

use crate::{
    background,
    infer::{ModelSource, Reconstructor, RuntimeOptions},
};

/// So often at most: it is looked at, not judged by.
const EVERY: Duration = Duration::from_millis(200);

/// What came of it.
#[derive(Clone, Debug, Default)]
pub enum Imagined {
    /// Nothing yet.
    #[default]
    Nothing,
    /// The crop, with the covered patches as the network imagines them.
    Picture(Arc<RgbImage>),
    /// Why there is none, one sentence.
    Failed(String),
}

/// Imagines crops. Dropping it ends its thread after the crop at hand.
#[derive(Debug)]
pub struct Imaginer {
    out: Sender<(Arc<RgbImage>, Vec<bool>)>,
    latest: Arc<Mutex<Imagined>>,
    given: Option<Instant>,
}

impl Imaginer {
    /// Starts the thread, which loads the model; `done` is called after every picture.
    pub fn start(runtime: RuntimeOptions, done: impl Fn() + Send + 'static) -> Self {
        let (out, crops) = bounded::<(Arc<RgbImage>, Vec<bool>)>(1);
        let latest = Arc::new(Mutex::new(Imagined::Nothing));
        let told = latest.clone();
        let tell = move |imagined| {
            *told.lock() = imagined;
            done();
        };
        let work = move || {
            let mut network = match Reconstructor::load(&ModelSource::Embedded, &runtime) {
                Ok(network) => network,
                Err(why) => return tell(Imagined::Failed(why.to_string())),
            };
            while let Ok((crop, keep)) = crops.recv() {
                // The autoencoder may be of another size than the classifier; what it has
                // imagined is looked at beside the sharp rest.
                let small = scaled(&crop, network.card().image_px as u32);
                tell(match network.reconstruct(&small, &keep) {
                    Ok(picture) => {
                        let picture = scaled(&picture, crop.width());
                        Imagined::Picture(Arc::new(joined(&crop, &picture, &keep)))
                    }
                    Err(why) => Imagined::Failed(why.to_string()),
                });
            }
        };
        if let Err(why) = background::thread("imagine", work) {
            *latest.lock() = Imagined::Failed(why.to_string());
        }
        Self { out, latest, given: None }
    }

    /// Offers a crop with the patches that are seen, `[patches]`; never waits.
    pub fn offer(&mut self, crop: &Arc<RgbImage>, keep: &[bool]) {
        if self.given.is_some_and(|given| given.elapsed() < EVERY) {
            return;
        }
        match self.out.try_send((crop.clone(), keep.to_vec())) {
            Ok(()) => self.given = Some(Instant::now()),
            // It is still at work.
            Err(TrySendError::Full(_)) => {}
            Err(TrySendError::Disconnected(_)) => {
                let mut latest = self.latest.lock();
                if !matches!(*latest, Imagined::Failed(_)) {
                    // It has not said why: a panic.
                    *latest = Imagined::Failed("the autoencoder has crashed".into());
                }
            }
        }
    }

    /// What came of the last crop.
    pub fn latest(&self) -> Imagined {
        self.latest.lock().clone()
    }
}

/// A square picture at another size.
fn scaled(picture: &RgbImage, px: u32) -> Cow<'_, RgbImage> {
    match picture.dimensions() == (px, px) {
        true => Cow::Borrowed(picture),
        false => Cow::Owned(imageops::resize(picture, px, px, FilterType::Triangle)),
    }
}

/// The crop where it was seen, the imagined picture where it was covered.
fn joined(crop: &RgbImage, imagined: &RgbImage, keep: &[bool]) -> RgbImage {
    let side = (keep.len().isqrt() as u32).max(1);
    let (width, height) = imagined.dimensions();
    RgbImage::from_fn(width, height, |x, y| {
        let (col, row) = (x * side / width.max(1), y * side / height.max(1));
        let seen = keep.get((row * side + col) as usize).copied().unwrap_or(false);
        let from = if seen { crop } else { imagined };
        from.get_pixel_checked(x, y).copied().unwrap_or(Rgb([0; 3]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_of_another_size_are_scaled_for_the_autoencoder_and_back() {
        let crop = RgbImage::from_pixel(144, 144, Rgb([7; 3]));
        let small = scaled(&crop, 72);
        assert_eq!((small.dimensions(), small.get_pixel(40, 71).0), ((72, 72), [7; 3]));
        assert_eq!(scaled(&small, 144).dimensions(), crop.dimensions());
        assert!(matches!(scaled(&crop, 144), Cow::Borrowed(_)));
    }

    #[test]
    fn covered_patches_are_imagined_and_seen_ones_are_not() {
        let crop = RgbImage::from_pixel(6, 6, Rgb([1; 3]));
        let imagined = RgbImage::from_pixel(6, 6, Rgb([9; 3]));
        let keep = [true, false, false, true, true, false, false, true, false];
        let picture = joined(&crop, &imagined, &keep);
        let values: Vec<u8> = (0..9).map(|i| picture.get_pixel(i % 3 * 2, i / 3 * 2)[0]).collect();
        assert_eq!(values, [1, 9, 9, 1, 1, 9, 9, 1, 9]);
    }
}
