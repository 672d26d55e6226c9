//! Files with a secret key of this data folder. Does not own what a key is for.

use std::io;
use std::path::Path;

use super::atomic::create_atomic;

/// Reads the key in a file, or creates the file with `fresh`. With `frozen` nothing is created: a missing file yields
/// `fresh`.
///
/// # Errors
/// When the file cannot be read or created, or does not have 32 bytes ([`io::ErrorKind::InvalidData`]).
pub fn read_or_create_key(path: &Path, fresh: [u8; 32], frozen: bool) -> io::Result<[u8; 32]> {
    if !path.exists() {
        if frozen {
            return Ok(fresh);
        }
        // If several processes or threads start at once, one creates the key and all use it.
        create_atomic(path, &fresh)?;
    }
    let bytes = std::fs::read(path)?;
    bytes.try_into().map_err(|_| {
        let why = "the placeholder key must have 32 bytes; move the file away to create a new one";
        io::Error::new(io::ErrorKind::InvalidData, why)
    })
}
