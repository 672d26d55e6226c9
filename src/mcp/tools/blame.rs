//! `memory_blame`: lists the edits of a file with the requests behind them.

use std::fmt::Write as _;
use std::path::PathBuf;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::quotation::{message_label, quote_labelled};
use super::timeline::format_session;
use super::{
    ToolOutcome, build_quoting_reply, build_tool, check_range, format_minute, parse_arguments, read_only_annotations,
    resolve_project_rows, session_label,
};
use crate::domain::text::counts::format_count;
use crate::mcp::caller::Caller;
use crate::mcp::wire::history::BlameAnswer;
use crate::memory::{Blame, Memory};

/// Maximum number of requests.
const MAX_REQUESTS: usize = 50;
const USAGE: &str = "`file` is needed, for example {\"file\": \"src/pool.rs\"}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BlameToolInput {
    /// Path or the end of one.
    file: String,
    /// "all" (default), "current", or a project's name or path.
    project: Option<String>,
    /// Requests, 1-50. Default 10.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<usize>,
}

pub(super) fn define_tool() -> Tool {
    build_tool::<BlameToolInput, BlameAnswer>(
        "memory_blame",
        "Why a file changed",
        "Lists the edits of a file with the request each was made for and what was said about it. Use it before changing code \
         whose reason is not clear.",
        read_only_annotations(),
    )
}

pub(super) fn run_tool(memory: &Memory, caller: &Caller, arguments: Value) -> ToolOutcome {
    let arguments: BlameToolInput = parse_arguments(arguments, USAGE)?;
    let projects = resolve_project_rows(memory, arguments.project.as_deref(), caller.directory.as_deref())?;
    let limit = check_range(arguments.limit, 10, 1, MAX_REQUESTS, "limit")?;
    let mut blame = memory.blame_file(&arguments.file, projects, MAX_REQUESTS)?;
    grade_edits(memory, caller, &arguments.file, &mut blame);
    blame.edits.truncate(limit);
    let found = BlameAnswer::from(blame);
    let text = render_edits(&found);
    build_quoting_reply(&found, &text)
}

/// Adds grades if the file lies in a repository here; without one, the history is in the order of time.
fn grade_edits(memory: &Memory, caller: &Caller, file: &str, blame: &mut Blame) {
    let folder = caller.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    let path = folder.join(file);
    let Some(parent) = path.parent().filter(|_| path.is_file() && !blame.edits.is_empty()) else { return };
    let graded = memory.open_repository(parent).and_then(|repository| {
        let inside = repository.relative_path(&path, &folder)?;
        memory.grade_blame(blame, &repository, &inside, caller.now)
    });
    if let Err(error) = graded {
        tracing::debug!(%error, file, "edits have no grade");
    }
}

fn render_edits(found: &BlameAnswer) -> String {
    let mut text = String::new();
    for entry in &found.edits {
        let branch = entry.git_branch.as_deref().filter(|branch| !branch.is_empty());
        let branch = branch.map(|branch| format!(" · branch {branch}")).unwrap_or_default();
        let grade = entry.grade.as_ref().zip(entry.lines);
        let grade = grade.map(|(grade, lines)| format!(" · {grade}: {lines} lines now")).unwrap_or_default();
        let _ = writeln!(
            text,
            "- {} · {}{branch}{grade} · “{}” · {} · session {}",
            format_minute(&entry.ts),
            entry.project,
            entry.title,
            format_count(entry.edits.len() as u64, "edit"),
            session_label(&entry.session_id)
        );
        for (what, excerpt) in [("asked", &entry.request), ("said", &entry.explanation)] {
            if let Some(excerpt) = excerpt {
                let _ = writeln!(
                    text,
                    "{what}: {}",
                    quote_labelled(&message_label(&excerpt.trust, &excerpt.id), &excerpt.text)
                );
            }
        }
    }
    if !found.readers.is_empty() {
        text.push_str("Named without being changed:\n");
    }
    for session in &found.readers {
        let _ = writeln!(text, "{}", format_session(session));
    }
    if text.is_empty() {
        text.push_str("No session named this file.\n");
    }
    text
}
