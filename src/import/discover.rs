//! Finds the files of a source below a folder. Does not open them.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::BadRecord;
use crate::disk;
use crate::domain::Timestamp;
use crate::domain::time::HOUR_MS;

/// Maximum size in bytes of a file that is read as a link written as text.
const MAX_LINK_BYTES: u64 = 1024;

/// What is read as one transcript, with its size and time when it was found: a file, or a folder whose files are one
/// session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriptFile {
    pub path: PathBuf,
    /// Size in bytes, for a database with its write-ahead log, for a folder of all its files.
    pub size: u64,
    /// Last modification in milliseconds since the epoch, of the newest file.
    pub modified: i64,
}

/// Finds the wanted files at or below `path`, newest first. A `path` that is a file is returned whatever its name. Also
/// returns the paths that could not be read. Links are followed. A file or folder that is reached in two ways is
/// returned once, under its own name if that is below `path` too.
///
/// # Errors
/// When `path` itself does not exist or cannot be read.
pub(super) fn find_files(
    path: &Path,
    wanted: &dyn Fn(&Path) -> bool,
) -> io::Result<(Vec<TranscriptFile>, Vec<BadRecord>)> {
    let top = std::fs::metadata(path)?;
    if top.is_file() {
        return Ok((vec![describe_file(path.to_owned(), &top)], Vec::new()));
    }
    std::fs::read_dir(path)?;
    let mut walk = FolderWalk {
        wanted,
        seen: HashSet::from([canonical_path(path)]),
        folders: vec![path.to_owned()],
        ..FolderWalk::default()
    };
    loop {
        if let Some(folder) = walk.folders.pop() {
            walk.list_folder(&folder);
        } else if let Some(link) = walk.links.pop() {
            walk.follow_link(link);
        } else {
            break;
        }
    }
    sort_newest_first(&mut walk.found);
    Ok((walk.found, walk.bad))
}

/// Puts the files of each session together: a session has the folder that `session_folder` names as its path, the sum
/// of its files as its size and the time of its latest change. Files without a folder stay alone. Newest first.
pub(super) fn group_by_session(
    files: Vec<TranscriptFile>,
    session_folder: fn(&Path) -> Option<PathBuf>,
) -> Vec<TranscriptFile> {
    let mut sessions: Vec<TranscriptFile> = Vec::new();
    let mut places: HashMap<PathBuf, usize> = HashMap::new();
    for file in files {
        let path = session_folder(&file.path).unwrap_or_else(|| file.path.clone());
        let place = *places.entry(path.clone()).or_insert(sessions.len());
        match sessions.get_mut(place) {
            Some(session) => {
                session.size += file.size;
                session.modified = session.modified.max(file.modified);
            }
            None => sessions.push(TranscriptFile { path, ..file }),
        }
    }
    sort_newest_first(&mut sessions);
    sessions
}

/// Sorts files by their last change, newest first.
pub(super) fn sort_newest_first(files: &mut [TranscriptFile]) {
    files.sort_by(|left, right| right.modified.cmp(&left.modified).then_with(|| left.path.cmp(&right.path)));
}

/// State of a walk through folders.
struct FolderWalk<'a> {
    wanted: &'a dyn Fn(&Path) -> bool,
    /// Canonical paths of the files and folders visited.
    seen: HashSet<PathBuf>,
    folders: Vec<PathBuf>,
    links: Vec<PathBuf>,
    found: Vec<TranscriptFile>,
    bad: Vec<BadRecord>,
}

impl Default for FolderWalk<'_> {
    fn default() -> Self {
        Self {
            wanted: &|_| false,
            seen: HashSet::new(),
            folders: Vec::new(),
            links: Vec::new(),
            found: Vec::new(),
            bad: Vec::new(),
        }
    }
}

impl FolderWalk<'_> {
    fn list_folder(&mut self, folder: &Path) {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.add_failure(folder, &error),
        };
        for entry in entries {
            // `DirEntry::metadata` does not follow links.
            match entry.and_then(|entry| Ok((entry.path(), entry.metadata()?))) {
                Ok((path, metadata)) if metadata.is_symlink() => self.links.push(path),
                Ok((path, metadata)) => self.add_path(path, &metadata),
                Err(error) => self.add_failure(folder, &error),
            }
        }
    }

    /// Adds a file or folder to the walk. A file that is a link written as text is followed.
    fn add_path(&mut self, path: PathBuf, metadata: &std::fs::Metadata) {
        let is_folder = metadata.is_dir();
        if is_folder || (metadata.is_file() && (self.wanted)(&path)) {
            if !self.seen.insert(canonical_path(&path)) {
                return;
            }
            if is_folder { self.folders.push(path) } else { self.found.push(describe_file(path, metadata)) }
        } else if let Some(target) = read_text_link(&path, metadata) {
            self.links.push(target);
        }
    }

    fn follow_link(&mut self, link: PathBuf) {
        match std::fs::metadata(&link) {
            Ok(metadata) => self.add_path(link, &metadata),
            Err(error) if (self.wanted)(&link) => self.add_failure(&link, &error),
            Err(_) => {}
        }
    }

    fn add_failure(&mut self, path: &Path, error: &io::Error) {
        self.bad.push(BadRecord { path: path.to_owned(), line: 0, why: error.to_string() });
    }
}

/// Returns the target of a folder link that was stored as a text file. Version control systems and copies write such
/// files; the only line is a relative path. A link to an ancestor folder leads nowhere new and is ignored.
fn read_text_link(path: &Path, metadata: &std::fs::Metadata) -> Option<PathBuf> {
    if path.extension().is_some() || metadata.len() == 0 || metadata.len() > MAX_LINK_BYTES {
        return None;
    }
    let target = disk::read_foreign_text(path, MAX_LINK_BYTES).ok()?;
    let relative = target.starts_with("..") && !target.contains(['\n', '\0']);
    let folder = path.parent()?.join(target);
    (relative && folder.is_dir() && !canonical_path(path).starts_with(canonical_path(&folder))).then_some(folder)
}

/// Canonical path of a file or folder; the path itself if it cannot be resolved.
fn canonical_path(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn modified_at(metadata: &std::fs::Metadata) -> i64 {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    modified.and_then(|time| i64::try_from(time.as_millis()).ok()).unwrap_or(0)
}

fn describe_file(path: PathBuf, metadata: &std::fs::Metadata) -> TranscriptFile {
    TranscriptFile { path, size: metadata.len(), modified: modified_at(metadata) }
}

/// Milliseconds without a change after which a file counts as finished.
const FINISHED_AFTER_MS: i64 = HOUR_MS;

impl TranscriptFile {
    /// Returns true if the file has not changed for an hour. An unfinished record in it is then final.
    pub(super) fn is_finished(&self, now: Timestamp) -> bool {
        now.to_milliseconds().saturating_sub(self.modified) > FINISHED_AFTER_MS
    }

    /// Adds size and time of a database's write-ahead log, which may hold all recent changes.
    pub(super) fn with_write_ahead_log(mut self) -> Self {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        if let Ok(log) = std::fs::metadata(log) {
            self.size += log.len();
            self.modified = self.modified.max(modified_at(&log));
        }
        self
    }
}
