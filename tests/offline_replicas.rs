//! Any number of replicas learns what one learns, up to rounding. Alone in its file, since
//! random weights come from a generator that the tests of a process share.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "a panic is the test's message")]

use std::{path::Path, sync::atomic::AtomicBool};

use burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::{Device, Tensor},
};
use image::{Rgb, RgbImage};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wakewatch::{
    dataset::{
        crops::INDEX,
        manifest::{Item, Label, Manifest},
    },
    train::{
        Control,
        checkpoint::load_average,
        classifier::Classifier,
        finetune::{self, FinetuneConfig},
        mae::Mae,
        pretrain::{self, PretrainConfig},
        weights::values,
    },
    vit::VitConfig,
};

const NETWORK: &str = "image_px = 24\npatch_px = 8\nembedding = { stem = { widths = [4, 8] } }\n\
    dim = 16\ndepth = 2\nheads = 2\nmlp_dim = 32\nq_mask = 'landmark'\ndecoder_dim = 16\n\
    decoder_depth = 1\ndecoder_heads = 2\n";

/// Crops of which some signs are known and others are not.
fn crops(folder: &Path) {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut items = Vec::new();
    for at in 0..40u8 {
        let drowsy = at % 2 == 0;
        let name = format!("{at}.png");
        let image = RgbImage::from_fn(32, 32, |_, _| Rgb(rng.random()));
        image.save(folder.join(&name)).unwrap();
        items.push(Item {
            file: name.into(),
            label: Some(if drowsy { Label::Drowsy } else { Label::Awake }),
            subject: format!("s{}", at / 2),
            eyes_closed: (at % 3 != 0).then_some(drowsy),
            eye_aspect: (at % 5 != 0).then_some(if drowsy { 0.1 } else { 0.3 }),
            collection: "drawn".into(),
            ..Item::default()
        });
    }
    Manifest { items }.write(&folder.join(INDEX)).unwrap();
}

struct Flat(Vec<f32>);

impl ModuleVisitor for Flat {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.extend(values(&param.val()).unwrap());
    }
}

fn learn(folder: &Path, what: &str, threads: usize) -> Vec<f32> {
    // A new folder for each run: one that holds weights is refused.
    let home = tempfile::tempdir_in(folder).unwrap();
    let out = home.path().join("run");
    let more =
        if what == "finetune" { "mixup = 0.3\ndrop_path = 0.2\nlayer_decay = 0.8" } else { "" };
    let text = format!(
        "crops = '{}'\nout = '{}'\n{more}\n[network]\n{NETWORK}[training]\nsteps = 8\nbatch = 13\n\
         threads = {threads}\nlearning_rate = 1e-3\nema_decay = 0.5\nvalidate_every = 8\n\
         [hold_out]\nshare = 0.3\n",
        folder.display(),
        out.display()
    );
    let stop = AtomicBool::new(false);
    let mut control = Control { stop: &stop, say: &mut |_| {}, step: &mut |_| {} };
    let device = Device::flex();
    let vit: VitConfig = toml::from_str(NETWORK).unwrap();
    let mut flat = Flat(Vec::new());
    if what == "finetune" {
        let config: FinetuneConfig = toml::from_str(&text).unwrap();
        finetune::run(&config, false, &device, &mut control).unwrap();
        let model = Classifier::new(&vit, &device);
        load_average(&out.join("last"), model).unwrap().visit(&mut flat);
    } else {
        let config: PretrainConfig = toml::from_str(&text).unwrap();
        pretrain::run(&config, false, &device, &mut control).unwrap();
        load_average(&out.join("last"), Mae::new(&vit, &device)).unwrap().visit(&mut flat);
    }
    flat.0
}

#[test]
fn replicas_learn_what_one_learns() {
    let folder = tempfile::tempdir().unwrap();
    crops(folder.path());
    for what in ["pretrain", "finetune"] {
        let one = learn(folder.path(), what, 1);
        assert_eq!(one, learn(folder.path(), what, 1), "{what}: a seed reproduces a run");
        for threads in [2, 3] {
            let more = learn(folder.path(), what, threads);
            let distance = |a: &[f32], b: &[f32]| {
                a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
            };
            // Adam makes steps of about the learning rate where a gradient is all rounding,
            // so a few weights may differ by as much; the whole must not.
            let apart = distance(&one, &more) / distance(&one, &vec![0.0; one.len()]);
            assert!(apart < 1e-3, "{what} with {threads} replicas: {apart}");
        }
    }
}
