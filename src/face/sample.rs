//! Reading pictures between their pixels. Whole numbers are pixel corners: the centre of
//! the first pixel is (0.5, 0.5). Outside the picture the border repeats.

use image::RgbImage;

/// The colour at a point, 0..255 a channel; black for an empty picture.
#[inline]
pub(super) fn bilinear(image: &RgbImage, [x, y]: [f32; 2]) -> [f32; 3] {
    let (width, height) = image.dimensions();
    if width == 0 || height == 0 {
        return [0.0; 3];
    }
    let (x0, x1, fx) = neighbours(x, width);
    let (y0, y1, fy) = neighbours(y, height);
    let at = |x, y| pixel(image, x, y);
    let (top, bottom) = ([at(x0, y0), at(x1, y0)], [at(x0, y1), at(x1, y1)]);
    std::array::from_fn(|channel| {
        let mix = |pair: [[f32; 3]; 2]| pair[0][channel] * (1.0 - fx) + pair[1][channel] * fx;
        mix(top) * (1.0 - fy) + mix(bottom) * fy
    })
}

/// The pixel at a place inside the picture.
#[inline]
fn pixel(image: &RgbImage, x: u32, y: u32) -> [f32; 3] {
    let start = 3 * (y as usize * image.width() as usize + x as usize);
    match image.as_raw().get(start..start + 3) {
        Some(&[r, g, b]) => [r, g, b].map(f32::from),
        _ => [0.0; 3],
    }
}

/// The luma at a point, 0..255; black for an empty picture.
#[inline]
pub(super) fn grey(image: &RgbImage, [x, y]: [f32; 2]) -> f32 {
    let (width, height) = image.dimensions();
    if width == 0 || height == 0 {
        return 0.0;
    }
    let (x0, x1, fx) = neighbours(x, width);
    let (y0, y1, fy) = neighbours(y, height);
    let at = |x, y| luma(pixel(image, x, y));
    let top = at(x0, y0) * (1.0 - fx) + at(x1, y0) * fx;
    let bottom = at(x0, y1) * (1.0 - fx) + at(x1, y1) * fx;
    top * (1.0 - fy) + bottom * fy
}

/// The two pixels around a coordinate and the share of the second.
#[inline]
fn neighbours(at: f32, size: u32) -> (u32, u32, f32) {
    // Nothing here is below zero, so that to cut off is to round down.
    let at = (at - 0.5).clamp(0.0, (size - 1) as f32);
    let low = at as u32;
    (low, (low + 1).min(size - 1), at - low as f32)
}

/// Rec. 601 luma of a colour, in the unit of its channels.
#[inline]
pub(super) fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

/// Added to a number, leaves no room for what lies behind its point.
const WHOLE: f32 = 12_582_912.0;
/// The bits of such a sum that hold the number.
const BITS: u32 = 0x3f_ffff;

/// Splits coordinates, 0 to 4 million, into pixels and the share of the next one, 0..1, which
/// stays in their place; what lies on a pixel may be the whole of the one after the last.
/// Without a conversion, which would be checked for numbers out of range one by one.
#[inline]
pub(super) fn split<const LANES: usize>(at: &mut [f32; LANES]) -> [u32; LANES] {
    at.each_mut().map(|at| {
        let sum = *at - 0.5 + WHOLE;
        *at -= sum - WHOLE;
        sum.to_bits() & BITS
    })
}

/// The nearest whole number of a value from 0 to 255.
#[inline]
pub(super) fn byte(value: f32) -> u8 {
    (value + WHOLE).to_bits() as u8
}

/// Two neighbours, if they are there.
#[inline]
pub(super) fn pair<T>(all: &[T], at: usize) -> Option<&[T; 2]> {
    all.get(at..)?.first_chunk()
}
