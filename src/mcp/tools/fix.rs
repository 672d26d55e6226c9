//! `memory_fix`: finds earlier occurrences of an error and how they ended.

use std::fmt::Write as _;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::quotation::{message_label, quote_labelled};
use super::{
    ToolOutcome, build_quoting_reply, build_tool, check_range, format_minute, parse_arguments, read_only_annotations,
    resolve_project_rows, session_label,
};
use crate::domain::SearchMode;
use crate::domain::text::signature::error_signature;
use crate::mcp::caller::Caller;
use crate::mcp::wire::history::{FixAnswer, FixEntry};
use crate::mcp::wire::outgoing::{SafeText, sanitize_name};
use crate::memory::{ErrorScope, Memory};

const USAGE: &str = "`error` is needed, for example {\"error\": \"E0382: use of moved value\"}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FixToolInput {
    /// The error message, as it was printed.
    error: String,
    /// "all" (default), "current", or a project's name or path.
    project: Option<String>,
    /// Occurrences, 1-20. Default 3.
    #[schemars(range(min = 1, max = 20))]
    limit: Option<usize>,
}

pub(super) fn define_tool() -> Tool {
    build_tool::<FixToolInput, FixAnswer>(
        "memory_fix",
        "How an error ended",
        "Finds earlier occurrences of an error and what was said and changed when it was overcome. Use it before investigating \
         an error.",
        read_only_annotations(),
    )
}

pub(super) fn run_tool(memory: &Memory, caller: &Caller, arguments: Value) -> ToolOutcome {
    let arguments: FixToolInput = parse_arguments(arguments, USAGE)?;
    let place = ErrorScope {
        projects: resolve_project_rows(memory, arguments.project.as_deref(), caller.directory.as_deref())?,
        here: memory.current_projects(caller.directory.as_deref()),
        not_session: caller.session.clone(),
        mode: SearchMode::Hybrid,
    };
    let limit = check_range(arguments.limit, 3, 1, 20, "limit")?;
    let fixes = memory.find_fixes(&arguments.error, place, limit, caller.now)?;
    let found = FixAnswer {
        signature: sanitize_name(&error_signature(&arguments.error)),
        fixes: fixes.into_iter().map(FixEntry::from).collect(),
    };
    let text = render_fixes(&found);
    build_quoting_reply(&found, &text)
}

fn render_fixes(found: &FixAnswer) -> String {
    let mut text = String::new();
    for fix in &found.fixes {
        let (when, session) = (format_minute(&fix.error.ts), session_label(&fix.session_id));
        let _ = writeln!(text, "- {when} · {} · session {session}", fix.project);
        let _ = writeln!(
            text,
            "seen: {}",
            quote_labelled(&message_label(&fix.error.trust, &fix.error.id), &fix.error.text)
        );
        match &fix.conclusion {
            Some(said) => {
                let _ = writeln!(
                    text,
                    "how it ended: {}",
                    quote_labelled(&message_label(&said.trust, &said.id), &said.text)
                );
            }
            None => text.push_str("nothing was said after it\n"),
        }
        if !fix.files.is_empty() {
            let files: Vec<&str> = fix.files.iter().map(SafeText::as_str).collect();
            let _ = writeln!(text, "changed: {}", files.join(", "));
        }
        if fix.came_back {
            text.push_str("it came back later in that session\n");
        }
    }
    if found.fixes.is_empty() {
        text.push_str("This error was not met before.\n");
    }
    text
}
