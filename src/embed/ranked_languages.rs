//! Languages that a reranker ranks: measured when it is imported, kept beside its files.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Result;
use super::model_record::{read_model_record, write_model_record};

/// File beside an imported reranker.
const FILE: &str = "languages.toml";

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
        write_model_record(folder, FILE, &self)
    }

    /// Reads the record of a reranker; `None` for one that was never tested.
    ///
    /// # Errors
    /// [`super::Error::Asset`] for a file that cannot be read or has another shape.
    pub(super) fn read_file(folder: &Path) -> Result<Option<Self>> {
        read_model_record(folder, FILE)
    }
}
