//! What the network *is*, without any framework: its shape ([`VitConfig`]), the
//! patch grid with the landmark cells and the Q mask ([`PatchGrid`]), the sin-cos
//! position table ([`sin_cos_positions`]) and the card that travels inside a model
//! file ([`ModelCard`]), and how face detectors write their answers ([`cells`], [`blaze`]). Training builds the network from this, inference reads it
//! back, and the window draws with it; none of them needs the other.

pub(crate) mod blaze;
mod blinks;
mod card;
pub mod cells;
mod config;
mod grid;
mod positions;

pub use blinks::{BLINK_FEATURES, BlinkScore};
pub use card::{CardError, METADATA_KEY, ModelCard, ModelKind};
pub use config::{ConfigError, Embedding, Preset, VitConfig};
pub use grid::{Cell, PatchGrid, QMask};
pub use positions::sin_cos_positions;
