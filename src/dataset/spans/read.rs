//! Reads annotated films, and names what cannot be: the file, the key, and the way out.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufRead, BufReader, ErrorKind},
    path::Path,
};

use serde_json::{Map, Value};

use super::{FilmTruth, Span};
use crate::{
    dataset::DatasetError,
    os::{Bounded, read_text},
};

/// Name of the list in a folder of films.
pub const TRUTH: &str = "truth.jsonl";
/// What the spans of one film are called after the film's own name without its ending.
pub const SPANS_ENDING: &str = "spans.json";
/// A span may end so much after its film, seconds: people round, and players count the last
/// frame in different ways. Our choice.
pub const END_TOLERANCE_S: f64 = 0.5;
/// Largest list that is read, bytes.
const MAX_BYTES: u64 = 64 << 20;
/// Longest line of a list and largest file beside a film, bytes.
const MAX_LINE_BYTES: u64 = 1 << 20;
/// The keys that hold no spans.
const OTHER_KEYS: [&str; 8] =
    ["file", "seconds", "fps", "person", "conditions", "blinks_about", "awake_only", "confidence"];

/// Reads what is known of the films of a folder: one JSON object a line, blank lines aside.
///
/// # Errors
/// When the list cannot be read, is too large or names no film, or when a line is of another
/// form, names a film again, does not say which film it is, how long, or who is in it, or
/// holds a span that cannot be (see [`beside`]).
pub fn read(path: &Path) -> Result<Vec<FilmTruth>, DatasetError> {
    let file = File::open(path).map_err(DatasetError::io(path, "read"))?;
    let reader = BufReader::new(Bounded::new(file, MAX_BYTES, MAX_LINE_BYTES));
    let (mut films, mut named) = (Vec::new(), BTreeSet::new());
    for (text, line) in reader.lines().zip(1..) {
        let text = text.map_err(DatasetError::io(path, "read"))?;
        if text.trim().is_empty() {
            continue;
        }
        let at = |why: String| DatasetError::Line { path: path.into(), line, why };
        let film = parse(&text).and_then(in_list).map_err(at)?;
        if !named.insert(film.file.clone()) {
            let file = film.file.display();
            return Err(at(format!("{file} is named a second time; keep one of the lines")));
        }
        films.push(film);
    }
    match films.is_empty() {
        true => Err(DatasetError::Empty(path.into())),
        false => Ok(films),
    }
}

/// Reads what is known of one film, from `NAME.spans.json` beside it: the keys of a line of
/// [`TRUTH`], each of which may be left out. `None` where there is no such file. Where the
/// file does not say how long the film is, [`check_end`] is for whoever knows.
///
/// # Errors
/// When the file cannot be read, is no JSON object, belongs to another film, or has a key
/// that is not known, a list that is none, or a span that ends before it begins, lies beyond
/// the film, or overlaps another one of its list.
pub fn beside(film: &Path) -> Result<Option<FilmTruth>, DatasetError> {
    let path = film.with_extension(SPANS_ENDING);
    let text = match read_text(&path, MAX_LINE_BYTES) {
        Ok(text) => text,
        Err(why) if why.kind() == ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(DatasetError::io(&path, "read")(why)),
    };
    let wrong = |why: String| DatasetError::Spans { path: path.clone(), why };
    let truth = parse(&text).map_err(wrong)?;
    let own = film.file_name().unwrap_or_default();
    if !truth.file.as_os_str().is_empty() && truth.file != Path::new(own) {
        return Err(wrong(format!(
            "file is {}, but it lies beside {}; leave the key out, or rename the file",
            truth.file.display(),
            own.display()
        )));
    }
    Ok(Some(FilmTruth { file: own.into(), ..truth }))
}

/// Whether the spans of a film lie in it, now that it is known to be `seconds` long.
///
/// # Errors
/// What is beyond it and the way out, after the name of the file.
pub fn check_end(film: &FilmTruth, seconds: f64) -> Result<(), String> {
    for (key, spans) in film.lists() {
        if let Some([start, end]) = spans.iter().find(|span| span[1] > seconds + END_TOLERANCE_S) {
            return Err(format!(
                "{key} holds [{start}, {end}], but the film ends at {seconds:.1} s; correct the \
                 span, or see whether it belongs to another film"
            ));
        }
    }
    Ok(())
}

/// A film from what is written of it; what is wrong and the way out.
fn parse(text: &str) -> Result<FilmTruth, String> {
    let form = |why: serde_json::Error| {
        format!(
            "it is no JSON object of spans in seconds, such as {{\"closures\": [[12.0, 14.5]]}} \
             ({why})"
        )
    };
    let object: Map<String, Value> = serde_json::from_str(text).map_err(form)?;
    let lists = FilmTruth::default().lists().map(|(key, _)| key);
    for (key, value) in &object {
        if lists.contains(&key.as_str()) {
            serde_json::from_value::<Vec<Span>>(value.clone()).map_err(|why| {
                format!("{key} is no list of spans ({why}); write [[start, end], ...] in seconds")
            })?;
        } else if !OTHER_KEYS.contains(&key.as_str()) {
            return Err(format!(
                "nothing is known of a key {key}; the spans are {}, beside them {}",
                lists.join(", "),
                OTHER_KEYS.join(", ")
            ));
        }
    }
    // From the text once more: a key that is written twice would be lost in the object.
    let film: FilmTruth = serde_json::from_str(text).map_err(form)?;
    check(&film)?;
    Ok(film)
}

/// What is wrong with the times of a film, and the way out.
pub(super) fn check(film: &FilmTruth) -> Result<(), String> {
    if !(film.seconds.is_finite() && film.seconds >= 0.0) {
        return Err(format!("seconds is {}; write how long the film is", film.seconds));
    }
    if !(film.fps.is_finite() && film.fps >= 0.0) {
        return Err(format!("fps is {}; write frames a second, or leave it out", film.fps));
    }
    for (key, spans) in film.lists() {
        for [start, end] in spans {
            let good = start.is_finite() && end.is_finite() && *start >= 0.0 && end > start;
            if !good {
                return Err(format!(
                    "{key} holds [{start}, {end}]; a span is [start, end] in seconds from the \
                     film's beginning, the start first"
                ));
            }
        }
        let mut sorted = spans.to_vec();
        sorted.sort_by(|a, b| a[0].total_cmp(&b[0]));
        for pair in sorted.windows(2) {
            if let [[a, b], [c, d]] = pair
                && c < b
            {
                return Err(format!(
                    "{key} holds [{a}, {b}] and [{c}, {d}], which overlap; make one span of \
                     them, or correct one"
                ));
            }
        }
    }
    match film.seconds > 0.0 {
        true => check_end(film, film.seconds),
        false => Ok(()),
    }
}

/// The same of a film in a list, where nothing else says which film it is, how long, and who
/// is in it.
fn in_list(film: FilmTruth) -> Result<FilmTruth, String> {
    if film.file.as_os_str().is_empty() {
        return Err("file is missing; write the film's name, relative to this list".into());
    }
    if film.seconds == 0.0 {
        return Err("seconds is 0 or missing; write how long the film is".into());
    }
    if film.person.trim().is_empty() {
        return Err("person is empty or missing; write who is in the film".into());
    }
    Ok(film)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(TRUTH);
        std::fs::write(&path, text).unwrap();
        read(&path).unwrap_err().to_string()
    }

    fn of_film(text: &str) -> Result<Option<FilmTruth>, DatasetError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.spans.json"), text).unwrap();
        beside(&folder.path().join("a.mp4"))
    }

    fn has_words(text: &str, words: &[&str]) {
        for word in words {
            assert!(text.contains(word), "{word:?} is missing in {text:?}");
        }
        assert!(!text.contains('\n'), "{text:?}");
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let good = "{\"file\": \"a.mp4\", \"seconds\": 3, \"person\": \"p\"}\n";
        let line = |more: &str| {
            let second = good.trim_end().trim_end_matches('}').replace("a.mp4", "b.mp4");
            error(&format!("{good}{second}, {more}}}\n"))
        };
        for (text, words) in [
            (line("\"closures\": [[2, 1]]"), ["line 2", "closures", "[2, 1]"]),
            (line("\"yawns\": [[-1, 1]]"), ["line 2", "yawns", "[-1, 1]"]),
            (line("\"yawns\": [[1, 9]]"), ["line 2", "yawns holds [1, 9]", "ends at 3.0 s"]),
            (line("\"laughing\": [[0, NaN]]"), ["line 2", "no JSON object", "seconds"]),
            (line("\"laughing\": [[0]]"), ["line 2", "laughing is no list", "seconds"]),
            (line("\"confidence\": \"perhaps\""), ["line 2", "no JSON object", "perhaps"]),
            (line("\"fps\": -1"), ["line 2", "fps", "-1"]),
            (error(&good.replace("3", "0")), ["line 1", "seconds is 0", "film"]),
            (error(&good.replace("\"p\"", "\" \"")), ["line 1", "person", "empty"]),
            (error(&good.replace("file", "fps")), ["line 1", "no JSON object", "string"]),
            (error("{\"seconds\": 3, \"person\": \"p\"}"), ["line 1", "file is missing", ""]),
            (error(&format!("{good}{good}")), ["line 2", "a.mp4", "second time"]),
            (error("no json"), ["line 1", "no JSON object", "closures"]),
            (error("\n"), ["truth.jsonl", "no picture", ""]),
        ] {
            has_words(&text, &words);
        }
    }

    #[test]
    fn every_bad_file_beside_a_film_is_named_with_its_key() {
        for (text, words) in [
            ("{\"closures\": [[14, 12]]}", ["closures holds [14, 12]", "the start first"]),
            ("{\"yawns\": [[3, 3]]}", ["yawns holds [3, 3]", "the start first"]),
            ("{\"yawns\": [[1, 12]], \"seconds\": 9}", ["yawns holds [1, 12]", "ends at 9.0 s"]),
            ("{\"closure\": [[1, 2]]}", ["a key closure", "closures, blinks, yawns"]),
            ("{\"closures\": 3}", ["closures is no list", "[[start, end], ...]"]),
            ("{\"closures\": [1, 2]}", ["closures is no list", "[[start, end], ...]"]),
            ("{\"closures\": [[1, 2, 3]]}", ["closures is no list", "[[start, end], ...]"]),
            ("{\"closures\": [[1, \"2\"]]}", ["closures is no list", "[[start, end], ...]"]),
            ("{\"no_face\": null}", ["no_face is no list", "[[start, end], ...]"]),
            ("{\"uncertain\": [[4, 6], [1, 5]]}", ["uncertain holds [1, 5] and [4, 6]", "overlap"]),
            ("{\"yawns\": [], \"yawns\": []}", ["no JSON object", "duplicate field `yawns`"]),
            ("{\"file\": \"b.mp4\"}", ["file is b.mp4", "beside a.mp4"]),
            ("{\"person\": 3}", ["no JSON object", "string"]),
            ("[[1, 2]]", ["no JSON object", "\"closures\": [[12.0, 14.5]]"]),
            ("closures: 1 2", ["no JSON object", "\"closures\": [[12.0, 14.5]]"]),
            ("", ["no JSON object", "\"closures\": [[12.0, 14.5]]"]),
        ] {
            let told = of_film(text).unwrap_err().to_string();
            has_words(&told, &["a.spans.json"]);
            has_words(&told, &words);
        }
    }

    #[test]
    fn a_file_beside_a_film_may_say_as_little_as_it_likes() {
        let nothing = of_film("{}").unwrap().unwrap();
        assert_eq!(nothing, FilmTruth { file: "a.mp4".into(), ..FilmTruth::default() });
        let text = "{\"person\": \"ann\", \"conditions\": [\"night\"], \"awake_only\": false,\
            \"closures\": [[4, 5], [1, 2.5], [2.5, 3]], \"uncertain\": [[2, 3]]}";
        let film = of_film(text).unwrap().unwrap();
        assert_eq!((film.closures.len(), film.person.as_str()), (3, "ann"));
        assert_eq!(check_end(&film, 4.6), Ok(()), "half a second more is no mistake");
        has_words(&check_end(&film, 4.4).unwrap_err(), &["closures holds [4, 5]", "4.4 s"]);
        let nowhere = tempfile::tempdir().unwrap();
        assert_eq!(beside(&nowhere.path().join("a.mp4")).unwrap(), None);
    }

    #[test]
    fn what_is_written_of_a_film_is_read_again() {
        // So no key of the struct is one that the reader does not know.
        let film = FilmTruth { closures: vec![[1.0, 2.5]], seconds: 4.0, ..FilmTruth::default() };
        let text = serde_json::to_string(&film).unwrap();
        assert_eq!(parse(&text).unwrap(), film);
    }
}
