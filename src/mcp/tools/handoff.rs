//! `memory_handoff`: a session, handed over to the next one.

use std::fmt::Write as _;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::timeline::line;
use super::{Outcome, define, parse, projects_of, quote, quoting, reading};
use crate::mcp::caller::Caller;
use crate::mcp::wire::history::HandoffAnswer;
use crate::memory::Memory;

const USAGE: &str = "everything is optional, for example {\"session_id\": \"545308f1\"}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Default: the session before this one.
    session_id: Option<String>,
    /// Where to look for it: "current" (default), "all", or a project's name or path.
    project: Option<String>,
}

pub(super) fn definition() -> Tool {
    define::<Arguments, HandoffAnswer>(
        "memory_handoff",
        "Hand a session over",
        "Says what a session was asked, what it left open and how it ended, in its own words. Use it to go on where an earlier \
         session stopped.",
        reading(),
    )
}

pub(super) fn call(memory: &Memory, caller: &Caller, arguments: Value) -> Outcome {
    let arguments: Arguments = parse(arguments, USAGE)?;
    let here = caller.directory.as_ref().map(|_| "current");
    let project = arguments.project.as_deref().or(here);
    let projects = projects_of(memory, project, caller.directory.as_deref())?;
    let handoff = memory.handoff(arguments.session_id.as_deref(), projects, caller.session.as_deref())?;
    let found = HandoffAnswer::from(handoff);
    let text = render(&found);
    quoting(&found, &text)
}

pub(in crate::mcp) fn render(found: &HandoffAnswer) -> String {
    let mut text = format!("{}\n", line(&found.session));
    if let Some(summary) = &found.summary {
        let _ = writeln!(text, "summary by the client ({}):\n{}", summary.id, quote(&summary.text));
    }
    for (number, request) in found.requests.iter().enumerate() {
        if number == 1 && found.left_out > 0 {
            let _ = writeln!(text, "({} requests in between are left out)", found.left_out);
        }
        let _ = writeln!(text, "asked ({}):\n{}", request.id, quote(&request.text));
    }
    for step in &found.open {
        let _ = writeln!(text, "open, {}: {}", step.status, step.content);
    }
    for said in &found.last {
        let _ = writeln!(text, "said at the end ({}):\n{}", said.id, quote(&said.text));
    }
    text
}
