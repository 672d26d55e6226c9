//! Assigns message ids: the record's own, else a hash of the content, so that a copy in another file gets the same id.

use std::collections::HashMap;

use super::super::draft_builder::ContentIds;
use crate::domain::{ContentHash, Draft};

/// Ids used in one file.
#[derive(Debug, Default)]
pub(super) struct MessageIds {
    of_content: ContentIds,
    /// Length and hash of the text behind each of the file's own ids.
    own: HashMap<String, (usize, ContentHash)>,
}

impl MessageIds {
    /// Returns the id of a message. An id that the file already used for another text is not reused, because some
    /// providers count from zero in every answer.
    pub(super) fn assign_id(&mut self, own: Option<&str>, draft: &Draft, call: &str) -> String {
        let mut content = draft_content(draft);
        content.push(call);
        let Some(own) = own else { return self.of_content.next_id(&content) };
        let text = draft_text(draft);
        let version = (text.len(), ContentHash::of_text(&text));
        match self.own.get(own) {
            Some((length, hash)) if text.get(..*length).map(ContentHash::of_text) != Some(*hash) => {
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

/// Hashes the content of a message, to recognise a copy of it.
pub(super) fn fingerprint_draft(draft: &Draft) -> ContentHash {
    let content: Vec<&[u8]> = draft_content(draft).into_iter().map(str::as_bytes).collect();
    ContentHash::of_parts(&content)
}

/// Sets session and id of a message and updates the keys of its parts.
pub(super) fn set_identity(draft: &mut Draft, session: &str, id: &str) {
    for part in &mut draft.parts {
        let rest = part.external_key.strip_prefix(draft.external_id.as_str()).unwrap_or(&part.external_key);
        part.external_key = format!("{id}{rest}");
    }
    id.clone_into(&mut draft.external_id);
    session.clone_into(&mut draft.session);
}

fn draft_content(draft: &Draft) -> Vec<&str> {
    let parts = draft.parts.iter().flat_map(|part| [part.kind.name(), part.text.trim()]);
    std::iter::once(draft.role.name()).chain(parts).collect()
}

fn draft_text(draft: &Draft) -> String {
    draft.parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DraftPart, Origin, PartKind, Role, Timestamp};

    fn said(text: &str) -> Draft {
        let mut draft = Draft::new("", "", Role::User, Timestamp::from_milliseconds(1));
        draft.parts.push(DraftPart {
            external_key: "/0".to_owned(),
            kind: PartKind::Text,
            origin: Origin::Person,
            text: text.to_owned(),
            tool: None,
        });
        draft
    }

    #[test]
    fn ids_are_stable_and_never_shared_by_different_texts() {
        let (mut first, mut second) = (MessageIds::default(), MessageIds::default());
        let go = first.assign_id(None, &said("go on"), "");
        assert_eq!(second.assign_id(None, &said("go on\n"), ""), go);
        assert_ne!(first.assign_id(None, &said("go on"), ""), go);
        assert_eq!(first.assign_id(Some("msg_1"), &said("half"), ""), "msg_1");
        assert_eq!(first.assign_id(Some("msg_1"), &said("half and whole"), ""), "msg_1");
        let other = first.assign_id(Some("msg_1"), &said("something else"), "");
        assert!(other.starts_with("content-"), "{other}");
        let mut draft = said("x");
        set_identity(&mut draft, "s", "m");
        assert_eq!((draft.parts[0].external_key.as_str(), draft.session.as_str()), ("m/0", "s"));
    }
}
