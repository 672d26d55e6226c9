//! What is on disk and not in the memory yet: the files of a Claude home compared with how far each was read.

use std::path::{Path, PathBuf};

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
    /// Other files of Claude Code with history (prompts, memory files, plans) that have something unread.
    pub other_unread: u64,
    /// Records in files that were read of which nothing could be kept, or that were not understood.
    pub unread_records: u64,
}

impl Memory {
    /// Compares a folder of transcripts, and what else Claude Code keeps beside it, with the memory. A folder that is not
    /// there, or not known, holds nothing.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn backlog(&self, folder: Option<&Path>, now: Timestamp) -> Result<Backlog> {
        let mut backlog = Backlog::default();
        let Some(folder) = folder.filter(|folder| folder.is_dir()) else { return Ok(backlog) };
        // The folder of transcripts lies in a Claude home, whose other files are history too.
        let home = folder.parent().filter(|_| folder.file_name().is_some_and(|name| name == "projects"));
        for (source, path) in Source::ClaudeCode.steps(home.unwrap_or(folder)) {
            let Ok((files, _)) = source.discover(&path) else { continue };
            let cursors = self.store.cursors(source.name())?;
            let transcripts = source == Source::ClaudeCode;
            backlog.files += if transcripts { files.len() as u64 } else { 0 };
            for file in files {
                let read = cursors.get(&key(&file.path)).is_some_and(|cursor| {
                    (cursor.size, cursor.modified, cursor.reader) == (file.size, file.modified, source.reader_version())
                });
                if !transcripts {
                    backlog.other_unread += u64::from(!read);
                } else if read {
                    backlog.read += 1;
                } else {
                    backlog.lag_ms = backlog.lag_ms.max(now.milliseconds() - file.modified);
                }
            }
        }
        for (source, ledger) in self.store.ledgers()? {
            if source.starts_with(Source::ClaudeCode.name()) || source.starts_with("claude-") {
                backlog.unread_records += ledger.unread();
            }
        }
        Ok(backlog)
    }
}

impl Memory {
    /// Transcripts below a folder that have something unread since this memory was made, newest first. Older ones are the
    /// history, which is read when somebody asks for it. A folder that is not there holds none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn left_behind(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        let Ok((transcripts, _)) = Source::ClaudeCode.discover(folder) else { return Ok(Vec::new()) };
        let cursors = self.store.cursors(Source::ClaudeCode.name())?;
        let made = self.store.created_at()?.milliseconds();
        let unread = transcripts.into_iter().filter(|transcript| match cursors.get(&key(&transcript.path)) {
            Some(cursor) => cursor.size != transcript.size || cursor.modified != transcript.modified,
            None => transcript.modified >= made,
        });
        Ok(unread.map(|transcript| transcript.path).collect())
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
        let finding = if nothing && self.other_unread > 0 {
            format!("{} files with prompts, memory or plans of Claude Code have something unread", self.other_unread)
        } else if nothing && self.unread_records > 0 {
            format!("every file was read, but {} records were not understood or are damaged", self.unread_records)
        } else if nothing {
            format!("nothing would be lost when Claude Code deletes transcripts after {days} days")
        } else {
            format!("Claude Code deletes what is not read yet in {} days at the earliest", left.max(0))
        };
        Check { name: "deadline", ok, finding, fix: (!ok).then(|| "run `claude-memory import claude-code`".to_owned()) }
    }
}
