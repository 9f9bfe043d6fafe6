//! Faces to look at while pretraining: what they are, what the network is shown of them,
//! and what it makes of that.

use burn::tensor::{Tensor, TensorData};
use image::{Rgb, RgbImage};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{
    TrainError,
    graph::Normalisation,
    mae::{Mae, Masking},
    samples::push_patch,
    weights::values,
};
use crate::{chart::Letters, vit::VitConfig};

/// Faces of a grid.
pub(super) const FACES: usize = 8;
/// Width and height of a face in the grid, pixels, about.
const FACE_PX: usize = 144;
/// Space between faces, and left of them for words.
const GAP: usize = 8;
const MARGIN: usize = 92;
const PAPER: Rgb<u8> = Rgb([0xff; 3]);
const INK: Rgb<u8> = Rgb([0x22; 3]);
const HIDDEN: [f32; 3] = [0.5; 3];

/// Three rows of `crops` (`[3, S, S]`, 0..1): whole, as the network sees them, and as it
/// rebuilds them from that. The maskings are always the same.
///
/// # Errors
/// When the network does not compute in 32-bit floats.
pub(super) fn draw(
    model: &Mae,
    crops: &[Vec<f32>],
    ratio: f32,
    vit: &VitConfig,
    by: &Normalisation,
) -> Result<RgbImage, TrainError> {
    let (px, count) = (vit.image_px, vit.grid().patches());
    let masking = Masking::random(crops.len(), count, ratio, &mut ChaCha8Rng::seed_from_u64(1));
    let device = model.mask_token.val().device();
    let mut pixels = Vec::new();
    for crop in crops {
        (0..count).for_each(|at| push_patch(crop, at, vit, by, &mut pixels));
    }
    let keep: Vec<Vec<f32>> = masking
        .kept
        .iter()
        .map(|kept| (0..count).map(|at| f32::from(u8::from(kept.contains(&at)))).collect())
        .collect();
    let patches = TensorData::new(pixels, [crops.len(), count, vit.patch_values()]);
    let mask = TensorData::new(keep.concat(), [crops.len(), count]);
    let rebuilt = values(
        &model.reconstruct(Tensor::from_data(patches, &device), Tensor::from_data(mask, &device)),
    )?;

    let zoom = (FACE_PX / px.max(1)).max(1);
    let cell = px * zoom + GAP;
    let mut image =
        RgbImage::from_pixel((MARGIN + crops.len() * cell) as u32, (GAP + 3 * cell) as u32, PAPER);
    let letters = Letters::new();
    for (row, word) in ["the face", "as shown", "rebuilt"].into_iter().enumerate() {
        let y = (GAP + row * cell + px * zoom / 2) as f32 - 9.0;
        letters.write(&mut image, (MARGIN as f32 - 12.0, y), 17.0, INK, 1.0, word);
        for (column, crop) in crops.iter().enumerate() {
            let pixel = |x: usize, y: usize| -> [f32; 3] {
                let (side, patch) = (vit.grid().side, vit.patch_px);
                let at = y / patch * side + x / patch;
                let seen = keep[column][at] == 1.0;
                match (row, seen) {
                    (0, _) | (_, true) => [0, 1, 2].map(|c| crop[(c * px + y) * px + x]),
                    (1, false) => HIDDEN,
                    _ => {
                        let within = (y % patch * patch + x % patch) * 3;
                        let from = (column * count + at) * vit.patch_values() + within;
                        [0, 1, 2].map(|c| rebuilt[from + c] * by.std[c] + by.mean[c])
                    }
                }
            };
            for y in 0..px * zoom {
                for x in 0..px * zoom {
                    let value =
                        pixel(x / zoom, y / zoom).map(|v| (v.clamp(0.0, 1.0) * 255.0) as u8);
                    let place = (MARGIN + column * cell + x, GAP + row * cell + y);
                    image.put_pixel(place.0 as u32, place.1 as u32, Rgb(value));
                }
            }
        }
    }
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::tests::small;
    use burn::tensor::Device;

    #[test]
    fn the_rows_are_the_face_what_is_shown_and_what_is_made_of_it() {
        let vit = small(false);
        let by = Normalisation { mean: [0.5; 3], std: [0.25; 3] };
        let mae = Mae::new(&vit, &Device::flex());
        let crops = vec![vec![0.2; 3 * 24 * 24]; 2];
        let image = draw(&mae, &crops, 0.5, &vit, &by).unwrap();
        let (zoom, cell) = (FACE_PX / 24, FACE_PX + GAP);
        let at = |row: usize, patch: usize| {
            let (x, y) = (patch % 3 * 8 + 4, patch / 3 * 8 + 4);
            image.get_pixel((MARGIN + x * zoom) as u32, (GAP + row * cell + y * zoom) as u32).0
        };
        let hidden: Vec<usize> = (0..9).filter(|&patch| at(1, patch) == [127; 3]).collect();
        assert_eq!(hidden.len(), 5, "half of nine patches, rounded");
        for patch in 0..9 {
            assert_eq!(at(0, patch), [51; 3]);
            if !hidden.contains(&patch) {
                assert_eq!((at(1, patch), at(2, patch)), ([51; 3], [51; 3]));
            }
        }
        assert!(hidden.iter().any(|&patch| at(2, patch) != [51; 3]), "rebuilt by guessing");
    }
}
