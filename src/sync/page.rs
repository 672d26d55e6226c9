//! Pages of changes sent to a target, and row ids that are equal on every machine, so that pushing twice equals pushing
//! once.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::nul_escapes::escape_nul;
use crate::domain::hash::to_hex;
use crate::domain::{ContentHash, MachineKey, MessageId, Timestamp};
use crate::store::{MessageRecord, PartRecord, QuarantineMark, TextSizes, Tombstone, VectorRecord};

/// Changes and embeddings sent in one transaction.
#[derive(Debug, Default)]
pub(super) struct ChangePage {
    /// Messages in their current state, each with the time of its change.
    pub(super) messages: Vec<(MessageRecord, Timestamp)>,
    /// Searchable size of each message, in the same order.
    pub(super) sizes: Vec<TextSizes>,
    /// Quarantined messages: removed from the target, but they may come back.
    pub(super) hidden: Vec<MessageId>,
    /// Latest decision about each message that is or was in quarantine.
    pub(super) marks: Vec<QuarantineMark>,
    /// Key and name of the machine that sends the page.
    pub(super) sender: Option<(MachineKey, String)>,
    /// Deleted messages.
    pub(super) forgotten: Vec<Tombstone>,
    pub(super) vectors: Vec<VectorRecord>,
    /// Messages whose embeddings are all in this page: other embeddings of theirs on the target are stale.
    pub(super) whole: Vec<MessageId>,
    /// True for a repair: it overwrites even newer rows of the target.
    pub(super) mends: bool,
}

impl ChangePage {
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
            && self.hidden.is_empty()
            && self.marks.is_empty()
            && self.forgotten.is_empty()
            && self.vectors.is_empty()
    }
}

impl ChangePage {
    /// Splits the page: one page per message with its embeddings, one per other message that has embeddings, and one
    /// for all removals. Each comes with its message, if it is about one.
    pub(super) fn split_by_message(self) -> Vec<(Option<MessageId>, Self)> {
        let Self { messages, sizes, hidden, marks, sender, forgotten, vectors, whole, mends } = self;
        let mut of: BTreeMap<MessageId, Vec<VectorRecord>> = BTreeMap::new();
        for vector in vectors {
            of.entry(vector.message).or_default().push(vector);
        }
        let mut pages = Vec::with_capacity(messages.len() + of.len() + 1);
        // A message that was released may only come after its mark.
        let gone = Self { hidden, marks, sender, forgotten, mends, ..Self::default() };
        pages.extend((!gone.is_empty()).then_some((None, gone)));
        for ((message, at), size) in messages.into_iter().zip(sizes) {
            let id = message.id;
            let vectors = of.remove(&id).unwrap_or_default();
            let whole = whole.iter().copied().filter(|one| *one == id).collect();
            let messages = vec![(message, at)];
            pages.push((Some(id), Self { messages, sizes: vec![size], vectors, whole, mends, ..Self::default() }));
        }
        pages.extend(of.into_iter().map(|(id, vectors)| (Some(id), Self { vectors, mends, ..Self::default() })));
        pages
    }
}

/// Derives the id of a conversation, equal on every machine that has it.
pub(super) fn conversation_id(source: &str, session: &str) -> Uuid {
    MessageId::for_imported("conversation", source, session).0
}

/// Derives the id of a project from its key.
pub(super) fn project_id(key: &str) -> String {
    to_hex(&ContentHash::of_text(key).0)
}

/// Derives the id of an embedding.
pub(super) fn vector_id(vector: &VectorRecord) -> Uuid {
    let place = format!("{}/{}/{}", vector.part, vector.ordinal, vector.model);
    MessageId::for_imported("vector", &vector.message.to_string(), &place).0
}

/// Computes the SHA-256 of a message's parts in hexadecimal. The target computes the same from its rows.
pub(super) fn digest_parts(parts: &[PartRecord]) -> String {
    let mut hash = Sha256::new();
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            hash.update([0x1e]);
        }
        let tool = part.tool.as_deref().unwrap_or("");
        hash.update(format!("{}:{}:{}:{tool}:", part.key, part.kind.name(), part.origin.name()));
        hash.update(escape_nul(&part.text).0);
    }
    to_hex(&hash.finalize())
}

/// Computes the digest of a conversation from those of its messages, in the order of their ids.
pub(super) fn conversation_digest<'a>(messages: impl Iterator<Item = (&'a MessageId, &'a String)>) -> String {
    let lines: Vec<String> = messages.map(|(id, digest)| format!("{id}{digest}")).collect();
    to_hex(&Sha256::digest(lines.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Origin, PartKind};

    #[test]
    fn keys_do_not_depend_on_the_machine_and_nul_is_kept() {
        assert_eq!(conversation_id("claude-code", "s").to_string(), conversation_id("claude-code", "s").to_string());
        assert_ne!(conversation_id("claude-code", "s"), conversation_id("codex", "s"));
        assert_eq!(escape_nul("a\0b\\c"), ("a\\0b\\\\c".to_owned(), true));
        assert_eq!(escape_nul("a\\c"), ("a\\c".to_owned(), false));
        let part = |text: &str| PartRecord {
            key: 1,
            kind: PartKind::Text,
            origin: Origin::Person,
            tool: None,
            text: text.to_owned(),
            is_remote: false,
            seal: None,
        };
        assert_ne!(digest_parts(&[part("a")]), digest_parts(&[part("b")]));
        assert_eq!(digest_parts(&[part("a"), part("b")]).len(), 64);
    }
}
