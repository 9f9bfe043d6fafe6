//! The shipped detector and network on drawn drivers: who is followed, and why eyes
//! cannot be read.

use std::{sync::Arc, time::Duration};

use image::{RgbImage, imageops};

use super::{
    Face, FaceModels, FaceTracker, GreySampler, Seat, TrackSettings, Unreadable, pose::tests::seen,
};
use crate::{
    frame::{Frame, Mounting, Turn},
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

#[test]
fn the_driver_who_comes_back_is_watched_again() {
    let mut tracker = tracker();
    let (driver, passenger) = (picture("alert@2", 1.0), picture("alert@5", 1.0));
    let nobody = RgbImage::new(driver.width(), driver.height());
    let (both, alone) = (beside(&driver, &passenger, 1.1), beside(&nobody, &passenger, 1.1));
    let mut watch = |image: &RgbImage, from_s: u64, to_s: u64| -> Option<bool> {
        let ticks = from_s * 10..to_s * 10;
        let at = |tick: u64| frame(image, tick as f64 / 10.0, tick);
        let faces = ticks.map(|tick| tracker.step(&at(tick)).unwrap());
        faces.last().unwrap().map(|face| face.bbox.center()[0] < 320.0)
    };
    let (the_driver, the_passenger) = (Some(true), Some(false));
    assert_eq!(watch(&beside(&driver, &nobody, 1.0), 0, 2), the_driver);
    assert_eq!(watch(&both, 2, 8), the_driver);
    // Bent down for a moment: nobody takes the place.
    assert_eq!(watch(&alone, 8, 11), None);
    assert_eq!(watch(&both, 11, 13), the_driver);
    // Gone for longer: the passenger stands in, until the driver is back.
    assert_eq!(watch(&alone, 13, 23), the_passenger);
    assert_eq!(watch(&both, 23, 27), the_driver);
    // Gone for good: whoever is left is the driver.
    assert_eq!(watch(&alone, 27, 67), the_passenger);
    assert_eq!(watch(&both, 67, 80), the_passenger);
}

#[test]
fn a_seat_is_on_the_side_that_is_shown() {
    let (driver, passenger) = (picture("alert@2", 1.0), picture("alert@5", 1.0));
    let both = beside(&driver, &passenger, 1.1);
    let mut tracker = tracker();
    for (seat, mirrored, left) in [
        (Seat::Any, false, false), // the larger one
        (Seat::Left, false, true),
        (Seat::Right, false, false),
        (Seat::Left, true, false),
        (Seat::Right, true, true),
    ] {
        tracker = tracker.with_settings(TrackSettings { seat, ..TrackSettings::default() });
        tracker.reset();
        tracker.show_mirrored(mirrored);
        let face = tracker.step(&frame(&both, 0.0, 0)).unwrap().unwrap();
        assert_eq!(face.bbox.center()[0] < 320.0, left, "{seat:?}, mirrored {mirrored}");
        assert_eq!(tracker.scene().others, 1);
        let face = tracker.find(&both).unwrap().unwrap();
        assert_eq!(face.bbox.center()[0] < 320.0, left, "{seat:?}, mirrored {mirrored}");
    }
    // Nobody sits there: after a while the one who is in the picture is watched.
    let settings = TrackSettings { seat: Seat::Right, ..TrackSettings::default() };
    tracker = tracker.with_settings(settings);
    tracker.reset();
    tracker.show_mirrored(false);
    let alone = beside(&driver, &RgbImage::new(driver.width(), driver.height()), 1.0);
    let seen: Vec<bool> = (0..60_u32)
        .map(|tick| tracker.step(&frame(&alone, f64::from(tick) / 10.0, tick.into())).unwrap())
        .map(|face| face.is_some())
        .collect();
    assert_eq!((seen[0], seen[30], seen[59]), (false, false, true));
    // Then somebody does.
    let face = (60..90_u32)
        .map(|tick| tracker.step(&frame(&both, f64::from(tick) / 10.0, tick.into())).unwrap())
        .last();
    assert!(face.unwrap().unwrap().bbox.center()[0] > 320.0);
}

#[test]
fn a_face_is_read_the_right_way_up_in_a_turned_picture() {
    let mut tracker = tracker();
    for name in ["alert@2", "yawns@5", "mask@7", "asleep@9"] {
        let upright = picture(name, 8.0);
        let [width, height] = [upright.width(), upright.height()].map(|side| side as f32);
        let known = tracker.find(&upright).unwrap().unwrap();
        assert_eq!(known.landmarks.turn(), Turn::None);
        for turn in Turn::ALL {
            // What must be turned by this much to be upright.
            let turned = Mounting { rotate: turn.back(), mirror: false }.apply(upright.clone());
            let face = tracker.find(&turned).unwrap().unwrap();
            assert_eq!(face.landmarks.turn(), turn, "{name}");
            let side = known.bbox.width;
            for (point, known) in face.landmarks.points.iter().zip(known.landmarks.points) {
                let [x, y] = known;
                let place = match turn {
                    Turn::None => [x, y],
                    Turn::Quarter => [y, width - x],
                    Turn::Half => [width - x, height - y],
                    Turn::ThreeQuarters => [height - y, x],
                };
                let off = (point[0] - place[0]).hypot(point[1] - place[1]);
                assert!(off < 0.15 * side, "{name} {turn:?}: {off} px of {side}");
            }
            // A live picture is not followed the wrong way round.
            tracker.reset();
            let seen: Vec<_> = (0..12_u32)
                .filter_map(|tick| {
                    let at_s = f64::from(tick) / 10.0;
                    tracker.step(&frame(&turned, at_s, tick.into())).unwrap()
                })
                .collect();
            assert_eq!(seen.is_empty(), turn != Turn::None, "{name} {turn:?}");
        }
    }
}

/// Detector calls and looks of the network that one picture takes.
fn cost(tracker: &mut FaceTracker, image: &RgbImage) -> (usize, u64, u64) {
    let before = (tracker.detector_calls(), tracker.net().looks());
    let faces = tracker.find_all(image).unwrap().len();
    (faces, tracker.detector_calls() - before.0, tracker.net().looks() - before.1)
}

#[test]
fn no_picture_takes_long_however_many_faces_are_in_it() {
    let mut tracker = tracker();
    let one = picture("alert@2", 1.0);
    let small =
        imageops::thumbnail(&imageops::crop_imm(&one, 170, 60, 300, 360).to_image(), 100, 120);
    let mut crowd = RgbImage::new(1000, 600);
    for index in 0..50_i64 {
        imageops::replace(&mut crowd, &small, index % 10 * 100, index / 10 * 120);
    }
    let (faces, calls, looks) = cost(&mut tracker, &crowd);
    assert!(faces >= 25 && calls <= 20 && looks <= 20 * 64, "{faces} {calls} {looks}");
    // Live, only a few of them are looked at.
    let before = (tracker.detector_calls(), tracker.net().looks());
    tracker.step(&frame(&crowd, 0.0, 0)).unwrap();
    let live = (tracker.detector_calls() - before.0, tracker.net().looks() - before.1);
    assert!(live.0 == 1 && live.1 <= 40, "{live:?}");

    let nothing =
        RgbImage::from_fn(640, 480, |x, y| image::Rgb([(x / 3) as u8, (y / 3) as u8, 90]));
    let (faces, calls, looks) = cost(&mut tracker, &nothing);
    assert!(faces == 0 && calls <= 20 && looks <= 200, "{faces} {calls} {looks}");
    assert_eq!(cost(&mut tracker, &RgbImage::new(1, 1)), (0, 0, 0));
    // 100 megapixels: the detector sees them in small, like any other picture.
    let huge = imageops::resize(&one, 11_600, 8_700, imageops::FilterType::Nearest);
    let (faces, calls, looks) = cost(&mut tracker, &huge);
    assert!(faces == 1 && calls <= 20 && looks <= 200, "{faces} {calls} {looks}");
}
