//! Reads user and assistant records: converts the blocks of an API message to parts, and separates typed words from the
//! rest.

use serde_json::Value;

use super::{PendingCall, TranscriptState, id_text, record_time};
use crate::domain::hash::to_hex;
use crate::domain::text::prompt::{self, PromptPiece};
use crate::domain::text::shell;
use crate::domain::{ContentHash, Origin, PartKind, Role, Usage, own_output};
use crate::import::content::content_text;
use crate::import::draft_builder::{DraftBuilder, argument_files, text_field};
use crate::import::{BadRecord, Item};

/// Text before a person's reason for refusing a tool call.
const REFUSAL_REASON: &str = "the user said:\n";

/// Author of the prose of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProseAuthor {
    /// A person; `vouched` is true if the client says that a person typed it.
    Person { vouched: bool },
    /// The model: an answer, a plan, the prompt of a sub-agent.
    Model,
    /// The client: reminders, command expansions, API errors.
    Client,
    /// The client's compaction summary.
    Summary,
}

/// Last block of each kind of prose, because some versions write a message again with more text.
#[derive(Debug, Default)]
pub(super) struct ProseSnapshots {
    text: Option<ProseSnapshot>,
    thinking: Option<ProseSnapshot>,
}

#[derive(Debug)]
struct ProseSnapshot {
    message: String,
    key: String,
    text: String,
}

/// Returns the id of a record: its own, else a hash of its type, time, parent and text.
pub(super) fn record_id(record: &Value, text: &str) -> String {
    record.get("uuid").and_then(id_text).unwrap_or_else(|| {
        let at = record.get("timestamp").map(ToString::to_string).unwrap_or_default();
        let parent = record.get("parentUuid").map(ToString::to_string).unwrap_or_default();
        let kind = text_field(record, "type").unwrap_or("");
        let hash = ContentHash::of_parts(&[kind.as_bytes(), at.as_bytes(), parent.as_bytes(), text.as_bytes()]);
        format!("content-{}", to_hex(&hash.0))
    })
}

/// Adds the text of a user message, split into typed and client text. The first piece keeps the key of the whole text,
/// so that its key never changes.
pub(super) fn add_prompt_pieces(builder: &mut DraftBuilder, key: &str, text: &str, typed: Origin, vouched: bool) {
    let pieces = if vouched { prompt::split_typed_prompt(text) } else { prompt::split_prompt(text) };
    for (number, piece) in pieces.into_iter().enumerate() {
        let key = if number == 0 { key.to_owned() } else { format!("{key}.{number}") };
        match piece {
            PromptPiece::Typed(text) if own_output::is_own_output(text) => builder.exclude_own_output(),
            PromptPiece::Client(text) if own_output::is_own_output(text) => builder.exclude_own_output(),
            PromptPiece::Typed(text) => builder.add_keyed_part(key, PartKind::Text, typed, text, None),
            PromptPiece::Client(text) => builder.add_keyed_part(key, PartKind::Meta, Origin::Client, text, None),
        }
    }
}

impl TranscriptState {
    /// Reads a user or assistant record, or a record of another type that holds an API message.
    pub(super) fn read_message(&mut self, record: &Value, line: u64) -> Item {
        let Some(message) = record.get("message").filter(|message| !message.is_null()) else {
            let why = "a message record without a message, skipped".to_owned();
            return Item::Bad(BadRecord { path: std::path::PathBuf::new(), line, why });
        };
        let role = text_field(record, "type")
            .filter(|kind| matches!(*kind, "user" | "assistant"))
            .or(text_field(message, "role"));
        let assistant = role == Some("assistant");
        // `message` may be the text itself instead of an API message.
        let content = if message.is_object() { message.get("content").unwrap_or(&Value::Null) } else { message };
        let uuid = record.get("uuid").and_then(id_text);
        let key = uuid.clone().unwrap_or_else(|| record_id(record, &content.to_string()));
        let id = message.get("id").and_then(id_text).filter(|_| assistant).unwrap_or_else(|| key.clone());
        let (session, parent_session) = self.session_of(record);
        let mut builder = DraftBuilder::new(&session, &id, Role::User, record_time(record), line);
        self.set_context(&mut builder, record, parent_session);
        let speaker = prose_author(record, message, assistant, content);
        let mut blocks = BlockConverter {
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
            Value::Array(list) => list.iter().enumerate().for_each(|(index, block)| blocks.add_block(index, block)),
            Value::Null => {}
            Value::Object(_) => blocks.add_block(0, content),
            _ => blocks.add_prose(0, &content_text(content)),
        }
        let results = blocks.results;
        self.add_plan(&mut builder, record, content, &key);
        let draft = builder.draft_mut();
        draft.role = match (assistant, results) {
            (true, _) => Role::Assistant,
            (false, true) => Role::Tool,
            (false, false) => Role::User,
        };
        draft.model = text_field(message, "model").filter(|_| assistant).map(str::to_owned);
        draft.usage = message.get("usage").filter(|_| assistant).and_then(read_usage);
        builder.finish()
    }

    /// Adds the plan that a prompt continues, if the prompt does not contain it.
    fn add_plan(&self, builder: &mut DraftBuilder, record: &Value, content: &Value, key: &str) {
        if let Some(plan) = text_field(record, "planContent")
            && !content_text(content).contains(plan.trim())
        {
            builder.add_keyed_part(format!("{key}/plan"), PartKind::Text, Origin::Model, plan, None);
        }
    }
}

/// Author of the prose of a record.
fn prose_author(record: &Value, message: &Value, assistant: bool, content: &Value) -> ProseAuthor {
    let is = |name: &str| record.get(name) == Some(&Value::Bool(true));
    if assistant {
        // The client writes API errors and notices as assistant messages.
        let synthetic = is("isApiErrorMessage") || text_field(message, "model") == Some("<synthetic>");
        return if synthetic { ProseAuthor::Client } else { ProseAuthor::Model };
    }
    let by = record.pointer("/origin/kind").and_then(Value::as_str);
    let source = text_field(record, "promptSource");
    if is("isCompactSummary") {
        ProseAuthor::Summary
    } else if is("isMeta") || by.is_some_and(|by| by != "human") || source == Some("system") {
        ProseAuthor::Client
    } else if is("isSidechain") || text_field(record, "madeBy") == Some("model") {
        // The prompt of a sub-agent is written by the model that started it.
        ProseAuthor::Model
    } else if text_field(record, "planContent").is_some_and(|plan| content_text(content).contains(plan.trim())) {
        ProseAuthor::Model
    } else {
        ProseAuthor::Person { vouched: by == Some("human") || source == Some("typed") }
    }
}

fn read_usage(usage: &Value) -> Option<Usage> {
    let of = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or(0);
    let usage = Usage {
        input: of("input_tokens"),
        output: of("output_tokens"),
        cache_read: of("cache_read_input_tokens"),
        cache_write: of("cache_creation_input_tokens"),
    };
    (usage != Usage::default()).then_some(usage)
}

/// Converter for the blocks of one record.
struct BlockConverter<'a> {
    file: &'a mut TranscriptState,
    builder: &'a mut DraftBuilder,
    record: &'a Value,
    /// External id of the message.
    message: &'a str,
    /// Prefix of the part keys.
    key: &'a str,
    assistant: bool,
    speaker: ProseAuthor,
    /// True if one of the blocks is a tool result.
    results: bool,
}

impl BlockConverter<'_> {
    fn add_block(&mut self, index: usize, block: &Value) {
        let kind = text_field(block, "type").unwrap_or("");
        match kind {
            _ if block.is_string() => self.add_prose(index, block.as_str().unwrap_or("")),
            "text" if block.get("text").is_some_and(Value::is_string) => {
                self.add_prose(index, text_field(block, "text").unwrap_or(""));
            }
            "thinking" => {
                let text = text_field(block, "thinking").unwrap_or("");
                let key = self.snapshot_key(index, text, true);
                self.builder.add_keyed_part(key, PartKind::Thinking, Origin::Model, text, None);
            }
            "redacted_thinking" => {}
            "tool_use" | "server_tool_use" | "mcp_tool_use" => self.add_call(index, block),
            _ if kind.ends_with("tool_result") => self.add_result(index, block),
            "image" => self.add_other(index, PartKind::Meta, Origin::Client, "[image]", None),
            _ => {
                let text = content_text(block);
                let bare = text.trim() == "[document]" || text.trim().is_empty();
                let kind_of_part = if bare { PartKind::Meta } else { PartKind::ToolResult };
                let origin = if self.assistant { Origin::Model } else { Origin::Tool };
                self.add_other(index, kind_of_part, origin, &text, Some(kind).filter(|kind| !kind.is_empty()));
            }
        }
    }

    fn add_other(&mut self, index: usize, kind: PartKind, origin: Origin, text: &str, tool: Option<&str>) {
        self.builder.add_keyed_part(format!("{}/{index}", self.key), kind, origin, text, tool);
    }

    fn add_prose(&mut self, index: usize, text: &str) {
        if own_output::is_own_output(text) {
            self.builder.exclude_own_output();
            return;
        }
        let key = format!("{}/{index}", self.key);
        match self.speaker {
            ProseAuthor::Model if self.assistant => {
                let key = self.snapshot_key(index, text, false);
                self.builder.add_keyed_part(key, PartKind::Text, Origin::Model, text, None);
            }
            ProseAuthor::Model => add_prompt_pieces(self.builder, &key, text, Origin::Model, false),
            ProseAuthor::Client => self.builder.add_keyed_part(key, PartKind::Meta, Origin::Client, text, None),
            ProseAuthor::Summary => self.builder.add_keyed_part(key, PartKind::Summary, Origin::Client, text, None),
            ProseAuthor::Person { .. } if prompt::is_compaction_summary(text) => {
                self.builder.add_keyed_part(key, PartKind::Summary, Origin::Client, text, None);
            }
            ProseAuthor::Person { vouched } => {
                self.file.queue.remove_delivered(&prompt::typed_text(text));
                add_prompt_pieces(self.builder, &key, text, Origin::Person, vouched);
            }
        }
    }

    /// Returns the key of a prose block. A block that continues an earlier snapshot of itself keeps that snapshot's
    /// key.
    fn snapshot_key(&mut self, index: usize, text: &str, thinking: bool) -> String {
        let slot = if thinking { &mut self.file.snapshots.thinking } else { &mut self.file.snapshots.text };
        let continued = slot.as_ref().filter(|last| last.message == self.message && text.starts_with(&last.text));
        let key = continued.map_or_else(|| format!("{}/{index}", self.key), |last| last.key.clone());
        *slot = Some(ProseSnapshot { message: self.message.to_owned(), key: key.clone(), text: text.to_owned() });
        key
    }

    fn add_call(&mut self, index: usize, block: &Value) {
        let tool = text_field(block, "name").unwrap_or("tool");
        let id = block.get("id").and_then(id_text);
        let own_key = format!("{}/{index}", self.key);
        let known = id.as_ref().and_then(|id| self.file.calls.get(id));
        let key = known.map_or(own_key, |call| call.key.clone());
        if let Some(id) = id {
            let command = block.get("input").and_then(|input| text_field(input, "command"));
            let fetches = command.is_some_and(shell::fetches_from_network);
            self.file.calls.insert(id, PendingCall { tool: tool.to_owned(), key: key.clone(), fetches });
        }
        // The arguments of our own tools repeat what is stored, or what is to be deleted.
        let input = block.get("input").filter(|_| !own_output::is_own_tool(tool)).unwrap_or(&Value::Null);
        let text = match input {
            Value::Object(fields) => super::super::draft_builder::format_arguments(fields),
            Value::Null => String::new(),
            other => content_text(other),
        };
        self.builder.draft_mut().files.extend(argument_files(input));
        // A call without arguments still happened.
        let text = if text.trim().is_empty() { tool } else { &text };
        self.builder.add_keyed_part(key, PartKind::ToolUse, Origin::Model, text, Some(tool));
    }

    fn add_result(&mut self, index: usize, block: &Value) {
        self.results = true;
        let call = block.get("tool_use_id").and_then(id_text).and_then(|id| self.file.calls.get(&id));
        let (tool, fetches) = (call.map(|call| call.tool.clone()), call.is_some_and(|call| call.fetches));
        let text = block.get("content").map(content_text).unwrap_or_default();
        let own = tool.as_deref().is_some_and(own_output::is_own_tool) || own_output::is_own_output(&text);
        if own {
            self.builder.exclude_own_output();
            return;
        }
        let is_error = block.get("is_error") == Some(&Value::Bool(true));
        if let Some(call) = call.filter(|_| is_error) {
            let failed = call.key.clone();
            self.builder.draft_mut().failed_calls.push(failed);
        }
        let key = format!("{}/{index}", self.key);
        let (tool, origin) =
            (tool.as_deref(), if fetches { Origin::Web } else { Origin::from_tool_name(tool.as_deref()) });
        if let Some(pieces) = super::spilled::read_spilled_output(&text, &self.file.spilled) {
            if pieces.first().is_some_and(|text| own_output::is_own_output(text)) {
                self.builder.exclude_own_output();
                return;
            }
            for (number, piece) in pieces.iter().enumerate() {
                let key = if number == 0 { key.clone() } else { format!("{key}.{number}") };
                self.builder.add_keyed_part(key, PartKind::ToolResult, origin, piece, tool);
            }
            return;
        }
        // When a person refuses a call, the result holds the reason they gave.
        let refused = is_error || self.record.get("toolDenialKind").is_some();
        match text.split_once(REFUSAL_REASON).filter(|_| refused) {
            Some((notice, reason)) => {
                self.builder.add_keyed_part(
                    key.clone(),
                    PartKind::ToolResult,
                    origin,
                    &format!("{notice}{REFUSAL_REASON}"),
                    tool,
                );
                self.builder.add_keyed_part(format!("{key}.1"), PartKind::Text, Origin::Person, reason, None);
            }
            None => self.builder.add_keyed_part(key, PartKind::ToolResult, origin, &text, tool),
        }
    }
}
