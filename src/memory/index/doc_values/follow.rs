//! Keeps the doc values up to date with the store, and the shared file up to date with them.

use std::io;
use std::sync::{PoisonError, RwLockReadGuard};

use super::{DocValues, MappedBase};
use crate::memory::{Memory, Result};

/// Rows not in the file that each process keeps in memory, at least.
const MIN_UNSHARED: usize = 2_048;
/// In larger stores, one row in this many may be missing from the file.
const UNSHARED_RATIO: usize = 64;
/// Searches leave writing the file to imports unless this many times the allowed rows are missing from it.
const SEARCH_PATIENCE: usize = 4;

impl Memory {
    /// Returns the doc values, brought up to date with the store.
    pub(in crate::memory) fn doc_values(&self) -> Result<RwLockReadGuard<'_, DocValues>> {
        self.doc_values_within(SEARCH_PATIENCE)
    }

    /// Like [`Memory::columns`], for callers that just stored something: also updates the shared file.
    pub(in crate::memory) fn refresh_doc_values(&self) -> Result<()> {
        self.doc_values_within(1).map(drop)
    }

    fn doc_values_within(&self, patience: usize) -> Result<RwLockReadGuard<'_, DocValues>> {
        let current = self.columns.read().unwrap_or_else(PoisonError::into_inner);
        let is_new = current.totals.last_passage == 0;
        let rows = if is_new { None } else { current.read_new_rows(&self.store)? };
        if !is_new && rows.is_none() {
            return Ok(current);
        }
        drop(current);
        let mut columns = self.columns.write().unwrap_or_else(PoisonError::into_inner);
        if columns.totals.last_passage == 0 {
            self.adopt_shared_file(&mut columns)?;
        }
        // Another thread may have added these rows meanwhile; they are skipped then.
        let rows = if is_new { columns.read_new_rows(&self.store)? } else { rows };
        if let Some(rows) = rows {
            columns.add_rows(rows);
        }
        let most = MIN_UNSHARED.max(columns.len() / UNSHARED_RATIO);
        if columns.unshared_rows() > most {
            self.adopt_shared_file(&mut columns)?;
        }
        if columns.unshared_rows() > most * patience && !self.store.is_frozen() {
            match self.write_shared_file(&columns) {
                Ok(true) => self.adopt_shared_file(&mut columns)?,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "cannot write the doc values file; keeping doc values in memory"),
            }
        }
        drop(columns);
        Ok(self.columns.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Switches to the shared file if it changed since this process last read it and covers more rows.
    fn adopt_shared_file(&self, columns: &mut DocValues) -> Result<()> {
        let metadata = std::fs::metadata(self.index_folder.join("columns")).ok();
        let seen = metadata.and_then(|metadata| Some((metadata.modified().ok()?, metadata.len())));
        if seen.is_none() || seen == columns.seen {
            return Ok(());
        }
        columns.seen = seen;
        let Some(base) = self.open_shared_file()? else { return Ok(()) };
        if base.stored_totals().last_passage > columns.base.stored_totals().last_passage {
            *columns = DocValues { seen, ..DocValues::with_base(base) };
            if let Some(rows) = columns.read_new_rows(&self.store)? {
                columns.add_rows(rows);
            }
        }
        Ok(())
    }

    /// Opens the shared file if it is intact and belongs to this store in its current state.
    fn open_shared_file(&self) -> Result<Option<MappedBase>> {
        let base = MappedBase::open(&self.index_folder.join("columns")).unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read the doc values file; rebuilding it");
            None
        });
        let Some(base) = base else { return Ok(None) };
        let totals = base.stored_totals();
        // Another store under the same path, or an older copy of this one, has other messages under the same row
        // numbers.
        let snapshot = self.store.snapshot()?;
        let fits = snapshot.deletion_generation()? == totals.generation
            && snapshot.message_uid(totals.last_message)?.is_some_and(|uid| uid.as_slice() == base.witness_id());
        Ok(fits.then_some(base))
    }

    /// Writes the shared file; `false` if another process is writing it.
    fn write_shared_file(&self, columns: &DocValues) -> io::Result<bool> {
        let Some(_held) = self.lock_caches()? else { return Ok(false) };
        let last = self.store.snapshot().and_then(|snapshot| snapshot.message_uid(columns.totals.last_message));
        let Ok(Some(witness)) = last else { return Ok(false) };
        columns.write_file(&self.index_folder.join("columns"), witness)?;
        Ok(true)
    }
}
