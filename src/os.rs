//! What every room may ask of the operating system: whole files that only their user can
//! read, rows as CSV for them, files of others read within bounds, a file's
//! digest, and threads that may never come back.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::background::thread;

/// Waits for a thread, but not for ever: a driver or a disk that never returns must not keep
/// the program from ending. `None`: it is still at work, and left behind.
pub(crate) fn join_within<T>(
    thread: JoinHandle<T>,
    most: Duration,
) -> Option<std::thread::Result<T>> {
    let until = Instant::now() + most;
    while !thread.is_finished() {
        if Instant::now() > until {
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Some(thread.join())
}

/// Opens a page with the program that the desktop opens pages with.
///
/// # Errors
/// When there is none, one sentence with the page's path.
#[cfg_attr(not(feature = "gui"), allow(dead_code, reason = "only the window opens pages"))]
pub(crate) fn open_page(page: &Path) -> Result<(), String> {
    let opener = match std::env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        _ => "xdg-open",
    };
    let started = Command::new(opener)
        .arg(page)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match started {
        Ok(mut child) => {
            // Waited for on a thread, so that it leaves no zombie.
            let waits = thread("opener", move || drop(child.wait()));
            waits.map(drop).map_err(|why| why.to_string())
        }
        Err(why) => {
            Err(format!("{opener} could not be started ({why}); open {} yourself", page.display()))
        }
    }
}

/// Makes a folder for its user alone, and those that it lies in where they are missing.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Reads lines, and refuses a file or a line that is too long instead of taking memory for
/// it.
pub(crate) struct Bounded<R> {
    reader: R,
    most: u64,
    most_a_line: u64,
    read: u64,
    line: u64,
}

impl<R> Bounded<R> {
    /// Of the whole and of a line, `most` and `most_a_line` bytes are read.
    pub(crate) fn new(reader: R, most: u64, most_a_line: u64) -> Self {
        Self { reader, most, most_a_line, read: 0, line: 0 }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(buffer)?;
        let new = &buffer[..count];
        self.read += count as u64;
        self.line = match new.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')) {
            Some(end) => (count - end - 1) as u64,
            None => self.line + count as u64,
        };
        if self.read > self.most {
            return Err(std::io::Error::other(format!("it is larger than {} bytes", self.most)));
        }
        if self.line > self.most_a_line {
            let most = self.most_a_line;
            return Err(std::io::Error::other(format!("a line is longer than {most} bytes")));
        }
        Ok(count)
    }
}

/// A text of a library in one line: some draw where a mistake stands, over several.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name as JSON and CSV can hold it: what is not UTF-8 in it is written as `\xNN`.
pub(crate) fn escaped(name: impl AsRef<std::ffi::OsStr>) -> String {
    let mut text = String::new();
    for chunk in name.as_ref().as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

/// The name that [`escaped`] has written so.
pub(crate) fn unescaped(text: &str) -> PathBuf {
    of_bytes(decoded(text.as_bytes(), b"\\x"), text)
}

/// Bytes that are written as `mark` and two hexadecimal digits, decoded; all others stay.
pub(crate) fn decoded(text: &[u8], mark: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let code = rest.strip_prefix(mark).and_then(|code| code.get(..2));
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(value) => {
                bytes.push(value);
                rest = &rest[mark.len() + 2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    bytes
}

/// A path of these bytes; where the system knows no such paths, of the text.
#[cfg(unix)]
pub(crate) fn of_bytes(bytes: Vec<u8>, _: &str) -> PathBuf {
    <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes).into()
}

#[cfg(not(unix))]
pub(crate) fn of_bytes(_: Vec<u8>, text: &str) -> PathBuf {
    text.into()
}

/// SHA-256 of a file, in hexadecimal digits.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn digest(path: &Path) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    std::io::copy(&mut std::fs::File::open(path)?, &mut hash)?;
    Ok(hex::encode(hash.finalize()))
}

/// Reads a text, never more than `most` bytes of it.
///
/// # Errors
/// When it cannot be read, is longer, or is no UTF-8.
pub(crate) fn read_text(path: &Path, most: u64) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(most + 1).read_to_string(&mut text)?;
    match text.len() as u64 > most {
        true => Err(std::io::Error::other(format!("it is larger than {most} bytes"))),
        false => Ok(text),
    }
}

/// Writes a file beside its place first, so that a failure leaves the old one. Only its
/// user can read it.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Rows as CSV below the names of their fields, which are there without rows, too.
///
/// # Errors
/// When a row is not flat.
pub(crate) fn csv<R: Serialize + Default>(
    rows: impl IntoIterator<Item = R>,
) -> std::io::Result<Vec<u8>> {
    let mut rows = rows.into_iter().peekable();
    let only_names = rows.peek().is_none();
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows.chain(only_names.then(R::default)) {
        writer.serialize(row)?;
    }
    let text = writer.into_inner().map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(match only_names {
        true => text.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default().into(),
        false => text,
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_bytes_are_written_and_read_again() {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"latin\xe9 \xc3\xbc.mp4");
        assert_eq!(escaped(name), "latin\\xe9 ü.mp4");
        assert_eq!(unescaped(&escaped(name)), Path::new(name));
        assert_eq!(
            (escaped("a\\b.mp4").as_str(), unescaped("a\\xyz")),
            ("a\\b.mp4", "a\\xyz".into())
        );
    }
}
