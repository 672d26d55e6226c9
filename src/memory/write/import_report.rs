//! Options, progress and report of an import.

use std::path::PathBuf;

use crate::domain::Ledger;
use crate::import::{BadRecord, Source};

/// Bad lines that are listed individually; the rest is only counted.
const MAX_LISTED_BAD: usize = 1000;

/// Options of an import.
#[derive(Debug, Clone, Copy)]
pub struct ImportOptions {
    /// Source to read.
    pub source: Source,
    /// Maximum line length in bytes.
    pub longest_line: usize,
    /// Reads every file from its start, even if it was imported before.
    pub rescan: bool,
    /// Reads and counts without storing anything.
    pub dry_run: bool,
    /// Updates the keyword index and the shared files at the end. A caller with little time leaves that to others.
    pub settle: bool,
}

impl ImportOptions {
    /// Returns the options set in the settings: imports new content of Claude Code's transcripts.
    pub fn from_settings(settings: &crate::config::Settings) -> Self {
        let longest_line = usize::try_from(settings.import.max_line_mib).unwrap_or(128) << 20;
        Self { source: Source::CLAUDE_CODE, longest_line, rescan: false, dry_run: false, settle: true }
    }
}

/// Progress of an import.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportProgress {
    /// Total bytes to read.
    pub total_bytes: u64,
    /// Bytes read so far.
    pub done_bytes: u64,
    /// Messages stored so far.
    pub new: u64,
}

impl ImportProgress {
    /// Adds the counts of two imports.
    #[must_use]
    pub const fn add_progress(self, other: Self) -> Self {
        Self {
            total_bytes: self.total_bytes + other.total_bytes,
            done_bytes: self.done_bytes + other.done_bytes,
            new: self.new + other.new,
        }
    }
}

/// Report of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Transcript files that were found.
    pub files: u64,
    /// Files that had not changed since they were last read.
    pub unchanged: u64,
    /// Sessions that had something to read.
    pub sessions: u64,
    /// Messages read, each counted once.
    pub messages: u64,
    /// Messages that were not stored before.
    pub new: u64,
    /// Messages already stored.
    pub duplicate: u64,
    /// Stored messages that received more parts or more text.
    pub extended: u64,
    /// Stored messages whose text changed: the new text is shown, the earlier one is kept.
    pub revised: u64,
    /// Messages that another file contains with a different text under the same id: both are kept.
    pub collided: u64,
    /// Records that contain no conversation.
    pub skipped: u64,
    /// Results of this program's own tools, skipped.
    pub own: u64,
    /// Messages skipped because they were deleted permanently.
    pub forgotten: u64,
    /// Secrets redacted in what was read.
    pub redacted: u64,
    /// Outcome counts of every record that was read.
    pub ledger: Ledger,
    /// Records that stored something.
    pub stored_records: u64,
    /// Records that contained nothing new.
    pub known_records: u64,
    /// Files of which no record was understood.
    pub foreign: Vec<PathBuf>,
    /// Lines and files that could not be read, at most a thousand of them.
    pub bad: Vec<BadRecord>,
    /// Total number of bad lines and files.
    pub bad_total: u64,
    /// True if the import was stopped before the end.
    pub interrupted: bool,
}

/// Outcome counts of imported drafts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportCounts {
    /// Messages that were not stored before.
    pub new: u64,
    /// Messages already stored.
    pub duplicate: u64,
    /// Messages skipped because they were deleted permanently.
    pub forgotten: u64,
}

impl ImportReport {
    /// Adds the counts of another report.
    pub fn add_report(&mut self, other: Self) {
        self.files += other.files;
        self.unchanged += other.unchanged;
        self.sessions += other.sessions;
        self.messages += other.messages;
        self.new += other.new;
        self.duplicate += other.duplicate;
        self.extended += other.extended;
        self.revised += other.revised;
        self.collided += other.collided;
        self.ledger.add_counts(&other.ledger);
        self.stored_records += other.stored_records;
        self.known_records += other.known_records;
        self.foreign.extend(other.foreign);
        self.skipped += other.skipped;
        self.own += other.own;
        self.forgotten += other.forgotten;
        self.redacted += other.redacted;
        let listed = other.bad.len() as u64;
        other.bad.into_iter().for_each(|bad| self.record_bad(bad));
        self.bad_total += other.bad_total - listed;
        self.interrupted |= other.interrupted;
    }

    pub(in crate::memory) fn record_bad(&mut self, bad: BadRecord) {
        self.bad_total += 1;
        if self.bad.len() < MAX_LISTED_BAD {
            self.bad.push(bad);
        }
    }
}
