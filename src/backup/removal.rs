//! Removes deleted messages from the copies of the store: a backup is restored, cleaned and written again; a data folder
//! that `restore` put aside is cleaned where it is. A copy that cannot be cleaned now stays on the list of the store, with
//! the reason, and the next run tries again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::{Error, Result};
use super::{BackupKeys, BackupManifest, WorkFolder, archive, count_rows, encryption, finish_archive, lock_folder};
use crate::config::Paths;
use crate::disk::{self, LockGuard};
use crate::domain::{IdGenerator, MessageId, Timestamp};
use crate::memory::{self, KnownCopy, Memory, SearchedFiles};
use crate::store::{CopyKind, CopyPolicy, OpenMode};

/// Reason stored with the tombstones inside a copy. Restoring replaces them by those of the store.
const REASON: &str = "deleted in the store of this copy";

/// Copies that a run cleans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovalScope {
    /// Only data folders, which takes seconds.
    Folders,
    /// Backups too: each is restored, compared and written again.
    Everything,
}

/// State of a copy after a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyState {
    /// Every confirmed deletion is done in it.
    Current,
    /// It was cleaned in this run: number of messages deleted, and the search of its files for pieces of them.
    Cleaned(u64, SearchedFiles),
    /// It may still contain deleted messages: how many, and why.
    Pending(u64, String),
    /// It is not where it was made.
    Missing,
}

/// Copy of the store, and its state after a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOutcome {
    pub path: PathBuf,
    pub kind: CopyKind,
    pub state: CopyState,
    /// Deleted messages that it keeps until the person agrees.
    pub kept: u64,
}

/// Lists the copies of a store: the recorded ones, and those found in their usual places.
pub fn find_copies(memory: &Memory, paths: &Paths, now: Timestamp) -> Result<Vec<KnownCopy>> {
    let known = memory.known_copies()?;
    let mut found: Vec<_> = super::backup_files(&paths.backups_folder())?
        .into_iter()
        .map(|path| (path, CopyKind::Backup))
        .chain(previous_folders(paths).into_iter().map(|path| (path, CopyKind::Folder)))
        .collect();
    found.retain(|(path, _)| known.iter().all(|copy| copy.path != *path));
    if found.is_empty() {
        return Ok(known);
    }
    for (path, kind) in found {
        memory.record_copy(&path, kind, 0, false, now)?;
    }
    Ok(memory.known_copies()?)
}

/// Returns the data folders that `restore` put aside beside this one. Those that this version put aside are recorded too,
/// so a folder around them that cannot be listed hides none of them.
fn previous_folders(paths: &Paths) -> Vec<PathBuf> {
    let home = paths.home();
    let (Some(parent), Some(name)) = (home.parent(), home.file_name()) else { return Vec::new() };
    let prefix = format!("{}.before-", name.to_string_lossy());
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix));
    let mut found: Vec<PathBuf> =
        ours.map(|entry| entry.path()).filter(|folder| folder.join(archive::DATABASE).exists()).collect();
    found.sort();
    found
}

/// Removes the confirmed deletions from all copies of a store that can be cleaned now. `identity` names a file with the
/// age identity that opens encrypted backups.
///
/// # Errors
/// If the store cannot be read or written. A copy that cannot be cleaned is a [`CopyState::Pending`].
pub fn remove_from_copies(
    memory: &Memory,
    paths: &Paths,
    scope: RemovalScope,
    identity: Option<&Path>,
    now: Timestamp,
) -> Result<Vec<CopyOutcome>> {
    // Without the backup folder the recorded copies are left.
    let copies = find_copies(memory, paths, now).or_else(|_| memory.known_copies())?;
    let is_behind = |copy: &KnownCopy| copy.pending > 0 && copy.kind == CopyKind::Backup && copy.path.exists();
    let cleaner = CopyCleaner {
        memory,
        paths,
        keys: BackupKeys::from_settings(&memory.settings().backup, identity).map_err(|error| describe_error(&error)),
        // One lock for all: nothing else writes or prunes backups meanwhile.
        access: match scope {
            RemovalScope::Everything if copies.iter().any(is_behind) => lock_backups(paths),
            _ => Err("the next backup removes them".to_owned()),
        },
        now,
    };
    let mut outcomes = Vec::new();
    for copy in copies.into_iter().filter(|copy| matches!(copy.kind, CopyKind::Backup | CopyKind::Folder)) {
        let state = if !copy.path.exists() {
            CopyState::Missing
        } else if copy.pending == 0 {
            CopyState::Current
        } else {
            cleaner.clean_copy(&copy, scope)?
        };
        outcomes.push(CopyOutcome { path: copy.path, kind: copy.kind, state, kept: copy.kept });
    }
    Ok(outcomes)
}

fn lock_backups(paths: &Paths) -> std::result::Result<LockGuard, String> {
    let folder = paths.backups_folder();
    let created = disk::create_private_folder(&folder).map_err(Error::from_io("create", &folder));
    created.and_then(|()| lock_folder(&folder)).map_err(|error| describe_error(&error))
}

/// Describes an error and what to do about it, in one line.
fn describe_error(error: &Error) -> String {
    match error.hint() {
        Some(hint) => format!("{error}: {hint}"),
        None => error.to_string(),
    }
}

/// Store whose copies are cleaned, and access to its backups.
struct CopyCleaner<'a> {
    memory: &'a Memory,
    paths: &'a Paths,
    /// Keys, or why they cannot be used.
    keys: std::result::Result<BackupKeys, String>,
    /// Lock of the backup folder, or why backups are not cleaned now.
    access: std::result::Result<LockGuard, String>,
    now: Timestamp,
}

impl CopyCleaner<'_> {
    fn clean_copy(&self, copy: &KnownCopy, scope: RemovalScope) -> Result<CopyState> {
        // Read before: what is deleted meanwhile is done by the next run.
        let (ids, last) = self.memory.deletions_after(copy.removed)?;
        let cleaned = match (copy.kind, &self.access) {
            (CopyKind::Backup, Err(why)) => Err(why.clone()),
            (CopyKind::Backup, Ok(_)) => self.clean_backup(&copy.path, ids).map_err(|error| describe_error(&error)),
            _ => self.clean_folder(&copy.path, ids).map_err(|error| describe_error(&error)),
        };
        Ok(match cleaned {
            Ok((messages, searched)) => {
                self.memory.update_copy(&copy.path, last, None)?;
                CopyState::Cleaned(messages, searched)
            }
            Err(why) => {
                if copy.kind == CopyKind::Folder || scope == RemovalScope::Everything {
                    self.memory.update_copy(&copy.path, copy.removed, Some(why.clone()))?;
                }
                CopyState::Pending(copy.pending, why)
            }
        })
    }

    /// Cleans a data folder that was put aside.
    fn clean_folder(&self, folder: &Path, ids: Vec<MessageId>) -> Result<(u64, SearchedFiles)> {
        let paths = Paths::resolve_home(Some(folder.to_owned()))
            .map_err(|error| Error::Unopened(format!("cannot open {}: {error}", folder.display())))?;
        if !paths.database_file().exists() {
            return Ok((0, SearchedFiles::default()));
        }
        let store = self.memory.open_scratch(&paths, OpenMode::Existing, IdGenerator::System, self.now)?;
        delete_from(&store, ids, self.now)
    }

    /// Restores a backup into a work folder, deletes the messages, and writes it again under its name.
    fn clean_backup(&self, path: &Path, ids: Vec<MessageId>) -> Result<(u64, SearchedFiles)> {
        let keys = if encryption::is_encrypted(path)? {
            let keys = self.keys.clone().map_err(Error::Unopened)?;
            if !keys.has_recipients() {
                return Err(Error::Invalid {
                    message: format!("the backup {} could not be encrypted again", path.display()),
                    hint: "set backup.recipients",
                });
            }
            keys
        } else {
            BackupKeys::default()
        };
        let work = WorkFolder::new(&self.paths.backups_folder())?;
        let old = archive::unpack_archive(path, &keys, &work.0)?;
        let inside =
            Paths::resolve_home(Some(work.0.clone())).map_err(|error| Error::bad_backup(path, error.to_string()))?;
        let restored = self.memory.open_scratch(&inside, OpenMode::Existing, IdGenerator::System, self.now)?;
        let (messages, searched) = delete_from(&restored, ids, self.now)?;
        let (counts, schema) = (count_rows(&restored)?, restored.snapshot()?.collect_stats()?.schema);
        // Closing merges the write-ahead log into the database.
        drop(restored);
        if messages > 0 {
            let measured = old.files.iter().map(|file| archive::measure_file(&file.name, &work.0.join(&file.name)));
            let manifest = BackupManifest { counts, schema, files: measured.collect::<Result<_>>()?, ..old };
            let finished = finish_archive(self.memory, &keys, &work, &manifest, self.now)?;
            replace_file(&finished, path)?;
        }
        Ok((messages, searched))
    }
}

/// Deletes messages from the store of a copy. Returns how many it had.
fn delete_from(store: &Memory, ids: Vec<MessageId>, now: Timestamp) -> Result<(u64, SearchedFiles)> {
    match store.forget(ids, REASON, CopyPolicy::NotCopied, now) {
        Ok(receipt) => Ok((receipt.messages, receipt.searched)),
        Err(memory::Error::NotFound { .. }) => Ok((0, SearchedFiles::default())),
        Err(error) => Err(error.into()),
    }
}

/// Puts a finished file in the place of another, which may be on another file system.
fn replace_file(finished: &Path, path: &Path) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".unfinished");
    let beside = PathBuf::from(beside);
    let copy = || -> io::Result<()> {
        let mut file = disk::create_private_file(&beside)?;
        io::copy(&mut fs::File::open(finished)?, &mut file)?;
        file.sync_all()?;
        disk::publish_path(&beside, path)
    };
    copy().map_err(|error| {
        // Best effort: the first error is the one that matters.
        let _ = fs::remove_file(&beside);
        Error::from_io("replace", path)(error)
    })
}
