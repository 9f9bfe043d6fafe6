//! A turned square of the frame: where the landmark network looks.

use image::RgbImage;

use super::{BBox, GreySampler, Landmarks, landmarks::BOX_TO_REGION};

/// Side of the landmark network's square over the larger side of the box around the
/// 68 points: a margin that keeps the face inside while it moves between two frames.
pub const LANDMARK_MARGIN: f32 = 1.45;

/// Side of the region over the size of five points (the distances of the eyes, and of their
/// middle to that of the mouth, as the sides of a right triangle).
const FIVE_TO_REGION: f32 = 2.37;
/// How far below the middle between eyes and mouth the region's middle lies, in that size.
const FIVE_DOWN: f32 = 0.12;
/// How far aside of it, against the nose's own way.
const FIVE_ASIDE: f32 = -1.4;

/// Confidence above which a face is kept although the detector does not see it (covered
/// and turned heads, which it is blind to).
pub(super) const SURE: f32 = 0.8;
/// Side of the square that is looked at around the place of a lost face, in sides of it.
pub(super) const AROUND: f32 = 3.0;

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

    /// The region of a face of which a detector knows five points: left eye, right eye, tip
    /// of the nose, left and right corner of the mouth, in pixels of the frame. Fitted to
    /// 4,332 faces of HELEN and YouTube Faces: the side is right to 6%, the middle to 4% of
    /// it.
    pub fn from_five(points: &[[f32; 2]; 5]) -> Self {
        let [left, right, nose, ..] = *points;
        let middle = |a: [f32; 2], b: [f32; 2]| [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
        let (eyes, mouth) = (middle(left, right), middle(points[3], points[4]));
        let across = [right[0] - left[0], right[1] - left[1]];
        let down = [mouth[0] - eyes[0], mouth[1] - eyes[1]];
        // The eyes of a head that is turned away lie close together: then the line from
        // between them to the mouth tells the turn.
        let roll = (across[1] - down[0]).atan2(across[0] + down[1]);
        let size = (across[0].hypot(across[1]).hypot(down[0].hypot(down[1]))).max(f32::EPSILON);
        let at = Self { center: middle(eyes, mouth), side_px: size, roll };
        // The nose points to the side that the head is turned to; the cheek is on the other.
        let turned = (at.to_unit(nose)[0] - 0.5).clamp(-0.4, 0.4);
        let center = at.to_frame([0.5 + FIVE_ASIDE * turned, 0.5 + FIVE_DOWN]);
        Self { center, side_px: FIVE_TO_REGION * size, roll }
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

/// The upright box whose region this is.
pub(super) fn square(region: &Region) -> BBox {
    let side = region.side_px / BOX_TO_REGION;
    let [x, y] = region.center;
    BBox { x: x - side / 2.0, y: y - side / 2.0, width: side, height: side }
}

/// Whether a detector's box is of the face in this region.
pub(super) fn same_place(region: &Region, bbox: &BBox) -> bool {
    let [x, y] = region.to_unit(bbox.center());
    let scale = bbox.width / square(region).width;
    (0.2..=0.8).contains(&x) && (0.2..=0.8).contains(&y) && (0.5..=2.0).contains(&scale)
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
    fn five_points_tell_the_region_of_a_turned_face() {
        let upright = [[70.0, 80.0], [130.0, 80.0], [100.0, 110.0], [78.0, 142.0], [122.0, 142.0]];
        let region = Region::from_five(&upright);
        assert_abs_diff_eq!(region.roll, 0.0, epsilon = 1e-4);
        assert_abs_diff_eq!(region.center[0], 100.0, epsilon = 1e-3);
        assert!((190.0..220.0).contains(&region.side_px), "{region:?}");
        // On its side, with the chin to the left.
        let turned = Region::from_five(&upright.map(|[x, y]| [200.0 - y, x]));
        assert_abs_diff_eq!(turned.roll, std::f32::consts::FRAC_PI_2, epsilon = 1e-4);
        assert!(turned.center[0] < 200.0 - 111.0, "{turned:?}");
        // In profile the cheek is where the nose is not.
        let mut profile = upright.map(|[x, y]| [100.0 + 0.3 * (x - 100.0), y]);
        profile[2][0] = 125.0;
        assert!(Region::from_five(&profile).center[0] < 85.0);
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
