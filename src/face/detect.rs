//! Finds where a face may be: the SeetaFace cascade of the `rustface` crate (BSD-2), on a
//! small grey version of the frame. It is slow (tens of milliseconds) and gives boxes
//! only, so the tracker asks it rarely and the landmark network judges what it found.

use std::f32::consts::TAU;

use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

use super::{
    BBox, Detection, FaceError,
    align::{Similarity, reshape},
    sample,
};

/// The model, taken out of the published crate by `build.rs`.
const MODEL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/seeta_fd_frontal_v1.0.bin"));

/// The cascade's window: no smaller face is found after scaling.
const WINDOW_PX: u32 = 40;
/// Mean to which a dark frame is brightened (0..1); measured to bring dark faces from 89%
/// to 99% found.
const BRIGHT_MEAN: f32 = 0.43;
/// Most that a dark frame is multiplied with: beyond it, there is only noise.
const MOST_GAIN: f32 = 8.0;
/// Most that a small picture is enlarged.
const MOST_ENLARGED: f32 = 4.0;

/// The cascade's own least score: what has more is nearly always a face.
pub(super) const SURE_SCORE: f64 = 3.85;

/// How to look for a face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Search {
    /// Length to which the longer side of the picture is brought, in pixels. The smallest
    /// face found is 40 px of that.
    pub long_side_px: u32,
    /// Border added on every side, in longer sides: lets a face be found that fills the
    /// picture.
    pub padding: f32,
    /// Turn of the heads looked for, radians clockwise on the screen. The cascade finds
    /// upright faces, up to about 25 degrees of tilt.
    pub roll: f32,
    /// Brighten a dark picture first.
    pub brighten: bool,
    /// Least score. 3.85 is the cascade's own; 0.5 finds twice as many covered faces and
    /// ten times as many things that are none.
    pub least_score: f64,
    /// Look only around this box, at a scale that fits it.
    pub around: Option<BBox>,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            long_side_px: 400,
            padding: 0.05,
            roll: 0.0,
            brighten: false,
            least_score: SURE_SCORE,
            around: None,
        }
    }
}

/// Finds faces in a picture.
pub trait Detector: Send {
    /// The faces in a picture, in its pixels, surest first.
    ///
    /// # Errors
    /// When the detector cannot work on the picture.
    fn detect(&mut self, image: &RgbImage) -> Result<Vec<Detection>, FaceError>;

    /// The same, looking in a particular way. A detector that knows but one way looks as
    /// it always does.
    ///
    /// # Errors
    /// As [`detect`](Self::detect).
    fn search(&mut self, image: &RgbImage, search: &Search) -> Result<Vec<Detection>, FaceError> {
        let _ = search;
        self.detect(image)
    }
}

/// The SeetaFace cascade.
pub struct SeetaDetector {
    model: rustface::Model,
    resizer: Resizer,
    small: RgbImage,
    grey: Vec<u8>,
}

impl SeetaDetector {
    /// Reads the built-in model.
    ///
    /// # Errors
    /// When it cannot be read, which a wrong build alone can cause.
    pub fn new() -> Result<Self, FaceError> {
        let model =
            rustface::read_model(MODEL).map_err(|why| FaceError::Detector(why.to_string()))?;
        Ok(Self { model, resizer: Resizer::new(), small: RgbImage::default(), grey: Vec::new() })
    }

    /// The grey picture that the cascade sees.
    fn canvas(&mut self, image: &RgbImage, search: &Search) -> Result<Canvas, FaceError> {
        let (width, height) = (image.width() as f32, image.height() as f32);
        let [left, top, w, h] = match &search.around {
            None => [0.0, 0.0, width, height],
            Some(bbox) => neighbourhood(bbox, width, height),
        };
        let scale = (search.long_side_px as f32 / w.max(h)).min(MOST_ENLARGED);
        let size = [w, h].map(|side| (side * scale).round().max(1.0));
        reshape(&mut self.small, size.map(|side| side as u32));
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
            .crop(left.into(), top.into(), w.into(), h.into());
        self.resizer
            .resize(image, &mut self.small, &options)
            .map_err(|why| FaceError::Detector(why.to_string()))?;
        let gain = if search.brighten { gain(&self.small) } else { 1.0 };

        let border = search.padding * size[0].max(size[1]);
        let least = WINDOW_PX as f32 * 1.2;
        let padded = size.map(|side| (side + 2.0 * border).max(least).round());
        // Canvas to small picture: a turn about the middle of both.
        let (sin, cos) = search.roll.rem_euclid(TAU).sin_cos();
        let [cx, cy] = padded.map(|side| side / 2.0);
        let to_small = Similarity {
            a: cos,
            b: sin,
            tx: size[0] / 2.0 - (cos * cx - sin * cy),
            ty: size[1] / 2.0 - (sin * cx + cos * cy),
        };
        let to_frame = Similarity { a: w / size[0], b: 0.0, tx: left, ty: top };
        let (cols, rows) = (padded[0] as u32, padded[1] as u32);
        let small = &self.small;
        self.grey.clear();
        self.grey.reserve((cols * rows) as usize);
        for row in 0..rows {
            for col in 0..cols {
                let at = to_small.apply([col as f32 + 0.5, row as f32 + 0.5]);
                let luma = sample::grey(small, at) * gain;
                self.grey.push((luma + 0.5).min(255.0) as u8);
            }
        }
        Ok(Canvas { width: cols, height: rows, to_frame: to_small.then(&to_frame) })
    }
}

struct Canvas {
    width: u32,
    height: u32,
    to_frame: Similarity,
}

/// A square of three boxes around a box, inside the frame: `[left, top, width, height]`.
fn neighbourhood(bbox: &BBox, width: f32, height: f32) -> [f32; 4] {
    let half = 1.5 * bbox.width.max(bbox.height);
    let [x, y] = bbox.center();
    let span = |at: f32, most: f32| {
        let low = (at - half).clamp(0.0, (most - 1.0).max(0.0)).floor();
        (low, ((at + half).min(most) - low).max(1.0))
    };
    let ((left, w), (top, h)) = (span(x, width), span(y, height));
    [left, top, w.min(width), h.min(height)]
}

/// What a picture must be multiplied with to become as bright as a lit one; never darker.
fn gain(image: &RgbImage) -> f32 {
    let sum: f64 = image.pixels().map(|p| f64::from(sample::luma(p.0.map(f32::from)))).sum();
    let mean = (sum / f64::from(image.width() * image.height()) / 255.0) as f32;
    (BRIGHT_MEAN / mean.max(f32::EPSILON)).clamp(1.0, MOST_GAIN)
}

impl Detector for SeetaDetector {
    fn detect(&mut self, image: &RgbImage) -> Result<Vec<Detection>, FaceError> {
        self.search(image, &Search::default())
    }

    fn search(&mut self, image: &RgbImage, search: &Search) -> Result<Vec<Detection>, FaceError> {
        if image.width() == 0 || image.height() == 0 {
            return Ok(Vec::new());
        }
        let canvas = self.canvas(image, search)?;
        // The crate's detector cannot be sent between threads, its model can.
        let mut cascade = rustface::create_detector_with_model(self.model.clone());
        cascade.set_score_thresh(search.least_score.max(f64::MIN_POSITIVE));
        // One pixel less than the whole keeps the pyramid's last level from being rounded
        // below the window, which the crate does not survive.
        cascade.set_max_face_size(canvas.width.min(canvas.height).saturating_sub(1));
        let faces =
            cascade.detect(&rustface::ImageData::new(&self.grey, canvas.width, canvas.height));
        let mut found: Vec<_> = faces
            .iter()
            .map(|face| {
                let bbox = face.bbox();
                let middle = [
                    bbox.x() as f32 + bbox.width() as f32 / 2.0,
                    bbox.y() as f32 + bbox.height() as f32 / 2.0,
                ];
                let [x, y] = canvas.to_frame.apply(middle);
                let side = canvas.to_frame.scale() * bbox.width() as f32;
                let bbox = BBox { x: x - side / 2.0, y: y - side / 2.0, width: side, height: side };
                Detection { bbox, score: face.score() as f32, roll: search.roll }
            })
            .collect();
        found.sort_by(|one, other| other.score.total_cmp(&one.score));
        Ok(found)
    }
}
