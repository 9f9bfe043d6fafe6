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
//! learns from them and writes ONNX, [`evaluate`] measures. [`vit`] says what the
//! network is, for all of them. [`cli`] is the front door.

// So that what tests share with those outside can be named alike in both.
#[cfg(test)]
extern crate self as wakewatch;

pub mod alarm;
#[cfg(feature = "gui")]
pub mod app;
pub mod cli;
pub mod dataset;
pub mod evaluate;
pub mod face;
pub mod frame;
pub mod infer;
pub mod live;
pub mod monitor;
mod os;
pub mod protocol;
pub mod record;
pub mod replay;
pub mod source;
#[cfg(feature = "train")]
pub mod train;
pub mod vit;
