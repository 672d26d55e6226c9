//! Reads one message of generic JSON lines: speaker and text, under the field names programs use.

use serde_json::Value;

use super::content::{content_text, readable_strings};
use super::draft_builder::{DraftBuilder, first_field, text_field};
use crate::domain::{Origin, PartKind, Role, json};

/// Fields with the time of a message.
pub(super) const TIMES: [&str; 8] = ["ts", "timestamp", "created_at", "time", "at", "create_time", "createdAt", "date"];

/// Fields with the text of a message, best first.
const TEXTS: [&str; 7] = ["text", "content", "value", "message", "body", "say", "parts"];

/// Fields with a model's reasoning.
const THOUGHTS: [&str; 4] = ["reasoning_content", "reasoning", "thinking", "thought"];

/// Fields that name the speaker.
const ROLES: [&str; 5] = ["role", "from", "sender", "speaker", "author"];

/// Speaker of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GenericSpeaker {
    /// A role under one of its known names.
    Known(Role),
    /// A model calling a tool; the text is the call.
    Call,
    /// An unknown role, by its name.
    Odd(String),
    /// A message without a role.
    Missing,
}

impl GenericSpeaker {
    pub(super) fn from_message(message: &Value) -> Self {
        let name = role_name(message);
        match name.as_str() {
            "" => Self::Missing,
            "user" | "human" | "person" | "prompter" | "customer" => Self::Known(Role::User),
            "assistant" | "model" | "ai" | "bot" | "gpt" | "chatgpt" | "claude" | "gemini" | "llm" | "chatbot" => {
                Self::Known(Role::Assistant)
            }
            "tool" | "function" | "observation" | "tool_result" | "ipython" => Self::Known(Role::Tool),
            "system" | "developer" => Self::Known(Role::System),
            "function_call" | "tool_call" => Self::Call,
            _ => Self::Odd(name),
        }
    }

    pub(super) const fn effective_role(&self) -> Role {
        match self {
            Self::Known(role) => *role,
            Self::Call => Role::Assistant,
            Self::Odd(_) | Self::Missing => Role::System,
        }
    }

    pub(super) fn has_role(&self, role: Role) -> bool {
        *self == Self::Known(role)
    }

    pub(super) const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }
}

/// Returns the role as written, in lower case; empty if there is none.
pub(super) fn role_name(message: &Value) -> String {
    let named = first_field(message, &ROLES).or_else(|| message.pointer("/author/role").and_then(Value::as_str));
    let inner = named.or_else(|| message.pointer("/message/role").and_then(Value::as_str));
    let by_type = || text_field(message, "type").filter(|kind| ["human", "ai", "user", "assistant"].contains(kind));
    inner.or_else(by_type).unwrap_or("").trim().to_lowercase()
}

/// Returns true if an object is a message: it has a text field or calls a tool.
pub(super) fn has_text(value: &Value) -> bool {
    let is_wrapper = !std::ptr::eq(inner_message(value), value);
    let calls = ["tool_calls", "function_call"].iter().any(|name| value.get(*name).is_some());
    // An object in a field `message` counts only if it has text itself.
    let is_text = |name: &str| value.get(name).is_some_and(|text| name != "message" || !text.is_object());
    is_wrapper || calls || TEXTS.iter().any(|name| is_text(name))
}

/// Returns the message inside an object that wraps one, else the object itself.
pub(super) fn inner_message(value: &Value) -> &Value {
    let is_said = |name: &str| value.get(name).is_some_and(|text| text.is_string() || text.is_array());
    if TEXTS.iter().any(|name| is_said(name)) {
        return value;
    }
    let has_words = |inner: &&Value| TEXTS.iter().any(|name| inner.get(*name).is_some());
    let mut wrapped = ["message", "data"].iter().filter_map(|name| value.get(*name)).filter(|inner| inner.is_object());
    wrapped.find(has_words).unwrap_or(value)
}

/// Returns the text of a message; if it has no text field, every readable string in it.
pub(super) fn message_text(message: &Value) -> String {
    text_value(message).map_or_else(|| other_text(message), content_text)
}

/// Returns the text field of a message.
fn text_value(message: &Value) -> Option<&Value> {
    if message.is_string() || message.is_array() {
        return Some(message);
    }
    let inner = inner_message(message);
    TEXTS.iter().find_map(|name| inner.get(*name).filter(|text| !text.is_null()))
}

/// Collects the readable strings of a message except its role.
fn other_text(message: &Value) -> String {
    let Value::Object(fields) = message else { return readable_strings(message) };
    let told = fields.iter().filter(|(name, _)| !ROLES.contains(&name.as_str()));
    readable_strings(&Value::Array(told.map(|(_, value)| value.clone()).collect()))
}

/// Adds the parts of a message.
pub(super) fn add_message_parts(builder: &mut DraftBuilder, message: &Value, speaker: &GenericSpeaker) {
    if let Some(thought) = first_field(message, &THOUGHTS) {
        builder.add_part(PartKind::Thinking, Origin::Model, thought, None);
    }
    let tool = first_field(message, &["tool", "tool_name", "name"]);
    match text_value(message) {
        Some(Value::Array(blocks)) => add_blocks(builder, blocks, speaker, tool),
        Some(body) => add_speaker_text(builder, &content_text(body), speaker, tool),
        None => {}
    }
    let calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
    let calls: Vec<&Value> = calls.chain(message.get("function_call").filter(|call| call.is_object())).collect();
    calls.iter().for_each(|call| add_call(builder, call));
    if text_value(message).is_none() && calls.is_empty() {
        builder.add_part(PartKind::Text, Origin::Client, &other_text(message), None);
    }
}

/// Adds blocks in order. Consecutive text blocks become one part.
fn add_blocks(builder: &mut DraftBuilder, blocks: &[Value], speaker: &GenericSpeaker, tool: Option<&str>) {
    let mut said: Vec<String> = Vec::new();
    for block in blocks {
        let kind = text_field(block, "type").unwrap_or("");
        if !matches!(kind, "thinking" | "reasoning" | "tool_use" | "tool_call" | "tool_result") {
            said.extend(Some(content_text(block)).filter(|text| !text.trim().is_empty()));
            continue;
        }
        add_speaker_text(builder, &std::mem::take(&mut said).join("\n"), speaker, tool);
        match kind {
            "thinking" | "reasoning" => {
                builder.add_part(PartKind::Thinking, Origin::Model, &readable_strings(block), None);
            }
            "tool_result" => {
                let text = block.get("content").map(content_text).unwrap_or_default();
                builder.add_result(first_field(block, &["name", "tool"]), &text);
            }
            _ => add_call(builder, block),
        }
    }
    add_speaker_text(builder, &said.join("\n"), speaker, tool);
}

fn add_speaker_text(builder: &mut DraftBuilder, text: &str, speaker: &GenericSpeaker, tool: Option<&str>) {
    match speaker {
        _ if text.trim().is_empty() => {}
        GenericSpeaker::Known(Role::Tool) => builder.add_result(tool, text),
        GenericSpeaker::Known(_) => builder.add_text(text),
        GenericSpeaker::Call => add_call(builder, &parse_object(Value::from(text))),
        GenericSpeaker::Odd(_) | GenericSpeaker::Missing => {
            builder.add_part(PartKind::Text, Origin::Client, text, None);
        }
    }
}

/// Adds a tool call as model APIs write it.
fn add_call(builder: &mut DraftBuilder, call: &Value) {
    let call = call.get("function").filter(|inner| inner.is_object()).unwrap_or(call);
    let arguments = ["arguments", "input", "args", "parameters"].iter().find_map(|name| call.get(*name));
    let arguments = arguments
        .map_or_else(|| if call.is_string() { call.clone() } else { Value::Null }, |value| parse_object(value.clone()));
    builder.add_call(first_field(call, &["name", "tool"]).unwrap_or("tool"), &arguments);
}

/// Parses a string that holds an object; returns any other value unchanged.
fn parse_object(value: Value) -> Value {
    let object = value.as_str().filter(|text| text.trim_start().starts_with('{'));
    let object = object.and_then(|text| json::parse_lenient(text.as_bytes()).ok()).map(|(object, _)| object);
    object.filter(Value::is_object).unwrap_or(value)
}
