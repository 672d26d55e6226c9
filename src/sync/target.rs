//! Interface of a sync target, and digests of what it should hold. Pushing a page twice equals pushing it once.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::error::Result;
use super::page::{ChangePage, conversation_digest, digest_parts, vector_id};
use crate::domain::hash::to_hex;
use crate::domain::{ContentHash, MessageId};
use crate::memory::Memory;
use crate::store::{MessageState, Snapshot};

/// A store that the memory is copied to.
pub(super) trait SyncTarget {
    /// Returns `postgres` or `qdrant`.
    fn target_name(&self) -> &'static str;

    /// Returns what the comparison covers.
    fn compared_by(&self) -> CompareBy;

    /// Creates tables or collections and returns the target's identity: a new identity means that everything is sent
    /// again.
    async fn prepare_target(&mut self) -> Result<String>;

    /// Stores a page; an interrupted one is sent again.
    async fn push(&mut self, page: &ChangePage) -> Result<()>;

    /// Runs after everything was pushed.
    async fn finish_push(&mut self, _memory: &Memory) -> Result<()> {
        Ok(())
    }

    /// Returns the messages that the target keeps hidden, whichever machine sends them.
    async fn hidden_messages(&mut self) -> Result<BTreeSet<MessageId>> {
        Ok(BTreeSet::new())
    }

    /// Returns the digest of each conversation on the target.
    async fn conversation_digests(&mut self) -> Result<BTreeMap<Uuid, String>>;

    /// Returns the messages of a conversation with their digests.
    async fn message_digests(&mut self, conversation: Uuid) -> Result<BTreeMap<MessageId, String>>;
}

/// Part of a message that a target stores and is compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CompareBy {
    /// Parts of the message.
    Messages,
    /// Embeddings of the message.
    Vectors,
}

impl CompareBy {
    /// Computes the digest that the target should have for a message; `None` if it should have none.
    pub(super) fn message_digest(self, snapshot: &Snapshot<'_>, model: &str, id: MessageId) -> Result<Option<String>> {
        Ok(match self {
            Self::Messages => match snapshot.message_state(id)? {
                MessageState::Here(message) => Some(digest_parts(&message.parts)),
                _ => None,
            },
            Self::Vectors => {
                let mut sum = XorDigest::default();
                let vectors = snapshot.vectors_of_message(id, model, i64::MAX)?;
                vectors.iter().for_each(|vector| sum.add_vector(vector_id(vector), &text_digest(vector.text_hash)));
                (!vectors.is_empty()).then(|| sum.to_hex())
            }
        })
    }

    /// Combines message digests into that of their conversation.
    pub(super) fn combine_digests(self, messages: &BTreeMap<MessageId, String>) -> String {
        match self {
            Self::Messages => conversation_digest(messages.iter()),
            Self::Vectors => {
                let mut sum = XorDigest::default();
                messages.values().for_each(|digits| sum.add_digits(digits));
                sum.to_hex()
            }
        }
    }
}

/// Formats the hash of an embedding's text as the target stores it.
pub(super) fn text_digest(hash: ContentHash) -> String {
    to_hex(&hash.0)
}

/// Order-independent digest of a set of embeddings: the XOR of a SHA-256 of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct XorDigest([u8; 32]);

impl XorDigest {
    /// Adds an embedding by its id and the digest of its text.
    pub(super) fn add_vector(&mut self, id: Uuid, text: &str) {
        let one = Sha256::new().chain_update(id.as_bytes()).chain_update(text).finalize();
        self.0.iter_mut().zip(one).for_each(|(sum, byte)| *sum ^= byte);
    }

    /// Adds another sum, given in hexadecimal.
    fn add_digits(&mut self, digits: &str) {
        for (sum, two) in self.0.iter_mut().zip(digits.as_bytes().chunks(2)) {
            *sum ^= std::str::from_utf8(two).ok().and_then(|two| u8::from_str_radix(two, 16).ok()).unwrap_or(0);
        }
    }

    /// Returns 64 hexadecimal digits.
    pub(super) fn to_hex(self) -> String {
        to_hex(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_knows_no_order_and_is_made_of_sums() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let (mut all, mut back, mut parts) = (XorDigest::default(), XorDigest::default(), XorDigest::default());
        all.add_vector(one, "a");
        all.add_vector(two, "b");
        back.add_vector(two, "b");
        back.add_vector(one, "a");
        assert_eq!(all, back);
        for (id, text) in [(one, "a"), (two, "b")] {
            let mut single = XorDigest::default();
            single.add_vector(id, text);
            assert_ne!(single, all);
            parts.add_digits(&single.to_hex());
        }
        assert_eq!(parts, all);
    }
}
