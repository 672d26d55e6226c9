//! Reads the conversation with the model: `response_item` records, and the flat records of 2025, which are the same
//! without an envelope.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::super::Item;
use super::super::content::{content_text, readable_strings};
use super::super::draft_builder::{DraftBuilder, array_field, text_field};
use super::Codex;
use super::authors::{PartAuthor, PartAuthors, add_prompt_from, split_request};
use super::copies::{Channel, CodexSpeaker};
use crate::domain::{Origin, PartKind, Role, json, own_output};

/// Types without conversation: settings and lists for the model, encrypted summaries.
const BOOKKEEPING: [&str; 6] = [
    "additional_tools",
    "ghost_snapshot",
    "compaction",
    "compaction_trigger",
    "compaction_summary",
    "context_compaction",
];

/// Maximum number of lines that the client puts before an output: duration and exit code.
const MAX_LINES_BEFORE: usize = 8;

/// A tool call whose output may still follow.
#[derive(Debug, Clone)]
pub(super) struct CodexCall {
    tool: String,
    /// True if the output is our own.
    is_own: bool,
    /// True if code in the call uses our tools, so that parts of the output may be our own.
    calls_own: bool,
}

/// Returns true for record types in files without envelopes.
pub(super) fn is_item_type(kind: &str) -> bool {
    matches!(kind, "message" | "reasoning" | "agent_message")
        || kind.ends_with("_call")
        || kind.ends_with("_output")
        || BOOKKEEPING.contains(&kind)
}

impl Codex {
    /// Reads one item of the conversation.
    pub(super) fn read_item(&mut self, payload: &Value, line: u64) -> Item {
        let kind = text_field(payload, "type").unwrap_or(if payload.get("role").is_some() { "message" } else { "" });
        let call = text_field(payload, "call_id");
        let item = match kind {
            "message" => self.read_message(payload, line),
            "reasoning" => self.read_reasoning(payload, line),
            "agent_message" => self.read_agent_message(payload, line),
            _ if BOOKKEEPING.contains(&kind) => return Item::Bookkeeping(format!("response_item:{kind}").into()),
            _ if kind.ends_with("_call") => self.read_call(kind, payload, line),
            _ if kind.ends_with("_output") => self.read_output(payload, line),
            _ => self.build_unknown(&format!("response_item:{kind}"), payload, Role::Assistant, line),
        };
        self.identify_item(item, text_field(payload, "id"), call.unwrap_or(""))
    }

    fn read_message(&mut self, payload: &Value, line: u64) -> Item {
        let role = match text_field(payload, "role") {
            Some("user") => Role::User,
            Some("developer" | "system") => Role::System,
            Some("assistant") => Role::Assistant,
            Some("tool") => Role::Tool,
            _ => return self.build_unknown("response_item:message", payload, Role::Assistant, line),
        };
        let authors = PartAuthors::from_message(payload);
        let mut builder = self.start_message(role, line);
        let mut texts = Vec::new();
        for (place, part) in content_parts(payload.get("content")).iter().enumerate() {
            let text = content_text(part);
            let author = authors.part_author(place, part, &text);
            // Text added by our hook is among the client's instructions.
            let may_be_ours = role == Role::System || author == PartAuthor::Client;
            match author {
                _ if may_be_ours && text.contains(own_output::PREAMBLE) => builder.exclude_own_output(),
                PartAuthor::Summary => builder.add_part(PartKind::Summary, Origin::Client, &text, None),
                PartAuthor::Client if role == Role::User => {
                    builder.add_part(PartKind::Meta, Origin::Client, &text, None);
                }
                _ if role == Role::User => self.add_prompt(&mut builder, &text),
                _ => builder.add_text(&text),
            }
            texts.push(text);
        }
        let speaker = if role == Role::Assistant { CodexSpeaker::Model } else { CodexSpeaker::Person };
        self.record_texts(speaker, texts);
        builder.finish()
    }

    /// Adds the text of a user message. The prompts of a sub-agent were written by a model.
    pub(super) fn add_prompt(&self, builder: &mut DraftBuilder, text: &str) {
        let (context, request) = split_request(text);
        if !context.is_empty() {
            builder.add_part(PartKind::Meta, Origin::Client, context, None);
        }
        if self.identity.is_subagent {
            add_prompt_from(builder, request, Origin::Model);
        } else {
            builder.add_prompt(request);
        }
    }

    /// Records the texts of a message, whole and part by part, because copies may hold either.
    fn record_texts(&mut self, speaker: CodexSpeaker, texts: Vec<String>) {
        if texts.len() > 1 {
            self.copies.record_text(speaker, Channel::Response, &texts.join("\n"));
        }
        for text in texts {
            self.copies.record_text(speaker, Channel::Response, &text);
        }
    }

    fn read_reasoning(&mut self, payload: &Value, line: u64) -> Item {
        let mut builder = self.start_message(Role::Assistant, line);
        let parts = ["summary", "content"].into_iter().flat_map(|name| content_parts(payload.get(name)).iter());
        let texts: Vec<String> = parts.map(content_text).filter(|text| !text.trim().is_empty()).collect();
        builder.add_part(PartKind::Thinking, Origin::Model, &texts.join("\n"), None);
        self.record_texts(CodexSpeaker::Thought, texts);
        match builder.finish() {
            // The reasoning is encrypted.
            Item::Bookkeeping(_) => Item::Bookkeeping("response_item:reasoning".into()),
            item => item,
        }
    }

    /// Reads a message between agents: a task for a sub-agent, or its answer.
    fn read_agent_message(&mut self, payload: &Value, line: u64) -> Item {
        let text = content_text(payload.get("content").unwrap_or(&Value::Null));
        if self.identity.is_subagent {
            let mut builder = self.start_message(Role::User, line);
            add_prompt_from(&mut builder, &text, Origin::Model);
            return builder.finish();
        }
        let mut builder = self.start_message(Role::Tool, line);
        builder.add_result(Some("agent_message"), &text);
        builder.finish()
    }

    fn read_call(&mut self, kind: &str, payload: &Value, line: u64) -> Item {
        let tool = tool_name(payload, kind.trim_end_matches("_call"));
        let given = call_input(payload);
        let mut builder = self.start_message(Role::Assistant, line);
        builder.add_call(&tool, &given);
        let item = builder.finish();
        let text = first_text(&item);
        let id = text_field(payload, "call_id").or_else(|| text_field(payload, "id"));
        self.copies.record_call(id, text);
        if let Some(id) = id {
            let calls_own = given.is_string()
                && own_output::OWN_TOOLS.iter().chain(&own_output::SHARED_TOOLS).any(|own| text.contains(own));
            let is_own = is_own_call(&tool, payload);
            self.calls.insert(id.to_owned(), CodexCall { tool, is_own, calls_own });
        }
        item
    }

    fn read_output(&mut self, payload: &Value, line: u64) -> Item {
        let call = text_field(payload, "call_id").and_then(|id| self.calls.get(id)).cloned();
        let output = ["output", "tools", "result"].iter().find_map(|name| payload.get(*name)).unwrap_or(&Value::Null);
        let mut builder = self.start_message(Role::Tool, line);
        let mut texts = Vec::new();
        for part in content_parts(Some(output)) {
            let text = output_text(part);
            self.copies.record_output(&text);
            let is_own = call.as_ref().is_some_and(|call| {
                call.is_own
                    || (call.calls_own
                        && (text.contains(own_output::PREAMBLE) || text.contains(own_output::URI_PREFIX)))
            });
            if is_own || starts_with_own_output(&text) { builder.exclude_own_output() } else { texts.push(text) }
        }
        builder.add_result(call.as_ref().map(|call| call.tool.as_str()), &texts.join("\n"));
        builder.finish()
    }

    /// Builds an item for a record of an unknown type, with its readable strings.
    pub(super) fn build_unknown(&self, kind: &str, payload: &Value, role: Role, line: u64) -> Item {
        let mut builder = self.start_message(role, line);
        builder.add_part(PartKind::Meta, Origin::Client, &readable_strings(payload), None);
        match builder.finish() {
            Item::Draft(draft) => Item::NotUnderstood(kind.to_owned(), Some(draft)),
            _ => Item::NotUnderstood(kind.to_owned(), None),
        }
    }
}

/// Returns the parts of a content value: the elements of an array, or the value itself.
pub(super) fn content_parts(content: Option<&Value>) -> &[Value] {
    match content {
        None | Some(Value::Null) => &[],
        Some(Value::Array(parts)) => parts,
        Some(one) => std::slice::from_ref(one),
    }
}

/// Returns the tool name of a call, with its namespace as MCP clients write it.
pub(super) fn tool_name(payload: &Value, kind: &str) -> String {
    let name = text_field(payload, "name").or_else(|| text_field(payload, "tool")).unwrap_or(kind);
    match text_field(payload, "namespace") {
        Some(space) if space.starts_with("mcp__") => format!("{}__{name}", space.trim_end_matches('_')),
        Some(space) => format!("{space}.{name}"),
        None => name.to_owned(),
    }
}

/// Returns true for calls of our own tools.
pub(super) fn is_own_call(tool: &str, payload: &Value) -> bool {
    let server = text_field(payload, "namespace").or_else(|| text_field(payload, "server"));
    let mut names = ["name", "tool"].iter().filter_map(|key| text_field(payload, key));
    own_output::is_own_tool(tool) || names.any(|name| own_output::is_own_call(name, server))
}

/// Returns the input of a call. Arguments are JSON inside a string; code and patches are plain text.
fn call_input(payload: &Value) -> Cow<'_, Value> {
    let given = ["arguments", "input", "action"].iter().find_map(|name| payload.get(*name));
    if let Some(given) = given.filter(|given| !given.is_null()) {
        let parsed = given.as_str().and_then(|text| json::parse_lenient(text.as_bytes()).ok());
        let parsed = parsed.map(|(value, _)| value).filter(Value::is_object);
        return parsed.map_or(Cow::Borrowed(given), Cow::Owned);
    }
    // The service made the call itself: image generation, a search.
    let told = ["revised_prompt", "prompt", "query", "queries", "path"];
    let fields = told.iter().filter_map(|name| Some(((*name).to_owned(), payload.get(*name)?.clone())));
    Cow::Owned(Value::Object(fields.filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>()))
}

/// Returns the text of one part of an output. A part without a text field yields its readable strings.
fn output_text(part: &Value) -> String {
    let text = content_text(part);
    let is_image = text_field(part, "type").is_some_and(|kind| kind.contains("image"));
    if text.is_empty() && part.is_object() && !is_image { readable_strings(part) } else { text }
}

/// Returns true if our own output follows the lines that the client puts before it.
fn starts_with_own_output(text: &str) -> bool {
    text.lines().take(MAX_LINES_BEFORE).any(own_output::is_own_output)
}

/// Returns the text of an item's first part.
pub(super) fn first_text(item: &Item) -> &str {
    match item {
        Item::Draft(draft) => draft.parts.first().map_or("", |part| part.text.as_str()),
        _ => "",
    }
}

/// Returns role, text and "is a summary" of the messages that replaced the history at a compaction.
pub(super) fn replaced_messages(payload: &Value) -> impl Iterator<Item = (&str, String, bool)> {
    let replaced = array_field(payload, "replacement_history").iter().map(|message| {
        let is_summary =
            matches!(PartAuthors::from_message(message).part_author(0, &Value::Null, ""), PartAuthor::Summary);
        let text = content_text(message.get("content").unwrap_or(&Value::Null));
        (text_field(message, "role").unwrap_or(""), text, is_summary)
    });
    let retained =
        [("user_messages", "user"), ("assistant_messages", "assistant")].into_iter().flat_map(|(name, role)| {
            let messages = payload.get("retained_context").map_or(&[][..], |context| array_field(context, name));
            messages.iter().map(move |message| (role, text_field(message, "text").unwrap_or("").to_owned(), false))
        });
    replaced.chain(retained)
}
