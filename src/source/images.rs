//! Still pictures: one file, a list, or a folder in natural order at a nominal frame
//! rate. Orientation tags are applied, sizes are limited, and a file that cannot be
//! read is told and does not end the others.

use std::{
    cmp::Ordering,
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

use super::{
    Note, NoteKind, Source, SourceError, SourceInfo,
    formats::{self, Kind},
};
use crate::frame::Frame;

/// Largest picture file that is read, bytes.
const MAX_FILE_BYTES: u64 = 128 << 20;

/// Largest side of a picture, pixels.
const MAX_SIDE_PX: u32 = 16_384;

/// Most memory a decoder may ask for, bytes.
const MAX_DECODE_BYTES: u64 = 768 << 20;

/// The sentence that says why a picture cannot be read.
fn unreadable(path: &Path, why: impl Into<String>, way: &'static str) -> SourceError {
    let why = crate::os::one_line(&why.into());
    SourceError::Unreadable { path: path.into(), what: "a picture", why, way }
}

/// What to do with a picture that is broken.
const BROKEN: &str = "fetch it again, or leave it out";
/// What to do with a recording.
const WATCH_IT: &str = "watch it with `watch --source`";

/// Reads a picture of any kind that [`formats::PICTURES_READ`] names and turns it upright by
/// its EXIF tag. Of several pictures in one file it is the first.
///
/// # Errors
/// When the file is missing, no picture, empty, truncated or too large; the sentence names
/// it.
pub fn load_image(path: &Path) -> Result<RgbImage, SourceError> {
    let broken = |why: String| unreadable(path, why, BROKEN);
    let size = match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(SourceError::NotFound(path.into()));
        }
        Err(error) => return Err(unreadable(path, error.to_string(), "check its rights")),
        Ok(data) if !data.is_file() => {
            return Err(unreadable(path, super::no_file(&data), "name a picture's file"));
        }
        Ok(data) => data.len(),
    };
    if size == 0 {
        return Err(broken("the file is empty".into()));
    }
    if size > MAX_FILE_BYTES {
        let why = format!("it is larger than {} MiB", MAX_FILE_BYTES >> 20);
        return Err(unreadable(path, why, "make it smaller"));
    }
    let head = formats::head(path);
    if formats::is_heic(&head) {
        let way = "convert it to JPEG first, for example with `heif-convert FILE.heic FILE.jpg`";
        return Err(unreadable(path, "it is HEIC, which is not read", way));
    }
    if formats::is_avif(&head) || formats::is_jpeg_2000(&head) {
        return by_ffmpeg(path);
    }
    decode(path, &head)
}

#[cfg(feature = "video")]
fn by_ffmpeg(path: &Path) -> Result<RgbImage, SourceError> {
    super::video::picture(path)
}

#[cfg(not(feature = "video"))]
fn by_ffmpeg(_: &Path) -> Result<RgbImage, SourceError> {
    Err(SourceError::NotBuilt("AVIF and JPEG 2000"))
}

/// Reads a picture by the image library.
fn decode(path: &Path, head: &[u8]) -> Result<RgbImage, SourceError> {
    let broken = |why: String| unreadable(path, why, BROKEN);
    let file = File::open(path)
        .map_err(|error| unreadable(path, error.to_string(), "check its rights"))?;
    let mut reader = ImageReader::new(BufReader::new(file))
        .with_guessed_format()
        .map_err(|error| broken(error.to_string()))?;
    let Some(format) = reader.format().filter(ImageFormat::reading_enabled) else {
        if formats::is_recording(path) {
            return Err(unreadable(path, "it is a recording", WATCH_IT));
        }
        let why = formats::other(head).unwrap_or("it is no kind of picture that is read");
        return Err(unreadable(path, why, formats::LIST));
    };
    if format == ImageFormat::Jpeg && formats::is_recording(path) {
        return Err(unreadable(path, "it is a recording, one JPEG after the other", WATCH_IT));
    }
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
    let picture = decode().map_err(|error| broken(error.to_string()))?;
    // The JPEG reader fills what is missing with grey instead of saying so.
    if format == ImageFormat::Jpeg {
        let bytes = fs::read(path).map_err(|error| broken(error.to_string()))?;
        if formats::jpeg_end(&bytes).is_none() {
            return Err(broken("its end is missing".into()));
        }
    }
    Ok(picture)
}

/// Pictures in order, one frame each. One that cannot be read is left out and noted; those
/// after it keep their time.
pub struct Pictures {
    files: Vec<PathBuf>,
    next: usize,
    given: usize,
    fps: f32,
    name: String,
    notes: Vec<Note>,
    /// Why the first that cannot be read cannot.
    first_failure: Option<SourceError>,
}

impl Pictures {
    /// The pictures of a folder in natural order (`2.jpg` before `10.jpg`), not those of
    /// its sub-folders. What else it holds is noted.
    ///
    /// # Errors
    /// When the folder cannot be read or holds no picture.
    pub fn open_folder(folder: &Path, fps: f32) -> Result<Self, SourceError> {
        let unreadable = |error: std::io::Error| SourceError::Unreadable {
            path: folder.into(),
            what: "a folder of pictures",
            why: error.to_string(),
            way: "check its rights",
        };
        let (mut files, mut others) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if formats::is_litter(&path) {
                continue;
            }
            let why = match path.is_dir() {
                true => "it is a folder; name it itself".into(),
                false => match formats::kind(&path) {
                    Kind::Picture => {
                        files.push(path);
                        continue;
                    }
                    Kind::Recording => "it is a recording; name it itself".into(),
                    Kind::Other(what) => what,
                },
            };
            others.push((path, why));
        }
        files.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()).then(a.cmp(b)));
        others.sort();
        if files.is_empty() {
            return Err(SourceError::NoPictures(folder.into()));
        }
        let left_out = |(path, why): (PathBuf, String)| {
            let name = path.file_name().map(Path::new).unwrap_or(&path);
            let text = format!("{} was left out: {why}", crate::os::escaped(name));
            Note { kind: NoteKind::LeftOut, text }
        };
        let notes = others.into_iter().map(left_out).collect();
        Ok(Self { notes, ..Self::of(files, fps, folder) })
    }

    /// These pictures, in the order given.
    ///
    /// # Errors
    /// When one of the files does not exist.
    pub fn open_list(files: Vec<PathBuf>, fps: f32) -> Result<Self, SourceError> {
        if let Some(missing) = files.iter().find(|path| !path.exists()) {
            return Err(SourceError::NotFound(missing.clone()));
        }
        let name = files.first().cloned().unwrap_or_default();
        Ok(Self::of(files, fps, &name))
    }

    fn of(files: Vec<PathBuf>, fps: f32, name: &Path) -> Self {
        let name = name.display().to_string();
        Self { files, next: 0, given: 0, fps, name, notes: Vec::new(), first_failure: None }
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
    /// The next picture that can be read. Where none can, the reason of the first.
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        while let Some(path) = self.files.get(self.next) {
            let index = self.next;
            self.next += 1;
            match load_image(path) {
                Ok(image) => {
                    self.given += 1;
                    let at = Duration::from_secs_f64(index as f64 / f64::from(self.fps));
                    return Ok(Some(Frame { image: Arc::new(image), at, index: index as u64 }));
                }
                Err(error) => {
                    let text = error.to_string();
                    tracing::warn!("{text}");
                    self.notes.push(Note { kind: NoteKind::Unreadable, text });
                    self.first_failure.get_or_insert(error);
                }
            }
        }
        match self.first_failure.take().filter(|_| self.given == 0) {
            Some(error) => Err(error),
            None => Ok(None),
        }
    }

    fn info(&self) -> SourceInfo {
        SourceInfo {
            name: self.name.clone(),
            live: false,
            fps: Some(self.fps),
            frames: Some(self.files.len() as u64),
        }
    }

    fn notes(&self) -> Vec<Note> {
        self.notes.clone()
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
        assert!(sentence(load_image(&path)).contains("it is a text"));
        fs::write(&path, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").unwrap();
        assert!(sentence(load_image(&path)).contains("heif-convert"));
        let whole = jpeg(&left_red(), 1);
        for keep in [3, 4, whole.len() / 4, whole.len() / 2, whole.len() - 2] {
            fs::write(&path, &whole[..keep]).unwrap();
            let told = sentence(load_image(&path));
            assert!(told.contains("face.jpg") && !told.contains('\n'), "{keep} bytes: {told}");
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
        let last = pictures.next_frame().unwrap().unwrap();
        assert_eq!((last.image.width(), last.at), (8, Duration::from_millis(200)));
        assert!(pictures.next_frame().unwrap().is_none());
        let notes: Vec<_> = pictures.notes().into_iter().map(|n| (n.kind, n.text)).collect();
        assert_eq!(notes.len(), 2);
        assert!(notes[0].0 == NoteKind::LeftOut && notes[0].1.contains("notes.txt"), "{notes:?}");
        assert!(notes[1].0 == NoteKind::Unreadable && notes[1].1.contains("9b.jpg"), "{notes:?}");
        assert!(notes.iter().all(|(kind, _)| kind.is_problem()));
        // Where none can be read, it is no folder of pictures.
        let mut broken = Pictures::open_list(vec![at("9b.jpg")], 10.0).unwrap();
        assert!(broken.next_frame().unwrap_err().to_string().contains("9b.jpg"));
    }

    #[test]
    fn every_kind_of_picture_is_read() {
        let folder = tempfile::tempdir().unwrap();
        for ending in ["png", "jpg", "webp", "bmp", "tif", "gif", "ppm"] {
            let path = folder.path().join("named otherwise");
            let format = ImageFormat::from_extension(ending).unwrap();
            left_red().save_with_format(&path, format).unwrap();
            assert_eq!(formats::kind(&path), Kind::Picture, "{ending}");
            let image = load_image(&path).unwrap();
            assert_eq!(image.dimensions(), (64, 32), "{ending}");
            assert!(image.get_pixel(8, 8)[0] > 200 && image.get_pixel(56, 8)[2] > 200, "{ending}");
        }
    }
}
