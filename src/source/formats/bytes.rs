//! What the first bytes of a file tell of it, and the endings and names of what is read.

use std::{
    fs::{self, File},
    io::{BufReader, Read},
    path::Path,
};

use image::{AnimationDecoder, ImageFormat, codecs::gif::GifDecoder};

/// Usual endings of pictures, for broken files and for messages.
pub(crate) const PICTURES: [&str; 19] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "dib", "tif", "tiff", "gif", "avif", "jp2",
    "j2k", "pnm", "pgm", "ppm", "heic", "heif",
];
/// Usual endings of recordings, for the same and for the window's choice of files.
pub(crate) const RECORDINGS: [&str; 31] = [
    "mov", "mp4", "m4v", "avi", "mkv", "webm", "mpg", "mpeg", "wmv", "asf", "mts", "m2ts", "ts",
    "vob", "3gp", "3g2", "flv", "ogv", "ogg", "gif", "mjpeg", "mjpg", "h264", "264", "hevc",
    "h265", "265", "mxf", "dv", "ivf", "dav",
];
/// Endings of everything that can be watched again: of pictures, recordings and event logs.
#[cfg(feature = "gui")]
pub(crate) const SHOWN: [&str; PICTURES.len() + RECORDINGS.len() + 1] = {
    let mut all = ["jsonl"; PICTURES.len() + RECORDINGS.len() + 1];
    let mut at = 0;
    while at < PICTURES.len() {
        all[at] = PICTURES[at];
        at += 1;
    }
    while at < PICTURES.len() + RECORDINGS.len() {
        all[at] = RECORDINGS[at - PICTURES.len()];
        at += 1;
    }
    all
};
/// The pictures that are read, for messages.
pub(crate) const PICTURES_READ: &str = "JPEG, PNG, WebP, BMP, TIFF, GIF, AVIF, JPEG 2000, PNM";
/// The recordings that are read, for messages.
pub(crate) const RECORDINGS_READ: &str = ".mp4, .mov, .avi, .mkv, .webm, .mpg, .ts, .mts, .3gp, .flv, \
    .ogv, .wmv, .gif and others";
/// Where the whole list stands.
pub(crate) const LIST: &str = "docs/formats.md lists what is read";

/// Bytes of a file's beginning that are looked at.
const HEAD: u64 = 4096;
/// Largest first picture of a series of JPEGs, bytes.
const MOST_JPEG: u64 = 32 << 20;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One picture.
    Picture,
    /// Pictures that follow each other in time.
    Recording,
    /// Neither, and what it is instead: "it is a text".
    Other(String),
}

/// Whether a file is a list of others, by its name: a text cannot be told from another.
pub(crate) fn is_list(path: &Path) -> bool {
    ends_in(path, &["csv", "tsv", "txt"])
}

/// Whether a name is one that operating systems leave behind, and hidden files.
pub(crate) fn is_litter(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let known = ["thumbs.db", "desktop.ini", "__macosx"];
    name.as_encoded_bytes().first() == Some(&b'.')
        || known.iter().any(|known| name.eq_ignore_ascii_case(known))
}

pub(super) fn ends_in(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().unwrap_or_default();
    endings.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// The first bytes of a file; none where it cannot be read.
pub(in crate::source) fn head(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A pipe or a device would block, and what it gives would be lost.
    if fs::metadata(path).is_ok_and(|data| data.is_file())
        && let Ok(file) = File::open(path)
    {
        // What could be read of a broken disk still tells.
        let _ = file.take(HEAD).read_to_end(&mut bytes);
    }
    bytes
}

/// Pictures that may be a series, and others.
pub(super) enum Format {
    Jpeg,
    Gif,
    Other,
}

/// The kind of picture that begins like this.
pub(super) fn picture_format(head: &[u8]) -> Option<Format> {
    let blank = |at: usize| head.get(at).is_some_and(u8::is_ascii_whitespace);
    match image::guess_format(head) {
        Ok(ImageFormat::Jpeg) => Some(Format::Jpeg),
        Ok(ImageFormat::Gif) => Some(Format::Gif),
        Ok(ImageFormat::Png | ImageFormat::WebP | ImageFormat::Tiff) => Some(Format::Other),
        // Words may begin with these two letters, too.
        Ok(ImageFormat::Bmp) if head.get(6..10) == Some(&[0; 4]) => Some(Format::Other),
        Ok(ImageFormat::Pnm) if blank(2) => Some(Format::Other),
        _ if is_jpeg_2000(head) || is_avif(head) || is_heic(head) => Some(Format::Other),
        _ => None,
    }
}

/// The brands of a file of the MP4 family, the major one first.
fn brands(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let length =
        head.get(..4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes);
    let family = head.get(4..8) == Some(b"ftyp");
    let body = head.get(8..(length as usize).min(head.len())).filter(|_| family);
    let whole = body.unwrap_or_default().chunks_exact(4).enumerate();
    // The second word is a version.
    whole.filter(|(at, _)| *at != 1).map(|(_, brand)| brand)
}

/// Whether a picture is AVIF.
pub(in crate::source) fn is_avif(head: &[u8]) -> bool {
    brands(head).any(|brand| brand == b"avif" || brand == b"avis")
}

/// Whether a picture is HEIC, as iPhones make it.
pub(in crate::source) fn is_heic(head: &[u8]) -> bool {
    let known: [&[u8]; 7] = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"];
    !is_avif(head) && brands(head).next().is_some_and(|brand| known.contains(&brand))
}

/// Whether a picture is JPEG 2000, in its file or bare.
pub(in crate::source) fn is_jpeg_2000(head: &[u8]) -> bool {
    head.starts_with(b"\0\0\0\x0cjP  ") || head.starts_with(&[0xff, 0x4f, 0xff, 0x51])
}

/// Whether a GIF moves.
pub(super) fn is_animated(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let frames = GifDecoder::new(BufReader::new(file)).map(AnimationDecoder::into_frames);
    frames.is_ok_and(|frames| frames.take(2).filter_map(Result::ok).count() == 2)
}

/// Whether a file is one JPEG after the other: motion JPEG. Cameras with two lenses write
/// two into one file, too, and say so in it.
pub(super) fn is_series(path: &Path) -> bool {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST_JPEG).read_to_end(&mut bytes));
    let pair = bytes.get(..HEAD as usize).unwrap_or(&bytes).windows(4).any(|word| word == b"MPF\0");
    let next = jpeg_end(&bytes).and_then(|end| bytes.get(end..end + 2));
    read.is_ok() && !pair && next == Some(&[0xff, 0xd8])
}

/// Where a JPEG ends: after the end marker that follows its first scan.
///
/// The segments before the scan are stepped over by their lengths, since a thumbnail in
/// one of them has an end marker of its own.
pub(in crate::source) fn jpeg_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..at + 4) {
        match marker {
            0xff => at += 1,
            0xda => {
                let end = bytes[at..].windows(2).position(|pair| pair == [0xff, 0xd9]);
                return end.map(|end| at + end + 2);
            }
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])),
        }
    }
    None
}

/// What a file is that begins like this and is neither picture nor recording, where that
/// is known.
pub(in crate::source) fn other(head: &[u8]) -> Option<&'static str> {
    let archives: [&[u8]; 5] = [b"PK\x03\x04", b"Rar!", b"7z\xbc\xaf", &[0x1f, 0x8b], b"BZh"];
    if head.is_empty() {
        return Some("it is empty or cannot be read");
    }
    if archives.iter().any(|begins| head.starts_with(begins)) {
        return Some("it is an archive; unpack it");
    }
    if head.starts_with(b"%PDF") {
        return Some("it is a PDF document");
    }
    is_text(head).then_some("it is a text")
}

/// Whether bytes are letters; the last one may be cut.
fn is_text(head: &[u8]) -> bool {
    let wide = head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]);
    let control = |byte: &u8| *byte < 9 || (14..32).contains(byte) && *byte != 27;
    let letters = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    !head.is_empty() && (wide || letters && !head.iter().any(control))
}
