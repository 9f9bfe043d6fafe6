//! A prepared folder in memory: every crop with what is known about it.

use std::path::{Path, PathBuf};

use image::{ImageReader, RgbImage, imageops};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{
    DatasetError,
    manifest::{Item, Manifest},
};

/// Name of the list inside a prepared folder.
pub const INDEX: &str = "index.csv";
/// Width and height of a stored crop over those of the aligned crop inside it: a margin
/// of real pixels for shifts, turns and changes of scale.
pub const MARGIN: f32 = 4.0 / 3.0;
/// Largest stored crop in pixels.
const MAX_PX: u32 = 1024;

/// The crops of a folder.
#[derive(Debug)]
pub struct CropSet {
    /// What is known about each crop.
    pub items: Vec<Item>,
    /// The stored crops (with their margin), all of one size.
    pub images: Vec<RgbImage>,
    /// SHA-256 over the list and the crops, hexadecimal.
    pub digest: String,
}

impl CropSet {
    /// Loads a prepared folder, or the list that is given.
    ///
    /// # Errors
    /// When the list is none, or a crop cannot be read or is of another size.
    pub fn load(path: &Path) -> Result<Self, DatasetError> {
        let index: PathBuf = if path.is_dir() { path.join(INDEX) } else { path.into() };
        let items = Manifest::read(&index)?.items;
        let read: Vec<(RgbImage, [u8; 32])> =
            items.par_iter().map(|item| read(&item.file)).collect::<Result<_, _>>()?;
        let size = read.first().map_or(0, |(image, _)| image.width());
        for (item, (image, _)) in items.iter().zip(&read) {
            if image.dimensions() != (size, size) || size == 0 || size > MAX_PX {
                let (w, h) = image.dimensions();
                return Err(DatasetError::Crop {
                    path: item.file.clone(),
                    why: format!("it is {w} x {h} px where the first one is {size} x {size}"),
                });
            }
        }
        let list = std::fs::read(&index).map_err(DatasetError::io(&index, "read"))?;
        let mut digest = Sha256::new_with_prefix(list);
        for (_, one) in &read {
            digest.update(one);
        }
        let digest = hex::encode(digest.finalize());
        let images = read.into_iter().map(|(image, _)| image).collect();
        Ok(Self { items, images, digest })
    }

    /// Mean and deviation of each colour channel over the crops, 0..1.
    pub fn channel_statistics(&self) -> ([f32; 3], [f32; 3]) {
        let (mut sum, mut squares, mut count) = ([0.0f64; 3], [0.0f64; 3], 0u64);
        // A few thousand crops tell the mean well enough.
        let step = (self.images.len() / 4000).max(1);
        for image in self.images.iter().step_by(step) {
            for pixel in image.pixels() {
                for (channel, value) in pixel.0.into_iter().enumerate() {
                    let value = f64::from(value) / 255.0;
                    sum[channel] += value;
                    squares[channel] += value * value;
                }
                count += 1;
            }
        }
        let count = count.max(1) as f64;
        let mean = sum.map(|sum| sum / count);
        let std = std::array::from_fn(|c| {
            let variance = squares[c] / count - mean[c] * mean[c];
            variance.max(1e-4).sqrt() as f32
        });
        (mean.map(|mean| mean as f32), std)
    }
}

/// Two stored crops of one size that show nothing but eyes, as one: the left half of the
/// first and the right half of the second.
pub fn halves(mut left: RgbImage, right: &RgbImage) -> RgbImage {
    let middle = left.width().min(right.width()) / 2;
    let half = imageops::crop_imm(right, middle, 0, right.width() - middle, right.height());
    imageops::replace(&mut left, &half.to_image(), i64::from(middle), 0);
    left
}

/// A crop and the digest of its file.
fn read(path: &Path) -> Result<(RgbImage, [u8; 32]), DatasetError> {
    let bytes = std::fs::read(path).map_err(DatasetError::io(path, "read"))?;
    let failed = |why: String| DatasetError::Crop { path: path.into(), why };
    let mut reader = ImageReader::new(std::io::Cursor::new(&bytes))
        .with_guessed_format()
        .map_err(|error| failed(error.to_string()))?;
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_PX);
    limits.max_image_height = Some(MAX_PX);
    reader.limits(limits);
    let image = reader.decode().map_err(|error| failed(error.to_string()))?.into_rgb8();
    Ok((image, Sha256::digest(&bytes).into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn a_folder_is_loaded_with_its_statistics_and_odd_crops_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let save = |name: &str, px: u32, colour: [u8; 3]| {
            RgbImage::from_pixel(px, px, Rgb(colour)).save(root.join(name)).unwrap();
        };
        save("a.png", 8, [255, 0, 51]);
        save("b.png", 8, [255, 255, 51]);
        let write = |text: &str| std::fs::write(root.join(INDEX), text).unwrap();
        write("file,label,subject\na.png,awake,x\nb.png,drowsy,y\n");
        let set = CropSet::load(root).unwrap();
        assert_eq!((set.items.len(), set.images[0].width()), (2, 8));
        let (mean, std) = set.channel_statistics();
        assert_eq!(mean, [1.0, 0.5, 0.2]);
        assert_eq!(std[1], 0.5);
        let digest = set.digest;
        save("b.png", 8, [255, 254, 51]);
        assert_ne!(CropSet::load(root).unwrap().digest, digest, "the pixels are part of it");

        save("c.png", 9, [0; 3]);
        write("file,label,subject\na.png,awake,x\nc.png,drowsy,y\n");
        let error = CropSet::load(root).unwrap_err().to_string();
        assert!(error.contains("c.png") && error.contains("9 x 9"), "{error}");
        std::fs::write(root.join("c.png"), "no picture").unwrap();
        let error = CropSet::load(root).unwrap_err().to_string();
        assert!(error.contains("c.png"), "{error}");
    }

    #[test]
    fn two_crops_of_eyes_become_one() {
        let [dark, light] = [10, 200].map(|grey| RgbImage::from_pixel(8, 8, Rgb([grey; 3])));
        let both = halves(dark, &light);
        assert_eq!((both.get_pixel(3, 7).0, both.get_pixel(4, 0).0), ([10; 3], [200; 3]));
        assert_eq!(both.dimensions(), (8, 8));
    }
}
