//! From a decoded frame to the picture that is handed on: as RGB, with square pixels, not
//! larger than is of use, and upright.

use std::sync::Arc;

use ffmpeg::{frame, software::scaling};
use ffmpeg_next as ffmpeg;
use image::{DynamicImage, RgbImage, metadata::Orientation};

use super::MAX_PIXELS;
use crate::frame::PicturePool;

/// Scales frames to RGB.
pub(in crate::source) struct Painter {
    scaler: Option<scaling::Context>,
    /// What the scaler last gave; its memory is used again.
    scaled: frame::Video,
    pictures: PicturePool,
    /// Longer side of the pictures given, pixels.
    most_px: u32,
    orientation: Orientation,
}

impl Painter {
    /// Gives pictures of at most `most_px` on the longer side, turned like this.
    pub(in crate::source) fn new(most_px: u32, orientation: Orientation) -> Self {
        let (scaled, pictures) = (frame::Video::empty(), PicturePool::default());
        Self { scaler: None, scaled, pictures, most_px, orientation }
    }

    /// The picture of a frame, or why there is none.
    pub(in crate::source) fn paint(
        &mut self,
        decoded: &frame::Video,
    ) -> Result<Arc<RgbImage>, String> {
        let (width, height, format) = (decoded.width(), decoded.height(), decoded.format());
        if width == 0 || height == 0 {
            return Err("its frames are empty".into());
        }
        if let Some(why) = too_large(width, height) {
            return Err(why);
        }
        // Some files change their resolution midway: then the scaler is made anew.
        let from = scaling::context::Definition { format, width, height };
        let scaler = match &mut self.scaler {
            Some(scaler) if *scaler.input() == from => scaler,
            stale => {
                let aspect = f64::from(decoded.aspect_ratio());
                let (to_width, to_height) = fitted(width, height, aspect, self.most_px);
                // What was scaled before may have had another size.
                self.scaled = frame::Video::empty();
                stale.insert(
                    scaling::Context::get(
                        format,
                        width,
                        height,
                        ffmpeg::format::Pixel::RGB24,
                        to_width,
                        to_height,
                        scaling::Flags::BILINEAR | scaling::Flags::ACCURATE_RND,
                    )
                    .map_err(|error| error.to_string())?,
                )
            }
        };
        let rgb = &mut self.scaled;
        scaler.run(decoded, rgb).map_err(|error| error.to_string())?;
        let size = [rgb.width(), rgb.height()];
        let (row, stride) = (size[0] as usize * 3, rgb.stride(0));
        if row > stride || rgb.data(0).len() < stride * (size[1] as usize).saturating_sub(1) + row {
            return Err("a frame came out short".into());
        }
        let picture = self.pictures.fill(size, |picture| {
            let lines = rgb.data(0).chunks(stride).zip(picture.chunks_exact_mut(row));
            lines.for_each(|(from, to)| to.copy_from_slice(&from[..row]));
        });
        Ok(upright(picture, self.orientation))
    }
}

/// Why frames of this size are not read, if they are not.
pub(super) fn too_large(width: u32, height: u32) -> Option<String> {
    (u64::from(width) * u64::from(height) > MAX_PIXELS)
        .then(|| format!("its frames are {width}x{height}, at most 7680x4320 are read"))
}

/// Size of the frames given for a video of `width` x `height` whose pixels are
/// `pixel_aspect` times as wide as high (0 = unknown): square pixels, at most `most_px` on
/// the longer side.
fn fitted(width: u32, height: u32, pixel_aspect: f64, most_px: u32) -> (u32, u32) {
    let stretch = if (0.2..=5.0).contains(&pixel_aspect) { pixel_aspect } else { 1.0 };
    let (width, height) = (f64::from(width) * stretch, f64::from(height));
    let scale = (f64::from(most_px) / width.max(height)).min(1.0);
    let side = |length: f64| ((length * scale).round() as u32).max(1);
    (side(width), side(height))
}

fn upright(image: Arc<RgbImage>, orientation: Orientation) -> Arc<RgbImage> {
    if orientation == Orientation::NoTransforms {
        return image;
    }
    let mut image = DynamicImage::ImageRgb8(Arc::unwrap_or_clone(image));
    image.apply_orientation(orientation);
    Arc::new(image.into_rgb8())
}

/// What a display matrix does to the picture, in quarter turns and flips.
///
/// The nine 32-bit numbers `a b u c d v x y w` move a point `(x, y)`, y down, to
/// `(a x + c y, b x + d y)`; phones write `0 1 -1 0` for a picture held upright.
pub(super) fn orientation(matrix: &[u8]) -> Orientation {
    let entry = |at: usize| {
        let bytes = matrix.get(4 * at..4 * at + 4).and_then(|bytes| bytes.try_into().ok());
        i64::from(bytes.map_or(0, i32::from_ne_bytes))
    };
    let (a, b, c, d) = (entry(0), entry(1), entry(3), entry(4));
    if a.abs() + d.abs() >= b.abs() + c.abs() {
        match (a < 0, d < 0) {
            (false, false) => Orientation::NoTransforms,
            (true, true) => Orientation::Rotate180,
            (true, false) => Orientation::FlipHorizontal,
            (false, true) => Orientation::FlipVertical,
        }
    } else {
        match (b < 0, c < 0) {
            (false, true) => Orientation::Rotate90,
            (true, false) => Orientation::Rotate270,
            (false, false) => Orientation::Rotate90FlipH,
            (true, true) => Orientation::Rotate270FlipH,
        }
    }
}
