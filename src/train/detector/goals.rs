//! Which cells answer for which face, and what the detector is punished for.

use burn::tensor::{
    Device, Tensor, TensorData,
    activation::{relu, sigmoid},
};

use super::scene::{Goal, Scene};
use crate::vit::cells::{self, CanvasFace, SIZES_PX, UNITS_PX, VALUES};

/// Cells whose middle lies this near to the middle of a face answer for it, in sides of
/// the face.
const ANSWERS: f32 = 0.18;
/// Cells nearer than this may answer or not: nothing is learned from their score.
const MAY_ANSWER: f32 = 0.42;
/// Power of the focal loss: what is right already counts little (Lin et al. 2017).
const FOCUS: f32 = 2.0;
/// Weight of a cell without a face against one with a face.
const EMPTY_WEIGHT: f32 = 0.6;
/// Weights of the middle and size of the box, and of the five points.
const PLACE_WEIGHTS: [f32; 2] = [1.0, 1.5];
/// Below this error, in sides of the face, the loss of places is quadratic.
const SMOOTH: f32 = 0.04;
/// Cells that answer for a face on average: what the loss is divided by for each scene.
const CELLS_A_FACE: f32 = 3.0;

/// What the cells of some scenes are to say.
pub(super) struct Goals {
    /// Scenes, cells.
    shape: [usize; 2],
    /// `[scenes, cells]`: 1 where a face is to be told.
    score: Vec<f32>,
    /// The same: how much is learned from the score.
    counts: Vec<f32>,
    /// `[scenes, VALUES, cells]`: what is to be said where a face is to be told.
    values: Vec<f32>,
    /// The same: how much is learned from it, so that errors count in sides of the face.
    weights: Vec<f32>,
}

impl Goals {
    /// Of scenes on canvases of `side` x `side`.
    pub(super) fn new(scenes: &[Scene], side: usize) -> Self {
        let cells: Vec<_> = cells::cells(side, side).collect();
        let size = cells.len();
        let mut goals = Self {
            shape: [scenes.len(), size],
            score: vec![0.0; scenes.len() * size],
            counts: vec![EMPTY_WEIGHT; scenes.len() * size],
            values: vec![0.0; scenes.len() * size * VALUES],
            weights: vec![0.0; scenes.len() * size * VALUES],
        };
        for (number, scene) in scenes.iter().enumerate() {
            for (at, cell) in cells.iter().enumerate() {
                goals.set(number, at, cell, scene);
            }
        }
        goals
    }

    fn set(&mut self, scene: usize, at: usize, cell: &cells::Cell, truth: &Scene) {
        let [_, size] = self.shape;
        let place = scene * size + at;
        let mut nearest = f32::MAX;
        for (goal, face) in &truth.faces {
            let side = face.side();
            let off = [0, 1].map(|axis| (cell.middle[axis] - face.middle[axis]).abs());
            let near = off[0].hypot(off[1]) / side;
            // At least the cell that the middle lies in answers.
            let own = off.iter().all(|off| *off <= cells::STRIDES[cell.level] as f32 / 2.0);
            let [low, high] = SIZES_PX[cell.level];
            let fits = (low..=high).contains(&side);
            let nearly = (0.7 * low..=1.4 * high).contains(&side);
            match goal {
                Goal::None => {}
                Goal::Doubtful if near < 0.7 || own => self.counts[place] = 0.0,
                Goal::Face if fits && (near <= ANSWERS || own) && near < nearest => {
                    nearest = near;
                    self.tell(scene, at, cell, face);
                }
                Goal::Face if nearest == f32::MAX && nearly && (near <= MAY_ANSWER || own) => {
                    self.counts[place] = 0.0;
                }
                _ => {}
            }
        }
    }

    fn tell(&mut self, scene: usize, at: usize, cell: &cells::Cell, face: &CanvasFace) {
        let [_, size] = self.shape;
        (self.score[scene * size + at], self.counts[scene * size + at]) = (1.0, 1.0);
        let values = cells::values(cell, face);
        for (value, truth) in values.into_iter().enumerate().skip(1) {
            let place = (scene * VALUES + value) * size + at;
            self.values[place] = truth;
            // Logarithms of sizes are in sides of the face already.
            self.weights[place] = match value {
                3 | 4 => 1.0,
                _ => UNITS_PX[cell.level] / face.side(),
            };
        }
    }

    /// The loss of what was said of the scenes, `[scenes, VALUES, cells]`, as their share in
    /// a batch of `of` scenes.
    pub(super) fn loss(&self, said: Tensor<3>, of: usize, device: &Device) -> Tensor<1> {
        let [scenes, size] = self.shape;
        let tensor = |values: &[f32], rows: usize| {
            Tensor::<3>::from_data(TensorData::new(values.to_vec(), [scenes, rows, size]), device)
        };
        let score = said.clone().slice([0..scenes, 0..1, 0..size]);
        let truth = tensor(&self.score, 1);
        let probability = sigmoid(score.clone());
        let wrong = (truth.clone() - probability).abs();
        let entropy = relu(score.clone()) - score.clone() * truth + score.abs().neg().exp().log1p();
        let told = (entropy * wrong.powf_scalar(FOCUS) * tensor(&self.counts, 1)).sum();
        let weights = tensor(&self.weights, VALUES);
        let error = (said - tensor(&self.values, VALUES)).abs() * weights.clone();
        let quadratic = error.clone().powi_scalar(2).div_scalar(2.0 * SMOOTH);
        let linear = error.clone().sub_scalar(SMOOTH / 2.0);
        let places = linear.mask_where(error.lower_elem(SMOOTH), quadratic);
        let part = |from: usize, to: usize| places.clone().slice([0..scenes, from..to, 0..size]);
        let boxes = part(1, 5).sum().mul_scalar(PLACE_WEIGHTS[0] / 4.0);
        let points = part(5, VALUES).sum().mul_scalar(PLACE_WEIGHTS[1] / 10.0);
        // Errors of a tenth of the face weigh about as much as a face that was not told.
        (told + (boxes + points).mul_scalar(5.0)).div_scalar(CELLS_A_FACE * of.max(1) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 96;

    fn scene(goal: Goal, side: f32) -> Scene {
        let face = CanvasFace {
            score: 1.0,
            middle: [40.0, 44.0],
            size: [side; 2],
            points: [[38.0, 40.0]; 5],
        };
        Scene { image: vec![0.5; SIDE * SIDE], faces: vec![(goal, face)] }
    }

    fn told(goals: &Goals) -> Vec<usize> {
        let cells: Vec<_> = cells::cells(SIDE, SIDE).collect();
        let is = |at: &usize| goals.score[*at] == 1.0;
        (0..cells.len()).filter(is).map(|at| cells[at].level).collect()
    }

    #[test]
    fn a_face_is_told_on_the_levels_of_its_size() {
        assert!(told(&Goals::new(&[scene(Goal::Face, 14.0)], SIDE)).iter().all(|l| *l == 0));
        let both = told(&Goals::new(&[scene(Goal::Face, 30.0)], SIDE));
        assert!(both.contains(&0) && both.contains(&1) && !both.contains(&2), "{both:?}");
        assert!(told(&Goals::new(&[scene(Goal::Face, 90.0)], SIDE)).contains(&2));
        assert!(told(&Goals::new(&[scene(Goal::None, 30.0)], SIDE)).is_empty());
        let doubtful = Goals::new(&[scene(Goal::Doubtful, 30.0)], SIDE);
        assert!(told(&doubtful).is_empty() && doubtful.counts.contains(&0.0));
    }

    #[test]
    fn the_truth_costs_next_to_nothing_and_anything_else_more() {
        let device = Device::flex();
        let goals = Goals::new(&[scene(Goal::Face, 30.0)], SIDE);
        let [_, size] = goals.shape;
        let mut said = goals.values.clone();
        for at in 0..size {
            said[at] = if goals.score[at] == 1.0 { 9.0 } else { -9.0 };
        }
        let cost = |said: &[f32]| {
            let data = TensorData::new(said.to_vec(), [1, VALUES, size]);
            goals.loss(Tensor::from_data(data, &device), 1, &device).into_scalar::<f32>()
        };
        let right = cost(&said);
        assert!(right < 1e-3, "{right}");
        let off: Vec<f32> = said.iter().map(|v| v + 0.1).collect();
        assert!(cost(&off) > 0.1);
        let blind: Vec<f32> =
            (0..said.len()).map(|i| if i < size { -9.0 } else { said[i] }).collect();
        assert!(cost(&blind) > 1.0);
    }
}
