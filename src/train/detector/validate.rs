//! How good the detector is: faces of held-out people in whole pictures, upright and turned,
//! and pictures without a face, always the same.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData, activation::sigmoid};
use image::{Rgb, RgbImage};
use imageproc::{
    drawing::{draw_filled_circle_mut, draw_hollow_rect_mut},
    rect::Rect,
};

use super::{
    DetectorNet,
    labels::{Entry, Shelf, Shown},
    scene::{Goal, Scene},
};
use crate::{
    face::Region,
    train::{TrainError, learn::Validated, replicas::Replicas, weights::values},
    vit::cells::{self, CanvasFace, VALUES},
};

/// Side of the canvas, pixels.
const SIDE_PX: usize = 256;
/// Pictures looked at of each collection.
const OF_EACH: usize = 50;
/// Smaller faces are not asked for, canvas pixels.
const LEAST_PX: f32 = 14.0;
/// Share of the pictures without a face of which a box may be told: what the threshold of
/// the figure is chosen by.
const FALSE_SHARE: f64 = 0.05;
/// A box is that of a face when they share this much of their union.
const HIT: f32 = 0.4;
/// Turns of the pictures, degrees, by name.
const TURNS: [(&str, f32); 3] = [("upright", 0.0), ("turned", 35.0), ("upside_down", 180.0)];

/// A canvas to be looked at.
struct Question {
    group: &'static str,
    collection: String,
    image: Vec<f32>,
    /// Sure faces that are to be found, and all others, which may be.
    faces: Vec<CanvasFace>,
}

/// The pictures of an examination.
pub(super) struct Exam {
    questions: Vec<Question>,
}

/// What was found on a canvas.
struct Answered {
    /// Score of each face that was to be found; 0 where it was not.
    scores: Vec<f32>,
    /// Error of the five points of each face found, in sides of the face.
    errors: Vec<f32>,
    /// The highest score of a box that is no face's.
    other: f32,
}

impl Exam {
    /// Makes the canvases.
    ///
    /// # Errors
    /// When a picture cannot be read.
    pub(super) fn prepare(
        entries: &[Entry],
        empty: &[Entry],
        shelf: &Shelf,
    ) -> Result<Self, TrainError> {
        let mut groups: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for entry in entries {
            groups.entry(&entry.collection).or_default().push(entry);
        }
        let mut questions = Vec::new();
        for (collection, members) in groups {
            let step = members.len().div_ceil(OF_EACH).max(1);
            for (number, entry) in members.into_iter().step_by(step).enumerate() {
                let shown = shelf.shown(entry)?;
                let side = if number % 2 == 0 { 1.0 } else { -1.0 };
                for (group, degrees) in TURNS {
                    questions.push(question(group, collection, &shown, side * degrees));
                }
            }
        }
        for entry in empty {
            questions.push(question("empty", "nonfaces", &shelf.shown(entry)?, 0.0));
        }
        Ok(Self { questions })
    }

    /// Measures a network.
    ///
    /// # Errors
    /// When a replica ended early.
    pub(super) fn measure(
        &self,
        net: &DetectorNet,
        replicas: &Replicas,
    ) -> Result<Validated, TrainError> {
        let answers = replicas.map(net, &self.questions, answer)?;
        let pairs = || self.questions.iter().zip(&answers);
        let mut others: Vec<f32> =
            pairs().filter(|(q, _)| q.group == "empty").map(|(_, a)| a.other).collect();
        others.sort_by(|a, b| b.total_cmp(a));
        let allowed = (others.len() as f64 * FALSE_SHARE) as usize;
        let threshold = others.get(allowed).copied().unwrap_or(0.5).max(0.05);
        let found = |wanted: &dyn Fn(&Question) -> bool, least: f32| {
            let scores: Vec<f32> = pairs()
                .filter(|(question, _)| wanted(question))
                .flat_map(|(_, answer)| answer.scores.iter().copied())
                .collect();
            let hits = scores.iter().filter(|score| **score >= least).count();
            hits as f64 / scores.len().max(1) as f64
        };
        let mut metrics = BTreeMap::from([("threshold".to_owned(), f64::from(threshold))]);
        for (group, _) in TURNS {
            metrics.insert(format!("found_{group}"), found(&|q| q.group == group, threshold));
        }
        let collections: std::collections::BTreeSet<&str> =
            self.questions.iter().map(|q| q.collection.as_str()).collect();
        for collection in collections.into_iter().filter(|name| *name != "nonfaces") {
            let wanted = |q: &Question| q.group == "upright" && q.collection == collection;
            metrics.insert(format!("found_{collection}"), found(&wanted, threshold));
        }
        let share_of = |group: &str, least: f32| {
            let told: Vec<bool> =
                pairs().filter(|(q, _)| q.group == group).map(|(_, a)| a.other >= least).collect();
            told.iter().filter(|told| **told).count() as f64 / told.len().max(1) as f64
        };
        metrics.insert("false_at_0.5".into(), share_of("empty", 0.5));
        let half = found(&|q: &Question| q.group == "upright", 0.5);
        metrics.insert("found_at_0.5".into(), half);
        let errors: Vec<f64> = pairs()
            .filter(|(question, _)| question.group != "upside_down")
            .flat_map(|(_, answer)| answer.errors.iter().map(|error| f64::from(*error)))
            .collect();
        let error = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
        metrics.insert("point_error".into(), error);
        let [upright, turned, down] = TURNS.map(|(group, _)| metrics[&format!("found_{group}")]);
        let figure = (1.0 - upright) + 0.5 * (1.0 - turned) + 0.2 * down + error;
        let words = format!(
            "found {upright:.3}, turned {turned:.3}, upside down {down:.3} at {threshold:.2}; at \
             0.5 {half:.3} with {:.3} false; points off by {error:.3}",
            metrics["false_at_0.5"]
        );
        Ok(Validated { figure, metrics, words, ..Validated::default() })
    }
}

/// The whole picture on a canvas, turned by some degrees about its middle.
fn question(group: &'static str, collection: &str, shown: &Shown, degrees: f32) -> Question {
    let [width, height] = [shown.image.width() as f32, shown.image.height() as f32];
    // Tight crops are not as tight as that when they come from a camera.
    let side_px = 1.15 * width.max(height);
    let roll = degrees.to_radians();
    let region = Region { center: [width / 2.0, height / 2.0], side_px, roll };
    let scale = SIDE_PX as f32 / side_px;
    let place = |point: [f32; 2]| region.to_unit(point).map(|v| v * SIDE_PX as f32);
    let faces = shown.faces.iter().map(|face| CanvasFace {
        middle: place(face.middle),
        size: face.size.map(|v| v * scale),
        points: face.points.map(place),
        ..*face
    });
    Question {
        group,
        collection: collection.into(),
        image: region.sample_grey(&shown.image, SIDE_PX),
        faces: faces.collect(),
    }
}

fn answer(net: &DetectorNet, question: &Question) -> Result<Answered, TrainError> {
    let data = TensorData::new(question.image.clone(), [1, 1, SIDE_PX, SIDE_PX]);
    let said = net.forward(Tensor::from_data(data, &Device::flex()));
    let [_, _, size] = said.dims();
    let scores = sigmoid(said.clone().slice([0..1, 0..1, 0..size]));
    let said = Tensor::cat(vec![scores, said.slice([0..1, 1..VALUES, 0..size])], 1);
    let found = cells::faces(&values(&said)?, SIDE_PX, SIDE_PX, 0.02);
    let wanted = question.faces.iter().filter(|f| f.score > 0.5 && f.side() >= LEAST_PX);
    let (mut scores, mut errors) = (Vec::new(), Vec::new());
    for face in wanted {
        let best = found.iter().find(|one| one.overlap(face) >= HIT);
        scores.push(best.map_or(0.0, |one| one.score));
        errors.extend(best.map(|one| {
            let off = one.points.iter().zip(face.points);
            let off: f32 = off.map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1])).sum();
            off / (5.0 * face.side())
        }));
    }
    let other = |one: &&CanvasFace| question.faces.iter().all(|face| one.overlap(face) < 0.2);
    let other = found.iter().find(other).map_or(0.0, |one| one.score);
    Ok(Answered { scores, errors, other })
}

/// Scenes side by side with what is to be told: green boxes for faces, yellow for those
/// that may be told, red for what is none.
pub(super) fn sheet(scenes: &[Scene], side: usize, columns: usize) -> RgbImage {
    let rows = scenes.len().div_ceil(columns.max(1));
    let mut sheet = RgbImage::new((columns * side) as u32, (rows * side) as u32);
    for (number, scene) in scenes.iter().enumerate() {
        let mut picture = RgbImage::from_fn(side as u32, side as u32, |x, y| {
            let value = scene.image[y as usize * side + x as usize];
            Rgb([(value * 255.0) as u8; 3])
        });
        for (goal, face) in &scene.faces {
            let colour = match goal {
                Goal::Face => Rgb([0, 255, 0]),
                Goal::Doubtful => Rgb([255, 220, 0]),
                Goal::None => Rgb([255, 0, 0]),
            };
            let corner = [0, 1].map(|axis| (face.middle[axis] - face.size[axis] / 2.0) as i32);
            let size = face.size.map(|v| v.max(1.0) as u32);
            let rect = Rect::at(corner[0], corner[1]).of_size(size[0].max(1), size[1].max(1));
            draw_hollow_rect_mut(&mut picture, rect, colour);
            for point in face.points {
                let at = (point[0] as i32, point[1] as i32);
                draw_filled_circle_mut(&mut picture, at, 1, colour);
            }
        }
        let at = ((number % columns * side) as i64, (number / columns * side) as i64);
        image::imageops::replace(&mut sheet, &picture, at.0, at.1);
    }
    sheet
}
