//! The export of claude.ai: conversations with their messages, flat or as a tree of attempts. Everything that was said is
//! kept; what is not on the way to the last message is a side conversation. Projects and memories are in `claude_ai_projects`.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde_json::Value;

use super::claude_ai_projects::{Names, is_memories, is_project, names_beside, read_memories, read_project};
use super::content::{content_text, readable_strings};
use super::draft_builder::{ContentIds, DraftBuilder, field, first, label, list, when};
use super::export::Service;
use super::{Item, Transcript};
use crate::domain::{Kind, Origin, Role, Timestamp};

/// The parent of a first message, as some exports write it.
const ROOT: &str = "00000000-0000-4000-8000-000000000000";

/// Stands in the flat text of a message for a block that the text cannot show.
const PLACEHOLDER: &str = "This block is not supported on your current device yet.";

/// Project of the conversations outside projects.
const NO_PROJECT: &str = "claude.ai";

/// The state of one export.
#[derive(Debug)]
pub(super) struct ClaudeAi {
    /// Names of projects by their ids.
    names: Names,
    /// The time of the file: memories have none.
    written: Option<Timestamp>,
    /// The last conversation: messages behind damage belong to it.
    session: Option<String>,
    /// Ids for what has none.
    ids: ContentIds,
}

/// Returns whether the start of a file shows conversations, projects or memories of claude.ai.
pub(super) fn recognizes(head: &[u8]) -> bool {
    let holds = |key: &[u8]| memchr::memmem::find(head, key).is_some();
    let is_project = holds(b"\"prompt_template\"") && (holds(b"\"docs\"") || holds(b"\"creator\""));
    holds(b"\"chat_messages\"") || is_project || holds(b"\"conversations_memory\"") || holds(b"\"project_memories\"")
}

impl ClaudeAi {
    pub(super) fn new(transcript: &Transcript) -> Self {
        let written = Some(Timestamp::from_milliseconds(transcript.modified)).filter(|at| at.milliseconds() > 0);
        Self { names: names_beside(&transcript.path), written, session: None, ids: ContentIds::default() }
    }
}

fn messages_of(value: &Value) -> Option<&[Value]> {
    let of = |name: &str| value.get(name)?.as_array().map(Vec::as_slice);
    of("chat_messages")
        .or_else(|| of("messages").filter(|all| all.iter().any(|message| message.get("sender").is_some())))
}

impl Service for ClaudeAi {
    fn knows_file(&self, path: &str) -> bool {
        let mut folders = path.rsplit('/');
        let file = folders.next().unwrap_or(path);
        let is_project =
            folders.next() == Some("projects") && Path::new(file).extension().is_some_and(|kind| kind == "json");
        ["projects.json", "memories.json", "users.json"].contains(&file) || is_project
    }

    fn recognizes(&self, head: &[u8]) -> bool {
        recognizes(head)
    }

    fn is_record(&self, value: &Value) -> bool {
        messages_of(value).is_some() || is_project(value) || is_memories(value)
    }

    fn is_message(&self, value: &Value) -> bool {
        value.get("sender").is_some() && (value.get("text").is_some() || value.get("content").is_some())
    }

    fn read_record(&mut self, value: &Value, line: u64) -> Result<Vec<Item>, String> {
        if let Some(messages) = messages_of(value) {
            return self.read_conversation(value, messages, line);
        }
        if is_project(value) {
            return Ok(read_project(value, line, &mut self.names));
        }
        if is_memories(value) {
            return Ok(read_memories(value, line, &self.names, self.written));
        }
        if value.get("email_address").is_some() || value.get("full_name").is_some() {
            return Ok(vec![Item::Bookkeeping("account".into())]);
        }
        if let (Some(id), Some(title)) = (field(value, "uuid"), field(value, "name")) {
            // A conversation, or a project of which nothing but the name was exported.
            self.names.insert(id.to_owned(), title.to_owned());
            return Ok(vec![Item::Bookkeeping("name without messages".into()), Item::title(id, title)]);
        }
        let kind = first(value, &["type", "object", "kind"]).unwrap_or("object without conversation").to_owned();
        let Some(session) = self.session.clone() else { return Ok(vec![Item::NotUnderstood(kind, None)]) };
        if self.is_message(value) {
            let around = Around { value: &Value::Null, session: &session, project: NO_PROJECT, line, neighbor: None };
            return Ok(vec![read_message(&around, value, &self.id_of(value), false)]);
        }
        let words = readable_strings(value);
        let mut builder = DraftBuilder::new(&session, &self.ids.next_id(&[&words]), Role::System, None, line);
        builder.add_part(Kind::Text, Origin::Client, &words, None);
        let draft = if let Item::Draft(draft) = builder.finish() { Some(draft) } else { None };
        Ok(vec![Item::NotUnderstood(kind, draft)])
    }
}

impl ClaudeAi {
    fn id_of(&mut self, message: &Value) -> String {
        label(message, &["uuid", "id"]).unwrap_or_else(|| made_id(&mut self.ids, message))
    }

    fn read_conversation(&mut self, value: &Value, messages: &[Value], line: u64) -> Result<Vec<Item>, String> {
        let session = match (label(value, &["uuid", "id", "conversation_id"]), messages.first()) {
            (Some(id), _) => id,
            // Made of its first message: it stays the same while the conversation grows.
            (None, Some(first)) => format!("conversation-{}", self.id_of(first)),
            (None, None) => return Err("a conversation with neither `uuid` nor messages, skipped".to_owned()),
        };
        self.session = Some(session.clone());
        let project = project_of(value, &self.names);
        let way = way(value, messages);
        let begun = when(value, &["created_at"]).or_else(|| messages.iter().find_map(time_of));
        let begun = begun.or_else(|| when(value, &["updated_at"]));
        let mut around = Around { value, session: &session, project: &project, line, neighbor: begun };
        let mut items = Vec::with_capacity(messages.len() + 2);
        let (mut used, mut made) = (HashSet::new(), ContentIds::default());
        for message in messages {
            let own = label(message, &["uuid", "id"]).filter(|id| !used.contains(id));
            let id = own.unwrap_or_else(|| made_id(&mut made, message));
            let is_side = way.as_ref().is_some_and(|way| !way.contains(id.as_str()));
            used.insert(id.clone());
            items.push(read_message(&around, message, &id, is_side));
            around.neighbor = time_of(message).or(around.neighbor);
        }
        if messages.is_empty() {
            items.push(Item::Bookkeeping("conversation without messages".into()));
        }
        items.extend(field(value, "summary").map(|summary| {
            let at = when(value, &["updated_at"]).or(around.neighbor);
            let mut builder = DraftBuilder::new(&session, "summary", Role::Assistant, at, line);
            builder.add_part(Kind::Summary, Origin::Model, summary, None);
            builder.draft().cwd = Some(project.clone());
            builder.finish()
        }));
        items.extend(first(value, &["name", "title"]).map(|title| Item::title(&session, title)));
        Ok(items)
    }
}

/// The name of the project that a conversation belongs to.
fn project_of(value: &Value, names: &Names) -> String {
    let id = field(value, "project_uuid").or_else(|| value.pointer("/project/uuid").and_then(Value::as_str));
    let named = value.pointer("/project/name").and_then(Value::as_str).filter(|name| !name.is_empty());
    let name = id.and_then(|id| names.get(id)).map(String::as_str).or(named);
    name.unwrap_or(NO_PROJECT).to_owned()
}

/// An id for a message without one, made of what it says.
fn made_id(ids: &mut ContentIds, message: &Value) -> String {
    let text = field(message, "text").map_or_else(|| readable_strings(message), str::to_owned);
    let at = label(message, &["created_at"]).unwrap_or_default();
    ids.next_id(&[field(message, "sender").unwrap_or(""), &at, &text])
}

fn time_of(message: &Value) -> Option<Timestamp> {
    when(message, &["created_at", "updated_at"])
}

/// Facts about a message from its conversation.
struct Around<'a> {
    value: &'a Value,
    session: &'a str,
    project: &'a str,
    line: u64,
    neighbor: Option<Timestamp>,
}

fn read_message(around: &Around<'_>, message: &Value, id: &str, is_side: bool) -> Item {
    let role = match first(message, &["sender", "role"]) {
        Some("human" | "user") => Role::User,
        Some("assistant") => Role::Assistant,
        _ => Role::System,
    };
    let mut builder = DraftBuilder::new(around.session, id, role, time_of(message), around.line);
    builder.set_neighbor_time(around.neighbor);
    add_parts(&mut builder, message, role);
    let about = builder.draft();
    about.parent_external_id =
        field(message, "parent_message_uuid").filter(|parent| *parent != ROOT).map(str::to_owned);
    about.cwd = Some(around.project.to_owned());
    about.model = field(around.value, "model").filter(|_| role == Role::Assistant).map(str::to_owned);
    about.sidechain = is_side;
    builder.finish()
}

/// The messages from the last one back to the first; `None` where the export knows no tree.
fn way<'a>(value: &'a Value, messages: &'a [Value]) -> Option<HashSet<&'a str>> {
    let parents: HashMap<&str, &str> = messages
        .iter()
        .filter_map(|message| Some((field(message, "uuid")?, field(message, "parent_message_uuid")?)))
        .collect();
    let mut at = field(value, "current_leaf_message_uuid")?;
    let mut way = HashSet::new();
    while way.insert(at) {
        let Some(parent) = parents.get(at) else { break };
        at = parent;
    }
    Some(way)
}

fn add_parts(builder: &mut DraftBuilder, message: &Value, role: Role) {
    for block in list(message, "content") {
        add_block(builder, block, role);
    }
    if let Some(text) = message.get("content").and_then(Value::as_str) {
        add_said(builder, text, role);
    }
    let says_something = |kind: Option<Kind>| {
        move |part: &crate::domain::DraftPart| kind.is_none_or(|kind| part.kind == kind) && !part.text.trim().is_empty()
    };
    // Older exports have the flat text only, and some newer ones have blocks that are empty.
    let flat = field(message, "text").unwrap_or("").replace(PLACEHOLDER, "");
    let is_empty = flat.trim_matches(|c: char| c.is_whitespace() || c == '`').is_empty();
    if !is_empty && !builder.draft().parts.iter().any(says_something(Some(Kind::Text))) {
        if !builder.draft().parts.iter().any(says_something(None)) {
            builder.draft().parts.clear();
        }
        add_said(builder, &flat, role);
    }
    for attachment in list(message, "attachments") {
        let content = field(attachment, "extracted_content").unwrap_or("");
        builder.add_part(Kind::ToolResult, Origin::Tool, content, Some("attachment"));
    }
    let named = ["attachments", "files", "files_v2"].iter().flat_map(|name| list(message, name));
    let mut files: Vec<String> = named.filter_map(|file| field(file, "file_name").map(str::to_owned)).collect();
    files.dedup();
    builder.draft().files.extend(files);
}

fn add_block(builder: &mut DraftBuilder, block: &Value, role: Role) {
    let Some(kind) = field(block, "type").or(block.is_string().then_some("text")) else {
        return add_said(builder, &content_text(block), role);
    };
    match kind {
        "thinking" => {
            let thought = field(block, "thinking").map_or_else(|| readable_strings(block), str::to_owned);
            builder.add_part(Kind::Thinking, Origin::Model, &thought, None);
        }
        "tool_use" => {
            builder.add_call(field(block, "name").unwrap_or("tool"), block.get("input").unwrap_or(&Value::Null));
        }
        "tool_result" => builder.add_result(field(block, "name"), &result_text(block)),
        "token_budget" | "redacted_thinking" => {}
        "text" | "voice_note" => add_said(builder, &content_text(block), role),
        // Nobody is taken to have typed a block of a type that is not known.
        other => builder.add_part(Kind::ToolResult, Origin::of_tool(Some(other)), &content_text(block), Some(other)),
    }
}

/// Returns the output of a tool: for the model, else as it was shown.
fn result_text(block: &Value) -> String {
    let texts = ["content", "structured_content", "display_content", "message"];
    let mut texts = texts.iter().filter_map(|name| block.get(*name)).map(content_text);
    texts.find(|text| !text.trim().is_empty()).unwrap_or_default()
}

/// Adds a text of the speaker. The service puts nothing into the place of a person.
fn add_said(builder: &mut DraftBuilder, text: &str, role: Role) {
    match role {
        Role::User => builder.add_typed(text),
        Role::System => builder.add_part(Kind::Text, Origin::Client, text, None),
        _ => builder.add_text(text),
    }
}

#[cfg(test)]
#[path = "claude_ai_tests.rs"]
mod tests;
