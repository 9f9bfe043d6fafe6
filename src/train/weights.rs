//! Weights as plain numbers: read out of burn's tensors for the ONNX writer, and their
//! exponential moving average, which validates and ships in place of the last step's.

use std::collections::{HashMap, VecDeque};

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId},
    tensor::{Tensor, TensorData},
};

use super::TrainError;

/// The values of a tensor, row-major, whatever its shape.
///
/// # Errors
/// When the tensor holds something else than 32-bit floats.
pub fn values<const D: usize>(tensor: &Tensor<D>) -> Result<Vec<f32>, TrainError> {
    tensor
        .to_data()
        .try_into_vec_as::<f32>()
        .map_err(|error| TrainError::Tensor(format!("{error:?}")))
}

/// An exponential moving average over all float parameters of a module (running
/// statistics of normalisations included).
#[derive(Debug)]
pub struct Ema {
    /// Share of the old average that is kept at each step, once warmed up.
    pub decay: f32,
    updates: usize,
    average: HashMap<ParamId, Vec<f32>>,
}

impl Ema {
    /// Starts from the weights of `module` after `updates` updates (0 for a new training).
    ///
    /// # Errors
    /// When a parameter does not hold 32-bit floats.
    pub fn new<M: Module>(module: &M, decay: f32, updates: usize) -> Result<Self, TrainError> {
        let mut ema = Self { decay, updates, average: HashMap::new() };
        ema.mix(module, 0.0)?;
        Ok(ema)
    }

    /// Moves the average towards the weights of `module`.
    ///
    /// The first updates follow faster, by `(1 + n) / (10 + n)` where that is less than
    /// `decay`, so that the random start is soon forgotten.
    ///
    /// # Errors
    /// When a parameter does not hold 32-bit floats.
    pub fn update<M: Module>(&mut self, module: &M) -> Result<(), TrainError> {
        let n = self.updates as f32;
        self.updates += 1;
        self.mix(module, self.decay.min((1.0 + n) / (10.0 + n)))
    }

    fn mix<M: Module>(&mut self, module: &M, keep: f32) -> Result<(), TrainError> {
        let mut mixer = Mixer { average: &mut self.average, keep, error: None };
        module.visit(&mut mixer);
        mixer.error.map_or(Ok(()), Err)
    }

    /// `module` with the averaged weights in place of its own.
    pub fn apply<M: Module>(&self, module: M) -> M {
        module.map(&mut Setter { average: &self.average })
    }
}

struct Mixer<'a> {
    average: &'a mut HashMap<ParamId, Vec<f32>>,
    keep: f32,
    error: Option<TrainError>,
}

impl ModuleVisitor for Mixer<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        match values(&param.val()) {
            Ok(now) => {
                let average = self.average.entry(param.id).or_insert_with(|| now.clone());
                for (average, now) in average.iter_mut().zip(now) {
                    *average = self.keep * *average + (1.0 - self.keep) * now;
                }
            }
            Err(error) => self.error = Some(error),
        }
    }
}

struct Setter<'a> {
    average: &'a HashMap<ParamId, Vec<f32>>,
}

impl ModuleMapper for Setter<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(average) = self.average.get(&param.id) else { return param };
        let (id, tensor, mapper) = param.consume();
        let data = TensorData::new(average.clone(), tensor.shape());
        let tensor = Tensor::from_data(data, &tensor.device());
        Param::from_mapped_value(id, tensor, mapper)
    }
}

/// The mean of two networks of one shape, weight by weight: of two trainings that began from
/// the same weights it often keeps what each has learned (Wortsman et al. 2022, "Model
/// soups").
///
/// # Errors
/// When their shapes differ, or a parameter does not hold 32-bit floats.
pub fn mean<M: Module>(one: M, other: &M) -> Result<M, TrainError> {
    let mut read = Reader { values: VecDeque::new(), error: None };
    other.visit(&mut read);
    let mut to = MeanWith { other: read.values, error: read.error };
    let mixed = one.map(&mut to);
    match to.error {
        Some(error) => Err(error),
        None if !to.other.is_empty() => Err(differ()),
        None => Ok(mixed),
    }
}

fn differ() -> TrainError {
    TrainError::Tensor("the two networks have different shapes".into())
}

/// Collects the values of all parameters, in the module's order.
struct Reader {
    values: VecDeque<Vec<f32>>,
    error: Option<TrainError>,
}

impl ModuleVisitor for Reader {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        match values(&param.val()) {
            Ok(read) => self.values.push_back(read),
            Err(error) => self.error = Some(error),
        }
    }
}

struct MeanWith {
    other: VecDeque<Vec<f32>>,
    error: Option<TrainError>,
}

impl ModuleMapper for MeanWith {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let other = self.other.pop_front();
        let (id, tensor, mapper) = param.consume();
        let mixed = match (values(&tensor), other) {
            (Ok(own), Some(other)) if own.len() == other.len() => {
                let mean = own.iter().zip(other).map(|(own, other)| (own + other) / 2.0);
                let data = TensorData::new(mean.collect::<Vec<f32>>(), tensor.shape());
                Tensor::from_data(data, &tensor.device())
            }
            (Ok(_), _) => {
                self.error.get_or_insert_with(differ);
                tensor
            }
            (Err(error), _) => {
                self.error.get_or_insert(error);
                tensor
            }
        };
        Param::from_mapped_value(id, mixed, mapper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use burn::{
        nn::{Linear, LinearConfig},
        tensor::Device,
    };

    fn filled(linear: Linear, value: f32) -> Linear {
        let average = HashMap::from([(linear.weight.id, vec![value; 6])]);
        linear.map(&mut Setter { average: &average })
    }

    #[test]
    fn the_average_follows_and_is_put_back() {
        let linear = filled(LinearConfig::new(2, 3).with_bias(false).init(&Device::flex()), 1.0);
        let mut ema = Ema::new(&linear, 0.9, 1_000).unwrap();
        let linear = filled(linear, 2.0);
        ema.update(&linear).unwrap();
        assert_eq!(values(&linear.weight.val()).unwrap(), [2.0; 6]);
        for value in values(&ema.apply(linear).weight.val()).unwrap() {
            assert_abs_diff_eq!(value, 1.1, epsilon = 1e-6);
        }
    }

    #[test]
    fn the_mean_of_two_networks_lies_between_them() {
        let linear = |outputs| LinearConfig::new(2, outputs).with_bias(false).init(&Device::flex());
        let (one, other) = (filled(linear(3), 1.0), filled(linear(3), 4.0));
        let mixed = mean(one.clone(), &other).unwrap();
        assert_eq!(values(&mixed.weight.val()).unwrap(), [2.5; 6]);
        assert!(mean(one, &linear(4)).is_err());
    }
}
