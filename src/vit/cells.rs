//! How the detector's answer is written: every cell of three grids says whether a face has
//! its middle near it, and if so where its box and its five points lie. Training writes this
//! form, tracking reads it, so that this is the one place that says how.

/// Pixels of the canvas from one cell to the next, by level. Width and height of a canvas
/// are multiples of the last.
pub const STRIDES: [usize; 3] = [8, 16, 32];
/// Sizes of the faces (root of width times height, canvas pixels) that each level answers
/// for. Neighbours overlap, so that no size falls between two levels.
pub const SIZES_PX: [[f32; 2]; 3] = [[8.0, 36.0], [26.0, 92.0], [66.0, 400.0]];
/// What positions of each level are counted in, canvas pixels.
pub const UNITS_PX: [f32; 3] = [16.0, 44.0, 120.0];
/// Values of a cell: score, middle x and y, logarithms of width and height, five points.
pub const VALUES: usize = 1 + 2 + 2 + 10;
/// Boxes that share more than this of their union are the same face.
const SAME_FACE: f32 = 0.35;
/// Most faces that are kept of a picture, so that a picture full of them costs bounded time.
const MOST_FACES: usize = 64;
/// Largest logarithm of a size over its unit that is believed.
const MOST_LOG: f32 = 2.5;

/// A cell of one of the grids.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Its middle in pixels of the canvas, `[x, y]`.
    pub middle: [f32; 2],
    /// Its level, 0..3.
    pub level: usize,
}

/// The cells of a canvas in the order of the answer: level by level, row by row.
pub fn cells(width: usize, height: usize) -> impl Iterator<Item = Cell> {
    STRIDES.into_iter().enumerate().flat_map(move |(level, stride)| {
        let (cols, rows) = (width / stride, height / stride);
        (0..rows * cols).map(move |at| {
            let place = |i: usize| (i as f32 + 0.5) * stride as f32;
            Cell { middle: [place(at % cols), place(at / cols)], level }
        })
    })
}

/// How many cells a canvas has.
pub fn count(width: usize, height: usize) -> usize {
    STRIDES.iter().map(|stride| (width / stride) * (height / stride)).sum()
}

/// A face on the canvas, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CanvasFace {
    /// How sure the detector is, 0..1.
    pub score: f32,
    /// Middle of the box, `[x, y]`.
    pub middle: [f32; 2],
    /// Width and height of the box.
    pub size: [f32; 2],
    /// Left eye, right eye (of the picture), nose, left and right corner of the mouth.
    pub points: [[f32; 2]; 5],
}

impl CanvasFace {
    /// Root of width times height.
    pub fn side(&self) -> f32 {
        (self.size[0] * self.size[1]).sqrt()
    }

    /// Shared area over the area of the union of two boxes, 0..1.
    pub fn overlap(&self, other: &Self) -> f32 {
        let shared = [0, 1].map(|axis| {
            let low = |f: &Self| f.middle[axis] - f.size[axis] / 2.0;
            let high = |f: &Self| f.middle[axis] + f.size[axis] / 2.0;
            (high(self).min(high(other)) - low(self).max(low(other))).max(0.0)
        });
        let shared = shared[0] * shared[1];
        let area = |f: &Self| f.size[0] * f.size[1];
        shared / (area(self) + area(other) - shared).max(f32::MIN_POSITIVE)
    }
}

/// What the values of a cell are for a face; the inverse of [`face`].
pub fn values(cell: &Cell, face: &CanvasFace) -> [f32; VALUES] {
    let unit = UNITS_PX[cell.level];
    let mut values = [face.score; VALUES];
    for axis in 0..2 {
        values[1 + axis] = (face.middle[axis] - cell.middle[axis]) / unit;
        values[3 + axis] = (face.size[axis].max(1.0) / unit).ln();
        for (index, point) in face.points.iter().enumerate() {
            values[5 + 2 * index + axis] = (point[axis] - cell.middle[axis]) / unit;
        }
    }
    values
}

/// The face that a cell speaks of.
pub fn face(cell: &Cell, values: &[f32; VALUES]) -> CanvasFace {
    let unit = UNITS_PX[cell.level];
    let place = |at: usize, axis: usize| cell.middle[axis] + unit * values[at + axis];
    let size = |at: usize| unit * values[at].clamp(-MOST_LOG, MOST_LOG).exp();
    CanvasFace {
        score: values[0],
        middle: [place(1, 0), place(1, 1)],
        size: [size(3), size(4)],
        points: std::array::from_fn(|index| [place(5 + 2 * index, 0), place(5 + 2 * index, 1)]),
    }
}

/// The faces of an answer `[VALUES, cells]` with a score of at least `least`, surest first,
/// each once.
pub fn faces(answer: &[f32], width: usize, height: usize, least: f32) -> Vec<CanvasFace> {
    let cells_of = count(width, height);
    if answer.len() != VALUES * cells_of {
        return Vec::new();
    }
    let all = cells(width, height)
        .enumerate()
        .filter(|(at, _)| answer[*at] >= least)
        .map(|(at, cell)| face(&cell, &std::array::from_fn(|v| answer[v * cells_of + at])));
    each_once(all.collect())
}

/// The faces, surest first, each once: of boxes that are the same face, the surest.
pub fn each_once(mut all: Vec<CanvasFace>) -> Vec<CanvasFace> {
    all.sort_by(|one, other| other.score.total_cmp(&one.score));
    let mut kept: Vec<CanvasFace> = Vec::new();
    for face in all {
        if kept.len() == MOST_FACES {
            break;
        }
        // The head of a smaller box inside a larger one is the same face, too.
        let inside = |one: &CanvasFace| {
            let near = (one.middle[0] - face.middle[0]).hypot(one.middle[1] - face.middle[1]);
            near < 0.3 * one.side().min(face.side())
        };
        if kept.iter().all(|one| one.overlap(&face) < SAME_FACE && !inside(one)) {
            kept.push(face);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    fn some(middle: [f32; 2], side: f32, score: f32) -> CanvasFace {
        let points = std::array::from_fn(|i| [middle[0] + i as f32, middle[1] - i as f32]);
        CanvasFace { score, middle, size: [side, 1.2 * side], points }
    }

    #[test]
    fn a_face_survives_being_written_and_read() {
        let truth = some([70.0, 41.0], 50.0, 0.8);
        for cell in cells(128, 96) {
            let back = face(&cell, &values(&cell, &truth));
            assert_abs_diff_eq!(back.middle[..], truth.middle[..], epsilon = 1e-3);
            assert_abs_diff_eq!(back.points[4][..], truth.points[4][..], epsilon = 1e-3);
            if cell.level == 1 {
                assert_abs_diff_eq!(back.size[..], truth.size[..], epsilon = 1e-3);
            }
        }
    }

    #[test]
    fn each_face_comes_once_and_the_surest_first() {
        let (width, height) = (128, 96);
        let cells: Vec<_> = cells(width, height).collect();
        assert_eq!(cells.len(), count(width, height));
        let mut answer = vec![0.0; VALUES * cells.len()];
        let mut say = |face: &CanvasFace, level: usize| {
            let at = cells.iter().position(|c| {
                c.level == level
                    && (c.middle[0] - face.middle[0]).abs() <= 16.0
                    && (c.middle[1] - face.middle[1]).abs() <= 16.0
            });
            let at = at.unwrap();
            for (v, value) in values(&cells[at], face).into_iter().enumerate() {
                answer[v * cells.len() + at] = value;
            }
        };
        say(&some([30.0, 40.0], 40.0, 0.7), 1);
        say(&some([32.0, 41.0], 42.0, 0.9), 2);
        say(&some([100.0, 50.0], 40.0, 0.8), 1);
        say(&some([60.0, 20.0], 30.0, 0.2), 0);
        let found = faces(&answer, width, height, 0.5);
        let scores: Vec<_> = found.iter().map(|face| face.score).collect();
        assert_eq!(scores, [0.9, 0.8]);
        assert!(faces(&answer[1..], width, height, 0.5).is_empty());
    }
}
