//! Whose words stand in a message of the role `user`: newer clients say it part by part, of older ones the text tells.

use serde_json::Value;

use super::super::draft_builder::{DraftBuilder, field, list};
use crate::domain::text::prompt;
use crate::domain::{Kind, Origin, mark};

/// Heading before what was typed, where an editor puts its context first.
const REQUEST: &str = "## My request for Codex:";

/// Author of one part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    /// The client's.
    Client,
    /// The client's summary of what it removed from the conversation.
    Summary,
    /// As far as the record says the speaker's.
    Speaker,
}

/// Authors of the parts of a message, as far as its record names them.
pub(super) struct Authors<'a> {
    kinds: &'a [Value],
    metadata: &'a [Value],
}

impl<'a> Authors<'a> {
    pub(super) fn of(message: &'a Value) -> Self {
        let about = message.get("internal_chat_message_metadata_passthrough").or_else(|| message.get("metadata"));
        let of = |name: &str| about.map_or(&[][..], |about| list(about, name));
        Self { kinds: of("content_item_kinds"), metadata: of("content_item_metadata") }
    }

    /// The author of the part at a place.
    pub(super) fn author(&self, place: usize, part: &Value, text: &str) -> Author {
        let kind = self.kinds.get(place).and_then(Value::as_str).filter(|kind| *kind != "unknown");
        let origin = self.metadata.get(place).and_then(|metadata| metadata.pointer("/provenance/type"));
        let is_image = field(part, "type").is_some_and(|kind| kind.contains("image"));
        match (kind, origin.and_then(Value::as_str)) {
            (Some("compaction.summary"), _) => Author::Summary,
            _ if is_image || is_closing_tag(text) => Author::Client,
            (Some(kind), _) if kind.starts_with("user.") => Author::Speaker,
            (Some(_), _) => Author::Client,
            (None, Some("user" | "model") | None) => Author::Speaker,
            (None, Some(_)) => Author::Client,
        }
    }
}

/// Recognises a part that only closes an element of an earlier part: `</image>`.
fn is_closing_tag(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("</") && text.ends_with('>') && !text.contains(char::is_whitespace)
}

/// Splits the context that an editor put before a request from the request.
pub(super) fn split_request(text: &str) -> (&str, &str) {
    let heading = text.find(REQUEST).filter(|_| text.trim_start().starts_with("# "));
    heading.and_then(|at| text.split_at_checked(at + REQUEST.len())).unwrap_or(("", text))
}

/// Adds a prompt whose words are somebody else's than a person's.
pub(super) fn add_prompt(builder: &mut DraftBuilder, text: &str, origin: Origin) {
    if mark::is_own_output(text) {
        return builder.leave_out_own();
    }
    for piece in prompt::split(text) {
        match piece {
            prompt::Piece::Typed(words) => builder.add_part(Kind::Text, origin, words, None),
            prompt::Piece::Client(added) => builder.add_part(Kind::Meta, Origin::Client, added, None),
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
        let authors = Authors::of(&message);
        let of = |place| authors.author(place, &json!({ "type": "input_text" }), "text");
        assert_eq!([of(0), of(1), of(2)], [Author::Speaker, Author::Client, Author::Summary]);
        assert_eq!([of(3), of(4)], [Author::Speaker, Author::Speaker]);
        assert_eq!(authors.author(0, &json!({ "type": "input_text" }), "</image>"), Author::Client);
        assert_eq!(authors.author(0, &json!({ "type": "input_image" }), "[image]"), Author::Client);
        let message = json!({ "internal_chat_message_metadata_passthrough": {
            "content_item_metadata": [{ "provenance": { "type": "harness" } }, { "provenance": { "type": "user" } }] } });
        let authors = Authors::of(&message);
        assert_eq!(authors.author(0, &Value::Null, "text"), Author::Client);
        assert_eq!(authors.author(1, &Value::Null, "text"), Author::Speaker);
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
