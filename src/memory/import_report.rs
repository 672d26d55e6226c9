//! How an import is asked for, and what it says it did.

use std::path::PathBuf;

use crate::domain::Ledger;
use crate::import::{BadLine, Source};

/// Bad lines that are listed one by one; the rest is counted.
const LISTED_BAD: usize = 1000;

/// How to import.
#[derive(Debug, Clone, Copy)]
pub struct ImportOptions {
    /// What is read.
    pub source: Source,
    /// Longest line in bytes.
    pub longest_line: usize,
    /// Read every file from its start, whatever was read before.
    pub rescan: bool,
    /// Read and count, store nothing.
    pub dry_run: bool,
    /// Bring the word index and the shared files up to date at the end. Who has little time leaves it to others.
    pub settle: bool,
}

impl ImportOptions {
    /// As the settings have it: what is new of Claude Code's transcripts is read and stored.
    pub fn of(settings: &crate::config::Settings) -> Self {
        let longest_line = usize::try_from(settings.import.max_line_mib).unwrap_or(128) << 20;
        Self { source: Source::ClaudeCode, longest_line, rescan: false, dry_run: false, settle: true }
    }
}

/// Where an import stands.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportProgress {
    /// Bytes of all files that have to be read.
    pub total_bytes: u64,
    /// Bytes read.
    pub done_bytes: u64,
    /// Messages stored.
    pub new: u64,
}

impl ImportProgress {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            total_bytes: self.total_bytes + other.total_bytes,
            done_bytes: self.done_bytes + other.done_bytes,
            new: self.new + other.new,
        }
    }
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Transcript files found.
    pub files: u64,
    /// Files that had not changed since they were last read.
    pub unchanged: u64,
    /// Sessions that had something to read.
    pub sessions: u64,
    /// Messages read, each counted once.
    pub messages: u64,
    /// Messages that were not known.
    pub new: u64,
    /// Messages that were known.
    pub duplicate: u64,
    /// Messages that were known and got more parts or more text.
    pub extended: u64,
    /// Messages that were known with another text: it is shown now, the earlier one is kept.
    pub revised: u64,
    /// Messages that another file has with another text under the same id: both are kept.
    pub collided: u64,
    /// Records that hold no conversation.
    pub skipped: u64,
    /// Results of our own tools, left out.
    pub own: u64,
    /// Messages left out because they were forgotten on purpose.
    pub forgotten: u64,
    /// Secrets that were taken out of what was read.
    pub redacted: u64,
    /// What became of every record that was read.
    pub ledger: Ledger,
    /// Records of messages that stored something.
    pub stored_records: u64,
    /// Records of messages that brought nothing new.
    pub known_records: u64,
    /// Files with records of which none was understood.
    pub foreign: Vec<PathBuf>,
    /// Lines and files that could not be read, at most a thousand of them.
    pub bad: Vec<BadLine>,
    /// How many there were in all.
    pub bad_total: u64,
    /// Whether it was stopped before the end.
    pub interrupted: bool,
}

/// What became of messages that were handed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Not known before.
    pub new: u64,
    /// Known.
    pub duplicate: u64,
    /// Left out because they were forgotten on purpose.
    pub forgotten: u64,
}

impl Report {
    /// Adds what another import did.
    pub fn add(&mut self, other: Self) {
        self.files += other.files;
        self.unchanged += other.unchanged;
        self.sessions += other.sessions;
        self.messages += other.messages;
        self.new += other.new;
        self.duplicate += other.duplicate;
        self.extended += other.extended;
        self.revised += other.revised;
        self.collided += other.collided;
        self.ledger.merge(&other.ledger);
        self.stored_records += other.stored_records;
        self.known_records += other.known_records;
        self.foreign.extend(other.foreign);
        self.skipped += other.skipped;
        self.own += other.own;
        self.forgotten += other.forgotten;
        self.redacted += other.redacted;
        let listed = other.bad.len() as u64;
        other.bad.into_iter().for_each(|bad| self.bad(bad));
        self.bad_total += other.bad_total - listed;
        self.interrupted |= other.interrupted;
    }

    pub(super) fn bad(&mut self, bad: BadLine) {
        self.bad_total += 1;
        if self.bad.len() < LISTED_BAD {
            self.bad.push(bad);
        }
    }
}
