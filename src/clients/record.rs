//! Dated backups of what was changed, and what each file looked like afterwards: a file that nobody has touched since can be
//! put back byte by byte. Kept in our own folder, so that nothing of ours stays in anybody else's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Change;
use super::error::{Error, Result};
use crate::disk;
use crate::domain::hash::hex;
use crate::domain::{ContentHash, Timestamp};

const INDEX: &str = "changes.json";
/// Links that are followed one after the other, as on Linux.
const MOST_LINKS: usize = 40;

/// The backups of one data folder.
#[derive(Debug, Clone)]
pub struct Backups {
    folder: PathBuf,
}

/// One change that was made.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    path: PathBuf,
    at: String,
    /// The backup; `None` when there was no file.
    backup: Option<String>,
    /// Hash of the text afterwards.
    after: String,
    /// Folders that had to be made for it, the outermost first.
    #[serde(default)]
    folders: Vec<PathBuf>,
}

impl Backups {
    /// The backups below a folder, which need not be there yet.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// What the file was before the changes that led to its present text, the newest first; `None` stands for no file.
    pub(super) fn earlier(&self, path: &Path, now: Option<&[u8]>) -> Result<Vec<Option<Vec<u8>>>> {
        let mut found = Vec::new();
        let mut hash = now.map(hash);
        // Back through the changes that follow each other without a gap: what somebody else wrote is not undone.
        for entry in self.entries()?.iter().rev().filter(|entry| entry.path == path) {
            if hash.as_ref() != Some(&entry.after) {
                break;
            }
            let bytes = match &entry.backup {
                Some(name) => read(&self.folder.join(name))?,
                None => None,
            };
            if bytes.is_none() && entry.backup.is_some() {
                break;
            }
            hash = bytes.as_deref().map(self::hash);
            found.push(bytes);
        }
        Ok(found)
    }

    /// Makes a change: backs the file up, then replaces it, keeping its mode. Returns the backup.
    ///
    /// # Errors
    /// When the file was changed meanwhile, or something cannot be written; the file is then as it was.
    pub fn apply(&self, change: &Change, now: Timestamp) -> Result<Option<PathBuf>> {
        if read(&change.path)? != change.before {
            return Err(Error::Changed { path: change.path.clone() });
        }
        let io = |action| move |source| Error::Io { action, path: change.path.clone(), source };
        disk::create_private_folder(&self.folder).map_err(io("make a backup of"))?;
        let stamp = now.to_string().replace(':', "-");
        let backup = change.before.as_ref().map(|bytes| {
            let file = change.path.file_name().unwrap_or_default().to_string_lossy();
            let place = hash(change.path.display().to_string().as_bytes());
            let name = format!("{stamp}-{}-{}", place.get(..8).unwrap_or(""), file.trim_start_matches('.'));
            (name, bytes)
        });
        if let Some((name, bytes)) = &backup {
            disk::write_atomic(&self.folder.join(name), bytes).map_err(io("make a backup of"))?;
        }
        let folders = write(change).map_err(io("write"))?;
        let mut entries = self.entries()?;
        if let Some(after) = &change.after {
            entries.push(Entry {
                path: change.path.clone(),
                at: now.to_string(),
                backup: backup.as_ref().map(|(name, _)| name.clone()),
                after: hash(after),
                folders,
            });
        } else {
            remove_empty(&entries, &change.path);
        }
        let text = serde_json::to_string_pretty(&entries).unwrap_or_default();
        disk::write_atomic(&self.folder.join(INDEX), text.as_bytes()).map_err(io("note the change of"))?;
        Ok(backup.map(|(name, _)| self.folder.join(name)))
    }

    fn entries(&self) -> Result<Vec<Entry>> {
        let text = read(&self.folder.join(INDEX))?;
        // A damaged list costs the way back byte by byte, not the way back.
        Ok(text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default())
    }
}

/// The folders that were made for a file and are empty now.
fn remove_empty(entries: &[Entry], path: &Path) {
    let made = entries.iter().filter(|entry| entry.path == path).flat_map(|entry| &entry.folders);
    let mut made: Vec<&PathBuf> = made.collect();
    made.sort_by_key(|folder| std::cmp::Reverse(folder.components().count()));
    for folder in made {
        // Fails when something else is in it, which then stays.
        let _ = fs::remove_dir(folder);
    }
}

/// Replaces, makes or removes the file. Returns the folders that had to be made.
fn write(change: &Change) -> io::Result<Vec<PathBuf>> {
    let Some(bytes) = &change.after else {
        fs::remove_file(&change.path)?;
        return Ok(Vec::new());
    };
    let mode = fs::metadata(&change.path).ok().map(|data| data.permissions());
    let missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let mut folders: Vec<PathBuf> = change.path.ancestors().skip(1).take_while(missing).map(Path::to_owned).collect();
    folders.reverse();
    if let Some(folder) = change.path.parent() {
        fs::create_dir_all(folder)?;
    }
    disk::write_atomic(&change.path, bytes)?;
    match mode {
        Some(mode) => fs::set_permissions(&change.path, mode)?,
        None if change.shared => share(&change.path)?,
        None => {}
    }
    Ok(folders)
}

#[cfg(unix)]
fn share(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o644))
}

#[cfg(not(unix))]
fn share(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// The bytes of a file; `None` when there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io { action: "read", path: path.to_owned(), source }),
        Ok(bytes) => Ok(Some(bytes)),
    }
}

/// Follows the links that a file may be, also to a file that is not there yet. The answer is the same before and after it is made.
pub(super) fn resolve_links(file: &Path) -> PathBuf {
    let mut path = file.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    for folder in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (fs::canonicalize(folder), path.strip_prefix(folder)) {
            return if rest.as_os_str().is_empty() { real } else { real.join(rest) };
        }
    }
    path
}

fn hash(bytes: &[u8]) -> String {
    hex(&ContentHash::of_parts(&[bytes]).0)
}
