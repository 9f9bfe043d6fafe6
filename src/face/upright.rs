//! Up is up: a face upside down must not be read the wrong way round. The landmark network
//! alone is at times sure of one, so that a new face is looked at in all four turns and the
//! surest of them tells which way is up. Where no face is found for some seconds, the
//! turned picture is looked at now and then: the camera may hang upside down.

use std::{
    f32::consts::{FRAC_PI_2, FRAC_PI_4},
    time::Duration,
};

use image::RgbImage;

use super::{
    BBox, Detection, Face, FaceError, FaceTracker, Landmarks, Region, Search,
    landmarks::{Looks, ROUGHLY_STEADY, STEADY},
    region::{AROUND, SURE, square},
};
use crate::frame::Turn;

/// A head that is tilted by no more than this is upright in its picture, radians.
const TILTED: f32 = 75.0 / 180.0 * std::f32::consts::PI;
/// Without a face for so long, the picture is said to be turned.
const TOLD_AFTER: Duration = Duration::from_secs(5);
/// So long before that, the turned pictures are looked at.
const BEFORE: Duration = Duration::from_secs(2);
/// Time between two such looks, the first few and those after them.
const OFTEN: Duration = Duration::from_millis(400);
const SELDOM: Duration = Duration::from_secs(4);
/// Looks at the beginning: each turn three times.
const FIRST: u32 = 9;
/// Two turns whose surety differs by less are told apart by the detector. Measured on one
/// picture of each of 70 drivers and 40 of `faces_wild`: of 42 faces that are believed upside
/// down 3 are surer that way, by up to 0.14; so are 2 of 109 that are upright.
const ABOUT_AS_SURE: f32 = 0.15;
/// Boxes of one such look that are looked at.
const MOST_BOXES: usize = 2;

impl Landmarks {
    /// The turn that brings the picture upright in which a face with these points is seen.
    pub fn turn(&self) -> Turn {
        let roll = Region::from_landmarks(self).roll;
        if roll.abs() <= TILTED {
            return Turn::None;
        }
        match (roll / FRAC_PI_2).round() as i32 {
            0 | 1 if roll > 0.0 => Turn::ThreeQuarters,
            0 | -1 => Turn::Quarter,
            _ => Turn::Half,
        }
    }
}

/// What has come of looks at the turned picture since the last face.
#[derive(Debug, Default)]
pub(super) struct TurnedLooks {
    looks: u32,
    at: Option<Duration>,
    /// A face was seen once in this turn.
    suspect: Option<Turn>,
    told: Turn,
}

impl TurnedLooks {
    /// The turn that brings the picture upright, as far as that is seen.
    pub(super) fn told(&self) -> Turn {
        self.told
    }
}

/// What the detector sees in each turn of a picture, surest first: upright, and turned by 90,
/// 180 and 270 degrees clockwise.
#[derive(Debug, Default)]
pub(super) struct AllTurns([Vec<Detection>; 4]);

impl AllTurns {
    /// The surest detection of a face that is turned like this region and lies in it.
    fn at(&self, region: &Region) -> Option<&Detection> {
        let quarters = (region.roll / FRAC_PI_2).round() as i32;
        self.0[quarters.rem_euclid(4) as usize].iter().find(|detection| {
            let [x, y] = region.to_unit(Region::from_detection(detection).center);
            (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y)
        })
    }

    /// The detector's score for a face, the way up it was found; 0 where it sees none.
    fn score(&self, face: &Face) -> f32 {
        self.at(&Region::from_landmarks(&face.landmarks)).map_or(0.0, |found| found.score)
    }
}

/// Score from which the detector's own points tell which way up a face is. Of 70 drivers
/// upside down, each found, none was pointed the wrong way round from 0.85 on where the
/// network believed in a face (2026-11-28).
const TELLS_TURN: f32 = 0.9;

/// Whether detector and network are both sure of a face, and of the same way up. Then the
/// other turns need not be looked at.
pub(super) fn is_turn_told(detection: &Detection, looks: &Looks) -> bool {
    let roll = Region::from_landmarks(&looks.face.landmarks).roll;
    let apart = (Region::from_detection(detection).roll - roll).sin_cos();
    let same = apart.1 > 0.0 && apart.0.abs() < FRAC_PI_4.sin();
    detection.score >= TELLS_TURN && looks.confidence >= SURE && looks.moved <= STEADY && same
}

impl FaceTracker {
    /// What the detector sees in a picture, or in a part of it, in each of the four turns.
    pub(super) fn all_turns(
        &mut self,
        image: &RgbImage,
        window: Option<BBox>,
    ) -> Result<AllTurns, FaceError> {
        // A face may fill the picture; around a known place there is room.
        let padding = if window.is_none() { 0.1 } else { 0.0 };
        let mut all = AllTurns::default();
        for (quarter, found) in all.0.iter_mut().enumerate() {
            let roll = quarter as f32 * FRAC_PI_2;
            *found = self.ask(image, &Search { roll, window, padding, ..Search::default() })?;
        }
        Ok(all)
    }

    /// The face in the turn in which the network is surest of it, among all four turns of
    /// the place where it was found. Where it is about as sure of two, the detector decides.
    pub(super) fn surest_turn(
        &mut self,
        image: &RgbImage,
        found: Looks,
        all: &AllTurns,
    ) -> Result<Looks, FaceError> {
        let region = Region::from_landmarks(&found.face.landmarks);
        let mut best = found;
        for turn in [Turn::Half, Turn::Quarter, Turn::ThreeQuarters] {
            let same = Region { roll: region.roll + turn.radians(), ..region };
            // What was found the wrong way round lies too high on the face.
            let turned = all.at(&same).map_or(same, Region::from_detection);
            let looks = self.net.look_often(image, &turned)?;
            if looks.confidence < SURE || looks.moved > ROUGHLY_STEADY {
                continue;
            }
            let surer = looks.surety() - best.surety();
            let surer = match surer.abs() < ABOUT_AS_SURE {
                true => all.score(&looks.face) - all.score(&best.face),
                false => surer,
            };
            if surer > 0.0 {
                best = looks;
            }
        }
        Ok(best)
    }

    /// A face the way up in which the network is surest of it. What the detector sees in each
    /// turn is asked for once.
    pub(super) fn surely_upright(
        &mut self,
        image: &RgbImage,
        looks: Looks,
        all: &mut Option<AllTurns>,
    ) -> Result<Looks, FaceError> {
        let all = match all {
            Some(all) => all,
            none => none.insert(self.all_turns(image, None)?),
        };
        self.surest_turn(image, looks, all)
    }

    /// A face that was newly found by this detection, as it is to be followed, or `None` when
    /// the network is surer of it in the turned picture.
    pub(super) fn upright_face(
        &mut self,
        image: &RgbImage,
        detection: &Detection,
        found: &Face,
    ) -> Result<Option<Face>, FaceError> {
        let region = Region::from_landmarks(&found.landmarks);
        let mut looks = self.net.look_often(image, &region)?;
        if !is_turn_told(detection, &looks) {
            let all = self.all_turns(image, Some(square(&region).scaled(AROUND)))?;
            looks = self.surest_turn(image, looks, &all)?;
        }
        match looks.face.landmarks.turn() {
            Turn::None => Ok(Some(looks.face)),
            turn => {
                self.turned.suspect.get_or_insert(turn);
                Ok(None)
            }
        }
    }

    /// While there is no face, looks for one in the turned picture: one turn at a time, not
    /// often, and twice before it is told.
    pub(super) fn look_turned(&mut self, image: &RgbImage, at: Duration) -> Result<(), FaceError> {
        let looks = &mut self.turned;
        let pause = if looks.looks < FIRST { OFTEN } else { SELDOM };
        let due = looks.at.map_or(self.lost_at + TOLD_AFTER - BEFORE, |last| last + pause);
        if at < due {
            return Ok(());
        }
        let turn = looks.suspect.unwrap_or(Turn::ALL[1 + (looks.looks as usize + 1) % 3]);
        looks.looks += 1;
        looks.at = Some(at);
        let seen = self.face_in(image, turn)?.is_some();
        let looks = &mut self.turned;
        match (seen, looks.suspect) {
            (true, Some(before)) if before == turn => {
                if at >= self.lost_at + TOLD_AFTER {
                    looks.told = turn;
                }
            }
            (true, _) => looks.suspect = Some(turn),
            (false, _) => looks.suspect = None,
        }
        Ok(())
    }

    /// A face that is upright in the picture after this turn, if there surely is one.
    pub(super) fn face_in(
        &mut self,
        image: &RgbImage,
        turn: Turn,
    ) -> Result<Option<Face>, FaceError> {
        let search = Search { roll: turn.back().radians(), ..Search::default() };
        let found = self.ask(image, &search)?;
        let mut all = None;
        for detection in found.iter().take(MOST_BOXES) {
            let region = Region::from_detection(detection);
            let looks = self.net.look_often(image, &region)?;
            if looks.confidence < SURE || looks.moved > STEADY {
                continue;
            }
            let face = self.surely_upright(image, looks, &mut all)?.believed(STEADY);
            if face.confidence >= SURE && face.landmarks.turn() == turn {
                return Ok(Some(face));
            }
        }
        Ok(None)
    }
}
