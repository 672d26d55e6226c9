//! Reads claude.ai exports: conversations with their messages, flat or as a tree of attempts. All messages are kept;
//! those off the path to the last message form a side conversation. Projects and memories are in `claude_ai_projects`.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde_json::Value;

use super::claude_ai_projects::{
    ProjectNames, is_memories, is_project, read_memories, read_project, read_sibling_names,
};
use super::content::{content_text, readable_strings};
use super::draft_builder::{
    ContentIds, DraftBuilder, array_field, first_field, first_label, first_time_field, text_field,
};
use super::export::{self, ExportService, is_export};
use super::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules, has_name};
use super::{Item, TranscriptFile};
use crate::domain::{Origin, PartKind, Role, Timestamp};

/// Parent id that some exports write for a first message.
const ROOT: &str = "00000000-0000-4000-8000-000000000000";

/// Placeholder in the flat text of a message for a block that plain text cannot show.
const PLACEHOLDER: &str = "This block is not supported on your current device yet.";

/// Project of the conversations outside projects.
const NO_PROJECT: &str = "claude.ai";

/// The importer of claude.ai's exports.
pub(super) static IMPORTER: Importer = Importer {
    name: "claude-ai",
    kind: ImporterKind::Files,
    help: ImporterHelp {
        command: "Import an export of claude.ai",
        path: "ZIP file, its conversations.json, or the folder it was unpacked to",
        hint: "name the file that claude.ai sent (Settings, Privacy, Export data), zipped or not",
    },
    default_folder: None,
    owns_file: |path| has_name(path, &["projects.json", "memories.json"]) || is_export(path, is_claude_ai_head),
    is_own_record,
    reader_version: 2,
    open: |transcript, _, options| export::open(transcript, options, Box::new(ClaudeAi::new(transcript))),
    special: SpecialRules::NONE,
};

/// State while one export is read.
#[derive(Debug)]
struct ClaudeAi {
    /// Names of projects by their ids.
    names: ProjectNames,
    /// Modification time of the file, for memories, which have no time.
    written: Option<Timestamp>,
    /// Session of the last conversation. Messages found after a damaged place are added to it.
    session: Option<String>,
    /// Ids for records without one.
    ids: ContentIds,
}

/// Returns true for a record that only claude.ai writes.
fn is_own_record(value: &Value) -> bool {
    let has = |name: &str| value.get(name).is_some();
    let is_list = |name: &str| value.get(name).is_some_and(Value::is_array);
    let is_project = has("prompt_template") && (has("uuid") || is_list("docs"));
    is_list("chat_messages") || has("conversations_memory") || has("project_memories") || is_project
}

/// Returns true if the start of a file looks like conversations, projects or memories of claude.ai.
fn is_claude_ai_head(head: &[u8]) -> bool {
    let holds = |key: &[u8]| memchr::memmem::find(head, key).is_some();
    let is_project = holds(b"\"prompt_template\"") && (holds(b"\"docs\"") || holds(b"\"creator\""));
    holds(b"\"chat_messages\"") || is_project || holds(b"\"conversations_memory\"") || holds(b"\"project_memories\"")
}

impl ClaudeAi {
    fn new(transcript: &TranscriptFile) -> Self {
        let written = Some(Timestamp::from_milliseconds(transcript.modified)).filter(|at| at.to_milliseconds() > 0);
        Self { names: read_sibling_names(&transcript.path), written, session: None, ids: ContentIds::default() }
    }
}

fn messages_of(value: &Value) -> Option<&[Value]> {
    let of = |name: &str| value.get(name)?.as_array().map(Vec::as_slice);
    of("chat_messages")
        .or_else(|| of("messages").filter(|all| all.iter().any(|message| message.get("sender").is_some())))
}

impl ExportService for ClaudeAi {
    fn knows_file(&self, path: &str) -> bool {
        let mut folders = path.rsplit('/');
        let file = folders.next().unwrap_or(path);
        let is_project =
            folders.next() == Some("projects") && Path::new(file).extension().is_some_and(|kind| kind == "json");
        ["projects.json", "memories.json", "users.json"].contains(&file) || is_project
    }

    fn recognizes_head(&self, head: &[u8]) -> bool {
        is_claude_ai_head(head)
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
        if let (Some(id), Some(title)) = (text_field(value, "uuid"), text_field(value, "name")) {
            // A conversation or a project that was exported with nothing but its name.
            self.names.insert(id.to_owned(), title.to_owned());
            return Ok(vec![Item::Bookkeeping("name without messages".into()), Item::generated_title(id, title)]);
        }
        let kind = first_field(value, &["type", "object", "kind"]).unwrap_or("object without conversation").to_owned();
        let Some(session) = self.session.clone() else { return Ok(vec![Item::NotUnderstood(kind, None)]) };
        if self.is_message(value) {
            let around =
                ClaudeAiContext { value: &Value::Null, session: &session, project: NO_PROJECT, line, neighbor: None };
            return Ok(vec![read_message(&around, value, &self.message_id(value), false)]);
        }
        let words = readable_strings(value);
        let mut builder = DraftBuilder::new(&session, &self.ids.next_id(&[&words]), Role::System, None, line);
        builder.add_part(PartKind::Text, Origin::Client, &words, None);
        let draft = if let Item::Draft(draft) = builder.finish() { Some(draft) } else { None };
        Ok(vec![Item::NotUnderstood(kind, draft)])
    }
}

impl ClaudeAi {
    fn message_id(&mut self, message: &Value) -> String {
        first_label(message, &["uuid", "id"]).unwrap_or_else(|| derive_message_id(&mut self.ids, message))
    }

    fn read_conversation(&mut self, value: &Value, messages: &[Value], line: u64) -> Result<Vec<Item>, String> {
        let session = match (first_label(value, &["uuid", "id", "conversation_id"]), messages.first()) {
            (Some(id), _) => id,
            // Derived from the first message, so that it stays the same while the conversation grows.
            (None, Some(first)) => format!("conversation-{}", self.message_id(first)),
            (None, None) => return Err("a conversation with neither `uuid` nor messages, skipped".to_owned()),
        };
        self.session = Some(session.clone());
        let project = project_name(value, &self.names);
        let way = active_path(value, messages);
        let begun = first_time_field(value, &["created_at"]).or_else(|| messages.iter().find_map(message_time));
        let begun = begun.or_else(|| first_time_field(value, &["updated_at"]));
        let mut around = ClaudeAiContext { value, session: &session, project: &project, line, neighbor: begun };
        let mut items = Vec::with_capacity(messages.len() + 2);
        let (mut used, mut made) = (HashSet::new(), ContentIds::default());
        for message in messages {
            let own = first_label(message, &["uuid", "id"]).filter(|id| !used.contains(id));
            let id = own.unwrap_or_else(|| derive_message_id(&mut made, message));
            let is_side = way.as_ref().is_some_and(|way| !way.contains(id.as_str()));
            used.insert(id.clone());
            items.push(read_message(&around, message, &id, is_side));
            around.neighbor = message_time(message).or(around.neighbor);
        }
        if messages.is_empty() {
            items.push(Item::Bookkeeping("conversation without messages".into()));
        }
        items.extend(text_field(value, "summary").map(|summary| {
            let at = first_time_field(value, &["updated_at"]).or(around.neighbor);
            let mut builder = DraftBuilder::new(&session, "summary", Role::Assistant, at, line);
            builder.add_part(PartKind::Summary, Origin::Model, summary, None);
            builder.draft_mut().cwd = Some(project.clone());
            builder.finish()
        }));
        items.extend(first_field(value, &["name", "title"]).map(|title| Item::generated_title(&session, title)));
        Ok(items)
    }
}

/// Returns the name of the project a conversation belongs to.
fn project_name(value: &Value, names: &ProjectNames) -> String {
    let id = text_field(value, "project_uuid").or_else(|| value.pointer("/project/uuid").and_then(Value::as_str));
    let named = value.pointer("/project/name").and_then(Value::as_str).filter(|name| !name.is_empty());
    let name = id.and_then(|id| names.get(id)).map(String::as_str).or(named);
    name.unwrap_or(NO_PROJECT).to_owned()
}

/// Derives an id for a message without one from its content.
fn derive_message_id(ids: &mut ContentIds, message: &Value) -> String {
    let text = text_field(message, "text").map_or_else(|| readable_strings(message), str::to_owned);
    let at = first_label(message, &["created_at"]).unwrap_or_default();
    ids.next_id(&[text_field(message, "sender").unwrap_or(""), &at, &text])
}

fn message_time(message: &Value) -> Option<Timestamp> {
    first_time_field(message, &["created_at", "updated_at"])
}

/// Context of a message that comes from its conversation.
struct ClaudeAiContext<'a> {
    value: &'a Value,
    session: &'a str,
    project: &'a str,
    line: u64,
    neighbor: Option<Timestamp>,
}

fn read_message(around: &ClaudeAiContext<'_>, message: &Value, id: &str, is_side: bool) -> Item {
    let role = match first_field(message, &["sender", "role"]) {
        Some("human" | "user") => Role::User,
        Some("assistant") => Role::Assistant,
        _ => Role::System,
    };
    let mut builder = DraftBuilder::new(around.session, id, role, message_time(message), around.line);
    builder.set_neighbor_time(around.neighbor);
    add_parts(&mut builder, message, role);
    let about = builder.draft_mut();
    about.parent_external_id =
        text_field(message, "parent_message_uuid").filter(|parent| *parent != ROOT).map(str::to_owned);
    about.cwd = Some(around.project.to_owned());
    about.model = text_field(around.value, "model").filter(|_| role == Role::Assistant).map(str::to_owned);
    about.sidechain = is_side;
    builder.finish()
}

/// Collects the ids on the path from the last message back to the first; `None` if the export has no tree.
fn active_path<'a>(value: &'a Value, messages: &'a [Value]) -> Option<HashSet<&'a str>> {
    let parents: HashMap<&str, &str> = messages
        .iter()
        .filter_map(|message| Some((text_field(message, "uuid")?, text_field(message, "parent_message_uuid")?)))
        .collect();
    let mut at = text_field(value, "current_leaf_message_uuid")?;
    let mut way = HashSet::new();
    while way.insert(at) {
        let Some(parent) = parents.get(at) else { break };
        at = parent;
    }
    Some(way)
}

fn add_parts(builder: &mut DraftBuilder, message: &Value, role: Role) {
    for block in array_field(message, "content") {
        add_block(builder, block, role);
    }
    if let Some(text) = message.get("content").and_then(Value::as_str) {
        add_speaker_text(builder, text, role);
    }
    let says_something = |kind: Option<PartKind>| {
        move |part: &crate::domain::DraftPart| kind.is_none_or(|kind| part.kind == kind) && !part.text.trim().is_empty()
    };
    // Older exports have only the flat text, and some newer ones have empty blocks.
    let flat = text_field(message, "text").unwrap_or("").replace(PLACEHOLDER, "");
    let is_empty = flat.trim_matches(|c: char| c.is_whitespace() || c == '`').is_empty();
    if !is_empty && !builder.draft_mut().parts.iter().any(says_something(Some(PartKind::Text))) {
        if !builder.draft_mut().parts.iter().any(says_something(None)) {
            builder.draft_mut().parts.clear();
        }
        add_speaker_text(builder, &flat, role);
    }
    for attachment in array_field(message, "attachments") {
        let content = text_field(attachment, "extracted_content").unwrap_or("");
        builder.add_part(PartKind::ToolResult, Origin::Tool, content, Some("attachment"));
    }
    let named = ["attachments", "files", "files_v2"].iter().flat_map(|name| array_field(message, name));
    let mut files: Vec<String> = named.filter_map(|file| text_field(file, "file_name").map(str::to_owned)).collect();
    files.dedup();
    builder.draft_mut().files.extend(files);
}

fn add_block(builder: &mut DraftBuilder, block: &Value, role: Role) {
    let Some(kind) = text_field(block, "type").or(block.is_string().then_some("text")) else {
        return add_speaker_text(builder, &content_text(block), role);
    };
    match kind {
        "thinking" => {
            let thought = text_field(block, "thinking").map_or_else(|| readable_strings(block), str::to_owned);
            builder.add_part(PartKind::Thinking, Origin::Model, &thought, None);
        }
        "tool_use" => {
            builder.add_call(text_field(block, "name").unwrap_or("tool"), block.get("input").unwrap_or(&Value::Null));
        }
        "tool_result" => builder.add_result(text_field(block, "name"), &result_text(block)),
        "token_budget" | "redacted_thinking" => {}
        "text" | "voice_note" => add_speaker_text(builder, &content_text(block), role),
        // A block of an unknown type never counts as typed by a person.
        other => {
            builder.add_part(
                PartKind::ToolResult,
                Origin::from_tool_name(Some(other)),
                &content_text(block),
                Some(other),
            );
        }
    }
}

/// Returns the output of a tool as the model got it, else as it was shown.
fn result_text(block: &Value) -> String {
    let texts = ["content", "structured_content", "display_content", "message"];
    let mut texts = texts.iter().filter_map(|name| block.get(*name)).map(content_text);
    texts.find(|text| !text.trim().is_empty()).unwrap_or_default()
}

/// Adds text of the speaker. claude.ai adds nothing of its own to a person's message.
fn add_speaker_text(builder: &mut DraftBuilder, text: &str, role: Role) {
    match role {
        Role::User => builder.add_typed_text(text),
        Role::System => builder.add_part(PartKind::Text, Origin::Client, text, None),
        _ => builder.add_text(text),
    }
}

#[cfg(test)]
#[path = "claude_ai_tests.rs"]
mod tests;
