//! Reads Goose's sessions: the database `~/.local/share/goose/sessions/sessions.db`, and the `.jsonl` files of versions
//! before it, whose first line describes the session.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::blocks::{CallNames, ContentAuthor, add_prose, result_text, set_result_role};
use crate::config::env;
use crate::domain::{Origin, PartKind, Role, Usage, json};
use crate::import::Item;
use crate::import::content::content_text;
use crate::import::draft_builder::{
    ContentIds, DraftBuilder, array_field, first_field, first_time_field, integer_field, text_field,
};
use crate::import::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules, has_name};
use crate::import::jsonl::{JsonlReader, RecordConverter};
use crate::import::tables::{self, RowConverter, TableQuery};

/// The importer of Goose's sessions.
pub(in crate::import) static GOOSE: Importer = Importer {
    name: "goose",
    kind: ImporterKind::Transcripts,
    help: ImporterHelp {
        command: "Import Goose's sessions",
        path: "Database, or folder with sessions [default: ~/.local/share/goose/sessions]",
        hint: "name the folder that holds Goose's sessions, usually ~/.local/share/goose/sessions",
    },
    default_folder: Some(|| env::xdg_data_folder().map(|folder| folder.join("goose/sessions"))),
    owns_file: |path| is_database(path) || is_session(path),
    is_own_record: |value| value.get("working_dir").is_some() && value.get("description").is_some(),
    reader_version: 1,
    open: |transcript, _, options| {
        if is_session(&transcript.path) {
            let session = transcript.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let lines = Goose { session, ..Goose::default() };
            return Ok(Box::new(JsonlReader::open(transcript, options, lines)?));
        }
        tables::open(transcript, options, Goose::default())
    },
    special: SpecialRules { tables: &[&["sessions", "messages", "schema_version"]], ..SpecialRules::NONE },
};

/// Returns true for the database. Other agents have one of this name elsewhere.
fn is_database(path: &Path) -> bool {
    is_in_sessions(path) && has_name(path, &["sessions.db"])
}

fn is_session(path: &Path) -> bool {
    is_in_sessions(path) && path.extension().is_some_and(|kind| kind == "jsonl")
}

fn is_in_sessions(path: &Path) -> bool {
    path.parent().and_then(Path::file_name).is_some_and(|name| name == "sessions")
}

/// State while a database or a file is read.
#[derive(Debug, Default)]
struct Goose {
    /// Session of the records of a file.
    session: String,
    /// Folder by session.
    folders: HashMap<String, String>,
    calls: CallNames,
    ids: ContentIds,
}

impl Goose {
    /// Reads the description of a session.
    fn read_session(&mut self, session: &str, about: &Value) -> Vec<Item> {
        let folder = text_field(about, "working_dir").map(str::to_owned);
        self.folders.extend(folder.map(|folder| (session.to_owned(), folder)));
        // A name that was not chosen is the id.
        let title = first_field(about, &["name", "description"]).filter(|title| *title != session);
        let title = title.map(|title| Item::generated_title(session, title));
        [Item::Bookkeeping("session".into())].into_iter().chain(title).collect()
    }

    fn read_message(&mut self, session: &str, id: &str, message: &Value, content: &[Value], line: u64) -> Item {
        let is_answer = text_field(message, "role") == Some("assistant");
        let role = if is_answer { Role::Assistant } else { Role::User };
        let at = first_time_field(message, &["created_timestamp", "created", "timestamp"]);
        let mut builder = DraftBuilder::new(session, id, role, at, line);
        builder.draft_mut().cwd = self.folders.get(session).cloned();
        let hidden = json_field(message, "metadata_json").or_else(|| message.get("metadata").cloned());
        let hidden = hidden.is_some_and(|metadata| metadata.get("userVisible") == Some(&Value::Bool(false)));
        let author = match (is_answer, hidden) {
            (true, _) => ContentAuthor::Model,
            (_, true) => ContentAuthor::Client,
            (_, false) => ContentAuthor::Person,
        };
        let mut results = false;
        for block in content {
            results |= self.add_block(&mut builder, block, author);
        }
        set_result_role(&mut builder, results && !is_answer);
        let tokens = message.get("tokens").and_then(Value::as_u64).filter(|tokens| is_answer && *tokens > 0);
        builder.draft_mut().usage = tokens.map(|output| Usage { output, ..Usage::default() });
        builder.finish()
    }

    /// Adds a block. Returns true if it is the result of a call.
    fn add_block(&mut self, builder: &mut DraftBuilder, block: &Value, author: ContentAuthor) -> bool {
        let kind = text_field(block, "type").unwrap_or("");
        match kind {
            "text" => add_prose(builder, author, text_field(block, "text").unwrap_or("")),
            "thinking" | "reasoning" => {
                let text = first_field(block, &["thinking", "text"]).unwrap_or("");
                builder.add_part(PartKind::Thinking, Origin::Model, text, None);
            }
            "toolRequest" | "frontendToolRequest" => {
                let call = block.get("toolCall").unwrap_or(&Value::Null);
                let call = call.get("value").unwrap_or(call);
                let tool = text_field(call, "name").unwrap_or("tool");
                self.calls.record_call(text_field(block, "id"), tool);
                builder.add_call(tool, call.get("arguments").unwrap_or(&Value::Null));
            }
            "toolResponse" => {
                let tool = self.calls.find_tool(text_field(block, "id")).map(str::to_owned);
                let result = block.get("toolResult").unwrap_or(&Value::Null);
                let value = result.get("value").or_else(|| result.get("error")).unwrap_or(result);
                let value = value.get("content").unwrap_or(value);
                builder.add_result(tool.as_deref(), &result_text(value));
                return true;
            }
            "summarizationRequested" | "conversationCompacted" | "systemNotification" | "contextLengthExceeded" => {
                let text = first_field(block, &["msg", "message"]).unwrap_or("");
                builder.add_part(PartKind::Meta, Origin::Client, text, None);
            }
            "image" => builder.add_part(PartKind::Meta, Origin::Client, "[image]", None),
            "redactedThinking" | "toolConfirmationRequest" | "actionRequired" => {}
            _ => builder.add_part(PartKind::Meta, Origin::Client, &content_text(block), None),
        }
        false
    }
}

/// Parses a column that holds JSON.
fn json_field(row: &Value, name: &str) -> Option<Value> {
    json::parse_lenient(text_field(row, name)?.as_bytes()).ok().map(|(value, _)| value)
}

const TABLES: &[TableQuery] = &[
    TableQuery { name: "sessions", sql: "SELECT * FROM sessions ORDER BY rowid" },
    TableQuery { name: "messages", sql: "SELECT * FROM messages ORDER BY id" },
];

impl RowConverter for Goose {
    fn table_queries(&self) -> &'static [TableQuery] {
        TABLES
    }

    fn convert_row(&mut self, table: &str, row: &Value, count: u64) -> Result<Vec<Item>, String> {
        if table == "sessions" {
            let session = text_field(row, "id").ok_or("no `id`, skipped")?.to_owned();
            return Ok(self.read_session(&session, row));
        }
        let session = text_field(row, "session_id").ok_or("no `session_id`, skipped")?;
        let own = text_field(row, "message_id").map(str::to_owned);
        let id = own.or_else(|| integer_field(row, "id").map(|id| id.to_string())).ok_or("no `id`, skipped")?;
        let content = json_field(row, "content_json").ok_or("`content_json` is not JSON, skipped")?;
        let blocks = content.as_array().map_or(std::slice::from_ref(&content), Vec::as_slice);
        Ok(vec![self.read_message(session, &id, row, blocks, count)])
    }
}

impl RecordConverter for Goose {
    fn convert_record(&mut self, value: Value, line: u64) -> Result<Vec<Item>, String> {
        if !value.is_object() {
            return Err("not an object, skipped".to_owned());
        }
        let session = self.session.clone();
        if value.get("role").is_none() {
            return Ok(self.read_session(&session, &value));
        }
        let own = text_field(&value, "id").map(str::to_owned);
        let id = own.unwrap_or_else(|| self.ids.next_id(&[&value.to_string()]));
        Ok(vec![self.read_message(&session, &id, &value, array_field(&value, "content"), line)])
    }

    fn is_record(value: &Value) -> bool {
        value.get("role").is_some() || value.get("working_dir").is_some()
    }
}
