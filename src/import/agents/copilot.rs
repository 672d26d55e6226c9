//! Reads Copilot CLI's events: `~/.copilot/session-state/<session>/events.jsonl`. `workspace.yaml` beside it has the name
//! of the session.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::blocks::{CallNames, keep_unknown, parse_arguments, read_usage};
use crate::config::env;
use crate::disk;
use crate::domain::{Origin, PartKind, Role, Usage};
use crate::import::content::content_text;
use crate::import::draft_builder::{ContentIds, DraftBuilder, array_field, first_field, parse_time, text_field};
use crate::import::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules, has_name};
use crate::import::jsonl::{JsonlReader, RecordConverter};
use crate::import::{Item, SessionRef, SessionTitle, TitleRank};

/// The importer of Copilot CLI's events.
pub(in crate::import) static COPILOT_CLI: Importer = Importer {
    name: "copilot-cli",
    kind: ImporterKind::Transcripts,
    help: ImporterHelp {
        command: "Import Copilot CLI's sessions",
        path: "events.jsonl, or folder with sessions at any depth [default: ~/.copilot/session-state]",
        hint: "name the folder that holds Copilot CLI's sessions, usually ~/.copilot/session-state",
    },
    default_folder: Some(|| env::user_home().map(|home| home.join(".copilot/session-state"))),
    owns_file: |path| has_name(path, &["events.jsonl"]),
    is_own_record,
    reader_version: 1,
    open: |transcript, _, options| {
        Ok(Box::new(JsonlReader::open(transcript, options, Copilot::of_file(&transcript.path))?))
    },
    special: SpecialRules { home_name: Some(".copilot"), ..SpecialRules::NONE },
};

/// Prefixes of events without conversation.
const BOOKKEEPING: [&str; 16] = [
    "abort",
    "assistant.fusion_",
    "assistant.turn_",
    "external_tool.",
    "hook.",
    "human_response.",
    "mcp.",
    "permission.",
    "session.",
    "skill.",
    "subagent.",
    "system.message",
    "tool.execution_start",
    "tool.user_requested",
    "tool_search.",
    "assistant.usage",
];

/// Maximum bytes of `workspace.yaml` that are read.
const MAX_WORKSPACE_BYTES: u64 = 64 << 10;

fn is_own_record(value: &Value) -> bool {
    let kinds = ["session.start", "user.message", "assistant.message", "tool.execution_complete"];
    let is_kind = text_field(value, "type").is_some_and(|kind| kinds.contains(&kind));
    is_kind && value.get("data").is_some_and(Value::is_object)
}

/// State while one file is read.
#[derive(Debug)]
struct Copilot {
    session: String,
    title: Option<SessionTitle>,
    cwd: Option<String>,
    branch: Option<String>,
    calls: CallNames,
    /// Token counts by the id of their request; they come before their answer.
    usage: HashMap<String, Usage>,
    ids: ContentIds,
}

impl Copilot {
    fn of_file(path: &Path) -> Self {
        let folder = path.parent().unwrap_or(Path::new(""));
        let session = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self {
            title: read_name(folder, &session),
            session,
            cwd: None,
            branch: None,
            calls: CallNames::default(),
            usage: HashMap::new(),
            ids: ContentIds::default(),
        }
    }

    fn read_context(&mut self, context: &Value) {
        let owned = |name: &str| text_field(context, name).map(str::to_owned);
        self.cwd = owned("cwd").or_else(|| self.cwd.take());
        self.branch = owned("branch").or_else(|| self.branch.take());
    }

    fn start_message(&mut self, record: &Value, id: Option<&str>, role: Role, line: u64) -> DraftBuilder {
        let own = id.or_else(|| text_field(record, "id")).map(str::to_owned);
        let id = own.unwrap_or_else(|| self.ids.next_id(&[&record.to_string()]));
        let mut builder = DraftBuilder::new(&self.session, &id, role, parse_time(record.get("timestamp")), line);
        let draft = builder.draft_mut();
        draft.cwd.clone_from(&self.cwd);
        draft.git_branch.clone_from(&self.branch);
        draft.sidechain = record.pointer("/data/parentToolCallId").is_some_and(Value::is_string)
            || text_field(record, "agentId").is_some();
        builder
    }

    fn read_prompt(&mut self, record: &Value, data: &Value, line: u64) -> Item {
        let mut builder = self.start_message(record, text_field(data, "messageId"), Role::User, line);
        let text = text_field(data, "content").unwrap_or("");
        let by_client = data.get("isAutopilotContinuation") == Some(&Value::Bool(true));
        let source = text_field(data, "source").is_none_or(|source| source == "user");
        if by_client || !source {
            builder.add_part(PartKind::Meta, Origin::Client, text, None);
        } else {
            builder.add_prompt(text);
        }
        builder.finish()
    }

    fn read_answer(&mut self, record: &Value, data: &Value, line: u64) -> Item {
        let mut builder = self.start_message(record, text_field(data, "messageId"), Role::Assistant, line);
        let draft = builder.draft_mut();
        draft.model = text_field(data, "model").map(str::to_owned);
        draft.usage = text_field(data, "apiCallId").and_then(|id| self.usage.remove(id));
        let reasoning = text_field(data, "reasoningText").unwrap_or("");
        builder.add_part(PartKind::Thinking, Origin::Model, reasoning, None);
        builder.add_part(PartKind::Text, Origin::Model, text_field(data, "content").unwrap_or(""), None);
        for call in array_field(data, "toolRequests") {
            let tool = text_field(call, "name").unwrap_or("tool");
            self.calls.record_call(text_field(call, "toolCallId"), tool);
            builder.add_call(tool, &parse_arguments(call.get("arguments").unwrap_or(&Value::Null)));
        }
        builder.finish()
    }

    fn read_result(&mut self, record: &Value, data: &Value, line: u64) -> Item {
        let mut builder = self.start_message(record, None, Role::Tool, line);
        let tool = self.calls.find_tool(text_field(data, "toolCallId")).map(str::to_owned);
        let result = data.get("result").unwrap_or(&Value::Null);
        let detailed = text_field(result, "detailedContent").unwrap_or("");
        let short = result.get("content").map(content_text).unwrap_or_default();
        let error = data.get("error").map(content_text).unwrap_or_default();
        let text = [detailed, &short, &error].into_iter().max_by_key(|text| text.len()).unwrap_or_default();
        builder.add_result(tool.as_deref(), text);
        builder.finish()
    }

    /// Reads an event whose words are the client's, or a summary.
    fn read_notice(&mut self, record: &Value, data: &Value, kind: PartKind, line: u64) -> Item {
        let role = if kind == PartKind::Summary { Role::Assistant } else { Role::System };
        let text = first_field(data, &["summaryContent", "summary", "message", "content"]).unwrap_or("").to_owned();
        let origin = if kind == PartKind::Thinking { Origin::Model } else { Origin::Client };
        let mut builder = self.start_message(record, None, role, line);
        builder.add_part(kind, origin, &text, None);
        builder.finish()
    }
}

/// Returns the name of a session in `workspace.yaml`, which has plain `key: value` lines.
fn read_name(folder: &Path, session: &str) -> Option<SessionTitle> {
    let text = disk::read_foreign_text(&folder.join("workspace.yaml"), MAX_WORKSPACE_BYTES).ok()?;
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        let line = line.trim();
        Some(line.strip_prefix(['"', '\'']).and_then(|line| line.strip_suffix(['"', '\''])).unwrap_or(line))
    };
    let title = value("name").filter(|name| !name.is_empty())?.to_owned();
    let rank = if value("user_named") == Some("true") { TitleRank::Chosen } else { TitleRank::Generated };
    Some(SessionTitle { session: SessionRef::Id(session.to_owned()), title, rank })
}

impl RecordConverter for Copilot {
    fn convert_record(&mut self, value: Value, line: u64) -> Result<Vec<Item>, String> {
        if !value.is_object() {
            return Err("not an object, skipped".to_owned());
        }
        let kind = text_field(&value, "type").unwrap_or("record without type").to_owned();
        let data = value.get("data").unwrap_or(&Value::Null);
        let item = match kind.as_str() {
            "session.start" | "session.resume" | "session.context_changed" => {
                if let Some(session) = text_field(data, "sessionId") {
                    session.clone_into(&mut self.session);
                }
                self.read_context(data.get("context").unwrap_or(data));
                Item::Bookkeeping(kind.into())
            }
            "session.usage_record" => {
                let usage = data.get("usage").unwrap_or(&Value::Null);
                let names = ["inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens"];
                let counts = text_field(usage, "apiCallId").zip(read_usage(usage, names, true));
                self.usage.extend(counts.map(|(id, counts)| (id.to_owned(), counts)));
                Item::Bookkeeping(kind.into())
            }
            "user.message" => self.read_prompt(&value, data, line),
            "assistant.message" => self.read_answer(&value, data, line),
            "assistant.reasoning" => self.read_notice(&value, data, PartKind::Thinking, line),
            "tool.execution_complete" => self.read_result(&value, data, line),
            "session.compaction_complete" | "session.handoff" | "session.task_complete" => {
                self.read_notice(&value, data, PartKind::Summary, line)
            }
            "session.error" | "session.warning" | "session.info" | "system.notification" => {
                self.read_notice(&value, data, PartKind::Meta, line)
            }
            _ if BOOKKEEPING.iter().any(|prefix| kind.starts_with(prefix)) => Item::Bookkeeping(kind.into()),
            _ => keep_unknown(&mut self.ids, &self.session, &kind, &value, line),
        };
        Ok(vec![item])
    }

    fn is_record(value: &Value) -> bool {
        value.get("type").is_some() && value.get("data").is_some()
    }

    fn remaining_items(&mut self) -> Vec<Item> {
        self.title.take().map(Item::Title).into_iter().collect()
    }
}
