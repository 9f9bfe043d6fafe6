//! A training on disk: the weights of the last step, their average, the optimizer's
//! state and how far it came. A folder is replaced as a whole, so that an interrupted
//! save leaves the previous one.

use std::{fs, path::Path};

use burn::{module::Module, optim::ModuleOptimizer, store::ModuleRecord};
use serde::{Deserialize, Serialize};

use super::TrainError;

/// How far a training came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: usize,
    /// The best validation figure so far; smaller is better.
    pub best: Option<f64>,
    /// Step of that validation.
    #[serde(default)]
    pub best_step: usize,
    /// Validations since then.
    #[serde(default)]
    pub stale: usize,
    /// Step of the last save, if there was one.
    #[serde(default)]
    pub saved: Option<usize>,
}

const MODEL: &str = "model.bpk";
const AVERAGE: &str = "average.bpk";
const OPTIMIZER: &str = "optimizer.bpk";
const PROGRESS: &str = "progress.json";

/// Saves `model`, its `average` and `optimizer` as the folder `path`.
///
/// # Errors
/// When the folder cannot be written.
pub fn save<M: Module>(
    path: &Path,
    model: &M,
    average: &M,
    optimizer: &ModuleOptimizer,
    progress: Progress,
) -> Result<(), TrainError> {
    // A whole checkpoint must not be cleared away as a leftover.
    recover(path)?;
    let fresh = path.with_extension("new");
    let old = path.with_extension("old");
    for leftover in [&fresh, &old] {
        if leftover.exists() {
            fs::remove_dir_all(leftover).map_err(TrainError::io(leftover, "removed"))?;
        }
    }
    fs::create_dir_all(&fresh).map_err(TrainError::io(&fresh, "written"))?;
    model.clone().save_file(fresh.join(MODEL)).map_err(TrainError::save(path))?;
    average.clone().save_file(fresh.join(AVERAGE)).map_err(TrainError::save(path))?;
    optimizer.save(fresh.join(OPTIMIZER)).map_err(TrainError::save(path))?;
    let state = fresh.join(PROGRESS);
    let json = serde_json::to_string(&progress)?;
    fs::write(&state, json).map_err(TrainError::io(&state, "written"))?;
    if path.exists() {
        fs::rename(path, &old).map_err(TrainError::io(path, "replaced"))?;
    }
    fs::rename(&fresh, path).map_err(TrainError::io(path, "written"))?;
    if old.exists() {
        fs::remove_dir_all(&old).map_err(TrainError::io(&old, "removed"))?;
    }
    Ok(())
}

/// Loads what [`save`] wrote: the model, its average, the optimizer and the progress.
/// `model` and `optimizer` give the shapes.
///
/// # Errors
/// When the folder is missing, incomplete or of another network.
pub fn load<M: Module>(
    path: &Path,
    model: M,
    optimizer: ModuleOptimizer,
) -> Result<(M, M, ModuleOptimizer, Progress), TrainError> {
    recover(path)?;
    // A clone would share its running statistics with the model.
    let average = load_average(path, model.valid())?;
    let model = load_module(&path.join(MODEL), model)?;
    let file = path.join(OPTIMIZER);
    let optimizer = optimizer.load(&file).map_err(TrainError::record(&file))?;
    let state = path.join(PROGRESS);
    let json = fs::read_to_string(&state).map_err(TrainError::io(&state, "read"))?;
    Ok((model, average, optimizer, serde_json::from_str(&json)?))
}

/// Finishes a save that was killed between its two renamings: the fresh folder was whole
/// by then, and the one before had been put aside.
fn recover(path: &Path) -> Result<(), TrainError> {
    let (fresh, old) = (path.with_extension("new"), path.with_extension("old"));
    match !path.exists() && fresh.exists() && old.exists() {
        true => fs::rename(&fresh, path).map_err(TrainError::io(path, "written")),
        false => Ok(()),
    }
}

/// Loads the averaged weights alone, for export.
///
/// # Errors
/// When they are missing or of another network.
pub fn load_average<M: Module>(path: &Path, model: M) -> Result<M, TrainError> {
    recover(path)?;
    load_module(&path.join(AVERAGE), model)
}

fn load_module<M: Module>(file: &Path, model: M) -> Result<M, TrainError> {
    let record = ModuleRecord::load(file).map_err(TrainError::record(file))?;
    model.try_load_record(record).map_err(TrainError::record(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::weights::values;
    use burn::{
        nn::{Linear, LinearConfig},
        optim::AdamWConfig,
        tensor::Device,
    };

    fn linear(outputs: usize) -> Linear {
        LinearConfig::new(3, outputs).init(&Device::flex())
    }

    #[test]
    fn a_checkpoint_comes_back_and_another_network_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last");
        let (model, average) = (linear(2), linear(2));
        let optimizer = AdamWConfig::new().init();
        let progress = Progress { step: 7, best: Some(0.5), ..Progress::default() };
        for _ in 0..2 {
            save(&path, &model, &average, &optimizer, progress).unwrap();
        }
        let (m, a, _, p) = load(&path, linear(2), AdamWConfig::new().init()).unwrap();
        assert_eq!(p, progress);
        assert_eq!(values(&m.weight.val()).unwrap(), values(&model.weight.val()).unwrap());
        assert_eq!(values(&a.weight.val()).unwrap(), values(&average.weight.val()).unwrap());
        assert_eq!(m.weight.id, model.weight.id, "the optimizer's state is found by it");
        // Killed between the two renamings of a save.
        fs::rename(&path, path.with_extension("new")).unwrap();
        fs::create_dir(path.with_extension("old")).unwrap();
        assert_eq!(load(&path, linear(2), AdamWConfig::new().init()).unwrap().3, progress);
        let error = load_average(&path, linear(4)).unwrap_err().to_string();
        assert!(error.contains("average.bpk"), "{error}");
    }
}
