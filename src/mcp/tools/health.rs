//! `memory_health`: reports the size of the store, failed checks and how to fix them.

use std::fmt::Write as _;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{ToolOutcome, build_reply, build_tool, parse_arguments, read_only_annotations};
use crate::domain::text::counts::format_count;
use crate::mcp::caller::Caller;
use crate::mcp::wire::HealthAnswer;
use crate::memory::Memory;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HealthToolInput {
    /// False: only checks that failed.
    detailed: Option<bool>,
}

pub(super) fn define_tool() -> Tool {
    build_tool::<HealthToolInput, HealthAnswer>(
        "memory_health",
        "Memory health",
        "Says how much is kept, whether search is degraded and what to do about it. Use it when a search warns or finds nothing.",
        read_only_annotations(),
    )
}

pub(super) fn run_tool(memory: &Memory, caller: &Caller, arguments: Value) -> ToolOutcome {
    let HealthToolInput { detailed } = parse_arguments(arguments, "only `detailed` (true or false) is understood")?;
    let mut health = HealthAnswer::gather_health(memory, caller.transcripts.as_deref(), caller.now)?;
    if !detailed.unwrap_or(true) {
        health.checks.retain(|check| !check.ok);
    }
    let mut text = format!(
        "{}: {} in {} of {}, {}, {} not embedded yet\n",
        health.status,
        format_count(health.messages, "message"),
        format_count(health.sessions, "session"),
        format_count(health.projects, "project"),
        format_count(health.saved, "saved memory"),
        format_count(health.pending, "text")
    );
    for check in &health.checks {
        let fix = check.fix.as_ref().map(|fix| format!(" → {fix}")).unwrap_or_default();
        let _ = writeln!(text, "{} {}: {}{fix}", if check.ok { "ok" } else { "!!" }, check.name, check.finding);
    }
    build_reply(&health, &text)
}
