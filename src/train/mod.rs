//! The offline mode, in burn: networks, pretraining, fine-tuning, and the writer that
//! turns what was learned into ONNX files.

pub mod augment;
pub mod checkpoint;
mod error;
pub mod landmarks;
pub mod log;
pub mod onnx;
pub mod schedule;
pub mod weights;

pub use error::TrainError;
pub use log::Control;
