//! Pictures for the landmark network: faces with their 68 points, split by person, drawn
//! faces, and a folder of pictures without faces.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use image::RgbImage;

use crate::{
    dataset::points::{self, AnnotatedFace},
    face::{Landmarks, Region},
    source::{
        demo::{Portrait, portraits},
        images::load_image,
    },
    train::{TrainError, augment::Covered},
};

/// HELEN files at the end of the alphabet that are held out.
const HELEN_HELD_OUT: usize = 100;
/// Share of the YouTube-Faces persons that are held out, in percent.
const PERSONS_HELD_OUT: u64 = 15;
/// Side of a drawn face's picture, pixels.
const DRAWN_PX: u32 = 240;

/// A face with its points.
#[derive(Clone, Debug)]
pub struct Annotated {
    /// The picture.
    pub file: PathBuf,
    /// Its 68 points, as far as they can be trusted.
    pub landmarks: Landmarks,
    /// The person, where the file name tells; held out together.
    pub person: String,
    /// How far the points can be trusted.
    pub trust: Trust,
    /// The picture where it is in no file: a drawn face, a frame of a film.
    pub held: Option<Arc<RgbImage>>,
    /// Eyes and mouth that are known to be covered.
    pub covered: Covered,
    /// Left eye, right eye, tip of the nose and corners of the mouth as a detector saw them,
    /// where it did.
    pub five: Option<[[f32; 2]; 5]>,
}

impl Annotated {
    /// Its picture.
    ///
    /// # Errors
    /// When the file is missing or no picture.
    pub fn picture(&self) -> Result<Arc<RgbImage>, TrainError> {
        match &self.held {
            Some(image) => Ok(image.clone()),
            None => Ok(Arc::new(load_image(&self.file)?)),
        }
    }

    /// The five points: the detector's, else those that the 68 are about.
    pub fn five(&self) -> [[f32; 2]; 5] {
        self.five.unwrap_or_else(|| five_of(&self.landmarks))
    }
}

/// Middle of the left and of the right eye, tip of the nose, corners of the mouth.
pub fn five_of(landmarks: &Landmarks) -> [[f32; 2]; 5] {
    let [left, right] = [48, 54].map(|corner| landmarks.points[corner]);
    [landmarks.left_eye(), landmarks.right_eye(), landmarks.nose(), left, right]
}

/// Faces that the painter of the demo driver draws, of people whom the demo never shows,
/// in every pose, light and cover: one more source beside the photographs.
pub fn drawn(count: usize, seed: u64) -> impl Iterator<Item = Annotated> {
    portraits(seed, DRAWN_PX).take(count).enumerate().filter_map(|(number, portrait)| {
        let Portrait { image, person, truth } = portrait;
        let points = truth.points.as_slice().try_into().ok()?;
        let (eyes, mouth) = (!truth.eyes_visible, !truth.mouth_visible);
        Some(Annotated {
            file: format!("drawn_{number}").into(),
            landmarks: Landmarks { points },
            person: format!("drawn_{person}"),
            trust: Trust::Coarse,
            held: Some(Arc::new(image)),
            covered: Covered { left_eye: eyes, right_eye: eyes, mouth },
            five: None,
        })
    })
}

/// How far points can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// Made by a program on frames of videos (YouTube Faces); knows closed eyes badly.
    Coarse,
    /// Set by people on sharp pictures (HELEN).
    Precise,
    /// Guessed by an earlier network, except that the eyes are known to be closed.
    KnownClosed,
    /// Guessed by an earlier network, steadily and as a detector's five points say.
    Guessed,
    /// Nothing but a detector's five points is known; the 68 are a mean face about them.
    Five,
    /// It is known that it is a face, and nothing of where its points are: those of a detector
    /// say where to look.
    Marked,
}

/// Faces to learn from and faces of other people to validate on.
#[derive(Clone, Debug)]
pub struct Faces {
    /// To learn from.
    pub train: Vec<Annotated>,
    /// Of other people.
    pub validation: Vec<Annotated>,
}

impl Faces {
    /// Reads a list of faces with 68 points.
    ///
    /// # Errors
    /// As [`points::read`].
    pub fn read(list: &Path) -> Result<Self, TrainError> {
        let faces =
            points::read(list)?.into_iter().map(|AnnotatedFace { file, landmarks, .. }| {
                let precise = file.components().any(|part| part.as_os_str() == "helen");
                let trust = if precise { Trust::Precise } else { Trust::Coarse };
                let (person, covered) = (person_of(&file), Covered::default());
                Annotated { file, landmarks, person, trust, held: None, covered, five: None }
            });
        Ok(Self::split(faces.collect()))
    }

    fn split(mut faces: Vec<Annotated>) -> Self {
        faces.sort_by(|a, b| (a.trust, &a.file).cmp(&(b.trust, &b.file)));
        let precise = faces.iter().filter(|face| face.trust == Trust::Precise).count();
        let held_out = HELEN_HELD_OUT.min(precise / 2);
        let last = faces.len() - held_out;
        let (mut train, mut validation) = (Vec::new(), Vec::new());
        for (index, face) in faces.into_iter().enumerate() {
            let out = match face.trust {
                Trust::Precise => index >= last,
                _ => person_held_out(&face.person),
            };
            if out { validation.push(face) } else { train.push(face) }
        }
        Self { train, validation }
    }

    /// The mean of the training shapes, each in the unit square of its own region.
    pub fn mean_shape(&self) -> [[f32; 2]; 68] {
        let mut mean = [[0.0; 2]; 68];
        for face in &self.train {
            let region = Region::from_landmarks(&face.landmarks);
            for (sum, point) in mean.iter_mut().zip(face.landmarks.points) {
                let [x, y] = region.to_unit(point);
                *sum = [sum[0] + x, sum[1] + y];
            }
        }
        mean.map(|sum| sum.map(|v| v / self.train.len().max(1) as f32))
    }
}

/// The file name without its number: `Abel_Example_07.jpg` is Abel_Example.
pub(in crate::train) fn person_of(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    stem.rsplit_once('_').map_or(stem.as_ref(), |(name, _)| name).to_owned()
}

pub(in crate::train) fn person_held_out(person: &str) -> bool {
    // FNV-1a: the same on every machine and in every version of Rust.
    let hash = person.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 20) % 100 < PERSONS_HELD_OUT
}

/// The point that takes the place of point `index` when the picture is mirrored.
pub fn mirrored(index: usize) -> usize {
    match index {
        0..=16 => 16 - index,
        17..=26 => 43 - index,
        31..=35 => 66 - index,
        36..=39 => 81 - index,
        40 | 41 | 46 | 47 => 87 - index,
        42..=45 => 81 - index,
        48..=54 => 102 - index,
        55..=59 => 114 - index,
        60..=64 => 124 - index,
        65..=67 => 132 - index,
        _ => index,
    }
}

/// The pictures (`.jpg`, `.jpeg`, `.png`) of a folder, by name.
///
/// # Errors
/// When the folder cannot be read.
pub fn pictures_of(folder: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(TrainError::io(folder, "read"))? {
        let path = entry.map_err(TrainError::io(folder, "read"))?.path();
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        if ["jpg", "jpeg", "png"].iter().any(|known| extension == *known) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirroring_twice_is_nothing_and_sides_change_places() {
        let mut seen = [false; 68];
        for index in 0..68 {
            assert_eq!(mirrored(mirrored(index)), index);
            seen[mirrored(index)] = true;
        }
        assert!(seen.iter().all(|s| *s));
        // Outer eye corners, mouth corners, lids, inner lips, nostrils, brows.
        for (a, b) in [
            (36, 45),
            (39, 42),
            (48, 54),
            (37, 44),
            (41, 46),
            (40, 47),
            (60, 64),
            (31, 35),
            (17, 26),
            (61, 63),
            (67, 65),
            (59, 55),
        ] {
            assert_eq!(mirrored(a), b);
        }
        for middle in [8, 27, 30, 33, 51, 57, 62, 66] {
            assert_eq!(mirrored(middle), middle);
        }
    }

    #[test]
    fn nobody_stands_on_both_sides_of_the_split() {
        let landmarks = Landmarks { points: [[0.0; 2]; 68] };
        let face = |folder: &str, name: String, trust| {
            let file = PathBuf::from(format!("{folder}/{name}.jpg"));
            let person = person_of(&file);
            let covered = Covered::default();
            Annotated { file, landmarks, person, trust, held: None, covered, five: None }
        };
        let mut faces: Vec<_> = (0..600)
            .map(|i| face("ytfaces", format!("Ann_B{}_{:02}", i / 6, i % 6), Trust::Coarse))
            .collect();
        faces.extend((0..300).map(|i| face("helen", format!("{i:04}_1"), Trust::Precise)));
        let split = Faces::split(faces);
        assert_eq!(split.train.len() + split.validation.len(), 900);
        assert_eq!(split.validation.iter().filter(|f| f.trust == Trust::Precise).count(), 100);
        let held: Vec<_> = split.validation.iter().filter(|f| f.trust == Trust::Coarse).collect();
        assert!((30..150).contains(&held.len()), "{}", held.len());
        for face in held {
            assert!(split.train.iter().all(|other| other.person != face.person));
        }
    }
}
