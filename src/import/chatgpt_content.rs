//! Content of ChatGPT messages: text, tool calls, results, web pages, voice. No readable string is dropped, whatever
//! its type.

use serde_json::Value;

use super::content::{content_text, readable_strings};
use super::draft_builder::{DraftBuilder, array_field, first_field, join_fields, text_field};
use crate::domain::{Origin, PartKind, Role, json};

/// Kind of context that ChatGPT puts before a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContextKind {
    /// Facts that ChatGPT remembers about the user.
    Memory,
    /// Custom instructions from the settings.
    Instructions,
}

/// Returns the text of a memory or instruction message; `None` for any other message.
pub(super) fn context_text(message: &Value) -> Option<(ContextKind, String)> {
    let content = message.get("content")?;
    let text = |names: &[&str]| {
        let texts = names.iter().filter_map(|name| content.get(*name)).map(content_text);
        texts.filter(|text| !text.trim().is_empty()).collect::<Vec<_>>().join("\n")
    };
    match text_field(content, "content_type")? {
        "model_editable_context" => {
            Some((ContextKind::Memory, text(&["model_set_context", "structured_context", "repo_summary"])))
        }
        "user_editable_context" => Some((ContextKind::Instructions, text(&["user_profile", "user_instructions"]))),
        _ => None,
    }
}

/// Adds the parts of a message.
pub(super) fn add_content(builder: &mut DraftBuilder, message: &Value, role: Role, tool: Option<&str>) {
    let content = message.get("content").unwrap_or(&Value::Null);
    let kind = text_field(content, "content_type").unwrap_or("text");
    let body = ["parts", "text", "content"].iter().find_map(|name| content.get(*name).filter(|value| !value.is_null()));
    let body = if content.is_object() { body.unwrap_or(&Value::Null) } else { content };
    let recipient = text_field(message, "recipient").filter(|recipient| *recipient != "all");
    match kind {
        "thoughts" => add_thoughts(builder, content),
        "reasoning_recap" => builder.add_part(PartKind::Thinking, Origin::Model, &content_text(body), None),
        "tether_browsing_display" | "tether_quote" | "sonic_webpage" => {
            let page = join_fields(content, &["title", "url", "domain", "result", "text", "snippet", "summary"]);
            builder.add_result(Some("web"), &page);
        }
        // A message addressed to a tool is a call.
        _ if role == Role::Assistant && (recipient.is_some() || kind == "code") => {
            builder.add_call(recipient.unwrap_or("code"), &parse_arguments(content_text(body)));
        }
        _ if role == Role::Tool => builder.add_result(tool, &result_text(kind, content, body)),
        "text" | "multimodal_text" | "code" => add_parts(builder, body, role),
        _ => add_unknown(builder, kind, content, role),
    }
}

fn add_thoughts(builder: &mut DraftBuilder, content: &Value) {
    for thought in array_field(content, "thoughts") {
        let text = match first_field(thought, &["content"]) {
            Some(_) => join_fields(thought, &["summary", "content"]),
            None => readable_strings(thought),
        };
        builder.add_part(PartKind::Thinking, Origin::Model, &text, None);
    }
}

/// Parses the arguments of a call as an object if possible. This keeps the words of a document in them searchable as
/// words.
fn parse_arguments(text: String) -> Value {
    let parsed = text.trim_start().starts_with('{').then(|| json::parse_lenient(text.as_bytes()).ok()).flatten();
    parsed.map(|(value, _)| value).filter(Value::is_object).unwrap_or(Value::String(text))
}

fn result_text(kind: &str, content: &Value, body: &Value) -> String {
    let text = match body {
        Value::Array(parts) => {
            parts.iter().map(part_text).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
        }
        other => content_text(other),
    };
    let is_known = ["text", "multimodal_text", "code", "execution_output"].contains(&kind);
    if text.trim().is_empty() || !is_known { readable_fields(content) } else { text }
}

/// Adds text and voice as what was said, and every other part as a tool result.
fn add_parts(builder: &mut DraftBuilder, body: &Value, role: Role) {
    let parts = match body {
        Value::Array(parts) => parts.as_slice(),
        other => std::slice::from_ref(other),
    };
    let is_said = |part: &&Value| part.is_string() || text_field(part, "content_type") == Some("audio_transcription");
    let said: Vec<String> = parts.iter().filter(is_said).map(part_text).filter(|text| !text.is_empty()).collect();
    add_speaker_text(builder, &said.join("\n"), role);
    for part in parts.iter().filter(|part| !is_said(part)) {
        let tool = text_field(part, "content_type").unwrap_or("attachment");
        builder.add_part(PartKind::ToolResult, Origin::Tool, &part_text(part), Some(tool));
    }
}

/// Adds text of the speaker. ChatGPT adds nothing of its own to a person's message.
fn add_speaker_text(builder: &mut DraftBuilder, text: &str, role: Role) {
    match role {
        Role::User => builder.add_typed_text(text),
        Role::System => builder.add_part(PartKind::Text, Origin::Client, text, None),
        _ => builder.add_text(text),
    }
}

/// Returns the text of one part. Images and sound have none, except the prompt an image was generated from.
fn part_text(part: &Value) -> String {
    match text_field(part, "content_type") {
        Some("audio_transcription") => first_field(part, &["text", "transcript"]).unwrap_or("").to_owned(),
        Some(kind) if kind.ends_with("_pointer") => {
            let asked = part.pointer("/metadata/dalle/prompt").or_else(|| part.pointer("/metadata/generation/prompt"));
            asked.map(content_text).unwrap_or_default()
        }
        Some(_) => readable_fields(part),
        None => content_text(part),
    }
}

/// Collects the readable strings of an object except the name of its type.
fn readable_fields(content: &Value) -> String {
    let Value::Object(fields) = content else { return content_text(content) };
    let told = fields.iter().filter(|(name, _)| !["content_type", "language", "direction"].contains(&name.as_str()));
    readable_strings(&Value::Array(told.map(|(_, value)| value.clone()).collect()))
}

/// Adds content of an unknown type. It never counts as typed by a person.
fn add_unknown(builder: &mut DraftBuilder, kind: &str, content: &Value, role: Role) {
    let text = readable_fields(content);
    match role {
        Role::Assistant => builder.add_part(PartKind::Text, Origin::Model, &text, None),
        Role::Tool => builder.add_result(Some(kind), &text),
        Role::User | Role::System => builder.add_part(PartKind::Text, Origin::Client, &text, None),
    }
}

/// Adds the web pages an answer is based on: title, URL and text, each page once.
pub(super) fn add_sources(builder: &mut DraftBuilder, metadata: &Value) {
    let mut pages: Vec<String> = Vec::new();
    let groups = array_field(metadata, "search_result_groups").iter().flat_map(|group| array_field(group, "entries"));
    let cited = array_field(metadata, "citations").iter().filter_map(|citation| citation.get("metadata"));
    let quoted = metadata.pointer("/_cite_metadata/metadata_list").and_then(Value::as_array).into_iter().flatten();
    let referred = array_field(metadata, "content_references").iter();
    let referred = referred.flat_map(|reference| std::iter::once(reference).chain(array_field(reference, "items")));
    for page in groups.chain(cited).chain(quoted).chain(referred) {
        let text = join_fields(page, &["title", "url", "snippet", "text"]);
        let is_page = first_field(page, &["title", "url"]).is_some();
        if is_page && !pages.iter().any(|known| known.contains(&text)) {
            pages.push(text);
        }
    }
    if !pages.is_empty() {
        builder.add_result(Some("web"), &pages.join("\n\n"));
    }
}
