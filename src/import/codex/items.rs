//! The conversation with the model: `response_item` records, and the flat records of 2025, which are the same without
//! an envelope.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::super::Item;
use super::super::content::{content_text, readable_strings};
use super::super::draft_builder::{DraftBuilder, field, list};
use super::Codex;
use super::authors::{Author, Authors, add_prompt, split_request};
use super::copies::{Channel, Speaker};
use crate::domain::{Kind, Origin, Role, json, mark};

/// Types that hold nothing that was said or done: settings and lists for the model, encrypted summaries.
const BOOKKEEPING: [&str; 6] = [
    "additional_tools",
    "ghost_snapshot",
    "compaction",
    "compaction_trigger",
    "compaction_summary",
    "context_compaction",
];

/// Lines that the client puts before an output: the time it took, its exit code.
const MAX_LINES_BEFORE: usize = 8;

/// A call of a tool whose output may still come.
#[derive(Debug, Clone)]
pub(super) struct Call {
    tool: String,
    /// Set when the output is our own.
    is_own: bool,
    /// Set when code in it calls our tools: some parts of the output may be our own.
    calls_own: bool,
}

/// Recognises the types of records in files without envelopes.
pub(super) fn is_item_type(kind: &str) -> bool {
    matches!(kind, "message" | "reasoning" | "agent_message")
        || kind.ends_with("_call")
        || kind.ends_with("_output")
        || BOOKKEEPING.contains(&kind)
}

impl Codex {
    /// Reads one item of the conversation.
    pub(super) fn read_item(&mut self, payload: &Value, line: u64) -> Item {
        let kind = field(payload, "type").unwrap_or(if payload.get("role").is_some() { "message" } else { "" });
        let call = field(payload, "call_id");
        let item = match kind {
            "message" => self.message(payload, line),
            "reasoning" => self.reasoning(payload, line),
            "agent_message" => self.agent_message(payload, line),
            _ if BOOKKEEPING.contains(&kind) => return Item::Bookkeeping(format!("response_item:{kind}").into()),
            _ if kind.ends_with("_call") => self.call(kind, payload, line),
            _ if kind.ends_with("_output") => self.output(payload, line),
            _ => self.unknown(&format!("response_item:{kind}"), payload, Role::Assistant, line),
        };
        self.identify(item, field(payload, "id"), call.unwrap_or(""))
    }

    fn message(&mut self, payload: &Value, line: u64) -> Item {
        let role = match field(payload, "role") {
            Some("user") => Role::User,
            Some("developer" | "system") => Role::System,
            Some("assistant") => Role::Assistant,
            Some("tool") => Role::Tool,
            _ => return self.unknown("response_item:message", payload, Role::Assistant, line),
        };
        let authors = Authors::of(payload);
        let mut builder = self.builder(role, line);
        let mut texts = Vec::new();
        for (place, part) in parts_of(payload.get("content")).iter().enumerate() {
            let text = content_text(part);
            let author = authors.author(place, part, &text);
            // What a hook of ours added stands among the client's instructions.
            let may_be_ours = role == Role::System || author == Author::Client;
            match author {
                _ if may_be_ours && text.contains(mark::PREAMBLE) => builder.leave_out_own(),
                Author::Summary => builder.add_part(Kind::Summary, Origin::Client, &text, None),
                Author::Client if role == Role::User => builder.add_part(Kind::Meta, Origin::Client, &text, None),
                _ if role == Role::User => self.add_prompt(&mut builder, &text),
                _ => builder.add_text(&text),
            }
            texts.push(text);
        }
        let speaker = if role == Role::Assistant { Speaker::Model } else { Speaker::Person };
        self.note_texts(speaker, texts);
        builder.finish()
    }

    /// Adds what stands in the place of a person. The prompts of a sub-agent are a model's.
    pub(super) fn add_prompt(&self, builder: &mut DraftBuilder, text: &str) {
        let (context, request) = split_request(text);
        if !context.is_empty() {
            builder.add_part(Kind::Meta, Origin::Client, context, None);
        }
        if self.identity.is_subagent {
            add_prompt(builder, request, Origin::Model);
        } else {
            builder.add_prompt(request);
        }
    }

    /// Notes what a message said: as a whole and part by part, for its copies hold either.
    fn note_texts(&mut self, speaker: Speaker, texts: Vec<String>) {
        if texts.len() > 1 {
            self.copies.note_said(speaker, Channel::Response, &texts.join("\n"));
        }
        for text in texts {
            self.copies.note_said(speaker, Channel::Response, &text);
        }
    }

    fn reasoning(&mut self, payload: &Value, line: u64) -> Item {
        let mut builder = self.builder(Role::Assistant, line);
        let parts = ["summary", "content"].into_iter().flat_map(|name| parts_of(payload.get(name)).iter());
        let texts: Vec<String> = parts.map(content_text).filter(|text| !text.trim().is_empty()).collect();
        builder.add_part(Kind::Thinking, Origin::Model, &texts.join("\n"), None);
        self.note_texts(Speaker::Thought, texts);
        match builder.finish() {
            // It is encrypted.
            Item::Bookkeeping(_) => Item::Bookkeeping("response_item:reasoning".into()),
            item => item,
        }
    }

    /// Reads a message between agents: a task for a sub-agent, or its answer.
    fn agent_message(&mut self, payload: &Value, line: u64) -> Item {
        let text = content_text(payload.get("content").unwrap_or(&Value::Null));
        if self.identity.is_subagent {
            let mut builder = self.builder(Role::User, line);
            add_prompt(&mut builder, &text, Origin::Model);
            return builder.finish();
        }
        let mut builder = self.builder(Role::Tool, line);
        builder.add_result(Some("agent_message"), &text);
        builder.finish()
    }

    fn call(&mut self, kind: &str, payload: &Value, line: u64) -> Item {
        let tool = tool_name(payload, kind.trim_end_matches("_call"));
        let given = given_to(payload);
        let mut builder = self.builder(Role::Assistant, line);
        builder.add_call(&tool, &given);
        let item = builder.finish();
        let text = first_text(&item);
        let id = field(payload, "call_id").or_else(|| field(payload, "id"));
        self.copies.note_call(id, text);
        if let Some(id) = id {
            let calls_own =
                given.is_string() && mark::OWN_TOOLS.iter().chain(&mark::SHARED_TOOLS).any(|own| text.contains(own));
            let is_own = is_own_call(&tool, payload);
            self.calls.insert(id.to_owned(), Call { tool, is_own, calls_own });
        }
        item
    }

    fn output(&mut self, payload: &Value, line: u64) -> Item {
        let call = field(payload, "call_id").and_then(|id| self.calls.get(id)).cloned();
        let output = ["output", "tools", "result"].iter().find_map(|name| payload.get(*name)).unwrap_or(&Value::Null);
        let mut builder = self.builder(Role::Tool, line);
        let mut texts = Vec::new();
        for part in parts_of(Some(output)) {
            let text = output_text(part);
            self.copies.note_output(&text);
            let is_own = call.as_ref().is_some_and(|call| {
                call.is_own || (call.calls_own && (text.contains(mark::PREAMBLE) || text.contains(mark::URI_PREFIX)))
            });
            if is_own || opens_with_own(&text) { builder.leave_out_own() } else { texts.push(text) }
        }
        builder.add_result(call.as_ref().map(|call| call.tool.as_str()), &texts.join("\n"));
        builder.finish()
    }

    /// A record of a type that is not known, with the words in it.
    pub(super) fn unknown(&self, kind: &str, payload: &Value, role: Role, line: u64) -> Item {
        let mut builder = self.builder(role, line);
        builder.add_part(Kind::Meta, Origin::Client, &readable_strings(payload), None);
        match builder.finish() {
            Item::Draft(draft) => Item::NotUnderstood(kind.to_owned(), Some(draft)),
            _ => Item::NotUnderstood(kind.to_owned(), None),
        }
    }
}

/// The parts of a content: the elements of a list, or the value itself.
pub(super) fn parts_of(content: Option<&Value>) -> &[Value] {
    match content {
        None | Some(Value::Null) => &[],
        Some(Value::Array(parts)) => parts,
        Some(one) => std::slice::from_ref(one),
    }
}

/// Name of the tool that a call names, with its namespace as a client of MCP writes it.
pub(super) fn tool_name(payload: &Value, kind: &str) -> String {
    let name = field(payload, "name").or_else(|| field(payload, "tool")).unwrap_or(kind);
    match field(payload, "namespace") {
        Some(space) if space.starts_with("mcp__") => format!("{}__{name}", space.trim_end_matches('_')),
        Some(space) => format!("{space}.{name}"),
        None => name.to_owned(),
    }
}

/// Recognises calls of our own tools.
pub(super) fn is_own_call(tool: &str, payload: &Value) -> bool {
    let server = field(payload, "namespace").or_else(|| field(payload, "server"));
    let mut names = ["name", "tool"].iter().filter_map(|key| field(payload, key));
    mark::is_own_tool(tool) || names.any(|name| mark::is_own_call(name, server))
}

/// Input of a call. Arguments are JSON inside a string; code and patches are plain text.
fn given_to(payload: &Value) -> Cow<'_, Value> {
    let given = ["arguments", "input", "action"].iter().find_map(|name| payload.get(*name));
    if let Some(given) = given.filter(|given| !given.is_null()) {
        let parsed = given.as_str().and_then(|text| json::parse(text.as_bytes()).ok());
        let parsed = parsed.map(|(value, _)| value).filter(Value::is_object);
        return parsed.map_or(Cow::Borrowed(given), Cow::Owned);
    }
    // Made by the service itself: a picture, a search.
    let told = ["revised_prompt", "prompt", "query", "queries", "path"];
    let fields = told.iter().filter_map(|name| Some(((*name).to_owned(), payload.get(*name)?.clone())));
    Cow::Owned(Value::Object(fields.filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>()))
}

/// Text of one part of an output. What is no text of its own is kept as it stands.
fn output_text(part: &Value) -> String {
    let text = content_text(part);
    let is_image = field(part, "type").is_some_and(|kind| kind.contains("image"));
    if text.is_empty() && part.is_object() && !is_image { readable_strings(part) } else { text }
}

/// Recognises our own output behind the lines that the client puts before it.
fn opens_with_own(text: &str) -> bool {
    text.lines().take(MAX_LINES_BEFORE).any(mark::is_own_output)
}

/// The first text of an item.
pub(super) fn first_text(item: &Item) -> &str {
    match item {
        Item::Draft(draft) => draft.parts.first().map_or("", |part| part.text.as_str()),
        _ => "",
    }
}

/// Items of a summary's replacement for the history before it.
pub(super) fn replaced_messages(payload: &Value) -> impl Iterator<Item = (&str, String, bool)> {
    let replaced = list(payload, "replacement_history").iter().map(|message| {
        let is_summary = matches!(Authors::of(message).author(0, &Value::Null, ""), Author::Summary);
        let text = content_text(message.get("content").unwrap_or(&Value::Null));
        (field(message, "role").unwrap_or(""), text, is_summary)
    });
    let retained =
        [("user_messages", "user"), ("assistant_messages", "assistant")].into_iter().flat_map(|(name, role)| {
            let messages = payload.get("retained_context").map_or(&[][..], |context| list(context, name));
            messages.iter().map(move |message| (role, field(message, "text").unwrap_or("").to_owned(), false))
        });
    replaced.chain(retained)
}
