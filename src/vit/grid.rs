//! The patch grid over an aligned face crop, the 3x3 landmark cells that the method
//! is built on, and the Q mask that keeps attention on them.

use serde::{Deserialize, Serialize};

/// A cell of the 3x3 grid over the crop that holds a landmark of the face.
///
/// Cells are numbered 1..=9 row by row, as the reference method numbers its patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    /// Cell 1: the eye on the left of the picture.
    LeftEye,
    /// Cell 3: the eye on the right of the picture.
    RightEye,
    /// Cell 5: the nose.
    Nose,
    /// Cell 8: the mouth.
    Mouth,
}

impl Cell {
    /// All landmark cells, in the order of their numbers.
    pub const ALL: [Cell; 4] = [Cell::LeftEye, Cell::RightEye, Cell::Nose, Cell::Mouth];

    /// The reference method's number of this cell, 1..=9.
    pub fn number(self) -> usize {
        match self {
            Cell::LeftEye => 1,
            Cell::RightEye => 3,
            Cell::Nose => 5,
            Cell::Mouth => 8,
        }
    }

    /// Row and column of the cell in the 3x3 grid, from 0.
    pub fn row_col(self) -> (usize, usize) {
        ((self.number() - 1) / 3, (self.number() - 1) % 3)
    }
}

/// Which patches the other tokens may attend to (the "Q mask").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QMask {
    /// Every patch.
    None,
    /// The patches of the landmark cells 1, 3, 5 and 8: the reference method's.
    #[default]
    Landmark,
    /// The landmark patches that the landmark network says are not covered.
    Visible,
}

/// A square crop cut into `side` x `side` patches, numbered row by row from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchGrid {
    /// Patches along one side.
    pub side: usize,
    /// Width and height of one patch in pixels of the crop.
    pub patch_px: usize,
}

impl PatchGrid {
    /// Number of patches.
    pub fn patches(&self) -> usize {
        self.side * self.side
    }

    /// Width and height of the crop in pixels.
    pub fn image_px(&self) -> usize {
        self.side * self.patch_px
    }

    /// The landmark cell that holds the centre of patch `index`, if any.
    ///
    /// With a 3x3 grid the patch is the cell; a finer grid has several patches a cell.
    pub fn cell_of(&self, index: usize) -> Option<Cell> {
        let third = |i: usize| (2 * i + 1) * 3 / (2 * self.side);
        let place = (third(index / self.side), third(index % self.side));
        Cell::ALL.into_iter().find(|cell| cell.row_col() == place)
    }

    /// The mask over the patches (`[patches]`, true = may be attended to).
    ///
    /// `visible` says for each landmark cell, in the order of [`Cell::ALL`], whether
    /// it is uncovered; only [`QMask::Visible`] reads it. Should nothing be visible,
    /// all landmark cells are kept, since a mask that keeps nothing tells nothing.
    pub fn keep(&self, mask: QMask, visible: [bool; 4]) -> Vec<bool> {
        let all_covered = visible.iter().all(|seen| !seen);
        (0..self.patches())
            .map(|patch| match (mask, self.cell_of(patch)) {
                (QMask::None, _) => true,
                (_, None) => false,
                (QMask::Landmark, Some(_)) => true,
                (QMask::Visible, Some(cell)) => all_covered || visible[cell as usize],
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(grid: PatchGrid, mask: QMask, visible: [bool; 4]) -> Vec<usize> {
        let keep = grid.keep(mask, visible);
        (0..keep.len()).filter(|&i| keep[i]).map(|i| i + 1).collect()
    }

    #[test]
    fn the_seed_grid_keeps_eyes_nose_and_mouth() {
        let grid = PatchGrid { side: 3, patch_px: 24 };
        assert_eq!(grid.image_px(), 72);
        assert_eq!(numbers(grid, QMask::Landmark, [true; 4]), [1, 3, 5, 8]);
        assert_eq!(numbers(grid, QMask::None, [true; 4]).len(), 9);
    }

    #[test]
    fn a_covered_mouth_leaves_the_visible_mask_but_never_an_empty_one() {
        let grid = PatchGrid { side: 3, patch_px: 24 };
        assert_eq!(numbers(grid, QMask::Visible, [true, true, true, false]), [1, 3, 5]);
        assert_eq!(numbers(grid, QMask::Visible, [false; 4]), [1, 3, 5, 8]);
    }

    #[test]
    fn a_finer_grid_keeps_the_patches_inside_the_cells() {
        let grid = PatchGrid { side: 9, patch_px: 8 };
        let keep = grid.keep(QMask::Landmark, [true; 4]);
        assert_eq!(keep.iter().filter(|k| **k).count(), 4 * 9);
        assert!(keep[0] && keep[8] && keep[4 * 9 + 4] && keep[8 * 9 + 4]);
        assert!(!keep[4] && !keep[8 * 9]);
    }
}
