//! A turned square of the frame: where the landmark network looks.

use image::RgbImage;

use super::{BBox, GreySampler, Landmarks};

/// Side of the landmark network's square over the larger side of the box around the
/// 68 points: a margin that keeps the face inside while it moves between two frames.
pub const LANDMARK_MARGIN: f32 = 1.45;

/// A square of the frame, turned by the roll of the head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Centre in pixels of the frame, `[x, y]`.
    pub center: [f32; 2],
    /// Side in pixels of the frame.
    pub side_px: f32,
    /// Clockwise turn on the screen (y down), radians; 0 = upright.
    pub roll: f32,
}

impl Region {
    /// The region in which the network expects a face with these landmarks: turned so
    /// that the eyes lie level, centred on the box around the points in that turn.
    pub fn from_landmarks(landmarks: &Landmarks) -> Self {
        let ([lx, ly], [rx, ry]) = (landmarks.left_eye(), landmarks.right_eye());
        let roll = (ry - ly).atan2(rx - lx);
        let level = Region { center: [0.0, 0.0], side_px: 1.0, roll };
        let (mut low, mut high) = ([f32::MAX; 2], [f32::MIN; 2]);
        for point in landmarks.points {
            let point = level.to_unit(point);
            for axis in 0..2 {
                low[axis] = low[axis].min(point[axis]);
                high[axis] = high[axis].max(point[axis]);
            }
        }
        let center = level.to_frame([(low[0] + high[0]) / 2.0, (low[1] + high[1]) / 2.0]);
        let side_px = LANDMARK_MARGIN * (high[0] - low[0]).max(high[1] - low[1]);
        Self { center, side_px, roll }
    }

    /// An upright region of `scale` times the longer side of a box.
    pub fn from_box(bbox: &BBox, scale: f32) -> Self {
        Self { center: bbox.center(), side_px: scale * bbox.width.max(bbox.height), roll: 0.0 }
    }

    /// A point of the unit square (0..1 inside the region) in pixels of the frame.
    pub fn to_frame(&self, [u, v]: [f32; 2]) -> [f32; 2] {
        let (sin, cos) = self.roll.sin_cos();
        let (dx, dy) = ((u - 0.5) * self.side_px, (v - 0.5) * self.side_px);
        [self.center[0] + cos * dx - sin * dy, self.center[1] + sin * dx + cos * dy]
    }

    /// A point of the frame in the unit square; the inverse of [`to_frame`](Self::to_frame).
    pub fn to_unit(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let (sin, cos) = self.roll.sin_cos();
        let (dx, dy) = (x - self.center[0], y - self.center[1]);
        [(cos * dx + sin * dy) / self.side_px + 0.5, (cos * dy - sin * dx) / self.side_px + 0.5]
    }

    /// The region as grey values 0..1, `[size, size]` row-major.
    ///
    /// Where the region is larger than `size`, several samples are averaged for a
    /// pixel, so that fine texture does not alias. Outside the frame the border repeats.
    /// What cuts again and again keeps a [`GreySampler`] instead.
    pub fn sample_grey(&self, image: &RgbImage, size: usize) -> Vec<f32> {
        let mut sampler = GreySampler::default();
        sampler.sample(self, image, size);
        sampler.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn frame_and_unit_square_are_inverse() {
        let region = Region { center: [120.0, 80.0], side_px: 90.0, roll: 0.4 };
        for point in [[0.1, 0.9], [0.5, 0.5], [1.2, -0.3]] {
            let back = region.to_unit(region.to_frame(point));
            assert_abs_diff_eq!(back[0], point[0], epsilon = 1e-5);
            assert_abs_diff_eq!(back[1], point[1], epsilon = 1e-5);
        }
    }

    #[test]
    fn a_turned_region_samples_the_turned_picture() {
        let image = RgbImage::from_fn(64, 64, |x, _| image::Rgb([(x * 4) as u8; 3]));
        let upright = Region { center: [32.0, 32.0], side_px: 32.0, roll: 0.0 };
        let grey = upright.sample_grey(&image, 16);
        assert!(grey[15] > grey[0] + 0.3, "brightness rises to the right");
        let quarter =
            Region { roll: std::f32::consts::FRAC_PI_2, ..upright }.sample_grey(&image, 16);
        assert_abs_diff_eq!(quarter[0], quarter[15], epsilon = 0.05);
        assert!(quarter[0] > quarter[15 * 16] + 0.3, "the region's top is the picture's right");
    }
}
