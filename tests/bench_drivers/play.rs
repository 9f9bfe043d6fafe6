//! Watches the films, each once, several side by side.

use std::{
    collections::HashMap,
    num::NonZero,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use wakewatch::{
    dataset::spans::FilmTruth,
    live::{Pipeline, PipelineOptions, Vision},
    source::{self, OpenOptions, SourceSpec},
};

use super::films::{Film, Kind, Known, Row};

/// Most films that are watched side by side.
const MOST: usize = 4;

/// Watches all films, in the order of their names.
pub(crate) fn all(data: &Path, known: &Known, options: &PipelineOptions) -> Vec<Film> {
    let (next, films) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let folder = data.join("drivers");
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(MOST);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut pipeline = Pipeline::open(options).unwrap();
                while let Some(truth) = known.films.get(next.fetch_add(1, Relaxed)) {
                    let film = watch(&folder, truth, known, &mut pipeline);
                    films.lock().unwrap().push(film);
                }
            });
        }
    });
    let mut films: Vec<Film> = films.into_inner().unwrap();
    films.sort_by(|a, b| a.truth.file.cmp(&b.truth.file));
    learn_own(&mut films);
    films
}

/// A film that is not there or breaks off is told and has the rows until then.
fn watch(folder: &Path, truth: &FilmTruth, known: &Known, pipeline: &mut Pipeline) -> Film {
    let (name, mut rows) = (truth.file.display(), Vec::new());
    let spec = SourceSpec::Path(folder.join(&truth.file));
    let mut source = match source::open(&spec, &OpenOptions::default()) {
        Ok(source) => source,
        Err(why) => {
            println!("{name}: {why}");
            return Film::new(truth.clone(), rows);
        }
    };
    pipeline.reset(false);
    loop {
        let frame = match source.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => break,
            Err(why) => {
                println!("{name}: {why}");
                break;
            }
        };
        let seen = pipeline.process(&frame).unwrap();
        rows.push(Row {
            frame: frame.index,
            at: frame.at,
            moment: truth.at(frame.at.as_secs_f64()),
            face: seen.observation.face,
            own_aspect: None,
            peer: known.peer(truth, frame.index),
        });
    }
    Film::new(truth.clone(), rows)
}

/// Gives each row the aspect ratio of its person's open eyes.
fn learn_own(films: &mut [Film]) {
    let mut open: HashMap<String, Vec<f32>> = HashMap::new();
    for film in films.iter() {
        let own = open.entry(film.truth.person.clone()).or_default();
        let rows = film.rows.iter().filter(|row| row.kind() == Some(Kind::Open));
        own.extend(rows.filter_map(|row| row.face.as_ref()).map(|face| face.mean_aspect()));
    }
    for own in open.values_mut() {
        own.sort_by(f32::total_cmp);
    }
    for film in films {
        let own = open.get(&film.truth.person).and_then(|own| own.get(own.len() / 2)).copied();
        film.rows.iter_mut().for_each(|row| row.own_aspect = own);
    }
}
