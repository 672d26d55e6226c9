//! A copy of the database as it is at one moment, while others go on reading and writing.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::backup::{Backup, StepResult};

use super::Store;
use super::connection::{self, Access};
use super::error::{Error, Result};
use crate::disk;

/// Pages that are copied between two looks at `stop`: 8 MiB.
const PAGES: i32 = 2_048;

impl Store {
    /// Copies the database into a new file that only its owner can read, and syncs it. The copy is of the moment at which it
    /// was begun; nobody waits for it. `false` when it was stopped; the file is then of no use.
    ///
    /// # Errors
    /// When reading or writing fails, also when a page is damaged: a copy of it would look whole.
    pub fn copy_to(&self, path: &Path, stop: &AtomicBool, progress: &mut dyn FnMut(u64, u64)) -> Result<bool> {
        drop(disk::create_private_file(path).map_err(|source| Error::io("create", path, source))?);
        let done = self.read(|snapshot| {
            let failed = |error| Error::sqlite("copy the database", error);
            // The snapshot of the reader holds for all steps.
            snapshot.query_row("SELECT count(*) FROM meta", [], |_| Ok(())).map_err(failed)?;
            let mut copy = connection::open_copy(path)?;
            let backup = Backup::new(snapshot, &mut copy).map_err(failed)?;
            while !stop.load(Ordering::Relaxed) {
                if backup.step(PAGES).map_err(failed)? == StepResult::Done {
                    return Ok(true);
                }
                let state = backup.progress();
                let all = u64::try_from(state.pagecount).unwrap_or(0);
                progress(all - u64::try_from(state.remaining).unwrap_or(0), all);
            }
            Ok(false)
        })?;
        let synced = std::fs::File::open(path).and_then(|file| file.sync_all());
        synced.map_err(|source| Error::io("sync", path, source))?;
        Ok(done)
    }

    /// Whether nobody else has the database open: then, and only then, the write-ahead log can be given up. It is turned on
    /// again at once.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub fn is_alone(&self) -> Result<bool> {
        self.close_readers();
        let connection = connection::open(self.path(), Access::Write { full: true })?;
        let failed = |error| Error::sqlite("look for other users of the database", error);
        connection.busy_timeout(std::time::Duration::ZERO).map_err(failed)?;
        let alone =
            match connection.pragma_update_and_check(None, "journal_mode", "delete", |row| row.get::<_, String>(0)) {
                Ok(mode) => mode == "delete",
                Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => false,
                Err(error) => return Err(failed(error)),
            };
        connection.pragma_update(None, "journal_mode", "wal").map_err(failed)?;
        Ok(alone)
    }

    /// Whether the structure of the database and every one of its pages is whole. Reads everything, compares no words.
    ///
    /// # Errors
    /// When it is not.
    pub fn check_pages(&self) -> Result<()> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("check the database", error);
            let verdict: String = connection.query_row("PRAGMA quick_check", [], |row| row.get(0)).map_err(failed)?;
            if verdict == "ok" { Ok(()) } else { Err(Error::Damaged(verdict)) }
        })
    }
}
