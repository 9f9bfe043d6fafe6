//! Digests that say on what and with what a figure was measured.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::ReplayError;
use crate::{
    infer::{ModelSource, embedded},
    vit::ModelKind,
};

/// Bytes of a file's beginning and end that go into a digest: whole videos are hundreds of
/// megabytes, and what differs in the middle differs in length, too.
const EDGE: u64 = 64 * 1024;

/// Digest of data: of every file its name (as listed), its length, and the first and last
/// 64 KiB.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn of_files(files: &[(String, PathBuf)]) -> Result<String, ReplayError> {
    let mut all = Sha256::new();
    for (name, path) in files {
        let edges = || -> io::Result<(u64, Vec<u8>)> {
            let mut file = File::open(path)?;
            let length = file.metadata()?.len();
            let mut bytes = Vec::new();
            file.by_ref().take(EDGE).read_to_end(&mut bytes)?;
            if length > EDGE {
                file.seek(SeekFrom::Start(EDGE.max(length - EDGE)))?;
                file.take(EDGE).read_to_end(&mut bytes)?;
            }
            Ok((length, bytes))
        };
        let (length, bytes) = edges().map_err(ReplayError::io(path, "read"))?;
        all.update((name.len() as u64).to_le_bytes());
        all.update(name);
        all.update(length.to_le_bytes());
        all.update(Sha256::digest(&bytes));
    }
    Ok(hex::encode(all.finalize()))
}

/// SHA-256 of a model's file.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn of_model(source: &ModelSource, kind: ModelKind) -> Result<String, ReplayError> {
    Ok(match &source.resolve(kind) {
        ModelSource::Embedded => hex::encode(Sha256::digest(embedded(kind))),
        ModelSource::Bytes(bytes) => hex::encode(Sha256::digest(bytes)),
        ModelSource::File(path) => {
            crate::os::digest(path).map_err(ReplayError::io(path, "read"))?
        }
    })
}

/// A path as it is written in results: below its root, with forward slashes, so that two
/// machines write the same, and with bytes that are no letters written as `\xNN`.
pub(crate) fn name_below(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = below.iter().map(crate::os::escaped).collect();
    parts.join("/")
}
