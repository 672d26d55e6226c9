//! `memory_update`: changes what was saved on purpose.

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Outcome, adding, answer, define, ids_of, parse, time_of};
use crate::mcp::caller::Caller;
use crate::mcp::error::Failure;
use crate::mcp::wire::SaveAnswer;
use crate::memory::Memory;
use crate::store::NoteChange;

const USAGE: &str = "`id` and one change are needed, for example {\"id\": \"…\", \"pin\": true}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
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

pub(super) fn definition() -> Tool {
    define::<Arguments, SaveAnswer>(
        "memory_update",
        "Change a saved memory",
        "Changes text, labels or pin of a saved memory. Use it when a saved fact is no longer right.",
        adding(),
    )
}

pub(super) fn call(memory: &Memory, caller: &Caller, arguments: Value) -> Outcome {
    let arguments: Arguments = parse(arguments, USAGE)?;
    let ids = ids_of(std::slice::from_ref(&arguments.id), USAGE)?;
    let id = ids.first().copied().ok_or_else(|| Failure::arguments("id is missing", USAGE))?;
    let change = NoteChange {
        kind: arguments.kind,
        title: arguments.title,
        tags: arguments.tags,
        pin: arguments.pin,
        expires_at: time_of(arguments.expires_at.as_deref(), caller.now, USAGE)?,
    };
    let saved = SaveAnswer::from(memory.update(id, arguments.text, change, caller.now)?);
    let text = format!("{}: {}", saved.status, saved.uri);
    answer(&saved, &text)
}
