//! The offline mode, in burn: networks, pretraining, fine-tuning, and the writer that
//! turns what was learned into ONNX files.

pub mod onnx;
