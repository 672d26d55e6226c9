//! Keeping the columns up to date with the store, and their file with the columns.

use std::io;
use std::sync::{PoisonError, RwLockReadGuard};

use super::{Base, Columns};
use crate::memory::{Memory, Result};

/// Rows beyond the file that are kept in the memory of every process, at least.
const BEYOND: usize = 2_048;
/// One row of so many may be beyond the file in larger stores.
const BEYOND_OF: usize = 64;
/// Who searches leaves the writing to who imports, unless nobody has done it for so many times as many rows.
const PATIENCE: usize = 4;

impl Memory {
    /// The columns, up to date with the store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(in crate::memory) fn columns(&self) -> Result<RwLockReadGuard<'_, Columns>> {
        self.columns_within(PATIENCE)
    }

    /// As [`Memory::columns`], for who has just stored something: also brings the file up to date.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(in crate::memory) fn refresh_columns(&self) -> Result<()> {
        self.columns_within(1).map(drop)
    }

    fn columns_within(&self, patience: usize) -> Result<RwLockReadGuard<'_, Columns>> {
        let current = self.columns.read().unwrap_or_else(PoisonError::into_inner);
        let is_new = current.totals.last_passage == 0;
        let rows = if is_new { None } else { current.newer(&self.store)? };
        if !is_new && rows.is_none() {
            return Ok(current);
        }
        drop(current);
        let mut columns = self.columns.write().unwrap_or_else(PoisonError::into_inner);
        if columns.totals.last_passage == 0 {
            self.adopt_file(&mut columns)?;
        }
        // Another thread may have read these rows meanwhile; they are passed over then.
        let rows = if is_new { columns.newer(&self.store)? } else { rows };
        if let Some(rows) = rows {
            columns.take_in(rows);
        }
        let most = BEYOND.max(columns.len() / BEYOND_OF);
        if columns.beyond() > most {
            self.adopt_file(&mut columns)?;
        }
        if columns.beyond() > most * patience && !self.store.is_frozen() {
            match self.share_columns(&columns) {
                Ok(true) => self.adopt_file(&mut columns)?,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "the columns cannot be shared; they stay in memory"),
            }
        }
        drop(columns);
        Ok(self.columns.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Goes over to the file if somebody has written it since this process last looked, and it knows more.
    fn adopt_file(&self, columns: &mut Columns) -> Result<()> {
        let metadata = std::fs::metadata(self.index_folder.join("columns")).ok();
        let seen = metadata.and_then(|metadata| Some((metadata.modified().ok()?, metadata.len())));
        if seen.is_none() || seen == columns.seen {
            return Ok(());
        }
        columns.seen = seen;
        let Some(base) = self.shared_columns()? else { return Ok(()) };
        if base.totals().last_passage > columns.base.totals().last_passage {
            *columns = Columns { seen, ..Columns::over(base) };
            if let Some(rows) = columns.newer(&self.store)? {
                columns.take_in(rows);
            }
        }
        Ok(())
    }

    /// The file, if it is whole and of this store as it is now.
    fn shared_columns(&self) -> Result<Option<Base>> {
        let base = Base::open(&self.index_folder.join("columns")).unwrap_or_else(|error| {
            tracing::warn!(%error, "the file of columns cannot be read and is made again");
            None
        });
        let Some(base) = base else { return Ok(None) };
        let totals = base.totals();
        // Another store under the same path, or an older copy of this one, has other messages under the same numbers.
        let fits = self.store.generation()? == totals.generation
            && self.store.message_uid(totals.last_message)?.is_some_and(|uid| uid.as_slice() == base.witness());
        Ok(fits.then_some(base))
    }

    /// Writes the file unless another process writes there now.
    fn share_columns(&self, columns: &Columns) -> io::Result<bool> {
        let Some(_held) = self.lock_caches()? else { return Ok(false) };
        let Ok(Some(witness)) = self.store.message_uid(columns.totals.last_message) else { return Ok(false) };
        columns.write(&self.index_folder.join("columns"), witness)?;
        Ok(true)
    }
}
