//! Account of every record of a history: none is skipped without being counted.

use std::collections::BTreeMap;

/// Number of records that were read, by outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Records that hold a message or a part of one.
    pub messages: u64,
    /// Results of our own tools, which are not imported.
    pub own: u64,
    /// Records that hold no conversation, by their type.
    pub bookkeeping: BTreeMap<String, u64>,
    /// Records of unknown types, by their type.
    pub not_understood: BTreeMap<String, u64>,
    /// Records of which nothing could be read.
    pub damaged: u64,
}

impl Ledger {
    /// Counts all records.
    pub fn record_count(&self) -> u64 {
        self.messages + self.own + self.bookkeeping.values().sum::<u64>() + self.unread_count()
    }

    /// Counts the records that were understood.
    pub fn understood_count(&self) -> u64 {
        self.record_count() - self.unread_count()
    }

    /// Counts the records whose content may be missing: not understood or damaged.
    pub fn unread_count(&self) -> u64 {
        self.not_understood.values().sum::<u64>() + self.damaged
    }

    /// Adds the counts of another ledger.
    pub fn add_counts(&mut self, other: &Self) {
        self.messages += other.messages;
        self.own += other.own;
        self.damaged += other.damaged;
        for (own, others) in
            [(&mut self.bookkeeping, &other.bookkeeping), (&mut self.not_understood, &other.not_understood)]
        {
            for (kind, count) in others {
                *own.entry(kind.clone()).or_default() += count;
            }
        }
    }
}
