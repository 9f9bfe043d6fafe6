//! Copies of a network that learn side by side: each core works on its part of a batch
//! with a copy of its own, and the gradients are averaged. A tensor operation on crops
//! this small is too short to be shared among cores; a part of a batch is not.

use burn::{
    module::{Module, ParamGroup},
    optim::{AdamW, AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer},
    tensor::{Device, Tensor},
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{TrainError, settings::Training};

/// Threads that each hold a copy of the network for one step.
#[derive(Debug)]
pub struct Replicas {
    /// One pool of one thread a replica, so that tensor operations stay on their core.
    pools: Vec<ThreadPool>,
    seed: u64,
}

/// The part of a batch that one replica works on.
#[derive(Debug)]
pub struct Part {
    /// Crops of this part.
    pub crops: usize,
    /// Random numbers that depend on the seed, the step and the replica alone.
    pub rng: ChaCha8Rng,
}

impl Replicas {
    /// As many replicas as configured; never more than crops in a batch.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn new(training: &Training) -> Result<Self, TrainError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let wanted = if training.threads == 0 { cores } else { training.threads };
        let pools = (0..wanted.clamp(1, training.batch.max(1)))
            .map(|_| ThreadPoolBuilder::new().num_threads(1).build())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| TrainError::Threads(error.to_string()))?;
        Ok(Self { pools, seed: training.seed })
    }

    /// Number of replicas.
    pub fn count(&self) -> usize {
        self.pools.len()
    }

    /// One step over a batch: `work` turns a part of it into a loss (a mean over the
    /// part) and whatever it reports. Returns the averaged gradients and the reports.
    ///
    /// # Errors
    /// What `work` returns, or that a replica ended early.
    pub fn step<M, R, W>(
        &self,
        model: &M,
        device: &Device,
        (step, batch): (usize, usize),
        work: W,
    ) -> Result<(GradientsParams, Vec<R>), TrainError>
    where
        M: Module + Send,
        R: Send,
        W: Fn(&M, Part) -> Result<(Tensor<1>, R), TrainError> + Sync,
    {
        let count = self.pools.len();
        let work = &work;
        let results: Vec<Result<_, TrainError>> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..count)
                .map(|replica| {
                    let copy = model.clone();
                    scope.spawn(move || {
                        self.pools[replica].install(move || {
                            let copy = copy.fork(device);
                            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
                            rng.set_stream((step * count + replica) as u64);
                            let crops = (batch + replica) / count;
                            let (loss, report) = work(&copy, Part { crops, rng })?;
                            let share = crops as f32 / batch as f32;
                            let gradients = loss.mul_scalar(share).backward();
                            Ok((GradientsParams::from_grads(gradients, &copy), report))
                        })
                    })
                })
                .collect();
            running
                .into_iter()
                .map(|thread| thread.join().map_err(|_| TrainError::LoaderStopped)?)
                .collect()
        });
        let mut sum = GradientsAccumulator::new();
        let mut reports = Vec::with_capacity(count);
        for result in results {
            let (gradients, report) = result?;
            sum.accumulate(model, gradients);
            reports.push(report);
        }
        Ok((sum.grads(), reports))
    }
}

/// AdamW with weight decay on the matrices alone.
pub fn optimizer(training: &Training) -> ModuleOptimizer {
    let adamw = |decay: f32| -> AdamW {
        AdamWConfig::new()
            .with_beta_1(training.betas[0])
            .with_beta_2(training.betas[1])
            .with_epsilon(1e-8)
            .with_weight_decay(decay)
            .build()
    };
    let free = ParamGroup::from_any_predicates(vec!["bias", "norm", "cls", "mask_token"]);
    ModuleOptimizer::from(adamw(training.weight_decay)).with_group(free, adamw(0.0), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::weights::values;
    use burn::nn::{Linear, LinearConfig};

    #[test]
    fn replicas_average_to_the_gradient_of_the_whole_batch() {
        let device = Device::flex().autodiff();
        let model: Linear = LinearConfig::new(2, 1).with_bias(false).init(&device);
        let rows: Vec<[f32; 2]> = (0..5).map(|i| [i as f32, 1.0]).collect();
        let loss = |model: &Linear, rows: &[[f32; 2]]| {
            let data: Vec<f32> = rows.iter().flatten().copied().collect();
            let x = Tensor::<1>::from_floats(data.as_slice(), &device).reshape([rows.len(), 2]);
            model.forward(x).square().mean()
        };
        let gradient = |threads: usize| {
            let training = Training { threads, batch: 5, ..Training::default() };
            let replicas = Replicas::new(&training).unwrap();
            let (gradients, parts) = replicas
                .step(&model, &device, (0, 5), |copy, part| {
                    // 5 crops on 2 replicas: the first takes 2, the second 3.
                    let from = if part.crops == 3 { 2 } else { 0 };
                    Ok((loss(copy, &rows[from..from + part.crops]), part.crops))
                })
                .unwrap();
            assert_eq!(parts.iter().sum::<usize>(), 5);
            values(&gradients.get::<2>(model.weight.id).unwrap()).unwrap()
        };
        let (one, two) = (gradient(1), gradient(2));
        assert!(one.iter().any(|g| g.abs() > 1e-3));
        for (a, b) in one.iter().zip(&two) {
            approx::assert_abs_diff_eq!(a, b, epsilon = 1e-5);
        }
    }

    #[test]
    fn a_failing_replica_fails_the_step() {
        let device = Device::flex().autodiff();
        let model: Linear = LinearConfig::new(2, 1).init(&device);
        let training = Training { threads: 2, ..Training::default() };
        let result = Replicas::new(&training).unwrap().step(&model, &device, (0, 4), |_, _| {
            Err::<(Tensor<1>, ()), _>(TrainError::Diverged { step: 0 })
        });
        assert!(matches!(result, Err(TrainError::Diverged { .. })));
    }
}
