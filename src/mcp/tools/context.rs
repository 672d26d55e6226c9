//! `memory_context`: what a task should start with.

use std::fmt::Write as _;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Outcome, define, minute, parse, projects_of, quote, quoting, reading, within};
use crate::domain::Mode;
use crate::mcp::caller::Caller;
use crate::mcp::error::Failure;
use crate::mcp::wire::history::PackAnswer;
use crate::memory::{Memory, PackRequest, Style};

const USAGE: &str =
    "`task` is needed, for example {\"task\": \"fix the login redirect\", \"files\": [\"src/auth.rs\"]}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// What is to be done.
    task: String,
    /// Files that it concerns.
    files: Option<Vec<String>>,
    /// An error message to be overcome.
    error: Option<String>,
    /// Default 1200.
    max_tokens: Option<usize>,
    /// Default balanced.
    #[schemars(with = "Option<StyleName>")]
    style: Option<String>,
    /// "all" (default), "current", or a project's name or path.
    project: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum StyleName {
    Conservative,
    Balanced,
    Comprehensive,
}

pub(super) fn definition() -> Tool {
    define::<Arguments, PackAnswer>(
        "memory_context",
        "Context for a task",
        "Gathers what earlier sessions say about a task, its files and its error, and nothing this session was given before. \
         Use it once when work on something begins.",
        reading(),
    )
}

pub(super) fn call(memory: &Memory, caller: &Caller, arguments: Value) -> Outcome {
    let arguments: Arguments = parse(arguments, USAGE)?;
    let style = arguments.style.as_deref().unwrap_or("balanced");
    let style = Style::from_name(style).ok_or_else(|| {
        Failure::arguments(format!("style is {style:?}"), "it must be conservative, balanced or comprehensive")
    })?;
    let request = PackRequest {
        task: arguments.task,
        files: arguments.files.unwrap_or_default(),
        error: arguments.error,
        max_tokens: within(arguments.max_tokens, 1200, 50, 20_000, "max_tokens")?,
        style,
        projects: projects_of(memory, arguments.project.as_deref(), caller.directory.as_deref())?,
        here: memory.projects_here(caller.directory.as_deref()),
        session: caller.session.clone(),
        mode: Mode::Hybrid,
    };
    let mut pack = memory.pack(&request, caller.now)?;
    if let Some(session) = &caller.session
        && let Err(error) = memory.remember_given(session, &pack.ids())
    {
        pack.warnings.push(format!("these may be handed out again: {error}"));
    }
    let pack = PackAnswer::from(pack);
    let text = render(&pack);
    quoting(&pack, &text)
}

/// The items as a numbered list, each with its source.
pub fn render(pack: &PackAnswer) -> String {
    let mut text = String::new();
    for warning in &pack.warnings {
        let _ = writeln!(text, "note: {warning}");
    }
    for (number, item) in (1..).zip(&pack.items) {
        let _ = writeln!(
            text,
            "{number}. {} · {} · {} {} · {} ({})\n{}\n   {}",
            minute(&item.ts),
            item.project,
            item.role,
            item.trust,
            item.title,
            item.why,
            quote(&item.text),
            item.uri
        );
    }
    if pack.items.is_empty() {
        text.push_str("Nothing is known about this.\n");
    }
    if pack.given_before > 0 {
        let _ = writeln!(text, "{} more were given to this session before.", pack.given_before);
    }
    text
}
