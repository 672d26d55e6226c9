//! Files of a source below a folder. Does not open them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::BadLine;

/// One transcript file as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// Where.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Last modification, milliseconds since the epoch.
    pub modified: i64,
}

/// A file itself, or all that are wanted below a folder, newest first, and what could not be looked at.
///
/// # Errors
/// When `path` itself does not exist or cannot be read.
pub(super) fn discover(path: &Path, wanted: &dyn Fn(&Path) -> bool) -> io::Result<(Vec<Transcript>, Vec<BadLine>)> {
    let (mut found, mut bad) = (Vec::new(), Vec::new());
    let top = std::fs::metadata(path)?;
    if top.is_file() {
        found.push(transcript(path.to_owned(), &top));
        return Ok((found, bad));
    }
    let mut folders = vec![path.to_owned()];
    std::fs::read_dir(path)?;
    while let Some(folder) = folders.pop() {
        let unreadable = |error: io::Error| BadLine { path: folder.clone(), line: 0, why: error.to_string() };
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                bad.push(unreadable(error));
                continue;
            }
        };
        for entry in entries {
            // `DirEntry::metadata` does not follow links, so a link to a parent cannot make this run in circles.
            match entry.and_then(|entry| Ok((entry.path(), entry.metadata()?))) {
                Ok((path, metadata)) if metadata.is_dir() => folders.push(path),
                Ok((path, metadata)) if wanted(&path) => {
                    let metadata = if metadata.is_symlink() { std::fs::metadata(&path) } else { Ok(metadata) };
                    match metadata {
                        Ok(metadata) if metadata.is_file() => found.push(transcript(path, &metadata)),
                        Ok(_) => {}
                        Err(error) => bad.push(BadLine { path, line: 0, why: error.to_string() }),
                    }
                }
                Ok(_) => {}
                Err(error) => bad.push(unreadable(error)),
            }
        }
    }
    found.sort_by(|left, right| right.modified.cmp(&left.modified).then_with(|| left.path.cmp(&right.path)));
    Ok((found, bad))
}

fn modified_at(metadata: &std::fs::Metadata) -> i64 {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    modified.and_then(|time| i64::try_from(time.as_millis()).ok()).unwrap_or(0)
}

fn transcript(path: PathBuf, metadata: &std::fs::Metadata) -> Transcript {
    Transcript { path, size: metadata.len(), modified: modified_at(metadata) }
}

impl Transcript {
    /// A database with its write-ahead log: what is new may be there only.
    pub(super) fn with_log(mut self) -> Self {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        if let Ok(log) = std::fs::metadata(log) {
            self.size += log.len();
            self.modified = self.modified.max(modified_at(&log));
        }
        self
    }
}
