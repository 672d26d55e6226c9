//! What is on disk and not in the memory yet: the transcripts of Claude Code compared with how far each was read.

use std::path::Path;

use super::health::Check;
use super::ingest::key;
use super::{Memory, Result};
use crate::domain::Timestamp;
use crate::domain::time::{DAY_MS, HOUR_MS};
use crate::import::Source;

/// Days after which Claude Code deletes transcripts unless told otherwise (its setting `cleanupPeriodDays`).
pub const CLEANUP_DAYS: i64 = 30;

/// Transcripts on disk, and how many of them the memory has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Transcripts on disk, subagents included.
    pub files: u64,
    /// Those that were read to their end.
    pub read: u64,
    /// Milliseconds since the oldest change that was not read; 0 when everything is.
    pub lag_ms: i64,
}

impl Memory {
    /// Compares a folder of transcripts with the memory. A folder that is not there, or not known, holds none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn backlog(&self, folder: Option<&Path>, now: Timestamp) -> Result<Backlog> {
        let Some(Ok((transcripts, _))) = folder.map(|folder| Source::ClaudeCode.discover(folder)) else {
            return Ok(Backlog::default());
        };
        let cursors = self.store.cursors(Source::ClaudeCode.name())?;
        let mut backlog = Backlog { files: transcripts.len() as u64, ..Backlog::default() };
        for transcript in transcripts {
            let cursor = cursors.get(&key(&transcript.path));
            if cursor.is_some_and(|c| c.size == transcript.size && c.modified == transcript.modified) {
                backlog.read += 1;
            } else {
                backlog.lag_ms = backlog.lag_ms.max(now.milliseconds() - transcript.modified);
            }
        }
        Ok(backlog)
    }
}

impl Backlog {
    /// As a check of the health. A session that is running is always a little ahead.
    pub fn check(self) -> Check {
        let unread = self.files - self.read;
        let ok = unread == 0 || self.lag_ms < HOUR_MS;
        let finding = match (self.files, unread) {
            (0, _) => "Claude Code has no transcripts here".to_owned(),
            (files, 0) => format!("all {files} transcripts on disk are in the memory"),
            (files, unread) => {
                format!(
                    "{unread} of {files} transcripts on disk have something unread, for {} minutes at most",
                    self.lag_ms / 60_000
                )
            }
        };
        Check { name: "history", ok, finding, fix: (!ok).then(|| "run `claude-memory import claude-code`".to_owned()) }
    }

    /// How long what is not read yet will still be there, if Claude Code deletes transcripts after `days` days.
    pub fn deadline(self, days: i64) -> Check {
        let left = days - self.lag_ms / DAY_MS;
        let nothing = self.files == self.read;
        let ok = nothing || left > days / 3;
        let finding = if nothing {
            format!("nothing would be lost when Claude Code deletes transcripts after {days} days")
        } else {
            format!("Claude Code deletes what is not read yet in {} days at the earliest", left.max(0))
        };
        Check { name: "deadline", ok, finding, fix: (!ok).then(|| "run `claude-memory import claude-code`".to_owned()) }
    }
}
