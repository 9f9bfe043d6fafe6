//! The landmark network: what it is and how it becomes ONNX ([`net`]), the pictures
//! ([`data`]) and samples ([`sampler`]) it learns from, what it is punished for
//! ([`loss`]), how good it is ([`validate`]) and the training itself ([`run`]).

pub mod config;
pub mod data;
pub mod loss;
pub mod net;
pub mod sampler;
mod training;
pub mod validate;

pub use config::LandmarkTrainConfig;
pub use net::{IMAGE_PX, LandmarkNet, LandmarkOutput, export_landmarks};
pub use training::{Report, export_checkpoint, run};
