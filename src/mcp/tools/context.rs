//! `memory_context`: gathers memories relevant to a task, within a token budget.

use std::fmt::Write as _;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::quotation::{author_label, begins_with, quote_labelled, short_id};
use super::{
    ToolOutcome, build_quoting_reply, build_tool, estimate_tokens, format_minute, parse_arguments,
    read_only_annotations, resolve_project_rows, text_budget,
};
use crate::domain::SearchMode;
use crate::domain::names::choose_value;
use crate::mcp::caller::Caller;
use crate::mcp::schema::NameOf;
use crate::mcp::wire::history::PackAnswer;
use crate::memory::{Memory, PackRequest, PackStyle};

const USAGE: &str =
    "`task` is needed, for example {\"task\": \"fix the login redirect\", \"files\": [\"src/auth.rs\"]}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ContextToolInput {
    /// What is to be done.
    task: String,
    /// Files that it concerns.
    files: Option<Vec<String>>,
    /// An error message to be overcome.
    error: Option<String>,
    /// Default 1200.
    max_tokens: Option<usize>,
    /// Default balanced.
    #[schemars(with = "Option<NameOf<PackStyle>>")]
    style: Option<String>,
    /// "all" (default), "current", or a project's name or path.
    project: Option<String>,
}

pub(super) fn define_tool() -> Tool {
    build_tool::<ContextToolInput, PackAnswer>(
        "memory_context",
        "Context for a task",
        "Gathers what earlier sessions say about a task, its files and its error, without what was already injected. \
         Use it once when work on something begins.",
        read_only_annotations(),
    )
}

pub(super) fn run_tool(memory: &Memory, caller: &Caller, arguments: Value) -> ToolOutcome {
    let arguments: ContextToolInput = parse_arguments(arguments, USAGE)?;
    let style = arguments.style.as_deref().unwrap_or(PackStyle::default().name());
    let style = choose_value("style", style, &PackStyle::ALL)?;
    let request = PackRequest {
        task: arguments.task,
        files: arguments.files.unwrap_or_default(),
        error: arguments.error,
        max_tokens: text_budget(arguments.max_tokens, 1200, 20_000),
        style,
        projects: resolve_project_rows(memory, arguments.project.as_deref(), caller.directory.as_deref())?,
        here: memory.current_projects(caller.directory.as_deref()),
        session: caller.session.clone(),
        mode: SearchMode::Hybrid,
    };
    let mut pack = memory.build_pack(&request, caller.now)?;
    if let Some(session) = &caller.session
        && let Err(error) = memory.record_injection(session, "memory_context", &pack, caller.now)
    {
        pack.warnings.push(format!("these may be injected again: {error}"));
    }
    let mut pack = PackAnswer::from(pack);
    let text = render_pack(&pack);
    pack.tokens = estimate_tokens(&text);
    build_quoting_reply(&pack, &text)
}

/// Renders the items as a numbered list, each with its source. The first line says if they hardly match.
pub fn render_pack(pack: &PackAnswer) -> String {
    let mut text = match pack.confidence.as_deref() {
        _ if pack.items.is_empty() => String::new(),
        Some("weak") => "Perhaps:\n".to_owned(),
        Some("none") => "Nothing here speaks of that. Nearest, probably unrelated:\n".to_owned(),
        _ => String::new(),
    };
    for warning in &pack.warnings {
        let _ = writeln!(text, "note: {warning}");
    }
    for (number, item) in (1..).zip(&pack.items) {
        let (when, project, why) = (format_minute(&item.ts), &item.project, &item.why);
        let title = if item.title.is_empty() || begins_with(&item.text, &item.title) {
            String::new()
        } else {
            format!(" · “{}”", item.title)
        };
        let _ = writeln!(text, "{number}. {when} · {project}{title} ({why})");
        let label = format!("{} {}", author_label(&item.trust, item.said_by.as_ref()), short_id(&item.id));
        let _ = writeln!(text, "{}", quote_labelled(&label, &item.text));
    }
    if pack.items.is_empty() {
        text.push_str("Nothing here speaks of that.\n");
    }
    if pack.given_before > 0 {
        let _ = writeln!(text, "{} more were already injected into this session.", pack.given_before);
    }
    text
}
