//! Files of a benchmark run: the folder of its stores, and its report.

use std::path::{Path, PathBuf};

use crate::disk;
use crate::domain::{Failure, FailureCode};

/// Folder of the stores of a run: the one that was named, which stays, or a temporary one.
pub(super) struct BenchFolder {
    folder: PathBuf,
    is_kept: bool,
}

impl BenchFolder {
    pub(super) fn new(named: Option<&Path>) -> Self {
        let passing = || std::env::temp_dir().join(format!("claude-memory-bench-{}", std::process::id()));
        Self { folder: named.map_or_else(passing, Path::to_owned), is_kept: named.is_some() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for BenchFolder {
    fn drop(&mut self) {
        if !self.is_kept {
            // If it cannot be removed, the system cleans its temporary folder.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// Writes a report to the file that was named, if one was.
pub(super) fn write_report(file: Option<&PathBuf>, report: &impl serde::Serialize) -> Result<(), Failure> {
    let Some(file) = file else { return Ok(()) };
    let bytes = serde_json::to_vec(report).unwrap_or_default();
    disk::write_atomic(file, &bytes).map_err(|error| {
        Failure::new(FailureCode::Unavailable, format!("cannot write {}: {error}", file.display()), None)
    })
}
