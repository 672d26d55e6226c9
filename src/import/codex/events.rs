//! Reads events for the screen (`event_msg`). Most repeat what went to the model or have no content; only what no other
//! record has is kept.

use serde_json::Value;

use super::super::Item;
use super::super::content::{content_text, readable_strings};
use super::super::draft_builder::{DraftBuilder, first_field, text_field};
use super::Codex;
use super::copies::{Channel, CodexSpeaker};
use super::deferred::CopySource;
use super::items::content_parts;
use super::titles::chosen_title;
use crate::domain::{Origin, PartKind, Role};

/// Events without conversation, or that repeat other records.
#[rustfmt::skip]
const BOOKKEEPING: [&str; 30] = [
    "task_started", "turn_started", "turn_aborted", "context_compacted", "thread_settings_applied", "thread_rolled_back",
    "session_configured", "mcp_startup_update", "mcp_startup_complete", "background_event", "turn_diff", "plan_update",
    "undo_started", "undo_completed", "shutdown_complete", "entered_review_mode", "agent_reasoning_section_break",
    "terminal_interaction", "model_reroute", "model_verification", "item_started", "hook_started", "hook_completed",
    "raw_response_item", "thread_goal_updated", "patch_apply_updated", "skills_update_available", "thread_started",
    "turn_moderation_metadata", "sub_agent_activity",
];

/// Items that repeat a call, or report that an agent did something.
const BOOKKEEPING_ITEMS: [&str; 6] =
    ["SubAgentActivity", "CollabAgentToolCall", "ContextCompaction", "Sleep", "EnteredReviewMode", "HookPrompt"];

/// Kind and line of an event.
#[derive(Debug)]
pub(super) struct CodexEvent {
    /// Kind it is counted as if it is bookkeeping.
    pub(super) kind: String,
    pub(super) line: u64,
}

impl Codex {
    /// Reads an event.
    pub(super) fn read_event(&mut self, payload: &Value, line: u64) -> Vec<Item> {
        let kind = text_field(payload, "type").unwrap_or("");
        let name = format!("event_msg:{kind}");
        let event = CodexEvent { kind: name.clone(), line };
        let text = |names: &[&str]| first_field(payload, names).unwrap_or("").to_owned();
        let item = match kind {
            "user_message" => {
                self.read_text_event(event, CodexSpeaker::Person, Channel::Event, text(&["message", "text"]), None)
            }
            "agent_message" => {
                self.read_text_event(event, CodexSpeaker::Model, Channel::Event, text(&["message", "text"]), None)
            }
            "agent_reasoning" | "agent_reasoning_raw_content" => {
                self.read_text_event(event, CodexSpeaker::Thought, Channel::Event, text(&["text", "message"]), None)
            }
            "item_completed" => self.read_completed(payload.get("item").unwrap_or(&Value::Null), line),
            "task_complete" | "turn_complete" => {
                self.read_repeated_text(event, CodexSpeaker::Model, text(&["last_agent_message"]))
            }
            "exited_review_mode" => {
                let review = payload.get("review_output").map(readable_strings).unwrap_or_default();
                self.read_repeated_text(event, CodexSpeaker::Model, review)
            }
            "error" | "warning" | "stream_error" | "deprecation_notice" => {
                let mut builder = self.start_message(Role::System, line);
                builder.add_part(PartKind::Meta, Origin::Client, &text(&["message", "summary"]), None);
                let item = builder.finish();
                Some(self.identify_item(item, None, ""))
            }
            "thread_name_updated" => return self.read_session_name(name, payload),
            "token_count" => {
                if let Some(info) = payload.get("info") {
                    self.answers.set_event_usage(info);
                }
                Some(Item::Bookkeeping(name.into()))
            }
            "exec_command_end"
            | "mcp_tool_call_end"
            | "patch_apply_end"
            | "web_search_end"
            | "image_generation_end"
            | "view_image_tool_call"
            | "dynamic_tool_call_response" => {
                let tool = kind.trim_end_matches("_end").trim_end_matches("_response").trim_end_matches("_tool_call");
                self.read_finished_call(event, tool, payload)
            }
            _ if BOOKKEEPING.contains(&kind) || is_intermediate_event(kind) => Some(Item::Bookkeeping(name.into())),
            _ => {
                let item = self.build_unknown(&name, payload, Role::System, line);
                Some(self.identify_item(item, None, ""))
            }
        };
        item.map(|item| self.answers.push(item)).unwrap_or_default()
    }

    /// Reads an item of the conversation as the newest clients write it for the screen.
    fn read_completed(&mut self, item: &Value, line: u64) -> Option<Item> {
        let kind = text_field(item, "type").unwrap_or("");
        let name = format!("event_msg:item_completed:{kind}");
        let event = CodexEvent { kind: name.clone(), line };
        let id = text_field(item, "id");
        let joined = |names: &[&str]| {
            // Images and mentions are in the text too.
            let parts = names.iter().flat_map(|name| content_parts(item.get(*name)));
            let texts = parts.filter(|part| part.is_string() || part.get("text").is_some()).map(content_text);
            texts.filter(|text| !text.trim().is_empty()).collect::<Vec<_>>().join("\n")
        };
        match kind {
            // A person's message has another id here than in the record that went to the model.
            "UserMessage" => {
                self.read_text_event(event, CodexSpeaker::Person, Channel::Item, joined(&["content"]), None)
            }
            "AgentMessage" => self.read_text_event(event, CodexSpeaker::Model, Channel::Item, joined(&["content"]), id),
            "Reasoning" => {
                let text = joined(&["summary_text", "raw_content"]);
                self.read_text_event(event, CodexSpeaker::Thought, Channel::Item, text, id)
            }
            "Plan" | "ExitedReviewMode" => {
                self.read_repeated_text(event, CodexSpeaker::Model, joined(&["text", "review"]))
            }
            "CommandExecution" | "FileChange" | "McpToolCall" | "DynamicToolCall" | "WebSearch" | "ImageView"
            | "ImageGeneration" => self.read_finished_call(event, &to_snake_case(kind), item),
            _ if BOOKKEEPING_ITEMS.contains(&kind) => Some(Item::Bookkeeping(name.into())),
            _ => {
                let unknown = self.build_unknown(&name, item, Role::Assistant, line);
                Some(self.identify_item(unknown, None, ""))
            }
        }
    }

    /// Reads a text that may also be in records of another kind.
    fn read_text_event(
        &mut self,
        event: CodexEvent,
        speaker: CodexSpeaker,
        channel: Channel,
        text: String,
        own_id: Option<&str>,
    ) -> Option<Item> {
        let times = self.copies.record_text(speaker, channel, &text);
        let item = self.build_text_message(speaker, &text, event.line).finish();
        self.defer_message(event.kind, item, own_id, CopySource::Said { speaker, channel, text, times })
    }

    /// Reads a text that usually repeats an earlier one.
    fn read_repeated_text(&mut self, event: CodexEvent, speaker: CodexSpeaker, text: String) -> Option<Item> {
        let item = self.build_text_message(speaker, &text, event.line).finish();
        self.defer_message(event.kind, item, None, CopySource::Anywhere { speaker, text })
    }

    fn build_text_message(&self, speaker: CodexSpeaker, text: &str, line: u64) -> DraftBuilder {
        let role = if speaker == CodexSpeaker::Person { Role::User } else { Role::Assistant };
        let mut builder = self.start_message(role, line);
        match speaker {
            CodexSpeaker::Person => self.add_prompt(&mut builder, text),
            CodexSpeaker::Model => builder.add_text(text),
            CodexSpeaker::Thought => builder.add_part(PartKind::Thinking, Origin::Model, text, None),
        }
        builder
    }

    fn read_session_name(&mut self, kind: String, payload: &Value) -> Vec<Item> {
        let session = text_field(payload, "thread_id").unwrap_or(&self.identity.session);
        let title = first_field(payload, &["thread_name", "name"]).map(|title| chosen_title(session, title));
        let mut items = self.answers.push(Item::Bookkeeping(kind.into()));
        items.extend(title);
        items
    }
}

/// Returns true for intermediate steps whose end or result is recorded too.
fn is_intermediate_event(kind: &str) -> bool {
    let ends = ["_delta", "_begin", "_request", "_response"];
    let starts = ["collab_", "realtime_", "guardian_", "request_"];
    ends.iter().any(|end| kind.ends_with(end)) || starts.iter().any(|start| kind.starts_with(start))
}

/// Converts `CommandExecution` to `command_execution`.
fn to_snake_case(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
    }
    snake
}
