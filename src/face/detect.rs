//! Finds where a face may be: a small network on a canvas of the frame, BlazeFace or one of
//! our own (`wakewatch train detector`). Either gives boxes and points, from which the
//! landmark network's first region follows, so that a turned or bowed head is met at once.
//! The tracker asks it seldom all the same, and the landmark network judges what it found.

use std::f32::consts::TAU;

use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

use super::{BBox, Detection, FaceError, Similarity, align::reshape, sample};
use crate::{
    infer::{LoadedModel, ModelSource, RuntimeOptions},
    vit::{
        ModelCard, ModelKind, blaze,
        cells::{self, CanvasFace, STRIDES},
    },
};

/// Most that a small picture is enlarged.
const MOST_ENLARGED: f32 = 4.0;
/// Longest side of a canvas, pixels: what one search may cost.
const MOST_CANVAS_PX: usize = 1536;
/// Length to which the longer side of what is looked at is brought, pixels, on a canvas of
/// any size.
const CANVAS_PX: f32 = 256.0;
/// Share of a fixed canvas that is left free around a picture that would fill it.
const RIM: f32 = 0.02;

/// From this score on a box is nearly always that of a face: of 362 pictures without one,
/// 72 have a box of 0.5 and more, 16 one of 0.65, and 1 one of 0.8.
pub(super) const SURE_SCORE: f32 = 0.75;
/// Least score that is looked at, unless a search says otherwise.
const LEAST_SCORE: f32 = 0.5;

/// How to look for a face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Search {
    /// Border added on every side, in longer sides: lets a face be found that fills the
    /// picture.
    pub padding: f32,
    /// Turn of the heads looked for, radians clockwise on the screen. Faces turned by up to
    /// 60 degrees from it are found.
    pub roll: f32,
    /// Least score, 0..1.
    pub least_score: f32,
    /// Look only in this part of the picture, at a scale that fits it.
    pub window: Option<BBox>,
}

/// Side of a tile, in sides of the picture: two of them overlap by a fifth of it.
const TILE: f32 = 0.6;

impl Search {
    /// Looks at four overlapping parts of a picture one by one: for faces that are too small
    /// in the whole of it.
    pub fn tiles(image: &RgbImage) -> [Self; 4] {
        let size = [image.width(), image.height()].map(|side| side as f32);
        let [width, height] = size.map(|side| TILE * side);
        [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]].map(|[right, down]| {
            let (x, y) = (right * (size[0] - width), down * (size[1] - height));
            let window = Some(BBox { x, y, width, height });
            Self { window, least_score: SURE_SCORE, ..Self::default() }
        })
    }
}

impl Default for Search {
    fn default() -> Self {
        Self { padding: 0.0, roll: 0.0, least_score: LEAST_SCORE, window: None }
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

/// The networks that there are.
enum Network {
    /// BlazeFace: RGB, on a canvas of one size.
    Blaze,
    /// One of ours: grey, on a canvas of any size.
    Cells,
}

/// A detector network, with its canvas.
pub struct FaceDetector {
    model: LoadedModel,
    network: Network,
    resizer: Resizer,
    small: RgbImage,
    values: Vec<f32>,
}

impl FaceDetector {
    /// Loads and checks a detector model.
    ///
    /// # Errors
    /// When the model cannot be loaded; see [`LoadedModel::load`].
    pub fn load(source: &ModelSource, options: &RuntimeOptions) -> Result<Self, FaceError> {
        let model = LoadedModel::load(source, ModelKind::Detector, options)?;
        let network = if model.card.channels == 3 { Network::Blaze } else { Network::Cells };
        let (resizer, small) = (Resizer::new(), RgbImage::default());
        Ok(Self { model, network, resizer, small, values: Vec::new() })
    }

    /// What the model says of itself.
    pub fn card(&self) -> &ModelCard {
        &self.model.card
    }

    /// Fills the canvas that the network sees.
    fn canvas(&mut self, image: &RgbImage, search: &Search) -> Result<Canvas, FaceError> {
        let (width, height) = (image.width() as f32, image.height() as f32);
        let [left, top, w, h] = match &search.window {
            None => [0.0, 0.0, width, height],
            Some(window) => inside(window, width, height),
        };
        let (sin, cos) = search.roll.rem_euclid(TAU).sin_cos();
        // What is turned needs room for its corners.
        let room = |w: f32, h: f32| [w * cos.abs() + h * sin.abs(), w * sin.abs() + h * cos.abs()];
        let wanted = match self.network {
            Network::Cells => CANVAS_PX / w.max(h),
            Network::Blaze => {
                let [wide, high] = room(w, h);
                let whole = wide.max(high) + 2.0 * (search.padding + RIM) * w.max(h);
                blaze::CANVAS_PX as f32 / whole
            }
        };
        let scale = wanted.min(MOST_ENLARGED);
        let size = [w, h].map(|side| (side * scale).round().max(1.0));
        reshape(&mut self.small, size.map(|side| side as u32));
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
            .crop(left.into(), top.into(), w.into(), h.into());
        self.resizer
            .resize(image, &mut self.small, &options)
            .map_err(|why| FaceError::Detector(why.to_string()))?;

        let step = STRIDES[STRIDES.len() - 1];
        let border = search.padding * size[0].max(size[1]);
        let [cols, rows] = match self.network {
            Network::Blaze => [blaze::CANVAS_PX; 2],
            Network::Cells => room(size[0], size[1]).map(|side| {
                let side = (side + 2.0 * border).ceil() as usize;
                side.next_multiple_of(step).clamp(step, MOST_CANVAS_PX)
            }),
        };
        // Canvas to small picture: a turn about the middle of both, to whole pixels where
        // nothing is turned, so that nothing need be interpolated.
        let [cx, cy] = [cols as f32 / 2.0, rows as f32 / 2.0];
        let mut to_small = Similarity {
            a: cos,
            b: sin,
            tx: size[0] / 2.0 - (cos * cx - sin * cy),
            ty: size[1] / 2.0 - (sin * cx + cos * cy),
        };
        if search.roll == 0.0 {
            (to_small.tx, to_small.ty) = (to_small.tx.floor(), to_small.ty.floor());
        }
        let to_frame = Similarity { a: w / size[0], b: 0.0, tx: left, ty: top };
        self.values.clear();
        let (small, values) = (&self.small, &mut self.values);
        let bounds = [small.width() as f32, small.height() as f32];
        for row in 0..rows {
            for col in 0..cols {
                let at = to_small.apply([col as f32 + 0.5, row as f32 + 0.5]);
                match self.network {
                    Network::Cells => values.push(sample::grey(small, at) / 255.0),
                    // Around the picture it is used to black.
                    Network::Blaze
                        if (0..2).any(|axis| at[axis] < 0.0 || at[axis] > bounds[axis]) =>
                    {
                        values.extend([-1.0; 3]);
                    }
                    Network::Blaze if search.roll == 0.0 => {
                        let [x, y] = at.map(|v| v as u32);
                        let [x, y] = [x.min(small.width() - 1), y.min(small.height() - 1)];
                        values.extend(small.get_pixel(x, y).0.map(|v| f32::from(v) / 127.5 - 1.0));
                    }
                    Network::Blaze => {
                        values.extend(sample::bilinear(small, at).map(|v| v / 127.5 - 1.0));
                    }
                }
            }
        }
        Ok(Canvas { width: cols, height: rows, to_frame: to_small.then(&to_frame) })
    }

    /// The faces on the canvas that was filled last.
    fn look(
        &mut self,
        width: usize,
        height: usize,
        least: f32,
    ) -> Result<Vec<CanvasFace>, FaceError> {
        match self.network {
            Network::Cells => {
                let outputs = self.model.run(&[("image", &[1, 1, height, width], &self.values)])?;
                let shape = [1, cells::VALUES, cells::count(width, height)];
                Ok(cells::faces(outputs.get("faces", &shape)?, width, height, least))
            }
            Network::Blaze => {
                let shape = [1, height, width, 3];
                let outputs = self.model.run(&[(blaze::INPUT, &shape, &self.values)])?;
                let mut all = Vec::new();
                for (grid, answers) in blaze::ANSWERS.into_iter().enumerate() {
                    let scores = outputs.get(blaze::SCORES[grid], &[1, answers, 1])?;
                    let values = outputs.get(blaze::BOXES[grid], &[1, answers, blaze::VALUES])?;
                    all.extend(blaze::faces(grid, scores, values, least));
                }
                Ok(cells::each_once(all))
            }
        }
    }
}

struct Canvas {
    width: usize,
    height: usize,
    to_frame: Similarity,
}

/// The part of a window that lies in the frame, at least a pixel: `[left, top, width, height]`.
fn inside(window: &BBox, width: f32, height: f32) -> [f32; 4] {
    let span = |low: f32, length: f32, most: f32| {
        let start = low.clamp(0.0, (most - 1.0).max(0.0)).floor();
        (start, ((low + length).min(most) - start).max(1.0))
    };
    let (left, w) = span(window.x, window.width, width);
    let (top, h) = span(window.y, window.height, height);
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
        let found = self.look(width, height, search.least_score)?;
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
