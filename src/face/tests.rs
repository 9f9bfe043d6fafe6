//! The shipped detector and network on drawn drivers: who is followed, and why eyes
//! cannot be read.

use std::{sync::Arc, time::Duration};

use image::{RgbImage, imageops};

use super::{Face, FaceModels, FaceTracker, GreySampler, Unreadable, pose::tests::seen};
use crate::{
    frame::Frame,
    infer::RuntimeOptions,
    source::{OpenOptions, Source, demo::Demo},
};

/// A tracker with what ships.
fn tracker() -> FaceTracker {
    FaceTracker::open(&RuntimeOptions::default(), &FaceModels::default()).unwrap()
}

/// The drawn picture of a play at a second.
fn picture(name: &str, second: f64) -> RgbImage {
    let mut demo = Demo::open(name, &OpenOptions::default()).unwrap();
    loop {
        let frame = demo.next_frame().unwrap().unwrap();
        if frame.at.as_secs_f64() >= second {
            return (*frame.image).clone();
        }
    }
}

fn frame(image: &RgbImage, at_s: f64, index: u64) -> Frame {
    Frame { image: Arc::new(image.clone()), at: Duration::from_secs_f64(at_s), index }
}

/// Two drawn people side by side, each in a half of the picture: the first at its own
/// size, the second at `scale` of it.
fn beside(driver: &RgbImage, passenger: &RgbImage, scale: f32) -> RgbImage {
    let (width, height) = driver.dimensions();
    let mut both = RgbImage::new(width, height);
    let half =
        |image: &RgbImage| imageops::crop_imm(image, width / 4, 0, width / 2, height).to_image();
    imageops::replace(&mut both, &half(driver), 0, 0);
    let (w, h) = ((width as f32 * scale) as u32, (height as f32 * scale) as u32);
    let scaled = imageops::resize(passenger, w, h, imageops::FilterType::Triangle);
    // The middle of the scaled picture into the right half.
    let mut right = RgbImage::new(width / 2, height);
    let (x, y) =
        (i64::from(width / 4) - i64::from(w / 2), i64::from(height / 2) - i64::from(h / 2));
    imageops::replace(&mut right, &scaled, x, y);
    imageops::replace(&mut both, &right, i64::from(width / 2), 0);
    both
}

#[test]
fn a_passenger_does_not_take_the_drivers_place() {
    let mut tracker = tracker();
    let (driver, passenger) = (picture("alert@2", 1.0), picture("alert@5", 1.0));
    let alone = beside(&driver, &RgbImage::new(driver.width(), driver.height()), 1.0);
    let both = beside(&driver, &passenger, 1.1);
    let mut watch = |image: &RgbImage, from_s: u64, to_s: u64| -> Vec<Option<bool>> {
        // Ten frames a second, for the checks of every five seconds.
        let ticks = from_s * 10..to_s * 10;
        let at = |tick: u64| frame(image, tick as f64 / 10.0, tick);
        let faces = ticks.map(|tick| tracker.step(&at(tick)).unwrap());
        faces.map(|face| face.map(|face| face.bbox.center()[0] < 320.0)).collect()
    };
    let the_driver = Some(true);
    assert!(watch(&alone, 0, 2).into_iter().all(|face| face == the_driver));
    assert!(watch(&both, 2, 32).into_iter().all(|face| face == the_driver));
    // When the driver leaves, the face that is left is watched.
    let gone = beside(&RgbImage::new(driver.width(), driver.height()), &passenger, 1.1);
    let faces = watch(&gone, 32, 38);
    assert_eq!((faces[0], faces[59]), (None, Some(false)));
    // Both are seen: it is the driver who is chosen, not the passenger who is missed.
    assert_eq!(tracker.find_all(&both).unwrap().len(), 2);
}

#[test]
fn eyes_that_cannot_be_read_say_why() {
    let mut tracker = tracker();
    let mut why = |image: &RgbImage| {
        let face = tracker.find(image).unwrap().expect("a face");
        face.eyes_unreadable(image, &mut GreySampler::default())
    };
    let plain = picture("alert@2", 1.0);
    assert_eq!(why(&plain), None);
    assert_eq!(why(&picture("sunglasses@2", 5.0)), Some(Unreadable::Covered));
    let small = imageops::resize(&plain, 120, 90, imageops::FilterType::Triangle);
    assert_eq!(why(&small), Some(Unreadable::Small));

    // No face would be found in these; the driver followed until the light went out, the
    // lens was fogged or the head turned is what is asked for.
    let (face, mut grey) = (tracker.find(&plain).unwrap().unwrap(), GreySampler::default());
    let fogged = imageops::blur(&plain, 0.2 * face.landmarks.interocular_px());
    assert_eq!(face.eyes_unreadable(&fogged, &mut grey), Some(Unreadable::Blurred));
    let mut dark = plain.clone();
    dark.iter_mut().for_each(|value| *value /= 25);
    assert_eq!(face.eyes_unreadable(&dark, &mut GreySampler::default()), Some(Unreadable::Dark));
    let turned = Face { landmarks: seen(60.0, 0.0, 0.0), ..face };
    assert_eq!(
        turned.eyes_unreadable(&plain, &mut GreySampler::default()),
        Some(Unreadable::Turned)
    );
}
