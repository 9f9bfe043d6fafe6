//! The regression guard of speed: what a frame allocates in the steady state. Seconds
//! depend on the machine and its other work, this does not.
//!
//! Counted is what Rust code of this thread allocates, the `ort` crate included. ONNX
//! Runtime is C++ and takes its memory for itself, out of an arena that it keeps between
//! runs; it is not counted.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may fail and says why")]

use std::{sync::Arc, time::Duration};

use allocation_counter::{AllocationInfo, measure};
use image::RgbImage;
use need::has_runtime;
use wakewatch::{
    face::{Cutter, GreySampler, Region},
    frame::Frame,
    live::{Pipeline, PipelineOptions, Sighting, Vision},
    monitor::{Monitor, Settings},
    source::{self, OpenOptions, SourceSpec},
};

#[path = "common/need.rs"]
mod need;

/// Width and height of the camera's picture, and the most allocations and bytes of a frame
/// in which a face is followed.
///
/// In the small one the face is no larger than its crop: what is left is what the `ort`
/// crate makes anew for each of the two runs (names, shapes, handles), the attention and
/// the mask. In the large one the face is brought down first, and the crate that does so
/// works out its filter's weights anew, a small piece of memory for each row and column.
/// Both are less than the frame, the region (102,400 bytes) or its surroundings.
const MOST: [([u32; 2], u64, u64); 2] = [([200, 150], 60, 6 * 1024), ([640, 480], 260, 24 * 1024)];

/// A second and a half of the drawn driver, awake.
fn frames([width, height]: [u32; 2]) -> Vec<Frame> {
    let spec: SourceSpec = "demo:alert".parse().unwrap();
    let options = OpenOptions { width, height, ..OpenOptions::default() };
    let mut source = source::open(&spec, &options).unwrap();
    (0..45).map(|_| source.next_frame().unwrap().unwrap()).collect()
}

#[test]
fn a_followed_face_allocates_little_and_no_picture() {
    if !has_runtime() {
        return;
    }
    for (size, most_allocations, most_bytes) in MOST {
        follow(size, most_allocations, most_bytes);
    }
}

fn follow(size: [u32; 2], most_allocations: u64, most_bytes: u64) {
    let mut pipeline = Pipeline::open(&PipelineOptions::default()).unwrap();
    let mut monitor = Monitor::new(Settings::default());
    let mut last: Option<Sighting> = None;
    let (mut followed, mut grown) = (0, Vec::new());
    for (index, frame) in frames(size).iter().enumerate() {
        let calls = pipeline.detector_calls();
        let info = measure(|| {
            let sighting = pipeline.process(frame).unwrap();
            monitor.step(&sighting.observation);
            // The one before is let go only now, as the window does.
            last = Some(sighting);
        });
        let sighting = last.as_ref().unwrap();
        // Buffers grow in the first frames; the detector, asked once every few seconds,
        // allocates as it likes.
        if index < 15 || pipeline.detector_calls() > calls {
            continue;
        }
        assert!(sighting.face.is_some() && sighting.reading.is_some(), "frame {index}");
        followed += 1;
        let AllocationInfo { count_total, bytes_total, bytes_current, .. } = info;
        let told = format!("{size:?}, frame {index}: {count_total} of {bytes_total} bytes");
        assert!(count_total <= most_allocations, "{told}");
        // A face that comes nearer than before makes a kept buffer grow.
        if bytes_total > most_bytes || bytes_current > 1024 {
            grown.push(told);
        }
    }
    assert!(grown.len() <= 2, "{grown:?}");
    assert!(followed >= 25, "{followed} frames were followed");
}

#[test]
fn sampling_and_cutting_allocate_nothing_again() {
    let image = RgbImage::from_fn(640, 480, |x, y| image::Rgb([x as u8, y as u8, 90]));
    let (mut sampler, mut cutter) = (GreySampler::default(), Cutter::default());
    let mut crop = RgbImage::new(72, 72);
    let mut look = |shift: f32| {
        let region = Region { center: [320.0 + shift, 240.0], side_px: 280.0, roll: 0.1 };
        sampler.sample(&region, &image, 160);
        let corners = [[0.0, 0.0], [72.0, 0.0]];
        let places = corners.map(|[x, y]| region.to_frame([x / 72.0, y / 72.0]));
        let to_frame = wakewatch::face::Similarity::fit(&corners, &places);
        cutter.cut(&image, &to_frame, &mut crop);
    };
    look(0.0);
    let again = measure(|| look(1.0));
    // Only the filter's weights are worked out anew, by the crate that scales.
    assert!(again.bytes_total < 32 * 1024, "{again:?}");
    let sampled = measure(|| {
        let region = Region { center: [320.0, 240.0], side_px: 280.0, roll: 0.1 };
        sampler.sample(&region, &image, 160);
    });
    assert_eq!(sampled.count_total, 0, "{sampled:?}");
}

#[test]
fn judging_allocates_nothing_but_its_words() {
    let frame = Frame { image: Arc::new(RgbImage::new(1, 1)), at: Duration::ZERO, index: 0 };
    let mut monitor = Monitor::new(Settings::default());
    let mut most = 0;
    for index in 0..600_u32 {
        let at = frame.at + Duration::from_secs(1) * index / 30;
        let seen = wakewatch::monitor::Observation { at, face: None };
        let info = measure(|| drop(monitor.step(&seen)));
        if index > 300 {
            most = most.max(info.count_total);
        }
    }
    assert!(most <= 4, "{most} allocations to judge one frame");
}
