//! Every frame of every film as a line of CSV, for whoever fits or draws something on it.

use std::path::Path;

use serde::Serialize;
use wakewatch::face::Unreadable;

use super::films::{Film, Row};

/// A frame; truths are 1 and 0, what is not known is empty.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    frame: u64,
    time: f64,
    person: &'a str,
    group: &'static str,
    shut: Option<u8>,
    down: u8,
    laugh: u8,
    away: u8,
    uncertain: u8,
    no_face: u8,
    yawns: Option<u8>,
    /// Found one.
    face: u8,
    cls_closed: Option<f32>,
    drowsy: Option<f32>,
    yawn: Option<f32>,
    left_shut: Option<f32>,
    left_seen: Option<f32>,
    right_shut: Option<f32>,
    right_seen: Option<f32>,
    down_p: Option<f32>,
    left_aspect: Option<f32>,
    right_aspect: Option<f32>,
    mouth_aspect: Option<f32>,
    pitch: Option<f32>,
    yaw: Option<f32>,
    roll: Option<f32>,
    unreadable: Option<Unreadable>,
    /// MediaPipe's.
    peer_face: Option<u8>,
    peer_blink: Option<f32>,
    peer_aspect: Option<f32>,
}

impl<'a> Line<'a> {
    fn new(film: &'a Film, file: &'a str, row: &Row) -> Self {
        let (moment, face) = (&row.moment, row.face.as_ref());
        let eyes = face.and_then(|face| face.eyes);
        let [left, right] = [0, 1].map(|side| eyes.map(|eyes| eyes[side]));
        let pose = face.and_then(|face| face.pose);
        Self {
            file,
            frame: row.frame,
            time: row.seconds(),
            person: &film.truth.person,
            group: film.group.name(),
            shut: moment.shut.map(u8::from),
            down: u8::from(moment.looking_down),
            laugh: u8::from(moment.laughing),
            away: u8::from(moment.looking_away),
            uncertain: u8::from(moment.uncertain),
            no_face: u8::from(moment.no_face),
            yawns: moment.yawn.map(u8::from),
            face: u8::from(face.is_some()),
            cls_closed: face.map(|face| face.eyes_closed),
            drowsy: face.map(|face| face.drowsy),
            yawn: face.map(|face| face.yawn),
            left_shut: left.map(|eye| eye.shut),
            left_seen: left.map(|eye| eye.seen),
            right_shut: right.map(|eye| eye.shut),
            right_seen: right.map(|eye| eye.seen),
            down_p: face.and_then(|face| face.looking_down),
            left_aspect: face.map(|face| face.eye_aspect[0]),
            right_aspect: face.map(|face| face.eye_aspect[1]),
            mouth_aspect: face.map(|face| face.mouth_aspect),
            pitch: pose.map(|pose| pose.pitch),
            yaw: pose.map(|pose| pose.yaw),
            roll: pose.map(|pose| pose.roll),
            unreadable: face.and_then(|face| face.unreadable),
            peer_face: row.peer.map(|peer| u8::from(peer.has_face)),
            peer_blink: row.peer.and_then(|peer| peer.blink),
            peer_aspect: row.peer.and_then(|peer| peer.eye_aspect),
        }
    }
}

/// Writes all rows; what was there is replaced.
pub(crate) fn write(path: &Path, films: &[Film]) {
    let mut out = csv::Writer::from_path(path).unwrap();
    for film in films {
        let file = film.name();
        for row in &film.rows {
            out.serialize(Line::new(film, &file, row)).unwrap();
        }
    }
    out.flush().unwrap();
}
