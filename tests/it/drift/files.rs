//! The files of a client, read as bytes and as JSON, without the code that is tested.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Every file below a folder.
pub(super) fn below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
}

pub(super) fn text(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

/// Whether a file below the folder holds the word.
pub(super) fn holds(folder: &Path, word: &str) -> bool {
    below(folder).iter().any(|path| text(path).contains(word))
}

/// Lines of the files below a folder whose names end so: one a record.
pub(super) fn records(folder: &Path, ending: &str) -> usize {
    let files = below(folder).into_iter().filter(|path| path.to_string_lossy().ends_with(ending));
    files.map(|path| text(&path).lines().filter(|line| !line.trim().is_empty()).count()).sum()
}

/// The records of a file that are JSON to a strict reader.
pub(super) fn parsed(path: &Path) -> Vec<Value> {
    text(path).lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
