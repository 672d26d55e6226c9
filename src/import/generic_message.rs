//! One message of generic JSON lines: who speaks, and its words under the names that programs give them.

use serde_json::Value;

use super::content::{content_text, readable_strings};
use super::draft_builder::{DraftBuilder, field, first};
use crate::domain::{Kind, Origin, Role, json};

/// Fields with the time of a message.
pub(super) const TIMES: [&str; 8] = ["ts", "timestamp", "created_at", "time", "at", "create_time", "createdAt", "date"];

/// Fields with the words of a message, best first.
const TEXTS: [&str; 7] = ["text", "content", "value", "message", "body", "say", "parts"];

/// Fields with what a model thought.
const THOUGHTS: [&str; 4] = ["reasoning_content", "reasoning", "thinking", "thought"];

/// Fields that name the speaker.
const ROLES: [&str; 5] = ["role", "from", "sender", "speaker", "author"];

/// Speaker of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Speaker {
    /// A role that is known under one of its names.
    Known(Role),
    /// A model that calls a tool: the text is the call.
    Call,
    /// A role that is not known.
    Odd(String),
    /// No role.
    Missing,
}

impl Speaker {
    pub(super) fn of(message: &Value) -> Self {
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

    pub(super) const fn role(&self) -> Role {
        match self {
            Self::Known(role) => *role,
            Self::Call => Role::Assistant,
            Self::Odd(_) | Self::Missing => Role::System,
        }
    }

    pub(super) fn is(&self, role: Role) -> bool {
        *self == Self::Known(role)
    }

    pub(super) const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }
}

/// The role as it is written, in small letters.
pub(super) fn role_name(message: &Value) -> String {
    let named = first(message, &ROLES).or_else(|| message.pointer("/author/role").and_then(Value::as_str));
    let inner = named.or_else(|| message.pointer("/message/role").and_then(Value::as_str));
    let by_type = || field(message, "type").filter(|kind| ["human", "ai", "user", "assistant"].contains(kind));
    inner.or_else(by_type).unwrap_or("").trim().to_lowercase()
}

/// Returns whether an object is a message: it has a field for words, or calls a tool.
pub(super) fn has_words(value: &Value) -> bool {
    let is_wrapper = !std::ptr::eq(inner_of(value), value);
    let calls = ["tool_calls", "function_call"].iter().any(|name| value.get(*name).is_some());
    // An object named `message` is one if it has words itself.
    let is_text = |name: &str| value.get(name).is_some_and(|text| name != "message" || !text.is_object());
    is_wrapper || calls || TEXTS.iter().any(|name| is_text(name))
}

/// Returns the message inside an object that wraps one, else the object itself.
pub(super) fn inner_of(value: &Value) -> &Value {
    let is_said = |name: &str| value.get(name).is_some_and(|text| text.is_string() || text.is_array());
    if TEXTS.iter().any(|name| is_said(name)) {
        return value;
    }
    let has_words = |inner: &&Value| TEXTS.iter().any(|name| inner.get(*name).is_some());
    let mut wrapped = ["message", "data"].iter().filter_map(|name| value.get(*name)).filter(|inner| inner.is_object());
    wrapped.find(has_words).unwrap_or(value)
}

/// Returns the words of a message; where it has no field for words, every string of it that reads like text.
pub(super) fn words_of(message: &Value) -> String {
    body_of(message).map_or_else(|| other_words(message), content_text)
}

/// The field with the words of a message.
fn body_of(message: &Value) -> Option<&Value> {
    if message.is_string() || message.is_array() {
        return Some(message);
    }
    let inner = inner_of(message);
    TEXTS.iter().find_map(|name| inner.get(*name).filter(|text| !text.is_null()))
}

/// The strings of a message beside its role.
fn other_words(message: &Value) -> String {
    let Value::Object(fields) = message else { return readable_strings(message) };
    let told = fields.iter().filter(|(name, _)| !ROLES.contains(&name.as_str()));
    readable_strings(&Value::Array(told.map(|(_, value)| value.clone()).collect()))
}

/// Adds the parts of a message.
pub(super) fn add_words(builder: &mut DraftBuilder, message: &Value, speaker: &Speaker) {
    if let Some(thought) = first(message, &THOUGHTS) {
        builder.add_part(Kind::Thinking, Origin::Model, thought, None);
    }
    let tool = first(message, &["tool", "tool_name", "name"]);
    match body_of(message) {
        Some(Value::Array(blocks)) => add_blocks(builder, blocks, speaker, tool),
        Some(body) => add_said(builder, &content_text(body), speaker, tool),
        None => {}
    }
    let calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
    let calls: Vec<&Value> = calls.chain(message.get("function_call").filter(|call| call.is_object())).collect();
    calls.iter().for_each(|call| add_call(builder, call));
    if body_of(message).is_none() && calls.is_empty() {
        builder.add_part(Kind::Text, Origin::Client, &other_words(message), None);
    }
}

/// Adds blocks in order; text that stands together is one part.
fn add_blocks(builder: &mut DraftBuilder, blocks: &[Value], speaker: &Speaker, tool: Option<&str>) {
    let mut said: Vec<String> = Vec::new();
    for block in blocks {
        let kind = field(block, "type").unwrap_or("");
        if !matches!(kind, "thinking" | "reasoning" | "tool_use" | "tool_call" | "tool_result") {
            said.extend(Some(content_text(block)).filter(|text| !text.trim().is_empty()));
            continue;
        }
        add_said(builder, &std::mem::take(&mut said).join("\n"), speaker, tool);
        match kind {
            "thinking" | "reasoning" => {
                builder.add_part(Kind::Thinking, Origin::Model, &readable_strings(block), None);
            }
            "tool_result" => {
                let text = block.get("content").map(content_text).unwrap_or_default();
                builder.add_result(first(block, &["name", "tool"]), &text);
            }
            _ => add_call(builder, block),
        }
    }
    add_said(builder, &said.join("\n"), speaker, tool);
}

fn add_said(builder: &mut DraftBuilder, text: &str, speaker: &Speaker, tool: Option<&str>) {
    match speaker {
        _ if text.trim().is_empty() => {}
        Speaker::Known(Role::Tool) => builder.add_result(tool, text),
        Speaker::Known(_) => builder.add_text(text),
        Speaker::Call => add_call(builder, &parsed(Value::from(text))),
        Speaker::Odd(_) | Speaker::Missing => builder.add_part(Kind::Text, Origin::Client, text, None),
    }
}

/// Adds a call, as the APIs of models write it.
fn add_call(builder: &mut DraftBuilder, call: &Value) {
    let call = call.get("function").filter(|inner| inner.is_object()).unwrap_or(call);
    let arguments = ["arguments", "input", "args", "parameters"].iter().find_map(|name| call.get(*name));
    let arguments = arguments
        .map_or_else(|| if call.is_string() { call.clone() } else { Value::Null }, |value| parsed(value.clone()));
    builder.add_call(first(call, &["name", "tool"]).unwrap_or("tool"), &arguments);
}

/// The object that a string holds; otherwise the value itself.
fn parsed(value: Value) -> Value {
    let object = value.as_str().filter(|text| text.trim_start().starts_with('{'));
    let object = object.and_then(|text| json::parse(text.as_bytes()).ok()).map(|(object, _)| object);
    object.filter(Value::is_object).unwrap_or(value)
}
