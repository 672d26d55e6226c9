//! `memory_blame`: why a file is as it is.

use std::fmt::Write as _;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::timeline::line;
use super::{Outcome, define, minute, parse, projects_of, quote, quoting, reading, session_label, within};
use crate::mcp::caller::Caller;
use crate::mcp::wire::history::BlameAnswer;
use crate::memory::Memory;

const USAGE: &str = "`file` is needed, for example {\"file\": \"src/pool.rs\"}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Path or the end of one.
    file: String,
    /// "all" (default), "current", or a project's name or path.
    project: Option<String>,
    /// Requests, 1-50. Default 10.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<usize>,
}

pub(super) fn definition() -> Tool {
    define::<Arguments, BlameAnswer>(
        "memory_blame",
        "Why a file changed",
        "Lists the edits of a file with the request each was made for and what was said about it. Use it before changing code \
         whose reason is not clear.",
        reading(),
    )
}

pub(super) fn call(memory: &Memory, caller: &Caller, arguments: Value) -> Outcome {
    let arguments: Arguments = parse(arguments, USAGE)?;
    let projects = projects_of(memory, arguments.project.as_deref(), caller.directory.as_deref())?;
    let limit = within(arguments.limit, 10, 1, 50, "limit")?;
    let found = BlameAnswer::from(memory.blame(&arguments.file, projects, limit)?);
    let text = render(&found);
    quoting(&found, &text)
}

fn render(found: &BlameAnswer) -> String {
    let mut text = String::new();
    for entry in &found.edits {
        let branch = entry.git_branch.as_deref().filter(|branch| !branch.is_empty());
        let branch = branch.map(|branch| format!(" · branch {branch}")).unwrap_or_default();
        let _ = writeln!(
            text,
            "- {} · {}{branch} · {} · {} edits · session {}",
            minute(&entry.ts),
            entry.project,
            entry.title,
            entry.edits.len(),
            session_label(&entry.session_id)
        );
        for (label, excerpt) in [("asked", &entry.request), ("said", &entry.explanation)] {
            if let Some(excerpt) = excerpt {
                let _ = writeln!(text, "   {label} ({}, {}):\n{}", excerpt.trust, excerpt.id, quote(&excerpt.text));
            }
        }
    }
    if !found.readers.is_empty() {
        text.push_str("Named without being changed:\n");
    }
    for session in &found.readers {
        let _ = writeln!(text, "{}", line(session));
    }
    if text.is_empty() {
        text.push_str("No session named this file.\n");
    }
    text
}
