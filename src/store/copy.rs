//! Consistent copies of the database while other processes go on reading and writing, and page checks.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::backup::{Backup, StepResult};

use super::connection::{self, AccessMode};
use super::error::{Error, Result};
use super::{Snapshot, Store};
use crate::disk;

/// Pages copied between two checks of `stop`: 8 MiB.
const PAGES_PER_STEP: i32 = 2_048;

impl Snapshot<'_> {
    /// Copies the database into a new file that only its owner can read, and syncs it. The copy is of the moment at
    /// which it began, and blocks no other process. Returns false if it was stopped; the file is then unusable.
    ///
    /// # Errors
    /// When reading or writing fails, also when a page is damaged: a copy of it would look intact.
    pub fn copy_to(&self, path: &Path, stop: &AtomicBool, progress: &mut dyn FnMut(u64, u64)) -> Result<bool> {
        drop(disk::create_private_file(path).map_err(|source| Error::from_io("create", path, source))?);
        let done = self.query("copy the database", |snapshot| {
            // The read snapshot holds for all steps.
            snapshot.query_row("SELECT count(*) FROM meta", [], |_| Ok(()))?;
            let mut copy = connection::open_copy(path)?;
            let backup = Backup::new(snapshot, &mut copy)?;
            while !stop.load(Ordering::Relaxed) {
                if backup.step(PAGES_PER_STEP)? == StepResult::Done {
                    return Ok(true);
                }
                let state = backup.progress();
                let all = u64::try_from(state.pagecount).unwrap_or(0);
                progress(all - u64::try_from(state.remaining).unwrap_or(0), all);
            }
            Ok(false)
        })?;
        let synced = std::fs::File::open(path).and_then(|file| file.sync_all());
        synced.map_err(|source| Error::from_io("sync", path, source))?;
        Ok(done)
    }

    /// Checks the database structure and the checksum of every page (`quick_check`). Reads everything; does not compare
    /// the word index with the texts.
    ///
    /// # Errors
    /// [`Error::Damaged`] with SQLite's finding, or [`Error::DamagedPage`].
    pub fn check_pages(&self) -> Result<()> {
        self.query("check the database", |connection| {
            let verdict: String = connection.query_row("PRAGMA quick_check", [], |row| row.get(0))?;
            if verdict == "ok" { Ok(()) } else { Err(Error::Damaged(verdict)) }
        })
    }
}

impl Store {
    /// Returns true if no other process has the database open. Only then the write-ahead log can be given up; it is
    /// turned on again at once.
    pub fn has_exclusive_access(&self) -> Result<bool> {
        self.close_readers();
        let connection = connection::open(self.path(), AccessMode::Write { full: true })?;
        connection.busy_timeout(std::time::Duration::ZERO)?;
        let alone =
            match connection.pragma_update_and_check(None, "journal_mode", "delete", |row| row.get::<_, String>(0)) {
                Ok(mode) => mode == "delete",
                Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => false,
                Err(error) => return Err(error.into()),
            };
        connection.pragma_update(None, "journal_mode", "wal")?;
        Ok(alone)
    }
}
