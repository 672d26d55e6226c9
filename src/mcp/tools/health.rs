//! `memory_health`: what is kept, what is degraded, what to do about it.

use std::fmt::Write as _;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Outcome, answer, define, parse, reading};
use crate::mcp::caller::Caller;
use crate::mcp::wire::HealthAnswer;
use crate::memory::Memory;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// False: only checks that failed.
    detailed: Option<bool>,
}

pub(super) fn definition() -> Tool {
    define::<Arguments, HealthAnswer>(
        "memory_health",
        "Memory health",
        "Says how much is kept, whether search is degraded and what to do about it. Use it when a search warns or finds nothing.",
        reading(),
    )
}

pub(super) fn call(memory: &Memory, caller: &Caller, arguments: Value) -> Outcome {
    let Arguments { detailed } = parse(arguments, "only `detailed` (true or false) is understood")?;
    let mut health = HealthAnswer::gather(memory, caller.transcripts.as_deref(), caller.now)?;
    if !detailed.unwrap_or(true) {
        health.checks.retain(|check| !check.ok);
    }
    let mut text = format!(
        "{}: {} messages in {} sessions of {} projects, {} saved memories, {} texts wait for a vector\n",
        health.status, health.messages, health.sessions, health.projects, health.saved, health.pending
    );
    for check in &health.checks {
        let fix = check.fix.as_ref().map(|fix| format!(" → {fix}")).unwrap_or_default();
        let _ = writeln!(text, "{} {}: {}{fix}", if check.ok { "ok" } else { "!!" }, check.name, check.finding);
    }
    answer(&health, &text)
}
