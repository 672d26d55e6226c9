//! `memory_sessions`: finds sessions by project, file or content.

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::timeline::{read_page, render_sessions};
use super::{
    ToolOutcome, build_quoting_reply, build_tool, check_range, parse_arguments, parse_time, read_only_annotations,
    resolve_project_rows,
};
use crate::domain::{Detail, Failure, Filter, Query};
use crate::mcp::caller::Caller;
use crate::mcp::wire::sessions::{SessionEntry, SessionsAnswer};
use crate::memory::Memory;
use crate::store::SessionFilter;

const USAGE: &str = "everything is optional, for example {\"query\": \"connection pool\", \"file\": \"src/pool.rs\"}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SessionsToolInput {
    /// What was talked about; without it the newest come first.
    query: Option<String>,
    /// "all" (default), "current", or a project's name or path.
    project: Option<String>,
    /// Only sessions that touched this file.
    file: Option<String>,
    /// Not before.
    after: Option<String>,
    /// Before.
    before: Option<String>,
    /// Subagents as sessions of their own too.
    subagents: Option<bool>,
    /// Sessions, 1-50. Default 10.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<usize>,
    /// From `next_cursor`.
    cursor: Option<String>,
}

pub(super) fn define_tool() -> Tool {
    build_tool::<SessionsToolInput, SessionsAnswer>(
        "memory_sessions",
        "Find sessions",
        "Finds whole sessions by what was talked about, by file or by time. Use it to choose one for memory_get or memory_handoff.",
        read_only_annotations(),
    )
}

pub(super) fn run_tool(memory: &Memory, caller: &Caller, arguments: Value) -> ToolOutcome {
    let arguments: SessionsToolInput = parse_arguments(arguments, USAGE)?;
    let limit = check_range(arguments.limit, 10, 1, 50, "limit")?;
    let filter = SessionFilter {
        projects: resolve_project_rows(memory, arguments.project.as_deref(), caller.directory.as_deref())?,
        after: parse_time(arguments.after.as_deref(), caller.now, USAGE)?,
        before: parse_time(arguments.before.as_deref(), caller.now, USAGE)?,
        file: arguments.file,
        subagents: arguments.subagents.unwrap_or(false),
        oldest_first: false,
    };
    let found = match arguments.query.filter(|query| !query.trim().is_empty()) {
        Some(_) if arguments.cursor.is_some() => {
            return Err(Failure::invalid_arguments("cursor pages a list by time; with `query` raise `limit`", USAGE));
        }
        Some(query) => find_by_content(memory, caller, &filter, query, limit)?,
        None => read_page(memory, &filter, arguments.cursor.as_deref(), limit)?,
    };
    let text = render_sessions(&found, false);
    build_quoting_reply(&found, &text)
}

/// Returns the sessions of the best matching messages, best first.
fn find_by_content(
    memory: &Memory,
    caller: &Caller,
    filter: &SessionFilter,
    query: String,
    limit: usize,
) -> Result<SessionsAnswer, Failure> {
    let query = Query {
        filter: Filter {
            projects: filter.projects.clone(),
            after: filter.after,
            before: filter.before,
            file: filter.file.clone(),
            ..Filter::default()
        },
        here: memory.current_projects(caller.directory.as_deref()),
        limit: 50,
        detail: Detail::Index,
        ..Query::for_text(query)
    };
    let mut sessions: Vec<SessionEntry> = Vec::new();
    for hit in memory.search(&query, caller.now)?.hits {
        if sessions.len() == limit {
            break;
        }
        if hit.source != "saved" && sessions.iter().all(|known| *known.session_id != *hit.session) {
            sessions.push(memory.find_session(&hit.session)?.into());
        }
    }
    Ok(SessionsAnswer { sessions, next_cursor: None })
}
