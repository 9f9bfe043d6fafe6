//! Whether the file of a shared library is whole. The loader maps it into memory, and where
//! the file ends too soon, the first look at what is missing ends the program (SIGBUS).

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

/// Most entries of a table of segments that are looked at.
const MOST: u16 = 4096;

/// Checks the file of a library against what its own header says of it. A file of another
/// system than ELF, or of no form at all, is left to the loader.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let said = |error: std::io::Error| error.to_string();
    let mut file = File::open(path).map_err(said)?;
    let length = file.metadata().map_err(said)?.len();
    if length == 0 {
        return Err("the file is empty".into());
    }
    let mut head = [0; 64];
    let short = file.read_exact(&mut head).is_err();
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return Ok(());
    }
    let cut = |end: u64| {
        format!("it is cut off: {length} bytes are there, and its header speaks of {end}")
    };
    if short {
        return Err(cut(64));
    }
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let (segments, sections) = (number(&head[32..40]), number(&head[40..48]));
    let (size, count) = (number(&head[54..56]), (number(&head[56..58]) as u16).min(MOST));
    let table = sections.saturating_add(number(&head[58..60]) * number(&head[60..62]));
    if table > length {
        return Err(cut(table));
    }
    for index in 0..u64::from(count) {
        let mut segment = [0; 56];
        let place = SeekFrom::Start(segments.saturating_add(index * size));
        let read = file.seek(place).and_then(|_| file.read_exact(&mut segment));
        let end = number(&segment[8..16]).saturating_add(number(&segment[32..40]));
        match read {
            Ok(()) if end <= length => {}
            Ok(()) => return Err(cut(end)),
            Err(_) => return Err(cut(segments.saturating_add(size * u64::from(count)))),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_library_that_is_cut_off_anywhere_is_told() {
        // Every program is of this form, this one too.
        let whole = std::fs::read("/proc/self/exe").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libonnxruntime.so");
        let checked = |length: usize| {
            std::fs::write(&path, &whole[..length]).unwrap();
            check(&path)
        };
        assert_eq!(checked(whole.len()), Ok(()));
        for length in [5, 40, 63, 64, 1000, whole.len() / 2, whole.len() - 1] {
            let told = checked(length);
            assert!(length == 5 || told.is_err_and(|why| why.contains("cut off")), "{length}");
        }
        assert!(checked(0).unwrap_err().contains("empty"));
        std::fs::write(&path, "no library").unwrap();
        assert_eq!(check(&path), Ok(()));
    }
}
