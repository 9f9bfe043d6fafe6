//! Still pictures: one file, a list, or a folder in natural order at a nominal frame
//! rate. Orientation tags are applied, sizes are limited, and a file that cannot be
//! read names itself.

use std::{
    cmp::Ordering,
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

use super::{Source, SourceError, SourceInfo};
use crate::frame::Frame;

/// Files that count as pictures, by the end of their name.
const EXTENSIONS: [&str; 3] = ["jpg", "jpeg", "png"];

/// Largest picture file that is read, bytes.
const MAX_FILE_BYTES: u64 = 128 << 20;

/// Largest side of a picture, pixels.
const MAX_SIDE_PX: u32 = 16_384;

/// Most memory a decoder may ask for, bytes.
const MAX_DECODE_BYTES: u64 = 768 << 20;

/// True when a file's name says that it is a picture.
pub fn is_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Reads a picture and turns it upright by its EXIF tag.
///
/// # Errors
/// When the file is missing, no JPEG or PNG, empty, truncated or too large; the
/// sentence names it.
pub fn load_image(path: &Path) -> Result<RgbImage, SourceError> {
    let unreadable =
        |why: String| SourceError::Unreadable { path: path.into(), what: "a picture", why };
    let size = match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(SourceError::NotFound(path.into()));
        }
        Err(error) => return Err(unreadable(error.to_string())),
        Ok(data) if !data.is_file() => return Err(unreadable("it is not a file".into())),
        Ok(data) => data.len(),
    };
    if size == 0 {
        return Err(unreadable("the file is empty".into()));
    }
    if size > MAX_FILE_BYTES {
        return Err(unreadable(format!("it is larger than {} MiB", MAX_FILE_BYTES >> 20)));
    }
    let file = BufReader::new(File::open(path).map_err(|error| unreadable(error.to_string()))?);
    let mut reader = ImageReader::new(file)
        .with_guessed_format()
        .map_err(|error| unreadable(error.to_string()))?;
    let Some(format) = reader.format() else {
        return Err(unreadable("it is neither JPEG nor PNG".into()));
    };
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE_PX);
    limits.max_image_height = Some(MAX_SIDE_PX);
    limits.max_alloc = Some(MAX_DECODE_BYTES);
    reader.limits(limits);
    let decode = || {
        let mut decoder = reader.into_decoder()?;
        let orientation = decoder.orientation()?;
        let mut picture = DynamicImage::from_decoder(decoder)?;
        picture.apply_orientation(orientation);
        Ok::<_, image::ImageError>(picture.into_rgb8())
    };
    let picture = decode().map_err(|error| unreadable(error.to_string()))?;
    // The JPEG reader fills what is missing with grey instead of saying so.
    if format == ImageFormat::Jpeg
        && !jpeg_has_end(path).map_err(|error| unreadable(error.to_string()))?
    {
        return Err(unreadable("its end is missing".into()));
    }
    Ok(picture)
}

/// Whether an end-of-image marker follows the first scan of a JPEG file.
///
/// The segments before the scan are stepped over by their lengths, since a thumbnail
/// in one of them has an end marker of its own.
fn jpeg_has_end(path: &Path) -> std::io::Result<bool> {
    let bytes = fs::read(path)?;
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..at + 4) {
        match marker {
            0xff => at += 1,
            0xda => return Ok(bytes[at..].windows(2).any(|pair| pair == [0xff, 0xd9])),
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])),
        }
    }
    Ok(false)
}

/// Pictures in order, one frame each.
pub struct Pictures {
    files: Vec<PathBuf>,
    next: usize,
    fps: f32,
    name: String,
}

impl Pictures {
    /// The pictures of a folder in natural order (`2.jpg` before `10.jpg`), not those of
    /// its sub-folders.
    ///
    /// # Errors
    /// When the folder cannot be read or holds no picture.
    pub fn open_folder(folder: &Path, fps: f32) -> Result<Self, SourceError> {
        let unreadable = |error: std::io::Error| SourceError::Unreadable {
            path: folder.into(),
            what: "a folder of pictures",
            why: error.to_string(),
        };
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
            if is_picture(&path) && !hidden && path.is_file() {
                files.push(path);
            }
        }
        files.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()).then(a.cmp(b)));
        if files.is_empty() {
            return Err(SourceError::NoPictures(folder.into()));
        }
        Ok(Self { files, next: 0, fps, name: folder.display().to_string() })
    }

    /// These pictures, in the order given.
    ///
    /// # Errors
    /// When one of the files does not exist.
    pub fn open_list(files: Vec<PathBuf>, fps: f32) -> Result<Self, SourceError> {
        if let Some(missing) = files.iter().find(|path| !path.exists()) {
            return Err(SourceError::NotFound(missing.clone()));
        }
        let name = files.first().map(|path| path.display().to_string()).unwrap_or_default();
        Ok(Self { files, next: 0, fps, name })
    }

    /// Leaves out the pictures before this one, or all but the last.
    pub fn skip_to(&mut self, index: u64) {
        let last = self.files.len().saturating_sub(1);
        self.next = usize::try_from(index).unwrap_or(last).min(last);
    }

    /// The files, in the order of the frames.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }
}

impl Source for Pictures {
    /// The next picture. After an unreadable one the call may be repeated: it goes on
    /// with the one after it.
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        let index = self.next;
        let Some(path) = self.files.get(index) else { return Ok(None) };
        self.next += 1;
        let image = Arc::new(load_image(path)?);
        let at = Duration::from_secs_f64(index as f64 / f64::from(self.fps));
        Ok(Some(Frame { image, at, index: index as u64 }))
    }

    fn info(&self) -> SourceInfo {
        SourceInfo {
            name: self.name.clone(),
            live: false,
            fps: Some(self.fps),
            frames: Some(self.files.len() as u64),
        }
    }
}

/// Compares names as people count: runs of digits by their value, letters without case.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.chars().peekable(), b.chars().peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (x, y) = (digits(&mut a), digits(&mut b));
                x.len().cmp(&y.len()).then(x.cmp(&y))
            }
            (Some(_), Some(_)) => {
                let lower = |c: Option<char>| c.and_then(|c| c.to_lowercase().next());
                lower(a.next()).cmp(&lower(b.next()))
            }
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The digits that come next, without leading zeros.
fn digits(chars: &mut std::iter::Peekable<std::str::Chars>) -> String {
    let mut run = String::new();
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        run.push(digit);
    }
    run.trim_start_matches('0').into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageEncoder, Rgb, codecs::jpeg::JpegEncoder};
    use std::io::Write;

    fn left_red() -> RgbImage {
        RgbImage::from_fn(64, 32, |x, _| if x < 32 { Rgb([250, 0, 0]) } else { Rgb([0, 0, 250]) })
    }

    /// A JPEG with an EXIF block that holds nothing but the orientation.
    fn jpeg(image: &RgbImage, orientation: u8) -> Vec<u8> {
        let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
        encoder.set_exif_metadata(exif).unwrap();
        encoder.encode_image(image).unwrap();
        bytes
    }

    fn sentence(result: Result<RgbImage, SourceError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn names_are_ordered_as_people_count() {
        let mut names = ["img10.jpg", "IMG2.jpg", "img02b.jpg", "a.png", "img1.jpg"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a.png", "img1.jpg", "IMG2.jpg", "img02b.jpg", "img10.jpg"]);
    }

    #[test]
    fn the_orientation_tag_is_applied() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("turned.jpg");
        // 6: the camera was held so that the picture must be turned clockwise.
        fs::write(&path, jpeg(&left_red(), 6)).unwrap();
        let image = load_image(&path).unwrap();
        assert_eq!(image.dimensions(), (32, 64));
        assert!(image.get_pixel(16, 8)[0] > 200, "left has become top");
        assert!(image.get_pixel(16, 56)[2] > 200, "right has become bottom");
        fs::write(&path, jpeg(&left_red(), 1)).unwrap();
        assert_eq!(load_image(&path).unwrap().dimensions(), (64, 32));
    }

    #[test]
    fn what_is_no_picture_is_named_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("face.jpg");
        assert!(sentence(load_image(&path)).contains("face.jpg does not exist"));
        fs::write(&path, b"").unwrap();
        assert!(
            sentence(load_image(&path))
                .contains("face.jpg cannot be read as a picture (the file is empty)")
        );
        fs::write(&path, b"Dear diary, today I slept well.").unwrap();
        assert!(sentence(load_image(&path)).contains("neither JPEG nor PNG"));
        let whole = jpeg(&left_red(), 1);
        for keep in [3, whole.len() / 4, whole.len() / 2, whole.len() - 2] {
            fs::write(&path, &whole[..keep]).unwrap();
            assert!(sentence(load_image(&path)).contains("face.jpg"), "{keep} bytes");
        }
        let png = folder.path().join("face.png");
        left_red().save(&png).unwrap();
        let whole = fs::read(&png).unwrap();
        fs::write(&png, &whole[..whole.len() * 2 / 3]).unwrap();
        assert!(sentence(load_image(&png)).contains("face.png"));
        assert!(sentence(load_image(folder.path())).contains("not a file"));
    }

    #[test]
    fn a_picture_that_claims_to_be_huge_is_refused_unread() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("huge.png");
        let mut png = Vec::new();
        let encoder = image::codecs::png::PngEncoder::new(&mut png);
        encoder.write_image(&[0; 3], 1, 1, image::ExtendedColorType::Rgb8).unwrap();
        // Width and height stand at 16..24 of a PNG, the checksum of the header at 29..33.
        png[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        let sum = crc32(&png[12..29]);
        png[29..33].copy_from_slice(&sum.to_be_bytes());
        File::create(&path).unwrap().write_all(&png).unwrap();
        let error = sentence(load_image(&path));
        assert!(error.contains("huge.png") && error.to_lowercase().contains("limit"), "{error}");
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
                if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 }
            })
        })
    }

    #[test]
    fn a_folder_gives_its_pictures_in_order_and_names_the_bad_one() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(
            Pictures::open_folder(folder.path(), 10.0)
                .err()
                .unwrap()
                .to_string()
                .contains("no picture")
        );
        RgbImage::new(8, 8).save(at("10.png")).unwrap();
        RgbImage::new(4, 4).save(at("9.PNG.png")).unwrap();
        fs::write(at("notes.txt"), b"not a picture").unwrap();
        fs::write(at("9b.jpg"), b"broken").unwrap();
        let mut pictures = Pictures::open_folder(folder.path(), 10.0).unwrap();
        assert_eq!(pictures.info().frames, Some(3));
        assert_eq!(pictures.next_frame().unwrap().unwrap().image.width(), 4);
        assert!(pictures.next_frame().unwrap_err().to_string().contains("9b.jpg"));
        let last = pictures.next_frame().unwrap().unwrap();
        assert_eq!((last.image.width(), last.at), (8, Duration::from_millis(200)));
        assert!(pictures.next_frame().unwrap().is_none());
    }
}
