//! User and assistant records: how the blocks of an API message become parts, and which words a person typed.

use serde_json::Value;

use super::{Call, File, id_text, time_of};
use crate::domain::hash::hex;
use crate::domain::text::prompt::{self, Piece};
use crate::domain::{ContentHash, Kind, Origin, Role, Usage, mark};
use crate::import::content::content_text;
use crate::import::draft_builder::{DraftBuilder, field, named_files};
use crate::import::{BadLine, Item};

/// What opens the reason that a person gave for refusing a call.
const REASON: &str = "the user said:\n";

/// Who stands behind the prose of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaker {
    /// A person; `vouched` when the client says that a person typed it.
    Person { vouched: bool },
    /// The model: an answer, a plan, the prompt of a sub-agent.
    Model,
    /// The client: reminders, expansions of commands, errors of the API.
    Client,
    /// The client's summary at a compaction.
    Summary,
}

/// The last block of each kind of prose: some versions write a message again with more in it.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    text: Option<Snapshot>,
    thinking: Option<Snapshot>,
}

#[derive(Debug)]
struct Snapshot {
    message: String,
    key: String,
    text: String,
}

/// The id of a record: its own, else made of what it says and when.
pub(super) fn record_id(record: &Value, text: &str) -> String {
    record.get("uuid").and_then(id_text).unwrap_or_else(|| {
        let at = record.get("timestamp").map(ToString::to_string).unwrap_or_default();
        let parent = record.get("parentUuid").map(ToString::to_string).unwrap_or_default();
        let kind = field(record, "type").unwrap_or("");
        let hash = ContentHash::of_parts(&[kind.as_bytes(), at.as_bytes(), parent.as_bytes(), text.as_bytes()]);
        format!("content-{}", hex(&hash.0))
    })
}

/// Adds what stands in the place of a person. Its first piece has the key of the whole, so that it keeps its place.
pub(super) fn add_pieces(builder: &mut DraftBuilder, key: &str, text: &str, typed: Origin, vouched: bool) {
    let pieces = if vouched { prompt::split_known(text) } else { prompt::split(text) };
    for (number, piece) in pieces.into_iter().enumerate() {
        let key = if number == 0 { key.to_owned() } else { format!("{key}.{number}") };
        match piece {
            Piece::Typed(text) if mark::is_own_output(text) => builder.leave_out_own(),
            Piece::Client(text) if mark::is_own_output(text) => builder.leave_out_own(),
            Piece::Typed(text) => builder.add_keyed_part(key, Kind::Text, typed, text, None),
            Piece::Client(text) => builder.add_keyed_part(key, Kind::Meta, Origin::Client, text, None),
        }
    }
}

impl File {
    /// Reads a user or assistant record, or one of another type that holds an API message.
    pub(super) fn message(&mut self, record: &Value, line: u64) -> Item {
        let Some(message) = record.get("message").filter(|message| !message.is_null()) else {
            let why = "a message record without a message, skipped".to_owned();
            return Item::Bad(BadLine { path: std::path::PathBuf::new(), line, why });
        };
        let role =
            field(record, "type").filter(|kind| matches!(*kind, "user" | "assistant")).or(field(message, "role"));
        let assistant = role == Some("assistant");
        // The text itself where an API message is meant.
        let content = if message.is_object() { message.get("content").unwrap_or(&Value::Null) } else { message };
        let uuid = record.get("uuid").and_then(id_text);
        let key = uuid.clone().unwrap_or_else(|| record_id(record, &content.to_string()));
        let id = message.get("id").and_then(id_text).filter(|_| assistant).unwrap_or_else(|| key.clone());
        let (session, parent_session) = self.session_of(record);
        let mut builder = DraftBuilder::new(&session, &id, Role::User, time_of(record), line);
        self.describe(&mut builder, record, parent_session);
        let speaker = speaker(record, message, assistant, content);
        let mut blocks = Blocks {
            file: self,
            builder: &mut builder,
            record,
            message: &id,
            key: &key,
            assistant,
            speaker,
            results: false,
        };
        match content {
            Value::Array(list) => list.iter().enumerate().for_each(|(index, block)| blocks.add(index, block)),
            Value::Null => {}
            Value::Object(_) => blocks.add(0, content),
            _ => blocks.add_prose(0, &content_text(content)),
        }
        let results = blocks.results;
        self.add_plan(&mut builder, record, content, &key);
        let draft = builder.draft();
        draft.role = match (assistant, results) {
            (true, _) => Role::Assistant,
            (false, true) => Role::Tool,
            (false, false) => Role::User,
        };
        draft.model = field(message, "model").filter(|_| assistant).map(str::to_owned);
        draft.usage = message.get("usage").filter(|_| assistant).and_then(usage);
        builder.finish()
    }

    /// The plan that a prompt carries on, where the prompt does not hold it.
    fn add_plan(&self, builder: &mut DraftBuilder, record: &Value, content: &Value, key: &str) {
        if let Some(plan) = field(record, "planContent")
            && !content_text(content).contains(plan.trim())
        {
            builder.add_keyed_part(format!("{key}/plan"), Kind::Text, Origin::Model, plan, None);
        }
    }
}

/// Who stands behind the prose of a record.
fn speaker(record: &Value, message: &Value, assistant: bool, content: &Value) -> Speaker {
    let is = |name: &str| record.get(name) == Some(&Value::Bool(true));
    if assistant {
        // The client writes errors of the API and notices in the place of the model.
        let synthetic = is("isApiErrorMessage") || field(message, "model") == Some("<synthetic>");
        return if synthetic { Speaker::Client } else { Speaker::Model };
    }
    let by = record.pointer("/origin/kind").and_then(Value::as_str);
    let source = field(record, "promptSource");
    if is("isCompactSummary") {
        Speaker::Summary
    } else if is("isMeta") || by.is_some_and(|by| by != "human") || source == Some("system") {
        Speaker::Client
    } else if is("isSidechain") || field(record, "madeBy") == Some("model") {
        // The prompt of a sub-agent is written by the model that started it.
        Speaker::Model
    } else if field(record, "planContent").is_some_and(|plan| content_text(content).contains(plan.trim())) {
        Speaker::Model
    } else {
        Speaker::Person { vouched: by == Some("human") || source == Some("typed") }
    }
}

fn usage(usage: &Value) -> Option<Usage> {
    let of = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or(0);
    let usage = Usage {
        input: of("input_tokens"),
        output: of("output_tokens"),
        cache_read: of("cache_read_input_tokens"),
        cache_write: of("cache_creation_input_tokens"),
    };
    (usage != Usage::default()).then_some(usage)
}

/// The blocks of one record.
struct Blocks<'a> {
    file: &'a mut File,
    builder: &'a mut DraftBuilder,
    record: &'a Value,
    /// The id of the message.
    message: &'a str,
    /// What keys of parts begin with.
    key: &'a str,
    assistant: bool,
    speaker: Speaker,
    /// Whether one of them is the output of a tool.
    results: bool,
}

impl Blocks<'_> {
    fn add(&mut self, index: usize, block: &Value) {
        let kind = field(block, "type").unwrap_or("");
        match kind {
            _ if block.is_string() => self.add_prose(index, block.as_str().unwrap_or("")),
            "text" if block.get("text").is_some_and(Value::is_string) => {
                self.add_prose(index, field(block, "text").unwrap_or(""));
            }
            "thinking" => {
                let text = field(block, "thinking").unwrap_or("");
                let key = self.snapshot_key(index, text, true);
                self.builder.add_keyed_part(key, Kind::Thinking, Origin::Model, text, None);
            }
            "redacted_thinking" => {}
            "tool_use" | "server_tool_use" | "mcp_tool_use" => self.add_call(index, block),
            _ if kind.ends_with("tool_result") => self.add_result(index, block),
            "image" => self.add_other(index, Kind::Meta, Origin::Client, "[image]", None),
            _ => {
                let text = content_text(block);
                let bare = text.trim() == "[document]" || text.trim().is_empty();
                let kind_of_part = if bare { Kind::Meta } else { Kind::ToolResult };
                let origin = if self.assistant { Origin::Model } else { Origin::Tool };
                self.add_other(index, kind_of_part, origin, &text, Some(kind).filter(|kind| !kind.is_empty()));
            }
        }
    }

    fn add_other(&mut self, index: usize, kind: Kind, origin: Origin, text: &str, tool: Option<&str>) {
        self.builder.add_keyed_part(format!("{}/{index}", self.key), kind, origin, text, tool);
    }

    fn add_prose(&mut self, index: usize, text: &str) {
        if mark::is_own_output(text) {
            self.builder.leave_out_own();
            return;
        }
        let key = format!("{}/{index}", self.key);
        match self.speaker {
            Speaker::Model if self.assistant => {
                let key = self.snapshot_key(index, text, false);
                self.builder.add_keyed_part(key, Kind::Text, Origin::Model, text, None);
            }
            Speaker::Model => add_pieces(self.builder, &key, text, Origin::Model, false),
            Speaker::Client => self.builder.add_keyed_part(key, Kind::Meta, Origin::Client, text, None),
            Speaker::Summary => self.builder.add_keyed_part(key, Kind::Summary, Origin::Client, text, None),
            Speaker::Person { .. } if prompt::is_compaction_summary(text) => {
                self.builder.add_keyed_part(key, Kind::Summary, Origin::Client, text, None);
            }
            Speaker::Person { vouched } => {
                self.file.queue.deliver(&prompt::typed(text));
                add_pieces(self.builder, &key, text, Origin::Person, vouched);
            }
        }
    }

    /// The key of a block of prose: that of an earlier snapshot of the same block, which this one continues.
    fn snapshot_key(&mut self, index: usize, text: &str, thinking: bool) -> String {
        let slot = if thinking { &mut self.file.snapshots.thinking } else { &mut self.file.snapshots.text };
        let continued = slot.as_ref().filter(|last| last.message == self.message && text.starts_with(&last.text));
        let key = continued.map_or_else(|| format!("{}/{index}", self.key), |last| last.key.clone());
        *slot = Some(Snapshot { message: self.message.to_owned(), key: key.clone(), text: text.to_owned() });
        key
    }

    fn add_call(&mut self, index: usize, block: &Value) {
        let tool = field(block, "name").unwrap_or("tool");
        let id = block.get("id").and_then(id_text);
        let own_key = format!("{}/{index}", self.key);
        let known = id.as_ref().and_then(|id| self.file.calls.get(id));
        let key = known.map_or(own_key, |call| call.key.clone());
        if let Some(id) = id {
            self.file.calls.insert(id, Call { tool: tool.to_owned(), key: key.clone() });
        }
        // What our own tools are asked repeats what is stored, or what is to be deleted.
        let input = block.get("input").filter(|_| !mark::is_own_tool(tool)).unwrap_or(&Value::Null);
        let text = match input {
            Value::Object(fields) => super::super::draft_builder::named(fields),
            Value::Null => String::new(),
            other => content_text(other),
        };
        self.builder.draft().files.extend(named_files(input));
        // A call without arguments is still something that happened.
        let text = if text.trim().is_empty() { tool } else { &text };
        self.builder.add_keyed_part(key, Kind::ToolUse, Origin::Model, text, Some(tool));
    }

    fn add_result(&mut self, index: usize, block: &Value) {
        self.results = true;
        let call = block.get("tool_use_id").and_then(id_text).and_then(|id| self.file.calls.get(&id));
        let tool = call.map(|call| call.tool.clone());
        let text = block.get("content").map(content_text).unwrap_or_default();
        let own = tool.as_deref().is_some_and(mark::is_own_tool) || mark::is_own_output(&text);
        if own {
            self.builder.leave_out_own();
            return;
        }
        let key = format!("{}/{index}", self.key);
        let (tool, origin) = (tool.as_deref(), Origin::of_tool(tool.as_deref()));
        if let Some(pieces) = super::spilled::read_spilled(&text, &self.file.spilled) {
            if pieces.first().is_some_and(|text| mark::is_own_output(text)) {
                self.builder.leave_out_own();
                return;
            }
            for (number, piece) in pieces.iter().enumerate() {
                let key = if number == 0 { key.clone() } else { format!("{key}.{number}") };
                self.builder.add_keyed_part(key, Kind::ToolResult, origin, piece, tool);
            }
            return;
        }
        // A person who refuses a call says why.
        let refused = block.get("is_error") == Some(&Value::Bool(true)) || self.record.get("toolDenialKind").is_some();
        match text.split_once(REASON).filter(|_| refused) {
            Some((notice, reason)) => {
                self.builder.add_keyed_part(key.clone(), Kind::ToolResult, origin, &format!("{notice}{REASON}"), tool);
                self.builder.add_keyed_part(format!("{key}.1"), Kind::Text, Origin::Person, reason, None);
            }
            None => self.builder.add_keyed_part(key, Kind::ToolResult, origin, &text, tool),
        }
    }
}
