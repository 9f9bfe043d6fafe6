//! What computes while learning: a graphics card, where the program was built for one
//! (features `train-vulkan`, `train-metal`), or the processor.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::TrainError;

/// What a training is to run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LearnOn {
    /// A graphics card where this build and this machine have one, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// A graphics card.
    Gpu,
}

/// The device that was asked for.
///
/// # Errors
/// [`TrainError::NoCard`] when a card is asked for and there is none.
pub fn pick(wanted: LearnOn) -> Result<Device, TrainError> {
    match wanted {
        LearnOn::Cpu => Ok(Device::flex()),
        LearnOn::Auto => Ok(card().unwrap_or_else(Device::flex)),
        LearnOn::Gpu => card().ok_or(TrainError::NoCard { built_for: BUILT_FOR }),
    }
}

/// What this build can learn on beside the processor.
const BUILT_FOR: &str = match (cfg!(feature = "train-vulkan"), cfg!(feature = "train-metal")) {
    (true, _) => "Vulkan",
    (_, true) => "Metal",
    _ => "no graphics card",
};

/// The first card of the kind that this build is for.
#[cfg(any(feature = "train-vulkan", feature = "train-metal"))]
fn card() -> Option<Device> {
    use burn::tensor::DeviceType;
    #[cfg(feature = "train-vulkan")]
    let kind = DeviceType::Vulkan;
    #[cfg(not(feature = "train-vulkan"))]
    let kind = DeviceType::Metal;
    Device::enumerate(kind).into_iter().next()
}

#[cfg(not(any(feature = "train-vulkan", feature = "train-metal")))]
fn card() -> Option<Device> {
    None
}

/// Whether it is the processor, whose cores work side by side.
pub(super) fn is_processor(device: &Device) -> bool {
    *device == Device::flex()
}

/// What it is, for people.
pub(super) fn name(device: &Device) -> String {
    match is_processor(device) {
        true => "the processor (burn flex)".into(),
        false => format!("{device:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_always_there_and_a_card_is_never_made_up() {
        assert!(is_processor(&pick(LearnOn::Cpu).unwrap()));
        // Autodiff does not make another device of it.
        assert!(is_processor(&Device::flex().autodiff()));
        match (card(), pick(LearnOn::Auto), pick(LearnOn::Gpu)) {
            (None, Ok(auto), Err(why)) => {
                assert!(is_processor(&auto));
                assert!(why.to_string().contains("--device cpu"), "{why}");
            }
            (Some(card), Ok(auto), Ok(gpu)) => assert!(auto == card && gpu == card),
            (card, auto, gpu) => panic!("{card:?} {auto:?} {gpu:?}"),
        }
    }
}
