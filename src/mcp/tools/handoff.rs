//! `memory_handoff`: summarises a session for the next one to continue.

use std::fmt::Write as _;

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::quotation::{message_label, quote_labelled, short_id};
use super::timeline::format_session;
use super::{
    ToolOutcome, build_quoting_reply, build_tool, parse_arguments, read_only_annotations, resolve_project_rows,
};
use crate::domain::text::counts::format_count;
use crate::mcp::caller::Caller;
use crate::mcp::wire::history::HandoffAnswer;
use crate::memory::Memory;

const USAGE: &str = "everything is optional, for example {\"session_id\": \"545308f1\"}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HandoffToolInput {
    /// Default: the session before this one.
    session_id: Option<String>,
    /// Where to look for it: "current" (default), "all", or a project's name or path.
    project: Option<String>,
}

pub(super) fn define_tool() -> Tool {
    build_tool::<HandoffToolInput, HandoffAnswer>(
        "memory_handoff",
        "Hand a session over",
        "Says what a session was asked, what it left open and how it ended, in its own words. Use it to go on where an earlier \
         session stopped.",
        read_only_annotations(),
    )
}

pub(super) fn run_tool(memory: &Memory, caller: &Caller, arguments: Value) -> ToolOutcome {
    let arguments: HandoffToolInput = parse_arguments(arguments, USAGE)?;
    let here = caller.directory.as_ref().map(|_| "current");
    let project = arguments.project.as_deref().or(here);
    let projects = resolve_project_rows(memory, project, caller.directory.as_deref())?;
    let handoff = memory.build_handoff(arguments.session_id.as_deref(), projects, caller.session.as_deref())?;
    let found = HandoffAnswer::from(handoff);
    let text = render_handoff(&found);
    build_quoting_reply(&found, &text)
}

pub(in crate::mcp) fn render_handoff(found: &HandoffAnswer) -> String {
    let mut text = format!("{}\n", format_session(&found.session));
    if let Some(summary) = &found.summary {
        let _ = writeln!(text, "summary by the client {}", quote_labelled(&short_id(&summary.id), &summary.text));
    }
    for (number, request) in found.requests.iter().enumerate() {
        if number == 1 && found.left_out > 0 {
            let _ = writeln!(text, "({} in between left out)", format_count(found.left_out as u64, "request"));
        }
        let _ = writeln!(text, "asked: {}", quote_labelled(&message_label(&request.trust, &request.id), &request.text));
    }
    for step in &found.open {
        let _ = writeln!(text, "open, {}: {}", step.status, step.content);
    }
    for said in &found.last {
        let _ =
            writeln!(text, "said at the end: {}", quote_labelled(&message_label(&said.trust, &said.id), &said.text));
    }
    text
}
