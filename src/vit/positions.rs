//! Fixed two-dimensional sin-cos position embeddings.

/// The table of positions for a `side` x `side` grid: `[side * side, dim]`, row-major.
///
/// The first half of the channels encodes the row, the second the column; each half
/// is sines then cosines of `pos / 10000^(i / (dim/4))`, as in He et al. 2022
/// (masked autoencoders), after Vaswani et al. 2017. `dim` must be divisible by 4;
/// [`VitConfig::validate`](super::VitConfig::validate) sees to it.
pub fn sin_cos_positions(side: usize, dim: usize) -> Vec<f32> {
    let quarter = dim / 4;
    let mut table = Vec::with_capacity(side * side * dim);
    for row in 0..side {
        for col in 0..side {
            for place in [row, col] {
                let angle = |i: usize| place as f64 / 10_000f64.powf(i as f64 / quarter as f64);
                table.extend((0..quarter).map(|i| angle(i).sin() as f32));
                table.extend((0..quarter).map(|i| angle(i).cos() as f32));
            }
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_its_own_row_of_length_dim() {
        let table = sin_cos_positions(3, 16);
        let rows: Vec<_> = table.chunks(16).collect();
        assert_eq!(rows.len(), 9);
        for a in 0..9 {
            for b in 0..a {
                assert_ne!(rows[a], rows[b], "places {a} and {b}");
            }
        }
        assert_eq!(rows[0][..8], [0., 0., 0., 0., 1., 1., 1., 1.]);
    }
}
