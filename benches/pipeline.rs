//! The stages of a frame, each alone, on the drawn driver: 640x480, one thread a model.
//! What was replaced is measured beside what replaced it, so that their ratio holds on a
//! machine that others use, too. `wakewatch bench` measures the whole on a clip.
#![allow(clippy::unwrap_used, reason = "a bench may end early")]

use std::sync::OnceLock;

use divan::{Bencher, black_box};
use image::RgbImage;
use wakewatch::{
    face::{
        Cutter, Detector, Face, FaceDetector, FaceModels, FaceTracker, GreySampler, LandmarkNet,
        Region, Search, align,
    },
    frame::Frame,
    infer::{Classifier, ModelSource, RuntimeOptions},
    live::{Pipeline, PipelineOptions, Sighting, Vision},
    monitor::{Monitor, Settings},
    source::{self, OpenOptions, SourceSpec},
};

fn main() {
    divan::main();
}

/// Frames of the drawn driver, and his face in the last.
fn scene() -> &'static (Vec<Frame>, Face) {
    static SCENE: OnceLock<(Vec<Frame>, Face)> = OnceLock::new();
    SCENE.get_or_init(|| {
        let spec: SourceSpec = "demo:alert".parse().unwrap();
        let mut source = source::open(&spec, &OpenOptions::default()).unwrap();
        let frames: Vec<_> = (0..30).map(|_| source.next_frame().unwrap().unwrap()).collect();
        let options = RuntimeOptions::default();
        let mut tracker = FaceTracker::open(&options, &FaceModels::default()).unwrap();
        let face = frames.iter().filter_map(|frame| tracker.step(frame).unwrap()).last();
        (frames, face.unwrap())
    })
}

fn picture() -> &'static RgbImage {
    &scene().0.last().unwrap().image
}

fn region() -> Region {
    Region::from_landmarks(&scene().1.landmarks)
}

#[divan::bench]
fn detect(bencher: Bencher<'_, '_>) {
    let image = picture();
    let options = RuntimeOptions { threads: 1, ..Default::default() };
    let mut detector = FaceDetector::load(&ModelSource::Embedded, &options).unwrap();
    bencher.bench_local(|| detector.search(black_box(image), &Search::default()).unwrap());
}

/// The region of the landmark network.
#[divan::bench]
fn sample_region(bencher: Bencher<'_, '_>) {
    let (image, region, mut sampler) = (picture(), region(), GreySampler::default());
    bencher.bench_local(|| sampler.sample(black_box(&region), image, 160)[0]);
}

/// The same, each sample looked up in the frame alone, as it once was.
#[divan::bench]
fn sample_region_one_by_one(bencher: Bencher<'_, '_>) {
    let (image, region) = (picture(), region());
    bencher.bench_local(|| GreySampler::sample_plainly(black_box(&region), image, 160)[0]);
}

#[divan::bench]
fn landmarks(bencher: Bencher<'_, '_>) {
    let (image, region) = (picture(), region());
    let options = RuntimeOptions::default();
    let mut net = LandmarkNet::load(&ModelSource::Embedded, &options).unwrap();
    bencher.bench_local(|| net.locate(image, black_box(&region)).unwrap());
}

#[divan::bench]
fn align(bencher: Bencher<'_, '_>) {
    let ((_, face), image) = (scene(), picture());
    let (mut cutter, mut crop) = (Cutter::default(), RgbImage::new(72, 72));
    bencher.bench_local(|| cutter.crop(image, black_box(&face.landmarks), &mut crop));
}

#[divan::bench]
fn classify(bencher: Bencher<'_, '_>) {
    let ((_, face), image) = (scene(), picture());
    let options = RuntimeOptions::default();
    let mut classifier = Classifier::load(&ModelSource::Embedded, &options).unwrap();
    let crop = align::crop(image, &face.landmarks, classifier.card().image_px).image;
    let keep = classifier.default_keep();
    bencher.bench_local(|| classifier.read(black_box(&crop), &keep).unwrap());
}

fn sightings(threads: usize) -> (Pipeline, Vec<Sighting>) {
    let mut options = PipelineOptions::default();
    options.runtime.threads = threads;
    let mut pipeline = Pipeline::open(&options).unwrap();
    let seen = scene().0.iter().map(|frame| pipeline.process(frame).unwrap()).collect();
    (pipeline, seen)
}

#[divan::bench]
fn judge(bencher: Bencher<'_, '_>) {
    let (_, seen) = sightings(1);
    let mut monitor = Monitor::new(Settings::default());
    let mut at = std::time::Duration::ZERO;
    bencher.bench_local(|| {
        at += std::time::Duration::from_millis(33);
        let mut observation = seen[29].observation.clone();
        observation.at = at;
        monitor.step(black_box(&observation))
    });
}

/// A followed frame, face to reading.
#[divan::bench(args = [1, 2])]
fn frame_with_threads(bencher: Bencher<'_, '_>, threads: usize) {
    let (mut pipeline, _) = sightings(threads);
    let frame = scene().0.last().unwrap();
    bencher.bench_local(|| pipeline.process(black_box(frame)).unwrap());
}
