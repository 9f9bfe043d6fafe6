//! Points for tightly cropped faces of which it is known that the eyes are closed: closed eyes
//! are rare where points were set by hand.

use std::path::PathBuf;

use burn::tensor::Device;

use super::{
    IMAGE_PX, LandmarkNet,
    data::{Annotated, Trust},
    validate::look,
};
use crate::{
    face::{Landmarks, Region},
    source::images::load_image,
    train::{TrainError, augment::Covered},
};

/// The first region's side over that of a tight face crop.
const FIRST_SCALE: f32 = 1.15;
/// How often the network looks again where it found the points before.
const LOOKS: usize = 4;
/// Faces of which the network is less sure than this are left out.
const SURE: f32 = 0.8;
/// Lid distance over eye width that is taken for closed: the middle of the closed eyes
/// that people annotated.
const CLOSED_ASPECT: f32 = 0.1;
/// Points that still move by more than this share of the region are left out.
const STEADY: f32 = 0.03;

/// Guesses the points of tightly cropped faces with closed eyes; leaves out the faces of
/// which the network is not sure.
///
/// # Errors
/// When a picture cannot be read.
pub(crate) fn faces(
    net: &LandmarkNet,
    files: &[PathBuf],
    device: &Device,
) -> Result<Vec<Annotated>, TrainError> {
    let mut faces = Vec::new();
    for file in files {
        let image = load_image(file)?;
        let (width, height) = (image.width() as f32, image.height() as f32);
        let mut region = Region {
            center: [width / 2.0, height / 2.0],
            side_px: FIRST_SCALE * width.max(height),
            roll: 0.0,
        };
        let (mut last, mut sure, mut moved) = (None::<Landmarks>, 0.0, f32::MAX);
        for _ in 0..LOOKS {
            let values = region.sample_grey(&image, IMAGE_PX);
            let Some(said) = look(net, &[&values], device)?.pop() else { break };
            let points = said.landmarks.points.map(|point| region.to_frame(point));
            if let Some(last) = last {
                let far = |(a, b): ([f32; 2], &[f32; 2])| (a[0] - b[0]).hypot(a[1] - b[1]);
                moved = points.into_iter().zip(&last.points).map(far).sum::<f32>()
                    / (68.0 * region.side_px);
            }
            let landmarks = Landmarks { points };
            region = Region::from_landmarks(&landmarks);
            (last, sure) = (Some(landmarks), said.confidence);
        }
        if let Some(landmarks) = last.filter(|_| sure > SURE && moved < STEADY) {
            let landmarks = close_eyes(landmarks);
            let person = file.display().to_string();
            faces.push(Annotated {
                file: file.clone(),
                landmarks,
                person,
                trust: Trust::KnownClosed,
                held: None,
                covered: Covered::default(),
                five: None,
            });
        }
    }
    Ok(faces)
}

/// Draws the upper lids down to the lower ones; an eye that is closed already stays.
fn close_eyes(mut landmarks: Landmarks) -> Landmarks {
    let aspects = landmarks.eye_aspect();
    for (eye, aspect) in [36, 42].into_iter().zip(aspects) {
        let keep = (CLOSED_ASPECT / aspect.max(1e-3)).min(1.0);
        for (upper, lower) in [(eye + 1, eye + 5), (eye + 2, eye + 4)] {
            let ([ux, uy], [lx, ly]) = (landmarks.points[upper], landmarks.points[lower]);
            landmarks.points[upper] = [lx + keep * (ux - lx), ly + keep * (uy - ly)];
        }
    }
    landmarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn open_eyes_are_closed_and_the_lower_lid_stays() {
        let mut points = [[0.0; 2]; 68];
        for eye in [36, 42] {
            let x = eye as f32 * 10.0;
            let shape = [[0., 0.], [10., -5.], [20., -5.], [30., 0.], [20., 5.], [10., 5.]];
            for (index, [dx, dy]) in shape.into_iter().enumerate() {
                points[eye + index] = [x + dx, dy];
            }
        }
        let open = Landmarks { points };
        assert!(open.eye_aspect()[0] > 0.3);
        let closed = close_eyes(open);
        for aspect in closed.eye_aspect() {
            assert_abs_diff_eq!(aspect, CLOSED_ASPECT, epsilon = 1e-4);
        }
        assert_eq!(closed.points[41], open.points[41]);
        assert_eq!(close_eyes(closed).points, closed.points);
    }
}
