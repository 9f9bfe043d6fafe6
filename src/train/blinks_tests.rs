use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::evaluate;

/// Three folds of people whose blinks grow longer and slower the drowsier they are.
fn list() -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut text = String::new();
    for person in 0..18 {
        for (label, longer) in [(0, 0.0_f32), (5, 1.5), (10, 4.0)] {
            let blinks: Vec<[f32; 4]> = (0..40)
                .map(|_| {
                    let mut noise = || rng.random_range(-1.0..1.0_f32);
                    let frames = (noise() * 2.0 + 2.0 * longer).round() * 0.5;
                    [noise(), noise(), frames, noise() - longer]
                })
                .collect();
            let video = serde_json::json!({"fold": person % 3 + 1,
                "subject": format!("p{person}"), "label": label, "blinks": blinks});
            text += &format!("{video}\n");
        }
    }
    text
}

fn config(folder: &Path, text: &str) -> BlinkTrainConfig {
    let videos = folder.join("list.jsonl");
    std::fs::write(&videos, text).unwrap();
    BlinkTrainConfig { videos, out: folder.join("run"), resamples: 50, ..Default::default() }
}

#[test]
fn the_configuration_of_the_shipped_model_can_be_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/blinks.toml");
    let config: BlinkTrainConfig = crate::train::settings::read(&path).unwrap();
    assert_eq!(config, BlinkTrainConfig::default());
}

#[test]
fn what_is_trained_is_written_and_measures_the_same_when_it_is_run() {
    if !crate::infer::fixtures::runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), &list());
    let metrics = run(&config).unwrap();
    for norm in ["alert_norm", "low_norm", "drowsy_norm", "same_blinks.low_norm"] {
        assert!(metrics[&format!("{norm}.auc_alert_drowsy")] > 0.95, "{metrics:?}");
    }
    assert!(metrics["published.alert_norm.auc_alert_drowsy"] > 0.95, "{metrics:?}");
    assert_eq!(run(&config).unwrap(), metrics, "the same again");

    let model = ModelSource::File(config.out.join(MODEL_FILE));
    let report = evaluate::blinks::measure(&config.videos, &model).unwrap();
    assert_eq!((report.videos, report.without_blinks), (54, 0));
    assert!(report.auc_alert_drowsy.unwrap() > 0.95 && report.learned_from_this_list);
    assert_eq!(report.cross_validated, metrics);
    let bootstrap = Bootstrap { draws: config.resamples, seed: config.seed };
    let control = evaluate::norms::measure(&config.videos, &model, &bootstrap).unwrap();
    assert_eq!((control.videos, control.people), (54, 18));
    let by = &control.model.figures.norm_third_left_out;
    assert!(by.least_auc.unwrap() > 0.95 && control.model.learned_from_this_list, "{by:?}");
    let folds = control.folds.unwrap().trained_by_every_norm.norm_third_left_out;
    let low = folds.low_norm.auc_alert_drowsy.value.unwrap();
    assert!((low - metrics["low_norm.auc_alert_drowsy"]).abs() < 1e-12, "as in training");

    // A list of others says that it is one.
    let others = folder.path().join("others.jsonl");
    std::fs::write(&others, list().lines().next().unwrap()).unwrap();
    let control = evaluate::norms::measure(&others, &model, &bootstrap).unwrap();
    assert!(!control.model.learned_from_this_list && control.folds.is_none());
    assert!(control.why_no_folds.unwrap().contains("three folds"));
}

#[test]
fn the_norms_are_chosen_by_the_configuration() {
    if !crate::infer::fixtures::runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let every = config(folder.path(), &list());
    let alone = BlinkTrainConfig { norms: vec![Norm::Alert], ..every.clone() };
    let [every, alone] = [every, alone].map(|config| run(&config).unwrap());
    assert_ne!(every, alone);
    let published = "published.low_norm.auc_alert_drowsy";
    assert_eq!(every[published], alone[published], "the control is the same");
}

#[test]
fn what_would_mislead_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let list = list();
    let error = |text: &str| run(&config(folder.path(), text)).unwrap_err().to_string();
    assert!(error(&list.replace("\"fold\":3", "\"fold\":2")).contains("three folds"));
    assert!(error(&list.replace("\"p3\"", "\"p1\"")).contains("two folds"));
    let good = config(folder.path(), &list);
    for (senseless, named) in [
        (BlinkTrainConfig { ridge: 0.0, ..good.clone() }, "ridge"),
        (BlinkTrainConfig { norms: vec![], ..good.clone() }, "norms"),
        (BlinkTrainConfig { norms: vec![Norm::Low, Norm::Low], ..good }, "norms"),
    ] {
        let error = run(&senseless).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}
