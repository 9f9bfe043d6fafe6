//! Copies of a network that learn side by side: each core works on its part of a batch
//! with a copy of its own, and the gradients are summed. A tensor operation on crops
//! this small is too short to be shared among cores; a part of a batch is not.
//!
//! Every crop of a batch has random numbers of its own, and losses are divided by what
//! the whole batch counts, so the result does not depend on the number of replicas but
//! for rounding.

use std::{sync::Mutex, thread};

use burn::{
    grad_clipping::GradientClipping,
    module::{Module, ParamGroup},
    optim::{AdamW, AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer},
    tensor::{Device, Tensor},
};
use crossbeam_channel::{Receiver, bounded};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{TrainError, device, settings::Training};

/// Batches that wait ready for each replica, at least.
const AHEAD: usize = 2;

/// Threads that each hold a copy of the network for one step.
#[derive(Debug)]
pub(crate) struct Replicas {
    /// One pool of one thread a replica, so that tensor operations stay on their core.
    pools: Vec<ThreadPool>,
    /// Threads that make the batches of each replica ahead of time.
    makers: usize,
}

/// The part of a batch that one replica works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Seed of the training.
    pub seed: u64,
    /// Step of the training, from 0.
    pub step: usize,
    /// Crops of the whole batch.
    pub batch: usize,
    /// Number of this part's first crop in the batch.
    pub first: usize,
    /// Crops of this part.
    pub crops: usize,
}

impl Part {
    /// Part `replica` of `count` of a batch.
    fn of(training: &Training, step: usize, replica: usize, count: usize) -> Self {
        let (seed, batch) = (training.seed, training.batch);
        let first = replica * batch / count;
        Self { seed, step, batch, first, crops: (replica + 1) * batch / count - first }
    }

    /// Number in the batch and random numbers of each crop; they follow from the seed, the
    /// step and that number alone.
    pub(crate) fn crops(&self) -> impl Iterator<Item = (usize, ChaCha8Rng)> + use<> {
        let Self { seed, step, batch, first, crops } = *self;
        (first..first + crops).map(move |at| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream((step * batch + at) as u64);
            (at, rng)
        })
    }
}

impl Replicas {
    /// As many replicas as configured, never more than crops in a batch. Where nothing is
    /// configured: one a core, or a single one for a graphics card.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub(crate) fn new(training: &Training, device: &Device) -> Result<Self, TrainError> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let wanted = match training.threads {
            0 if device::is_processor(device) => cores,
            0 => 1,
            wanted => wanted,
        };
        let count = wanted.clamp(1, training.batch.max(1));
        let pools = (0..count)
            .map(|_| ThreadPoolBuilder::new().num_threads(1).build())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| TrainError::Threads(error.to_string()))?;
        // A graphics card takes batches faster than one core can draw and change them.
        Ok(Self { pools, makers: cores.div_ceil(count) })
    }

    /// Number of replicas.
    pub(crate) fn count(&self) -> usize {
        self.pools.len()
    }

    /// One step: `work` turns each replica's part of a batch into its share of the loss.
    /// Returns the summed gradients and the loss of the whole batch.
    ///
    /// # Errors
    /// What `work` returns, or that a replica ended early.
    pub(crate) fn step<M, B, W>(
        &self,
        model: &M,
        device: &Device,
        parts: &[B],
        work: W,
    ) -> Result<(GradientsParams, f64), TrainError>
    where
        M: Module + Send,
        B: Sync,
        W: Fn(&M, &B) -> Result<Tensor<1>, TrainError> + Sync,
    {
        let work = &work;
        let results: Vec<Result<_, TrainError>> = thread::scope(|scope| {
            let running: Vec<_> = self
                .pools
                .iter()
                .zip(parts)
                .map(|(pool, part)| {
                    let copy = model.clone();
                    scope.spawn(move || {
                        pool.install(move || {
                            let copy = copy.fork(device);
                            let loss = work(&copy, part)?;
                            let value = f64::from(loss.clone().into_scalar::<f32>());
                            Ok((GradientsParams::from_grads(loss.backward(), &copy), value))
                        })
                    })
                })
                .collect();
            running
                .into_iter()
                .map(|thread| thread.join().map_err(|_| TrainError::ReplicaStopped)?)
                .collect()
        });
        let mut sum = GradientsAccumulator::new();
        let mut loss = 0.0;
        for result in results {
            let (gradients, value) = result?;
            sum.accumulate(model, gradients);
            loss += value;
        }
        Ok((sum.grads(), loss))
    }

    /// Applies `work` to all `items`, the replicas taking the next one each; the results
    /// come in the order of the items.
    ///
    /// # Errors
    /// What `work` returns, or that a replica ended early.
    pub(crate) fn map<M, I, R, W>(
        &self,
        model: &M,
        items: &[I],
        work: W,
    ) -> Result<Vec<R>, TrainError>
    where
        M: Module + Send,
        I: Sync,
        R: Send,
        W: Fn(&M, &I) -> Result<R, TrainError> + Sync,
    {
        let (work, next) = (&work, &Mutex::new(items.iter().enumerate()));
        let take = move || next.lock().map_or(None, |mut items| items.next());
        let results: Vec<Result<Vec<(usize, R)>, TrainError>> = thread::scope(|scope| {
            let running: Vec<_> = self
                .pools
                .iter()
                .map(|pool| {
                    let copy = model.clone();
                    scope.spawn(move || {
                        pool.install(move || {
                            std::iter::from_fn(take)
                                .map(|(at, item)| Ok((at, work(&copy, item)?)))
                                .collect()
                        })
                    })
                })
                .collect();
            running
                .into_iter()
                .map(|thread| thread.join().map_err(|_| TrainError::ReplicaStopped)?)
                .collect()
        });
        let mut all = Vec::with_capacity(items.len());
        for result in results {
            all.extend(result?);
        }
        all.sort_by_key(|(at, _)| *at);
        Ok(all.into_iter().map(|(_, result)| result).collect())
    }

    /// Starts threads, on all cores together, that make each replica's parts of the batches
    /// ahead of time, from step `from` on, as threads of `scope`. They end when the loader is
    /// dropped. The parts and their order do not depend on the number of threads.
    pub(crate) fn load<'scope, 'env, B: Send + 'scope>(
        &self,
        scope: &'scope thread::Scope<'scope, 'env>,
        training: &'scope Training,
        from: usize,
        make: &'scope (dyn Fn(Part) -> B + Sync),
    ) -> Loader<B> {
        let (count, makers) = (self.count(), self.makers);
        let ahead = AHEAD.div_ceil(makers);
        let channels = (0..count).map(|replica| {
            let of_replica = (0..makers).map(|maker| {
                let (sender, receiver) = bounded(ahead);
                scope.spawn(move || {
                    for step in (from + maker..training.steps).step_by(makers) {
                        if sender.send(make(Part::of(training, step, replica, count))).is_err() {
                            return;
                        }
                    }
                });
                receiver
            });
            of_replica.collect()
        });
        Loader { channels: channels.collect(), next: 0 }
    }
}

/// Parts of batches, made ahead of time.
#[derive(Debug)]
pub(crate) struct Loader<B> {
    /// `[replicas, makers]`: the makers of a replica take the steps in turn.
    channels: Vec<Vec<Receiver<B>>>,
    next: usize,
}

impl<B> Loader<B> {
    /// The parts of the next batch, one a replica.
    ///
    /// # Errors
    /// When a thread that makes them ended early.
    pub(crate) fn take(&mut self) -> Result<Vec<B>, TrainError> {
        let parts = self.channels.iter().map(|makers| makers[self.next % makers.len()].recv());
        let parts = parts.collect::<Result<_, _>>().map_err(|_| TrainError::LoaderStopped);
        self.next += 1;
        parts
    }
}

/// AdamW with weight decay on the matrices alone, and gradients no longer than configured.
pub(crate) fn optimizer(training: &Training) -> ModuleOptimizer {
    let adamw = |decay: f32| -> AdamW {
        AdamWConfig::new()
            .with_beta_1(training.betas[0])
            .with_beta_2(training.betas[1])
            .with_epsilon(1e-8)
            .with_weight_decay(decay)
            .build()
    };
    let free = ParamGroup::from_any_predicates(vec!["bias", "norm", "cls", "mask_token"]);
    let clip = (training.clip_norm > 0.0).then_some(GradientClipping::Norm(training.clip_norm));
    let optimizer = ModuleOptimizer::from(adamw(training.weight_decay));
    match clip.clone() {
        Some(clip) => optimizer.with_grad_clipping(clip),
        None => optimizer,
    }
    .with_group(free, adamw(0.0), clip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::weights::values;
    use burn::nn::{Linear, LinearConfig};

    fn training(threads: usize, batch: usize) -> Training {
        Training { threads, batch, ..Training::default() }
    }

    #[test]
    fn parts_cover_a_batch_with_random_numbers_that_do_not_depend_on_their_number() {
        use rand::Rng;
        let numbers = |count: usize| -> Vec<(usize, u64)> {
            let training = training(count, 7);
            let parts = (0..count).map(|replica| Part::of(&training, 3, replica, count));
            parts.flat_map(|part| part.crops()).map(|(at, mut rng)| (at, rng.random())).collect()
        };
        let whole = numbers(1);
        assert_eq!(whole.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(whole, numbers(2));
        assert_eq!(whole, numbers(7));
        assert_ne!(whole[0].1, whole[1].1);
    }

    #[test]
    fn replicas_sum_to_the_gradient_of_the_whole_batch() {
        let device = Device::flex().autodiff();
        let model: Linear = LinearConfig::new(2, 1).with_bias(false).init(&device);
        let rows: Vec<[f32; 2]> = (0..5).map(|i| [i as f32, 1.0]).collect();
        let gradient = |threads: usize| {
            let training = training(threads, 5);
            let replicas = Replicas::new(&training, &Device::flex()).unwrap();
            let parts: Vec<Part> =
                (0..threads).map(|replica| Part::of(&training, 0, replica, threads)).collect();
            let (gradients, loss) = replicas
                .step(&model, &device, &parts, |copy, part| {
                    let rows = &rows[part.first..part.first + part.crops];
                    let data: Vec<f32> = rows.iter().flatten().copied().collect();
                    let x = Tensor::<1>::from_floats(data.as_slice(), &device);
                    let x = x.reshape([rows.len(), 2]);
                    Ok(copy.forward(x).square().sum().div_scalar(part.batch as f32))
                })
                .unwrap();
            (values(&gradients.get::<2>(model.weight.id).unwrap()).unwrap(), loss)
        };
        let (one, two) = (gradient(1), gradient(2));
        assert!(one.0.iter().any(|g| g.abs() > 1e-3));
        for (a, b) in one.0.iter().zip(&two.0) {
            approx::assert_abs_diff_eq!(a, b, epsilon = 1e-5);
        }
        approx::assert_abs_diff_eq!(one.1, two.1, epsilon = 1e-5);
    }

    #[test]
    fn batches_are_the_same_on_any_number_of_threads_that_make_them() {
        let training = Training { steps: 9, ..training(2, 5) };
        let make = |part: Part| part;
        let made = |makers: usize| -> Vec<Vec<Part>> {
            let replicas =
                Replicas { makers, ..Replicas::new(&training, &Device::flex()).unwrap() };
            thread::scope(|scope| {
                let mut loader = replicas.load(scope, &training, 2, &make);
                let all = (2..9).map(|_| loader.take().unwrap()).collect();
                assert!(loader.take().is_err(), "there is no tenth step");
                all
            })
        };
        let one = made(1);
        assert_eq!(
            one.iter().map(|parts| parts[1].step).collect::<Vec<_>>(),
            [2, 3, 4, 5, 6, 7, 8]
        );
        assert_eq!(one, made(2));
        assert_eq!(one, made(16));
    }

    #[test]
    fn a_failing_replica_fails_the_step() {
        let device = Device::flex().autodiff();
        let model: Linear = LinearConfig::new(2, 1).init(&device);
        let replicas = Replicas::new(&training(2, 4), &Device::flex()).unwrap();
        let result = replicas.step(&model, &device, &[0, 1], |_, _| {
            Err::<Tensor<1>, _>(TrainError::Diverged { step: 0 })
        });
        assert!(matches!(result, Err(TrainError::Diverged { .. })));
    }

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let model: Linear = LinearConfig::new(2, 1).init(&Device::flex());
        let replicas = Replicas::new(&training(3, 4), &Device::flex()).unwrap();
        let items: Vec<usize> = (0..20).collect();
        assert_eq!(replicas.map(&model, &items, |_, item| Ok(item * 2)).unwrap()[19], 38);
    }
}
