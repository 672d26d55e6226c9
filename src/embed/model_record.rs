//! Records of what was measured when a model was imported, one small TOML file each beside the files of the model.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Error, Result};
use crate::disk;

const MAX_FILE_BYTES: u64 = 4 << 10;

/// Writes a record beside the files of a model.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write_model_record<T: Serialize>(folder: &Path, file: &str, record: &T) -> std::io::Result<()> {
    let text = toml::to_string(record).map_err(std::io::Error::other)?;
    disk::write_atomic(&folder.join(file), text.as_bytes())
}

/// Reads a record of a model; `None` if it was never measured.
///
/// # Errors
/// [`Error::Asset`] for a file that cannot be read or has another shape.
pub(super) fn read_model_record<T: DeserializeOwned>(folder: &Path, file: &str) -> Result<Option<T>> {
    let path = folder.join(file);
    let failed = |why: String| Error::Asset { path: path.clone(), why };
    let text = match disk::read_foreign_text(&path, MAX_FILE_BYTES) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| failed(error.to_string()))?,
    };
    toml::from_str(&text).map(Some).map_err(|error| failed(error.message().to_owned()))
}
