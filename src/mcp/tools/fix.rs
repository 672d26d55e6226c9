//! `memory_fix`: how an error was overcome before.

use std::fmt::Write as _;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Outcome, define, minute, parse, projects_of, quote, quoting, reading, session_label, within};
use crate::domain::Mode;
use crate::domain::text::signature::signature;
use crate::mcp::caller::Caller;
use crate::mcp::wire::history::{FixAnswer, FixEntry};
use crate::memory::{ErrorPlace, Memory};

const USAGE: &str = "`error` is needed, for example {\"error\": \"E0382: use of moved value\"}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The error message, as it was printed.
    error: String,
    /// "all" (default), "current", or a project's name or path.
    project: Option<String>,
    /// Occurrences, 1-20. Default 3.
    #[schemars(range(min = 1, max = 20))]
    limit: Option<usize>,
}

pub(super) fn definition() -> Tool {
    define::<Arguments, FixAnswer>(
        "memory_fix",
        "How an error ended",
        "Finds earlier occurrences of an error and what was said and changed when it was overcome. Use it before investigating \
         an error.",
        reading(),
    )
}

pub(super) fn call(memory: &Memory, caller: &Caller, arguments: Value) -> Outcome {
    let arguments: Arguments = parse(arguments, USAGE)?;
    let place = ErrorPlace {
        projects: projects_of(memory, arguments.project.as_deref(), caller.directory.as_deref())?,
        here: memory.projects_here(caller.directory.as_deref()),
        not_session: caller.session.clone(),
        mode: Mode::Hybrid,
    };
    let limit = within(arguments.limit, 3, 1, 20, "limit")?;
    let fixes = memory.fixes(&arguments.error, place, limit, caller.now)?;
    let found =
        FixAnswer { signature: signature(&arguments.error), fixes: fixes.into_iter().map(FixEntry::from).collect() };
    let text = render(&found);
    quoting(&found, &text)
}

fn render(found: &FixAnswer) -> String {
    let mut text = String::new();
    for fix in &found.fixes {
        let _ = writeln!(
            text,
            "- {} · {} · session {}\n   seen ({}, {}):\n{}",
            minute(&fix.error.ts),
            fix.project,
            session_label(&fix.session_id),
            fix.error.trust,
            fix.error.id,
            quote(&fix.error.text)
        );
        match &fix.conclusion {
            Some(said) => {
                let _ = writeln!(text, "   ended ({}, {}):\n{}", said.trust, said.id, quote(&said.text));
            }
            None => text.push_str("   nothing was said after it\n"),
        }
        if !fix.files.is_empty() {
            let _ = writeln!(text, "   changed: {}", fix.files.join(", "));
        }
        if fix.came_back {
            text.push_str("   it came back later in that session\n");
        }
    }
    if found.fixes.is_empty() {
        text.push_str("This error was not met before.\n");
    }
    text
}
