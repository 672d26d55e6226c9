//! Import backlog: files of a Claude home that were not imported, or not to their end.

use std::path::{Path, PathBuf};

use crate::domain::Timestamp;
use crate::domain::time::{DAY_MS, HOUR_MS};
use crate::import::Source;
use crate::memory::state::health::CheckResult;
use crate::memory::write::ingest::path_key;
use crate::memory::{Memory, Result};

/// Days after which Claude Code deletes transcripts by default (its setting `cleanupPeriodDays`).
pub const CLEANUP_DAYS: i64 = 30;

/// Transcripts on disk compared with what was imported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Transcripts on disk, subagents included.
    pub files: u64,
    /// Transcripts that were read to their end.
    pub read: u64,
    /// Milliseconds since the oldest change that was not imported; 0 when everything is.
    pub lag_ms: i64,
    /// Other files of Claude Code with history (prompts, memory files, plans) that have unread content.
    pub other_unread: u64,
    /// Records of imported files that were damaged, not understood, or had no text to keep.
    pub unread_records: u64,
}

impl Memory {
    /// Compares a folder of transcripts, and the other history files of its Claude home, with the import cursors. Empty
    /// if the folder is unknown or does not exist.
    pub fn import_backlog(&self, folder: Option<&Path>, now: Timestamp) -> Result<Backlog> {
        let mut backlog = Backlog::default();
        let Some(folder) = folder.filter(|folder| folder.is_dir()) else { return Ok(backlog) };
        // The folder of transcripts is part of a Claude home, whose other files are history too.
        let home = folder.parent().filter(|_| folder.file_name().is_some_and(|name| name == "projects"));
        for (source, path) in Source::CLAUDE_CODE.import_steps(home.unwrap_or(folder)) {
            let Ok((files, _)) = source.find_transcripts(&path) else { continue };
            let cursors = self.store.snapshot()?.import_cursors(source.name())?;
            let transcripts = source == Source::CLAUDE_CODE;
            backlog.files += if transcripts { files.len() as u64 } else { 0 };
            for file in files {
                let read = cursors.get(&path_key(&file.path)).is_some_and(|cursor| {
                    (cursor.size, cursor.modified, cursor.reader) == (file.size, file.modified, source.reader_version())
                });
                if !transcripts {
                    backlog.other_unread += u64::from(!read);
                } else if read {
                    backlog.read += 1;
                } else {
                    backlog.lag_ms = backlog.lag_ms.max(now.to_milliseconds() - file.modified);
                }
            }
        }
        for (source, ledger) in self.store.snapshot()?.import_ledgers()? {
            if source.starts_with(Source::CLAUDE_CODE.name()) || source.starts_with("claude-") {
                backlog.unread_records += ledger.unread_count();
            }
        }
        Ok(backlog)
    }
}

impl Memory {
    /// Transcripts below a folder with content written since this memory was created that was not read, newest first.
    /// Older ones are imported only on request. Empty if the folder does not exist.
    pub fn unread_transcripts(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        let Ok((transcripts, _)) = Source::CLAUDE_CODE.find_transcripts(folder) else { return Ok(Vec::new()) };
        let cursors = self.store.snapshot()?.import_cursors(Source::CLAUDE_CODE.name())?;
        let made = self.store.snapshot()?.created_at()?.to_milliseconds();
        let unread = transcripts.into_iter().filter(|transcript| match cursors.get(&path_key(&transcript.path)) {
            Some(cursor) => cursor.size != transcript.size || cursor.modified != transcript.modified,
            None => transcript.modified >= made,
        });
        Ok(unread.map(|transcript| transcript.path).collect())
    }
}

impl Backlog {
    /// Health check of the backlog. Fails after an hour: a running session is always a little ahead.
    pub fn backlog_check(self) -> CheckResult {
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
        CheckResult {
            name: "history",
            ok,
            finding,
            fix: (!ok).then(|| "run `claude-memory import claude-code`".to_owned()),
        }
    }

    /// Health check of the time left until Claude Code deletes transcripts that were not read, given `days` of
    /// retention.
    pub fn deadline_check(self, days: i64) -> CheckResult {
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
        CheckResult {
            name: "deadline",
            ok,
            finding,
            fix: (!ok).then(|| "run `claude-memory import claude-code`".to_owned()),
        }
    }
}
