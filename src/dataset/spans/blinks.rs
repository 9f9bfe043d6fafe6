//! Blinks of annotated films, in a table of their own: whoever annotates closures counts
//! blinks at most, and each of them then stands among the open eyes.

use std::path::{Path, PathBuf};

use super::{FilmTruth, read};
use crate::dataset::{DatasetError, table::Table};

/// Adds the blinks of a table `file,start,end` (seconds of the film) to the films that it
/// names as their list does.
///
/// # Errors
/// When the table cannot be read, names a film that is not in the list, or has a blink that
/// ends before it begins, lies beyond its film, or overlaps another one.
pub fn add_blinks(films: &mut [FilmTruth], path: &Path) -> Result<(), DatasetError> {
    let table = Table::read(path, "file")?;
    let [file, start, end] = ["file", "start", "end"].map(|name| table.needed(name));
    let (file, start, end) = (file?, start?, end?);
    for row in &table.rows {
        let seconds = |column: usize| {
            row.cells[column].parse::<f64>().map_err(|_| {
                let why = format!("it is \"{}\"; write seconds, such as 12.4", row.cells[column]);
                table.cell(row.line, column, why)
            })
        };
        let span = [seconds(start)?, seconds(end)?];
        let name = PathBuf::from(&row.cells[file]);
        let Some(film) = films.iter_mut().find(|film| film.file == name) else {
            let why = "no film of the list has this name; correct it, or remove the line";
            return Err(table.cell(row.line, file, why.into()));
        };
        film.blinks.push(span);
        read::check(film).map_err(|why| table.cell(row.line, start, why))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blinks_are_added_to_their_films_and_mistakes_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blinks.csv");
        let known = FilmTruth { file: "a.mp4".into(), seconds: 9.0, ..FilmTruth::default() };
        let add = |rows: &str| {
            std::fs::write(&path, format!("file,start,end\n{rows}")).unwrap();
            let mut films = [known.clone()];
            add_blinks(&mut films, &path).map(|()| films[0].blinks.clone())
        };
        assert_eq!(add("a.mp4,1.0,1.3\na.mp4,4,4.2\n").unwrap(), [[1.0, 1.3], [4.0, 4.2]]);
        for (rows, words) in [
            ("b.mp4,1,2\n", ["line 2", "no film of the list"]),
            ("a.mp4,1,x\n", ["line 2", "seconds"]),
            ("a.mp4,2,1\n", ["line 2", "the start first"]),
            ("a.mp4,8,20\n", ["line 2", "ends at 9.0 s"]),
            ("a.mp4,1,2\na.mp4,1.5,3\n", ["line 3", "overlap"]),
        ] {
            let error = add(rows).unwrap_err().to_string();
            for word in words {
                assert!(error.contains(word), "{word:?} is missing in {error:?}");
            }
        }
    }
}
