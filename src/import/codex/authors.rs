//! Determines the author of each part of a `user` message: newer clients record it per part, for older ones the text
//! shows it.

use serde_json::Value;

use super::super::draft_builder::{DraftBuilder, array_field, text_field};
use crate::domain::text::prompt;
use crate::domain::{Origin, PartKind, own_output};

/// Heading before the typed text in messages where an editor puts its context first.
const REQUEST: &str = "## My request for Codex:";

/// Author of one part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartAuthor {
    /// Written by the client.
    Client,
    /// The client's summary of what it removed from the conversation.
    Summary,
    /// The speaker, as far as the record shows.
    Speaker,
}

/// Authors of the parts of a message, as far as its record gives them.
pub(super) struct PartAuthors<'a> {
    kinds: &'a [Value],
    metadata: &'a [Value],
}

impl<'a> PartAuthors<'a> {
    pub(super) fn from_message(message: &'a Value) -> Self {
        let about = message.get("internal_chat_message_metadata_passthrough").or_else(|| message.get("metadata"));
        let of = |name: &str| about.map_or(&[][..], |about| array_field(about, name));
        Self { kinds: of("content_item_kinds"), metadata: of("content_item_metadata") }
    }

    /// Returns the author of the part at an index.
    pub(super) fn part_author(&self, place: usize, part: &Value, text: &str) -> PartAuthor {
        let kind = self.kinds.get(place).and_then(Value::as_str).filter(|kind| *kind != "unknown");
        let origin = self.metadata.get(place).and_then(|metadata| metadata.pointer("/provenance/type"));
        let is_image = text_field(part, "type").is_some_and(|kind| kind.contains("image"));
        match (kind, origin.and_then(Value::as_str)) {
            (Some("compaction.summary"), _) => PartAuthor::Summary,
            _ if is_image || is_closing_tag(text) => PartAuthor::Client,
            (Some(kind), _) if kind.starts_with("user.") => PartAuthor::Speaker,
            (Some(_), _) => PartAuthor::Client,
            (None, Some("user" | "model") | None) => PartAuthor::Speaker,
            (None, Some(_)) => PartAuthor::Client,
        }
    }
}

/// Returns true if a part only closes an element of an earlier part: `</image>`.
fn is_closing_tag(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("</") && text.ends_with('>') && !text.contains(char::is_whitespace)
}

/// Splits a text into the context that an editor put first and the request.
pub(super) fn split_request(text: &str) -> (&str, &str) {
    let heading = text.find(REQUEST).filter(|_| text.trim_start().starts_with("# "));
    heading.and_then(|at| text.split_at_checked(at + REQUEST.len())).unwrap_or(("", text))
}

/// Adds a prompt whose text was not written by a person but by `origin`.
pub(super) fn add_prompt_from(builder: &mut DraftBuilder, text: &str, origin: Origin) {
    if own_output::is_own_output(text) {
        return builder.exclude_own_output();
    }
    for piece in prompt::split_prompt(text) {
        match piece {
            prompt::PromptPiece::Typed(words) => builder.add_part(PartKind::Text, origin, words, None),
            prompt::PromptPiece::Client(added) => builder.add_part(PartKind::Meta, Origin::Client, added, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn newer_records_name_the_author_of_each_part() {
        let message = json!({ "internal_chat_message_metadata_passthrough": {
            "content_item_kinds": ["user.text", "environments.environment_context", "compaction.summary", "unknown"] } });
        let authors = PartAuthors::from_message(&message);
        let of = |place| authors.part_author(place, &json!({ "type": "input_text" }), "text");
        assert_eq!([of(0), of(1), of(2)], [PartAuthor::Speaker, PartAuthor::Client, PartAuthor::Summary]);
        assert_eq!([of(3), of(4)], [PartAuthor::Speaker, PartAuthor::Speaker]);
        assert_eq!(authors.part_author(0, &json!({ "type": "input_text" }), "</image>"), PartAuthor::Client);
        assert_eq!(authors.part_author(0, &json!({ "type": "input_image" }), "[image]"), PartAuthor::Client);
        let message = json!({ "internal_chat_message_metadata_passthrough": {
            "content_item_metadata": [{ "provenance": { "type": "harness" } }, { "provenance": { "type": "user" } }] } });
        let authors = PartAuthors::from_message(&message);
        assert_eq!(authors.part_author(0, &Value::Null, "text"), PartAuthor::Client);
        assert_eq!(authors.part_author(1, &Value::Null, "text"), PartAuthor::Speaker);
    }

    #[test]
    fn the_context_of_an_editor_is_no_request() {
        let text = "# Context from my IDE setup:\n\n## Active file: a.rs\n## My request for Codex:\nrename it";
        let (context, request) = split_request(text);
        assert!(context.ends_with(REQUEST) && request.trim() == "rename it");
        assert_eq!(
            split_request("why is ## My request for Codex: there"),
            ("", "why is ## My request for Codex: there")
        );
    }
}
