//! Copies of the store and the deletions that each has not seen: recording, listing, confirming. Owns what is still to be
//! removed from which copy; `ops` owns the files and removes it.

use std::path::{Path, PathBuf};

use crate::domain::{MessageId, Timestamp};
use crate::memory::{Memory, Result};
use crate::store::{CopyKind, CopyRecord, DeletionState};

/// Copy of the store, and the deletions that it has not seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCopy {
    /// Absolute path.
    pub path: PathBuf,
    pub kind: CopyKind,
    /// Time at which it was made or found.
    pub at: Timestamp,
    /// Number of the last confirmed deletion that it has seen.
    pub removed: i64,
    /// Deleted messages that it may still contain.
    pub pending: u64,
    /// Deleted messages that it keeps until the person agrees.
    pub kept: u64,
    /// Reason why it could not be cleaned at the last attempt.
    pub trouble: Option<String>,
}

impl Memory {
    /// Records a copy that was made after deletion number `made`. A known one keeps its cursor, unless it was made again.
    pub fn record_copy(&self, path: &Path, kind: CopyKind, made: i64, again: bool, now: Timestamp) -> Result<()> {
        let copy = CopyRecord { path: self.copy_key(path), kind, at: now, made, removed: made, trouble: None };
        Ok(self.store.record_copy(copy, again)?)
    }

    /// Returns the number of the last deletion: a copy made now has seen all up to it.
    pub fn last_deletion(&self) -> Result<i64> {
        Ok(self.store.snapshot()?.last_deletion()?)
    }

    /// Returns the known copies, by path.
    pub fn known_copies(&self) -> Result<Vec<KnownCopy>> {
        let snapshot = self.store.snapshot()?;
        let mut copies = Vec::new();
        for record in snapshot.list_copies()? {
            let (pending, _) = snapshot.count_deletions_after(record.removed)?;
            // Unconfirmed deletions get another number when they are confirmed.
            let (_, kept) = snapshot.count_deletions_after(record.made)?;
            let CopyRecord { kind, at, removed, trouble, .. } = record;
            let path = self.paths().home().join(&record.path);
            copies.push(KnownCopy { path, kind, at, removed, pending, kept, trouble });
        }
        Ok(copies)
    }

    /// Returns the confirmed deletions that a copy has not seen, and the number of the last of them.
    pub fn deletions_after(&self, number: i64) -> Result<(Vec<MessageId>, i64)> {
        Ok(self.store.snapshot()?.deletions_after(number)?)
    }

    /// Stores up to which deletion a copy was cleaned, and why it could not be cleaned further.
    pub fn update_copy(&self, path: &Path, removed: i64, trouble: Option<String>) -> Result<()> {
        Ok(self.store.update_copy(self.copy_key(path), removed, trouble)?)
    }

    /// Removes the record of a copy that was deleted.
    pub fn remove_copy(&self, path: &Path) -> Result<()> {
        Ok(self.store.remove_copy(self.copy_key(path))?)
    }

    /// Confirms deletions, or all of them: copies then lose these messages too.
    pub fn confirm_deletions(&self, only: Option<Vec<MessageId>>) -> Result<u64> {
        Ok(self.store.confirm_deletions(only)?)
    }

    /// Returns the messages deleted earlier that these names mean: message ids, or session ids or their first six
    /// characters.
    pub fn deleted_messages_named(&self, names: &[String]) -> Result<Vec<MessageId>> {
        let mut ids = Vec::new();
        for name in names {
            ids.extend(self.store.snapshot()?.deleted_messages_named(name)?);
        }
        Ok(ids)
    }

    /// Returns true if any of these messages is stored.
    pub fn any_stored(&self, ids: &[MessageId]) -> Result<bool> {
        let snapshot = self.store.snapshot()?;
        for id in ids {
            if snapshot.contains_message(*id)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns true if any of these messages was deleted.
    pub fn any_deleted(&self, ids: &[MessageId]) -> Result<bool> {
        let snapshot = self.store.snapshot()?;
        for id in ids {
            if !snapshot.deleted_messages_named(&id.to_string())?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Truncates the write-ahead log, which holds old pages. Returns false if another process reads from it.
    pub fn empty_log(&self) -> Result<bool> {
        Ok(self.store.truncate_log()?)
    }

    /// Returns deletions, quarantine and copies of this store.
    pub fn deletion_state(&self) -> Result<DeletionState> {
        Ok(self.store.snapshot()?.deletion_state()?)
    }

    /// Deletes and quarantines here what a later state of this store had deleted and quarantined. Returns how many
    /// messages were deleted and quarantined.
    pub fn apply_deletion_state(&self, state: DeletionState, now: Timestamp) -> Result<(u64, u64)> {
        let done = self.store.apply_deletion_state(state, now)?;
        self.store.merge_postings(true)?;
        self.store.truncate_log()?;
        Ok(done)
    }

    /// Returns the path under which a copy is recorded: a data folder that is moved takes its backups with it.
    fn copy_key(&self, path: &Path) -> String {
        path.strip_prefix(self.paths().home()).unwrap_or(path).display().to_string()
    }
}
