//! Model files that are whole, broken, of another kind, and tried on another provider.

use super::*;
use crate::{
    infer::{fixtures, trial::Outcome},
    onnx::{Dim, GraphBuilder},
    vit::METADATA_KEY,
};

fn load(bytes: Vec<u8>, kind: ModelKind) -> Result<LoadedModel, String> {
    let source = ModelSource::Bytes(bytes.into());
    LoadedModel::load(&source, kind, &RuntimeOptions::default()).map_err(|e| e.to_string())
}

#[test]
fn the_built_in_models_pass_their_own_checks() {
    if !fixtures::runtime_is_here() {
        return;
    }
    for &kind in ModelKind::ALL {
        let source = ModelSource::Bytes(embedded(kind).into());
        let loaded = LoadedModel::load(&source, kind, &RuntimeOptions::default());
        assert_eq!(loaded.unwrap().card.kind, kind);
    }
}

#[test]
fn a_bad_file_is_one_sentence_that_names_it() {
    if !fixtures::runtime_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wrong.onnx");
    let error = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let source = ModelSource::File(path.clone());
        let loaded = LoadedModel::load(&source, ModelKind::Drowsiness, &RuntimeOptions::default());
        let error = loaded.unwrap_err().to_string();
        assert!(error.contains("wrong.onnx") && !error.contains('\n'), "{error}");
        error
    };
    assert!(error(b"").contains("no ONNX model"));
    assert!(error(b"no model at all").contains("no ONNX model"));
    let good = fixtures::drowsiness(72, 24);
    assert!(error(&good[..good.len() / 2]).contains("wrong.onnx"));
    assert!(error(&fixtures::mae(72, 24)).contains("drowsiness model is needed"));
    for path in [folder.path().join("nowhere.onnx"), folder.path().into()] {
        let source = ModelSource::File(path);
        let loaded = LoadedModel::load(&source, ModelKind::Mae, &RuntimeOptions::default());
        assert!(loaded.unwrap_err().to_string().contains("check the path"));
    }
}

#[test]
fn a_card_that_does_not_fit_its_graph_is_refused() {
    if !fixtures::runtime_is_here() {
        return;
    }
    let picture = |claimed_px: usize, patch_px: usize, batch: Dim| {
        let mut card = fixtures::card(ModelKind::Mae, 72, 24);
        (card.image_px, card.patch_px) = (claimed_px, patch_px);
        let shape = [batch, Dim::Fixed(3), Dim::Fixed(72), Dim::Fixed(72)];
        let mut graph = GraphBuilder::new("mae");
        let image = graph.input("image", &shape);
        graph.input("patch_keep", &[batch, Dim::Fixed(9)]);
        graph.output(&image, "reconstruction", &shape);
        let card = serde_json::to_string(&card).unwrap();
        load(graph.finish(&[(METADATA_KEY, &card)]).unwrap(), ModelKind::Mae)
    };
    assert!(picture(72, 24, Dim::Named("N")).is_ok());
    assert!(picture(96, 32, Dim::Named("N")).unwrap_err().contains("image"));
    assert!(picture(72, 12, Dim::Named("N")).unwrap_err().contains("patch_keep"));
    assert!(picture(72, 50, Dim::Named("N")).unwrap_err().contains("tile"));
    assert!(picture(0, 24, Dim::Named("N")).unwrap_err().contains("0 px"));
    assert!(picture(72, 24, Dim::Fixed(1)).unwrap_err().contains("batch"));
}

#[test]
fn a_model_that_gives_no_number_fails_its_trial_run() {
    if !fixtures::runtime_is_here() {
        return;
    }
    let points = [[f32::NAN; 2]; 68];
    let error = load(fixtures::landmarks(&points, 0.0, [0.0; 3]), ModelKind::Landmarks);
    assert!(error.unwrap_err().contains("finite"));
}

/// A landmark network that always answers `points`, after it has done so much in vain.
fn landmarks(points: f32, work: usize) -> ModelSource {
    const PX: usize = 96;
    let mut graph = GraphBuilder::new("landmarks");
    let shape = [Dim::Named("N"), Dim::Fixed(1), Dim::Fixed(PX), Dim::Fixed(PX)];
    let image = graph.input("image", &shape);
    let rows = graph.reduce_mean(&image, &[1, 3]);
    let rows = graph.linear(&rows, PX, work, &vec![0.0; PX * work], &vec![0.0; work]);
    for (name, sizes) in [("points", &[68, 2][..]), ("confidence", &[1]), ("visible", &[3])] {
        let count = sizes.iter().product();
        let value =
            graph.linear(&rows, work, count, &vec![0.0; work * count], &vec![points; count]);
        let to = [&[-1][..], &sizes.iter().map(|&n| n as i64).collect::<Vec<_>>()].concat();
        let value = graph.reshape(&value, &to);
        let fixed: Vec<_> = sizes.iter().map(|&size| Dim::Fixed(size)).collect();
        graph.output(&value, name, &[&[Dim::Named("N")], &fixed[..]].concat());
    }
    let card = serde_json::to_string(&fixtures::card(ModelKind::Landmarks, PX, PX)).unwrap();
    ModelSource::Bytes(graph.finish(&[(METADATA_KEY, &card)]).unwrap().into())
}

/// The model of `own`, after `other` has been tried in its place under the name of CUDA.
fn try_in_place(own: &ModelSource, other: ModelSource) -> (LoadedModel, Tried) {
    const KIND: ModelKind = ModelKind::Landmarks;
    let image = vec![0.5; 96 * 96];
    let mut model = LoadedModel::load(own, KIND, &RuntimeOptions::default()).unwrap();
    let open = move || LoadedModel::open(&other.bytes(KIND)?, &other, KIND, Provider::Cpu, 1);
    let open = move || match open() {
        Ok(model) => Ok(LoadedModel { provider: Provider::Cuda, ..model }),
        Err(error) => Err::<_, ModelError>(error),
    };
    let open = move || open().map_err(|error| error.to_string());
    model.trial = Some(Trial::start(KIND, Provider::Cuda, Duration::from_secs(60), open));
    for _ in 0..100_000 {
        let outputs = model.run(&[("image", &[1, 1, 96, 96], &image)]).unwrap();
        assert_eq!(outputs.get("visible", &[1, 3]).unwrap(), [0.25; 3]);
        drop(outputs);
        if model.settle() {
            let tried = model.tried().unwrap().clone();
            return (model, tried);
        }
    }
    panic!("the trial does not end: {:?}", model.tried());
}

#[test]
fn another_provider_takes_over_between_two_runs_only_when_it_is_right_and_faster() {
    if !fixtures::runtime_is_here() {
        return;
    }
    let (slow, quick) = (landmarks(0.25, 60_000), landmarks(0.25, 10));
    let (mut model, tried) = try_in_place(&slow, quick.clone());
    assert_eq!((model.provider, &tried.outcome), (Provider::Cuda, &Outcome::Taken), "{tried}");
    let outputs = model.run(&[("image", &[1, 1, 96, 96], &[0.5; 96 * 96])]).unwrap();
    assert_eq!(outputs.get("visible", &[1, 3]).unwrap(), [0.25; 3]);

    let (model, tried) = try_in_place(&quick, slow.clone());
    assert_eq!((model.provider, &tried.outcome), (Provider::Cpu, &Outcome::Slower), "{tried}");
    let (model, tried) = try_in_place(&slow, landmarks(0.2, 10));
    assert_eq!((model.provider, &tried.outcome), (Provider::Cpu, &Outcome::Differs), "{tried}");
    let broken = ModelSource::Bytes(fixtures::mae(72, 24).into());
    let (model, tried) = try_in_place(&slow, broken);
    assert_eq!((model.provider, tried.is_wrong()), (Provider::Cpu, true), "{tried}");
    assert!(tried.to_string().contains("landmarks model is needed"), "{tried}");
}

#[test]
fn auto_begins_on_the_cpu_and_a_provider_that_cannot_be_had_is_told() {
    if !fixtures::runtime_is_here() || Provider::CoreMl.is_built_in().unwrap() {
        return;
    }
    let source = ModelSource::Bytes(fixtures::mae(72, 24).into());
    let mut model = LoadedModel::load(&source, ModelKind::Mae, &Default::default()).unwrap();
    assert_eq!((model.provider, model.tried()), (Provider::Cpu, None));
    model.try_on(Provider::CoreMl, 1, Duration::ZERO);
    while !model.settle() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let told = model.tried().unwrap().to_string();
    assert!(told.contains("stays on CPU") && told.contains("built without it"), "{told}");
    assert_eq!(model.provider, Provider::Cpu);
}

#[test]
fn a_provider_that_was_asked_for_and_is_not_there_is_an_error() {
    if !fixtures::runtime_is_here() || Provider::CoreMl.is_built_in().unwrap() {
        return;
    }
    let source = ModelSource::Bytes(fixtures::mae(72, 24).into());
    let options = RuntimeOptions { device: crate::infer::Device::CoreMl, ..Default::default() };
    let error = LoadedModel::load(&source, ModelKind::Mae, &options).unwrap_err();
    assert!(error.to_string().contains("CoreML cannot be used"), "{error}");
}
