//! Edits of messages that an earlier version stored: their lines are read from the stored texts, a page at a time. Does not
//! own the rows (`store::edited_lines`).

use std::sync::atomic::{AtomicBool, Ordering};

use crate::memory::state::health::CheckResult;
use crate::memory::{Memory, Result};

/// Progress of reading the edits of an older store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EditBacklog {
    /// Parts read by this call.
    pub read: u64,
    /// Parts not read yet.
    pub left: u64,
    /// True if it was stopped before the end; the next call continues.
    pub interrupted: bool,
}

impl Memory {
    /// Reads the edits that an earlier version did not keep, or that were hashed with another key. Costs next to nothing
    /// when there are none. `progress` gets the number of parts read.
    ///
    /// # Errors
    /// If the store cannot be read or written; finished pages stay.
    pub fn read_stored_edits(&self, stop: &AtomicBool, progress: &mut dyn FnMut(u64)) -> Result<EditBacklog> {
        let mut done = EditBacklog::default();
        if self.store.is_frozen() {
            return Ok(done);
        }
        loop {
            if stop.load(Ordering::Relaxed) {
                done.interrupted = true;
                done.left = self.store.snapshot()?.count_unread_edits()?;
                return Ok(done);
            }
            let read = self.store.read_edit_page()?;
            if read == 0 {
                return Ok(done);
            }
            done.read += read;
            progress(done.read);
        }
    }

    /// Reports stored texts that were not searched for edits yet; `None` when all were.
    pub(in crate::memory) fn edits_check(&self) -> Result<Option<CheckResult>> {
        let unread = self.store.snapshot()?.count_unread_edits()?;
        Ok((unread > 0).then(|| CheckResult {
            name: "edits",
            ok: false,
            finding: format!("texts of an earlier version that were not searched for edits yet: {unread}"),
            fix: Some("run `claude-memory doctor --fix`".to_owned()),
        }))
    }
}
