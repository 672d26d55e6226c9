//! Events for the screen (`event_msg`). Most repeat what went to the model or say nothing; what stands nowhere else
//! is read.

use serde_json::Value;

use super::super::Item;
use super::super::content::{content_text, readable_strings};
use super::super::draft_builder::{DraftBuilder, field, first};
use super::Codex;
use super::copies::{Channel, Speaker};
use super::held::CopyOf;
use super::items::parts_of;
use super::titles::chosen_title;
use crate::domain::{Kind, Origin, Role};

/// Events that hold nothing that was said or done, or repeat what other records say.
#[rustfmt::skip]
const BOOKKEEPING: [&str; 30] = [
    "task_started", "turn_started", "turn_aborted", "context_compacted", "thread_settings_applied", "thread_rolled_back",
    "session_configured", "mcp_startup_update", "mcp_startup_complete", "background_event", "turn_diff", "plan_update",
    "undo_started", "undo_completed", "shutdown_complete", "entered_review_mode", "agent_reasoning_section_break",
    "terminal_interaction", "model_reroute", "model_verification", "item_started", "hook_started", "hook_completed",
    "raw_response_item", "thread_goal_updated", "patch_apply_updated", "skills_update_available", "thread_started",
    "turn_moderation_metadata", "sub_agent_activity",
];

/// Items that repeat a call, or say that an agent did something.
const BOOKKEEPING_ITEMS: [&str; 6] =
    ["SubAgentActivity", "CollabAgentToolCall", "ContextCompaction", "Sleep", "EnteredReviewMode", "HookPrompt"];

/// One event.
#[derive(Debug)]
pub(super) struct Event {
    /// The kind that it is counted as when it is bookkeeping.
    pub(super) kind: String,
    pub(super) line: u64,
}

impl Codex {
    /// Reads an event.
    pub(super) fn read_event(&mut self, payload: &Value, line: u64) -> Vec<Item> {
        let kind = field(payload, "type").unwrap_or("");
        let name = format!("event_msg:{kind}");
        let event = Event { kind: name.clone(), line };
        let text = |names: &[&str]| first(payload, names).unwrap_or("").to_owned();
        let item = match kind {
            "user_message" => self.said(event, Speaker::Person, Channel::Event, text(&["message", "text"]), None),
            "agent_message" => self.said(event, Speaker::Model, Channel::Event, text(&["message", "text"]), None),
            "agent_reasoning" | "agent_reasoning_raw_content" => {
                self.said(event, Speaker::Thought, Channel::Event, text(&["text", "message"]), None)
            }
            "item_completed" => self.read_completed(payload.get("item").unwrap_or(&Value::Null), line),
            "task_complete" | "turn_complete" => self.repeated(event, Speaker::Model, text(&["last_agent_message"])),
            "exited_review_mode" => {
                let review = payload.get("review_output").map(readable_strings).unwrap_or_default();
                self.repeated(event, Speaker::Model, review)
            }
            "error" | "warning" | "stream_error" | "deprecation_notice" => {
                let mut builder = self.builder(Role::System, line);
                builder.add_part(Kind::Meta, Origin::Client, &text(&["message", "summary"]), None);
                let item = builder.finish();
                Some(self.identify(item, None, ""))
            }
            "thread_name_updated" => return self.read_name(name, payload),
            "token_count" => {
                if let Some(info) = payload.get("info") {
                    self.answers.count_event(info);
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
                self.read_done(event, tool, payload)
            }
            _ if BOOKKEEPING.contains(&kind) || is_step(kind) => Some(Item::Bookkeeping(name.into())),
            _ => {
                let item = self.unknown(&name, payload, Role::System, line);
                Some(self.identify(item, None, ""))
            }
        };
        item.map(|item| self.answers.push(item)).unwrap_or_default()
    }

    /// Reads an item of the conversation as the newest clients show it.
    fn read_completed(&mut self, item: &Value, line: u64) -> Option<Item> {
        let kind = field(item, "type").unwrap_or("");
        let name = format!("event_msg:item_completed:{kind}");
        let event = Event { kind: name.clone(), line };
        let id = field(item, "id");
        let joined = |names: &[&str]| {
            // Pictures and mentions stand in the text, too.
            let parts = names.iter().flat_map(|name| parts_of(item.get(*name)));
            let texts = parts.filter(|part| part.is_string() || part.get("text").is_some()).map(content_text);
            texts.filter(|text| !text.trim().is_empty()).collect::<Vec<_>>().join("\n")
        };
        match kind {
            // A person's message has another id here than where it went to the model.
            "UserMessage" => self.said(event, Speaker::Person, Channel::Item, joined(&["content"]), None),
            "AgentMessage" => self.said(event, Speaker::Model, Channel::Item, joined(&["content"]), id),
            "Reasoning" => {
                let text = joined(&["summary_text", "raw_content"]);
                self.said(event, Speaker::Thought, Channel::Item, text, id)
            }
            "Plan" | "ExitedReviewMode" => self.repeated(event, Speaker::Model, joined(&["text", "review"])),
            "CommandExecution" | "FileChange" | "McpToolCall" | "DynamicToolCall" | "WebSearch" | "ImageView"
            | "ImageGeneration" => self.read_done(event, &snake_case(kind), item),
            _ if BOOKKEEPING_ITEMS.contains(&kind) => Some(Item::Bookkeeping(name.into())),
            _ => {
                let unknown = self.unknown(&name, item, Role::Assistant, line);
                Some(self.identify(unknown, None, ""))
            }
        }
    }

    /// A text that somebody says.
    fn said(
        &mut self,
        event: Event,
        speaker: Speaker,
        channel: Channel,
        text: String,
        own_id: Option<&str>,
    ) -> Option<Item> {
        let times = self.copies.note_said(speaker, channel, &text);
        let item = self.spoken(speaker, &text, event.line).finish();
        self.hold(event.kind, item, own_id, CopyOf::Said { speaker, channel, text, times })
    }

    /// A text that repeats what was said before.
    fn repeated(&mut self, event: Event, speaker: Speaker, text: String) -> Option<Item> {
        let item = self.spoken(speaker, &text, event.line).finish();
        self.hold(event.kind, item, None, CopyOf::Anywhere { speaker, text })
    }

    fn spoken(&self, speaker: Speaker, text: &str, line: u64) -> DraftBuilder {
        let role = if speaker == Speaker::Person { Role::User } else { Role::Assistant };
        let mut builder = self.builder(role, line);
        match speaker {
            Speaker::Person => self.add_prompt(&mut builder, text),
            Speaker::Model => builder.add_text(text),
            Speaker::Thought => builder.add_part(Kind::Thinking, Origin::Model, text, None),
        }
        builder
    }

    fn read_name(&mut self, kind: String, payload: &Value) -> Vec<Item> {
        let session = field(payload, "thread_id").unwrap_or(&self.identity.session);
        let title = first(payload, &["thread_name", "name"]).map(|title| chosen_title(session, title));
        let mut items = self.answers.push(Item::Bookkeeping(kind.into()));
        items.extend(title);
        items
    }
}

/// Recognises steps of something whose end or result is written too.
fn is_step(kind: &str) -> bool {
    let ends = ["_delta", "_begin", "_request", "_response"];
    let starts = ["collab_", "realtime_", "guardian_", "request_"];
    ends.iter().any(|end| kind.ends_with(end)) || starts.iter().any(|start| kind.starts_with(start))
}

/// `CommandExecution` as `command_execution`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
    }
    snake
}
