//! Languages that a reranker ranks: measured when it is imported, kept beside its files.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Error, Result};
use crate::disk;

/// File beside an imported reranker.
const FILE: &str = "languages.toml";
const MAX_FILE_BYTES: u64 = 4 << 10;

/// Languages that a reranker ranks better than chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RankedLanguages {
    /// True if it ranks English.
    pub english: bool,
    /// True if it ranks Chinese.
    pub chinese: bool,
}

impl RankedLanguages {
    /// Both languages: nothing is known against either.
    pub const ALL: Self = Self { english: true, chinese: true };

    /// Writes the record beside the files of a reranker.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_file(self, folder: &Path) -> std::io::Result<()> {
        let text = toml::to_string(&self).map_err(std::io::Error::other)?;
        disk::write_atomic(&folder.join(FILE), text.as_bytes())
    }

    /// Reads the record of a reranker; `None` for one that was never tested.
    ///
    /// # Errors
    /// [`Error::Asset`] for a file that cannot be read or has another shape.
    pub(super) fn read_file(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        let failed = |why: String| Error::Asset { path: path.clone(), why };
        let text = match disk::read_foreign_text(&path, MAX_FILE_BYTES) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| failed(error.to_string()))?,
        };
        toml::from_str(&text).map(Some).map_err(|error| failed(error.message().to_owned()))
    }
}
