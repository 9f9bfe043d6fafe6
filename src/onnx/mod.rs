//! Writes ONNX files. No exporter handles a vision transformer today, so this room
//! holds the few protobuf messages that are needed ([`proto`], derived by `prost`, no
//! protoc) and a builder ([`GraphBuilder`]) with one method an operator. It knows
//! nothing of burn: networks hand over their weights as plain slices and describe
//! their own graph.

mod builder;
pub(crate) mod proto;

pub(crate) use builder::{Dim, GraphBuilder, OnnxError, Value};
