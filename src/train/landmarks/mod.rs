//! The landmark network: what it is ([`net`], [`eyes`]), how it becomes ONNX ([`export`]) and
//! comes back ([`import`]), the pictures ([`data`]), places ([`places`]) and samples
//! ([`sampler`], [`cuts`]) it learns from, points for pictures that have none ([`guess`],
//! [`closed`]), what a detector takes for faces ([`seen`]), what it is punished for ([`loss`]),
//! how good it is ([`validate`]) and the training itself ([`run`]).

pub(in crate::train) mod blocks;
mod closed;
pub(crate) mod config;
mod cuts;
pub mod data;
pub(crate) mod export;
pub(crate) mod eyes;
pub(crate) mod guess;
pub(crate) mod import;
pub(crate) mod loss;
pub(crate) mod net;
pub(crate) mod places;
pub(crate) mod sampler;
mod seen;
mod sheet;
mod training;
pub mod validate;

pub use config::LandmarkTrainConfig;
pub use export::{export_landmarks, export_run};
pub(crate) use import::export_again;
pub use net::{IMAGE_PX, LandmarkNet, LandmarkOutput};
pub use training::run;
