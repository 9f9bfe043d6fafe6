//! The list of a study: settings that all share, and what each variant does otherwise.

use std::{fs, path::Path};

use anyhow::Context;
use serde::{Deserialize, de::DeserializeOwned};
use toml::{Table, Value};
use wakewatch::train::{finetune::FinetuneConfig, pretrain::PretrainConfig, samples::Augmentation};

/// These tables are replaced as a whole, since a key that is missing in them means something.
const WHOLE: [&str; 3] = ["drowsy_shares", "awake_shares", "embedding"];

/// The list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Study {
    pretrain: Table,
    finetune: Table,
    mae: Vec<Table>,
    pub(crate) variant: Vec<Variant>,
    /// Figures over the held-out crops of several runs together.
    #[serde(default)]
    pub(crate) pool: Vec<Pool>,
    /// What is done to held-out crops before they are judged.
    pub(crate) condition: Vec<Condition>,
}

/// A classifier.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) seeds: Vec<u64>,
    /// The pretraining that it starts from.
    pub(crate) mae: Option<String>,
    /// A variant further up, whose fine-tuning settings come before its own.
    like: Option<String>,
    #[serde(default)]
    finetune: Table,
}

/// Runs whose people differ.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pool {
    pub(crate) name: String,
    pub(crate) seed: u64,
    pub(crate) of: Vec<String>,
}

/// A change of the crops.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Condition {
    pub(crate) name: String,
    /// Crops whose label lies in the mouth are left out.
    #[serde(default)]
    pub(crate) hides_mouth: bool,
    /// Crops whose label lies in the eyes are left out.
    #[serde(default)]
    pub(crate) hides_eyes: bool,
    #[serde(default)]
    augmentation: Table,
}

impl Condition {
    /// What is done to the crops: this, and nothing else.
    pub(crate) fn augmentation(&self) -> anyhow::Result<Augmentation> {
        let table = merge(toml::from_str(NOTHING)?, &self.augmentation);
        table.try_into().with_context(|| format!("the condition \"{}\"", self.name))
    }
}

/// Settings by which a crop stays as it is.
const NOTHING: &str = include_str!("nothing.toml");

/// No change at all.
pub(crate) fn unchanged() -> anyhow::Result<Augmentation> {
    Ok(toml::from_str(NOTHING)?)
}

impl Study {
    /// Reads a list.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }

    /// The settings of the pretraining `name`.
    pub(crate) fn pretraining(
        &self,
        name: &str,
        crops: &Path,
        out: &Path,
    ) -> anyhow::Result<PretrainConfig> {
        let is_it = |table: &&Table| table.get("name").and_then(Value::as_str) == Some(name);
        let own = self.mae.iter().find(is_it);
        let mut own = own.with_context(|| format!("there is no pretraining \"{name}\""))?.clone();
        own.remove("name");
        settings(&self.pretrain, &own, crops, &out.join(name))
    }

    /// What a variant does otherwise than all, with what it takes over from another.
    fn otherwise(&self, variant: &Variant) -> anyhow::Result<Table> {
        let Some(name) = &variant.like else {
            return Ok(variant.finetune.clone());
        };
        // Only variants further up, so that none is like itself.
        let mut above = self.variant.iter().take_while(|one| one.name != variant.name);
        let like = above.find(|one| one.name == *name).with_context(|| {
            format!("there is no variant \"{name}\" above \"{}\" to be like", variant.name)
        })?;
        Ok(merge(self.otherwise(like)?, &variant.finetune))
    }

    /// The settings of a variant.
    pub(crate) fn finetuning(
        &self,
        variant: &Variant,
        seed: u64,
        crops: &Path,
        out: &Path,
    ) -> anyhow::Result<FinetuneConfig> {
        let folder = out.join(variant.folder(seed));
        let own = self.otherwise(variant)?;
        let mut config: FinetuneConfig = settings(&self.finetune, &own, crops, &folder)?;
        config.training.seed = seed;
        config.pretrained = variant.mae.as_ref().map(|name| out.join(name));
        Ok(config)
    }
}

impl Variant {
    /// Name of the folder of its run.
    pub(crate) fn folder(&self, seed: u64) -> String {
        folder(&self.name, seed)
    }
}

/// Name of the folder of a variant's run.
pub(crate) fn folder(name: &str, seed: u64) -> String {
    format!("{}-{seed}", name.replace([',', '\''], "").replace(' ', "-").to_lowercase())
}

fn settings<C: DeserializeOwned>(
    shared: &Table,
    own: &Table,
    crops: &Path,
    out: &Path,
) -> anyhow::Result<C> {
    let mut table = merge(shared.clone(), own);
    for (key, path) in [("crops", crops), ("out", out)] {
        table.insert(key.into(), Value::String(path.display().to_string()));
    }
    table.try_into().with_context(|| out.display().to_string())
}

fn merge(mut base: Table, over: &Table) -> Table {
    for (key, value) in over {
        let merged = match (base.remove(key), value) {
            (Some(Value::Table(base)), Value::Table(over)) if !WHOLE.contains(&key.as_str()) => {
                Value::Table(merge(base, over))
            }
            _ => value.clone(),
        };
        base.insert(key.clone(), merged);
    }
    base
}
