//! Pictures to learn from and to be measured on: labelled lists ([`manifest`]) as people
//! write them ([`table`]) and in their [`words`], folders that are called as labels
//! ([`labels`]), the
//! research collections as one such list ([`collections`]), the videos of UTA-RLDD as
//! another ([`uta`]), the way from whole pictures and videos ([`videos`]) to aligned crops
//! ([`prepare`]), those crops in memory ([`crops`]), and which of them train and which
//! validate ([`split`]). Beside them what happens when in a film ([`spans`]), faces with
//! known points ([`points`]) or boxes ([`boxes`]) and lists of blinks ([`blinks`]), told by
//! another norm ([`norms`]).

pub(crate) mod blinks;
pub mod boxes;
#[cfg(feature = "train")]
pub(crate) mod collections;
pub mod crops;
mod error;
pub(crate) mod labels;
pub mod manifest;
pub(crate) mod norms;
pub mod points;
#[cfg(feature = "train")]
pub(crate) mod prepare;
pub mod spans;
pub mod split;
pub(crate) mod table;
pub(crate) mod uta;
pub mod videos;
pub(crate) mod words;

pub use error::DatasetError;
