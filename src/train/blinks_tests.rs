use super::*;

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
    assert!(metrics["with_frequency.accuracy3"] > 0.8, "{metrics:?}");
    assert!(metrics["without_frequency.auc_alert_drowsy"] > 0.95, "{metrics:?}");
    assert_eq!(run(&config).unwrap(), metrics, "the same again");
    let model = ModelSource::File(config.out.join(MODEL_FILE));
    let report = crate::evaluate::blinks::measure(&config.videos, &model).unwrap();
    assert_eq!((report.videos, report.without_blinks), (54, 0));
    assert!(report.accuracy3.unwrap() > 0.8);
    assert_eq!(report.cross_validated, metrics);
}

#[test]
fn the_score_of_a_video_does_not_know_its_own_fold() {
    let folder = tempfile::tempdir().unwrap();
    let honest = config(folder.path(), &list());
    let rows = rows(&honest.videos, read(&honest.videos).unwrap()).unwrap();
    // Labels that mean nothing must be learned as nothing.
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut noise = rows.clone();
    for row in &mut noise {
        row.features = row.features.iter().map(|_| rng.random_range(-1.0..1.0)).collect();
    }
    let scored: Vec<_> = noise.iter().zip(cross_validated(&noise, true, 1.0)).collect();
    let pairs: Vec<_> = scored.iter().map(|(row, score)| (row.label, *score)).collect();
    let auc = Figures::of(&pairs).auc_alert_drowsy.unwrap();
    assert!((0.2..0.8).contains(&auc), "{auc}");
    // And changing a fold's labels does not change its scores.
    let before = cross_validated(&rows, true, 1.0);
    let mut other = rows.clone();
    for row in other.iter_mut().filter(|row| row.fold == 2) {
        row.label = 10 - row.label;
    }
    let after = cross_validated(&other, true, 1.0);
    for ((row, before), after) in rows.iter().zip(before).zip(after) {
        assert_eq!(row.fold == 2, (before - after).abs() < 1e-9, "fold {}", row.fold);
    }
}

#[test]
fn the_frequency_counts_nothing_where_it_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), &list());
    let rows = rows(&config.videos, read(&config.videos).unwrap()).unwrap();
    let model = fit(&rows.iter().collect::<Vec<_>>(), false, 1.0);
    let of_frequency = (0..FEATURES).filter(|i| is_of_frequency(*i));
    assert!(of_frequency.clone().all(|i| model.weights[i] == 0.0));
    assert_eq!(of_frequency.count(), 7);
    // The description does not hear of the frequency elsewhere.
    let mut video = read(&config.videos).unwrap().remove(0);
    let before = video.features().unwrap();
    for blink in &mut video.blinks {
        blink[0] += 3.0;
    }
    let after = video.features().unwrap();
    for i in 0..FEATURES {
        assert!(is_of_frequency(i) || before[i] == after[i], "feature {i}");
    }
}

#[test]
fn a_system_of_equations_is_solved() {
    let a = vec![vec![4.0, 2.0, 0.6], vec![2.0, 5.0, 1.0], vec![0.6, 1.0, 3.0]];
    let x = solve(a, vec![9.8, 15.0, 11.6]);
    for (x, truth) in x.iter().zip([1.0, 2.0, 3.0]) {
        assert!((x - truth).abs() < 1e-12, "{x}");
    }
}

#[test]
fn lists_that_would_mislead_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = |text: &str| run(&config(folder.path(), text)).unwrap_err().to_string();
    let list = list();
    assert!(error(&list.replace("\"fold\":3", "\"fold\":2")).contains("three folds"));
    assert!(error(&list.replace("\"p3\"", "\"p1\"")).contains("two folds"));
    let one_label =
        list.lines().filter(|l| !(l.contains("\"fold\":3") && l.contains("\"label\":5")));
    assert!(error(&one_label.map(|l| format!("{l}\n")).collect::<String>()).contains("all three"));
    let senseless = BlinkTrainConfig { ridge: 0.0, ..config(folder.path(), &list) };
    assert!(run(&senseless).unwrap_err().to_string().contains("ridge"));
}
