//! Retention: deletes old messages, and updates the shared caches afterwards.

use crate::domain::Timestamp;
use crate::memory::{Memory, Result};

impl Memory {
    /// Deletes the oldest messages before a time, at most `batch`, and returns how many. Leaves no tombstones:
    /// importing the same files from the start brings them back.
    pub fn delete_old_messages(&self, before: Timestamp, batch: usize) -> Result<u64> {
        let ids = self.store.snapshot()?.old_messages(before, batch)?;
        if ids.is_empty() { Ok(0) } else { Ok(self.store.delete_without_tombstones(ids)?) }
    }

    /// Merges pending postings and removes deleted rows from the cache files that all processes share.
    pub fn prune_caches(&self) -> Result<()> {
        self.store.merge_postings(true)?;
        self.purge_caches()
    }

    /// Compacts the database file (`VACUUM`).
    ///
    /// # Errors
    /// If the disk is full, or other processes write all the time.
    pub fn vacuum_database(&self) -> Result<()> {
        Ok(self.store.vacuum()?)
    }
}
