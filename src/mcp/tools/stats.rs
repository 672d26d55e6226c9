//! `memory_stats`: counts the contents of the store.

use std::fmt::Write as _;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{ToolOutcome, build_reply, build_tool, parse_arguments, read_only_annotations};
use crate::mcp::caller::Caller;
use crate::mcp::wire::changes::{RuleCount, StatsAnswer};
use crate::memory::Memory;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StatsToolInput {}

pub(super) fn define_tool() -> Tool {
    build_tool::<StatsToolInput, StatsAnswer>(
        "memory_stats",
        "Counts",
        "Counts what is kept: projects, sessions, messages, vectors, bytes, secrets redacted.",
        read_only_annotations(),
    )
}

pub(super) fn run_tool(memory: &Memory, _caller: &Caller, arguments: Value) -> ToolOutcome {
    let StatsToolInput {} = parse_arguments(arguments, "this tool takes no arguments")?;
    let stats = memory.snapshot()?.collect_stats()?;
    let redactions =
        memory.snapshot()?.redaction_counts()?.into_iter().map(|(rule, count)| RuleCount { rule, count }).collect();
    let stats = StatsAnswer {
        projects: stats.projects,
        sessions: stats.conversations,
        messages: stats.messages,
        parts: stats.parts,
        saved: stats.notes,
        vectors: stats.vectors,
        pending: stats.pending,
        text_bytes: stats.text_bytes,
        database_bytes: stats.database_bytes,
        oldest: stats.oldest.map(|at| at.to_string()),
        newest: stats.newest.map(|at| at.to_string()),
        redactions,
    };
    let mut text = format!(
        "{} projects, {} sessions, {} messages, {} saved memories\n{} vectors, {} texts not embedded yet\n{} bytes of text in a database of {}\n",
        stats.projects,
        stats.sessions,
        stats.messages,
        stats.saved,
        stats.vectors,
        stats.pending,
        stats.text_bytes,
        stats.database_bytes
    );
    for rule in &stats.redactions {
        let _ = writeln!(text, "secrets redacted by {}: {}", rule.rule, rule.count);
    }
    build_reply(&stats, &text)
}
