//! `memory_stats`: how much of what is kept.

use std::fmt::Write as _;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Outcome, answer, define, parse, reading};
use crate::mcp::caller::Caller;
use crate::mcp::wire::changes::{RuleCount, StatsAnswer};
use crate::memory::Memory;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {}

pub(super) fn definition() -> Tool {
    define::<Arguments, StatsAnswer>(
        "memory_stats",
        "Counts",
        "Counts what is kept: projects, sessions, messages, vectors, bytes, secrets taken out.",
        reading(),
    )
}

pub(super) fn call(memory: &Memory, _caller: &Caller, arguments: Value) -> Outcome {
    let Arguments {} = parse(arguments, "this tool takes no arguments")?;
    let stats = memory.stats()?;
    let redactions = memory.redactions()?.into_iter().map(|(rule, count)| RuleCount { rule, count }).collect();
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
        "{} projects, {} sessions, {} messages, {} saved memories\n{} vectors, {} texts wait for one\n{} bytes of text in a database of {}\n",
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
        let _ = writeln!(text, "secrets taken out by {}: {}", rule.rule, rule.count);
    }
    answer(&stats, &text)
}
