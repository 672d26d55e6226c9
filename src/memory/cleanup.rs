//! Taking away what is old. A thin door to the store; caches follow.

use super::{Memory, Result};
use crate::domain::Timestamp;
use crate::store::Old;

impl Memory {
    /// Counts what is older than a moment and may go: not what was saved on purpose.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn count_old(&self, before: Timestamp) -> Result<Old> {
        Ok(self.store.count_old(before)?)
    }

    /// Takes the oldest messages before a moment away, at most `batch`; returns how many went. They leave no mark: an import of the
    /// same files from their beginning brings them back.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn remove_old(&self, before: Timestamp, batch: usize) -> Result<u64> {
        let ids = self.store.old_messages(before, batch)?;
        if ids.is_empty() { Ok(0) } else { Ok(self.store.remove(ids)?) }
    }

    /// Folds the newest words, and takes what is gone out of the files that all processes share.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn tidy(&self) -> Result<()> {
        self.store.fold_words(true)?;
        self.forget_in_caches()
    }

    /// Bytes of the database that hold nothing.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn free_bytes(&self) -> Result<u64> {
        Ok(self.store.free_bytes()?)
    }

    /// Writes the database anew without what holds nothing.
    ///
    /// # Errors
    /// When there is no room, or others write all the time.
    pub fn vacuum(&self) -> Result<()> {
        Ok(self.store.vacuum()?)
    }
}
