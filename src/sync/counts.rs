//! Counts, progress and differences that synchronisation reports, whether or not it is part of this program.

use crate::domain::MessageId;
use crate::store::{DeletionSigners, MergeCounts};

/// Counts of what was signed wrongly, or by nobody, among what came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SignatureCounts {
    /// Signatures that did not hold, or not by the machine behind the text; what they covered counts as unsigned.
    pub invalid: u64,
    /// Messages whose project, branch or title was not what their machine had signed; what it had signed counts.
    pub altered: u64,
    /// New messages whose project, branch and title nobody has signed.
    pub unsigned_places: u64,
    /// Deletions under a signature that did not hold; they were not carried out.
    pub refused_deletions: u64,
}

impl SignatureCounts {
    /// Adds what a merge found.
    pub(super) const fn add_merge(&mut self, merged: &MergeCounts) {
        self.invalid += merged.foreign_places;
        self.altered += merged.altered;
        self.unsigned_places += merged.unsigned_places;
    }
}

/// Counts of a push.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PushCounts {
    /// Messages pushed in their current state.
    pub messages: u64,
    /// Quarantined or deleted messages.
    pub gone: u64,
    pub vectors: u64,
    /// Messages that the target rejected for their content; they were parked.
    pub parked: u64,
    /// True if it was stopped; the next run continues.
    pub interrupted: bool,
}

/// Progress of a push.
#[derive(Debug, Clone, Copy, Default)]
pub struct PushProgress {
    /// Changes and embeddings that were pending at the start.
    pub total: u64,
    /// Changes and embeddings pushed so far.
    pub done: u64,
}

/// Differences between the store and a target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompareReport {
    /// Conversations that were compared.
    pub conversations: u64,
    /// Messages in the local store.
    pub messages: u64,
    /// Messages that the target lacks, at most a hundred.
    pub missing: Vec<MessageId>,
    /// Messages whose content differs on the target, at most a hundred.
    pub different: Vec<MessageId>,
    /// Messages only on the target: from other machines, or cleaned up here.
    pub extra: u64,
    /// Messages on the target that are deleted or quarantined here.
    pub undead: Vec<MessageId>,
    /// Messages pushed again.
    pub repaired: u64,
}

impl CompareReport {
    /// Returns true if the target has every message of the store and none that is deleted or quarantined here.
    pub fn is_consistent(&self) -> bool {
        self.missing.is_empty() && self.different.is_empty() && self.undead.is_empty()
    }
}

/// Counts of a pull.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PullCounts {
    /// Messages that are new here.
    pub new: u64,
    /// Embeddings taken over, which need not be computed here.
    pub vectors: u64,
    /// Messages whose version in the database was newer.
    pub changed: u64,
    /// Messages that were already the same.
    pub known: u64,
    /// Messages skipped because they were deleted here.
    pub forgotten: u64,
    /// Messages deleted here because another machine deleted them.
    pub gone: u64,
    /// The same by who signed the deletion.
    pub gone_by: DeletionSigners,
    /// Counts of what was signed wrongly, or by nobody.
    pub signatures: SignatureCounts,
    /// Messages hidden here because another machine hid them.
    pub hidden: u64,
    /// Messages released here because another machine released them.
    pub released: u64,
    /// True if it was stopped; the next run continues.
    pub interrupted: bool,
}

/// Progress of a migration.
#[derive(Debug, Clone, Copy, Default)]
pub struct MigrationProgress {
    /// Messages and units in the database.
    pub total: u64,
    /// Rows imported so far, or compared so far if `comparing`.
    pub done: u64,
    /// True during the comparison after the import.
    pub comparing: bool,
}

/// Result of a migration.
#[derive(Debug, Clone, Default)]
pub struct MigrationReport {
    /// Conversations in the database.
    pub conversations: u64,
    /// Messages in the database.
    pub messages: u64,
    /// Memory units in the database.
    pub units: u64,
    /// Messages and units that are new here.
    pub new: u64,
    /// Messages and units that were imported before.
    pub duplicate: u64,
    /// Messages and units skipped because they were deleted here.
    pub forgotten: u64,
    /// Messages and units skipped because they have no text.
    pub blank: u64,
    /// Units skipped because they were inactive or expired.
    pub inactive: u64,
    /// Conversations compared: text, role and time of every message.
    pub compared: u64,
    /// Conversations that differ from the import, at most a hundred.
    pub different: Vec<String>,
    /// True if it was stopped; the next run continues.
    pub interrupted: bool,
}
