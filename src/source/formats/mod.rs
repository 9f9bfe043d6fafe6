//! What a file is: a picture, a recording, or something else and what. Every door asks
//! here, and it is asked of what stands in the file, not of its name: of the first bytes,
//! and where they do not tell, of ffmpeg. The name only tells what a broken file was meant
//! to be.

pub(super) mod bytes;

use std::path::Path;

#[cfg(feature = "gui")]
pub(crate) use self::bytes::SHOWN;
use self::bytes::{Format, ends_in, is_animated, is_series, picture_format};
pub(crate) use self::bytes::{
    Kind, LIST, PICTURES, PICTURES_READ, RECORDINGS, RECORDINGS_READ, is_list, is_litter,
};
pub(super) use self::bytes::{head, is_avif, is_heic, is_jpeg_2000, jpeg_end, other};

/// What a file is. One that cannot be read, or in which nothing is known, is what its name
/// says.
pub(crate) fn kind(path: &Path) -> Kind {
    let head = head(path);
    let named = |known: &[&str]| ends_in(path, known);
    if let Some(format) = picture_format(&head) {
        let series = match format {
            Format::Gif => is_animated(path),
            Format::Jpeg if named(&PICTURES) => false,
            Format::Jpeg => is_series(path),
            Format::Other => false,
        };
        return if series { Kind::Recording } else { Kind::Picture };
    }
    if named(&RECORDINGS) {
        return Kind::Recording;
    }
    if named(&PICTURES) {
        return Kind::Picture;
    }
    match other(&head) {
        Some(what) => Kind::Other(what.into()),
        None => asked_of_ffmpeg(path),
    }
}

/// Whether a file is a picture.
pub(crate) fn is_picture(path: &Path) -> bool {
    kind(path) == Kind::Picture
}

/// Whether a file is a recording.
pub(crate) fn is_recording(path: &Path) -> bool {
    kind(path) == Kind::Recording
}

#[cfg(feature = "video")]
fn asked_of_ffmpeg(path: &Path) -> Kind {
    super::video::kind(path)
}

#[cfg(not(feature = "video"))]
fn asked_of_ffmpeg(_: &Path) -> Kind {
    Kind::Other("it is no picture, and this build has no support for video files".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage, codecs::jpeg::JpegEncoder};
    use std::fs;

    fn written(name: &str, bytes: &[u8]) -> Kind {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        kind(&path)
    }

    fn jpeg() -> Vec<u8> {
        let mut bytes = Vec::new();
        let picture = RgbImage::from_pixel(16, 16, Rgb([9, 99, 200]));
        JpegEncoder::new(&mut bytes).encode_image(&picture).unwrap();
        bytes
    }

    #[test]
    fn the_bytes_tell_and_the_name_only_where_they_do_not() {
        let one = jpeg();
        let two = [one.clone(), one.clone()].concat();
        assert_eq!(written("a.jpg", &one), Kind::Picture);
        assert_eq!(written("noending", &one), Kind::Picture);
        assert_eq!(written("a.mp4", &one), Kind::Picture);
        assert_eq!(written("a.mp4", &two), Kind::Recording, "motion JPEG");
        assert_eq!(written("a.mp4", b""), Kind::Recording, "a broken one");
        assert_eq!(written("b.PNG", b"broken"), Kind::Picture);
        assert_eq!(kind(Path::new("no/such/10_1.MOV")), Kind::Recording);
        assert_eq!(kind(Path::new("mov")), Kind::Other("it is empty or cannot be read".into()));
        let other = |name: &str, bytes: &[u8], word: &str| match written(name, bytes) {
            Kind::Other(why) => assert!(why.contains(word), "{name}: {why}"),
            kind => panic!("{name} is {kind:?}"),
        };
        other("readme", "Übung".as_bytes(), "text");
        other("notes.txt", b"BMW, 3 o'clock", "text");
        other("data.zip", b"PK\x03\x04rest", "archive");
    }

    #[test]
    fn brands_tell_avif_and_heic_from_films() {
        let file = |brands: &[u8; 16]| [b"\0\0\0\x18ftyp", &brands[..]].concat();
        assert!(is_avif(&file(b"avif\0\0\0\0mif1miaf")));
        assert!(is_avif(&file(b"mif1\0\0\0\0mif1avif")));
        assert!(is_heic(&file(b"heic\0\0\0\0mif1heic")));
        assert!(
            !is_heic(&file(b"isom\0\0\0\0mp41heic")) && !is_avif(&file(b"qt  \0\0\0\0qt  qt  "))
        );
    }

    #[test]
    fn litter_is_known_by_its_name() {
        for name in [".DS_Store", "a/._0.mov", "Thumbs.db", "DESKTOP.INI", "__MACOSX"] {
            assert!(is_litter(Path::new(name)), "{name}");
        }
        assert!(!is_litter(Path::new("a/0.mov")));
    }
}
