//! What became of every record of a history: nothing is passed over without a name.

use std::collections::BTreeMap;

/// Counts of the records that were read, by what they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Records that hold a message or a part of one.
    pub messages: u64,
    /// Results of our own tools, which are left out.
    pub own: u64,
    /// Records that hold no conversation, by their type.
    pub bookkeeping: BTreeMap<String, u64>,
    /// Records of types that are not known, by their type.
    pub not_understood: BTreeMap<String, u64>,
    /// Records of which nothing could be read.
    pub damaged: u64,
}

impl Ledger {
    /// All records.
    pub fn records(&self) -> u64 {
        self.messages + self.own + self.bookkeeping.values().sum::<u64>() + self.unread()
    }

    /// Records that were understood.
    pub fn understood(&self) -> u64 {
        self.records() - self.unread()
    }

    /// Records that hold something which may be missing: not understood or damaged.
    pub fn unread(&self) -> u64 {
        self.not_understood.values().sum::<u64>() + self.damaged
    }

    /// Adds other counts.
    pub fn merge(&mut self, other: &Self) {
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
