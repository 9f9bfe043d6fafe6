//! A sheet of samples, to see what the network is shown.

use image::{Rgb, RgbImage};

use super::{IMAGE_PX, sampler::Sample};

/// Samples in a row of the sheet.
const ROW: usize = 10;
/// Width of a frame, pixels.
const FRAME: u32 = 3;

/// The samples in rows: points in green, those of eyes that are not seen in red, the five
/// that count alone in yellow; a red frame where nobody is to be found.
pub(super) fn draw(samples: &[Sample]) -> RgbImage {
    let side = IMAGE_PX as u32;
    let rows = samples.len().div_ceil(ROW);
    let mut sheet = RgbImage::new(side * ROW as u32, side * rows as u32);
    for (at, sample) in samples.iter().enumerate() {
        let (left, top) = (side * (at % ROW) as u32, side * (at / ROW) as u32);
        for (index, value) in sample.image.iter().enumerate() {
            let (x, y) = ((index % IMAGE_PX) as u32, (index / IMAGE_PX) as u32);
            let grey = (value.clamp(0.0, 1.0) * 255.0) as u8;
            let edge = x < FRAME || y < FRAME || x + FRAME >= side || y + FRAME >= side;
            let nobody = sample.face == 0.0 && edge;
            sheet.put_pixel(left + x, top + y, Rgb(if nobody { [255, 0, 0] } else { [grey; 3] }));
        }
        let mut dot = |[x, y]: [f32; 2], size: i32, colour: [u8; 3]| {
            for (dx, dy) in (-size..=size).flat_map(|dx| (-size..=size).map(move |dy| (dx, dy))) {
                let at = |v: f32, d: i32| (v * side as f32) as i32 + d;
                let (x, y) = (at(x, dx), at(y, dy));
                if (0..side as i32).contains(&x) && (0..side as i32).contains(&y) {
                    sheet.put_pixel(left + x as u32, top + y as u32, Rgb(colour));
                }
            }
        };
        for (index, point) in sample.points.into_iter().enumerate() {
            let eye = matches!(index, 36..48).then_some(usize::from(index >= 42));
            let unseen = eye.is_some_and(|eye| sample.visible[eye] < 0.5);
            if sample.face * sample.weights.points > 0.0 {
                dot(point, 0, if unseen { [255, 0, 0] } else { [0, 255, 0] });
            }
        }
        if sample.face * sample.weights.five > 0.0 {
            for (index, point) in sample.five.into_iter().enumerate() {
                let unseen = index < 2 && sample.visible[index] < 0.5;
                dot(point, 1, if unseen { [255, 0, 0] } else { [255, 255, 0] });
            }
        }
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::{super::sampler::tests::noise, *};

    #[test]
    fn a_sample_that_shows_nobody_is_framed() {
        let nobody = Sample { face: 0.0, ..noise(1) };
        let sheet = draw(&[noise(2), nobody]);
        assert_eq!(sheet.dimensions(), (1600, 160));
        assert_eq!(sheet.get_pixel(161, 1).0, [255, 0, 0]);
        assert_ne!(sheet.get_pixel(1, 1).0, [255, 0, 0]);
    }
}
