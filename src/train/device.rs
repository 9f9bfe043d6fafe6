//! What computes while learning: the graphics card that the program was built for
//! (features `train-cuda`, `train-vulkan`, `train-metal`), or the processor.

use burn::tensor::Device;

/// The device of this build. Where several cards' features are on, CUDA comes first.
pub fn best() -> Device {
    #[cfg(feature = "train-cuda")]
    let device = Device::cuda(0);
    #[cfg(all(feature = "train-vulkan", not(feature = "train-cuda")))]
    let device = Device::vulkan(burn::tensor::DeviceKind::DefaultDevice);
    #[cfg(all(
        feature = "train-metal",
        not(any(feature = "train-cuda", feature = "train-vulkan"))
    ))]
    let device = Device::metal(burn::tensor::DeviceKind::DefaultDevice);
    #[cfg(not(any(feature = "train-cuda", feature = "train-vulkan", feature = "train-metal")))]
    let device = Device::flex();
    device
}

/// Whether it is the processor, whose cores work side by side.
pub(super) fn is_processor(device: &Device) -> bool {
    format!("{device:?}").contains("Flex")
}

/// What it is, for people.
pub(super) fn name(device: &Device) -> String {
    match is_processor(device) {
        true => "the processor (burn flex)".into(),
        false => format!("{device:?}"),
    }
}
