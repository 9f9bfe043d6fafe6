//! How BlazeFace writes its answer (Bazarevsky et al. 2019; the model for back cameras, 256
//! px): two grids of cells, each cell several times, and in each a score, a box and six
//! points as offsets in pixels of the canvas.

use super::cells::CanvasFace;

/// Width and height of its canvas, pixels.
pub(crate) const CANVAS_PX: usize = 256;
/// Its grids: cells a side, and how often each cell answers.
const GRIDS: [(usize, usize); 2] = [(16, 2), (8, 6)];
/// Answers of each grid.
pub(crate) const ANSWERS: [usize; 2] = [512, 384];
/// Values of an answer beside its score: middle, size, eyes, nose, mouth, ears; x and y.
pub(crate) const VALUES: usize = 16;
/// Its input: `[1, 256, 256, 3]`, RGB -1..1.
pub(crate) const INPUT: &str = "input:0";
/// Its scores `[1, answers, 1]` (logits) of each grid.
pub(crate) const SCORES: [&str; 2] = ["Identity:0", "Identity_1:0"];
/// Its values `[1, answers, 16]` of each grid.
pub(crate) const BOXES: [&str; 2] = ["Identity_2:0", "Identity_3:0"];

/// The faces with a score of at least `least` (0..1) in one grid's answers: scores
/// `[answers]` and values `[answers, 16]`. The corners of the mouth are both its middle,
/// which is all that the model knows.
pub(crate) fn faces(
    grid: usize,
    scores: &[f32],
    values: &[f32],
    least: f32,
) -> impl Iterator<Item = CanvasFace> {
    let (side, times) = GRIDS[grid.min(1)];
    let (values, _) = values.as_chunks::<VALUES>();
    let step = CANVAS_PX as f32 / side as f32;
    scores.iter().zip(values).enumerate().filter_map(move |(at, (logit, values))| {
        let score = 1.0 / (1.0 + (-logit).exp());
        let cell = at / times;
        let middle = [cell % side, cell / side].map(|place| (place as f32 + 0.5) * step);
        let place = |index: usize| [0, 1].map(|axis| middle[axis] + values[2 * index + axis]);
        let mouth = place(5);
        (score >= least).then(|| CanvasFace {
            score,
            middle: place(0),
            size: [values[2].max(1.0), values[3].max(1.0)],
            points: [place(2), place(3), place(4), mouth, mouth],
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn an_answer_is_an_offset_from_its_cell() {
        let mut scores = vec![-9.0; ANSWERS[1]];
        let mut values = vec![0.0; ANSWERS[1] * VALUES];
        // The second cell of the second row, its fourth answer.
        let at = (8 + 1) * 6 + 3;
        scores[at] = 2.0;
        values[at * VALUES..][..VALUES].copy_from_slice(&[
            4.0, -2.0, 60.0, 70.0, -10.0, -8.0, 12.0, -8.0, 0.0, 3.0, 1.0, 20.0, -30.0, 0.0, 30.0,
            0.0,
        ]);
        let found: Vec<_> = faces(1, &scores, &values, 0.5).collect();
        assert_eq!(found.len(), 1);
        let face = found[0];
        assert_abs_diff_eq!(face.score, 0.8808, epsilon = 1e-3);
        assert_eq!((face.middle, face.size), ([52.0, 46.0], [60.0, 70.0]));
        assert_eq!(face.points[1], [60.0, 40.0]);
        assert_eq!((face.points[3], face.points[4]), ([49.0, 68.0], [49.0, 68.0]));
        assert_eq!(faces(1, &scores, &values, 0.9).count(), 0);
    }
}
