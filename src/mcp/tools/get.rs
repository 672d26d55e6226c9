//! `memory_get`: reads the verbatim messages around a hit, or of a session.

use std::fmt::Write as _;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::runtime::Handle;

use super::quotation::{author_label, quote_lines, short_id, unsigned_label};
use super::{
    ToolOutcome, build_quoting_reply, build_tool, estimate_tokens, format_minute, parse_arguments,
    read_only_annotations, resolve_ids, session_label, text_budget,
};
use crate::domain::query::{ReadRequest, Selection};
use crate::domain::text::counts::format_count;
use crate::domain::{Failure, limits};
use crate::mcp::caller::Caller;
use crate::mcp::wire::GetAnswer;
use crate::memory::Memory;
use crate::sync::ScratchMemory;

const USAGE: &str = "give `ids` from a search, or `session_id`";
const MOST_TOKENS: usize = 50_000;
/// Default number of messages read from a session.
const SESSION_MESSAGES: usize = 200;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GetToolInput {
    /// From search results.
    ids: Option<Vec<String>>,
    /// A whole session instead.
    session_id: Option<String>,
    /// Neighbours of each id on both sides. Default 2.
    around: Option<usize>,
    /// First position of the session to read, from 0.
    from: Option<usize>,
    /// Messages of the session. Default 200.
    count: Option<usize>,
    /// Default 3000.
    max_tokens: Option<usize>,
    /// Tool calls, tool output and reasoning too.
    include_tool_output: Option<bool>,
}

pub(super) fn define_tool() -> Tool {
    build_tool::<GetToolInput, GetAnswer>(
        "memory_get",
        "Read memory",
        "Reads the verbatim messages around search hits, or a session from its start. Use it when a snippet is not enough.",
        read_only_annotations(),
    )
}

pub(super) fn run_tool(memory: &Memory, caller: &Caller, arguments: Value) -> ToolOutcome {
    let arguments: GetToolInput = parse_arguments(arguments, USAGE)?;
    let reading = arguments.into_reading(memory)?;
    let fetched = fetch_remote(memory, caller, &reading)?;
    let mut found = GetAnswer::from(fetched.as_deref().unwrap_or(memory).read_messages(&reading)?);
    let text = render_conversations(&found);
    found.tokens = estimate_tokens(&text);
    build_quoting_reply(&found, &text)
}

/// Fetches the conversation of a message that the local store does not have, if a remote answers searches.
fn fetch_remote(memory: &Memory, caller: &Caller, reading: &ReadRequest) -> Result<Option<ScratchMemory>, Failure> {
    let (Some(remote), Selection::Messages { ids, .. }) = (&caller.remote, &reading.what) else { return Ok(None) };
    for id in ids {
        if memory.snapshot()?.find_message(*id)?.is_none() {
            return Ok(Handle::current().block_on(remote.conversation_of(memory, *id, caller.now))?);
        }
    }
    Ok(None)
}

impl GetToolInput {
    fn into_reading(self, memory: &Memory) -> Result<ReadRequest, Failure> {
        // A client that fills every field sends an empty list.
        let what = match (self.ids.filter(|ids| !ids.is_empty()), self.session_id) {
            (Some(ids), None) if ids.len() <= limits::READ_IDS => {
                let ids = resolve_ids(memory, &ids, USAGE)?;
                Selection::Messages { ids, around: self.around.unwrap_or(2).min(50) }
            }
            (None, Some(session)) => {
                let count = self.count.filter(|count| *count > 0).unwrap_or(SESSION_MESSAGES);
                Selection::Session { session, from: self.from.unwrap_or(0), count }
            }
            _ => {
                return Err(Failure::invalid_arguments("one of `ids` (1 to 50) and `session_id` is needed", USAGE));
            }
        };
        Ok(ReadRequest {
            what,
            include_tools: self.include_tool_output.unwrap_or(false),
            max_tokens: text_budget(self.max_tokens, 3000, MOST_TOKENS),
        })
    }
}

fn render_conversations(found: &GetAnswer) -> String {
    let mut text = String::new();
    for conversation in &found.conversations {
        let _ = writeln!(
            text,
            "session {} · {} · “{}”{} ({})",
            session_label(&conversation.session_id),
            conversation.project,
            conversation.title,
            unsigned_label(conversation.unsigned),
            format_count(conversation.total as u64, "message")
        );
        for message in &conversation.messages {
            let (at, id) = (format_minute(&message.ts), short_id(&message.id));
            let _ = writeln!(text, "[{}] {at} {} {id}", message.position, message.role);
            for part in &message.parts {
                let (kind, tool) = (&part.kind, part.tool.as_deref().unwrap_or(""));
                let said = author_label(&part.trust, part.said_by.as_ref());
                if kind != "text" {
                    let _ = writeln!(text, "{said} {kind} {tool}");
                } else if part.trust != "person" && part.trust != "model" {
                    let _ = writeln!(text, "{said}");
                }
                let _ = writeln!(text, "{}", quote_lines(&part.text));
            }
        }
    }
    if found.truncated {
        text.push_str("Cut at the token budget; read on with `from`, or ask for a larger max_tokens.\n");
    }
    text
}
