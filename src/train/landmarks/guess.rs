//! Points for faces of which a detector saw five (turned, bowed, small and infra-red ones),
//! guessed by an earlier network.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use burn::tensor::Device;
use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::{
    IMAGE_PX, LandmarkNet,
    data::{Annotated, Trust, five_of, mirrored},
    places::{Around, mean_face, nose_between_eyes},
    validate::{Said, look},
};
use crate::{
    dataset::points::FivePointFace,
    face::{LANDMARK_MARGIN, Landmarks, Region},
    source::{self, OpenOptions, SourceSpec, images::load_image},
    train::{Control, TrainError, augment::Covered, record::write_whole},
};

/// Points that still move by more than this share of the region are left out.
const STEADY: f32 = 0.03;

/// Name of the file with the guessed points in a run's folder.
pub(crate) const GUESSES: &str = "guesses.jsonl";
/// Collections of the detector's list that are learned from. Of the others either the points
/// are known (landmarks68), or something else is measured on them.
const COLLECTIONS: [&str; 6] = ["aflw", "drivers", "faces_wild", "lfw", "yawdd", "yawns_generated"];
/// Of a film, every so manyth frame is used.
const FRAMES: u64 = 10;
/// Faces of which the detector is less sure are left out.
const DETECTED: f32 = 0.8;
/// Regions smaller than this show no eyes, pixels.
const LEAST_PX: f32 = 40.0;
/// Heads turned farther are left out: the nose lies so much beside the middle of the eyes,
/// in distances of the eyes (about 63 degrees).
const MOST_ASIDE: f32 = 0.8;
/// There are enough faces that look straight ahead; of this collection only those that look
/// more aside than this are used.
const STRAIGHT: (&str, f32) = ("lfw", 0.12);
/// Faces that are judged at once.
const AT_ONCE: usize = 32;
/// Mean confidence from which a guess is believed.
const BELIEVED: f32 = 0.6;
/// Mean distance between the guess and the detector's five points below which a guess is
/// believed, in sizes of the face.
const AGREED: f32 = 0.08;
/// What is kept of a frame around the middle of its face's region, in sides of it.
const FRAME_AROUND: f32 = 0.9;
/// Side of the region in what is kept of a frame, pixels.
const FRAME_SIDE_PX: f32 = 200.0;
/// From where the network looks again: shift right and down in sides of the region, scale,
/// turn in radians, and whether in a mirror.
const LOOKS_AGAIN: [([f32; 4], bool); 4] = [
    ([0.0, 0.0, 1.0, 0.0], false),
    ([0.0, 0.0, 1.0, 0.0], true),
    ([0.05, 0.04, 1.1, 0.12], false),
    ([-0.05, -0.04, 0.93, -0.12], true),
];
/// Faces of each kind that validate, at most.
const UNSEEN: usize = 250;

/// Whether something can be learned from a detector's face.
fn wanted(face: &FivePointFace) -> bool {
    let aside = (nose_between_eyes(&face.points) - 0.5).abs();
    let collection = face.collection();
    COLLECTIONS.contains(&collection)
        && face.score >= DETECTED
        && Region::from_five(&face.points).side_px >= LEAST_PX
        && aside <= MOST_ASIDE
        && (collection != STRAIGHT.0 || aside >= STRAIGHT.1)
        && face.frame.is_none_or(|frame| frame.is_multiple_of(FRAMES))
}

/// A face that a detector saw, with its picture (of a frame, what lies around the face) and
/// its five points in that.
#[derive(Clone, Debug)]
struct Candidate {
    /// Its place among all.
    at: usize,
    image: Arc<RgbImage>,
    five: [[f32; 2]; 5],
    /// It is a frame of a film.
    frame: bool,
}

/// Opens the pictures and films of `faces`, one after the other, and hands out each face.
fn each(
    faces: &[&FivePointFace],
    tell: &mut dyn FnMut(Candidate) -> Result<(), TrainError>,
) -> Result<(), TrainError> {
    let mut from = 0;
    while let Some(first) = faces.get(from) {
        let count = faces[from..].iter().take_while(|face| face.file == first.file).count();
        let same: Vec<(usize, &FivePointFace)> =
            (from..from + count).map(|at| (at, faces[at])).collect();
        from += count;
        if first.frame.is_none() {
            let image = Arc::new(load_image(&first.file)?);
            for (at, face) in same {
                let image = image.clone();
                tell(Candidate { at, image, five: face.points, frame: false })?;
            }
            continue;
        }
        let spec = SourceSpec::Path(first.file.clone());
        let mut film = source::open(&spec, &OpenOptions::default())?;
        let last = same.iter().filter_map(|(_, face)| face.frame).max();
        while let Some(frame) = film.next_frame()? {
            for (at, face) in same.iter().filter(|(_, face)| face.frame == Some(frame.index)) {
                let region = Region::from_five(&face.points);
                let around = Around::new(&frame.image, &region, FRAME_AROUND, FRAME_SIDE_PX);
                let five = face.points.map(|point| around.here(point));
                tell(Candidate { at: *at, image: Arc::new(around.image), five, frame: true })?;
            }
            if Some(frame.index) >= last {
                break;
            }
        }
    }
    Ok(())
}

/// A detector's face that was held out, with no points but the five.
///
/// # Errors
/// When a picture or film cannot be read.
pub(crate) fn validation(
    held: &[FivePointFace],
    mean: &[[f32; 2]; 68],
) -> Result<Vec<Annotated>, TrainError> {
    few(held, UNSEEN, mean)
}

/// The faces that a detector saw, as far as something can be learned from them, with no points
/// but the five.
///
/// # Errors
/// When a picture or film cannot be read.
pub(crate) fn unguessed(
    faces: &[FivePointFace],
    mean: &[[f32; 2]; 68],
) -> Result<Vec<Annotated>, TrainError> {
    few(faces, usize::MAX, mean)
}

/// At most so many faces of pictures, and of films.
fn few(
    held: &[FivePointFace],
    most: usize,
    mean: &[[f32; 2]; 68],
) -> Result<Vec<Annotated>, TrainError> {
    let mut all = Vec::new();
    for films in [false, true] {
        let of = |face: &&FivePointFace| wanted(face) && face.frame.is_some() == films;
        let faces: Vec<&FivePointFace> = held.iter().filter(of).collect();
        let stride = faces.len().div_ceil(most).max(1);
        let faces: Vec<&FivePointFace> = faces.into_iter().step_by(stride).collect();
        each(&faces, &mut |candidate| {
            all.push(annotated(faces[candidate.at], &candidate, mean, None));
            Ok(())
        })?;
    }
    Ok(all)
}

fn annotated(
    face: &FivePointFace,
    candidate: &Candidate,
    mean: &[[f32; 2]; 68],
    guess: Option<&Landmarks>,
) -> Annotated {
    Annotated {
        file: face.file.clone(),
        landmarks: guess.copied().unwrap_or_else(|| mean_face(mean, &candidate.five)),
        person: face.person.clone(),
        trust: if guess.is_some() { Trust::Guessed } else { Trust::Five },
        held: candidate.frame.then(|| candidate.image.clone()),
        covered: Covered::default(),
        five: Some(candidate.five),
    }
}

/// A line of the file with the guesses.
#[derive(Serialize, Deserialize)]
struct Guess {
    /// Place in the list of faces that can be learned from.
    at: usize,
    /// The picture or film, to see that it is the same list.
    name: PathBuf,
    /// The points in the picture (of a frame, in what is kept of it), where they are believed.
    points: Option<Vec<[f32; 2]>>,
}

/// Guesses points by a network.
pub(crate) struct Guesser<'a> {
    /// The network, on a device that does not learn.
    pub net: &'a LandmarkNet,
    /// The mean shape in the unit square of its region.
    pub mean: &'a [[f32; 2]; 68],
    /// Where it computes.
    pub device: &'a Device,
}

impl Guesser<'_> {
    /// The faces that a detector saw, as far as something can be learned from them: with
    /// 68 points where the network's are steady and agree with the five, else with those
    /// alone. The guesses are kept in the file `kept`, and with `resume` read from it.
    ///
    /// # Errors
    /// When a picture or film cannot be read, or the file cannot be written or is of another
    /// list.
    pub(crate) fn turned_faces(
        &self,
        faces: &[FivePointFace],
        kept: &Path,
        resume: bool,
        control: &mut Control<'_>,
    ) -> Result<Vec<Annotated>, TrainError> {
        let faces: Vec<&FivePointFace> = faces.iter().filter(|face| wanted(face)).collect();
        let mut known = if resume && kept.is_file() { Some(read(kept, &faces)?) } else { None };
        let (mut all, mut lines, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        let mut done = |waiting: &mut Vec<Candidate>, all: &mut Vec<Annotated>| {
            let guesses: Vec<Option<Landmarks>> = match &mut known {
                Some(known) => waiting.iter().map(|one| known.remove(&one.at)).collect(),
                None => self.guesses(waiting)?,
            };
            for (candidate, guess) in waiting.drain(..).zip(guesses) {
                let face = faces[candidate.at];
                let points = guess.as_ref().map(|guess| guess.points.to_vec());
                lines.push(Guess { at: candidate.at, name: face.name.clone(), points });
                all.push(annotated(face, &candidate, self.mean, guess.as_ref()));
            }
            Ok::<_, TrainError>(())
        };
        let mut seen = 0;
        each(&faces, &mut |candidate| {
            waiting.push(candidate);
            if waiting.len() == AT_ONCE {
                done(&mut waiting, &mut all)?;
                seen += AT_ONCE;
                if seen % (64 * AT_ONCE) == 0 {
                    (control.say)(&format!("{seen} of {} faces of a detector read", faces.len()));
                }
            }
            Ok(())
        })?;
        done(&mut waiting, &mut all)?;
        let guessed = all.iter().filter(|face| face.trust == Trust::Guessed).count();
        (control.say)(&format!(
            "{guessed} faces of a detector with guessed points, {} with five points alone",
            all.len() - guessed
        ));
        let mut text = Vec::new();
        for line in &lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        write_whole(kept, &text)?;
        Ok(all)
    }

    /// The points of each face in its picture, where they can be believed.
    fn guesses(&self, faces: &[Candidate]) -> Result<Vec<Option<Landmarks>>, TrainError> {
        let first: Vec<Region> = faces.iter().map(|face| Region::from_five(&face.five)).collect();
        let said = self.look(faces, &first, false)?;
        let regions: Vec<Region> = first
            .iter()
            .zip(&said)
            .map(|(first, said)| {
                let points = said.landmarks.points.map(|point| first.to_frame(point));
                let region = Region::from_landmarks(&Landmarks { points });
                let [x, y] = first.to_unit(region.center);
                let near = (0.25..0.75).contains(&x) && (0.25..0.75).contains(&y);
                let scale = region.side_px / first.side_px;
                let turn = (region.roll - first.roll).abs();
                if near && (0.6..1.6).contains(&scale) && turn < 0.6 { region } else { *first }
            })
            .collect();
        let mut looks = Vec::with_capacity(LOOKS_AGAIN.len());
        for ([right, down, scale, turn], mirror) in LOOKS_AGAIN {
            let shaken: Vec<Region> = regions
                .iter()
                .map(|region| Region {
                    center: region.to_frame([0.5 + right, 0.5 + down]),
                    side_px: scale * region.side_px,
                    roll: region.roll + turn,
                })
                .collect();
            let said = self.look(faces, &shaken, mirror)?;
            let placed = said.into_iter().zip(shaken).map(|(said, region)| {
                (said.landmarks.points.map(|point| region.to_frame(point)), said.confidence)
            });
            looks.push(placed.collect::<Vec<_>>());
        }
        Ok((0..faces.len())
            .map(|at| {
                let looks: Vec<_> = looks.iter().map(|look| look[at]).collect();
                believed(&looks, regions[at].side_px, &faces[at].five)
            })
            .collect())
    }

    /// What the network says of each face in its region, perhaps of its mirror image; the
    /// points are those of the picture itself.
    fn look(
        &self,
        faces: &[Candidate],
        regions: &[Region],
        mirror: bool,
    ) -> Result<Vec<Said>, TrainError> {
        let cuts: Vec<Vec<f32>> = faces
            .iter()
            .zip(regions)
            .map(|(face, region)| {
                let mut grey = region.sample_grey(&face.image, IMAGE_PX);
                if mirror {
                    grey.chunks_mut(IMAGE_PX).for_each(<[f32]>::reverse);
                }
                grey
            })
            .collect();
        let cuts: Vec<&[f32]> = cuts.iter().map(Vec::as_slice).collect();
        let mut all = look(self.net, &cuts, self.device)?;
        for said in all.iter_mut().filter(|_| mirror) {
            let source = said.landmarks.points;
            said.landmarks.points = std::array::from_fn(|index| {
                let [x, y] = source[mirrored(index)];
                [1.0 - x, y]
            });
        }
        Ok(all)
    }
}

/// The mean of several looks at a face, if they are steady, sure, and where the five points
/// are.
fn believed(
    looks: &[([[f32; 2]; 68], f32)],
    side_px: f32,
    five: &[[f32; 2]; 5],
) -> Option<Landmarks> {
    let count = looks.len() as f32;
    let points: [[f32; 2]; 68] = std::array::from_fn(|index| {
        let sum = looks.iter().fold([0.0; 2], |sum, (points, _)| {
            [sum[0] + points[index][0], sum[1] + points[index][1]]
        });
        sum.map(|v| v / count)
    });
    let far = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    let moved: f32 = looks
        .iter()
        .flat_map(|(look, _)| look.iter().zip(points))
        .map(|(a, b)| far(*a, b))
        .sum::<f32>()
        / (68.0 * count * side_px);
    let sure = looks.iter().map(|(_, confidence)| confidence).sum::<f32>() / count;
    let landmarks = Landmarks { points };
    let off = five_of(&landmarks).into_iter().zip(five).map(|(a, b)| far(a, *b)).sum::<f32>() / 5.0;
    let agreed = off < AGREED * side_px / LANDMARK_MARGIN;
    (moved < STEADY && sure > BELIEVED && agreed).then_some(landmarks)
}

/// The guesses that a run kept, by the face's place.
fn read(kept: &Path, faces: &[&FivePointFace]) -> Result<BTreeMap<usize, Landmarks>, TrainError> {
    let other = |why: &str| TrainError::Data {
        path: kept.into(),
        why: format!("{why}; begin the training anew in another folder"),
    };
    let text = crate::os::read_text(kept, 1 << 30).map_err(TrainError::io(kept, "read"))?;
    let mut known = BTreeMap::new();
    for line in text.lines() {
        let Guess { at, name, points } =
            serde_json::from_str(line).map_err(|error| other(&error.to_string()))?;
        if faces.get(at).is_none_or(|face| face.name != name) {
            return Err(other("its guesses are for another list of faces"));
        }
        let Some(points) = points else { continue };
        let points = <[[f32; 2]; 68]>::try_from(points.as_slice())
            .map_err(|_| other("a guess is not of 68 points"))?;
        known.insert(at, Landmarks { points });
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    /// Looks that agree: a mean face, off by `noise` in every other one.
    fn looks(noise: f32, confidence: f32) -> Vec<([[f32; 2]; 68], f32)> {
        let points = super::super::eyes::tests::mean_shape().map(|point| point.map(|v| 100.0 * v));
        let off = |by: f32| points.map(|[x, y]| [x + by, y]);
        (0..4).map(|look| (off(if look % 2 == 0 { noise } else { -noise }), confidence)).collect()
    }

    #[test]
    fn steady_sure_looks_at_the_five_points_are_believed_and_others_are_not() {
        let steady = looks(1.0, 0.9);
        let points = looks(0.0, 0.9)[0].0;
        let five = five_of(&Landmarks { points });
        let guess = believed(&steady, 100.0, &five).unwrap();
        assert_abs_diff_eq!(guess.points[30][0], points[30][0], epsilon = 1e-3);
        assert_eq!(believed(&looks(8.0, 0.9), 100.0, &five), None);
        assert_eq!(believed(&looks(1.0, 0.3), 100.0, &five), None);
        let elsewhere = five.map(|[x, y]| [x + 12.0, y]);
        assert_eq!(believed(&steady, 100.0, &elsewhere), None);
    }
}
