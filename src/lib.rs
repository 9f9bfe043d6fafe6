//! wakewatch watches a driver's face and wakes them before they sleep.
//!
//! Data runs one way, and each arrow is one plain struct:
//!
//! ```text
//! source ──Frame──▶ face ──Face + Crop──▶ infer ──Reading──▶ monitor ──Judgement──▶ alarm
//! webcam  video     detect, track,        ONNX Runtime:      pure, time only:      app (window)
//! images  demo      landmarks, align      ViT classifier     signs → state         record (events)
//! ```
//!
//! [`live`] joins these rooms with threads; [`app`] only draws what it publishes.
//! [`replay`] watches whole collections of recorded videos; [`protocol`] plays road-safety
//! tests on the drawn driver.
//! Beside the path stand the offline rooms: [`dataset`] prepares pictures, [`train`]
//! learns from them, [`evaluate`] measures. [`vit`] says what the networks are, for all of
//! them; `onnx` writes model files, [`chart`] draws curves, `stats` has the few figures of
//! statistics, [`background`] starts threads. [`cli`] is the front door. `tests/rooms.rs` holds which room may use which.

pub mod alarm;
#[cfg(feature = "gui")]
pub mod app;
#[cfg_attr(not(feature = "gui"), allow(dead_code, reason = "mostly the window asks"))]
pub(crate) mod background;
pub mod chart;
pub mod cli;
pub mod dataset;
pub mod evaluate;
pub mod face;
pub mod frame;
pub mod infer;
pub mod live;
pub mod monitor;
#[cfg(feature = "train")]
pub(crate) mod onnx;
mod os;
pub(crate) mod protocol;
pub mod record;
pub mod replay;
pub mod source;
mod stats;
#[cfg(feature = "train")]
pub mod train;
pub mod vit;
