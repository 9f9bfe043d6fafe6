use super::{parity::load, *};
use crate::{
    infer::{LoadedModel, ModelSource, RuntimeOptions, fixtures::runtime_is_here},
    train::{graph::Normalisation, record::LAST, tests::small, vit::positions},
    vit::{QMask, VitConfig},
};
use burn::optim::AdamWConfig;
use std::{collections::BTreeMap, path::Path};

fn record(kind: ModelKind, vit: VitConfig) -> RunRecord {
    RunRecord {
        kind,
        name: "test".into(),
        vit: Some(vit),
        normalisation: Normalisation { mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.3] },
        threshold: 0.5,
        temperature: 0.8,
        trained_on: "noise".into(),
        licence: "CC0 1.0".into(),
        split: "none".into(),
        steps: 1,
        data_digest: String::new(),
        metrics: BTreeMap::from([("auc".into(), 0.5)]),
    }
}

fn save(run: &Path, record: &RunRecord) {
    let device = Device::flex();
    record.save(run).unwrap();
    let (optimizer, progress) = (AdamWConfig::new().init(), Default::default());
    for name in [BEST, LAST] {
        let at = run.join(name);
        if record.kind == ModelKind::Mae {
            let model = Mae::new(record.vit().unwrap(), &device);
            checkpoint::save(&at, &model, &model, &optimizer, progress).unwrap();
        } else {
            let model = Classifier::new(record.vit().unwrap(), &device);
            checkpoint::save(&at, &model, &model, &optimizer, progress).unwrap();
        }
    }
}

#[test]
fn both_presets_compute_in_onnx_runtime_what_they_compute_in_burn() {
    if !runtime_is_here() {
        return;
    }
    let heads = VitConfig { eye_heads: true, ..small(true) };
    let everything = VitConfig { q_mask: QMask::None, ..heads.clone() };
    for kind in [ModelKind::Drowsiness, ModelKind::Mae] {
        for (shape, vit) in
            [small(false), small(true), heads.clone(), everything.clone()].into_iter().enumerate()
        {
            let folder = tempfile::tempdir().unwrap();
            let out = folder.path().join("model.onnx");
            save(folder.path(), &record(kind, vit));
            let mut sizes = Vec::new();
            for half in [false, true] {
                let (checkpoint, out) = (folder.path().into(), out.clone());
                let options = ExportOptions {
                    checkpoint,
                    mean_with: None,
                    out: out.clone(),
                    half: Some(half),
                };
                let exported = run(&options).unwrap();
                assert!(exported.difference < PARITY, "{kind}, shape {shape}");
                assert!(exported.difference > 0.0, "the comparison compares something");
                assert_eq!(exported.rounding > 0.0, half, "{}", exported.rounding);
                assert!(exported.rounding < 0.01, "{}", exported.rounding);
                let source = ModelSource::File(out.clone());
                let loaded = LoadedModel::load(&source, kind, &RuntimeOptions::default()).unwrap();
                assert_eq!(loaded.card, exported.card);
                let page = std::fs::read_to_string(out.with_extension("md")).unwrap();
                assert!(page.contains("CC0 1.0") && page.contains("`auc` | 0.5"), "{page}");
                sizes.push(exported.bytes);
            }
            assert!(sizes[1] < sizes[0], "{sizes:?}");
        }
    }
}

#[test]
fn a_file_that_fails_the_comparison_is_noticed() {
    if !runtime_is_here() {
        return;
    }
    let record = record(ModelKind::Drowsiness, small(true));
    let device = Device::flex();
    let card = card(&record);
    let bytes =
        classifier_file(&Classifier::new(record.vit().unwrap(), &device), &card, &record, false)
            .unwrap();
    let trial = Trial::new(record.vit().unwrap(), &[]);
    let other = Classifier::new(record.vit().unwrap(), &device);
    assert!(classifier_difference(&other, &record, &trial, &bytes).unwrap() > PARITY);
}

#[test]
fn two_runs_are_averaged_and_another_kind_is_refused() {
    if !runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run_of = |name: &str, kind| {
        let at = folder.path().join(name);
        std::fs::create_dir(&at).unwrap();
        save(&at, &record(kind, small(true)));
        at
    };
    let [one, other] = ["one", "other"].map(|name| run_of(name, ModelKind::Drowsiness));
    let file = |mean_with: Option<&Path>| {
        let (checkpoint, out) = (one.clone(), folder.path().join("m.onnx"));
        let mean_with = mean_with.map(Into::into);
        run(&ExportOptions { checkpoint, mean_with, out, half: None })
    };
    let [alone, same, mixed] = [None, Some(&*one), Some(&*other)].map(|with| file(with).unwrap());
    assert!(same.file != mixed.file, "the second run counts");
    assert!(!alone.card.metrics.is_empty());
    assert!(mixed.card.metrics.is_empty(), "nobody has measured the mean");
    let error = file(Some(&run_of("mae", ModelKind::Mae))).unwrap_err().to_string();
    assert!(error.contains("averaged"), "{error}");
}

#[test]
fn a_folder_without_a_run_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (checkpoint, out) = (folder.path().into(), folder.path().join("m.onnx"));
    let options = ExportOptions { checkpoint, mean_with: None, out, half: None };
    let error = run(&options).unwrap_err().to_string();
    assert!(error.contains("run.json"), "{error}");
    assert!(!options.out.exists());
}

/// Logits, signs and attention as bits.
fn bits(parts: &[Vec<f32>]) -> Vec<u32> {
    parts.iter().flatten().map(|value| value.to_bits()).collect()
}

#[test]
fn a_masked_patch_gets_no_attention_and_changes_no_bit() {
    let onnx = runtime_is_here();
    for stem in [false, true] {
        let record = record(ModelKind::Drowsiness, small(stem));
        let (config, by) = (record.vit().unwrap(), &record.normalisation);
        let mask = config.grid().keep(QMask::Landmark, [true; 4]);
        let model = Classifier::new(config, &Device::flex());
        let bytes = classifier_file(&model, &card(&record), &record, false).unwrap();
        let mut loaded = onnx.then(|| load(&bytes, ModelKind::Drowsiness).unwrap());

        let mut trial = Trial::new(config, &[]);
        trial.keep = mask.iter().map(|&keep| f32::from(u8::from(keep))).collect();
        trial.keep = trial.keep.repeat(PARITY_CROPS);
        let mut judge = |trial: &Trial| {
            let (patches, keep) = trial.tensors(config, by);
            let all: Vec<usize> = (0..mask.len()).collect();
            let places = positions(config.grid().side, config.dim, &[all], &keep.device());
            let ours = model.forward(patches, places, keep);
            let ours = [ours.logits, ours.signs, ours.attention].map(|t| values(&t).unwrap());
            let theirs = loaded.as_mut().map(|loaded| {
                let out = loaded
                    .run(&[
                        ("image", &trial.image_shape, &trial.images),
                        ("patch_keep", &trial.keep_shape, &trial.keep),
                    ])
                    .unwrap();
                let pairs = [PARITY_CROPS, 2];
                [("probs", &pairs), ("signs", &pairs), ("attention", &trial.keep_shape)]
                    .map(|(name, shape)| out.get(name, shape).unwrap().to_vec())
            });
            (ours, theirs)
        };

        let before = judge(&trial);
        // Every pixel outside the landmark patches becomes another one.
        let (px, patch, side) = (config.image_px, config.patch_px, config.grid().side);
        let mut changed = 0;
        for (i, value) in trial.images.iter_mut().enumerate() {
            let (y, x) = (i / px % px, i % px);
            if !mask[y / patch * side + x / patch] {
                *value = 1.0 - *value;
                changed += 1;
            }
        }
        assert!(changed > 0);
        let after = judge(&trial);
        assert_eq!(bits(&before.0), bits(&after.0), "burn, stem {stem}");
        let ours_before = before.0.clone();
        let attention_of = |parts: &[Vec<f32>; 3]| parts[2].clone();
        let mut attentions = vec![attention_of(&after.0)];
        if let (Some(before), Some(after)) = (&before.1, &after.1) {
            // The file computes four patches, burn has computed all nine.
            let odds = |pairs: &[f32], of: fn(f32, f32) -> f32| -> Vec<f32> {
                pairs.chunks(2).map(|pair| of(pair[0], pair[1])).collect()
            };
            let [logits, _, attention] = &ours_before;
            let nine = odds(logits, |awake, drowsy| drowsy - awake);
            let four = odds(&before[0], |awake, drowsy| drowsy.ln() - awake.ln());
            assert!(largest(&nine, &four) < 1e-5, "{nine:?} {four:?}");
            assert!(largest(attention, &before[2]) < 1e-5);
            assert_eq!(bits(before), bits(after), "ONNX Runtime, stem {stem}");
            attentions.push(attention_of(after));
        }
        for attention in attentions {
            for (i, weight) in attention.iter().enumerate() {
                assert_eq!(*weight == 0.0, !mask[i % mask.len()], "patch {i}: {weight}");
            }
        }
        // An unmasked patch does matter, or the above would prove nothing.
        trial.images[0] = 1.0 - trial.images[0];
        assert_ne!(bits(&judge(&trial).0), bits(&after.0));
    }
}
