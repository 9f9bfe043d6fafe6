//! Tables as people's programs write them: comma, semicolon or tab between the columns,
//! UTF-8, UTF-16 or Latin-1, any end of line, any case in the head, blank lines and remarks
//! (`#`) above it. What is wrong is named with its line and column.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::DatasetError;
use crate::os;

/// Largest list that is read, bytes: some millions of lines.
const MAX_BYTES: u64 = 512 << 20;
/// Longest line of a list, bytes.
const MAX_LINE_BYTES: u64 = 1 << 20;
/// What may stand between the columns.
const SEPARATORS: [u8; 3] = *b",;\t";
/// Bytes that are looked at to tell UTF-16 that does not say so.
const LOOK: usize = 512;

/// A table with a head.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    path: PathBuf,
    encoding: &'static Encoding,
    /// The names of the columns, in small letters.
    pub headers: Vec<String>,
    /// The rows that are not blank, each with as many cells as there are columns.
    pub rows: Vec<Row>,
}

/// A row of a table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Its line in the file, from 1.
    pub line: u64,
    /// Its cells, without blanks around them.
    pub cells: Vec<String>,
}

impl Table {
    /// Reads a table that has the column `key`.
    ///
    /// # Errors
    /// When it cannot be read, has no such column, or a row has more or fewer cells than
    /// the head.
    pub(crate) fn read(path: &Path, key: &str) -> Result<Self, DatasetError> {
        let file = File::open(path).map_err(DatasetError::io(path, "read"))?;
        let mut bytes = Vec::new();
        os::Bounded::new(file, MAX_BYTES, MAX_LINE_BYTES)
            .read_to_end(&mut bytes)
            .map_err(|error| form(path, error.to_string()))?;
        let (text, encoding) = decoded(&bytes).map_err(|why| form(path, why))?;
        drop(bytes);
        let (above, separator, body) = split_head(&text, key);
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .trim(csv::Trim::All)
            .flexible(true)
            .from_reader(body.as_bytes());
        let headers = reader.headers().map_err(|error| form(path, error.to_string()))?;
        let headers: Vec<String> = headers.iter().map(str::to_lowercase).collect();
        let mut table = Self { path: path.into(), encoding, headers, rows: Vec::new() };
        table.needed(key)?;
        let mut record = csv::StringRecord::new();
        let (mut counted, mut line) = (0, above + 1);
        while reader.read_record(&mut record).map_err(|error| form(path, error.to_string()))? {
            // The reader counts blank lines above a record as the record's own.
            let place = record.position().map_or(0, csv::Position::byte) as usize;
            let blank = body[place..].bytes().take_while(|byte| *byte == b'\n').count();
            let begin = place + blank;
            line += body[counted..begin].bytes().filter(|byte| *byte == b'\n').count() as u64;
            counted = begin;
            let mut cells: Vec<String> = record.iter().map(str::to_owned).collect();
            if cells.iter().all(String::is_empty) {
                continue;
            }
            // Spreadsheets write empty columns behind the last.
            while cells.len() > table.headers.len() && cells.last().is_some_and(String::is_empty) {
                cells.pop();
            }
            let (has, wants) = (cells.len(), table.headers.len());
            if has != wants {
                let hint = match has > wants {
                    true => "a name with the separator in it is written in quotes",
                    false => "what is not known is left empty between separators",
                };
                let why = format!("it has {has} columns where the head has {wants}; {hint}");
                return Err(table.cell(line, has.min(wants), why));
            }
            table.rows.push(Row { line, cells });
        }
        Ok(table)
    }

    /// The place of a column.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        let name = name.trim().to_lowercase();
        self.headers.iter().position(|header| *header == name)
    }

    /// The same of one that must be there.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn needed(&self, name: &str) -> Result<usize, DatasetError> {
        let known = self.headers.join(", ");
        self.column(name)
            .ok_or_else(|| form(&self.path, format!("it has no column {name}, only: {known}")))
    }

    /// The cell of a row in this column, named in small letters; empty where there is none.
    pub(super) fn text<'r>(&self, row: &'r Row, column: &str) -> &'r str {
        let at = self.headers.iter().position(|header| header == column);
        at.and_then(|at| row.cells.get(at)).map_or("", String::as_str)
    }

    /// What is wrong with a cell, in a sentence that names it.
    pub(super) fn cell(&self, line: u64, column: usize, why: String) -> DatasetError {
        let name = self.headers.get(column).cloned().unwrap_or_else(|| "past the last".into());
        let (path, column) = (self.path.clone(), column as u64 + 1);
        DatasetError::Cell { path, line, column, name, why }
    }

    /// The file that a cell names, relative to the table's folder. Windows paths are
    /// understood elsewhere, too, and names that are not UTF-8.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let written = folder.join(name);
        if written.exists() {
            return written;
        }
        let escaped = name.contains("\\x").then(|| folder.join(os::unescaped(name)));
        let raw = (self.encoding == WINDOWS_1252)
            .then(|| folder.join(os::of_bytes(WINDOWS_1252.encode(name).0.into_owned(), name)));
        let slashed = name.replace('\\', "/");
        // Of a path that begins with a drive, what lies here is the end.
        let drive = slashed.as_bytes().get(1) == Some(&b':');
        let ends = drive.then(|| slashed.match_indices('/').map(|(at, _)| &slashed[at + 1..]));
        let ends = ends.into_iter().flatten().map(|end| folder.join(end));
        let candidates = escaped.into_iter().chain(raw).chain([folder.join(&slashed)]).chain(ends);
        candidates.into_iter().find(|path| path.exists()).unwrap_or(written)
    }
}

fn form(path: &Path, why: String) -> DatasetError {
    DatasetError::Form { path: path.into(), why }
}

/// The letters of a file with `\n` at the end of each line, and how they were written.
fn decoded(bytes: &[u8]) -> Result<(String, &'static Encoding), String> {
    let (encoding, mark) = match Encoding::for_bom(bytes) {
        Some(known) => known,
        None if std::str::from_utf8(bytes).is_ok() && !bytes.contains(&0) => (UTF_8, 0),
        None => (wide(bytes).unwrap_or(WINDOWS_1252), 0),
    };
    let (text, broken) = encoding.decode_without_bom_handling(&bytes[mark..]);
    if broken {
        return Err(format!("its letters are broken {}", encoding.name()));
    }
    let text = match text.contains('\r') {
        true => text.replace("\r\n", "\n").replace('\r', "\n"),
        false => text.into_owned(),
    };
    Ok((text, encoding))
}

/// UTF-16 without a mark: every other byte of Latin letters is zero.
fn wide(bytes: &[u8]) -> Option<&'static Encoding> {
    let look = &bytes[..bytes.len().min(LOOK) & !1];
    let zeros = |odd: usize| look.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let most = |count: usize| count * 2 > look.len() / 2;
    match (most(zeros(0)), most(zeros(1))) {
        (true, false) => Some(UTF_16BE),
        (false, true) => Some(UTF_16LE),
        _ => None,
    }
}

/// Lines above the head, the separator, and the text from the head on. The separator is the
/// one by which the head has the column `key`.
fn split_head<'t>(text: &'t str, key: &str) -> (u64, u8, &'t str) {
    let (mut above, mut rest, mut told) = (0, text, None);
    while let Some((line, after)) = rest.split_once('\n') {
        let plain = line.trim();
        // Spreadsheets write the separator above the head.
        let separator = plain.strip_prefix("sep=").map(|sep| sep.bytes().next().unwrap_or(b'\t'));
        if !(plain.is_empty() || plain.starts_with('#') || separator.is_some()) {
            break;
        }
        told = separator.or(told);
        (above, rest) = (above + 1, after);
    }
    let head = rest.split('\n').next().unwrap_or_default();
    let has = |separator: &u8| {
        let columns = head.split(char::from(*separator));
        columns.map(|column| column.trim().trim_matches('"')).any(|c| c.eq_ignore_ascii_case(key))
    };
    let most = |separator: &u8| head.bytes().filter(|byte| byte == separator).count();
    let found = SEPARATORS.iter().copied().filter(|s| has(s)).max_by_key(most);
    (above, told.or(found).unwrap_or(b','), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(bytes: &[u8]) -> Result<Vec<Vec<String>>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.csv");
        std::fs::write(&path, bytes).unwrap();
        let table = Table::read(&path, "file").map_err(|error| error.to_string())?;
        Ok(table.rows.into_iter().map(|row| row.cells).collect())
    }

    fn wide(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    #[test]
    fn every_way_of_writing_gives_the_same() {
        let text = "File,Label,Subject\nMüller é.jpg,awake,\"Doe, Ann\"\nb.jpg,drowsy,bob\n";
        let wanted = table(text.as_bytes()).unwrap();
        assert_eq!(wanted[0], ["Müller é.jpg", "awake", "Doe, Ann"]);
        let latin: Vec<u8> = text.chars().map(|c| c as u32 as u8).collect();
        let ways: [Vec<u8>; 13] = [
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            latin,
            [vec![0xff, 0xfe], wide(text, u16::to_le_bytes)].concat(),
            [vec![0xfe, 0xff], wide(text, u16::to_be_bytes)].concat(),
            wide(text, u16::to_le_bytes),
            wide(text, u16::to_be_bytes),
            text.replace('\n', "\r\n").into(),
            text.replace('\n', "\r").into(),
            text.replace(',', ";").replace("Doe;", "Doe,").into(),
            text.replace(',', "\t").replace("Doe\t", "Doe,").into(),
            format!("# made by hand\n\n{text}\n\n").into(),
            format!("sep=;\n{}", text.replace(',', ";").replace("Doe;", "Doe,")).into(),
            text.replace("File,Label", " FILE , \"Label\" ").replace("bob\n", "bob,,\n,,\n").into(),
        ];
        for (number, way) in ways.iter().enumerate() {
            assert_eq!(table(way).as_ref(), Ok(&wanted), "way {number}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_line_and_column() {
        let told = |text: &str| table(text.as_bytes()).unwrap_err();
        let error = told("# by hand\nfile,label\na.jpg,awake\nb, c.jpg,awake\n");
        assert!(error.contains("line 4, column 3 (past the last)"), "{error}");
        let error = told("file;label;subject\n\na.jpg;awake\n");
        assert!(
            error.contains("line 3, column 3 (subject)") && error.contains("2 columns"),
            "{error}"
        );
        let error = told("picture,label\na.jpg,awake\n");
        assert!(error.contains("no column file") && error.contains("picture, label"), "{error}");
    }

    #[test]
    fn windows_paths_and_raw_names_are_found_here() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("img")).unwrap();
        std::fs::write(folder.path().join("img/a.jpg"), "").unwrap();
        let path = folder.path().join("list.csv");
        std::fs::write(&path, b"file\n\xe9.jpg\n").unwrap();
        let table = Table::read(&path, "file").unwrap();
        let here = folder.path().join("img/a.jpg");
        for name in ["img/a.jpg", "img\\a.jpg", "C:\\data\\img\\a.jpg", "d:/img/a.jpg"] {
            assert_eq!(table.file(name), here, "{name}");
        }
        assert_eq!(table.file("img\\b.jpg"), folder.path().join("img\\b.jpg"), "as it was written");
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            let raw = folder.path().join(std::ffi::OsStr::from_bytes(b"\xe9.jpg"));
            std::fs::write(&raw, "").unwrap();
            assert_eq!(table.file(&table.rows[0].cells[0]), raw);
            assert_eq!(table.file("\\xe9.jpg"), raw, "as we write it ourselves");
        }
    }
}
