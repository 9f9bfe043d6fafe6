//! Cuts of the eyes out of a sample's picture, as far off as the first network's points may be.

use rand_chacha::ChaCha8Rng;

use super::{
    IMAGE_PX,
    eyes::{EYE_PX, EyeFrame, eye_point},
};
use crate::train::augment::normal;

/// An eye as the second network sees it.
#[derive(Clone, Debug)]
pub(crate) struct EyeCut {
    /// `[40, 40]` grey 0..1, the right eye mirrored.
    pub image: Vec<f32>,
    /// Its six points in the unit square of the cut, in the order of the left eye.
    pub points: [[f32; 2]; 6],
}

impl EyeCut {
    /// Cuts an eye out of a sample's picture.
    fn new(picture: &[f32], frame: &EyeFrame, points: &[[f32; 2]; 68], right: bool) -> Self {
        let last = (IMAGE_PX - 1) as f32;
        let middle = |i: usize| (i as f32 + 0.5) / EYE_PX as f32;
        let mut image = Vec::with_capacity(EYE_PX * EYE_PX);
        for at in 0..EYE_PX * EYE_PX {
            let [x, y] = frame
                .place([middle(at % EYE_PX), middle(at / EYE_PX)])
                .map(|v| (v * IMAGE_PX as f32 - 0.5).clamp(0.0, last));
            let (x0, y0) = (x as usize, y as usize);
            let (x1, y1) = ((x0 + 1).min(IMAGE_PX - 1), (y0 + 1).min(IMAGE_PX - 1));
            let (fx, fy) = (x.fract(), y.fract());
            let mix = |y: usize| {
                picture[y * IMAGE_PX + x0] * (1.0 - fx) + picture[y * IMAGE_PX + x1] * fx
            };
            image.push(mix(y0) * (1.0 - fy) + mix(y1) * fy);
        }
        let points = std::array::from_fn(|index| frame.to_unit(points[eye_point(right, index)]));
        Self { image, points }
    }

    /// Both eyes, cut as far off as the first network's points may be.
    pub(super) fn both(
        picture: &[f32],
        points: &[[f32; 2]; 68],
        rng: &mut ChaCha8Rng,
    ) -> [Self; 2] {
        let frames = EyeFrame::of(points);
        [false, true].map(|right| {
            let mut off = |share: f32, most: f32| (share * normal(rng)).clamp(-most, most);
            let (shift, scale) = ([off(0.055, 0.16), off(0.055, 0.16)], off(0.08, 0.25).exp());
            let turn = off(0.09, 0.3);
            let frame = frames[usize::from(right)].shaken(shift, scale, turn);
            Self::new(picture, &frame, points, right)
        })
    }

    /// What stands in the place of the eyes where there is no face.
    pub(super) fn none() -> Self {
        Self { image: vec![0.5; EYE_PX * EYE_PX], points: [[0.5; 2]; 6] }
    }
}
