//! Pictures to learn from and to be measured on: labelled lists ([`manifest`]), the
//! research collections as one such list ([`collections`]), the videos of UTA-RLDD as
//! another ([`uta`]), the way from whole pictures and videos ([`videos`]) to aligned crops
//! ([`prepare`]), those crops in memory ([`crops`]), and which of them train and which
//! validate ([`split`]).

use std::{io::Write, path::Path};

pub mod collections;
pub mod crops;
mod error;
pub mod manifest;
pub mod prepare;
pub mod split;
pub mod uta;
pub mod videos;

pub use error::DatasetError;

/// Writes a file beside its place first, so that a failure leaves the old one.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
