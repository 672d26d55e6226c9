//! Ids of messages: the record's own, else made of what the message says, so that a copy of it in another file has
//! the same.

use std::collections::HashMap;

use super::super::draft_builder::ContentIds;
use crate::domain::{ContentHash, Draft};

/// Ids that one file used.
#[derive(Debug, Default)]
pub(super) struct MessageIds {
    of_content: ContentIds,
    /// Length and hash of the text that each id of the file's own stands for.
    own: HashMap<String, (usize, ContentHash)>,
}

impl MessageIds {
    /// The id of a message. An id that the file used for another text is not used again: some providers count from
    /// zero in every answer.
    pub(super) fn id_of(&mut self, own: Option<&str>, draft: &Draft, call: &str) -> String {
        let mut content = content_of(draft);
        content.push(call);
        let Some(own) = own else { return self.of_content.next_id(&content) };
        let text = text_of(draft);
        let version = (text.len(), ContentHash::of(&text));
        match self.own.get(own) {
            Some((length, hash)) if text.get(..*length).map(ContentHash::of) != Some(*hash) => {
                content.push(own);
                self.of_content.next_id(&content)
            }
            _ => {
                self.own.insert(own.to_owned(), version);
                own.to_owned()
            }
        }
    }
}

/// Hash of what a message says, by which a copy of it is recognised.
pub(super) fn fingerprint(draft: &Draft) -> ContentHash {
    let content: Vec<&[u8]> = content_of(draft).into_iter().map(str::as_bytes).collect();
    ContentHash::of_parts(&content)
}

/// Gives a message its session and id, and its parts their keys.
pub(super) fn set_identity(draft: &mut Draft, session: &str, id: &str) {
    for part in &mut draft.parts {
        let rest = part.external_key.strip_prefix(draft.external_id.as_str()).unwrap_or(&part.external_key);
        part.external_key = format!("{id}{rest}");
    }
    id.clone_into(&mut draft.external_id);
    session.clone_into(&mut draft.session);
}

fn content_of(draft: &Draft) -> Vec<&str> {
    let parts = draft.parts.iter().flat_map(|part| [part.kind.name(), part.text.trim()]);
    std::iter::once(draft.role.name()).chain(parts).collect()
}

fn text_of(draft: &Draft) -> String {
    draft.parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DraftPart, Kind, Origin, Role, Timestamp};

    fn said(text: &str) -> Draft {
        let mut draft = Draft::new("", "", Role::User, Timestamp::from_milliseconds(1));
        draft.parts.push(DraftPart {
            external_key: "/0".to_owned(),
            kind: Kind::Text,
            origin: Origin::Person,
            text: text.to_owned(),
            tool: None,
        });
        draft
    }

    #[test]
    fn ids_are_stable_and_never_shared_by_different_texts() {
        let (mut first, mut second) = (MessageIds::default(), MessageIds::default());
        let go = first.id_of(None, &said("go on"), "");
        assert_eq!(second.id_of(None, &said("go on\n"), ""), go);
        assert_ne!(first.id_of(None, &said("go on"), ""), go);
        assert_eq!(first.id_of(Some("msg_1"), &said("half"), ""), "msg_1");
        assert_eq!(first.id_of(Some("msg_1"), &said("half and whole"), ""), "msg_1");
        let other = first.id_of(Some("msg_1"), &said("something else"), "");
        assert!(other.starts_with("content-"), "{other}");
        let mut draft = said("x");
        set_identity(&mut draft, "s", "m");
        assert_eq!((draft.parts[0].external_key.as_str(), draft.session.as_str()), ("m/0", "s"));
    }
}
