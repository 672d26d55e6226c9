//! Reads qwen-code's transcripts: `~/.qwen/projects/<slug>/chats/<session>.jsonl`. The program began as a fork of Gemini
//! CLI and has parts like it, in records of its own: each is one message with a parent.

use std::path::Path;

use serde_json::Value;

use super::blocks::{CallNames, ContentAuthor, add_prose, keep_unknown, read_usage, result_text};
use crate::config::env;
use crate::domain::{Origin, PartKind, Role};
use crate::import::content::content_text;
use crate::import::draft_builder::{ContentIds, DraftBuilder, array_field, parse_time, text_field};
use crate::import::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules};
use crate::import::jsonl::{JsonlReader, RecordConverter};
use crate::import::{Item, SessionRef, SessionTitle, TitleRank};

/// The importer of qwen-code's transcripts.
pub(in crate::import) static QWEN_CODE: Importer = Importer {
    name: "qwen-code",
    kind: ImporterKind::Transcripts,
    help: ImporterHelp {
        command: "Import qwen-code's transcripts",
        path: "Transcript, or folder with transcripts at any depth [default: ~/.qwen/projects]",
        hint: "name the folder that holds qwen-code's transcripts, usually ~/.qwen/projects",
    },
    default_folder: Some(|| env::user_home().map(|home| home.join(".qwen/projects"))),
    owns_file: is_transcript,
    is_own_record,
    reader_version: 1,
    open: |transcript, _, options| {
        Ok(Box::new(JsonlReader::open(transcript, options, Qwen::of_file(&transcript.path))?))
    },
    special: SpecialRules { home_name: Some(".qwen"), ..SpecialRules::NONE },
};

/// Returns true for a transcript of a session or a sub-agent. Gemini CLI's are below `tmp`.
fn is_transcript(path: &Path) -> bool {
    let is_lines = path.extension().is_some_and(|kind| kind == "jsonl");
    let names: Vec<_> = path.ancestors().skip(1).filter_map(Path::file_name).collect();
    is_lines && names.iter().any(|name| *name == "chats") && names.iter().any(|name| *name == "projects")
}

fn is_own_record(value: &Value) -> bool {
    let has_parts = value.pointer("/message/parts").is_some_and(Value::is_array);
    let is_system = value.get("systemPayload").is_some();
    value.get("sessionId").is_some() && value.get("uuid").is_some() && (has_parts || is_system)
}

/// State while one file is read.
#[derive(Debug)]
struct Qwen {
    /// Session of records that name none.
    stem: String,
    calls: CallNames,
    ids: ContentIds,
}

impl Qwen {
    fn of_file(path: &Path) -> Self {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self { stem, calls: CallNames::default(), ids: ContentIds::default() }
    }

    fn start_message(&mut self, record: &Value, role: Role, line: u64) -> DraftBuilder {
        let session = text_field(record, "sessionId").unwrap_or(&self.stem).to_owned();
        let id = text_field(record, "uuid").map_or_else(
            || self.ids.next_id(&[text_field(record, "type").unwrap_or(""), &record.to_string()]),
            str::to_owned,
        );
        let mut builder = DraftBuilder::new(&session, &id, role, parse_time(record.get("timestamp")), line);
        let owned = |name: &str| text_field(record, name).map(str::to_owned);
        let draft = builder.draft_mut();
        draft.cwd = owned("cwd");
        draft.git_branch = owned("gitBranch");
        draft.model = owned("model").filter(|_| role == Role::Assistant);
        draft.sidechain = record.get("isSidechain") == Some(&Value::Bool(true));
        builder
    }

    fn read_message(&mut self, record: &Value, role: Role, line: u64) -> Item {
        let mut builder = self.start_message(record, role, line);
        let author = match role {
            Role::Assistant => ContentAuthor::Model,
            Role::User if is_typed(record) => ContentAuthor::Person,
            _ => ContentAuthor::Client,
        };
        let message = record.get("message").unwrap_or(&Value::Null);
        let shown = record.pointer("/toolCallResult/resultDisplay").and_then(Value::as_str).unwrap_or("");
        for part in array_field(message, "parts") {
            self.add_part(&mut builder, part, author, shown);
        }
        if let Some(text) = message.as_str().or_else(|| text_field(message, "content")) {
            add_prose(&mut builder, author, text);
        }
        let names = ["promptTokenCount", "candidatesTokenCount", "cachedContentTokenCount", ""];
        builder.draft_mut().usage = record.get("usageMetadata").and_then(|usage| read_usage(usage, names, true));
        builder.finish()
    }

    fn add_part(&mut self, builder: &mut DraftBuilder, part: &Value, author: ContentAuthor, shown: &str) {
        if let Some(call) = part.get("functionCall") {
            let tool = text_field(call, "name").unwrap_or("tool");
            self.calls.record_call(text_field(call, "id"), tool);
            builder.add_call(tool, call.get("args").unwrap_or(&Value::Null));
        } else if let Some(response) = part.get("functionResponse") {
            let known = self.calls.find_tool(text_field(response, "id"));
            let tool = known.or_else(|| text_field(response, "name"));
            let result = result_text(response.get("response").unwrap_or(response));
            // The screen may show more than the model was given.
            let text = if shown.len() > result.len() { shown } else { &result };
            builder.add_result(tool, text);
        } else if part.get("thought") == Some(&Value::Bool(true)) {
            builder.add_part(PartKind::Thinking, Origin::Model, &content_text(part), None);
        } else if part.get("inlineData").is_some() {
            builder.add_part(PartKind::Meta, Origin::Client, "[file]", None);
        } else {
            add_prose(builder, author, &content_text(part));
        }
    }

    fn read_system(&mut self, record: &Value, line: u64) -> Vec<Item> {
        let kind = text_field(record, "subtype").unwrap_or("system").to_owned();
        let payload = record.get("systemPayload").unwrap_or(&Value::Null);
        match kind.as_str() {
            "custom_title" => {
                let session = text_field(record, "sessionId").unwrap_or(&self.stem).to_owned();
                let rank = match text_field(payload, "titleSource") {
                    Some("auto") => TitleRank::Generated,
                    _ => TitleRank::Chosen,
                };
                let title = text_field(payload, "customTitle").unwrap_or("").to_owned();
                let title = Item::Title(SessionTitle { session: SessionRef::Id(session), title, rank });
                vec![Item::Bookkeeping(kind.into()), title]
            }
            // The summary opens the history that replaces the earlier one.
            "chat_compression" => {
                let mut builder = self.start_message(record, Role::System, line);
                let first = array_field(payload, "compressedHistory").first();
                let summary = first.and_then(|content| content.get("parts")).map(content_text).unwrap_or_default();
                builder.add_part(PartKind::Summary, Origin::Client, &summary, None);
                vec![name_bookkeeping(builder.finish(), &kind)]
            }
            // The words behind a slash command are a person's.
            "slash_command" if text_field(payload, "phase") != Some("result") => {
                let mut builder = self.start_message(record, Role::User, line);
                let command = text_field(payload, "rawCommand").unwrap_or("");
                let words = command.split_once(char::is_whitespace).map_or("", |(_, words)| words);
                builder.add_typed_text(words);
                vec![name_bookkeeping(builder.finish(), &kind)]
            }
            _ => vec![Item::Bookkeeping(kind.into())],
        }
    }
}

/// Returns true if a person typed a user message: the client marks its notices and scheduled prompts.
fn is_typed(record: &Value) -> bool {
    let provenance = text_field(record, "provenance");
    record.get("subtype").is_none_or(Value::is_null) && provenance.is_none_or(|by| by == "real_user")
}

/// Names bookkeeping after the kind of its record.
fn name_bookkeeping(item: Item, kind: &str) -> Item {
    match item {
        Item::Bookkeeping(_) => Item::Bookkeeping(kind.to_owned().into()),
        other => other,
    }
}

impl RecordConverter for Qwen {
    fn convert_record(&mut self, value: Value, line: u64) -> Result<Vec<Item>, String> {
        if !value.is_object() {
            return Err("not an object, skipped".to_owned());
        }
        let kind = text_field(&value, "type").unwrap_or("record without type").to_owned();
        let role = match kind.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "tool_result" => Role::Tool,
            "system" => return Ok(self.read_system(&value, line)),
            _ => {
                let session = text_field(&value, "sessionId").unwrap_or(&self.stem).to_owned();
                return Ok(vec![keep_unknown(&mut self.ids, &session, &kind, &value, line)]);
            }
        };
        Ok(vec![self.read_message(&value, role, line)])
    }

    fn is_record(value: &Value) -> bool {
        value.get("type").is_some() && value.get("uuid").is_some()
    }
}
