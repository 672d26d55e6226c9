//! `memory_sessions`: sessions by project, file or what was said in them.

use rmcp::model::Tool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::timeline::{page, render};
use super::{Outcome, define, parse, projects_of, quoting, reading, time_of, within};
use crate::domain::{Detail, Filter, Query};
use crate::mcp::caller::Caller;
use crate::mcp::error::Failure;
use crate::mcp::wire::sessions::{SessionEntry, SessionsAnswer};
use crate::memory::Memory;
use crate::store::SessionFilter;

const USAGE: &str = "everything is optional, for example {\"query\": \"connection pool\", \"file\": \"src/pool.rs\"}";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
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

pub(super) fn definition() -> Tool {
    define::<Arguments, SessionsAnswer>(
        "memory_sessions",
        "Find sessions",
        "Finds whole sessions by what was talked about, by file or by time. Use it to choose one for memory_get or memory_handoff.",
        reading(),
    )
}

pub(super) fn call(memory: &Memory, caller: &Caller, arguments: Value) -> Outcome {
    let arguments: Arguments = parse(arguments, USAGE)?;
    let limit = within(arguments.limit, 10, 1, 50, "limit")?;
    let filter = SessionFilter {
        projects: projects_of(memory, arguments.project.as_deref(), caller.directory.as_deref())?,
        after: time_of(arguments.after.as_deref(), caller.now, USAGE)?,
        before: time_of(arguments.before.as_deref(), caller.now, USAGE)?,
        file: arguments.file,
        subagents: arguments.subagents.unwrap_or(false),
        oldest_first: false,
    };
    let found = match arguments.query.filter(|query| !query.trim().is_empty()) {
        Some(query) => by_talk(memory, caller, &filter, query, limit)?,
        None => page(memory, &filter, arguments.cursor.as_deref(), limit)?,
    };
    let text = render(&found, false);
    quoting(&found, &text)
}

/// The sessions of the best messages, in their order.
fn by_talk(
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
        here: memory.projects_here(caller.directory.as_deref()),
        limit: 50,
        detail: Detail::Index,
        ..Query::about(query)
    };
    let mut sessions: Vec<SessionEntry> = Vec::new();
    for hit in memory.search(&query, caller.now)?.hits {
        if sessions.len() == limit {
            break;
        }
        if hit.source != "saved" && sessions.iter().all(|known| known.session_id != hit.session) {
            sessions.push(memory.session_named(&hit.session)?.into());
        }
    }
    Ok(SessionsAnswer { sessions, next_cursor: None })
}
