//! Finds where a face may be: our own small network, on a grey canvas of the frame. It
//! gives boxes and five points, from which the landmark network's first region follows, so
//! that a turned or bowed head is met at once. The tracker asks it seldom all the same, and
//! the landmark network judges what it found.

use std::f32::consts::TAU;

use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

use super::{
    BBox, Detection, FaceError,
    align::{Similarity, reshape},
    sample,
};
use crate::{
    infer::{LoadedModel, ModelSource, RuntimeOptions},
    vit::{
        ModelKind,
        cells::{self, STRIDES, VALUES},
    },
};

/// Most that a small picture is enlarged.
const MOST_ENLARGED: f32 = 4.0;
/// Longest side of a canvas, pixels: what one search may cost.
const MOST_CANVAS_PX: usize = 1536;

/// From this score on a box is nearly always that of a face.
pub(super) const SURE_SCORE: f32 = 0.5;

/// How to look for a face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Search {
    /// Length to which the longer side of the picture is brought, in pixels. Faces of 12 px
    /// of that and more are found.
    pub long_side_px: u32,
    /// Border added on every side, in longer sides: lets a face be found that fills the
    /// picture.
    pub padding: f32,
    /// Turn of the heads looked for, radians clockwise on the screen. Faces turned by up to
    /// 60 degrees from it are found.
    pub roll: f32,
    /// Least score, 0..1.
    pub least_score: f32,
    /// Look only around this box, at a scale that fits it.
    pub around: Option<BBox>,
}

impl Default for Search {
    fn default() -> Self {
        Self { long_side_px: 256, padding: 0.0, roll: 0.0, least_score: SURE_SCORE, around: None }
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

/// The network that ships.
pub struct FaceDetector {
    model: LoadedModel,
    resizer: Resizer,
    small: RgbImage,
    grey: Vec<f32>,
}

impl FaceDetector {
    /// Loads and checks a detector model.
    ///
    /// # Errors
    /// When the model cannot be loaded; see [`LoadedModel::load`].
    pub fn load(source: &ModelSource, options: &RuntimeOptions) -> Result<Self, FaceError> {
        let model = LoadedModel::load(source, ModelKind::Detector, options)?;
        Ok(Self { model, resizer: Resizer::new(), small: RgbImage::default(), grey: Vec::new() })
    }

    /// Fills the grey canvas that the network sees.
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

        let border = search.padding * size[0].max(size[1]);
        let (sin, cos) = search.roll.rem_euclid(TAU).sin_cos();
        // What is turned needs room for its corners.
        let room =
            [size[0] * cos.abs() + size[1] * sin.abs(), size[0] * sin.abs() + size[1] * cos.abs()];
        let step = STRIDES[STRIDES.len() - 1];
        let [cols, rows] = room.map(|side| {
            let side = (side + 2.0 * border).ceil() as usize;
            side.next_multiple_of(step).clamp(step, MOST_CANVAS_PX)
        });
        // Canvas to small picture: a turn about the middle of both, to whole pixels where
        // nothing is turned, so that nothing need be interpolated.
        let [cx, cy] = [cols as f32 / 2.0, rows as f32 / 2.0];
        let mut to_small = Similarity {
            a: cos,
            b: sin,
            tx: size[0] / 2.0 - (cos * cx - sin * cy),
            ty: size[1] / 2.0 - (sin * cx + cos * cy),
        };
        let to_frame = Similarity { a: w / size[0], b: 0.0, tx: left, ty: top };
        let small = &self.small;
        self.grey.clear();
        self.grey.reserve(cols * rows);
        if search.roll == 0.0 {
            (to_small.tx, to_small.ty) = (to_small.tx.floor(), to_small.ty.floor());
            let shift = [to_small.tx as i64, to_small.ty as i64];
            let last = [i64::from(small.width()) - 1, i64::from(small.height()) - 1];
            for row in 0..rows as i64 {
                let y = (row + shift[1]).clamp(0, last[1]) as u32;
                self.grey.extend((0..cols as i64).map(|col| {
                    let x = (col + shift[0]).clamp(0, last[0]) as u32;
                    sample::luma(small.get_pixel(x, y).0.map(f32::from)) / 255.0
                }));
            }
        } else {
            for row in 0..rows {
                for col in 0..cols {
                    let at = to_small.apply([col as f32 + 0.5, row as f32 + 0.5]);
                    self.grey.push(sample::grey(small, at) / 255.0);
                }
            }
        }
        Ok(Canvas { width: cols, height: rows, to_frame: to_small.then(&to_frame) })
    }
}

struct Canvas {
    width: usize,
    height: usize,
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

impl Detector for FaceDetector {
    fn detect(&mut self, image: &RgbImage) -> Result<Vec<Detection>, FaceError> {
        self.search(image, &Search::default())
    }

    fn search(&mut self, image: &RgbImage, search: &Search) -> Result<Vec<Detection>, FaceError> {
        if image.width() == 0 || image.height() == 0 {
            return Ok(Vec::new());
        }
        let Canvas { width, height, to_frame } = self.canvas(image, search)?;
        let outputs = self.model.run(&[("image", &[1, 1, height, width], &self.grey)])?;
        let answer = outputs.get("faces", &[1, VALUES, cells::count(width, height)])?;
        let found = cells::faces(answer, width, height, search.least_score);
        let scale = to_frame.scale();
        Ok(found
            .into_iter()
            .map(|face| {
                let points = face.points.map(|point| to_frame.apply(point));
                let [x, y] = to_frame.apply(face.middle);
                let [w, h] = face.size.map(|side| scale * side);
                let bbox = BBox { x: x - w / 2.0, y: y - h / 2.0, width: w, height: h };
                Detection { bbox, score: face.score, roll: search.roll, points: Some(points) }
            })
            .collect())
    }
}
