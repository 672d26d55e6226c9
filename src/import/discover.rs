//! Files of a source below a folder. Does not open them.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::BadLine;
use crate::domain::Timestamp;
use crate::domain::time::HOUR_MS;

/// Bytes of a path.
const LONGEST_LINK: u64 = 1024;

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

/// Finds a file itself, or all that are wanted below a folder, newest first, and what could not be looked at. Links are
/// followed; a file or folder that is reached in two ways is read once, by its own name where that lies here too.
///
/// # Errors
/// When `path` itself does not exist or cannot be read.
pub(super) fn discover(path: &Path, wanted: &dyn Fn(&Path) -> bool) -> io::Result<(Vec<Transcript>, Vec<BadLine>)> {
    let top = std::fs::metadata(path)?;
    if top.is_file() {
        return Ok((vec![transcript(path.to_owned(), &top)], Vec::new()));
    }
    std::fs::read_dir(path)?;
    let mut walk =
        Walk { wanted, seen: HashSet::from([real(path)]), folders: vec![path.to_owned()], ..Walk::default() };
    loop {
        if let Some(folder) = walk.folders.pop() {
            walk.list(&folder);
        } else if let Some(link) = walk.links.pop() {
            walk.follow(link);
        } else {
            break;
        }
    }
    walk.found.sort_by(|left, right| right.modified.cmp(&left.modified).then_with(|| left.path.cmp(&right.path)));
    Ok((walk.found, walk.bad))
}

/// A walk through folders.
struct Walk<'a> {
    wanted: &'a dyn Fn(&Path) -> bool,
    /// Files and folders that were met, by their real names.
    seen: HashSet<PathBuf>,
    folders: Vec<PathBuf>,
    links: Vec<PathBuf>,
    found: Vec<Transcript>,
    bad: Vec<BadLine>,
}

impl Default for Walk<'_> {
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

impl Walk<'_> {
    fn list(&mut self, folder: &Path) {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.fail(folder, &error),
        };
        for entry in entries {
            // `DirEntry::metadata` does not follow links.
            match entry.and_then(|entry| Ok((entry.path(), entry.metadata()?))) {
                Ok((path, metadata)) if metadata.is_symlink() => self.links.push(path),
                Ok((path, metadata)) => self.take(path, &metadata),
                Err(error) => self.fail(folder, &error),
            }
        }
    }

    /// Takes a file or folder that is no link.
    fn take(&mut self, path: PathBuf, metadata: &std::fs::Metadata) {
        let is_folder = metadata.is_dir();
        if is_folder || (metadata.is_file() && (self.wanted)(&path)) {
            if !self.seen.insert(real(&path)) {
                return;
            }
            if is_folder { self.folders.push(path) } else { self.found.push(transcript(path, metadata)) }
        } else if let Some(target) = written_link(&path, metadata) {
            self.links.push(target);
        }
    }

    fn follow(&mut self, link: PathBuf) {
        match std::fs::metadata(&link) {
            Ok(metadata) => self.take(link, &metadata),
            Err(error) if (self.wanted)(&link) => self.fail(&link, &error),
            Err(_) => {}
        }
    }

    fn fail(&mut self, path: &Path, error: &io::Error) {
        self.bad.push(BadLine { path: path.to_owned(), line: 0, why: error.to_string() });
    }
}

/// The folder that a link stands for which a version control system or a copy wrote as a file: its one line is a
/// relative path. A link to a folder above it leads nowhere new.
fn written_link(path: &Path, metadata: &std::fs::Metadata) -> Option<PathBuf> {
    if path.extension().is_some() || metadata.len() == 0 || metadata.len() > LONGEST_LINK {
        return None;
    }
    let target = std::fs::read_to_string(path).ok()?;
    let relative = target.starts_with("..") && !target.contains(['\n', '\0']);
    let folder = path.parent()?.join(target);
    (relative && folder.is_dir() && !real(path).starts_with(real(&folder))).then_some(folder)
}

/// The one name of a file or folder, whatever links lead to it.
fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn modified_at(metadata: &std::fs::Metadata) -> i64 {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    modified.and_then(|time| i64::try_from(time.as_millis()).ok()).unwrap_or(0)
}

fn transcript(path: PathBuf, metadata: &std::fs::Metadata) -> Transcript {
    Transcript { path, size: metadata.len(), modified: modified_at(metadata) }
}

/// Milliseconds without a change after which nobody is taken to be writing a file.
const SETTLED_AFTER: i64 = HOUR_MS;

impl Transcript {
    /// Whether nobody is writing the file any more: what is unfinished in it stays so.
    pub(super) fn is_settled(&self, now: Timestamp) -> bool {
        now.milliseconds().saturating_sub(self.modified) > SETTLED_AFTER
    }

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
