//! What is sent at once, and the keys that are equal on every machine: they make sending something twice the same as sending it once.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::domain::hash::hex;
use crate::domain::{ContentHash, MessageId, Timestamp};
use crate::store::{Sizes, WholeMessage, WholePart, WholeVector};

/// Changes and vectors that are sent together.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Messages as they are now, with the moment of their change.
    pub(super) messages: Vec<(WholeMessage, Timestamp)>,
    /// How much of each of them there is to search, in the same order.
    pub(super) sizes: Vec<Sizes>,
    /// Messages that are not shown any more, but may be again.
    pub(super) hidden: Vec<MessageId>,
    /// Messages that were forgotten: when and why.
    pub(super) forgotten: Vec<(MessageId, Timestamp, String)>,
    /// Vectors.
    pub(super) vectors: Vec<WholeVector>,
    /// Messages of which the page has all vectors that were made so far: others that are there have become void.
    pub(super) whole: Vec<MessageId>,
    /// Whether it counts even where something newer is there.
    pub(super) mends: bool,
}

impl Page {
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.hidden.is_empty() && self.forgotten.is_empty() && self.vectors.is_empty()
    }
}

impl Page {
    /// The same in small pages: each message with its vectors, then the vectors of each other message, then what is gone. With the message
    /// that a page is about, if it is one.
    pub(super) fn apart(self) -> Vec<(Option<MessageId>, Self)> {
        let Self { messages, sizes, hidden, forgotten, vectors, whole, mends } = self;
        let mut of: BTreeMap<MessageId, Vec<WholeVector>> = BTreeMap::new();
        for vector in vectors {
            of.entry(vector.message).or_default().push(vector);
        }
        let mut pages = Vec::with_capacity(messages.len() + of.len() + 1);
        for ((message, at), size) in messages.into_iter().zip(sizes) {
            let id = message.id;
            let vectors = of.remove(&id).unwrap_or_default();
            let whole = whole.iter().copied().filter(|one| *one == id).collect();
            let messages = vec![(message, at)];
            pages.push((Some(id), Self { messages, sizes: vec![size], vectors, whole, mends, ..Self::default() }));
        }
        pages.extend(of.into_iter().map(|(id, vectors)| (Some(id), Self { vectors, mends, ..Self::default() })));
        let gone = Self { hidden, forgotten, mends, ..Self::default() };
        pages.extend((!gone.is_empty()).then_some((None, gone)));
        pages
    }
}

/// The id of a conversation, the same on every machine that has it.
pub(super) fn conversation_id(source: &str, session: &str) -> Uuid {
    MessageId::imported("conversation", source, session).0
}

/// The id of a project.
pub(super) fn project_id(key: &str) -> String {
    hex(&ContentHash::of(key).0)
}

/// The id of a vector.
pub(super) fn vector_id(vector: &WholeVector) -> Uuid {
    let place = format!("{}/{}/{}", vector.part, vector.ordinal, vector.model);
    MessageId::imported("vector", &vector.message.to_string(), &place).0
}

/// A text without U+0000, and whether it had any.
pub(super) fn escaped(text: &str) -> (String, bool) {
    if text.contains('\0') { (text.replace('\\', "\\\\").replace('\0', "\\0"), true) } else { (text.to_owned(), false) }
}

/// What a message holds, as SHA-256 in hexadecimal digits: the target makes the same from its rows.
pub(super) fn digest(parts: &[WholePart]) -> String {
    let mut hash = Sha256::new();
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            hash.update([0x1e]);
        }
        let tool = part.tool.as_deref().unwrap_or("");
        hash.update(format!("{}:{}:{}:{tool}:", part.key, part.kind.name(), part.origin.name()));
        hash.update(escaped(&part.text).0);
    }
    hex(&hash.finalize())
}

/// What a conversation holds: of its messages in the order of their ids.
pub(super) fn conversation_digest<'a>(messages: impl Iterator<Item = (&'a MessageId, &'a String)>) -> String {
    let lines: Vec<String> = messages.map(|(id, digest)| format!("{id}{digest}")).collect();
    hex(&Sha256::digest(lines.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Kind, Origin};

    #[test]
    fn keys_do_not_depend_on_the_machine_and_nul_is_kept() {
        assert_eq!(conversation_id("claude-code", "s").to_string(), conversation_id("claude-code", "s").to_string());
        assert_ne!(conversation_id("claude-code", "s"), conversation_id("codex", "s"));
        assert_eq!(escaped("a\0b\\c"), ("a\\0b\\\\c".to_owned(), true));
        assert_eq!(escaped("a\\c"), ("a\\c".to_owned(), false));
        let part = |text: &str| WholePart {
            key: 1,
            kind: Kind::Text,
            origin: Origin::Person,
            tool: None,
            text: text.to_owned(),
        };
        assert_ne!(digest(&[part("a")]), digest(&[part("b")]));
        assert_eq!(digest(&[part("a"), part("b")]).len(), 64);
    }
}
