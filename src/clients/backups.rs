//! Dated backups of changed files, and a hash of each file after the change: a file that is unchanged since can be
//! restored byte by byte. Stored in our own folder, so that nothing of ours stays in the folders of other programs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::{FileChange, MAX_CONFIG_BYTES};
use crate::disk;
use crate::domain::hash::to_hex;
use crate::domain::{ContentHash, Timestamp};

const INDEX_FILE: &str = "changes.json";
/// Most links that are followed in a chain, as on Linux.
const MAX_LINKS: usize = 40;

/// Backups of one data folder.
#[derive(Debug, Clone)]
pub struct ConfigBackups {
    folder: PathBuf,
}

/// Record of one change.
#[derive(Debug, Serialize, Deserialize)]
struct ChangeRecord {
    path: PathBuf,
    at: String,
    /// File name of the backup; `None` when there was no file.
    backup: Option<String>,
    /// Hash of the bytes after the change.
    after: String,
    /// Folders that were created for the file, the outermost first.
    #[serde(default)]
    folders: Vec<PathBuf>,
}

impl ConfigBackups {
    /// Uses the backups below a folder, which need not exist yet.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Returns the bytes of the file before each change that led to its present bytes, newest first; `None` stands for
    /// no file.
    pub(super) fn earlier_contents(&self, path: &Path, now: Option<&[u8]>) -> Result<Vec<Option<Vec<u8>>>> {
        let mut found = Vec::new();
        let mut hash = now.map(hash_bytes);
        // Goes back only through changes without a gap: what another program wrote is not undone.
        for entry in self.read_records()?.iter().rev().filter(|entry| entry.path == path) {
            if hash.as_ref() != Some(&entry.after) {
                break;
            }
            let bytes = match &entry.backup {
                Some(name) => read_if_exists(&self.folder.join(name))?,
                None => None,
            };
            if bytes.is_none() && entry.backup.is_some() {
                break;
            }
            hash = bytes.as_deref().map(hash_bytes);
            found.push(bytes);
        }
        Ok(found)
    }

    /// Applies a change: backs the file up, then replaces it, keeping its mode. Returns the path of the backup.
    ///
    /// # Errors
    /// When the file was changed in the meantime, or backup or file cannot be written; the file is then unchanged.
    pub fn apply_change(&self, change: &FileChange, now: Timestamp) -> Result<Option<PathBuf>> {
        if read_if_exists(&change.path)? != change.before {
            return Err(Error::Changed { path: change.path.clone() });
        }
        let io = |action| move |source| Error::Io { action, path: change.path.clone(), source };
        disk::create_private_folder(&self.folder).map_err(io("make a backup of"))?;
        let stamp = now.to_string().replace(':', "-");
        let backup = change.before.as_ref().map(|bytes| {
            let file = change.path.file_name().unwrap_or_default().to_string_lossy();
            let place = hash_bytes(change.path.display().to_string().as_bytes());
            let name = format!("{stamp}-{}-{}", place.get(..8).unwrap_or(""), file.trim_start_matches('.'));
            (name, bytes)
        });
        if let Some((name, bytes)) = &backup {
            disk::write_atomic(&self.folder.join(name), bytes).map_err(io("make a backup of"))?;
        }
        let folders = write_change(change).map_err(io("write"))?;
        let mut entries = self.read_records()?;
        if let Some(after) = &change.after {
            entries.push(ChangeRecord {
                path: change.path.clone(),
                at: now.to_string(),
                backup: backup.as_ref().map(|(name, _)| name.clone()),
                after: hash_bytes(after),
                folders,
            });
        } else {
            remove_empty_folders(&entries, &change.path);
        }
        let text = serde_json::to_string_pretty(&entries).unwrap_or_default();
        disk::write_atomic(&self.folder.join(INDEX_FILE), text.as_bytes()).map_err(io("record the change of"))?;
        Ok(backup.map(|(name, _)| self.folder.join(name)))
    }

    fn read_records(&self) -> Result<Vec<ChangeRecord>> {
        let text = read_if_exists(&self.folder.join(INDEX_FILE))?;
        // With a damaged list, uninstalling still works, only not byte by byte.
        Ok(text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default())
    }
}

/// Deletes the folders above a file that were created for it or for another of our files, if they are empty now.
fn remove_empty_folders(entries: &[ChangeRecord], path: &Path) {
    let made: Vec<&PathBuf> = entries.iter().flat_map(|entry| &entry.folders).collect();
    for folder in path.ancestors().skip(1).filter(|folder| made.iter().any(|made| made.as_path() == *folder)) {
        // Fails when the folder is not empty; it then stays.
        let _ = fs::remove_dir(folder);
    }
}

/// Replaces, creates or deletes the file. Returns the folders that were created.
fn write_change(change: &FileChange) -> io::Result<Vec<PathBuf>> {
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
        None if change.shared => make_shared(&change.path)?,
        None => {}
    }
    Ok(folders)
}

#[cfg(unix)]
fn make_shared(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_shared(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Reads a file; `None` when it does not exist.
pub(super) fn read_if_exists(path: &Path) -> Result<Option<Vec<u8>>> {
    match disk::read_foreign_file(path, MAX_CONFIG_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io { action: "read", path: path.to_owned(), source }),
        Ok(bytes) => Ok(Some(bytes)),
    }
}

/// Follows links, also to a file that does not exist yet. The result is the same before and after the file is created.
pub(super) fn resolve_links(file: &Path) -> PathBuf {
    let mut path = file.to_owned();
    for _ in 0..MAX_LINKS {
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

fn hash_bytes(bytes: &[u8]) -> String {
    to_hex(&ContentHash::of_parts(&[bytes]).0)
}
