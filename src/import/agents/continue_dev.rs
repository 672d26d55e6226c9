//! Reads Continue's sessions, of its CLI and its extensions: `~/.continue/sessions/<session>.json`. Only the list of
//! sessions beside them has a time, that of the session's start.

use std::path::Path;

use serde_json::Value;

use super::blocks::{CallNames, ContentAuthor, add_content, parse_arguments, read_usage, result_text};
use super::places::path_of_uri;
use crate::config::env;
use crate::disk;
use crate::domain::{Origin, PartKind, Role, Timestamp, json};
use crate::import::draft_builder::{DraftBuilder, array_field, parse_time, text_field};
use crate::import::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules, has_name};
use crate::import::whole_file::DocumentReader;
use crate::import::{Item, TranscriptFile};

/// The importer of Continue's sessions.
pub(in crate::import) static CONTINUE: Importer = Importer {
    name: "continue",
    kind: ImporterKind::Transcripts,
    help: ImporterHelp {
        command: "Import Continue's sessions, from its CLI or its extensions",
        path: "Session, or folder with sessions [default: ~/.continue/sessions]",
        hint: "name the folder that holds Continue's sessions, usually ~/.continue/sessions",
    },
    default_folder: Some(|| env::user_home().map(|home| home.join(".continue/sessions"))),
    owns_file: is_session,
    is_own_record,
    reader_version: 1,
    open: |transcript, _, options| {
        let (transcript, longest) = (transcript.clone(), options.longest);
        Ok(Box::new(DocumentReader { transcript, longest, convert: convert_session }))
    },
    special: SpecialRules { home_name: Some(".continue"), ..SpecialRules::NONE },
};

/// List of the sessions, beside them.
const SESSIONS: &str = "sessions.json";

/// Maximum bytes of the list of sessions.
const MAX_SESSIONS_BYTES: u64 = 16 << 20;

fn is_session(path: &Path) -> bool {
    let is_json = path.extension().is_some_and(|kind| kind == "json");
    let in_sessions = path.parent().and_then(Path::file_name).is_some_and(|name| name == "sessions");
    is_json && in_sessions && !has_name(path, &[SESSIONS])
}

fn is_own_record(value: &Value) -> bool {
    value.get("workspaceDirectory").is_some() && value.get("history").is_some_and(Value::is_array)
}

/// Returns the time at which a session began.
fn start_time(path: &Path, session: &str) -> Option<Timestamp> {
    let bytes = disk::read_foreign_file(&path.with_file_name(SESSIONS), MAX_SESSIONS_BYTES).ok()?;
    let (sessions, _) = json::parse_lenient(&bytes).ok()?;
    let listed = sessions.as_array()?.iter().find(|listed| text_field(listed, "sessionId") == Some(session))?;
    parse_time(listed.get("dateCreated"))
}

fn convert_session(value: &Value, transcript: &TranscriptFile) -> Result<Vec<Item>, String> {
    let history = value.get("history").and_then(Value::as_array).ok_or("no `history`, skipped")?;
    let stem = transcript.path.file_stem().unwrap_or_default().to_string_lossy();
    let session = text_field(value, "sessionId").unwrap_or(&stem);
    let started = start_time(&transcript.path, session);
    let folder = text_field(value, "workspaceDirectory").map(path_of_uri);
    let mut calls = CallNames::default();
    let mut items = Vec::new();
    for (place, entry) in history.iter().enumerate() {
        let message = entry.get("message").unwrap_or(entry);
        let role = match text_field(message, "role") {
            Some("user") => Role::User,
            Some("tool") => Role::Tool,
            Some("system") => Role::System,
            _ => Role::Assistant,
        };
        let at = parse_time(entry.get("timestamp")).or_else(|| parse_time(message.get("timestamp")));
        let mut builder = DraftBuilder::new(session, &place.to_string(), role, at, place as u64 + 1);
        builder.set_neighbor_time(started);
        builder.draft_mut().cwd.clone_from(&folder);
        add_entry(&mut builder, entry, message, role, &mut calls);
        items.push(builder.finish());
    }
    let title = text_field(value, "title").filter(|title| !matches!(*title, "Untitled Session" | "New Session"));
    items.extend(title.map(|title| Item::generated_title(session, title)));
    Ok(items)
}

fn add_entry(builder: &mut DraftBuilder, entry: &Value, message: &Value, role: Role, calls: &mut CallNames) {
    let content = message.get("content").unwrap_or(&Value::Null);
    match role {
        Role::Tool => {
            // The result is in the state of its call too, which comes before.
            let tool = calls.find_tool(text_field(message, "toolCallId")).map(str::to_owned);
            if tool.is_none() {
                builder.add_result(None, &result_text(content));
            }
            return;
        }
        Role::Assistant if text_field(message, "role") == Some("thinking") => {
            builder.add_part(PartKind::Thinking, Origin::Model, &result_text(content), None);
            return;
        }
        Role::User => add_content(builder, content, ContentAuthor::Person, calls),
        Role::System => add_content(builder, content, ContentAuthor::Client, calls),
        Role::Assistant => add_content(builder, content, ContentAuthor::Model, calls),
    };
    if let Some(reasoning) = entry.pointer("/reasoning/text").and_then(Value::as_str) {
        builder.add_part(PartKind::Thinking, Origin::Model, reasoning, None);
    }
    for item in array_field(entry, "contextItems") {
        // A file or a page that the person attached.
        builder.add_part(PartKind::Meta, Origin::Client, &result_text(item), text_field(item, "name"));
    }
    for call in array_field(message, "toolCalls") {
        let tool = call.pointer("/function/name").and_then(Value::as_str).unwrap_or("tool");
        calls.record_call(text_field(call, "id"), tool);
        builder.add_call(tool, &parse_arguments(call.pointer("/function/arguments").unwrap_or(&Value::Null)));
    }
    for state in array_field(entry, "toolCallStates") {
        let tool = state.pointer("/toolCall/function/name").and_then(Value::as_str);
        let outputs = state.get("output").filter(|output| !output.is_null());
        if let Some(outputs) = outputs {
            let own = outputs.as_array().map_or(std::slice::from_ref(outputs), Vec::as_slice);
            let texts: Vec<String> = own.iter().filter_map(|one| one.get("content")).map(result_text).collect();
            builder.add_result(tool, &texts.join("\n"));
        }
    }
    if let Some(summary) = text_field(entry, "conversationSummary") {
        builder.add_part(PartKind::Summary, Origin::Client, summary, None);
    }
    let draft = builder.draft_mut();
    let usage = message.get("usage").unwrap_or(&Value::Null);
    if role == Role::Assistant {
        draft.model = text_field(usage, "model").map(str::to_owned);
        draft.usage = read_usage(usage, ["prompt_tokens", "completion_tokens", "", ""], false);
    }
}
