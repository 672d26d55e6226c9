//! Reads the sessions of pi: `~/.pi/agent/sessions/--<folder>--/<time>_<id>.jsonl`, one entry a line, each with the id
//! of the entry before it. A session that went back and on another way has several entries with the same parent.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::blocks::{CallNames, ContentAuthor, add_content, add_prose, keep_unknown, read_usage};
use crate::config::env;
use crate::domain::{Origin, PartKind, Role, Timestamp};
use crate::import::content::{content_text, readable_strings};
use crate::import::draft_builder::{ContentIds, DraftBuilder, parse_time, text_field};
use crate::import::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules};
use crate::import::jsonl::{JsonlReader, RecordConverter};
use crate::import::{Item, SessionRef, SessionTitle, TitleRank};

/// The importer of pi's sessions.
pub(in crate::import) static PI: Importer = Importer {
    name: "pi",
    kind: ImporterKind::Transcripts,
    help: ImporterHelp {
        command: "Import pi's sessions",
        path: "Session, or folder with sessions at any depth [default: ~/.pi/agent/sessions]",
        hint: "name the folder that holds pi's sessions, usually ~/.pi/agent/sessions",
    },
    default_folder: Some(|| env::pi_folder().map(|folder| folder.join("sessions"))),
    owns_file: |path| path.extension().is_some_and(|kind| kind == "jsonl") && id_in_name(path).is_some(),
    is_own_record,
    reader_version: 1,
    open: |transcript, _, options| Ok(Box::new(JsonlReader::open(transcript, options, Pi::of_file(&transcript.path))?)),
    special: SpecialRules { home_name: Some(".pi"), ..SpecialRules::NONE },
};

/// Returns true for a record that only pi writes: the head of a session, or an entry of its tree.
fn is_own_record(value: &Value) -> bool {
    let has = |name: &str| value.get(name).is_some();
    match text_field(value, "type") {
        Some("session") => has("cwd") && has("version") && has("timestamp"),
        Some("message") => has("parentId") && has("timestamp") && value.pointer("/message/role").is_some(),
        _ => false,
    }
}

/// Returns the session id in the name of a file, `<time>_<id>.jsonl`.
fn id_in_name(path: &Path) -> Option<&str> {
    let (_, id) = path.file_stem()?.to_str()?.rsplit_once('_')?;
    (id.len() >= 8 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-')).then_some(id)
}

/// State while one file is read.
struct Pi {
    session: String,
    cwd: Option<String>,
    forked_from: Option<String>,
    ids: ContentIds,
    calls: CallNames,
    /// Message that an entry is or follows, by the id of the entry.
    messages: HashMap<String, String>,
}

impl Pi {
    fn of_file(path: &Path) -> Self {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Self {
            session: id_in_name(path).map_or(name, str::to_owned),
            cwd: None,
            forked_from: None,
            ids: ContentIds::default(),
            calls: CallNames::default(),
            messages: HashMap::new(),
        }
    }

    fn read_head(&mut self, head: &Value) {
        if let Some(id) = text_field(head, "id") {
            id.clone_into(&mut self.session);
        }
        self.cwd = text_field(head, "cwd").map(str::to_owned);
        let parent = text_field(head, "parentSession").and_then(|path| id_in_name(Path::new(path)));
        self.forked_from = parent.map(str::to_owned);
    }

    /// Starts the message of an entry, after the message that the entry follows.
    fn start_message(&mut self, entry: &Value, role: Role, line: u64) -> DraftBuilder {
        let id = text_field(entry, "id").map_or_else(
            || self.ids.next_id(&[text_field(entry, "timestamp").unwrap_or(""), &readable_strings(entry)]),
            str::to_owned,
        );
        let parent = text_field(entry, "parentId").and_then(|parent| self.messages.get(parent).cloned());
        self.messages.insert(id.clone(), id.clone());
        let mut builder = DraftBuilder::new(&self.session, &id, role, entry_time(entry), line);
        let draft = builder.draft_mut();
        draft.parent_external_id = parent;
        draft.cwd.clone_from(&self.cwd);
        draft.forked_from.clone_from(&self.forked_from);
        builder
    }

    /// Passes the message before an entry without a message on to what follows it.
    fn skip_entry(&mut self, entry: &Value) {
        let field = |name: &str| text_field(entry, name).map(str::to_owned);
        let before = field("parentId").and_then(|parent| self.messages.get(&parent).cloned());
        if let (Some(id), Some(before)) = (field("id"), before) {
            self.messages.insert(id, before);
        }
    }

    fn read_message(&mut self, entry: &Value, line: u64) -> Item {
        let message = entry.get("message").unwrap_or(&Value::Null);
        let content = message.get("content").unwrap_or(&Value::Null);
        match text_field(message, "role").unwrap_or("") {
            "user" => {
                let mut builder = self.start_message(entry, Role::User, line);
                builder.add_prompt(&content_text(content));
                builder.finish()
            }
            "assistant" => self.read_answer(entry, message, line),
            "toolResult" => {
                let mut builder = self.start_message(entry, Role::Tool, line);
                builder.add_result(text_field(message, "toolName"), &content_text(content));
                builder.finish()
            }
            // A command that the person ran with `!`: it is theirs, its output is not.
            "bashExecution" => {
                let mut builder = self.start_message(entry, Role::User, line);
                builder.add_prompt(text_field(message, "command").unwrap_or(""));
                builder.add_result(Some("bash"), text_field(message, "output").unwrap_or(""));
                builder.finish()
            }
            "custom" => self.read_inserted(entry, content, line),
            "branchSummary" | "compactionSummary" => self.read_summary(entry, message, line),
            other => self.keep_entry(entry, &format!("message of the role {other:?}"), line),
        }
    }

    fn read_answer(&mut self, entry: &Value, message: &Value, line: u64) -> Item {
        let mut builder = self.start_message(entry, Role::Assistant, line);
        let draft = builder.draft_mut();
        draft.model = text_field(message, "model").map(str::to_owned);
        let usage = message.get("usage");
        draft.usage = usage.and_then(|usage| read_usage(usage, ["input", "output", "cacheRead", "cacheWrite"], false));
        let content = message.get("content").unwrap_or(&Value::Null);
        add_content(&mut builder, content, ContentAuthor::Model, &mut self.calls);
        add_prose(&mut builder, ContentAuthor::Client, text_field(message, "errorMessage").unwrap_or(""));
        builder.finish()
    }

    /// Reads text that an extension inserted.
    fn read_inserted(&mut self, entry: &Value, content: &Value, line: u64) -> Item {
        let mut builder = self.start_message(entry, Role::System, line);
        add_prose(&mut builder, ContentAuthor::Client, &content_text(content));
        builder.finish()
    }

    fn read_summary(&mut self, entry: &Value, holder: &Value, line: u64) -> Item {
        let mut builder = self.start_message(entry, Role::Assistant, line);
        builder.add_part(PartKind::Summary, Origin::Model, text_field(holder, "summary").unwrap_or(""), None);
        builder.finish()
    }

    fn keep_entry(&mut self, entry: &Value, kind: &str, line: u64) -> Item {
        self.skip_entry(entry);
        keep_unknown(&mut self.ids, &self.session, kind, entry, line)
    }
}

impl RecordConverter for Pi {
    fn convert_record(&mut self, value: Value, line: u64) -> Result<Vec<Item>, String> {
        let kind = text_field(&value, "type").ok_or("a record without `type`, skipped")?;
        let item = match kind {
            "session" => {
                self.read_head(&value);
                Item::Bookkeeping("session".into())
            }
            "message" => self.read_message(&value, line),
            "compaction" | "branch_summary" => self.read_summary(&value, &value, line),
            "custom_message" => self.read_inserted(&value, value.get("content").unwrap_or(&Value::Null), line),
            "session_info" => {
                self.skip_entry(&value);
                let session = SessionRef::Id(self.session.clone());
                let title = text_field(&value, "name").map(str::to_owned);
                let title = title.map(|title| Item::Title(SessionTitle { session, title, rank: TitleRank::Chosen }));
                return Ok(title.into_iter().chain([Item::Bookkeeping("session_info".into())]).collect());
            }
            "model_change" | "thinking_level_change" | "label" | "custom" => {
                self.skip_entry(&value);
                Item::Bookkeeping(kind.to_owned().into())
            }
            other => self.keep_entry(&value, other, line),
        };
        Ok(vec![item])
    }
}

/// Returns the time of an entry, else of its message.
fn entry_time(entry: &Value) -> Option<Timestamp> {
    parse_time(entry.get("timestamp")).or_else(|| parse_time(entry.pointer("/message/timestamp")))
}

#[cfg(test)]
#[path = "pi_tests.rs"]
mod tests;
