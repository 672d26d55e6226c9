//! `memory_update`: changes a saved note.

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{ToolOutcome, additive_annotations, build_reply, build_tool, parse_arguments, parse_time, resolve_ids};
use crate::domain::Failure;
use crate::mcp::caller::Caller;
use crate::mcp::wire::SaveAnswer;
use crate::memory::Memory;
use crate::store::NoteUpdate;

const USAGE: &str = "`id` and one change are needed, for example {\"id\": \"…\", \"pin\": true}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UpdateToolInput {
    /// Of a saved memory.
    id: String,
    /// The new text; the old one is replaced under a new id.
    text: Option<String>,
    /// decision, fact, preference, instruction, todo or your own word.
    kind: Option<String>,
    /// A heading.
    title: Option<String>,
    /// Labels, instead of the old ones.
    tags: Option<Vec<String>>,
    /// Keep at hand.
    pin: Option<bool>,
    /// Not returned after: RFC 3339 or a date.
    expires_at: Option<String>,
}

pub(super) fn define_tool() -> Tool {
    build_tool::<UpdateToolInput, SaveAnswer>(
        "memory_update",
        "Change a saved memory",
        "Changes text, labels or pin of a saved memory. Use it when a saved fact is no longer right.",
        additive_annotations(),
    )
}

pub(super) fn run_tool(memory: &Memory, caller: &Caller, arguments: Value) -> ToolOutcome {
    let arguments: UpdateToolInput = parse_arguments(arguments, USAGE)?;
    let ids = resolve_ids(memory, std::slice::from_ref(&arguments.id), USAGE)?;
    let id = ids.first().copied().ok_or_else(|| Failure::invalid_arguments("id is missing", USAGE))?;
    let change = NoteUpdate {
        kind: arguments.kind,
        title: arguments.title,
        tags: arguments.tags,
        pin: arguments.pin,
        expires_at: parse_time(arguments.expires_at.as_deref(), caller.now, USAGE)?,
    };
    let copied_from = match &arguments.text {
        Some(text) => caller.origin_of_copy(memory, text, change.title.as_deref())?,
        None => None,
    };
    let author = (!caller.is_person, copied_from);
    let saved = SaveAnswer::from(memory.update(id, arguments.text, change, author, caller.now)?);
    let text = format!("{}: {}", saved.status, saved.uri);
    build_reply(&saved, &text)
}
