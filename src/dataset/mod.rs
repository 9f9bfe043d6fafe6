//! Pictures to learn from and to be measured on: labelled lists ([`manifest`]) as people
//! write them ([`table`]) and in their [`words`], folders that are called as labels
//! ([`labels`]), the
//! research collections as one such list ([`collections`]), the videos of UTA-RLDD as
//! another ([`uta`]), the way from whole pictures and videos ([`videos`]) to aligned crops
//! ([`prepare`]), those crops in memory ([`crops`]), and which of them train and which
//! validate ([`split`]). Beside them what happens when in a film ([`spans`]), faces with
//! known points ([`points`]) and lists of blinks ([`blinks`]), told by another norm ([`norms`]).

pub mod blinks;
pub mod collections;
pub mod crops;
mod error;
pub mod labels;
pub mod manifest;
pub mod norms;
pub mod points;
pub mod prepare;
pub mod spans;
pub mod split;
pub mod table;
pub mod uta;
pub mod videos;
pub mod words;

pub use error::DatasetError;
