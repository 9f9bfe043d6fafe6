//! The second look at the eyes. Each eye is cut out of the same picture at its full
//! resolution, the one on the right mirrored, and a tiny network places its six points:
//! a blink is a pixel or two at the resolution that suffices for the rest of the face.

use burn::{
    module::Module,
    tensor::{
        Device, Tensor,
        ops::{GridSampleOptions, GridSamplePaddingMode, InterpolateMode},
    },
};

use super::{
    blocks::{Stage, Votes, normalised},
    data::mirrored,
};

/// Width and height of an eye's cut in pixels.
pub(crate) const EYE_PX: usize = 40;
/// Side of the cut over the distance between the middles of the eyes.
pub(super) const EYE_SPAN: f32 = 1.0;
/// Channels after each of the stride-2 convolutions.
const WIDTHS: [usize; 3] = [12, 24, 48];
/// First points of the two eyes.
const FIRST: [usize; 2] = [36, 42];

/// Which of an eye's points, in the order of the left eye, are the points 42 to 47.
pub(super) const RIGHT_ORDER: [usize; 6] = [3, 2, 1, 0, 5, 4];

/// The square around one eye: a point `[a, b]` of it (0..1 inside) lies at
/// `center + (2 a - 1) right + (2 b - 1) down`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct EyeFrame {
    /// Middle of the square.
    pub center: [f32; 2],
    /// Half a side, towards the other eye.
    pub right: [f32; 2],
    /// Half a side, down the face.
    pub down: [f32; 2],
}

impl EyeFrame {
    /// The squares of both eyes of a face, in the coordinates of its points: left, right.
    pub(crate) fn of(points: &[[f32; 2]; 68]) -> [Self; 2] {
        let [left, right] = FIRST.map(|first| {
            let sum = points[first..first + 6]
                .iter()
                .fold([0.0; 2], |sum, point| [sum[0] + point[0], sum[1] + point[1]]);
            sum.map(|v| v / 6.0)
        });
        let half = EYE_SPAN / 2.0;
        let [dx, dy] = [half * (right[0] - left[0]), half * (right[1] - left[1])];
        [
            Self { center: left, right: [dx, dy], down: [-dy, dx] },
            Self { center: right, right: [-dx, -dy], down: [-dy, dx] },
        ]
    }

    /// Where a point of the square lies.
    pub(crate) fn place(&self, [a, b]: [f32; 2]) -> [f32; 2] {
        let (a, b) = (2.0 * a - 1.0, 2.0 * b - 1.0);
        [0, 1].map(|axis| self.center[axis] + a * self.right[axis] + b * self.down[axis])
    }

    /// The inverse of [`place`](Self::place).
    pub(crate) fn to_unit(self, point: [f32; 2]) -> [f32; 2] {
        let off = [point[0] - self.center[0], point[1] - self.center[1]];
        let along = |axis: [f32; 2]| {
            let square = (axis[0] * axis[0] + axis[1] * axis[1]).max(f32::MIN_POSITIVE);
            (off[0] * axis[0] + off[1] * axis[1]) / square
        };
        [(along(self.right) + 1.0) / 2.0, (along(self.down) + 1.0) / 2.0]
    }

    /// The square moved by `shift` of its sides, scaled and turned (radians): where the
    /// first network may think that it is.
    #[must_use]
    pub(crate) fn shaken(&self, shift: [f32; 2], scale: f32, turn: f32) -> Self {
        let center = self.place([0.5 + shift[0], 0.5 + shift[1]]);
        let (sin, cos) = turn.sin_cos();
        let turned = |[x, y]: [f32; 2]| [scale * (cos * x - sin * y), scale * (sin * x + cos * y)];
        Self { center, right: turned(self.right), down: turned(self.down) }
    }
}

/// The point of the face that is point `index` (0..6, in the order of the left eye) of an
/// eye: 36 to 41, and their mirror images.
pub(super) fn eye_point(right: bool, index: usize) -> usize {
    if right { mirrored(FIRST[0] + index) } else { FIRST[0] + index }
}

/// Places six points in the cut of an eye.
#[derive(Module, Debug)]
pub(crate) struct EyeNet {
    pub(super) stages: Vec<Stage>,
    pub(super) votes: Votes,
}

impl EyeNet {
    /// A network with random weights whose points start near the eyes of `mean`.
    pub(super) fn new(mean: &[[f32; 2]; 68], device: &Device) -> Self {
        let (mut inputs, mut side) = (1, EYE_PX);
        let mut stages = Vec::with_capacity(WIDTHS.len());
        for (index, width) in WIDTHS.into_iter().enumerate() {
            stages.push(Stage::new([inputs, width], index > 0, device));
            (inputs, side) = (width, side.div_ceil(2));
        }
        let [left, _] = EyeFrame::of(mean);
        let mean: Vec<_> =
            (0..6).map(|index| left.to_unit(mean[eye_point(false, index)])).collect();
        Self { stages, votes: Votes::new(inputs, side, &mean, device) }
    }

    /// Looks at cuts `[eyes, 1, 40, 40]`, right eyes mirrored: `[eyes, 12]`, x and y of six
    /// points in the unit square of the cut, and the mean places of their voters.
    pub(crate) fn forward(&self, cuts: Tensor<4>) -> [Tensor<2>; 2] {
        let mut x = normalised(cuts);
        for stage in &self.stages {
            x = stage.forward(x);
        }
        self.votes.forward(x)
    }

    /// The points `[batch, 136]` with those of the eyes placed anew, as far as they are
    /// visible (`[batch, 3]`, 0..1: left eye, right eye, mouth).
    pub(super) fn refine(
        &self,
        image: &Tensor<4>,
        points: Tensor<2>,
        visible: &Tensor<2>,
    ) -> Tensor<2> {
        let [batch, ..] = image.dims();
        let device = image.device();
        let all = points.reshape([batch, 68, 2]);
        let eye = |first: usize| all.clone().slice([0..batch, first..first + 6]);
        let middles = FIRST.map(|first| eye(first).mean_dim(1));
        let [left, right] = &middles;
        let along = (right.clone() - left.clone()).mul_scalar(EYE_SPAN / 2.0);
        let quarter = Tensor::<1>::from_floats([0.0, 1.0, -1.0, 0.0], &device).reshape([1, 2, 2]);
        let down = along.clone().matmul(quarter.expand([batch, 2, 2]));
        let base = Tensor::<1>::from_floats(cut_grid().as_slice(), &device)
            .reshape([1, EYE_PX * EYE_PX, 2])
            .expand([batch, EYE_PX * EYE_PX, 2]);
        let axes = [
            Tensor::cat(vec![along.clone(), down.clone()], 1),
            Tensor::cat(vec![along.neg(), down], 1),
        ];
        let mut cuts = Vec::with_capacity(2);
        for (middle, axes) in middles.iter().zip(&axes) {
            let at = base.clone().matmul(axes.clone()) + middle.clone();
            let grid = at.mul_scalar(2.0).sub_scalar(1.0).reshape([batch, EYE_PX, EYE_PX, 2]);
            let options = GridSampleOptions {
                mode: InterpolateMode::Bilinear,
                padding_mode: GridSamplePaddingMode::Border,
                align_corners: false,
            };
            cuts.push(image.clone().grid_sample_2d(grid, options));
        }
        let [said, _] = self.forward(Tensor::cat(cuts, 0));
        let mut parts = vec![all.clone().slice([0..batch, 0..36])];
        for (side, (middle, axes)) in middles.iter().zip(&axes).enumerate() {
            let said = said.clone().slice([side * batch..(side + 1) * batch, 0..12]);
            let said = said.reshape([batch, 6, 2]).mul_scalar(2.0).sub_scalar(1.0);
            let mut placed = said.matmul(axes.clone()) + middle.clone();
            if side == 1 {
                let point = |index: usize| placed.clone().slice([0..batch, index..index + 1]);
                placed = Tensor::cat(RIGHT_ORDER.map(point).to_vec(), 1);
            }
            let share = visible.clone().slice([0..batch, side..side + 1]).reshape([batch, 1, 1]);
            let rough = eye(FIRST[side]);
            parts.push(rough.clone() + (placed - rough) * share);
        }
        parts.push(all.slice([0..batch, 48..68]));
        Tensor::cat(parts, 1).reshape([batch, 136])
    }
}

/// The pixels of a cut as `[2 a - 1, 2 b - 1]`, row-major.
pub(super) fn cut_grid() -> Vec<f32> {
    let middle = |i: usize| (2 * i + 1) as f32 / EYE_PX as f32 - 1.0;
    (0..EYE_PX * EYE_PX).flat_map(|at| [middle(at % EYE_PX), middle(at / EYE_PX)]).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::train::weights::values;
    use approx::assert_abs_diff_eq;
    use burn::tensor::Distribution;

    /// Something like a face: eyes where they belong, the rest in rows.
    pub(in super::super) fn mean_shape() -> [[f32; 2]; 68] {
        let mut points =
            std::array::from_fn(|i| [0.2 + 0.6 * (i % 17) as f32 / 17.0, 0.7 - 0.002 * i as f32]);
        for (first, x) in [(36, 0.32), (42, 0.55)] {
            let eye =
                [[0.0, 0.0], [0.04, -0.02], [0.09, -0.02], [0.13, 0.0], [0.09, 0.02], [0.04, 0.02]];
            for (index, [dx, dy]) in eye.into_iter().enumerate() {
                points[first + index] = [x + dx, 0.4 + dy];
            }
        }
        points
    }

    #[test]
    fn the_square_of_an_eye_is_mirrored_on_the_right() {
        let mut points = mean_shape();
        points.iter_mut().for_each(|[x, y]| (*x, *y) = (*x - 0.1 * *y, *y + 0.1 * *x));
        let [left, right] = EyeFrame::of(&points);
        for frame in [left, right] {
            let back = frame.place(frame.to_unit([0.2, 0.3]));
            assert_abs_diff_eq!(back[..], [0.2, 0.3][..], epsilon = 1e-5);
        }
        for index in 0..6 {
            let a = left.to_unit(points[eye_point(false, index)]);
            let b = right.to_unit(points[eye_point(true, index)]);
            assert_abs_diff_eq!(a[..], b[..], epsilon = 1e-3);
        }
        let shaken = left.shaken([0.1, 0.0], 2.0, 0.3);
        let moved = left.to_unit(shaken.center);
        assert_abs_diff_eq!(moved[..], [0.6, 0.5][..], epsilon = 1e-5);
    }

    #[test]
    fn covered_eyes_keep_their_points_and_others_are_placed_anew() {
        let device = Device::flex();
        device.seed(5);
        let mean = mean_shape();
        let net = EyeNet::new(&mean, &device);
        let image = Tensor::random([1, 1, 160, 160], Distribution::Default, &device);
        let rough = Tensor::<1>::from_floats(mean.as_flattened(), &device).reshape([1, 136]);
        let visible = Tensor::<1>::from_floats([1.0, 0.0, 1.0], &device).reshape([1, 3]);
        let fine = values(&net.refine(&image, rough, &visible)).unwrap();
        for (index, (point, old)) in fine.chunks(2).zip(mean).enumerate() {
            let off = (point[0] - old[0]).hypot(point[1] - old[1]);
            if (36..42).contains(&index) {
                assert!(off > 1e-6 && off < 0.08, "{index}: {off}");
            } else {
                assert!(off < 1e-6, "{index}: {off}");
            }
        }
    }
}
