//! What a place that the memory is copied to can do, and what it holds of a message. Sending a page twice is the same as sending it
//! once.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::error::Result;
use super::page::{Page, conversation_digest, digest, vector_id};
use crate::domain::hash::hex;
use crate::domain::{ContentHash, MessageId};
use crate::memory::Memory;
use crate::store::Standing;

/// A place that the memory is copied to.
pub(super) trait Target {
    /// postgres or qdrant.
    fn name(&self) -> &'static str;

    /// What is compared with it.
    fn holds(&self) -> Holds;

    /// Makes what is needed over there, and says which place this is: another answer means that everything has to be sent anew.
    async fn prepare(&mut self) -> Result<String>;

    /// Takes a page in; one that was broken off is sent again.
    async fn push(&mut self, page: &Page) -> Result<()>;

    /// Called when everything was sent.
    async fn finish(&mut self, _memory: &Memory) -> Result<()> {
        Ok(())
    }

    /// The digest of each conversation that is there.
    async fn summaries(&mut self) -> Result<BTreeMap<Uuid, String>>;

    /// The messages of a conversation with their digests.
    async fn digests(&mut self, conversation: Uuid) -> Result<BTreeMap<MessageId, String>>;
}

/// What a place holds of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// Its texts.
    Messages,
    /// Its vectors.
    Vectors,
}

impl Holds {
    /// The digest of what the place should hold of a message; `None` for nothing.
    pub(super) fn digest(self, memory: &Memory, id: MessageId) -> Result<Option<String>> {
        Ok(match self {
            Self::Messages => match memory.standing(id)? {
                Standing::Here(message) => Some(digest(&message.parts)),
                _ => None,
            },
            Self::Vectors => {
                let mut sum = Sum::default();
                let vectors = memory.vectors_of(id, i64::MAX)?;
                vectors.iter().for_each(|vector| sum.add(vector_id(vector), &text_digest(vector.text_hash)));
                (!vectors.is_empty()).then(|| sum.digits())
            }
        })
    }

    /// The digest of a conversation.
    pub(super) fn together(self, messages: &BTreeMap<MessageId, String>) -> String {
        match self {
            Self::Messages => conversation_digest(messages.iter()),
            Self::Vectors => {
                let mut sum = Sum::default();
                messages.values().for_each(|digits| sum.unite(digits));
                sum.digits()
            }
        }
    }
}

/// The hash of a vector's text, as it stands beside the vector.
pub(super) fn text_digest(hash: ContentHash) -> String {
    hex(&hash.0)
}

/// What a set of vectors holds, whatever their order: the exclusive or of a SHA-256 of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum([u8; 32]);

impl Sum {
    /// Adds a vector by its id and the digest of its text.
    pub(super) fn add(&mut self, id: Uuid, text: &str) {
        let one = Sha256::new().chain_update(id.as_bytes()).chain_update(text).finalize();
        self.0.iter_mut().zip(one).for_each(|(sum, byte)| *sum ^= byte);
    }

    /// Adds another sum by its digits.
    fn unite(&mut self, digits: &str) {
        for (sum, two) in self.0.iter_mut().zip(digits.as_bytes().chunks(2)) {
            *sum ^= std::str::from_utf8(two).ok().and_then(|two| u8::from_str_radix(two, 16).ok()).unwrap_or(0);
        }
    }

    /// 64 hexadecimal digits.
    pub(super) fn digits(self) -> String {
        hex(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_knows_no_order_and_is_made_of_sums() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let (mut all, mut back, mut parts) = (Sum::default(), Sum::default(), Sum::default());
        all.add(one, "a");
        all.add(two, "b");
        back.add(two, "b");
        back.add(one, "a");
        assert_eq!(all, back);
        for (id, text) in [(one, "a"), (two, "b")] {
            let mut single = Sum::default();
            single.add(id, text);
            assert_ne!(single, all);
            parts.unite(&single.digits());
        }
        assert_eq!(parts, all);
    }
}
