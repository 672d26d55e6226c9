//! Codex's own transcripts: `~/.codex/sessions/YYYY/MM/DD/rollout-….jsonl`. Each message stands in them twice; what went to the model is
//! read, what the screen showed is passed over.

use std::collections::HashMap;

use serde_json::Value;

use super::jsonl::Client;
use super::turn::{Turn, field, list, moment, plain, texts};
use super::{Item, Transcript};
use crate::domain::{Kind, Origin, Role, Timestamp};

/// What the client puts into the place of a person.
const BY_CLIENT: [&str; 6] = [
    "<environment_context>",
    "<user_instructions>",
    "<permissions instructions>",
    "<turn_aborted>",
    "<skill>",
    "# AGENTS.md instructions",
];

/// The state of one file.
pub(super) struct Codex {
    session: String,
    at: Timestamp,
    cwd: Option<String>,
    branch: Option<String>,
    model: Option<String>,
    /// Names of tools whose output may still come, by the id of the call.
    calls: HashMap<String, String>,
}

impl Codex {
    pub(super) fn new(transcript: &Transcript) -> Self {
        let stem = transcript.path.file_stem().unwrap_or_default().to_string_lossy();
        // rollout-2026-11-24T03-22-35-<uuid>
        let session = stem.len().checked_sub(36).and_then(|start| stem.get(start..)).unwrap_or(&stem).to_owned();
        let at = Timestamp::from_milliseconds(transcript.modified);
        Self { session, at, cwd: None, branch: None, model: None, calls: HashMap::new() }
    }

    fn item(&mut self, payload: &Value, number: &str, line: u64) -> Item {
        let kind = field(payload, "type").unwrap_or("");
        let role = match (kind, field(payload, "role")) {
            ("message", Some("user")) => Role::User,
            ("message", Some("developer" | "system")) => Role::System,
            (kind, _) if kind.ends_with("_output") => Role::Tool,
            _ => Role::Assistant,
        };
        let mut turn = Turn::new(&self.session, field(payload, "id").unwrap_or(number), role, self.at, line);
        match kind {
            "message" => message(&mut turn, payload, role),
            "reasoning" => {
                let thought = [payload.get("summary"), payload.get("content")].into_iter().flatten().map(texts);
                turn.part(Kind::Thinking, Origin::Model, &thought.collect::<Vec<_>>().join("\n"), None);
            }
            "function_call" | "custom_tool_call" | "local_shell_call" | "web_search_call" => {
                let name = field(payload, "name").unwrap_or_else(|| kind.trim_end_matches("_call"));
                let asked = ["arguments", "input", "action"].iter().find_map(|name| payload.get(*name));
                let asked = asked.unwrap_or(&Value::Null);
                // Arguments are JSON inside a string.
                let parsed = asked.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
                turn.call(name, parsed.as_ref().filter(|parsed| parsed.is_object()).unwrap_or(asked));
                if let Some(call) = field(payload, "call_id") {
                    self.calls.insert(call.to_owned(), name.to_owned());
                }
            }
            "function_call_output" | "custom_tool_call_output" | "local_shell_call_output" => {
                let tool = field(payload, "call_id").and_then(|call| self.calls.remove(call));
                let output = payload.get("output").unwrap_or(&Value::Null);
                let text = texts(output);
                let shown = if text.is_empty() && output.is_object() { plain(output).into_owned() } else { text };
                turn.result(tool.as_deref(), &shown);
            }
            _ => return Item::Skipped,
        }
        let about = turn.about();
        (about.cwd, about.git_branch) = (self.cwd.clone(), self.branch.clone());
        about.model = self.model.clone().filter(|_| role == Role::Assistant);
        turn.item()
    }
}

/// What was typed, and what the client put beside it.
fn message(turn: &mut Turn, payload: &Value, role: Role) {
    let kinds = payload.pointer("/internal_chat_message_metadata_passthrough/content_item_kinds");
    let kinds = kinds.and_then(Value::as_array);
    for (place, part) in list(payload, "content").iter().enumerate() {
        let text = texts(part);
        let kind = kinds.and_then(|kinds| kinds.get(place)).and_then(Value::as_str);
        let by_client = kind.is_some_and(|kind| kind != "user.text")
            || BY_CLIENT.iter().any(|start| text.trim_start().starts_with(start));
        if role == Role::User && by_client {
            turn.part(Kind::Meta, Origin::Client, &text, None);
        } else {
            turn.said(&text);
        }
    }
}

impl Client for Codex {
    fn line(&mut self, value: Value, line: u64) -> Result<Vec<Item>, String> {
        let payload = value.get("payload").unwrap_or(&Value::Null);
        self.at = moment(value.get("timestamp")).unwrap_or(self.at);
        let owned = |name: &str| field(payload, name).map(str::to_owned);
        let item = match field(&value, "type").ok_or("a record without `type`, skipped")? {
            "session_meta" => {
                self.session = owned("id").unwrap_or_else(|| std::mem::take(&mut self.session));
                self.cwd = owned("cwd").or_else(|| self.cwd.take());
                self.branch = payload.pointer("/git/branch").and_then(Value::as_str).map(str::to_owned);
                Item::Skipped
            }
            "turn_context" => {
                self.cwd = owned("cwd").or_else(|| self.cwd.take());
                self.model = owned("model").or_else(|| self.model.take());
                Item::Skipped
            }
            "response_item" => {
                let ordinal = value.get("ordinal").and_then(Value::as_u64);
                let number = ordinal.map_or_else(|| format!("line-{line}"), |number| format!("item-{number}"));
                self.item(payload, &number, line)
            }
            _ => Item::Skipped,
        };
        Ok(vec![item])
    }
}
