use std::collections::BTreeMap;

use super::*;
use crate::{
    dataset::{
        crops::INDEX,
        manifest::{Item, Label, Manifest},
        split::HoldOut,
    },
    train::{
        pretrain::{self, PretrainConfig},
        samples::Augmentation,
        settings::Training,
        tests::small,
    },
    vit::Preset,
};
use image::{Rgb, RgbImage};
use std::sync::atomic::AtomicBool;

/// 40 crops of 32 px: dark ones are drowsy, bright ones awake.
fn crops(folder: &Path) {
    let mut items = Vec::new();
    for at in 0..40u8 {
        let drowsy = at % 2 == 0;
        let grey = if drowsy { 20 + at } else { 180 + at };
        let name = format!("{at}.png");
        RgbImage::from_pixel(32, 32, Rgb([grey; 3])).save(folder.join(&name)).unwrap();
        items.push(Item {
            file: name.into(),
            label: Some(if drowsy { Label::Drowsy } else { Label::Awake }),
            subject: format!("s{}", at / 2),
            eyes_closed: Some(drowsy),
            eye_aspect: Some(if drowsy { 0.1 } else { 0.3 }),
            collection: "drawn".into(),
            ..Item::default()
        });
    }
    Manifest { items }.write(&folder.join(INDEX)).unwrap();
}

fn augmentation() -> Augmentation {
    toml::from_str(
        "dark_glasses = 0.0\njpeg = 0.0\n[photometric]\ngamma = 0.0\ndark = 0.0\ncontrast = 0.0\n\
         gradient = 0.0\nblur = 0.0\nmotion = 0.0\nlow_resolution = 0.0\nlowest_resolution = 1.0\n\
         noise = 0.0\ncolour = 0.0\ngrey = 0.0",
    )
    .unwrap()
}

fn config(folder: &Path, out: &str, steps: usize) -> FinetuneConfig {
    FinetuneConfig {
        crops: folder.into(),
        out: folder.join(out),
        pretrained: None,
        weights: None,
        trained_on: "drawn".into(),
        licence: String::new(),
        q_mask: None,
        mixup: 0.0,
        drop_path: 0.0,
        layer_decay: 1.0,
        preset: Preset::Stem,
        network: Some(small(true)),
        label_smoothing: 0.05,
        noisy: Vec::new(),
        signs_weight: 0.5,
        eyes_weight: 0.5,
        eyes_only: 0.0,
        unreadable: 0.0,
        aspects_weight: 0.5,
        training: Training {
            steps,
            batch: 16,
            threads: 2,
            learning_rate: 3e-3,
            ema_decay: 0.8,
            log_every: 5,
            validate_every: 10,
            ..Training::default()
        },
        hold_out: HoldOut { share: 0.5, ..HoldOut::default() },
        augmentation: augmentation(),
        shut_lids: 0.0,
        low_lids: 0.0,
        drowsy_shares: BTreeMap::new(),
        awake_shares: BTreeMap::new(),
    }
}

fn train(config: &FinetuneConfig, resume: bool) -> Result<RunRecord, TrainError> {
    let stop = AtomicBool::new(false);
    run(
        config,
        resume,
        &Device::flex(),
        &mut Control { stop: &stop, say: &mut |_| {}, step: &mut |_| {} },
    )
}

#[test]
fn learns_goes_on_where_it_stopped_and_starts_from_a_pretraining() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    crops(root);
    let whole = train(&config(root, "whole", 30), false).unwrap();
    assert!(whole.metrics["auc_drawn"] > 0.95, "{:?}", whole.metrics);
    assert!(whole.threshold > 0.02 && whole.threshold < 0.98);
    // Labels are smoothed, so the network is less sure than it may be.
    assert!(whole.temperature < 1.0, "{}", whole.temperature);
    assert_eq!(whole.temperature, whole.metrics["temperature"] as f32);
    let steps = |name: &str| {
        let log = std::fs::read_to_string(root.join(name).join("log.jsonl")).unwrap();
        let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
        let learned = lines.filter(|line: &serde_json::Value| !line["learning_rate"].is_null());
        learned.map(|line| line["step"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(steps("whole"), [5, 10, 15, 20, 25, 30]);
    let kept: FinetuneConfig =
        settings::read(&root.join("whole").join(settings::CONFIG_FILE)).unwrap();
    assert_eq!(kept, config(root, "whole", 30));

    // Stopped and resumed, it learns the steps that were left, none of them twice. That the
    // weights are those of one run is seen in tests/offline.rs, alone in its process.
    let stop = AtomicBool::new(false);
    let mut lines = 0;
    let mut say = |_: &str| {
        lines += 1;
        // The second line is that of step 5.
        stop.store(lines >= 2, std::sync::atomic::Ordering::Relaxed);
    };
    let parts = config(root, "parts", 30);
    run(
        &parts,
        false,
        &Device::flex(),
        &mut Control { stop: &stop, say: &mut say, step: &mut |_| {} },
    )
    .unwrap();
    let resumed = train(&parts, true).unwrap();
    assert!(resumed.metrics["auc_drawn"] > 0.95, "{:?}", resumed.metrics);
    // One line more, of the step where it stopped.
    assert_eq!(steps("parts"), [1, 5, 10, 15, 20, 25, 30]);

    let mae = PretrainConfig {
        crops: root.into(),
        out: root.join("mae"),
        trained_on: String::new(),
        licence: String::new(),
        preset: Preset::Stem,
        network: Some(small(true)),
        mask_ratio: 0.5,
        training: Training { steps: 100, ..config(root, "", 30).training },
        hold_out: HoldOut { share: 0.5, ..HoldOut::default() },
        augmentation: augmentation(),
    };
    let stop = AtomicBool::new(false);
    let mut control = Control { stop: &stop, say: &mut |_| {}, step: &mut |_| {} };
    let record = pretrain::run(&mae, false, &Device::flex(), &mut control).unwrap();
    // Plain grey crops: what is seen tells all about what is hidden.
    assert!(record.metrics["validation_mse"] < 0.5, "{:?}", record.metrics);
    let from = FinetuneConfig { pretrained: Some(mae.out), ..config(root, "from", 10) };
    let tuned = train(&from, false).unwrap();
    assert_eq!(tuned.normalisation, record.normalisation);
}

#[test]
fn heads_on_the_eyes_learn_from_eyes_alone_and_a_run_is_gone_on_from() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    crops(root);
    // Twenty more crops that show nothing but eyes: here, the other way round, shut ones
    // are bright.
    let mut items = Manifest::read(&root.join(INDEX)).unwrap().items;
    for at in 0..20u8 {
        let shut = at % 2 == 0;
        let name = format!("eye{at}.png");
        let grey = if shut { 230 - at } else { 10 + at };
        RgbImage::from_pixel(32, 32, Rgb([grey; 3])).save(root.join(&name)).unwrap();
        items.push(Item {
            file: name.into(),
            subject: format!("e{}", at / 2),
            eyes_closed: Some(shut),
            collection: "alone".into(),
            eyes_only: true,
            ..Item::default()
        });
    }
    // And ten red ones in which nobody can read the eyes.
    for at in 0..10 {
        let name = format!("dark{at}.png");
        RgbImage::from_pixel(32, 32, Rgb([220, 10, 10])).save(root.join(&name)).unwrap();
        items.push(Item {
            file: name.into(),
            subject: format!("d{at}"),
            eyes_readable: Some(false),
            collection: "dark".into(),
            ..Item::default()
        });
    }
    for item in &mut items {
        item.file = item.file.file_name().unwrap().into();
        // Nobody knows of the faces' eyes, so that the heads learn from eyes alone.
        item.eyes_closed = item.eyes_closed.filter(|_| item.eyes_only);
    }
    Manifest { items }.write(&root.join(INDEX)).unwrap();
    let network = crate::vit::VitConfig { eye_heads: true, ..small(true) };
    let heads = FinetuneConfig {
        network: Some(network),
        eyes_only: 0.5,
        unreadable: 0.3,
        ..config(root, "heads", 60)
    };
    let learned = train(&heads, false).unwrap();
    assert!(learned.metrics["auc_drawn"] > 0.95, "{:?}", learned.metrics);
    assert!(learned.metrics["auc_eye_alone"] > 0.95, "{:?}", learned.metrics);
    assert!(learned.metrics["auc_unreadable"] > 0.95, "{:?}", learned.metrics);

    let on = FinetuneConfig { weights: Some(heads.out.clone()), ..config(root, "on", 1) };
    let on = FinetuneConfig { network: None, ..on };
    let gone_on = train(&on, false).unwrap();
    assert_eq!(gone_on.vit, learned.vit, "the shape is that of the weights");
    assert!(gone_on.metrics["auc_eye_alone"] > 0.9, "{:?}", gone_on.metrics);
    let both = FinetuneConfig { pretrained: Some(heads.out), ..on };
    assert!(train(&both, false).unwrap_err().to_string().contains("weights"));
}

#[test]
fn eyes_alone_are_read_as_they_are_in_a_face() {
    let device = Device::flex();
    let vit = VitConfig { eye_heads: true, ..small(true) };
    let model = Classifier::new(&vit, &device);
    let image = RgbImage::from_fn(32, 32, |x, y| Rgb([x as u8 * 8, y as u8 * 8, (x * y) as u8]));
    let samples = [samples::plain(&image, [true; 4], &vit)];
    let by = Normalisation { mean: [0.5; 3], std: [0.25; 3] };
    let (all, keep, places) = tensors(&samples, &vit, &by, &device);
    let whole = model.forward(all, places, keep).eyes.unwrap();
    let alone = patches(&samples, &vit.eye_patches().unwrap(), &vit, &by, &device);
    let alone = model.forward_eyes(alone).unwrap();
    let values = |x: Tensor<2>| x.into_data().try_to_vec::<f32>().unwrap();
    let (whole, alone) = (values(whole), values(alone));
    assert_eq!(whole.len(), 4);
    for (a, b) in whole.iter().zip(&alone) {
        approx::assert_abs_diff_eq!(a, b, epsilon = 1e-5);
    }
    assert!((whole[0] - whole[2]).abs() > 1e-3, "the two eyes differ: {whole:?}");

    let without = Classifier::new(&small(true), &device);
    let values = small(true).patch_values();
    assert!(without.forward_eyes(Tensor::zeros([1, 2, values], &device)).is_none());
}

#[test]
fn settings_and_data_that_make_no_sense_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    crops(root);
    let named = |config: FinetuneConfig, word: &str| {
        let error = train(&config, false).unwrap_err().to_string();
        assert!(error.contains(word), "{word:?} is missing in {error:?}");
    };
    let good = config(root, "x", 1);
    named(FinetuneConfig { label_smoothing: 1.5, ..good.clone() }, "label_smoothing");
    let mut no_batch = good.clone();
    no_batch.training.batch = 0;
    named(no_batch, "training.batch");
    let shares = BTreeMap::from([("nowhere".into(), 1.0)]);
    named(FinetuneConfig { shut_lids: 1.5, ..good.clone() }, "shut_lids");
    named(FinetuneConfig { low_lids: -0.1, ..good.clone() }, "low_lids");
    named(FinetuneConfig { unreadable: 2.0, ..good.clone() }, "unreadable");
    named(FinetuneConfig { unreadable: 0.5, ..good.clone() }, "another share");
    named(FinetuneConfig { awake_shares: shares, ..good.clone() }, "shares");
    let hold_out = HoldOut { share: 0.0, ..HoldOut::default() };
    named(FinetuneConfig { hold_out, ..good.clone() }, "hold_out");
    named(FinetuneConfig { crops: root.join("nothing"), ..good }, "nothing");
    let unknown = toml::from_str::<FinetuneConfig>("crops='a'\nout='b'\n[training]\nstep=3");
    assert!(unknown.unwrap_err().to_string().contains("step"));
}
