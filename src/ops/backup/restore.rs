//! Putting a backup back: beside the store first, then in its place in one step. What was there before is kept under another
//! name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Keys, Manifest, Work, archive, prove, unused};
use crate::config::Paths;
use crate::disk;
use crate::domain::Timestamp;
use crate::memory::Memory;
use crate::ops::error::{Error, Result};

/// What is not taken over from the folder as it was: the database comes from the backup, and the rest is made again from it.
const LEFT: [&str; 6] = ["memory.db", "memory.db-wal", "memory.db-shm", "index", "given", "backups"];

/// What was put back.
#[derive(Debug, Clone)]
pub struct Restored {
    /// What the backup says about itself.
    pub manifest: Manifest,
    /// Where the folder as it was is kept; `None` when there was none.
    pub before: Option<PathBuf>,
}

/// Puts a backup in the place of the data folder. `opener` opens a folder: nothing of what is there now need be readable.
///
/// # Errors
/// [`Error::BadBackup`] when the backup is not whole, [`Error::Busy`] when another process uses the store; the data folder is
/// then as it was.
pub fn restore(
    paths: &Paths,
    (path, keys): (&Path, &Keys),
    now: Timestamp,
    opener: &dyn Fn(&Paths) -> crate::memory::Result<Memory>,
) -> Result<Restored> {
    let home = paths.home();
    let parent = home.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    let work = Work::new(parent)?;
    let new = work.0.join("new");
    disk::create_private_folder(&new).map_err(Error::io("create", &new))?;
    // Looked at before anything is touched; then unpacked once more, to stay.
    let scratch =
        Paths::resolve(Some(work.0.join("looked-at"))).map_err(|error| Error::bad(path, error.to_string()))?;
    archive::manifest(path, keys)?;
    let looking = opener(&scratch)?;
    prove(&looking, keys, path, &work.0.join("proved"), false, now)?;
    drop(looking);
    let manifest = archive::unpack(path, keys, &new)?;
    if !home.exists() {
        disk::publish(&new, home).map_err(Error::io("name", home))?;
        return Ok(Restored { manifest, before: None });
    }
    if let Some(error) = in_use(paths, opener) {
        return Err(error);
    }
    take_over(home, &new)?;
    // Under the name that the folder as it was will have, so that one step is enough: either is whole at any moment.
    let before = free_name(home, now);
    disk::publish(&new, &before).map_err(Error::io("name", &before))?;
    disk::swap(&before, home).map_err(Error::io("put back", home))?;
    disk::sync_folder_of(home).map_err(Error::io("sync", parent))?;
    let backups = before.join("backups");
    if backups.is_dir() {
        disk::publish(&backups, &paths.backups()).map_err(Error::io("move", &backups))?;
    }
    Ok(Restored { manifest, before: Some(before) })
}

/// Whether another process has the database open. A store that cannot even be opened is used by nobody.
fn in_use(paths: &Paths, opener: &dyn Fn(&Paths) -> crate::memory::Result<Memory>) -> Option<Error> {
    if !paths.database().exists() {
        return None;
    }
    let alone = opener(paths).and_then(|memory| memory.is_alone());
    match alone {
        Ok(false) => Some(Error::Busy(format!(
            "another process uses the memory in {}; end the sessions and servers that do",
            paths.home().display()
        ))),
        Ok(true) | Err(_) => None,
    }
}

/// Keys, tokens and what was installed stay as they are; settings too, if there are any.
fn take_over(home: &Path, new: &Path) -> Result<()> {
    for entry in fs::read_dir(home).map_err(Error::io("read", home))? {
        let entry = entry.map_err(Error::io("read", home))?;
        let name = entry.file_name();
        let stays = name.to_str().is_some_and(|name| LEFT.contains(&name) || name.starts_with(super::UNFINISHED));
        if !stays {
            copy(&entry.path(), &new.join(&name)).map_err(Error::io("copy", &entry.path()))?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(from)?;
    if kind.is_dir() {
        disk::create_private_folder(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else if kind.is_file() {
        fs::copy(from, to)?;
        fs::File::open(to)?.sync_all()?;
    }
    Ok(())
}

fn free_name(home: &Path, now: Timestamp) -> PathBuf {
    let time = now.to_jiff().strftime("%Y%m%dT%H%M%SZ").to_string();
    let name = |number: usize| {
        let mut name = home.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".before-{time}{}", if number == 0 { String::new() } else { format!("-{number}") }));
        home.with_file_name(name)
    };
    unused(name)
}
