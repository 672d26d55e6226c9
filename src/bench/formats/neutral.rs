//! Neutral format: `sessions.jsonl` and `queries.jsonl`.

use std::path::Path;

use super::{Dataset, build_dataset, read_file};
use crate::bench::{BenchQuestion, Error};
use serde::de::DeserializeOwned;

/// Reads both files from a folder.
///
/// # Errors
/// A missing file, or a line of another shape with its number.
pub(in crate::bench) fn load_neutral(folder: &Path) -> Result<Dataset, Error> {
    let (sessions, first) = read_json_lines(&folder.join("sessions.jsonl"))?;
    let (questions, second) = read_questions(folder)?;
    Ok(build_dataset(sessions, questions, &[&first, &second]))
}

/// Reads the questions of a folder; returns the bytes of their file too.
pub(super) fn read_questions(folder: &Path) -> Result<(Vec<BenchQuestion>, Vec<u8>), Error> {
    read_json_lines(&folder.join("queries.jsonl"))
}

/// Reads a file of JSON lines; returns its bytes too.
///
/// # Errors
/// A missing file, or a line of another shape with its number.
pub(in crate::bench) fn read_json_lines<T: DeserializeOwned>(path: &Path) -> Result<(Vec<T>, Vec<u8>), Error> {
    let bytes = read_file(path)?;
    let mut items = Vec::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let item = serde_json::from_slice(line).map_err(|error| Error::Format {
            path: path.to_owned(),
            line: index + 1,
            message: error.to_string(),
        })?;
        items.push(item);
    }
    Ok((items, bytes))
}
