//! Adds the content of a message, in the forms that model APIs and agents share, to a draft: prose, reasoning, calls of
//! tools and their results. The importers decide who speaks.

use std::collections::HashMap;

use serde_json::Value;

use crate::domain::{Origin, PartKind, Role, Usage, json, own_output};
use crate::import::Item;
use crate::import::content::{content_text, readable_strings};
use crate::import::draft_builder::{ContentIds, DraftBuilder, first_field, first_time_field, text_field};

/// Fields of records that hold no words.
const ENVELOPE: [&str; 12] = [
    "type",
    "id",
    "uuid",
    "parentId",
    "parentUuid",
    "sessionId",
    "timestamp",
    "time",
    "cwd",
    "version",
    "gitBranch",
    "provenance",
];

/// Author of the prose of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentAuthor {
    Person,
    Model,
    /// The client: reminders, notices, errors.
    Client,
}

/// Names of tools by the ids of their calls.
#[derive(Debug, Default)]
pub(super) struct CallNames(HashMap<String, String>);

impl CallNames {
    pub(super) fn record_call(&mut self, id: Option<&str>, tool: &str) {
        if let Some(id) = id {
            self.0.insert(id.to_owned(), tool.to_owned());
        }
    }

    /// Returns the tool of a call.
    pub(super) fn find_tool(&self, id: Option<&str>) -> Option<&str> {
        self.0.get(id?).map(String::as_str)
    }
}

/// Adds prose. In a person's message, text that the client inserted is split off.
pub(super) fn add_prose(builder: &mut DraftBuilder, author: ContentAuthor, text: &str) {
    match author {
        ContentAuthor::Person => builder.add_prompt(text),
        _ if own_output::is_own_output(text) => builder.exclude_own_output(),
        ContentAuthor::Model => builder.add_part(PartKind::Text, Origin::Model, text, None),
        ContentAuthor::Client => builder.add_part(PartKind::Meta, Origin::Client, text, None),
    }
}

/// Adds a content: a text, a block, or a list of blocks. Returns true if it holds the result of a call.
pub(super) fn add_content(
    builder: &mut DraftBuilder,
    content: &Value,
    author: ContentAuthor,
    calls: &mut CallNames,
) -> bool {
    match content {
        Value::Array(blocks) => {
            // Every block is added, also after the first result.
            let results = blocks.iter().filter(|block| add_block(builder, block, author, calls));
            results.count() > 0
        }
        Value::Null => false,
        one => add_block(builder, one, author, calls),
    }
}

/// Adds one block. Returns true if it is the result of a call.
fn add_block(builder: &mut DraftBuilder, block: &Value, author: ContentAuthor, calls: &mut CallNames) -> bool {
    let kind = text_field(block, "type").unwrap_or("");
    match kind {
        _ if block.is_string() => add_prose(builder, author, block.as_str().unwrap_or("")),
        "text" | "input_text" | "output_text" => add_prose(builder, author, text_field(block, "text").unwrap_or("")),
        "thinking" | "reasoning" => {
            let text = first_field(block, &["thinking", "text", "reasoning", "content"]).unwrap_or("");
            builder.add_part(PartKind::Thinking, Origin::Model, text, None);
        }
        "redacted_thinking" => {}
        "tool_use" | "server_tool_use" | "mcp_tool_use" | "toolCall" => {
            let tool = text_field(block, "name").unwrap_or("tool");
            calls.record_call(text_field(block, "id"), tool);
            let arguments = ["input", "arguments", "args"].iter().find_map(|name| block.get(*name));
            builder.add_call(tool, arguments.unwrap_or(&Value::Null));
        }
        _ if kind.ends_with("tool_result") => {
            let id = first_field(block, &["tool_use_id", "toolUseID", "call_id"]);
            let tool = calls.find_tool(id).or_else(|| text_field(block, "name")).map(str::to_owned);
            let content = ["content", "output", "run"].iter().find_map(|name| block.get(*name));
            builder.add_result(tool.as_deref(), &content.map(result_text).unwrap_or_default());
            return true;
        }
        "image" | "image_url" | "imageUrl" | "input_image" => {
            builder.add_part(PartKind::Meta, Origin::Client, "[image]", None);
        }
        _ => {
            let origin = if author == ContentAuthor::Model { Origin::Model } else { Origin::Tool };
            let name = Some(kind).filter(|kind| !kind.is_empty());
            builder.add_part(PartKind::ToolResult, origin, &content_text(block), name);
        }
    }
    false
}

/// Returns the text of a result: blocks, or objects with an output or an error.
pub(super) fn result_text(result: &Value) -> String {
    let of_one = |one: &Value| match one {
        Value::Object(_) if one.get("type").is_some() => content_text(one),
        Value::Object(_) => {
            let fields = ["output", "result", "error", "content", "text", "message"];
            let texts = fields.iter().filter_map(|name| one.get(*name)).map(content_text);
            let texts: Vec<String> = texts.filter(|text| !text.trim().is_empty()).collect();
            if texts.is_empty() { readable_strings(one) } else { texts.join("\n") }
        }
        other => content_text(other),
    };
    match result {
        Value::Array(list) => list.iter().map(of_one).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n"),
        one => of_one(one),
    }
}

/// Parses arguments that are written as a string of JSON; returns anything else as it is.
pub(super) fn parse_arguments(arguments: &Value) -> Value {
    let parsed = arguments.as_str().and_then(|text| json::parse_lenient(text.as_bytes()).ok());
    parsed.map_or_else(|| arguments.clone(), |(value, _)| value)
}

/// Sets the role to the tool's if nothing but results was said.
pub(super) fn set_result_role(builder: &mut DraftBuilder, results: bool) {
    let draft = builder.draft_mut();
    if results && !draft.parts.iter().any(|part| part.kind == PartKind::Text) {
        draft.role = Role::Tool;
    }
}

/// Builds the item of a record of an unknown type, with its readable strings.
pub(super) fn keep_unknown(ids: &mut ContentIds, session: &str, kind: &str, record: &Value, line: u64) -> Item {
    // What every record has says nothing.
    let told = record.as_object().into_iter().flatten().filter(|(name, _)| !ENVELOPE.contains(&name.as_str()));
    let told: Vec<String> = told.map(|(_, value)| readable_strings(value)).filter(|text| !text.is_empty()).collect();
    let words = told.join("\n");
    let id = ids.next_id(&[kind, &words]);
    let at = first_time_field(record, &["timestamp", "time", "ts", "created"]);
    let mut builder = DraftBuilder::new(session, &id, Role::System, at, line);
    builder.add_part(PartKind::Meta, Origin::Client, &words, None);
    match builder.finish() {
        Item::Draft(draft) => Item::NotUnderstood(kind.to_owned(), Some(draft)),
        _ => Item::NotUnderstood(kind.to_owned(), None),
    }
}

/// Returns token counts by the names of their fields; `None` if all are missing or zero. `cached` says whether the
/// input includes what was read from the cache.
pub(super) fn read_usage(value: &Value, names: [&str; 4], input_includes_cached: bool) -> Option<Usage> {
    let of = |name: &str| value.get(name).and_then(Value::as_u64).unwrap_or(0);
    let [input, output, cache_read, cache_write] = names.map(of);
    let input = if input_includes_cached { input.saturating_sub(cache_read) } else { input };
    let usage = Usage { input, output, cache_read, cache_write };
    (usage != Usage::default()).then_some(usage)
}
